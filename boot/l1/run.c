/* SPDX-License-Identifier: MIT */
/*
 * The steps of which runs are made: raise an MSI, wait until the vCPU sleeps or has seen it, wake
 * it, send an IPI. Each kind of run is a row of a table here.
 */
#include "run.h"

#include <string.h>
#include <unistd.h>

#include "util.h"

volatile struct l2_vcpu *run_target(const struct run *run)
{
	return &run->vm->shared->vcpu[run->vm->vcpus - 1];
}

/* Polls without taking the CPU from a vCPU that may need it. */
static bool becomes(const volatile uint32_t *word, uint32_t value)
{
	uint64_t start = now_ns();

	for (unsigned turn = 0; *word != value; turn++) {
		if (turn < 1000)
			continue;
		if (now_ns() - start > RUN_PATIENCE_NS)
			return false;
		sleep_until(now_ns() + 50000);
	}
	return true;
}

void run_wait_word(const struct run *run, const volatile uint32_t *word, uint32_t value)
{
	run->r->stuck += !becomes(word, value);
}

void run_wait_taken(const struct run *run, const volatile uint32_t *word, uint32_t value)
{
	run->r->lost += !becomes(word, value);
}

void run_raise(const struct run *run)
{
	run->vm->shared->tag = ++run->r->sent;
	edu_raise(run->edu);
}

void run_raise_software(const struct run *run)
{
	const uint64_t one = 1;

	run->r->software++;
	run->vm->shared->tag = ++run->r->sent;
	if (write(run->edu->eventfd, &one, sizeof(one)) != sizeof(one))
		die("writing the eventfd");
}

void run_wait_seen(const struct run *run)
{
	uint64_t start = now_ns(), wait;
	struct run_result *r = run->r;

	run_wait_taken(run, &run_target(run)->tag, r->sent);
	wait = now_ns() - start;
	r->wait_sum_ns += wait;
	r->wait_max_ns = wait > r->wait_max_ns ? wait : r->wait_max_ns;
}

void run_wait_asleep(const struct run *run)
{
	run_wait_asleep_in(run, run->vm, run->vm->vcpus - 1);
}

void run_wait_asleep_in(const struct run *run, const struct vm *vm, unsigned vcpu)
{
	uint64_t start = now_ns();

	while (!vm_sleeps(vm, vcpu)) {
		if (now_ns() - start > RUN_PATIENCE_NS) {
			run->r->stuck++;
			return;
		}
		sleep_until(now_ns() + 50000);
	}
}

void run_wake(const struct run *run)
{
	run_wait_asleep(run);
	run_raise(run);
	run_wait_seen(run);
}

void run_ipi(const struct run *run)
{
	volatile struct l2_shared *shared = run->vm->shared;

	run_wait_word(run, &run_target(run)->seen[RUN_IPI_VECTOR], ++shared->ipi_count);
}

bool run_well(const struct run *run)
{
	return run->r->lost + run->r->stuck < 3 && !run->vm->vcpu[run->vm->vcpus - 1].odd_exit;
}

bool run_goes_on(const struct run *run)
{
	return run->r->sent < run->c->count && run_well(run);
}

/* An open run waits only for the last MSI: those that merged with it are seen with it. */
static void run_paced(const struct run *run)
{
	const struct run_config *c = run->c;
	struct run_result *r = run->r;
	uint64_t start;

	if (c->halt)
		run_wait_asleep(run);
	run->vm->shared->ipi_count = c->ipis;
	start = now_ns();
	while (run_goes_on(run)) {
		if (c->rate)
			sleep_until(start + r->sent * 1000000000ull / c->rate);
		run_raise(run);
		if (!c->open || r->sent == c->count)
			run_wait_seen(run);
		if (c->gap_us)
			sleep_until(now_ns() + c->gap_us * 1000ull);
	}
}

static const struct kind {
	const char *name;
	void (*go)(const struct run *run);
	unsigned vcpus; /* at least: vCPU 0 sends the IPIs that wake the target */
	unsigned lines;
} kinds[] = {
	{"paced", run_paced, 1, 0},	/* MSIs at a rate, open or closed */
	{"masked", run_masked, 1, 0},	/* each under a TPR that masks it, on a vCPU that runs */
	{"sleeper", run_sleeper, 2, 0}, /* the same on a vCPU that sleeps */
	{"ipis", run_ipis, 2, 0},	/* no MSI; an IPI whenever the target sleeps */
	{"unicast", run_icr, 2, 0},	/* no MSI; IPIs of one form, all in icr.c */
	{"self", run_icr, 2, 0},
	{"logical", run_icr, 2, 0},
	{"broadcast", run_icr, 3, 0},
	{"nmi", run_icr, 2, 0},
	{"init", run_icr, 3, 0},
	{"overflow", run_overflow, 2, 0},   /* more than the log holds, then ordinary ones */
	{"detach", run_detach, 2, 0},	    /* eventfd or device leave while the vCPU sleeps */
	{"race", run_race, 1, 0},	    /* overflows of the log while its handler works */
	{"level", run_level, 1, 1},	    /* no MSI; a line, the next time when all is over */
	{"retrigger", run_retrigger, 1, 1}, /* the next time before the EOI, or at the same time */
	{"two", run_two, 1, 2},		    /* two lines at the same time */
	{"nested", run_nested, 1, 2},	    /* the one's handler is interrupted by the other */
	{"resample", run_resample, 1, 1},   /* by an irqfd that KVM lowers at EOI */
	{"intx", run_intx, 1, 1},	    /* the device's INTx, by such an irqfd of VFIO's */
	{"offline", run_offline, 1, 0},	    /* the CPU that the vCPU sleeps on goes and comes */
	{"churn", run_churn, 1, 0},	    /* the eventfd leaves while the vCPU goes to sleep */
	{"leaves", run_leaves, 1, 0},	    /* the only device does, at the same time */
	{"higher", run_higher, 2, 0},	    /* asleep with a masked one pending: a higher one */
	{"pair", run_pair, 1, 0},	    /* two guests, a device each, one CPU */
	{"crowd", run_crowd, 1, 0},	    /* many vCPUs, an interrupt each, one CPU */
	{"dropped", run_dropped, 2, 0},	    /* the log is full when a vCPU that sleeps needs it */
	{"inhibit", run_inhibit, 1, 0},	    /* AVIC off and on again while the vCPU sleeps */
	{"first", run_first, 1, 0},	    /* attached before the vCPU has ever run */
	{"suspend", run_suspend, 1, 0},	    /* the machine sleeps while the vCPU does */
	{"powered", run_powered, 1, 0},	    /* while a device sends messages */
	{"snapshot", run_snapshot, 1, 0},   /* it is saved and loaded while the vCPU sleeps */
};

static const struct kind *kind_of(const struct run_config *c)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, c->kind))
			return &kinds[i];
	return NULL;
}

/* Each of the vCPUs has an interrupt of its own, and sleeps until then. */
static bool all_halt(const struct kind *kind)
{
	return kind->go == run_crowd || kind->go == run_dropped || kind->go == run_powered;
}

const char *run_refuses(const struct run_config *c)
{
	const struct kind *kind = kind_of(c);

	if (!kind)
		return "no such kind of run";
	if (c->vcpus < kind->vcpus || c->vcpus > L2_VCPUS || (c->ipis && c->vcpus < 2))
		return "not with so many vCPUs";
	if (c->ipis && kind->go != run_paced)
		return "this kind has its own IPIs";
	return NULL;
}

unsigned run_lines(const struct run_config *c)
{
	return kind_of(c)->lines;
}

void run_vm_create(struct vm *vm, const struct run_config *c)
{
	const struct kind *kind = c->kind ? kind_of(c) : NULL;

	vm_create(vm, c->vcpus, c->x2apic, kind && kind->lines);
	vm->shared->msi_vector = RUN_MSI_VECTOR;
	vm->shared->ipi_vector = RUN_IPI_VECTOR;
	vm->shared->target = c->vcpus - 1;
	vm->shared->logical = kind && kind->go == run_icr;
	vm->shared->idle[c->vcpus - 1] = c->halt ? L2_HALT : L2_SPIN;
	for (unsigned i = 0; kind && all_halt(kind) && i < c->vcpus; i++)
		vm->shared->idle[i] = L2_HALT;
}

void run_place(const struct run_config *c, int pcpu[L2_VCPUS])
{
	for (unsigned i = 0; i < L2_VCPUS; i++)
		pcpu[i] = kind_of(c)->go == run_crowd ? 1 : 1 + (int)(i & 1);
}

/* Waits as long as IPIs keep arriving. */
static void ipis_finish(const struct run *run)
{
	const volatile uint32_t *seen = &run_target(run)->seen[RUN_IPI_VECTOR];
	uint32_t last = *seen;
	uint64_t since = now_ns();

	while (last < run->vm->shared->ipi_count && now_ns() - since < RUN_PATIENCE_NS) {
		sleep_until(now_ns() + 1000000);
		if (*seen == last)
			continue;
		last = *seen;
		since = now_ns();
	}
}

void run_guest(const struct run *run)
{
	struct run_result *r = run->r;
	struct vm *vm = run->vm;
	uint32_t displaced = vm_displaced(vm, vm->vcpus - 1);
	uint64_t start = now_ns();

	kind_of(run->c)->go(run);
	ipis_finish(run);
	r->displaced = vm_displaced(vm, vm->vcpus - 1) - displaced;
	/* a second arrival of the last one would show only now */
	sleep_until(now_ns() + 5000000);
	r->ns = now_ns() - start;
	r->seen = run_target(run)->seen[RUN_MSI_VECTOR] + run_target(run)->seen[RUN_HIGH_VECTOR] +
		  r->elsewhere;
	r->early += run_target(run)->early;
	if (kind_of(run->c)->go == run_icr) {
		r->ipi_sent = vm->shared->vcpu[0].icr_seen;
		r->ipi_seen = run_icr_seen(run);
	} else {
		r->ipi_sent = vm->shared->vcpu[0].ipi_sent;
		r->ipi_seen = run_target(run)->seen[RUN_IPI_VECTOR];
	}
	for (unsigned i = 0; i < vm->vcpus; i++) {
		r->odd_exit |= vm->vcpu[i].odd_exit;
		r->fatal |= vm->shared->vcpu[i].fatal;
		r->fatal_ip |= vm->shared->vcpu[i].fatal_ip;
	}
}
