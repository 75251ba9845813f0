/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_SCENARIO_BUILD_H
#define PN_LAB_SCENARIO_BUILD_H

#include <limits.h>

#include "ini_text.h"
#include "scenario_keys.h"

/* A scenario while it is read, with the line of each key. */
#define PN_SC_SECTIONS	  (2 + 5 * PN_MAX_SECTION)
#define PN_SC_LINE_OPTION ULONG_MAX /* said by --set */

struct pn_sc_section {
	enum pn_sc_kind kind;
	unsigned index; /* in the scenario's array of its kind */
	char name[32];
	unsigned long line;
	unsigned long key_line[PN_KEY_MAX]; /* by index in pn_keys; 0: not said */
};

struct pn_sc_cost {
	char value[64];
	unsigned long line; /* 0: not said */
};

struct pn_sc_build {
	struct pn_scenario *sc;
	const char *path;
	unsigned sections;
	struct pn_sc_section section[PN_SC_SECTIONS];
	struct pn_sc_section *current;
	char table[200]; /* cost table, empty: not said */
	unsigned long table_line;
	struct pn_sc_cost cost[PN_ALL_STEPS_NR];
};

/* Defaults, then the file's text. */
int pn_sc_parse(struct pn_sc_build *b, const struct pn_ini_text *t, struct pn_diag *d);
/* One "SECTION.KEY=VALUE". */
int pn_sc_set(struct pn_sc_build *b, const char *text, struct pn_diag *d);
/* Checks of several keys together: references, limits of the silicon. */
int pn_sc_check(struct pn_sc_build *b, struct pn_diag *d);

/* One [ipi NAME]. */
int pn_sc_check_ipi(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d);

/* The [ipi NAME] of a VM; NULL: its vCPUs send none. */
const struct pn_sc_ipi *pn_sc_ipi_of(const struct pn_scenario *sc, const struct pn_sc_vm *vm);

/* Checks the inhibit of a [vm NAME]; after the [ipi NAME] sections. */
int pn_sc_check_inhibit(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d);
/* One [inhibit NAME]; after those. */
int pn_sc_check_window(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d);

/* How many queues a device has: "queues", or one for each vCPU or CPU that it interrupts. */
uint32_t pn_sc_queues_of(const struct pn_scenario *sc, const struct pn_sc_device *dev);
/* That nothing runs out of vectors; after all sections, with the workload known. */
int pn_sc_check_vectors(struct pn_sc_build *b, struct pn_diag *d);

#define PN_SC_GUEST_TIMER 0xecu /* vector of the guest's own timer */

void *pn_sc_base(struct pn_scenario *sc, const struct pn_sc_section *s);
struct pn_sc_section *pn_sc_find(struct pn_sc_build *b, enum pn_sc_kind kind, unsigned index);

/* True if the file or --set has the key. */
bool pn_sc_said(const struct pn_sc_section *s, const char *key);
/* Refuses @s, which names a section of @kind that is not there. */
int pn_sc_missing(struct pn_sc_build *b, const struct pn_sc_section *s, enum pn_sc_kind kind,
		  const char *name, struct pn_diag *d);

/* Refuses with the line of the first of the @keys (NULL: end) that was said, else of the section.
 */
__attribute__((format(printf, 5, 6))) int pn_sc_refuse(struct pn_sc_build *b,
						       const struct pn_sc_section *s,
						       const char *const *keys, struct pn_diag *d,
						       const char *fmt, ...);
#define PN_SC_KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
