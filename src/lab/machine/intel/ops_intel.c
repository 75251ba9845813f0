/* SPDX-License-Identifier: MIT */
/* Answers what the simulated world asks (struct pn_sim_ops), with hw/intel and host/intel. */
#include "machine_intel.h"
#include "vectors.h"

static bool op_host_vector(struct pn_sim *s, struct pn_pcpu *p, uint8_t vector)
{
	struct pn_machine *m = s->ctx;
	struct pn_host_cpu *c = &m->cpu[p->id];

	switch (vector) {
	case PN_VEC_WAKEUP:
		pn_step(&p->agent, PN_STEP_IRQ_WAKEUP, p->id, vector);
		pn_vmx_wakeup_irq(m->hyp, c);
		break;
	case PN_VEC_POSTED: /* its vCPU has left the guest, and checks before it sleeps */
		pn_step(&p->agent, PN_STEP_IRQ_NOTIFY, p->id, vector);
		break;
	default:
		pn_machine_device_irq(m, p, vector);
	}
	return false;
}

static bool op_enter(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);
	struct pn_intel_core *core = pn_intel_core_of(p);
	struct pn_apicv_exit exit;
	int vector;

	lv->h->irq_blocked = pn_machine_irq_blocked(v);
	vector = pn_vmx_enter(lv->h, pn_cpu_of(p));
	if (vector >= 0) {
		lv->inject = vector;
		pn_account_take(lv, (uint8_t)vector, pn_intel_in_pir(lv, (uint8_t)vector));
	}
	pn_vmx_vmcs(pn_vmx_of(lv->h), &core->vmcs);
	if (pn_apicv_vmentry(&core->apicv, &core->vmcs, &exit))
		lv->m->error = "VM entry refused the VMCS";
	return true;
}

static void op_leave(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_host_vcpu *h = pn_lab_of(v)->h;
	struct pn_intel_core *core = pn_intel_core_of(p);

	pn_apicv_vmexit(&core->apicv, &core->vmcs);
	pn_vmx_vmexit(pn_vmx_of(h), &core->vmcs);
	pn_vmx_leave(h, pn_cpu_of(p));
}

static bool op_guest_intr(struct pn_vcpu *v, struct pn_pcpu *p)
{
	int vector;

	(void)v;
	if (pn_apicv_intr(&pn_intel_core_of(p)->apicv, &p->lapic, &vector) != PN_INTR_EXIT)
		return true;
	p->acked = vector;
	return false;
}

static int op_deliver(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);
	int vector = lv->inject;

	if (vector >= 0) {
		lv->inject = -1;
		pn_step(&p->agent, PN_STEP_GUEST_DELIVER, lv->h->page_pa, (uint64_t)vector);
	} else {
		vector = pn_apicv_pending(&pn_intel_core_of(p)->apicv, true)
				 ? pn_apicv_deliver(&pn_intel_core_of(p)->apicv)
				 : -1;
		if (vector < 0)
			return -1;
		pn_account_take(lv, (uint8_t)vector, pn_intel_in_pir(lv, (uint8_t)vector));
	}
	pn_account_deliver(lv, pn_sim_now(p->sim) + p->agent.elapsed_ns);
	return vector;
}

static bool exits(enum pn_apicv_access r)
{
	return r == PN_APICV_TRAP || r == PN_APICV_FAULT || r == PN_APICV_PASS;
}

/* A guest's write of one APIC register, by MSR or by the APIC-access page. */
static enum pn_apicv_access write_apic(struct pn_lab_vcpu *v, struct pn_pcpu *p, uint32_t off,
				       uint64_t value)
{
	struct pn_apicv *a = &pn_intel_core_of(p)->apicv;
	struct pn_apicv_exit exit;

	if (pn_vmx_of(v->h)->vm->x2apic)
		return pn_apicv_wrmsr(a, PN_X2APIC_MSR + off / 16, value, &exit);
	return pn_apicv_write(a, off, (uint32_t)value, &exit);
}

static bool op_eoi(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);

	return !pn_host_apicv(lv->h) || exits(write_apic(lv, p, PN_APIC_EOI, 0));
}

/*
 * With the TPR shadow the write stays in the guest; without virtual-interrupt delivery the
 * threshold decides which write exits.
 */
static bool op_set_tpr(struct pn_vcpu *v, struct pn_pcpu *p, uint8_t tpr)
{
	struct pn_apicv_exit exit;

	if (!exits(pn_apicv_write_cr8(&pn_intel_core_of(p)->apicv, (uint8_t)(tpr >> 4), &exit)))
		return false;
	pn_step(&p->agent, PN_STEP_EXIT_HANDLE, v->id, 0);
	return true;
}

/* ---- IPIs ---- */

static void self_set(struct pn_lab_vcpu *v, uint8_t vector, uint64_t sent)
{
	pn_account_self(v, vector, sent, pn_vapic_test(v->h->page, PN_APIC_IRR, vector));
}

static bool virtualized(const struct pn_lab_vcpu *v)
{
	if (!pn_host_apicv(v->h))
		return false;
	/* Self-IPIs need no table. */
	return v->ipi.kind == PN_SEND_SELF ||
	       (v->ipi.kind == PN_SEND_FIXED && pn_vmx_of(v->h)->vm->pid_table);
}

/* xAPIC: the destination first, by a store of its own. x2APIC has a register for self-IPIs. */
static enum pn_apicv_access write_icr(struct pn_lab_vcpu *v, struct pn_pcpu *p, uint64_t icr)
{
	bool x2 = pn_vmx_of(v->h)->vm->x2apic;

	if (x2 && v->ipi.kind == PN_SEND_SELF)
		return write_apic(v, p, PN_APIC_SELF_IPI, v->ipi.vector);
	if (!x2)
		(void)write_apic(v, p, PN_APIC_ICRH, icr >> 32);
	return write_apic(v, p, PN_APIC_ICRL, x2 ? icr : (uint32_t)icr);
}

static enum pn_ipi_sent op_send_ipi(struct pn_vcpu *v, struct pn_pcpu *p, const struct pn_ipi *ipi)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);
	bool x2 = pn_vmx_of(lv->h)->vm->x2apic;
	uint64_t icr = pn_machine_icr(lv, ipi, x2);
	uint64_t told = p->agent.step[PN_STEP_IPIV_NOTIFY].count;
	enum pn_apicv_access r;

	lv->ipi = *ipi;
	lv->ipi_sent = pn_account_ipi_sent(lv);
	lv->ipi_posted = virtualized(lv);
	/* Before the bits are set: whether they merge is to be seen. */
	if (lv->ipi_posted)
		pn_account_ipi(lv, ipi, lv->ipi_sent,
			       ipi->kind == PN_SEND_SELF ? self_set : lv->m->plat->arrived);
	r = write_icr(lv, p, icr);
	if (exits(r) == lv->ipi_posted)
		lv->m->error = "the processor and the books disagree whether an IPI exits";
	if (lv->ipi_posted && ipi->to)
		pn_account_posted(pn_lab_of(ipi->to),
				  p->agent.step[PN_STEP_IPIV_NOTIFY].count != told);
	if (exits(r))
		return PN_IPI_EXIT;
	return r == PN_APICV_EVALUATE ? PN_IPI_EVALUATE : PN_IPI_SENT;
}

static void op_ipi_exit(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_lab_vcpu *lv = pn_lab_of(v);
	bool x2 = pn_vmx_of(lv->h)->vm->x2apic;
	uint64_t icr = pn_machine_icr(lv, &lv->ipi, x2);

	/* What was intercepted (the WRMSR; any access while APICv is inhibited) has not reached the
	 * register: the hypervisor puts it there. */
	pn_vapic_write(lv->h->page, PN_APIC_ICRL, (uint32_t)icr);
	pn_vapic_write(lv->h->page, x2 ? PN_APIC_ICRL + 4 : PN_APIC_ICRH, (uint32_t)(icr >> 32));
	pn_account_ipi_exit(lv, &lv->ipi, lv->ipi_sent);
	pn_vmx_icr_exit(pn_vmx_of(lv->h), pn_cpu_of(p));
}

const struct pn_sim_ops pn_intel_ops = {
	.host_vector = op_host_vector,
	.guest_intr = op_guest_intr,
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
	.guest_timer = pn_machine_guest_timer,
	.msi = pn_machine_msi,
	.merged = pn_machine_merged,
	.offlined = pn_machine_offlined,
};
