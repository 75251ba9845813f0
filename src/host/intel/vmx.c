/* SPDX-License-Identifier: MIT */
/*
 * VMs, vCPUs, their tables and the VMCS: Intel SDM vol 3, "APIC Virtualization and Virtual
 * Interrupts"; VT-d rev 5.10, 9.11 for the descriptor.
 */
#include "vmx.h"

#include <errno.h>
#include <string.h>

#include "vmx_priv.h"

#define PAGE	  4096u
#define XAPIC_IDS 255u	   /* 255 is broadcast */
#define MAX_IDS	  0x10000u /* LAST_PID_POINTER_INDEX has 16 bits */
#define APIC_BASE 0xFEE00000u

/* ---- set-up ---- */

void pn_vmx_init(struct pn_vmx *vmx, const struct pn_vmx_config *cfg)
{
	memset(vmx, 0, sizeof(*vmx));
	vmx->hyp.ops = &pn_vmx_ops;
	vmx->cfg = *cfg;
	for (uint32_t i = 0; i < cfg->nr_cpus; i++)
		pn_host_cpu_init(&cfg->cpu[i], i);
	/* Pairs with the wakeup handler: lists and locks are there first. */
	pn_st32_rel(&vmx->loaded, 1);
}

void pn_vmx_exit(struct pn_hyp *hyp)
{
	struct pn_vmx *vmx = pn_vmx_of_hyp(hyp);

	pn_st32(&vmx->loaded, 0);
	/*
	 * W1. Store: loaded. Load: in_handler. Other side: pn_vmx_wakeup_irq() stores in_handler,
	 * fences and loads loaded; one of the two sees the other.
	 */
	pn_fence();
	if (pn_mistake(PN_MISTAKE_VMX_EXIT_NO_WAIT))
		return;
	for (uint32_t i = 0; i < vmx->cfg.nr_cpus; i++) {
		while (pn_ld32_acq(&vmx->cfg.cpu[i].in_handler))
			pn_relax();
	}
}

/* ---- a VM ---- */

/* 2^n pages of 8-byte entries. It is not needed before there is a vCPU. */
static int make_pid_table(struct pn_vmx_vm *vm)
{
	uint64_t bytes = PAGE;

	if (!vm->vmx->cfg.ipiv || vm->pid_table)
		return 0;
	while (bytes < vm->max_vcpu_ids * sizeof(uint64_t))
		bytes *= 2;
	vm->pid_table = pn_pages_alloc(vm->pages, bytes, PAGE, &vm->pid_table_pa);
	return vm->pid_table ? 0 : -ENOMEM;
}

static int init_vcpu(struct pn_vmx_vm *vm, uint32_t idx)
{
	struct pn_vmx_vcpu *v = &vm->vcpu[idx];
	void *task = v->h.task;

	memset(v, 0, sizeof(*v));
	v->h.task = task;
	v->h.idx = idx;
	v->h.cpu = PN_VMX_NO_CPU;
	v->h.apicv = !vm->h.inhibits;
	v->vm = vm;
	v->stale_eoi = -1;
	v->h.page = pn_pages_alloc(vm->pages, PAGE, PAGE, &v->h.page_pa);
	v->pid = pn_pages_alloc(vm->pages, sizeof(*v->pid), sizeof(*v->pid), &v->pid_pa);
	if (!v->h.page || !v->pid || make_pid_table(vm))
		return -ENOMEM;
	pn_list_init(&v->ir_list);
	pn_list_init(&v->wake_node);
	pn_host_vcpu_init_page(&v->h, vm->h.nr_vcpus, vm->x2apic);
	/* Not loaded anywhere: no notifications until it is. Pairs with posters, later. */
	pn_st64_rel(&v->pid->control, pn_vmx_nv(PN_VEC_POSTED) | PN_PID_SN);
	/* Pairs with processors that virtualize IPIs, later. */
	if (vm->pid_table)
		pn_st64_rel(&vm->pid_table[idx], v->pid_pa | PN_PIDPTR_VALID);
	return 0;
}

static uint32_t next_id(struct pn_vmx *vmx)
{
	uint32_t id = pn_ld32(&vmx->vms); /* relaxed: a stale value fails below */

	/* Pairs with others who create VMs. */
	while (!pn_cas32(&vmx->vms, &id, id + 1))
		pn_relax();
	return id + 1;
}

int pn_vmx_vm_init(struct pn_vmx *vmx, struct pn_vmx_vm *vm, struct pn_vmx_vcpu *vcpu, uint32_t n,
		   uint32_t max_vcpu_ids, bool x2apic, uint32_t inhibits, struct pn_pages *pages)
{
	uint32_t ids = max_vcpu_ids ? max_vcpu_ids : n;
	int r = 0;

	if (!n || n > ids)
		return -EINVAL;
	if (ids > (x2apic ? MAX_IDS : XAPIC_IDS))
		return -E2BIG;
	memset(vm, 0, sizeof(*vm));
	vm->h.hyp = &vmx->hyp;
	vm->vmx = vmx;
	vm->h.id = next_id(vmx);
	vm->x2apic = x2apic;
	vm->h.inhibits = inhibits;
	vm->h.nr_vcpus = n;
	vm->max_vcpu_ids = ids;
	vm->vcpu = vcpu;
	vm->pages = pages;
	pn_host_routes_init(&vm->h);
	for (uint32_t i = 0; i < n && !r; i++)
		r = init_vcpu(vm, i);
	return r;
}

static void release(struct pn_vmx_vcpu *v, struct pn_agent *self)
{
	struct pn_list *node;

	pn_lock_irq(self, &v->ir_lock);
	while ((node = pn_list_first(&v->ir_list))) {
		struct pn_vtd_ir *ir = pn_container(node, struct pn_vtd_ir, host.node);

		(void)pn_vtd_ir_remap(ir, self);
		pn_list_del(node);
		ir->host.vcpu = NULL;
	}
	if (pn_vmx_on_list(v))
		pn_wakelist_del(&pn_vmx_cfg(v)->cpu[v->list_cpu], &v->wake_node);
	/* Pairs with processors that virtualize IPIs: there are none left in this VM. */
	if (v->vm->pid_table)
		pn_st64(&v->vm->pid_table[v->h.idx], 0);
	/* Pairs with nothing: as before the first load. */
	pn_st64(&v->pid->control, pn_vmx_nv(PN_VEC_POSTED) | PN_PID_SN);
	pn_unlock_irq(self, &v->ir_lock);
}

void pn_vmx_vm_destroy(struct pn_host_vm *h, struct pn_agent *self)
{
	struct pn_vmx_vm *vm = pn_vmx_vm_of(h);

	for (uint32_t i = 0; i < vm->h.nr_vcpus; i++)
		release(&vm->vcpu[i], self);
	/* Pairs with nothing: no vCPU is put any more. */
	pn_st32(&vm->assigned, 0);
}

/* ---- the VMCS ---- */

static void vmcs_apicv(const struct pn_vmx_vcpu *v, struct pn_vmcs_apic *out)
{
	const struct pn_vmx_vm *vm = v->vm;

	out->pin |= PN_PIN_POSTED_INTR;
	out->proc2 |= PN_PROC2_APIC_REGS | PN_PROC2_VID;
	out->posted_nv = PN_VEC_POSTED;
	out->pid = v->pid_pa;
	out->intr_status = (uint16_t)(v->svi << 8 | v->rvi);
	memcpy(out->eoi_exit, v->eoi_exit, sizeof(out->eoi_exit));
	if (!vm->pid_table)
		return;
	out->proc |= PN_PROC_TERTIARY;
	out->proc3 = PN_PROC3_IPI_VIRT;
	out->pid_table = vm->pid_table_pa;
	out->last_pid_index = (uint16_t)(vm->max_vcpu_ids - 1);
}

/* Without virtual-interrupt delivery: exit when TPR falls below the vector that waits for that. */
static uint32_t threshold(const struct pn_vmx_vcpu *v)
{
	uint32_t tpr = pn_vapic_read(v->h.page, PN_APIC_TPR) >> 4 & 15;
	int irr = pn_vapic_highest(v->h.page, PN_APIC_IRR);

	return irr < 0 || tpr < (uint32_t)irr >> 4 ? 0 : (uint32_t)irr >> 4;
}

void pn_vmx_vmcs(const struct pn_vmx_vcpu *v, struct pn_vmcs_apic *out)
{
	*out = (struct pn_vmcs_apic){
		.pin = PN_PIN_EXT_INT_EXIT,
		.proc = PN_PROC_TPR_SHADOW | PN_PROC_SECONDARY,
		.proc2 = v->vm->x2apic ? PN_PROC2_X2APIC : PN_PROC2_APIC_ACCESSES,
		.exit_ctl = PN_EXITCTL_ACK_INTR,
		.virtual_apic = v->h.page_pa,
		.apic_access = APIC_BASE,
	};
	if (pn_host_apicv(&v->h))
		vmcs_apicv(v, out);
	else
		out->tpr_threshold = threshold(v);
}

/* ---- self-check ---- */

static unsigned times_on_list(struct pn_host_cpu *cpu, const struct pn_vmx_vcpu *v)
{
	unsigned n = 0;

	pn_list_for_each (node, &cpu->wake_list) {
		n += node == &v->wake_node;
		if (node->next->prev != node || n > 1)
			return 2; /* it does not come back to its head */
	}
	return n;
}

static const char *check_lists(struct pn_vmx_vcpu *v)
{
	const struct pn_vmx_config *cfg = pn_vmx_cfg(v);
	bool on_list = pn_vmx_on_list(v);

	if (on_list && v->list_cpu >= cfg->nr_cpus)
		return "list_cpu is no CPU";
	for (uint32_t i = 0; i < cfg->nr_cpus; i++) {
		unsigned want = on_list && i == v->list_cpu, n;

		pn_lock_take(&cfg->cpu[i].wake_lock);
		n = times_on_list(&cfg->cpu[i], v);
		pn_lock_drop(&cfg->cpu[i].wake_lock);
		if (n == want)
			continue;
		if (n > 1)
			return "twice on a wakeup list (P3)";
		return want ? "NV is the wakeup vector, but it is on no list (P2)"
			    : "on a wakeup list without need (P2)";
	}
	return NULL;
}

/* Relaxed loads, here and below: a check is exact while nothing of @v changes. */
static const char *check_dest(const struct pn_vmx_vcpu *v, uint64_t control)
{
	const struct pn_vmx_config *cfg = pn_vmx_cfg(v);
	uint32_t cpu = pn_ld32(&v->h.cpu);
	bool on_list = pn_pid_nv(control) == PN_VEC_WAKEUP;

	if (cpu == PN_VMX_NO_CPU)
		return control & PN_PID_SN ? NULL : "never ran, and not suppressed";
	if (cpu >= cfg->nr_cpus)
		return "cpu is no CPU";
	if ((control & PN_PID_NDST_MASK) != pn_vmx_ndst(v, &cfg->cpu[cpu]))
		return "NDST is not the vCPU's CPU (P2)";
	if (on_list && v->list_cpu != cpu)
		return "on the list of another CPU than NDST names (P3)";
	return NULL;
}

static const char *check_pid(const struct pn_vmx_vcpu *v)
{
	uint64_t control = pn_ld64(&v->pid->control);
	uint8_t nv = pn_pid_nv(control);
	bool in_guest = pn_ld32(&v->h.mode) == PN_IN_GUEST;

	if (pn_pid_check(v->pid, pn_vmx_cfg(v)->host_x2apic))
		return "reserved bits in the descriptor";
	if (nv != PN_VEC_POSTED && nv != PN_VEC_WAKEUP)
		return "NV is neither vector";
	if (in_guest && nv == PN_VEC_WAKEUP)
		return "NV is the wakeup vector in the guest";
	if (in_guest && control & PN_PID_SN)
		return "suppressed in the guest";
	if (nv == PN_VEC_WAKEUP && control & PN_PID_SN)
		return "waits for the wakeup vector, but is suppressed (R6)";
	/* Only posters that are not done yet may leave it so. */
	if (!(control & (PN_PID_ON | PN_PID_SN)) && !pn_vmx_pir_empty(v))
		return "PIR is not empty, and ON is lost (R4)";
	return check_dest(v, control);
}

static const char *check_posted(const struct pn_vmx_vcpu *v, const struct pn_vtd_ir *ir)
{
	const struct pn_virte_env env = {.eime = ir->drv->x2apic, .pi = true, .haw = 64};
	struct pn_virte f;

	if (ir->host.vcpu != &v->h)
		return "entry of another vCPU in the list";
	if (!ir->posted)
		return "entry is not posted";
	if (pn_virte_decode(*ir->irte, &env, &f) || !f.p)
		return "entry is malformed";
	if (!f.im || f.urg || f.pid != v->pid_pa || f.vector != ir->vector)
		return "entry points elsewhere";
	return NULL;
}

static const char *check_entries(const struct pn_vmx_vcpu *v)
{
	uint64_t want = v->pid_pa | PN_PIDPTR_VALID;
	const char *what = NULL;
	uint32_t n = 0;

	/* Only written when the vCPU comes and goes. */
	if (v->vm->pid_table && pn_ld64(&v->vm->pid_table[v->h.idx]) != want)
		return "PID-pointer table points elsewhere";
	pn_list_for_each (node, &v->ir_list) {
		if (!what)
			what = check_posted(v, pn_container(node, struct pn_vtd_ir, host.node));
		n++;
	}
	if (!what && n > pn_ld32(&v->vm->assigned))
		what = "more entries than assigned interrupts";
	return what;
}

/* RVI and SVI are the processor's copies of IRR and ISR; software keeps the page alone. */
static const char *check_status(const struct pn_vmx_vcpu *v)
{
	if (!pn_host_apicv(&v->h) || pn_ld32(&v->h.mode) == PN_IN_GUEST)
		return NULL;
	return v->svi == pn_vmx_highest(v, PN_APIC_ISR) ? NULL : "SVI and ISR disagree";
}

const char *pn_vmx_check(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_vmx_vcpu *v = pn_vmx_of(h);
	const char *what;

	pn_lock_irq(c->agent, &v->ir_lock);
	what = check_lists(v);
	if (!what)
		what = check_pid(v);
	if (!what)
		what = check_entries(v);
	if (!what)
		what = check_status(v);
	pn_unlock_irq(c->agent, &v->ir_lock);
	return what;
}
