#!/usr/bin/env python3
"""Checks the RouterOS simulator by librouteros, a client that others wrote.

Exit code 0 when everything is as on a real router; else the first difference, on standard error.
"""

import argparse
import sys

from librouteros import connect
from librouteros.exceptions import LibRouterosError, TrapError
from librouteros.login import plain, token
from librouteros.query import And, Key, Or

MARK = "lastmile:peer"


def expect(what, have, want):
    if have != want:
        sys.exit(f"{what}: have {have!r}, want {want!r}")
    print(f"ok  {what}")


def expect_trap(what, part, command):
    try:
        command()
    except TrapError as error:
        if part not in str(error):
            sys.exit(f"{what}: the trap says {error!s}, not {part!r}")
        print(f"ok  {what}: {error!s}")
        return
    sys.exit(f"{what}: no trap")


def check_login(args, method):
    try:
        connect(host=args.host, port=args.port, username=args.user, password="wrong", login_method=method)
    except LibRouterosError as error:
        print(f"ok  wrong password refused: {error!s}")
    else:
        sys.exit("a wrong password was let in")
    return connect(
        host=args.host, port=args.port, username=args.user,
        password=args.password, login_method=method, timeout=20,
        encoding="utf-8",
    )


def check_reading(api, args):
    secrets = api.path("ppp", "secret")
    name, profile, disabled = Key("name"), Key("profile"), Key("disabled")
    rows = list(secrets.select(name, profile))
    expect("all foreign secrets are printed", len(rows), args.subscribers)
    expect("only what was asked for", set(rows[0]), {"name", "profile"})
    expect("query by equality", list(secrets.select(name).where(name == "sub00002")), [{"name": "sub00002"}])
    both = secrets.select(name).where(Or(name == "sub00001", name == "sub00003"))
    expect("query with or", sorted(row["name"] for row in both), ["sub00001", "sub00003"])
    none = secrets.select(name).where(And(name == "sub00001", disabled == True))  # noqa: E712
    expect("query with and, nothing found (!empty or not)", list(none), [])
    active = list(api.path("ppp", "active").select(Key("name"), Key("session-id"), Key("uptime")))
    expect("everybody is online", len(active), args.subscribers)
    interfaces = api.path("interface").select(Key("name"), Key("tx-byte"), Key("rx-byte"))
    sessions = list(interfaces.where(Key("type") == "pppoe-in"))
    expect("an interface for each session", len(sessions), args.subscribers)
    expect("named after the user", sessions[0]["name"], "<pppoe-sub00001>")
    queues = list(api.path("queue", "simple").select(Key("name"), Key("bytes"), Key("max-limit"), Key("dynamic")))
    expect("a queue for each session", len(queues), args.subscribers)
    expect("composite counters", len(queues[0]["bytes"].split("/")), 2)
    expect("limits in plain bit/s", queues[0]["max-limit"], "10000000/10000000")
    resource = next(iter(api.path("system", "resource")))
    expect("the version", resource["version"], f"{args.version} (stable)")
    expect("identity", next(iter(api.path("system", "identity")))["name"], "sim-router")
    expect("count-only", api.rawCmd("/ppp/active/print", "=count-only=") is not None, True)


def check_writing(api):
    profiles, secrets = api.path("ppp", "profile"), api.path("ppp", "secret")
    profile_id = profiles.add(**{"name": "peer-10M", "rate-limit": "5M/10M"})
    expect("add returns an id", profile_id.startswith("*"), True)
    secret_id = secrets.add(name="peer-1", password="p=w, d", service="pppoe", profile="peer-10M", comment=MARK)
    key = Key("name")
    fields = (Key(".id"), Key("name"), Key("password"), Key("profile"), Key("disabled"), Key("comment"))
    row = lambda who: next(iter(secrets.select(*fields).where(key == who)), None)
    expect(
        "the new secret reads back",
        row("peer-1"),
        {".id": secret_id, "name": "peer-1", "password": "p=w, d", "profile": "peer-10M", "disabled": False,
         "comment": MARK},
    )
    expect_trap("a duplicate is refused", "already exists", lambda: secrets.add(name="peer-1", password="x"))
    expect_trap("an unknown profile is refused", "profile", lambda: secrets.add(name="peer-2", profile="nowhere"))
    expect_trap("an unknown parameter is refused", "unknown parameter", lambda: secrets.add(name="p", colour="red"))
    secrets.update(**{".id": secret_id, "disabled": True})
    expect("set disables", row("peer-1")["disabled"], True)
    expect_trap("setting what is not there", "no such item", lambda: secrets.update(**{".id": "*FFFF", "disabled": True}))
    secrets.update(**{".id": secret_id, "name": "পিয়ার-ঢাকা", "comment": "বাড়ি ১২ = ছাদ"})
    expect("non-ASCII names return", row("পিয়ার-ঢাকা")["comment"], "বাড়ি ১২ = ছাদ")
    expect("the old name is gone", row("peer-1"), None)
    secrets.remove(secret_id)
    expect("remove removes", row("পিয়ার-ঢাকা"), None)
    expect_trap("removing twice", "no such item", lambda: secrets.remove(secret_id))
    profiles.remove(profile_id)
    entries = api.path("ip", "firewall", "address-list")
    entry = entries.add(**{"list": "held", "address": "10.9.8.7"})
    expect_trap(
        "a second entry of the same address", "already have such entry",
        lambda: entries.add(**{"list": "held", "address": "10.9.8.7"}),
    )
    entries.remove(entry)
    expect_trap("an unknown menu", "no such command", lambda: list(api.path("nowhere")))


def check_kick(api):
    active = api.path("ppp", "active")
    fields = (Key(".id"), Key("name"), Key("session-id"))
    who = "sub00002"
    before = next(iter(active.select(*fields).where(Key("name") == who)))
    secrets = api.path("ppp", "secret")
    secret = next(iter(secrets.select(Key(".id")).where(Key("name") == who)))
    secrets.update(**{".id": secret[".id"], "disabled": True})
    still = next(iter(active.select(*fields).where(Key("name") == who)))
    expect("disabling leaves the session alone", still, before)
    active.remove(before[".id"])
    expect("removing the active row ends it", list(active.select(*fields).where(Key("name") == who)), [])
    secrets.update(**{".id": secret[".id"], "disabled": False})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", default="lastmile")
    parser.add_argument("--password", default="testbed")
    parser.add_argument("--version", default="7.18")
    parser.add_argument("--subscribers", type=int, required=True, help="foreign subscribers, at least 3")
    parser.add_argument("--login", choices=["plain", "token"], default="plain")
    args = parser.parse_args()
    api = check_login(args, plain if args.login == "plain" else token)
    check_reading(api, args)
    check_writing(api)
    check_kick(api)
    api.close()
    print("all as on a real router")


if __name__ == "__main__":
    main()
