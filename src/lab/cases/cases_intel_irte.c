/* SPDX-License-Identifier: MIT */
/* Cases on Intel about remapping entries that are no text: torn, late, absent, over kexec. */
#include "cases_intel.h"

static int pi_update(unsigned index, struct rig_vcpu *v, uint8_t vector, unsigned cpu)
{
	return pn_vmx_pi_update(&intel->vmx.hyp, &intel->ir[index].host, v ? v->h : NULL, vector,
				&rig->cpu[cpu]);
}

/* ---- the entry changes ---- */

static void retargeter(void *arg)
{
	(void)arg;
	px_doing("changes the vector of interrupt 0");
	pi_update(0, &rig->vcpu[0], OWN, 1);
	rig->ir[0].vector = OWN;
	rig_set_flag();
}

/* The entry is in the unit's cache. */
static void retarget(void)
{
	intel_machine(&(struct rig_intel_conf){0});
	rig->vendor->post(0);
	rig_run_guest(0, 0, -1);
	px_thread("retarget", 1, retargeter, NULL);
	rig_run_late_posts(rig_two_posts);
	rig_run_handlers(1);
}

void intel_retarget_late(bool broken)
{
	(void)broken;
	retarget();
	rig_intel_run_queue();
}

static void mover(void *arg)
{
	(void)arg;
	px_doing("gives interrupt 0 to vCPU 1");
	pi_update(0, &rig->vcpu[1], LOW, 2);
}

/* One descriptor is below 4 GiB and one is above: their addresses differ in both halves of an
 * entry. The interrupt may reach either vCPU; each takes it if it does. */
void intel_torn(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 2, .ram_base = (1ull << 32) - 0x5000});
	rig_intel_attach(0, &rig->vcpu[0], LOW);
	rig->ir[0].target = NULL;
	rig->vcpu[0].due[LOW] = rig->vcpu[1].due[LOW] = RIG_MAY_GET;
	for (unsigned i = 0; i < 2; i++)
		rig_run_guest(i, (int)i, -1);
	px_thread("move", 2, mover, NULL);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(2);
}

/* ---- units and kernels ---- */

/* A unit that caches what is not present, too; the device interrupts before there is an entry. */
void intel_setup(bool broken)
{
	struct pn_msi msi = {.devid = RIG_DEVID};

	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.caching_mode = true});
	pn_vtd_msi_encode(0, 0, &msi.addr, &msi.data);
	pn_vtd_msi(intel->vtd, &msi);
	rig_intel_attach(0, NULL, LOW);
	rig->ir[0].target = &rig->vcpu[0];
	rig_run_vcpu(0, 0, -1);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(2);
}

static void kexec(void *arg)
{
	struct pn_pid *pid = intel->vcpu[0].pid;

	(void)arg;
	px_doing("kexec");
	pn_vtd_drv_disable(&intel->drv, rig->cpu[1].agent);
	px_doing("the next kernel uses the memory");
	px_kill(pid, sizeof(*pid), "P6", "a descriptor of the kernel before");
	rig_set_flag();
}

void intel_kexec(bool broken)
{
	(void)broken;
	intel_machine(&(struct rig_intel_conf){0});
	rig_load(rig->vcpu, &rig->cpu[0]);
	rig->no_rest_check = true;
	px_thread("kexec", 1, kexec, NULL);
	rig_run_late_posts(rig_two_posts);
	rig_run_handlers(1);
}

static void without_entry(void *arg)
{
	struct pn_vtd_ir *ir = &intel->ir[0];
	struct pn_agent *self = rig->cpu[1].agent;

	(void)arg;
	px_doing("no entry is left for interrupt 0");
	if (!pn_vtd_ir_init(ir, &intel->drv, self, RIG_IRS, RIG_DEVID, 1, PN_VEC_DEVICE_FIRST))
		px_fail("P7", "an entry beyond the table is set up");
	px_doing("gives interrupt 0 to vCPU 0");
	if (!pi_update(0, &rig->vcpu[0], LOW, 1))
		px_fail("P7", "an interrupt without an entry posts");
	if (!pn_vtd_ir_affinity(ir, self, 1, PN_VEC_DEVICE_FIRST))
		px_fail("P7", "an interrupt without an entry moves");
}

void intel_no_entry(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){0});
	rig_run_vcpu(0, 0, -1);
	px_thread("attach", 1, without_entry, NULL);
	rig_run_handlers(1);
}
