/* SPDX-License-Identifier: GPL-2.0-or-later */
/* World switches: VMRUN and #VMEXIT of a guest with AVIC. */
#include "qemu/osdep.h"
#include "migration/blocker.h"
#include "qapi/error.h"
#include "hw/i386/postern/avic-cpu.h"
#include "hw/i386/postern/machine.h"
#include "hw/i386/postern/meter.h"
#include "system/tcg.h"
#include "svm.h"

#define VMCB_APIC_BAR       0x098
#define VMCB_CLEAN          0x0C0
#define VMCB_BACKING_PAGE   0x0E0
#define VMCB_LOGICAL_TABLE  0x0F0
#define VMCB_PHYSICAL_TABLE 0x0F8

#define CLEAN_AVIC (1u << 11)

static char *steps_get(Object *obj, Error **errp)
{
    return postern_steps(&X86_CPU(obj)->postern->agent);
}

/* Migration does not include a guest's AVIC state. */
static bool refuse_migration(Error **errp)
{
    static Error *reason;

    if (reason) {
        return true;
    }
    error_setg(&reason, "the state of processors with AVIC cannot migrate "
                        "(avic=off allows it)");
    return !migrate_add_blocker(&reason, errp);
}

void postern_avic_reset(X86CPU *cpu)
{
    PosternAvic *p = cpu->postern;

    if (!p) {
        return;
    }
    pn_avic_vmexit(&p->av);
    p->fault = p->trap = p->vmcb_cached = false;
    qatomic_set(&p->rang, false);
}

/*
 * In the processor's own thread, to which its model belongs. If the page is
 * gone, its memory stays until the guest has left it: the next change asks
 * again.
 */
static void ask_again(CPUState *cs, run_on_cpu_data data)
{
    PosternAvic *p = X86_CPU(cs)->postern;

    if (!pn_avic_memory_changed(&p->av)) {
        postern_has_asked(&p->holder);
    }
}

static void memory_changed(PosternHolder *holder)
{
    async_run_on_cpu(container_of(holder, PosternAvic, holder)->cs, ask_again,
                     RUN_ON_CPU_NULL);
}

/* No processor has one of these bits without the bit that it extends. */
static bool bits_fit(const CPUX86State *env, Error **errp)
{
    uint64_t svm = env->features[FEAT_SVM];

    if ((svm & (CPUID_SVM_X2AVIC | CPUID_SVM_AVIC_EXTLVT)) &&
        !(svm & CPUID_SVM_AVIC)) {
        error_setg(errp, "%s needs avic",
                   svm & CPUID_SVM_X2AVIC ? "x2avic" : "avic-extlvt");
        return false;
    }
    if ((env->features[FEAT_SVM_ECX] & CPUID_SVM_ECX_X2AVIC_EXT) &&
        !(svm & CPUID_SVM_X2AVIC)) {
        error_setg(errp, "x2avic-ext needs x2avic");
        return false;
    }
    return true;
}

static void features_of(X86CPU *cpu, struct pn_avic_features *feat)
{
    CPUX86State *env = &cpu->env;

    pn_avic_features_default(feat);
    feat->x2avic = env->features[FEAT_SVM] & CPUID_SVM_X2AVIC;
    feat->x2avic_ext = env->features[FEAT_SVM_ECX] & CPUID_SVM_ECX_X2AVIC_EXT;
    feat->extlvt = env->features[FEAT_SVM] & CPUID_SVM_AVIC_EXTLVT;
    feat->phys_mask = MAKE_64BIT_MASK(0, cpu->phys_bits);
}

static bool emulated(const X86CPU *cpu)
{
    return tcg_enabled() && (cpu->env.features[FEAT_SVM] & CPUID_SVM_AVIC);
}

bool postern_avic_allowed(X86CPU *cpu, Error **errp)
{
    return bits_fit(&cpu->env, errp) &&
           (!emulated(cpu) || refuse_migration(errp));
}

void postern_avic_realize(X86CPU *cpu)
{
    struct pn_avic_features feat;
    PosternAvic *p;

    if (!emulated(cpu)) {
        return;
    }
    features_of(cpu, &feat);
    p = g_new0(PosternAvic, 1);
    pn_agent_init(&p->agent, cpu->apic_id, p->steps);
    pn_avic_init(&p->av, &postern_machine, &p->agent, &feat, cpu->apic_id);
    p->cs = CPU(cpu);
    postern_hold(&p->holder, memory_changed);
    cpu->postern = p;
    object_property_add_str(OBJECT(cpu), "postern-steps", steps_get, NULL);
    postern_avic_page_init();
}

/*
 * Its thread has ended. Another processor may be checking whether a doorbell is
 * for this one.
 */
void postern_avic_unrealize(X86CPU *cpu)
{
    PosternAvic *p = cpu->postern;

    if (!p) {
        return;
    }
    qatomic_set(&cpu->postern, NULL);
    postern_let_go(&p->holder);
    g_free_rcu(p, rcu);
}

static uint64_t vmcb_q(CPUX86State *env, unsigned off)
{
    return x86_ldq_phys(env_cpu(env), env->vm_vmcb + off);
}

/*
 * VMCB clean bit 11 covers APIC_BAR and the three pointers (15.15.3); the core
 * has one VMCB cached, and only if CPUID says that it caches any.
 */
static bool clean(PosternAvic *p, CPUX86State *env)
{
    return (env->features[FEAT_SVM] & CPUID_SVM_VMCBCLEAN) && p->vmcb_cached &&
           p->vmcb_pa == env->vm_vmcb && (vmcb_q(env, VMCB_CLEAN) & CLEAN_AVIC);
}

static void load(PosternAvic *p, CPUX86State *env)
{
    struct pn_avic_vmcb *v = &p->vmcb;

    v->v_intr = env->int_ctl;
    v->np_enable = vmcb_q(env, offsetof(struct vmcb, control.nested_ctl)) &
                   SVM_NPT_ENABLED;
    if (clean(p, env)) {
        return;
    }
    v->apic_bar = vmcb_q(env, VMCB_APIC_BAR);
    v->backing_page = vmcb_q(env, VMCB_BACKING_PAGE);
    v->logical_table = vmcb_q(env, VMCB_LOGICAL_TABLE);
    v->physical_table = vmcb_q(env, VMCB_PHYSICAL_TABLE);
    p->vmcb_pa = env->vm_vmcb;
    p->vmcb_cached = true;
}

bool postern_avic_vmrun(CPUX86State *env)
{
    PosternAvic *p = postern_avic_of(env);

    postern_meter_mode(env);
    if (!p) {
        return true;
    }
    load(p, env);
    if (pn_avic_vmrun(&p->av, &p->vmcb)) {
        p->vmcb_cached = false;
        return false;
    }
    if (p->av.active) {
        postern_avic_evaluate(env);
    }
    return true;
}

/*
 * The guest's data breakpoints end with it. One that an access hit, and that is
 * not reported yet because the access itself left the guest, must not be looked
 * for among the host's.
 */
static void forget_watchpoint(CPUState *cs)
{
    if (cs->watchpoint_hit && (cs->watchpoint_hit->flags & BP_CPU)) {
        cs->watchpoint_hit = NULL;
        cpu_reset_interrupt(cs, CPU_INTERRUPT_DEBUG);
    }
}

void postern_avic_vmexit(CPUX86State *env)
{
    PosternAvic *p = postern_avic_of(env);

    postern_meter_left(env);
    if (!p || !p->av.in_guest) {
        return;
    }
    forget_watchpoint(env_cpu(env));
    p->fault = p->trap = false;
    if (p->av.active) {
        env->int_ctl = (env->int_ctl & ~V_TPR_MASK) | p->av.v_tpr;
    }
    pn_avic_vmexit(&p->av);
}

bool postern_avic_active(CPUX86State *env)
{
    PosternAvic *p = postern_avic_of(env);

    return p && p->av.active && p->av.in_guest && (env->hflags & HF_GUEST_MASK);
}
