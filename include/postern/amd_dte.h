/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_AMD_DTE_H
#define POSTERN_AMD_DTE_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* Device table entry, interrupt half: quadword 2 of 4 (48882 rev 3.11, 2.2.2.1). */
#define PN_DTE_SIZE	     32u
#define PN_DTE_IV	     (1ull << 0)
#define PN_DTE_INTTABLEN_SH  1 /* 4:1, table has 2^n entries, n <= 11 */
#define PN_DTE_INTTABLEN_MAX 11u
#define PN_DTE_IG	     (1ull << 5)
#define PN_DTE_ROOT_MASK     0x000FFFFFFFFFFFC0ull /* 51:6 */
#define PN_DTE_RSV	     (3ull << 52)
#define PN_DTE_INITPASS	     (1ull << 56)
#define PN_DTE_EINTPASS	     (1ull << 57)
#define PN_DTE_NMIPASS	     (1ull << 58)
#define PN_DTE_INTCTL_SH     60 /* 61:60 */
#define PN_DTE_LINT0PASS     (1ull << 62)
#define PN_DTE_LINT1PASS     (1ull << 63)

enum pn_dte_intctl {
	PN_INTCTL_ABORT = 0,
	PN_INTCTL_FORWARD = 1,
	PN_INTCTL_REMAP = 2,
	PN_INTCTL_RESERVED = 3,
};

struct pn_dte {
	bool iv, ig;
	uint8_t inttablen; /* log2 of the number of entries */
	uint64_t root;
	bool initpass, eintpass, nmipass, lint0pass, lint1pass;
	uint8_t intctl; /* enum pn_dte_intctl */
};

#define PN_DTE_BAD_RESERVED  (1u << 0) /* 53:52 */
#define PN_DTE_BAD_INTCTL    (1u << 1) /* 11b */
#define PN_DTE_BAD_INTTABLEN (1u << 2) /* above 11 */
#define PN_DTE_BAD_ALIGN     (1u << 3) /* root not 128-byte aligned although GAEn = 1 */

/* Takes quadword 2 apart; returns PN_DTE_BAD_* (nothing is wrong while IV = 0). */
unsigned pn_dte_decode(uint64_t qword2, bool gaen, struct pn_dte *out);
uint64_t pn_dte_encode(const struct pn_dte *dte);

#pragma GCC visibility pop

#endif
