/* SPDX-License-Identifier: MIT */
/*
 * Parts of a case of one agent on Intel: what a processor reads of a VMCS and refuses to reach, its
 * local APIC, messages, and the memory that the host gives out.
 */
#include "cases_intel.h"

#include "postern/agent.h"

/* Every field is there, and each control is off but those of @proc. */
static uint64_t full_vmcs(void *ctx, uint32_t field)
{
	const uint32_t *proc = ctx;

	switch (field) {
	case 0x4000u: /* pin-based controls */
	case 0x400Cu: /* exit controls */
		return 0;
	case 0x4002u:
		return *proc;
	default:
		return 0xF000u + (field & 0xFFu);
	}
}

static void reads_vmcs(void)
{
	uint32_t none = 0, tpr = PN_PROC_TPR_SHADOW;
	struct pn_vmcs_apic v;

	px_doing("fields of a VMCS whose controls are 0");
	pn_vmcs_apic_read(&v, full_vmcs, &none);
	rig_want(!v.proc2 && !v.proc3 && !v.virtual_apic && !v.tpr_threshold && !v.intr_status &&
			 !v.apic_access && !v.posted_nv && !v.pid && !v.pid_table &&
			 !v.last_pid_index && !v.eoi_exit[0],
		 "P7", "a field is read whose control is 0");
	pn_vmcs_apic_read(&v, full_vmcs, &tpr);
	rig_want(v.virtual_apic == 0xF012u && v.tpr_threshold == 0xF01Cu && !v.intr_status, "P7",
		 "the fields of the TPR shadow");
}

/* Without a TPR shadow CR8 is the processor's own. */
static void without_shadow(void)
{
	struct pn_apicv a = intel->core[0].apicv;
	struct pn_apicv_exit exit;
	uint8_t cr8 = 0;

	px_doing("CR8 without a TPR shadow");
	a.vmcs.proc &= ~PN_PROC_TPR_SHADOW;
	rig_want(pn_apicv_write_cr8(&a, 5, &exit) == PN_APICV_PASS &&
			 pn_apicv_read_cr8(&a, &cr8) == PN_APICV_PASS,
		 "P7", "an access of CR8 is virtualized");
}

/* Memory is there, and the processor's physical addresses end below it. */
static void beyond_reach(const struct rig_vcpu *v)
{
	struct pn_apicv_features small;
	struct pn_vmcs_apic vmcs;
	struct pn_apicv a;

	px_doing("VM entry of a processor with few address bits");
	pn_apicv_features_default(&small);
	pn_vmx_vmcs(pn_vmx_of(v->h), &vmcs);
	small.maxphyaddr = (uint8_t)(64 - __builtin_clzll(vmcs.virtual_apic));
	pn_apicv_init(&a, &intel->bus, rig->cpu[0].agent, &small, true);
	rig_want(!pn_apicv_vmentry_check(&a, &vmcs), "P7", "its pages are within reach");
	small.maxphyaddr--;
	pn_apicv_init(&a, &intel->bus, rig->cpu[0].agent, &small, true);
	rig_want(pn_apicv_vmentry_check(&a, &vmcs), "P7", "its pages are beyond reach");
}

/* ---- what both vendors have ---- */

static void local_apic(void)
{
	struct pn_lapic l = {0};

	px_doing("a local APIC");
	pn_lapic_accept(&l, 0x0F);
	rig_want(pn_lapic_pending(&l) < 0, "P4", "a vector below 16 is accepted");
	rig_want(!pn_lapic_accept(&l, 0x41) && pn_lapic_accept(&l, 0x41), "P4",
		 "whether a vector was pending");
	rig_want(pn_lapic_take(&l) == 0x41 && pn_lapic_take(&l) < 0, "P4", "taken, and gone");
	pn_lapic_accept(&l, 0x4F);
	rig_want(pn_lapic_take(&l) < 0, "P4", "the class of what is in service");
	pn_lapic_accept(&l, 0x52);
	rig_want(pn_lapic_take(&l) == 0x52, "P4", "a higher class");
	rig_want(pn_lapic_eoi(&l) == 0x52 && pn_lapic_take(&l) < 0, "P4",
		 "the lower one is still in service");
	rig_want(pn_lapic_eoi(&l) == 0x41 && pn_lapic_eoi(&l) < 0 && pn_lapic_take(&l) == 0x4F,
		 "P4", "each EOI ends one");
}

static void messages_of(void)
{
	static const struct pn_intr rows[] = {
		{.dest = 0xA5, .vector = 0x41, .mode = PN_DM_FIXED},
		{.dest = 0x0F, .vector = 0x91, .mode = PN_DM_LOWEST, .logical = true},
		{.dest = 0xFF, .vector = 0x52, .mode = PN_DM_NMI, .level = true},
	};
	uint64_t addr = 0;
	uint32_t data = 0;

	px_doing("messages to words, and back");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_intr back;

		pn_msi_encode(&rows[i], &addr, &data);
		back = pn_msi_decode(addr, data);
		rig_want(pn_msi_is(addr) && back.dest == rows[i].dest &&
				 back.vector == rows[i].vector && back.mode == rows[i].mode &&
				 back.logical == rows[i].logical && back.level == rows[i].level,
			 "P7", "a message is another one as words");
	}
	rig_want(addr == (PN_MSI_ADDR_BASE | 0xFFu << 12), "P7", "the address of a message");
	pn_msi_encode(&rows[1], &addr, &data);
	rig_want(addr & 1u << 3, "P7", "lowest priority: the redirection hint");
}

static void counts_bits(void)
{
	void *page = rig->vcpu[0].h->page;
	unsigned before = pn_vapic_count(page, PN_APIC_TMR);

	px_doing("bits of a bank, and keys of steps");
	pn_vapic_set(page, PN_APIC_TMR, 0x21);
	pn_vapic_set(page, PN_APIC_TMR, 0x23);
	pn_vapic_set(page, PN_APIC_TMR, 0xFF);
	rig_want(!before && pn_vapic_count(page, PN_APIC_TMR) == 3, "P7", "not as many as are set");
	pn_vapic_clear(page, PN_APIC_TMR, 0x21);
	pn_vapic_clear(page, PN_APIC_TMR, 0x23);
	pn_vapic_clear(page, PN_APIC_TMR, 0xFF);
	rig_want(pn_vapic_empty(page, PN_APIC_TMR), "P7", "bits that were cleared");
	for (unsigned i = 0; i < PN_STEP_NR; i++)
		rig_want(pn_step_by_key(pn_step_key(i)) == (int)i, "P7", "a step by its key");
	rig_want(!pn_step_key(PN_STEP_NR) && !pn_step_doc(PN_STEP_NR) &&
			 pn_step_by_key("no such step") < 0,
		 "P7", "a step that there is not");
}

static void gives_memory(void)
{
	struct pn_pages p = rig->pages;
	uint64_t pa = 0, next = 0;
	unsigned char *mem;

	px_doing("memory that the host gives out");
	rig_want(!pn_pages_alloc(&p, 0, 8, &pa) && !pn_pages_alloc(&p, 64, 4, &pa) &&
			 !pn_pages_alloc(&p, 64, 24, &pa) &&
			 !pn_pages_alloc(&p, p.end - p.next + 1, 8, &pa),
		 "P7", "memory that cannot be given is given");
	mem = pn_pages_alloc(&p, 8, 8, &pa);
	rig_want(mem && pn_pages_alloc(&p, 64, 64, &next) && next >= pa + 8 && !(next % 64) &&
			 p.next == next + 64,
		 "P7", "two parts overlap, or one is not aligned");
}

void intel_cpu_edges(const struct rig_vcpu *v)
{
	reads_vmcs();
	without_shadow();
	beyond_reach(v);
	local_apic();
	messages_of();
	counts_bits();
	gives_memory();
}
