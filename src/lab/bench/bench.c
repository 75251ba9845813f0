/* SPDX-License-Identifier: MIT */
/*
 * The figures of `postern bench` that need no explorer: posts, events and simulated interrupts per
 * second.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_hyp.h"
#include "bench_pid.h"
#include "bench_time.h"
#include "postern/amdvi.h"
#include "postern/x86.h"
#include "run.h"
#include "scenario.h"
#include "seam.h"
#include "wheel.h"

#define ROUNDS 9

/* ---- post_ns: one MSI to a running vCPU, against the locked OR that it cannot do without ---- */

#define POST_RAM     (1u << 20)
#define POST_ENTRIES 64u
#define POST_DEVTAB  0x1000u
#define POST_IRT     0x2000u
#define POST_PAGE    0x10000u
#define POST_DEVID   8u
#define POST_LOOPS   2000000u

static void no_intr(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	(void)intr;
}

static void no_doorbell(void *ctx, uint32_t apicid)
{
	(void)ctx;
	(void)apicid;
}

static void post_tables(uint8_t *ram)
{
	struct pn_dte dte = {
		.iv = true, .inttablen = 6, .root = POST_IRT, .intctl = PN_INTCTL_REMAP};
	uint64_t q2 = pn_dte_encode(&dte);

	memcpy(ram + POST_DEVTAB + POST_DEVID * PN_DTE_SIZE + 16, &q2, sizeof(q2));
	for (uint32_t i = 0; i < POST_ENTRIES; i++) {
		struct pn_irte irte = {.form = PN_IRTE_128_GUEST,
				       .remapen = true,
				       .guestmode = true,
				       .isrun = true,
				       .dest = i,
				       .root = POST_PAGE + i * 4096ull,
				       .vector = (uint8_t)(0x40 + i)};
		struct pn_irte128 raw = pn_irte128_encode(&irte);

		memcpy(ram + POST_IRT + i * sizeof(raw), &raw, sizeof(raw));
	}
}

static double time_posts(struct pn_amdvi *vi)
{
	struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .devid = POST_DEVID};
	double start = pn_bench_now_ns();

	for (uint32_t i = 0; i < POST_LOOPS; i++) {
		msi.data = i % POST_ENTRIES;
		pn_amdvi_msi(vi, &msi);
	}
	return (pn_bench_now_ns() - start) / POST_LOOPS;
}

static double time_ors(uint8_t *ram)
{
	double start = pn_bench_now_ns();

	for (uint32_t i = 0; i < POST_LOOPS; i++) {
		uint32_t k = i % POST_ENTRIES;
		uint8_t vector = (uint8_t)(0x40 + k);

		pn_or32((uint32_t *)(void *)(ram + POST_PAGE + k * 4096 +
					     pn_apic_word(PN_APIC_IRR, vector)),
			1u << (vector & 31)); /* pairs with nothing: only its cost counts */
	}
	return (pn_bench_now_ns() - start) / POST_LOOPS;
}

static int bench_post(double *value, double *peer)
{
	struct pn_amdvi_config cfg;
	struct pn_bus bus = {.intr = no_intr, .doorbell = no_doorbell, .ram_size = POST_RAM};
	struct pn_amdvi *vi = NULL;
	const unsigned rounds = pn_bench_rounds(ROUNDS);
	double posts[ROUNDS], ors[ROUNDS];
	int err;

	bus.ram = aligned_alloc(4096, POST_RAM);
	if (!bus.ram)
		return -ENOMEM;
	memset(bus.ram, 0, POST_RAM);
	post_tables(bus.ram);
	pn_amdvi_config_default(&cfg);
	cfg.bus = &bus;
	err = pn_amdvi_create(&cfg, &vi);
	if (err) {
		free(bus.ram);
		return err;
	}
	pn_amdvi_write(vi, PN_AMDVI_DEVTAB, 8, POST_DEVTAB);
	pn_amdvi_write(vi, PN_AMDVI_CONTROL, 8,
		       PN_CTRL_IOMMUEN | PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC | PN_CTRL_XTEN);
	time_posts(vi);
	for (unsigned i = 0; i < rounds; i++) {
		posts[i] = time_posts(vi);
		ors[i] = time_ors(bus.ram);
	}
	*value = pn_bench_median(posts, rounds);
	*peer = pn_bench_median(ors, rounds);
	pn_amdvi_destroy(vi);
	free(bus.ram);
	return 0;
}

/* ---- sim_event_ns_100k: one schedule and one pop with 100 000 pending ---- */

#define PENDING	    100000u
#define EVENT_LOOPS 1000000u
#define EVENT_SPAN  100000000u /* ns between scheduling and firing, at most */

static void no_event(struct pn_event *ev)
{
	(void)ev;
}

static int bench_events(double *value, double *peer)
{
	struct pn_wheel *w = malloc(sizeof(*w));
	struct pn_event *ev = calloc(PENDING, sizeof(*ev));
	const unsigned rounds = pn_bench_rounds(ROUNDS);
	struct pn_rng rng;
	double t[ROUNDS];

	(void)peer;
	if (!w || !ev) {
		free(w);
		free(ev);
		return -ENOMEM;
	}
	pn_rng_seed(&rng, 1, 1);
	pn_wheel_init(w, PN_WHEEL_RESOLUTION);
	for (uint32_t i = 0; i < PENDING; i++) {
		pn_event_init(&ev[i], no_event);
		pn_wheel_add(w, &ev[i], pn_rng_below(&rng, EVENT_SPAN));
	}
	for (unsigned r = 0; r < rounds; r++) {
		double start = pn_bench_now_ns();

		for (uint32_t i = 0; i < EVENT_LOOPS; i++) {
			struct pn_event *e = pn_wheel_pop(w, UINT64_MAX);

			pn_wheel_add(w, e, w->now + 1 + pn_rng_below(&rng, EVENT_SPAN));
		}
		t[r] = (pn_bench_now_ns() - start) / EVENT_LOOPS;
	}
	*value = pn_bench_median(t, rounds);
	free(w);
	free(ev);
	return 0;
}

/* ---- sim_interrupts_per_s: the main job, end to end with statistics, on one core ---- */

static int simulate(const char *scenario, const char *name, const char *const *set, double *value)
{
	struct pn_run_options opt = {.seed = 1};
	struct pn_mode mode = pn_mode_plain(pn_mode_find(name));
	struct pn_scenario *sc = NULL;
	struct pn_result *r = malloc(sizeof(*r));
	const unsigned rounds = pn_bench_rounds(ROUNDS);
	double rate[ROUNDS];
	int err;

	if (!r)
		return -ENOMEM;
	err = pn_scenario_load(scenario, NULL, set, &sc, NULL);
	for (unsigned i = 0; i < rounds && !err; i++) {
		err = pn_run(sc, &mode, &opt, r, NULL);
		rate[i] = r->wall_s > 0 ? (double)r->interrupts / r->wall_s : 0;
	}
	if (!err)
		*value = pn_bench_median(rate, rounds);
	free(sc);
	free(r);
	return err;
}

static const char *const guests[] = {"machine.duration=100ms", "machine.warmup=0ms", NULL};
/*
 * As many CPUs as the scenario with guests has: with 64 CPUs the figure would measure cache misses.
 */
static const char *const bare[] = {"machine.duration=40ms", "machine.warmup=0ms",
				   "machine.pcpus=16", NULL};

static int bench_sim(double *value, double *peer)
{
	(void)peer;
	return simulate("passthrough-nvme", "gappi", guests, value);
}

static int bench_sim_vtd_pi(double *value, double *peer)
{
	(void)peer;
	return simulate("passthrough-nvme", "vtd-pi", guests, value);
}

static int bench_sim_posted_msi(double *value, double *peer)
{
	(void)peer;
	return simulate("nvme-bare-metal", "posted-msi", bare, value);
}

static const struct pn_bench benches[] = {
	{"post_ns", "ns", "bare_locked_or",
	 "one MSI to a running vCPU, DTE and IRTE cached; peer: the locked OR alone", bench_post},
	{"sim_interrupts_per_s", "1/s", NULL,
	 "passthrough-nvme, mode gappi, one core, end to end with statistics", bench_sim},
	{"sim_vtd_pi_interrupts_per_s", "1/s", NULL, "passthrough-nvme, mode vtd-pi, likewise",
	 bench_sim_vtd_pi},
	{"sim_posted_msi_interrupts_per_s", "1/s", NULL,
	 "nvme-bare-metal on 16 CPUs, mode posted-msi, likewise", bench_sim_posted_msi},
	{"pid_posts_per_s", "1/s", "eventfd_write",
	 "posts to a descriptor that another thread harvests; peer: one eventfd write each",
	 pn_bench_pid_posts},
	{"hyp_call_ns", "ns", "by_name",
	 "a call of hyp.h by a vCPU that blocks, runs and is put; peer: the functions by name",
	 pn_bench_hyp_calls},
	{"sim_event_ns_100k", "ns", NULL, "one schedule and one pop with 100 000 events pending",
	 bench_events},
};

const struct pn_bench *pn_bench_get(unsigned i)
{
	return i < sizeof(benches) / sizeof(benches[0]) ? &benches[i] : NULL;
}
