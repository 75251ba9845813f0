/* SPDX-License-Identifier: MIT */
/*
 * The machine of Intel's guests: the processors with virtual-interrupt delivery (src/hw/intel), and
 * a guest that takes what is delivered and halts. The way in and out is that of vcpu_enter_guest().
 */
#include "postern/apicv.h"
#include "postern/x86.h"

#include "engine.h"
#include "machine.h"
#include "machine_vmcs.h"
#include "machine_vtd.h"

#define MSR_EOI 0x80B

static struct pn_apicv *core; /* of each CPU */

void mi_build_cores(void)
{
	struct pn_agent *agent = px_alloc(PK_CPUS * sizeof(*agent), 64);
	struct pn_step_slot *steps = px_alloc(PK_CPUS * PN_STEP_NR * sizeof(*steps), 64);
	struct pn_apicv_features feat;

	pn_apicv_features_default(&feat);
	px_ghost(steps, PK_CPUS * PN_STEP_NR * sizeof(*steps));
	core = px_alloc(PK_CPUS * sizeof(*core), 64);
	for (int c = 0; c < PK_CPUS; c++) {
		pn_agent_init(&agent[c], (uint32_t)c, &steps[c * PN_STEP_NR]);
		pn_apicv_init(&core[c], &mv_bus, &agent[c], &feat, true);
	}
}

/* The controls that Linux sets, of those that matter here. */
static struct pn_vmcs_apic vmcs_of(struct vcpu *v)
{
	return (struct pn_vmcs_apic){
		.pin = PN_PIN_EXT_INT_EXIT | PN_PIN_POSTED_INTR,
		.proc = PN_PROC_TPR_SHADOW | PN_PROC_SECONDARY,
		.proc2 = PN_PROC2_X2APIC | PN_PROC2_APIC_REGS | PN_PROC2_VID,
		.exit_ctl = PN_EXITCTL_ACK_INTR,
		.posted_nv = (uint16_t)pk_posted_vector(),
		.intr_status = v->intr_status,
		.virtual_apic = pk_pa(v->apic),
		.pid = pk_pa(v->pid),
	};
}

/* ---- an interrupt that comes while a guest runs ---- */

static int acknowledge(void *vector)
{
	return *(uint8_t *)vector;
}

static void end(void *vector)
{
	(void)vector;
}

bool mi_posted(int cpu, uint8_t vector)
{
	const struct pn_apicv_lapic lapic = {&vector, NULL, acknowledge, end};
	int acked;

	return core[cpu].in_guest && vector == core[cpu].vmcs.posted_nv &&
	       pn_apicv_ext_intr(&core[cpu], &lapic, &acked) == PN_INTR_POSTED;
}

void mi_poke(int cpu)
{
	for (unsigned i = 0; i < machine.vcpus && machine.spins; i++)
		if ((int)vcpus[i]->task.cpu == cpu)
			pn_xchg32(vcpus[i]->waits, 0);
}

/* ---- the guest ---- */

static void got(struct vcpu *v, int vector)
{
	pn_st32(v->vectors, pn_ld32(v->vectors) | 1u << (vector - MI_VECTOR));
}

/* Interrupts reach the processor while the guest runs, and not before and after. */
static void stay(struct vcpu *v)
{
	bool waits = machine.spins && pn_ld32(v->vectors) != v->want;

	if (waits)
		pn_xchg32(v->waits, 1);
	px_irq(NULL, true, PX_SITE("in the guest"));
	if (waits)
		px_sleep(v->waits, "an interrupt of the guest");
	px_irq(NULL, false, PX_SITE("in the guest"));
}

static bool take(struct vcpu *v, struct pn_apicv *a)
{
	struct pn_apicv_exit exit;
	bool any = false;

	while (pn_apicv_pending(a, true) >= 0) {
		got(v, pn_apicv_deliver(a));
		pn_apicv_wrmsr(a, MSR_EOI, 0, &exit);
		any = true;
	}
	return any;
}

static void with_apicv(struct vcpu *v)
{
	struct pn_apicv *a = &core[v->task.cpu];
	struct pn_vmcs_apic vmcs = vmcs_of(v);
	struct pn_apicv_exit exit;

	if (pn_apicv_vmentry(a, &vmcs, &exit))
		px_fail("P6", "VM entry refuses what Linux wrote into the VMCS");
	take(v, a);
	do {
		stay(v);
	} while (take(v, a));
	pn_apicv_vmexit(a, &vmcs);
	v->intr_status = vmcs.intr_status;
}

static bool irr_is_empty(const struct vcpu *v)
{
	for (unsigned word = 0; word < 8; word++)
		if (v->apic[(PN_APIC_IRR + 16 * word) / 4])
			return false;
	return true;
}

/*
 * KVM injects, and each EOI exits. A guest that was woken by a bit of its IRR before KVM is asked
 * to inject it halts again and again: that is a wait for the request.
 */
static bool without_apicv(struct vcpu *v)
{
	if (v->injected < 0) {
		stay(v);
		if (!machine.spins && !irr_is_empty(v)) {
			px_relax_on((uint32_t *)v->requests, 0);
			pn_relax();
		}
		return false;
	}
	got(v, v->injected);
	v->injected = -1;
	return true;
}

/* vcpu_enter_guest(): false, there was something else to do first. */
static bool enter(struct vcpu *v)
{
	bool ran, eoi = false;

	v->injected = (int16_t)pk_inject(v->linux_vcpu, v->injected);
	pn_settle();
	px_irq(NULL, false, PX_SITE("interrupts off"));
	pn_xchg32(v->mode, (uint32_t)pk_in_guest_mode());
	pk_sync(v->linux_vcpu);
	pn_settle();
	ran = pn_ld32(v->mode) == (uint32_t)pk_in_guest_mode() && !pn_ld64(v->requests);
	if (ran) {
		px_doing("in the guest");
		if (pk_has_apicv(v->linux_vcpu))
			with_apicv(v);
		else
			eoi = without_apicv(v);
		px_doing("");
	}
	pn_st32(v->mode, 0);
	px_irq(NULL, true, PX_SITE("interrupts on"));
	if (eoi)
		pk_eoi(v->linux_vcpu);
	pn_settle();
	return ran && !eoi;
}

/* It halts when it has taken what there is. */
void mi_guest(struct vcpu *v)
{
	while (!enter(v) || (machine.spins && pn_ld32(v->vectors) != v->want))
		pk_unblocked(v->linux_vcpu);
	pk_halt(v->linux_vcpu);
}
