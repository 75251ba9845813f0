/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_DISTURB_H
#define POSTERN_L1_DISTURB_H

#include "run.h"

/* Disturbances of the last vCPU's thread during a run: migrations, a competing thread. */
void disturb_begin(const struct run_config *c, struct vm *vm);
void disturb_end(void);

#endif
