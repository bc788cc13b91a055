#!/usr/bin/env bash
# The long ones: tests that are marked `#[ignore]` because they take minutes, not because they are broken.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${CARGO_TARGET_DIR:-target}/debug
exec "$bin/lastmile-testbed" postgres -- cargo nextest run --locked --workspace --run-ignored only --no-tests=pass
