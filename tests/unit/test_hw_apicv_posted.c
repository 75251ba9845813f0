/* SPDX-License-Identifier: MIT */
/* Posted-interrupt processing, spec section 3.4, and its races with posters. */
#include <pthread.h>
#include <sched.h>

#include "apicv_rig.h"

/* 3.4 steps 1 and 2: what an external interrupt does. */
static void external(void **state)
{
	static const struct {
		const char *row;
		uint32_t pin, exit_ctl;
		int irr, isr;
		enum pn_apicv_intr want;
		int vector;
	} rows[] = {
		{"3.4 nothing pending", 0x81, 1u << 15, -1, -1, PN_INTR_NONE, -1},
		{"3.4 below what is in service", 0x81, 1u << 15, RIG_NV, 0xF9, PN_INTR_NONE, -1},
		{"3.4 notification", 0x81, 1u << 15, RIG_NV, -1, PN_INTR_POSTED, -1},
		{"3.4 above what is in service", 0x81, 1u << 15, RIG_NV, 0x30, PN_INTR_POSTED, -1},
		{"3.4 other vector", 0x81, 1u << 15, 0xEC, -1, PN_INTR_EXIT, 0xEC},
		{"3.4 one above", 0x81, 1u << 15, RIG_NV + 1, -1, PN_INTR_EXIT, RIG_NV + 1},
		{"3.4 no PI", 0x01, 1u << 15, RIG_NV, -1, PN_INTR_EXIT, RIG_NV},
		{"3.4 no PI, no ack", 0x01, 0, RIG_NV, -1, PN_INTR_EXIT, -1},
		{"3.4 no PI, no ack, nothing", 0x01, 0, -1, -1, PN_INTR_NONE, -1},
		{"3.4 no PI, no ack, in service", 0x01, 0, 0xF3, 0xF9, PN_INTR_NONE, -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool taken, posted = rows[i].want == PN_INTR_POSTED;
		int vector = 77;
		struct rig r;

		rig_init(&r, false);
		r.vmcs.pin = rows[i].pin;
		r.vmcs.exit_ctl = rows[i].exit_ctl;
		rig_run(&r);
		rig_post(RIG_SELF, 0x61);
		if (rows[i].isr >= 0) {
			pn_lapic_accept(&r.lapic, (uint8_t)rows[i].isr);
			pn_lapic_take(&r.lapic);
		}
		if (rows[i].irr >= 0)
			pn_lapic_accept(&r.lapic, (uint8_t)rows[i].irr);
		ROW_EQ(rows[i].row, pn_apicv_intr(&r.cpu, &r.lapic, &vector), rows[i].want);
		ROW_EQ(rows[i].row, vector, rows[i].vector);
		taken = posted || vector >= 0;
		ROW_EQ(rows[i].row, pn_lapic_pending(&r.lapic), taken ? -1 : rows[i].irr);
		ROW_EQ(rows[i].row, rig_pir(RIG_SELF, 0x61), !posted);
		ROW_EQ(rows[i].row, rig_pid(RIG_SELF)->control & PN_PID_ON, !posted);
		ROW_EQ(rows[i].row, pn_apicv_pending(&r.cpu, true), posted ? 0x61 : -1);
		/* Step 4: the physical EOI of a notification; other vectors are the host's. */
		ROW_EQ(rows[i].row, pn_lapic_eoi(&r.lapic), vector >= 0 ? vector : rows[i].isr);
		ROW_EQ(rows[i].row, r.agent.step[PN_STEP_PI_PROCESS].count, posted);
		ROW_EQ(rows[i].row, r.agent.step[PN_STEP_PI_SPURIOUS].count, 0);
		ROW_EQ(rows[i].row, r.agent.step[PN_STEP_VID_EVAL].count, posted);
	}
}

/*
 * In root mode the vector is an ordinary one; without external-interrupt exiting it goes to the
 * guest.
 */
static void external_elsewhere(void **state)
{
	struct rig r;
	int vector;

	(void)state;
	rig_init(&r, false);
	rig_run(&r);
	pn_apicv_vmexit(&r.cpu, &r.vmcs);
	rig_post(RIG_SELF, 0x61);
	pn_lapic_accept(&r.lapic, RIG_NV);
	assert_int_equal(pn_apicv_intr(&r.cpu, &r.lapic, &vector), PN_INTR_NONE);
	assert_int_equal(vector, -1);
	r.vmcs.pin = 0;
	r.vmcs.proc2 = PN_PROC2_APIC_ACCESSES;
	rig_run(&r);
	assert_int_equal(pn_apicv_intr(&r.cpu, &r.lapic, &vector), PN_INTR_NONE);
	assert_int_equal(pn_lapic_pending(&r.lapic), RIG_NV);
	assert_true(rig_pir(RIG_SELF, 0x61));
	assert_true(rig_pid(RIG_SELF)->control & PN_PID_ON);
}

static void notify(struct rig *r)
{
	int vector;

	pn_lapic_accept(&r->lapic, RIG_NV);
	assert_int_equal(pn_apicv_intr(&r->cpu, &r->lapic, &vector), PN_INTR_POSTED);
}

/* 3.4 steps 5 to 7: every bit of the PIR, in both granules, onto a VIRR that has bits already. */
static void pir_bits(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 512; n++) {
		uint8_t v = (uint8_t)n, old = v ^ 0x20;
		uint64_t control;
		struct rig r;

		rig_init(&r, false);
		r.feat.pir_granule = n < 256 ? 32 : 64;
		rig_set(PN_APIC_IRR, old);
		r.vmcs.intr_status = old;
		rig_run(&r);
		control = rig_pid(RIG_SELF)->control;
		rig_post(RIG_SELF, v);
		notify(&r);
		ROW_EQ("3.4.5", rig_test(PN_APIC_IRR, v), true);
		ROW_EQ("3.4.5", rig_test(PN_APIC_IRR, old), true);
		ROW_EQ("3.4.5", pn_vapic_count(rig_page(), PN_APIC_IRR), 2);
		ROW_EQ("3.4.5", rig_pir(RIG_SELF, v), false);
		ROW_EQ("3.4.3", rig_pid(RIG_SELF)->control, control);
		ROW_EQ("3.4.6", r.cpu.rvi, v > old ? v : old);
		ROW_EQ("3.4.7", r.agent.step[PN_STEP_VID_EVAL].count, 1);
		ROW_EQ("3.4.7", pn_apicv_pending(&r.cpu, true), r.cpu.rvi >= 16 ? r.cpu.rvi : -1);
	}
}

/* All of them, and patterns across the words. */
static void pir_full(void **state)
{
	static const uint64_t rows[][4] = {
		{~0ull, ~0ull, ~0ull, ~0ull},
		{0xFFFFFFFF00000000ull, 0xFFFFFFFF, 0, 1},
		{0x8000000080000001ull, 0, 0x0000000180000000ull, 0},
		{0, 0, 0, 0x8000000000000000ull},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		const uint64_t *pir = rows[i / 2];
		struct rig r;

		rig_init(&r, false);
		r.feat.pir_granule = i & 1 ? 32 : 64;
		rig_run(&r);
		memcpy(rig_pid(RIG_SELF)->pir, pir, 32);
		notify(&r);
		for (unsigned v = 0; v < 256; v++)
			ROW_EQ("3.4.5", rig_test(PN_APIC_IRR, (uint8_t)v),
			       pir[v / 64] >> v % 64 & 1);
		for (int w = 0; w < 4; w++)
			ROW_EQ("3.4.5", rig_pid(RIG_SELF)->pir[w], 0);
		ROW_EQ("3.4.6", r.cpu.rvi, pn_vapic_highest(rig_page(), PN_APIC_IRR));
	}
}

/* 3.4: an empty PIR leaves RVI alone; SN and the rest of the descriptor belong to software. */
static void spurious(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, false);
	rig_set(PN_APIC_IRR, 0x41);
	r.vmcs.intr_status = 0x41;
	rig_run(&r);
	rig_pid(RIG_SELF)->control = ~0ull;
	memset(rig_pid(RIG_SELF)->rsvd, 0xA5, 24);
	notify(&r);
	assert_int_equal(r.agent.step[PN_STEP_PI_PROCESS].count, 1);
	assert_int_equal(r.agent.step[PN_STEP_PI_SPURIOUS].count, 1);
	assert_int_equal(r.agent.step[PN_STEP_VID_EVAL].count, 1);
	assert_int_equal(r.cpu.rvi, 0x41);
	assert_true(rig_pid(RIG_SELF)->control == ~PN_PID_ON);
	assert_true(rig_pid(RIG_SELF)->rsvd[0] == 0xA5A5A5A5A5A5A5A5ull);
	assert_true(rig_pid(RIG_SELF)->rsvd[2] == 0xA5A5A5A5A5A5A5A5ull);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), 0x41);
}

/*
 * 3.4: IF has no effect; a guest in HLT goes back to it unless something is recognized: a vector
 * below VPPR leaves it there, one above wakes it as soon as IF allows.
 */
static void halted(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, false);
	rig_page()[PN_APIC_TPR / 4] = 0x50;
	rig_run(&r);
	rig_post(RIG_SELF, 0x51);
	notify(&r);
	assert_int_equal(r.cpu.rvi, 0x51);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), -1);
	rig_post(RIG_SELF, 0x61);
	notify(&r);
	assert_int_equal(pn_apicv_pending(&r.cpu, false), -1);
	assert_int_equal(pn_apicv_pending(&r.cpu, true), 0x61);
	assert_int_equal(pn_apicv_deliver(&r.cpu), 0x61);
	assert_int_equal(r.cpu.rvi, 0x51);
}

/* A poster between steps 3 and 5: its own vector, and what it saw. */
struct poster {
	uint8_t vector;
	bool notify;
	bool on;	/* ON when it came */
	int in_service; /* of the physical APIC */
	struct rig *r;
};

static void post_now(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	struct poster *p = ctx;

	assert_int_equal(step, PN_STEP_PI_PROCESS);
	assert_true(agent == &p->r->agent && a == rig_pid_pa(RIG_SELF) && b == RIG_NV);
	p->on = rig_pid(RIG_SELF)->control & PN_PID_ON;
	p->in_service = pn_lapic_eoi(&p->r->lapic);
	p->notify = rig_post(RIG_SELF, p->vector);
}

/* ON is clear before the PIR is read: the post is taken now and notified again, harmlessly. */
static void post_between(void **state)
{
	(void)state;
	for (int granule = 32; granule <= 64; granule += 32) {
		struct poster p = {.vector = 0xB1};
		struct rig r;

		rig_init(&r, false);
		r.feat.pir_granule = (uint8_t)granule;
		rig_run(&r);
		p.r = &r;
		row_watch_one(&r.agent, PN_STEP_PI_PROCESS, post_now, &p);
		rig_post(RIG_SELF, 0x31);
		notify(&r);
		assert_false(p.on);
		assert_int_equal(p.in_service, -1);
		assert_true(p.notify);
		assert_int_equal(pn_apicv_pending(&r.cpu, true), 0xB1);
		assert_true(rig_test(PN_APIC_IRR, 0x31));
		assert_false(rig_pir(RIG_SELF, 0xB1));
		assert_true(rig_pid(RIG_SELF)->control & PN_PID_ON);
		/* Its notification finds nothing. */
		for (unsigned step = 0; step < PN_STEP_NR; step++)
			r.steps[step].watched = 0;
		notify(&r);
		assert_int_equal(r.agent.step[PN_STEP_PI_SPURIOUS].count, 1);
		assert_int_equal(pn_apicv_pending(&r.cpu, true), 0xB1);
		assert_false(rig_pid(RIG_SELF)->control & PN_PID_ON);
		/* A post after step 5 finds ON clear and notifies. */
		assert_true(rig_post(RIG_SELF, 0xC1));
	}
}

/*
 * Two processors send virtualized IPIs to a third, each its own vector and the next when the last
 * was delivered: a lost one ends in the time limit. Real threads.
 */
#define SENDS 4000

struct sender {
	struct pn_apicv cpu;
	struct pn_agent agent;
	struct pn_step_slot steps[PN_STEP_NR];
	struct pn_bus bus;
	uint8_t vector;
	uint32_t *notified;  /* shared: the receiver's physical interrupt line */
	uint32_t *delivered; /* shared: how often the receiver took @vector */
};

static void raise_line(void *ctx, const struct pn_intr *intr)
{
	struct sender *s = ctx;

	(void)intr;
	__atomic_store_n(s->notified, 1, __ATOMIC_SEQ_CST);
}

static void *send_all(void *arg)
{
	struct sender *s = arg;
	struct pn_apicv_exit exit;

	for (uint32_t n = 0; n < SENDS; n++) {
		if (pn_apicv_wrmsr(&s->cpu, 0x830, (uint64_t)RIG_SELF << 32 | s->vector, &exit) !=
		    PN_APICV_DONE)
			return s;
		while (__atomic_load_n(s->delivered, __ATOMIC_ACQUIRE) == n)
			sched_yield();
	}
	return NULL;
}

static void receive_all(struct rig *r, struct sender *s, uint32_t *notified, uint32_t *delivered)
{
	uint64_t total = 0;
	int v;

	while (total < 2 * SENDS) {
		if (!__atomic_exchange_n(notified, 0, __ATOMIC_SEQ_CST)) {
			sched_yield();
			continue;
		}
		notify(r);
		while ((v = pn_apicv_pending(&r->cpu, true)) >= 0) {
			assert_int_equal(pn_apicv_deliver(&r->cpu), v);
			assert_true(v == s[0].vector || v == s[1].vector);
			assert_int_equal(pn_apicv_wrmsr(&r->cpu, 0x80B, 0, &r->exit),
					 PN_APICV_EVALUATE);
			__atomic_fetch_add(&delivered[v == s[1].vector], 1, __ATOMIC_RELEASE);
			total++;
		}
	}
}

static void nothing_lost(void **state)
{
	(void)state;
	for (int granule = 32; granule <= 64; granule += 32) {
		static struct sender s[2];
		uint32_t notified = 0, delivered[2] = {0, 0};
		pthread_t thread[2];
		struct rig r;
		void *bad;

		rig_init(&r, true);
		r.feat.pir_granule = (uint8_t)granule;
		rig_run(&r);
		for (int i = 0; i < 2; i++) {
			s[i].bus = r.bus;
			s[i].bus.ctx = &s[i];
			s[i].bus.intr = raise_line;
			s[i].vector = i ? 0xB1 : 0x85;
			s[i].notified = &notified;
			s[i].delivered = &delivered[i];
			pn_agent_init(&s[i].agent, (uint32_t)i, s[i].steps);
			r.vmcs.pid = rig_pid_pa(8 + (uint32_t)i);
			r.vmcs.virtual_apic = RIG_BASE + 0x10000 + (uint32_t)i * 0x1000;
			pn_apicv_init(&s[i].cpu, &s[i].bus, &s[i].agent, &r.feat, true);
			assert_int_equal(pn_apicv_vmentry(&s[i].cpu, &r.vmcs, &r.exit), 0);
		}
		for (int i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&thread[i], NULL, send_all, &s[i]), 0);
		receive_all(&r, s, &notified, delivered);
		for (int i = 0; i < 2; i++) {
			pthread_join(thread[i], &bad);
			assert_null(bad);
			assert_int_equal(delivered[i], SENDS);
		}
		assert_true(pn_vapic_empty(rig_page(), PN_APIC_IRR));
		assert_int_equal(r.cpu.rvi, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(external),	cmocka_unit_test(external_elsewhere),
		cmocka_unit_test(pir_bits),	cmocka_unit_test(pir_full),
		cmocka_unit_test(spurious),	cmocka_unit_test(halted),
		cmocka_unit_test(post_between), cmocka_unit_test(nothing_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
