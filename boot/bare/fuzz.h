/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_FUZZ_H
#define POSTERN_BARE_FUZZ_H

#include "vm.h"

/* Garbage in everything that a host and a guest program of AVIC, on both processors at once. */

struct fuzz {
	struct vm *vm;
	uint64_t random;
	uint64_t writes;
	/* Of the VMCB: VMRUN must refuse it; what is cached or injected may say otherwise. */
	bool invalid, unsure;
};

#define FUZZ_LIMIT 40 /* interrupts that a guest takes before it ends */

/* A place in the host's physical memory. */
enum place_kind { MEMORY, NO_MEMORY, OUT_OF_RANGE };
struct place {
	uint64_t pa;
	enum place_kind kind;
};

/* At least @count random writes by both processors together; true: no complaint. */
bool fuzz(uint64_t count, uint64_t seed);

uint64_t fuzz_random(struct fuzz *f);
static inline unsigned fuzz_below(struct fuzz *f, unsigned n)
{
	return (unsigned)(fuzz_random(f) >> 33) % n;
}
static inline bool fuzz_chance(struct fuzz *f, unsigned percent)
{
	return fuzz_below(f, 100) < percent;
}
/* A register of the page: mostly those that do something. */
unsigned fuzz_register(struct fuzz *f);
uint32_t fuzz_value(struct fuzz *f);

/* Tables, pages and doorbells. */
void fuzz_host_init(void);
void fuzz_tables(struct fuzz *f);
void fuzz_vmcb(struct fuzz *f);
/* What changes between two runs of one guest. */
void fuzz_vmcb_again(struct fuzz *f);

/* What the guest will do; the steps that it did count as writes. */
void fuzz_guest(struct fuzz *f);
uint64_t fuzz_guest_bar(struct fuzz *f);

#endif
