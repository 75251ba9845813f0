/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_L1_UTIL_H
#define POSTERN_L1_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Prints a message with errno's text and ends the harness: it is a program, not a library. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t now_ns(void);
void sleep_until(uint64_t ns);
void pin_to(int cpu);
/* While it lasts no thread of an interrupt's handler can run on this CPU: the log's entries stay.
 */
void above_all(bool on);

int read_file(const char *path, char *buf, size_t size);
bool write_file(const char *path, const char *text);

#endif
