/* SPDX-License-Identifier: MIT */
/* The functions for an embedder that has a VMCS and a local APIC of its own. */
#include <errno.h>

#include "apicv_rig.h"

/* ---- the fields of a VMCS ---- */

struct vmcs {
	uint32_t pin, proc, proc2;
	uint64_t proc3;
	uint32_t asked[24];
	unsigned n;
};

static uint64_t vmread(void *ctx, uint32_t field)
{
	struct vmcs *v = ctx;

	v->asked[v->n++] = field;
	switch (field) {
	case 0x4000:
		return v->pin;
	case 0x4002:
		return v->proc;
	case 0x401E:
		return v->proc2;
	case 0x2034:
		return v->proc3;
	default:
		return field ^ 0xF0F0F0F0F0F0F0F0ull;
	}
}

static bool asked(const struct vmcs *v, uint32_t field)
{
	for (unsigned i = 0; i < v->n; i++) {
		if (v->asked[i] == field)
			return true;
	}
	return false;
}

/* Appendix B: what each control makes VM entry read, and nothing else. */
static void fields(void **state)
{
	static const struct {
		const char *row;
		uint32_t pin, proc, proc2;
		uint64_t proc3;
		uint32_t want[12];
	} rows[] = {
		/* clang-format off */
		{"B nothing", 0, 0, ~0u, ~0ull, {0}},
		{"B secondary", 0, 1u << 31, 0, ~0ull, {0x401E}},
		{"B tertiary", 0, 1u << 17, ~0u, 0, {0x2034}},
		{"B TPR shadow", 0, 1u << 21, ~0u, ~0ull, {0x2012, 0x401C}},
		{"B VID", 0, 1u << 31 | 1u << 21, 1u << 9, 0, {0x401E, 0x2012, 0x0810, 0x201C, 0x201E, 0x2020, 0x2022}},
		{"B APIC accesses", 0, 1u << 31, 1, 0, {0x401E, 0x2014}},
		{"B posted", 1u << 7, 0, 0, 0, {0x2016, 0x10002}},
		{"B IPIs", 0, 1u << 17, 0, 1u << 4, {0x2034, 0x0008, 0x2042}},
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct vmcs v = {rows[i].pin, rows[i].proc, rows[i].proc2, rows[i].proc3, {0}, 0};
		struct pn_vmcs_apic out;
		unsigned n = 0;

		memset(&out, 0xA5, sizeof(out));
		pn_vmcs_apic_read(&out, vmread, &v);
		for (; n < COUNT(rows[i].want) && rows[i].want[n]; n++)
			ROW_EQ(rows[i].row, asked(&v, rows[i].want[n] & 0xFFFF), true);
		ROW_EQ(rows[i].row, v.n, n + 3);
		ROW_EQ(rows[i].row, asked(&v, 0x400C), true);
		ROW_EQ(rows[i].row, out.exit_ctl, 0xF0F0F0F0u ^ 0x400C);
		ROW_EQ(rows[i].row, out.proc2, asked(&v, 0x401E) ? rows[i].proc2 : 0);
		ROW_EQ(rows[i].row, out.proc3, asked(&v, 0x2034) ? rows[i].proc3 : 0);
	}
}

/* Each field comes from its own encoding, at its own width. */
static void field_values(void **state)
{
	struct vmcs v = {~0u, ~0u, ~0u, ~0ull, {0}, 0};
	struct pn_vmcs_apic out;
	const uint64_t x = 0xF0F0F0F0F0F0F0F0ull;

	(void)state;
	pn_vmcs_apic_read(&out, vmread, &v);
	assert_int_equal(out.posted_nv, (uint16_t)(0x0002 ^ x));
	assert_int_equal(out.last_pid_index, (uint16_t)(0x0008 ^ x));
	assert_int_equal(out.intr_status, (uint16_t)(0x0810 ^ x));
	assert_true(out.virtual_apic == (0x2012 ^ x));
	assert_true(out.apic_access == (0x2014 ^ x));
	assert_true(out.pid == (0x2016 ^ x));
	assert_true(out.pid_table == (0x2042 ^ x));
	for (unsigned i = 0; i < 4; i++)
		assert_true(out.eoi_exit[i] == ((0x201Cull + i * 2) ^ x));
	assert_int_equal(out.tpr_threshold, 0);
	v = (struct vmcs){0, 1u << 21, 0, 0, {0}, 0};
	pn_vmcs_apic_read(&out, vmread, &v);
	assert_int_equal(out.tpr_threshold, (uint32_t)(0x401C ^ x));
}

/* ---- external interrupts from a local APIC of the embedder ---- */

struct apic {
	int vector; /* pending, or -1 */
	unsigned looks, acks, eois;
	uint64_t control, pir; /* of the descriptor, at the EOI */
};

static bool apic_pending(void *ctx)
{
	struct apic *p = ctx;

	p->looks++;
	return p->vector >= 0;
}

static int apic_ack(void *ctx)
{
	struct apic *p = ctx;

	p->acks++;
	return p->vector;
}

static void apic_eoi(void *ctx)
{
	struct apic *p = ctx;

	p->eois++;
	p->control = rig_pid(RIG_SELF)->control;
	p->pir = rig_pid(RIG_SELF)->pir[0x61 >> 6];
}

/* 3.4 steps 1 to 4: which callbacks are called, and the EOI between ON and the PIR. */
static void external(void **state)
{
	static const struct {
		const char *row;
		uint32_t pin, exit_ctl;
		bool guest;
		int pending;
		enum pn_apicv_intr want;
		int vector;
		unsigned looks, acks, eois;
	} rows[] = {
		{"3.4 notification", 0x81, 1u << 15, true, RIG_NV, PN_INTR_POSTED, -1, 0, 1, 1},
		{"3.4 other vector", 0x81, 1u << 15, true, 0xEC, PN_INTR_EXIT, 0xEC, 0, 1, 0},
		{"3.4 vector 0", 0x81, 1u << 15, true, 0, PN_INTR_EXIT, 0, 0, 1, 0},
		{"3.4 nothing", 0x81, 1u << 15, true, -1, PN_INTR_NONE, -1, 0, 1, 0},
		{"3.4 no PI", 0x01, 1u << 15, true, RIG_NV, PN_INTR_EXIT, RIG_NV, 0, 1, 0},
		{"3.4 no ack", 0x01, 0, true, RIG_NV, PN_INTR_EXIT, -1, 1, 0, 0},
		{"3.4 no ack, nothing", 0x01, 0, true, -1, PN_INTR_NONE, -1, 1, 0, 0},
		{"3.4 root mode", 0x81, 1u << 15, false, RIG_NV, PN_INTR_NONE, -1, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct apic apic = {.vector = rows[i].pending};
		struct pn_apicv_lapic lapic = {&apic, apic_pending, apic_ack, apic_eoi};
		int vector = 77;
		struct rig r;

		rig_init(&r, false);
		r.vmcs.pin = rows[i].pin;
		r.vmcs.exit_ctl = rows[i].exit_ctl;
		rig_run(&r);
		if (!rows[i].guest)
			pn_apicv_vmexit(&r.cpu, &r.vmcs);
		rig_post(RIG_SELF, 0x61);
		ROW_EQ(rows[i].row, pn_apicv_ext_intr(&r.cpu, &lapic, &vector), rows[i].want);
		ROW_EQ(rows[i].row, vector, rows[i].vector);
		ROW_EQ(rows[i].row, apic.looks, rows[i].looks);
		ROW_EQ(rows[i].row, apic.acks, rows[i].acks);
		ROW_EQ(rows[i].row, apic.eois, rows[i].eois);
		ROW_EQ(rows[i].row, apic.control & PN_PID_ON, 0);
		ROW_EQ(rows[i].row, apic.pir, apic.eois ? 1ull << (0x61 & 63) : 0);
		ROW_EQ(rows[i].row, pn_apicv_pending(&r.cpu, true), apic.eois ? 0x61 : -1);
	}
}

/* ---- accesses of any width ---- */

enum { REGS = 1 << 8, VID = 1 << 9, IPIV = 1 << 16 };

/* 30.4.2, 30.4.3.1: one register, at most four bytes, none of them outside. */
static void widths(void **state)
{
	static const struct {
		const char *row;
		uint32_t controls, off, len;
		enum pn_apicv_how how;
		bool read, write; /* virtualized? */
		uint32_t rq, wq;  /* qualification, if not */
	} rows[] = {
		/* clang-format off */
		{"TPR", 0, 0x80, 4, PN_APICV_INSN, true, true, 0, 0},
		{"TPR, 2 bytes", 0, 0x80, 2, PN_APICV_INSN, true, true, 0, 0},
		{"TPR, 1 byte", 0, 0x80, 1, PN_APICV_INSN, true, true, 0, 0},
		{"TPR, inside", 0, 0x81, 1, PN_APICV_INSN, false, false, 0x0081, 0x1081},
		{"TPR, inside, REGS", REGS, 0x81, 1, PN_APICV_INSN, true, true, 0, 0},
		{"TPR, end, REGS", REGS, 0x82, 2, PN_APICV_INSN, true, true, 0, 0},
		{"TPR, over, REGS", REGS, 0x82, 4, PN_APICV_INSN, false, false, 0x0082, 0x1082},
		{"TPR, 8 bytes", REGS, 0x80, 8, PN_APICV_INSN, false, false, 0x0080, 0x1080},
		{"TPR, 3 bytes", REGS, 0x80, 3, PN_APICV_INSN, true, true, 0, 0},
		{"gap", REGS, 0x84, 1, PN_APICV_INSN, false, false, 0x0084, 0x1084},
		{"before", REGS, 0x7E, 4, PN_APICV_INSN, false, false, 0x007E, 0x107E},
		{"EOI", VID, 0xB0, 4, PN_APICV_INSN, true, true, 0, 0},
		{"EOI, 1 byte", VID, 0xB0, 1, PN_APICV_INSN, true, true, 0, 0},
		{"EOI, inside", VID, 0xB2, 1, PN_APICV_INSN, false, false, 0x00B2, 0x10B2},
		{"EOI, none", 0, 0xB0, 4, PN_APICV_INSN, false, false, 0x00B0, 0x10B0},
		{"ICR, IPIs", IPIV, 0x300, 4, PN_APICV_INSN, false, true, 0x0300, 0},
		{"ISR word", REGS, 0x170, 4, PN_APICV_INSN, true, false, 0, 0x1170},
		{"ISR byte", REGS, 0x173, 1, PN_APICV_INSN, true, false, 0, 0x1173},
		{"page end", REGS, 0xFFC, 4, PN_APICV_INSN, false, false, 0x0FFC, 0x1FFC},
		{"page end, over", REGS, 0xFFE, 4, PN_APICV_INSN, false, false, 0x0FFE, 0x1FFE},
		{"512 bits", REGS, 0x80, 64, PN_APICV_INSN, false, false, 0x0080, 0x1080},
		{"event", REGS, 0x80, 4, PN_APICV_EVENT, true, true, 0, 0},
		{"event, gap", REGS, 0x88, 4, PN_APICV_EVENT, false, false, 0x3088, 0x3088},
		{"fetch", REGS, 0x80, 4, PN_APICV_FETCH, false, false, 0x2080, 0x2080},
		{"physical", REGS, 0x80, 4, PN_APICV_PHYS, false, false, 0xF000, 0xF000},
		{"physical, event", REGS, 0x80, 4, PN_APICV_PHYS_EVENT, false, false, 0xA000, 0xA000},
		/* clang-format on */
	};
	enum pn_apicv_access done;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t data[64];
		uint32_t off = rows[i].off, reg = off & ~15u;
		struct rig r;

		rig_init(&r, false);
		r.vmcs.proc2 = PN_PROC2_APIC_ACCESSES | (rows[i].controls & (REGS | VID));
		r.vmcs.proc3 = rows[i].controls & IPIV ? PN_PROC3_IPI_VIRT : 0;
		if (!(rows[i].controls & VID))
			r.vmcs.pin = PN_PIN_EXT_INT_EXIT;
		rig_run(&r);
		rig_page()[reg / 4] = 0x44332211;
		memset(data, 0xEE, sizeof(data));
		done = pn_apicv_page_read(&r.cpu, off, rows[i].len, rows[i].how, data, &r.exit);
		ROW_EQ(rows[i].row, done, rows[i].read ? PN_APICV_DONE : PN_APICV_FAULT);
		if (rows[i].read)
			ROW_EQ(rows[i].row,
			       memcmp(data, (uint8_t *)rig_page() + off, rows[i].len) ||
				       data[rows[i].len] != 0xEE,
			       0);
		else
			rig_exit_is(&r, rows[i].row, PN_VMX_EXIT_APIC_ACCESS, rows[i].rq);
		memset(data, 0x5A, sizeof(data));
		done = pn_apicv_page_write(&r.cpu, off, rows[i].len, rows[i].how, data, &r.exit);
		ROW_EQ(rows[i].row, done, rows[i].write ? PN_APICV_DONE : PN_APICV_FAULT);
		if (!rows[i].write)
			rig_exit_is(&r, rows[i].row, PN_VMX_EXIT_APIC_ACCESS, rows[i].wq);
		for (uint32_t b = 0; b < 4; b++) {
			bool in = rows[i].write && reg + b >= off && reg + b < off + rows[i].len;

			ROW_EQ(rows[i].row, rig_reg(reg) >> b * 8 & 0xFF,
			       in ? 0x5A : 0x11 * (b + 1));
		}
		ROW_EQ(rows[i].row, rig_reg(reg + 4), 0);
	}
}

/* 30.4.3.2: the rest follows the instruction, once, by the offset of the store. */
static void emulation(void **state)
{
	static const struct {
		const char *row;
		uint32_t off, len, before, value;
		enum pn_apicv_access want;
		uint32_t after;
		uint32_t reason, qualification;
	} rows[] = {
		{"TPR", 0x80, 4, 0, 0x12345678, PN_APICV_EVALUATE, 0x78, 0, 0},
		{"TPR, 1 byte", 0x80, 1, 0x5500, 0x20, PN_APICV_EVALUATE, 0x20, 0, 0},
		{"TPR, inside", 0x81, 1, 0x20, 0x77, PN_APICV_TRAP, 0x7720, 56, 0x81},
		{"EOI", 0xB0, 4, 0, 0x12345678, PN_APICV_EVALUATE, 0, 0, 0},
		{"EOI, inside", 0xB1, 1, 0, 0xFF, PN_APICV_TRAP, 0xFF00, 56, 0xB1},
		{"ICR high", 0x310, 4, 0, 0x12345678, PN_APICV_DONE, 0x12000000, 0, 0},
		{"ICR high, inside", 0x312, 2, 0x7777, 0x1234, PN_APICV_DONE, 0x12000000, 0, 0},
		{"ICR low: self", 0x300, 4, 0, 0x00040061, PN_APICV_EVALUATE, 0x40061, 0, 0},
		{"ICR low: byte", 0x300, 1, 0x40000, 0x61, PN_APICV_EVALUATE, 0x40061, 0, 0},
		{"ICR low: inside", 0x302, 1, 0x61, 0x04, PN_APICV_TRAP, 0x40061, 56, 0x302},
		{"SVR", 0xF0, 4, 0, 0x1FF, PN_APICV_TRAP, 0x1FF, 56, 0xF0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rig r;

		rig_init(&r, false);
		rig_run(&r);
		rig_page()[(rows[i].off & ~15u) / 4] = rows[i].before;
		ROW_EQ(rows[i].row,
		       pn_apicv_page_write(&r.cpu, rows[i].off, rows[i].len, PN_APICV_INSN,
					   &rows[i].value, &r.exit),
		       PN_APICV_DONE);
		ROW_EQ(rows[i].row, r.agent.step[PN_STEP_VID_EVAL].count, 0);
		ROW_EQ(rows[i].row, pn_apicv_page_emulate(&r.cpu, &r.exit), rows[i].want);
		ROW_EQ(rows[i].row, rig_reg(rows[i].off & ~15u), rows[i].after);
		if (rows[i].want == PN_APICV_TRAP)
			rig_exit_is(&r, rows[i].row, rows[i].reason, rows[i].qualification);
		ROW_EQ(rows[i].row, pn_apicv_page_emulate(&r.cpu, &r.exit), PN_APICV_DONE);
	}
}

/* 30.4.2, 30.4.3.1: one instruction makes two accesses. */
static void twice(void **state)
{
	static const struct {
		const char *row;
		bool write;
		uint32_t off, len;
		enum pn_apicv_access want;
	} rows[] = {
		{"same store", true, 0x80, 4, PN_APICV_DONE},
		{"other width", true, 0x80, 2, PN_APICV_FAULT},
		{"other offset", true, 0xB0, 4, PN_APICV_FAULT},
		{"load", false, 0x80, 4, PN_APICV_FAULT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint32_t value = 0x50, off = rows[i].off, len = rows[i].len;
		struct rig r;

		rig_init(&r, false);
		rig_run(&r);
		pn_apicv_page_write(&r.cpu, 0x80, 4, PN_APICV_INSN, &value, &r.exit);
		ROW_EQ(rows[i].row,
		       rows[i].write ? pn_apicv_page_write(&r.cpu, off, len, PN_APICV_INSN, &value,
							   &r.exit)
				     : pn_apicv_page_read(&r.cpu, off, len, PN_APICV_INSN, &value,
							  &r.exit),
		       rows[i].want);
		/* An exit forgets the store: nothing is emulated in the next guest. */
		pn_apicv_vmexit(&r.cpu, &r.vmcs);
		ROW_EQ(rows[i].row, pn_apicv_page_emulate(&r.cpu, &r.exit), PN_APICV_DONE);
		rig_run(&r);
		ROW_EQ(rows[i].row,
		       pn_apicv_page_read(&r.cpu, 0x80, 4, PN_APICV_INSN, &value, &r.exit),
		       PN_APICV_DONE);
	}
}

/* ---- VM entry in parts, and what an exit keeps ---- */

static void entry_check(void **state)
{
	static const struct {
		const char *row;
		uint32_t proc2;
		uint32_t threshold, vtpr;
		uint64_t page;
		int check, enter;
	} rows[] = {
		{"27.2.1.1 fine", 0, 2, 0x20, RIG_PAGE, 0, 0},
		{"27.2.1.1 below", 0, 3, 0x2F, RIG_PAGE, -EINVAL, -EINVAL},
		{"27.7.7 below, exits", PN_PROC2_APIC_ACCESSES, 3, 0x2F, RIG_PAGE, 0, 1},
		{"27.2.1.1 misaligned", 0, 0, 0, RIG_PAGE + 8, -EINVAL, -EINVAL},
		{"no memory", 0, 0, 0, RIG_HOLE, -EFAULT, -EFAULT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pn_apicv before;
		struct rig r;

		rig_init(&r, false);
		pn_apicv_init(&r.cpu, &r.bus, &r.agent, &r.feat, true);
		before = r.cpu;
		r.vmcs.pin = 0;
		r.vmcs.proc2 = rows[i].proc2;
		r.vmcs.tpr_threshold = rows[i].threshold;
		r.vmcs.virtual_apic = rows[i].page;
		rig_page()[PN_APIC_TPR / 4] = rows[i].vtpr;
		ROW_EQ(rows[i].row, (int64_t)pn_apicv_vmentry_check(&r.cpu, &r.vmcs),
		       (int64_t)rows[i].check);
		assert_memory_equal(&r.cpu, &before, sizeof(before));
		ROW_EQ(rows[i].row, r.agent.step[PN_STEP_VMRUN].count, 0);
		ROW_EQ(rows[i].row, (int64_t)pn_apicv_vmentry(&r.cpu, &r.vmcs, &r.exit),
		       (int64_t)rows[i].enter);
		ROW_EQ(rows[i].row, r.cpu.in_guest, rows[i].enter >= 0);
	}
}

/* The delivery remains valid if it exits on its way through the IDT. */
static void delivery_exits(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, false);
	rig_set(PN_APIC_IRR, 0x61);
	rig_set(PN_APIC_IRR, 0x42);
	r.vmcs.intr_status = 0x61;
	rig_run(&r);
	assert_int_equal(pn_apicv_deliver(&r.cpu), 0x61);
	pn_apicv_vmexit(&r.cpu, &r.vmcs);
	assert_int_equal(r.vmcs.intr_status, 0x6142);
	assert_true(rig_test(PN_APIC_ISR, 0x61));
	assert_false(rig_test(PN_APIC_IRR, 0x61));
}

static void host_mode(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, true);
	rig_run(&r);
	rig_pid(5)->control = 0x12003400ull << 32 | RIG_NV << PN_PID_NV_SH;
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x830, 5ull << 32 | 0x61, &r.exit), PN_APICV_DONE);
	assert_int_equal(r.ipi[0].dest, 0x12003400);
	rig_pid(5)->control &= ~PN_PID_ON;
	pn_apicv_set_host_x2apic(&r.cpu, false);
	assert_int_equal(pn_apicv_wrmsr(&r.cpu, 0x830, 5ull << 32 | 0x62, &r.exit), PN_APICV_DONE);
	assert_int_equal(r.ipi[1].dest, 0x34);
	assert_int_equal(r.ipi[1].vector, RIG_NV);
}

static void cr8(void **state)
{
	struct rig r;
	uint8_t value = 0xEE;

	(void)state;
	rig_init(&r, false);
	rig_page()[PN_APIC_TPR / 4] = 0xABCDEF7F;
	assert_int_equal(pn_apicv_read_cr8(&r.cpu, &value), PN_APICV_PASS);
	rig_run(&r);
	assert_int_equal(pn_apicv_read_cr8(&r.cpu, &value), PN_APICV_DONE);
	assert_int_equal(value, 7);
	r.vmcs.proc &= ~PN_PROC_TPR_SHADOW;
	r.vmcs.pin = PN_PIN_EXT_INT_EXIT;
	r.vmcs.proc2 = 0;
	rig_run(&r);
	assert_int_equal(pn_apicv_read_cr8(&r.cpu, &value), PN_APICV_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),      cmocka_unit_test(field_values),
		cmocka_unit_test(external),    cmocka_unit_test(widths),
		cmocka_unit_test(emulation),   cmocka_unit_test(twice),
		cmocka_unit_test(entry_check), cmocka_unit_test(delivery_exits),
		cmocka_unit_test(host_mode),   cmocka_unit_test(cr8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
