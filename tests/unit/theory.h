/* SPDX-License-Identifier: MIT */
#ifndef THEORY_H
#define THEORY_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What queueing theory says, and whether a simulation agrees. Include after cmocka.h. Times are
 * nanoseconds.
 */

/* A figure of several runs that are independent. */
struct estimate {
	unsigned n;
	double sum, sum_sq;
};

static inline void estimate_add(struct estimate *e, double x)
{
	e->n++;
	e->sum += x;
	e->sum_sq += x * x;
}

static inline double estimate_mean(const struct estimate *e)
{
	return e->sum / e->n;
}

/* Standard error of the mean. */
static inline double estimate_error(const struct estimate *e)
{
	double mean = estimate_mean(e), var = e->sum_sq / e->n - mean * mean;

	return var > 0 ? sqrt(var / (e->n - 1)) : 0;
}

/*
 * Four standard errors, and @left_out: what the formula does not have. An estimate that is worse
 * than 2 % shows nothing and fails too. The rows that it prints are those of docs/theory.md.
 */
static inline void agrees(const char *row, const struct estimate *e, double theory, double left_out)
{
	double mean = estimate_mean(e), error = estimate_error(e);

	printf("| %s | %.1f | %.1f | %.1f | %+.2f %% |\n", row, theory, mean, error,
	       (mean / theory - 1) * 100);
	if (!(error <= 0.02 * theory))
		fail_msg("%s: the standard error %g is too large for %g", row, error, theory);
	if (!(fabs(mean - theory) <= 4 * error + left_out))
		fail_msg("%s: %g, not %g (standard error %g, left out %g)", row, mean, theory,
			 error, left_out);
}

/* Pollaczek and Khinchine: @rate in 1/ns; mean and mean square of the service. */
static inline double mg1_wait(double rate, double mean, double square)
{
	return rate * square / (2 * (1 - rate * mean));
}

/* Of @n that each do it with probability @p, @k do. */
static inline double binomial(unsigned n, unsigned k, double p)
{
	return exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) + k * log(p) +
		   (n - k) * log1p(-p));
}

#define THEORY_SOURCES 256u

/*
 * From one begin of a service to the next: @from[n] is the probability that n wait when one begins,
 * @p that a queue which does not wait signals during the service. If none waits at its end, the
 * next one that comes is served, with none behind it.
 */
static inline void md1_next(unsigned queues, double p, const double *from, double *to)
{
	for (unsigned n = 0; n < queues; n++)
		to[n] = 0;
	for (unsigned n = 0; n < queues; n++) {
		for (unsigned k = 0; from[n] > 1e-15 && k <= queues - n; k++) {
			unsigned next = n + k ? n + k - 1 : 0;

			to[next] += from[n] * binomial(queues - n, k, p);
		}
	}
}

/*
 * M/D/1 of @queues with a bit each: what comes while the bit is set merges, and the bit is cleared
 * when the service begins. From the chain of numbers that wait when services begin: one is served
 * from each begin to the next, so the wait is what all wait in that time. @rate: of all queues, in
 * 1/ns.
 */
static inline double md1_merging_wait(unsigned queues, double rate, double service)
{
	double a[THEORY_SOURCES] = {1}, b[THEORY_SOURCES], area = 0;
	double quiet = exp(-rate * service / queues);

	for (unsigned i = 0; i < 300; i++) {
		md1_next(queues, 1 - quiet, a, b);
		md1_next(queues, 1 - quiet, b, a);
	}
	for (unsigned n = 0; n < queues; n++)
		area += a[n] * (queues * service - (queues - n) * (1 - quiet) * queues / rate);
	return area;
}

/*
 * Cobham: one server that never stops what it has begun, and takes the last class first. Mean wait
 * over all arrivals.
 */
static inline double cobham_wait(unsigned n, const double *rate, const double *service)
{
	double residual = 0, load = 0, sum = 0, all = 0;

	for (unsigned i = 0; i < n; i++)
		residual += rate[i] * service[i] * service[i] / 2;
	for (unsigned i = n; i-- > 0;) {
		double above = load;

		load += rate[i] * service[i];
		sum += rate[i] * residual / ((1 - above) * (1 - load));
		all += rate[i];
	}
	return sum / all;
}

/* Takács: M/D/1 with @n sources that each think for an exponential time. The mean wait. */
static inline double md1_sources_wait(unsigned n, double think, double service)
{
	double sum = 0, binomial = 1, b = 1, idle;

	for (unsigned r = 0; r < n; r++) {
		double phi = exp(-(r + 1.0) * service / think);

		sum += binomial * b;
		binomial *= (double)(n - 1 - r) / (r + 1);
		b *= (1 - phi) / phi;
	}
	idle = 1 / (1 + n * service / think * sum);
	return n * service / (1 - idle) - think - service;
}

/*
 * Mean value analysis (Reiser, Lavenberg): @n requests, a delay, and @servers exponential servers
 * that are visited with the same probability. The mean wait at a server.
 */
static inline double mva_wait(unsigned n, double think, double service, unsigned servers)
{
	double length = 0, response = service; /* at one server */

	for (unsigned k = 1; k <= n; k++) {
		response = service * (1 + length);
		length = k / (think + response) * response / servers;
	}
	return response - service;
}

#endif
