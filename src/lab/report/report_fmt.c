/* SPDX-License-Identifier: MIT */
/* Numbers as people read them: times, counts, ratios, shares. */
#include <math.h>

#include "report_fmt.h"

static const char *scaled(char *buf, double v, double base, const char *const *units, unsigned n)
{
	unsigned u = 0;
	int digits;

	/* 999.5 would be printed as 1000. */
	while (u + 1 < n && v >= base * 0.9995) {
		v /= base;
		u++;
	}
	digits = v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;
	snprintf(buf, PN_FMT_SIZE, "%.*f%s", digits, v, units[u]);
	return buf;
}

const char *pn_fmt_ns(char *buf, double ns)
{
	static const char *const units[] = {" ns", " us", " ms", " s"};

	if (ns < 999.5)
		snprintf(buf, PN_FMT_SIZE, "%.0f ns", ns);
	else
		scaled(buf, ns, 1000, units, 4);
	return buf;
}

const char *pn_fmt_count(char *buf, double n)
{
	static const char *const units[] = {" k", " M", " G", " T"};

	if (n < 99999.5 && n == floor(n))
		snprintf(buf, PN_FMT_SIZE, "%.0f", n);
	else if (n < 999.5)
		snprintf(buf, PN_FMT_SIZE, "%.3g", n);
	else
		scaled(buf, n / 1000, 1000, units, 4);
	return buf;
}

const char *pn_fmt_exact(char *buf, double n)
{
	snprintf(buf, PN_FMT_SIZE, "%.0f", n);
	return buf;
}

const char *pn_fmt_ratio(char *buf, double x)
{
	if (x >= 0.01 || x == 0)
		snprintf(buf, PN_FMT_SIZE, x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : "%.2f", x);
	else
		snprintf(buf, PN_FMT_SIZE, "%.2g", x);
	return buf;
}

const char *pn_fmt_share(char *buf, double x)
{
	snprintf(buf, PN_FMT_SIZE, "%.1f %%", 100 * x);
	return buf;
}
