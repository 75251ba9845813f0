/* SPDX-License-Identifier: MIT */
#ifndef PN_HOST_PAGES_H
#define PN_HOST_PAGES_H

#include <stdint.h>

#include "postern/bus.h"

/* The host's share of physical memory, given out once and never taken back. One thread. */
struct pn_pages {
	const struct pn_bus *bus;
	uint64_t next, end; /* physical addresses */
};

void pn_pages_init(struct pn_pages *p, const struct pn_bus *bus, uint64_t first, uint64_t bytes);

/* @bytes of zeroed, physically contiguous memory aligned to @align (a power of two, at least 8);
 * its address in *@pa. NULL when there is no more. */
void *pn_pages_alloc(struct pn_pages *p, uint64_t bytes, uint64_t align, uint64_t *pa);

#endif
