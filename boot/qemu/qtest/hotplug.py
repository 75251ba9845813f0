#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hotplug.py QEMU FIRMWARE: a processor with AVIC that comes and goes, with memory that changes and
resets of the machine in between."""
import sys

from iommu import check, verdict
from machine import Machine

SELECTOR, FLAGS, EJECT = 0xCD8, 0xCDC, 8
CPU = "EPYC-Milan,+svm,+x2apic,+avic"


def change_memory(m):
    for value in (0x30, 0):
        m.tell("outl 0xcf8 0x80000090")
        m.tell("outb 0xcfc 0x%x" % value)
    m.settle()


def processors(m):
    return len(m.qmp("query-cpus-fast"))


def round_trip(m, name):
    check(name, "plugged", m.qmp("device_add", driver="EPYC-Milan-x86_64-cpu", id=name,
                                 **{"socket-id": 1, "core-id": 0, "thread-id": 0}), {})
    check(name, "has AVIC", m.qmp("qom-get", path="/machine/peripheral/" + name,
                                  property="postern-steps"), "")
    change_memory(m)
    m.qmp("system_reset")
    m.tell("outl 0x%x 0" % SELECTOR)  # not the interface of old
    m.tell("outl 0x%x 1" % SELECTOR)
    m.tell("outb 0x%x %d" % (FLAGS, EJECT))
    m.settle()
    check(name, "processors", processors(m), 1)
    change_memory(m)
    m.qmp("system_reset")
    change_memory(m)


def main():
    m = Machine(sys.argv[1], sys.argv[2], "ga=on", "-S", accel="tcg", cpus="1,sockets=4,maxcpus=4", cpu=CPU)
    for i in range(3):  # TCG has a place for each thread that there ever was, maxcpus in all
        round_trip(m, "cpu%d" % i)
    m.close()
    return verdict("hotplug")


sys.exit(main())
