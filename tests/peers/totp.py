"""The code of an authenticator app at a moment, by pyotp: SECRET, and how many steps of 30 seconds from now."""

import sys
import time

import pyotp

secret, steps = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
print(pyotp.TOTP(secret).at(time.time() + 30 * steps))
