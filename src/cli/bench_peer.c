/* SPDX-License-Identifier: MIT */
/*
 * SPIN and CBMC as peers of the explorer: builds SPIN's verifier from a model of bench/, runs it,
 * and reads its verdict; gives CBMC a model in C.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_child.h"
#include "bench_explore.h"
#include "bench_time.h"

#define ROUNDS 5 /* of a search */

const struct pn_peer_model pn_spin_block = {pn_spin_block_text, "-DFENCE"};
const struct pn_peer_model pn_spin_list = {pn_spin_list_text, "-DLIST_FIRST"};
const struct pn_peer_model pn_cbmc_block = {pn_cbmc_block_text, "-DFENCE"};

static int write_model(const char *dir, const char *name, const struct pn_peer_model *m)
{
	FILE *f = pn_child_file(dir, name, "we");
	bool bad;

	if (!f)
		return -errno;
	bad = fputs(m->text, f) < 0;
	return fclose(f) || bad ? -EIO : 0;
}

/*
 * "State-vector 52 byte, depth reached 53, errors: 0", " 1546 states, stored"; -1 if the search was
 * cut short.
 */
static int errors_found(const char *dir, double *states)
{
	FILE *f = pn_child_file(dir, "out", "re");
	char line[512];
	const char *at;
	int errors = -1;
	bool cut = false;

	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, "errors: ");
		if (at)
			errors = atoi(at + strlen("errors: "));
		if (strstr(line, " states, stored"))
			*states = atof(line);
		cut |= strstr(line, "max search depth too small") != NULL ||
		       strstr(line, "Search not completed") != NULL;
	}
	if (f)
		fclose(f);
	return cut && !errors ? -1 : errors;
}

/* @fixed: the macro, or NULL */
static int build(const char *dir, const char *fixed)
{
	char macro[64];
	char *with[] = {(char[]){"spin"}, (char[]){"-a"}, macro, (char[]){"model.pml"}, NULL};
	char *without[] = {with[0], with[1], with[3], NULL};
	char *cc[] = {(char[]){"gcc"}, (char[]){"-O2"}, (char[]){"-DSAFETY"}, (char[]){"-w"},
		      (char[]){"-o"},  (char[]){"pan"}, (char[]){"pan.c"},    NULL};
	int status;

	snprintf(macro, sizeof(macro), "%s", fixed ? fixed : "");
	status = pn_child_run(dir, fixed ? with : without, NULL);
	if (!status)
		status = pn_child_run(dir, cc, NULL);
	return status == PN_CHILD_NOT_HERE ? -ENOENT : status ? -EIO : 0;
}

static int search(const char *dir, const char *fixed, double *seconds, double *states)
{
	/* Its usual hash table would take longer than the search. */
	char *pan[] = {(char[]){"./pan"}, (char[]){"-w18"}, NULL};
	double t[ROUNDS];
	int err = build(dir, fixed);

	if (err)
		return err;
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (pn_child_run(dir, pan, &t[i]) < 0)
			return -EIO;
		if (errors_found(dir, states) != (fixed ? 0 : 1))
			return -EPROTO;
	}
	*seconds = pn_bench_median(t, ROUNDS);
	return 0;
}

int pn_spin_measure(const struct pn_peer_model *m, double *seconds, double *states)
{
	char dir[PATH_MAX];
	double without = 0, with = 0, ignored;
	int err = pn_child_make_dir(dir);

	*seconds = *states = 0;
	if (err)
		return err;
	err = write_model(dir, "model.pml", m);
	if (!err)
		err = search(dir, NULL, &without, &ignored);
	if (!err)
		err = search(dir, m->fixed, &with, states);
	pn_child_remove_dir(dir);
	*seconds = err ? 0 : without + with;
	return err;
}

#define CBMC_VIOLATED 10 /* its exit status */

static int verify(const char *dir, const char *fixed, double *seconds)
{
	char macro[64];
	char *argv[] = {(char[]){"cbmc"},
			(char[]){"--mm"},
			(char[]){"tso"},
			(char[]){"--unwind"},
			(char[]){"3"},
			(char[]){"--unwinding-assertions"},
			(char[]){"--no-standard-checks"},
			(char[]){"model.c"},
			fixed ? macro : NULL,
			NULL};
	int status;

	snprintf(macro, sizeof(macro), "%s", fixed ? fixed : "");
	status = pn_child_run(dir, argv, seconds);
	if (status == PN_CHILD_NOT_HERE)
		return -ENOENT;
	if (status != 0 && status != CBMC_VIOLATED)
		return -EIO;
	return (status == 0) == !!fixed ? 0 : -EPROTO;
}

int pn_cbmc_measure(const struct pn_peer_model *m, double *seconds)
{
	char dir[PATH_MAX];
	double without = 0, with = 0;
	int err = pn_child_make_dir(dir);

	*seconds = 0;
	if (err)
		return err;
	err = write_model(dir, "model.c", m);
	if (!err)
		err = verify(dir, NULL, &without);
	if (!err)
		err = verify(dir, m->fixed, &with);
	pn_child_remove_dir(dir);
	*seconds = err ? 0 : without + with;
	return err;
}
