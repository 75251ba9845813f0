/* SPDX-License-Identifier: MIT */
/* `postern calibrate`: what a recording shows of its machine, as a cost table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calibrate.h"
#include "cli.h"
#include "json_out.h"
#include "options.h"
#include "outfile.h"
#include "rec_open.h"
#include "usage.h"

struct options {
	const char *input, *output, *costs;
	double tsc_ghz;
	bool json;
};

static json_t *as_json(const struct options *o, const struct pn_costs *c)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		if (c->source[i] == PN_COST_MEASURED)
			json_array_append_new(list, json_pack("{s:s, s:i, s:s}", "name",
							      pn_any_step_key(i), "ns",
							      (int)c->ns[i], "note", c->note[i]));
	return json_pack("{s:s, s:s, s:o}", "schema", "postern.calibrate/1", "costs", o->output,
			 "measured", list);
}

static int write_table(const struct options *o, const struct pn_recording *rec, struct pn_costs *c)
{
	struct pn_outfile out = {0};

	if (!pn_calibrate(rec, c)) {
		pn_cli_error("%s: it shows no duration often enough (expected irq_handler_exit, "
			     "sched_switch, sched_wakeup, kvm_exit and kvm_entry; 10 of a kind)",
			     o->input);
		return CLI_INPUT;
	}
	snprintf(c->name, sizeof(c->name), "calibrated");
	snprintf(c->description, sizeof(c->description),
		 "Medians of a recording of a real machine; "
		 "the rest as in the table it began with");
	if (pn_outfile_open(&out, o->output))
		return CLI_INPUT;
	pn_costs_write(c, out.f);
	if (pn_outfile_commit(&out))
		return CLI_INPUT;
	if (o->json)
		pn_cli_print_json(as_json(o, c));
	else
		pn_report_calibration(rec, c, stdout);
	return CLI_DONE;
}

static int calibrate(const struct options *o)
{
	struct pn_costs *c = calloc(1, sizeof(*c));
	struct pn_rec_hints hints = {.tsc_ghz = o->tsc_ghz};
	struct pn_recording *rec;
	struct pn_diag d = {0};
	int err = c ? pn_costs_load(o->costs, c, &d) : -ENOMEM, status;

	if (err) {
		free(c);
		return pn_cli_refuse(&d, err, o->costs);
	}
	status = pn_cli_open_recording(o->input, &hints, &rec);
	if (status == CLI_DONE)
		status = write_table(o, rec, c);
	pn_recording_close(rec);
	free(c);
	return status;
}

enum { OPT_OUTPUT = 'o', OPT_COSTS = 0x300, OPT_JSON, OPT_GHZ };

static int parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_OUTPUT:
		o->output = arg;
		return 0;
	case OPT_COSTS:
		o->costs = arg;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_GHZ:
		o->tsc_ghz = pn_cli_rate(arg, state);
		return 0;
	case ARGP_KEY_ARG:
		pn_cli_one_recording(&o->input, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (!o->input)
			pn_cli_usage(state, "calibrate needs a recording");
		if (!o->output)
			pn_cli_usage(state, "calibrate needs -o FILE.ini");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int pn_cli_calibrate(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"output", OPT_OUTPUT, "FILE.ini", 0, "the cost table to write", 1},
		{"costs", OPT_COSTS, "FILE.ini", 0,
		 "what the recording does not show comes from this table (default: default)", 1},
		{"tsc-ghz", OPT_GHZ, "GHZ", 0, "rate of the recording's clock, if it counts ticks",
		 1},
		{"json", OPT_JSON, NULL, 0, "print one JSON object", 2},
		{0},
	};
	static const struct argp_child children[] = {{&pn_cli_seed, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		options,
		parse,
		"RECORDING",
		"Makes a cost table of what a recording shows of its machine: how long handlers, "
		"wakeups and VM exits took. replay and compare take it with --costs.\v"
		"Example:\n  postern calibrate trace.txt -o costs.ini\n"
		"  postern replay trace.txt --costs costs.ini",
		children,
		NULL,
		NULL};
	struct options o = {.costs = "default"};

	pn_cli_parse(&argp, argc, argv, &o);
	return pn_outfile_spares(o.input, "recording", o.output) ? calibrate(&o) : CLI_USAGE;
}
