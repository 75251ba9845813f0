/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_REPORT_MEASURED_H
#define PN_LAB_REPORT_MEASURED_H

#include "report_fmt.h"

/* The recording's own exits, interrupts and wakeups. @s may be NULL in pn_measured() only. */

/* It shows something that modes of this workload model. */
bool pn_measured(const struct pn_rec_summary *s, enum pn_workload w);
/* The name for KVM's name of a reason, and what it is here; PN_EXIT_NR and @kvm itself: no mode
 * models it. */
const char *pn_measured_reason(const char *kvm, enum pn_exit_reason *reason);
uint64_t pn_measured_vector(const struct pn_rec_summary *s, enum pn_host_vector v);
/* pn_measured_vector() counts this one of irq_vectors. */
bool pn_measured_name(const char *vector);
/* Interrupts of devices and of vectors. */
uint64_t pn_measured_host(const struct pn_rec_summary *s);

/* These return false if the recording does not show it. */
bool pn_measured_exit(const struct pn_rec_summary *s, enum pn_exit_reason r, double *n);
bool pn_measured_exits_each(const struct pn_rec_summary *s, double *x);
bool pn_measured_busiest(const struct pn_rec_summary *s, double *x);
bool pn_measured_wakeups(const struct pn_rec_summary *s, double *n);
bool pn_measured_kvm(const struct pn_rec_summary *s, const char *event, double *n);

/* Below the table: what measured counts are, and those that have no place in it. */
void pn_report_besides(const struct pn_comparison *c, FILE *f);

#endif
