/* SPDX-License-Identifier: MIT */
/*
 * Cases of one agent on AMD: what hypervisor and driver leave behind after each of their steps, one
 * after the other, without a race.
 */
#include <errno.h>
#include <string.h>

#include "case_setup.h"
#include "postern/amd_dte.h"
#include "postern/amdvi_regs.h"
#include "rig_amd.h"
#include "svm_priv.h"

/* ---- what tables, entries and lists say ---- */

struct shown {
	bool running, wakeup, listed;
	uint32_t cpu;
};

static struct pn_irte entry_now(unsigned index)
{
	struct pn_irte f;

	rig_want(!pn_irte128_decode(*amd->ir[index].ir.irte, true, true, &f), "P2",
		 "an entry is malformed");
	return f;
}

static void entry_shows(const struct pn_irte *f, struct shown s, bool gappi)
{
	rig_want(f->guestmode && f->remapen && f->root == rig->vcpu[0].h->page_pa, "P2",
		 "an entry does not post to its vCPU");
	rig_want(f->isrun == s.running, "P2", "IsRun is wrong");
	if (s.running || gappi)
		rig_want(f->dest == s.cpu, "P2", "Destination is wrong");
	if (gappi)
		rig_want(f->gatag == PN_VEC_WAKEUP && f->gappidis == (!s.running && !s.wakeup),
			 "P2", "GATag or GAPPIDis is wrong");
	else
		rig_want(f->gatag == pn_svm_ga_tag(&amd->vcpu[0]) && f->galogintr == s.wakeup, "P2",
			 "GATag or GALogIntr is wrong");
}

/* vCPU 0 and its two entries are shown as @s. */
static void shows(struct shown s)
{
	const struct pn_svm_vcpu *v = &amd->vcpu[0];
	bool gappi = amd->iommus.notify == PN_NOTIFY_GAPPI;
	uint64_t table = PN_AVIC_PHYS_VALID | v->h.page_pa | s.cpu |
			 (s.running ? PN_AVIC_PHYS_ISRUNNING : 0);
	const char *what = pn_svm_check(rig->vcpu[0].h, &rig->cpu[0]);

	rig_want(!what, "P2", what ? what : "");
	rig_want(pn_ld64(v->phys_entry) == table, "P2", "the physical ID entry is wrong");
	rig_want(v->on_list == (s.listed && gappi), "P2", "it is on a list, or on none");
	for (unsigned i = 0; i < 2; i++) {
		struct pn_irte f = entry_now(i);

		entry_shows(&f, s, gappi);
	}
}

static void give(unsigned index, bool on)
{
	rig_want(!pn_svm_pi_update(&amd->svm.hyp, &amd->ir[index].ir.host,
				   on ? rig->vcpu[0].h : NULL, on ? 0x41 : 0, &rig->cpu[0]),
		 "P7", "an interrupt cannot be given to a vCPU, or taken away");
}

static void scheduled(struct pn_host_vcpu *h)
{
	pn_svm_load(h, &rig->cpu[0]);
	shows((struct shown){.running = true, .cpu = 0});
	pn_svm_put(h, &rig->cpu[0], true);
	shows((struct shown){.cpu = 0});
	pn_svm_load(h, &rig->cpu[1]);
	shows((struct shown){.running = true, .cpu = 1});
	pn_svm_blocking(h, &rig->cpu[1]);
	shows((struct shown){.wakeup = true, .listed = true, .cpu = 1});
	pn_svm_put(h, &rig->cpu[1], false);
	shows((struct shown){.wakeup = true, .listed = true, .cpu = 1});
	pn_svm_load(h, &rig->cpu[2]);
	shows((struct shown){.wakeup = true, .listed = true, .cpu = 1});
	pn_svm_unblocking(h, &rig->cpu[2]);
	shows((struct shown){.running = true, .cpu = 2});
}

static int activates(uint64_t page_pa, uint8_t vector)
{
	return pn_amdvi_ir_activate(&amd->ir[0].ir, rig->cpu[0].agent, page_pa, vector, 0,
				    (struct pn_amdvi_ir_state){.apicid = 0});
}

static void plugged(struct pn_host_vcpu *h)
{
	pn_svm_blocking(h, &rig->cpu[2]);
	give(0, false);
	rig_want(!entry_now(0).guestmode && entry_now(1).guestmode, "P2",
		 "one entry leaves guest mode, the other stays");
	rig_want(!pn_svm_check(h, &rig->cpu[0]), "P2", "after one interrupt was taken away");
	give(1, false);
	rig_want(!amd->vcpu[0].on_list && !pn_svm_check(h, &rig->cpu[0]), "P2",
		 "no interrupt is left, and the vCPU is on a list");
	give(0, true);
	give(1, true);
	shows((struct shown){.wakeup = true, .listed = true, .cpu = 2});
	rig_want(pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, h, 15, &rig->cpu[0]) < 0,
		 "P7", "vector 15 cannot be posted");
	rig_want(activates(h->page_pa, 15) == -EINVAL && activates(h->page_pa | 8, 0x41) == -EINVAL,
		 "P7", "an entry is given a vector below 16, or half a page");
	/* A bit that is there when entries come: the vCPU looks. */
	rig->vcpu[0].task.sleeping = 1;
	pn_vapic_set(h->page, PN_APIC_IRR, 0x91);
	give(0, true);
	rig_want(!rig->vcpu[0].task.sleeping, "P1", "it sleeps on a bit that nobody announced");
	pn_vapic_clear(h->page, PN_APIC_IRR, 0x91);
	pn_svm_unblocking(h, &rig->cpu[0]);
}

/* A vector that the guest has masked waits: in the IRR, or at the side while the vCPU sleeps. */
static void masked(struct pn_host_vcpu *h)
{
	bool parks = amd->iommus.notify == PN_NOTIFY_GAPPI;

	pn_vapic_write(h->page, PN_APIC_TPR, 0x50);
	pn_svm_blocking(h, &rig->cpu[0]);
	rig_want(!pn_svm_inject(h, &rig->cpu[1], 0x41, PN_WAKE_NOTIFY), "P4",
		 "an interrupt is called pending before it came");
	rig_want(!pn_svm_must_run(h, &rig->cpu[0]) && !pn_svm_pending(h), "P5",
		 "a masked vector keeps the vCPU awake");
	rig_want(pn_svm_irr(h, 2) == 2 && pn_vapic_test(h->page, PN_APIC_IRR, 0x41) == !parks, "P4",
		 "the vector waits at another place");
	rig_want(pn_svm_inject(h, &rig->cpu[1], 0x41, PN_WAKE_NOTIFY), "P4",
		 "an interrupt that is pending is called new");
	pn_svm_unblocking(h, &rig->cpu[0]);
	rig_want(pn_vapic_clear(h->page, PN_APIC_IRR, 0x41) && !pn_svm_irr(h, 2), "P4",
		 "the vector is not back, or twice");
	pn_vapic_write(h->page, PN_APIC_TPR, 0);
}

/* A masked vector comes as often as it is parked: @parked_again times. */
static unsigned parked_again;

static void post_again(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	(void)ctx;
	(void)agent;
	(void)step;
	(void)a;
	(void)b;
	if (!parked_again)
		return;
	parked_again--;
	pn_vapic_set(rig->vcpu[0].h->page, PN_APIC_IRR, 0x41);
}

/* The vCPU gives up some time, and looks again instead of sleeping. */
static void posted_while_parked(struct pn_host_vcpu *h)
{
	const bool parks = amd->iommus.notify == PN_NOTIFY_GAPPI;

	rig->cpu_agent[0].observe = post_again;
	rig->cpu_steps[0].slot[PN_STEP_PARK].watched = 1;
	pn_vapic_write(h->page, PN_APIC_TPR, 0x50);
	for (unsigned n = 0; n < 100; n += 9) {
		pn_svm_blocking(h, &rig->cpu[0]);
		pn_vapic_set(h->page, PN_APIC_IRR, 0x41);
		pn_vapic_set(h->page, PN_APIC_IRR, 0x21);
		parked_again = n;
		rig_want(pn_svm_must_run(h, &rig->cpu[0]) ||
				 pn_vapic_empty(h->page, PN_APIC_IRR) == parks,
			 "P1", "it sleeps with a bit in its IRR, and no GAPPI will come (H1)");
		rig_want(n > 9 || !pn_svm_must_run(h, &rig->cpu[0]), "P5",
			 "vectors that are masked keep it awake");
		parked_again = 0;
		pn_vapic_set(h->page, PN_APIC_IRR, 0x31);
		rig_want(pn_svm_inject(h, &rig->cpu[1], 0x31, PN_WAKE_NOTIFY) &&
				 pn_svm_inject(h, &rig->cpu[1], 0x21, PN_WAKE_NOTIFY) &&
				 !pn_svm_inject(h, &rig->cpu[1], 0x35, PN_WAKE_NOTIFY),
			 "P4", "an interrupt that is pending is called new, or a new one pending");
		pn_vapic_clear(h->page, PN_APIC_IRR, 0x31);
		pn_vapic_clear(h->page, PN_APIC_IRR, 0x35);
		rig_want(pn_svm_irr(h, 2) == 2 && pn_svm_irr(h, 1) == 2, "P4",
			 "a vector is neither pending nor parked");
		pn_svm_unblocking(h, &rig->cpu[0]);
		rig_want(pn_vapic_clear(h->page, PN_APIC_IRR, 0x41) &&
				 pn_vapic_clear(h->page, PN_APIC_IRR, 0x21),
			 "P4", "a vector that was parked does not come back");
	}
	pn_vapic_write(h->page, PN_APIC_TPR, 0);
}

static void inhibited(struct pn_host_vcpu *h)
{
	pn_svm_inhibit(rig->vm, &rig->cpu[2], PN_INHIBIT_HYPERV, true);
	rig_want(pn_svm_pending(h) && pn_svm_must_run(h, &rig->cpu[0]), "P6",
		 "a request keeps the vCPU awake");
	pn_svm_unblocking(h, &rig->cpu[0]);
	rig_want(!entry_now(0).guestmode && !entry_now(1).guestmode && !pn_host_apicv(h), "P2",
		 "AVIC is off, and entries are in guest mode");
	rig_want(!(pn_ld64(amd->vcpu[0].phys_entry) & PN_AVIC_PHYS_ISRUNNING), "P2",
		 "AVIC is off, and IsRunning says that the processor evaluates");
	rig_want(!pn_svm_check(h, &rig->cpu[0]), "P2", "while AVIC is off");
	pn_svm_blocking(h, &rig->cpu[0]);
	rig_want(!amd->vcpu[0].on_list, "P2", "AVIC is off, and a vCPU is on a list");
	pn_svm_unblocking(h, &rig->cpu[0]);
	rig_want(amd->vm[0].raised[PN_INHIBIT_HYPERV] == 1, "P6", "how often the cause came up");
	pn_svm_inhibit(rig->vm, &rig->cpu[2], PN_INHIBIT_SEV, true);
	pn_svm_inhibit(rig->vm, &rig->cpu[2], PN_INHIBIT_HYPERV, false);
	rig_want(pn_svm_inhibits(h) == 1u << PN_INHIBIT_SEV, "P6", "another cause is left");
	pn_svm_inhibit(rig->vm, &rig->cpu[2], PN_INHIBIT_SEV, false);
	pn_svm_unblocking(h, &rig->cpu[0]);
	shows((struct shown){.running = true, .cpu = 0});
}

/* The CPU where it ran last goes: an entry that it gets now names one that takes interrupts. */
static void offline(struct pn_host_vcpu *h)
{
	pn_svm_put(h, &rig->cpu[0], true);
	pn_svm_cpu_offline(&amd->svm.hyp, &rig->cpu[0], &rig->cpu[1]);
	give(0, false);
	rig_want(!pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, h, 0x41, &rig->cpu[2]) &&
			 entry_now(0).dest == 2,
		 "P2", "an entry names a CPU that is gone");
	if (amd->iommus.notify == PN_NOTIFY_GAPPI) {
		amd->vcpu[0].gcpu = 0;
		pn_svm_switch_notify(&amd->svm, &rig->cpu[1], PN_NOTIFY_GALOG);
		pn_svm_switch_notify(&amd->svm, &rig->cpu[1], PN_NOTIFY_GAPPI);
		rig_want(entry_now(0).dest == 1 && entry_now(1).dest == 1, "P2",
			 "after a switch an entry names a CPU that is gone");
	}
	pn_svm_cpu_online(&amd->svm.hyp, &rig->cpu[0]);
	pn_svm_load(h, &rig->cpu[0]);
	shows((struct shown){.running = true, .cpu = 0});
	pn_svm_blocking(h, &rig->cpu[0]);
	shows((struct shown){.wakeup = true, .listed = true, .cpu = 0});
	pn_svm_unblocking(h, &rig->cpu[0]);
}

/* The VM has the last number that there is. */
static void last_number(void)
{
	struct rig_vcpu *v = &rig->vcpu[0];
	const unsigned last = PN_SVM_MAX_VMS - 1;

	amd->svm.vm[last] = amd->svm.vm[0];
	amd->svm.vm[0] = NULL;
	amd->vm[0].h.id = last + 1;
	rig_want(pn_svm_by_tag(&amd->svm, pn_svm_ga_tag(&amd->vcpu[0])) == &amd->vcpu[0], "P6",
		 "the tag of the last VM finds no vCPU");
	pn_svm_blocking(v->h, &rig->cpu[0]);
	v->task.sleeping = 1;
	pn_svm_ga_overflow(&amd->svm, rig->cpu[1].agent);
	rig_want(!v->task.sleeping, "P1", "a vCPU of the last VM sleeps after an overflow");
	pn_svm_unblocking(v->h, &rig->cpu[0]);
	amd->svm.vm[0] = amd->svm.vm[last];
	amd->svm.vm[last] = NULL;
	amd->vm[0].h.id = 1;
}

static void gone(void)
{
	uint32_t tag = pn_svm_ga_tag(&amd->vcpu[0]);

	rig_want(pn_svm_by_tag(&amd->svm, tag) == &amd->vcpu[0] &&
			 !pn_svm_by_tag(&amd->svm, tag + 1) && !pn_svm_by_tag(&amd->svm, 0),
		 "P6", "a tag finds its vCPU and no other");
	pn_svm_blocking(rig->vcpu[0].h, &rig->cpu[0]);
	pn_svm_vm_destroy(rig->vm, rig->cpu[0].agent);
	rig_want(!entry_now(0).guestmode && !entry_now(1).guestmode && !amd->vcpu[0].on_list &&
			 !pn_ld64(amd->vcpu[0].phys_entry) && !amd->ir[0].ir.host.vcpu,
		 "P6", "something of a destroyed VM is left");
	rig_want(!pn_svm_by_tag(&amd->svm, tag), "P6", "the tag of a destroyed VM finds a vCPU");
}

/* gate=always: the log hears of a vCPU that is out, too, not only of one that blocks. */
static void gated(struct pn_host_vcpu *h)
{
	amd->svm.gate_always = true;
	pn_svm_put(h, &rig->cpu[0], true);
	shows((struct shown){.wakeup = true, .cpu = 0});
	amd->svm.gate_always = false;
	pn_svm_load(h, &rig->cpu[0]);
	shows((struct shown){.running = true, .cpu = 0});
}

/* An IOMMU cannot do it: everything is as before. */
static void cannot_switch(struct pn_host_vcpu *h)
{
	pn_svm_blocking(h, &rig->cpu[0]);
	rig_want(pn_svm_switch_notify(&amd->svm, &rig->cpu[0], PN_NOTIFY_GAPPI) < 0, "P7",
		 "an IOMMU without GAPPI is switched to it");
	shows((struct shown){.wakeup = true, .cpu = 0});
	pn_svm_unblocking(h, &rig->cpu[0]);
	shows((struct shown){.running = true, .cpu = 0});
}

static void walk(void *arg)
{
	struct pn_host_vcpu *h = rig->vcpu[0].h;

	(void)arg;
	px_doing("is scheduled in and out");
	scheduled(h);
	px_doing("interrupts come and go");
	plugged(h);
	px_doing("a masked vector waits");
	masked(h);
	posted_while_parked(h);
	px_doing("AVIC goes off and on");
	inhibited(h);
	if (amd->iommus.notify == PN_NOTIFY_GAPPI) {
		px_doing("the host uses the log instead");
		pn_svm_blocking(h, &rig->cpu[0]);
		rig_want(!pn_svm_switch_notify(&amd->svm, &rig->cpu[0], PN_NOTIFY_GALOG), "P7",
			 "the notification cannot be switched");
		shows((struct shown){.wakeup = true, .cpu = 0});
		rig_want(!pn_svm_switch_notify(&amd->svm, &rig->cpu[0], PN_NOTIFY_GAPPI), "P7",
			 "nor back");
		shows((struct shown){.wakeup = true, .listed = true, .cpu = 0});
		pn_svm_unblocking(h, &rig->cpu[0]);
	} else {
		px_doing("with gate=always; cannot use GAPPI");
		gated(h);
		cannot_switch(h);
	}
	px_doing("a CPU goes and comes back");
	offline(h);
	px_doing("the VM has another number");
	last_number();
	px_doing("the VM goes");
	gone();
}

static void walks(enum pn_notify notify)
{
	rig_amd_build(&(struct rig_amd_conf){.notify = notify,
					     .masked = PN_MASKED_PARK,
					     .iommus = 2,
					     .no_gappi_on_1 = notify == PN_NOTIFY_GALOG,
					     .moving = true});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 1, &rig->vcpu[0], 0x91);
	rig->no_rest_check = true;
	px_thread("CPU 0", 0, walk, NULL);
}

static void walk_gappi(bool broken)
{
	(void)broken;
	walks(PN_NOTIFY_GAPPI);
}

static void walk_galog(bool broken)
{
	(void)broken;
	walks(PN_NOTIFY_GALOG);
}

/* A machine without an IOMMU: vCPUs run, and nothing is posted. */
static void no_iommu(void)
{
	struct pn_host_vcpu *h = rig->vcpu[0].h;
	struct pn_iommus *iommus = amd->svm.iommus;

	px_doing("without an IOMMU");
	amd->svm.iommus = NULL;
	pn_svm_load(h, &rig->cpu[0]);
	pn_svm_blocking(h, &rig->cpu[0]);
	rig_want(!amd->vcpu[0].on_list && !pn_svm_check(h, &rig->cpu[0]), "P2",
		 "a vCPU waits for an IOMMU that there is not");
	pn_svm_unblocking(h, &rig->cpu[0]);
	rig_want(pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, h, 0x41, &rig->cpu[0]) ==
			 -ENODEV,
		 "P7", "an interrupt is posted without an IOMMU");
	rig_want(pn_svm_switch_notify(&amd->svm, &rig->cpu[0], PN_NOTIFY_GALOG) == -ENODEV, "P7",
		 "without an IOMMU a notification is switched");
	amd->svm.iommus = iommus;
}

/* ---- IDs that the guest changes ---- */

static bool cause(enum pn_inhibit why)
{
	return pn_svm_inhibits(rig->vcpu[0].h) >> why & 1;
}

static uint32_t slot(unsigned i)
{
	return pn_ld32(&amd->vm[0].log_table[i]);
}

static void writes(unsigned n, uint32_t off, uint32_t value)
{
	pn_svm_apic_write(&amd->vcpu[n], &rig->cpu[0], off, value);
}

static void ids(void *arg)
{
	(void)arg;
	no_iommu();
	px_doing("the guest changes APIC IDs");
	rig_want(slot(0) == (PN_AVIC_LOG_VALID | 0) && slot(1) == (PN_AVIC_LOG_VALID | 1) &&
			 slot(2) == (PN_AVIC_LOG_VALID | 2) && !slot(3),
		 "P4", "the logical table is not what firmware leaves");
	writes(1, PN_APIC_LDR, 8u << 24);
	rig_want(!slot(1) && slot(3) == (PN_AVIC_LOG_VALID | 1), "P4",
		 "a logical ID moves its slot");
	writes(1, PN_APIC_LDR, 1u << 24);
	rig_want(cause(PN_INHIBIT_LOGICAL_ID_ALIASED) && !slot(0), "P4",
		 "two vCPUs have one logical ID: no table can say that");
	writes(1, PN_APIC_LDR, 2u << 24);
	rig_want(!cause(PN_INHIBIT_LOGICAL_ID_ALIASED) && slot(1), "P4", "they have two again");
	writes(1, PN_APIC_ID, 5u << 24);
	rig_want(cause(PN_INHIBIT_APIC_ID_MODIFIED), "P4",
		 "a physical ID is not that of its entry");
	writes(1, PN_APIC_ID, 0);
	rig_want(cause(PN_INHIBIT_PHYSICAL_ID_ALIASED), "P4", "two vCPUs have one physical ID");
	writes(1, PN_APIC_ID, 2u << 24);
	rig_want(cause(PN_INHIBIT_PHYSICAL_ID_ALIASED), "P4", "the last two have one physical ID");
	writes(1, PN_APIC_ID, 5u << 24);
	writes(2, PN_APIC_ID, 0);
	rig_want(cause(PN_INHIBIT_PHYSICAL_ID_ALIASED), "P4", "the first and the last have one");
	writes(2, PN_APIC_ID, 2u << 24);
	writes(1, PN_APIC_ID, 1u << 24);
	rig_want(!pn_svm_inhibits(rig->vcpu[0].h), "P4", "all is as before");
	writes(1, PN_APIC_SVR, 0xFF);
	rig_want(!slot(1), "P4", "a disabled APIC has no logical ID");
	writes(1, PN_APIC_SVR, 0x1FF);
	writes(1, PN_APIC_DFR, 0);
	rig_want(cause(PN_INHIBIT_LOGICAL_ID_ALIASED), "P4", "the APICs use two models");
	writes(1, PN_APIC_DFR, ~0u);
	rig_want(pn_svm_apic_base(&amd->vcpu[1], &rig->cpu[0], 0xFEE00801) == -EINVAL &&
			 pn_svm_apic_base(&amd->vcpu[1], &rig->cpu[0], 1ull << 52 | 0xFEE00800) ==
				 -EINVAL,
		 "P7", "reserved bits of the base are refused");
	rig_want(pn_svm_apic_base(&amd->vcpu[1], &rig->cpu[0], 0xFEE00400) < 0, "P7",
		 "x2APIC mode without an enabled APIC is refused");
	rig_want(!pn_svm_apic_base(&amd->vcpu[1], &rig->cpu[0], 0xFEE00000) && !slot(1), "P7",
		 "an APIC is disabled");
	rig_want(pn_svm_apic_base(&amd->vcpu[1], &rig->cpu[0], 0xFEE00C00) < 0, "P7",
		 "from disabled to x2APIC mode is refused");
	rig_want(!pn_svm_apic_base(&amd->vcpu[1], &rig->cpu[0], 0xFEE00800), "P7", "and enabled");
	rig_want(!pn_svm_apic_base(&amd->vcpu[1], &rig->cpu[0], 0xFED00800) &&
			 cause(PN_INHIBIT_APIC_BASE_MODIFIED),
		 "P7", "another base inhibits AVIC");
}

static void aliases(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .vcpus = 3, .xapic = true});
	rig->no_rest_check = true;
	px_thread("CPU 0", 0, ids, NULL);
}

/* ---- windows for ExtINT ---- */

static void windows(void *arg)
{
	struct pn_svm_vcpu *v = amd->vcpu;

	(void)arg;
	px_doing("vCPUs wait until they can take an ExtINT");
	pn_svm_irq_window(&v[0], &rig->cpu[0], true);
	pn_svm_irq_window(&v[1], &rig->cpu[0], true);
	pn_svm_irq_window(&v[1], &rig->cpu[0], true);
	rig_want(cause(PN_INHIBIT_IRQWIN), "P6", "AVIC is on, and a vCPU waits for a window");
	pn_svm_irq_window(&v[0], &rig->cpu[0], false);
	rig_want(cause(PN_INHIBIT_IRQWIN), "P6", "AVIC is on, and the other vCPU waits still");
	pn_svm_irq_window(&v[1], &rig->cpu[0], false);
	rig_want(!cause(PN_INHIBIT_IRQWIN), "P6", "nobody waits, and AVIC is off");
	pn_svm_nested(&v[0], &rig->cpu[0], true);
	rig_want(cause(PN_INHIBIT_NESTED) && !pn_svm_inhibits(&v[1].h), "P6",
		 "a nested guest inhibits AVIC of its vCPU alone");
	rig_want(amd->vm[0].raised[PN_INHIBIT_NESTED] == 1, "P6",
		 "the cause is counted as another");
	pn_svm_irq_window(&v[0], &rig->cpu[0], true);
	rig_want(!cause(PN_INHIBIT_IRQWIN), "P6", "a nested guest waits for no window");
	pn_svm_nested(&v[0], &rig->cpu[0], false);
	rig_want(!pn_svm_inhibits(&v[0].h) && pn_ld32(&v[0].h.requests) & PN_REQ_APICV_UPDATE, "P6",
		 "the vCPU is not told that its nested guest ended");
}

static void window(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .vcpus = 2});
	rig->no_rest_check = true;
	px_thread("CPU 0", 0, windows, NULL);
}

/* ---- the next kernel ---- */

static int init(unsigned n, const struct pn_iommus_config *cfg, struct pn_agent *self)
{
	return pn_iommus_init(&amd->iommus, amd->drv, n, cfg, &rig->os, &rig->bus, &rig->pages,
			      self);
}

static void refused_inits(struct pn_agent *self)
{
	struct pn_iommus_config cfg = {.notify = PN_NOTIFY_GALOG, .devids = RIG_DEVID + 1};

	rig_want(init(0, &cfg, self) == -EINVAL, "P7", "no IOMMU");
	cfg.galog_entries = 500;
	rig_want(init(1, &cfg, self) == -EINVAL, "P7", "a log of 500 entries");
	cfg.galog_entries = 0;
	cfg.devids = 0;
	rig_want(init(1, &cfg, self) == -EINVAL, "P7", "no device");
}

/* Each field of an entry of the device table is itself as 64 bits. */
static void device_entries(void)
{
	const struct pn_dte one[] = {
		{.iv = true},	     {.ig = true},
		{.initpass = true},  {.eintpass = true},
		{.nmipass = true},   {.lint0pass = true},
		{.lint1pass = true}, {.intctl = PN_INTCTL_REMAP},
		{.inttablen = 9},    {.root = 0x1234567890380ull & PN_DTE_ROOT_MASK},
	};

	for (unsigned i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		struct pn_dte d = one[i], back;

		d.iv = true;
		rig_want(!pn_dte_decode(pn_dte_encode(&d), true, &back) && back.iv &&
				 back.ig == d.ig && back.initpass == d.initpass &&
				 back.eintpass == d.eintpass && back.nmipass == d.nmipass &&
				 back.lint0pass == d.lint0pass && back.lint1pass == d.lint1pass &&
				 back.intctl == d.intctl && back.inttablen == d.inttablen &&
				 back.root == d.root,
			 "P7", "a field of a device's entry is another one");
	}
}

static void next_kernel(void *arg)
{
	const struct pn_iommus_config cfg = {
		.notify = PN_NOTIFY_GAPPI, .devids = RIG_DEVID + 1, .ga_apicid = 1};
	const struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .data = 0, .devid = RIG_DEVID};
	struct pn_agent *self = rig->cpu[0].agent;

	(void)arg;
	px_doing("another kernel brings the IOMMU up");
	memset(amd->ir, 0, sizeof(amd->ir)); /* it knows nothing of them */
	refused_inits(self);
	device_entries();
	rig_want(!init(1, &cfg, self), "P7", "the IOMMU does not come up");
	rig_want(pn_amdvi_msi(amd->iommu[0].vi, &msi) == PN_MSI_FORWARDED, "P6",
		 "an entry of the kernel before is in the cache");
	rig_want(!pn_amdvi_irt_create(&amd->drv[0], self, RIG_DEVID, 2) &&
			 !pn_amdvi_ir_init(&amd->ir[0].ir, &amd->drv[0], self, RIG_DEVID, 0, 1,
					   0x35),
		 "P7", "an entry cannot be set up");
	rig_want(pn_amdvi_msi(amd->iommu[0].vi, &msi) == PN_MSI_REMAPPED, "P4",
		 "an interrupt does not go by its entry");
	pn_iommus_disable(&amd->iommus, self);
	rig_want(pn_amdvi_msi(amd->iommu[0].vi, &msi) == PN_MSI_FORWARDED, "P6",
		 "the IOMMU is on after it was disabled");
}

static void second_kernel(bool broken)
{
	const struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .data = 0, .devid = RIG_DEVID};

	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GALOG});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	pn_amdvi_msi(amd->iommu[0].vi, &msi);
	rig->no_rest_check = true;
	px_thread("CPU 0", 0, next_kernel, NULL);
}

const struct case_setup pn_cases_amd_host[] = {
	{{"put-shows-nothing", "inferred", "a vCPU that is scheduled out is shown as running",
	  "put() changes table and entries", "P2", true, false},
	 PN_MISTAKE_PUT_SHOWS_NOTHING,
	 walk_gappi,
	 0},
	{{"log-not-asked", "inferred", "a vCPU blocks, and its entries do not ask for the log",
	  "GALogIntr = 1 while it blocks", "P2", true, false},
	 PN_MISTAKE_LOG_NOT_ASKED,
	 walk_galog,
	 0},
	{{"ids-aliased", "KVM, inferred", "two vCPUs get one logical ID, and AVIC goes on",
	  "AVIC is inhibited until the IDs differ", "P4", true, false},
	 PN_MISTAKE_ALIAS_UNSEEN,
	 aliases,
	 0},
	{{"window-first-closes", "inferred",
	  "the first vCPU that gets its window switches AVIC on for those that wait",
	  "the windows are counted", "P6", true, false},
	 PN_MISTAKE_WINDOW_FIRST,
	 window,
	 0},
	{{"dte-not-flushed", "48882, 2.4.2, inferred",
	  "a device gets its table, and the IOMMU keeps the entry without one",
	  "INVALIDATE_DEVTAB_ENTRY and COMPLETION_WAIT", "P4", true, false},
	 PN_MISTAKE_DTE_NO_FLUSH,
	 second_kernel,
	 0},
};

const unsigned pn_cases_amd_host_nr = sizeof(pn_cases_amd_host) / sizeof(pn_cases_amd_host[0]);
