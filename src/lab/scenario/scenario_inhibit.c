/* SPDX-License-Identifier: MIT */
/* Checks the keys with which a VM provokes inhibits, and whether a mode can have the cause. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "inhibit.h"
#include "postern/avic.h"
#include "scenario_build.h"

/* True for a cause that lasts only as long as some action of a vCPU. */
static bool transient(enum pn_inhibit why)
{
	return why == PN_INHIBIT_IRQWIN || why == PN_INHIBIT_NESTED;
}

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
	if (transient(why) && !vm->inhibit_period)
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

/* ---- against a mode ---- */

static int refuse(const struct pn_scenario *sc, const struct pn_sc_vm *vm, int err,
		  struct pn_diag *d, const char *text)
{
	bool option = vm->inhibit_line == PN_SC_LINE_OPTION;

	return pn_diag_set(d, err, option ? "--set" : sc->path, option ? 0 : vm->inhibit_line,
			   "[vm %s]: inhibit = %s: %s", vm->name,
			   pn_inhibit_name(pn_sc_vm_cause(vm)), text);
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

static int check_vm(const struct pn_scenario *sc, const struct pn_sc_vm *vm,
		    const struct pn_mode_info *info, struct pn_diag *d)
{
	enum pn_inhibit why = pn_sc_vm_cause(vm);
	char text[320], modes[96];

	if (why == PN_INHIBIT_NR)
		return 0;
	if (!(info->inhibits >> why & 1)) {
		snprintf(text, sizeof(text), "mode '%s' %s (expected mode %s%s)", info->name,
			 info->inhibits ? "has APICv, which stays active then"
					: "has no interrupt virtualization to inhibit",
			 modes_with(sc->work, why, modes, sizeof(modes)),
			 info->inhibits ? ", or inhibit = blockirq" : "");
		return refuse(sc, vm, -ENOTSUP, d, text);
	}
	if (pn_inhibit_needs_xapic(why) && pn_guests_x2apic(sc, info)) {
		snprintf(text, sizeof(text),
			 "in mode '%s' the guest is in x2APIC mode, where IDs are read-only "
			 "(expected %s = no)",
			 info->name, pn_guests_x2apic_key(sc, info));
		return refuse(sc, vm, -EINVAL, d, text);
	}
	return 0;
}

int pn_scenario_inhibits(const struct pn_scenario *sc, const struct pn_mode_info *info,
			 struct pn_diag *d)
{
	int err = 0;

	for (unsigned i = 0; i < sc->vms && !err; i++)
		err = check_vm(sc, &sc->vm[i], info, d);
	return err;
}
