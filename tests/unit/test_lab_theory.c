/* SPDX-License-Identifier: MIT */
/*
 * Whole machines against queueing theory: interrupts that wait for a CPU or for their IOMMU. Costs
 * are such that only one thing takes time. Each figure is the mean over runs with seeds of their
 * own; docs/theory.md has the results.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lab_text.h"
#include "theory.h"

#define SEEDS  20u
#define ENTRY  300u  /* of a host interrupt */
#define ALL    1000u /* with its handler */
#define QUEUES 187u  /* as many vectors as a CPU gives out */

struct waits {
	struct estimate wait, square, rate;
	double merged; /* share of all */
};

/* @fixed: of the latency, without waiting. */
static struct waits waits_of(const char *text, const char *mode, double fixed,
			     const uint32_t cost[PN_ALL_STEPS_NR])
{
	struct pn_scenario *sc = lab_text(text, "");
	struct waits w = {0};

	memcpy(sc->costs.ns, cost, sizeof(sc->costs.ns));
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct pn_result *r = lab_run(sc, mode, seed, NULL);
		double mean = r->latency.sum / (double)r->latency.n;
		double square = r->latency.sum_sq / (double)r->latency.n;

		lab_clean(r, text, mode, seed);
		estimate_add(&w.wait, mean - fixed);
		estimate_add(&w.square, square - 2 * fixed * mean + fixed * fixed);
		estimate_add(&w.rate, (double)r->completions / (double)r->duration_ns);
		w.merged += (double)r->coalesced / (double)r->interrupts / SEEDS;
		free(r);
	}
	free(sc);
	return w;
}

/* Many queues, one CPU, all handlers the same. */
static void constant_handlers(void **state)
{
	static const uint32_t cost[PN_ALL_STEPS_NR] = {
		[PN_STEP_IRQ_ENTRY] = ENTRY, [PN_STEP_IRQ_AGAIN] = ENTRY};
	static const double load[] = {0.2, 0.4, 0.6, 0.75};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(load); i++) {
		double theory = md1_merging_wait(QUEUES, load[i] / ALL, ALL);
		char text[400], name[80];
		struct waits w;

		snprintf(text, sizeof(text),
			 "[machine]\npcpus = 1\nwarmup = 5ms\nduration = 60ms\n"
			 "[device d]\nqueues = %u\n"
			 "[load l]\ntype = poisson\nrate = %.3f/s\nhandler = %uns\nwork = 0\n",
			 QUEUES, load[i] * 1e9 / ALL / QUEUES, ALL - ENTRY);
		w = waits_of(text, "remapped", ENTRY, cost);
		snprintf(name, sizeof(name), "CPU, M/D/1, load %.2f", load[i]);
		agrees(name, &w.wait, theory, 1);
		/* Those that merge are few, but they come when the queue is long. */
		assert_true(theory < mg1_wait(load[i] / ALL, ALL, (double)ALL * ALL));
	}
}

/*
 * Two devices with handlers of their own. The CPU takes the highest vector first, so it matters
 * which one has the lower vectors: the first one.
 */
static void handlers_by_priority(void **state)
{
	static const uint32_t cost[PN_ALL_STEPS_NR] = {
		[PN_STEP_IRQ_ENTRY] = ENTRY, [PN_STEP_IRQ_AGAIN] = ENTRY};
	static const unsigned handler[][2] = {{200, 2700}, {2700, 200}};
	enum { EACH = 93 };

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(handler); i++) {
		double rate[2 * EACH], service[2 * EACH], load = 0.3, theory;
		char text[500], name[80];
		double per_s[2];
		struct waits w;

		for (unsigned k = 0; k < 2 * EACH; k++) {
			service[k] = ENTRY + handler[i][k / EACH];
			rate[k] = load / 2 / EACH / service[k];
		}
		for (unsigned k = 0; k < 2; k++)
			per_s[k] = rate[k * EACH] * 1e9;
		theory = cobham_wait(2 * EACH, rate, service);
		snprintf(text, sizeof(text),
			 "[machine]\npcpus = 1\nwarmup = 5ms\nduration = 80ms\n"
			 "[device a]\nqueues = %u\nload = a\n[device b]\nqueues = %u\nload = b\n"
			 "[load a]\ntype = poisson\nrate = %.3f/s\nhandler = %uns\nwork = 0\n"
			 "[load b]\ntype = poisson\nrate = %.3f/s\nhandler = %uns\nwork = 0\n",
			 EACH, EACH, per_s[0], handler[i][0], per_s[1], handler[i][1]);
		w = waits_of(text, "remapped", ENTRY, cost);
		snprintf(name, sizeof(name), "CPU, two handlers, %u and (first) %u",
			 ENTRY + handler[i][0], ENTRY + handler[i][1]);
		agrees(name, &w.wait, theory, 1 + w.merged * theory / pow(1 - load, 2));
	}
}

/* Each queue has one request; the handler submits the next one. */
static void closed_loop(void **state)
{
	static const uint32_t cost[PN_ALL_STEPS_NR] = {
		[PN_STEP_IRQ_ENTRY] = ENTRY, [PN_STEP_IRQ_AGAIN] = ENTRY};
	static const unsigned queues[] = {2, 5, 10};
	const double think = 10000;

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(queues); i++) {
		double theory = md1_sources_wait(queues[i], think, ALL), rate;
		char text[400], name[80];
		struct waits w;

		snprintf(text, sizeof(text),
			 "[machine]\npcpus = 1\nwarmup = 5ms\nduration = 100ms\n"
			 "[device d]\nqueues = %u\n"
			 "[load l]\ntype = closed\ndepth = 1\nservice = exp(10us)\n"
			 "handler = %uns\nwork = 0\n",
			 queues[i], ALL - ENTRY);
		w = waits_of(text, "remapped", ENTRY, cost);
		rate = queues[i] / (think + theory + ALL);
		assert_true(w.merged == 0);
		snprintf(name, sizeof(name), "CPU, closed, %u requests", queues[i]);
		agrees(name, &w.wait, theory, 1);
		snprintf(name, sizeof(name), "the same: requests in 1 ms");
		w.rate.sum *= 1e6;
		w.rate.sum_sq *= 1e12;
		agrees(name, &w.rate, rate * 1e6, 0.001 * rate * 1e6);
	}
}

/*
 * The unit takes one request after another, in their order: the mean square of the wait tells the
 * order, since its mean would be the same in any.
 */
static void unit_alone(void **state)
{
	static const uint32_t cost[PN_ALL_STEPS_NR] = {[PN_STEP_IRTE_HIT] = 150,
						       [PN_STEP_IRTE_MISS] = 150,
						       [PN_STEP_INTR_ISSUE] = 350,
						       [PN_STEP_PIR_SET] = 350};
	static const char *const mode[] = {"remapped", "posted-msi"};
	static const double load[] = {0.3, 0.5, 0.7};
	const double busy = 500;

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(mode) * LAB_ROWS(load); i++) {
		double rho = load[i % LAB_ROWS(load)], rate = rho / busy;
		double theory = mg1_wait(rate, busy, busy * busy);
		double square = 2 * theory * theory + rate * busy * busy * busy / (3 * (1 - rho));
		const char *m = mode[i / LAB_ROWS(load)];
		char text[400], name[80];
		struct waits w;

		snprintf(text, sizeof(text),
			 "[machine]\npcpus = 64\nwarmup = 2ms\nduration = 40ms\n"
			 "[device d]\nqueues = 512\n"
			 "[load l]\ntype = poisson\nrate = %.3f/s\nhandler = 0\nwork = 0\n",
			 rate * 1e9 / 512);
		w = waits_of(text, m, busy, cost);
		snprintf(name, sizeof(name), "unit, %s, load %.1f", m, rho);
		assert_true(w.merged < 0.0001);
		agrees(name, &w.wait, theory, 1);
		snprintf(name, sizeof(name), "the same: mean square");
		agrees(name, &w.square, square, 2 * theory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constant_handlers),
		cmocka_unit_test(handlers_by_priority),
		cmocka_unit_test(closed_loop),
		cmocka_unit_test(unit_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
