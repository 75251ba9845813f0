/* SPDX-License-Identifier: MIT */
/* What the sections of a case's text have to be together, once all of it is read. */
#include <errno.h>
#include <string.h>

#include "case_parse.h"

static bool has_broken(const struct pn_case_file *f)
{
	if (f->mistake != PN_MISTAKE_NONE)
		return true;
	for (unsigned i = 0; i < PN_CASE_KEYS; i++)
		if (f->key[1][i].given)
			return true;
	for (unsigned i = 0; i < f->parts; i++)
		if (f->part[i].program[1].given)
			return true;
	return false;
}

static const struct pn_case_part *numbered(const struct pn_case_file *f, enum pn_case_kind kind,
					   int index)
{
	for (unsigned i = 0; i < f->parts; i++)
		if (f->part[i].kind == kind && f->part[i].index == index)
			return &f->part[i];
	return NULL;
}

/* The value of key @name of [machine]; 0: not given. */
static unsigned machine(const struct pn_case_file *f, bool broken, const char *name)
{
	const struct pn_case_key *k = f->vendor->keys;

	for (unsigned i = 0; k[i].name; i++)
		if (!strcmp(k[i].name, name))
			return f->key[broken && f->key[1][i].given][i].val;
	return 0;
}

static unsigned iommus(const struct pn_case_file *f)
{
	unsigned fixed = machine(f, false, "iommus"), broken = machine(f, true, "iommus");
	unsigned n = fixed < broken ? fixed : broken;

	return n ? n : 1;
}

/* ---- programs ---- */

static bool on_bare_metal(const struct pn_case_file *f)
{
	return machine(f, false, "no_vm") || machine(f, true, "no_vm");
}

static int check_argument(const struct pn_case_reader *r, const struct pn_case_part *in,
			  const struct pn_case_step *s, unsigned arg, struct pn_diag *d)
{
	char letter = s->op->args[arg];
	enum pn_case_kind kind = letter == 'i' ? PN_CASE_INTERRUPT : PN_CASE_A_VCPU;
	const char *word = letter == 'i' ? "interrupt" : "vcpu";
	const struct pn_case_part *p;

	if (letter == 'u' && s->arg[arg] >= (int)iommus(r->file))
		return pn_case_refuse(r, s->line, d, "%s: there is no IOMMU %d", s->op->name,
				      s->arg[arg]);
	if (letter != 'i' && letter != 'v')
		return 0;
	p = numbered(r->file, kind, s->arg[arg]);
	if (!p)
		return pn_case_refuse(r, s->line, d, "%s: there is no [%s %d]", s->op->name, word,
				      s->arg[arg]);
	if (in->kind == PN_CASE_SETUP_STEPS && letter == 'i' && p > in)
		return pn_case_refuse(r, s->line, d,
				      "%s: [%s %d] is set up later (line %lu): the file is carried "
				      "out from top to bottom",
				      s->op->name, word, s->arg[arg], p->line);
	return 0;
}

static int check_step(const struct pn_case_reader *r, const struct pn_case_part *p,
		      const struct pn_case_step *s, struct pn_diag *d)
{
	unsigned flags = s->op->flags;

	if (flags & PN_CASE_VCPU && p->kind != PN_CASE_A_VCPU)
		return pn_case_refuse(r, s->line, d, "%s: only a [vcpu] does it", s->op->name);
	if (flags & PN_CASE_CPU && p->cpu < 0)
		return pn_case_refuse(r, s->line, d,
				      "%s needs a CPU (cpu = 0), and agent \"%s\" "
				      "is hardware",
				      s->op->name, p->name);
	if (flags & PN_CASE_WAITS && p->kind == PN_CASE_SETUP_STEPS)
		return pn_case_refuse(r, s->line, d,
				      "%s: not in [setup], where no other agent runs", s->op->name);
	if (flags & PN_CASE_VM && on_bare_metal(r->file))
		return pn_case_refuse(r, s->line, d, "%s needs a VM (no_vm = yes)", s->op->name);
	for (unsigned i = 0; s->op->args[i]; i++)
		if (check_argument(r, p, s, i, d))
			return -EINVAL;
	return 0;
}

static int check_programs(const struct pn_case_reader *r, const struct pn_case_part *p,
			  struct pn_diag *d)
{
	if (p->kind != PN_CASE_INTERRUPT && !p->program[0].given && !p->program[1].given)
		return pn_case_refuse(r, p->line, d, "this section needs a program (do = ...)");
	for (unsigned b = 0; b < 2; b++)
		for (unsigned i = 0; i < p->program[b].n; i++)
			if (check_step(r, p, &p->program[b].step[i], d))
				return -EINVAL;
	return 0;
}

/* ---- sections ---- */

static int check_interrupt(const struct pn_case_reader *r, struct pn_case_part *p,
			   struct pn_diag *d)
{
	bool bare = on_bare_metal(r->file);

	if (p->irq.vector < 0)
		return pn_case_refuse(r, p->line, d, "[interrupt %d] has no vector", p->index);
	if (bare && p->irq.vcpu >= 0)
		return pn_case_refuse(r, p->line, d,
				      "[interrupt %d]: bare metal has no vCPU (to_cpu = 0)",
				      p->index);
	if (p->irq.vcpu >= 0 && !numbered(r->file, PN_CASE_A_VCPU, p->irq.vcpu))
		return pn_case_refuse(r, p->line, d, "[interrupt %d]: there is no [vcpu %d]",
				      p->index, p->irq.vcpu);
	if (p->irq.iommu >= (int)iommus(r->file))
		return pn_case_refuse(r, p->line, d, "[interrupt %d]: there is no IOMMU %d",
				      p->index, p->irq.iommu);
	return 0;
}

static int check_vcpu(const struct pn_case_reader *r, struct pn_case_part *p, struct pn_diag *d)
{
	enum pn_case_starts starts = p->vcpu.starts;

	if (p->vcpu.slept_on >= 0 && starts != PN_CASE_ASLEEP)
		return pn_case_refuse(r, p->line, d, "slept_on: [vcpu %d] does not start asleep",
				      p->index);
	for (unsigned b = 0; b < 2; b++) {
		const struct pn_case_program *g = &p->program[b];

		if (!g->n || starts == PN_CASE_RUNNING)
			continue;
		if (starts != PN_CASE_ASLEEP)
			return pn_case_refuse(r, g->step[0].line, d,
					      "a vCPU that does not start running or asleep does "
					      "nothing (do = nothing)");
		if (strcmp(g->step[0].op->name, "loop") && strcmp(g->step[0].op->name, "wake"))
			return pn_case_refuse(
				r, g->step[0].line, d,
				"a vCPU that starts asleep wakes up first (do = loop, "
				"or wake)");
	}
	return 0;
}

/* vCPUs 0, 1, ... without a gap. A vCPU without a program runs its loop. */
static int check_vcpus(struct pn_case_reader *r, struct pn_diag *d)
{
	struct pn_case_file *f = r->file;

	while (numbered(f, PN_CASE_A_VCPU, (int)f->vcpus))
		f->vcpus++;
	for (unsigned i = 0; i < f->parts; i++) {
		struct pn_case_part *p = &f->part[i];

		if (p->kind != PN_CASE_A_VCPU)
			continue;
		if (p->index >= (int)f->vcpus)
			return pn_case_refuse(r, p->line, d, "[vcpu %d], but no [vcpu %u]",
					      p->index, f->vcpus);
		if (!p->program[0].given &&
		    pn_case_program_add(r, &p->program[0], "loop", p->line, d))
			return -EINVAL;
	}
	return 0;
}

static int check_part(struct pn_case_reader *r, struct pn_case_part *p, struct pn_diag *d)
{
	int err = 0;

	if (p->kind == PN_CASE_INTERRUPT)
		err = check_interrupt(r, p, d);
	else if (p->kind == PN_CASE_A_VCPU)
		err = check_vcpu(r, p, d);
	return err ? err : check_programs(r, p, d);
}

static int check_threads(const struct pn_case_reader *r, bool broken, struct pn_diag *d)
{
	const struct pn_case_file *f = r->file;
	unsigned n = 0, handlers = (unsigned)__builtin_popcount(f->handlers);

	for (unsigned i = 0; i < f->parts; i++) {
		const struct pn_case_part *p = &f->part[i];

		if (p->kind == PN_CASE_A_VCPU || p->kind == PN_CASE_AGENT)
			n += p->program[broken && p->program[1].given].n > 0;
	}
	if (!n)
		return pn_case_refuse(r, 0, d, "no agent does anything");
	if (n + handlers > pn_case_limits.threads)
		return pn_case_refuse(r, 0, d, "%u agents and %u handlers (at most %u together)", n,
				      handlers, pn_case_limits.threads);
	return 0;
}

/* ---- the whole ---- */

static int check_machine(const struct pn_case_reader *r, bool broken, struct pn_diag *d)
{
	_Alignas(16) unsigned char conf[PN_CASE_CONF];
	const char *why;

	pn_case_file_conf(r->file, broken, conf);
	why = r->file->vendor->refuse(conf, r->file->vcpus);
	return why ? pn_case_refuse(r, r->machine_line, d, "%s", why) : 0;
}

static int check_variants(const struct pn_case_reader *r, struct pn_diag *d)
{
	const struct pn_case_file *f = r->file;

	if (f->info.one_variant && *f->property)
		return pn_case_refuse(r, r->case_line, d,
				      "property %s is violated by nothing: there is no mistake and "
				      "no broken. key",
				      f->property);
	if (!f->info.one_variant && !*f->property)
		return pn_case_refuse(r, r->case_line, d,
				      "no property: the broken variant has to violate one");
	return 0;
}

int pn_case_check(struct pn_case_reader *r, struct pn_diag *d)
{
	struct pn_case_file *f = r->file;

	if (!f->vendor)
		return pn_case_refuse(r, 0, d, "no [case] with a vendor");
	f->info.name = f->name;
	f->info.origin = f->origin;
	f->info.broken = f->broken;
	f->info.fixed = f->fixed;
	f->info.property = f->property;
	f->info.file = f;
	f->info.one_variant = !has_broken(f);
	if (check_vcpus(r, d) || check_machine(r, false, d) || check_machine(r, true, d) ||
	    check_variants(r, d))
		return -EINVAL;
	for (unsigned i = 0; i < f->parts; i++)
		if (check_part(r, &f->part[i], d))
			return -EINVAL;
	return check_threads(r, false, d) || check_threads(r, true, d) ? -EINVAL : 0;
}
