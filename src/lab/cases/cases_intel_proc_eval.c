/* SPDX-License-Identifier: MIT */
/* A processor evaluates and delivers virtual interrupts, and takes external ones. */
#include "cases_intel_proc.h"

/* ---- evaluation and delivery ---- */

static bool in(uint32_t bank, uint8_t vector)
{
	return pn_vapic_test(proc_page(), bank, vector);
}

/* RVI, TPR and SVI, and what is recognized at VM entry. */
static const struct {
	uint8_t rvi, tpr, svi;
	bool window;
	uint8_t ppr;
	bool recognized;
} situations[] = {
	{0x41, 0x00, 0x00, false, 0x00, true},	{0x41, 0x30, 0x00, false, 0x30, true},
	{0x41, 0x3F, 0x00, false, 0x3F, true},	{0x41, 0x40, 0x00, false, 0x40, false},
	{0x4F, 0x40, 0x00, false, 0x40, false}, {0x50, 0x4F, 0x00, false, 0x4F, true},
	{0x41, 0x00, 0x35, false, 0x30, true},	{0x41, 0x00, 0x45, false, 0x40, false},
	{0x41, 0x36, 0x35, false, 0x36, true},	{0x41, 0x25, 0x35, false, 0x30, true},
	{0x41, 0x55, 0x35, false, 0x55, false}, {0x41, 0x00, 0x00, true, 0x00, false},
	{0x00, 0x00, 0x00, false, 0x00, false}, {0x0F, 0x00, 0x00, false, 0x00, false},
	{0x10, 0x00, 0x00, false, 0x00, true},	{0xFF, 0xEF, 0x00, false, 0xEF, true},
	{0xFF, 0xF0, 0x00, false, 0xF0, false}, {0xFF, 0x00, 0xF1, false, 0xF0, false},
};

static void evaluates(unsigned i)
{
	const struct pn_vmcs_apic keep = proc_base;

	for (unsigned w = 0; w < 1024; w++)
		proc_page()[w] = 0;
	proc_page()[PN_APIC_TPR / 4] = situations[i].tpr;
	proc_page()[PN_APIC_PPR / 4] = 0xABCDEF00; /* the upper bytes become 0 */
	proc_base.intr_status = (uint16_t)(situations[i].svi << 8 | situations[i].rvi);
	if (situations[i].window)
		proc_base.proc |= PN_PROC_INTR_WINDOW;
	proc_enter("evaluation at VM entry");
	unit_eq(proc_page()[PN_APIC_PPR / 4], situations[i].ppr, "PPR at VM entry");
	unit_eq((unsigned)pn_apicv_pending(proc_cpu, true),
		situations[i].recognized ? situations[i].rvi : (unsigned)-1,
		"what VM entry recognizes");
	unit_eq((unsigned)pn_apicv_pending(proc_cpu, false), (unsigned)-1, "with interrupts off");
	if (!situations[i].recognized)
		unit_eq((unsigned)pn_apicv_deliver(proc_cpu), (unsigned)-1, "delivery of nothing");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	unit_eq(proc_now.intr_status, proc_base.intr_status, "RVI and SVI at VM exit");
	proc_base = keep;
}

/* Two vectors in the IRR and two in the ISR; an EOI that exits. */
static void delivers(void)
{
	struct pn_apicv_exit exit = {0};
	const struct pn_vmcs_apic keep = proc_base;

	for (unsigned w = 0; w < 1024; w++)
		proc_page()[w] = 0;
	pn_vapic_set(proc_page(), PN_APIC_IRR, 0x33);
	pn_vapic_set(proc_page(), PN_APIC_IRR, 0x95);
	pn_vapic_set(proc_page(), PN_APIC_ISR, 0x41);
	pn_vapic_set(proc_page(), PN_APIC_ISR, 0x22);
	proc_base.intr_status = 0x4195;
	proc_base.eoi_exit[0x95 / 64] = 1ull << 0x95 % 64;
	proc_enter("delivery");
	unit_eq((unsigned)pn_apicv_deliver(proc_cpu), 0x95, "delivery");
	rig_want(!in(PN_APIC_IRR, 0x95) && in(PN_APIC_ISR, 0x95) && in(PN_APIC_IRR, 0x33) &&
			 in(PN_APIC_ISR, 0x41) && in(PN_APIC_ISR, 0x22),
		 "P7", "IRR and ISR after a delivery");
	unit_eq(proc_page()[PN_APIC_PPR / 4], 0x90, "PPR after a delivery");
	rig_want(proc_cpu->rvi == 0x33 && proc_cpu->svi == 0x95, "P7",
		 "RVI and SVI after a delivery");
	unit_eq((unsigned)pn_apicv_deliver(proc_cpu), (unsigned)-1, "a second delivery");
	unit_eq(proc_wrmsr(PN_APIC_EOI, 0, &exit), PN_APICV_TRAP, "an EOI that exits");
	rig_want(exit.reason == PN_VMX_EXIT_EOI && exit.qualification == 0x95, "P7",
		 "the exit of an EOI");
	rig_want(!in(PN_APIC_ISR, 0x95) && in(PN_APIC_ISR, 0x41) && proc_cpu->svi == 0x41, "P7",
		 "ISR after an EOI that exits");
	unit_eq(proc_page()[PN_APIC_PPR / 4], 0x40, "PPR after an EOI that exits");
	unit_eq(proc_wrmsr(PN_APIC_EOI, 0, &exit), PN_APICV_EVALUATE, "an EOI");
	rig_want(proc_cpu->svi == 0x22 && !in(PN_APIC_ISR, 0x41) &&
			 pn_apicv_pending(proc_cpu, true) == 0x33,
		 "P7", "what can be delivered after an EOI");
	/* A self-IPI below RVI, and one above. */
	unit_eq(proc_wrmsr(PN_APIC_SELF_IPI, 0x25, &exit), PN_APICV_EVALUATE, "a self-IPI");
	rig_want(proc_cpu->rvi == 0x33 && in(PN_APIC_IRR, 0x25), "P7", "a self-IPI below RVI");
	unit_eq(proc_wrmsr(PN_APIC_SELF_IPI, 0x99, &exit), PN_APICV_EVALUATE, "a self-IPI");
	rig_want(proc_cpu->rvi == 0x99 && in(PN_APIC_IRR, 0x99), "P7", "a self-IPI above RVI");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	unit_eq(proc_now.intr_status, 0x2299, "RVI and SVI at VM exit");
	proc_now.intr_status = 0x1234;
	pn_apicv_vmexit(proc_cpu, &proc_now);
	unit_eq(proc_now.intr_status, 0x1234, "a second VM exit");
	proc_base = keep;
}

/* ---- external interrupts ---- */

struct apic {
	int irq;
	unsigned acks, eois;
};

static bool apic_pending(void *ctx)
{
	return ((struct apic *)ctx)->irq >= 0;
}

static int apic_ack(void *ctx)
{
	struct apic *a = ctx;
	int irq = a->irq;

	a->acks++;
	a->irq = -1;
	return irq;
}

static void apic_eoi(void *ctx)
{
	((struct apic *)ctx)->eois++;
}

void proc_external(int irq, enum pn_apicv_intr want, int vector, unsigned acks, unsigned eois,
		   const char *what)
{
	struct apic a = {.irq = irq};
	const struct pn_apicv_lapic lapic = {&a, apic_pending, apic_ack, apic_eoi};
	int got = 99;

	px_doing(what);
	unit_eq(pn_apicv_ext_intr(proc_cpu, &lapic, &got), want, what);
	unit_eq((unsigned)got, (unsigned)vector, what);
	unit_eq(a.acks, acks, what);
	unit_eq(a.eois, eois, what);
}

static void interrupts(void)
{
	struct pn_pid *pid = intel->vcpu[0].pid;
	struct pn_lapic own = {0};
	int vector = 0;

	proc_external(0x55, PN_INTR_NONE, -1, 0, 0, "an interrupt outside the guest");
	for (unsigned w = 0; w < 1024; w++)
		proc_page()[w] = 0;
	proc_enter("external interrupts");
	proc_external(0x55, PN_INTR_EXIT, 0x55, 1, 0, "another interrupt");
	proc_external(-1, PN_INTR_NONE, -1, 1, 0, "no interrupt");
	pid->control = PN_PID_ON | PN_PID_SN | 7ull << 32;
	pid->pir[0] = 1ull << 33 | 1ull << 31;
	pid->pir[1] = 1;
	pid->pir[3] = 1ull << 63;
	proc_external(NOTIFY, PN_INTR_POSTED, -1, 1, 1, "a notification");
	unit_eq(pid->control, PN_PID_SN | 7ull << 32, "control after a notification");
	rig_want(!pid->pir[0] && !pid->pir[1] && !pid->pir[3] && in(PN_APIC_IRR, 31) &&
			 in(PN_APIC_IRR, 33) && in(PN_APIC_IRR, 64) && in(PN_APIC_IRR, 255),
		 "P7", "PIR and IRR after a notification");
	unit_eq(pn_vapic_count(proc_page(), PN_APIC_IRR), 4, "IRR after a notification");
	unit_eq((unsigned)pn_apicv_pending(proc_cpu, true), 255, "what a notification recognizes");
	pid->pir[1] = 2;
	proc_external(NOTIFY, PN_INTR_POSTED, -1, 1, 1, "a second notification");
	unit_eq(proc_cpu->rvi, 255, "RVI after a lower vector");
	proc_external(NOTIFY, PN_INTR_POSTED, -1, 1, 1, "a spurious notification");
	unit_eq(proc_cpu->rvi, 255, "RVI after a spurious notification");
	rig_want(pn_apicv_intr(proc_cpu, &own, &vector) == PN_INTR_NONE && vector == -1, "P7",
		 "nothing in the local APIC");
	pn_apicv_vmexit(proc_cpu, &proc_now);
}

/* Without posting, without acknowledge on exit, without exits. */
static void other_interrupts(void)
{
	const struct pn_vmcs_apic keep = proc_base;
	struct pn_lapic own = {0};
	int vector = 0;

	proc_base.pin &= ~PN_PIN_POSTED_INTR;
	proc_enter("no posting");
	proc_external(NOTIFY, PN_INTR_EXIT, NOTIFY, 1, 0,
		      "the notification vector without posting");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	proc_base.exit_ctl = 0;
	proc_enter("no acknowledge on exit");
	proc_external(0x55, PN_INTR_EXIT, -1, 0, 0, "an interrupt that is not acknowledged");
	proc_external(-1, PN_INTR_NONE, -1, 0, 0, "none");
	pn_lapic_accept(&own, 0x55);
	rig_want(pn_apicv_intr(proc_cpu, &own, &vector) == PN_INTR_EXIT && vector == -1 &&
			 pn_lapic_take(&own) == 0x55,
		 "P7", "an interrupt that stays in the local APIC");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	proc_base.pin = 0;
	proc_base.proc2 &= ~PN_PROC2_VID;
	proc_enter("no exits");
	proc_external(0x55, PN_INTR_NONE, -1, 0, 0, "an interrupt through the guest's IDT");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	unit_eq(proc_now.intr_status, proc_base.intr_status, "interrupt status without VID");
	proc_base = keep;
}

void proc_evaluates(void)
{
	for (unsigned i = 0; i < UNIT_COUNT(situations); i++)
		evaluates(i);
	delivers();
	interrupts();
	other_interrupts();
}
