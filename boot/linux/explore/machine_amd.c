/* SPDX-License-Identifier: MIT */
/*
 * The machine that Linux's functions run in, of AMD: two CPUs with AVIC and IOMMUs with a guest
 * APIC log (src/hw/amd), a device behind each IOMMU, vCPUs that block whenever they have nothing to
 * do, and what else a case has.
 *
 * What is restated here in few lines, and is not Linux's code: the order of kvm_vcpu_block() and
 * schedule() around the functions explored, the search of the IRR, rcuwait_wake_up(), the thread of
 * a threaded interrupt.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/amdvi.h"
#include "postern/avic.h"

#include "engine.h"
#include "harness.h"
#include "kernel_amd.h"

#define VECTOR_BASE 0x41
#define HOST_VECTOR 0x31 /* of a device's interrupt that is not posted */
#define LOG_VECTOR  0x21 /* of the log of IOMMU 0; the next: of IOMMU 1 */
#define LOG_CPU	    1

extern char __start_pcpu[], __stop_pcpu[];
extern char __start_lxdata[], lxdata_end[];
extern unsigned long __per_cpu_offset[];

struct vcpu {
	void *svm;
	uint32_t *asleep;  /* the task's state: 1 TASK_INTERRUPTIBLE */
	uint32_t *alive;   /* 2: to be killed, 0: has ended */
	uint32_t *vectors; /* that the guest got, VECTOR_BASE + bit */
	uint64_t *wait;	   /* Linux's: the task that waits, or 0 */
	uint32_t *apic;	   /* Linux's: the vAPIC page */
	int cpu;
};

struct unit {
	struct pn_amdvi *vi;
	struct pn_lock *busy;
	void *linux_iommu;
	uint32_t *idle;	   /* its thread has nothing to do: 1 */
	uint32_t *running; /* GALogRun */
	uint32_t *goes_on; /* 0: the log has overflowed and is about to stop */
};

static struct {
	unsigned vcpus, posts, iommus;
	unsigned ring;	/* entries of the log; 0: as Linux says */
	bool late;	/* the log stops some time after it has overflowed */
	bool preempted; /* also while it is about to block */
	bool migrates;	/* wakes up on the other CPU */
	bool attach;	/* the device is given to the VM while it runs */
	bool detach;	/* and is taken away */
	bool retarget;	/* the guest moves the first interrupt to its other vCPU */
	bool destroy;	/* its task is killed, and the VM is destroyed */
	bool whole;	/* an entry does not change while the IOMMU handles a request */
} machine = {.vcpus = 1, .posts = 2, .iommus = 1};

static const struct {
	const char *name;
	bool *flag;
} words[] = {
	{"preempted", &machine.preempted}, {"migrates", &machine.migrates},
	{"attach", &machine.attach},	   {"detach", &machine.detach},
	{"retarget", &machine.retarget},   {"whole", &machine.whole},
	{"late", &machine.late},	   {"destroy", &machine.destroy},
};

static struct vcpu *vcpus[PK_VCPUS];
static struct unit units[PK_IOMMUS];
static struct pn_avic *core; /* of each CPU */
static struct pn_bus bus;
static struct pn_lock *run[PK_CPUS]; /* one task at a time on a CPU */
static void *vm;
static struct pn_lock *whole;
static uint32_t *host; /* interrupts that were not posted: the host injects them */
static char why[200];
/* Registers are never accessed there; the address says which. */
static char mmio[PK_IOMMUS][PN_AMDVI_MMIO_SIZE];

const char *pn_why_not_finished(void)
{
	return why;
}

void pn_not_finished(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (px.current < 0) {
		fprintf(stderr, "during set-up: %s\n", why);
		exit(3);
	}
	px_fail("none", "%s", why);
	for (;;)
		px_point(&(struct px_access){.op = PX_OP_FENCE});
}

/* ---- Linux's own variables: at the start of the explorer's memory ---- */

static char *first; /* their values at the start */

static size_t data_size(void)
{
	return (size_t)(lxdata_end - __start_lxdata) - 4096;
}

void pn_machine_start(void)
{
	px.arena = __start_lxdata;
	px.arena_size = PX_ARENA;
	first = malloc(data_size());
	if (!first)
		exit(3);
	memcpy(first, __start_lxdata + 4096, data_size());
	memset(__start_lxdata, 0, (size_t)(lxdata_end - __start_lxdata));
}

static void build_data(void)
{
	char *p = px_alloc(data_size(), 4096);

	if (p != __start_lxdata + 4096)
		pn_not_finished("Linux's variables are not where they were linked");
	memcpy(p, first, data_size());
	px_name(p, data_size(), "a variable of Linux");
}

/* ---- what kernel_amd.c calls ---- */

void pu_name(const void *p, unsigned long size, const char *what, int number)
{
	static char names[64][48];
	static unsigned n;

	n %= 64;
	snprintf(names[n], sizeof(names[n]), "%s %d", what, number);
	px_name(p, size, names[n++]);
}

void *pu_alloc(unsigned long size, unsigned long align)
{
	if (px.current >= 0)
		pn_not_finished("Linux allocates memory");
	return px_alloc(size, align);
}

void pu_stub(const char *name)
{
	pn_not_finished("Linux reached %s, which is a stub", name);
}

void pu_relax(void)
{
	pn_settle();
	pn_relax();
}

void pu_lock(void *lock, unsigned long pc)
{
	pn_settle();
	if (px.current >= 0)
		px_lock(lock, pn_line_of(pc));
}

void pu_unlock(void *lock, unsigned long pc)
{
	pn_settle();
	if (px.current >= 0)
		px_unlock(lock, pn_line_of(pc));
}

int pu_irq_off(unsigned long pc)
{
	pn_settle();
	if (px.current < 0 || px.thread[px.current].handler || px.thread[px.current].irq_off)
		return 0;
	px_irq(NULL, false, pn_line_of(pc));
	return 1;
}

void pu_irq_on(unsigned long pc)
{
	pn_settle();
	px_irq(NULL, true, pn_line_of(pc));
}

/* rcuwait_wake_up(), wake_up_process() */
int pu_wake_up(int id)
{
	struct vcpu *v = vcpus[id];

	pn_settle();
	pn_fence();
	return pn_ld64(v->wait) && pn_xchg32(v->asleep, 0);
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

/* ---- registers of the IOMMUs ---- */

static struct unit *unit_at(const volatile void *addr, uint32_t *off)
{
	size_t at = (size_t)((const volatile char *)addr - mmio[0]);

	if (at >= sizeof(mmio))
		pn_not_finished("Linux accesses a register at a wild address");
	*off = (uint32_t)(at % sizeof(mmio[0]));
	return &units[at / sizeof(mmio[0])];
}

/* In the device: what the program waits for follows its status. */
static void follow(struct unit *u)
{
	uint64_t status;
	uint32_t runs;

	if (!machine.late)
		return;
	pn_amdvi_read(u->vi, PN_AMDVI_STATUS, 8, &status);
	runs = !!(status & PN_ST_GALOGRUN);
	if (*u->running != runs)
		pn_xchg32(u->running, runs);
	if (*u->goes_on && runs && (status & PN_ST_GALOVERFLOW))
		pn_xchg32(u->goes_on, 0);
}

static uint64_t reg_read(const volatile void *addr, unsigned size)
{
	uint64_t v = 0;
	uint32_t off;
	struct unit *u = unit_at(addr, &off);

	pn_settle();
	px_device_enter(u->busy);
	pn_amdvi_read(u->vi, off, size, &v);
	px_device_leave(u->busy);
	if (machine.late && off == PN_AMDVI_STATUS)
		px_relax_on(u->running, !!(v & PN_ST_GALOGRUN));
	return v;
}

static void reg_write(volatile void *addr, unsigned size, uint64_t v)
{
	uint32_t off;
	struct unit *u = unit_at(addr, &off);

	pn_settle();
	px_device_enter(u->busy);
	pn_amdvi_write(u->vi, off, size, v);
	follow(u);
	px_device_leave(u->busy);
}

uint32_t pn_linux_readl(const volatile void *addr);
uint32_t pn_linux_readl(const volatile void *addr)
{
	return (uint32_t)reg_read(addr, 4);
}

uint64_t pn_linux_readq(const volatile void *addr);
uint64_t pn_linux_readq(const volatile void *addr)
{
	return reg_read(addr, 8);
}

void pn_linux_writel(uint32_t val, volatile void *addr);
void pn_linux_writel(uint32_t val, volatile void *addr)
{
	reg_write(addr, 4, val);
}

void pn_linux_writeq(uint64_t val, volatile void *addr);
void pn_linux_writeq(uint64_t val, volatile void *addr)
{
	reg_write(addr, 8, val);
}

/* ---- a vCPU's task ---- */

static bool irr_pending(struct vcpu *v)
{
	for (unsigned word = 0; word < 8; word++)
		if (pn_ld32(&v->apic[(PN_APIC_IRR + 16 * word) / 4]))
			return true;
	return false;
}

/* CPUs matter as such only if there are more tasks than one. */
static bool scheduled(void)
{
	return machine.vcpus > 1;
}

static void take_cpu(struct vcpu *v)
{
	if (scheduled())
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
	pk_put(v->svm, preempted);
	pn_settle();
	px_irq(NULL, true, PX_SITE("interrupts on"));
}

static void switch_in(struct vcpu *v)
{
	pk_load(v->svm, v->cpu);
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
	pk_put(v->svm, 0);
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

static bool killed(struct vcpu *v)
{
	return machine.destroy && pn_ld32(v->alive) == 2;
}

/* kvm_vcpu_block(): until the IRR has something. */
static void block(struct vcpu *v)
{
	px_doing("about to block");
	pk_start_blocking(v->svm);
	pn_settle();
	pn_st64(v->wait, 1);
	for (;;) {
		pn_xchg32(v->asleep, 1);
		px_doing("");
		if (machine.preempted)
			preempt(v);
		if (irr_pending(v) || killed(v))
			break;
		schedule(v);
	}
	pn_st64(v->wait, 0);
	pn_st32(v->asleep, 0);
	px_doing("stops blocking");
	pk_stop_blocking(v->svm);
	pn_settle();
	px_doing("");
}

/* VMRUN, and the guest takes what is pending until it halts. */
static void guest(struct vcpu *v)
{
	struct pn_avic *av = &core[v->cpu];
	struct pn_avic_vmcb vmcb = {.np_enable = true};
	struct pn_avic_exit exit;
	struct pk_vmcb k;
	int vector;

	pk_vmcb(v->svm, &k);
	vmcb.v_intr = k.v_intr;
	vmcb.apic_bar = k.bar;
	vmcb.backing_page = k.page;
	vmcb.logical_table = k.logical;
	vmcb.physical_table = k.physical;
	px_doing("in the guest");
	if (pn_avic_vmrun(av, &vmcb))
		px_fail("P6", "VMRUN refuses what Linux wrote into the VMCB");
	while ((vector = pn_avic_evaluate(av, true)) >= 0) {
		pn_avic_deliver(av, (uint8_t)vector);
		pn_st32(v->vectors, pn_ld32(v->vectors) | 1u << (vector - VECTOR_BASE));
		pn_avic_write(av, PN_APIC_EOI, 0, &exit);
	}
	pn_avic_vmexit(av);
	px_doing("");
}

static void vcpu(void *arg)
{
	struct vcpu *v = arg;

	take_cpu(v);
	switch_in(v);
	while (!killed(v)) {
		if (machine.preempted)
			preempt(v);
		guest(v);
		block(v);
	}
	switch_out(v, 0);
	pn_xchg32(v->alive, 0);
}

/* ---- hardware ---- */

/* Entries do not post at all times. */
static bool moves(void)
{
	return machine.attach || machine.detach || machine.destroy;
}

static void device(void *arg)
{
	struct unit *u = arg;

	for (unsigned i = (unsigned)(u - units); i < machine.posts; i += machine.iommus) {
		struct pn_msi msi = {.addr = PN_MSI_ADDR_BASE, .data = i, .devid = PK_DEVID};
		enum pn_msi_result result;

		pu_change(1);
		px_device_enter(u->busy);
		result = pn_amdvi_msi(u->vi, &msi);
		if (result != PN_MSI_POSTED && (result != PN_MSI_REMAPPED || !moves()))
			px_fail("P4", "the unit did not post interrupt %u", i);
		follow(u);
		px_device_leave(u->busy);
		pu_change(0);
	}
}

/* What the log takes to stop. */
static void stop(void *arg)
{
	struct unit *u = arg;

	for (;;) {
		px_sleep(u->goes_on, "the log has overflowed");
		px_doing("the log stops: GALogRun=0");
		px_device_enter(u->busy);
		pn_amdvi_log_stop(u->vi);
		pn_xchg32(u->goes_on, 1);
		follow(u);
		px_device_leave(u->busy);
		px_doing("");
	}
}

static void deliver(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	if (intr->dest >= PK_CPUS)
		px_fail("P4", "an interrupt goes to APIC ID %u, which does not exist", intr->dest);
	else
		px_send((int)intr->dest, intr->vector);
}

/* No vCPU waits inside the guest: it has no effect. */
static void doorbell(void *ctx, uint32_t apicid)
{
	(void)ctx;
	if (apicid >= PK_CPUS)
		px_fail("P4", "a doorbell goes to APIC ID %u, which does not exist", apicid);
}

static void *map(void *ctx, uint64_t pa, size_t len)
{
	char *p = (char *)(uintptr_t)(pa - pk_pa(NULL));

	(void)ctx;
	return p >= px.arena && p + len <= px.arena + px.arena_size ? p : NULL;
}

/* The first half of a threaded interrupt wakes its thread. */
static void interrupt(void *arg, uint8_t vector)
{
	(void)arg;
	for (unsigned i = 0; i < machine.iommus; i++)
		if (vector == LOG_VECTOR + i)
			pn_xchg32(units[i].idle, 0);
	if (vector >= HOST_VECTOR && vector < HOST_VECTOR + machine.posts)
		pn_or32(host, 1u << (vector - HOST_VECTOR));
}

static void log_thread(void *arg)
{
	struct unit *u = arg;

	for (;;) {
		px_sleep(u->idle, "log thread");
		pn_xchg32(u->idle, 1);
		pk_galog_thread(u->linux_iommu);
		pn_settle();
	}
}

/* ---- the VMM ---- */

static void route(unsigned irq, int id)
{
	pk_route(vm, (int)irq, id, VECTOR_BASE + (int)irq);
	pn_settle();
}

static void attach(void *arg)
{
	(void)arg;
	px_doing("the device comes to the VM");
	for (unsigned i = 0; i < machine.posts && machine.attach; i++)
		route(i, (int)(i % machine.vcpus));
	px_doing("the device leaves the VM");
	for (unsigned i = 0; i < machine.posts && machine.detach; i++)
		route(i, -1);
}

/* The end of the VM: its task first, then its devices, then its memory. */
static void destroy(void *arg)
{
	struct vcpu *v = vcpus[0];

	(void)arg;
	px_doing("kills the task of the vCPU");
	pn_xchg32(v->alive, 2);
	pn_xchg32(v->asleep, 0);
	px_sleep(v->alive, "the task has ended");
	px_doing("destroys the VM");
	for (unsigned i = 0; i < machine.posts; i++)
		route(i, -1);
	pk_vm_pre_destroy(vm);
	pn_settle();
	px_kill(v->svm, pk_vcpu_size(), "P6", "vCPU 0");
}

static void retarget(void *arg)
{
	(void)arg;
	px_doing("the guest moves interrupt 0 to vCPU 1");
	route(0, 1);
}

/* ---- building ---- */

static void build_cpus(void)
{
	size_t size = (size_t)(__stop_pcpu - __start_pcpu);
	struct pn_agent *agent = px_alloc(PK_CPUS * sizeof(*agent), 64);
	struct pn_step_slot *steps = px_alloc(PK_CPUS * PN_STEP_NR * sizeof(*steps), 64);
	struct pn_avic_features feat;

	pn_avic_features_default(&feat);
	core = px_alloc(PK_CPUS * sizeof(*core), 64);
	px_ghost(steps, PK_CPUS * PN_STEP_NR * sizeof(*steps));
	for (int c = 0; c < PK_CPUS; c++) {
		char *copy = px_alloc(size, 64);

		memcpy(copy, __start_pcpu, size);
		__per_cpu_offset[c] = (unsigned long)(copy - __start_pcpu);
		pk_cpu_init(c);
		run[c] = px_alloc(64, 64);
		pu_name(copy, size, "per-CPU data of CPU", c);
		pu_name(run[c], 4, "the run queue of CPU", c);
		pn_agent_init(&agent[c], (uint32_t)c, &steps[c * PN_STEP_NR]);
		pn_avic_init(&core[c], &bus, &agent[c], &feat, (uint32_t)c);
	}
}

static void build_units(void)
{
	struct pn_amdvi_config hw;

	pn_amdvi_config_default(&hw);
	hw.bus = &bus;
	hw.dte_cache = 1;
	hw.irte_cache = 4;
	hw.knobs.galog_ring = machine.ring;
	hw.async_stop = machine.late;
	hw.efr &= ~(PN_EFR_XTSUP | PN_EFR_GAPPISUP);
	for (unsigned i = 0; i < machine.iommus; i++) {
		struct unit *u = &units[i];

		hw.peer = i ? units[0].vi : NULL;
		u->busy = px_alloc(64, 64);
		u->idle = px_alloc(64, 64);
		u->running = px_alloc(64, 64);
		u->goes_on = px_alloc(64, 64);
		*u->idle = *u->running = *u->goes_on = 1;
		pu_name(u->running, 4, "GALogRun of IOMMU", (int)i);
		pu_name(u->goes_on, 4, "the log goes on, IOMMU", (int)i);
		pu_name(u->busy, 4, "IOMMU itself", (int)i);
		pu_name(u->idle, 4, "log thread asleep", (int)i);
		pn_amdvi_create(&hw, &u->vi);
		pn_amdvi_pci_msi(u->vi, true, PN_MSI_ADDR_BASE | LOG_CPU << 12, LOG_VECTOR + i);
		u->linux_iommu = pk_iommu((int)i, mmio[i]);
	}
}

static void build_vcpus(void)
{
	vm = pk_vm();
	for (unsigned i = 0; i < machine.vcpus; i++) {
		struct vcpu *v = px_alloc(sizeof(*v), 64);

		vcpus[i] = v;
		v->svm = pk_vcpu(vm, (int)i);
		v->apic = pk_apic(v->svm);
		v->wait = pk_wait(v->svm);
		v->asleep = px_alloc(64, 64);
		v->alive = px_alloc(64, 64);
		*v->alive = 1;
		pu_name(v->alive, 4, "task alive, vCPU", (int)i);
		v->vectors = px_alloc(64, 64);
		pu_name(v->asleep, 4, "task asleep, vCPU", (int)i);
		pu_name(v->vectors, 4, "interrupts that the guest got, vCPU", (int)i);
		px_thread(i ? "vCPU 1" : "vCPU 0", 0, vcpu, v);
	}
	for (unsigned i = 0; i < machine.posts; i++) {
		pk_irq((int)i, units[i % machine.iommus].linux_iommu, HOST_VECTOR + (int)i,
		       LOG_CPU);
		if (!machine.attach)
			route(i, (int)(i % machine.vcpus));
	}
}

static void setup(void *arg)
{
	static const char *const device_name[] = {"IOMMU 0", "IOMMU 1"};
	static const char *const thread_name[] = {"log thread 0", "log thread 1"};

	(void)arg;
	why[0] = 0;
	pn_hooks_start();
	build_data();
	bus = (struct pn_bus){.map = map, .intr = deliver, .doorbell = doorbell};
	build_cpus();
	pk_setup();
	build_units();
	build_vcpus();
	for (unsigned i = 0; i < machine.iommus; i++) {
		px_thread(device_name[i], -1, device, &units[i]);
		px_thread(thread_name[i], LOG_CPU, log_thread, &units[i]);
		if (machine.late)
			px_thread("log", -1, stop, &units[i]);
	}
	whole = px_alloc(64, 64);
	px_name(whole, 4, "what the IRTEs say");
	host = px_alloc(64, 64);
	px_name(host, 4, "interrupts for the host to inject");
	if (machine.attach || machine.detach)
		px_thread("VMM", 1, attach, NULL);
	if (machine.retarget)
		px_thread("VMM", 1, retarget, NULL);
	if (machine.destroy)
		px_thread("VMM", 1, destroy, NULL);
	px_handler("CPU 0 irq", 0, interrupt, NULL);
	px_handler("CPU 1 irq", 1, interrupt, NULL);
}

/* ---- what must hold when nothing moves any more ---- */

/* Interrupts that vCPU @i got, and should have got. */
static bool complete(unsigned i, uint32_t *got, uint32_t *want)
{
	*got = *vcpus[i]->vectors;
	*want = 0;
	for (unsigned p = i; p < machine.posts; p += machine.vcpus)
		*want |= 1u << p;
	if (machine.retarget && i == 0) /* to either */
		*got |= *vcpus[1]->vectors & 1;
	if (machine.retarget && i == 1)
		*got &= *want;
	return (*got | (*host & *want)) == *want;
}

static const char *check(void *arg, char *text, unsigned size)
{
	uint32_t got, want;

	(void)arg;
	for (unsigned i = 0; i < machine.vcpus && !machine.destroy; i++) {
		if (*vcpus[i]->asleep && irr_pending(vcpus[i])) {
			snprintf(text, size, "vCPU %u sleeps and its IRR is not empty", i);
			return "P1";
		}
		if (!complete(i, &got, &want)) {
			snprintf(text, size, "vCPU %u got interrupts %x of %x", i, got, want);
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
	       sscanf(word, "posts=%u", &machine.posts) == 1 ||
	       sscanf(word, "iommus=%u", &machine.iommus) == 1 ||
	       sscanf(word, "ring=%u", &machine.ring) == 1;
}

struct px_program pn_machine_program(void)
{
	return (struct px_program){setup, check, NULL};
}
