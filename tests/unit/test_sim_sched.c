/* SPDX-License-Identifier: MIT */
/* The scheduler and the CPUs of the simulated world. */
#include "sim_rig.h"

/* ---- tasks ---- */

static void time_slices(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){.slice = 2 * MS});
	unsigned changes = 0, last = THREADS;

	(void)state;
	start(r, 0, 100 * MS);
	start(r, 1, 100 * MS);
	run(r, 40 * MS);
	for (unsigned i = 0; i < r->notes; i++) {
		changes += r->note[i].arg != last;
		last = r->note[i].arg;
	}
	assert_in_range(changes, 16, 24);
	assert_in_range(r->w[0].done, 17 * MS, 23 * MS);
	assert_in_range(r->w[1].done, 17 * MS, 23 * MS);
	unmake(r);
}

static void no_slice_when_alone(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){.slice = 100 * US});

	(void)state;
	start(r, 0, 10 * MS);
	run(r, 20 * MS);
	assert_int_equal(r->s->pcpu[0].interrupts, 0);
	assert_int_equal(r->w[0].left, 0);
	unmake(r);
}

/* A sleeper is placed a slice behind; it preempts if that is more than the granularity. */
static void wakeup_preemption(void **state)
{
	static const struct {
		uint64_t granularity;
		bool preempts;
	} rows[] = {{1 * MS, true}, {2900 * US, true}, {3100 * US, false}, {50 * MS, false}};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig *r =
			make(1, 1, (struct pn_sim_conf){.wakeup_granularity = rows[i].granularity});
		struct later l;
		uint64_t ran;

		start(r, 0, 100 * MS);
		at(r, &l, 20 * MS, L_START, 1);
		run(r, 60 * MS);
		ran = first_at(r, RAN, 1, 0);
		if (rows[i].preempts != (ran < 20 * MS + 20 * US))
			fail_msg("granularity %lu: ran at %lu", (unsigned long)rows[i].granularity,
				 (unsigned long)ran);
		/* If not at once, then when the slice ends. */
		assert_true(ran < 24 * MS);
		unmake(r);
	}
}

static void fifo_before_fair(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){.slice = 500 * US});
	struct later l, l2, l3;
	uint64_t from, end = 0;

	(void)state;
	set(r, 1, 0, true);
	set(r, 3, 0, true);
	start(r, 0, 300 * MS);
	at(r, &l, 5 * MS, L_START, 1); /* 100 ms of FIFO work */
	at(r, &l2, 6 * MS, L_START, 2);
	at(r, &l3, 7 * MS, L_START, 3); /* FIFO too: waits its turn */
	run(r, 250 * MS);
	from = first_at(r, RAN, 1, 0);
	assert_in_range(from, 5 * MS, 5 * MS + 20 * US);
	/* Nobody else until it is through. */
	for (unsigned i = 0; i < r->notes; i++) {
		if (r->note[i].arg == 1)
			end = r->note[i].at;
	}
	assert_true(end - from >= 99 * MS);
	for (unsigned i = 0; i < r->notes; i++)
		assert_false(r->note[i].arg != 1 && r->note[i].at > from && r->note[i].at < end);
	assert_in_range(first_at(r, RAN, 3, 0), end, end + 20 * US);
	assert_in_range(first_at(r, RAN, 2, 0), end + 99 * MS, 250 * MS);
	unmake(r);
}

static void pinned_stays(void **state)
{
	struct rig *r = make(CPUS, 1, (struct pn_sim_conf){0});

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		set(r, i, 2, false);
		start(r, i, 20 * MS);
	}
	run(r, 100 * MS);
	for (unsigned i = 0; i < r->notes; i++)
		assert_int_equal(r->note[i].cpu, 2);
	assert_int_equal(r->w[0].left + r->w[1].left + r->w[2].left, 0);
	unmake(r);
}

static void wakes_go_to_idle_cpus(void **state)
{
	struct rig *r = make(CPUS, 1, (struct pn_sim_conf){0});

	(void)state;
	for (unsigned i = 0; i < CPUS; i++)
		start(r, i, 20 * MS);
	run(r, 10 * MS);
	for (unsigned i = 0; i < CPUS; i++)
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(r->w[i].last_cpu, r->w[k].last_cpu);
	unmake(r);
}

/* A CPU that becomes idle takes what waits elsewhere and may move. */
static void idle_cpus_steal(void **state)
{
	struct rig *r = make(2, 1, (struct pn_sim_conf){0});

	(void)state;
	set(r, 0, 0, false);
	set(r, 1, 1, false);
	set(r, 2, 0, false);
	start(r, 0, 100 * MS);
	start(r, 1, 5 * MS); /* then CPU 1 is idle */
	start(r, 2, 100 * MS);
	start(r, 3, 30 * MS); /* may move */
	run(r, 80 * MS);
	assert_int_equal(r->w[3].last_cpu, 1);
	assert_true(r->w[3].left == 0);
	/* Then CPU 1 is idle again, and these two may not. */
	for (unsigned i = 0; i < r->notes; i++)
		if (r->note[i].arg == 0 || r->note[i].arg == 2)
			assert_int_equal(r->note[i].cpu, 0);
	assert_int_equal(r->s->pcpu[1].mode, PN_CPU_IDLE);
	unmake(r);
}

/* Virtual times start at zero, and a task may be behind that: it must not count as far ahead. */
static void behind_zero(void **state)
{
	struct rig *r = make(2, 1, (struct pn_sim_conf){.slice = 3 * MS});
	struct later l;

	(void)state;
	set(r, 0, 0, false);
	set(r, 1, 1, false);
	start(r, 0, 100 * MS); /* CPU 0 is at 5 ms */
	run(r, 5 * MS);
	start(r, 1, 100 * MS); /* CPU 1 begins */
	run(r, 6 * MS);
	r->w[2].th.task.cpu = 0;
	r->w[2].th.task.vruntime = 2 * MS; /* slept on CPU 0; its CPU there is at 6 ms */
	r->w[2].th.task.pin = 1;
	at(r, &l, 6 * MS + 1, L_START, 2);
	run(r, 12 * MS);
	assert_true(r->w[2].done > 1 * MS);
	assert_true(r->w[1].done > 1 * MS);
	assert_in_range(r->w[1].done + r->w[2].done, 6 * MS, 7 * MS + 20 * US);
	unmake(r);
}

/* Sleepers that come one after the other get their credit, not ever more of it. */
static void credit_is_bounded(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){.slice = 1 * MS, .wakeup_granularity = 1});
	struct later l[60];

	(void)state;
	start(r, 0, 200 * MS);
	run(r, 20 * MS);
	for (unsigned i = 0; i < 60; i++) {
		unsigned who = 1 + i % 6;

		r->w[who].piece = 100 * US;
		at(r, &l[i], 20 * MS + i * 200 * US, L_START, who);
	}
	run(r, 21 * MS);
	/* 1 ms of credit below the hog: nobody starts lower. */
	for (unsigned i = 1; i < 7; i++)
		if (r->w[i].th.task.state == PN_TASK_RUNNABLE)
			assert_true(r->w[i].th.task.vruntime + 1 * MS >= 19900 * US);
	run(r, 120 * MS);
	/* Seven tasks, 100 ms. */
	for (unsigned i = 0; i < 7; i++)
		if (r->w[i].done < (i ? 0 : 20 * MS) + 11 * MS)
			fail_msg("task %u got %lu ns", i, (unsigned long)r->w[i].done);
	unmake(r);
}

/* ---- interrupts ---- */

static void idle_exit_is_paid(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){0});
	struct later l;

	(void)state;
	at(r, &l, 1 * MS, L_RAISE, 0x50);
	run(r, 2 * MS);
	assert_int_equal(first_at(r, IRQ, 0x50, 0), 1 * MS + IDLE_EXIT);
	unmake(r);
}

/* Interrupts are off in a piece of host code; after it they come by priority. */
static void held_during_host_code(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){0});
	struct later a, b;
	uint64_t begin;

	(void)state;
	r->w[0].piece = 50 * US;
	start(r, 0, 1 * MS);
	begin = IDLE_EXIT + SWITCH;
	at(r, &a, begin + 10 * US, L_RAISE, 0x50);
	at(r, &b, begin + 20 * US, L_RAISE, 0xD0);
	run(r, 2 * MS);
	assert_int_equal(first_at(r, RAN, 0, 0), begin);
	assert_int_equal(first_at(r, IRQ, 0xD0, 0), begin + 50 * US);
	assert_int_equal(first_at(r, IRQ, 0x50, 0), begin + 50 * US);
	for (unsigned i = 0, seen = 0; i < r->notes; i++) {
		if (r->note[i].what == IRQ)
			assert_int_equal(r->note[i].arg, seen++ ? 0x50 : 0xD0);
	}
	unmake(r);
}

/* ---- vCPUs ---- */

static void spin(struct rig *r, uint32_t v)
{
	r->s->vcpu[v].conf.idle_poll = true;
}

static void interrupt_leaves_the_guest(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){0});
	struct later l;

	(void)state;
	spin(r, 0);
	pn_sim_start(r->s);
	at(r, &l, 1 * MS, L_RAISE, 0x50);
	run(r, 2 * MS);
	assert_int_equal(first_at(r, LEAVE, 0, 0), 1 * MS);
	assert_int_equal(first_at(r, IRQ, 0x50, 0), 1 * MS);
	assert_int_equal(how_often(r, ENTER), 2);
	unmake(r);
}

/* Between VMRUN and the first instruction: it exits without having run. */
static void interrupt_during_vmrun(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){0});
	struct later l;
	uint64_t enter = IDLE_EXIT + SWITCH;

	(void)state;
	spin(r, 0);
	pend(r, 0, VECTOR);
	pn_sim_start(r->s);
	at(r, &l, enter + VMRUN / 2, L_RAISE, 0x50);
	run(r, 2 * MS);
	assert_int_equal(first_at(r, ENTER, 0, 0), enter);
	assert_int_equal(first_at(r, LEAVE, 0, 0), enter + VMRUN);
	assert_int_equal(first_at(r, IRQ, 0x50, 0), enter + VMRUN);
	assert_true(first_at(r, DELIVER, 0, 0) > enter + VMRUN);
	assert_int_equal(how_often(r, ENTER), 2);
	unmake(r);
}

static void doorbell_delivers_in_the_guest(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){0});
	struct later l;

	(void)state;
	spin(r, 0);
	pn_sim_start(r->s);
	at(r, &l, 1 * MS, L_PEND_BELL, 0);
	run(r, 2 * MS);
	assert_int_equal(first_at(r, DELIVER, 0, 0), 1 * MS);
	assert_int_equal(how_often(r, LEAVE), 0);
	unmake(r);
}

/*
 * A bit of the IRR is no evaluation point (AMD64 APM vol 2, 15.29.8): the guest does not see it
 * when a piece of its work ends, only when the doorbell is there.
 */
static void work_ends_before_the_doorbell(void **state)
{
	static const struct pn_source src = {
		.kind = PN_SRC_EXTERNAL, .handler = 1 * US, .work = 50 * US};
	struct rig *r = make(1, 1, (struct pn_sim_conf){.queues = 1});
	struct later l[4];

	(void)state;
	spin(r, 0);
	assert_int_equal(
		pn_queue_init(r->s, 0, &src, &r->s->vcpu[0], NULL, PN_GUEST_TIMER_VECTOR, 1), 0);
	r->s->vcpu[0].by_vector[VECTOR] = &r->s->queue[0];
	pn_sim_start(r->s);
	at(r, &l[0], 1 * MS, L_COMPLETE, 0);
	at(r, &l[1], 1 * MS, L_PEND_BELL, 0);
	at(r, &l[2], 1 * MS + 20 * US, L_PEND, 0);
	at(r, &l[3], 1 * MS + 80 * US, L_PEND_BELL, 0);
	run(r, 2 * MS);
	assert_int_equal(r->s->completions, 1);
	assert_int_equal(first_at(r, DELIVER, 0, 0), 1 * MS);
	assert_int_equal(first_at(r, DELIVER, 0, 1 * MS + 1), 1 * MS + 80 * US);
	unmake(r);
}

/* Halt polling: how it ends, and when. */
static void halt_polling(void **state)
{
	enum { NEVER = 99 };
	static const struct {
		const char *name;
		unsigned what;
		uint64_t after; /* since the poll began */
		bool blocks;
	} rows[] = {
		{"nothing comes: the deadline", NEVER, 0, true},
		{"doorbell", L_PEND_BELL, 20 * US, false},
		{"software injection", L_PEND_WAKE, 20 * US, false},
		{"an interrupt of somebody else", L_RAISE, 20 * US, true},
	};
	const uint64_t polls = IDLE_EXIT + SWITCH + VMRUN, limit = 50 * US;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig *r = make(1, 1, (struct pn_sim_conf){.halt_poll = limit});
		struct later l;
		uint64_t block, want;

		pn_sim_start(r->s);
		if (rows[i].what != NEVER)
			at(r, &l, polls + rows[i].after, rows[i].what,
			   rows[i].what == L_RAISE ? 0x50 : 0);
		run(r, polls + 45 * US);
		assert_int_equal(how_often(r, BLOCK), 0);
		if (!rows[i].blocks && first_at(r, ENTER, 0, polls) != polls + rows[i].after)
			fail_msg("%s: not entered again at once", rows[i].name);
		if (rows[i].what == L_RAISE)
			assert_int_equal(first_at(r, IRQ, 0x50, 0), polls + rows[i].after);
		run(r, 1 * MS);
		block = first_at(r, BLOCK, 0, 0);
		/* In the other rows it polls again, from after its handler on. */
		want = polls + limit;
		if (!rows[i].blocks)
			want += rows[i].after + VMRUN + PN_GUEST_TIMER_NS;
		if (block != want)
			fail_msg("%s: blocks at %lu, expected %lu", rows[i].name,
				 (unsigned long)block, (unsigned long)want);
		unmake(r);
	}
}

/* Another task wants the CPU: no more polling. */
static void polling_gives_way(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){.halt_poll = 10 * MS});
	struct later l;

	(void)state;
	pn_sim_start(r->s);
	r->w[0].th.task.vruntime = 100 * MS; /* even one that is far behind in the queue */
	at(r, &l, 1 * MS, L_START, 0);
	run(r, 2 * MS);
	assert_in_range(first_at(r, RAN, 0, 0), 1 * MS, 1 * MS + 2 * SWITCH + CHECK);
	unmake(r);
}

/* ---- halt polling as KVM has it ---- */

#define KVM_POLL                                                                                   \
	{                                                                                          \
		true, 200 * US, 10 * US, 2, 2                                                      \
	}

/* The vCPU halts and an interrupt comes @after; returns its limit after that. */
static uint64_t one_halt(struct rig *r, uint64_t after)
{
	struct pn_vcpu *v = &r->s->vcpu[0];
	uint64_t before = v->poll.since;
	struct later l;

	while (v->poll.since == before)
		assert_true(pn_sim_run(r->s, UINT64_MAX - 1, 1));
	at(r, &l, v->poll.since + after, L_PEND_WAKE, 0);
	run(r, v->poll.since + after);
	/* until it is in the guest again */
	while (v->st != PN_V_GUEST)
		assert_true(pn_sim_run(r->s, UINT64_MAX - 1, 1));
	return v->poll.limit;
}

/* How the limit of a vCPU follows from the times of its halts. */
static void limit_grows_and_shrinks(void **state)
{
	enum { HALTS = 9 };
	static const struct {
		const char *name;
		struct pn_kvm_poll conf;
		unsigned halts;
		uint64_t after_us[HALTS], limit_us[HALTS];
	} rows[] = {
		{"short halts: from the start value, doubled, until a poll meets them",
		 KVM_POLL,
		 6,
		 {60, 60, 60, 60, 60, 60},
		 {10, 20, 40, 80, 80, 80}},
		{"long halts: never", KVM_POLL, 3, {300, 300, 300}, {0, 0, 0}},
		{"beyond the longest, cut off when it polls; a long halt halves",
		 KVM_POLL,
		 8,
		 {190, 190, 190, 190, 190, 190, 150, 250},
		 {10, 20, 40, 80, 160, 320, 200, 100}},
		{"halved down to the start value, then 0",
		 KVM_POLL,
		 7,
		 {60, 60, 60, 60, 300, 300, 300},
		 {10, 20, 40, 80, 40, 20, 10}},
		{"below the start value",
		 {true, 200 * US, 10 * US, 3, 2},
		 4,
		 {60, 60, 300, 300},
		 {10, 30, 15, 0}},
		{"shrink 0: reset",
		 {true, 200 * US, 10 * US, 2, 0},
		 5,
		 {60, 60, 60, 300, 60},
		 {10, 20, 40, 0, 10}},
		{"grow 0: never", {true, 200 * US, 10 * US, 0, 2}, 2, {20, 20}, {0, 0}},
		{"start 0: nothing to multiply", {true, 200 * US, 0, 2, 2}, 2, {20, 20}, {0, 0}},
		{"longest 0: off", {true, 0, 10 * US, 2, 2}, 2, {20, 20}, {0, 0}},
		{"start beyond the longest",
		 {true, 30 * US, 50 * US, 2, 2},
		 3,
		 {20, 20, 40},
		 {50, 30, 0}},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig *r = make(1, 1, (struct pn_sim_conf){.kvm_poll = rows[i].conf});

		pn_sim_start(r->s);
		for (unsigned k = 0; k < rows[i].halts; k++) {
			uint64_t limit = one_halt(r, rows[i].after_us[k] * US);

			if (limit != rows[i].limit_us[k] * US)
				fail_msg("%s: %lu ns after halt %u", rows[i].name,
					 (unsigned long)limit, k);
		}
		unmake(r);
	}
}

/* Each vCPU has a limit of its own. */
static void limit_of_each(void **state)
{
	struct rig *r = make(2, 2, (struct pn_sim_conf){.kvm_poll = KVM_POLL});

	(void)state;
	pn_sim_start(r->s);
	for (unsigned k = 0; k < 3; k++)
		one_halt(r, 60 * US);
	assert_int_equal(r->s->vcpu[0].poll.limit, 40 * US);
	assert_int_equal(r->s->vcpu[1].poll.limit, 0);
	unmake(r);
}

/* What polls cost, by whether they met the interrupt; a vCPU that polls does not block. */
static void polls_are_accounted(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){.kvm_poll = KVM_POLL});
	const struct pn_poll_stats *st = &r->s->polls;

	(void)state;
	pn_sim_start(r->s);
	one_halt(r, 25 * US); /* no poll: 10 us from now on */
	assert_int_equal(st->attempted, 0);
	one_halt(r, 25 * US); /* polls for 10 us in vain: 20 us */
	assert_int_equal(st->attempted, 1);
	assert_int_equal(st->successful, 0);
	assert_int_equal(st->fail_ns, 10 * US);
	assert_int_equal(how_often(r, BLOCK), 2);
	one_halt(r, 15 * US);
	assert_int_equal(st->attempted, 2);
	assert_int_equal(st->successful, 1);
	assert_int_equal(st->success_ns, 15 * US);
	assert_int_equal(how_often(r, BLOCK), 2);
	assert_int_equal(st->grown, 2);
	assert_int_equal(st->shrunk, 0);
	one_halt(r, 300 * US);
	assert_int_equal(st->fail_ns, 30 * US);
	assert_int_equal(st->shrunk, 1);
	assert_int_equal(st->spans_ns, st->success_ns + st->fail_ns);
	unmake(r);
}

/* Somebody waits for the CPU: KVM does not begin to poll. */
static void no_poll_before_others(void **state)
{
	struct rig *r = make(1, 1, (struct pn_sim_conf){.kvm_poll = KVM_POLL});

	(void)state;
	pn_sim_start(r->s);
	one_halt(r, 60 * US);
	set(r, 0, 0, false);
	r->w[0].th.task.vruntime = 100 * MS; /* far behind: it does not preempt, but waits */
	start(r, 0, 1 * MS);
	run(r, pn_sim_now(r->s) + 400 * US);
	assert_int_equal(r->s->polls.attempted, 1);
	assert_int_equal(r->s->polls.spans_ns, 0);
	assert_int_equal(how_often(r, BLOCK), 2);
	unmake(r);
}

/*
 * A wake-up at every nanosecond from before the look until after the switch: the vCPU runs again,
 * whether it was still there or asleep already.
 */
static void wake_up_is_never_lost(void **state)
{
	uint64_t halt = IDLE_EXIT + SWITCH + VMRUN;
	bool there = false, asleep = false;

	(void)state;
	for (uint64_t d = 0; d < CHECK + SWITCH + IDLE_EXIT; d += 7) {
		struct rig *r = make(1, 1, (struct pn_sim_conf){0});
		struct later l;

		pn_sim_start(r->s);
		at(r, &l, halt + d, L_PEND_WAKE, 0);
		run(r, 1 * MS);
		if (how_often(r, DELIVER) != 1)
			fail_msg("lost %lu ns after HLT", (unsigned long)d);
		/* And asleep again, in no queue. */
		assert_int_equal(r->s->vcpu[0].task.state, PN_TASK_SLEEPING);
		assert_int_equal(r->s->movers.used, 0);
		assert_null(r->s->pcpu[0].cur);
		assert_int_equal(how_often(r, LOAD), how_often(r, PUT));
		there |= how_often(r, CHECKED) == 3 && how_often(r, LOAD) == 2;
		asleep |= how_often(r, PUT) == 2;
		unmake(r);
	}
	assert_true(there && asleep);
}

/* ---- offline ---- */

static void offline_moves_tasks(void **state)
{
	struct rig *r = make(2, 1, (struct pn_sim_conf){0});
	struct later off, on, wake, irq;

	(void)state;
	set(r, 0, 0, false);
	set(r, 1, 0, false);
	set(r, 2, 0, true);
	start(r, 0, 100 * MS);
	start(r, 1, 100 * MS);
	at(r, &off, 10 * MS, L_OFFLINE, 0);
	at(r, &irq, 12 * MS, L_RAISE, 0x50); /* to nobody */
	at(r, &wake, 14 * MS, L_START, 2);   /* pinned there, but it must run */
	at(r, &on, 200 * MS, L_ONLINE, 0);
	run(r, 190 * MS);
	assert_int_equal(how_often(r, OFFLINED), 1);
	assert_int_equal(how_often(r, IRQ), 0);
	for (unsigned i = 0; i < r->notes; i++)
		if (r->note[i].what == RAN && r->note[i].at < 10 * MS)
			assert_int_equal(r->note[i].cpu, 0);
		else if (r->note[i].what == RAN && r->note[i].at > 10 * MS + 20 * US)
			assert_int_equal(r->note[i].cpu, 1);
	assert_true(r->w[0].done > 20 * MS && r->w[1].done > 20 * MS);
	assert_int_equal(r->w[2].left, 0);
	run(r, 400 * MS);
	assert_int_equal(r->w[0].left + r->w[1].left, 0);
	/* And back: it takes work again. */
	start(r, 0, 1 * MS);
	run(r, 500 * MS);
	assert_int_equal(r->w[0].last_cpu, 0);
	unmake(r);
}

static void offline_takes_the_guest_away(void **state)
{
	struct rig *r = make(2, 1, (struct pn_sim_conf){0});
	struct later off;

	(void)state;
	spin(r, 0);
	pn_sim_start(r->s);
	at(r, &off, 1 * MS, L_OFFLINE, 0);
	run(r, 3 * MS);
	assert_int_equal(first_at(r, LEAVE, 0, 0), 1 * MS);
	assert_int_equal(how_often(r, OFFLINED), 1);
	assert_int_equal(how_often(r, PUT), 1);
	assert_ptr_equal(r->guest[1], &r->s->vcpu[0]);
	assert_null(r->guest[0]);
	assert_true(r->s->pcpu[0].parked);
	unmake(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_slices),
		cmocka_unit_test(no_slice_when_alone),
		cmocka_unit_test(wakeup_preemption),
		cmocka_unit_test(fifo_before_fair),
		cmocka_unit_test(pinned_stays),
		cmocka_unit_test(wakes_go_to_idle_cpus),
		cmocka_unit_test(idle_cpus_steal),
		cmocka_unit_test(behind_zero),
		cmocka_unit_test(credit_is_bounded),
		cmocka_unit_test(idle_exit_is_paid),
		cmocka_unit_test(held_during_host_code),
		cmocka_unit_test(interrupt_leaves_the_guest),
		cmocka_unit_test(interrupt_during_vmrun),
		cmocka_unit_test(doorbell_delivers_in_the_guest),
		cmocka_unit_test(work_ends_before_the_doorbell),
		cmocka_unit_test(halt_polling),
		cmocka_unit_test(limit_grows_and_shrinks),
		cmocka_unit_test(limit_of_each),
		cmocka_unit_test(polls_are_accounted),
		cmocka_unit_test(no_poll_before_others),
		cmocka_unit_test(polling_gives_way),
		cmocka_unit_test(wake_up_is_never_lost),
		cmocka_unit_test(offline_moves_tasks),
		cmocka_unit_test(offline_takes_the_guest_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
