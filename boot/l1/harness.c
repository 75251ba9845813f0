/* SPDX-License-Identifier: MIT */
/*
 * harness kexec KERNEL INITRD COMMANDLINE: no run, another kernel.
 * harness NAME=VALUE...: one run, one line of JSON on standard output. The device's MSIs reach the
 * guest through VFIO, an eventfd, and an irqfd with an MSI route, so that IRQ bypass can take over.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disturb.h"
#include "drives.h"
#include "edu.h"
#include "gappi.h"
#include "kexec.h"
#include "lines.h"
#include "meter.h"
#include "run.h"
#include "util.h"
#include "vm.h"
#include "witness.h"

enum type { NUMBER, FLAG, WORD };

static const struct {
	const char *name;
	size_t offset;
	enum type type;
} keys[] = {
#define KEY(name, type)                                                                            \
	{                                                                                          \
#name, offsetof(struct run_config, name), type                                     \
	}
	KEY(name, WORD),      KEY(kind, WORD),	   KEY(vcpus, NUMBER), KEY(halt, FLAG),
	KEY(x2apic, FLAG),    KEY(count, NUMBER),  KEY(rate, NUMBER),  KEY(gap_us, NUMBER),
	KEY(open, FLAG),      KEY(burst, NUMBER),  KEY(ipis, NUMBER),  KEY(migrate_ms, NUMBER),
	KEY(preempt, FLAG),   KEY(here, FLAG),	   KEY(up, NUMBER),    KEY(spread, NUMBER),
	KEY(first, NUMBER),   KEY(drives, NUMBER), KEY(depth, NUMBER), KEY(times, NUMBER),
	KEY(meanwhile, WORD), KEY(edu, NUMBER),
};

static void set(char *field, enum type type, const char *value)
{
	uint32_t n = (uint32_t)strtoul(value, NULL, 0);

	switch (type) {
	case NUMBER:
		memcpy(field, &n, sizeof(n));
		break;
	case FLAG:
		*(bool *)field = n;
		break;
	case WORD:
		memcpy(field, &value, sizeof(value));
		break;
	}
}

static bool option(struct run_config *c, const char *arg)
{
	size_t length = strcspn(arg, "=");

	if (!arg[length])
		return false;
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].name) != length || strncmp(arg, keys[i].name, length))
			continue;
		set((char *)c + keys[i].offset, keys[i].type, arg + length + 1);
		return true;
	}
	return false;
}

/* The log's state when all is over, by the hardware's own register. */
static void print_log(const struct iommu *unit, uint32_t stopped)
{
	uint64_t status;

	if (!unit->reg) {
		printf("\"log\":null,");
		return;
	}
	status = iommu_read(unit, IOMMU_STATUS);
	printf("\"log\":{\"on\":%s,\"runs\":%s,\"overflow\":%s,\"stopped\":%u},",
	       iommu_read(unit, IOMMU_CONTROL) & CONTROL_GALOGEN ? "true" : "false",
	       status & STATUS_GALOGRUN ? "true" : "false",
	       status & STATUS_GALOVERFLOW ? "true" : "false", stopped);
}

static void print(const struct run *run)
{
	const struct run_config *c = run->c;
	const struct run_result *r = run->r;

	printf("{\"run\":\"%s\",\"kind\":\"%s\",\"vcpus\":%u,\"idle\":\"%s\",\"apic\":\"%s\",",
	       c->name, c->kind, c->vcpus, c->halt ? "halt" : "spin",
	       c->x2apic ? "x2apic" : "xapic");
	printf("\"rate\":%u,\"open\":%s,\"preempt\":%s,\"migrate_ms\":%u,\"burst\":%u,\"here\":%s,",
	       c->rate, c->open ? "true" : "false", c->preempt ? "true" : "false", c->migrate_ms,
	       c->burst, c->here ? "true" : "false");
	printf("\"sent\":%u,\"seen\":%u,\"merged\":%u,\"extra\":%u,\"lost\":%u,\"early\":%u,"
	       "\"stuck\":%u,",
	       r->sent, r->seen, r->sent > r->lost + r->seen ? r->sent - r->lost - r->seen : 0,
	       r->seen > r->sent ? r->seen - r->sent : 0, r->lost, r->early, r->stuck);
	printf("\"software\":%u,\"detached\":%u,\"displaced\":%u,\"turns\":%u,", r->software,
	       r->detached, r->displaced, r->turns);
	printf("\"guests\":{\"n\":%u,\"vcpus\":%u},", vm_guests(), vm_vcpus());
	printf("\"ipis\":{\"sent\":%u,\"seen\":%u},\"seconds\":%.3f,", r->ipi_sent, r->ipi_seen,
	       (double)r->ns / 1e9);
	if (!c->open && r->sent)
		printf("\"wait_us\":{\"mean\":%.1f,\"max\":%.1f},",
		       (double)r->wait_sum_ns / r->sent / 1e3, (double)r->wait_max_ns / 1e3);
	print_log(run->iommu, r->log_stopped);
	lines_print(run->lines, stdout);
	fputc(',', stdout);
	witness_print(run->witness, stdout);
	if (r->odd_exit || r->fatal)
		printf(",\"error\":\"exit %#x exception %d at %#x\"}\n", r->odd_exit,
		       (int)r->fatal - 1, r->fatal_ip);
	else
		printf(",\"error\":null}\n");
	fflush(stdout);
}

static void parse(struct run_config *c, int argc, char **argv)
{
	const char *no;

	for (int i = 1; i < argc; i++)
		if (!option(c, argv[i])) {
			fprintf(stderr, "harness: unknown option '%s'\n", argv[i]);
			exit(2);
		}
	if (!strcmp(c->kind, "gappi"))
		exit(gappi_run(c->name, c->count, stdout));
	if (drives_kind(c->kind))
		exit(drives_run(c, stdout));
	if (!strcmp(c->kind, "meter"))
		exit(meter_run(c, stdout));
	no = run_refuses(c);
	if (no) {
		fprintf(stderr, "harness: %s: %s, %u vCPUs: %s\n", c->name, c->kind, c->vcpus, no);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct run_config c = {.name = "run",
			       .kind = "paced",
			       .vcpus = 1,
			       .count = 1000,
			       .spread = 1,
			       .drives = 1,
			       .depth = 1,
			       .meanwhile = "nothing"};
	int pcpu[L2_VCPUS];
	struct run_result r = {0};
	struct witness w;
	struct vm vm;
	struct iommu unit;
	struct edu edu;
	struct lines lines;
	bool good;
	const struct run run = {.c = &c,
				.vm = &vm,
				.edu = &edu,
				.r = &r,
				.witness = &w,
				.iommu = &unit,
				.lines = &lines};

	if (argc == 5 && !strcmp(argv[1], "kexec"))
		kexec_go(argv[2], argv[3], argv[4]);
	parse(&c, argc, argv);
	run_place(&c, pcpu);
	pin_to(0);
	edu_open(&edu, c.edu);
	iommu_open(&unit, edu.name);
	run_vm_create(&vm, &c);
	lines_create(&lines, &vm, run_lines(&c));
	/* the witnesses see everything: bypass begins and ends between begin and end */
	witness_begin(&w, edu.name);
	edu_msi_enable(&edu);
	if (c.here)
		edu_msi_affinity(&edu, pcpu[c.vcpus - 1]);
	vm_irqfd(&vm, RUN_GSI, c.vcpus - 1, RUN_MSI_VECTOR, edu.eventfd, true);
	vm_start(&vm, pcpu);
	disturb_begin(&c, &vm);
	run_guest(&run);
	disturb_end();
	vm_stop(&vm);
	vm_irqfd(&vm, RUN_GSI, c.vcpus - 1, RUN_MSI_VECTOR, edu.eventfd, false);
	witness_end(&w);
	edu_msi_disable(&edu);
	print(&run);
	good = lines_good(&lines);
	vm_destroy(&vm);
	iommu_close(&unit);
	edu_close(&edu);
	return r.lost || r.early || r.stuck || r.seen > r.sent || r.ipi_seen != r.ipi_sent ||
	       r.odd_exit || r.fatal || !good;
}
