/* SPDX-License-Identifier: MIT */
/*
 * Halt polling: how long a halted vCPU keeps its CPU busy before it blocks. Always as long, or as
 * KVM does it: each vCPU has a limit of its own, which grows when a longer poll would have met the
 * interrupt, and shrinks when no poll would have.
 */
#include "sim.h"

static void grow(struct pn_sim *s, struct pn_halt_poll *hp)
{
	const struct pn_kvm_poll *k = &s->conf.kvm_poll;

	if (!k->grow)
		return;
	hp->limit *= k->grow;
	if (hp->limit < k->grow_start)
		hp->limit = k->grow_start;
	s->polls.grown++;
}

static void shrink(struct pn_sim *s, struct pn_halt_poll *hp)
{
	const struct pn_kvm_poll *k = &s->conf.kvm_poll;

	hp->limit = k->shrink ? hp->limit / k->shrink : 0;
	if (hp->limit < k->grow_start)
		hp->limit = 0;
	s->polls.shrunk++;
}

/* The halt took @ns, with or without sleep. */
static void adjust(struct pn_sim *s, struct pn_halt_poll *hp, uint64_t ns)
{
	uint64_t max = s->conf.kvm_poll.max;

	if (ns <= hp->limit)
		return;
	if (hp->limit && ns > max)
		shrink(s, hp);
	else if (ns < max)
		grow(s, hp);
}

bool pn_poll_begin(struct pn_vcpu *v, struct pn_pcpu *p)
{
	const struct pn_sim_conf *conf = &p->sim->conf;
	struct pn_halt_poll *hp = &v->poll;

	if (hp->limit > conf->kvm_poll.max)
		hp->limit = conf->kvm_poll.max;
	hp->left = conf->kvm_poll.on ? hp->limit : conf->halt_poll;
	hp->since = pn_sim_now(p->sim) + p->agent.elapsed_ns;
	hp->spent = 0;
	hp->slept = false;
	hp->tried = hp->left > 0;
	p->sim->polls.attempted += hp->tried;
	return hp->tried;
}

/* KVM's limit is a time of day: interrupts of the host count. Nobody may wait for the CPU. */
uint64_t pn_poll_left(const struct pn_vcpu *v, const struct pn_pcpu *p)
{
	const struct pn_halt_poll *hp = &v->poll;
	uint64_t until = hp->since + hp->limit, now = pn_sim_now(p->sim);

	if (!p->sim->conf.kvm_poll.on)
		return hp->left;
	if (p->waiting || now >= until)
		return 0;
	return hp->left < until - now ? hp->left : until - now;
}

void pn_poll_end(struct pn_task *t, struct pn_pcpu *p)
{
	struct pn_halt_poll *hp = &pn_vcpu_of(t)->poll;
	uint64_t done = pn_sim_now(p->sim) - p->poll_since;

	hp->spent += done;
	p->sim->polls.spans_ns += done;
	hp->left -= done < hp->left ? done : hp->left;
	if (p->resched)
		hp->left = 0;
}

void pn_poll_over(struct pn_vcpu *v, uint64_t at)
{
	struct pn_halt_poll *hp = &v->poll;
	struct pn_poll_stats *st = &v->sim->polls;

	if (hp->tried) {
		st->successful += !hp->slept;
		*(hp->slept ? &st->fail_ns : &st->success_ns) += hp->spent;
	}
	hp->spent = 0;
	hp->tried = false;
	if (v->sim->conf.kvm_poll.on)
		adjust(v->sim, hp, at - hp->since);
}
