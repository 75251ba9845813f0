/* SPDX-License-Identifier: MIT */
/*
 * AVIC of one core: world switch, doorbell, evaluation, delivery, end of interrupt. AMD64 APM vol 2
 * rev 3.44, 15.29.
 *
 * While a vCPU is in guest mode, ISR, TPR and PPR of its page are written by this core alone and
 * need no RMW; the host touches them between VMEXIT and VMRUN only. Any agent may set bits of the
 * IRR.
 */
#include "../x86/bank.h"
#include "avic_priv.h"

#include <errno.h>
#include <string.h>

#include "seam.h"

#define PAGE	    4096u
#define PTR_MASK    0xFFFFFFFFFFFFF000ull
#define INDEX_MASK  0xFFFull
#define ENTRY_BYTES 8u
#define ADDR_BITS   0x000FFFFFFFFFFFFFull

void pn_avic_features_default(struct pn_avic_features *f)
{
	memset(f, 0, sizeof(*f));
	f->avic = true;
	f->x2avic = true;
	f->x2avic_ext = true;
	f->extlvt = true;
	f->phys_mask = ADDR_BITS;
	f->level_eoi = PN_EOI_TRAP;
	f->x2_broadcast = PN_X2BCAST_BROADCAST;
	f->ipi_index = PN_IPI_INDEX_FIRST;
	f->doorbell_host = PN_DOORBELL_HOST_DROP;
	f->x2_map = PN_X2MAP_FIRST;
	f->vmrun_tpr = PN_VMRUN_TPR_KEEP;
	f->np_off = PN_NP_OFF_INVALID;
}

void pn_avic_init(struct pn_avic *av, const struct pn_bus *bus, struct pn_agent *agent,
		  const struct pn_avic_features *feat, uint32_t host_apicid)
{
	memset(av, 0, sizeof(*av));
	av->bus = bus;
	av->agent = agent;
	av->feat = *feat;
	av->host_apicid = host_apicid;
}

static uint32_t max_index_limit(const struct pn_avic_features *f, bool x2)
{
	if (!x2)
		return PN_XAVIC_MAX_INDEX;
	return f->x2avic_ext ? PN_X2AVIC_EXT_MAX_INDEX : PN_X2AVIC_MAX_INDEX;
}

/* All of [pa, pa + len) within the physical addresses that the processor has; len > 0. */
static bool reachable(const struct pn_avic_features *f, uint64_t pa, uint64_t len)
{
	uint64_t last = pa + len - 1;

	return last >= pa && !((pa | last) & ~f->phys_mask);
}

/* The rules of 15.29.4.1 to 15.29.4.3. That x2AVIC does not look at the logical table pointer is
 * inferred. */
static inline int check(const struct pn_avic_features *f, const struct pn_avic_vmcb *vmcb)
{
	bool x2 = vmcb->v_intr & PN_VINTR_X2AVIC;
	uint32_t max = (uint32_t)(vmcb->physical_table & INDEX_MASK);
	uint64_t bytes = (max + 1ull) * ENTRY_BYTES;

	if (!(vmcb->v_intr & PN_VINTR_AVIC))
		return x2 ? -EINVAL : 0;
	if (!f->avic || (x2 && !f->x2avic))
		return -EINVAL;
	if (!vmcb->np_enable && f->np_off == PN_NP_OFF_INVALID)
		return -EINVAL;
	if (max > max_index_limit(f, x2))
		return -EINVAL;
	if (!reachable(f, vmcb->backing_page & PTR_MASK, PAGE) ||
	    !reachable(f, vmcb->physical_table & PTR_MASK, bytes))
		return -EINVAL;
	if (!x2 && !reachable(f, vmcb->logical_table & PTR_MASK, PAGE))
		return -EINVAL;
	return 0;
}

int pn_avic_vmcb_check(const struct pn_avic_features *f, const struct pn_avic_vmcb *vmcb)
{
	return check(f, vmcb);
}

/* A register that only this core writes while the guest runs. */
static uint32_t own_ld(const struct pn_avic *av, uint32_t off)
{
	return pn_ld32(av->page + off / 4);
}

/* Pairs with the host and with software that reads the page from another core. */
static void own_st(struct pn_avic *av, uint32_t off, uint32_t value)
{
	pn_st32(av->page + off / 4, value);
}

static void tell(const struct pn_avic *av, uint32_t off)
{
	pn_bus_wrote(av->bus, av->page_pa + off, sizeof(uint32_t));
}

/* The word of @vector in the page's ISR; the banks TMR and IRR follow it. */
static uint32_t *isr_word(const struct pn_avic *av, unsigned vector)
{
	return av->page + PN_APIC_ISR / 4 + vector / 32 * 4;
}

#define TMR_OF(isr) ((isr) + (PN_APIC_TMR - PN_APIC_ISR) / 4)
#define IRR_OF(isr) ((isr) + (PN_APIC_IRR - PN_APIC_ISR) / 4)

/* 16.6.4. V_TPR decides. TPR[3:0] comes from the page and does not affect delivery (inferred). */
static inline void update_ppr(struct pn_avic *av)
{
	int isrv = pn_bank_highest(av->page, PN_APIC_ISR);
	uint32_t tpr = (uint32_t)av->v_tpr << 4 | (own_ld(av, PN_APIC_TPR) & 0xF);

	if (isrv >= 0 && isrv >> 4 > (int)(tpr >> 4))
		tpr = (uint32_t)isrv & 0xF0;
	own_st(av, PN_APIC_PPR, tpr);
}

static void __attribute__((noinline)) new_ppr(struct pn_avic *av)
{
	update_ppr(av);
}

void pn_avic_set_tpr(struct pn_avic *av, uint8_t tpr)
{
	av->v_tpr = tpr >> 4;
	own_st(av, PN_APIC_TPR, tpr);
	tell(av, PN_APIC_TPR);
	new_ppr(av);
	tell(av, PN_APIC_PPR);
}

static int load(struct pn_avic *av, const struct pn_avic_vmcb *vmcb)
{
	uint64_t pa = vmcb->backing_page & PTR_MASK;
	uint32_t *page = pn_avic_map(av, pa, PAGE, ENTRY_BYTES);

	if (!page)
		return -EFAULT;
	av->page = page;
	av->page_pa = pa;
	av->x2 = vmcb->v_intr & PN_VINTR_X2AVIC;
	av->max_index = (uint32_t)(vmcb->physical_table & INDEX_MASK);
	av->physical_table = vmcb->physical_table & PTR_MASK;
	av->logical_table = vmcb->logical_table & PTR_MASK;
	return 0;
}

/*
 * The page's TPR is what the guest, or the host after it, wrote last. If the knob copies V_TPR,
 * TPR[3:0] stays (inferred: V_TPR has no such bits).
 */
static void load_tpr(struct pn_avic *av, const struct pn_avic_vmcb *vmcb)
{
	uint8_t v_tpr = vmcb->v_intr & PN_VINTR_TPR_MASK;

	av->v_tpr = v_tpr;
	if (av->feat.vmrun_tpr == PN_VMRUN_TPR_TO_PAGE) {
		own_st(av, PN_APIC_TPR, (uint32_t)v_tpr << 4 | (own_ld(av, PN_APIC_TPR) & 0xF));
		tell(av, PN_APIC_TPR);
	}
	new_ppr(av);
	tell(av, PN_APIC_PPR);
}

/* A doorbell that rang since VMRUN began, or was held, is honoured right after entry: 15.29.8. */
static void enter(struct pn_avic *av)
{
	bool rang = av->doorbell;

	av->doorbell = false;
	av->in_guest = true;
	pn_step(av->agent, PN_STEP_VMRUN, av->page_pa, 0);
	if (!av->active)
		return;
	pn_step(av->agent, PN_STEP_AVIC_EVAL, av->page_pa, 0);
	if (rang)
		pn_step(av->agent, PN_STEP_AVIC_EVAL, av->page_pa, 0);
}

static int vmrun(struct pn_avic *av, const struct pn_avic_vmcb *vmcb)
{
	int err = check(&av->feat, vmcb);

	if (err)
		return err;
	if (vmcb->v_intr & PN_VINTR_AVIC) {
		err = load(av, vmcb);
		if (err)
			return err;
		load_tpr(av, vmcb);
		av->active = true;
	}
	enter(av);
	return 0;
}

int pn_avic_vmrun(struct pn_avic *av, const struct pn_avic_vmcb *vmcb)
{
	int err;

	av->in_guest = false;
	av->active = false;
	av->page = NULL;
	av->page_pa = 0;
	av->entering = true;
	err = vmrun(av, vmcb);
	av->entering = false;
	if (err && av->doorbell && av->feat.doorbell_host == PN_DOORBELL_HOST_DROP) {
		av->doorbell = false;
		pn_step(av->agent, PN_STEP_DOORBELL_HOST, av->host_apicid, 0);
	}
	return err;
}

void pn_avic_vmexit(struct pn_avic *av)
{
	if (!av->in_guest)
		return;
	av->in_guest = false;
	pn_step(av->agent, PN_STEP_VMEXIT, av->page_pa, 0);
}

int pn_avic_memory_changed(struct pn_avic *av)
{
	uint32_t *page;

	if (!pn_avic_on(av))
		return 0;
	page = pn_avic_map(av, av->page_pa, PAGE, ENTRY_BYTES);
	if (!page)
		return -EFAULT;
	av->page = page;
	return 0;
}

/* A guest without AVIC has nothing to evaluate: a doorbell is lost, as in host mode (inferred). */
bool pn_avic_doorbell(struct pn_avic *av)
{
	if (pn_avic_on(av)) {
		pn_step(av->agent, PN_STEP_AVIC_EVAL, av->page_pa, 0);
		return true;
	}
	if (av->entering || av->feat.doorbell_host == PN_DOORBELL_HOST_HOLD)
		av->doorbell = true;
	else
		pn_step(av->agent, PN_STEP_DOORBELL_HOST, av->host_apicid, 0);
	return false;
}

/* The PPR follows V_TPR and the ISR whenever one of them changes: only the IRR is searched. */
int pn_avic_evaluate(struct pn_avic *av, bool interruptible)
{
	const uint32_t *page = av->page;
	int vector;

	if (!interruptible || !pn_avic_on(av))
		return -1;
	vector = pn_bank_highest(page, PN_APIC_IRR);
	if (vector < 0)
		return -1;
	/* as own_ld() */
	return vector >> 4 > (int)(pn_ld32(page + PN_APIC_PPR / 4) >> 4 & 15) ? vector : -1;
}

/* A bit of the ISR and the PPR have changed. */
static void __attribute__((noinline)) tell_isr(const struct pn_avic *av, unsigned vector)
{
	tell(av, pn_apic_word(PN_APIC_ISR, (uint8_t)vector));
	tell(av, PN_APIC_PPR);
}

/* @vector is in service; the PPR may not follow from it alone, or an embedder follows writes. */
static void __attribute__((noinline)) deliver_on(struct pn_avic *av, unsigned vector)
{
	new_ppr(av);
	tell(av, pn_apic_word(PN_APIC_IRR, (uint8_t)vector));
	tell_isr(av, vector);
	pn_step(av->agent, PN_STEP_GUEST_DELIVER, av->page_pa, vector);
}

/* A vector that is no longer pending is not delivered. */
void pn_avic_deliver(struct pn_avic *av, uint8_t vector)
{
	const uint32_t bit = 1u << (vector & 31);
	uint32_t *isr;

	if (!pn_avic_on(av))
		return;
	isr = isr_word(av, vector);
	/* Pairs with posters, which may set the bit again at once: that is the next interrupt. */
	if (!(pn_and32(IRR_OF(isr), ~bit) & bit))
		return;
	pn_st32(isr, pn_ld32(isr) | bit); /* as own_st() */
	/* A vector above the PPR's class is the highest in service and outranks the TPR. */
	if (vector >> 4 <= (int)(own_ld(av, PN_APIC_PPR) >> 4 & 15) || av->bus->wrote) {
		deliver_on(av, vector);
		return;
	}
	own_st(av, PN_APIC_PPR, vector & 0xF0u);
	pn_step(av->agent, PN_STEP_GUEST_DELIVER, av->page_pa, vector);
}

void pn_avic_write_cr8(struct pn_avic *av, uint8_t cr8)
{
	if (pn_avic_on(av))
		pn_avic_set_tpr(av, (uint8_t)(cr8 << 4));
}

void pn_avic_noaccel(struct pn_avic_exit *exit, uint32_t off, bool write, uint8_t vector)
{
	exit->code = PN_EXIT_AVIC_NOACCEL;
	exit->info1 = (uint64_t)write << 32 | (off & 0xFF0);
	exit->info2 = vector;
}

/* @vector, the highest in service, ends. */
static inline void end(struct pn_avic *av, unsigned vector)
{
	uint32_t *isr = isr_word(av, vector);

	pn_st32(isr, pn_ld32(isr) & ~(1u << (vector & 31))); /* as own_st() */
	if (!pn_mistake(PN_MISTAKE_EOI_KEEPS_PPR))
		update_ppr(av);
}

/*
 * The knob level_eoi says where RIP is after the exit of a level-triggered vector, and whether it
 * is still in service.
 */
static enum pn_avic_access __attribute__((noinline))
eoi_level(struct pn_avic *av, struct pn_avic_exit *exit, unsigned vector)
{
	pn_avic_noaccel(exit, PN_APIC_EOI, true, (uint8_t)vector);
	if (av->feat.level_eoi == PN_EOI_FAULT)
		return PN_AVIC_FAULT;
	if (av->feat.level_eoi == PN_EOI_TRAP)
		return PN_AVIC_TRAP;
	end(av, vector);
	tell_isr(av, vector);
	return PN_AVIC_TRAP;
}

/*
 * Table 15-22: edge is accelerated, level exits. With nothing in service the write has no effect
 * and no exit (inferred).
 */
enum pn_avic_access pn_avic_eoi(struct pn_avic *av, struct pn_avic_exit *exit)
{
	const int top = pn_bank_search(av->page, PN_APIC_ISR);
	const unsigned vector = (unsigned)top;

	if (top < 0)
		return PN_AVIC_EVALUATE;
	/* The host owns the TMR and may change it before or during the run. */
	if (pn_ld32(TMR_OF(isr_word(av, vector))) & 1u << (vector & 31))
		return eoi_level(av, exit, vector);
	end(av, vector);
	if (av->bus->wrote)
		tell_isr(av, vector);
	pn_step(av->agent, PN_STEP_GUEST_EOI, av->page_pa, vector);
	return PN_AVIC_EVALUATE;
}
