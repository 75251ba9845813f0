// SPDX-License-Identifier: GPL-2.0-only
/*
 * The half of AMD's harness that is compiled in Linux's tree, with its headers: as kernel.c. AVIC
 * and the IOMMU are set up by Linux's own functions as far as those are explored.
 */
#include <linux/amd-iommu.h>
#include <linux/hash.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/kvm_host.h>
#include <linux/kvm_irqfd.h>
#include <asm/hw_irq.h>
#include <asm/irq_remapping.h>

#include "lapic.h"
#include "irq.h"
#include "svm.h"
#include "amd_iommu.h"
#include "../irq_remapping.h"

#include "kernel_amd.h"

/* ---- data of other files of Linux ---- */

bool enable_device_posted_irqs = true, enable_apicv = true, enable_ipiv = true, npt_enabled = true;
int irq_remapping_enabled = 1;
unsigned long page_offset_base, phys_base;
DEFINE_PER_CPU(int, cpu_number);
DEFINE_PER_CPU(u32, x86_cpu_to_apicid);
DEFINE_PER_CPU(unsigned long, this_cpu_off);
DEFINE_PER_CPU_CACHE_HOT(typeof(__preempt_count), __preempt_count) = PREEMPT_ENABLED;
DEFINE_PER_CPU_CACHE_HOT(struct task_struct *, current_task);
/* What lies before it, where the offset of CPU -1 would be, is no address. */
asm(".pushsection .data\n"
    "	.balign 8\n"
    "	.quad 0xdead000000000000\n"
    "	.globl __per_cpu_offset\n"
    "__per_cpu_offset: .skip 64\n"
    "	.popsection\n");
static_assert(NR_CPUS <= 8);
struct cpuinfo_x86 boot_cpu_data;
struct kvm_x86_ops svm_x86_ops;
static struct apic physical = {.dest_mode_logical = false};
struct apic *apic = &physical;

/* Of Linux, static there (build makes them global). */
int amd_ir_set_vcpu_affinity(struct irq_data *data, void *info);
void iommu_set_device_table(struct amd_iommu *iommu);
void iommu_enable_command_buffer(struct amd_iommu *iommu);
void enable_iommus_vapic(void);
extern int avic;
extern u32 next_vm_id;

/* ---- building ---- */

#define VM_BITS 8 /* SVM_VM_DATA_HASH_BITS */

static struct kvm_vcpu *vcpu_of[PK_VCPUS]; /* the machine's numbers; of one VM its indices, too */

static struct {
	raw_spinlock_t *lock; /* of its descriptor */
	struct irq_data data;
	struct irq_cfg *cfg;
	struct kvm_kernel_irqfd *irqfd;
	struct irq_bypass_producer producer;
} irqs[PK_IRQS];

void __weak pk_command_line(int gappi, int prefix)
{
}

void pk_setup(int gappi, int prefix, int zen1)
{
	memset(vcpu_of, 0, sizeof(vcpu_of));
	boot_cpu_data.x86 = zen1 ? 0x17 : 0x1a;
	set_cpu_cap(&boot_cpu_data, X86_FEATURE_AVIC);
	if (zen1)
		avic = 1;
	else
		set_cpu_cap(&boot_cpu_data, X86_FEATURE_X2AVIC);
	amd_iommu_guest_ir = AMD_IOMMU_GUEST_IR_VAPIC;
	pk_command_line(gappi, prefix);
}

static int number_of(const struct kvm_vcpu *vcpu)
{
	int i = 0;

	while (vcpu_of[i] != vcpu)
		i++;
	return i;
}

void pk_kvm_setup(void)
{
	if (!avic_hardware_setup())
		pu_stub("avic_hardware_setup(), which refuses AVIC");
}

void pk_cpu_init(int cpu)
{
	per_cpu(cpu_number, cpu) = cpu;
	per_cpu(x86_cpu_to_apicid, cpu) = cpu;
	per_cpu(this_cpu_off, cpu) = __per_cpu_offset[cpu];
}

static struct kvm_svm *svm_of_vm(void *p)
{
	return p;
}

static struct vcpu_svm *svm_of(void *p)
{
	return p;
}

void *pk_vm(void)
{
	struct kvm_svm *vm = pu_alloc(sizeof(*vm), 64);

	vm->kvm.arch.irqchip_mode = KVM_IRQCHIP_KERNEL;
	vm->kvm.arch.max_vcpu_ids = PK_VCPUS;
	while (hash_min(next_vm_id + 1, VM_BITS) != hash_min(1, VM_BITS))
		next_vm_id++;
	avic_vcpu_precreate(&vm->kvm);
	return vm;
}

static void name_vcpu(struct vcpu_svm *svm, int id)
{
	struct kvm_vcpu *vcpu = &svm->vcpu;
	char *regs = vcpu->arch.apic->regs;

	pu_name(regs + APIC_IRR, 0x80, "IRR of vCPU", id);
	pu_name(&svm->avic_physical_id_entry, 8, "avic_physical_id_entry of vCPU", id);
	pu_name(&to_kvm_svm(vcpu->kvm)->avic_physical_id_table[vcpu->vcpu_id], 8,
		"physical ID table entry", id);
	pu_name(&svm->ir_list, sizeof(svm->ir_list), "ir_list of vCPU", id);
	pu_name(&svm->ir_list_lock, 4, "ir_list_lock of vCPU", id);
	pu_name(&vcpu->cpu, sizeof(vcpu->cpu), "cpu of vCPU", id);
	pu_name(&vcpu->mode, sizeof(vcpu->mode), "mode of vCPU", id);
	pu_name(&vcpu->wait.task, 8, "wait.task of vCPU", id);
}

/* What kvm_lapic_reset() writes into the page, and then the guest. */
static void reset_lapic(struct kvm_lapic *apic, int id, int xapic)
{
	*(u32 *)(apic->regs + APIC_ID) = xapic ? id << 24 : id;
	*(u32 *)(apic->regs + APIC_DFR) = APIC_DFR_FLAT;
	*(u32 *)(apic->regs + APIC_LDR) = xapic ? 1 << (24 + id) : 1 << id;
	apic->vcpu->arch.apic_base =
		APIC_DEFAULT_PHYS_BASE | (xapic ? LAPIC_MODE_XAPIC : LAPIC_MODE_X2APIC);
}

void *pk_vcpu(void *p, int id, int xapic)
{
	struct kvm_svm *vm = svm_of_vm(p);
	struct vcpu_svm *svm = pu_alloc(sizeof(*svm), 64);
	struct kvm_vcpu *vcpu = &svm->vcpu;

	vcpu->kvm = &vm->kvm;
	vcpu->vcpu_id = vcpu->vcpu_idx = atomic_read(&vm->kvm.online_vcpus);
	vcpu->cpu = -1;
	vcpu->arch.apic = pu_alloc(sizeof(*vcpu->arch.apic), 64);
	vcpu->arch.apic->vcpu = vcpu;
	vcpu->arch.apic->regs = pu_allocate(PAGE_SIZE, PAGE_SIZE, _RET_IP_);
	vcpu->arch.apic->apicv_active = true;
	reset_lapic(vcpu->arch.apic, id, xapic);
	svm->vmcb01.ptr = svm->vmcb = pu_alloc(PAGE_SIZE, PAGE_SIZE);
	pu_private(svm->vmcb, PAGE_SIZE);
	avic_init_vcpu(svm);
	avic_init_vmcb(svm, svm->vmcb);
	avic_apicv_post_state_restore(vcpu);
	vcpu_of[id] = vcpu;
	atomic_inc(&vm->kvm.online_vcpus);
	name_vcpu(svm, id);
	return svm;
}

unsigned long pk_vcpu_size(void)
{
	return sizeof(struct vcpu_svm);
}

void pk_vm_destroy(void *p, void *vcpu)
{
	avic_vm_pre_destroy(&svm_of_vm(p)->kvm);
	avic_vcpu_free(&svm_of(vcpu)->vcpu);
	pu_free(svm_of(vcpu)->vcpu.arch.apic->regs, _RET_IP_);
	avic_vm_destroy(&svm_of_vm(p)->kvm);
}

static void build_tables(struct amd_iommu *iommu, int index, int vapic)
{
	struct amd_iommu_pci_seg *seg = pu_alloc(sizeof(*seg), 64);
	struct iommu_dev_data *dev = pu_alloc(sizeof(*dev), 64);
	struct irq_remap_table *table = pu_alloc(sizeof(*table), 64);
	u64 *dte;

	iommu->pci_seg = seg;
	seg->dev_table_size = PAGE_SIZE;
	seg->dev_table = pu_alloc(PAGE_SIZE, PAGE_SIZE);
	seg->last_bdf = PK_DEVID;
	seg->rlookup_table = pu_alloc((PK_DEVID + 1) * sizeof(void *), 64);
	seg->irq_lookup_table = pu_alloc((PK_DEVID + 1) * sizeof(void *), 64);
	seg->rlookup_table[PK_DEVID] = iommu;
	seg->irq_lookup_table[PK_DEVID] = table;
	dev->devid = PK_DEVID;
	dev->use_vapic = vapic;
	llist_add(&dev->dev_data_list, &seg->dev_data_list);
	table->table = pu_alloc(PAGE_SIZE, PAGE_SIZE);
	for (int i = 0; i < PK_IRQS; i++)
		pu_name((char *)table->table + 16 * i, 16,
			index ? "IOMMU 1, IRTE" : "IOMMU 0, IRTE", i);
	dte = seg->dev_table[PK_DEVID].data;
	dte[0] = DTE_FLAG_V;
	dte[2] = iommu_virt_to_phys(table->table) | DTE_IRQ_REMAP_INTCTL | DTE_INTTABLEN_512 |
		 DTE_IRQ_REMAP_ENABLE;
}

void *pk_iommu(int index, void *mmio, int vapic)
{
	struct amd_iommu *iommu = pu_alloc(sizeof(*iommu), 64);

	iommu->index = index;
	iommu->mmio_base = mmio;
	iommu->irte_ops = &irte_128_ops;
	iommu->cmd_buf = pu_alloc(CMD_BUFFER_SIZE, PAGE_SIZE);
	iommu->cmd_sem = pu_alloc(64, 64);
	iommu->cmd_sem_paddr = iommu_virt_to_phys((void *)iommu->cmd_sem);
	build_tables(iommu, index, vapic);
	iommu_set_device_table(iommu);
	iommu_enable_command_buffer(iommu);
	iommu_feature_enable(iommu, CONTROL_GA_EN);
	iommu_feature_enable(iommu, CONTROL_IOMMU_EN);
	amd_iommu_efr = readq(mmio + MMIO_EXT_FEATURES);
	amd_iommu_efr2 = readq(mmio + MMIO_EXT_FEATURES2);
	list_add_tail(&iommu->list, &amd_iommu_list);
	pu_name(&iommu->lock, 4, "lock of IOMMU", index);
	pu_name((void *)iommu->cmd_sem, 8, "cmd_sem of IOMMU", index);
	return iommu;
}

void pk_iommus_ready(void)
{
	struct amd_iommu *iommu;

	enable_iommus_vapic();
	list_for_each_entry(iommu, &amd_iommu_list, list)
	{
		if (iommu->ga_log)
			pu_name(iommu->ga_log, PAGE_SIZE, "log of IOMMU", iommu->index);
	}
}

int pk_can_post(void)
{
	return !!(amd_iommu_irq_ops.capability & BIT(IRQ_POSTING_CAP));
}

void pk_irq(int irq, void *iommu, int vector, int cpu)
{
	struct amd_ir_data *ir = pu_alloc(sizeof(*ir), 64);
	struct irte_ga *entry = pu_alloc(sizeof(*entry), 64);

	ir->iommu = iommu;
	ir->irq_2_irte.devid = PK_DEVID;
	ir->irq_2_irte.index = irq;
	ir->entry = entry;
	irqs[irq].lock = pu_alloc(64, 64);
	irqs[irq].cfg = pu_alloc(64, 64);
	irqs[irq].cfg->vector = vector;
	irqs[irq].cfg->dest_apicid = cpu;
	irqs[irq].data.chip_data = ir;
	irqs[irq].irqfd = pu_alloc(sizeof(struct kvm_kernel_irqfd), 64);
	irqs[irq].irqfd->gsi = irq;
	irqs[irq].producer.irq = irq;
	pu_name(irqs[irq].lock, 4, "desc->lock of IRQ", irq);
	pu_name(entry, sizeof(*entry), "ir_data->entry of IRQ", irq);
	irte_128_ops.prepare(entry, APIC_DELIVERY_MODE_FIXED, false, vector, cpu, PK_DEVID);
	irte_128_ops.activate(iommu, entry, PK_DEVID, irq);
}

void pk_vmcb(void *p, struct pk_vmcb *out)
{
	struct vmcb_control_area *c = &svm_of(p)->vmcb->control;

	out->v_intr = c->int_ctl;
	out->bar = c->avic_vapic_bar;
	out->page = c->avic_backing_page;
	out->logical = c->avic_logical_id;
	out->physical = c->avic_physical_id;
}

unsigned *pk_apic(void *p)
{
	return (unsigned *)svm_of(p)->vcpu.arch.apic->regs;
}

unsigned long *pk_wait(void *p)
{
	return (unsigned long *)&svm_of(p)->vcpu.wait.task;
}

unsigned long *pk_requests(void *p)
{
	return (unsigned long *)&svm_of(p)->vcpu.requests;
}

int pk_unblock(void)
{
	return KVM_REQ_UNBLOCK & KVM_REQUEST_MASK;
}

unsigned *pk_mode(void *p)
{
	return (unsigned *)&svm_of(p)->vcpu.mode;
}

void pk_incomplete_ipi(void *p, unsigned long info1, unsigned long info2)
{
	struct vcpu_svm *svm = svm_of(p);

	svm->vmcb->control.exit_info_1 = info1;
	svm->vmcb->control.exit_info_2 = info2;
	avic_incomplete_ipi_interception(&svm->vcpu);
}

void pk_set_active(void *p, int active)
{
	svm_of(p)->vcpu.arch.apic->apicv_active = active;
	avic_refresh_apicv_exec_ctrl(&svm_of(p)->vcpu);
}

/* ---- a tree without GAPPI ---- */

int __weak pk_gappi_is_on(void)
{
	return 0;
}

void __weak pk_irq_work(void *p)
{
}

void __weak pk_cpu_dead(int cpu)
{
}

void __weak pk_unload(void)
{
	avic_hardware_unsetup();
}

unsigned __weak pk_parked(void *p, int word)
{
	return 0;
}

int __weak pk_on_list(void *p)
{
	return 0;
}

void *pk_preempt_count(int cpu)
{
	return &per_cpu(__preempt_count, cpu);
}

unsigned long pk_pa(const void *p)
{
	return __pa(p);
}

/* ---- what KVM calls them from ---- */

void pk_load(void *p, int cpu)
{
	struct kvm_vcpu *vcpu = &svm_of(p)->vcpu;

	WRITE_ONCE(vcpu->preempted, false);
	if (kvm_vcpu_apicv_active(vcpu))
		avic_vcpu_load(vcpu, cpu);
	vcpu->cpu = cpu;
}

void pk_put(void *p, int preempted)
{
	struct kvm_vcpu *vcpu = &svm_of(p)->vcpu;

	if (preempted)
		WRITE_ONCE(vcpu->preempted, true);
	if (kvm_vcpu_apicv_active(vcpu))
		avic_vcpu_put(vcpu);
}

void pk_start_blocking(void *p)
{
	avic_vcpu_blocking(&svm_of(p)->vcpu);
}

void pk_stop_blocking(void *p)
{
	avic_vcpu_unblocking(&svm_of(p)->vcpu);
}

void pk_galog_thread(void *iommu)
{
	amd_iommu_int_thread_galog(0, iommu);
}

static void write_entry(struct kvm_kernel_irqfd *irqfd, int id, int vector)
{
	irqfd->irq_entry.type = KVM_IRQ_ROUTING_MSI;
	irqfd->irq_entry.msi.address_lo = APIC_DEFAULT_PHYS_BASE | vcpu_of[id]->vcpu_id << 12;
	irqfd->irq_entry.msi.data = vector;
}

/* kvm_irq_routing_update() */
void pk_route(void *p, int irq, int id, int vector)
{
	struct kvm *kvm = &svm_of_vm(p)->kvm;
	struct kvm_kernel_irqfd *irqfd = irqs[irq].irqfd;
	struct kvm_kernel_irq_routing_entry old;
	int on = pu_irq_off(_RET_IP_);

	pu_lock(&kvm->irqfds.lock, _RET_IP_);
	irqfd->kvm = kvm;
	old = irqfd->irq_entry;
	write_entry(irqfd, id, vector);
	if (irqfd->producer)
		kvm_arch_update_irqfd_routing(irqfd, &old, &irqfd->irq_entry);
	pu_unlock(&kvm->irqfds.lock, _RET_IP_);
	if (on)
		pu_irq_on(_RET_IP_);
}

void pk_attach(int irq)
{
	kvm_arch_irq_bypass_add_producer(&irqs[irq].irqfd->consumer, &irqs[irq].producer);
}

void pk_detach(int irq)
{
	if (irqs[irq].irqfd->producer)
		kvm_arch_irq_bypass_del_producer(&irqs[irq].irqfd->consumer, &irqs[irq].producer);
}

u32 x86_msi_msg_get_destid(struct msi_msg *msg, bool extid)
{
	if (extid)
		pu_stub("x86_msi_msg_get_destid() with destinations of 15 bits");
	return msg->arch_addr_lo.destid_0_7;
}

int pk_posts(int irq)
{
	const struct amd_ir_data *ir = irqs[irq].data.chip_data;

	return ((const struct irte_ga *)ir->entry)->lo.fields_vapic.guest_mode;
}

/* KVM's calls of SVM: as svm_x86_ops says. */
int __SCT__kvm_x86_pi_update_irte(struct kvm_kernel_irqfd *irqfd, struct kvm *kvm,
				  unsigned int host_irq, u32 guest_irq, struct kvm_vcpu *vcpu,
				  u32 vector)
{
	return avic_pi_update_irte(irqfd, kvm, host_irq, guest_irq, vcpu, vector);
}

void __SCT__kvm_x86_pi_start_bypass(struct kvm *kvm)
{
}

/* ---- what they call ---- */

bool kvm_vcpu_wake_up(struct kvm_vcpu *vcpu)
{
	return pu_wake_up(number_of(vcpu));
}

bool kvm_apicv_activated(struct kvm *kvm)
{
	return true;
}

int kvm_alloc_apic_access_page(struct kvm *kvm)
{
	return 0;
}

/* That of the VM's vCPUs. */
void *xa_load(struct xarray *xa, unsigned long index)
{
	const struct kvm *kvm = container_of(xa, struct kvm, vcpu_array);

	for (int i = 0; i < PK_VCPUS; i++)
		if (vcpu_of[i] && vcpu_of[i]->kvm == kvm && vcpu_of[i]->vcpu_idx == index)
			return vcpu_of[i];
	return NULL;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
	for (; *index <= max && *index < PK_VCPUS; ++*index)
		if (xa_load(xa, *index))
			return xa_load(xa, *index);
	return NULL;
}

void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
	++*index;
	return xa_find(xa, index, max, filter);
}

/* Which registers of x2APIC are intercepted is of no use here. */
u64 kvm_x2apic_disable_read_intercept_reg_mask(struct kvm_vcpu *vcpu)
{
	return 0;
}

void svm_set_intercept_for_msr(struct kvm_vcpu *vcpu, u32 msr, int type, bool set)
{
}

void nested_vmcb02_recalc_intercepts(struct vcpu_svm *svm)
{
}

void synchronize_rcu(void)
{
	pu_may_sleep("synchronize_rcu()", _RET_IP_);
	pu_synchronize_rcu();
}

struct irq_cfg *irqd_cfg(struct irq_data *data)
{
	return container_of(data, typeof(irqs[0]), data)->cfg;
}

int irq_set_vcpu_affinity(unsigned int irq, void *info)
{
	int on = pu_irq_off(_RET_IP_), ret;

	pu_lock(irqs[irq].lock, _RET_IP_);
	pu_change(1);
	ret = amd_ir_set_vcpu_affinity(&irqs[irq].data, info);
	pu_change(0);
	pu_unlock(irqs[irq].lock, _RET_IP_);
	if (on)
		pu_irq_on(_RET_IP_);
	return ret;
}

void *iommu_alloc_pages_node_sz(int nid, gfp_t gfp, size_t size)
{
	if (gfpflags_allow_blocking(gfp))
		pu_may_sleep("an allocation that may wait", _RET_IP_);
	return pu_allocate(PAGE_ALIGN(size), PAGE_SIZE, _RET_IP_);
}

void iommu_free_pages(void *p)
{
	pu_free(p, _RET_IP_);
}

int _printk(const char *fmt, ...)
{
	return 0;
}

int ___ratelimit(struct ratelimit_state *rs, const char *func)
{
	return 0;
}

/* Time passes when something changes. */
ktime_t ktime_get(void)
{
	return 0;
}

void usleep_range_state(unsigned long min, unsigned long max, unsigned int state)
{
	pu_may_sleep("usleep_range()", _RET_IP_);
	pu_relax();
}

void __const_udelay(unsigned long xloops)
{
	pu_relax();
}

void memcpy_toio(volatile void __iomem *to, const void *from, size_t size)
{
	if (size != 8)
		pu_stub("memcpy_toio() of another size than 8");
	writeq(*(const u64 *)from, to);
}
