# SPDX-License-Identifier: GPL-2.0-or-later
"""The IOMMU as a driver programs it: one device, one remapping table, one vAPIC page."""
from machine import EDU

DEVTAB, CMDBUF, EVTLOG, GALOG, TAIL, IRT, PAGE = (0x1000000 + i * 0x10000 for i in range(7))
LEN8 = 8 << 56
RUN = 1 | 1 << 2 | 1 << 12  # IommuEn, EventLogEn, CmdBufEn
GUEST = RUN | 1 << 17 | 1 << 25 | 1 << 50 | 1 << 51  # GAEn, GAMEn, XTEn, IntCapXTEn
GALOG_ON = GUEST | 1 << 28 | 1 << 29
GAPPI_ON = GUEST | 1 << 55
VECTOR = 0x41
BIT = 1 << (VECTOR & 31)
IRR_WORD = 0x200 + (VECTOR >> 5) * 16
IRR = PAGE + IRR_WORD
TAG = 0xABCDE123
POSTED = 1 | 1 << 7 | TAG << 32  # RemapEn, GuestMode; not running, no notification

failed = 0


def check(row, what, got, want):
    global failed
    if got != want:
        failed += 1
        print("%s: %s is %r, expected %r" % (row, what, got, want))


def verdict(name):
    print("%s: %s" % (name, "%d differences" % failed if failed else "ok"))
    return failed != 0


def irte(m, index, lo, vector=VECTOR, page=PAGE):
    m.write("q", IRT + index * 16, lo)
    m.write("q", IRT + index * 16 + 8, page | vector)


def command(m, q0, q1=0):
    tail = m.reg(0x2008)
    m.write("q", CMDBUF + tail, q0)
    m.write("q", CMDBUF + tail + 8, q1)
    m.reg(0x2008, (tail + 16) % 4096)


def set_up(m, control, log=EVTLOG | LEN8):
    m.reg(0x18, 0)
    for offset, value in ((0, DEVTAB | 0xF), (8, CMDBUF | LEN8), (0x10, log),
                          (0xE0, GALOG | LEN8), (0xE8, TAIL), (0x170, 0x33 << 32),
                          (0x180, 0x31 << 32 | 1 << 8), (0x2020, 0x667)):
        m.reg(offset, value)
    m.write("q", DEVTAB + EDU * 32 + 16, 2 << 60 | IRT | 9 << 1 | 1)
    m.reg(0x18, control)
    command(m, 8 << 60)
    m.write("l", IRR, 0)
    m.msi_to(0xFEE00000, 5)


def events(m):
    """What the event log has since it was asked last."""
    head, tail = m.reg(0x2010), m.reg(0x2018)
    log = m.reg(0x10) & 0xFFFFFFFFFF000
    found = [(m.read("q", log + at), m.read("q", log + at + 8)) for at in range(head, tail, 16)]
    m.reg(0x2010, tail)
    return found
