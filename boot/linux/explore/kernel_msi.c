// SPDX-License-Identifier: GPL-2.0-only
/*
 * The half of the harness for posted MSIs that is compiled in Linux's tree, with its headers: as
 * kernel.c. The unit, its queue and the interrupts are set up by Linux's own functions as far as
 * those are explored.
 */
#include <linux/cpu.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/kernel_stat.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <asm/apic.h>
#include <asm/desc.h>
#include <asm/hw_irq.h>
#include <asm/i8259.h>
#include <asm/irq_remapping.h>
#include <asm/irq_regs.h>
#include <asm/posted_intr.h>

#include "iommu.h"

#include "kernel_msi.h"

/* ---- data of other files of Linux ---- */

DEFINE_PER_CPU(int, cpu_number);
DEFINE_PER_CPU(u32, x86_cpu_to_apicid);
DEFINE_PER_CPU(unsigned long, this_cpu_off);
DEFINE_PER_CPU(struct pt_regs *, __irq_regs);
DEFINE_PER_CPU(vector_irq_t, vector_irq) = {[0 ... NR_VECTORS - 1] = VECTOR_UNUSED};
static DEFINE_PER_CPU(struct irqstat, irq_counts);

unsigned long page_offset_base, phys_base;
unsigned long __per_cpu_offset[NR_CPUS];
unsigned int nr_cpu_ids = PK_CPUS;
struct cpumask __cpu_online_mask = {{(1ul << PK_CPUS) - 1}};
const unsigned long cpu_bit_bitmap[BITS_PER_LONG + 1][BITS_TO_LONGS(NR_CPUS)] = {
	[1] = {1},
	[2] = {2},
	[3] = {4},
	[4] = {8},
};
struct cpuinfo_x86 boot_cpu_data;
unsigned long volatile jiffies;
bool enable_posted_msi = true, apic_is_disabled;
static struct legacy_pic no_pic;
struct legacy_pic *legacy_pic = &no_pic;
bool noirqdebug;
kmem_buckets kmalloc_caches[NR_KMALLOC_TYPES];

static u32 apicid_of(unsigned int cpu)
{
	return cpu;
}

static struct apic physical = {.dest_mode_logical = false, .calc_dest_apicid = apicid_of};
struct apic *apic = &physical;

/* Of Linux, static there (build makes them global). */
extern const struct irq_domain_ops x86_vector_domain_ops, intel_ir_domain_ops;
void __common_interrupt(struct pt_regs *regs, u32 vector);
void fred_sysvec_posted_msi_notification(struct pt_regs *regs);

/* ---- building ---- */

static struct {
	struct irq_desc *desc; /* with the data of the device's domain */
	struct irq_data *ir, *vector;
	struct irqaction action;
} irqs[PK_IRQS];

void pk_cpu(int cpu)
{
	per_cpu(cpu_number, cpu) = cpu;
	pk_cpu_number(cpu);
	per_cpu(x86_cpu_to_apicid, cpu) = cpu;
	per_cpu(this_cpu_off, cpu) = __per_cpu_offset[cpu];
	intel_posted_msi_init();
	pu_name(per_cpu(posted_msi_pi_desc, cpu).pir, 32, "PIR of CPU", cpu);
	pu_name(&per_cpu(posted_msi_pi_desc, cpu).control, 8, "PID control of CPU", cpu);
	pu_name(&per_cpu(posted_msi_pi_desc, cpu), sizeof(struct pi_desc), "PID of CPU", cpu);
	pu_name(per_cpu(vector_irq, cpu), sizeof(vector_irq_t), "vector_irq of CPU", cpu);
}

void *pk_msi_pid(int cpu)
{
	return &per_cpu(posted_msi_pi_desc, cpu);
}

void pk_high(const void *p)
{
	page_offset_base = ((unsigned long)p & PAGE_MASK) - SZ_4G;
}

unsigned long pk_pa(const void *p)
{
	return __pa(p);
}

static void mask(struct irq_data *d)
{
	pu_mask(d->irq, 1);
}

static void unmask(struct irq_data *d)
{
	pu_mask(d->irq, 0);
}

/* msi_domain_set_affinity(): the message does not change with the entry. */
static int set_affinity(struct irq_data *d, const struct cpumask *to, bool force)
{
	return irq_chip_set_affinity_parent(d, to, force);
}

static struct irq_chip msi_chip = {
	.name = "PCI-MSIX",
	.irq_ack = irq_chip_ack_parent,
	.irq_mask = mask,
	.irq_unmask = unmask,
	.irq_retrigger = irq_chip_retrigger_hierarchy,
	.irq_set_affinity = set_affinity,
};

static irqreturn_t handler(int irq, void *dev)
{
	pu_handler(irq);
	return IRQ_HANDLED;
}

static struct irq_data *data_of(struct irq_desc *desc, int irq)
{
	struct irq_data *d = pu_alloc(sizeof(*d), 64);

	d->irq = irq;
	d->common = &desc->irq_common_data;
	return d;
}

void pk_irq(int irq)
{
	struct irq_alloc_info info = {.type = X86_IRQ_ALLOC_TYPE_PCI_MSIX};
	struct irq_desc *desc = pu_alloc(sizeof(*desc), 64);

	irqs[irq].desc = desc;
	irqs[irq].action.handler = handler;
	desc->action = &irqs[irq].action;
	desc->handle_irq = handle_edge_irq;
	desc->kstat_irqs = &irq_counts;
	desc->irq_data.irq = irq;
	desc->irq_data.common = &desc->irq_common_data;
	desc->irq_data.chip = &msi_chip;
	desc->irq_common_data.state_use_accessors = IRQD_IRQ_STARTED | IRQD_ACTIVATED;
	cpumask_set_cpu(0, desc->irq_common_data.affinity);
	irqs[irq].ir = desc->irq_data.parent_data = data_of(desc, irq);
	irqs[irq].vector = irqs[irq].ir->parent_data = data_of(desc, irq);
	if (intel_ir_domain_ops.alloc(pk_iommu->ir_domain, irq, 1, &info))
		pu_stub("intel_irq_remapping_alloc(), which fails");
	if (x86_vector_domain_ops.activate(NULL, irqs[irq].vector, false) ||
	    intel_ir_domain_ops.activate(pk_iommu->ir_domain, irqs[irq].ir, false))
		pu_stub("activate(), which fails");
	pu_statistics(&desc->tot_count, sizeof(desc->tot_count));
	pu_name(&desc->lock, 4, "desc->lock of IRQ", irq);
	pu_name(&desc->irq_common_data, sizeof(desc->irq_common_data), "irq_common_data of IRQ",
		irq);
	pu_name(desc, sizeof(*desc), "irq_desc of IRQ", irq);
	pu_name(irqs[irq].vector->chip_data, 64, "apic_chip_data of IRQ", irq);
	pu_name(irqs[irq].ir->chip_data, 32, "intel_ir_data of IRQ", irq);
}

void pk_message(int irq, unsigned long *addr, unsigned *data)
{
	struct msi_msg msg;

	irqs[irq].ir->chip->irq_compose_msi_msg(irqs[irq].ir, &msg);
	*addr = (unsigned long)msg.address_hi << 32 | msg.address_lo;
	*data = msg.data;
}

/* ---- what the processor and the rest of Linux call them for ---- */

/* As from user mode: without a change of stacks. */
void pk_interrupt(int vector)
{
	struct pt_regs regs = {.cs = 3};

	if (vector == POSTED_MSI_NOTIFICATION_VECTOR)
		fred_sysvec_posted_msi_notification(&regs);
	else
		__common_interrupt(&regs, vector);
}

void pk_set_affinity(int irq, int cpu)
{
	irq_set_affinity(irq, cpumask_of(cpu));
}

void set_cpu_online(unsigned int cpu, bool online)
{
	pu_set_bit(__cpu_online_mask.bits, cpu, online);
}

/* cpu_disable_common() */
void pk_cpu_down(void)
{
	lock_vector_lock();
	set_cpu_online(smp_processor_id(), false);
	unlock_vector_lock();
	fixup_irqs();
	lapic_offline();
}

/* cpu_init(), before the local APIC is enabled */
void pk_cpu_up_early(void)
{
	intel_posted_msi_init();
}

/* ap_starting() */
void pk_cpu_up(void)
{
	lock_vector_lock();
	set_cpu_online(smp_processor_id(), true);
	lapic_online();
	unlock_vector_lock();
}

void pk_expired(void *p)
{
	struct timer_list *timer = p;

	timer->function(timer);
}

/* ---- what they call ---- */

struct irq_desc *irq_to_desc(unsigned int irq)
{
	return irq < PK_IRQS ? irqs[irq].desc : NULL;
}

unsigned int irq_get_nr_irqs(void)
{
	return PK_IRQS;
}

unsigned int irq_get_next_irq(unsigned int irq)
{
	while (irq < PK_IRQS && !irqs[irq].desc)
		irq++;
	return irq;
}

struct irq_data *irq_domain_get_irq_data(struct irq_domain *domain, unsigned int irq)
{
	return domain == pk_iommu->ir_domain ? irqs[irq].ir : irqs[irq].vector;
}

int irq_domain_alloc_irqs_parent(struct irq_domain *domain, unsigned int irq, unsigned int n,
				 void *info)
{
	return x86_vector_domain_ops.alloc(NULL, irq, n, info);
}

/* The allocator of vectors: the first that is free, of words 0 and 3 of the PIR in turn. */
static const u8 vectors[PK_CPUS][4] = {{0x24, 0xd4, 0x25, 0xd5}, {0xd8, 0x28, 0xd9, 0x29}};
static u32 used[PK_CPUS];

int irq_matrix_alloc(struct irq_matrix *m, const struct cpumask *mask, bool reserved,
		     unsigned int *cpu)
{
	unsigned long cpus = pu_read(mask->bits);
	unsigned int c, i;

	if (!cpus)
		return -ENOSPC;
	c = __ffs(cpus);
	for (i = 0; used[c] >> i & 1; i++)
		;
	if (i == ARRAY_SIZE(vectors[0]))
		return -ENOSPC;
	used[c] |= 1u << i;
	*cpu = c;
	return vectors[c][i];
}

void irq_matrix_free(struct irq_matrix *m, unsigned int cpu, unsigned int vector, bool managed)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(vectors[0]); i++)
		if (vectors[cpu][i] == vector)
			used[cpu] &= ~(1u << i);
}

int pk_vectors(void)
{
	int n = 0;

	for (int c = 0; c < PK_CPUS; c++)
		n += __const_hweight32(used[c]);
	return n;
}

void irq_matrix_online(struct irq_matrix *m)
{
}

void irq_matrix_offline(struct irq_matrix *m)
{
}

void irq_matrix_reserve(struct irq_matrix *m)
{
}

void irq_matrix_remove_reserved(struct irq_matrix *m)
{
}

void add_timer_on(struct timer_list *timer, int cpu)
{
	pu_timer_start(timer, (unsigned long *)&timer->entry.pprev, cpu);
}

int mod_timer(struct timer_list *timer, unsigned long expires)
{
	pu_timer_start(timer, (unsigned long *)&timer->entry.pprev, smp_processor_id());
	return 0;
}

int timer_delete_sync_try(struct timer_list *timer)
{
	return pu_timer_stop((unsigned long *)&timer->entry.pprev);
}

void irq_enter_rcu(void)
{
}

void irq_exit_rcu(void)
{
}

void irq_enter(void)
{
}

void irq_exit(void)
{
}

void add_interrupt_randomness(int irq)
{
}

void note_interrupt(struct irq_desc *desc, irqreturn_t action_ret)
{
}

void *__kmalloc_cache_noprof(struct kmem_cache *s, gfp_t flags, size_t size)
{
	return pu_alloc(size, 64);
}

void *__kmalloc_cache_node_noprof(struct kmem_cache *s, gfp_t flags, int node, size_t size)
{
	return pu_alloc(size, 64);
}
