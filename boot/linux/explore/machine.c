/* SPDX-License-Identifier: MIT */
/*
 * The machine that Linux's functions run in: two CPUs, a VT-d unit with a device (src/hw/intel),
 * vCPUs that block whenever they have nothing to do, and what else a case has.
 *
 * What is restated here in few lines, and is not Linux's code: the way into the guest and out of it
 * (vcpu_run()), a CPU that goes offline; and the scheduler (machine_task.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/x86.h"

#include "engine.h"
#include "kernel_device.h"
#include "kernel_vtd.h"
#include "machine.h"
#include "machine_data.h"
#include "machine_vmcs.h"
#include "machine_vtd.h"

#define HOST_VECTOR 0x31 /* of a device's interrupt that is not posted; the next: of post 1 */
#define HOST_CPU    1

extern char __start_pcpu[], __stop_pcpu[];
extern unsigned long __per_cpu_offset[];

struct mi_machine machine = {.vcpus = 1, .posts = 2};

static const struct {
	const char *name;
	bool *flag;
} words[] = {
	{"preempted", &machine.preempted}, {"migrates", &machine.migrates},
	{"offline", &machine.offline},	   {"leaves", &machine.leaves},
	{"comes", &machine.comes},	   {"sender", &machine.sender},
	{"spins", &machine.spins},	   {"inhibited", &machine.inhibited},
	{"ipiv", &machine.ipiv},
};

struct vcpu *vcpus[PK_VCPUS];
static void *vm;
static struct pn_msi msis[PK_IRQS];

/* ---- what kernel.c calls ---- */

/* That of the running thread. */
static struct vcpu *this_vcpu(void)
{
	if (px.current < 0 || px.current >= (int)machine.vcpus) {
		pn_not_finished("Linux looks for the current task where no vCPU runs");
		return NULL;
	}
	return vcpus[px.current];
}

void *pu_current(void)
{
	return this_vcpu()->linux_task;
}

void pu_schedule(unsigned long pc)
{
	(void)pc;
	mt_schedule(&this_vcpu()->task);
}

void pu_preemptible(void)
{
	if (machine.preempted)
		mt_preempt(&this_vcpu()->task);
}

int pu_wake(void *task)
{
	for (unsigned i = 0; i < machine.vcpus; i++)
		if (vcpus[i]->linux_task == task)
			return mt_wake(&vcpus[i]->task);
	pn_not_finished("Linux wakes a task that is none of a vCPU");
	return 0;
}

/* The CPUs of @mask are to leave their guests; an IPI whose handler is empty. */
void pu_send(unsigned long mask, int vector)
{
	pn_settle();
	for (int c = 0; c < PK_CPUS; c++)
		if (mask >> c & 1 && mt_is_online(c))
			px_send(c, (uint8_t)vector);
}

void pu_store(int *p, int v)
{
	pn_settle();
	pn_st32((uint32_t *)p, (uint32_t)v);
}

void pu_unread(const void *p, unsigned long size)
{
	pn_unread(p, size);
}

uint16_t *pn_vmcs_intr_status(void)
{
	return &this_vcpu()->intr_status;
}

/* ---- a vCPU's task ---- */

void mt_load(struct mt_task *t)
{
	pk_sched_in(((struct vcpu *)t)->linux_vcpu, (int)t->cpu);
}

void mt_put(struct mt_task *t, int preempted)
{
	struct vcpu *v = (struct vcpu *)t;

	pk_sched_out(v->linux_vcpu, v->linux_task, preempted);
}

void mt_preempted(struct mt_task *t)
{
	(void)t;
}

/* vcpu_run() */
static void vcpu(void *arg)
{
	struct vcpu *v = arg;

	mt_start(&v->task);
	for (;;) {
		if (machine.preempted)
			mt_preempt(&v->task);
		mi_guest(v);
		while (!pk_block(v->linux_vcpu))
			pn_settle();
		pn_settle();
	}
}

/* ---- hardware ---- */

static bool may_be_remapped(void)
{
	return machine.comes || machine.leaves;
}

static void device(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < machine.posts; i++) {
		enum pn_msi_result r = mv_msi(&msis[i]);

		if (r != PN_MSI_POSTED && (r != PN_MSI_REMAPPED || !may_be_remapped()))
			px_fail("P4", "the unit did not post MSI %u", i);
	}
}

static void deliver(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	if (intr->dest >= PK_CPUS) {
		px_fail("P4", "a notification goes to APIC ID %u, which does not exist",
			intr->dest);
		return;
	}
	if (!mt_is_online((int)intr->dest))
		return; /* no processor there takes it */
	px_send((int)intr->dest, intr->vector);
}

/* The irqfd of an interrupt that was not posted: KVM delivers it. */
static void inject(unsigned i)
{
	px_doing("the host has an interrupt of the device");
	pk_deliver(vcpus[i % machine.vcpus]->linux_vcpu, MI_VECTOR + (int)i);
	pn_settle();
}

/* Of the other vectors Linux leaves the handlers empty outside of a guest. */
static void interrupt(void *arg, uint8_t vector)
{
	int cpu = px.thread[px.current].cpu;
	bool posted = mi_posted(cpu, vector);

	(void)arg;
	mi_poke(cpu);
	if (vector >= HOST_VECTOR && vector < HOST_VECTOR + machine.posts)
		inject(vector - HOST_VECTOR);
	if (posted || vector != pk_posted_wakeup_vector())
		return;
	px_doing("pi_wakeup_handler");
	pk_wakeup_handler();
	pn_settle();
}

/* ---- other agents ---- */

/* No task runs there any more. What sleeps there is nothing that hotplug looks at. */
static void go_offline(void *arg)
{
	(void)arg;
	px_doing("CPU 0 goes offline");
	mt_stop_cpu(0);
	px_irq(NULL, false, PX_SITE("interrupts off"));
	mt_set_offline(0);
	pk_cpu_offline(0);
	pn_settle();
	px_irq(NULL, true, PX_SITE("interrupts on"));
	mt_cpu_is_offline(0);
}

/* Meanwhile its interrupts go to the host. */
static void vmm(void *arg)
{
	(void)arg;
	px_doing("the device leaves the VM");
	for (unsigned i = 0; i < machine.posts && machine.leaves; i++)
		pk_detach((int)i);
	px_doing("the device comes to the VM");
	for (unsigned i = 0; i < machine.posts && machine.comes; i++)
		pk_attach((int)i);
	pn_settle();
}

/* As an IPI of another vCPU, or an irqfd. */
static void sender(void *arg)
{
	(void)arg;
	px_doing("delivers an interrupt to vCPU 0");
	pk_deliver(vcpus[0]->linux_vcpu, MI_VECTOR + (int)machine.posts);
	pn_settle();
}

/* ---- building ---- */

/* The interrupts of vCPU @i. */
static uint32_t expected(unsigned i)
{
	uint32_t want = i == 0 && machine.sender ? 1u << machine.posts : 0;

	for (unsigned p = i; p < machine.posts; p += machine.vcpus)
		want |= 1u << p;
	return want;
}

static void build_cpus(void)
{
	size_t size = (size_t)(__stop_pcpu - __start_pcpu);

	for (int c = 0; c < PK_CPUS; c++) {
		char *copy = px_alloc(size, 64);

		memcpy(copy, __start_pcpu, size);
		__per_cpu_offset[c] = (unsigned long)(copy - __start_pcpu);
		pk_cpu_init(c);
		pu_name(copy, size, "wakeup_vcpus_on_cpu, its lock: per-CPU data of CPU", c);
	}
	mt.shared = machine.vcpus > 1;
	mt.offline = machine.offline;
	mt.migrate = machine.migrates;
	mt_build();
	pn_set_gs(__per_cpu_offset[0]);
}

static void build_vcpus(void)
{
	vm = px_alloc(pk_vm_size(), 64);
	if (machine.ipiv)
		pk_ipi_virtualization();
	pk_vm_init(vm);
	px_name(pk_bypass(vm), 8, "nr_possible_bypass_irqs");
	for (unsigned i = 0; i < machine.vcpus; i++) {
		struct vcpu *v = px_alloc(sizeof(*v), 64);

		vcpus[i] = v;
		v->linux_vcpu = px_alloc(pk_vcpu_size(), 4096);
		v->linux_task = px_alloc(pk_task_size(), 64);
		pk_task_init(v->linux_task);
		v->task.asleep = pk_task_state(v->linux_task);
		v->vectors = px_alloc(64, 64);
		v->waits = px_alloc(64, 64);
		v->injected = -1;
		v->want = expected(i);
		pk_vcpu_init(v->linux_vcpu, vm, (int)i, 0, !(machine.inhibited && i == 0));
		v->pid = pk_pid(v->linux_vcpu);
		v->apic = pk_apic(v->linux_vcpu);
		v->mode = pk_mode(v->linux_vcpu);
		v->requests = pk_requests(v->linux_vcpu);
		pk_name_vcpu(v->linux_vcpu, (int)i);
		mt_name(&v->task, (int)i);
		pu_name(v->vectors, 4, "interrupts that the guest got, vCPU", (int)i);
		pu_name(v->waits, 4, "waits in the guest, vCPU", (int)i);
		px_thread(i ? "vCPU 1" : "vCPU 0", 0, vcpu, v);
	}
}

/* The device is in the VM, unless it comes later. */
static void build_device(void)
{
	for (unsigned i = 0; i < machine.posts; i++) {
		unsigned vcpu = i % machine.vcpus, data;
		unsigned long addr;

		pk_irq((int)i, HOST_VECTOR + (int)i, HOST_CPU);
		pk_message((int)i, &addr, &data);
		msis[i] = (struct pn_msi){.addr = addr, .data = data, .devid = PK_DEVID};
		pk_irqfd((int)i, vm, (int)vcpu, MI_VECTOR + (int)i);
		if (!machine.comes || machine.leaves)
			pk_attach((int)i);
	}
	for (unsigned i = 0; i < machine.vcpus; i++)
		*vcpus[i]->requests = 0;
}

static void setup(void *arg)
{
	(void)arg;
	pn_hooks_start();
	pn_build_data();
	pn_name_data();
	pn_memory_start();
	build_cpus();
	mi_build_cores();
	build_vcpus();
	mv_build(deliver, true);
	build_device();
	if (machine.posts)
		px_thread("IOMMU", -1, device, NULL);
	if (machine.sender)
		px_thread("sender", 1, sender, NULL);
	if (machine.offline)
		px_thread("hotplug", 0, go_offline, NULL);
	if (machine.comes || machine.leaves)
		px_thread("VMM", 1, vmm, NULL);
	px_handler("CPU 0 irq", 0, interrupt, NULL);
	px_handler("CPU 1 irq", 1, interrupt, NULL);
}

/* ---- what must hold when nothing moves any more ---- */

/* In the PIR, or in the IRR. */
static bool pending(const struct vcpu *v)
{
	bool irr = false;

	for (unsigned word = 0; word < 8; word++)
		irr |= v->apic[(PN_APIC_IRR + 16 * word) / 4] != 0;
	return irr || v->pid->pir[0] | v->pid->pir[1] | v->pid->pir[2] | v->pid->pir[3];
}

static const char *check(void *arg, char *text, unsigned size)
{
	(void)arg;
	for (unsigned i = 0; i < machine.vcpus; i++) {
		const struct vcpu *v = vcpus[i];

		if ((*v->task.asleep || *v->waits) && pending(v)) {
			snprintf(text, size,
				 "vCPU %u %s and its %s is not empty (PID control %llx)", i,
				 *v->waits ? "waits in the guest" : "sleeps",
				 v->pid->pir[0] | v->pid->pir[1] ? "PIR" : "IRR",
				 (unsigned long long)v->pid->control);
			return "P1";
		}
		if (*v->vectors != v->want) {
			snprintf(text, size, "vCPU %u got interrupts %x of %x", i, *v->vectors,
				 v->want);
			return "P4";
		}
	}
	return NULL;
}

bool pn_machine_take(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i].name))
			return *words[i].flag = true;
	return sscanf(word, "vcpus=%u", &machine.vcpus) == 1 ||
	       sscanf(word, "posts=%u", &machine.posts) == 1;
}

struct px_program pn_machine_program(void)
{
	return (struct px_program){setup, check, NULL};
}
