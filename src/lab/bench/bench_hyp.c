/* SPDX-License-Identifier: MIT */
/*
 * What the calls of hyp.h cost: a vCPU is loaded, blocks, does not sleep, enters and leaves its
 * guest, and is put, by the table of functions and by their names.
 */
#include "bench_hyp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_time.h"
#include "steps.h"
#include "svm.h"

#define ROUNDS 9
#define LOOPS  1000000u
#define CALLS  7u
#define RAM    (64u << 10)

struct bench {
	struct pn_bus bus;
	struct pn_pages pages;
	struct pn_os os;
	struct pn_agent agent;
	struct pn_step_table steps;
	struct pn_host_cpu cpu;
	struct pn_svm svm;
	struct pn_svm_vm vm;
	struct pn_svm_vcpu vcpu;
};

static void by_table(struct pn_hyp *hyp, struct pn_host_vcpu *v, struct pn_host_cpu *c)
{
	hyp->ops->load(v, c);
	hyp->ops->blocking(v, c);
	hyp->ops->must_run(v, c);
	hyp->ops->unblocking(v, c);
	hyp->ops->enter(v, c);
	hyp->ops->leave(v, c);
	hyp->ops->put(v, c, false);
}

static void by_name(struct pn_hyp *hyp, struct pn_host_vcpu *v, struct pn_host_cpu *c)
{
	(void)hyp;
	pn_svm_load(v, c);
	pn_svm_blocking(v, c);
	pn_svm_must_run(v, c);
	pn_svm_unblocking(v, c);
	pn_svm_enter(v, c);
	pn_svm_leave(v, c);
	pn_svm_put(v, c, false);
}

static double time_calls(struct bench *b, void (*round)(struct pn_hyp *hyp, struct pn_host_vcpu *v,
							struct pn_host_cpu *c))
{
	double start = pn_bench_now_ns();

	for (uint32_t i = 0; i < LOOPS; i++)
		round(&b->svm.hyp, &b->vcpu.h, &b->cpu);
	return (pn_bench_now_ns() - start) / LOOPS / CALLS;
}

static int make(struct bench *b)
{
	const struct pn_svm_config cfg = {.os = &b->os, .cpu = &b->cpu, .nr_cpus = 1};

	b->bus = (struct pn_bus){.ram_size = RAM, .ram = aligned_alloc(4096, RAM)};
	if (!b->bus.ram)
		return -ENOMEM;
	memset(b->bus.ram, 0, RAM);
	pn_pages_init(&b->pages, &b->bus, 0, RAM);
	pn_host_agent_init(&b->agent, 0, &b->steps, NULL);
	b->cpu.agent = &b->agent;
	pn_svm_init(&b->svm, &cfg);
	return pn_svm_vm_init(&b->svm, &b->vm, &b->vcpu, 1, true, false, 0, &b->pages);
}

int pn_bench_hyp_calls(double *value, double *peer)
{
	struct bench *b = calloc(1, sizeof(*b));
	const unsigned rounds = pn_bench_rounds(ROUNDS);
	double table[ROUNDS], name[ROUNDS];
	int err;

	if (!b)
		return -ENOMEM;
	err = make(b);
	for (unsigned i = 0; i < rounds && !err; i++) {
		table[i] = time_calls(b, by_table);
		name[i] = time_calls(b, by_name);
	}
	free(b->bus.ram);
	free(b);
	if (err)
		return err;
	*value = pn_bench_median(table, rounds);
	*peer = pn_bench_median(name, rounds);
	return 0;
}
