/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_AMD_IRTE_H
#define POSTERN_AMD_IRTE_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* Interrupt remapping table entries, AMD IOMMU specification 48882 rev 3.11, 2.2.5. */

/* 32-bit form (Control.GAEn = 0), 2.2.5.1. The low eight bits are the same in the 128-bit forms. */
#define PN_IRTE_REMAPEN	    (1u << 0)
#define PN_IRTE_SUPIOPF	    (1u << 1)
#define PN_IRTE_INTTYPE	    (7u << 2)
#define PN_IRTE_INTTYPE_SH  2
#define PN_IRTE_RQEOI	    (1u << 5)
#define PN_IRTE_DM	    (1u << 6)
#define PN_IRTE_GUESTMODE   (1u << 7)
#define PN_IRTE32_DEST_SH   8
#define PN_IRTE32_VECTOR_SH 16
#define PN_IRTE32_RESERVED  0xFF000000u

/* 128-bit forms (GAEn = 1): low quadword. Guest form: 2.2.5.3 and, for GAPPI, 2.2.5.4. */
#define PN_IRTE_GALOGINTR    (1u << 2) /* guest form */
#define PN_IRTE_GAPPIDIS     (1u << 5) /* guest form; reserved unless EFR2.GAPPIDisSup */
#define PN_IRTE_ISRUN	     (1u << 6) /* guest form */
#define PN_IRTE_DESTLO_SH    8	       /* 31:8 Destination[23:0] */
#define PN_IRTE_DESTLO_MASK  0x00000000FFFFFF00ull
#define PN_IRTE_GATAG_SH     32 /* 63:32, guest form */
#define PN_IRTE_REMAP_RSV_LO 0xFFFFFFFF00000000ull
#define PN_IRTE_GUEST_RSV_LO 0x0000000000000018ull
/* High quadword. */
#define PN_IRTE_VECTOR_MASK  0x00000000000000FFull
#define PN_IRTE_ROOT_MASK    0x000FFFFFFFFFF000ull /* 51:12, guest form */
#define PN_IRTE_DESTHI_SH    56			   /* 63:56 Destination[31:24] */
#define PN_IRTE_REMAP_RSV_HI 0x00FFFFFFFFFFFF00ull
#define PN_IRTE_GUEST_RSV_HI 0x00F0000000000F00ull

/* One 128-bit entry in memory, little endian, 16-byte aligned. */
struct pn_irte128 {
	uint64_t lo, hi;
} __attribute__((aligned(16)));

enum pn_irte_form {
	PN_IRTE_32,	   /* GAEn = 0 */
	PN_IRTE_128_REMAP, /* GAEn = 1, GuestMode = 0 */
	PN_IRTE_128_GUEST, /* GAEn = 1, GuestMode = 1 */
};

/* Any form, taken apart. Fields that the form does not have are zero. */
struct pn_irte {
	enum pn_irte_form form;
	bool remapen, supiopf, guestmode;
	/* remap forms */
	uint8_t inttype; /* 0 fixed, 1 arbitrated (lowest priority), others reserved */
	bool rqeoi;
	bool dm; /* true: logical */
	/* guest form */
	bool galogintr, gappidis, isrun;
	uint32_t gatag;
	uint64_t root; /* system physical address of the vAPIC page */
	/* all */
	uint32_t dest;
	uint8_t vector;
};

/* What is wrong with an entry: a bit set of these, 0 for none. */
#define PN_IRTE_BAD_RESERVED  (1u << 0) /* a reserved bit is set */
#define PN_IRTE_BAD_INTTYPE   (1u << 1)
#define PN_IRTE_BAD_GUESTMODE (1u << 2) /* GuestMode = 1 in the 32-bit form */

/* Takes a 32-bit entry apart into @out; returns PN_IRTE_BAD_*. Pure, thread-safe. */
unsigned pn_irte32_decode(uint32_t raw, struct pn_irte *out);
uint32_t pn_irte32_encode(const struct pn_irte *irte);

/*
 * The same for 128 bits; GuestMode selects the form. @xten: Control.XTEn, without which only
 * Destination[7:0] counts and the upper destination bits are reserved. @gappidissup:
 * EFR2.GAPPIDisSup. Encoding ignores fields of the other form.
 */
unsigned pn_irte128_decode(struct pn_irte128 raw, bool xten, bool gappidissup, struct pn_irte *out);
struct pn_irte128 pn_irte128_encode(const struct pn_irte *irte);

#pragma GCC visibility pop

#endif
