/* SPDX-License-Identifier: MIT */
/*
 * The IPIs that guests send each other: between two vCPUs, one after the other, or a storm with
 * random targets.
 */
#include "sim.h"

static uint32_t index_of(const struct pn_vcpu *v)
{
	return v->id - v->ipi_first->id;
}

/* The other one of a pair, or NULL. */
static struct pn_vcpu *partner(const struct pn_vcpu *v)
{
	uint32_t i = index_of(v) ^ 1;

	return i < v->ipi_vcpus ? &v->ipi_first[i] : NULL;
}

static bool asks(const struct pn_vcpu *v)
{
	return !(index_of(v) & 1);
}

static void take_turn(struct pn_vcpu *v)
{
	v->ipi_due = true;
	v->think_ns = pn_dist_sample(&v->ipi->think, &v->rng);
}

void pn_guest_ipi_start(struct pn_vcpu *v)
{
	if (v->ipi_vcpus < 2)
		return;
	if (v->ipi->pingpong ? asks(v) && partner(v) : index_of(v) < v->ipi->senders)
		take_turn(v);
}

static enum pn_send_kind draw_kind(struct pn_vcpu *v)
{
	double left = pn_rng_unit(&v->rng);

	for (int kind = PN_SEND_FIXED + 1; kind < PN_SEND_NR; kind++) {
		left -= v->ipi->share[kind];
		if (left <= 0)
			return (enum pn_send_kind)kind;
	}
	return PN_SEND_FIXED;
}

static struct pn_vcpu *draw_target(struct pn_vcpu *v)
{
	uint32_t i = (uint32_t)pn_rng_below(&v->rng, v->ipi_vcpus - 1);

	return &v->ipi_first[i + (i >= index_of(v))];
}

enum pn_ipi_sent pn_guest_ipi_send(struct pn_vcpu *v, struct pn_pcpu *p)
{
	struct pn_ipi ipi = {PN_SEND_FIXED, NULL, v->ipi->vector};

	v->ipi_due = false;
	if (v->sim->draining)
		return PN_IPI_SENT;
	if (v->ipi->pingpong) {
		ipi.to = partner(v);
		v->ipi_waits = asks(v);
	} else {
		ipi.kind = draw_kind(v);
		if (ipi.kind != PN_SEND_BROADCAST && ipi.kind != PN_SEND_SELF)
			ipi.to = draw_target(v);
		take_turn(v);
	}
	return p->sim->ops->send_ipi(v, p, &ipi);
}

static void completed(struct pn_sim *s)
{
	s->completions++;
	s->ipi_completions++;
}

/* The answer for @v has arrived. */
static void answered(struct pn_vcpu *v)
{
	if (!v->ipi_waits)
		return;
	v->ipi_waits = false;
	completed(v->sim);
	take_turn(v);
}

void pn_guest_ipi_handled(struct pn_vcpu *v)
{
	if (!v->ipi->pingpong) {
		completed(v->sim);
	} else if (asks(v)) {
		answered(v);
	} else if (v->ipi->reply_memory) {
		answered(partner(v));
		pn_vcpu_stored(partner(v));
	} else {
		take_turn(v);
	}
}
