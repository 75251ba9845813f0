/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REPORT_READING_H
#define PN_LAB_REPORT_READING_H

#include "report_fmt.h"

/*
 * Fewer samples than the first say nothing about the slowest hundredth; fewer than the second say
 * little.
 */
#define P99_MIN	  100
#define P99_SOUND 1000
/* Slightly more than two buckets of the histogram: values closer than that count as equal. */
#define P99_EQUAL 1.07

struct pn_reader {
	struct pn_reading *out;
	unsigned n;
	struct pn_reading *last; /* the last sentence; NULL: there was no room for it */
};

__attribute__((format(printf, 3, 4))) void pn_say(struct pn_reader *rd, bool alarm, const char *fmt,
						  ...);
/* What the sentence just said claims, without figures; see struct pn_reading. @question stands for
 * the claim and its opposites alike. */
__attribute__((format(printf, 2, 3))) void pn_claim(struct pn_reader *rd, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void pn_question(struct pn_reader *rd, const char *fmt, ...);
/* Its figure, the same quantity whatever the claim; @fmt prints one double. */
void pn_amount(struct pn_reader *rd, double amount, const char *fmt);
/* "GALOG"; with a variant that is not the default: "galog:gate=always". Returns @buf. */
const char *pn_say_mode(const struct pn_result *r, char *buf, unsigned size);
/* The first result of that mode, or NULL. */
const struct pn_result *pn_result_of(const struct pn_comparison *c, enum pn_workload work,
				     uint32_t traits);

/* Bare metal: does each posted-msi pay, against remapped? */
void pn_read_posted_msi(struct pn_reader *rd, const struct pn_comparison *c);
/* Guest IPIs: what each mode saves against ipi-exit, and what still exits. */
void pn_read_ipis(struct pn_reader *rd, const struct pn_comparison *c);

#endif
