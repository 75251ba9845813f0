/* SPDX-License-Identifier: MIT */
/* Commands, events and guest APIC log entries: 48882 rev 3.11, 2.4, 2.5, 2.7. */
#include <inttypes.h>

#include "decode_kind.h"
#include "postern/amd_log.h"

static void say_opcode(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	const char *name = pn_amd_cmd_name((unsigned)v);

	(void)o;
	snprintf(buf, size, "%s", name ? name : "no such command");
}

static void say_store(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	snprintf(buf, size,
		 pn_dec_bits(o, 0, 0) ? "store to 0x%" PRIx64 : "0x%" PRIx64 ", not used: s=0",
		 v << 3);
}

static const struct pn_dec_field cwait[] = {
	DEC_FLAG("s", 0, "no store", "stores Data when everything before is complete"),
	DEC_FLAG("i", 1, "no interrupt", "sets Status.ComWaitInt, interrupts if ComWaitIntEn=1"),
	DEC_FLAG("f", 2, "later commands may start before", "later commands wait"),
	DEC_SAY("StoreAddress", 51, 3, say_store),
	DEC_RSV(59, 52),
	DEC_SAY("Opcode", 63, 60, say_opcode),
	DEC_PLAIN("Data", 127, 64),
	DEC_END,
};

static const struct pn_dec_field inv_device[] = {
	DEC_SAY("DeviceID", 15, 0, pn_dec_say_bdf),
	DEC_RSV(59, 16),
	DEC_SAY("Opcode", 63, 60, say_opcode),
	DEC_RSV(127, 64),
	DEC_END,
};

static const struct pn_dec_field inv_pages[] = {
	DEC_PLAIN("PASID", 19, 0),
	DEC_RSV(31, 20),
	DEC_PLAIN("DomainID", 47, 32),
	DEC_RSV(59, 48),
	DEC_SAY("Opcode", 63, 60, say_opcode),
	DEC_FLAG("S", 64, "one page", "the address says how many pages"),
	DEC_FLAG("PDE", 65, "leaf entries only", "page directory entries too"),
	DEC_FLAG("GN", 66, "nested address", "guest address with PASID"),
	DEC_RSV(75, 67),
	DEC_SAY("Address", 127, 76, pn_dec_say_page),
	DEC_END,
};

static const struct pn_dec_field inv_all[] = {
	DEC_RSV(59, 0),
	DEC_SAY("Opcode", 63, 60, say_opcode),
	DEC_RSV(127, 64),
	DEC_END,
};

static const struct pn_dec_field other[] = {
	DEC_PLAIN("operands, low", 59, 0),
	DEC_SAY("Opcode", 63, 60, say_opcode),
	DEC_PLAIN("operands, high", 127, 64),
	DEC_END,
};

static const struct pn_dec_field *cmd_table(const struct pn_dec_obj *o)
{
	switch (pn_dec_bits(o, 63, 60)) {
	case PN_CMD_COMPLETION_WAIT:
		return cwait;
	case PN_CMD_INVALIDATE_DEVTAB_ENTRY:
	case PN_CMD_INVALIDATE_INTERRUPT_TABLE:
		return inv_device;
	case PN_CMD_INVALIDATE_IOMMU_PAGES:
		return inv_pages;
	case PN_CMD_INVALIDATE_IOMMU_ALL:
		return inv_all;
	default:
		return other;
	}
}

static void cmd_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	struct pn_amd_cmd c = {o->q[0], o->q[1]};

	if (!pn_amd_cmd_name(pn_amd_cmd_op(&c)))
		pn_dec_error(out, "opcode %u is illegal: ILLEGAL_COMMAND_ERROR, the IOMMU stops",
			     pn_amd_cmd_op(&c));
	else if (pn_amd_cmd_op(&c) == PN_CMD_COMPLETION_WAIT && (c.q0 & PN_CWAIT_S) &&
		 !(c.q0 & PN_CWAIT_ADDR_MASK))
		pn_dec_error(out, "s=1 but the store address is 0");
}

const struct pn_dec_kind pn_dec_cmd = {
	"cmd",
	"command buffer entry",
	"two 64-bit words, low first, or four 32-bit words",
	{128, 0},
	false,
	cmd_table,
	cmd_check,
};

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

static void say_fault_address(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	if (pn_dec_bits(o, 63, 60) == PN_EVENT_ILLEGAL_COMMAND_ERROR)
		snprintf(buf, size, "command at 0x%" PRIx64, v);
	else
		snprintf(buf, size, "%s 0x%" PRIx64,
			 is_interrupt(o) ? "interrupt address" : "address", v);
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

static const struct pn_dec_field *event_table(const struct pn_dec_obj *o)
{
	(void)o;
	return event;
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
	"event",
	"event log entry",
	"two 64-bit words, low first, or four 32-bit words",
	{128, 0},
	false,
	event_table,
	event_check,
};

static void say_galog_code(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v == PN_GALOG_GUEST_NR ? "GUEST_NR: a guest that does not run got an interrupt"
		 : v			? "no such code"
					: "not written yet");
}

static void say_galog_tag(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size,
		 "the host's name for the vCPU; Linux 6.17: VM %" PRIu64 ", vCPU %" PRIu64, v >> 12,
		 v & 0xFFF);
}

static const struct pn_dec_field galog[] = {
	DEC_SAY("GATag", 31, 0, say_galog_tag),
	DEC_SAY("DeviceID", 47, 32, pn_dec_say_bdf),
	DEC_RSV(59, 48),
	DEC_SAY("Code", 63, 60, say_galog_code),
	DEC_END,
};

static const struct pn_dec_field *galog_table(const struct pn_dec_obj *o)
{
	(void)o;
	return galog;
}

static void galog_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	unsigned code = (unsigned)pn_dec_bits(o, 63, 60);

	if (code != PN_GALOG_GUEST_NR)
		pn_dec_error(out, "code %u is not GUEST_NR (1)", code);
}

const struct pn_dec_kind pn_dec_galog = {
	"galog",
	"guest APIC log entry",
	"one 64-bit word or two 32-bit words",
	{64, 0},
	false,
	galog_table,
	galog_check,
};
