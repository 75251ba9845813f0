/* SPDX-License-Identifier: MIT */
/* The program `postern`: finds the verb and calls it. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "nearest.h"
#include "standard_out.h"

const char *argp_program_version = "postern " PN_VERSION;

static const struct verb {
	const char *name, *args, *doc;
	int (*run)(int argc, char **argv); /* NULL: not in this build */
} verbs[] = {
	{"compare", "[SCENARIO.ini]", "the same workload through every mode, side by side",
	 pn_cli_compare},
	{"run", "SCENARIO.ini --mode MODE", "one mode in full detail", pn_cli_run},
	{"replay", "RECORDING", "recorded interrupts of a real machine through every mode",
	 pn_cli_replay},
	{"calibrate", "RECORDING -o FILE.ini", "a cost table from what a recording shows",
	 pn_cli_calibrate},
	{"sweep", "SWEEP.ini", "a grid of runs, with intervals, into a database", pn_cli_sweep},
	{"decode", "KIND WORD...", "an IRTE, DTE, log entry, register, field by field",
	 pn_cli_decode},
	{"explore", "CASE|--all", "every interleaving of a named case", pn_cli_explore},
	{"list", "WHAT", "modes, scenarios, keys, cases, costs, sweeps or decoders", pn_cli_list},
	{"bench", "[FIGURE...]", "how fast the models run on this machine", pn_cli_bench},
	{"vm", "[OPTION...] [-- QEMU]", "a machine with posted interrupts, on the terminal",
	 pn_cli_vm},
	{"torture", "--mode MODE", "real threads, real atomics, nothing lost", pn_cli_torture},
};

#define NR_VERBS ((unsigned)(sizeof(verbs) / sizeof(verbs[0])))

static void help(FILE *f)
{
	fputs("Usage: postern VERB [OPTION...]\n"
	      "Posted-interrupt hardware models, and the hosts that drive them.\n\n",
	      f);
	for (unsigned i = 0; i < NR_VERBS; i++)
		if (verbs[i].run)
			fprintf(f, "  %-9s %-26s%s\n", verbs[i].name, verbs[i].args, verbs[i].doc);
	fputs("\n  postern VERB --help   options of a verb, with an example\n"
	      "  postern --version\n\n"
	      "Start with: postern compare\n",
	      f);
}

static int unknown_verb(const char *word)
{
	const char *names[NR_VERBS], *near;
	unsigned n = 0;

	for (unsigned i = 0; i < NR_VERBS; i++)
		if (verbs[i].run)
			names[n++] = verbs[i].name;
	near = pn_nearest(word, names, n);
	if (near)
		pn_cli_error("unknown verb '%s' (did you mean '%s'?)", word, near);
	else
		pn_cli_error("unknown verb '%s' (see postern --help)", word);
	return CLI_USAGE;
}

static int dispatch(const struct verb *v, int argc, char **argv)
{
	char name[32];

	if (!v->run) {
		pn_cli_error("verb '%s' is not in this build", v->name);
		return CLI_USAGE;
	}
	/* The help and usage errors name it. */
	snprintf(name, sizeof(name), "postern %s", v->name);
	argv[0] = name;
	return v->run(argc, argv);
}

int main(int argc, char **argv)
{
	static char dash_help[] = "--help";

	/* Both come back as errors of the write. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	pn_cli_watch_stdout();
	argp_err_exit_status = CLI_USAGE;
	if (argc < 2) {
		help(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("%s\n", argp_program_version);
		return CLI_DONE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "-h") ||
	    (!strcmp(argv[1], "help") && argc == 2)) {
		help(stdout);
		return CLI_DONE;
	}
	if (!strcmp(argv[1], "help")) {
		argv[1] = argv[2];
		argv[2] = dash_help;
	}
	for (unsigned i = 0; i < NR_VERBS; i++)
		if (!strcmp(argv[1], verbs[i].name))
			return dispatch(&verbs[i], argc - 1, argv + 1);
	return unknown_verb(argv[1]);
}
