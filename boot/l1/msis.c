/* SPDX-License-Identifier: MIT */
/* Device MSIs on bare metal: /proc/interrupts, the unit's steps, and the remapping tables. */
#include "msis.h"

#include <stdlib.h>
#include <string.h>

#include "irq.h"
#include "util.h"

#define TABLES "/sys/kernel/debug/iommu/intel/ir_translation_struct"
#define PDAS   64u

/* Reads the counts of a row, one for each CPU that is online; returns the text after them. */
static const char *counts(const char *line, uint64_t *sum, unsigned *cpus)
{
	const char *p = strchr(line, ':');

	*sum = 0;
	*cpus = 0;
	while (p && *p) {
		char *end;
		uint64_t n = strtoull(p + 1, &end, 10);

		if (end == p + 1 || (*end != ' ' && *end))
			break;
		*sum += n;
		*cpus += n != 0;
		p = end;
	}
	return p ? p : line + strlen(line);
}

static void device_row(struct msis *m, const char *line, const char *behind, uint64_t n,
		       unsigned cpus)
{
	struct msis_row *row = &m->row[m->rows];
	const char *action = strstr(behind, "nvme");

	if (!action)
		action = strstr(behind, "vfio-");
	if (!action || m->rows == MSIS_ROWS)
		return;
	row->irq = atoi(line);
	row->n = n;
	row->cpus = cpus;
	snprintf(row->action, sizeof(row->action), "%.*s", (int)strcspn(action, ", \n"), action);
	m->taken += n;
	m->rows++;
}

static void one_row(const char *line, void *ctx)
{
	struct msis *m = ctx;
	const char *behind;
	unsigned cpus;
	uint64_t n;

	if (!strchr(line, ':'))
		return;
	behind = counts(line, &n, &cpus);
	if (strstr(line, "PMN:")) {
		m->posting = true;
		m->notified = n;
	} else if (strstr(behind, "IO-APIC")) {
		m->ioapic += n;
	} else {
		device_row(m, line, behind, n, cpus);
	}
}

void msis_read(struct msis *m)
{
	memset(m, 0, sizeof(*m));
	irq_rows(one_row, m);
	steps_read(&m->steps);
}

const struct msis_row *msis_find(const struct msis *m, const char *action)
{
	for (unsigned i = 0; i < m->rows; i++)
		if (!strcmp(m->row[i].action, action))
			return &m->row[i];
	return NULL;
}

/* The address of a descriptor, if it is new. */
static void descriptor(struct msis_entries *e, uint64_t seen[PDAS], uint64_t pda)
{
	for (unsigned i = 0; i < e->descriptors; i++)
		if (seen[i] == pda)
			return;
	if (e->descriptors < PDAS)
		seen[e->descriptors++] = pda;
}

/* One table for each unit, of remapped entries, then one of posted entries; an entry's line begins
 * with its number. */
void msis_entries_read(struct msis_entries *e)
{
	static char text[262144];
	char *line, *save = NULL;
	uint64_t seen[PDAS];
	bool posted = false;

	memset(e, 0, sizeof(*e));
	e->known = read_file(TABLES, text, sizeof(text)) > 0;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned index, bus, device, function;
		uint32_t high, low;

		if (strstr(line, "Interrupt supported on IOMMU"))
			posted = strstr(line, "Posted");
		if (sscanf(line, " %u %x:%x.%x %x %x", &index, &bus, &device, &function, &high,
			   &low) != 6)
			continue;
		e->posted += posted;
		e->remapped += !posted;
		if (posted)
			descriptor(e, seen, (uint64_t)high << 32 | low);
	}
}
