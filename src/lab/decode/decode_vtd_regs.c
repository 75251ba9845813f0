/* SPDX-License-Identifier: MIT */
/* Registers of a VT-d unit: rev 5.10, 11.4. Bits that concern DMA only are named, not explained. */
#include <inttypes.h>

#include "decode_kind.h"
#include "postern/vtd_regs.h"

static const char USAGE[] = "one 64-bit word or two 32-bit words, low first";
static const char USAGE32[] = "one 32-bit word, or 64 bits as debugfs prints it";

#define YES(name, bit)	   DEC_FLAG(name, bit, "no", "yes")
#define ENABLED(name, bit) DEC_FLAG(name, bit, "off", "on")

static void say_fro(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "fault records at offset 0x%x", (unsigned)v * PN_VTD_FR_SIZE);
}

static void say_nfr(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%u fault record%s", (unsigned)v + 1, v ? "s" : "");
}

static const struct pn_dec_field cap[] = {
	DEC_PLAIN("ND", 2, 0),
	YES("AFL", 3),
	YES("RWBF", 4),
	YES("PLMR", 5),
	YES("PHMR", 6),
	DEC_FLAG("CM", 7, "entries that are not present are not cached",
		 "caching mode, as of a virtual unit: entries that are not present may be cached"),
	DEC_PLAIN("SAGAW", 12, 8),
	DEC_PLAIN("MGAW", 21, 16),
	YES("ZLR", 22),
	DEC_SAY("FRO", 33, 24, say_fro),
	DEC_PLAIN("SSLPS", 37, 34),
	YES("PSI", 39),
	DEC_SAY("NFR", 47, 40, say_nfr),
	DEC_PLAIN("MAMV", 53, 48),
	YES("DWD", 54),
	YES("DRD", 55),
	YES("FS1GP", 56),
	DEC_FLAG("PI", 59, "no posted interrupts", "posted interrupts"),
	YES("FS5LP", 60),
	YES("ECMDS", 61),
	DEC_FLAG("ESIRTPS", 62, "after SIRTP software flushes the entry cache",
		 "SIRTP flushes the entry cache"),
	YES("ESRTPS", 63),
	DEC_END,
};

static const struct pn_dec_field *cap_table(const struct pn_dec_obj *o)
{
	(void)o;
	return cap;
}

static void cap_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	snprintf(
		buf, size, "%s",
		o->q[0] & PN_VTD_CAP_PI
			? "CAP.PI=1: this unit can post interrupts, if ECAP.IR=1"
			: "CAP.PI=0: no posting by this unit; interrupts of devices behind it exit "
			  "or are remapped to the host");
}

const struct pn_dec_kind pn_dec_vtd_cap = {
	"vtd-cap",   "VT-d capability register (08h)",
	USAGE,	     {64, 0},
	PN_DEC_DUMP, cap_table,
	NULL,	     cap_read,
	NULL,
};

static void say_iro(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "IOTLB registers at offset 0x%x", (unsigned)v * 16);
}

static void say_mhmv(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "one invalidation covers up to %u entries", 1u << v);
}

static const struct pn_dec_field ecap[] = {
	DEC_FLAG("C", 0, "tables are not snooped", "tables are snooped"),
	DEC_FLAG("QI", 1, "no invalidation queue", "invalidation queue"),
	YES("DT", 2),
	DEC_FLAG("IR", 3, "no interrupt remapping", "interrupt remapping"),
	DEC_FLAG("EIM", 4, "8-bit destinations: no x2APIC mode",
		 "32-bit destinations: x2APIC mode"),
	YES("PT", 6),
	YES("SC", 7),
	DEC_SAY("IRO", 17, 8, say_iro),
	DEC_SAY("MHMV", 23, 20, say_mhmv),
	YES("MTS", 25),
	YES("NEST", 26),
	YES("PRS", 29),
	YES("ERS", 30),
	YES("SRS", 31),
	YES("NWFS", 33),
	YES("EAFS", 34),
	DEC_PLAIN("PSS", 39, 35),
	YES("PASID", 40),
	YES("DIT", 41),
	YES("PDS", 42),
	DEC_FLAG("SMTS", 43, "legacy mode only", "scalable mode; descriptors may have 256 bits"),
	YES("VCS", 44),
	YES("SSADS", 45),
	YES("SSTS", 46),
	YES("FSTS", 47),
	YES("SMPWCS", 48),
	YES("RPS", 49),
	YES("PMS", 51),
	DEC_FLAG("EIMER", 61, "works with EIME=0 too",
		 "interrupt remapping works only with EIME=1"),
	DEC_FLAG("IRREQ", 62, "requests pass while remapping is off",
		 "requests are blocked (2Bh) while remapping is off"),
	DEC_END,
};

static const struct pn_dec_field *ecap_table(const struct pn_dec_obj *o)
{
	(void)o;
	return ecap;
}

static void ecap_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	if ((o->q[0] & PN_VTD_ECAP_IR) && !(o->q[0] & PN_VTD_ECAP_QI))
		pn_dec_error(out,
			     "IR=1 but QI=0: interrupt remapping needs the invalidation queue");
	if ((o->q[0] & PN_VTD_ECAP_EIM) && !(o->q[0] & PN_VTD_ECAP_IR))
		pn_dec_error(out, "EIM=1 but IR=0");
}

static void ecap_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	if (!(o->q[0] & PN_VTD_ECAP_IR))
		snprintf(buf, size, "ECAP.IR=0: no interrupt remapping, so no posting");
	else
		snprintf(buf, size,
			 "ECAP.IR=1: interrupt remapping%s; whether it posts says CAP.PI",
			 o->q[0] & PN_VTD_ECAP_EIM ? ", with x2APIC (EIM=1)"
						   : ", without x2APIC (EIM=0)");
}

const struct pn_dec_kind pn_dec_vtd_ecap = {
	"vtd-ecap",  "VT-d extended capability register (10h)",
	USAGE,	     {64, 0},
	PN_DEC_DUMP, ecap_table,
	ecap_check,  ecap_read,
	NULL,
};

static void say_fri(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	snprintf(buf, size,
		 o->q[0] & PN_VTD_FSTS_PPF ? "the first fault is in record %u"
					   : "not valid: PPF=0 (%u)",
		 (unsigned)v);
}

static const struct pn_dec_field fsts[] = {
	DEC_FLAG("PFO", 0, "no fault was lost", "faults were lost: no record was free"),
	DEC_FLAG("PPF", 1, "no fault is pending", "a fault is pending in a record"),
	YES("AFO", 2),
	YES("APF", 3),
	DEC_FLAG("IQE", 4, "", "invalidation queue error: the queue stopped (see IQER)"),
	DEC_FLAG("ICE", 5, "", "invalidation completion error of a device"),
	DEC_FLAG("ITE", 6, "", "a device did not answer an invalidation"),
	DEC_PLAIN("PRO", 7, 7),
	DEC_SAY("FRI", 15, 8, say_fri),
	DEC_RSV(31, 16),
	DEC_END,
};

static const struct pn_dec_field *fsts_table(const struct pn_dec_obj *o)
{
	(void)o;
	return fsts;
}

static void fsts_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	uint64_t v = o->q[0];

	if (!(v & (PN_VTD_FSTS_PFO | PN_VTD_FSTS_PPF | PN_VTD_FSTS_IQE | PN_VTD_FSTS_ICE |
		   PN_VTD_FSTS_ITE)))
		snprintf(buf, size, "no fault");
	else
		snprintf(buf, size, "%s%s%s",
			 v & PN_VTD_FSTS_PPF ? "a fault is pending: its record follows" : "",
			 v & PN_VTD_FSTS_PFO ? "; further faults were lost" : "",
			 v & (PN_VTD_FSTS_IQE | PN_VTD_FSTS_ICE | PN_VTD_FSTS_ITE)
				 ? "; an invalidation failed"
				 : "");
}

const struct pn_dec_kind pn_dec_vtd_fsts = {
	"vtd-fsts",  "VT-d fault status register (34h)",
	USAGE32,     {32, 64},
	PN_DEC_DUMP, fsts_table,
	NULL,	     fsts_read,
	NULL,
};

static const struct pn_dec_field gsts[] = {
	DEC_PLAIN("22:0", 22, 0),
	DEC_FLAG("CFIS", 23, "compatibility format requests are blocked (25h)",
		 "compatibility format requests pass, if EIME=0"),
	DEC_FLAG("IRTPS", 24, "no table was set", "the table of IRTA is in use"),
	DEC_FLAG("IRES", 25, "interrupt remapping is off", "interrupt remapping is on"),
	DEC_FLAG("QIES", 26, "the invalidation queue is off", "the invalidation queue is on"),
	ENABLED("WBFS", 27),
	ENABLED("AFLS", 28),
	ENABLED("FLS", 29),
	DEC_FLAG("RTPS", 30, "no root table was set", "the root table is in use"),
	DEC_FLAG("TES", 31, "DMA remapping is off", "DMA remapping is on"),
	DEC_END,
};

static const struct pn_dec_field *gsts_table(const struct pn_dec_obj *o)
{
	(void)o;
	return gsts;
}

static void gsts_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	if ((o->q[0] & PN_VTD_G_IRE) && !(o->q[0] & PN_VTD_G_SIRTP))
		pn_dec_error(out, "IRES=1 but IRTPS=0: remapping is on without a table");
	if ((o->q[0] & PN_VTD_G_IRE) && !(o->q[0] & PN_VTD_G_QIE))
		pn_dec_error(out, "IRES=1 but QIES=0: no entry can be invalidated");
}

static void gsts_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	bool on = o->q[0] & PN_VTD_G_IRE;

	snprintf(buf, size, "interrupt remapping is %s%s", on ? "on" : "off",
		 !on			  ? ": nothing is posted"
		 : o->q[0] & PN_VTD_G_CFI ? "; compatibility format requests pass unmapped"
					  : "; compatibility format requests are blocked");
}

const struct pn_dec_kind pn_dec_vtd_gsts = {
	"vtd-gsts",  "VT-d global status register (1Ch)",
	USAGE32,     {32, 64},
	PN_DEC_DUMP, gsts_table,
	gsts_check,  gsts_read,
	NULL,
};

static void say_entries(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%u entries", 2u << v);
}

static const struct pn_dec_field irta[] = {
	DEC_SAY("S", 3, 0, say_entries),
	DEC_RSV(10, 4),
	DEC_FLAG("EIME", 11, "xAPIC: 8-bit destinations", "x2APIC: 32-bit destinations"),
	DEC_SAY("IRTA", 63, 12, pn_dec_say_page),
	DEC_END,
};

static const struct pn_dec_field *irta_table(const struct pn_dec_obj *o)
{
	(void)o;
	return irta;
}

static void irta_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	if (o->q[0] && !(o->q[0] & PN_VTD_BASE_MASK))
		pn_dec_error(out, "the table is at 0");
}

const struct pn_dec_kind pn_dec_vtd_irta = {
	"vtd-irta",  "VT-d interrupt remapping table address register (B8h)",
	USAGE,	     {64, 0},
	PN_DEC_DUMP, irta_table,
	irta_check,  NULL,
	NULL,
};
