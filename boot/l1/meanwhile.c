/* SPDX-License-Identifier: MIT */
/* Disturbances of the host and its drives while the drives are read. */
#include "meanwhile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define MS	    1000000u
#define PATIENCE_NS 5000000000u

static bool nothing(const struct msis *before, unsigned n, const char *nvme)
{
	(void)before;
	(void)n;
	(void)nvme;
	return true;
}

static unsigned cpus_online(void)
{
	return (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

/* Waits until the vector has moved: the kernel may delay the move until the next interrupt. */
static bool has_moved(int irq, unsigned cpu)
{
	const uint64_t begin = now_ns();
	char path[64], text[32];

	snprintf(path, sizeof(path), "/proc/irq/%d/effective_affinity_list", irq);
	while (read_file(path, text, sizeof(text)) > 0) {
		if ((unsigned)atoi(text) == cpu)
			return true;
		if (now_ns() - begin > PATIENCE_NS)
			break;
	}
	errno = ETIMEDOUT;
	return false;
}

static bool move(int irq, unsigned cpu)
{
	char path[64], text[16];

	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", irq);
	snprintf(text, sizeof(text), "%u", cpu);
	return write_file(path, text) && has_moved(irq, cpu);
}

/* The drive's only vector to the next CPU. With a vector for each CPU the kernel decides. */
static bool affinity(const struct msis *before, unsigned n, const char *nvme)
{
	for (unsigned i = 0; i < before->rows; i++)
		if (!strncmp(before->row[i].action, nvme, strlen(nvme)))
			return move(before->row[i].irq, n % cpus_online());
	errno = ENOENT;
	return false;
}

bool meanwhile_switch(unsigned cpu, const char *on)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	return write_file(path, on);
}

/* One CPU after the other goes, but for the first, and comes back. */
static bool offline(const struct msis *before, unsigned n, const char *nvme)
{
	const unsigned cpu = 1 + n % (cpus_online() - 1);

	(void)before;
	(void)nvme;
	if (!meanwhile_switch(cpu, "0"))
		return false;
	sleep_until(now_ns() + 5 * MS);
	return meanwhile_switch(cpu, "1");
}

/* The drive's queues go, with their vectors, and come back; what was in flight is sent again. */
static bool reset(const struct msis *before, unsigned n, const char *nvme)
{
	char path[64];

	(void)before;
	(void)n;
	snprintf(path, sizeof(path), "/sys/class/nvme/%s/reset_controller", nvme);
	sleep_until(now_ns() + 10 * MS);
	return write_file(path, "1");
}

/*
 * The kernel raises the interrupt of a queue by its own means: an IPI with the device's vector,
 * which does not come through the descriptor. It refuses as long as the last one has not arrived.
 */
static bool retrigger(const struct msis *before, unsigned n, const char *nvme)
{
	const struct msis_row *row = &before->row[n % before->rows];
	char path[64];

	(void)nvme;
	snprintf(path, sizeof(path), "/sys/kernel/debug/irq/irqs/%d", row->irq);
	for (unsigned i = 0; i < 1000; i++) {
		if (write_file(path, "trigger"))
			return true;
		if (errno != EBUSY)
			return false;
		sleep_until(now_ns() + MS);
	}
	return false;
}

static const struct meanwhile things[] = {
	{"nothing", nothing, true},	{"affinity", affinity, true}, {"offline", offline, true},
	{"retrigger", retrigger, true}, {"reset", reset, false},
};

const struct meanwhile *meanwhile_find(const char *name)
{
	for (unsigned i = 0; i < sizeof(things) / sizeof(things[0]); i++)
		if (!strcmp(things[i].name, name))
			return &things[i];
	return NULL;
}
