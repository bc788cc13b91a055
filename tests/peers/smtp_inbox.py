"""A mail server that delivers nothing: prints its port, then every message it takes, each as a line of JSON.

The server is aiosmtpd, so that what we send is read by a program we did not write. The messages are parsed by
Python's own e-mail package.
"""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP


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


async def main():
    loop = asyncio.get_running_loop()
    inbox = Inbox()
    server = await loop.create_server(lambda: SMTP(inbox, enable_SMTPUTF8=True), "127.0.0.1", 0)
    say({"port": server.sockets[0].getsockname()[1]})
    # Whoever started it closes its input to end it.
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
