/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_AVIC_CPU_H
#define HW_I386_POSTERN_AVIC_CPU_H

#include "cpu.h"
#include "hw/i386/postern/avic.h"
#include "hw/i386/postern/machine.h"
#include "postern/avic.h"

/*
 * What the files of the emulated AVIC share: one of these for each processor.
 */
struct PosternAvic {
    struct rcu_head rcu;
    CPUState *cs;
    PosternHolder holder;
    struct pn_avic av;
    struct pn_agent agent;
    struct pn_step_slot steps[PN_STEP_NR];

    /* The AVIC part of the last VMCB, as long as its clean bit says so. */
    struct pn_avic_vmcb vmcb;
    uint64_t vmcb_pa;
    bool vmcb_cached;

    bool rang; /* atomic: set by the thread that rings */

    /*
     * The exit of an access of the current instruction. For a fault it is taken
     * as soon as the access returns, for a trap when the instruction is
     * complete.
     */
    bool fault, trap;
    struct pn_avic_exit exit;
};

static inline PosternAvic *postern_avic_of(CPUX86State *env)
{
    return env_archcpu(env)->postern;
}

/*
 * Finishes an access of the guest: what the model answered, and its exit. May
 * not return.
 */
void postern_avic_settle(CPUX86State *env, enum pn_avic_access what,
                         uintptr_t retaddr);

/* The region behind POSTERN_AVIC_PAGE. */
void postern_avic_page_init(void);

#endif
