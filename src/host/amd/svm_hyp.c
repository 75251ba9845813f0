/* SPDX-License-Identifier: MIT */
/* The hypervisor on AMD as the rest of the program sees it: hyp.h. */
#include "svm_priv.h"

static struct pn_host_vcpu *vcpu(const struct pn_host_vm *vm, uint32_t i)
{
	return &pn_svm_vm_of_const(vm)->vcpu[i].h;
}

static void deliver(struct pn_host_vcpu *h, struct pn_host_cpu *c, uint8_t vector)
{
	pn_svm_set_irr(pn_svm_of(h), c, vector, PN_WAKE_NOTIFY);
}

static void poke(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	pn_svm_notify(pn_svm_of(h), c, PN_WAKE_REQUEST);
}

static bool listed(const struct pn_host_vcpu *h)
{
	return pn_svm_of_const(h)->on_list;
}

const struct pn_hyp_ops pn_svm_ops = {
	.exit = pn_svm_exit,
	.vm_destroy = pn_svm_vm_destroy,
	.load = pn_svm_load,
	.put = pn_svm_put,
	.blocking = pn_svm_blocking,
	.must_run = pn_svm_must_run,
	.unblocking = pn_svm_unblocking,
	.enter = pn_svm_enter,
	.leave = pn_svm_leave,
	.eoi = pn_svm_eoi,
	.pending = pn_svm_pending,
	.inject = pn_svm_inject,
	.deliver = deliver,
	.poke = poke,
	.irr = pn_svm_irr,
	.listed = listed,
	.vcpu = vcpu,
	.pi_update = pn_svm_pi_update,
	.inhibit = pn_svm_inhibit,
	.inhibits = pn_svm_inhibits,
	/* The processor itself reads the TMR at an EOI: nothing else is needed. */
	.ioapic_changed = NULL,
	.wakeup_irq = pn_svm_wakeup_irq,
	.cpu_offline = pn_svm_cpu_offline,
	.cpu_online = pn_svm_cpu_online,
	.check = pn_svm_check,
};
