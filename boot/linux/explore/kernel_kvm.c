// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of Intel's harness, compiled in Linux's tree: what KVM's own files, the scheduler's users among
 * them, call from files of Linux that are not built, and KVM's calls of the vendor's functions.
 */
#include <linux/kvm_host.h>
#include <linux/kvm_irqfd.h>

#include "lapic.h"
#include "irq.h"
#include "posted_intr.h"
#include "vmx.h"
#include "x86_ops.h"

#include "kernel.h"

/* ---- data of other files of Linux ---- */

struct kvm_x86_ops kvm_x86_ops = {.sync_pir_to_irr = vmx_sync_pir_to_irr};

/* ---- KVM's calls of VMX: as vt_x86_ops says ---- */

int __SCT__kvm_x86_sync_pir_to_irr(struct kvm_vcpu *vcpu)
{
	return vmx_sync_pir_to_irr(vcpu);
}

int __SCT__kvm_x86_interrupt_allowed(struct kvm_vcpu *vcpu, bool for_injection)
{
	return vmx_interrupt_allowed(vcpu, for_injection);
}

void __SCT__kvm_x86_pi_start_bypass(struct kvm *kvm)
{
	vmx_pi_start_bypass(kvm);
}

int __SCT__kvm_x86_pi_update_irte(struct kvm_kernel_irqfd *irqfd, struct kvm *kvm,
				  unsigned int host_irq, u32 guest_irq, struct kvm_vcpu *vcpu,
				  u32 vector)
{
	return vmx_pi_update_irte(irqfd, kvm, host_irq, guest_irq, vcpu, vector);
}

/* VMX has no function for these. */
void __SCT__kvm_x86_vcpu_blocking(struct kvm_vcpu *vcpu)
{
}

void __SCT__kvm_x86_vcpu_unblocking(struct kvm_vcpu *vcpu)
{
}

/* ---- the scheduler ---- */

void kvm_arch_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
	vmx_vcpu_pi_load(vcpu, cpu);
	if (vcpu->cpu != cpu)
		pu_store(&vcpu->cpu, cpu);
}

void kvm_arch_vcpu_put(struct kvm_vcpu *vcpu)
{
	vmx_vcpu_pi_put(vcpu);
}

void schedule(void)
{
	pu_schedule(_RET_IP_);
}

int wake_up_process(struct task_struct *task)
{
	return pu_wake(task);
}

/* A task may be preempted where it looks at memory that others may replace. */
int __srcu_read_lock(struct srcu_struct *srcu)
{
	pu_preemptible();
	return 0;
}

void __srcu_read_unlock(struct srcu_struct *srcu, int index)
{
	pu_preemptible();
}

/* ---- IPIs ---- */

const unsigned long cpu_bit_bitmap[BITS_PER_LONG + 1][BITS_TO_LONGS(NR_CPUS)] = {
	[1] = {1}, [2] = {2}};
struct cpumask __cpu_online_mask = {{(1 << PK_CPUS) - 1}};

/* Whoever waits for an answer is not modelled. */
void smp_call_function_many(const struct cpumask *mask, smp_call_func_t func, void *info, bool wait)
{
	if (wait)
		pu_stub("smp_call_function_many(), and waits");
	pu_send(mask->bits[0], CALL_FUNCTION_VECTOR);
}

static void send_reschedule(int cpu)
{
	pu_send(1ul << cpu, RESCHEDULE_VECTOR);
}

struct smp_ops smp_ops = {.smp_send_reschedule = send_reschedule};

void __SCT__apic_call_send_IPI_mask(const struct cpumask *mask, int vector)
{
	pu_send(mask->bits[0], vector);
}

/* ---- others ---- */

/* Time does not pass: no vCPU polls. */
ktime_t ktime_get(void)
{
	return 0;
}

static struct kvm_vcpu *vcpu_by_index[PK_VCPUS];

void pk_vcpu_add(void *p, int id)
{
	vcpu_by_index[id] = p;
}

/* That of the VM's vCPUs. */
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
	for (; *index <= max && *index < PK_VCPUS; ++*index)
		if (vcpu_by_index[*index])
			return vcpu_by_index[*index];
	return NULL;
}

void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
	++*index;
	return xa_find(xa, index, max, filter);
}
