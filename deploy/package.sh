#!/usr/bin/env bash
# One archive for a machine without Rust: stripped binaries, units, sample configurations, licence.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
version=$(sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' Cargo.toml)
name=lastmile-$version-$(uname -m)-linux

# Apart, so that neither program carries features that only the other one asked for.
cargo build --locked --profile dist -p lastmile-agent
cargo build --locked --profile dist -p lastmile-controller

out=$target/package
rm -rf "${out:?}/$name"
install -d "$out/$name"/{bin,etc,systemd}
install -m 0755 "$target"/dist/lastmile-{agent,controller} "$out/$name/bin/"
install -m 0644 deploy/{agent,controller}.toml "$out/$name/etc/"
install -m 0644 deploy/systemd/*.service "$out/$name/systemd/"
install -m 0644 LICENSE README.md CHANGELOG.md SECURITY.md "$out/$name/"
tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct 2>/dev/null || echo 0)" \
  -czf "$out/$name.tar.gz" "$name"
echo "$out/$name.tar.gz"
