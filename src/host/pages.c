/* SPDX-License-Identifier: MIT */
/* Gives out physical memory to the host, zeroed and aligned, and never takes it back. */
#include "pages.h"

#include <string.h>

void pn_pages_init(struct pn_pages *p, const struct pn_bus *bus, uint64_t first, uint64_t bytes)
{
	p->bus = bus;
	p->next = first;
	p->end = bytes > UINT64_MAX - first ? UINT64_MAX : first + bytes;
}

void *pn_pages_alloc(struct pn_pages *p, uint64_t bytes, uint64_t align, uint64_t *pa)
{
	uint64_t first;
	void *mem;

	if (align < 8 || (align & (align - 1)) || !bytes || p->next > UINT64_MAX - (align - 1))
		return NULL;
	first = (p->next + align - 1) & ~(align - 1);
	if (first > p->end || bytes > p->end - first || bytes > SIZE_MAX)
		return NULL;
	mem = pn_bus_ptr(p->bus, first, (size_t)bytes);
	if (!mem)
		return NULL;
	/* No other agent uses this memory yet. */
	memset(mem, 0, (size_t)bytes);
	p->next = first + bytes;
	*pa = first;
	return mem;
}
