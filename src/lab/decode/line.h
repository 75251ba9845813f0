/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_DECODE_LINE_H
#define PN_LAB_DECODE_LINE_H

#include "decode_log.h"

enum pn_line_found {
	LINE_NOT,  /* not a line of this kind */
	LINE_DONE, /* l->out is filled */
	LINE_PART, /* one of a record: noted, reported with its last */
	LINE_MORE, /* cut: the next line may go on with it */
};

struct pn_line {
	struct pn_declog *log;
	const char *text; /* the whole line */
	const char *at;	  /* the mark in it, or text if the kind has none */
	struct pn_decoded *out;
};

struct pn_line_kind {
	const char *name;
	const char *mark; /* it holds this text; NULL: its shape alone tells */
	enum pn_line_found (*decode)(struct pn_line *l);
	const char *example;
};

/* The first number after @key, without regard to case; "0x" makes it hexadecimal in any case. */
bool pn_line_key(const char *s, const char *key, bool hex, uint64_t *v);
/* A number at *@s, behind spaces; *@s moves behind it. */
bool pn_line_number(const char **s, bool hex, uint64_t *v);
/* [segment:]bus:device.function in hexadecimal at @s. */
bool pn_line_bdf(const char *s, unsigned *bdf);
/* The last one between @from and @to. */
bool pn_line_bdf_before(const char *from, const char *to, unsigned *bdf);
/* Splits into words at blanks; their number, at most @max. */
unsigned pn_line_split(const char *s, char words[][24], unsigned max);
bool pn_line_is_hex(const char *s, unsigned digits);
/* Without regard to case. */
const char *pn_line_find(const char *s, const char *what);
bool pn_line_starts(const char *s, const char *what);

/* Fills l->out by the decoder @kind from words that come low first. */
enum pn_line_found pn_line_words(struct pn_line *l, const char *kind, const uint64_t *w,
				 unsigned n);
enum pn_line_found pn_line_word(struct pn_line *l, const char *kind, uint64_t w);
/* Adds the fields, errors and reading of another object to l->out. */
void pn_line_add(struct pn_line *l, const char *kind, uint64_t w);
__attribute__((format(printf, 5, 6))) void pn_line_field(struct pn_decoded *out, const char *name,
							 const char *bits, uint64_t value,
							 const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void pn_line_read(struct pn_decoded *out, const char *fmt,
							...);

enum pn_line_found pn_line_amd_event(struct pn_line *l);
enum pn_line_found pn_line_amd_efr(struct pn_line *l);
enum pn_line_found pn_line_amd_dte_word(struct pn_line *l);
enum pn_line_found pn_line_amd_cmd_word(struct pn_line *l);
enum pn_line_found pn_line_amd_cmd_row(struct pn_line *l);
enum pn_line_found pn_line_amd_irt_row(struct pn_line *l);
enum pn_line_found pn_line_amd_devtbl_row(struct pn_line *l);
enum pn_line_found pn_line_amd_register(struct pn_line *l);
enum pn_line_found pn_line_dmar_interrupt(struct pn_line *l);
enum pn_line_found pn_line_dmar_dma(struct pn_line *l);
enum pn_line_found pn_line_dmar_status(struct pn_line *l);
enum pn_line_found pn_line_dmar_unit(struct pn_line *l);
enum pn_line_found pn_line_vtd_irt_row(struct pn_line *l);
enum pn_line_found pn_line_vtd_register(struct pn_line *l);
enum pn_line_found pn_line_kvm_exit(struct pn_line *l);
enum pn_line_found pn_line_kvm_ipi(struct pn_line *l);
enum pn_line_found pn_line_kvm_kick(struct pn_line *l);
enum pn_line_found pn_line_kvm_access(struct pn_line *l);
enum pn_line_found pn_line_kvm_ga_log(struct pn_line *l);
enum pn_line_found pn_line_kvm_doorbell(struct pn_line *l);
enum pn_line_found pn_line_kvm_inhibit(struct pn_line *l);
enum pn_line_found pn_line_kvm_inhibit_old(struct pn_line *l);
enum pn_line_found pn_line_kvm_pi(struct pn_line *l);
enum pn_line_found pn_line_vmcb(struct pn_line *l);
enum pn_line_found pn_line_vmcs_controls(struct pn_line *l);
enum pn_line_found pn_line_vmcs_status(struct pn_line *l);
enum pn_line_found pn_line_vmcs_vector(struct pn_line *l);
enum pn_line_found pn_line_vmcs_exit(struct pn_line *l);
enum pn_line_found pn_line_interrupts(struct pn_line *l);
enum pn_line_found pn_line_phrase(struct pn_line *l);

#endif
