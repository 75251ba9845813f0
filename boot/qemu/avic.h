/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_AVIC_H
#define HW_I386_POSTERN_AVIC_H

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
typedef struct PosternAvic PosternAvic;

/*
 * Where guest accesses to the APIC access page are sent: no memory is ever
 * there.
 */
#define POSTERN_AVIC_PAGE 0xFFFFFFFFFF000ull

#define POSTERN_MSR_DOORBELL 0xC001011Bu

/*
 * False: a bit is on without the one that it needs, or nothing may stop a
 * migration.
 */
bool postern_avic_allowed(X86CPU *cpu, Error **errp);
void postern_avic_realize(X86CPU *cpu);
void postern_avic_unrealize(X86CPU *cpu);
/* Reset and INIT: no guest, no exit to come, nothing cached. */
void postern_avic_reset(X86CPU *cpu);

/*
 * VMRUN: false if the consistency checks fail. VMEXIT: V_TPR goes back to
 * env->int_ctl.
 */
bool postern_avic_vmrun(CPUX86State *env);
void postern_avic_vmexit(CPUX86State *env);

/* A guest runs, and with AVIC. */
bool postern_avic_active(CPUX86State *env);

/* Virtual interrupt evaluation: raises or withdraws CPU_INTERRUPT_VIRQ. */
void postern_avic_evaluate(CPUX86State *env);
/* The vector that is delivered now, or -1. */
int postern_avic_take(CPUX86State *env);

/* From any thread: the doorbell of the processor with this APIC ID. */
void postern_avic_ring(uint32_t apicid);
/* CPU_INTERRUPT_AVIC, where no guest can be left: a doorbell rang. */
void postern_avic_answer(CPUX86State *env);
/* CPU_INTERRUPT_AVIC between two instructions: also postern_avic_complete(). */
void postern_avic_attend(CPUX86State *env);
/*
 * An instruction is complete: the exit of a trap, if its access was one. May
 * not return.
 */
void postern_avic_complete(CPUX86State *env);

/* Does guest physical address @gpa belong to the APIC access page? */
bool postern_avic_covers(CPUX86State *env, hwaddr gpa);
/*
 * An access at @physaddr failed; leaves the guest if it was an access that AVIC
 * does not take.
 */
void postern_avic_failed(CPUState *cs, hwaddr physaddr, uintptr_t retaddr);

/*
 * x2APIC register @index of a guest: false if AVIC has no part in it. May not
 * return.
 */
bool postern_avic_rdmsr(CPUX86State *env, uint32_t index, uint64_t *val,
                        uintptr_t retaddr);
bool postern_avic_wrmsr(CPUX86State *env, uint32_t index, uint64_t val,
                        uintptr_t retaddr);

uint8_t postern_avic_read_cr8(CPUX86State *env);
void postern_avic_write_cr8(CPUX86State *env, uint8_t cr8);

#endif
