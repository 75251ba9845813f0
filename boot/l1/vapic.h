/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_VAPIC_H
#define POSTERN_L1_VAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "edu.h"

/*
 * A page that an IOMMU posts to as if it were a vCPU's APIC backing page, and its expected content.
 * No CPU runs on it; everything outside the IRR keeps a pattern.
 */
struct vapic {
	uint8_t *page;
	uint8_t expected[4096];
	uint64_t pa;
};

/* Stays where it is as long as @edu is open. */
void vapic_create(struct vapic *v, const struct edu *edu);
void vapic_destroy(struct vapic *v);
/* The IRR has no bit; one more, as if it had been posted before. */
void vapic_clear(struct vapic *v);
void vapic_set(struct vapic *v, uint8_t vector);
/* The IOMMU is about to post @vector; then whether the page is as expected. */
void vapic_expect(struct vapic *v, uint8_t vector);
bool vapic_matches(const struct vapic *v);

#endif
