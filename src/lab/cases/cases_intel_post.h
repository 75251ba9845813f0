/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_INTEL_POST_H
#define PN_LAB_CASES_INTEL_POST_H

#include "solo_intel.h"

/* The case of requests to one remapping unit: what its files share. */

#define NV   0xF2u
#define SID  8u
#define FARA 0x7FFF0000ull /* no memory */

#define SVT(n) ((uint64_t)(n) << PN_VIRTE_SVT_SH)

/* Units by their kind; the table, and one descriptor. */
extern struct post_units {
	struct pn_vtd *plain, *strict, *old, *poison, *unposting, *small, *mapped, *wide, *caching,
		*alone, *required, *almost;
	uint64_t irt, pid_pa;
} post_units;

struct pn_pid *post_pid(void);
struct pn_virte_raw *post_entry(unsigned i);
/* On, with a table of 8 entries. */
void post_begin(struct pn_vtd *v, uint64_t eime, const char *what);
/* As the last operation: blocked for @reason, 0: without a record. */
void post_blocks(struct pn_msi msi, unsigned reason, unsigned index, const char *what);
/* The request of entry @handle + @subhandle. */
struct pn_msi post_to(uint16_t handle, uint16_t subhandle);
/* Entry 2 posts to the descriptor at @pa; entry 4 goes to @dest. */
void post_set_posted(uint64_t pa, uint8_t vector, uint64_t flags);
void post_remapped_to(uint32_t dest, uint64_t avail);

/* Parts of the case: caches, tables and descriptors whose memory moves or ends; what is counted. */
void post_memory(void), post_counts(void);

#endif
