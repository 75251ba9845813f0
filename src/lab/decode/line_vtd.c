/* SPDX-License-Identifier: MIT */
/* Lines of Linux's Intel IOMMU driver (drivers/iommu/intel: dmar.c, debugfs.c). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "decode_kind.h"
#include "line.h"
#include "postern/vtd_irte.h"

/*
 * "[fault reason 0x26]" since 5.13, "[fault reason 38]" before: with 0x it is hexadecimal, without
 * it decimal (dmar_fault_do_one()).
 */
static bool fault_reason(const char *s, uint64_t *reason)
{
	return pn_line_key(s, "fault reason", false, reason) && *reason <= 0xFF;
}

static bool fault_device(const char *s, unsigned *bdf)
{
	s = pn_line_find(s, "device [");
	return s && pn_line_bdf(s + strlen("device ["), bdf);
}

static enum pn_line_found fault(struct pn_line *l, unsigned bdf, uint64_t reason, uint64_t info,
				bool read)
{
	uint64_t w[2] = {info, PN_VTD_FR_F | (uint64_t)read << 62 | (reason & 0xFF) << 32 | bdf};

	return pn_line_words(l, "vtd-fault", w, 2);
}

/* The index is hexadecimal, also in kernels that print no 0x. */
enum pn_line_found pn_line_dmar_interrupt(struct pn_line *l)
{
	uint64_t index, reason;
	unsigned bdf;

	if (!pn_line_find(l->at, "Request device"))
		return LINE_NOT;
	if (!fault_device(l->at, &bdf) || !pn_line_key(l->at, "fault index", true, &index) ||
	    !fault_reason(l->at, &reason))
		return LINE_MORE;
	return fault(l, bdf, reason, index << 48, false);
}

enum pn_line_found pn_line_dmar_dma(struct pn_line *l)
{
	uint64_t address, reason;
	unsigned bdf;

	if (!pn_line_find(l->at, "Request device"))
		return LINE_NOT;
	if (!fault_device(l->at, &bdf) || !pn_line_key(l->at, "fault addr", true, &address) ||
	    !fault_reason(l->at, &reason))
		return LINE_MORE;
	return fault(l, bdf, reason, address & ~UINT64_C(0xFFF),
		     pn_line_starts(l->at, "[DMA Read") || pn_line_starts(l->at, "DMA Read"));
}

/* dmar_fault(): the register without 0x. */
enum pn_line_found pn_line_dmar_status(struct pn_line *l)
{
	uint64_t v;

	if (!pn_line_key(l->at, "fault status reg", true, &v) || v >> 32)
		return LINE_NOT;
	return pn_line_word(l, "vtd-fsts", v);
}

/* alloc_iommu(): "dmar0: reg_base_addr ... ver 1:0 cap ... ecap ...". */
enum pn_line_found pn_line_dmar_unit(struct pn_line *l)
{
	uint64_t cap, ecap;
	bool pi, ir;

	if (!pn_line_key(l->at, "cap ", true, &cap) || !pn_line_key(l->at, "ecap ", true, &ecap))
		return LINE_MORE;
	if (pn_line_word(l, "vtd-cap", cap) != LINE_DONE)
		return LINE_NOT;
	l->out->reading[0] = '\0';
	pn_line_add(l, "vtd-ecap", ecap);
	pi = cap >> 59 & 1;
	ir = ecap >> 3 & 1;
	snprintf(l->out->reading, sizeof(l->out->reading), "%s: CAP.PI=%u, ECAP.IR=%u, ECAP.EIM=%u",
		 pi && ir ? "posting is possible" : "no posting by this unit", pi, ir,
		 (unsigned)(ecap >> 4 & 1));
	return LINE_DONE;
}

/*
 * ir_translation_struct: " 24    01:00.0 00000300 22  HIGH LOW" of a remapped entry, one word more,
 * the upper half of the descriptor's address, of a posted one.
 */
enum pn_line_found pn_line_vtd_irt_row(struct pn_line *l)
{
	char word[8][24], *end;
	unsigned n = pn_line_split(l->text, word, 8), bdf;
	uint64_t w[2], vector;
	enum pn_line_found found;

	if ((n != 6 && n != 7) || !pn_line_bdf(word[1], &bdf) || !pn_line_is_hex(word[n - 1], 16) ||
	    !pn_line_is_hex(word[n - 2], 16) || !pn_line_is_hex(word[n - 3], 2))
		return LINE_NOT;
	strtoul(word[0], &end, 10);
	if (end == word[0] || *end)
		return LINE_NOT;
	w[0] = strtoull(word[n - 1], NULL, 16);
	w[1] = strtoull(word[n - 2], NULL, 16);
	found = pn_line_words(l, "vtd-irte", w, 2);
	vector = strtoull(word[n - 3], NULL, 16);
	if (found == LINE_DONE && vector != (w[0] >> 16 & 0xFF))
		pn_dec_error(l->out, "the row says vector 0x%02" PRIx64 ", the entry 0x%02" PRIx64,
			     vector, w[0] >> 16 & 0xFF);
	return found;
}

/* "CAP  0x08  0x00d2008c40660462" of iommu_regset. */
enum pn_line_found pn_line_vtd_register(struct pn_line *l)
{
	static const struct {
		const char *name;
		uint64_t offset;
		const char *kind;
	} rows[] = {{"CAP", 0x08, "vtd-cap"},
		    {"ECAP", 0x10, "vtd-ecap"},
		    {"GSTS", 0x1C, "vtd-gsts"},
		    {"FSTS", 0x34, "vtd-fsts"},
		    {"IRTA", 0xB8, "vtd-irta"}};
	char word[4][24];

	if (pn_line_split(l->text, word, 4) != 3 || !pn_line_is_hex(word[2], 16))
		return LINE_NOT;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(word[0], rows[i].name) && strtoull(word[1], NULL, 16) == rows[i].offset)
			return pn_line_word(l, rows[i].kind, strtoull(word[2], NULL, 16));
	return LINE_NOT;
}
