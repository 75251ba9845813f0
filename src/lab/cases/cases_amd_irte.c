/* SPDX-License-Identifier: MIT */
/*
 * Cases of the remapping entries and of the driver on AMD that are no text: interrupts without an
 * entry, affinity, memory that goes away, the next kernel, producers that go.
 */
#include <stdio.h>

#include "case_setup.h"
#include "rig_amd.h"

/* ---- entries that change ---- */

static void take_away(unsigned index, unsigned cpu)
{
	px_doing(rig_text("takes interrupt %u away", index));
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[index].ir.host, NULL, 0, &rig->cpu[cpu]);
}

static void no_entry(void *arg)
{
	int r = pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, rig->vcpu[0].h, 0x41,
				 &rig->cpu[2]);

	(void)arg;
	if (!r)
		px_fail("P7", "an interrupt that has no entry is posted");
}

/* An interrupt without an entry: its device table entry has no table. */
static void without_entry(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK});
	amd->ir[0].ir.drv = &amd->drv[0];
	pn_list_init(&amd->ir[0].ir.host.node);
	rig_run_vcpu(0, 0, -1);
	px_thread("affinity", 2, no_entry, NULL);
	rig_run_handlers(1);
}

/* ---- affinity ---- */

static void affinity(void *arg)
{
	px_doing("the interrupt gets another CPU and vector");
	pn_amdvi_ir_affinity(&amd->ir[0].ir, rig->cpu[1].agent, 2, RIG_AMD_MOVED);
	if (arg)
		take_away(0, 1);
	amd->moved = true;
	rig_set_flag();
}

/* Asleep; the host's handler injects. */
static void wakes_once(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[v->cpu];

	px_sleep(&v->task.sleeping, "the vCPU's task");
	rig_load(v, c);
	pn_svm_unblocking(v->h, c);
	rig->vendor->guest(v, c);
}

/* A message that goes nowhere: it leaves the entry in the IOMMU's cache. */
static void cache_entry(unsigned index)
{
	const struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .data = index, .devid = RIG_DEVID};

	amd->iommu[0].bus.intr = NULL;
	pn_amdvi_msi(amd->iommu[0].vi, &msi);
	amd->iommu[0].bus.intr = rig->bus.intr;
}

static void affinity_machine(bool posted)
{
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK});
	rig_amd_attach(0, 0, posted ? &rig->vcpu[0] : NULL, 0x41);
	if (!posted)
		cache_entry(0);
	rig->ir[0].target = &rig->vcpu[0];
	rig_fall_asleep(0, 0);
	px_thread("vCPU 0", 0, wakes_once, &rig->vcpu[0]);
	px_thread("affinity", 1, affinity, posted ? rig : NULL);
	rig_run_late_posts(rig_first_only);
	rig_run_handlers(3);
}

static void affinity_cached(bool broken)
{
	(void)broken;
	affinity_machine(false);
}

static void affinity_posted(bool broken)
{
	(void)broken;
	affinity_machine(true);
}

/* ---- memory that goes ---- */

static void destroyer(void *arg)
{
	(void)arg;
	px_doing("the VM is destroyed");
	pn_svm_vm_destroy(&amd->vm[0].h, rig->cpu[2].agent);
	px_doing("its memory is freed");
	px_kill(rig->vcpu[0].h->page, 4096, "P6", "the vAPIC page");
	px_kill(&amd->vcpu[0], sizeof(amd->vcpu[0]), "P6", "the vCPU");
}

static void destroy_logged(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GALOG});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_fall_asleep(0, 0);
	rig_post(0);
	/* The log's thread is about to read the entry. */
	amd->iommu[0].log.sleeping = 0;
	rig->vcpu[0].task.sleeping = 0;
	pn_svm_unblocking(rig->vcpu[0].h, &rig->cpu[0]);
	pn_svm_put(rig->vcpu[0].h, &rig->cpu[0], false);
	rig->no_rest_check = true;
	px_thread("destroy", 2, destroyer, NULL);
	rig_amd_run_log(0, 1);
	rig_run_handlers(2);
}

static void kexec(void *arg)
{
	(void)arg;
	px_doing("kexec");
	pn_iommus_disable(&amd->iommus, rig->cpu[1].agent);
	px_doing("the next kernel uses the memory");
	px_kill(rig->vcpu[0].h->page, 4096, "P6", "memory of the kernel before");
	rig_set_flag();
}

static void kexec_entries(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_post(0);
	rig->no_rest_check = true;
	px_thread("kexec", 1, kexec, NULL);
	rig_run_late_posts(rig_first_only);
	rig_run_handlers(1);
}

/* ---- routes ---- */

static void reroute(void *arg)
{
	(void)arg;
	px_doing("the guest routes interrupt 0 to vCPU 1");
	pn_host_route_set(rig->vm, &rig->ir[0].route, &amd->ir[0].ir.host,
			  PN_MSI_ADDR_BASE | 1u << 12, 0x41, &rig->cpu[1]);
}

static void unplug(void *arg)
{
	(void)arg;
	px_doing("the producer of interrupt 0 is removed");
	pn_host_route_clear(rig->vm, &rig->ir[0].route, &rig->cpu[2]);
}

static const char *check_route(void *arg, char *text, unsigned size)
{
	const struct rig_ir *ir = &rig->ir[0];

	if (!ir->route.entry && ir->entry->vcpu) {
		snprintf(text, size, "interrupt 0 has no route, and its entry posts to a vCPU");
		return "P6";
	}
	return rig_check(arg, text, size);
}

static void producer(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .vcpus = 2, .moving = true});
	rig_amd_attach(0, 0, NULL, 0x41);
	rig_watch_list(&rig->vm->routes, &rig->vm->routes_lock, "routes of the VM");
	pn_host_route_set(rig->vm, &rig->ir[0].route, &amd->ir[0].ir.host, PN_MSI_ADDR_BASE, 0x41,
			  &rig->cpu[0]);
	px_thread("route", 1, reroute, NULL);
	px_thread("unplug", 2, unplug, NULL);
}

const struct case_setup pn_cases_amd_irte[] = {
	{{"affinity-without-entry", "Linux 07172206a26d",
	  "an interrupt that has no remapping entry is given to a vCPU", "-EINVAL", "P6", false,
	  false},
	 PN_MISTAKE_NO_ENTRY,
	 without_entry,
	 0},
	{{"affinity-without-flush", "inferred",
	  "an interrupt moves to another CPU, and the IOMMU keeps the old entry in its cache",
	  "INVALIDATE_INTERRUPT_TABLE and COMPLETION_WAIT", "P6", true, false},
	 PN_MISTAKE_AFFINITY_NO_FLUSH,
	 affinity_cached,
	 0},
	{{"affinity-while-posted", "inferred",
	  "the affinity of an interrupt that is posted is forgotten: later it goes to the old CPU",
	  "it is remembered for the remapped form", "P6", true, false},
	 PN_MISTAKE_AFFINITY_FORGOTTEN,
	 affinity_posted,
	 0},
	{{"destroy-while-logged", "inferred",
	  "a log entry of a VM that is destroyed finds its vCPU by the tag",
	  "the tag's VM goes first, under the lock of the look-up", "P6", true, false},
	 PN_MISTAKE_TAG_OF_DEAD_VM,
	 destroy_logged,
	 0},
	{{"guest-entries-over-kexec", "inferred",
	  "the IOMMU stays on with entries in guest mode: it writes into the next kernel's memory",
	  "IommuEn is cleared, too", "P6", true, false},
	 PN_MISTAKE_KEXEC_KEEPS_ENTRIES,
	 kexec_entries,
	 0},
	{{"producer-during-route-update", "KVM f1fb088d9cec",
	  "a producer is removed without the lock of the routes, while one of them changes",
	  "both under the lock", "P6", false, false},
	 PN_MISTAKE_ROUTE_UNLOCKED,
	 producer,
	 0,
	 false,
	 check_route},
};

const unsigned pn_cases_amd_irte_nr = sizeof(pn_cases_amd_irte) / sizeof(pn_cases_amd_irte[0]);
