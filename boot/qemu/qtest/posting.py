#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""posting.py QEMU FIRMWARE: one device interrupt at a time through a guest-mode IRTE, and where it
shows: the IRR of the vAPIC page, the guest APIC log, the local APICs, the event log."""
import sys

from iommu import (EVTLOG, GALOG, GALOG_ON, GAPPI_ON, IRR, TAG, TAIL, VECTOR, check, command, irte,
                   set_up, verdict)
from machine import EDU, Machine


def one(m, row, control, lo, bits=1 << (VECTOR & 31), log=0, apic=(), dest=0, before=0):
    """One MSI through entry 5. What must have happened is in the arguments."""
    set_up(m, control)
    m.write("l", IRR, before)
    irte(m, 5, lo)
    tail, had = m.reg(0x2048), m.irr(dest)
    m.msi()
    check(row, "IRR", m.read("l", IRR), bits)
    check(row, "log entries", (m.reg(0x2048) - tail) // 8, log)
    if log:
        check(row, "log entry", m.read("q", GALOG + tail), 1 << 60 | EDU << 32 | lo >> 32)
        check(row, "tail shadow", m.read("q", TAIL), m.reg(0x2048))
    check(row, "local APIC %d" % dest, sorted(set(m.irr(dest)) - set(had)), sorted(apic))
    check(row, "events", m.reg(0x2018), 0)


def without_gappi():
    """gappi=off: no bit says that it is there, and Control.GAPPIEn is reserved."""
    m = Machine(sys.argv[1], sys.argv[2], "ga=on,gappi=off")
    check("gappi=off", "GAPPISup, GASup", m.reg(0x30) & (1 << 5 | 1 << 7), 1 << 7)
    check("gappi=off", "EFR2", m.reg(0x1A0), 0)
    one(m, "gappi=off, GAPPIEn written", GAPPI_ON, 1 | 1 << 7 | 0xF5 << 32, dest=0)
    check("gappi=off", "Control.GAPPIEn", m.reg(0x18) >> 55 & 1, 0)
    m.close()


def main():
    m = Machine(sys.argv[1], sys.argv[2], "ga=on,gappi=on,poison=on")
    guest = 1 | 1 << 7 | TAG << 32
    check("EFR", "GAPPISup, GASup, GAMSup", m.reg(0x30) & (1 << 5 | 1 << 7 | 7 << 21),
          1 << 5 | 1 << 7 | 1 << 21)
    check("EFR2", "GAPPIDisSup", m.reg(0x1A0), 1 << 4)
    one(m, "not running, GALogIntr=0", GALOG_ON, guest)
    one(m, "not running, GALogIntr=1", GALOG_ON, guest | 1 << 2, log=1, apic=[0x31], dest=1)
    one(m, "running, GALogIntr=1", GALOG_ON, guest | 1 << 2 | 1 << 6)
    gappi = 1 | 1 << 7 | 1 << 8 | 0xF1 << 32  # destination 1, vector F1h
    one(m, "GAPPI", GAPPI_ON, gappi, apic=[0xF1], dest=1)
    one(m, "GAPPI, IRR not empty", GAPPI_ON, 1 | 1 << 7 | 0xF2 << 32, bits=0x12, before=0x10)
    one(m, "GAPPI, GAPPIDis=1", GAPPI_ON, 1 | 1 << 7 | 1 << 5 | 0xF3 << 32)
    one(m, "GAPPI, running", GAPPI_ON, 1 | 1 << 7 | 1 << 6 | 0xF4 << 32)
    # a cached field that changes without INVALIDATE_INTERRUPT_TABLE: poison=on makes it a fault
    set_up(m, GALOG_ON)
    irte(m, 5, guest)
    m.msi()
    irte(m, 5, guest, vector=VECTOR + 1)
    m.write("l", IRR, 0)
    m.msi()
    check("stale entry", "IRR", m.read("l", IRR), 0)
    check("stale entry", "event", m.read("q", EVTLOG) >> 48 & 0xF008, 0x2008)
    command(m, 5 << 60 | EDU)
    m.msi()
    check("flushed entry", "IRR", m.read("l", IRR), 1 << (VECTOR + 1 & 31))
    m.close()
    without_gappi()
    return verdict("posting")


sys.exit(main())
