/* SPDX-License-Identifier: MIT */
/*
 * The books of real threads: what was sent, who took it, and what is wrong once everything rests.
 * No thread runs here; the hypervisor is one word of a vAPIC page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smp.h"

#define VCPUS	2
#define DEVICE	2 /* sources of devices; a timer for each vCPU follows */
#define SOURCES (DEVICE + VCPUS)
#define STRIDE	32

struct rig {
	struct smp s;
	struct smp_cpu cpu;
	struct smp_vcpu vcpu[VCPUS];
	struct smp_source source[SOURCES];
	struct smp_ops ops;
	struct pn_hyp_ops hyp_ops;
	struct pn_hyp hyp;
	struct pn_host_vcpu h[VCPUS];
	uint32_t page[VCPUS][1024];
};

static const char *wrong; /* what the hypervisor finds in a vCPU */

static uint32_t t_irr(const struct pn_host_vcpu *h, unsigned word)
{
	return pn_vapic_read(h->page, PN_APIC_IRR + word * 16);
}

static const char *t_check(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	(void)h;
	(void)c;
	return wrong;
}

static int make(void **state)
{
	struct rig *r = aligned_alloc(SMP_LINE, sizeof(*r));

	memset(r, 0, sizeof(*r));
	r->s.ops = &r->ops;
	r->s.hyp = &r->hyp;
	r->hyp.ops = &r->hyp_ops;
	r->hyp_ops.irr = t_irr;
	r->hyp_ops.check = t_check;
	r->s.cpu = &r->cpu;
	r->s.cpus = 1;
	r->s.vcpu = r->vcpu;
	r->s.vcpus = VCPUS;
	r->s.source = r->source;
	r->s.sources = r->s.books = SOURCES;
	r->s.timers = DEVICE;
	r->s.stride = STRIDE;
	r->s.dice = 1;
	for (unsigned i = 0; i < VCPUS; i++) {
		r->h[i].page = r->page[i];
		r->vcpu[i].h = &r->h[i];
		r->vcpu[i].id = i;
		r->vcpu[i].task.state = SMP_ASLEEP;
	}
	for (unsigned i = 0; i < SOURCES; i++) {
		r->source[i].index = i;
		r->source[i].vector = (uint8_t)(PN_VEC_DEVICE_FIRST + i * STRIDE);
		smp_aim(&r->source[i], i % VCPUS);
	}
	wrong = NULL;
	*state = r;
	return 0;
}

static int unmake(void **state)
{
	free(*state);
	return 0;
}

/* @src sends, and its bit is set for vCPU @to. */
static void post(struct rig *r, unsigned src, unsigned to)
{
	smp_sends(&r->source[src]);
	if (pn_vapic_test(r->page[to], PN_APIC_IRR, r->source[src].vector))
		return;
	pn_vapic_set(r->page[to], PN_APIC_IRR, r->source[src].vector);
	r->cpu.fresh++;
}

static void take(struct rig *r, unsigned src, unsigned by)
{
	pn_vapic_clear(r->page[by], PN_APIC_IRR, r->source[src].vector);
	smp_took(&r->s, &r->vcpu[by], r->source[src].vector);
}

static bool rests(struct rig *r)
{
	return smp_round(&r->s, 0, NULL, NULL);
}

static void violates(struct rig *r, const char *property, const char *text)
{
	assert_false(rests(r));
	assert_string_equal(r->s.property, property);
	assert_non_null(strstr(r->s.text, text));
}

static void arrives(void **state)
{
	struct rig *r = *state;

	post(r, 0, 0);
	take(r, 0, 0);
	for (unsigned i = 0; i < 3; i++) /* two of them merge */
		post(r, 1, 1);
	take(r, 1, 1);
	assert_true(rests(r));
	assert_int_equal(smp_sent(&r->s), 4);
	assert_int_equal(smp_taken(&r->s), 2);
	assert_int_equal(smp_lost(&r->s) + smp_masked(&r->s) + smp_missed(&r->s), 0);
}

static void is_lost(void **state)
{
	struct rig *r = *state;

	post(r, 0, 0);
	take(r, 0, 0);
	smp_sends(&r->source[0]);
	assert_int_equal(smp_lost(&r->s), 1);
	violates(r, "P4", "is nowhere");
}

static void waits_behind_tpr(void **state)
{
	struct rig *r = *state;

	pn_vapic_write(r->page[0], PN_APIC_TPR, 0xF0);
	post(r, 0, 0);
	post(r, 0, 0);
	assert_true(rests(r));
	assert_int_equal(smp_masked(&r->s), 2);
	assert_int_equal(smp_lost(&r->s), 0);
}

/* Its bit is set where nothing sent it: that is not the one that is missing. */
static void pends_elsewhere(void **state)
{
	struct rig *r = *state;

	pn_vapic_write(r->page[1], PN_APIC_TPR, 0xF0);
	post(r, 0, 1);
	assert_int_equal(smp_lost(&r->s), 1);
	violates(r, "P4", "is nowhere");
}

static void sleeps_on(void **state)
{
	struct rig *r = *state;

	post(r, 0, 0);
	assert_int_equal(smp_missed(&r->s), 1);
	violates(r, "P1", "vCPU 0 sleeps");
}

static void waits_inside(void **state)
{
	struct rig *r = *state;

	r->vcpu[0].task.state = SMP_AWAKE;
	r->vcpu[0].inside = true;
	post(r, 0, 0);
	violates(r, "P4", "waits in its guest");
}

static void does_not_run(void **state)
{
	struct rig *r = *state;

	r->vcpu[0].task.state = SMP_AWAKE;
	post(r, 0, 0);
	violates(r, "P1", "is not asleep and does not run");
}

static void taken_by_another(void **state)
{
	struct rig *r = *state;

	post(r, 0, 1);
	take(r, 0, 1);
	violates(r, "P4", "to which nothing sent it");
}

/* One that is moved may arrive at both, until everything rests. */
static void moves(void **state)
{
	struct rig *r = *state;

	post(r, 0, 0);
	smp_aim(&r->source[0], 1);
	post(r, 0, 1);
	take(r, 0, 1);
	take(r, 0, 0);
	assert_true(rests(r));
	post(r, 0, 0);
	take(r, 0, 0);
	violates(r, "P4", "to which nothing sent it");
}

/* What was pending when everything rested may still be taken there. */
static void moves_while_masked(void **state)
{
	struct rig *r = *state;

	pn_vapic_write(r->page[0], PN_APIC_TPR, 0xF0);
	post(r, 0, 0);
	smp_aim(&r->source[0], 1);
	assert_true(rests(r));
	take(r, 0, 0);
	assert_true(rests(r));
}

static void taken_twice(void **state)
{
	struct rig *r = *state;

	post(r, 0, 0);
	take(r, 0, 0);
	take(r, 0, 0);
	violates(r, "P4", "was taken 2 times");
}

static void taken_and_not_sent(void **state)
{
	struct rig *r = *state;

	smp_took(&r->s, &r->vcpu[0], PN_VEC_DEVICE_FIRST + 1);
	violates(r, "P4", "which nothing sends");
}

/* A number that was sent later hides it from the numbers, not from the count of bits. */
static void a_bit_vanishes(void **state)
{
	struct rig *r = *state;

	post(r, 0, 0);
	pn_vapic_clear(r->page[0], PN_APIC_IRR, r->source[0].vector);
	post(r, 0, 0);
	take(r, 0, 0);
	violates(r, "P4", "2 bits were set, and 1 taken");
}

static void requests_stay(void **state)
{
	struct rig *r = *state;

	r->h[0].requests = PN_REQ_UNBLOCK;
	violates(r, "P6", "with a request");
}

static void hypervisor_complains(void **state)
{
	wrong = "it is on two lists";
	violates(*state, "P2", wrong);
}

static uint32_t word;

static void t_irq(struct smp_cpu *c, uint8_t vector)
{
	(void)c;
	(void)vector;
	word = 2;
}

/* A load and the store of what it found are two accesses: an interrupt comes in between. */
static void stumbles_before_the_store(void **state)
{
	struct rig *r = *state;
	uint32_t copy;

	word = 1;
	r->ops.irq = t_irq;
	r->cpu.s = &r->s;
	r->cpu.deferred = -1;
	smp_raise(&r->cpu, PN_VEC_WAKEUP);
	smp_dice =
		(struct smp_dice){.left = 2, .mean = 1000000, .random = 1, .agent = &r->cpu.agent};
	pn_st32(&copy, pn_ld32(&word));
	smp_dice = (struct smp_dice){0};
	assert_int_equal(word, 2);
	assert_int_equal(copy, 1);
}

#define T(t) cmocka_unit_test_setup_teardown(t, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(arrives),
		T(is_lost),
		T(waits_behind_tpr),
		T(pends_elsewhere),
		T(sleeps_on),
		T(waits_inside),
		T(does_not_run),
		T(taken_by_another),
		T(moves),
		T(moves_while_masked),
		T(taken_twice),
		T(taken_and_not_sent),
		T(a_bit_vanishes),
		T(requests_stay),
		T(hypervisor_complains),
		T(stumbles_before_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
