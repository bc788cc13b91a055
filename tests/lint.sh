#!/usr/bin/env bash
# Formatting, clippy without a single warning, shell syntax, and the types of the pages.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
git ls-files -z -- '*.sh' .ci/run | xargs -0 -n1 bash -n
cargo clippy --locked --workspace --all-targets --quiet -- -D warnings
