/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "machine_intel.h"
#include "vectors.h"

/* The Intel machine with guests: hw/intel, and the hypervisor of host/intel. */

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
		.ipiv = m->mode.id == PN_MODE_IPI_IPIV,
		.host_x2apic = sm->x2apic,
	};
	int err;

	(void)devices;
	(void)d;
	for (uint32_t i = 0; i < sm->pcpus; i++)
		m->core[i].bus.intr = core_intr;
	err = pn_intel_create(m);
	if (!err)
		pn_vmx_init(&m->intel->vmx, &cfg);
	return err;
}

static int make_vm(struct pn_machine *m, const struct pn_sc_vm *vm, uint32_t number, uint32_t first)
{
	for (uint32_t i = first; i < first + vm->vcpus; i++) {
		m->vcpu[i].vmx = &m->intel->vcpu[i];
		m->vcpu[i].h = &m->intel->vcpu[i].h;
		m->vcpu[i].h->task = &m->sim->vcpu[i].task;
	}
	return pn_vmx_vm_init(&m->intel->vmx, &m->intel->vm[number], &m->intel->vcpu[first],
			      vm->vcpus, 0, m->sc->machine.x2apic, 0, &m->pages);
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
	int err = pn_intel_queue(q, devid);

	(void)index;
	return err ? err
		   : pn_vmx_pi_update(&q->vtd_ir, pn_lab_of(q->sim->vcpu)->vmx, vector,
				      &q->m->cpu[0]);
}

/* ---- while it runs ---- */

static bool in_pir(const struct pn_lab_vcpu *v, uint8_t vector)
{
	return v->vmx->pid->pir[vector / 64] >> (vector % 64) & 1;
}

static uint32_t irr(const struct pn_lab_vcpu *v, unsigned word)
{
	return pn_vmx_irr(v->vmx, word);
}

static bool deliverable(const struct pn_lab_vcpu *v)
{
	for (int word = 7; word >= 0; word--) {
		uint32_t bits = irr(v, (unsigned)word);

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
		pn_account_pir(v, vector, sent, in_pir(v, vector));
	else
		pn_account_irr(v, vector, sent);
}

static void inject(struct pn_lab_vcpu *v, struct pn_host_cpu *c, uint8_t vector,
		   enum pn_wake_reason why)
{
	pn_vmx_inject(v->vmx, c, vector, why);
}

static int retarget(struct pn_lab_queue *q, struct pn_lab_vcpu *to, uint8_t vector,
		    struct pn_host_cpu *self)
{
	return pn_vmx_pi_update(&q->vtd_ir, to ? to->vmx : NULL, vector, self);
}

static void inhibit(struct pn_machine *m, uint32_t vm, struct pn_host_cpu *self, bool set)
{
	pn_vmx_inhibit(&m->intel->vm[vm], self, PN_INHIBIT_IRQWIN, set);
}

static void cpu_offline(struct pn_machine *m, struct pn_host_cpu *dead, struct pn_host_cpu *self)
{
	pn_vmx_cpu_offline(&m->intel->vmx, dead, self);
}

static void cpu_online(struct pn_machine *m, struct pn_host_cpu *c)
{
	pn_vmx_cpu_online(&m->intel->vmx, c);
}

static const char *check(struct pn_lab_vcpu *v)
{
	return pn_vmx_check(v->vmx, &v->m->cpu[0]);
}

static bool listed(const struct pn_lab_vcpu *v)
{
	return pn_pid_nv(v->vmx->pid->control) == PN_VEC_WAKEUP;
}

const struct pn_platform pn_platform_intel = {
	.create = create,
	.destroy = pn_intel_destroy,
	.ram = pn_intel_ram,
	.vm = make_vm,
	.function = make_function,
	.queue = make_queue,
	.msi = pn_intel_msi,
	.arrived = arrived,
	.inject = inject,
	.deliverable = deliverable,
	.irr = irr,
	.retarget = retarget,
	.affinity = pn_intel_affinity,
	.inhibit = inhibit,
	.cpu_offline = cpu_offline,
	.cpu_online = cpu_online,
	.check = check,
	.check_iommus = pn_intel_check_iommus,
	.listed = listed,
	.ops = &pn_intel_ops,
};
