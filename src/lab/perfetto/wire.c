/* SPDX-License-Identifier: MIT */
/* The encoding of Protocol Buffers: a field is a key, number and wire type, and its value. */
#include "wire.h"

#include <string.h>

enum { VARINT = 0, FIXED64 = 1, LENGTH = 2 };

static void byte(struct pn_wire *w, uint8_t b)
{
	if (w->len < PN_WIRE_SIZE)
		w->byte[w->len] = b;
	w->len++;
}

/* Seven bits a byte, the low ones first; all bytes but the last have bit 7. */
static void varint(struct pn_wire *w, uint64_t v)
{
	for (; v > 0x7F; v >>= 7)
		byte(w, (uint8_t)(v | 0x80));
	byte(w, (uint8_t)v);
}

static void key(struct pn_wire *w, unsigned field, unsigned type)
{
	varint(w, field << 3 | type);
}

void pn_wire_varint(struct pn_wire *w, unsigned field, uint64_t v)
{
	key(w, field, VARINT);
	varint(w, v);
}

void pn_wire_fixed64(struct pn_wire *w, unsigned field, uint64_t v)
{
	key(w, field, FIXED64);
	for (unsigned i = 0; i < 8; i++)
		byte(w, (uint8_t)(v >> 8 * i));
}

static void put_bytes(struct pn_wire *w, unsigned field, const void *data, size_t len)
{
	key(w, field, LENGTH);
	varint(w, len);
	if (w->len <= PN_WIRE_SIZE && len <= PN_WIRE_SIZE - w->len)
		memcpy(w->byte + w->len, data, len);
	w->len += len;
}

void pn_wire_text(struct pn_wire *w, unsigned field, const char *s)
{
	put_bytes(w, field, s, strlen(s));
}

void pn_wire_message(struct pn_wire *w, unsigned field, const struct pn_wire *inner)
{
	if (pn_wire_fits(inner))
		put_bytes(w, field, inner->byte, inner->len);
	else
		w->len = PN_WIRE_SIZE + 1;
}

size_t pn_wire_head(uint8_t out[PN_WIRE_HEAD], unsigned field, size_t len)
{
	struct pn_wire w;

	pn_wire_clear(&w);
	key(&w, field, LENGTH);
	varint(&w, len);
	memcpy(out, w.byte, w.len);
	return w.len;
}
