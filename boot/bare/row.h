/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_ROW_H
#define POSTERN_BARE_ROW_H

#include "guest.h"

/* One row: one rule, with the place where it is written down. */
extern unsigned rows_passed, rows_failed;

/* Ends the row before; both processors' machines and the shared tables are as after a reset. */
void row(const char *cite, const char *format, ...) __attribute__((format(printf, 2, 3)));
void row_end(void);
/* Compares one value of the row and prints it if they differ. */
bool expect(const char *what, uint64_t got, uint64_t want);

/* The guest has executed all its steps. */
void expect_end(struct vm *vm);
void expect_log(struct vm *vm, unsigned n, const uint8_t *vectors);

/* All rows of the vendor. */
void directed(void);
/* At least @count random writes by both processors together; true: no complaint. */
bool fuzz(uint64_t count, uint64_t seed);
/* Checks for further features of the processor: ends the program if one is missing. */
void vendor_need(void);
/* Runs another program of this vendor, named on the command line, and returns its verdict. */
bool vendor_other(void);

#endif
