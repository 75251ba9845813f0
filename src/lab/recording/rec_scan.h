/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REC_SCAN_H
#define PN_LAB_REC_SCAN_H

/* Small steps through a line [s, end): each returns where it ended, or NULL. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool pn_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool pn_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool pn_is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static inline const char *pn_skip_blanks(const char *s, const char *end)
{
	while (s < end && pn_is_blank(*s))
		s++;
	return s;
}

static inline const char *pn_skip_word(const char *s, const char *end)
{
	while (s < end && !pn_is_blank(*s))
		s++;
	return s;
}

static inline const char *pn_trim(const char *s, const char *end)
{
	while (end > s && pn_is_blank(end[-1]))
		end--;
	return end;
}

/* Digits that fit below 10^18. */
static inline const char *pn_number(const char *s, const char *end, uint64_t *out)
{
	const char *from = s;
	uint64_t v = 0;

	for (; s < end && pn_is_digit(*s) && s - from < 18; s++)
		v = v * 10 + (uint64_t)(*s - '0');
	if (s == from || (s < end && pn_is_digit(*s)))
		return NULL;
	*out = v;
	return s;
}

static inline const char *pn_literal(const char *s, const char *end, const char *what)
{
	size_t len = strlen(what);

	return (size_t)(end - s) >= len && !memcmp(s, what, len) ? s + len : NULL;
}

/* Where @what begins. */
static inline const char *pn_find(const char *s, const char *end, const char *what)
{
	size_t len = strlen(what);

	while ((size_t)(end - s) >= len) {
		s = memchr(s, what[0], (size_t)(end - s) - len + 1);
		if (!s || !memcmp(s, what, len))
			return s;
		s++;
	}
	return NULL;
}

#endif
