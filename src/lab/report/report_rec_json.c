/* SPDX-License-Identifier: MIT */
/* What was read from a recording, as JSON. */
#include "report_json.h"

#include <stdio.h>
#include <string.h>

#include "report_measured.h"

static json_t *integer(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *pn_json_text(const char *text)
{
	json_t *s = json_string(text);
	char ascii[512];
	size_t i;

	if (s)
		return s;
	for (i = 0; text[i] && i + 1 < sizeof(ascii); i++)
		ascii[i] = (char)(text[i] & 0x80 ? '?' : text[i]);
	ascii[i] = 0;
	return json_string(ascii);
}

static void add(json_t *o, const char *key, uint64_t n)
{
	json_t *old = json_object_get(o, key);

	json_object_set_new(o, key, integer(n + (old ? (uint64_t)json_integer_value(old) : 0)));
}

/* By number; devices that share a line are together. */
static json_t *interrupts(const struct pn_rec_summary *s)
{
	json_t *o = json_object();
	char key[16];

	for (uint32_t i = 0; i < s->lines; i++) {
		snprintf(key, sizeof(key), "%u", s->line[i].irq);
		add(o, key, s->line[i].count);
	}
	return o;
}

static json_t *names(const struct pn_rec_summary *s)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < s->lines; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:o, s:o}", "irq", integer(s->line[i].irq),
						"name", pn_json_text(s->line[i].name), "interrupts",
						integer(s->line[i].count)));
	return list;
}

/* Lost events have a key of their own. */
static json_t *skipped(const struct pn_rec_summary *s)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < s->skips; i++) {
		json_t *key = pn_json_text(s->skip[i].kind);

		if (strcmp(s->skip[i].kind, "lost events") && key)
			add(o, json_string_value(key), s->skip[i].count);
		json_decref(key);
	}
	return o;
}

static json_t *load(const struct pn_rec_summary *s)
{
	if (!s->load_comm[0])
		return json_pack("{s:n, s:s, s:n}", "name", "why",
				 s->switches ? "no program takes part in the task switches"
					     : "no task switches",
				 "cpu_share");
	return json_pack("{s:o, s:o, s:o}", "name", pn_json_text(s->load_comm), "why",
			 pn_json_text(s->load_why), "cpu_share",
			 s->load_share >= 0 ? json_real(s->load_share) : json_null());
}

json_t *pn_json_recording(const struct pn_rec_summary *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "format", pn_json_text(s->format));
	json_object_set_new(o, "events", integer(s->events));
	json_object_set_new(o, "interrupts", interrupts(s));
	json_object_set_new(o, "lines", names(s));
	json_object_set_new(o, "switches", integer(s->switches));
	json_object_set_new(o, "skipped", skipped(s));
	json_object_set_new(o, "lost_events", integer(s->lost));
	json_object_set_new(o, "inferred", integer(s->inferred));
	json_object_set_new(o, "load", load(s));
	json_object_set_new(o, "span_ns", integer(s->span_ns));
	json_object_set_new(o, "cpus", integer(s->cpus));
	return o;
}

/* Under the names that modes use where they model it, else under the recording's. */
static json_t *exits(const struct pn_rec_summary *s)
{
	json_t *by = json_object();
	enum pn_exit_reason r;
	double each;

	for (unsigned i = 0; i < s->vm_exits.names; i++)
		add(by, pn_measured_reason(s->vm_exits.of[i].name, &r), s->vm_exits.of[i].count);
	return json_pack("{s:o, s:o, s:o}", "total",
			 s->vm_exits.all ? integer(s->vm_exits.all) : json_null(), "per_interrupt",
			 pn_measured_exits_each(s, &each) ? json_real(each) : json_null(),
			 "by_reason", by);
}

/* The same of vectors. */
static json_t *host(const struct pn_rec_summary *s)
{
	json_t *by = json_object();
	double share;

	for (unsigned i = 0; i < PN_HV_NR; i++)
		if (pn_measured_vector(s, (enum pn_host_vector)i))
			add(by, pn_host_vector_name((enum pn_host_vector)i),
			    pn_measured_vector(s, (enum pn_host_vector)i));
	for (unsigned i = 0; i < s->vectors.names; i++)
		if (!pn_measured_name(s->vectors.of[i].name))
			add(by, s->vectors.of[i].name, s->vectors.of[i].count);
	return json_pack("{s:o, s:o, s:o}", "total", integer(pn_measured_host(s)), "by_vector", by,
			 "busiest_cpu_share",
			 pn_measured_busiest(s, &share) ? json_real(share) : json_null());
}

static json_t *counts(const struct pn_rec_counts *c)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < c->names; i++)
		add(o, c->of[i].name, c->of[i].count);
	return o;
}

json_t *pn_json_measured(const struct pn_rec_summary *s)
{
	json_t *o = json_object(), *wakeups = json_null();
	double n;

	if (pn_measured_wakeups(s, &n))
		wakeups = integer(s->wakeups);
	json_object_set_new(o, "span_ns", integer(s->span_ns));
	json_object_set_new(o, "interrupts",
			    s->from_vectors ? json_null() : integer(s->interrupts));
	json_object_set_new(o, "vm_exits", exits(s));
	json_object_set_new(o, "vm_entries", s->vm_entries ? integer(s->vm_entries) : json_null());
	json_object_set_new(o, "host_interrupts", host(s));
	json_object_set_new(o, "wakeups", json_pack("{s:o}", "needed", wakeups));
	json_object_set_new(o, "kvm_events", counts(&s->kvm));
	return o;
}
