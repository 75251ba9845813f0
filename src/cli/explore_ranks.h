/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_EXPLORE_RANKS_H
#define PN_CLI_EXPLORE_RANKS_H

#include "xchild.h"

/*
 * Explorations over the ranks of an MPI job, each rank @at_once of them at a time. Opens MPI: ranks
 * other than 0 stay in here until the end and do not return. False: a message was printed.
 */
bool pn_xranks_open(struct pn_xjob *job, unsigned n, unsigned at_once);
/* Runs all, as pn_xjobs_run(). */
void pn_xranks_run(void);
/* All ranks end with @status. */
void pn_xranks_close(int status);

#endif
