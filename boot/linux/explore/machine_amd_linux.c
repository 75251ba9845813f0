/* SPDX-License-Identifier: MIT */
/* The machine of AMD: what kernel_amd.c calls. */
#include "engine.h"
#include "machine_amd.h"

static struct pn_lock *whole;
static uint64_t *handler; /* of the wakeup vector */

/* ---- what kernel_amd.c calls ---- */

void pu_private(const void *p, unsigned long size)
{
	pn_private(p, size);
}

/* rcuwait_wake_up(), wake_up_process() */
int pu_wake_up(int id)
{
	struct vcpu *v = vcpus[id];

	pn_settle();
	pn_fence();
	return pn_ld64(v->wait) ? mt_wake(&v->task) : 0;
}

int pu_cpu(void)
{
	return px.current < 0 ? 0 : px.thread[px.current].cpu;
}

/* An IPI to the own CPU; the work waits for it. */
void pu_work(int id)
{
	pn_settle();
	if (!pn_xchg32(vcpus[id]->work, 1))
		px_send(pu_cpu(), WORK_VECTOR);
}

void pu_work_sync(int id)
{
	pn_settle();
	px_sleep(vcpus[id]->work, "irq_work_sync()");
}

void pu_wakeup_handler(void (*fn)(void))
{
	pn_settle();
	pn_xchg64(handler, (uintptr_t)fn);
}

/* sysvec_kvm_posted_intr_wakeup_ipi() */
void am_wakeup_interrupt(void)
{
	uint64_t fn = pn_ld64(handler);

	if (fn)
		((void (*)(void))(uintptr_t)fn)();
	pn_settle();
}

int pu_highest_irr(int id)
{
	pn_settle();
	for (int word = 7; word >= 0; word--) {
		uint32_t bits = pn_ld32(&vcpus[id]->apic[(PN_APIC_IRR + 16 * word) / 4]);

		if (bits)
			return 32 * word + 31 - __builtin_clz(bits);
	}
	return -1;
}

int pu_deliverable(int id)
{
	pn_settle();
	return am_deliverable(vcpus[id]) ? am_vector(machine.masked) : -1;
}

void pu_gone(const void *p, unsigned long size, const char *what)
{
	pn_settle();
	px_kill(p, size, "P6", what);
}

/* Handlers run with interrupts off, and so count as readers. */
void pu_synchronize_rcu(void)
{
	pn_settle();
	if (px.current < 0)
		return;
	for (int c = 0; c < (int)machine.cpus; c++)
		px_sleep(&in_irq[c * AM_WORDS_OF_LINE], "synchronize_rcu()");
}

#define DOORBELL 0xC001011B /* MSR_AMD64_SVM_AVIC_DOORBELL */

void pn_machine_wrmsr(uint32_t msr, uint64_t v)
{
	if (msr == DOORBELL)
		bus.doorbell(NULL, (uint32_t)v);
	else
		pn_not_finished("Linux writes MSR %x", msr);
}

void pu_change(int begin)
{
	if (!machine.whole || px.current < 0)
		return;
	pn_settle();
	if (begin)
		px_device_enter(whole);
	else
		px_device_leave(whole);
}

void am_build_linux(void)
{
	handler = px_alloc(64, 64);
	px_name(handler, 8, "the wakeup vector's handler");
	whole = px_alloc(64, 64);
	px_name(whole, 4, "what the IRTEs say");
}
