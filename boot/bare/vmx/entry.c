/* SPDX-License-Identifier: MIT */
/* Checks of VM entry on the controls of APIC virtualization: 25.6, 27.2.1.1. */
#include "vmx.h"

enum what {
	PIN_CLEAR,
	PIN_SET,
	PROC_CLEAR,
	PROC_SET,
	PROC2_CLEAR,
	PROC2_SET,
	PROC2_IS,
	ACK_CLEAR,
	NV,
	PID,
	VAPIC,
	ACCESS,
	THRESHOLD,
	VTPR,
	TABLE,
	LAST,
	END
};

/* Stands for the end of physical memory that the processor can address. */
#define BEYOND (1ull << 62)
#define TOP    (BEYOND - PAGE) /* the last page */

struct change {
	uint8_t what;
	uint64_t value;
};

static const struct check {
	const char *cite, *name;
	bool refused, ipiv;
	struct change change[4];
} checks[] = {
	{"27.2.1.1", "all as it should be", 0, 0, {{END, 0}}},
	{"27.2.1.1",
	 "VID without external-interrupt exiting",
	 1,
	 0,
	 {{PIN_CLEAR, PIN_EXT_INT | PIN_POSTED}, {END, 0}}},
	{"27.2.1.1",
	 "VID without TPR shadow",
	 1,
	 0,
	 {{PROC_CLEAR, PROC_TPR}, {PIN_CLEAR, PIN_POSTED}, {PROC2_CLEAR, PROC2_REGS}, {END, 0}}},
	{"27.2.1.1",
	 "APIC-register virtualization without TPR shadow",
	 1,
	 0,
	 {{PROC_CLEAR, PROC_TPR}, {PIN_CLEAR, PIN_POSTED}, {PROC2_CLEAR, PROC2_VID}, {END, 0}}},
	{"27.2.1.1",
	 "x2APIC mode without TPR shadow",
	 1,
	 0,
	 {{PROC_CLEAR, PROC_TPR}, {PIN_CLEAR, PIN_POSTED}, {PROC2_IS, PROC2_X2APIC}, {END, 0}}},
	{"27.2.1.1",
	 "APIC accesses without TPR shadow",
	 0,
	 0,
	 {{PROC_CLEAR, PROC_TPR}, {PIN_CLEAR, PIN_POSTED}, {PROC2_IS, PROC2_ACCESSES}, {END, 0}}},
	{"25.6.2",
	 "garbage in secondary controls that are not activated",
	 0,
	 0,
	 {{PROC_CLEAR, PROC_SECONDARY}, {PIN_CLEAR, PIN_POSTED}, {PROC2_IS, ~0u}, {END, 0}}},
	{"27.2.1.1", "APIC accesses and x2APIC mode", 1, 0, {{PROC2_SET, PROC2_X2APIC}, {END, 0}}},
	{"27.2.1.1", "virtual-APIC page not aligned", 1, 0, {{VAPIC, 16}, {END, 0}}},
	{"27.2.1.1", "virtual-APIC page beyond the width", 1, 0, {{VAPIC, BEYOND}, {END, 0}}},
	{"27.2.1.1", "virtual-APIC page: top bit", 1, 0, {{VAPIC, 1ull << 63}, {END, 0}}},
	{"27.2.1.1",
	 "virtual-APIC page not aligned, no TPR shadow",
	 0,
	 0,
	 {{PROC_CLEAR, PROC_TPR}, {PIN_CLEAR, PIN_POSTED}, {PROC2_IS, 0}, {VAPIC, 16}}},
	{"27.2.1.1", "APIC-access page not aligned", 1, 0, {{ACCESS, 2048}, {END, 0}}},
	{"27.2.1.1", "APIC-access page beyond the width", 1, 0, {{ACCESS, BEYOND}, {END, 0}}},
	{"27.2.1.1",
	 "APIC-access page not aligned, not used",
	 0,
	 0,
	 {{PROC2_CLEAR, PROC2_ACCESSES}, {ACCESS, 2048}, {END, 0}}},
	{"27.2.1.1",
	 "threshold 10h without VID",
	 1,
	 0,
	 {{PROC2_CLEAR, PROC2_VID}, {PIN_CLEAR, PIN_POSTED}, {THRESHOLD, 0x10}, {END, 0}}},
	{"27.2.1.1",
	 "threshold 80000000h without VID",
	 1,
	 0,
	 {{PROC2_CLEAR, PROC2_VID}, {PIN_CLEAR, PIN_POSTED}, {THRESHOLD, 1u << 31}, {END, 0}}},
	{"27.2.1.1", "threshold 10h with VID", 0, 0, {{THRESHOLD, 0x10}, {END, 0}}},
	{"27.2.1.1",
	 "threshold above VTPR, neither VID nor APIC accesses",
	 1,
	 0,
	 {{PROC2_IS, PROC2_REGS}, {PIN_CLEAR, PIN_POSTED}, {THRESHOLD, 6}, {VTPR, 0x5f}}},
	{"27.2.1.1",
	 "threshold at VTPR, neither VID nor APIC accesses",
	 0,
	 0,
	 {{PROC2_IS, PROC2_REGS}, {PIN_CLEAR, PIN_POSTED}, {THRESHOLD, 5}, {VTPR, 0x5f}}},
	{"27.2.1.1",
	 "threshold above VTPR with VID, no APIC accesses",
	 0,
	 0,
	 {{PROC2_CLEAR, PROC2_ACCESSES}, {THRESHOLD, 6}, {VTPR, 0x5f}, {END, 0}}},
	{"27.2.1.1", "posted interrupts without VID", 1, 0, {{PROC2_CLEAR, PROC2_VID}, {END, 0}}},
	{"27.2.1.1",
	 "posted interrupts without acknowledge on exit",
	 1,
	 0,
	 {{ACK_CLEAR, 0}, {END, 0}}},
	{"27.2.1.1",
	 "no posted interrupts, no acknowledge on exit",
	 0,
	 0,
	 {{ACK_CLEAR, 0}, {PIN_CLEAR, PIN_POSTED}, {END, 0}}},
	{"27.2.1.1", "notification vector 100h", 1, 0, {{NV, 0x100}, {END, 0}}},
	{"27.2.1.1", "notification vector 80F2h", 1, 0, {{NV, 0x80f2}, {END, 0}}},
	{"27.2.1.1", "notification vector FFh", 0, 0, {{NV, 0xff}, {END, 0}}},
	{"27.2.1.1",
	 "notification vector 100h, no posted interrupts",
	 0,
	 0,
	 {{NV, 0x100}, {PIN_CLEAR, PIN_POSTED}, {END, 0}}},
	{"27.2.1.1", "descriptor not aligned: 20h", 1, 0, {{PID, 0x20}, {END, 0}}},
	{"27.2.1.1", "descriptor not aligned: 1", 1, 0, {{PID, 1}, {END, 0}}},
	{"27.2.1.1",
	 "descriptor aligned to 64 bytes, not to a page",
	 0,
	 0,
	 {{PID, 0x40}, {END, 0}}},
	{"27.2.1.1", "descriptor beyond the width", 1, 0, {{PID, BEYOND}, {END, 0}}},
	{"27.2.1.1",
	 "descriptor not aligned, no posted interrupts",
	 0,
	 0,
	 {{PID, 1}, {PIN_CLEAR, PIN_POSTED}, {END, 0}}},
	{"27.2.1.1", "PID-pointer table not aligned", 1, 1, {{TABLE, 4}, {END, 0}}},
	{"27.2.1.1", "PID-pointer table aligned to 8 bytes", 0, 1, {{TABLE, 8}, {END, 0}}},
	{"27.2.1.1", "PID-pointer table beyond the width", 1, 1, {{TABLE, BEYOND}, {END, 0}}},
	{"27.2.1.1",
	 "PID-pointer table whose end is beyond",
	 1,
	 1,
	 {{TABLE, TOP}, {LAST, 512}, {END, 0}}},
	{"27.2.1.1", "PID-pointer table at the end", 0, 1, {{TABLE, TOP}, {LAST, 511}, {END, 0}}},
	{"25.6.2",
	 "garbage in tertiary controls that are not activated",
	 0,
	 1,
	 {{PROC_CLEAR, PROC_TERTIARY}, {TABLE, 4}, {END, 0}}},
	{"27.2.1.1; U3: inferred",
	 "IPI virtualization without TPR shadow",
	 0,
	 1,
	 {{PROC_CLEAR, PROC_TPR}, {PIN_CLEAR, PIN_POSTED}, {PROC2_IS, 0}, {END, 0}}},
};

static uint64_t place(uint64_t base, uint64_t value)
{
	uint64_t top = 1ull << phys_bits();

	if (value >> 63)
		return value;
	if (value >= TOP)
		return top - (BEYOND - value);
	return base + value;
}

static void change(struct vm *vm, const struct change *c)
{
	struct vmcs *v = vm->vmcs;

	switch (c->what) {
	case PIN_CLEAR:
		v->pin &= ~(uint32_t)c->value;
		break;
	case PIN_SET:
		v->pin |= (uint32_t)c->value;
		break;
	case PROC_CLEAR:
		v->proc &= ~(uint32_t)c->value;
		break;
	case PROC_SET:
		v->proc |= (uint32_t)c->value;
		break;
	case PROC2_CLEAR:
		v->proc2 &= ~(uint32_t)c->value;
		break;
	case PROC2_SET:
		v->proc2 |= (uint32_t)c->value;
		break;
	case PROC2_IS:
		v->proc2 = (uint32_t)c->value | PROC2_EPT;
		break;
	case ACK_CLEAR:
		v->exit_ctl &= ~EXITC_ACK;
		break;
	case NV:
		v->nv = c->value;
		break;
	case PID:
		v->pid = place(address(&pids[0]), c->value);
		break;
	case VAPIC:
		v->virtual_apic = place(address(vm->page), c->value);
		break;
	case ACCESS:
		v->apic_access = place(address(vm->plain), c->value);
		break;
	case THRESHOLD:
		v->tpr_threshold = (uint32_t)c->value;
		break;
	case VTPR:
		*reg(vm->page, APIC_TPR) = (uint32_t)c->value;
		break;
	case TABLE:
		v->pid_table = place(address(pid_table), c->value);
		break;
	default:
		v->last_pid = c->value;
		break;
	}
}

void directed_entry(void)
{
	struct vm *vm = &vms[0];

	for (unsigned i = 0; i < COUNT(checks); i++) {
		const struct check *c = &checks[i];

		if (c->ipiv && !has_ipiv())
			continue;
		row(c->cite, "VM entry: %s", c->name);
		for (unsigned n = 0; n < COUNT(c->change) && c->change[n].what != END; n++)
			change(vm, &c->change[n]);
		vm_run(vm);
		if (c->refused)
			expect_refused(vm);
		else if (expect("VM-instruction error", vm->vmcs->error, 0))
			expect_end(vm);
	}
}
