/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_HASH_H
#define PN_LAB_HASH_H

#include <stdint.h>

/* FNV-1a, 64 bits: the same on all machines. Begin with PN_HASH_BEGIN. */

#define PN_HASH_BEGIN 0xCBF29CE484222325ull

static inline uint64_t pn_hash_byte(uint64_t h, uint8_t byte)
{
	return (h ^ byte) * 0x100000001B3ull;
}

/* Of a string, without its end. */
static inline uint64_t pn_hash_text(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = pn_hash_byte(h, (uint8_t)*text);
	return h;
}

#endif
