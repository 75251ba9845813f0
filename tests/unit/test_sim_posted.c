/* SPDX-License-Identifier: MIT */
/*
 * The simulated world: interrupts that arrive while a guest runs, on a processor that takes some of
 * them without an exit.
 */
#include "sim_rig.h"

#define NV	0xF2
#define PI	300u  /* posted processing */
#define EXIT	700u  /* world switch out */
#define HANDLER 2000u /* of the queue's vector */
#define WORK	(10 * US)
#define QUEUE	0x60
#define LOW	0x50 /* vectors of the host */
#define HIGH	0xF8
#define RUNS	(IDLE_EXIT + SWITCH + VMRUN) /* the guest, from then on */
#define T0	(1 * MS)

struct posted {
	struct pn_lapic pir;
	bool ack; /* an exit acknowledges */
};

static bool p_guest_intr(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct rig *r = p->sim->ctx;
	struct posted *po = r->more;
	int vector;

	if (pn_lapic_pending(&p->lapic) != NV) {
		if (po->ack)
			p->acked = pn_lapic_take(&p->lapic);
		return false;
	}
	note(r, GUEST_INTR, p->id, p->id);
	pn_lapic_take(&p->lapic);
	pn_lapic_eoi(&p->lapic);
	while ((vector = pn_lapic_take(&po->pir)) >= 0) {
		pn_lapic_eoi(&po->pir);
		pend(r, v->id, (uint8_t)vector);
	}
	p->agent.elapsed_ns += PI;
	return true;
}

static void p_leave(struct pn_vcpu *v, struct pn_pcpu *p)
{
	p->agent.elapsed_ns += EXIT;
	note(p->sim->ctx, LEAVE, p->id, v->id);
}

static void p_msi(struct pn_queue *q)
{
	struct rig *r = q->sim->ctx;

	pn_lapic_accept(&((struct posted *)r->more)->pir, q->vector);
	pn_sim_raise(q->sim, 0, NV, 0);
}

static const struct pn_source on_demand = {
	.kind = PN_SRC_EXTERNAL, .handler = HANDLER, .work = WORK, .coalesce = 1};

/* One guest that spins when it has nothing to do, with one queue. */
static struct rig *make_posted(struct posted *po)
{
	struct pn_sim_ops ops = rig_ops;
	static struct pn_sim_ops kept;
	struct rig *r;

	ops.guest_intr = p_guest_intr;
	ops.leave = p_leave;
	ops.msi = p_msi;
	kept = ops;
	r = make_with(&kept, 1, 1, (struct pn_sim_conf){.queues = 1});
	*po = (struct posted){.ack = true};
	r->more = po;
	assert_int_equal(pn_queue_init(r->s, 0, &on_demand, &r->s->vcpu[0], NULL, QUEUE, 1), 0);
	r->s->vcpu[0].conf.idle_poll = true;
	pn_sim_start(r->s);
	return r;
}

static bool finished_at(struct rig *r, uint64_t when)
{
	run(r, when - 1);
	if (r->s->completions)
		return false;
	run(r, when);
	return r->s->completions == 1;
}

/* ---- taken in the guest ---- */

/*
 * A completion at T0: its handler, then its work. What is posted meanwhile delays it by just what
 * it costs, and nothing exits.
 */
static void posted_delays_the_span(void **state)
{
	static const struct {
		const char *name;
		uint8_t vector[2]; /* 0: nothing is posted, the notification is spurious */
		uint64_t from, to; /* when they come, after T0 */
		uint64_t delay;
	} rows[] = {
		/* clang-format off */
		{"spurious, at any time", {0}, 1, PI + HANDLER + WORK, PI},
		{"posted while it works", {0x41}, PI + HANDLER, PI + HANDLER + WORK, PI + PN_GUEST_TIMER_NS},
		{"posted while the handler runs: after it", {0x41}, 1, PI + HANDLER, PI + PN_GUEST_TIMER_NS},
		{"two in one descriptor", {0x41, 0x81}, 1, PI + HANDLER + WORK, PI + 2 * PN_GUEST_TIMER_NS},
		/* clang-format on */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint64_t when = rows[i].from; when < rows[i].to; when += 61) {
			struct posted po;
			struct rig *r = make_posted(&po);
			struct later l[2];

			at(r, &l[0], T0, L_COMPLETE, 0);
			at(r, &l[1], T0 + when, L_RAISE, NV);
			run(r, T0);
			for (unsigned k = 0; k < 2 && rows[i].vector[k]; k++)
				pn_lapic_accept(&po.pir, rows[i].vector[k]);
			if (!finished_at(r, T0 + PI + HANDLER + WORK + rows[i].delay))
				fail_msg("%s: %lu ns after: not on time", rows[i].name,
					 (unsigned long)when);
			assert_int_equal(how_often(r, GUEST_INTR), 2);
			assert_int_equal(how_often(r, LEAVE), 0);
			assert_int_equal(r->s->pcpu[0].interrupts, 0);
			unmake(r);
		}
	}
}

/* Not without end: other guest work goes on, and is not charged for it. */
static void posted_delays_other_work(void **state)
{
	struct posted po;
	struct rig *r = make_posted(&po);
	struct later l;

	(void)state;
	r->s->vcpu[0].conf.idle_poll = false;
	r->s->vcpu[0].busy_ns = 50 * US;
	r->s->vcpu[0].conf.busy = 0.5;
	r->s->vcpu[0].conf.busy_burst = 1000 * MS; /* the next one is far away */
	at(r, &l, RUNS + 20 * US, L_RAISE, NV);
	run(r, 500 * US);
	assert_int_equal(first_at(r, LEAVE, 0, 0), RUNS + 50 * US + PI);
	unmake(r);
}

/* ---- exits ---- */

/* A vector that an exit acknowledged is handled first, whatever else came meanwhile. */
static void acknowledged_first(void **state)
{
	(void)state;
	for (unsigned ack = 0; ack < 2; ack++) {
		struct posted po;
		struct rig *r = make_posted(&po);
		struct later l[3];
		uint64_t out = T0 + EXIT;

		po.ack = ack;
		at(r, &l[0], T0, L_RAISE, LOW);
		at(r, &l[1], T0 + EXIT / 2, L_RAISE, HIGH);
		at(r, &l[2], T0 + EXIT / 2, L_RAISE, LOW - 0x10);
		run(r, 2 * MS);
		assert_int_equal(first_at(r, LEAVE, 0, 0), T0);
		assert_int_equal(first_at(r, IRQ, LOW, 0), out);
		assert_int_equal(first_at(r, IRQ, HIGH, 0), out);
		for (unsigned i = 0, seen = 0; i < r->notes; i++) {
			static const uint8_t order[2][3] = {{HIGH, LOW, LOW - 0x10},
							    {LOW, HIGH, LOW - 0x10}};

			if (r->note[i].what == IRQ)
				assert_int_equal(r->note[i].arg, order[ack][seen++]);
		}
		assert_int_equal(r->s->pcpu[0].interrupts, 3);
		assert_int_equal(r->s->pcpu[0].acked, -1);
		assert_int_equal(pn_lapic_eoi(&r->s->pcpu[0].lapic), -1);
		assert_int_equal(how_often(r, ENTER), 2);
		unmake(r);
	}
}

/* An exit cuts short what the guest was charged for, and the host is not charged for it. */
static void exit_while_processing(void **state)
{
	struct posted po;
	struct rig *r = make_posted(&po);
	struct later l[2];

	(void)state;
	at(r, &l[0], T0, L_RAISE, NV);
	at(r, &l[1], T0 + PI / 2, L_RAISE, LOW);
	run(r, 2 * MS);
	assert_int_equal(first_at(r, LEAVE, 0, 0), T0 + PI / 2);
	assert_int_equal(first_at(r, IRQ, LOW, 0), T0 + PI / 2 + EXIT);
	assert_int_equal(r->s->pcpu[0].host_ns, RUNS + EXIT + VMRUN);
	unmake(r);
}

/* In host mode the notification is an interrupt like others. */
static void notification_in_host_mode(void **state)
{
	struct posted po;
	struct rig *r = make_posted(&po);
	struct later l;

	(void)state;
	at(r, &l, IDLE_EXIT / 2, L_RAISE, NV);
	run(r, 1 * MS);
	assert_int_equal(how_often(r, GUEST_INTR), 0);
	assert_int_equal(first_at(r, IRQ, NV, 0), IDLE_EXIT);
	unmake(r);
}

/* What comes between VM entry and the first instruction. */
static void on_entry(void **state)
{
	static const struct {
		const char *name;
		uint8_t raised[2];
		unsigned processed; /* before the first exit, if there is one */
		bool exits;
	} rows[] = {
		{"nothing", {0}, 0, false},
		{"notification", {NV}, 1, false},
		{"another", {LOW}, 0, true},
		{"both: by priority, the notification, then the exit", {LOW, NV}, 1, true},
		{"both: the exit first, the host takes the notification", {HIGH, NV}, 0, true},
	};
	const uint64_t enter = RUNS - VMRUN;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct posted po;
		struct rig *r = make_posted(&po);
		struct later l[2];
		uint64_t paid = RUNS + rows[i].processed * PI;

		for (unsigned k = 0; k < 2 && rows[i].raised[k]; k++)
			at(r, &l[k], enter + 10 + k, L_RAISE, rows[i].raised[k]);
		run(r, enter + 5);
		pn_lapic_accept(&po.pir, 0x41);
		run(r, 1 * MS);
		assert_int_equal(how_often(r, GUEST_INTR), rows[i].processed);
		assert_int_equal(how_often(r, LEAVE), rows[i].exits);
		if (rows[i].exits) {
			assert_int_equal(first_at(r, LEAVE, 0, 0), RUNS);
			/* What was charged before the exit is paid as well. */
			assert_int_equal(first_at(r, IRQ, rows[i].raised[0], 0), paid + EXIT);
			assert_int_equal(first_at(r, ENTER, 0, RUNS), paid + EXIT);
		}
		assert_int_equal(first_at(r, IRQ, NV, 0),
				 rows[i].raised[0] == HIGH ? paid + EXIT : UINT64_MAX);
		/* A handler that was begun has not run yet when it exits. */
		assert_int_equal(how_often(r, DELIVER), rows[i].processed);
		if (rows[i].processed)
			assert_int_equal(first_at(r, DELIVER, 0, 0),
					 rows[i].exits ? paid + EXIT + VMRUN : RUNS);
		unmake(r);
	}
}

/* One in service holds back what is not above it: no exit, no processing, until its EOI. */
static void held_back_by_one_in_service(void **state)
{
	struct posted po;
	struct rig *r = make_posted(&po);
	struct pn_lapic *l = &r->s->pcpu[0].lapic;
	struct later a, b, c;

	(void)state;
	run(r, RUNS);
	pn_lapic_accept(l, NV + 1);
	assert_int_equal(pn_lapic_take(l), NV + 1);
	at(r, &a, T0, L_RAISE, NV);
	at(r, &b, T0 + 10, L_RAISE, LOW);
	run(r, 2 * MS);
	assert_int_equal(how_often(r, GUEST_INTR), 0);
	assert_int_equal(how_often(r, LEAVE), 0);
	assert_int_equal(pn_lapic_pending(l), NV);
	/* After it, with the next that comes: both, by priority. */
	pn_lapic_eoi(l);
	at(r, &c, 3 * MS, L_RAISE, 0x30);
	run(r, 4 * MS);
	assert_int_equal(how_often(r, GUEST_INTR), 1);
	assert_int_equal(how_often(r, LEAVE), 1);
	assert_int_equal(r->s->pcpu[0].interrupts, 2);
	unmake(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posted_delays_the_span),
		cmocka_unit_test(posted_delays_other_work),
		cmocka_unit_test(acknowledged_first),
		cmocka_unit_test(exit_while_processing),
		cmocka_unit_test(notification_in_host_mode),
		cmocka_unit_test(on_entry),
		cmocka_unit_test(held_back_by_one_in_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
