#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vtd.py QEMU FIRMWARE: intel-iommu with pi=on and pi=off as a driver programs it, one interrupt and one
fault at a time (VT-d rev 5.10): posted and remapped entries, descriptors in x2APIC and xAPIC mode,
stale entries, the queue, fault records of interrupts and of DMA, a second unit."""
import sys

from iommu import check, verdict
from machine import EDU, INTEL, VTD, Machine

IRT, QUEUE, PID, STATUS, ROOT, CONTEXT = (0x1000000 + i * 0x10000 for i in range(6))
CAP, GCMD, GSTS, RTADDR, FSTS, FECTL = 0x08, 0x18, 0x1C, 0x20, 0x34, 0x38
FEDATA, FEADDR, IQT, IQA, IRTA, RECORD = 0x3C, 0x40, 0x88, 0x90, 0xB8, 0x220
SIRTP, IRE, QIE, SRTP, TE = (1 << b for b in (24, 25, 26, 30, 31))
PI, EIME, F, T1, PPF = 1 << 59, 1 << 11, 1 << 63, 1 << 62, 2
SECOND = VTD + 0x1000
VECTOR, NV = 0x41, 0xE3


class Unit:
    def __init__(self, m, base=VTD):
        self.m, self.base, self.levels, self.tail = m, base, 0, 0

    def reg(self, offset, value=None, size="l"):
        if value is None:
            return self.m.read(size, self.base + offset)
        self.m.write(size, self.base + offset, value)
        return value

    def command(self, one_shot=0, on=0, off=0):
        self.levels = (self.levels | on) & ~off
        self.reg(GCMD, self.levels | one_shot)

    def set_up(self, eime=EIME):
        self.command(off=0xFFFFFFFF)
        self.clear()
        self.tail = 0
        self.reg(IQA, QUEUE, "q")
        self.reg(IQT, 0, "q")
        self.reg(IRTA, IRT | eime | 7, "q")
        self.reg(FEDATA, 0x33)
        self.reg(FEADDR, 0xFEE00000)
        self.reg(FECTL, 0)
        self.command(SIRTP)
        self.command(on=IRE | QIE)
        self.flush()

    def submit(self, q0, q1=0):
        self.m.write("q", QUEUE + self.tail, q0)
        self.m.write("q", QUEUE + self.tail + 8, q1)
        self.tail = (self.tail + 16) % 4096
        self.reg(IQT, self.tail, "q")

    def flush(self):
        """Everything, and the status of the wait behind it."""
        self.m.write("l", STATUS, 0)
        for q0 in (1 | 1 << 4, 2 | 1 << 4, 4):
            self.submit(q0)
        self.submit(5 | 1 << 5 | 0x77 << 32, STATUS)
        return self.m.read("l", STATUS)

    def fault(self):
        """Low and high quadword of the record that is pending, which is cleared."""
        found = [self.reg(RECORD + i, size="q") for i in (0, 8)]
        self.clear()
        return [hex(q) for q in found]

    def clear(self):
        self.reg(RECORD + 12, 1 << 31)
        self.reg(FSTS, 0x71)


def posted(m, index, pid=PID, vector=VECTOR, flags=0):
    m.write("q", IRT + index * 16, 1 | 1 << 15 | flags | vector << 16 | (pid & 0xFFFFFFC0) << 32)
    m.write("q", IRT + index * 16 + 8, pid >> 32 << 32)


def descriptor(m, control):
    for i in range(8):
        m.write("q", PID + i * 8, control if i == 4 else 0)


def pulse(m, index):
    m.msi_to(0xFEE00010 | index << 5, 0)
    m.msi()


def pir(m):
    return m.read("q", PID + VECTOR // 64 * 8)


def posting(m, u):
    bit = 1 << VECTOR % 64
    check("CAP.PI", "CAP", u.reg(CAP, size="q") & PI, PI)
    for row, eime, ndst in (("x2APIC", EIME, 1 << 32), ("xAPIC", 0, 1 << 40)):
        u.set_up(eime)
        posted(m, 5)
        descriptor(m, NV << 16 | ndst)
        had = m.irr(1)
        pulse(m, 5)
        check(row, "PIR", pir(m), bit)
        check(row, "control", hex(m.read("q", PID + 32)), hex(NV << 16 | ndst | 1))
        check(row, "notified", sorted(set(m.irr(1)) | {NV}), sorted({*had, NV}))
        pulse(m, 5)
        check(row, "ON = 1: nothing changes", hex(m.read("q", PID + 32)), hex(NV << 16 | ndst | 1))
        check(row, "no fault", u.reg(FSTS), 0)
    u.set_up()
    descriptor(m, 2 | NV << 16)
    pulse(m, 5)
    check("SN = 1", "control", m.read("q", PID + 32), 2 | NV << 16)
    check("SN = 1", "PIR", pir(m), bit)
    u.set_up(0)
    descriptor(m, NV << 16 | 1 << 32)
    pulse(m, 5)
    check("reserved bits of xAPIC mode", "fault", u.fault(),
          [hex(5 << 48), hex(F | 0x28 << 32 | EDU)])


def entries(m, u):
    u.set_up()
    m.write("q", IRT + 6 * 16, 1 | 0x52 << 16)
    m.write("q", IRT + 6 * 16 + 8, 0)
    pulse(m, 6)
    check("remapped", "IRR", 0x52 in m.irr(0), True)
    # a field that changes without an invalidation is a fault
    m.write("q", IRT + 6 * 16, 1 | 0x53 << 16)
    pulse(m, 6)
    check("stale entry", "fault", u.fault(), [hex(6 << 48), hex(F | 0x23 << 32 | EDU)])
    check("stale entry", "IRR", 0x53 in m.irr(0), False)
    check("flush", "status", u.flush(), 0x77)
    pulse(m, 6)
    check("flushed entry", "IRR", 0x53 in m.irr(0), True)
    pulse(m, 300)
    check("beyond the table", "fault", u.fault(), [hex(300 << 48), hex(F | 0x21 << 32 | EDU)])
    check("fault event", "IRR", 0x33 in m.irr(0), True)
    u.submit(15)
    check("no such descriptor", "FSTS", u.reg(FSTS), 1 << 4)


def dma(m, u):
    """The emulator translates; what it refuses is in the unit's records."""
    u.set_up()
    for at in (ROOT, ROOT + 8, CONTEXT + EDU * 16, CONTEXT + EDU * 16 + 8):
        m.write("q", at, 0)
    u.reg(RTADDR, ROOT, "q")
    u.command(SRTP)
    u.command(on=TE)
    u.flush()
    m.dma(False, 0x123456)
    check("no root entry, read", "fault", u.fault(), [hex(0x123000), hex(F | T1 | 1 << 32 | EDU)])
    m.write("q", ROOT, CONTEXT | 1)
    u.flush()
    m.dma(True, 0x123456)
    check("no context entry, write", "fault", u.fault(), [hex(0x123000), hex(F | 2 << 32 | EDU)])
    m.write("q", CONTEXT + EDU * 16, 2)  # FPD
    u.flush()
    m.dma(True, 0x123456)
    check("FPD", "fault", u.reg(FSTS), 0)
    # pass-through is not offered: a second-level table that is empty
    m.write("q", CONTEXT + EDU * 16 + 8, 2 | 1 << 8)
    m.write("q", CONTEXT + EDU * 16, STATUS + 0x1000 | 1)
    u.flush()
    m.dma(False, 0x123456)
    check("no page, read", "fault", u.fault(), [hex(0x123000), hex(F | T1 | 6 << 32 | EDU)])
    u.command(off=TE)
    m.dma(True, STATUS + 0x100)
    check("translation off", "fault", u.reg(FSTS), 0)


def second(m):
    u = Unit(m, SECOND)
    check("second unit", "CAP.PI", u.reg(CAP, size="q") & PI, 0)
    u.set_up()
    check("second unit", "status", u.flush(), 0x77)
    check("second unit", "GSTS", u.reg(GSTS), SIRTP | IRE | QIE)


def without_pi(qemu, firmware):
    m = Machine(qemu, firmware, "pi=off", iommu=INTEL)
    u = Unit(m)
    check("pi=off", "CAP.PI", u.reg(CAP, size="q") & PI, 0)
    u.set_up()
    posted(m, 5)
    descriptor(m, NV << 16)
    pulse(m, 5)
    check("pi=off", "fault", u.fault(), [hex(5 << 48), hex(F | 0x24 << 32 | EDU)])
    check("pi=off", "PIR", pir(m), 0)
    m.close()


def main():
    m = Machine(*sys.argv[1:3], "pi=on", "-device", "postern-vtd", iommu=INTEL)
    u = Unit(m)
    posting(m, u)
    entries(m, u)
    dma(m, u)
    second(m)
    check("steps", "posted", "pir_set=" in m.steps(), True)
    m.close()
    without_pi(*sys.argv[1:3])
    return verdict("vtd")


sys.exit(main())
