/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_AMD_LOG_H
#define POSTERN_AMD_LOG_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* Entries of the command buffer, event log and guest APIC log (48882 rev 3.11, 2.4 to 2.7). */

/* Commands: 16 bytes, opcode in bits 63:60 of the first quadword (2.4). */
#define PN_CMD_SIZE			  16u
#define PN_CMD_OP_SH			  60
#define PN_CMD_COMPLETION_WAIT		  1u
#define PN_CMD_INVALIDATE_DEVTAB_ENTRY	  2u
#define PN_CMD_INVALIDATE_IOMMU_PAGES	  3u
#define PN_CMD_INVALIDATE_IOTLB_PAGES	  4u
#define PN_CMD_INVALIDATE_INTERRUPT_TABLE 5u
#define PN_CMD_PREFETCH_IOMMU_PAGES	  6u
#define PN_CMD_COMPLETE_PPR_REQUEST	  7u
#define PN_CMD_INVALIDATE_IOMMU_ALL	  8u

#define PN_CWAIT_S	   (1ull << 0)
#define PN_CWAIT_I	   (1ull << 1)
#define PN_CWAIT_F	   (1ull << 2)
#define PN_CWAIT_ADDR_MASK 0x000FFFFFFFFFFFF8ull
#define PN_CWAIT_RSV	   (0xFFull << 52)
#define PN_CMD_DEVID_MASK  0xFFFFull

struct pn_amd_cmd {
	uint64_t q0, q1;
};

static inline unsigned pn_amd_cmd_op(const struct pn_amd_cmd *c)
{
	return (unsigned)(c->q0 >> PN_CMD_OP_SH);
}

/* Name of an opcode ("INVALIDATE_INTERRUPT_TABLE"), or NULL. */
const char *pn_amd_cmd_name(unsigned op);
/* Bits of the two quadwords that are reserved for this command; all ones for an illegal opcode.
 * Returns false for an illegal opcode. */
bool pn_amd_cmd_reserved(const struct pn_amd_cmd *c, uint64_t *rsv0, uint64_t *rsv1);

struct pn_amd_cmd pn_amd_cmd_inv_devtab(uint16_t devid);
struct pn_amd_cmd pn_amd_cmd_inv_irt(uint16_t devid);
struct pn_amd_cmd pn_amd_cmd_inv_all(void);
/* COMPLETION_WAIT with store of @data at @addr (8-byte aligned), and an interrupt if @intr. */
struct pn_amd_cmd pn_amd_cmd_cwait(uint64_t addr, uint64_t data, bool intr);

/* Events: 16 bytes, code in bits 63:60 (2.5). */
#define PN_EVENT_SIZE			 16u
#define PN_EVENT_CODE_SH		 60
#define PN_EVENT_ILLEGAL_DEV_TABLE_ENTRY 0x1u
#define PN_EVENT_IO_PAGE_FAULT		 0x2u
#define PN_EVENT_DEV_TAB_HARDWARE_ERROR	 0x3u
#define PN_EVENT_PAGE_TAB_HARDWARE_ERROR 0x4u
#define PN_EVENT_ILLEGAL_COMMAND_ERROR	 0x5u
#define PN_EVENT_COMMAND_HARDWARE_ERROR	 0x6u
#define PN_EVENT_IOTLB_INV_TIMEOUT	 0x7u
#define PN_EVENT_INVALID_DEVICE_REQUEST	 0x8u
#define PN_EVENT_INVALID_PPR_REQUEST	 0x9u
#define PN_EVENT_COUNTER_ZERO		 0xAu
#define PN_EVENT_GUEST_EVENT_FAULT	 0xBu
#define PN_EVENT_VIOMMU_HARDWARE_ERROR	 0xCu
#define PN_EVENT_RMP_PAGE_FAULT		 0xDu
#define PN_EVENT_RMP_HARDWARE_ERROR	 0xEu

#define PN_EVENT_GN	 (1ull << 48)
#define PN_EVENT_NX	 (1ull << 49)
#define PN_EVENT_US	 (1ull << 50)
#define PN_EVENT_I	 (1ull << 51)
#define PN_EVENT_PR	 (1ull << 52)
#define PN_EVENT_RW	 (1ull << 53)
#define PN_EVENT_PE	 (1ull << 54)
#define PN_EVENT_RZ	 (1ull << 55)
#define PN_EVENT_TR	 (1ull << 56)
#define PN_EVENT_TYPE_SH 57 /* 59:57 where used */

struct pn_amd_event {
	uint64_t q0, q1;
};

const char *pn_amd_event_name(unsigned code);

/* Guest APIC log: 8 bytes (2.7). */
#define PN_GALOG_SIZE	  8u
#define PN_GALOG_DEVID_SH 32
#define PN_GALOG_CODE_SH  60
#define PN_GALOG_GUEST_NR 1u

static inline uint64_t pn_galog_encode(uint32_t gatag, uint16_t devid)
{
	return (uint64_t)PN_GALOG_GUEST_NR << PN_GALOG_CODE_SH |
	       (uint64_t)devid << PN_GALOG_DEVID_SH | gatag;
}

#pragma GCC visibility pop

#endif
