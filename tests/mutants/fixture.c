/* SPDX-License-Identifier: MIT */
/* What tests/e2e/mutate.py plants mistakes into. It is never compiled. */
static bool sleepers(struct cpu *c, const struct os *os)
{
	bool any = false;

	pn_lock_irq(c->agent, &c->lock);
	pn_list_for_each (node, &c->list) {
		struct vcpu *v = pn_container(node, struct vcpu, node);

		pn_xchg32(&v->woken, 1); /* Pairs with the check. */
		any |= wake(os, v);
	}
	pn_unlock_irq(c->agent, &c->lock);
	return any;
}

static int block(struct vcpu *v)
{
	uint32_t home;

	pn_st32(&v->running, 0);
	pn_fence();
	home = pn_ld32(&v->home);
	v->seen = v->sleeps; /* its own: the fence changes nothing */
	for (unsigned i = 0; i < WORDS; i++)
		if (pn_ld32(&v->irr[i]) && !v->masked)
			return FOUND;
	if (pn_mistake(PN_MISTAKE_X))
		home = 0;
	v->sleeps++;
	return list_add(v, home) ? 0 : -EAGAIN;
}
