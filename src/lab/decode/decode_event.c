/* SPDX-License-Identifier: MIT */
/* Event log entries: 48882 rev 3.11, 2.5; special addresses: 2.1.2. */
#include <inttypes.h>
#include <string.h>

#include "decode_kind.h"
#include "postern/amd_log.h"

static unsigned code_of(const struct pn_dec_obj *o)
{
	return (unsigned)pn_dec_bits(o, 63, 60);
}

/* Where an address of a device lies; upper bits may be all ones, as the hardware extends them. */
static const struct {
	uint64_t first, last;
	const char *text;
} ranges[] = {
	{0x00FEE00000, 0x00FEEFFFFF, "the MSI range"},
	{0xFDF8000000, 0xFDF8FFFFFF, "the interrupt and EOI range"},
	{0xFDF9000000, 0xFDF90FFFFF, "the legacy PIC acknowledge range"},
	{0xFDF9100000, 0xFDF91FFFFF, "the system management range"},
	{0xFDFB000000, 0xFDFBFFFFFF, "the address translation range"},
	{0xFDFC000000, 0xFDFDFFFFFF, "the I/O space range"},
	{0xFDFE000000, 0xFE1FFFFFFF, "the configuration space range"},
};

static const char *range_of(uint64_t address)
{
	uint64_t low = address & 0xFFFFFFFFFF, high = address >> 40;

	if (high && high != 0xFFFFFF)
		return NULL;
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (low >= ranges[i].first && low <= ranges[i].last)
			return ranges[i].text;
	return NULL;
}

static void say_code(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	const char *name = v ? pn_amd_event_name((unsigned)v) : NULL;

	(void)o;
	snprintf(buf, size, "%s", name ? name : v ? "no such event" : "not written yet");
}

static bool is_interrupt(const struct pn_dec_obj *o)
{
	return pn_dec_bits(o, 51, 51);
}

static void say_pr(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	if (is_interrupt(o))
		snprintf(buf, size, "IRTE.RemapEn=%u", (unsigned)v);
	else
		snprintf(buf, size, "%s", v ? "page present" : "page not present");
}

static void say_rz(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v ? "reserved bit or illegal encoding" : "not for a reserved bit");
}

static bool of_command(unsigned code)
{
	return code == PN_EVENT_ILLEGAL_COMMAND_ERROR || code == PN_EVENT_COMMAND_HARDWARE_ERROR;
}

static void say_fault_address(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	const char *range = range_of(v);

	if (of_command(code_of(o)))
		snprintf(buf, size, "command at 0x%" PRIx64, v);
	else if (range)
		snprintf(buf, size, "0x%" PRIx64 ": in %s", v, range);
	else
		snprintf(buf, size, "%s 0x%" PRIx64,
			 is_interrupt(o) ? "interrupt address" : "address", v);
}

/* Types of INVALID_DEVICE_REQUEST with TR=0 whose meaning a source confirms. */
static const char *request_type(unsigned type)
{
	switch (type) {
	case 0:
		return "a read or a non-posted write in the interrupt range";
	case 1:
		return "a pretranslated request, which the DTE does not allow";
	case 2:
		return "a port I/O request, and the DTE has IoCtl=00b";
	case 5:
		return "a posted write to the interrupt and EOI range, and the DTE has IntCtl=00b";
	case 6:
		return "a posted write to a reserved interrupt address";
	default:
		return NULL;
	}
}

static void say_request_type(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	const char *text = request_type((unsigned)v);

	if (pn_dec_bits(o, 56, 56))
		snprintf(buf, size, "type %u of the translation requests", (unsigned)v);
	else
		snprintf(buf, size, "%s", text ? text : "see 48882, 2.5.9");
}

/*
 * Codes differ in their flags and in which bits of 59:57 are a type; these bits are shown, never
 * called wrong.
 */
static const struct pn_dec_field event[] = {
	DEC_SAY("DeviceID", 15, 0, pn_dec_say_bdf),
	DEC_PLAIN("PASID[19:16]", 19, 16),
	DEC_PLAIN("31:20", 31, 20),
	DEC_PLAIN("DomainID/PASID", 47, 32),
	DEC_FLAG("GN", 48, "nested or no PASID", "guest address, with PASID"),
	DEC_FLAG("NX", 49, "", "execute"),
	DEC_FLAG("US", 50, "supervisor", "user"),
	DEC_FLAG("I", 51, "a memory access", "an interrupt request"),
	DEC_SAY("PR", 52, 52, say_pr),
	DEC_FLAG("RW", 53, "read", "write"),
	DEC_FLAG("PE", 54, "not for a lack of permission", "no permission"),
	DEC_SAY("RZ", 55, 55, say_rz),
	DEC_FLAG("TR", 56, "transaction", "translation request"),
	DEC_PLAIN("Type", 59, 57),
	DEC_SAY("Code", 63, 60, say_code),
	DEC_SAY("Address", 127, 64, say_fault_address),
	DEC_END,
};

/* No flags of a page fault: the request did not get as far as a translation. */
static const struct pn_dec_field invalid_request[] = {
	DEC_SAY("DeviceID", 15, 0, pn_dec_say_bdf),
	DEC_PLAIN("PASID[19:16]", 19, 16),
	DEC_PLAIN("31:20", 31, 20),
	DEC_PLAIN("PASID[15:0]", 47, 32),
	DEC_FLAG("GN", 48, "no PASID", "guest address, with PASID"),
	DEC_PLAIN("55:49", 55, 49),
	DEC_FLAG("TR", 56, "transaction", "translation request"),
	DEC_SAY("Type", 59, 57, say_request_type),
	DEC_SAY("Code", 63, 60, say_code),
	DEC_SAY("Address", 127, 64, say_fault_address),
	DEC_END,
};

/* Errors of the command buffer: no device asked for anything. */
static const struct pn_dec_field command_error[] = {
	DEC_PLAIN("59:0", 59, 0),
	DEC_SAY("Code", 63, 60, say_code),
	DEC_SAY("Address", 127, 64, say_fault_address),
	DEC_END,
};

static const struct pn_dec_field *event_table(const struct pn_dec_obj *o)
{
	if (of_command(code_of(o)))
		return command_error;
	return code_of(o) == PN_EVENT_INVALID_DEVICE_REQUEST ? invalid_request : event;
}

static void read_interrupt_fault(const struct pn_dec_obj *o, const char *device, char *buf,
				 size_t size)
{
	bool pr = pn_dec_bits(o, 52, 52), rz = pn_dec_bits(o, 55, 55);

	if (!pr)
		snprintf(buf, size,
			 "an interrupt request of %s (I=1) met an entry with IRTE.RemapEn=0: the "
			 "entry is not present, because the driver freed or never set it, or the "
			 "device uses a stale message",
			 device);
	else if (rz)
		snprintf(buf, size,
			 "an interrupt request of %s (I=1) met a present entry with a reserved bit "
			 "or an illegal encoding",
			 device);
	else
		snprintf(buf, size,
			 "an interrupt request of %s (I=1) was blocked although IRTE.RemapEn=1",
			 device);
}

static void read_page_fault(const struct pn_dec_obj *o, const char *device, char *buf, size_t size)
{
	snprintf(buf, size, "a DMA %s of %s to 0x%" PRIx64 ": %s; no interrupt is involved",
		 pn_dec_bits(o, 53, 53) ? "write" : "read", device, o->q[1],
		 pn_dec_bits(o, 55, 55)	   ? "a reserved bit in the page tables"
		 : !pn_dec_bits(o, 52, 52) ? "the page is not present"
		 : pn_dec_bits(o, 54, 54)  ? "the page does not permit it"
					   : "the page is present");
}

static void event_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	unsigned type = (unsigned)pn_dec_bits(o, 59, 57);
	const char *range = range_of(o->q[1]), *text = request_type(type);
	char device[32];

	pn_dec_say_bdf(o, o->q[0] & 0xFFFF, device, sizeof(device));
	switch (code_of(o)) {
	case PN_EVENT_ILLEGAL_DEV_TABLE_ENTRY:
		snprintf(buf, size, "the DTE of %s has a reserved bit or an illegal encoding",
			 device);
		break;
	case PN_EVENT_IO_PAGE_FAULT:
		if (is_interrupt(o))
			read_interrupt_fault(o, device, buf, size);
		else
			read_page_fault(o, device, buf, size);
		break;
	case PN_EVENT_ILLEGAL_COMMAND_ERROR:
	case PN_EVENT_COMMAND_HARDWARE_ERROR:
		snprintf(buf, size,
			 "the IOMMU stopped fetching commands: invalidations no longer end");
		break;
	case PN_EVENT_IOTLB_INV_TIMEOUT:
		snprintf(buf, size, "%s did not answer an IOTLB invalidation", device);
		break;
	case PN_EVENT_INVALID_DEVICE_REQUEST:
		if (pn_dec_bits(o, 56, 56) || !text)
			snprintf(buf, size, "a request of type %u of %s, not allowed", type,
				 device);
		else
			snprintf(buf, size, "%s: %s", device, text);
		if (range)
			snprintf(buf + strlen(buf), size - strlen(buf), "; the address is in %s",
				 range);
		break;
	default:
		if (pn_amd_event_name(code_of(o)))
			snprintf(buf, size, "%s of %s", pn_amd_event_name(code_of(o)), device);
	}
}

static void event_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	unsigned code = (unsigned)pn_dec_bits(o, 63, 60);

	if (!code)
		pn_dec_error(out, "event code 0: the entry is not written yet, read it again");
	else if (!pn_amd_event_name(code))
		pn_dec_error(out, "event code 0x%x is not defined", code);
}

const struct pn_dec_kind pn_dec_event = {
	"event",     "event log entry", "two 64-bit words, low first, or four 32-bit words",
	{128, 0},    PN_DEC_DUMP,	event_table,
	event_check, event_read,	NULL,
};
