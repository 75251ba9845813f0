/* SPDX-License-Identifier: MIT */
/* Sweeps: values of an axis, files that are refused, numbers of runs, the database, break-even
 * points. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lab_file.h"
#include "run.h"
#include "sweep_cell.h"
#include "sweep_report.h"

static char dir[256];

/* ---- values ---- */

/* The text of an axis, and its values, or the beginning of what is wrong. */
static const struct {
	const char *text, *values;
	bool numeric, log;
} axes[] = {
	{"1, 2, 4", "1 2 4", true, false},
	{"5", "5", true, false},
	{"512,2048,8192", "512 2048 8192", true, true},
	{"1 .. 4", "1 2 3 4", true, false},
	{"0..1ms step 250us", "0 250us 500us 750us 1ms", true, false},
	{"1 .. 16 in 4", "1 6 11 16", true, true},
	{"1 .. 100 log 3", "1 10 100", true, true},
	{"100/s .. 100k/s log 4", "100/s 1k/s 10k/s 100k/s", true, true},
	{"1us .. 1ms log 7", "1us 3.162us 10us 31.62us 100us 316.2us 1ms", true, true},
	{"10% .. 30% step 10%", "10% 20% 30%", true, false},
	{"1 .. 4 log 20", "1 2 3 4", true, true},
	{"0, 20%, 60%", "0 20% 60%", true, false},
	{"halt, poll", "halt poll", false, false},
	{"4, 2", "4 2", false, false},
	{"1us, 2/s", "1us 2/s", false, false},
	{"lognormal(80us,0.4), exp(80us)", "lognormal(80us,0.4) exp(80us)", false, false},
	{"1, 10 .. 12", "1 10 11 12", true, true},
	{"0.1 .. 0.3 step 0.1", "0.1 0.2 0.3", true, false},
	{"4 .. 1", "!\"4 .. 1\" is an empty range"},
	{"1us .. 2/s", "!\"1us .. 2/s\" is no range"},
	{"1 .. 4 step 0", "!\"1 .. 4 step 0\": the step"},
	{"1ms .. 2ms", "!\"1ms .. 2ms\": the step"},
	{"0 .. 8 log 3", "!\"0 .. 8 log 3\": a range by a factor"},
	{"1 .. 8 log 1", "!\"1 .. 8 log 1\": how many"},
	{"1 .. 8 by 2", "!\"1 .. 8 by 2\": expected step"},
	{"1 ..", "!\"1 ..\": nothing after"},
	{"1,,2", "!an empty value"},
	{"1,2,1", "!1 is there twice"},
	{"2, 1 .. 3", "!2 is there twice"},
	{"1 .. 3, 3 .. 5", "!3 is there twice"},
	{"1 .. 8 log 2 3", "!\"1 .. 8 log 2 3\" is no range"},
	{"1 .. 8 step", "!\"1 .. 8 step\" is no range"},
	{"1 k/s .. 5", "!\"1 k/s .. 5\" is no range"},
	{"1k/s .. 5 k/s log 3", "!\"1k/s .. 5 k/s log 3\" is no range"},
	{"a .. b", "!\"a .. b\" is no range"},
	{"0 .. 1000000", "!\"0 .. 1000000\": more than 100000"},
};

static void values(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(axes) / sizeof(axes[0]); i++) {
		struct pn_values v;
		char why[256] = "", all[1024] = "";
		int err = pn_values_parse(axes[i].text, &v, why, sizeof(why));

		if (axes[i].values[0] == '!') {
			if (err != -EINVAL ||
			    strncmp(why, axes[i].values + 1, strlen(axes[i].values) - 1))
				fail_msg("%s: %d %s", axes[i].text, err, why);
			continue;
		}
		if (err)
			fail_msg("%s: %s", axes[i].text, why);
		for (unsigned k = 0; k < v.n; k++)
			sprintf(all + strlen(all), "%s%s", k ? " " : "", v.text[k]);
		if (strcmp(all, axes[i].values) || v.numeric != axes[i].numeric ||
		    v.log != axes[i].log)
			fail_msg("%s: %s, numeric %d, log %d", axes[i].text, all, v.numeric, v.log);
		pn_values_free(&v);
	}
}

/* ---- files ---- */

static struct pn_sweep *load(const char *text, struct pn_diag *d)
{
	struct pn_sweep *s;
	char path[300];

	snprintf(path, sizeof(path), "%s/sweep.ini", dir);
	lab_write(path, text, strlen(text));
	memset(d, 0, sizeof(*d));
	return pn_sweep_load(path, &s, d) ? NULL : s;
}

#define HEAD "[sweep]\nscenario = sparse-wakeups\n"

static const struct {
	const char *text;
	unsigned long line;
	const char *why;
} refused[] = {
	{"[sweep]\nseeds = 1\n", 0, "no scenario"},
	{"[sweep]\nscenario = sparse-wakeup\n", 2, "did you mean \"sparse-wakeups\"?"},
	{"[swep]\n", 1, "did you mean [sweep]?"},
	{"[axes x]\n", 1, "[axes] takes no name"},
	{HEAD "seed = 1\n", 3, "did you mean \"seeds\"?"},
	{HEAD "seeds = 5 .. 1\n", 3, "is an empty range"},
	{HEAD "seeds = x\n", 3, "expected numbers below 2^63, as 1 .. 5"},
	{HEAD "seeds = 1 .. 5, 3\n", 3, "3 is there twice"},
	{HEAD "seeds = 1\nseeds = 2\n", 4, "seeds is there twice (first in line 3)"},
	{HEAD "modes = avik\n", 3, "did you mean 'avic'?"},
	{HEAD "modes = avic, avic\n", 3, "mode avic is there twice"},
	{HEAD "modes = remapped\n", 3, "remapped"},
	{HEAD "figures = weke\n", 3, "did you mean \"wake\"?"},
	{HEAD "confidence = 0.95\n", 3, "expected 50% .. 99.99%"},
	{HEAD "batches = 2\n", 3, "at least 3, or 0"},
	{HEAD "batches = 20\nseeds = 1, 2\n", 3, "not with several seeds"},
	{HEAD "along = packets.rat\n[axes]\npackets.rate = 1/s\n", 3,
	 "did you mean \"packets.rate\"?"},
	{HEAD "costs = defaul\n", 3, "did you mean \"default\"?"},
	{HEAD "[set]\nmachine.duratio = 1s\n", 4, "did you mean \"duration\"?"},
	{HEAD "[set]\nduration = 1s\n", 4, "expected SECTION.KEY"},
	{HEAD "[axes]\npackets.rat = 1/s, 2/s\n", 4, "did you mean \"rate\"?"},
	{HEAD "[axes]\npacket.rate = 1/s\n", 4, "did you mean \"packets\"?"},
	{HEAD "[axes]\nmachine.pcpus = 16, 32\npackets.rate = 1/s, 2\n", 5, "packets.rate=2"},
	{HEAD "[axes]\nguest.vcpus + machine.pcpu = 4, 8\n", 4, "did you mean \"pcpus\"?"},
	{HEAD "[axes]\na.a + a.b + a.c + a.d + a.e = 1\n", 4, "more than 4 keys with one value"},
	{HEAD "[axes]\nmachine.pcpus = 4 .. 1\n", 4, "is an empty range"},
	{HEAD "[axes]\nmachine.pcpus = 1 .. 2\nmachine.pcpus = 3\n", 5,
	 "there twice (first in line 4)"},
	{HEAD "[axes]\nguest.vcpus + machine.pcpus = 4, 8\nmachine.pcpus = 3\n", 5,
	 "machine.pcpus is there twice (first in line 4)"},
	{HEAD "[axes]\nmachine.pcpus + machine.pcpus = 4, 8\n", 4, "there twice (first in line 4)"},
	{HEAD "[axes]\nmachine.pcpus + = 4, 8\n", 4, "expected SECTION.KEY"},
	{HEAD "[set]\nmachine.pcpus = 4\n[axes]\nmachine.pcpus = 4, 8\n", 6,
	 "there twice (first in line 4)"},
	{HEAD "[axes]\nmachine.pcpus = 4, 8\n[set]\nmachine.pcpus = 4\n", 6,
	 "there twice (first in line 4)"},
	{HEAD "[set]\nmachine.pcpus = 4\nmachine.pcpus = 8\n", 5, "there twice (first in line 4)"},
	{HEAD "[axes]\nmachine.galog_cpu = 1, 20\n", 4, "machine.galog_cpu=20"},
};

static void files_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct pn_diag d;

		if (load(refused[i].text, &d))
			fail_msg("%s: accepted", refused[i].text);
		if (d.line != refused[i].line || !strstr(d.text, refused[i].why))
			fail_msg("%s:\n%s:%lu: %s", refused[i].text, d.file, d.line, d.text);
	}
}

/* Keys that have one value. */
static void tied(void **state)
{
	struct pn_diag d;
	struct pn_sweep *s = load(HEAD "[axes]\nmachine.pcpus + guest.vcpus=4, 8\n", &d);
	struct pn_scenario *sc;

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->points, 2);
	assert_int_equal(pn_sweep_scenario(s, 1, 0, &sc, &d), 0);
	assert_int_equal(sc->machine.pcpus, 8);
	assert_int_equal(sc->vm[0].vcpus, 8);
	free(sc);
	pn_sweep_free(s);
}

/* Ten million runs are no error of the file; more than can be numbered are. */
static void counts(void **state)
{
	struct pn_diag d;
	struct pn_sweep *s =
		load(HEAD "modes = avic, gappi\nseeds = 1 .. 3, 7, 8 .. 9\ndraws = 4\n[axes]\n"
			  "packets.rate = 1/s, 2/s\nmachine.pcpus = 16 .. 18\n",
		     &d);

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->points, 6);
	assert_int_equal(s->seeds, 6);
	assert_int_equal(s->spans, 2); /* 7, 8 .. 9 are one */
	assert_int_equal(pn_sweep_seed(s, 2), 3);
	assert_int_equal(pn_sweep_seed(s, 3), 7);
	assert_int_equal(pn_sweep_seed(s, 5), 9);
	assert_int_equal(s->runs, 6 * 2 * 6 * 5);
	for (uint64_t id = 0; id < s->runs; id++) {
		struct pn_sweep_run r;

		pn_sweep_at(s, id, &r);
		assert_int_equal(pn_sweep_point_of(s, r.value), r.point);
		assert_int_equal(pn_sweep_id(s, r.point, r.mode, r.seed, r.draw), id);
		/* every point and mode comes once before a seed comes again */
		assert_int_equal(r.draw * s->seeds + r.seed, id / 12);
	}
	pn_sweep_free(s);
	assert_null(load(HEAD "seeds = 1 .. 1000000000000\n", &d));
	assert_non_null(strstr(d.text, "more than 100000000000 runs"));
	s = load(HEAD "modes = avic\nseeds = 1 .. 1000000000\n", &d);
	assert_non_null(s);
	assert_int_equal(s->runs, 1000000000);
	pn_sweep_free(s);
}

/* Modes that are not asked for and do not fit a point are left out; the shipped sweeps are whole.
 */
static void modes_fit(void **state)
{
	const char *name;
	struct pn_diag d;
	struct pn_sweep *s = load(
		HEAD "[set]\nmachine.gappi = yes\n[axes]\nguest.inhibit = none, pit-reinjection\n",
		&d);

	(void)state;
	assert_non_null(s);
	/* emulated virtualizes nothing, and vtd-pi has no such cause */
	assert_int_equal(s->modes, 3);
	assert_int_equal(s->left_out, 1u << pn_mode_index(pn_mode_find("vtd-pi")) |
					      1u << pn_mode_index(pn_mode_find("emulated")));
	pn_sweep_free(s);
	assert_null(
		load(HEAD "modes = vtd-pi\n[axes]\nguest.inhibit = none, pit-reinjection\n", &d));
	assert_non_null(strstr(d.text, "guest.inhibit=pit-reinjection: "));
	for (unsigned i = 0; (name = pn_builtin_sweep(i, NULL)) != NULL; i++) {
		if (pn_sweep_load(name, &s, &d))
			fail_msg("%s:%lu: %s", d.file, d.line, d.text);
		pn_sweep_free(s);
	}
}

/* What changes the meaning of a sweep, and what does not. */
static void identity(void **state)
{
	static const char same[] =
		HEAD "modes = avic\nseeds = 1 .. 3\n[axes]\npackets.rate = 1k/s, 2k/s\n";
	/* clang-format off */
	static const char *const others[] = {
		(HEAD "modes = galog\nseeds = 1 .. 3\n[axes]\npackets.rate = 1k/s, 2k/s\n"),
		(HEAD "modes = avic\nseeds = 1 .. 4\n[axes]\npackets.rate = 1k/s, 2k/s\n"),
		(HEAD "modes = avic\nseeds = 1 .. 3\n[axes]\npackets.rate = 1k/s, 3k/s\n"),
		(HEAD "modes = avic\nseeds = 1 .. 3\n[set]\nguest.pin=no\n[axes]\npackets.rate = 1k/s, 2k/s\n"),
		(HEAD "modes = avic\nseeds = 1 .. 3\ncosts = linux-7.3\n[axes]\npackets.rate = 1k/s, 2k/s\n"),
		(HEAD "modes = avic\nseeds = 1 .. 3\ndraws = 1\n[axes]\npackets.rate = 1k/s, 2k/s\n"),
		"[sweep]\nscenario = overcommit\nmodes = avic\nseeds = 1 .. 3\n[axes]\nguest.vcpus = 1, 2\n",
	};
	/* clang-format on */
	struct pn_diag d;
	struct pn_sweep *s = load(same, &d), *t;
	uint64_t hash = pn_sweep_hash(s);

	(void)state;
	t = load(HEAD "confidence = 90%\nfigures = cpu\nmodes = avic\nseeds = 1, 2, 3\n[axes]\n"
		      "packets.rate = 1k/s,2k/s\n",
		 &d);
	assert_non_null(t);
	assert_true(pn_sweep_hash(t) == hash);
	pn_sweep_free(t);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		t = load(others[i], &d);
		if (!t)
			fail_msg("%s", d.text);
		if (pn_sweep_hash(t) == hash)
			fail_msg("the same: %s", others[i]);
		pn_sweep_free(t);
	}
	pn_sweep_free(s);
}

/* ---- the database ---- */

static void collect(void *ctx, uint64_t id)
{
	*(uint64_t *)ctx = *(uint64_t *)ctx * 10 + id;
}

static struct pn_sweep_record record(uint64_t id, double cpu)
{
	struct pn_sweep_record r = {.id = id};

	for (unsigned i = 0; i < PN_FIGURES; i++)
		r.figure[i] = NAN;
	r.figure[pn_figure_find("cpu")] = cpu;
	return r;
}

static void database(void **state)
{
	struct pn_diag d = {0};
	struct pn_sweep
		*s = load(HEAD "modes = avic\nseeds = 1 .. 3\n[axes]\npackets.rate = 1k/s, 2k/s\n",
			  &d),
		*t = load(HEAD "modes = galog\nseeds = 1 .. 3\n[axes]\npackets.rate = 1k/s, 2k/s\n",
			  &d);
	struct pn_sweep_record r = record(4, 0.1 + 0.2), got;
	struct pn_sweep_db *db, *other;
	char path[300];
	uint64_t ids = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/sweep.db", dir);
	assert_int_equal(pn_sweep_db_open(path, s, &db, &d), 0);
	assert_int_equal(pn_sweep_db_add(db, &r, &d), 0);
	r = record(1, 7);
	assert_int_equal(pn_sweep_db_add(db, &r, &d), 0);
	/* the first one stays */
	r = record(1, 8);
	assert_int_equal(pn_sweep_db_add(db, &r, &d), 0);
	assert_int_equal(pn_sweep_db_close(db, &d), 0);
	assert_int_equal(pn_sweep_db_open(path, s, &db, &d), 0);
	assert_int_equal(pn_sweep_db_ids(db, collect, &ids, &d), 0);
	assert_int_equal(ids, 14);
	assert_int_equal(pn_sweep_db_get(db, 4, &got), 1);
	assert_true(got.id == 4 && got.figure[pn_figure_find("cpu")] == 0.1 + 0.2);
	assert_true(isnan(got.figure[pn_figure_find("wake")]));
	assert_int_equal(pn_sweep_db_get(db, 1, &got), 1);
	assert_true(got.figure[pn_figure_find("cpu")] == 7);
	assert_int_equal(pn_sweep_db_get(db, 0, &got), 0);
	assert_int_equal(pn_sweep_db_open(path, t, &other, &d), -EINVAL);
	assert_non_null(strstr(d.text, "modes is \"avic\" there and \"galog\" here"));
	assert_int_equal(pn_sweep_db_close(db, &d), 0);
	lab_write(path, "no database, but long enough for a header, as it were", 53);
	assert_int_equal(pn_sweep_db_open(path, s, &db, &d), -EINVAL);
	assert_non_null(strstr(d.text, "is no database of a sweep"));
	assert_int_equal(pn_sweep_db_open("/no/such/dir/x.db", s, &db, &d), -EIO);
	pn_sweep_free(s);
	pn_sweep_free(t);
}

/* ---- break-even points ---- */

/* Fills every run of avic (mode 0) and galog (mode 1) with lines and some noise by seed. */
static struct pn_sweep_db *lines(const struct pn_sweep *s, double noise)
{
	struct pn_sweep_db *db;
	struct pn_diag d;

	assert_int_equal(pn_sweep_db_open(NULL, s, &db, &d), 0);
	for (uint64_t id = 0; id < s->runs; id++) {
		struct pn_sweep_record r;
		struct pn_sweep_run at;
		double x;

		pn_sweep_at(s, id, &at);
		x = s->axis[0].values.at[at.value[0]];
		/* both share the seed's noise, and differ by a little of their own */
		r = record(id, (at.mode ? 100 : 60 + x) + 50.0 * (double)at.seed +
				       noise * (double)(at.mode ? at.seed : 2 - at.seed) +
				       10.0 * at.draw * (1 - at.mode));
		assert_int_equal(pn_sweep_db_add(db, &r, &d), 0);
	}
	return db;
}

static void break_even(void **state)
{
	static const char text[] = HEAD "modes = avic, galog\nseeds = 1 .. 3\ndraws = 2\n[axes]\n"
					"packets.rate = 10/s .. 70/s step 20/s\n";
	unsigned fixed[PN_SWEEP_AXES] = {0};
	struct pn_break_even b[PN_BREAK_EVENS];
	struct pn_diag d;
	struct pn_sweep *s = load(text, &d);
	struct pn_sweep_db *db = lines(s, 0.001);
	unsigned cpu = (unsigned)pn_figure_find("cpu");
	char line[512];

	(void)state;
	/* 60 + x = 100 at 40; the seeds' own spread of 50 does not hide it */
	assert_int_equal(pn_sweep_break_evens(db, s, cpu, fixed, b), 1);
	assert_true(b[0].low == 0 && b[0].high == 1 && b[0].before == 1 && b[0].after == 2);
	assert_true(fabs(b[0].at - 40) < 0.01);
	assert_true(b[0].of == 2 && b[0].crossed == 2);
	assert_true(fabs(b[0].first - 20) < 0.01 && fabs(b[0].last - 30) < 0.01);
	assert_string_equal(pn_break_even_text(s, &b[0], line, sizeof(line)),
			    "avic is below galog up to 30/s, above from 50/s on (break-even near "
			    "40 /s, between the "
			    "two; in 2 of 2 draws, from 20 /s to 30 /s)");
	assert_int_equal(pn_sweep_db_close(db, &d), 0);
	/* with noise of its own the difference next to the crossing is not decided */
	db = lines(s, 6);
	assert_int_equal(pn_sweep_break_evens(db, s, cpu, fixed, b), 1);
	assert_true(b[0].before == 0 && b[0].after == 3);
	assert_int_equal(pn_sweep_db_close(db, &d), 0);
	/* and with more nowhere */
	db = lines(s, 100);
	assert_int_equal(pn_sweep_break_evens(db, s, cpu, fixed, b), 0);
	assert_int_equal(pn_sweep_db_close(db, &d), 0);
	pn_sweep_free(s);
}

/* ---- a run ---- */

static void add_up(void *ctx, const struct pn_result *r)
{
	struct pn_result *sum = ctx;

	sum->duration_ns += r->duration_ns;
	sum->interrupts += r->interrupts;
	sum->completions += r->completions;
	sum->host_cpu_ns += r->host_cpu_ns;
	sum->latency.n += r->latency.n;
	assert_true(pn_hist_quantile(&r->latency, 0.99) >= pn_hist_quantile(&r->latency, 0.5));
}

/* Batches of one run add up to it. */
static void batches_add_up(void **state)
{
	struct pn_diag d;
	struct pn_sweep *s = load(HEAD "modes = galog\n[set]\nmachine.duration = 20ms\n"
				       "packets.rate = 20k/s\n",
				  &d);
	struct pn_result *r = calloc(2, sizeof(*r));
	struct pn_run_options opt = {.seed = 3, .batches = 7, .batch = add_up, .batch_ctx = r + 1};

	(void)state;
	assert_non_null(s);
	assert_int_equal(pn_run(s->base, &s->mode[0], &opt, r, &d), 0);
	assert_int_equal(r[1].duration_ns, r->duration_ns);
	assert_int_equal(r[1].interrupts, r->interrupts);
	assert_int_equal(r[1].completions, r->completions);
	assert_int_equal(r[1].host_cpu_ns, r->host_cpu_ns);
	/* the last few were delivered after the measured part */
	assert_true(r[1].latency.n <= r->latency.n && r[1].latency.n + 100 > r->latency.n);
	assert_true(r->interrupts > 5000);
	free(r);
	pn_sweep_free(s);
}

/* Their spread is there, and the run is the same. */
static void batches(void **state)
{
	struct pn_diag d;
	struct pn_sweep
		*s = load(HEAD "modes = galog\nbatches = 10\n[set]\nmachine.duration = "
			       "20ms\npackets.rate = 5k/s\n",
			  &d),
		*t = load(HEAD
			  "modes = galog\n[set]\nmachine.duration = 20ms\npackets.rate = 5k/s\n",
			  &d);
	struct pn_sweep_record r, whole;
	unsigned cpu = (unsigned)pn_figure_find("cpu");

	(void)state;
	assert_non_null(s);
	assert_int_equal(pn_sweep_do(s, 0, NULL, &r, &d), 0);
	assert_int_equal(pn_sweep_do(t, 0, NULL, &whole, &d), 0);
	/* the run itself is the same */
	assert_memory_equal(r.figure, whole.figure, sizeof(r.figure));
	assert_int_equal(r.batches, 10);
	assert_int_equal(whole.batches, 0);
	assert_true(r.sd[cpu] > 0 && r.sd[cpu] < 0.2 * r.figure[cpu]);
	assert_true(fabs(r.lag1[cpu]) < 1);
	pn_sweep_free(s);
	pn_sweep_free(t);
}

static void texts(void **state)
{
	char b[PN_FIGURE_TEXT];

	(void)state;
	assert_string_equal(pn_figure_text(PN_UNIT_TIME, 4288, b), "4.29 us");
	assert_string_equal(pn_figure_text(PN_UNIT_TIME, 696, b), "696 ns");
	assert_string_equal(pn_figure_text(PN_UNIT_COUNT, 69300, b), "69.3 k");
	assert_string_equal(pn_figure_text(PN_UNIT_COUNT, 999.9, b), "1.00 k");
	assert_string_equal(pn_figure_text(PN_UNIT_COUNT, 0, b), "0");
	assert_string_equal(pn_figure_text(PN_UNIT_RATIO, 0.984, b), "0.98");
	assert_string_equal(pn_figure_text(PN_UNIT_TIME, NAN, b), "-");
	assert_string_equal(pn_figure_interval(PN_UNIT_TIME, 4288, 52, b), "4.29 +-0.05 us");
	assert_string_equal(pn_figure_interval(PN_UNIT_TIME, 10380, 1000, b), "10.4 +-1.0 us");
	assert_string_equal(pn_figure_interval(PN_UNIT_COUNT, 2.5, 1.25, b), "2.50 +-1.25");
	assert_string_equal(pn_figure_interval(PN_UNIT_TIME, 4288, NAN, b), "4.29 us");
}

static int make_dir(void **state)
{
	(void)state;
	lab_dir(dir, sizeof(dir));
	return 0;
}

static int remove_dir(void **state)
{
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "%s/sweep.ini", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/sweep.db", dir);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),	  cmocka_unit_test(files_refused),
		cmocka_unit_test(counts),	  cmocka_unit_test(modes_fit),
		cmocka_unit_test(identity),	  cmocka_unit_test(database),
		cmocka_unit_test(break_even),	  cmocka_unit_test(batches),
		cmocka_unit_test(texts),	  cmocka_unit_test(tied),
		cmocka_unit_test(batches_add_up),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
