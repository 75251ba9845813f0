/* SPDX-License-Identifier: MIT */
/*
 * Virtual interrupts of one logical processor: VM entry and exit, priorities, evaluation, delivery,
 * posted-interrupt processing. Intel SDM vol 3, "APIC Virtualization and Virtual Interrupts"
 * (chapter 30), and 27.2.1.1 for the checks.
 *
 * While the guest runs, VISR, VTPR and VPPR are written by this processor alone and need no
 * read-modify-write. Host software writes the VIRR, too; any agent writes the descriptor.
 */
#include "apicv_priv.h"

#include <errno.h>
#include <string.h>

#include "seam.h"

#define PAGE	   4096u
#define PAGE_LOW   0xFFFull
#define PID_BYTES  64u
#define PTR_BYTES  8u
#define PIR_DWORDS 8u

void pn_apicv_features_default(struct pn_apicv_features *f)
{
	memset(f, 0, sizeof(*f));
	f->maxphyaddr = 52;
	f->ipiv = true;
	f->ipiv_needs_tpr_shadow = false;
	f->pir_granule = 64;
}

void pn_apicv_init(struct pn_apicv *a, const struct pn_bus *bus, struct pn_agent *agent,
		   const struct pn_apicv_features *feat, bool host_x2apic)
{
	memset(a, 0, sizeof(*a));
	a->bus = bus;
	a->agent = agent;
	a->feat = *feat;
	a->host_x2apic = host_x2apic;
}

void pn_apicv_set_host_x2apic(struct pn_apicv *a, bool host_x2apic)
{
	a->host_x2apic = host_x2apic;
}

/* Controls that are not activated count as 0 and are not checked: 25.6.2. */
static void drop_inactive(struct pn_vmcs_apic *v)
{
	if (!(v->proc & PN_PROC_SECONDARY))
		v->proc2 = 0;
	if (!(v->proc & PN_PROC_TERTIARY))
		v->proc3 = 0;
}

static bool page_ok(const struct pn_apicv_features *f, uint64_t pa)
{
	return !(pa & PAGE_LOW) && pn_apicv_reachable(f, pa, PAGE);
}

static bool tpr_shadow_ok(const struct pn_apicv_features *f, const struct pn_vmcs_apic *v)
{
	if (!pn_apicv_tpr_shadow(v))
		return !(v->proc2 & (PN_PROC2_X2APIC | PN_PROC2_APIC_REGS | PN_PROC2_VID));
	return page_ok(f, v->virtual_apic) && (pn_apicv_vid(v) || !(v->tpr_threshold >> 4));
}

static bool apic_access_ok(const struct pn_apicv_features *f, const struct pn_vmcs_apic *v)
{
	if (!(v->proc2 & PN_PROC2_APIC_ACCESSES))
		return true;
	return !(v->proc2 & PN_PROC2_X2APIC) && page_ok(f, v->apic_access);
}

static bool posted_ok(const struct pn_apicv_features *f, const struct pn_vmcs_apic *v)
{
	if (!(v->pin & PN_PIN_POSTED_INTR))
		return true;
	return pn_apicv_vid(v) && v->exit_ctl & PN_EXITCTL_ACK_INTR && !(v->posted_nv >> 8) &&
	       !(v->pid % PID_BYTES) && pn_apicv_reachable(f, v->pid, PID_BYTES);
}

/* The whole table counts, up to the entry of the last index (inferred). */
static bool ipiv_ok(const struct pn_apicv_features *f, const struct pn_vmcs_apic *v)
{
	if (!pn_apicv_ipiv(v))
		return true;
	if (f->ipiv_needs_tpr_shadow && !pn_apicv_tpr_shadow(v))
		return false;
	return !(v->pid_table % PTR_BYTES) &&
	       pn_apicv_reachable(f, v->pid_table, (v->last_pid_index + 1ull) * PTR_BYTES);
}

int pn_apicv_vmcs_check(const struct pn_apicv_features *f, const struct pn_vmcs_apic *vmcs)
{
	struct pn_vmcs_apic v = *vmcs;

	drop_inactive(&v);
	if (v.proc & PN_PROC_TERTIARY && !f->ipiv)
		return -EINVAL;
	if (pn_apicv_vid(&v) && !(v.pin & PN_PIN_EXT_INT_EXIT))
		return -EINVAL;
	if (!tpr_shadow_ok(f, &v) || !apic_access_ok(f, &v) || !posted_ok(f, &v) || !ipiv_ok(f, &v))
		return -EINVAL;
	return 0;
}

/* 30.1.3; the upper bytes of VPPR become 0. */
static void ppr(struct pn_apicv *a)
{
	uint32_t vtpr = pn_vapic_read(a->page, PN_APIC_TPR) & 0xFF;

	if (vtpr >> 4 < a->svi >> 4)
		vtpr = a->svi & 0xF0;
	pn_vapic_write(a->page, PN_APIC_PPR, vtpr);
}

/* 30.2.1 */
static void evaluate(struct pn_apicv *a)
{
	uint32_t vppr = pn_vapic_read(a->page, PN_APIC_PPR);

	a->recognized =
		!(a->vmcs.proc & PN_PROC_INTR_WINDOW) && a->rvi >> 4 > (int)(vppr >> 4 & 15);
	pn_step(a->agent, PN_STEP_VID_EVAL, a->vmcs.virtual_apic, a->rvi);
}

static bool below_threshold(const struct pn_apicv *a)
{
	return (pn_vapic_read(a->page, PN_APIC_TPR) >> 4 & 15) < (a->vmcs.tpr_threshold & 15);
}

static int load(struct pn_apicv *a, const struct pn_vmcs_apic *vmcs)
{
	a->vmcs = *vmcs;
	drop_inactive(&a->vmcs);
	a->rvi = (uint8_t)a->vmcs.intr_status;
	a->svi = (uint8_t)(a->vmcs.intr_status >> 8);
	if (pn_apicv_tpr_shadow(&a->vmcs)) {
		a->page = pn_apicv_map(a, a->vmcs.virtual_apic, PAGE, PTR_BYTES);
		if (!a->page)
			return -EFAULT;
	}
	if (a->vmcs.pin & PN_PIN_POSTED_INTR) {
		a->pid = pn_apicv_map(a, a->vmcs.pid, PID_BYTES, PID_BYTES);
		if (!a->pid)
			return -EFAULT;
	}
	return 0;
}

/* Without VID, is VTPR below the threshold? */
static bool low_tpr(const struct pn_apicv *a)
{
	return a->page && !pn_apicv_vid(&a->vmcs) && below_threshold(a);
}

/* 27.2.1.1 and 27.7.7: where the APIC-access page is not virtualized, the entry itself fails. */
static int prepare(struct pn_apicv *a, const struct pn_vmcs_apic *vmcs)
{
	int err = pn_apicv_vmcs_check(&a->feat, vmcs);

	a->in_guest = false;
	a->recognized = false;
	a->page = NULL;
	a->pid = NULL;
	a->stored_len = 0;
	if (!err)
		err = load(a, vmcs);
	if (!err && low_tpr(a) && !(a->vmcs.proc2 & PN_PROC2_APIC_ACCESSES))
		err = -EINVAL;
	return err;
}

int pn_apicv_vmentry_check(const struct pn_apicv *a, const struct pn_vmcs_apic *vmcs)
{
	struct pn_apicv copy = *a;

	return prepare(&copy, vmcs);
}

int pn_apicv_vmentry(struct pn_apicv *a, const struct pn_vmcs_apic *vmcs,
		     struct pn_apicv_exit *exit)
{
	int err = prepare(a, vmcs);

	if (err)
		return err;
	a->in_guest = true;
	pn_step(a->agent, PN_STEP_VMRUN, a->vmcs.virtual_apic, 0);
	if (pn_apicv_vid(&a->vmcs)) {
		ppr(a);
		evaluate(a);
	}
	if (!low_tpr(a))
		return 0;
	pn_apicv_trap(exit, PN_VMX_EXIT_TPR, 0);
	return 1;
}

/* A recognized interrupt is not lost: RVI is saved, and the next VM entry evaluates. */
void pn_apicv_vmexit(struct pn_apicv *a, struct pn_vmcs_apic *vmcs)
{
	if (!a->in_guest)
		return;
	a->in_guest = false;
	a->recognized = false;
	a->stored_len = 0;
	if (pn_apicv_vid(&a->vmcs))
		vmcs->intr_status = (uint16_t)(a->svi << 8 | a->rvi);
	pn_step(a->agent, PN_STEP_VMEXIT, a->vmcs.virtual_apic, 0);
}

/* 30.1.2 */
enum pn_apicv_access pn_apicv_tpr(struct pn_apicv *a, struct pn_apicv_exit *exit)
{
	if (!pn_apicv_vid(&a->vmcs))
		return below_threshold(a) ? pn_apicv_trap(exit, PN_VMX_EXIT_TPR, 0) : PN_APICV_DONE;
	ppr(a);
	evaluate(a);
	return PN_APICV_EVALUATE;
}

static uint8_t highest(const struct pn_apicv *a, uint32_t bank)
{
	int vector = pn_vapic_highest(a->page, bank);

	return vector < 0 ? 0 : (uint8_t)vector;
}

/*
 * Only this processor writes the VISR: pairs with host code that reads it after the VM exit, and
 * with nothing else.
 */
static void set_visr(struct pn_apicv *a, uint8_t vector, bool on)
{
	uint32_t off = pn_apic_word(PN_APIC_ISR, vector), bit = 1u << (vector & 31);
	uint32_t word = pn_vapic_read(a->page, off);

	pn_vapic_write(a->page, off, on ? word | bit : word & ~bit);
}

/*
 * 30.1.4. An EOI without an interrupt in service is an EOI of vector 0: it has no effect and is not
 * counted.
 */
enum pn_apicv_access pn_apicv_eoi(struct pn_apicv *a, struct pn_apicv_exit *exit)
{
	uint8_t vector = a->svi;

	set_visr(a, vector, false);
	a->svi = highest(a, PN_APIC_ISR);
	if (!pn_mistake(PN_MISTAKE_VID_EOI_KEEPS_PPR))
		ppr(a);
	if (a->vmcs.eoi_exit[vector >> 6] >> (vector & 63) & 1)
		return pn_apicv_trap(exit, PN_VMX_EXIT_EOI, vector);
	if (vector)
		pn_step(a->agent, PN_STEP_GUEST_EOI, a->vmcs.virtual_apic, vector);
	evaluate(a);
	return PN_APICV_EVALUATE;
}

/* 30.1.5 */
enum pn_apicv_access pn_apicv_self_ipi(struct pn_apicv *a, uint8_t vector)
{
	/* Pairs with host software that sets other bits of the word. */
	pn_vapic_set(a->page, PN_APIC_IRR, vector);
	pn_step(a->agent, PN_STEP_IPI_POST, a->vmcs.virtual_apic, vector);
	if (vector > a->rvi)
		a->rvi = vector;
	evaluate(a);
	return PN_APICV_EVALUATE;
}

int pn_apicv_pending(const struct pn_apicv *a, bool interruptible)
{
	return a->in_guest && a->recognized && interruptible ? a->rvi : -1;
}

/* 30.2.2 */
int pn_apicv_deliver(struct pn_apicv *a)
{
	uint8_t vector = a->rvi;

	if (!a->in_guest || !a->recognized)
		return -1;
	set_visr(a, vector, true);
	a->svi = vector;
	pn_vapic_write(a->page, PN_APIC_PPR, vector & 0xF0u);
	/*
	 * Pairs with host software that sets bits of the VIRR: a bit that is set now is found by
	 * the next line, or is the next interrupt.
	 */
	pn_vapic_clear(a->page, PN_APIC_IRR, vector);
	a->rvi = highest(a, PN_APIC_IRR);
	a->recognized = false;
	pn_step(a->agent, PN_STEP_GUEST_DELIVER, a->vmcs.virtual_apic, vector);
	return vector;
}

/*
 * Fetch-and-zero of 32 or 64 bits of the PIR. Parts that are clear are only read. The read is
 * ordered after the clearing of ON, as the exchange is, and pairs with posters (IOMMU, other
 * processors, host software), which set the bit before they read ON.
 */
static uint64_t take(struct pn_apicv *a, unsigned dword, bool half)
{
	uint64_t *word = &a->pid->pir[dword / 2];
	uint32_t *part = (uint32_t *)(void *)a->pid->pir + dword;

	if (half)
		return pn_ld32_sc(part) ? pn_xchg32(part, 0) : 0;
	return pn_ld64_sc(word) ? pn_xchg64(word, 0) : 0;
}

/* Step 5: PIR to VIRR. Returns the highest vector, or -1. */
static int take_pir(struct pn_apicv *a)
{
	bool half = a->feat.pir_granule == 32;
	int top = -1;

	for (unsigned d = 0; d < PIR_DWORDS; d += half ? 1 : 2) {
		uint64_t bits = take(a, d, half);

		if (!bits)
			continue;
		top = (int)(d * 32) + 63 - __builtin_clzll(bits);
		/* Pairs with host software that sets bits of the same VIRR. */
		if ((uint32_t)bits)
			pn_vapic_or(a->page, PN_APIC_IRR, d, (uint32_t)bits);
		if (bits >> 32)
			pn_vapic_or(a->page, PN_APIC_IRR, d + 1, (uint32_t)(bits >> 32));
	}
	return top;
}

/* Steps 3 to 7 of 30.6. ON first, then the PIR: a post in between is taken, and notified again. */
static void process_posted(struct pn_apicv *a, const struct pn_apicv_lapic *lapic)
{
	const bool late = pn_mistake(PN_MISTAKE_PROCESS_ON_LATE);
	int top = late ? take_pir(a) : -1;

	/* Pairs with posters: a poster that finds ON clear after this sends a new notification. */
	pn_and64(&a->pid->control, ~PN_PID_ON);
	lapic->eoi(lapic->ctx);
	pn_step(a->agent, PN_STEP_PI_PROCESS, a->vmcs.pid, a->vmcs.posted_nv);
	if (!late)
		top = take_pir(a);
	if (top < 0)
		pn_step(a->agent, PN_STEP_PI_SPURIOUS, a->vmcs.pid, a->vmcs.posted_nv);
	if (top > a->rvi)
		a->rvi = (uint8_t)top;
	evaluate(a);
}

enum pn_apicv_intr pn_apicv_ext_intr(struct pn_apicv *a, const struct pn_apicv_lapic *lapic,
				     int *vector)
{
	int taken;

	*vector = -1;
	/* Without the control the interrupt goes through the guest's IDT. */
	if (!a->in_guest || !(a->vmcs.pin & PN_PIN_EXT_INT_EXIT))
		return PN_INTR_NONE;
	if (!(a->vmcs.exit_ctl & PN_EXITCTL_ACK_INTR))
		return lapic->pending(lapic->ctx) ? PN_INTR_EXIT : PN_INTR_NONE;
	taken = lapic->ack(lapic->ctx);
	if (taken < 0)
		return PN_INTR_NONE;
	if (a->pid && taken == a->vmcs.posted_nv) {
		process_posted(a, lapic);
		return PN_INTR_POSTED;
	}
	*vector = taken;
	return PN_INTR_EXIT;
}
