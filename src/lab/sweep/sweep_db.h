/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_SWEEP_DB_H
#define PN_LAB_SWEEP_DB_H

#include "sweep.h"

/*
 * The results of a sweep in an SQLite database. One thread. Table run has a row for each run that
 * was made, by its number, with a column for each axis and figure; table sweep says of which sweep
 * the file is; table batch has the spread of batches. Rows are durable after pn_sweep_db_flush().
 */
struct pn_sweep_db;

/*
 * Opens or makes @path, NULL: a temporary one without a name. -EINVAL: it is no database, or
 * one of another sweep; -EIO.
 */
int pn_sweep_db_open(const char *path, const struct pn_sweep *s, struct pn_sweep_db **out,
		     struct pn_diag *d);
/* Closes; -EIO with @d if something is not durable and a reader is in the way. */
int pn_sweep_db_close(struct pn_sweep_db *db, struct pn_diag *d);

/* Calls @each for the numbers of all runs that are there, ascending. */
int pn_sweep_db_ids(struct pn_sweep_db *db, void (*each)(void *ctx, uint64_t id), void *ctx,
		    struct pn_diag *d);
/* Adds a run; one that is there is left as it is. -EIO (a full disk) with @d. */
int pn_sweep_db_add(struct pn_sweep_db *db, const struct pn_sweep_record *r, struct pn_diag *d);
/*
 * Makes what was added durable. A reader can delay it: then it is left for the next call, unless
 * @wait.
 */
int pn_sweep_db_flush(struct pn_sweep_db *db, bool wait, struct pn_diag *d);
/* 1: found; 0: the run is not there; -EIO. */
int pn_sweep_db_get(struct pn_sweep_db *db, uint64_t id, struct pn_sweep_record *out);
/* Every run that is there, in the order of numbers. */
int pn_sweep_db_each(struct pn_sweep_db *db,
		     int (*each)(void *ctx, const struct pn_sweep_record *r), void *ctx,
		     struct pn_diag *d);

#endif
