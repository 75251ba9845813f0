/* SPDX-License-Identifier: MIT */
/*
 * trace.dat, read by libtracecmd or by the program trace-cmd, whichever there is: files of version
 * 6 that the test writes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab_file.h"
#include "recording.h"

#define PAGE	  4096
#define PAGE_HEAD 16
#define CPUS	  2

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

static char dir[128], path[160];

static const char header_page[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
				  "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
				  "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
				  "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n";

static const char header_event[] = "# compressed entry header\n\ttype_len    :    5 bits\n"
				   "\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n"
				   "\tpadding     : type == 29\n\ttime_extend : type == 30\n"
				   "\ttime_stamp : type == 31\n\tdata max type_len  == 28\n";

#define COMMON                                                                                     \
	"format:\n"                                                                                \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"             \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

enum { IRQ = 10, SWITCH = 11 };

static const char irq_format[] =
	"name: irq_handler_entry\nID: 10\n" COMMON
	"\tfield:int irq;\toffset:8;\tsize:4;\tsigned:1;\n"
	"\tfield:__data_loc char[] name;\toffset:12;\tsize:4;\tsigned:1;\n\n"
	"print fmt: \"irq=%d name=%s\", REC->irq, __get_str(name)\n";

static const char switch_format[] =
	"name: sched_switch\nID: 11\n" COMMON
	"\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:1;\n"
	"\tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n"
	"\tfield:int prev_prio;\toffset:28;\tsize:4;\tsigned:1;\n"
	"\tfield:long prev_state;\toffset:32;\tsize:8;\tsigned:1;\n"
	"\tfield:char next_comm[16];\toffset:40;\tsize:16;\tsigned:1;\n"
	"\tfield:pid_t next_pid;\toffset:56;\tsize:4;\tsigned:1;\n"
	"\tfield:int next_prio;\toffset:60;\tsize:4;\tsigned:1;\n\n"
	"print fmt: \"prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s ==> next_comm=%s "
	"next_pid=%d next_prio=%d\", REC->prev_comm, REC->prev_pid, REC->prev_prio, "
	"REC->prev_state ? \"S\" : \"R\", REC->next_comm, REC->next_pid, REC->next_prio\n";

static void put(FILE *f, const void *data, size_t n)
{
	assert_int_equal(fwrite(data, 1, n, f), n);
}

static void put16(FILE *f, uint16_t v)
{
	put(f, &v, sizeof(v));
}

static void put32(FILE *f, uint32_t v)
{
	put(f, &v, sizeof(v));
}

static void put64(FILE *f, uint64_t v)
{
	put(f, &v, sizeof(v));
}

static void put_text(FILE *f, const char *text)
{
	put64(f, strlen(text));
	put(f, text, strlen(text));
}

/* One ring-buffer page: events, each with its distance from the one before. */
struct page {
	uint64_t ns, last;
	uint32_t used;
	unsigned char data[PAGE - PAGE_HEAD];
};

/* False: no room. */
static bool event(struct page *p, uint64_t ns, const void *data, uint32_t words)
{
	uint32_t head = words | (uint32_t)(ns - p->last) << 5;

	if (p->used + 4 + 4 * words > sizeof(p->data))
		return false;
	memcpy(p->data + p->used, &head, 4);
	memcpy(p->data + p->used + 4, data, 4 * words);
	p->used += 4 + 4 * words;
	p->last = ns;
	return true;
}

static bool irq(struct page *p, uint64_t ns, int32_t number)
{
	struct {
		uint16_t type;
		uint8_t flags, preempt;
		int32_t pid, irq;
		uint32_t where;
		char name[8];
	} e = {.type = IRQ, .irq = number, .where = 8u << 16 | 16, .name = "nvme0q1"};

	return event(p, ns, &e, sizeof(e) / 4);
}

static bool to_task(struct page *p, uint64_t ns, bool run)
{
	struct {
		uint16_t type;
		uint8_t flags, preempt;
		int32_t pid;
		char prev[16];
		int32_t prev_pid, prev_prio;
		int64_t state;
		char next[16];
		int32_t next_pid, next_prio;
	} e = {.type = SWITCH, .pid = run ? 0 : 7, .prev_pid = run ? 0 : 7, .state = !run};

	strcpy(e.prev, run ? "swapper/0" : "fio");
	strcpy(e.next, run ? "fio" : "swapper/0");
	e.next_pid = run ? 7 : 0;
	return event(p, ns, &e, sizeof(e) / 4);
}

/* @lost: events that were lost before the page; the number is behind its events. */
static void put_page(FILE *f, struct page *p, uint64_t lost)
{
	if (lost)
		memcpy(p->data + p->used, &lost, sizeof(lost));
	put64(f, p->ns);
	put64(f, p->used | (lost ? 1u << 31 | 1u << 30 : 0));
	put(f, p->data, sizeof(p->data));
}

static void put_options(FILE *f, const char *clock)
{
	put(f, "options  ", 10);
	if (clock) {
		put16(f, 4); /* TRACECLOCK */
		put32(f, (uint32_t)strlen(clock) + 1);
		put(f, clock, strlen(clock) + 1);
	}
	put16(f, 0);
}

/* Everything before the pages of @pages[] per CPU; the file ends at the first page. */
static void put_head(FILE *f, const char *clock, const uint64_t pages[CPUS])
{
	uint64_t at;

	put(f, "\x17\x08\x44tracing6\0\0\x08", 14);
	put32(f, PAGE);
	put(f, "header_page", 12);
	put_text(f, header_page);
	put(f, "header_event", 13);
	put_text(f, header_event);
	put32(f, 0); /* formats of ftrace */
	put32(f, 2); /* systems */
	put(f, "irq", 4);
	put32(f, 1);
	put_text(f, irq_format);
	put(f, "sched", 6);
	put32(f, 1);
	put_text(f, switch_format);
	put32(f, 0); /* kallsyms */
	put32(f, 0); /* printk */
	put_text(f, "7 fio\n");
	put32(f, CPUS);
	put_options(f, clock);
	put(f, "flyrecord", 10);
	at = ((uint64_t)ftell(f) + 16 * CPUS + PAGE - 1) / PAGE * PAGE;
	for (unsigned i = 0; i < CPUS; i++) {
		put64(f, pages[i] ? at : 0);
		put64(f, pages[i] * PAGE);
		at += pages[i] * PAGE;
	}
	while (ftell(f) % PAGE)
		fputc(0, f);
}

/* Two CPUs whose events alternate in time; a switch on CPU 0. */
static void small_file(const char *clock)
{
	static const uint64_t pages[CPUS] = {1, 1};
	struct page p[CPUS] = {{.ns = 5000000000, .last = 5000000000},
			       {.ns = 5000000000, .last = 5000000000}};
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(irq(&p[0], 5000001000, 36));
	assert_true(irq(&p[1], 5000002000, 37));
	assert_true(to_task(&p[0], 5000003001, true));
	assert_true(irq(&p[1], 5000004000, 37));
	assert_true(to_task(&p[0], 5000005000, false));
	put_head(f, clock, pages);
	put_page(f, &p[0], 0);
	put_page(f, &p[1], 5);
	fclose(f);
}

static struct pn_recording *read_it(double ghz)
{
	struct pn_rec_hints hints = {.tsc_ghz = ghz};
	struct pn_recording *rec;
	struct pn_diag d = {0};
	int err = pn_recording_open(path, &hints, NULL, NULL, &rec, &d);

	if (err && strstr(d.text, "cannot be started"))
		skip(); /* neither the library nor the program */
	if (err)
		fail_msg("line %lu: %s", d.line, d.text);
	return rec;
}

static void test_small(void **state)
{
	const struct pn_rec_summary *s;
	struct pn_recording *rec;

	(void)state;
	small_file(NULL);
	rec = read_it(0);
	s = pn_recording_summary(rec);
	assert_string_equal(s->format, "trace-cmd report");
	assert_int_equal(s->interrupts, 3);
	assert_int_equal(s->switches, 2);
	assert_int_equal(s->cpus, 2);
	assert_int_equal(s->first_ns, 5000001000);
	assert_int_equal(s->span_ns, 4000);
	assert_int_equal(s->line[0].irq, 36);
	assert_string_equal(s->line[1].name, "nvme0q1");
	assert_int_equal(s->line[1].count, 2);
	assert_string_equal(s->load_comm, "fio");
	assert_int_equal(s->lost, 5);
	assert_int_equal(s->sorted, 0);
	pn_recording_close(rec);
}

/* The clock of the file says whether times are ticks. */
static void test_ticks(void **state)
{
	struct pn_recording *rec;
	struct pn_diag d = {0};

	(void)state;
	small_file("local global [x86-tsc]");
	if (pn_recording_open(path, NULL, NULL, NULL, &rec, &d) != -EINVAL ||
	    !strstr(d.text, "their rate is missing")) {
		if (strstr(d.text, "cannot be started"))
			skip();
		fail_msg("not refused: %s", d.text);
	}
	rec = read_it(2);
	assert_int_equal(pn_recording_summary(rec)->span_ns, 2000);
	pn_recording_close(rec);
}

static void test_damaged(void **state)
{
	struct pn_recording *rec;
	struct pn_diag d = {0};

	(void)state;
	small_file(NULL);
	assert_int_equal(truncate(path, 600), 0);
	assert_int_equal(pn_recording_open(path, NULL, NULL, NULL, &rec, &d), -ENODATA);
}

/* Memory that is ours: the file's pages, which the library maps, belong to the system's cache. */
static long own_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kib = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "RssAnon:", 8))
			kib = strtol(line + 8, NULL, 10);
	fclose(f);
	return kib;
}

static bool look(void *ctx, uint64_t done, uint64_t all)
{
	long *most = ctx, now = own_kib();

	(void)done;
	(void)all;
	if (now > *most)
		*most = now;
	return true;
}

/* 16 MiB: memory does not grow with the file. (A sanitizer keeps what was freed.) */
static void test_big(void **state)
{
	static const uint64_t pages[CPUS] = {2000, 2000};
	struct pn_recording *rec;
	long before, most = 0;
	struct pn_diag d = {0};
	uint64_t n = 0;
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	put_head(f, NULL, pages);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		uint64_t ns = 5000000000 + cpu;

		for (unsigned i = 0; i < pages[cpu]; i++) {
			struct page p = {.ns = ns, .last = ns};

			while (irq(&p, ns, 36)) {
				ns += 1000;
				n++;
			}
			put_page(f, &p, 0);
		}
	}
	fclose(f);
	before = own_kib();
	if (pn_recording_open(path, NULL, look, &most, &rec, &d)) {
		if (strstr(d.text, "cannot be started"))
			skip();
		fail_msg("line %lu: %s", d.line, d.text);
	}
	assert_int_equal(pn_recording_summary(rec)->interrupts, n);
	assert_int_equal(pn_recording_summary(rec)->sorted, 0);
	assert_true(most > before);
	if (!SANITIZED && most - before > 6000)
		fail_msg("memory grew by %ld KiB", most - before);
	pn_recording_close(rec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_ticks),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_big),
	};
	int failed;

	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/trace.dat", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
