/* SPDX-License-Identifier: MIT */
/*
 * Finds the decoder for a name, reads the words of the dump, and fills fields and errors from the
 * decoder's table.
 */
#include <ctype.h>
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
	&pn_dec_vtd_fault, &pn_dec_pid,	     &pn_dec_pid_pointer,
};

#define NR_KINDS ((unsigned)(sizeof(kinds) / sizeof(kinds[0])))

/* One word of the input. */
struct word {
	uint64_t v;
	unsigned digits;
};

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

static int read_word(const char *text, struct word *w, struct pn_diag *d)
{
	const char *s = text;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	w->v = 0;
	for (w->digits = 0; isxdigit((unsigned char)s[w->digits]); w->digits++) {
		int c = tolower((unsigned char)s[w->digits]);

		if (w->digits == 16)
			return pn_diag_set(
				d, -EINVAL, NULL, 0,
				"'%s' is longer than 64 bits (expected at most 16 digits)", text);
		w->v = w->v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	if (!w->digits || s[w->digits])
		return pn_diag_set(d, -EINVAL, NULL, 0, "'%s' is not a hexadecimal number", text);
	return 0;
}

static bool same_digits(const struct word *w, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (w[i].digits != w[0].digits)
			return false;
	return true;
}

/* The width of a word, or 0. A dump's words all have their full width; otherwise the number of
 * words says how wide they are, the largest object first. */
static unsigned word_width(const struct pn_dec_kind *k, const struct word *w, unsigned n)
{
	unsigned exact = same_digits(w, n) ? w[0].digits * 4 : 0, width;

	for (unsigned i = 0; exact && i < 2; i++)
		if (k->sizes[i] && exact * n == k->sizes[i] &&
		    (exact == 8 || exact == 16 || exact == 32 || exact == 64))
			return exact;
	for (unsigned i = 0; i < 2; i++) {
		width = k->sizes[i] / n;
		if (k->sizes[i] && width * n == k->sizes[i] &&
		    (width == 8 || width == 16 || width == 32 || width == 64))
			return width;
	}
	return 0;
}

static int wrong_words(const struct pn_dec_kind *k, unsigned n, struct pn_diag *d)
{
	return pn_diag_set(d, -EINVAL, NULL, 0, "%s does not come as %u word%s (expected %s)",
			   k->name, n, n == 1 ? "" : "s", k->usage);
}

static int too_wide(const struct pn_dec_kind *k, const char *text, unsigned width,
		    struct pn_diag *d)
{
	return pn_diag_set(d, -EINVAL, NULL, 0, "'%s' does not fit in %u bits (expected %s)", text,
			   width, k->usage);
}

static void put_word(struct pn_decoded *out, struct pn_dec_obj *o, uint64_t v, unsigned width)
{
	o->q[o->bits / 64] |= v << (o->bits % 64);
	o->bits += width;
	snprintf(out->word[out->words], sizeof(out->word[0]), "0x%0*" PRIx64, (int)width / 4, v);
	out->words++;
}

static int fill(const struct pn_dec_kind *k, const char *const *text, const struct word *w,
		unsigned n, unsigned width, struct pn_dec_obj *o, struct pn_decoded *out,
		struct pn_diag *d)
{
	for (unsigned i = 0; i < n; i++) {
		if (width < 64 && w[i].v >> width)
			return too_wide(k, text[i], width, d);
		put_word(out, o, w[i].v, width);
	}
	return 0;
}

/* A message: address and data, or address low, address high and data as in configuration space. */
static int fill_message(const struct pn_dec_kind *k, const char *const *text, const struct word *w,
			unsigned n, struct pn_dec_obj *o, struct pn_decoded *out, struct pn_diag *d)
{
	if (n != 2 && n != 3)
		return wrong_words(k, n, d);
	for (unsigned i = 0; i < n; i++) {
		unsigned width = n == 2 && i == 0 ? 64 : 32;

		if (width == 32 && w[i].v >> 32)
			return too_wide(k, text[i], width, d);
		put_word(out, o, w[i].v, width);
	}
	return 0;
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

int pn_decode(const char *kind, const char *const *words, unsigned n, struct pn_decoded *out,
	      struct pn_diag *d)
{
	const struct pn_dec_kind *k = find_kind(kind, d);
	struct word w[PN_DECODE_MAX_WORDS];
	struct pn_dec_obj o = {{0}, 0};
	const struct pn_dec_field *t;
	unsigned width;
	int r;

	memset(out, 0, sizeof(*out));
	if (!k)
		return -EINVAL;
	out->kind = k->name;
	if (n == 0 || n > PN_DECODE_MAX_WORDS)
		return wrong_words(k, n, d);
	for (unsigned i = 0; i < n; i++) {
		r = read_word(words[i], &w[i], d);
		if (r)
			return r;
	}
	width = k->message ? 0 : word_width(k, w, n);
	if (k->message)
		r = fill_message(k, words, w, n, &o, out, d);
	else
		r = width ? fill(k, words, w, n, width, &o, out, d) : wrong_words(k, n, d);
	if (r)
		return r;
	for (t = k->table(&o); t->name || !t->on; t++)
		add_field(t, &o, out);
	if (k->check)
		k->check(&o, out);
	return 0;
}
