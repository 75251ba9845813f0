/* SPDX-License-Identifier: MIT */
/*
 * Routes of device interrupts, and the I/O APIC: the functions that host_route.h and ioapic.h need
 * from AMD. EOIs need no more than the TMR, at which the processor looks by itself.
 */
#include "svm_priv.h"

static int post(void *vm, void *entry, struct pn_host_vcpu *to, uint8_t vector,
		struct pn_host_cpu *c)
{
	struct pn_svm_vcpu *v = to ? pn_container(to, struct pn_svm_vcpu, h) : NULL;

	return pn_svm_pi_update(((struct pn_svm_vm *)vm)->svm, entry, v, vector, c);
}

void pn_svm_init_routes(struct pn_svm_vm *vm)
{
	pn_host_routes_init(&vm->routes, &vm->apics, post);
}

void pn_svm_set_ioapic(struct pn_svm_vm *vm, struct pn_ioapic *io)
{
	pn_ioapic_init(io, &vm->apics, NULL);
	vm->ioapic = io;
}
