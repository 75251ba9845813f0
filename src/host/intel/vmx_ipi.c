/* SPDX-License-Identifier: MIT */
/*
 * Exit 56 at offset 300h: the processor has written VICR and leaves the IPI to the host. With IPI
 * virtualization that is every IPI except fixed, edge, physical ones to one vCPU that is in the
 * PID-pointer table. I of docs/protocol-intel.md.
 */
#include "vmx_priv.h"

/* x2APIC: 64 bits at 300h. xAPIC: the destination is in the upper byte of 310h. */
static uint64_t read_vicr(const struct pn_vmx_vcpu *v)
{
	if (v->vm->x2apic &&
	    !pn_mistake(PN_MISTAKE_ICR_HALVES)) /* written by this CPU's silicon before the exit */
		return pn_ld64((const uint64_t *)(const void *)v->h.page + PN_APIC_ICRL / 8);
	return (uint64_t)pn_vapic_read(v->h.page, PN_APIC_ICRH) << 32 |
	       pn_vapic_read(v->h.page, PN_APIC_ICRL);
}

void pn_vmx_icr_exit(struct pn_vmx_vcpu *v, struct pn_host_cpu *c)
{
	uint64_t icr = read_vicr(v);

	pn_step(c->agent, v->vm->x2apic ? PN_STEP_ICR_HANDLE : PN_STEP_ICR_HANDLE_MMIO,
		pn_vmx_key(v), icr);
	pn_host_ipi_emulate(&v->vm->h, &v->h, c, icr); /* I1 */
	pn_host_icr_idle(&v->h);		       /* I2 */
}
