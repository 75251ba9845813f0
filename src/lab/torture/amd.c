/* SPDX-License-Identifier: MIT */
/* The AMD machine on real threads: IOMMUs and cores of hw/amd, driver and hypervisor of host/amd.
 */
#include <errno.h>
#include <stdlib.h>

#include "postern/amdvi.h"
#include "postern/avic.h"
#include "rig.h"
#include "svm.h"
#include "vectors.h"

#define DEVIDS	  3
#define IRT_ORDER 8 /* 2^8 entries in the table of a device */

struct amd {
	struct pn_amdvi_drv drv[SMP_DEVICES];
	struct pn_iommus iommus;
	struct pn_svm svm;
	struct pn_svm_vm vm;
	struct pn_svm_vcpu vcpu[SMP_VCPUS];
	struct pn_avic core[SMP_CPUS];
	struct pn_amdvi_ir ir[SMP_SOURCES];
	enum pn_notify notify;
	uint32_t log_cpu; /* takes the logs' interrupts; under the chores' lock */
};

_Static_assert(sizeof(((struct amd *)0)->vcpu) <= SMP_WATCH_HOST, "their requests are watched");

static struct amd *amd_of(const struct smp *s)
{
	return s->machine;
}

/* ---- the units ---- */

/* Several devices behind each IOMMU, with a table each. */
static uint16_t devid_of(const struct smp_source *src)
{
	return (uint16_t)(TOR_DEVID + src->index % DEVIDS);
}

static uint64_t mmio_read(void *ctx, uint32_t off, unsigned size)
{
	struct smp_device *d = ctx;
	uint64_t v = 0;

	smp_hold(&d->busy);
	pn_amdvi_read(d->hw, off, size, &v);
	smp_let_go(&d->busy);
	return v;
}

static void mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct smp_device *d = ctx;

	smp_hold(&d->busy);
	pn_amdvi_write(d->hw, off, size, value);
	smp_let_go(&d->busy);
}

static void post(struct smp_device *d, struct smp_source *src)
{
	struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .data = src->index, .devid = devid_of(src)};

	if (pn_amdvi_msi(d->hw, &msi) == PN_MSI_ABORTED)
		smp_fail(d->s, "P6", "IOMMU %u aborts interrupt %u", d->id, src->index);
}

/* Beyond the table. */
static void stray(struct smp_device *d)
{
	struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE,
			     .data = 1u << IRT_ORDER,
			     .devid = devid_of(&d->s->source[d->source[0]])};

	if (pn_amdvi_msi(d->hw, &msi) == PN_MSI_ABORTED)
		d->strays++;
	else
		smp_fail(d->s, "P7", "IOMMU %u accepts an index beyond the table", d->id);
}

static void ring(struct smp *s, uint32_t apicid)
{
	if (apicid < s->cpus)
		smp_ring(&s->cpu[apicid]);
	else
		smp_fail(s, "P5", "a doorbell goes to CPU %u", apicid);
}

static void unit_doorbell(void *ctx, uint32_t apicid)
{
	ring(((struct smp_device *)ctx)->s, apicid);
}

static void core_doorbell(void *ctx, uint32_t apicid)
{
	ring(((struct smp_cpu *)ctx)->s, apicid);
}

static void os_doorbell(void *ctx, struct pn_agent *self, uint32_t apicid)
{
	(void)ctx;
	ring(smp_cpu_of(self)->s, apicid);
}

static bool log_step(void *arg, struct smp_cpu *c)
{
	return pn_galog_step(arg, &c->agent);
}

static int affinity(struct smp_source *src, struct smp_cpu *to, struct smp_cpu *self)
{
	return pn_amdvi_ir_affinity(&amd_of(to->s)->ir[src->index], &self->agent, to->id,
				    src->host_vector);
}

static bool direct(const struct smp_source *src)
{
	return pn_container(src->entry, struct pn_amdvi_ir, host)->guest_mode;
}

static void irq(struct smp_cpu *c, uint8_t vector)
{
	struct amd *a = amd_of(c->s);

	if (vector == PN_VEC_WAKEUP)
		pn_svm_wakeup_irq(&a->svm.hyp, c->host);
	else if (vector == PN_VEC_GA_LOG)
		for (unsigned i = 0; i < a->iommus.n; i++)
			pn_galog_irq(&a->drv[i], &c->agent, &c->s->device[i].log);
	else if (vector != PN_VEC_POSTED) /* a spurious one */
		smp_fail(c->s, "P6", "CPU %u gets vector 0x%02x, which has no owner", c->id,
			 vector);
}

/* ---- the guest ---- */

static void set_tpr(struct smp_vcpu *v, struct pn_avic *av, int tpr)
{
	if (tpr < 0)
		return;
	if (pn_host_apicv(v->h))
		pn_avic_write_cr8(av, (uint8_t)(tpr >> 4));
	else
		pn_vapic_write(v->h->page, PN_APIC_TPR, (uint32_t)tpr);
}

static void take(struct smp_vcpu *v, struct smp_cpu *c, struct pn_avic *av, int vector)
{
	struct pn_avic_exit exit;
	int tpr;

	pn_avic_deliver(av, (uint8_t)vector);
	smp_handle(v, c, vector, &tpr);
	if (pn_avic_write(av, PN_APIC_EOI, 0, &exit) > PN_AVIC_EVALUATE)
		smp_fail(c->s, "P5", "EOI of vector 0x%02x exits", (unsigned)vector);
	smp_ended(v, c);
	set_tpr(v, av, tpr);
}

/*
 * The guest sends an IPI: PN_AVIC_TRAP if it exits, and the host has to finish it;
 * PN_AVIC_EVALUATE if it may be its own receiver.
 */
static enum pn_avic_access send(struct smp_vcpu *v, struct smp_cpu *c, struct pn_avic *av)
{
	uint64_t icr = tor_next_ipi(v, c);
	struct pn_avic_exit exit;
	enum pn_avic_access what = pn_avic_write(av, PN_APIC_ICRL, icr, &exit);

	switch (what) {
	case PN_AVIC_DONE:
	case PN_AVIC_EVALUATE:
		return what;
	case PN_AVIC_TRAP:
		if (exit.code != PN_EXIT_AVIC_INCOMPLETE_IPI)
			smp_fail(c->s, "P7", "an ICR write exits with code 0x%llx",
				 (unsigned long long)exit.code);
		break;
	default:
		/* AVIC is off: the write is intercepted, and nothing is done. */
		exit = (struct pn_avic_exit){.code = PN_EXIT_AVIC_INCOMPLETE_IPI,
					     .info1 = icr,
					     .info2 = (uint64_t)PN_IPI_INVALID_TYPE << 32};
	}
	v->exit[0] = exit.code;
	v->exit[1] = exit.info1;
	v->exit[2] = exit.info2;
	return PN_AVIC_TRAP;
}

/*
 * From VMRUN to VMEXIT: it looks at VMRUN, at doorbells, after an EOI and after an IPI to itself,
 * and at no other time.
 */
static enum smp_left inside(struct smp_vcpu *v, struct smp_cpu *c, struct pn_avic *av)
{
	for (;;) {
		enum pn_avic_access sent = PN_AVIC_DONE;
		int vector;

		while ((vector = pn_avic_evaluate(av, true)) >= 0) {
			take(v, c, av, vector);
			if (smp_interrupted(c))
				return SMP_INTERRUPTED;
		}
		do {
			if (smp_interrupted(c))
				return SMP_INTERRUPTED;
			if (v->ipis) {
				sent = send(v, c, av);
				if (sent == PN_AVIC_TRAP)
					return SMP_AGAIN;
				continue;
			}
			if (!v->stays || smp_wanted(c))
				return SMP_HALTED;
			v->inside = true;
			smp_wait(c);
			v->inside = false;
			/* Pairs with smp_ring(). */
		} while (sent != PN_AVIC_EVALUATE &&
			 (!pn_xchg32(&c->bell, 0) || !pn_avic_doorbell(av)));
	}
}

static void finish_ipi(struct smp_vcpu *v, struct smp_cpu *c)
{
	const struct pn_avic_exit exit = {v->exit[0], v->exit[1], v->exit[2]};

	if (exit.code)
		pn_svm_incomplete_ipi(pn_svm_of(v->h), c->host, &exit);
	v->exit[0] = 0;
}

/* AVIC is off: the host injects one, and its EOI exits. */
static enum smp_left injected(struct smp_vcpu *v, struct smp_cpu *c, int vector)
{
	int tpr;

	smp_handle(v, c, vector, &tpr);
	set_tpr(v, NULL, tpr);
	pn_svm_leave(v->h, c->host);
	pn_irq_on(&c->agent);
	pn_svm_eoi(v->h, c->host);
	return SMP_AGAIN;
}

static enum smp_left guest(struct smp_vcpu *v, struct smp_cpu *c)
{
	struct pn_avic *av = &amd_of(c->s)->core[c->id];
	struct pn_avic_vmcb vmcb;
	enum smp_left left;
	int vector;

	pn_irq_off(&c->agent);
	vector = pn_svm_enter(v->h, c->host);
	if (vector >= 0)
		return injected(v, c, vector);
	pn_svm_vmcb(pn_svm_of(v->h), &vmcb);
	/* Dropped in host mode, as the models do by default. Pairs with smp_ring(): after the bit.
	 */
	pn_xchg32(&c->bell, 0);
	if (pn_avic_vmrun(av, &vmcb))
		smp_fail(c->s, "P7", "VMRUN refuses the VMCB of vCPU %u", v->id);
	left = inside(v, c, av);
	pn_avic_vmexit(av);
	pn_svm_leave(v->h, c->host);
	pn_irq_on(&c->agent);
	finish_ipi(v, c);
	return left;
}

/* ---- checks ---- */

/* Each bit that was moved aside may have merged when it came back. */
static uint64_t hidden(struct smp *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->vcpus; i++)
		n += amd_of(s)->vcpu[i].parked_bits;
	return n;
}

static const char *check_windows(const struct amd *a)
{
	bool open = false;

	for (unsigned i = 0; i < a->vm.h.nr_vcpus; i++)
		open |= a->vcpu[i].irq_window;
	/* Only this chore changes them. */
	return !(pn_ld32(&a->vm.h.inhibits) & 1u << PN_INHIBIT_IRQWIN) == open
		       ? "open interrupt windows and their inhibit disagree"
		       : NULL;
}

static const char *check(struct smp *s)
{
	for (unsigned i = 0; i < s->devices; i++) {
		struct pn_amdvi_stats st;

		pn_amdvi_stats(s->device[i].hw, &st);
		if (st.msis != st.posted + st.remapped + s->device[i].strays)
			return "an IOMMU aborted or forwarded interrupts";
		if (st.events + st.events_dropped != s->device[i].strays)
			return "an IOMMU refused an interrupt without an event";
	}
	return NULL;
}

/* The log on and GAPPIs off, or the other way round, and back (H16). */
static bool switch_notify(struct smp_cpu *c)
{
	struct amd *a = amd_of(c->s);
	enum pn_notify other = a->notify == PN_NOTIFY_GALOG ? PN_NOTIFY_GAPPI : PN_NOTIFY_GALOG;

	if (pn_svm_switch_notify(&a->svm, c->host, other) ||
	    pn_svm_switch_notify(&a->svm, c->host, a->notify))
		smp_fail(c->s, "P6", "the notification cannot be switched");
	return true;
}

static void set_window(struct smp_cpu *c, unsigned vcpu, bool open)
{
	const char *what;

	pn_svm_irq_window(&amd_of(c->s)->vcpu[vcpu], c->host, open);
	what = check_windows(amd_of(c->s));
	if (what)
		smp_fail(c->s, "P6", "%s", what);
}

/* Some vCPUs open an interrupt window, which inhibits AVIC, and close it. */
static bool windows(struct smp_cpu *c)
{
	uint32_t open = 0;

	for (unsigned n = 1 + smp_draw(&c->dice, c->s->vcpus); n--;) {
		unsigned vcpu = smp_draw(&c->dice, c->s->vcpus);

		set_window(c, vcpu, true);
		open |= 1u << vcpu;
	}
	for (; open; open &= open - 1) {
		smp_pause(&c->dice, 1u << smp_draw(&c->dice, TOR_PAUSE_LOG2));
		set_window(c, (unsigned)__builtin_ctz(open), false);
	}
	return true;
}

static void move_log(struct smp_cpu *c, struct smp_cpu *to)
{
	struct amd *a = amd_of(c->s);

	a->log_cpu = to->id;
	pn_iommus_ga_affinity(&a->iommus, &c->agent, to->id);
}

/* Another CPU takes the logs' interrupts. */
static bool log_affinity(struct smp_cpu *c)
{
	struct smp_cpu *to = &c->s->cpu[smp_draw(&c->dice, c->s->cpus)];

	if (pn_ld32(&to->down)) /* only chores change it */
		return false;
	move_log(c, to);
	return true;
}

static void leave(struct smp_cpu *c, struct smp_cpu *self)
{
	if (amd_of(c->s)->log_cpu == c->id && c->s->devices)
		move_log(self, self);
}

/* ---- building ---- */

static const uint8_t notices[] = {PN_VEC_WAKEUP, PN_VEC_POSTED, 0};

static const struct smp_ops ops = {
	.post = post,
	.irq = irq,
	.guest = guest,
	.affinity = affinity,
	.stray = stray,
	.direct = direct,
	.leave = leave,
	.hidden = hidden,
	.aside = hidden,
	.notices = notices,
	.check = check,
	.looks = true,
};

static int build_unit(struct smp *s, struct smp_device *d)
{
	struct amd *a = amd_of(s);
	struct pn_amdvi_config hw;
	struct pn_amdvi *vi;
	int err;

	d->bus.intr = tor_unit_intr;
	d->bus.doorbell = unit_doorbell;
	pn_amdvi_config_default(&hw);
	hw.bus = &d->bus;
	hw.agent = &d->agent;
	hw.peer = d->id ? s->device[0].hw : NULL;
	err = pn_amdvi_create(&hw, &vi);
	if (err)
		return err;
	d->hw = vi;
	d->log.step = log_step;
	d->log.arg = &a->drv[d->id];
	a->drv[d->id].mmio = (struct pn_mmio){d, mmio_read, mmio_write};
	return 0;
}

static int build_units(struct smp *s)
{
	struct amd *a = amd_of(s);
	struct pn_iommus_config cfg = {.notify = a->notify,
				       .devids = TOR_DEVID + DEVIDS,
				       .ga_apicid = 0,
				       .irtcachedis = false};
	int err = 0;

	for (unsigned i = 0; i < s->devices && !err; i++)
		err = build_unit(s, &s->device[i]);
	if (!err)
		err = pn_iommus_init(&a->iommus, a->drv, s->devices, &cfg, &s->os, &s->bus,
				     &s->pages, &s->cpu[0].agent);
	for (unsigned i = 0; i < s->devices * DEVIDS && !err; i++)
		err = pn_amdvi_irt_create(&a->drv[i / DEVIDS], &s->cpu[0].agent,
					  (uint16_t)(TOR_DEVID + i % DEVIDS), IRT_ORDER);
	return err;
}

static int build_source(struct smp *s, struct smp_source *src)
{
	struct amd *a = amd_of(s);
	struct pn_amdvi_ir *ir = &a->ir[src->index];
	int err = pn_amdvi_ir_init(ir, &a->drv[src->device], &s->cpu[0].agent, devid_of(src),
				   (uint16_t)src->index, src->index % s->cpus, src->host_vector);

	src->entry = &ir->host;
	return err ? err
		   : pn_svm_pi_update(s->hyp, src->entry, s->vcpu[src->target].h, src->vector,
				      &s->host_cpu[0]);
}

static void build_cores(struct smp *s)
{
	struct pn_avic_features feat;

	pn_avic_features_default(&feat);
	for (unsigned i = 0; i < s->cpus; i++) {
		s->cpu[i].bus.intr = tor_core_intr;
		s->cpu[i].bus.doorbell = core_doorbell;
		pn_avic_init(&amd_of(s)->core[i], &s->cpu[i].bus, &s->cpu[i].agent, &feat, i);
	}
}

static int build_vm(struct smp *s, const struct pn_mode *mode)
{
	struct amd *a = amd_of(s);
	const struct pn_svm_config cfg = {
		.os = &s->os,
		.iommus = s->devices ? &a->iommus : NULL,
		.cpu = s->host_cpu,
		.nr_cpus = s->cpus,
		.masked = mode->masked_none ? PN_MASKED_NONE : PN_MASKED_PARK,
		.recover = mode->recover_wake || a->notify != PN_NOTIFY_GALOG ? PN_RECOVER_WAKE
									      : PN_RECOVER_NONE,
		.gate_always = mode->gate_always,
	};

	tor_straddle(s, s->vcpus / 2 * TOR_PAGE);
	pn_svm_init(&a->svm, &cfg);
	s->hyp = &a->svm.hyp;
	s->vm = &a->vm.h;
	for (unsigned i = 0; i < s->vcpus; i++) {
		s->vcpu[i].h = &a->vcpu[i].h;
		a->vcpu[i].h.task = &s->vcpu[i].task;
	}
	return pn_svm_vm_init(&a->svm, &a->vm, a->vcpu, s->vcpus, true, true,
			      mode->info->inhibits ? 0 : 1u << PN_INHIBIT_DISABLED, &s->pages);
}

int tor_amd_build(struct smp *s, const struct pn_mode *mode)
{
	struct amd *a = calloc(1, sizeof(*a));
	int err = 0;

	if (!a)
		return -ENOMEM;
	s->machine = a;
	s->ops = &ops;
	s->os.doorbell = os_doorbell;
	a->notify = pn_mode_has(mode, PN_TRAIT_GAPPI)	? PN_NOTIFY_GAPPI
		    : pn_mode_has(mode, PN_TRAIT_GALOG) ? PN_NOTIFY_GALOG
							: PN_NOTIFY_NONE;
	build_cores(s);
	if (s->devices)
		err = build_units(s);
	if (!err)
		err = build_vm(s, mode);
	for (unsigned i = 0; i < s->timers && s->devices && !err; i++)
		err = build_source(s, &s->source[i]);
	tor_chores(s, mode->info->inhibits ? PN_INHIBIT_HYPERV : PN_INHIBIT_NR);
	if (a->notify != PN_NOTIFY_NONE) {
		tor_add_chore(s, "switch", switch_notify, SMP_HOLDS_ENTRIES);
		tor_add_chore(s, "log_cpu", log_affinity, SMP_HOLDS_ENTRIES | SMP_HOLDS_CPUS);
	}
	if (mode->info->inhibits)
		tor_add_chore(s, "windows", windows, SMP_HOLDS_VM);
	return err;
}

void tor_amd_free(struct smp *s)
{
	for (unsigned i = 0; i < s->devices; i++)
		if (s->device[i].hw)
			pn_amdvi_destroy(s->device[i].hw);
	free(s->machine);
}
