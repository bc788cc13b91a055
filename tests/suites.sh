#!/usr/bin/env bash
# Everything CI runs, cheap suites first, and the time each took. Stops at the first suite that fails.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=${CARGO_TARGET_DIR:-target}/debug
ui=controller/ui
table=()
began=$SECONDS

report() {
  printf '\n%-34s %10s\n' suite seconds
  [ ${#table[@]} -eq 0 ] || printf '%s\n' "${table[@]}"
  printf '%-34s %10d\n' "all" $((SECONDS - began))
}

suite() {
  local name=$1 from=$SECONDS
  shift
  printf '\n── %s\n' "$name"
  if "$@" </dev/null; then
    table+=("$(printf '%-34s %10d' "$name" $((SECONDS - from)))")
  else
    table+=("$(printf '%-34s %10d  FAILED' "$name" $((SECONDS - from)))")
    report
    exit 1
  fi
}

pages() { deploy/pages.sh && [ ! -f $ui/package.json ] || (cd $ui && npm run --silent test); }

# The contract of the HTTP interface is a file in the tree: it must be what the programs say today.
contract() {
  [ -f $ui/openapi.json ] || return 0
  local made
  made=$(mktemp -d) && trap 'rm -rf "$made"; trap - RETURN' RETURN
  "$bin/lastmile-controller" openapi >"$made/openapi.json" &&
    diff -u $ui/openapi.json "$made/openapi.json" >"$made/diff" ||
    { head -40 "$made/diff"; echo "openapi.json is not what the controller says: lastmile-controller openapi > $ui/openapi.json"; return 1; }
  (cd $ui && npx --no-install openapi-typescript openapi.json -o "$made/schema.d.ts" >/dev/null) &&
    cmp "$made/schema.d.ts" $ui/src/api/schema.d.ts ||
    { echo "schema.d.ts is not made from openapi.json: npm run api"; return 1; }
}

# Programs and tests in one go: asked for apart, cargo would build half of the dependencies twice,
# since tests switch on features that programs do not have.
build() { cargo build --locked --quiet --workspace --bins --tests; }
rust() { "$bin/lastmile-testbed" postgres -- cargo nextest run --locked --workspace --no-tests=fail; }
browser() { [ ! -x tests/browser/run.sh ] || tests/browser/run.sh; }

suite "lint" tests/lint.sh
suite "pages: types, unit tests, bundle" pages
suite "programs and tests: build" build
suite "contract: openapi, schema" contract
suite "tests: rust, two databases" rust
suite "tests: browser" browser
report
