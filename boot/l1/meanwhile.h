/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_MEANWHILE_H
#define POSTERN_L1_MEANWHILE_H

#include <stdbool.h>

#include "msis.h"

/* What is done to the host while its drives are read; NULL: there is no such thing. */
struct meanwhile {
	const char *name;
	/* The @n-th time; false: it could not be done, errno says why. @nvme is the drive that is
	 * moved or reset. */
	bool (*once)(const struct msis *before, unsigned n, const char *nvme);
	bool rows; /* the rows of /proc/interrupts go on, and do not begin anew */
};

const struct meanwhile *meanwhile_find(const char *name);

#endif
