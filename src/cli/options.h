/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_OPTIONS_H
#define PN_CLI_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "mode.h"

#define CLI_MAX_MODES 24
#define CLI_MAX_SETS  64
#define CLI_MAX_DRAWS 1024

/* The options of compare, run and replay. */
struct pn_cli_options {
	const char *input;	    /* scenario or recording */
	const char *scenario;	    /* replay --scenario */
	const char *load;	    /* replay --load */
	const char *write_scenario; /* replay --write-scenario */
	double tsc_ghz;		    /* replay --tsc-ghz; 0: not given */
	struct pn_mode mode[CLI_MAX_MODES];
	unsigned modes;
	uint32_t left_out; /* not asked for, and the scenario does not fit them: a bit each */
	const char *costs;
	const char *set[CLI_MAX_SETS + 2]; /* ends with NULL; --duration is the last */
	unsigned sets;
	uint64_t duration; /* 0: not given */
	uint64_t seed;
	bool json;
	bool fidelity;	/* compare --fidelity */
	unsigned draws; /* compare --sensitivity; 0: not asked for */
	const char *report, *trace, *hgrm;
	uint64_t trace_from, trace_until; /* --trace-window; until 0: not given */
	const bool *steps; /* run --steps: which of PN_ALL_STEPS_NR are printed; NULL: none */
};

/* Child parser for the options that the three share; its input is a struct pn_cli_options. */
extern const struct argp pn_cli_common;

/* Child parser for verbs that have no use for a seed: they take --seed like all others. */
extern const struct argp pn_cli_seed;

/* Options of one verb only. */
enum {
	CLI_OPT_MODES = 0x100,
	CLI_OPT_MODE,
	CLI_OPT_SCENARIO,
	CLI_OPT_FIDELITY,
	CLI_OPT_SENSITIVITY,
	CLI_OPT_STEPS,
	CLI_OPT_LOAD,
	CLI_OPT_TSC_GHZ,
	CLI_OPT_WRITE_SCENARIO,
};

void pn_cli_options_init(struct pn_cli_options *o);
/* Adds the modes of a comma-separated list; ends the program if one is unknown. */
void pn_cli_add_modes(struct pn_cli_options *o, const char *list);
/* The format of --trace: Chrome's if the name ends in .json or .json.gz, else Perfetto's. */
bool pn_cli_trace_perfetto(const struct pn_cli_options *o);
/* The same of any name. */
bool pn_cli_is_perfetto(const char *path);
/* The value of --tsc-ghz, 1e-9 to 1000; ends the program if @arg is none. */
double pn_cli_rate(const char *arg, struct argp_state *state);
/* True: @arg is a whole number from @min to @max, in @out. */
bool pn_cli_whole(const char *arg, uint64_t min, uint64_t max, uint64_t *out);
/* True: @arg is a time in seconds above 0 and at most @max, in @out. */
bool pn_cli_seconds(const char *arg, double max, double *out);
/* The value of --seed; ends the program if @arg is none. */
uint64_t pn_cli_seed_value(const char *arg, struct argp_state *state);
/* @arg is the recording that a verb reads; ends the program if *@input is one already. */
void pn_cli_one_recording(const char **input, const char *arg, struct argp_state *state);
/* Adds all modes of a workload, each in its default variant. */
void pn_cli_add_workload(struct pn_cli_options *o, enum pn_workload work);

#endif
