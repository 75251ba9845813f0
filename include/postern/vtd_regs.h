/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_VTD_REGS_H
#define POSTERN_VTD_REGS_H

/* Interrupt registers of the VT-d remapping unit (rev 5.10, ch. 11.4): offset, then its bits. */

#define PN_VTD_MMIO_SIZE 0x1000u

#define PN_VTD_VER 0x00u /* 32 bits, read-only */
#define   PN_VTD_VER_MAJOR_SH	4 /* 7:4; 3:0 minor */

#define PN_VTD_CAP 0x08u /* 64 bits, read-only */
#define   PN_VTD_CAP_RWBF	(1ull << 4)
#define   PN_VTD_CAP_CM		(1ull << 7) /* caching mode: not-present entries may be cached */
#define   PN_VTD_CAP_FRO_SH	24	    /* 33:24, first fault record at 16 * FRO */
#define   PN_VTD_CAP_FRO	(0x3FFull << 24)
#define   PN_VTD_CAP_NFR_SH	40	    /* 47:40, number of fault records - 1 */
#define   PN_VTD_CAP_NFR	(0xFFull << 40)
#define   PN_VTD_CAP_PI		(1ull << 59) /* posted interrupts */
#define   PN_VTD_CAP_ESIRTPS	(1ull << 62) /* SIRTP drops the whole entry cache */

#define PN_VTD_ECAP 0x10u /* 64 bits, read-only */
#define   PN_VTD_ECAP_C		(1ull << 0)
#define   PN_VTD_ECAP_QI	(1ull << 1)
#define   PN_VTD_ECAP_DT	(1ull << 2)
#define   PN_VTD_ECAP_IR	(1ull << 3)
#define   PN_VTD_ECAP_EIM	(1ull << 4)
#define   PN_VTD_ECAP_MHMV_SH	20 /* 23:20, largest IM of an IEC descriptor */
#define   PN_VTD_ECAP_MHMV	(0xFull << 20)
#define   PN_VTD_ECAP_SMTS	(1ull << 43) /* with it 256-bit descriptors */
#define   PN_VTD_ECAP_EIMER	(1ull << 61)
#define   PN_VTD_ECAP_IRREQ	(1ull << 62)

#define PN_VTD_GCMD 0x18u /* 32 bits, write-only */
#define PN_VTD_GSTS 0x1Cu /* 32 bits, read-only; the same bits */
#define   PN_VTD_G_CFI		(1u << 23) /* compatibility format interrupts pass */
#define   PN_VTD_G_SIRTP	(1u << 24) /* one-shot: latch IRTA */
#define   PN_VTD_G_IRE		(1u << 25) /* interrupt remapping */
#define   PN_VTD_G_QIE		(1u << 26) /* invalidation queue */
#define   PN_VTD_G_WBF		(1u << 27) /* one-shot */
#define   PN_VTD_G_EAFL		(1u << 28)
#define   PN_VTD_G_SFL		(1u << 29) /* one-shot */
#define   PN_VTD_G_SRTP		(1u << 30) /* one-shot: latch RTADDR */
#define   PN_VTD_G_TE		(1u << 31) /* DMA remapping */

#define PN_VTD_RTADDR 0x20u /* 64 bits */
#define   PN_VTD_RTADDR_TTM_SH	10 /* 11:10: 0 legacy, 1 scalable, 2 reserved, 3 abort */
#define   PN_VTD_TTM_LEGACY	0u
#define   PN_VTD_TTM_SCALABLE	1u
#define   PN_VTD_TTM_RESERVED	2u
#define   PN_VTD_TTM_ABORT	3u

#define PN_VTD_FSTS 0x34u /* 32 bits */
#define   PN_VTD_FSTS_PFO	(1u << 0) /* W1C: no free record */
#define   PN_VTD_FSTS_PPF	(1u << 1) /* OR of all F */
#define   PN_VTD_FSTS_IQE	(1u << 4) /* W1C */
#define   PN_VTD_FSTS_ICE	(1u << 5) /* W1C */
#define   PN_VTD_FSTS_ITE	(1u << 6) /* W1C */
#define   PN_VTD_FSTS_FRI_SH	8	  /* 15:8, record of the first fault */
#define   PN_VTD_FSTS_FRI	(0xFFu << 8)
#define   PN_VTD_FSTS_W1C	0x71u

#define PN_VTD_FECTL   0x38u /* fault event interrupt, 32 bits each */
#define PN_VTD_FEDATA  0x3Cu
#define PN_VTD_FEADDR  0x40u
#define PN_VTD_FEUADDR 0x44u /* ECAP.EIM: 31:8 are bits 31:8 of the destination */
#define PN_VTD_ICS     0x9Cu /* invalidation completion status, 32 bits */
#define   PN_VTD_ICS_IWC	(1u << 0) /* W1C */
#define PN_VTD_IECTL   0xA0u /* invalidation event interrupt, 32 bits each */
#define PN_VTD_IEDATA  0xA4u
#define PN_VTD_IEADDR  0xA8u
#define PN_VTD_IEUADDR 0xACu
#define   PN_VTD_ECTL_IP	(1u << 30) /* read-only: held back by IM */
#define   PN_VTD_ECTL_IM	(1u << 31) /* masked; 1 after reset */

#define PN_VTD_IQH  0x80u /* 64 bits, read-only */
#define PN_VTD_IQT  0x88u /* 64 bits */
#define   PN_VTD_IQ_PTR_MASK	0x7FFF0u /* 18:4, offset in bytes */
#define PN_VTD_IQA  0x90u /* 64 bits; ignores writes while GSTS.QIES (inferred) */
#define   PN_VTD_IQA_QS		7ull	 /* 2:0, 2^QS pages of 4 KiB */
#define   PN_VTD_IQA_DW		(1ull << 11) /* 256-bit descriptors; ECAP.SMTS */
#define PN_VTD_IQER 0xB0u /* 64 bits, read-only */
#define   PN_VTD_IQER_IQEI	0xFull	 /* 3:0, valid while FSTS.IQE */
#define     PN_VTD_IQEI_TAIL	  1u	 /* tail beyond the queue */
#define     PN_VTD_IQEI_FETCH	  2u
#define     PN_VTD_IQEI_TYPE	  3u
#define     PN_VTD_IQEI_RESERVED  4u
#define     PN_VTD_IQEI_WIDTH	  5u
#define     PN_VTD_IQEI_ALIGN	  6u	 /* tail at half a descriptor */
#define     PN_VTD_IQEI_TTM	  7u

#define PN_VTD_IRTA 0xB8u /* 64 bits; takes effect at SIRTP */
#define   PN_VTD_IRTA_S		0xFull	     /* 3:0, 2^(S + 1) entries */
#define   PN_VTD_IRTA_EIME	(1ull << 11) /* x2APIC; does not change while GSTS.IRES */
#define   PN_VTD_BASE_MASK	0xFFFFFFFFFFFFF000ull /* 63:12 of IRTA and IQA */

#define PN_VTD_FR_SIZE 16u /* one fault record, at 16 * FRO; bits: vtd_irte.h */

/* ---- invalidation descriptors, 6.5.2: first quadword unless said otherwise ---- */

#define PN_VTD_D_TYPE(q0) ((unsigned)((q0) & 0xF) | ((unsigned)((q0) >> 9 & 7) << 4))
#define   PN_VTD_D_CONTEXT	1u
#define   PN_VTD_D_IOTLB	2u
#define   PN_VTD_D_DEVTLB	3u
#define   PN_VTD_D_IEC		4u
#define   PN_VTD_D_WAIT		5u
#define   PN_VTD_D_PASID_IOTLB	6u
#define   PN_VTD_D_PASID	7u
#define   PN_VTD_D_PASID_DEVTLB 8u
/* interrupt entry cache */
#define PN_VTD_IEC_INDEX	(1ull << 4) /* 0: global */
#define PN_VTD_IEC_IM_SH	27	    /* 31:27, 2^IM entries */
#define PN_VTD_IEC_IIDX_SH	32	    /* 47:32 */
#define PN_VTD_IEC_RSV		0xFFFF000007FFF1E0ull
/* wait */
#define PN_VTD_WAIT_IF		(1ull << 4) /* interrupt */
#define PN_VTD_WAIT_SW		(1ull << 5) /* write status */
#define PN_VTD_WAIT_FN		(1ull << 6) /* fence */
#define PN_VTD_WAIT_PD		(1ull << 7) /* drain page requests */
#define PN_VTD_WAIT_DATA_SH	32	    /* 63:32 */
#define PN_VTD_WAIT_RSV		0x00000000FFFFF100ull
#define PN_VTD_WAIT_ADDR_MASK	0xFFFFFFFFFFFFFFFCull /* second quadword, 63:2 */

#endif
