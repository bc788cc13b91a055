# The commands of the project; each target is one obvious command. What they need is installed by `deploy/dev-setup.sh`.
#
# Build output lies outside the checkout, so that a second clone and CI build only what differs;
# `target` in the checkout is a link to it. CARGO_TARGET_DIR or LASTMILE_CACHE move it.

SHELL := /bin/bash
HOME ?= /root
LASTMILE_CACHE ?= $(HOME)/.cache/lastmile
CARGO_TARGET_DIR ?= $(LASTMILE_CACHE)/target
CARGO := cargo
PROGRAMS := --locked -p lastmile-controller -p lastmile-agent -p lastmile-testbed --bins
UI := controller/ui

export LASTMILE_CACHE CARGO_TARGET_DIR

.DEFAULT_GOAL := help
.PHONY: help setup target-link pages programs build run test bench soak shots lint package

help: ## this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | column -t -s "$$(printf '\t')"

setup: target-link
	@deploy/dev-setup.sh

target-link:
	@mkdir -p "$(CARGO_TARGET_DIR)"; [ -e target ] || ln -sfn "$(CARGO_TARGET_DIR)" target

pages: setup
	@deploy/pages.sh

programs: pages
	$(CARGO) build $(PROGRAMS)

build: pages ## release binaries, in target/release
	$(CARGO) build --release $(PROGRAMS)

run: programs ## a demonstration ISP on 127.0.0.1; `make run DATA=dir` keeps its data
	@exec "$(CARGO_TARGET_DIR)/debug/lastmile-testbed" demo $(if $(DATA),--data "$(DATA)")

test: setup ## everything CI runs, with the time of each suite
	@tests/suites.sh

bench: pages ## the benchmarks beside their peers; `make bench ONLY=name`
	$(CARGO) build --release $(PROGRAMS)
	$(CARGO) build --locked --profile dist -p lastmile-agent
	@exec "$(CARGO_TARGET_DIR)/release/lastmile-testbed" bench --out "$(CARGO_TARGET_DIR)/bench.json" $(if $(ONLY),--only "$(ONLY)")

soak: programs ## the long ones
	@tests/soak.sh

shots: pages ## screenshots of every page and one contact sheet, in target/shots
	@SHOTS_DIR="$(CARGO_TARGET_DIR)/shots" node tests/browser/shots.mjs

lint: setup ## formatting, clippy, types of the pages
	@tests/lint.sh

package: pages ## an archive of stripped binaries, units and sample configurations
	@deploy/package.sh
