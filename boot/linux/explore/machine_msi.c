/* SPDX-License-Identifier: MIT */
/*
 * The machine that Linux's functions run in, without guests: two CPUs with local APICs, a VT-d unit
 * (src/hw/intel) behind its registers, a device whose MSIs are posted to the descriptor of a CPU,
 * and what else a case has.
 *
 * What is restated here in few lines, and is not Linux's code: the local APIC (IRR, in-service,
 * EOI), the order of stop_machine() and of a CPU's way down and up, timers, the allocator of
 * vectors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/pid.h"

#include "engine.h"
#include "harness.h"
#include "kernel_msi.h"
#include "machine_data.h"
#include "machine_vtd.h"

#define POKE 1		  /* the explorer's interrupt: the IRR has changed */
#define OFF  (1ull << 63) /* in the IRR: the local APIC is disabled, and takes nothing */

extern char __start_pcpu[], __stop_pcpu[];
extern unsigned long __per_cpu_offset[];

/* A processor; each member has a line of its own. */
struct cpu {
	uint64_t *irr;	     /* see bit_of() */
	uint32_t *service;   /* the vector that is in service, or 0 */
	struct pn_lock *run; /* one task or softirq at a time */
	/* its timer */
	uint64_t *timer, *pending;
	uint32_t *idle; /* 0: it was started */
};

static struct {
	unsigned irqs, posts;
	bool moves;   /* interrupt 0 is moved to CPU 1 */
	bool back;    /* and then back to CPU 0 */
	bool offline; /* CPU 0 goes offline */
	bool returns; /* and comes back, gets interrupt 0 back, and the device sends it once more */
	bool high;    /* 4 GiB of physical addresses lie between the descriptors of the CPUs */
	bool late;    /* interrupts may take long to reach CPU 0 while it goes offline */
} machine = {.irqs = 2, .posts = 2};

static const struct {
	const char *name;
	bool *flag;
} words[] = {
	{"moves", &machine.moves},     {"back", &machine.back}, {"offline", &machine.offline},
	{"returns", &machine.returns}, {"late", &machine.late}, {"high", &machine.high},
};

static struct cpu *cpu; /* of PK_CPUS */
static struct irq {
	uint32_t *sent, *seen; /* how many the device sent, of which its handler knows */
	uint32_t *masked;
	struct pn_msi msi;
} irqs[PK_IRQS];
static uint32_t *stopped; /* CPU 1 is in stop_machine() */
static uint32_t *resume;  /* and goes on */
static uint32_t *wait;	  /* 0: the device sends its last MSI */

/* ---- what kernel_msi.c calls ---- */

void pu_statistics(const void *p, unsigned long size)
{
	px_ghost(p, size);
}

unsigned long pu_read(const unsigned long *word)
{
	pn_settle();
	return pn_ld64((const uint64_t *)word);
}

void pu_set_bit(unsigned long *word, int n, int on)
{
	pn_settle();
	if (on)
		pn_or64((uint64_t *)word, 1ull << n);
	else
		pn_and64((uint64_t *)word, ~(1ull << n));
}

void pu_handler(int irq)
{
	pn_settle();
	pn_st32(irqs[irq].seen, pn_ld32(irqs[irq].sent));
}

void pu_mask(int irq, int on)
{
	pn_settle();
	pn_xchg32(irqs[irq].masked, (uint32_t)on);
}

void pu_timer_start(void *timer, unsigned long *pending, int c)
{
	pn_settle();
	pn_xchg64(cpu[c].timer, (uintptr_t)timer);
	pn_xchg64(cpu[c].pending, (uintptr_t)pending);
	pn_xchg64((uint64_t *)pending, 1);
	pn_xchg32(cpu[c].idle, 0);
}

int pu_timer_stop(unsigned long *pending)
{
	pn_settle();
	return !!pn_xchg64((uint64_t *)pending, 0);
}

/* ---- local APICs ---- */

/* The IRR as one word: vectors 20h-2fh and d0h-dfh, which devices have here, and e0h-feh. */
static unsigned bit_of(unsigned vector)
{
	if ((vector & 0xf0) == 0x20)
		return vector - 0x20;
	if (vector < 0xd0 || vector == 0xff)
		pn_not_finished("an interrupt of vector %02x, which this machine has not", vector);
	return vector - 0xd0 + 16;
}

static unsigned vector_of(unsigned bit)
{
	return bit < 16 ? bit + 0x20 : bit - 16 + 0xd0;
}

static void raise_irq(unsigned c, uint8_t vector)
{
	pn_or64(cpu[c].irr, 1ull << bit_of(vector));
	px_send((int)c, POKE);
}

static struct cpu *this_cpu(void)
{
	return &cpu[px.thread[px.current].cpu];
}

/* Takes what the IRR has, the highest first. */
static void interrupt(void *arg, uint8_t poke)
{
	struct cpu *c = arg;
	uint64_t irr;

	(void)poke;
	while ((irr = pn_ld64(c->irr)) && !(irr & OFF)) {
		unsigned bit = 63 - (unsigned)__builtin_clzll(irr);
		unsigned vector = vector_of(bit);

		pn_and64(c->irr, ~(1ull << bit));
		pn_st32(c->service, vector);
		px_doing(vector < 0xe0 ? "common_interrupt" : "posted MSI notification");
		pk_interrupt((int)vector);
		pn_settle();
		px_doing("");
		if (pn_ld32(c->service))
			px_fail("P4", "no EOI for vector %02x", vector);
	}
}

/* The CPU would take what is pending: in less than the time that passes here, it does. */
static void take_pending(struct cpu *c)
{
	uint64_t irr;

	while ((irr = pn_ld64(c->irr)) && !(irr & OFF))
		pn_relax();
}

long __SCK__apic_call_eoi, __SCK__apic_call_read, __SCK__apic_call_send_IPI;

void __SCT__apic_call_eoi(void);
void __SCT__apic_call_eoi(void)
{
	struct cpu *c;

	pn_settle();
	c = this_cpu();
	if (!pn_ld32(c->service))
		px_fail("P4", "EOI, and no interrupt is in service");
	pn_st32(c->service, 0);
}

uint32_t __SCT__apic_call_read(uint32_t reg);
uint32_t __SCT__apic_call_read(uint32_t reg)
{
	unsigned base = (reg - 0x200) * 2;
	uint32_t word = 0;
	uint64_t irr;

	pn_settle();
	if (reg < 0x200 || reg > 0x270)
		pn_not_finished("Linux reads register %x of the local APIC", reg);
	irr = pn_ld64(this_cpu()->irr);
	for (unsigned bit = 0; bit < 63; bit++)
		if (irr >> bit & 1 && vector_of(bit) - base < 32)
			word |= 1u << (vector_of(bit) - base);
	return word;
}

void __SCT__apic_call_send_IPI(int to, int vector);
void __SCT__apic_call_send_IPI(int to, int vector)
{
	pn_settle();
	raise_irq((unsigned)to, (uint8_t)vector);
}

/* ---- the unit and its device ---- */

static void send(unsigned i)
{
	px_sleep(irqs[i].masked, "the interrupt is masked");
	pn_xchg32(irqs[i].sent, *irqs[i].sent + 1);
	if (mv_msi(&irqs[i].msi) != PN_MSI_POSTED)
		px_fail("P4", "the unit did not post MSI %u", i);
}

static void device(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < machine.posts; i++)
		send(i % machine.irqs);
	if (!machine.returns)
		return;
	px_sleep(wait, "CPU 0 is not back");
	send(0);
}

static void deliver(void *ctx, const struct pn_intr *intr)
{
	(void)ctx;
	if (intr->dest >= PK_CPUS)
		px_fail("P4", "a notification goes to APIC ID %u, which does not exist",
			intr->dest);
	else
		raise_irq(intr->dest, intr->vector);
}

/* ---- tasks and timers ---- */

static void affinity(void *arg)
{
	(void)arg;
	pn_lock_take(cpu[1].run);
	px_doing("interrupt 0 is moved to CPU 1");
	pk_set_affinity(0, 1);
	pn_settle();
	if (machine.back) {
		px_doing("interrupt 0 is moved back to CPU 0");
		pk_set_affinity(0, 0);
		pn_settle();
	}
	pn_lock_drop(cpu[1].run);
}

/* The timer was started again: an MSI that is under way arrives before it expires, and is taken. */
static void jiffy(struct cpu *c)
{
	px_irq(NULL, false, PX_SITE("interrupts off"));
	mv_wait();
	px_irq(NULL, true, PX_SITE("interrupts on"));
	take_pending(c);
}

static void timer(void *arg)
{
	struct cpu *c = arg;

	for (;;) {
		px_sleep(c->idle, "timer");
		pn_lock_take(c->run);
		pn_xchg32(c->idle, 1);
		if (pn_xchg64((uint64_t *)(uintptr_t)*c->pending, 0)) {
			px_doing("the timer expires");
			pk_expired((void *)(uintptr_t)*c->timer);
			pn_settle();
			px_doing("");
		}
		pn_lock_drop(c->run);
		if (!pn_ld32(c->idle))
			jiffy(c);
	}
}

/* stop_machine() on CPU 1. */
static void stopper(void *arg)
{
	(void)arg;
	pn_lock_take(cpu[1].run);
	px_irq(NULL, false, PX_SITE("interrupts off"));
	pn_xchg32(stopped, 1);
	while (!pn_ld32(resume))
		pn_relax();
	px_irq(NULL, true, PX_SITE("interrupts on"));
	pn_lock_drop(cpu[1].run);
}

/* INIT, and the CPU's start. */
static void come_back(void)
{
	px_doing("CPU 0 starts again");
	pn_xchg64(cpu[0].irr, OFF);
	pk_cpu_up_early();
	pn_settle();
	pn_and64(cpu[0].irr, ~OFF);
	pk_cpu_up();
	pn_settle();
	px_irq(NULL, true, PX_SITE("interrupts on"));
	px_doing("interrupt 0 is moved to CPU 0");
	pk_set_affinity(0, 0);
	pn_settle();
	pn_xchg32(wait, 0);
}

static void hotplug(void *arg)
{
	(void)arg;
	px_doing("CPU 0 goes offline");
	pn_lock_take(cpu[0].run);
	while (!pn_ld32(stopped))
		pn_relax();
	if (!machine.late)
		take_pending(&cpu[0]); /* interrupts are on until all CPUs are in stop_machine() */
	px_irq(NULL, false, PX_SITE("interrupts off"));
	pk_cpu_down();
	pn_settle();
	pn_or64(cpu[0].irr, OFF);
	pn_xchg32(resume, 1);
	if (machine.returns)
		come_back();
	pn_lock_drop(cpu[0].run);
}

/* ---- building ---- */

static void *word(const char *name, int number)
{
	void *p = px_alloc(64, 64);

	pu_name(p, 8, name, number);
	return p;
}

static void build_cpus(void)
{
	size_t size = (size_t)(__stop_pcpu - __start_pcpu);

	cpu = px_alloc(PK_CPUS * sizeof(*cpu), 64);
	for (int c = 0; c < PK_CPUS; c++) {
		char *copy = px_alloc(size, machine.high ? 4096 : 64);

		memcpy(copy, __start_pcpu, size);
		__per_cpu_offset[c] = (unsigned long)(copy - __start_pcpu);
		pn_set_gs(__per_cpu_offset[c]);
		pk_cpu(c);
		pu_name(copy, size, "per-CPU data of CPU", c);
		cpu[c].irr = word("IRR of CPU", c);
		cpu[c].service = word("in service on CPU", c);
		cpu[c].run = word("who runs on CPU", c);
		cpu[c].timer = word("timer of CPU", c);
		cpu[c].pending = word("timer_pending() of CPU", c);
		cpu[c].idle = word("timer idle, CPU", c);
		*cpu[c].idle = 1;
	}
	pn_set_gs(__per_cpu_offset[0]);
	if (machine.high)
		pk_high(pk_msi_pid(1));
}

static void build_irq(unsigned i)
{
	unsigned long addr;
	unsigned data;

	irqs[i].sent = word("MSIs sent, IRQ", (int)i);
	irqs[i].seen = word("MSIs that the driver knows, IRQ", (int)i);
	irqs[i].masked = word("masked, IRQ", (int)i);
	pk_irq((int)i);
	pk_message((int)i, &addr, &data);
	irqs[i].msi = (struct pn_msi){.addr = addr, .data = data, .devid = PK_DEVID};
}

static void setup(void *arg)
{
	(void)arg;
	pn_hooks_start();
	pn_build_data();
	build_cpus();
	mv_build(deliver, false);
	for (unsigned i = 0; i < machine.irqs; i++)
		build_irq(i);
	stopped = word("CPU stopped:", 1);
	resume = word("resumes: CPU", 1);
	wait = word("not back: CPU", 0);
	*wait = 1;
	pn_name_data();
	px_thread("device", -1, device, NULL);
	if (machine.moves)
		px_thread("task", 1, affinity, NULL);
	if (machine.moves)
		px_thread("softirq 0", 0, timer, &cpu[0]);
	if (machine.offline) {
		px_thread("hotplug", 0, hotplug, NULL);
		px_thread("stopper", 1, stopper, NULL);
	}
	if (machine.returns || machine.back)
		px_thread("softirq 1", 1, timer, &cpu[1]);
	px_handler("CPU 0 irq", 0, interrupt, &cpu[0]);
	px_handler("CPU 1 irq", 1, interrupt, &cpu[1]);
}

/* ---- what must hold when nothing moves any more ---- */

static const char *check(void *arg, char *text, unsigned size)
{
	(void)arg;
	for (unsigned i = 0; i < machine.irqs; i++)
		if (*irqs[i].seen != *irqs[i].sent) {
			snprintf(text, size,
				 "interrupt %u was sent %u times, and not handled since time %u", i,
				 *irqs[i].sent, *irqs[i].seen + 1);
			return "P4";
		}
	if (pk_vectors() != (int)machine.irqs) {
		snprintf(text, size, "%d vectors are taken, by %u interrupts", pk_vectors(),
			 machine.irqs);
		return "P6";
	}
	return NULL;
}

bool pn_machine_take(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i].name))
			return *words[i].flag = true;
	return sscanf(word, "irqs=%u", &machine.irqs) == 1 ||
	       sscanf(word, "posts=%u", &machine.posts) == 1;
}

struct px_program pn_machine_program(void)
{
	return (struct px_program){setup, check, NULL};
}
