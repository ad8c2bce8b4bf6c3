# `make demo` and `make test` do their own set-up; nothing else is needed first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(PATH):$(HOME)/.cargo/bin

# One profile and one target folder: lint, test and demo share what they build.
# Building bins and tests in one call gives them the same features, once.
TARGETS := --workspace --bin countersign

.PHONY: help
help: ## Say what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name what; do printf '  make %-6s %s\n' "$$name" "$$what"; done

.PHONY: setup
setup: ## Install what Debian or Ubuntu lacks; says what it does
	@.ci/setup

.PHONY: keys
keys: ## Make the keys of an installation in keys/; never overwrites one
	cargo run --quiet -- keys

.PHONY: run
run: ## Serve with config.json
	cargo run --quiet -- serve

.PHONY: demo
demo: ## Play one release on this machine, then stay up (ONCE=1: play it and exit)
	@.ci/setup demo
	cargo build $(TARGETS) --example demo
	@ONCE="$(ONCE)" exec "$${CARGO_TARGET_DIR:-target}/debug/examples/demo"

.PHONY: test
test: ## Run all tests
	@.ci/setup
	cargo build $(TARGETS) --lib --tests
	INSTA_UPDATE=no INSTA_FORCE_PASS=0 cargo nextest run --workspace

.PHONY: lint
lint: ## Check the format and deny every warning
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: fmt
fmt: ## Format the sources
	cargo fmt --all

# The tests write down which snapshots they read; one that nobody reads proves nothing.
SNAPSHOTS := $(CURDIR)/target/snapshots-read

.PHONY: ci
ci: export CI := true
ci: ## What must be green: lint, tests, unread snapshots, the demo
	@.ci/setup
	$(MAKE) lint
	@rm -f "$(SNAPSHOTS)"
	INSTA_SNAPSHOT_REFERENCES_FILE="$(SNAPSHOTS)" $(MAKE) test
	@touch "$(SNAPSHOTS)"
	@unread=$$(comm -13 <(xargs -r -d '\n' realpath -- <"$(SNAPSHOTS)" | sort -u) \
	  <(find "$(CURDIR)/src" "$(CURDIR)/tests" "$(CURDIR)/migrations" -name '*.snap' | sort)); \
	  if [ -n "$$unread" ]; then printf 'snapshots that no test reads:\n%s\n' "$$unread"; exit 1; fi
	$(MAKE) demo ONCE=1
