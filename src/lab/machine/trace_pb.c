/* SPDX-License-Identifier: MIT */
/*
 * Traces in Perfetto's format: a process for each mode, in it a track for each CPU, IOMMU and vCPU,
 * and arrows from a device's write through the IOMMU and the host to the guest's handler.
 */
#include <stdlib.h>

#include "perfetto.h"
#include "trace.h"

/* An IOMMU begins with a request while the messages of the one before are on their way. */
#define LANES	   4
#define MAX_TRACES 32 /* in one file: the number of a mode is part of every track's number */

/*
 * Slices one after another. What is charged to an agent may reach beyond the moment when it goes on
 * with something else: the slice of such a step ends there.
 */
struct lane {
	struct pn_perfetto_track *track;
	uint64_t begun, end; /* the last step */
	bool open;	     /* its end is not written yet */
};

struct iommu_tracks {
	struct pn_perfetto_track *devices; /* what they write */
	struct lane lane[LANES];
	unsigned now; /* lane of the request that it works on */
};

/* What a vCPU does, and in the guest the handler that runs. */
struct vcpu_track {
	struct pn_perfetto_track *track;
	uint64_t last;
	const char *state; /* NULL: not known yet */
	int handler;	   /* vector, or -1 */
};

struct pn_trace_pb {
	const struct pn_machine *m;
	struct pn_perfetto *out;
	unsigned pid;
	uint32_t tracks;
	bool writes; /* since the window began */
	bool in;     /* the step that is being followed is in the window */
	struct pn_perfetto_track *process;
	struct lane router, *cpu;
	struct iommu_tracks *iommu;
	struct vcpu_track *vcpu;
	char handler[256][16];
};

/* ---- tracks ---- */

/* Numbers of tracks differ from those of the other modes in the file. */
static uint32_t number(const struct pn_trace_pb *t, uint32_t index)
{
	return index * MAX_TRACES + t->pid + 1;
}

static struct pn_perfetto_track *add(struct pn_trace_pb *t, const char *what, uint32_t i)
{
	char name[64];

	t->tracks++;
	snprintf(name, sizeof(name), "%s %u", what, i);
	return pn_perfetto_track(t->out, number(t, t->tracks), number(t, 0), name, t->tracks);
}

static void add_tracks(struct pn_trace_pb *t)
{
	const struct pn_sc_machine *sm = &t->m->sc->machine;
	char name[64];

	pn_mode_text(&t->m->mode, name, sizeof(name));
	t->process = pn_perfetto_process(t->out, number(t, 0), t->pid + 1, name);
	for (uint32_t i = 0; i < sm->iommus; i++) {
		struct iommu_tracks *u = &t->iommu[i];

		u->devices = add(t, "devices of IOMMU", i);
		for (unsigned k = 0; k < LANES; k++)
			u->lane[k].track = add(t, k ? "overlapping in IOMMU" : "IOMMU", i);
	}
	t->router.track = add(t, "router", 0);
	for (uint32_t i = 0; i < sm->pcpus; i++)
		t->cpu[i].track = add(t, "pCPU", i);
	for (uint32_t i = 0; i < t->m->vcpus; i++)
		t->vcpu[i].track = add(t, "vCPU", i);
}

struct pn_trace_pb *pn_trace_pb_open(const struct pn_machine *m, unsigned pid, FILE *f)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	struct pn_trace_pb *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->m = m;
	t->pid = pid % MAX_TRACES;
	t->out = pn_perfetto_open(f);
	t->cpu = calloc(sm->pcpus + 1, sizeof(*t->cpu));
	t->iommu = calloc(sm->iommus + 1, sizeof(*t->iommu));
	t->vcpu = calloc(m->vcpus + 1, sizeof(*t->vcpu));
	if (!t->out || !t->cpu || !t->iommu || !t->vcpu) {
		pn_trace_pb_close(t);
		return NULL;
	}
	for (uint32_t i = 0; i < m->vcpus; i++)
		t->vcpu[i].handler = -1;
	for (unsigned i = 0; i < 256; i++)
		snprintf(t->handler[i], sizeof(t->handler[i]), "handler 0x%02x", i);
	add_tracks(t);
	return t;
}

int pn_trace_pb_close(struct pn_trace_pb *t)
{
	int err;

	if (!t)
		return 0;
	err = pn_perfetto_close(t->out);
	free(t->cpu);
	free(t->iommu);
	free(t->vcpu);
	free(t);
	return err;
}

/* ---- events ---- */

static void put(struct pn_trace_pb *t, struct pn_perfetto_track *on,
		const struct pn_perfetto_event *e)
{
	if (t->writes)
		pn_perfetto_event(on, e);
}

static void begin(struct pn_trace_pb *t, struct pn_perfetto_track *on, uint64_t at,
		  const char *name)
{
	put(t, on, &(struct pn_perfetto_event){.kind = PN_PERFETTO_BEGIN, .at = at, .name = name});
}

static void end(struct pn_trace_pb *t, struct pn_perfetto_track *on, uint64_t at)
{
	put(t, on, &(struct pn_perfetto_event){.kind = PN_PERFETTO_END, .at = at});
}

/* What the two numbers of a step are; a step that is not here has "a" and "b". */
static const char *const args[PN_ALL_STEPS_NR][2] = {
	[PN_STEP_MSI] = {"DevID", "index"},
	[PN_STEP_DTE_HIT] = {"DevID", "index"},
	[PN_STEP_DTE_MISS] = {"DevID", "index"},
	[PN_STEP_IRTE_HIT] = {"DevID", "index"},
	[PN_STEP_IRTE_MISS] = {"DevID", "index"},
	[PN_STEP_IRR_SET] = {"page", "vector"},
	[PN_STEP_IRR_MERGE] = {"page", "vector"},
	[PN_STEP_IRTE_VOLATILE] = {"DevID", "index"},
	[PN_STEP_DOORBELL_SEND] = {"Destination", "b"},
	[PN_STEP_GALOG_ENTRY] = {"GATag", "DevID"},
	[PN_STEP_GALOG_QUIET] = {"GATag", "DevID"},
	[PN_STEP_GALOG_DROP] = {"GATag", "DevID"},
	[PN_STEP_GALOG_OVERFLOW] = {"head", "tail"},
	[PN_STEP_GA_INT] = {"destination", "vector"},
	[PN_STEP_GAPPI_SEND] = {"Destination", "vector"},
	[PN_STEP_GAPPI_NONEMPTY] = {"Destination", "vector"},
	[PN_STEP_REMAP_SEND] = {"destination", "vector"},
	[PN_STEP_PIR_SET] = {"descriptor", "vector"},
	[PN_STEP_PIR_MERGE] = {"descriptor", "vector"},
	[PN_STEP_PI_NOTIFY] = {"NDST", "NV"},
	[PN_STEP_PI_ON] = {"descriptor", "vector"},
	[PN_STEP_PI_SUPPRESSED] = {"descriptor", "vector"},
	[PN_STEP_INTR_ISSUE] = {"destination", "vector"},
	[PN_STEP_INTR_ROUTE] = {"destination", "vector"},
	[PN_STEP_GUEST_DELIVER] = {"page", "vector"},
	[PN_STEP_GUEST_EOI] = {"page", "vector"},
	[PN_STEP_VMRUN] = {"page", "b"},
	[PN_STEP_DEVICE_WRITE] = {"target", "vector"},
	[PN_STEP_HANDLER_START] = {"target", "vector"},
	[PN_STEP_IRQ_ENTRY] = {"CPU", "vector"},
	[PN_STEP_IRQ_AGAIN] = {"CPU", "vector"},
	[PN_STEP_WAKE] = {"vCPU", "why"},
};

/* A step that costs nothing has no length. */
static void step(struct pn_trace_pb *t, const struct pn_traced *s, struct pn_perfetto_track *on,
		 uint64_t at)
{
	const char *const *name = args[s->step];
	struct pn_perfetto_arg arg[2] = {
		{.name = name[0] ? name[0] : "a", .value = s->a},
		{.name = name[1] ? name[1] : "b", .value = s->b},
	};

	put(t, on,
	    &(struct pn_perfetto_event){
		    .kind = s->ns ? PN_PERFETTO_BEGIN : PN_PERFETTO_INSTANT,
		    .at = at,
		    .name = pn_any_step_key(s->step),
		    .flow = s->ends ? 0 : s->flow,
		    .ends = s->ends ? s->flow : 0,
		    .arg = arg,
		    /* An argument that is 0 and unnamed is none. */
		    .args = s->b || name[1]   ? 2
			    : s->a || name[0] ? 1
					      : 0,
	    });
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void end_step(struct pn_trace_pb *t, struct lane *l, uint64_t at)
{
	if (l->open)
		end(t, l->track, at < l->end ? at : l->end);
	l->open = false;
}

static void step_in_lane(struct pn_trace_pb *t, const struct pn_traced *s, struct lane *l)
{
	uint64_t at = later(s->at, l->begun);

	if (t->in) {
		end_step(t, l, at);
		step(t, s, l->track, at);
		l->open = t->writes && s->ns;
	}
	l->begun = at;
	l->end = at + s->ns;
}

/* The first lane that is free when a request comes. */
static unsigned choose_lane(const struct lane lane[LANES], uint64_t at)
{
	unsigned best = 0;

	for (unsigned k = 0; k < LANES; k++) {
		if (lane[k].end <= at)
			return k;
		if (lane[k].end < lane[best].end)
			best = k;
	}
	return best;
}

static void by_iommu(struct pn_trace_pb *t, const struct pn_traced *s)
{
	struct iommu_tracks *u = &t->iommu[s->agent->id];

	if (s->step == PN_STEP_DEVICE_WRITE) {
		if (t->in)
			step(t, s, u->devices, s->at);
		return;
	}
	if (s->step == PN_STEP_MSI)
		u->now = choose_lane(u->lane, s->at);
	step_in_lane(t, s, &u->lane[u->now]);
}

/* ---- what vCPUs do ---- */

static void end_handler(struct pn_trace_pb *t, struct vcpu_track *v, uint64_t at)
{
	if (v->handler >= 0)
		end(t, v->track, at);
	v->handler = -1;
}

static void set_state(struct pn_trace_pb *t, const struct pn_lab_vcpu *vcpu, const char *state,
		      uint64_t at)
{
	struct vcpu_track *v = &t->vcpu[vcpu->sim->id];

	at = v->last = later(at, v->last);
	end_handler(t, v, at);
	if (v->state)
		end(t, v->track, at);
	begin(t, v->track, at, state);
	v->state = state;
}

static void set_handler(struct pn_trace_pb *t, const struct pn_lab_vcpu *vcpu, int vector,
			uint64_t at, uint64_t flow)
{
	struct vcpu_track *v = &t->vcpu[vcpu->sim->id];

	if (!v->state)
		return;
	at = v->last = later(at, v->last);
	end_handler(t, v, at);
	if (vector < 0)
		return;
	put(t, v->track,
	    &(struct pn_perfetto_event){
		    .kind = PN_PERFETTO_BEGIN, .at = at, .name = t->handler[vector], .ends = flow});
	v->handler = vector;
}

static void by_vcpu(struct pn_trace_pb *t, const struct pn_traced *s)
{
	uint64_t after = s->at + s->ns;

	switch (s->step) {
	case PN_STEP_TASK_SLEEP:
		set_state(t, s->vcpu, "asleep", s->at);
		break;
	case PN_STEP_WAKE:
		set_state(t, s->vcpu, "waits for a CPU", after);
		break;
	case PN_STEP_VMRUN:
		set_state(t, s->vcpu, "guest", after);
		/* An exit was in its middle. */
		set_handler(t, s->vcpu, s->vcpu->sim->handler, after, 0);
		break;
	case PN_STEP_HANDLER_START:
		set_handler(t, s->vcpu, (int)(s->b & 0xFF), after, s->flow);
		break;
	case PN_STEP_GUEST_EOI:
		set_handler(t, s->vcpu, -1, after, 0);
		break;
	default:
		set_state(t, s->vcpu, pn_any_step_key(s->step), s->at);
	}
}

static void by_cpu(struct pn_trace_pb *t, const struct pn_traced *s)
{
	struct pn_traced without = *s;

	/* The arrow ends in the guest. */
	if (s->vcpu && s->step == PN_STEP_HANDLER_START)
		without.flow = 0;
	step_in_lane(t, &without, &t->cpu[s->agent->id]);
	if (s->vcpu)
		by_vcpu(t, s);
}

void pn_trace_pb_step(struct pn_trace_pb *t, const struct pn_traced *s, bool in)
{
	t->in = in;
	if (pn_traced_by_cpu(s))
		by_cpu(t, s);
	else if (s->agent == &t->m->router)
		step_in_lane(t, s, &t->router);
	else
		by_iommu(t, s);
}

void pn_trace_pb_ipi(struct pn_trace_pb *t, const struct pn_lab_vcpu *from,
		     const struct pn_lab_vcpu *to, uint64_t at, uint64_t flow)
{
	struct vcpu_track *v = &t->vcpu[from->sim->id];
	struct pn_perfetto_arg arg = {.name = "to vCPU", .value = to->sim->id};

	v->last = later(at, v->last);
	put(t, v->track,
	    &(struct pn_perfetto_event){.kind = PN_PERFETTO_INSTANT,
					.at = v->last,
					.name = "IPI",
					.flow = flow,
					.arg = &arg,
					.args = 1});
}

void pn_trace_pb_begin_at(struct pn_trace_pb *t, uint64_t from)
{
	t->writes = true;
	for (uint32_t i = 0; i < t->m->vcpus; i++) {
		struct vcpu_track *v = &t->vcpu[i];

		v->last = later(from, v->last);
		if (v->state)
			begin(t, v->track, v->last, v->state);
		if (v->handler >= 0)
			begin(t, v->track, v->last, t->handler[v->handler]);
	}
}

static void end_steps(struct pn_trace_pb *t)
{
	const struct pn_sc_machine *sm = &t->m->sc->machine;

	end_step(t, &t->router, UINT64_MAX);
	for (uint32_t i = 0; i < sm->pcpus; i++)
		end_step(t, &t->cpu[i], UINT64_MAX);
	for (uint32_t i = 0; i < sm->iommus; i++)
		for (unsigned k = 0; k < LANES; k++)
			end_step(t, &t->iommu[i].lane[k], UINT64_MAX);
}

void pn_trace_pb_end_at(struct pn_trace_pb *t, uint64_t at, bool full)
{
	end_steps(t);
	for (uint32_t i = 0; i < t->m->vcpus; i++) {
		struct vcpu_track *v = &t->vcpu[i];

		v->last = later(at, v->last);
		end_handler(t, v, v->last);
		if (v->state)
			end(t, v->track, v->last);
	}
	if (full)
		put(t, t->process,
		    &(struct pn_perfetto_event){.kind = PN_PERFETTO_INSTANT,
						.at = at,
						.name = "trace is full: later steps are missing"});
	t->writes = false;
}
