/* SPDX-License-Identifier: MIT */
/*
 * The second half of the case of cases_intel_apic.c: virtual interrupts of a processor. IPIs and
 * where they find descriptors; the other files of its name have evaluation and delivery, external
 * interrupts, what VM entry refuses, a VMCS by its fields.
 */
#include "cases_intel_proc.h"

struct pn_apicv *proc_cpu;
struct pn_vmcs_apic proc_base, proc_now;

uint32_t *proc_page(void)
{
	return rig->vcpu[0].h->page;
}

void proc_enter(const char *what)
{
	struct pn_apicv_exit exit = {0};

	px_doing(what);
	proc_now = proc_base;
	rig_want(!pn_apicv_vmentry(proc_cpu, &proc_now, &exit), "P7", what);
}

enum pn_apicv_access proc_wrmsr(uint32_t off, uint64_t value, struct pn_apicv_exit *exit)
{
	return pn_apicv_wrmsr(proc_cpu, PN_X2APIC_MSR + off / 16, value, exit);
}

uint64_t proc_counted(unsigned step)
{
	return proc_cpu->agent->step[step].count;
}

/* ---- IPIs ---- */

void proc_sends(uint32_t to, uint8_t vector, bool posted, const char *what)
{
	struct pn_pid *pid = intel->vcpu[1].pid;
	struct pn_apicv_exit exit = {0};

	px_doing(what);
	for (unsigned i = 0; i < 4; i++)
		pid->pir[i] = 0;
	intel->messages = 0;
	unit_eq(proc_wrmsr(PN_APIC_ICRL, ICR(to) | vector, &exit),
		posted ? PN_APICV_DONE : PN_APICV_TRAP, what);
	for (unsigned i = 0; i < 4; i++)
		unit_eq(pid->pir[i], posted && i == vector / 64 ? 1ull << vector % 64 : 0, what);
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

	proc_enter("IPIs");
	for (unsigned vector = 16; vector < 256; vector += 37) {
		pid->control = control;
		proc_sends(1, (uint8_t)vector, true, "an IPI");
		unit_eq(pid->control, control | PN_PID_ON, "ON after an IPI");
		rig_want(intel->messages == 1 && intel->heard.vector == 0xE1 &&
				 intel->heard.dest == 0x56 && intel->heard.mode == PN_DM_FIXED &&
				 !intel->heard.logical && !intel->heard.level,
			 "P7", "the notification of an IPI");
		proc_sends(1, (uint8_t)vector, true, "an IPI, ON = 1");
		unit_eq(intel->messages, 0, "a notification with ON = 1");
		pid->control = control | PN_PID_SN;
		proc_sends(1, (uint8_t)vector, true, "an IPI, SN = 1");
		unit_eq(pid->control, control | PN_PID_SN, "control with SN = 1");
		unit_eq(intel->messages, 0, "a notification with SN = 1");
	}
	pid->control = control | PN_PID_CTL_RSV; /* not looked at here */
	proc_sends(1, 0x41, true, "an IPI, reserved bits");
	proc_sends(2, 0x41, false, "an ID behind the table");
	proc_sends(0x80000001, 0x41, false, "an ID behind the table");
	proc_sends(1, 15, false, "a vector below 16");
	intel->bus.intr = NULL;
	pid->control = control;
	proc_sends(1, 0x41, true, "a bus without interrupts");
	intel->bus.intr = intel_hears;
	pn_apicv_vmexit(proc_cpu, &proc_now);
}

static void tables(void)
{
	uint64_t *entry = &intel->vm.pid_table[1], good = *entry;

	proc_enter("the PID-pointer table");
	for (unsigned bit = 0; bit < 6; bit++) {
		*entry = good ^ 1ull << bit;
		proc_sends(1, 0x41, false, rig_text("bit %u of a pointer", bit));
	}
	*entry = (FARA << 4) | PN_PIDPTR_VALID;
	proc_sends(1, 0x41, false, "a descriptor without memory");
	*entry = 1ull << 52 | PN_PIDPTR_VALID;
	proc_sends(1, 0x41, false, "a descriptor that the processor cannot reach");
	*entry = good;
	proc_sends(1, 0x41, true, "a pointer");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	proc_base.pid_table = FARA;
	proc_enter("a PID-pointer table without memory");
	proc_sends(1, 0x41, false, "a table without memory");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	proc_base.pid_table = intel->vm.pid_table_pa;
	proc_base.last_pid_index = 0;
	proc_enter("a last index");
	proc_sends(1, 0x41, false, "an ID above the last index");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	proc_base.last_pid_index = 1;
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
	proc_enter("descriptors that the embedder maps");
	offset = 0;
	*pointer = 1ull << 51 | PN_PIDPTR_VALID;
	proc_sends(1, 0x41, true, "a descriptor that is mapped");
	*pointer = 1ull << 52 | PN_PIDPTR_VALID;
	proc_sends(1, 0x41, false, "a descriptor that the processor cannot reach");
	offset = 8;
	*pointer = 1ull << 51 | PN_PIDPTR_VALID;
	proc_sends(1, 0x41, false, "a descriptor that is not aligned");
	*pointer = good;
	intel->bus.map = NULL;
	pn_apicv_vmexit(proc_cpu, &proc_now);
}

/* IPIs by the APIC-access page under other controls; writes of the ICR as steps. */
static void by_page(void)
{
	const struct pn_vmcs_apic keep = proc_base;
	const uint64_t mmio = proc_counted(PN_STEP_ICR_WRITE_MMIO),
		       msrs = proc_counted(PN_STEP_ICR_WRITE);
	struct pn_apicv_exit exit = {0};
	struct pn_lapic own = {0};
	int vector = 0;

	proc_base.proc2 = PN_PROC2_APIC_ACCESSES | PN_PROC2_APIC_REGS;
	proc_base.pin = PN_PIN_EXT_INT_EXIT;
	proc_base.tpr_threshold = 0;
	proc_base.exit_ctl = 0;
	proc_enter("IPIs without VID");
	pn_apicv_write(proc_cpu, PN_APIC_ICRH, 1u << 24, &exit);
	pn_apicv_write(proc_cpu, PN_APIC_TPR, 0, &exit);
	unit_eq(proc_counted(PN_STEP_ICR_WRITE_MMIO) - mmio, 0, "writes of the ICR");
	unit_eq(pn_apicv_write(proc_cpu, PN_APIC_ICRL, PN_ICR_SH_SELF << 18 | 0x41, &exit),
		PN_APICV_TRAP, "a self-IPI without VID");
	unit_eq(pn_apicv_write(proc_cpu, PN_APIC_ICRL, 0x41, &exit), PN_APICV_DONE,
		"an IPI without VID");
	unit_eq(proc_counted(PN_STEP_ICR_WRITE_MMIO) - mmio, 2, "writes of the ICR");
	unit_eq(pn_apicv_write_cr8(proc_cpu, 15, &exit), PN_APICV_DONE, "the largest CR8");
	unit_eq(proc_page()[PN_APIC_TPR / 4], 0xF0, "the largest CR8");
	rig_want(pn_apicv_intr(proc_cpu, &own, &vector) == PN_INTR_NONE, "P7",
		 "an empty local APIC");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	pn_apicv_write(proc_cpu, PN_APIC_ICRL, 0x41, &exit);
	unit_eq(proc_counted(PN_STEP_ICR_WRITE_MMIO) - mmio, 2,
		"writes of the ICR outside the guest");
	proc_base.proc &= ~PN_PROC_TERTIARY;
	proc_enter("IPIs without IPI virtualization");
	pn_apicv_write(proc_cpu, PN_APIC_ICRH, 1u << 24, &exit);
	unit_eq(pn_apicv_write(proc_cpu, PN_APIC_ICRL, 0x41, &exit), PN_APICV_TRAP, "an IPI");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	proc_base = keep;
	proc_enter("MSRs");
	proc_wrmsr(PN_APIC_TPR, 0, &exit);
	unit_eq(proc_counted(PN_STEP_ICR_WRITE) - msrs, 0, "writes of the ICR by MSR");
	proc_wrmsr(PN_APIC_ICRL, 0x41 | PN_ICR_LEVEL, &exit);
	unit_eq(proc_counted(PN_STEP_ICR_WRITE) - msrs, 1, "writes of the ICR by MSR");
	pn_apicv_vmexit(proc_cpu, &proc_now);
}

void intel_processor_posts(struct pn_apicv *a, const struct pn_vmcs_apic *vmcs)
{
	proc_cpu = a;
	proc_base = *vmcs;
	proc_base.pin = PN_PIN_EXT_INT_EXIT | PN_PIN_POSTED_INTR;
	proc_base.proc |= PN_PROC_TERTIARY;
	proc_base.proc2 = PN_PROC2_X2APIC | PN_PROC2_APIC_REGS | PN_PROC2_VID;
	proc_base.tpr_threshold = 0;
	ipis();
	tables();
	proc_evaluates();
	proc_refuses();
	proc_kinds();
	mapped();
	by_page();
	proc_fields();
}
