/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AVIC of a processor: its life, its state in a snapshot, and the world
 * switches of a guest with AVIC.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "tcg/system/avic-priv.h"
#include "svm.h"

#define VMCB_APIC_BAR       0x098
#define VMCB_CLEAN          0x0C0
#define VMCB_BACKING_PAGE   0x0E0
#define VMCB_LOGICAL_TABLE  0x0F0
#define VMCB_PHYSICAL_TABLE 0x0F8

#define CLEAN_AVIC (1u << 11)

/*
 * In the processor's own thread, to which its model belongs. If the page is
 * gone, its memory stays until the guest has left it: the next change asks
 * again.
 */
static void ask_again(CPUState *cs, run_on_cpu_data data)
{
    X86Avic *p = X86_CPU(cs)->avic;

    if (!pn_avic_memory_changed(&p->av)) {
        memory_holder_asked(&p->holder);
    }
}

static void memory_changed(MemoryHolder *holder)
{
    async_run_on_cpu(CPU(container_of(holder, X86Avic, holder)->cpu), ask_again,
                     RUN_ON_CPU_NULL);
}

/* No processor has one of these bits without the bit that it extends. */
bool x86_avic_allowed(X86CPU *cpu, Error **errp)
{
    const CPUX86State *env = &cpu->env;
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

/* As at power on. */
static void start(X86Avic *p)
{
    struct pn_avic_features feat;

    features_of(p->cpu, &feat);
    pn_avic_init(&p->av, &p->bus, &p->agent, &feat, p->cpu->apic_id);
}

void x86_avic_reset(X86CPU *cpu)
{
    X86Avic *p = cpu->avic;

    if (!p) {
        return;
    }
    pn_avic_vmexit(&p->av);
    start(p);
    p->fault = p->trap = p->vmcb_cached = false;
    qatomic_set(&cpu->avic_rang, false);
}

static void bus_ring(void *ctx, uint32_t apicid)
{
    X86CPU *cpu = ctx;

    x86_avic_ring(&cpu->env, apicid);
}

void x86_avic_realize(X86CPU *cpu)
{
    X86Avic *p;

    if (!(cpu->env.features[FEAT_SVM] & CPUID_SVM_AVIC)) {
        return;
    }
    p = g_new0(X86Avic, 1);
    p->cpu = cpu;
    p->bus = (struct pn_bus){
        .ctx = cpu,
        .map = memory_holder_map,
        .wrote = memory_holder_wrote,
        .doorbell = bus_ring,
    };
    pn_agent_init(&p->agent, cpu->apic_id, p->steps);
    start(p);
    memory_hold(&p->holder, memory_changed);
    cpu->avic_agent = &p->agent;
    cpu->avic = p;
    x86_avic_page_init();
}

/* Under the BQL, when its thread has ended: who rings has the BQL too. */
void x86_avic_unrealize(X86CPU *cpu)
{
    X86Avic *p = cpu->avic;

    if (!p) {
        return;
    }
    cpu->avic = NULL;
    cpu->avic_agent = NULL;
    memory_let_go(&p->holder);
    g_free(p);
}

/*
 * A snapshot is taken between two instructions. The cached VMCB is read again
 * after it, except APIC_BAR, which the guest's accesses are compared with.
 */
static int pre_save(void *opaque)
{
    X86Avic *p = opaque;

    pn_avic_save(&p->av, &p->saved);
    return 0;
}

static int post_load(void *opaque, int version_id)
{
    X86Avic *p = opaque;
    int err = pn_avic_load(&p->av, &p->saved);

    if (err) {
        error_report("AVIC of the processor with APIC ID %u: %s",
                     p->cpu->apic_id, err == -EFAULT ?
                     "no memory at its vAPIC page" : "impossible state");
        return err;
    }
    p->fault = p->vmcb_cached = false;
    return 0;
}

static const VMStateDescription vmstate_core = {
    .name = "cpu/avic/core",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = pre_save,
    .post_load = post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(saved.in_guest, X86Avic),
        VMSTATE_BOOL(saved.active, X86Avic),
        VMSTATE_BOOL(saved.x2, X86Avic),
        VMSTATE_BOOL(saved.doorbell, X86Avic),
        VMSTATE_UINT8(saved.v_tpr, X86Avic),
        VMSTATE_UINT32(saved.max_index, X86Avic),
        VMSTATE_UINT64(saved.page_pa, X86Avic),
        VMSTATE_UINT64(saved.logical_table, X86Avic),
        VMSTATE_UINT64(saved.physical_table, X86Avic),
        VMSTATE_UINT64(vmcb.apic_bar, X86Avic),
        VMSTATE_BOOL(trap, X86Avic),
        VMSTATE_UINT64(exit.code, X86Avic),
        VMSTATE_UINT64(exit.info1, X86Avic),
        VMSTATE_UINT64(exit.info2, X86Avic),
        VMSTATE_END_OF_LIST()
    }
};

static bool needed(void *opaque)
{
    X86CPU *cpu = opaque;

    return cpu->avic;
}

static int pre_load(void *opaque)
{
    if (!needed(opaque)) {
        error_report("the processor of the snapshot has AVIC, this one has not");
        return -EINVAL;
    }
    return 0;
}

const VMStateDescription vmstate_x86_avic = {
    .name = "cpu/avic",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = needed,
    .pre_load = pre_load,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(avic_rang, X86CPU),
        VMSTATE_STRUCT_POINTER(avic, X86CPU, vmstate_core, X86Avic),
        VMSTATE_END_OF_LIST()
    }
};

static uint64_t vmcb_q(CPUX86State *env, unsigned off)
{
    return x86_ldq_phys(env_cpu(env), env->vm_vmcb + off);
}

/*
 * VMCB clean bit 11 covers APIC_BAR and the three pointers (15.15.3); the core
 * has one VMCB cached, and only if CPUID says that it caches any.
 */
static bool clean(X86Avic *p, CPUX86State *env)
{
    return (env->features[FEAT_SVM] & CPUID_SVM_VMCBCLEAN) && p->vmcb_cached &&
           p->vmcb_pa == env->vm_vmcb && (vmcb_q(env, VMCB_CLEAN) & CLEAN_AVIC);
}

static void load(X86Avic *p, CPUX86State *env)
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

bool x86_avic_vmrun(CPUX86State *env)
{
    X86Avic *p = x86_avic_of(env);

    if (!p) {
        return true;
    }
    load(p, env);
    if (pn_avic_vmrun(&p->av, &p->vmcb)) {
        p->vmcb_cached = false;
        return false;
    }
    if (p->av.active) {
        x86_avic_evaluate(env);
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

void x86_avic_vmexit(CPUX86State *env)
{
    X86Avic *p = x86_avic_of(env);

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

bool x86_avic_active(CPUX86State *env)
{
    X86Avic *p = x86_avic_of(env);

    return p && p->av.active && p->av.in_guest && (env->hflags & HF_GUEST_MASK);
}
