/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_PAIR_H
#define POSTERN_BARE_PAIR_H

#include "guest.h"

/* Two processors, a guest on each: code that the rows of both vendors share. */

#define EVER (1ull << 62) /* turns of a guest that waits for an event that must come */

/* Gives the second processor its guest, and waits until the guest's flag is up. */
bool second_enters(void);
void second_leaves(void);
/* The second guest sets its flag and takes one interrupt. */
void second_waits(uint64_t turns);

/*
 * The first guest sends vector 45h to the second one, which runs; no guest exits for it. True if
 * the IPI could be sent.
 */
bool pair_ipi(bool x2);
void pair_ping_pong(void);

/*
 * Implemented for each vendor: runs a guest that may wait without end; prepares an IPI to the
 * second guest.
 */
void vendor_run(void *vm);
void vendor_second_runs(void);

#endif
