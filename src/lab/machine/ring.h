/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_RING_H
#define PN_LAB_RING_H

#include <stddef.h>
#include <stdint.h>

/*
 * A ring of *@room elements (0, or a power of two) of @size bytes is full: a larger one with the
 * same elements from index 0 on; @ring is gone and *@head is 0. NULL: no memory, and nothing has
 * changed. Index k of it is (head + k) & (room - 1).
 */
void *pn_ring_more(void *ring, uint32_t *room, uint32_t *head, size_t size);

#endif
