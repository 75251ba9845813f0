/* SPDX-License-Identifier: MIT */
/*
 * The hooks that the compiler calls before plain accesses to memory (-fsanitize=thread). No
 * sanitizer is linked. Linux compiles its own sanitizer of races with hooks of the same names.
 *
 * In host code an access to what several threads change, without one lock that all of them hold, is
 * a transition: others may come before it. Hardware and the machines of the cases are atomic
 * between their accesses through the seam; link.sh gives their hooks other names, and these only
 * tell which memory a transition changes.
 */
#include <string.h>

#include "engine.h"

#define READ(name, n)                                                                              \
	void __tsan_##name(void *p);                                                               \
	void __tsan_##name(void *p)                                                                \
	{                                                                                          \
		px_count_access();                                                                 \
		px_plain(p, n, false);                                                             \
	}                                                                                          \
	void px_quiet_##name(void *p);                                                             \
	void px_quiet_##name(void *p)                                                              \
	{                                                                                          \
		(void)p;                                                                           \
		px_count_access();                                                                 \
	}
#define WRITE(name, n)                                                                             \
	void __tsan_##name(void *p);                                                               \
	void __tsan_##name(void *p)                                                                \
	{                                                                                          \
		px_plain(p, n, true);                                                              \
		px_touch(p, n);                                                                    \
	}                                                                                          \
	void px_quiet_##name(void *p);                                                             \
	void px_quiet_##name(void *p)                                                              \
	{                                                                                          \
		px_touch(p, n);                                                                    \
	}
#define SIZE(n)                                                                                    \
	READ(read##n, n)                                                                           \
	READ(unaligned_read##n, n)                                                                 \
	READ(volatile_read##n, n)                                                                  \
	WRITE(write##n, n)                                                                         \
	WRITE(unaligned_write##n, n)                                                               \
	WRITE(volatile_write##n, n)

SIZE(1)
SIZE(2)
SIZE(4)
SIZE(8)
SIZE(16)

void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_read_range(void *p, size_t size);
void __tsan_write_range(void *p, size_t size);
void px_quiet_read_range(void *p, size_t size);
void px_quiet_write_range(void *p, size_t size);
/* Of the compiler clang, and what memcpy() and the like are called in host code; in other code. */
void *__tsan_memcpy(void *to, const void *from, size_t n);
void *__tsan_memmove(void *to, const void *from, size_t n);
void *__tsan_memset(void *to, int c, size_t n);
void *px_quiet_memcpy(void *to, const void *from, size_t n);
void *px_quiet_memmove(void *to, const void *from, size_t n);
void *px_quiet_memset(void *to, int c, size_t n);

void __tsan_init(void)
{
	px_hooked = true;
}

void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void)
{
}

void __tsan_read_range(void *p, size_t size)
{
	if (size)
		px_plain(p, size, false);
}

void __tsan_write_range(void *p, size_t size)
{
	if (!size)
		return;
	px_plain(p, size, true);
	px_touch(p, size);
}

void px_quiet_read_range(void *p, size_t size)
{
	(void)p;
	(void)size;
}

void px_quiet_write_range(void *p, size_t size)
{
	if (size)
		px_touch(p, size);
}

static void copied(const void *to, const void *from, size_t n)
{
	if (!n)
		return;
	px_plain(from, n, false);
	px_plain(to, n, true);
	px_touch(to, n);
}

void *__tsan_memcpy(void *to, const void *from, size_t n)
{
	copied(to, from, n);
	return memcpy(to, from, n);
}

void *__tsan_memmove(void *to, const void *from, size_t n)
{
	copied(to, from, n);
	return memmove(to, from, n);
}

void *__tsan_memset(void *to, int c, size_t n)
{
	__tsan_write_range(to, n);
	return memset(to, c, n);
}

void *px_quiet_memcpy(void *to, const void *from, size_t n)
{
	px_quiet_write_range(to, n);
	return memcpy(to, from, n);
}

void *px_quiet_memmove(void *to, const void *from, size_t n)
{
	px_quiet_write_range(to, n);
	return memmove(to, from, n);
}

void *px_quiet_memset(void *to, int c, size_t n)
{
	px_quiet_write_range(to, n);
	return memset(to, c, n);
}
