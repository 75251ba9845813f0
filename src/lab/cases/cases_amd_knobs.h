/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_AMD_KNOBS_H
#define PN_LAB_CASES_AMD_KNOBS_H

#include "case_setup.h"
#include "postern/amd_log.h"
#include "solo_amdvi.h"

/* The case of one IOMMU alone that is made with each of its knobs: what its files share. */

#define IRT    SOLO_AT(5) /* 256 entries, and 256 more */
#define VAPIC  SOLO_AT(7)
#define ABSENT (SOLO_PA + SOLO_SIZE)

#define DEV	 5u
#define I	 (1ull << 51)
#define PR	 (1ull << 52)
#define RZ	 (1ull << 55)
#define MASTER	 (1ull << 57)
#define EVENT(n) ((uint64_t)(n) << 60)
#define CTRL                                                                                       \
	(PN_CTRL_IOMMUEN | PN_CTRL_EVENTLOGEN | PN_CTRL_CMDBUFEN | PN_CTRL_GAEN |                  \
	 PN_CTRL_GAMEN_VAPIC | PN_CTRL_GALOGEN | PN_CTRL_GAINTEN | PN_CTRL_XTEN |                  \
	 PN_CTRL_INTCAPXTEN)
#define GUEST	0x81ull /* GuestMode, RemapEn */
#define RUNNING 0x40ull
#define QUIET	0x20ull /* GAPPIDis */
#define ASKS	0x04ull /* GALogIntr */

#define TAG(n) ((uint64_t)(n) << 32)

/* Remapped, 2^9 entries. */
#define GOOD (1ull | 9 << 1 | 2ull << 60 | IRT)

/* The IOMMUs, by what they are made with. */
enum knobs {
	PLAIN,
	EARLY,	 /* volatile_fetch */
	DEDUP,	 /* galog_dedup */
	WORD,	 /* gappi_emptiness */
	ALWAYS,	 /* gappi_emptiness */
	REMAPS,	 /* guestmode_off */
	INVALID, /* intctl00_event, fault_address */
	EACH,	 /* galog_interrupt */
	W1C,	 /* overflow_restart */
	SHORT,	 /* galog_len_max 8, galog_ptr_mask FF8h */
	TINY,	 /* galog_ring 2 */
	LOOSE,	 /* knobs that would lead outside a ring */
	BARE,	 /* no GAPPIDis, no 2048 entries, no XT */
	LATER,	 /* async_commands, async_stop */
	POISON,	 /* poison_stale */
	PEER,	 /* of PLAIN */
	KNOBS
};

/* From here on this one is driven: empty rings, everything is on. */
void knobs_start(enum knobs which);
void knobs_clear_irr(void);
/* Entries 0 to 3: its vCPU runs; asks for the log; has a vector for GAPPI; GAPPIDis. */
void knobs_guest_entries(void);

/* The device sends this word. */
enum pn_msi_result knobs_ask(uint32_t data);
/* That is aborted, with this event; @q0 = 0: with none. */
void knobs_refused(uint32_t data, uint64_t q0, uint64_t q1, const char *what);
/* That reaches the processors as this. */
void knobs_passes(uint32_t data, enum pn_msi_result how, struct pn_intr want, const char *what);
/* That is posted, and leaves an entry in the log. */
void knobs_logs(unsigned index, uint32_t tag, bool interrupts, const char *what);

/* Parts of the case: requests, posts, the logs, memory that is not there. */
void knobs_requests(void), knobs_of_faults(void);
void knobs_posts(void), knobs_of_posts(void);
void knobs_later(void), knobs_rings(void);
void knobs_memory(void);

#endif
