/* SPDX-License-Identifier: MIT */
/*
 * Cases on AMD of what agents share besides interrupts: the words of requests, an entry that two
 * agents change, the module that goes; and of one agent: VMs, messages, routes, the I/O APIC.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case_setup.h"
#include "ioapic.h"
#include "rig_amd.h"

/* ---- requests ---- */

#define NMI_TO_1 (1ull << 32 | 4u << 8)
#define SELF_IPI ((uint64_t)PN_ICR_SH_SELF << 18 | 0x61u)

/* vCPU 0 is on CPU 0's list: it is asked to leave it. vCPU 1 gets an NMI, by message or by IPI. */
static void asks(void *arg)
{
	const struct pn_host_msg nmi = pn_host_msg_decode(PN_MSI_ADDR_BASE | 1u << 12, 4u << 8);

	(void)arg;
	px_doing("CPU 0 goes");
	pn_svm_cpu_offline(&amd->svm.hyp, &rig->cpu[0], &rig->cpu[1]);
	px_doing("an NMI by message");
	rig_want(!pn_host_msg_deliver(rig->vm, &nmi, &rig->cpu[1]), "P4", "an NMI sets an IRR bit");
	px_doing("an NMI by IPI");
	pn_host_ipi_emulate(rig->vm, rig->vcpu[2].h, &rig->cpu[1], NMI_TO_1);
	px_doing("an IPI to itself that the host emulates");
	pn_host_ipi_emulate(rig->vm, rig->vcpu[2].h, &rig->cpu[1], SELF_IPI);
	px_doing("injects an interrupt without AVIC");
	pn_svm_inject(rig->vcpu[1].h, &rig->cpu[1], 0x62, PN_WAKE_REQUEST);
}

static void inhibits(void *arg)
{
	(void)arg;
	px_doing("a cause against AVIC comes up");
	pn_svm_inhibit(rig->vm, &rig->cpu[2], PN_INHIBIT_SEV, true);
}

static void requests_shared(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .vcpus = 3, .moving = true});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_fall_asleep(0, 0);
	rig_fall_asleep(1, 0);
	rig->vcpu[1].h->apicv = 0;
	px_thread("CPU 1", 1, asks, NULL);
	px_thread("inhibit", 2, inhibits, NULL);
}

static const char *requested(const uint32_t have[3], char *text, unsigned size)
{
	for (unsigned i = 0; i < 3; i++) {
		uint32_t is = pn_ld32(&rig->vcpu[i].h->requests);

		if (is == (have[i] | PN_REQ_APICV_UPDATE))
			continue;
		snprintf(text, size, "the requests of vCPU %u are %x instead of %x", i, is,
			 have[i] | PN_REQ_APICV_UPDATE);
		return "P6";
	}
	if (rig->vcpu[0].task.sleeping || rig->vcpu[1].task.sleeping) {
		snprintf(text, size, "a vCPU sleeps on a request");
		return "P1";
	}
	return NULL;
}

static const char *check_requests(void *arg, char *text, unsigned size)
{
	const uint32_t have[3] = {PN_REQ_UNBLOCK, PN_REQ_UNBLOCK | PN_REQ_EVENT, PN_REQ_EVENT};

	(void)arg;
	return requested(have, text, size);
}

/* ---- an entry that two agents change ---- */

static void attaches(void *arg)
{
	(void)arg;
	px_doing("interrupt 0 is given to vCPU 0");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, rig->vcpu[0].h, 0x41, &rig->cpu[1]);
	px_doing("and taken away");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, &rig->cpu[1]);
}

static void moves(void *arg)
{
	(void)arg;
	px_doing("interrupt 0 gets another CPU");
	pn_amdvi_ir_affinity(&amd->ir[0].ir, rig->cpu[2].agent, 2, RIG_AMD_MOVED);
}

static void gives(void *arg)
{
	(void)arg;
	px_doing("interrupt 0 is given to vCPU 0");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, rig->vcpu[0].h, 0x41, &rig->cpu[1]);
}

static void entry_machine(void (*by)(void *arg))
{
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GAPPI, .masked = PN_MASKED_PARK, .moving = true});
	rig_amd_attach(0, 0, NULL, 0x41);
	px_thread("attach", 1, by, NULL);
	px_thread("affinity", 2, moves, NULL);
}

static void entry_moves(bool broken)
{
	(void)broken;
	entry_machine(attaches);
}

static void entry_given(bool broken)
{
	(void)broken;
	entry_machine(gives);
}

static const char *check_moved(void *arg, char *text, unsigned size)
{
	struct pn_irte f;

	if (pn_irte128_decode(*amd->ir[0].ir.irte, true, true, &f) || f.guestmode || f.dest != 2 ||
	    f.vector != RIG_AMD_MOVED) {
		snprintf(text, size, "interrupt 0 does not go to CPU 2");
		return "P6";
	}
	return rig_check(arg, text, size);
}

static const char *check_given(void *arg, char *text, unsigned size)
{
	struct pn_irte f;

	if (pn_irte128_decode(*amd->ir[0].ir.irte, true, true, &f) || !f.guestmode ||
	    amd->ir[0].ir.host_apicid != 2 || amd->ir[0].ir.host_vector != RIG_AMD_MOVED) {
		snprintf(text, size, "interrupt 0 does not post, or forgets its affinity");
		return "P6";
	}
	return rig_check(arg, text, size);
}

/* ---- the module goes ---- */

static void unloads(void *arg)
{
	(void)arg;
	px_doing("the module goes");
	pn_svm_exit(&amd->svm.hyp);
	px_doing("its memory is freed");
	px_kill(&amd->svm.vm[0], sizeof(amd->svm.vm[0]), "P6", "the module");
	px_kill(&amd->svm.vm_lock, sizeof(amd->svm.vm_lock), "P6", "the module's lock");
	px_kill(&rig->vcpu[0].h->woken, 4, "P6", "a vCPU");
	px_kill(rig->vcpu[0].h->page, 4096, "P6", "the vAPIC page");
}

/* The log has an entry; @gappi: a GAPPI is on its way. */
static void unload_machine(bool gappi)
{
	rig_amd_build(&(struct rig_amd_conf){.notify = gappi ? PN_NOTIFY_GAPPI : PN_NOTIFY_GALOG,
					     .masked = PN_MASKED_PARK,
					     .moving = true});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_fall_asleep(0, 0);
	rig_post(0);
	amd->iommu[0].log.sleeping = 0;
	rig->no_rest_check = true;
	px_thread("unload", 2, unloads, NULL);
}

static void handles(void *arg)
{
	(void)arg;
	pn_irq_off(rig->cpu[0].agent);
	px_doing("a GAPPI arrives");
	pn_svm_wakeup_irq(&amd->svm.hyp, &rig->cpu[0]);
	pn_irq_on(rig->cpu[0].agent);
}

static void unload_log(bool broken)
{
	(void)broken;
	unload_machine(false);
	rig_amd_run_log(0, 1);
	rig_run_handlers(2);
}

static void unload_handler(bool broken)
{
	(void)broken;
	unload_machine(true);
	px_thread("CPU 0", 0, handles, NULL);
}

/* ---- VMs ---- */

static int make(struct pn_svm_vm *vm, struct pn_svm_vcpu *vcpu, uint32_t n, bool x2, bool ext)
{
	return pn_svm_vm_init(&amd->svm, vm, vcpu, n, x2, ext, 0, &rig->pages);
}

static uint32_t reg(const struct pn_host_vcpu *h, uint32_t off)
{
	return pn_vapic_read(h->page, off);
}

/* What firmware leaves in an APIC. */
static void firmware(struct pn_host_vcpu *h, uint32_t id, uint32_t ldr, uint32_t dfr)
{
	rig_want(reg(h, PN_APIC_ID) == id && reg(h, PN_APIC_LDR) == ldr &&
			 reg(h, PN_APIC_DFR) == dfr && reg(h, PN_APIC_SVR) == 0x1FF &&
			 (reg(h, PN_APIC_VERSION) & 0xFF) == 0x14 && !reg(h, PN_APIC_TPR),
		 "P7", "an APIC comes up with another value in a register");
}

static void sizes(void)
{
	struct pn_svm_vm *vm = &amd->vm[1];

	rig_want(make(vm, &amd->vcpu[1], 0, true, true) == -EINVAL, "P7", "a VM without vCPUs");
	rig_want(make(vm, &amd->vcpu[1], 256, false, true) == -E2BIG, "P7", "xAPIC has 255 IDs");
	rig_want(make(vm, &amd->vcpu[1], 513, true, false) == -E2BIG, "P7", "x2AVIC has 512 IDs");
	rig_want(make(vm, &amd->vcpu[1], 4097, true, true) == -E2BIG, "P7",
		 "extended x2AVIC has 4096 IDs");
}

static void vmcb_of(struct pn_svm_vcpu *v)
{
	struct pn_avic_vmcb vmcb;

	pn_vapic_write(v->h.page, PN_APIC_TPR, 0x53);
	pn_svm_vmcb(v, &vmcb);
	rig_want(vmcb.v_intr == (PN_VINTR_AVIC | PN_VINTR_X2AVIC | PN_VINTR_MASKING | 5) &&
			 vmcb.backing_page == v->h.page_pa && vmcb.np_enable &&
			 vmcb.logical_table == v->vm->log_table_pa &&
			 vmcb.physical_table == v->vm->phys_table_pa && vmcb.apic_bar == 0xFEE00000,
		 "P7", "a VMCB says something else");
	pn_svm_inhibit(&v->vm->h, &rig->cpu[0], PN_INHIBIT_SEV, true);
	pn_svm_load(&v->h, &rig->cpu[0]);
	(void)pn_svm_enter(&v->h, &rig->cpu[0]);
	pn_svm_vmcb(v, &vmcb);
	rig_want(vmcb.v_intr == (PN_VINTR_MASKING | 5), "P7", "a VMCB has AVIC on, or no V_TPR");
	pn_svm_leave(&v->h, &rig->cpu[0]);
	pn_svm_put(&v->h, &rig->cpu[0], true);
}

/* The last number: 1023 VMs are there already. */
static void last_vm(void)
{
	struct pn_svm *svm = &amd->svm;
	struct pn_svm_vcpu *v = &amd->vcpu[2];
	struct pn_svm_vm *vm = &amd->vm[1];

	for (unsigned i = 0; i < PN_SVM_MAX_VMS; i++)
		svm->vm[i] = &amd->vm[0];
	memset(vm, 0xAB, sizeof(*vm));
	rig_want(make(vm, v, 1, false, true) == -ENOSPC, "P7", "one VM more than there are IDs");
	for (unsigned i = 0; i < PN_SVM_MAX_VMS - 1; i++)
		svm->vm[i] = NULL;
	svm->vm[0] = &amd->vm[0];
	svm->vm[PN_SVM_MAX_VMS - 1] = vm;
	vm->h.id = PN_SVM_MAX_VMS;
	vm->h.nr_vcpus = 1;
	rig_want(pn_svm_by_tag(svm, pn_svm_ga_tag(v)) == v && pn_svm_ga_tag(v) == 1024u << 12, "P6",
		 "a tag of the last VM finds no vCPU");
	rig->vcpu[2].h = &v->h;
	amd->ir[1].ir.host.vcpu = NULL;
	rig_want(!pn_svm_pi_update(&svm->hyp, &amd->ir[1].ir.host, &v->h, 0x91, &rig->cpu[0]), "P7",
		 "an entry of the last VM");
	rig_want(!pn_svm_switch_notify(svm, &rig->cpu[0], PN_NOTIFY_GAPPI), "P7", "the switch");
	rig_want(!pn_svm_check(&v->h, &rig->cpu[0]), "P2", "the switch left out the last VM");
	pn_svm_vm_destroy(&vm->h, rig->cpu[0].agent);
	rig_want(!pn_svm_by_tag(svm, pn_svm_ga_tag(v)), "P6", "the tag of a VM that ended");
}

static void makes_vms(void *arg)
{
	struct pn_svm_vm *vm = &amd->vm[1];

	(void)arg;
	px_doing("makes VMs");
	sizes();
	memset(vm, 0xAB, sizeof(*vm));
	rig_want(!make(vm, &amd->vcpu[1], 1, true, true), "P7", "a VM is refused");
	rig_want(vm->h.id == 2 && amd->svm.vm[0] == &amd->vm[0] && amd->svm.vm[1] == vm &&
			 pn_svm_by_tag(&amd->svm, pn_svm_ga_tag(&amd->vcpu[1])) == &amd->vcpu[1] &&
			 !vm->h.inhibits && !vm->irq_windows && !vm->h.ioapic && !vm->raised[0],
		 "P6", "a VM is not what it was made as");
	firmware(&amd->vcpu[0].h, 0, 1, ~0u);
	firmware(&amd->vcpu[1].h, 0, 1, ~0u);
	rig_want(!pn_svm_check(&amd->vcpu[1].h, &rig->cpu[0]), "P2", "a new vCPU");
	vmcb_of(&amd->vcpu[1]);
	pn_svm_vm_destroy(&vm->h, rig->cpu[0].agent);
	rig_want(!pn_svm_by_tag(&amd->svm, 2u << 12), "P6", "the tag of a VM that ended");
	rig_want(!make(vm, &amd->vcpu[1], 1, false, true) && vm->h.id == 2, "P6",
		 "a number is not used again");
	firmware(&amd->vcpu[1].h, 0, 1u << 24, ~0u);
	pn_svm_vm_destroy(&vm->h, rig->cpu[0].agent);
	last_vm();
}

static void vms(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){
		.notify = PN_NOTIFY_GALOG, .masked = PN_MASKED_PARK, .moving = true});
	rig_amd_attach(0, 0, &rig->vcpu[0], 0x41);
	rig_amd_attach(1, 0, NULL, 0x91);
	for (unsigned i = 1; i < 3; i++)
		amd->vcpu[i].h.task = &rig->vcpu[i].task;
	rig->no_rest_check = true;
	px_thread("CPU 0", 0, makes_vms, NULL);
}

const struct case_setup pn_cases_amd_more[] = {
	{{"requests-of-two-agents", "H8, inferred",
	  "a CPU goes and asks no vCPU of its list, while AVIC is inhibited",
	  "each agent ORs its request into the word", "P6", true, false},
	 PN_MISTAKE_OFFLINE_SILENT,
	 requests_shared,
	 0,
	 false,
	 check_requests},
	{{"affinity-during-attach", "inferred",
	  "an interrupt moves while a vCPU has it, and goes to its old CPU afterwards",
	  "affinity is kept under the entry's lock", "P6", true, false},
	 PN_MISTAKE_AFFINITY_FORGOTTEN,
	 entry_moves,
	 0,
	 false,
	 check_moved},
	{{"attach-during-affinity", "inferred",
	  "an interrupt moves while it is given to a vCPU, and the move is forgotten",
	  "affinity is kept under the entry's lock", "P6", true, false},
	 PN_MISTAKE_AFFINITY_FORGOTTEN,
	 entry_given,
	 0,
	 false,
	 check_given},
	{{"log-read-while-unloaded", "inferred", "the log's thread calls a module that is gone",
	  "the notifier's lock is held in its calls", "P6", true, false},
	 PN_MISTAKE_NO_UNREGISTER,
	 unload_log,
	 0},
	{{"unloaded-while-handled", "inferred",
	  "a GAPPI's handler runs while its module's memory is freed",
	  "unregister, fence, wait for each CPU's handler", "P6", true, false},
	 PN_MISTAKE_NO_UNREGISTER,
	 unload_handler,
	 0},
	{{"vm-numbers", "inferred", "the number of a VM that ended finds its vCPUs",
	  "it is free for another VM", "P6", true, false},
	 PN_MISTAKE_TAG_OF_DEAD_VM,
	 vms,
	 0},
};

const unsigned pn_cases_amd_more_nr = sizeof(pn_cases_amd_more) / sizeof(pn_cases_amd_more[0]);
