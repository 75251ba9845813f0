/* SPDX-License-Identifier: MIT */
/* Interrupt remapping by VT-d, rev 5.10: requests (5.1.2), table entries (9.9, 9.10), fault records
 * (11.4). */
#include <inttypes.h>

#include "decode_kind.h"
#include "postern/vtd_irte.h"
#include "postern/x86.h"

#define HAW 52 /* no machine has more */

/* ---- table entries ---- */

static const char P_OFF[] = "not present: requests are blocked (22h)";
static const char FPD_OFF[] = "faults are recorded";
static const char FPD_ON[] = "faults that the entry qualifies are not recorded";

static void say_dest(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	const char *what = pn_dec_bits(o, 2, 2) ? "logical" : "physical";

	if (v & ~0xFF00ull)
		snprintf(buf, size, "%s APIC ID 0x%08" PRIx64 " (reserved bits set if EIME=0)",
			 what, v);
	else
		snprintf(buf, size, "%s APIC ID 0x%08" PRIx64 " (0x%02x if EIME=0)", what, v,
			 (unsigned)(v >> 8));
}

static void say_sid(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	switch (pn_dec_bits(o, 83, 82)) {
	case PN_SVT_NONE:
		snprintf(buf, size, "not looked at: SVT=0");
		break;
	case PN_SVT_BUS:
		snprintf(buf, size, "buses %02x to %02x", (unsigned)(v >> 8), (unsigned)v & 0xFF);
		break;
	default:
		pn_dec_say_bdf(o, v, buf, size);
	}
}

static void say_sq(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	static const char *const names[] = {
		"all bits of the requester are compared",
		"bit 2 of the function is not compared",
		"bits 2:1 of the function are not compared",
		"the function is not compared",
	};

	snprintf(buf, size, "%s",
		 pn_dec_bits(o, 83, 82) == PN_SVT_SID ? names[v & 3]
						      : "not looked at: SVT is not 1");
}

static void say_svt(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	static const char *const names[] = {
		"any requester",
		"the requester is SID, as SQ says",
		"the requester's bus lies in SID's range",
		"reserved",
	};

	(void)o;
	snprintf(buf, size, "%s", names[v & 3]);
}

#define SOURCE                                                                                     \
	DEC_SAY("SID", 79, 64, say_sid), DEC_SAY("SQ", 81, 80, say_sq),                            \
		DEC_SAY("SVT", 83, 82, say_svt)

static void say_virte_delivery(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	if (v == 3 || v == 6)
		snprintf(buf, size, "reserved");
	else
		pn_dec_say_delivery(o, v, buf, size);
}

static const struct pn_dec_field remapped[] = {
	DEC_FLAG("P", 0, P_OFF, "requests are remapped"),
	DEC_FLAG("FPD", 1, FPD_OFF, FPD_ON),
	DEC_FLAG("DM", 2, "physical destination", "logical destination"),
	DEC_FLAG("RH", 3, "no redirection hint", "redirection hint: one of the destinations"),
	DEC_FLAG("TM", 4, "edge", "level"),
	DEC_SAY("DLM", 7, 5, say_virte_delivery),
	DEC_PLAIN("AVAIL", 11, 8),
	DEC_RSV(14, 12),
	DEC_FLAG("IM", 15, "remapped to the host, not posted", ""),
	DEC_SAY("V", 23, 16, pn_dec_say_vector),
	DEC_RSV(31, 24),
	DEC_SAY("DST", 63, 32, say_dest),
	SOURCE,
	DEC_RSV(127, 84),
	DEC_END,
};

static uint64_t pid_address(const struct pn_dec_obj *o)
{
	return (o->q[1] & PN_VIRTE_PDAH_MASK) | (o->q[0] & PN_VIRTE_PDAL_MASK) >> 32;
}

static void say_pdal(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)v;
	snprintf(buf, size, "bits 31:6 of the descriptor at 0x%" PRIx64, pid_address(o));
}

static void say_pdah(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	(void)v;
	snprintf(buf, size, "bits 63:32 of the descriptor's address");
}

static void say_vv(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "guest vector 0x%02x: bit %u of PIR quadword %u", (unsigned)v,
		 (unsigned)v & 63, (unsigned)v >> 6);
}

static const struct pn_dec_field posted[] = {
	DEC_FLAG("P", 0, P_OFF, "requests are posted"),
	DEC_FLAG("FPD", 1, FPD_OFF, FPD_ON),
	DEC_RSV(7, 2),
	DEC_PLAIN("AVAIL", 11, 8),
	DEC_RSV(13, 12),
	DEC_FLAG("URG", 14, "quiet while SN=1", "urgent: notifies although SN=1"),
	DEC_FLAG("IM", 15, "", "posted to a descriptor (needs CAP.PI)"),
	DEC_SAY("VV", 23, 16, say_vv),
	DEC_RSV(37, 24),
	DEC_SAY("PDAL", 63, 38, say_pdal),
	SOURCE,
	DEC_RSV(95, 84),
	DEC_SAY("PDAH", 127, 96, say_pdah),
	DEC_END,
};

/* Hardware reads only P and FPD. */
static const struct pn_dec_field absent[] = {
	DEC_FLAG("P", 0, P_OFF, ""),
	DEC_FLAG("FPD", 1, FPD_OFF, FPD_ON),
	DEC_PLAIN("not looked at", 63, 2),
	DEC_PLAIN("not looked at", 127, 64),
	DEC_END,
};

static const struct pn_dec_field *virte_table(const struct pn_dec_obj *o)
{
	if (!(o->q[0] & PN_VIRTE_P))
		return absent;
	return o->q[0] & PN_VIRTE_IM ? posted : remapped;
}

static void check_source(const struct pn_virte *e, unsigned bad, struct pn_decoded *out)
{
	if (bad & PN_VIRTE_BAD_SVT)
		pn_dec_error(out, "SVT 3 is reserved");
	if (e->svt == PN_SVT_BUS && e->sid >> 8 > (e->sid & 0xFF))
		pn_dec_error(out, "no bus lies between %02x and %02x: no request gets through",
			     (unsigned)e->sid >> 8, (unsigned)e->sid & 0xFF);
}

static void check_remapped(const struct pn_virte *e, unsigned bad, struct pn_decoded *out)
{
	if (bad & PN_VIRTE_BAD_DLM)
		pn_dec_error(out, "DLM %u is reserved", e->dlm);
	if (e->dlm <= PN_DM_LOWEST && e->vector < 16)
		pn_dec_error(out, "V 0x%02x is below 16: a local APIC refuses it", e->vector);
}

static void check_posted(const struct pn_virte *e, unsigned bad, struct pn_decoded *out)
{
	if (!e->pid)
		pn_dec_error(out, "IM=1 but the descriptor is at 0");
	if (bad & PN_VIRTE_BAD_PID)
		pn_dec_error(out, "address 0x%" PRIx64 " has more than %d bits", e->pid, HAW);
	if (e->vector < 16)
		pn_dec_error(out, "VV 0x%02x is below 16: no APIC delivers it", e->vector);
}

static void virte_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	static const struct pn_virte_env env = {.eime = true, .pi = true, .haw = HAW};
	struct pn_virte_raw raw = {o->q[0], o->q[1]};
	struct pn_virte e;
	unsigned bad = pn_virte_decode(raw, &env, &e);

	if (!e.p)
		return;
	check_source(&e, bad, out);
	if (e.im)
		check_posted(&e, bad, out);
	else
		check_remapped(&e, bad, out);
}

static void virte_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	if (!(o->q[0] & PN_VIRTE_P))
		snprintf(buf, size,
			 "the entry is not present: a request that names it is blocked (22h)");
	else if (o->q[0] & PN_VIRTE_IM)
		snprintf(buf, size,
			 "posted: guest vector 0x%02x goes to the descriptor at 0x%" PRIx64,
			 (unsigned)pn_dec_bits(o, 23, 16), pid_address(o));
	else
		snprintf(buf, size, "remapped to the host, vector 0x%02x: not posted to a guest",
			 (unsigned)pn_dec_bits(o, 23, 16));
}

/* Not present with contents, or a vector of a mode that has none. */
static bool virte_doubt(const struct pn_dec_obj *o)
{
	unsigned dlm = (unsigned)pn_dec_bits(o, 7, 5);

	if (!(o->q[0] & PN_VIRTE_P))
		return o->q[0] || o->q[1];
	return !(o->q[0] & PN_VIRTE_IM) && dlm > PN_DM_LOWEST && pn_dec_bits(o, 23, 16);
}

const struct pn_dec_kind pn_dec_vtd_irte = {
	"vtd-irte",
	"VT-d interrupt remapping table entry, remapped or posted",
	"two 64-bit words, low first, or four 32-bit words",
	{128, 0},
	PN_DEC_DUMP,
	virte_table,
	virte_check,
	virte_read,
	virte_doubt,
};

/* ---- requests ---- */

static struct pn_vtd_request request(const struct pn_dec_obj *o)
{
	return pn_vtd_msi_decode(o->q[0], (uint32_t)o->q[1]);
}

static void say_base(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)v;
	snprintf(buf, size, "%s", pn_msi_is(o->q[0]) ? "an interrupt request" : "ordinary memory");
}

static void say_handle(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	struct pn_vtd_request r = request(o);

	(void)v;
	snprintf(buf, size, "handle 0x%04x%s: entry %" PRIu32 " of the remapping table", r.handle,
		 r.shv ? " and subhandle" : "", r.index);
}

static const char FORMAT_OFF[] = "compatibility format: blocked (25h) unless CFIS=1 and EIME=0";
static const char FORMAT_ON[] = "remappable format";

#define REMAPPABLE(shv_off, shv_on)                                                                \
	DEC_PLAIN("address[1:0]", 1, 0), DEC_PLAIN("handle[15]", 2, 2),                            \
		DEC_FLAG("SHV", 3, shv_off, shv_on), DEC_FLAG("Format", 4, FORMAT_OFF, FORMAT_ON), \
		DEC_SAY("handle[14:0]", 19, 5, say_handle), DEC_SAY("Base", 63, 20, say_base)

static const struct pn_dec_field remappable[] = {
	REMAPPABLE("the data is not looked at", ""),
	DEC_PLAIN("data", 95, 64),
	DEC_END,
};
static const struct pn_dec_field remappable_shv[] = {
	REMAPPABLE("", "the data holds a subhandle"),
	DEC_PLAIN("subhandle", 79, 64),
	DEC_RSV(95, 80),
	DEC_END,
};
static const struct pn_dec_field compatible[] = {
	DEC_PLAIN("address[1:0]", 1, 0),
	DEC_FLAG("DM", 2, "physical destination", "logical destination"),
	DEC_FLAG("RH", 3, "no redirection hint", "redirection hint"),
	DEC_FLAG("Format", 4, FORMAT_OFF, FORMAT_ON),
	DEC_PLAIN("address[11:5]", 11, 5),
	DEC_PLAIN("Destination", 19, 12),
	DEC_SAY("Base", 63, 20, say_base),
	DEC_SAY("Vector", 71, 64, pn_dec_say_vector),
	DEC_SAY("DeliveryMode", 74, 72, pn_dec_say_delivery),
	DEC_PLAIN("data[13:11]", 77, 75),
	DEC_FLAG("Level", 78, "deassert", "assert"),
	DEC_FLAG("Trigger", 79, "edge", "level"),
	DEC_PLAIN("data[31:16]", 95, 80),
	DEC_END,
};

static const struct pn_dec_field *request_table(const struct pn_dec_obj *o)
{
	if (!(o->q[0] & PN_VTD_MSI_FORMAT))
		return compatible;
	return o->q[0] & PN_VTD_MSI_SHV ? remappable_shv : remappable;
}

static void request_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	struct pn_vtd_request r;

	if (!pn_msi_is(o->q[0])) {
		pn_dec_error(out, "address 0x%" PRIx64 " is not an interrupt request (FEEx_xxxx)",
			     o->q[0]);
		return;
	}
	r = request(o);
	if (r.remappable && r.index > 0xFFFF)
		pn_dec_error(out, "entry %" PRIu32 " is beyond any table (21h): no wrap at 65536",
			     r.index);
}

const struct pn_dec_kind pn_dec_msi_vtd = {
	"msi-vtd",
	"MSI as a device behind VT-d writes it, remappable or compatibility format",
	"address and data, or address low, address high and data",
	{96, 0},
	PN_DEC_MESSAGE,
	request_table,
	request_check,
};

/* ---- fault records ---- */

/* Faults of memory accesses in legacy mode, 7.1.3. */
static const char *const memory_faults[] = {
	NULL,
	"the root entry is not present",
	"the context entry is not present",
	"the context entry has an illegal value",
	"the address is beyond what the context entry allows",
	"the page may not be written",
	"the page may not be read",
	"a page table could not be read",
	"the root table could not be read",
	"the context table could not be read",
	"reserved bits in the root entry",
	"reserved bits in the context entry",
	"reserved bits in a page table entry",
	"translation requests are blocked",
};

static const char *reason_text(unsigned reason)
{
	const char *text = pn_vtd_fault_text(reason);

	if (!text && reason < sizeof(memory_faults) / sizeof(memory_faults[0]))
		text = memory_faults[reason];
	return text;
}

static void say_reason(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	const char *text = reason_text((unsigned)v);

	(void)o;
	snprintf(buf, size, "%s%s", text ? text : "no fault of an interrupt request",
		 pn_vtd_fault_qualified((unsigned)v) ? "; FPD=1 would silence it" : "");
}

/* These stop a request before its handle is looked at (5.1.4). */
static bool names_no_entry(unsigned reason)
{
	return reason == 0x25 || reason == 0x29 || reason == 0x2A || reason == 0x2B;
}

static void say_entry(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "entry %" PRIu64 " of the remapping table", v);
}

static void say_no_entry(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	(void)v;
	snprintf(buf, size, "no entry: the request was blocked before its handle was looked at");
}

/* Bits that only faults of memory accesses use are shown, never called wrong. */
static const struct pn_dec_field interrupt_fault[] = {
	DEC_PLAIN("47:0", 47, 0),
	DEC_SAY("Index", 63, 48, say_entry),
	DEC_SAY("SID", 79, 64, pn_dec_say_bdf),
	DEC_PLAIN("95:80", 95, 80),
	DEC_SAY("Reason", 103, 96, say_reason),
	DEC_PLAIN("126:104", 126, 104),
	DEC_FLAG("F", 127, "no fault recorded", "a fault; write 1 to clear"),
	DEC_END,
};
static const struct pn_dec_field fault_without_entry[] = {
	DEC_PLAIN("47:0", 47, 0),
	DEC_SAY("63:48", 63, 48, say_no_entry),
	DEC_SAY("SID", 79, 64, pn_dec_say_bdf),
	DEC_PLAIN("95:80", 95, 80),
	DEC_SAY("Reason", 103, 96, say_reason),
	DEC_PLAIN("126:104", 126, 104),
	DEC_FLAG("F", 127, "no fault recorded", "a fault; write 1 to clear"),
	DEC_END,
};
static const struct pn_dec_field other_fault[] = {
	DEC_PLAIN("11:0", 11, 0),
	DEC_SAY("Page", 63, 12, pn_dec_say_page),
	DEC_SAY("SID", 79, 64, pn_dec_say_bdf),
	DEC_PLAIN("95:80", 95, 80),
	DEC_SAY("Reason", 103, 96, say_reason),
	DEC_PLAIN("126:104", 126, 104),
	DEC_FLAG("F", 127, "no fault recorded", "a fault; write 1 to clear"),
	DEC_END,
};

static const struct pn_dec_field *fault_table(const struct pn_dec_obj *o)
{
	unsigned reason = (unsigned)pn_dec_bits(o, 103, 96);

	if (names_no_entry(reason))
		return fault_without_entry;
	return pn_vtd_fault_text(reason) ? interrupt_fault : other_fault;
}

static void fault_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	if (!(o->q[1] & PN_VTD_FR_F))
		pn_dec_error(out, "F=0: the record holds no fault");
}

static const char *advice(unsigned reason)
{
	switch (reason) {
	case 0x22:
		return ": the driver freed or never set it, or the device uses a stale message";
	case 0x25:
		return ": the device sends an MSI that Linux did not program, or the firmware's";
	case 0x26:
		return ": the entry belongs to another requester (SID, SQ, SVT)";
	default:
		return "";
	}
}

static void fault_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	unsigned reason = (unsigned)pn_dec_bits(o, 103, 96);
	const char *text = reason_text(reason);
	char device[32], where[48] = "";

	if (!text && reason >= 0x30)
		text = "a fault of scalable mode";
	if (!text)
		return;
	pn_dec_say_bdf(o, pn_dec_bits(o, 79, 64), device, sizeof(device));
	if (!pn_vtd_fault_text(reason))
		snprintf(where, sizeof(where), "DMA to 0x%" PRIx64 ", ",
			 o->q[0] & ~UINT64_C(0xFFF));
	else if (names_no_entry(reason))
		snprintf(where, sizeof(where), "an interrupt request that names no entry, ");
	else
		snprintf(where, sizeof(where), "an interrupt request for entry %u (0x%x), ",
			 (unsigned)(o->q[0] >> 48), (unsigned)(o->q[0] >> 48));
	snprintf(buf, size, "%s, %sreason %02Xh: %s%s", device, where, reason, text,
		 advice(reason));
}

const struct pn_dec_kind pn_dec_vtd_fault = {
	"vtd-fault", "VT-d fault record", "two 64-bit words, low first, or four 32-bit words",
	{128, 0},    PN_DEC_DUMP,	  fault_table,
	fault_check, fault_read,	  NULL,
};
