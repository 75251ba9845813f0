/* SPDX-License-Identifier: MIT */
#ifndef PN_CLI_TORTURE_RANKS_H
#define PN_CLI_TORTURE_RANKS_H

#include "torture.h"

/*
 * Torture over the ranks of an MPI job: each rank has a machine of its own for as long as @cfg
 * says, in turns of a few seconds, each turn with a seed of its own. @r gets the sums, @ranks how
 * many there are. Opens MPI: ranks other than 0 stay in here and do not return. 0; a negative errno
 * value of a turn; 1: a message was printed.
 */
int pn_tranks_run(const struct pn_torture_config *cfg, struct pn_torture_result *r, int *ranks);
/* False: a process died, and its turn is not in the sums. A message was printed. */
bool pn_tranks_whole(void);
/* All ranks end with @status. */
void pn_tranks_close(int status);

#endif
