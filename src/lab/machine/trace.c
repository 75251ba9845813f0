/* SPDX-License-Identifier: MIT */
/*
 * The steps of a run as they happen: what each of them belongs to, and its writers: traces for
 * Perfetto and Chrome, text, and the log of wakeups.
 */
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_LIMIT 1000000u

struct pn_tracer {
	struct pn_machine *m;
	FILE *json;
	struct pn_trace_pb *pb;
	struct pn_wakelog *wakes;
	const struct pn_lab_iommu
		*unit; /* that took the last step: the router passes on its messages */
	FILE *text;
	const bool *wanted;
	unsigned pid;
	uint64_t left;	      /* steps until the trace is full */
	uint64_t from, until; /* the window; until 0: no window */
	bool begun, over;
	uint64_t *delivering; /* of each CPU: the stamp of the interrupt that its guest gets */
	uint32_t *first;      /* of each VM: its vCPU 0 */
	uint64_t *told;	      /* of each vCPU: the interrupt that it was notified of last, or 0 */
};

/* ---- what a step belongs to ---- */

/*
 * An interrupt is told apart by its target and by when it was sent. Not a hash: bits that are alike
 * pack better. Two interrupts with one number are minutes apart.
 */
static uint64_t flow_of(const struct pn_tracer *t, uint64_t sent_at, uint64_t target,
			uint64_t vector)
{
	return (uint64_t)(t->pid % 32 + 1) << 58 | (target & 0xFFF) << 46 | (vector & 0xFF) << 38 |
	       (sent_at & 0x3FFFFFFFFFull);
}

static uint64_t sent_at(uint64_t stamp)
{
	return (stamp >> PN_SENT_SHIFT) - 1;
}

/* The interrupt that the IOMMU works on. */
static uint64_t served(const struct pn_tracer *t, const struct pn_lab_iommu *io)
{
	const struct pn_lab_queue *q = io->serving;

	if (!q)
		return 0;
	if (q->sim->vcpu)
		return flow_of(t, sent_at(io->serving_sent), q->sim->vcpu->id, q->sim->vector);
	return flow_of(t, sent_at(io->serving_sent), q->host_cpu, q->host_vector);
}

static void note_told(struct pn_tracer *t, const struct pn_lab_iommu *io, uint64_t flow)
{
	if (io->serving && io->serving->sim->vcpu)
		t->told[io->serving->sim->vcpu->id] = flow;
}

static void by_iommu(struct pn_tracer *t, struct pn_traced *s)
{
	const struct pn_lab_iommu *io = &t->m->iommu[s->agent->id];

	t->unit = io;
	s->serves = served(t, io);
	switch (s->step) {
	case PN_STEP_DEVICE_WRITE:
		s->flow = s->serves = flow_of(t, pn_sim_now(t->m->sim), s->a, s->b);
		break;
	case PN_STEP_GALOG_ENTRY:
	case PN_STEP_GAPPI_SEND:
	case PN_STEP_PI_NOTIFY:
	case PN_STEP_REMAP_SEND:
		s->flow = s->serves;
		note_told(t, io, s->flow);
		break;
	/* Not the first step of a request: a device's write can be at the same time. */
	case PN_STEP_IRR_SET:
	case PN_STEP_PIR_SET:
	case PN_STEP_IRR_MERGE:
	case PN_STEP_PIR_MERGE:
	case PN_STEP_DOORBELL_SEND:
		s->flow = s->serves;
		break;
	default:
		break;
	}
}

/* Keys of vCPUs are VM and index in it; VMs count from 1. A log's thread has no VM. */
static struct pn_lab_vcpu *by_key(const struct pn_tracer *t, uint64_t key)
{
	uint32_t vm = (uint32_t)(key >> 32);

	return vm && vm <= t->m->vms ? &t->m->vcpu[t->first[vm - 1] + (uint32_t)key] : NULL;
}

static void handler(struct pn_tracer *t, struct pn_traced *s)
{
	struct pn_machine *m = t->m;
	uint64_t stamp = t->delivering[s->agent->id];

	if (m->sc->work == PN_WORK_BARE) {
		uint32_t number = m->core[s->agent->id].by_vector[s->b & 0xFF];
		const struct pn_lab_queue *q = number ? &m->queue[number - 1] : NULL;

		stamp = q && q->flights ? q->flight[q->flight_head] : 0;
	} else {
		s->vcpu = &m->vcpu[s->a];
	}
	t->delivering[s->agent->id] = 0;
	s->stamp = stamp;
	if (!stamp)
		return;
	s->ends = true;
	s->flow = flow_of(t, sent_at(stamp), s->a, s->b);
}

static void by_cpu(struct pn_tracer *t, struct pn_traced *s)
{
	struct pn_pcpu *p = s->agent->world;
	struct pn_vcpu *cur = p->cur ? pn_vcpu_of(p->cur) : NULL;

	switch (s->step) {
	case PN_STEP_GUEST_DELIVER:
		if (cur) {
			const struct pn_lab_vcpu *v = pn_lab_of(cur);

			t->delivering[p->id] = v->taken ? v->taken : v->sent[s->b & 0xFF];
		}
		break;
	case PN_STEP_HANDLER_START:
		handler(t, s);
		break;
	case PN_STEP_WAKE:
		s->vcpu = by_key(t, s->a);
		if (s->vcpu) {
			s->flow = t->told[s->vcpu->sim->id];
			t->told[s->vcpu->sim->id] = 0;
		}
		break;
	case PN_STEP_TASK_SLEEP:
	case PN_STEP_EXIT_INTR ... PN_STEP_EXIT_NOACCEL:
		s->vcpu = &t->m->vcpu[s->a];
		break;
	case PN_STEP_VMRUN:
	case PN_STEP_GUEST_EOI:
		s->vcpu = cur ? pn_lab_of(cur) : NULL;
		break;
	default:
		break;
	}
}

/* ---- who writes it ---- */

static void end(struct pn_tracer *t, uint64_t at, bool full)
{
	t->over = true;
	if (t->json && full)
		pn_trace_json_full(t->pid, t->json, at);
	if (t->pb)
		pn_trace_pb_end_at(t->pb, at, full);
}

/* Times of different agents are in no order: the window is taken agent by agent. */
static bool in_window(struct pn_tracer *t, const struct pn_traced *s)
{
	uint64_t now = pn_sim_now(t->m->sim);

	if (!t->until) {
		if (!--t->left)
			end(t, s->at, true);
		return !t->over;
	}
	/* Nothing takes effect before its instant, so no later step can begin in the window. */
	if (now >= t->until)
		end(t, t->until, false);
	return !t->over && s->at >= t->from && s->at < t->until;
}

static void write_step(struct pn_tracer *t, const struct pn_traced *s)
{
	bool in = in_window(t, s);

	if (t->over)
		return;
	if (in && !t->begun && t->pb)
		pn_trace_pb_begin_at(t->pb, t->from ? t->from : s->at);
	t->begun |= in;
	if (in && t->json)
		pn_trace_json_step(t->m, t->pid, t->json, s);
	if (t->pb && (in || s->at < t->from))
		pn_trace_pb_step(t->pb, s, in);
}

static void line(const struct pn_tracer *t, const struct pn_traced *s)
{
	const char *who = pn_traced_by_cpu(s)	      ? "CPU"
			  : s->agent == &t->m->router ? "router"
						      : "IOMMU";

	if (t->wanted && !t->wanted[s->step])
		return;
	fprintf(t->text,
		"%12" PRIu64 ".%03u us  %-6s%4" PRIu32 "  %-16s%6" PRIu64 " ns  0x%" PRIx64
		" 0x%" PRIx64 "\n",
		s->at / 1000, (unsigned)(s->at % 1000), who,
		s->agent == &t->m->router ? 0 : s->agent->id, pn_any_step_key(s->step), s->ns, s->a,
		s->b);
}

static void observe(void *ctx, struct pn_agent *a, unsigned step, uint64_t x, uint64_t y)
{
	struct pn_tracer *t = ctx;
	uint64_t ns = a->step[step].cost_ns;
	struct pn_traced s = {
		.agent = a,
		.step = step,
		/* The hook comes after the charge: the step began that much earlier. */
		.at = pn_sim_now(t->m->sim) + a->elapsed_ns - ns,
		.ns = ns,
		.a = x,
		.b = y,
	};

	if (a->world)
		by_cpu(t, &s);
	else if (a != &t->m->router)
		by_iommu(t, &s);
	else if (t->unit)
		s.serves = served(t, t->unit);
	if (t->wakes)
		pn_wakelog_step(t->wakes, &s);
	if (!t->over)
		write_step(t, &s);
	if (t->text)
		line(t, &s);
}

void pn_tracer_ipi(struct pn_tracer *t, const struct pn_lab_vcpu *from,
		   const struct pn_lab_vcpu *to, uint8_t vector, uint64_t sent)
{
	uint64_t now = pn_sim_now(t->m->sim);

	if (t->pb && !t->over)
		pn_trace_pb_ipi(t->pb, from, to, now,
				flow_of(t, sent_at(sent), to->sim->id, vector));
}

static void watch(struct pn_tracer *t, struct pn_agent *a, struct pn_step_table *steps)
{
	a->observe = observe;
	a->observe_ctx = t;
	pn_watch_all(steps, true);
}

static void watch_all(struct pn_tracer *t)
{
	struct pn_machine *m = t->m;

	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++)
		watch(t, &m->sim->pcpu[i].agent, &m->sim->pcpu[i].steps);
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++)
		watch(t, &m->iommu[i].agent, &m->iommu[i].steps);
	watch(t, &m->router, &m->router_steps);
	m->tracer = t;
}

static int open_trace(struct pn_tracer *t, const struct pn_run_options *opt)
{
	t->over = !opt->trace;
	if (opt->wakes) {
		t->wakes = pn_wakelog_open(t->m);
		if (!t->wakes)
			return -ENOMEM;
	}
	if (!opt->trace)
		return 0;
	if (opt->trace_perfetto) {
		t->pb = pn_trace_pb_open(t->m, t->pid, opt->trace);
		return t->pb ? 0 : -ENOMEM;
	}
	t->json = opt->trace;
	pn_trace_json_names(t->m, t->pid, t->json);
	return 0;
}

int pn_tracer_attach(struct pn_machine *m, const struct pn_run_options *opt, struct pn_tracer **out)
{
	struct pn_tracer *t = calloc(1, sizeof(*t));

	*out = t;
	if (!t)
		return -ENOMEM;
	t->m = m;
	t->text = opt->steps;
	t->wanted = opt->step_wanted;
	t->pid = opt->trace_pid;
	t->left = opt->trace_limit ? opt->trace_limit : TRACE_LIMIT;
	t->from = opt->trace_from;
	t->until = opt->trace_until;
	t->delivering = calloc(m->sc->machine.pcpus, sizeof(*t->delivering));
	t->told = calloc(m->vcpus + 1, sizeof(*t->told));
	t->first = calloc(m->vms + 1, sizeof(*t->first));
	if (!t->delivering || !t->told || !t->first || open_trace(t, opt))
		return -ENOMEM;
	for (uint32_t i = 0; i < m->vcpus; i++)
		t->first[m->vcpu[i].vm] = m->vcpu[i].first;
	watch_all(t);
	return 0;
}

int pn_tracer_wakes(const struct pn_tracer *t, const struct pn_hist *wake, struct pn_wakes **out)
{
	*out = pn_wakelog_choose(t->wakes, wake);
	return *out ? 0 : -ENOMEM;
}

int pn_tracer_close(struct pn_tracer *t)
{
	int err;

	if (!t)
		return 0;
	if (!t->over)
		end(t, t->until ? t->until : pn_sim_now(t->m->sim), false);
	err = pn_trace_pb_close(t->pb);
	pn_wakelog_close(t->wakes);
	free(t->delivering);
	free(t->told);
	free(t->first);
	free(t);
	return err;
}
