/* SPDX-License-Identifier: MIT */
/* Reads one value of a scenario key, checks its range, and describes the range in messages. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inhibit.h"
#include "nearest.h"
#include "scenario_keys.h"
#include "units.h"

#define MAX_PAUSE 3600000000000ull /* an hour, as every other time */

static const char *time_text(uint64_t ns, char *buf, size_t size)
{
	static const struct {
		uint64_t ns;
		const char *name;
	} units[] = {{3600000000000ull, "h"},
		     {1000000000ull, "s"},
		     {1000000ull, "ms"},
		     {1000ull, "us"},
		     {1ull, "ns"}};

	snprintf(buf, size, "0");
	for (unsigned i = 0; ns && i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns % units[i].ns)
			continue;
		snprintf(buf, size, "%llu%s", (unsigned long long)(ns / units[i].ns),
			 units[i].name);
		break;
	}
	return buf;
}

static void count_range(const struct pn_key *k, char *buf, size_t size)
{
	const char *zero = k->flags & PN_KEY_ZERO ? "0 or " : "";
	const char *pow2 = k->flags & PN_KEY_POW2 ? ", a power of two" : "";

	if (k->flags & PN_KEY_HEX)
		snprintf(buf, size, "%s0x%llx .. 0x%llx%s", zero, (unsigned long long)k->min,
			 (unsigned long long)k->max, pow2);
	else
		snprintf(buf, size, "%s%llu .. %llu%s", zero, (unsigned long long)k->min,
			 (unsigned long long)k->max, pow2);
}

static void choice_range(const struct pn_key *k, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = 0;
	for (const struct pn_key_choice *c = k->choices; c->name && n < size; c++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", c->name);
}

const char *pn_key_range(const struct pn_key *k, char *buf, size_t size)
{
	char lo[24], hi[24];

	switch ((enum pn_key_type)k->type) {
	case PN_KEY_COUNT:
		count_range(k, buf, size);
		break;
	case PN_KEY_TIME:
		snprintf(buf, size, "time, %s%s .. %s%s", k->flags & PN_KEY_ZERO ? "0 or " : "",
			 time_text(k->min, lo, sizeof(lo)), time_text(k->max, hi, sizeof(hi)),
			 k->flags & PN_KEY_NS ? "; ns without a unit" : "");
		break;
	case PN_KEY_CHOICE:
		choice_range(k, buf, size);
		break;
	case PN_KEY_SHARE:
		snprintf(buf, size, "share, 0 .. 1 or 0%% .. 100%%");
		break;
	case PN_KEY_RATE:
		snprintf(buf, size, "rate, above 0, up to %lluG/s",
			 (unsigned long long)(k->max / 1000000000ull));
		break;
	case PN_KEY_DIST:
		snprintf(buf, size,
			 "%sconst(T), uniform(T,T), exp(MEAN), lognormal(MEDIAN,SIGMA) or "
			 "pareto(MINIMUM,SHAPE)",
			 k->flags & PN_KEY_ZERO ? "a time, 0, " : "");
		break;
	case PN_KEY_NAME:
		snprintf(buf, size, "name of a [%s]", pn_sc_kind_name((enum pn_sc_kind)k->min));
		break;
	case PN_KEY_REASON:
		snprintf(buf, size, "a reason of KVM's");
		break;
	case PN_KEY_IOMMU:
		snprintf(buf, size, "%llu .. %llu or spread", (unsigned long long)k->min,
			 (unsigned long long)k->max);
		break;
	}
	return buf;
}

static void store(const struct pn_key *k, void *base, uint64_t v)
{
	uint8_t v8 = (uint8_t)v;
	uint32_t v32 = (uint32_t)v;
	char *field = (char *)base + k->offset;

	if (k->size == 1)
		memcpy(field, &v8, 1);
	else if (k->size == 4)
		memcpy(field, &v32, 4);
	else
		memcpy(field, &v, 8);
}

static bool in_range(const struct pn_key *k, uint64_t v)
{
	if (!v && k->flags & PN_KEY_ZERO)
		return true;
	if (k->flags & PN_KEY_POW2 && v & (v - 1))
		return false;
	return v >= k->min && v <= k->max;
}

__attribute__((format(printf, 3, 4))) static int refuse(char *why, size_t size, const char *fmt,
							...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int out_of_range(const struct pn_key *k, char *why, size_t size)
{
	char range[160];

	return refuse(why, size, "out of range (expected %s)",
		      pn_key_range(k, range, sizeof(range)));
}

static int set_count(const struct pn_key *k, void *base, const char *value, char *why, size_t size)
{
	char range[160];
	uint64_t v;
	int err = pn_parse_count(value, &v);

	if (err == -EINVAL)
		return refuse(why, size, "not a number (expected %s)",
			      pn_key_range(k, range, sizeof(range)));
	if (err || !in_range(k, v))
		return out_of_range(k, why, size);
	store(k, base, v);
	return 0;
}

static int set_time(const struct pn_key *k, void *base, const char *value, char *why, size_t size)
{
	uint64_t v;
	bool bare = k->flags & PN_KEY_NS && *value && !value[strspn(value, "0123456789")];
	int err = bare ? pn_parse_count(value, &v) : pn_parse_time(value, &v);

	if (err == -EINVAL && !value[strspn(value, "0123456789. ")])
		return refuse(why, size, "a time needs a unit: ns, us, ms, s, min or h");
	if (err == -EINVAL)
		return refuse(why, size, "not a time (a number and one of ns, us, ms, s, min, h)");
	if (err || !in_range(k, v))
		return out_of_range(k, why, size);
	store(k, base, v);
	return 0;
}

static int set_choice(const struct pn_key *k, void *base, const char *value, char *why, size_t size)
{
	const char *names[8], *near;
	char range[160];
	unsigned n = 0;

	for (const struct pn_key_choice *c = k->choices; c->name; c++) {
		names[n++] = c->name;
		if (strcmp(c->name, value))
			continue;
		store(k, base, c->value);
		return 0;
	}
	near = pn_nearest(value, names, n);
	return refuse(why, size, "expected one of %s%s%s%s", pn_key_range(k, range, sizeof(range)),
		      near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

static const char *all_reasons(char *buf, size_t size)
{
	const char *name;
	size_t n = 0;

	buf[0] = 0;
	for (unsigned i = 0; (name = pn_inhibit_kvm_name((enum pn_inhibit)i)) && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", name);
	return buf;
}

static int set_reason(const struct pn_key *k, void *base, const char *value, char *why, size_t size)
{
	enum pn_inhibit found = pn_inhibit_find(value);
	const char *names[PN_INHIBIT_NR], *near;
	char plain[64], range[256];

	if (found != PN_INHIBIT_NR) {
		store(k, base, 1u + found);
		return 0;
	}
	for (unsigned i = 0; i < PN_INHIBIT_NR; i++)
		names[i] = pn_inhibit_kvm_name((enum pn_inhibit)i);
	near = pn_nearest(pn_inhibit_plain(value, plain, sizeof(plain)), names, PN_INHIBIT_NR);
	if (near)
		return refuse(why, size, "no reason of KVM's (did you mean \"%s\"?)", near);
	return refuse(why, size, "no reason of KVM's (expected %s)",
		      all_reasons(range, sizeof(range)));
}

/* "0.25" or "25%": the parser of rates reads the number. */
static int set_share(const struct pn_key *k, void *base, const char *value, char *why, size_t size)
{
	size_t len = strspn(value, "0123456789.");
	bool percent = !strcmp(value + len, "%");
	char text[32];
	double v;

	if (len >= sizeof(text) - 2 || (value[len] && !percent))
		return refuse(why, size, "expected a share, as 0.25 or 25%%");
	snprintf(text, sizeof(text), "%.*s/s", (int)len, value);
	if (pn_parse_rate(text, &v))
		return refuse(why, size, "expected a share, as 0.25 or 25%%");
	v = percent ? v / 100 : v;
	if (v > 1)
		return out_of_range(k, why, size);
	memcpy((char *)base + k->offset, &v, sizeof(v));
	return 0;
}

static int set_rate(const struct pn_key *k, void *base, const char *value, char *why, size_t size)
{
	double v;
	int err = pn_parse_rate(value, &v);

	if (err == -EINVAL)
		return refuse(why, size, "not a rate (a number and one of /s, k/s, M/s, G/s)");
	if (err || !(v > 0) || v > (double)k->max)
		return out_of_range(k, why, size);
	memcpy((char *)base + k->offset, &v, sizeof(v));
	return 0;
}

static int set_dist(const struct pn_key *k, void *base, const char *value, char *why, size_t size)
{
	struct pn_dist v = {.kind = PN_DIST_CONST};
	char range[160];
	uint64_t ns;

	if (k->flags & PN_KEY_ZERO && !pn_parse_time(value, &ns) && ns <= MAX_PAUSE)
		v.a = (double)ns;
	else if (pn_parse_dist(value, &v))
		return refuse(why, size, "not a distribution of times (expected %s)",
			      pn_key_range(k, range, sizeof(range)));
	memcpy((char *)base + k->offset, &v, sizeof(v));
	return 0;
}

static int set_name(const struct pn_key *k, void *base, const char *value, char *why, size_t size)
{
	size_t len = strlen(value);

	if (!len || len >= k->size)
		return refuse(why, size, "expected the name of a [%s]",
			      pn_sc_kind_name((enum pn_sc_kind)k->min));
	memcpy((char *)base + k->offset, value, len + 1);
	return 0;
}

static int set_iommu(const struct pn_key *k, void *base, const char *value, char *why, size_t size)
{
	struct pn_sc_device *dev = base;

	dev->iommu_spread = !strcmp(value, "spread");
	if (!dev->iommu_spread)
		return set_count(k, base, value, why, size);
	dev->iommu = 0;
	return 0;
}

int pn_key_set(const struct pn_key *k, void *base, const char *value, char *why, size_t size)
{
	static int (*const set[])(const struct pn_key *, void *, const char *, char *, size_t) = {
		[PN_KEY_COUNT] = set_count,   [PN_KEY_TIME] = set_time,
		[PN_KEY_CHOICE] = set_choice, [PN_KEY_SHARE] = set_share,
		[PN_KEY_RATE] = set_rate,     [PN_KEY_DIST] = set_dist,
		[PN_KEY_NAME] = set_name,     [PN_KEY_IOMMU] = set_iommu,
		[PN_KEY_REASON] = set_reason,
	};

	return set[k->type](k, base, value, why, size);
}
