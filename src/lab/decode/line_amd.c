/* SPDX-License-Identifier: MIT */
/* Lines of Linux's AMD IOMMU driver (drivers/iommu/amd: iommu.c, init.c, debugfs.c). */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "decode_kind.h"
#include "line.h"
#include "postern/amd_log.h"
#include "postern/amdvi_regs.h"

/* "Event logged [NAME device=... domain=... address=... flags=...]": iommu_print_event() and the
 * functions that it calls. What is printed goes back into the words of the log. */
static const struct {
	const char *name;
	unsigned code;
} events[] = {
	{"ILLEGAL_DEV_TABLE_ENTRY", PN_EVENT_ILLEGAL_DEV_TABLE_ENTRY},
	{"IO_PAGE_FAULT", PN_EVENT_IO_PAGE_FAULT},
	{"DEV_TAB_HARDWARE_ERROR", PN_EVENT_DEV_TAB_HARDWARE_ERROR},
	{"PAGE_TAB_HARDWARE_ERROR", PN_EVENT_PAGE_TAB_HARDWARE_ERROR},
	{"ILLEGAL_COMMAND_ERROR", PN_EVENT_ILLEGAL_COMMAND_ERROR},
	{"COMMAND_HARDWARE_ERROR", PN_EVENT_COMMAND_HARDWARE_ERROR},
	{"IOTLB_INV_TIMEOUT", PN_EVENT_IOTLB_INV_TIMEOUT},
	{"INVALID_DEVICE_REQUEST", PN_EVENT_INVALID_DEVICE_REQUEST},
	{"INVALID_PPR_REQUEST", PN_EVENT_INVALID_PPR_REQUEST},
	{"RMP_PAGE_FAULT", PN_EVENT_RMP_PAGE_FAULT},
	{"RMP_HW_ERROR", PN_EVENT_RMP_HARDWARE_ERROR},
};

static unsigned event_code(const char *s)
{
	for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (pn_line_starts(s, events[i].name))
			return events[i].code;
	return 0;
}

/* A code that the driver does not know: it prints the four words. */
static enum pn_line_found unknown_event(struct pn_line *l)
{
	uint64_t w[2] = {0}, v;
	char key[16];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(key, sizeof(key), "event[%u]=", i);
		if (!pn_line_key(l->at, key, true, &v))
			return LINE_MORE;
		w[i / 2] |= (v & 0xFFFFFFFF) << (i % 2 * 32);
	}
	return pn_line_words(l, "event", w, 2);
}

/* The device is in the bracket, or it is what the driver core prints before the message. */
static bool event_device(const struct pn_line *l, unsigned *bdf)
{
	const char *s = pn_line_find(l->at, "device=");

	if (s)
		return pn_line_bdf(s + strlen("device="), bdf);
	return pn_line_bdf_before(l->text, l->at, bdf);
}

static enum pn_line_found known_event(struct pn_line *l, unsigned code)
{
	uint64_t id = 0, address = 0, flags = 0, w[2];
	unsigned bdf = 0;
	bool device = event_device(l, &bdf);
	enum pn_line_found found;

	if (!strchr(l->at, ']'))
		return LINE_MORE;
	if (!pn_line_key(l->at, "domain=", true, &id) && !pn_line_key(l->at, "pasid=", true, &id))
		pn_line_key(l->at, "vmg_tag=", true, &id);
	if (!pn_line_key(l->at, "address=", true, &address) &&
	    !pn_line_key(l->at, "gpa=", true, &address))
		pn_line_key(l->at, "spa=", true, &address);
	pn_line_key(l->at, "flags=", true, &flags);
	w[0] = (uint64_t)code << PN_EVENT_CODE_SH | (flags & 0xFFF) << 48 | (id & 0xFFFF) << 32 |
	       (id & 0xF0000) | bdf;
	w[1] = address;
	found = pn_line_words(l, "event", w, 2);
	if (found == LINE_DONE && !device && code != PN_EVENT_ILLEGAL_COMMAND_ERROR &&
	    code != PN_EVENT_COMMAND_HARDWARE_ERROR)
		pn_dec_error(l->out, "the line names no device: 00:00.0 stands for it");
	return found;
}

enum pn_line_found pn_line_amd_event(struct pn_line *l)
{
	const char *s = l->at + strlen("Event logged [");
	unsigned code;

	s += strspn(s, " \t");
	code = event_code(s);
	if (code)
		return known_event(l, code);
	if (pn_line_starts(s, "UNKNOWN"))
		return unknown_event(l);
	return *s ? LINE_NOT : LINE_MORE;
}

/* The second register's own sentence would only repeat what the first says. */
static void add_efr2(struct pn_line *l, uint64_t efr, uint64_t efr2)
{
	size_t used = strlen(l->out->reading);

	pn_line_add(l, "efr2", efr2);
	l->out->reading[used] = '\0';
	if (efr & PN_EFR_GAPPISUP)
		pn_line_read(l->out, "GAPPIDisSup=%u: it %s be suppressed per entry",
			     (unsigned)(efr2 >> 4 & 1), efr2 >> 4 & 1 ? "can" : "cannot");
}

/* print_iommu_info(): both registers since 5.19, the first alone before; init_iommu_one() of IVRS.
 */
enum pn_line_found pn_line_amd_efr(struct pn_line *l)
{
	const char *s = strchr(l->at, '(');
	uint64_t efr, efr2;

	if (!s) {
		if (!pn_line_key(l->at, "EFR:", true, &efr))
			return LINE_NOT;
		if (pn_line_word(l, "efr", efr) != LINE_DONE)
			return LINE_NOT;
		if (pn_line_key(l->at, "EFR2:", true, &efr2))
			add_efr2(l, efr, efr2);
		return LINE_DONE;
	}
	s++;
	if (!pn_line_number(&s, true, &efr) || pn_line_word(l, "efr", efr) != LINE_DONE)
		return LINE_NOT;
	if (*s != ',')
		return LINE_DONE;
	s++;
	if (!pn_line_number(&s, true, &efr2))
		return LINE_MORE;
	add_efr2(l, efr, efr2);
	return LINE_DONE;
}

/* dump_dte_entry(): "DTE[0]: ..." to "DTE[3]: ..."; dump_command(): "CMD[0]: ...". */
static bool note_word(struct pn_line *l, const char *s, uint64_t *words, unsigned *n,
		      unsigned long *line)
{
	uint64_t i, v;

	if (!pn_line_number(&s, false, &i) || i > 3 || strncmp(s, "]:", 2))
		return false;
	s += 2;
	if (!pn_line_number(&s, true, &v))
		return false;
	if (i == 0) {
		*n = 0;
		*line = l->log->line;
	}
	if (i != *n)
		return false;
	words[(*n)++] = v;
	return true;
}

enum pn_line_found pn_line_amd_dte_word(struct pn_line *l)
{
	if (!note_word(l, l->at + strlen("DTE["), l->log->dte.word, &l->log->dte.words,
		       &l->log->dte.line))
		return LINE_NOT;
	return l->log->dte.words < 4 ? LINE_PART : pn_line_words(l, "dte", l->log->dte.word, 4);
}

enum pn_line_found pn_line_amd_cmd_word(struct pn_line *l)
{
	uint64_t *w = l->log->cmd.word, q[2];

	if (!note_word(l, l->at + strlen("CMD["), w, &l->log->cmd.words, &l->log->cmd.line))
		return LINE_NOT;
	if (l->log->cmd.words < 4)
		return LINE_PART;
	q[0] = (w[0] & 0xFFFFFFFF) | w[1] << 32;
	q[1] = (w[2] & 0xFFFFFFFF) | w[3] << 32;
	return pn_line_words(l, "cmd", q, 2);
}

/* "  7: 00001009 10000001 00000000 00000000": iommu_cmdbuf_show() and dump_command_buffer(). */
enum pn_line_found pn_line_amd_cmd_row(struct pn_line *l)
{
	const char *colon = l->text, *s;
	char word[5][24];
	uint64_t w[2];

	while ((colon = strchr(colon, ':')) != NULL) {
		s = colon++;
		if (s == l->text || !isdigit((unsigned char)s[-1]) ||
		    pn_line_split(colon, word, 5) != 4)
			continue;
		for (unsigned i = 0; i < 4; i++)
			if (!pn_line_is_hex(word[i], 8))
				return LINE_NOT;
		while (s > l->text && isdigit((unsigned char)s[-1]))
			s--;
		if (colon - s > 5) /* an address of a hex dump */
			return LINE_NOT;
		w[0] = strtoull(word[0], NULL, 16) | strtoull(word[1], NULL, 16) << 32;
		w[1] = strtoull(word[2], NULL, 16) | strtoull(word[3], NULL, 16) << 32;
		return w[0] || w[1] ? pn_line_words(l, "cmd", w, 2) : LINE_NOT;
	}
	return LINE_NOT;
}

/* "IRT[0007] HIGH LOW" or "IRT[0007] ENTRY": dump_128_irte(), dump_32_irte(). */
enum pn_line_found pn_line_amd_irt_row(struct pn_line *l)
{
	const char *s = strchr(l->at, ']');
	char word[3][24];
	uint64_t w[2];
	unsigned n = s ? pn_line_split(s + 1, word, 3) : 0;

	if (n == 1 && pn_line_is_hex(word[0], 8))
		return pn_line_word(l, "irte32", strtoull(word[0], NULL, 16));
	if (n != 2 || !pn_line_is_hex(word[0], 16) || !pn_line_is_hex(word[1], 16))
		return LINE_NOT;
	w[0] = strtoull(word[1], NULL, 16);
	w[1] = strtoull(word[0], NULL, 16);
	return pn_line_words(l, "irte", w, 2);
}

/* "0000:01:00.0 Q3 Q2 Q1 Q0 iommu0": dump_dte() of debugfs. */
enum pn_line_found pn_line_amd_devtbl_row(struct pn_line *l)
{
	char word[7][24];
	unsigned bdf;
	uint64_t w[4];

	if (pn_line_split(l->text, word, 7) != 6 || !pn_line_bdf(word[0], &bdf) ||
	    strncmp(word[5], "iommu", 5))
		return LINE_NOT;
	for (unsigned i = 0; i < 4; i++) {
		if (!pn_line_is_hex(word[1 + i], 16))
			return LINE_NOT;
		w[3 - i] = strtoull(word[1 + i], NULL, 16);
	}
	return pn_line_words(l, "dte", w, 4);
}

/* "Offset:0x18 Value:0x...": iommu_mmio_show(). */
enum pn_line_found pn_line_amd_register(struct pn_line *l)
{
	static const struct {
		uint64_t offset;
		const char *kind;
	} rows[] = {{0x18, "control"}, {0x30, "efr"},	{0x170, "xt"},	   {0x178, "xt"},
		    {0x180, "xt"},     {0x1A0, "efr2"}, {0x2020, "status"}};
	const char *s = pn_line_find(l->at, "Value:");
	uint64_t offset, v;

	if (!s || !pn_line_key(l->at, "Offset:", true, &offset) ||
	    strspn(s + strlen("Value:0x"), "0123456789abcdefABCDEF") != 16 ||
	    !pn_line_key(s, "Value:", true, &v))
		return LINE_NOT;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].offset == offset)
			return pn_line_word(l, rows[i].kind, v);
	return LINE_NOT;
}
