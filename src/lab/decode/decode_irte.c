/* SPDX-License-Identifier: MIT */
/* Interrupt remapping table entries: 48882 rev 3.11, 2.2.5. */
#include <inttypes.h>

#include "decode_kind.h"
#include "postern/amd_irte.h"

static void say_inttype(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v == 0	  ? "fixed"
		 : v == 1 ? "arbitrated (lowest priority)"
			  : "reserved: faults");
}

static void say_dest32(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	snprintf(buf, size, "%s APIC ID 0x%02" PRIx64,
		 pn_dec_bits(o, 6, 6) ? "logical" : "physical", v);
}

static const char REMAPEN_OFF[] = "requests are aborted";
static const char REMAPEN_ON[] = "requests are remapped";
static const char SUPIOPF_OFF[] = "faults are logged";
static const char SUPIOPF_ON[] = "faults are not logged";

static const struct pn_dec_field irte32[] = {
	DEC_FLAG("RemapEn", 0, REMAPEN_OFF, REMAPEN_ON),
	DEC_FLAG("SupIOPF", 1, SUPIOPF_OFF, SUPIOPF_ON),
	DEC_SAY("IntType", 4, 2, say_inttype),
	DEC_FLAG("RqEOI", 5, "no EOI requested", "EOI requested"),
	DEC_FLAG("DM", 6, "physical destination", "logical destination"),
	DEC_FLAG("GuestMode", 7, "remapped", "not possible in 32 bits"),
	DEC_SAY("Destination", 15, 8, say_dest32),
	DEC_SAY("Vector", 23, 16, pn_dec_say_vector),
	DEC_RSV(31, 24),
	DEC_END,
};

static const struct pn_dec_field *table32(const struct pn_dec_obj *o)
{
	(void)o;
	return irte32;
}

static void check_remap(const struct pn_irte *e, unsigned bad, struct pn_decoded *out)
{
	if (bad & PN_IRTE_BAD_INTTYPE)
		pn_dec_error(out, "IntType %u is reserved (expected 0 or 1)", e->inttype);
	if (e->remapen && e->vector < 16)
		pn_dec_error(out, "Vector 0x%02x is below 16: a local APIC refuses it", e->vector);
}

static void check32(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	struct pn_irte e;
	unsigned bad = pn_irte32_decode((uint32_t)o->q[0], &e);

	if (bad & PN_IRTE_BAD_GUESTMODE)
		pn_dec_error(out,
			     "GuestMode=1 in a 32-bit entry (guest mode needs 128 bits: GAEn=1)");
	check_remap(&e, bad, out);
}

const struct pn_dec_kind pn_dec_irte32 = {
	"irte32",	   "interrupt remapping table entry, 32 bits (GAEn=0)",
	"one 32-bit word", {32, 0},
	PN_DEC_DUMP,	   table32,
	check32,
};

static uint32_t whole_dest(const struct pn_dec_obj *o)
{
	return (uint32_t)(pn_dec_bits(o, 127, 120) << 24 | pn_dec_bits(o, 31, 8));
}

static void say_remap_dest(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	snprintf(buf, size, "%s APIC ID 0x%08" PRIx32 " (0x%02x if XTEn=0)",
		 pn_dec_bits(o, 6, 6) ? "logical" : "physical", whole_dest(o), (unsigned)v & 0xFF);
}

static void say_dest_hi(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v ? "destination bits 31:24; needs XTEn=1" : "destination bits 31:24");
}

static const struct pn_dec_field irte_remap[] = {
	DEC_FLAG("RemapEn", 0, REMAPEN_OFF, REMAPEN_ON),
	DEC_FLAG("SupIOPF", 1, SUPIOPF_OFF, SUPIOPF_ON),
	DEC_SAY("IntType", 4, 2, say_inttype),
	DEC_FLAG("RqEOI", 5, "no EOI requested", "EOI requested"),
	DEC_FLAG("DM", 6, "physical destination", "logical destination"),
	DEC_FLAG("GuestMode", 7, "remapped to the host, not posted", ""),
	DEC_SAY("Destination[23:0]", 31, 8, say_remap_dest),
	DEC_RSV(63, 32),
	DEC_SAY("Vector", 71, 64, pn_dec_say_vector),
	DEC_RSV(119, 72),
	DEC_SAY("Destination[31:24]", 127, 120, say_dest_hi),
	DEC_END,
};

static void say_guest_dest(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)v;
	if (pn_dec_bits(o, 6, 6))
		snprintf(buf, size, "doorbell goes to APIC ID 0x%08" PRIx32, whole_dest(o));
	else
		snprintf(buf, size, "GAPPI goes to APIC ID 0x%08" PRIx32 "; under GALOG not used",
			 whole_dest(o));
}

static void say_isrun(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v ? "the vCPU runs: doorbell to Destination"
		   : "the vCPU does not run: GALOG entry or GAPPI, if enabled");
}

static void say_tag(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	unsigned vector = (unsigned)v & 0xFF;

	(void)o;
	snprintf(buf, size, "GALOG: tag 0x%08" PRIx64 "; GAPPI: vector 0x%02x (GATag[7:0])%s", v,
		 vector, vector < 16 ? ", not legal" : "");
}

static void say_irr(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "guest vector 0x%02" PRIx64 ": IRR bit %u of the word at page + 0x%03x",
		 v, (unsigned)v & 31, 0x200 + ((unsigned)v >> 5) * 0x10);
}

static const struct pn_dec_field irte_guest[] = {
	DEC_FLAG("RemapEn", 0, REMAPEN_OFF, "requests are posted"),
	DEC_FLAG("SupIOPF", 1, SUPIOPF_OFF, SUPIOPF_ON),
	DEC_FLAG("GALogIntr", 2, "no GALOG entry while IsRun=0", "GALOG entry while IsRun=0"),
	DEC_RSV(4, 3),
	DEC_FLAG("GAPPIDis", 5, "GAPPI allowed, if Control.GAPPIEn=1",
		 "GAPPI suppressed; reserved unless EFR2.GAPPIDisSup=1"),
	DEC_SAY("IsRun", 6, 6, say_isrun),
	DEC_FLAG("GuestMode", 7, "", "posted to the vAPIC page (needs GAMEn=1)"),
	DEC_SAY("Destination[23:0]", 31, 8, say_guest_dest),
	DEC_SAY("GATag", 63, 32, say_tag),
	DEC_SAY("Vector", 71, 64, say_irr),
	DEC_RSV(75, 72),
	DEC_SAY("GuestVAPICRoot", 115, 76, pn_dec_say_page),
	DEC_RSV(119, 116),
	DEC_SAY("Destination[31:24]", 127, 120, say_dest_hi),
	DEC_END,
};

static const struct pn_dec_field *table128(const struct pn_dec_obj *o)
{
	return pn_dec_bits(o, 7, 7) ? irte_guest : irte_remap;
}

static void check_guest(const struct pn_irte *e, struct pn_decoded *out)
{
	if (e->remapen && !e->root)
		pn_dec_error(out, "GuestMode=1 but the vAPIC page root is 0");
	if (e->remapen && e->vector < 16)
		pn_dec_error(out, "guest Vector 0x%02x is below 16: no APIC delivers it",
			     e->vector);
	/*
	 * A tag that only the host uses may end in any value; here GAPPI uses its low byte as a
	 * vector.
	 */
	if (e->remapen && (e->gatag & 0xFF) < 16 &&
	    (e->gappidis || (!e->galogintr && e->gatag < 16)))
		pn_dec_error(out, "under GAPPI, vector GATag[7:0] = 0x%02x is below 16",
			     (unsigned)e->gatag & 0xFF);
}

static void check128(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	struct pn_irte128 raw = {o->q[0], o->q[1]};
	struct pn_irte e;
	unsigned bad = pn_irte128_decode(raw, true, true, &e);

	if (e.guestmode)
		check_guest(&e, out);
	else
		check_remap(&e, bad, out);
}

static void read128(const struct pn_dec_obj *o, char *buf, size_t size)
{
	if (!pn_dec_bits(o, 0, 0))
		snprintf(buf, size, "the entry is not present: requests that name it are aborted");
	else if (pn_dec_bits(o, 7, 7))
		snprintf(buf, size, "posted: guest vector 0x%02x, %s",
			 (unsigned)pn_dec_bits(o, 71, 64),
			 pn_dec_bits(o, 6, 6) ? "the vCPU runs" : "the vCPU does not run");
	else
		snprintf(buf, size, "remapped to the host, vector 0x%02x: not posted to a guest",
			 (unsigned)pn_dec_bits(o, 71, 64));
}

/* An entry that is not there is all zero, or was once set up as a whole: its high half alone is not
 * what software leaves. */
static bool doubt128(const struct pn_dec_obj *o)
{
	return !pn_dec_bits(o, 0, 0) && (o->q[1] || o->q[0]);
}

const struct pn_dec_kind pn_dec_irte = {
	"irte",
	"interrupt remapping table entry, 128 bits (GAEn=1), remapped or guest",
	"two 64-bit words, low first, or four 32-bit words",
	{128, 0},
	PN_DEC_DUMP,
	table128,
	check128,
	read128,
	doubt128,
};
