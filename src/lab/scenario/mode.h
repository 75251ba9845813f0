/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_MODE_H
#define PN_LAB_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include "diag.h"

enum pn_mode_id {
	PN_MODE_EMULATED,
	PN_MODE_AVIC,
	PN_MODE_GALOG,
	PN_MODE_GAPPI,
	PN_MODE_VTD_PI,
	PN_MODE_REMAPPED,
	PN_MODE_POSTED_MSI,
	PN_MODE_IPI_EXIT,
	PN_MODE_IPI_AVIC,
	PN_MODE_IPI_IPIV,
	PN_MODE_NR
};

/* What is sent and who takes it. A mode fits one of them, and a scenario is one of them. */
enum pn_workload {
	PN_WORK_PASSTHROUGH, /* devices interrupt guests */
	PN_WORK_BARE,	     /* devices interrupt the host, no guests */
	PN_WORK_IPI,	     /* the vCPUs of a guest interrupt each other */
	PN_WORK_NR
};

#define PN_MODE_LOOPS	  3u /* default of posted-msi:loops, as Linux */
#define PN_MODE_LOOPS_MAX 64u

/* A mode with its variants, as written on the command line: "galog:gate=always:recover=wake". */
struct pn_mode {
	enum pn_mode_id id;
	bool gate_always;  /* galog:gate=always; default blocking */
	bool recover_wake; /* galog:recover=wake; default none, as Linux */
	bool masked_none;  /* gappi:masked=none; default park */
	uint32_t loops;	   /* posted-msi:loops=N, 1 .. 64: harvests at most; 0 in other modes */
};

/* The mode with its default variant. */
struct pn_mode pn_mode_plain(enum pn_mode_id id);
/* Parses one mode. -EINVAL names the nearest mode, variant key or value in @d, or the mode that
 * has the variant. */
int pn_mode_parse(const char *text, struct pn_mode *out, struct pn_diag *d);
/* "galog" */
const char *pn_mode_name(enum pn_mode_id id);
/* One line about a mode, for `list modes`. */
const char *pn_mode_doc(enum pn_mode_id id);
enum pn_workload pn_mode_workload(enum pn_mode_id id);
/* "passthrough", "bare metal", "guest IPIs"; NULL beyond the end. */
const char *pn_workload_name(enum pn_workload w);
/* "emulated, avic, galog, gappi or vtd-pi": the modes that fit a workload; PN_WORK_NR: all modes.
 * Returns @buf. */
const char *pn_workload_modes(enum pn_workload w, char *buf, unsigned size);

#define PN_MODE_VALUE 16 /* room for a variant's value */

/* The @i-th variant's key and value ("gate", "blocking"), the value in @buf of PN_MODE_VALUE bytes;
 * false: the mode has no more of them. */
bool pn_mode_variant(const struct pn_mode *m, unsigned i, const char **key, char *buf);
/* What a mode can be varied with: "masked=park (default) or masked=none"; NULL: nothing. */
const char *pn_mode_variants(enum pn_mode_id id);
/* "galog:gate=always"; what is as by default is left out. Returns @buf. */
const char *pn_mode_text(const struct pn_mode *m, char *buf, unsigned size);

#endif
