/* SPDX-License-Identifier: MIT */
/*
 * Whole Intel machines, with guests and without, and IPIs of guests: many small ones that must lose
 * nothing, and a few whose every nanosecond is added up by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lab_text.h"
#include "report.h"

#define MAX_MODES 6

/* ---- many small ones ---- */

static const char *const posted_modes[MAX_MODES] = {"vtd-pi"};
static const char *const bare_modes[MAX_MODES] = {
	"remapped", "posted-msi", "posted-msi:loops=1", "posted-msi:loops=2", "posted-msi:loops=9",
};
static const char *const ipi_modes[MAX_MODES] = {"ipi-exit", "ipi-avic", "ipi-ipiv"};

#define SHORT	 "[machine]\nduration = 3ms\nwarmup = 200us\n"
#define GUEST	 SHORT "pcpus = 4\n[vm g]\nvcpus = 6\n[device d]\ncount = 2\n[load l]\n"
#define PINNED	 SHORT "pcpus = 4\n[vm g]\nvcpus = 4\npin = yes\n[device d]\ncount = 2\n[load l]\n"
#define BARE	 SHORT "pcpus = 3\n[device d]\ncount = 3\n[load l]\n"
#define SPARSE	 "type = poisson\nrate = 5k/s\n"
#define DENSE	 "type = poisson\nrate = 400k/s\nhandler = 300ns\nwork = 100ns\n"
#define FLOODED	 "type = periodic\nrate = 5M/s\nhandler = 10ns\nwork = 0\n"
#define CLOSED	 "type = closed\ndepth = 16\nservice = exp(5us)\n"
#define BURSTS	 "type = onoff\nrate = 1M/s\non = 50us\noff = 300us\nsync = yes\n"
#define STORM	 SHORT "pcpus = 4\n[vm g]\nvcpus = 6\n[ipi i]\ntype = storm\n"
#define PINGPONG SHORT "pcpus = 4\n[vm g]\nvcpus = 6\n[ipi i]\ntype = pingpong\n"
#define ALL_SORTS                                                                                  \
	"think = exp(20us)\nlogical = 20%\nbroadcast = 10%\nself = 15%\nnmi = 5%\ninit = 5%\n"

struct small {
	const char *const *modes;
	const char *text, *set;
};

static const struct small small[] = {
	/* clang-format off */
	{posted_modes, GUEST SPARSE, ""},
	{posted_modes, GUEST SPARSE, "machine.x2apic=no"},
	{posted_modes, GUEST DENSE, ""},
	{posted_modes, GUEST DENSE, "machine.x2apic=no machine.pcpus=1"},
	{posted_modes, GUEST FLOODED, ""},
	{posted_modes, GUEST FLOODED, "machine.pcpus=1 machine.slice=50us"},
	{posted_modes, GUEST CLOSED, "machine.iommus=2 d.iommu=spread"},
	{posted_modes, GUEST BURSTS, "machine.halt_poll=20us"},
	{posted_modes, PINNED SPARSE, "machine.halt_poll=1ms"},
	{posted_modes, GUEST SPARSE, "machine.halt_poll_ns=200000 machine.pcpus=3"},
	{posted_modes, PINNED SPARSE, "g.tpr=0x50 g.tpr_period=200us g.tpr_hold=100us"},
	{posted_modes, PINNED DENSE, "g.tpr=0xd0 g.tpr_period=50us g.tpr_hold=40us g.timer=90us"},
	{posted_modes, PINNED CLOSED, "machine.noise_period=200us machine.noise_time=40us"},
	{posted_modes, GUEST DENSE, "g.busy=0.7 g.busy_burst=30us machine.slice=40us"},
	{posted_modes, GUEST CLOSED, "g.vcpus=24 machine.host_tick=100us"},
	{posted_modes, GUEST SPARSE, "g.idle=poll machine.slice=60us machine.irte_cache=1"},
	{posted_modes, GUEST DENSE, "l.coalesce=8 l.coalesce_time=7us"},
	{posted_modes, GUEST FLOODED, "l.coalesce=2 l.coalesce_time=1us"},
	{bare_modes, BARE SPARSE, ""},
	{bare_modes, BARE SPARSE, "machine.x2apic=no machine.idle_poll=10us"},
	{bare_modes, BARE DENSE, "machine.pcpus=1"},
	{bare_modes, BARE DENSE, "machine.iommus=3 d.iommu=spread l.work=0"},
	{bare_modes, BARE FLOODED, ""},
	{bare_modes, BARE FLOODED, "d.queues=2 l.coalesce=2 l.coalesce_time=2us l.handler=3us"},
	{bare_modes, BARE FLOODED, "machine.pcpus=1 l.coalesce=32 l.work=5us"},
	{bare_modes, BARE CLOSED, "machine.irte_cache=1"},
	{bare_modes, BARE CLOSED, "machine.noise_period=100us machine.noise_time=30us"},
	{bare_modes, BARE BURSTS, "machine.host_tick=50us"},
	{ipi_modes, STORM ALL_SORTS, ""},
	{ipi_modes, STORM ALL_SORTS, "machine.x2apic=no"},
	{ipi_modes, STORM ALL_SORTS, "i.senders=1 machine.halt_poll=30us"},
	{ipi_modes, STORM ALL_SORTS, "i.senders=1 machine.halt_poll_ns_grow=3"},
	{ipi_modes, STORM ALL_SORTS, "g.vcpus=10 g.pin=yes machine.x2apic=no i.think=2us"},
	{ipi_modes, STORM ALL_SORTS, "g.tpr=0x50 g.tpr_period=60us g.tpr_hold=40us i.vector=0x41"},
	{ipi_modes, STORM ALL_SORTS, "machine.pcpus=1 machine.slice=30us g.count=2"},
	{ipi_modes, STORM "self = 100%\nthink = 3us\n", "g.timer=20us"},
	{ipi_modes, STORM "think = 0\n", "i.vector=0xff"},
	{ipi_modes, PINGPONG, ""},
	{ipi_modes, PINGPONG "reply = memory\n", "machine.x2apic=no"},
	{ipi_modes, PINGPONG "reply = memory\nthink = exp(3us)\n", "machine.pcpus=2 g.idle=poll machine.slice=50us"},
	/* clang-format on */
};

#define EVEN_MORE " machine.churn_detach=30us"

static const char *const disturbed[] = {
	"",
	"machine.churn_offline=100us",
	"machine.churn_inhibit=30us",
	"machine.churn_offline=90us machine.churn_inhibit=20us",
	"machine.churn_retarget=15us",
	"machine.churn_detach=15us",
	"machine.churn_offline=200us machine.churn_inhibit=40us "
	"machine.churn_retarget=20us" EVEN_MORE,
};
#define OF_IPIS 4 /* the first ones need no device */

/* No handler is given more than the devices completed. */
static void no_more_than_sent(const struct pn_scenario *sc, const struct pn_result *r,
			      const char *row, const char *mode)
{
	uint64_t most = (r->interrupts + 64) * sc->load[0].coalesce;

	if (sc->work != PN_WORK_IPI && r->completions > most + r->steps[PN_STEP_DEVICE_WRITE])
		fail_msg("%s, %s: %lu requests done, %lu interrupts", row, mode,
			 (unsigned long)r->completions, (unsigned long)r->interrupts);
}

static void run_small(const struct small *s, const char *churn, uint64_t seeds)
{
	char set[512];
	struct pn_scenario *sc;

	snprintf(set, sizeof(set), "%s %s", s->set, churn);
	sc = lab_text(s->text, set);
	for (unsigned k = 0; k < MAX_MODES && s->modes[k]; k++) {
		for (uint64_t seed = 1; seed <= seeds; seed++) {
			struct pn_result *r = lab_run(sc, s->modes[k], seed, NULL);

			if (r->check[0] || r->lost || r->wakeups_missed || !r->interrupts)
				fail_msg("%s\nwith \"%s\":", s->text, set);
			lab_clean(r, set, s->modes[k], seed);
			no_more_than_sent(sc, r, set, s->modes[k]);
			/* Every interrupt that was sent was posted, to any vCPU. */
			if (s->modes != bare_modes && !churn[0] &&
			    r->posts < r->delivered + r->coalesced)
				fail_msg("%s, %s: %lu posts, %lu interrupts", set, s->modes[k],
					 (unsigned long)r->posts, (unsigned long)r->interrupts);
			free(r);
		}
	}
	free(sc);
}

static void nothing_is_lost(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(small); i++)
		run_small(&small[i], "", 5);
}

static void churn_loses_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(small); i++) {
		unsigned n = small[i].modes == posted_modes ? LAB_ROWS(disturbed)
			     : small[i].modes == ipi_modes  ? OF_IPIS
							    : 0;

		for (unsigned k = 1; k < n; k++)
			if (!strstr(disturbed[k], "offline") || !strstr(small[i].set, "pcpus=1"))
				run_small(&small[i], disturbed[k], 2);
	}
}

/* The shipped ones, shortened. */
static void shipped_scenarios(void **state)
{
	static const struct {
		const char *name, *set;
		const char *const *modes;
	} rows[] = {
		{"passthrough-nvme", "machine.duration=8ms machine.warmup=1ms", posted_modes},
		{"sparse-wakeups", "machine.duration=100ms", posted_modes},
		{"storm", "machine.duration=12ms", posted_modes},
		{"overcommit", "machine.duration=40ms", posted_modes},
		{"turin-32", "machine.duration=4ms machine.warmup=1ms", posted_modes},
		{"masked-vector", "machine.duration=150ms", posted_modes},
		{"sparse-bare-metal", "machine.duration=20ms", bare_modes},
		{"nvme-bare-metal", "machine.duration=1ms machine.warmup=200us", bare_modes},
		{"dsa", "machine.duration=2ms", bare_modes},
		{"dsa-limited", "machine.duration=2ms", bare_modes},
		{"ipi-pingpong", "machine.duration=5ms", ipi_modes},
		{"ipi-storm", "machine.duration=10ms", ipi_modes},
		{"ipi-storm", "machine.duration=10ms machine.x2apic=no", ipi_modes},
	};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_scenario *sc = lab_scenario(rows[i].name, rows[i].set);

		for (unsigned k = 0; k < MAX_MODES && rows[i].modes[k]; k++) {
			for (uint64_t seed = 1; seed <= 2; seed++) {
				struct pn_result *r = lab_run(sc, rows[i].modes[k], seed, NULL);

				lab_clean(r, sc->name, rows[i].modes[k], seed);
				free(r);
			}
		}
		free(sc);
	}
}

/* As many vCPUs as a VM may have, and as many interrupts as a CPU has vectors. */
static void large_machines_fit(void **state)
{
	static const struct {
		const char *set, *mode;
	} rows[] = {
		{"g.vcpus=4096", "ipi-ipiv"},
		{"g.vcpus=2049", "ipi-ipiv"},
		{"g.vcpus=513 g.count=3", "ipi-ipiv"},
		{"g.vcpus=2 g.count=1024", "ipi-ipiv"},
		{"g.vcpus=255 machine.x2apic=no", "ipi-exit"},
	};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		char set[200];
		struct pn_scenario *sc;
		struct pn_result *r;

		snprintf(set, sizeof(set),
			 "machine.duration=100us machine.warmup=0 machine.slice=10us %s",
			 rows[i].set);
		sc = lab_text("[machine]\npcpus = 64\n[vm g]\nvcpus = 2\n[ipi i]\ntype = storm\n"
			      "senders = 1\nthink = 1us\n",
			      set);
		r = lab_run(sc, rows[i].mode, 1, NULL);
		lab_clean(r, set, rows[i].mode, 1);
		free(r);
		free(sc);
	}
}

/* SN is set only while a vCPU waits for its turn: then a poster sends no notification (R6). */
static void suppressed_while_preempted(void **state)
{
	static const struct {
		const char *set;
		bool suppressed;
	} rows[] = {
		{"g.idle=poll machine.pcpus=2 machine.slice=50us", true},
		{"g.vcpus=4 g.pin=yes", false},
	};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_scenario *sc = lab_text(GUEST DENSE, rows[i].set);
		struct pn_result *r = lab_run(sc, "vtd-pi", 1, NULL);

		lab_clean(r, rows[i].set, "vtd-pi", 1);
		if (!r->pi_suppressed == rows[i].suppressed || !r->pi_notifications)
			fail_msg("%s: suppressed %lu times", rows[i].set,
				 (unsigned long)r->pi_suppressed);
		/* Each post did one of three things. */
		assert_int_equal(r->posts,
				 r->pi_notifications + r->pi_outstanding + r->pi_suppressed);
		free(r);
		free(sc);
	}
}

/* ---- the same seed, the same bytes ---- */

static char *json_of(const struct pn_scenario *sc, const char *const *modes, uint64_t seed)
{
	struct pn_comparison c = {.seed = seed};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	snprintf(c.scenario, sizeof(c.scenario), "%s", sc->name);
	c.result = calloc(MAX_MODES, sizeof(*c.result));
	assert_non_null(c.result);
	for (; c.n < MAX_MODES && modes[c.n]; c.n++) {
		struct pn_result *r = lab_run(sc, modes[c.n], seed, NULL);

		c.result[c.n] = *r;
		free(r);
	}
	assert_int_equal(pn_report_json(&c, f), 0);
	fclose(f);
	free(c.result);
	return text;
}

static void deterministic(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(small); i += 3) {
		bool churn = small[i].modes == posted_modes && !strstr(small[i].set, "pcpus=1");
		char set[512];
		struct pn_scenario *sc;
		char *a, *b;

		snprintf(set, sizeof(set), "%s %s", small[i].set, churn ? disturbed[6] : "");
		sc = lab_text(small[i].text, set);
		a = json_of(sc, small[i].modes, 7);
		b = json_of(sc, small[i].modes, 7);
		if (strcmp(a, b))
			fail_msg("%s with \"%s\": two runs differ:\n%s\n%s", small[i].text, set, a,
				 b);
		free(a);
		free(b);
		free(sc);
	}
}

/* ---- by hand ---- */

#define T0 1000000u /* the machine is at rest, and no event is pending */

#define ONE(pcpus, more)                                                                           \
	"[machine]\nwarmup = 0\npcpus = " pcpus "\n[vm g]\nvcpus = 1\npin = yes\n" more            \
	"[device d]\nqueues = 1\nvector = 0x41\n[load l]\ntype = poisson\nrate = 0.001/s\n"        \
	"handler = 1us\nwork = 0\n"
#define SPINS "idle = poll\n"
#define HOST(queues)                                                                               \
	"[machine]\nwarmup = 0\npcpus = 2\n[device d]\nfirst_pcpu = 1\nqueues = 1\ncount "         \
	"= " queues "\n[load l]\ntype = poisson\nrate = 0.001/s\nhandler = 500ns\nwork = 0\n"

#define STEPS_MAX 24
#define SUM(...)                                                                                   \
	{                                                                                          \
		__VA_ARGS__, PN_ALL_STEPS_NR                                                       \
	}

static uint64_t sum_of(const struct pn_scenario *sc, const unsigned *steps)
{
	uint64_t ns = 0;

	for (; *steps != PN_ALL_STEPS_NR; steps++)
		ns += sc->costs.ns[*steps];
	return ns;
}

/* From the device's write to the notification vector's arrival. */
#define TO_CPU	 PN_STEP_IRTE_MISS, PN_STEP_PIR_SET, PN_STEP_INTR_WIRE
#define IN_GUEST PN_STEP_PI_PROCESS, PN_STEP_VID_EVAL, PN_STEP_GUEST_DELIVER
#define TO_HOST	 PN_STEP_IRTE_MISS, PN_STEP_INTR_ISSUE, PN_STEP_INTR_WIRE

static const struct {
	const char *what, *mode, *text, *set;
	unsigned steps[STEPS_MAX];
} latencies[] = {
	{"its vCPU runs: no exit (SDM 30.6)", "vtd-pi", ONE("1", SPINS), "", SUM(TO_CPU, IN_GUEST)},
	{"the same in xAPIC mode", "vtd-pi", ONE("1", SPINS), "machine.x2apic=no",
	 SUM(TO_CPU, IN_GUEST)},
	{"its vCPU sleeps: wakeup vector, list, load, entry", "vtd-pi", ONE("1", ""), "",
	 SUM(TO_CPU, PN_STEP_IDLE_EXIT, PN_STEP_IRQ_ENTRY, PN_STEP_LIST_SCAN, PN_STEP_WAKE,
	     PN_STEP_CTX_SWITCH, PN_STEP_LIST_DEL, PN_STEP_PID_WRITE, PN_STEP_PID_SYNC,
	     PN_STEP_BLOCK_CHECK, PN_STEP_VMRUN, PN_STEP_VID_EVAL, PN_STEP_GUEST_DELIVER)},
	{"the host polls for it: notification, and the look at ON", "vtd-pi", ONE("1", ""),
	 "machine.halt_poll=1s",
	 SUM(TO_CPU, PN_STEP_IRQ_ENTRY, PN_STEP_HALT_POLL, PN_STEP_PID_SYNC, PN_STEP_VMRUN,
	     PN_STEP_VID_EVAL, PN_STEP_GUEST_DELIVER)},
	{"bare metal, remapped", "remapped", HOST("1"), "",
	 SUM(TO_HOST, PN_STEP_IDLE_EXIT, PN_STEP_IRQ_ENTRY, PN_STEP_IRQ_DISPATCH)},
	{"bare metal, remapped, the CPU polls", "remapped", HOST("1"), "machine.idle_poll=1s",
	 SUM(TO_HOST, PN_STEP_IRQ_ENTRY, PN_STEP_IRQ_DISPATCH)},
	{"bare metal, posted: found by the first harvest", "posted-msi", HOST("1"), "",
	 SUM(TO_CPU, PN_STEP_IDLE_EXIT, PN_STEP_IRQ_ENTRY, PN_STEP_MSI_HARVEST, PN_STEP_MSI_DEMUX,
	     PN_STEP_IRQ_DISPATCH)},
	{"one harvest only: ON is cleared before it", "posted-msi:loops=1", HOST("1"), "",
	 SUM(TO_CPU, PN_STEP_IDLE_EXIT, PN_STEP_IRQ_ENTRY, PN_STEP_MSI_CLEAR_ON,
	     PN_STEP_MSI_HARVEST, PN_STEP_MSI_DEMUX, PN_STEP_IRQ_DISPATCH)},
};

static void one_interrupt(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(latencies); i++) {
		struct pn_scenario *sc = lab_text(latencies[i].text, latencies[i].set);
		struct pn_machine *m = lab_machine(sc, latencies[i].mode, T0);
		uint64_t sum = sum_of(sc, latencies[i].steps);

		lab_complete(m, 0);
		lab_until(m, 2 * T0);
		if (m->latency->n != 1 || m->latency->max != sum)
			fail_msg("%s: %lu delivered, after %lu ns, not %lu", latencies[i].what,
				 (unsigned long)m->latency->n, (unsigned long)m->latency->max,
				 (unsigned long)sum);
		lab_checked(m, latencies[i].what);
		pn_machine_destroy(m);
		free(sc);
	}
}

static void counts_are(struct pn_machine *m, const char *row, uint64_t interrupts,
		       uint64_t delivered, uint64_t coalesced)
{
	struct pn_totals t;

	pn_machine_totals(m, &t);
	lab_checked(m, row);
	if (t.interrupts != interrupts || t.delivered != delivered || t.coalesced != coalesced)
		fail_msg("%s: %lu interrupts, %lu delivered, %lu coalesced", row,
			 (unsigned long)t.interrupts, (unsigned long)t.delivered,
			 (unsigned long)t.coalesced);
}

static uint64_t step(struct pn_machine *m, unsigned s)
{
	struct pn_totals t;

	pn_machine_totals(m, &t);
	return t.steps[s];
}

/*
 * Four MSIs of one queue at once. Posted, the unit is done with them before the notification is
 * there; remapped, they meet in the local APIC of a CPU that wakes up.
 */
static void merged(void **state)
{
	static const struct {
		const char *mode, *text;
		unsigned notified, met;
	} rows[] = {
		{"vtd-pi", ONE("1", SPINS), PN_STEP_PI_NOTIFY, PN_STEP_PIR_MERGE},
		{"vtd-pi", ONE("1", ""), PN_STEP_PI_NOTIFY, PN_STEP_PIR_MERGE},
		{"posted-msi", HOST("1"), PN_STEP_PI_NOTIFY, PN_STEP_PIR_MERGE},
		{"remapped", HOST("1"), PN_STEP_IRQ_DEVICE, PN_ALL_STEPS_NR},
	};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_scenario *sc = lab_text(rows[i].text, "");
		struct pn_machine *m = lab_machine(sc, rows[i].mode, T0);

		for (unsigned k = 0; k < 4; k++)
			lab_complete(m, 0);
		/* On their way all of them count. */
		counts_are(m, rows[i].mode, 4, 0, 0);
		lab_until(m, 2 * T0);
		counts_are(m, rows[i].mode, 4, 1, 3);
		assert_int_equal(step(m, rows[i].notified), 1);
		if (rows[i].met != PN_ALL_STEPS_NR)
			assert_int_equal(step(m, rows[i].met), 3);
		assert_int_equal(m->sim->completions, 4);
		pn_machine_destroy(m);
		free(sc);
	}
}

/* A second one that comes while the first is in service waits in the IRR: both are delivered. One
 * that comes while another waits there merges with it, but not before it leaves the PIR. */
static void behind_another(void **state)
{
	struct pn_scenario *sc = lab_text(ONE("1", SPINS), "l.handler=10us");
	struct pn_machine *m = lab_machine(sc, "vtd-pi", T0);
	struct pn_lab_vcpu *v = &m->vcpu[0];

	(void)state;
	lab_complete(m, 0);
	lab_until(m, T0 + 3000);
	counts_are(m, "in service", 1, 1, 0);
	lab_complete(m, 0);
	lab_until(m, T0 + 5000);
	assert_true(v->sent[0x41] && !v->second[0x41]);
	lab_complete(m, 0);
	lab_until(m, T0 + 5100);
	assert_true(v->second[0x41]); /* in the PIR, and the other in the IRR */
	counts_are(m, "in the PIR", 3, 1, 0);
	lab_until(m, T0 + 7000);
	/* Now both are in the IRR, and a fourth interrupt shows it. */
	lab_complete(m, 0);
	lab_until(m, T0 + 7100);
	counts_are(m, "met in the IRR", 4, 1, 1);
	lab_until(m, 2 * T0);
	counts_are(m, "done", 4, 2, 2);
	pn_machine_destroy(m);
	free(sc);
}

/* The interrupt that arrives at the local APIC merges, not the one that was sent last. */
static void the_one_that_arrives_merges(void **state)
{
	static const uint64_t sent[] = {0, 400, 3400};
	struct pn_scenario *sc = lab_text(HOST("1"), "costs.intr_wire=3us d.first_pcpu=0");
	struct pn_machine *m = lab_machine(sc, "remapped", T0);
	const uint32_t *ns = sc->costs.ns;
	uint64_t alone = ns[PN_STEP_IRTE_HIT] + ns[PN_STEP_INTR_ISSUE] + 3000 +
			 ns[PN_STEP_IDLE_EXIT] + ns[PN_STEP_IRQ_ENTRY] + ns[PN_STEP_IRQ_DISPATCH];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		lab_until(m, T0 + sent[i]);
		lab_complete(m, 0);
	}
	lab_until(m, 2 * T0);
	counts_are(m, "three", 3, 2, 1);
	/* The first found its entry not cached; the last one did not wait. */
	assert_int_equal(m->latency->min, alone);
	assert_int_equal(m->latency->max, alone + ns[PN_STEP_IRTE_MISS] - ns[PN_STEP_IRTE_HIT]);
	pn_machine_destroy(m);
	free(sc);
}

/* More messages on their way than any machine has: none is lost. */
static void many_on_the_wire(void **state)
{
	struct pn_scenario *sc = lab_text(HOST("1"), "costs.intr_wire=1ms");
	struct pn_machine *m = lab_machine(sc, "remapped", T0);

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		lab_complete(m, 0);
		lab_until(m, T0 + 1000 * i);
	}
	assert_true(m->queue[0].flights > 200);
	lab_until(m, 9 * T0);
	/* 500 ns in the handler, 434 around it: each of the others comes when the CPU is idle. */
	assert_int_equal(m->outstanding, 0);
	lab_checked(m, "300 on the wire");
	pn_machine_destroy(m);
	free(sc);
}

/*
 * A burst of four vectors on one CPU: one notification, and the k-th handler starts after k others.
 * The PIR is read until it is empty, loops - 1 times at most, and once more after ON is cleared.
 */
static void burst_in_the_loop(void **state)
{
	static const struct {
		const char *mode;
		unsigned harvests;
		bool clears_first;
	} rows[] = {
		{"posted-msi:loops=1", 1, true},   {"posted-msi:loops=2", 2, false},
		{"posted-msi", 3, false},	   {"posted-msi:loops=4", 3, false},
		{"posted-msi:loops=64", 3, false},
	};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_scenario *sc = lab_text(HOST("4"), "");
		struct pn_machine *m = lab_machine(sc, rows[i].mode, T0);
		const uint32_t *ns = sc->costs.ns;
		uint64_t each = ns[PN_STEP_MSI_DEMUX] + ns[PN_STEP_IRQ_DISPATCH];
		uint64_t first = ns[PN_STEP_IRTE_MISS] + ns[PN_STEP_PIR_SET] +
				 ns[PN_STEP_INTR_WIRE] + ns[PN_STEP_IDLE_EXIT] +
				 ns[PN_STEP_IRQ_ENTRY] + ns[PN_STEP_MSI_HARVEST] + each;

		if (rows[i].clears_first)
			first += ns[PN_STEP_MSI_CLEAR_ON];
		for (uint32_t q = 0; q < 4; q++)
			lab_complete(m, q);
		lab_until(m, 2 * T0);
		counts_are(m, rows[i].mode, 4, 4, 0);
		assert_int_equal(step(m, PN_STEP_PI_NOTIFY), 1);
		assert_int_equal(step(m, PN_STEP_PI_ON), 3);
		assert_int_equal(step(m, PN_STEP_IRQ_POSTED_MSI), 1);
		assert_int_equal(step(m, PN_STEP_MSI_DEMUX), 4);
		assert_int_equal(step(m, PN_STEP_MSI_CLEAR_ON), 1);
		if (step(m, PN_STEP_MSI_HARVEST) != rows[i].harvests)
			fail_msg("%s: %lu harvests", rows[i].mode,
				 (unsigned long)step(m, PN_STEP_MSI_HARVEST));
		assert_int_equal(m->latency->min, first);
		assert_int_equal(m->latency->max, first + 3 * (500 + each));
		pn_machine_destroy(m);
		free(sc);
	}
}

/*
 * The unit sends one interrupt after another, so the second is delayed by the time of the first;
 * behind another unit it is not.
 */
static void units_keep_order(void **state)
{
	static const struct {
		const char *set;
		bool waits;
	} rows[] = {{"", true}, {"machine.iommus=2 d.iommu=spread", false}};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_scenario *sc = lab_text(HOST("2"), rows[i].set);
		struct pn_machine *m = lab_machine(sc, "remapped", T0);
		const uint32_t *ns = sc->costs.ns;
		uint64_t busy = ns[PN_STEP_IRTE_MISS] + ns[PN_STEP_INTR_ISSUE];

		lab_complete(m, 0);
		lab_complete(m, 1);
		/* Behind it in the unit, and so are its completions. */
		assert_int_equal(m->iommu[0].waits, rows[i].waits);
		assert_int_equal(m->sim->queue[1].ready, !rows[i].waits);
		assert_int_equal(m->sim->queue[0].ready, 1);
		lab_until(m, T0 + busy - 1);
		assert_int_equal(m->iommu[0].waits, rows[i].waits);
		lab_until(m, T0 + busy);
		assert_int_equal(m->iommu[0].waits, 0);
		assert_int_equal(m->sim->queue[1].ready, 1);
		lab_until(m, 2 * T0);
		counts_are(m, rows[i].set, 2, 2, 0);
		pn_machine_destroy(m);
		free(sc);
	}
}

/* An MSI for several completions delays those that have not been seen yet. */
static void held_completions(void **state)
{
	struct pn_scenario *sc = lab_text(HOST("2"), "l.coalesce=2 l.coalesce_time=1s");
	struct pn_machine *m = lab_machine(sc, "remapped", T0);
	struct pn_queue *q = &m->sim->queue[1];

	(void)state;
	lab_complete(m, 1);
	pn_queue_harvest(q, &m->sim->pcpu[1]); /* a handler happens to see it */
	assert_int_equal(q->ready, 0);
	lab_complete(m, 0);
	lab_complete(m, 0); /* the unit is busy */
	lab_complete(m, 1); /* the second: now it is signalled, and waits */
	assert_int_equal(m->iommu[0].waits, 1);
	assert_int_equal(q->ready, 0);
	lab_until(m, 2 * T0);
	assert_int_equal(m->sim->completions, 4);
	counts_are(m, "seen before", 2, 2, 0);
	pn_machine_destroy(m);
	free(sc);
}

/* ---- IPIs, one kind at a time ---- */

#define KIND(share)                                                                                \
	"[machine]\npcpus = 4\nduration = 2ms\nwarmup = 0\n[vm g]\nvcpus = 4\npin = yes\n"         \
	"idle = poll\n[ipi i]\ntype = storm\nsenders = 1\nthink = 20us\n" share
#define FIXED	  KIND("")
#define LOGICAL	  KIND("logical = 100%\n")
#define BROADCAST KIND("broadcast = 100%\n")
#define SELF	  KIND("self = 100%\n")
#define NMI	  KIND("nmi = 100%\n")
#define INIT	  KIND("init = 100%\n")

#define X2  ""
#define X   "machine.x2apic=no"
#define OFF "machine.churn_inhibit=10us" /* most of the time */

/* All vCPUs run. Exits and posted bits of one ICR write. */
static const struct {
	const char *what, *text, *mode, *set;
	unsigned exits, bits;
} kinds[] = {
	{"SDM 30.1.6: fixed", FIXED, "ipi-ipiv", X2, 0, 1},
	{"SDM 30.1.6: fixed", FIXED, "ipi-ipiv", X, 0, 1},
	{"no IPI virtualization: fixed", FIXED, "ipi-exit", X2, 1, 1},
	{"no IPI virtualization: fixed", FIXED, "ipi-exit", X, 1, 1},
	{"SDM 30.1.6: logical exits", LOGICAL, "ipi-ipiv", X2, 1, 1},
	{"SDM 30.1.6: logical exits", LOGICAL, "ipi-ipiv", X, 1, 1},
	{"logical", LOGICAL, "ipi-exit", X2, 1, 1},
	{"SDM 30.1.6: shorthands exit", BROADCAST, "ipi-ipiv", X2, 1, 3},
	{"SDM 30.1.6: shorthands exit", BROADCAST, "ipi-ipiv", X, 1, 3},
	{"broadcast", BROADCAST, "ipi-exit", X2, 1, 3},
	{"SDM 30.1.5: self needs no table", SELF, "ipi-ipiv", X2, 0, 1},
	{"SDM 30.1.5: self needs no table", SELF, "ipi-exit", X2, 0, 1},
	{"SDM 30.1.5: self needs no table", SELF, "ipi-exit", X, 0, 1},
	{"NMI", NMI, "ipi-ipiv", X2, 1, 0},
	{"NMI", NMI, "ipi-exit", X, 1, 0},
	{"INIT", INIT, "ipi-ipiv", X2, 1, 0},
	{"INIT", INIT, "ipi-exit", X2, 1, 0},
	{"APM 15.29.6: fixed, running", FIXED, "ipi-avic", X2, 0, 1},
	{"APM 15.29.6: fixed, running", FIXED, "ipi-avic", X, 0, 1},
	{"APM 15.29.6: logical, running", LOGICAL, "ipi-avic", X, 0, 1},
	{"APM 15.29.6: broadcast, running", BROADCAST, "ipi-avic", X2, 0, 3},
	{"APM 15.29.6: self", SELF, "ipi-avic", X2, 0, 1},
	{"APM 15.29.6: NMI exits", NMI, "ipi-avic", X2, 1, 0},
	{"APM 15.29.6: INIT exits", INIT, "ipi-avic", X, 1, 0},
};

static void exits_of_each_kind(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(kinds); i++) {
		struct pn_scenario *sc = lab_text(kinds[i].text, kinds[i].set);
		struct pn_result *r = lab_run(sc, kinds[i].mode, 1, NULL);
		uint64_t writes = r->steps[PN_STEP_ICR_WRITE] + r->steps[PN_STEP_ICR_WRITE_MMIO];

		/* x2APIC has a register of its own for self-IPIs. */
		if (!writes && !strcmp(kinds[i].text, SELF))
			writes = r->posts;
		if (writes < 50 || r->exits[PN_EXIT_IPI] != kinds[i].exits * writes ||
		    r->interrupts != kinds[i].bits * writes || r->posts != r->interrupts ||
		    r->delivered != r->interrupts || r->check[0])
			fail_msg("%s, %s %s: %lu writes, %lu exits, %lu IPIs, %lu posts, %lu "
				 "delivered; \"%s\"",
				 kinds[i].what, kinds[i].mode, kinds[i].set, (unsigned long)writes,
				 (unsigned long)r->exits[PN_EXIT_IPI], (unsigned long)r->interrupts,
				 (unsigned long)r->posts, (unsigned long)r->delivered, r->check);
		free(r);
		free(sc);
	}
}

/* While APICv is inhibited every IPI exits, and all arrive at their targets. */
static void inhibited_ipis_exit(void **state)
{
	static const char *const texts[] = {FIXED, LOGICAL, BROADCAST, SELF};
	static const char *const sets[] = {OFF, OFF " " X};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(texts) * LAB_ROWS(sets) * 3; i++) {
		const char *text = texts[i % 4], *mode = ipi_modes[i / 8], *set = sets[i / 4 % 2];
		struct pn_scenario *sc = lab_text(text, set);
		struct pn_result *r = lab_run(sc, mode, 3, NULL);

		lab_clean(r, set, mode, 3);
		if (!r->exits[PN_EXIT_IPI] || !r->exits[PN_EXIT_APIC_EOI] ||
		    r->delivered + 50 < r->interrupts || r->posts != r->interrupts)
			fail_msg("%s, %s, row %u: %lu exits, %lu EOI exits, %lu of %lu, %lu posts",
				 set, mode, i, (unsigned long)r->exits[PN_EXIT_IPI],
				 (unsigned long)r->exits[PN_EXIT_APIC_EOI],
				 (unsigned long)r->delivered, (unsigned long)r->interrupts,
				 (unsigned long)r->posts);
		free(r);
		free(sc);
	}
}

/* From the ICR write to the handler of a vCPU that spins on another CPU. */
static void latency_of_an_ipi(void **state)
{
	static const struct {
		const char *what, *text, *mode, *set;
		unsigned steps[STEPS_MAX];
	} rows[] = {
		{"virtualized", FIXED, "ipi-ipiv", X2,
		 SUM(PN_STEP_ICR_WRITE, PN_STEP_IPI_POST, PN_STEP_IPIV_NOTIFY, PN_STEP_INTR_WIRE,
		     IN_GUEST)},
		{"virtualized", FIXED, "ipi-ipiv", X,
		 SUM(PN_STEP_ICR_WRITE_MMIO, PN_STEP_IPI_POST, PN_STEP_IPIV_NOTIFY,
		     PN_STEP_INTR_WIRE, IN_GUEST)},
		{"exit", FIXED, "ipi-exit", X2,
		 SUM(PN_STEP_ICR_WRITE, PN_STEP_VMEXIT, PN_STEP_ICR_HANDLE, PN_STEP_PI_IPI,
		     PN_STEP_INTR_WIRE, IN_GUEST)},
		{"exit", FIXED, "ipi-exit", X,
		 SUM(PN_STEP_ICR_WRITE_MMIO, PN_STEP_VMEXIT, PN_STEP_ICR_HANDLE_MMIO,
		     PN_STEP_PI_IPI, PN_STEP_INTR_WIRE, IN_GUEST)},
		{"AVIC", FIXED, "ipi-avic", X2,
		 SUM(PN_STEP_ICR_WRITE, PN_STEP_IPI_POST, PN_STEP_DOORBELL_WIRE, PN_STEP_AVIC_EVAL,
		     PN_STEP_GUEST_DELIVER)},
	};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_scenario *sc = lab_text(rows[i].text, rows[i].set);
		struct pn_result *r = lab_run(sc, rows[i].mode, 1, NULL);
		uint64_t sum = sum_of(sc, rows[i].steps);

		/* No vCPU is disturbed after the start. */
		if (r->latency.min != sum || pn_hist_quantile(&r->latency, 0.9) > sum + sum / 100)
			fail_msg("%s, %s: %lu .. %lu ns, not %lu", rows[i].what, rows[i].mode,
				 (unsigned long)r->latency.min, (unsigned long)r->latency.max,
				 (unsigned long)sum);
		free(r);
		free(sc);
	}
}

/* ---- task priority ---- */

/* With virtual-interrupt delivery TPR writes stay in the guest; inhibited, lowering it exits when
 * something waits for that, and raising it never does. */
static void tpr_writes(void **state)
{
	struct pn_scenario *sc =
		lab_text(PINNED "type = poisson\nrate = 20k/s\n",
			 "g.tpr=0xd0 g.tpr_period=100us g.tpr_hold=60us machine.duration=20ms");
	struct pn_result *r = lab_run(sc, "vtd-pi", 1, NULL);
	struct pn_machine *m;
	struct pn_lab_vcpu *v;
	struct pn_pcpu *p;

	(void)state;
	lab_clean(r, "masked", "vtd-pi", 1);
	assert_int_equal(r->exits[PN_EXIT_APIC_WRITE], 0);
	assert_true(pn_hist_quantile(&r->latency, 0.9) > 20000);
	free(r);
	free(sc);

	sc = lab_text(ONE("1", SPINS), "");
	m = lab_machine(sc, "vtd-pi", T0);
	v = &m->vcpu[0];
	p = &m->sim->pcpu[0];
	m->plat->inhibit(v, &m->cpu[0], PN_INHIBIT_BLOCKIRQ, true);
	pn_pcpu_intr(p, PN_SIM_VEC_RESCHED); /* out, and in again */
	lab_until(m, T0 + 50000);
	assert_true(!pn_host_apicv(v->h) && p->mode == PN_CPU_GUEST);
	assert_false(m->plat->ops->set_tpr(v->sim, p, 0x50));
	assert_false(m->plat->ops->set_tpr(v->sim, p, 0));
	assert_false(m->plat->ops->set_tpr(v->sim, p, 0x50));
	lab_complete(m, 0); /* 0x41 waits below that; its notification exits */
	lab_until(m, T0 + 100000);
	counts_are(m, "masked", 1, 0, 0);
	assert_int_equal(pn_vapic_highest(v->h->page, PN_APIC_IRR), 0x41);
	assert_false(m->plat->ops->set_tpr(v->sim, p, 0x60));
	assert_true(m->plat->ops->set_tpr(v->sim, p, 0x30));
	pn_machine_destroy(m);
	free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_interrupt),
		cmocka_unit_test(merged),
		cmocka_unit_test(behind_another),
		cmocka_unit_test(the_one_that_arrives_merges),
		cmocka_unit_test(many_on_the_wire),
		cmocka_unit_test(burst_in_the_loop),
		cmocka_unit_test(units_keep_order),
		cmocka_unit_test(held_completions),
		cmocka_unit_test(exits_of_each_kind),
		cmocka_unit_test(inhibited_ipis_exit),
		cmocka_unit_test(latency_of_an_ipi),
		cmocka_unit_test(tpr_writes),
		cmocka_unit_test(suppressed_while_preempted),
		cmocka_unit_test(large_machines_fit),
		cmocka_unit_test(deterministic),
		cmocka_unit_test(shipped_scenarios),
		cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(churn_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
