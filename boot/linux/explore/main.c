/* SPDX-License-Identifier: MIT */
/*
 * The program that `postern explore --linux` runs, once for each variant of a case: the words of
 * its machine and the options of the search on the command line, the result as bytes on standard
 * output (xwire.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "lines.h"
#include "xwire.h"

/* Ten times what the longest execution of a case has: beyond, it has no end. */
#define DEFAULT_STEPS 3000

static struct px_options opt = {.bound = UINT32_MAX, .max_steps = DEFAULT_STEPS};
static bool text;

static const struct {
	const char *name;
	bool *flag;
} flags[] = {
	{"sc", &opt.sc},	 {"quick", &opt.quick},
	{"replay", &opt.replay}, {"check-writes", &opt.check_writes},
	{"text", &text},
};

/* "NAME" or "NAME=NUMBER". */
static bool take(const char *arg)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(arg, flags[i].name))
			return *flags[i].flag = true;
	if (!strcmp(arg, "traces")) {
		opt.method = PX_TRACES;
		return true;
	}
	return pn_machine_take(arg) || sscanf(arg, "bound=%u", &opt.bound) == 1 ||
	       sscanf(arg, "steps=%lu", &opt.max_steps) == 1 ||
	       sscanf(arg, "seconds=%lf", &opt.seconds) == 1;
}

static void print(const struct px_result *r, int err)
{
	printf("%d verdict %d %s %s: %lu executions, %lu transitions, %lu states, depth %lu, "
	       "exhaustive %d, %.2f s%s%s\n",
	       err, r->verdict, r->property, r->text, r->executions, r->transitions, r->states,
	       r->depth, r->exhaustive, r->seconds, *pn_why_not_finished() ? ", " : "",
	       pn_why_not_finished());
	for (unsigned i = 0; i < r->steps; i++)
		printf("%3u %-10s %-20s %-60s %s %s\n", i, r->step[i].agent, r->step[i].doing,
		       r->step[i].text, r->step[i].where, r->step[i].buffered);
}

static int write_result(const struct px_result *r, int err)
{
	struct pn_xwire_head h = {.magic = PN_XWIRE_MAGIC, .err = err, .res = *r};

	snprintf(h.why, sizeof(h.why), "%s", pn_why_not_finished());
	pn_lines_seen(h.explored, sizeof(h.explored));
	if (*h.why)
		h.res.verdict = PX_UNFINISHED;
	return fwrite(&h, sizeof(h), 1, stdout) == 1 &&
			       (!r->steps ||
				fwrite(r->step, sizeof(*r->step), r->steps, stdout) == r->steps)
		       ? 0
		       : 1;
}

/* After an unexpected violation: a second, short search for a short trace of it. */
static int explore(const struct px_program *program, struct px_result *res)
{
	struct px_options again = opt;
	struct px_result shorter = {0};
	int err = px_explore(program, &opt, res);

	if (err || res->verdict != PX_VIOLATION || *pn_why_not_finished() || opt.quick ||
	    opt.bound != UINT32_MAX)
		return err;
	again.quick = true;
	again.seconds = 1;
	if (!px_explore(program, &again, &shorter) && shorter.verdict == PX_VIOLATION &&
	    shorter.steps < res->steps && !strcmp(shorter.property, res->property)) {
		memcpy(res->text, shorter.text, sizeof(res->text));
		res->step = shorter.step;
		res->steps = shorter.steps;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct px_program program = pn_machine_program();
	struct px_result res;
	char path[4096];
	int err;

	pn_machine_start();
	for (int i = 1; i < argc; i++)
		if (!take(argv[i])) {
			fprintf(stderr, "explore-linux: unknown word '%s'\n", argv[i]);
			return 2;
		}
	snprintf(path, sizeof(path), "%s.lines", argv[0]);
	if (pn_lines_read(path)) {
		fprintf(stderr, "%s: no table of lines\n", path);
		return 3;
	}
	err = explore(&program, &res);
	if (text)
		print(&res, err);
	return text ? 0 : write_result(&res, err);
}
