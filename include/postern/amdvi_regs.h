/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_AMDVI_REGS_H
#define POSTERN_AMDVI_REGS_H

/* AMD IOMMU MMIO registers (48882 rev 3.11, 3.4): offset, then its bits. */

#define PN_AMDVI_MMIO_SIZE    0x4000u  /* without performance counters */
#define PN_AMDVI_MMIO_SIZE_PC 0x80000u /* with them (EFR.PCSup) */

#define PN_AMDVI_DEVTAB 0x0000u /* Device Table Base Address */
#define   PN_DEVTAB_SIZE_MASK 0x1FFull /* 8:0, (n + 1) * 4 KiB */
#define   PN_AMDVI_BASE_MASK  0x000FFFFFFFFFF000ull /* 51:12 of every base register */

#define PN_AMDVI_CMDBUF 0x0008u /* Command Buffer Base Address */
#define PN_AMDVI_EVTLOG 0x0010u /* Event Log Base Address */
#define PN_AMDVI_PPRLOG 0x0038u /* PPR Log Base Address */
#define PN_AMDVI_GALOG	0x00E0u /* Guest Virtual APIC Log Base Address */
#define   PN_AMDVI_LEN_SH   56 /* 59:56 of the four above */
#define   PN_AMDVI_LEN_MASK (0xFull << 56)
#define PN_AMDVI_GALOG_TAIL_ADDR 0x00E8u /* Guest Virtual APIC Log Tail Address */
#define   PN_GALOG_TAIL_ADDR_MASK 0x000FFFFFFFFFFFF8ull /* 51:3 */

#define PN_AMDVI_CONTROL 0x0018u
#define   PN_CTRL_IOMMUEN	(1ull << 0)
#define   PN_CTRL_HTTUNEN	(1ull << 1)
#define   PN_CTRL_EVENTLOGEN	(1ull << 2)
#define   PN_CTRL_EVENTINTEN	(1ull << 3)
#define   PN_CTRL_COMWAITINTEN	(1ull << 4)
#define   PN_CTRL_INVTIMEOUT	(7ull << 5)
#define   PN_CTRL_COHERENT	(1ull << 10)
#define   PN_CTRL_CMDBUFEN	(1ull << 12)
#define   PN_CTRL_PPRLOGEN	(1ull << 13)
#define   PN_CTRL_PPRINTEN	(1ull << 14)
#define   PN_CTRL_PPREN		(1ull << 15)
#define   PN_CTRL_GTEN		(1ull << 16)
#define   PN_CTRL_GAEN		(1ull << 17)
#define   PN_CTRL_CRW		(15ull << 18)
#define   PN_CTRL_SMIFEN	(1ull << 22)
#define   PN_CTRL_SLFWBDIS	(1ull << 23)
#define   PN_CTRL_SMIFLOGEN	(1ull << 24)
#define   PN_CTRL_GAMEN_SH	25 /* 27:25 */
#define   PN_CTRL_GAMEN		(7ull << 25)
#define   PN_CTRL_GAMEN_VAPIC	(1ull << 25)
#define   PN_CTRL_GALOGEN	(1ull << 28)
#define   PN_CTRL_GAINTEN	(1ull << 29)
#define   PN_CTRL_DUALPPRLOGEN	(3ull << 30)
#define   PN_CTRL_DUALEVENTLOGEN (3ull << 32)
#define   PN_CTRL_DEVTBLSEGEN	(7ull << 34)
#define   PN_CTRL_NUMINTREMAP_SH 43 /* 44:43: 00 = 512, 01 = 2048 per function */
#define   PN_CTRL_NUMINTREMAP	(3ull << 43)
#define   PN_CTRL_EPHEN		(1ull << 45)
#define   PN_CTRL_HADUPDATE	(3ull << 46)
#define   PN_CTRL_GDUPDATEDIS	(1ull << 48)
#define   PN_CTRL_XTEN		(1ull << 50)
#define   PN_CTRL_INTCAPXTEN	(1ull << 51)
#define   PN_CTRL_VCMDEN	(1ull << 52)
#define   PN_CTRL_VIOMMUEN	(1ull << 53)
#define   PN_CTRL_GAUPDATEDIS	(1ull << 54) /* guest page tables, not interrupts */
#define   PN_CTRL_GAPPIEN	(1ull << 55)
#define   PN_CTRL_TMPMEN	(1ull << 56)
#define   PN_CTRL_GCR3TRPMODE	(1ull << 58)
#define   PN_CTRL_IRTCACHEDIS	(1ull << 59)
#define   PN_CTRL_GSTBUFFERTRPMODE (1ull << 60)
#define   PN_CTRL_SNPAVICEN_SH	61 /* 63:61 */
#define   PN_CTRL_SNPAVICEN	(7ull << 61)

#define PN_AMDVI_EFR 0x0030u /* Extended Feature, read-only */
#define   PN_EFR_PREFSUP	(1ull << 0)
#define   PN_EFR_PPRSUP		(1ull << 1)
#define   PN_EFR_XTSUP		(1ull << 2)
#define   PN_EFR_NXSUP		(1ull << 3)
#define   PN_EFR_GTSUP		(1ull << 4)
#define   PN_EFR_GAPPISUP	(1ull << 5)
#define   PN_EFR_IASUP		(1ull << 6)
#define   PN_EFR_GASUP		(1ull << 7)
#define   PN_EFR_HESUP		(1ull << 8)
#define   PN_EFR_PCSUP		(1ull << 9)
#define   PN_EFR_HATS_SH	10
#define   PN_EFR_GATS_SH	12
#define   PN_EFR_GLXSUP_SH	14
#define   PN_EFR_SMIFSUP_SH	16
#define   PN_EFR_SMIFRC_SH	18
#define   PN_EFR_GAMSUP_SH	21 /* 23:21: 001 = guest virtual APIC mode */
#define   PN_EFR_GAMSUP		(7ull << 21)
#define   PN_EFR_GAMSUP_VAPIC	(1ull << 21)
#define   PN_EFR_DUALPPRLOG_SH	24
#define   PN_EFR_DUALEVENTLOG_SH 28
#define   PN_EFR_SATS_SH	31
#define   PN_EFR_PASMAX_SH	32
#define   PN_EFR_USSUP		(1ull << 37)
#define   PN_EFR_DEVTBLSEGSUP_SH 38
#define   PN_EFR_MSICAPMMIOSUP	(1ull << 46)
#define   PN_EFR_GIOSUP		(1ull << 48)
#define   PN_EFR_HASUP		(1ull << 49)
#define   PN_EFR_EPHSUP		(1ull << 50)
#define   PN_EFR_HDSUP		(1ull << 52)
#define   PN_EFR_INVIOTLBTYPESUP (1ull << 54)
#define   PN_EFR_VIOMMUSUP	(1ull << 55)
#define   PN_EFR_GAUPDATEDISSUP	(1ull << 61)
#define   PN_EFR_FORCEPHYDESTSUP (1ull << 62)
#define   PN_EFR_SNPSUP		(1ull << 63)

#define PN_AMDVI_EFR2 0x01A0u /* Extended Feature 2, read-only */
#define   PN_EFR2_CXLIO		(1ull << 0)
#define   PN_EFR2_SEVSNPIO	(1ull << 1)
#define   PN_EFR2_PAGEMIGRATION	(1ull << 2)
#define   PN_EFR2_GCR3TRPMODE	(1ull << 3)
#define   PN_EFR2_GAPPIDISSUP	(1ull << 4)
#define   PN_EFR2_SNPAVICSUP_SH	5 /* 7:5 */
#define   PN_EFR2_SNPAVICSUP	(7ull << 5)
#define   PN_EFR2_NUMINTREMAPSUP_SH 8 /* 9:8: 01 = 2048 */
#define   PN_EFR2_NUMINTREMAPSUP (3ull << 8)

#define PN_AMDVI_MSI_ADDR_LO 0x015Cu /* if EFR.MsiCapMmioSup */
#define PN_AMDVI_MSI_ADDR_HI 0x0160u
#define PN_AMDVI_MSI_DATA    0x0164u

#define PN_AMDVI_XT_GEN 0x0170u /* XT interrupt control: events and COMPLETION_WAIT */
#define PN_AMDVI_XT_PPR 0x0178u
#define PN_AMDVI_XT_GA	0x0180u
#define   PN_XT_DM	   (1ull << 2)
#define   PN_XT_DESTLO_SH  8  /* 31:8 */
#define   PN_XT_VECTOR_SH  32 /* 39:32 */
#define   PN_XT_DELIVERY   (1ull << 40)
#define   PN_XT_DESTHI_SH  56 /* 63:56 */
#define   PN_XT_VALID_MASK 0xFF0001FFFFFFFF04ull

#define PN_AMDVI_CMD_HEAD 0x2000u
#define PN_AMDVI_CMD_TAIL 0x2008u
#define PN_AMDVI_EVT_HEAD 0x2010u
#define PN_AMDVI_EVT_TAIL 0x2018u
#define PN_AMDVI_PPR_HEAD 0x2030u
#define PN_AMDVI_PPR_TAIL 0x2038u
#define   PN_AMDVI_PTR_MASK 0x7FFF0ull /* 18:4 */
#define PN_AMDVI_GA_HEAD 0x2040u
#define PN_AMDVI_GA_TAIL 0x2048u
#define   PN_GA_PTR_MASK 0xFFF8ull /* 15:3; the width is a knob */

#define PN_AMDVI_STATUS 0x2020u
#define   PN_ST_EVENTOVERFLOW (1ull << 0)  /* W1C */
#define   PN_ST_EVENTLOGINT   (1ull << 1)  /* W1C */
#define   PN_ST_COMWAITINT    (1ull << 2)  /* W1C */
#define   PN_ST_EVENTLOGRUN   (1ull << 3)  /* RO */
#define   PN_ST_CMDBUFRUN     (1ull << 4)  /* RO */
#define   PN_ST_PPROVERFLOW   (1ull << 5)  /* W1C */
#define   PN_ST_PPRINT	      (1ull << 6)  /* W1C */
#define   PN_ST_PPRLOGRUN     (1ull << 7)  /* RO */
#define   PN_ST_GALOGRUN      (1ull << 8)  /* RO */
#define   PN_ST_GALOVERFLOW   (1ull << 9)  /* W1C */
#define   PN_ST_GAINT	      (1ull << 10) /* W1C */
#define   PN_ST_W1C	      0x667ull

#endif
