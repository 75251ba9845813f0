/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_EXPLORE_LINUX_H
#define PN_CLI_EXPLORE_LINUX_H

#include <jansson.h>
#include <stdbool.h>

#include "xchild.h"

/*
 * Cases whose host code is Linux's own, out of the tree that the user names: programs of their own,
 * which boot/linux/explore of the checkout builds.
 */

/*
 * Builds the programs for @tree, a path or "7.3", where they are missing. 0, or an exit status; the
 * reason was then said.
 */
int pn_linux_open(const char *tree);
void pn_linux_close(void);
/* NULL beyond the last one. */
const struct pn_case *pn_linux_case(unsigned i);
/*
 * Makes @j run the program of its case and variant with its options. False: this tree does not have
 * it; the reason is in @j->run.why.
 */
bool pn_linux_job(struct pn_xjob *j);
/* "Linux 7.3.4: ran ...; not Linux's: ...", for people. */
void pn_linux_print(const struct pn_xjob *job, unsigned n);
/* {version, explored, stubbed}. New reference. */
json_t *pn_linux_json(const struct pn_xjob *job, unsigned n);

#endif
