/* SPDX-License-Identifier: MIT */
/* The Intel machine with guests: hw/intel, and the hypervisor of host/intel. */
#include "inhibit.h"
#include "machine_intel.h"
#include "vectors.h"

/* Processors send the notifications of virtualized IPIs. */
static void core_intr(void *ctx, const struct pn_intr *intr)
{
	struct pn_lab_core *core = ctx;
	struct pn_machine *m = core->m;
	struct pn_agent *a = &core->sim->agent;

	if (intr->dest < m->sc->machine.pcpus)
		pn_sim_raise(m->sim, intr->dest, intr->vector,
			     a->elapsed_ns + m->sc->costs.ns[PN_STEP_INTR_WIRE]);
}

static int create(struct pn_machine *m, uint32_t devices, struct pn_diag *d)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	struct pn_vmx_config cfg = {
		.os = &m->os,
		.cpu = m->cpu,
		.nr_cpus = sm->pcpus,
		.posting = true,
		.ipiv = pn_mode_has(&m->mode, PN_TRAIT_IPIV),
		.host_x2apic = sm->x2apic,
	};
	int err;

	(void)devices;
	(void)d;
	for (uint32_t i = 0; i < sm->pcpus; i++)
		m->core[i].bus.intr = core_intr;
	err = pn_intel_create(m);
	if (err)
		return err;
	pn_vmx_init(&m->intel->vmx, &cfg);
	m->hyp = &m->intel->vmx.hyp;
	return 0;
}

static int make_vm(struct pn_machine *m, const struct pn_sc_vm *vm, uint32_t number, uint32_t first)
{
	for (uint32_t i = first; i < first + vm->vcpus; i++) {
		m->vcpu[i].h = &m->intel->vcpu[i].h;
		m->vcpu[i].h->task = &m->sim->vcpu[i].task;
	}
	return pn_vmx_vm_init(&m->intel->vmx, &m->intel->vm[number], &m->intel->vcpu[first],
			      vm->vcpus, 0, m->sc->machine.x2apic, 0, &m->pages);
}

static int make_queue(struct pn_lab_queue *q, uint16_t devid, uint32_t index, uint8_t vector)
{
	int err = pn_intel_queue(q, devid);

	(void)index;
	return err ? err
		   : pn_vmx_pi_update(q->m->hyp, q->entry, pn_lab_of(q->sim->vcpu)->h, vector,
				      &q->m->cpu[0]);
}

/* ---- while it runs ---- */

bool pn_intel_in_pir(const struct pn_lab_vcpu *v, uint8_t vector)
{
	/* Pairs with posters. */
	return pn_ld64(&pn_vmx_of(v->h)->pid->pir[vector / 64]) >> (vector % 64) & 1;
}

static bool deliverable(const struct pn_lab_vcpu *v)
{
	for (int word = 7; word >= 0; word--) {
		uint32_t bits = pn_vmx_irr(v->h, (unsigned)word);

		if (bits)
			return (unsigned)(word * 32 + 31 - __builtin_clz(bits)) >> 4 >
			       pn_vapic_ppr(v->h->page) >> 4;
	}
	return false;
}

/* Software sets a bit of the PIR, as the IOMMU does; of the IRR while APICv is inhibited. */
static void arrived(struct pn_lab_vcpu *v, uint8_t vector, uint64_t sent)
{
	if (pn_host_apicv(v->h))
		pn_account_pir(v, vector, sent, pn_intel_in_pir(v, vector));
	else
		pn_account_irr(v, vector, sent);
}

static void inhibit(struct pn_lab_vcpu *v, struct pn_host_cpu *self, enum pn_inhibit why, bool set)
{
	struct pn_host_vm *vm = &pn_vmx_of(v->h)->vm->h;
	uint32_t id = set ? vm->nr_vcpus : v->h->idx; /* the first that is free */

	if (why == PN_INHIBIT_PHYSICAL_ID_ALIASED) { /* that of vCPU 0: modified, too */
		id = set ? 0 : v->h->idx;
		pn_vmx_inhibit(vm, self, PN_INHIBIT_APIC_ID_MODIFIED, set);
	}
	if (pn_inhibit_writes_id(why))
		pn_vapic_write(v->h->page, PN_APIC_ID, id << 24);
	pn_vmx_inhibit(vm, self, why, set);
}

/* Here every post is one instant: ON is never set without a bit in the PIR. */
static const char *check(struct pn_lab_vcpu *v)
{
	const struct pn_pid *pid = pn_vmx_of(v->h)->pid;
	uint64_t control = pn_ld64(&pid->control), bits = 0; /* pairs with posters */

	for (unsigned i = 0; i < 4; i++)
		bits |= pn_ld64(&pid->pir[i]);
	if (!bits && control & PN_PID_ON)
		return "ON is set, but the PIR is empty";
	if (control & PN_PID_SN && v->sim->task.state == PN_TASK_SLEEPING && !v->h->irq_blocked)
		return "suppressed while it sleeps (R6)";
	return NULL;
}

static bool lists(const struct pn_vmx_vcpu *v, const struct pn_vtd_ir *ir)
{
	pn_list_for_each (node, &v->ir_list)
		if (node == &ir->host.node)
			return true;
	return false;
}

/* A notification may merge with a pending one, but there is none without a post. */
static void check_iommus(struct pn_complaints *r, struct pn_machine *m, const struct pn_totals *t)
{
	uint64_t sent = t->steps[PN_STEP_PI_NOTIFY] + t->steps[PN_STEP_IPIV_NOTIFY] +
			t->steps[PN_STEP_PI_IPI];
	uint64_t taken = t->steps[PN_STEP_PI_PROCESS] + t->steps[PN_STEP_IRQ_NOTIFY] +
			 t->steps[PN_STEP_IRQ_WAKEUP];

	pn_intel_check_iommus(r, m, t);
	if (taken > sent)
		pn_wrong(r, "%lu notifications sent, %lu taken", (unsigned long)sent,
			 (unsigned long)taken);
}

static const char *check_queue(const struct pn_lab_queue *q)
{
	const struct pn_host_vcpu *h = q->detached ? NULL : pn_lab_of(q->sim->vcpu)->h;
	const struct pn_vmx_vcpu *v = h ? pn_vmx_of_const(h) : NULL;
	struct pn_virte e;

	if (!pn_intel_entry(q, &e))
		return "its entry is malformed";
	if (q->entry->vcpu != h || (v && !lists(v, pn_vtd_ir_of(q))))
		return "the host has it with another vCPU";
	if (v ? !e.im || e.pid != v->pid_pa || e.vector != q->sim->vector
	      : !pn_intel_remapped(q, &e))
		return "its entry leads elsewhere";
	return NULL;
}

const struct pn_platform pn_platform_intel = {
	.create = create,
	.destroy = pn_intel_destroy,
	.ram = pn_intel_ram,
	.vm = make_vm,
	.queue = make_queue,
	.request = pn_intel_request,
	.arrived = arrived,
	.deliverable = deliverable,
	.affinity = pn_intel_affinity,
	.inhibit = inhibit,
	.churn = PN_INHIBIT_BLOCKIRQ,
	.check = check,
	.check_iommus = check_iommus,
	.check_queue = check_queue,
	.ops = &pn_intel_ops,
};
