#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vtd_fuzz.py QEMU FIRMWARE [WRITES [SEED]]: garbage into the registers of intel-iommu with pi=on and
of a second unit, and into every table, queue and descriptor that they lead to, with device interrupts
and DMA in between. The emulator must neither end nor, built with sanitizers, complain."""
from fuzz import TABLES, Fuzz, main
from machine import INTEL, VTD

SECOND = VTD + 0x1000
REGISTERS = (0x18, 0x20, 0x28, 0x34, 0x38, 0x3C, 0x40, 0x44, 0x80, 0x88, 0x90, 0x98, 0xA0, 0xA8,
             0xB0, 0xB8, 0xF0, 0xF8, 0x220, 0x228)
CFI, SIRTP, IRE, QIE, SRTP, TE = (1 << b for b in (23, 24, 25, 26, 30, 31))


class VtdFuzz(Fuzz):
    def __init__(self, machine, seed):
        super().__init__(machine, seed)
        self.queue = self.root = TABLES
        self.unit = VTD

    def command_word(self):
        word = IRE | QIE | self.r.choice((0, SIRTP)) | self.r.choice((0, 0, SRTP)) | \
            self.r.choice((0, 0, TE)) | self.r.choice((0, 0, CFI))
        return self.r.choice((word, word, word, self.r.getrandbits(32)))

    def register(self):
        self.unit = self.r.choice((VTD,) * 7 + (SECOND,))
        offset = self.r.choice(REGISTERS)
        if self.r.random() < 0.02:
            offset = self.r.randrange(0x230) & ~7
        value = self.r.choice((self.place() | self.r.getrandbits(12), self.word()))
        if offset == 0x18:
            value = self.command_word()
        elif offset == 0x88:
            value = self.r.randrange(64) * 16
        size = "l" if offset % 8 or offset == 0x18 else self.r.choice("qql")
        self.put(size, self.unit + offset, value)

    def round(self):
        """Off, most things where they can work, and on: what follows meets a running unit."""
        self.put("l", VTD + 0x18, 0)
        self.put("l", VTD + 0x34, 0x7F)
        self.put("l", VTD + 0x22C, 1 << 31)
        self.queue, self.irt, self.page, self.root = (self.place() for _ in range(4))
        for offset, value in ((0x90, self.queue), (0x88, 0), (0x20, self.root),
                              (0xB8, self.irt | self.r.choice((0, 0x800)) | 7),
                              (0x40, 0xFEE00000), (0xA8, 0xFEE00000)):
            self.put("q", VTD + offset, value)
        self.put("l", VTD + 0x38, self.r.choice((0, 1 << 31)))
        self.put("l", VTD + 0x18, SIRTP | SRTP)
        self.put("l", VTD + 0x18, self.command_word())
        for action in (self.irte, self.irte, self.descriptor, self.translation):
            action()

    def irte(self):
        at = self.irt + self.r.randrange(8) * 16
        pid = self.r.choice((self.page, self.page, self.place()))
        posted = 1 | 1 << 15 | self.r.getrandbits(8) << 16 | (pid & 0xFFFFFFC0) << 32
        remapped = 1 | self.r.getrandbits(8) << 16 | self.r.randrange(4) << 40
        flip = self.r.choice((0, 0, 0, 1 << self.r.randrange(64)))
        self.put("q", at, self.r.choice((posted, posted, remapped)) ^ flip)
        self.put("q", at + 8, pid >> 32 << 32 | self.r.choice((0, 0, 1 << 18, self.word() >> 40)))

    def pid_word(self):
        """A descriptor: its control word, or anything."""
        at = self.page + self.r.choice((32, 32, self.r.randrange(8) * 8))
        self.put("q", at, self.r.choice((0, 0xF2 << 16, 0xF2 << 16 | 1 << 32, self.word())))

    def translation(self):
        """A root entry and a context entry, of which some permit what the device does."""
        self.put("q", self.root, self.r.choice((self.place() | 1, self.word())))
        at = self.place() + 0x18 * 16
        self.put("q", at, self.r.choice((self.place() | 1, self.place() | 9, self.word())))
        self.put("q", at + 8, self.r.choice((2, 0x102, self.word())))

    def descriptor(self):
        entry = self.r.randrange(4)
        at = self.queue + entry * 16
        kind = self.r.choice((1, 2, 3, 4, 4, 5, 5, self.r.randrange(16)))
        q0 = kind | self.r.randrange(16) << 4 | self.r.getrandbits(16) << 32
        self.put("q", at, self.r.choice((q0, q0, self.word() & ~15 | kind)))
        self.put("q", at + 8, self.r.choice((0, self.place() | 4, self.word())))
        self.put("q", VTD + 0x88, self.r.choice((entry + 1 & 3, self.r.randrange(256))) * 16)

    def interrupt(self):
        index = self.r.choice((self.r.randrange(8), self.r.getrandbits(16)))
        self.m.msi_to(0xFEE00010 | (index & 0x7FFF) << 5 | self.r.choice((0, 8)) |
                      self.r.choice((0, 0, self.r.getrandbits(20) & ~3)),
                      self.r.choice((0, self.r.randrange(8), self.r.getrandbits(32))))
        for _ in range(self.r.randrange(1, 8)):
            self.m.msi()
            self.writes += 2

    def actions(self):
        return (self.register,) * 14 + (self.irte,) * 6 + (self.pid_word,) * 4 + \
            (self.descriptor,) * 6 + (self.translation,) * 2 + (self.interrupt,) * 6 + \
            (self.round,) * 4

    def some_register(self):
        return self.r.choice((VTD, SECOND)) + self.r.choice(REGISTERS) // 8 * 8


main(VtdFuzz, ("pi=on", "-device", "postern-vtd,pi=on"), iommu=INTEL)
