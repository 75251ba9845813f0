/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_METER_H
#define HW_I386_POSTERN_METER_H

/*
 * The meter counts the instructions of each processor, those of user space,
 * kernel and guest apart, and records the events on the way of an interrupt.
 * None of this runs unless the machine has the device "postern-meter", which
 * needs -icount: then one thread runs all processors in turn.
 */
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
