/* SPDX-License-Identifier: MIT */
/*
 * The explorer's small Intel machine: a remapping unit and cores of hw/intel, driver and hypervisor
 * of host/intel, without time.
 */
#include "rig_intel_priv.h"

#include <string.h>

#define RAM_SIZE    (48u << 10)
#define IRT_ENTRIES RIG_IRS

struct rig_intel *intel;

/* Pairs with other steps on this processor: its guest's instructions, interrupts. */
static void take_turn(struct rig_intel_core *k)
{
	pn_or32(&k->turn, 1);
}

/* A bit of a PIR or an IRR is set in this transition: at the place @pa. */
static void posted(void *ctx, struct pn_agent *agent, unsigned step, uint64_t pa, uint64_t vector)
{
	(void)ctx;
	(void)agent;
	intel->notified += step == PN_STEP_PI_NOTIFY;
	intel->cleared += step == PN_STEP_PID_SYNC || step == PN_STEP_PI_PROCESS;
	for (unsigned i = 0; i < RIG_IRS && intel->conf.no_vm; i++)
		if (step == PN_STEP_PIR_SET && rig->ir[i].vector == vector)
			rig->ir[i].due |= RIG_OWED;
	for (unsigned i = 0; i < rig->vcpus && !intel->conf.no_vm; i++) {
		struct rig_vcpu *v = &rig->vcpu[i];

		if (intel->vcpu[i].pid_pa != pa && intel->vcpu[i].h.page_pa != pa)
			continue;
		if (step == PN_STEP_PIR_SET && intel->conf.split_lines) {
			rig_send_ended(v, (uint8_t)vector, intel->sends);
			intel->sends = NULL;
		} else if (step == PN_STEP_PIR_SET)
			rig_device_posted(v, (uint8_t)vector, &intel->sends);
		else if (step == PN_STEP_IPI_POST)
			rig_posted(v, (uint8_t)vector);
	}
}

/* ---- the unit ---- */

static uint64_t mmio_read(void *ctx, uint32_t off, unsigned size)
{
	uint64_t v = 0;

	(void)ctx;
	px_device_enter(&intel->busy);
	pn_vtd_read(intel->vtd, off, size, &v);
	px_device_leave(&intel->busy);
	return v;
}

static void mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	(void)ctx;
	if (intel->late_queue && off == PN_VTD_IQT) {
		intel->tail = value;
		pn_xchg32(&intel->queue_idle, 0); /* pairs with queue() */
		return;
	}
	px_device_enter(&intel->busy);
	pn_vtd_write(intel->vtd, off, size, value);
	px_device_leave(&intel->busy);
}

/* The unit works on its invalidation queue some time after the tail register was written. */
static void queue(void *arg)
{
	(void)arg;
	for (;;) {
		px_sleep(&intel->queue_idle, "the unit, by its tail register");
		pn_xchg32(&intel->queue_idle, 1); /* pairs with mmio_write() */
		px_doing("works on its queue");
		px_device_enter(&intel->busy);
		pn_vtd_write(intel->vtd, PN_VTD_IQT, 8, intel->tail);
		px_device_leave(&intel->busy);
	}
}

void rig_intel_run_queue(void)
{
	intel->late_queue = true;
	intel->queue_idle = 1;
	px_thread("IOMMU 0 queue", -1, queue, NULL);
}

static void post(unsigned index)
{
	struct pn_msi msi = {.devid = RIG_DEVID};

	pn_vtd_ir_msi(&intel->ir[index], &msi.addr, &msi.data);
	px_device_enter(&intel->busy);
	intel->sends = rig_sends(index);
	if (pn_vtd_msi(intel->vtd, &msi) == PN_MSI_ABORTED)
		px_fail("P6", "the unit blocked an interrupt request");
	if (intel->sends)
		rig_has_sent(intel->sends);
	px_device_leave(&intel->busy);
}

/* ---- in the guest ---- */

void rig_intel_vmentry(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	struct rig_intel_core *k = rig_intel_core(c);
	struct pn_apicv_exit exit;

	take_turn(k);
	pn_vmx_vmcs(pn_vmx_of(v->h), &k->vmcs);
	if (pn_apicv_vmentry(&k->apicv, &k->vmcs, &exit))
		px_fail("P7", "VM entry fails");
	k->runs = v;
}

void rig_intel_vmexit(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	struct rig_intel_core *k = rig_intel_core(c);

	take_turn(k);
	pn_apicv_vmexit(&k->apicv, &k->vmcs);
	pn_vmx_vmexit(pn_vmx_of(v->h), &k->vmcs);
	pn_vmx_leave(v->h, c);
}

/* The EOI exits, and the guest goes on. Interrupts are off. */
static void eoi_exit(struct rig_vcpu *v, struct pn_host_cpu *c, uint8_t vector)
{
	rig_intel_vmexit(v, c);
	pn_irq_on(c->agent);
	pn_vmx_eoi_exit(pn_vmx_of(v->h), c, vector);
	pn_irq_off(c->agent);
	pn_vmx_enter(v->h, c);
	rig_intel_vmentry(v, c);
}

/* One interrupt of the guest, if there is one; nothing comes in between. */
static bool deliver_one(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	struct rig_intel_core *k = rig_intel_core(c);
	struct pn_apicv_exit exit;
	int vector;

	pn_irq_off(c->agent);
	take_turn(k);
	vector = pn_apicv_pending(&k->apicv, !v->h->irq_blocked);
	if (vector >= 0) {
		pn_apicv_deliver(&k->apicv);
		rig_took(v, vector);
		if (intel->took)
			intel->took(v, c, (uint8_t)vector);
		if (pn_apicv_wrmsr(&k->apicv, PN_X2APIC_MSR + PN_APIC_EOI / 16, 0, &exit) ==
		    PN_APICV_TRAP)
			eoi_exit(v, c, (uint8_t)exit.qualification);
	}
	pn_irq_on(c->agent);
	return vector >= 0;
}

static void deliver(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	while (deliver_one(v, c))
		;
}

void rig_intel_ipi(struct pn_host_cpu *c, unsigned to, uint8_t vector)
{
	struct pn_apicv_exit exit;
	uint64_t icr = (uint64_t)to << 32 | vector;
	uint8_t *due = rig_sends_to(&rig->vcpu[to], vector);

	pn_irq_off(c->agent);
	take_turn(rig_intel_core(c));
	if (pn_apicv_wrmsr(&rig_intel_core(c)->apicv, PN_X2APIC_MSR + PN_APIC_ICRL / 16, icr,
			   &exit) != PN_APICV_DONE)
		px_fail("P7", "an IPI that the processor can send exits");
	rig_has_sent(due);
	pn_irq_on(c->agent);
}

/* Without interrupt virtualization the host injects one vector at the entry, and its EOI exits. */
static void injected(struct rig_vcpu *v, struct pn_host_cpu *c, int vector)
{
	px_doing("in the guest, with an injected interrupt");
	rig_took(v, vector);
	pn_irq_off(c->agent);
	rig_intel_vmexit(v, c);
	pn_irq_on(c->agent);
	px_doing("exit: EOI");
	pn_vmx_eoi(v->h, c);
	v->left_hlt = !v->stays;
}

static void guest(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	int vector;

	px_doing("enters the guest");
	pn_irq_off(c->agent);
	v->kicked = false;
	vector = pn_vmx_enter(v->h, c);
	rig_intel_vmentry(v, c);
	pn_irq_on(c->agent);
	if (vector >= 0) {
		injected(v, c, vector);
		return;
	}
	px_doing("in the guest");
	rig_in_guest(v, c);
	px_doing(v->stays ? "leaves the guest" : "leaves the guest: HLT");
	pn_irq_off(c->agent);
	rig_intel_vmexit(v, c);
	pn_irq_on(c->agent);
}

/* ---- the host's side of a vCPU ---- */

/* A vCPU is a member of a list at most once, independent of its own fields. */
static void check_lists(const struct rig_vcpu *v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RIG_CPUS; i++) {
		unsigned steps = 0;

		/* Not an access of the machine: it is not visible. */
		for (const struct pn_list *l = rig->cpu[i].wake_list.next;
		     l != &rig->cpu[i].wake_list && steps++ <= RIG_VCPUS; l = l->next)
			n += l == &pn_vmx_of_const(v->h)->wake_node;
	}
	if (n > 1)
		px_fail("P3", "a vCPU is on a wakeup list twice");
}

/* A task that was woken on its way to sleep counts as preempted for put. */
static void put(struct rig_vcpu *v, struct pn_host_cpu *c, bool asleep)
{
	if (!asleep || !pn_ld32(&v->task.sleeping)) /* pairs with os_wake() */
		v->preempted = true;
	pn_vmx_put(v->h, c, v->preempted);
	check_lists(v);
}

/* ---- interrupts ---- */

static void host_irq(struct pn_host_cpu *c, uint8_t vector)
{
	switch (vector) {
	case PN_VEC_WAKEUP:
		pn_vmx_wakeup_irq(&intel->vmx.hyp, c);
		break;
	case PN_VEC_POSTED: /* no guest takes it: it is only counted */
	case PN_VEC_RESCHED:
		break;
	case PN_VEC_DMAR_FAULT:
		pn_vtd_drv_fault_irq(&intel->drv, c->agent);
		break;
	default:
		rig_device_irq(vector, c);
	}
}

/* A processor in its guest takes the notification by itself, and exits for any other interrupt:
 * here the host's handler runs first, and then the guest leaves. */
static void vm_irq(struct pn_host_cpu *c, struct rig_intel_core *k, uint8_t vector)
{
	bool in_guest = k->apicv.in_guest;
	int taken = -1;

	if (in_guest && pn_apicv_intr(&k->apicv, &k->lapic, &taken) == PN_INTR_POSTED) {
		rig_interrupts(k->runs, false);
		return;
	}
	if (!in_guest)
		pn_lapic_take(&k->lapic);
	pn_lapic_eoi(&k->lapic);
	host_irq(c, vector);
	if (in_guest)
		rig_interrupts(k->runs, true);
}

static void handler(void *arg, uint8_t vector)
{
	struct pn_host_cpu *c = arg;
	struct rig_intel_core *k = rig_intel_core(c);

	take_turn(k);
	pn_lapic_accept(&k->lapic, vector);
	if (intel->conf.no_vm)
		rig_intel_bare_irq(c, k);
	else
		vm_irq(c, k, vector);
}

/* At rest. */
static const char *check_requests(struct rig_vcpu *v)
{
	uint32_t requests = v->h->requests;

	if (v->waits && requests)
		return "is in its guest, and has a request that nothing makes it handle";
	if (v->task.sleeping && requests & PN_REQ_BLOCK_MASK)
		return "sleeps with a request to wake up";
	if ((v->waits || v->task.sleeping) && !(requests & PN_REQ_APICV_UPDATE) &&
	    v->h->apicv == !!rig_ops()->inhibits(v->h))
		return "has handled its requests, and APICv does not follow the inhibits";
	return NULL;
}

static bool in_pir(const struct rig_vcpu *v, unsigned vector)
{
	return pn_vmx_of_const(v->h)->pid->pir[vector / 64] >> (vector % 64) & 1;
}

static const struct rig_vendor vendor = {
	.put = put,
	.waits = in_pir,
	.check = check_requests,
	.guest = guest,
	.deliver = deliver,
	.post = post,
	.pending = "its PIR or IRR",
	.cause = PN_INHIBIT_IRQWIN,
	.handler = handler,
};

/* ---- building ---- */

static void build_unit(void)
{
	static const struct pn_vtd_drv_config cfg = {
		.irt_entries = IRT_ENTRIES, .x2apic = true, .fault_apicid = 2};
	struct pn_vtd_config hw;

	intel->bus = rig->bus;
	intel->bus.ctx = intel;
	pn_host_agent_init(&intel->agent, 0, &intel->steps, NULL);
	px_ghost(&intel->steps, sizeof(intel->steps));
	intel->agent.observe = posted;
	intel->agent.step[PN_STEP_PIR_SET].watched = 1;
	if (intel->conf.no_unit)
		return;
	pn_vtd_config_default(&hw);
	hw.bus = &intel->bus;
	hw.agent = &intel->agent;
	hw.irte_cache = IRT_ENTRIES;
	if (intel->conf.caching_mode)
		hw.cap |= PN_VTD_CAP_CM;
	pn_vtd_create(&hw, &intel->vtd);
	intel->drv.mmio = (struct pn_mmio){intel, mmio_read, mmio_write};
	pn_vtd_drv_init(&intel->drv, &cfg, &rig->bus, &rig->pages, rig->cpu[0].agent);
}

static void build_cores(void)
{
	struct pn_apicv_features feat;

	pn_apicv_features_default(&feat);
	if (intel->conf.split_lines)
		px_split_lines();
	if (intel->conf.small_granule)
		feat.pir_granule = 32;
	for (unsigned i = 0; i < RIG_CPUS; i++) {
		struct pn_agent *a = &rig->cpu_agent[i];

		memset(&intel->core[i].apicv, 0xA5,
		       sizeof(intel->core[i].apicv)); /* what a caller may pass */
		pn_apicv_init(&intel->core[i].apicv, &rig->bus, a, &feat, true);
		a->observe = posted;
		a->step[PN_STEP_IPI_POST].watched = 1;
	}
}

static void build_vm(const struct rig_intel_conf *conf)
{
	const struct pn_vmx_config cfg = {
		.os = &rig->os,
		.cpu = rig->cpu,
		.nr_cpus = RIG_CPUS,
		.posting = !conf->no_posting,
		.ipiv = conf->ipiv,
		.host_x2apic = true,
	};

	for (unsigned i = 0; i < rig->vcpus; i++) {
		rig->vcpu[i].h = &intel->vcpu[i].h;
		intel->vcpu[i].h.task = &rig->vcpu[i].task;
	}
	pn_vmx_init(&intel->vmx, &cfg);
	rig->hyp = &intel->vmx.hyp;
	rig->vm = &intel->vm.h;
	pn_vmx_vm_init(&intel->vmx, &intel->vm, intel->vcpu, rig->vcpus, 0, true, 0, &rig->pages);
}

/* For counter-examples: the places that agents share. */
static void name_pid(struct pn_pid *pid, const char *whose, unsigned n)
{
	for (unsigned i = 0; i < 4; i++)
		px_name(&pid->pir[i], 8,
			rig_text("PIR[%02x-%02x] of %s %u", i * 64, i * 64 + 63, whose, n));
	px_name(&pid->control, 8, rig_text("PID control of %s %u", whose, n));
	px_name(pid, sizeof(*pid), rig_text("PID of %s %u", whose, n));
}

static void name_vcpu(unsigned n)
{
	struct pn_vmx_vcpu *v = &intel->vcpu[n];
	const char *list = rig_text("list of entries that post to vCPU %u", n);

	rig_name_vcpu(n);
	name_pid(v->pid, "vCPU", n);
	px_name(&v->ir_lock, 4, rig_text("ir_lock of vCPU %u", n));
	rig_watch_list(&v->ir_list, &v->ir_lock, list);
}

static void name_places(void)
{
	px_name(&intel->busy, 4, "IOMMU 0 itself");
	for (unsigned i = 0; i < RIG_CPUS; i++)
		px_name(&intel->core[i].turn, 4, rig_text("CPU %u itself", i));
	if (intel->conf.no_vm) {
		for (unsigned i = 0; i < RIG_CPUS; i++)
			name_pid(intel->pcpu[i].pid, "CPU", i);
		return;
	}
	for (unsigned i = 0; i < rig->vcpus; i++)
		name_vcpu(i);
	rig_name_cpus();
	rig_watch_wakelists();
	rig_watch_list(&rig->vm->routes, &rig->vm->routes_lock, "list of routes");
}

void rig_intel_build(const struct rig_intel_conf *conf)
{
	rig_init_at(&vendor, conf->vcpus, conf->ram_base ? conf->ram_base : RIG_RAM_BASE, RAM_SIZE);
	intel = px_alloc(sizeof(*intel), 64);
	intel->conf = *conf;
	build_cores();
	build_unit();
	if (conf->no_vm)
		rig_intel_build_bare();
	else
		build_vm(conf);
	name_places();
}

void rig_intel_init_ir(unsigned index)
{
	struct pn_vtd_ir *ir = &intel->ir[index];

	pn_vtd_ir_init(ir, &intel->drv, rig->cpu[0].agent, (uint16_t)index, RIG_DEVID, 1,
		       (uint8_t)(PN_VEC_DEVICE_FIRST + index));
	px_name(ir->irte, 16, rig_text("IRTE %u", index));
}

void rig_intel_attach(unsigned index, struct rig_vcpu *v, uint8_t vector)
{
	rig_intel_init_ir(index);
	rig_attach(index, &intel->ir[index].host, v, vector);
}
