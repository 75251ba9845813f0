/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_BELLS_H
#define POSTERN_L1_BELLS_H

#include "edu.h"

#define BELLS_MAX 256

/* The device "postern-bells": an MSI-X message for each write of its number. */
struct bells {
	struct edu dev; /* as edu is opened; its own eventfd is not used */
	unsigned n;
	int eventfd[BELLS_MAX];
};

/* The first @n messages are enabled, each with its eventfd. */
void bells_open(struct bells *b, unsigned n);
void bells_close(struct bells *b);
void bells_ring(const struct bells *b, unsigned i);

#endif
