/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_DRIVES_H
#define POSTERN_L1_DRIVES_H

#include <stdbool.h>
#include <stdio.h>

#include "run.h"

/* True if @kind is one of those below. */
bool drives_kind(const char *kind);
/*
 * Runs on bare metal, without a guest: kind=reads, drives that are read from every CPU, with or
 * without a disturbance of the host; kind=pulses, MSIs of "edu" one after the other;
 * kind=comes-back, one while its CPU goes offline, and one after that CPU is back;
 * kind=moved-away, one that its CPU holds back, while the interrupt is moved and that CPU goes
 * offline. Prints one line of JSON; returns the exit status.
 */
int drives_run(const struct run_config *c, FILE *out);

#endif
