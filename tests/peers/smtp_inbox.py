"""A mail server that delivers nothing: prints its port, certificate and account, then every message it takes, each as a
line of JSON.

The server is aiosmtpd, so that what we send is read by a program we did not write. It asks for STARTTLS and then for
a user name and password, as providers do. The messages are parsed by Python's own e-mail package.
"""

import asyncio
import email
import email.policy
import json
import secrets
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

ACCOUNT = {"username": "office", "password": secrets.token_hex(12)}
CERTIFICATE = """[req]
distinguished_name = name
prompt = no
[name]
CN = 127.0.0.1
[leaf]
subjectAltName = IP:127.0.0.1
basicConstraints = critical, CA:FALSE
"""


def say(what):
    print(json.dumps(what), flush=True)


class Inbox:
    """Takes every message and prints it."""

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = message.get_body(preferencelist=("plain", "html"))
        say(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "subject": message["subject"],
                "text": body.get_content() if body else "",
            }
        )
        return "250 taken"


def certificate():
    """A certificate of its own for this address, and what TLS needs of it."""
    with tempfile.TemporaryDirectory() as folder:
        config, key, leaf = (Path(folder) / name for name in ("config", "key.pem", "leaf.pem"))
        config.write_text(CERTIFICATE)
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-days", "2", "-config", config, "-extensions", "leaf", "-keyout", key, "-out", leaf]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf, key)
        return context, leaf.read_text()


def authenticate(_server, _session, _envelope, _mechanism, given):
    """Whether this is the account."""
    known = (given.login, given.password) == tuple(text.encode() for text in ACCOUNT.values())
    return AuthResult(success=known, handled=False)


async def main():
    loop = asyncio.get_running_loop()
    context, leaf = certificate()
    inbox = Inbox()

    def conversation():
        return SMTP(
            inbox,
            enable_SMTPUTF8=True,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=authenticate,
        )

    server = await loop.create_server(conversation, "127.0.0.1", 0)
    say({"port": server.sockets[0].getsockname()[1], "ca_pem": leaf, **ACCOUNT})
    # Whoever started it closes its input to end it.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
