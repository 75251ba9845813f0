/* SPDX-License-Identifier: MIT */
/*
 * The machine of AMD: the guest of a vCPU, on a core with AVIC (src/hw/amd). It takes its
 * interrupts, and sends IPIs by writing its ICR. An ICR write that AVIC cannot complete is an exit,
 * which Linux handles.
 */
#include "engine.h"
#include "machine_amd.h"

static uint32_t *rung[AM_CPUS]; /* 0: a doorbell has reached the core since its last evaluation */

static void got(struct vcpu *v, int vector)
{
	pn_st32(v->vectors, pn_ld32(v->vectors) | 1u << (vector - am_vector(0)) / 0x10);
}

/* AVIC is off: KVM injects what the IRR has, one by one. */
void am_inject(struct vcpu *v)
{
	for (unsigned i = 0; i < machine.posts; i++) {
		unsigned vector = (unsigned)am_vector(i);
		uint32_t *word = &v->apic[(PN_APIC_IRR + vector / 32 * 16) / 4];

		if (!(pn_ld32(word) >> vector % 32 & 1))
			continue;
		pn_and32(word, ~(1u << vector % 32));
		got(v, (int)vector);
	}
}

uint32_t am_expected(unsigned id)
{
	uint32_t bits = 0;

	for (unsigned i = id; i < machine.posts; i += machine.vcpus)
		bits |= 1u << i;
	if (id == 1 || machine.all || (id && (machine.others || machine.logical)))
		bits |= ((1u << machine.ipis) - 1) << machine.posts;
	return bits;
}

bool am_stays_inside(const struct vcpu *v)
{
	return machine.waits && (v->id || !machine.ipis);
}

void am_doorbell(uint32_t apicid)
{
	if (machine.waits)
		pn_xchg32(rung[apicid], 0);
}

/* ---- IPIs ---- */

/* To vCPU 1; to all others; to all others as logical destinations; to all. */
static uint64_t icr_of(unsigned ipi)
{
	uint64_t icr = (uint64_t)am_vector(machine.posts + ipi);
	uint64_t to = 1;

	if (machine.others)
		return icr | PN_ICR_SH_OTHERS << 18;
	if (machine.logical) {
		icr |= PN_ICR_LOGICAL;
		to = (1u << machine.vcpus) - 2;
	}
	if (machine.all)
		to = machine.xapic ? 0xff : 0xffffffff;
	return icr | to << (machine.xapic ? 56 : 32);
}

/* The exit is a trap: Linux handles it, and the guest goes on behind the write. */
static void incomplete(struct vcpu *v, const struct pn_avic_exit *exit)
{
	if (exit->code != PN_EXIT_AVIC_INCOMPLETE_IPI)
		px_fail("P6", "an ICR write ends in exit %lx", (unsigned long)exit->code);
	px_doing("handles an incomplete IPI");
	pk_incomplete_ipi(v->svm, exit->info1, exit->info2);
	pn_settle();
}

static void enter(struct vcpu *v);
static void leave(struct vcpu *v);

static void send(struct vcpu *v, unsigned ipi)
{
	struct pn_avic *av = &core[v->task.cpu];
	struct pn_avic_exit exit = {0};
	uint64_t icr = icr_of(ipi);

	px_doing("sends an IPI");
	if (machine.xapic)
		pn_avic_write(av, PN_APIC_ICRH, icr >> 32, &exit);
	if (pn_avic_write(av, PN_APIC_ICRL, machine.xapic ? (uint32_t)icr : icr, &exit) !=
	    PN_AVIC_TRAP)
		return;
	leave(v);
	incomplete(v, &exit);
	enter(v);
}

/* ---- in the guest ---- */

/* vcpu_enter_guest() says so, and then runs what the page has. */
static void set_mode(struct vcpu *v, uint32_t mode)
{
	if (!machine.ipis)
		return;
	pn_st32(v->mode, mode);
	if (mode)
		pn_fence();
}

static void enter(struct vcpu *v)
{
	struct pn_avic_vmcb vmcb = {.np_enable = true};
	struct pk_vmcb k;

	pk_vmcb(v->svm, &k);
	vmcb.v_intr = k.v_intr | (machine.masked ? (uint64_t)am_vector(0) >> 4 : 0);
	vmcb.apic_bar = k.bar;
	vmcb.backing_page = k.page;
	vmcb.logical_table = k.logical;
	vmcb.physical_table = k.physical;
	px_doing("in the guest");
	set_mode(v, 1);
	if (pn_avic_vmrun(&core[v->task.cpu], &vmcb))
		px_fail("P6", "VMRUN refuses what Linux wrote into the VMCB");
}

static void leave(struct vcpu *v)
{
	pn_avic_vmexit(&core[v->task.cpu]);
	set_mode(v, 0);
}

static void take(struct vcpu *v)
{
	struct pn_avic *av = &core[v->task.cpu];
	struct pn_avic_exit exit;
	int vector;

	while ((vector = pn_avic_evaluate(av, true)) >= 0) {
		pn_avic_deliver(av, (uint8_t)vector);
		got(v, vector);
		pn_avic_write(av, PN_APIC_EOI, 0, &exit);
	}
}

void am_guest(struct vcpu *v, bool stay)
{
	uint32_t *bell = rung[v->task.cpu];

	enter(v);
	for (; v->id == 0 && v->sent < machine.ipis; v->sent++)
		send(v, v->sent);
	if (stay)
		pn_xchg32(bell, 1);
	take(v);
	while (stay && pn_ld32(v->vectors) != am_expected(v->id)) {
		px_doing("waits in the guest");
		v->waits = true;
		px_sleep(bell, "a doorbell");
		v->waits = false;
		pn_xchg32(bell, 1);
		take(v);
	}
	leave(v);
	px_doing("");
}

void am_build_guest(void)
{
	for (unsigned c = 0; c < machine.cpus && machine.waits; c++) {
		rung[c] = px_alloc(64, 64);
		pu_name(rung[c], 4, "no doorbell at CPU", (int)c);
	}
}
