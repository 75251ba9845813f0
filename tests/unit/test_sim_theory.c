/* SPDX-License-Identifier: MIT */
/*
 * The simulated CPU against queueing theory: interrupts of many devices that arrive at random and
 * are handled one after another must wait as long as formulas say that know nothing of events.
 * Handlers take random times here; test_lab_theory.c has whole machines, whose handlers do not.
 *
 * Each figure is the mean over runs with seeds of their own. docs/theory.md has the results.
 */
#include "sim_rig.h"
#include "theory.h"

#define FIRST  0x20u
#define QUEUES 200u
#define SEEDS  20u
#define WARM   (2 * MS)
#define RUN    (50 * MS)

struct server {
	struct pn_dist handler;
	struct pn_rng rng;
	uint32_t cpus;
	uint32_t serving[CPUS];
	uint64_t sent[QUEUES];
	double wait; /* of those that were sent after WARM */
	uint64_t taken, merged;
};

static struct server *server_of(const struct pn_sim *s)
{
	return ((struct rig *)s->ctx)->more;
}

static void t_msi(struct pn_queue *q)
{
	struct server *sv = server_of(q->sim);
	uint32_t cpu = sv->cpus > 1 ? (uint32_t)pn_rng_below(&sv->rng, sv->cpus) : 0;

	/* One that merges is not the one that is served. */
	if (!(q->sim->pcpu[cpu].lapic.irr[q->vector / 64] >> q->vector % 64 & 1))
		sv->sent[q->vector - FIRST] = pn_sim_now(q->sim);
	pn_sim_raise(q->sim, cpu, q->vector, 0);
}

static void t_merged(struct pn_pcpu *p, uint8_t vector)
{
	(void)vector;
	server_of(p->sim)->merged++;
}

static bool t_host_vector(struct pn_sim *s, struct pn_pcpu *p, uint8_t vector)
{
	struct server *sv = server_of(s);
	uint64_t sent = sv->sent[vector - FIRST];

	if (sent >= WARM) {
		sv->wait += (double)(pn_sim_now(s) - sent);
		sv->taken++;
	}
	sv->serving[p->id] = vector - FIRST;
	p->agent.elapsed_ns += pn_dist_sample(&sv->handler, &sv->rng);
	return true;
}

/* The handler is over; a closed loop begins anew. */
static bool t_host_more(struct pn_sim *s, struct pn_pcpu *p)
{
	pn_queue_harvest(&s->queue[server_of(s)->serving[p->id]], p);
	return false;
}

struct waits {
	struct estimate wait;
	double merged; /* share of all */
};

static void one_run(const struct pn_source *src, const struct server *like, uint32_t queues,
		    uint64_t seed, struct waits *out)
{
	const struct pn_sim_conf conf = {
		.apps = true, .queues = queues, .idle_poll = UINT64_MAX, .seed = seed};
	struct pn_sim_ops ops = rig_ops;
	struct server sv = *like;
	struct rig *r;

	ops.msi = t_msi;
	ops.merged = t_merged;
	ops.host_vector = t_host_vector;
	ops.host_more = t_host_more;
	r = make_with(&ops, like->cpus, 0, conf);
	r->more = &sv;
	pn_rng_seed(&sv.rng, seed, 99);
	for (uint32_t i = 0; i < queues; i++)
		assert_int_equal(pn_queue_init(r->s, i, src, NULL, &r->s->app[0],
					       (uint8_t)(FIRST + i), seed),
				 0);
	pn_sim_start(r->s);
	run(r, WARM + RUN);
	estimate_add(&out->wait, sv.wait / (double)sv.taken);
	out->merged += (double)sv.merged / (double)(sv.taken + sv.merged) / SEEDS;
	unmake(r);
}

static struct waits waits_of(const struct pn_source *src, const struct server *like,
			     uint32_t queues)
{
	struct waits w = {0};

	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		one_run(src, like, queues, seed, &w);
	return w;
}

/*
 * M/G/1. An interrupt that merges is missing in the load, and it comes when the queue is long: the
 * share of those, by how strongly the wait grows with the load.
 */
static void poisson_waits(void **state)
{
	static const struct {
		const char *name;
		struct pn_dist handler;
		double mean, square;
	} row[] = {
		{"constant 1000", {PN_DIST_CONST, 1000, 0}, 1000, 1e6},
		{"uniform 200 to 1800",
		 {PN_DIST_UNIFORM, 200, 1800},
		 1000,
		 1e6 + 1600. * 1600 / 12},
		{"exponential 1000", {PN_DIST_EXP, 1000, 0}, 1000, 2e6},
		{"lognormal, median 800, sigma 0.8",
		 {PN_DIST_LOGNORMAL, 800, 0.8},
		 1101.7,
		 800. * 800 * 3.5966},
	};
	static const double load[] = {0.3, 0.5};

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		for (unsigned k = 0; k < sizeof(load) / sizeof(load[0]); k++) {
			double rate = load[k] / row[i].mean;
			const struct pn_source src = {.kind = PN_SRC_POISSON,
						      .interval_ns = QUEUES / rate,
						      .coalesce = 1};
			const struct server like = {.handler = row[i].handler, .cpus = 1};
			struct waits w = waits_of(&src, &like, QUEUES);
			double theory = mg1_wait(rate, row[i].mean, row[i].square);
			char name[80];

			snprintf(name, sizeof(name), "M/G/1, %s, load %.1f", row[i].name, load[k]);
			agrees(name, &w.wait, theory, 1 + w.merged * theory / pow(1 - load[k], 2));
		}
	}
}

/*
 * Closed loops: each queue has one request, in the device or at the CPU, so that none merges. With
 * more requests the CPU, which takes the highest vector first, would starve the lowest ones.
 */
static void closed_loop_waits(void **state)
{
	static const struct {
		uint32_t requests, cpus;
	} row[] = {{2, 1}, {5, 1}, {10, 1}, {10, 2}, {20, 2}};
	const double think = 10000, service = 1000;

	(void)state;
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct pn_source src = {.kind = PN_SRC_CLOSED,
					      .depth = 1,
					      .service = {PN_DIST_EXP, think, 0},
					      .coalesce = 1};
		const struct server like = {.handler = {PN_DIST_EXP, service, 0},
					    .cpus = row[i].cpus};
		struct waits w = waits_of(&src, &like, row[i].requests);
		char name[80];

		snprintf(name, sizeof(name), "closed, %u requests, %u CPU%s", row[i].requests,
			 row[i].cpus, row[i].cpus > 1 ? "s" : "");
		assert_true(w.merged == 0);
		agrees(name, &w.wait, mva_wait(row[i].requests, think, service, row[i].cpus), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(poisson_waits),
		cmocka_unit_test(closed_loop_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
