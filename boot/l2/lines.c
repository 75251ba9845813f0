/* SPDX-License-Identifier: MIT */
/*
 * Level-triggered lines: the I/O APIC's pins (82093AA, 3.2.4), and the part of a handler before the
 * EOI. The harness is the device: an access to a port is an access to the device.
 */
#include "lines.h"

#define IOAPIC_SELECT	0xfec00000u
#define IOAPIC_WINDOW	0xfec00010u
#define IOAPIC_REDTBL	0x10u /* two registers for each pin, the low half first */
#define REDTBL_LEVEL	(1u << 15)
#define REDTBL_MASKED	(1u << 16)
#define REDTBL_DEST(id) ((id) << 24)

static void ioapic_write(uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)IOAPIC_SELECT = reg;
	*(volatile uint32_t *)IOAPIC_WINDOW = value;
}

void lines_program(const volatile struct l2_shared *shared)
{
	for (uint32_t i = 0; i < shared->lines; i++) {
		uint32_t low = IOAPIC_REDTBL + 2 * shared->line[i].pin;

		ioapic_write(low, REDTBL_MASKED);
		ioapic_write(low + 1, REDTBL_DEST(shared->target));
		ioapic_write(low, REDTBL_LEVEL | shared->line[i].vector);
	}
}

uint32_t line_of(const volatile struct l2_shared *shared, uint32_t vector)
{
	for (uint32_t i = 0; i < shared->lines; i++)
		if (shared->line[i].vector == vector)
			return i;
	return L2_LINES;
}

static void out(uint16_t port, uint32_t line)
{
	__asm__ volatile("outb %%al, %%dx" : : "a"(line), "d"(port) : "memory");
}

/* A pending interrupt is taken at the two instructions after STI. */
void line_serve(uint32_t line)
{
	out(L2_SERVE_PORT, line);
	__asm__ volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
	out(L2_LEAVE_PORT, line);
}
