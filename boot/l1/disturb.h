/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_DISTURB_H
#define POSTERN_L1_DISTURB_H

#include "run.h"

/* What happens to the last vCPU's thread while a run lasts: migrations, a competitor. */
void disturb_begin(const struct run_config *c, struct vm *vm);
void disturb_end(void);

#endif
