/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on Intel: every function of the hypervisor once in each situation, and all
 * that it changes: the descriptor's control word, lists, requests, IPIs, wake-ups.
 * docs/protocol-intel.md has the steps. The operating system only notes what it is asked for.
 */
#include <string.h>

#include "cases_intel_hyp.h"

#define NOBODY 99u

static struct {
	unsigned wakes, ipis;
	void *task; /* of the last wake */
	enum pn_wake_reason why;
	uint32_t cpu; /* of the last IPI */
	uint8_t vector;
} asked;

static bool wakes(void *ctx, struct pn_agent *self, void *task, enum pn_wake_reason why)
{
	(void)ctx;
	(void)self;
	asked.wakes++;
	asked.task = task;
	asked.why = why;
	return true;
}

static void ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector)
{
	(void)ctx;
	(void)self;
	asked.ipis++;
	asked.cpu = cpu;
	asked.vector = vector;
}

void intel_note_os(void)
{
	memset(&asked, 0, sizeof(asked));
	rig->os.wake = wakes;
	rig->os.ipi = ipi;
}

/* Since the last look: wake-ups of @task's vCPU, and IPIs. */
static void quiet(const char *what)
{
	rig_want(!asked.wakes && !asked.ipis, "P2", what);
}

static void woke(unsigned vcpu, enum pn_wake_reason why, const char *what)
{
	rig_want(asked.wakes == 1 && !asked.ipis && asked.task == &rig->vcpu[vcpu].task &&
			 asked.why == why && intel->vcpu[vcpu].h.woken == 1,
		 "P1", what);
	asked.wakes = 0;
	intel->vcpu[vcpu].h.woken = 0;
}

static void sent(uint32_t cpu, uint8_t vector, const char *what)
{
	rig_want(asked.ipis == 1 && !asked.wakes && asked.cpu == cpu && asked.vector == vector,
		 "P1", what);
	asked.ipis = 0;
}

static uint64_t ctl(uint8_t nv, unsigned cpu, uint64_t flags)
{
	return (uint64_t)nv << PN_PID_NV_SH | (uint64_t)cpu << PN_PID_NDST_SH | flags;
}

static void control(unsigned i, uint64_t want, const char *what)
{
	eq(v(i)->pid->control, want, what);
}

/* On which CPU's list vCPU @i is, as the list says. */
static unsigned list_of(unsigned i)
{
	unsigned on = NOBODY;

	for (unsigned c = 0; c < RIG_CPUS; c++)
		for (const struct pn_list *l = rig->cpu[c].wake_list.next;
		     l != &rig->cpu[c].wake_list; l = l->next)
			if (l == &v(i)->wake_node)
				on = on == NOBODY ? c : 77;
	return on;
}

static void clear_page(unsigned i)
{
	for (unsigned bank = PN_APIC_ISR; bank < PN_APIC_IRR + 0x80; bank += 16)
		v(i)->h.page[bank / 4] = 0;
	v(i)->h.page[PN_APIC_TPR / 4] = 0;
	for (unsigned w = 0; w < 4; w++)
		v(i)->pid->pir[w] = 0;
	v(i)->h.requests = 0;
}

static void consistent(unsigned i, const char *what)
{
	rig_want(!pn_vmx_check(&v(i)->h, &rig->cpu[0]), "P2", what);
}

/* ---- load and put ---- */

static void load_first(void)
{
	px_doing("vCPUs that were never loaded");
	for (unsigned i = 0; i < 3; i++) {
		control(i, ctl(PN_VEC_POSTED, 0, PN_PID_SN), "a vCPU that was never loaded");
		eq(v(i)->h.cpu, PN_VMX_NO_CPU, "the CPU of a vCPU that was never loaded");
		rig_want(v(i)->h.apicv && !v(i)->h.requests && !v(i)->h.mode &&
				 v(i)->stale_eoi == -1 && v(i)->vm == &intel->vm &&
				 v(i)->h.idx == i && list_of(i) == NOBODY &&
				 v(i)->wake_node.next == &v(i)->wake_node,
			 "P2", "a vCPU that was never loaded");
		consistent(i, "a vCPU that was never loaded");
	}
	px_doing("nobody can post");
	pn_vmx_load(&v(0)->h, &rig->cpu[1]);
	control(0, ctl(PN_VEC_POSTED, 1, 0), "loaded");
	eq(v(0)->h.cpu, 1, "loaded");
	pn_vmx_put(&v(0)->h, &rig->cpu[1], true);
	control(0, ctl(PN_VEC_POSTED, 1, 0), "preempted, and nobody can post");
	pn_vmx_blocking(&v(0)->h, &rig->cpu[1]);
	pn_vmx_put(&v(0)->h, &rig->cpu[1], false);
	control(0, ctl(PN_VEC_POSTED, 1, 0), "blocked, and nobody can post");
	eq(list_of(0), NOBODY, "blocked, and nobody can post");
	pn_vmx_unblocking(&v(0)->h, &rig->cpu[1]);
	quiet("load and put ask for something");
}

/* Put and loaded again: the same CPU, another one, with something posted meanwhile. */
static void suppressed(bool preempted, bool blocking, bool blocked)
{
	struct pn_vmx_vcpu *a = v(0);

	px_doing("put without need of a wake-up");
	pn_vmx_load(&a->h, &rig->cpu[1]);
	if (blocking)
		pn_vmx_blocking(&a->h, &rig->cpu[1]);
	a->h.irq_blocked = blocked;
	pn_vmx_put(&a->h, &rig->cpu[1], preempted);
	control(0, ctl(PN_VEC_POSTED, 1, PN_PID_SN), "put without need of a wake-up");
	eq(list_of(0), NOBODY, "put without need of a wake-up");
	consistent(0, "put without need of a wake-up");
	pn_vmx_load(&a->h, &rig->cpu[1]);
	control(0, ctl(PN_VEC_POSTED, 1, 0), "loaded where it was");
	pn_vmx_put(&a->h, &rig->cpu[1], preempted);
	a->pid->pir[2] = 1;
	pn_vmx_load(&a->h, &rig->cpu[1]);
	control(0, ctl(PN_VEC_POSTED, 1, PN_PID_ON), "loaded where it was, posted meanwhile");
	a->pid->control &= ~PN_PID_ON;
	pn_vmx_load(&a->h, &rig->cpu[1]);
	control(0, ctl(PN_VEC_POSTED, 1, 0), "loaded twice");
	pn_vmx_put(&a->h, &rig->cpu[1], preempted);
	pn_vmx_load(&a->h, &rig->cpu[2]);
	control(0, ctl(PN_VEC_POSTED, 2, PN_PID_ON), "loaded elsewhere, posted meanwhile");
	eq(a->h.cpu, 2, "loaded elsewhere");
	a->pid->pir[2] = 0;
	a->pid->control &= ~PN_PID_ON;
	pn_vmx_load(&a->h, &rig->cpu[1]);
	control(0, ctl(PN_VEC_POSTED, 1, 0), "loaded elsewhere");
	a->h.irq_blocked = false;
	pn_vmx_unblocking(&a->h, &rig->cpu[1]);
	rig_want(!a->blocking, "P2", "it has unblocked");
	quiet("load and put ask for something");
}

static void armed(unsigned to, uint64_t on)
{
	struct pn_vmx_vcpu *a = v(0);

	px_doing("put asleep");
	pn_vmx_load(&a->h, &rig->cpu[1]);
	pn_vmx_blocking(&a->h, &rig->cpu[1]);
	rig_want(a->blocking, "P2", "it blocks");
	a->pid->control |= on;
	pn_vmx_put(&a->h, &rig->cpu[1], false);
	control(0, ctl(PN_VEC_WAKEUP, 1, on), "put asleep");
	eq(list_of(0), 1, "put asleep");
	eq(a->list_cpu, 1, "put asleep");
	rig_want(rig_ops()->listed(&a->h), "P2", "put asleep");
	consistent(0, "put asleep");
	if (on)
		sent(1, PN_VEC_WAKEUP, "put asleep with ON = 1");
	quiet("put asleep with ON = 0");
	pn_vmx_put(&a->h, &rig->cpu[1], false);
	eq(list_of(0), 1, "put twice");
	asked.ipis = 0;
	pn_vmx_load(&a->h, &rig->cpu[to]);
	control(0, ctl(PN_VEC_POSTED, to, on), "loaded after sleep");
	eq(list_of(0), NOBODY, "loaded after sleep");
	rig_want(!rig_ops()->listed(&a->h), "P2", "loaded after sleep");
	a->pid->control &= ~PN_PID_ON;
	a->h.requests = PN_REQ_UNBLOCK | PN_REQ_EVENT;
	pn_vmx_unblocking(&a->h, &rig->cpu[to]);
	eq(a->h.requests, PN_REQ_EVENT, "requests after it unblocked");
	a->h.requests = 0;
	consistent(0, "loaded after sleep");
}

/* ---- wake-ups ---- */

static void sleeps(unsigned i, unsigned cpu)
{
	pn_vmx_load(&v(i)->h, &rig->cpu[cpu]);
	pn_vmx_blocking(&v(i)->h, &rig->cpu[cpu]);
	pn_vmx_put(&v(i)->h, &rig->cpu[cpu], false);
}

static void wakes_up(unsigned i, unsigned cpu)
{
	pn_vmx_load(&v(i)->h, &rig->cpu[cpu]);
	pn_vmx_unblocking(&v(i)->h, &rig->cpu[cpu]);
	v(i)->pid->control &= ~PN_PID_ON;
	v(i)->h.requests = v(i)->h.woken = 0;
}

/* As the processor calls it. */
static void wakeup_irq(struct pn_host_cpu *c)
{
	pn_irq_off(c->agent);
	pn_vmx_wakeup_irq(rig->hyp, c);
	pn_irq_on(c->agent);
}

static void handler(void)
{
	struct pn_host_cpu *c = &rig->cpu[2];

	px_doing("the wakeup vector");
	for (unsigned i = 0; i < 3; i++)
		sleeps(i, 2);
	v(1)->pid->control |= PN_PID_ON;
	wakeup_irq(c);
	woke(1, PN_WAKE_NOTIFY, "the wakeup vector wakes those with ON = 1");
	rig_want(v(1)->pid->control & PN_PID_ON && list_of(1) == 2 && !c->in_handler &&
			 !c->wake_lock.held,
		 "P2", "after the wakeup vector");
	rig_want(c->wake_irqs == 1 && c->wake_scanned == 3 && !c->wake_spurious, "P2",
		 "statistics of the wakeup vector");
	v(1)->h.woken = 1;
	wakeup_irq(c);
	quiet("a vCPU is woken twice");
	v(1)->pid->control &= ~PN_PID_ON;
	wakeup_irq(c);
	quiet("a vCPU with ON = 0 is woken");
	rig_want(c->wake_irqs == 3 && c->wake_scanned == 9 && c->wake_spurious == 1, "P2",
		 "statistics of the wakeup vector");
	px_doing("a CPU goes");
	v(0)->h.requests = PN_REQ_SCAN_IOAPIC;
	pn_vmx_cpu_offline(rig->hyp, c, &rig->cpu[0]);
	rig_want(asked.wakes == 3 && !asked.ipis && asked.why == PN_WAKE_REQUEST && !c->online &&
			 !c->wake_lock.held,
		 "P1", "a CPU goes, and vCPUs on its list sleep on");
	eq(v(0)->h.requests, PN_REQ_SCAN_IOAPIC | PN_REQ_UNBLOCK, "requests when a CPU goes");
	eq(v(2)->h.requests, PN_REQ_UNBLOCK, "requests when a CPU goes");
	asked.wakes = 0;
	for (unsigned i = 0; i < 3; i++)
		wakes_up(i, i);
	pn_vmx_cpu_offline(rig->hyp, &rig->cpu[1], &rig->cpu[0]);
	quiet("a CPU without sleepers goes");
	eq(v(1)->h.requests, 0, "requests of vCPUs that do not sleep there");
	for (unsigned i = 1; i < 3; i++) {
		rig_want(!rig->cpu[i].online, "P2", "a CPU that has gone");
		pn_vmx_cpu_online(rig->hyp, &rig->cpu[i]);
		eq(rig->cpu[i].online, 1, "a CPU that has come");
	}
}

/* ---- looks before sleep ---- */

/* What the vCPU has; whether it may sleep, and whether others see something pending. */
static const struct {
	const char *name;
	uint32_t requests;
	uint64_t flags;	  /* of control */
	uint8_t pir, irr; /* vectors; 0: none */
	uint8_t tpr;
	bool irq_blocked;
	bool must_run, pending, moved;
} looks[] = {
	{"nothing", 0, 0, 0, 0, 0, false, false, false, false},
	{"to unblock", PN_REQ_UNBLOCK, 0, 0, 0, 0, false, true, true, false},
	{"inhibits", PN_REQ_APICV_UPDATE, 0, 0, 0, 0, false, true, true, false},
	{"other requests", PN_REQ_EVENT | PN_REQ_SCAN_IOAPIC, 0, 0, 0, 0, false, false, false,
	 false},
	{"posted", 0, PN_PID_ON, 0x41, 0, 0, false, true, true, true},
	{"posted, vector 255", 0, PN_PID_ON, 0xFF, 0, 0, false, true, true, true},
	{"posted, below TPR", 0, PN_PID_ON, 0x41, 0, 0x40, false, false, true, true},
	{"posted, IF = 0", 0, PN_PID_ON, 0x41, 0, 0, true, false, true, true},
	{"ON alone", 0, PN_PID_ON, 0, 0, 0, false, false, true, false},
	{"an IPI between its steps", 0, 0, 0x41, 0, 0, false, false, false, false},
	{"suppressed", 0, PN_PID_SN, 0x41, 0, 0, false, false, true, false},
	{"suppressed, nothing", 0, PN_PID_SN, 0, 0, 0, false, false, false, false},
	{"in the IRR", 0, 0, 0, 0x41, 0, false, true, true, false},
	{"in the IRR, below TPR", 0, 0, 0, 0x41, 0x4F, false, false, false, false},
	{"in the IRR, IF = 0", 0, 0, 0, 0x41, 0, true, false, true, false},
};

static void look(unsigned n)
{
	struct pn_vmx_vcpu *a = v(0);
	const uint8_t pir = looks[n].pir, irr = looks[n].irr;
	bool run;

	px_doing(looks[n].name);
	clear_page(0);
	a->h.requests = looks[n].requests;
	a->pid->control = ctl(PN_VEC_POSTED, 0, looks[n].flags);
	if (pir)
		a->pid->pir[pir / 64] = 1ull << pir % 64;
	if (irr)
		pn_vapic_set(a->h.page, PN_APIC_IRR, irr);
	a->h.page[PN_APIC_TPR / 4] = looks[n].tpr;
	a->h.irq_blocked = looks[n].irq_blocked;
	for (unsigned w = 0; w < 8; w++)
		eq(pn_vmx_irr(&a->h, w),
		   (pir && pir / 32 == w ? 1u << pir % 32 : 0) |
			   (irr && irr / 32 == w ? 1u << irr % 32 : 0),
		   "all that is pending");
	eq(pn_vmx_pending(&a->h), looks[n].pending, looks[n].name);
	a->h.woken = 1;
	run = pn_vmx_must_run(&a->h, &rig->cpu[0]);
	eq(run, looks[n].must_run, looks[n].name);
	eq(a->h.woken, 0, "woken after the look");
	eq(a->h.requests, looks[n].requests, "requests after the look");
	if (pir) {
		eq(pn_vapic_test(a->h.page, PN_APIC_IRR, pir), looks[n].moved, "the IRR");
		eq(!!a->pid->pir[pir / 64], !looks[n].moved, "the PIR");
	}
	if (!looks[n].requests)
		eq(a->pid->control, ctl(PN_VEC_POSTED, 0, looks[n].flags & ~PN_PID_ON),
		   "ON after the look");
	a->h.irq_blocked = false;
	a->pid->control = ctl(PN_VEC_POSTED, 0, 0);
	clear_page(0);
	quiet("a look asks for something");
}

/* ---- the software sender ---- */

static void injects(void)
{
	struct pn_vmx_vcpu *a = v(0);

	px_doing("injects to a vCPU outside its guest");
	clear_page(0);
	pn_vmx_load(&a->h, &rig->cpu[1]);
	rig_want(!pn_vmx_inject(&a->h, &rig->cpu[0], 0x91, PN_WAKE_TIMER), "P4", "a first one");
	woke(0, PN_WAKE_TIMER, "an injected interrupt");
	control(0, ctl(PN_VEC_POSTED, 1, PN_PID_ON), "an injected interrupt");
	eq(a->pid->pir[2], 1ull << (0x91 - 128), "an injected interrupt");
	rig_want(pn_vmx_inject(&a->h, &rig->cpu[0], 0x91, PN_WAKE_TIMER), "P4", "the same again");
	rig_want(!pn_vmx_inject(&a->h, &rig->cpu[0], 0xFF, PN_WAKE_TIMER), "P4", "another one");
	eq(a->pid->pir[3], 1ull << 63, "another one");
	quiet("ON = 1 is announced");
	a->pid->control &= ~PN_PID_ON;
	rig_want(pn_vmx_inject(&a->h, &rig->cpu[0], 0xFF, PN_WAKE_TIMER), "P4", "the same again");
	control(0, ctl(PN_VEC_POSTED, 1, 0), "the same again");
	quiet("a bit that was set is announced");
	a->pid->control |= PN_PID_SN;
	rig_ops()->deliver(&a->h, &rig->cpu[0], 0x41);
	woke(0, PN_WAKE_NOTIFY, "an IPI by software, SN = 1");
	control(0, ctl(PN_VEC_POSTED, 1, PN_PID_ON | PN_PID_SN), "an IPI by software");
	rig_ops()->poke(&a->h, &rig->cpu[0]);
	woke(0, PN_WAKE_REQUEST, "a request");
	px_doing("injects to a vCPU in its guest");
	clear_page(0);
	a->pid->control = ctl(PN_VEC_POSTED, 1, 0);
	a->h.mode = PN_IN_GUEST;
	pn_vmx_inject(&a->h, &rig->cpu[0], 0x41, PN_WAKE_NOTIFY);
	sent(1, PN_VEC_POSTED, "an interrupt to a vCPU in its guest");
	rig_ops()->poke(&a->h, &rig->cpu[0]);
	sent(1, PN_VEC_RESCHED, "a request to a vCPU in its guest");
	a->pid->control = ctl(PN_VEC_POSTED, 1, 0);
	clear_page(0);
	pn_vmx_inject(&a->h, &rig->cpu[1], 0x41, PN_WAKE_NOTIFY);
	rig_ops()->poke(&a->h, &rig->cpu[1]);
	quiet("a CPU sends itself an IPI");
	px_doing("injects while APICv is inhibited");
	clear_page(0);
	a->pid->control = ctl(PN_VEC_POSTED, 1, 0);
	a->h.apicv = 0;
	rig_want(!pn_vmx_inject(&a->h, &rig->cpu[0], 0x41, PN_WAKE_NOTIFY), "P4", "a first one");
	sent(1, PN_VEC_RESCHED, "an interrupt, inhibited, in the guest");
	rig_want(pn_vapic_test(a->h.page, PN_APIC_IRR, 0x41) && !a->pid->pir[1] &&
			 a->h.requests == PN_REQ_EVENT,
		 "P4", "an interrupt, inhibited");
	control(0, ctl(PN_VEC_POSTED, 1, 0), "an interrupt, inhibited");
	a->h.mode = PN_OUTSIDE_GUEST;
	rig_want(pn_vmx_inject(&a->h, &rig->cpu[0], 0x41, PN_WAKE_TIMER), "P4", "the same again");
	woke(0, PN_WAKE_TIMER, "an interrupt, inhibited, outside the guest");
	a->h.apicv = 1;
	clear_page(0);
}

/* ---- entry and exit ---- */

static void enters(bool apicv)
{
	struct pn_vmx_vcpu *a = v(0);
	int got;

	px_doing("enters and leaves");
	clear_page(0);
	a->h.apicv = apicv;
	a->pid->control = ctl(PN_VEC_POSTED, 1, PN_PID_ON);
	a->pid->pir[1] = 2;
	a->pid->pir[3] = 1ull << 40;
	pn_vapic_set(a->h.page, PN_APIC_TMR, 0xE8);
	a->h.requests = PN_REQ_UNBLOCK | PN_REQ_EVENT | PN_REQ_SCAN_IOAPIC;
	got = pn_vmx_enter(&a->h, &rig->cpu[1]);
	eq((unsigned)got, apicv ? (unsigned)-1 : 0xE8, "a vector to inject");
	eq(a->h.mode, PN_IN_GUEST, "mode in the guest");
	eq(a->h.requests, 0, "requests after an entry");
	eq(a->rvi, 0xE8, "RVI");
	control(0, ctl(PN_VEC_POSTED, 1, 0), "control after an entry");
	rig_want(!a->pid->pir[1] && !a->pid->pir[3] &&
			 pn_vapic_test(a->h.page, PN_APIC_IRR, 0x41) &&
			 pn_vapic_test(a->h.page, PN_APIC_IRR, 0xE8) == apicv &&
			 pn_vapic_test(a->h.page, PN_APIC_ISR, 0xE8) == !apicv,
		 "P4", "PIR, IRR and ISR after an entry");
	pn_vmx_leave(&a->h, &rig->cpu[1]);
	eq(a->h.mode, PN_OUTSIDE_GUEST, "mode outside the guest");
	if (!apicv) {
		eq((unsigned)pn_vmx_eoi(&a->h, &rig->cpu[1]), 0xE8, "an EOI of a level");
		eq(a->svi, 0, "SVI after an EOI");
		eq((unsigned)pn_vmx_eoi(&a->h, &rig->cpu[1]), (unsigned)-1, "an EOI of nothing");
		pn_vapic_set(a->h.page, PN_APIC_ISR, 0x35);
		pn_vapic_set(a->h.page, PN_APIC_ISR, 0x77);
		eq((unsigned)pn_vmx_eoi(&a->h, &rig->cpu[1]), (unsigned)-1, "an EOI of an edge");
		eq(a->svi, 0x35, "SVI after an EOI");
		a->svi = 0;
	}
	/* Inhibits: the page decides what SVI is when they change. */
	clear_page(0);
	pn_vapic_set(a->h.page, PN_APIC_ISR, 0x61);
	a->h.requests = PN_REQ_APICV_UPDATE;
	a->svi = 0;
	pn_vmx_enter(&a->h, &rig->cpu[1]);
	rig_want(a->h.apicv == 1 && !a->h.requests && a->svi == (apicv ? 0 : 0x61), "P6",
		 "inhibits at an entry");
	pn_vmx_leave(&a->h, &rig->cpu[1]);
	a->svi = 0;
	clear_page(0);
	quiet("an entry asks for something");
}

static void inhibits(void)
{
	px_doing("inhibits");
	pn_vmx_inhibit(rig->vm, &rig->cpu[0], PN_INHIBIT_IRQWIN, true);
	eq(rig->vm->inhibits, 1u << PN_INHIBIT_IRQWIN, "a cause");
	eq(rig_ops()->inhibits(&v(0)->h), 1u << PN_INHIBIT_IRQWIN, "a cause");
	for (unsigned i = 0; i < 3; i++) {
		eq(v(i)->h.requests, PN_REQ_APICV_UPDATE, "a cause");
		rig_want(v(i)->h.apicv == 1, "P6", "another context changes apicv");
		v(i)->h.requests = 0;
	}
	rig_want(asked.wakes == 3 && asked.why == PN_WAKE_REQUEST, "P6", "a cause wakes");
	asked.wakes = 0;
	pn_vmx_inhibit(rig->vm, &rig->cpu[0], PN_INHIBIT_HYPERV, true);
	pn_vmx_inhibit(rig->vm, &rig->cpu[0], PN_INHIBIT_IRQWIN, true);
	pn_vmx_inhibit(rig->vm, &rig->cpu[0], PN_INHIBIT_IRQWIN, false);
	eq(rig->vm->inhibits, 1u << PN_INHIBIT_HYPERV, "another cause");
	eq(v(0)->h.requests, 0, "another cause");
	quiet("a second cause wakes");
	v(0)->h.requests = PN_REQ_APICV_UPDATE;
	pn_vmx_unblocking(&v(0)->h, &rig->cpu[1]);
	rig_want(!v(0)->h.apicv && !v(0)->h.requests, "P6", "inhibits after it unblocked");
	v(1)->h.mode = PN_IN_GUEST;
	v(1)->h.cpu = 2;
	pn_vmx_inhibit(rig->vm, &rig->cpu[2], PN_INHIBIT_HYPERV, false);
	rig_want(asked.wakes == 2 && !asked.ipis && !rig->vm->inhibits, "P6", "no cause any more");
	asked.wakes = 0;
	pn_vmx_inhibit(rig->vm, &rig->cpu[0], PN_INHIBIT_HYPERV, true);
	rig_want(asked.ipis == 1 && asked.cpu == 2 && asked.vector == PN_VEC_RESCHED, "P6",
		 "a vCPU in its guest does not hear of a cause");
	pn_vmx_inhibit(rig->vm, &rig->cpu[0], PN_INHIBIT_HYPERV, false);
	v(1)->h.mode = PN_OUTSIDE_GUEST;
	pn_vmx_unblocking(&v(0)->h, &rig->cpu[1]);
	rig_want(v(0)->h.apicv, "P6", "no cause any more");
	intel_note_os();
	for (unsigned i = 0; i < 3; i++)
		v(i)->h.requests = v(i)->h.woken = 0;
}

static void ends(void)
{
	px_doing("the module goes");
	sleeps(0, 2);
	v(0)->pid->control |= PN_PID_ON;
	pn_vmx_exit(rig->hyp);
	wakeup_irq(&rig->cpu[2]);
	quiet("the wakeup vector after the module has gone");
	rig_want(!intel->vmx.loaded && !rig->cpu[2].in_handler, "P6", "a module that has gone");
}

static void steps(void *arg)
{
	(void)arg;
	intel_note_os();
	eq(intel->vmx.loaded, 1, "a module that is there");
	load_first();
	intel->vm.assigned = 1; /* some interrupt posts */
	suppressed(true, false, false);
	suppressed(true, true, false);
	suppressed(false, false, false);
	suppressed(false, true, true);
	armed(1, 0);
	armed(2, 0);
	armed(0, PN_PID_ON);
	handler();
	for (unsigned i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		look(i);
	injects();
	enters(true);
	enters(false);
	inhibits();
	ends();
}

void intel_steps(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 3});
	rig->no_rest_check = true;
	intel_note_os();
	px_thread("CPU 0", 0, steps, NULL);
}
