/* SPDX-License-Identifier: MIT */
/* Hash tables of the tasks, interrupt lines and queues of a recording. */
#include "rec_map.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"

static size_t place(const struct pn_rec_map *m, uint64_t key)
{
	key ^= key >> 32;
	key *= 0x9E3779B97F4A7C15ull;
	return (size_t)(key >> 20) & (m->room - 1);
}

uint32_t pn_rec_map_next(const struct pn_rec_map *m, uint64_t key, size_t *pos)
{
	size_t at;

	if (!m->room)
		return PN_REC_MAP_NONE;
	at = *pos == SIZE_MAX ? place(m, key) : (*pos + 1) & (m->room - 1);
	for (; m->value[at]; at = (at + 1) & (m->room - 1))
		if (m->key[at] == key) {
			*pos = at;
			return m->value[at] - 1;
		}
	return PN_REC_MAP_NONE;
}

static void put(struct pn_rec_map *m, uint64_t key, uint32_t stored)
{
	size_t at = place(m, key);

	while (m->value[at])
		at = (at + 1) & (m->room - 1);
	m->key[at] = key;
	m->value[at] = stored;
	m->n++;
}

static int grow(struct pn_rec_map *m)
{
	struct pn_rec_map more = {.room = m->room ? 2 * m->room : 256};

	more.key = calloc(more.room, sizeof(*more.key));
	more.value = calloc(more.room, sizeof(*more.value));
	if (!more.key || !more.value) {
		pn_rec_map_free(&more);
		return -ENOMEM;
	}
	for (size_t i = 0; i < m->room; i++)
		if (m->value[i])
			put(&more, m->key[i], m->value[i]);
	pn_rec_map_free(m);
	*m = more;
	return 0;
}

int pn_rec_map_add(struct pn_rec_map *m, uint64_t key, uint32_t value)
{
	if (2 * (m->n + 1) > m->room && grow(m))
		return -ENOMEM;
	put(m, key, value + 1);
	return 0;
}

void pn_rec_map_free(struct pn_rec_map *m)
{
	free(m->key);
	free(m->value);
	*m = (struct pn_rec_map){0};
}

uint64_t pn_rec_hash(const char *s, size_t len, uint64_t number)
{
	uint64_t h = PN_HASH_BEGIN ^ number;

	while (len--)
		h = pn_hash_byte(h, (uint8_t)*s++);
	return h;
}
