/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_SOLO_AMD_H
#define PN_LAB_CASES_SOLO_AMD_H

#include "rig_amd.h"

/*
 * Silicon alone, with memory of its own behind the bus's map(): pages can be absent and can move,
 * and what the model says that it stored is followed.
 */

#define SOLO_PA	   0x800000ull
#define SOLO_PAGES 24u
#define SOLO_SIZE  (SOLO_PAGES * 4096u)
#define SOLO_AT(n) (SOLO_PA + (n)*4096ull)

struct solo {
	struct pn_bus bus;
	struct pn_agent agent;
	struct pn_step_table steps;
	uint8_t *mem;
	uint8_t *followed;    /* as an embedder sees it that is told of each store */
	uint32_t hole;	      /* page without memory, + 1 */
	uint32_t end;	      /* memory ends before its last page does; 0: it does not */
	uint32_t skew;	      /* what the bus gives is off by this */
	struct pn_intr intr;  /* the last */
	uint32_t intrs;	      /* how many */
	uint32_t bell;	      /* CPU of the last doorbell */
	uint32_t bells;	      /* how many */
	uint32_t evaluations; /* of the core */
	uint32_t lost;	      /* doorbells in host mode */
	struct pn_avic *ring; /* its doorbell rings while it maps memory */
	struct pn_amdvi *vi;  /* solo_amdvi.h: the IOMMU that is driven */
};

extern struct solo *solo;

/* The machine without threads. */
void solo_build(void);
void *solo_ptr(uint64_t pa);
uint32_t solo_ld32(uint64_t pa);
uint64_t solo_ld64(uint64_t pa);
/* Software stores. */
void solo_st32(uint64_t pa, uint32_t value);
void solo_st64(uint64_t pa, uint64_t value);
/* Nothing was stored that the bus was not told of. */
void solo_followed(void);

#endif
