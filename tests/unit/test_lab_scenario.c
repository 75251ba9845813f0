/* SPDX-License-Identifier: MIT */
/* Scenario files: every key, every refusal with its message, and the table in docs/scenarios.md. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lab_file.h"
#include "scenario.h"
#include "scenario_keys.h"

#define ROWS(t) (sizeof(t) / sizeof((t)[0]))

#define VM    "[vm g]\nvcpus = 4\n"
#define DEV   "[device d]\n"
#define SMALL "[machine]\nint_tab_entries = 512\n"
#define LOAD  "[load l]\ntype = poisson\nrate = 1k/s\n"
#define ALL   VM DEV LOAD
#define BARE  DEV LOAD
#define IPI   "[ipi i]\n"
#define PING  VM IPI "type = pingpong\n"
#define RAIN  VM IPI "type = storm\n"
#define OFF   "[inhibit x]\n"
#define MIXED ALL IPI "type = storm\n"
#define LONG  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static char dir[128], path[160];

static const struct {
	const char *rule, *text;
	const char *set; /* one --set, or NULL */
	int err;
	unsigned long line;
	const char *expect; /* part of the message */
} rows[] = {
	{"smallest", ALL, NULL, 0, 0, NULL},
	{"bare sections", "[vm]\nvcpus=1\n[device]\n[load]\ntype=poisson\nrate=1/s\n", NULL, 0, 0,
	 NULL},
	{"indented, CRLF, BOM", "\xEF\xBB\xBF[vm g]\r\n  vcpus = 4\r\n  pin = yes\r\n" DEV LOAD,
	 NULL, 0, 0, NULL},
	{"comments", "# c\n; c\n[vm g] # c\nvcpus = 4 # c\npin = yes ; c\n" DEV LOAD, NULL, 0, 0,
	 NULL},
	{"no newline at the end", VM LOAD "[device d]\nqueues = 2", NULL, 0, 0, NULL},
	{"one name, three kinds", "[vm x]\nvcpus=1\n[device x]\n[load x]\ntype=poisson\nrate=1/s",
	 NULL, 0, 0, NULL},

	{"empty", "", NULL, -EINVAL, 0, "no [device NAME] and no [ipi NAME] section"},
	{"no device", VM LOAD, NULL, -EINVAL, 0, "no [device NAME] and no [ipi NAME] section"},
	{"no load", VM DEV, NULL, -EINVAL, 3, "[device d] needs a [load NAME] section"},
	{"unknown section", ALL "[divice x]\n", NULL, -EINVAL, 7, "did you mean [device]?"},
	{"alien section", "[global]\n", NULL, -EINVAL, 1,
	 "unknown section [global] (expected machine, costs, vm, device, load, ipi or inhibit)"},
	{"empty section", "[]\n", NULL, -EINVAL, 1, "unknown section []"},
	{"section without end", "[vm x\n", NULL, -EINVAL, 1, "neither a comment"},
	{"text after a section", "[vm x] y\n", NULL, -EINVAL, 1, "text after"},
	{"machine with a name", "[machine big]\n", NULL, -EINVAL, 1, "takes no name"},
	{"machine twice", "[machine]\n[vm g]\n[machine]\n", NULL, -EINVAL, 3, "first in line 1"},
	{"vm twice", VM "[vm g]\n", NULL, -EINVAL, 3, "[vm g] is there twice (first in line 1)"},
	{"bad name", "[vm a.b]\n", NULL, -EINVAL, 1, "is no name"},
	{"name of 32", "[vm a2345678901234567890123456789012]\n", NULL, -EINVAL, 1, "is no name"},
	{"header of 80", "[vm " LONG "]\n", NULL, -EINVAL, 1, "too long"},
	{"key first", "vcpus = 1\n", NULL, -EINVAL, 1, "before the first [section]"},
	{"no equals sign", "[vm g]\nvcpus 4\n", NULL, -EINVAL, 2, "neither a comment"},
	{"unknown key", "[machine]\npcpu = 4\n" ALL, NULL, -EINVAL, 2, "did you mean \"pcpus\"?"},
	{"KVM's parameters",
	 "[machine]\nhalt_poll_ns = 200000\nhalt_poll_ns_grow_start = 10us\n" ALL,
	 "machine.halt_poll_ns_shrink=0", 0, 0, NULL},
	{"its name", "[machine]\nhalt_poll_ns_srink = 2\n" ALL, NULL, -EINVAL, 2,
	 "did you mean \"halt_poll_ns_shrink\"?"},
	{"its unit", "[machine]\nhalt_poll_ns = 2u\n" ALL, NULL, -EINVAL, 2, "not a time"},
	{"its longest", "[machine]\nhalt_poll_ns = 1000000001\n" ALL, NULL, -EINVAL, 2,
	 "out of range (expected time, 0 .. 1s; ns without a unit)"},
	{"its factor", "[machine]\nhalt_poll_ns_grow = -1\n" ALL, NULL, -EINVAL, 2,
	 "not a number (expected 0 .. 1024)"},
	{"a bare number elsewhere", "[machine]\nhalt_poll = 200000\n" ALL, NULL, -EINVAL, 2,
	 "a time needs a unit"},
	{"two kinds of polling", "[machine]\nhalt_poll = 1us\nhalt_poll_ns_grow = 2\n" ALL, NULL,
	 -EINVAL, 3, "halt_poll, which is always as long, exclude each other"},
	{"alien key", "[vm g]\nzebra = 4\n", NULL, -EINVAL, 2, "known: count, vcpus, pin"},
	{"key of another section", "[vm g]\nservice = exp(1us)\n", NULL, -EINVAL, 2, "unknown key"},
	{"key twice", "[vm g]\nvcpus = 4\npin = no\nvcpus = 5\n", NULL, -EINVAL, 4,
	 "first in line 2"},
	{"long line", "[vm g]\nvcpus = " LONG LONG LONG "\n", NULL, -EINVAL, 2, "line too long"},
	{"long line, not split", VM "pin = yes " LONG LONG LONG " = 1\n", NULL, -EINVAL, 3,
	 "line too long"},
	{"control byte", "[vm g]\nvcpus = 4\x01\n", NULL, -EINVAL, 2, "byte 0x01: not a text file"},
	{"first error wins", "[vm g]\nvcpus 4\nfoo = 1\n", NULL, -EINVAL, 2, "neither"},

	{"time without unit", "[machine]\nduration = 10\n" ALL, NULL, -EINVAL, 2,
	 "a time needs a unit: ns, us"},
	{"time in parsecs", "[machine]\nduration = 10pc\n" ALL, NULL, -EINVAL, 2, "not a time"},
	{"time too long", "[machine]\nduration = 2h\n" ALL, NULL, -EINVAL, 2,
	 "expected time, 10us .. 1h"},
	{"time or zero", "[machine]\nhost_tick = 0\n" ALL, NULL, 0, 0, NULL},
	{"tick too short", "[machine]\nhost_tick = 5ns\n" ALL, NULL, -EINVAL, 2, "0 or 10us .. 1s"},
	{"count", "[machine]\npcpus = many\n" ALL, NULL, -EINVAL, 2,
	 "not a number (expected 1 .. 1024)"},
	{"count range", "[machine]\npcpus = 1025\n" ALL, NULL, -EINVAL, 2, "out of range"},
	{"count zero", "[machine]\npcpus = 0\n" ALL, NULL, -EINVAL, 2, "out of range"},
	{"count overflow", "[machine]\npcpus = 4294967297\n" ALL, NULL, -EINVAL, 2, "out of range"},
	{"empty value", "[machine]\npcpus =\n" ALL, NULL, -EINVAL, 2, "not a number"},
	{"33 IOMMUs", "[machine]\niommus = 33\n" ALL, NULL, -EINVAL, 2, "1 .. 32"},
	{"log: power of two", "[machine]\ngalog_entries = 1000\n" ALL, NULL, -EINVAL, 2,
	 "a power of two"},
	{"log: 8192 entries, pointer 15:3", "[machine]\ngalog_entries = 16384\n" ALL, NULL, -EINVAL,
	 2, "512 .. 8192"},
	{"choice", "[machine]\ngalog_thread = fifa\n" ALL, NULL, -EINVAL, 2,
	 "did you mean \"fifo\"?"},
	{"choice alien", "[machine]\nx2avic = 1\n" ALL, NULL, -EINVAL, 2,
	 "expected one of no, yes"},
	{"share", "[vm g]\nvcpus = 1\nbusy = 1.1\n", NULL, -EINVAL, 3, "share, 0 .. 1"},
	{"share percent", "[vm g]\nvcpus = 4\nbusy = 25%\n" DEV LOAD, NULL, 0, 0, NULL},
	{"share word", "[vm g]\nvcpus = 1\nbusy = very\n", NULL, -EINVAL, 3, "expected a share"},
	{"vector 0x1f", VM LOAD DEV "vector = 0x1f\n", NULL, -EINVAL, 7, "0 or 0x20 .. 0xff"},
	{"tpr 256", VM "tpr = 256\n", NULL, -EINVAL, 3, "0x0 .. 0xff"},
	{"rate zero", VM DEV "[load l]\nrate = 0/s\n", NULL, -EINVAL, 5, "above 0"},
	{"rate without /s", VM DEV "[load l]\nrate = 100\n", NULL, -EINVAL, 5, "not a rate"},
	{"distribution", VM DEV "[load l]\nservice = gauss(1us)\n", NULL, -EINVAL, 5,
	 "lognormal(MEDIAN,SIGMA)"},
	{"recording is replay's", VM DEV "[load l]\ntype = recording\n", NULL, -EINVAL, 5,
	 "expected one of closed"},

	{"vcpus required", "[vm g]\n" DEV LOAD, NULL, -EINVAL, 1, "needs vcpus"},
	{"AVIC: 255 vCPUs, 15.29", "[machine]\nx2avic = no\n[vm g]\nvcpus = 256\n" DEV LOAD, NULL,
	 -EINVAL, 4, "at most 255"},
	{"AVIC: 255 are fine", "[machine]\nx2avic = no\n[vm g]\nvcpus = 255\n" DEV LOAD, NULL, 0, 0,
	 NULL},
	{"x2AVIC: 512", "[machine]\nx2avic_ext = no\n[vm g]\nvcpus = 513\n" DEV LOAD, NULL, -EINVAL,
	 4, "at most 512 with x2avic_ext = no"},
	{"4096 vCPUs", "[vm g]\nvcpus = 4096\n[device d]\nqueues = 8\n" LOAD, NULL, 0, 0, NULL},
	{"4097 vCPUs", "[vm g]\nvcpus = 4097\n" DEV LOAD, NULL, -EINVAL, 2, "1 .. 4096"},
	{"16384 vCPUs in all", "[vm g]\nvcpus = 512\ncount = 33\n" DEV LOAD, NULL, -EINVAL, 3,
	 "16896 vCPUs in all"},
	{"first_pcpu", VM "first_pcpu = 16\n" DEV LOAD, NULL, -EINVAL, 3, "there are 16 CPUs"},
	{"galog_cpu", "[machine]\ngalog_cpu = 16\n" ALL, NULL, -EINVAL, 2, "there are 16 CPUs"},
	{"tpr_hold", VM "tpr=0x50\ntpr_period = 1ms\ntpr_hold = 1ms\n" DEV LOAD, NULL, -EINVAL, 5,
	 "shorter than tpr_period"},
	{"tpr_period alone", VM "tpr_period = 1ms\n" DEV LOAD, NULL, -EINVAL, 3,
	 "needs tpr and tpr_hold"},
	{"tpr masks the timer that ends it",
	 VM "tpr=0xe0\ntpr_hold = 1us\ntpr_period = 1ms\n" DEV LOAD, NULL, -EINVAL, 3,
	 "expected at most 0xdf"},
	{"tpr just below", VM "tpr=0xdf\ntpr_hold = 1us\ntpr_period = 1ms\n" DEV LOAD, NULL, 0, 0,
	 NULL},
	{"noise alone", "[machine]\nnoise_period = 1ms\n" ALL, NULL, -EINVAL, 2,
	 "needs noise_time"},
	{"load type", VM DEV "[load l]\nrate = 1/s\n", NULL, -EINVAL, 4, "needs a type"},
	{"closed: service", VM DEV "[load l]\ntype = closed\n", NULL, -EINVAL, 5, "needs service"},
	{"poisson: rate", VM DEV "[load l]\ntype = poisson\n", NULL, -EINVAL, 5, "needs a rate"},
	{"onoff: on, off", VM DEV "[load l]\ntype = onoff\nrate = 1/s\non = 1ms\n", NULL, -EINVAL,
	 5, "needs on and off"},
	{"stall", VM DEV "[load l]\ntype = closed\nservice=exp(1us)\nstall_period = 1s\n", NULL,
	 -EINVAL, 7, "needs a stall_time"},
	{"capacity of an open load",
	 VM DEV "[load l]\ntype = poisson\nrate = 1/s\ncapacity = 1/s\n", NULL, -EINVAL, 7,
	 "capacity is for type = closed"},
	{"burst alone", VM DEV "[load l]\ntype = closed\nservice=exp(1us)\nburst = 2\n", NULL,
	 -EINVAL, 7, "burst needs a capacity (as in capacity = 2M/s)"},
	{"burst and capacity",
	 VM DEV "[load l]\ntype = closed\nservice=exp(1us)\nburst = 2\ncapacity = 1/s\n", NULL, 0,
	 0, NULL},
	{"per_iommu behind one", VM LOAD DEV "per_iommu = 2\n", NULL, -EINVAL, 7,
	 "per_iommu is for iommu = spread"},
	{"per_iommu", VM LOAD DEV "iommu = spread\nper_iommu = 2\n", NULL, 0, 0, NULL},
	{"no such vm", VM LOAD DEV "vm = gg\n", NULL, -EINVAL, 7,
	 "there is no [vm gg] (did you mean \"g\"?)"},
	{"no such load", VM LOAD DEV "load = x\n", NULL, -EINVAL, 7, "there is no [load x]"},
	{"iommu index", VM LOAD DEV "iommu = 1\n", NULL, -EINVAL, 7, "iommu = 1: there are 1"},
	{"iommu spread", VM LOAD DEV "iommu = spread\n", NULL, 0, 0, NULL},
	{"first_vcpu", VM LOAD DEV "first_vcpu = 4\n", NULL, -EINVAL, 7, "has 4 vCPUs"},
	{"table of 512, 2.2.2.1", SMALL VM LOAD DEV "queues = 513\n", NULL, -EINVAL, 9,
	 "int_tab_entries = 512"},
	{"one per vCPU", SMALL "[vm g]\nvcpus = 600\n" LOAD DEV, NULL, -EINVAL, 8,
	 "600 queues (one per vCPU)"},
	{"more than any table has", "[vm g]\nvcpus = 2049\n" LOAD DEV, NULL, -EINVAL, 6,
	 "2049 queues (one per vCPU), but int_tab_entries = 2048"},
	{"table of 2048", "[machine]\nint_tab_entries = 2048\n[vm g]\nvcpus = 600\n" LOAD DEV, NULL,
	 0, 0, NULL},
	{"187 vectors of a vCPU", VM LOAD DEV "count = 47\nqueues = 16\n", NULL, -EINVAL, 8,
	 "runs out of vectors"},
	{"187 are fine", "[vm g]\nvcpus = 1\n" LOAD DEV "count = 187\n", NULL, 0, 0, NULL},
	{"188 are not", "[vm g]\nvcpus = 1\n" LOAD DEV "count = 188\n", NULL, -EINVAL, 7,
	 "runs out of vectors"},
	{"184 are fine", VM LOAD DEV "count = 46\nqueues = 16\n", NULL, 0, 0, NULL},
	{"vectors of many VMs",
	 "[vm g]\nvcpus = 4\ncount = 2\n" LOAD DEV "count = 92\nqueues = 16\n", NULL, 0, 0, NULL},
	{"vector twice", VM LOAD DEV "vector = 0x41\nqueues = 5\n", NULL, -EINVAL, 7,
	 "vector 0x41 of vCPU 0"},
	{"vector once for each", VM LOAD DEV "vector = 0x41\nqueues = 4\n", NULL, 0, 0, NULL},
	{"in flight",
	 "[vm g]\nvcpus = 512\n" DEV "[load l]\ntype=closed\nservice=exp(1us)\ndepth=65536\n", NULL,
	 -EINVAL, 3, "requests in flight"},

	{"bare metal: no vm", BARE, NULL, 0, 0, NULL},
	{"bare metal: no load", DEV, NULL, -EINVAL, 1, "[device d] needs a [load NAME] section"},
	{"bare metal: vm", LOAD DEV "vm = g\n", NULL, -EINVAL, 5,
	 "vm: there is no [vm NAME], so this is bare metal (add a [vm NAME]"},
	{"bare metal: first_vcpu", LOAD DEV "first_vcpu = 0\n", NULL, -EINVAL, 5,
	 "bare metal (expected first_pcpu)"},
	{"bare metal: vector", LOAD DEV "vector = 0x41\n", NULL, -EINVAL, 5,
	 "the host gives its vectors out"},
	{"bare metal: vector by --set", BARE, "d.vector=0x41", -EINVAL, 0, "bare metal"},
	{"bare metal: first_pcpu", LOAD DEV "first_pcpu = 15\nqueues = 2\n", NULL, 0, 0, NULL},
	{"bare metal: no such CPU", LOAD DEV "first_pcpu = 16\n", NULL, -EINVAL, 5,
	 "first_pcpu = 16: there are 16 CPUs"},
	{"bare metal: no such IOMMU", LOAD DEV "iommu = 1\n", NULL, -EINVAL, 5, "there are 1"},
	{"bare metal: 187 vectors of a CPU", LOAD DEV "count = 187\n", NULL, 0, 0, NULL},
	{"bare metal: 188 are too many", LOAD DEV "count = 188\n", NULL, -EINVAL, 5,
	 "CPU 0 runs out of vectors: more than 187 queues interrupt it (0x30 .. 0xea)"},
	{"bare metal: on one CPU", LOAD DEV "first_pcpu = 3\nqueues = 3001\n", NULL, -EINVAL, 6,
	 "0 .. 2048"},
	{"bare metal: more queues than CPUs", LOAD DEV "first_pcpu = 3\nqueues = 2048\ncount = 2\n",
	 NULL, -EINVAL, 6, "CPU 3 runs out of vectors"},
	{"bare metal: a table is the unit's", "[machine]\npcpus = 600\n" BARE, NULL, 0, 0, NULL},
	{"bare metal: in flight",
	 DEV "count = 100\n[load l]\ntype=closed\nservice=exp(1us)\ndepth=65536\n", NULL, -EINVAL,
	 2, "requests in flight"},
	{"first_pcpu with a vm", VM LOAD DEV "first_pcpu = 0\n", NULL, -EINVAL, 7,
	 "first_pcpu is for bare metal, a scenario without a [vm NAME] (expected first_vcpu)"},

	{"xAPIC: 255 CPUs", "[machine]\nx2apic = no\npcpus = 256\n" BARE, NULL, -EINVAL, 2,
	 "x2apic = no: 8 bits of APIC ID reach 255 CPUs, here are 256"},
	{"xAPIC: 255 CPUs are fine", "[machine]\nx2apic = no\npcpus = 255\n" BARE, NULL, 0, 0,
	 NULL},
	{"xAPIC: 255 vCPUs", "[machine]\nx2apic = no\n[vm g]\nvcpus = 256\n" DEV LOAD, NULL,
	 -EINVAL, 4, "at most 255 with x2apic = no"},
	{"x2APIC guests without x2AVIC",
	 "[machine]\nx2avic = no\n[vm g]\nvcpus = 256\n" IPI "type = storm\n", NULL, 0, 0, NULL},

	{"inhibit", ALL OFF "reason = blockirq\n", NULL, 0, 0, NULL},
	{"inhibit: KVM's spelling",
	 ALL OFF "reason = APICV_INHIBIT_REASON_PIT_REINJ\nstart = 1ms\n", NULL, 0, 0, NULL},
	{"inhibit: the older names", ALL OFF "reason = pit-reinjection\n", NULL, 0, 0, NULL},
	{"inhibit: no reason", ALL OFF, NULL, -EINVAL, 7, "[inhibit x] needs a reason"},
	{"inhibit: reason", ALL OFF "reason = blok-irq\n", NULL, -EINVAL, 8,
	 "reason = blok-irq: no reason of KVM's (did you mean \"blockirq\"?)"},
	{"inhibit: reason, KVM's spelling", ALL OFF "reason = APICV_INHIBIT_REASON_NESTD\n", NULL,
	 -EINVAL, 8, "did you mean \"nested\"?"},
	{"inhibit: alien reason", ALL OFF "reason = zzzzzz\n", NULL, -EINVAL, 8,
	 "expected disabled, absent, hyperv, nested, irqwin"},
	{"inhibit: key", ALL OFF "resaon = nested\n", NULL, -EINVAL, 8, "did you mean \"reason\"?"},
	{"inhibit: section", ALL "[inhibti x]\n", NULL, -EINVAL, 7, "did you mean [inhibit]?"},
	{"inhibit: vm", ALL OFF "reason = blockirq\nvm = gg\n", NULL, -EINVAL, 9,
	 "there is no [vm gg] (did you mean \"g\"?)"},
	{"inhibit: no vm", DEV LOAD OFF "reason = blockirq\n", NULL, -EINVAL, 5,
	 "[inhibit x] needs a [vm NAME] section"},
	{"inhibit: end before start", ALL OFF "reason = blockirq\nstart = 2ms\nend = 2ms\n", NULL,
	 -EINVAL, 10, "end must be later than start"},
	{"inhibit: after the run", ALL OFF "reason = blockirq\nstart = 2s\n", NULL, -EINVAL, 9,
	 "it would come up when the run is over"},
	{"inhibit: a window ends", ALL OFF "reason = irqwin\nstart = 1ms\n", NULL, -EINVAL, 8,
	 "reason = irqwin comes and goes: it needs an end"},
	{"inhibit: a nested guest ends", ALL OFF "reason = NESTED\n", NULL, -EINVAL, 8,
	 "needs an end"},
	{"inhibit: SEV from the start", ALL OFF "reason = sev\nstart = 1ms\n", NULL, -EINVAL, 9,
	 "reason = sev is there when a VM is created or never"},
	{"inhibit: SEV for good", ALL OFF "reason = sev\nend = 1ms\n", NULL, -EINVAL, 9,
	 "reason = sev never goes away"},
	{"inhibit: absent until", ALL OFF "reason = absent\nend = 1ms\n", NULL, 0, 0, NULL},
	{"inhibit: the APIC's base for good",
	 ALL OFF "reason = apic-base-modified\nstart = 1us\nend = 1ms\n", NULL, -EINVAL, 10,
	 "never goes away"},
	{"inhibit: aliased with itself",
	 "[vm g]\nvcpus = 1\n" DEV LOAD OFF "reason = physical-id-aliased\n", NULL, -EINVAL, 8,
	 "takes two vCPUs, [vm g] has one"},
	{"inhibit: two targets", RAIN OFF "reason = physical-id-aliased\n", NULL, -EINVAL, 6,
	 "an IPI to such an ID has two targets"},
	{"inhibit: two logical targets", RAIN "logical = 0.1\n" OFF "reason = logical-id-aliased\n",
	 NULL, -EINVAL, 7, "or logical = 0"},
	{"inhibit: no logical IPI", RAIN OFF "reason = logical-id-aliased\n", NULL, 0, 0, NULL},
	{"inhibit: under IPIs", RAIN OFF "reason = apic-id-modified\nend = 1ms\n", NULL, -EINVAL, 7,
	 "under IPIs that are on their way"},
	{"inhibit: twice at once",
	 ALL OFF "reason = blockirq\nend = 3ms\n[inhibit y]\nreason = blockirq\nstart = 2ms\n",
	 NULL, -EINVAL, 11, "[vm g] is inhibited by [inhibit x] at the same time"},
	{"inhibit: one after the other",
	 ALL OFF "reason = blockirq\nend = 3ms\n[inhibit y]\nreason = blockirq\nstart = 3ms\n",
	 NULL, 0, 0, NULL},
	{"inhibit: two reasons at once",
	 ALL OFF "reason = blockirq\n[inhibit y]\nreason = hyperv\n", NULL, 0, 0, NULL},
	{"inhibit: two that write the ID",
	 ALL OFF "reason = apic-id-modified\n[inhibit y]\nreason = physical-id-aliased\n", NULL,
	 -EINVAL, 10, "[vm g] is inhibited by [inhibit x] at the same time"},
	{"inhibit: the same of another VM",
	 ALL "[vm h]\nvcpus = 2\n" OFF
	     "reason = blockirq\n[inhibit y]\nreason = blockirq\nvm = h\n",
	 NULL, 0, 0, NULL},
	{"inhibit: the VM's own", VM "inhibit = blockirq\n" DEV LOAD OFF "reason = blockirq\n",
	 NULL, -EINVAL, 9, "[vm g] has inhibit = blockirq already"},
	{"inhibit: by --set", ALL OFF "reason = blockirq\n", "x.reason=irqwn", -EINVAL, 0,
	 "did you mean \"irqwin\"?"},

	{"ipi: pingpong", PING, NULL, 0, 0, NULL},
	{"ipi: storm", RAIN, NULL, 0, 0, NULL},
	{"ipi: bare section", VM "[ipi]\ntype = storm\n", NULL, 0, 0, NULL},
	{"ipi: with a load", PING LOAD, NULL, 0, 0, NULL},
	{"ipi: no vm", "\n" IPI "type = storm\n", NULL, -EINVAL, 2,
	 "[ipi i] needs a [vm NAME] section"},
	{"ipi: no such vm", RAIN "vm = gg\n", NULL, -EINVAL, 5,
	 "there is no [vm gg] (did you mean \"g\"?)"},
	{"ipi: devices too", PING LOAD DEV, NULL, 0, 0, NULL},
	{"ipi: devices of another VM", PING LOAD "[vm h]\nvcpus = 3\n" DEV "vm = h\n", NULL, 0, 0,
	 NULL},
	{"ipi: a device's vector", RAIN "vector = 0x41\n" LOAD DEV "vector = 0x41\n", NULL, -EINVAL,
	 10,
	 "vector 0x41 is that of [ipi i], whose IPIs go to the same vCPUs (expected another one)"},
	{"ipi: the same, by default", RAIN LOAD DEV "vector = 0xf0\n", NULL, -EINVAL, 9,
	 "vector 0xf0 is that of [ipi i]"},
	{"ipi: the same vector in another VM",
	 RAIN LOAD "[vm h]\nvcpus = 3\n" DEV "vm = h\nvector = 0xf0\n", NULL, 0, 0, NULL},
	{"ipi: vectors enough", RAIN LOAD DEV "count = 187\n", NULL, 0, 0, NULL},
	{"ipi: one vector is not for devices", RAIN "vector = 0xa0\n" LOAD DEV "count = 187\n",
	 NULL, -EINVAL, 10, "more than 186 queues interrupt it"},
	{"ipi: with devices, x2APIC alone sets the limit",
	 "[machine]\nx2avic = no\n[vm g]\nvcpus = 256\n" IPI "type = storm\n" LOAD DEV, NULL, 0, 0,
	 NULL},
	{"ipi: two of one vm", RAIN "[ipi j]\ntype = storm\n", NULL, -EINVAL, 5,
	 "[ipi j]: [vm g] has [ipi i] already"},
	{"ipi: two of two", RAIN "[vm h]\nvcpus = 2\n[ipi j]\nvm = h\ntype = storm\n", NULL, 0, 0,
	 NULL},
	{"ipi: type", VM IPI, NULL, -EINVAL, 3, "[ipi i] needs a type (pingpong or storm)"},
	{"ipi: type alien", VM IPI "type = strom\n", NULL, -EINVAL, 4, "did you mean \"storm\"?"},
	{"ipi: pairs", "[vm g]\nvcpus = 3\n" IPI "type = pingpong\n", NULL, -EINVAL, 4,
	 "vCPUs play in pairs, [vm g] has 3"},
	{"ipi: storm of one", "[vm g]\nvcpus = 1\n" IPI "type = storm\n", NULL, -EINVAL, 3,
	 "needs two vCPUs or more"},
	{"ipi: senders", RAIN "senders = 5\n", NULL, -EINVAL, 5, "senders = 5: [vm g] has 4 vCPUs"},
	{"ipi: all senders by name", RAIN "senders = 4\n", NULL, 0, 0, NULL},
	{"ipi: reply of a storm", RAIN "reply = ipi\n", NULL, -EINVAL, 5,
	 "reply belongs to type = pingpong"},
	{"ipi: senders of a pingpong", PING "senders = 1\n", NULL, -EINVAL, 5,
	 "senders belongs to type = storm"},
	{"ipi: NMIs of a pingpong", PING "nmi = 0.5\n", NULL, -EINVAL, 5,
	 "nmi belongs to type = storm"},
	{"ipi: shares", RAIN "logical = 0.5\nnmi = 0.4\nself = 0.2\n", NULL, -EINVAL, 6,
	 "make 1.1 together (at most 1)"},
	{"ipi: shares of all",
	 RAIN "logical = 0.1\nbroadcast = 0.2\nself = 0.3\nnmi = 0.3\ninit = 0.1\n", NULL, 0, 0,
	 NULL},
	{"ipi: a share", RAIN "init = 2\n", NULL, -EINVAL, 5, "share, 0 .. 1"},
	{"ipi: the timer's vector", RAIN "vector = 0xec\n", NULL, -EINVAL, 5,
	 "vector 0xec is the guest timer's"},
	{"ipi: vector 0x1f", RAIN "vector = 0x1f\n", NULL, -EINVAL, 5, "0x20 .. 0xff"},
	{"ipi: vector 0", RAIN "vector = 0\n", NULL, -EINVAL, 5, "0x20 .. 0xff"},
	{"ipi: think a time", RAIN "think = 10us\n", NULL, 0, 0, NULL},
	{"ipi: think nothing", RAIN "think = 0\n", NULL, 0, 0, NULL},
	{"ipi: think as a word", RAIN "think = hard\n", NULL, -EINVAL, 5,
	 "not a distribution of times (expected a time, 0, const(T)"},
	{"ipi: think for days", RAIN "think = 50h\n", NULL, -EINVAL, 5, "not a distribution"},
	{"service is no plain time", VM DEV "[load l]\ntype = closed\nservice = 80us\n", NULL,
	 -EINVAL, 6, "not a distribution of times (expected const(T)"},
	{"ipi: set", RAIN, "i.senders=2", 0, 0, NULL},
	{"ipi: set a foreign key", RAIN, "i.reply=memory", -EINVAL, 0, "type = pingpong"},

	{"inhibit: for good", VM "inhibit = pit-reinjection\n" DEV LOAD, NULL, 0, 0, NULL},
	{"inhibit: again and again",
	 VM "inhibit = irq-window\ninhibit_period = 1ms\ninhibit_time = 10us\n" DEV LOAD, NULL, 0,
	 0, NULL},
	{"inhibit: unknown", VM "inhibit = irq-windw\n" DEV LOAD, NULL, -EINVAL, 3,
	 "(did you mean \"irq-window\"?)"},
	{"inhibit: unlike any", VM "inhibit = perhaps\n" DEV LOAD, NULL, -EINVAL, 3,
	 "inhibit = perhaps: expected one of none, irq-window, nested, pit-reinjection, blockirq, "
	 "logical-id-aliased, apic-id-modified"},
	{"inhibit: nothing to repeat", VM "inhibit_period = 1ms\n" DEV LOAD, NULL, -EINVAL, 3,
	 "need inhibit (as in inhibit = irq-window)"},
	{"inhibit: nothing to last", VM "inhibit_time = 1ms\n" DEV LOAD, NULL, -EINVAL, 3,
	 "need inhibit"},
	{"inhibit: a window for good", VM "inhibit = irq-window\n" DEV LOAD, NULL, -EINVAL, 3,
	 "it needs inhibit_period and inhibit_time"},
	{"inhibit: a nested guest for good", VM "inhibit = nested\n" DEV LOAD, NULL, -EINVAL, 3,
	 "(expected pit-reinjection or blockirq for good)"},
	{"inhibit: period alone", VM "inhibit = blockirq\ninhibit_period = 1ms\n" DEV LOAD, NULL,
	 -EINVAL, 4, "go together"},
	{"inhibit: time alone", VM "inhibit = blockirq\ninhibit_time = 1ms\n" DEV LOAD, NULL,
	 -EINVAL, 4, "go together"},
	{"inhibit: longer than its period",
	 VM "inhibit = blockirq\ninhibit_period = 1ms\ninhibit_time = 1ms\n" DEV LOAD, NULL,
	 -EINVAL, 5, "inhibit_time must be shorter"},
	{"inhibit: alias of one", "[vm g]\nvcpus = 1\ninhibit = logical-id-aliased\n" DEV LOAD,
	 NULL, -EINVAL, 3, "takes two vCPUs, [vm g] has one"},
	{"inhibit: alias and logical IPIs",
	 VM "inhibit = logical-id-aliased\n" IPI "type = storm\nlogical = 0.1\n", NULL, -EINVAL, 3,
	 "two targets (expected logical = 0 in [ipi i])"},
	{"inhibit: alias and other IPIs", VM "inhibit = logical-id-aliased\n" IPI "type = storm\n",
	 NULL, 0, 0, NULL},
	{"inhibit: no ID left", "[vm g]\nvcpus = 255\ninhibit = apic-id-modified\n" DEV LOAD, NULL,
	 -EINVAL, 3, "at most 254 vCPUs"},
	{"inhibit: the last ID", "[vm g]\nvcpus = 254\ninhibit = apic-id-modified\n" DEV LOAD, NULL,
	 0, 0, NULL},
	{"inhibit: IDs that move under IPIs",
	 VM "inhibit = apic-id-modified\ninhibit_period = 1ms\ninhibit_time = 10us\n" IPI
	    "type = storm\n",
	 NULL, -EINVAL, 4, "under IPIs that are on their way"},
	{"inhibit: an ID under IPIs", VM "inhibit = apic-id-modified\n" IPI "type = storm\n", NULL,
	 0, 0, NULL},
	{"knob: a value", "[machine]\nvolatile_fetch = after_ir\n" ALL, NULL, -EINVAL, 2,
	 "(did you mean \"after_irr\"?)"},
	{"knob: another", "[machine]\ngappi_emptiness = word23\n" ALL, NULL, -EINVAL, 2,
	 "(did you mean \"word32\"?)"},
	{"knob: set", ALL, "machine.galog_dedup=same-bit", -EINVAL, 0,
	 "(did you mean \"same_bit\"?)"},

	{"costs: unknown", "[costs]\nirr_sett = 1ns\n" ALL, NULL, -EINVAL, 2,
	 "did you mean \"irr_set\"?"},
	{"costs: unit", "[costs]\nirr_set = 1\n" ALL, NULL, -EINVAL, 2, "not a time"},
	{"costs: twice", "[costs]\nirr_set = 1ns\nirr_set = 2ns\n" ALL, NULL, -EINVAL, 3,
	 "there twice"},
	{"costs: no table", "[costs]\ntable = nope\n" ALL, NULL, -ENOENT, 0,
	 "no built-in cost table"},
	{"costs: table", "[costs]\ntable = default\nirr_set = 1ns\n" ALL, NULL, 0, 0, NULL},

	{"set", ALL, "machine.pcpus=32", 0, 0, NULL},
	{"set costs", ALL, "costs.irr_set=10ns", 0, 0, NULL},
	{"set overrides", "[machine]\npcpus = 4\n" ALL, "machine.pcpus=32", 0, 0, NULL},
	{"set by name", ALL, "l.rate=5k/s", 0, 0, NULL},
	{"set by kind and name", ALL, "load l.rate=5k/s", 0, 0, NULL},
	{"set: the key tells", "[vm x]\nvcpus=1\n[device x]\n[load x]\ntype=poisson\nrate=1/s",
	 "x.rate=5/s", 0, 0, NULL},
	{"set: ambiguous", "[vm x]\nvcpus=1\n[device x]\n[load x]\ntype=poisson\nrate=1/s",
	 "x.count=5", -EINVAL, 0, "several sections"},
	{"set: no section", ALL, "gg.vcpus=5", -EINVAL, 0, "did you mean \"g\"?"},
	{"set: no key", ALL, "g.vcpu=5", -EINVAL, 0, "did you mean \"vcpus\"?"},
	{"set: value", ALL, "g.vcpus=lots", -EINVAL, 0, "not a number"},
	{"set: form", ALL, "pcpus=5", -EINVAL, 0, "expected SECTION.KEY=VALUE"},
	{"set: no equals", ALL, "machine.pcpus", -EINVAL, 0, "expected SECTION.KEY=VALUE"},
	{"set: check", ALL, "machine.galog_cpu=16", -EINVAL, 0, "there are 16 CPUs"},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *const set[] = {rows[i].set, NULL};
		struct pn_scenario *sc;
		struct pn_diag d = {0};
		int err;

		lab_write(path, rows[i].text, strlen(rows[i].text));
		err = pn_scenario_load(path, NULL, rows[i].set ? set : NULL, &sc, &d);
		free(sc);
		if (err != rows[i].err)
			fail_msg("%s: %d, line %lu: %s", rows[i].rule, err, d.line, d.text);
		if (!err)
			continue;
		if (d.line != rows[i].line || !strstr(d.text, rows[i].expect))
			fail_msg("%s: line %lu: %s", rows[i].rule, d.line, d.text);
		if (rows[i].set && err != -ENOENT)
			assert_string_equal(d.file, "--set");
	}
}

/*
 * A key that no mode of a workload uses is refused with its line; in other workloads it is
 * accepted.
 */
static void test_useless(void **state)
{
	enum { GUEST = 1, METAL = 2, STORM = 4, BOTH = 8 };
	static const struct {
		const char *line;
		unsigned in;
	} keys[] = {
		{"churn_offline = 1ms", GUEST | STORM},
		{"churn_inhibit = 1ms", GUEST | STORM},
		{"churn_retarget = 1ms", GUEST},
		{"churn_detach = 1ms", GUEST},
		{"halt_poll = 1ms", GUEST | STORM},
		{"halt_poll_ns = 1000", GUEST | STORM},
		{"halt_poll_ns_shrink = 0", GUEST | STORM},
		{"x2avic = no\nx2apic = no", GUEST | STORM},
		{"x2avic_ext = no", GUEST | STORM},
		{"erratum1235 = yes", GUEST | STORM},
		{"galog_entries = 512", GUEST},
		{"galog_cpu = 1", GUEST},
		{"galog_thread = fair", GUEST},
		{"galog_dedup = never", GUEST},
		{"overflow_restart = w1c", GUEST},
		{"gappi = no", GUEST},
		{"gappidis = no", GUEST},
		{"irtcachedis = yes", GUEST},
		{"gappi_emptiness = word32", GUEST},
		{"volatile_fetch = before_irr", GUEST},
		{"int_tab_entries = 2048", GUEST},
		{"irq_affinity = cpu0", GUEST},
		{"iommus = 2", GUEST | METAL},
		{"irte_cache = 4", GUEST | METAL},
		{"idle_poll = 1us", GUEST | METAL | STORM},
		{"host_tick = 1ms", GUEST | METAL | STORM},
		{"x2apic = no", GUEST | METAL | STORM},
	};
	static const struct {
		const char *rest, *why;
	} works[] = {
		{ALL, NULL},
		{BARE, "means nothing on bare metal: there is no [vm NAME]"},
		{VM IPI "type = storm\n", "means nothing with an [ipi NAME]: there are no devices"},
		{ALL IPI "type = storm\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(keys) * ROWS(works); i++) {
		const char *line = keys[i / ROWS(works)].line;
		unsigned w = i % ROWS(works);
		unsigned in = keys[i / ROWS(works)].in;
		bool fits = (in | (in & (GUEST | STORM) ? BOTH : 0)) & 1u << w;
		struct pn_scenario *sc;
		struct pn_diag d = {0};
		char text[400], said[64];
		int err;

		snprintf(text, sizeof(text), "[machine]\npcpus = 4\n%s\n%s", line, works[w].rest);
		snprintf(said, sizeof(said), "%.*s means", (int)strcspn(line, " "), line);
		lab_write(path, text, strlen(text));
		err = pn_scenario_load(path, NULL, NULL, &sc, &d);
		free(sc);
		if (fits ? err
			 : err != -EINVAL || d.line != 3 || !strstr(d.text, works[w].why) ||
				    !strstr(d.text, said))
			fail_msg("%s: %d, line %lu: %s", text, err, d.line, d.text);
	}
}

static void test_nul(void **state)
{
	static const char text[] = "[vm g]\nvcpus = 4\0\n";
	struct pn_scenario *sc;
	struct pn_diag d;

	(void)state;
	lab_write(path, text, sizeof(text) - 1);
	assert_int_equal(pn_scenario_load(path, NULL, NULL, &sc, &d), -EINVAL);
	assert_int_equal(d.line, 2);
	assert_string_equal(d.text, "byte 0x00: not a text file");
}

static void test_open_errors(void **state)
{
	struct pn_scenario *sc;
	struct pn_diag d;

	(void)state;
	assert_int_equal(pn_scenario_load("/nowhere/x.ini", NULL, NULL, &sc, &d), -ENOENT);
	assert_int_equal(pn_scenario_load("strom", NULL, NULL, &sc, &d), -ENOENT);
	assert_non_null(strstr(d.text, "did you mean \"storm\"?"));
	assert_int_equal(pn_scenario_load(dir, NULL, NULL, &sc, &d), -EIO);
	assert_null(sc);
}

/* Every key arrives in its field. */
static void test_values(void **state)
{
	static const char text[] =
		"[machine]\npcpus = 8\niommus = 2\nduration = 2s\nwarmup = 0\nhalt_poll = 200us\n"
		"galog_entries = 1024\ngalog_cpu = 3\ngalog_thread = fair\nirq_affinity = cpu0\n"
		"x2avic = no\ngappi = no\nerratum1235 = yes\nint_tab_entries = 2048\n"
		"volatile_fetch = before_irr\ngalog_dedup = same_bit\ngappi_emptiness = always\n"
		"overflow_restart = w1c\n"
		"[costs]\nirr_set = 5ns\n"
		"[vm a]\nvcpus = 4\npin = yes\nidle = poll\nbusy = 25%\ntpr = 0x50\n"
		"[vm b]\nvcpus = 2\ncount = 3\n"
		"[device d]\nvm = b\nload = m\niommu = 1\nqueues = 3\nfirst_vcpu = 1\nvector = 0\n"
		"[device e]\niommu = spread\n"
		"[load l]\ntype = closed\nservice = lognormal(80us, 0.4)\ndepth = 4\n"
		"[load m]\ntype = onoff\nrate = 2M/s\non = 1ms\noff = 2ms\nsync = yes\ncoalesce = "
		"3\n";
	struct pn_scenario *sc;
	struct pn_diag d;

	(void)state;
	lab_write(path, text, sizeof(text) - 1);
	if (pn_scenario_load(path, NULL, NULL, &sc, &d))
		fail_msg("line %lu: %s", d.line, d.text);
	assert_string_equal(sc->name, "scenario");
	assert_int_equal(sc->machine.pcpus, 8);
	assert_int_equal(sc->machine.duration, 2000000000);
	assert_int_equal(sc->machine.warmup, 0);
	assert_int_equal(sc->machine.slice, 3000000);
	assert_int_equal(sc->machine.galog_entries, 1024);
	assert_false(sc->machine.galog_fifo);
	assert_false(sc->machine.irq_spread);
	assert_false(sc->machine.x2avic);
	assert_true(sc->machine.x2avic_ext);
	assert_true(sc->machine.erratum1235);
	assert_int_equal(sc->machine.inttablen, 11);
	assert_int_equal(sc->machine.knobs.volatile_fetch, PN_VOLATILE_BEFORE_IRR);
	assert_int_equal(sc->machine.knobs.galog_dedup, PN_DEDUP_SAME_BIT);
	assert_int_equal(sc->machine.knobs.gappi_emptiness, PN_EMPTY_ALWAYS);
	assert_int_equal(sc->machine.knobs.overflow_restart, PN_OVERFLOW_W1C);
	assert_int_equal(sc->machine.knobs.galog_len_max, 12);
	assert_int_equal(sc->costs.ns[PN_STEP_IRR_SET], 5);
	assert_int_equal(sc->vms, 2);
	assert_string_equal(sc->vm[0].name, "a");
	assert_true(sc->vm[0].pin);
	assert_true(sc->vm[0].idle_poll);
	assert_true(sc->vm[0].busy > 0.249 && sc->vm[0].busy < 0.251);
	assert_int_equal(sc->vm[0].tpr, 0x50);
	assert_int_equal(sc->vm[1].count, 3);
	assert_string_equal(sc->device[0].vm, "b");
	assert_string_equal(sc->device[0].load, "m");
	assert_int_equal(sc->device[0].iommu, 1);
	assert_int_equal(sc->device[0].first_vcpu, 1);
	assert_string_equal(sc->device[1].vm, "a");
	assert_string_equal(sc->device[1].load, "l");
	assert_true(sc->device[1].iommu_spread);
	assert_int_equal(sc->load[0].kind, PN_LOAD_CLOSED);
	assert_int_equal(sc->load[0].service.kind, PN_DIST_LOGNORMAL);
	assert_int_equal(sc->load[1].kind, PN_LOAD_ONOFF);
	assert_true(sc->load[1].rate > 1.99e6 && sc->load[1].rate < 2.01e6);
	assert_true(sc->load[1].sync);
	assert_int_equal(sc->load[1].coalesce, 3);
	assert_int_equal(sc->load[1].handler, 1000);
	free(sc);
}

/* Bare metal and guest IPIs: fields and defaults. */
/* A table whose size nobody set is as large as the queues need. */
static void test_table(void **state)
{
	static const struct {
		const char *text;
		uint32_t order;
	} row[] = {
		{VM LOAD DEV "queues = 512\n", 9},
		{VM LOAD DEV "queues = 513\n", 11},
		{VM LOAD DEV "queues = 748\n", 11}, /* all vectors of 4 vCPUs */
		{"[vm g]\nvcpus = 2048\n" LOAD DEV, 11},
		{"[vm g]\nvcpus = 600\n" LOAD DEV "queues = 2\n", 9},
		{"[machine]\nint_tab_entries = 2048\n" VM LOAD DEV, 11},
	};

	(void)state;
	for (size_t i = 0; i < ROWS(row); i++) {
		struct pn_scenario *sc;
		struct pn_diag d = {0};

		lab_write(path, row[i].text, strlen(row[i].text));
		if (pn_scenario_load(path, NULL, NULL, &sc, &d))
			fail_msg("row %zu: %s", i, d.text);
		assert_int_equal(sc->machine.inttablen, row[i].order);
		free(sc);
	}
}

static void test_other_workloads(void **state)
{
	static const char bare[] = "[machine]\nx2apic = no\n[device d]\nfirst_pcpu = 3\n"
				   "[load l]\ntype = poisson\nrate = 1/s\n";
	static const char storm[] =
		"[vm a]\nvcpus = 4\n[vm b]\nvcpus = 8\n"
		"[ipi s]\nvm = b\ntype = storm\nsenders = 3\nthink = exp(5us)\nhandler = 1us\n"
		"vector = 0x55\nlogical = 10%\nbroadcast = 0.2\nself = 0.05\nnmi = 0.04\n"
		"init = 0.03\n[ipi p]\ntype = pingpong\nreply = memory\n";
	struct pn_scenario *sc;
	struct pn_diag d;

	(void)state;
	lab_write(path, bare, sizeof(bare) - 1);
	if (pn_scenario_load(path, NULL, NULL, &sc, &d))
		fail_msg("line %lu: %s", d.line, d.text);
	assert_int_equal(sc->work, PN_WORK_BARE);
	assert_false(sc->machine.x2apic);
	assert_int_equal(sc->device[0].first_pcpu, 3);
	assert_string_equal(sc->device[0].vm, "");
	assert_string_equal(sc->device[0].load, "l");
	free(sc);
	lab_write(path, storm, sizeof(storm) - 1);
	if (pn_scenario_load(path, NULL, NULL, &sc, &d))
		fail_msg("line %lu: %s", d.line, d.text);
	assert_int_equal(sc->work, PN_WORK_IPI);
	assert_true(sc->machine.x2apic);
	assert_int_equal(sc->ipis, 2);
	assert_string_equal(sc->ipi[0].vm, "b");
	assert_int_equal(sc->ipi[0].kind, PN_IPI_STORM);
	assert_int_equal(sc->ipi[0].senders, 3);
	assert_int_equal(sc->ipi[0].think.kind, PN_DIST_EXP);
	assert_int_equal(sc->ipi[0].handler, 1000);
	assert_int_equal(sc->ipi[0].vector, 0x55);
	assert_true(sc->ipi[0].logical == 0.1 && sc->ipi[0].broadcast == 0.2);
	assert_true(sc->ipi[0].self == 0.05 && sc->ipi[0].nmi == 0.04 && sc->ipi[0].init == 0.03);
	assert_string_equal(sc->ipi[1].vm, "a");
	assert_int_equal(sc->ipi[1].senders, 0);
	assert_int_equal(sc->ipi[1].kind, PN_IPI_PINGPONG);
	assert_true(sc->ipi[1].reply_memory);
	assert_int_equal(sc->ipi[1].think.kind, PN_DIST_CONST);
	assert_true(sc->ipi[1].think.a == 0);
	assert_int_equal(sc->ipi[1].handler, 300);
	assert_int_equal(sc->ipi[1].vector, 0xf0);
	free(sc);
}

static void test_all_senders(void **state)
{
	struct pn_scenario *sc;
	struct pn_diag d;

	(void)state;
	lab_write(path, RAIN, strlen(RAIN));
	if (pn_scenario_load(path, NULL, NULL, &sc, &d))
		fail_msg("line %lu: %s", d.line, d.text);
	assert_int_equal(sc->ipi[0].senders, 4);
	free(sc);
}

#define PASS LOAD "[vm g]\nvcpus = 128\n" DEV
/* 187 queues for each of 400 vCPUs: more interrupts than a VT-d table has entries */
#define MANY "[machine]\niommus = 4\n[vm g]\nvcpus = 400\n" LOAD DEV "count = 187\n"

static const struct {
	const char *rule, *text;
	const char *mode;
	const char *expect; /* NULL: it fits */
} fits[] = {
	{"passthrough", PASS, "emulated", NULL},
	{"passthrough", PASS, "vtd-pi", NULL},
	{"bare in passthrough", PASS, "posted-msi",
	 "mode 'posted-msi' is for bare metal, but the scenario has a [vm NAME] with devices: "
	 "passthrough (expected emulated, avic, galog, gappi or vtd-pi)"},
	{"ipi in passthrough", PASS, "ipi-ipiv", "mode 'ipi-ipiv' is for guest IPIs"},
	{"bare", BARE, "remapped", NULL},
	{"bare", BARE, "posted-msi", NULL},
	{"passthrough on bare metal", BARE, "gappi",
	 "the scenario has no [vm NAME]: bare metal (expected remapped or posted-msi)"},
	{"ipi", RAIN, "ipi-avic", NULL},
	{"passthrough among IPIs", RAIN, "avic",
	 "the scenario has an [ipi NAME]: guest IPIs (expected ipi-exit, ipi-avic or ipi-ipiv)"},
	{"both among IPIs and devices", MIXED, "gappi", NULL},
	{"both among IPIs and devices", MIXED, "vtd-pi", NULL},
	{"both among IPIs and devices", MIXED, "ipi-exit", NULL},
	{"both: not bare metal", MIXED, "remapped",
	 "the scenario has devices and an [ipi NAME]: passthrough and guest IPIs (expected "
	 "emulated, "
	 "avic, galog, gappi, vtd-pi, ipi-exit, ipi-avic or ipi-ipiv)"},
	{"both: x2APIC without x2AVIC", "[machine]\nx2avic = no\n" MIXED, "galog",
	 "expected x2apic = no too"},
	{"both: nothing to serve", "[machine]\nx2avic = no\n" MIXED, "emulated", NULL},
	{"both: x2AVIC is not Intel's", "[machine]\nx2avic = no\n" MIXED, "ipi-ipiv", NULL},
	{"both: xAPIC", "[machine]\nx2apic = no\n" MIXED, "gappi", NULL},
	{"x2APIC without x2AVIC", "[machine]\nx2avic = no\n" RAIN, "ipi-avic",
	 "expected x2apic = no too"},
	{"xAPIC without x2AVIC", "[machine]\nx2avic = no\nx2apic = no\n" RAIN, "ipi-avic", NULL},
	{"x2AVIC is not Intel's", "[machine]\nx2avic = no\n" RAIN, "ipi-ipiv", NULL},
	{"VT-d 11.4 IRTA: 65536 entries", MANY, "vtd-pi",
	 "mode 'vtd-pi': 74800 interrupts behind IOMMU 0, but a VT-d remapping table has at most "
	 "65536 entries"},
	{"AMD: a table for each device", MANY, "gappi", NULL},
	{"a table for each unit", MANY "iommu = spread\n", "vtd-pi", NULL},
	{"bare metal: 65536 entries",
	 "[machine]\npcpus = 1024\niommus = 2\n" LOAD DEV "count = 65\niommu = 1\n", "remapped",
	 "66560 interrupts behind IOMMU 1"},
	{"bare metal: spread over two, 65536 each",
	 "[machine]\npcpus = 1024\niommus = 2\n" LOAD DEV "count = 128\niommu = spread\n",
	 "remapped", NULL},
	{"bare metal: spread over two, one more",
	 "[machine]\npcpus = 1024\niommus = 2\n" LOAD DEV "count = 129\niommu = spread\n",
	 "remapped", "66560 interrupts behind IOMMU 0"},
	{"bare metal: 65536 are fine", "[machine]\npcpus = 1024\n" LOAD DEV "count = 64\n",
	 "remapped", NULL},
};

#define WINDOW "inhibit = irq-window\ninhibit_period = 1ms\ninhibit_time = 10us\n"
#define XAPIC  "[machine]\nx2avic = no\nx2apic = no\n"

/* A cause that a mode cannot have: the message has the line of the key, and the modes that can. */
static const struct {
	const char *rule, *text, *set;
	const char *mode;
	unsigned long line;
	const char *expect; /* NULL: it fits */
} inhibited[] = {
	{"nothing to inhibit", VM WINDOW DEV LOAD, NULL, "emulated", 3,
	 "[vm g]: inhibit = irq-window: mode 'emulated' has no interrupt virtualization to inhibit "
	 "(expected mode avic, galog or gappi)"},
	{"KVM: APICv goes on", VM WINDOW DEV LOAD, NULL, "vtd-pi", 3,
	 "mode 'vtd-pi' has APICv, which stays active then (expected mode avic, galog or gappi, or "
	 "inhibit = blockirq)"},
	{"AVIC", VM WINDOW DEV LOAD, NULL, "avic", 0, NULL},
	{"AVIC posts", VM WINDOW DEV LOAD, NULL, "gappi", 0, NULL},
	{"by --set", VM WINDOW DEV LOAD, "g.inhibit=blockirq", "emulated", 0,
	 "(expected mode avic, galog, gappi or vtd-pi)"},
	{"blockirq: both vendors", VM "inhibit = blockirq\n" DEV LOAD, NULL, "vtd-pi", 0, NULL},
	{"the second VM", VM "[vm h]\nvcpus = 2\ninhibit = pit-reinjection\n" DEV LOAD, NULL,
	 "vtd-pi", 5, "[vm h]: inhibit = pit-reinjection"},
	{"x2APIC: the LDR is read-only", VM "inhibit = logical-id-aliased\n" DEV LOAD, NULL,
	 "galog", 3,
	 "in mode 'galog' the guest is in x2APIC mode, where IDs are read-only (expected x2avic = "
	 "no)"},
	{"xAPIC", XAPIC VM "inhibit = logical-id-aliased\n" DEV LOAD, NULL, "galog", 0, NULL},
	{"x2APIC: so is the ID", VM "inhibit = apic-id-modified\n" DEV LOAD, NULL, "vtd-pi", 3,
	 "(expected x2apic = no)"},
	{"x2avic is AMD's", "[machine]\nx2avic = no\n" VM "inhibit = apic-id-modified\n" DEV LOAD,
	 NULL, "vtd-pi", 5, "(expected x2apic = no)"},
	{"Intel has a modified ID too", XAPIC VM "inhibit = apic-id-modified\n" DEV LOAD, NULL,
	 "vtd-pi", 0, NULL},
	{"but no aliased one", XAPIC VM "inhibit = logical-id-aliased\n" DEV LOAD, NULL, "vtd-pi",
	 6, "mode 'vtd-pi' has APICv"},
	{"both: AVIC alone", VM WINDOW DEV LOAD IPI "type = storm\n", NULL, "ipi-exit", 3,
	 "(expected mode avic, galog, gappi or ipi-avic, or inhibit = blockirq)"},
	{"both: x2apic says the mode",
	 VM "inhibit = apic-id-modified\n" DEV LOAD IPI "type = storm\n", NULL, "avic", 3,
	 "(expected x2apic = no)"},
	{"IPIs: AVIC alone", VM WINDOW IPI "type = storm\n", NULL, "ipi-exit", 3,
	 "mode 'ipi-exit' has APICv, which stays active then (expected mode ipi-avic, or inhibit = "
	 "blockirq)"},
	{"IPIs: AVIC", VM WINDOW IPI "type = storm\n", NULL, "ipi-avic", 0, NULL},
	{"IPIs: x2APIC", VM "inhibit = logical-id-aliased\n" IPI "type = storm\n", NULL, "ipi-avic",
	 3, "(expected x2apic = no)"},
	{"IPIs: blockirq", VM "inhibit = blockirq\n" IPI "type = storm\n", NULL, "ipi-ipiv", 0,
	 NULL},
	{"none", VM "inhibit = none\n" DEV LOAD, NULL, "emulated", 0, NULL},
	{"[inhibit]: nothing to inhibit", ALL OFF "reason = hyperv\n", NULL, "emulated", 8,
	 "[inhibit x]: reason = hyperv: mode 'emulated' has no interrupt virtualization to inhibit "
	 "(expected mode avic, galog, gappi or vtd-pi)"},
	{"[inhibit]: AVIC's alone", ALL OFF "reason = SEV\n", NULL, "vtd-pi", 8,
	 "[inhibit x]: reason = sev: mode 'vtd-pi' has APICv, which stays active then (expected "
	 "mode "
	 "avic, galog or gappi, or reason = blockirq)"},
	{"[inhibit]: both", ALL OFF "reason = disabled\n", NULL, "vtd-pi", 0, NULL},
	{"[inhibit]: x2APIC", ALL OFF "reason = physical-id-aliased\n", NULL, "vtd-pi", 8,
	 "(expected x2apic = no)"},
	{"[inhibit]: AMD's x2APIC", ALL OFF "reason = physical-id-aliased\n", NULL, "gappi", 8,
	 "(expected x2avic = no)"},
	{"[inhibit]: by --set", ALL OFF "reason = hyperv\n", "x.reason=nested x.end=1ms", "vtd-pi",
	 0, "[inhibit x]: reason = nested"},
};

static void test_inhibited(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(inhibited); i++) {
		char words[80], *set[4] = {NULL}, *save = NULL;
		unsigned n = 0;
		struct pn_mode m = pn_mode_plain(pn_mode_find(inhibited[i].mode));
		struct pn_scenario *sc;
		struct pn_diag d = {0};
		int err;

		snprintf(words, sizeof(words), "%s", inhibited[i].set ? inhibited[i].set : "");
		for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
			set[n++] = w;
		lab_write(path, inhibited[i].text, strlen(inhibited[i].text));
		if (pn_scenario_load(path, NULL, (const char *const *)set, &sc, &d))
			fail_msg("%s: line %lu: %s", inhibited[i].rule, d.line, d.text);
		err = pn_scenario_fits(sc, &m, &d);
		free(sc);
		if (err != (inhibited[i].expect ? -EINVAL : 0) || d.line != inhibited[i].line)
			fail_msg("%s: %d, line %lu: %s", inhibited[i].rule, err, d.line, d.text);
		if (!err)
			continue;
		if (!strstr(d.text, inhibited[i].expect))
			fail_msg("%s: %s", inhibited[i].rule, d.text);
		assert_string_equal(d.file, inhibited[i].set ? "--set" : path);
	}
}

static void test_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(fits); i++) {
		struct pn_mode m = pn_mode_plain(pn_mode_find(fits[i].mode));
		struct pn_scenario *sc;
		struct pn_diag d = {0};
		int err;

		lab_write(path, fits[i].text, strlen(fits[i].text));
		if (pn_scenario_load(path, NULL, NULL, &sc, &d))
			fail_msg("%s: line %lu: %s", fits[i].rule, d.line, d.text);
		err = pn_scenario_fits(sc, &m, &d);
		free(sc);
		if (err != (fits[i].expect ? -EINVAL : 0))
			fail_msg("%s: %d %s", fits[i].rule, err, d.text);
		if (err && !strstr(d.text, fits[i].expect))
			fail_msg("%s: %s", fits[i].rule, d.text);
	}
}

/* A file that is not in the list of its meson.build is not built in. */
static unsigned scenario_files(void)
{
	DIR *d = opendir(PN_SOURCE_ROOT "/scenarios");
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += strlen(e->d_name) > 4 && !strcmp(e->d_name + strlen(e->d_name) - 4, ".ini");
	closedir(d);
	return n;
}

static void test_builtin(void **state)
{
	struct pn_scenario *sc;
	struct pn_diag d;
	const char *name, *doc;
	unsigned n = 0;

	(void)state;
	for (; (name = pn_builtin_scenario(n, &doc)) != NULL; n++) {
		if (pn_scenario_load(name, "default", NULL, &sc, &d))
			fail_msg("%s:%lu: %s", d.file, d.line, d.text);
		assert_string_equal(sc->name, name);
		assert_true(strlen(doc) > 20);
		free(sc);
	}
	assert_int_equal(n, scenario_files());
}

/* Defaults obey their own ranges, fields have a size that their type can fill. */
static void test_key_table(void **state)
{
	union {
		struct pn_sc_machine m;
		struct pn_sc_vm vm;
		struct pn_sc_device dev;
		struct pn_sc_load load;
		struct pn_sc_ipi ipi;
	} u;
	char why[320];

	(void)state;
	for (unsigned i = 0; i < pn_key_count; i++) {
		const struct pn_key *k = &pn_keys[i];

		if (!k->dflt == !k->without)
			fail_msg("%s: either a default or a word on what happens without", k->name);
		if (k->dflt && pn_key_set(k, &u, k->dflt, why, sizeof(why)))
			fail_msg("%s: default %s: %s", k->name, k->dflt, why);
		if (k->type <= PN_KEY_CHOICE && k->size != 1 && k->size != 4 && k->size != 8)
			fail_msg("%s: size %u", k->name, k->size);
		if (k->type == PN_KEY_COUNT && k->size < 8 && k->max >> (8 * k->size))
			fail_msg("%s: maximum does not fit", k->name);
		if (k->type == PN_KEY_TIME && k->size != 8)
			fail_msg("%s: a time has 64 bits", k->name);
	}
}

/* A row of docs/scenarios.md. */
static void key_row(const struct pn_key *k, char *buf, size_t size)
{
	char range[160];

	snprintf(buf, size, "| %s | `%s` | %s | %s%s%s | %s |\n",
		 pn_sc_kind_name((enum pn_sc_kind)k->kind), k->name,
		 pn_key_range(k, range, sizeof(range)), k->dflt ? "`" : "",
		 k->dflt ? k->dflt : k->without, k->dflt ? "`" : "", k->doc);
}

static void test_document(void **state)
{
	char line[1024], row[1024];
	bool keys = false;
	unsigned i = 0;
	FILE *f = fopen(PN_SOURCE_ROOT "/docs/scenarios.md", "r");

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		keys |= !strcmp(line, "## The keys\n");
		if (!keys || strncmp(line, "| ", 2) || !strncmp(line, "| section", 9))
			continue;
		if (i == pn_key_count)
			fail_msg("one row too many: %s", line);
		key_row(&pn_keys[i++], row, sizeof(row));
		if (strcmp(line, row))
			fail_msg("docs/scenarios.md (see --keys): expected %s", row);
	}
	fclose(f);
	assert_int_equal(i, pn_key_count);
}

/* "--keys" prints the table for docs/scenarios.md. */
static int print_keys(void)
{
	char row[1024];

	for (unsigned i = 0; i < pn_key_count; i++) {
		key_row(&pn_keys[i], row, sizeof(row));
		fputs(row, stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_useless),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_open_errors),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_other_workloads),
		cmocka_unit_test(test_inhibited),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_all_senders),
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_key_table),
		cmocka_unit_test(test_document),
	};
	int failed;

	if (argc > 1 && !strcmp(argv[1], "--keys"))
		return print_keys();
	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/scenario.ini", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
