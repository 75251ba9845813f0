/* SPDX-License-Identifier: MIT */
/*
 * Answers to the simulated world that are the same for every machine, and the operating system that
 * host code sees (struct pn_os).
 */
#include "machine.h"

/* ---- scheduling ---- */

void pn_machine_load(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	lv->m->hyp->ops->load(lv->h, pn_cpu_of(p));
}

void pn_machine_put(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	lv->m->hyp->ops->put(lv->h, pn_cpu_of(p), v->task.state == PN_TASK_RUNNABLE);
}

void pn_machine_blocking(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	lv->h->irq_blocked = pn_machine_irq_blocked(v);
	lv->m->hyp->ops->blocking(lv->h, pn_cpu_of(p));
}

bool pn_machine_must_run(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	lv->need = lv->notified = lv->dropped = false;
	return lv->m->hyp->ops->must_run(lv->h, pn_cpu_of(p));
}

void pn_machine_unblocking(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	lv->m->hyp->ops->unblocking(lv->h, pn_cpu_of(p));
}

bool pn_machine_pending(struct pn_vcpu *v)
{
	const struct pn_lab_vcpu *lv = pn_lab_of(v);

	return lv->m->hyp->ops->pending(lv->h);
}

/* ---- interrupts ---- */

void pn_machine_eoi_exit(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	pn_step(&p->agent, PN_STEP_EXIT_HANDLE, v->id, 0);
	lv->m->hyp->ops->eoi(lv->h, pn_cpu_of(p));
}

bool pn_machine_device_irq(struct pn_machine *m, struct pn_pcpu *p, uint8_t vector)
{
	uint32_t number = m->core[p->id].by_vector[vector];

	if (!number)
		return false;
	pn_step(&p->agent, PN_STEP_IRQ_DEVICE, p->id, vector);
	pn_account_inject(&m->queue[number - 1], &m->cpu[p->id]);
	return true;
}

void pn_machine_guest_timer(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	lv->m->hyp->ops->inject(lv->h, pn_cpu_of(p), PN_GUEST_TIMER_VECTOR, PN_WAKE_TIMER);
}

void pn_machine_msi(struct pn_queue *q)
{
	pn_unit_msi(q->hw);
}

void pn_machine_merged(struct pn_pcpu *p, uint8_t vector)
{
	struct pn_lab_core *core = pn_core_of(p);

	if (core->by_vector[vector])
		pn_account_merged(&core->m->queue[core->by_vector[vector] - 1]);
}

void pn_machine_offlined(struct pn_pcpu *p)
{
	pn_churn_offlined(pn_core_of(p)->m, p);
}

/* ---- IPIs of guests ---- */

#define XAPIC_FLAT_VCPUS 8u

#define XAPIC_CLUSTER_VCPUS 60u

uint32_t pn_machine_logical_id(uint32_t idx, uint32_t n)
{
	if (n <= XAPIC_FLAT_VCPUS)
		return 1u << idx;
	return idx < XAPIC_CLUSTER_VCPUS ? idx / 4 << 4 | 1u << idx % 4 : 0;
}

uint64_t pn_machine_icr(const struct pn_lab_vcpu *v, const struct pn_ipi *ipi, bool x2apic)
{
	const struct pn_host_vcpu *to = ipi->to ? pn_lab_of(ipi->to)->h : v->h;
	uint32_t dest = pn_host_apic_id(to);
	uint64_t low = ipi->vector | PN_ICR_ASSERT;

	switch (ipi->kind) {
	case PN_SEND_LOGICAL:
		low |= PN_ICR_LOGICAL;
		dest = x2apic ? pn_x2apic_logical(to->idx)
			      : pn_machine_logical_id(to->idx, v->sim->ipi_vcpus);
		break;
	case PN_SEND_BROADCAST:
		low |= PN_ICR_SH_OTHERS << 18;
		break;
	case PN_SEND_SELF:
		low |= PN_ICR_SH_SELF << 18;
		break;
	case PN_SEND_NMI:
		low |= PN_DM_NMI << 8;
		break;
	case PN_SEND_INIT:
		low |= PN_DM_INIT << 8;
		break;
	default:
		break;
	}
	return low | (uint64_t)dest << (x2apic ? 32 : 56);
}

/* ---- what the host code gets from its operating system ---- */

static bool os_wake(void *ctx, struct pn_agent *self, void *task, enum pn_wake_reason why)
{
	struct pn_vcpu *v = pn_vcpu_of(task);

	(void)ctx;
	if (v)
		return pn_account_wake(pn_lab_of(v), self->world, why);
	return pn_task_wake(task, self->world);
}

static void os_ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector)
{
	struct pn_machine *m = ctx;

	pn_sim_raise(m->sim, cpu, vector, self->elapsed_ns + m->sc->costs.ns[PN_STEP_INTR_WIRE]);
}

static void os_doorbell(void *ctx, struct pn_agent *self, uint32_t apicid)
{
	struct pn_machine *m = ctx;

	if (apicid < m->sc->machine.pcpus)
		pn_sim_doorbell(m->sim, apicid,
				self->elapsed_ns + m->sc->costs.ns[PN_STEP_DOORBELL_WIRE]);
}

struct pn_os pn_machine_os(struct pn_machine *m)
{
	return (struct pn_os){m, os_wake, os_ipi, os_doorbell};
}
