/* SPDX-License-Identifier: MIT */
/*
 * Reading recordings: the three formats, errors, order, inferred switches, damaged and large files.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "lab_file.h"
#include "recording.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

static char dir[128], path[160];

/* The same second in the three formats: an interrupt wakes fio, it sleeps, it is displaced. */
static const char ftrace[] =
	"# tracer: nop\n#\n"
	"          <idle>-0       [002] d.h1.  10.000100: irq_handler_entry: irq=36 name=nvme0q1\n"
	"          <idle>-0       [002] d.h1.  10.000102: irq_handler_exit: irq=36 ret=handled\n"
	"          <idle>-0       [002] d..2.  10.000110: sched_switch: prev_comm=swapper/2 "
	"prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=fio next_pid=7 next_prio=120\n"
	"CPU:2 [LOST 265 EVENTS]\n"
	"     my - [3] job-8      [005]  10.000120: irq_handler_entry: irq=37 name=PCIe bwctrl\n"
	"     my - [3] job-8      [005] d....  10.000121: softirq_entry: vec=1 [action=TIMER]\n"
	"             fio-7 (  7) [002] d..2.  10.000200: sched_switch: prev_comm=fio prev_pid=7 "
	"prev_prio=120 prev_state=R+ ==> next_comm=kworker/2:1 next_pid=9 next_prio=120\n"
	"     kworker/2:1-9       [002] d..2.  10.000300: sched_switch: prev_comm=kworker/2:1 "
	"prev_pid=9 prev_prio=120 prev_state=I ==> next_comm=fio next_pid=7 next_prio=120\n"
	"             fio-7       [002] d..2.  10.000400: sched_switch: prev_comm=fio prev_pid=7 "
	"prev_prio=120 prev_state=D|K ==> next_comm=swapper/2 next_pid=0 next_prio=120\n"
	"          <idle>-0       [002] dNh1.  10.000900: irq_handler_entry: irq=36 name=nvme0q1\n"
	"\n";

static const char trace_cmd[] =
	"cpus=8\n"
	"          <idle>-0     [002]    10.000100: irq_handler_entry:    irq=36 handler=nvme0q1\n"
	"          <idle>-0     [002]    10.000102: irq_handler_exit:     irq=36 ret=handled\n"
	"          <idle>-0     [002]    10.000110: sched_switch:         swapper/2:0 [120] R ==> "
	"fio:7 [120]\n"
	"CPU:2 [265 EVENTS DROPPED]\n"
	"     my - [3] job-8    [005]    10.000120: irq_handler_entry:    irq=37 name=PCIe bwctrl\n"
	"     my - [3] job-8    [005]    10.000121: softirq_entry:        vec=1 [action=TIMER]\n"
	"             fio-7     [002]    10.000200: sched_switch:         fio:7 [120] R+ ==> "
	"kworker/2:1:9 [120]\n"
	"     kworker/2:1-9     [002]    10.000300: sched_switch:         kworker/2:1:9 [120] I "
	"==> fio:7 [120]\n"
	"             fio-7     [002]    10.000400: sched_switch:         fio:7 [120] D|K ==> "
	"swapper/2:0 [120]\n"
	"          <idle>-0     [002]    10.000900: irq_handler_entry:    irq=36 name=nvme0q1";

static const char perf[] =
	"# captured on: today\r\n"
	"swapper     0 [002]    10.000100000:    irq:irq_handler_entry: irq=36 name=nvme0q1\r\n"
	"swapper     0 [002]    10.000102000:     irq:irq_handler_exit: irq=36 ret=handled\r\n"
	"swapper     0/0     [002]    10.000110000: 1 sched:sched_switch: prev_comm=swapper/2 "
	"prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=fio next_pid=7 next_prio=120\r\n"
	"CPU:2 [LOST 265 EVENTS]\r\n"
	"my - [3] job     8 [005]    10.000120000: irq:irq_handler_entry: irq=37 name=PCIe "
	"bwctrl\r\n"
	"my - [3] job     8 [005]    10.000121000: irq:softirq_entry: vec=1 [action=TIMER]\r\n"
	"fio     7/7     [002]    10.000200000: sched:sched_switch: fio:7 [120] R+ ==> "
	"kworker/2:1:9 [120]\r\n"
	"kworker/2:1     9/9     [002]    10.000300000: sched:sched_switch: prev_comm=kworker/2:1 "
	"prev_pid=9 prev_prio=120 prev_state=I ==> next_comm=fio next_pid=7 next_prio=120\r\n"
	"fio     7/7     [002]    10.000400000: sched:sched_switch: prev_comm=fio prev_pid=7 "
	"prev_prio=120 prev_state=D|K ==> next_comm=swapper/2 next_pid=0 next_prio=120\r\n"
	"swapper     0 [002]    10.000900000: irq:irq_handler_entry: irq=36 name=nvme0q1\r\n";

static const struct pn_rec_event expected[] = {
	{0, 0, 0, PN_REC_SLEEP, 0},    {0, 1, 0, PN_REC_SLEEP, 0},
	{0, 0, 0, PN_REC_IRQ, 1},      {10000, 0, 0, PN_REC_RUN, 0},
	{20000, 1, 1, PN_REC_IRQ, 0},  {100000, 0, 0, PN_REC_PREEMPT, 0},
	{200000, 0, 0, PN_REC_RUN, 0}, {300000, 0, 0, PN_REC_SLEEP, 0},
	{800000, 0, 0, PN_REC_IRQ, 0},
};

static int open_text(const char *text, size_t n, struct pn_recording **rec, struct pn_diag *d)
{
	lab_write(path, text, n);
	return pn_recording_open(path, NULL, NULL, NULL, rec, d);
}

static void check_events(const char *what, struct pn_recording *rec)
{
	struct pn_rec_reader *r;
	struct pn_rec_event ev;
	size_t n = 0;
	int got;

	assert_int_equal(pn_rec_reader_open(rec, &r), 0);
	while ((got = pn_rec_reader_next(r, &ev)) == 1) {
		const struct pn_rec_event *w = &expected[n];

		if (n++ >= ROWS(expected) || ev.ns != w->ns || ev.cpu != w->cpu ||
		    ev.kind != w->kind || ev.line != w->line || ev.runs_next != w->runs_next)
			fail_msg("%s: event %zu is %llu ns, CPU %u, kind %d, line %d, next %d",
				 what, n - 1, (unsigned long long)ev.ns, ev.cpu, ev.kind, ev.line,
				 ev.runs_next);
	}
	assert_int_equal(got, 0);
	assert_int_equal(n, ROWS(expected));
	pn_rec_reader_close(r);
}

static uint64_t skipped(const struct pn_rec_summary *s, const char *kind)
{
	for (unsigned i = 0; i < s->skips; i++)
		if (!strcmp(s->skip[i].kind, kind))
			return s->skip[i].count;
	return 0;
}

static void test_formats(void **state)
{
	static const struct {
		const char *name, *text;
		size_t n;
		unsigned lines;
	} rows[] = {
		{"ftrace", ftrace, sizeof(ftrace) - 1, 13},
		{"trace-cmd report", trace_cmd, sizeof(trace_cmd) - 1, 11},
		{"perf script", perf, sizeof(perf) - 1, 11},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct pn_rec_summary *s;
		struct pn_recording *rec;
		struct pn_diag d;

		if (open_text(rows[i].text, rows[i].n, &rec, &d))
			fail_msg("%s: line %lu: %s", rows[i].name, d.line, d.text);
		s = pn_recording_summary(rec);
		assert_string_equal(s->format, rows[i].name);
		assert_string_equal(s->load_comm, "fio");
		assert_int_equal(s->text_lines, rows[i].lines);
		assert_int_equal(s->events, 8);
		assert_int_equal(s->interrupts, 3);
		assert_int_equal(s->switches, 4);
		assert_int_equal(s->exits, 1);
		assert_int_equal(s->inferred, 0);
		assert_int_equal(s->first_ns, 10000100000);
		assert_int_equal(s->span_ns, 800000);
		assert_int_equal(s->cpus, 2);
		assert_int_equal(s->cpu_number[0], 2);
		assert_int_equal(s->cpu_number[1], 5);
		assert_int_equal(s->lines, 2);
		assert_int_equal(s->line[0].irq, 36);
		assert_int_equal(s->line[0].count, 2);
		assert_string_equal(s->line[0].name, "nvme0q1");
		assert_string_equal(s->line[1].name, "PCIe bwctrl");
		assert_int_equal(skipped(s, "lost events"), 265);
		assert_int_equal(skipped(s, "softirq_entry"), 1);
		assert_int_equal(skipped(s, "not an event"), 0);
		check_events(rows[i].name, rec);
		check_events("the second reader", rec);
		pn_recording_close(rec);
	}
}

#define IRQ(t)	     "fio-7 [001] d.h.. " t ": irq_handler_entry: irq=3 name=x\n"
#define IRQ_AT(c, t) "fio-7 [" c "] d.h.. " t ": irq_handler_entry: irq=3 name=x\n"

static const struct {
	const char *rule, *text;
	size_t n; /* 0: strlen */
	int err;
	unsigned long line;
	const char *expect;
} errors[] = {
	{"empty", "", 0, -ENODATA, 0, "the file is empty"},
	{"no interrupts",
	 "# x\nfio-7 [001] d..2. 1.000000: sched_switch: fio:7 [120] S ==> a:1 [120]\nfoo\nfio-7 "
	 "[001] d..2. 1.000001: bar: x\n",
	 0, -ENODATA, 4,
	 "no irq_handler_entry events (found: 1 sched_switch, 1 comment, 1 not an event, 1 bar)"},
	{"not a recording", "hello\nworld\n", 0, -ENODATA, 2, "2 not an event"},
	{"perf.data", "PERFILE2\0\0\0\0", 12, -ENODATA, 1, "expected the text of perf script"},
	{"trace.dat", "\x17\x08\x44tracing6\0", 12, -ENODATA, 1, "expected the text of trace-cmd"},
	{"clock goes back", IRQ("1.500000") IRQ("1.498999"), 0, -EPROTO, 2,
	 "goes back by 1001 us, to 1.498999 (at most 1000 us"},
	{"within tolerance", IRQ("1.500000") IRQ("1.499000") IRQ("1.500001"), 0, 0, 0, NULL},
	{"CPU number", IRQ_AT("65536", "1.0"), 0, -E2BIG, 1, "CPU 65536"},
	{"clock without fraction", "fio-7 [001] d.h.. 15: irq_handler_entry: irq=3 name=x\n", 0,
	 -EINVAL, 1, "the clock counts ticks, and their rate is missing (expected --tsc-ghz"},
	{"ten decimals", IRQ("1.0123456789"), 0, -EINVAL, 1, "in a form that is not known"},
	{"no such time", IRQ("99999999999.000000"), 0, -EINVAL, 1, "form that is not known"},
	{"irq number", "fio-7 [001] 1.0: irq_handler_entry: irq=99999999999 name=x\n", 0, -EINVAL,
	 1, "without its number, \"irq=N name=NAME\""},
	{"cut short", "fio-7 [001] 1.000000: irq_handler_entry: ir", 0, -EINVAL, 1,
	 "without its number"},
	{"cut shorter", "fio-7 [001", 0, -ENODATA, 1, "1 not an event"},
	{"switch cut short", "a-7 [001] 1.0: sched_switch: prev_comm=a prev_pid=1 prev_state=", 0,
	 -ENODATA, 1, "1 not an event"},
	{"switch without state", "a-7 [001] 1.0: sched_switch: a:7 [120] ==> b:8 [120]", 0,
	 -ENODATA, 1, "1 not an event"},
	{"name in escapes", "a-7 [001] 1.0: \x1b[31m: x\n", 0, -ENODATA, 1, "1 not an event"},
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(errors); i++) {
		size_t n = errors[i].n ? errors[i].n : strlen(errors[i].text);
		struct pn_recording *rec;
		struct pn_diag d = {0};
		int err = open_text(errors[i].text, n, &rec, &d);

		if (err != errors[i].err)
			fail_msg("%s: %d: %s", errors[i].rule, err, d.text);
		if (err && (d.line != errors[i].line || !strstr(d.text, errors[i].expect)))
			fail_msg("%s: line %lu: %s", errors[i].rule, d.line, d.text);
		if (err)
			assert_string_equal(d.file, path);
		pn_recording_close(rec);
	}
}

static void test_open_errors(void **state)
{
	struct pn_recording *rec;
	struct pn_diag d;

	(void)state;
	assert_int_equal(pn_recording_open("/nowhere/x", NULL, NULL, NULL, &rec, &d), -ENOENT);
	assert_int_equal(pn_recording_open(dir, NULL, NULL, NULL, &rec, &d), -EISDIR);
	assert_null(rec);
}

/* Late events come out in order, and equal times in the order of the file. */
static void test_sort(void **state)
{
	static const char text[] =
		IRQ("1.000500") IRQ_AT("002", "1.000100") IRQ_AT("003", "1.000500") IRQ("1.000300")
			IRQ("1.002000") IRQ_AT("004", "1.001500") IRQ("1.010000");
	static const uint64_t ns[] = {0, 200000, 400000, 400000, 1400000, 1900000, 9900000};
	static const uint32_t cpu[] = {1, 0, 0, 2, 3, 0, 0};
	const struct pn_rec_summary *s;
	struct pn_recording *rec;
	struct pn_rec_reader *r;
	struct pn_rec_event ev;
	struct pn_diag d;

	(void)state;
	assert_int_equal(open_text(text, sizeof(text) - 1, &rec, &d), 0);
	s = pn_recording_summary(rec);
	assert_int_equal(s->sorted, 3);
	assert_int_equal(s->worst_back_ns, 500000);
	assert_int_equal(s->worst_back_line, 6);
	assert_int_equal(s->first_ns, 1000100000);
	assert_int_equal(s->span_ns, 9900000);
	assert_string_equal(s->load_comm, "");
	assert_int_equal(pn_rec_reader_open(rec, &r), 0);
	for (unsigned i = 0; i < s->cpus; i++) {
		assert_int_equal(pn_rec_reader_next(r, &ev), 1);
		assert_int_equal(ev.kind, PN_REC_RUN); /* no sched_switch: always running */
	}
	for (size_t i = 0; i < ROWS(ns); i++) {
		assert_int_equal(pn_rec_reader_next(r, &ev), 1);
		if (ev.ns != ns[i] || ev.cpu != cpu[i] || ev.kind != PN_REC_IRQ)
			fail_msg("event %zu: %llu ns, CPU %u", i, (unsigned long long)ev.ns,
				 ev.cpu);
	}
	assert_int_equal(pn_rec_reader_next(r, &ev), 0);
	assert_int_equal(pn_rec_reader_next(r, &ev), 0);
	pn_rec_reader_close(r);
	pn_recording_close(rec);
}

/* Switches to the load that were filtered out: it runs from the interrupt that woke it. */
static void test_inferred(void **state)
{
	static const char text[] =
		"fio-7 [001] d..2. 1.000000: sched_switch: fio:7 [120] S ==> swapper/1:0 [120]\n"
		"<idle>-0 [001] d.h1. 1.000100: irq_handler_entry: irq=3 name=x\n"
		"<idle>-0 [001] d.h1. 1.000102: irq_handler_exit: irq=3 ret=handled\n"
		"fio-7 [001] d..2. 1.000150: sched_switch: fio:7 [120] S ==> swapper/1:0 [120]\n"
		"<...>-7 [001] d.h1. 1.000160: irq_handler_entry: irq=3 name=x\n"
		"fio-7 [001] d.h1. 1.000190: irq_handler_entry: irq=3 name=x\n";
	static const struct pn_rec_event want[] = {
		{0, 0, 0, PN_REC_RUN, 0},	 {0, 0, 0, PN_REC_SLEEP, 0},
		{100000, 0, 0, PN_REC_IRQ, 1},	 {102000, 0, 0, PN_REC_RUN, 0},
		{150000, 0, 0, PN_REC_SLEEP, 0}, {160000, 0, 0, PN_REC_RUN, 0},
		{160000, 0, 0, PN_REC_IRQ, 0},	 {190000, 0, 0, PN_REC_IRQ, 0},
	};
	struct pn_recording *rec;
	struct pn_rec_reader *r;
	struct pn_rec_event ev;
	struct pn_diag d;

	(void)state;
	assert_int_equal(open_text(text, sizeof(text) - 1, &rec, &d), 0);
	assert_int_equal(pn_recording_summary(rec)->inferred, 2);
	assert_int_equal(pn_recording_summary(rec)->switches, 2);
	assert_int_equal(pn_rec_reader_open(rec, &r), 0);
	for (size_t i = 0; i < ROWS(want); i++) {
		assert_int_equal(pn_rec_reader_next(r, &ev), 1);
		if (ev.ns != want[i].ns || ev.kind != want[i].kind ||
		    ev.runs_next != want[i].runs_next)
			fail_msg("event %zu: %llu ns, kind %d, next %d", i,
				 (unsigned long long)ev.ns, ev.kind, ev.runs_next);
	}
	assert_int_equal(pn_rec_reader_next(r, &ev), 0);
	pn_rec_reader_close(r);
	pn_recording_close(rec);
}

/* What comes later than 100 us, or on another CPU, or after another interrupt, was not the answer.
 */
static void test_runs_next(void **state)
{
	static const char text[] =
		"<idle>-0 [001] d. 1.000000: irq_handler_entry: irq=3 name=x\n"
		"<idle>-0 [001] d. 1.000010: irq_handler_entry: irq=3 name=x\n"
		"<idle>-0 [002] d. 1.000015: sched_switch: swapper/2:0 [120] R ==> fio:8 [120]\n"
		"<idle>-0 [001] d. 1.000110: sched_switch: swapper/1:0 [120] R ==> fio:7 [120]\n"
		"fio-7 [001] d. 1.000120: irq_handler_entry: irq=3 name=x\n"
		"fio-7 [001] d. 1.000130: sched_switch: fio:7 [120] S ==> swapper/1:0 [120]\n"
		"<idle>-0 [001] d. 1.000200: irq_handler_entry: irq=3 name=x\n"
		"<idle>-0 [001] d. 1.000301: sched_switch: swapper/1:0 [120] R ==> fio:7 [120]\n"
		"fio-7 [001] d. 1.000310: sched_switch: fio:7 [120] S ==> swapper/1:0 [120]\n"
		"<idle>-0 [001] d. 1.000400: irq_handler_entry: irq=3 name=x\n";
	static const unsigned char next[] = {0, 1, 0, 0, 0};
	struct pn_recording *rec;
	struct pn_rec_reader *r;
	struct pn_rec_event ev;
	struct pn_diag d;
	size_t n = 0;

	(void)state;
	assert_int_equal(open_text(text, sizeof(text) - 1, &rec, &d), 0);
	assert_int_equal(pn_rec_reader_open(rec, &r), 0);
	while (pn_rec_reader_next(r, &ev) == 1)
		if (ev.kind == PN_REC_IRQ && (n == ROWS(next) || ev.runs_next != next[n++]))
			fail_msg("interrupt %zu: %d", n - 1, ev.runs_next);
	assert_int_equal(n, ROWS(next));
	pn_rec_reader_close(r);
	pn_recording_close(rec);
}

static size_t slurp(const char *name, unsigned char *buf, size_t size)
{
	FILE *f = fopen(name, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, size, f);
	fclose(f);
	return n;
}

/* The committed recordings, against the counts that were published with them. */
static void test_committed(void **state)
{
	static const struct {
		const char *name;
		uint64_t interrupts, switches, exits, lines, min_span, max_span;
	} rows[] = {
		{"randread-qd32", 5667, 12202, 5667, 23548, 4000000000, 4400000000},
		{"randread-qd1", 13270, 13449, 13269, 40000, 1030000000, 1045000000},
		{"bursty-write", 1720, 5961, 1720, 9413, 4000000000, 4400000000},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct pn_rec_summary *s;
		struct pn_recording *rec;
		struct pn_diag d;
		char name[256];

		snprintf(name, sizeof(name), PN_SOURCE_ROOT "/scenarios/recordings/%s.txt.gz",
			 rows[i].name);
		if (pn_recording_open(name, NULL, NULL, NULL, &rec, &d))
			fail_msg("%s:%lu: %s", d.file, d.line, d.text);
		s = pn_recording_summary(rec);
		if (s->interrupts != rows[i].interrupts || s->switches != rows[i].switches ||
		    s->exits != rows[i].exits || s->text_lines != rows[i].lines ||
		    s->span_ns < rows[i].min_span || s->span_ns > rows[i].max_span)
			fail_msg("%s: %llu interrupts", rows[i].name,
				 (unsigned long long)s->interrupts);
		assert_int_equal(s->cpus, 2);
		assert_string_equal(s->load_comm, "fio");
		assert_string_equal(s->format, "ftrace");
		pn_recording_close(rec);
	}
}

/* Every way to cut or damage a gzip file ends in -EBADMSG. */
static void test_damaged_gzip(void **state)
{
	static unsigned char good[200000], badc[200000];
	static const size_t cuts[] = {3, 9, 10, 11, 100, 20000};
	struct pn_recording *rec;
	struct pn_diag d;
	size_t n = slurp(PN_SOURCE_ROOT "/scenarios/recordings/bursty-write.txt.gz", good,
			 sizeof(good));

	(void)state;
	for (size_t i = 0; i < ROWS(cuts) + 8; i++) {
		size_t cut = i < ROWS(cuts) ? cuts[i] : n - 1 - (i - ROWS(cuts));

		lab_write(path, good, cut);
		if (pn_recording_open(path, NULL, NULL, NULL, &rec, &d) != -EBADMSG ||
		    !strstr(d.text, "truncated"))
			fail_msg("cut at %zu of %zu: %s", cut, n, d.text);
	}
	memcpy(badc, good, n);
	badc[n / 2] ^= 0x55;
	lab_write(path, badc, n);
	assert_int_equal(pn_recording_open(path, NULL, NULL, NULL, &rec, &d), -EBADMSG);
	assert_string_equal(d.text, "corrupt gzip file");
	assert_true(d.line > 1);
	memcpy(badc, good, n);
	badc[n - 6] ^= 1; /* the check sum */
	lab_write(path, badc, n);
	assert_int_equal(pn_recording_open(path, NULL, NULL, NULL, &rec, &d), -EBADMSG);
}

/* What zstd and xz pack is read, and a cut file is an error; without these programs: skipped. */
static void test_packed(void **state)
{
	static const struct {
		const char *program, *pack;
	} rows[] = {{"zstd", "zstd -qfc"}, {"xz", "xz -c"}};
	char command[600], packed[200];

	(void)state;
	snprintf(packed, sizeof(packed), "%s.packed", path);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct pn_recording *rec;
		struct pn_diag d = {0};

		snprintf(command, sizeof(command), "command -v %s >/dev/null", rows[i].program);
		if (system(command))
			continue;
		lab_write(path, ftrace, sizeof(ftrace) - 1);
		snprintf(command, sizeof(command), "%s <%s >%s", rows[i].pack, path, packed);
		assert_int_equal(system(command), 0);
		if (pn_recording_open(packed, NULL, NULL, NULL, &rec, &d))
			fail_msg("%s: %s", rows[i].program, d.text);
		check_events(rows[i].program, rec);
		pn_recording_close(rec);
		assert_int_equal(truncate(packed, 60), 0);
		assert_int_equal(pn_recording_open(packed, NULL, NULL, NULL, &rec, &d), -ENODATA);
		assert_non_null(strstr(d.text, rows[i].program));
		unlink(packed);
	}
}

static bool stop(void *ctx, uint64_t done, uint64_t all)
{
	unsigned *calls = ctx;

	assert_true(done <= all);
	return ++*calls < 3;
}

/* 64 MB: neither the text nor the events stay in memory; and a caller can stop it. */
static void test_big(void **state)
{
	struct rusage before, after;
	struct pn_recording *rec;
	struct pn_rec_reader *r;
	struct pn_rec_event ev;
	struct pn_diag d;
	unsigned calls = 0;
	uint64_t n = 0, irqs = 0;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	for (uint64_t t = 0; n < 64000000; t++)
		n += (uint64_t)fprintf(f,
				       "          <idle>-0       [%03u] d.h1.  %llu.%06llu: "
				       "irq_handler_entry: irq=36 name=virtio1-req.0\n",
				       (unsigned)(t % 64), (unsigned long long)(t / 500000),
				       (unsigned long long)(t % 500000 * 2));
	fclose(f);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(pn_recording_open(path, NULL, NULL, NULL, &rec, &d), 0);
	assert_int_equal(pn_rec_reader_open(rec, &r), 0);
	while (pn_rec_reader_next(r, &ev) == 1)
		irqs += ev.kind == PN_REC_IRQ;
	getrusage(RUSAGE_SELF, &after);
	assert_int_equal(irqs, pn_recording_summary(rec)->interrupts);
	assert_true(irqs > 600000);
	if (after.ru_maxrss - before.ru_maxrss > 12000)
		fail_msg("memory grew by %ld KiB", after.ru_maxrss - before.ru_maxrss);
	pn_rec_reader_close(r);
	pn_recording_close(rec);
	assert_int_equal(pn_recording_open(path, NULL, stop, &calls, &rec, &d), -EINTR);
	assert_int_equal(calls, 3);
}

/* One line longer than any buffer, and then an event. */
static void test_long_line(void **state)
{
	static char text[700000];
	struct pn_recording *rec;
	struct pn_diag d;
	size_t n = sizeof(text) - 200;

	(void)state;
	memset(text, '[', n);
	n += (size_t)snprintf(text + n, 200, "\n%s", IRQ("1.000000"));
	assert_int_equal(open_text(text, n, &rec, &d), 0);
	assert_int_equal(pn_recording_summary(rec)->text_lines, 2);
	assert_int_equal(pn_recording_summary(rec)->interrupts, 1);
	pn_recording_close(rec);
}

/* More CPUs, lines and kinds of events than there is room for. */
static void test_limits(void **state)
{
	static char text[200000];
	const struct pn_rec_summary *s;
	struct pn_recording *rec;
	struct pn_diag d;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i <= PN_REC_MAX_CPUS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "a-1 [%u] 1.0: irq_handler_entry: irq=1 name=x\n", i);
	assert_int_equal(open_text(text, n, &rec, &d), -E2BIG);
	assert_int_equal(d.line, PN_REC_MAX_CPUS + 1);
	n = 0;
	for (unsigned i = 0; i < 3000; i++) /* lines have no limit */
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "a-1 [%u] 1.0: irq_handler_entry: irq=%u name=x\n", i % 50,
				      i);
	assert_int_equal(open_text(text, n, &rec, &d), 0);
	assert_int_equal(pn_recording_summary(rec)->lines, 3000);
	assert_int_equal(pn_recording_summary(rec)->slots, 60);
	assert_int_equal(pn_recording_summary(rec)->line[2999].irq, 2999);
	pn_recording_close(rec);
	n = (size_t)snprintf(text, sizeof(text), "%s", IRQ("1.0"));
	for (unsigned i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a-1 [1] 1.0: event%u: x\n", i);
	assert_int_equal(open_text(text, n, &rec, &d), 0);
	s = pn_recording_summary(rec);
	assert_int_equal(s->skips, PN_REC_MAX_SKIP);
	assert_int_equal(skipped(s, "event14"), 1);
	assert_int_equal(skipped(s, "other events"), 85);
	pn_recording_close(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),	    cmocka_unit_test(test_errors),
		cmocka_unit_test(test_open_errors), cmocka_unit_test(test_sort),
		cmocka_unit_test(test_inferred),    cmocka_unit_test(test_runs_next),
		cmocka_unit_test(test_committed),   cmocka_unit_test(test_damaged_gzip),
		cmocka_unit_test(test_big),	    cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_limits),	    cmocka_unit_test(test_packed),
	};
	int failed;

	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/recording", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
