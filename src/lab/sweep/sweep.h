/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_SWEEP_H
#define PN_LAB_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "figures.h"
#include "mode.h"
#include "scenario.h"

/*
 * A sweep: one scenario at every combination of some keys' values, in several modes, with several
 * seeds and drawn cost tables. Its file:
 *
 *   [sweep]
 *   scenario = sparse-wakeups
 *   modes = avic, galog, gappi
 *   seeds = 1 .. 5
 *   figures = wake, cpu
 *   [set]
 *   machine.duration = 200ms
 *   [axes]
 *   packets.rate = 100/s .. 100k/s log 7
 */

#define PN_SWEEP_AXES	8
#define PN_SWEEP_VALUES 100000 /* of one axis */
#define PN_SWEEP_SETS	32
#define PN_SWEEP_MODES	24
#define PN_SWEEP_SPANS	64
#define PN_SWEEP_ASK	100000ull	/* more runs than that are made if the user says so */
#define PN_SWEEP_MOST	100000000000ull /* and never more */
#define PN_SWEEP_TEXT	48		/* room for a value */

enum pn_value_unit { PN_VALUE_PLAIN, PN_VALUE_TIME, PN_VALUE_RATE, PN_VALUE_SHARE };

/* Values of one key, in their order. */
struct pn_values {
	unsigned n, room;
	char (*text)[PN_SWEEP_TEXT];
	bool numeric; /* all are numbers of one unit, ascending; then */
	enum pn_value_unit unit;
	double *at; /* nanoseconds, per second, a share, or a plain number */
	bool log;   /* the steps grow by a factor */
};

/*
 * "100/s, 5k/s", "1 .. 8", "0 .. 1ms step 100us", "1 .. 16 in 4" (four values, evenly apart),
 * "1us .. 1ms log 4" (by a factor), and any of these after another. -EINVAL with the reason in
 * @why, -ENOMEM. Free with pn_values_free().
 */
int pn_values_parse(const char *text, struct pn_values *out, char *why, unsigned size);
void pn_values_free(struct pn_values *v);
/* A place on the axis as people write it: "31.6 k/s". Returns @buf of PN_FIGURE_TEXT bytes. */
const char *pn_value_text(enum pn_value_unit unit, double at, char *buf);

/* Seeds FIRST, FIRST + 1, ... */
struct pn_seed_span {
	uint64_t first, n;
};

struct pn_axis {
	char key[112]; /* SECTION.KEY, or several of them with + between that have one value */
	unsigned long line;
	struct pn_values values;
};

struct pn_sweep {
	char name[64], path[256];
	char description[200]; /* the file's first comment */
	char scenario[512];    /* a path or a built-in name */
	char costs[512];       /* empty: the scenario's choice */
	unsigned long scenario_line, costs_line, modes_line;
	struct pn_scenario *base; /* with [set], without an axis */
	char *scenario_text;
	char *costs_text; /* the table, as a file */
	char *set[PN_SWEEP_SETS];
	unsigned long set_line[PN_SWEEP_SETS];
	unsigned sets;
	struct pn_axis axis[PN_SWEEP_AXES];
	unsigned axes, along; /* along: the axis of the tables */
	struct pn_mode mode[PN_SWEEP_MODES];
	unsigned modes;
	uint32_t left_out; /* modes that do not fit a point, and were not asked for */
	struct pn_seed_span seed[PN_SWEEP_SPANS];
	unsigned spans;
	uint64_t seeds;
	unsigned draws;	  /* besides the table as it is */
	unsigned batches; /* of one long run, for the interval; 0: none */
	double confidence;
	unsigned figure[PN_FIGURES], figures; /* those that are shown */
	uint64_t points, runs;
};

/*
 * Reads the file, or the shipped sweep of that name, and checks the scenario at its points. 0,
 * -ENOENT, -EINVAL, -ENOMEM. Free with pn_sweep_free().
 */
int pn_sweep_load(const char *name, struct pn_sweep **out, struct pn_diag *d);
void pn_sweep_free(struct pn_sweep *s);
/* Name and description of a shipped one; NULL beyond the end. */
const char *pn_builtin_sweep(unsigned i, const char **description);

/* Where a run is. */
struct pn_sweep_run {
	uint64_t id, point;
	unsigned value[PN_SWEEP_AXES]; /* index, of each axis */
	unsigned mode, draw;	       /* draw 0: the table as it is */
	uint64_t seed;		       /* index */
};

/* Runs are numbered so that every point has been run once before any is run again. */
void pn_sweep_at(const struct pn_sweep *s, uint64_t id, struct pn_sweep_run *out);
uint64_t pn_sweep_id(const struct pn_sweep *s, uint64_t point, unsigned mode, uint64_t seed,
		     unsigned draw);
/* The indices of a point, and back. */
void pn_sweep_point(const struct pn_sweep *s, uint64_t point, unsigned value[PN_SWEEP_AXES]);
uint64_t pn_sweep_point_of(const struct pn_sweep *s, const unsigned value[PN_SWEEP_AXES]);
/* The seed of that index. */
uint64_t pn_sweep_seed(const struct pn_sweep *s, uint64_t index);
/* "packets.rate=5k/s, guest.vcpus=8"; empty without axes. Returns @buf. */
const char *pn_sweep_point_text(const struct pn_sweep *s, uint64_t point, char *buf, size_t size);
/* The next of an axis' keys; *@at begins as their text. False: there was none. */
bool pn_axis_key(const char **at, const char **key, size_t *len);
/* Adds "KEY=VALUE" of each key of an axis to @set, which has @n; returns how many it has then. */
#define PN_SWEEP_KEYS 4 /* of one axis */
struct pn_axis_sets {
	char text[PN_SWEEP_KEYS][112 + PN_SWEEP_TEXT];
};
unsigned pn_axis_set(const struct pn_axis *a, unsigned value, struct pn_axis_sets *room,
		     const char **set, unsigned n);
/* The scenario at a point, with drawn costs if @draw. */
int pn_sweep_scenario(const struct pn_sweep *s, uint64_t point, unsigned draw,
		      struct pn_scenario **out, struct pn_diag *d);

/* What a run gives, in one piece for pipes and messages. */
struct pn_sweep_record {
	uint64_t id;
	uint32_t violated; /* pn_result_violated() */
	uint32_t batches;  /* that @sd is of; 0: none */
	double figure[PN_FIGURES];
	double sd[PN_FIGURES], lag1[PN_FIGURES]; /* of the batches */
};

/* Makes one run. 0, or a negative errno with @d; -EINTR: @stop said so. */
int pn_sweep_do(const struct pn_sweep *s, uint64_t id, bool (*stop)(void),
		struct pn_sweep_record *out, struct pn_diag *d);

/*
 * What makes a sweep the same sweep, a line "NAME VALUE" for each part, to be compared and stored.
 * The @i-th part; false beyond the end. *@value is to be freed.
 */
bool pn_sweep_identity(const struct pn_sweep *s, unsigned i, const char **name, char **value);
/* A number for it, the same on all machines. */
uint64_t pn_sweep_hash(const struct pn_sweep *s);

#endif
