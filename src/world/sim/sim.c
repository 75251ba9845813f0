/* SPDX-License-Identifier: MIT */
/*
 * The simulated world as a whole: creation, start, running until a time, and messages that are on
 * their way to a CPU.
 */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>

/* A physical interrupt or a doorbell on its way. */
struct pn_message {
	struct pn_event ev;
	struct pn_message *next;
	struct pn_pcpu *to;
	int vector; /* -1: doorbell */
};

#define MESSAGES_PER_BLOCK 256
#define SMALL_PCPUS	   16

struct message_block {
	struct message_block *next;
	struct pn_message msg[MESSAGES_PER_BLOCK];
};

static void message_event(struct pn_event *ev)
{
	struct pn_message *m = pn_container(ev, struct pn_message, ev);
	struct pn_sim *s = m->to->sim;

	m->next = s->free_msg;
	s->free_msg = m;
	if (m->vector < 0)
		pn_pcpu_doorbell(m->to);
	else
		pn_pcpu_intr(m->to, (uint8_t)m->vector);
}

static bool more_messages(struct pn_sim *s)
{
	struct message_block *b = calloc(1, sizeof(*b));

	if (!b)
		return false;
	b->next = s->msg_blocks;
	s->msg_blocks = b;
	for (int i = 0; i < MESSAGES_PER_BLOCK; i++) {
		pn_event_init(&b->msg[i].ev, message_event);
		b->msg[i].next = s->free_msg;
		s->free_msg = &b->msg[i];
	}
	return true;
}

static void send(struct pn_sim *s, uint32_t cpu, int vector, uint64_t delay)
{
	struct pn_message *m;

	if (!s->free_msg && !more_messages(s)) {
		s->out_of_memory = true;
		return;
	}
	m = s->free_msg;
	s->free_msg = m->next;
	m->to = &s->pcpu[cpu];
	m->vector = vector;
	pn_wheel_after(&s->wheel, &m->ev, delay);
}

void pn_sim_raise(struct pn_sim *s, uint32_t cpu, uint8_t vector, uint64_t delay)
{
	send(s, cpu, vector, delay);
}

void pn_sim_doorbell(struct pn_sim *s, uint32_t cpu, uint64_t delay)
{
	send(s, cpu, -1, delay);
}

/* Shorter slots for more CPUs: as many events in each, whatever the size of the machine. */
static unsigned resolution(uint32_t pcpus)
{
	unsigned bits = PN_WHEEL_RESOLUTION;

	for (uint32_t n = SMALL_PCPUS; n < pcpus && bits; n *= 2)
		bits--;
	return bits;
}

int pn_sim_create(const struct pn_sim_conf *conf, const struct pn_sim_ops *ops, void *ctx,
		  struct pn_sim **out)
{
	struct pn_sim *s;

	if (conf->pcpus > PN_SIM_MAX_PCPUS)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->conf = *conf;
	s->ops = ops;
	s->ctx = ctx;
	s->pcpu = calloc(conf->pcpus, sizeof(*s->pcpu));
	s->vcpu = calloc(conf->vcpus ? conf->vcpus : 1, sizeof(*s->vcpu));
	s->app = conf->apps ? calloc(conf->pcpus, sizeof(*s->app)) : NULL;
	s->queue = calloc(conf->queues ? conf->queues : 1, sizeof(*s->queue));
	if (!s->pcpu || !s->vcpu || !s->queue || (conf->apps && !s->app)) {
		pn_sim_destroy(s);
		return -ENOMEM;
	}
	pn_wheel_init(&s->wheel, resolution(conf->pcpus));
	s->nr_queues = conf->queues;
	for (uint32_t i = 0; i < conf->pcpus; i++)
		pn_pcpu_init(s, i);
	for (uint32_t i = 0; i < conf->vcpus; i++)
		pn_vcpu_init(s, i);
	for (uint32_t i = 0; conf->apps && i < conf->pcpus; i++)
		pn_app_init(s, i);
	*out = s;
	return 0;
}

void pn_sim_destroy(struct pn_sim *s)
{
	struct message_block *b;

	if (!s)
		return;
	while ((b = s->msg_blocks)) {
		s->msg_blocks = b->next;
		free(b);
	}
	for (uint32_t i = 0; s->queue && i < s->nr_queues; i++)
		free(s->queue[i].request);
	free(s->queue);
	free(s->app);
	free(s->vcpu);
	free(s->pcpu);
	free(s);
}

void pn_sim_start(struct pn_sim *s)
{
	for (uint32_t i = 0; i < s->conf.pcpus; i++) {
		struct pn_pcpu *p = &s->pcpu[i];

		if (s->conf.host_tick)
			pn_wheel_add(&s->wheel, &p->tick_ev,
				     1 + pn_rng_below(&p->rng, s->conf.host_tick));
		if (s->conf.noise_period)
			pn_wheel_add(&s->wheel, &p->noise_ev,
				     1 + pn_rng_below(&p->rng, s->conf.noise_period));
	}
	for (uint32_t i = 0; i < s->conf.vcpus; i++)
		pn_vcpu_start(&s->vcpu[i]);
	for (uint32_t i = 0; s->app && i < s->conf.pcpus; i++)
		pn_stall_start(&s->app[i].stall);
	for (uint32_t i = 0; i < s->nr_queues; i++)
		pn_queue_start(&s->queue[i]);
}

bool pn_sim_run(struct pn_sim *s, uint64_t until, uint64_t max)
{
	struct pn_event *ev;
	uint64_t left = max;

	for (; left; left--) {
		ev = pn_wheel_pop(&s->wheel, until);
		if (!ev)
			break;
		ev->fn(ev);
	}
	s->events += max - left;
	return !left;
}
