/* SPDX-License-Identifier: MIT */
/*
 * The simulated world on bare metal: host interrupts in pieces, and programs that use what devices
 * complete.
 */
#include "sim_rig.h"

#define IRQ_NS	   500u
#define PIECE_NS   200u
#define WORK	   (10 * US)
#define PIECES	   0x50 /* vector whose interrupt has @left more pieces */
#define DEVICE	   0x60 /* vector of queue 0, then 0x61 */
#define T0	   (1 * MS)
#define TO_PROGRAM (IDLE_EXIT + IRQ_NS + SWITCH) /* from an MSI to an idle CPU until it works */

struct bare {
	unsigned pieces, left;
	uint32_t irq_cpu;
	struct pn_queue *order[16]; /* whose completion was worked on */
	unsigned worked;
};

static bool b_host_vector(struct pn_sim *s, struct pn_pcpu *p, uint8_t vector)
{
	struct rig *r = s->ctx;
	struct bare *b = r->more;

	note(r, IRQ, p->id, vector);
	p->agent.elapsed_ns += vector == PIECES ? PIECE_NS : IRQ_NS;
	if (vector >= DEVICE && vector < DEVICE + s->nr_queues)
		pn_queue_harvest(&s->queue[vector - DEVICE], p);
	b->left = b->pieces;
	return vector == PIECES && b->pieces;
}

static bool b_host_more(struct pn_sim *s, struct pn_pcpu *p)
{
	struct bare *b = ((struct rig *)s->ctx)->more;

	note(s->ctx, MORE, p->id, 0);
	p->agent.elapsed_ns += PIECE_NS;
	return --b->left;
}

static void b_msi(struct pn_queue *q)
{
	struct rig *r = q->sim->ctx;

	pn_sim_raise(q->sim, ((struct bare *)r->more)->irq_cpu, q->vector, 0);
}

static struct pn_sim_ops ops_of_bare(void)
{
	struct pn_sim_ops ops = rig_ops;

	ops.host_vector = b_host_vector;
	ops.host_more = b_host_more;
	ops.msi = b_msi;
	return ops;
}

static const struct pn_source on_demand = {.kind = PN_SRC_EXTERNAL, .work = WORK, .coalesce = 1};

/* Queues for the program on CPU 0, interrupts to CPU 0. */
static struct rig *make_bare(const struct pn_sim_ops *ops, struct bare *b,
			     const struct pn_source *src, uint32_t queues)
{
	struct rig *r = make_with(ops, 2, 0, (struct pn_sim_conf){.apps = true, .queues = queues});

	*b = (struct bare){0};
	r->more = b;
	for (uint32_t i = 0; i < queues; i++)
		assert_int_equal(
			pn_queue_init(r->s, i, src, NULL, &r->s->app[0], (uint8_t)(DEVICE + i), 1),
			0);
	return r;
}

static void finished_at(struct rig *r, const char *name, uint64_t when, uint64_t count)
{
	run(r, when - 1);
	if (r->s->completions != count - 1)
		fail_msg("%s: %lu finished before %lu", name, (unsigned long)r->s->completions,
			 (unsigned long)when);
	run(r, when);
	if (r->s->completions != count)
		fail_msg("%s: not finished at %lu", name, (unsigned long)when);
}

/* ---- interrupts in pieces ---- */

/* Between two pieces nothing else: no interrupt, no task; then by priority. */
static void pieces_hold_others(void **state)
{
	const struct pn_sim_ops ops = ops_of_bare();
	const uint64_t begin = T0 + IDLE_EXIT;

	(void)state;
	for (unsigned pieces = 0; pieces < 4; pieces++) {
		struct bare b;
		struct rig *r = make_bare(&ops, &b, &on_demand, 0);
		struct later l[5];
		uint64_t end = begin + (1 + pieces) * PIECE_NS;

		b.pieces = pieces;
		set(r, 0, 0, true);
		at(r, &l[0], T0, L_RAISE, PIECES);
		at(r, &l[1], begin + 10, L_RAISE, 0xD0);
		at(r, &l[2], begin + 20, L_RAISE, 0x30);
		at(r, &l[3], begin + 30, L_START, 0);
		at(r, &l[4], begin + 40, L_RAISE, PIECES); /* again: not merged, after this one */
		run(r, 2 * MS);
		assert_int_equal(first_at(r, IRQ, PIECES, 0), begin);
		assert_int_equal(how_often(r, MORE), 2 * pieces);
		for (unsigned i = 1; i <= pieces; i++)
			assert_int_equal(first_at(r, MORE, 0, begin + (i - 1) * PIECE_NS + 1),
					 begin + i * PIECE_NS);
		assert_int_equal(first_at(r, IRQ, 0xD0, 0), end);
		assert_int_equal(first_at(r, IRQ, PIECES, begin + 1), end + IRQ_NS);
		end += IRQ_NS + (1 + pieces) * PIECE_NS;
		assert_int_equal(first_at(r, IRQ, 0x30, 0), end);
		assert_int_equal(first_at(r, RAN, 0, 0), end + IRQ_NS + SWITCH);
		assert_int_equal(r->s->pcpu[0].interrupts, 4);
		assert_int_equal(pn_lapic_eoi(&r->s->pcpu[0].lapic), -1);
		unmake(r);
	}
}

/* A machine without further pieces does not get stuck in one. */
static void pieces_need_a_machine(void **state)
{
	struct pn_sim_ops ops = ops_of_bare();
	struct bare b;
	struct later l[2];
	struct rig *r;

	(void)state;
	ops.host_more = NULL;
	r = make_bare(&ops, &b, &on_demand, 0);
	b.pieces = 3;
	at(r, &l[0], T0, L_RAISE, PIECES);
	at(r, &l[1], T0, L_RAISE, 0x30);
	run(r, 2 * MS);
	assert_int_equal(first_at(r, IRQ, 0x30, 0), T0 + IDLE_EXIT + PIECE_NS);
	unmake(r);
}

/* A CPU goes offline while an interrupt is handled: the last piece first. */
static void pieces_end_before_offline(void **state)
{
	const struct pn_sim_ops ops = ops_of_bare();
	struct bare b;
	struct rig *r = make_bare(&ops, &b, &on_demand, 0);
	struct later l[2];

	(void)state;
	b.pieces = 3;
	at(r, &l[0], T0, L_RAISE, PIECES);
	at(r, &l[1], T0 + IDLE_EXIT + 10, L_OFFLINE, 0);
	run(r, 2 * MS);
	assert_int_equal(how_often(r, MORE), 3);
	assert_int_equal(first_at(r, OFFLINED, 0, 0), T0 + IDLE_EXIT + 4 * PIECE_NS);
	unmake(r);
}

/* One interrupt right after another costs less, one after a task has run does not. */
static void warm_entry(void **state)
{
	static const struct {
		const char *name;
		uint64_t second; /* arrives, after the first begins */
		uint64_t begins;
	} rows[] = {
		{"meanwhile", 10, IRQ_NS + 400},
		{"idle in between", 5 * US, 5 * US + IDLE_EXIT},
	};
	const struct pn_sim_ops ops = ops_of_bare();
	const uint64_t begin = T0 + IDLE_EXIT;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bare b;
		struct rig *r = make_bare(&ops, &b, &on_demand, 0);
		struct later l[2];

		r->s->pcpu[0].steps.slot[PN_STEP_IRQ_ENTRY].cost_ns = 400;
		r->s->pcpu[0].steps.slot[PN_STEP_IRQ_AGAIN].cost_ns = 100;
		at(r, &l[0], T0, L_RAISE, 0x40);
		at(r, &l[1], begin + rows[i].second, L_RAISE, 0x41);
		run(r, 2 * MS);
		if (first_at(r, IRQ, 0x41, 0) != begin + rows[i].begins)
			fail_msg("%s: begins at %lu", rows[i].name,
				 (unsigned long)first_at(r, IRQ, 0x41, 0));
		assert_int_equal(r->s->pcpu[0].host_ns, i ? 2 * (IDLE_EXIT + 400 + IRQ_NS)
							  : IDLE_EXIT + 400 + 100 + 2 * IRQ_NS);
		unmake(r);
	}
}

/* ---- programs ---- */

/* Whatever comes while the program works delays it by just its own time. */
static void program_is_interrupted(void **state)
{
	static const struct {
		const char *name;
		unsigned what;
		uint32_t arg;
		uint64_t every, until, delay;
	} rows[] = {
		{"nothing", 0, 0, 0, 0, 0},
		{"an interrupt at any time", L_RAISE, 0x40, 7, WORK, IRQ_NS},
		{"one in pieces", L_RAISE, PIECES, 97, WORK, 3 * PIECE_NS},
		{"a FIFO task", L_START, 0, 97, WORK, 2 * SWITCH + 10 * US},
	};
	const struct pn_sim_ops ops = ops_of_bare();
	const uint64_t begin = T0 + TO_PROGRAM;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t when = 0;

		do {
			struct bare b;
			struct rig *r = make_bare(&ops, &b, &on_demand, 1);
			struct later l[2];

			b.pieces = 2;
			set(r, 0, 0, true);
			at(r, &l[0], T0, L_COMPLETE, 0);
			if (rows[i].every)
				at(r, &l[1], begin + when, rows[i].what, rows[i].arg);
			run(r, begin + when);
			if (r->w[0].left)
				r->w[0].left = r->w[0].piece; /* just one of 10 us */
			finished_at(r, rows[i].name, begin + WORK + rows[i].delay, 1);
			run(r, 10 * MS);
			assert_int_equal(r->s->pcpu[0].mode, PN_CPU_IDLE);
			assert_int_equal(r->s->app[0].task.state, PN_TASK_SLEEPING);
			unmake(r);
			when += rows[i].every;
		} while (when < rows[i].until);
	}
}

/* What the program works is not the host's overhead; what a halt poll or a burning task does is. */
static void program_time_is_not_overhead(void **state)
{
	const struct pn_sim_ops ops = ops_of_bare();
	struct bare b;
	struct rig *r = make_bare(&ops, &b, &on_demand, 1);
	struct later l[2];

	(void)state;
	at(r, &l[0], T0, L_COMPLETE, 0);
	at(r, &l[1], T0 + 5 * US, L_RAISE, 0x40);
	run(r, 2 * MS);
	assert_int_equal(r->s->completions, 1);
	assert_int_equal(r->s->pcpu[0].host_ns, TO_PROGRAM + IRQ_NS);
	pn_thread_burn(&r->s->pcpu[0].noise, 7 * US, NULL);
	run(r, 3 * MS);
	assert_int_equal(r->s->pcpu[0].host_ns, 2 * TO_PROGRAM + 7 * US);
	unmake(r);
}

/* The device's interrupt goes to another CPU: the program runs where it belongs. */
static void program_stays_on_its_cpu(void **state)
{
	const struct pn_sim_ops ops = ops_of_bare();
	struct bare b;
	struct rig *r = make_bare(&ops, &b, &on_demand, 1);
	struct later l[3];

	(void)state;
	b.irq_cpu = 1;
	at(r, &l[0], T0, L_COMPLETE, 0);
	at(r, &l[1], 2 * MS, L_RAISE, DEVICE); /* CPU 0, nothing is ready: nobody is woken */
	/* The wake-up is within the interrupt, whose time the other CPU does not wait for. */
	finished_at(r, "from another CPU", T0 + 2 * IDLE_EXIT + SWITCH + WORK, 1);
	assert_int_equal(r->s->pcpu[1].host_ns, IDLE_EXIT + IRQ_NS);
	run(r, 3 * MS);
	assert_int_equal(r->s->pcpu[0].host_ns, IDLE_EXIT + SWITCH + IDLE_EXIT + IRQ_NS);
	/* Without its CPU it runs elsewhere, and back. */
	pn_pcpu_offline(&r->s->pcpu[0]);
	at(r, &l[0], 4 * MS, L_COMPLETE, 0);
	finished_at(r, "offline", 4 * MS + TO_PROGRAM + WORK, 2);
	pn_pcpu_online(&r->s->pcpu[0]);
	at(r, &l[0], 5 * MS, L_COMPLETE, 0);
	finished_at(r, "online", 5 * MS + 2 * IDLE_EXIT + SWITCH + WORK, 3);
	unmake(r);
}

/* One completion of each queue in turn. */
static void queues_take_turns(void **state)
{
	const struct pn_sim_ops ops = ops_of_bare();
	struct bare b;
	struct rig *r = make_bare(&ops, &b, &on_demand, 2);
	uint64_t now = TO_PROGRAM + IRQ_NS;
	static const unsigned turns[] = {1, 0, 1, 0, 0};
	unsigned left[2] = {3, 2};

	(void)state;
	/* Both interrupts are taken before the program runs, the higher vector first. */
	pn_queue_complete(&r->s->queue[0], 3);
	pn_queue_complete(&r->s->queue[1], 2);
	for (unsigned i = 0; i < 5; i++) {
		now += WORK;
		finished_at(r, "turn", now, i + 1);
		left[turns[i]]--;
		assert_int_equal(r->s->queue[0].taken, left[0]);
		assert_int_equal(r->s->queue[1].taken, left[1]);
	}
	unmake(r);
}

/* ---- closed loops: throughput by hand ---- */

static void closed_loop(void **state)
{
	static const struct {
		const char *name;
		uint32_t depth;
		uint64_t service, work, floor;
		uint64_t first, period; /* ns: first completion worked off, then each */
		uint64_t overhead;	/* of the host, each */
	} rows[] = {
		/* clang-format off */
		/* It sleeps and is woken for each. */
		{"depth 1", 1, 20 * US, 5 * US, 0, 20 * US + TO_PROGRAM + 5 * US, 20 * US + TO_PROGRAM + 5 * US, TO_PROGRAM},
		/* The handler submits by itself, no program is woken. */
		{"no work", 1, 20 * US, 0, 0, 20 * US + IDLE_EXIT, 20 * US + IDLE_EXIT, IDLE_EXIT + IRQ_NS},
		/* Limited by the CPU: an interrupt and the work, it never sleeps. */
		{"depth 4", 4, 1 * US, 5 * US, 0, 1 * US + TO_PROGRAM + 5 * US, 5 * US + IRQ_NS, IRQ_NS},
		/* Limited by the device. */
		{"floor", 8, 1 * US, 1 * US, 50 * US, 50 * US + TO_PROGRAM + 1 * US, 50 * US, TO_PROGRAM},
		/* clang-format on */
	};
	const struct pn_sim_ops ops = ops_of_bare();

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_source src = {.kind = PN_SRC_CLOSED,
					.depth = rows[i].depth,
					.service = {PN_DIST_CONST, (double)rows[i].service, 0},
					.service_floor = rows[i].floor,
					.work = rows[i].work,
					.coalesce = 1};
		struct bare b;
		struct rig *r = make_bare(&ops, &b, &src, 1);
		uint64_t host, n;

		pn_sim_start(r->s);
		finished_at(r, rows[i].name, rows[i].first, 1);
		run(r, 1 * MS);
		n = r->s->completions;
		host = r->s->pcpu[0].host_ns;
		run(r, 1 * MS + 1000 * rows[i].period);
		if (r->s->completions - n != 1000)
			fail_msg("%s: %lu in the time of 1000", rows[i].name,
				 (unsigned long)(r->s->completions - n));
		host = r->s->pcpu[0].host_ns - host;
		assert_int_equal(host, 1000 * rows[i].overhead);
		unmake(r);
	}
}

/* Pauses of a device belong to its program. */
static void device_pauses(void **state)
{
	const struct pn_source src = {.kind = PN_SRC_CLOSED,
				      .depth = 4,
				      .service = {PN_DIST_CONST, 10 * US, 0},
				      .work = 1 * US,
				      .coalesce = 1,
				      .stall_period = 10 * MS,
				      .stall_time = 5 * MS};
	const struct pn_sim_ops ops = ops_of_bare();
	struct bare b;
	struct rig *r = make_bare(&ops, &b, &src, 1);
	uint64_t last = 0, n = 0, gaps = 0;

	(void)state;
	pn_sim_start(r->s);
	for (uint64_t now = 0; now < 1000 * MS; now += 50 * US) {
		run(r, now);
		if (r->s->completions == n)
			continue;
		n = r->s->completions;
		gaps += now - last > 4 * MS;
		last = now;
	}
	/* A pause each 10 ms on average; some run into each other. */
	assert_in_range(gaps, 40, 130);
	unmake(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_hold_others),
		cmocka_unit_test(pieces_need_a_machine),
		cmocka_unit_test(pieces_end_before_offline),
		cmocka_unit_test(warm_entry),
		cmocka_unit_test(program_is_interrupted),
		cmocka_unit_test(program_time_is_not_overhead),
		cmocka_unit_test(program_stays_on_its_cpu),
		cmocka_unit_test(queues_take_turns),
		cmocka_unit_test(closed_loop),
		cmocka_unit_test(device_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
