/* SPDX-License-Identifier: MIT */
/* The simulated world: guests that send IPIs to each other. */
#include "sim_rig.h"

#include <math.h>

#define THINK	10000u
#define HANDLER 2000u
#define SEND	50u  /* ICR write */
#define EMULATE 700u /* ICR exit */
#define WIRE	300u
#define VEC	0x70
#define STARTS	(IDLE_EXIT + SWITCH + VMRUN)	     /* the guests run, from then on */
#define WAKES	(IDLE_EXIT + SWITCH + CHECK + VMRUN) /* a halted one, until its handler */

struct ipis {
	struct pn_ipi_conf conf;
	struct pn_ipi pending[CPUS]; /* by sender: exit on its way */
	uint64_t send;		     /* ns, of one ICR write */
	bool exits;
	unsigned sent[PN_SEND_NR], by[CPUS], to[CPUS][CPUS];
};

static void deliver_to(struct rig *r, struct pn_vcpu *to, struct pn_pcpu *p)
{
	uint32_t cpu = to->task.cpu;

	pend(r, to->id, VEC);
	if (r->guest[cpu] == to)
		pn_sim_doorbell(r->s, cpu, p->agent.elapsed_ns + WIRE);
	else
		pn_task_wake(&to->task, p);
}

static void transmit(struct pn_vcpu *v, struct pn_pcpu *p, const struct pn_ipi *ipi)
{
	struct rig *r = p->sim->ctx;

	switch (ipi->kind) {
	case PN_SEND_FIXED:
	case PN_SEND_LOGICAL:
		deliver_to(r, ipi->to, p);
		break;
	case PN_SEND_BROADCAST:
		for (uint32_t i = 0; i < r->s->conf.vcpus; i++)
			if (i != v->id)
				deliver_to(r, &r->s->vcpu[i], p);
		break;
	case PN_SEND_SELF:
		pend(r, v->id, VEC);
		break;
	default:
		break;
	}
}

static enum pn_ipi_sent i_send(struct pn_vcpu *v, struct pn_pcpu *p, const struct pn_ipi *ipi)
{
	struct rig *r = p->sim->ctx;
	struct ipis *is = r->more;

	assert_int_equal(ipi->vector, VEC);
	if (ipi->kind == PN_SEND_BROADCAST || ipi->kind == PN_SEND_SELF) {
		assert_null(ipi->to);
	} else {
		assert_non_null(ipi->to);
		is->to[v->id][ipi->to->id]++;
	}
	note(r, SENT, p->id, ipi->kind);
	is->sent[ipi->kind]++;
	is->by[v->id]++;
	p->agent.elapsed_ns += is->send;
	is->pending[v->id] = *ipi;
	if (!is->exits)
		transmit(v, p, ipi);
	if (is->exits)
		return PN_IPI_EXIT;
	return ipi->kind == PN_SEND_SELF ? PN_IPI_EVALUATE : PN_IPI_SENT;
}

static void i_exit(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct rig *r = p->sim->ctx;

	note(r, IPI_EXIT, p->id, v->id);
	p->agent.elapsed_ns += EMULATE;
	transmit(v, p, &((struct ipis *)r->more)->pending[v->id]);
}

/* One VM of @n vCPUs, each on its CPU. */
static struct rig *make_ipi(struct ipis *is, uint32_t n, bool polls)
{
	static struct pn_sim_ops ops;
	struct rig *r;

	ops = rig_ops;
	ops.send_ipi = i_send;
	ops.ipi_exit = i_exit;
	r = make_with(&ops, n, n, (struct pn_sim_conf){.seed = 5});
	r->more = is;
	is->conf.vector = VEC;
	is->conf.handler = HANDLER;
	if (!is->conf.think.a)
		is->conf.think = (struct pn_dist){PN_DIST_CONST, THINK, 0};
	if (!is->send)
		is->send = SEND;
	for (uint32_t i = 0; i < n; i++) {
		struct pn_vcpu *v = &r->s->vcpu[i];

		v->task.pin = (int32_t)i;
		v->conf.idle_poll = polls;
		v->ipi = &is->conf;
		v->ipi_first = &r->s->vcpu[0];
		v->ipi_vcpus = n;
	}
	pn_sim_start(r->s);
	return r;
}

/* ---- ping-pong ---- */

static void round_times(void **state)
{
	static const struct {
		const char *name;
		struct ipis is;
		bool polls;
		uint64_t round;
		unsigned exits; /* per round */
		uint64_t early; /* ns before the end of a round that it is complete */
	} rows[] = {
		{.name = "guests poll",
		 .is = {.conf.pingpong = true},
		 .polls = true,
		 .round = 2 * (THINK + SEND + WIRE + HANDLER)},
		{.name = "guests halt",
		 .is = {.conf.pingpong = true},
		 .round = 2 * (THINK + WAKES + HANDLER),
		 .exits = 2},
		{.name = "guests poll, the ICR write exits",
		 .is = {.conf.pingpong = true, .exits = true},
		 .polls = true,
		 .round = 2 * (THINK + SEND + EMULATE + WIRE + HANDLER),
		 .exits = 2},
		{.name = "guests halt, the ICR write exits",
		 .is = {.conf.pingpong = true, .exits = true},
		 .round = 2 * (THINK + SEND + WAKES + HANDLER),
		 .exits = 4},
		{.name = "answer in memory",
		 .is = {.conf = {.pingpong = true, .reply_memory = true}},
		 .polls = true,
		 .round = THINK + SEND + WIRE + HANDLER},
		{.name = "answer in memory, the receiver halts and the sender does not",
		 .is = {.conf = {.pingpong = true, .reply_memory = true}},
		 .round = THINK + WAKES + HANDLER,
		 .exits = 1},
		{.name = "the answer is there before the sender looks",
		 .is = {.conf = {.pingpong = true, .reply_memory = true}, .send = 8 * US},
		 .round = THINK + 8 * US,
		 .exits = 1,
		 .early = 8 * US - WAKES - HANDLER},
		{.name = "answer in memory, the ICR write exits",
		 .is = {.conf = {.pingpong = true, .reply_memory = true}, .exits = true},
		 .round = THINK + SEND + WAKES + HANDLER,
		 .exits = 2},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipis is = rows[i].is;
		struct rig *r = make_ipi(&is, 2, rows[i].polls);
		uint64_t last = STARTS + 100 * rows[i].round - rows[i].early;
		unsigned left;

		run(r, STARTS + rows[i].round);
		left = how_often(r, LEAVE);
		run(r, last - 1);
		if (r->s->completions != 99)
			fail_msg("%s: %lu rounds before the 100th is due", rows[i].name,
				 (unsigned long)r->s->completions);
		run(r, last);
		if (r->s->completions != 100)
			fail_msg("%s: %lu rounds in the time of 100", rows[i].name,
				 (unsigned long)r->s->completions);
		left = how_often(r, LEAVE) - left;
		if (left != 99 * rows[i].exits)
			fail_msg("%s: %u exits in 99 rounds", rows[i].name, left);
		assert_int_equal(how_often(r, IPI_EXIT), is.exits ? how_often(r, SENT) : 0);
		unmake(r);
	}
}

/* The first of each pair begins; who has no partner stays out of it. */
static void pairs(void **state)
{
	struct ipis is = {.conf.pingpong = true};
	struct rig *r = make_ipi(&is, 3, false);

	(void)state;
	run(r, 10 * MS);
	assert_in_range(is.to[0][1], 300, 320);
	assert_in_range(is.to[1][0], is.to[0][1] - 1, is.to[0][1]);
	assert_int_equal(is.by[2], 0);
	assert_int_equal(how_often(r, SENT), is.to[0][1] + is.to[1][0]);
	assert_in_range(r->s->completions, is.to[1][0] - 1, is.to[1][0]);
	unmake(r);
}

/* Interrupts of others while a guest thinks only delay it; a timer's is no IPI. */
static void thinking_is_interrupted(void **state)
{
	struct ipis is = {.conf.pingpong = true};
	struct rig *r = make_ipi(&is, 2, true);
	struct later l;
	uint64_t round = 2 * (THINK + SEND + WIRE + HANDLER);

	(void)state;
	at(r, &l, STARTS + THINK / 2, L_PEND_BELL, 0);
	run(r, STARTS + round + PN_GUEST_TIMER_NS - 1);
	assert_int_equal(r->s->completions, 0);
	run(r, STARTS + round + PN_GUEST_TIMER_NS);
	assert_int_equal(r->s->completions, 1);
	unmake(r);
}

/* ---- storm ---- */

static void shares(void **state)
{
	static const double share[PN_SEND_NR] = {[PN_SEND_LOGICAL] = 0.2,
						 [PN_SEND_BROADCAST] = 0.1,
						 [PN_SEND_SELF] = 0.3,
						 [PN_SEND_NMI] = 0.05,
						 [PN_SEND_INIT] = 0.02};
	struct ipis is = {.conf = {.senders = 3, .think = {PN_DIST_EXP, THINK, 0}}};
	unsigned n, handled;
	struct rig *r;

	(void)state;
	memcpy(is.conf.share, share, sizeof(share));
	r = make_ipi(&is, 4, false);
	run(r, 300 * MS);
	n = how_often(r, SENT);
	assert_in_range(n, 40000, 90000);
	for (unsigned kind = 0; kind < PN_SEND_NR; kind++) {
		double p = kind == PN_SEND_FIXED ? 0.33 : share[kind];

		if (fabs(is.sent[kind] - n * p) > 4 * sqrt(n * p * (1 - p)))
			fail_msg("kind %u: %u of %u", kind, is.sent[kind], n);
	}
	/* Every other vCPU alike, never itself; vCPU 3 only listens. */
	for (unsigned from = 0; from < 3; from++) {
		unsigned all = is.to[from][0] + is.to[from][1] + is.to[from][2] + is.to[from][3];

		assert_in_range(is.by[from], n / 4, n / 2);
		for (unsigned to = 0; to < 4; to++) {
			if (to == from)
				assert_int_equal(is.to[from][to], 0);
			else if (fabs(is.to[from][to] - all / 3.0) > 4 * sqrt(all * 2 / 9.0))
				fail_msg("%u to %u: %u of %u", from, to, is.to[from][to], all);
		}
	}
	assert_int_equal(is.by[3], 0);
	/* What is handled counts; senders never idle. */
	handled = how_often(r, DELIVER);
	assert_in_range(r->s->completions, handled - 4, handled);
	for (unsigned i = 0; i < r->notes; i++)
		assert_false(r->note[i].what == BLOCK && r->note[i].arg < 3);
	assert_true(how_often(r, BLOCK) > 100);
	unmake(r);
}

/* A sender that nobody disturbs sends at its pace; to itself: it handles each before it goes on. */
static void pace(void **state)
{
	static const struct {
		const char *name;
		double self;
		bool exits;
		uint64_t period;
	} rows[] = {
		{"to others", 0, false, THINK + SEND},
		{"to others, exits", 0, true, THINK + SEND + EMULATE + VMRUN},
		{"to itself", 1, false, THINK + SEND + HANDLER},
		{"to itself, exits", 1, true, THINK + SEND + EMULATE + VMRUN + HANDLER},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipis is = {.conf = {.senders = 1}, .exits = rows[i].exits};
		struct rig *r;

		is.conf.share[PN_SEND_SELF] = rows[i].self;
		r = make_ipi(&is, 2, true);
		run(r, STARTS + THINK + 99 * rows[i].period - 1);
		if (is.by[0] != 99)
			fail_msg("%s: %u sent before the 100th is due", rows[i].name, is.by[0]);
		run(r, STARTS + THINK + 99 * rows[i].period);
		if (is.by[0] != 100)
			fail_msg("%s: %u sent in the time of 100", rows[i].name, is.by[0]);
		assert_in_range(r->s->completions, 98, 99);
		unmake(r);
	}
}

/* Another interrupt, while it thinks or while the ICR write lasts, takes just its own time. */
static void sender_is_interrupted(void **state)
{
	const uint64_t first = STARTS + THINK, period = THINK + SEND;

	(void)state;
	for (uint64_t d = 1; d < period; d += d < SEND + 100 ? 7 : 501) {
		struct ipis is = {.conf = {.senders = 1}};
		struct rig *r = make_ipi(&is, 2, true);
		struct later l;

		at(r, &l, first + d, L_PEND_BELL, 0);
		run(r, first + period + PN_GUEST_TIMER_NS - 1);
		assert_int_equal(is.by[0], 1);
		run(r, first + period + PN_GUEST_TIMER_NS);
		if (is.by[0] != 2)
			fail_msg("%lu ns after it has sent: not on time", (unsigned long)d);
		unmake(r);
	}
}

/* Two send at the same time: each takes the other's IPI when its doorbell arrives, not before. */
static void crossing(void **state)
{
	struct ipis is = {.conf = {.senders = 2}};
	struct rig *r = make_ipi(&is, 2, true);
	uint64_t first = STARTS + THINK + SEND + WIRE + HANDLER;

	(void)state;
	run(r, first - 1);
	assert_int_equal(how_often(r, SENT), 2);
	assert_int_equal(r->s->completions, 0);
	run(r, first);
	assert_int_equal(r->s->completions, 2);
	unmake(r);
}

/* ---- the end ---- */

static void draining(void **state)
{
	static const struct ipis rows[] = {
		{.conf.pingpong = true},
		{.conf.pingpong = true, .exits = true},
		{.conf = {.pingpong = true, .reply_memory = true}},
		{.conf.senders = 3},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Whatever they are at. */
		for (uint64_t d = 0; d < 30 * US; d += 1001) {
			struct ipis is = rows[i];
			struct rig *r = make_ipi(&is, 4, false);
			struct later l;
			unsigned sent;

			at(r, &l, 1 * MS + d, L_DRAIN, 0);
			run(r, 1 * MS + d);
			sent = how_often(r, SENT);
			assert_true(sent > 50);
			run(r, 3 * MS);
			assert_int_equal(how_often(r, SENT), sent);
			for (unsigned v = 0; v < 4; v++) {
				assert_int_equal(r->s->vcpu[v].task.state, PN_TASK_SLEEPING);
				assert_int_equal(pn_lapic_pending(&r->vapic[v]), -1);
			}
			unmake(r);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_times),
		cmocka_unit_test(pairs),
		cmocka_unit_test(thinking_is_interrupted),
		cmocka_unit_test(shares),
		cmocka_unit_test(pace),
		cmocka_unit_test(sender_is_interrupted),
		cmocka_unit_test(crossing),
		cmocka_unit_test(draining),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
