/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_BELLS_H
#define POSTERN_L1_BELLS_H

#include "edu.h"
#include "pci.h"

#define BELLS_MAX 256

/* The device of this project with many MSI-X messages, each with its eventfd. */
struct bells {
	struct edu dev; /* as edu is opened; its own eventfd is not used */
	unsigned n;
	int eventfd[BELLS_MAX];
};

/* The first @n messages of @device, of pci.h, are enabled. */
void bells_open(struct bells *b, uint16_t device, unsigned n);
void bells_close(struct bells *b);
/* PCI_BELLS: message @i is sent. */
void bells_ring(const struct bells *b, unsigned i);
/* PCI_BELLS: it sends its messages one after the other while it has power; how many it sent. */
void bells_send(const struct bells *b, uint32_t delay_ns, uint32_t spacing_ns);
uint32_t bells_sent(const struct bells *b);

#endif
