/* SPDX-License-Identifier: MIT */
#ifndef RIG_RAM_H
#define RIG_RAM_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Include after cmocka.h.
 *
 * The memory of a rig. Each row of a table opens a rig, so that a row pays for the pages that it
 * touches only: the C library would write all of it when it is told to spoil what is freed. The
 * first
 * @dirty bytes are not zero, as memory of a host that has run for a while.
 */
static inline void *rig_ram_open(size_t size, size_t dirty)
{
	void *ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(ram != MAP_FAILED);
	return memset(ram, 0xA5, dirty);
}

static inline void rig_ram_close(void *ram, size_t size)
{
	assert_int_equal(munmap(ram, size), 0);
}

#endif
