/* SPDX-License-Identifier: MIT */
#include "irq.h"

#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* The counts in the device's row of /proc/interrupts. */
static const char *columns(char *text, const char *device)
{
	char *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strstr(line, "vfio-") && strstr(line, device))
			return strchr(line, ':') + 1;
	errno = ENOENT;
	die("no row for %s in /proc/interrupts", device);
}

/* There is a column for every CPU that is online: here, all of them. */
uint64_t irq_count(const char *device, int cpu)
{
	static char text[65536];
	uint64_t n = 0;
	const char *p;
	char *end;

	read_file("/proc/interrupts", text, sizeof(text));
	p = columns(text, device);
	for (int i = 0; i <= cpu; i++, p = end)
		n = strtoull(p, &end, 10);
	return n;
}

void irq_affinity(const char *name, const char *cpus)
{
	static char text[65536];
	char path[64], *line, *save = NULL;

	read_file("/proc/interrupts", text, sizeof(text));
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strstr(line, name))
			continue;
		snprintf(path, sizeof(path), "/proc/irq/%ld/smp_affinity_list",
			 strtol(line, NULL, 10));
		if (!write_file(path, cpus))
			die("%s", path);
	}
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
