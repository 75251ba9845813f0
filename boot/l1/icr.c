/* SPDX-License-Identifier: MIT */
/*
 * IPIs of every form, one at a time, from vCPU 0: the witnesses record which of them hardware sends
 * by itself and which the hypervisor must send.
 */
#include <string.h>

#include "run.h"
#include "util.h"

#define NMI	    2
#define ICR_FIXED   0x000u
#define ICR_NMI	    0x400u
#define ICR_INIT    0x4500u /* asserted */
#define ICR_LOGICAL (1u << 11)
#define ICR_SELF    (1u << 18)
#define ICR_OTHERS  (3u << 18)
#define PARKED	    1u /* the vCPU that INITs go to */
#define SETTLE_NS   2000000u

enum to { TARGET, SENDER, ALL_OTHERS, NOBODY };

static const struct form {
	const char *kind;
	uint32_t low;
	enum to to;
} forms[] = {
	{"unicast", ICR_FIXED, TARGET},	  {"self", ICR_SELF, SENDER},
	{"logical", ICR_LOGICAL, TARGET}, {"broadcast", ICR_OTHERS, ALL_OTHERS},
	{"nmi", ICR_NMI, TARGET},	  {"init", ICR_INIT, NOBODY},
};

static const struct form *form_of(const struct run *run)
{
	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (!strcmp(forms[i].kind, run->c->kind))
			return &forms[i];
	return NULL;
}

static unsigned vector_of(const struct form *f)
{
	return f->low == ICR_NMI ? NMI : RUN_IPI_VECTOR;
}

static uint32_t destination(const struct run *run, const struct form *f)
{
	unsigned id = f->to == NOBODY ? PARKED : run->vm->vcpus - 1;

	if (f->low != ICR_LOGICAL)
		return id;
	return run->c->x2apic ? (id >> 4) << 16 | 1u << (id & 15) : 1u << id;
}

/* Until the vCPUs that the IPI is for have all counted it. */
static void wait_taken(const struct run *run, const struct form *f, uint32_t n)
{
	volatile struct l2_vcpu *vcpu = run->vm->shared->vcpu;
	unsigned first = f->to == SENDER ? 0 : f->to == TARGET ? run->vm->vcpus - 1 : 1;
	unsigned last = f->to == SENDER ? 0 : run->vm->vcpus - 1;

	for (unsigned i = first; i <= last && f->to != NOBODY; i++)
		run_wait_taken(run, &vcpu[i].seen[vector_of(f)], n);
}

/* An INIT is taken when the vCPU does not run any more. */
static uint32_t parked(const struct run *run)
{
	const volatile uint32_t *spins = &run->vm->shared->vcpu[PARKED].spins;
	uint32_t before = *spins;

	sleep_until(now_ns() + SETTLE_NS);
	return *spins == before;
}

static uint32_t least(const struct run *run, unsigned vector)
{
	const volatile struct l2_vcpu *vcpu = run->vm->shared->vcpu;
	uint32_t n = UINT32_MAX;

	for (unsigned i = 1; i < run->vm->vcpus; i++)
		n = vcpu[i].seen[vector] < n ? vcpu[i].seen[vector] : n;
	return n;
}

uint32_t run_icr_seen(const struct run *run)
{
	const volatile struct l2_vcpu *vcpu = run->vm->shared->vcpu;
	const struct form *f = form_of(run);

	switch (f->to) {
	case TARGET:
		return run_target(run)->seen[vector_of(f)];
	case SENDER:
		return vcpu[0].seen[vector_of(f)];
	case ALL_OTHERS:
		return least(run, vector_of(f));
	default:
		return parked(run) ? vcpu[0].icr_seen : 0;
	}
}

void run_icr(const struct run *run)
{
	volatile struct l2_shared *shared = run->vm->shared;
	const struct form *f = form_of(run);

	shared->icr_low = f->low | (f->low == ICR_NMI || f->low == ICR_INIT ? 0 : RUN_IPI_VECTOR);
	shared->icr_dest = destination(run, f);
	for (uint32_t n = 1; n <= run->c->count && run_well(run); n++) {
		shared->icr_count = n;
		run_wait_word(run, &shared->vcpu[0].icr_seen, n);
		wait_taken(run, f, n);
	}
}
