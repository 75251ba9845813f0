/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_BENCH_H
#define PN_LAB_BENCH_H

/*
 * One figure of `postern bench`. Its peer, if it has one, is measured in the same call on the same
 * machine.
 */
struct pn_bench {
	const char *name, *unit;
	const char *peer; /* name of the peer, or NULL */
	const char *doc;  /* one line */
	/* Measures for about a second. @peer is set only if there is one. 0 or negative errno. */
	int (*fn)(double *value, double *peer);
};

/* The i-th figure; NULL beyond the end. */
const struct pn_bench *pn_bench_get(unsigned i);

#endif
