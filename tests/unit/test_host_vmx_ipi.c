/* SPDX-License-Identifier: MIT */
/*
 * IPIs on Intel: those that the processor sends by itself, and the exits for the others. Sections
 * are those of docs/protocol-intel.md.
 */

#include "vmx_rig.h"

static struct rig r;

#define ON PN_PID_ON
#define SN PN_PID_SN

/* ---- the exit ---- */

#define X2(dest, low) ((uint64_t)(dest) << 32 | (low))
#define LOG	      PN_ICR_LOGICAL
#define MODE(m)	      ((uint32_t)(m) << 8)
#define SH(s)	      ((uint32_t)(s) << 18)

struct icr_row {
	const char *name;
	bool xapic;
	uint64_t icr;
	unsigned got;	/* bit per vCPU that gets the vector */
	unsigned poked; /* that is told to check */
	bool esr;
};

static const struct icr_row icrs[] = {
	{"I1: physical", 0, X2(2, 0x71), 4, 0, 0},
	{"I1: physical, itself", 0, X2(0, 0x71), 1, 0, 0},
	{"I1: physical, nobody", 0, X2(9, 0x71), 0, 0, 0},
	{"I1: physical, broadcast", 0, X2(0xFFFFFFFF, 0x71), 15, 0, 0},
	{"I1: 255 is not broadcast in x2APIC mode", 0, X2(0xFF, 0x71), 0, 0, 0},
	{"I1: logical", 0, X2(0x6, LOG | 0x71), 6, 0, 0},
	{"I1: logical, another cluster", 0, X2(0x10006, LOG | 0x71), 0, 0, 0},
	{"I1: shorthand self", 0, X2(0, SH(1) | 0x71), 1, 0, 0},
	{"I1: shorthand all", 0, X2(0, SH(2) | 0x71), 15, 0, 0},
	{"I1: shorthand all but self", 0, X2(0, SH(3) | 0x71), 14, 0, 0},
	{"I1: lowest priority", 0, X2(0xE, LOG | MODE(PN_DM_LOWEST) | 0x71), 4, 0, 0},
	{"I1: level", 0, X2(1, PN_ICR_LEVEL | PN_ICR_ASSERT | 0x71), 2, 0, 0},
	{"I1: vector below 16", 0, X2(1, 15), 0, 0, 1},
	{"I1: lowest priority, vector below 16", 0, X2(1, MODE(PN_DM_LOWEST) | 3), 0, 0, 1},
	{"I1: NMI", 0, X2(2, MODE(PN_DM_NMI)), 0, 4, 0},
	{"I1: INIT to all but self", 0, X2(0, SH(3) | MODE(PN_DM_INIT)), 0, 14, 0},
	{"I1: NMI to itself", 0, X2(0, MODE(PN_DM_NMI)), 0, 0, 0},
	{"I1: xAPIC, physical", 1, 2ull << 56 | 0x71, 4, 0, 0},
	{"I1: xAPIC, broadcast", 1, 0xFFull << 56 | 0x71, 15, 0, 0},
	{"I1: xAPIC, flat logical", 1, 0xAull << 56 | LOG | 0x71, 10, 0, 0},
	{"I1: xAPIC, bits 31:24 of the upper half alone", 1, 0x00FFFFFFull << 32 | 0x71, 1, 0, 0},
	{"I1: xAPIC, shorthand all but self", 1, SH(3) | 0x71, 14, 0, 0},
};

/* Writes VICR as the processor does. */
static void write_vicr(struct pn_vmx_vcpu *v, uint64_t icr)
{
	uint32_t high = v->vm->x2apic ? PN_APIC_ICRL + 4 : PN_APIC_ICRH;

	pn_vapic_write(v->h.page, PN_APIC_ICRL, (uint32_t)icr);
	v->h.page[high / 4] = (uint32_t)(icr >> 32);
}

static void icr_exit(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(icrs) / sizeof(icrs[0]); i++) {
		const struct icr_row *w = &icrs[i];
		struct pn_vmx_vcpu *v = r.vcpu;
		unsigned got = 0, poked = 0;

		rig_start(&r, &(struct rig_conf){.xapic = w->xapic});
		for (unsigned n = 0; n < RIG_VCPUS; n++) {
			r.task[n].asleep = n > 0;
			pn_vapic_write(v[n].h.page, PN_APIC_PPR, 0);
		}
		pn_vapic_write(v[1].h.page, PN_APIC_TPR, 0x80); /* not the lowest priority */
		write_vicr(v, w->icr | (w->xapic ? PN_ICR_BUSY : 0));
		pn_vmx_icr_exit(v, &r.cpu[1]);
		for (unsigned n = 0; n < RIG_VCPUS; n++) {
			got |= (unsigned)(pn_vmx_irr(&v[n].h, 3) >> 17 & 1) << n;
			poked |= (v[n].h.requests & PN_REQ_UNBLOCK ? 1u : 0) << n;
			row_eq(w->name, "woken", r.task[n].wakes,
			       n && (w->got | w->poked) >> n & 1);
		}
		row_eq(w->name, "got it", got, w->got);
		row_eq(w->name, "asked to look", poked, w->poked);
		row_eq(w->name, "ESR", pn_vapic_read(v->h.page, PN_APIC_ESR), w->esr ? 32 : 0);
		row_eq(w->name, "I2: BUSY", pn_vapic_read(v->h.page, PN_APIC_ICRL) & PN_ICR_BUSY,
		       0);
		row_eq(w->name, "ignored", v->h.ipis_ignored, PN_ICR_MODE(w->icr) > PN_DM_LOWEST);
		row_eq(w->name, "itself: no notification", r.task[0].wakes + r.task[0].spurious, 0);
		row_eq(w->name, "step, x2APIC", r.agent[1].step[PN_STEP_ICR_HANDLE].count,
		       !w->xapic);
		row_eq(w->name, "step, xAPIC", r.agent[1].step[PN_STEP_ICR_HANDLE_MMIO].count,
		       w->xapic);
		rig_close(&r);
	}
}

/* To one that is in the guest: by 0xf2, without an exit there; to itself at the next entry. */
static void exit_reaches_the_guest(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&r.vcpu[0].h, &r.cpu[1]);
	pn_vmx_load(&r.vcpu[2].h, &r.cpu[2]);
	rig_enter(&r, &r.vcpu[2], 2);
	write_vicr(&r.vcpu[0], X2(0, SH(2) | 0x71));
	pn_vmx_icr_exit(&r.vcpu[0], &r.cpu[1]);
	assert_int_equal(r.c[2].exits, 0);
	assert_int_equal(rig_drain(&r, 2), 0x71);
	rig_enter(&r, &r.vcpu[0], 1);
	assert_int_equal(rig_drain(&r, 1), 0x71);
	rig_close(&r);
}

/* NMI to one that is in the guest: it exits and looks. */
static void poke_kicks(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&r.vcpu[2].h, &r.cpu[2]);
	rig_enter(&r, &r.vcpu[2], 2);
	write_vicr(&r.vcpu[0], X2(2, MODE(PN_DM_NMI)));
	pn_vmx_icr_exit(&r.vcpu[0], &r.cpu[1]);
	assert_int_equal(r.c[2].kicks, 1);
	assert_int_equal(r.c[2].exits, 1);
	rig_close(&r);
}

/* ---- IPI virtualization ---- */

struct ipiv_row {
	const char *name;
	uint64_t icr;
	enum pn_apicv_access want;
	int to; /* vCPU that has it in its PIR, or -1 */
};

static const struct ipiv_row ipivs[] = {
	{"6.3: fixed, edge, physical", X2(2, 0x71), PN_APICV_DONE, 2},
	{"6.3: bit 14 is not examined", X2(2, PN_ICR_ASSERT | 0x71), PN_APICV_DONE, 2},
	{"6.2: vector below 16", X2(2, 15), PN_APICV_TRAP, -1},
	{"6.2: beyond the last index", X2(8, 0x71), PN_APICV_TRAP, -1},
	{"6.2: no such vCPU", X2(5, 0x71), PN_APICV_TRAP, -1},
	{"6.3: logical", X2(4, LOG | 0x71), PN_APICV_TRAP, -1},
	{"6.3: lowest priority", X2(2, MODE(1) | 0x71), PN_APICV_TRAP, -1},
	{"6.3: level", X2(2, PN_ICR_LEVEL | 0x71), PN_APICV_TRAP, -1},
	{"6.3: shorthand", X2(2, SH(3) | 0x71), PN_APICV_TRAP, -1},
	{"6.3: broadcast", X2(0xFFFFFFFF, 0x71), PN_APICV_TRAP, -1},
	{"6.3: NMI", X2(2, MODE(PN_DM_NMI)), PN_APICV_TRAP, -1},
};

/* The processor accepts the table that the host made. */
static void virtualized(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ipivs) / sizeof(ipivs[0]); i++) {
		const struct ipiv_row *w = &ipivs[i];
		struct pn_apicv_exit exit = {0};

		rig_start(&r, &(struct rig_conf){.ipiv = true, .no_devices = true, .max_ids = 8});
		pn_vmx_load(&r.vcpu[0].h, &r.cpu[1]);
		rig_enter(&r, &r.vcpu[0], 1);
		row_eq(w->name, "result", pn_apicv_wrmsr(&r.c[1].core, 0x830, w->icr, &exit),
		       w->want);
		for (int n = 0; n < (int)RIG_VCPUS; n++)
			row_eq(w->name, "PIR", rig_pir(&r.vcpu[n], 0x71), n == w->to);
		if (w->want == PN_APICV_TRAP)
			row_eq(w->name, "reason", exit.reason, PN_VMX_EXIT_APIC_WRITE);
		rig_close(&r);
	}
}

static void ipi(uint32_t cpu, uint32_t to, uint8_t vector)
{
	struct pn_apicv_exit exit;

	assert_int_equal(pn_apicv_wrmsr(&r.c[cpu].core, 0x830, X2(to, vector), &exit),
			 PN_APICV_DONE);
}

/* 6.4: every vCPU may be posted to, devices or not: to one that runs, sleeps, is preempted. */
static void reaches_everybody(void **state)
{
	struct pn_vmx_vcpu *v = r.vcpu;

	(void)state;
	rig_start(&r, &(struct rig_conf){.ipiv = true, .no_devices = true});
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		pn_vmx_load(&v[i].h, &r.cpu[i]);
	rig_enter(&r, &v[0], 0);
	rig_enter(&r, &v[1], 1);
	assert_true(rig_block(&r, &v[2], 2));
	pn_vmx_put(&v[3].h, &r.cpu[3], true);
	for (uint32_t i = 1; i < RIG_VCPUS; i++)
		ipi(0, i, 0x71);
	assert_int_equal(rig_drain(&r, 1), 0x71); /* runs: no exit */
	assert_int_equal(r.c[1].exits, 0);
	assert_int_equal(r.c[2].wakeups, 1); /* sleeps: 0xf1 */
	assert_int_equal(r.task[2].wakes, 1);
	assert_true(rig_resume(&r, &v[2], 1));
	assert_int_equal(r.c[3].wakeups + r.c[3].posted_in_host, 0); /* preempted: SN */
	assert_int_equal(rig_ctl(&v[3]) & (ON | SN), SN);
	assert_true(pn_vmx_pending(&v[3].h));
	pn_vmx_load(&v[3].h, &r.cpu[3]);
	rig_enter(&r, &v[3], 3);
	assert_int_equal(rig_drain(&r, 3), 0x71);
	rig_check(&r, "6.4");
	rig_close(&r);
}

/* xAPIC: NDST has the id in bits 15:8, and the destination is in 310h. */
static void xapic_ipi(void **state)
{
	struct pn_apicv_exit exit;

	(void)state;
	rig_start(&r, &(struct rig_conf){.ipiv = true, .xapic = true, .no_devices = true});
	pn_vmx_load(&r.vcpu[0].h, &r.cpu[0]);
	pn_vmx_load(&r.vcpu[1].h, &r.cpu[1]);
	rig_enter(&r, &r.vcpu[0], 0);
	rig_enter(&r, &r.vcpu[1], 1);
	assert_int_equal(pn_apicv_write(&r.c[0].core, PN_APIC_ICRH, 1u << 24, &exit),
			 PN_APICV_DONE);
	assert_int_equal(pn_apicv_write(&r.c[0].core, PN_APIC_ICRL, 0x71, &exit), PN_APICV_DONE);
	assert_int_equal(rig_drain(&r, 1), 0x71);
	/* IPIs that it does not send are emulated from the same registers. */
	assert_int_equal(pn_apicv_write(&r.c[0].core, PN_APIC_ICRL, SH(3) | 0x72, &exit),
			 PN_APICV_TRAP);
	rig_exit(&r, 0);
	pn_vmx_icr_exit(&r.vcpu[0], &r.cpu[0]);
	assert_int_equal(rig_drain(&r, 1), 0x72);
	rig_check(&r, "xAPIC");
	rig_close(&r);
}

/*
 * Between the two steps of a virtualized IPI (6.2): ON is 0, SN too. For any action of the receiver
 * now, the second step notifies it at its present place.
 */
static void two_steps(void **state)
{
	static const struct {
		const char *name;
		uint8_t nv;
		bool sleeps;
	} rows[] = {
		{"receiver goes to sleep in between", PN_VEC_WAKEUP, true},
		{"receiver is preempted in between", PN_VEC_POSTED, false},
	};
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_pid_post post = {.vector = 0x71, .x2apic = true};

		rig_start(&r, &(struct rig_conf){.ipiv = true, .no_devices = true});
		pn_vmx_load(&v->h, &r.cpu[1]);
		v->pid->pir[1] |= 1ull << (0x71 - 64); /* step 1 */
		if (rows[i].sleeps)
			row_eq(rows[i].name, "sleeps", rig_block(&r, v, 1), 1);
		else
			pn_vmx_put(&v->h, &r.cpu[1], true);
		row_eq(rows[i].name, "pending", pn_vmx_pending(&v->h), !rows[i].sleeps);
		row_eq(rows[i].name, "step 2", pn_pid_post(v->pid, &post), /* as far as ON goes */
		       rows[i].sleeps ? PN_PID_NOTIFY : PN_PID_SUPPRESSED);
		row_eq(rows[i].name, "NV", pn_pid_nv(post.control), rows[i].nv);
		if (rows[i].sleeps) {
			rig_raise(&r, 1, PN_VEC_WAKEUP);
			row_eq(rows[i].name, "woken", r.task[0].wakes, 1);
		}
		pn_vmx_load(&v->h, &r.cpu[2]);
		rig_enter(&r, v, 2);
		row_eq(rows[i].name, "delivered", rig_drain(&r, 2), 0x71);
		rig_close(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(icr_exit),	     cmocka_unit_test(exit_reaches_the_guest),
		cmocka_unit_test(poke_kicks),	     cmocka_unit_test(virtualized),
		cmocka_unit_test(reaches_everybody), cmocka_unit_test(xapic_ipi),
		cmocka_unit_test(two_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
