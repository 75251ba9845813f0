/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_MACHINE_VMCS_H
#define PN_EXPLORE_MACHINE_VMCS_H

#include <stdint.h>

/* Of the machine: the field "guest interrupt status" of the vCPU that runs. */
uint16_t *pn_vmcs_intr_status(void);

#endif
