/* SPDX-License-Identifier: MIT */
/*
 * The machine that Linux's functions run in: two CPUs, a VT-d unit with a device (src/hw/intel),
 * vCPUs that block whenever they have nothing to do, and what else a case has.
 *
 * What is restated here in few lines, and is not Linux's code: the order of kvm_vcpu_block() and
 * schedule() around the functions explored, vmx_sync_pir_to_irr(), try_to_wake_up().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/pid.h"
#include "postern/vtd.h"

#include "engine.h"
#include "harness.h"
#include "kernel.h"

#define VECTOR_BASE 0x41
#define DEVID	    0x0100
#define MAX_VCPUS   2
#define MAX_POSTS   4

extern char __start_pcpu[], __stop_pcpu[];
extern unsigned long __per_cpu_offset[];

struct vcpu {
	void *linux_vcpu;
	struct pn_pid *pid;
	/* What other threads access, in lines of their own. */
	uint32_t *asleep;  /* the task's state: 1 TASK_INTERRUPTIBLE */
	uint32_t *request; /* KVM_REQ_UNBLOCK */
	uint32_t *vectors; /* that reached the IRR, VECTOR_BASE + bit */
	int cpu;
};

/* What a case has besides one vCPU on CPU 0 and a device with two vectors. */
static struct {
	unsigned vcpus, posts;
	bool preempted; /* also while it is about to block */
	bool migrates;	/* wakes up on the other CPU */
	bool offline;	/* CPU 0 goes away while vCPUs sleep on its list */
	bool detached;	/* the only device leaves the VM, and comes back */
} machine = {.vcpus = 1, .posts = 2};

static const struct {
	const char *name;
	bool *flag;
} words[] = {
	{"preempted", &machine.preempted},
	{"migrates", &machine.migrates},
	{"offline", &machine.offline},
	{"detached", &machine.detached},
};

static struct vcpu vcpus[MAX_VCPUS];
static struct pn_vtd *vtd;
static struct pn_bus bus;
static struct pn_virte_raw *entries;
static struct pn_lock *run[PK_CPUS]; /* one task at a time on a CPU */
static uint32_t *online;
static void *vm;
static unsigned long *bypass;
static struct pn_lock *entry; /* an attach or detach, or a post, at a time */

/* ---- what kernel.c calls ---- */

int pu_wake(int id)
{
	pn_settle();
	return (int)pn_xchg32(vcpus[id].asleep, 0);
}

/* kvm_make_request(), and the kick of a vCPU that sleeps. */
void pu_request(int unblock)
{
	if (!unblock)
		pu_stub("kvm_make_all_cpus_request() with another request than UNBLOCK");
	pn_settle();
	for (unsigned i = 0; i < machine.vcpus; i++) {
		pn_xchg32(vcpus[i].request, 1);
		pn_xchg32(vcpus[i].asleep, 0);
	}
}

/* ---- a vCPU's task ---- */

/* vmx_sync_pir_to_irr(); true if the IRR has something. */
static bool sync_pir(struct vcpu *v)
{
	bool found = false;

	if (!(pn_ld64(&v->pid->control) & PN_PID_ON))
		return false;
	pn_and64(&v->pid->control, ~PN_PID_ON);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t bits = pn_ld64(&v->pid->pir[i]) ? pn_xchg64(&v->pid->pir[i], 0) : 0;

		if (!bits)
			continue;
		found = true;
		for (unsigned b = 0; b < 64; b++)
			if (bits >> b & 1)
				pn_st32(v->vectors,
					pn_ld32(v->vectors) | 1u << (i * 64 + b - VECTOR_BASE));
	}
	return found;
}

/* CPUs matter as such only if there are more tasks than one, or if one goes away. */
static bool scheduled(void)
{
	return machine.vcpus > 1 || machine.offline;
}

/* Waits until the task may run on its CPU; on the other one if that is gone. */
static void take_cpu(struct vcpu *v)
{
	if (!scheduled())
		return;
	pn_lock_take(run[v->cpu]);
	if (pn_ld32(&online[v->cpu]))
		return;
	pn_lock_drop(run[v->cpu]);
	v->cpu = 1 - v->cpu;
	px_migrate(v->cpu);
	pn_moved();
	pn_lock_take(run[v->cpu]);
}

static void give_cpu(int cpu)
{
	if (scheduled())
		pn_lock_drop(run[cpu]);
}

static void switch_out(struct vcpu *v, int preempted)
{
	px_irq(NULL, false, PX_SITE("interrupts off"));
	pk_sched_out(v->linux_vcpu, preempted);
	pn_settle();
	px_irq(NULL, true, PX_SITE("interrupts on"));
}

static void switch_in(struct vcpu *v)
{
	pk_sched_in(v->linux_vcpu, v->cpu);
	pn_settle();
}

static void preempt(struct vcpu *v)
{
	px_doing("preempted");
	switch_out(v, 1);
	switch_in(v);
	px_doing("");
}

/* schedule() with the state TASK_INTERRUPTIBLE. */
static void schedule(struct vcpu *v)
{
	int from = v->cpu;

	px_irq(NULL, false, PX_SITE("interrupts off"));
	if (!pn_ld32(v->asleep)) {
		px_irq(NULL, true, PX_SITE("interrupts on"));
		return;
	}
	px_doing("switched out");
	pk_sched_out(v->linux_vcpu, 0);
	pn_settle();
	give_cpu(from);
	px_irq(NULL, true, PX_SITE("interrupts on"));
	px_sleep(v->asleep, "vCPU");
	if (machine.migrates)
		v->cpu = 1 - v->cpu;
	px_migrate(v->cpu);
	pn_moved();
	take_cpu(v);
	px_doing("switched in");
	switch_in(v);
	px_doing("");
}

/* kvm_vcpu_block(): until the IRR has something. */
static void block(struct vcpu *v)
{
	pk_blocking(v->linux_vcpu, 1);
	for (;;) {
		pn_xchg32(v->asleep, 1);
		if (machine.preempted)
			preempt(v);
		if (sync_pir(v) || (machine.detached && pn_xchg32(v->request, 0)))
			break;
		schedule(v);
	}
	pn_st32(v->asleep, 0);
	pk_blocking(v->linux_vcpu, 0);
}

static void vcpu(void *arg)
{
	struct vcpu *v = arg;

	take_cpu(v);
	switch_in(v);
	for (;;) {
		if (machine.preempted)
			preempt(v);
		sync_pir(v); /* the entry into the guest, which halts */
		block(v);
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
	if (machine.offline && !pn_ld32(&online[intr->dest]))
		return; /* no processor there takes it */
	px_send((int)intr->dest, intr->vector);
}

static void *map(void *ctx, uint64_t pa, size_t len)
{
	char *p = (char *)(uintptr_t)(pa - pk_pa(NULL));

	(void)ctx;
	return p >= px.arena && p + len <= px.arena + px.arena_size ? p : NULL;
}

/* Linux leaves the notification vector's handler empty outside of a guest. */
static void interrupt(void *arg, uint8_t vector)
{
	(void)arg;
	if (vector != pk_posted_wakeup_vector())
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
	pn_lock_take(run[0]);
	px_irq(NULL, false, PX_SITE("interrupts off"));
	pn_xchg32(&online[0], 0);
	pk_cpu_offline(0);
	pn_settle();
	px_irq(NULL, true, PX_SITE("interrupts on"));
	pn_lock_drop(run[0]);
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

/* ---- building ---- */

static void build_cpus(void)
{
	size_t size = (size_t)(__stop_pcpu - __start_pcpu);

	for (int c = 0; c < PK_CPUS; c++) {
		char *copy = px_alloc(size, 64);

		memcpy(copy, __start_pcpu, size);
		__per_cpu_offset[c] = (unsigned long)(copy - __start_pcpu);
		pk_cpu_init(c);
		run[c] = px_alloc(64, 64);
		pu_name(copy, size, "wakeup_vcpus_on_cpu, its lock: per-CPU data of CPU", c);
		pu_name(run[c], 4, "the run queue of CPU", c);
	}
	online = px_alloc(64, 64);
	online[0] = online[1] = 1;
	px_name(online, 4, "CPU 0 online");
}

static void build_vcpus(void)
{
	vm = px_alloc(pk_vm_size(), 64);
	entry = px_alloc(64, 64);
	px_name(entry, 4, "what the IRTEs say");
	pk_vm_init(vm);
	bypass = pk_bypass(vm);
	px_name(bypass, 8, "nr_possible_bypass_irqs");
	for (unsigned i = 0; i < machine.vcpus; i++) {
		struct vcpu *v = px_alloc(sizeof(*v), 64);

		v->linux_vcpu = px_alloc(pk_vcpu_size(), 4096);
		v->asleep = px_alloc(64, 64);
		v->request = px_alloc(64, 64);
		v->vectors = px_alloc(64, 64);
		pk_vcpu_init(v->linux_vcpu, vm, (int)i, 0);
		v->pid = pk_pid(v->linux_vcpu);
		pk_name_vcpu(v->linux_vcpu, (int)i);
		pu_name(v->asleep, 4, "task asleep, vCPU", (int)i);
		pu_name(v->request, 4, "KVM_REQ_UNBLOCK of vCPU", (int)i);
		pu_name(v->vectors, 4, "IRR of vCPU", (int)i);
		vcpus[i] = *v;
		px_thread(i ? "vCPU 1" : "vCPU 0", 0, vcpu, v);
	}
}

static void build_unit(void)
{
	struct pn_vtd_config hw;

	bus = (struct pn_bus){.map = map, .intr = deliver};
	pn_vtd_config_default(&hw);
	hw.bus = &bus;
	hw.irte_cache = 8;
	pn_vtd_create(&hw, &vtd);
	entries = px_alloc(4096, 4096);
	for (unsigned i = 0; i < machine.posts; i++) {
		const struct pn_virte e = {.p = true,
					   .im = true,
					   .pid = pk_pa(vcpus[i % machine.vcpus].pid),
					   .vector = (uint8_t)(VECTOR_BASE + i),
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
	pn_memory_start();
	build_cpus();
	build_vcpus();
	build_unit();
	px_thread("IOMMU", -1, device, NULL);
	if (machine.offline)
		px_thread("hotplug", 0, go_offline, NULL);
	if (machine.detached)
		px_thread("detach", 1, detach, NULL);
	px_handler("CPU 0 irq", 0, interrupt, NULL);
	px_handler("CPU 1 irq", 1, interrupt, NULL);
}

/* ---- what must hold when nothing moves any more ---- */

static const char *check(void *arg, char *text, unsigned size)
{
	(void)arg;
	for (unsigned i = 0; i < machine.vcpus; i++) {
		const struct vcpu *v = &vcpus[i];
		uint32_t want = 0;

		for (unsigned p = i; p < machine.posts; p += machine.vcpus)
			want |= 1u << p;
		if (*v->asleep &&
		    (v->pid->pir[0] | v->pid->pir[1] | v->pid->pir[2] | v->pid->pir[3])) {
			snprintf(text, size,
				 "vCPU %u sleeps and its PIR is not empty (PID control %llx)", i,
				 (unsigned long long)v->pid->control);
			return "P1";
		}
		if (*v->vectors != want) {
			snprintf(text, size, "vCPU %u got interrupts %x of %x", i, *v->vectors,
				 want);
			return "P4";
		}
	}
	return NULL;
}

void pn_machine_start(void)
{
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
