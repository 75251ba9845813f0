/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "machine_intel.h"
#include "vectors.h"

/* Bare metal: devices interrupt the host, whose programs use what they bring. */

/* ---- the host's handlers ---- */

/* The device's handler begins; what it does takes effect when it ends, at the next piece. */
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
		m->error = 8;
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
	if (!number)
		return false;
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
	return pc->active && pn_pmsi_irq_step(pc);
}

static bool op_doorbell(struct pn_pcpu *p)
{
	(void)p;
	return false;
}

const struct pn_sim_ops pn_bare_ops = {
	.host_vector = op_host_vector,
	.host_more = op_host_more,
	.doorbell = op_doorbell,
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
	if (err || m->mode.id != PN_MODE_POSTED_MSI)
		return err;
	return pn_pmsi_init(&m->intel->pmsi, m->intel->pmsi_cpu, &cfg, &m->pages);
}

static int make_vm(struct pn_machine *m, const struct pn_sc_vm *vm, uint32_t number, uint32_t first)
{
	(void)m;
	(void)vm;
	(void)number;
	(void)first;
	return -EINVAL;
}

static int make_function(struct pn_machine *m, uint32_t iommu, uint16_t devid, uint32_t queues)
{
	(void)m;
	(void)iommu;
	(void)devid;
	(void)queues;
	return 0;
}

static int make_queue(struct pn_lab_queue *q, uint16_t devid, uint32_t index, uint8_t vector)
{
	struct pn_machine *m = q->m;
	struct pn_host_cpu *c = &m->cpu[q->host_cpu];
	int err = pn_intel_queue(q, devid);

	(void)index;
	(void)vector;
	if (err || m->mode.id != PN_MODE_POSTED_MSI)
		return err;
	return pn_pmsi_attach(&m->intel->pmsi, &q->vtd_ir, m->cpu[0].agent, c, q->host_vector);
}

const struct pn_platform pn_platform_bare = {
	.create = create,
	.destroy = pn_intel_destroy,
	.ram = pn_intel_ram,
	.vm = make_vm,
	.function = make_function,
	.queue = make_queue,
	.msi = pn_intel_msi,
	.check_iommus = pn_intel_check_iommus,
	.ops = &pn_bare_ops,
};
