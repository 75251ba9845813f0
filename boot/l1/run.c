/* SPDX-License-Identifier: MIT */
#include "run.h"

#include "util.h"

/* Longer than anything that works takes, even on a machine that does other things. */
#define PATIENCE_NS 2000000000u

/* One word of the guest's, polled without taking the CPU from a vCPU that may need it. */
static bool wait_for(const volatile uint32_t *word, uint32_t value)
{
	uint64_t start = now_ns();

	for (unsigned turn = 0; *word != value; turn++) {
		if (turn < 1000)
			continue;
		if (now_ns() - start > PATIENCE_NS)
			return false;
		sleep_until(now_ns() + 50000);
	}
	return true;
}

static volatile struct l2_vcpu *target(struct vm *vm)
{
	return &vm->shared->vcpu[vm->vcpus - 1];
}

/* The guest reads the tag in its handler: what it has then is the newest MSI it knows of. */
static void raise(struct vm *vm, const struct edu *edu, struct run_result *r)
{
	vm->shared->tag = ++r->sent;
	edu_raise(edu);
}

static void wait_seen(struct vm *vm, struct run_result *r)
{
	uint64_t start = now_ns(), wait;

	if (!wait_for(&target(vm)->tag, r->sent))
		r->lost++;
	wait = now_ns() - start;
	r->wait_sum_ns += wait;
	r->wait_max_ns = wait > r->wait_max_ns ? wait : r->wait_max_ns;
}

/* In an open run only the last MSI is waited for: whatever it merged with is seen with it. */
static void paced(const struct run_config *c, struct vm *vm, const struct edu *edu,
		  struct run_result *r)
{
	uint64_t start = now_ns();

	while (r->sent < c->count && !vm->vcpu[vm->vcpus - 1].odd_exit) {
		if (c->rate)
			sleep_until(start + r->sent * 1000000000ull / c->rate);
		raise(vm, edu, r);
		if (!c->open || r->sent == c->count)
			wait_seen(vm, r);
		if (c->gap_us)
			sleep_until(now_ns() + c->gap_us * 1000ull);
	}
}

/* Mask, raise, see nothing, unmask, see it. Only vCPU 0 follows the TPR, so it is the target. */
static void masked(const struct run_config *c, struct vm *vm, const struct edu *edu,
		   struct run_result *r)
{
	while (r->sent < c->count && !vm->vcpu[0].odd_exit) {
		vm->shared->tpr = RUN_TPR_MASKS;
		wait_for(&target(vm)->tpr, RUN_TPR_MASKS);
		raise(vm, edu, r);
		sleep_until(now_ns() + (c->gap_us ? c->gap_us : 200) * 1000ull);
		vm->shared->tpr = 0;
		wait_seen(vm, r);
	}
}

/* As long as they keep arriving. */
static void ipis_finish(const struct run_config *c, struct vm *vm)
{
	const volatile uint32_t *seen = &target(vm)->seen[RUN_IPI_VECTOR];
	uint32_t last = *seen;
	uint64_t since = now_ns();

	while (last < c->ipis && now_ns() - since < PATIENCE_NS) {
		sleep_until(now_ns() + 1000000);
		if (*seen == last)
			continue;
		last = *seen;
		since = now_ns();
	}
}

void run_guest(const struct run_config *c, struct vm *vm, const struct edu *edu,
	       struct run_result *r)
{
	uint64_t start = now_ns();

	vm->shared->ipi_count = c->ipis;
	if (c->mask)
		masked(c, vm, edu, r);
	else
		paced(c, vm, edu, r);
	ipis_finish(c, vm);
	/* a second arrival of the last one would show only now */
	sleep_until(now_ns() + 5000000);
	r->ns = now_ns() - start;
	r->seen = target(vm)->seen[RUN_MSI_VECTOR];
	r->early = target(vm)->early;
	r->ipi_sent = vm->shared->vcpu[0].ipi_sent;
	r->ipi_seen = target(vm)->seen[RUN_IPI_VECTOR];
	for (unsigned i = 0; i < vm->vcpus; i++) {
		r->odd_exit |= vm->vcpu[i].odd_exit;
		r->fatal |= vm->shared->vcpu[i].fatal;
		r->fatal_ip |= vm->shared->vcpu[i].fatal_ip;
	}
}
