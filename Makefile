# SPDX-License-Identifier: MIT
# Everything that a user needs is one word: make help.
BUILD    ?= build
PREFIX   ?= /usr/local
PACKAGES := gcc meson ninja-build pkg-config python3 libinih-dev libjansson-dev zlib1g-dev libsqlite3-dev libcmocka-dev libtracecmd-dev
MESON    ?= $(if $(wildcard /usr/bin/meson),/usr/bin/meson,meson)
POSTERN  := $(BUILD)/src/cli/postern
RECORDING := scenarios/recordings/randread-qd32.txt.gz

.PHONY: all run check test bench boot install install-vm installcheck clean help deps build

all: build

help:
	@echo "make run              install what is missing, build, compare the modes, replay a recording"
	@echo "make check            build, run the quick unit tests (CONTRIBUTING.md)"
	@echo "make test             install what is missing, build, run all tests"
	@echo "make bench            measure the speeds that the project promises, with their peers"
	@echo "make boot             boot Linux with KVM on the modelled machines (boot/README.md)"
	@echo "make build            build only ($(POSTERN))"
	@echo "make install PREFIX=  install program, library and headers (default $(PREFIX))"
	@echo "make installcheck         test what is installed at PREFIX"
	@echo "make install-vm PREFIX=  install the emulator and the scripts of postern vm"
	@echo "make deps             install the Debian packages that are missing"
	@echo "make clean            remove $(BUILD)/"

deps:
	@missing=$$(for p in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}\n' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  echo "installing:" $$missing; \
	  if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	  $$sudo apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null || \
	  { echo "postern: could not install:" $$missing >&2; exit 1; }; \
	fi

$(BUILD)/build.ninja:
	@$(MESON) setup $(BUILD) >/dev/null || { $(MESON) setup $(BUILD); exit 1; }

build: deps $(BUILD)/build.ninja
	@if [ -t 1 ]; then exec ninja -C $(BUILD); fi; \
	out=$$(ninja -C $(BUILD) 2>&1) || { printf '%s\n' "$$out" >&2; exit 1; }; \
	printf '%s\n' "$$out" | tail -n 1

run: build
	@echo; $(POSTERN) compare
	@echo; $(POSTERN) replay $(RECORDING)

check: build
	@tests/run $(BUILD) --suite unit --no-suite long

test: build
	@tests/run $(BUILD)

# Peers, and what counts instructions.
bench: PACKAGES += spin valgrind python3-simpy g++ libns3-dev
bench: build
	@$(POSTERN) bench

boot:
	@boot/run --brief

install: build
	@$(MESON) configure $(BUILD) -Dprefix=$(abspath $(PREFIX)) >/dev/null
	@$(MESON) install -C $(BUILD)

installcheck:
	@tests/installed $(abspath $(PREFIX))

install-vm:
	@boot/build --install "$(abspath $(PREFIX))"

clean:
	rm -rf $(BUILD)
