/* SPDX-License-Identifier: MIT */
/*
 * Runs on bare metal: the host reads its own drives by direct I/O and takes their MSIs, or takes
 * those of "edu". Counted by CPU and drive: reads, and the interrupts that the host took (rows of
 * /proc/interrupts, PMN, the unit's steps).
 */
#include "drives.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "edu.h"
#include "meanwhile.h"
#include "msis.h"
#include "util.h"

#define QUIET_NS     50000000u
#define FIRST_WAY_NS 20000000u
#define STEPS_OF_WAY 64
#define SETTLE_NS    300000000u

#define MSR_X2APIC_TPR	      0x808
#define CLASS_OF_NOTIFICATION 0xe /* the upper half of POSTED_MSI_NOTIFICATION_VECTOR */

struct drive {
	char nvme[16]; /* "nvme0" */
	int fd;
	uint64_t blocks;
	unsigned queue[MSIS_CPUS]; /* of each CPU */
};

struct drives {
	const struct run_config *c;
	const struct meanwhile *thing;
	unsigned cpus;
	struct drive drive[AIO_DRIVES];
	struct aio_reader reader[MSIS_CPUS];
	struct msis before, after;
	struct msis_entries entries;
	uint64_t ns, asked, done, wrong;
	bool stuck;
	unsigned turns;
	const char *error;
};

/*
 * The kernel names drives in the order in which it finds them; the machine sets their serial
 * numbers.
 */
static void drive_name(struct drive *d, unsigned number)
{
	char path[64], serial[32], want[16];

	snprintf(want, sizeof(want), "drive%u", number);
	for (unsigned i = 0; i < AIO_DRIVES; i++) {
		snprintf(path, sizeof(path), "/sys/class/nvme/nvme%u/serial", i);
		if (read_file(path, serial, sizeof(serial)) < 0)
			continue;
		serial[strcspn(serial, " \n")] = '\0';
		if (!strcmp(serial, want)) {
			snprintf(d->nvme, sizeof(d->nvme), "nvme%u", i);
			return;
		}
	}
	errno = ENODEV;
	die("%s", want);
}

/* The kernel's queue n is the drive's queue n + 1. */
static void drive_queues(struct drive *d)
{
	char path[96], list[64], *p;

	for (unsigned n = 0;; n++) {
		snprintf(path, sizeof(path), "/sys/block/%sn1/mq/%u/cpu_list", d->nvme, n);
		if (read_file(path, list, sizeof(list)) < 0)
			return;
		for (p = list; *p; p += strspn(p, ", \n")) {
			unsigned cpu = (unsigned)strtoul(p, &p, 10);

			if (cpu < MSIS_CPUS)
				d->queue[cpu] = n + 1;
			if (*p != ',')
				break;
		}
	}
}

static void drive_open(struct drive *d, unsigned number)
{
	char path[64];
	uint64_t bytes;

	drive_name(d, number);
	snprintf(path, sizeof(path), "/dev/%sn1", d->nvme);
	d->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (d->fd < 0 || ioctl(d->fd, BLKGETSIZE64, &bytes))
		die("%s", path);
	d->blocks = bytes / AIO_BLOCK;
	drive_queues(d);
}

static void readers_start(struct drives *all, const volatile bool *until)
{
	const struct run_config *c = all->c;

	for (unsigned cpu = 0; cpu < all->cpus && c->count; cpu++) {
		struct aio_reader *r = &all->reader[cpu];

		*r = (struct aio_reader){.cpu = (int)cpu,
					 .drives = c->drives,
					 .depth = c->depth,
					 .count = c->count,
					 .blocks = all->drive[0].blocks,
					 .until = until};
		for (unsigned i = 0; i < c->drives; i++)
			r->fd[i] = all->drive[i].fd;
		aio_start(r);
	}
}

static void readers_join(struct drives *all)
{
	for (unsigned cpu = 0; cpu < all->cpus && all->c->count; cpu++) {
		struct aio_reader *r = &all->reader[cpu];

		aio_join(r);
		all->wrong += r->wrong;
		all->stuck |= r->stuck;
		for (unsigned i = 0; i < all->c->drives; i++)
			all->done += r->done[i];
	}
}

/* Before the turns; the counts of before are read when all is quiet. */
static void turns_begin(struct drives *all)
{
	sleep_until(now_ns() + SETTLE_NS);
	msis_read(&all->before);
	all->ns = now_ns();
}

static void turns_end(struct drives *all, struct edu *edu)
{
	all->ns = now_ns() - all->ns;
	msis_read(&all->after);
	msis_entries_read(&all->entries);
	edu_msi_disable(edu);
	edu_close(edu);
}

static void reads(struct drives *all)
{
	static volatile bool over;
	const struct run_config *c = all->c;

	for (unsigned i = 0; i < c->drives; i++)
		drive_open(&all->drive[i], c->first + i);
	turns_begin(all);
	readers_start(all, &over);
	pin_to(0);
	for (; all->turns < c->times; all->turns++) {
		const char *nvme = all->drive[all->turns % c->drives].nvme;

		if (!all->thing->once(&all->before, all->turns, nvme)) {
			all->error = strerror(errno);
			break;
		}
	}
	over = true;
	readers_join(all);
	all->ns = now_ns() - all->ns;
	sleep_until(now_ns() + SETTLE_NS);
	msis_read(&all->after);
}

/* The count that the host's handler wrote, after a wait. */
static uint64_t taken(const struct edu *edu, uint64_t ns)
{
	uint64_t n = 0, until = now_ns() + ns;

	while (read(edu->eventfd, &n, sizeof(n)) != sizeof(n) && now_ns() < until)
		;
	return n;
}

static void pulses(struct drives *all)
{
	const struct run_config *c = all->c;
	struct edu edu;
	uint64_t n;

	edu_open(&edu, 0);
	edu_msi_enable(&edu);
	edu_msi_affinity(&edu, (int)all->cpus - 1);
	turns_begin(all);
	for (; all->asked < c->count && !all->stuck; all->asked++) {
		edu_raise(&edu);
		if (c->open)
			continue;
		n = taken(&edu, RUN_PATIENCE_NS);
		all->done += n;
		all->stuck = !n;
	}
	while (c->open && (n = taken(&edu, QUIET_NS)))
		all->done += n;
	turns_end(all, &edu);
}

/*
 * The next MSI comes by itself while CPU @cpu goes offline, each time at another moment of that;
 * @way: how long it takes to go, of late.
 */
static bool goes_with_one(struct drives *all, const struct edu *edu, unsigned cpu, uint64_t *way)
{
	const uint64_t due = now_ns() + EDU_DMA_NS;
	uint64_t begin;

	edu_dma(edu);
	sleep_until(due - *way * (all->turns % STEPS_OF_WAY) / STEPS_OF_WAY);
	begin = now_ns();
	if (!meanwhile_switch(cpu, "0"))
		return false;
	*way = now_ns() - begin;
	all->asked++;
	all->done += taken(edu, 2 * EDU_DMA_NS);
	return meanwhile_switch(cpu, "1");
}

/* A CPU goes and comes back; after that, does it get the MSIs that are for it? */
static void comes_back(struct drives *all)
{
	const struct run_config *c = all->c;
	const unsigned cpu = all->cpus - 1;
	uint64_t way = FIRST_WAY_NS;
	struct edu edu;

	edu_open(&edu, 0);
	edu_dma_map(&edu);
	edu_msi_enable(&edu);
	pin_to(0);
	turns_begin(all);
	for (; all->turns < c->times && !all->stuck; all->turns++) {
		uint64_t n;

		edu_msi_affinity(&edu, (int)cpu);
		edu_raise(&edu);
		all->asked++;
		n = taken(&edu, RUN_PATIENCE_NS);
		all->done += n;
		all->stuck = !n;
		if (!all->stuck && !goes_with_one(all, &edu, cpu, &way)) {
			all->error = strerror(errno);
			break;
		}
	}
	turns_end(all, &edu);
}

/* The task priority of @cpu: it holds interrupts of lower classes back. 0: none. */
static bool priority(unsigned cpu, uint64_t class)
{
	const uint64_t tpr = class << 4;
	char path[32];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "/dev/cpu/%u/msr", cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = pwrite(fd, &tpr, sizeof(tpr), MSR_X2APIC_TPR) == sizeof(tpr);
	close(fd);
	return done;
}

/*
 * An MSI is posted to @cpu, which does not take the notification any more; the interrupt is moved
 * away, and the CPU goes offline.
 */
static bool goes_with_late_one(struct drives *all, const struct edu *edu, unsigned cpu)
{
	if (!priority(cpu, CLASS_OF_NOTIFICATION))
		return false;
	edu_raise(edu);
	all->asked++;
	edu_msi_affinity(edu, 0);
	if (!meanwhile_switch(cpu, "0"))
		return false;
	all->done += taken(edu, RUN_PATIENCE_NS);
	return meanwhile_switch(cpu, "1");
}

/* Each turn with the next CPU: one whose MSI was lost may get no other. */
static void moved_away(struct drives *all)
{
	const struct run_config *c = all->c;
	struct edu edu;

	edu_open(&edu, 0);
	edu_msi_enable(&edu);
	pin_to(0);
	turns_begin(all);
	for (; all->turns < c->times && all->asked - all->done < all->cpus - 1; all->turns++) {
		const unsigned cpu = all->cpus - 1 - all->turns % (all->cpus - 1);

		edu_msi_affinity(&edu, (int)cpu);
		edu_raise(&edu);
		all->asked++;
		all->done += taken(&edu, RUN_PATIENCE_NS);
		sleep_until(now_ns() + QUIET_NS); /* the vector of before is given up */
		if (!goes_with_late_one(all, &edu, cpu)) {
			all->error = strerror(errno);
			break;
		}
	}
	turns_end(all, &edu);
}

/* ---- output ---- */

static uint64_t difference(const struct drives *all, const char *action)
{
	const struct msis_row *old = msis_find(&all->before, action),
			      *now = msis_find(&all->after, action);

	return now ? now->n - (old ? old->n : 0) : 0;
}

/* Of each CPU's queue; null where one vector is for all of the drive. */
static void print_interrupts(const struct drives *all, const struct drive *d, FILE *out)
{
	char action[24];

	snprintf(action, sizeof(action), "%sq1", d->nvme);
	if (!all->thing->rows || !msis_find(&all->after, action)) {
		fputs("null", out);
		return;
	}
	for (unsigned cpu = 0; cpu < all->cpus; cpu++) {
		snprintf(action, sizeof(action), "%sq%u", d->nvme, d->queue[cpu]);
		fprintf(out, "%c%" PRIu64, cpu ? ',' : '[', difference(all, action));
	}
	fputc(']', out);
}

/* For each drive: reads by CPU, and interrupts of that CPU's queue. */
static void print_queues(const struct drives *all, FILE *out)
{
	fputs("\"drive\":[", out);
	for (unsigned i = 0; i < all->c->drives && !strcmp(all->c->kind, "reads"); i++) {
		const struct drive *d = &all->drive[i];

		fprintf(out, "%s{\"reads\":[", i ? "," : "");
		for (unsigned cpu = 0; cpu < all->cpus; cpu++)
			fprintf(out, "%s%" PRIu64, cpu ? "," : "", all->reader[cpu].done[i]);
		fputs("],\"interrupts\":", out);
		print_interrupts(all, d, out);
		fputc('}', out);
	}
	fputs("],", out);
}

static unsigned widest(const struct msis *m)
{
	unsigned cpus = 0;

	for (unsigned i = 0; i < m->rows; i++)
		cpus = m->row[i].cpus > cpus ? m->row[i].cpus : cpus;
	return cpus;
}

static void print(struct drives *all, FILE *out)
{
	const struct run_config *c = all->c;
	const char *error = all->error;

	if (all->stuck)
		error = "a read or an MSI did not come back";
	fprintf(out, "{\"run\":\"%s\",\"kind\":\"%s\",\"cpus\":%u,\"drives\":%u,\"depth\":%u,",
		c->name, c->kind, all->cpus, c->drives, c->depth);
	fprintf(out, "\"open\":%s,\"meanwhile\":\"%s\",\"times\":%u,\"turns\":%u,",
		c->open ? "true" : "false", c->meanwhile, c->times, all->turns);
	fprintf(out, "\"asked\":%" PRIu64 ",\"done\":%" PRIu64 ",\"wrong\":%" PRIu64 ",",
		all->asked, all->done, all->wrong);
	fprintf(out, "\"seconds\":%.3f,", (double)all->ns / 1e9);
	print_queues(all, out);
	fprintf(out, "\"msi_rows\":%u,\"widest\":%u,\"ioapic\":%" PRIu64 ",", all->after.rows,
		widest(&all->after), all->after.ioapic - all->before.ioapic);
	if (all->thing->rows)
		fprintf(out, "\"taken\":%" PRIu64 ",", all->after.taken - all->before.taken);
	else
		fputs("\"taken\":null,", out);
	if (all->after.posting)
		fprintf(out, "\"notified\":%" PRIu64 ",",
			all->after.notified - all->before.notified);
	else
		fputs("\"notified\":null,", out);
	fprintf(out, "\"entries\":{\"known\":%s,\"posted\":%u,\"remapped\":%u,\"descriptors\":%u},",
		all->entries.known ? "true" : "false", all->entries.posted, all->entries.remapped,
		all->entries.descriptors);
	fputs("\"steps\":", out);
	steps_print(&all->before.steps, &all->after.steps, out);
	if (error)
		fprintf(out, ",\"error\":\"%s\"}\n", error);
	else
		fputs(",\"error\":null}\n", out);
	fflush(out);
}

bool drives_kind(const char *kind)
{
	return !strcmp(kind, "reads") || !strcmp(kind, "pulses") || !strcmp(kind, "comes-back") ||
	       !strcmp(kind, "moved-away");
}

static const char *refused(const struct drives *all)
{
	const struct run_config *c = all->c;

	if (!all->thing)
		return "there is no such thing to do meanwhile";
	if (!c->drives || c->drives > AIO_DRIVES || !c->depth || c->depth > AIO_DEPTH)
		return "1 to 8 drives, a depth of 1 to 256";
	return all->cpus > MSIS_CPUS ? "too many CPUs" : NULL;
}

int drives_run(const struct run_config *c, FILE *out)
{
	static struct drives all;
	const char *no;

	all.c = c;
	all.thing = meanwhile_find(c->meanwhile);
	all.cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	no = refused(&all);
	if (no) {
		fprintf(stderr, "harness: %s: %s\n", c->name, no);
		return 2;
	}
	if (!strcmp(c->kind, "pulses")) {
		pulses(&all);
	} else if (!strcmp(c->kind, "comes-back")) {
		comes_back(&all);
	} else if (!strcmp(c->kind, "moved-away")) {
		moved_away(&all);
	} else {
		reads(&all);
		msis_entries_read(&all.entries);
		all.asked = (uint64_t)c->count * all.cpus * c->drives;
	}
	print(&all, out);
	return all.stuck || all.wrong || all.error || all.done < all.asked ? !c->open : 0;
}
