/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_METER_H
#define HW_I386_POSTERN_METER_H

/*
 * The meter counts the instructions of each processor, those of user space,
 * kernel and guest apart, and records the events on the way of an interrupt.
 * None of this runs unless the machine has the device "postern-meter", which
 * needs -icount: then one thread runs all processors in turn.
 */
typedef struct CPUArchState CPUX86State;
typedef struct CPUState CPUState;

/*
 * In accel/tcg, told of every update of the count: @n instructions more. Or
 * NULL.
 */
extern void (*icount_executed)(CPUState *cpu, int64_t n);

/* With profile=: every translation block calls helper_postern_block(). */
extern bool postern_meter_profiles;

/*
 * Privilege or world may have changed: the instructions executed until now
 * belong to the old ones.
 */
void postern_meter_mode(CPUX86State *env);
/* The guest is left: the kernel runs from here on. */
void postern_meter_left(CPUX86State *env);
/* The processor halts. */
void postern_meter_halts(CPUX86State *env);
/* A processor begins to deliver @vector, to the host or to its guest. */
void postern_meter_interrupt(CPUX86State *env, int vector);
/*
 * The running processor sends @vector to the processors in @mask, by APIC
 * number.
 */
void postern_meter_ipi(const uint32_t *mask, unsigned words, uint8_t vector);
/* The IOMMU, or the running processor, rings the doorbell of @apicid. */
void postern_meter_doorbell(uint32_t apicid);
/* The IOMMU sends @vector to @dest. */
void postern_meter_sends(uint32_t dest, uint8_t vector);

#endif
