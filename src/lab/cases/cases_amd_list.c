/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on AMD: two vCPUs on a wakeup list, from the handler to the end of their VM;
 * and VMs for which there is not enough memory.
 */
#include <errno.h>

#include "case_setup.h"
#include "rig_amd.h"

static void handler(void)
{
	pn_irq_off(rig->cpu[0].agent);
	pn_svm_wakeup_irq(&amd->svm.hyp, &rig->cpu[0]);
	pn_irq_on(rig->cpu[0].agent);
}

/* The handler runs, with bits in the IRRs of @pending; and then those vCPUs are awake. */
static void wakes(unsigned pending, unsigned spurious, const char *what)
{
	const struct pn_host_cpu *c = &rig->cpu[0];
	const uint64_t irqs = c->wake_irqs, scanned = c->wake_scanned;

	for (unsigned n = 0; n < 2; n++) {
		rig->vcpu[n].task.sleeping = 1;
		rig->vcpu[n].h->woken = 0;
		if (pending >> n & 1)
			pn_vapic_set(rig->vcpu[n].h->page, PN_APIC_IRR, (uint8_t)(0xF1 - 0x90 * n));
	}
	handler();
	for (unsigned n = 0; n < 2; n++) {
		rig_want(rig->vcpu[n].task.sleeping != (pending >> n & 1), "P1", what);
		pn_vapic_clear(rig->vcpu[n].h->page, PN_APIC_IRR, (uint8_t)(0xF1 - 0x90 * n));
	}
	rig_want(c->wake_irqs == irqs + 1 && c->wake_scanned == scanned + 2 &&
			 c->wake_spurious == spurious,
		 "P7", "what the handler counts");
	rig_want(!c->wake_lock.held && !c->in_handler, "P6", "after the handler");
}

static void handles(void)
{
	px_doing("the wakeup vector arrives");
	wakes(0, 1, "a vCPU without an interrupt is woken");
	wakes(2, 1, "the second of a list");
	wakes(3, 1, "both of a list");
	wakes(1, 1, "the first of a list");
}

static bool posts(unsigned i, bool gappi)
{
	const struct pn_amdvi_ir *ir = &amd->ir[i].ir;
	struct pn_irte f;

	return !pn_irte128_decode(*ir->irte, true, gappi, &f) && f.guestmode && ir->guest_mode;
}

static void switches(void)
{
	px_doing("the host uses the log instead of GAPPI");
	rig_want(!pn_svm_switch_notify(&amd->svm, &rig->cpu[1], PN_NOTIFY_GALOG), "P6",
		 "the switch is refused");
	for (unsigned i = 0; i < 3; i++)
		rig_want(posts(i, false), "P6", "an entry does not post after the switch");
	for (unsigned n = 0; n < 2; n++)
		rig_want(!amd->vcpu[n].on_list && !amd->vcpu[n].hold, "P6",
			 "a vCPU is on a list that nobody scans, or is held");
	px_doing("and GAPPI again");
	rig_want(!pn_svm_switch_notify(&amd->svm, &rig->cpu[1], PN_NOTIFY_GAPPI), "P6",
		 "the switch back is refused");
	for (unsigned i = 0; i < 3; i++)
		rig_want(posts(i, true), "P6", "an entry does not post after the switch back");
	for (unsigned n = 0; n < 2; n++)
		rig_want(amd->vcpu[n].on_list && !amd->vcpu[n].hold, "P6",
			 "a vCPU that sleeps is on no list");
}

static void destroys(void)
{
	px_doing("the VM goes");
	pn_svm_vm_destroy(rig->vm, rig->cpu[1].agent);
	for (unsigned i = 0; i < 3; i++)
		rig_want(!amd->ir[i].ir.guest_mode && !posts(i, true) && !amd->ir[i].ir.host.vcpu,
			 "P6", "an entry posts to a VM that has gone");
	for (unsigned n = 0; n < 2; n++)
		rig_want(!amd->vcpu[n].on_list && !*amd->vcpu[n].phys_entry &&
				 !amd->vcpu[n].ir_lock.held,
			 "P6", "a vCPU outlives its VM");
	handler();
	rig_want(rig->cpu[0].wake_spurious == 2, "P6", "the list of a VM that has gone");
}

/* With each number of pages less than enough. */
static void no_memory(void)
{
	int r = -ENOMEM;

	px_doing("makes a VM with too little memory");
	for (unsigned n = 0; n < 16 && r; n++) {
		struct pn_pages few = rig->pages;

		few.end = few.next + n * 4096ull < few.end ? few.next + n * 4096ull : few.end;
		r = pn_svm_vm_init(&amd->svm, &amd->vm[1], &amd->vcpu[2], 1, true, true, 0, &few);
		rig_want(r == -ENOMEM || (!r && n), "P7", "a VM without memory");
	}
	rig_want(!r, "P7", "a VM is refused for ever");
}

static void lives(void *arg)
{
	(void)arg;
	handles();
	switches();
	no_memory();
	destroys();
}

static void life(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .vcpus = 2, .moving = true});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 0, &rig->vcpu[1], 0x91);
	rig_amd_attach(2, 0, &rig->vcpu[1], 0x51);
	rig_fall_asleep(0, 0);
	rig_fall_asleep(1, 0);
	rig->no_rest_check = true;
	px_thread("CPU 1", 1, lives, NULL);
}

const struct case_setup pn_cases_amd_list[] = {
	{{"life-of-a-list", "inferred", "the wakeup handler wakes the first vCPU of its list only",
	  "every vCPU of the list whose IRR is not empty", "P1", true, false},
	 PN_MISTAKE_SCAN_FIRST_ONLY,
	 life,
	 0},
};

const unsigned pn_cases_amd_list_nr = sizeof(pn_cases_amd_list) / sizeof(pn_cases_amd_list[0]);
