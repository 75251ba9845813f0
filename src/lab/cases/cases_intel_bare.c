/* SPDX-License-Identifier: MIT */
/* The cases on Intel without a hypervisor: posted MSI moves, CPUs go away and come back. */
#include "cases_intel.h"

#include "postern/x86.h"

static void bare(const uint8_t *vectors, unsigned n)
{
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true});
	for (unsigned i = 0; i < n; i++)
		rig_intel_attach_msi(i, 0, vectors[i], true);
}

static void handles(unsigned cpu)
{
	px_handler(rig_text("CPU %u irq", cpu), (int)cpu, rig->vendor->handler, &rig->cpu[cpu]);
}

/* A vector in every part of the PIR, which are there when the first notification comes; one comes
 * twice. */
void intel_bare_words(bool broken)
{
	static const uint8_t vectors[RIG_IRS] = {0x21, 0x3F, 0x41, 0x7F, 0x80, 0xBF, 0xC1, 0xEA};
	static const int list[] = {7, 0, 7, -1};

	(void)broken;
	bare(vectors, RIG_IRS);
	for (unsigned i = 1; i < RIG_IRS - 1; i++)
		rig->vendor->post(i);
	intel->pcpu[0].pid->control &= ~PN_PID_ON; /* they have sent none */
	rig_run_posts(0, list);
	handles(0);
}

/* ---- affinity ---- */

static void moves(unsigned index, unsigned cpu)
{
	px_doing("interrupt 0 moves to CPU 1");
	pn_pmsi_attach(&intel->pmsi, &intel->ir[index], rig->cpu[2].agent, &rig->cpu[cpu],
		       rig->ir[index].vector);
}

static void mover(void *arg)
{
	(void)arg;
	moves(0, 1);
	rig_set_flag();
}

/* CPU 0 takes no interrupts any more: whatever still comes there is lost. */
void intel_bare_stale(bool broken)
{
	(void)broken;
	bare((const uint8_t[]){HIGH}, 1);
	rig->vendor->post(0); /* the entry is cached now; the interrupt is served */
	intel->pcpu[0].pid->pir[HIGH / 64] = 0;
	intel->pcpu[0].pid->control &= ~PN_PID_ON;
	rig->ir[0].due = 0;
	px_thread("move", 2, mover, NULL);
	rig_run_late_posts(rig_twice);
	handles(1);
}

/* ---- a CPU goes offline ---- */

static void found(void *ctx, uint8_t vector)
{
	(void)ctx;
	px_doing("retriggers what was left behind");
	rig->os.ipi(rig->os.ctx, rig->cpu[2].agent, 1, vector);
}

static void offliner(void *arg)
{
	bool broken = arg != NULL;

	moves(0, 1);
	moves(1, 1);
	px_doing("CPU 0 is offline: is anything left in its PIR?");
	if (!broken)
		pn_pmsi_drain(&intel->pcpu[0], rig->cpu[2].agent, found, NULL);
}

/* CPU 0 takes no interrupts any more. */
void intel_bare_offline(bool broken)
{
	bare((const uint8_t[]){LOW, HIGH}, 2);
	px_thread("offline", 2, offliner, broken ? rig : NULL);
	rig_run_posts(0, rig_two_posts);
	handles(1);
}

/* ---- and comes back ---- */

static void handle_found(void *ctx, uint8_t vector)
{
	pn_pmsi_device_irq(ctx, vector);
}

static void onliner(void *arg)
{
	struct pn_pmsi_cpu *p = &intel->pcpu[0];

	(void)arg;
	pn_irq_off(rig->cpu[0].agent);
	p->active = true; /* the vectors are in no local APIC */
	px_doing("comes online: takes what was posted meanwhile");
	pn_pmsi_drain(p, rig->cpu[0].agent, handle_found, p);
	p->active = false;
	px_doing("takes interrupts again");
	pn_irq_on(rig->cpu[0].agent);
}

/* Its interrupts were not moved. */
void intel_bare_online(bool broken)
{
	(void)broken;
	bare((const uint8_t[]){LOW, HIGH}, 2);
	rig->vendor->post(0); /* its notification came to nobody */
	px_thread("CPU 0", 0, onliner, NULL);
	rig_run_posts(0, rig_other_way);
	handles(0);
}

/* ---- the vector of an interrupt is freed ---- */

#define OLD 0x7F

/*
 * The interrupt has moved from CPU 0; its old vector is given to another device once nothing of it
 * is left there: neither in the local APIC nor in the PIR.
 */
static void frees_vector(void *arg)
{
	bool broken = arg != NULL;

	moves(0, 1);
	px_doing("frees the old vector when it is not pending");
	while (!broken && pn_pmsi_pending(&intel->pcpu[0], OLD))
		pn_relax();
	if (!(rig->ir[0].due & RIG_OWED))
		return;
	if (intel->pcpu[0].pid->pir[OLD / 64] >> OLD % 64 & 1)
		px_fail("P4", "vector 0x%02x is freed, and is in the PIR of CPU 0", OLD);
}

void intel_bare_left(bool broken)
{
	bare((const uint8_t[]){OLD}, 1);
	px_thread("move", 2, frees_vector, broken ? rig : NULL);
	rig_run_posts(0, rig_twice);
	handles(0);
	handles(1);
}
