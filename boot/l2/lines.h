/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L2_LINES_H
#define POSTERN_L2_LINES_H

#include "l2.h"

/* Points the pins of all lines at the target, level-triggered and unmasked. */
void lines_program(const volatile struct l2_shared *shared);
/* The line that raises @vector, or L2_LINES. */
uint32_t line_of(const volatile struct l2_shared *shared, uint32_t vector);
/* The work of a driver before its EOI: accesses the device, and lets higher interrupts in. */
void line_serve(uint32_t line);

#endif
