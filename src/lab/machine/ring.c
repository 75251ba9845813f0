/* SPDX-License-Identifier: MIT */
/* A ring buffer of elements of any size that grows when it is full. */
#include "ring.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64u

void *pn_ring_more(void *ring, uint32_t *room, uint32_t *head, size_t size)
{
	uint32_t n = *room, first = n - *head;
	char *old = ring, *more = NULL;

	if (n <= UINT32_MAX / 2)
		more = reallocarray(NULL, n ? n * 2 : FIRST_ROOM, size);
	if (!more)
		return NULL;
	if (n) {
		memcpy(more, old + *head * size, first * size);
		memcpy(more + first * size, old, *head * size);
	}
	free(ring);
	*room = n ? n * 2 : FIRST_ROOM;
	*head = 0;
	return more;
}
