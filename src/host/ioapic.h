/* SPDX-License-Identifier: MIT */
#ifndef PN_IOAPIC_H
#define PN_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "host_route.h"

/*
 * A guest's I/O APIC, emulated by the host: 24 pins, redirection entries with remote IRR, EOI by
 * broadcast or by its EOI register (82093AA, and version 20h as later chipsets have it). A level-
 * triggered pin is delivered once; the next interrupt of it waits for the EOI, which the local
 * APIC's hardware must therefore hand to the host: AMD by the TMR (exit 402h), Intel by the
 * EOI-exit bitmap (exit 45), which the host sets to the result of pn_ioapic_handled().
 */

#define PN_IOAPIC_PINS 24u

/* Register offsets, and indices behind them. */
#define PN_IOAPIC_SELECT  0x00u
#define PN_IOAPIC_WINDOW  0x10u
#define PN_IOAPIC_EOI	  0x40u
#define PN_IOAPIC_ID	  0x00u
#define PN_IOAPIC_VERSION 0x01u
#define PN_IOAPIC_ARB	  0x02u
#define PN_IOAPIC_REDIR	  0x10u /* pin n: 10h + 2n, and the upper half behind it */

/* A redirection entry. */
#define PN_REDIR_VECTOR	    0xFFull
#define PN_REDIR_MODE_SH    8
#define PN_REDIR_LOGICAL    (1ull << 11)
#define PN_REDIR_STATUS	    (1ull << 12) /* read-only, always idle here */
#define PN_REDIR_LOW	    (1ull << 13) /* polarity: kept, without effect */
#define PN_REDIR_REMOTE_IRR (1ull << 14) /* read-only */
#define PN_REDIR_LEVEL	    (1ull << 15)
#define PN_REDIR_MASKED	    (1ull << 16)
#define PN_REDIR_DEST_SH    56

struct pn_ioapic {
	struct pn_host_vm *vm;
	/* Outside pn_host_cpu.wake_lock; taken with interrupts off. */
	struct pn_lock lock;
	uint64_t redir[PN_IOAPIC_PINS]; /* atomic: written under the lock */
	uint32_t line;			/* pins that are asserted */
	uint8_t select, id;
	uint64_t delivered, eois; /* statistics: interrupts; level-triggered ones that ended */
};

/* Gives @vm an I/O APIC, before it runs; all entries masked. @io lives as long as @vm runs. */
void pn_ioapic_init(struct pn_ioapic *io, struct pn_host_vm *vm);

/*
 * Pin @pin is asserted or not, for either polarity. A pin that does not exist is ignored. Any
 * context, @c being the CPU that runs this.
 */
void pn_ioapic_line(struct pn_ioapic *io, unsigned pin, bool asserted, struct pn_host_cpu *c);

/* The guest's 32-bit access at @off of the register page. Unknown registers read as zero and ignore
 * writes. A vCPU's own context, outside the guest. */
uint32_t pn_ioapic_read(struct pn_ioapic *io, uint32_t off, struct pn_host_cpu *c);
void pn_ioapic_write(struct pn_ioapic *io, uint32_t off, uint32_t value, struct pn_host_cpu *c);

/*
 * vCPU @h has ended @vector, which its TMR had as level-triggered: the remote IRR of the entries
 * with that vector is cleared, and a line that is still up interrupts again. Nothing if the vCPU
 * suppresses the broadcast (SVR bit 12). Own context of @h.
 */
void pn_ioapic_eoi(struct pn_ioapic *io, const struct pn_host_vcpu *h, struct pn_host_cpu *c,
		   uint8_t vector);

/*
 * The vectors whose EOI @h has to hand on: those of level-triggered entries that mean it, and those
 * of entries that mean other vCPUs now but wait in the IRR or ISR of @h. Returns the highest of the
 * latter, or -1: its EOI makes the answer stale. @h is in its own context and its PIR is in its
 * IRR. Takes no lock.
 */
int pn_ioapic_handled(const struct pn_ioapic *io, const struct pn_host_vcpu *h,
		      uint64_t vectors[4]);

#endif
