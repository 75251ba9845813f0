/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_AMD_ACCESS_H
#define PN_LAB_CASES_AMD_ACCESS_H

#include "case_setup.h"
#include "solo_amd.h"

/* The case of one processor alone that uses its whole APIC: what its files share. */

#define PAGE(n)	 SOLO_AT(n) /* vAPIC page of vCPU n, 0 to 3 */
#define PHYSICAL SOLO_AT(4) /* and SOLO_AT(5) */
#define LOGICAL	 SOLO_AT(6)
#define ABSENT	 (SOLO_PA + SOLO_SIZE)
#define VALID	 (1ull << 63)
#define RUNS	 (1ull << 62)
#define X2	 (1ull << 30)
#define AVIC	 (1ull << 31)
#define V	 0x61u
#define SELF	 (1u << 18)
#define ALL	 (2u << 18)
#define OTHERS	 (3u << 18)

extern struct pn_avic *access_core;

/* A VMCB that VMRUN takes; a processor of the defaults. */
struct pn_avic_vmcb access_vmcb(bool x2);
struct pn_avic_features access_features(void);
/* Empty pages, and in the guest of vCPU 2. */
void access_enter(const struct pn_avic_features *f, bool x2);
/* How an access ends: d done, e evaluates, t trap, f fault, g #GP. */
char access_letter(enum pn_avic_access a);
/* Those of the physical table: vCPU 1 does not run. */
void access_entries(void);

/* Parts of the case: registers; IPIs, of which the first may be alone; VMRUN, delivery, EOI. */
void access_registers(void);
void access_ipis_x1(void), access_ipis(void);
void access_defaults(void), access_entry(void);

#endif
