/* SPDX-License-Identifier: MIT */
/*
 * Guest accesses to the APIC-access page, the x2APIC MSRs and CR8: spec sections 3.1 to 3.3 and SDM
 * vol 3, 30.3 to 30.5; and a fuzz of them all.
 */
#include "apicv_rig.h"

enum {
	AA = PN_PROC2_APIC_ACCESSES,
	X2 = PN_PROC2_X2APIC,
	AR = PN_PROC2_APIC_REGS,
	VID = PN_PROC2_VID,
};

/* By which controls an offset of the access page is virtualized. */
enum by {
	NEVER = 0,
	TPR = 1, /* TPR shadow alone */
	BY_VID = 2,
	BY_REGS = 4,
	BY_IPIV = 8,
};

static const struct access_row {
	const char *row;
	uint32_t first, last;
	uint8_t read, write; /* enum by */
} access_rows[] = {
	{"30.4 000", 0x000, 0x010, NEVER, NEVER},
	{"30.4 ID", 0x020, 0x020, BY_REGS, BY_REGS},
	{"30.4 version", 0x030, 0x030, BY_REGS, NEVER},
	{"30.4 040", 0x040, 0x070, NEVER, NEVER},
	{"30.4 TPR", 0x080, 0x080, TPR, TPR},
	{"30.4 APR", 0x090, 0x090, NEVER, NEVER},
	{"30.4 PPR", 0x0A0, 0x0A0, NEVER, NEVER},
	{"30.4 EOI", 0x0B0, 0x0B0, BY_VID | BY_REGS, BY_VID | BY_REGS},
	{"30.4 RRR", 0x0C0, 0x0C0, NEVER, NEVER},
	{"30.4 LDR", 0x0D0, 0x0D0, BY_REGS, BY_REGS},
	{"30.4 DFR", 0x0E0, 0x0E0, BY_REGS, BY_REGS},
	{"30.4 SVR", 0x0F0, 0x0F0, BY_REGS, BY_REGS},
	{"30.4 ISR, TMR, IRR", 0x100, 0x270, BY_REGS, NEVER},
	{"30.4 ESR", 0x280, 0x280, BY_REGS, BY_REGS},
	{"30.4 290", 0x290, 0x2E0, NEVER, NEVER},
	{"30.4 LVT CMCI", 0x2F0, 0x2F0, NEVER, NEVER},
	{"30.4 ICR low", 0x300, 0x300, BY_VID | BY_REGS, BY_VID | BY_REGS | BY_IPIV},
	{"30.4 ICR high", 0x310, 0x310, BY_REGS, BY_REGS},
	{"30.4 LVTs", 0x320, 0x370, BY_REGS, BY_REGS},
	{"30.4 initial count", 0x380, 0x380, BY_REGS, BY_REGS},
	{"30.4 current count", 0x390, 0x390, NEVER, NEVER},
	{"30.4 3A0", 0x3A0, 0x3D0, NEVER, NEVER},
	{"30.4 divide", 0x3E0, 0x3E0, BY_REGS, BY_REGS},
	{"30.4 self-IPI is no xAPIC register", 0x3F0, 0x3F0, NEVER, NEVER},
	{"30.4 400 and above", 0x400, 0xFF0, NEVER, NEVER},
};

/* The controls of @by, a mask of enum by. */
static void controls(struct rig *r, unsigned by)
{
	rig_init(r, false);
	r->vmcs.pin = PN_PIN_EXT_INT_EXIT;
	r->vmcs.proc = PN_PROC_SECONDARY | PN_PROC_TERTIARY | (by & TPR ? PN_PROC_TPR_SHADOW : 0);
	r->vmcs.proc2 = AA | (by & BY_VID ? VID : 0) | (by & BY_REGS ? AR : 0);
	r->vmcs.proc3 = by & BY_IPIV ? PN_PROC3_IPI_VIRT : 0;
}

static void check_read(struct rig *r, const char *row, uint32_t off, bool virt)
{
	uint32_t value = 0x1234;

	rig_page()[off / 4] = 0xC0DE0000u | off;
	ROW_EQ(row, pn_apicv_read(&r->cpu, off, &value, &r->exit),
	       virt ? PN_APICV_DONE : PN_APICV_FAULT);
	ROW_EQ(row, value, virt ? 0xC0DE0000u | off : 0x1234);
	rig_exit_is(r, row, virt ? 0 : 44, virt ? 0 : off);
	memset(&r->exit, 0, sizeof(r->exit));
}

/* The value is one that makes the ICR exit: 9:8 not fixed. */
static void check_write(struct rig *r, const char *row, uint32_t off, bool virt, bool vid)
{
	const uint32_t value = 0xA1B2C3A5;
	enum pn_apicv_access want = PN_APICV_TRAP;
	uint32_t lands = value;
	bool exits = true;

	rig_page()[off / 4] = 0x01020304;
	if (off == PN_APIC_TPR) {
		want = vid ? PN_APICV_EVALUATE : PN_APICV_DONE;
		lands = 0xA5;
		exits = false;
	} else if (off == PN_APIC_EOI && vid) {
		want = PN_APICV_EVALUATE;
		lands = 0;
		exits = false;
	} else if (off == PN_APIC_ICRH) {
		want = PN_APICV_DONE;
		lands = 0xA1000000;
		exits = false;
	}
	ROW_EQ(row, pn_apicv_write(&r->cpu, off, value, &r->exit), virt ? want : PN_APICV_FAULT);
	ROW_EQ(row, rig_reg(off), virt ? lands : 0x01020304);
	if (!virt)
		rig_exit_is(r, row, 44, 0x1000 | off);
	else
		rig_exit_is(r, row, exits ? 56 : 0, exits ? off : 0);
	ROW_EQ(row, r->agent.step[PN_STEP_ICR_WRITE_MMIO].count, off == PN_APIC_ICRL);
}

/* Every offset under every combination of the four controls that a VM entry accepts. */
static void access_page(void **state)
{
	(void)state;
	for (unsigned by = 0; by < 16; by++) {
		if (!(by & TPR) && by & (BY_VID | BY_REGS))
			continue;
		for (size_t i = 0; i < COUNT(access_rows); i++) {
			const struct access_row *w = &access_rows[i];

			for (uint32_t off = w->first; off <= w->last; off += 16) {
				struct rig r;

				controls(&r, by);
				rig_run(&r);
				check_read(&r, w->row, off, by & TPR && by & w->read);
				check_write(&r, w->row, off, by & TPR && by & w->write,
					    by & BY_VID);
			}
		}
	}
}

static void access_complete(void **state)
{
	(void)state;
	for (uint32_t off = 0; off < 4096; off += 16) {
		unsigned n = 0;

		for (size_t i = 0; i < COUNT(access_rows); i++)
			n += off >= access_rows[i].first && off <= access_rows[i].last;
		assert_int_equal(n, 1);
	}
}

/* 30.4: 32 bits must be the low four bytes of a register; the page ends at 4096. */
static void access_alignment(void **state)
{
	uint32_t value;
	struct rig r;

	(void)state;
	rig_init(&r, false);
	rig_run(&r);
	for (uint32_t off = 0; off < 4096; off++) {
		if (!(off & 15))
			continue;
		ROW_EQ("30.4.2 alignment", pn_apicv_read(&r.cpu, off, &value, &r.exit),
		       PN_APICV_FAULT);
		rig_exit_is(&r, "30.4.2 alignment", 44, off);
		ROW_EQ("30.4.3 alignment", pn_apicv_write(&r.cpu, off, 0, &r.exit), PN_APICV_FAULT);
		rig_exit_is(&r, "30.4.3 alignment", 44, 0x1000 | off);
	}
	memset(&r.exit, 0, sizeof(r.exit));
	assert_int_equal(pn_apicv_read(&r.cpu, 4096, &value, &r.exit), PN_APICV_PASS);
	assert_int_equal(pn_apicv_write(&r.cpu, 0xFFFFFFF0, 0, &r.exit), PN_APICV_PASS);
	/* x2APIC mode has no access page, xAPIC mode no MSRs, the host neither. */
	rig_init(&r, true);
	rig_run(&r);
	assert_int_equal(pn_apicv_read(&r.cpu, 0x80, &value, &r.exit), PN_APICV_PASS);
	assert_int_equal(pn_apicv_write(&r.cpu, 0x300, 0, &r.exit), PN_APICV_PASS);
	assert_int_equal(r.agent.step[PN_STEP_ICR_WRITE_MMIO].count, 0);
	pn_apicv_vmexit(&r.cpu, &r.vmcs);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x808, 0, &r.exit), PN_APICV_PASS);
	rig_init(&r, false);
	rig_run(&r);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x808, 0, &r.exit), PN_APICV_PASS);
	pn_apicv_vmexit(&r.cpu, &r.vmcs);
	assert_int_equal(pn_apicv_read(&r.cpu, 0x80, &value, &r.exit), PN_APICV_PASS);
	assert_int_equal(r.exit.reason, 0);
}

/* 30.5 RDMSR: the TPR always, everything with register virtualization; eight bytes. */
static void rdmsr(void **state)
{
	(void)state;
	for (int regs = 0; regs < 2; regs++) {
		struct rig r;

		rig_init(&r, true);
		if (!regs)
			r.vmcs.proc2 &= ~(uint32_t)AR;
		rig_run(&r);
		for (uint32_t i = 0; i < 1024; i++)
			rig_page()[i] = 0xFACE0000u | i;
		for (uint32_t msr = 0x700; msr < 0xA00; msr++) {
			bool virt = msr >= 0x800 && msr <= 0x8FF && (regs || msr == 0x808);
			uint32_t dword = (msr & 0xFF) * 4;
			uint64_t value = 1;

			ROW_EQ("30.5 RDMSR", pn_apicv_rdmsr(&r.cpu, msr, &value, &r.exit),
			       virt ? PN_APICV_DONE : PN_APICV_PASS);
			ROW_EQ("30.5 RDMSR", value,
			       virt ? (0xFACE0001ull | dword) << 32 | 0xFACE0000u | dword : 1);
		}
		ROW_EQ("30.5 RDMSR", r.exit.reason, 0);
	}
}

/* 30.5 WRMSR: which are special under which controls, their reserved bits, what lands. */
static const struct msr_row {
	const char *row;
	uint32_t proc2;
	bool ipiv;
	uint32_t msr;
	uint64_t value;
	enum pn_apicv_access want;
	uint32_t reason, qualification;
} msr_rows[] = {
	/* clang-format off */
	{"30.5 TPR", X2, false, 0x808, 0xFF, PN_APICV_DONE, 0, 0},
	{"30.5 TPR, VID", X2 | VID, false, 0x808, 0x20, PN_APICV_EVALUATE, 0, 0},
	{"30.5 TPR bit 8", X2 | VID, false, 0x808, 0x120, PN_APICV_GP, 0, 0},
	{"30.5 TPR bit 31", X2, false, 0x808, 1ull << 31, PN_APICV_GP, 0, 0},
	{"30.5 TPR bit 32", X2 | VID, false, 0x808, 1ull << 32, PN_APICV_GP, 0, 0},
	{"30.5 EOI", X2 | VID, false, 0x80B, 0, PN_APICV_EVALUATE, 0, 0},
	{"30.5 EOI 1", X2 | VID, false, 0x80B, 1, PN_APICV_GP, 0, 0},
	{"30.5 EOI bit 63", X2 | VID, false, 0x80B, 1ull << 63, PN_APICV_GP, 0, 0},
	{"30.5 EOI without VID", X2 | AR, true, 0x80B, 1, PN_APICV_PASS, 0, 0},
	{"30.5 self-IPI", X2 | VID, false, 0x83F, 0x10, PN_APICV_EVALUATE, 0, 0},
	{"30.5 self-IPI 15", X2 | VID, false, 0x83F, 0x0F, PN_APICV_TRAP, 56, 0x3F0},
	{"30.5 self-IPI 0", X2 | VID, false, 0x83F, 0, PN_APICV_TRAP, 56, 0x3F0},
	{"30.5 self-IPI bit 8", X2 | VID, false, 0x83F, 0x141, PN_APICV_GP, 0, 0},
	{"30.5 self-IPI bit 32", X2 | VID, false, 0x83F, 1ull << 32, PN_APICV_GP, 0, 0},
	{"30.5 self-IPI without VID", X2 | AR, true, 0x83F, 0x141, PN_APICV_PASS, 0, 0},
	{"30.5 ICR", X2 | AR, true, 0x830, 0x41, PN_APICV_DONE, 0, 0},
	{"30.5 ICR without IPI virtualization", X2 | AR | VID, false, 0x830, 0x2041, PN_APICV_PASS, 0, 0},
	{"30.5 SVR", X2 | AR | VID, true, 0x80F, 0x1FF, PN_APICV_PASS, 0, 0},
	{"30.5 LVT timer", X2 | AR | VID, true, 0x832, 0x10000, PN_APICV_PASS, 0, 0},
	{"30.5 ICR high is none", X2 | AR | VID, true, 0x831, 0, PN_APICV_PASS, 0, 0},
	{"30.5 ISR", X2 | AR | VID, true, 0x810, 1, PN_APICV_PASS, 0, 0},
	{"30.5 7FF", X2 | AR | VID, true, 0x7FF, 0, PN_APICV_PASS, 0, 0},
	{"30.5 908, not 808", X2 | AR | VID, true, 0x908, 0, PN_APICV_PASS, 0, 0},
	{"30.5 C0000808, not 808", X2 | AR | VID, true, 0xC0000808, 0, PN_APICV_PASS, 0, 0},
	/* clang-format on */
};

static void wrmsr(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(msr_rows); i++) {
		const struct msr_row *w = &msr_rows[i];
		bool lands = w->want != PN_APICV_GP && w->want != PN_APICV_PASS;
		uint32_t dword = (w->msr & 0xFF) * 4;
		struct rig r;

		rig_init(&r, true);
		r.vmcs.pin = PN_PIN_EXT_INT_EXIT;
		r.vmcs.proc2 = w->proc2;
		r.vmcs.proc3 = w->ipiv ? PN_PROC3_IPI_VIRT : 0;
		rig_run(&r);
		rig_page()[dword] = 0x11111111;
		rig_page()[dword + 1] = 0x22222222;
		ROW_EQ(w->row, pn_apicv_wrmsr(&r.cpu, w->msr, w->value, &r.exit), w->want);
		rig_exit_is(&r, w->row, w->reason, w->qualification);
		ROW_EQ(w->row, rig_page()[dword], lands ? (uint32_t)w->value : 0x11111111);
		ROW_EQ(w->row, rig_page()[dword + 1], lands ? w->value >> 32 : 0x22222222);
		ROW_EQ(w->row, r.agent.step[PN_STEP_ICR_WRITE].count,
		       w->msr == 0x830 && w->want != PN_APICV_GP);
		ROW_EQ(w->row, rig_test(PN_APIC_IRR, 0x10), w->value == 0x10);
	}
}

/* 30.3: MOV to CR8. */
static void cr8(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, false);
	rig_page()[PN_APIC_TPR / 4] = 0xFFFFFFFF;
	rig_run(&r);
	assert_int_equal(pn_apicv_write_cr8(&r.cpu, 0x9, &r.exit), PN_APICV_EVALUATE);
	assert_int_equal(rig_reg(PN_APIC_TPR), 0x90);
	assert_int_equal(rig_reg(PN_APIC_PPR), 0x90);
	assert_int_equal(pn_apicv_write_cr8(&r.cpu, 0x10, &r.exit), PN_APICV_GP);
	assert_int_equal(rig_reg(PN_APIC_TPR), 0x90);
	r.vmcs.pin = 0;
	r.vmcs.proc = 0;
	rig_run(&r);
	assert_int_equal(pn_apicv_write_cr8(&r.cpu, 0x3, &r.exit), PN_APICV_PASS);
	assert_int_equal(rig_reg(PN_APIC_TPR), 0x90);
}

/* ---- fuzz ---- */

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Sometimes garbage in the table and in the descriptors. */
static void fuzz_tables(uint64_t *seed)
{
	uint32_t id = (uint32_t)next(seed) & 31;
	uint64_t rnd = next(seed);

	switch (rnd & 7) {
	case 0:
		*rig_entry(id) = next(seed);
		break;
	case 1:
		*rig_entry(id) = (RIG_BASE + (rnd >> 20 & 0x3FFC0)) | PN_PIDPTR_VALID;
		/* Not onto the page: its owner is checked below. */
		if ((*rig_entry(id) & ~0xFFFull) == RIG_PAGE)
			*rig_entry(id) = 0;
		break;
	case 2:
		rig_pid(id)->control = next(seed);
		break;
	default:
		*rig_entry(id) = rig_pid_pa(id) | PN_PIDPTR_VALID;
	}
}

static uint64_t icr_like(uint64_t rnd)
{
	return rnd & 1 ? rnd : rnd & 0x0000001F000CC9FFull;
}

static enum pn_apicv_access fuzz_msr(struct rig *r, uint64_t rnd, uint64_t value)
{
	static const uint32_t busy[] = {0x808, 0x80B, 0x830, 0x83F};
	uint32_t msr = busy[rnd >> 8 & 3];

	if (!(rnd & 0xF0))
		msr = 0x7F0 + (uint32_t)(rnd >> 16 & 0x1FF);
	if (rnd & 0x1000)
		return pn_apicv_rdmsr(&r->cpu, msr, &value, &r->exit);
	switch (msr) {
	case 0x80B:
		value &= rnd & 0x2000 ? 0 : ~0ull;
		break;
	case 0x830:
		value = icr_like(value);
		break;
	default:
		value &= rnd & 0xE000 ? 0xFF : ~0ull;
	}
	return pn_apicv_wrmsr(&r->cpu, msr, value, &r->exit);
}

static enum pn_apicv_access fuzz_page(struct rig *r, uint64_t rnd, uint64_t value)
{
	static const uint32_t busy[] = {0x80, 0xB0, 0x300, 0x310};
	uint32_t off = busy[rnd >> 8 & 3], got;

	if (!(rnd & 0x30))
		off = (uint32_t)(rnd >> 16) & (rnd & 0xC0 ? 0xFF0 : 0x1FFF);
	if (rnd & 0x1000)
		return pn_apicv_read(&r->cpu, off, &got, &r->exit);
	if (off == 0x300)
		value = icr_like(value);
	if (off == 0x310)
		value = value << 24;
	return pn_apicv_write(&r->cpu, off, (uint32_t)value, &r->exit);
}

static enum pn_apicv_access fuzz_step(struct rig *r, uint64_t *seed, bool x2)
{
	uint64_t rnd = next(seed), value = next(seed);
	int vector;

	switch (rnd & 7) {
	case 0:
		rig_post(RIG_SELF, (uint8_t)value);
		return PN_APICV_PASS;
	case 1:
		pn_lapic_accept(&r->lapic, rnd & 0x700 ? RIG_NV : (uint8_t)value);
		if (pn_apicv_intr(&r->cpu, &r->lapic, &vector) != PN_INTR_EXIT)
			return PN_APICV_PASS;
		while (pn_lapic_eoi(&r->lapic) >= 0)
			;
		return PN_APICV_TRAP;
	case 2:
		return pn_apicv_write_cr8(&r->cpu, (uint8_t)(value & 0x1F), &r->exit);
	case 3:
		pn_apicv_deliver(&r->cpu);
		return PN_APICV_PASS;
	default:
		return x2 ? fuzz_msr(r, rnd >> 3, value) : fuzz_page(r, rnd >> 3, value);
	}
}

static int or0(int vector)
{
	return vector < 0 ? 0 : vector;
}

/*
 * Invariants after every step while no other agent writes the page; all of them hold only with VID.
 */
static void invariants(const struct rig *r)
{
	uint32_t vtpr = rig_reg(PN_APIC_TPR), vppr = rig_reg(PN_APIC_PPR);
	uint8_t svi = r->cpu.svi, rvi = r->cpu.rvi;
	bool higher = rvi >> 4 > (int)(vppr >> 4);

	assert_int_equal(vtpr >> 8, 0);
	assert_int_equal(rig_reg(PN_APIC_ICRH) & 0xFFFFFF, 0);
	if (!(r->cpu.vmcs.proc2 & VID)) {
		assert_int_equal(pn_apicv_pending(&r->cpu, true), -1);
		assert_true(pn_vapic_empty(rig_page(), PN_APIC_ISR));
		return;
	}
	assert_int_equal(svi, or0(pn_vapic_highest(rig_page(), PN_APIC_ISR)));
	assert_int_equal(rvi, or0(pn_vapic_highest(rig_page(), PN_APIC_IRR)));
	assert_int_equal(vppr, vtpr >> 4 >= (uint32_t)svi >> 4 ? vtpr : svi & 0xF0u);
	assert_int_equal(pn_apicv_pending(&r->cpu, true),
			 higher && !(r->cpu.vmcs.proc & PN_PROC_INTR_WINDOW) ? rvi : -1);
}

static bool fuzz_world(struct rig *r, uint64_t *seed, bool *x2)
{
	uint64_t rnd = next(seed);

	*x2 = rnd & 1;
	rig_init(r, *x2);
	r->host_x2 = rnd & 2;
	r->feat.pir_granule = rnd & 4 ? 32 : 64;
	if (!(rnd & 0x38))
		r->vmcs.proc2 &= ~(uint32_t)AR;
	if (!(rnd & 0x1C0)) {
		r->vmcs.proc2 &= ~(uint32_t)VID;
		r->vmcs.pin = PN_PIN_EXT_INT_EXIT;
		r->vmcs.tpr_threshold = rnd >> 20 & 7;
	}
	if (!(rnd & 0xE00))
		r->vmcs.proc3 = 0;
	if (!(rnd & 0x7000))
		r->vmcs.proc |= PN_PROC_INTR_WINDOW;
	for (int i = 0; i < 4; i++)
		r->vmcs.eoi_exit[i] = next(seed) & next(seed) & next(seed);
	if (!(rnd & 0x70000))
		r->vmcs.pid_table = rnd & 0x80000 ? RIG_HOLE : RIG_BASE + RIG_SIZE - 64;
	pn_apicv_init(&r->cpu, &r->bus, &r->agent, &r->feat, r->host_x2);
	return pn_apicv_vmentry(&r->cpu, &r->vmcs, &r->exit) >= 0;
}

/* The host after an exit: back in, with a TPR that the entry accepts. */
static void reenter(struct rig *r)
{
	pn_apicv_vmexit(&r->cpu, &r->vmcs);
	r->vmcs.proc &= ~PN_PROC_INTR_WINDOW;
	if (!(r->vmcs.proc2 & VID))
		rig_page()[PN_APIC_TPR / 4] = 0xF0;
	assert_int_equal(pn_apicv_vmentry(&r->cpu, &r->vmcs, &r->exit), 0);
}

static void fuzz(void **state)
{
	uint64_t seed = 0x123456789ABCDEFull, total[6] = {0}, delivered = 0, exits[64] = {0};
	struct rig r;
	bool x2 = false;

	(void)state;
	for (int n = 0; n < 300000; n++) {
		enum pn_apicv_access got;

		if (n % 300 == 0) {
			delivered += n ? r.agent.step[PN_STEP_GUEST_DELIVER].count : 0;
			if (!fuzz_world(&r, &seed, &x2)) {
				rig_page()[PN_APIC_TPR / 4] = 0xF0;
				assert_int_equal(pn_apicv_vmentry(&r.cpu, &r.vmcs, &r.exit), 0);
			} else if (r.exit.reason) {
				reenter(&r);
			}
		}
		fuzz_tables(&seed);
		memset(&r.exit, 0, sizeof(r.exit));
		got = fuzz_step(&r, &seed, x2);
		assert_true(got <= PN_APICV_PASS);
		total[got]++;
		assert_true(r.exit.reason < 64);
		exits[r.exit.reason]++;
		if (got == PN_APICV_TRAP || got == PN_APICV_FAULT)
			reenter(&r);
		else
			assert_int_equal(r.exit.reason, 0);
		invariants(&r);
	}
	for (int i = 0; i < 6; i++)
		assert_true(total[i] > 1000);
	assert_true(delivered > 5000);
	assert_true(exits[43] > 100 && exits[44] > 100 && exits[45] > 100 && exits[56] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access_page),
		cmocka_unit_test(access_complete),
		cmocka_unit_test(access_alignment),
		cmocka_unit_test(rdmsr),
		cmocka_unit_test(wrmsr),
		cmocka_unit_test(cr8),
		cmocka_unit_test(fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
