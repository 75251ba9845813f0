/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_TRACE_H
#define PN_LAB_TRACE_H

#include "machine.h"

/* One step as the writers of traces get it. Private to the tracer. */
struct pn_traced {
	struct pn_agent *agent;
	unsigned step;
	uint64_t at, ns, a, b;
	/*
	 * The interrupt that it belongs to: a number that is different for each in a file; 0: none
	 * is known. @ends: its handler starts.
	 */
	uint64_t flow;
	bool ends;
	uint64_t serves; /* a device's, an IOMMU's, the router's: the interrupt it is for */
	uint64_t stamp;	 /* HANDLER_START: struct pn_lab_vcpu's of that interrupt, or 0 */
	struct pn_lab_vcpu
		*vcpu; /* that woke, sleeps, exits, enters or handles; NULL: another step */
};

/* Which agent it is. */
static inline bool pn_traced_by_cpu(const struct pn_traced *s)
{
	return s->agent->world != NULL;
}

/* Chrome trace format. */
void pn_trace_json_names(const struct pn_machine *m, unsigned pid, FILE *f);
void pn_trace_json_step(const struct pn_machine *m, unsigned pid, FILE *f,
			const struct pn_traced *s);
void pn_trace_json_full(unsigned pid, FILE *f, uint64_t at);

/* Perfetto's format. NULL: no memory. */
struct pn_trace_pb;
struct pn_trace_pb *pn_trace_pb_open(const struct pn_machine *m, unsigned pid, FILE *f);
/* @in: it is written; else only what it means for a vCPU is followed. */
void pn_trace_pb_step(struct pn_trace_pb *t, const struct pn_traced *s, bool in);
/* A vCPU's IPI to @to, an interrupt with the number @flow. */
void pn_trace_pb_ipi(struct pn_trace_pb *t, const struct pn_lab_vcpu *from,
		     const struct pn_lab_vcpu *to, uint64_t at, uint64_t flow);
/* What comes before @from is followed, not written: what is going on then begins there. */
void pn_trace_pb_begin_at(struct pn_trace_pb *t, uint64_t from);
/* Nothing is written behind it. @full: because there was too much. */
void pn_trace_pb_end_at(struct pn_trace_pb *t, uint64_t at, bool full);
/* -ENOMEM: something is missing. @t may be NULL. */
int pn_trace_pb_close(struct pn_trace_pb *t);

/* Keeps wakeups with their steps. NULL: no memory. */
struct pn_wakelog;
struct pn_wakelog *pn_wakelog_open(const struct pn_machine *m);
void pn_wakelog_step(struct pn_wakelog *l, const struct pn_traced *s);
/* Those that are nearest to the percentiles of @wake. NULL: no memory; free it. */
struct pn_wakes *pn_wakelog_choose(const struct pn_wakelog *l, const struct pn_hist *wake);
void pn_wakelog_close(struct pn_wakelog *l);

#endif
