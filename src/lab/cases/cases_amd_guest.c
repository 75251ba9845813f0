/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor on AMD as one agent: the APIC that a guest sets up, in each mode; what tables say
 * with the erratum and with Linux's gate; what injection answers; the functions of hyp.h.
 */
#include <errno.h>

#include "case_setup.h"
#include "rig_amd.h"

static struct pn_svm_vcpu *vcpu(unsigned n)
{
	return &amd->vcpu[n];
}

static uint32_t reg(unsigned n, uint32_t off)
{
	return pn_vapic_read(vcpu(n)->h.page, off);
}

static void wr(unsigned n, uint32_t off, uint32_t value)
{
	pn_svm_apic_write(vcpu(n), &rig->cpu[0], off, value);
}

/* The logical table has these vCPUs in these slots, and nothing else. */
static void slots(int a, int b, int c, const char *what)
{
	const int at[3] = {a, b, c};

	for (int i = 0; i < 64; i++) {
		uint32_t want = 0;

		for (unsigned n = 0; n < 3; n++)
			if (at[n] == i)
				want = 1u << 31 | n;
		rig_want(pn_ld32(&amd->vm[0].log_table[i]) == want, "P4", what);
	}
}

static uint32_t causes(void)
{
	return pn_svm_inhibits(rig->vcpu[0].h);
}

#define ALIASED	 (1u << PN_INHIBIT_LOGICAL_ID_ALIASED)
#define MODIFIED (1u << PN_INHIBIT_APIC_ID_MODIFIED)
#define SAME_ID	 (1u << PN_INHIBIT_PHYSICAL_ID_ALIASED)
#define BASE	 (1u << PN_INHIBIT_APIC_BASE_MODIFIED)

/* ---- logical IDs ---- */

static void clusters(void)
{
	slots(0, 1, 2, "flat, as firmware leaves it");
	wr(0, PN_APIC_DFR, 0);
	rig_want(reg(0, PN_APIC_DFR) == 0x0FFFFFFF && causes() == ALIASED, "P4",
		 "two models at once");
	slots(-1, -1, -1, "no table fits two models");
	wr(1, PN_APIC_DFR, 0x12345678);
	rig_want(reg(1, PN_APIC_DFR) == 0x1FFFFFFF, "P7", "DFR's reserved bits are 1");
	wr(2, PN_APIC_DFR, 0);
	rig_want(!causes(), "P4", "one model again");
	slots(0, 1, 2, "cluster 0");
	wr(0, PN_APIC_LDR, 0x11FFFFFF);
	wr(1, PN_APIC_LDR, 0x28000000);
	wr(2, PN_APIC_LDR, 0xE8000000);
	rig_want(reg(0, PN_APIC_LDR) == 0x11000000 && !causes(), "P7", "LDR's reserved bits are 0");
	slots(4, 11, 59, "clusters 1, 2 and 14");
	wr(2, PN_APIC_LDR, 0xF8000000);
	slots(4, 11, -1, "cluster 15 has no slot");
	wr(2, PN_APIC_LDR, 0x14000000);
	slots(4, 11, 6, "cluster 1 has two");
	wr(2, PN_APIC_LDR, 0x16000000);
	rig_want(causes() == ALIASED, "P4", "an ID of two bits");
	slots(-1, -1, -1, "an ID of two bits");
	wr(2, PN_APIC_LDR, 0x10000000);
	rig_want(!causes(), "P4", "a cluster without a bit is no ID");
	slots(4, 11, -1, "a cluster without a bit");
	wr(2, PN_APIC_LDR, 0);
	slots(4, 11, -1, "no logical ID");
	for (unsigned n = 0; n < 3; n++)
		wr(n, PN_APIC_DFR, 0xFFFFFFFF);
	wr(0, PN_APIC_LDR, 0x80000000);
	wr(1, PN_APIC_LDR, 0x10000000);
	wr(2, PN_APIC_LDR, 0x02000000);
	rig_want(!causes(), "P4", "flat again");
	slots(7, 4, 1, "flat again");
	wr(2, PN_APIC_SVR, 0x0FF);
	slots(7, 4, -1, "a disabled APIC");
	wr(2, PN_APIC_SVR, 0x1FF);
	slots(7, 4, 1, "enabled again");
}

static void physical(void)
{
	wr(1, PN_APIC_ID, 0x07FFFFFF);
	rig_want(reg(1, PN_APIC_ID) == 0x07000000 && causes() == MODIFIED, "P4",
		 "a physical ID is another");
	slots(-1, -1, -1, "a physical ID is another");
	wr(1, PN_APIC_ID, 0x02000000);
	rig_want(causes() == (MODIFIED | SAME_ID | ALIASED), "P4", "two have one physical ID");
	wr(1, PN_APIC_ID, 0x01000000);
	rig_want(!causes(), "P4", "as before");
	slots(7, 4, 1, "as before");
}

static bool traps(unsigned n, uint64_t code, uint64_t info1)
{
	const struct pn_avic_exit e = {.code = code, .info1 = info1};

	return pn_svm_apic_trap(vcpu(n), &rig->cpu[0], &e);
}

static void trapped(void)
{
	void *page = vcpu(2)->h.page;

	pn_vapic_write(page, PN_APIC_LDR, 0x04FFFFFF);
	rig_want(!traps(2, 0x401, 1ull << 32 | 0xD0) && !traps(2, 0x402, 0xD0) &&
			 !traps(2, 0x402, 1ull << 32 | 0x280) && reg(2, PN_APIC_LDR) == 0x04FFFFFF,
		 "P7", "another exit is taken for a write of LDR");
	rig_want(traps(2, 0x402, 1ull << 32 | 0xD0) && reg(2, PN_APIC_LDR) == 0x04000000, "P7",
		 "a write of LDR");
	slots(7, 4, 2, "a write of LDR");
	pn_vapic_write(page, PN_APIC_ID, 0x05000000);
	rig_want(traps(2, 0x402, 1ull << 32 | 0x20) && causes() == MODIFIED, "P4", "of ID");
	pn_vapic_write(page, PN_APIC_ID, 0x02000000);
	rig_want(traps(2, 0x402, 1ull << 32 | 0x20) && !causes(), "P4", "of ID");
	pn_vapic_write(page, PN_APIC_DFR, 0);
	rig_want(traps(2, 0x402, 1ull << 32 | 0xE0) && causes() == ALIASED, "P4", "of DFR");
	pn_vapic_write(page, PN_APIC_DFR, 0xF0000000);
	rig_want(traps(2, 0x402, 1ull << 32 | 0xE0) && !causes(), "P4", "of DFR");
	pn_vapic_write(page, PN_APIC_SVR, 0xFF);
	rig_want(traps(2, 0x402, 1ull << 32 | 0xF0), "P4", "of SVR");
	slots(7, 4, -1, "of SVR");
	pn_vapic_write(page, PN_APIC_SVR, 0x1FF);
	rig_want(traps(2, 0x402, 1ull << 32 | 0xF0), "P4", "of SVR");
}

/* ---- modes ---- */

static int base(unsigned n, uint64_t value)
{
	return pn_svm_apic_base(vcpu(n), &rig->cpu[0], value);
}

static void passes(unsigned n, bool on, const char *what)
{
	for (uint32_t msr = 0x7F0; msr < 0x910; msr++)
		rig_want(pn_svm_msr_passes(vcpu(n), msr) ==
				 (on && msr >= 0x800 && msr <= 0x8FF && msr != 0x832),
			 "P7", what);
}

/* The next entry follows the mode. */
static void enters(unsigned n, bool apicv)
{
	struct pn_svm_vcpu *v = vcpu(n);
	struct pn_avic_vmcb vmcb;

	pn_svm_load(&v->h, &rig->cpu[n]);
	rig_want(pn_svm_enter(&v->h, &rig->cpu[n]) == -1 && v->h.mode == PN_IN_GUEST, "P6",
		 "an entry");
	pn_svm_vmcb(v, &vmcb);
	rig_want(pn_host_apicv(&v->h) == apicv && !!(vmcb.v_intr >> 31 & 1) == apicv &&
			 !(v->h.requests & PN_REQ_APICV_UPDATE),
		 "P6", "AVIC after an entry");
	rig_want(!!(vmcb.v_intr >> 30 & 1) == (apicv && v->h.apic_mode == PN_APIC_X2APIC), "P7",
		 "x2AVIC after an entry");
	rig_want(!pn_svm_check(&v->h, &rig->cpu[n]), "P2", "tables after an entry");
	pn_svm_leave(&v->h, &rig->cpu[n]);
	rig_want(v->h.mode == PN_OUTSIDE_GUEST, "P6", "after an exit");
}

static void modes_x2(void)
{
	const struct pn_svm_vcpu *v = vcpu(0);

	passes(0, true, "MSRs of x2AVIC");
	enters(0, true);
	rig_want(base(0, 0xFEE00800) == -EINVAL && base(0, 0xFEE00400) == -EINVAL &&
			 base(0, 0xFEE00E00) == -EINVAL && base(0, 0xFEE00C01) == -EINVAL &&
			 base(0, 1ull << 52 | 0xFEE00C00) == -EINVAL && !v->h.requests,
		 "P7", "a base that is refused");
	rig_want(!base(0, 0xFEE00D00) && !v->h.requests, "P7", "nothing changes");
	rig_want(!base(0, 0) && v->h.apic_mode == PN_APIC_DISABLED &&
			 v->h.requests == PN_REQ_APICV_UPDATE && !causes(),
		 "P7", "an APIC is disabled");
	enters(0, false);
	passes(0, false, "MSRs of a disabled APIC");
	rig_want(base(0, 0xFEE00C00) == -EINVAL, "P7", "from disabled to x2APIC");
	pn_vapic_write(v->h.page, PN_APIC_LDR, 0x55);
	pn_vapic_write(v->h.page, PN_APIC_DFR, 0);
	rig_want(!base(0, 0xFEE00800) && v->h.apic_mode == PN_APIC_XAPIC && !reg(0, PN_APIC_ID) &&
			 !reg(0, PN_APIC_LDR) && reg(0, PN_APIC_DFR) == 0xFFFFFFFF &&
			 reg(0, PN_APIC_SVR) == 0xFF,
		 "P7", "an APIC after reset");
	enters(0, true);
	passes(0, false, "MSRs of xAVIC");
	rig_want(!base(0, 0xFEE00C00) && v->h.apic_mode == PN_APIC_X2APIC &&
			 reg(0, PN_APIC_LDR) == 1,
		 "P7", "x2APIC mode");
	enters(0, true);
	passes(0, true, "MSRs of x2AVIC again");
	wr(1, PN_APIC_ID, 9);
	wr(1, PN_APIC_LDR, 9);
	rig_want(reg(1, PN_APIC_ID) == 1 && reg(1, PN_APIC_LDR) == 2 && !causes(), "P7",
		 "IDs of x2APIC are read-only");
	for (int i = 0; i < 64; i++)
		rig_want(!pn_ld32(&amd->vm[0].log_table[i]), "P4", "x2AVIC has no logical table");
	rig_want(!base(1, 0xFED00000) && !causes() && base(1, 0xFED00800) == 0 && causes() == BASE,
		 "P7", "another base");
	enters(0, false);
	passes(0, false, "MSRs without AVIC");
}

/* ---- what tables say ---- */

static void entry(unsigned n, bool runs, unsigned cpu, const char *what)
{
	rig_want(pn_ld64(vcpu(n)->phys_entry) ==
			 (1ull << 63 | (runs ? 1ull << 62 : 0) | vcpu(n)->h.page_pa | cpu),
		 "P2", what);
}

static struct pn_irte irte(void)
{
	struct pn_irte f;

	rig_want(!pn_irte128_decode(*amd->ir[0].ir.irte, true, true, &f), "P2", "an entry");
	return f;
}

static void shown(bool erratum, bool gate)
{
	struct pn_host_vcpu *h = &vcpu(0)->h;

	pn_svm_load(h, &rig->cpu[1]);
	entry(0, !erratum, 1, "a vCPU that runs");
	rig_want(irte().isrun && !irte().galogintr && irte().dest == 1, "P2", "its IRTE");
	pn_svm_put(h, &rig->cpu[1], true);
	entry(0, false, 1, "a vCPU that was preempted");
	rig_want(!irte().isrun && irte().galogintr == gate, "P2", "its IRTE");
	pn_svm_load(h, &rig->cpu[2]);
	entry(0, !erratum, 2, "a vCPU that moved");
	pn_svm_blocking(h, &rig->cpu[2]);
	rig_want(!irte().isrun && irte().galogintr, "P2", "a vCPU that blocks");
	pn_svm_unblocking(h, &rig->cpu[0]);
	entry(0, !erratum, 0, "a vCPU that goes on");
	rig_want(!pn_svm_check(h, &rig->cpu[0]), "P2", "all of it");
}

/* ---- what injection answers ---- */

static void answers(void)
{
	struct pn_host_vcpu *h = &vcpu(0)->h;
	const struct pn_hyp_ops *ops = rig_ops();

	pn_svm_load(h, &rig->cpu[0]);
	rig_want(ops->vcpu(rig->vm, 2) == &vcpu(2)->h && !ops->listed(h), "P7", "a vCPU");
	for (unsigned v = 0x10; v < 0x100; v += 0x0F) {
		uint8_t vector = (uint8_t)v;

		pn_vapic_write(h->page, PN_APIC_TPR, 0xF0);
		pn_svm_blocking(h, &rig->cpu[0]);
		rig_want(!ops->inject(h, &rig->cpu[1], vector, PN_WAKE_NOTIFY) &&
				 ops->inject(h, &rig->cpu[1], vector, PN_WAKE_NOTIFY),
			 "P4", "an interrupt that is new, and again");
		rig_want(!ops->must_run(h, &rig->cpu[0]) && !ops->pending(h), "P5",
			 "a masked vector keeps it awake");
		for (unsigned w = 0; w < 8; w++)
			rig_want(ops->irr(h, w) == (v / 32 == w ? 1u << v % 32 : 0), "P4",
				 "what is pending while it is parked");
		rig_want(ops->inject(h, &rig->cpu[1], vector, PN_WAKE_NOTIFY) &&
				 !ops->inject(h, &rig->cpu[1], vector ^ 0x10, PN_WAKE_NOTIFY),
			 "P4", "an interrupt that is parked already, and another");
		ops->unblocking(h, &rig->cpu[0]);
		rig_want(pn_vapic_clear(h->page, PN_APIC_IRR, vector) &&
				 pn_vapic_clear(h->page, PN_APIC_IRR, vector ^ 0x10) &&
				 pn_vapic_empty(h->page, PN_APIC_IRR) && !ops->irr(h, v / 32),
			 "P4", "what was parked is back");
		/* Deliverable: in the IRR, or parked when the TPR falls. */
		ops->blocking(h, &rig->cpu[0]);
		ops->deliver(h, &rig->cpu[1], vector);
		rig_want(!ops->must_run(h, &rig->cpu[0]), "P5", "masked");
		pn_vapic_write(h->page, PN_APIC_TPR, 0);
		rig_want(ops->pending(h) && ops->must_run(h, &rig->cpu[0]), "P1",
			 "a parked vector that can be delivered now");
		pn_vapic_write(h->page, PN_APIC_TPR, 0xF0);
		ops->unblocking(h, &rig->cpu[0]);
		pn_vapic_clear(h->page, PN_APIC_IRR, vector);
	}
	pn_vapic_write(h->page, PN_APIC_TPR, 0);
	ops->blocking(h, &rig->cpu[0]);
	rig->vcpu[0].task.sleeping = 1;
	ops->poke(h, &rig->cpu[1]);
	rig_want(!rig->vcpu[0].task.sleeping && h->woken == 1, "P1", "a poke wakes nobody");
	rig_want(!ops->must_run(h, &rig->cpu[0]) && !h->woken, "P5", "a poke alone");
	ops->unblocking(h, &rig->cpu[0]);
}

/* A post to a CPU that entries cannot name: nothing of the attempt stays. */
static void cannot_attach(void)
{
	struct pn_svm_vcpu *v = vcpu(0);
	struct pn_host_entry *e = &amd->ir[0].ir.host;
	struct pn_hyp *hyp = rig->hyp;

	rig_want(!pn_svm_pi_update(hyp, e, NULL, 0, &rig->cpu[0]) && pn_list_empty(&v->ir_list),
		 "P6", "a detach");
	pn_svm_load(&v->h, &rig->cpu[2]);
	rig->cpu[2].apicid = 0x100;
	pn_svm_blocking(&v->h, &rig->cpu[2]);
	rig_want(pn_svm_pi_update(hyp, e, &v->h, 0x41, &rig->cpu[0]) == -EINVAL && !e->vcpu &&
			 pn_list_empty(&v->ir_list) && !v->on_list && !amd->ir[0].ir.guest_mode &&
			 !v->ir_lock.held,
		 "P6", "something stays of an attach that failed");
	rig_want(!pn_svm_check(&v->h, &rig->cpu[0]), "P2", "after an attach that failed");
	rig->cpu[2].apicid = 2;
	rig_want(!pn_svm_pi_update(hyp, e, &v->h, 0x41, &rig->cpu[0]) && v->on_list &&
			 e->vcpu == &v->h,
		 "P6", "an attach after one that failed");
	pn_svm_unblocking(&v->h, &rig->cpu[0]);
}

/* What the vCPU itself is not asked or woken for. */
static void own_ipis(void)
{
	const uint64_t all = (uint64_t)PN_ICR_SH_ALL << 18;
	const struct pn_avic_exit e = {.info1 = all | 0x61, .info2 = 1ull << 32};
	struct pn_host_vcpu *h = &vcpu(0)->h;

	h->requests = h->woken = vcpu(1)->h.requests = vcpu(1)->h.woken = 0;
	pn_host_ipi_emulate(rig->vm, h, &rig->cpu[0], all | 4u << 8);
	rig_want(!h->requests && h->ipis_ignored == 1 && vcpu(1)->h.requests == PN_REQ_UNBLOCK &&
			 vcpu(2)->h.requests == PN_REQ_UNBLOCK,
		 "P5", "an NMI to all asks its sender, or not the others");
	rig_want(!h->woken && vcpu(1)->h.woken == 1, "P5", "or wakes it");
	vcpu(1)->h.woken = 0;
	pn_svm_incomplete_ipi(vcpu(0), &rig->cpu[0], &e);
	rig_want(!h->woken && vcpu(1)->h.woken == 1 && !pn_svm_irr(h, 3) &&
			 !pn_svm_irr(&vcpu(1)->h, 3),
		 "P5", "an IPI that is posted already is posted again, or wakes its sender");
	vcpu(1)->h.requests = vcpu(2)->h.requests = 0;
}

/* AVIC is off: the entry injects. */
static void injects(void)
{
	struct pn_host_vcpu *h = &vcpu(0)->h;

	pn_svm_inhibit(rig->vm, &rig->cpu[0], PN_INHIBIT_HYPERV, true);
	pn_svm_inject(h, &rig->cpu[0], 0x61, PN_WAKE_NOTIFY);
	rig_want(pn_svm_enter(h, &rig->cpu[0]) == 0x61 && !(h->requests & PN_REQ_EVENT) &&
			 reg(0, PN_APIC_PPR) == 0x60,
		 "P4", "an entry without AVIC injects");
	pn_svm_leave(h, &rig->cpu[0]);
	pn_svm_inject(h, &rig->cpu[0], 0x62, PN_WAKE_NOTIFY);
	rig_want(h->requests & PN_REQ_EVENT && pn_svm_enter(h, &rig->cpu[0]) == -1, "P4",
		 "the class in service");
	pn_svm_leave(h, &rig->cpu[0]);
	rig_want(pn_svm_eoi(h, &rig->cpu[0]) == -1 && pn_svm_enter(h, &rig->cpu[0]) == 0x62, "P4",
		 "after its EOI");
	pn_svm_leave(h, &rig->cpu[0]);
	(void)pn_svm_eoi(h, &rig->cpu[0]);
	pn_svm_inhibit(rig->vm, &rig->cpu[0], PN_INHIBIT_HYPERV, false);
	rig_want(pn_svm_enter(h, &rig->cpu[0]) == -1 && pn_host_apicv(h) && irte().guestmode, "P6",
		 "AVIC is on again");
	pn_svm_leave(h, &rig->cpu[0]);
}

/* ---- the cases ---- */

static void sets_up(void *arg)
{
	(void)arg;
	px_doing("the guest sets its APICs up");
	clusters();
	physical();
	trapped();
}

static void changes_modes(void *arg)
{
	(void)arg;
	px_doing("the host shows its vCPUs");
	shown(false, false);
	answers();
	injects();
	px_doing("the guest changes modes");
	modes_x2();
}

static void with_erratum(void *arg)
{
	(void)arg;
	shown(true, true);
}

static void machine(bool xapic, bool erratum, enum pn_notify notify, bool no_xt)
{
	rig_amd_build(&(struct rig_amd_conf){.notify = notify,
					     .masked = PN_MASKED_PARK,
					     .vcpus = 3,
					     .xapic = xapic,
					     .moving = true,
					     .no_xt = no_xt,
					     .erratum_known = erratum});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig->no_rest_check = true;
}

static void ids(bool broken)
{
	(void)broken;
	machine(true, false, PN_NOTIFY_NONE, false);
	px_thread("CPU 0", 0, sets_up, NULL);
}

static void answers_gappi(void *arg)
{
	(void)arg;
	answers();
	cannot_attach();
	own_ipis();
}

static void parks(bool broken)
{
	(void)broken;
	machine(false, false, PN_NOTIFY_GAPPI, true);
	px_thread("CPU 0", 0, answers_gappi, NULL);
}

static void modes(bool broken)
{
	(void)broken;
	machine(false, false, PN_NOTIFY_GALOG, false);
	px_thread("CPU 0", 0, changes_modes, NULL);
}

static void gate(bool broken)
{
	machine(false, !broken, PN_NOTIFY_GALOG, false);
	amd->svm.gate_always = true;
	px_thread("CPU 0", 0, with_erratum, NULL);
}

const struct case_setup pn_cases_amd_guest[] = {
	{{"clusters-aliased", "KVM, inferred",
	  "a vCPU has a logical ID of two bits, and AVIC goes on",
	  "AVIC is inhibited: a slot names one vCPU for one bit", "P4", true, false},
	 PN_MISTAKE_ALIAS_UNSEEN,
	 ids,
	 INT16_MAX},
	{{"mode-and-blocked-shown", "inferred", "a vCPU blocks, and its entry asks for nothing",
	  "GALogIntr = 1 while it blocks", "P2", true, false},
	 PN_MISTAKE_LOG_NOT_ASKED,
	 modes,
	 INT16_MAX},
	{{"parked-word-left", "H1", "the last word of what was parked does not come back",
	  "all eight words", "P4", true, false},
	 PN_MISTAKE_UNPARK_SHORT,
	 parks,
	 INT16_MAX},
	{{"erratum-shown", "erratum 1235", "IsRunning is set on a processor with the erratum",
	  "it stays 0 in the table", "P2", false, false},
	 PN_MISTAKE_NONE,
	 gate,
	 INT16_MAX},
};

const unsigned pn_cases_amd_guest_nr = sizeof(pn_cases_amd_guest) / sizeof(pn_cases_amd_guest[0]);
