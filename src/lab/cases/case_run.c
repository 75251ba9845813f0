/* SPDX-License-Identifier: MIT */
/*
 * Carries out a case that is written as text: builds its machine in the order of its sections, and
 * runs the programs of its agents. Where an agent is in its program is on its stack: that is no
 * access, and takes no step.
 */
#include "case_file.h"

#include <string.h>

#include "engine.h"
#include "ops.h"
#include "rig_amd.h"
#include "rig_intel.h"

const char *const pn_case_no_yes[] = {"no", "yes", NULL};

const struct pn_case_limits pn_case_limits = {.cpus = RIG_CPUS,
					      .vcpus = RIG_VCPUS,
					      .interrupts = RIG_IRS,
					      .iommus = RIG_IOMMUS,
					      .threads = PX_THREADS};

const struct pn_case_vendor *const pn_case_vendors[PN_CASE_VENDOR] = {&rig_text_amd,
								      &rig_text_intel};

static const struct pn_case_program *program_of(const struct pn_case_part *p, bool broken)
{
	return &p->program[broken && p->program[1].given];
}

/* ---- agents ---- */

static void run(struct rig_agent *me, const struct pn_case_program *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		const struct pn_case_step *s = &p->step[i];

		if (*s->says)
			px_doing(s->says);
		if (!s->op->run(me, s->arg))
			return;
	}
}

/* What a thread needs to know; it is not changed. */
static struct {
	const struct pn_case_part *part;
	bool broken;
} started[PN_CASE_PARTS];

static void thread(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;
	const struct pn_case_part *p = started[i].part;
	struct rig_agent me = {
		.v = p->kind == PN_CASE_A_VCPU ? &rig->vcpu[p->index] : NULL,
		.c = p->cpu >= 0 ? &rig->cpu[p->cpu] : NULL,
	};

	run(&me, program_of(p, started[i].broken));
}

static void start(const struct pn_case_file *file, const struct pn_case_part *p, bool broken)
{
	unsigned i = (unsigned)(p - file->part);

	if (!program_of(p, broken)->n)
		return;
	started[i].part = p;
	started[i].broken = broken;
	px_thread(p->name, p->cpu, thread, (void *)(uintptr_t)i);
}

/* ---- building ---- */

static void set_up_vcpu(const struct pn_case_file *file, const struct pn_case_part *p)
{
	struct rig_vcpu *v = &rig->vcpu[p->index];
	struct pn_host_cpu *c = &rig->cpu[p->cpu];

	v->cpu = p->cpu;
	v->stays = p->vcpu.stays;
	if (v->stays && file->vendor->stays)
		file->vendor->stays();
	switch (p->vcpu.starts) {
	case PN_CASE_RUNNING:
		rig_load(v, c);
		break;
	case PN_CASE_ASLEEP:
		rig_fall_asleep((unsigned)p->index,
				(unsigned)(p->vcpu.slept_on < 0 ? p->cpu : p->vcpu.slept_on));
		break;
	case PN_CASE_BLOCKING:
		rig_load(v, c);
		rig_ops()->blocking(v->h, c);
		break;
	case PN_CASE_OUT:
		break;
	}
}

static void set_up(const struct pn_case_file *file, const struct pn_case_part *p, bool broken)
{
	struct rig_agent host = {.c = &rig->cpu[p->cpu < 0 ? 0 : p->cpu]};

	switch (p->kind) {
	case PN_CASE_INTERRUPT:
		file->vendor->interrupt((unsigned)p->index, &p->irq);
		break;
	case PN_CASE_A_VCPU:
		set_up_vcpu(file, p);
		start(file, p, broken);
		break;
	case PN_CASE_AGENT:
		start(file, p, broken);
		break;
	case PN_CASE_SETUP_STEPS:
		run(&host, program_of(p, broken));
		break;
	}
}

void pn_case_file_conf(const struct pn_case_file *file, bool broken, void *conf)
{
	const struct pn_case_key *k = file->vendor->keys;

	memset(conf, 0, PN_CASE_CONF);
	for (unsigned i = 0; k[i].name; i++) {
		unsigned which = broken && file->key[1][i].given;
		uint32_t val = file->key[which][i].val;
		uint8_t small = (uint8_t)val;

		if (!file->key[which][i].given)
			continue;
		memcpy((char *)conf + k[i].off, k[i].size == 1 ? (void *)&small : (void *)&val,
		       k[i].size);
	}
}

_Static_assert(sizeof(struct rig_amd_conf) <= PN_CASE_CONF &&
		       sizeof(struct rig_intel_conf) <= PN_CASE_CONF,
	       "pn_case_file_conf() fills one");

void pn_case_file_build(const struct pn_case_file *file, bool broken)
{
	_Alignas(16) unsigned char conf[PN_CASE_CONF];

	pn_case_file_conf(file, broken, conf);
	file->vendor->build(conf, file->vcpus);
	rig->no_rest_check = file->no_rest_check;
	for (unsigned i = 0; i < file->parts; i++)
		set_up(file, &file->part[i], broken);
	for (unsigned i = 0; i < RIG_CPUS; i++)
		if (file->handlers >> i & 1)
			px_handler(rig_text("CPU %u irq", i), (int)i, rig->vendor->handler,
				   &rig->cpu[i]);
}
