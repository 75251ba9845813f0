/* SPDX-License-Identifier: MIT */
/* Answers what the simulated world asks (struct pn_sim_ops), with hw/amd and host/amd. */
#include "machine_amd.h"
#include "vectors.h"

static bool op_host_vector(struct pn_sim *s, struct pn_pcpu *p, uint8_t vector)
{
	struct pn_machine *m = s->ctx;
	struct pn_host_cpu *c = &m->cpu[p->id];

	if (vector == PN_VEC_WAKEUP) {
		uint64_t before = c->wake_spurious;

		pn_step(&p->agent, PN_STEP_IRQ_WAKEUP, p->id, vector);
		pn_svm_wakeup_irq(m->hyp, c);
		m->now.gappi_spurious += c->wake_spurious - before;
		return false;
	}
	if (vector == PN_VEC_GA_LOG) {
		pn_step(&p->agent, PN_STEP_IRQ_GA_LOG, p->id, vector);
		for (uint32_t i = 0; i < m->sc->machine.iommus; i++) {
			struct pn_lab_iommu *io = &m->iommu[i];

			if (!io->ga_pending)
				continue;
			io->ga_pending = false;
			pn_galog_irq(&m->amd->drv[i], &p->agent, &io->thread.task);
		}
		return false;
	}
	pn_machine_device_irq(m, p, vector);
	return false;
}

static bool op_enter(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);
	struct pn_avic_vmcb vmcb;
	int vector;

	lv->h->irq_blocked = pn_machine_irq_blocked(v);
	vector = pn_svm_enter(lv->h, pn_cpu_of(p));
	if (vector >= 0) {
		lv->inject = vector;
		pn_account_take(lv, (uint8_t)vector, false);
	}
	pn_svm_vmcb(pn_svm_of(lv->h), &vmcb);
	if (pn_avic_vmrun(pn_avic_of(p), &vmcb))
		lv->m->error = "VMRUN refused the VMCB";
	return true;
}

static void op_leave(struct pn_vcpu *v, struct pn_pcpu *p)
{
	pn_avic_vmexit(pn_avic_of(p));
	pn_svm_leave(pn_lab_of(v)->h, pn_cpu_of(p));
}

/* Not inline: most evaluations find nothing, and should cost no more than the look. */
static void __attribute__((noinline)) begin(struct pn_lab_vcpu *lv, struct pn_pcpu *p, int vector)
{
	if (lv->inject >= 0) {
		lv->inject = -1;
		pn_step(&p->agent, PN_STEP_GUEST_DELIVER, lv->h->page_pa, (uint64_t)vector);
	} else {
		pn_avic_deliver(pn_avic_of(p), (uint8_t)vector);
		pn_account_take(lv, (uint8_t)vector, false);
	}
	pn_account_deliver(lv, pn_sim_now(p->sim) + p->agent.elapsed_ns);
}

static int op_deliver(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);
	int vector = lv->inject >= 0 ? lv->inject : pn_avic_evaluate(pn_avic_of(p), true);

	if (vector >= 0)
		begin(lv, p, vector);
	return vector;
}

static bool op_eoi(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_avic_exit exit;

	if (!pn_lab_of(v)->h->apicv)
		return true;
	switch (pn_avic_write(pn_avic_of(p), PN_APIC_EOI, 0, &exit)) {
	case PN_AVIC_DONE:
	case PN_AVIC_EVALUATE:
		return false;
	default:
		return true;
	}
}

/*
 * Without AVIC the hypervisor intercepts CR8 writes only while something is pending that the
 * priority may hold back; otherwise the write goes to V_TPR.
 */
static bool op_set_tpr(struct pn_vcpu *v, struct pn_pcpu *p, uint8_t tpr)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	if (lv->h->apicv) {
		pn_avic_write_cr8(pn_avic_of(p), tpr >> 4);
		return false;
	}
	pn_vapic_write(lv->h->page, PN_APIC_TPR, tpr & 0xF0);
	if (pn_vapic_empty(lv->h->page, PN_APIC_IRR))
		return false;
	pn_step(&p->agent, PN_STEP_EXIT_HANDLE, v->id, 0);
	return true;
}

static bool op_doorbell(struct pn_pcpu *p)
{
	return pn_avic_doorbell(pn_avic_of(p));
}

/* ---- IPIs ---- */

static bool x2apic(const struct pn_lab_vcpu *v)
{
	return pn_host_x2apic(v->h);
}

/* xAPIC: the destination first, by a store of its own. */
static enum pn_avic_access write_icr(struct pn_lab_vcpu *v, struct pn_pcpu *p, uint64_t icr)
{
	struct pn_avic *av = pn_avic_of(p);

	if (x2apic(v)) {
		pn_step(&p->agent, PN_STEP_ICR_WRITE, v->sim->id, icr);
		return pn_avic_write(av, PN_APIC_ICRL, icr, &v->m->amd->ipi_exit[v->sim->id]);
	}
	pn_step(&p->agent, PN_STEP_ICR_WRITE_MMIO, v->sim->id, icr);
	(void)pn_avic_write(av, PN_APIC_ICRH, icr >> 32, &v->m->amd->ipi_exit[v->sim->id]);
	return pn_avic_write(av, PN_APIC_ICRL, (uint32_t)icr, &v->m->amd->ipi_exit[v->sim->id]);
}

static void irr_set(struct pn_lab_vcpu *to, uint8_t vector, uint64_t sent)
{
	pn_account_irr(to, vector, sent);
	pn_account_posted(to, to->sim->task.state == PN_TASK_SLEEPING);
}

static enum pn_ipi_sent op_send_ipi(struct pn_vcpu *v, struct pn_pcpu *p, const struct pn_ipi *ipi)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);
	uint64_t posts = p->agent.step[PN_STEP_IPI_POST].count;
	enum pn_avic_access r;

	lv->ipi = *ipi;
	lv->ipi_sent = pn_account_ipi_sent(lv);
	r = write_icr(lv, p, pn_machine_icr(lv, ipi, x2apic(lv)));
	lv->ipi_posted = r == PN_AVIC_DONE || r == PN_AVIC_EVALUATE ||
			 p->agent.step[PN_STEP_IPI_POST].count != posts;
	if (lv->ipi_posted)
		pn_account_ipi(lv, ipi, lv->ipi_sent, irr_set);
	if (r == PN_AVIC_TRAP || r == PN_AVIC_FAULT)
		return PN_IPI_EXIT;
	return r == PN_AVIC_EVALUATE ? PN_IPI_EVALUATE : PN_IPI_SENT;
}

static void op_ipi_exit(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);
	struct pn_avic_exit *exit = &lv->m->amd->ipi_exit[v->id];

	pn_step(&p->agent, PN_STEP_EXIT_HANDLE, v->id, 0);
	if (!lv->ipi_posted)
		pn_account_ipi_exit(lv, &lv->ipi, lv->ipi_sent);
	/*
	 * AVIC is inhibited: the access itself was intercepted, and its value is not in the page.
	 * The hypervisor emulates it as an IPI for which AVIC has done nothing.
	 */
	if (exit->code != PN_EXIT_AVIC_INCOMPLETE_IPI)
		*exit = (struct pn_avic_exit){
			.code = PN_EXIT_AVIC_INCOMPLETE_IPI,
			.info1 = pn_machine_icr(lv, &lv->ipi, x2apic(lv)),
			.info2 = (uint64_t)PN_IPI_INVALID_TYPE << 32,
		};
	pn_svm_incomplete_ipi(pn_svm_of(lv->h), pn_cpu_of(p), exit);
}

const struct pn_sim_ops pn_amd_ops = {
	.host_vector = op_host_vector,
	.load = pn_machine_load,
	.put = pn_machine_put,
	.blocking = pn_machine_blocking,
	.must_run = pn_machine_must_run,
	.unblocking = pn_machine_unblocking,
	.pending = pn_machine_pending,
	.enter = op_enter,
	.leave = op_leave,
	.deliver = op_deliver,
	.eoi = op_eoi,
	.eoi_exit = pn_machine_eoi_exit,
	.set_tpr = op_set_tpr,
	.send_ipi = op_send_ipi,
	.ipi_exit = op_ipi_exit,
	.doorbell = op_doorbell,
	.guest_timer = pn_machine_guest_timer,
	.msi = pn_machine_msi,
	.merged = pn_machine_merged,
	.offlined = pn_machine_offlined,
};
