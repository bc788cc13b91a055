#!/usr/bin/env python3
"""The peer of the benchmark `routeros_rows`: reads active sessions and queues, prints a line of JSON a round."""

import argparse
import json
import time

from librouteros import connect
from librouteros.login import plain
from librouteros.query import Key


def read_once(api, active, queue):
    rows = octets = uptime = 0
    for row in api.path("ppp", "active").select(*active):
        rows += 1
        uptime += len(row["uptime"])
    for row in api.path("queue", "simple").select(*queue):
        rows += 1
        up, down = row["bytes"].split("/")
        octets += int(up) + int(down)
    return rows, octets, uptime


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--active", required=True, help="properties of /ppp/active, by commas")
    parser.add_argument("--queue", required=True, help="properties of /queue/simple, by commas")
    args = parser.parse_args()
    api = connect(
        host="127.0.0.1", port=args.port, username="lastmile", password="testbed", login_method=plain,
        timeout=60, encoding="utf-8",
    )
    active, queue = ([Key(name) for name in names.split(",")] for names in (args.active, args.queue))
    for _ in range(args.rounds + 1):
        before = time.process_time_ns()
        rows, octets, uptime = read_once(api, active, queue)
        used = time.process_time_ns() - before
        print(json.dumps({"rows": rows, "cpu_ns": used, "octets": octets, "uptime_s": uptime}), flush=True)


if __name__ == "__main__":
    main()
