/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_FUZZ_H
#define POSTERN_BARE_FUZZ_H

#include "guest.h"

/*
 * Random values in everything that a host and a guest program in a virtual APIC, on both processors
 * at once.
 */

struct fuzz {
	struct vm *vm;
	uint64_t random;
	uint64_t writes;
	/*
	 * @invalid: the entry into the guest must be refused. @unsure: other state may change that.
	 */
	bool invalid, unsure;
};

#define FUZZ_LIMIT 40 /* interrupts that a guest takes before it ends */

/* A place in the host's physical memory. */
enum place_kind { MEMORY, NO_MEMORY, OUT_OF_RANGE };
struct place {
	uint64_t pa;
	enum place_kind kind;
};

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

/* Chooses the steps of the guest; the steps that it executes count as writes. */
void fuzz_guest(struct fuzz *f);
uint64_t fuzz_guest_bar(struct fuzz *f);
/* A step that counts. */
void fuzz_step(struct fuzz *f, const char *stub, uint64_t at, uint64_t value);
void fuzz_complain(struct fuzz *f, const char *what, uint64_t value);

/* ---- implemented for each vendor ---- */

#define FUZZ_CODES 0x403 /* codes of exits are below; that one is an entry refused */

/* Tables, pages, notifications. */
void fuzz_host_init(void);
void fuzz_tables(struct fuzz *f);
/*
 * Sets the fields that the processor reads at the entry into a guest; changes some of them between
 * two entries.
 */
void fuzz_fields(struct fuzz *f);
void fuzz_fields_again(struct fuzz *f);
bool fuzz_is_x2(const struct vm *vm);
/*
 * Sometimes adds a step of a kind that only this vendor has; checks which steps a guest may make.
 */
void fuzz_vendor_step(struct fuzz *f);
void fuzz_vendor_guest(struct fuzz *f);
/* Runs the guest, checks the exit and returns its code. */
unsigned fuzz_run(struct fuzz *f);
enum fuzz_next { GOES_ON, ENDS, IS_WILD };
enum fuzz_next fuzz_next(unsigned code);
/* Of registers and memory that no guest may write. */
uint64_t fuzz_untouchable(void);
void fuzz_describe(const struct vm *vm);

#endif
