/* SPDX-License-Identifier: MIT */
/*
 * /proc/interrupts and the affinity of interrupts: counts of a VFIO device, moves interrupts to a
 * CPU, and finds the APIC ID of a CPU.
 */
#include "irq.h"

#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

void irq_rows(void (*row)(const char *line, void *ctx), void *ctx)
{
	static char text[65536];
	char *line, *save = NULL;

	if (read_file("/proc/interrupts", text, sizeof(text)) < 0)
		return;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		row(line, ctx);
}

bool irq_is_vfio(const char *line, const char *device)
{
	return strstr(line, "vfio-") && strstr(line, device);
}

struct count {
	const char *device;
	int cpu;
	bool found;
	uint64_t n;
};

/* There is a column for every CPU that is online: here, all of them. */
static void count_row(const char *line, void *ctx)
{
	struct count *c = ctx;
	const char *p;
	char *end;

	if (c->found || !irq_is_vfio(line, c->device))
		return;
	c->found = true;
	p = strchr(line, ':') + 1;
	for (int i = 0; i <= c->cpu; i++, p = end)
		c->n = strtoull(p, &end, 10);
}

uint64_t irq_count(const char *device, int cpu)
{
	struct count c = {.device = device, .cpu = cpu};

	irq_rows(count_row, &c);
	errno = ENOENT;
	if (!c.found)
		die("no row for %s in /proc/interrupts", device);
	return c.n;
}

struct move {
	const char *name;
	int cpu;
	bool found;
};

static void move_row(const char *line, void *ctx)
{
	struct move *m = ctx;
	char path[64], text[16];

	if (!strstr(line, m->name))
		return;
	m->found = true;
	snprintf(path, sizeof(path), "/proc/irq/%ld/smp_affinity_list", strtol(line, NULL, 10));
	snprintf(text, sizeof(text), "%d", m->cpu);
	if (!write_file(path, text))
		die("%s", path);
}

void irq_affinity(const char *name, int cpu)
{
	struct move m = {.name = name, .cpu = cpu};

	irq_rows(move_row, &m);
	errno = ENOENT;
	if (!m.found)
		die("no row for %s in /proc/interrupts", name);
}

uint32_t irq_apic_id(int cpu)
{
	unsigned eax, ebx, ecx, id = 0;

	pin_to(cpu);
	if (!__get_cpuid_count(0xB, 0, &eax, &ebx, &ecx, &id) || !ebx) {
		__get_cpuid(1, &eax, &ebx, &ecx, &id);
		id = ebx >> 24;
	}
	pin_to(0);
	return id;
}
