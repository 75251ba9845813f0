/* SPDX-License-Identifier: MIT */
/* One IOMMU alone on AMD: its registers, commands, logs, interrupts and caches, without a race. */
#include "case_setup.h"
#include "postern/amd_dte.h"
#include "postern/amd_log.h"
#include "solo_amd.h"

static struct pn_amdvi *io, *bare, *eager[2];
static bool is_broken;

#define CMDS   SOLO_AT(0) /* 256 entries */
#define EVENTS SOLO_AT(1)
#define GALOG  SOLO_AT(2) /* 512 entries */
#define SEM    SOLO_AT(3)
#define DEVTAB SOLO_AT(4) /* 3 pages */
#define IRT    SOLO_AT(8) /* of DevID 8; 16 bytes an entry */
#define IRT2   SOLO_AT(9) /* of DevID 109h */
#define VAPIC  SOLO_AT(10)

#define DEV    8u
#define OTHER  0x109u /* in the same bucket of the cache */
#define RUNS   (PN_ST_CMDBUFRUN | PN_ST_EVENTLOGRUN | PN_ST_GALOGRUN)
#define LEN(n) ((uint64_t)(n) << PN_AMDVI_LEN_SH)
#define ALL    UINT64_MAX
#define CTRL                                                                                       \
	(PN_CTRL_IOMMUEN | PN_CTRL_EVENTLOGEN | PN_CTRL_EVENTINTEN | PN_CTRL_COMWAITINTEN |        \
	 PN_CTRL_CMDBUFEN | PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC | PN_CTRL_GALOGEN |                 \
	 PN_CTRL_GAINTEN | PN_CTRL_XTEN | PN_CTRL_INTCAPXTEN)

static uint64_t rd(uint32_t off)
{
	uint64_t v = 0;

	rig_want(pn_amdvi_read(io, off, 8, &v) == 0, "P7", "a read of a register fails");
	return v;
}

static void wr(uint32_t off, uint64_t v)
{
	rig_want(pn_amdvi_write(io, off, 8, v) == 0, "P7", "a write of a register fails");
}

static void is(uint32_t off, uint64_t value, const char *what)
{
	rig_want(rd(off) == value, "P7", what);
}

/* ---- registers ---- */

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

		wr(off, ALL);
		is(off, regs[i].bits, "other bits of a register can be written");
		wr(off, 0);
		is(off, 0, "a bit of a register stays");
		pn_amdvi_write(io, off, 4, UINT32_MAX);
		is(off, regs[i].bits & UINT32_MAX, "the lower half of a register");
		pn_amdvi_write(io, off + 4, 4, UINT32_MAX);
		is(off, regs[i].bits, "the upper half of a register");
		pn_amdvi_read(io, off + 4, 4, &v);
		rig_want(v == regs[i].bits >> 32, "P7", "half of a register reads as another");
		wr(off, 0);
		if (!regs[i].needs)
			continue;
		pn_amdvi_write(bare, off, 8, ALL);
		pn_amdvi_read(bare, off, 8, &v);
		rig_want(!v, "P7", "a register is there without its feature");
	}
}

static void read_only(void)
{
	uint64_t efr = rd(PN_AMDVI_EFR), efr2 = rd(PN_AMDVI_EFR2), v;

	wr(PN_AMDVI_EFR, ~efr);
	wr(PN_AMDVI_EFR2, ~efr2);
	is(PN_AMDVI_EFR, efr, "EFR can be written");
	is(PN_AMDVI_EFR2, efr2, "EFR2 can be written");
	rig_want(pn_amdvi_read(io, 4, 8, &v) < 0 && v == ALL, "P7", "a misaligned read");
	rig_want(pn_amdvi_read(io, 0, 2, &v) < 0, "P7", "a read of 2 bytes");
	rig_want(pn_amdvi_write(io, 2, 4, 0) < 0, "P7", "a misaligned write");
	rig_want(pn_amdvi_read(io, 0x4000, 4, &v) < 0 && v == UINT32_MAX, "P7",
		 "a read beyond the registers");
	pn_amdvi_write(bare, PN_AMDVI_CONTROL, 8, ALL & ~PN_CTRL_IOMMUEN);
	pn_amdvi_read(bare, PN_AMDVI_CONTROL, 8, &v);
	rig_want(v == (PN_CTRL_HTTUNEN | PN_CTRL_EVENTLOGEN | PN_CTRL_EVENTINTEN |
		       PN_CTRL_COMWAITINTEN | PN_CTRL_INVTIMEOUT | 0xB00 | PN_CTRL_COHERENT |
		       PN_CTRL_CMDBUFEN | PN_CTRL_CRW | PN_CTRL_SLFWBDIS),
		 "P7", "Control has bits of features that the IOMMU lacks");
	wr(PN_AMDVI_CONTROL, ALL & ~PN_CTRL_IOMMUEN);
	v = PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC | PN_CTRL_GALOGEN | PN_CTRL_GAINTEN | PN_CTRL_XTEN |
	    PN_CTRL_INTCAPXTEN | PN_CTRL_GAPPIEN | PN_CTRL_IRTCACHEDIS |
	    1ull << PN_CTRL_NUMINTREMAP_SH | PN_CTRL_PPRLOGEN | PN_CTRL_PPRINTEN | PN_CTRL_PPREN;
	rig_want((rd(PN_AMDVI_CONTROL) & v) == v, "P7", "Control lacks a bit of a feature");
	rig_want(!(rd(PN_AMDVI_CONTROL) & (PN_CTRL_GTEN | PN_CTRL_VIOMMUEN | 2ull << 43)), "P7",
		 "Control has a bit without its feature");
	rig_want(!(rd(PN_AMDVI_STATUS) & (RUNS | PN_ST_PPRLOGRUN)), "P7",
		 "a log runs while the IOMMU is off");
	wr(PN_AMDVI_CONTROL, PN_CTRL_IOMMUEN | PN_CTRL_PPRLOGEN);
	is(PN_AMDVI_STATUS, PN_ST_PPRLOGRUN, "the PPR log runs alone");
	wr(PN_AMDVI_CONTROL, 0);
	is(PN_AMDVI_STATUS, 0, "nothing runs");
}

/* What may not change while it runs, and under SEV-SNP; bases clear pointers. */
static void held(void)
{
	static const struct {
		uint32_t base, head, tail;
		bool head_too; /* the head is held, too */
	} rings[] = {{PN_AMDVI_CMDBUF, PN_AMDVI_CMD_HEAD, 0, true},
		     {PN_AMDVI_EVTLOG, 0, PN_AMDVI_EVT_TAIL, false},
		     {PN_AMDVI_GALOG, 0, PN_AMDVI_GA_TAIL, false},
		     {PN_AMDVI_GALOG_TAIL_ADDR, 0, 0, false}};

	for (unsigned i = 0; i < 4; i++) {
		uint64_t old = rd(rings[i].base);

		wr(rings[i].base, old ^ 0x10000);
		is(rings[i].base, old, "a ring's base changes while it runs");
		if (rings[i].tail)
			wr(rings[i].tail, 0x40), is(rings[i].tail, 0, "a tail of a log that runs");
		if (rings[i].head_too)
			wr(rings[i].head, 0x40), is(rings[i].head, 0, "the head of the commands");
	}
	wr(PN_AMDVI_CONTROL, CTRL & ~(PN_CTRL_CMDBUFEN | PN_CTRL_EVENTLOGEN | PN_CTRL_GALOGEN));
	wr(PN_AMDVI_EVT_HEAD, 0x40);
	wr(PN_AMDVI_EVT_TAIL, 0x50);
	wr(PN_AMDVI_EVTLOG, EVENTS | LEN(8));
	is(PN_AMDVI_EVT_HEAD, 0, "a base clears the head");
	is(PN_AMDVI_EVT_TAIL, 0, "a base clears the tail");
	pn_amdvi_snp_lock(io, true);
	wr(PN_AMDVI_DEVTAB, 0);
	is(PN_AMDVI_DEVTAB, DEVTAB | 2, "the device table's base is locked");
	wr(PN_AMDVI_CONTROL, 0);
	is(PN_AMDVI_CONTROL, PN_CTRL_IOMMUEN, "IommuEn is locked");
	pn_amdvi_snp_lock(io, false);
	wr(PN_AMDVI_CONTROL, CTRL);
	is(PN_AMDVI_STATUS, RUNS, "everything runs again");
}

/* ---- commands ---- */

static void put(uint64_t q0, uint64_t q1)
{
	uint64_t tail = rd(PN_AMDVI_CMD_TAIL);

	solo_st64(CMDS + tail, q0);
	solo_st64(CMDS + tail + 8, q1);
	wr(PN_AMDVI_CMD_TAIL, (tail + 16) & 0xFFF);
}

static uint64_t op(unsigned code)
{
	return (uint64_t)code << PN_CMD_OP_SH;
}

/* The last event, which has to be the @n-th since the log was empty. */
static void event(unsigned n, uint64_t q0, uint64_t q1, const char *what)
{
	uint64_t at = EVENTS + ((n - 1) * 16ull & 0xFFF);

	is(PN_AMDVI_EVT_TAIL, n * 16ull & 0xFFF, what);
	rig_want(solo_ld64(at) == q0 && solo_ld64(at + 8) == q1, "P7", what);
}

static void clear_status(void)
{
	wr(PN_AMDVI_STATUS, PN_ST_W1C);
}

/* A refused command stops the ring: the head stays, an event, the next one is not executed. */
static void refuse(unsigned n, uint64_t q0, uint64_t q1)
{
	uint64_t head = rd(PN_AMDVI_CMD_HEAD);

	put(q0, q1);
	is(PN_AMDVI_CMD_HEAD, head, "the head passes a command that failed");
	is(PN_AMDVI_STATUS, (RUNS & ~PN_ST_CMDBUFRUN) | PN_ST_EVENTLOGINT,
	   "commands run on after an error");
	event(n, (uint64_t)PN_EVENT_ILLEGAL_COMMAND_ERROR << 60, CMDS + head,
	      "the event of an illegal command");
	wr(PN_AMDVI_CMD_HEAD, (head + 16) & 0xFFF);
	put(pn_amd_cmd_cwait(SEM, 77, false).q0, 77);
	rig_want(solo_ld64(SEM) != 77, "P7", "a command is executed after an error");
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_CMDBUFEN);
	wr(PN_AMDVI_CONTROL, CTRL);
	rig_want(solo_ld64(SEM) == 77, "P7", "commands do not go on when they are enabled anew");
	solo_st64(SEM, 0);
	clear_status();
}

static void commands(void)
{
	struct pn_amd_cmd w = pn_amd_cmd_cwait(SEM, 5, true);

	solo->intrs = 0;
	put(w.q0 & ~(uint64_t)PN_CWAIT_I, 4);
	rig_want(solo_ld64(SEM) == 4 && !solo->intrs, "P7", "COMPLETION_WAIT stores");
	is(PN_AMDVI_STATUS, RUNS, "COMPLETION_WAIT without I sets no bit");
	put(w.q0 | PN_CWAIT_F, 5);
	rig_want(solo_ld64(SEM) == 5, "P7", "COMPLETION_WAIT stores");
	is(PN_AMDVI_STATUS, RUNS | PN_ST_COMWAITINT, "COMPLETION_WAIT with I sets ComWaitInt");
	rig_want(solo->intrs == 1 && solo->intr.vector == 0x71 && solo->intr.dest == 0x03000002,
		 "P7", "ComWaitInt interrupts");
	put((w.q0 & ~(uint64_t)PN_CWAIT_S), 6);
	rig_want(solo_ld64(SEM) == 5 && solo->intrs == 1, "P7",
		 "no store without S, and no interrupt while ComWaitInt is set");
	wr(PN_AMDVI_STATUS, PN_ST_COMWAITINT);
	put(w.q0, 6);
	rig_want(solo->intrs == 2, "P7", "ComWaitInt interrupts each time that it rises");
	clear_status();
	put(w.q0 | PN_CWAIT_F, 7);
	put(w.q0 & ~(uint64_t)PN_CWAIT_I, 7);
	clear_status();
	put(op(PN_CMD_INVALIDATE_IOMMU_PAGES), 0);
	put(op(PN_CMD_INVALIDATE_IOTLB_PAGES), ALL);
	put(op(PN_CMD_COMPLETE_PPR_REQUEST), 0);
	put(op(PN_CMD_INVALIDATE_IOMMU_ALL), 0);
	put(op(PN_CMD_INVALIDATE_DEVTAB_ENTRY) | 0xFFFF, 0);
	is(PN_AMDVI_CMD_HEAD, rd(PN_AMDVI_CMD_TAIL), "a legal command is not executed");
	refuse(1, op(PN_CMD_INVALIDATE_INTERRUPT_TABLE) | 1 << 16, 0);
	refuse(2, op(PN_CMD_INVALIDATE_DEVTAB_ENTRY), 1);
	refuse(3, op(0), 0);
	refuse(4, op(9), 0);
	refuse(5, op(PN_CMD_PREFETCH_IOMMU_PAGES), 0); /* a feature that it lacks */
	put(pn_amd_cmd_cwait(SOLO_PA + SOLO_SIZE, 1, false).q0, 1);
	event(6, (uint64_t)PN_EVENT_COMMAND_HARDWARE_ERROR << 60 | 1ull << 57, SOLO_PA + SOLO_SIZE,
	      "COMPLETION_WAIT without memory");
	rig_want(!(rd(PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN), "P7", "commands run after an error");
	wr(PN_AMDVI_CMD_HEAD, rd(PN_AMDVI_CMD_TAIL));
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_CMDBUFEN);
	wr(PN_AMDVI_CONTROL, CTRL);
	for (unsigned i = 0; i < 250; i++) /* the ring goes round */
		put(w.q0 & ~(uint64_t)PN_CWAIT_I, i);
	rig_want(solo_ld64(SEM) == 249, "P7", "the command ring does not go round");
	solo_st64(SEM, 0);
	clear_status();
}

/* ---- logs and interrupts ---- */

static void fault(void)
{
	pn_amdvi_log_event(io, 0, 1); /* no event */
	pn_amdvi_log_event(io, (uint64_t)PN_EVENT_INVALID_DEVICE_REQUEST << 60 | 3, 9);
}

static void event_log(void)
{
	unsigned n = 6;

	solo->intrs = 0;
	for (; n < 255; n++) {
		fault();
		event(n + 1, (uint64_t)PN_EVENT_INVALID_DEVICE_REQUEST << 60 | 3, 9, "an event");
	}
	is(PN_AMDVI_STATUS, RUNS | PN_ST_EVENTLOGINT, "the log is full, and has not overflowed");
	rig_want(solo->intrs == 1, "P7", "an interrupt while EventLogInt is set, or none");
	wr(PN_AMDVI_STATUS, PN_ST_EVENTLOGINT);
	fault();
	is(PN_AMDVI_STATUS, (RUNS & ~PN_ST_EVENTLOGRUN) | PN_ST_EVENTOVERFLOW | PN_ST_EVENTLOGINT,
	   "an event log that overflows");
	is(PN_AMDVI_EVT_TAIL, 255 * 16, "an event is stored beyond the head");
	rig_want(solo->intrs == 2, "P7", "an overflow interrupts");
	wr(PN_AMDVI_EVT_HEAD, 255 * 16);
	fault();
	is(PN_AMDVI_EVT_TAIL, 255 * 16, "an event is logged while the log is off");
	/* 2.5.1: clear the overflow, then enable the log anew. */
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_EVENTLOGEN);
	wr(PN_AMDVI_CONTROL, CTRL);
	rig_want(!(rd(PN_AMDVI_STATUS) & PN_ST_EVENTLOGRUN), "P7", "it runs before it may");
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_EVENTLOGEN);
	if (!is_broken)
		clear_status();
	wr(PN_AMDVI_CONTROL, CTRL);
	fault();
	is(PN_AMDVI_EVT_TAIL, 0, "no event is logged any more");
	clear_status();
	solo->hole = 2;
	fault();
	is(PN_AMDVI_EVT_TAIL, 0, "an event without memory counts");
	is(PN_AMDVI_STATUS, RUNS, "an event without memory interrupts");
	solo->hole = 0;
}

static struct pn_msi msi(unsigned devid, unsigned data)
{
	return (struct pn_msi){.addr = PN_MSI_ADDR_BASE, .devid = (uint16_t)devid, .data = data};
}

static enum pn_msi_result ask(unsigned devid, unsigned index)
{
	const struct pn_msi m = msi(devid, index);

	return pn_amdvi_msi(io, &m);
}

static void irte(uint64_t at, unsigned index, uint64_t lo, uint64_t hi)
{
	solo_st64(at + 16ull * index + 8, hi);
	solo_st64(at + 16ull * index, lo);
}

static void dte(unsigned devid, uint64_t root)
{
	const struct pn_dte d = {
		.iv = true, .inttablen = 4, .intctl = PN_INTCTL_REMAP, .root = root};

	solo_st64(DEVTAB + devid * PN_DTE_SIZE + 16, pn_dte_encode(&d));
}

#define GUEST (PN_IRTE_GUESTMODE | PN_IRTE_REMAPEN)

static void all(void)
{
	put(pn_amd_cmd_inv_all().q0, 0);
}

static void apic_log(void)
{
	irte(IRT, 0, GUEST | PN_IRTE_GALOGINTR | 0x12345678ull << PN_IRTE_GATAG_SH, VAPIC | 0x41);
	all();
	solo->intrs = 0;
	for (unsigned i = 0; i < 3; i++) {
		rig_want(ask(DEV, 0) == PN_MSI_POSTED, "P4", "a post");
		rig_want(solo_ld64(GALOG + i * 8) == pn_galog_encode(0x12345678, DEV), "P7",
			 "a log entry is another");
		is(PN_AMDVI_GA_TAIL, (i + 1) * 8, "the log's tail");
		rig_want(solo_ld64(SEM + 64) == (i + 1) * 8, "P7", "the tail's copy in memory");
	}
	is(PN_AMDVI_STATUS, RUNS | PN_ST_GAINT, "a log entry sets GAInt");
	rig_want(solo->intrs == 1 && solo->intr.vector == 0x72 && solo->intr.dest == 0x05000004 &&
			 solo->intr.mode == PN_DM_LOWEST && solo->intr.logical,
		 "P7", "GAInt interrupts when it rises");
	rig_want(solo_ld32(VAPIC + 0x220) == 2, "P4", "the IRR");
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	wr(PN_AMDVI_GA_HEAD, 40);
	wr(PN_AMDVI_GA_TAIL, 24);
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GAINTEN);
	clear_status();
	ask(DEV, 0);
	rig_want(solo->intrs == 1 && rd(PN_AMDVI_STATUS) == (RUNS | PN_ST_GAINT), "P7",
		 "an interrupt without GAIntEn");
	clear_status();
	wr(PN_AMDVI_CONTROL, CTRL);
	ask(DEV, 0);
	is(PN_AMDVI_STATUS, (RUNS & ~PN_ST_GALOGRUN) | PN_ST_GALOVERFLOW,
	   "the log overflows without an interrupt");
	is(PN_AMDVI_GA_TAIL, 32, "an entry is stored beyond the head");
	clear_status();
	ask(DEV, 0);
	is(PN_AMDVI_GA_TAIL, 32, "the log runs without being enabled anew");
	wr(PN_AMDVI_GA_HEAD, 32);
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	wr(PN_AMDVI_CONTROL, CTRL);
	ask(DEV, 0);
	is(PN_AMDVI_GA_TAIL, 40, "the log runs again");
	clear_status();
}

/* By PCI MSI, without IntCapXTEn. */
static void messages(void)
{
	solo->intrs = 0;
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_INTCAPXTEN);
	fault();
	rig_want(!solo->intrs, "P7", "an MSI that is not enabled");
	clear_status();
	pn_amdvi_pci_msi(io, true, PN_MSI_ADDR_BASE | 9 << 12 | 4, 0x60);
	pn_amdvi_pci_msgnum(io, 1, 2, 3);
	fault();
	rig_want(solo->intrs == 1 && solo->intr.vector == 0x61 && solo->intr.dest == 9 &&
			 solo->intr.logical,
		 "P7", "the MSI of the event log");
	ask(DEV, 0);
	rig_want(solo->intrs == 2 && solo->intr.vector == 0x63, "P7", "the MSI of the log");
	clear_status();
	pn_amdvi_pci_msi(io, true, 0x1000, 0x60);
	fault();
	rig_want(solo->intrs == 2, "P7", "an MSI to no local APIC");
	clear_status();
	wr(PN_AMDVI_XT_GEN, 0);
	wr(PN_AMDVI_CONTROL, CTRL);
	fault();
	rig_want(solo->intrs == 2, "P7", "vector 0 of XT masks");
	clear_status();
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_EVENTINTEN);
	wr(PN_AMDVI_XT_GEN, 0x71ull << PN_XT_VECTOR_SH);
	fault();
	rig_want(solo->intrs == 2, "P7", "an interrupt without EventIntEn");
	wr(PN_AMDVI_CONTROL, CTRL);
	clear_status();
}

/* ---- the machine ---- */

static void bring_up(void)
{
	wr(PN_AMDVI_DEVTAB, DEVTAB | 2);
	wr(PN_AMDVI_CMDBUF, CMDS | LEN(8));
	wr(PN_AMDVI_EVTLOG, EVENTS | LEN(8));
	wr(PN_AMDVI_GALOG, GALOG | LEN(8));
	wr(PN_AMDVI_GALOG_TAIL_ADDR, SEM + 64);
	wr(PN_AMDVI_XT_GEN, 0x71ull << 32 | 3ull << 56 | 2 << 8);
	wr(PN_AMDVI_XT_GA, 0x72ull << 32 | 5ull << 56 | 4 << 8 | PN_XT_DELIVERY | PN_XT_DM);
	dte(DEV, IRT);
	dte(OTHER, IRT2);
	wr(PN_AMDVI_CONTROL, CTRL);
	is(PN_AMDVI_CONTROL, CTRL, "Control reads as written");
	is(PN_AMDVI_STATUS, RUNS, "what is enabled runs");
}

static void uses(void *arg)
{
	(void)arg;
	px_doing("the host uses the registers");
	is(PN_AMDVI_CONTROL, PN_CTRL_COHERENT, "Control after reset");
	is(PN_AMDVI_CMDBUF, LEN(8), "a length after reset");
	is(PN_AMDVI_EVTLOG, LEN(8), "a length after reset");
	is(PN_AMDVI_PPRLOG, LEN(8), "a length after reset");
	is(PN_AMDVI_GALOG, LEN(8), "a length after reset");
	masks();
	read_only();
	bring_up();
	held();
	px_doing("the host sends commands");
	commands();
	px_doing("events are logged");
	event_log();
	px_doing("its device interrupts");
	apic_log();
	messages();
	solo_followed();
	pn_amdvi_reset(io);
	is(PN_AMDVI_CONTROL, PN_CTRL_COHERENT, "Control after reset");
	is(PN_AMDVI_STATUS, 0, "Status after reset");
	is(PN_AMDVI_DEVTAB, 0, "a base after reset");
	rig_want(ask(DEV, 0) == PN_MSI_FORWARDED, "P7", "an IOMMU that is off forwards");
	solo_st64(DEVTAB + DEV * PN_DTE_SIZE + 16, 0);
	wr(PN_AMDVI_DEVTAB, DEVTAB | 2);
	wr(PN_AMDVI_CONTROL, PN_CTRL_IOMMUEN);
	rig_want(ask(DEV, 0) == PN_MSI_FORWARDED, "P7", "a cached entry outlives a reset");
}

static void create(void)
{
	struct pn_amdvi_config hw;

	solo_build();
	pn_amdvi_config_default(&hw);
	hw.bus = &solo->bus;
	hw.agent = &solo->agent;
	hw.dte_cache = 4;
	hw.irte_cache = 4;
	hw.efr |= PN_EFR_PPRSUP;
	pn_amdvi_create(&hw, &io);
	hw.efr = hw.efr2 = 0;
	hw.no_irtcachedis = true;
	pn_amdvi_create(&hw, &bare);
	pn_amdvi_config_default(&hw);
	hw.bus = &solo->bus;
	hw.agent = &solo->agent;
	for (unsigned i = 0; i < 2; i++) {
		hw.knobs.gappi_emptiness = i ? PN_EMPTY_ALWAYS : PN_EMPTY_WORD32;
		pn_amdvi_create(&hw, &eager[i]);
	}
}

static void registers(bool broken)
{
	create();
	is_broken = broken;
	px_thread("CPU 0", 0, uses, NULL);
}

/* ---- caches ---- */

static void remaps(unsigned devid, unsigned index, unsigned vector, const char *what)
{
	solo->intr.vector = 0;
	rig_want(ask(devid, index) == PN_MSI_REMAPPED && solo->intr.vector == vector, "P4", what);
}

static void forget(unsigned devid)
{
	put(pn_amd_cmd_inv_irt((uint16_t)devid).q0, 0);
}

static void fill(uint64_t at, uint8_t first)
{
	for (unsigned i = 0; i < 8; i++)
		irte(at, i, PN_IRTE_REMAPEN | 1 << PN_IRTE_DESTLO_SH, first + i);
}

static void lists(void)
{
	static const uint8_t order[][6] = {
		{0, 1, 2, 3, 5, 0}, {3, 2, 1, 0, 6, 7}, {1, 5, 1, 5, 2, 2}, {0, 4, 3, 7, 2, 1}};
	uint8_t v = 0x20;

	for (unsigned k = 0; k < 4; k++) {
		fill(IRT, v);
		fill(IRT2, v + 8);
		forget(DEV);
		forget(OTHER);
		for (unsigned i = 0; i < 6; i++)
			remaps(DEV, order[k][i], v + order[k][i], "an entry of a full cache");
		fill(IRT, v + 16); /* entries that are cached stay */
		remaps(DEV, order[k][5], v + order[k][5], "a cached entry is read again");
		remaps(OTHER, 2, v + 10, "an entry of another device");
		forget(DEV);
		fill(IRT2, v + 24);
		remaps(OTHER, 2, v + 10, "another device's entry is dropped");
		for (unsigned i = 0; i < 8; i++)
			remaps(DEV, i, v + 16 + i, "an entry stays in the cache");
		forget(OTHER);
		remaps(OTHER, 2, v + 26, "an entry of the other device stays");
		v += 32;
	}
}

/* Every way to drop everything; DevIDs and indices that fill the caches. */
static void drops(void)
{
	static const uint64_t bits[] = {PN_CTRL_GAMEN_VAPIC, PN_CTRL_XTEN, PN_CTRL_IRTCACHEDIS,
					PN_CTRL_GAEN};
	const unsigned ways = sizeof(bits) / sizeof(bits[0]);
	uint8_t v = 0x20;

	for (unsigned k = 0; k <= ways; k++) {
		for (unsigned n = 0; n < 4; n++)
			dte(DEV + n, IRT);
		all();
		fill(IRT, v);
		for (unsigned i = 0; i < 4; i++)
			remaps(DEV, i, v + i, "a fresh entry");
		fill(IRT, v + 8);
		remaps(DEV, 3, v + 3, "a cached entry is read again");
		if (k < ways) {
			wr(PN_AMDVI_CONTROL, CTRL ^ bits[k]);
			wr(PN_AMDVI_CONTROL, CTRL);
		} else {
			all();
		}
		for (unsigned i = 0; i < 4; i++)
			remaps(DEV, i, v + 8 + i, "an entry stays when everything is dropped");
		for (unsigned n = 0; n < 4; n++)
			remaps(DEV + n, 0, v + 8, "an entry of a device");
		for (unsigned n = 0; n < 4; n++)
			dte(DEV + n, IRT2);
		fill(IRT2, v + 16);
		remaps(DEV + 3, 1, v + 9, "a device table entry is read again");
		all();
		for (unsigned n = 0; n < 4; n++)
			remaps(DEV + n, 0, v + 16, "a device table entry stays");
		v += 32;
	}
	dte(DEV, IRT);
	wr(PN_AMDVI_CONTROL, CTRL | PN_CTRL_IRTCACHEDIS);
	fill(IRT, 0x30);
	all();
	remaps(DEV, 0, 0x30, "an entry");
	fill(IRT, 0x40);
	remaps(DEV, 0, 0x40, "an entry is cached with IRTCacheDis");
	wr(PN_AMDVI_CONTROL, CTRL);
}

/* Memory goes away, and comes back. */
static void memory(void)
{
	static const unsigned devs[] = {DEV, DEV + 1, DEV + 2, DEV + 3};

	for (unsigned n = 0; n < 4; n++)
		dte(devs[n], IRT);
	fill(IRT, 0x50);
	irte(IRT, 1, GUEST | PN_IRTE_ISRUN | 2 << PN_IRTE_DESTLO_SH, VAPIC | 0x43);
	all();
	for (unsigned n = 0; n < 4; n++)
		remaps(devs[n], 0, 0x50, "an entry");
	solo->hole = 9; /* IRT */
	pn_amdvi_memory_changed(io);
	for (unsigned n = 0; n < 4; n++)
		rig_want(ask(devs[n], 0) == PN_MSI_ABORTED, "P7", "an entry without memory");
	solo->hole = 0;
	for (unsigned i = 0; i < 4; i++)
		(void)ask(DEV, i);
	solo->hole = 9;
	pn_amdvi_memory_changed(io);
	for (unsigned i = 0; i < 4; i++)
		rig_want(ask(DEV, i) == PN_MSI_ABORTED, "P7", "an entry without memory");
	solo->hole = 5; /* the first page of the device table */
	pn_amdvi_memory_changed(io);
	for (unsigned n = 0; n < 4; n++)
		rig_want(ask(devs[n], 0) == PN_MSI_ABORTED, "P7", "a device without memory");
	solo->hole = 0;
	rig_want(ask(DEV, 1) == PN_MSI_POSTED && solo->bell == 2, "P4", "a post");
	solo->hole = 11; /* the page */
	pn_amdvi_memory_changed(io);
	rig_want(ask(DEV, 1) == PN_MSI_ABORTED, "P7", "a page without memory");
	solo->hole = 0;
	rig_want(ask(DEV, 1) == PN_MSI_POSTED, "P4", "a page that came back");
}

/* With poison_stale: memory changed, and no invalidation came. */
static void stale(void)
{
	unsigned n = 0;

	dte(DEV, IRT);
	fill(IRT, 0x60);
	irte(IRT, 1, GUEST | PN_IRTE_ISRUN, VAPIC | 0x43);
	irte(IRT, 2, 0, 0);
	all();
	for (unsigned i = 0; i < 2; i++) {
		remaps(DEV, 0, 0x60, "an entry that did not change");
		rig_want(ask(DEV, 1) == PN_MSI_POSTED, "P4", "a post");
		rig_want(ask(DEV, 2) == PN_MSI_ABORTED, "P7", "an absent entry");
	}
	irte(IRT, 1, GUEST | PN_IRTE_GALOGINTR | 7ull << PN_IRTE_GATAG_SH, VAPIC | 0x43);
	rig_want(ask(DEV, 1) == PN_MSI_POSTED, "P6", "a field that is never cached changed");
	irte(IRT, 1, GUEST | PN_IRTE_ISRUN, VAPIC | 0x44);
	n += ask(DEV, 1) == PN_MSI_ABORTED;
	irte(IRT, 0, PN_IRTE_REMAPEN, 0x61);
	n += ask(DEV, 0) == PN_MSI_ABORTED;
	irte(IRT, 2, PN_IRTE_REMAPEN, 0x62);
	n += ask(DEV, 2) == PN_MSI_ABORTED;
	rig_want(n == 3, "P7", "a stale entry is used");
	if (!is_broken)
		forget(DEV);
	remaps(DEV, 0, 0x61, "an entry that changed, without an invalidation");
	remaps(DEV, 2, 0x62, "an entry that was absent");
	rig_want(ask(DEV, 1) == PN_MSI_POSTED, "P4", "a post");
	dte(DEV, IRT2);
	rig_want(ask(DEV, 0) == PN_MSI_ABORTED, "P7", "a stale device table entry is used");
}

/* 32-bit entries, and the emptiness of all words that GAPPI looks at. */
static void forms(void)
{
	for (unsigned w = 0; w < 8; w++)
		solo_st32(VAPIC + PN_APIC_IRR + 16 * w, 0);
	irte(IRT, 3, GUEST | 0x99ull << PN_IRTE_GATAG_SH | 6 << PN_IRTE_DESTLO_SH, VAPIC | 0x85);
	dte(DEV, IRT);
	wr(PN_AMDVI_CONTROL, CTRL | PN_CTRL_GAPPIEN);
	all();
	for (unsigned w = 0; w < 8; w++) {
		uint64_t at = VAPIC + PN_APIC_IRR + 16 * w;

		solo->intrs = 0;
		solo_st32(at, 4);
		rig_want(ask(DEV, 3) == PN_MSI_POSTED && solo->intrs == 0, "P7",
			 "GAPPI although another vector is pending");
		solo_st32(VAPIC + PN_APIC_IRR + 0x40, 0);
		solo_st32(at, 0);
		ask(DEV, 3);
		rig_want(solo->intrs == 1 && solo->intr.vector == 0x99 && solo->intr.dest == 6,
			 "P1", "no GAPPI of an IRR that was empty");
		solo_st32(VAPIC + PN_APIC_IRR + 0x40, 0);
	}
	wr(PN_AMDVI_CONTROL, CTRL & ~(PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC));
	for (unsigned i = 0; i < 4; i++)
		solo_st32(IRT + 4 * i, PN_IRTE_REMAPEN | (i + 1) << 8 | (0x90 + i) << 16);
	all();
	for (unsigned i = 0; i < 4; i++) {
		remaps(DEV, i, 0x90 + i, "a 32-bit entry");
		rig_want(solo->intr.dest == i + 1, "P4", "the destination of a 32-bit entry");
	}
	wr(PN_AMDVI_CONTROL, CTRL);
}

/* What else the knob lets "empty" be: one word alone, or anything at all. */
static void emptiness(void)
{
	struct pn_amdvi *const strict = io;

	for (unsigned i = 0; i < 2; i++) {
		io = eager[i];
		bring_up();
		wr(PN_AMDVI_CONTROL, CTRL | PN_CTRL_GAPPIEN);
		for (unsigned w = 0; w < 8; w++)
			solo_st32(VAPIC + PN_APIC_IRR + 16 * w, w == 0);
		irte(IRT, 3, GUEST | 0x99ull << PN_IRTE_GATAG_SH, VAPIC | 0x85);
		all();
		solo->intrs = 0;
		rig_want(ask(DEV, 3) == PN_MSI_POSTED && solo->intrs == 1, "P7",
			 "no GAPPI although the posted word was empty");
		ask(DEV, 3);
		rig_want(solo->intrs == (i ? 2 : 1), "P7",
			 "GAPPI of a word that is not empty: always, or never");
	}
	io = strict;
}

static void caches_all(void *arg)
{
	(void)arg;
	bring_up();
	px_doing("fills and empties the caches");
	lists();
	drops();
	memory();
	px_doing("entries of all forms");
	forms();
	emptiness();
	solo_followed();
}

static void poisoned(void *arg)
{
	(void)arg;
	bring_up();
	px_doing("changes entries");
	stale();
}

static void stale_entries(bool broken)
{
	struct pn_amdvi_config hw;

	create();
	is_broken = broken;
	pn_amdvi_config_default(&hw);
	hw.bus = &solo->bus;
	hw.agent = &solo->agent;
	hw.poison_stale = true;
	pn_amdvi_create(&hw, &io);
	px_thread("CPU 0", 0, poisoned, NULL);
}

static void caches(bool broken)
{
	(void)broken;
	create();
	px_thread("CPU 0", 0, caches_all, NULL);
}

const struct case_setup pn_cases_amd_iommu[] = {
	{{"event-log-not-cleared", "48882, 2.5.1",
	  "an event log that overflowed is enabled anew, and EventOverflow is still set",
	  "EventOverflow is cleared first", "P7", false, false},
	 PN_MISTAKE_NONE,
	 registers,
	 0},
	{{"cache-drops-first", "48882, 2.4.5",
	  "INVALIDATE_INTERRUPT_TABLE drops one entry of a cache that is full", "all of them", "P4",
	  false, false},
	 PN_MISTAKE_DROP_FIRST_ONLY,
	 caches,
	 0},
	{{"entry-not-invalidated", "48882, 2.4.5",
	  "entries change, and the IOMMU goes on with those in its cache",
	  "INVALIDATE_INTERRUPT_TABLE", "P4", false, false},
	 PN_MISTAKE_NONE,
	 stale_entries,
	 0},
};

const unsigned pn_cases_amd_iommu_nr = sizeof(pn_cases_amd_iommu) / sizeof(pn_cases_amd_iommu[0]);
