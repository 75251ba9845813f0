/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_DIAG_H
#define PN_LAB_DIAG_H

/*
 * What is wrong with an input, for people: "FILE:LINE: what is wrong (what was expected)".
 * Functions that take one fill it whenever they return a negative errno. The lab never prints.
 */
struct pn_diag {
	char file[256];	    /* empty: no file */
	unsigned long line; /* 0: no line */
	char text[640];
};

/* Fills @d (may be NULL) and returns @err. */
__attribute__((format(printf, 5, 6))) int pn_diag_set(struct pn_diag *d, int err, const char *file,
						      unsigned long line, const char *fmt, ...);
/*
 * A text that quotes input stays one line, without control characters for people's terminals: each
 * becomes a '?'.
 */
void pn_diag_clean(char *s);

#endif
