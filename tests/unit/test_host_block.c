/* SPDX-License-Identifier: MIT */
/* Load, put, block: transitions of 7.2, the algorithm of 8.3, hazards of 8.2 (spec numbering). */
#include "svm_rig.h"

#define TAG_OF_VCPU0 0x1000u

static struct rig r;

static struct pn_irte irte(uint32_t i)
{
	struct pn_irte f;

	assert_int_equal(pn_irte128_decode(*r.ir[i].irte, true, true, &f), 0);
	return f;
}

/* vCPU 0 loaded on CPU 1 with two device interrupts. */
static void start_loaded(const struct rig_conf *conf)
{
	rig_start(&r, conf);
	rig_attach(&r, 0, 0, 0x41);
	rig_attach(&r, 1, 0, 0x91);
	pn_svm_load(&r.vcpu[0].h, &r.cpu[1]);
	rig_forget(&r);
}

/* ---- 7.2, one row per transition ---- */

enum op { OP_PREEMPT, OP_BLOCK, OP_BLOCK_PUT, OP_BLOCK_LOAD, OP_UNBLOCK, OP_MIGRATE };

static void transit(enum op op)
{
	struct pn_svm_vcpu *v = &r.vcpu[0];

	switch (op) {
	case OP_PREEMPT:
		pn_svm_put(&v->h, &r.cpu[1], false);
		break;
	case OP_BLOCK:
		pn_svm_blocking(&v->h, &r.cpu[1]);
		break;
	case OP_BLOCK_PUT:
		pn_svm_blocking(&v->h, &r.cpu[1]);
		pn_svm_put(&v->h, &r.cpu[1], false);
		break;
	case OP_BLOCK_LOAD: /* preempted before it slept, and moved; then asleep */
		pn_svm_blocking(&v->h, &r.cpu[1]);
		pn_svm_put(&v->h, &r.cpu[1], false);
		pn_svm_load(&v->h, &r.cpu[2]);
		pn_svm_put(&v->h, &r.cpu[2], false);
		break;
	case OP_UNBLOCK:
		pn_svm_blocking(&v->h, &r.cpu[1]);
		pn_svm_put(&v->h, &r.cpu[1], false);
		pn_svm_load(&v->h, &r.cpu[2]);
		pn_svm_unblocking(&v->h, &r.cpu[2]);
		break;
	case OP_MIGRATE:
		pn_svm_put(&v->h, &r.cpu[1], false);
		pn_svm_load(&v->h, &r.cpu[2]);
		break;
	}
}

static const struct row {
	const char *name;
	struct rig_conf conf;
	enum op op;
	bool isrun, isrunning, gate, dis, on_list;
	uint32_t dest_cpu;
} rows[] = {
	{"7.2 preempted, log: GALogIntr 0, destination kept",
	 {PN_NOTIFY_GALOG},
	 OP_PREEMPT,
	 false,
	 false,
	 false,
	 false,
	 false,
	 1},
	{"7.2 preempted, log, Linux 6.12: GALogIntr always 1",
	 {PN_NOTIFY_GALOG, .gate_always = true},
	 OP_PREEMPT,
	 false,
	 false,
	 true,
	 false,
	 false,
	 1},
	{"7.2 blocking, log: GALogIntr 1",
	 {PN_NOTIFY_GALOG},
	 OP_BLOCK,
	 false,
	 false,
	 true,
	 false,
	 false,
	 1},
	{"7.2 put while blocking, log: as it is",
	 {PN_NOTIFY_GALOG},
	 OP_BLOCK_PUT,
	 false,
	 false,
	 true,
	 false,
	 false,
	 1},
	{"7.2 load while blocking, log: nothing",
	 {PN_NOTIFY_GALOG},
	 OP_BLOCK_LOAD,
	 false,
	 false,
	 true,
	 false,
	 false,
	 1},
	{"7.2 unblocking is a load, log",
	 {PN_NOTIFY_GALOG},
	 OP_UNBLOCK,
	 true,
	 true,
	 false,
	 false,
	 false,
	 2},
	{"7.2 load elsewhere, log",
	 {PN_NOTIFY_GALOG},
	 OP_MIGRATE,
	 true,
	 true,
	 false,
	 false,
	 false,
	 2},
	{"8.3 PREEMPT, H12: GAPPIDis, no list",
	 {PN_NOTIFY_GAPPI},
	 OP_PREEMPT,
	 false,
	 false,
	 false,
	 true,
	 false,
	 1},
	{"H12 without GAPPIDisSup: the bit stays 0",
	 {PN_NOTIFY_GAPPI, .no_gappidis = true},
	 OP_PREEMPT,
	 false,
	 false,
	 false,
	 false,
	 false,
	 1},
	{"gate_always does not concern GAPPI",
	 {PN_NOTIFY_GAPPI, .gate_always = true},
	 OP_PREEMPT,
	 false,
	 false,
	 false,
	 true,
	 false,
	 1},
	{"8.3 BLOCK, GAPPI: on the list, armed",
	 {PN_NOTIFY_GAPPI},
	 OP_BLOCK,
	 false,
	 false,
	 false,
	 false,
	 true,
	 1},
	{"7.2 put while blocking, GAPPI",
	 {PN_NOTIFY_GAPPI},
	 OP_BLOCK_PUT,
	 false,
	 false,
	 false,
	 false,
	 true,
	 1},
	{"H5 load while blocking: list, gcpu and Dest stay",
	 {PN_NOTIFY_GAPPI},
	 OP_BLOCK_LOAD,
	 false,
	 false,
	 false,
	 false,
	 true,
	 1},
	{"8.3 LOAD after BLOCK, elsewhere, GAPPI",
	 {PN_NOTIFY_GAPPI},
	 OP_UNBLOCK,
	 true,
	 true,
	 false,
	 false,
	 false,
	 2},
	{"8.3 LOAD, GAPPI", {PN_NOTIFY_GAPPI}, OP_MIGRATE, true, true, false, false, false, 2},
	{"6.6 erratum 1235: IsRunning never in the table, IsRun is",
	 {PN_NOTIFY_GAPPI, .erratum1235 = true},
	 OP_MIGRATE,
	 true,
	 false,
	 false,
	 false,
	 false,
	 2},
};

static void transitions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *w = &rows[i];
		struct pn_irte f;
		uint64_t entry;
		bool gappi = w->conf.notify == PN_NOTIFY_GAPPI;

		start_loaded(&w->conf);
		transit(w->op);
		for (uint32_t n = 0; n < 2; n++) {
			f = irte(n);
			row_eq(w->name, "IsRun", f.isrun, w->isrun);
			row_eq(w->name, "GALogIntr", f.galogintr, w->gate);
			row_eq(w->name, "GAPPIDis", f.gappidis, w->dis);
			row_eq(w->name, "Destination", f.dest, RIG_APICID(w->dest_cpu));
			row_eq(w->name, "GATag", f.gatag, gappi ? PN_VEC_WAKEUP : TAG_OF_VCPU0);
			row_eq(w->name, "vector", f.vector, n ? 0x91 : 0x41);
		}
		entry = *r.vcpu[0].phys_entry;
		row_eq(w->name, "IsRunning", !!(entry & PN_AVIC_PHYS_ISRUNNING), w->isrunning);
		row_eq(w->name, "host APIC ID", entry & 0xFFF, RIG_APICID(w->dest_cpu));
		row_eq(w->name, "bits 61:52 of the table entry", entry & PN_AVIC_PHYS_RSV, 0);
		row_eq(w->name, "on a list", r.vcpu[0].on_list, w->on_list);
		row_eq(w->name, "flushes (volatile fields need none)",
		       rig_count(&r, PN_STEP_IRT_FLUSH), 0);
		rig_checked(&r, w->name);
		rig_close(&r);
	}
}

/* The shadow keeps bits that must not be in the table. */
static void shadow_bit61(void **state)
{
	(void)state;
	start_loaded(&(struct rig_conf){PN_NOTIFY_GALOG});
	pn_svm_blocking(&r.vcpu[0].h, &r.cpu[1]);
	assert_true(r.vcpu[0].shadow & 1ull << 61);
	assert_false(*r.vcpu[0].phys_entry & 1ull << 61);
	rig_close(&r);
}

/* Costs: what is charged where. */
static void charges(void **state)
{
	(void)state;
	start_loaded(&(struct rig_conf){PN_NOTIFY_GAPPI, PN_MASKED_PARK});
	pn_svm_blocking(&r.vcpu[0].h, &r.cpu[1]);
	assert_true(rig_sleep(&r, 0, 1));
	row_eq("block", "LIST_ADD", rig_count(&r, PN_STEP_LIST_ADD), 1);
	row_eq("block", "IRTE_WRITE", rig_count(&r, PN_STEP_IRTE_WRITE), 2);
	row_eq("block", "TABLE_WRITE", rig_count(&r, PN_STEP_TABLE_WRITE), 1);
	row_eq("block", "BLOCK_CHECK", rig_count(&r, PN_STEP_BLOCK_CHECK), 1);
	row_eq("block", "PARK", rig_count(&r, PN_STEP_PARK), 0);
	rig_forget(&r);
	pn_svm_unblocking(&r.vcpu[0].h, &r.cpu[1]);
	row_eq("unblock", "LIST_DEL", rig_count(&r, PN_STEP_LIST_DEL), 1);
	row_eq("unblock", "IRTE_WRITE", rig_count(&r, PN_STEP_IRTE_WRITE), 2);
	row_eq("unblock", "UNPARK", rig_count(&r, PN_STEP_UNPARK), 0);
	rig_close(&r);
}

/* ---- no lost wake-up, whatever the moment (P1; H2, H3) ---- */

static void post41(struct rig *x)
{
	rig_msi(x, 0);
}

static void post91(struct rig *x)
{
	rig_msi(x, 1);
}

static void post_both(struct rig *x)
{
	rig_msi(x, 0);
	rig_msi(x, 1);
}

static const struct when {
	const char *name;
	struct rig_conf conf;
	void (*hook)(struct rig *);
	uint8_t tpr;	 /* 0x41 is masked by 0x50 */
	bool residue;	 /* 0x41 is pending from the start */
	uint8_t vectors; /* bit 0: 0x41, bit 1: 0x91 must be pending at the end */
} whens[] = {
	/* clang-format off */
	{"log, one interrupt", {PN_NOTIFY_GALOG}, post41, 0, false, 1},
	{"log, masked residue, then a higher one", {PN_NOTIFY_GALOG}, post91, 0x50, true, 3},
	{"GAPPI, one interrupt", {PN_NOTIFY_GAPPI, PN_MASKED_PARK}, post41, 0, false, 1},
	{"GAPPI, two at once", {PN_NOTIFY_GAPPI, PN_MASKED_PARK}, post_both, 0, false, 3},
	{"H1 GAPPI, masked residue, then a higher one", {PN_NOTIFY_GAPPI, PN_MASKED_PARK}, post91, 0x50, true, 3},
	{"H1 GAPPI, masked and higher at once", {PN_NOTIFY_GAPPI, PN_MASKED_PARK}, post_both, 0x50, false, 3},
	{"H1 GAPPI, masked again, higher later", {PN_NOTIFY_GAPPI, PN_MASKED_PARK}, post_both, 0x50, true, 3},
	{"GAPPI without GAPPIDisSup", {PN_NOTIFY_GAPPI, PN_MASKED_PARK, .no_gappidis = true}, post91, 0x50, true, 3},
	/* clang-format on */
};

static bool pending_at_end(const struct when *w)
{
	uint32_t low = pn_svm_irr(&r.vcpu[0].h, 2), high = pn_svm_irr(&r.vcpu[0].h, 4);

	return (!(w->vectors & 1) || (low & 1u << 1)) && (!(w->vectors & 2) || (high & 1u << 17));
}

/* Blocks, is preempted once in between, sleeps; the interrupt comes at step @at. */
static void run_when(const struct when *w, unsigned at)
{
	struct pn_svm_vcpu *v = &r.vcpu[0];
	char name[128];
	bool asleep;

	snprintf(name, sizeof(name), "%s, at step %u", w->name, at);
	start_loaded(&w->conf);
	pn_vapic_write(v->h.page, PN_APIC_TPR, w->tpr);
	if (w->residue)
		pn_vapic_set(v->h.page, PN_APIC_IRR, 0x41);
	r.at = at;
	r.hook = w->hook;
	pn_svm_leave(&v->h, &r.cpu[1]);
	pn_svm_blocking(&v->h, &r.cpu[1]);
	if (rig_sleep(&r, 0, 1)) {
		pn_svm_put(&v->h, &r.cpu[1], false);
		if (r.steps < at) /* only now, asleep */
			w->hook(&r);
	}
	rig_threads(&r);
	for (int turns = 0; turns < 4 && !r.task[0].asleep; turns++) {
		pn_svm_load(&v->h, &r.cpu[2]);
		if (!rig_sleep(&r, 0, 2))
			break;
		rig_threads(&r);
	}
	asleep = r.task[0].asleep;
	rig_checked(&r, name);
	if (asleep)
		fail_msg("%s: asleep with a deliverable interrupt", name);
	pn_svm_unblocking(&v->h, &r.cpu[2]);
	pn_svm_enter(&v->h, &r.cpu[2]);
	if (!pending_at_end(w))
		fail_msg("%s: an IRR bit was lost", name);
	if (v->has_parked)
		fail_msg("%s: parked bits at entry", name);
	rig_checked(&r, name);
	rig_close(&r);
}

static void any_moment(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(whens) / sizeof(whens[0]); i++) {
		for (unsigned at = 1; at <= 12; at++)
			run_when(&whens[i], at);
	}
}

/* ---- H1 by name ---- */

/* gappi-masked-irr: @policy NONE shows the hazard, PARK holds. */
static bool masked_irr(enum pn_masked_policy policy)
{
	start_loaded(&(struct rig_conf){PN_NOTIFY_GAPPI, policy});
	pn_vapic_write(r.vcpu[0].h.page, PN_APIC_TPR, 0x50);
	pn_vapic_set(r.vcpu[0].h.page, PN_APIC_IRR, 0x41);
	pn_svm_blocking(&r.vcpu[0].h, &r.cpu[1]);
	assert_true(rig_sleep(&r, 0, 1));
	rig_msi(&r, 1);
	return !r.task[0].asleep;
}

static void gappi_masked_irr(void **state)
{
	(void)state;
	assert_false(masked_irr(PN_MASKED_NONE));
	rig_close(&r);
	assert_true(masked_irr(PN_MASKED_PARK));
	assert_int_equal(rig_count(&r, PN_STEP_PARK), 1);
	assert_int_equal(r.vcpu[0].parked[2], 1u << 1);
	assert_int_equal(r.vcpu[0].parked_bits, 1);
	assert_false(rig_sleep(&r, 0, 1)); /* 0x91 is deliverable */
	pn_svm_unblocking(&r.vcpu[0].h, &r.cpu[1]);
	assert_int_equal(rig_count(&r, PN_STEP_UNPARK), 1);
	assert_true(pn_vapic_test(r.vcpu[0].h.page, PN_APIC_IRR, 0x41));
	assert_int_equal(r.vcpu[0].has_parked, 0);
	rig_close(&r);
}

/* gappi-second-sleep: the first, masked one consumes the GAPPI; the loop sleeps again. */
static bool second_sleep(enum pn_masked_policy policy)
{
	start_loaded(&(struct rig_conf){PN_NOTIFY_GAPPI, policy});
	pn_vapic_write(r.vcpu[0].h.page, PN_APIC_TPR, 0x50);
	pn_svm_blocking(&r.vcpu[0].h, &r.cpu[1]);
	assert_true(rig_sleep(&r, 0, 1));
	rig_msi(&r, 0);
	assert_false(r.task[0].asleep);
	assert_true(rig_sleep(&r, 0, 1));
	rig_msi(&r, 1);
	return !r.task[0].asleep;
}

static void gappi_second_sleep(void **state)
{
	(void)state;
	assert_false(second_sleep(PN_MASKED_NONE));
	rig_close(&r);
	assert_true(second_sleep(PN_MASKED_PARK));
	rig_close(&r);
}

/* A priority drop outside (TPR changed by the host) makes a parked bit deliverable. */
static void parked_counts(void **state)
{
	(void)state;
	start_loaded(&(struct rig_conf){PN_NOTIFY_GAPPI, PN_MASKED_PARK});
	pn_vapic_write(r.vcpu[0].h.page, PN_APIC_TPR, 0x50);
	pn_vapic_set(r.vcpu[0].h.page, PN_APIC_IRR, 0x41);
	pn_svm_blocking(&r.vcpu[0].h, &r.cpu[1]);
	assert_true(rig_sleep(&r, 0, 1));
	assert_true(pn_vapic_empty(r.vcpu[0].h.page, PN_APIC_IRR));
	assert_int_equal(pn_svm_irr(&r.vcpu[0].h, 2), 2);
	assert_false(pn_svm_pending(&r.vcpu[0].h));
	pn_vapic_write(r.vcpu[0].h.page, PN_APIC_TPR, 0x30);
	assert_true(pn_svm_pending(&r.vcpu[0].h));
	assert_false(rig_sleep(&r, 0, 1));
	/* An interrupt in service masks its own class and below: APM 16.6.4. */
	pn_vapic_set(r.vcpu[0].h.page, PN_APIC_ISR, 0x47);
	assert_true(rig_sleep(&r, 0, 1));
	/* Injected again by software: it was pending already. */
	assert_true(pn_svm_inject(&r.vcpu[0].h, &r.cpu[0], 0x41, PN_WAKE_NOTIFY));
	assert_true(rig_sleep(&r, 0, 1));
	rig_checked(&r, "parked");
	/* The safety net: entry without unblocking. */
	pn_svm_enter(&r.vcpu[0].h, &r.cpu[1]);
	assert_true(pn_vapic_test(r.vcpu[0].h.page, PN_APIC_IRR, 0x41));
	rig_close(&r);
}

/* Rounds are bounded: another agent posts as fast as bits are parked. */
static void repost(struct rig *x)
{
	rig_msi(x, 0);
	x->at = x->steps + 1;
}

static void park_is_bounded(void **state)
{
	(void)state;
	start_loaded(&(struct rig_conf){PN_NOTIFY_GAPPI, PN_MASKED_PARK});
	pn_vapic_write(r.vcpu[0].h.page, PN_APIC_TPR, 0x50);
	pn_svm_blocking(&r.vcpu[0].h, &r.cpu[1]);
	rig_msi(&r, 0);
	r.at = r.steps + 1;
	r.hook = repost;
	assert_true(pn_svm_must_run(&r.vcpu[0].h, &r.cpu[1]));
	r.hook = NULL;
	assert_true(rig_sleep(&r, 0, 1));
	rig_close(&r);
}

/* Only GAPPI needs it. */
static void no_park_elsewhere(void **state)
{
	static const struct rig_conf conf[] = {{PN_NOTIFY_GALOG, PN_MASKED_PARK},
					       {PN_NOTIFY_NONE, PN_MASKED_PARK}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		start_loaded(&conf[i]);
		pn_vapic_write(r.vcpu[0].h.page, PN_APIC_TPR, 0x50);
		pn_vapic_set(r.vcpu[0].h.page, PN_APIC_IRR, 0x41);
		pn_svm_blocking(&r.vcpu[0].h, &r.cpu[1]);
		assert_true(rig_sleep(&r, 0, 1));
		assert_int_equal(rig_count(&r, PN_STEP_PARK), 0);
		assert_false(r.vcpu[0].on_list);
		rig_close(&r);
	}
}

/* ---- wakeup lists and their handler ---- */

/* H3: at the moment of the first IRTE write the vCPU is on the list. */
static void seen_on_list(struct rig *x)
{
	x->kicks = !pn_list_empty(&x->cpu[1].wake_list);
}

static void list_before_irte(void **state)
{
	(void)state;
	start_loaded(&(struct rig_conf){PN_NOTIFY_GAPPI});
	pn_watch_all(&r.cpu_steps[1], false);
	r.agent[1].step[PN_STEP_IRTE_WRITE].watched = 1;
	r.at = 1;
	r.hook = seen_on_list;
	pn_svm_blocking(&r.vcpu[0].h, &r.cpu[1]);
	assert_int_equal(r.kicks, 1);
	rig_close(&r);
}

/* H9: lists are touched with interrupts off; a GAPPI for this CPU waits until they are on. */
static void handler_lock_irqs(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= 5; at++) {
		start_loaded(&(struct rig_conf){PN_NOTIFY_GAPPI, PN_MASKED_PARK});
		r.pending[1][PN_VEC_WAKEUP / 64] = 0;
		r.at = at;
		r.hook = post41;
		pn_svm_blocking(&r.vcpu[0].h, &r.cpu[1]);
		assert_int_equal(r.pending[1][PN_VEC_WAKEUP / 64], 0);
		rig_checked(&r, "H9");
		rig_close(&r);
	}
}

/* H10: spurious; H13: any vector, 16..31 too; H11: not twice. */
static void handler(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){PN_NOTIFY_GAPPI, PN_MASKED_PARK});
	rig_attach(&r, 0, 0, 0x12);
	rig_attach(&r, 1, 1, 0xF3);
	for (uint32_t i = 0; i < 2; i++) {
		pn_svm_load(&r.vcpu[i].h, &r.cpu[1]);
		pn_svm_blocking(&r.vcpu[i].h, &r.cpu[1]);
		assert_true(rig_sleep(&r, i, 1));
		pn_svm_put(&r.vcpu[i].h, &r.cpu[1], false);
	}
	rig_take(&r, 1, PN_VEC_WAKEUP);
	rig_take(&r, 2, PN_VEC_WAKEUP);
	assert_int_equal(r.cpu[1].wake_irqs, 1);
	assert_int_equal(r.cpu[1].wake_scanned, 2);
	assert_int_equal(r.cpu[1].wake_spurious, 1);
	assert_int_equal(r.cpu[2].wake_spurious, 1);
	assert_true(r.task[0].asleep && r.task[1].asleep);

	rig_msi(&r, 0);
	assert_false(r.task[0].asleep);
	assert_true(r.task[1].asleep);
	assert_int_equal(r.task[0].why, PN_WAKE_NOTIFY);
	assert_int_equal(rig_count(&r, PN_STEP_WAKE), 1);

	rig_msi(&r, 1); /* scans vCPU 0 again, which has not run yet */
	assert_false(r.task[1].asleep);
	assert_int_equal(rig_count(&r, PN_STEP_LIST_SCAN), 6);
	assert_int_equal(rig_count(&r, PN_STEP_WAKE), 2);
	assert_int_equal(rig_count(&r, PN_STEP_WAKE_SPURIOUS), 0);
	assert_int_equal(r.task[0].spurious, 0);
	rig_checked(&r, "handler");
	rig_close(&r);
}

/* A vCPU without device interrupts costs the handler nothing. */
static void unlisted_without_irtes(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){PN_NOTIFY_GAPPI});
	pn_svm_load(&r.vcpu[2].h, &r.cpu[1]);
	pn_svm_blocking(&r.vcpu[2].h, &r.cpu[1]);
	assert_true(pn_list_empty(&r.cpu[1].wake_list));
	rig_checked(&r, "unlisted");
	rig_close(&r);
}

/* handler-left-behind */
static void after_exit(void **state)
{
	(void)state;
	start_loaded(&(struct rig_conf){PN_NOTIFY_GAPPI});
	pn_svm_blocking(&r.vcpu[0].h, &r.cpu[1]);
	assert_true(rig_sleep(&r, 0, 1));
	pn_svm_exit(&r.svm.hyp);
	rig_msi(&r, 0);
	assert_int_equal(r.intrs, 1);
	assert_true(r.task[0].asleep);
	assert_int_equal(r.cpu[1].wake_irqs, 0);
	rig_close(&r);
}

/* ---- H8 ---- */

static void cpu_offline(void **state)
{
	struct pn_svm_vcpu *v = &r.vcpu[0];

	(void)state;
	start_loaded(&(struct rig_conf){PN_NOTIFY_GAPPI, PN_MASKED_PARK});
	pn_svm_blocking(&v->h, &r.cpu[1]);
	assert_true(rig_sleep(&r, 0, 1));
	pn_svm_put(&v->h, &r.cpu[1], false);
	pn_st32(&r.cpu[1].online, 0);
	rig_msi(&r, 0); /* its GAPPI goes to the dead CPU */
	assert_true(r.task[0].asleep);
	pn_svm_cpu_offline(&r.svm.hyp, &r.cpu[1], &r.cpu[0]);
	assert_false(r.task[0].asleep);
	assert_int_equal(r.task[0].why, PN_WAKE_REQUEST);
	pn_svm_load(&v->h, &r.cpu[2]);
	assert_false(rig_sleep(&r, 0, 2));
	pn_svm_unblocking(&v->h, &r.cpu[2]);
	assert_true(pn_list_empty(&r.cpu[1].wake_list));
	assert_int_equal(v->h.requests, 0);

	/* Nothing pending: it only moves to another list. */
	pn_vapic_clear(v->h.page, PN_APIC_IRR, 0x41);
	pn_svm_cpu_online(&r.svm.hyp, &r.cpu[1]);
	pn_svm_blocking(&v->h, &r.cpu[2]);
	assert_true(rig_sleep(&r, 0, 2));
	pn_svm_cpu_offline(&r.svm.hyp, &r.cpu[2], &r.cpu[0]);
	assert_false(rig_sleep(&r, 0, 3)); /* the request */
	pn_svm_unblocking(&v->h, &r.cpu[3]);
	pn_svm_blocking(&v->h, &r.cpu[3]);
	assert_true(rig_sleep(&r, 0, 3));
	rig_msi(&r, 0);
	assert_false(r.task[0].asleep);
	rig_checked(&r, "offline");
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transitions),
		cmocka_unit_test(shadow_bit61),
		cmocka_unit_test(charges),
		cmocka_unit_test(any_moment),
		cmocka_unit_test(gappi_masked_irr),
		cmocka_unit_test(gappi_second_sleep),
		cmocka_unit_test(parked_counts),
		cmocka_unit_test(park_is_bounded),
		cmocka_unit_test(no_park_elsewhere),
		cmocka_unit_test(list_before_irte),
		cmocka_unit_test(handler_lock_irqs),
		cmocka_unit_test(handler),
		cmocka_unit_test(unlisted_without_irtes),
		cmocka_unit_test(after_exit),
		cmocka_unit_test(cpu_offline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
