/* SPDX-License-Identifier: MIT */
/*
 * Cases of one agent on Intel: what processor and unit do one after the other, without a race. They
 * are here because the cases with races use little of each: one kind of entry, fixed priorities.
 */
#include "cases_intel.h"

#include "postern/vtd_irte.h"
#include "postern/vtd_regs.h"

void intel_hears(void *ctx, const struct pn_intr *m)
{
	(void)ctx;
	intel->heard = *m;
	intel->messages++;
}

const char *intel_at_rest(void *arg, char *text, unsigned size)
{
	(void)arg;
	(void)text;
	(void)size;
	return NULL;
}

/* ---- the unit: requests ---- */

#define DEST 5u
#define VEC  0x35u

#define REMAPPED                                                                                   \
	(PN_VIRTE_P | (uint64_t)VEC << PN_VIRTE_VECTOR_SH | (uint64_t)DEST << PN_VIRTE_DST_SH)
#define BY(sid, svt, sq)                                                                           \
	((uint64_t)(sid) | (uint64_t)(sq) << PN_VIRTE_SQ_SH | (uint64_t)(svt) << PN_VIRTE_SVT_SH)

struct row {
	const char *name;
	uint64_t lo, hi;
	uint16_t devid;
	uint8_t reason; /* 0: remapped */
};

static const struct row rows[] = {
	{"remapped", REMAPPED, BY(8, PN_SVT_SID, 0), 8, 0},
	{"not present", REMAPPED & ~PN_VIRTE_P, BY(8, PN_SVT_SID, 0), 8, PN_VTD_FAULT_NOT_PRESENT},
	{"another source", REMAPPED, BY(9, PN_SVT_SID, 0), 8, PN_VTD_FAULT_SID},
	{"another function, not compared", REMAPPED, BY(8, PN_SVT_SID, 3), 15, 0},
	{"another device", REMAPPED, BY(8, PN_SVT_SID, 3), 16, PN_VTD_FAULT_SID},
	{"one bit not compared", REMAPPED, BY(8, PN_SVT_SID, 1), 12, 0},
	{"two bits not compared", REMAPPED, BY(8, PN_SVT_SID, 2), 14, 0},
	{"a bit compared", REMAPPED, BY(8, PN_SVT_SID, 2), 9, PN_VTD_FAULT_SID},
	{"any source", REMAPPED, BY(0, PN_SVT_NONE, 0), 8, 0},
	{"a bus of the range", REMAPPED, BY(0x0103, PN_SVT_BUS, 0), 0x0308, 0},
	{"a bus below", REMAPPED, BY(0x0103, PN_SVT_BUS, 0), 0x0008, PN_VTD_FAULT_SID},
	{"a bus above", REMAPPED, BY(0x0103, PN_SVT_BUS, 0), 0x0408, PN_VTD_FAULT_SID},
	{"reserved source check", REMAPPED, BY(8, PN_SVT_RESERVED, 0), 8, PN_VTD_FAULT_IRTE_RSV},
	{"reserved bit below", REMAPPED | 1ull << 12, BY(8, PN_SVT_SID, 0), 8,
	 PN_VTD_FAULT_IRTE_RSV},
	{"reserved bit above", REMAPPED, BY(8, PN_SVT_SID, 0) | 1ull << 20, 8,
	 PN_VTD_FAULT_IRTE_RSV},
	{"reserved delivery mode", REMAPPED | 3ull << PN_VIRTE_DLM_SH, BY(8, PN_SVT_SID, 0), 8,
	 PN_VTD_FAULT_IRTE_RSV},
	{"no descriptor there", PN_VIRTE_P | PN_VIRTE_IM, BY(8, PN_SVT_SID, 0), 8,
	 PN_VTD_FAULT_PID},
	{"posted, reserved bit", PN_VIRTE_P | PN_VIRTE_IM | 1ull << 2, BY(8, PN_SVT_SID, 0), 8,
	 PN_VTD_FAULT_IRTE_RSV},
};

static enum pn_msi_result request(uint16_t index, uint16_t devid)
{
	struct pn_msi msi = {.devid = devid};

	pn_vtd_msi_encode(index, 0, &msi.addr, &msi.data);
	return pn_vtd_msi(intel->vtd, &msi);
}

static void set_entry(unsigned index, uint64_t lo, uint64_t hi)
{
	intel->drv.irt[index].lo = lo;
	intel->drv.irt[index].hi = hi;
}

/* The host reads one record, of @reason at @index. */
static bool read_fault(uint8_t reason, uint16_t index, uint16_t sid)
{
	unsigned n = pn_vtd_drv_fault_irq(&intel->drv, rig->cpu[2].agent);

	return n == 1 && intel->drv.last_fault.reason == reason &&
	       intel->drv.last_fault.index == index && intel->drv.last_fault.sid == sid;
}

static void one_request(const struct row *r)
{
	const unsigned before = intel->messages;
	bool ok;

	px_doing(r->name);
	set_entry(3, r->lo, r->hi);
	pn_vtd_drv_flush(&intel->drv, rig->cpu[2].agent, 3);
	ok = request(3, r->devid) == (r->reason ? PN_MSI_ABORTED : PN_MSI_REMAPPED);
	rig_want(ok, "P7", r->name);
	rig_want(intel->messages == before + 1, "P7",
		 "not one message: the interrupt, or the fault event");
	if (r->reason)
		rig_want(read_fault(r->reason, 3, r->devid), "P7", r->name);
	else
		rig_want(intel->heard.dest == DEST && intel->heard.vector == VEC, "P7", r->name);
}

/* A silent entry records no fault; the records can run out, and the first interrupts alone. */
static void fills_records(void)
{
	unsigned before = intel->messages;

	px_doing("more faults than records");
	set_entry(3, PN_VIRTE_FPD, 0);
	pn_vtd_drv_flush(&intel->drv, rig->cpu[2].agent, 3);
	rig_want(request(3, 8) == PN_MSI_ABORTED && intel->messages == before, "P7",
		 "a fault with FPD = 1 is recorded");
	set_entry(3, 0, 0);
	pn_vtd_drv_flush(&intel->drv, rig->cpu[2].agent, 3);
	for (unsigned i = 0; i < 9; i++)
		request(3, 8);
	rig_want(intel->messages == before + 1, "P7", "not one event for all faults");
	rig_want(pn_vtd_drv_fault_irq(&intel->drv, rig->cpu[2].agent) == 8, "P7", "not 8 records");
	request(3, 8);
	rig_want(intel->messages == before + 2 && read_fault(PN_VTD_FAULT_NOT_PRESENT, 3, 8), "P7",
		 "no fault after an overflow");
}

static void refuses(void *arg)
{
	struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .data = 0x41, .devid = 8};

	(void)arg;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		one_request(&rows[i]);
	px_doing("an index beyond the table, a compatibility request");
	rig_want(request(RIG_IRS, 8) == PN_MSI_ABORTED &&
			 read_fault(PN_VTD_FAULT_INDEX, RIG_IRS, 8),
		 "P7", "an index beyond the table");
	rig_want(pn_vtd_msi(intel->vtd, &msi) == PN_MSI_ABORTED &&
			 read_fault(PN_VTD_FAULT_COMPAT, 0, 8),
		 "P7", "a compatibility request");
	fills_records();
	intel_unit_edges();
}

void intel_refuses(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true});
	rig_intel_attach_msi(2, 0, LOW, true);
	intel_extra_units();
	intel->bus.intr = intel_hears;
	px_thread("CPU 2", 2, refuses, NULL);
}

/* ---- the unit: what an invalidation drops ---- */

static void all_entries(uint8_t vector)
{
	for (unsigned i = 0; i < RIG_IRS; i++)
		set_entry(i,
			  (REMAPPED & ~(0xFFull << PN_VIRTE_VECTOR_SH)) |
				  (uint64_t)vector << PN_VIRTE_VECTOR_SH,
			  BY(8, PN_SVT_SID, 0));
}

static bool uses(unsigned index, uint8_t vector)
{
	return request((uint16_t)index, 8) == PN_MSI_REMAPPED && intel->heard.vector == vector;
}

static void invalidates(void *arg)
{
	struct pn_vtd_drv *d = &intel->drv;
	struct pn_agent *self = rig->cpu[2].agent;

	(void)arg;
	all_entries(0x31);
	for (unsigned i = 0; i < RIG_IRS; i++)
		rig_want(uses(i, 0x31), "P4", "an entry that is not cached");
	all_entries(0x32);
	px_doing("invalidates entry 5");
	pn_vtd_drv_flush(d, self, 5);
	for (unsigned i = 0; i < RIG_IRS; i++)
		rig_want(uses(i, i == 5 ? 0x32 : 0x31), "P4",
			 "another entry than 5 was dropped, or 5 not");
	px_doing("invalidates all entries");
	pn_vtd_drv_flush_all(d, self);
	for (unsigned i = 0; i < RIG_IRS; i++)
		rig_want(uses(i, 0x32), "P4", "an entry is left in the cache");
}

void intel_invalidates(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true});
	intel->bus.intr = intel_hears;
	px_thread("CPU 2", 2, invalidates, NULL);
}

/* ---- the processor: a guest's registers ---- */

#define MSR(off) (PN_X2APIC_MSR + (off) / 16)

static enum pn_apicv_access wr(uint32_t off, uint64_t value)
{
	struct pn_apicv_exit exit = {0};

	return pn_apicv_wrmsr(&intel->core[0].apicv, MSR(off), value, &exit);
}

static bool bit(uint32_t bank, uint8_t vector)
{
	return pn_vapic_test(rig->vcpu[0].h->page, bank, vector);
}

static uint32_t reg(uint32_t off)
{
	return pn_vapic_read(rig->vcpu[0].h->page, off);
}

static void enters(struct rig_vcpu *v)
{
	pn_vmx_enter(v->h, &rig->cpu[0]);
	rig_intel_vmentry(v, &rig->cpu[0]);
}

/* Self-IPI @vector: what is deliverable then. */
static void arrives(uint8_t vector, int deliverable)
{
	rig_want(wr(PN_APIC_SELF_IPI, vector) == PN_APICV_EVALUATE, "P4", "an IPI to itself");
	rig_want(pn_apicv_pending(&intel->core[0].apicv, true) == deliverable, "P4",
		 "the wrong vector can be delivered");
}

static void takes(uint8_t vector)
{
	rig_want(pn_apicv_deliver(&intel->core[0].apicv) == vector, "P4",
		 "the wrong vector is delivered");
	rig_want(bit(PN_APIC_ISR, vector) && !bit(PN_APIC_IRR, vector), "P4",
		 "not from IRR to ISR");
	rig_want(reg(PN_APIC_PPR) == (vector & 0xF0u), "P4", "the wrong PPR in service");
}

static void ends(uint8_t vector, uint32_t ppr)
{
	rig_want(wr(PN_APIC_EOI, 0) == PN_APICV_EVALUATE && !bit(PN_APIC_ISR, vector), "P4",
		 "an EOI does not end the highest vector in service");
	rig_want(reg(PN_APIC_PPR) == ppr, "P4", "the wrong PPR after an EOI");
}

/* A vector in service, a higher one, a lower one that waits; an exit in between. */
static void nests(struct rig_vcpu *v)
{
	px_doing("interrupts of several priorities");
	arrives(0x51, 0x51);
	takes(0x51);
	arrives(0x58, -1);
	arrives(0x91, 0x91);
	takes(0x91);
	arrives(0x35, -1);
	rig_intel_vmexit(v, &rig->cpu[0]);
	rig_want(!pn_vmx_check(v->h, &rig->cpu[0]), "P2", "the hypervisor's fields disagree");
	enters(v);
	rig_want(pn_apicv_pending(&intel->core[0].apicv, true) < 0, "P4",
		 "a lower vector after an exit");
	ends(0x91, 0x50);
	ends(0x51, 0);
	rig_want(pn_apicv_pending(&intel->core[0].apicv, true) == 0x58, "P4",
		 "not the highest that waits");
	rig_want(pn_apicv_pending(&intel->core[0].apicv, false) < 0, "P4", "delivered with IF = 0");
	takes(0x58);
	ends(0x58, 0);
	takes(0x35);
	ends(0x35, 0);
	rig_want(wr(PN_APIC_EOI, 0) == PN_APICV_EVALUATE, "P4", "an EOI of nothing");
}

static void priorities(void)
{
	struct pn_apicv *a = &intel->core[0].apicv;
	struct pn_apicv_exit exit;
	uint8_t cr8 = 0;
	uint64_t value;

	px_doing("task priority");
	rig_want(wr(PN_APIC_TPR, 0x4F) == PN_APICV_EVALUATE && reg(PN_APIC_PPR) == 0x4F, "P4",
		 "PPR does not follow TPR");
	arrives(0x41, -1);
	arrives(0x52, 0x52);
	takes(0x52);
	ends(0x52, 0x4F);
	rig_want(pn_apicv_read_cr8(a, &cr8) == PN_APICV_DONE && cr8 == 4, "P7", "CR8 is not TPR");
	rig_want(pn_apicv_write_cr8(a, 3, &exit) == PN_APICV_EVALUATE && reg(PN_APIC_TPR) == 0x30,
		 "P7", "CR8 does not set TPR");
	rig_want(pn_apicv_write_cr8(a, 0x10, &exit) == PN_APICV_GP, "P7", "reserved bits of CR8");
	rig_want(pn_apicv_pending(a, true) == 0x41, "P4",
		 "not deliverable below the task priority");
	takes(0x41);
	ends(0x41, 0x30);
	rig_want(pn_apicv_rdmsr(a, MSR(PN_APIC_TPR), &value, &exit) == PN_APICV_DONE &&
			 value == 0x30,
		 "P7", "RDMSR of TPR");
	rig_want(wr(PN_APIC_TPR, 0) == PN_APICV_EVALUATE, "P4", "TPR = 0");
}

static void refused_writes(void)
{
	struct pn_apicv_exit exit = {0};
	struct pn_apicv *a = &intel->core[0].apicv;

	px_doing("what a guest may not write");
	rig_want(wr(PN_APIC_EOI, 1) == PN_APICV_GP, "P7", "an EOI that is not 0");
	rig_want(wr(PN_APIC_TPR, 0x100) == PN_APICV_GP, "P7", "reserved bits of TPR");
	rig_want(wr(PN_APIC_SELF_IPI, 0x100) == PN_APICV_GP, "P7", "reserved bits of the self-IPI");
	rig_want(pn_apicv_wrmsr(a, MSR(PN_APIC_SELF_IPI), 5, &exit) == PN_APICV_TRAP &&
			 exit.reason == PN_VMX_EXIT_APIC_WRITE &&
			 exit.qualification == PN_APIC_SELF_IPI,
		 "P7", "a self-IPI below 16 does not exit");
	rig_want(wr(PN_APIC_ICRL, 1ull << 32 | 0x41) == PN_APICV_PASS, "P7",
		 "the ICR without IPI virtualization");
	rig_want(wr(PN_APIC_SVR, 0x1FF) == PN_APICV_PASS, "P7", "SVR");
	rig_want(pn_apicv_wrmsr(a, 0x900, 0, &exit) == PN_APICV_PASS, "P7",
		 "an MSR that is no APIC's");
}

static void uses_registers(void *arg)
{
	struct rig_vcpu *v = arg;

	enters(v);
	nests(v);
	priorities();
	refused_writes();
	intel_cpu_edges(v);
	rig_intel_vmexit(v, &rig->cpu[0]);
}

void intel_registers(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
	rig->no_rest_check = true;
	px_thread("vCPU 0", 0, uses_registers, &rig->vcpu[0]);
}

/* ---- the host: messages to several APICs ---- */

#define ADDR(dest)    (PN_MSI_ADDR_BASE | (uint64_t)(dest) << 12)
#define LOGICAL(dest) (ADDR(dest) | 1u << 2)
#define MODE(m)	      ((uint32_t)(m) << 8)
#define LEVEL	      (1u << 15)
#define NOBODY	      7 /* of three vCPUs */

/* By the vector: which vCPUs get it, a bit each; to which of them an IOMMU can post it. */
static const struct {
	const char *name;
	uint64_t addr;
	uint32_t data;
	uint8_t gets, postable;
} messages[] = {
	{"physical", ADDR(1), 0x41, 1u << 1, 1},
	{"logical, to two", LOGICAL(3), 0x42, 1u << 0 | 1u << 1, NOBODY},
	{"logical, to one", LOGICAL(2), 0x43, 1u << 1, 1},
	{"broadcast; vCPU 2 has its APIC switched off", ADDR(0xFF), 0x44, 1u << 0 | 1u << 1,
	 NOBODY},
	{"lowest priority: vCPU 0 has TPR 50h", LOGICAL(3) | 1u << 3, MODE(PN_DM_LOWEST) | 0x45,
	 1u << 1, NOBODY},
	{"redirection hint", LOGICAL(3) | 1u << 3, 0x46, 1u << 1, NOBODY},
	{"to an APIC that is switched off", ADDR(2), 0x47, 0, NOBODY},
	{"to nobody", ADDR(9), 0x48, 0, NOBODY},
	{"beyond 8 bits, to nobody", ADDR(1) | 1ull << 40, 0x49, 0, NOBODY},
	{"a vector below 16", ADDR(1), 0x0F, 0, NOBODY},
	{"NMI", ADDR(1), MODE(PN_DM_NMI) | 0x4A, 0, NOBODY},
	{"level", ADDR(1), LEVEL | 0x4B, 1u << 1, 1},
	{"edge, after a level", ADDR(1), 0x4B, 1u << 1, 1},
};

static uint8_t gets(unsigned vector)
{
	uint8_t set = 0;

	for (unsigned i = 0; i < 3; i++)
		if (pn_vmx_irr(rig->vcpu[i].h, vector / 32) >> vector % 32 & 1)
			set |= (uint8_t)(1u << i);
	return set;
}

static void one_message(unsigned i)
{
	const struct pn_host_msg m = pn_host_msg_decode(messages[i].addr, messages[i].data);
	const struct pn_host_vcpu *to = pn_host_msg_postable(rig->vm, &m);
	const uint8_t want_set = messages[i].gets;
	unsigned n;

	px_doing(messages[i].name);
	rig_want(to == (messages[i].postable == NOBODY ? NULL : rig->vcpu[messages[i].postable].h),
		 "P4", messages[i].name);
	n = pn_host_msg_deliver(rig->vm, &m, &rig->cpu[0]);
	rig_want(gets(m.vector) == want_set && n == (unsigned)__builtin_popcount(want_set), "P4",
		 messages[i].name);
	if (want_set)
		rig_want(pn_vapic_test(rig->vcpu[1].h->page, PN_APIC_TMR, m.vector) == m.level,
			 "P4", "the trigger mode is not that of the message");
}

static unsigned routes(void)
{
	unsigned n = 0;

	for (const struct pn_list *l = rig->vm->routes.next; l != &rig->vm->routes; l = l->next)
		n++;
	return n;
}

/* A route is set twice, cleared, and set again. */
static void route_lives(void)
{
	struct rig_ir *ir = &rig->ir[0];

	px_doing("a route comes, changes, goes, and comes back");
	for (unsigned round = 0; round < 2; round++) {
		pn_host_route_set(rig->vm, &ir->route, ir->entry, ADDR(0), 0x61, &rig->cpu[0]);
		rig_want(intel->ir[0].posted && intel->ir[0].host.vcpu == rig->vcpu[0].h, "P4",
			 "a route to one vCPU is not posted");
		pn_host_route_set(rig->vm, &ir->route, ir->entry, ADDR(1), 0x61, &rig->cpu[0]);
		rig_want(intel->ir[0].host.vcpu == rig->vcpu[1].h && routes() == 1, "P4",
			 "a route that changes is not posted to its new vCPU");
		pn_host_route_set(rig->vm, &ir->route, ir->entry, ADDR(1), 0x62, &rig->cpu[0]);
		rig_want(intel->ir[0].vector == 0x62, "P4", "a vector that changes is not posted");
		pn_host_route_clear(rig->vm, &ir->route, &rig->cpu[0]);
		rig_want(!intel->ir[0].posted && !routes(), "P4",
			 "a route that has gone is posted");
		rig_want(!pn_host_route_irq(rig->vm, &ir->route, &rig->cpu[0]), "P4",
			 "an interrupt without a route is delivered");
	}
}

static bool all_have(uint32_t request)
{
	bool all = true;

	for (unsigned i = 0; i < 3; i++)
		all &= !!(rig->vcpu[i].h->requests & request);
	return all;
}

/* Requests that are for every vCPU. */
static void asks_all(void)
{
	px_doing("inhibits APICv; the I/O APIC changes");
	pn_vmx_inhibit(rig->vm, &rig->cpu[0], PN_INHIBIT_IRQWIN, true);
	rig_want(all_have(PN_REQ_APICV_UPDATE) && rig_ops()->inhibits(rig->vcpu[2].h), "P6",
		 "a vCPU does not hear that APICv is inhibited");
	pn_vmx_ioapic_changed(rig->vm, &rig->cpu[0]);
	rig_want(all_have(PN_REQ_SCAN_IOAPIC), "P6",
		 "a vCPU does not hear that the I/O APIC changed");
	pn_vmx_inhibit(rig->vm, &rig->cpu[0], PN_INHIBIT_IRQWIN, false);
	rig_want(!rig_ops()->inhibits(rig->vcpu[2].h), "P6",
		 "a cause that has gone inhibits APICv");
}

static void delivers(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		one_message(i);
	px_doing("an NMI, as an IPI");
	rig->vcpu[1].task.sleeping = 1;
	pn_host_ipi_emulate(rig->vm, rig->vcpu[0].h, &rig->cpu[0],
			    1ull << 32 | MODE(PN_DM_NMI) | 0x4A);
	rig_want(!rig->vcpu[1].task.sleeping, "P1", "a vCPU sleeps on an NMI");
	rig_want(rig->vcpu[1].h->requests & PN_REQ_UNBLOCK &&
			 !(rig->vcpu[0].h->requests & PN_REQ_UNBLOCK),
		 "P1", "an NMI asks not the vCPU that it is for");
	route_lives();
	asks_all();
}

void intel_messages(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 3});
	rig_intel_attach(0, NULL, LOW);
	pn_vapic_write(rig->vcpu[0].h->page, PN_APIC_TPR, 0x50);
	pn_vapic_write(rig->vcpu[2].h->page, PN_APIC_SVR, 0xFF);
	px_thread("CPU 0", 0, delivers, NULL);
}
