/* SPDX-License-Identifier: MIT */
/* Builds a scenario from its text: sections, keys, and changes from the command line. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nearest.h"
#include "scenario_build.h"

void *pn_sc_base(struct pn_scenario *sc, const struct pn_sc_section *s)
{
	switch (s->kind) {
	case PN_SC_VM:
		return &sc->vm[s->index];
	case PN_SC_DEVICE:
		return &sc->device[s->index];
	case PN_SC_LOAD:
		return &sc->load[s->index];
	case PN_SC_IPI:
		return &sc->ipi[s->index];
	case PN_SC_INHIBIT:
		return &sc->inhibit[s->index];
	default:
		return &sc->machine;
	}
}

struct pn_sc_section *pn_sc_find(struct pn_sc_build *b, enum pn_sc_kind kind, unsigned index)
{
	for (unsigned i = 0; i < b->sections; i++)
		if (b->section[i].kind == kind && b->section[i].index == index)
			return &b->section[i];
	return NULL;
}

bool pn_sc_said(const struct pn_sc_section *s, const char *key)
{
	int k = pn_key_find(s->kind, key);

	return k >= 0 && s->key_line[k];
}

static const char *file_of(const struct pn_sc_build *b, unsigned long *line)
{
	if (*line != PN_SC_LINE_OPTION)
		return b->path;
	*line = 0;
	return "--set";
}

int pn_sc_refuse(struct pn_sc_build *b, const struct pn_sc_section *s, const char *const *keys,
		 struct pn_diag *d, const char *fmt, ...)
{
	unsigned long line = 0;
	const char *file;
	char text[512];
	va_list ap;

	for (; *keys && !line; keys++) {
		int k = pn_key_find(s->kind, *keys);

		if (k >= 0)
			line = s->key_line[k];
	}
	line = line ? line : s->line;
	file = file_of(b, &line);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return pn_diag_set(d, -EINVAL, file, line, "%s", text);
}

static int set_defaults(const struct pn_sc_section *s, struct pn_scenario *sc, struct pn_diag *d)
{
	void *base = pn_sc_base(sc, s);
	char why[320];

	for (unsigned i = 0; i < pn_key_count; i++) {
		const struct pn_key *k = &pn_keys[i];

		if (k->kind != s->kind || !k->dflt)
			continue;
		if (pn_key_set(k, base, k->dflt, why, sizeof(why)))
			return pn_diag_set(d, -EINVAL, NULL, 0, "default of %s: %s", k->name, why);
	}
	return 0;
}

static int add_section(struct pn_sc_build *b, enum pn_sc_kind kind, unsigned index,
		       const char *name, unsigned long line, struct pn_diag *d)
{
	struct pn_sc_section *s = &b->section[b->sections++];

	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->index = index;
	s->line = line;
	snprintf(s->name, sizeof(s->name), "%s", name);
	b->current = s;
	return set_defaults(s, b->sc, d);
}

static int kind_of(const char *word)
{
	for (int k = 0; k < PN_SC_KINDS; k++)
		if (!strcmp(word, pn_sc_kind_name((enum pn_sc_kind)k)))
			return k;
	return -ENOENT;
}

static int unknown_section(struct pn_sc_build *b, const char *kind, unsigned long line,
			   struct pn_diag *d)
{
	const char *names[PN_SC_KINDS], *near;

	for (int k = 0; k < PN_SC_KINDS; k++)
		names[k] = pn_sc_kind_name((enum pn_sc_kind)k);
	near = pn_nearest(kind, names, PN_SC_KINDS);
	if (near)
		return pn_diag_set(d, -EINVAL, b->path, line,
				   "unknown section [%s] (did you mean [%s]?)", kind, near);
	return pn_diag_set(
		d, -EINVAL, b->path, line,
		"unknown section [%s] (expected machine, costs, vm, device, load, ipi or inhibit)",
		kind);
}

static bool good_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-";

	return *name && name[strspn(name, letters)] == 0 &&
	       strlen(name) < sizeof(((struct pn_sc_section *)0)->name);
}

/* [machine] and [costs] take no name and come once. */
static int single_section(struct pn_sc_build *b, enum pn_sc_kind kind, const char *name,
			  unsigned long line, struct pn_diag *d)
{
	struct pn_sc_section *s = pn_sc_find(b, kind, 0);

	if (*name)
		return pn_diag_set(d, -EINVAL, b->path, line, "[%s] takes no name (found \"%s\")",
				   pn_sc_kind_name(kind), name);
	if (s->line)
		return pn_diag_set(d, -EINVAL, b->path, line,
				   "[%s] is there twice (first in line %lu)", pn_sc_kind_name(kind),
				   s->line);
	s->line = line;
	b->current = s;
	return 0;
}

static unsigned *counter(struct pn_scenario *sc, enum pn_sc_kind kind)
{
	return kind == PN_SC_VM	      ? &sc->vms
	       : kind == PN_SC_DEVICE ? &sc->devices
	       : kind == PN_SC_LOAD   ? &sc->loads
	       : kind == PN_SC_IPI    ? &sc->ipis
				      : &sc->inhibits;
}

static int on_section(void *ctx, const char *word, const char *name, unsigned long line,
		      struct pn_diag *d)
{
	struct pn_sc_build *b = ctx;
	int kind = kind_of(word);
	unsigned *count;
	char *field;

	if (kind < 0)
		return unknown_section(b, word, line, d);
	if (kind == PN_SC_MACHINE || kind == PN_SC_COSTS)
		return single_section(b, (enum pn_sc_kind)kind, name, line, d);
	name = *name ? name : word;
	if (!good_name(name))
		return pn_diag_set(d, -EINVAL, b->path, line,
				   "\"%s\" is no name (1 to 31 letters, digits, _ and -)", name);
	for (unsigned i = 0; i < b->sections; i++)
		if (b->section[i].kind == (enum pn_sc_kind)kind &&
		    !strcmp(b->section[i].name, name))
			return pn_diag_set(d, -EINVAL, b->path, line,
					   "[%s %s] is there twice (first in line %lu)", word, name,
					   b->section[i].line);
	count = counter(b->sc, (enum pn_sc_kind)kind);
	if (*count == PN_MAX_SECTION)
		return pn_diag_set(d, -EINVAL, b->path, line, "too many [%s] sections (at most %d)",
				   word, PN_MAX_SECTION);
	/* the name is the first field of all five structs */
	if (add_section(b, (enum pn_sc_kind)kind, (*count)++, name, line, d))
		return -EINVAL;
	field = pn_sc_base(b->sc, b->current);
	memcpy(field, b->current->name, sizeof(b->current->name));
	return 0;
}

_Static_assert(offsetof(struct pn_sc_vm, name) == 0 && offsetof(struct pn_sc_device, name) == 0 &&
		       offsetof(struct pn_sc_load, name) == 0 &&
		       offsetof(struct pn_sc_ipi, name) == 0 &&
		       offsetof(struct pn_sc_inhibit, name) == 0,
	       "on_section() writes it");

static int unknown_key(const char *file, unsigned long line, enum pn_sc_kind kind, const char *key,
		       struct pn_diag *d)
{
	const char *names[PN_KEY_MAX], *near;
	unsigned n = pn_key_names(kind, names);
	const char *kn = pn_sc_kind_name(kind);
	char all[320];
	size_t used = 0;

	near = pn_nearest(key, names, n);
	if (near)
		return pn_diag_set(d, -EINVAL, file, line,
				   "unknown key \"%s\" in [%s] (did you mean \"%s\"?)", key, kn,
				   near);
	all[0] = 0;
	for (unsigned i = 0; i < n && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
					 names[i]);
	return pn_diag_set(d, -EINVAL, file, line, "unknown key \"%s\" in [%s] (known: %s)", key,
			   kn, all);
}

static int set_key(struct pn_sc_build *b, struct pn_sc_section *s, const char *key,
		   const char *value, unsigned long line, struct pn_diag *d)
{
	int k = pn_key_find(s->kind, key);
	unsigned long at = line;
	const char *file = file_of(b, &at);
	char why[320];

	if (k < 0)
		return unknown_key(file, at, s->kind, key, d);
	if (line != PN_SC_LINE_OPTION && s->key_line[k])
		return pn_diag_set(d, -EINVAL, file, at, "%s is there twice (first in line %lu)",
				   key, s->key_line[k]);
	if (pn_key_set(&pn_keys[k], pn_sc_base(b->sc, s), value, why, sizeof(why)))
		return pn_diag_set(d, -EINVAL, file, at, "%s = %s: %s", key, value, why);
	s->key_line[k] = line;
	return 0;
}

static int unknown_cost(const char *file, unsigned long line, const char *key, struct pn_diag *d)
{
	const char *names[PN_ALL_STEPS_NR + 1], *near;

	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		names[i] = pn_any_step_key(i);
	names[PN_ALL_STEPS_NR] = "table";
	near = pn_nearest(key, names, PN_ALL_STEPS_NR + 1);
	return pn_diag_set(d, -EINVAL, file, line, "unknown key \"%s\" in [costs]%s%s%s", key,
			   near ? " (did you mean \""
				: " (expected table or a step, see postern list costs)",
			   near ? near : "", near ? "\"?)" : "");
}

/* Kept as text until the table is known that they change. */
static int set_cost(struct pn_sc_build *b, const char *key, const char *value, unsigned long line,
		    struct pn_diag *d)
{
	bool table = !strcmp(key, "table");
	int step = table ? 0 : pn_any_step_by_key(key);
	unsigned long at = line, *said;
	const char *file = file_of(b, &at);
	char *text;
	size_t size;

	if (step < 0)
		return unknown_cost(file, at, key, d);
	said = table ? &b->table_line : &b->cost[step].line;
	text = table ? b->table : b->cost[step].value;
	size = table ? sizeof(b->table) : sizeof(b->cost[step].value);
	if (line != PN_SC_LINE_OPTION && *said)
		return pn_diag_set(d, -EINVAL, file, at, "%s is there twice (first in line %lu)",
				   key, *said);
	if (!*value || strlen(value) >= size)
		return pn_diag_set(d, -EINVAL, file, at, "%s: %s", key,
				   *value ? "value too long" : "no value");
	memcpy(text, value, strlen(value) + 1);
	*said = line;
	return 0;
}

static int on_key(void *ctx, const char *key, const char *value, unsigned long line,
		  struct pn_diag *d)
{
	struct pn_sc_build *b = ctx;

	if (b->current->kind == PN_SC_COSTS)
		return set_cost(b, key, value, line, d);
	return set_key(b, b->current, key, value, line, d);
}

int pn_sc_parse(struct pn_sc_build *b, const struct pn_ini_text *t, struct pn_diag *d)
{
	static const struct pn_ini_ops ops = {on_section, on_key};
	struct pn_amdvi_config cfg;
	int err;

	b->path = t->path;
	pn_amdvi_config_default(&cfg);
	b->sc->machine.knobs = cfg.knobs;
	err = add_section(b, PN_SC_MACHINE, 0, "machine", 0, d);
	if (!err)
		err = add_section(b, PN_SC_COSTS, 0, "costs", 0, d);
	if (!err)
		err = pn_ini_parse(t, &ops, b, d);
	return err;
}

/* The section that "NAME" or "KIND NAME" means; NAME may be one of a VM and of a load: the key
 * tells. */
static struct pn_sc_section *named(struct pn_sc_build *b, const char *word, const char *key,
				   unsigned *matches, bool *known)
{
	struct pn_sc_section *found = NULL;

	*matches = 0;
	*known = false;
	for (unsigned i = 0; i < b->sections; i++) {
		struct pn_sc_section *s = &b->section[i];
		char full[48];

		snprintf(full, sizeof(full), "%s %s", pn_sc_kind_name(s->kind), s->name);
		if (strcmp(word, s->name) && strcmp(word, full))
			continue;
		*known = true;
		if (pn_key_find(s->kind, key) < 0) {
			found = *matches ? found : s;
			continue;
		}
		found = s;
		(*matches)++;
	}
	return found;
}

static int no_section(struct pn_sc_build *b, const char *word, struct pn_diag *d)
{
	const char *names[PN_SC_SECTIONS], *near;

	for (unsigned i = 0; i < b->sections; i++)
		names[i] = b->section[i].name;
	near = pn_nearest(word, names, b->sections);
	return pn_diag_set(d, -EINVAL, "--set", 0, "no section \"%s\"%s%s%s", word,
			   near ? " (did you mean \""
				: " (expected machine, costs, or the name of a vm, device, load, "
				  "ipi or inhibit)",
			   near ? near : "", near ? "\"?)" : "");
}

int pn_sc_set(struct pn_sc_build *b, const char *text, struct pn_diag *d)
{
	const char *eq = strchr(text, '='),
		   *dot = eq ? memchr(text, '.', (size_t)(eq - text)) : NULL;
	char word[64], key[64], value[256];
	struct pn_sc_section *s;
	unsigned matches;
	bool known;

	if (!dot || dot == text || dot + 1 == eq || (size_t)(dot - text) >= sizeof(word) ||
	    (size_t)(eq - dot) > sizeof(key) || strlen(eq + 1) >= sizeof(value))
		return pn_diag_set(d, -EINVAL, "--set", 0,
				   "\"%.200s\": expected SECTION.KEY=VALUE, as machine.pcpus=32",
				   text);
	snprintf(word, sizeof(word), "%.*s", (int)(dot - text), text);
	snprintf(key, sizeof(key), "%.*s", (int)(eq - dot - 1), dot + 1);
	snprintf(value, sizeof(value), "%s", eq + 1);
	if (!strcmp(word, "costs"))
		return set_cost(b, key, value, PN_SC_LINE_OPTION, d);
	s = named(b, word, key, &matches, &known);
	if (!known)
		return no_section(b, word, d);
	if (matches > 1)
		return pn_diag_set(d, -EINVAL, "--set", 0,
				   "\"%s.%s\" could mean several sections (write as \"%s %s.%s\")",
				   word, key, pn_sc_kind_name(s->kind), word, key);
	return set_key(b, s, key, value, PN_SC_LINE_OPTION, d);
}
