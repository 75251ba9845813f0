/* SPDX-License-Identifier: MIT */
/*
 * A farm over the ranks of an MPI job: rank 0 gives out tasks and takes answers, every rank runs
 * them in processes of its own. No rank waits inside MPI: that would take a whole processor.
 */
#include "ranks.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "os.h"

#define TICK_MS	  2
#define BEAT_S	  1.0
#define SILENCE_S 30.0 /* a rank that owes answers and says nothing for so long is gone */
#define DEPTH	  2    /* tasks of a process, as in its pool */

enum { ANSWER, DIED, HELLO, BEAT, UNABLE };

struct order {
	uint64_t task;
	int32_t status; /* of an end */
	int32_t end;	/* 2: and MPI cannot be ended in order */
};

struct news {
	uint64_t task;
	uint32_t kind;
	uint32_t jobs; /* HELLO */
	unsigned char answer[];
};

/* What rank 0 knows of another. */
struct other {
	unsigned jobs, tasks; /* jobs 0: it has not said hello */
	uint64_t *task;
	double heard;
	bool gone;
	bool unable; /* it can start no process any more */
};

static bool some_gone;

/* ---- the module ---- */

bool pn_ranks_wanted(void)
{
	return getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK") || getenv("PMI_RANK");
}

const char *pn_ranks_module_path(void)
{
	static const char *const places[] = {"%s/ranks.so", "%s/../lib/postern/ranks.so",
					     PN_MODULE_DIR "/ranks.so"};
	static char path[PATH_MAX + 64];
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = 0;
	*strrchr(self, '/') = 0;
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), places[i], self);
		if (!access(path, F_OK))
			return path;
	}
	return NULL;
}

const struct pn_ranks *pn_ranks_open(void)
{
	const char *path = pn_ranks_module_path();
	void *lib = path ? dlopen(path, RTLD_NOW | RTLD_GLOBAL) : NULL;
	const struct pn_ranks *(*open)(void) = NULL;

	if (lib)
		*(void **)&open = dlsym(lib, PN_RANKS_MODULE);
	if (open)
		return open();
	pn_cli_error("started by MPI, but %s%s",
		     path ? "the module for it cannot be loaded: "
			  : "built without it (meson -Dmpi=enabled)",
		     path ? dlerror() : "");
	return NULL;
}

/* ---- agreement ---- */

struct opinion {
	char problem[PN_PROBLEM], host[64];
	uint64_t hash;
};

static void judge(const struct pn_ranks *r, const struct opinion *all, char *text, size_t size)
{
	int bad = -1, n = 0;
	char more[40] = "";

	for (int i = 0; i < r->size; i++)
		if (all[i].problem[0] || (!all[0].problem[0] && all[i].hash != all[0].hash)) {
			bad = bad < 0 ? i : bad;
			n++;
		}
	text[0] = 0;
	if (n > 1 && bad)
		snprintf(more, sizeof(more), " (and %d more ranks)", n - 1);
	if (bad == 0)
		snprintf(text, size, "%s", all[0].problem);
	else if (bad > 0)
		snprintf(text, size, "rank %d (%s): %s%s", bad, all[bad].host,
			 all[bad].problem[0] ? all[bad].problem
					     : "its input is another one than that of rank 0",
			 more);
}

bool pn_ranks_agree(const struct pn_ranks *r, const char *problem, uint64_t hash, char *text,
		    size_t size)
{
	struct opinion mine = {.hash = hash},
		       *all = r->rank ? NULL : calloc((size_t)r->size, sizeof(*all));
	bool fine;

	snprintf(mine.problem, sizeof(mine.problem), "%s", problem);
	gethostname(mine.host, sizeof(mine.host) - 1);
	text[0] = 0;
	if (!r->rank && !all)
		r->abort(CLI_INPUT);
	r->gather(&mine, sizeof(mine), all);
	if (!r->rank)
		judge(r, all, text, size);
	fine = !text[0];
	r->spread(&fine, sizeof(fine));
	free(all);
	return fine;
}

/* ---- rank 0 ---- */

struct manager {
	const struct pn_ranks *r;
	const struct pn_farm *f;
	struct pn_pool *p;
	struct other *other; /* by rank; that of rank 0 is not used */
	unsigned processes;  /* of all ranks */
};

static bool lose(struct manager *m, int rank)
{
	struct other *o = &m->other[rank];
	char why[64];
	bool on = true;

	some_gone = o->gone = true;
	snprintf(why, sizeof(why), "rank %d, which had it, is gone", rank);
	for (unsigned i = 0; i < o->tasks; i++)
		on &= m->f->done(m->f->ctx, o->task[i], NULL, 0, why);
	o->tasks = 0;
	return on;
}

static void forget(struct other *o, uint64_t task)
{
	for (unsigned i = 0; i < o->tasks; i++)
		if (o->task[i] == task) {
			o->task[i] = o->task[--o->tasks];
			return;
		}
}

static bool hello(struct other *o, unsigned jobs)
{
	o->task = calloc((size_t)jobs * DEPTH, sizeof(*o->task));
	o->jobs = o->task ? jobs : 0;
	return true;
}

static bool heard(struct manager *m, int from, const struct news *n, size_t size)
{
	struct other *o = &m->other[from];

	/* a rank that was slow, not gone, has lost its tasks all the same */
	if (size < sizeof(*n) || o->gone)
		return true;
	o->heard = pn_cli_now();
	if (n->kind == HELLO && !o->jobs && n->jobs && n->jobs <= PN_FARM_JOBS) {
		hello(o, n->jobs);
		m->processes += n->jobs;
	}
	if (n->kind != ANSWER && n->kind != DIED && n->kind != UNABLE)
		return true;
	o->unable |= n->kind == UNABLE;
	forget(o, n->task);
	if (n->kind == ANSWER)
		return m->f->done(m->f->ctx, n->task, n->answer, size - sizeof(*n), NULL);
	return m->f->done(m->f->ctx, n->task, NULL, 0, (const char *)n->answer);
}

static bool hear(struct manager *m)
{
	bool on = true;
	size_t size;
	int from;

	while (on && (size = m->r->probe(&from)) != 0) {
		struct news *n = malloc(size + 1);

		on = n != NULL;
		if (on && !m->r->take(from, n, size)) {
			((char *)n)[size] = 0;
			on = heard(m, from, n, size);
		}
		free(n);
	}
	for (int i = 1; i < m->r->size && on; i++)
		if (m->other[i].tasks && pn_cli_now() - m->other[i].heard > SILENCE_S)
			on = lose(m, i);
	return on;
}

/* To a rank with an idle process; @deep: also behind a task. */
static bool give_away(struct manager *m, uint64_t task, bool deep)
{
	struct order order = {.task = task};

	for (unsigned depth = 1; depth <= (deep ? DEPTH : 1); depth++)
		for (int i = 1; i < m->r->size; i++) {
			struct other *o = &m->other[i];

			if (o->gone || o->unable || o->tasks >= o->jobs * depth)
				continue;
			if (m->r->send(i, &order, sizeof(order))) {
				lose(m, i);
				continue;
			}
			if (!o->tasks)
				o->heard = pn_cli_now();
			o->task[o->tasks++] = task;
			return true;
		}
	return false;
}

/* A rank takes tasks, now or later. */
static bool alive(const struct manager *m)
{
	bool any = pn_pool_alive(m->p);

	for (int i = 1; i < m->r->size; i++)
		any |= !m->other[i].gone && !m->other[i].unable;
	return any;
}

static bool busy(const struct manager *m)
{
	bool any = pn_pool_busy(m->p) > 0;

	for (int i = 1; i < m->r->size; i++)
		any |= m->other[i].tasks > 0;
	return any;
}

static bool manage(struct manager *m)
{
	const struct pn_farm *f = m->f;
	bool more = true, on = true, have = false;
	uint64_t task = 0;

	while (on && (more || have || busy(m))) {
		while (on) {
			bool deep = f->left(f->ctx) > 2 * m->processes;

			have = have || (more && f->next(f->ctx, &task));
			more = more && have;
			if (!have)
				break;
			have = !pn_pool_give(m->p, task, false) && !give_away(m, task, deep) &&
			       (!deep || !pn_pool_give(m->p, task, true));
			if (have && alive(m))
				break;
			if (have)
				on = f->done(f->ctx, task, NULL, 0, PN_FARM_UNABLE) && !f->stop();
			have = false;
		}
		on = on && pn_pool_wait(m->p, TICK_MS, f->done, f->ctx) && hear(m) &&
		     f->idle(f->ctx) && !f->stop();
	}
	return on;
}

bool pn_ranks_manage(const struct pn_ranks *r, const struct pn_farm *f, struct pn_pool *p)
{
	struct manager m = {r, f, p, calloc((size_t)r->size, sizeof(struct other)), f->jobs};
	bool on = m.other && manage(&m);

	for (int i = 0; i < r->size && m.other; i++)
		free(m.other[i].task);
	free(m.other);
	return on;
}

/* ---- the others ---- */

static bool send_news(const struct pn_ranks *r, struct news head, const void *text, size_t size)
{
	struct news *n = malloc(sizeof(*n) + size);
	bool sent;

	if (!n)
		return false;
	*n = head;
	memcpy(n->answer, text, size);
	sent = !r->send(0, n, sizeof(*n) + size);
	free(n);
	return sent;
}

static bool tell(void *ctx, uint64_t task, const void *answer, size_t size, const char *why)
{
	struct news head = {.task = task, .kind = answer ? ANSWER : DIED};

	return send_news(ctx, head, answer ? answer : why, answer ? size : strlen(why));
}

/* A worker that has died makes room when the pool notices it. */
static bool do_task(const struct pn_ranks *r, struct pn_pool *p, uint64_t task)
{
	struct news head = {.task = task, .kind = UNABLE};

	if (pn_pool_give(p, task, true))
		return true;
	if (!pn_pool_wait(p, 0, tell, (void *)(uintptr_t)r))
		return false;
	return pn_pool_give(p, task, true) ||
	       send_news(r, head, PN_FARM_UNABLE, strlen(PN_FARM_UNABLE));
}

int pn_ranks_serve(const struct pn_ranks *r, struct pn_pool *p)
{
	struct news n = {.kind = HELLO, .jobs = pn_pool_size(p)};
	double beat = pn_cli_now();
	struct order o;
	int from;

	if (r->send(0, &n, sizeof(struct news)))
		return CLI_INPUT;
	n.kind = BEAT;
	for (;;) {
		while (r->probe(&from) == sizeof(o) && !r->take(from, &o, sizeof(o))) {
			some_gone = o.end == 2;
			if (o.end)
				return o.status;
			if (!do_task(r, p, o.task))
				return CLI_INPUT;
		}
		if (!pn_pool_wait(p, TICK_MS, tell, (void *)(uintptr_t)r))
			return CLI_INPUT;
		if (pn_cli_now() - beat < BEAT_S)
			continue;
		beat = pn_cli_now();
		if (r->send(0, &n, sizeof(struct news))) {
			some_gone = true;
			return CLI_INPUT;
		}
	}
}

void pn_ranks_close(const struct pn_ranks *r, int status, bool agreed)
{
	struct order end = {.end = some_gone ? 2 : 1, .status = status};
	int from;

	for (int i = 1; i < r->size && !r->rank && agreed; i++)
		r->send(i, &end, sizeof(end));
	fflush(stdout);
	if (!some_gone) {
		r->close();
		return;
	}
	/* MPI would wait for the rank that is gone; what was sent still has to leave */
	for (double end_s = pn_cli_now() + 1; !r->rank && pn_cli_now() < end_s; usleep(1000))
		r->probe(&from);
	_exit(status);
}
