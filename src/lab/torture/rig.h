/* SPDX-License-Identifier: MIT */
#ifndef PN_TORTURE_RIG_H
#define PN_TORTURE_RIG_H

#include "smp.h"
#include "torture.h"

/* Shared by the machines of torture. */

#define TOR_PAGE       4096u
#define TOR_DEVID      8
#define TOR_PAUSE_LOG2 14 /* turns between two steps of a chore, at most */

/* Builds the vendor's half of @s: units, cores, hypervisor, vCPUs, entries of the sources. */
int tor_amd_build(struct smp *s, const struct pn_mode *mode);
int tor_intel_build(struct smp *s, const struct pn_mode *mode);
int tor_bare_build(struct smp *s, const struct pn_mode *mode);
/* Frees it; also what is half built. */
void tor_amd_free(struct smp *s);
void tor_intel_free(struct smp *s);

/* What is allocated next begins @bytes below 4 GiB, so that addresses differ in both halves. */
void tor_straddle(struct smp *s, uint64_t bytes);

/* The chores of every machine with a hypervisor; @cause: inhibits, or PN_INHIBIT_NR: none can. */
void tor_chores(struct smp *s, enum pn_inhibit cause);
/* At the end: all CPUs back, no inhibit, and every guest's timer, which unmasks what it masked. */
void tor_unmask(struct smp_cpu *c);
void tor_add_chore(struct smp *s, const char *name, bool (*run)(struct smp_cpu *c), uint32_t holds);
bool tor_chore_affinity(struct smp_cpu *c);
bool tor_chore_offline(struct smp_cpu *c);
bool tor_chore_online(struct smp_cpu *c);
bool tor_chore_preempt(struct smp_cpu *c);

/* bus.intr of a unit (ctx: struct smp_device) and of a core (ctx: struct smp_cpu). */
void tor_unit_intr(void *ctx, const struct pn_intr *intr);
void tor_core_intr(void *ctx, const struct pn_intr *intr);

/* The next IPI of @v's guest: its ICR in x2APIC format. */
uint64_t tor_next_ipi(struct smp_vcpu *v, struct smp_cpu *c);

#endif
