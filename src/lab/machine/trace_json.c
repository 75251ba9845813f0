/* SPDX-License-Identifier: MIT */
/* Traces in Chrome's format: every step of every agent is a line of JSON. */
#include <inttypes.h>

#include "trace.h"

static void meta(unsigned pid, FILE *f, uint32_t tid, const char *name, uint32_t number)
{
	fprintf(f,
		"{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%u,\"tid\":%" PRIu32
		",\"args\":{\"name\":\"%s %" PRIu32 "\"}},\n",
		pid, tid, name, number);
}

void pn_trace_json_names(const struct pn_machine *m, unsigned pid, FILE *f)
{
	char name[64];

	fprintf(f,
		"{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%u,\"args\":{\"name\":\"%s\"}},\n",
		pid, pn_mode_text(&m->mode, name, sizeof(name)));
	for (uint32_t i = 0; i < m->sc->machine.pcpus; i++)
		meta(pid, f, i, "pCPU", i);
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++)
		meta(pid, f, m->sc->machine.pcpus + i, "IOMMU", i);
	meta(pid, f, m->sc->machine.pcpus + m->router.id, "router", 0);
}

void pn_trace_json_full(unsigned pid, FILE *f, uint64_t at)
{
	fprintf(f,
		"{\"ph\":\"i\",\"s\":\"g\",\"name\":\"trace is full: later steps are missing\","
		"\"pid\":%u,\"tid\":0,\"ts\":%" PRIu64 ".%03u},\n",
		pid, at / 1000, (unsigned)(at % 1000));
}

void pn_trace_json_step(const struct pn_machine *m, unsigned pid, FILE *f,
			const struct pn_traced *s)
{
	uint32_t tid = s->agent->id + (pn_traced_by_cpu(s) ? 0 : m->sc->machine.pcpus);

	fprintf(f,
		"{\"ph\":\"X\",\"name\":\"%s\",\"pid\":%u,\"tid\":%" PRIu32 ",\"ts\":%" PRIu64
		".%03u,\"dur\":%" PRIu64 ".%03u,\"args\":{\"a\":\"0x%" PRIx64
		"\",\"b\":\"0x%" PRIx64 "\"}},\n",
		pn_any_step_key(s->step), pid, tid, s->at / 1000, (unsigned)(s->at % 1000),
		s->ns / 1000, (unsigned)(s->ns % 1000), s->a, s->b);
}
