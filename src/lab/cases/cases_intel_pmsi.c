/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on Intel: posted MSI on bare metal, step by step. What is set up, which
 * vectors can be posted, what each step of the demultiplexing handler takes, clears and dispatches,
 * and what is left over.
 */
#include <errno.h>
#include <string.h>

#include "cases_intel.h"

#define MEMORY 0x1000000u

static struct pn_pmsi *pm;
static struct pn_pmsi_cpu *cpus;
static struct pn_bus memory;

/* What the handlers were asked for. */
static uint8_t ran[64];
static unsigned runs, eois;
static uint8_t posts; /* a vector that comes while a handler runs; 0: none */

static void eq(uint64_t got, uint64_t want, const char *what)
{
	rig_eq(got, want, "P4", what);
}

static struct pn_pmsi_cpu *me(void)
{
	return &cpus[1];
}

static void bit(uint8_t vector)
{
	me()->pid->pir[vector / 64] |= 1ull << vector % 64;
}

static void dispatch(void *ctx, struct pn_host_cpu *c, uint8_t vector)
{
	rig_want(ctx == pm && c == &rig->cpu[1], "P4", "a handler on another CPU");
	ran[runs++ % sizeof(ran)] = vector;
	if (posts)
		bit(posts);
	pn_pmsi_ack(me());
}

static void eoi(void *ctx, struct pn_host_cpu *c)
{
	rig_want(ctx == pm && c == &rig->cpu[1], "P4", "an EOI on another CPU");
	eois++;
}

/* ---- set-up ---- */

static int init(uint32_t loops, bool x2apic, uint64_t bytes)
{
	const struct pn_pmsi_config cfg = {.cpu = rig->cpu,
					   .nr_cpus = RIG_CPUS,
					   .loops = loops,
					   .x2apic = x2apic,
					   .ctx = pm,
					   .dispatch = dispatch,
					   .eoi = eoi};
	struct pn_pages pages;

	pn_pages_init(&pages, &memory, MEMORY, bytes);
	memset(cpus, 0x5A, RIG_CPUS * sizeof(*cpus));
	return pn_pmsi_init(pm, cpus, &cfg, &pages);
}

static void set_up(void)
{
	px_doing("set-up");
	eq((unsigned)-init(0, true, 4096), EINVAL, "no harvest at all");
	eq((unsigned)-init(65, true, 4096), EINVAL, "65 harvests");
	eq((unsigned)init(64, true, 4096), 0, "64 harvests");
	eq((unsigned)-init(3, true, 128), ENOMEM, "no memory");
	rig->cpu[2].apicid = 0x100;
	eq((unsigned)-init(3, false, 4096), EINVAL, "an APIC ID of 9 bits");
	eq((unsigned)init(3, true, 4096), 0, "an APIC ID of 9 bits, x2APIC");
	eq(cpus[2].pid->control, 0xEBull << 16 | 0x100ull << 32, "a descriptor of an x2APIC");
	rig->cpu[2].apicid = 0xFF;
	eq((unsigned)init(3, false, 4096), 0, "an APIC ID of 8 bits");
	eq(cpus[2].pid->control, 0xEBull << 16 | 0xFF00ull << 32, "a descriptor of an xAPIC");
	rig->cpu[2].apicid = 2;
	eq((unsigned)init(1, true, 4096), 0, "one harvest");
	for (unsigned i = 0; i < RIG_CPUS; i++) {
		const struct pn_pmsi_cpu *c = &cpus[i];

		eq(c->pid->control, 0xEBull << 16 | (uint64_t)i << 32, "a descriptor");
		rig_want(c->pmsi == pm && c->cpu == &rig->cpu[i] && !c->active && !c->dispatched &&
				 !(c->pid_pa & 63) && pn_bus_ptr(&memory, c->pid_pa, 64) == c->pid,
			 "P4", "a CPU at first");
	}
}

static void attaches(void)
{
	struct pn_host_cpu none = {.id = RIG_CPUS};
	struct pn_vtd_ir *ir = &intel->ir[0];

	px_doing("which vectors can be posted");
	for (unsigned vector = 0; vector < 256; vector++) {
		bool ok = vector >= 0x20 && vector < 0xEB;

		eq((unsigned)-pn_pmsi_attach(pm, ir, rig->cpu[0].agent, &rig->cpu[1],
					     (uint8_t)vector),
		   ok ? 0 : EINVAL, "a vector to post");
		if (ok)
			rig_want(ir->posted && ir->pid_pa == cpus[1].pid_pa && !ir->urg &&
					 ir->vector == vector,
				 "P4", "an entry that posts");
	}
	eq((unsigned)-pn_pmsi_attach(pm, ir, rig->cpu[0].agent, &none, 0x41), EINVAL,
	   "no such CPU");
	eq(ir->vector, 0xEA, "no such CPU");
}

/* ---- the handler ---- */

/* All vectors of 0 to 255 that are in the PIR, in order; those that are no device's are dropped. */
static void every_vector(void)
{
	uint64_t want = 0;

	px_doing("every vector");
	for (unsigned vector = 0; vector < 256; vector++) {
		memset(me()->pid->pir, 0, sizeof(me()->pid->pir));
		bit((uint8_t)vector);
		me()->pid->control |= PN_PID_ON;
		runs = eois = 0;
		pn_pmsi_irq_begin(me());
		while (pn_pmsi_irq_step(me()))
			;
		want = vector >= 0x20 && vector < 0xEB;
		eq(runs, want, rig_text("vector %02x is dispatched", vector));
		if (want)
			eq(ran[0], vector, "which vector is dispatched");
		eq(eois, 1, "EOIs");
		eq(me()->pid->pir[vector / 64], 0, "the PIR");
		eq(me()->pid->control & PN_PID_ON, 0, "ON");
	}
	for (unsigned w = 0; w < 4; w++)
		me()->pid->pir[w] = ~0ull;
	runs = 0;
	pn_pmsi_irq_begin(me());
	while (pn_pmsi_irq_step(me()))
		;
	eq(runs, 0xEB - 0x20, "all vectors at once");
	for (unsigned i = 0; i < 4; i++)
		eq(me()->pid->pir[i], 0, "the PIR");
}

/* After how many vectors ON falls, if one comes with each that is dispatched. */
static void harvests(uint32_t loops, unsigned until, unsigned steps)
{
	unsigned n = 0;
	bool more = true;

	px_doing("harvests of a notification");
	eq((unsigned)init(loops, true, 4096), 0, "set-up");
	memset(me()->pid->pir, 0, sizeof(me()->pid->pir));
	bit(0x91);
	bit(0x41);
	me()->pid->control |= PN_PID_ON;
	runs = eois = 0;
	posts = 0xA1;
	pn_pmsi_irq_begin(me());
	eq(me()->notifications, 1, "notifications");
	rig_want(me()->active, "P4", "in the handler");
	while (more && n < 99) {
		if (me()->pid->control & PN_PID_ON)
			until--;
		else if (runs >= loops)
			posts = 0;
		rig_want(!eois, "P4", "an EOI before the end");
		more = pn_pmsi_irq_step(me());
		n++;
	}
	eq(until, 0, "steps until ON is cleared");
	eq(n, steps, "steps of a handler");
	rig_want(ran[0] == 0x41 && ran[1] == 0x91 && (runs < 3 || ran[2] == 0xA1), "P4",
		 "the order of vectors");
	eq(eois, 1, "EOIs");
	rig_want(!me()->active && !pn_pmsi_irq_step(me()) && eois == 1, "P4",
		 "a step after the end");
	eq(me()->dispatched, runs, "vectors that are counted");
	eq(me()->empty, 0, "notifications without a vector");
	posts = 0;
	pn_pmsi_irq_begin(me());
	me()->pid->control |= PN_PID_ON;
	for (n = 1; pn_pmsi_irq_step(me()); n++)
		;
	eq(me()->notifications, 2, "notifications");
}

/* Nothing is there: one look, ON falls, the last look, the end. */
static void spurious(void)
{
	static const bool on[] = {true, true, false, false};

	px_doing("a notification without a vector");
	eq((unsigned)init(3, true, 4096), 0, "set-up");
	memset(me()->pid->pir, 0, sizeof(me()->pid->pir));
	me()->pid->control |= PN_PID_ON | PN_PID_SN;
	runs = eois = 0;
	pn_pmsi_irq_begin(me());
	for (unsigned i = 0; i < 4; i++) {
		eq(me()->pid->control & PN_PID_ON, on[i], "ON before a step");
		eq(pn_pmsi_irq_step(me()), i < 3, "a step");
	}
	rig_want(me()->pid->control == (0xEBull << 16 | 1ull << 32 | PN_PID_SN), "P4",
		 "control after a handler");
	rig_want(eois == 1 && !runs && me()->empty == 1, "P4", "a notification without a vector");
	/* Posted after ON fell: the last look has it. */
	pn_pmsi_irq_begin(me());
	me()->pid->control |= PN_PID_ON;
	pn_pmsi_irq_step(me());
	pn_pmsi_irq_step(me());
	bit(0x77);
	while (pn_pmsi_irq_step(me()))
		;
	rig_want(runs == 1 && ran[0] == 0x77 && me()->empty == 1 && !me()->pid->pir[1], "P4",
		 "a vector that was posted late");
}

/* ---- through the local APIC, and left over ---- */

static unsigned found;

static void finds(void *ctx, uint8_t vector)
{
	static const uint8_t want[] = {0x20, 0x41, 0xEA};

	rig_want(ctx == &found && found < 3 && vector == want[found], "P4", "a vector left over");
	found++;
}

static void left(void)
{
	px_doing("a device's own vector");
	runs = eois = found = 0;
	pn_pmsi_device_irq(me(), 0x55);
	rig_want(runs == 1 && ran[0] == 0x55 && eois == 1, "P4", "a device's own vector");
	px_doing("what is left over");
	for (unsigned vector = 0; vector < 256; vector++) {
		memset(me()->pid->pir, 0, sizeof(me()->pid->pir));
		bit((uint8_t)vector);
		rig_want(pn_pmsi_pending(me(), (uint8_t)vector) &&
				 !pn_pmsi_pending(me(), (uint8_t)(vector ^ 1)) &&
				 !pn_pmsi_pending(me(), (uint8_t)(vector ^ 64)),
			 "P4", "what is pending");
	}
	memset(me()->pid->pir, 0, sizeof(me()->pid->pir));
	bit(0x41);
	bit(0xEA);
	bit(0x20);
	bit(0x1F);
	bit(0xEB);
	me()->pid->control = 0xEBull << 16 | 1ull << 32 | PN_PID_ON;
	eq(pn_pmsi_drain(me(), rig->cpu[0].agent, finds, &found), 3, "what is left over");
	eq(found, 3, "what is left over");
	eq(me()->pid->control, 0xEBull << 16 | 1ull << 32, "control after a drain");
	for (unsigned i = 0; i < 4; i++)
		eq(me()->pid->pir[i], 0, "the PIR after a drain");
	eq(pn_pmsi_drain(me(), rig->cpu[0].agent, finds, &found), 0, "nothing is left over");
	eq(runs, 1, "a drain dispatches");
	eq(eois, 1, "a drain ends something");
}

static void demultiplexes(void *arg)
{
	(void)arg;
	set_up();
	attaches();
	eq((unsigned)init(3, true, 4096), 0, "set-up");
	every_vector();
	/* With one harvest ON falls first. Else a look, two vectors, a look and a vector for each
	 * other harvest; ON falls; the last look. */
	harvests(1, 1, 5);
	harvests(2, 4, 7);
	harvests(3, 6, 9);
	harvests(5, 10, 13);
	spurious();
	left();
}

void intel_demultiplexes(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true});
	rig_intel_attach_msi(0, 0, LOW, false);
	pm = px_alloc(sizeof(*pm), 64);
	cpus = px_alloc(RIG_CPUS * sizeof(*cpus), 64);
	memory = (struct pn_bus){.ram = px_alloc(4096, 4096), .ram_base = MEMORY, .ram_size = 4096};
	px_thread("CPU 1", 1, demultiplexes, NULL);
}
