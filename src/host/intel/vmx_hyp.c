/* SPDX-License-Identifier: MIT */
/* The hypervisor on Intel as the rest of the program sees it: hyp.h. */
#include "vmx_priv.h"

static struct pn_host_vcpu *vcpu(const struct pn_host_vm *vm, uint32_t i)
{
	return &pn_vmx_vm_of_const(vm)->vcpu[i].h;
}

static void deliver(struct pn_host_vcpu *h, struct pn_host_cpu *c, uint8_t vector)
{
	pn_vmx_post(pn_vmx_of(h), c, vector, PN_WAKE_NOTIFY);
}

static void poke(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	pn_vmx_prod(pn_vmx_of(h), c, PN_WAKE_REQUEST);
}

static bool listed(const struct pn_host_vcpu *h)
{
	return pn_vmx_on_list(pn_vmx_of_const(h));
}

static uint32_t inhibits(const struct pn_host_vcpu *h)
{
	return pn_ld32(&pn_vmx_of_const(h)->vm->h.inhibits); /* pairs with pn_vmx_inhibit() */
}

const struct pn_hyp_ops pn_vmx_ops = {
	.exit = pn_vmx_exit,
	.vm_destroy = pn_vmx_vm_destroy,
	.load = pn_vmx_load,
	.put = pn_vmx_put,
	.blocking = pn_vmx_blocking,
	.must_run = pn_vmx_must_run,
	.unblocking = pn_vmx_unblocking,
	.enter = pn_vmx_enter,
	.leave = pn_vmx_leave,
	.eoi = pn_vmx_eoi,
	.pending = pn_vmx_pending,
	.inject = pn_vmx_inject,
	.deliver = deliver,
	.poke = poke,
	.irr = pn_vmx_irr,
	.listed = listed,
	.vcpu = vcpu,
	.pi_update = pn_vmx_pi_update,
	.inhibit = pn_vmx_inhibit,
	.inhibits = inhibits,
	.ioapic_changed = pn_vmx_ioapic_changed,
	.wakeup_irq = pn_vmx_wakeup_irq,
	.cpu_offline = pn_vmx_cpu_offline,
	.cpu_online = pn_vmx_cpu_online,
	.check = pn_vmx_check,
};
