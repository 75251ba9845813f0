#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""threads.py QEMU FIRMWARE [ROUNDS]: a disk in a thread of its own whose DMA faults, and meanwhile
interrupts that fault and register accesses. Every event has a place of its own in the log."""
import struct
import sys
import time

import iommu
from iommu import DEVTAB, GUEST, IRT, check, command, set_up, verdict
from machine import EDU, EDU_BAR, Machine

DISK, DISK_BAR = 0x20, 0xE8000000
LOG = 0x2000000
TABLE, RING = 0x1100000, 0x1200000
AT = 0x4000  # where the disk finds RING
AVAIL, USED, HEADER, STATUS = 0x1000, 0x2000, 0x3000, 0x3010  # after it
PARTS = 128  # descriptors that fault, of one request
REQUESTS, MSIS = 64, 400  # of one round
LOG_ON, EVENTS = 1 << 2, 1 << 3  # Control.EventLogEn, EventIntEn
DISK_ARGS = (
    "-object", "iothread,id=thread",
    "-blockdev", "null-co,node-name=nothing,size=1048576",
    "-device", "virtio-blk-pci,drive=nothing,iothread=thread,iommu_platform=on,disable-legacy=on,"
    "x-max-bounce-buffer-size=1048576,addr=4.0",
)


def translate(m):
    """The rings are at AT; nothing else is anywhere."""
    for i, q in enumerate((TABLE | 3 | 1 << 9 | 3 << 61, 3, 0)):
        m.write("q", DEVTAB + DISK * 32 + i * 8, q)
    for page in range(4):
        m.write("q", TABLE + (AT // 4096 + page) * 8, RING + page * 4096 | 1 | 3 << 61)
    command(m, 2 << 60 | DISK)


def descriptor(m, i, address, length, flags):
    m.write("q", RING + i * 16, address)
    m.write("q", RING + i * 16 + 8, length | flags << 32 | (i + 1) << 48)


def start_disk(m):
    m.config(0x20, DISK_BAR, DISK)
    m.config(0x24, 0, DISK)
    m.config(0x04, 6, DISK)
    for offset, value in ((0x14, "b0"), (0x14, "b1"), (0x14, "b3"), (8, "l0"), (12, "l0"),
                          (8, "l1"), (12, "l3"), (0x14, "b11"), (0x16, "w0"), (0x18, "w256"),
                          (0x20, "l%d" % AT), (0x28, "l%d" % (AT + AVAIL)),
                          (0x30, "l%d" % (AT + USED)), (0x1C, "w1"), (0x14, "b15")):
        m.write(value[0], DISK_BAR + offset, int(value[1:]))
    check("disk", "status", m.read("b", DISK_BAR + 0x14), 15)
    descriptor(m, 0, AT + HEADER, 16, 1)
    for i in range(1, PARTS + 1):
        descriptor(m, i, 0x100000 + i * 4096, 4, 3)
    descriptor(m, PARTS + 1, AT + STATUS, 1, 2)
    m.write("w", RING + AVAIL, 1)


def request(m, number):
    m.write("w", RING + AVAIL + 2, number & 0xFFFF)
    m.write("w", DISK_BAR + 0x3000, 0)


def wait_for(m, number):
    end = time.monotonic() + 60
    while m.read("w", RING + USED + 2) != number & 0xFFFF:
        if time.monotonic() > end:
            raise RuntimeError("the disk does not answer")


def one_round(m, number):
    """Both at once. Returns how many events of the disk there were."""
    m.reg(0x18, GUEST & ~LOG_ON)  # translation stays on: the disk's thread looks at its ring
    m.reg(0x10, LOG | 15 << 56)
    m.reg(0x18, GUEST | EVENTS)
    m.write("q", IRT + 5 * 16, 0)
    m.tell("memset 0x%x 0x%x 0" % (LOG, 1 << 19))
    request(m, number * REQUESTS)
    for i in range(MSIS):
        m.write("l", EDU_BAR + 0x60, 1)
        if i % 16 == 0:
            command(m, 2 << 60 | DISK)
    wait_for(m, number * REQUESTS)
    tail = m.reg(0x2018)
    m.settle()
    m.files["qtest"].write("read 0x%x 0x%x\n" % (LOG, tail or 16))
    m.files["qtest"].flush()
    log = bytes.fromhex(m.answer()[1][2:])
    ids = [struct.unpack_from("<Q", log, at)[0] & 0xF00000000000FFFF for at in range(0, tail, 16)]
    row = "round %d" % number
    check(row, "events of the interrupts", ids.count(2 << 60 | EDU), MSIS)
    check(row, "empty places", ids.count(0), 0)
    check(row, "overflow", m.reg(0x2020) & 1, 0)
    return ids.count(2 << 60 | DISK)


def main():
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    m = Machine(sys.argv[1], sys.argv[2], "ga=on", *DISK_ARGS)
    set_up(m, GUEST)
    translate(m)
    start_disk(m)
    events = sum(one_round(m, i) for i in range(1, rounds + 1))
    check("disk", "events, a few for each part", events >= rounds * REQUESTS * PARTS, True)
    check("IOMMU's interrupt", "pending", 0x33 in m.irr(0), True)
    m.close()
    print("threads: %d events of the disk, %d of interrupts" % (events, rounds * MSIS))
    return verdict("threads")


sys.exit(main())
