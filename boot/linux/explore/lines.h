/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_LINES_H
#define PN_EXPLORE_LINES_H

#include <stddef.h>

/* 0, or -1: no such table. */
int pn_lines_read(const char *path);
/* "FILE:FUNCTION FILE:FUNCTION": those whose lines were asked for, i.e. that ran. */
void pn_lines_seen(char *text, size_t size);

#endif
