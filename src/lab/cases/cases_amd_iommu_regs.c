/* SPDX-License-Identifier: MIT */
/* The registers of an IOMMU: which bits can be written, and when. */
#include "cases_amd_iommu.h"

/* Of an IOMMU with all features: register, and its bits that can be written. */
static const struct {
	uint32_t off;
	uint64_t bits;
	bool needs; /* absent without its feature */
} regs[] = {
	{PN_AMDVI_DEVTAB, 0x000FFFFFFFFFF1FF, false},
	{PN_AMDVI_CMDBUF, 0x0F0FFFFFFFFFF000, false},
	{PN_AMDVI_EVTLOG, 0x0F0FFFFFFFFFF000, false},
	{PN_AMDVI_PPRLOG, 0x0F0FFFFFFFFFF000, true},
	{PN_AMDVI_GALOG, 0x0F0FFFFFFFFFF000, true},
	{PN_AMDVI_GALOG_TAIL_ADDR, 0x000FFFFFFFFFFFF8, true},
	{0x158, 0xFFFFFFFC00000000, true},
	{0x160, 0x0000FFFFFFFFFFFF, true},
	{PN_AMDVI_XT_GEN, 0xFF0001FFFFFFFF04, true},
	{PN_AMDVI_XT_PPR, 0xFF0001FFFFFFFF04, true},
	{PN_AMDVI_XT_GA, 0xFF0001FFFFFFFF04, true},
	{PN_AMDVI_CMD_HEAD, 0x7FFF0, false},
	{PN_AMDVI_CMD_TAIL, 0x7FFF0, false},
	{PN_AMDVI_EVT_HEAD, 0x7FFF0, false},
	{PN_AMDVI_EVT_TAIL, 0x7FFF0, false},
	{PN_AMDVI_PPR_HEAD, 0x7FFF0, true},
	{PN_AMDVI_PPR_TAIL, 0x7FFF0, true},
	{PN_AMDVI_GA_HEAD, 0xFFF8, true},
	{PN_AMDVI_GA_TAIL, 0xFFF8, true},
	{0x1000, 0, false},
};

static void masks(void)
{
	uint64_t v;

	for (unsigned i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		uint32_t off = regs[i].off;

		vi_wr(off, ALL);
		vi_is(off, regs[i].bits, "other bits of a register can be written");
		vi_wr(off, 0);
		vi_is(off, 0, "a bit of a register stays");
		pn_amdvi_write(solo->vi, off, 4, UINT32_MAX);
		vi_is(off, regs[i].bits & UINT32_MAX, "the lower half of a register");
		pn_amdvi_write(solo->vi, off + 4, 4, UINT32_MAX);
		vi_is(off, regs[i].bits, "the upper half of a register");
		pn_amdvi_read(solo->vi, off + 4, 4, &v);
		rig_want(v == regs[i].bits >> 32, "P7", "half of a register reads as another");
		vi_wr(off, 0);
		if (!regs[i].needs)
			continue;
		pn_amdvi_write(iommu_bare, off, 8, ALL);
		pn_amdvi_read(iommu_bare, off, 8, &v);
		rig_want(!v, "P7", "a register is there without its feature");
	}
}

static void read_only(void)
{
	uint64_t efr = vi_rd(PN_AMDVI_EFR), efr2 = vi_rd(PN_AMDVI_EFR2), v;

	vi_wr(PN_AMDVI_EFR, ~efr);
	vi_wr(PN_AMDVI_EFR2, ~efr2);
	vi_is(PN_AMDVI_EFR, efr, "EFR can be written");
	vi_is(PN_AMDVI_EFR2, efr2, "EFR2 can be written");
	rig_want(pn_amdvi_read(solo->vi, 4, 8, &v) < 0 && v == ALL, "P7", "a misaligned read");
	rig_want(pn_amdvi_read(solo->vi, 0, 2, &v) < 0, "P7", "a read of 2 bytes");
	rig_want(pn_amdvi_write(solo->vi, 2, 4, 0) < 0, "P7", "a misaligned write");
	rig_want(pn_amdvi_read(solo->vi, 0x4000, 4, &v) < 0 && v == UINT32_MAX, "P7",
		 "a read beyond the registers");
	pn_amdvi_write(iommu_bare, PN_AMDVI_CONTROL, 8, ALL & ~PN_CTRL_IOMMUEN);
	pn_amdvi_read(iommu_bare, PN_AMDVI_CONTROL, 8, &v);
	rig_want(v == (PN_CTRL_HTTUNEN | PN_CTRL_EVENTLOGEN | PN_CTRL_EVENTINTEN |
		       PN_CTRL_COMWAITINTEN | PN_CTRL_INVTIMEOUT | 0xB00 | PN_CTRL_COHERENT |
		       PN_CTRL_CMDBUFEN | PN_CTRL_CRW | PN_CTRL_SLFWBDIS),
		 "P7", "Control has bits of features that the IOMMU lacks");
	vi_wr(PN_AMDVI_CONTROL, ALL & ~PN_CTRL_IOMMUEN);
	v = PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC | PN_CTRL_GALOGEN | PN_CTRL_GAINTEN | PN_CTRL_XTEN |
	    PN_CTRL_INTCAPXTEN | PN_CTRL_GAPPIEN | PN_CTRL_IRTCACHEDIS |
	    1ull << PN_CTRL_NUMINTREMAP_SH | PN_CTRL_PPRLOGEN | PN_CTRL_PPRINTEN | PN_CTRL_PPREN;
	rig_want((vi_rd(PN_AMDVI_CONTROL) & v) == v, "P7", "Control lacks a bit of a feature");
	rig_want(!(vi_rd(PN_AMDVI_CONTROL) & (PN_CTRL_GTEN | PN_CTRL_VIOMMUEN | 2ull << 43)), "P7",
		 "Control has a bit without its feature");
	rig_want(!(vi_rd(PN_AMDVI_STATUS) & (RUNS | PN_ST_PPRLOGRUN)), "P7",
		 "a log runs while the IOMMU is off");
	vi_wr(PN_AMDVI_CONTROL, PN_CTRL_IOMMUEN | PN_CTRL_PPRLOGEN);
	vi_is(PN_AMDVI_STATUS, PN_ST_PPRLOGRUN, "the PPR log runs alone");
	vi_wr(PN_AMDVI_CONTROL, 0);
	vi_is(PN_AMDVI_STATUS, 0, "nothing runs");
}

/* What may not change while it runs, and under SEV-SNP; bases clear pointers. */
void iommu_held(void)
{
	static const struct {
		uint32_t base, head, tail;
		bool head_too; /* the head is held, too */
	} rings[] = {{PN_AMDVI_CMDBUF, PN_AMDVI_CMD_HEAD, 0, true},
		     {PN_AMDVI_EVTLOG, 0, PN_AMDVI_EVT_TAIL, false},
		     {PN_AMDVI_GALOG, 0, PN_AMDVI_GA_TAIL, false},
		     {PN_AMDVI_GALOG_TAIL_ADDR, 0, 0, false}};

	for (unsigned i = 0; i < 4; i++) {
		uint64_t old = vi_rd(rings[i].base);

		vi_wr(rings[i].base, old ^ 0x10000);
		vi_is(rings[i].base, old, "a ring's base changes while it runs");
		if (rings[i].tail)
			vi_wr(rings[i].tail, 0x40),
				vi_is(rings[i].tail, 0, "a tail of a log that runs");
		if (rings[i].head_too)
			vi_wr(rings[i].head, 0x40),
				vi_is(rings[i].head, 0, "the head of the commands");
	}
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~(PN_CTRL_CMDBUFEN | PN_CTRL_EVENTLOGEN | PN_CTRL_GALOGEN));
	vi_wr(PN_AMDVI_EVT_HEAD, 0x40);
	vi_wr(PN_AMDVI_EVT_TAIL, 0x50);
	vi_wr(PN_AMDVI_EVTLOG, EVENTS | LEN(8));
	vi_is(PN_AMDVI_EVT_HEAD, 0, "a base clears the head");
	vi_is(PN_AMDVI_EVT_TAIL, 0, "a base clears the tail");
	pn_amdvi_snp_lock(solo->vi, true);
	vi_wr(PN_AMDVI_DEVTAB, 0);
	vi_is(PN_AMDVI_DEVTAB, DEVTAB | 2, "the device table's base is locked");
	vi_wr(PN_AMDVI_CONTROL, 0);
	vi_is(PN_AMDVI_CONTROL, PN_CTRL_IOMMUEN, "IommuEn is locked");
	pn_amdvi_snp_lock(solo->vi, false);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	vi_is(PN_AMDVI_STATUS, RUNS, "everything runs again");
}

void iommu_registers(void)
{
	masks();
	read_only();
}
