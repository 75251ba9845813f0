/* SPDX-License-Identifier: MIT */
/* A VM comes up: how many vCPUs and ids it can have, and what is in the VMCS of each vCPU. */
#include <errno.h>
#include <string.h>

#include "cases_intel_hyp.h"

/* ---- VMs ---- */

#define OTHERS	    12u
#define MEMORY	    0x1000000u
#define MEMORY_SIZE (40u << 10)

static struct pn_vmx_vm *other;
static struct pn_vmx_vcpu *others;
static struct pn_bus memory; /* theirs */

static const struct {
	const char *name;
	uint32_t n, ids;
	bool x2apic, ipiv;
	int want;
	uint32_t last; /* index of the PID-pointer table */
} makes[] = {
	{"no vCPU", 0, 0, true, false, -EINVAL, 0},
	{"more vCPUs than ids", 2, 1, true, false, -EINVAL, 0},
	{"more ids than an xAPIC has", 1, 256, false, false, -E2BIG, 0},
	{"as many as an xAPIC has", 1, 255, false, true, 0, 254},
	{"more ids than there are indices", 1, 0x10001, true, false, -E2BIG, 0},
	{"as many as there are, no IPIs", 1, 0x10000, true, false, 0, 0},
	{"as many as there are, no memory", 1, 0x10000, true, true, -ENOMEM, 0},
	{"as many as vCPUs", 2, 0, true, true, 0, 1},
	{"512 ids", 1, 512, true, true, 0, 511},
	{"513 ids", 1, 513, true, true, 0, 512},
	{"too many for memory", OTHERS, 0, true, false, -ENOMEM, 0},
};

static void one_vm(unsigned i)
{
	const uint32_t inhibits = i & 1 ? 1u << PN_INHIBIT_HYPERV : 0;
	struct pn_pages pages;
	const uint32_t vms = intel->vmx.vms;

	px_doing(makes[i].name);
	intel->vmx.cfg.ipiv = makes[i].ipiv;
	pn_pages_init(&pages, &memory, MEMORY, MEMORY_SIZE);
	memset(memory.ram, 0, MEMORY_SIZE);
	memset(others, 0xAA, OTHERS * sizeof(*others));
	others[0].h.task = &rig->flag;
	eq((unsigned)-pn_vmx_vm_init(&intel->vmx, other, others, makes[i].n, makes[i].ids,
				     makes[i].x2apic, inhibits, &pages),
	   (unsigned)-makes[i].want, makes[i].name);
	if (makes[i].n == OTHERS)
		eq((uint32_t)others[OTHERS - 1].stale_eoi, 0xAAAAAAAA,
		   "a vCPU behind the one that failed");
	if (!makes[i].want) {
		eq(other->h.id, vms + 1, "number of a VM");
		rig_want(other->h.nr_vcpus == makes[i].n && other->h.inhibits == inhibits &&
				 other->h.hyp == rig->hyp && !other->assigned &&
				 other->x2apic == makes[i].x2apic && !other->h.ioapic,
			 "P2", makes[i].name);
		rig_want(others[0].h.task == &rig->flag && others[0].h.apicv == !inhibits &&
				 others[0].vm == other && !others[0].blocking &&
				 !others[0].eoi_exit[3],
			 "P2", makes[i].name);
		eq(pn_host_x2apic(&others[0].h), makes[i].x2apic, makes[i].name);
		eq(!!other->pid_table, makes[i].ipiv, "a PID-pointer table");
		rig_want(pages.next <= pages.end, "P2", "memory");
		for (uint32_t k = 0; makes[i].ipiv && k < 2; k++)
			eq(other->pid_table[k],
			   k < makes[i].n ? others[k].pid_pa | PN_PIDPTR_VALID : 0, "a pointer");
		if (makes[i].ipiv) {
			struct pn_vmcs_apic vmcs;
			uint64_t bytes = (makes[i].last + 1ull) * 8;

			others[0].h.apicv = 1;
			pn_vmx_vmcs(&others[0], &vmcs);
			eq(vmcs.last_pid_index, makes[i].last, "the last index");
			eq(vmcs.pid_table, other->pid_table_pa, "the table's address");
			rig_want(pn_bus_ptr(&memory, vmcs.pid_table, bytes) == other->pid_table &&
					 !(vmcs.pid_table & 4095),
				 "P2", "the table's memory");
			/* Nothing else is in its pages. */
			for (uint32_t k = makes[i].n; k < (bytes + 4095) / 4096 * 512; k++)
				eq(other->pid_table[k], 0, "an entry of no vCPU");
		}
	}
	intel->vmx.cfg.ipiv = true;
}

/* ---- the VMCS ---- */

static void vmcs(bool apicv, uint8_t tpr, uint8_t irr, uint32_t threshold)
{
	struct pn_vmcs_apic got,
		want = {
			.pin = PN_PIN_EXT_INT_EXIT | (apicv ? PN_PIN_POSTED_INTR : 0),
			.proc = PN_PROC_TPR_SHADOW | PN_PROC_SECONDARY |
				(apicv ? PN_PROC_TERTIARY : 0),
			.proc2 = PN_PROC2_X2APIC | (apicv ? PN_PROC2_APIC_REGS | PN_PROC2_VID : 0),
			.exit_ctl = PN_EXITCTL_ACK_INTR,
			.virtual_apic = v(1)->h.page_pa,
			.apic_access = 0xFEE00000,
			.tpr_threshold = threshold,
		};

	px_doing("the VMCS");
	v(1)->h.page[PN_APIC_TPR / 4] = tpr;
	if (irr)
		pn_vapic_set(v(1)->h.page, PN_APIC_IRR, irr);
	v(1)->h.apicv = apicv;
	v(1)->rvi = 0x41;
	v(1)->svi = 0x35;
	for (unsigned i = 0; i < 4; i++)
		v(1)->eoi_exit[i] = i + 1;
	if (apicv) {
		want.proc3 = PN_PROC3_IPI_VIRT;
		want.posted_nv = PN_VEC_POSTED;
		want.last_pid_index = 2;
		want.intr_status = 0x3541;
		want.pid = v(1)->pid_pa;
		want.pid_table = intel->vm.pid_table_pa;
		for (unsigned i = 0; i < 4; i++)
			want.eoi_exit[i] = i + 1;
	}
	memset(&got, 0x55, sizeof(got));
	pn_vmx_vmcs(v(1), &got);
	rig_want(got.pin == want.pin && got.proc == want.proc && got.proc2 == want.proc2 &&
			 got.proc3 == want.proc3 && got.exit_ctl == want.exit_ctl,
		 "P2", "controls of the VMCS");
	rig_want(got.posted_nv == want.posted_nv && got.pid == want.pid &&
			 got.last_pid_index == want.last_pid_index &&
			 got.pid_table == want.pid_table && got.intr_status == want.intr_status &&
			 !memcmp(got.eoi_exit, want.eoi_exit, sizeof(want.eoi_exit)),
		 "P2", "fields of the VMCS");
	rig_want(got.virtual_apic == want.virtual_apic && got.apic_access == want.apic_access, "P2",
		 "pages of the VMCS");
	eq(got.tpr_threshold, want.tpr_threshold, "the threshold");
	got.intr_status = 0x9299;
	pn_vmx_vmexit(v(1), &got);
	eq(v(1)->rvi, apicv ? 0x99 : 0x41, "RVI after an exit");
	eq(v(1)->svi, apicv ? 0x92 : 0x35, "SVI after an exit");
	for (unsigned w = 0; w < 8; w++)
		v(1)->h.page[(PN_APIC_IRR + w * 16) / 4] = 0;
	v(1)->h.apicv = 1;
	v(1)->svi = v(1)->rvi = 0;
	memset(v(1)->eoi_exit, 0, sizeof(v(1)->eoi_exit));
}

/* An xAPIC guest without IPI virtualization. */
static void vmcs_xapic(void)
{
	struct pn_vmcs_apic got;
	uint64_t *table = intel->vm.pid_table;

	intel->vm.x2apic = false;
	intel->vm.pid_table = NULL;
	pn_vmx_vmcs(v(1), &got);
	eq(got.proc2, PN_PROC2_APIC_ACCESSES | PN_PROC2_APIC_REGS | PN_PROC2_VID, "an xAPIC guest");
	rig_want(!(got.proc & PN_PROC_TERTIARY) && !got.proc3 && !got.pid_table &&
			 !got.last_pid_index,
		 "P2", "a VMCS without IPI virtualization");
	intel->vm.x2apic = true;
	intel->vm.pid_table = table;
}

void intel_vm_makes(void)
{
	for (unsigned i = 0; i < sizeof(makes) / sizeof(makes[0]); i++)
		one_vm(i);
	vmcs(true, 0, 0x51, 0);
	vmcs(false, 0x50, 0, 0);
	vmcs(false, 0x50, 0x60, 0);
	vmcs(false, 0x5F, 0x51, 5);
	vmcs(false, 0xF0, 0x41, 4);
	vmcs(false, 0x40, 0x5F, 0);
	vmcs_xapic();
}

void intel_vm_memory(void)
{
	memory = (struct pn_bus){
		.ram = px_alloc(MEMORY_SIZE, 4096), .ram_base = MEMORY, .ram_size = MEMORY_SIZE};
	other = px_alloc(sizeof(*other), 64);
	others = px_alloc(OTHERS * sizeof(*others), 64);
}
