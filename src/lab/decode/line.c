/* SPDX-License-Identifier: MIT */
/* Numbers, device names and words in a line of a log, and objects made of them. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "decode_kind.h"
#include "line.h"

bool pn_line_starts(const char *s, const char *what)
{
	return !strncasecmp(s, what, strlen(what));
}

const char *pn_line_find(const char *s, const char *what)
{
	for (; *s; s++)
		if (pn_line_starts(s, what))
			return s;
	return NULL;
}

bool pn_line_number(const char **s, bool hex, uint64_t *v)
{
	const char *p = *s;
	char *end;

	while (*p == ' ' || *p == '\t')
		p++;
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && isxdigit((unsigned char)p[2])) {
		hex = true;
		p += 2;
	}
	if (hex ? !isxdigit((unsigned char)*p) : !isdigit((unsigned char)*p))
		return false;
	*v = strtoull(p, &end, hex ? 16 : 10);
	*s = end;
	return true;
}

/* @key begins a word: "info1" is not found in "exit_info1". */
bool pn_line_key(const char *s, const char *key, bool hex, uint64_t *v)
{
	const char *start = s;

	while ((s = pn_line_find(s, key)) != NULL) {
		bool begins = s == start || !(isalnum((unsigned char)s[-1]) || s[-1] == '_');
		const char *p = s + strlen(key);

		if (begins && pn_line_number(&p, hex, v))
			return true;
		s++;
	}
	return false;
}

static bool hex_part(const char **s, unsigned max, unsigned *v)
{
	const char *p = *s;
	unsigned digits = 0;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	for (*v = 0; isxdigit((unsigned char)p[digits]) && digits <= max; digits++) {
		int c = tolower((unsigned char)p[digits]);

		*v = *v << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*s = p + digits;
	return digits > 0 && digits <= max;
}

bool pn_line_bdf(const char *s, unsigned *bdf)
{
	unsigned part[4], n = 0;

	while (*s == ' ' || *s == '[')
		s++;
	for (;; s++) {
		if (!hex_part(&s, 4, &part[n]))
			return false;
		n++;
		if (*s == '.')
			break;
		if (*s != ':' || n == 3)
			return false;
	}
	s++;
	if (n < 2 || !hex_part(&s, 1, &part[3]) || part[n - 2] > 0xFF || part[n - 1] > 0x1F ||
	    part[3] > 7)
		return false;
	*bdf = part[n - 2] << 8 | part[n - 1] << 3 | part[3];
	return true;
}

bool pn_line_bdf_before(const char *from, const char *to, unsigned *bdf)
{
	bool found = false;

	for (const char *s = from; s < to; s++)
		if ((s == from || s[-1] == ' ' || s[-1] == '\t') && pn_line_bdf(s, bdf))
			found = true;
	return found;
}

unsigned pn_line_split(const char *s, char words[][24], unsigned max)
{
	unsigned n = 0;

	while (n < max) {
		size_t len;

		s += strspn(s, " \t");
		len = strcspn(s, " \t");
		if (!len)
			break;
		snprintf(words[n++], 24, "%.*s", (int)(len < 23 ? len : 23), s);
		s += len;
	}
	return n;
}

bool pn_line_is_hex(const char *s, unsigned digits)
{
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	return strlen(s) == digits && strspn(s, "0123456789abcdefABCDEF") == digits;
}

static int decode_words(const struct pn_declog *log, const char *kind, const uint64_t *w,
			unsigned n, struct pn_decoded *out)
{
	struct pn_decode_options opt = log->opt;
	const char *words[8];
	char text[8][24];

	opt.order = PN_DECODE_LOW_FIRST;
	for (unsigned i = 0; i < n && i < 8; i++) {
		snprintf(text[i], sizeof(text[i]), "%" PRIx64, w[i]);
		words[i] = text[i];
	}
	return pn_decode_as(kind, words, n, &opt, out, NULL);
}

enum pn_line_found pn_line_words(struct pn_line *l, const char *kind, const uint64_t *w, unsigned n)
{
	return decode_words(l->log, kind, w, n, l->out) ? LINE_NOT : LINE_DONE;
}

enum pn_line_found pn_line_word(struct pn_line *l, const char *kind, uint64_t w)
{
	return pn_line_words(l, kind, &w, 1);
}

void pn_line_add(struct pn_line *l, const char *kind, uint64_t w)
{
	struct pn_decoded *out = l->out, more;

	if (decode_words(l->log, kind, &w, 1, &more))
		return;
	for (unsigned i = 0; i < more.fields && out->fields < PN_DECODE_MAX_FIELDS; i++)
		out->field[out->fields++] = more.field[i];
	for (unsigned i = 0; i < more.errors; i++)
		pn_dec_error(out, "%s", more.error[i]);
	for (unsigned i = 0; i < more.words && out->words < PN_DECODE_MAX_WORDS; i++)
		memcpy(out->word[out->words++], more.word[i], sizeof(out->word[0]));
	if (more.reading[0])
		pn_line_read(out, "%s", more.reading);
}

void pn_line_field(struct pn_decoded *out, const char *name, const char *bits, uint64_t value,
		   const char *fmt, ...)
{
	unsigned i = out->fields;
	va_list ap;

	if (i == PN_DECODE_MAX_FIELDS)
		return;
	snprintf(out->field[i].name, sizeof(out->field[i].name), "%s", name);
	snprintf(out->field[i].bits, sizeof(out->field[i].bits), "%s", bits);
	out->field[i].value = value;
	va_start(ap, fmt);
	vsnprintf(out->field[i].meaning, sizeof(out->field[i].meaning), fmt, ap);
	va_end(ap);
	out->fields++;
}

/* Adds a sentence. */
void pn_line_read(struct pn_decoded *out, const char *fmt, ...)
{
	size_t used = strlen(out->reading);
	va_list ap;

	if (used && used + 2 < sizeof(out->reading)) {
		memcpy(out->reading + used, "; ", 3);
		used += 2;
	}
	va_start(ap, fmt);
	vsnprintf(out->reading + used, sizeof(out->reading) - used, fmt, ap);
	va_end(ap);
}
