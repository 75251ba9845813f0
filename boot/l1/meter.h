/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_METER_H
#define POSTERN_L1_METER_H

#include <stdio.h>

#include "run.h"

/*
 * kind=meter: c->count times, an interrupt of the emulator's meter (boot/qemu/meter.c) for one of
 * c->vcpus vCPUs, by turns, or for c->burst of them at once, while the harness sleeps. They are on
 * c->spread host CPUs from CPU 1 on, in guests of up to L2_VCPUS, and each has a vector of the
 * device. The emulator records what happens then for c->gap_us of virtual time. Returns the
 * harness's exit status.
 */
int meter_run(const struct run_config *c, FILE *out);

#endif
