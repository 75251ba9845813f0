/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_WIRE_H
#define PN_LAB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message of Protocol Buffers while it is put together. Past its end bytes are only counted. */
#define PN_WIRE_SIZE 4096

struct pn_wire {
	size_t len;
	uint8_t byte[PN_WIRE_SIZE];
};

static inline void pn_wire_clear(struct pn_wire *w)
{
	w->len = 0;
}

static inline bool pn_wire_fits(const struct pn_wire *w)
{
	return w->len <= PN_WIRE_SIZE;
}

/* Fields of the three wire types that a trace needs. */
void pn_wire_varint(struct pn_wire *w, unsigned field, uint64_t v);
void pn_wire_fixed64(struct pn_wire *w, unsigned field, uint64_t v);
void pn_wire_text(struct pn_wire *w, unsigned field, const char *s);
void pn_wire_message(struct pn_wire *w, unsigned field, const struct pn_wire *inner);

/* Key and length of a field of @len bytes; returns how many bytes of @out they are. */
#define PN_WIRE_HEAD 16
size_t pn_wire_head(uint8_t out[PN_WIRE_HEAD], unsigned field, size_t len);

#endif
