/* SPDX-License-Identifier: MIT */
/* Reads a case's text: its sections and their keys. What the whole has to be: case_check.c. */
#include "case_parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"

#define MAX_STEPS 32000 /* the explorer counts the steps of an agent in 15 bits */
#define MAX_BOUND 1000000

/* ---- messages ---- */

int pn_case_refuse(const struct pn_case_reader *r, unsigned long line, struct pn_diag *d,
		   const char *fmt, ...)
{
	char text[sizeof(d->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return pn_diag_set(d, -EINVAL, r->path, line, "%s", text);
}

int pn_case_unknown(const struct pn_case_reader *r, unsigned long line, struct pn_diag *d,
		    const char *what, const char *word, const char *const *names, unsigned n)
{
	const char *near = pn_nearest(word, names, n);
	char all[480] = "";
	size_t used = 0;

	if (near)
		return pn_case_refuse(r, line, d, "unknown %s \"%s\" (did you mean \"%s\"?)", what,
				      word, near);
	for (unsigned i = 0; i < n && used + strlen(names[i]) + 8 < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
					 names[i]);
	return pn_case_refuse(r, line, d, "unknown %s \"%.64s\" (known: %s)", what, word, all);
}

int pn_case_number(const struct pn_case_reader *r, unsigned long line, struct pn_diag *d,
		   const char *what, const char *text, long min, long max, int *out)
{
	bool hex = max == 0xff;
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, strncmp(text, "0x", 2) ? 10 : 16);
	if (errno || end == text || *end || *text == '+' || *text == '-' || v < min || v > max)
		return pn_case_refuse(r, line, d,
				      hex ? "%s \"%.64s\" is not a number from 0x%lx to 0x%lx"
					  : "%s \"%.64s\" is not a number from %ld to %ld",
				      what, text, min, max);
	*out = (int)v;
	return 0;
}

static unsigned count(const char *const *words)
{
	unsigned n = 0;

	while (words[n])
		n++;
	return n;
}

/* One of @words; @out: its index. */
static int one_of(const struct pn_case_reader *r, unsigned long line, struct pn_diag *d,
		  const char *what, const char *text, const char *const *words, unsigned *out)
{
	for (*out = 0; words[*out]; ++*out)
		if (!strcmp(text, words[*out]))
			return 0;
	return pn_case_unknown(r, line, d, what, text, words, count(words));
}

/* ---- the keys of sections ---- */

struct value {
	const char *key, *text;
	unsigned long line;
};

typedef int (*set_fn)(struct pn_case_reader *r, const struct value *v, struct pn_diag *d);

static int set_number(struct pn_case_reader *r, const struct value *v, long min, long max, int *out,
		      struct pn_diag *d)
{
	return pn_case_number(r, v->line, d, v->key, v->text, min, max, out);
}

static int set_bool(struct pn_case_reader *r, const struct value *v, bool *out, struct pn_diag *d)
{
	unsigned yes;

	if (one_of(r, v->line, d, v->key, v->text, pn_case_no_yes, &yes))
		return -EINVAL;
	*out = yes;
	return 0;
}

static int set_text(struct pn_case_reader *r, const struct value *v, char *out, struct pn_diag *d)
{
	if (!*v->text || strlen(v->text) >= PN_CASE_TEXT)
		return pn_case_refuse(r, v->line, d, "%s: %s", v->key,
				      *v->text ? "text too long (at most 239 characters)"
					       : "no text");
	memcpy(out, v->text, strlen(v->text) + 1);
	return 0;
}

static int set_vendor(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	const char *names[PN_CASE_VENDOR + 1] = {NULL};
	unsigned i;

	for (i = 0; i < PN_CASE_VENDOR; i++)
		names[i] = pn_case_vendors[i]->name;
	if (one_of(r, v->line, d, "vendor", v->text, names, &i))
		return -EINVAL;
	r->file->vendor = pn_case_vendors[i];
	return 0;
}

static int set_origin(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_text(r, v, r->file->origin, d);
}

static int set_broken(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_text(r, v, r->file->broken, d);
}

static int set_fixed(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_text(r, v, r->file->fixed, d);
}

static int set_property(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	static const char *const names[] = {"P1", "P2", "P3", "P4", "P5", "P6", "P7", NULL};
	unsigned i;

	for (i = 0; names[i]; i++)
		if (!strcmp(v->text, names[i]))
			break;
	if (!names[i])
		return pn_case_refuse(r, v->line, d,
				      "unknown property \"%.64s\" (expected P1 to P7)", v->text);
	memcpy(r->file->property, names[i], 3);
	return 0;
}

static int set_mistake(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	for (unsigned i = 0; i < PN_MISTAKE_NR; i++) {
		if (strcmp(v->text, pn_mistake_names[i]))
			continue;
		r->file->mistake = (enum pn_mistake)i;
		return 0;
	}
	return pn_case_unknown(r, v->line, d, "mistake", v->text, pn_mistake_names, PN_MISTAKE_NR);
}

static int set_early(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_bool(r, v, &r->file->early, d);
}

static int set_inferred(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_bool(r, v, &r->file->info.inferred, d);
}

static int set_needs_tso(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_bool(r, v, &r->file->info.needs_tso, d);
}

static int set_needs_toggle(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_bool(r, v, &r->file->info.needs_toggle, d);
}

static int set_rest_check(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	bool yes = true;
	int err = set_bool(r, v, &yes, d);

	r->file->no_rest_check = !yes;
	return err;
}

static int set_max_steps(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	int n = 0, err = set_number(r, v, 1, MAX_STEPS, &n, d);

	r->file->max_steps = (uint32_t)n;
	return err;
}

static int set_bound(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	int n = 0, err = set_number(r, v, 0, MAX_BOUND, &n, d);

	r->file->bound = (uint32_t)n;
	return err;
}

static int set_vcpu(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_number(r, v, 0, (long)pn_case_limits.vcpus - 1, &r->part->irq.vcpu, d);
}

static int set_iommu(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_number(r, v, 0, (long)pn_case_limits.iommus - 1, &r->part->irq.iommu, d);
}

static int set_vector(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_number(r, v, 0x10, 0xff, &r->part->irq.vector, d);
}

static int set_to_cpu(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_number(r, v, 0, (long)pn_case_limits.cpus - 1, &r->part->irq.to_cpu, d);
}

static int set_posted(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_bool(r, v, &r->part->irq.posted, d);
}

static int set_cpu(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	r->part->cpu = -1;
	if (r->part->kind == PN_CASE_AGENT && !strcmp(v->text, "none"))
		return 0;
	return set_number(r, v, 0, (long)pn_case_limits.cpus - 1, &r->part->cpu, d);
}

static int set_starts(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	static const char *const words[] = {"running", "asleep", "blocking", "out", NULL};
	unsigned i = 0;
	int err = one_of(r, v->line, d, "starts", v->text, words, &i);

	r->part->vcpu.starts = (enum pn_case_starts)i;
	return err;
}

static int set_slept_on(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_number(r, v, 0, (long)pn_case_limits.cpus - 1, &r->part->vcpu.slept_on, d);
}

static int set_stays(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	return set_bool(r, v, &r->part->vcpu.stays, d);
}

static int set_cpus(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	char buf[64], *word, *rest = buf;
	int cpu = 0;

	snprintf(buf, sizeof(buf), "%s", v->text);
	while ((word = strsep(&rest, " \t,")) != NULL) {
		if (!*word)
			continue;
		if (pn_case_number(r, v->line, d, "CPU", word, 0, (long)pn_case_limits.cpus - 1,
				   &cpu))
			return -EINVAL;
		r->file->handlers |= 1u << cpu;
	}
	return 0;
}

/* ---- sections ---- */

enum { SEC_CASE, SEC_MACHINE, SEC_INTERRUPT, SEC_VCPU, SEC_AGENT, SEC_SETUP, SEC_HANDLERS };

static const char *const sections[] = {"case",	"machine", "interrupt", "vcpu",
				       "agent", "setup",   "handlers",	NULL};

#define PROGRAM "do" /* besides: in sections with a program */

static const struct {
	unsigned section;
	const char *name;
	set_fn set;
} keys[] = {
	{SEC_CASE, "vendor", set_vendor},
	{SEC_CASE, "origin", set_origin},
	{SEC_CASE, "inferred", set_inferred},
	{SEC_CASE, "broken", set_broken},
	{SEC_CASE, "fixed", set_fixed},
	{SEC_CASE, "property", set_property},
	{SEC_CASE, "mistake", set_mistake},
	{SEC_CASE, "mistake_early", set_early},
	{SEC_CASE, "needs_tso", set_needs_tso},
	{SEC_CASE, "needs_toggle", set_needs_toggle},
	{SEC_CASE, "rest_check", set_rest_check},
	{SEC_CASE, "max_steps", set_max_steps},
	{SEC_CASE, "bound", set_bound},
	{SEC_INTERRUPT, "vcpu", set_vcpu},
	{SEC_INTERRUPT, "vector", set_vector},
	{SEC_INTERRUPT, "iommu", set_iommu},
	{SEC_INTERRUPT, "posted", set_posted},
	{SEC_INTERRUPT, "to_cpu", set_to_cpu},
	{SEC_VCPU, "cpu", set_cpu},
	{SEC_VCPU, "starts", set_starts},
	{SEC_VCPU, "slept_on", set_slept_on},
	{SEC_VCPU, "stays", set_stays},
	{SEC_AGENT, "cpu", set_cpu},
	{SEC_SETUP, "cpu", set_cpu},
	{SEC_HANDLERS, "cpus", set_cpus},
};

#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))

static int unknown_key(struct pn_case_reader *r, const struct value *v, struct pn_diag *d)
{
	const char *names[PN_CASE_NAMES];
	char what[32];
	unsigned n = 0;

	for (unsigned i = 0; i < NR_KEYS; i++)
		if (keys[i].section == r->section)
			names[n++] = keys[i].name;
	if (r->section == SEC_MACHINE)
		for (const struct pn_case_key *k = r->file->vendor->keys; k->name; k++)
			names[n++] = k->name;
	if (r->part && r->part->kind != PN_CASE_INTERRUPT)
		names[n++] = PROGRAM;
	snprintf(what, sizeof(what), "key of [%s]", sections[r->section]);
	return pn_case_unknown(r, v->line, d, what, v->key, names, n);
}

static int set_machine(struct pn_case_reader *r, const struct value *v, bool broken,
		       struct pn_diag *d)
{
	const struct pn_case_key *k = r->file->vendor->keys;
	unsigned i = 0, word = 0;
	int number = 0, err;

	while (k[i].name && strcmp(k[i].name, v->key))
		i++;
	if (!k[i].name)
		return unknown_key(r, v, d);
	if (r->key_line[broken][i])
		return pn_case_refuse(r, v->line, d, "%s is there twice (first in line %lu)",
				      v->key, r->key_line[broken][i]);
	r->key_line[broken][i] = v->line;
	if (k[i].words)
		err = one_of(r, v->line, d, v->key, v->text, k[i].words, &word);
	else
		err = set_number(r, v, 0, (long)k[i].max, &number, d);
	r->file->key[broken][i].given = true;
	r->file->key[broken][i].val = k[i].words ? word : (uint32_t)number;
	return err;
}

static int set_program(struct pn_case_reader *r, const struct value *v, bool broken,
		       struct pn_diag *d)
{
	return pn_case_program_add(r, &r->part->program[broken], v->text, v->line, d);
}

static int on_key(void *ctx, const char *key, const char *text, unsigned long line,
		  struct pn_diag *d)
{
	struct pn_case_reader *r = ctx;
	bool broken = !strncmp(key, "broken.", 7);
	struct value v = {broken ? key + 7 : key, text, line};

	if (r->section == SEC_MACHINE)
		return set_machine(r, &v, broken, d);
	if (r->part && r->part->kind != PN_CASE_INTERRUPT && !strcmp(v.key, PROGRAM))
		return set_program(r, &v, broken, d);
	if (broken)
		return pn_case_refuse(r, line, d,
				      "%s: only a program (do) and keys of [machine] differ in the "
				      "broken variant",
				      key);
	for (unsigned i = 0; i < NR_KEYS; i++) {
		if (keys[i].section != r->section || strcmp(keys[i].name, key))
			continue;
		if (r->said >> i & 1)
			return pn_case_refuse(r, line, d, "%s is there twice in this section", key);
		r->said |= 1ul << i;
		return keys[i].set(r, &v, d);
	}
	return unknown_key(r, &v, d);
}

static int new_part(struct pn_case_reader *r, enum pn_case_kind kind, unsigned long line,
		    struct pn_diag *d)
{
	struct pn_case_part *p;

	if (r->file->parts == PN_CASE_PARTS)
		return pn_case_refuse(r, line, d, "too many sections (at most %d)", PN_CASE_PARTS);
	p = &r->file->part[r->file->parts++];
	p->kind = kind;
	p->line = line;
	p->index = -1;
	p->cpu = kind == PN_CASE_AGENT ? -1 : 0;
	p->vcpu.slept_on = -1;
	p->irq = (struct pn_case_interrupt){.vcpu = -1, .vector = -1, .posted = true};
	r->part = p;
	return 0;
}

/* [interrupt 0] and [vcpu 0] have a number. */
static int numbered(struct pn_case_reader *r, enum pn_case_kind kind, const char *name,
		    unsigned long line, struct pn_diag *d)
{
	bool irq = kind == PN_CASE_INTERRUPT;
	const char *word = irq ? "interrupt" : "vcpu";
	unsigned max = irq ? pn_case_limits.interrupts : pn_case_limits.vcpus;
	char what[16];
	int index = 0;

	snprintf(what, sizeof(what), "[%s]", word);
	if (!*name)
		return pn_case_refuse(r, line, d, "[%s] needs a number, as [%s 0]", word, word);
	if (pn_case_number(r, line, d, what, name, 0, (long)max - 1, &index))
		return -EINVAL;
	for (unsigned i = 0; i < r->file->parts; i++)
		if (r->file->part[i].kind == kind && r->file->part[i].index == index)
			return pn_case_refuse(r, line, d,
					      "[%s %d] is there twice (first in line %lu)", word,
					      index, r->file->part[i].line);
	if (new_part(r, kind, line, d))
		return -EINVAL;
	r->part->index = index;
	if (!irq)
		snprintf(r->part->name, sizeof(r->part->name), "vCPU %d", index);
	return 0;
}

static int agent(struct pn_case_reader *r, const char *name, unsigned long line, struct pn_diag *d)
{
	if (!*name)
		return pn_case_refuse(r, line, d, "[agent] needs a name, as [agent detach]");
	if (strlen(name) >= PN_CASE_NAME)
		return pn_case_refuse(r, line, d, "name too long (at most %d characters)",
				      PN_CASE_NAME - 1);
	for (unsigned i = 0; i < r->file->parts; i++)
		if (!strcmp(r->file->part[i].name, name))
			return pn_case_refuse(r, line, d,
					      "there are two agents \"%s\" (first in line %lu)",
					      name, r->file->part[i].line);
	if (new_part(r, PN_CASE_AGENT, line, d))
		return -EINVAL;
	memcpy(r->part->name, name, strlen(name) + 1);
	return 0;
}

static int single(struct pn_case_reader *r, unsigned long *seen, const char *name,
		  unsigned long line, struct pn_diag *d)
{
	const char *word = sections[r->section];

	if (*name)
		return pn_case_refuse(r, line, d, "[%s] takes no name (found \"%s\")", word, name);
	if (*seen)
		return pn_case_refuse(r, line, d, "[%s] is there twice (first in line %lu)", word,
				      *seen);
	*seen = line;
	return 0;
}

static int on_section(void *ctx, const char *word, const char *name, unsigned long line,
		      struct pn_diag *d)
{
	struct pn_case_reader *r = ctx;

	r->part = NULL;
	r->said = 0;
	if (one_of(r, line, d, "section", word, sections, &r->section))
		return -EINVAL;
	if (r->section != SEC_CASE && !r->file->vendor)
		return pn_case_refuse(r, line, d,
				      "[case] with its vendor comes before all other sections");
	switch (r->section) {
	case SEC_CASE:
		return single(r, &r->case_line, name, line, d);
	case SEC_MACHINE:
		return single(r, &r->machine_line, name, line, d);
	case SEC_HANDLERS:
		return single(r, &r->handlers_line, name, line, d);
	case SEC_INTERRUPT:
		return numbered(r, PN_CASE_INTERRUPT, name, line, d);
	case SEC_VCPU:
		return numbered(r, PN_CASE_A_VCPU, name, line, d);
	case SEC_AGENT:
		return agent(r, name, line, d);
	default:
		if (*name)
			return pn_case_refuse(r, line, d, "[setup] takes no name (found \"%s\")",
					      name);
		return new_part(r, PN_CASE_SETUP_STEPS, line, d);
	}
}

int pn_case_parse(const struct pn_ini_text *t, struct pn_case_file *file, struct pn_diag *d)
{
	static const struct pn_ini_ops ops = {on_section, on_key};
	struct pn_case_reader r = {.file = file, .path = t->path};
	int err;

	file->bound = UINT32_MAX;
	snprintf(file->name, sizeof(file->name), "%s", t->name);
	err = pn_ini_parse(t, &ops, &r, d);
	return err ? err : pn_case_check(&r, d);
}
