/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on Intel: APIC virtualization, operation by operation (SDM vol 3, chapter
 * 30). Which registers of the APIC-access page and which MSRs are virtualized under which controls,
 * IPIs by MSR, external interrupts, and processors of other kinds.
 */
#include <errno.h>

#include "solo_intel.h"

#define NOTIFY	  0xF2
#define APIC_BASE 0xFEE00000u
#define MSR(off)  (PN_X2APIC_MSR + (off) / 16)
#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))

static struct pn_vmcs_apic now;

static struct pn_apicv *cpu(void)
{
	return &intel->core[0].apicv;
}

static uint32_t *page(void)
{
	return rig->vcpu[0].h->page;
}

/* Sets of controls. */
#define TPR_ONLY 0u
#define REGS	 PN_PROC2_APIC_REGS
#define VID	 PN_PROC2_VID
#define IPIV	 (1u << 30) /* not one of them */

static struct pn_vmcs_apic controls(uint32_t mode, uint32_t set)
{
	return (struct pn_vmcs_apic){
		.pin = PN_PIN_EXT_INT_EXIT | (set & VID ? PN_PIN_POSTED_INTR : 0),
		.proc = PN_PROC_TPR_SHADOW | PN_PROC_SECONDARY |
			(set & IPIV ? PN_PROC_TERTIARY : 0),
		.proc2 = mode | (set & ~IPIV),
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

static void enter(uint32_t mode, uint32_t set, const char *what)
{
	struct pn_apicv_exit exit = {0};

	px_doing(what);
	now = controls(mode, set);
	for (unsigned i = 0; i < 1024; i++)
		page()[i] = 0;
	rig_want(!pn_apicv_vmentry_check(cpu(), &now) && !pn_apicv_vmentry(cpu(), &now, &exit),
		 "P7", what);
	rig_want(cpu()->in_guest, "P7", "not in the guest after an entry");
}

static void leave(void)
{
	pn_apicv_vmexit(cpu(), &now);
	rig_want(!cpu()->in_guest && pn_apicv_pending(cpu(), true) < 0 &&
			 pn_apicv_deliver(cpu()) < 0,
		 "P7", "in the guest after an exit");
}

/* ---- the APIC-access page ---- */

/* What APIC-register virtualization has: 30.4.2, 30.4.3.1; the other offsets are not virtualized.
 */
static const struct {
	uint16_t first, last;
	bool write;
} listed[] = {
	{0x020, 0x020, true}, {0x030, 0x030, false}, {0x080, 0x080, true}, {0x0B0, 0x0B0, true},
	{0x0D0, 0x0F0, true}, {0x100, 0x270, false}, {0x280, 0x280, true}, {0x300, 0x370, true},
	{0x380, 0x380, true}, {0x3E0, 0x3E0, true},
};

static bool has(uint32_t set, uint32_t reg, bool write)
{
	if (reg == PN_APIC_TPR)
		return true;
	if (set & VID && (reg == PN_APIC_EOI || reg == PN_APIC_ICRL))
		return true;
	if (set & IPIV && write && reg == PN_APIC_ICRL)
		return true;
	for (unsigned i = 0; set & REGS && i < COUNT(listed); i++)
		if (reg >= listed[i].first && reg <= listed[i].last)
			return !write || listed[i].write;
	return false;
}

static void faults(enum pn_apicv_access got, const struct pn_apicv_exit *exit, uint32_t how,
		   uint32_t off)
{
	unit_eq(got, PN_APICV_FAULT, rig_text("access of offset %03x", off));
	unit_eq(exit->reason, PN_VMX_EXIT_APIC_ACCESS, "reason of an APIC access");
	unit_eq(exit->qualification, how << 12 | (how > 3 ? 0 : off),
		"qualification of an APIC access");
}

/* What its emulation is to say about a store of 0 to @reg. */
static enum pn_apicv_access after(uint32_t set, uint32_t reg)
{
	if (reg == PN_APIC_TPR)
		return set & VID ? PN_APICV_EVALUATE : PN_APICV_DONE;
	if (reg == PN_APIC_EOI && set & VID)
		return PN_APICV_EVALUATE;
	return reg == PN_APIC_ICRH ? PN_APICV_DONE : PN_APICV_TRAP;
}

static void one_store(uint32_t set, uint32_t reg)
{
	struct pn_apicv_exit exit = {0};
	enum pn_apicv_access got;
	uint32_t zero = 0;

	page()[reg / 4] = 0xFFFFFFFF;
	got = pn_apicv_page_write(cpu(), reg, 4, PN_APICV_INSN, &zero, &exit);
	if (!has(set, reg, true)) {
		faults(got, &exit, 1, reg);
		unit_eq(page()[reg / 4], 0xFFFFFFFF, "a store that is not virtualized");
		return;
	}
	unit_eq(got, PN_APICV_DONE, rig_text("store to %03x", reg));
	unit_eq(page()[reg / 4], 0, rig_text("store to %03x", reg));
	got = pn_apicv_page_emulate(cpu(), &exit);
	unit_eq(got, after(set, reg), rig_text("after a store to %03x", reg));
	if (got == PN_APICV_TRAP)
		rig_want(exit.reason == PN_VMX_EXIT_APIC_WRITE && exit.qualification == reg, "P7",
			 "exit of an APIC write");
	unit_eq(pn_apicv_page_emulate(cpu(), &exit), PN_APICV_DONE, "a second emulation");
}

static void one_load(uint32_t set, uint32_t reg)
{
	struct pn_apicv_exit exit = {0};
	enum pn_apicv_access got;
	uint32_t value = 0;

	page()[reg / 4] = 0x12345678;
	got = pn_apicv_read(cpu(), reg, &value, &exit);
	if (!has(set, reg, false)) {
		faults(got, &exit, 0, reg);
		return;
	}
	rig_want(got == PN_APICV_DONE && value == 0x12345678, "P7", rig_text("load of %03x", reg));
}

static void offsets(uint32_t set, const char *what)
{
	struct pn_apicv_exit exit = {0};
	uint32_t value = 0;

	enter(PN_PROC2_APIC_ACCESSES, set, what);
	for (uint32_t reg = 0; reg < 4096; reg += 16) {
		one_load(set, reg);
		one_store(set, reg);
		page()[reg / 4] = 0;
	}
	unit_eq(pn_apicv_read(cpu(), 4096, &value, &exit), PN_APICV_PASS, "another page");
	unit_eq(pn_apicv_page_write(cpu(), 4096, 4, PN_APICV_INSN, &value, &exit), PN_APICV_PASS,
		"another page");
	leave();
	unit_eq(pn_apicv_read(cpu(), PN_APIC_TPR, &value, &exit), PN_APICV_PASS,
		"outside the guest");
	unit_eq(pn_apicv_write(cpu(), PN_APIC_TPR, 0, &exit), PN_APICV_PASS, "outside the guest");
}

/* Parts of a register, more than one, and ways to access it that always exit. */
static void parts(void)
{
	static const struct {
		enum pn_apicv_how how;
		uint32_t rd, wr;
	} ways[] = {{PN_APICV_FETCH, 2, 2}, {PN_APICV_PHYS, 15, 15}, {PN_APICV_PHYS_EVENT, 10, 10}};
	struct pn_apicv_exit exit = {0};
	uint32_t value = 0;

	enter(PN_PROC2_APIC_ACCESSES, REGS | VID | IPIV, "parts of a register");
	page()[PN_APIC_TDCR / 4] = 0xA1B2C3D4;
	for (uint32_t at = 0; at < 16; at++) {
		for (uint32_t len = 0; len <= 5; len++) {
			const uint32_t off = PN_APIC_TDCR + at;
			enum pn_apicv_access got;

			value = 0;
			got = pn_apicv_page_read(cpu(), off, len, PN_APICV_INSN, &value, &exit);
			if (!len || at + len > 4) {
				faults(got, &exit, 0, off);
				got = pn_apicv_page_write(cpu(), off, len, PN_APICV_INSN, &value,
							  &exit);
				faults(got, &exit, 1, off);
				continue;
			}
			rig_want(got == PN_APICV_DONE && value == (0xA1B2C3D4ull >> at * 8 &
								   ((1ull << len * 8) - 1)),
				 "P7", "a load of a part");
			got = pn_apicv_page_write(cpu(), off, len, PN_APICV_INSN, &value, &exit);
			unit_eq(got, PN_APICV_DONE, "a store of a part");
			unit_eq(pn_apicv_page_emulate(cpu(), &exit), PN_APICV_TRAP,
				"a store of a part");
			unit_eq(exit.qualification, off, "a store of a part");
			unit_eq(page()[PN_APIC_TDCR / 4], 0xA1B2C3D4, "a store of a part");
		}
	}
	for (unsigned i = 0; i < COUNT(ways); i++) {
		faults(pn_apicv_page_read(cpu(), PN_APIC_TPR, 4, ways[i].how, &value, &exit), &exit,
		       ways[i].rd, PN_APIC_TPR);
		faults(pn_apicv_page_write(cpu(), PN_APIC_TPR, 4, ways[i].how, &value, &exit),
		       &exit, ways[i].wr, PN_APIC_TPR);
	}
	faults(pn_apicv_page_read(cpu(), PN_APIC_PPR, 4, PN_APICV_EVENT, &value, &exit), &exit, 3,
	       PN_APIC_PPR);
	unit_eq(pn_apicv_page_read(cpu(), PN_APIC_TPR, 4, PN_APICV_EVENT, &value, &exit),
		PN_APICV_DONE, "a load by an event");
	unit_eq(pn_apicv_page_write(cpu(), PN_APIC_TPR, 4, PN_APICV_EVENT, &value, &exit),
		PN_APICV_DONE, "a store by an event");
	pn_apicv_page_emulate(cpu(), &exit);
	/* Offsets within a register that is emulated by its number only. */
	value = 0x5A;
	pn_apicv_page_write(cpu(), PN_APIC_ICRH + 3, 1, PN_APICV_INSN, &value, &exit);
	unit_eq(pn_apicv_page_emulate(cpu(), &exit), PN_APICV_DONE, "a byte of ICR's upper half");
	unit_eq(page()[PN_APIC_ICRH / 4], 0x5A000000, "a byte of ICR's upper half");
	pn_apicv_page_write(cpu(), PN_APIC_TPR + 1, 1, PN_APICV_INSN, &value, &exit);
	unit_eq(pn_apicv_page_emulate(cpu(), &exit), PN_APICV_TRAP,
		"a byte of TPR that is reserved");
	leave();
}

/* A second access of the same instruction. */
static void twice(void)
{
	struct pn_apicv_exit exit = {0};
	uint32_t value = 7;

	enter(PN_PROC2_APIC_ACCESSES, REGS | VID, "two accesses of an instruction");
	pn_apicv_page_write(cpu(), PN_APIC_TDCR, 4, PN_APICV_INSN, &value, &exit);
	faults(pn_apicv_page_read(cpu(), PN_APIC_TDCR, 4, PN_APICV_INSN, &value, &exit), &exit, 0,
	       PN_APIC_TDCR);
	faults(pn_apicv_page_write(cpu(), PN_APIC_TMICT, 4, PN_APICV_INSN, &value, &exit), &exit, 1,
	       PN_APIC_TMICT);
	faults(pn_apicv_page_write(cpu(), PN_APIC_TDCR, 2, PN_APICV_INSN, &value, &exit), &exit, 1,
	       PN_APIC_TDCR);
	unit_eq(pn_apicv_page_write(cpu(), PN_APIC_TDCR, 4, PN_APICV_INSN, &value, &exit),
		PN_APICV_DONE, "a store of the same bytes");
	leave();
	unit_eq(pn_apicv_page_emulate(cpu(), &exit), PN_APICV_DONE,
		"an emulation outside the guest");
	enter(PN_PROC2_APIC_ACCESSES, REGS | VID, "an entry after a store");
	unit_eq(pn_apicv_page_emulate(cpu(), &exit), PN_APICV_DONE, "an emulation after an exit");
	leave();
}

/* ---- MSRs, CR8 ---- */

#define PASS PN_APICV_PASS
#define GP   PN_APICV_GP
#define EVAL PN_APICV_EVALUATE
#define TRAP PN_APICV_TRAP

static const struct {
	uint32_t msr;
	uint32_t set;
	uint64_t value;
	enum pn_apicv_access want;
	uint32_t reason, off; /* of an exit */
} writes[] = {
	{0x808, TPR_ONLY, 0xFF, PN_APICV_DONE, 0, 0},
	{0x808, VID, 0xFF, EVAL, 0, 0},
	{0x808, VID, 0x100, GP, 0, 0},
	{0x808, VID, 1ull << 63, GP, 0, 0},
	{0x80B, VID, 0, EVAL, 0, 0},
	{0x80B, VID, 1ull << 63, GP, 0, 0},
	{0x80B, REGS, 0, PASS, 0, 0},
	{0x80B, REGS, 1, PASS, 0, 0},
	{0x83F, VID, 0x41, EVAL, 0, 0},
	{0x83F, VID, 0x10, EVAL, 0, 0},
	{0x83F, VID, 0x0F, TRAP, PN_VMX_EXIT_APIC_WRITE, PN_APIC_SELF_IPI},
	{0x83F, VID, 0x141, GP, 0, 0},
	{0x83F, REGS, 0x41, PASS, 0, 0},
	{0x830, VID | REGS, 0x41, PASS, 0, 0},
	{0x830, VID | REGS, 1u << 20, PASS, 0, 0},
	{0x830, VID | IPIV, 1u << 13, GP, 0, 0},
	{0x830, VID | IPIV, 1u << 16, GP, 0, 0},
	{0x830, VID | IPIV, 1u << 20, GP, 0, 0},
	{0x830, VID | IPIV, 1u << 31, GP, 0, 0},
	{0x830, VID | IPIV, 1ull << 32 | PN_ICR_LOGICAL | 0x41, TRAP, 56, 0x300},
	{0x830, VID | IPIV, 1ull << 32 | PN_ICR_LEVEL | 0x41, TRAP, 56, 0x300},
	{0x830, VID | IPIV, 1ull << 32 | PN_ICR_BUSY | 0x41, TRAP, 56, 0x300},
	{0x830, VID | IPIV, 1ull << 32 | 1u << 8 | 0x41, TRAP, 56, 0x300},
	{0x830, VID | IPIV, 1ull << 32 | 1u << 10 | 0x41, TRAP, 56, 0x300},
	{0x830, VID | IPIV, 1ull << 32 | 1u << 18 | 0x41, TRAP, 56, 0x300},
	{0x830, VID | IPIV, 1ull << 32 | 2u << 18 | 0x41, TRAP, 56, 0x300},
	{0x830, VID | IPIV, 1ull << 32 | 0x0F, TRAP, 56, 0x300},
	{0x830, VID | IPIV, 2ull << 32 | 0x41, TRAP, 56, 0x300},
	{0x830, VID | IPIV, 1ull << 32 | PN_ICR_ASSERT | 0x41, PN_APICV_DONE, 0, 0},
	{0x830, VID | IPIV, 1ull << 32 | 0x10, PN_APICV_DONE, 0, 0},
	{0x802, VID | IPIV | REGS, 0, PASS, 0, 0},
	{0x80F, VID | IPIV | REGS, 0, PASS, 0, 0},
	{0x7FF, VID | IPIV | REGS, 0, PASS, 0, 0},
	{0x900, VID | IPIV | REGS, 0, PASS, 0, 0},
};

static void one_wrmsr(unsigned i)
{
	struct pn_apicv_exit exit = {0};
	const uint32_t off = (writes[i].msr & 0xFF) * 16;
	const bool kept = writes[i].want != PASS && writes[i].want != GP;
	const char *what =
		rig_text("WRMSR %x of %llx", writes[i].msr, (unsigned long long)writes[i].value);

	enter(PN_PROC2_X2APIC, writes[i].set, what);
	unit_eq(pn_apicv_wrmsr(cpu(), writes[i].msr, writes[i].value, &exit), writes[i].want, what);
	unit_eq(exit.reason, writes[i].reason, what);
	unit_eq(exit.qualification, writes[i].off, what);
	if (writes[i].msr >= 0x800 && writes[i].msr < 0x900) {
		unit_eq(page()[off / 4], kept ? (uint32_t)writes[i].value : 0, what);
		unit_eq(page()[off / 4 + 1], kept ? (uint32_t)(writes[i].value >> 32) : 0, what);
	}
	leave();
	unit_eq(pn_apicv_wrmsr(cpu(), writes[i].msr, writes[i].value, &exit), PASS,
		"outside the guest");
}

static void reads(uint32_t set)
{
	struct pn_apicv_exit exit = {0};

	enter(PN_PROC2_X2APIC, set, "RDMSR");
	for (uint32_t msr = 0x7FE; msr < 0x902; msr++) {
		bool there = msr >= 0x800 && msr < 0x900 && (set & REGS || msr == 0x808);
		uint32_t at = (msr & 0xFF) * 4;
		uint64_t value = 0;

		page()[at] = msr;
		page()[at + 1] = ~msr;
		rig_want(pn_apicv_rdmsr(cpu(), msr, &value, &exit) ==
				 (there ? PN_APICV_DONE : PASS),
			 "P7", rig_text("RDMSR %x", msr));
		unit_eq(value, there ? (uint64_t)~msr << 32 | msr : 0, rig_text("RDMSR %x", msr));
		page()[at] = page()[at + 1] = 0;
	}
	leave();
}

static void cr8(void)
{
	struct pn_apicv_exit exit = {0};
	struct pn_vmcs_apic none = {.pin = PN_PIN_EXT_INT_EXIT};
	uint8_t value = 0;

	enter(PN_PROC2_APIC_ACCESSES, TPR_ONLY, "CR8 with a threshold");
	leave();
	now.tpr_threshold = 5;
	page()[PN_APIC_TPR / 4] = 0x50;
	rig_want(!pn_apicv_vmentry(cpu(), &now, &exit), "P7", "an entry at the threshold");
	unit_eq(pn_apicv_write_cr8(cpu(), 5, &exit), PN_APICV_DONE, "CR8 at the threshold");
	unit_eq(pn_apicv_write_cr8(cpu(), 4, &exit), TRAP, "CR8 below the threshold");
	rig_want(exit.reason == PN_VMX_EXIT_TPR && !exit.qualification, "P7", "exit by CR8");
	unit_eq(page()[PN_APIC_TPR / 4], 0x40, "TPR by CR8");
	unit_eq(pn_apicv_write(cpu(), PN_APIC_TPR, 0x4F, &exit), TRAP, "TPR below the threshold");
	unit_eq(pn_apicv_write(cpu(), PN_APIC_TPR, 0xF0, &exit), PN_APICV_DONE, "TPR above");
	unit_eq(pn_apicv_read_cr8(cpu(), &value), PN_APICV_DONE, "CR8");
	unit_eq(value, 15, "CR8");
	leave();
	unit_eq(pn_apicv_read_cr8(cpu(), &value), PASS, "CR8 outside the guest");
	unit_eq(pn_apicv_write_cr8(cpu(), 1, &exit), PASS, "CR8 outside the guest");
	rig_want(!pn_apicv_vmentry(cpu(), &none, &exit), "P7", "an entry without controls");
	unit_eq(pn_apicv_read_cr8(cpu(), &value), PASS, "CR8 without a TPR shadow");
	unit_eq(pn_apicv_write_cr8(cpu(), 1, &exit), PASS, "CR8 without a TPR shadow");
	pn_apicv_vmexit(cpu(), &none);
}

static void page_operations(void)
{
	static const uint32_t sets[] = {TPR_ONLY, REGS, VID, REGS | VID, IPIV, REGS | VID | IPIV};

	for (unsigned i = 0; i < COUNT(sets); i++)
		offsets(sets[i], "the APIC-access page");
	parts();
	twice();
}

static void runs(void *arg)
{
	(void)arg;
	page_operations();
	for (unsigned i = 0; i < COUNT(writes); i++)
		one_wrmsr(i);
	for (uint32_t set = 0; set < 4; set++)
		reads((set & 1 ? REGS : 0) | (set & 2 ? VID : 0));
	cr8();
	intel_processor_posts(cpu(), &now);
}

void intel_processor(bool broken)
{
	struct pn_apicv_features feat;

	rig_intel_build(&(struct rig_intel_conf){.vcpus = 2, .ipiv = true});
	rig->no_rest_check = true;
	intel->bus.intr = intel_hears;
	pn_apicv_features_default(&feat);
	/* A host that is in xAPIC mode, and a processor that reads NDST as an x2APIC's. */
	pn_apicv_init(cpu(), &intel->bus, rig->cpu[0].agent, &feat, true);
	if (!broken)
		pn_apicv_set_host_x2apic(cpu(), false);
	px_thread("CPU 0", 0, runs, NULL);
}
