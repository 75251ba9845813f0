/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Evaluation, delivery and doorbell (15.29.8), and the exits of accesses that
 * are traps.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "exec/cpu-common.h"
#include "tcg/system/avic-priv.h"
#include "svm.h"
#include "tcg/helper-tcg.h"

static void request(CPUX86State *env, int mask)
{
    BQL_LOCK_GUARD();
    cpu_interrupt(env_cpu(env), mask);
}

void x86_avic_evaluate(CPUX86State *env)
{
    if (pn_avic_evaluate(&x86_avic_of(env)->av, true) >= 0) {
        request(env, CPU_INTERRUPT_VIRQ);
    } else {
        cpu_reset_interrupt(env_cpu(env), CPU_INTERRUPT_VIRQ);
    }
}

int x86_avic_take(CPUX86State *env)
{
    struct pn_avic *av = &x86_avic_of(env)->av;
    int vector = pn_avic_evaluate(av, true);

    cpu_reset_interrupt(env_cpu(env), CPU_INTERRUPT_VIRQ);
    if (vector >= 0) {
        pn_avic_deliver(av, vector);
    }
    return vector;
}

void x86_avic_ring(CPUX86State *env, uint32_t apicid)
{
    X86CPU *cpu = env_archcpu(env);

    if (cpu->avic_ring) {
        cpu->avic_ring(apicid);
    }
}

static G_NORETURN void leave(CPUX86State *env, X86Avic *p,
                             uintptr_t retaddr)
{
    x86_stq_phys(env_cpu(env),
                 env->vm_vmcb + offsetof(struct vmcb, control.exit_info_2),
                 p->exit.info2);
    cpu_vmexit(env, p->exit.code, p->exit.info1, retaddr);
}

void x86_avic_answer(CPUX86State *env)
{
    X86Avic *p = x86_avic_of(env);

    cpu_reset_interrupt(env_cpu(env), CPU_INTERRUPT_AVIC);
    /* INIT and reset end a guest without #VMEXIT. */
    if (!(env->hflags & HF_GUEST_MASK)) {
        pn_avic_vmexit(&p->av);
    }
    if (qatomic_xchg(&p->cpu->avic_rang, false) && pn_avic_doorbell(&p->av)) {
        x86_avic_evaluate(env);
    }
}

/*
 * The exit of a trap comes before everything that is recognised between two
 * instructions, also before a debug exception of the same access. The VMCB has
 * no place for an exit that is still to be taken, so the exit belongs to the
 * instruction (inferred). The debug exception is not reported then.
 */
void x86_avic_complete(CPUX86State *env)
{
    X86Avic *p = x86_avic_of(env);

    if (p && p->trap && x86_avic_active(env)) {
        leave(env, p, 0);
    }
}

void x86_avic_attend(CPUX86State *env)
{
    x86_avic_answer(env);
    x86_avic_complete(env);
}

/*
 * An access to the page is the last one of its translation block, WRMSR ends
 * its block, and a string instruction looks for requests after each element:
 * CPU_INTERRUPT_AVIC is seen right after it. An instruction that fails after
 * the access makes it again.
 */
void x86_avic_settle(CPUX86State *env, enum pn_avic_access what,
                         uintptr_t retaddr)
{
    X86Avic *p = x86_avic_of(env);

    switch (what) {
    case PN_AVIC_DONE:
        break;
    case PN_AVIC_EVALUATE:
        x86_avic_evaluate(env);
        break;
    case PN_AVIC_TRAP:
        p->trap = true;
        request(env, CPU_INTERRUPT_AVIC);
        break;
    case PN_AVIC_FAULT:
        leave(env, p, retaddr);
    case PN_AVIC_GP:
        raise_exception_err_ra(env, EXCP0D_GPF, 0, retaddr);
    }
}

uint8_t x86_avic_read_cr8(CPUX86State *env)
{
    return x86_avic_of(env)->av.v_tpr;
}

void x86_avic_write_cr8(CPUX86State *env, uint8_t cr8)
{
    pn_avic_write_cr8(&x86_avic_of(env)->av, cr8);
    x86_avic_evaluate(env);
}

static bool x2(CPUX86State *env)
{
    return x86_avic_active(env) && x86_avic_of(env)->av.x2;
}

bool x86_avic_rdmsr(CPUX86State *env, uint32_t index, uint64_t *val,
                        uintptr_t retaddr)
{
    X86Avic *p = x86_avic_of(env);

    if (!x2(env)) {
        return false;
    }
    x86_avic_settle(env, pn_avic_read(&p->av, index * 16, val, &p->exit),
                        retaddr);
    return true;
}

bool x86_avic_wrmsr(CPUX86State *env, uint32_t index, uint64_t val,
                        uintptr_t retaddr)
{
    X86Avic *p = x86_avic_of(env);

    if (!x2(env)) {
        return false;
    }
    x86_avic_settle(env, pn_avic_write(&p->av, index * 16, val, &p->exit),
                        retaddr);
    return true;
}
