/* SPDX-License-Identifier: MIT */
/* The commands of an IOMMU, its logs, and its own interrupts. */
#include "cases_amd_iommu.h"

/* ---- commands ---- */

static uint64_t op(unsigned code)
{
	return (uint64_t)code << PN_CMD_OP_SH;
}

/* The last event, which has to be the @n-th since the log was empty. */
static void event(unsigned n, uint64_t q0, uint64_t q1, const char *what)
{
	uint64_t at = EVENTS + ((n - 1) * 16ull & 0xFFF);

	vi_is(PN_AMDVI_EVT_TAIL, n * 16ull & 0xFFF, what);
	rig_want(solo_ld64(at) == q0 && solo_ld64(at + 8) == q1, "P7", what);
}

/* A refused command stops the ring: the head stays, an event, the next one is not executed. */
static void refuse(unsigned n, uint64_t q0, uint64_t q1)
{
	uint64_t head = vi_rd(PN_AMDVI_CMD_HEAD);

	vi_put(q0, q1);
	vi_is(PN_AMDVI_CMD_HEAD, head, "the head passes a command that failed");
	vi_is(PN_AMDVI_STATUS, (RUNS & ~PN_ST_CMDBUFRUN) | PN_ST_EVENTLOGINT,
	      "commands run on after an error");
	event(n, (uint64_t)PN_EVENT_ILLEGAL_COMMAND_ERROR << 60, CMDS + head,
	      "the event of an illegal command");
	vi_wr(PN_AMDVI_CMD_HEAD, (head + 16) & 0xFFF);
	vi_put(pn_amd_cmd_cwait(SHADOW, 77, false).q0, 77);
	rig_want(solo_ld64(SHADOW) != 77, "P7", "a command is executed after an error");
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_CMDBUFEN);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	rig_want(solo_ld64(SHADOW) == 77, "P7", "commands do not go on when they are enabled anew");
	solo_st64(SHADOW, 0);
	iommu_clear_status();
}

void iommu_commands(void)
{
	struct pn_amd_cmd w = pn_amd_cmd_cwait(SHADOW, 5, true);

	solo->intrs = 0;
	vi_put(w.q0 & ~(uint64_t)PN_CWAIT_I, 4);
	rig_want(solo_ld64(SHADOW) == 4 && !solo->intrs, "P7", "COMPLETION_WAIT stores");
	vi_is(PN_AMDVI_STATUS, RUNS, "COMPLETION_WAIT without I sets no bit");
	vi_put(w.q0 | PN_CWAIT_F, 5);
	rig_want(solo_ld64(SHADOW) == 5, "P7", "COMPLETION_WAIT stores");
	vi_is(PN_AMDVI_STATUS, RUNS | PN_ST_COMWAITINT, "COMPLETION_WAIT with I sets ComWaitInt");
	rig_want(solo->intrs == 1 && solo->intr.vector == 0x71 && solo->intr.dest == 0x03000002 &&
			 solo->intr.mode == PN_DM_FIXED && !solo->intr.logical,
		 "P7", "ComWaitInt interrupts");
	vi_put((w.q0 & ~(uint64_t)PN_CWAIT_S), 6);
	rig_want(solo_ld64(SHADOW) == 5 && solo->intrs == 1, "P7",
		 "no store without S, and no interrupt while ComWaitInt is set");
	vi_wr(PN_AMDVI_STATUS, PN_ST_COMWAITINT);
	vi_put(w.q0, 6);
	rig_want(solo->intrs == 2, "P7", "ComWaitInt interrupts each time that it rises");
	iommu_clear_status();
	vi_put(w.q0 | PN_CWAIT_F, 7);
	vi_put(w.q0 & ~(uint64_t)PN_CWAIT_I, 7);
	iommu_clear_status();
	vi_put(op(PN_CMD_INVALIDATE_IOMMU_PAGES), 0);
	vi_put(op(PN_CMD_INVALIDATE_IOTLB_PAGES), ALL);
	vi_put(op(PN_CMD_COMPLETE_PPR_REQUEST), 0);
	vi_put(op(PN_CMD_INVALIDATE_IOMMU_ALL), 0);
	vi_put(op(PN_CMD_INVALIDATE_DEVTAB_ENTRY) | 0xFFFF, 0);
	vi_is(PN_AMDVI_CMD_HEAD, vi_rd(PN_AMDVI_CMD_TAIL), "a legal command is not executed");
	refuse(1, op(PN_CMD_INVALIDATE_INTERRUPT_TABLE) | 1 << 16, 0);
	refuse(2, op(PN_CMD_INVALIDATE_DEVTAB_ENTRY), 1);
	refuse(3, op(0), 0);
	refuse(4, op(9), 0);
	refuse(5, op(PN_CMD_PREFETCH_IOMMU_PAGES), 0); /* a feature that it lacks */
	vi_put(pn_amd_cmd_cwait(SOLO_PA + SOLO_SIZE, 1, false).q0, 1);
	event(6, (uint64_t)PN_EVENT_COMMAND_HARDWARE_ERROR << 60 | 1ull << 57, SOLO_PA + SOLO_SIZE,
	      "COMPLETION_WAIT without memory");
	rig_want(!(vi_rd(PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN), "P7", "commands run after an error");
	vi_wr(PN_AMDVI_CMD_HEAD, vi_rd(PN_AMDVI_CMD_TAIL));
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_CMDBUFEN);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	for (unsigned i = 0; i < 250; i++) /* the ring goes round */
		vi_put(w.q0 & ~(uint64_t)PN_CWAIT_I, i);
	rig_want(solo_ld64(SHADOW) == 249, "P7", "the command ring does not go round");
	solo_st64(SHADOW, 0);
	iommu_clear_status();
}

/* ---- logs and interrupts ---- */

static void fault(void)
{
	pn_amdvi_log_event(solo->vi, 0, 1); /* no event */
	pn_amdvi_log_event(solo->vi, (uint64_t)PN_EVENT_INVALID_DEVICE_REQUEST << 60 | 3, 9);
}

void iommu_event_log(bool broken)
{
	unsigned n = 6;

	solo->intrs = 0;
	for (; n < 255; n++) {
		fault();
		event(n + 1, (uint64_t)PN_EVENT_INVALID_DEVICE_REQUEST << 60 | 3, 9, "an event");
	}
	vi_is(PN_AMDVI_STATUS, RUNS | PN_ST_EVENTLOGINT, "the log is full, and has not overflowed");
	rig_want(solo->intrs == 1, "P7", "an interrupt while EventLogInt is set, or none");
	vi_wr(PN_AMDVI_STATUS, PN_ST_EVENTLOGINT);
	fault();
	vi_is(PN_AMDVI_STATUS,
	      (RUNS & ~PN_ST_EVENTLOGRUN) | PN_ST_EVENTOVERFLOW | PN_ST_EVENTLOGINT,
	      "an event log that overflows");
	vi_is(PN_AMDVI_EVT_TAIL, 255 * 16, "an event is stored beyond the head");
	rig_want(solo->intrs == 2, "P7", "an overflow interrupts");
	vi_wr(PN_AMDVI_EVT_HEAD, 255 * 16);
	fault();
	vi_is(PN_AMDVI_EVT_TAIL, 255 * 16, "an event is logged while the log is off");
	/* 2.5.1: clear the overflow, then enable the log anew. */
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_EVENTLOGEN);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	rig_want(!(vi_rd(PN_AMDVI_STATUS) & PN_ST_EVENTLOGRUN), "P7", "it runs before it may");
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_EVENTLOGEN);
	if (!broken)
		iommu_clear_status();
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	fault();
	vi_is(PN_AMDVI_EVT_TAIL, 0, "no event is logged any more");
	iommu_clear_status();
	solo->hole = 2;
	fault();
	vi_is(PN_AMDVI_EVT_TAIL, 0, "an event without memory counts");
	vi_is(PN_AMDVI_STATUS, RUNS, "an event without memory interrupts");
	solo->hole = 0;
}

static void apic_log(void)
{
	vi_irte(IRT, 0, GUEST | PN_IRTE_GALOGINTR | 0x12345678ull << PN_IRTE_GATAG_SH,
		VAPIC | 0x41);
	vi_flush();
	solo->intrs = 0;
	for (unsigned i = 0; i < 3; i++) {
		rig_want(iommu_ask(DEV, 0) == PN_MSI_POSTED, "P4", "a post");
		rig_want(solo_ld64(GALOG + i * 8) == pn_galog_encode(0x12345678, DEV), "P7",
			 "a log entry is another");
		vi_is(PN_AMDVI_GA_TAIL, (i + 1) * 8, "the log's tail");
		rig_want(solo_ld64(SHADOW + 64) == (i + 1) * 8, "P7", "the tail's copy in memory");
	}
	vi_is(PN_AMDVI_STATUS, RUNS | PN_ST_GAINT, "a log entry sets GAInt");
	rig_want(solo->intrs == 1 && solo->intr.vector == 0x72 && solo->intr.dest == 0x05000004 &&
			 solo->intr.mode == PN_DM_LOWEST && solo->intr.logical,
		 "P7", "GAInt interrupts when it rises");
	rig_want(solo_ld32(VAPIC + 0x220) == 2, "P4", "the IRR");
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	vi_wr(PN_AMDVI_GA_HEAD, 40);
	vi_wr(PN_AMDVI_GA_TAIL, 24);
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GAINTEN);
	iommu_clear_status();
	iommu_ask(DEV, 0);
	rig_want(solo->intrs == 1 && vi_rd(PN_AMDVI_STATUS) == (RUNS | PN_ST_GAINT), "P7",
		 "an interrupt without GAIntEn");
	iommu_clear_status();
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	iommu_ask(DEV, 0);
	vi_is(PN_AMDVI_STATUS, (RUNS & ~PN_ST_GALOGRUN) | PN_ST_GALOVERFLOW,
	      "the log overflows without an interrupt");
	vi_is(PN_AMDVI_GA_TAIL, 32, "an entry is stored beyond the head");
	iommu_clear_status();
	iommu_ask(DEV, 0);
	vi_is(PN_AMDVI_GA_TAIL, 32, "the log runs without being enabled anew");
	vi_wr(PN_AMDVI_GA_HEAD, 32);
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	iommu_ask(DEV, 0);
	vi_is(PN_AMDVI_GA_TAIL, 40, "the log runs again");
	iommu_clear_status();
}

/* By PCI MSI, without IntCapXTEn. */
static void messages(void)
{
	solo->intrs = 0;
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_INTCAPXTEN);
	fault();
	rig_want(!solo->intrs, "P7", "an MSI that is not enabled");
	iommu_clear_status();
	pn_amdvi_pci_msi(solo->vi, true, PN_MSI_ADDR_BASE | 9 << 12 | 4, 0x60);
	pn_amdvi_pci_msgnum(solo->vi, 1, 2, 3);
	fault();
	rig_want(solo->intrs == 1 && solo->intr.vector == 0x61 && solo->intr.dest == 9 &&
			 solo->intr.logical,
		 "P7", "the MSI of the event log");
	iommu_ask(DEV, 0);
	rig_want(solo->intrs == 2 && solo->intr.vector == 0x63, "P7", "the MSI of the log");
	iommu_clear_status();
	pn_amdvi_pci_msi(solo->vi, true, 0x1000, 0x60);
	fault();
	rig_want(solo->intrs == 2, "P7", "an MSI to no local APIC");
	iommu_clear_status();
	vi_wr(PN_AMDVI_XT_GEN, 0);
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	fault();
	rig_want(solo->intrs == 2, "P7", "vector 0 of XT masks");
	iommu_clear_status();
	vi_wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_EVENTINTEN);
	vi_wr(PN_AMDVI_XT_GEN, 0x71ull << PN_XT_VECTOR_SH);
	fault();
	rig_want(solo->intrs == 2, "P7", "an interrupt without EventIntEn");
	vi_wr(PN_AMDVI_CONTROL, CTRL);
	iommu_clear_status();
}

void iommu_interrupts(void)
{
	apic_log();
	messages();
}
