/* SPDX-License-Identifier: MIT */
/* Durations of a recording, and the cost table that is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "calibrate.h"
#include "lab_file.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))
#define ROUNDS	20

static char dir[128], path[160];

/* One round of 1 ms, as perf script writes it; %u is the round. */
static const char *const round_text[] = {
	"swapper 0 [001] 1.%03u000000: irq:irq_handler_entry: irq=5 name=nvme0q1\n",
	"swapper 0 [001] 1.%03u000200: sched:sched_waking: comm=app pid=9 prio=120 "
	"target_cpu=001\n",
	"swapper 0 [001] 1.%03u000400: sched:sched_wakeup: comm=app pid=9 prio=120 "
	"target_cpu=001\n",
	"swapper 0 [001] 1.%03u000700: sched:sched_wakeup: vm:10 [120] CPU:002\n",
	"swapper 0 [001] 1.%03u002100: irq:irq_handler_exit: irq=5 ret=handled\n",
	"swapper 0 [001] 1.%03u003200: sched:sched_switch: prev_comm=swapper/1 prev_pid=0 "
	"prev_prio=120 prev_state=R ==> next_comm=app next_pid=9 next_prio=120\n",
	"swapper 0 [002] 1.%03u004700: sched:sched_switch: prev_comm=swapper/2 prev_pid=0 "
	"prev_prio=120 prev_state=R ==> next_comm=vm next_pid=10 next_prio=120\n",
	"vm 10 [002] 1.%03u005000: kvm:kvm_entry: vcpu 0, rip 0x1\n",
	"vm 10 [002] 1.%03u006000: kvm:kvm_exit: reason MSR_WRITE rip 0x1 info 0 0\n",
	"vm 10 [002] 1.%03u006650: kvm:kvm_entry: vcpu 0, rip 0x1\n",
	"vm 10 [002] 1.%03u007000: kvm:kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT rip 0x1 info 0\n",
	"vm 10 [002] 1.%03u007100: irq:irq_handler_entry: irq=6 name=vfio-msix[0](0000:41:00.0)\n",
	"vm 10 [002] 1.%03u007400: irq:irq_handler_exit: irq=6 ret=handled\n",
	"vm 10 [002] 1.%03u009000: kvm:kvm_entry: vcpu 0, rip 0x1\n",
	"app 9 [001] 1.%03u010000: sched:sched_switch: prev_comm=app prev_pid=9 prev_prio=120 "
	"prev_state=S ==> next_comm=swapper/1 next_pid=0 next_prio=120\n",
	"vm 10 [002] 1.%03u010000: sched:sched_switch: prev_comm=vm prev_pid=10 prev_prio=120 "
	"prev_state=S ==> next_comm=swapper/2 next_pid=0 next_prio=120\n",
};

static struct pn_recording *recording(void)
{
	static char text[ROWS(round_text) * ROUNDS * 160];
	struct pn_recording *rec;
	struct pn_diag d;
	size_t n = 0;

	for (unsigned i = 0; i < ROUNDS * ROWS(round_text); i++) {
		const char *line = round_text[i % ROWS(round_text)], *at = strstr(line, "%03u");

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s%03u%s", (int)(at - line),
				      line, i / (unsigned)ROWS(round_text), at + 4);
	}
	lab_write(path, text, n);
	if (pn_recording_open(path, NULL, NULL, NULL, &rec, &d))
		fail_msg("line %lu: %s", d.line, d.text);
	return rec;
}

static void test_spans(void **state)
{
	static const struct {
		enum pn_rec_span span;
		uint64_t n, ns;
	} rows[] = {
		{PN_SPAN_HANDLER, ROUNDS, 2100},   {PN_SPAN_VFIO, ROUNDS, 300},
		{PN_SPAN_WAKE_HERE, ROUNDS, 3000}, {PN_SPAN_WAKE_IDLE, ROUNDS, 4000},
		{PN_SPAN_IRQ_WAKE, ROUNDS, 1100},  {PN_SPAN_VM_EXIT, ROUNDS, 650},
	};
	struct pn_recording *rec = recording();

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct pn_rec_hist *h = pn_recording_span(rec, rows[i].span);

		assert_int_equal(h->n, rows[i].n);
		assert_int_equal(pn_rec_hist_quantile(h, 0.1), rows[i].ns);
		assert_int_equal(pn_rec_hist_quantile(h, 0.5), rows[i].ns);
		assert_int_equal(pn_rec_hist_quantile(h, 1), rows[i].ns);
	}
	assert_int_equal(pn_rec_hist_quantile(pn_recording_handler(rec, 1), 0.5), 300);
	assert_null(pn_recording_handler(rec, 2));
	assert_int_equal(pn_recording_summary(rec)->vm_exits.all, 2 * ROUNDS);
	assert_string_equal(pn_recording_summary(rec)->load_comm, "vm");
	pn_recording_close(rec);
}

/* Measured values with their note; the rest as before; and the file gives the same table. */
static void test_table(void **state)
{
	struct pn_recording *rec = recording();
	struct pn_costs base, c, again;
	struct pn_diag d = {0};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(pn_costs_load("default", &base, &d), 0);
	c = base;
	assert_int_equal(pn_calibrate(rec, &c), 5);
	assert_int_equal(c.ns[PN_STEP_IRQ_DISPATCH], 2100);
	assert_int_equal(c.ns[PN_STEP_IRQFD_INJECT], 300);
	assert_int_equal(c.ns[PN_STEP_EXIT_HANDLE], 650);
	assert_int_equal(c.ns[PN_STEP_CTX_SWITCH], 3000);
	assert_int_equal(c.ns[PN_STEP_IDLE_EXIT],
			 4000 - 3000 - base.ns[PN_STEP_RESCHED_IPI] - base.ns[PN_STEP_IRQ_ENTRY]);
	assert_int_equal(c.source[PN_STEP_EXIT_HANDLE], PN_COST_MEASURED);
	assert_string_equal(
		c.note[PN_STEP_EXIT_HANDLE],
		"recording: VM exit to entry; 20 samples, p10 650, p50 650, p90 650 ns");
	assert_int_equal(c.ns[PN_STEP_WAKE], base.ns[PN_STEP_WAKE]);
	assert_int_equal(c.source[PN_STEP_WAKE], base.source[PN_STEP_WAKE]);
	/* with a blank before it, it would be a comment */
	memcpy(c.note[PN_STEP_WAKE], "; a note", sizeof("; a note"));
	assert_non_null(f);
	assert_int_equal(pn_costs_write(&c, f), 0);
	fclose(f);
	lab_write(path, text, size);
	if (pn_costs_load(path, &again, &d))
		fail_msg("%s:%lu: %s", d.file, d.line, d.text);
	assert_memory_equal(again.ns, c.ns, sizeof(c.ns));
	assert_memory_equal(again.source, c.source, sizeof(c.source));
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		assert_string_equal(again.note[i], c.note[i]);
	free(text);
	pn_recording_close(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_spans),
					   cmocka_unit_test(test_table)};
	int failed;

	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/recording", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
