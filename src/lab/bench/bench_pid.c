/* SPDX-License-Identifier: MIT */
/*
 * Interrupts from one thread to another: posted to a descriptor that the other harvests, or each
 * one written to an eventfd that the other reads. Both receivers poll, so that no figure contains a
 * wake-up; the eventfd's would be the larger one.
 */
#include "bench_pid.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bench_time.h"
#include "postern/pid.h"
#include "seam.h"

#define VECTORS	 64u
#define FIRST	 0x40u
#define BATCH	 4096u
#define ROUND_NS 200000000.0
#define ROUNDS	 5

struct line {
	struct pn_pid pid;
	int fd;
	uint32_t stop; /* sender to receiver; atomic */
	uint64_t seen;
} __attribute__((aligned(64)));

/* As a host handler does: ON first, then the PIR. */
static uint64_t harvest(struct pn_pid *pid)
{
	uint64_t n = 0;

	/* Pairs with pn_pid_post() in the other thread. */
	pn_and64(&pid->control, ~PN_PID_ON);
	for (unsigned i = 0; i < 4; i++)
		if (pn_ld64(&pid->pir[i]))
			n += (unsigned)__builtin_popcountll(pn_xchg64(&pid->pir[i], 0));
	return n;
}

static void *harvester(void *arg)
{
	struct line *l = arg;

	/* Pairs with run(). */
	while (!pn_ld32_acq(&l->stop)) {
		/* Pairs with pn_pid_post(): reads ON only, not every bit. */
		if (pn_ld64_acq(&l->pid.control) & PN_PID_ON)
			l->seen += harvest(&l->pid);
		for (int i = 0; i < 64; i++)
			pn_relax();
	}
	l->seen += harvest(&l->pid);
	return NULL;
}

static void post_batch(struct line *l)
{
	struct pn_pid_post post = {.x2apic = true, .check = true};

	for (uint32_t i = 0; i < BATCH; i++) {
		post.vector = (uint8_t)(FIRST + i % VECTORS);
		(void)pn_pid_post(&l->pid, &post);
	}
}

static void *reader(void *arg)
{
	struct line *l = arg;
	uint64_t n;

	/* Pairs with run(). */
	while (!pn_ld32_acq(&l->stop)) {
		if (read(l->fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
			l->seen += n;
		for (int i = 0; i < 64; i++)
			pn_relax();
	}
	if (read(l->fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
		l->seen += n;
	return NULL;
}

static void write_batch(struct line *l)
{
	const uint64_t one = 1;

	for (uint32_t i = 0; i < BATCH; i++)
		if (write(l->fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
			return;
}

/* Interrupts per second that the sender sends while the receiver takes them. */
static int run(struct line *l, void *(*receive)(void *), void (*batch)(struct line *), double *rate)
{
	double start, ns;
	uint64_t sent = 0;
	pthread_t th;
	int err;

	memset(&l->pid, 0, sizeof(l->pid));
	l->seen = 0;
	pn_st32(&l->stop, 0); /* pairs with the receiver, which has not started yet */
	err = pthread_create(&th, NULL, receive, l);
	if (err)
		return -err;
	start = pn_bench_now_ns();
	do {
		batch(l);
		sent += BATCH;
		ns = pn_bench_now_ns() - start;
	} while (ns < ROUND_NS);
	/* Pairs with the receiver. */
	pn_st32_rel(&l->stop, 1);
	pthread_join(th, NULL);
	*rate = (double)sent / ns * 1e9;
	return l->seen ? 0 : -EIO;
}

int pn_bench_pid_posts(double *value, double *peer)
{
	struct line *l = aligned_alloc(64, sizeof(*l));
	const unsigned rounds = pn_bench_rounds(ROUNDS);
	double posts[ROUNDS], writes[ROUNDS];
	int err = 0;

	if (!l)
		return -ENOMEM;
	l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->fd < 0)
		err = -errno;
	for (unsigned i = 0; i < rounds && !err; i++) {
		err = run(l, harvester, post_batch, &posts[i]);
		if (!err)
			err = run(l, reader, write_batch, &writes[i]);
	}
	if (l->fd >= 0)
		close(l->fd);
	free(l);
	if (err)
		return err;
	*value = pn_bench_median(posts, rounds);
	*peer = pn_bench_median(writes, rounds);
	return 0;
}
