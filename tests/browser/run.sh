#!/usr/bin/env bash
# The browser tests, one after the other: each starts what it needs.
set -euo pipefail
cd "$(dirname "$0")"
for test in journey.mjs access.mjs branches.mjs office.mjs; do
  printf '%s\n' "$test"
  timeout --kill-after=10 420 node "$test"
done
