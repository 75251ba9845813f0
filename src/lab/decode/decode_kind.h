/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_DECODE_KIND_H
#define PN_LAB_DECODE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "decode.h"

/* An object to decode: up to 512 bits, little endian, bit 0 of q[0] first. */
struct pn_dec_obj {
	uint64_t q[8];
	unsigned bits;
	const struct pn_decode_options *opt;
};

/*
 * One field. Its meaning is, in this order: the text of @say; @off or @on for a flag; none. A
 * reserved field has no name and is an error when it is not zero.
 */
struct pn_dec_field {
	const char *name;
	uint16_t hi, lo;
	const char *off, *on;
	void (*say)(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size);
};

#define DEC_FLAG(name, bit, off, on)                                                               \
	{                                                                                          \
		name, bit, bit, off, on, NULL                                                      \
	}
#define DEC_PLAIN(name, hi, lo)                                                                    \
	{                                                                                          \
		name, hi, lo, NULL, NULL, NULL                                                     \
	}
#define DEC_SAY(name, hi, lo, say)                                                                 \
	{                                                                                          \
		name, hi, lo, NULL, NULL, say                                                      \
	}
#define DEC_RSV(hi, lo)                                                                            \
	{                                                                                          \
		NULL, hi, lo, NULL, NULL, NULL                                                     \
	}
#define DEC_END                                                                                    \
	{                                                                                          \
		NULL, 0, 0, NULL, "", NULL                                                         \
	}

/* What the words of a kind are. */
enum pn_dec_words {
	PN_DEC_DUMP,	/* pieces of one object: in a dump they come low first or high first */
	PN_DEC_NAMED,	/* each has its place */
	PN_DEC_MESSAGE, /* msi: words of their own sizes, see decode_words.c */
};

struct pn_dec_kind {
	const char *name, *description, *usage;
	uint16_t sizes[2]; /* of the object in bits; the second is 0 if there is only one */
	enum pn_dec_words words;
	/* The table for this object. */
	const struct pn_dec_field *(*table)(const struct pn_dec_obj *o);
	/* Adds errors that no single field shows; may be NULL. */
	void (*check)(const struct pn_dec_obj *o, struct pn_decoded *out);
	/* Says what follows from the whole object; may be NULL. */
	void (*read)(const struct pn_dec_obj *o, char *buf, size_t size);
	/* True for an object without errors that no software writes; may be NULL. It tells the
	 * order of the words of a dump. */
	bool (*doubt)(const struct pn_dec_obj *o);
};

/* The words of @text as one object, the last word of @text lowest if @high_first. */
int pn_dec_read_words(const struct pn_dec_kind *k, const char *const *text, unsigned n,
		      bool high_first, struct pn_dec_obj *o, struct pn_decoded *out,
		      struct pn_diag *d);

uint64_t pn_dec_bits(const struct pn_dec_obj *o, unsigned hi, unsigned lo);
__attribute__((format(printf, 2, 3))) void pn_dec_error(struct pn_decoded *out, const char *fmt,
							...);

/* Meanings that several tables share. */
void pn_dec_say_vector(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size);
void pn_dec_say_bdf(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size);
void pn_dec_say_address(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size);
void pn_dec_say_delivery(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size);
void pn_dec_say_tag(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size);
/* The value is address bits from 12 up. */
void pn_dec_say_page(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size);

extern const struct pn_dec_kind pn_dec_irte32, pn_dec_irte, pn_dec_dte, pn_dec_cmd, pn_dec_event,
	pn_dec_galog, pn_dec_control, pn_dec_status, pn_dec_efr, pn_dec_efr2, pn_dec_xt,
	pn_dec_avic_phys, pn_dec_avic_log, pn_dec_vmcb_int, pn_dec_exit401, pn_dec_exit402,
	pn_dec_icr, pn_dec_msi, pn_dec_vtd_irte, pn_dec_msi_vtd, pn_dec_vtd_fault, pn_dec_pid,
	pn_dec_pid_pointer, pn_dec_gatag, pn_dec_vtd_cap, pn_dec_vtd_ecap, pn_dec_vtd_fsts,
	pn_dec_vtd_gsts, pn_dec_vtd_irta, pn_dec_exit44, pn_dec_exit45, pn_dec_exit56,
	pn_dec_inhibits;

#endif
