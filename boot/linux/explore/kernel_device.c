// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of Intel's harness, compiled in Linux's tree: the interrupts of a device that may be given to the
 * VM. Linux's own functions make their entries, and change them when the device comes and goes.
 */
#include <linux/irq.h>
#include <linux/irqbypass.h>
#include <linux/irqdomain.h>
#include <linux/kvm_host.h>
#include <linux/kvm_irqfd.h>
#include <linux/msi.h>
#include <asm/apic.h>
#include <asm/hw_irq.h>
#include <asm/irq_remapping.h>

#include "iommu.h"

#include "kernel_device.h"
#include "kernel_vtd.h"

/* ---- data of other files of Linux ---- */

static struct apic physical = {.dest_mode_logical = false};
struct apic *apic = &physical;
bool enable_posted_msi;

/* Of Linux, static there (build makes it global). */
extern const struct irq_domain_ops intel_ir_domain_ops;

static struct {
	raw_spinlock_t *lock; /* of its descriptor */
	struct irq_data data;
	struct irq_cfg cfg;
	struct irq_bypass_producer producer;
	struct kvm_kernel_irqfd *irqfd;
} irqs[PK_IRQS];

void pk_irq(int irq, int host_vector, int cpu)
{
	struct irq_alloc_info info = {.type = X86_IRQ_ALLOC_TYPE_PCI_MSIX};

	irqs[irq].lock = pu_alloc(64, 64);
	irqs[irq].data.irq = irq;
	irqs[irq].cfg.vector = host_vector;
	irqs[irq].cfg.dest_apicid = cpu;
	if (intel_ir_domain_ops.alloc(pk_iommu->ir_domain, irq, 1, &info) ||
	    intel_ir_domain_ops.activate(pk_iommu->ir_domain, &irqs[irq].data, false))
		pu_stub("intel_irq_remapping_alloc(), which fails");
	pu_name(irqs[irq].lock, 4, "desc->lock of IRQ", irq);
}

void pk_message(int irq, unsigned long *addr, unsigned *data)
{
	struct msi_msg msg;

	irqs[irq].data.chip->irq_compose_msi_msg(&irqs[irq].data, &msg);
	*addr = (unsigned long)msg.address_hi << 32 | msg.address_lo;
	*data = msg.data;
}

/* An irqfd with the guest's MSI. */
void pk_irqfd(int irq, void *vm, int vcpu, int vector)
{
	struct kvm_kernel_irqfd *irqfd = pu_alloc(sizeof(*irqfd), 64);

	irqs[irq].irqfd = irqfd;
	irqs[irq].producer.irq = irq;
	irqfd->kvm = vm;
	irqfd->gsi = irq;
	irqfd->irq_entry.type = KVM_IRQ_ROUTING_MSI;
	irqfd->irq_entry.msi.address_lo = X86_MSI_BASE_ADDRESS_LOW << 20 | vcpu << 12;
	irqfd->irq_entry.msi.data = vector;
	pu_name(irqfd, sizeof(*irqfd), "irqfd", irq);
}

void pk_attach(int irq)
{
	if (kvm_arch_irq_bypass_add_producer(&irqs[irq].irqfd->consumer, &irqs[irq].producer))
		pu_stub("kvm_arch_irq_bypass_add_producer(), which fails");
}

void pk_detach(int irq)
{
	kvm_arch_irq_bypass_del_producer(&irqs[irq].irqfd->consumer, &irqs[irq].producer);
}

/* ---- what they call ---- */

struct irq_cfg *irqd_cfg(struct irq_data *data)
{
	return &container_of(data, typeof(irqs[0]), data)->cfg;
}

struct irq_data *irq_domain_get_irq_data(struct irq_domain *domain, unsigned int irq)
{
	return &irqs[irq].data;
}

int irq_domain_alloc_irqs_parent(struct irq_domain *domain, unsigned int irq, unsigned int n,
				 void *info)
{
	return 0;
}

int irq_set_vcpu_affinity(unsigned int irq, void *info)
{
	int on = pu_irq_off(_RET_IP_), ret;

	pu_lock(irqs[irq].lock, _RET_IP_);
	ret = irqs[irq].data.chip->irq_set_vcpu_affinity(&irqs[irq].data, info);
	pu_unlock(irqs[irq].lock, _RET_IP_);
	if (on)
		pu_irq_on(_RET_IP_);
	return ret;
}

u32 x86_msi_msg_get_destid(struct msi_msg *msg, bool extid)
{
	return msg->arch_addr_lo.destid_0_7;
}
