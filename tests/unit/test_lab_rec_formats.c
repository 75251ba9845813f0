/* SPDX-License-Identifier: MIT */
/*
 * The forms in which people have recordings, one row each: what is read, what is refused and why,
 * and which tasks are the load.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab_file.h"
#include "recording.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

static char dir[128], path[160];

#define ENTRY "irq_handler_entry: irq=7 name=dev q1"
#define SW(from, st, to)                                                                           \
	"sched_switch: prev_comm=" from " prev_prio=120 prev_state=" st " ==> next_comm=" to       \
	" next_prio=120"
#define IDLE		  "swapper/1 prev_pid=0"
#define TO_IDLE		  "swapper/1 next_pid=0"
#define APP(comm, pid)	  comm " prev_pid=" pid
#define TO_APP(comm, pid) comm " next_pid=" pid
#define AT(t)		  "          <idle>-0     [001] d.h1. " t ": "
#define BY(comm, pid, t)  comm "-" pid " [001] d.h1. " t ": "

/* clang-format off */
static const struct {
	const char *rule, *text;
	double ghz;
	const char *load_wanted;
	/* what is read */
	const char *format;
	uint64_t irqs, switches, lost, span_ns;
	const char *load; /* NULL: none */
	const char *says; /* the error */
} rows[] = {
	{"ftrace", "# tracer: nop\n" AT("5.000001") ENTRY "\n" AT("5.000003") SW(IDLE, "R", TO_APP("app", "9")) "\n",
	 .format = "ftrace", .irqs = 1, .switches = 1, .span_ns = 2000, .load = "app"},
	{"ftrace: old flags, tgid, tabs, CRLF", "\tapp-9 (    8) [001]\td.h1 5.000001:\t" ENTRY "\r\n",
	 .format = "ftrace", .irqs = 1},
	{"a comm like a head", "  x [3] 1.5: y-9  [1234] d.h1. 5.000001: " ENTRY "\n" "  x [3] 1.5: y-9  [1234] d.h1. 5.000004: " ENTRY "\n",
	 .format = "ftrace", .irqs = 2, .span_ns = 3000},
	{"trace-cmd --ts-diff", "cpus=2\n  app-9   [001]   5.000001:          " ENTRY "\n  app-9   [001]   5.000006: (+5)     " ENTRY "\n",
	 .format = "trace-cmd report", .irqs = 2, .span_ns = 5000},
	{"trace-cmd -l", "cpus=2\n   my app-9    123d.h1.  5.000001: " ENTRY "\n   my app-9    123dNH2.  5.000006: " ENTRY "\n",
	 .format = "trace-cmd report -l", .irqs = 2, .span_ns = 5000},
	{"latency format: marks", "  <idle>-0         1d.h1.   10us : " ENTRY "\n  <idle>-0         1d.h1.  110us+: " ENTRY "\n  <idle>-0         1dNh1. 1110us!: " ENTRY "\n",
	 .format = "ftrace, latency format", .irqs = 3, .span_ns = 1100000},
	{"latency format: no room", "  <idle>-0    1021d.h1.   10us : " ENTRY "\n",
	 .format = "ftrace, latency format", .irqs = 1},
	{"latency format: full names from switches",
	 "qemu-sys-5 1d..2.  1us : " SW(APP("qemu-system-x86", "5"), "S", TO_IDLE) "\n  <idle>-0 1d..2.  5us : " SW(IDLE, "R", TO_APP("qemu-system-x86", "5")) "\n qemu-sys-5 1d.h1.  9us : " ENTRY "\n",
	 .format = "ftrace, latency format", .irqs = 1, .switches = 2, .span_ns = 8000, .load = "qemu-system-x86"},
	{"latency format: verbose", " <idle> 0 1 1 00010001 [0000005] 100.000ms (+0.010ms): " ENTRY "\n",
	 .says = "verbose latency format (expected the trace option noverbose)"},
	{"kernel log, with the caller", "<4>[   12.345678][    T1]   app-9    1d.h1. 5000001us : " ENTRY "\n",
	 .format = "ftrace, latency format", .irqs = 1},
	{"syslog", "2024-01-05T10:00:00+0100 host kernel: [   12.345678] app-9 [001] d.h1. 5.000001: " ENTRY "\n" "Jan  5 10:00:00 host kernel: app-9 [001] d..2. 5.000002: " SW(APP("app", "9"), "S", TO_IDLE) "\n" "Jan  5 10:00:00 host kernel: <idle>-0 [001] d..2. 5.000004: " SW(IDLE, "R", TO_APP("app", "9")) "\n",
	 .format = "ftrace", .irqs = 1, .switches = 2, .span_ns = 3000, .load = "app"},
	{"function_graph", " 5.000001 |   1)   app-9    |  d.h. |   0.1 us    |  /* " ENTRY " */\n 5.000001 |   1)   0.345 us    |  foo();\n 5.000004 | 1)  | /* " SW(APP("app", "9"), "S", TO_IDLE) " */\n",
	 .format = "function_graph", .irqs = 1, .switches = 1, .span_ns = 3000},
	{"function_graph without times", "   1)               |  /* " ENTRY " */\n",
	 .says = "expected the trace option funcgraph-abstime"},
	{"function_graph without CPUs", " 5.000001 |               |  /* " ENTRY " */\n",
	 .says = "expected the trace option funcgraph-cpu"},
	{"perf script", "my app     9/9     [001]     5.000001:          1 irq:" ENTRY "\n nginx: worker pr   77 [001] 5.000002: irq:" ENTRY "\n",
	 .format = "perf script", .irqs = 2, .span_ns = 1000},
	{"perf script with addresses", "app     9 [001]     5.000001000: irq:" ENTRY " ffffffff810fab12 handle_irq_event+0x1 ([kernel.kallsyms])\n",
	 .format = "perf script", .irqs = 1},
	{"a switch to nothing, with an address", "app     9 [001]     5.000001: irq:" ENTRY "\napp 9 [001] 5.000002: sched:sched_switch: app:9 [120] S ==>  ffffffff810fab12 schedule+0x1\n",
	 .format = "perf script", .irqs = 1},
	{"perf script: unknown task", ":-1    -1 [001]     5.000001: irq:" ENTRY "\n:-1 -1 [001] 5.000003: sched:" SW(IDLE, "R", TO_APP("app", "9")) "\n",
	 .format = "perf script", .irqs = 1, .switches = 1, .span_ns = 2000, .load = "app"},
	{"perf script without CPU", "app     9     5.000001: irq:" ENTRY "\n", .says = "expected perf script -F +cpu)"},
	{"perf script without time", "app     9 [001] irq:" ENTRY "\n", .says = "expected perf script -F +time)"},
	{"perf script without both", "app     9 irq:" ENTRY "\n", .says = "expected perf script -F +cpu,+time)"},
	{"perf script without fields", "app     9 [001]   5.000001: irq:irq_handler_entry: \n", .says = "expected perf script -F +trace)"},
	{"perf trace", "   0.100 ( 0.010 ms): app/9 irq:irq_handler_entry(irq: 7, name: \"x\")\n", .says = "the format of perf trace"},
	{"perf-prof", "2024-04-12 13:47:26.370747 G     my app      9 d.h1 [001] 5.000001: irq:" ENTRY "\n2024-04-12 13:47:26.370747 G     my app      9 d..2 [001] 5.000002: sched:" SW(APP("my app", "9"), "R", TO_APP("my app", "10")) "\n",
	 .format = "perf script", .irqs = 1, .switches = 1, .span_ns = 1000, .load = "my app"},
	{"babeltrace of LTTng", "[23:00:01.000000001] (+0.1) h irq_handler_entry: { cpu_id = 1 }, { irq = 7, name = \"q1\" }\n[23:00:01.000000101] (+0.000000100) h sched_switch: { cpu_id = 1 }, { prev_comm = \"swapper/1\", prev_tid = 0, prev_prio = 20, prev_state = ( \"TASK_RUNNING\" : container = 0 ), next_comm = \"my app\", next_tid = 9, next_prio = 20 }\n",
	 .format = "babeltrace", .irqs = 1, .switches = 1, .span_ns = 100, .load = "my app"},
	{"babeltrace of perf, in seconds", "[5.000000001] (+?.?) irq:irq_handler_entry: { cpu_id = 1 }, { perf_ip = 0xFFFFFFFF81, perf_tid = 9, irq = 7, name = \"q1\" }\n",
	 .format = "babeltrace", .irqs = 1},
	{"ticks", AT("300000300000") ENTRY "\n" AT("300000303000") ENTRY "\n", .ghz = 3,
	 .format = "ftrace", .irqs = 2, .span_ns = 1000},
	{"ticks, trace-cmd -l", " <idle>-0  1d.h1. 300000300000: " ENTRY "\n <idle>-0  1d.h1. 300000303000: " ENTRY "\n", .ghz = 1.5,
	 .format = "ftrace, latency format", .irqs = 2, .span_ns = 2000},
	{"ticks of an unknown rate", AT("300000300000") ENTRY "\n", .says = "the clock counts ticks, and their rate is missing"},
	{"a rate, and no ticks", AT("5.000001") ENTRY "\n", .ghz = 3, .says = "the times are in seconds"},
	{"two files", "  a.dat:            app-9     [001]  5.000001: " ENTRY "\n  b.dat:            app-9     [001]  5.000002: " ENTRY "\n",
	 .says = "lines of several machines, files or buffers, 'a.dat' and 'b.dat'"},
	{"one file of a report with names", "  a.dat:            app-9     [001]  5.000001: " ENTRY "\n  a.dat:            app-9     [001]  5.000002: " SW(APP("app", "9"), "R", TO_APP("app", "8")) "\n",
	 .format = "trace-cmd report", .irqs = 1, .switches = 1, .span_ns = 1000, .load = "app"},
	{"two VMs", "VM:5 VCPU:000  app  9/9 [001] 5.000001: irq:" ENTRY "\nVM:6 VCPU:000  app 9/9 [001] 5.000002: irq:" ENTRY "\n",
	 .says = "'VM:5' and 'VM:6'"},
	{"a VM and its host", "VM:5 VCPU:000  app  9/9 [001] 5.000001: irq:" ENTRY "\n app 9/9 [001] 5.000002: irq:" ENTRY "\n",
	 .says = "'VM:5' and 'the host'"},
	{"two hosts", "[5.0] (+?.?) a irq_handler_entry: { cpu_id = 1 }, { irq = 7, name = \"q\" }\n[5.1] (+0.1) b irq_handler_entry: { cpu_id = 1 }, { irq = 7, name = \"q\" }\n",
	 .says = "'a' and 'b'"},
	{"an interrupt with two handlers", AT("5.000001") "irq_handler_entry: irq=9 name=a\n" AT("5.000002") "irq_handler_exit: irq=9 ret=unhandled\n" AT("5.000003") "irq_handler_entry: irq=9 name=b\n" AT("5.000004") "irq_handler_exit: irq=9 ret=handled\n" AT("5.000005") "irq_handler_entry: irq=9 name=a\n" AT("5.000006") "irq_handler_entry: irq=9 name=b\n" AT("5.000100") "irq_handler_entry: irq=9 name=b\n",
	 .format = "ftrace", .irqs = 3, .span_ns = 99000},
	{"lost: ftrace, trace-cmd, perf, babeltrace", AT("5.000001") ENTRY "\nCPU:1 [LOST 3 EVENTS]\nCPU:1 [4 EVENTS DROPPED]\nCPU:1 [EVENTS DROPPED]\nswapper 0 [001] 5.2: PERF_RECORD_LOST id:88: lost:5\nTracer discarded 6 events between [5.1] and [5.2]\nLOST 7 events!\n",
	 .format = "ftrace", .irqs = 1, .lost = 26},
	{"script of a page", "  var linuxPerfData = \"\\\n# tracer: nop\\n\\\n app-9 [001] d.h1 5.000001: " ENTRY "\\n\\\n",
	 .format = "ftrace", .irqs = 1},
	{"first line that is not understood", AT("5.000001") "foo: x\n" AT("5.000001") "irq_handler_entry: name=x\n" AT("5.0") "irq_handler_entry: y\n",
	 .says = "without its number"},
	/* the load */
	{"vCPU threads, and a busier helper", BY("CPU 0/KVM", "50", "5.000001") ENTRY "\n" BY("CPU 1/KVM", "51", "5.000002") ENTRY "\n" BY("x", "8", "5.000003") SW(APP("x", "8"), "S", TO_APP("vhost-50", "60")) "\n" BY("x", "8", "5.000004") SW(APP("vhost-50", "60"), "S", TO_APP("CPU 1/KVM", "51")) "\n",
	 .format = "ftrace", .irqs = 2, .switches = 2, .span_ns = 3000, .load = "CPU */KVM"},
	{"kvm_entry says who is a vCPU", BY("vm:guest", "50", "5.000001") "kvm_entry: vcpu 0, rip 0xffff\n" BY("vm:guest", "50", "5.000002") "kvm_exit: reason EXTERNAL_INTERRUPT rip 0x1 info 0 0\n" BY("vm:guest", "50", "5.000003") ENTRY "\n" BY("app", "8", "5.000004") SW(APP("vm:guest", "50"), "S", TO_APP("app", "8")) "\n",
	 .format = "ftrace", .irqs = 1, .switches = 1, .span_ns = 3000, .load = "vm:guest"},
	{"kernel threads are not it", BY("napi/eth0-81", "4", "5.000001") ENTRY "\n" BY("z_wr_iss", "5", "5.000002") SW(APP("z_wr_iss", "5"), "S", TO_APP("kworker/1:1H", "6")) "\n" BY("kworker/1:1H", "6", "5.000003") SW(APP("kworker/1:1H", "6"), "I", TO_APP("app", "8")) "\n",
	 .format = "ftrace", .irqs = 1, .switches = 2, .span_ns = 2000, .load = "app"},
	{"threads of one process", "w1-11 (   10) [001] d..2. 5.000001: " SW(APP("w1", "11"), "S", TO_APP("x", "8")) "\n" "x-8 (   8) [001] d..2. 5.000002: " SW(APP("x", "8"), "S", TO_APP("rx", "12")) "\n" "rx-12 (  10) [001] d.h1. 5.000003: " ENTRY "\nw1-11 (  10) [002] d.h1. 5.000003: " ENTRY "\n",
	 .format = "ftrace", .irqs = 2, .switches = 2, .span_ns = 2000, .load = "rx"},
	{"--load by name", BY("app", "8", "5.000001") ENTRY "\n" BY("app", "8", "5.000002") SW(APP("app", "8"), "R", TO_APP("cc1", "9")) "\n", .load_wanted = "cc*",
	 .format = "ftrace", .irqs = 1, .switches = 1, .span_ns = 1000, .load = "cc1"},
	{"--load by tid", BY("app", "8", "5.000001") ENTRY "\n" BY("app", "8", "5.000002") SW(APP("app", "8"), "R", TO_APP("cc1", "9")) "\n", .load_wanted = "9",
	 .format = "ftrace", .irqs = 1, .switches = 1, .span_ns = 1000, .load = "cc1"},
	{"--load of none", BY("app", "8", "5.000001") ENTRY "\n" BY("app", "8", "5.000002") SW(APP("app", "8"), "R", TO_APP("cc1", "9")) "\n", .load_wanted = "gcc",
	 .says = "--load gcc: no such task (there is 'app', 'cc1')"},
};
/* clang-format on */

static void check(size_t i, const struct pn_rec_summary *s)
{
	if (strcmp(s->format, rows[i].format) || s->interrupts != rows[i].irqs ||
	    s->switches != rows[i].switches || s->lost != rows[i].lost ||
	    s->span_ns != rows[i].span_ns)
		fail_msg("%s: %s, %llu interrupts, %llu switches, %llu lost, %llu ns", rows[i].rule,
			 s->format, (unsigned long long)s->interrupts,
			 (unsigned long long)s->switches, (unsigned long long)s->lost,
			 (unsigned long long)s->span_ns);
	if (strcmp(s->load_comm, rows[i].load ? rows[i].load : s->load_comm))
		fail_msg("%s: the load is '%s' (%s)", rows[i].rule, s->load_comm, s->load_why);
	if (!strcmp(s->line[0].name, "dev q1") == !strstr(rows[i].text, "dev q1"))
		fail_msg("%s: the line is '%s'", rows[i].rule, s->line[0].name);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct pn_rec_hints hints = {rows[i].ghz, rows[i].load_wanted};
		struct pn_recording *rec;
		struct pn_diag d = {0};
		int err;

		lab_write(path, rows[i].text, strlen(rows[i].text));
		err = pn_recording_open(path, &hints, NULL, NULL, &rec, &d);
		if (rows[i].says && (!err || !strstr(d.text, rows[i].says)))
			fail_msg("%s: %d, %s", rows[i].rule, err, d.text);
		if (!rows[i].says && err)
			fail_msg("%s: line %lu: %s", rows[i].rule, d.line, d.text);
		if (!err)
			check(i, pn_recording_summary(rec));
		pn_recording_close(rec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
	int failed;

	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/recording", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
