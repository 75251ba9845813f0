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

#include "postern/vtd.h"
#include "postern/x86.h"

#include "engine.h"
#include "machine.h"
#include "machine_data.h"
#include "machine_vmcs.h"

#define DEVID	  0x0100
#define MAX_POSTS 4

extern char __start_pcpu[], __stop_pcpu[];
extern unsigned long __per_cpu_offset[];

struct mi_machine machine = {.vcpus = 1, .posts = 2};

static const struct {
	const char *name;
	bool *flag;
} words[] = {
	{"preempted", &machine.preempted}, {"migrates", &machine.migrates},
	{"offline", &machine.offline},	   {"detached", &machine.detached},
	{"sender", &machine.sender},	   {"spins", &machine.spins},
	{"inhibited", &machine.inhibited},
};

struct vcpu *vcpus[PK_VCPUS];
static struct pn_vtd *vtd;
struct pn_bus mi_bus;
static struct pn_virte_raw *entries;
static void *vm;
static unsigned long *bypass;
static struct pn_lock *entry; /* an attach or detach, or a post, at a time */

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

static void device(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < machine.posts; i++) {
		struct pn_msi msi = {.devid = DEVID};

		pn_vtd_msi_encode((uint16_t)i, 0, &msi.addr, &msi.data);
		if (machine.detached)
			px_device_enter(entry);
		if (pn_vtd_msi(vtd, &msi) != PN_MSI_POSTED)
			px_fail("P4", "the unit did not post MSI %u", i);
		if (machine.detached)
			px_device_leave(entry);
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

static void *map(void *ctx, uint64_t pa, size_t len)
{
	char *p = (char *)(uintptr_t)(pa - pk_pa(NULL));

	(void)ctx;
	return p >= px.arena && p + len <= px.arena + px.arena_size ? p : NULL;
}

/* Linux leaves the handlers of all vectors but one empty outside of a guest. */
static void interrupt(void *arg, uint8_t vector)
{
	int cpu = px.thread[px.current].cpu;
	bool posted = mi_posted(cpu, vector);

	(void)arg;
	mi_poke(cpu);
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

/*
 * The only device leaves the VM and comes back: kvm_arch_irq_bypass_del_producer() and
 * _add_producer(). Meanwhile its entries do not post.
 */
static void detach(void *arg)
{
	(void)arg;
	px_device_enter(entry);
	px_doing("the device leaves the VM");
	pn_xchg64((uint64_t *)bypass, 0);
	px_doing("the device comes back");
	pn_xchg64((uint64_t *)bypass, 1);
	pk_start_bypass(vm);
	pn_settle();
	px_device_leave(entry);
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
}

static void build_vcpus(void)
{
	vm = px_alloc(pk_vm_size(), 64);
	entry = px_alloc(64, 64);
	px_name(entry, 4, "what the IRTEs say");
	pk_vm_init(vm, machine.posts > 0);
	bypass = pk_bypass(vm);
	px_name(bypass, 8, "nr_possible_bypass_irqs");
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

static void build_unit(void)
{
	struct pn_vtd_config hw;

	mi_bus = (struct pn_bus){.map = map, .intr = deliver};
	pn_vtd_config_default(&hw);
	hw.bus = &mi_bus;
	hw.irte_cache = 8;
	pn_vtd_create(&hw, &vtd);
	entries = px_alloc(4096, 4096);
	for (unsigned i = 0; i < machine.posts; i++) {
		const struct pn_virte e = {.p = true,
					   .im = true,
					   .pid = pk_pa(vcpus[i % machine.vcpus]->pid),
					   .vector = (uint8_t)(MI_VECTOR + i),
					   .sid = DEVID,
					   .svt = PN_SVT_SID};

		entries[i] = pn_virte_encode(&e, true);
	}
	pn_vtd_write(vtd, PN_VTD_IRTA, 8, pk_pa(entries) | PN_VTD_IRTA_EIME | 2);
	pn_vtd_write(vtd, PN_VTD_GCMD, 4, PN_VTD_G_SIRTP);
	pn_vtd_write(vtd, PN_VTD_GCMD, 4, PN_VTD_G_IRE);
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
	build_unit();
	if (machine.posts)
		px_thread("IOMMU", -1, device, NULL);
	if (machine.sender)
		px_thread("sender", 1, sender, NULL);
	if (machine.offline)
		px_thread("hotplug", 0, go_offline, NULL);
	if (machine.detached)
		px_thread("detach", 1, detach, NULL);
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

/* No unit of this machine is accessed by Linux. */
uint64_t pn_reg_read(const volatile void *addr, unsigned size)
{
	(void)addr;
	(void)size;
	pn_not_finished("Linux reads a register");
	return 0;
}

void pn_reg_write(volatile void *addr, unsigned size, uint64_t v)
{
	(void)addr;
	(void)size;
	(void)v;
	pn_not_finished("Linux writes a register");
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
