/* SPDX-License-Identifier: MIT */
/*
 * The cases on Intel about IPIs that the host emulates, the affinity of an interrupt, faults, and
 * VMs that end or are saved.
 */
#include <stdio.h>

#include "cases_intel.h"
#include "vectors.h"

static void handles(unsigned cpu)
{
	px_handler(rig_text("CPU %u irq", cpu), (int)cpu, rig->vendor->handler, &rig->cpu[cpu]);
}

/* ---- IPIs by an exit ---- */

/* vCPU @n writes @icr, which exits; x2APIC. Its guest's APIC is not used otherwise. */
static void writes_icr(unsigned n, struct pn_host_cpu *c, uint64_t icr)
{
	struct pn_apicv *a = &intel->core[c->id].apicv;
	struct rig_vcpu *v = &rig->vcpu[n];
	struct pn_apicv_exit exit = {0};
	bool trap;

	pn_irq_off(c->agent);
	pn_vmx_enter(v->h, c);
	rig_intel_vmentry(v, c);
	trap = pn_apicv_wrmsr(a, PN_X2APIC_MSR + PN_APIC_ICRL / 16, icr, &exit) == PN_APICV_TRAP;
	rig_intel_vmexit(v, c);
	pn_irq_on(c->agent);
	if (!trap || exit.reason != PN_VMX_EXIT_APIC_WRITE || exit.qualification != PN_APIC_ICRL)
		px_fail("P7", "an IPI that the processor cannot send does not exit");
	pn_vmx_icr_exit(pn_vmx_of(v->h), c);
}

/* Logical destinations: vCPU 1; vCPUs 0 and 1. */
static void sends_both(void *arg)
{
	struct pn_host_cpu *c = &rig->cpu[2];
	uint8_t *due[3] = {rig_sends_to(&rig->vcpu[1], HIGH), rig_sends_to(&rig->vcpu[0], LOW),
			   rig_sends_to(&rig->vcpu[1], LOW)};

	(void)arg;
	px_doing("exit: an IPI to vCPU 1");
	writes_icr(2, c, 2ull << 32 | PN_ICR_LOGICAL | HIGH);
	rig_has_sent(due[0]);
	px_doing("exit: an IPI to vCPUs 0 and 1");
	writes_icr(2, c, 3ull << 32 | PN_ICR_LOGICAL | LOW);
	rig_has_sent(due[1]);
	rig_has_sent(due[2]);
}

void intel_ipi_exits(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 3, .ipiv = true});
	rig_fall_asleep(0, 0);
	rig_run_guest(1, 1, -1);
	rig_load(&rig->vcpu[2], &rig->cpu[2]);
	px_thread("vCPU 2", 2, sends_both, NULL);
	rig_run_handlers(2);
}

/* vCPU 0 was woken: it is not seen again. */
const char *intel_ipi_exits_check(void *arg, char *text, unsigned size)
{
	if (rig->vcpu[0].task.sleeping || !(pn_vmx_irr(rig->vcpu[0].h, LOW / 32) >> LOW % 32 & 1)) {
		snprintf(text, size, "vCPU 0 got no IPI, or sleeps on it");
		return "P1";
	}
	return rig_check(arg, text, size);
}

/* ---- affinity ---- */

/* CPU 1 takes no interrupts any more. */
static void moves_to_cpu_2(bool detach)
{
	struct pn_vtd_ir *ir = &intel->ir[0];

	px_doing("interrupt 0 moves to CPU 2");
	pn_vtd_ir_affinity(ir, rig->cpu[2].agent, 2, PN_VEC_DEVICE_FIRST);
	if (detach) {
		px_doing("takes interrupt 0 away from its vCPU");
		pn_vmx_pi_update(&intel->vmx.hyp, &ir->host, NULL, 0, &rig->cpu[2]);
	}
	rig_post(0);
}

static void affinity(void *arg)
{
	moves_to_cpu_2(arg != NULL);
}

void intel_affinity(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	rig_intel_attach(0, NULL, LOW);
	rig->vendor->post(0); /* the entry is in the unit's cache */
	rig->ir[0].due = 0;
	rig->ir[0].target = &rig->vcpu[0];
	rig_run_guest(0, 0, -1);
	px_thread("affinity", 2, affinity, NULL);
	handles(0);
	handles(2);
}

void intel_affinity_posted(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	rig_intel_attach(0, &rig->vcpu[0], LOW);
	rig_run_guest(0, 0, -1);
	px_thread("affinity", 2, affinity, rig);
	handles(0);
	handles(2);
}

/* ---- faults ---- */

/* Requests for entries that are not present. */
static void bad_requests(void *arg)
{
	struct pn_msi msi = {.devid = RIG_DEVID};

	(void)arg;
	for (unsigned i = 0; i < 3; i++) {
		px_doing("MSI without an entry");
		pn_vtd_msi_encode((uint16_t)(i + 1), 0, &msi.addr, &msi.data);
		px_device_enter(&intel->busy);
		if (pn_vtd_msi(intel->vtd, &msi) != PN_MSI_ABORTED)
			px_fail("P7", "a request without an entry is not blocked");
		px_device_leave(&intel->busy);
	}
}

void intel_faults(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true});
	px_thread("IOMMU 0", -1, bad_requests, NULL);
	handles(2);
}

const char *intel_faults_check(void *arg, char *text, unsigned size)
{
	const struct pn_vtd_drv *d = &intel->drv;

	(void)arg;
	if (d->faults == 3 && d->last_fault.reason == PN_VTD_FAULT_NOT_PRESENT &&
	    d->last_fault.index == 3 && d->last_fault.sid == RIG_DEVID)
		return NULL;
	snprintf(text, size, "3 requests were blocked, and the host has read %u fault records",
		 (unsigned)d->faults);
	return "P7";
}

/* ---- the end of a VM ---- */

static void destroyer(void *arg)
{
	(void)arg;
	px_doing("the VM ends");
	pn_vmx_vm_destroy(&intel->vm.h, rig->cpu[2].agent);
	px_doing("its memory is freed");
	for (unsigned i = 0; i < 2; i++)
		px_kill(intel->vcpu[i].pid, sizeof(struct pn_pid), "P6",
			"the descriptor of a VM that has ended");
	for (unsigned i = 0; i < 3; i++)
		rig_post(i);
}

/* Its vCPUs are asleep when it ends. */
void intel_destroyed(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 2, .ipiv = true});
	for (unsigned i = 0; i < 3; i++) {
		rig_intel_attach(i, &rig->vcpu[i / 2], LOW);
		rig->vendor->post(i); /* the entry is in the unit's cache */
		rig->ir[i].target = NULL;
	}
	for (unsigned i = 0; i < 2; i++) {
		rig_load(&rig->vcpu[i], &rig->cpu[i]);
		rig_ops()->blocking(rig->vcpu[i].h, &rig->cpu[i]);
		rig_put(&rig->vcpu[i], &rig->cpu[i], false);
	}
	rig->no_rest_check = true;
	px_thread("destroy", 2, destroyer, NULL);
	rig_run_posts(0, rig_second_only);
	rig_run_handlers(2);
}

const char *intel_destroyed_check(void *arg, char *text, unsigned size)
{
	(void)arg;
	for (unsigned i = 0; i < RIG_CPUS; i++) {
		if (pn_list_empty(&rig->cpu[i].wake_list))
			continue;
		snprintf(text, size, "a vCPU of a VM that has ended is on the list of CPU %u", i);
		return "P3";
	}
	for (unsigned i = 0; i < 3; i++) {
		if (!intel->ir[i].posted && !intel->ir[i].host.vcpu)
			continue;
		snprintf(text, size, "interrupt %u belongs to a VM that has ended", i);
		return "P6";
	}
	for (unsigned i = 0; i < 2; i++) {
		if (!intel->vm.pid_table[i] && intel->vcpu[i].pid->control & PN_PID_SN)
			continue;
		snprintf(text, size, "processors could post to vCPU %u, whose VM has ended", i);
		return "P6";
	}
	return NULL;
}

/* ---- a vCPU is saved ---- */

static void saver(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[0];

	px_doing("stops");
	rig_put(v, c, true);
	px_doing("its device is taken away");
	pn_vmx_pi_update(&intel->vmx.hyp, &intel->ir[0].host, NULL, 0, c);
	px_doing("saves what is pending");
	intel->saved = pn_vmx_irr(v->h, HIGH / 32);
}

void intel_saved(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	rig_intel_attach(0, &rig->vcpu[0], HIGH);
	rig->ir[0].target = NULL; /* what the host takes later belongs to whoever restores */
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
	px_thread("vCPU 0", 0, saver, &rig->vcpu[0]);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(2);
}

const char *intel_saved_check(void *arg, char *text, unsigned size)
{
	(void)arg;
	if (!(rig->vcpu[0].due[HIGH] & RIG_OWED) || intel->saved >> HIGH % 32 & 1)
		return NULL;
	snprintf(text, size, "vector 0x%02x was posted and not saved", HIGH);
	return "P4";
}

/* ---- routes ---- */

static void changes_id(void *arg)
{
	(void)arg;
	px_doing("the guest changes a logical ID");
	for (uint32_t off = 0; off < 0x400; off += 16)
		if (off != PN_APIC_LDR)
			rig_want(pn_vmx_apic_trap(pn_vmx_of(rig->vcpu[1].h), &rig->cpu[1], off) ==
					 (off == PN_APIC_ID || off == PN_APIC_DFR ||
					  off == PN_APIC_SVR),
				 "P4", "a write that changes whom messages reach is not noticed");
	pn_vmx_apic_trap(pn_vmx_of(rig->vcpu[1].h), &rig->cpu[1], PN_APIC_LDR);
}

static void clears_route(void *arg)
{
	(void)arg;
	px_doing("the producer of interrupt 0 goes");
	pn_host_route_clear(rig->vm, &rig->ir[0].route, &rig->cpu[2]);
}

void intel_producer(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 2});
	rig_intel_attach(0, NULL, LOW);
	pn_host_route_set(rig->vm, &rig->ir[0].route, &intel->ir[0].host, PN_MSI_ADDR_BASE, LOW,
			  &rig->cpu[0]);
	rig_load(&rig->vcpu[1], &rig->cpu[1]);
	rig_run_guest(0, 0, -1);
	px_thread("vCPU 1", 1, changes_id, NULL);
	px_thread("producer", 2, clears_route, NULL);
	rig_run_handlers(1);
}

const char *intel_producer_check(void *arg, char *text, unsigned size)
{
	if (intel->ir[0].posted) {
		snprintf(text, size, "interrupt 0 has no producer, and its entry posts");
		return "P6";
	}
	return rig_check(arg, text, size);
}
