#!/usr/bin/env bash
# Fetches the packages of the pages once per lock file, and builds the page bundle once per state of its sources.
# A checkout without pages is none of its business: the controller works without them and says so.
set -euo pipefail
cd "$(dirname "$0")/../controller/ui" 2>/dev/null || exit 0
[ -f package.json ] || exit 0

hash_of() { sha256sum | cut -c1-32; }

packages=$(hash_of <package-lock.json)
if [ "$(cat node_modules/.lastmile-lock 2>/dev/null)" != "$packages" ]; then
  npm ci --no-audit --no-fund --loglevel=error </dev/null
  echo "$packages" >node_modules/.lastmile-lock
fi
[ "${1:-}" = packages ] && exit 0

sources=$({ find . \( -name node_modules -o -name dist \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; } | hash_of)
if [ "$(cat node_modules/.lastmile-bundle 2>/dev/null)" != "$sources" ] || [ ! -d dist ]; then
  first=$([ -d dist ] || echo yes)
  log=$(mktemp)
  npm run --silent build >"$log" 2>&1 </dev/null || { cat "$log" >&2; exit 1; }
  rm -f "$log"
  echo "$sources" >node_modules/.lastmile-bundle
  # A release build that had no pages to watch looks at this file instead.
  [ -z "$first" ] || touch index.html
fi
