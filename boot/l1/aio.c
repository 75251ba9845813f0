/* SPDX-License-Identifier: MIT */
/* Load for block devices: a chosen number of reads in flight, each of them counted. */
#include "aio.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define PATIENCE_S 20
#define AGAIN	   64u /* a thread whose CPU was offline returns to it after this many reads */

struct slot {
	struct iocb cb;
	unsigned drive;
	uint64_t block;
	char *buffer;
};

struct state {
	struct aio_reader *r;
	aio_context_t ctx;
	struct slot *slot;
	unsigned slots, flying;
	uint64_t asked[AIO_DRIVES];
	uint64_t random;
};

static uint64_t next_random(struct state *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

static void submit(struct state *s, struct slot *slot)
{
	struct iocb *cb = &slot->cb;
	long n;

	slot->block = next_random(s) % s->r->blocks;
	memset(slot->buffer, 0xFF, sizeof(uint64_t));
	memset(cb, 0, sizeof(*cb));
	cb->aio_data = (uint64_t)(slot - s->slot);
	cb->aio_lio_opcode = IOCB_CMD_PREAD;
	cb->aio_fildes = (uint32_t)s->r->fd[slot->drive];
	cb->aio_buf = (uintptr_t)slot->buffer;
	cb->aio_nbytes = AIO_BLOCK;
	cb->aio_offset = (int64_t)(slot->block * AIO_BLOCK);
	do
		n = syscall(SYS_io_submit, s->ctx, 1, &cb);
	while (n < 0 && errno == EAGAIN);
	if (n != 1)
		die("io_submit");
	s->asked[slot->drive]++;
	s->flying++;
}

static bool more(const struct state *s, unsigned drive)
{
	return s->asked[drive] < s->r->count || !*s->r->until;
}

static void completed(struct state *s, const struct io_event *e)
{
	struct slot *slot = &s->slot[e->data];
	uint64_t number;

	memcpy(&number, slot->buffer, sizeof(number));
	s->r->wrong += e->res != AIO_BLOCK || number != slot->block;
	s->r->done[slot->drive]++;
	s->flying--;
	if (more(s, slot->drive))
		submit(s, slot);
}

static void run(struct state *s)
{
	const struct timespec patience = {.tv_sec = PATIENCE_S};
	struct io_event event[32];
	uint64_t n = 0;

	for (unsigned i = 0; i < s->slots; i++)
		if (more(s, s->slot[i].drive))
			submit(s, &s->slot[i]);
	while (s->flying) {
		long got = syscall(SYS_io_getevents, s->ctx, 1, 32, event, &patience);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			s->r->stuck = true;
			return;
		}
		for (long i = 0; i < got; i++)
			completed(s, &event[i]);
		n += (uint64_t)got;
		if (n >= AGAIN) {
			pin_to(s->r->cpu);
			n = 0;
		}
	}
}

static void *reader(void *arg)
{
	struct state s = {.r = arg, .random = 0x9E3779B97F4A7C15u};
	char *buffers;

	pin_to(s.r->cpu);
	s.random += (uint64_t)s.r->cpu * 0x100000001B3u;
	s.slots = s.r->drives * s.r->depth;
	s.slot = calloc(s.slots, sizeof(*s.slot));
	buffers = aligned_alloc(AIO_BLOCK, (size_t)s.slots * AIO_BLOCK);
	if (!s.slot || !buffers || syscall(SYS_io_setup, s.slots, &s.ctx))
		die("io_setup");
	for (unsigned i = 0; i < s.slots; i++) {
		s.slot[i].drive = i % s.r->drives;
		s.slot[i].buffer = buffers + (size_t)i * AIO_BLOCK;
	}
	run(&s);
	if (!s.r->stuck)
		syscall(SYS_io_destroy, s.ctx);
	return NULL;
}

void aio_start(struct aio_reader *r)
{
	if (pthread_create(&r->thread, NULL, reader, r))
		die("thread");
}

void aio_join(struct aio_reader *r)
{
	pthread_join(r->thread, NULL);
}
