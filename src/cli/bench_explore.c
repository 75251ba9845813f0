/* SPDX-License-Identifier: MIT */
/*
 * The explorer's figures of `postern bench`: transitions per second, memory for each, and SPIN and
 * CBMC on the same problems.
 */
#include "bench_explore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_time.h"
#include "case_text.h"
#include "cli.h"
#include "progress.h"

#define SPEED_CASE "gappi-masked-irr"
#define BLOCK_CASE "block-without-fence"
#define LIST_CASE  "list-after-irte"
#define SPEED_S	   1.5
#define LIMIT_S	   120.0 /* a longer measurement gives no figure */
#define SHORT_S	   0.5	 /* a shorter measurement is repeated */
#define ROUNDS	   5

static const struct pn_case *named(const char *name)
{
	const struct pn_case *c;

	for (unsigned i = 0; (c = pn_case_get(i)) != NULL; i++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

/* One search of the fixed variant for a limited time. */
static int search_speed(struct px_result *res)
{
	struct px_options opt = {.bound = UINT32_MAX, .seconds = SPEED_S};
	const struct pn_case *c = named(SPEED_CASE);
	int err = c ? pn_case_explore(c, &(struct pn_case_variant){0}, &opt, res) : -ENOENT;

	if (!err)
		px_result_free(res);
	return err;
}

static int bench_speed(double *value, double *peer)
{
	struct px_result res;
	int err = search_speed(&res);

	(void)peer;
	if (!err)
		*value = res.seconds > 0 ? (double)res.transitions / res.seconds : 0;
	return err;
}

static int bench_memory(double *value, double *peer)
{
	struct px_result res;
	int err = search_speed(&res);

	(void)peer;
	if (!err)
		*value = (double)res.memory;
	return err;
}

/* What both variants of a case took, and the states of the fixed one. */
struct effort {
	double seconds, states;
};

/*
 * Until the variant has the verdict that it must have. Where nothing is measured, executions with
 * one preemption are enough of the fixed variant: beside a sanitizer all of them take minutes.
 */
static int settle(const struct pn_case *c, bool broken, struct effort *e)
{
	const struct px_options opt = {.bound = broken || pn_bench_measures ? UINT32_MAX : 1,
				       .seconds = LIMIT_S};
	const unsigned rounds = pn_bench_rounds(ROUNDS);
	double t[ROUNDS];
	unsigned n = 0;

	do {
		struct px_result res;
		int err = pn_case_explore(c, &(struct pn_case_variant){broken, false}, &opt, &res);

		if (err)
			return err;
		px_result_free(&res);
		if (res.verdict == PX_UNFINISHED)
			return -ETIME;
		if (res.verdict != (broken ? PX_VIOLATION : PX_HELD))
			return -EPROTO;
		e->states = (double)res.states;
		t[n++] = res.seconds;
	} while (n < rounds && t[0] < SHORT_S);
	e->seconds += pn_bench_median(t, n);
	return 0;
}

static int ours(const char *name, struct effort *e)
{
	const struct pn_case *c = named(name);
	int err = c ? settle(c, true, e) : -ENOENT;

	return err ? err : settle(c, false, e);
}

/* A peer that is not installed is no error: there is a word about it, and the peer stays 0. */
static int peer_verdict(const char *name, const char *peer, int err)
{
	char text[120];

	if (err && pn_cli_stopped())
		return -EINTR;
	if (err == -ENOENT)
		snprintf(text, sizeof(text), "%s: no peer: the programs %s and gcc are needed",
			 name, peer);
	else if (err == -EPROTO)
		snprintf(text, sizeof(text), "%s: %s comes to another verdict", name, peer);
	else
		return err;
	pn_cli_error("%s", text);
	return err == -ENOENT ? 0 : err;
}

static int against_spin(const char *name, const struct pn_peer_model *m, struct effort *we,
			struct effort *spin)
{
	int err = ours(name, we);

	return err ? err
		   : peer_verdict(name, "spin", pn_spin_measure(m, &spin->seconds, &spin->states));
}

/* Beside a sanitizer the search goes by traces, and counts no states: there is a word about it. */
static int states(const char *name, const struct pn_peer_model *m, double *value, double *peer)
{
	struct effort we = {0}, spin = {0};
	int err = against_spin(name, m, &we, &spin);

	*value = we.states;
	*peer = spin.states;
	if (!err && we.states == 0)
		pn_cli_error("%s: no states: this build searches by traces", name);
	return err;
}

static int bench_block_s(double *value, double *peer)
{
	struct effort we = {0}, spin = {0};
	int err = against_spin(BLOCK_CASE, &pn_spin_block, &we, &spin);

	*value = we.seconds;
	*peer = spin.seconds;
	return err;
}

static int bench_block_states(double *value, double *peer)
{
	return states(BLOCK_CASE, &pn_spin_block, value, peer);
}

static int bench_block_cbmc(double *value, double *peer)
{
	struct effort we = {0};
	int err = ours(BLOCK_CASE, &we);

	*value = we.seconds;
	return err ? err : peer_verdict(BLOCK_CASE, "cbmc", pn_cbmc_measure(&pn_cbmc_block, peer));
}

static int bench_list_s(double *value, double *peer)
{
	struct effort we = {0}, spin = {0};
	int err = against_spin(LIST_CASE, &pn_spin_list, &we, &spin);

	*value = we.seconds;
	*peer = spin.seconds;
	return err;
}

static int bench_list_states(double *value, double *peer)
{
	return states(LIST_CASE, &pn_spin_list, value, peer);
}

static const struct pn_bench benches[] = {
	{"explore_transitions_per_s", "1/s", NULL,
	 "transitions of the explorer, " SPEED_CASE " fixed, one core", bench_speed},
	{"explore_memory_bytes", "B", NULL, "memory that this search holds", bench_memory},
	{"explore_block_without_fence_s", "s", "spin",
	 "both variants of " BLOCK_CASE
	 "; peer: SPIN's two searches of a hand-written model, built "
	 "beforehand",
	 bench_block_s},
	{"explore_block_without_fence_states", "states", "spin",
	 "states of the fixed variant; peer: of SPIN's model", bench_block_states},
	{"explore_block_without_fence_cbmc_s", "s", "cbmc",
	 "both variants again; peer: CBMC --mm tso on a hand-written model in C, one block only",
	 bench_block_cbmc},
	{"explore_list_after_irte_s", "s", "spin",
	 "both variants of " LIST_CASE "; peer: as above, with list, locks and the retry loop",
	 bench_list_s},
	{"explore_list_after_irte_states", "states", "spin",
	 "states of the fixed variant; peer: of SPIN's model", bench_list_states},
};

const struct pn_bench *pn_bench_explore_get(unsigned i)
{
	return i < sizeof(benches) / sizeof(benches[0]) ? &benches[i] : NULL;
}
