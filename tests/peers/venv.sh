#!/usr/bin/env bash
# The Python environment of the peers: made once, and again when requirements.txt changes. Prints its python.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=${LASTMILE_CACHE:-$HOME/.cache/lastmile}/venv
mkdir -p "$(dirname "$venv")"
exec 9>"$venv.lock"
flock 9
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
  # Debian's own Python where there is one: it is the one whose venv module the set-up script installs.
  python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  rm -rf "$venv"
  "$python" -m venv "$venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$venv/requirements.txt"
fi
echo "$venv/bin/python"
