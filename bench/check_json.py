#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The figures that the contract names are all there, positive, and have their peers."""
import json
import os
import shutil
import subprocess
import sys

# MPI itself leaks
env = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
out = subprocess.run([sys.argv[1], "bench", "--json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
report = json.loads(out.stdout)
assert report["schema"] == "postern.bench/1", report["schema"]
figures = {f["name"]: f for f in report["figures"]}
for name, peer in (("post_ns", "bare_locked_or"), ("sim_interrupts_per_s", None),
                   ("hyp_call_ns", "by_name"), ("sim_event_ns_100k", None), ("explore_transitions_per_s", None),
                   ("explore_memory_bytes", None)):
    figure = figures[name]
    assert figure["value"] > 0, figure
    assert figure["peer"] == peer, figure
    assert peer is None or (figure["peer_value"] > 0 and figure["ratio"] > 0), figure
for name, peer, needs in (("sim_events_per_s", "simpy", b"python3 with SimPy"),
                          ("sim_events_per_s_ns3", "ns3", b"g++, pkg-config and libns3-dev")):
    figure = figures[name]
    assert figure["value"] > 0, figure
    assert (figure["peer"] == peer and figure["ratio"] > 0) or b"no peer: " + needs in out.stderr, figure
# Counted by perf or callgrind, if one of them counts here. What an interrupt costs must not grow with the machine.
for name, peer in (("sim_instructions", None), ("sim_instructions_16_cpus", None),
                   ("sim_instructions_128_cpus", "16_cpus"), ("sim_instructions_1024_cpus", "16_cpus")):
    if name not in figures:
        assert b"SKIPPED: neither perf nor valgrind" in out.stderr, out.stderr
        continue
    assert figures[name]["value"] > 0 and figures[name]["peer"] == peer, figures[name]
    assert peer is None or figures[name]["ratio"] < 1.5, figures[name]
# The peer is a package that need not be there; then there is a word about it.
for name, peer in (("explore_block_without_fence_s", "spin"), ("explore_block_without_fence_states", "spin"),
                   ("explore_block_without_fence_cbmc_s", "cbmc"), ("explore_list_after_irte_s", "spin"),
                   ("explore_list_after_irte_states", "spin")):
    figure = figures[name]
    if name.endswith("_states") and b"no states" in out.stderr:
        continue  # beside a sanitizer
    assert figure["value"] > 0, figure
    if shutil.which(peer):
        assert figure["peer"] == peer and figure["peer_value"] > 0 and figure["ratio"] > 0, figure
    else:
        assert figure["peer"] is None and b"no peer" in out.stderr, (figure, out.stderr)
