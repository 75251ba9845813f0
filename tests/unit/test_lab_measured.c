/* SPDX-License-Identifier: MIT */
/* Exits, vectors and events of KVM that a recording has, beside the modelled ones. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab_file.h"
#include "report.h"

static char dir[128], path[160];

#define IDLE "<idle>-0 [001] d..2. 5.0000"
#define VCPU "CPU 0/KVM-50 [001] d..2. 5.0000"
#define TO(prev, pid, st, next, npid)                                                              \
	"sched_switch: prev_comm=" prev " prev_pid=" pid " prev_prio=120 prev_state=" st           \
	" ==> next_comm=" next " next_pid=" npid " next_prio=120\n"

/* Two interrupts, two wakeups, seven exits. */
static const char host[] =
	IDLE "01: irq_handler_entry: irq=60 name=vfio-msix[0](0000:41:00.0)\n" IDLE
	     "02: kvm_msi_set_irq: dst 0 vec 49 (Fixed|physical|edge)\n" IDLE
	     "03: " TO("swapper/1", "0", "R", "CPU 0/KVM", "50") VCPU
	"04: kvm_entry: vcpu 0, rip 0x1\n" VCPU
	"05: kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT rip 0x1 info1 0x0\n" VCPU
	"06: local_timer_entry: vector=236\n" VCPU "07: local_timer_exit: vector=236\n" VCPU
	"08: kvm_exit: reason EXIT_INTR rip 0x1\n" VCPU
	"09: kvm_exit: reason interrupt rip 0x1\n" VCPU
	"10: kvm_exit: reason avic_incomplete_ipi rip 0x1\n" VCPU
	"11: kvm_exit: vcpu 0 reason MSR_WRITE rip 0x1 info1 0x0\n" VCPU
	"12: kvm_exit: vcpu 0 reason HLT rip 0x1 info1 0x0\n" VCPU
	"13: " TO("CPU 0/KVM", "50", "S", "swapper/1",
		  "0") "<idle>-0 [000] d..2. 5.000020: reschedule_entry: vector=253\n"
		       "<idle>-0 [000] d..2. 5.000021: kvm_avic_ga_log: vmid=0x1 vcpuid=0x0\n" IDLE
		       "30: irq_handler_entry: irq=30 name=AMD-Vi0-GA\n" IDLE
		       "31: " TO("swapper/1", "0", "R", "CPU 0/KVM", "50") VCPU
	"32: kvm_pi_irte_update: PI is enabled for this vcpu\n" VCPU
	"33: kvm_exit: vcpu 0 reason hlt rip 0x1 info1 0x0\n";

static struct pn_recording *read_text(const char *text, int err, struct pn_diag *d)
{
	struct pn_recording *rec;

	lab_write(path, text, strlen(text));
	if (pn_recording_open(path, NULL, NULL, NULL, &rec, d) != err)
		fail_msg("line %lu: %s", d->line, d->text);
	return rec;
}

static uint64_t count_of(const struct pn_rec_counts *c, const char *name)
{
	for (unsigned i = 0; i < c->names; i++)
		if (!strcmp(c->of[i].name, name))
			return c->of[i].count;
	return 0;
}

static void test_counts(void **state)
{
	struct pn_diag d = {0};
	struct pn_recording *rec = read_text(host, 0, &d);
	const struct pn_rec_summary *s = pn_recording_summary(rec);

	(void)state;
	assert_int_equal(s->interrupts, 2);
	assert_int_equal(s->wakeups, 2);
	assert_int_equal(s->vm_entries, 1);
	assert_int_equal(s->vm_exits.all, 7);
	assert_int_equal(count_of(&s->vm_exits, "HLT"), 1);
	assert_int_equal(count_of(&s->vm_exits, "MSR_WRITE"), 1);
	assert_int_equal(s->kvm.all, 3);
	assert_int_equal(count_of(&s->kvm, "kvm_avic_ga_log"), 1);
	assert_int_equal(s->vectors.all, 2);
	assert_int_equal(count_of(&s->vectors, "local_timer"), 1);
	assert_int_equal(s->busiest, 3); /* CPU 1: two of devices, the timer */
	assert_int_equal(s->skips, 1);	 /* local_timer_exit */
	assert_int_equal(s->events, 18);
	pn_recording_close(rec);
}

/* More names than there is room for. */
static void test_many_names(void **state)
{
	static char text[20000];
	struct pn_diag d = {0};
	struct pn_recording *rec;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      VCPU "01: kvm_exit: reason R%u x\n", i);
	snprintf(text + n, sizeof(text) - n, IDLE "02: irq_handler_entry: irq=60 name=x\n");
	rec = read_text(text, 0, &d);
	assert_int_equal(pn_recording_summary(rec)->vm_exits.all, 100);
	assert_int_equal(pn_recording_summary(rec)->vm_exits.names, PN_REC_MAX_NAMES);
	assert_int_equal(count_of(&pn_recording_summary(rec)->vm_exits, "R62"), 1);
	assert_int_equal(count_of(&pn_recording_summary(rec)->vm_exits, "others"), 37);
	pn_recording_close(rec);
}

/* Made-up results of these modes, beside the recording. */
static char *report(const struct pn_rec_summary *s, unsigned first, unsigned n, bool json)
{
	struct pn_comparison c = {.costs = "default", .recording = s, .n = n};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	c.duration_ns = s->span_ns + 1;
	c.result = calloc(n, sizeof(*c.result));
	assert_non_null(c.result);
	assert_non_null(f);
	for (unsigned m = 0; m < n; m++) {
		struct pn_result *r = &c.result[m];

		r->mode = pn_mode_plain(pn_mode_at(first + m));
		pn_hist_init(&r->latency);
		pn_hist_init(&r->wake_latency);
		r->duration_ns = c.duration_ns;
		r->interrupts = r->delivered = 2;
		r->exits[PN_EXIT_HLT] = 4 + m;
		r->host_vectors[PN_HV_WAKEUP] = 6;
	}
	assert_int_equal(json ? pn_report_json(&c, f) : pn_report_table(&c, f), 0);
	fclose(f);
	free(c.result);
	return text;
}

static void must_say(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("\"%s\" is missing from:\n%s", what, text);
}

/* One blank for many. */
static void squeeze(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (*from != ' ' || to == text || to[-1] != ' ')
			*to++ = *from;
	*to = 0;
}

static void test_table(void **state)
{
	struct pn_diag d = {0};
	struct pn_recording *rec = read_text(host, 0, &d);
	char *text = report(pn_recording_summary(rec), 0, 5, false);

	(void)state;
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		if (strcspn(line, "\n") > 100)
			fail_msg("longer than 100 columns: %.*s", (int)strcspn(line, "\n"), line);
	squeeze(text);
	must_say(text, " measured modelled\n");
	must_say(text, " emulated avic galog gappi vtd-pi\n");
	must_say(text, "VM exits per interrupt 3.50 2.00 2.50 ");
	must_say(text, "VM exits interrupt 3 0 ");
	must_say(text, "hlt 2 4 5 ");
	must_say(text, "ipi 1 0 0 ");
	must_say(text, "ga_log 1 0 0 ");
	must_say(text, "wakeup - 6 6 ");
	must_say(text, "timer 1 0 ");
	must_say(text, "MSIs injected 1 0 ");
	must_say(text, "wakeups needed 2 0 ");
	must_say(text, "Exits that no mode models: MSR_WRITE 1.\n");
	must_say(text, "kvm_pi_irte_update 1");
	free(text);
	text = report(pn_recording_summary(rec), 5, 2, false); /* bare metal */
	squeeze(text);
	must_say(text, " measured modelled\n");
	must_say(text, " remapped posted-msi\n");
	assert_null(strstr(text, "hlt"));
	free(text);
	pn_recording_close(rec);
}

static void test_json(void **state)
{
	struct pn_diag d = {0};
	struct pn_recording *rec = read_text(host, 0, &d);
	char *text = report(pn_recording_summary(rec), 0, 1, true);
	json_t *o = json_loads(text, 0, NULL), *m = json_object_get(o, "measured");
	long long total, each_hlt, needed, ga;
	double each;

	(void)state;
	assert_non_null(m);
	assert_int_equal(json_unpack(m, "{s:{s:I, s:F, s:{s:I}}, s:{s:I}, s:{s:I}}", "vm_exits",
				     "total", &total, "per_interrupt", &each, "by_reason", "hlt",
				     &each_hlt, "wakeups", "needed", &needed, "kvm_events",
				     "kvm_avic_ga_log", &ga),
			 0);
	assert_int_equal(total, 7);
	assert_true(each > 3.49 && each < 3.51);
	assert_int_equal(each_hlt, 2);
	assert_int_equal(needed, 2);
	assert_int_equal(ga, 1);
	json_decref(o);
	free(text);
	pn_recording_close(rec);
}

/* Without events of KVM and of vectors there is nothing to stand beside. */
static void test_nothing_measured(void **state)
{
	struct pn_diag d = {0};
	struct pn_recording *rec = read_text(IDLE "01: irq_handler_entry: irq=60 name=x\n", 0, &d);
	char *text = report(pn_recording_summary(rec), 0, 5, false);

	(void)state;
	assert_null(strstr(text, "modelled\n"));
	assert_null(strstr(text, "Measured:"));
	free(text);
	pn_recording_close(rec);
}

/* Notifications of posted MSIs are replayed if there is nothing better. */
static void test_vectors_only(void **state)
{
	static const char posted[] = IDLE "01: local_timer_entry: vector=236\n" IDLE
					  "02: my_posted_msi_entry: vector=235\n" IDLE
					  "03: my_posted_msi_entry: vector=235\n";
	static const char both[] = IDLE "01: irq_handler_entry: irq=60 name=x\n" IDLE
					"02: my_posted_msi_entry: vector=235\n";
	static const char timers[] = IDLE "01: local_timer_entry: vector=236\n" IDLE
					  "02: reschedule_entry: vector=253\n";
	struct pn_diag d = {0};
	struct pn_recording *rec = read_text(posted, 0, &d);
	struct pn_rec_reader *r;
	struct pn_rec_event ev;
	unsigned irqs[2] = {0, 0};

	(void)state;
	assert_true(pn_recording_summary(rec)->from_vectors);
	assert_int_equal(pn_recording_summary(rec)->interrupts, 2);
	assert_int_equal(pn_recording_summary(rec)->line[0].irq, 235);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pn_rec_reader_open(rec, &r), 0);
		while (pn_rec_reader_next(r, &ev) == 1)
			irqs[i] += ev.kind == PN_REC_IRQ && ev.line == 0 && ev.slot == 0;
		pn_rec_reader_close(r);
		pn_recording_close(rec);
		rec = i ? NULL : read_text(both, 0, &d);
	}
	assert_int_equal(irqs[0], 2);
	assert_int_equal(irqs[1], 1);
	assert_null(read_text(timers, -ENODATA, &d));
	must_say(d.text, "(found: 1 local_timer_entry, 1 reschedule_entry)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_nothing_measured),
		cmocka_unit_test(test_vectors_only),
	};
	int failed;

	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/recording", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
