/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_PAIR_H
#define POSTERN_BARE_PAIR_H

#include "guest.h"

/* Two processors, a guest on each: what the rows of either vendor have in common. */

#define EVER (1ull << 62) /* turns of a guest that waits for what must come */

/* Gives the second processor its guest, and waits until the guest's flag is up. */
bool second_enters(void);
void second_leaves(void);
/* The second guest says that it runs, and takes one interrupt. */
void second_waits(uint64_t turns);

/* The first guest sends vector 45h to the second one, which runs; no guest leaves for it. True if
 * it came to that. */
bool pair_ipi(bool x2);
void pair_ping_pong(void);

/* The vendor's: runs a guest that may wait in vain; what an IPI to the second guest needs. */
void vendor_run(void *vm);
void vendor_second_runs(void);

#endif
