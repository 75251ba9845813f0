/* SPDX-License-Identifier: MIT */
/* Devices and IPIs in one scenario, in every mode with guests: each kind has an account of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "lab_text.h"
#include "report.h"

static const char *const modes[] = {"emulated", "avic",	    "galog:recover=wake", "gappi",
				    "vtd-pi",	"ipi-exit", "ipi-avic",		  "ipi-ipiv"};

#define SHORT  "[machine]\npcpus = 4\nduration = 3ms\nwarmup = 200us\n"
#define GUEST  SHORT "[vm g]\nvcpus = 6\n"
#define PINNED SHORT "[vm g]\nvcpus = 4\npin = yes\n"
#define DISK                                                                                       \
	"[device d]\n[load l]\ntype = closed\ndepth = 2\nservice = exp(60us)\nhandler = 700ns\n"   \
	"work = 2us\n"
#define NIC   "[device d]\n[load l]\ntype = poisson\nrate = 20k/s\nwork = 1us\n"
#define STORM "[ipi i]\ntype = storm\nthink = exp(20us)\nhandler = 300ns\n"
#define SORTS "logical = 10%\nbroadcast = 5%\nself = 10%\nnmi = 2%\ninit = 2%\n"
#define PAIRS "[ipi i]\ntype = pingpong\n"

static const struct {
	const char *text, *set;
} rows[] = {
	{PINNED DISK STORM SORTS, ""},
	{GUEST NIC STORM SORTS, ""},
	{GUEST DISK STORM SORTS, "machine.pcpus=1 machine.slice=40us"},
	{PINNED NIC STORM SORTS, "machine.x2apic=no"},
	{PINNED NIC STORM "senders = 1\n", "i.vector=0x31 machine.halt_poll=20us"},
	{GUEST DISK STORM SORTS, "g.count=2 d.count=3 machine.iommus=2 d.iommu=spread"},
	{GUEST NIC PAIRS, "d.vector=0xf1 g.busy=0.5 g.busy_burst=30us"},
	{PINNED DISK PAIRS "reply = memory\n", "machine.halt_poll_ns=200000"},
	{PINNED NIC PAIRS "think = exp(10us)\n", "g.timer=70us g.idle=poll"},
	{GUEST NIC STORM SORTS, "g.tpr=0x50 g.tpr_period=60us g.tpr_hold=40us"},
};

#define MOVED "machine.churn_retarget=20us machine.churn_detach=30us"

static const char *const disturbed[] = {
	"",
	"machine.churn_offline=100us",
	"machine.churn_inhibit=30us",
	"machine.churn_retarget=15us machine.churn_detach=30us",
	("machine.churn_offline=200us machine.churn_inhibit=40us " MOVED),
};

static uint64_t sum(const struct pn_result *r, size_t field)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < PN_PARTS; i++)
		n += *(const uint64_t *)((const char *)&r->part[i] + field);
	return n;
}

static void parts_add_up(const struct pn_result *r, const char *row, const char *mode)
{
	for (unsigned i = 0; i < PN_PARTS; i++) {
		const struct pn_part *p = &r->part[i];

		if (!p->delivered || p->lost || p->latency.n != p->delivered || !p->completions ||
		    p->interrupts != p->delivered + p->coalesced ||
		    p->wake_latency.n > p->latency.n)
			fail_msg("%s, %s: %s: %lu sent, %lu delivered, %lu coalesced, %lu done",
				 row, mode, pn_part_name((enum pn_part_kind)i),
				 (unsigned long)p->interrupts, (unsigned long)p->delivered,
				 (unsigned long)p->coalesced, (unsigned long)p->completions);
	}
#define ADDS(field) assert_int_equal(sum(r, offsetof(struct pn_part, field)), r->field)
	ADDS(interrupts);
	ADDS(delivered);
	ADDS(coalesced);
	ADDS(lost);
	ADDS(completions);
	ADDS(latency.n);
	ADDS(wake_latency.n);
}

static void nothing_is_lost(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		for (unsigned k = 0; k < LAB_ROWS(disturbed); k++) {
			bool one_cpu = strstr(rows[i].set, "pcpus=1");
			char set[400];
			struct pn_scenario *sc;

			if (one_cpu && strstr(disturbed[k], "offline"))
				continue;
			snprintf(set, sizeof(set), "%s %s", rows[i].set, disturbed[k]);
			sc = lab_text(rows[i].text, set);
			assert_int_equal(sc->work, PN_WORK_MIXED);
			for (unsigned m = 0; m < LAB_ROWS(modes); m++) {
				struct pn_result *r = lab_run(sc, modes[m], 1 + i, NULL);

				lab_clean(r, set, modes[m], 1 + i);
				parts_add_up(r, set, modes[m]);
				free(r);
			}
			free(sc);
		}
	}
}

/* Without IPI virtualization in their names, two modes of each vendor are one machine. */
static void two_names(void **state)
{
	static const char *const same[][2] = {{"avic", "ipi-avic"}, {"vtd-pi", "ipi-exit"}};
	struct pn_scenario *sc = lab_text(GUEST DISK STORM SORTS, "");

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(same); i++) {
		struct pn_result *a = lab_run(sc, same[i][0], 5, NULL);
		struct pn_result *b = lab_run(sc, same[i][1], 5, NULL);

		assert_memory_equal(a->part, b->part, sizeof(a->part));
		assert_memory_equal(a->steps, b->steps, sizeof(a->steps));
		assert_int_equal(a->host_cpu_ns, b->host_cpu_ns);
		free(a);
		free(b);
	}
	free(sc);
}

/* Disks of one VM and IPIs of another: neither mode nor account mixes them. */
static void of_two_vms(void **state)
{
	static const char two[] =
		SHORT "[vm a]\nvcpus = 2\npin = yes\n[vm b]\nvcpus = 2\npin = yes\n"
		      "first_pcpu = 2\n" NIC "[ipi i]\nvm = b\ntype = storm\n"
		      "think = const(30us)\n";
	struct pn_scenario *both = lab_text(two, "");

	(void)state;
	for (unsigned m = 0; m < LAB_ROWS(modes); m++) {
		struct pn_result *r = lab_run(both, modes[m], 1, NULL);
		/* 3 ms of 2 senders, each 30 us and what sending takes */
		uint64_t ipis = r->part[PN_PART_IPIS].interrupts;
		uint64_t msis = r->part[PN_PART_DEVICES].interrupts;

		lab_clean(r, "two VMs", modes[m], 1);
		parts_add_up(r, "two VMs", modes[m]);
		if (ipis < 150 || ipis > 200 || msis < 80 || msis > 160)
			fail_msg("%s: %lu IPIs, %lu MSIs", modes[m], (unsigned long)ipis,
				 (unsigned long)msis);
		free(r);
	}
	free(both);
}

/* What each mode does with each kind. */
static void modes_differ(void **state)
{
	static const struct {
		const char *mode;
		bool ipis_exit, devices_exit;
	} want[] = {
		{"emulated", true, true},  {"avic", false, true},      {"galog", false, false},
		{"gappi", false, false},   {"vtd-pi", true, false},    {"ipi-exit", true, false},
		{"ipi-avic", false, true}, {"ipi-ipiv", false, false},
	};
	struct pn_scenario *sc = lab_text(PINNED NIC STORM, "g.idle=poll");

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(want); i++) {
		struct pn_result *r = lab_run(sc, want[i].mode, 1, NULL);
		uint64_t ipis = r->part[PN_PART_IPIS].interrupts;
		uint64_t msis = r->part[PN_PART_DEVICES].interrupts;
		bool exits = r->exits[PN_EXIT_IPI] * 10 > ipis * 9;
		bool host = r->host_vectors[PN_HV_DEVICE] * 10 > msis * 9;

		lab_clean(r, "idle = poll", want[i].mode, 1);
		if (exits != want[i].ipis_exit || host != want[i].devices_exit ||
		    (!exits && r->exits[PN_EXIT_IPI]) || (!host && r->host_vectors[PN_HV_DEVICE]))
			fail_msg("%s: %lu exits of %lu IPIs, %lu interrupts of the host for %lu "
				 "MSIs",
				 want[i].mode, (unsigned long)r->exits[PN_EXIT_IPI],
				 (unsigned long)ipis, (unsigned long)r->host_vectors[PN_HV_DEVICE],
				 (unsigned long)msis);
		free(r);
	}
	free(sc);
}

/* x2apic says the APIC mode of guests that send IPIs, whoever runs them. */
static void apic_mode(void **state)
{
	static const struct {
		const char *set;
		bool x2;
	} say[] = {{"", true},
		   {"machine.x2apic=no", false},
		   {"machine.x2apic=no machine.x2avic=no", false}};
	static const char *const amd[] = {"emulated", "avic", "galog", "gappi", "ipi-avic"};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(say); i++) {
		struct pn_scenario *sc = lab_text(PINNED NIC STORM, say[i].set);

		for (unsigned m = 0; m < LAB_ROWS(amd); m++) {
			struct pn_result *r = lab_run(sc, amd[m], 1, NULL);

			if ((r->steps[PN_STEP_ICR_WRITE] > 0) != say[i].x2 ||
			    (r->steps[PN_STEP_ICR_WRITE_MMIO] > 0) == say[i].x2)
				fail_msg("%s, %s: %lu WRMSRs, %lu stores to the ICR", say[i].set,
					 amd[m], (unsigned long)r->steps[PN_STEP_ICR_WRITE],
					 (unsigned long)r->steps[PN_STEP_ICR_WRITE_MMIO]);
			free(r);
		}
		free(sc);
	}
}

/* The self-check looks at each account. */
static void selfcheck_of_parts(void **state)
{
	struct pn_scenario *sc = lab_text(PINNED NIC STORM, "");

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct pn_machine *m = lab_machine(sc, "gappi", 1000000);
		char check[512];
		static const char *const expect[] = {"", "devices: ", "ipis: ", "interrupts, but "};

		pn_machine_drain(m);
		if (i == 1 || i == 2)
			m->part[i - 1].delivered++;
		if (i == 3) {
			m->part[0].interrupts++;
			m->part[0].coalesced++;
		}
		pn_selfcheck(m, check, sizeof(check));
		if (i ? !strstr(check, expect[i]) : check[0] != 0)
			fail_msg("%u: \"%s\"", i, check);
		pn_machine_destroy(m);
	}
	free(sc);
}

static char *text_of(const struct pn_comparison *c, const struct pn_scenario *sc, unsigned form)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(form == 0   ? pn_report_table(c, f)
			 : form == 1 ? pn_report_json(c, f)
			 : form == 2 ? pn_report_html(c, sc, f)
				     : pn_report_detail(c, sc, f),
			 0);
	fclose(f);
	return text;
}

/* Table, JSON, page and details show both; where there is one kind they are as ever. */
static void shown_apart(void **state)
{
	static const struct {
		unsigned form;
		const char *text;
	} say[] = {
		{0, "\ndevices       delivered"},
		{0, "\nIPIs          delivered"},
		{0, "IPIs done per second"},
		{0, "Over all interrupts of devices, p99 is lowest"},
		{1, "\"by_source\": {"},
		{2, "<h2>Latency of IPIs whose vCPU slept</h2>"},
		{2, "<h2>Latency: from the sender's ICR write"},
		{3, "Latency of interrupts of devices whose vCPU slept: "},
		{3, "Latency of IPIs whose vCPU slept: "},
	};

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		bool both = n;
		struct pn_scenario *sc = lab_text(both ? PINNED NIC STORM : PINNED NIC, "");
		struct pn_comparison c = {.scenario = "s", .costs = "c", .n = 2};
		json_t *root, *ipis;
		char *text;

		c.result = calloc(2, sizeof(*c.result));
		assert_non_null(c.result);
		for (unsigned i = 0; i < 2; i++) {
			struct pn_result *r = lab_run(sc, modes[i], 1, NULL);

			c.result[i] = *r;
			free(r);
		}
		for (unsigned i = 0; i < LAB_ROWS(say); i++) {
			text = text_of(&c, sc, say[i].form);
			if (!!strstr(text, say[i].text) != both)
				fail_msg("%s: \"%s\"\n%s", both ? "both" : "devices", say[i].text,
					 text);
			free(text);
		}
		text = text_of(&c, sc, 0);
		assert_int_equal(strstr(text, "\nlatency       p50") != NULL, !both);
		free(text);
		text = text_of(&c, sc, 1);
		root = json_loads(text, 0, NULL);
		ipis = json_object_get(
			json_object_get(json_array_get(json_object_get(root, "modes"), 1),
					"by_source"),
			"ipis");
		assert_int_equal(json_object_size(ipis), both ? 7 : 0);
		if (both)
			assert_int_equal(json_integer_value(json_object_get(ipis, "delivered")),
					 c.result[1].part[PN_PART_IPIS].delivered);
		json_decref(root);
		free(text);
		free(c.result);
		free(sc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost), cmocka_unit_test(two_names),
		cmocka_unit_test(of_two_vms),	   cmocka_unit_test(modes_differ),
		cmocka_unit_test(apic_mode),	   cmocka_unit_test(selfcheck_of_parts),
		cmocka_unit_test(shown_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
