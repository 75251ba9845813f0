/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BUS_H
#define POSTERN_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* Delivery modes as the local APIC encodes them. */
enum pn_delivery {
	PN_DM_FIXED = 0,
	PN_DM_LOWEST = 1,
	PN_DM_SMI = 2,
	PN_DM_NMI = 4,
	PN_DM_INIT = 5,
	PN_DM_SIPI = 6,
	PN_DM_EXTINT = 7,
};

/* One interrupt message on its way to the local APICs. */
struct pn_intr {
	uint32_t dest; /* APIC ID, or logical destination */
	uint8_t vector;
	uint8_t mode; /* enum pn_delivery */
	bool logical; /* destination mode */
	bool level;   /* trigger mode */
};

/*
 * What the embedder provides: memory, and the way to the processors. The models never allocate
 * guest memory and never deliver an interrupt by themselves.
 *
 * Memory is reached by system physical address. [ram_base, ram_base + ram_size) is directly mapped
 * at @ram; for other addresses @map is asked. Atomic accesses are made through these pointers, so
 * they must lead to the memory that the processors see.
 */
struct pn_bus {
	void *ctx;
	uint8_t *ram;
	uint64_t ram_base;
	uint64_t ram_size;

	/*
	 * Memory at @pa, at least @len bytes; NULL: none. May be NULL itself. Must not block. Valid
	 * until the model is destroyed, or until it was told that memory changed
	 * (pn_amdvi_memory_changed() and similar functions) and has called @map again.
	 */
	void *(*map)(void *ctx, uint64_t pa, size_t len);

	/* The model stored @len bytes at @pa: for an embedder that follows what is written. Called
	 * after the store; must not block or call back into a model. May be NULL. Models of AMD,
	 * and the VT-d unit. */
	void (*wrote)(void *ctx, uint64_t pa, size_t len);

	/* Delivers a physical interrupt. Called after all earlier stores of the agent. */
	void (*intr)(void *ctx, const struct pn_intr *intr);

	/* Rings the AVIC doorbell of the core whose APIC ID is @apicid. */
	void (*doorbell)(void *ctx, uint32_t apicid);
};

/* Pointer to @len bytes at physical address @pa, or NULL when there is no memory. */
static inline void *pn_bus_ptr(const struct pn_bus *bus, uint64_t pa, size_t len)
{
	uint64_t off = pa - bus->ram_base;

	if (off < bus->ram_size && len <= bus->ram_size - off)
		return bus->ram + off;
	return bus->map ? bus->map(bus->ctx, pa, len) : NULL;
}

static inline void pn_bus_wrote(const struct pn_bus *bus, uint64_t pa, size_t len)
{
	if (bus->wrote)
		bus->wrote(bus->ctx, pa, len);
}

#pragma GCC visibility pop

#endif
