/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_MACHINE_H
#define HW_I386_POSTERN_MACHINE_H

#include "postern/agent.h"
#include "postern/bus.h"

/* Memory and processors of the emulated machine, as the models reach them. */
extern const struct pn_bus postern_machine;

/* How often each step was taken, "step=count" separated by blanks. */
char *postern_steps(const struct pn_agent *agent);

#endif
