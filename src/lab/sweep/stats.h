/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_STATS_H
#define PN_LAB_STATS_H

#include <stdint.h>

/* Means of independent samples and their intervals. Pure functions; no allocation. */

/* P(T <= t) of Student's t with @df degrees of freedom. */
double pn_t_cdf(double t, double df);
/* The t with P(T <= t) = @p, 0 < p < 1. */
double pn_t_quantile(double p, double df);

/* Samples as they come, in constant memory. Zero before the first. */
struct pn_sample {
	uint64_t n;
	double mean, m2, min, max;
};

void pn_sample_add(struct pn_sample *s, double x);
/* Standard deviation; 0 with fewer than two samples. */
double pn_sample_sd(const struct pn_sample *s);
/*
 * Half the width of the interval around the mean that has the true mean with probability
 * @confidence, if samples are independent and normal. NAN with fewer than two samples.
 */
double pn_sample_half(const struct pn_sample *s, double confidence);
/* The same of @n samples with standard deviation @sd. */
double pn_half_width(double sd, uint64_t n, double confidence);

/* Correlation of each sample with the next one; 0 with fewer than three or without variation. */
double pn_lag1(const double *x, unsigned n);

#endif
