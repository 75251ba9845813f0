/* SPDX-License-Identifier: MIT */
/*
 * Student's t, intervals of means, and the correlation that says whether batches are long enough.
 */
#include "stats.h"

#include <math.h>

#define CF_TINY	 1e-300
#define CF_TERMS 500
#define CF_EPS	 1e-15

/*
 * The continued fraction of the incomplete beta function (DLMF 8.17.22), by the method of Lentz.
 */
static double beta_fraction(double a, double b, double x)
{
	double c = 1, d = 1 - (a + b) * x / (a + 1), f;

	d = 1 / (fabs(d) < CF_TINY ? CF_TINY : d);
	f = d;
	for (int m = 1; m <= CF_TERMS; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		d = 1 + even * d;
		c = 1 + even / c;
		d = 1 / (fabs(d) < CF_TINY ? CF_TINY : d);
		c = fabs(c) < CF_TINY ? CF_TINY : c;
		f *= d * c;
		d = 1 + odd * d;
		c = 1 + odd / c;
		d = 1 / (fabs(d) < CF_TINY ? CF_TINY : d);
		c = fabs(c) < CF_TINY ? CF_TINY : c;
		step = d * c;
		f *= step;
		if (fabs(step - 1) < CF_EPS)
			break;
	}
	return f;
}

/* Regularized: I_x(a, b). @y is 1 - x, which the caller knows more exactly. */
static double beta_inc(double a, double b, double x, double y)
{
	double front;

	if (x <= 0)
		return 0;
	if (y <= 0)
		return 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, y) / b;
}

double pn_t_cdf(double t, double df)
{
	double sum = df + t * t;
	double tail = 0.5 * beta_inc(df / 2, 0.5, df / sum, t * t / sum);

	return t > 0 ? 1 - tail : tail;
}

double pn_t_quantile(double p, double df)
{
	double low = 0, high = 1, upper = p < 0.5 ? 1 - p : p;

	if (p == 0.5)
		return 0;
	while (pn_t_cdf(high, df) < upper && high < 1e300)
		high *= 2;
	for (int i = 0; i < 200 && high - low > 1e-13 * high; i++) {
		double mid = low + (high - low) / 2;

		if (pn_t_cdf(mid, df) < upper)
			low = mid;
		else
			high = mid;
	}
	return p < 0.5 ? -high : high;
}

/* Welford's update: no difference of large sums. */
void pn_sample_add(struct pn_sample *s, double x)
{
	double delta = x - s->mean;

	if (!s->n || x < s->min)
		s->min = x;
	if (!s->n || x > s->max)
		s->max = x;
	s->n++;
	s->mean += delta / (double)s->n;
	s->m2 += delta * (x - s->mean);
}

double pn_sample_sd(const struct pn_sample *s)
{
	return s->n < 2 ? 0 : sqrt(s->m2 / (double)(s->n - 1));
}

double pn_half_width(double sd, uint64_t n, double confidence)
{
	if (n < 2)
		return NAN;
	return pn_t_quantile(0.5 + confidence / 2, (double)(n - 1)) * sd / sqrt((double)n);
}

double pn_sample_half(const struct pn_sample *s, double confidence)
{
	return pn_half_width(pn_sample_sd(s), s->n, confidence);
}

double pn_lag1(const double *x, unsigned n)
{
	struct pn_sample s = {0};
	double sum = 0;

	for (unsigned i = 0; i < n; i++)
		pn_sample_add(&s, x[i]);
	if (n < 3 || s.m2 <= 0)
		return 0;
	for (unsigned i = 0; i + 1 < n; i++)
		sum += (x[i] - s.mean) * (x[i + 1] - s.mean);
	return sum / s.m2;
}
