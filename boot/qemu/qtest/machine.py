# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine whose processors stand still, driven through QEMU's qtest and monitor sockets."""
import json
import os
import re
import socket
import subprocess
import tempfile

IOMMU = 0xFED80000
VTD = 0xFED90000
AMD, INTEL = "amd-iommu,intremap=on,xtsup=on,", "intel-iommu,intremap=on,eim=on,"
EDU_BAR = 0xE0000000
EDU = 0x18  # 00:03.0, its requester ID
MSI_CAP = 0x40
FINDING = re.compile(".*(runtime error|Sanitizer)")  # the emulator may go on after one


def listen(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(1)
    return s


class Machine:
    def __init__(self, qemu, firmware, options, *more, memory="64", cpus="2", accel="qtest",
                 cpu="EPYC-Milan,+x2apic,check=off", iommu=AMD):
        self.dir = tempfile.TemporaryDirectory()
        doors = {n: listen(os.path.join(self.dir.name, n)) for n in ("qtest", "qmp")}
        self.errors = open(os.path.join(self.dir.name, "err"), "w+", encoding="utf-8",
                           errors="replace")
        self.process = subprocess.Popen(
            [qemu, "-L", firmware, "-nodefaults", "-nographic", "-m", memory,
             "-smp", cpus, "-M", "q35,kernel-irqchip=split", "-accel", accel, "-cpu", cpu,
             "-device", iommu + options,
             "-device", "edu,addr=3.0",
             "-qtest", "unix:" + os.path.join(self.dir.name, "qtest"), "-qtest-log", "none",
             "-qmp", "unix:" + os.path.join(self.dir.name, "qmp"), *more],
            stdin=subprocess.DEVNULL, stdout=self.errors, stderr=self.errors)
        self.files = {}
        for name, door in doors.items():
            door.settimeout(60)
            connection, _ = door.accept()
            connection.settimeout(120)
            self.files[name] = connection.makefile("rw", encoding="ascii", newline="\n")
        self.files["qmp"].readline()
        self.qmp("qmp_capabilities")
        self.pending = 0
        self.edu_set_up()

    # one line for every command; answers are collected when one is needed
    def tell(self, line):
        self.files["qtest"].write(line + "\n")
        self.pending += 1
        if self.pending >= 256:
            self.settle()

    def answer(self):
        line = self.files["qtest"].readline()
        if not line.startswith("OK"):
            raise RuntimeError("the emulator ended, or said: %r\n%s" % (line, self.said()))
        return line.split()

    def settle(self):
        self.files["qtest"].flush()
        while self.pending:
            self.answer()
            self.pending -= 1

    def ask(self, line):
        self.settle()
        self.files["qtest"].write(line + "\n")
        self.files["qtest"].flush()
        return int(self.answer()[1], 0)

    def said(self):
        """The output of the emulator: from the first finding of a sanitizer on, or else the end."""
        self.process.poll()
        self.errors.seek(0)
        text = self.errors.read()
        finding = FINDING.search(text)
        return text[finding.start():][:8000] if finding else text[-4000:]

    def heard(self):
        try:
            return json.loads(self.files["qmp"].readline())
        except (OSError, ValueError) as e:
            raise RuntimeError("the emulator ended\n" + self.said()) from e

    def qmp(self, execute, **arguments):
        """What it returned, or its error."""
        f = self.files["qmp"]
        f.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
        f.flush()
        while True:
            reply = self.heard()
            if "return" in reply or "error" in reply:
                return reply.get("return", reply.get("error"))

    def monitor(self, line):
        self.settle()
        return self.qmp("human-monitor-command", **{"command-line": line})

    def write(self, size, address, value):
        self.tell("write%s 0x%x 0x%x" % (size, address, value))

    def read(self, size, address):
        return self.ask("read%s 0x%x" % (size, address))

    def reg(self, offset, value=None):
        if value is None:
            return self.read("q", IOMMU + offset)
        self.write("q", IOMMU + offset, value)
        return value

    def config(self, offset, value, device=EDU):
        self.tell("outl 0xcf8 0x%x" % (0x80000000 | device << 8 | offset))
        self.tell("outl 0xcfc 0x%x" % value)

    def edu_set_up(self, device=EDU, bar=EDU_BAR):
        self.config(0x10, bar, device)
        self.config(0x04, 0x6, device)
        self.msi_to(0xFEE00000, 0, device)

    def msi_to(self, address, data, device=EDU):
        self.config(MSI_CAP + 4, address & 0xFFFFFFFF, device)
        self.config(MSI_CAP + 8, address >> 32, device)
        self.config(MSI_CAP + 12, data, device)
        self.config(MSI_CAP, 0x00810005, device)

    def msi(self):
        self.write("l", EDU_BAR + 0x60, 1)
        self.write("l", EDU_BAR + 0x64, 1)

    def dma(self, to_memory, address, count=4, bar=EDU_BAR):
        """Between the device's buffer and memory; over when it returns."""
        for offset, value in ((0x80, 0x40000 if to_memory else address),
                              (0x88, address if to_memory else 0x40000), (0x90, count),
                              (0x98, 3 if to_memory else 1)):
            self.write("q", bar + offset, value)
        self.tell("clock_step 200000000")

    def irr(self, apic):
        """Vectors pending at a local APIC, as the monitor shows them."""
        for line in self.monitor("info lapic %d" % apic).splitlines():
            if line.strip().startswith("IRR"):
                return [int(w.split("(")[0]) for w in line.split()[1:] if w[0].isdigit()]
        return []

    def steps(self):
        """How often the IOMMU's model took each step, in one line."""
        for bus in ("/machine/peripheral-anon", "/machine/peripheral"):
            for child in self.qmp("qom-list", path=bus):
                if child["type"] in ("child<amd-iommu>", "child<intel-iommu>"):
                    return self.qmp("qom-get", path=bus + "/" + child["name"],
                                    property="postern-steps")
        return ""

    def close(self):
        self.settle()
        self.qmp("quit")
        status = self.process.wait(60)
        text = self.said()
        if status or FINDING.search(text):
            raise RuntimeError("status %d\n%s" % (status, text))
