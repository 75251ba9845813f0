#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""stepped.py QEMU FIRMWARE PROGRAM CPU: a debugger stops the bare program's guest right behind an
access whose exit is a trap, steps on or sends INIT, and lets it go. The exit must be that of the
trap, behind the access, whatever else is pending by then."""
import os
import re
import socket
import subprocess
import sys
import tempfile

PASSED = 33
RIP = 0x10
INIT = "Mfee01000,4:00450000"  # an interrupt message to the local APIC 1

failed = 0


def check(row, what, got, want):
    global failed
    if got != want:
        failed += 1
        print("%s: %s is %r, expected %r" % (row, what, got, want))


def symbol(program, name):
    for line in subprocess.run(["nm", program], capture_output=True, encoding="ascii",
                               check=True).stdout.splitlines():
        at, _, found = line.split()
        if found == name:
            return int(at, 16)
    raise RuntimeError("no " + name)


class Debugger:
    """The remote protocol of GDB, as much of it as is needed here."""

    def __init__(self, path):
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(path)
        self.door.listen(1)
        self.door.settimeout(60)
        self.socket = None
        self.input = b""

    def accept(self):
        self.socket, _ = self.door.accept()
        self.socket.settimeout(60)
        self.ask("QStartNoAckMode")

    def tell(self, text):
        self.socket.sendall(b"$%s#%02x" % (text.encode(), sum(text.encode()) & 255))

    def answer(self):
        while True:
            found = re.search(rb"\$([^#]*)#..", self.input)
            if found:
                self.input = self.input[found.end():]
                return found.group(1).decode()
            more = self.socket.recv(4096)
            if not more:
                raise EOFError("the emulator ended")
            self.input += more

    def ask(self, text):
        self.tell(text)
        return self.answer()

    def rip(self):
        return int.from_bytes(bytes.fromhex(self.ask("p%x" % RIP)), "little")


def one(row, after):
    """@after: what the debugger does once it has stepped over the access."""
    with tempfile.TemporaryDirectory() as folder:
        said = os.path.join(folder, "said")
        debugger = Debugger(os.path.join(folder, "gdb"))
        process = subprocess.Popen(
            [sys.argv[1], "-L", sys.argv[2], "-nodefaults", "-display", "none", "-no-reboot",
             "-M", "q35,kernel-irqchip=split", "-accel", "tcg,thread=multi", "-smp", "2", "-m",
             "256", "-cpu", sys.argv[4], "-device", "isa-debug-exit,iobase=0xf4",
             "-serial", "file:" + said, "-kernel", sys.argv[3], "-append", "stepped", "-S",
             "-gdb", "unix:" + os.path.join(folder, "gdb")],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        debugger.accept()
        at, behind = (symbol(sys.argv[3], name) for name in ("g_st4", "g_st4_after"))
        check(row, "breakpoint", debugger.ask("Z1,%x,1" % at), "OK")
        debugger.ask("c")
        check(row, "stop at the access", debugger.rip(), at)
        debugger.ask("z1,%x,1" % at)
        debugger.ask("s")
        check(row, "stop behind the access", debugger.rip(), behind)
        try:
            for text in after:
                debugger.ask(text)
            debugger.tell("c")
        except (BrokenPipeError, ConnectionResetError, EOFError):
            pass  # a step can write the exit, and processor 0 then ends before the emulator has stopped it
        check(row, "exit status", process.wait(60), PASSED)
        with open(said, encoding="ascii", errors="replace") as f:
            check(row, "program", f.read().strip(),
                  "stepped: exit 402, EXITINFO1 1000000d0, RIP behind the access\nbare: end 16")


def main():
    one("on", ())
    one("one more step", ("s",))
    one("INIT", ("Qqemu.PhyMemMode:1", INIT))
    print("stepped: %s" % ("%d differences" % failed if failed else "ok"))
    return failed != 0


sys.exit(main())
