# SPDX-License-Identifier: Apache-2.0
# The face of the build; meson and ninja do the work. `make help` lists what there is.
BUILD ?= build
PY := /usr/bin/python3

.PHONY: help deps build demo test check unit system fuzz asan tsan lint po torture faults bench install clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## install what is missing (Debian's packages; root or sudo)
	@tools/deps build test

build: ## build/safeport (installs what the build needs)
	@tools/deps build
	@test -f $(BUILD)/build.ninja || { said=$$(meson setup $(BUILD)) || { echo "$$said"; exit 1; }; }
	@ninja -C $(BUILD) --quiet cli/safeport
	@ln -sf cli/safeport $(BUILD)/safeport

demo: ## install, build, and show the main job on this machine
	@tools/deps build demo
	@$(MAKE) --no-print-directory build
	@tools/demo

test: ## install, build, and run the tests (CI runs this)
	@tools/deps build test
	@$(MAKE) --no-print-directory build
	@tools/run-tests all

check: build ## unit, contract and fuzz-corpus tests: seconds
	@tools/run-tests check

system: build ## tests against real registries
	@tools/run-tests system

asan: ## unit, contract and fuzz-corpus tests under ASan and UBSan
	@tools/run-tests asan

tsan: ## the threaded layers under TSan
	@tools/run-tests tsan

lint: ## layers, sizes, names, format, headers
	@tools/lint

po: ## renew the message catalogues, and show what is not translated
	@tools/po

fuzz: ## every fuzz target for FUZZ_SECONDS each (default 60), with clang's libFuzzer
	@tools/fuzz $(or $(FUZZ_SECONDS),60)

torture: build ## long: every allocation of a push, a sync and the unit tests fails once
	@tools/torture

faults: build ## long: the fault matrices of push and sync (kill points, full disks, killed registries)
	@tools/faults

bench: ## side by side with the peers; report to docs/evidence/
	@tools/deps build test
	@bench/run
	@bench/sync

install: build ## meson install (DESTDIR and --prefix as meson takes them)
	@meson install -C $(BUILD)

clean: ## remove what was built
	rm -rf $(BUILD) build-*
