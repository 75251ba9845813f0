/* SPDX-License-Identifier: MIT */
/* Device table entry, interrupt half: 48882 rev 3.11, 2.2.2.1. Alone it is quadword 2. */
#include <inttypes.h>

#include "decode_kind.h"
#include "postern/amd_dte.h"

static void say_len(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%u entr%s%s", 1u << v, v ? "ies" : "y",
		 v > PN_DTE_INTTABLEN_MAX ? ": not legal" : "");
}

static void say_root(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "remapping table at 0x%" PRIx64, v << 6);
}

static void say_intctl(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	static const char *const names[] = {
		"fixed and arbitrated interrupts are aborted",
		"fixed and arbitrated interrupts are forwarded unmapped",
		"fixed and arbitrated interrupts are remapped",
		"reserved",
	};

	(void)o;
	snprintf(buf, size, "%s", names[v & 3]);
}

#define INTERRUPT_HALF(base)                                                                       \
	DEC_FLAG("IV", (base) + 0, "interrupts are forwarded unmapped", "interrupt fields valid"), \
		DEC_SAY("IntTabLen", (base) + 4, (base) + 1, say_len),                             \
		DEC_FLAG("IG", (base) + 5, "faults of unmapped interrupts are logged",             \
			 "faults of unmapped interrupts are not logged"),                          \
		DEC_SAY("IntTabRoot", (base) + 51, (base) + 6, say_root),                          \
		DEC_RSV((base) + 53, (base) + 52),                                                 \
		DEC_PLAIN("GuestPagingMode", (base) + 55, (base) + 54),                            \
		DEC_FLAG("InitPass", (base) + 56, "INIT is blocked", "INIT passes"),               \
		DEC_FLAG("EIntPass", (base) + 57, "ExtINT is blocked", "ExtINT passes"),           \
		DEC_FLAG("NMIPass", (base) + 58, "NMI is blocked", "NMI passes"),                  \
		DEC_PLAIN("HPTMode", (base) + 59, (base) + 59),                                    \
		DEC_SAY("IntCtl", (base) + 61, (base) + 60, say_intctl),                           \
		DEC_FLAG("Lint0Pass", (base) + 62, "LINT0 is blocked", "LINT0 passes"),            \
		DEC_FLAG("Lint1Pass", (base) + 63, "LINT1 is blocked", "LINT1 passes")

static const struct pn_dec_field half[] = {INTERRUPT_HALF(0), DEC_END};
static const struct pn_dec_field whole[] = {
	DEC_FLAG("V", 0, "DMA fields not valid (interrupts go by IV)", "DMA fields valid"),
	DEC_PLAIN("DMA half, low", 63, 1),
	DEC_PLAIN("DMA half, high", 127, 64),
	INTERRUPT_HALF(128),
	DEC_PLAIN("quadword 3", 255, 192),
	DEC_END,
};

static const struct pn_dec_field *table(const struct pn_dec_obj *o)
{
	return o->bits == 256 ? whole : half;
}

static void check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	struct pn_dte e;
	unsigned bad = pn_dte_decode(o->bits == 256 ? o->q[2] : o->q[0], true, &e);

	if (bad & PN_DTE_BAD_INTCTL)
		pn_dec_error(out, "IntCtl 11b is reserved");
	if (bad & PN_DTE_BAD_INTTABLEN)
		pn_dec_error(out, "IntTabLen %u: a table has at most 2^%u entries", e.inttablen,
			     PN_DTE_INTTABLEN_MAX);
	if (bad & PN_DTE_BAD_ALIGN)
		pn_dec_error(out,
			     "IntTabRoot 0x%" PRIx64 " is not 128-byte aligned (needed if GAEn=1)",
			     e.root);
	if (e.iv && e.intctl == PN_INTCTL_REMAP && !e.root)
		pn_dec_error(out, "IntCtl says remap but IntTabRoot is 0");
}

static void dte_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	struct pn_dte e;

	pn_dte_decode(o->bits == 256 ? o->q[2] : o->q[0], true, &e);
	if (!e.iv)
		snprintf(buf, size, "IV=0: interrupts of this device pass unmapped");
	else if (e.intctl == PN_INTCTL_REMAP)
		snprintf(buf, size,
			 "interrupts of this device are remapped or posted by the table at "
			 "0x%" PRIx64 " with %u entries",
			 e.root, 1u << (e.inttablen & 15));
	else
		snprintf(buf, size, "fixed and arbitrated interrupts of this device are %s",
			 e.intctl == PN_INTCTL_ABORT ? "aborted (IntCtl=00b)" : "not remapped");
}

/* A half that is not valid, but something is set in it. */
static bool doubt(const struct pn_dec_obj *o)
{
	bool dma = pn_dec_bits(o, 0, 0);

	if (o->bits != 256)
		return false;
	return (!dma && (o->q[0] || o->q[1])) || (!dma && !(o->q[2] & 1) && (o->q[2] || o->q[3]));
}

const struct pn_dec_kind pn_dec_dte = {
	"dte",
	"device table entry: its interrupt half",
	"quadword 2 as one 64-bit word, or the whole entry as four",
	{256, 64},
	PN_DEC_DUMP,
	table,
	check,
	dte_read,
	doubt,
};
