#!/usr/bin/env bash
# Installs what building and testing need and this machine lacks. Asks nothing, changes nothing that is there
# already, and takes a moment when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }

# package, and how to see that it is there
missing=()
need() { "${@:2}" || missing+=("$1"); }
file() { compgen -G "$1" >/dev/null; }

need gcc has cc
need git has git
need curl has curl
need postgresql file '/usr/lib/postgresql/*/bin/initdb'
need chromium has chromium
need fonts-noto-core file '/usr/share/fonts/truetype/noto/NotoSansBengali-Regular.*'
need nftables has nft
need iproute2 has ip
need ethtool has ethtool
need iputils-ping has ping
need faketime has faketime
need openssl has openssl
need python3-venv file '/usr/lib/python3*/ensurepip/__init__.py'

if [ ${#missing[@]} -gt 0 ]; then
  command="apt-get install -y --no-install-recommends ${missing[*]}"
  has apt-get || fail "missing: ${missing[*]}. This is no Debian: install them by its own means."
  if [ "$(id -u)" = 0 ]; then as_root=(); elif sudo -n true 2>/dev/null; then as_root=(sudo); else
    fail "missing: ${missing[*]}. Run as root: $command"
  fi
  say "installing ${missing[*]}"
  log=$(mktemp)
  { "${as_root[@]}" apt-get update -q && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive $command; } >"$log" 2>&1 </dev/null ||
    { tail -30 "$log" >&2; fail "apt-get failed: $command"; }
  rm -f "$log"
fi

has cargo || fail "cargo is missing: install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer (https://rustup.rs)"
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
have=$(rustc --version | awk '{print $2}')
[ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -1)" = "$wanted" ] || fail "rustc $have is older than $wanted"
for component in clippy rustfmt; do
  cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component" ||
    fail "$component is missing: rustup component add $component"
done
cargo nextest --version >/dev/null 2>&1 || {
  say "building cargo-nextest (once, some minutes)"
  cargo install --quiet --locked cargo-nextest --version 0.9.143 --target-dir "${LASTMILE_CACHE:-$HOME/.cache/lastmile}/tools"
}

has node && has npm || fail "node and npm are missing: install Node.js 20.19 or newer"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
  fail "node $(node --version) is older than 20.19"

# Clients that others wrote, for tests and benchmarks.
tests/peers/venv.sh >/dev/null || fail "the Python environment of the peers cannot be made"
