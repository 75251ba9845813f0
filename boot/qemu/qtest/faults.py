#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""faults.py QEMU FIRMWARE: what the event log says of DMA that is not permitted: which requester, also
behind bridges, in which domain, to what kind of page (48882 rev 3.11, 2.5.3)."""
import sys

from iommu import DEVTAB, GUEST, IRT, check, command, events, set_up, verdict
from machine import EDU, EDU_BAR, Machine

TABLE, BUFFER = 0x1100000, 0x1200000
ADDRESS = 0x123000
V, TV, IR, IW = 1, 2, 1 << 61, 1 << 62
PAGE_FAULT, PR, RW, PE = 2 << 60, 1 << 52, 1 << 53, 1 << 54
BRIDGES = (
    "-device", "pcie-pci-bridge,id=conventional,addr=6.0",
    "-device", "edu,bus=conventional,addr=2.0",
    "-device", "pcie-root-port,id=root,chassis=1,slot=1,addr=7.0",
    "-device", "edu,bus=root,addr=0.0",
    "-device", "i82801b11-bridge,id=dmi,addr=8.0",
    "-device", "edu,bus=dmi,addr=4.0",
)
# bridge, its secondary bus, the device on it, and the ID that its requests carry
BEHIND = (("PCIe-to-PCI bridge", 0x30, 5, 0x510, 0x500),
          ("root port", 0x38, 7, 0x700, 0x700),
          ("DMI-to-PCI bridge", 0x40, 9, 0x920, 0x40))


def device(m, devid, domain, q0):
    for i, q in enumerate((q0 | TABLE | V | TV | 1 << 9, domain, 2 << 60 | IRT | 9 << 1 | 1)):
        m.write("q", DEVTAB + devid * 32 + i * 8, q)
    command(m, 2 << 60 | devid)


def page(m, entry):
    """What ADDRESS leads to."""
    m.write("q", TABLE + (ADDRESS >> 12) * 8, entry)
    command(m, 3 << 60 | 7 << 32, 0x7FFFFFFFFFFFF000 | 3)  # the whole of domain 7


def refused(m, row, to_memory, want, bar=EDU_BAR):
    before = m.read("q", BUFFER)
    m.dma(to_memory, ADDRESS, bar=bar)
    found = events(m)
    check(row, "events", [hex(e) for e, _ in found], [hex(PAGE_FAULT | want)])
    check(row, "address", [hex(a) for _, a in found], [hex(ADDRESS)])
    check(row, "memory", m.read("q", BUFFER), before)


def pages(m):
    at = 7 << 32 | EDU
    device(m, EDU, 7, IR)
    page(m, BUFFER | 1 | IR | IW)
    refused(m, "device may not write", True, at | PR | PE | RW)
    device(m, EDU, 7, IW)
    refused(m, "device may not read", False, at | PR | PE)
    device(m, EDU, 7, IR | IW)
    page(m, 0)
    refused(m, "no entry", True, at | RW)
    refused(m, "no entry, read", False, at)
    page(m, BUFFER | IR | IW)
    refused(m, "page not present", True, at | RW)
    page(m, BUFFER | 1 | IR)
    refused(m, "page may not be written", True, at | PR | PE | RW)
    m.dma(False, ADDRESS)
    check("page may be read", "events", events(m), [])
    refused(m, "translation is cached, page may not be written", True, at | PR | PE | RW)
    page(m, BUFFER | 1 | IR | IW)
    m.write("q", BUFFER, 0)
    m.write("q", EDU_BAR + 0x80, 0)
    m.dma(True, ADDRESS)
    check("page may be written", "events", events(m), [])


def invalidated(m):
    """INVALIDATE_DEVTAB_ENTRY drops what was translated by the entry."""
    device(m, EDU, 7, IR | IW)
    page(m, BUFFER | 1 | IR | IW)
    m.dma(True, ADDRESS)
    check("before INVALIDATE_DEVTAB_ENTRY", "events", events(m), [])
    device(m, EDU, 7, IR)
    refused(m, "after INVALIDATE_DEVTAB_ENTRY", True, 7 << 32 | EDU | PR | PE | RW)


def behind(m, row, bridge, bus, edu, devid):
    bar = 0xE0000000 + (bus << 20)
    m.config(0x18, bus << 16 | bus << 8, bridge)
    m.config(0x20, bar >> 16 | bar, bridge)
    m.config(0x04, 0x6, bridge)
    m.edu_set_up(edu, bar)
    device(m, devid, 0x100 + bus, IR)
    refused(m, row, True, 0x100 + bus << 32 | devid | PR | PE | RW, bar)
    m.msi_to(0xFEE00000, 5, edu)
    m.write("q", IRT + 5 * 16, 0)
    m.write("l", bar + 0x60, 1)
    m.write("l", bar + 0x64, 1)
    check(row, "requester of an MSI", [hex(e & 0xFFFF) for e, _ in events(m)], [hex(devid)])


def main():
    m = Machine(sys.argv[1], sys.argv[2], "ga=on,poison=on", *BRIDGES)
    set_up(m, GUEST)
    pages(m)
    invalidated(m)
    for row in BEHIND:
        behind(m, *row)
    m.close()
    return verdict("faults")


sys.exit(main())
