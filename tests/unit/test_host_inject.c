/* SPDX-License-Identifier: MIT */
/* Software delivery, entry, EOI, inhibits, incomplete IPIs: 6.4, 6.6, 7.5, 7.6 of the spec sheet.
 */
#include "svm_rig.h"

static struct rig r;

static const struct rig_conf gappi_mode = {PN_NOTIFY_GAPPI, PN_MASKED_PARK};

/* ---- 7.5 ---- */

enum target { T_ASLEEP, T_AWAKE, T_IN_GUEST, T_IN_GUEST_HERE, T_PARKED };

static const struct row {
	const char *name;
	enum target target;
	bool apicv;
	unsigned wakes, spurious, bells, kicks;
	uint32_t requests;
} rows[] = {
	{"asleep: woken", T_ASLEEP, true, 1, 0, 0, 0, 0},
	{"asleep, AVIC off: woken", T_ASLEEP, false, 1, 0, 0, 0, PN_REQ_EVENT},
	{"awake in the host: VMRUN evaluates", T_AWAKE, true, 0, 1, 0, 0, 0},
	{"awake in the host, AVIC off", T_AWAKE, false, 0, 1, 0, 0, PN_REQ_EVENT},
	{"in the guest elsewhere: doorbell", T_IN_GUEST, true, 0, 0, 1, 0, 0},
	{"in the guest elsewhere, AVIC off: kick", T_IN_GUEST, false, 0, 0, 0, 1, PN_REQ_EVENT},
	{"on this CPU: it has just left the guest", T_IN_GUEST_HERE, true, 0, 0, 0, 0, 0},
	{"on this CPU, AVIC off", T_IN_GUEST_HERE, false, 0, 0, 0, 0, PN_REQ_EVENT},
	{"asleep with parked bits: woken", T_PARKED, true, 1, 0, 0, 0, 0},
};

static void bring(enum target t)
{
	struct pn_svm_vcpu *v = &r.vcpu[0];
	uint32_t cpu = t == T_IN_GUEST_HERE ? 0 : 2;

	pn_svm_load(&v->h, &r.cpu[cpu]);
	if (t == T_IN_GUEST || t == T_IN_GUEST_HERE)
		assert_int_equal(pn_svm_enter(&v->h, &r.cpu[cpu]), -1);
	if (t == T_PARKED) {
		pn_vapic_write(v->h.page, PN_APIC_TPR, 0x50);
		pn_vapic_set(v->h.page, PN_APIC_IRR, 0x31);
	}
	if (t == T_ASLEEP || t == T_PARKED) {
		pn_svm_blocking(&v->h, &r.cpu[cpu]);
		assert_true(rig_sleep(&r, 0, cpu));
		pn_svm_put(&v->h, &r.cpu[cpu], false);
	}
}

static void inject(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *w = &rows[i];
		struct rig_conf conf = gappi_mode;

		conf.inhibits = w->apicv ? 0 : 1u << PN_INHIBIT_DISABLED;
		rig_start(&r, &conf);
		bring(w->target);
		rig_forget(&r);
		r.task[0].asleep = w->wakes;
		row_eq(w->name, "was set",
		       pn_svm_inject(&r.vcpu[0].h, &r.cpu[0], 0x61, PN_WAKE_TIMER), 0);
		row_eq(w->name, "IRR bit", pn_vapic_test(r.vcpu[0].h.page, PN_APIC_IRR, 0x61), 1);
		row_eq(w->name, "wakes", r.task[0].wakes, w->wakes);
		row_eq(w->name, "WAKE", rig_count(&r, PN_STEP_WAKE), w->wakes);
		row_eq(w->name, "spurious wakes", r.task[0].spurious, w->spurious);
		row_eq(w->name, "WAKE_SPURIOUS", rig_count(&r, PN_STEP_WAKE_SPURIOUS), w->spurious);
		row_eq(w->name, "doorbells", r.bells, w->bells);
		row_eq(w->name, "DOORBELL_WRMSR", rig_count(&r, PN_STEP_DOORBELL_WRMSR), w->bells);
		row_eq(w->name, "kicks", r.ipis, w->kicks);
		row_eq(w->name, "KICK_IPI", rig_count(&r, PN_STEP_KICK_IPI), w->kicks);
		row_eq(w->name, "IRQFD_INJECT", rig_count(&r, PN_STEP_IRQFD_INJECT), 1);
		row_eq(w->name, "requests", r.vcpu[0].h.requests, w->requests);
		if (w->wakes)
			row_eq(w->name, "reason", r.task[0].why, PN_WAKE_TIMER);
		if (w->bells)
			row_eq(w->name, "doorbell to", r.bell_apicid, RIG_APICID(2));
		if (w->kicks) {
			row_eq(w->name, "kick to CPU", r.ipi_cpu, 2);
			row_eq(w->name, "kick vector", r.ipi_vector, PN_VEC_RESCHED);
		}
		row_eq(w->name, "again: was set",
		       pn_svm_inject(&r.vcpu[0].h, &r.cpu[0], 0x61, PN_WAKE_TIMER), 1);
		rig_checked(&r, w->name);
		rig_close(&r);
	}
}

/* ---- AVIC off ---- */

static void by_software(void **state)
{
	struct pn_svm_vcpu *v = &r.vcpu[0];
	struct rig_conf conf = gappi_mode;

	(void)state;
	conf.inhibits = 1u << PN_INHIBIT_NESTED;
	rig_start(&r, &conf);
	pn_svm_load(&v->h, &r.cpu[1]);
	pn_svm_inject(&v->h, &r.cpu[0], 0x41, PN_WAKE_NOTIFY);
	pn_svm_inject(&v->h, &r.cpu[0], 0x93, PN_WAKE_NOTIFY);
	pn_svm_inject(&v->h, &r.cpu[0], 0x99, PN_WAKE_NOTIFY);
	v->h.irq_blocked = true;
	assert_int_equal(pn_svm_enter(&v->h, &r.cpu[1]), -1); /* IF = 0: it stays in the IRR */
	v->h.irq_blocked = false;
	pn_svm_leave(&v->h, &r.cpu[1]);
	assert_int_equal(pn_svm_enter(&v->h, &r.cpu[1]), 0x99); /* highest first */
	assert_true(pn_vapic_test(v->h.page, PN_APIC_ISR, 0x99));
	assert_false(pn_vapic_test(v->h.page, PN_APIC_IRR, 0x99));
	assert_int_equal(pn_vapic_read(v->h.page, PN_APIC_PPR), 0x90);
	assert_int_equal(v->h.requests, 0);
	pn_svm_leave(&v->h, &r.cpu[1]);
	assert_int_equal(pn_svm_enter(&v->h, &r.cpu[1]), -1); /* same class in service */
	pn_svm_leave(&v->h, &r.cpu[1]);
	pn_svm_eoi(&v->h, &r.cpu[1]);
	assert_int_equal(pn_vapic_read(v->h.page, PN_APIC_PPR), 0);
	assert_int_equal(pn_svm_enter(&v->h, &r.cpu[1]), 0x93);
	pn_vapic_write(v->h.page, PN_APIC_TPR, 0x40);
	pn_svm_eoi(&v->h, &r.cpu[1]);
	assert_int_equal(pn_svm_enter(&v->h, &r.cpu[1]), -1); /* TPR */
	assert_false(pn_svm_pending(&v->h));
	pn_vapic_write(v->h.page, PN_APIC_TPR, 0);
	assert_true(pn_svm_pending(&v->h));
	assert_int_equal(pn_svm_enter(&v->h, &r.cpu[1]), 0x41);
	pn_svm_eoi(&v->h, &r.cpu[1]);
	pn_svm_eoi(&v->h, &r.cpu[1]); /* nothing in service */
	assert_int_equal(rig_count(&r, PN_STEP_ENTRY_INJECT), 3);
	assert_int_equal(rig_count(&r, PN_STEP_EOI_EXIT), 4);
	/* A masked event does not keep the vCPU awake. */
	pn_vapic_write(v->h.page, PN_APIC_TPR, 0x50);
	pn_svm_leave(&v->h, &r.cpu[1]);
	pn_svm_inject(&v->h, &r.cpu[0], 0x41, PN_WAKE_NOTIFY);
	pn_svm_blocking(&v->h, &r.cpu[1]);
	assert_true(rig_sleep(&r, 0, 1));
	rig_checked(&r, "AVIC off");
	rig_close(&r);
}

/*
 * 6.4: the state at exit 402h and the handling by the host fit together: one EOI ends one vector,
 * and the I/O APIC gets the EOI of that vector.
 */
static void level_eoi(void **state)
{
	struct pn_svm_vcpu *v = &r.vcpu[0];
	struct pn_avic_features feat;
	struct pn_avic_vmcb vmcb;
	struct pn_avic_exit ex;
	struct pn_avic av;

	(void)state;
	rig_start(&r, &gappi_mode);
	pn_svm_load(&v->h, &r.cpu[1]);
	pn_avic_features_default(&feat);
	pn_avic_init(&av, &r.bus, &r.agent[1], &feat, RIG_APICID(1));
	pn_vapic_set(v->h.page, PN_APIC_ISR, 0x41);
	pn_vapic_set(v->h.page, PN_APIC_IRR, 0x91);
	pn_vapic_set(v->h.page, PN_APIC_TMR, 0x91);
	for (unsigned n = 0; n < 2; n++) {
		pn_svm_enter(&v->h, &r.cpu[1]);
		pn_svm_vmcb(v, &vmcb);
		assert_int_equal(pn_avic_vmrun(&av, &vmcb), 0);
		assert_int_equal(pn_avic_evaluate(&av, true), 0x91);
		pn_avic_deliver(&av, 0x91);
		assert_int_equal(pn_avic_write(&av, PN_APIC_EOI, 0, &ex), PN_AVIC_TRAP);
		assert_int_equal(ex.info2, 0x91);
		pn_avic_vmexit(&av);
		pn_svm_leave(&v->h, &r.cpu[1]);
		assert_int_equal(pn_svm_eoi(&v->h, &r.cpu[1]), 0x91);
		assert_false(pn_vapic_test(v->h.page, PN_APIC_ISR, 0x91));
		assert_true(pn_vapic_test(v->h.page, PN_APIC_ISR, 0x41));
		assert_int_equal(pn_vapic_read(v->h.page, PN_APIC_PPR), 0x40);
		pn_vapic_set(v->h.page, PN_APIC_IRR, 0x91); /* the line is still up */
	}
	assert_int_equal(pn_svm_eoi(&v->h, &r.cpu[1]), -1); /* 41h, an edge */
	assert_int_equal(pn_vapic_read(v->h.page, PN_APIC_PPR), 0);
	rig_close(&r);
}

/*
 * 6.5: VMRUN takes no TPR from the page, so the host brings V_TPR along at each entry, also after
 * it changed the page itself: AVIC off, or a state load.
 */
static void tpr_of_the_page(void **state)
{
	static const struct {
		const char *name;
		uint8_t value;
		int want;
	} tpr[] = {
		{"6.5 TPR raised while outside", 0x50, -1},
		{"6.5 TPR lowered while outside", 0x30, 0x41},
	};
	struct pn_svm_vcpu *v = &r.vcpu[0];
	struct pn_avic_features feat;
	struct pn_avic_vmcb vmcb;
	struct pn_avic av;

	(void)state;
	rig_start(&r, &gappi_mode);
	pn_svm_load(&v->h, &r.cpu[1]);
	pn_avic_features_default(&feat);
	pn_avic_init(&av, &r.bus, &r.agent[1], &feat, RIG_APICID(1));
	pn_vapic_set(v->h.page, PN_APIC_IRR, 0x41);
	for (size_t i = 0; i < sizeof(tpr) / sizeof(tpr[0]); i++) {
		pn_vapic_write(v->h.page, PN_APIC_TPR, tpr[i].value);
		row_eq(tpr[i].name, "injected", pn_svm_enter(&v->h, &r.cpu[1]), -1);
		pn_svm_vmcb(v, &vmcb);
		row_eq(tpr[i].name, "VMRUN", pn_avic_vmrun(&av, &vmcb), 0);
		row_eq(tpr[i].name, "vector", pn_avic_evaluate(&av, true), tpr[i].want);
		pn_avic_vmexit(&av);
		pn_svm_leave(&v->h, &r.cpu[1]);
	}
	rig_close(&r);
}

static void inhibits(void **state)
{
	struct pn_svm_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &gappi_mode);
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		pn_svm_load(&r.vcpu[i].h, &r.cpu[i]);
	pn_svm_enter(&r.vcpu[0].h, &r.cpu[0]); /* the CPU that inhibits: no IPI to itself */
	pn_svm_enter(&r.vcpu[1].h, &r.cpu[1]);
	pn_svm_blocking(&r.vcpu[2].h, &r.cpu[2]);
	assert_true(rig_sleep(&r, 2, 2));
	pn_svm_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_HYPERV, true);
	assert_int_equal(r.ipis, 1);
	assert_int_equal(r.ipi_cpu, 1);
	assert_false(r.task[2].asleep);
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		assert_int_equal(r.vcpu[i].h.requests, PN_REQ_APICV_UPDATE);
	/* More causes, and fewer, as long as one is left: no vCPU gets a request. */
	pn_svm_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_NESTED, true);
	pn_svm_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_HYPERV, false);
	assert_int_equal(rig_count(&r, PN_STEP_INHIBIT), 1);
	assert_int_equal(r.vm.h.inhibits, 1u << PN_INHIBIT_NESTED);
	pn_svm_leave(&v->h, &r.cpu[0]);
	assert_true(pn_svm_pending(&v->h));
	pn_svm_enter(&v->h, &r.cpu[0]);
	assert_int_equal(v->h.apicv, 0);
	assert_int_equal(v->h.requests, 0);
	/* AVIC is on again before vCPU 1 handled the request: it has nothing to switch. */
	pn_svm_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_NESTED, false);
	assert_int_equal(rig_count(&r, PN_STEP_INHIBIT), 2);
	rig_forget(&r);
	pn_svm_leave(&r.vcpu[1].h, &r.cpu[1]);
	pn_svm_enter(&r.vcpu[1].h, &r.cpu[1]);
	assert_int_equal(r.vcpu[1].h.apicv, 1);
	assert_int_equal(rig_count(&r, PN_STEP_TABLE_WRITE), 0);
	pn_svm_leave(&v->h, &r.cpu[0]);
	pn_svm_enter(&v->h, &r.cpu[0]);
	assert_int_equal(v->h.apicv, 1);
	rig_checked(&r, "inhibits");
	rig_close(&r);
}

/* 6.1 */
static void vmcb(void **state)
{
	struct pn_avic_features feat;
	struct pn_avic_vmcb b;

	(void)state;
	pn_avic_features_default(&feat);
	for (int x2 = 0; x2 < 2; x2++) {
		struct rig_conf conf = gappi_mode;

		conf.x2avic = x2;
		rig_start(&r, &conf);
		pn_vapic_write(r.vcpu[1].h.page, PN_APIC_TPR, 0x7A);
		pn_svm_vmcb(&r.vcpu[1], &b);
		assert_int_equal(pn_avic_vmcb_check(&feat, &b), 0);
		assert_int_equal(b.v_intr,
				 7 | PN_VINTR_MASKING | PN_VINTR_AVIC | (x2 ? PN_VINTR_X2AVIC : 0));
		assert_int_equal(b.backing_page, r.vcpu[1].h.page_pa);
		assert_int_equal(b.physical_table, r.vm.phys_table_pa | 3);
		pn_svm_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_SEV, true);
		pn_svm_load(&r.vcpu[1].h, &r.cpu[1]);
		pn_svm_enter(&r.vcpu[1].h, &r.cpu[1]);
		pn_svm_vmcb(&r.vcpu[1], &b);
		assert_int_equal(b.v_intr & (PN_VINTR_AVIC | PN_VINTR_X2AVIC), 0);
		rig_close(&r);
	}
}

/* ---- exit 401h ---- */

#define PHYS(d)	   ((uint64_t)(d) << 56)
#define LOGICAL(d) ((uint64_t)(d) << 56 | PN_ICR_LOGICAL)
#define X2(d)	   ((uint64_t)(d) << 32)
#define X2L(d)	   ((uint64_t)(d) << 32 | PN_ICR_LOGICAL)
#define SH(n)	   ((uint64_t)(n) << 18)
#define MODE(m)	   ((uint64_t)(m) << 8)

/* vCPU 0 sends; 1 and 2 sleep, 3 is in the guest. Bits of @told and @set by vCPU. */
static const struct ipi_row {
	const char *name;
	bool x2;
	uint32_t vcpus;
	uint8_t id;
	uint64_t icr;
	unsigned woken, set;
} ipis[] = {
	/* clang-format off */
	{"id 1: target woken, nothing posted again", false, 0, 1, PHYS(1) | 0x71, 1 << 1, 0},
	{"id 1 broadcast: only those that sleep", false, 0, 1, PHYS(0xFF) | 0x71, 6, 0},
	{"id 1 all but self", false, 0, 1, SH(3) | 0x71, 6, 0},
	{"id 1 logical flat", false, 0, 1, LOGICAL(0x0A) | 0x71, 1 << 1, 0},
	{"id 1 logical cluster", false, 16, 1, LOGICAL(0x06) | 0x71, 6, 0},
	{"id 1 logical, other cluster", false, 16, 1, LOGICAL(0x16) | 0x71, 0, 0},
	{"id 1 x2 physical", true, 0, 1, X2(2) | 0x71, 1 << 2, 0},
	{"id 1 x2 logical", true, 0, 1, X2L(0x00000006) | 0x71, 6, 0},
	{"id 1 x2 logical, other cluster", true, 0, 1, X2L(0x00010006) | 0x71, 0, 0},
	{"id 1 x2 broadcast", true, 0, 1, X2(0xFFFFFFFF) | 0x71, 6, 0},
	{"id 0 lowest priority: one of them", false, 0, 0, LOGICAL(0x06) | MODE(1) | 0x71, 1 << 1, 1 << 1},
	{"id 0 level", false, 0, 0, PHYS(2) | PN_ICR_LEVEL | 0x71, 1 << 2, 1 << 2},
	{"id 0 NMI: looked at, no vector", false, 0, 0, PHYS(2) | MODE(4), 1 << 2, 0},
	{"id 0 INIT", false, 0, 0, SH(3) | MODE(5), 6, 0},
	{"id 2: those that exist", false, 0, 2, LOGICAL(0xF2) | 0x71, 1 << 1, 1 << 1},
	{"id 2: nobody", false, 0, 2, PHYS(9) | 0x71, 0, 0},
	{"id 2 to self", false, 0, 2, PHYS(0) | 0x71, 0, 1 << 0},
	{"id 3 all including self", false, 0, 3, SH(2) | 0x71, 6, 15},
	{"id 3 self", false, 0, 3, SH(1) | 0x71, 0, 1},
	{"id 4: vector below 16", false, 0, 4, PHYS(1) | 0x0F, 0, 0},
	/* clang-format on */
};

static struct pn_svm_vcpu many[16];
static struct rig_task bystander;

static void incomplete_ipi(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ipis) / sizeof(ipis[0]); i++) {
		const struct ipi_row *w = &ipis[i];
		struct pn_avic_exit exit = {PN_EXIT_AVIC_INCOMPLETE_IPI, w->icr,
					    (uint64_t)w->id << 32};
		struct rig_conf conf = gappi_mode;
		struct pn_svm_vcpu *v = r.vcpu;
		struct pn_svm_vm vm;

		conf.x2avic = w->x2;
		rig_start(&r, &conf);
		if (w->vcpus) {
			v = many;
			memset(many, 0, sizeof(many));
			for (uint32_t n = 0; n < w->vcpus; n++)
				many[n].h.task = n < 4 ? &r.task[n] : &bystander;
			assert_int_equal(pn_svm_vm_init(&r.svm, &vm, many, w->vcpus, w->x2, false,
							0, &r.pages),
					 0);
		}
		for (uint32_t n = 0; n < 4; n++)
			pn_svm_load(&v[n].h, &r.cpu[n]);
		for (uint32_t n = 1; n < 3; n++) {
			pn_svm_blocking(&v[n].h, &r.cpu[n]);
			r.task[n].asleep = !pn_svm_must_run(&v[n].h, &r.cpu[n]);
		}
		pn_svm_enter(&v[3].h, &r.cpu[3]);
		pn_vapic_write(v[0].h.page, PN_APIC_ICRL, (uint32_t)w->icr | PN_ICR_BUSY);
		pn_svm_incomplete_ipi(&v[0], &r.cpu[0], &exit);
		for (uint32_t n = 0; n < 3; n++)
			row_eq(w->name, "vCPU woken", r.task[n].wakes, w->woken >> n & 1);
		for (uint32_t n = 0; n < 4; n++)
			row_eq(w->name, "vCPU has the vector", pn_svm_irr(&v[n].h, 3) >> 17 & 1,
			       w->set >> n & 1);
		row_eq(w->name, "doorbells", r.bells, w->set >> 3 & 1 || PN_ICR_MODE(w->icr) == 5);
		row_eq(w->name, "BUSY", pn_vapic_read(v[0].h.page, PN_APIC_ICRL) & PN_ICR_BUSY, 0);
		row_eq(w->name, "ESR", pn_vapic_read(v[0].h.page, PN_APIC_ESR),
		       w->id == 4 ? 32 : 0);
		row_eq(w->name, "ignored", v[0].h.ipis_ignored, PN_ICR_MODE(w->icr) > 1);
		rig_close(&r);
	}
}

/* 6.6: IsRunning is never set, so a running target needs the doorbell from here. */
static void erratum(void **state)
{
	struct pn_avic_exit exit = {PN_EXIT_AVIC_INCOMPLETE_IPI, PHYS(3) | 0x71, 1ull << 32};
	struct rig_conf conf = gappi_mode;

	(void)state;
	conf.erratum1235 = true;
	rig_start(&r, &conf);
	pn_svm_load(&r.vcpu[3].h, &r.cpu[3]);
	pn_svm_enter(&r.vcpu[3].h, &r.cpu[3]);
	pn_svm_incomplete_ipi(&r.vcpu[0], &r.cpu[0], &exit);
	assert_int_equal(r.bells, 1);
	assert_int_equal(r.bell_apicid, RIG_APICID(3));
	rig_close(&r);
}

/* The processor's own algorithm on the tables that the host wrote. */
static void real_ipi(void **state)
{
	static const uint64_t icr[] = {PHYS(1) | 0x71, LOGICAL(2) | 0x71, SH(3) | 0x71};

	(void)state;
	for (size_t i = 0; i < sizeof(icr) / sizeof(icr[0]); i++) {
		struct pn_avic_features feat;
		struct pn_avic_exit exit;
		struct pn_avic_vmcb b;
		struct pn_avic av;

		rig_start(&r, &(struct rig_conf){PN_NOTIFY_GALOG, .vcpus = 2});
		pn_avic_features_default(&feat);
		pn_avic_init(&av, &r.bus, &r.agent[0], &feat, RIG_APICID(0));
		pn_svm_load(&r.vcpu[0].h, &r.cpu[0]);
		pn_svm_load(&r.vcpu[1].h, &r.cpu[1]);
		pn_svm_blocking(&r.vcpu[1].h, &r.cpu[1]);
		assert_true(rig_sleep(&r, 1, 1));
		pn_svm_enter(&r.vcpu[0].h, &r.cpu[0]);
		pn_svm_vmcb(&r.vcpu[0], &b);
		assert_int_equal(pn_avic_vmrun(&av, &b), 0);
		assert_int_equal(pn_avic_ipi(&av, icr[i], &exit), PN_AVIC_TRAP);
		assert_int_equal(exit.info2 >> 32, PN_IPI_NOT_RUNNING);
		pn_avic_vmexit(&av);
		pn_svm_leave(&r.vcpu[0].h, &r.cpu[0]);
		pn_svm_incomplete_ipi(&r.vcpu[0], &r.cpu[0], &exit);
		assert_false(r.task[1].asleep);
		/* running: rung by the processor, no exit */
		pn_svm_unblocking(&r.vcpu[1].h, &r.cpu[1]);
		pn_svm_enter(&r.vcpu[0].h, &r.cpu[0]);
		assert_int_equal(pn_avic_vmrun(&av, &b), 0);
		assert_int_equal(pn_avic_ipi(&av, icr[i], &exit), PN_AVIC_DONE);
		assert_int_equal(r.bells, 1);
		assert_int_equal(r.bell_apicid, RIG_APICID(1));
		rig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inject),	   cmocka_unit_test(by_software),
		cmocka_unit_test(tpr_of_the_page), cmocka_unit_test(level_eoi),
		cmocka_unit_test(inhibits),	   cmocka_unit_test(vmcb),
		cmocka_unit_test(incomplete_ipi),  cmocka_unit_test(erratum),
		cmocka_unit_test(real_ipi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
