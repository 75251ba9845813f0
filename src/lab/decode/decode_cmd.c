/* SPDX-License-Identifier: MIT */
/* Command buffer entries: 48882 rev 3.11, 2.4. */
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
	PN_DEC_DUMP,
	cmd_table,
	cmd_check,
};
