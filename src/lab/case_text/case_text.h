/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASE_TEXT_H
#define PN_LAB_CASE_TEXT_H

#include "cases.h"
#include "diag.h"

/*
 * Cases of the explorer that are written as text. docs/explore.md has the form; the words come from
 * the tables of src/lab/cases.
 */

/* The i-th shipped case, of text or in C; NULL beyond the end. */
const struct pn_case *pn_case_get(unsigned i);

/*
 * Reads the case of the file @path. -ENOENT and other errors of opening and reading it, -EINVAL (it
 * is wrong), -ENOMEM. @out is freed by pn_case_free().
 */
int pn_case_load(const char *path, const struct pn_case **out, struct pn_diag *d);
void pn_case_free(const struct pn_case *c);

/* Preemptions at most, as the case's text says; UINT32_MAX: it says none. */
unsigned pn_case_bound(const struct pn_case *c);

#endif
