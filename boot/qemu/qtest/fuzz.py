#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fuzz.py QEMU FIRMWARE [WRITES [SEED]]: garbage into the registers of amd-iommu with ga=on and into
every table and ring that they lead to, with device interrupts and DMA in between. The emulator must
neither end nor, built with sanitizers, complain."""
import random
import sys
import time

from machine import EDU, EDU_BAR, IOMMU, Machine

RAM = 64 << 20
TABLES = 0x1000000  # a megabyte that most pointers lead to
REGISTERS = (0, 8, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0xE0, 0xE8, 0x158, 0x160, 0x170, 0x178,
             0x180, 0x1A0, 0x2000, 0x2008, 0x2010, 0x2018, 0x2020, 0x2030, 0x2038, 0x2040, 0x2048)
SIZES = {"b": 1, "w": 2, "l": 4, "q": 8}
# RAM, the last page of it, ROM, the IOMMU itself, a device, the local APICs, nowhere
PLACES = (TABLES, RAM - 4096, 0xF0000, IOMMU, EDU_BAR, 0xFEE00000, 0x7000000000,
          0x000FFFFFFFFFF000)
RUN = 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 12 | 1 << 17 | 1 << 25 | 1 << 28 | 1 << 29 | 1 << 50


class Fuzz:
    def __init__(self, machine, seed):
        self.m = machine
        self.r = random.Random(seed)
        self.writes = 0
        self.devtab = self.cmdbuf = self.irt = self.page = TABLES

    def put(self, size, address, value):
        self.m.write(size, address, value & (1 << SIZES[size] * 8) - 1)
        self.writes += 1

    def word(self):
        return self.r.choice((0, 1, (1 << 64) - 1, self.r.getrandbits(64),
                              self.r.getrandbits(64) & self.r.getrandbits(64)))

    def place(self):
        if self.r.random() < 0.8:
            return TABLES + (self.r.randrange(1 << 20) & ~0xFFF)
        return self.r.choice(PLACES)

    def pointer(self):
        return self.place() | self.r.getrandbits(12) | self.r.choice((8, 8, 9, 12, 15, 0)) << 56

    def control(self):
        if self.r.random() < 0.7:
            return RUN ^ self.r.choice((0, 1 << self.r.randrange(64), 1 << 55, 1 << 51))
        return self.word()

    def register(self):
        offset = self.r.choice(REGISTERS)
        if self.r.random() < 0.02:
            offset = self.r.randrange(0x4000) & ~7
        if offset == 0x18:
            value = self.control()
        elif offset >= 0x2000:
            value = self.r.choice((self.r.randrange(1 << 19), self.word()))
        else:
            value = self.r.choice((self.pointer(), self.word()))
        size = self.r.choice("qqqqlwb")
        self.put(size, IOMMU + offset + self.r.randrange(0, 8, SIZES[size]), value)

    def round(self):
        """Off, most things where they can work, and on: what follows meets a running IOMMU."""
        self.put("q", IOMMU + 0x18, 0)
        self.devtab, self.cmdbuf, self.irt, self.page = (self.place() for _ in range(4))
        for offset, value in ((0, self.devtab), (8, self.cmdbuf | 8 << 56), (0x10, self.pointer()),
                              (0xE0, self.pointer()), (0xE8, self.place()), (0x2020, 0x667),
                              (0x170, self.word()), (0x180, self.word())):
            self.put("q", IOMMU + offset, value)
        self.put("q", IOMMU + 0x18, self.control())
        for action in (self.dte, self.irte, self.irte, self.command):
            action()

    def dte(self):
        at = self.r.choice((self.devtab, self.devtab, self.place())) + EDU * 32
        q2 = self.irt | self.r.randrange(12) << 1 | self.r.choice((1, 1, 1, 0)) | \
            self.r.choice((2, 2, 2, 0, 1, 3)) << 60
        for i, q in enumerate((self.pointer() | 3 | self.r.randrange(8) << 9 | 3 << 61,
                               self.word(), q2, self.word() if self.r.random() < 0.1 else 0)):
            self.put("q", at + i * 8, q)

    def irte(self):
        at = self.irt + self.r.randrange(8) * 16
        self.put("q", at, self.r.choice((0x81, 0x85, 0xC1, 0xA1, 1, 0x41)) |
                 self.word() & ~0xFF)
        self.put("q", at + 8, self.r.choice((self.page, self.page, self.place())) |
                 self.r.getrandbits(8) | self.r.choice((0, 0, 0, 1 << 56, 1 << 8)))

    def command(self):
        entry = self.r.randrange(4)
        at = self.cmdbuf + entry * 16
        self.put("q", at, self.r.choice((1, 1, 2, 3, 4, 5, 5, 8, self.r.randrange(16))) << 60 |
                 self.r.choice((EDU, 0, self.place() | 3, self.word() >> 4)))
        self.put("q", at + 8, self.r.choice((0, self.word())))
        self.put("q", IOMMU + 0x2008, self.r.choice((entry + 1 & 3, self.r.randrange(256))) * 16)

    def interrupt(self):
        self.m.msi_to(0xFEE00000 | self.r.getrandbits(20) & ~3,
                      self.r.choice((self.r.randrange(8), self.r.getrandbits(11))))
        for _ in range(self.r.randrange(1, 8)):
            self.m.msi()
            self.writes += 2

    def dma(self):
        for offset, value in ((0x80, self.place()), (0x88, 0x40000), (0x90, 4096), (0x98, 1)):
            self.put("q", EDU_BAR + offset, value)
        self.m.tell("clock_step 200000000")

    def run(self, writes):
        actions = self.actions()
        while self.writes < writes:
            self.r.choice(actions)()
            if self.r.random() < 0.002:
                self.dma()
            if self.r.random() < 0.001:
                self.m.tell("readq 0x%x" % self.some_register())
        self.m.settle()

    def actions(self):
        return (self.register,) * 20 + (self.dte,) * 2 + (self.irte,) * 6 + \
            (self.command,) * 6 + (self.interrupt,) * 5 + (self.round,) * 3

    def some_register(self):
        return IOMMU + self.r.choice(REGISTERS)


def main(kind, options, **more):
    writes = int(sys.argv[3]) if len(sys.argv) > 3 else 1000000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    begin = time.monotonic()
    machine = Machine(sys.argv[1], sys.argv[2], *options, **more)
    fuzz = kind(machine, seed)
    fuzz.run(writes)
    steps = machine.steps()
    machine.close()
    print("fuzz: %d writes, seed %d, %.0f s, no complaint" %
          (fuzz.writes, seed, time.monotonic() - begin))
    print("steps: " + steps)


if __name__ == "__main__":
    main(Fuzz, ("ga=on,gappi=on,poison=on",))
