/* SPDX-License-Identifier: MIT */
/* Simulations on several threads, with progress, and an end on Ctrl-C. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "progress.h"
#include "runner.h"

#define POLL_NS	    50000000l
#define MAX_THREADS 64

struct job {
	const struct pn_scenario *sc;
	const struct pn_mode *mode;
	struct pn_result *result;
	struct pn_diag diag;
	struct pool *pool;
	uint32_t index;
	bool begun; /* by a worker; read after it was joined */
	int error;
	atomic_ullong done_ns, all_ns;
};

struct pool {
	const struct pn_cli_options *o;
	struct pn_recording *rec;
	FILE *trace;
	struct job *job;
	unsigned n;
	atomic_uint next;
	atomic_bool failed;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	unsigned working; /* under @lock */
};

static bool on_progress(void *ctx, uint64_t done_ns, uint64_t all_ns)
{
	struct job *j = ctx;

	atomic_store_explicit(&j->done_ns, done_ns, memory_order_relaxed);
	atomic_store_explicit(&j->all_ns, all_ns, memory_order_relaxed);
	return !pn_cli_stopped() && !atomic_load_explicit(&j->pool->failed, memory_order_relaxed);
}

static void run_job(struct pool *p, struct job *j)
{
	struct pn_run_options opt = {
		.seed = p->o->seed,
		.recording = p->rec,
		.trace = p->trace,
		.trace_perfetto = pn_cli_trace_perfetto(p->o),
		.trace_pid = j->index,
		.trace_from = p->o->trace_from,
		.trace_until = p->o->trace_until,
		/* Not of draws, which are behind the modes. */
		.wakes = p->o->report && j->index < p->o->modes,
		.steps = p->o->steps ? stdout : NULL,
		.step_wanted = p->o->steps,
		.progress = on_progress,
		.progress_ctx = j,
	};

	j->begun = true;
	j->error = pn_run(j->sc, j->mode, &opt, j->result, &j->diag);
	if (j->error)
		atomic_store(&p->failed, true);
}

static void *worker(void *arg)
{
	struct pool *p = arg;

	while (!pn_cli_stopped() && !atomic_load(&p->failed)) {
		unsigned i = atomic_fetch_add(&p->next, 1);

		if (i >= p->n)
			break;
		run_job(p, &p->job[i]);
	}
	pthread_mutex_lock(&p->lock);
	p->working--;
	pthread_cond_signal(&p->idle);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* "galog 43 %  gappi 12 %  0.31 s simulated per s"; many: "37 of 85 runs  0.31 s ..." */
static void show(struct pool *p)
{
	char line[128] = "", mode[64];
	unsigned long long sum = 0;
	unsigned ended = 0;
	size_t len = 0;

	for (unsigned i = 0; i < p->n; i++) {
		unsigned long long done = atomic_load(&p->job[i].done_ns),
				   all = atomic_load(&p->job[i].all_ns);
		int n;

		sum += done;
		ended += all && done >= all;
		if (p->n > CLI_MAX_MODES || !all || done >= all || len >= sizeof(line))
			continue;
		n = snprintf(line + len, sizeof(line) - len, "%s %.0f %%  ",
			     pn_mode_text(p->job[i].mode, mode, sizeof(mode)),
			     100.0 * (double)done / (double)all);
		len += n > 0 ? (size_t)n : 0;
	}
	if (p->n > CLI_MAX_MODES)
		snprintf(line, sizeof(line), "%u of %u runs  ", ended, p->n);
	pn_progress_line("%s%.3g s simulated per s", line,
			 1e-9 * (double)sum / pn_progress_seconds());
}

static void wait_for(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->working) {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += POLL_NS;
		if (t.tv_nsec >= 1000000000l) {
			t.tv_nsec -= 1000000000l;
			t.tv_sec++;
		}
		pthread_cond_timedwait(&p->idle, &p->lock, &t);
		if (p->working && pn_progress_due())
			show(p);
	}
	pthread_mutex_unlock(&p->lock);
}

static unsigned threads_for(const struct pool *p)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	unsigned most = p->n < MAX_THREADS ? p->n : MAX_THREADS;

	/* A trace has one mode after the other. */
	if (p->trace || p->o->steps || cpus < 2)
		return 1;
	return (unsigned long)cpus < most ? (unsigned)cpus : most;
}

static void run_pool(struct pool *p)
{
	pthread_t thread[MAX_THREADS];
	unsigned n = threads_for(p), started = 0;

	p->working = n;
	while (started < n && !pthread_create(&thread[started], NULL, worker, p))
		started++;
	pthread_mutex_lock(&p->lock);
	p->working -= n - started;
	pthread_mutex_unlock(&p->lock);
	if (!started) {
		p->working = 1;
		worker(p);
	}
	wait_for(p);
	for (unsigned i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
}

/* Moves the finished results together. */
static bool collect(struct pool *p, struct pn_comparison *out)
{
	out->n = 0;
	for (unsigned i = 0; i < p->n; i++) {
		struct job *j = &p->job[i];

		if (j->begun && j->error && j->error != -EINTR) {
			if (!j->diag.text[0])
				pn_diag_set(&j->diag, j->error, NULL, 0, "mode %s: %s",
					    j->mode->info->name, strerror(-j->error));
			pn_cli_diag(&j->diag);
			return false;
		}
		if (!j->begun || j->error)
			continue;
		if (out->n != i)
			memcpy(&out->result[out->n], j->result, sizeof(*j->result));
		out->n++;
	}
	return true;
}

const struct pn_scenario *pn_cli_first(const struct pn_cli_work *w)
{
	unsigned i = 0;

	while (i + 1 < PN_WORK_NR && !w->of[i])
		i++;
	return w->of[i];
}

bool pn_cli_run_items(const struct pn_cli_options *o, const struct pn_cli_item *item, unsigned n,
		      struct pn_recording *rec, FILE *trace, struct pn_comparison *out)
{
	struct pool *p = calloc(1, sizeof(*p));
	bool ok;

	out->result = calloc(n, sizeof(*out->result));
	if (p)
		p->job = calloc(n, sizeof(*p->job));
	if (!p || !p->job || !out->result) {
		pn_cli_error("%s", strerror(ENOMEM));
		if (p)
			free(p->job);
		free(p);
		return false;
	}
	p->o = o;
	p->rec = rec;
	p->trace = trace;
	p->n = n;
	for (unsigned i = 0; i < n; i++) {
		p->job[i].sc = item[i].sc;
		p->job[i].mode = item[i].mode;
		p->job[i].result = &out->result[i];
		p->job[i].pool = p;
		p->job[i].index = i;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->idle, NULL);
	pn_progress_begin();
	run_pool(p);
	pn_progress_end();
	ok = collect(p, out);
	pthread_cond_destroy(&p->idle);
	pthread_mutex_destroy(&p->lock);
	free(p->job);
	free(p);
	return ok;
}

void pn_cli_begin(const struct pn_cli_options *o, const struct pn_cli_work *w,
		  struct pn_comparison *out)
{
	const struct pn_scenario *sc = pn_cli_first(w);

	snprintf(out->scenario, sizeof(out->scenario), "%s", sc->name);
	snprintf(out->costs, sizeof(out->costs), "%s", sc->costs.name);
	out->seed = o->seed;
	out->duration_ns = sc->machine.duration;
	out->left_out = o->left_out;
}

bool pn_cli_run_modes(const struct pn_cli_options *o, const struct pn_cli_work *w,
		      struct pn_recording *rec, FILE *trace, struct pn_comparison *out)
{
	struct pn_cli_item item[CLI_MAX_MODES];

	pn_cli_begin(o, w, out);
	for (unsigned i = 0; i < o->modes; i++)
		item[i] = (struct pn_cli_item){w->of[o->mode[i].info->work], &o->mode[i]};
	return pn_cli_run_items(o, item, o->modes, rec, trace, out);
}
