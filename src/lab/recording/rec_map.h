/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REC_MAP_H
#define PN_LAB_REC_MAP_H

#include <stddef.h>
#include <stdint.h>

/* A map from a 64-bit key to a number, which grows. The same key may be there several times: keys
 * that are hashes of names. Zeroed is empty. */
struct pn_rec_map {
	uint64_t *key;
	uint32_t *value; /* + 1; 0: free */
	size_t n, room;
};

#define PN_REC_MAP_NONE UINT32_MAX

/* The values of @key, one after another: *pos is SIZE_MAX before the first; PN_REC_MAP_NONE: no
 * more. */
uint32_t pn_rec_map_next(const struct pn_rec_map *m, uint64_t key, size_t *pos);
/* 0, -ENOMEM. */
int pn_rec_map_add(struct pn_rec_map *m, uint64_t key, uint32_t value);
void pn_rec_map_free(struct pn_rec_map *m);

/* Of a name and a number. */
uint64_t pn_rec_hash(const char *s, size_t len, uint64_t number);

#endif
