#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memory.py QEMU FIRMWARE: memory that is plugged, unplugged, and made read-only under what the IOMMU
has cached."""
import sys
import time

from iommu import BIT, GUEST, IRR_WORD, POSTED, check, events, irte, set_up, verdict
from machine import EDU, Machine

PAGE_ERROR = 4 << 60 | 1 << 57 | 1 << 51 | EDU  # an interrupt's page does not answer
DIMM, SIZE = 0x100000000, 128 << 20
EJECT = 8


def posted(m, row, page):
    m.write("l", page + IRR_WORD, 0)
    m.msi()
    check(row, "IRR", m.read("l", page + IRR_WORD), BIT)
    check(row, "events", events(m), [])


def refused(m, row, page):
    m.msi()
    check(row, "events", events(m), [(PAGE_ERROR, page)])


def pam(m, value):
    """Of F0000h to FFFFFh: 3 RAM, 1 RAM that cannot be written, 0 ROM."""
    m.tell("outl 0xcf8 0x80000090")
    m.tell("outb 0xcfc 0x%x" % (value << 4))


def shadow(m):
    page = 0xF0000
    pam(m, 3)
    set_up(m, GUEST)
    irte(m, 5, POSTED, page=page)
    posted(m, "shadow RAM", page)
    m.write("l", page + IRR_WORD, 0)
    pam(m, 1)
    refused(m, "read-only shadow RAM", page)
    check("read-only shadow RAM", "IRR", m.read("l", page + IRR_WORD), 0)
    pam(m, 0)
    refused(m, "ROM", page)
    pam(m, 3)
    posted(m, "shadow RAM again", page)
    pam(m, 0)


def log_in_rom(m):
    """The event log is looked for each time."""
    set_up(m, GUEST, log=0xF0000 | 8 << 56)
    pam(m, 3)
    m.write("q", 0xF0000, 0)
    pam(m, 0)
    irte(m, 5, 0)
    m.msi()
    pam(m, 3)
    check("event log in ROM", "entry", m.read("q", 0xF0000), 0)
    pam(m, 0)


def plug(m, name):
    m.settle()
    for answer in (m.qmp("object-add", **{"qom-type": "memory-backend-ram", "id": name,
                                          "size": SIZE}),
                   m.qmp("device_add", driver="pc-dimm", id="dimm-" + name, memdev=name,
                         addr=DIMM, slot=0)):
        check(name, "plugged", answer, {})


def unplug(m, name):
    """As the operating system ejects it."""
    m.tell("outl 0xa00 0")
    m.tell("outb 0xa14 %d" % EJECT)
    m.settle()
    check(name, "still there", m.qmp("query-memory-devices"), [])
    check(name, "let go", m.qmp("object-del", id=name), {})


def blocks(m):
    """How much RAM the emulator has: a block that is no longer used has lost its name."""
    return len(m.monitor("info ramblock").splitlines())


def freed(m, before):
    end = time.monotonic() + 10
    while blocks(m) != before and time.monotonic() < end:
        time.sleep(0.05)
    check("unplugged", "blocks of RAM", blocks(m), before)


def dimms(m):
    page, before = DIMM + 0x3000, blocks(m)
    set_up(m, GUEST)
    irte(m, 5, POSTED, page=page)
    refused(m, "no memory yet", page)
    plug(m, "first")
    posted(m, "plugged", page)
    unplug(m, "first")
    refused(m, "unplugged", page)
    freed(m, before)
    plug(m, "second")
    posted(m, "another plugged", page)
    unplug(m, "second")
    plug(m, "third")
    check("a third", "IRR", m.read("l", page + IRR_WORD), 0)
    posted(m, "a third under a cached entry", page)
    unplug(m, "third")
    freed(m, before)


def main():
    m = Machine(sys.argv[1], sys.argv[2], "ga=on,poison=on", memory="64,slots=2,maxmem=1G")
    shadow(m)
    log_in_rom(m)
    dimms(m)
    m.close()
    return verdict("memory")


sys.exit(main())
