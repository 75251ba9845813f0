/* SPDX-License-Identifier: MIT */
/* The GA log's thread: 1.6 and 7.4 of the spec sheet; galog-overflow-sleep, -unseen. */
#include "svm_rig.h"

static struct rig r;
static unsigned seen, overflows;
static uint32_t last_tag;
static bool ran_in_overflow;

static void entry(void *ctx, struct pn_agent *self, uint32_t tag)
{
	(void)ctx;
	(void)self;
	seen++;
	last_tag = tag;
}

static void overflow(void *ctx, struct pn_agent *self)
{
	(void)ctx;
	(void)self;
	overflows++;
	ran_in_overflow = rig_reg(&r, 0, PN_AMDVI_STATUS) & PN_ST_GALOGRUN;
}

/* Device interrupt 0 posts to vCPU 0, which does not run; the log's entries carry tag 0x1000. */
static void start_as(bool spy, const struct rig_conf *more)
{
	struct rig_conf conf = *more;

	conf.notify = PN_NOTIFY_GALOG;
	conf.galog_entries = 512;
	rig_start(&r, &conf);
	rig_attach(&r, 0, 0, 0x41);
	rig_attach(&r, 1, 1, 0x51);
	for (uint32_t i = 0; i < 2; i++) {
		pn_svm_load(&r.vcpu[i].h, &r.cpu[1]);
		pn_svm_blocking(&r.vcpu[i].h, &r.cpu[1]);
	}
	if (spy)
		r.iommus.notifier = (struct pn_ga_notifier){NULL, entry, overflow};
	seen = overflows = 0;
	r.log_thread.asleep = true;
	rig_forget(&r);
}

static void start(bool spy)
{
	start_as(spy, &(struct rig_conf){0});
}

static void drains(void **state)
{
	(void)state;
	start(true);
	rig_msi(&r, 0);
	rig_msi(&r, 0);
	rig_msi(&r, 1);
	/* GAInt 0 -> 1 once */
	assert_int_equal(rig_count(&r, PN_STEP_GALOG_IRQ), 1);
	assert_int_equal(rig_count(&r, PN_STEP_WAKE), 1);
	assert_false(r.log_thread.asleep);
	rig_threads(&r);
	assert_int_equal(seen, 3);
	assert_int_equal(last_tag, 0x1001);
	assert_int_equal(rig_count(&r, PN_STEP_GALOG_READ), 3);
	assert_int_equal(rig_count(&r, PN_STEP_GALOG_STATUS), 2); /* the last finds nothing */
	assert_int_equal(rig_reg(&r, 0, PN_AMDVI_GA_HEAD), 24);
	assert_int_equal(rig_reg(&r, 0, PN_AMDVI_STATUS) & (PN_ST_GAINT | PN_ST_GALOVERFLOW), 0);
	assert_int_equal(*r.drv[0].galog_shadow, 24);
	assert_int_equal(overflows, 0);
	rig_close(&r);
}

/* One step, one entry: the head moves each time, so room comes back at once. */
static void piecewise(void **state)
{
	(void)state;
	start(true);
	rig_msi(&r, 0);
	rig_msi(&r, 0);
	assert_true(pn_galog_step(&r.drv[0], &r.agent[0]));
	assert_int_equal(seen, 0);
	assert_true(pn_galog_step(&r.drv[0], &r.agent[0]));
	assert_int_equal(seen, 1);
	assert_int_equal(rig_reg(&r, 0, PN_AMDVI_GA_HEAD), 8);
	assert_true(pn_galog_step(&r.drv[0], &r.agent[0]));
	assert_true(pn_galog_step(&r.drv[0], &r.agent[0])); /* end of this turn */
	assert_false(pn_galog_step(&r.drv[0], &r.agent[0]));
	assert_int_equal(seen, 2);
	rig_close(&r);
}

static void post(struct rig *x)
{
	rig_msi(x, 0);
}

/* The second entry, written at any moment, is read before the thread sleeps for good. */
static void no_entry_left(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= 8; at++) {
		char name[64];

		snprintf(name, sizeof(name), "second entry at step %u", at);
		start(true);
		rig_msi(&r, 0);
		r.steps = 0;
		r.at = at;
		r.hook = post;
		rig_threads(&r);
		r.hook = NULL;
		if (r.steps < at)
			rig_msi(&r, 0);
		rig_threads(&r);
		row_eq(name, "entries read", seen, 2);
		row_eq(name, "thread asleep", r.log_thread.asleep, 1);
		rig_close(&r);
	}
	for (int i = 0; i < 3;
	     i++) { /* between acknowledge and tail, before either register write */
		static const uint32_t off[] = {PN_AMDVI_STATUS, PN_AMDVI_GA_HEAD, PN_AMDVI_GA_HEAD};

		start(true);
		rig_msi(&r, 0);
		r.write_off = off[i];
		r.on_write = post;
		rig_threads(&r);
		row_eq("second entry during a register write", "entries read", seen, 2);
		rig_close(&r);
	}
}

/* Codes other than GUEST_NR are passed over. */
static void unknown_codes(void **state)
{
	(void)state;
	start(true);
	rig_msi(&r, 0);
	rig_msi(&r, 1);
	r.drv[0].galog[0] = 0x3ull << 60 | 0x1234;
	rig_threads(&r);
	assert_int_equal(seen, 1);
	assert_int_equal(last_tag, 0x1001);
	assert_int_equal(rig_reg(&r, 0, PN_AMDVI_GA_HEAD), 16);
	rig_close(&r);
}

static void wraps(void **state)
{
	(void)state;
	start(true);
	for (unsigned i = 0; i < 1300; i++) {
		rig_msi(&r, 0);
		rig_threads(&r);
	}
	assert_int_equal(seen, 1300);
	assert_int_equal(rig_reg(&r, 0, PN_AMDVI_GA_HEAD), 1300 % 512 * 8);
	assert_int_equal(overflows, 0);
	rig_close(&r);
}

/* 1.6 restart; 511 entries fit. */
static void overflow_and_restart(void **state)
{
	struct pn_amdvi_stats st;

	(void)state;
	start(true);
	for (unsigned i = 0; i < 600; i++)
		rig_msi(&r, 0);
	assert_int_equal(rig_reg(&r, 0, PN_AMDVI_STATUS) & (PN_ST_GALOGRUN | PN_ST_GALOVERFLOW),
			 PN_ST_GALOVERFLOW);
	rig_threads(&r);
	assert_int_equal(seen, 511);
	assert_int_equal(overflows, 1);
	assert_true(ran_in_overflow);
	assert_int_equal(r.drv[0].galog_restarts, 1);
	assert_int_equal(rig_count(&r, PN_STEP_GALOG_RESTART), 1);
	assert_int_equal(rig_reg(&r, 0, PN_AMDVI_STATUS) & (PN_ST_GALOGRUN | PN_ST_GALOVERFLOW),
			 PN_ST_GALOGRUN);
	rig_msi(&r, 0);
	assert_false(r.log_thread.asleep);
	rig_threads(&r);
	assert_int_equal(seen, 512);
	pn_amdvi_stats(r.vi[0], &st);
	assert_int_equal(st.galog_dropped, 89);
	rig_close(&r);
}

static void flood(struct rig *x)
{
	for (unsigned i = 0; i < 600; i++)
		rig_msi(x, 1);
}

/*
 * The log overflows while the thread works, at any point: the overflow is seen and the log
 * restarted.
 */
static void overflow_during_drain(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= 4; at++) {
		char name[64];

		snprintf(name, sizeof(name), "flood at step %u", at);
		start(true);
		rig_msi(&r, 0);
		rig_msi(&r, 0);
		r.steps = 0;
		r.at = at;
		r.hook = flood;
		rig_threads(&r);
		row_eq(name, "flooded", r.steps >= at, 1);
		rig_threads(&r);
		row_eq(name, "overflows", overflows, 1);
		row_eq(name, "runs",
		       rig_reg(&r, 0, PN_AMDVI_STATUS) & (PN_ST_GALOGRUN | PN_ST_GALOVERFLOW),
		       PN_ST_GALOGRUN);
		rig_close(&r);
	}
}

/*
 * galog-overflow-unseen: an overflow between the read of Status and the write that clears its bits.
 */
static void overflow_unseen(void **state)
{
	(void)state;
	start(true);
	rig_msi(&r, 0);
	r.write_off = PN_AMDVI_STATUS;
	r.on_write = flood;
	rig_threads(&r);
	assert_null(r.on_write); /* it did overflow */
	assert_int_equal(overflows, 1);
	assert_int_equal(r.drv[0].galog_restarts, 1);
	assert_int_equal(rig_reg(&r, 0, PN_AMDVI_STATUS) & (PN_ST_GALOGRUN | PN_ST_GALOVERFLOW),
			 PN_ST_GALOGRUN);
	/* and a later sleeper has its entry */
	seen = 0;
	rig_msi(&r, 1);
	rig_threads(&r);
	assert_int_equal(seen, 1);
	rig_close(&r);
}

static void runs_on(struct pn_amdvi_config *cfg, uint32_t i)
{
	(void)i;
	cfg->knobs.overflow_restart = PN_OVERFLOW_W1C;
}

static void never_stops(struct pn_amdvi_config *cfg, uint32_t i)
{
	(void)i;
	cfg->async_stop = true;
}

/*
 * 2.7.4: the restart clears GALOverflow, and nothing clears it before, for every value of the knob.
 */
static void overflow_stands(void **state)
{
	static const struct {
		const char *name;
		void (*tune)(struct pn_amdvi_config *, uint32_t);
	} rows[] = {{"needs_toggle", NULL},
		    {"w1c", runs_on},
		    {"a log that does not stop", never_stops}};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start_as(true, &(struct rig_conf){.tune = rows[i].tune});
		flood(&r);
		r.log_thread.asleep = true;
		assert_true(pn_galog_step(&r.drv[0], &r.agent[0]));
		row_eq(rows[i].name, "GALOverflow, GAInt",
		       rig_reg(&r, 0, PN_AMDVI_STATUS) & (PN_ST_GALOVERFLOW | PN_ST_GAINT),
		       PN_ST_GALOVERFLOW);
		r.log_thread.asleep = false;
		rig_threads(&r);
		row_eq(rows[i].name, "entries", seen, 511);
		row_eq(rows[i].name, "overflows", overflows, 1);
		row_eq(rows[i].name, "restarts", r.drv[0].galog_restarts, 1);
		row_eq(rows[i].name, "GALogRun alone",
		       rig_reg(&r, 0, PN_AMDVI_STATUS) &
			       (PN_ST_GALOGRUN | PN_ST_GALOVERFLOW | PN_ST_GAINT),
		       PN_ST_GALOGRUN);
		rig_msi(&r, 0);
		rig_threads(&r);
		row_eq(rows[i].name, "entries after", seen, 512);
		rig_close(&r);
	}
}

/* Linux 7.3: the log is restarted, and the dropped entries are not recovered. */
static void recovers_nothing(void **state)
{
	(void)state;
	start_as(false, &(struct rig_conf){.recover = PN_RECOVER_NONE});
	assert_true(rig_sleep(&r, 0, 1));
	assert_true(rig_sleep(&r, 1, 1));
	for (unsigned i = 0; i < 512; i++)
		rig_msi(&r, 0);
	rig_msi(&r, 1);
	rig_threads(&r);
	assert_int_equal(r.drv[0].galog_restarts, 1);
	assert_true(r.task[1].asleep);
	assert_true(pn_svm_pending(&r.vcpu[1].h));
	/* a later interrupt has its entry */
	rig_msi(&r, 1);
	rig_threads(&r);
	assert_false(r.task[1].asleep);
	assert_int_equal(r.task[1].why, PN_WAKE_NOTIFY);
	rig_close(&r);
}

/* galog-overflow-sleep: vCPU 1's only entry was dropped. */
static void overflow_wakes(void **state)
{
	(void)state;
	start(false);
	assert_true(rig_sleep(&r, 0, 1));
	assert_true(rig_sleep(&r, 1, 1));
	for (unsigned i = 0; i < 512; i++)
		rig_msi(&r, 0);
	rig_msi(&r, 1);
	rig_threads(&r);
	assert_false(r.task[1].asleep);
	assert_int_equal(r.task[1].why, PN_WAKE_RECOVER);
	/* vCPUs without posted IRTEs, or not blocking, are left alone */
	assert_int_equal(r.task[2].wakes + r.task[2].spurious, 0);
	assert_int_equal(r.task[0].wakes, 1);
	rig_close(&r);
}

static void drop_one(struct rig *x)
{
	/* vCPU 2 has just gone to sleep; the log is still stopped */
	assert_int_equal(rig_reg(x, 0, PN_AMDVI_STATUS) & PN_ST_GALOGRUN, 0);
	x->kicks = 1;
	pn_svm_blocking(&x->vcpu[2].h, &x->cpu[2]);
	assert_true(rig_sleep(x, 2, 2));
	rig_msi(x, 2);
}

/*
 * An entry is dropped just before the log runs again: the check of the sleepers has to come after
 * that.
 */
static void drop_before_restart(void **state)
{
	(void)state;
	start(false);
	rig_attach(&r, 2, 2, 0x61);
	pn_svm_load(&r.vcpu[2].h, &r.cpu[2]);
	for (unsigned i = 0; i < 512; i++)
		rig_msi(&r, 0);
	r.log_thread.asleep = false;
	r.kicks = 0;
	while (r.drv[0].drain.head != 511 * 8)
		assert_true(pn_galog_step(&r.drv[0], &r.agent[0]));
	r.write_off = PN_AMDVI_CONTROL;
	r.on_write = drop_one;
	rig_threads(&r);
	assert_int_equal(r.kicks, 1);
	assert_false(r.task[2].asleep);
	rig_close(&r);
}

static void tags(void **state)
{
	(void)state;
	start(false);
	assert_int_equal(pn_svm_ga_tag(&r.vcpu[3]), 0x1003);
	assert_ptr_equal(pn_svm_by_tag(&r.svm, 0x1003), &r.vcpu[3]);
	assert_null(pn_svm_by_tag(&r.svm, 0x1004)); /* no such vCPU */
	assert_null(pn_svm_by_tag(&r.svm, 0x2000)); /* no such VM */
	assert_null(pn_svm_by_tag(&r.svm, 0x0003)); /* ids start at 1 */
	assert_null(pn_svm_by_tag(&r.svm, 0xFFFFFFFF));
	/* hash-bucket-collision has no counterpart: a stale tag wakes no vCPU */
	assert_true(rig_sleep(&r, 0, 1));
	rig_msi(&r, 0);
	r.drv[0].galog[0] = pn_galog_encode(0x2000, RIG_DEV);
	rig_threads(&r);
	assert_true(r.task[0].asleep);
	assert_int_equal(rig_count(&r, PN_STEP_TAG_LOOKUP), 1);
	rig_close(&r);
}

static void wakes_by_tag(void **state)
{
	(void)state;
	start(false);
	assert_true(rig_sleep(&r, 0, 1));
	assert_true(rig_sleep(&r, 1, 1));
	rig_msi(&r, 1);
	rig_threads(&r);
	assert_true(r.task[0].asleep);
	assert_false(r.task[1].asleep);
	assert_int_equal(r.task[1].why, PN_WAKE_NOTIFY);
	/* after exit a late entry is read and ignored */
	pn_svm_exit(&r.svm.hyp);
	rig_msi(&r, 0);
	rig_threads(&r);
	assert_true(r.task[0].asleep);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drains),
		cmocka_unit_test(piecewise),
		cmocka_unit_test(no_entry_left),
		cmocka_unit_test(unknown_codes),
		cmocka_unit_test(wraps),
		cmocka_unit_test(overflow_and_restart),
		cmocka_unit_test(overflow_during_drain),
		cmocka_unit_test(overflow_unseen),
		cmocka_unit_test(overflow_stands),
		cmocka_unit_test(recovers_nothing),
		cmocka_unit_test(overflow_wakes),
		cmocka_unit_test(drop_before_restart),
		cmocka_unit_test(tags),
		cmocka_unit_test(wakes_by_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
