/* SPDX-License-Identifier: MIT */
/* The hexadecimal words of a dump as one object, and the version of the kernel that printed them.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "decode_kind.h"

/* One word of the input. */
struct word {
	uint64_t v;
	unsigned digits;
};

static void set_word(struct word *w, const char *s, unsigned digits)
{
	w->v = 0;
	w->digits = digits;
	for (unsigned i = 0; i < digits; i++) {
		int c = tolower((unsigned char)s[i]);

		w->v = w->v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
}

/* Adds one word of the text, or the low and the high half of one of 32 digits. */
static int read_word(const char *text, struct word *w, unsigned *n, struct pn_diag *d)
{
	const char *s = text;
	unsigned digits = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	while (isxdigit((unsigned char)s[digits]))
		digits++;
	if (!digits || s[digits])
		return pn_diag_set(d, -EINVAL, NULL, 0, "'%s' is not a hexadecimal number", text);
	if (digits != 32 && digits > 16)
		return pn_diag_set(
			d, -EINVAL, NULL, 0,
			"'%s' is longer than 64 bits (expected at most 16 digits, or 32)", text);
	if (*n + 2 > PN_DECODE_MAX_WORDS)
		return pn_diag_set(d, -EINVAL, NULL, 0, "too many words");
	if (digits == 32) {
		set_word(&w[(*n)++], s + 16, 16);
		digits = 16;
	}
	set_word(&w[(*n)++], s, digits);
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

static int too_wide(const struct pn_dec_kind *k, const struct word *w, unsigned width,
		    struct pn_diag *d)
{
	return pn_diag_set(d, -EINVAL, NULL, 0,
			   "'%0*" PRIx64 "' does not fit in %u bits (expected %s)", (int)w->digits,
			   w->v, width, k->usage);
}

static void put_word(struct pn_decoded *out, struct pn_dec_obj *o, uint64_t v, unsigned width)
{
	o->q[o->bits / 64] |= v << (o->bits % 64);
	o->bits += width;
	snprintf(out->word[out->words], sizeof(out->word[0]), "0x%0*" PRIx64, (int)width / 4, v);
	out->words++;
}

static int fill(const struct pn_dec_kind *k, const struct word *w, unsigned n, unsigned width,
		struct pn_dec_obj *o, struct pn_decoded *out, struct pn_diag *d)
{
	for (unsigned i = 0; i < n; i++) {
		if (width < 64 && w[i].v >> width)
			return too_wide(k, &w[i], width, d);
		put_word(out, o, w[i].v, width);
	}
	return 0;
}

/* A message: address and data, or address low, address high and data as in configuration space. */
static int fill_message(const struct pn_dec_kind *k, const struct word *w, unsigned n,
			struct pn_dec_obj *o, struct pn_decoded *out, struct pn_diag *d)
{
	if (n != 2 && n != 3)
		return wrong_words(k, n, d);
	for (unsigned i = 0; i < n; i++) {
		unsigned width = n == 2 && i == 0 ? 64 : 32;

		if (width == 32 && w[i].v >> 32)
			return too_wide(k, &w[i], width, d);
		put_word(out, o, w[i].v, width);
	}
	return 0;
}

int pn_dec_read_words(const struct pn_dec_kind *k, const char *const *text, unsigned n,
		      bool high_first, struct pn_dec_obj *o, struct pn_decoded *out,
		      struct pn_diag *d)
{
	struct word w[PN_DECODE_MAX_WORDS];
	unsigned words = 0, width;

	if (n == 0 || n > PN_DECODE_MAX_WORDS)
		return wrong_words(k, n, d);
	for (unsigned i = 0; i < n; i++) {
		int r = read_word(text[high_first ? n - 1 - i : i], w, &words, d);

		if (r)
			return r;
	}
	if (k->words == PN_DEC_MESSAGE)
		return fill_message(k, w, words, o, out, d);
	width = word_width(k, w, words);
	return width ? fill(k, w, words, width, o, out, d) : wrong_words(k, words, d);
}

/* Bits of the vCPU in a GA tag: 12 since AVIC_PHYSICAL_MAX_INDEX_MASK has 12 bits (6.19), 9 since
 * the mask replaced a width of 8 (6.3, and 6.1.21 and 6.2.8 of the stable series). */
static unsigned vcpu_bits(unsigned kernel, unsigned patch)
{
	if (kernel >= PN_DECODE_KERNEL(6, 19))
		return 12;
	if (kernel >= PN_DECODE_KERNEL(6, 3) || (kernel == PN_DECODE_KERNEL(6, 2) && patch >= 8) ||
	    (kernel == PN_DECODE_KERNEL(6, 1) && patch >= 21))
		return 9;
	return 8;
}

int pn_decode_kernel(const char *version, struct pn_decode_options *opt)
{
	unsigned long major, minor, patch = 0;
	char *end;

	version += *version == 'v';
	if (!isdigit((unsigned char)*version))
		return -EINVAL;
	major = strtoul(version, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]))
		return -EINVAL;
	minor = strtoul(end + 1, &end, 10);
	if (major > 0xFF || minor > 0xFFFF)
		return -EINVAL;
	if (*end == '.' && isdigit((unsigned char)end[1]))
		patch = strtoul(end + 1, NULL, 10);
	opt->kernel = (unsigned)PN_DECODE_KERNEL(major, minor);
	if (!opt->vcpu_bits)
		opt->vcpu_bits = vcpu_bits(opt->kernel, (unsigned)patch);
	return 0;
}
