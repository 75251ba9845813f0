/* SPDX-License-Identifier: MIT */
/*
 * Cases with races on AMD that need what no operation of a text has: agents that open windows,
 * write APIC IDs, and ask one vCPU for different things at once.
 */
#include <stdio.h>

#include "case_setup.h"
#include "rig_amd.h"

static bool is_broken;

/* ---- windows for ExtINT ---- */

static void opens_and_closes(void *arg)
{
	struct pn_host_cpu *c = arg;

	px_doing("opens the window of vCPU 0, and closes it");
	pn_svm_irq_window(&amd->vcpu[0], c, true);
	pn_svm_irq_window(&amd->vcpu[0], c, false);
}

static void opens(void *arg)
{
	px_doing("opens the windows of both vCPUs");
	pn_svm_irq_window(&amd->vcpu[0], arg, true);
	pn_svm_irq_window(&amd->vcpu[1], arg, true);
}

static void windows(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .vcpus = 2});
	px_thread("CPU 0", 0, opens_and_closes, &rig->cpu[0]);
	px_thread("CPU 1", 1, opens, &rig->cpu[1]);
}

static const char *check_windows(void *arg, char *text, unsigned size)
{
	const struct pn_svm_vm *vm = &amd->vm[0];
	unsigned waiting = amd->vcpu[0].irq_window + amd->vcpu[1].irq_window;

	(void)arg;
	snprintf(text, size, "%u vCPUs wait for a window, and %u are counted", waiting,
		 vm->irq_windows);
	if (waiting == vm->irq_windows && !(vm->h.inhibits >> PN_INHIBIT_IRQWIN & 1) == !waiting)
		return NULL;
	return "P6";
}

/* ---- IDs ---- */

static void moves_its_id(void *arg)
{
	struct pn_svm_vcpu *v = arg;

	px_doing("the guest writes the logical ID of its APIC");
	if (is_broken)
		pn_vapic_write(v->h.page, PN_APIC_LDR, 4u << v->h.idx << 24);
	else
		pn_svm_apic_write(v, &rig->cpu[v->h.idx], PN_APIC_LDR, 4u << v->h.idx << 24);
}

static void ids(bool broken)
{
	is_broken = broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .vcpus = 2, .xapic = true});
	px_thread("vCPU 0", 0, moves_its_id, &amd->vcpu[0]);
	px_thread("vCPU 1", 1, moves_its_id, &amd->vcpu[1]);
}

static const char *check_ids(void *arg, char *text, unsigned size)
{
	const uint32_t *table = amd->vm[0].log_table;

	(void)arg;
	snprintf(text, size, "the logical IDs are 4 and 8, and the table has %x, %x, %x, %x",
		 table[0], table[1], table[2], table[3]);
	if (!table[0] && !table[1] && table[2] == PN_AVIC_LOG_VALID &&
	    table[3] == (PN_AVIC_LOG_VALID | 1) && !amd->vm[0].h.inhibits)
		return NULL;
	return "P4";
}

/* ---- requests ---- */

/* vCPU 0's own context: its APIC is switched off; it enters, and handles what it was asked for. */
static void own(void *arg)
{
	struct pn_host_vcpu *h = arg;

	px_doing("vCPU 0 switches its APIC off");
	pn_svm_apic_base(&amd->vcpu[0], &rig->cpu[0], 0xFEE00000);
	px_doing("vCPU 0 enters its guest");
	pn_svm_enter(h, &rig->cpu[0]);
	pn_svm_leave(h, &rig->cpu[0]);
	px_doing("vCPU 0 unblocks");
	pn_svm_unblocking(h, &rig->cpu[0]);
}

static void inhibits(void *arg)
{
	px_doing("AVIC is inhibited");
	pn_svm_inhibit(rig->vm, arg, PN_INHIBIT_HYPERV, true);
}

/* vCPU 1, whose AVIC is off, is asked for three things; its own context does nothing. */
static void injects(void *arg)
{
	px_doing("the host injects to vCPU 1");
	pn_svm_inject(rig->vcpu[1].h, arg, 0x41, PN_WAKE_NOTIFY);
	px_doing("the host sends an NMI to all");
	if (is_broken) {
		pn_st32(&rig->vcpu[1].h->requests,
			pn_ld32(&rig->vcpu[1].h->requests) | PN_REQ_UNBLOCK);
		return;
	}
	pn_host_ipi_emulate(rig->vm, rig->vcpu[0].h, arg,
			    (uint64_t)PN_ICR_SH_ALL << 18 | (uint64_t)PN_DM_NMI << 8);
}

static void requests(bool broken)
{
	is_broken = broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .vcpus = 2, .xapic = true});
	pn_svm_load(rig->vcpu[0].h, &rig->cpu[0]);
	pn_svm_load(rig->vcpu[1].h, &rig->cpu[2]);
	rig->vcpu[1].h->apicv = 0;
	px_thread("vCPU 0", 0, own, rig->vcpu[0].h);
	px_thread("CPU 1", 1, inhibits, &rig->cpu[1]);
	px_thread("CPU 2", 2, injects, &rig->cpu[2]);
}

static const char *check_requests(void *arg, char *text, unsigned size)
{
	const struct pn_host_vcpu *one = rig->vcpu[1].h, *own_one = rig->vcpu[0].h;

	(void)arg;
	snprintf(text, size, "a request was lost: %x, %x", own_one->requests, one->requests);
	if (one->requests != (PN_REQ_UNBLOCK | PN_REQ_APICV_UPDATE | PN_REQ_EVENT))
		return "P6";
	return own_one->apicv && !(own_one->requests & PN_REQ_APICV_UPDATE) ? "P6" : NULL;
}

/* ---- numbers of VMs ---- */

static struct maker {
	struct pn_pages pages;
	struct pn_svm_vm vm;
	struct pn_svm_vcpu vcpu;
} * makers;

static void makes(void *arg)
{
	struct maker *m = arg;

	px_doing("makes a VM");
	rig_want(!pn_svm_vm_init(&amd->svm, &m->vm, &m->vcpu, 1, true, true, 0, &m->pages), "P7",
		 "a VM cannot be made");
}

#define MAKER_RAM (16u << 10)

static void vms(bool broken)
{
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE});
	makers = px_alloc(2 * sizeof(*makers), 64);
	for (unsigned i = 0; i < 2; i++) {
		pn_pages_init(&makers[i].pages, &rig->bus,
			      rig->bus.ram_base + rig->bus.ram_size - (i + 1) * MAKER_RAM,
			      broken && i ? 4096 : MAKER_RAM);
		px_thread(rig_text("CPU %u", i), (int)i, makes, &makers[i]);
	}
}

static const char *check_vms(void *arg, char *text, unsigned size)
{
	(void)arg;
	snprintf(text, size, "two VMs have the numbers %u and %u", makers[0].vm.h.id,
		 makers[1].vm.h.id);
	for (unsigned i = 0; i < 2; i++)
		if (pn_svm_by_tag(&amd->svm, pn_svm_ga_tag(&makers[i].vcpu)) != &makers[i].vcpu)
			return "P6";
	return makers[0].vm.h.id == makers[1].vm.h.id ? "P6" : NULL;
}

const struct case_setup pn_cases_amd_race[] = {
	{{"windows-at-once", "inferred",
	  "the first vCPU that gets its window switches AVIC on for those that wait",
	  "windows are counted under the lock, each once", "P6", true, false},
	 PN_MISTAKE_WINDOW_FIRST,
	 windows,
	 0,
	 false,
	 check_windows},
	{{"ids-at-once", "inferred", "the table does not follow the registers",
	  "it does, under the lock", "P4", true, false},
	 PN_MISTAKE_NONE,
	 ids,
	 0,
	 false,
	 check_ids},
	{{"requests-of-several", "inferred", "an agent asks by a load and a store",
	  "each sets and clears its bits of the requests by one locked access", "P6", true, false},
	 PN_MISTAKE_NONE,
	 requests,
	 0,
	 false,
	 check_requests},
	{{"vms-at-once", "inferred", "there is no memory for one of two VMs",
	  "each gets a number of its own, under the lock", "P7", true, false},
	 PN_MISTAKE_NONE,
	 vms,
	 0,
	 false,
	 check_vms},
};

const unsigned pn_cases_amd_race_nr = sizeof(pn_cases_amd_race) / sizeof(pn_cases_amd_race[0]);
