// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kernel_amd.c lacks for a tree whose AVIC is woken by GAPPI: the wakeup vector's handler, the
 * callback for CPUs that go offline, irq_work. Of Linux only the order is restated.
 */
#include <linux/amd-iommu.h>
#include <linux/cpuhotplug.h>
#include <linux/irq_work.h>
#include <linux/kvm_host.h>

#include "lapic.h"
#include "svm.h"
#include "amd_iommu.h"

#include "kernel_amd.h"

/* Of Linux, static there (build makes them global). */
int parse_amd_iommu_options(char *str);
extern char avic_wakeup_lists[];

struct cpumask __cpu_possible_mask = {{3}};
unsigned int nr_cpu_ids = PK_CPUS;
static int (**dead)(unsigned int cpu);

void pk_command_line(int gappi, int prefix)
{
	dead = pu_alloc(sizeof(*dead), 64);
	if (gappi)
		parse_amd_iommu_options(prefix ? "gappi2" : "gappi");
}

int pk_gappi_is_on(void)
{
	return amd_iommu_gappi;
}

static struct vcpu_svm *svm_of(void *p)
{
	return p;
}

void pk_irq_work(void *p)
{
	struct irq_work *work = &svm_of(p)->wakeup_work;

	work->func(work);
}

void pk_cpu_dead(int cpu)
{
	if (*dead)
		(*dead)(cpu);
}

void pk_unload(void)
{
	avic_hardware_unsetup();
	for (int c = 0; c < PK_CPUS; c++)
		pu_gone(avic_wakeup_lists + __per_cpu_offset[c], sizeof(struct list_head) + 8,
			"the wakeup list of a module that is gone");
}

unsigned pk_parked(void *p, int word)
{
	return svm_of(p)->irr_is_parked ? svm_of(p)->parked_irr[word] : 0;
}

int pk_on_list(void *p)
{
	struct list_head *node = &svm_of(p)->wakeup_node;

	return node->next && node->next != node && node->next != LIST_POISON1;
}

/* ---- what Linux's functions call ---- */

void kvm_set_posted_intr_wakeup_handler(void (*fn)(void))
{
	pu_wakeup_handler(fn);
	if (!fn) {
		pu_may_sleep("synchronize_rcu()", _RET_IP_);
		pu_synchronize_rcu();
	}
}

int __cpuhp_setup_state(enum cpuhp_state state, const char *name, bool invoke,
			int (*startup)(unsigned int cpu), int (*teardown)(unsigned int cpu),
			bool multi)
{
	*dead = teardown;
	return CPUHP_BP_PREPARE_DYN;
}

void __cpuhp_remove_state(enum cpuhp_state state, bool invoke)
{
	*dead = NULL;
}

bool irq_work_queue(struct irq_work *work)
{
	pu_work(container_of(work, struct vcpu_svm, wakeup_work)->vcpu.vcpu_id);
	return true;
}

void irq_work_sync(struct irq_work *work)
{
	pu_may_sleep("irq_work_sync()", _RET_IP_);
	pu_work_sync(container_of(work, struct vcpu_svm, wakeup_work)->vcpu.vcpu_id);
}

bool svm_interrupt_blocked(struct kvm_vcpu *vcpu)
{
	return false;
}

int kvm_lapic_find_highest_irr(struct kvm_vcpu *vcpu)
{
	return pu_highest_irr(vcpu->vcpu_id);
}

int kvm_apic_has_interrupt(struct kvm_vcpu *vcpu)
{
	return pu_deliverable(vcpu->vcpu_id);
}
