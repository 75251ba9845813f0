/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Postern's models in Bochs: declarations that the files here and the hooks in Bochs's own files
 * share.
 */
#ifndef BX_POSTERN_H
#define BX_POSTERN_H

#include <string>

extern "C" {
#include "postern/postern.h"
}

/* Memory and the bus of the APICs, for the models. */
extern const struct pn_bus postern_bus;

/* The agent of processor @cpu, whose steps are counted. */
struct pn_agent *postern_agent(unsigned cpu);
/* All steps that the unit and the processors took, "step=count" separated by blanks. */
std::string postern_steps(void);

/* Creates the unit and the devices: once, when Bochs has created its own. */
void postern_init(void);
/* The machine is reset. The first call is at power-on; a second one ends the program. */
void postern_reset(void);

/* The VT-d unit. */
void postern_vtd_init(void);
struct pn_agent *postern_vtd_agent(void);
/* A device's write of @data to @addr; false: the unit has blocked it. */
bool postern_msi(Bit64u addr, Bit32u data, Bit16u devid);
/* An entry of the I/O APIC sends: the same. */
bool postern_ioapic_msi(Bit32u high, Bit32u low);

void postern_edu_init(void);
void postern_steps_init(void);
void postern_bells_init(void);

#endif
