/* SPDX-License-Identifier: MIT */
/* Recordings replayed on whole machines. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lab_file.h"
#include "lab_rig.h"

static const char *const modes[] = {"emulated", "avic", "galog", "gappi", "vtd-pi"};
static const char *const bare[] = {"remapped", "posted-msi", "posted-msi:loops=1"};

static struct pn_recording *open_recording(const char *path)
{
	struct pn_recording *rec;
	struct pn_diag d = {0};

	if (pn_recording_open(path, NULL, NULL, NULL, &rec, &d))
		fail_msg("%s: %s", path, d.text);
	return rec;
}

static struct pn_scenario *scenario_for(struct pn_recording *rec, enum pn_workload work)
{
	struct pn_scenario *base = lab_scenario("passthrough-nvme", ""), *sc;
	struct pn_diag d = {0};

	if (pn_replay_scenario(pn_recording_summary(rec), base, work, &sc, &d))
		fail_msg("%s", d.text);
	free(base);
	return sc;
}

static struct pn_scenario *scenario_of(struct pn_recording *rec)
{
	return scenario_for(rec, PN_WORK_PASSTHROUGH);
}

/* How long vCPUs are displaced, by the recording alone. */
static uint64_t displaced(struct pn_recording *rec, uint64_t *preemptions)
{
	uint64_t since[PN_REC_MAX_CPUS] = {0}, sum = 0;
	struct pn_rec_reader *reader;
	struct pn_rec_event e;

	*preemptions = 0;
	assert_int_equal(pn_rec_reader_open(rec, &reader), 0);
	while (pn_rec_reader_next(reader, &e) > 0) {
		if (e.kind == PN_REC_IRQ)
			continue;
		if (since[e.cpu])
			sum += e.ns + 1 - since[e.cpu];
		since[e.cpu] = e.kind == PN_REC_PREEMPT ? e.ns + 1 : 0;
		*preemptions += e.kind == PN_REC_PREEMPT;
	}
	pn_rec_reader_close(reader);
	return sum;
}

static const struct {
	const char *name;
	uint64_t interrupts;
} rows[] = {
	{"randread-qd32", 5667},
	{"randread-qd1", 13270},
	{"bursty-write", 1720},
};

static struct pn_recording *shipped(unsigned i)
{
	char path[512];

	snprintf(path, sizeof(path), PN_SOURCE_ROOT "/scenarios/recordings/%s.txt.gz",
		 rows[i].name);
	return open_recording(path);
}

static void recordings(void **state)
{
	uint64_t all = 0;

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_recording *rec = shipped(i);
		struct pn_scenario *sc;
		uint64_t away, times;

		sc = scenario_of(rec);
		away = displaced(rec, &times);
		all += times;
		for (unsigned k = 0; k < LAB_ROWS(modes); k++) {
			struct pn_result *r = lab_run(sc, modes[k], 1, rec);

			lab_clean(r, rows[i].name, modes[k], 1);
			assert_int_equal(r->interrupts, rows[i].interrupts);
			assert_int_equal(r->steps[PN_STEP_DEVICE_WRITE], rows[i].interrupts);
			/* The last comes when the measured part ends. */
			assert_in_range(r->completions, rows[i].interrupts - 2, rows[i].interrupts);
			assert_int_equal(r->duration_ns, pn_recording_summary(rec)->span_ns + 1);
			/* The task that displaces a vCPU uses the CPU's time, and not the
			 * host's: less only by what interrupts take while it runs. */
			if (r->other_cpu_ns > away || r->other_cpu_ns < away / 2)
				fail_msg("%s, %s: %lu ns of others, displaced %lu times for %lu",
					 rows[i].name, modes[k], (unsigned long)r->other_cpu_ns,
					 (unsigned long)times, (unsigned long)away);
			free(r);
		}
		free(sc);
		pn_recording_close(rec);
	}
	assert_true(all > 0);
}

/* The same on bare metal: each recorded interrupt is one of the host, at its time. */
static void recordings_on_bare_metal(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_recording *rec = shipped(i);
		struct pn_scenario *sc = scenario_for(rec, PN_WORK_BARE);

		for (unsigned k = 0; k < LAB_ROWS(bare); k++) {
			struct pn_result *r = lab_run(sc, bare[k], 1, rec);
			bool posts = k > 0;

			lab_clean(r, rows[i].name, bare[k], 1);
			assert_int_equal(r->interrupts, rows[i].interrupts);
			assert_in_range(r->completions, rows[i].interrupts - 2, rows[i].interrupts);
			assert_int_equal(r->duration_ns, pn_recording_summary(rec)->span_ns + 1);
			assert_int_equal(r->host_vectors[PN_HV_DEVICE], posts ? 0 : r->delivered);
			assert_int_equal(r->msi_dispatched, posts ? r->delivered : 0);
			assert_int_equal(r->host_vectors[PN_HV_POSTED_MSI], r->pi_notifications);
			assert_int_equal(r->exits[PN_EXIT_INTR], 0);
			free(r);
		}
		free(sc);
		pn_recording_close(rec);
	}
}

/* ---- made up: an interrupt at 2 ms, while its vCPU does this or that ---- */

#define IDLE "swapper/0", "0"
#define FIO  "fio", "7"
#define KW   "kworker/0:1", "9"
#define PART(t, comm, pid, st, to, to_pid)                                                         \
	" " comm "-" pid " [000] d..2. 10." t ": sched_switch: prev_comm=" comm " prev_pid=" pid   \
	" prev_prio=120 prev_state=" st " ==> next_comm=" to " next_pid=" to_pid                   \
	" next_prio=120\n"
#define SWITCH(...) PART(__VA_ARGS__)
#define AT(t, comm, pid)                                                                           \
	" " comm "-" pid " [000] d.h1. 10." t ": irq_handler_entry: irq=36 name=nvme0q1\n"
#define IRQ(...) AT(__VA_ARGS__)
#define BEGIN                                                                                      \
	SWITCH("000000", IDLE, "R", FIO)                                                           \
	SWITCH("000100", FIO, "S", IDLE) SWITCH("000200", IDLE, "R", FIO)
#define END SWITCH("009000", FIO, "S", IDLE) SWITCH("009500", IDLE, "R", FIO)

static const struct {
	const char *name, *text;
	uint64_t least, most;		  /* latency */
	uint64_t other_least, other_most; /* CPU time of other programs */
	uint64_t needed;
} made_up[] = {
	{"running", BEGIN IRQ("002000", FIO) END, 100, 3000, 0, 0, 0},
	{"displaced for 3 ms",
	 BEGIN SWITCH("001000", FIO, "R", KW) IRQ("002000", KW) SWITCH("004000", KW, "I", FIO) END,
	 2000000, 2020000, 2980000, 3000000, 0},
	{"displaced before and after",
	 BEGIN SWITCH("001000", FIO, "R", KW) SWITCH("001500", KW, "I", FIO) IRQ("002000", FIO)
		 SWITCH("003000", FIO, "R", KW) SWITCH("004000", KW, "I", FIO) END,
	 100, 3000, 1490000, 1500000, 0},
	{"asleep, and woken by it",
	 BEGIN SWITCH("001000", FIO, "S", IDLE) IRQ("002000", "<idle>", "0")
		 SWITCH("002010", IDLE, "R", FIO) END,
	 3000, 12000, 0, 0, 1},
};

static void what_the_vcpu_does(void **state)
{
	char dir[256], path[300];

	(void)state;
	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/made-up.txt", dir);
	for (unsigned i = 0; i < LAB_ROWS(made_up); i++) {
		struct pn_recording *rec;
		struct pn_scenario *sc;

		lab_write(path, made_up[i].text, strlen(made_up[i].text));
		rec = open_recording(path);
		sc = scenario_of(rec);
		for (unsigned k = 0; k < LAB_ROWS(modes); k++) {
			struct pn_result *r = lab_run(sc, modes[k], 1, rec);

			lab_clean(r, made_up[i].name, modes[k], 1);
			assert_int_equal(r->delivered, 1);
			if (r->latency.max < made_up[i].least || r->latency.max > made_up[i].most ||
			    r->host_cpu_ns > 100000 || r->other_cpu_ns < made_up[i].other_least ||
			    r->other_cpu_ns > made_up[i].other_most ||
			    r->wakeups_needed != made_up[i].needed)
				fail_msg("%s, %s: latency %lu, host %lu and others %lu ns, %lu "
					 "wake-ups needed",
					 made_up[i].name, modes[k], (unsigned long)r->latency.max,
					 (unsigned long)r->host_cpu_ns,
					 (unsigned long)r->other_cpu_ns,
					 (unsigned long)r->wakeups_needed);
			free(r);
		}
		free(sc);
		pn_recording_close(rec);
	}
	unlink(path);
	rmdir(dir);
}

/* A CPU that a program keeps busy takes an interrupt sooner than one that is idle. */
static void busy_cpus_are_awake(void **state)
{
	static const struct {
		const char *name, *text;
		bool idle;
	} parts[] = {
		/* clang-format off */
		{"busy", BEGIN IRQ("002000", FIO) END, false},
		{"displaced: as busy", BEGIN SWITCH("001000", FIO, "R", KW) IRQ("002000", KW) END, false},
		{"idle", BEGIN SWITCH("001000", FIO, "S", IDLE) IRQ("002000", "<idle>", "0") END, true},
		{"idle, and busy again", BEGIN SWITCH("001000", FIO, "S", IDLE) SWITCH("001500", IDLE, "R", FIO) IRQ("002000", FIO) END, false},
		/* clang-format on */
	};
	char dir[256], path[300];

	(void)state;
	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/made-up.txt", dir);
	for (unsigned i = 0; i < LAB_ROWS(parts); i++) {
		struct pn_recording *rec;
		struct pn_scenario *sc;

		lab_write(path, parts[i].text, strlen(parts[i].text));
		rec = open_recording(path);
		sc = scenario_for(rec, PN_WORK_BARE);
		for (unsigned k = 0; k < LAB_ROWS(bare); k++) {
			struct pn_result *r = lab_run(sc, bare[k], 1, rec);
			uint64_t ns = r->latency.max;

			lab_clean(r, parts[i].name, bare[k], 1);
			assert_int_equal(r->delivered, 1);
			/* irte_miss, intr_issue or pir_set, intr_wire, irq_entry and the look for
			 * the vector: less than one exit from an idle state. */
			if ((ns > sc->costs.ns[PN_STEP_IDLE_EXIT]) != parts[i].idle)
				fail_msg("%s, %s: %lu ns", parts[i].name, bare[k],
					 (unsigned long)ns);
			free(r);
		}
		free(sc);
		pn_recording_close(rec);
	}
	unlink(path);
	rmdir(dir);
}

/* Scenarios that the machine of a recording cannot run. */
static void refused(void **state)
{
	static const struct {
		const char *set;
		enum pn_workload work;
		uint32_t cpus;
		const char *says;
	} asks[] = {
		{"", PN_WORK_BARE, 2, NULL},
		{"machine.churn_offline=1ms", PN_WORK_BARE, 2, "mean nothing on bare metal"},
		{"machine.churn_inhibit=1ms", PN_WORK_BARE, 2, "mean nothing on bare metal"},
		{"machine.churn_retarget=1ms", PN_WORK_BARE, 2, "mean nothing on bare metal"},
		{"machine.churn_detach=1ms", PN_WORK_BARE, 2, "mean nothing on bare metal"},
		{"machine.churn_detach=1ms", PN_WORK_PASSTHROUGH, 2, NULL},
		{"machine.x2apic=no", PN_WORK_BARE, 255, NULL},
		{"machine.x2apic=no", PN_WORK_BARE, 256, "8 bits of APIC ID reach 255"},
		{"machine.x2apic=no", PN_WORK_PASSTHROUGH, 256, "8 bits of APIC ID reach 255"},
		{"", PN_WORK_BARE, 1024, NULL},
		{"", PN_WORK_BARE, 1025, "at most 1024"},
	};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(asks); i++) {
		struct pn_recording *rec = shipped(2);
		struct pn_rec_summary sum = *pn_recording_summary(rec);
		struct pn_scenario *base = lab_scenario("passthrough-nvme", asks[i].set),
				   *sc = NULL;
		struct pn_diag d = {0};
		int err;

		sum.cpus = asks[i].cpus;
		err = pn_replay_scenario(&sum, base, asks[i].work, &sc, &d);
		if (asks[i].says ? err != -EINVAL || !strstr(d.text, asks[i].says) : err)
			fail_msg("row %u: %d, %s", i, err, d.text);
		free(sc);
		free(base);
		pn_recording_close(rec);
	}
}

/* A recording on a machine that is churned as well. */
static void with_churn(void **state)
{
	struct pn_recording *rec =
		open_recording(PN_SOURCE_ROOT "/scenarios/recordings/bursty-write.txt.gz");
	struct pn_scenario *base = lab_scenario(
		"passthrough-nvme", "machine.churn_offline=20ms machine.churn_inhibit=1ms "
				    "machine.churn_retarget=500us machine.churn_detach=1ms");
	struct pn_scenario *sc;
	struct pn_diag d = {0};

	(void)state;
	base->inhibits = base->ipis = 1; /* of VMs that are not there then */
	assert_int_equal(
		pn_replay_scenario(pn_recording_summary(rec), base, PN_WORK_PASSTHROUGH, &sc, &d),
		0);
	assert_int_equal(sc->inhibits + sc->ipis, 0);
	for (unsigned k = 0; k < LAB_ROWS(modes); k++) {
		struct pn_result *r = lab_run(sc, modes[k], 1, rec);

		lab_clean(r, "with churn", modes[k], 1);
		assert_int_equal(r->interrupts, 1720);
		free(r);
	}
	free(sc);
	free(base);
	pn_recording_close(rec);
}

/* The measured part ends before the recording does: what comes later is not sent. */
static void cut_short(void **state)
{
	struct pn_recording *rec =
		open_recording(PN_SOURCE_ROOT "/scenarios/recordings/randread-qd1.txt.gz");
	struct pn_scenario *sc = scenario_of(rec);
	uint64_t sent = 0;

	(void)state;
	sc->machine.duration = 100000000;
	for (unsigned k = 0; k < LAB_ROWS(modes); k++) {
		struct pn_result *r = lab_run(sc, modes[k], 1, rec);

		lab_clean(r, "cut short", modes[k], 1);
		if (k)
			assert_int_equal(r->interrupts, sent);
		sent = r->interrupts;
		free(r);
	}
	assert_true(sent > 0 && sent < 13270);
	free(sc);
	pn_recording_close(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recordings),
		cmocka_unit_test(recordings_on_bare_metal),
		cmocka_unit_test(what_the_vcpu_does),
		cmocka_unit_test(busy_cpus_are_awake),
		cmocka_unit_test(refused),
		cmocka_unit_test(with_churn),
		cmocka_unit_test(cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
