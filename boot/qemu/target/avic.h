/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef I386_TCG_AVIC_H
#define I386_TCG_AVIC_H

#include "exec/hwaddr.h"
#include "exec/memattrs.h"

/*
 * AVIC and x2AVIC of the emulated processors (AMD64 APM vol 2 rev 3.44, 15.29).
 * Unless it says otherwise a function belongs to the thread of its own vCPU,
 * with the BQL or without.
 */
typedef struct CPUArchState CPUX86State;
typedef struct CPUState CPUState;
typedef struct ArchCPU X86CPU;
typedef struct X86Avic X86Avic;
typedef struct VMStateDescription VMStateDescription;

/*
 * Where guest accesses to the APIC access page are sent: no memory is ever
 * there.
 */
#define X86_AVIC_PAGE 0xFFFFFFFFFF000ull

#define MSR_AVIC_DOORBELL 0xC001011Bu

/* False: a bit is on without the one that it needs. */
bool x86_avic_allowed(X86CPU *cpu, Error **errp);
void x86_avic_realize(X86CPU *cpu);
void x86_avic_unrealize(X86CPU *cpu);
/* Power on, reset and INIT: no guest, no exit to come, nothing cached. */
void x86_avic_reset(X86CPU *cpu);

/*
 * VMRUN: false if the consistency checks fail. VMEXIT: V_TPR goes back to
 * env->int_ctl.
 */
bool x86_avic_vmrun(CPUX86State *env);
void x86_avic_vmexit(CPUX86State *env);

/* A guest runs, and with AVIC. */
bool x86_avic_active(CPUX86State *env);

/* Virtual interrupt evaluation: raises or withdraws CPU_INTERRUPT_VIRQ. */
void x86_avic_evaluate(CPUX86State *env);
/* The vector that is delivered now, or -1. */
int x86_avic_take(CPUX86State *env);

/* Rings the doorbell of the processor with this APIC ID. */
void x86_avic_ring(CPUX86State *env, uint32_t apicid);
/* CPU_INTERRUPT_AVIC, where no guest can be left: a doorbell rang. */
void x86_avic_answer(CPUX86State *env);
/* CPU_INTERRUPT_AVIC between two instructions: also x86_avic_complete(). */
void x86_avic_attend(CPUX86State *env);
/*
 * An instruction is complete: the exit of a trap, if its access was one. May
 * not return.
 */
void x86_avic_complete(CPUX86State *env);

/* Does guest physical address @gpa belong to the APIC access page? */
bool x86_avic_covers(CPUX86State *env, hwaddr gpa);
/*
 * An access at @physaddr failed; leaves the guest if it was an access that AVIC
 * does not take.
 */
void x86_avic_failed(CPUState *cs, hwaddr physaddr, uintptr_t retaddr);

/*
 * x2APIC register @index of a guest: false if AVIC has no part in it. May not
 * return.
 */
bool x86_avic_rdmsr(CPUX86State *env, uint32_t index, uint64_t *val,
                        uintptr_t retaddr);
bool x86_avic_wrmsr(CPUX86State *env, uint32_t index, uint64_t val,
                        uintptr_t retaddr);

uint8_t x86_avic_read_cr8(CPUX86State *env);
void x86_avic_write_cr8(CPUX86State *env, uint8_t cr8);

/* Of an X86CPU with AVIC. */
extern const VMStateDescription vmstate_x86_avic;

#endif
