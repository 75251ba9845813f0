/* SPDX-License-Identifier: MIT */
/*
 * Cases with races on Intel that need what no operation of a text has: a unit that is switched off
 * while an invalidation waits, and agents that ask one vCPU for different things at once.
 */
#include <stdio.h>

#include "cases_intel.h"
#include "postern/vtd_regs.h"

/* ---- the unit is switched off ---- */

static struct pn_mmio through; /* the rig's */

static uint64_t reads(void *ctx, uint32_t off, unsigned size)
{
	(void)ctx;
	return through.read(through.ctx, off, size);
}

/* The tail has moved: the wait begins. */
static void writes(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	(void)ctx;
	through.write(through.ctx, off, size, value);
	if (off == PN_VTD_IQT)
		pn_xchg32(&rig->flag, 0); /* pairs with switches_off() */
}

static void invalidates(void *arg)
{
	(void)arg;
	px_doing("invalidates entry 0, and waits");
	pn_vtd_drv_flush(&intel->drv, rig->cpu[0].agent, 0);
}

static void switches_off(void *arg)
{
	px_sleep(&rig->flag, "the driver, that something was queued");
	px_doing("switches the unit off");
	if (arg)
		pn_vtd_write(intel->vtd, PN_VTD_GCMD, 4, 0);
	else
		pn_vtd_drv_disable(&intel->drv, rig->cpu[1].agent);
}

void intel_off_while_waiting(bool broken)
{
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true});
	through = intel->drv.mmio;
	intel->drv.mmio = (struct pn_mmio){NULL, reads, writes};
	rig->flag = 1;
	rig_intel_run_queue();
	px_thread("CPU 0", 0, invalidates, NULL);
	px_thread("CPU 1", 1, switches_off, broken ? rig : NULL);
}

const char *intel_off_while_waiting_check(void *arg, char *text, unsigned size)
{
	uint64_t gsts = 0;

	(void)arg;
	pn_vtd_read(intel->vtd, PN_VTD_GSTS, 4, &gsts);
	if (*intel->drv.status == intel->drv.seq && !(gsts & (PN_VTD_G_QIE | PN_VTD_G_IRE)) &&
	    !intel->drv.lock.held)
		return NULL;
	snprintf(text, size, "the queue is off, and an invalidation waits for its end");
	return "P6";
}

/* ---- requests ---- */

/* vCPU 0 sleeps on the list of CPU 2, and its own context does nothing. */
static void goes(void *arg)
{
	(void)arg;
	px_doing("CPU 2 goes");
	pn_vmx_cpu_offline(rig->hyp, &rig->cpu[2], &rig->cpu[0]);
	px_doing("the I/O APIC changes");
	pn_vmx_ioapic_changed(rig->vm, &rig->cpu[0]);
}

static void inhibits(void *arg)
{
	(void)arg;
	px_doing("APICv is inhibited");
	pn_vmx_inhibit(rig->vm, &rig->cpu[1], PN_INHIBIT_IRQWIN, true);
	px_doing("vCPU 1 gets an interrupt: the VM's first");
	pn_vmx_pi_update(rig->hyp, &intel->ir[0].host, rig->vcpu[1].h, LOW, &rig->cpu[1]);
}

/* vCPU 1 handles what it was asked for, some time. */
static void handles(void *arg)
{
	struct rig_vcpu *v = arg;

	px_doing("vCPU 1 unblocks, and enters its guest");
	pn_vmx_unblocking(v->h, &rig->cpu[1]);
	pn_vmx_enter(v->h, &rig->cpu[1]);
	pn_vmx_leave(v->h, &rig->cpu[1]);
}

/* An interrupt for vCPU 2, whose APICv is off. */
static void injects(void *arg)
{
	(void)arg;
	px_doing("the host injects to vCPU 2");
	pn_vmx_inject(rig->vcpu[2].h, &rig->cpu[0], HIGH, PN_WAKE_NOTIFY);
	px_doing("vCPU 2 ends the last level of an old entry");
	pn_vmx_eoi_exit(&intel->vcpu[2], &rig->cpu[2], LOW);
}

void intel_requests(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 3});
	rig_intel_attach(0, NULL, LOW);
	intel->vm.assigned = 1;
	rig_fall_asleep(0, 2);
	intel->vm.assigned = 0;
	pn_vmx_load(rig->vcpu[1].h, &rig->cpu[1]);
	pn_vmx_load(rig->vcpu[2].h, &rig->cpu[2]);
	rig->vcpu[2].h->apicv = 0;
	intel->vcpu[2].stale_eoi = LOW;
	pn_vapic_set(rig->vcpu[2].h->page, PN_APIC_TMR, LOW);
	px_thread("CPU 0", 0, goes, NULL);
	px_thread("CPU 1", 1, inhibits, NULL);
	px_thread("vCPU 1", -1, handles, &rig->vcpu[1]);
	px_thread("device", -1, injects, NULL);
}

const char *intel_requests_check(void *arg, char *text, unsigned size)
{
	const uint32_t all = PN_REQ_UNBLOCK | PN_REQ_APICV_UPDATE | PN_REQ_SCAN_IOAPIC;
	const struct pn_host_vcpu *one = rig->vcpu[1].h;

	(void)arg;
	snprintf(text, size, "a request was lost: %x, %x, %x", rig->vcpu[0].h->requests,
		 one->requests, rig->vcpu[2].h->requests);
	if (rig->vcpu[0].h->requests != all)
		return "P6";
	if (rig->vcpu[2].h->requests != (all | PN_REQ_EVENT))
		return "P6";
	if (one->apicv && !(one->requests & PN_REQ_APICV_UPDATE))
		return "P6";
	return one->requests & ~all ? "P6" : NULL;
}

/* ---- numbers that are given out ---- */

#define MEMORY	    0x1000000u
#define MEMORY_SIZE 8192u

/* Of each agent. */
static struct numbers {
	struct pn_bus memory;
	struct pn_vmx_vm vm;
	struct pn_vmx_vcpu vcpu;
	int entry;
	bool plain;
} * numbers;

static void takes_numbers(void *arg)
{
	struct numbers *n = arg;
	struct pn_pages pages;

	px_doing("makes a VM, and takes an entry");
	pn_pages_init(&pages, &n->memory, MEMORY, MEMORY_SIZE);
	pn_vmx_vm_init(&intel->vmx, &n->vm, &n->vcpu, 1, 0, true, 0, &pages);
	if (n->plain) {
		n->entry = (int)pn_ld32(&intel->drv.next_index);
		pn_st32(&intel->drv.next_index, (uint32_t)n->entry + 1);
	} else {
		n->entry = pn_vtd_drv_alloc(&intel->drv, 1);
	}
}

void intel_numbers(bool broken)
{
	rig_intel_build(&(struct rig_intel_conf){0});
	numbers = px_alloc(2 * sizeof(*numbers), 64);
	for (unsigned i = 0; i < 2; i++) {
		numbers[i].memory = (struct pn_bus){.ram = px_alloc(MEMORY_SIZE, 4096),
						    .ram_base = MEMORY,
						    .ram_size = MEMORY_SIZE};
		numbers[i].plain = broken && i;
		px_thread(rig_text("CPU %u", i), (int)i, takes_numbers, &numbers[i]);
	}
}

const char *intel_numbers_check(void *arg, char *text, unsigned size)
{
	(void)arg;
	if (numbers[0].vm.h.id + numbers[1].vm.h.id == 5 &&
	    numbers[0].vm.h.id != numbers[1].vm.h.id && numbers[0].entry + numbers[1].entry == 1 &&
	    intel->drv.next_index == 2)
		return NULL;
	snprintf(text, size, "VMs %u and %u, entries %d and %d", numbers[0].vm.h.id,
		 numbers[1].vm.h.id, numbers[0].entry, numbers[1].entry);
	return "P6";
}
