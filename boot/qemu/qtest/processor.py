#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""processor.py QEMU FIRMWARE: what the bits of AVIC do to a processor that has them, or has not: they
are off unless asked for, do not come alone, and a processor that has them migrates to one that has them
too, and to no other."""
import json
import os
import subprocess
import sys
import tempfile
import time

BITS = ("avic", "x2avic", "x2avic-ext", "avic-extlvt", "vmcb-clean")
ALL = ",".join("+" + bit for bit in BITS)
# what is refused, and in which words
REFUSED = (
    ("EPYC-Milan,+svm,+x2avic", (), "x2avic needs avic"),
    ("EPYC-Milan,+svm,+x2avic,-avic", (), "x2avic needs avic"),
    ("max,+x2avic", (), "x2avic needs avic"),
    ("max,+avic-extlvt", (), "avic-extlvt needs avic"),
    ("max,+avic,+x2avic-ext", (), "x2avic-ext needs x2avic"),
)

failed = 0


def check(row, what, got, want):
    global failed
    if got != want:
        failed += 1
        print("%s: %s is %r, expected %r" % (row, what, got, want))


def command(cpu, *more):
    return [sys.argv[1], "-L", sys.argv[2], "-nodefaults", "-display", "none", "-m", "32", "-smp", "2",
            "-M", "q35", "-accel", "tcg", "-S", "-qmp", "stdio", "-cpu", cpu, *more]


class Machine:
    def __init__(self, cpu, *more):
        self.process = subprocess.Popen(command(cpu, *more), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        encoding="ascii")
        self.process.stdout.readline()
        self.ask("qmp_capabilities")

    def ask(self, execute, **arguments):
        self.process.stdin.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
        self.process.stdin.flush()
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("the emulator ended at " + execute)
            answer = json.loads(line)
            if "error" in answer:
                return answer["error"]["desc"]
            if "return" in answer:
                return answer["return"]

    def bits(self):
        path = self.ask("query-cpus-fast")[0]["qom-path"]
        return {bit: self.ask("qom-get", path=path, property=bit) for bit in BITS}

    def migrated(self):
        for _ in range(600):
            status = self.ask("query-migrate").get("status")
            if status in ("completed", "failed"):
                break
            time.sleep(0.1)
        return status

    def migrate(self, uri):
        return self.ask("migrate", uri=uri) or self.migrated()

    def end(self, row):
        self.ask("quit")
        check(row, "exit status", self.process.wait(60), 0)


def carried(cpu, bits, uri):
    m = Machine(cpu, "-only-migratable")
    check(cpu, "bits", m.bits(), bits)
    check(cpu, "what stops a migration", m.ask("query-migrate").get("blocked-reasons"), None)
    left = m.migrate(uri)
    check(cpu, "migration", left, "completed")
    m.end(cpu)
    if left == "completed":
        m = Machine(cpu, "-incoming", uri)
        check(cpu, "arrival", m.migrated(), "completed")
        m.end(cpu)


def both(cpu, uri):
    carried(cpu, {bit: False for bit in BITS}, uri)
    carried(cpu + "," + ALL, {bit: True for bit in BITS}, uri)
    refused(cpu, ("-incoming", uri), "the processor of the snapshot has AVIC, this one has not")


def plugged():
    """A processor that is refused while the machine runs costs neither the machine nor the slot."""
    row = "plugged"
    m = Machine("max,avic=on,x2avic=on", "-smp", "1,maxcpus=2")
    slot = next(s for s in m.ask("query-hotpluggable-cpus") if "qom-path" not in s)
    check(row, "without avic", m.ask("device_add", driver=slot["type"], avic=False, **slot["props"]),
          "x2avic needs avic")
    check(row, "processors", len(m.ask("query-cpus-fast")), 1)
    check(row, "with avic", m.ask("device_add", driver=slot["type"], **slot["props"]), {})
    check(row, "processors", len(m.ask("query-cpus-fast")), 2)
    m.end(row)


def refused(cpu, more, words):
    row = " ".join((cpu, *more))
    process = subprocess.run(command(cpu, *more), stdin=subprocess.DEVNULL, capture_output=True,
                             encoding="utf-8", errors="replace", timeout=60, check=False)
    check(row, "exit status", process.returncode, 1)
    check(row, "message", words in process.stderr, True)
    if words not in process.stderr:
        print(process.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        uri = "file:" + os.path.join(folder, "state")
        for cpu in ("max", "EPYC-Milan,+svm,check=off"):
            both(cpu, uri)
    for row in REFUSED:
        refused(*row)
    plugged()
    print("processor: %s" % ("%d differences" % failed if failed else "ok"))
    return failed != 0


sys.exit(main())
