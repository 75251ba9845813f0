/* SPDX-License-Identifier: MIT */
/*
 * One MSI of the GAPPI run: rewrites the remapping entry that the kernel made for the device,
 * raises the MSI, and compares what arrived with what the rule says.
 */
#include "gappi_msi.h"

#include <poll.h>
#include <unistd.h>

#include "irq.h"
#include "util.h"

#define RETRY_US 10000

/* Vectors since the last call; waits for the first one if it is due. */
static uint32_t received(struct gappi *g, bool due)
{
	struct pollfd fd = {.fd = g->edu.eventfd, .events = POLLIN};
	uint64_t n = 0;

	if (due)
		poll(&fd, 1, PATIENCE_MS);
	if (read(g->edu.eventfd, &n, sizeof(n)) != (ssize_t)sizeof(n))
		return 0;
	return (uint32_t)n;
}

/* Runs on the target CPU, which then has taken everything that was pending there. */
static void settle(const struct gappi *g)
{
	pin_to(g->now->cpu);
	pin_to(0);
}

/* One MSI. @notifies: it must raise the vector, once; otherwise it must not. */
static void msi(struct gappi *g, const char *what, bool notifies)
{
	uint32_t n;

	g->sent++;
	g->quiet += !notifies;
	edu_raise(&g->edu);
	n = received(g, notifies);
	if (!n || !notifies) {
		settle(g);
		n += received(g, false);
	}
	g->seen += n;
	g->now->seen += n;
	g->lost += notifies && !n;
	g->extra += n > notifies ? n - notifies : 0;
	check(&g->checks, what, notifies ? "one vector" : "no vector", n == notifies);
}

void gappi_posted(struct gappi *g, const char *what, bool notifies)
{
	vapic_expect(&g->vapic, g->vector);
	msi(g, what, notifies);
	check(&g->checks, what, "IRR bit set, page else untouched", vapic_matches(&g->vapic));
}

void gappi_entry(struct gappi *g, uint64_t flags, uint32_t tag)
{
	const uint64_t dest = g->now->apic_id;

	irte_write(g->entry,
		   (struct irte){.lo = IRTE_REMAPEN | IRTE_GUESTMODE | flags |
				       (dest << 8 & IRTE_DEST_LO) | (uint64_t)tag << IRTE_GATAG_SH,
				 .hi = g->vapic.pa | g->vector | (dest >> 24) << IRTE_DEST_HI_SH});
}

/*
 * The MSI goes to g->now->cpu, and has arrived there once, so that the kernel has finished the
 * move. A kernel that still cleans up after the move before puts this one off.
 */
static void move(struct gappi *g)
{
	const uint64_t until = now_ns() + PATIENCE_MS * 1000000ull;
	uint64_t before;
	bool there;

	do {
		before = irq_count(g->edu.name, g->now->cpu);
		edu_msi_affinity(&g->edu, g->now->cpu);
		msi(g, "ordinary MSI", true);
		there = irq_count(g->edu.name, g->now->cpu) > before;
	} while (!there && !usleep(RETRY_US) && now_ns() < until);
	check(&g->checks, "ordinary MSI", "on the CPU it was moved to", there);
}

/*
 * Moving it again to where it is makes the kernel write its remapping entry again and send
 * INVALIDATE_INTERRUPT_TABLE: now the entry is not cached.
 */
void gappi_arrive(struct gappi *g)
{
	move(g);
	edu_msi_affinity(&g->edu, g->now->cpu);
	g->kernels = irte_read(g->entry);
	g->now->vector = (uint8_t)(g->kernels.hi & IRTE_VECTOR);
	g->now->seen = 0;
	g->now->counted = irq_count(g->edu.name, g->now->cpu);
	check(&g->checks, "kernel's entry", "remap form",
	      (g->kernels.lo & (IRTE_REMAPEN | IRTE_GUESTMODE)) == IRTE_REMAPEN);
	g->vector = g->now->vector == 0x41 ? 0x42 : 0x41;
	vapic_clear(&g->vapic);
}

/* As above: the kernel's own flush makes the IOMMU forget the guest-mode entry. */
void gappi_leave(struct gappi *g)
{
	struct irte e;

	irte_write(g->entry, g->kernels);
	edu_msi_affinity(&g->edu, g->now->cpu);
	e = irte_read(g->entry);
	check(&g->checks, "kernel's entry", "back again",
	      e.lo == g->kernels.lo && e.hi == g->kernels.hi);
	msi(g, "ordinary MSI afterwards", true);
	check(&g->checks, "ordinary MSI afterwards", "page untouched", vapic_matches(&g->vapic));
	g->now->counted = irq_count(g->edu.name, g->now->cpu) - g->now->counted;
	check(&g->checks, "/proc/interrupts", "the vectors, on their CPU",
	      g->now->counted == g->now->seen);
}
