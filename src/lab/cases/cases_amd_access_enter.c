/* SPDX-License-Identifier: MIT */
/* VMRUN of a processor: what it checks; delivery and EOI in the guest; memory that moves. */
#include <errno.h>
#include <string.h>

#include "cases_amd_access.h"

/* ---- VMRUN ---- */

static void check(struct pn_avic_vmcb v, struct pn_avic_features f, bool ok, const char *what)
{
	rig_want(pn_avic_vmcb_check(&f, &v) == (ok ? 0 : -EINVAL), "P7", what);
}

static void fields(void)
{
	struct pn_avic_features f = access_features();
	struct pn_avic_vmcb v = access_vmcb(false);

	check(v, f, true, "a good VMCB of xAVIC");
	check(access_vmcb(true), f, true, "a good VMCB of x2AVIC");
	v.v_intr = X2;
	check(v, f, false, "x2AVIC without AVIC");
	v = (struct pn_avic_vmcb){.backing_page = ~0ull};
	check(v, f, true, "without AVIC no field counts");
	f.avic = false;
	check(access_vmcb(false), f, false, "a processor without AVIC");
	f = access_features();
	f.x2avic = false;
	check(access_vmcb(true), f, false, "a processor without x2AVIC");
	check(access_vmcb(false), f, true, "it has AVIC");
	f = access_features();
	v = access_vmcb(false);
	v.np_enable = false;
	check(v, f, false, "no nested paging");
	f.np_off = PN_NP_OFF_IGNORED;
	check(v, f, true, "no nested paging, which the knob ignores");
	f = access_features();
	v = access_vmcb(false);
	v.physical_table = PHYSICAL | 255;
	check(v, f, true, "255 in xAVIC");
	v.physical_table = PHYSICAL | 256;
	check(v, f, false, "256 in xAVIC");
	v.v_intr |= X2;
	v.physical_table = PHYSICAL | 4095;
	check(v, f, true, "4095 in extended x2AVIC");
	f.x2avic_ext = false;
	check(v, f, false, "4095 in x2AVIC");
	v.physical_table = PHYSICAL | 512;
	check(v, f, false, "512 in x2AVIC");
	v.physical_table = PHYSICAL | 511;
	check(v, f, true, "511 in x2AVIC");
}

/* Physical addresses end. */
static void addresses(void)
{
	struct pn_avic_features f;
	struct pn_avic_vmcb v;

	for (unsigned x2 = 0; x2 < 2; x2++) {
		f = access_features();
		f.phys_mask = 0xFFFFFFFFFFull;
		v = access_vmcb(x2);
		v.backing_page = 1ull << 40;
		check(v, f, false, "a page beyond the physical addresses");
		v = access_vmcb(x2);
		v.physical_table = 1ull << 40;
		check(v, f, false, "a table beyond the physical addresses");
		v = access_vmcb(x2);
		v.logical_table = 1ull << 40;
		check(v, f, x2, "a logical table beyond the physical addresses");
		v = access_vmcb(x2);
		v.backing_page = 0xFFFFFFF000ull;
		check(v, f, true, "the last page");
		f.phys_mask = 0xFFF;
		check(access_vmcb(x2), f, false, "hardly any physical addresses");
	}
	f = access_features();
	f.phys_mask = 0xFFFFFFFFFFull;
	v = access_vmcb(true);
	v.physical_table = 0xFFFFFFF000ull | 512;
	check(v, f, false, "the end of a table beyond the physical addresses");
	v.physical_table = 0xFFFFFFF000ull | 511;
	check(v, f, true, "a table up to the end");
}

static void refused_entries(void)
{
	struct pn_avic_features f = access_features();
	struct pn_avic_vmcb v = access_vmcb(false);

	access_enter(&f, false);
	v.backing_page = ABSENT;
	rig_want(pn_avic_vmrun(access_core, &v) == -EFAULT && !access_core->in_guest &&
			 !access_core->active,
		 "P7", "VMRUN of a page without memory");
	rig_want(!pn_avic_doorbell(access_core) && solo->lost == 1, "P5", "a doorbell after that");
	memset(access_core, 0xA5, sizeof(*access_core));
	pn_avic_init(access_core, &solo->bus, &solo->agent, &f, 7);
	rig_want(!pn_avic_doorbell(access_core) && solo->lost == 2 &&
			 pn_avic_evaluate(access_core, true) == -1,
		 "P5", "a processor is in a guest before its first VMRUN");
	solo->lost = 1;
	v = access_vmcb(false);
	v.np_enable = false;
	rig_want(pn_avic_vmrun(access_core, &v) == -EINVAL && !access_core->in_guest, "P7",
		 "a refused VMRUN");
	for (unsigned hold = 0; hold < 2; hold++) {
		uint32_t before, lost = solo->lost;

		f.doorbell_host = hold ? PN_DOORBELL_HOST_HOLD : PN_DOORBELL_HOST_DROP;
		access_enter(&f, false);
		pn_avic_vmexit(access_core);
		rig_want(!pn_avic_doorbell(access_core) && solo->lost == lost + !hold, "P5",
			 "a doorbell in host mode");
		before = solo->evaluations;
		v = access_vmcb(false);
		rig_want(!pn_avic_vmrun(access_core, &v) && solo->evaluations == before + 1 + hold,
			 "P5", "a doorbell is held, or not");
		pn_avic_vmexit(access_core);
		rig_want(!pn_avic_vmrun(access_core, &v) && solo->evaluations == before + 2 + hold,
			 "P5", "a doorbell is held twice");
		pn_avic_vmexit(access_core);
		pn_avic_vmexit(access_core); /* nothing */
		solo->ring = access_core;
		v.backing_page = ABSENT - 4096;
		solo->hole = SOLO_PAGES;
		before = solo->evaluations;
		lost = solo->lost;
		rig_want(pn_avic_vmrun(access_core, &v) == -EFAULT && solo->lost == lost + !hold,
			 "P7", "no memory");
		solo->hole = 0;
		solo->ring = NULL;
		v = access_vmcb(false);
		rig_want(!pn_avic_vmrun(access_core, &v) && solo->evaluations == before + 1 + hold,
			 "P5", "a doorbell that rang during a VMRUN that failed is held, or not");
		pn_avic_vmexit(access_core);
	}
}

/* ---- delivery ---- */

static uint32_t reg(uint32_t off)
{
	return solo_ld32(PAGE(2) + off);
}

static void delivers(void)
{
	struct pn_avic_exit e;

	solo_st32(PAGE(2) + 0x250, 2 | 1 << 31); /* A1h, BFh */
	rig_want(pn_avic_evaluate(access_core, true) == 0xBF &&
			 pn_avic_evaluate(access_core, false) < 0,
		 "P4", "what is delivered");
	pn_avic_deliver(access_core, 0xBF);
	solo_followed();
	rig_want(reg(0x250) == 2 && reg(0x150) == 1u << 31 && reg(0xA0) == 0xB0 &&
			 pn_avic_evaluate(access_core, true) == -1,
		 "P4", "a delivery");
	pn_avic_deliver(access_core, 0xA1); /* against the priorities: PPR stays */
	rig_want(reg(0xA0) == 0xB0 && reg(0x150) == (2 | 1u << 31) && !reg(0x250), "P4",
		 "PPR is that of the highest in service");
	pn_avic_deliver(access_core, 0xA2);
	rig_want(reg(0x150) == (2 | 1u << 31), "P4", "what is not pending is delivered");
	rig_want(pn_avic_write(access_core, 0xB0, 0, &e) == PN_AVIC_EVALUATE && reg(0x150) == 2 &&
			 reg(0xA0) == 0xA0,
		 "P4", "an EOI");
	solo_followed();
	rig_want(pn_avic_write(access_core, 0xB0, 0, &e) == PN_AVIC_EVALUATE && !reg(0x150), "P4",
		 "EOIs");
	solo_st32(PAGE(2) + 0x1F0, 1u << 31); /* FFh is a level, and not in service */
	rig_want(pn_avic_write(access_core, 0xB0, 0, &e) == PN_AVIC_EVALUATE, "P4",
		 "an EOI of nothing");
	solo_st32(PAGE(2) + 0x1F0, 0);
}

/* TPR decides from its class on, whatever is in service below; and its low bits are in the PPR. */
static void lower_in_service(void)
{
	struct pn_avic_exit e;

	pn_avic_write(access_core, 0x80, 0x20, &e);
	solo_st32(PAGE(2) + 0x210, 1 << 17);
	pn_avic_deliver(access_core, 0x31);
	rig_want(reg(0xA0) == 0x30, "P4", "PPR of a delivery");
	for (unsigned tpr = 0; tpr < 0x100; tpr += 0x0B) {
		pn_avic_write(access_core, 0x80, tpr, &e);
		rig_want(reg(0xA0) == (tpr >> 4 >= 3 ? tpr : 0x30), "P4",
			 "PPR of a TPR and of what is in service");
	}
	pn_avic_write(access_core, 0xB0, 0, &e);
	/* Against the priorities: PPR stays, with its low bits. */
	pn_avic_write(access_core, 0x80, 0x35, &e);
	solo_st32(PAGE(2) + 0x210, 1 << 30);
	pn_avic_deliver(access_core, 0x3E);
	rig_want(reg(0xA0) == 0x35, "P4", "PPR of a delivery that TPR masks");
	pn_avic_write(access_core, 0xB0, 0, &e);
	pn_avic_write(access_core, 0x80, 0, &e);
	solo_followed();
}

static void priorities(void)
{
	struct pn_avic_features f = access_features();
	struct pn_avic_vmcb v = access_vmcb(false);
	struct pn_avic_exit e;

	for (unsigned copies = 0; copies < 2; copies++) {
		f.vmrun_tpr = copies ? PN_VMRUN_TPR_TO_PAGE : PN_VMRUN_TPR_KEEP;
		access_enter(&f, false);
		pn_avic_vmexit(access_core);
		solo_st32(PAGE(2) + 0x80, 0x2B);
		v.v_intr = AVIC | 0xF0 | 5;
		rig_want(!pn_avic_vmrun(access_core, &v) && reg(0x80) == (copies ? 0x5B : 0x2B) &&
				 reg(0xA0) == 0x5B,
			 "P4", "V_TPR, the page's TPR and PPR after VMRUN");
		pn_avic_vmexit(access_core);
		solo_st32(PAGE(2) + 0x160, 2); /* C1h in service */
		rig_want(!pn_avic_vmrun(access_core, &v) && reg(0xA0) == 0xC0, "P4",
			 "PPR of what is in service after VMRUN");
		solo_st32(PAGE(2) + 0x160, 0);
		pn_avic_write(access_core, 0x80, 0x7F, &e);
		rig_want(reg(0x80) == 0x7F && reg(0xA0) == 0x7F, "P4", "TPR and PPR");
		pn_avic_write_cr8(access_core, 0x0A);
		rig_want(reg(0x80) == 0xA0 && reg(0xA0) == 0xA0, "P4", "CR8");
		solo_followed();
		delivers();
		lower_in_service();
	}
	pn_avic_vmexit(access_core);
	solo_st32(PAGE(2) + 0x250, 2);
	pn_avic_deliver(access_core, 0xA1);
	rig_want(reg(0x250) == 2 && pn_avic_evaluate(access_core, true) == -1, "P4",
		 "a delivery outside the guest");
}

static void level_eoi(void)
{
	struct pn_avic_features f = access_features();
	struct pn_avic_exit e;

	for (unsigned k = 0; k < 3; k++) {
		bool ends = k == 1;

		f.level_eoi = k == 0 ? PN_EOI_TRAP : ends ? PN_EOI_TRAP_CLEARED : PN_EOI_FAULT;
		access_enter(&f, false);
		solo_st32(PAGE(2) + 0x120, 1); /* 40h below it */
		solo_st32(PAGE(2) + 0x150, 2);
		solo_st32(PAGE(2) + 0x1D0, 2);
		solo_st32(PAGE(2) + 0xA0, 0xA0);
		rig_want(access_letter(pn_avic_write(access_core, 0xB0, 0, &e)) ==
					 (k == 2 ? 'f' : 't') &&
				 e.code == 0x402 && e.info1 == (1ull << 32 | 0xB0) &&
				 e.info2 == 0xA1,
			 "P7", "the EOI of a level");
		rig_want(reg(0x150) == (ends ? 0 : 2) && reg(0x120) == 1 &&
				 reg(0xA0) == (ends ? 0x40 : 0xA0),
			 "P4", "what the EOI of a level leaves");
		solo_st32(PAGE(2) + 0x1D0, 0);
		solo_st32(PAGE(2) + 0x150, 2);
		memset(&e, 0, sizeof(e));
		rig_want(access_letter(pn_avic_write(access_core, 0xB0, 0, &e)) == 'e' &&
				 !reg(0x150) && reg(0xA0) == 0x40 && !e.code,
			 "P4", "the EOI of an edge");
	}
}

/* ---- memory that moves; a guest without AVIC ---- */

static void memory(void)
{
	struct pn_avic_features f = access_features();
	const struct pn_avic_vmcb off = {0}, on = access_vmcb(false);
	uint32_t evaluations;

	access_enter(&f, false);
	access_core->page = solo_ptr(PAGE(3));
	rig_want(!pn_avic_memory_changed(access_core) && access_core->page == solo_ptr(PAGE(2)),
		 "P7", "the page is not looked for again");
	solo->hole = 3;
	rig_want(pn_avic_memory_changed(access_core) == -EFAULT &&
			 access_core->page == solo_ptr(PAGE(2)),
		 "P7", "a page that has no memory any more");
	solo->hole = 0;
	pn_avic_vmexit(access_core);
	solo->hole = 3;
	rig_want(!pn_avic_memory_changed(access_core), "P7", "outside no page is needed");
	solo->hole = 0;
	evaluations = solo->evaluations;
	rig_want(!pn_avic_vmrun(access_core, &off) && solo->evaluations == evaluations &&
			 access_core->in_guest && !access_core->active && !access_core->page &&
			 !pn_avic_memory_changed(access_core) && !pn_avic_doorbell(access_core) &&
			 pn_avic_evaluate(access_core, true) == -1,
		 "P5", "a guest without AVIC");
	pn_avic_vmexit(access_core);
	for (solo->skew = 1; solo->skew < 8; solo->skew *= 2)
		rig_want(pn_avic_vmrun(access_core, &on) == -EFAULT, "P7",
			 "memory that is misaligned");
	solo->skew = 0;
	solo->end = (uint32_t)(PAGE(2) - SOLO_PA) + 4095;
	rig_want(pn_avic_vmrun(access_core, &on) == -EFAULT, "P7",
		 "a page whose last byte is missing");
	solo->end = 0;
	rig_want(!pn_avic_vmrun(access_core, &off), "P7", "a guest without AVIC");
	access_core->feat.phys_mask = 0xFFF;
	access_core->active = true;
	access_core->page_pa = PAGE(2);
	rig_want(pn_avic_memory_changed(access_core) == -EFAULT, "P7",
		 "beyond the physical addresses");
}

void access_defaults(void)
{
	struct pn_avic_features f;

	memset(&f, 1, sizeof(f));
	pn_avic_features_default(&f);
	rig_want(f.avic && f.x2avic && f.x2avic_ext && f.extlvt && !f.erratum1235 &&
			 f.phys_mask == 0x000FFFFFFFFFFFFF && f.level_eoi == PN_EOI_TRAP &&
			 f.x2_broadcast == PN_X2BCAST_BROADCAST &&
			 f.ipi_index == PN_IPI_INDEX_FIRST &&
			 f.doorbell_host == PN_DOORBELL_HOST_DROP && f.x2_map == PN_X2MAP_FIRST &&
			 f.vmrun_tpr == PN_VMRUN_TPR_KEEP && f.np_off == PN_NP_OFF_INVALID,
		 "P7", "the defaults of a processor");
}

void access_entry(void)
{
	fields();
	addresses();
	refused_entries();
	priorities();
	level_eoi();
	memory();
}
