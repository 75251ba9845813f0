/* SPDX-License-Identifier: MIT */
/* The steps of a run as they happen: in Chrome trace format (opens in Perfetto), and as text. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define TRACE_LIMIT 1000000u

struct pn_tracer {
	struct pn_machine *m;
	FILE *f;    /* Chrome trace format, or NULL */
	FILE *text; /* or NULL */
	const bool *wanted;
	unsigned pid;
	uint64_t left;
};

static void meta(struct pn_tracer *t, const char *what, uint32_t tid, const char *name,
		 uint32_t number)
{
	fprintf(t->f,
		"{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%u,\"tid\":%" PRIu32
		",\"args\":{\"name\":\"%s %" PRIu32 "\"}},\n",
		what, t->pid, tid, name, number);
}

static uint32_t tid_of(const struct pn_machine *m, const struct pn_agent *a)
{
	return a->world ? a->id : m->sc->machine.pcpus + a->id;
}

/* Later steps are missing, and the trace says so. */
static void full(const struct pn_tracer *t, uint64_t ns)
{
	fprintf(t->f,
		"{\"ph\":\"i\",\"s\":\"g\",\"name\":\"trace is full: later steps are missing\","
		"\"pid\":%u,\"tid\":0,\"ts\":%" PRIu64 ".%03u},\n",
		t->pid, ns / 1000, (unsigned)(ns % 1000));
}

static void event(struct pn_tracer *t, const struct pn_agent *a, unsigned step, uint64_t at,
		  uint64_t x, uint64_t y)
{
	uint64_t cost = a->step[step].cost_ns;

	if (!t->left)
		return;
	if (!--t->left) {
		full(t, at);
		return;
	}
	fprintf(t->f,
		"{\"ph\":\"X\",\"name\":\"%s\",\"pid\":%u,\"tid\":%" PRIu32 ",\"ts\":%" PRIu64
		".%03u,\"dur\":%" PRIu64 ".%03u,\"args\":{\"a\":\"0x%" PRIx64
		"\",\"b\":\"0x%" PRIx64 "\"}},\n",
		pn_any_step_key(step), t->pid, tid_of(t->m, a), at / 1000, (unsigned)(at % 1000),
		cost / 1000, (unsigned)(cost % 1000), x, y);
}

static void line(const struct pn_tracer *t, const struct pn_agent *a, unsigned step, uint64_t at,
		 uint64_t x, uint64_t y)
{
	const char *who = a->world ? "CPU" : a == &t->m->router ? "router" : "IOMMU";

	if (t->wanted && !t->wanted[step])
		return;
	fprintf(t->text,
		"%12" PRIu64 ".%03u us  %-6s%4" PRIu32 "  %-16s%6" PRIu32 " ns  0x%" PRIx64
		" 0x%" PRIx64 "\n",
		at / 1000, (unsigned)(at % 1000), who, a == &t->m->router ? 0 : a->id,
		pn_any_step_key(step), a->step[step].cost_ns, x, y);
}

static void observe(void *ctx, struct pn_agent *a, unsigned step, uint64_t x, uint64_t y)
{
	struct pn_tracer *t = ctx;
	/* The hook comes after the charge: the step began that much earlier. */
	uint64_t at = pn_sim_now(t->m->sim) + a->elapsed_ns - a->step[step].cost_ns;

	if (t->f)
		event(t, a, step, at, x, y);
	if (t->text)
		line(t, a, step, at, x, y);
}

static void watch(struct pn_tracer *t, struct pn_agent *a, struct pn_step_table *steps)
{
	a->observe = observe;
	a->observe_ctx = t;
	pn_watch_all(steps, true);
}

static void names(struct pn_tracer *t)
{
	const struct pn_machine *m = t->m;
	char name[64];

	fprintf(t->f,
		"{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%u,\"args\":{\"name\":\"%s\"}},\n",
		t->pid, pn_mode_text(&m->mode, name, sizeof(name)));
	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++)
		meta(t, "thread_name", i, "pCPU", i);
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++)
		meta(t, "thread_name", m->sc->machine.pcpus + i, "IOMMU", i);
	meta(t, "thread_name", m->sc->machine.pcpus + m->router.id, "router", 0);
}

int pn_tracer_attach(struct pn_machine *m, const struct pn_run_options *opt, struct pn_tracer **out)
{
	struct pn_tracer *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->m = m;
	t->f = opt->trace;
	t->text = opt->steps;
	t->wanted = opt->step_wanted;
	t->pid = opt->trace_pid;
	t->left = opt->trace_limit ? opt->trace_limit : TRACE_LIMIT;
	if (t->f)
		names(t);
	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++)
		watch(t, &m->sim->pcpu[i].agent, &m->sim->pcpu[i].steps);
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++)
		watch(t, &m->iommu[i].agent, &m->iommu[i].steps);
	watch(t, &m->router, &m->router_steps);
	*out = t;
	return 0;
}

int pn_tracer_close(struct pn_tracer *t)
{
	int err;

	if (!t)
		return 0;
	err = (t->f && ferror(t->f)) || (t->text && ferror(t->text)) ? -EIO : 0;
	free(t);
	return err;
}
