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
	uint32_t page[VCPUS][1024] __attribute__((aligned(SMP_WATCH_LINE)));
	uint64_t pir[VCPUS][8] __attribute__((aligned(SMP_WATCH_LINE))); /* and control */
};

static bool apicv;	  /* what the inhibits allow */
static const char *wrong; /* what the hypervisor finds in a vCPU */

static uint32_t t_irr(const struct pn_host_vcpu *h, unsigned word)
{
	return pn_vapic_read(h->page, PN_APIC_IRR + word * 16);
}

static bool t_inject(struct pn_host_vcpu *h, struct pn_host_cpu *c, uint8_t vector,
		     enum pn_wake_reason why)
{
	(void)c;
	(void)why;
	return pn_vapic_set(h->page, PN_APIC_IRR, vector);
}

static uint32_t t_inhibits(const struct pn_host_vcpu *h)
{
	(void)h;
	return !apicv;
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
	r->hyp_ops.inhibits = t_inhibits;
	r->hyp_ops.inject = t_inject;
	r->s.cpu = &r->cpu;
	r->s.cpus = 1;
	r->s.vcpu = r->vcpu;
	r->s.vcpus = VCPUS;
	r->s.source = r->source;
	r->s.sources = r->s.books = SOURCES;
	r->s.timers = DEVICE;
	r->s.stride = r->s.host_stride = STRIDE;
	r->cpu.s = &r->s;
	r->s.dice = 1;
	for (unsigned i = 0; i < VCPUS; i++) {
		r->h[i].page = r->page[i];
		r->vcpu[i].h = &r->h[i];
		r->vcpu[i].id = i;
		r->vcpu[i].task.state = SMP_ASLEEP;
	}
	for (unsigned i = 0; i < SOURCES; i++) {
		r->source[i].index = i;
		r->source[i].vector = smp_vector(&r->s, i);
		r->source[i].host_vector = smp_host_vector(&r->s, i);
		smp_aim(&r->source[i], i % VCPUS);
	}
	wrong = NULL;
	apicv = false;
	*state = r;
	return 0;
}

static int unmake(void **state)
{
	smp_dice = (struct smp_dice){0};
	smp_unwatch();
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

/* An IPI of lowest priority: the host chooses one of several. */
static void one_of_several_takes(void **state)
{
	struct rig *r = *state;

	r->source[0].always = 2;
	for (unsigned by = 0; by < VCPUS; by++) {
		assert_true(rests(r));
		post(r, 0, by);
		take(r, 0, by);
	}
	assert_true(rests(r));
	post(r, 0, 1);
	take(r, 0, 1);
	take(r, 0, 0);
	violates(r, "P4", "was taken 4 times");
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

	smp_took(&r->s, &r->vcpu[0], SMP_VEC_FIRST + 1);
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

/* ---- IPIs: each bit is counted where it is set ---- */

#define IPI  1
#define BIT  (1ull << (SMP_VEC_FIRST + IPI * STRIDE) % 64)
#define WORD ((SMP_VEC_FIRST + IPI * STRIDE) / 64)

static int make_ipis(void **state)
{
	struct rig *r;

	make(state);
	r = *state;
	r->s.ipis = true;
	r->s.bus.ram = (void *)r->page;
	for (unsigned i = 0; i < VCPUS; i++)
		r->vcpu[i].pir = r->pir[i];
	smp_watch(&r->s);
	smp_dice.bits = &r->cpu.bits;
	return 0;
}

static void to_irr(struct rig *r)
{
	smp_sends(&r->source[IPI]);
	pn_vapic_set(r->page[1], PN_APIC_IRR, r->source[IPI].vector);
}

static void to_pir(struct rig *r)
{
	smp_sends(&r->source[IPI]);
	pn_or64(&r->pir[1][WORD], BIT);
}

static void move(struct rig *r)
{
	if (pn_xchg64(&r->pir[1][WORD], 0) & BIT)
		pn_vapic_set(r->page[1], PN_APIC_IRR, r->source[IPI].vector);
}

static void ipis_merge(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < 3; i++)
		to_irr(r);
	to_pir(r);
	to_pir(r);
	move(r);
	take(r, IPI, 1);
	assert_true(rests(r));
	assert_int_equal(smp_sent(&r->s), 5);
	assert_int_equal(smp_bits(&r->s).asked - smp_bits(&r->s).fresh, 4);
}

static void ipi_waits_in_both(void **state)
{
	struct rig *r = *state;

	pn_vapic_write(r->page[1], PN_APIC_TPR, 0xF0);
	to_pir(r);
	to_irr(r);
	assert_true(rests(r));
	move(r);
	assert_true(rests(r));
}

static uint64_t t_aside(struct smp *s)
{
	(void)s;
	return 1;
}

/* A bit that the host keeps for itself, and sets again. */
static void ipi_moves_aside(void **state)
{
	struct rig *r = *state;

	r->ops.aside = t_aside;
	to_irr(r);
	pn_vapic_clear(r->page[1], PN_APIC_IRR, r->source[IPI].vector);
	smp_check_bits(&r->s);
	assert_int_equal(r->s.failed, 0);
	r->s.ipis = false; /* what is set again was sent once */
	pn_vapic_set(r->page[1], PN_APIC_IRR, r->source[IPI].vector);
	take(r, IPI, 1);
	smp_check_bits(&r->s);
	assert_int_equal(r->s.failed, 0);
	r->ops.aside = NULL;
	smp_check_bits(&r->s);
	assert_string_equal(r->s.property, "P4");
}

/* Its number is covered by that of the next one. */
static void ipi_is_not_set(void **state)
{
	struct rig *r = *state;

	smp_sends(&r->source[IPI]);
	to_irr(r);
	take(r, IPI, 1);
	violates(r, "P4", "2 IPIs and timers were sent, and bits set 1 times");
}

static void ipi_is_set_twice(void **state)
{
	struct rig *r = *state;

	to_irr(r);
	pn_vapic_set(r->page[1], PN_APIC_IRR, r->source[IPI].vector);
	take(r, IPI, 1);
	violates(r, "P4", "1 IPIs and timers were sent, and bits set 2 times");
}

static void ipi_vanishes(void **state)
{
	struct rig *r = *state;

	to_irr(r);
	pn_vapic_clear(r->page[1], PN_APIC_IRR, r->source[IPI].vector);
	to_irr(r);
	take(r, IPI, 1);
	violates(r, "P4", "2 clear bits were set, and 0 moved, 1 taken");
}

static void ipi_is_lost_in_a_move(void **state)
{
	struct rig *r = *state;

	to_pir(r);
	pn_xchg64(&r->pir[1][WORD], 0);
	to_pir(r);
	move(r);
	take(r, IPI, 1);
	violates(r, "P4", "bits set 3 times, 2 of them moved");
}

/* Another sender sets its bit between the load and the store. */
static void ipi_is_overwritten(void **state)
{
	struct rig *r = *state;
	uint64_t seen = pn_ld64(&r->pir[1][WORD]);

	to_pir(r);
	pn_st64(&r->pir[1][WORD], seen);
	to_pir(r);
	move(r);
	take(r, IPI, 1);
	violates(r, "P4", "clear bits were set");
}

/* The hypervisor of this test looks at the page only. */
static void irr_overlooks_the_pir(void **state)
{
	struct rig *r = *state;

	to_irr(r);
	assert_int_equal(smp_overlooked(&r->s, &r->vcpu[1]), -1);
	to_pir(r);
	assert_int_equal(smp_overlooked(&r->s, &r->vcpu[1]), -1); /* it is in both */
	pn_or64(&r->pir[1][3], 1ull << 5);
	assert_int_equal(smp_overlooked(&r->s, &r->vcpu[1]), 3 * 64 + 5);
}

#define CONTROL 4

static void control_changes(void **state)
{
	struct rig *r = *state;
	uint64_t *control = &r->pir[0][CONTROL], old = 0xFF00;

	pn_st64(control, old);
	smp_watch(&r->s);
	pn_or64(control, 1);
	old |= 1;
	assert_true(pn_cas64(control, &old, 0xFFFF03));
	assert_false(pn_cas64(control, &old, 0));
	pn_and64(control, ~3ull);
	assert_true(rests(r));
	pn_xchg64(control, 2);
	assert_true(rests(r));
	pn_st64(control, 0);
	violates(r, "P2", "have 0 bits, and 1 by all changes");
}

/* The target answers one between the load and the store of a host that makes another one. */
static void request_is_made_again(void **state)
{
	struct rig *r = *state;
	uint32_t *requests = &r->h[1].requests, seen;

	pn_or32(requests, 1u << 31); /* no host makes that one */
	assert_true(rests(r));
	pn_or32(requests, 8);
	seen = pn_ld32(requests);
	pn_and32(requests, ~8u);
	assert_true(rests(r));
	pn_st32(requests, seen);
	violates(r, "P2", "have 2 bits, and 1 by all changes");
}

/* Guests send no more than what is left, and each that sends has a chore that begins it. */
static void guests_have_budgets(void **state)
{
	struct rig *r = *state;
	uint32_t begun = 0;

	r->s.chores = 1;
	for (unsigned round = 0; round < 64; round++) {
		uint32_t all = 0, begins = 0;

		assert_true(smp_round(&r->s, 5, NULL, NULL));
		for (unsigned i = 0; i < VCPUS; i++) {
			begins |= (r->vcpu[i].budget ? 1u : 0) << i;
			all += r->vcpu[i].budget;
			r->vcpu[i].budget = 0;
		}
		assert_true(all <= 5);
		assert_int_equal(r->s.begins, begins);
		assert_true(r->cpu.chores >= (uint32_t)__builtin_popcount(begins));
		begun |= begins;
		r->s.begins = r->cpu.chores = 0;
	}
	assert_int_equal(begun, (1u << VCPUS) - 1);
}

static void timer_begins_ipis(void **state)
{
	struct rig *r = *state;
	int tpr, vector = r->source[DEVICE].vector;

	r->cpu.dice = 1;
	r->vcpu[0].budget = 100000;
	smp_sends(&r->source[DEVICE]);
	smp_sends(&r->source[DEVICE]);
	smp_handle(&r->vcpu[0], &r->cpu, vector, &tpr);
	assert_int_equal(r->vcpu[0].ipis, 100000);
	smp_handle(&r->vcpu[0], &r->cpu, vector, &tpr);
	assert_in_range(r->vcpu[0].ipis, 100001, 100064);
}

static void inhibits_disagree(void **state)
{
	apicv = true;
	violates(*state, "P6", "interrupt virtualization is off");
}

static void vectors_are_found(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < SOURCES; i++)
		assert_int_equal(smp_index(&r->s, smp_vector(&r->s, i)), i);
	for (unsigned i = 0; i < DEVICE; i++)
		assert_int_equal(smp_host_index(&r->s, smp_host_vector(&r->s, i)), i);
	assert_int_equal(smp_index(&r->s, SMP_VEC_FIRST - 1), -1);
	assert_int_equal(smp_index(&r->s, SMP_VEC_FIRST + DEVICE * STRIDE), -1);
	assert_int_equal(smp_index(&r->s, SMP_VEC_TIMER + VCPUS), -1);
	assert_int_equal(smp_host_index(&r->s, PN_VEC_DEVICE_LAST - DEVICE * STRIDE), -1);
	assert_int_equal(smp_host_index(&r->s, PN_VEC_WAKEUP), -1);
}

static struct pn_host_entry entry;

static bool t_direct(const struct smp_source *src)
{
	return src->index == 0;
}

/* It comes to the host, which injects it. */
static void host_gets(struct rig *r, unsigned src)
{
	smp_sends(&r->source[src]);
	smp_device_irq(&r->cpu, r->source[src].host_vector);
}

/* Its entry posts, and nothing changes that. */
static void posted_comes_to_the_host(void **state)
{
	struct rig *r = *state;

	r->ops.direct = t_direct;
	r->source[0].entry = r->source[1].entry = &entry;
	assert_true(rests(r));
	r->s.calm = false; /* a chore may have changed it */
	host_gets(r, 0);
	take(r, 0, 0);
	assert_true(rests(r));
	assert_true(r->s.calm);
	host_gets(r, 1);
	take(r, 1, 1);
	assert_true(rests(r));
	host_gets(r, 0);
	violates(r, "P4", "interrupt 0 comes to the host");
}

/* Bare metal: a CPU that was its target in this round. */
static void taken_by_another_cpu(void **state)
{
	struct rig *r = *state;

	r->s.hyp = NULL;
	r->s.vcpus = 0;
	r->s.books = r->s.sources = DEVICE;
	smp_sends(&r->source[1]);
	smp_sends(&r->source[1]);
	smp_aim(&r->source[1], 63);
	smp_host_took(&r->s, 1, r->source[1].host_vector);
	smp_host_took(&r->s, 63, r->source[1].host_vector);
	r->source[1].target = 63;
	assert_true(rests(r));
	smp_sends(&r->source[1]);
	smp_host_took(&r->s, 1, r->source[1].host_vector);
	violates(r, "P4", "taken by CPU 1, to which nothing sent it");
}

/* What chores must not share one of them has. */
static void chores_hold(void **state)
{
	struct rig *r = *state;

	assert_true(smp_try_hold(&r->s, SMP_HOLDS_ENTRIES | SMP_HOLDS_CPUS));
	assert_true(smp_try_hold(&r->s, SMP_HOLDS_VM));
	assert_true(smp_try_hold(&r->s, 0));
	assert_false(smp_try_hold(&r->s, SMP_HOLDS_CPUS));
	assert_false(smp_try_hold(&r->s, SMP_HOLDS_ALL));
	smp_unhold(&r->s, SMP_HOLDS_ENTRIES | SMP_HOLDS_CPUS);
	assert_true(smp_try_hold(&r->s, SMP_HOLDS_CPUS));
	assert_false(smp_try_hold(&r->s, SMP_HOLDS_VM));
}

/* After an EOI, with another vector in service, and a TPR. */
static void guest_reads_its_ppr(void **state)
{
	struct rig *r = *state;

	pn_vapic_write(r->page[0], PN_APIC_TPR, 0x30);
	pn_vapic_set(r->page[0], PN_APIC_ISR, 0x52);
	pn_vapic_write(r->page[0], PN_APIC_PPR, 0x50);
	smp_ended(&r->vcpu[0], &r->cpu);
	assert_false(r->s.failed);
	pn_vapic_clear(r->page[0], PN_APIC_ISR, 0x52);
	smp_ended(&r->vcpu[0], &r->cpu);
	violates(r, "P5", "reads 0x50 from its PPR");
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
	r->cpu.deferred = -1;
	smp_raise(&r->cpu, PN_VEC_WAKEUP);
	smp_dice =
		(struct smp_dice){.left = 2, .mean = 1000000, .random = 1, .agent = &r->cpu.agent};
	pn_st32(&copy, pn_ld32(&word));
	smp_dice = (struct smp_dice){0};
	assert_int_equal(word, 2);
	assert_int_equal(copy, 1);
}

static struct {
	uint32_t flag, other, data;
	uint64_t wide;
	struct pn_lock lock;
} shared;

/* The next store waits. */
static void buffer_stores(void)
{
	do {
		/* Every other one does. Without an agent there are no interrupts. */
		memset(&shared, 0, sizeof(shared));
		smp_dice = (struct smp_dice){
			.left = 1, .mean = 1000000, .random = smp_dice.random + 0x9E3779B97F4A7C15};
		pn_st32(&shared.data, 1);
	} while (!smp_dice.kept);
}

/* A load of another word goes ahead, one of the word itself finds the store. */
static void store_waits(void **state)
{
	(void)state;
	buffer_stores();
	smp_dice.looks = 3; /* one more than are made */
	assert_int_equal(pn_ld32_sc(&shared.flag), 0);
	assert_int_equal(pn_ld32(&shared.flag), 0);
	assert_int_equal((pn_ld32)(&shared.data), 0);
	assert_int_equal(pn_ld32(&shared.data), 1);
	assert_int_equal(smp_dice.kept, 0);
}

static void store_waits_not_for_ever(void **state)
{
	(void)state;
	buffer_stores();
	smp_dice.looks = 1;
	(void)pn_ld32(&shared.flag);
	assert_int_equal((pn_ld32)(&shared.data), 0);
	(void)pn_ld32(&shared.flag);
	assert_int_equal((pn_ld32)(&shared.data), 1);
}

/* Later stores wait behind it, also that of an unlock; they are made in their order. */
static void stores_wait_in_order(void **state)
{
	(void)state;
	buffer_stores();
	shared.lock.held = 1;
	pn_st64_rel(&shared.wide, 1ull << 40 | 7);
	pn_st32(&shared.data, 2);
	pn_lock_drop(&shared.lock);
	assert_int_equal(smp_dice.kept, 4);
	assert_int_equal((pn_ld64)(&shared.wide), 0);
	assert_int_equal((pn_ld32)(&shared.lock.held), 1);
	assert_ptr_equal(smp_dice.store[1].at, &shared.wide);
	assert_ptr_equal(smp_dice.store[3].at, &shared.lock.held);
	smp_land();
	assert_int_equal((pn_ld32)(&shared.data), 2);
	assert_true((pn_ld64)(&shared.wide) == (1ull << 40 | 7));
	assert_int_equal((pn_ld32)(&shared.lock.held), 0);
}

static void barriers_make_stores(void **state)
{
	uint32_t zero = 0;

	(void)state;
	for (unsigned how = 0; how < 5; how++) {
		buffer_stores();
		if (how == 0)
			pn_fence();
		else if (how == 1)
			pn_or32(&shared.flag, 1);
		else if (how == 2)
			(void)pn_cas32(&shared.flag, &zero, 1);
		else if (how == 3)
			pn_lock_take(&shared.lock);
		else
			pn_relax();
		assert_int_equal((pn_ld32)(&shared.data), 1);
		assert_int_equal(smp_dice.kept, 0);
	}
	smp_dice = (struct smp_dice){0};
}

#define T(t) cmocka_unit_test_setup_teardown(t, make, unmake)
#define I(t) cmocka_unit_test_setup_teardown(t, make_ipis, unmake)

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
		T(one_of_several_takes),
		T(taken_twice),
		T(taken_and_not_sent),
		T(a_bit_vanishes),
		T(requests_stay),
		T(hypervisor_complains),
		T(inhibits_disagree),
		T(vectors_are_found),
		T(posted_comes_to_the_host),
		T(taken_by_another_cpu),
		T(chores_hold),
		T(guest_reads_its_ppr),
		T(stumbles_before_the_store),
		I(ipis_merge),
		I(ipi_waits_in_both),
		I(ipi_moves_aside),
		I(ipi_is_not_set),
		I(ipi_is_set_twice),
		I(ipi_vanishes),
		I(ipi_is_lost_in_a_move),
		I(ipi_is_overwritten),
		I(irr_overlooks_the_pir),
		I(control_changes),
		I(request_is_made_again),
		I(guests_have_budgets),
		I(timer_begins_ipis),
		T(store_waits),
		T(store_waits_not_for_ever),
		T(stores_wait_in_order),
		T(barriers_make_stores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
