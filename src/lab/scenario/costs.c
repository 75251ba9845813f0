/* SPDX-License-Identifier: MIT */
/* Cost tables: reads and checks them, and changes single values. */
#include "costs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ini_text.h"
#include "nearest.h"
#include "scenario.h"
#include "units.h"

static const char *const source_names[] = {
	[PN_COST_MEASURED] = "measured",
	[PN_COST_DERIVED] = "derived",
	[PN_COST_ASSUMPTION] = "assumption",
};

#define SOURCES (sizeof(source_names) / sizeof(source_names[0]))

const char *pn_cost_source_name(enum pn_cost_source s)
{
	return (unsigned)s < SOURCES ? source_names[s] : NULL;
}

enum { HAS_VALUE = 1, HAS_SOURCE = 2, HAS_NOTE = 4 };

struct load {
	struct pn_costs *c;
	const char *path;
	int step; /* of the current section; -1: [table] */
	bool table;
	unsigned char table_keys;
	unsigned char has[PN_ALL_STEPS_NR];
	unsigned long line[PN_ALL_STEPS_NR]; /* of the section; 0: not there */
};

/* " (did you mean \"x\"?)" for a step that does not exist. */
static int unknown_step(const char *file, unsigned long line, const char *what, const char *word,
			struct pn_diag *d)
{
	const char *names[PN_ALL_STEPS_NR];
	const char *near;

	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		names[i] = pn_any_step_key(i);
	near = pn_nearest(word, names, PN_ALL_STEPS_NR);
	return pn_diag_set(d, -EINVAL, file, line, "unknown %s \"%s\"%s%s%s", what, word,
			   near ? " (did you mean \"" : " (see postern list costs)",
			   near ? near : "", near ? "\"?)" : "");
}

static int parse_ns(const char *key, const char *value, uint32_t *ns, const char *file,
		    unsigned long line, struct pn_diag *d)
{
	uint64_t v;
	int err = pn_parse_time(value, &v);

	if (err == -ERANGE || (!err && v > UINT32_MAX))
		return pn_diag_set(d, -EINVAL, file, line, "%s = %s: too long (at most 4s)", key,
				   value);
	if (err)
		return pn_diag_set(d, -EINVAL, file, line,
				   "%s = %s: not a time (expected as in 40ns; units ns, us, ms, s)",
				   key, value);
	*ns = (uint32_t)v;
	return 0;
}

int pn_costs_set(struct pn_costs *c, const char *key, const char *value, const char *file,
		 unsigned long line, struct pn_diag *d)
{
	static const char mark[] = " (changed)";
	int step = pn_any_step_by_key(key);
	size_t len = strlen(c->name);
	uint32_t ns = 0;
	int err;

	if (step < 0)
		return unknown_step(file, line, "step", key, d);
	err = parse_ns(key, value, &ns, file, line, d);
	if (err)
		return err;
	c->ns[step] = ns;
	c->source[step] = PN_COST_ASSUMPTION;
	snprintf(c->note[step], sizeof(c->note[step]), "set by %.100s%s",
		 file ? file : "the caller", line ? ", an override of the scenario" : "");
	/* a changed table must not look like the table of that name */
	if (!strstr(c->name, mark) && len + sizeof(mark) <= sizeof(c->name))
		memcpy(c->name + len, mark, sizeof(mark));
	return 0;
}

static int on_section(void *ctx, const char *kind, const char *name, unsigned long line,
		      struct pn_diag *d)
{
	struct load *l = ctx;

	if (*name)
		return pn_diag_set(d, -EINVAL, l->path, line,
				   "[%s %s]: a section of a cost table is one word", kind, name);
	l->step = strcmp(kind, "table") ? pn_any_step_by_key(kind) : -1;
	if (l->step < 0 && strcmp(kind, "table"))
		return unknown_step(l->path, line, "step", kind, d);
	if (l->step < 0 ? l->table : l->line[l->step] != 0)
		return pn_diag_set(d, -EINVAL, l->path, line, "[%s] is there twice", kind);
	if (l->step < 0)
		l->table = true;
	else
		l->line[l->step] = line;
	return 0;
}

static int copy_text(char *out, size_t size, const char *key, const char *value, struct load *l,
		     unsigned long line, struct pn_diag *d)
{
	if (strlen(value) >= size)
		return pn_diag_set(d, -EINVAL, l->path, line,
				   "%s: too long (at most %zu characters)", key, size - 1);
	memcpy(out, value, strlen(value) + 1);
	return 0;
}

static int unknown_key(struct load *l, const char *key, const char *const *names, unsigned n,
		       unsigned long line, struct pn_diag *d)
{
	const char *near = pn_nearest(key, names, n);

	return pn_diag_set(d, -EINVAL, l->path, line, "unknown key \"%s\" (did you mean \"%s\"?)",
			   key, near ? near : names[0]);
}

static int table_key(struct load *l, const char *key, const char *value, unsigned long line,
		     struct pn_diag *d)
{
	static const char *const names[] = {"name", "cpu_ghz", "description"};
	unsigned i, bit;

	for (i = 0; i < 3 && strcmp(key, names[i]); i++)
		;
	if (i == 3)
		return unknown_key(l, key, names, 3, line, d);
	bit = 1u << i;
	if (l->table_keys & bit)
		return pn_diag_set(d, -EINVAL, l->path, line, "%s is there twice", key);
	l->table_keys |= (unsigned char)bit;
	if (i == 0)
		return copy_text(l->c->name, sizeof(l->c->name), key, value, l, line, d);
	if (i == 2)
		return copy_text(l->c->description, sizeof(l->c->description), key, value, l, line,
				 d);
	/* The times are in nanoseconds: for people, and for figures that are published in cycles.
	 */
	if (strspn(value, "0123456789.") != strlen(value) || strlen(value) > 6)
		return pn_diag_set(d, -EINVAL, l->path, line, "cpu_ghz = %s: not a number", value);
	l->c->cpu_ghz = strtod(value, NULL);
	return 0;
}

static int source_value(struct load *l, const char *value, unsigned long line, struct pn_diag *d)
{
	for (unsigned i = 0; i < SOURCES; i++) {
		if (strcmp(value, source_names[i]))
			continue;
		l->c->source[l->step] = (uint8_t)i;
		return 0;
	}
	return pn_diag_set(d, -EINVAL, l->path, line,
			   "source = %s: expected measured, derived or assumption", value);
}

static int on_key(void *ctx, const char *key, const char *value, unsigned long line,
		  struct pn_diag *d)
{
	static const char *const names[] = {"value", "source", "note"};
	struct load *l = ctx;
	unsigned i;

	if (l->step < 0)
		return table_key(l, key, value, line, d);
	for (i = 0; i < 3 && strcmp(key, names[i]); i++)
		;
	if (i == 3)
		return unknown_key(l, key, names, 3, line, d);
	if (l->has[l->step] & 1u << i)
		return pn_diag_set(d, -EINVAL, l->path, line, "%s is there twice", key);
	l->has[l->step] |= (unsigned char)(1u << i);
	if (i == 0)
		return parse_ns(pn_any_step_key(l->step), value, &l->c->ns[l->step], l->path, line,
				d);
	if (i == 1)
		return source_value(l, value, line, d);
	return copy_text(l->c->note[l->step], sizeof(l->c->note[0]), key, value, l, line, d);
}

/*
 * Checks that every step is there, with value and source, and with a note if it is measured or
 * derived.
 */
static int complete(struct load *l, struct pn_diag *d)
{
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++) {
		const char *key = pn_any_step_key(i);

		if (!l->line[i])
			return pn_diag_set(d, -EINVAL, l->path, 0, "step [%s] is missing (%s)", key,
					   pn_any_step_doc(i));
		if (!(l->has[i] & HAS_VALUE))
			return pn_diag_set(d, -EINVAL, l->path, l->line[i], "[%s] has no value",
					   key);
		if (!(l->has[i] & HAS_SOURCE))
			return pn_diag_set(d, -EINVAL, l->path, l->line[i],
					   "[%s] has no source (measured, derived or assumption)",
					   key);
		if (l->c->source[i] != PN_COST_ASSUMPTION && !l->c->note[i][0])
			return pn_diag_set(d, -EINVAL, l->path, l->line[i],
					   "[%s] is %s but has no note that says whence", key,
					   source_names[l->c->source[i]]);
	}
	return 0;
}

int pn_costs_parse(const struct pn_ini_text *t, struct pn_costs *out, struct pn_diag *d)
{
	static const struct pn_ini_ops ops = {on_section, on_key};
	struct load l = {.c = out, .path = t->path};
	int err;

	memset(out, 0, sizeof(*out));
	memcpy(out->name, t->name, sizeof(out->name));
	err = pn_ini_parse(t, &ops, &l, d);
	return err ? err : complete(&l, d);
}

int pn_costs_load(const char *name, struct pn_costs *out, struct pn_diag *d)
{
	struct pn_ini_text t;
	int err = pn_ini_read(name, pn_builtin_cost_tables, "cost table", &t, d);

	if (err)
		return err;
	err = pn_costs_parse(&t, out, d);
	pn_ini_free(&t);
	return err;
}
