/* SPDX-License-Identifier: MIT */
/*
 * What loggers and reports put before a line: the time and host of syslog, the stamp of the
 * kernel's log, the date of perf-prof, the machine of perf script.
 */
#include "rec_line.h"
#include "rec_scan.h"

/* "[  101.500000]", "[  101.500000][   T12]", "[   T12]"; not the time of babeltrace, which "(+"
 * follows, and not a CPU, which has no point. */
static const char *kernel_stamp(const char *s, const char *end)
{
	const char *from = s;
	uint64_t v;

	if (s == end || *s != '[')
		return NULL;
	s = pn_skip_blanks(s + 1, end);
	if (s < end && (*s == 'T' || *s == 'C')) {
		s = pn_number(s + 1, end, &v);
	} else {
		s = pn_number(s, end, &v);
		s = s && s < end && *s == '.' ? pn_number(s + 1, end, &v) : NULL;
	}
	if (!s || s == end || *s != ']')
		return NULL;
	s = pn_skip_blanks(s + 1, end);
	return s > from && !pn_literal(s, end, "(+") ? s : NULL;
}

/* "<4>" */
static const char *log_level(const char *s, const char *end)
{
	uint64_t v;

	s = pn_literal(s, end, "<");
	s = s ? pn_number(s, end, &v) : NULL;
	return s ? pn_literal(s, end, ">") : NULL;
}

/* "Jan  5 10:00:00 host1 kernel: ", and the same with other dates */
static const char *syslog(const char *s, const char *end)
{
	const char *stop = end - s > 120 ? s + 120 : end;
	const char *at = pn_find(s, stop, " kernel: ");

	return at ? at + 9 : NULL;
}

/* "2024-04-12 13:47:26.370747 G " */
static const char *date(const char *s, const char *end)
{
	static const char form[] = "dddd-dd-dd dd:dd:dd";

	if ((size_t)(end - s) < sizeof(form))
		return NULL;
	for (size_t i = 0; i + 1 < sizeof(form); i++)
		if (form[i] == 'd' ? !pn_is_digit(s[i]) : s[i] != form[i])
			return NULL;
	s = pn_skip_blanks(pn_skip_word(s + sizeof(form) - 1, end), end);
	if (end - s > 2 && pn_is_letter(*s) && pn_is_blank(s[1]))
		s = pn_skip_blanks(s + 1, end);
	return s;
}

/* "VM:900 VCPU:000" */
static const char *perf_machine(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *from = s, *vm;
	uint64_t v;

	s = pn_literal(s, end, "VM:");
	vm = s ? pn_number(s, end, &v) : NULL;
	s = vm ? pn_literal(pn_skip_blanks(vm, end), end, "VCPU:") : NULL;
	s = s ? pn_number(s, end, &v) : NULL;
	if (s)
		l->machine = (struct pn_rec_str){from, (size_t)(vm - from)};
	return s;
}

const char *pn_rec_undress(const char *s, const char *end, struct pn_rec_line *l)
{
	for (;;) {
		const char *next = log_level(s, end);

		next = next ? next : kernel_stamp(s, end);
		next = next ? next : syslog(s, end);
		next = next ? next : date(s, end);
		next = next ? next : perf_machine(s, end, l);
		if (!next)
			break;
		s = pn_skip_blanks(next, end);
	}
	return s;
}
