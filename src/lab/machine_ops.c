/* SPDX-License-Identifier: MIT */
#include "machine.h"
#include "vectors.h"

/* The simulated world's questions, answered by hw/amd and host/amd. */

static void op_host_vector(struct pn_sim *s, struct pn_pcpu *p, uint8_t vector)
{
	struct pn_machine *m = s->ctx;
	struct pn_svm_cpu *c = &m->cpu[p->id];
	uint32_t number = m->core[p->id].by_vector[vector];

	if (vector == PN_VEC_WAKEUP) {
		uint64_t before = c->wake_spurious;

		pn_step(&p->agent, PN_STEP_IRQ_WAKEUP, p->id, vector);
		pn_svm_wakeup_irq(&m->svm, c);
		m->now.gappi_spurious += c->wake_spurious - before;
		return;
	}
	if (vector == PN_VEC_GA_LOG) {
		pn_step(&p->agent, PN_STEP_IRQ_GA_LOG, p->id, vector);
		for (uint32_t i = 0; i < m->sc->machine.iommus; i++) {
			struct pn_lab_iommu *io = &m->iommu[i];

			if (!io->ga_pending)
				continue;
			io->ga_pending = false;
			pn_galog_irq(&m->drv[i], &p->agent, &io->thread.task);
		}
		return;
	}
	if (number) {
		pn_step(&p->agent, PN_STEP_IRQ_DEVICE, p->id, vector);
		pn_account_inject(&m->queue[number - 1], c);
	}
}

static void op_load(struct pn_vcpu *v, struct pn_pcpu *p)
{
	pn_svm_load(pn_lab_of(v)->svm, pn_cpu_of(p));
}

static void op_put(struct pn_vcpu *v, struct pn_pcpu *p)
{
	pn_svm_put(pn_lab_of(v)->svm, pn_cpu_of(p));
}

static void op_blocking(struct pn_vcpu *v, struct pn_pcpu *p)
{
	pn_svm_blocking(pn_lab_of(v)->svm, pn_cpu_of(p));
}

static bool op_must_run(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	lv->need = lv->notified = false;
	return pn_svm_must_run(lv->svm, pn_cpu_of(p));
}

static void op_unblocking(struct pn_vcpu *v, struct pn_pcpu *p)
{
	pn_svm_unblocking(pn_lab_of(v)->svm, pn_cpu_of(p));
}

static bool op_pending(struct pn_vcpu *v)
{
	return pn_svm_pending(pn_lab_of(v)->svm);
}

static bool op_enter(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);
	struct pn_avic_vmcb vmcb;
	int vector;

	lv->svm->irq_blocked = v->handler >= 0 || lv->inject >= 0;
	vector = pn_svm_enter(lv->svm, pn_cpu_of(p));
	if (vector >= 0) {
		lv->inject = vector;
		pn_account_take(lv, (uint8_t)vector);
	}
	pn_svm_vmcb(lv->svm, &vmcb);
	if (pn_avic_vmrun(&pn_core_of(p)->avic, &vmcb))
		lv->m->error = 1;
	return true;
}

static void op_leave(struct pn_vcpu *v, struct pn_pcpu *p)
{
	pn_avic_vmexit(&pn_core_of(p)->avic);
	pn_svm_leave(pn_lab_of(v)->svm, pn_cpu_of(p));
}

static int op_deliver(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);
	struct pn_avic *av = &pn_core_of(p)->avic;
	int vector = lv->inject;

	if (vector >= 0) {
		lv->inject = -1;
		pn_step(&p->agent, PN_STEP_GUEST_DELIVER, lv->svm->page_pa, (uint64_t)vector);
	} else {
		vector = pn_avic_evaluate(av, true);
		if (vector < 0)
			return -1;
		pn_avic_deliver(av, (uint8_t)vector);
		pn_account_take(lv, (uint8_t)vector);
	}
	pn_account_deliver(lv, pn_sim_now(p->sim) + p->agent.elapsed_ns);
	return vector;
}

static bool op_eoi(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_avic_exit exit;

	if (!pn_lab_of(v)->svm->apicv)
		return true;
	switch (pn_avic_write(&pn_core_of(p)->avic, PN_APIC_EOI, 0, &exit)) {
	case PN_AVIC_DONE:
	case PN_AVIC_EVALUATE:
		return false;
	default:
		return true;
	}
}

static void op_eoi_exit(struct pn_vcpu *v, struct pn_pcpu *p)
{
	pn_step(&p->agent, PN_STEP_EXIT_HANDLE, v->id, 0);
	pn_svm_eoi(pn_lab_of(v)->svm, pn_cpu_of(p));
}

/*
 * Without AVIC the hypervisor intercepts CR8 writes only while something is pending that the
 * priority may hold back; otherwise the write goes to V_TPR.
 */
static bool op_set_tpr(struct pn_vcpu *v, struct pn_pcpu *p, uint8_t tpr)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	if (lv->svm->apicv) {
		pn_avic_write_cr8(&pn_core_of(p)->avic, tpr >> 4);
		return false;
	}
	pn_vapic_write(lv->svm->page, PN_APIC_TPR, tpr & 0xF0);
	if (pn_vapic_empty(lv->svm->page, PN_APIC_IRR))
		return false;
	pn_step(&p->agent, PN_STEP_EXIT_HANDLE, v->id, 0);
	return true;
}

static bool op_doorbell(struct pn_pcpu *p)
{
	return pn_avic_doorbell(&pn_core_of(p)->avic);
}

static void op_guest_timer(struct pn_vcpu *v, struct pn_pcpu *p)
{
	pn_svm_inject(pn_lab_of(v)->svm, pn_cpu_of(p), PN_GUEST_TIMER_VECTOR, PN_WAKE_TIMER);
}

static void op_msi(struct pn_queue *q)
{
	pn_account_msi(q->hw);
}

static void op_merged(struct pn_pcpu *p, uint8_t vector)
{
	struct pn_lab_core *core = pn_core_of(p);

	if (core->by_vector[vector])
		pn_account_merged(&core->m->queue[core->by_vector[vector] - 1]);
}

static void op_offlined(struct pn_pcpu *p)
{
	pn_churn_offlined(pn_core_of(p)->m, p);
}

const struct pn_sim_ops pn_machine_ops = {
	.host_vector = op_host_vector,
	.load = op_load,
	.put = op_put,
	.blocking = op_blocking,
	.must_run = op_must_run,
	.unblocking = op_unblocking,
	.pending = op_pending,
	.enter = op_enter,
	.leave = op_leave,
	.deliver = op_deliver,
	.eoi = op_eoi,
	.eoi_exit = op_eoi_exit,
	.set_tpr = op_set_tpr,
	.doorbell = op_doorbell,
	.guest_timer = op_guest_timer,
	.msi = op_msi,
	.merged = op_merged,
	.offlined = op_offlined,
};

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
