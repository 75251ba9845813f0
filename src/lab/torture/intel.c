/* SPDX-License-Identifier: MIT */
/* The Intel machine on real threads: remapping units and processors of hw/intel, with the
 * hypervisor of host/intel, or with posted MSIs on bare metal. */
#include <errno.h>
#include <stdlib.h>

#include "posted_msi.h"
#include "postern/apicv.h"
#include "postern/vtd.h"
#include "rig.h"
#include "vectors.h"
#include "vmx.h"

#define IRT_ENTRIES 256u
#define FEW_ENTRIES 4u /* in the cache of every other unit: most interrupts fetch theirs again */

struct core {
	struct pn_apicv apicv;
	struct pn_vmcs_apic vmcs;
	struct pn_lapic lapic; /* what reaches it in the guest */
	int in_service;	       /* on bare metal: interrupts without an EOI */
};

struct intel {
	struct pn_vtd_drv drv[SMP_DEVICES];
	struct pn_vmx vmx;
	struct pn_vmx_vm vm;
	struct pn_vmx_vcpu vcpu[SMP_VCPUS];
	struct core core[SMP_CPUS];
	struct pn_vtd_ir ir[SMP_SOURCES];
	bool posted_msi;
	struct pn_pmsi pmsi;
	struct pn_pmsi_cpu pcpu[SMP_CPUS];
};

_Static_assert(sizeof(((struct intel *)0)->vcpu) <= SMP_WATCH_HOST, "their requests are watched");

static struct intel *intel_of(const struct smp *s)
{
	return s->machine;
}

/* ---- the units ---- */

static uint64_t mmio_read(void *ctx, uint32_t off, unsigned size)
{
	struct smp_device *d = ctx;
	uint64_t v = 0;

	smp_hold(&d->busy);
	pn_vtd_read(d->hw, off, size, &v);
	smp_let_go(&d->busy);
	return v;
}

static void mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct smp_device *d = ctx;

	smp_hold(&d->busy);
	pn_vtd_write(d->hw, off, size, value);
	smp_let_go(&d->busy);
}

static void post(struct smp_device *d, struct smp_source *src)
{
	struct pn_msi msi = {.devid = TOR_DEVID};

	pn_vtd_ir_msi(&intel_of(d->s)->ir[src->index], &msi.addr, &msi.data);
	if (pn_vtd_msi(d->hw, &msi) == PN_MSI_ABORTED)
		smp_fail(d->s, "P6", "unit %u blocks interrupt %u", d->id, src->index);
}

/* Bare metal: the CPU whose descriptor it is posted to. */
static int affinity(struct smp_source *src, struct smp_cpu *to, struct smp_cpu *self)
{
	struct intel *in = intel_of(to->s);
	uint8_t vector = src->host_vector;

	if (in->posted_msi)
		return pn_pmsi_attach(&in->pmsi, &in->ir[src->index], &self->agent, to->host,
				      vector);
	return pn_vtd_ir_affinity(&in->ir[src->index], &self->agent, to->id, vector);
}

static bool direct(const struct smp_source *src)
{
	return pn_container(src->entry, struct pn_vtd_ir, host)->posted;
}

/* By a device whose entry it is not. */
static void stray(struct smp_device *d)
{
	struct pn_msi msi = {.devid = TOR_DEVID + 1};

	pn_vtd_ir_msi(&intel_of(d->s)->ir[d->source[0]], &msi.addr, &msi.data);
	if (pn_vtd_msi(d->hw, &msi) == PN_MSI_ABORTED)
		d->strays++;
	else
		smp_fail(d->s, "P7", "unit %u accepts an interrupt from another source", d->id);
}

/* Of an MSI that is refused. */
static bool fault(struct smp_cpu *c, uint8_t vector)
{
	if (vector != PN_VEC_DMAR_FAULT)
		return false;
	for (unsigned i = 0; i < c->s->devices; i++)
		pn_vtd_drv_fault_irq(&intel_of(c->s)->drv[i], &c->agent);
	return true;
}

/* No other interrupt reports what is left there (11.4.9). */
static bool has_records(struct smp_device *d)
{
	uint64_t status = 0;

	pn_vtd_read(d->hw, PN_VTD_FSTS, 4, &status);
	return status & (PN_VTD_FSTS_PPF | PN_VTD_FSTS_PFO);
}

static const char *check(struct smp *s)
{
	for (unsigned i = 0; i < s->devices; i++) {
		struct pn_vtd_stats st;

		pn_vtd_stats(s->device[i].hw, &st);
		if (s->device[i].illegal)
			return "a unit sent a vector below 16";
		if (has_records(&s->device[i]))
			return "fault records stay behind";
		if (st.faults + st.faults_dropped != s->device[i].strays ||
		    st.faults != intel_of(s)->drv[i].faults)
			return "an interrupt was refused without a fault";
		if (st.msis != st.posted + st.remapped + s->device[i].strays)
			return "a unit blocked or forwarded interrupts";
	}
	return NULL;
}

/* ---- the guest ---- */

static void irq(struct smp_cpu *c, uint8_t vector)
{
	if (vector == PN_VEC_WAKEUP)
		pn_vmx_wakeup_irq(&intel_of(c->s)->vmx.hyp, c->host);
	else if (vector != PN_VEC_POSTED && !fault(c, vector)) /* no guest takes it */
		smp_fail(c->s, "P6", "CPU %u gets vector 0x%02x, which has no owner", c->id,
			 vector);
}

/* A physical interrupt in the guest: a notification is taken there, others make it exit. */
static bool exits(struct smp_cpu *c, struct core *k)
{
	int vector = smp_take_irq(c), taken = -1;

	if (vector < 0)
		return false;
	pn_lapic_accept(&k->lapic, (uint8_t)vector);
	if (pn_apicv_intr(&k->apicv, &k->lapic, &taken) != PN_INTR_EXIT)
		return false;
	pn_lapic_eoi(&k->lapic);
	c->deferred = taken;
	return true;
}

static void set_tpr(struct core *k, int tpr)
{
	struct pn_apicv_exit exit;

	if (tpr >= 0)
		(void)pn_apicv_write_cr8(&k->apicv, (uint8_t)(tpr >> 4), &exit);
}

static bool take(struct smp_vcpu *v, struct smp_cpu *c, struct core *k)
{
	struct pn_apicv_exit exit;
	int vector = pn_apicv_pending(&k->apicv, true), tpr;

	if (vector < 0)
		return false;
	pn_apicv_deliver(&k->apicv);
	smp_handle(v, c, vector, &tpr);
	if (pn_apicv_wrmsr(&k->apicv, PN_X2APIC_MSR + PN_APIC_EOI / 16, 0, &exit) >
	    PN_APICV_EVALUATE)
		smp_fail(c->s, "P5", "EOI of vector 0x%02x exits", (unsigned)vector);
	smp_ended(v, c);
	set_tpr(k, tpr);
	return true;
}

/* An IPI to itself by the register that hardware virtualizes, or by the other one. */
static enum pn_apicv_access write_ipi(struct smp_cpu *c, struct core *k, uint64_t icr)
{
	bool self = PN_ICR_SHORTHAND(icr) == PN_ICR_SH_SELF && smp_draw(&c->dice, 2);
	uint32_t reg = self ? PN_APIC_SELF_IPI : PN_APIC_ICRL;
	struct pn_apicv_exit exit;

	return pn_apicv_wrmsr(&k->apicv, PN_X2APIC_MSR + reg / 16, self ? PN_ICR_VECTOR(icr) : icr,
			      &exit);
}

/* False: the guest exits. The hypervisor finds the ICR in the page. */
static bool send(struct smp_vcpu *v, struct smp_cpu *c, struct core *k)
{
	uint64_t icr = tor_next_ipi(v, c);

	if (write_ipi(c, k, icr) <= PN_APICV_EVALUATE)
		return true;
	pn_vapic_write(v->h->page, PN_APIC_ICRL, (uint32_t)icr);
	pn_vapic_write(v->h->page, PN_APIC_ICRL + 4, (uint32_t)(icr >> 32));
	v->exit[0] = 1;
	return false;
}

/* From VM entry to VM exit: it evaluates at the entry, at notifications and after an EOI. */
static enum smp_left inside(struct smp_vcpu *v, struct smp_cpu *c, struct core *k)
{
	for (;;) {
		if (smp_interrupted(c)) {
			if (exits(c, k))
				return SMP_INTERRUPTED;
			continue;
		}
		if (take(v, c, k))
			continue;
		if (v->ipis) { /* perhaps to itself */
			if (!send(v, c, k))
				return SMP_AGAIN;
			continue;
		}
		if (!v->stays || smp_wanted(c))
			return SMP_HALTED;
		pn_xchg32(&c->bell, 0); /* this vendor has no doorbell: a stray one means nothing */
		v->inside = true;
		smp_wait(c);
		v->inside = false;
	}
}

/* Without virtual-interrupt delivery the host injects one at the entry, and its EOI exits. */
static enum smp_left injected(struct smp_vcpu *v, struct smp_cpu *c, struct core *k, int vector)
{
	int tpr;

	smp_handle(v, c, vector, &tpr);
	set_tpr(k, tpr);
	pn_apicv_vmexit(&k->apicv, &k->vmcs);
	pn_vmx_vmexit(pn_vmx_of(v->h), &k->vmcs);
	pn_vmx_leave(v->h, c->host);
	pn_irq_on(&c->agent);
	pn_vmx_eoi(v->h, c->host);
	return SMP_AGAIN;
}

static enum smp_left guest(struct smp_vcpu *v, struct smp_cpu *c)
{
	struct core *k = &intel_of(c->s)->core[c->id];
	struct pn_apicv_exit exit;
	enum smp_left left;
	int vector, err;

	pn_irq_off(&c->agent);
	vector = pn_vmx_enter(v->h, c->host);
	pn_vmx_vmcs(pn_vmx_of(v->h), &k->vmcs);
	err = pn_apicv_vmentry(&k->apicv, &k->vmcs, &exit);
	if (err < 0)
		smp_fail(c->s, "P7", "VM entry refuses the VMCS of vCPU %u", v->id);
	if (vector >= 0)
		return injected(v, c, k, vector);
	left = inside(v, c, k);
	pn_apicv_vmexit(&k->apicv, &k->vmcs);
	pn_vmx_vmexit(pn_vmx_of(v->h), &k->vmcs);
	pn_vmx_leave(v->h, c->host);
	pn_irq_on(&c->agent);
	if (v->exit[0])
		pn_vmx_icr_exit(pn_vmx_of(v->h), c->host);
	v->exit[0] = 0;
	return left;
}

/* Where a PIR is moved into the IRR, bits merge without a count. */
static uint64_t hidden(struct smp *s)
{
	(void)s;
	return UINT64_MAX;
}

/* ---- bare metal ---- */

static void dispatch(void *ctx, struct pn_host_cpu *c, uint8_t vector)
{
	struct smp *s = ctx;

	smp_host_took(s, c->id, vector);
	pn_pmsi_ack(&intel_of(s)->pcpu[c->id]);
}

static void eoi(void *ctx, struct pn_host_cpu *c)
{
	intel_of(ctx)->core[c->id].in_service--;
}

/* Interrupts do not nest here. */
static void check_service(struct smp_cpu *c, uint8_t vector)
{
	int *in_service = &intel_of(c->s)->core[c->id].in_service;

	if (*in_service)
		smp_fail(c->s, "P6", "CPU %u ends vector 0x%02x %s", c->id, vector,
			 *in_service > 0 ? "never" : "twice");
	*in_service = 0;
}

static void bare_irq(struct smp_cpu *c, uint8_t vector)
{
	struct pn_pmsi_cpu *p = &intel_of(c->s)->pcpu[c->id];

	if (fault(c, vector))
		return;
	if (vector != PN_VEC_POSTED_MSI || !intel_of(c->s)->posted_msi) {
		smp_fail(c->s, "P6", "CPU %u gets vector 0x%02x, which has no owner", c->id,
			 vector);
		return;
	}
	intel_of(c->s)->core[c->id].in_service++;
	pn_pmsi_irq_begin(p);
	while (pn_pmsi_irq_step(p))
		;
	check_service(c, vector);
}

/* Posted MSIs: one that was found when its old CPU went offline, and is sent again. */
static void bare_device_irq(struct smp_cpu *c, struct smp_source *src)
{
	struct intel *in = intel_of(c->s);

	if (!in->posted_msi) {
		smp_host_took(c->s, c->id, src->host_vector);
		return;
	}
	in->core[c->id].in_service++;
	pn_pmsi_device_irq(&in->pcpu[c->id], src->host_vector);
	check_service(c, src->host_vector);
}

static void send_again(void *ctx, uint8_t vector)
{
	smp_raise(ctx, vector);
}

/* Its entries have moved, so nothing is posted there any more. */
static void bare_left(struct smp_cpu *c, struct smp_cpu *self)
{
	struct intel *in = intel_of(c->s);

	if (in->posted_msi)
		pn_pmsi_drain(&in->pcpu[c->id], &self->agent, send_again, self);
}

/* ---- building ---- */

static const uint8_t notices[] = {PN_VEC_WAKEUP, PN_VEC_POSTED, 0};

static const uint8_t bare_notices[] = {PN_VEC_POSTED_MSI, 0};

static const struct smp_ops ops = {
	.post = post,
	.stray = stray,
	.direct = direct,
	.irq = irq,
	.guest = guest,
	.affinity = affinity,
	.hidden = hidden,
	.notices = notices,
	.check = check,
};

static const struct smp_ops bare_ops = {
	.post = post,
	.stray = stray,
	.notices = bare_notices,
	.left = bare_left,
	.irq = bare_irq,
	.device_irq = bare_device_irq,
	.affinity = affinity,
	.check = check,
};

static int build_unit(struct smp *s, struct smp_device *d)
{
	static const struct pn_vtd_drv_config cfg = {
		.irt_entries = IRT_ENTRIES, .x2apic = true, .fault_apicid = 0};
	struct pn_vtd_drv *drv = &intel_of(s)->drv[d->id];
	struct pn_vtd_config hw;
	struct pn_vtd *unit;
	int err;

	d->bus.intr = tor_unit_intr;
	pn_vtd_config_default(&hw);
	hw.bus = &d->bus;
	hw.agent = &d->agent;
	hw.irte_cache = d->id % 2 ? IRT_ENTRIES : FEW_ENTRIES;
	err = pn_vtd_create(&hw, &unit);
	if (err)
		return err;
	d->hw = unit;
	drv->mmio = (struct pn_mmio){d, mmio_read, mmio_write};
	return pn_vtd_drv_init(drv, &cfg, &s->bus, &s->pages, &s->cpu[0].agent);
}

static void build_cores(struct smp *s)
{
	struct pn_apicv_features feat;

	pn_apicv_features_default(&feat);
	for (unsigned i = 0; i < s->cpus; i++) {
		s->cpu[i].bus.intr = tor_core_intr;
		pn_apicv_init(&intel_of(s)->core[i].apicv, &s->cpu[i].bus, &s->cpu[i].agent, &feat,
			      true);
	}
}

static int build_vm(struct smp *s, const struct pn_mode *mode)
{
	struct intel *in = intel_of(s);
	const struct pn_vmx_config cfg = {
		.os = &s->os,
		.cpu = s->host_cpu,
		.nr_cpus = s->cpus,
		.posting = s->devices != 0,
		.ipiv = pn_mode_has(mode, PN_TRAIT_IPIV),
		.host_x2apic = true,
	};
	int err;

	/* A page and a descriptor each: half of them. */
	tor_straddle(s, s->vcpus * TOR_PAGE);
	pn_vmx_init(&in->vmx, &cfg);
	s->hyp = &in->vmx.hyp;
	s->vm = &in->vm.h;
	for (unsigned i = 0; i < s->vcpus; i++) {
		s->vcpu[i].h = &in->vcpu[i].h;
		in->vcpu[i].h.task = &s->vcpu[i].task;
	}
	err = pn_vmx_vm_init(&in->vmx, &in->vm, in->vcpu, s->vcpus, 0, true, 0, &s->pages);
	for (unsigned i = 0; i < s->vcpus && !err; i++)
		s->vcpu[i].pir = in->vcpu[i].pid->pir;
	return err;
}

static int build_bare(struct smp *s, const struct pn_mode *mode)
{
	struct intel *in = intel_of(s);
	const struct pn_pmsi_config cfg = {
		.cpu = s->host_cpu,
		.nr_cpus = s->cpus,
		.loops = mode->loops,
		.x2apic = true,
		.ctx = s,
		.dispatch = dispatch,
		.eoi = eoi,
	};

	for (unsigned i = 0; i < s->cpus; i++)
		pn_host_cpu_init(&s->host_cpu[i], i);
	in->posted_msi = pn_mode_has(mode, PN_TRAIT_POSTED_MSI);
	tor_straddle(s, s->cpus / 2 * sizeof(struct pn_pid));
	return in->posted_msi ? pn_pmsi_init(&in->pmsi, in->pcpu, &cfg, &s->pages) : 0;
}

static int build_source(struct smp *s, struct smp_source *src)
{
	struct intel *in = intel_of(s);
	struct pn_vtd_ir *ir = &in->ir[src->index];
	struct smp_cpu *to = &s->cpu[src->index % s->cpus];
	int err = pn_vtd_ir_init(ir, &in->drv[src->device], &s->cpu[0].agent, (uint16_t)src->index,
				 TOR_DEVID, to->id, src->host_vector);

	src->entry = &ir->host;
	if (err || !s->hyp)
		return err ? err : affinity(src, to, &s->cpu[0]);
	return pn_vmx_pi_update(s->hyp, src->entry, s->vcpu[src->target].h, src->vector,
				&s->host_cpu[0]);
}

static int build(struct smp *s, const struct pn_mode *mode,
		 int (*host)(struct smp *s, const struct pn_mode *mode))
{
	int err = 0;

	s->machine = calloc(1, sizeof(struct intel));
	if (!s->machine)
		return -ENOMEM;
	build_cores(s);
	for (unsigned i = 0; i < s->devices && !err; i++)
		err = build_unit(s, &s->device[i]);
	if (!err)
		err = host(s, mode);
	for (unsigned i = 0; i < s->timers && s->devices && !err; i++)
		err = build_source(s, &s->source[i]);
	return err;
}

int tor_intel_build(struct smp *s, const struct pn_mode *mode)
{
	s->ops = &ops;
	tor_chores(s, PN_INHIBIT_IRQWIN);
	return build(s, mode, build_vm);
}

int tor_bare_build(struct smp *s, const struct pn_mode *mode)
{
	s->ops = &bare_ops;
	tor_add_chore(s, "affinity", tor_chore_affinity, SMP_HOLDS_CPUS);
	tor_add_chore(s, "preempt", tor_chore_preempt, 0);
	if (s->cpus > 1) {
		tor_add_chore(s, "offline", tor_chore_offline, SMP_HOLDS_CPUS);
		tor_add_chore(s, "online", tor_chore_online, SMP_HOLDS_CPUS);
	}
	return build(s, mode, build_bare);
}

void tor_intel_free(struct smp *s)
{
	for (unsigned i = 0; i < s->devices; i++)
		if (s->device[i].hw)
			pn_vtd_destroy(s->device[i].hw);
	free(s->machine);
}
