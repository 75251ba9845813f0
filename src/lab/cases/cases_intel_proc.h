/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_INTEL_PROC_H
#define PN_LAB_CASES_INTEL_PROC_H

#include "solo_intel.h"

/* Virtual interrupts of one processor alone: what the files of that half of its case share. */

#define NOTIFY	0xF2
#define ICR(to) ((uint64_t)(to) << 32)
#define FARA	0x7FFF0000ull /* no memory */

/* The processor; the VMCS that it is entered with, and that of the entry before. */
extern struct pn_apicv *proc_cpu;
extern struct pn_vmcs_apic proc_base, proc_now;

uint32_t *proc_page(void);
/* Enters the guest with proc_base. */
void proc_enter(const char *what);
enum pn_apicv_access proc_wrmsr(uint32_t off, uint64_t value, struct pn_apicv_exit *exit);
/* How often a step was made. */
uint64_t proc_counted(unsigned step);
/* An IPI to the ID @to: posted to vCPU 1, or it exits. */
void proc_sends(uint32_t to, uint8_t vector, bool posted, const char *what);
/* An interrupt of the local APIC ends so, with so many accesses to it. */
void proc_external(int irq, enum pn_apicv_intr want, int vector, unsigned acks, unsigned eois,
		   const char *what);

/* Parts of the case: evaluation, delivery, external interrupts; what VM entry refuses; entries of
 * other kinds; a VMCS by its fields. */
void proc_evaluates(void), proc_refuses(void), proc_kinds(void), proc_fields(void);

#endif
