/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_AIO_H
#define POSTERN_L1_AIO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define AIO_BLOCK  4096u
#define AIO_DRIVES 8
#define AIO_DEPTH  256u

/*
 * One thread that keeps @depth direct reads of random blocks in flight on each of @drives block
 * devices, by the kernel's io_submit() and io_getevents(), from one CPU. Every block of a drive
 * begins with its own number, so that a read of another block is detected.
 */
struct aio_reader {
	int cpu;
	unsigned drives, depth;
	int fd[AIO_DRIVES];
	uint64_t blocks;	    /* of each drive */
	uint64_t count;		    /* reads of each drive, at least */
	const volatile bool *until; /* and until this is true */

	uint64_t done[AIO_DRIVES];
	uint64_t wrong; /* failed, or not what was asked for */
	bool stuck;	/* a read has not come back */
	pthread_t thread;
};

void aio_start(struct aio_reader *r);
void aio_join(struct aio_reader *r);

#endif
