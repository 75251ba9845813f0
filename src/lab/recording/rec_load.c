/* SPDX-License-Identifier: MIT */
/*
 * Which tasks of a recording are the load. Those that are vCPUs, if there are any; else the program
 * that got most interrupts and switches. A program's threads and processes belong together when
 * they share the process or, numbers aside, the name.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rec_tasks.h"
#include "recording.h"

struct groups {
	const struct pn_rec_tasks *t;
	uint32_t *parent;
	uint64_t *score; /* of the groups' heads */
	struct pn_rec_map by_tgid, by_stem;
};

static uint64_t score_of(const struct pn_rec_thread *x)
{
	return x->switched_to + x->interrupts;
}

static uint32_t head(struct groups *g, uint32_t i)
{
	while (g->parent[i] != i) {
		g->parent[i] = g->parent[g->parent[i]];
		i = g->parent[i];
	}
	return i;
}

static int join(struct groups *g, struct pn_rec_map *map, uint64_t key, uint32_t i)
{
	size_t pos = SIZE_MAX;
	uint32_t other = pn_rec_map_next(map, key, &pos);

	if (other == PN_REC_MAP_NONE)
		return pn_rec_map_add(map, key, i);
	g->parent[head(g, i)] = head(g, other);
	return 0;
}

static int group(struct groups *g, uint32_t i)
{
	const struct pn_rec_thread *x = &g->t->task[i];
	char stem[32];
	int err;

	g->parent[i] = i;
	if (x->tgid > 0) {
		err = join(g, &g->by_tgid, (uint64_t)x->tgid, i);
		if (err)
			return err;
	}
	pn_rec_stem(x->name, stem, sizeof(stem));
	return *stem ? join(g, &g->by_stem, pn_rec_hash(stem, strlen(stem), 0), i) : 0;
}

static void take(const struct pn_rec_tasks *t, struct pn_rec_choice *out, uint32_t i,
		 uint32_t *best)
{
	out->is_load[i] = 1;
	out->threads++;
	if (*best == PN_TASK_UNKNOWN || score_of(&t->task[i]) > score_of(&t->task[*best]))
		*best = i;
}

/* One name for all; numbers in which they differ become '*'. */
static void name(const struct pn_rec_tasks *t, struct pn_rec_choice *out, uint32_t best)
{
	char stem[32], other[32];

	snprintf(out->name, sizeof(out->name), "%s", t->task[best].name);
	pn_rec_stem(out->name, stem, sizeof(stem));
	for (uint32_t i = 1; i < t->n; i++) {
		pn_rec_stem(t->task[i].name, other, sizeof(other));
		if (out->is_load[i] && strcmp(t->task[i].name, out->name) && !strcmp(other, stem)) {
			snprintf(out->name, sizeof(out->name), "%s", stem);
			return;
		}
	}
	if (!*out->name)
		snprintf(out->name, sizeof(out->name), "task %lld", (long long)t->task[best].tid);
}

/* A pattern of the shell for the name, or the number of a thread or process. */
static bool is_wanted(const struct pn_rec_thread *x, const char *pattern)
{
	char *end;
	long long id = strtoll(pattern, &end, 10);

	if (*pattern && !*end && id > 0 && (x->tid == id || x->tgid == id))
		return true;
	return x->name[0] && !fnmatch(pattern, x->name, 0);
}

static int choose_wanted(const struct pn_rec_tasks *t, const char *pattern,
			 struct pn_rec_choice *out)
{
	uint32_t best = PN_TASK_UNKNOWN;

	for (uint32_t i = 1; i < t->n; i++)
		if (is_wanted(&t->task[i], pattern))
			take(t, out, i, &best);
	if (!out->threads)
		return -ESRCH;
	name(t, out, best);
	snprintf(out->why, sizeof(out->why), "--load, %u thread%s", out->threads,
		 out->threads == 1 ? "" : "s");
	return 0;
}

static bool choose_vcpus(const struct pn_rec_tasks *t, struct pn_rec_choice *out)
{
	uint32_t best = PN_TASK_UNKNOWN;
	bool entered = false;

	for (uint32_t i = 1; i < t->n; i++)
		entered |= t->task[i].guest;
	for (uint32_t i = 1; i < t->n; i++)
		if (entered ? t->task[i].guest : pn_rec_role(&t->task[i]) == PN_ROLE_VCPU)
			take(t, out, i, &best);
	if (!out->threads)
		return false;
	name(t, out, best);
	snprintf(out->why, sizeof(out->why), "%u vCPU thread%s, by %s", out->threads,
		 out->threads == 1 ? "" : "s", entered ? "kvm_entry" : "name");
	return true;
}

static int choose_program(struct groups *g, struct pn_rec_choice *out)
{
	const struct pn_rec_tasks *t = g->t;
	uint32_t winner = 0, best = PN_TASK_UNKNOWN;
	uint64_t all = 0;
	int err = 0;

	for (uint32_t i = 1; i < t->n && !err; i++)
		if (pn_rec_role(&t->task[i]) == PN_ROLE_PROGRAM)
			err = group(g, i);
	if (err)
		return err;
	for (uint32_t i = 1; i < t->n; i++) {
		uint32_t h;

		all += score_of(&t->task[i]);
		if (pn_rec_role(&t->task[i]) != PN_ROLE_PROGRAM || !score_of(&t->task[i]))
			continue;
		h = head(g, i);
		g->score[h] += score_of(&t->task[i]);
	}
	for (uint32_t i = 1; i < t->n; i++)
		if (g->score[i] > g->score[winner])
			winner = i;
	if (!winner)
		return 0;
	for (uint32_t i = 1; i < t->n; i++)
		if (pn_rec_role(&t->task[i]) == PN_ROLE_PROGRAM && head(g, i) == winner)
			take(t, out, i, &best);
	name(t, out, best);
	snprintf(out->why, sizeof(out->why),
		 "the program with most interrupts and switches, %llu of %llu; %u thread%s",
		 (unsigned long long)g->score[winner], (unsigned long long)all, out->threads,
		 out->threads == 1 ? "" : "s");
	return 0;
}

static int choose(struct groups *g, const char *pattern, struct pn_rec_choice *out)
{
	uint64_t switches = 0;

	if (pattern)
		return choose_wanted(g->t, pattern, out);
	for (uint32_t i = 0; i < g->t->n; i++)
		switches += g->t->task[i].switched_to;
	if (!switches)
		return 0;
	return choose_vcpus(g->t, out) ? 0 : choose_program(g, out);
}

int pn_rec_choose_load(const struct pn_rec_tasks *t, const char *pattern, struct pn_rec_choice *out)
{
	struct groups g = {.t = t};
	int err = -ENOMEM;

	*out = (struct pn_rec_choice){0};
	out->is_load = calloc(t->n, sizeof(*out->is_load));
	g.parent = calloc(t->n, sizeof(*g.parent));
	g.score = calloc(t->n, sizeof(*g.score));
	if (out->is_load && g.parent && g.score)
		err = choose(&g, pattern, out);
	if (err || !out->threads) {
		free(out->is_load);
		out->is_load = NULL;
	}
	pn_rec_map_free(&g.by_tgid);
	pn_rec_map_free(&g.by_stem);
	free(g.parent);
	free(g.score);
	return err;
}

/* Task @a comes before @b: more first, equals in order of appearance. */
static bool busier(const struct pn_rec_tasks *t, uint32_t a, uint32_t b)
{
	uint64_t x = score_of(&t->task[a]), y = score_of(&t->task[b]);

	return x != y ? x > y : a < b;
}

void pn_rec_busiest(const struct pn_rec_tasks *t, char *buf, size_t size)
{
	uint32_t last = 0;
	size_t n = 0;

	buf[0] = 0;
	for (unsigned k = 0; k < 5 && n < size; k++) {
		uint32_t best = 0;

		for (uint32_t i = 1; i < t->n; i++)
			if (t->task[i].name[0] && (!last || busier(t, last, i)) &&
			    (!best || busier(t, i, best)))
				best = i;
		if (!best)
			return;
		last = best;
		n += (size_t)snprintf(buf + n, size - n, "%s'%s'", k ? ", " : "",
				      t->task[best].name);
	}
}
