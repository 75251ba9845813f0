/* SPDX-License-Identifier: MIT */
/*
 * The second half of the case of cases_intel_apic.c: virtual interrupts of a processor. IPIs and
 * where they find descriptors, evaluation and delivery, external interrupts, what VM entry refuses,
 * a VMCS by its fields.
 */
#include <errno.h>
#include <string.h>

#include "cases_intel.h"

#define NOTIFY	 0xF2
#define ICR(to)	 ((uint64_t)(to) << 32)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FARA	 0x7FFF0000ull /* no memory */

static struct pn_apicv *cpu;
static struct pn_vmcs_apic base, now;

static void eq(uint64_t got, uint64_t want, const char *what)
{
	if (got != want)
		px_fail("P7", "%s: %#llx, not %#llx", what, (unsigned long long)got,
			(unsigned long long)want);
}

static uint32_t *page(void)
{
	return rig->vcpu[0].h->page;
}

static void enter(const char *what)
{
	struct pn_apicv_exit exit = {0};

	px_doing(what);
	now = base;
	rig_want(!pn_apicv_vmentry(cpu, &now, &exit), "P7", what);
}

static enum pn_apicv_access wrmsr(uint32_t off, uint64_t value, struct pn_apicv_exit *exit)
{
	return pn_apicv_wrmsr(cpu, PN_X2APIC_MSR + off / 16, value, exit);
}

/* ---- IPIs ---- */

static void sends(uint32_t to, uint8_t vector, bool posted, const char *what)
{
	struct pn_pid *pid = intel->vcpu[1].pid;
	struct pn_apicv_exit exit = {0};

	px_doing(what);
	for (unsigned i = 0; i < 4; i++)
		pid->pir[i] = 0;
	intel->messages = 0;
	eq(wrmsr(PN_APIC_ICRL, ICR(to) | vector, &exit), posted ? PN_APICV_DONE : PN_APICV_TRAP,
	   what);
	for (unsigned i = 0; i < 4; i++)
		eq(pid->pir[i], posted && i == vector / 64 ? 1ull << vector % 64 : 0, what);
	if (!posted)
		rig_want(exit.reason == PN_VMX_EXIT_APIC_WRITE &&
				 exit.qualification == PN_APIC_ICRL && !intel->messages,
			 "P7", what);
}

/* The host is in xAPIC mode: NDST is in its bits 15:8. */
static void ipis(void)
{
	const uint64_t control = 0xE1ull << PN_PID_NV_SH | 0x12345678ull << PN_PID_NDST_SH;
	struct pn_pid *pid = intel->vcpu[1].pid;

	enter("IPIs");
	for (unsigned vector = 16; vector < 256; vector += 37) {
		pid->control = control;
		sends(1, (uint8_t)vector, true, "an IPI");
		eq(pid->control, control | PN_PID_ON, "ON after an IPI");
		rig_want(intel->messages == 1 && intel->heard.vector == 0xE1 &&
				 intel->heard.dest == 0x56 && intel->heard.mode == PN_DM_FIXED &&
				 !intel->heard.logical && !intel->heard.level,
			 "P7", "the notification of an IPI");
		sends(1, (uint8_t)vector, true, "an IPI, ON = 1");
		eq(intel->messages, 0, "a notification with ON = 1");
		pid->control = control | PN_PID_SN;
		sends(1, (uint8_t)vector, true, "an IPI, SN = 1");
		eq(pid->control, control | PN_PID_SN, "control with SN = 1");
		eq(intel->messages, 0, "a notification with SN = 1");
	}
	pid->control = control | PN_PID_CTL_RSV; /* not looked at here */
	sends(1, 0x41, true, "an IPI, reserved bits");
	sends(2, 0x41, false, "an ID behind the table");
	sends(0x80000001, 0x41, false, "an ID behind the table");
	sends(1, 15, false, "a vector below 16");
	intel->bus.intr = NULL;
	pid->control = control;
	sends(1, 0x41, true, "a bus without interrupts");
	intel->bus.intr = intel_hears;
	pn_apicv_vmexit(cpu, &now);
}

static void tables(void)
{
	uint64_t *entry = &intel->vm.pid_table[1], good = *entry;

	enter("the PID-pointer table");
	for (unsigned bit = 0; bit < 6; bit++) {
		*entry = good ^ 1ull << bit;
		sends(1, 0x41, false, rig_text("bit %u of a pointer", bit));
	}
	*entry = (FARA << 4) | PN_PIDPTR_VALID;
	sends(1, 0x41, false, "a descriptor without memory");
	*entry = 1ull << 52 | PN_PIDPTR_VALID;
	sends(1, 0x41, false, "a descriptor that the processor cannot reach");
	*entry = good;
	sends(1, 0x41, true, "a pointer");
	pn_apicv_vmexit(cpu, &now);
	base.pid_table = FARA;
	enter("a PID-pointer table without memory");
	sends(1, 0x41, false, "a table without memory");
	pn_apicv_vmexit(cpu, &now);
	base.pid_table = intel->vm.pid_table_pa;
	base.last_pid_index = 0;
	enter("a last index");
	sends(1, 0x41, false, "an ID above the last index");
	pn_apicv_vmexit(cpu, &now);
	base.last_pid_index = 1;
}

/* ---- evaluation and delivery ---- */

static bool in(uint32_t bank, uint8_t vector)
{
	return pn_vapic_test(page(), bank, vector);
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
	const struct pn_vmcs_apic keep = base;

	for (unsigned w = 0; w < 1024; w++)
		page()[w] = 0;
	page()[PN_APIC_TPR / 4] = situations[i].tpr;
	page()[PN_APIC_PPR / 4] = 0xABCDEF00; /* the upper bytes become 0 */
	base.intr_status = (uint16_t)(situations[i].svi << 8 | situations[i].rvi);
	if (situations[i].window)
		base.proc |= PN_PROC_INTR_WINDOW;
	enter("evaluation at VM entry");
	eq(page()[PN_APIC_PPR / 4], situations[i].ppr, "PPR at VM entry");
	eq((unsigned)pn_apicv_pending(cpu, true),
	   situations[i].recognized ? situations[i].rvi : (unsigned)-1, "what VM entry recognizes");
	eq((unsigned)pn_apicv_pending(cpu, false), (unsigned)-1, "with interrupts off");
	if (!situations[i].recognized)
		eq((unsigned)pn_apicv_deliver(cpu), (unsigned)-1, "delivery of nothing");
	pn_apicv_vmexit(cpu, &now);
	eq(now.intr_status, base.intr_status, "RVI and SVI at VM exit");
	base = keep;
}

/* Two vectors in the IRR and two in the ISR; an EOI that exits. */
static void delivers(void)
{
	struct pn_apicv_exit exit = {0};
	const struct pn_vmcs_apic keep = base;

	for (unsigned w = 0; w < 1024; w++)
		page()[w] = 0;
	pn_vapic_set(page(), PN_APIC_IRR, 0x33);
	pn_vapic_set(page(), PN_APIC_IRR, 0x95);
	pn_vapic_set(page(), PN_APIC_ISR, 0x41);
	pn_vapic_set(page(), PN_APIC_ISR, 0x22);
	base.intr_status = 0x4195;
	base.eoi_exit[0x95 / 64] = 1ull << 0x95 % 64;
	enter("delivery");
	eq((unsigned)pn_apicv_deliver(cpu), 0x95, "delivery");
	rig_want(!in(PN_APIC_IRR, 0x95) && in(PN_APIC_ISR, 0x95) && in(PN_APIC_IRR, 0x33) &&
			 in(PN_APIC_ISR, 0x41) && in(PN_APIC_ISR, 0x22),
		 "P7", "IRR and ISR after a delivery");
	eq(page()[PN_APIC_PPR / 4], 0x90, "PPR after a delivery");
	rig_want(cpu->rvi == 0x33 && cpu->svi == 0x95, "P7", "RVI and SVI after a delivery");
	eq((unsigned)pn_apicv_deliver(cpu), (unsigned)-1, "a second delivery");
	eq(wrmsr(PN_APIC_EOI, 0, &exit), PN_APICV_TRAP, "an EOI that exits");
	rig_want(exit.reason == PN_VMX_EXIT_EOI && exit.qualification == 0x95, "P7",
		 "the exit of an EOI");
	rig_want(!in(PN_APIC_ISR, 0x95) && in(PN_APIC_ISR, 0x41) && cpu->svi == 0x41, "P7",
		 "ISR after an EOI that exits");
	eq(page()[PN_APIC_PPR / 4], 0x40, "PPR after an EOI that exits");
	eq(wrmsr(PN_APIC_EOI, 0, &exit), PN_APICV_EVALUATE, "an EOI");
	rig_want(cpu->svi == 0x22 && !in(PN_APIC_ISR, 0x41) && pn_apicv_pending(cpu, true) == 0x33,
		 "P7", "what can be delivered after an EOI");
	/* A self-IPI below RVI, and one above. */
	eq(wrmsr(PN_APIC_SELF_IPI, 0x25, &exit), PN_APICV_EVALUATE, "a self-IPI");
	rig_want(cpu->rvi == 0x33 && in(PN_APIC_IRR, 0x25), "P7", "a self-IPI below RVI");
	eq(wrmsr(PN_APIC_SELF_IPI, 0x99, &exit), PN_APICV_EVALUATE, "a self-IPI");
	rig_want(cpu->rvi == 0x99 && in(PN_APIC_IRR, 0x99), "P7", "a self-IPI above RVI");
	pn_apicv_vmexit(cpu, &now);
	eq(now.intr_status, 0x2299, "RVI and SVI at VM exit");
	now.intr_status = 0x1234;
	pn_apicv_vmexit(cpu, &now);
	eq(now.intr_status, 0x1234, "a second VM exit");
	base = keep;
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

static void external(int irq, enum pn_apicv_intr want, int vector, unsigned acks, unsigned eois,
		     const char *what)
{
	struct apic a = {.irq = irq};
	const struct pn_apicv_lapic lapic = {&a, apic_pending, apic_ack, apic_eoi};
	int got = 99;

	px_doing(what);
	eq(pn_apicv_ext_intr(cpu, &lapic, &got), want, what);
	eq((unsigned)got, (unsigned)vector, what);
	eq(a.acks, acks, what);
	eq(a.eois, eois, what);
}

static void interrupts(void)
{
	struct pn_pid *pid = intel->vcpu[0].pid;
	const struct pn_vmcs_apic keep = base;
	struct pn_lapic own = {0};
	int vector = 0;

	external(0x55, PN_INTR_NONE, -1, 0, 0, "an interrupt outside the guest");
	for (unsigned w = 0; w < 1024; w++)
		page()[w] = 0;
	enter("external interrupts");
	external(0x55, PN_INTR_EXIT, 0x55, 1, 0, "another interrupt");
	external(-1, PN_INTR_NONE, -1, 1, 0, "no interrupt");
	pid->control = PN_PID_ON | PN_PID_SN | 7ull << 32;
	pid->pir[0] = 1ull << 33 | 1ull << 31;
	pid->pir[1] = 1;
	pid->pir[3] = 1ull << 63;
	external(NOTIFY, PN_INTR_POSTED, -1, 1, 1, "a notification");
	eq(pid->control, PN_PID_SN | 7ull << 32, "control after a notification");
	rig_want(!pid->pir[0] && !pid->pir[1] && !pid->pir[3] && in(PN_APIC_IRR, 31) &&
			 in(PN_APIC_IRR, 33) && in(PN_APIC_IRR, 64) && in(PN_APIC_IRR, 255),
		 "P7", "PIR and IRR after a notification");
	eq(pn_vapic_count(page(), PN_APIC_IRR), 4, "IRR after a notification");
	eq((unsigned)pn_apicv_pending(cpu, true), 255, "what a notification recognizes");
	pid->pir[1] = 2;
	external(NOTIFY, PN_INTR_POSTED, -1, 1, 1, "a second notification");
	eq(cpu->rvi, 255, "RVI after a lower vector");
	external(NOTIFY, PN_INTR_POSTED, -1, 1, 1, "a spurious notification");
	eq(cpu->rvi, 255, "RVI after a spurious notification");
	rig_want(pn_apicv_intr(cpu, &own, &vector) == PN_INTR_NONE && vector == -1, "P7",
		 "nothing in the local APIC");
	pn_apicv_vmexit(cpu, &now);
	base.pin &= ~PN_PIN_POSTED_INTR;
	enter("no posting");
	external(NOTIFY, PN_INTR_EXIT, NOTIFY, 1, 0, "the notification vector without posting");
	pn_apicv_vmexit(cpu, &now);
	base.exit_ctl = 0;
	enter("no acknowledge on exit");
	external(0x55, PN_INTR_EXIT, -1, 0, 0, "an interrupt that is not acknowledged");
	external(-1, PN_INTR_NONE, -1, 0, 0, "none");
	pn_lapic_accept(&own, 0x55);
	rig_want(pn_apicv_intr(cpu, &own, &vector) == PN_INTR_EXIT && vector == -1 &&
			 pn_lapic_take(&own) == 0x55,
		 "P7", "an interrupt that stays in the local APIC");
	pn_apicv_vmexit(cpu, &now);
	base.pin = 0;
	base.proc2 &= ~PN_PROC2_VID;
	enter("no exits");
	external(0x55, PN_INTR_NONE, -1, 0, 0, "an interrupt through the guest's IDT");
	pn_apicv_vmexit(cpu, &now);
	eq(now.intr_status, base.intr_status, "interrupt status without VID");
	base = keep;
}

/* ---- what VM entry refuses ---- */

static void entry(const struct pn_apicv_features *f, struct pn_vmcs_apic v, bool ok,
		  const char *what)
{
	eq((unsigned)-pn_apicv_vmcs_check(f, &v), ok ? 0 : EINVAL, what);
}

#define WITH(field, value) ((v = base), (v.field = (value)), v)

static void refuses(void)
{
	struct pn_apicv_features f = cpu->feat, old = f, needs = f, wide = f;
	struct pn_apicv_exit exit = {0};
	struct pn_vmcs_apic v = base;

	px_doing("what VM entry refuses");
	old.ipiv = false;
	needs.ipiv_needs_tpr_shadow = true;
	wide.maxphyaddr = 64;
	entry(&f, base, true, "a VMCS");
	entry(&old, base, false, "tertiary controls of a processor without them");
	entry(&old, WITH(proc, base.proc & ~PN_PROC_TERTIARY), true, "no tertiary controls");
	entry(&needs, base, true, "IPI virtualization with a TPR shadow");
	v = (struct pn_vmcs_apic){.proc = PN_PROC_TERTIARY, .proc3 = PN_PROC3_IPI_VIRT};
	entry(&f, v, true, "IPI virtualization without a TPR shadow");
	entry(&needs, v, false, "a processor that needs the TPR shadow for it");
	v.proc3 = 0;
	entry(&needs, v, true, "no IPI virtualization");
	v = (struct pn_vmcs_apic){.proc = PN_PROC_SECONDARY, .proc2 = PN_PROC2_X2APIC};
	entry(&f, v, false, "x2APIC mode without a TPR shadow");
	v.proc2 = PN_PROC2_APIC_REGS;
	entry(&f, v, false, "APIC registers without a TPR shadow");
	v.proc2 = PN_PROC2_APIC_ACCESSES;
	entry(&f, v, true, "APIC accesses without a TPR shadow");
	v.proc = 0;
	v.proc2 = PN_PROC2_X2APIC | PN_PROC2_VID;
	entry(&f, v, true, "secondary controls that are not activated");
	entry(&f, WITH(virtual_apic, (1ull << 52) - 4096), true, "the last page");
	entry(&f, WITH(virtual_apic, 1ull << 52), false, "a page beyond");
	entry(&wide, WITH(virtual_apic, ~0xFFFull), true, "the last page of all");
	entry(&f, WITH(pid, (1ull << 52) - 64), true, "the last descriptor");
	entry(&f, WITH(pid_table, (1ull << 52) - 16), true, "the last table");
	entry(&f, WITH(pid_table, (1ull << 52) - 8), false, "a table that ends beyond");
	entry(&wide, WITH(pid_table, ~7ull), false, "a table that wraps");
	entry(&f, WITH(pid_table, base.pid_table | 4), false, "a table that is not aligned");
	v = WITH(virtual_apic, FARA);
	eq((unsigned)-pn_apicv_vmentry(cpu, &v, &exit), EFAULT, "a page without memory");
	eq((unsigned)-pn_apicv_vmentry_check(cpu, &v), EFAULT, "a page without memory");
	v = WITH(pid, FARA);
	eq((unsigned)-pn_apicv_vmentry(cpu, &v, &exit), EFAULT, "a descriptor without memory");
	rig_want(!cpu->in_guest, "P7", "in the guest after an entry that failed");
	v = WITH(pid, base.pid + 32);
	eq((unsigned)-pn_apicv_vmentry(cpu, &v, &exit), EINVAL, "a descriptor, not aligned");
	enter("an entry");
	eq((unsigned)-pn_apicv_vmentry_check(cpu, &v), EINVAL, "a check alone");
	rig_want(cpu->in_guest, "P7", "a check changes nothing");
	pn_apicv_vmexit(cpu, &now);
}

/* ---- a VMCS by its fields ---- */

static uint32_t without; /* a field that does not exist, + 1 */
static uint64_t pin, proc, proc2;

static uint64_t vmread(void *ctx, uint32_t field)
{
	(void)ctx;
	if (field + 1 == without)
		px_fail("P7", "VMREAD of field %x, whose control is 0", field);
	return field == 0x4000 ? pin : field == 0x4002 ? proc : field == 0x401E ? proc2 : 0xFFFF;
}

/* With these controls @field is not read, and what it fills is 0. */
static void unread(uint32_t p, uint32_t q, uint32_t r, uint32_t field)
{
	struct pn_vmcs_apic v;

	pin = p;
	proc = q;
	proc2 = r;
	without = field + 1;
	pn_vmcs_apic_read(&v, vmread, NULL);
	without = 0;
	rig_want(v.pin == p && v.proc == q && v.exit_ctl == 0xFFFF, "P7", "controls of a VMCS");
	eq(v.proc2, q & PN_PROC_SECONDARY ? r : 0, "secondary controls");
	eq(v.proc3, q & PN_PROC_TERTIARY ? 0xFFFF : 0, "tertiary controls");
	eq(v.virtual_apic, q & PN_PROC_TPR_SHADOW ? 0xFFFF : 0, "virtual-APIC address");
	eq(v.apic_access, v.proc2 & PN_PROC2_APIC_ACCESSES ? 0xFFFF : 0, "APIC-access address");
	eq(v.tpr_threshold, q & PN_PROC_TPR_SHADOW && !(v.proc2 & PN_PROC2_VID) ? 0xFFFF : 0,
	   "threshold");
	eq(v.intr_status, v.proc2 & PN_PROC2_VID ? 0xFFFF : 0, "interrupt status");
	eq(v.eoi_exit[0] & v.eoi_exit[1] & v.eoi_exit[2] & v.eoi_exit[3],
	   v.proc2 & PN_PROC2_VID ? 0xFFFF : 0, "EOI-exit bitmap");
	eq(v.pid, p & PN_PIN_POSTED_INTR ? 0xFFFF : 0, "descriptor");
	eq(v.posted_nv, p & PN_PIN_POSTED_INTR ? 0xFFFF : 0, "notification vector");
	eq(v.pid_table, q & PN_PROC_TERTIARY ? 0xFFFF : 0, "PID-pointer table");
	eq(v.last_pid_index, q & PN_PROC_TERTIARY ? 0xFFFF : 0, "last index");
}

static void fields(void)
{
	px_doing("a VMCS whose controls are 0");
	unread(0, 0, 0xFFFF, 0x401E);
	unread(0, 0, 0, 0x2034);
	unread(0, 0, 0, 0x2012);
	unread(0, PN_PROC_TPR_SHADOW, 0, 0x0810);
	unread(0, PN_PROC_TPR_SHADOW, 0, 0x201C);
	unread(0, PN_PROC_TPR_SHADOW | PN_PROC_SECONDARY, PN_PROC2_VID, 0x401C);
	unread(0, 0, 0, 0x401C);
	unread(0, PN_PROC_SECONDARY, PN_PROC2_X2APIC, 0x2014);
	unread(0, PN_PROC_SECONDARY, PN_PROC2_APIC_ACCESSES, 0x2012);
	unread(0, PN_PROC_SECONDARY, PN_PROC2_VID, 0x2016);
	unread(0, 0, 0, 0x0002);
	unread(0, 0, 0, 0x0008);
	unread(0, 0, 0, 0x2042);
	unread(PN_PIN_POSTED_INTR, PN_PROC_TERTIARY, 0, 0x2014);
}

/* ---- entries without an exit before, and other kinds of entries ---- */

static uint64_t counted(unsigned step)
{
	return cpu->agent->step[step].count;
}

static void kinds(void)
{
	const uint64_t eois = counted(PN_STEP_GUEST_EOI), spurious = counted(PN_STEP_PI_SPURIOUS);
	const struct pn_vmcs_apic keep = base;
	struct pn_apicv_features f;
	struct pn_apicv_exit exit = {0};
	struct pn_apicv another;
	struct pn_vmcs_apic v;
	uint32_t value = 7;

	px_doing("a processor at first");
	memset(&f, 0x5A, sizeof(f));
	pn_apicv_features_default(&f);
	rig_want(f.maxphyaddr == 52 && f.ipiv && !f.ipiv_needs_tpr_shadow && f.pir_granule == 64,
		 "P7", "features");
	memset(&another, 0x5A, sizeof(another));
	pn_apicv_init(&another, cpu->bus, cpu->agent, &f, false);
	rig_want(!another.in_guest && !another.recognized && !another.page && !another.pid &&
			 !another.stored_len && !another.host_x2apic && another.bus == cpu->bus &&
			 another.agent == cpu->agent && !another.rvi && !another.svi,
		 "P7", "a processor at first");
	px_doing("an entry after an entry");
	for (unsigned w = 0; w < 1024; w++)
		page()[w] = 0;
	base.intr_status = 0x41;
	enter("something is recognized");
	eq((unsigned)pn_apicv_pending(cpu, true), 0x41, "something is recognized");
	v = WITH(pid, base.pid + 32);
	eq((unsigned)-pn_apicv_vmentry(cpu, &v, &exit), EINVAL, "an entry that fails");
	rig_want(!cpu->in_guest, "P7", "in the guest after an entry that failed");
	enter("something is recognized");
	v = (struct pn_vmcs_apic){
		.pin = PN_PIN_EXT_INT_EXIT, .tpr_threshold = 5, .intr_status = 0x41};
	eq((unsigned)pn_apicv_vmentry(cpu, &v, &exit), 0, "a threshold without a TPR shadow");
	eq((unsigned)pn_apicv_pending(cpu, true), (unsigned)-1, "an entry without VID");
	v.intr_status = 0x7777;
	pn_apicv_vmexit(cpu, &v);
	eq(v.intr_status, 0x7777, "interrupt status without VID");
	base.proc2 = PN_PROC2_APIC_ACCESSES | PN_PROC2_APIC_REGS | PN_PROC2_VID;
	base.tpr_threshold = 15;
	enter("a threshold with VID");
	rig_want(cpu->in_guest, "P7", "a threshold with VID");
	pn_apicv_page_write(cpu, PN_APIC_TDCR, 4, PN_APICV_INSN, &value, &exit);
	eq(page()[PN_APIC_TDCR / 4], 7, "a store");
	enter("an entry after a store");
	eq(pn_apicv_page_emulate(cpu, &exit), PN_APICV_DONE, "a store of before the entry");
	page()[PN_APIC_TDCR / 4] = 0xA1B2C3D4;
	value = 0;
	pn_apicv_page_write(cpu, PN_APIC_TDCR + 1, 1, PN_APICV_INSN, &value, &exit);
	eq(page()[PN_APIC_TDCR / 4], 0xA1B200D4, "a store of one byte");
	pn_apicv_vmexit(cpu, &now);
	base = keep;
	v = (struct pn_vmcs_apic){.pin = PN_PIN_EXT_INT_EXIT,
				  .proc = PN_PROC_SECONDARY,
				  .proc2 = PN_PROC2_APIC_ACCESSES};
	eq((unsigned)pn_apicv_vmentry(cpu, &v, &exit), 0, "APIC accesses without a TPR shadow");
	eq(pn_apicv_read(cpu, PN_APIC_TPR, &value, &exit), PN_APICV_FAULT, "no TPR shadow");
	pn_apicv_vmexit(cpu, &v);
	enter("x2APIC mode");
	eq(pn_apicv_read(cpu, PN_APIC_TPR, &value, &exit), PN_APICV_PASS, "no APIC-access page");
	wrmsr(PN_APIC_EOI, 0, &exit);
	eq(counted(PN_STEP_GUEST_EOI) - eois, 0, "an EOI of nothing is counted");
	wrmsr(PN_APIC_SELF_IPI, 0x61, &exit);
	pn_apicv_deliver(cpu);
	wrmsr(PN_APIC_EOI, 0, &exit);
	eq(counted(PN_STEP_GUEST_EOI) - eois, 1, "an EOI is not counted");
	intel->vcpu[0].pid->pir[1] = 2;
	external(NOTIFY, PN_INTR_POSTED, -1, 1, 1, "a notification");
	eq(counted(PN_STEP_PI_SPURIOUS) - spurious, 0, "a notification is spurious");
	eq(cpu->rvi, 0x41, "RVI after a notification");
	external(NOTIFY, PN_INTR_POSTED, -1, 1, 1, "a spurious notification");
	eq(counted(PN_STEP_PI_SPURIOUS) - spurious, 1, "a spurious notification");
	pn_apicv_vmexit(cpu, &now);
	/* Without VID. */
	v = (struct pn_vmcs_apic){.pin = PN_PIN_EXT_INT_EXIT,
				  .proc = PN_PROC_TPR_SHADOW,
				  .virtual_apic = base.virtual_apic};
	v.tpr_threshold = 15;
	entry(&f, v, true, "a threshold of 4 bits");
	v.tpr_threshold = 16;
	entry(&f, v, false, "a threshold of 5 bits");
	v = (struct pn_vmcs_apic){.pin = PN_PIN_EXT_INT_EXIT, .proc = PN_PROC_SECONDARY};
	v.proc2 = PN_PROC2_VID;
	entry(&f, v, false, "VID without a TPR shadow");
	f.maxphyaddr = 63;
	entry(&f, WITH(virtual_apic, 1ull << 63), false, "a page above 63 bits");
}

static unsigned offset; /* of what the embedder maps */

static void *maps(void *ctx, uint64_t pa, size_t len)
{
	(void)ctx;
	(void)pa;
	(void)len;
	return (uint8_t *)intel->vcpu[1].pid + offset;
}

/* Memory that the processor cannot reach, or that is not aligned where the embedder maps it. */
static void mapped(void)
{
	uint64_t *pointer = &intel->vm.pid_table[1], good = *pointer;

	intel->bus.map = maps;
	enter("descriptors that the embedder maps");
	offset = 0;
	*pointer = 1ull << 51 | PN_PIDPTR_VALID;
	sends(1, 0x41, true, "a descriptor that is mapped");
	*pointer = 1ull << 52 | PN_PIDPTR_VALID;
	sends(1, 0x41, false, "a descriptor that the processor cannot reach");
	offset = 8;
	*pointer = 1ull << 51 | PN_PIDPTR_VALID;
	sends(1, 0x41, false, "a descriptor that is not aligned");
	*pointer = good;
	intel->bus.map = NULL;
	pn_apicv_vmexit(cpu, &now);
}

/* IPIs by the APIC-access page under other controls; writes of the ICR as steps. */
static void by_page(void)
{
	const struct pn_vmcs_apic keep = base;
	const uint64_t mmio = counted(PN_STEP_ICR_WRITE_MMIO), msrs = counted(PN_STEP_ICR_WRITE);
	struct pn_apicv_exit exit = {0};
	struct pn_lapic own = {0};
	int vector = 0;

	base.proc2 = PN_PROC2_APIC_ACCESSES | PN_PROC2_APIC_REGS;
	base.pin = PN_PIN_EXT_INT_EXIT;
	base.tpr_threshold = 0;
	base.exit_ctl = 0;
	enter("IPIs without VID");
	pn_apicv_write(cpu, PN_APIC_ICRH, 1u << 24, &exit);
	pn_apicv_write(cpu, PN_APIC_TPR, 0, &exit);
	eq(counted(PN_STEP_ICR_WRITE_MMIO) - mmio, 0, "writes of the ICR");
	eq(pn_apicv_write(cpu, PN_APIC_ICRL, PN_ICR_SH_SELF << 18 | 0x41, &exit), PN_APICV_TRAP,
	   "a self-IPI without VID");
	eq(pn_apicv_write(cpu, PN_APIC_ICRL, 0x41, &exit), PN_APICV_DONE, "an IPI without VID");
	eq(counted(PN_STEP_ICR_WRITE_MMIO) - mmio, 2, "writes of the ICR");
	eq(pn_apicv_write_cr8(cpu, 15, &exit), PN_APICV_DONE, "the largest CR8");
	eq(page()[PN_APIC_TPR / 4], 0xF0, "the largest CR8");
	rig_want(pn_apicv_intr(cpu, &own, &vector) == PN_INTR_NONE, "P7", "an empty local APIC");
	pn_apicv_vmexit(cpu, &now);
	pn_apicv_write(cpu, PN_APIC_ICRL, 0x41, &exit);
	eq(counted(PN_STEP_ICR_WRITE_MMIO) - mmio, 2, "writes of the ICR outside the guest");
	base.proc &= ~PN_PROC_TERTIARY;
	enter("IPIs without IPI virtualization");
	pn_apicv_write(cpu, PN_APIC_ICRH, 1u << 24, &exit);
	eq(pn_apicv_write(cpu, PN_APIC_ICRL, 0x41, &exit), PN_APICV_TRAP, "an IPI");
	pn_apicv_vmexit(cpu, &now);
	base = keep;
	enter("MSRs");
	wrmsr(PN_APIC_TPR, 0, &exit);
	eq(counted(PN_STEP_ICR_WRITE) - msrs, 0, "writes of the ICR by MSR");
	wrmsr(PN_APIC_ICRL, 0x41 | PN_ICR_LEVEL, &exit);
	eq(counted(PN_STEP_ICR_WRITE) - msrs, 1, "writes of the ICR by MSR");
	pn_apicv_vmexit(cpu, &now);
}

void intel_processor_posts(struct pn_apicv *a, const struct pn_vmcs_apic *vmcs)
{
	cpu = a;
	base = *vmcs;
	base.pin = PN_PIN_EXT_INT_EXIT | PN_PIN_POSTED_INTR;
	base.proc |= PN_PROC_TERTIARY;
	base.proc2 = PN_PROC2_X2APIC | PN_PROC2_APIC_REGS | PN_PROC2_VID;
	base.tpr_threshold = 0;
	ipis();
	tables();
	for (unsigned i = 0; i < COUNT(situations); i++)
		evaluates(i);
	delivers();
	interrupts();
	refuses();
	kinds();
	mapped();
	by_page();
	fields();
}
