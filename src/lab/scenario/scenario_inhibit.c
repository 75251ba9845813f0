/* SPDX-License-Identifier: MIT */
/* Checks the keys with which a VM provokes inhibits, and whether a mode can have the cause. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "inhibit.h"
#include "postern/avic.h"
#include "scenario_build.h"

static int check_times(struct pn_sc_build *b, struct pn_sc_section *s, const struct pn_sc_vm *vm,
		       struct pn_diag *d)
{
	enum pn_inhibit why = pn_sc_vm_cause(vm);

	if (why == PN_INHIBIT_NR && (vm->inhibit_period || vm->inhibit_time))
		return pn_sc_refuse(b, s, PN_SC_KEYS("inhibit_period", "inhibit_time"), d,
				    "inhibit_period and inhibit_time need inhibit (as in inhibit = "
				    "irq-window)");
	if (why == PN_INHIBIT_NR)
		return 0;
	if (pn_inhibit_transient(why) && !vm->inhibit_period)
		return pn_sc_refuse(b, s, PN_SC_KEYS("inhibit"), d,
				    "inhibit = %s comes and goes: it needs inhibit_period and "
				    "inhibit_time (expected pit-reinjection or blockirq for good)",
				    pn_inhibit_name(why));
	if (!vm->inhibit_period != !vm->inhibit_time)
		return pn_sc_refuse(b, s, PN_SC_KEYS("inhibit_period", "inhibit_time"), d,
				    "inhibit_period and inhibit_time go together (without them "
				    "it is inhibited for good)");
	if (vm->inhibit_period && vm->inhibit_time >= vm->inhibit_period)
		return pn_sc_refuse(b, s, PN_SC_KEYS("inhibit_time", "inhibit_period"), d,
				    "inhibit_time must be shorter than inhibit_period");
	return 0;
}

/* Refuses causes that would send the guest's own IPIs to another vCPU. */
static int check_ids(struct pn_sc_build *b, struct pn_sc_section *s, const struct pn_sc_vm *vm,
		     struct pn_diag *d)
{
	const struct pn_sc_ipi *ipi = pn_sc_ipi_of(b->sc, vm);
	enum pn_inhibit why = pn_sc_vm_cause(vm);

	if (why == PN_INHIBIT_LOGICAL_ID_ALIASED && vm->vcpus < 2)
		return pn_sc_refuse(b, s, PN_SC_KEYS("inhibit"), d,
				    "inhibit = logical-id-aliased takes two vCPUs, [vm %s] has one",
				    vm->name);
	if (why == PN_INHIBIT_LOGICAL_ID_ALIASED && ipi && ipi->logical > 0)
		return pn_sc_refuse(b, s, PN_SC_KEYS("inhibit"), d,
				    "inhibit = logical-id-aliased: an IPI to such an ID has two "
				    "targets (expected logical = 0 in [ipi %s])",
				    ipi->name);
	if (why == PN_INHIBIT_APIC_ID_MODIFIED && vm->vcpus >= PN_XAVIC_MAX_INDEX)
		return pn_sc_refuse(b, s, PN_SC_KEYS("inhibit"), d,
				    "inhibit = apic-id-modified needs an ID that no vCPU has: at "
				    "most %u vCPUs",
				    PN_XAVIC_MAX_INDEX - 1);
	if (why == PN_INHIBIT_APIC_ID_MODIFIED && ipi && vm->inhibit_period)
		return pn_sc_refuse(b, s, PN_SC_KEYS("inhibit_period"), d,
				    "inhibit = apic-id-modified comes and goes under IPIs that are "
				    "on their way (expected no inhibit_period: for good)");
	return 0;
}

int pn_sc_check_inhibit(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	struct pn_sc_vm *vm = &b->sc->vm[s->index];
	int err = check_times(b, s, vm, d);

	vm->inhibit_line = s->key_line[pn_key_find(PN_SC_VM, "inhibit")];
	return err ? err : check_ids(b, s, vm, d);
}

/* ---- [inhibit NAME] ---- */

/* What KVM never does with this reason. */
static int check_kind(struct pn_sc_build *b, struct pn_sc_section *s,
		      const struct pn_sc_inhibit *in, enum pn_inhibit why, struct pn_diag *d)
{
	const char *name = pn_inhibit_kvm_name(why);

	if (in->start && pn_inhibit_from_start(why))
		return pn_sc_refuse(
			b, s, PN_SC_KEYS("start"), d,
			"reason = %s is there when a VM is created or never (expected no "
			"start)",
			name);
	if (in->end && pn_inhibit_for_good(why))
		return pn_sc_refuse(b, s, PN_SC_KEYS("end"), d,
				    "reason = %s never goes away (expected no end)", name);
	if (!in->end && pn_inhibit_transient(why))
		return pn_sc_refuse(
			b, s, PN_SC_KEYS("reason"), d,
			"reason = %s comes and goes: it needs an end (expected pit-reinj "
			"or blockirq for good)",
			name);
	if (in->end && in->end <= in->start)
		return pn_sc_refuse(b, s, PN_SC_KEYS("end", "start"), d,
				    "end must be later than start");
	if (in->start >= b->sc->machine.duration)
		return pn_sc_refuse(
			b, s, PN_SC_KEYS("start"), d,
			"it would come up when the run is over (expected start below the "
			"duration)");
	return 0;
}

/* The IDs that it changes. */
static int check_targets(struct pn_sc_build *b, struct pn_sc_section *s, const struct pn_sc_vm *vm,
			 const struct pn_sc_inhibit *in, enum pn_inhibit why, struct pn_diag *d)
{
	const struct pn_sc_ipi *ipi = pn_sc_ipi_of(b->sc, vm);
	const char *name = pn_inhibit_kvm_name(why);
	bool aliased =
		why == PN_INHIBIT_LOGICAL_ID_ALIASED || why == PN_INHIBIT_PHYSICAL_ID_ALIASED;

	if (aliased && vm->vcpus < 2)
		return pn_sc_refuse(b, s, PN_SC_KEYS("reason"), d,
				    "reason = %s takes two vCPUs, [vm %s] has one", name, vm->name);
	if (why == PN_INHIBIT_APIC_ID_MODIFIED && vm->vcpus >= PN_XAVIC_MAX_INDEX)
		return pn_sc_refuse(b, s, PN_SC_KEYS("reason"), d,
				    "reason = %s needs an ID that no vCPU has: at most %u vCPUs",
				    name, PN_XAVIC_MAX_INDEX - 1);
	if (!ipi)
		return 0;
	if (why == PN_INHIBIT_PHYSICAL_ID_ALIASED ||
	    (why == PN_INHIBIT_LOGICAL_ID_ALIASED && ipi->logical > 0))
		return pn_sc_refuse(
			b, s, PN_SC_KEYS("reason"), d,
			"reason = %s: an IPI to such an ID has two targets (expected a VM "
			"without [ipi %s]%s)",
			name, ipi->name, ipi->logical > 0 ? ", or logical = 0" : "");
	if (why == PN_INHIBIT_APIC_ID_MODIFIED && (in->start || in->end))
		return pn_sc_refuse(b, s, PN_SC_KEYS("start", "end"), d,
				    "reason = %s comes or goes under IPIs that are on their way "
				    "(expected no start and no end)",
				    name);
	return 0;
}

/* Two causes that undo each other: the same one, or two that write an APIC's ID. */
static bool collide(enum pn_inhibit a, enum pn_inhibit b)
{
	return a == b || (pn_inhibit_writes_id(a) && pn_inhibit_writes_id(b));
}

static int check_others(struct pn_sc_build *b, struct pn_sc_section *s, const struct pn_sc_vm *vm,
			const struct pn_sc_inhibit *in, enum pn_inhibit why, struct pn_diag *d)
{
	if (collide(pn_sc_vm_cause(vm), why))
		return pn_sc_refuse(b, s, PN_SC_KEYS("reason"), d,
				    "[vm %s] has inhibit = %s already", vm->name,
				    pn_inhibit_name(pn_sc_vm_cause(vm)));
	for (unsigned i = 0; i < s->index; i++) {
		const struct pn_sc_inhibit *o = &b->sc->inhibit[i];

		if (strcmp(o->vm, in->vm) != 0 || !collide((enum pn_inhibit)(o->reason - 1), why))
			continue;
		if ((o->end && o->end <= in->start) || (in->end && in->end <= o->start))
			continue;
		return pn_sc_refuse(b, s, PN_SC_KEYS("reason"), d,
				    "[vm %s] is inhibited by [inhibit %s] at the same time, which "
				    "would end together",
				    vm->name, o->name);
	}
	return 0;
}

int pn_sc_check_window(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	struct pn_sc_inhibit *in = &b->sc->inhibit[s->index];
	const struct pn_sc_vm *vm;
	enum pn_inhibit why;
	int err;

	if (!in->vm[0])
		memcpy(in->vm, b->sc->vm[0].name, sizeof(in->vm));
	vm = pn_sc_inhibit_vm(b->sc, in);
	if (!vm)
		return pn_sc_missing(b, s, PN_SC_VM, in->vm, d);
	if (!in->reason)
		return pn_sc_refuse(b, s, PN_SC_KEYS("reason"), d,
				    "[inhibit %s] needs a reason (as in reason = blockirq)",
				    in->name);
	in->line = s->key_line[pn_key_find(PN_SC_INHIBIT, "reason")];
	why = (enum pn_inhibit)(in->reason - 1);
	err = check_kind(b, s, in, why, d);
	if (!err)
		err = check_targets(b, s, vm, in, why, d);
	return err ? err : check_others(b, s, vm, in, why, d);
}

/* ---- against a mode ---- */

/* A cause, and the key that says so. */
struct cause {
	enum pn_inhibit why;
	unsigned long line;
	const char *section, *name, *key, *word;
};

static int refuse(const struct pn_scenario *sc, const struct cause *c, int err, struct pn_diag *d,
		  const char *text)
{
	bool option = c->line == PN_SC_LINE_OPTION;

	return pn_diag_set(d, err, option ? "--set" : sc->path, option ? 0 : c->line,
			   "[%s %s]: %s = %s: %s", c->section, c->name, c->key, c->word, text);
}
/* "avic, galog or gappi": modes of the workload that know a cause. */
static const char *modes_with(enum pn_workload work, enum pn_inhibit why, char *buf, size_t size)
{
	const char *name[PN_MODE_MAX];
	unsigned n = 0;
	size_t used = 0;

	for (const struct pn_mode_info *const *i = pn_modes; *i && n < PN_MODE_MAX; i++)
		if (pn_mode_runs(*i, work) && (*i)->inhibits >> why & 1)
			name[n++] = (*i)->name;
	*buf = 0;
	for (unsigned i = 0; i < n && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", name[i],
					 i + 2 < n    ? ", "
					 : i + 2 == n ? " or "
						      : "");
	return buf;
}

static int check_cause(const struct pn_scenario *sc, const struct cause *c,
		       const struct pn_mode_info *info, struct pn_diag *d)
{
	char text[320], modes[96], or [64];

	if (c->why == PN_INHIBIT_NR)
		return 0;
	if (!(info->inhibits >> c->why & 1)) {
		snprintf(or, sizeof(or), ", or %s = blockirq", c->key);
		snprintf(text, sizeof(text), "mode '%s' %s (expected mode %s%s)", info->name,
			 info->inhibits ? "has APICv, which stays active then"
					: "has no interrupt virtualization to inhibit",
			 modes_with(sc->work, c->why, modes, sizeof(modes)),
			 info->inhibits ? or : "");
		return refuse(sc, c, -ENOTSUP, d, text);
	}
	if (pn_inhibit_needs_xapic(c->why) && pn_guests_x2apic(sc, info)) {
		snprintf(text, sizeof(text),
			 "in mode '%s' the guest is in x2APIC mode, where IDs are read-only "
			 "(expected %s = no)",
			 info->name, pn_guests_x2apic_key(sc, info));
		return refuse(sc, c, -EINVAL, d, text);
	}
	return 0;
}

static struct cause of_vm(const struct pn_sc_vm *vm)
{
	enum pn_inhibit why = pn_sc_vm_cause(vm);

	return (struct cause){why,	vm->inhibit_line, "vm",
			      vm->name, "inhibit",	  pn_inhibit_name(why)};
}

static struct cause of_section(const struct pn_sc_inhibit *in)
{
	enum pn_inhibit why = (enum pn_inhibit)(in->reason - 1);

	return (struct cause){why,	in->line, "inhibit",
			      in->name, "reason", pn_inhibit_kvm_name(why)};
}

int pn_scenario_inhibits(const struct pn_scenario *sc, const struct pn_mode_info *info,
			 struct pn_diag *d)
{
	int err = 0;

	for (unsigned i = 0; i < sc->vms && !err; i++) {
		struct cause c = of_vm(&sc->vm[i]);

		err = check_cause(sc, &c, info, d);
	}
	for (unsigned i = 0; i < sc->inhibits && !err; i++) {
		struct cause c = of_section(&sc->inhibit[i]);

		err = check_cause(sc, &c, info, d);
	}
	return err;
}
