/* SPDX-License-Identifier: MIT */
/*
 * Entries of the command buffer, the event log and the guest APIC log: names, reserved bits,
 * encoding (48882 rev 3.11, 2.4 to 2.7).
 */
#include <stddef.h>

#include "postern/amd_log.h"

#define ALL (~0ull)
#define OP  (0xFull << PN_CMD_OP_SH)

/*
 * Reserved bits per opcode, 2.4.1 to 2.4.8. Commands that only concern address translation are
 * accepted with any operand in the fields whose layout this model does not need.
 */
static const struct {
	const char *name;
	uint64_t rsv0, rsv1;
} commands[16] = {
	[PN_CMD_COMPLETION_WAIT] = {"COMPLETION_WAIT", PN_CWAIT_RSV, 0},
	[PN_CMD_INVALIDATE_DEVTAB_ENTRY] = {"INVALIDATE_DEVTAB_ENTRY",
					    ALL & ~OP & ~PN_CMD_DEVID_MASK, ALL},
	[PN_CMD_INVALIDATE_IOMMU_PAGES] = {"INVALIDATE_IOMMU_PAGES", 0x0FFF0000FFF00000ull,
					   0xFF8ull},
	[PN_CMD_INVALIDATE_IOTLB_PAGES] = {"INVALIDATE_IOTLB_PAGES", 0, 0},
	[PN_CMD_INVALIDATE_INTERRUPT_TABLE] = {"INVALIDATE_INTERRUPT_TABLE",
					       ALL & ~OP & ~PN_CMD_DEVID_MASK, ALL},
	[PN_CMD_PREFETCH_IOMMU_PAGES] = {"PREFETCH_IOMMU_PAGES", 0, 0},
	[PN_CMD_COMPLETE_PPR_REQUEST] = {"COMPLETE_PPR_REQUEST", 0, 0},
	[PN_CMD_INVALIDATE_IOMMU_ALL] = {"INVALIDATE_IOMMU_ALL", ALL & ~OP, ALL},
};

static const char *const events[16] = {
	[PN_EVENT_ILLEGAL_DEV_TABLE_ENTRY] = "ILLEGAL_DEV_TABLE_ENTRY",
	[PN_EVENT_IO_PAGE_FAULT] = "IO_PAGE_FAULT",
	[PN_EVENT_DEV_TAB_HARDWARE_ERROR] = "DEV_TAB_HARDWARE_ERROR",
	[PN_EVENT_PAGE_TAB_HARDWARE_ERROR] = "PAGE_TAB_HARDWARE_ERROR",
	[PN_EVENT_ILLEGAL_COMMAND_ERROR] = "ILLEGAL_COMMAND_ERROR",
	[PN_EVENT_COMMAND_HARDWARE_ERROR] = "COMMAND_HARDWARE_ERROR",
	[PN_EVENT_IOTLB_INV_TIMEOUT] = "IOTLB_INV_TIMEOUT",
	[PN_EVENT_INVALID_DEVICE_REQUEST] = "INVALID_DEVICE_REQUEST",
	[PN_EVENT_INVALID_PPR_REQUEST] = "INVALID_PPR_REQUEST",
	[PN_EVENT_COUNTER_ZERO] = "EVENT_COUNTER_ZERO",
	[PN_EVENT_GUEST_EVENT_FAULT] = "GUEST_EVENT_FAULT",
	[PN_EVENT_VIOMMU_HARDWARE_ERROR] = "VIOMMU_HARDWARE_ERROR",
	[PN_EVENT_RMP_PAGE_FAULT] = "RMP_PAGE_FAULT",
	[PN_EVENT_RMP_HARDWARE_ERROR] = "RMP_HARDWARE_ERROR",
};

const char *pn_amd_cmd_name(unsigned op)
{
	return op < 16 ? commands[op].name : NULL;
}

bool pn_amd_cmd_reserved(const struct pn_amd_cmd *c, uint64_t *rsv0, uint64_t *rsv1)
{
	unsigned op = pn_amd_cmd_op(c);

	*rsv0 = *rsv1 = ALL;
	if (!commands[op].name)
		return false;
	*rsv0 = commands[op].rsv0;
	*rsv1 = commands[op].rsv1;
	return true;
}

static struct pn_amd_cmd command(unsigned op, uint64_t operand, uint64_t q1)
{
	return (struct pn_amd_cmd){(uint64_t)op << PN_CMD_OP_SH | operand, q1};
}

struct pn_amd_cmd pn_amd_cmd_inv_devtab(uint16_t devid)
{
	return command(PN_CMD_INVALIDATE_DEVTAB_ENTRY, devid, 0);
}

struct pn_amd_cmd pn_amd_cmd_inv_irt(uint16_t devid)
{
	return command(PN_CMD_INVALIDATE_INTERRUPT_TABLE, devid, 0);
}

struct pn_amd_cmd pn_amd_cmd_inv_all(void)
{
	return command(PN_CMD_INVALIDATE_IOMMU_ALL, 0, 0);
}

struct pn_amd_cmd pn_amd_cmd_cwait(uint64_t addr, uint64_t data, bool intr)
{
	return command(PN_CMD_COMPLETION_WAIT,
		       (addr & PN_CWAIT_ADDR_MASK) | PN_CWAIT_S | (intr ? PN_CWAIT_I : 0), data);
}

const char *pn_amd_event_name(unsigned code)
{
	return code < 16 ? events[code] : NULL;
}
