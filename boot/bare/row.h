/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_ROW_H
#define POSTERN_BARE_ROW_H

#include "vm.h"

/*
 * One row: one rule, with the place where it is written down. "15.29.x" is AMD64 APM vol. 2
 * rev 3.44. Where the manual leaves the point open the citation says "inferred": that row holds
 * this model to its own documentation (include/postern/avic.h), not silicon.
 */
extern unsigned rows_passed, rows_failed;

/* Ends the row before; both processors' machines and the shared tables are as after a reset. */
void row(const char *cite, const char *format, ...) __attribute__((format(printf, 2, 3)));
void row_end(void);
/* Of the row: prints it when they differ. */
bool expect(const char *what, uint64_t got, uint64_t want);

/* An exit with all that it reports; rip 0: not looked at. */
void expect_exit(struct vm *vm, uint64_t code, uint64_t info1, uint64_t info2, const char *rip);
void expect_end(struct vm *vm);
void expect_log(struct vm *vm, unsigned n, const uint8_t *vectors);

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
