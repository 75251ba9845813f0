/* SPDX-License-Identifier: MIT */
/* Puts a machine on real threads together, runs its rounds and counts. */
#include "torture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

_Static_assert(PN_TORTURE_CPUS == SMP_CPUS && PN_TORTURE_VCPUS == SMP_VCPUS &&
		       PN_TORTURE_DEVICES == SMP_DEVICES,
	       "what the caller may ask for is there");

#define FOUR_GIB    (1ull << 32)
#define RAM_BASE    (FOUR_GIB - SMP_RAM / 2)
#define PER_VCPU    6 /* interrupts of devices for each vCPU */
#define PER_CPU	    8 /* and for each CPU on bare metal */
#define LAST_ROUNDS 3 /* in which nothing is sent but timers, and nothing stays masked */

/* ---- building ---- */

void tor_straddle(struct smp *s, uint64_t bytes)
{
	if (s->pages.next < FOUR_GIB - bytes)
		s->pages.next = FOUR_GIB - bytes;
}

/* Zeroed, and apart from what other threads write. */
static void *lines(size_t n, size_t size)
{
	size_t bytes = (n * size + SMP_LINE) & ~(size_t)(SMP_LINE - 1);
	void *p = aligned_alloc(SMP_LINE, bytes);

	if (p)
		memset(p, 0, bytes);
	return p;
}

static bool allocate(struct smp *s)
{
	s->bus.ram = aligned_alloc(4096, SMP_RAM);
	s->cpu = lines(s->cpus, sizeof(*s->cpu));
	s->host_cpu = lines(s->cpus, sizeof(*s->host_cpu));
	s->vcpu = lines(s->vcpus, sizeof(*s->vcpu));
	s->device = lines(s->devices, sizeof(*s->device));
	s->source = lines(SMP_BOOKS, sizeof(*s->source));
	s->chore = calloc(PN_TORTURE_CHORES, sizeof(*s->chore));
	if (!s->bus.ram || !s->cpu || !s->host_cpu || !s->vcpu || !s->device || !s->source ||
	    !s->chore)
		return false;
	memset(s->bus.ram, 0, SMP_RAM);
	return true;
}

static void init_cpus(struct smp *s)
{
	for (unsigned i = 0; i < s->cpus; i++) {
		struct smp_cpu *c = &s->cpu[i];

		c->s = s;
		c->id = i;
		c->deferred = -1;
		c->dice = smp_random(&s->dice) | 1;
		c->host = &s->host_cpu[i];
		c->bus = s->bus;
		c->bus.ctx = c;
		pn_host_agent_init(&c->agent, i, &c->steps, NULL);
		s->host_cpu[i].agent = &c->agent;
		s->host_cpu[i].apicid = i;
	}
	pn_host_agent_init(&s->watch_agent, 0, &s->watch_steps, NULL);
	s->watch.agent = &s->watch_agent;
}

static void init_devices(struct smp *s)
{
	for (unsigned i = 0; i < s->devices; i++) {
		struct smp_device *d = &s->device[i];

		d->s = s;
		d->id = i;
		d->dice = smp_random(&s->dice) | 1;
		d->bus = s->bus;
		d->bus.ctx = d;
		d->log.s = s;
		d->log.state = SMP_ASLEEP;
		pn_host_agent_init(&d->agent, i, &d->steps, NULL);
	}
}

/* Of @n vectors from @first to @last. */
static unsigned stride(unsigned first, unsigned last, unsigned n)
{
	return n > 1 ? (last - first) / (n - 1) : 1;
}

/* The vCPU that sends @index with lowest priority takes none of these, and all others may. */
static void init_lowest(struct smp *s, unsigned index)
{
	unsigned from = index - s->vcpus * s->vcpus;

	s->source[index].always = s->source[index].may = ((1u << s->vcpus) - 1) & ~(1u << from);
	smp_aim(&s->source[index], (from + 1) % s->vcpus);
}

/*
 * Devices' first, or those of IPIs: from each vCPU to each, and those with lowest priority; then a
 * timer for each vCPU.
 */
static void init_sources(struct smp *s)
{
	unsigned n = s->ipis	? s->vcpus * (s->vcpus + 1)
		     : s->vcpus ? s->vcpus * PER_VCPU
				: s->cpus * PER_CPU;

	s->timers = n < SMP_SOURCES - s->vcpus ? n : SMP_SOURCES - s->vcpus;
	s->sources = s->timers + s->vcpus;
	s->stride = stride(SMP_VEC_FIRST, SMP_VEC_TIMER - 1, s->timers);
	s->host_stride = stride(PN_VEC_DEVICE_FIRST, PN_VEC_DEVICE_LAST, s->timers);
	s->books = s->sources + (s->ipis ? s->vcpus * s->vcpus : 0);
	for (unsigned i = s->sources; i < s->books; i++) {
		unsigned from = (i - s->sources) / s->vcpus;

		smp_aim(&s->source[i], (i - s->sources) % s->vcpus);
		s->source[i].vector = smp_vector(s, from * (s->vcpus + 1));
	}
	for (unsigned i = 0; i < s->sources; i++) {
		struct smp_source *src = &s->source[i];

		src->index = i;
		src->host_vector = i < s->timers ? smp_host_vector(s, i) : 0;
		src->vector = s->vcpus ? smp_vector(s, i) : src->host_vector;
		smp_aim(src, i >= s->timers ? i - s->timers : i % (s->vcpus ? s->vcpus : s->cpus));
		if (s->ipis && i >= s->vcpus * s->vcpus && i < s->timers)
			init_lowest(s, i);
		if (i >= s->timers || !s->devices)
			continue;
		src->device = i / (s->vcpus ? s->vcpus : 1) % s->devices;
		s->device[src->device].source[s->device[src->device].sources++] = i;
	}
}

static void init_vcpus(struct smp *s)
{
	for (unsigned i = 0; i < s->vcpus; i++) {
		s->vcpu[i].task.s = s;
		s->vcpu[i].task.vcpu = &s->vcpu[i];
		s->vcpu[i].id = i;
		s->vcpu[i].cpu = i % s->cpus;
	}
}

static int build(struct smp *s, const struct pn_torture_config *cfg)
{
	const struct pn_mode_info *info = cfg->mode.info;
	int err;

	s->cpus = cfg->cpus;
	s->vcpus = info->work == PN_WORK_BARE ? 0 : cfg->vcpus;
	s->devices = info->work == PN_WORK_IPI ? 0 : cfg->devices;
	s->ipis = info->work == PN_WORK_IPI;
	s->masks = info->inhibits != 0;
	s->dice = cfg->seed * 0x9E3779B97F4A7C15ull | 1;
	s->bus.ram_base = RAM_BASE;
	s->bus.ram_size = SMP_RAM;
	s->os = (struct pn_os){.ctx = s, .wake = smp_os_wake, .ipi = smp_os_ipi};
	if (!allocate(s))
		return -ENOMEM;
	pn_pages_init(&s->pages, &s->bus, RAM_BASE, SMP_RAM);
	init_cpus(s);
	init_devices(s);
	init_vcpus(s);
	init_sources(s);
	if (info->work == PN_WORK_BARE)
		err = tor_bare_build(s, &cfg->mode);
	else if (info->vendor == PN_VENDOR_AMD)
		err = tor_amd_build(s, &cfg->mode);
	else
		err = tor_intel_build(s, &cfg->mode);
	if (err)
		return err;
	for (unsigned i = 0; i < s->vcpus; i++)
		smp_enqueue(s, &s->vcpu[i], &s->dice);
	s->busy = 0;
	if (s->hyp)
		smp_watch(s);
	return 0;
}

static void destroy(struct smp *s, const struct pn_mode *mode)
{
	smp_unwatch();
	if (s->machine && mode->info->vendor == PN_VENDOR_AMD)
		tor_amd_free(s);
	else if (s->machine)
		tor_intel_free(s);
	free(s->bus.ram);
	free(s->cpu);
	free(s->host_cpu);
	free(s->vcpu);
	free(s->device);
	free(s->source);
	free(s->chore);
	free(s);
}

/* ---- counting ---- */

static void count_agents(const struct smp *s, struct pn_torture_result *r)
{
	for (unsigned i = 0; i < s->cpus; i++) {
		r->merged += s->cpu[i].merged;
		r->woken += s->cpu[i].woken;
		r->preemptions += s->cpu[i].preemptions;
		r->irqs += s->cpu[i].irqs;
	}
	if (s->ipis)
		r->merged = smp_bits(s).asked - smp_bits(s).fresh;
	for (unsigned i = 0; i < s->devices; i++) {
		const struct smp_device *d = &s->device[i];

		r->merged += d->merged + d->steps.slot[PN_STEP_IRR_MERGE].count +
			     d->steps.slot[PN_STEP_PIR_MERGE].count;
		r->illegal += d->illegal;
	}
	for (unsigned i = 0; i < s->vcpus; i++) {
		r->sleeps += s->vcpu[i].sleeps;
		r->moves += s->vcpu[i].moves;
	}
}

static void count(const struct smp *s, struct pn_torture_result *r)
{
	r->rounds = s->rounds;
	r->posts = smp_sent(s);
	r->delivered = smp_taken(s);
	for (unsigned i = 0; i < s->chores; i++) {
		r->chore[i].name = s->chore[i].name;
		r->chore[i].done = s->chore[i].done;
	}
	r->chores = s->chores;
	memcpy(r->property, s->property, sizeof(r->property));
	memcpy(r->text, s->text, sizeof(r->text));
	r->stuck = s->stuck;
	if (s->stuck)
		return; /* the rest belongs to threads that run */
	count_agents(s, r);
	r->masked = smp_masked(s);
	r->lost = smp_lost(s);
	r->missed = smp_missed(s);
	r->coalesced = r->posts - r->delivered - r->lost - r->masked;
}

/* ---- running ---- */

struct run {
	const struct pn_torture_config *cfg;
	double until;
	bool given_up;
};

static bool give_up(void *arg)
{
	struct run *run = arg;

	run->given_up |= run->cfg->give_up && run->cfg->give_up(run->cfg->ctx);
	return run->given_up || smp_now() >= run->until;
}

static uint64_t left(const struct smp *s, const struct pn_torture_config *cfg)
{
	uint64_t sent = smp_sent(s);

	if (!cfg->posts)
		return UINT64_MAX;
	return sent < cfg->posts ? cfg->posts - sent : 0;
}

static void run_rounds(struct smp *s, struct run *run, struct pn_torture_result *r, double begun)
{
	const struct pn_torture_config *cfg = run->cfg;
	uint64_t posts = left(s, cfg);

	while (posts && !give_up(run)) {
		if (!smp_round(s, posts, give_up, run))
			return;
		posts = left(s, cfg);
		r->seconds = smp_now() - begun;
		r->rounds = s->rounds;
		r->posts = smp_sent(s);
		if (cfg->progress)
			cfg->progress(cfg->ctx, r);
	}
	for (int i = 0; i < LAST_ROUNDS; i++)
		if (!smp_last_round(s, tor_unmask))
			return;
}

int pn_torture_run(const struct pn_torture_config *cfg, struct pn_torture_result *r)
{
	struct smp *s = lines(1, sizeof(*s));
	struct run run = {.cfg = cfg};
	double begun = smp_now();
	int err;

	*r = (struct pn_torture_result){0};
	if (!s)
		return -ENOMEM;
	err = build(s, cfg);
	smp_mistake = cfg->mistake; /* the set-up is without it */
	if (!err)
		err = smp_start(s);
	if (err) {
		destroy(s, &cfg->mode);
		return err;
	}
	run.until = begun + cfg->seconds;
	run_rounds(s, &run, r, begun);
	r->seconds = smp_now() - begun;
	r->partial = run.given_up;
	if (!s->stuck)
		smp_join(s);
	count(s, r);
	smp_mistake = PN_MISTAKE_NONE;
	if (!s->stuck)
		destroy(s, &cfg->mode);
	return 0;
}
