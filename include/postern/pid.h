/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_PID_H
#define POSTERN_PID_H

#include <stdbool.h>
#include <stdint.h>

#include "postern/agent.h"

#pragma GCC visibility push(default)

/*
 * The posted-interrupt descriptor: VT-d rev 5.10, 5.2.2 and 9.11. 64 bytes, aligned to 64. IOMMUs,
 * processors that virtualize IPIs and host software update it at the same time; every access of a
 * shared descriptor is atomic.
 */
struct pn_pid {
	uint64_t pir[4];  /* 255:0 posted-interrupt requests, bit v = vector v */
	uint64_t control; /* 319:256 */
	uint64_t rsvd[3]; /* 511:320 */
} __attribute__((aligned(64)));

/* The control quadword, bytes 32 to 39; in brackets the bit of the descriptor. */
#define PN_PID_ON	 (1ull << 0) /* [256] outstanding notification */
#define PN_PID_SN	 (1ull << 1) /* [257] suppress notification */
#define PN_PID_NV_SH	 16	     /* [279:272] notification vector */
#define PN_PID_NV_MASK	 0x0000000000FF0000ull
#define PN_PID_NDST_SH	 32 /* [319:288] notification destination */
#define PN_PID_NDST_MASK 0xFFFFFFFF00000000ull
#define PN_PID_CTL_RSV	 0x00000000FF00FFFCull /* [271:258], [287:280] */
#define PN_PID_CTL_RSV_XAPIC                                                                       \
	0xFFFF00FF00000000ull /* NDST outside its bits 15:8: bytes 36, 38, 39 */

/* NDST for physical APIC ID @apicid: all 32 bits, or in xAPIC mode bits 15:8. */
static inline uint64_t pn_pid_ndst(uint32_t apicid, bool x2apic)
{
	uint32_t ndst = x2apic ? apicid : (apicid & 0xFF) << 8;

	return (uint64_t)ndst << PN_PID_NDST_SH;
}

/* The APIC ID that the NDST of @control names. */
static inline uint32_t pn_pid_dest(uint64_t control, bool x2apic)
{
	uint32_t ndst = (uint32_t)(control >> PN_PID_NDST_SH);

	return x2apic ? ndst : ndst >> 8 & 0xFF;
}

static inline uint8_t pn_pid_nv(uint64_t control)
{
	return (uint8_t)(control >> PN_PID_NV_SH);
}

enum pn_pid_result {
	PN_PID_NOTIFY,	   /* ON went from 0 to 1: send the notification of @control */
	PN_PID_QUIET,	   /* posted; ON was 1 */
	PN_PID_SUPPRESSED, /* posted; SN = 1 and not urgent: ON stays as it was */
	PN_PID_RESERVED,   /* reserved bits set: nothing changed, fault 28h */
};

/* How an IOMMU posts, and what it found. */
struct pn_pid_post {
	uint8_t vector;
	bool urg;	  /* IRTE.URG */
	bool x2apic;	  /* IRTA.EIME: which bits of NDST are reserved */
	bool check;	  /* reserved bits fault; older units do not check (inferred) */
	bool merged;	  /* out: the bit was set already */
	uint64_t control; /* out: control as it was, ON included */
};

/*
 * VT-d 5.2.3: one atomic read-modify-write of the line. In the worlds where an atomic access of 64
 * bytes exists (simulator, explorer) no agent sees a state in between; with real threads other
 * agents may see the PIR bit a moment before ON, as with IPI virtualization. Thread-safe.
 */
enum pn_pid_result pn_pid_post(struct pn_pid *pid, struct pn_pid_post *post);

/* Reserved bits of a descriptor that is not shared: 0 or -EINVAL. @x2apic as above. */
int pn_pid_check(const struct pn_pid *pid, bool x2apic);

/* ---- PID-pointer table: IPI virtualization, SDM vol 3 "IPI Virtualization" ---- */

#define PN_PIDPTR_VALID	    (1ull << 0)
#define PN_PIDPTR_RSV	    0x000000000000003Eull /* 5:1 must be 0 */
#define PN_PIDPTR_ADDR_MASK 0xFFFFFFFFFFFFFFC0ull /* 63:6, within MAXPHYADDR */

#pragma GCC visibility pop

#endif
