/* SPDX-License-Identifier: MIT */
#ifndef PN_PX_STATES_H
#define PN_PX_STATES_H

#include "engine.h"

/*
 * Each state with the processes that were asleep whenever it was met, that is: of which nothing was
 * tried from there (P. Godefroid, "Partial-Order Methods for the Verification of Concurrent
 * Systems", LNCS 1032, 1996, section 5.3).
 */
struct px_states {
	struct px_hash *key; /* 0: free */
	uint32_t *asleep;
	uint64_t slots, n;
};

enum { PX_STATE_NEW, PX_STATE_KNOWN };

/*
 * The search is in the state @h with the processes @asleep. PX_STATE_KNOWN: it was there before,
 * and has to try those of @missed only. Or -ENOMEM.
 */
int px_states_visit(struct px_states *s, struct px_hash h, uint32_t asleep, uint32_t *missed);
size_t px_states_memory(const struct px_states *s);
void px_states_free(struct px_states *s);

#endif
