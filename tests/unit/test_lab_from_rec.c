/* SPDX-License-Identifier: MIT */
/*
 * Scenarios that are made of recordings: they are read, and what is simulated has the recording's
 * rate of interrupts, its load, and about its wakeups.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "from_rec.h"
#include "lab_file.h"
#include "report.h"
#include "run.h"

static char dir[128], path[160], ini[160];

/* What a simulation of the scenario shows. */
struct seen {
	double interrupts, wakeups, share; /* share: of the CPUs' time, in guests */
	char *text;			   /* of the scenario */
};

static struct pn_scenario *write_and_load(struct pn_recording *rec, struct seen *out)
{
	struct pn_from_rec *x = malloc(sizeof(*x));
	struct pn_scenario *sc;
	struct pn_diag d = {0};
	size_t size;
	FILE *f = open_memstream(&out->text, &size);

	assert_non_null(x);
	assert_non_null(f);
	assert_int_equal(pn_from_rec(rec, x), 0);
	assert_int_equal(pn_from_rec_write(x, f), 0);
	fclose(f);
	free(x);
	lab_write(ini, out->text, size);
	if (pn_scenario_load(ini, NULL, NULL, &sc, &d))
		fail_msg("line %lu: %s\n%s", d.line, d.text, out->text);
	return sc;
}

/* Time between VM entries and exits, of the steps that a run prints. */
static double guest_us(FILE *f, double end_us)
{
	static double since[PN_MAX_PCPUS];
	char line[256], step[32];
	double at, sum = 0;
	unsigned cpu;

	memset(since, 0, sizeof(since));
	rewind(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lf us CPU %u %31s", &at, &cpu, step) != 3)
			fail_msg("a step: %s", line);
		if (!strcmp(step, "vmrun"))
			since[cpu] = at;
		else
			sum += fmin(at, end_us) - fmin(since[cpu], end_us);
		if (strcmp(step, "vmrun"))
			since[cpu] = 0;
	}
	for (cpu = 0; cpu < PN_MAX_PCPUS; cpu++)
		sum += since[cpu] > 0 ? end_us - since[cpu] : 0;
	return sum;
}

static struct seen simulate(struct pn_recording *rec)
{
	static bool wanted[PN_ALL_STEPS_NR];
	struct seen out = {0};
	struct pn_scenario *sc = write_and_load(rec, &out);
	struct pn_mode mode = pn_mode_plain(pn_mode_at(3));
	struct pn_result *r = calloc(1, sizeof(*r));
	struct pn_run_options opt = {.seed = 1, .steps = tmpfile(), .step_wanted = wanted};
	struct pn_diag d = {0};

	assert_non_null(r);
	assert_non_null(opt.steps);
	assert_string_equal(mode.info->name, "gappi");
	wanted[PN_STEP_VMRUN] = wanted[PN_STEP_VMEXIT] = true;
	if (pn_run(sc, &mode, &opt, r, &d))
		fail_msg("%s", d.text);
	assert_int_equal(r->lost, 0);
	out.interrupts = (double)r->interrupts;
	out.wakeups = (double)r->wakeups_needed;
	out.share = guest_us(opt.steps, 1e-3 * (double)sc->machine.duration) /
		    (1e-3 * (double)sc->machine.duration * sc->machine.pcpus);
	fclose(opt.steps);
	free(r);
	free(sc);
	return out;
}

static void within(const char *what, double is, double wanted, double by)
{
	if (fabs(is - wanted) > by)
		fail_msg("%s: %g, and the recording has %g", what, is, wanted);
}

/* Interrupts to 2 % and chance, the load to 3 % of the CPUs' time, wakeups to the share @by. */
static struct seen round_trip(const char *file, double by)
{
	const struct pn_rec_summary *s;
	struct pn_recording *rec;
	struct pn_diag d = {0};
	struct seen is;

	if (pn_recording_open(file, NULL, NULL, NULL, &rec, &d))
		fail_msg("%s:%lu: %s", d.file, d.line, d.text);
	s = pn_recording_summary(rec);
	is = simulate(rec);
	within("interrupts", is.interrupts, (double)s->interrupts,
	       0.02 * (double)s->interrupts + 3 * sqrt((double)s->interrupts));
	within("load", is.share, s->load_share, 0.03);
	within("wakeups", is.wakeups, (double)s->wakeups, by * (double)s->wakeups + 1);
	pn_recording_close(rec);
	return is;
}

static void must_say(const struct seen *is, const char *what)
{
	if (!strstr(is->text, what))
		fail_msg("\"%s\" is missing from:\n%s", what, is->text);
}

static void test_committed(void **state)
{
	static const char *const names[] = {"randread-qd1", "randread-qd32", "bursty-write"};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		char file[256];
		struct seen is;

		snprintf(file, sizeof(file), PN_SOURCE_ROOT "/scenarios/recordings/%s.txt.gz",
			 names[i]);
		is = round_trip(file, 0.3);
		must_say(&is, "type = periodic");
		free(is.text);
	}
}

#define SWITCH                                                                                     \
	"sched_switch: prev_comm=%s prev_pid=%u prev_prio=120 prev_state=%s ==> "                  \
	"next_comm=%s next_pid=%u next_prio=120\n"

/* A vCPU thread comes or goes. */
static void to_vcpu(FILE *f, double t, unsigned cpu, bool run)
{
	char vcpu[16];

	snprintf(vcpu, sizeof(vcpu), "CPU %u/KVM", cpu);
	fprintf(f, "%s-%u [%03u] d..2. %.9f: " SWITCH, run ? "<idle>" : vcpu, run ? 0 : 50 + cpu,
		cpu, t, run ? "swapper" : vcpu, run ? 0 : 50 + cpu, run ? "R" : "S",
		run ? vcpu : "swapper", run ? 50 + cpu : 0);
}

static void irq_in(FILE *f, const char *task, double t, unsigned cpu, unsigned line,
		   const char *name)
{
	fprintf(f, "%s [%03u] d.h1. %.9f: irq_handler_entry: irq=%u name=%s\n", task, cpu, t, line,
		name);
	fprintf(f, "%s [%03u] d.h1. %.9f: irq_handler_exit: irq=%u ret=handled\n", task, cpu,
		t + 2e-6, line);
}

static void irq(FILE *f, double t, unsigned cpu, unsigned line, const char *name)
{
	irq_in(f, "<idle>-0", t, cpu, line, name);
}

/* Bursts of 20 interrupts, 30 us apart, each wakes the vCPU for 10 us; then 5 ms of nothing. */
static void test_bursts(void **state)
{
	FILE *f = fopen(path, "w");
	struct seen is;

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i < 60 * 20; i++) {
		double t = 1 + i / 20 * 5.6e-3 + i % 20 * 30e-6;

		irq(f, t, 0, 60, "vfio-msix[0](0000:41:00.0)");
		to_vcpu(f, t + 4e-6, 0, true);
		to_vcpu(f, t + 14e-6, 0, false);
	}
	fclose(f);
	is = round_trip(path, 0.6); /* the scenario has them at random within a burst */
	must_say(&is, "type = onoff\non = 5");
	must_say(&is, "handler = 2000ns");
	must_say(&is, "work = 10000ns");
	free(is.text);
}

/* CPU 1 is busy and displaced now and then, CPU 0 sleeps between its interrupts. */
static void test_unlike_cpus(void **state)
{
	FILE *f = fopen(path, "w");
	struct seen is;

	(void)state;
	assert_non_null(f);
	to_vcpu(f, 0.9995, 1, true);
	for (unsigned i = 0; i < 400; i++) {
		double t = 1 + i * 1e-3 + (i * 7919 % 97) * 5e-6;

		irq(f, t, 0, 60, "vfio-msix[0](0000:41:00.0)");
		to_vcpu(f, t + 4e-6, 0, true);
		to_vcpu(f, t + 54e-6, 0, false);
		irq_in(f, "CPU 1/KVM-51", t + 60e-6, 1, 61, "vfio-msix[1](0000:41:00.0)");
		fprintf(f, "CPU 1/KVM-51 [001] d..2. %.9f: " SWITCH, t + 70e-6, "CPU 1/KVM", 51u,
			"R", "make", 99u);
		fprintf(f, "make-99 [001] d..2. %.9f: " SWITCH, t + 170e-6, "make", 99u, "S",
			"CPU 1/KVM", 51u);
	}
	fclose(f);
	is = round_trip(path, 0.1);
	must_say(&is, "[vm cpu0]\nvcpus = 1");
	must_say(&is, "[vm cpu1]\nvcpus = 1\npin = yes\nfirst_pcpu = 1\nbusy = 1.0");
	must_say(&is, "noise_time = 100000ns");
	free(is.text);
}

/* More kinds of lines, and more rates, than a scenario has sections. */
static void test_many(void **state)
{
	FILE *f = fopen(path, "w");
	struct pn_recording *rec;
	struct pn_diag d = {0};
	unsigned n = 0;
	struct seen is;

	(void)state;
	assert_non_null(f);
	for (unsigned i = 0; i < 500; i++)
		for (unsigned cpu = 0; cpu < 48; cpu++) {
			char name[40];

			if (i * 7 % (1 + cpu % 7 * 3))
				continue;
			snprintf(name, sizeof(name), "%c%c;[x]=#\"%u", 'a' + cpu % 26, 'a' + i % 26,
				 i);
			irq(f, 1 + i * 1e-4 + cpu * 1e-6, cpu, i % 90, name);
			n++;
		}
	fclose(f);
	if (pn_recording_open(path, NULL, NULL, NULL, &rec, &d))
		fail_msg("line %lu: %s", d.line, d.text);
	assert_int_equal(pn_recording_summary(rec)->interrupts, n);
	is = simulate(rec);
	must_say(&is, "# There are more differences between CPUs than a scenario has sections");
	within("interrupts", is.interrupts, n, 0.05 * n);
	free(is.text);
	pn_recording_close(rec);
}

/* One interrupt says nothing of how they come. */
static void test_one(void **state)
{
	FILE *f = fopen(path, "w");
	struct pn_recording *rec;
	struct pn_diag d = {0};
	struct seen is;

	(void)state;
	assert_non_null(f);
	irq(f, 1, 3, 60, "");
	fclose(f);
	assert_int_equal(pn_recording_open(path, NULL, NULL, NULL, &rec, &d), 0);
	is = simulate(rec);
	must_say(&is, "# Assumed: poisson");
	free(is.text);
	pn_recording_close(rec);
}

/* All at one instant: there is no rate, and the millisecond that is simulated has them all. */
static void test_instant(void **state)
{
	static const char text[] = "a-1 [003] d.h1. 5.1: irq_handler_entry: irq=60 name=x\n"
				   "a-1 [004] d.h1. 5.1: irq_handler_entry: irq=60 name=x\n";
	struct pn_recording *rec;
	struct pn_diag d = {0};
	struct seen is;

	(void)state;
	assert_int_equal(pn_recording_memory("x", text, sizeof(text) - 1, NULL, &rec, &d), 0);
	is = simulate(rec);
	must_say(&is, "duration = 1000000ns");
	must_say(&is, "rate = 1000.000/s");
	free(is.text);
	pn_recording_close(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_committed),   cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_unlike_cpus), cmocka_unit_test(test_many),
		cmocka_unit_test(test_one),	    cmocka_unit_test(test_instant),
	};
	int failed;

	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/recording", dir);
	snprintf(ini, sizeof(ini), "%s/made.ini", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	unlink(ini);
	rmdir(dir);
	return failed;
}
