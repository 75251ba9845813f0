/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_SVM_H
#define POSTERN_BARE_SVM_H

#include "row.h"
#include "vm.h"

/*
 * "15.29.x" is AMD64 APM vol. 2 rev 3.44. Where the manual leaves the point open the citation says
 * "inferred": that row holds this model to its own documentation (include/postern/avic.h), not
 * silicon.
 */

/* An exit with all that it reports; rip 0: not looked at. */
void expect_exit(struct vm *vm, uint64_t code, uint64_t info1, uint64_t info2, const char *rip);

void directed_vmrun(void);
void directed_access(void);
void directed_x2(void);
void directed_interrupts(void);
void directed_exits(void);
void directed_gif(void);
void directed_ipi(void);
void directed_smp(void);
void directed_off(void);
void directed_code(void);

/* Not a row: a debugger takes the second processor through an access, qtest/stepped.py. */
bool stepped(void);

#endif
