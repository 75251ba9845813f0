/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_VTD_IRTE_H
#define POSTERN_VTD_IRTE_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/*
 * VT-d interrupt remapping: formats. VT-d architecture specification rev 5.10 (D51397-018).
 */

/* ---- remappable requests, 5.1.2.2 ---- */

#define PN_VTD_MSI_FORMAT    (1u << 4)	 /* address: remappable */
#define PN_VTD_MSI_SHV	     (1u << 3)	 /* address: data holds a subhandle */
#define PN_VTD_MSI_HANDLE_SH 5		 /* address 19:5 = handle[14:0] */
#define PN_VTD_MSI_HANDLE15  (1u << 2)	 /* address: handle[15] */
#define PN_VTD_MSI_DATA_RSV  0xFFFF0000u /* data 31:16 with SHV = 1 */

/* A request taken apart. */
struct pn_vtd_request {
	bool remappable;
	bool shv;
	uint16_t handle, subhandle;
	uint32_t index; /* handle, or handle + subhandle: 17 bits, it does not wrap */
	bool reserved;	/* reserved bits set: fault 20h */
};

/* Takes an MSI apart; the caller has checked that @addr is FEEx_xxxx. Pure. */
struct pn_vtd_request pn_vtd_msi_decode(uint64_t addr, uint32_t data);
/* The MSI of entry @index as Linux composes it: SHV = 1, @handle the first of its block. */
void pn_vtd_msi_encode(uint16_t handle, uint16_t subhandle, uint64_t *addr, uint32_t *data);
/*
 * An I/O APIC redirection entry in remappable format as the request that it sends: index[14:0] in
 * 63:49, format in 48, index[15] in bit 11, 10:8 = 000. False: bit 48 is 0, compatibility format.
 */
bool pn_vtd_ioapic_request(uint64_t rte, uint64_t *addr, uint32_t *data);
/* Such an entry for @index; @vector, @level as the pin needs them (EOI broadcast matches vector).
 */
uint64_t pn_vtd_ioapic_rte(uint16_t index, uint8_t vector, bool level);

/* ---- interrupt remapping table entries, 9.9 and 9.10 ---- */

/* Low quadword. */
#define PN_VIRTE_P	   (1ull << 0)
#define PN_VIRTE_FPD	   (1ull << 1)
#define PN_VIRTE_DM	   (1ull << 2) /* remapped: 1 = logical */
#define PN_VIRTE_RH	   (1ull << 3)
#define PN_VIRTE_TM	   (1ull << 4)		 /* 1 = level */
#define PN_VIRTE_DLM_SH	   5			 /* 7:5 */
#define PN_VIRTE_AVAIL	   0xF00ull		 /* 11:8 ignored by hardware */
#define PN_VIRTE_URG	   (1ull << 14)		 /* posted */
#define PN_VIRTE_IM	   (1ull << 15)		 /* 1 = posted */
#define PN_VIRTE_VECTOR_SH 16			 /* 23:16 vector; posted: VV */
#define PN_VIRTE_DST_SH	   32			 /* remapped 63:32; EIME = 0: 47:40 */
#define PN_VIRTE_PDAL_MASK 0xFFFFFFC000000000ull /* posted 63:38 = descriptor address 31:6 */
/* High quadword. */
#define PN_VIRTE_SID_MASK  0xFFFFull		 /* 79:64 */
#define PN_VIRTE_SQ_SH	   16			 /* 81:80 */
#define PN_VIRTE_SVT_SH	   18			 /* 83:82 */
#define PN_VIRTE_PDAH_MASK 0xFFFFFFFF00000000ull /* posted 127:96 = descriptor address 63:32 */

enum pn_vtd_svt { PN_SVT_NONE, PN_SVT_SID, PN_SVT_BUS, PN_SVT_RESERVED };

/* One entry in memory, little endian, 16-byte aligned. */
struct pn_virte_raw {
	uint64_t lo, hi;
} __attribute__((aligned(16)));

/* Either form, taken apart. Fields that the form does not have are zero. */
struct pn_virte {
	bool p, fpd, im;
	uint8_t avail;
	/* remapped */
	bool dm, rh, tm;
	uint8_t dlm;   /* enum pn_delivery; 3 and 6 are reserved */
	uint32_t dest; /* APIC ID or logical destination */
	/* posted */
	bool urg;
	uint64_t pid; /* physical address of the descriptor */
	/* both */
	uint8_t vector; /* posted: VV */
	uint16_t sid;
	uint8_t sq, svt;
};

/* Properties of the unit on which the format of its entries depends. */
struct pn_virte_env {
	bool eime;   /* IRTA.EIME */
	bool pi;     /* CAP.PI; without it URG and IM are reserved */
	uint8_t haw; /* host address width in bits */
};

/* What is wrong with an entry: a bit set of these, 0 for none. */
#define PN_VIRTE_BAD_RESERVED (1u << 0)
#define PN_VIRTE_BAD_DLM      (1u << 1)
#define PN_VIRTE_BAD_SVT      (1u << 2) /* SVT = 11 */
#define PN_VIRTE_BAD_PID      (1u << 3) /* descriptor address above the host address width */

/* Takes an entry apart into @out; returns PN_VIRTE_BAD_*. P = 0 is not an error here. Pure. */
unsigned pn_virte_decode(struct pn_virte_raw raw, const struct pn_virte_env *env,
			 struct pn_virte *out);
/* Fields of the other form are ignored; dest is placed as @eime says. Pure. */
struct pn_virte_raw pn_virte_encode(const struct pn_virte *irte, bool eime);
/* Source validation of requester @sid, 5.1.4 (SQ, SVT): true if the entry lets it through. Pure. */
bool pn_virte_source_ok(const struct pn_virte *irte, uint16_t sid);

/* ---- faults, table 15 ---- */

enum pn_vtd_fault {
	PN_VTD_FAULT_NONE = 0,
	PN_VTD_FAULT_REQUEST_RSV = 0x20, /* reserved bits in the request */
	PN_VTD_FAULT_INDEX = 0x21,	 /* index beyond the table */
	PN_VTD_FAULT_NOT_PRESENT = 0x22, /* qualified by FPD */
	PN_VTD_FAULT_TABLE = 0x23,	 /* table cannot be read */
	PN_VTD_FAULT_IRTE_RSV = 0x24,	 /* qualified by FPD */
	PN_VTD_FAULT_COMPAT = 0x25,	 /* compatibility request blocked */
	PN_VTD_FAULT_SID = 0x26,	 /* qualified by FPD */
	PN_VTD_FAULT_PID = 0x27,	 /* descriptor cannot be accessed; qualified by FPD */
	PN_VTD_FAULT_PID_RSV = 0x28,	 /* qualified by FPD */
	PN_VTD_FAULT_MALFORMED = 0x29,
	PN_VTD_FAULT_EIMER = 0x2A, /* EIME = 0 although EIMER = 1 */
	PN_VTD_FAULT_IRREQ = 0x2B, /* MSI while remapping is off although IRREQ = 1 */
};

/* "index beyond the table"; NULL: not an interrupt remapping fault. */
const char *pn_vtd_fault_text(unsigned reason);
/*
 * True if FPD = 1 in the entry that blocked the request silences this reason. For DMA that entry is
 * the context entry or the PASID table entry. A fault before such an entry was read is never
 * silent, nor is a reason that is not defined.
 */
bool pn_vtd_fault_qualified(unsigned reason);
/* True for the reasons of interrupt remapping, 20h to 2Fh. */
bool pn_vtd_fault_is_interrupt(unsigned reason);

/* Fault record, 16 bytes (11.4.14). */
#define PN_VTD_FR_INDEX_SH  48			  /* low quadword 63:48, interrupts */
#define PN_VTD_FR_FI_MASK   0xFFFFFFFFFFFFF000ull /* low quadword 63:12, DMA: page of the address */
#define PN_VTD_FR_SID_MASK  0xFFFFull		  /* high quadword 15:0 */
#define PN_VTD_FR_T2	    (1ull << 28)	  /* DMA: T1:T2 is enum pn_vtd_dma */
#define PN_VTD_FR_PRIV	    (1ull << 29)	  /* DMA with PASID: privileged */
#define PN_VTD_FR_EXE	    (1ull << 30)	  /* DMA with PASID: instruction fetch */
#define PN_VTD_FR_PP	    (1ull << 31)	  /* DMA: there is a PASID */
#define PN_VTD_FR_REASON_SH 32			  /* high quadword 39:32 */
#define PN_VTD_FR_PV_SH	    40			  /* high quadword 59:40, PASID */
#define PN_VTD_FR_T1	    (1ull << 62)
#define PN_VTD_FR_F	    (1ull << 63) /* high quadword 63; write 1 to clear */

#pragma GCC visibility pop

#endif
