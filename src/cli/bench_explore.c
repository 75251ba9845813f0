/* SPDX-License-Identifier: MIT */
/*
 * The explorer's figures of `postern bench`: transitions per second, memory for each, and SPIN on
 * the same problem.
 */
#include "bench_explore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench_time.h"
#include "case_text.h"
#include "cli.h"

#define SPEED_CASE "gappi-masked-irr"
#define PEER_CASE  "block-without-fence"
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

/* Seconds until the variant has the verdict that it must have. */
static int settle(const struct pn_case *c, bool broken, double *seconds)
{
	struct px_options opt = {.bound = UINT32_MAX, .seconds = LIMIT_S};
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
		t[n++] = res.seconds;
	} while (n < ROUNDS && t[0] < SHORT_S);
	*seconds = pn_bench_median(t, n);
	return 0;
}

static int bench_peer_case(double *value, double *peer)
{
	const struct pn_case *c = named(PEER_CASE);
	double broken, fixed;
	int err = c ? settle(c, true, &broken) : -ENOENT;

	if (!err)
		err = settle(c, false, &fixed);
	if (err)
		return err;
	*value = broken + fixed;
	err = pn_spin_measure(peer);
	if (err == -ENOENT) {
		pn_cli_error(PEER_CASE ": no peer: the programs spin and gcc are needed");
		return 0;
	}
	if (err == -EPROTO)
		pn_cli_error(PEER_CASE ": SPIN comes to another verdict");
	return err;
}

static const struct pn_bench benches[] = {
	{"explore_transitions_per_s", "1/s", NULL,
	 "transitions of the explorer, " SPEED_CASE " fixed, one core", bench_speed},
	{"explore_memory_bytes", "B", NULL, "memory that this search holds", bench_memory},
	{"explore_block_without_fence_s", "s", "spin",
	 "both variants of " PEER_CASE "; peer: SPIN's two searches of a hand-written model, built "
	 "beforehand",
	 bench_peer_case},
};

const struct pn_bench *pn_bench_explore_get(unsigned i)
{
	return i < sizeof(benches) / sizeof(benches[0]) ? &benches[i] : NULL;
}
