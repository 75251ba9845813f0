/* SPDX-License-Identifier: MIT */
/* The interrupt half of a device table entry, decoded and encoded (48882 rev 3.11, 2.2.2.1). */
#include "postern/amd_dte.h"

/* A 128-bit table starts on a 128-byte boundary, so bit 6 of the root is reserved with GAEn. */
#define ROOT_GA_RSV (1ull << 6)

unsigned pn_dte_decode(uint64_t q, bool gaen, struct pn_dte *out)
{
	unsigned bad = 0;

	*out = (struct pn_dte){
		.iv = q & PN_DTE_IV,
		.ig = q & PN_DTE_IG,
		.inttablen = (uint8_t)(q >> PN_DTE_INTTABLEN_SH & 15),
		.root = q & PN_DTE_ROOT_MASK,
		.initpass = q & PN_DTE_INITPASS,
		.eintpass = q & PN_DTE_EINTPASS,
		.nmipass = q & PN_DTE_NMIPASS,
		.lint0pass = q & PN_DTE_LINT0PASS,
		.lint1pass = q & PN_DTE_LINT1PASS,
		.intctl = (uint8_t)(q >> PN_DTE_INTCTL_SH & 3),
	};
	if (!out->iv)
		return 0;
	if (q & PN_DTE_RSV)
		bad |= PN_DTE_BAD_RESERVED;
	if (out->intctl == PN_INTCTL_RESERVED)
		bad |= PN_DTE_BAD_INTCTL;
	if (out->inttablen > PN_DTE_INTTABLEN_MAX)
		bad |= PN_DTE_BAD_INTTABLEN;
	if (gaen && (out->root & ROOT_GA_RSV))
		bad |= PN_DTE_BAD_ALIGN;
	return bad;
}

uint64_t pn_dte_encode(const struct pn_dte *d)
{
	return (d->iv ? PN_DTE_IV : 0) | (d->ig ? PN_DTE_IG : 0) |
	       (uint64_t)(d->inttablen & 15) << PN_DTE_INTTABLEN_SH | (d->root & PN_DTE_ROOT_MASK) |
	       (d->initpass ? PN_DTE_INITPASS : 0) | (d->eintpass ? PN_DTE_EINTPASS : 0) |
	       (d->nmipass ? PN_DTE_NMIPASS : 0) | (d->lint0pass ? PN_DTE_LINT0PASS : 0) |
	       (d->lint1pass ? PN_DTE_LINT1PASS : 0) |
	       (uint64_t)(d->intctl & 3) << PN_DTE_INTCTL_SH;
}
