/* SPDX-License-Identifier: MIT */
/* The allocator that hardware code uses in the explorer. */
#include <stdlib.h>
#include <string.h>

#include "px.h"

/*
 * The allocations that hardware makes when it is created: they come out of the program's memory, so
 * that every execution starts with the same hardware. Nothing is given back.
 */
void *px_calloc(size_t n, size_t size);
void *px_aligned_alloc(size_t align, size_t size);
void px_free(void *p);

void *px_calloc(size_t n, size_t size)
{
	return size && n > SIZE_MAX / size ? NULL : px_alloc(n * size, 64);
}

void *px_aligned_alloc(size_t align, size_t size)
{
	void *p = px_alloc(size, align < 16 ? 16 : align);

	/* What the C library gives is not zero, either. */
	if (p)
		memset(p, 0xA5, size);
	return p;
}

void px_free(void *p)
{
	(void)p;
}
