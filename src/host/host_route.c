/* SPDX-License-Identifier: MIT */
/* Which interrupts of a guest can be posted, and the delivery of those that cannot. */
#include "host_route.h"

#include <errno.h>

#include "hyp.h"

#define BROADCAST	 0xFFu
#define X2APIC_BROADCAST 0xFFFFFFFFu
#define VECTOR_FIRST	 16u
#define SVR_ENABLED	 (1u << 8)

#define ADDR_LOGICAL (1u << 2)
#define ADDR_HINT    (1u << 3)
#define ADDR_DEST_SH 12
#define DATA_MODE_SH 8
#define DATA_LEVEL   (1u << 15)

/* pn_host_route.msg */
#define MSG_VALID   (1ull << 63)
#define MSG_LOGICAL (1ull << 48)
#define MSG_HINT    (1ull << 49)
#define MSG_LEVEL   (1ull << 50)
#define MSG_MODE_SH 40
#define MSG_VEC_SH  32

/* ---- a message ---- */

struct pn_host_msg pn_host_msg_decode(uint64_t addr, uint32_t data)
{
	return (struct pn_host_msg){
		.dest = ((uint32_t)addr >> ADDR_DEST_SH & 0xFF) |
			((uint32_t)(addr >> 32) & 0xFFFFFF00),
		.vector = (uint8_t)data,
		.mode = data >> DATA_MODE_SH & 7,
		.logical = addr & ADDR_LOGICAL,
		.hint = addr & ADDR_HINT,
		.level = data & DATA_LEVEL,
	};
}

bool pn_host_msg_matches(const struct pn_host_msg *m, const struct pn_host_vcpu *t)
{
	/* Pairs with the target's own context. */
	if (pn_ld32_acq(&t->apic_mode) == PN_APIC_DISABLED)
		return false;
	if (m->dest == BROADCAST)
		return true;
	if (pn_host_x2apic(t) ? m->dest == X2APIC_BROADCAST : m->dest > BROADCAST)
		return pn_host_x2apic(t);
	return pn_host_dest_matches(t, m->dest, m->logical);
}

/* A software-disabled APIC takes no fixed interrupt (SDM vol 3, 11.4.7.2; APM vol 2, 16.4.1). */
static bool takes(const struct pn_host_msg *m, const struct pn_host_vcpu *t)
{
	return pn_host_msg_matches(m, t) && pn_vapic_read(t->page, PN_APIC_SVR) & SVR_ENABLED;
}

static bool vectored(const struct pn_host_msg *m)
{
	return m->mode == PN_DM_FIXED || m->mode == PN_DM_LOWEST;
}

struct pn_host_vcpu *pn_host_msg_postable(const struct pn_host_vm *vm, const struct pn_host_msg *m)
{
	struct pn_host_vcpu *one = NULL;

	if (!vectored(m) || m->vector < VECTOR_FIRST)
		return NULL;
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		struct pn_host_vcpu *t = vm->hyp->ops->vcpu(vm, i);

		if (!takes(m, t))
			continue;
		if (one)
			return NULL;
		one = t;
	}
	return one;
}

/* The TMR first: code that finds the IRR bit finds the trigger mode. Pairs with the EOI. */
static void deliver(const struct pn_host_vm *vm, const struct pn_host_msg *m,
		    struct pn_host_vcpu *t, struct pn_host_cpu *c)
{
	if (m->level)
		pn_vapic_set(t->page, PN_APIC_TMR, m->vector);
	else if (pn_vapic_test(t->page, PN_APIC_TMR, m->vector) &&
		 !pn_mistake(PN_MISTAKE_TMR_STAYS))
		pn_vapic_clear(t->page, PN_APIC_TMR, m->vector);
	pn_step(c->agent, PN_STEP_IRQFD_INJECT, (uint64_t)vm->id << 32 | t->idx, m->vector);
	vm->hyp->ops->deliver(t, c, m->vector);
}

static unsigned deliver_lowest(const struct pn_host_vm *vm, const struct pn_host_msg *m,
			       struct pn_host_cpu *c)
{
	struct pn_host_vcpu *best = NULL;

	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		struct pn_host_vcpu *t = vm->hyp->ops->vcpu(vm, i);

		if (takes(m, t) && (!best || pn_vapic_ppr(t->page) < pn_vapic_ppr(best->page)))
			best = t;
	}
	if (!best)
		return 0;
	deliver(vm, m, best, c);
	return 1;
}

static unsigned deliver_all(const struct pn_host_vm *vm, const struct pn_host_msg *m,
			    struct pn_host_cpu *c)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		struct pn_host_vcpu *t = vm->hyp->ops->vcpu(vm, i);

		if (!takes(m, t))
			continue;
		deliver(vm, m, t, c);
		n++;
	}
	return n;
}

static void poke_all(const struct pn_host_vm *vm, const struct pn_host_msg *m,
		     struct pn_host_cpu *c)
{
	for (uint32_t i = 0; i < vm->nr_vcpus; i++) {
		struct pn_host_vcpu *t = vm->hyp->ops->vcpu(vm, i);

		if (!pn_host_msg_matches(m, t))
			continue;
		/* Pairs with the check before sleep. */
		pn_or32(&t->requests, PN_REQ_UNBLOCK);
		vm->hyp->ops->poke(t, c);
	}
}

unsigned pn_host_msg_deliver(const struct pn_host_vm *vm, const struct pn_host_msg *m,
			     struct pn_host_cpu *c)
{
	if (!vectored(m)) {
		poke_all(vm, m, c);
		return 0;
	}
	if (m->vector < VECTOR_FIRST)
		return 0;
	return m->mode == PN_DM_LOWEST || (m->hint && !pn_mistake(PN_MISTAKE_HINT_TO_ALL))
		       ? deliver_lowest(vm, m, c)
		       : deliver_all(vm, m, c);
}

/* ---- routes ---- */

static uint64_t pack(const struct pn_host_msg *m)
{
	return MSG_VALID | (m->logical ? MSG_LOGICAL : 0) | (m->hint ? MSG_HINT : 0) |
	       (m->level ? MSG_LEVEL : 0) | (uint64_t)m->mode << MSG_MODE_SH |
	       (uint64_t)m->vector << MSG_VEC_SH | m->dest;
}

static struct pn_host_msg unpack(uint64_t msg)
{
	return (struct pn_host_msg){
		.dest = (uint32_t)msg,
		.vector = (uint8_t)(msg >> MSG_VEC_SH),
		.mode = msg >> MSG_MODE_SH & 7,
		.logical = msg & MSG_LOGICAL,
		.hint = msg & MSG_HINT,
		.level = msg & MSG_LEVEL,
	};
}

void pn_host_routes_init(struct pn_host_vm *vm)
{
	pn_list_init(&vm->routes);
}

/* Sets the entry according to the message and the APICs. Under the lock. */
static int decide(struct pn_host_vm *vm, struct pn_host_route *r, struct pn_host_cpu *c)
{
	uint64_t msg = pn_ld64(&r->msg); /* only changed under the lock */
	struct pn_host_msg m = unpack(msg);
	struct pn_host_vcpu *to = msg ? pn_host_msg_postable(vm, &m) : NULL;
	int err;

	if (to == r->posted && (!to || m.vector == r->vector))
		return 0;
	if (pn_mistake(PN_MISTAKE_ROUTE_NOT_DECIDED) && r->posted)
		return 0;
	err = vm->hyp->ops->pi_update(vm->hyp, r->entry, to, m.vector, c);
	r->posted = err ? NULL : to;
	r->vector = m.vector;
	return err == -ENODEV ? 0 : err;
}

int pn_host_route_set(struct pn_host_vm *vm, struct pn_host_route *r, struct pn_host_entry *entry,
		      uint64_t addr, uint32_t data, struct pn_host_cpu *c)
{
	struct pn_host_msg m = pn_host_msg_decode(addr, data);
	int err;

	pn_lock_take(&vm->routes_lock);
	if (!r->entry) {
		r->entry = entry;
		pn_list_add_tail(&vm->routes, &r->node);
	}
	/* Before the entry: pairs with pn_host_route_irq(), which the entry's remapped format leads
	 * to. */
	pn_st64_rel(&r->msg, pack(&m));
	err = decide(vm, r, c);
	pn_lock_drop(&vm->routes_lock);
	return err;
}

int pn_host_route_clear(struct pn_host_vm *vm, struct pn_host_route *r, struct pn_host_cpu *c)
{
	int err;

	if (!pn_mistake(PN_MISTAKE_ROUTE_UNLOCKED))
		pn_lock_take(&vm->routes_lock);
	/* Pairs with pn_host_route_irq(). */
	pn_st64_rel(&r->msg, 0);
	err = decide(vm, r, c);
	if (r->entry)
		pn_list_del(&r->node);
	r->entry = NULL;
	if (!pn_mistake(PN_MISTAKE_ROUTE_UNLOCKED))
		pn_lock_drop(&vm->routes_lock);
	return err;
}

int pn_host_routes_refresh(struct pn_host_vm *vm, struct pn_host_cpu *c)
{
	int ret = 0;

	pn_lock_take(&vm->routes_lock);
	pn_list_for_each (node, &vm->routes) {
		int err = decide(vm, pn_container(node, struct pn_host_route, node), c);

		ret = ret ? ret : err;
	}
	pn_lock_drop(&vm->routes_lock);
	return ret;
}

unsigned pn_host_route_irq(const struct pn_host_vm *vm, const struct pn_host_route *r,
			   struct pn_host_cpu *c)
{
	uint64_t msg = pn_ld64_acq(&r->msg); /* pairs with pn_host_route_set() */
	struct pn_host_msg m = unpack(msg);

	return msg ? pn_host_msg_deliver(vm, &m, c) : 0;
}
