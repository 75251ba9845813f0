/* SPDX-License-Identifier: MIT */
/*
 * Finds the decoder for a name and the order of the words of the dump, and fills fields and errors
 * from the decoder's table.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "decode_kind.h"
#include "nearest.h"

static const struct pn_dec_kind *const kinds[] = {
	&pn_dec_irte32,	   &pn_dec_irte,     &pn_dec_dte,	  &pn_dec_cmd,
	&pn_dec_event,	   &pn_dec_galog,    &pn_dec_control,	  &pn_dec_status,
	&pn_dec_efr,	   &pn_dec_efr2,     &pn_dec_xt,	  &pn_dec_avic_phys,
	&pn_dec_avic_log,  &pn_dec_vmcb_int, &pn_dec_exit401,	  &pn_dec_exit402,
	&pn_dec_icr,	   &pn_dec_msi,	     &pn_dec_vtd_irte,	  &pn_dec_msi_vtd,
	&pn_dec_vtd_fault, &pn_dec_pid,	     &pn_dec_pid_pointer, &pn_dec_gatag,
	&pn_dec_vtd_cap,   &pn_dec_vtd_ecap, &pn_dec_vtd_fsts,	  &pn_dec_vtd_gsts,
	&pn_dec_vtd_irta,  &pn_dec_exit44,   &pn_dec_exit45,	  &pn_dec_exit56,
	&pn_dec_inhibits,
};

#define NR_KINDS ((unsigned)(sizeof(kinds) / sizeof(kinds[0])))

uint64_t pn_dec_bits(const struct pn_dec_obj *o, unsigned hi, unsigned lo)
{
	uint64_t v = o->q[lo / 64] >> (lo % 64);
	unsigned width = hi - lo + 1;

	if (hi / 64 != lo / 64)
		v |= o->q[hi / 64] << (64 - lo % 64);
	return width >= 64 ? v : v & ((1ull << width) - 1);
}

void pn_dec_error(struct pn_decoded *out, const char *fmt, ...)
{
	va_list ap;

	if (out->errors == PN_DECODE_MAX_ERRORS)
		return;
	va_start(ap, fmt);
	vsnprintf(out->error[out->errors], sizeof(out->error[0]), fmt, ap);
	va_end(ap);
	out->errors++;
}

void pn_dec_say_vector(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "vector 0x%02" PRIx64 " (%" PRIu64 "), class %" PRIu64 "%s", v, v,
		 v >> 4, v < 16 ? ": not a legal vector" : "");
}

void pn_dec_say_bdf(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "device %02x:%02x.%x", (unsigned)(v >> 8) & 0xFF,
		 (unsigned)(v >> 3) & 0x1F, (unsigned)v & 7);
}

void pn_dec_say_address(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "address 0x%" PRIx64, v);
}

void pn_dec_say_page(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "page at 0x%" PRIx64, v << 12);
}

void pn_dec_say_delivery(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	static const char *const names[] = {
		"fixed", "lowest priority", "SMI", "reserved", "NMI", "INIT", "SIPI", "ExtINT"};

	(void)o;
	snprintf(buf, size, "%s", names[v & 7]);
}

const char *pn_decode_kind(unsigned i, const char **description, const char **usage)
{
	if (i >= NR_KINDS)
		return NULL;
	if (description)
		*description = kinds[i]->description;
	if (usage)
		*usage = kinds[i]->usage;
	return kinds[i]->name;
}

static const struct pn_dec_kind *find_kind(const char *name, struct pn_diag *d)
{
	const char *names[NR_KINDS], *near;

	for (unsigned i = 0; i < NR_KINDS; i++) {
		if (!strcmp(name, kinds[i]->name))
			return kinds[i];
		names[i] = kinds[i]->name;
	}
	near = pn_nearest(name, names, NR_KINDS);
	if (near)
		pn_diag_set(d, -EINVAL, NULL, 0, "unknown kind '%s' (did you mean '%s'?)", name,
			    near);
	else
		pn_diag_set(d, -EINVAL, NULL, 0,
			    "unknown kind '%s' (expected one of `postern list decoders`)", name);
	return NULL;
}

static void add_field(const struct pn_dec_field *t, const struct pn_dec_obj *o,
		      struct pn_decoded *out)
{
	uint64_t v = pn_dec_bits(o, t->hi, t->lo);
	unsigned i = out->fields;

	if (!t->name && !v)
		return;
	if (t->hi == t->lo)
		snprintf(out->field[i].bits, sizeof(out->field[i].bits), "%u", t->hi);
	else
		snprintf(out->field[i].bits, sizeof(out->field[i].bits), "%u:%u", t->hi, t->lo);
	if (!t->name)
		pn_dec_error(out, "%s %s %s reserved, but %s 0x%" PRIx64,
			     t->hi == t->lo ? "bit" : "bits", out->field[i].bits,
			     t->hi == t->lo ? "is" : "are", t->hi == t->lo ? "is" : "they are", v);
	if (i == PN_DECODE_MAX_FIELDS)
		return;
	snprintf(out->field[i].name, sizeof(out->field[i].name), "%s",
		 t->name ? t->name : "reserved");
	out->field[i].value = v;
	if (!t->name)
		snprintf(out->field[i].meaning, sizeof(out->field[i].meaning), "must be zero");
	else if (t->say)
		t->say(o, v, out->field[i].meaning, sizeof(out->field[i].meaning));
	else if (t->off)
		snprintf(out->field[i].meaning, sizeof(out->field[i].meaning), "%s",
			 v ? t->on : t->off);
	out->fields++;
}

static void decode_object(const struct pn_dec_kind *k, const struct pn_dec_obj *o,
			  struct pn_decoded *out)
{
	for (const struct pn_dec_field *t = k->table(o); t->name || !t->on; t++)
		add_field(t, o, out);
	if (k->check)
		k->check(o, out);
	if (k->read)
		k->read(o, out->reading, sizeof(out->reading));
}

static int decode_order(const struct pn_dec_kind *k, const char *const *words, unsigned n,
			const struct pn_decode_options *opt, bool high_first, struct pn_dec_obj *o,
			struct pn_decoded *out, struct pn_diag *d)
{
	int r;

	memset(out, 0, sizeof(*out));
	memset(o, 0, sizeof(*o));
	o->opt = opt;
	out->kind = k->name;
	r = pn_dec_read_words(k, words, n, high_first, o, out, d);
	if (!r)
		decode_object(k, o, out);
	return r;
}

static bool flawless(const struct pn_dec_kind *k, const struct pn_dec_obj *o,
		     const struct pn_decoded *out)
{
	return !out->errors && !(k->doubt && k->doubt(o));
}

/* @out holds the words read low first. High first is taken if only that is flawless. */
static int find_order(const struct pn_dec_kind *k, const char *const *words, unsigned n,
		      const struct pn_decode_options *opt, const struct pn_dec_obj *low,
		      struct pn_decoded *out, struct pn_diag *d)
{
	struct pn_decoded other;
	struct pn_dec_obj high;

	if (decode_order(k, words, n, opt, true, &high, &other, NULL) ||
	    !memcmp(low->q, high.q, sizeof(high.q)) || !flawless(k, &high, &other))
		return 0;
	if (flawless(k, low, out))
		return pn_diag_set(d, -EINVAL, NULL, 0,
				   "the words of this %s make sense in both orders (expected "
				   "--low-first or --high-first)",
				   k->name);
	*out = other;
	snprintf(out->note, sizeof(out->note),
		 "the words are high first: low first they make no valid entry");
	return 0;
}

int pn_decode_as(const char *kind, const char *const *words, unsigned n,
		 const struct pn_decode_options *opt, struct pn_decoded *out, struct pn_diag *d)
{
	static const struct pn_decode_options none = {0};
	const struct pn_dec_kind *k = find_kind(kind, d);
	struct pn_dec_obj o;
	int r;

	memset(out, 0, sizeof(*out));
	if (!k)
		return -EINVAL;
	opt = opt ? opt : &none;
	if (k->words != PN_DEC_DUMP && opt->order == PN_DECODE_HIGH_FIRST)
		return pn_diag_set(
			d, -EINVAL, NULL, 0,
			"each word of %s has its own place (expected %s, not --high-first)",
			k->name, k->usage);
	r = decode_order(k, words, n, opt, opt->order == PN_DECODE_HIGH_FIRST, &o, out, d);
	if (r || n < 2 || k->words != PN_DEC_DUMP || opt->order != PN_DECODE_ORDER_FIND)
		return r;
	return find_order(k, words, n, opt, &o, out, d);
}

int pn_decode(const char *kind, const char *const *words, unsigned n, struct pn_decoded *out,
	      struct pn_diag *d)
{
	return pn_decode_as(kind, words, n, NULL, out, d);
}
