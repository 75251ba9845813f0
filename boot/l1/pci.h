/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_PCI_H
#define POSTERN_L1_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_DEVICES "/sys/bus/pci/devices"

/* Devices of QEMU that the runs use, by device ID. */
#define PCI_EDU	  0x11e8
#define PCI_STEPS 0x11f0
#define PCI_BELLS 0x11f1
#define PCI_METER 0x11e9

/* Finds the address of QEMU's @nth device with ID @device. False: there is none. */
bool pci_find(uint16_t device, unsigned nth, char *name, size_t size);

#endif
