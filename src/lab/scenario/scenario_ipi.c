/* SPDX-License-Identifier: MIT */
/* Checks the sections [ipi]. */
#include <string.h>

#include "scenario_build.h"

/* Which keys belong to which type. */
static const char *const storm_keys[] = {"senders", "logical", "broadcast", "self",
					 "nmi",	    "init",    NULL};
static const char *const pingpong_keys[] = {"reply", NULL};

static int foreign_key(struct pn_sc_build *b, struct pn_sc_section *s, const char *const *keys,
		       const char *type, struct pn_diag *d)
{
	for (; *keys; keys++)
		if (pn_sc_said(s, *keys))
			return pn_sc_refuse(b, s, PN_SC_KEYS(*keys), d, "%s belongs to type = %s",
					    *keys, type);
	return 0;
}

const struct pn_sc_ipi *pn_sc_ipi_of(const struct pn_scenario *sc, const struct pn_sc_vm *vm)
{
	for (unsigned i = 0; i < sc->ipis; i++)
		if (!strcmp(sc->ipi[i].vm, vm->name))
			return &sc->ipi[i];
	return NULL;
}

static const struct pn_sc_vm *vm_of(struct pn_scenario *sc, struct pn_sc_ipi *ipi)
{
	if (!ipi->vm[0])
		memcpy(ipi->vm, sc->vm[0].name, sizeof(ipi->vm));
	for (unsigned i = 0; i < sc->vms; i++)
		if (!strcmp(sc->vm[i].name, ipi->vm))
			return &sc->vm[i];
	return NULL;
}

static int check_storm(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_sc_ipi *ipi,
		       const struct pn_sc_vm *vm, struct pn_diag *d)
{
	double sum = ipi->logical + ipi->broadcast + ipi->self + ipi->nmi + ipi->init;

	if (vm->vcpus < 2)
		return pn_sc_refuse(b, s, PN_SC_KEYS("vm"), d,
				    "[ipi %s] needs two vCPUs or more, [vm %s] has one", ipi->name,
				    vm->name);
	if (ipi->senders > vm->vcpus)
		return pn_sc_refuse(b, s, PN_SC_KEYS("senders"), d,
				    "senders = %u: [vm %s] has %u vCPUs", ipi->senders, vm->name,
				    vm->vcpus);
	ipi->senders = ipi->senders ? ipi->senders : vm->vcpus;
	/* a little more than 1: shares as 0.1 have no exact sum */
	if (sum > 1 + 1e-9)
		return pn_sc_refuse(b, s, PN_SC_KEYS("init", "nmi", "self", "broadcast", "logical"),
				    d,
				    "logical, broadcast, self, nmi and init make %g together (at "
				    "most 1)",
				    sum);
	return foreign_key(b, s, pingpong_keys, "pingpong", d);
}

static int check_pingpong(struct pn_sc_build *b, struct pn_sc_section *s, const struct pn_sc_vm *vm,
			  struct pn_diag *d)
{
	if (vm->vcpus % 2)
		return pn_sc_refuse(b, s, PN_SC_KEYS("type"), d,
				    "type = pingpong: vCPUs play in pairs, [vm %s] has %u",
				    vm->name, vm->vcpus);
	return foreign_key(b, s, storm_keys, "storm", d);
}

int pn_sc_check_ipi(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	struct pn_sc_ipi *ipi = &b->sc->ipi[s->index];
	const struct pn_sc_vm *vm = vm_of(b->sc, ipi);

	if (!vm)
		return pn_sc_missing(b, s, PN_SC_VM, ipi->vm, d);
	for (unsigned i = 0; i < s->index; i++)
		if (!strcmp(b->sc->ipi[i].vm, ipi->vm))
			return pn_sc_refuse(b, s, PN_SC_KEYS("vm"), d,
					    "[ipi %s]: [vm %s] has [ipi %s] already", ipi->name,
					    ipi->vm, b->sc->ipi[i].name);
	if (!pn_sc_said(s, "type"))
		return pn_sc_refuse(b, s, PN_SC_KEYS("type"), d,
				    "[ipi %s] needs a type (pingpong or storm)", ipi->name);
	if (ipi->vector == PN_SC_GUEST_TIMER)
		return pn_sc_refuse(b, s, PN_SC_KEYS("vector"), d,
				    "vector 0x%x is the guest timer's (expected another one)",
				    ipi->vector);
	if (ipi->kind == PN_IPI_STORM)
		return check_storm(b, s, ipi, vm, d);
	return check_pingpong(b, s, vm, d);
}
