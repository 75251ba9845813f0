/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_VMX_H
#define POSTERN_BARE_VMX_H

#include "row.h"
#include "vm.h"

/*
 * Sections are of the Intel SDM, vol. 3: 25.6 controls, 27.2.1.1 checks of VM entry, 27.7 events
 * after it, 30.1 operations, 30.2 evaluation and delivery, 30.3 CR8, 30.4 APIC-access page, 30.5
 * MSRs, 30.6 posted interrupts, 30.1.6 IPI virtualization. "inferred": the row holds this model to
 * its own documentation (include/postern/apicv.h).
 */

/* RIP 0: not looked at. */
void expect_exit(struct vm *vm, uint32_t reason, uint64_t qualification, const char *rip);
/* VM entry fails for a control field. */
void expect_refused(struct vm *vm);
void expect_status(struct vm *vm, unsigned rvi, unsigned svi);
/* Makes an interrupt pending in the page's IRR and in RVI. */
void pend(struct vm *vm, unsigned vector);

void directed_entry(void);
void directed_evaluation(void);
void directed_access(void);
void directed_widths(void);
void directed_x2(void);
void directed_interrupts(void);
void directed_posted(void);
void directed_ipi(void);
void directed_smp(void);

#endif
