/* SPDX-License-Identifier: MIT */
/* VM entry of a processor: what it refuses, a VMCS by its fields, entries of other kinds. */
#include <errno.h>
#include <string.h>

#include "cases_intel_proc.h"

/* ---- what VM entry refuses ---- */

static void entry(const struct pn_apicv_features *f, struct pn_vmcs_apic v, bool ok,
		  const char *what)
{
	unit_eq((unsigned)-pn_apicv_vmcs_check(f, &v), ok ? 0 : EINVAL, what);
}

#define WITH(field, value) ((v = proc_base), (v.field = (value)), v)

void proc_refuses(void)
{
	struct pn_apicv_features f = proc_cpu->feat, old = f, needs = f, wide = f;
	struct pn_apicv_exit exit = {0};
	struct pn_vmcs_apic v = proc_base;

	px_doing("what VM entry refuses");
	old.ipiv = false;
	needs.ipiv_needs_tpr_shadow = true;
	wide.maxphyaddr = 64;
	entry(&f, proc_base, true, "a VMCS");
	entry(&old, proc_base, false, "tertiary controls of a processor without them");
	entry(&old, WITH(proc, proc_base.proc & ~PN_PROC_TERTIARY), true, "no tertiary controls");
	entry(&needs, proc_base, true, "IPI virtualization with a TPR shadow");
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
	entry(&f, WITH(pid_table, proc_base.pid_table | 4), false, "a table that is not aligned");
	v = WITH(virtual_apic, FARA);
	unit_eq((unsigned)-pn_apicv_vmentry(proc_cpu, &v, &exit), EFAULT, "a page without memory");
	unit_eq((unsigned)-pn_apicv_vmentry_check(proc_cpu, &v), EFAULT, "a page without memory");
	v = WITH(pid, FARA);
	unit_eq((unsigned)-pn_apicv_vmentry(proc_cpu, &v, &exit), EFAULT,
		"a descriptor without memory");
	rig_want(!proc_cpu->in_guest, "P7", "in the guest after an entry that failed");
	v = WITH(pid, proc_base.pid + 32);
	unit_eq((unsigned)-pn_apicv_vmentry(proc_cpu, &v, &exit), EINVAL,
		"a descriptor, not aligned");
	proc_enter("an entry");
	unit_eq((unsigned)-pn_apicv_vmentry_check(proc_cpu, &v), EINVAL, "a check alone");
	rig_want(proc_cpu->in_guest, "P7", "a check changes nothing");
	pn_apicv_vmexit(proc_cpu, &proc_now);
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
	unit_eq(v.proc2, q & PN_PROC_SECONDARY ? r : 0, "secondary controls");
	unit_eq(v.proc3, q & PN_PROC_TERTIARY ? 0xFFFF : 0, "tertiary controls");
	unit_eq(v.virtual_apic, q & PN_PROC_TPR_SHADOW ? 0xFFFF : 0, "virtual-APIC address");
	unit_eq(v.apic_access, v.proc2 & PN_PROC2_APIC_ACCESSES ? 0xFFFF : 0,
		"APIC-access address");
	unit_eq(v.tpr_threshold, q & PN_PROC_TPR_SHADOW && !(v.proc2 & PN_PROC2_VID) ? 0xFFFF : 0,
		"threshold");
	unit_eq(v.intr_status, v.proc2 & PN_PROC2_VID ? 0xFFFF : 0, "interrupt status");
	unit_eq(v.eoi_exit[0] & v.eoi_exit[1] & v.eoi_exit[2] & v.eoi_exit[3],
		v.proc2 & PN_PROC2_VID ? 0xFFFF : 0, "EOI-exit bitmap");
	unit_eq(v.pid, p & PN_PIN_POSTED_INTR ? 0xFFFF : 0, "descriptor");
	unit_eq(v.posted_nv, p & PN_PIN_POSTED_INTR ? 0xFFFF : 0, "notification vector");
	unit_eq(v.pid_table, q & PN_PROC_TERTIARY ? 0xFFFF : 0, "PID-pointer table");
	unit_eq(v.last_pid_index, q & PN_PROC_TERTIARY ? 0xFFFF : 0, "last index");
}

void proc_fields(void)
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

static void at_first(void)
{
	struct pn_apicv_features f;
	struct pn_apicv another;

	px_doing("a processor at first");
	memset(&f, 0x5A, sizeof(f));
	pn_apicv_features_default(&f);
	rig_want(f.maxphyaddr == 52 && f.ipiv && !f.ipiv_needs_tpr_shadow && f.pir_granule == 64,
		 "P7", "features");
	memset(&another, 0x5A, sizeof(another));
	pn_apicv_init(&another, proc_cpu->bus, proc_cpu->agent, &f, false);
	rig_want(!another.in_guest && !another.recognized && !another.page && !another.pid &&
			 !another.stored_len && !another.host_x2apic &&
			 another.bus == proc_cpu->bus && another.agent == proc_cpu->agent &&
			 !another.rvi && !another.svi,
		 "P7", "a processor at first");
}

static void entry_after_entry(void)
{
	const struct pn_vmcs_apic keep = proc_base;
	struct pn_apicv_exit exit = {0};
	struct pn_vmcs_apic v;
	uint32_t value = 7;

	px_doing("an entry after an entry");
	for (unsigned w = 0; w < 1024; w++)
		proc_page()[w] = 0;
	proc_base.intr_status = 0x41;
	proc_enter("something is recognized");
	unit_eq((unsigned)pn_apicv_pending(proc_cpu, true), 0x41, "something is recognized");
	v = WITH(pid, proc_base.pid + 32);
	unit_eq((unsigned)-pn_apicv_vmentry(proc_cpu, &v, &exit), EINVAL, "an entry that fails");
	rig_want(!proc_cpu->in_guest, "P7", "in the guest after an entry that failed");
	proc_enter("something is recognized");
	v = (struct pn_vmcs_apic){
		.pin = PN_PIN_EXT_INT_EXIT, .tpr_threshold = 5, .intr_status = 0x41};
	unit_eq((unsigned)pn_apicv_vmentry(proc_cpu, &v, &exit), 0,
		"a threshold without a TPR shadow");
	unit_eq((unsigned)pn_apicv_pending(proc_cpu, true), (unsigned)-1, "an entry without VID");
	v.intr_status = 0x7777;
	pn_apicv_vmexit(proc_cpu, &v);
	unit_eq(v.intr_status, 0x7777, "interrupt status without VID");
	proc_base.proc2 = PN_PROC2_APIC_ACCESSES | PN_PROC2_APIC_REGS | PN_PROC2_VID;
	proc_base.tpr_threshold = 15;
	proc_enter("a threshold with VID");
	rig_want(proc_cpu->in_guest, "P7", "a threshold with VID");
	pn_apicv_page_write(proc_cpu, PN_APIC_TDCR, 4, PN_APICV_INSN, &value, &exit);
	unit_eq(proc_page()[PN_APIC_TDCR / 4], 7, "a store");
	proc_enter("an entry after a store");
	unit_eq(pn_apicv_page_emulate(proc_cpu, &exit), PN_APICV_DONE,
		"a store of before the entry");
	proc_page()[PN_APIC_TDCR / 4] = 0xA1B2C3D4;
	value = 0;
	pn_apicv_page_write(proc_cpu, PN_APIC_TDCR + 1, 1, PN_APICV_INSN, &value, &exit);
	unit_eq(proc_page()[PN_APIC_TDCR / 4], 0xA1B200D4, "a store of one byte");
	pn_apicv_vmexit(proc_cpu, &proc_now);
	proc_base = keep;
}

static void no_shadow(void)
{
	struct pn_apicv_exit exit = {0};
	struct pn_vmcs_apic v;
	uint32_t value = 0;

	v = (struct pn_vmcs_apic){.pin = PN_PIN_EXT_INT_EXIT,
				  .proc = PN_PROC_SECONDARY,
				  .proc2 = PN_PROC2_APIC_ACCESSES};
	unit_eq((unsigned)pn_apicv_vmentry(proc_cpu, &v, &exit), 0,
		"APIC accesses without a TPR shadow");
	unit_eq(pn_apicv_read(proc_cpu, PN_APIC_TPR, &value, &exit), PN_APICV_FAULT,
		"no TPR shadow");
	pn_apicv_vmexit(proc_cpu, &v);
}

/* @eois, @spurious: steps that were counted before all this. */
static void counts(uint64_t eois, uint64_t spurious)
{
	struct pn_apicv_exit exit = {0};
	uint32_t value = 0;

	proc_enter("x2APIC mode");
	unit_eq(pn_apicv_read(proc_cpu, PN_APIC_TPR, &value, &exit), PN_APICV_PASS,
		"no APIC-access page");
	proc_wrmsr(PN_APIC_EOI, 0, &exit);
	unit_eq(proc_counted(PN_STEP_GUEST_EOI) - eois, 0, "an EOI of nothing is counted");
	proc_wrmsr(PN_APIC_SELF_IPI, 0x61, &exit);
	pn_apicv_deliver(proc_cpu);
	proc_wrmsr(PN_APIC_EOI, 0, &exit);
	unit_eq(proc_counted(PN_STEP_GUEST_EOI) - eois, 1, "an EOI is not counted");
	intel->vcpu[0].pid->pir[1] = 2;
	proc_external(NOTIFY, PN_INTR_POSTED, -1, 1, 1, "a notification");
	unit_eq(proc_counted(PN_STEP_PI_SPURIOUS) - spurious, 0, "a notification is spurious");
	unit_eq(proc_cpu->rvi, 0x41, "RVI after a notification");
	proc_external(NOTIFY, PN_INTR_POSTED, -1, 1, 1, "a spurious notification");
	unit_eq(proc_counted(PN_STEP_PI_SPURIOUS) - spurious, 1, "a spurious notification");
	pn_apicv_vmexit(proc_cpu, &proc_now);
}

static void without_vid(void)
{
	struct pn_apicv_features f;
	struct pn_vmcs_apic v;

	pn_apicv_features_default(&f);
	v = (struct pn_vmcs_apic){.pin = PN_PIN_EXT_INT_EXIT,
				  .proc = PN_PROC_TPR_SHADOW,
				  .virtual_apic = proc_base.virtual_apic};
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

void proc_kinds(void)
{
	const uint64_t eois = proc_counted(PN_STEP_GUEST_EOI);
	const uint64_t spurious = proc_counted(PN_STEP_PI_SPURIOUS);

	at_first();
	entry_after_entry();
	no_shadow();
	counts(eois, spurious);
	without_vid();
}
