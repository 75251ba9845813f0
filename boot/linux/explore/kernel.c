// SPDX-License-Identifier: GPL-2.0-only
/*
 * The half of the harness that is compiled in Linux's tree, with its headers: it builds the
 * structures of Linux, calls its functions, and is what these call. Nothing here is a transition
 * of the explorer.
 */
#include <linux/kvm_host.h>
#include <linux/kvm_irqfd.h>

#include "lapic.h"
#include "irq.h"
#include "posted_intr.h"
#include "vmx.h"
#include "tdx.h"

#include "kernel.h"

/* ---- data of other files of Linux ---- */

bool enable_apicv = true, enable_ipiv, enable_device_posted_irqs = true;
int x2apic_mode = 1;
DEFINE_STATIC_KEY_FALSE(kvm_has_noapic_vcpu);
unsigned long page_offset_base, phys_base;
unsigned long __per_cpu_offset[NR_CPUS];
unsigned int nr_cpu_ids = PK_CPUS;
DEFINE_PER_CPU(int, cpu_number);
DEFINE_PER_CPU(u32, x86_cpu_to_apicid);
DEFINE_PER_CPU(unsigned long, this_cpu_off);

/* ---- building ---- */

unsigned long pk_vm_size(void)
{
	return sizeof(struct kvm_vmx);
}

unsigned long pk_vcpu_size(void)
{
	return sizeof(struct vcpu_vmx);
}

void pk_ipi_virtualization(void)
{
	enable_ipiv = true;
}

void pk_vm_init(void *vm)
{
	struct kvm *kvm = &((struct kvm_vmx *)vm)->kvm;

	kvm->arch.irqchip_mode = KVM_IRQCHIP_KERNEL;
	kvm->override_halt_poll_ns = true; /* to 0: no vCPU polls */
}

static struct kvm_vcpu *vcpu_of(void *p)
{
	return &((struct vcpu_vmx *)p)->vcpu;
}

/* As after a reset, switched on by software. */
static void pk_apic_init(struct kvm_vcpu *vcpu, bool apicv)
{
	struct kvm_lapic *apic = pu_alloc(sizeof(*apic), 64);

	vcpu->arch.apic = apic;
	vcpu->arch.apic_base = APIC_DEFAULT_PHYS_BASE | LAPIC_MODE_X2APIC;
	apic->vcpu = vcpu;
	apic->regs = pu_alloc(PAGE_SIZE, PAGE_SIZE);
	apic->apicv_active = apicv;
	apic->sw_enabled = apic->irr_pending = true;
	apic->isr_count = apicv;
	apic->highest_isr_cache = -1;
	for (int i = APIC_LVTT; i <= APIC_LVTERR; i += 0x10)
		apic_set_reg(apic->regs, i, APIC_LVT_MASKED);
}

void pk_vcpu_init(void *p, void *vm, int id, int cpu, int apicv)
{
	struct kvm_vcpu *vcpu = vcpu_of(p);
	struct pi_desc *pid = &to_vt(vcpu)->pi_desc;

	vcpu->kvm = &((struct kvm_vmx *)vm)->kvm;
	vcpu->vcpu_id = vcpu->vcpu_idx = id;
	vcpu->cpu = cpu;
	vcpu->wants_to_run = true;
	vcpu->arch.pending_external_vector = -1;
	INIT_LIST_HEAD(&vcpu->async_pf.done);
	pk_apic_init(vcpu, apicv);
	pk_vcpu_add(vcpu, id);
	atomic_set(&vcpu->kvm->online_vcpus, id + 1);
	INIT_LIST_HEAD(&to_vt(vcpu)->pi_wakeup_list);
	pid->nv = POSTED_INTR_VECTOR;
	pid->ndst = cpu;
	__pi_set_sn(pid);
}

void pk_cpu_init(int cpu)
{
	pi_init_cpu(cpu);
	per_cpu(cpu_number, cpu) = cpu;
	per_cpu(x86_cpu_to_apicid, cpu) = cpu;
	per_cpu(this_cpu_off, cpu) = __per_cpu_offset[cpu];
}

int pk_vcpu_id(const void *vcpu)
{
	return ((const struct kvm_vcpu *)vcpu)->vcpu_id;
}

unsigned long pk_pa(const void *p)
{
	return __pa(p);
}

void *pk_pid(void *vcpu)
{
	return &to_vt(vcpu_of(vcpu))->pi_desc;
}

unsigned *pk_apic(void *p)
{
	return vcpu_of(p)->arch.apic->regs;
}

unsigned long *pk_bypass(void *vm)
{
	return &((struct kvm_vmx *)vm)->kvm.arch.nr_possible_bypass_irqs;
}

void pk_name_vcpu(void *p, int id)
{
	struct kvm_vcpu *vcpu = vcpu_of(p);
	struct vcpu_vt *vt = to_vt(vcpu);

	pu_name(vt->pi_desc.pir, sizeof(vt->pi_desc.pir), "PIR of vCPU", id);
	pu_name(&vt->pi_desc.control, 8, "PID control of vCPU", id);
	pu_name(&vt->pi_desc, sizeof(vt->pi_desc), "PID of vCPU", id);
	pu_name(&vt->pi_wakeup_list, sizeof(vt->pi_wakeup_list), "pi_wakeup_list of vCPU", id);
	pu_name(&vcpu->cpu, sizeof(vcpu->cpu), "cpu of vCPU", id);
	pu_name(&vcpu->preempted, sizeof(vcpu->preempted), "preempted of vCPU", id);
	pu_name(&vcpu->wait, sizeof(vcpu->wait), "wait of vCPU", id);
	pu_name(&vcpu->requests, sizeof(vcpu->requests), "requests of vCPU", id);
	pu_name(&vcpu->mode, sizeof(vcpu->mode), "mode of vCPU", id);
	pu_name(vcpu->arch.apic->regs + APIC_IRR, 0x80, "IRR of vCPU", id);
	pu_unread(&vcpu->stat, sizeof(vcpu->stat));
	pu_unread(&vcpu->ready, sizeof(vcpu->ready));
}

/* ---- the scheduler's notifiers, and what KVM's threads do ---- */

/* Of Linux, static there (build makes them global). */
void kvm_sched_in(struct preempt_notifier *pn, int cpu);
void kvm_sched_out(struct preempt_notifier *pn, struct task_struct *next);

unsigned long pk_task_size(void)
{
	return sizeof(struct task_struct);
}

void pk_task_init(void *task)
{
	((struct task_struct *)task)->on_rq = 1;
}

unsigned *pk_task_state(void *task)
{
	return &((struct task_struct *)task)->__state;
}

void pk_sched_in(void *p, int cpu)
{
	kvm_sched_in(&vcpu_of(p)->preempt_notifier, cpu);
}

void pk_sched_out(void *p, void *task, int preempted)
{
	((struct task_struct *)task)->on_rq = preempted;
	kvm_sched_out(&vcpu_of(p)->preempt_notifier, NULL);
	((struct task_struct *)task)->on_rq = 1;
}

unsigned *pk_mode(void *p)
{
	static_assert(sizeof(vcpu_of(p)->mode) == sizeof(unsigned));
	return (unsigned *)&vcpu_of(p)->mode;
}

int pk_in_guest_mode(void)
{
	return IN_GUEST_MODE;
}

void pk_sync(void *p)
{
	vmx_sync_pir_to_irr(vcpu_of(p));
}

unsigned long *pk_requests(void *p)
{
	return (unsigned long *)&vcpu_of(p)->requests;
}

int pk_has_apicv(void *p)
{
	return kvm_vcpu_apicv_active(vcpu_of(p));
}

int pk_inject(void *p, int vector)
{
	struct kvm_vcpu *vcpu = vcpu_of(p);
	bool asked = kvm_check_request(KVM_REQ_EVENT, vcpu);

	if (vector >= 0 || !asked || !kvm_cpu_has_injectable_intr(vcpu))
		return vector;
	return kvm_cpu_get_interrupt(vcpu);
}

void pk_eoi(void *p)
{
	kvm_lapic_set_eoi(vcpu_of(p));
}

void pk_unblocked(void *p)
{
	kvm_clear_request(KVM_REQ_UNBLOCK, vcpu_of(p));
}

void pk_deliver(void *p, int vector)
{
	vmx_deliver_interrupt(vcpu_of(p)->arch.apic, APIC_DM_FIXED, 0, vector);
}

/* HLT, and vcpu_block(): not 0, the guest may go on. */
void pk_halt(void *p)
{
	vcpu_of(p)->arch.mp_state = KVM_MP_STATE_HALTED;
}

int pk_block(void *p)
{
	struct kvm_vcpu *vcpu = vcpu_of(p);

	if (!kvm_arch_vcpu_runnable(vcpu))
		kvm_vcpu_halt(vcpu);
	kvm_clear_request(KVM_REQ_UNBLOCK, vcpu);
	if (!kvm_arch_vcpu_runnable(vcpu))
		return 0;
	vcpu->arch.mp_state = KVM_MP_STATE_RUNNABLE;
	return 1;
}

void pk_wakeup_handler(void)
{
	pi_wakeup_handler();
}

/* One of our changes adds it. */
void __weak pi_cpu_offline(int cpu);

void pk_cpu_offline(int cpu)
{
	if (pi_cpu_offline)
		pi_cpu_offline(cpu);
}

int pk_posted_vector(void)
{
	return POSTED_INTR_VECTOR;
}

int pk_posted_wakeup_vector(void)
{
	return POSTED_INTR_WAKEUP_VECTOR;
}
