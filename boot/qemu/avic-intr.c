/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Evaluation, delivery and doorbell (15.29.8), and the exits of accesses that
 * are traps.
 */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "exec/cpu-common.h"
#include "hw/i386/postern/avic-cpu.h"
#include "hw/i386/postern/meter.h"
#include "svm.h"
#include "tcg/helper-tcg.h"

static void request(CPUX86State *env, int mask)
{
    BQL_LOCK_GUARD();
    cpu_interrupt(env_cpu(env), mask);
}

void postern_avic_evaluate(CPUX86State *env)
{
    if (pn_avic_evaluate(&postern_avic_of(env)->av, true) >= 0) {
        request(env, CPU_INTERRUPT_VIRQ);
    } else {
        cpu_reset_interrupt(env_cpu(env), CPU_INTERRUPT_VIRQ);
    }
}

int postern_avic_take(CPUX86State *env)
{
    struct pn_avic *av = &postern_avic_of(env)->av;
    int vector = pn_avic_evaluate(av, true);

    cpu_reset_interrupt(env_cpu(env), CPU_INTERRUPT_VIRQ);
    if (vector >= 0) {
        pn_avic_deliver(av, vector);
    }
    return vector;
}

/*
 * The core itself decides what to do on a doorbell: it may have left the guest
 * by now.
 */
void postern_avic_ring(uint32_t apicid)
{
    CPUState *cs;

    postern_meter_doorbell(apicid);
    RCU_READ_LOCK_GUARD();
    CPU_FOREACH(cs) {
        X86CPU *cpu = X86_CPU(cs);
        PosternAvic *p = qatomic_rcu_read(&cpu->postern);

        if (cpu->apic_id == apicid && p) {
            qatomic_set(&p->rang, true);
            BQL_LOCK_GUARD();
            cpu_interrupt(cs, CPU_INTERRUPT_AVIC);
            return;
        }
    }
}

static G_NORETURN void leave(CPUX86State *env, PosternAvic *p,
                             uintptr_t retaddr)
{
    x86_stq_phys(env_cpu(env),
                 env->vm_vmcb + offsetof(struct vmcb, control.exit_info_2),
                 p->exit.info2);
    cpu_vmexit(env, p->exit.code, p->exit.info1, retaddr);
}

void postern_avic_answer(CPUX86State *env)
{
    PosternAvic *p = postern_avic_of(env);

    cpu_reset_interrupt(env_cpu(env), CPU_INTERRUPT_AVIC);
    /* INIT and reset end a guest without #VMEXIT. */
    if (!(env->hflags & HF_GUEST_MASK)) {
        pn_avic_vmexit(&p->av);
    }
    if (qatomic_xchg(&p->rang, false) && pn_avic_doorbell(&p->av)) {
        postern_avic_evaluate(env);
    }
}

/*
 * The exit of a trap comes before everything that is recognised between two
 * instructions, also before a debug exception of the same access. The VMCB has
 * no place for an exit that is still to be taken, so the exit belongs to the
 * instruction (inferred). The debug exception is not reported then.
 */
void postern_avic_complete(CPUX86State *env)
{
    PosternAvic *p = postern_avic_of(env);

    if (p && p->trap && postern_avic_active(env)) {
        leave(env, p, 0);
    }
}

void postern_avic_attend(CPUX86State *env)
{
    postern_avic_answer(env);
    postern_avic_complete(env);
}

/*
 * An access to the page is the last one of its translation block, WRMSR ends
 * its block, and a string instruction looks for requests after each element:
 * CPU_INTERRUPT_AVIC is seen right after it. An instruction that fails after
 * the access makes it again.
 */
void postern_avic_settle(CPUX86State *env, enum pn_avic_access what,
                         uintptr_t retaddr)
{
    PosternAvic *p = postern_avic_of(env);

    switch (what) {
    case PN_AVIC_DONE:
        break;
    case PN_AVIC_EVALUATE:
        postern_avic_evaluate(env);
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

uint8_t postern_avic_read_cr8(CPUX86State *env)
{
    return postern_avic_of(env)->av.v_tpr;
}

void postern_avic_write_cr8(CPUX86State *env, uint8_t cr8)
{
    pn_avic_write_cr8(&postern_avic_of(env)->av, cr8);
    postern_avic_evaluate(env);
}

static bool x2(CPUX86State *env)
{
    return postern_avic_active(env) && postern_avic_of(env)->av.x2;
}

bool postern_avic_rdmsr(CPUX86State *env, uint32_t index, uint64_t *val,
                        uintptr_t retaddr)
{
    PosternAvic *p = postern_avic_of(env);

    if (!x2(env)) {
        return false;
    }
    postern_avic_settle(env, pn_avic_read(&p->av, index * 16, val, &p->exit),
                        retaddr);
    return true;
}

bool postern_avic_wrmsr(CPUX86State *env, uint32_t index, uint64_t val,
                        uintptr_t retaddr)
{
    PosternAvic *p = postern_avic_of(env);

    if (!x2(env)) {
        return false;
    }
    postern_avic_settle(env, pn_avic_write(&p->av, index * 16, val, &p->exit),
                        retaddr);
    return true;
}
