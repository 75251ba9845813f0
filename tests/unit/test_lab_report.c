/* SPDX-License-Identifier: MIT */
/*
 * Reports: table, sentences, alarms, JSON, HTML, histograms, from results that the tests make up.
 */
#include <dirent.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "report.h"
#include "report_fmt.h"

/* Places of the modes in the list of all. */
enum place { EMULATED, AVIC, GALOG, GAPPI, VTD_PI, REMAPPED, POSTED_MSI, IPI_EXIT };

/* A comparison of the modes from @first on, made up; @wakes samples of wake latency for each. */
static struct pn_comparison *made_up_of(enum place first, unsigned n, uint64_t wakes)
{
	static const uint64_t speed[] = {40, 20, 12, 4, 6, 30, 30};
	struct pn_comparison *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	strcpy(c->scenario, "made<up>");
	strcpy(c->costs, "default");
	c->seed = 1;
	c->duration_ns = 1000000000;
	c->n = n;
	c->result = calloc(c->n, sizeof(*c->result));
	assert_non_null(c->result);
	for (unsigned m = 0; m < c->n; m++) {
		struct pn_result *r = &c->result[m];

		r->mode = pn_mode_plain(pn_mode_at(first + m));
		r->duration_ns = c->duration_ns;
		pn_hist_init(&r->latency);
		pn_hist_init(&r->wake_latency);
		for (uint64_t i = 0; i < 10000; i++)
			pn_hist_add(&r->latency, speed[m] * (100 + i % 100));
		for (uint64_t i = 0; i < wakes; i++)
			pn_hist_add(&r->wake_latency, speed[m] * (1000 + i % 100));
		r->interrupts = r->posts = 12000;
		r->delivered = 10000;
		r->coalesced = 2000;
		r->completions = 10000;
		r->exits[PN_EXIT_HLT] = 600;
		r->host_vectors[PN_HV_WAKEUP] = 50;
		r->busiest_cpu_share = 0.25;
		r->host_cpu_ns = 24000000;
		r->steps[PN_STEP_IRR_SET] = 12000;
	}
	return c;
}

/* AMD's four. */
static struct pn_comparison *made_up(uint64_t wakes)
{
	return made_up_of(EMULATED, 4, wakes);
}

static void forget(struct pn_comparison *c)
{
	free(c->result);
	free(c);
}

/* @draws more, with the wakes of GAPPI as slow as GALOG's in the last @ties of them. */
static struct pn_comparison *with_draws(unsigned draws, unsigned ties)
{
	struct pn_comparison *c = made_up(2000);

	c->draws = draws;
	c->drawn = 50;
	c->draw = calloc(draws, sizeof(*c->draw));
	assert_non_null(c->draw);
	for (unsigned k = 0; k < draws; k++) {
		struct pn_comparison *d = made_up(2000);

		if (k >= draws - ties)
			d->result[GAPPI].wake_latency = d->result[GALOG].wake_latency;
		d->result[AVIC].wakeups_needed = 100 + k;
		c->draw[k] = *d;
		free(d);
	}
	return c;
}

static void forget_draws(struct pn_comparison *c)
{
	for (unsigned k = 0; k < c->draws; k++)
		free(c->draw[k].result);
	free(c->draw);
	forget(c);
}

/* What a report writes, as a string. Inlined, GCC takes it for a pointer to the local variable. */
__attribute__((noinline)) static char *table_of(const struct pn_comparison *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(pn_report_table(c, f), 0);
	fclose(f);
	return text;
}

static void must_say(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("\"%s\" is missing from:\n%s", what, text);
}

static void no_long_lines(const char *text)
{
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		if (strcspn(line, "\n") > 100)
			fail_msg("longer than 100 columns: %.*s", (int)strcspn(line, "\n"), line);
}

static void table_fits(void **state)
{
	struct pn_comparison *c = made_up(2000);
	char *text = table_of(c);

	(void)state;
	no_long_lines(text);
	must_say(text, "modelled, not measured");
	must_say(text, "made<up>, seed 1, 1.00 s simulated, costs \"default\"");
	must_say(text, "GAPPI wakes 3.0x faster than GALOG at p99 here");
	must_say(text, "GALOG dropped 0 entries.");
	must_say(text, "0.05");	   /* exits per interrupt */
	must_say(text, "2.00 us"); /* host CPU per interrupt */
	must_say(text, "25.0 %");
	free(text);
	forget(c);
}

/* A claim that holds in fewer than nine of ten draws is an open question. */
static const struct {
	unsigned draws, ties;
	const char *says, *not ;
} weighed[] = {
	/* clang-format off */
	{16, 0, "That holds in 16 of 16 draws. GALOG dropped 0", "Open: do"},
	{16, 1, "That holds in 15 of 16 draws (1.00x to ", "Open: do"},
	{16, 2, "Open: does GAPPI or GALOG wake faster at p99? With the table as it is: GAPPI wakes", NULL},
	{16, 2, "That holds in only 14 of 16 draws (1.00x to ", NULL},
	{10, 1, "That holds in 9 of 10 draws", "Open: do"},
	{20, 3, "That holds in only 17 of 20 draws", NULL},
	{1, 1, "That holds in only 0 of 1 draws", NULL},
	{3, 0, "GALOG dropped 0 entries. That holds in 3 of 3 draws.", "Open"},
	/* clang-format on */
};

static void readings_are_weighed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(weighed) / sizeof(weighed[0]); i++) {
		struct pn_comparison *c = with_draws(weighed[i].draws, weighed[i].ties);
		char *text = table_of(c);

		no_long_lines(text);
		for (char *p = text; *p; p++)
			*p = *p == '\n' ? ' ' : *p;
		must_say(text, weighed[i].says);
		if (weighed[i].not &&strstr(text, weighed[i].not ))
			fail_msg("row %u: \"%s\" in:\n%s", i, weighed[i].not, text);
		free(text);
		forget_draws(c);
	}
}

/* A mode without waiting does not change the claim of the sentence before. */
static void remarks_claim_nothing(void **state)
{
	struct pn_comparison *c = made_up_of(EMULATED, 5, 2000);
	struct pn_reading rd[PN_READING_MAX];
	unsigned n, remarks = 0;

	(void)state;
	c->result[VTD_PI].unit_wait_ns = 50000;
	n = pn_report_reading(c, rd);
	for (unsigned i = 0; i < n; i++) {
		if (strstr(rd[i].text, "VTD-PI is Intel's silicon")) {
			assert_string_equal(rd[i].claim, "");
			remarks++;
		}
		if (strstr(rd[i].text, "requests waited up to"))
			assert_string_equal(rd[i].claim, "with vtd-pi requests wait for an IOMMU");
	}
	assert_int_equal(remarks, 1);
	forget(c);
}

/* An alarm is never a question, and a draw can raise one. */
static void alarms_of_draws(void **state)
{
	struct pn_comparison *c = with_draws(10, 0);
	char *text;

	(void)state;
	c->result[AVIC].lost = 3;
	c->draw[4].result[GALOG].wakeups_missed = 2;
	c->draw[5].result[GALOG].wakeups_missed = 1;
	text = table_of(c);
	must_say(text, "LOST: avic lost 3 interrupts. That holds in 0 of 10 draws.");
	for (char *p = text; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	must_say(text,
		 "MISSED: galog left a vCPU asleep with a deliverable interrupt in 2 of 10 draws, "
		 "though not with the table as it is.");
	free(text);
	forget_draws(c);
}

static void ranges_are_shown(void **state)
{
	struct pn_comparison *c = with_draws(16, 0);
	char *text = table_of(c);

	(void)state;
	must_say(text, "The same in 16 draws of the 50 costs that are assumptions");
	must_say(text,
		 "wakeups       needed                             0         100           0");
	must_say(text, "                     to            0         115           0");
	free(text);
	forget_draws(c);
}

static void ranges_in_json(void **state)
{
	struct pn_comparison *c = with_draws(16, 2);
	json_t *root, *o, *f, *r, *list;
	char *text = NULL;
	unsigned found = 0;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	assert_int_equal(pn_report_json(c, out), 0);
	fclose(out);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	o = json_object_get(root, "sensitivity");
	assert_int_equal(json_integer_value(json_object_get(o, "draws")), 16);
	list = json_object_get(o, "figures");
	json_array_foreach(list, i, f)
	{
		json_t *range = json_object_get(f, "range");

		if (strcmp(json_string_value(json_object_get(f, "figure")), "wakeups.needed") !=
			    0 ||
		    strcmp(json_string_value(json_object_get(f, "mode")), "avic") != 0)
			continue;
		found++;
		assert_int_equal(json_integer_value(json_object_get(f, "value")), 0);
		assert_int_equal(json_integer_value(json_object_get(range, "min")), 100);
		assert_int_equal(json_integer_value(json_object_get(range, "max")), 115);
	}
	assert_int_equal(found, 1);
	list = json_object_get(o, "readings");
	r = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(r, "claim")),
			    "GAPPI wakes faster than GALOG");
	assert_int_equal(json_integer_value(json_object_get(r, "holds")), 14);
	assert_int_equal(json_integer_value(json_object_get(r, "of")), 16);
	assert_true(json_is_true(json_object_get(r, "open")));
	json_decref(root);
	free(text);
	forget_draws(c);
}

/* The sentences are computed, and never too favourable. */
static void reading_is_true(void **state)
{
	struct pn_comparison *c = made_up(2000);
	struct pn_hist swap = c->result[GALOG].wake_latency;
	char *text;

	(void)state;
	c->result[GALOG].wake_latency = c->result[GAPPI].wake_latency;
	text = table_of(c);
	must_say(text, "GAPPI and GALOG wake equally fast at p99 here");
	free(text);
	c->result[GAPPI].wake_latency = swap;
	c->result[GALOG].galog_overflows = 2;
	c->result[GALOG].galog_dropped = 77;
	text = table_of(c);
	must_say(text, "GAPPI wakes 3.0x slower than GALOG at p99 here");
	must_say(text, "GALOG overflowed 2 times and dropped 77 entries.");
	assert_null(strstr(text, "Linux recovers no dropped entry"));
	free(text);
	c->result[GALOG].wakeups_missed = 5;
	text = table_of(c);
	must_say(text, "GALOG missed 5 wakeups: Linux recovers no dropped entry; "
		       "galog:recover=wake does.");
	free(text);
	/* with it, what was missed has another cause */
	c->result[GALOG].mode.recover_wake = true;
	text = table_of(c);
	must_say(text, "MISSED: galog:recover=wake left a vCPU asleep");
	assert_null(strstr(text, "Linux recovers no dropped entry"));
	free(text);
	forget(c);
}

static void few_samples_are_said(void **state)
{
	struct pn_comparison *c = made_up(40);
	char *text = table_of(c);

	(void)state;
	must_say(text, "Too few wakeups to compare GALOG and GAPPI at p99: 40 and 40 samples");
	free(text);
	forget(c);
	c = made_up(400);
	text = table_of(c);
	must_say(text, "few samples (400)");
	free(text);
	forget(c);
}

static void losses_come_first(void **state)
{
	struct pn_comparison *c = made_up(2000);
	char *text;

	(void)state;
	c->result[AVIC].lost = 3;
	c->result[GAPPI].wakeups_missed = 1;
	strcpy(c->result[GAPPI].check, "vCPU 3 sleeps");
	c->result[GALOG].partial = true;
	c->result[GALOG].duration_ns = 250000000;
	text = table_of(c);
	must_say(text, "LOST: avic lost 3 interrupts.");
	must_say(text, "MISSED: gappi left a vCPU asleep");
	must_say(text, "SELF-CHECK FAILED: gappi: vCPU 3 sleeps");
	must_say(text, "PARTIAL: galog was stopped after 250 ms of 1.00 s.");
	assert_true(strstr(text, "LOST") < strstr(text, "sent by devices"));
	assert_true(strstr(text, "MISSED") < strstr(text, "sent by devices"));
	free(text);
	forget(c);
}

static void irrelevant_rows_go(void **state)
{
	struct pn_comparison *c = made_up(0);
	char *text;

	(void)state;
	c->n = 2; /* emulated and avic */
	text = table_of(c);
	assert_null(strstr(text, "GA log"));
	assert_null(strstr(text, "GAPPI"));
	assert_null(strstr(text, "wake latency"));
	free(text);
	forget(c);
}

/* Remapped and posted figures, and the sentence about them. */
static const struct {
	uint64_t done[2], host_ns[2], speed[2], notifications;
	const char *says, *says_too;
} pays[] = {
	{{10000, 20000},
	 {24000000, 12000000},
	 {30, 20},
	 3000,
	 "POSTED-MSI pays here: ",
	 "20000 requests per second against 10000 with remapped interrupts (+100.0 %), host CPU "
	 "1.00 "
	 "us against 2.00 us for an interrupt, 4.00 interrupts for each notification, p99 "
	 "latency "},
	{{10000, 10000},
	 {24000000, 12000000},
	 {20, 20},
	 3000,
	 "POSTED-MSI pays here: ",
	 "(+0.0 %)"},
	{{10000, 10000},
	 {24000000, 24000000},
	 {20, 20},
	 12000,
	 "POSTED-MSI does not pay here: ",
	 "1.00 interrupts for each notification"},
	{{10000, 10100},
	 {24000000, 24000000},
	 {20, 20},
	 12000,
	 "POSTED-MSI does not pay here: ",
	 "(+1.0 %)"},
	{{10000, 10000},
	 {24000000, 36000000},
	 {20, 30},
	 12000,
	 "POSTED-MSI does not pay here, and costs latency: ",
	 "3.00 us against 2.00 us"},
	{{10000, 20000},
	 {24000000, 24000000},
	 {20, 30},
	 3000,
	 "POSTED-MSI pays here, but costs latency: ",
	 "(+100.0 %)"},
	{{10000, 5000},
	 {24000000, 12000000},
	 {20, 20},
	 3000,
	 "POSTED-MSI does not pay here: ",
	 "(-50.0 %)"},
	{{0, 0},
	 {24000000, 24000000},
	 {20, 20},
	 0,
	 "POSTED-MSI does not pay here: ",
	 "no notification"},
};

static char *unbroken(char *text)
{
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return text;
}

static void does_posting_pay(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(pays) / sizeof(pays[0]); i++) {
		struct pn_comparison *c = made_up_of(REMAPPED, 2, 0);
		char *text;

		for (unsigned m = 0; m < 2; m++) {
			struct pn_result *r = &c->result[m];

			r->completions = pays[i].done[m];
			r->host_cpu_ns = pays[i].host_ns[m];
			pn_hist_init(&r->latency);
			for (unsigned k = 0; k < 10000; k++)
				pn_hist_add(&r->latency, pays[i].speed[m] * (k % 100 + 1));
		}
		c->result[1].pi_notifications = pays[i].notifications;
		text = table_of(c);
		no_long_lines(text);
		unbroken(text);
		must_say(text, pays[i].says);
		must_say(text, pays[i].says_too);
		assert_null(strstr(text, "VM exits"));
		assert_null(strstr(text, "wakeups"));
		assert_null(strstr(text, "guest"));
		free(text);
		forget(c);
	}
}

/* Each variant against remapped; without remapped, no verdict. */
static void verdict_of_variants(void **state)
{
	struct pn_comparison *c = made_up_of(REMAPPED, 3, 0);
	char *text;

	(void)state;
	c->result[2].mode = pn_mode_plain(pn_mode_find("posted-msi"));
	c->result[2].mode.loops = 2;
	text = table_of(c);
	must_say(text, "posted-msi  posted-msi");
	must_say(text, "loops=2");
	must_say(text, "POSTED-MSI does not pay here");
	must_say(text, "posted-msi:loops=2 does not pay here");
	free(text);
	c->result[0].interrupts = 99;
	text = table_of(c);
	must_say(text, "Too few interrupts to tell whether POSTED-MSI pays: 99, 100 are needed.");
	free(text);
	c->result[0].mode.info = pn_mode_find("posted-msi");
	text = table_of(c);
	assert_null(strstr(text, "pay"));
	free(text);
	forget(c);
}

static void what_ipis_exit(void **state)
{
	struct pn_comparison *c = made_up_of(IPI_EXIT, 3, 0);
	char *text;

	(void)state;
	c->result[0].exits[PN_EXIT_IPI] = 12000;
	c->result[2].exits[PN_EXIT_IPI] = 1200;
	text = table_of(c);
	no_long_lines(text);
	must_say(text, "IPIs sent");
	must_say(text, "IPIs done per second");
	assert_null(strstr(text, "devices"));
	unbroken(text);
	must_say(text, "IPI-IPIV against IPI-EXIT: 0.10 exits to send an IPI against 1.00, 0.15 VM "
		       "exits in all against 1.05; latency p50 ");
	must_say(text, "With IPI-IPIV 1200 exits sent 12000 IPIs (0.10 each). Still exits: logical "
		       "destinations, broadcasts, NMIs and INITs.");
	must_say(text, "IPI-AVIC is AMD's silicon, the others are Intel's");
	must_say(text, "With IPI-AVIC no IPI exited. Still would: NMIs and INITs, and whatever is "
		       "sent to a vCPU that does not run.");
	free(text);
	forget(c);
}

/* VT-d's mode is in the same table, and the text says that it is another product. */
static void vtd_beside_amd(void **state)
{
	struct pn_comparison *c = made_up_of(EMULATED, 5, 2000);
	char *text = table_of(c);

	(void)state;
	no_long_lines(text);
	unbroken(text);
	must_say(text, "VTD-PI wakes 1.5x slower than GAPPI at p99 here");
	must_say(text, "VTD-PI is Intel's silicon, the others are AMD's");
	free(text);
	c->n = 4;
	text = table_of(c);
	assert_null(strstr(text, "VTD-PI"));
	free(text);
	forget(c);
}

/* A replay has both workloads with devices: each has a table of its own, with its own rows. */
static void two_workloads(void **state)
{
	struct pn_comparison *c = made_up_of(EMULATED, 7, 2000);
	static const char head[] = "    remapped  posted-msi";
	char *text;
	size_t at;

	(void)state;
	for (unsigned m = 5; m < 7; m++) /* no vCPU, no sleep */
		pn_hist_init(&c->result[m].wake_latency);
	text = table_of(c);
	no_long_lines(text);
	must_say(text, head);
	at = (size_t)(strstr(text, head) - text);
	assert_null(strstr(text + at, "VM exits per interrupt "));
	assert_null(strstr(text + at, "wake latency"));
	assert_non_null(strstr(text + at, "throughput    requests per second"));
	text[at] = 0;
	assert_non_null(strstr(text, "VM exits per interrupt "));
	assert_null(strstr(text, "posted-msi"));
	free(text);
	forget(c);
}

static unsigned times_said(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

/* No output of the model is called a measurement. */
static void nothing_was_measured(void **state)
{
	static const struct {
		enum place first;
		unsigned n;
	} of[] = {{EMULATED, 7}, {REMAPPED, 2}, {IPI_EXIT, 3}};

	(void)state;
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct pn_comparison *c = made_up_of(of[i].first, of[i].n, 2000);
		char *text = table_of(c);

		must_say(text, "modelled, not measured");
		assert_int_equal(times_said(text, "measured"), 1);
		free(text);
		forget(c);
	}
}

static json_t *json_of(const struct pn_comparison *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	json_t *o;

	assert_non_null(f);
	assert_int_equal(pn_report_json(c, f), 0);
	fclose(f);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	free(text);
	return o;
}

/* Keys of @o in their order, separated by blanks. */
static void keys_are(json_t *o, const char *expected)
{
	char keys[512] = "";
	const char *key;
	json_t *value;

	json_object_foreach(o, key, value)
	{
		strcat(keys, keys[0] ? " " : "");
		strcat(keys, key);
	}
	assert_string_equal(keys, expected);
}

static void json_contract(void **state)
{
	static const char LATENCY[] = "min p50 p90 p99 p999 max mean";
	struct pn_comparison *c = made_up(0);
	json_t *o = json_of(c), *modes = json_object_get(o, "modes"), *m = json_array_get(modes, 3);

	(void)state;
	keys_are(o, "schema scenario seed costs duration_ns modes");
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "postern.compare/1");
	assert_int_equal(json_array_size(modes), 4);
	keys_are(
		m,
		"mode variant interrupts posts delivered coalesced lost latency_ns wake_latency_ns "
		"vm_exits host_interrupts wakeups galog gappi irt_invalidations inhibits "
		"host_cpu_ns host_cpu_ns_per_interrupt guest_throughput_per_s");
	keys_are(json_object_get(m, "variant"), "masked");
	keys_are(json_object_get(json_array_get(modes, 0), "variant"), "");
	keys_are(json_object_get(m, "latency_ns"), LATENCY);
	keys_are(json_object_get(m, "wake_latency_ns"), LATENCY);
	/* A quantile of nothing is nothing. */
	assert_true(json_is_null(json_object_get(json_object_get(m, "wake_latency_ns"), "p99")));
	keys_are(json_object_get(m, "vm_exits"), "total per_interrupt by_reason");
	keys_are(json_object_get(json_object_get(m, "vm_exits"), "by_reason"), "hlt");
	keys_are(json_object_get(m, "host_interrupts"), "total by_vector busiest_cpu_share");
	keys_are(json_object_get(json_object_get(m, "host_interrupts"), "by_vector"), "wakeup");
	keys_are(json_object_get(m, "wakeups"), "needed spurious missed");
	keys_are(json_object_get(m, "galog"), "entries interrupts overflows dropped");
	keys_are(json_object_get(m, "gappi"), "notifications spurious vcpus_scanned");
	assert_true(json_real_value(json_object_get(m, "host_cpu_ns_per_interrupt")) == 2000);
	assert_true(json_real_value(json_object_get(m, "guest_throughput_per_s")) == 10000);
	json_decref(o);
	c->result[3].partial = true;
	strcpy(c->result[3].check, "not well");
	o = json_of(c);
	m = json_array_get(json_object_get(o, "modes"), 3);
	assert_true(json_is_true(json_object_get(m, "partial")));
	assert_string_equal(json_string_value(json_object_get(m, "check")), "not well");
	json_decref(o);
	forget(c);
}

static const char *last_of(const char *text, const char *what)
{
	const char *found = NULL;

	for (const char *s = strstr(text, what); s; s = strstr(s + 1, what))
		found = s;
	return found;
}

/* Nothing from outside, no script but the page's own, text escaped, every mode has its curve. */
static void html_stands_alone(void **state)
{
	struct pn_scenario *sc = calloc(1, sizeof(*sc));
	struct pn_comparison *c = made_up(2000);
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	assert_non_null(sc);
	strcpy(sc->costs.name, "a & b");
	strcpy(sc->costs.note[PN_STEP_IRR_SET], "<script>\"'");
	c->result[3].mode.masked_none = true;
	assert_int_equal(pn_report_html(c, sc, f), 0);
	fclose(f);
	assert_null(strstr(text, "http"));
	assert_ptr_equal(strstr(text, "<script"), last_of(text, "<script>\n"));
	assert_null(strstr(text, "made<up>"));
	must_say(text, "made&lt;up&gt;");
	must_say(text, "a &amp; b");
	must_say(text, "&lt;script&gt;&quot;&#39;");
	must_say(text, "prefers-color-scheme:dark");
	must_say(text, "white-space:nowrap"); /* a number and its unit stay together */
	must_say(text, "<svg class=\"chart\"");
	must_say(text, "<th>gappi<br><small>masked=none</small></th>");
	must_say(text, "Nothing on this page was measured on hardware");
	must_say(text, "</html>");
	assert_null(strstr(text, "nan"));
	free(text);
	free(sc);
	forget(c);
}

static void detail_has_everything(void **state)
{
	struct pn_scenario *sc = calloc(1, sizeof(*sc));
	struct pn_comparison *c = made_up(2000);
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	assert_non_null(sc);
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		c->result[3].steps[i] = 99949999;
	sc->costs.ns[PN_STEP_MSI] = 4000000;
	sc->costs.ns[PN_STEP_IRR_SET] = 40;
	assert_int_equal(pn_report_detail(c, sc, f), 0);
	fclose(f);
	no_long_lines(text);
	must_say(text, "VM exits by reason\n  hlt");
	must_say(text, "Host interrupts by vector\n  wakeup");
	must_say(text, "Mode galog, gate=blocking, recover=none");
	must_say(text, "irr_set");
	must_say(text, "480 us"); /* 12000 times 40 ns */
	must_say(text, "10000 samples");
	free(text);
	free(sc);
	forget(c);
}

/* Descriptors and harvests: in the report of the mode that has them. */
static void detail_of_posting(void **state)
{
	struct pn_scenario *sc = calloc(1, sizeof(*sc));
	struct pn_comparison *c = made_up_of(REMAPPED, 2, 0);
	struct pn_result *r = &c->result[1];
	char *text = NULL, *second;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	assert_non_null(sc);
	r->pi_notifications = 3000;
	r->pi_outstanding = 9000;
	r->pi_suppressed = 11;
	r->pi_spurious = 22;
	r->msi_harvests = 6000;
	r->msi_dispatched = 11999;
	r->host_vectors[PN_HV_POSTED_MSI] = 3000;
	r->host_vectors[PN_HV_NOTIFY] = 7;
	assert_int_equal(pn_report_detail(c, sc, f), 0);
	fclose(f);
	no_long_lines(text);
	second = strstr(text, "Mode posted-msi, loops=3");
	assert_non_null(second);
	must_say(second, "interrupts for each               4.00");
	must_say(second, "outstanding (ON set)              9000");
	must_say(second, "suppressed (SN set)                 11");
	must_say(second, "found empty                         22");
	must_say(second, "posted MSI    harvests                          6000");
	must_say(second, "vectors dispatched               11999");
	must_say(second, "  posted_msi                      3000");
	must_say(second, "  notify                             7");
	must_say(second, "Latency, from the device's write to the host's handler: 10000 samples");
	assert_null(strstr(text, "whose vCPU slept"));
	assert_null(strstr(text, "VM exits"));
	*second = 0;
	assert_null(strstr(text, "harvests"));
	assert_null(strstr(text, "descriptors"));
	free(text);
	free(sc);
	forget(c);
}

struct hgrm_seen {
	unsigned n, fail_at;
	bool named;
};

static int see_hgrm(void *ctx, const char *name, const struct pn_hist *h)
{
	struct hgrm_seen *seen = ctx;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(pn_report_hgrm_one(h, f), 0);
	fclose(f);
	must_say(text, "Percentile");
	free(text);
	seen->named |= !strcmp(name, "made-up--gappi-masked-none-wake.hgrm");
	assert_null(strchr(name, '/'));
	return ++seen->n == seen->fail_at ? -7 : 0;
}

/* Two files for each mode; the first error ends it. */
static void hgrm_files(void **state)
{
	struct pn_comparison *c = made_up(200);
	struct hgrm_seen seen = {.n = 0}, failing = {.fail_at = 3};

	(void)state;
	c->result[3].mode.masked_none = true;
	assert_int_equal(pn_report_hgrm(c, &(struct pn_hgrm_sink){see_hgrm, &seen}), 0);
	assert_int_equal(seen.n, 8);
	assert_true(seen.named);
	assert_int_equal(pn_report_hgrm(c, &(struct pn_hgrm_sink){see_hgrm, &failing}), -7);
	assert_int_equal(failing.n, 3);
	forget(c);
}

static void recording(void **state)
{
	struct pn_rec_summary *s = calloc(1, sizeof(*s));
	struct pn_rec_irq irq = {.irq = 36, .name = "nvme0q1", .count = 50};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	assert_non_null(s);
	strcpy(s->path, "trace.txt");
	strcpy(s->format, "ftrace");
	s->events = 100;
	s->text_lines = 120;
	s->interrupts = 50;
	s->span_ns = 1000000;
	s->cpus = 1;
	s->lines = 1;
	s->line = &irq;
	s->skips = 1;
	strcpy(s->skip[0].kind, "not an event");
	s->skip[0].count = 20;
	s->skip[0].first_line = 4;
	s->sorted = 2;
	s->worst_back_ns = 1500;
	s->worst_back_line = 9;
	assert_int_equal(pn_report_recording(s, f), 0);
	fclose(f);
	must_say(text, "50000 interrupts per second");
	must_say(text, "36 nvme0q1: 50");
	must_say(text, "20 not an event (first: line 4)");
	must_say(text, "2 events that came late, by 1.50 us at most (line 9)");
	must_say(text, "always running");
	free(text);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_fits),
		cmocka_unit_test(reading_is_true),
		cmocka_unit_test(few_samples_are_said),
		cmocka_unit_test(readings_are_weighed),
		cmocka_unit_test(remarks_claim_nothing),
		cmocka_unit_test(alarms_of_draws),
		cmocka_unit_test(ranges_are_shown),
		cmocka_unit_test(ranges_in_json),
		cmocka_unit_test(losses_come_first),
		cmocka_unit_test(does_posting_pay),
		cmocka_unit_test(verdict_of_variants),
		cmocka_unit_test(what_ipis_exit),
		cmocka_unit_test(vtd_beside_amd),
		cmocka_unit_test(two_workloads),
		cmocka_unit_test(nothing_was_measured),
		cmocka_unit_test(detail_of_posting),
		cmocka_unit_test(irrelevant_rows_go),
		cmocka_unit_test(json_contract),
		cmocka_unit_test(html_stands_alone),
		cmocka_unit_test(detail_has_everything),
		cmocka_unit_test(hgrm_files),
		cmocka_unit_test(recording),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
