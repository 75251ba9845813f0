/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_DECODE_PARTS_H
#define PN_LAB_DECODE_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "decode.h"

/* Names that decoders of words and of lines share. */

/* The register at an offset of the APIC page; "register" if there is none. */
const char *pn_dec_apic_name(unsigned offset);

/* A bit of KVM's inhibit mask as opt->kernel numbers it (0: the newest); NULL: no name. */
const char *pn_dec_inhibit(const struct pn_decode_options *opt, unsigned bit);
const char *pn_dec_inhibit_why(const char *name);
/* All names of a mask, separated by commas. */
void pn_dec_inhibit_names(const struct pn_decode_options *opt, uint64_t mask, char *buf,
			  size_t size);

#endif
