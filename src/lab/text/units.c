/* SPDX-License-Identifier: MIT */
/* Reads times, rates, counts and distributions with their units. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "units.h"

/*
 * Numbers are read here and not by strtod(), whose decimal point depends on the locale and which
 * takes "inf", "nan" and hexadecimal floats.
 */
struct decimal {
	uint64_t digits; /* all digits, without the point */
	unsigned scale;	 /* how many of them come after the point */
};

#define MAX_DIGITS 18

static const uint64_t pow10_tab[MAX_DIGITS + 1] = {
	1ull,
	10ull,
	100ull,
	1000ull,
	10000ull,
	100000ull,
	1000000ull,
	10000000ull,
	100000000ull,
	1000000000ull,
	10000000000ull,
	100000000000ull,
	1000000000000ull,
	10000000000000ull,
	100000000000000ull,
	1000000000000000ull,
	10000000000000000ull,
	100000000000000000ull,
	1000000000000000000ull,
};

/* product of a number and a unit */
__extension__ typedef unsigned __int128 wide;

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit time_units[] = {
	{"ns", 1ull},
	{"us", 1000ull},
	{"ms", 1000000ull},
	{"s", 1000000000ull},
	{"min", 60000000000ull},
	{"h", 3600000000000ull},
	{NULL, 0},
};

static const struct unit count_units[] = {
	{"", 1ull},	     {"k", 1000ull},	   {"K", 1000ull},
	{"M", 1000000ull},   {"G", 1000000000ull}, {"Ki", 1ull << 10},
	{"Mi", 1ull << 20},  {"Gi", 1ull << 30},   {"B", 1ull},
	{"KiB", 1ull << 10}, {"MiB", 1ull << 20},  {"GiB", 1ull << 30},
	{NULL, 0},
};

static const struct unit rate_units[] = {
	{"/s", 1ull},	     {"k/s", 1000ull},	     {"K/s", 1000ull},
	{"M/s", 1000000ull}, {"G/s", 1000000000ull}, {NULL, 0},
};

static const char *skip_space(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* Digits with at most one point between them: -EINVAL none, -ERANGE too many to hold. */
static int scan_decimal(const char **sp, struct decimal *out)
{
	const char *s = *sp;
	unsigned digits = 0;
	bool point = false;

	out->digits = 0;
	out->scale = 0;
	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; (*s >= '0' && *s <= '9') || (*s == '.' && !point); s++) {
		if (*s == '.') {
			if (s[1] < '0' || s[1] > '9')
				return -EINVAL;
			point = true;
			continue;
		}
		if (digits || *s != '0')
			digits++;
		if (digits > MAX_DIGITS || (point && out->scale == MAX_DIGITS))
			return -ERANGE;
		out->digits = out->digits * 10 + (uint64_t)(*s - '0');
		out->scale += point;
	}
	*sp = s;
	return 0;
}

/* The unit that @s consists of, spaces around it aside; 0: none. */
static uint64_t find_unit(const char *s, size_t len, const struct unit *u)
{
	for (; u->name; u++)
		if (strlen(u->name) == len && !memcmp(u->name, s, len))
			return u->factor;
	return 0;
}

static size_t trimmed(const char *s)
{
	size_t len = strlen(s);

	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	return len;
}

static int scan_quantity(const char *s, const struct unit *units, struct decimal *num,
			 uint64_t *factor)
{
	int err;

	s = skip_space(s);
	err = scan_decimal(&s, num);
	if (err)
		return err;
	s = skip_space(s);
	*factor = find_unit(s, trimmed(s), units);
	return *factor ? 0 : -EINVAL;
}

static int scaled(const struct decimal *num, uint64_t factor, wide *whole, uint64_t *rest)
{
	wide v = (wide)num->digits * factor;

	*whole = v / pow10_tab[num->scale];
	*rest = (uint64_t)(v % pow10_tab[num->scale]);
	return *whole > INT64_MAX ? -ERANGE : 0;
}

/* Zero needs no unit. Parts of a nanosecond are rounded. */
int pn_parse_time(const char *s, uint64_t *ns)
{
	wide whole;
	struct decimal num;
	uint64_t factor, rest;
	int err;

	s = skip_space(s);
	if (s[0] == '0' && trimmed(s) == 1) {
		*ns = 0;
		return 0;
	}
	err = scan_quantity(s, time_units, &num, &factor);
	if (!err)
		err = scaled(&num, factor, &whole, &rest);
	if (err)
		return err;
	*ns = (uint64_t)whole + (rest >= pow10_tab[num.scale] - rest);
	return 0;
}

static double to_double(const struct decimal *num)
{
	return (double)num->digits / (double)pow10_tab[num->scale];
}

int pn_parse_rate(const char *s, double *per_second)
{
	struct decimal num;
	uint64_t factor;
	int err = scan_quantity(s, rate_units, &num, &factor);

	if (err)
		return err;
	*per_second = to_double(&num) * (double)factor;
	return 0;
}

static int parse_hex(const char *s, uint64_t *n)
{
	size_t len = trimmed(s);
	uint64_t v = 0;

	if (!len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		char c = (char)(s[i] | 0x20);

		if ((s[i] < '0' || s[i] > '9') && (c < 'a' || c > 'f'))
			return -EINVAL;
		if (v >> 60)
			return -ERANGE;
		v = v << 4 | (uint64_t)(s[i] <= '9' ? s[i] - '0' : c - 'a' + 10);
	}
	*n = v;
	return 0;
}

/* k, M, G are powers of 1000; Ki, Mi, Gi of 1024; a B may follow those. 0x: hexadecimal. */
int pn_parse_count(const char *s, uint64_t *n)
{
	wide whole;
	struct decimal num;
	uint64_t factor, rest;
	int err;

	s = skip_space(s);
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return parse_hex(s + 2, n);
	err = scan_quantity(s, count_units, &num, &factor);
	if (!err)
		err = scaled(&num, factor, &whole, &rest);
	if (err)
		return err;
	if (rest)
		return -EINVAL;
	*n = (uint64_t)whole;
	return 0;
}

struct dist_form {
	const char *name;
	enum pn_dist_kind kind;
	unsigned times, numbers; /* arguments */
};

static const struct dist_form dist_forms[] = {
	{"const", PN_DIST_CONST, 1, 0},	  {"uniform", PN_DIST_UNIFORM, 2, 0},
	{"exp", PN_DIST_EXP, 1, 0},	  {"lognormal", PN_DIST_LOGNORMAL, 1, 1},
	{"pareto", PN_DIST_PARETO, 1, 1},
};

static int parse_arg(const char *text, size_t len, bool is_time, double *out)
{
	char buf[48];
	const char *s;
	struct decimal num;
	uint64_t ns;
	int err;

	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = 0;
	if (is_time) {
		err = pn_parse_time(buf, &ns);
		*out = (double)ns;
		return err;
	}
	s = skip_space(buf);
	err = scan_decimal(&s, &num);
	if (err || *skip_space(s))
		return err ? err : -EINVAL;
	*out = to_double(&num);
	return 0;
}

/* Splits "a, b)" at commas into exactly the arguments that @f wants. */
static int parse_args(const struct dist_form *f, const char *s, double v[2])
{
	unsigned want = f->times + f->numbers;

	for (unsigned i = 0; i < want; i++) {
		size_t len = strcspn(s, ",)");
		int err;

		if (s[len] != (i + 1 < want ? ',' : ')'))
			return -EINVAL;
		err = parse_arg(s, len, i < f->times, &v[i]);
		if (err)
			return err;
		s += len + 1;
	}
	return *skip_space(s) ? -EINVAL : 0;
}

/* Means must exist: a Pareto distribution of shape 1 or less has none. */
static bool dist_sane(const struct pn_dist *d)
{
	switch (d->kind) {
	case PN_DIST_CONST:
		return true;
	case PN_DIST_UNIFORM:
		return d->a <= d->b;
	case PN_DIST_EXP:
		return d->a > 0;
	case PN_DIST_LOGNORMAL:
		return d->a > 0 && d->b <= 5;
	case PN_DIST_PARETO:
		return d->a > 0 && d->b > 1;
	}
	return false;
}

int pn_parse_dist(const char *s, struct pn_dist *out)
{
	struct pn_dist d = {0};
	double v[2] = {0, 0};
	size_t len;
	int err;

	s = skip_space(s);
	len = strcspn(s, " \t(");
	for (unsigned i = 0; i < sizeof(dist_forms) / sizeof(dist_forms[0]); i++) {
		const struct dist_form *f = &dist_forms[i];
		const char *open = skip_space(s + len);

		if (strlen(f->name) != len || memcmp(f->name, s, len) || *open != '(')
			continue;
		err = parse_args(f, open + 1, v);
		if (err)
			return err;
		d = (struct pn_dist){f->kind, v[0], v[1]};
		if (!dist_sane(&d))
			return -EINVAL;
		*out = d;
		return 0;
	}
	return -EINVAL;
}
