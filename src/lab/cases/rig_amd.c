/* SPDX-License-Identifier: MIT */
/*
 * The explorer's small AMD machine: IOMMUs and cores of hw/amd, driver and hypervisor of host/amd,
 * without time.
 */
#include "rig_amd.h"

#include <string.h>

#define RAM_SIZE (176u << 10)

struct rig_amd *amd;
bool rig_amd_overflow_w1c;

/* ---- hardware ---- */

/*
 * The doorbell reaches a guest that waits inside. Other guests exit at HLT as soon as they have
 * nothing to deliver, and check before they sleep: there only the trace shows the doorbell.
 */
static void ring(uint32_t apicid)
{
	uint32_t who;

	if (apicid >= RIG_CPUS)
		return;
	pn_or32(&amd->bell[apicid], 1);
	who = amd->waiters ? pn_ld32(&amd->in[apicid]) : 0; /* pairs with guest() */
	if (who)
		rig_interrupts(&rig->vcpu[who - 1], false);
}

static void os_doorbell(void *ctx, struct pn_agent *self, uint32_t apicid)
{
	(void)ctx;
	rig_tells(self, apicid, "a doorbell");
	ring(apicid);
}

static void bus_doorbell(void *ctx, uint32_t apicid)
{
	(void)ctx;
	ring(apicid);
}

/* Describes an access to a register of the log, for counter-examples; NULL: some other register. */
static const char *access_text(uint32_t off, bool write, uint64_t value)
{
	/* by GALogRun, GALOverflow, GAInt: bits 8 to 10 */
	static const char *const reads[] = {
		"reads GALogRun=0 GALOverflow=0 GAInt=0", "reads GALogRun=1 GALOverflow=0 GAInt=0",
		"reads GALogRun=0 GALOverflow=1 GAInt=0", "reads GALogRun=1 GALOverflow=1 GAInt=0",
		"reads GALogRun=0 GALOverflow=0 GAInt=1", "reads GALogRun=1 GALOverflow=0 GAInt=1",
		"reads GALogRun=0 GALOverflow=1 GAInt=1", "reads GALogRun=1 GALOverflow=1 GAInt=1"};
	/* by GALOverflow, GAInt: bits 9 and 10 */
	static const char *const clears[] = {NULL, "writes 1 to GALOverflow", "writes 1 to GAInt",
					     "writes 1 to GALOverflow and GAInt"};

	if (off == PN_AMDVI_STATUS)
		return write ? clears[value >> 9 & 3] : reads[value >> 8 & 7];
	if (off == PN_AMDVI_GA_TAIL && !write)
		return "reads the log's tail";
	if (off == PN_AMDVI_GA_HEAD && write)
		return "moves the log's head";
	return off == PN_AMDVI_CONTROL && write ? "writes Control" : NULL;
}

/* The access is shown with the step that ends it: only then its value is known. */
static void mmio_leave(struct rig_amd_iommu *io, uint32_t off, bool write, uint64_t value)
{
	const char *text = access_text(off, write, value), *before = NULL;

	if (text)
		before = px_doing(text);
	px_device_leave(&io->busy);
	if (text)
		px_doing(before);
}

/* In the device: @io->running follows GALogRun. Pairs with px_relax_on() below. */
static void follow(struct rig_amd_iommu *io)
{
	uint64_t status;
	uint32_t runs;

	if (!amd->conf.stops_late)
		return;
	pn_amdvi_read(io->vi, PN_AMDVI_STATUS, 8, &status);
	runs = !!(status & PN_ST_GALOGRUN);
	if (io->running != runs)
		pn_xchg32(&io->running, runs);
}

static uint64_t mmio_read(void *ctx, uint32_t off, unsigned size)
{
	struct rig_amd_iommu *io = ctx;
	uint64_t v = 0;

	px_device_enter(&io->busy);
	pn_amdvi_read(io->vi, off, size, &v);
	mmio_leave(io, off, false, v);
	if (amd->conf.stops_late && off == PN_AMDVI_STATUS)
		px_relax_on(&io->running, !!(v & PN_ST_GALOGRUN));
	return v;
}

/* H16: the tag of an entry in guest mode is no vector, so none is in guest mode when GAPPIs begin.
 */
static void before_gappi(struct rig_amd_iommu *io, uint64_t value)
{
	uint64_t control;

	pn_amdvi_read(io->vi, PN_AMDVI_CONTROL, 8, &control);
	if (!(value & ~control & PN_CTRL_GAPPIEN))
		return;
	for (unsigned i = 0; i < RIG_IRS; i++)
		if (amd->ir[i].ir.irte && amd->ir[i].ir.irte->lo & PN_IRTE_GUESTMODE)
			px_fail("P6", "GAPPIEn rises while entry %u is in guest mode", i);
}

static void mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct rig_amd_iommu *io = ctx;

	px_device_enter(&io->busy);
	if (off == PN_AMDVI_STATUS && amd->conf.w1c_lost && io->acks++ == 0)
		value &= ~PN_ST_GAINT; /* the IOMMU sets it in the same cycle */
	if (off == PN_AMDVI_CONTROL)
		before_gappi(io, value);
	pn_amdvi_write(io->vi, off, size, value);
	follow(io);
	mmio_leave(io, off, true, value);
}

/* An IRR bit is set in this transition, in the page at @pa. */
static void posted(struct rig_amd_iommu *io, uint64_t pa, uint64_t vector)
{
	for (unsigned i = 0; i < rig->vcpus; i++)
		if (amd->vcpu[i].h.page_pa == pa)
			rig_device_posted(&rig->vcpu[i], (uint8_t)vector, &io->sends);
}

static void overflowed(struct rig_amd_iommu *io)
{
	io->overflowed = true;
	px_doing(amd->conf.stops_late ? "drops it: GALOverflow=1, GALogRun=1 still"
				      : "drops it: GALOverflow=1, GALogRun=0");
}

/* The same by a processor's IPI. */
static void tell_core(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	(void)ctx;
	(void)agent;
	(void)step;
	for (unsigned i = 0; i < rig->vcpus; i++)
		if (amd->vcpu[i].h.page_pa == a)
			rig_posted(&rig->vcpu[i], (uint8_t)b);
}

static void observe(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	struct rig_amd_iommu *io = pn_container(agent, struct rig_amd_iommu, agent);

	(void)ctx;
	if (step == PN_STEP_IRR_SET)
		posted(io, a, b);
	else if (step == PN_STEP_GALOG_DROP)
		px_doing("drops the entry: the log is off");
	else /* comes after the drop */
		overflowed(io);
}

/* ---- building ---- */

static void build_iommus(const struct rig_amd_conf *conf)
{
	struct pn_iommus_config cfg = {.notify = conf->notify,
				       .galog_entries = 512,
				       .devids = RIG_DEVID + 1,
				       .ga_apicid = 1,
				       .irtcachedis = conf->irtcachedis};
	unsigned n = conf->iommus ? conf->iommus : 1;

	for (unsigned i = 0; i < n; i++) {
		struct rig_amd_iommu *io = &amd->iommu[i];
		struct pn_amdvi_config hw;

		io->bus = rig->bus;
		io->bus.ctx = io;
		io->bus.doorbell = bus_doorbell;
		io->log.sleeping = 1;
		pn_host_agent_init(&io->agent, i, &io->steps, NULL);
		px_ghost(&io->steps, sizeof(io->steps));
		io->agent.observe = observe;
		io->steps.slot[PN_STEP_IRR_SET].watched = 1;
		io->steps.slot[PN_STEP_GALOG_DROP].watched = 1;
		io->steps.slot[PN_STEP_GALOG_OVERFLOW].watched = 1;
		pn_amdvi_config_default(&hw);
		hw.bus = &io->bus;
		hw.agent = &io->agent;
		hw.peer = i ? amd->iommu[0].vi : NULL;
		hw.knobs.volatile_fetch =
			conf->isrun_early ? PN_VOLATILE_BEFORE_IRR : PN_VOLATILE_AFTER_IRR;
		hw.knobs.galog_ring = conf->galog_ring;
		hw.knobs.overflow_restart =
			rig_amd_overflow_w1c ? PN_OVERFLOW_W1C : PN_OVERFLOW_TOGGLE;
		hw.async_stop = conf->stops_late;
		hw.dte_cache = 1;
		hw.irte_cache = 4;
		if (i == 1 && conf->no_gappi_on_1)
			hw.efr &= ~PN_EFR_GAPPISUP;
		if (conf->no_xt)
			hw.efr &= ~PN_EFR_XTSUP;
		pn_amdvi_create(&hw, &io->vi);
		pn_amdvi_pci_msi(io->vi, conf->no_xt, 0, 0); /* the driver writes where to */
		amd->drv[i].mmio = (struct pn_mmio){io, mmio_read, mmio_write};
	}
	pn_iommus_init(&amd->iommus, amd->drv, n, &cfg, &rig->os, &rig->bus, &rig->pages,
		       rig->cpu[0].agent);
	for (unsigned i = 0; i < n && conf->galog_ring; i++)
		amd->drv[i].galog_entries = conf->galog_ring;
	for (unsigned i = 0; i < n; i++)
		pn_amdvi_irt_create(&amd->drv[i], rig->cpu[0].agent, RIG_DEVID, 3);
}

static void build_cores(const struct rig_amd_conf *conf)
{
	struct pn_avic_features feat;

	pn_avic_features_default(&feat);
	feat.erratum1235 = conf->erratum_core;
	for (unsigned i = 0; i < RIG_CPUS; i++) {
		memset(&amd->core[i], 0xA5, sizeof(amd->core[i])); /* what a caller may pass */
		pn_avic_init(&amd->core[i], &rig->bus, &rig->cpu_agent[i], &feat, i);
		rig->cpu_agent[i].observe = tell_core;
		rig->cpu_steps[i].slot[PN_STEP_IPI_POST].watched = 1;
	}
}

static void build_vms(const struct rig_amd_conf *conf)
{
	struct pn_svm_config cfg = {.os = &rig->os,
				    .iommus = &amd->iommus,
				    .cpu = rig->cpu,
				    .nr_cpus = RIG_CPUS,
				    .masked = conf->masked,
				    .recover = conf->recover,
				    .erratum1235 = conf->erratum_known};

	for (unsigned i = 0; i < rig->vcpus; i++) {
		rig->vcpu[i].h = &amd->vcpu[i].h;
		amd->vcpu[i].h.task = &rig->vcpu[i].task;
	}
	pn_svm_init(&amd->svm, &cfg);
	rig->hyp = &amd->svm.hyp;
	rig->vm = &amd->vm[0].h;
	if (conf->two_vms) {
		pn_svm_vm_init(&amd->svm, &amd->vm[0], &amd->vcpu[0], 1, !conf->xapic, true, 0,
			       &rig->pages);
		pn_svm_vm_init(&amd->svm, &amd->vm[1], &amd->vcpu[1], 1, !conf->xapic, true, 0,
			       &rig->pages);
	} else {
		pn_svm_vm_init(&amd->svm, &amd->vm[0], &amd->vcpu[0], rig->vcpus, !conf->xapic,
			       true, 0, &rig->pages);
	}
	pn_vapic_write(amd->vcpu[0].h.page, PN_APIC_TPR, conf->tpr);
	pn_vapic_write(amd->vcpu[0].h.page, PN_APIC_PPR, conf->tpr);
}

/* For counter-examples: the places that agents share. */
static void name_places(unsigned iommus)
{
	for (unsigned i = 0; i < rig->vcpus; i++) {
		struct pn_svm_vcpu *v = &amd->vcpu[i];

		rig_name_vcpu(i);
		px_name(v->phys_entry, 8, rig_text("physical ID entry of vCPU %u", i));
		px_name(&v->ir_lock, 4, rig_text("ir_lock of vCPU %u", i));
	}
	rig_name_cpus();
	rig_watch_wakelists();
	for (unsigned i = 0; i < iommus; i++) {
		px_name(&amd->iommu[i].busy, 4, i ? "IOMMU 1 itself" : "IOMMU 0 itself");
		px_name(&amd->iommu[i].log, 4, i ? "log thread 1 asleep" : "log thread 0 asleep");
	}
}

static const struct rig_vendor vendor;

void rig_amd_build(const struct rig_amd_conf *conf)
{
	rig_init(&vendor, conf->vcpus, RAM_SIZE);
	amd = px_alloc(sizeof(*amd), 64);
	amd->conf = *conf;
	rig->bus.doorbell = bus_doorbell;
	rig->os.doorbell = os_doorbell;
	build_cores(conf);
	build_iommus(conf);
	build_vms(conf);
	name_places(conf->iommus ? conf->iommus : 1);
	amd->iommu[0].acks = 0;
}

void rig_amd_attach(unsigned index, unsigned iommu, struct rig_vcpu *v, uint8_t vector)
{
	struct rig_amd_ir *ir = &amd->ir[index];

	ir->iommu = iommu;
	pn_amdvi_ir_init(&ir->ir, &amd->drv[iommu], rig->cpu[0].agent, RIG_DEVID, (uint16_t)index,
			 1, (uint8_t)(PN_VEC_DEVICE_FIRST + index));
	rig_attach(index, &ir->ir.host, v, vector);
	px_name(ir->ir.irte, 16, rig_text("IRTE %u", index));
}

/* ---- what a vCPU does ---- */

static void post(unsigned index)
{
	struct rig_amd_ir *ir = &amd->ir[index];
	struct rig_amd_iommu *io = &amd->iommu[ir->iommu];
	struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .data = index, .devid = RIG_DEVID};

	px_device_enter(&io->busy);
	/* With @moving it is decided on its way where it goes: owed from there on. */
	io->sends = amd->conf.moving ? NULL : rig_sends(index);
	if (pn_amdvi_msi(io->vi, &msi) == PN_MSI_ABORTED)
		px_fail("P6", "the IOMMU aborted an interrupt request");
	if (io->sends)
		rig_has_sent(io->sends);
	px_device_leave(&io->busy);
}

void rig_amd_stop_log(unsigned iommu)
{
	struct rig_amd_iommu *io = &amd->iommu[iommu];

	px_doing("the log stops: GALogRun=0");
	px_device_enter(&io->busy);
	pn_amdvi_log_stop(io->vi);
	follow(io);
	px_device_leave(&io->busy);
}

static void deliver(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	struct pn_avic *av = &amd->core[c->id];
	struct pn_avic_exit exit;
	int vector;

	px_doing("in the guest");
	/* What rang before VMRUN has no effect, and VMRUN itself evaluates. */
	if (v->stays && pn_xchg32(&amd->bell[c->id], 0) && !pn_avic_doorbell(av))
		return;
	while ((vector = pn_avic_evaluate(av, true)) >= 0) {
		pn_avic_deliver(av, (uint8_t)vector);
		rig_took(v, vector);
		if (amd->conf.mail)
			amd->seen = pn_ld32(&amd->mail); /* pairs with the sender, before its OR */
		pn_avic_write(av, PN_APIC_EOI, 0, &exit);
		if (v == &rig->vcpu[0] && amd->conf.lowers_tpr)
			pn_avic_write(av, PN_APIC_TPR, 0, &exit);
	}
}

/* Where a guest that waits inside is: for the doorbell, which has no effect elsewhere. */
static void is_in(struct rig_vcpu *v, struct pn_host_cpu *c, bool in)
{
	if (v->stays)
		pn_xchg32(&amd->in[c->id], in ? (uint32_t)(v - rig->vcpu) + 1 : 0);
}

static void guest(struct rig_vcpu *v, struct pn_host_cpu *c)
{
	struct pn_avic *av = &amd->core[c->id];
	struct pn_avic_vmcb vmcb;
	int vector;

	px_doing("enters the guest");
	is_in(v, c, true); /* physical interrupts from here on make it leave at once */
	vector = pn_svm_enter(v->h, c);
	if (vector >= 0) {
		is_in(v, c, false);
		rig_took(v, vector);
		pn_svm_leave(v->h, c);
		pn_svm_eoi(v->h, c);
		return;
	}
	pn_svm_vmcb(pn_svm_of(v->h), &vmcb);
	pn_avic_vmrun(av, &vmcb);
	rig_in_guest(v, c);
	px_doing(v->stays ? "leaves the guest: an interrupt" : "leaves the guest: HLT");
	is_in(v, c, false);
	pn_avic_vmexit(av);
	pn_svm_leave(v->h, c);
}

/* ---- interrupts of the host ---- */

/* With a second vector by rig_amd_affinity(), the first is free and has no owner. */
static void device_irq(uint8_t vector, struct pn_host_cpu *c)
{
	if (amd->moved && (vector < RIG_AMD_MOVED || c->id != 2))
		px_fail("P6", "CPU %u gets vector 0x%02x, which belongs to nobody any more", c->id,
			vector);
	else
		rig_device_irq(vector < RIG_AMD_MOVED ? vector : vector - RIG_IRS, c);
}

void rig_amd_handler(void *arg, uint8_t vector)
{
	struct pn_host_cpu *c = arg;
	uint32_t in = amd->waiters ? pn_ld32(&amd->in[c->id]) : 0; /* only this CPU writes it */

	switch (vector) {
	case PN_VEC_WAKEUP:
		if (amd->new_kernel)
			px_fail("P6", "vector 0x%02x arrives and nobody owns it", vector);
		else
			pn_svm_wakeup_irq(&amd->svm.hyp, c);
		break;
	case PN_VEC_GA_LOG:
		for (unsigned i = 0; i < amd->iommus.n; i++)
			pn_galog_irq(&amd->drv[i], c->agent, &amd->iommu[i].log);
		break;
	case PN_VEC_RESCHED:
		break;
	default:
		device_irq(vector, c);
	}
	if (in) /* the exit comes first; the guest goes on when the handler is done */
		rig_interrupts(&rig->vcpu[in - 1], true);
}

static bool is_off(struct rig_amd_iommu *io)
{
	uint64_t control;

	pn_amdvi_read(io->vi, PN_AMDVI_CONTROL, 8, &control);
	return !(control & (PN_CTRL_IOMMUEN | PN_CTRL_GALOGEN | PN_CTRL_GAPPIEN));
}

/* At rest. */
static const char *check(struct rig_vcpu *v)
{
	const struct pn_svm_vcpu *sv = pn_svm_of(v->h);
	uint32_t requests = pn_ld32(&v->h->requests);
	bool inhibited = pn_svm_inhibits(v->h);

	for (unsigned i = 0; amd->new_kernel && i < amd->iommus.n; i++)
		if (!is_off(&amd->iommu[i]))
			return "is of a kernel that is gone, and an IOMMU is on";
	if (amd->conf.mail && amd->seen != amd->mail)
		return "took its last interrupt without the data that was sent before it";
	if (v->task.sleeping && requests & PN_REQ_BLOCK_MASK)
		return "sleeps with a request, and nobody is left to wake it";
	if (sv->on_list && !pn_host_apicv(v->h))
		return "is on a wakeup list, and its AVIC is off";
	if (v->task.sleeping && sv->on_list && amd->conf.masked == PN_MASKED_PARK &&
	    !pn_vapic_empty(v->h->page, PN_APIC_IRR))
		return "sleeps with a bit in its IRR, so that no GAPPI will come (H1)";
	if (v->waits && requests & PN_REQ_APICV_UPDATE)
		return "stays in its guest with a request, and nobody is left to kick it";
	if (!(requests & PN_REQ_APICV_UPDATE) && pn_host_apicv(v->h) == inhibited)
		return inhibited ? "AVIC is active although there is a cause against it"
				 : "AVIC is off without a cause";
	for (unsigned i = 0; i < RIG_IRS; i++)
		if (rig->ir[i].entry == NULL || rig->ir[i].entry->vcpu != v->h)
			continue;
		else if (amd->ir[i].ir.drv && sv->on_list && !amd->svm.cpu[sv->gcpu].online)
			return "is on the list of a CPU that is gone";
	return NULL;
}

static void gone(void)
{
	px_kill(&amd->svm.vm_lock, sizeof(amd->svm.vm_lock), "P6", "the module's list of VMs");
}

static const struct rig_vendor vendor = {
	.gone = gone,
	.guest = guest,
	.deliver = deliver,
	.check = check,
	.post = post,
	.pending = "its IRR",
	.cause = PN_INHIBIT_HYPERV,
	.handler = rig_amd_handler,
};

/* ---- log threads ---- */

void rig_amd_log_thread(unsigned iommu)
{
	struct rig_amd_iommu *io = &amd->iommu[iommu];
	struct pn_amdvi_drv *d = &amd->drv[iommu];

	for (;;) {
		px_sleep(&io->log.sleeping, "the log thread");
		do {
			/* Asleep first: pairs with pn_galog_irq(). */
			pn_xchg32(&io->log.sleeping, 1);
		} while (pn_galog_step(d, rig->cpu[1].agent));
	}
}

static void log_thread(void *arg)
{
	rig_amd_log_thread((unsigned)((struct rig_amd_iommu *)arg - amd->iommu));
}

void rig_amd_run_log(unsigned iommu, int cpu)
{
	static const char *const name[] = {"log thread 0", "log thread 1"};

	px_thread(name[iommu], cpu, log_thread, &amd->iommu[iommu]);
}
