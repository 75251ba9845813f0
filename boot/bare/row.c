/* SPDX-License-Identifier: MIT */
/* Rows: the rule that is being checked, and the result. */
#include "row.h"

#include <stdarg.h>

unsigned rows_passed, rows_failed;

static const char *row_cite;
static char row_name[96];
static bool row_open, row_bad;

static void name_put(unsigned *n, char c)
{
	if (*n < sizeof(row_name) - 1)
		row_name[(*n)++] = c;
}

static void name_hex(unsigned *n, uint32_t value)
{
	if (value >> 4)
		name_hex(n, value >> 4);
	name_put(n, "0123456789abcdef"[value & 15]);
}

/* %s and %x. */
static void name_format(const char *f, va_list args)
{
	unsigned n = 0;

	for (; *f; f++) {
		if (*f != '%') {
			name_put(&n, *f);
		} else if (*++f == 's') {
			for (const char *s = va_arg(args, const char *); *s; s++)
				name_put(&n, *s);
		} else {
			name_hex(&n, va_arg(args, uint32_t));
		}
	}
	row_name[n] = 0;
}

static void shared_reset(void)
{
	vendor_tables();
	for (unsigned i = 0; i < CPUS; i++)
		vm_reset(i);
}

void row_end(void)
{
	if (row_open)
		*(row_bad ? &rows_failed : &rows_passed) += 1;
	row_open = row_bad = false;
}

void row(const char *cite, const char *format, ...)
{
	va_list args;

	row_end();
	row_open = true;
	row_cite = cite;
	va_start(args, format);
	name_format(format, args);
	va_end(args);
	shared_reset();
}

bool expect(const char *what, uint64_t got, uint64_t want)
{
	if (got == want)
		return true;
	print("bare: FAILED: %s (%s): %s is %lx, not %lx\n", row_name, row_cite, what, got, want);
	row_bad = true;
	return false;
}

void expect_log(struct vm *vm, unsigned n, const uint8_t *vectors)
{
	if (!expect("interrupts taken", vm->guest->count, n))
		return;
	for (unsigned i = 0; i < n; i++)
		expect("vector", vm->guest->log[i], vectors[i]);
}
