/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef I386_TCG_AVIC_PRIV_H
#define I386_TCG_AVIC_PRIV_H

#include "cpu.h"
#include "system/memory-holder.h"
#include "tcg/system/avic.h"
#include "postern/avic.h"

/*
 * What the files of the emulated AVIC share: one of these for each processor.
 */
struct X86Avic {
    X86CPU *cpu;
    MemoryHolder holder;
    struct pn_bus bus;
    struct pn_avic av;
    struct pn_agent agent;
    struct pn_step_slot steps[PN_STEP_NR];

    /* The AVIC part of the last VMCB, as long as its clean bit says so. */
    struct pn_avic_vmcb vmcb;
    uint64_t vmcb_pa;
    bool vmcb_cached;

    /*
     * The exit of an access of the current instruction. For a fault it is taken
     * as soon as the access returns, for a trap when the instruction is
     * complete.
     */
    bool fault, trap;
    struct pn_avic_exit exit;

    struct pn_avic_state saved; /* what a snapshot carries of @av */
};

static inline X86Avic *x86_avic_of(CPUX86State *env)
{
    return env_archcpu(env)->avic;
}

/*
 * Finishes an access of the guest: what the model answered, and its exit. May
 * not return.
 */
void x86_avic_settle(CPUX86State *env, enum pn_avic_access what,
                         uintptr_t retaddr);

/* The region behind X86_AVIC_PAGE. */
void x86_avic_page_init(void);

#endif
