/* SPDX-License-Identifier: MIT */
/*
 * The table of published figures is complete, and the rows that a few seconds can simulate come
 * out. `postern compare --fidelity` runs the rest, a minute of turin-32 for instance.
 */
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

#define TOLERANCE 0.15

/* The published figures, with the source of each row, and the runs that the rows use. */
static const struct {
	const char *what, *source;
	double published;
	bool slow;
} table[] = {
	{"Turin, 32: guest interrupts in 60 s", "Kodilkar", 123.92, true},
	{"Turin, 32: requests", "Kodilkar", 4795, true},
	{"Turin, 32: log entries, GALogIntr always", "Kodilkar", 42040, true},
	{"Turin, 32: log interrupts, always", "Kodilkar", 40245, true},
	{"Turin, 32: log entries, while blocking", "Kodilkar", 169, true},
	{"Turin, 32: log interrupts, while blocking", "Kodilkar", 164, true},
	{"Turin, 64: guest interrupts in 60 s", "Kodilkar", 99.48, true},
	{"Turin, 64: requests", "Kodilkar", 4791, true},
	{"Turin, 64: log entries, GALogIntr always", "Kodilkar", 48899, true},
	{"Turin, 64: log interrupts, always", "Kodilkar", 47599, true},
	{"Turin, 64: log entries, while blocking", "Kodilkar", 11923, true},
	{"Turin, 64: log interrupts, while blocking", "Kodilkar", 11634, true},
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
		if (is_slow(run) && !strcmp(run->mode, "galog") && sc->vm[0].vcpus == 32)
			assert_int_equal(sc->machine.duration, 60000000000ull);
		free(sc);
	}
	assert_int_equal(slow, 4);
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

static bool named(const char *names, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = names; at && (at = strstr(at, key)) != NULL; at += n)
		if ((at == names || at[-1] == ' ') && (!at[n] || at[n] == ','))
			return true;
	return false;
}

static void run_short(struct pn_result *r, unsigned dearer)
{
	for (unsigned i = 0; i < run_count(); i++) {
		const struct pn_fidelity_run *run = pn_fidelity_run(i);
		struct pn_scenario *sc;
		struct pn_result *one;

		if (strncmp(run->scenario, "dsa", 3) && strncmp(run->scenario, "ipi", 3))
			continue;
		sc = scenario_of(run);
		sc->machine.duration = 5000000;
		if (dearer < PN_ALL_STEPS_NR)
			sc->costs.ns[dearer] += sc->costs.ns[dearer] / 10;
		one = lab_run(sc, run->mode, 1, NULL);
		r[i] = *one;
		free(one);
		free(sc);
	}
}

/* A row names every cost that is marked derived and moves it. */
static void rows_name_what_moves_them(void **state)
{
	struct pn_result *base = calloc(PN_FIDELITY_RUNS, sizeof(*base));
	struct pn_result *r = calloc(PN_FIDELITY_RUNS, sizeof(*r));
	struct pn_costs *costs = costs_of();

	(void)state;
	assert_non_null(base);
	assert_non_null(r);
	run_short(base, PN_ALL_STEPS_NR);
	for (unsigned s = 0; s < PN_ALL_STEPS_NR; s++) {
		if (costs->source[s] != PN_COST_DERIVED)
			continue;
		run_short(r, s);
		for (unsigned i = 0; i < LAB_ROWS(table); i++) {
			const struct pn_fidelity_row *row = pn_fidelity_row(i);
			double before = row->modelled(base, costs);
			double after = row->modelled(r, costs);

			if (before > 0 && fabs(after / before - 1) > 0.003 &&
			    !named(row->calibrated, pn_any_step_key(s)))
				fail_msg("%s: %s moves it from %g to %g", row->what,
					 pn_any_step_key(s), before, after);
		}
	}
	free(costs);
	free(base);
	free(r);
}

/* The run that each row uses: made-up results in which every figure identifies its run. */
static void rows_look_at_their_runs(void **state)
{
	static const struct {
		unsigned row;
		double modelled;
	} rows[] = {
		/* clang-format off */
		{0, 60 * 4e6 * 1e-6},
		/* interrupts of run 2, in a minute */
		{1, 2000 * 1e-3},
		/* its requests, thousands a second */
		{2, 60 * 20.},
		/* entries of run 1 */
		{3, 60 * 200.},
		/* its log interrupts */
		{4, 60 * 40.},
		/* of run 2 */
		{5, 60 * 400.},
		{6, 60 * 8e6 * 1e-6},
		/* interrupts of run 4, in a minute */
		{7, 4000 * 1e-3},
		/* its requests, thousands a second */
		{8, 60 * 60.},
		/* entries of run 3 */
		{9, 60 * 600.},
		/* its log interrupts */
		{10, 60 * 80.},
		/* of run 4 */
		{11, 60 * 800.},
		{12, 5000 * 1e-6 / 2},
		/* a disk of two */
		{13, 6000 * 1e-6 / 4},
		/* of four */
		{14, 7000 * 1e-6 / 4},
		{15, 100 * (7000. / 6000 - 1)},
		/* per cent */
		{16, 8000 * 1e-6 / 8},
		/* of eight */
		{17, 9000 * 1e-6 / 8},
		{18, 100 * (9000. / 8000 - 1)},
		{19, 100 * (11000. / 10000 - 1)},
		/* four slower disks */
		{20, 100 * (9000. / 8000 - 1)},
		/* eight */
		{21, 120000 * 1e-6},
		/* handlers, not requests */
		{22, 130000 * 1e-6},
		{23, 100 * (130000. / 120000 - 1)},
		{24, 140000 * 1e-6},
		/* loops=2 */
		{25, 150000 * 1e-6},
		/* loops=3 */
		{26, 150000. / 140000},
		{27, 3e9 / 16000},
		/* cycles of 3 GHz for a round trip */
		{28, 3e9 / 17000},
		{29, 3e9 / 18000},
		{30, 3e9 / 19000},
		/* clang-format on */
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

/* Values of the table that are not 0 by themselves. */
static unsigned count(const struct pn_costs *costs, enum pn_cost_source source)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		n += costs->source[i] == source && (costs->ns[i] || source != PN_COST_ASSUMPTION);
	return n;
}

/* With empty results nothing is divided by 0: every row is a number. */
static void json_has_every_row(void **state)
{
	struct pn_result *r = calloc(PN_FIDELITY_RUNS, sizeof(*r));
	struct pn_costs *costs = costs_of();
	char *text = NULL;
	size_t size, calibrated = 0;
	FILE *f = open_memstream(&text, &size);
	json_t *o, *list, *values;

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
	values = json_object_get(o, "cost_values");
	assert_int_equal(json_integer_value(json_object_get(values, "derived")),
			 count(costs, PN_COST_DERIVED));
	assert_int_equal(json_integer_value(json_object_get(values, "measured")), 0);
	assert_int_equal(json_integer_value(json_object_get(values, "assumptions")),
			 count(costs, PN_COST_ASSUMPTION));
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
	/* Every row depends on a value that was chosen for it or for another row. */
	assert_int_equal(calibrated, LAB_ROWS(table));
	json_decref(o);
	free(text);
	free(costs);
	free(r);
}

#define BEFORE_ERROR 70

/* The same names before the next row, with any white space between them. */
static bool names_printed(const char *line, const char *names)
{
	for (line = strchr(line + BEFORE_ERROR, '%') + 1; *line && *names; line++) {
		if (strchr(" \n", *line))
			continue;
		names += strspn(names, " ");
		if (*names++ != *line)
			return false;
	}
	return *line == '\n';
}

static void table_has_every_row(void **state)
{
	struct pn_result *r = calloc(PN_FIDELITY_RUNS, sizeof(*r));
	struct pn_costs *costs = costs_of();
	char *text = NULL, counts[100];
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
		const char *names = pn_fidelity_row(i)->calibrated;

		if (!line || !names_printed(line, names ? names : "nothing"))
			fail_msg("%s is not in\n%s", pn_fidelity_row(i)->what, text);
	}
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		if (strcspn(line, "\n") > 100)
			fail_msg("too long: %.120s", line);
	snprintf(counts, sizeof(counts), "%u values are derived, %u measured, %u assumptions",
		 count(costs, PN_COST_DERIVED), count(costs, PN_COST_MEASURED),
		 count(costs, PN_COST_ASSUMPTION));
	assert_non_null(strstr(text, counts));
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
		cmocka_unit_test(every_published_row),	     cmocka_unit_test(every_run_fits),
		cmocka_unit_test(rows_look_at_their_runs),   cmocka_unit_test(json_has_every_row),
		cmocka_unit_test(table_has_every_row),	     cmocka_unit_test(quick_rows_come_out),
		cmocka_unit_test(rows_name_what_moves_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
