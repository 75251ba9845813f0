/* SPDX-License-Identifier: MIT */
/* AVIC tables and exits: AMD64 APM vol 2 rev 3.44, 15.29; interrupt messages: 16.5. */
#include <inttypes.h>

#include "decode_kind.h"
#include "decode_parts.h"
#include "postern/avic.h"
#include "postern/x86.h"

static const char USAGE64[] = "one 64-bit word or two 32-bit words, low first";

static void say_host_id(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	snprintf(buf, size, "host APIC ID 0x%03" PRIx64 "%s", v,
		 pn_dec_bits(o, 62, 62) ? ": doorbells go there" : ", not used: IsRunning=0");
}

static const struct pn_dec_field phys[] = {
	DEC_SAY("HostPhysicalAPICID", 11, 0, say_host_id),
	DEC_SAY("BackingPage", 51, 12, pn_dec_say_page),
	DEC_RSV(61, 52),
	DEC_FLAG("IsRunning", 62, "no core is assigned: IPIs to it exit", "a core is assigned"),
	DEC_FLAG("Valid", 63, "no such vCPU", "the vCPU exists"),
	DEC_END,
};

static const struct pn_dec_field *phys_table(const struct pn_dec_obj *o)
{
	(void)o;
	return phys;
}

static void phys_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	bool valid = pn_dec_bits(o, 63, 63);

	if (pn_dec_bits(o, 61, 61))
		pn_dec_error(out,
			     "bit 61 is Linux's own note of a blocked vCPU: it must not be here");
	if (valid && !pn_dec_bits(o, 51, 12))
		pn_dec_error(out, "Valid=1 but the backing page is 0");
	if (!valid && pn_dec_bits(o, 62, 62))
		pn_dec_error(out, "IsRunning=1 but Valid=0");
}

const struct pn_dec_kind pn_dec_avic_phys = {
	"avic-phys", "AVIC physical APIC ID table entry", USAGE64, {64, 0}, PN_DEC_DUMP, phys_table,
	phys_check,
};

static const struct pn_dec_field logical[] = {
	DEC_PLAIN("GuestPhysicalAPICID", 7, 0),
	DEC_RSV(30, 8),
	DEC_FLAG("Valid", 31, "no vCPU has this logical ID", "the vCPU exists"),
	DEC_END,
};

static const struct pn_dec_field *logical_table(const struct pn_dec_obj *o)
{
	(void)o;
	return logical;
}

const struct pn_dec_kind pn_dec_avic_log = {
	"avic-log",
	"AVIC logical APIC ID table entry",
	"one 32-bit word",
	{32, 0},
	PN_DEC_DUMP,
	logical_table,
	NULL,
};

static const char IGNORED[] = "ignored while AVIC=1";

static void say_ignored(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)v;
	snprintf(buf, size, "%s", pn_dec_bits(o, 31, 31) ? IGNORED : "");
}

static const struct pn_dec_field vmcb_int[] = {
	DEC_PLAIN("V_TPR", 7, 0),
	DEC_SAY("V_IRQ", 8, 8, say_ignored),
	DEC_FLAG("VGIF", 9, "virtual GIF is 0", "virtual GIF is 1"),
	DEC_FLAG("V_NMI", 11, "", "virtual NMI pending"),
	DEC_FLAG("V_NMI_MASK", 12, "", "virtual NMIs masked"),
	DEC_SAY("V_INTR_PRIO", 19, 16, say_ignored),
	DEC_SAY("V_IGN_TPR", 20, 20, say_ignored),
	DEC_FLAG("V_INTR_MASKING", 24, "guest and host share IF", "guest IF is its own"),
	DEC_FLAG("VGIF_EN", 25, "off", "on"),
	DEC_FLAG("V_NMI_EN", 26, "off", "on"),
	DEC_FLAG("x2AVIC", 30, "xAVIC, if AVIC=1", "x2AVIC: needs AVIC=1"),
	DEC_FLAG("AVIC", 31, "off", "on"),
	DEC_SAY("V_INTR_VECTOR", 39, 32, say_ignored),
	DEC_END,
};

static const struct pn_dec_field *vmcb_int_table(const struct pn_dec_obj *o)
{
	(void)o;
	return vmcb_int;
}

static void vmcb_int_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	if ((o->q[0] & PN_VINTR_X2AVIC) && !(o->q[0] & PN_VINTR_AVIC))
		pn_dec_error(out, "x2AVIC=1 but AVIC=0: VMRUN fails with VMEXIT_INVALID");
	if (pn_dec_bits(o, 7, 4))
		pn_dec_error(out, "V_TPR has only bits 3:0, but is 0x%02" PRIx64,
			     pn_dec_bits(o, 7, 0));
}

const struct pn_dec_kind pn_dec_vmcb_int = {
	"vmcb-int",	"VMCB virtual interrupt control (60h)",
	USAGE64,	{64, 0},
	PN_DEC_DUMP,	vmcb_int_table,
	vmcb_int_check,
};

static void say_shorthand(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	static const char *const names[] = {"none: to Destination", "self", "all", "all but self"};

	(void)o;
	snprintf(buf, size, "%s", names[v & 3]);
}

static void say_icr_dest(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	if (pn_dec_bits(o, 19, 18) != PN_ICR_SH_NONE)
		snprintf(buf, size, "not used: shorthand");
	else
		snprintf(buf, size, "%s ID: x2APIC 0x%08" PRIx64 ", xAPIC 0x%02" PRIx64,
			 pn_dec_bits(o, 11, 11) ? "logical" : "physical", v, v >> 24);
}

#define ICR_FIELDS                                                                                 \
	DEC_SAY("ICR.Vector", 7, 0, pn_dec_say_vector),                                            \
		DEC_SAY("ICR.DeliveryMode", 10, 8, pn_dec_say_delivery),                           \
		DEC_FLAG("ICR.DM", 11, "physical destination", "logical destination"),             \
		DEC_FLAG("ICR.Busy", 12, "idle", "busy"), DEC_RSV(13, 13),                         \
		DEC_FLAG("ICR.Level", 14, "deassert", "assert"),                                   \
		DEC_FLAG("ICR.Trigger", 15, "edge", "level"), DEC_PLAIN("ICR.RemoteRead", 17, 16), \
		DEC_SAY("ICR.Shorthand", 19, 18, say_shorthand), DEC_RSV(31, 20),                  \
		DEC_SAY("ICR.Destination", 63, 32, say_icr_dest)

static const struct pn_dec_field icr[] = {ICR_FIELDS, DEC_END};

static const struct pn_dec_field *icr_table(const struct pn_dec_obj *o)
{
	(void)o;
	return icr;
}

static void icr_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	unsigned mode = (unsigned)pn_dec_bits(o, 10, 8);

	if (mode == 3)
		pn_dec_error(out, "delivery mode 3 is reserved");
	if (mode <= PN_DM_LOWEST && pn_dec_bits(o, 7, 0) < 16)
		pn_dec_error(out, "vector 0x%02x is below 16", (unsigned)pn_dec_bits(o, 7, 0));
}

const struct pn_dec_kind pn_dec_icr = {
	"icr",
	"interrupt command register",
	"one 64-bit word, or ICRL and ICRH",
	{64, 0},
	PN_DEC_DUMP,
	icr_table,
	icr_check,
};

static void say_ipi_id(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	static const char *const names[] = {
		"invalid type: nothing was delivered, emulate it",
		"a target does not run: IRR is set everywhere, wake it, do not post again",
		"invalid target: no such vCPU in the table",
		"invalid backing page",
		"invalid vector (below 16)",
		"Secure AVIC",
	};

	(void)o;
	snprintf(buf, size, "%s", v < 6 ? names[v] : "unknown");
}

static const struct pn_dec_field exit401[] = {
	ICR_FIELDS, DEC_PLAIN("Index", 75, 64), DEC_RSV(95, 76), DEC_SAY("ID", 127, 96, say_ipi_id),
	DEC_END,
};

static const struct pn_dec_field *exit401_table(const struct pn_dec_obj *o)
{
	(void)o;
	return exit401;
}

static void exit401_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	if (pn_dec_bits(o, 127, 96) > 5)
		pn_dec_error(out, "unknown id %" PRIu64, pn_dec_bits(o, 127, 96));
}

static void exit401_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	static const char *const what[] = {
		"AVIC does not do this kind of IPI: KVM emulates it",
		"a target does not run: IRR is set, KVM wakes it",
		"no vCPU has this ID in the table: KVM emulates the IPI",
		"a target has no valid backing page",
		"the vector is below 16",
		"an IPI of Secure AVIC",
	};
	unsigned id = (unsigned)pn_dec_bits(o, 127, 96);
	uint64_t dest = pn_dec_bits(o, 63, 32);

	if (id >= sizeof(what) / sizeof(what[0]))
		return;
	if (pn_dec_bits(o, 19, 18) != PN_ICR_SH_NONE)
		snprintf(buf, size, "IPI with vector 0x%02x: %s", (unsigned)pn_dec_bits(o, 7, 0),
			 what[id]);
	else
		snprintf(buf, size,
			 "IPI with vector 0x%02x to %s ID 0x%" PRIx64 " (0x%x if xAPIC): %s",
			 (unsigned)pn_dec_bits(o, 7, 0),
			 pn_dec_bits(o, 11, 11) ? "logical" : "APIC", dest, (unsigned)(dest >> 24),
			 what[id]);
}

const struct pn_dec_kind pn_dec_exit401 = {
	"exit401",
	"AVIC_INCOMPLETE_IPI exit",
	"EXITINFO1 and EXITINFO2, 64 bits each",
	{128, 0},
	PN_DEC_NAMED,
	exit401_table,
	exit401_check,
	exit401_read,
	NULL,
};

static const struct {
	uint16_t off;
	const char *name;
} apic_names[] = {
	{PN_APIC_ID, "APIC ID"},
	{PN_APIC_VERSION, "version"},
	{PN_APIC_TPR, "TPR"},
	{PN_APIC_APR, "APR"},
	{PN_APIC_PPR, "PPR"},
	{PN_APIC_EOI, "EOI"},
	{PN_APIC_RRR, "RRR"},
	{PN_APIC_LDR, "LDR"},
	{PN_APIC_DFR, "DFR"},
	{PN_APIC_SVR, "SVR"},
	{PN_APIC_ESR, "ESR"},
	{PN_APIC_ICRL, "ICR low"},
	{PN_APIC_ICRH, "ICR high"},
	{PN_APIC_LVT_TIMER, "LVT timer"},
	{0x330, "LVT thermal"},
	{0x340, "LVT performance"},
	{0x350, "LVT LINT0"},
	{0x360, "LVT LINT1"},
	{PN_APIC_LVT_LAST, "LVT error"},
	{PN_APIC_TMICT, "timer initial count"},
	{PN_APIC_TMCCT, "timer current count"},
	{PN_APIC_TDCR, "timer divide"},
	{PN_APIC_SELF_IPI, "self IPI"},
};

const char *pn_dec_apic_name(unsigned off)
{
	for (unsigned i = 0; i < sizeof(apic_names) / sizeof(apic_names[0]); i++)
		if (apic_names[i].off == off)
			return apic_names[i].name;
	if (off >= PN_APIC_ISR && off < PN_APIC_ISR + 0x80)
		return "ISR";
	if (off >= PN_APIC_TMR && off < PN_APIC_TMR + 0x80)
		return "TMR";
	if (off >= PN_APIC_IRR && off < PN_APIC_IRR + 0x80)
		return "IRR";
	return "register";
}

static void say_offset(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s at 0x%03x (x2APIC MSR 0x%03x)", pn_dec_apic_name((unsigned)v << 4),
		 (unsigned)v << 4, PN_X2APIC_MSR + (unsigned)v);
}

static void say_eoi_vector(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	if (pn_dec_bits(o, 11, 4) == PN_APIC_EOI >> 4)
		pn_dec_say_vector(o, v, buf, size);
	else
		snprintf(buf, size, "only for an EOI");
}

static const struct pn_dec_field exit402[] = {
	DEC_SAY("Offset", 11, 4, say_offset),
	DEC_FLAG("Write", 32, "read", "write"),
	DEC_SAY("Vector", 71, 64, say_eoi_vector),
	DEC_END,
};

static const struct pn_dec_field *exit402_table(const struct pn_dec_obj *o)
{
	(void)o;
	return exit402;
}

static void exit402_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	unsigned off = (unsigned)pn_dec_bits(o, 11, 4) << 4;

	snprintf(buf, size, "a %s of the %s is not accelerated: KVM emulates it",
		 pn_dec_bits(o, 32, 32) ? "write" : "read", pn_dec_apic_name(off));
}

const struct pn_dec_kind pn_dec_exit402 = {
	"exit402", "AVIC_NOACCEL exit", "EXITINFO1 and EXITINFO2, 64 bits each",
	{128, 0},  PN_DEC_NAMED,	exit402_table,
	NULL,	   exit402_read,	NULL,
};

static void say_msi_base(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)v;
	snprintf(buf, size, "%s", pn_msi_is(o->q[0]) ? "an interrupt request" : "ordinary memory");
}

static void say_index(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "entry %" PRIu64 " of the remapping table, if interrupts are remapped",
		 v);
}

static const struct pn_dec_field msi[] = {
	DEC_PLAIN("address[1:0]", 1, 0),
	DEC_FLAG("DM", 2, "physical destination", "logical destination"),
	DEC_FLAG("RH", 3, "no redirection hint", "redirection hint"),
	DEC_PLAIN("address[11:4]", 11, 4),
	DEC_PLAIN("Destination", 19, 12),
	DEC_SAY("Base", 63, 20, say_msi_base),
	DEC_SAY("Vector", 71, 64, pn_dec_say_vector),
	DEC_SAY("DeliveryMode", 74, 72, pn_dec_say_delivery),
	DEC_SAY("data[10:0]", 74, 64, say_index),
	DEC_PLAIN("data[13:11]", 77, 75),
	DEC_FLAG("Level", 78, "deassert", "assert"),
	DEC_FLAG("Trigger", 79, "edge", "level"),
	DEC_PLAIN("data[31:16]", 95, 80),
	DEC_END,
};

static const struct pn_dec_field *msi_table(const struct pn_dec_obj *o)
{
	(void)o;
	return msi;
}

static void msi_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	if (!pn_msi_is(o->q[0]))
		pn_dec_error(out, "address 0x%" PRIx64 " is not an interrupt request (FEEx_xxxx)",
			     o->q[0]);
}

const struct pn_dec_kind pn_dec_msi = {
	"msi",
	"MSI as a device writes it",
	"address and data, or address low, address high and data",
	{96, 0},
	PN_DEC_MESSAGE,
	msi_table,
	msi_check,
};
