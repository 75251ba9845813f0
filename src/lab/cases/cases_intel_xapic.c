/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on Intel: a processor without a hypervisor. The checks of VM entry, accesses
 * of the APIC-access page, and a PIR that is taken in halves of a word.
 */
#include <string.h>

#include "cases_intel.h"

#define APIC_BASE 0xFEE00000u
#define NOTIFY	  0xF2
#define ICR_SELF  (PN_ICR_SH_SELF << 18)

static struct pn_apicv *cpu(void)
{
	return &intel->core[0].apicv;
}

/* Every feature; vCPU 0's page and descriptor. */
static struct pn_vmcs_apic every(void)
{
	return (struct pn_vmcs_apic){
		.pin = PN_PIN_EXT_INT_EXIT | PN_PIN_POSTED_INTR,
		.proc = PN_PROC_TPR_SHADOW | PN_PROC_SECONDARY | PN_PROC_TERTIARY,
		.proc2 = PN_PROC2_APIC_ACCESSES | PN_PROC2_APIC_REGS | PN_PROC2_VID,
		.exit_ctl = PN_EXITCTL_ACK_INTR,
		.proc3 = PN_PROC3_IPI_VIRT,
		.posted_nv = NOTIFY,
		.last_pid_index = 1,
		.virtual_apic = intel->vcpu[0].h.page_pa,
		.apic_access = APIC_BASE,
		.pid = intel->vcpu[0].pid_pa,
		.pid_table = intel->vm.pid_table_pa,
	};
}

/* ---- VM entry ---- */

static void entry(const struct pn_vmcs_apic *v, bool ok, const char *what)
{
	rig_want(!pn_apicv_vmcs_check(&cpu()->feat, v) == ok, "P7", what);
}

/* @field is @value: the entry fails, or @ok. */
#define ROW(field, value, ok, what)                                                                \
	do {                                                                                       \
		struct pn_vmcs_apic v_ = every();                                                  \
		v_.field = (value);                                                                \
		entry(&v_, (ok), what);                                                            \
	} while (0)

static void checks(void)
{
	const struct pn_vmcs_apic v = every();

	px_doing("what VM entry checks");
	entry(&v, true, "a VMCS with every feature");
	ROW(pin, v.pin & ~PN_PIN_EXT_INT_EXIT, false, "VID without external-interrupt exits");
	ROW(exit_ctl, 0, false, "posting without acknowledge on exit");
	ROW(posted_nv, 0x1F2, false, "a notification vector of 9 bits");
	ROW(pid, v.pid + 32, false, "a descriptor that is not aligned");
	ROW(pid, 1ull << 52, false, "a descriptor beyond memory");
	ROW(virtual_apic, v.virtual_apic + 8, false, "a virtual-APIC page that is not aligned");
	ROW(virtual_apic, 1ull << 52, false, "a virtual-APIC page beyond memory");
	ROW(apic_access, v.apic_access + 1, false, "an APIC-access page that is not aligned");
	ROW(apic_access, 1ull << 52, false, "an APIC-access page beyond memory");
	ROW(pid_table, v.pid_table + 4, false, "a PID-pointer table that is not aligned");
	ROW(pid_table, (1ull << 52) - 8, false, "a PID-pointer table whose end is beyond memory");
	ROW(proc2, v.proc2 | PN_PROC2_X2APIC, false, "x2APIC mode with APIC accesses");
	ROW(proc2, v.proc2 & ~PN_PROC2_VID, false, "posting without VID");
	ROW(proc, v.proc & ~PN_PROC_TPR_SHADOW, false, "VID without a TPR shadow");
	ROW(proc, v.proc & ~PN_PROC_SECONDARY, false, "posting, secondary controls off");
	ROW(tpr_threshold, 0x10, true, "the threshold is not checked with VID");
	ROW(pin, v.pin & ~PN_PIN_POSTED_INTR, true, "VID without posting");
}

/* Without VID: the threshold. */
static void low_priority(void)
{
	struct pn_apicv_exit exit = {0};
	struct pn_vmcs_apic v = every();
	uint64_t page = v.virtual_apic;

	px_doing("the threshold of the task priority");
	v.pin = PN_PIN_EXT_INT_EXIT;
	v.proc = PN_PROC_TPR_SHADOW | PN_PROC_SECONDARY;
	v.proc2 = PN_PROC2_APIC_ACCESSES;
	v.tpr_threshold = 0x12;
	entry(&v, false, "a threshold of 5 bits");
	v.tpr_threshold = 2;
	rig_want(pn_apicv_vmentry(cpu(), &v, &exit) == 1 && exit.reason == PN_VMX_EXIT_TPR, "P7",
		 "no exit below the threshold");
	pn_apicv_vmexit(cpu(), &v);
	v.proc2 = 0;
	rig_want(pn_apicv_vmentry(cpu(), &v, &exit) < 0 && !cpu()->in_guest, "P7",
		 "an entry below the threshold, without APIC accesses");
	v.virtual_apic = 0x8000000000ull;
	v.tpr_threshold = 0;
	rig_want(pn_apicv_vmentry(cpu(), &v, &exit) < 0, "P7", "a page without memory");
	v.virtual_apic = page;
	rig_want(!pn_apicv_vmentry(cpu(), &v, &exit) && cpu()->in_guest, "P7", "an entry at it");
	pn_apicv_vmexit(cpu(), &v);
}

/* ---- the embedder's VMCS ---- */

static const struct {
	uint32_t field;
	uint64_t value;
} fields[] = {
	{0x0002, NOTIFY},    {0x0008, 1},	   {0x0810, 0x4151},   {0x2012, 0x3000},
	{0x2014, APIC_BASE}, {0x2016, 0x5040},	   {0x201C, 0x10},     {0x201E, 0x20},
	{0x2020, 0x30},	     {0x2022, 0x40},	   {0x2034, 1u << 4},  {0x2042, 0x6000},
	{0x4000, 0x81},	     {0x4002, 0x80220000}, {0x400C, 1u << 15}, {0x401C, 7},
	{0x401E, 0x301},
};

static uint64_t vmread(void *ctx, uint32_t field)
{
	(void)ctx;
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].field == field)
			return fields[i].value;
	px_fail("P7", "VMREAD of a field that does not exist");
	return 0;
}

static void embedded(void)
{
	struct pn_vmcs_apic v;

	px_doing("reads a VMCS by its fields");
	pn_vmcs_apic_read(&v, vmread, NULL);
	rig_want(v.posted_nv == NOTIFY && v.last_pid_index == 1 && v.intr_status == 0x4151 &&
			 v.virtual_apic == 0x3000 && v.apic_access == APIC_BASE && v.pid == 0x5040,
		 "P7", "a field of the VMCS");
	rig_want(v.pin == 0x81 && v.proc == 0x80220000 && v.proc2 == 0x301 && v.proc3 == 1u << 4 &&
			 v.exit_ctl == 1u << 15 && v.pid_table == 0x6000 && !v.tpr_threshold,
		 "P7", "a control of the VMCS");
	for (unsigned i = 0; i < 4; i++)
		rig_want(v.eoi_exit[i] == 0x10 * (i + 1), "P7", "the EOI-exit bitmap");
}

/* ---- the APIC-access page ---- */

static enum pn_apicv_access store(uint32_t off, uint32_t value, struct pn_apicv_exit *exit)
{
	return pn_apicv_write(cpu(), off, value, exit);
}

static void stores(uint32_t off, uint32_t value, enum pn_apicv_access result, const char *what)
{
	struct pn_apicv_exit exit = {0};

	rig_want(store(off, value, &exit) == result, "P7", what);
	if (result == PN_APICV_TRAP)
		rig_want(exit.reason == PN_VMX_EXIT_APIC_WRITE && exit.qualification == off, "P7",
			 what);
	else if (result == PN_APICV_FAULT)
		rig_want(exit.reason == PN_VMX_EXIT_APIC_ACCESS &&
				 exit.qualification == (0x1000 | off),
			 "P7", what);
}

static uint32_t reg(uint32_t off)
{
	return pn_vapic_read(rig->vcpu[0].h->page, off);
}

static void registers(void)
{
	struct pn_apicv_exit exit = {0};
	uint32_t value = 0;

	px_doing("registers of the APIC-access page");
	stores(PN_APIC_TPR, 0x123, PN_APICV_EVALUATE, "a store to TPR");
	rig_want(reg(PN_APIC_TPR) == 0x23 && reg(PN_APIC_PPR) == 0x23, "P7", "TPR after a store");
	rig_want(pn_apicv_read(cpu(), PN_APIC_TPR, &value, &exit) == PN_APICV_DONE && value == 0x23,
		 "P7", "a load of TPR");
	stores(PN_APIC_TPR, 0, PN_APICV_EVALUATE, "a store to TPR");
	stores(PN_APIC_ICRH, 0x12345678, PN_APICV_DONE, "a store to ICR's upper half");
	rig_want(reg(PN_APIC_ICRH) == 0x12000000, "P7", "reserved bits of ICR's upper half");
	stores(PN_APIC_ID, 1, PN_APICV_TRAP, "a store to the ID");
	stores(PN_APIC_SVR, 0x1FF, PN_APICV_TRAP, "a store to SVR");
	stores(PN_APIC_TDCR, 3, PN_APICV_TRAP, "a store to the divider");
	stores(PN_APIC_VERSION, 0, PN_APICV_FAULT, "a store to the version");
	stores(PN_APIC_IRR, 0, PN_APICV_FAULT, "a store to IRR");
	stores(PN_APIC_TMCCT, 0, PN_APICV_FAULT, "a store to the counter");
	stores(PN_APIC_PPR, 0, PN_APICV_FAULT, "a store to PPR");
	rig_want(pn_apicv_read(cpu(), PN_APIC_PPR, &value, &exit) == PN_APICV_FAULT &&
			 exit.qualification == PN_APIC_PPR,
		 "P7", "a load of PPR");
	rig_want(pn_apicv_page_read(cpu(), PN_APIC_ID, 4, PN_APICV_FETCH, &value, &exit) ==
				 PN_APICV_FAULT &&
			 exit.qualification == (0x2000 | PN_APIC_ID),
		 "P7", "a fetch from the page");
	rig_want(pn_apicv_page_read(cpu(), PN_APIC_ID + 2, 4, PN_APICV_INSN, &value, &exit) ==
			 PN_APICV_FAULT,
		 "P7", "a load beyond a register");
	rig_want(pn_apicv_page_write(cpu(), PN_APIC_ID, 4, PN_APICV_PHYS, &value, &exit) ==
				 PN_APICV_FAULT &&
			 exit.qualification == 0xF000,
		 "P7", "a guest-physical store");
	rig_want(pn_apicv_wrmsr(cpu(), PN_X2APIC_MSR + PN_APIC_TPR / 16, 0, &exit) == PN_APICV_PASS,
		 "P7", "an x2APIC's MSR in xAPIC mode");
}

static void takes(uint8_t vector)
{
	rig_want(pn_apicv_pending(cpu(), true) == vector && pn_apicv_deliver(cpu()) == vector, "P4",
		 "the wrong vector is delivered");
	rig_want(reg(PN_APIC_PPR) == (vector & 0xF0u), "P4", "the wrong PPR in service");
	stores(PN_APIC_EOI, 5, PN_APICV_EVALUATE, "an EOI");
	rig_want(!reg(PN_APIC_EOI) && !reg(PN_APIC_PPR), "P4", "the wrong PPR after an EOI");
}

static void sends(void)
{
	struct pn_pid *to = intel->vcpu[1].pid;

	px_doing("IPIs by the APIC-access page");
	to->control = (uint64_t)NOTIFY << PN_PID_NV_SH | pn_pid_ndst(2, true);
	stores(PN_APIC_ICRL, ICR_SELF | LOW, PN_APICV_EVALUATE, "a self-IPI");
	takes(LOW);
	stores(PN_APIC_ICRL, ICR_SELF | 15, PN_APICV_TRAP, "a self-IPI of a vector below 16");
	stores(PN_APIC_ICRH, 1u << 24, PN_APICV_DONE, "the destination");
	stores(PN_APIC_ICRL, PN_ICR_LOGICAL | HIGH, PN_APICV_TRAP, "a logical IPI");
	stores(PN_APIC_ICRL, PN_ICR_LEVEL | HIGH, PN_APICV_TRAP, "a level IPI");
	stores(PN_APIC_ICRL, 1u << 13 | HIGH, PN_APICV_TRAP, "reserved bits of the ICR");
	stores(PN_APIC_ICRL, PN_ICR_SH_ALL << 18 | HIGH, PN_APICV_TRAP, "an IPI to all");
	stores(PN_APIC_ICRL, 15, PN_APICV_TRAP, "an IPI of a vector below 16");
	rig_want(!to->pir[HIGH / 64] && !intel->messages, "P4", "an IPI that exits is posted, too");
	stores(PN_APIC_ICRL, HIGH, PN_APICV_DONE, "an IPI");
	rig_want(to->pir[HIGH / 64] == 1ull << HIGH % 64 && to->control & PN_PID_ON, "P4",
		 "an IPI is not posted");
	rig_want(intel->messages == 1 && intel->heard.dest == 2 && intel->heard.vector == NOTIFY,
		 "P4", "the notification of an IPI");
	stores(PN_APIC_ICRH, 2u << 24, PN_APICV_DONE, "the destination");
	stores(PN_APIC_ICRL, HIGH, PN_APICV_TRAP, "an IPI beyond the table");
}

/* A vector in every half of a word; a 32-bit fetch-and-zero. */
static void notified(void)
{
	struct pn_pid *pid = intel->vcpu[0].pid;
	struct pn_lapic *lapic = &intel->core[0].lapic;
	int taken = 0;

	px_doing("posted interrupts, in halves of a word");
	for (unsigned i = 0; i < 8; i++)
		pid->pir[i / 2] |= 1ull << (0x14 + i % 2 * 32);
	pid->control |= PN_PID_ON;
	pn_lapic_accept(lapic, NOTIFY);
	rig_want(pn_apicv_intr(cpu(), lapic, &taken) == PN_INTR_POSTED && taken == -1, "P4",
		 "a notification exits");
	rig_want(!(pid->control & PN_PID_ON) && pn_lapic_eoi(lapic) < 0, "P4",
		 "ON or the notification is left");
	for (int v = 0xF4; v >= 0x14; v -= 0x20) {
		rig_want(!pid->pir[v / 64], "P4", "a bit is left in the PIR");
		takes((uint8_t)v);
	}
	rig_want(pn_apicv_pending(cpu(), true) < 0, "P4", "a vector more than were posted");
	pn_lapic_accept(lapic, LOW);
	rig_want(pn_apicv_intr(cpu(), lapic, &taken) == PN_INTR_EXIT && taken == LOW, "P4",
		 "another interrupt does not exit");
}

static void runs(void *arg)
{
	struct pn_apicv_exit exit = {0};
	struct pn_vmcs_apic v = every();

	(void)arg;
	checks();
	low_priority();
	embedded();
	rig_want(!pn_apicv_vmentry(cpu(), &v, &exit), "P7", "VM entry fails");
	registers();
	sends();
	notified();
	pn_apicv_vmexit(cpu(), &v);
	rig_want(!v.intr_status && !cpu()->in_guest, "P7", "RVI and SVI after an exit");
}

void intel_xapic(bool broken)
{
	struct pn_apicv_features feat;

	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 2, .ipiv = true});
	rig->no_rest_check = true;
	intel->bus.intr = intel_hears;
	pn_apicv_features_default(&feat);
	feat.pir_granule = 32;
	pn_apicv_init(cpu(), &intel->bus, rig->cpu[0].agent, &feat, true);
	px_thread("CPU 0", 0, runs, NULL);
}
