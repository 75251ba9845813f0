/* SPDX-License-Identifier: MIT */
/*
 * IOMMU registers: 48882 rev 3.11, 3.4. Bits that no source describes are neither shown nor called
 * wrong.
 */
#include <inttypes.h>
#include <string.h>

#include "decode_kind.h"
#include "postern/amdvi_regs.h"

static const char USAGE[] = "one 64-bit word or two 32-bit words, low first";

#define ENABLE(name, bit) DEC_FLAG(name, bit, "off", "on")

static void say_gamen(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v == 0	  ? "no guest mode"
		 : v == 1 ? "guest vAPIC mode"
			  : "reserved");
}

static void say_numint(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v == 0	  ? "512 interrupts per function"
		 : v == 1 ? "2048 interrupts per function"
			  : "reserved");
}

static void say_snpavic(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v == 0	  ? "off"
		 : v == 1 ? "guest APIC mode under SNP"
			  : "reserved");
}

static const struct pn_dec_field control[] = {
	ENABLE("IommuEn", 0),
	ENABLE("HtTunEn", 1),
	ENABLE("EventLogEn", 2),
	ENABLE("EventIntEn", 3),
	ENABLE("ComWaitIntEn", 4),
	DEC_PLAIN("InvTimeOut", 7, 5),
	ENABLE("Coherent", 10),
	ENABLE("CmdBufEn", 12),
	ENABLE("PPRLogEn", 13),
	ENABLE("PPRIntEn", 14),
	ENABLE("PPREn", 15),
	ENABLE("GTEn", 16),
	DEC_FLAG("GAEn", 17, "IRTEs have 32 bits", "IRTEs have 128 bits"),
	DEC_PLAIN("CRW", 21, 18),
	ENABLE("SmiFEn", 22),
	ENABLE("SlfWBDis", 23),
	ENABLE("SmiFLogEn", 24),
	DEC_SAY("GAMEn", 27, 25, say_gamen),
	DEC_FLAG("GALogEn", 28, "guest APIC log off", "guest APIC log runs"),
	DEC_FLAG("GAIntEn", 29, "no interrupt for the guest APIC log",
		 "interrupt when the guest APIC log has entries"),
	DEC_PLAIN("DualPprLogEn", 31, 30),
	DEC_PLAIN("DualEventLogEn", 33, 32),
	DEC_PLAIN("DevTblSegEn", 36, 34),
	DEC_SAY("NumIntRemapMode", 44, 43, say_numint),
	ENABLE("EPHEn", 45),
	DEC_PLAIN("HADUpdate", 47, 46),
	ENABLE("GDUpdateDis", 48),
	DEC_FLAG("XTEn", 50, "8-bit destinations in IRTEs", "32-bit destinations in IRTEs"),
	DEC_FLAG("IntCapXTEn", 51, "the IOMMU's interrupts by PCI MSI",
		 "the IOMMU's interrupts by registers 170h, 178h, 180h"),
	ENABLE("vCmdEn", 52),
	ENABLE("vIommuEn", 53),
	DEC_FLAG("GAUpdateDis", 54, "off", "no accessed-bit update in guest page tables"),
	DEC_FLAG("GAPPIEn", 55, "GALOG, if GALogEn=1", "GAPPI: GATag[7:0] is a physical vector"),
	ENABLE("TMPMEn", 56),
	ENABLE("GCR3TRPMode", 58),
	DEC_FLAG("IRTCacheDis", 59, "IRTEs are cached", "IRTEs are read from memory each time"),
	ENABLE("GstBufferTRPMode", 60),
	DEC_SAY("SNPAVICEn", 63, 61, say_snpavic),
	DEC_END,
};

static const struct pn_dec_field *control_table(const struct pn_dec_obj *o)
{
	(void)o;
	return control;
}

static void control_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	uint64_t v = o->q[0];
	unsigned gamen = (unsigned)pn_dec_bits(o, 27, 25);

	if (gamen > 1)
		pn_dec_error(out, "GAMEn %u is reserved (expected 0 or 1)", gamen);
	if (gamen && !(v & PN_CTRL_GAEN))
		pn_dec_error(out, "GAMEn=%u but GAEn=0: guest mode needs 128-bit IRTEs", gamen);
	if ((v & PN_CTRL_GAPPIEN) && gamen != 1)
		pn_dec_error(out, "GAPPIEn=1 but GAMEn is not 1: nothing is posted");
	if ((v & PN_CTRL_GAPPIEN) && (v & PN_CTRL_GALOGEN))
		pn_dec_error(out, "GAPPIEn=1 and GALogEn=1: the two are alternatives");
	if ((v & PN_CTRL_GALOGEN) && gamen != 1)
		pn_dec_error(out, "GALogEn=1 but GAMEn is not 1: there is nothing to log");
	if ((v & PN_CTRL_XTEN) && !(v & PN_CTRL_GAEN))
		pn_dec_error(out, "XTEn=1 but GAEn=0: 32-bit IRTEs have 8-bit destinations");
	if (pn_dec_bits(o, 44, 43) > 1)
		pn_dec_error(out, "NumIntRemapMode %u is reserved (expected 0 or 1)",
			     (unsigned)pn_dec_bits(o, 44, 43));
}

static void control_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	uint64_t v = o->q[0];

	if (!(v & PN_CTRL_IOMMUEN))
		snprintf(buf, size, "the IOMMU is off");
	else if (!(v & PN_CTRL_GAEN) || pn_dec_bits(o, 27, 25) != 1)
		snprintf(buf, size,
			 "interrupts are remapped, not posted (guest mode needs GAEn=1 and "
			 "GAMEn=1)");
	else
		snprintf(buf, size, "interrupts are posted; for a vCPU that does not run: %s",
			 v & PN_CTRL_GAPPIEN ? "GAPPI"
			 : v & PN_CTRL_GALOGEN
				 ? v & PN_CTRL_GAINTEN
					   ? "an entry in the guest APIC log, with an "
					     "interrupt"
					   : "an entry in the guest APIC log, without an "
					     "interrupt (GAIntEn=0)"
				 : "nothing (GALogEn=0, GAPPIEn=0)");
}

const struct pn_dec_kind pn_dec_control = {
	"control",     "IOMMU control register (18h)",
	USAGE,	       {64, 0},
	PN_DEC_DUMP,   control_table,
	control_check, control_read,
	NULL,
};

static const struct pn_dec_field status[] = {
	DEC_FLAG("EventOverflow", 0, "", "event log overflowed"),
	DEC_FLAG("EventLogInt", 1, "", "event logged; no further interrupt until cleared"),
	DEC_FLAG("ComWaitInt", 2, "", "COMPLETION_WAIT done; no further interrupt until cleared"),
	DEC_FLAG("EventLogRun", 3, "event log stopped", "event log runs"),
	DEC_FLAG("CmdBufRun", 4, "command fetch stopped", "command fetch runs"),
	DEC_FLAG("PprOverflow", 5, "", "PPR log overflowed"),
	DEC_FLAG("PprInt", 6, "", "PPR logged"),
	DEC_FLAG("PprLogRun", 7, "PPR log stopped", "PPR log runs"),
	DEC_FLAG("GALogRun", 8, "guest APIC log stopped", "guest APIC log runs"),
	DEC_FLAG("GALOverflow", 9, "",
		 "guest APIC log overflowed: entries were dropped, and it stops"),
	DEC_FLAG("GAInt", 10, "", "guest APIC log entry; no further interrupt until cleared"),
	DEC_FLAG("PprOverflowB", 11, "", "PPR log B overflowed"),
	DEC_FLAG("PprLogActive", 12, "PPR log A", "PPR log B"),
	DEC_FLAG("EventOverflowB", 15, "", "event log B overflowed"),
	DEC_FLAG("EventLogActive", 16, "event log A", "event log B"),
	DEC_FLAG("PprOverflowEarly", 17, "", "PPR log nearly full"),
	DEC_FLAG("PprOverflowEarlyB", 18, "", "PPR log B nearly full"),
	DEC_END,
};

static const struct pn_dec_field *status_table(const struct pn_dec_obj *o)
{
	(void)o;
	return status;
}

static void status_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	bool overflow = pn_dec_bits(o, 9, 9), run = pn_dec_bits(o, 8, 8);

	if (overflow)
		snprintf(buf, size,
			 "the guest APIC log overflowed: wakeups of vCPUs were dropped%s",
			 run ? "" : ", and it stopped");
	else
		snprintf(buf, size, "the guest APIC log %s",
			 run ? "runs" : "does not run: no vCPU is woken through it");
}

const struct pn_dec_kind pn_dec_status = {
	"status",    "IOMMU status register (2020h)",
	USAGE,	     {64, 0},
	PN_DEC_DUMP, status_table,
	NULL,	     status_read,
	NULL,
};

#define SUPPORT(name, bit) DEC_FLAG(name, bit, "not supported", "supported")

static void say_gamsup(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v == 0	  ? "no guest mode"
		 : v == 1 ? "guest vAPIC mode"
			  : "unknown");
}

static const struct pn_dec_field efr[] = {
	SUPPORT("PreFSup", 0),
	SUPPORT("PPRSup", 1),
	DEC_FLAG("XTSup", 2, "8-bit destinations only", "32-bit destinations"),
	SUPPORT("NXSup", 3),
	SUPPORT("GTSup", 4),
	DEC_FLAG("GAPPISup", 5, "no GAPPI", "GAPPI"),
	SUPPORT("IASup", 6),
	DEC_FLAG("GASup", 7, "32-bit IRTEs only", "128-bit IRTEs"),
	SUPPORT("HESup", 8),
	SUPPORT("PCSup", 9),
	DEC_PLAIN("HATS", 11, 10),
	DEC_PLAIN("GATS", 13, 12),
	DEC_PLAIN("GLXSup", 15, 14),
	DEC_PLAIN("SmiFSup", 17, 16),
	DEC_PLAIN("SmiFRC", 20, 18),
	DEC_SAY("GAMSup", 23, 21, say_gamsup),
	DEC_PLAIN("DualPprLog", 25, 24),
	DEC_PLAIN("DualEventLog", 29, 28),
	DEC_PLAIN("SATS", 31, 31),
	DEC_PLAIN("PASMax", 36, 32),
	SUPPORT("USSup", 37),
	DEC_PLAIN("DevTblSegSup", 39, 38),
	SUPPORT("MsiCapMmioSup", 46),
	SUPPORT("GIoSup", 48),
	SUPPORT("HASup", 49),
	SUPPORT("EPHSup", 50),
	SUPPORT("HDSup", 52),
	SUPPORT("InvIotlbTypeSup", 54),
	SUPPORT("vIommuSup", 55),
	SUPPORT("GAUpdateDisSup", 61),
	SUPPORT("ForcePhyDestSup", 62),
	SUPPORT("SNPSup", 63),
	DEC_END,
};

static const struct pn_dec_field *efr_table(const struct pn_dec_obj *o)
{
	(void)o;
	return efr;
}

static void efr_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	if ((o->q[0] & PN_EFR_GAPPISUP) && pn_dec_bits(o, 23, 21) != 1)
		pn_dec_error(out, "GAPPISup=1 but GAMSup is not 1");
	if ((o->q[0] & PN_EFR_GAMSUP) && !(o->q[0] & PN_EFR_GASUP))
		pn_dec_error(out, "GAMSup is not 0 but GASup=0");
}

/* What posting and GAPPI need: 48882 rev 3.11, 3.4.9. */
static void efr_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	bool ga = o->q[0] & PN_EFR_GASUP, gam = pn_dec_bits(o, 23, 21) == 1,
	     gappi = o->q[0] & PN_EFR_GAPPISUP;

	if (!ga)
		snprintf(buf, size,
			 "no posting: GASup=0, so entries have 32 bits%s; no GAPPI either%s",
			 gam ? ", although GAMSup=1" : "", gappi ? ", although GAPPISup=1" : "");
	else if (!gam)
		snprintf(buf, size, "no posting: GAMSup is not 1 (no guest vAPIC mode)%s",
			 gappi ? "; no GAPPI either, although GAPPISup=1" : "");
	else if (gappi)
		snprintf(buf, size,
			 "posting is possible (GASup=1, GAMSup=1), with GAPPI (bit 5, for which "
			 "Linux prints [5], is GAPPISup)");
	else
		snprintf(
			buf, size,
			"posting is possible (GASup=1, GAMSup=1); no GAPPI (GAPPISup=0), so a vCPU "
			"that does not run is woken through the guest APIC log");
	if (ga && gam && !(o->q[0] & PN_EFR_XTSUP))
		snprintf(buf + strlen(buf), size - strlen(buf),
			 "; XTSup=0: destinations have 8 bits, no x2APIC mode");
}

const struct pn_dec_kind pn_dec_efr = {
	"efr",	     "IOMMU extended feature register (30h)",
	USAGE,	     {64, 0},
	PN_DEC_DUMP, efr_table,
	efr_check,   efr_read,
	NULL,
};

static void say_numsup(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v == 0	  ? "512 interrupts per function"
		 : v == 1 ? "2048 interrupts per function"
			  : "unknown");
}

static const struct pn_dec_field efr2[] = {
	SUPPORT("CXLIO", 0),
	SUPPORT("SEVSNPIO", 1),
	SUPPORT("PageMigration", 2),
	SUPPORT("GCR3TRPMode", 3),
	DEC_FLAG("GAPPIDisSup", 4, "GAPPI cannot be suppressed per IRTE",
		 "IRTE.GAPPIDis suppresses GAPPI"),
	DEC_SAY("SNPAVICSup", 7, 5, say_snpavic),
	DEC_SAY("NumIntRemapSup", 9, 8, say_numsup),
	DEC_END,
};

static const struct pn_dec_field *efr2_table(const struct pn_dec_obj *o)
{
	(void)o;
	return efr2;
}

static void efr2_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	snprintf(buf, size, "GAPPI %s; whether there is GAPPI says bit 5 of efr; up to %s",
		 pn_dec_bits(o, 4, 4) ? "can be suppressed per entry (GAPPIDisSup=1)"
				      : "cannot be suppressed per entry (GAPPIDisSup=0)",
		 pn_dec_bits(o, 9, 8) == 1 ? "2048 interrupts per function"
					   : "512 interrupts per function");
}

const struct pn_dec_kind pn_dec_efr2 = {
	"efr2",	     "IOMMU extended feature register 2 (1a0h)",
	USAGE,	     {64, 0},
	PN_DEC_DUMP, efr2_table,
	NULL,	     efr2_read,
	NULL,
};

static void say_xt_dest(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)v;
	snprintf(buf, size, "%s APIC ID 0x%08" PRIx64,
		 pn_dec_bits(o, 2, 2) ? "logical" : "physical",
		 pn_dec_bits(o, 63, 56) << 24 | pn_dec_bits(o, 31, 8));
}

static void say_xt_vector(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	if (v)
		pn_dec_say_vector(o, v, buf, size);
	else
		snprintf(buf, size, "vector 0: masked, as Linux does it");
}

static const struct pn_dec_field xt[] = {
	DEC_RSV(1, 0),
	DEC_FLAG("DM", 2, "physical destination", "logical destination"),
	DEC_RSV(7, 3),
	DEC_SAY("Destination[23:0]", 31, 8, say_xt_dest),
	DEC_SAY("Vector", 39, 32, say_xt_vector),
	DEC_FLAG("DeliveryMode", 40, "fixed", "arbitrated (lowest priority)"),
	DEC_RSV(55, 41),
	DEC_PLAIN("Destination[31:24]", 63, 56),
	DEC_END,
};

static const struct pn_dec_field *xt_table(const struct pn_dec_obj *o)
{
	(void)o;
	return xt;
}

static void xt_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	unsigned vector = (unsigned)pn_dec_bits(o, 39, 32);

	if (vector && vector < 16)
		pn_dec_error(out, "Vector 0x%02x is below 16: a local APIC refuses it", vector);
}

const struct pn_dec_kind pn_dec_xt = {
	"xt",	     "IOMMU XT interrupt control register (170h, 178h, 180h)",
	USAGE,	     {64, 0},
	PN_DEC_DUMP, xt_table,
	xt_check,
};
