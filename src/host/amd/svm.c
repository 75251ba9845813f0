/* SPDX-License-Identifier: MIT */
/* VMs, vCPUs and their tables (AMD64 APM vol 2 rev 3.44, 15.29.4 and 15.29.5); load and put. */
#include "svm.h"

#include <errno.h>
#include <string.h>

#include "svm_priv.h"

#define PAGE		 4096u
#define PHYS_PER_PAGE	 512u
#define XAVIC_VCPUS	 PN_XAVIC_MAX_INDEX /* index 255 is reserved for broadcast */
#define X2AVIC_VCPUS	 (PN_X2AVIC_MAX_INDEX + 1)
#define X2AVIC_EXT_VCPUS (PN_X2AVIC_EXT_MAX_INDEX + 1)
#define TAG_IDX_BITS	 12
#define TAG_IDX_MASK	 ((1u << TAG_IDX_BITS) - 1)

/* ---- set-up ---- */

void pn_svm_init(struct pn_svm *svm, const struct pn_svm_config *cfg)
{
	memset(svm, 0, sizeof(*svm));
	svm->hyp.ops = &pn_svm_ops;
	svm->os = cfg->os;
	svm->iommus = cfg->iommus;
	svm->cpu = cfg->cpu;
	svm->nr_cpus = cfg->nr_cpus;
	svm->masked = cfg->masked;
	svm->gate_always = cfg->gate_always;
	svm->enable_ipiv = !cfg->erratum1235;
	for (uint32_t i = 0; i < svm->nr_cpus; i++)
		pn_host_cpu_init(&svm->cpu[i], i);
	/* Pairs with handlers: lists and locks are there first. */
	pn_st32_rel(&svm->loaded, 1);
	if (svm->iommus) {
		pn_lock_take(&svm->iommus->notifier_lock);
		svm->iommus->notifier = (struct pn_ga_notifier){
			.ctx = svm,
			.entry = pn_svm_ga_entry,
			.overflow = cfg->recover == PN_RECOVER_WAKE ? pn_svm_ga_overflow : NULL};
		pn_lock_drop(&svm->iommus->notifier_lock);
	}
}

void pn_svm_exit(struct pn_hyp *hyp)
{
	struct pn_svm *svm = pn_svm_of_hyp(hyp);

	if (pn_mistake(PN_MISTAKE_NO_UNREGISTER))
		return;
	if (svm->iommus) {
		/* The lock is held during calls of the notifier: here no call runs any more. */
		pn_lock_take(&svm->iommus->notifier_lock);
		svm->iommus->notifier = (struct pn_ga_notifier){0};
		pn_lock_drop(&svm->iommus->notifier_lock);
	}
	pn_st32(&svm->loaded, 0);
	/*
	 * W2. Store: loaded. Load: in_handler. Other side: pn_svm_wakeup_irq() stores in_handler,
	 * fences and loads loaded; one of the two sees the other.
	 */
	pn_fence();
	for (uint32_t i = 0; i < svm->nr_cpus; i++) {
		while (pn_ld32_acq(&svm->cpu[i].in_handler))
			pn_relax();
	}
}

static int init_vcpu(struct pn_svm_vm *vm, uint32_t idx, struct pn_pages *pages)
{
	struct pn_svm_vcpu *v = &vm->vcpu[idx];
	void *task = v->h.task;

	memset(v, 0, sizeof(*v));
	v->h.task = task;
	v->vm = vm;
	v->h.idx = idx;
	v->h.page = pn_pages_alloc(pages, PAGE, PAGE, &v->h.page_pa);
	if (!v->h.page)
		return -ENOMEM;
	v->phys_entry = &vm->phys_table[idx];
	v->h.apicv = !vm->h.inhibits;
	pn_list_init(&v->ir_list);
	pn_list_init(&v->wake_node);
	pn_host_vcpu_init_page(&v->h, vm->h.nr_vcpus, vm->x2avic);
	pn_svm_update_msrs(v);
	v->shadow = PN_AVIC_PHYS_VALID | v->h.page_pa;
	/* Pairs with processors that send IPIs, later. */
	pn_st64_rel(v->phys_entry, v->shadow);
	return 0;
}

static int register_vm(struct pn_svm *svm, struct pn_svm_vm *vm)
{
	int r = -ENOSPC;

	pn_lock_take(&svm->vm_lock);
	for (uint32_t i = 0; i < PN_SVM_MAX_VMS && r; i++) {
		if (!svm->vm[i]) {
			svm->vm[i] = vm;
			vm->h.id = i + 1;
			r = 0;
		}
	}
	pn_lock_drop(&svm->vm_lock);
	return r;
}

static uint32_t max_vcpus(bool x2avic, bool ext)
{
	if (!x2avic)
		return XAVIC_VCPUS;
	return ext ? X2AVIC_EXT_VCPUS : X2AVIC_VCPUS;
}

int pn_svm_vm_init(struct pn_svm *svm, struct pn_svm_vm *vm, struct pn_svm_vcpu *vcpu, uint32_t n,
		   bool x2avic, bool ext, uint32_t inhibits, struct pn_pages *pages)
{
	uint64_t table_pages = (n + PHYS_PER_PAGE - 1) / PHYS_PER_PAGE;
	int r = 0;

	if (!n)
		return -EINVAL;
	if (n > max_vcpus(x2avic, ext))
		return -E2BIG;
	memset(vm, 0, sizeof(*vm));
	vm->h.hyp = &svm->hyp;
	vm->svm = svm;
	vm->x2avic = x2avic;
	vm->h.inhibits = inhibits;
	vm->h.nr_vcpus = n;
	vm->vcpu = vcpu;
	vm->phys_table = pn_pages_alloc(pages, table_pages * PAGE, PAGE, &vm->phys_table_pa);
	vm->log_table = pn_pages_alloc(pages, PAGE, PAGE, &vm->log_table_pa);
	if (!vm->phys_table || !vm->log_table)
		return -ENOMEM;
	for (uint32_t i = 0; i < n && !r; i++)
		r = init_vcpu(vm, i, pages);
	if (r)
		return r;
	pn_svm_init_logical(vm);
	pn_host_routes_init(&vm->h);
	return register_vm(svm, vm);
}

static void release_irtes(struct pn_svm_vcpu *v, struct pn_agent *self)
{
	struct pn_list *node;

	pn_lock_irq(self, &v->ir_lock);
	while ((node = pn_list_first(&v->ir_list))) {
		struct pn_amdvi_ir *ir = pn_container(node, struct pn_amdvi_ir, host.node);

		(void)pn_amdvi_ir_deactivate(ir, self);
		pn_list_del(node);
		ir->host.vcpu = NULL;
	}
	if (v->on_list)
		pn_svm_list_del(v, self);
	/* Relaxed: no vCPU of the VM runs any more, so no processor reads its table. */
	pn_st64(v->phys_entry, 0);
	pn_unlock_irq(self, &v->ir_lock);
}

void pn_svm_vm_destroy(struct pn_host_vm *h, struct pn_agent *self)
{
	struct pn_svm_vm *vm = pn_svm_vm_of(h);
	struct pn_svm *svm = vm->svm;

	for (uint32_t i = 0; i < vm->h.nr_vcpus; i++)
		release_irtes(&vm->vcpu[i], self);
	/* The log's thread holds the lock from looking a tag up until it has used the vCPU. */
	pn_lock_take(&svm->vm_lock);
	if (vm->h.id && svm->vm[vm->h.id - 1] == vm && !pn_mistake(PN_MISTAKE_TAG_OF_DEAD_VM))
		svm->vm[vm->h.id - 1] = NULL;
	pn_lock_drop(&svm->vm_lock);
}

uint32_t pn_svm_ga_tag(const struct pn_svm_vcpu *v)
{
	return v->vm->h.id << TAG_IDX_BITS | v->h.idx;
}

struct pn_svm_vcpu *pn_svm_by_tag(struct pn_svm *svm, uint32_t tag)
{
	uint32_t id = tag >> TAG_IDX_BITS, idx = tag & TAG_IDX_MASK;
	struct pn_svm_vm *vm = id && id <= PN_SVM_MAX_VMS ? svm->vm[id - 1] : NULL;

	return vm && idx < vm->h.nr_vcpus ? &vm->vcpu[idx] : NULL;
}

void pn_svm_vmcb(const struct pn_svm_vcpu *v, struct pn_avic_vmcb *out)
{
	const struct pn_svm_vm *vm = v->vm;
	bool x2 = vm->x2avic && pn_host_x2apic(&v->h);
	uint32_t last = vm->h.nr_vcpus - 1;
	/*
	 * VMRUN takes none from the page, which a state load or AVIC off may have changed, and
	 * V_TPR decides delivery: so every entry makes them equal. Pairs with pn_vapic_write() by
	 * the core or the host.
	 */
	uint64_t v_tpr = pn_ld32_acq(&v->h.page[PN_APIC_TPR / 4]) >> 4 & PN_VINTR_TPR_MASK;
	uint64_t avic = pn_host_apicv(&v->h) ? PN_VINTR_AVIC | (x2 ? PN_VINTR_X2AVIC : 0) : 0;

	*out = (struct pn_avic_vmcb){
		.v_intr = v_tpr | PN_VINTR_MASKING | avic,
		.apic_bar = PN_SVM_APIC_BASE,
		.backing_page = v->h.page_pa,
		.logical_table = vm->log_table_pa,
		.physical_table =
			vm->phys_table_pa | (x2 || last < XAVIC_VCPUS ? last : XAVIC_VCPUS - 1),
		.np_enable = true,
	};
}

/* ---- what tables and IRTEs say ---- */

struct pn_amdvi_ir_state pn_svm_ir_state(const struct pn_svm_vcpu *v)
{
	const struct pn_svm *svm = v->vm->svm;
	bool gate = svm->gate_always && pn_svm_notify_kind(svm) == PN_NOTIFY_GALOG;

	return (struct pn_amdvi_ir_state){
		.is_run = v->loaded,
		.wakeup = !v->loaded && (v->blocking || gate),
		.apicid = svm->cpu[v->gcpu].apicid,
	};
}

static void show_entry(struct pn_svm_vcpu *v, struct pn_agent *self, struct pn_amdvi_ir_state st)
{
	uint64_t entry;

	v->shadow = PN_AVIC_PHYS_VALID | v->h.page_pa | (st.apicid & PN_AVIC_PHYS_HOST_MASK) |
		    (st.is_run ? PN_AVIC_PHYS_ISRUNNING : 0) | (st.wakeup ? PN_SHADOW_WAKEUP : 0);
	entry = v->shadow & ~PN_AVIC_PHYS_RSV;
	/*
	 * Erratum 1235: the processor may see a stale 1. With AVIC off an accelerated IPI of
	 * another vCPU must exit, because no processor evaluates the IRR here.
	 */
	if (!v->vm->svm->enable_ipiv || !pn_host_apicv(&v->h))
		entry &= ~PN_AVIC_PHYS_ISRUNNING;
	if (pn_mistake(PN_MISTAKE_ENTRY_OLD_CPU))
		entry = (entry & ~PN_AVIC_PHYS_HOST_MASK) |
			(pn_ld64(v->phys_entry) & PN_AVIC_PHYS_HOST_MASK);
	if (pn_ld64(v->phys_entry) == entry) /* only written under ir_lock */
		return;
	pn_step(self, PN_STEP_TABLE_WRITE, pn_svm_key(v), entry);
	/*
	 * B4, U3, L2. Pairs with a processor that sends an IPI: it sets the IRR bit, then reads
	 * this entry.
	 */
	pn_st64(v->phys_entry, entry);
}

/* The mistake of 2016: IRTEs are found by a hash of the tag, and the tag is not compared. */
static void show_bucket(const struct pn_svm_vcpu *v, struct pn_agent *self,
			struct pn_amdvi_ir_state st)
{
	for (uint32_t i = 0; i < PN_SVM_MAX_VMS; i++) {
		struct pn_svm_vm *vm = v->vm->svm->vm[i];

		if (!vm || vm == v->vm || v->h.idx >= vm->h.nr_vcpus)
			continue;
		pn_list_for_each (node, &vm->vcpu[v->h.idx].ir_list)
			pn_amdvi_ir_update(pn_container(node, struct pn_amdvi_ir, host.node), self,
					   st);
	}
}

void pn_svm_show(struct pn_svm_vcpu *v, struct pn_agent *self)
{
	struct pn_amdvi_ir_state st = pn_svm_ir_state(v);

	show_entry(v, self, st);
	pn_list_for_each (node, &v->ir_list)
		pn_amdvi_ir_update(pn_container(node, struct pn_amdvi_ir, host.node), self, st);
	if (pn_mistake(PN_MISTAKE_HASH_BUCKET))
		show_bucket(v, self, st);
}

void pn_svm_set_running(struct pn_svm_vcpu *v, struct pn_host_cpu *c)
{
	v->loaded = true;
	if (!pn_mistake(PN_MISTAKE_DOORBELL_OLD_CPU))
		v->gcpu = c->id;
	/* Pairs with pn_svm_notify(), which reads cpu after it saw IN_GUEST; that is set later. */
	pn_st32(&v->h.cpu, c->id);
	pn_svm_show(v, c->agent);
}

int pn_svm_sync_post(struct pn_svm_vcpu *v, struct pn_agent *self)
{
	bool on = pn_svm_can_post(v);
	int ret = 0;

	pn_list_for_each (node, &v->ir_list) {
		struct pn_amdvi_ir *ir = pn_container(node, struct pn_amdvi_ir, host.node);
		int r = 0;

		if (on && !ir->guest_mode)
			r = pn_amdvi_ir_activate(ir, self, v->h.page_pa, ir->vector,
						 pn_svm_ga_tag(v), pn_svm_ir_state(v));
		else if (!on && ir->guest_mode)
			r = pn_amdvi_ir_deactivate(ir, self);
		ret = ret ? ret : r;
	}
	return ret;
}

/* ---- scheduling ---- */

void pn_svm_load(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_svm_vcpu *v = pn_svm_of(h);

	pn_lock_irq(c->agent, &v->ir_lock);
	/* L1; H5: preempted between blocking() and sleep, perhaps migrated. List, gcpu and
	 * Destination stay where they are, all three; and IsRunning stays 0 outside the guest. */
	if (!v->blocking || pn_mistake(PN_MISTAKE_LOAD_WHILE_BLOCKING))
		pn_svm_set_running(v, c);
	pn_unlock_irq(c->agent, &v->ir_lock);
}

void pn_svm_put(struct pn_host_vcpu *h, struct pn_host_cpu *c, bool preempted)
{
	struct pn_svm_vcpu *v = pn_svm_of(h);

	(void)preempted;
	pn_lock_irq(c->agent, &v->ir_lock);
	/*
	 * L2. Blocking is not loaded: IRTEs stay as pn_svm_blocking() left them. H12: a preempted
	 * vCPU is not asleep: it is on no list, and GAPPIDis prevents GAPPIs to its old CPU. No
	 * fence: VMRUN will evaluate.
	 */
	if (v->loaded) {
		v->loaded = false;
		v->gcpu = c->id;
		if (!pn_mistake(PN_MISTAKE_PUT_SHOWS_NOTHING))
			pn_svm_show(v, c->agent);
	}
	pn_unlock_irq(c->agent, &v->ir_lock);
}

/* ---- self-check ---- */

static unsigned times_on_list(struct pn_host_cpu *cpu, const struct pn_svm_vcpu *v)
{
	unsigned n = 0;

	pn_lock_take(&cpu->wake_lock);
	pn_list_for_each (node, &cpu->wake_list)
		n += node == &v->wake_node;
	pn_lock_drop(&cpu->wake_lock);
	return n;
}

static const char *check_lists(struct pn_svm_vcpu *v)
{
	struct pn_svm *svm = v->vm->svm;

	if (v->gcpu >= svm->nr_cpus)
		return "gcpu is no CPU";
	if (v->on_list != pn_svm_wants_list(v))
		return v->on_list ? "on a wakeup list without need" : "armed but on no list (P2)";
	for (uint32_t i = 0; i < svm->nr_cpus; i++) {
		unsigned want = v->on_list && i == v->gcpu;

		if (times_on_list(&svm->cpu[i], v) != want)
			return want ? "not exactly once on its own list (P2)"
				    : "on the list of another CPU (P3)";
	}
	return NULL;
}

static const char *check_guest_form(const struct pn_svm_vcpu *v, const struct pn_amdvi_ir *ir)
{
	enum pn_notify kind = pn_svm_notify_kind(v->vm->svm);
	struct pn_amdvi_ir_state st = pn_svm_ir_state(v);
	struct pn_irte f;

	if (pn_irte128_decode(*ir->irte, ir->drv->xt, ir->drv->gappidis, &f))
		return "IRTE is malformed";
	if (!f.guestmode || !f.remapen || f.root != v->h.page_pa || f.vector != ir->vector)
		return "IRTE points elsewhere";
	if (f.isrun != st.is_run)
		return "IRTE.IsRun and vCPU disagree";
	if ((st.is_run || kind == PN_NOTIFY_GAPPI) && f.dest != st.apicid)
		return "IRTE.Destination is not the vCPU's CPU (P2)";
	if (kind == PN_NOTIFY_GALOG && (f.galogintr != st.wakeup || f.gatag != pn_svm_ga_tag(v)))
		return "IRTE.GALogIntr or GATag is wrong";
	if (kind == PN_NOTIFY_GAPPI && ir->drv->gappidis &&
	    f.gappidis != (!st.is_run && !st.wakeup))
		return "IRTE.GAPPIDis is wrong";
	return NULL;
}

static const char *check_irtes(const struct pn_svm_vcpu *v)
{
	bool posting = pn_svm_can_post(v);

	pn_list_for_each (node, &v->ir_list) {
		const struct pn_amdvi_ir *ir = pn_container(node, struct pn_amdvi_ir, host.node);
		const char *what = NULL;

		if (ir->host.vcpu != &v->h)
			return "IRTE of another vCPU in the list";
		if (ir->guest_mode != posting)
			return posting ? "IRTE is not in guest mode" : "IRTE is in guest mode";
		if (posting)
			what = check_guest_form(v, ir);
		if (what)
			return what;
	}
	return NULL;
}

/* Relaxed loads: a check is exact while nothing of @v changes. */
static const char *check_state(const struct pn_svm_vcpu *v)
{
	uint64_t entry = pn_ld64(v->phys_entry);
	uint32_t parked = 0;

	if (v->blocking && v->loaded)
		return "blocking and loaded";
	if (entry & PN_AVIC_PHYS_RSV)
		return "reserved bits in the physical APIC ID table";
	if ((entry ^ v->shadow) &
	    (PN_AVIC_PHYS_VALID | PN_AVIC_PHYS_PAGE_MASK | PN_AVIC_PHYS_HOST_MASK))
		return "table entry and shadow disagree";
	if (!(entry & PN_AVIC_PHYS_ISRUNNING) !=
	    !(v->loaded && v->vm->svm->enable_ipiv && pn_host_apicv(&v->h)))
		return "IsRunning is wrong";
	if (v->x2apic_msrs != (pn_host_apicv(&v->h) && v->vm->x2avic && pn_host_x2apic(&v->h)))
		return v->x2apic_msrs ? "x2APIC MSRs pass without x2AVIC"
				      : "x2APIC MSRs exit although x2AVIC is on";
	for (unsigned i = 0; i < 8; i++)
		parked |= pn_ld32(&v->parked[i]);
	if (parked && !pn_ld32(&v->has_parked))
		return "parked bits that nobody knows of";
	if (parked && pn_ld32(&v->h.mode) == PN_IN_GUEST)
		return "parked bits in the guest";
	return NULL;
}

const char *pn_svm_check(struct pn_host_vcpu *h, struct pn_host_cpu *c)
{
	struct pn_svm_vcpu *v = pn_svm_of(h);
	const char *what;

	pn_lock_irq(c->agent, &v->ir_lock);
	what = check_lists(v);
	if (!what)
		what = check_irtes(v);
	if (!what)
		what = check_state(v);
	pn_unlock_irq(c->agent, &v->ir_lock);
	return what;
}
