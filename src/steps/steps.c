/* SPDX-License-Identifier: MIT */
/* Names of the steps of host and world, beside those of the silicon, and agents that take both. */
#include <errno.h>
#include <string.h>

#include "steps.h"

static const struct {
	const char *key, *doc;
} host_steps[PN_ALL_STEPS_NR - PN_STEP_NR] = {
#define X(id, key, doc) [PN_STEP_##id - PN_STEP_NR] = {key, doc},
	PN_HOST_STEPS(X)
#undef X
};

void pn_host_agent_init(struct pn_agent *agent, uint32_t id, struct pn_step_table *steps,
			const uint32_t *cost_ns)
{
	memset(steps, 0, sizeof(*steps));
	pn_agent_init(agent, id, steps->slot);
	for (unsigned i = 0; cost_ns && i < PN_ALL_STEPS_NR; i++)
		steps->slot[i].cost_ns = cost_ns[i];
}

void pn_watch_all(struct pn_step_table *steps, bool on)
{
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		steps->slot[i].watched = on;
}

void pn_count_anew(struct pn_step_table *steps)
{
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		steps->slot[i].count = 0;
}

const char *pn_step_group(unsigned step)
{
	if (step < PN_STEP_INTR_WIRE)
		return "iommu";
	if (step < PN_STEP_NR)
		return "processor";
	return step < PN_STEP_DEVICE_WRITE ? "host" : "world";
}

const char *pn_any_step_key(unsigned step)
{
	if (step < PN_STEP_NR)
		return pn_step_key(step);
	return step < PN_ALL_STEPS_NR ? host_steps[step - PN_STEP_NR].key : NULL;
}

const char *pn_any_step_doc(unsigned step)
{
	if (step < PN_STEP_NR)
		return pn_step_doc(step);
	return step < PN_ALL_STEPS_NR ? host_steps[step - PN_STEP_NR].doc : NULL;
}

int pn_any_step_by_key(const char *key)
{
	int step = pn_step_by_key(key);

	for (unsigned i = PN_STEP_NR; step < 0 && key && i < PN_ALL_STEPS_NR; i++) {
		if (!strcmp(host_steps[i - PN_STEP_NR].key, key))
			step = (int)i;
	}
	return step;
}
