/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_LINES_H
#define POSTERN_L1_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "checks.h"
#include "edu.h"
#include "vm.h"

enum { LINE_LOW, LINE_HIGH }; /* the second one's vector has the higher class */

/* A level-triggered line, as the device that drives it sees it. */
struct line {
	uint32_t pin;
	uint8_t vector;
	volatile uint32_t again;   /* handlers that still leave the line up this time */
	volatile uint32_t lowered; /* times */
	uint32_t due;		   /* handlers that are due by now */
};

/*
 * The lines of a guest. Their devices act when the guest's handler accesses them, in the thread of
 * its vCPU; until then they belong to the thread that raises them. The I/O APIC and the local APIC
 * are checked before and after the EOI.
 */
struct lines {
	struct vm *vm;
	unsigned n;
	struct line line[L2_LINES];
	uint32_t sent;	       /* rounds that the run began */
	uint32_t up;	       /* handlers that leave it up, each time */
	bool nested;	       /* every handler of the low one raises the high one */
	bool by_irqfd;	       /* KVM lowers them at EOI */
	const struct edu *edu; /* by_irqfd: the device that asks for service, or NULL */
	uint32_t in_service;
	uint32_t resampled; /* times that KVM said so */
	struct checks checks;
};

/* Before the guest starts, which then programs the pins. */
void lines_create(struct lines *l, struct vm *vm, unsigned n);
/* Raises a line that is not up. */
void lines_raise(struct lines *l, unsigned n);
/* The same for a line that an eventfd raises: records what is due. */
void lines_expect(struct lines *l, unsigned n);
/* Line @n is raised by @eventfd; at EOI KVM lowers it and signals @resample. */
void lines_resample(const struct lines *l, unsigned n, int eventfd, int resample, bool on);
/* All raised lines have ended: checks the state of the I/O APIC. */
void lines_rest(struct lines *l);

/* Handlers that are due, and those that ran. */
uint32_t lines_due(const struct lines *l);
uint32_t lines_seen(const struct lines *l);
bool lines_good(const struct lines *l);
/* A member of a JSON object. */
void lines_print(const struct lines *l, FILE *out);

#endif
