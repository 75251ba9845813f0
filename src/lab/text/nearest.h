/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_NEAREST_H
#define PN_LAB_NEAREST_H

/* Nearest of @n names to @word (edit distance), or NULL if none is near. */
const char *pn_nearest(const char *word, const char *const *names, unsigned n);

#endif
