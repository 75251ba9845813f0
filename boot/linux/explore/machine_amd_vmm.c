/* SPDX-License-Identifier: MIT */
/* The machine of AMD: what acts besides vCPUs and devices: the VMM, hotplug, the end of a VM. */
#include "engine.h"
#include "machine_amd.h"

void am_route(unsigned irq, int id)
{
	pk_route(vm[id], (int)irq, id, am_vector(irq));
	pn_settle();
}

void am_attach(unsigned irq)
{
	pk_attach((int)irq);
	pn_settle();
}

static void detach(unsigned irq)
{
	pk_detach((int)irq);
	pn_settle();
}

static void attach(void *arg)
{
	(void)arg;
	px_doing("the device comes to the VM");
	for (unsigned i = 0; i < machine.posts && machine.attach; i++)
		am_attach(i);
	px_doing("the device leaves the VM");
	for (unsigned i = 0; i < machine.posts && machine.detach; i++)
		detach(i);
}

/* The end of the VM: its task first, then its devices, then its memory. */
static void destroy(void *arg)
{
	struct vcpu *v = vcpus[0];

	(void)arg;
	px_doing("kills the task of the vCPU");
	pn_xchg32(v->alive, 2);
	pn_xchg32(v->task.asleep, 0);
	px_sleep(v->alive, "the task has ended");
	px_doing("destroys the VM");
	for (unsigned i = 0; i < machine.posts; i++)
		detach(i);
	pk_vm_destroy(vm[0], v->svm);
	pn_settle();
	px_kill(v->svm, pk_vcpu_size(), "P6", "vCPU 0");
	if (!machine.unload)
		return;
	px_doing("unloads the module");
	pk_unload();
	pn_settle();
}

static void retarget(void *arg)
{
	(void)arg;
	px_doing("the guest moves interrupt 0 to vCPU 1");
	am_route(0, 1);
}

/*
 * No task runs there any more. What sleeps there is nothing that hotplug looks at. The callback for
 * a dead CPU comes on another one.
 */
static void hotplug(void *arg)
{
	(void)arg;
	px_doing("CPU 0 goes offline");
	mt_stop_cpu(0);
	px_irq(NULL, false, PX_SITE("interrupts off"));
	mt_set_offline(0);
	px_irq(NULL, true, PX_SITE("interrupts on"));
	mt_cpu_is_offline(0);
	px_migrate(1);
	pn_moved();
	pk_cpu_dead(0);
	pn_settle();
}

/* KVM_REQ_APICV_UPDATE, and the kick of the vCPU. */
static void inhibit(void *arg)
{
	struct vcpu *v = vcpus[0];

	(void)arg;
	px_doing("AVIC of vCPU 0 is inhibited");
	pn_xchg32(v->inhibit, 1);
	pn_xchg32(v->task.asleep, 0);
	if (machine.stays)
		return;
	px_doing("and no more");
	pn_xchg32(v->inhibit, 0);
	pn_xchg32(v->task.asleep, 0);
}

void am_build_agents(void)
{
	if (machine.attach || machine.detach)
		px_thread("VMM", 1, attach, NULL);
	if (machine.retarget)
		px_thread(machine.attach ? "VMM 2" : "VMM", 1, retarget, NULL);
	if (machine.destroy)
		px_thread("VMM", 1, destroy, NULL);
	if (machine.offline)
		px_thread("hotplug", 0, hotplug, NULL);
	if (machine.inhibit)
		px_thread("VMM", 1, inhibit, NULL);
}
