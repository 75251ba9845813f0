/* SPDX-License-Identifier: MIT */
/* Scheduling and blocking on Intel: load, put, the wakeup vector, CPUs that go away. Sections are
 * those of docs/protocol-intel.md; R1..R10 is its list of races. */

#include <pthread.h>
#include <time.h>

#include "vmx_rig.h"

static struct rig r;

#define ON  PN_PID_ON
#define SN  PN_PID_SN
#define NVP ((uint64_t)PN_VEC_POSTED << PN_PID_NV_SH)
#define NVW ((uint64_t)PN_VEC_WAKEUP << PN_PID_NV_SH)

static uint64_t ndst(uint32_t cpu)
{
	return pn_pid_ndst(r.cpu[cpu].apicid, true);
}

/* ---- load ---- */

struct load_row {
	const char *name;
	bool listed;   /* before: asleep on CPU 1 with the wakeup vector; else ran on CPU 1 */
	uint64_t bits; /* SN, ON before */
	bool pir;
	uint32_t cpu; /* where it is loaded */
	uint64_t want_bits;
	bool writes; /* control is written to by load */
};

static const struct load_row load_rows[] = {
	{"L1: same CPU, nothing to change", 0, 0, 0, 1, 0, 0},
	{"L1: same CPU, ON stays", 0, ON, 1, 1, ON, 0},
	{"L1: same CPU, empty PIR and ON", 0, ON, 0, 1, ON, 0},
	{"L1: same CPU, SN = 1, PIR empty", 0, SN, 0, 1, 0, 1},
	{"L5, R3: same CPU, SN = 1, PIR not empty", 0, SN, 1, 1, ON, 1},
	{"L5: same CPU, SN = ON = 1, PIR not empty", 0, SN | ON, 1, 1, ON, 1},
	{"L1: same CPU, SN = ON = 1, PIR empty", 0, SN | ON, 0, 1, ON, 1},
	{"L3: other CPU", 0, 0, 0, 2, 0, 1},
	{"L3: other CPU, ON stays", 0, ON, 0, 2, ON, 1},
	{"L3: other CPU, SN = 1, PIR empty", 0, SN, 0, 2, 0, 1},
	{"L5, R3: other CPU, SN = 1, PIR not empty", 0, SN, 1, 2, ON, 1},
	{"L2: asleep, same CPU", 1, 0, 0, 1, 0, 1},
	{"L2: asleep, same CPU, ON", 1, ON, 1, 1, ON, 1},
	{"L2, R5: asleep, other CPU", 1, 0, 0, 2, 0, 1},
	{"L2, R5: asleep, other CPU, ON", 1, ON, 1, 2, ON, 1},
};

static void load_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(load_rows) / sizeof(load_rows[0]); i++) {
		const struct load_row *w = &load_rows[i];
		struct pn_vmx_vcpu *v = &r.vcpu[0];

		rig_start(&r, &(struct rig_conf){0});
		pn_vmx_load(&v->h, &r.cpu[1]);
		if (w->listed) {
			pn_vmx_blocking(&v->h, &r.cpu[1]);
			pn_vmx_put(&v->h, &r.cpu[1], false);
		}
		v->pid->control = (rig_ctl(v) & ~(SN | ON)) | w->bits;
		v->pid->pir[1] = w->pir;
		r.agent[1].step[PN_STEP_PID_WRITE].count =
			r.agent[2].step[PN_STEP_PID_WRITE].count = 0;
		pn_vmx_load(&v->h, &r.cpu[w->cpu]);
		row_eq(w->name, "control", rig_ctl(v), NVP | ndst(w->cpu) | w->want_bits);
		row_eq(w->name, "PIR", v->pid->pir[1], w->pir);
		row_eq(w->name, "writes", r.agent[w->cpu].step[PN_STEP_PID_WRITE].count, w->writes);
		row_eq(w->name, "cpu", v->h.cpu, w->cpu);
		row_eq(w->name, "IPIs (L5 sends none)", r.ipis, 0);
		for (uint32_t c = 0; c < RIG_CPUS; c++) {
			row_eq(w->name, "list", pn_list_empty(&r.cpu[c].wake_list), 1);
			row_eq(w->name, "irq_off", r.agent[c].irq_off, 0);
		}
		rig_check(&r, w->name);
		rig_close(&r);
	}
}

/* ---- put ---- */

enum source { NOBODY, NO_POSTING, DEVICE, IPIV };

struct put_row {
	const char *name;
	enum source source;
	bool blocking, irq_blocked, preempted;
	uint64_t on;   /* before */
	uint64_t want; /* NV and bits */
	bool listed, self_ipi;
};

static const struct put_row put_rows[] = {
	/* clang-format off */
	{"4.2: nobody posts: asleep", NOBODY, 1, 0, 0, 0, NVP, 0, 0},
	{"4.2: nobody posts: asleep, ON", NOBODY, 1, 0, 0, ON, NVP | ON, 0, 0},
	{"4.2: nobody posts: preempted", NOBODY, 0, 0, 1, 0, NVP, 0, 0},
	{"4.2: units cannot post", NO_POSTING, 1, 0, 1, 0, NVP, 0, 0},
	{"P4, 7.3: neither blocking nor preempted: user space", DEVICE, 0, 0, 0, 0, NVP | SN, 0, 0},
	{"P4, 7.3: the same, ON stays", DEVICE, 0, 0, 0, ON, NVP | SN | ON, 0, 0},
	{"P4: preempted", DEVICE, 0, 0, 1, 0, NVP | SN, 0, 0},
	{"P4: preempted, ON stays", DEVICE, 0, 0, 1, ON, NVP | SN | ON, 0, 0},
	{"P2: asleep", DEVICE, 1, 0, 0, 0, NVW, 1, 0},
	{"P3, R2: asleep, ON", DEVICE, 1, 0, 0, ON, NVW | ON, 1, 1},
	{"P4, R6, 7.3: preempted while blocking", DEVICE, 1, 0, 1, 0, NVP | SN, 0, 0},
	{"P4, R6, 7.3: the same, ON: no self-IPI", DEVICE, 1, 0, 1, ON, NVP | SN | ON, 0, 0},
	{"P4, 7.3: IF = 0: no interrupt is to wake it", DEVICE, 1, 1, 0, 0, NVP | SN, 0, 0},
	{"P4, 7.3: IF = 0, ON", DEVICE, 1, 1, 0, ON, NVP | SN | ON, 0, 0},
	{"P4: IF = 0, preempted", DEVICE, 1, 1, 1, 0, NVP | SN, 0, 0},
	{"6.4: IPI virtualization alone: asleep", IPIV, 1, 0, 0, 0, NVW, 1, 0},
	{"6.4: IPI virtualization alone: preempted", IPIV, 0, 0, 1, 0, NVP | SN, 0, 0},
	{"6.4: IPI virtualization alone: asleep, ON", IPIV, 1, 0, 0, ON, NVW | ON, 1, 1},
	{"6.4: IPI virtualization alone: user space", IPIV, 0, 0, 0, 0, NVP | SN, 0, 0},
	{"6.4: IPI virtualization alone: preempted while blocking", IPIV, 1, 0, 1, ON, NVP | SN | ON, 0, 0},
	/* clang-format on */
};

static void put_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(put_rows) / sizeof(put_rows[0]); i++) {
		const struct put_row *w = &put_rows[i];
		struct pn_vmx_vcpu *v = &r.vcpu[0];

		rig_start(&r, &(struct rig_conf){.no_devices = w->source != DEVICE,
						 .no_posting = w->source == NO_POSTING,
						 .ipiv = w->source == IPIV});
		pn_vmx_load(&v->h, &r.cpu[1]);
		if (w->blocking)
			pn_vmx_blocking(&v->h, &r.cpu[1]);
		v->h.irq_blocked = w->irq_blocked;
		v->pid->control |= w->on;
		pn_vmx_put(&v->h, &r.cpu[1], w->preempted);
		row_eq(w->name, "control", rig_ctl(v), ndst(1) | w->want);
		row_eq(w->name, "on the list", rig_listed(&r, v, 1), w->listed);
		row_eq(w->name, "IPIs", r.ipis, w->self_ipi);
		if (w->self_ipi) {
			row_eq(w->name, "to CPU", r.ipi_cpu, 1);
			row_eq(w->name, "vector", r.ipi_vector, PN_VEC_WAKEUP);
		}
		row_eq(w->name, "handler ran", r.c[1].wakeups, w->self_ipi);
		row_eq(w->name, "irq_off", r.agent[1].irq_off, 0);
		rig_check(&r, w->name);
		rig_close(&r);
	}
}

/* NDST: 32 bits in x2APIC mode, bits 15:8 in xAPIC mode (section 2). */
static void ndst_forms(void **state)
{
	static const struct {
		const char *name;
		bool xapic;
		uint32_t apicid;
		uint64_t want;
	} rows[] = {
		{"2: x2APIC", 0, 0x12345678, 0x12345678ull << 32},
		{"2: x2APIC, zero", 0, 0, 0},
		{"2: xAPIC", 1, 0x5A, 0x5A00ull << 32},
		{"2: xAPIC, bits 31:8 do not leak", 1, 0x1FE, 0xFE00ull << 32},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_start(&r, &(struct rig_conf){.xapic = rows[i].xapic});
		r.cpu[2].apicid = rows[i].apicid;
		pn_vmx_load(&r.vcpu[0].h, &r.cpu[2]);
		row_eq(rows[i].name, "control", rig_ctl(&r.vcpu[0]), NVP | rows[i].want);
		rig_check(&r, rows[i].name);
		rig_close(&r);
	}
}

/* Before it ever ran SN keeps the notification away from CPU 0, which NDST happens to name; then
 * load is complete even on CPU 0. */
static void never_ran(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	assert_int_equal(rig_ctl(v), NVP | SN);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_POSTED);
	assert_int_equal(r.intrs, 0);
	rig_check(&r, "never ran");
	pn_vmx_load(&v->h, &r.cpu[0]);
	assert_int_equal(rig_ctl(v), NVP | ndst(0) | ON);
	assert_int_equal(rig_enter(&r, v, 0), -1);
	assert_int_equal(rig_drain(&r, 0), 0x41);
	rig_check(&r, "ran");
	rig_close(&r);
}

/* ---- races ---- */

static void post0(struct rig *x)
{
	assert_int_equal(rig_msi(x, 0), PN_MSI_POSTED);
}

/* Blocks on CPU 1; a post comes from step @at, and the wakeup vector wakes the vCPU. */
static void block_with(unsigned at, unsigned nth, const char *name)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_hook(&r, at, nth, post0);
	row_eq(name, "sleeps on", rig_block(&r, v, 1), 0);
	row_eq(name, "hook left", r.hook != NULL, 0);
	rig_check(&r, name);
	row_eq(name, "woken", r.task[0].wakes, 1);
	row_eq(name, "wakeup vectors", r.c[1].wakeups, 1);
	row_eq(name, "must run", rig_resume(&r, v, 2), 1);
	rig_enter(&r, v, 2);
	row_eq(name, "delivered", rig_drain(&r, 2), 0x41);
	rig_check(&r, name);
}

static void r1_post_after_switch(void **state)
{
	(void)state;
	block_with(PN_STEP_PID_WRITE, 1, "R1");
	assert_int_equal(r.ipis, 0); /* the unit's own notification */
	assert_int_equal(r.intr_vector, PN_VEC_WAKEUP);
	rig_close(&r);
}

static void r2_post_before_switch(void **state)
{
	(void)state;
	block_with(PN_STEP_LIST_ADD, 1, "R2");
	assert_int_equal(r.intr_vector, PN_VEC_POSTED); /* found no guest */
	assert_int_equal(r.c[1].posted_in_host, 1);
	assert_int_equal(r.ipis, 1);
	rig_close(&r);
}

/* The same between the last check and put. */
static void r2_post_before_put(void **state)
{
	(void)state;
	block_with(PN_STEP_BLOCK_CHECK, 1, "R2, before put");
	assert_int_equal(r.c[1].posted_in_host, 1);
	assert_int_equal(r.ipis, 1);
	rig_close(&r);
}

/* R3, R4: posted while preempted, no notification; loaded, the next entry takes it. */
static void r3_post_while_suppressed(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	for (uint32_t cpu = 1; cpu <= 2; cpu++) {
		rig_start(&r, &(struct rig_conf){0});
		pn_vmx_load(&v->h, &r.cpu[1]);
		pn_vmx_put(&v->h, &r.cpu[1], true);
		post0(&r);
		assert_int_equal(r.intrs, 0);
		assert_int_equal(rig_ctl(v) & ON, 0);
		assert_true(pn_vmx_pending(&v->h)); /* although ON is 0 */
		pn_vmx_load(&v->h, &r.cpu[cpu]);
		assert_int_equal(rig_ctl(v) & (ON | SN), ON);
		rig_enter(&r, v, cpu);
		assert_int_equal(rig_drain(&r, cpu), 0x41);
		rig_check(&r, "R3");
		rig_close(&r);
	}
}

/* R4: posted right after SN went to 0: either the unit notifies or load sees the PIR. */
static void r4_post_as_sn_clears(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	pn_vmx_put(&v->h, &r.cpu[1], true);
	rig_hook(&r, PN_STEP_PID_WRITE, 1, post0);
	pn_vmx_load(&v->h, &r.cpu[2]);
	assert_int_equal(r.intrs, 1);
	assert_int_equal(r.intr_dest, RIG_APICID(2));
	assert_int_equal(rig_ctl(v) & (ON | SN), ON);
	rig_check(&r, "R4");
	rig_close(&r);
}

static void r5_migration_while_blocked(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0], *other = &r.vcpu[1];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	pn_vmx_load(&other->h, &r.cpu[2]);
	assert_true(rig_block(&r, v, 1));
	assert_true(rig_block(&r, other, 2));
	r.agent[1].irq_off++; /* the vector stays pending there */
	post0(&r);
	pn_vmx_load(&v->h, &r.cpu[2]); /* another agent woke it */
	assert_true(pn_list_empty(&r.cpu[1].wake_list));
	assert_false(rig_listed(&r, v, 2));
	assert_true(rig_listed(&r, other, 2));
	rig_check(&r, "R5");
	pn_irq_on(&r.agent[1]);
	assert_int_equal(r.c[1].wakeups, 1);
	assert_int_equal(r.cpu[1].wake_spurious, 1); /* finds nothing */
	assert_true(pn_vmx_must_run(&v->h, &r.cpu[2]));
	rig_close(&r);
}

/* Unlinked under the lock of the old CPU: load waits while another agent holds it. */
static void r5_lock_of_the_old_cpu(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_block(&r, v, 1);
	r.cpu[2].wake_lock.held = 1; /* would never return if it took the new CPU's */
	pn_vmx_load(&v->h, &r.cpu[2]);
	r.cpu[2].wake_lock.held = 0;
	assert_int_equal(r.cpu[1].wake_lock.held, 0);
	rig_check(&r, "R5");
	rig_close(&r);
}

static void r6_preempted_while_blocking(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	pn_vmx_blocking(&v->h, &r.cpu[1]);
	assert_false(pn_vmx_must_run(&v->h, &r.cpu[1]));
	pn_vmx_put(&v->h, &r.cpu[1], true);
	assert_false(rig_listed(&r, v, 1));
	post0(&r);
	assert_int_equal(r.intrs, 0); /* it is runnable */
	assert_int_equal(r.ipis, 0);
	assert_int_equal(r.c[1].wakeups, 0);
	assert_int_equal(r.task[0].wakes + r.task[0].spurious, 0);
	pn_vmx_load(&v->h, &r.cpu[1]);
	assert_true(pn_vmx_must_run(&v->h, &r.cpu[1]));
	rig_check(&r, "R6");
	rig_close(&r);
}

/*
 * The same with a notification that came first: the host took it, and ON announces the interrupt to
 * the next check. No wakeup vector for a task that is runnable.
 */
static void r6_posted_then_preempted(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	pn_vmx_blocking(&v->h, &r.cpu[1]);
	assert_false(pn_vmx_must_run(&v->h, &r.cpu[1]));
	post0(&r);
	assert_int_equal(r.c[1].posted_in_host, 1);
	pn_vmx_put(&v->h, &r.cpu[1], true);
	assert_int_equal(r.c[1].wakeups + r.ipis, 0);
	pn_vmx_load(&v->h, &r.cpu[2]);
	assert_true(pn_vmx_must_run(&v->h, &r.cpu[2]));
	rig_check(&r, "R6");
	rig_close(&r);
}

/*
 * HLT with IF = 0: a post wakes no task and notifies no CPU; the guest takes it once it runs again
 * for another reason and sets IF.
 */
static void if_0_sleeps_on(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	v->h.irq_blocked = true;
	assert_true(rig_block(&r, v, 1));
	post0(&r);
	assert_int_equal(r.intrs, 0);
	assert_true(r.task[0].asleep);
	pn_vmx_load(&v->h, &r.cpu[1]);
	assert_int_equal(rig_ctl(v) & (ON | SN), ON);
	assert_false(pn_vmx_must_run(&v->h, &r.cpu[1])); /* in the IRR, and not to be taken */
	pn_vmx_unblocking(&v->h, &r.cpu[1]);
	v->h.irq_blocked = false;
	rig_enter(&r, v, 1);
	assert_int_equal(rig_drain(&r, 1), 0x41);
	rig_check(&r, "IF = 0");
	rig_close(&r);
}

/* R6, then it sleeps without another check: put finds the ON that load has set. */
static void r6_goes_on_to_sleep(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	pn_vmx_blocking(&v->h, &r.cpu[1]);
	r.task[0].asleep = true;
	assert_false(pn_vmx_must_run(&v->h, &r.cpu[1]));
	pn_vmx_put(&v->h, &r.cpu[1], true);
	post0(&r);
	pn_vmx_load(&v->h, &r.cpu[2]);
	pn_vmx_put(&v->h, &r.cpu[2], false);
	assert_int_equal(r.task[0].wakes, 1);
	assert_int_equal(r.c[2].wakeups, 1);
	rig_check(&r, "R6");
	rig_close(&r);
}

/* ---- R7, R8: with real threads ---- */

#define MEETINGS 20000u /* wanted of each kind */
#define SECONDS	 3

/* One post at a time; the next one after the outcome of this one was checked. */
struct hammer {
	struct pn_vmx_vcpu *v;
	uint32_t begun, posted, seen; /* posts; that are over; whose outcome was looked at */
	uint32_t stop;
};

static void *hammer_post(void *arg)
{
	struct hammer *h = arg;
	uint32_t n = 0;

	while (!pn_ld32_acq(&h->stop)) {
		struct pn_pid_post post = {.vector = 0x41, .x2apic = true, .check = true};

		pn_xchg32(&h->begun, ++n);
		pn_pid_post(h->v->pid, &post);
		pn_st32_rel(&h->posted, n);
		while (pn_ld32_acq(&h->seen) != n && !pn_ld32_acq(&h->stop))
			pn_relax();
		for (unsigned i = n % 37; i--;)
			pn_relax();
	}
	return NULL;
}

/*
 * If a post was under way, it is over now and the poster waits: it was taken, or ON announces it.
 */
static void no_post_is_lost(struct hammer *h, const char *name, unsigned *outcomes)
{
	uint32_t n = pn_ld32_acq(&h->begun);

	if (n == h->seen)
		return;
	while (pn_ld32_acq(&h->posted) != n)
		pn_relax();
	++*outcomes;
	if (!pn_vapic_test(h->v->h.page, PN_APIC_IRR, 0x41) && !(rig_ctl(h->v) & ON))
		fail_msg("%s: posted, neither taken nor ON", name);
	if (rig_pir(h->v, 0x41) && !(rig_ctl(h->v) & ON))
		fail_msg("%s: in the PIR, and ON is lost", name);
}

/* The post is taken, and another may begin. */
static void next_post(struct hammer *h)
{
	uint32_t n = pn_ld32_acq(&h->posted);

	pn_vmx_must_run(&h->v->h, &r.cpu[1]);
	if (n == h->seen)
		return;
	if (!pn_vapic_clear(h->v->h.page, PN_APIC_IRR, 0x41))
		fail_msg("a post was not taken");
	pn_st32_rel(&h->seen, n);
}

static void r7_r8_threads(void **state)
{
	struct hammer h = {.v = &r.vcpu[0]};
	unsigned after_sync = 0, after_put = 0;
	time_t end = time(NULL) + SECONDS;
	pthread_t t;

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	for (uint32_t i = 0; i < RIG_CPUS; i++)
		pn_watch_all(&r.cpu_steps[i], false);
	pn_vmx_load(&h.v->h, &r.cpu[1]);
	pn_vmx_blocking(&h.v->h, &r.cpu[1]);
	assert_int_equal(pthread_create(&t, NULL, hammer_post, &h), 0);
	while ((after_sync < MEETINGS || after_put < MEETINGS) && time(NULL) <= end) {
		pn_or64(&h.v->pid->control, ON); /* another interrupt, taken meanwhile */
		pn_vmx_must_run(&h.v->h, &r.cpu[1]);
		no_post_is_lost(&h, "R8, sync", &after_sync);
		pn_vmx_put(&h.v->h, &r.cpu[1], false);
		no_post_is_lost(&h, "R7, put", &after_put);
		pn_vmx_load(&h.v->h, &r.cpu[1]);
		next_post(&h);
	}
	pn_st32_rel(&h.stop, 1);
	pthread_join(t, NULL);
	assert_true(after_sync && after_put); /* both were met */
	rig_check(&r, "R7, R8");
	rig_close(&r);
}

/* R10: ON = 1 always has a notification on its way or a sync to come. */
static void r10_on_is_never_stuck(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	post0(&r); /* between load and entry: ignored by the host */
	assert_int_equal(r.c[1].posted_in_host, 1);
	assert_int_equal(rig_ctl(v) & ON, ON);
	rig_enter(&r, v, 1);
	assert_int_equal(rig_ctl(v) & ON, 0);
	assert_int_equal(rig_drain(&r, 1), 0x41);
	post0(&r); /* in the guest: no exit */
	assert_int_equal(rig_ctl(v) & ON, 0);
	assert_int_equal(r.c[1].exits, 0);
	assert_int_equal(rig_drain(&r, 1), 0x41);
	rig_exit(&r, 1);
	post0(&r); /* out again */
	assert_int_equal(r.c[1].posted_in_host, 2);
	assert_false(rig_block(&r, v, 1));
	assert_int_equal(rig_ctl(v) & ON, 0);
	rig_check(&r, "R10");
	rig_close(&r);
}

/* ---- the wakeup vector ---- */

static void wakeup_handler(void **state)
{
	struct pn_vmx_vcpu *v = r.vcpu;

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	for (unsigned i = 0; i < 3; i++) {
		pn_vmx_load(&v[i].h, &r.cpu[i < 2 ? 1 : 2]);
		assert_true(rig_block(&r, &v[i], i < 2 ? 1 : 2));
	}
	rig_raise(&r, 1, PN_VEC_WAKEUP); /* for no vCPU */
	assert_int_equal(r.cpu[1].wake_spurious, 1);
	assert_true(r.task[0].asleep && r.task[1].asleep);
	rig_msi(&r, 1);
	assert_true(r.task[0].asleep && r.task[2].asleep);
	assert_false(r.task[1].asleep);
	assert_int_equal(r.task[1].why, PN_WAKE_NOTIFY);
	assert_int_equal(r.cpu[1].wake_irqs, 2);
	assert_int_equal(r.cpu[1].wake_scanned, 4);
	assert_int_equal(r.cpu[1].wake_spurious, 1);
	/* It neither clears ON nor unlinks; a second vector wakes no vCPU twice (H11). */
	assert_int_equal(rig_ctl(&v[1]) & ON, ON);
	assert_true(rig_listed(&r, &v[1], 1));
	rig_raise(&r, 1, PN_VEC_WAKEUP);
	assert_int_equal(r.task[1].spurious, 0);
	assert_int_equal(r.cpu[1].in_handler, 0);
	rig_check(&r, "4.3");
	rig_close(&r);
}

static void with_interrupts_off(struct rig *x)
{
	assert_int_equal(x->agent[1].irq_off, 1);
}

/* The handler takes the same lock on the same CPU (4.3). */
static void list_lock_is_taken_with_interrupts_off(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_hook(&r, PN_STEP_LIST_ADD, 1, with_interrupts_off);
	rig_block(&r, v, 1);
	assert_null(r.hook);
	rig_hook(&r, PN_STEP_LIST_DEL, 1, with_interrupts_off);
	pn_vmx_load(&v->h, &r.cpu[1]);
	assert_null(r.hook);
	rig_close(&r);
}

/* P1: when NV says wakeup, it is on the list already. */
static void seen_on_list(struct rig *x)
{
	assert_true(rig_listed(x, &x->vcpu[0], 1));
	assert_int_equal(pn_pid_nv(rig_ctl(&x->vcpu[0])), PN_VEC_WAKEUP);
}

static void not_switched_yet(struct rig *x)
{
	assert_int_equal(pn_pid_nv(rig_ctl(&x->vcpu[0])), PN_VEC_POSTED);
}

static void list_before_nv(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&r.vcpu[0].h, &r.cpu[1]);
	rig_hook(&r, PN_STEP_PID_WRITE, 1, seen_on_list);
	rig_block(&r, &r.vcpu[0], 1);
	assert_null(r.hook);
	pn_vmx_load(&r.vcpu[0].h, &r.cpu[1]);
	rig_hook(&r, PN_STEP_LIST_ADD, 1, not_switched_yet);
	rig_block(&r, &r.vcpu[0], 1);
	assert_null(r.hook);
	rig_close(&r);
}

/* Put twice without load in between: it stays on the list once. */
static void never_twice_on_the_list(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&r.vcpu[0].h, &r.cpu[1]);
	rig_block(&r, &r.vcpu[0], 1);
	pn_vmx_put(&r.vcpu[0].h, &r.cpu[1], false);
	rig_check(&r, "twice");
	pn_vmx_load(&r.vcpu[0].h, &r.cpu[1]);
	rig_check(&r, "off");
	rig_close(&r);
}

/* The last device is taken away while it sleeps: load still takes the vCPU off the list. */
static void device_leaves_while_blocked(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){.no_devices = true});
	assert_int_equal(pn_vmx_pi_update(&r.vmx.hyp, &r.ir[0].host, &v->h, 0x41, &r.cpu[0]), 0);
	v->h.requests = 0;
	pn_vmx_load(&v->h, &r.cpu[1]);
	assert_true(rig_block(&r, v, 1));
	assert_int_equal(pn_vmx_pi_update(&r.vmx.hyp, &r.ir[0].host, NULL, 0, &r.cpu[0]), 0);
	assert_int_equal(r.vm.assigned, 0);
	assert_true(rig_listed(&r, v, 1));
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_check(&r, "unlinked");
	assert_int_equal(pn_vmx_pi_update(&r.vmx.hyp, &r.ir[0].host, &v->h, 0x41, &r.cpu[0]), 0);
	pn_vmx_unblocking(&v->h, &r.cpu[1]);
	assert_true(rig_block(&r, v, 1));
	rig_check(&r, "blocked again");
	rig_close(&r);
}

/* ---- CPUs go away ---- */

static void cpu_offline(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	assert_true(rig_block(&r, v, 1));
	pn_st32(&r.cpu[1].online, 0);
	post0(&r); /* to a CPU that takes nothing any more */
	assert_true(r.task[0].asleep);
	pn_vmx_cpu_offline(&r.vmx.hyp, &r.cpu[1], &r.cpu[0]);
	assert_false(r.task[0].asleep);
	assert_int_equal(r.task[0].why, PN_WAKE_REQUEST);
	pn_vmx_load(&v->h, &r.cpu[2]);
	assert_true(pn_vmx_must_run(&v->h, &r.cpu[2]));
	pn_vmx_unblocking(&v->h, &r.cpu[2]);
	assert_true(pn_list_empty(&r.cpu[1].wake_list));
	assert_int_equal(v->h.requests, 0);
	rig_check(&r, "offline");
	rig_enter(&r, v, 2);
	assert_int_equal(rig_drain(&r, 2), 0x41);
	rig_exit(&r, 2);
	assert_true(rig_block(&r, v, 2)); /* elsewhere */
	post0(&r);
	assert_int_equal(r.c[2].wakeups, 1);
	assert_false(r.task[0].asleep);
	pn_vmx_cpu_online(&r.vmx.hyp, &r.cpu[1]);
	assert_int_equal(r.cpu[1].online, 1);
	rig_close(&r);
}

/* Nothing posted: it still leaves the loop, because of the request alone. */
static void offline_without_interrupt(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){.ipiv = true});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_block(&r, v, 1);
	pn_vmx_cpu_offline(&r.vmx.hyp, &r.cpu[1], &r.cpu[0]);
	assert_int_equal(r.cpu[1].online, 0);
	assert_true(rig_resume(&r, v, 3));
	assert_int_equal(v->h.requests, 0);
	assert_true(rig_block(&r, v, 3));
	rig_check(&r, "offline");
	rig_close(&r);
}

static void nobody_is_left_behind(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&r.vcpu[0].h, &r.cpu[1]);
	rig_block(&r, &r.vcpu[0], 1);
	pn_vmx_exit(&r.vmx.hyp);
	post0(&r);
	assert_int_equal(r.c[1].wakeups, 1);
	assert_int_equal(r.cpu[1].wake_irqs, 0);
	assert_true(r.task[0].asleep);
	rig_close(&r);
}

/* The check finds what it must find. */
static void check_finds(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){.ipiv = true});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_block(&r, v, 1);
#define finds(what, ...)                                                                           \
	do {                                                                                       \
		struct pn_pid pid = *v->pid;                                                       \
		const char *got;                                                                   \
		__VA_ARGS__;                                                                       \
		got = pn_vmx_check(&v->h, &r.cpu[0]);                                              \
		if (!got || !strstr(got, what))                                                    \
			fail_msg("expected \"%s\", got \"%s\"", what, got ? got : "nothing");      \
		*v->pid = pid;                                                                     \
	} while (0)
	finds("reserved bits", v->pid->rsvd[1] = 1);
	finds("reserved bits", v->pid->control |= 4);
	finds("without need", v->pid->control ^= NVW ^ NVP);
	finds("without need", v->pid->control ^= NVW ^ (0xF0ull << PN_PID_NV_SH));
	finds("ON is lost", v->pid->pir[3] = 1);
	finds("but is suppressed", v->pid->control |= SN);
	finds("NDST", v->pid->control ^= 1ull << 40);
	finds("in the guest", v->h.mode = PN_IN_GUEST);
	v->h.mode = PN_OUTSIDE_GUEST;
	finds("list_cpu", v->list_cpu = 9);
	v->list_cpu = 1;
	finds("cpu is no CPU", v->h.cpu = 9);
	finds("NDST", v->h.cpu = 2);
	v->h.cpu = 1;
	finds("PID-pointer", r.vm.pid_table[0] ^= 0x40);
	r.vm.pid_table[0] ^= 0x40;
	finds("SVI", pn_vapic_set(v->h.page, PN_APIC_ISR, 0x33));
	pn_vapic_clear(v->h.page, PN_APIC_ISR, 0x33);
	rig_check(&r, "as before");
	pn_vmx_load(&v->h, &r.cpu[1]);
	finds("on no list", v->pid->control ^= NVW ^ NVP);
	finds("neither vector", v->pid->control ^= NVP);
	finds("suppressed in", {
		v->pid->control |= SN;
		v->h.mode = PN_IN_GUEST;
	});
	v->h.mode = PN_OUTSIDE_GUEST;
	rig_check(&r, "at last");
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_table),
		cmocka_unit_test(put_table),
		cmocka_unit_test(ndst_forms),
		cmocka_unit_test(never_ran),
		cmocka_unit_test(r1_post_after_switch),
		cmocka_unit_test(r2_post_before_switch),
		cmocka_unit_test(r2_post_before_put),
		cmocka_unit_test(r3_post_while_suppressed),
		cmocka_unit_test(r4_post_as_sn_clears),
		cmocka_unit_test(r5_migration_while_blocked),
		cmocka_unit_test(r5_lock_of_the_old_cpu),
		cmocka_unit_test(r6_preempted_while_blocking),
		cmocka_unit_test(r6_posted_then_preempted),
		cmocka_unit_test(if_0_sleeps_on),
		cmocka_unit_test(r6_goes_on_to_sleep),
		cmocka_unit_test(r7_r8_threads),
		cmocka_unit_test(r10_on_is_never_stuck),
		cmocka_unit_test(wakeup_handler),
		cmocka_unit_test(list_lock_is_taken_with_interrupts_off),
		cmocka_unit_test(list_before_nv),
		cmocka_unit_test(never_twice_on_the_list),
		cmocka_unit_test(device_leaves_while_blocked),
		cmocka_unit_test(cpu_offline),
		cmocka_unit_test(offline_without_interrupt),
		cmocka_unit_test(nobody_is_left_behind),
		cmocka_unit_test(check_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
