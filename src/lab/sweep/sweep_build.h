/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_SWEEP_BUILD_H
#define PN_LAB_SWEEP_BUILD_H

#include "ini_text.h"
#include "sweep.h"

/* A sweep while it is read. */
struct pn_sweep_build {
	struct pn_sweep *s;
	enum { IN_SWEEP, IN_SET, IN_AXES } in;
	unsigned long key_line[16]; /* of [sweep]; 0: not said */
	char along[112];
	unsigned long along_line, batches_line;
};

/* Defaults of what was not said, then checks. */
int pn_sweep_check(struct pn_sweep_build *b, struct pn_diag *d);

#endif
