/* SPDX-License-Identifier: MIT */
/*
 * What runs on a CPU of the recording. Recordings are often filtered: a trigger on the switches of
 * the load, for example, shows how its tasks go to sleep but not how they return. The next event
 * that finds the task running shows that it returned.
 */
#include "rec_priv.h"

void pn_rec_cpu_init(struct pn_rec_cpu *cpu)
{
	*cpu = (struct pn_rec_cpu){.first = PN_TASK_UNKNOWN, .current = PN_TASK_UNKNOWN};
}

/* When a task began to run whose switch is missing: usually an interrupt woke it. */
static uint64_t began(const struct pn_rec_cpu *cpu, uint64_t now, uint64_t last_irq_ns)
{
	if (cpu->last_irq)
		return cpu->last_ns;
	return last_irq_ns > cpu->last_ns && last_irq_ns < now ? last_irq_ns : now;
}

bool pn_rec_cpu_runs(struct pn_rec_cpu *cpu, uint32_t task, uint64_t now, uint64_t last_irq_ns,
		     struct pn_rec_raw *raw)
{
	uint32_t before = cpu->current;

	if (task == PN_TASK_UNKNOWN || task == before)
		return false;
	cpu->current = task;
	if (before == PN_TASK_UNKNOWN) {
		cpu->first = task;
		return false;
	}
	*raw = (struct pn_rec_raw){.kind = PN_RAW_SWITCH, .a = before, .b = task};
	raw->ns = task == PN_TASK_IDLE ? now : began(cpu, now, last_irq_ns);
	return true;
}
