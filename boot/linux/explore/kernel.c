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

void pk_vm_init(void *vm)
{
	struct kvm *kvm = &((struct kvm_vmx *)vm)->kvm;

	kvm->arch.irqchip_mode = KVM_IRQCHIP_KERNEL;
	kvm->arch.nr_possible_bypass_irqs = 1;
}

static struct kvm_vcpu *vcpu_of(void *p)
{
	return &((struct vcpu_vmx *)p)->vcpu;
}

void pk_vcpu_init(void *p, void *vm, int id, int cpu)
{
	struct kvm_vcpu *vcpu = vcpu_of(p);
	struct pi_desc *pid = &to_vt(vcpu)->pi_desc;

	vcpu->kvm = &((struct kvm_vmx *)vm)->kvm;
	vcpu->vcpu_id = id;
	vcpu->cpu = cpu;
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
}

/* ---- the scheduler, as far as Linux's functions see it ---- */

void pk_sched_in(void *p, int cpu)
{
	struct kvm_vcpu *vcpu = vcpu_of(p);

	WRITE_ONCE(vcpu->preempted, false);
	vmx_vcpu_pi_load(vcpu, cpu);
	vcpu->cpu = cpu;
}

void pk_sched_out(void *p, int preempted)
{
	struct kvm_vcpu *vcpu = vcpu_of(p);

	if (preempted)
		WRITE_ONCE(vcpu->preempted, true);
	vmx_vcpu_pi_put(vcpu);
}

void pk_blocking(void *p, int on)
{
	WRITE_ONCE(vcpu_of(p)->wait.task, on ? (struct task_struct *)p : NULL);
}

void pk_wakeup_handler(void)
{
	pi_wakeup_handler();
}

void pk_start_bypass(void *vm)
{
	vmx_pi_start_bypass(&((struct kvm_vmx *)vm)->kvm);
}

/* One of our changes adds it. */
void __weak pi_cpu_offline(int cpu);

void pk_cpu_offline(int cpu)
{
	if (pi_cpu_offline)
		pi_cpu_offline(cpu);
}

int pk_posted_wakeup_vector(void)
{
	return POSTED_INTR_WAKEUP_VECTOR;
}

/* ---- what they call ---- */

bool vmx_interrupt_blocked(struct kvm_vcpu *vcpu)
{
	return false;
}

bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu)
{
	return pu_wake(vcpu->vcpu_id);
}

bool kvm_make_all_cpus_request(struct kvm *kvm, unsigned int req)
{
	pu_request(req == KVM_REQ_UNBLOCK);
	return true;
}
