#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ctrl-C while another program counts: the figures so far, and no word about what is missing here."""
import os
import pathlib
import subprocess
import sys
import tempfile

# The first program that counts is interrupted, or the second one.
INTERRUPTED, FAILS = "kill -INT $PPID; exit 1", "exit 1"
for counters in ({"perf": INTERRUPTED, "valgrind": INTERRUPTED}, {"perf": FAILS, "valgrind": INTERRUPTED}):
    with tempfile.TemporaryDirectory() as work:
        for name, does in counters.items():
            path = pathlib.Path(work) / name
            path.write_text(f"#!/bin/sh\n{does}\n")
            path.chmod(0o755)
        run = subprocess.run([sys.argv[1], "bench", "post_ns", "sim_instructions"], capture_output=True, text=True,
                             env={**os.environ, "PATH": work + ":" + os.environ["PATH"]}, check=False)
    assert run.returncode == 130, run
    assert run.stderr == "postern: stopped: not all figures were measured\n", run.stderr
    assert "post_ns " in run.stdout and "sim_instructions" not in run.stdout, run.stdout
