/* SPDX-License-Identifier: MIT */
/* Console, command line, and the end. */
#include "bare.h"

#include <stdarg.h>

#define COM1	      0x3f8
#define LSR_EMPTY     0x20
#define LSR_IDLE      0x40 /* the last character is out */
#define EXIT_PORT     0xf4
#define SHUTDOWN_PORT 0x8900
#define INFO_CMDLINE  16 /* multiboot 1 */

extern uint32_t boot_info;

void *memset(void *to, int byte, size_t n)
{
	uint64_t word = (uint8_t)byte * 0x0101010101010101ull;
	size_t words = n / 8, rest = n % 8;
	void *at = to;

	__asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(word) : "memory");
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(rest) : "a"(byte) : "memory");
	return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
	size_t words = n / 8, rest = n % 8;
	void *at = to;

	__asm__ volatile("rep movsq" : "+D"(at), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(rest) : : "memory");
	return to;
}

/* 8 bits, no parity, one stop bit: after a reset it has 5. */
static void put(char c)
{
	outb(COM1 + 3, 3);
	while (!(inb(COM1 + 5) & LSR_EMPTY))
		;
	outb(COM1, (uint8_t)c);
}

static void put_number(uint64_t value, unsigned base)
{
	char text[24];
	unsigned n = 0;

	do {
		text[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	while (n)
		put(text[--n]);
}

static void put_string(const char *s)
{
	while (*s)
		put(*s++);
}

/* %s, %u, %x, the latter two with any number of l. */
static void vprint(const char *f, va_list args)
{
	for (; *f; f++) {
		bool wide = false;

		if (*f != '%') {
			put(*f);
			continue;
		}
		while (*++f == 'l')
			wide = true;
		if (*f == 's')
			put_string(va_arg(args, const char *));
		else
			put_number(wide ? va_arg(args, uint64_t) : va_arg(args, uint32_t),
				   *f == 'x' ? 16 : 10);
	}
}

void print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprint(format, args);
	va_end(args);
}

void end(unsigned value)
{
	print("bare: end %u\n", value);
	while (!(inb(COM1 + 5) & LSR_IDLE))
		;
	outb(EXIT_PORT, (uint8_t)value);
	for (const char *s = "Shutdown"; *s; s++)
		outb(SHUTDOWN_PORT, (uint8_t)*s);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void broken(const char *format, ...)
{
	va_list args;

	print("bare: ");
	va_start(args, format);
	vprint(format, args);
	va_end(args);
	print("\n");
	end(END_BROKEN);
}

static const char *find(const char *name)
{
	const char *s;

	/* The multiboot information is 32-bit. */
	s = (const char *)(uintptr_t) * (uint32_t *)(uintptr_t)(boot_info + INFO_CMDLINE);
	for (; *s; s++) {
		const char *t = s, *n = name;

		while (*n && *t == *n)
			t++, n++;
		if (!*n && s[-1] == ' ' && (*t == '=' || *t == ' ' || !*t))
			return t;
	}
	return NULL;
}

bool option_is(const char *name)
{
	return find(name);
}

uint64_t option(const char *name, uint64_t otherwise)
{
	const char *s = find(name);
	uint64_t value = 0;

	if (!s || *s++ != '=')
		return otherwise;
	for (; *s >= '0' && *s <= '9'; s++)
		value = value * 10 + (uint64_t)(*s - '0');
	return value;
}
