# SPDX-License-Identifier: Apache-2.0
# A thin front for Meson: what a newcomer types. `make help` lists it.
BUILD ?= build
PYTHON ?= /usr/bin/python3

help:
	@echo "make demo        install what is needed, build, and play the whole story on real firmware"
	@echo "make check       install what is needed, build, and run the tests (under 10 minutes)"
	@echo "make check-long  the long sweeps: every crash point, many fuzz rounds"
	@echo "make bench       figures beside their peers, one line each"
	@echo "make build       build only          make install   install (PREFIX=/usr/local)"
	@echo "make deps        install all packages for building and testing"

deps:
	@tools/deps build check demo

$(BUILD)/build.ninja:
	@tools/deps build check
	@meson setup $(BUILD) $(MESON_OPTIONS) >/dev/null

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

# The demo builds the command alone, so that it needs fewer packages.
demo:
	@tools/deps build demo
	@test -f build-demo/build.ninja || meson setup build-demo -Dtests=false -Dfuzz=false -Dbench=false --buildtype=release >/dev/null
	@ninja -C build-demo --quiet
	@HALLMARK=$(CURDIR)/build-demo/cmd/hallmark $(PYTHON) demo/demo.py demo-out

check:
	@tools/deps build check
	@$(MAKE) --no-print-directory build
	@tools/check $(BUILD)

check-long:
	@tools/deps build check
	@$(MAKE) --no-print-directory build
	@HALLMARK_LONG=1 tools/check $(BUILD) --timeout-multiplier 20

bench:
	@tools/deps build check bench
	@test -f build-bench/build.ninja || meson setup build-bench --buildtype=release >/dev/null
	@ninja -C build-bench --quiet
	@tools/bench build-bench

install: build
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-*/ demo-out

.PHONY: help deps build demo check check-long bench install clean
