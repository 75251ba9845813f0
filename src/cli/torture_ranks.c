/* SPDX-License-Identifier: MIT */
/*
 * `postern torture` over the ranks of an MPI job. A task is a turn of a few seconds, so that Ctrl-C
 * loses no more than that, and a process that dies costs its turn.
 */
#include "torture_ranks.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "hash.h"
#include "progress.h"
#include "ranks_job.h"

#define TURN_SECONDS 5
#define NAME_BYTES   24

/* A turn's result on its way: names in place of pointers. */
struct answer {
	int err;
	struct pn_torture_result r;
	char name[PN_TORTURE_CHORES][NAME_BYTES];
};

struct tfarm {
	struct pn_torture_config turn;
	uint64_t turns, next;
	struct answer answer;	       /* a worker's last one */
	struct pn_torture_result *sum; /* rank 0 */
	char name[PN_TORTURE_CHORES][NAME_BYTES];
	int err;
	unsigned died; /* turns whose process did */
	char why[200]; /* of the first one */
	struct pn_ranks_job ranks;
};

static struct tfarm t;

static size_t work(void *ctx, uint64_t task, const void **answer)
{
	struct tfarm *f = ctx;
	struct pn_torture_config cfg = f->turn;

	cfg.seed += task;
	f->answer = (struct answer){0};
	f->answer.err = pn_torture_run(&cfg, &f->answer.r);
	for (unsigned i = 0; i < f->answer.r.chores; i++)
		snprintf(f->answer.name[i], NAME_BYTES, "%s", f->answer.r.chore[i].name);
	*answer = &f->answer;
	return sizeof(f->answer);
}

static bool over(const struct tfarm *f)
{
	return f->err || f->sum->property[0] || (f->turn.posts && f->sum->posts >= f->turn.posts);
}

static bool next(void *ctx, uint64_t *task)
{
	struct tfarm *f = ctx;

	*task = f->next;
	return f->next < f->turns && !over(f) && f->next++ < f->turns;
}

static uint64_t left(void *ctx)
{
	const struct tfarm *f = ctx;

	return f->turns - f->next;
}

static void add_chores(struct tfarm *f, const struct answer *a)
{
	f->sum->chores = a->r.chores;
	for (unsigned i = 0; i < a->r.chores; i++) {
		memcpy(f->name[i], a->name[i], NAME_BYTES);
		f->sum->chore[i].name = f->name[i];
		f->sum->chore[i].done += a->r.chore[i].done;
	}
}

static void add(struct tfarm *f, const struct answer *a)
{
	struct pn_torture_result *s = f->sum;
	const struct pn_torture_result *r = &a->r;

	s->rounds += r->rounds;
	s->posts += r->posts;
	s->delivered += r->delivered;
	s->coalesced += r->coalesced;
	s->lost += r->lost;
	s->masked += r->masked;
	s->merged += r->merged;
	s->sleeps += r->sleeps;
	s->woken += r->woken;
	s->missed += r->missed;
	s->moves += r->moves;
	s->preemptions += r->preemptions;
	s->irqs += r->irqs;
	s->illegal += r->illegal;
	s->partial |= r->partial;
	s->stuck |= r->stuck; /* then the sums lack its turn */
	if (r->property[0] && !s->property[0]) {
		memcpy(s->property, r->property, sizeof(s->property));
		memcpy(s->text, r->text, sizeof(s->text));
	}
	add_chores(f, a);
}

static bool done(void *ctx, uint64_t task, const void *answer, size_t size, const char *why)
{
	struct tfarm *f = ctx;
	const struct answer *a = answer;

	if (!a || size != sizeof(*a) || a->r.chores > PN_TORTURE_CHORES) {
		if (!f->died++)
			snprintf(f->why, sizeof(f->why), "the turn with seed %" PRIu64 ": %s",
				 f->turn.seed + task, a ? "its answer is none" : why);
	} else if (a->err)
		f->err = f->err ? f->err : a->err;
	else
		add(f, a);
	return true;
}

static bool idle(void *ctx)
{
	const struct tfarm *f = ctx;

	if (pn_progress_due())
		pn_progress_line("%.0f s, %" PRIu64 " rounds, %.1f M interrupts",
				 pn_progress_seconds(), f->sum->rounds,
				 (double)f->sum->posts / 1e6);
	return true;
}

static uint64_t hash_of(const struct pn_torture_config *cfg)
{
	char mode[64], text[256];

	snprintf(text, sizeof(text), "%s %u %u %u %g %" PRIu64 " %" PRIu64 " %u %zu",
		 pn_mode_text(&cfg->mode, mode, sizeof(mode)), cfg->cpus, cfg->vcpus, cfg->devices,
		 cfg->seconds, cfg->posts, cfg->seed, cfg->mistake, sizeof(struct answer));
	return pn_hash_text(PN_HASH_BEGIN, text);
}

int pn_tranks_run(const struct pn_torture_config *cfg, struct pn_torture_result *r, int *ranks)
{
	uint64_t turns = (uint64_t)ceil(cfg->seconds / TURN_SECONDS);

	*r = (struct pn_torture_result){0};
	t = (struct tfarm){.turn = *cfg, .sum = r};
	t.turn.seconds = cfg->seconds / (double)turns;
	t.turn.progress = NULL;
	t.ranks.farm = (struct pn_farm){work, next, done, idle, left, pn_cli_stopped, &t, 1};
	if (!pn_ranks_job_open(&t.ranks, hash_of(cfg)))
		return 1;
	*ranks = t.ranks.ranks->size;
	t.turns = turns * (uint64_t)*ranks;
	if (!pn_ranks_job_run(&t.ranks))
		r->partial = true;
	r->seconds = pn_progress_seconds();
	return t.err;
}

bool pn_tranks_whole(void)
{
	if (t.died)
		pn_cli_error("%s (%u turns ended so)", t.why, t.died);
	return !t.died;
}

void pn_tranks_close(int status)
{
	pn_ranks_job_close(&t.ranks, status);
}
