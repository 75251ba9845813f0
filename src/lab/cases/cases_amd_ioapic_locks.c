/* SPDX-License-Identifier: MIT */
/* Under which lock the hypervisor wakes vCPUs. */
#include "cases_amd_ioapic.h"

static void sleeps(void)
{
	pn_svm_blocking(rig->vcpu[0].h, &rig->cpu[0]);
	rig->vcpu[0].task.sleeping = 1;
	rig->vcpu[0].h->woken = 0;
	host_wakes = 0;
}

static void woke(const struct pn_lock *lock, unsigned n, const char *what)
{
	rig_want(host_wakes == n && !rig->vcpu[0].task.sleeping == !!n && !lock->held, "P1", what);
	host_want = NULL;
	pn_svm_unblocking(rig->vcpu[0].h, &rig->cpu[0]);
}

static void locks(void)
{
	struct pn_svm_vcpu *v = &amd->vcpu[0];
	struct pn_host_cpu *c = &rig->cpu[1];

	pn_svm_load(&v->h, &rig->cpu[0]);
	sleeps();
	host_want = &amd->vm[0].apic_lock;
	pn_svm_inhibit(rig->vm, c, PN_INHIBIT_SEV, true);
	host_want = NULL;
	pn_svm_inhibit(rig->vm, c, PN_INHIBIT_SEV, false);
	woke(&amd->vm[0].apic_lock, 2, "an inhibit wakes");
	sleeps();
	host_want = &amd->vm[0].apic_lock;
	pn_svm_nested(v, c, true);
	pn_svm_nested(v, c, true);
	pn_svm_nested(v, c, false);
	woke(&amd->vm[0].apic_lock, 2, "a nested guest wakes");
	sleeps();
	host_want = &amd->vm[0].apic_lock;
	pn_svm_irq_window(v, c, true);
	pn_svm_irq_window(v, c, false);
	woke(&amd->vm[0].apic_lock, 2, "a window wakes");
	sleeps();
	host_want = &amd->vm[0].apic_lock;
	pn_svm_apic_write(&amd->vcpu[1], c, PN_APIC_ID, 9u << 24);
	host_want = NULL;
	pn_svm_apic_write(&amd->vcpu[1], c, PN_APIC_ID, 1u << 24);
	woke(&amd->vm[0].apic_lock, 2, "IDs wake");
}

/* Of its list, of its entries. */
static void list_locks(void)
{
	struct pn_svm_vcpu *v = &amd->vcpu[0];
	struct pn_host_cpu *c = &rig->cpu[1];

	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, &v->h, 0x41, c);
	sleeps();
	host_want = &rig->cpu[0].wake_lock;
	pn_vapic_set(v->h.page, PN_APIC_IRR, 0x91);
	pn_irq_off(rig->cpu[0].agent);
	pn_svm_wakeup_irq(&amd->svm.hyp, &rig->cpu[0]);
	pn_irq_on(rig->cpu[0].agent);
	rig_want(!rig->cpu[0].in_handler, "P6", "the handler does not say that it ended");
	woke(&rig->cpu[0].wake_lock, 1, "a GAPPI wakes");
	sleeps();
	host_want = &v->ir_lock;
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, c);
	woke(&v->ir_lock, 1, "a detach wakes");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, &v->h, 0x41, c);
	sleeps();
	host_want = &v->ir_lock;
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, &v->h, 0x41, c);
	woke(&v->ir_lock, 1, "an attach wakes");
	pn_vapic_clear(v->h.page, PN_APIC_IRR, 0x91);
	sleeps();
	host_want = &rig->cpu[0].wake_lock;
	pn_svm_cpu_offline(&amd->svm.hyp, &rig->cpu[0], c);
	rig_want(v->h.requests & PN_REQ_UNBLOCK && !rig->cpu[0].online, "P1",
		 "a CPU that goes asks nobody");
	woke(&rig->cpu[0].wake_lock, 1, "a CPU that goes wakes");
	pn_svm_cpu_online(&amd->svm.hyp, &rig->cpu[0]);
	rig_want(rig->cpu[0].online == 1 && !(v->h.requests & PN_REQ_UNBLOCK), "P1",
		 "a CPU that comes back");
}

static void log_locks(void)
{
	struct pn_svm_vcpu *v = &amd->vcpu[0];
	struct pn_agent *self = rig->cpu[1].agent;
	const struct pn_ga_notifier *n = &amd->iommus.notifier;

	sleeps();
	host_want = &amd->svm.vm_lock;
	n->entry(n->ctx, self, pn_svm_ga_tag(v));
	n->entry(n->ctx, self, pn_svm_ga_tag(v));
	n->entry(n->ctx, self, pn_svm_ga_tag(v) + 7);
	woke(&amd->svm.vm_lock, 1, "an entry of the log wakes");
	sleeps();
	host_want = &amd->svm.vm_lock;
	n->overflow(n->ctx, self);
	host_want = &v->ir_lock;
	n->overflow(n->ctx, self);
	woke(&v->ir_lock, 2, "an overflow wakes");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, &rig->cpu[1]);
	sleeps();
	n->overflow(n->ctx, self);
	woke(&v->ir_lock, 0, "an overflow wakes a vCPU without entries");
	rig->vcpu[0].task.sleeping = 1;
	host_wakes = 0;
	n->overflow(n->ctx, self);
	rig_want(!host_wakes, "P5", "an overflow wakes a vCPU that runs");
}

void host_locks(void)
{
	locks();
	list_locks();
	log_locks();
}
