/* SPDX-License-Identifier: MIT */
/* Finds the known name that is nearest to a misspelled one. */
#include <stddef.h>
#include <string.h>

#include "nearest.h"

#define MAX_WORD 40

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '-' ? '_' : c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edit distance in which swapping two neighbours counts as one edit; case does not count. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[3][MAX_WORD + 1];
	unsigned *before = row[0], *prev = row[1], *cur = row[2], *t;
	size_t i, j;

	for (j = 0; j <= nb; j++)
		prev[j] = (unsigned)j;
	for (i = 1; i <= na; i++) {
		cur[0] = (unsigned)i;
		for (j = 1; j <= nb; j++) {
			unsigned differ = lower(a[i - 1]) != lower(b[j - 1]);

			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + differ);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
		t = before;
		before = prev;
		prev = cur;
		cur = t;
	}
	return prev[nb];
}

const char *pn_nearest(const char *word, const char *const *names, unsigned n)
{
	const char *best = NULL;
	unsigned best_d = 0;
	size_t len = strlen(word);

	if (!len || len > MAX_WORD)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		size_t nl = strlen(names[i]);
		size_t longer = nl > len ? nl : len;
		unsigned d;

		if (nl > MAX_WORD)
			continue;
		d = distance(word, len, names[i], nl);
		/* a word that stops early is meant to be the longer one */
		if (len >= 4 && nl > len && !strncmp(word, names[i], len))
			d = 1;
		if (d > (longer + 1) / 3 || (best && d >= best_d))
			continue;
		best = names[i];
		best_d = d;
	}
	return best;
}
