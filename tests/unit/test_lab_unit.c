/* SPDX-License-Identifier: MIT */
/* IOMMUs as queues, computed by hand: what keeps one busy, and what all of them share. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lab_text.h"

#define T0 1000000u /* the machine is at rest, and no event is pending */

#define LOAD "[load l]\ntype = poisson\nrate = 0.001/s\nhandler = 1us\nwork = 0\n"
#define GUESTS                                                                                     \
	"[machine]\nwarmup = 0\npcpus = 2\niommus = 2\n[vm g]\nvcpus = 2\npin = yes\n"             \
	"idle = poll\n[device d]\niommu = spread\nqueues = 2\ncount = 2\n" LOAD
#define HOST                                                                                       \
	"[machine]\nwarmup = 0\npcpus = 4\niommus = 2\n[device d]\niommu = spread\nqueues = 2\n"   \
	"count = 2\n" LOAD

/* All entries are cached. */
static struct pn_machine *warm(const struct pn_scenario *sc, const char *mode)
{
	struct pn_machine *m = lab_machine(sc, mode, T0);

	for (uint32_t q = 0; q < 4; q++) {
		lab_complete(m, q);
		lab_until(m, (2 + q) * T0);
	}
	return m;
}

static const struct {
	const char *mode, *text;
	unsigned busy[8]; /* of a request whose entry is cached */
} modes[] = {
	/* clang-format off */
	{"emulated", GUESTS, {PN_STEP_DTE_HIT, PN_STEP_IRTE_HIT, PN_STEP_INTR_ISSUE, PN_ALL_STEPS_NR}},
	{"avic", GUESTS, {PN_STEP_DTE_HIT, PN_STEP_IRTE_HIT, PN_STEP_INTR_ISSUE, PN_ALL_STEPS_NR}},
	{"galog", GUESTS, {PN_STEP_DTE_HIT, PN_STEP_IRTE_HIT, PN_STEP_IRR_SET, PN_ALL_STEPS_NR}},
	{"gappi", GUESTS, {PN_STEP_DTE_HIT, PN_STEP_IRTE_HIT, PN_STEP_IRR_SET, PN_ALL_STEPS_NR}},
	{"vtd-pi", GUESTS, {PN_STEP_IRTE_HIT, PN_STEP_PIR_SET, PN_ALL_STEPS_NR}},
	{"remapped", HOST, {PN_STEP_IRTE_HIT, PN_STEP_INTR_ISSUE, PN_ALL_STEPS_NR}},
	{"posted-msi", HOST, {PN_STEP_IRTE_HIT, PN_STEP_PIR_SET, PN_ALL_STEPS_NR}},
	/* clang-format on */
};

static uint64_t busy_of(const struct pn_scenario *sc, unsigned i)
{
	uint64_t ns = 0;

	for (const unsigned *s = modes[i].busy; *s != PN_ALL_STEPS_NR; s++)
		ns += sc->costs.ns[*s];
	return ns;
}

/* In every mode the second request waits for the first, with its completions. */
static void every_mode_waits(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(modes); i++) {
		struct pn_scenario *sc = lab_text(modes[i].text, "");
		struct pn_machine *m = warm(sc, modes[i].mode);
		uint64_t now = 5 * (uint64_t)T0, busy = busy_of(sc, i);

		lab_until(m, now);
		lab_complete(m, 0);
		lab_complete(m, 1);
		if (m->iommu[0].waits != 1 || m->sim->queue[1].ready)
			fail_msg("%s: the second does not wait", modes[i].mode);
		lab_until(m, now + busy - 1);
		if (m->iommu[0].waits != 1)
			fail_msg("%s: busy for less than %lu ns", modes[i].mode,
				 (unsigned long)busy);
		lab_until(m, now + busy);
		if (m->iommu[0].waits)
			fail_msg("%s: busy for more than %lu ns", modes[i].mode,
				 (unsigned long)busy);
		assert_int_equal(m->now.unit_wait, busy);
		lab_until(m, 9 * (uint64_t)T0);
		lab_checked(m, modes[i].mode);
		assert_int_equal(m->outstanding, 0);
		pn_machine_destroy(m);
		free(sc);
	}
}

/*
 * Two IOMMUs send at the same instant: the second message goes when the router is free. A remapped
 * interrupt keeps its IOMMU until then, a posted one does not.
 */
static void one_router_for_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(modes); i++) {
		struct pn_scenario *sc = lab_text(modes[i].text, "costs.intr_route=10us");
		struct pn_machine *m = warm(sc, modes[i].mode);
		bool remapped = modes[i].busy[2] == PN_STEP_INTR_ISSUE ||
				modes[i].busy[1] == PN_STEP_INTR_ISSUE;
		uint64_t now = 5 * (uint64_t)T0, busy = busy_of(sc, i), routed;

		routed = m->router.step[PN_STEP_INTR_ROUTE].count;
		lab_until(m, now);
		lab_complete(m, 0); /* IOMMU 0, CPU 0 */
		lab_complete(m, 3); /* IOMMU 1, CPU 1 */
		if (m->router.step[PN_STEP_INTR_ROUTE].count != routed + 2 ||
		    m->now.router_wait != 10000)
			fail_msg("%s: %lu messages, waited %lu", modes[i].mode,
				 (unsigned long)(m->router.step[PN_STEP_INTR_ROUTE].count - routed),
				 (unsigned long)m->now.router_wait);
		if (m->iommu[0].busy_until != now + busy ||
		    m->iommu[1].busy_until != now + busy + (remapped ? 10000 : 0))
			fail_msg("%s: the IOMMUs are busy for %lu and %lu", modes[i].mode,
				 (unsigned long)(m->iommu[0].busy_until - now),
				 (unsigned long)(m->iommu[1].busy_until - now));
		pn_machine_destroy(m);
		free(sc);
	}
}

/* The figures do not depend on the router while it is not a limit. */
static void an_idle_router_costs_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(modes); i++) {
		uint64_t latency[2];

		for (unsigned k = 0; k < 2; k++) {
			struct pn_scenario *sc =
				lab_text(modes[i].text, k ? "costs.intr_route=10us" : "");
			struct pn_machine *m = warm(sc, modes[i].mode);

			latency[k] = m->latency->max;
			pn_machine_destroy(m);
			free(sc);
		}
		if (latency[0] != latency[1])
			fail_msg("%s: %lu and %lu", modes[i].mode, (unsigned long)latency[0],
				 (unsigned long)latency[1]);
	}
}

/* Device k is behind IOMMU (k / per_iommu) mod iommus. */
static void devices_behind_iommus(void **state)
{
	static const struct {
		const char *set;
		uint32_t iommu[8];
	} rows[] = {
		{"nvme.per_iommu=1", {0, 1, 0, 1, 0, 1, 0, 1}},
		{"", {0, 0, 0, 0, 1, 1, 1, 1}},
		{"nvme.per_iommu=3", {0, 0, 0, 1, 1, 1, 0, 0}},
	};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_scenario *sc = lab_scenario("nvme-bare-metal", rows[i].set);
		struct pn_machine *m = lab_machine(sc, "remapped", 1);

		for (uint32_t k = 0; k < 8; k++)
			if (m->queue[k * 64].unit->agent.id != rows[i].iommu[k])
				fail_msg("\"%s\": device %u is behind %u", rows[i].set, k,
					 m->queue[k * 64].unit->agent.id);
		pn_machine_destroy(m);
		free(sc);
	}
}

/*
 * A capacity is of one device in all, whatever its queues and CPUs could do, and holds to the
 * request: of 333.3 ns between two of them the fraction is not lost.
 */
static void capacity_of_a_device(void **state)
{
	static const struct {
		const char *set;
		double per_s;
		unsigned off; /* requests that are under way at an end: a turn or two */
	} rows[] = {
		/* clang-format off */
		{"read-4k.capacity=0.5M/s nvme.count=1", 0.5e6, 16},
		{"read-4k.capacity=3M/s nvme.count=1", 3e6, 16},
		{"read-4k.capacity=0.3333M/s nvme.count=2", 0.6666e6, 16},
		{"read-4k.capacity=0.5M/s nvme.count=1 nvme.queues=8 read-4k.burst=4 read-4k.depth=32", 0.5e6, 16},
		/* clang-format on */
	};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_scenario *sc = lab_scenario("nvme-bare-metal", rows[i].set);
		struct pn_result *r;
		double n;

		sc->load[0].service = (struct pn_dist){.kind = PN_DIST_CONST, .a = 90000};
		r = lab_run(sc, "posted-msi", 1, NULL);
		n = rows[i].per_s * 1e-9 * (double)r->duration_ns;
		if (fabs((double)r->completions - n) > rows[i].off)
			fail_msg("\"%s\": %lu requests, not %.0f", rows[i].set,
				 (unsigned long)r->completions, n);
		free(r);
		free(sc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mode_waits),
		cmocka_unit_test(one_router_for_all),
		cmocka_unit_test(an_idle_router_costs_nothing),
		cmocka_unit_test(devices_behind_iommus),
		cmocka_unit_test(capacity_of_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
