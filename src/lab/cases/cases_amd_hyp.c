/* SPDX-License-Identifier: MIT */
/* Cases of the hypervisor on AMD that are no text: what is saved of pending interrupts. */
#include <stdio.h>

#include "case_setup.h"
#include "rig_amd.h"

static void masked_machine(void)
{
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .tpr = 0x50, .moving = true});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_load(&rig->vcpu[0], &rig->cpu[0]);
}

/* Stops, gives its device back, and saves what is pending. */
static void saver(void *arg)
{
	struct rig_vcpu *v = arg;
	struct pn_host_cpu *c = &rig->cpu[0];

	px_doing("blocks");
	pn_svm_blocking(v->h, c);
	px_doing("may it sleep?");
	(void)pn_svm_must_run(v->h, c);
	px_doing("stops: its device is taken away");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, c);
	px_doing("saves what is pending");
	amd->saved = pn_svm_irr(v->h, 2);
}

static const char *check_saved(void *arg, char *text, unsigned size)
{
	const struct pn_svm_vcpu *v = &amd->vcpu[0];
	uint32_t left =
		(pn_vapic_read(v->h.page, PN_APIC_IRR + 2 * 16) | v->parked[2]) & ~amd->saved;

	(void)arg;
	if (!left)
		return NULL;
	snprintf(text, size, "vector 0x%02x is pending and was not saved",
		 64 + (unsigned)__builtin_ctz(left));
	return "P4";
}

static void left_at_save(bool broken)
{
	(void)broken;
	masked_machine();
	rig->ir[0].target = NULL; /* what the host takes later belongs to whoever restores */
	px_thread("vCPU 0", 0, saver, &rig->vcpu[0]);
	rig_run_posts(0, rig_first_only);
	rig_run_handlers(2);
}

const struct case_setup pn_cases_amd_hyp[] = {
	{{"pending-left-at-save", "inferred", "what is saved is the IRR alone, without parked bits",
	  "all that is pending, after the entries have left guest mode", "P4", true, false},
	 PN_MISTAKE_SAVE_FORGETS,
	 left_at_save,
	 0,
	 false,
	 check_saved},
};

const unsigned pn_cases_amd_hyp_nr = sizeof(pn_cases_amd_hyp) / sizeof(pn_cases_amd_hyp[0]);
