/* SPDX-License-Identifier: MIT */
/* Agents and steps: initialization, the names of the steps, and the version of the library. */
#include <errno.h>
#include <string.h>

#include "postern/agent.h"
#include "postern/postern.h"

static const struct {
	const char *key, *doc;
} steps[PN_STEP_NR] = {
#define X(id, key, doc) [PN_STEP_##id] = {key, doc},
	PN_STEPS(X)
#undef X
};

void pn_agent_init(struct pn_agent *agent, uint32_t id, struct pn_step_slot *slots)
{
	memset(agent, 0, sizeof(*agent));
	memset(slots, 0, PN_STEP_NR * sizeof(*slots));
	agent->id = id;
	agent->step = slots;
}

const char *pn_step_key(unsigned step)
{
	return step < PN_STEP_NR ? steps[step].key : NULL;
}

const char *pn_step_doc(unsigned step)
{
	return step < PN_STEP_NR ? steps[step].doc : NULL;
}

int pn_step_by_key(const char *key)
{
	for (int i = 0; key && i < PN_STEP_NR; i++) {
		if (!strcmp(steps[i].key, key))
			return i;
	}
	return -ENOENT;
}

const char *pn_version(void)
{
	return PN_VERSION;
}
