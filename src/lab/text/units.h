/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_UNITS_H
#define PN_LAB_UNITS_H

#include <stdint.h>

#include "dist.h"

/* Units: "10us", "1.5ms", "2s", "300" is refused; "2M/s", "100k/s"; "4KiB", "1M". */
int pn_parse_time(const char *s, uint64_t *ns);
int pn_parse_rate(const char *s, double *per_second);
int pn_parse_count(const char *s, uint64_t *n);
/* "exp(80us)", "const(80us)", "uniform(10us,20us)", "lognormal(80us,0.4)" (median, sigma),
 * "pareto(20us,1.5)" (minimum, shape). */
int pn_parse_dist(const char *s, struct pn_dist *out);

#endif
