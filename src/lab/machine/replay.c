/* SPDX-License-Identifier: MIT */
/*
 * A recording in the simulated world: each device interrupt is an MSI at its recorded time. With a
 * guest each recorded CPU is a vCPU on a CPU of its own, which runs, sleeps or is displaced when
 * the recording says so; on bare metal it is the CPU itself, which is busy or not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define REPLAY_HANDLER_NS 1000u
#define MAX_SLOTS	  64u  /* of the vectors that a CPU has for devices */
#define XAPIC_IDS	  255u /* the last one is the broadcast */

struct pn_feed {
	struct pn_machine *m;
	struct pn_rec_reader *reader;
	const struct pn_rec_summary *sum;
	struct pn_event ev;
	struct pn_rec_event next;
	int error;
};

/* Lines of one CPU beyond these share the vectors of others. */
static uint32_t replay_slots(const struct pn_rec_summary *rec)
{
	return rec->slots < MAX_SLOTS ? rec->slots : MAX_SLOTS;
}

/* A CPU has a queue for each of its lines, not for each of the machine's. */
static struct pn_queue *queue_of(const struct pn_feed *f, const struct pn_rec_event *e)
{
	return &f->m->sim->queue[e->slot % replay_slots(f->sum) * f->sum->cpus + e->cpu];
}

/* The task that displaces the vCPU has the CPU for as long as the recording says. */
static void displace(struct pn_vcpu *v, bool on)
{
	struct pn_thread *th = &v->sim->pcpu[v->task.pin].script;

	if (on)
		pn_thread_burn(th, UINT64_MAX, NULL);
	else if (th->task.state == PN_TASK_RUNNABLE)
		pn_thread_burn(th, 0, NULL);
}

/* A task that runs on the recorded CPU keeps it out of its idle state. */
static void apply_bare(struct pn_feed *f, const struct pn_rec_event *e)
{
	struct pn_thread *th = &f->m->sim->pcpu[e->cpu].script;

	switch (e->kind) {
	case PN_REC_IRQ:
		if (!f->m->sim->draining)
			pn_queue_complete(queue_of(f, e), 1);
		break;
	case PN_REC_RUN:
	case PN_REC_PREEMPT:
		pn_thread_burn(th, UINT64_MAX, NULL);
		break;
	case PN_REC_SLEEP:
		if (th->task.state == PN_TASK_RUNNABLE)
			pn_thread_burn(th, 0, NULL);
		break;
	}
}

static void apply(struct pn_feed *f, const struct pn_rec_event *e)
{
	struct pn_vcpu *v = &f->m->sim->vcpu[e->cpu];

	switch (e->kind) {
	case PN_REC_IRQ:
		if (v->sim->draining)
			break; /* the measured part is over */
		/* The interrupt is what makes it run: it has work from its handler on. */
		if (e->runs_next)
			v->script_run = true;
		pn_queue_complete(queue_of(f, e), 1);
		break;
	case PN_REC_RUN:
		displace(v, false);
		pn_vcpu_script(v, true);
		break;
	case PN_REC_SLEEP:
		displace(v, false);
		pn_vcpu_script(v, false);
		break;
	case PN_REC_PREEMPT:
		displace(v, true);
		break;
	}
}

static void feed_event(struct pn_event *ev)
{
	struct pn_feed *f = pn_container(ev, struct pn_feed, ev);
	uint64_t now = pn_sim_now(f->m->sim);
	int more;

	do {
		if (f->m->sc->work == PN_WORK_BARE)
			apply_bare(f, &f->next);
		else
			apply(f, &f->next);
		more = pn_rec_reader_next(f->reader, &f->next);
	} while (more > 0 && f->next.ns <= now);
	if (more < 0)
		f->error = more;
	if (more > 0)
		pn_wheel_add(&f->m->sim->wheel, &f->ev, f->next.ns);
}

int pn_feed_open(struct pn_machine *m, struct pn_recording *rec, struct pn_feed **out)
{
	struct pn_feed *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->m = m;
	f->sum = pn_recording_summary(rec);
	*out = f;
	err = pn_rec_reader_open(rec, &f->reader);
	if (err)
		return err;
	for (uint32_t i = 0; i < m->vcpus && !f->sum->load_comm[0]; i++)
		m->sim->vcpu[i].script_run = true;
	pn_event_init(&f->ev, feed_event);
	err = pn_rec_reader_next(f->reader, &f->next);
	if (err > 0)
		pn_wheel_add(&m->sim->wheel, &f->ev, f->next.ns);
	return err < 0 ? err : 0;
}

int pn_feed_close(struct pn_feed *f)
{
	int err;

	if (!f)
		return 0;
	err = f->error;
	if (f->reader)
		pn_rec_reader_close(f->reader);
	free(f);
	return err;
}

static void replay_load(struct pn_sc_load *l)
{
	memset(l, 0, sizeof(*l));
	snprintf(l->name, sizeof(l->name), "recording");
	l->kind = PN_LOAD_RECORDING;
	l->coalesce = 1;
	l->handler = REPLAY_HANDLER_NS;
}

static void recorded_vm(struct pn_scenario *sc, uint32_t cpus)
{
	sc->vms = 1;
	memset(&sc->vm[0], 0, sizeof(sc->vm[0]));
	snprintf(sc->vm[0].name, sizeof(sc->vm[0].name), "recorded");
	sc->vm[0].count = 1;
	sc->vm[0].vcpus = cpus;
	sc->vm[0].pin = true;
}

/* Interrupt lines, each with a queue for each CPU. */
static void recorded_devices(struct pn_sc_device *dev, const struct pn_rec_summary *rec,
			     enum pn_workload work)
{
	memset(dev, 0, sizeof(*dev));
	snprintf(dev->name, sizeof(dev->name), "irq");
	if (work != PN_WORK_BARE)
		snprintf(dev->vm, sizeof(dev->vm), "recorded");
	snprintf(dev->load, sizeof(dev->load), "recording");
	dev->count = replay_slots(rec);
}

/* Refuses settings of @base that this machine does not support. */
static int fits(const struct pn_rec_summary *rec, const struct pn_scenario *base,
		enum pn_workload work, struct pn_diag *d)
{
	const struct pn_sc_machine *m = &base->machine;

	if (rec->cpus > PN_MAX_PCPUS)
		return pn_diag_set(d, -EINVAL, rec->path, 0, "%u CPUs (at most %d can be replayed)",
				   rec->cpus, PN_MAX_PCPUS);
	if (!m->x2apic && rec->cpus > XAPIC_IDS)
		return pn_diag_set(d, -EINVAL, rec->path, 0,
				   "%u CPUs, but x2apic = no: 8 bits of APIC ID reach %u",
				   rec->cpus, XAPIC_IDS);
	if (work == PN_WORK_BARE &&
	    (m->churn_offline || m->churn_inhibit || m->churn_retarget || m->churn_detach))
		return pn_diag_set(d, -EINVAL, base->path, 0,
				   "churn_offline, churn_inhibit, churn_retarget and churn_detach "
				   "mean nothing on bare metal (expected modes with a guest)");
	return 0;
}

int pn_replay_scenario(const struct pn_rec_summary *rec, const struct pn_scenario *base,
		       enum pn_workload work, struct pn_scenario **out, struct pn_diag *d)
{
	struct pn_scenario *sc;
	const char *slash = strrchr(rec->path, '/');
	int err = fits(rec, base, work, d);

	if (err)
		return err;
	sc = malloc(sizeof(*sc));
	if (!sc)
		return pn_diag_set(d, -ENOMEM, rec->path, 0, "out of memory");
	*sc = *base;
	snprintf(sc->name, sizeof(sc->name), "%.60s", slash ? slash + 1 : rec->path);
	snprintf(sc->path, sizeof(sc->path), "%s", rec->path);
	sc->machine.pcpus = rec->cpus;
	sc->machine.warmup = 0;
	sc->machine.duration = rec->span_ns + 1;
	if (sc->machine.galog_cpu >= rec->cpus)
		sc->machine.galog_cpu = 0;
	sc->work = work;
	sc->vms = sc->ipis = sc->inhibits = 0;
	if (work != PN_WORK_BARE)
		recorded_vm(sc, rec->cpus);
	sc->loads = 1;
	replay_load(&sc->load[0]);
	/* calibrated: the recorded handlers are in it */
	if (work == PN_WORK_BARE && sc->costs.source[PN_STEP_IRQ_DISPATCH] == PN_COST_MEASURED)
		sc->load[0].handler = 0;
	sc->devices = 1;
	recorded_devices(&sc->device[0], rec, work);
	*out = sc;
	return 0;
}
