/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_EDU_H
#define POSTERN_L1_EDU_H

#include <stdint.h>

/*
 * The device: QEMU's "edu", which sends one MSI for every write to its raise register, or asserts
 * INTx if its MSI is off. Opened through VFIO with a type 1 container, as a VMM does it.
 */
struct edu {
	char name[16]; /* PCI address */
	int container, group, device;
	volatile uint32_t *bar;
	int eventfd; /* signalled by the host's handler when the MSI is not posted */
};

/* The @nth edu of the machine, bound to vfio-pci. */
void edu_open(struct edu *edu, unsigned nth);
/* The same for another device with a BAR 0 of registers: see pci.h. */
void edu_open_as(struct edu *edu, uint16_t device, unsigned nth);
void edu_close(struct edu *edu);
/* The MSI goes to edu->eventfd from now on. */
void edu_msi_enable(struct edu *edu);
void edu_msi_disable(struct edu *edu);
/* An MSI that is enabled goes to @eventfd from now on; -1: nowhere, and no guest has it. */
void edu_msi_signal(const struct edu *edu, int eventfd);
/* Sets the CPU that takes the MSI if it is not posted. */
void edu_msi_affinity(const struct edu *edu, int pcpu);
/* INTx instead, while the MSI is off: @eventfd is written, and INTx masked until @unmask is. */
void edu_intx_enable(const struct edu *edu, int eventfd, int unmask);
void edu_intx_disable(const struct edu *edu);
/* One MSI; or INTx, until it is acknowledged. */
void edu_raise(const struct edu *edu);
void edu_acknowledge(const struct edu *edu);
/* A page at address 0 for the device's DMA, until edu_close(). */
void edu_dma_map(const struct edu *edu);
/* Reads of that page. When it is done, EDU_DMA_NS later, the device sends one MSI by itself. */
void edu_dma(const struct edu *edu);
#define EDU_DMA_NS 100000000u

#endif
