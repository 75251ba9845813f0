/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_MEANWHILE_H
#define POSTERN_L1_MEANWHILE_H

#include <stdbool.h>

#include "msis.h"

/* A disturbance of the host while its drives are read; NULL: there is none of that name. */
struct meanwhile {
	const char *name;
	/* The @n-th time; false: it could not be done, errno says why. @nvme is the drive that is
	 * moved or reset. */
	bool (*once)(const struct msis *before, unsigned n, const char *nvme);
	bool rows; /* the rows of /proc/interrupts keep their counts */
};

const struct meanwhile *meanwhile_find(const char *name);
/* Takes CPU @cpu offline, and back with @on = "1". False: errno says why. */
bool meanwhile_switch(unsigned cpu, const char *on);

#endif
