/* SPDX-License-Identifier: MIT */
/*
 * The Intel machine on bare metal: devices interrupt the host, whose programs process the
 * completions.
 */
#include "machine_intel.h"
#include "vectors.h"

static const char NO_QUEUE[] = "an interrupt came with a vector that no queue has";

/* ---- the host's handlers ---- */

/* The device's handler begins; it takes effect when it ends, at the next piece. */
static void begin(struct pn_lab_queue *q, struct pn_pcpu *p)
{
	struct pn_lab_core *core = pn_core_of(p);

	pn_step(&p->agent, PN_STEP_HANDLER_START, p->id, q->host_vector);
	pn_account_handled(q, pn_sim_now(p->sim) + p->agent.elapsed_ns);
	p->agent.elapsed_ns += q->sim->src->handler;
	core->handling = q;
}

static void end(struct pn_pcpu *p)
{
	struct pn_lab_core *core = pn_core_of(p);

	if (core->handling)
		pn_queue_harvest(core->handling->sim, p);
	core->handling = NULL;
}

static void dispatch(void *ctx, struct pn_host_cpu *c, uint8_t vector)
{
	struct pn_machine *m = ctx;
	uint32_t number = m->core[c->id].by_vector[vector];

	if (!number) {
		m->error = NO_QUEUE;
		return;
	}
	begin(&m->queue[number - 1], &m->sim->pcpu[c->id]);
	pn_pmsi_ack(&m->intel->pmsi_cpu[c->id]);
}

/* The simulated world ends every interrupt by itself. */
static void eoi(void *ctx, struct pn_host_cpu *c)
{
	(void)ctx;
	(void)c;
}

static bool op_host_vector(struct pn_sim *s, struct pn_pcpu *p, uint8_t vector)
{
	struct pn_machine *m = s->ctx;
	uint32_t number = m->core[p->id].by_vector[vector];

	if (vector == PN_VEC_POSTED_MSI) {
		pn_step(&p->agent, PN_STEP_IRQ_POSTED_MSI, p->id, vector);
		pn_pmsi_irq_begin(&m->intel->pmsi_cpu[p->id]);
		return true;
	}
	if (!number) {
		m->error = NO_QUEUE;
		return false;
	}
	pn_step(&p->agent, PN_STEP_IRQ_DEVICE, p->id, vector);
	pn_step(&p->agent, PN_STEP_IRQ_DISPATCH, p->id, vector);
	begin(&m->queue[number - 1], p);
	return true;
}

static bool op_host_more(struct pn_sim *s, struct pn_pcpu *p)
{
	struct pn_machine *m = s->ctx;
	struct pn_pmsi_cpu *pc = &m->intel->pmsi_cpu[p->id];

	end(p);
	/* Up to the next handler: the steps in between take effect at once, and are charged. */
	while (pc->active && !m->core[p->id].handling)
		pn_pmsi_irq_step(pc);
	return m->core[p->id].handling;
}

const struct pn_sim_ops pn_bare_ops = {
	.host_vector = op_host_vector,
	.host_more = op_host_more,
	.msi = pn_machine_msi,
	.merged = pn_machine_merged,
	.offlined = pn_machine_offlined,
};

/* ---- building ---- */

static int create(struct pn_machine *m, uint32_t devices, struct pn_diag *d)
{
	struct pn_pmsi_config cfg = {
		.cpu = m->cpu,
		.nr_cpus = m->sc->machine.pcpus,
		.loops = m->mode.loops,
		.x2apic = m->sc->machine.x2apic,
		.ctx = m,
		.dispatch = dispatch,
		.eoi = eoi,
	};
	int err = pn_intel_create(m);

	(void)devices;
	(void)d;
	for (uint32_t i = 0; i < m->sc->machine.pcpus && !err; i++)
		pn_host_cpu_init(&m->cpu[i], i);
	if (err || !pn_mode_has(&m->mode, PN_TRAIT_POSTED_MSI))
		return err;
	return pn_pmsi_init(&m->intel->pmsi, m->intel->pmsi_cpu, &cfg, &m->pages);
}

static int make_queue(struct pn_lab_queue *q, uint16_t devid, uint32_t index, uint8_t vector)
{
	struct pn_machine *m = q->m;
	struct pn_host_cpu *c = &m->cpu[q->host_cpu];
	int err = pn_intel_queue(q, devid);

	(void)index;
	(void)vector;
	if (err || !pn_mode_has(&m->mode, PN_TRAIT_POSTED_MSI))
		return err;
	return pn_pmsi_attach(&m->intel->pmsi, pn_vtd_ir_of(q), m->cpu[0].agent, c, q->host_vector);
}

/* ---- self-check ---- */

static uint32_t bit(const uint64_t *set, uint8_t vector)
{
	/* Pairs with IOMMUs. */
	return pn_ld64(&set[vector / 64]) >> (vector % 64) & 1;
}

/* What is on its way is in the descriptor, or harvested and not dispatched yet. */
static const char *check_posted(const struct pn_lab_queue *q, const struct pn_virte *e)
{
	const struct pn_pmsi_cpu *pc = &q->m->intel->pmsi_cpu[q->host_cpu];

	if (!e->im || e->pid != pc->pid_pa || e->vector != q->host_vector)
		return "its entry leads elsewhere";
	if (bit(pc->pid->pir, e->vector) + bit(pc->taken, e->vector) != q->flights)
		return "the PIR and the interrupts on their way disagree";
	return NULL;
}

static const char *check_queue(const struct pn_lab_queue *q)
{
	const struct pn_lapic *l = &q->m->sim->pcpu[q->host_cpu].lapic;
	struct pn_virte e;

	if (!pn_intel_entry(q, &e))
		return "its entry is malformed";
	if (pn_mode_has(&q->m->mode, PN_TRAIT_POSTED_MSI))
		return check_posted(q, &e);
	if (!pn_intel_remapped(q, &e))
		return "its entry leads elsewhere";
	return bit(l->irr, e.vector) > q->flights ? "pending, but nothing is on its way" : NULL;
}

static const char *check_cpu(struct pn_machine *m, uint32_t cpu)
{
	const struct pn_pmsi_cpu *pc = &m->intel->pmsi_cpu[cpu];
	uint64_t want = (uint64_t)PN_VEC_POSTED_MSI << PN_PID_NV_SH |
			pn_pid_ndst(m->cpu[cpu].apicid, m->sc->machine.x2apic);
	uint64_t control;
	bool pending = false, on;

	if (!pn_mode_has(&m->mode, PN_TRAIT_POSTED_MSI))
		return NULL;
	control = pn_ld64(&pc->pid->control); /* pairs with IOMMUs */
	on = control & PN_PID_ON;
	if ((control & ~(uint64_t)PN_PID_ON) != want)
		return "SN, NV or NDST of its descriptor is wrong";
	if (pn_pid_check(pc->pid, m->sc->machine.x2apic))
		return "reserved bits in its descriptor";
	for (unsigned v = 0; v < 256; v++) {
		bool set = bit(pc->pid->pir, (uint8_t)v);

		if (set && !m->core[cpu].by_vector[v])
			return "a PIR bit that is nobody's";
		pending |= set;
	}
	/* Only the handler keeps ON set while it works. */
	if (pending && !on)
		return "PIR is not empty, and ON is lost";
	if (on && !pending && !(pc->active && !pc->on_cleared))
		return "ON is set, but the PIR is empty";
	return NULL;
}

/* A notification is taken once; while ON is set anew, one more is on its way. */
static void check_notified(struct pn_complaints *r, struct pn_machine *m, const struct pn_totals *t)
{
	uint64_t coming = 0;

	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++) {
		const struct pn_pmsi_cpu *pc = &m->intel->pmsi_cpu[i];

		/* Pairs with IOMMUs. */
		coming +=
			(pn_ld64(&pc->pid->control) & PN_PID_ON) && (!pc->active || pc->on_cleared);
	}
	if (t->steps[PN_STEP_PI_NOTIFY] != t->steps[PN_STEP_IRQ_POSTED_MSI] + coming)
		pn_wrong(r, "%lu notifications, but %lu taken and %lu to come",
			 (unsigned long)t->steps[PN_STEP_PI_NOTIFY],
			 (unsigned long)t->steps[PN_STEP_IRQ_POSTED_MSI], (unsigned long)coming);
}

static void check_iommus(struct pn_complaints *r, struct pn_machine *m, const struct pn_totals *t)
{
	pn_intel_check_iommus(r, m, t);
	if (pn_mode_has(&m->mode, PN_TRAIT_POSTED_MSI))
		check_notified(r, m, t);
}

const struct pn_platform pn_platform_bare = {
	.create = create,
	.destroy = pn_intel_destroy,
	.ram = pn_intel_ram,
	.queue = make_queue,
	.request = pn_intel_request,
	.check_iommus = check_iommus,
	.check_queue = check_queue,
	.check_cpu = check_cpu,
	.ops = &pn_bare_ops,
};
