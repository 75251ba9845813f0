/* SPDX-License-Identifier: MIT */
/* The explorer's results as JSON. */
#include <string.h>

#include "xreport.h"

/* A name may come from the source and may not be UTF-8; it always becomes some string. */
static json_t *string(const char *s)
{
	json_t *o = json_string(s);

	return o ? o : json_string("?");
}

static json_t *step(const struct px_step *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "agent", string(s->agent));
	json_object_set_new(o, "text", string(s->text));
	json_object_set_new(o, "where", string(s->where));
	json_object_set_new(o, "buffered", string(s->buffered));
	json_object_set_new(o, "doing", string(s->doing));
	json_object_set_new(o, "shared", json_boolean(s->shared));
	return o;
}

static json_t *one(const struct pn_xrun *r)
{
	const struct px_result *res = &r->res;
	bool violated = res->verdict == PX_VIOLATION;
	json_t *o = json_object(), *trace = json_array();

	for (unsigned i = 0; violated && i < res->steps; i++)
		json_array_append_new(trace, step(&res->step[i]));
	json_object_set_new(o, "case", string(r->name));
	json_object_set_new(o, "variant", string(r->variant));
	json_object_set_new(o, "memory_model", string(r->memory));
	json_object_set_new(o, "overflow_restart",
			    string(r->overflow_restart ? r->overflow_restart : "needs_toggle"));
	json_object_set_new(o, "expected",
			    string(pn_xreport_verdict(r->property ? PX_VIOLATION : PX_HELD)));
	json_object_set_new(o, "found", string(pn_xreport_verdict(res->verdict)));
	json_object_set_new(o, "property", violated ? string(res->property) : json_null());
	json_object_set_new(o, "executions", json_integer((json_int_t)res->executions));
	json_object_set_new(o, "transitions", json_integer((json_int_t)res->transitions));
	json_object_set_new(o, "blocked", json_integer((json_int_t)res->blocked));
	json_object_set_new(o, "replayed", json_integer((json_int_t)res->replayed));
	json_object_set_new(o, "states", json_integer((json_int_t)res->states));
	json_object_set_new(o, "depth", json_integer((json_int_t)res->depth));
	json_object_set_new(o, "exhaustive", json_boolean(res->exhaustive));
	json_object_set_new(o, "seconds", json_real(res->seconds));
	json_object_set_new(o, "trace", trace);
	return o;
}

json_t *pn_xreport_json(const struct pn_xrun *run, unsigned n)
{
	json_t *o = json_object(), *cases = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(cases, one(&run[i]));
	json_object_set_new(o, "schema", json_string("postern.explore/1"));
	json_object_set_new(o, "cases", cases);
	return o;
}

/* ---- Chrome trace format ---- */

#define MAX_ROWS 64

static void name_row(json_t *events, const char *what, unsigned pid, unsigned tid, json_t *name)
{
	json_array_append_new(events,
			      json_pack("{s:s, s:s, s:i, s:i, s:{s:o}}", "ph", "M", "name", what,
					"pid", (int)pid, "tid", (int)tid, "args", "name", name));
}

/* Rows by first appearance. */
static unsigned row_of(const char *rows[MAX_ROWS], unsigned *n, const char *agent)
{
	unsigned i = 0;

	while (i < *n && strcmp(rows[i], agent))
		i++;
	if (i == *n && *n < MAX_ROWS)
		rows[(*n)++] = agent;
	return i;
}

static json_t *slice(const struct px_step *s, unsigned pid, unsigned tid, unsigned at)
{
	return json_pack("{s:s, s:o, s:i, s:i, s:i, s:i, s:{s:o, s:o, s:o, s:b}}", "ph", "X",
			 "name", string(s->text), "pid", (int)pid, "tid", (int)tid, "ts", (int)at,
			 "dur", 1, "args", "where", string(s->where), "buffered",
			 string(s->buffered), "doing", string(s->doing), "shared", (int)s->shared);
}

static void add_run(json_t *events, const struct pn_xrun *r, unsigned pid)
{
	const char *rows[MAX_ROWS];
	unsigned n = 0, before = 0;
	char title[512];

	snprintf(title, sizeof(title), "%s, %s: %s: %s", r->name, r->variant, r->res.property,
		 r->res.text);
	name_row(events, "process_name", pid, 0, string(title));
	for (unsigned i = 0; i < r->res.steps; i++) {
		unsigned row = row_of(rows, &n, r->res.step[i].agent);

		if (n > before)
			name_row(events, "thread_name", pid, row, string(rows[before]));
		before = n;
		json_array_append_new(events, slice(&r->res.step[i], pid, row, i));
	}
}

json_t *pn_xreport_chrome(const struct pn_xrun *run, unsigned n)
{
	json_t *o = json_object(), *events = json_array();

	for (unsigned i = 0; i < n; i++)
		if (run[i].res.verdict == PX_VIOLATION)
			add_run(events, &run[i], i);
	json_object_set_new(o, "traceEvents", events);
	return o;
}
