/* SPDX-License-Identifier: MIT */
/*
 * The machine of AMD: what the tasks of the vCPUs do. Restated here in few lines, and not Linux's
 * code: the order of kvm_vcpu_block() around the functions explored.
 */
#include "engine.h"
#include "machine_amd.h"

static bool irr_pending(struct vcpu *v)
{
	for (unsigned word = 0; word < 8; word++)
		if (pn_ld32(&v->apic[(PN_APIC_IRR + 16 * word) / 4]))
			return true;
	return false;
}

/* kvm_apic_has_interrupt(): what is above the priority of the guest, which has nothing in service.
 */
bool am_deliverable(struct vcpu *v)
{
	if (!machine.masked)
		return irr_pending(v);
	for (unsigned i = 1; i < machine.posts; i++) {
		unsigned vector = (unsigned)am_vector(i);

		if (pn_ld32(&v->apic[(PN_APIC_IRR + vector / 32 * 16) / 4]) >> vector % 32 & 1)
			return true;
	}
	return false;
}

void mt_load(struct mt_task *t)
{
	pk_load(((struct vcpu *)t)->svm, (int)t->cpu);
}

void mt_put(struct mt_task *t, int preempted)
{
	pk_put(((struct vcpu *)t)->svm, preempted);
}

/* Whoever is on a list is looked at by each GAPPI there. */
static void off_lists(struct vcpu *v, const char *what)
{
	if (machine.lists && !v->blocks && pk_on_list(v->svm))
		px_fail("P2", "a vCPU that %s is on the list of a CPU", what);
}

void mt_preempted(struct mt_task *t)
{
	off_lists((struct vcpu *)t, "is only preempted");
}

/* An interrupt of the host takes it out of the guest once; it comes back, and waits there. */
static void wait_in_guest(struct vcpu *v)
{
	if (machine.migrates) {
		am_guest(v, false);
		mt_move(&v->task);
	}
	am_guest(v, true);
}

static bool killed(struct vcpu *v)
{
	return machine.destroy && pn_ld32(v->alive) == 2;
}

/* kvm_check_request(KVM_REQ_UNBLOCK) */
static bool unblocked(struct vcpu *v)
{
	uint64_t bit = 1ull << pk_unblock();

	return PK_GAPPI && pn_ld64(v->requests) & bit && pn_and64(v->requests, ~bit);
}

static bool inhibited(struct vcpu *v)
{
	return machine.inhibit && pn_ld32(v->inhibit);
}

/* __kvm_vcpu_update_apicv(), when the vCPU is asked to look at what inhibits AVIC. */
static void update_avic(struct vcpu *v)
{
	bool active = !inhibited(v);

	if (v->active == active)
		return;
	px_doing(active ? "switches AVIC on" : "switches AVIC off");
	v->active = active;
	pk_set_active(v->svm, active);
	pn_settle();
	off_lists(v, "switches AVIC");
	px_doing("");
}

/* kvm_vcpu_block(): until something is deliverable. */
static void block(struct vcpu *v)
{
	px_doing("about to block");
	v->blocks = true;
	pk_start_blocking(v->svm);
	pn_settle();
	pn_st64(v->wait, 1);
	for (;;) {
		pn_xchg32(v->task.asleep, 1);
		px_doing("");
		if (machine.preempted)
			mt_preempt(&v->task);
		if (am_deliverable(v) || unblocked(v) || killed(v) || v->active == inhibited(v))
			break;
		mt_schedule(&v->task);
	}
	pn_st64(v->wait, 0);
	pn_st32(v->task.asleep, 0);
	px_doing("stops blocking");
	pk_stop_blocking(v->svm);
	pn_settle();
	v->blocks = false;
	off_lists(v, "has stopped blocking");
	px_doing("");
}

void am_task(void *arg)
{
	struct vcpu *v = arg;

	mt_start(&v->task);
	while (!killed(v)) {
		if (machine.preempted)
			mt_preempt(&v->task);
		update_avic(v);
		if (!v->active)
			am_inject(v);
		else if (am_stays_inside(v))
			wait_in_guest(v);
		else
			am_guest(v, false);
		block(v);
	}
	mt_end(&v->task);
	pn_xchg32(v->alive, 0);
}

/* ---- interrupts of a CPU ---- */

/* irq_work_run() */
static void work(void)
{
	for (unsigned i = 0; i < machine.vcpus; i++) {
		struct vcpu *v = vcpus[i];
		uint32_t busy = 2;

		if (pn_ld32(v->work) != 1)
			continue;
		pn_xchg32(v->work, busy);
		pk_irq_work(v->svm);
		pn_settle();
		pn_cas32(v->work, &busy, 0); /* unless it was queued anew */
	}
}

/* The first half of a threaded interrupt wakes its thread. */
static void handle(uint8_t vector)
{
	for (unsigned i = 0; i < machine.iommus; i++)
		if (vector == LOG_VECTOR + i)
			pn_xchg32(units[i].idle, 0);
	if (vector >= HOST_VECTOR && vector < HOST_VECTOR + machine.posts)
		pn_or32(host, 1u << (vector - HOST_VECTOR));
	if (vector == WORK_VECTOR)
		work();
	if (vector == PK_WAKEUP_VECTOR) {
		px_doing("handles a GAPPI");
		am_wakeup_interrupt();
	}
}

/* A CPU that has gone offline takes none. */
void am_interrupt(void *arg, uint8_t vector)
{
	uint32_t *busy = &in_irq[pu_cpu() * AM_WORDS_OF_LINE];

	(void)arg;
	if (!mt_is_online(pu_cpu()))
		return;
	if (machine.unload)
		pn_xchg32(busy, 1);
	handle(vector);
	if (machine.unload)
		pn_xchg32(busy, 0);
}
