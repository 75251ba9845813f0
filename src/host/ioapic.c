/* SPDX-License-Identifier: MIT */
/* The I/O APIC of a guest: pins, redirection entries, EOI. */
#include "ioapic.h"

#include "hyp.h"

#define VERSION	     (0x20u | (PN_IOAPIC_PINS - 1) << 16)
#define ID_SH	     24
#define ID_MASK	     0xFu
#define SVR_NO_BCAST (1u << 12)

#define READ_ONLY (PN_REDIR_STATUS | PN_REDIR_REMOTE_IRR)
#define WRITABLE                                                                                   \
	(PN_REDIR_VECTOR | 7ull << PN_REDIR_MODE_SH | PN_REDIR_LOGICAL | PN_REDIR_LOW |            \
	 PN_REDIR_LEVEL | PN_REDIR_MASKED | 0xFFull << PN_REDIR_DEST_SH)

void pn_ioapic_init(struct pn_ioapic *io, struct pn_host_vm *vm)
{
	*io = (struct pn_ioapic){.vm = vm};
	for (unsigned i = 0; i < PN_IOAPIC_PINS; i++)
		io->redir[i] = PN_REDIR_MASKED;
	vm->ioapic = io;
}

static struct pn_host_msg message(uint64_t e)
{
	return (struct pn_host_msg){
		.dest = (uint32_t)(e >> PN_REDIR_DEST_SH),
		.vector = (uint8_t)e,
		.mode = e >> PN_REDIR_MODE_SH & 7,
		.logical = e & PN_REDIR_LOGICAL,
		.level = e & PN_REDIR_LEVEL,
	};
}

static uint64_t entry(const struct pn_ioapic *io, unsigned pin)
{
	return pn_ld64(&io->redir[pin]); /* only written under the lock */
}

/* Under the lock. Pairs with pn_ioapic_handled(), which reads entries without it. */
static void store(struct pn_ioapic *io, unsigned pin, uint64_t e)
{
	pn_st64_rel(&io->redir[pin], e);
}

/* One interrupt of @pin, unless it is masked or one of a level is on its way. Under the lock. */
static void fire(struct pn_ioapic *io, unsigned pin, struct pn_host_cpu *c)
{
	uint64_t e = entry(io, pin);
	struct pn_host_msg m = message(e);
	unsigned n;

	if (e & (PN_REDIR_MASKED | PN_REDIR_REMOTE_IRR))
		return;
	n = pn_host_msg_deliver(io->vm, &m, c);
	io->delivered += n != 0;
	if (n && m.level)
		store(io, pin, e | PN_REDIR_REMOTE_IRR);
}

/* A level interrupts as long as it is there. Under the lock. */
static void look(struct pn_ioapic *io, unsigned pin, struct pn_host_cpu *c)
{
	if (entry(io, pin) & PN_REDIR_LEVEL && io->line >> pin & 1)
		fire(io, pin, c);
}

void pn_ioapic_line(struct pn_ioapic *io, unsigned pin, bool asserted, struct pn_host_cpu *c)
{
	uint32_t bit, old;

	if (pin >= PN_IOAPIC_PINS)
		return;
	bit = 1u << pin;
	pn_lock_irq(c->agent, &io->lock);
	old = io->line;
	io->line = asserted ? old | bit : old & ~bit;
	if (entry(io, pin) & PN_REDIR_LEVEL)
		look(io, pin, c);
	else if (asserted && !(old & bit)) /* an edge at a masked pin is gone */
		fire(io, pin, c);
	pn_unlock_irq(c->agent, &io->lock);
}

/* ---- EOI ---- */

/* Under the lock. */
static void end(struct pn_ioapic *io, struct pn_host_cpu *c, uint8_t vector)
{
	for (unsigned pin = 0; pin < PN_IOAPIC_PINS; pin++) {
		uint64_t e = entry(io, pin);

		if (!(e & PN_REDIR_REMOTE_IRR) || (uint8_t)e != vector)
			continue;
		store(io, pin, e & ~PN_REDIR_REMOTE_IRR);
		io->eois++;
		look(io, pin, c);
	}
}

void pn_ioapic_eoi(struct pn_ioapic *io, const struct pn_host_vcpu *h, struct pn_host_cpu *c,
		   uint8_t vector)
{
	if (pn_vapic_read(h->page, PN_APIC_SVR) & SVR_NO_BCAST)
		return;
	pn_lock_irq(c->agent, &io->lock);
	end(io, c, vector);
	pn_unlock_irq(c->agent, &io->lock);
}

static bool waits_for_eoi(const struct pn_host_vcpu *h, uint8_t vector)
{
	return !pn_mistake(PN_MISTAKE_SCAN_FORGETS) &&
	       (pn_vapic_test(h->page, PN_APIC_ISR, vector) ||
		pn_vapic_test(h->page, PN_APIC_IRR, vector));
}

/* Without the lock: its holder may wait for this vCPU. */
int pn_ioapic_handled(const struct pn_ioapic *io, const struct pn_host_vcpu *h, uint64_t vectors[4])
{
	int stale = -1;

	for (unsigned i = 0; i < 4; i++)
		vectors[i] = 0;
	for (unsigned pin = 0; pin < PN_IOAPIC_PINS; pin++) {
		/* Pairs with store(). */
		struct pn_host_msg m = message(pn_ld64_acq(&io->redir[pin]));
		bool mine = m.level && pn_host_msg_matches(&m, h);

		if (!mine && !(m.level && waits_for_eoi(h, m.vector)))
			continue;
		vectors[m.vector >> 6] |= 1ull << (m.vector & 63);
		if (!mine && m.vector > stale)
			stale = m.vector;
	}
	return stale;
}

/* ---- registers ---- */

static uint32_t indirect_read(const struct pn_ioapic *io)
{
	unsigned pin = (io->select - PN_IOAPIC_REDIR) / 2u;

	switch (io->select) {
	case PN_IOAPIC_ID:
	case PN_IOAPIC_ARB:
		return (uint32_t)io->id << ID_SH;
	case PN_IOAPIC_VERSION:
		return VERSION;
	default:
		break;
	}
	if (io->select < PN_IOAPIC_REDIR || pin >= PN_IOAPIC_PINS)
		return 0;
	return (uint32_t)(entry(io, pin) >> (io->select & 1 ? 32 : 0));
}

uint32_t pn_ioapic_read(struct pn_ioapic *io, uint32_t off, struct pn_host_cpu *c)
{
	uint32_t value = 0;

	pn_lock_irq(c->agent, &io->lock);
	if (off == PN_IOAPIC_SELECT)
		value = io->select;
	else if (off == PN_IOAPIC_WINDOW)
		value = indirect_read(io);
	pn_unlock_irq(c->agent, &io->lock);
	return value;
}

/*
 * An edge has no remote IRR: guests clear a stuck one by switching to edge and back. vCPUs handle
 * the new entry before the first interrupt by it: otherwise the EOI of that one could pass without
 * an exit, and the pin would be dead.
 */
static void write_entry(struct pn_ioapic *io, unsigned pin, uint64_t value, struct pn_host_cpu *c)
{
	uint64_t next = (value & WRITABLE) | (entry(io, pin) & READ_ONLY);

	if (!(next & PN_REDIR_LEVEL))
		next &= ~PN_REDIR_REMOTE_IRR;
	store(io, pin, next);
	if (io->vm->hyp->ops->ioapic_changed)
		io->vm->hyp->ops->ioapic_changed(io->vm, c);
	look(io, pin, c);
}

static void indirect_write(struct pn_ioapic *io, uint32_t value, struct pn_host_cpu *c)
{
	unsigned pin = (io->select - PN_IOAPIC_REDIR) / 2u, sh = io->select & 1 ? 32 : 0;

	if (io->select == PN_IOAPIC_ID)
		io->id = value >> ID_SH & ID_MASK;
	if (io->select < PN_IOAPIC_REDIR || pin >= PN_IOAPIC_PINS)
		return;
	write_entry(io, pin, (entry(io, pin) & ~(0xFFFFFFFFull << sh)) | (uint64_t)value << sh, c);
}

void pn_ioapic_write(struct pn_ioapic *io, uint32_t off, uint32_t value, struct pn_host_cpu *c)
{
	pn_lock_irq(c->agent, &io->lock);
	if (off == PN_IOAPIC_SELECT)
		io->select = (uint8_t)value;
	else if (off == PN_IOAPIC_WINDOW)
		indirect_write(io, value, c);
	else if (off == PN_IOAPIC_EOI)
		end(io, c, (uint8_t)value);
	pn_unlock_irq(c->agent, &io->lock);
}
