#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""snapshot.py QEMU FIRMWARE: a reset leaves the IOMMU's registers as at power on; another process goes on
with the IOMMU of a machine that was saved; and which IOMMUs cannot be saved, by name."""
import os
import sys
import tempfile
import time

from iommu import DEVTAB, GALOG_ON, GAPPI_ON, IRR, TAG, VECTOR, check, events, irte, set_up, verdict
from machine import AMD, EDU, INTEL, Machine

OPTIONS = "ga=on,gappi=on,poison=on"
TABLE = 0x1200000
GUEST = 1 | 1 << 7 | TAG << 32  # RemapEn, GuestMode; not running
LOGGED = GUEST | 1 << 2
GAPPI = 1 | 1 << 7 | 1 << 8 | 0xF1 << 32  # destination 1, vector F1h
REGISTERS = [r for base in (0, 0x2000) for r in range(base, base + 0x200, 8)]
REFUSED = (
    (AMD, "ga=off", "the state of amd-iommu with ga=off cannot migrate (ga=on allows it)"),
    (INTEL, "pi=on", "the state of Postern's VT-d unit is not migrated"),
)


def registers(m):
    return [m.reg(r) for r in REGISTERS]


def post(m):
    """Log entries and the IRR after one MSI."""
    m.write("l", IRR, 0)
    tail = m.reg(0x2048)
    m.msi()
    return (m.reg(0x2048) - tail) // 8, m.read("l", IRR)


def moved(m):
    for _ in range(600):
        status = m.qmp("query-migrate").get("status")
        if status in ("completed", "failed"):
            break
        time.sleep(0.1)
    return status


def successor(m, path, options=OPTIONS):
    """The machine goes to another process."""
    m.settle()
    m.qmp("stop")
    check("saved", "migrate", m.qmp("migrate", uri="file:" + path), {})
    check("saved", "status", moved(m), "completed")
    m.close()
    m = Machine(sys.argv[1], sys.argv[2], options, "-incoming", "defer")
    m.settle()
    m.qmp("migrate-incoming", uri="file:" + path)
    check("loaded", "status", moved(m), "completed")
    m.qmp("cont")
    return m


def reset(m):
    fresh = registers(m)
    set_up(m, GALOG_ON)
    irte(m, 5, LOGGED)
    post(m)
    for offset in REGISTERS:
        m.reg(offset, (1 << 64) - 1)
    check("in use", "registers differ", registers(m) != fresh, True)
    m.qmp("system_reset")
    for offset, now, then in zip(REGISTERS, registers(m), fresh):
        check("after a reset", "register %x" % offset, hex(now), hex(then))
    m.edu_set_up()


def goes_on(m, path):
    set_up(m, GALOG_ON)
    irte(m, 5, LOGGED)
    check("before", "log, IRR", post(m), (1, 1 << (VECTOR & 31)))
    m.write("q", DEVTAB + EDU * 32, TABLE | 1 << 9 | 3)  # one level, valid; no access is permitted
    before, steps = registers(m), m.steps()
    m = successor(m, path)
    check("loaded", "registers", registers(m), before)
    check("loaded", "steps", m.steps(), steps)
    m.dma(False, 0)  # before a register is written, from which translation could learn the others
    check("loaded", "log, IRR", post(m), (1, 1 << (VECTOR & 31)))
    check("loaded", "events: the fault of that DMA", [e[0] >> 60 & 0xF for e in events(m)], [2])
    set_up(m, GAPPI_ON)
    irte(m, 5, GAPPI)
    return m


def wakes(m, path):
    """The first interrupt after it is a GAPPI."""
    m = successor(m, path)
    had = m.irr(1)
    check("GAPPI", "log, IRR", post(m), (0, 1 << (VECTOR & 31)))
    check("GAPPI", "local APIC 1", sorted(set(m.irr(1)) - set(had)), [0xF1])
    return m


def refused():
    for iommu, options, text in REFUSED:
        m = Machine(sys.argv[1], sys.argv[2], options, iommu=iommu)
        check(options, "what stops a migration", m.qmp("query-migrate").get("blocked-reasons"), [text])
        said = m.qmp("migrate", uri="file:/dev/null")
        check(options, "migration", text in said.get("desc", ""), True)
        m.close()


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "state")
        m = Machine(sys.argv[1], sys.argv[2], OPTIONS)
        reset(m)
        m = wakes(goes_on(m, path), path)
        m.close()
    refused()
    return verdict("snapshot")


sys.exit(main())
