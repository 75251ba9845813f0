/* SPDX-License-Identifier: MIT */
#ifndef LAB_TEXT_H
#define LAB_TEXT_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab_file.h"
#include "lab_rig.h"
#include "machine.h"

/* Machines from a scenario's text, driven by hand. Include after cmocka.h. */

static inline struct pn_scenario *lab_text(const char *text, const char *settings)
{
	char dir[256], path[300];
	struct pn_scenario *sc;

	lab_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/test.ini", dir);
	lab_write(path, text, strlen(text));
	sc = lab_scenario(path, settings);
	unlink(path);
	rmdir(dir);
	return sc;
}

static inline void lab_nothing(struct pn_event *ev)
{
	(void)ev;
}

/* Runs until exactly @ns; time goes from event to event. */
static inline void lab_until(struct pn_machine *m, uint64_t ns)
{
	struct pn_event ev;

	pn_event_init(&ev, lab_nothing);
	pn_wheel_add(&m->sim->wheel, &ev, ns);
	while (pn_sim_run(m->sim, ns, 100000))
		;
}

/* Builds and starts the machine and runs it until @ns, when it is at rest. */
static inline struct pn_machine *lab_machine(const struct pn_scenario *sc, const char *mode,
					     uint64_t ns)
{
	struct pn_mode md = lab_mode(mode);
	struct pn_diag d = {0};
	struct pn_machine *m;

	if (pn_machine_create(sc, &md, 1, &m, &d))
		fail_msg("%s: %s", mode, d.text);
	pn_sim_start(m->sim);
	lab_until(m, ns);
	return m;
}

/* Queue @i has a completion, which it signals. */
static inline void lab_complete(struct pn_machine *m, uint32_t i)
{
	pn_queue_complete(&m->sim->queue[i], 1);
}

static inline void lab_checked(struct pn_machine *m, const char *row)
{
	char check[512];

	pn_selfcheck(m, check, sizeof(check));
	if (check[0])
		fail_msg("%s: %s", row, check);
}

#endif
