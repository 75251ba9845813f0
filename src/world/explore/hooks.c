/* SPDX-License-Identifier: MIT */
/*
 * The hooks that the compiler calls before plain accesses to memory (-fsanitize=thread): they say
 * which memory a transition changes. No sanitizer is linked. Linux compiles its own sanitizer of
 * races with hooks of the same names.
 */
#include <string.h>

#include "engine.h"

/* clang-format off */
#define HOOK(name) void name(void *p); void name(void *p)
/* clang-format on */

#define READ(n)                                                                                    \
	HOOK(__tsan_read##n)                                                                       \
	{                                                                                          \
		(void)p;                                                                           \
		px_count_access();                                                                 \
	}                                                                                          \
	HOOK(__tsan_unaligned_read##n)                                                             \
	{                                                                                          \
		(void)p;                                                                           \
	}                                                                                          \
	HOOK(__tsan_volatile_read##n)                                                              \
	{                                                                                          \
		(void)p;                                                                           \
	}
#define WRITE(n)                                                                                   \
	HOOK(__tsan_write##n)                                                                      \
	{                                                                                          \
		px_touch(p, n);                                                                    \
	}                                                                                          \
	HOOK(__tsan_unaligned_write##n)                                                            \
	{                                                                                          \
		px_touch(p, n);                                                                    \
	}                                                                                          \
	HOOK(__tsan_read_write##n)                                                                 \
	{                                                                                          \
		px_touch(p, n);                                                                    \
	}                                                                                          \
	HOOK(__tsan_volatile_write##n)                                                             \
	{                                                                                          \
		px_touch(p, n);                                                                    \
	}
READ(1)
READ(2)
READ(4)
READ(8)
READ(16)
WRITE(1)
WRITE(2)
WRITE(4)
WRITE(8)
WRITE(16)

void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_read_range(void *p, size_t size);
void __tsan_write_range(void *p, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t n);
void *__tsan_memmove(void *to, const void *from, size_t n);
void *__tsan_memset(void *to, int c, size_t n);
void *px_memcpy(void *to, const void *from, size_t n);
void *px_memmove(void *to, const void *from, size_t n);
void *px_memset(void *to, int c, size_t n);

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
	(void)p;
	(void)size;
}

void __tsan_write_range(void *p, size_t size)
{
	if (size)
		px_touch(p, size);
}

void *px_memcpy(void *to, const void *from, size_t n)
{
	__tsan_write_range(to, n);
	return memcpy(to, from, n);
}

void *px_memmove(void *to, const void *from, size_t n)
{
	__tsan_write_range(to, n);
	return memmove(to, from, n);
}

void *px_memset(void *to, int c, size_t n)
{
	__tsan_write_range(to, n);
	return memset(to, c, n);
}

void *__tsan_memcpy(void *to, const void *from, size_t n)
{
	return px_memcpy(to, from, n);
}

void *__tsan_memmove(void *to, const void *from, size_t n)
{
	return px_memmove(to, from, n);
}

void *__tsan_memset(void *to, int c, size_t n)
{
	return px_memset(to, c, n);
}
