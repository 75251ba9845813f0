/* SPDX-License-Identifier: MIT */
/* The states that the search has met: an open hash table of 128-bit hashes. */
#include "states.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_SLOTS (1u << 12)

static uint64_t slot_of(const struct px_states *s, struct px_hash h)
{
	uint64_t i = h.lo & (s->slots - 1);

	while ((s->key[i].lo | s->key[i].hi) && (s->key[i].lo != h.lo || s->key[i].hi != h.hi))
		i = (i + 1) & (s->slots - 1);
	return i;
}

static int grow(struct px_states *s)
{
	struct px_states bigger = {.slots = s->slots ? 2 * s->slots : FIRST_SLOTS};

	bigger.key = calloc(bigger.slots, sizeof(*bigger.key));
	bigger.asleep = calloc(bigger.slots, sizeof(*bigger.asleep));
	if (!bigger.key || !bigger.asleep) {
		free(bigger.key);
		free(bigger.asleep);
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < s->slots; i++) {
		uint64_t to;

		if (!(s->key[i].lo | s->key[i].hi))
			continue;
		to = slot_of(&bigger, s->key[i]);
		bigger.key[to] = s->key[i];
		bigger.asleep[to] = s->asleep[i];
	}
	bigger.n = s->n;
	px_states_free(s);
	*s = bigger;
	return 0;
}

int px_states_visit(struct px_states *s, struct px_hash h, uint32_t asleep, uint32_t *missed)
{
	uint64_t i;

	if (2 * (s->n + 1) > s->slots) {
		int err = grow(s);

		if (err)
			return err;
	}
	if (!(h.lo | h.hi))
		h.hi = 1;
	i = slot_of(s, h);
	if (!(s->key[i].lo | s->key[i].hi)) {
		s->key[i] = h;
		s->asleep[i] = asleep;
		s->n++;
		return PX_STATE_NEW;
	}
	*missed = s->asleep[i] & ~asleep;
	s->asleep[i] &= asleep;
	return PX_STATE_KNOWN;
}

size_t px_states_memory(const struct px_states *s)
{
	return s->slots * (sizeof(*s->key) + sizeof(*s->asleep));
}

void px_states_free(struct px_states *s)
{
	free(s->key);
	free(s->asleep);
	*s = (struct px_states){0};
}
