/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fidelity.h"
#include "lab_rig.h"

/* Published figures beside the models': the whole table is there, and what can be simulated in a
 * few seconds comes out. The minute of turin-32 is left to `postern compare --fidelity`. */

#define TOLERANCE 0.15

/* The published table, as printed where each row says; and what the rows are taken from. */
static const struct {
	const char *what, *source;
	double published;
	bool slow;
} table[] = {
	{"turin-32: guest interrupts", "Kodilkar", 123.92, true},
	{"turin-32: requests", "Kodilkar", 4795, true},
	{"turin-32: log entries, GALogIntr always", "Kodilkar", 42040, true},
	{"turin-32: log interrupts, always", "Kodilkar", 40245, true},
	{"turin-32: log entries, while blocking", "Kodilkar", 169, true},
	{"turin-32: log interrupts, while blocking", "Kodilkar", 164, true},
	{"2 NVMe disks, remapped", "Pan", 1.991, false},
	{"4 NVMe disks, remapped", "Pan", 1.136, false},
	{"4 NVMe disks, posted MSI", "Pan", 2.023, false},
	{"4 NVMe disks, gain", "Pan", 78, false},
	{"8 NVMe disks, remapped", "Pan", 0.834, false},
	{"8 NVMe disks, posted MSI", "Pan", 1.943, false},
	{"8 NVMe disks, gain", "Pan", 132, false},
	{"gain, lowest", "x86-irq-2024-05-12", 10, false},
	{"gain, highest", "x86-irq-2024-05-12", 130, false},
	{"DSA, two queues on one CPU, remapped", "Pan", 5.157, false},
	{"DSA, two queues on one CPU, posted MSI", "Pan", 8.987, false},
	{"DSA, gain", "Pan", 74, false},
	{"2 harvests", "Pan", 6.157, false},
	{"3 harvests", "Pan", 6.227, false},
	{"3 harvests against 2", "Pan", 6.227 / 6.157, false},
	{"IPI, xAPIC, exit", "Zeng", 6059, false},
	{"IPI, xAPIC, virtualized", "Zeng", 4713, false},
	{"IPI, x2APIC, exit", "Zeng", 4338, false},
	{"IPI, x2APIC, virtualized", "Zeng", 3645, false},
};

static void every_published_row(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(table); i++) {
		const struct pn_fidelity_row *row = pn_fidelity_row(i);

		if (!row)
			fail_msg("%s is not there", table[i].what);
		if (strncmp(row->what, table[i].what, strlen(table[i].what)) ||
		    !strstr(row->source, table[i].source) || row->published != table[i].published)
			fail_msg("row %u, %s: %s, %s, %g", i, table[i].what, row->what, row->source,
				 row->published);
	}
	assert_null(pn_fidelity_row(LAB_ROWS(table)));
}

static unsigned run_count(void)
{
	unsigned n = 0;

	while (pn_fidelity_run(n))
		n++;
	return n;
}

static struct pn_scenario *scenario_of(const struct pn_fidelity_run *run)
{
	char set[256] = "";

	for (unsigned i = 0; run->set && run->set[i]; i++)
		snprintf(set + strlen(set), sizeof(set) - strlen(set), "%s ", run->set[i]);
	return lab_scenario(run->scenario, set);
}

static bool is_slow(const struct pn_fidelity_run *run)
{
	return !strcmp(run->scenario, "turin-32");
}

static void every_run_fits(void **state)
{
	unsigned slow = 0, n = run_count();

	(void)state;
	assert_in_range(n, 1, PN_FIDELITY_RUNS);
	for (unsigned i = 0; i < n; i++) {
		const struct pn_fidelity_run *run = pn_fidelity_run(i);
		struct pn_scenario *sc = scenario_of(run);
		struct pn_mode mode = lab_mode(run->mode);
		struct pn_diag d = {0};

		if (pn_scenario_fits(sc, &mode, &d))
			fail_msg("run %u: %s", i, d.text);
		slow += is_slow(run);
		/* The published minute, where chance would decide. */
		if (is_slow(run) && !strcmp(run->mode, "galog"))
			assert_int_equal(sc->machine.duration, 60000000000ull);
		free(sc);
	}
	assert_int_equal(slow, 2);
}

static struct pn_costs *costs_of(void)
{
	struct pn_scenario *sc = lab_scenario("dsa", "");
	struct pn_costs *costs = malloc(sizeof(*costs));

	assert_non_null(costs);
	*costs = sc->costs;
	free(sc);
	return costs;
}

static void quick_rows_come_out(void **state)
{
	struct pn_result *r = calloc(PN_FIDELITY_RUNS, sizeof(*r));
	struct pn_costs *costs = costs_of();

	(void)state;
	assert_non_null(r);
	for (unsigned i = 0; i < run_count(); i++) {
		const struct pn_fidelity_run *run = pn_fidelity_run(i);
		struct pn_scenario *sc;
		struct pn_result *one;

		if (is_slow(run))
			continue;
		sc = scenario_of(run);
		one = lab_run(sc, run->mode, 1, NULL);
		lab_clean(one, sc->name, run->mode, 1);
		r[i] = *one;
		free(one);
		free(sc);
	}
	for (unsigned i = 0; i < LAB_ROWS(table); i++) {
		const struct pn_fidelity_row *row = pn_fidelity_row(i);
		double m = row->modelled(r, costs);

		if (!table[i].slow && fabs(m / row->published - 1) > TOLERANCE)
			fail_msg("%s: %g, published %g", row->what, m, row->published);
	}
	free(costs);
	free(r);
}

/* What each row is taken from: results whose every figure says which run it is of. */
static void rows_look_at_their_runs(void **state)
{
	static const struct {
		unsigned row;
		double modelled;
	} rows[] = {
		{0, 60 * 4e6 * 1e-6},		    /* interrupts of run 1, in a minute */
		{1, 2000 * 1e-3},		    /* requests of run 1, thousands a second */
		{2, 10. / 1e6 * 123.92e6},	    /* entries of run 0, as many interrupts */
		{4, 20. / 2e6 * 123.92e6},	    /* of run 1 */
		{3, 100. / 1e6 * 123.92e6},	    /* log interrupts likewise */
		{5, 200. / 2e6 * 123.92e6},	    /* */
		{6, 3000 * 1e-6 / 2},		    /* a disk of two */
		{7, 4000 * 1e-6 / 4},		    /* of four */
		{8, 5000 * 1e-6 / 4},		    /* */
		{9, 100 * (5000. / 4000 - 1)},	    /* per cent */
		{10, 6000 * 1e-6 / 8},		    /* of eight */
		{11, 7000 * 1e-6 / 8},		    /* */
		{12, 100 * (7000. / 6000 - 1)},	    /* */
		{13, 100 * (9000. / 8000 - 1)},	    /* four slower disks */
		{14, 100 * (7000. / 6000 - 1)},	    /* eight */
		{15, 100000 * 1e-6},		    /* handlers, not requests */
		{16, 110000 * 1e-6},		    /* */
		{17, 100 * (110000. / 100000 - 1)}, /* */
		{18, 120000 * 1e-6},		    /* loops=2 */
		{19, 130000 * 1e-6},		    /* loops=3 */
		{20, 130000. / 120000},		    /* */
		{21, 3e9 / 14000},		    /* cycles of 3 GHz for a round trip */
		{22, 3e9 / 15000},		    /* */
		{23, 3e9 / 16000},		    /* */
		{24, 3e9 / 17000},		    /* */
	};
	struct pn_result *r = calloc(PN_FIDELITY_RUNS, sizeof(*r));
	struct pn_costs *costs = costs_of();

	(void)state;
	assert_non_null(r);
	for (unsigned i = 0; i < PN_FIDELITY_RUNS; i++) {
		r[i].duration_ns = 500000000;
		r[i].completions = (i + 1) * 500;
		r[i].delivered = (i + 1) * 5000;
		r[i].interrupts = (i + 1) * 1000000;
		r[i].galog_entries = (i + 1) * 10;
		r[i].galog_interrupts = (i + 1) * 100;
	}
	costs->cpu_ghz = 3;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		const struct pn_fidelity_row *row = pn_fidelity_row(rows[i].row);
		double m = row->modelled(r, costs), want = rows[i].modelled;

		if (fabs(m - want) > 1e-9 * fabs(want))
			fail_msg("%s: %.12g, not %.12g", row->what, m, want);
	}
	free(costs);
	free(r);
}

/* Nothing simulated, nothing divided by: every row is a number all the same. */
static void json_has_every_row(void **state)
{
	struct pn_result *r = calloc(PN_FIDELITY_RUNS, sizeof(*r));
	struct pn_costs *costs = costs_of();
	char *text = NULL;
	size_t size, calibrated = 0;
	FILE *f = open_memstream(&text, &size);
	json_t *o, *list;

	(void)state;
	assert_non_null(r);
	assert_non_null(f);
	assert_int_equal(pn_fidelity_json(r, costs, 7, f), 0);
	fclose(f);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "schema")), "postern.fidelity/1");
	assert_int_equal(json_integer_value(json_object_get(o, "seed")), 7);
	assert_string_equal(json_string_value(json_object_get(o, "costs")), costs->name);
	list = json_object_get(o, "rows");
	assert_int_equal(json_array_size(list), LAB_ROWS(table));
	for (unsigned i = 0; i < LAB_ROWS(table); i++) {
		json_t *row = json_array_get(list, i), *by = json_object_get(row, "calibrated_by");

		assert_string_equal(json_string_value(json_object_get(row, "name")),
				    pn_fidelity_row(i)->what);
		assert_true(json_is_string(json_object_get(row, "unit")));
		assert_true(json_is_string(json_object_get(row, "source")));
		assert_true(json_is_real(json_object_get(row, "published")));
		assert_true(json_is_real(json_object_get(row, "modelled")));
		assert_true(json_is_real(json_object_get(row, "relative_error")));
		assert_int_equal(json_is_true(json_object_get(row, "calibrated")),
				 json_is_string(by));
		assert_int_equal(json_is_null(by), !pn_fidelity_row(i)->calibrated);
		calibrated += json_is_string(by);
	}
	/* Some are predictions. */
	assert_in_range(calibrated, 1, LAB_ROWS(table) - 1);
	json_decref(o);
	free(text);
	free(costs);
	free(r);
}

static void table_has_every_row(void **state)
{
	struct pn_result *r = calloc(PN_FIDELITY_RUNS, sizeof(*r));
	struct pn_costs *costs = costs_of();
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(r);
	assert_non_null(f);
	assert_int_equal(pn_fidelity_table(r, costs, f), 0);
	fclose(f);
	assert_non_null(strstr(text, costs->name));
	for (unsigned i = 0; i < LAB_ROWS(table); i++) {
		const char *line = strstr(text, pn_fidelity_row(i)->what);

		if (!line ||
		    !strstr(line, pn_fidelity_row(i)->calibrated ? pn_fidelity_row(i)->calibrated
								 : "nothing"))
			fail_msg("%s is not in\n%s", pn_fidelity_row(i)->what, text);
	}
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	assert_null(strstr(text, "e+"));
	free(text);
	/* A file that takes nothing. */
	f = fopen("/dev/full", "w");
	if (f) {
		setvbuf(f, NULL, _IONBF, 0);
		assert_int_equal(pn_fidelity_table(r, costs, f), -EIO);
		assert_int_equal(pn_fidelity_json(r, costs, 1, f), -EIO);
		fclose(f);
	}
	free(costs);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_published_row),	   cmocka_unit_test(every_run_fits),
		cmocka_unit_test(rows_look_at_their_runs), cmocka_unit_test(json_has_every_row),
		cmocka_unit_test(table_has_every_row),	   cmocka_unit_test(quick_rows_come_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
