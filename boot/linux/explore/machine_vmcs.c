/* SPDX-License-Identifier: MIT */
/* The VMCS of the vCPU that runs, for Linux's instructions vmread and vmwrite (asm_kvm.h). */
#include "harness.h"
#include "machine_vmcs.h"
#include "thunk.h"

#define GUEST_INTR_STATUS      0x0810
#define GUEST_INTERRUPTIBILITY 0x4824
#define GUEST_RFLAGS	       0x6820
#define RFLAGS_IF	       (1u << 9)

/* The guest always has interrupts on. */
void pn_vmread_hook(uint64_t *field);
void pn_vmread_hook(uint64_t *field)
{
	switch (*field) {
	case GUEST_INTR_STATUS:
		*field = *pn_vmcs_intr_status();
		return;
	case GUEST_RFLAGS:
		*field = RFLAGS_IF;
		return;
	case GUEST_INTERRUPTIBILITY:
		*field = 0;
		return;
	default:
		pn_not_finished("Linux reads field %llx of the VMCS", (unsigned long long)*field);
	}
}

void pn_vmwrite_hook(const uint64_t *field_value);
void pn_vmwrite_hook(const uint64_t *field_value)
{
	if (field_value[0] == GUEST_INTR_STATUS)
		*pn_vmcs_intr_status() = (uint16_t)field_value[1];
	else
		pn_not_finished("Linux writes field %llx of the VMCS",
				(unsigned long long)field_value[0]);
}

THUNK("pn_asm_vmread", "lea 96(%rbp), %rdi\n", "pn_vmread_hook");
THUNK("pn_asm_vmwrite", "lea 96(%rbp), %rdi\n", "pn_vmwrite_hook");
