/* SPDX-License-Identifier: MIT */
/*
 * Cases of one agent on AMD: what the processor does for a guest, one after the other, without a
 * race. They are here because the cases with races use little of it: one vector, one kind of IPI.
 */
#include "case_setup.h"
#include "rig_amd.h"

/* ---- the processor: a guest's registers ---- */

/* vCPU @n enters its guest on the CPU with its number, as the hypervisor does it. */
static struct pn_avic *enters(unsigned n)
{
	struct rig_vcpu *v = &rig->vcpu[n];
	struct pn_host_cpu *c = &rig->cpu[n];
	struct pn_avic_vmcb vmcb;

	pn_svm_load(v->h, c);
	pn_svm_enter(v->h, c);
	pn_svm_vmcb(pn_svm_of(v->h), &vmcb);
	rig_want(!pn_avic_vmrun(&amd->core[n], &vmcb), "P7", "VMRUN refuses the hypervisor's VMCB");
	return &amd->core[n];
}

static void leaves(unsigned n)
{
	pn_avic_vmexit(&amd->core[n]);
	pn_svm_leave(rig->vcpu[n].h, &rig->cpu[n]);
}

static bool in_bank(unsigned n, uint32_t bank, uint8_t vector)
{
	return pn_vapic_test(rig->vcpu[n].h->page, bank, vector);
}

static uint32_t reg(unsigned n, uint32_t off)
{
	return pn_vapic_read(rig->vcpu[n].h->page, off);
}

static enum pn_avic_access wr(struct pn_avic *av, uint32_t off, uint64_t value,
			      struct pn_avic_exit *exit)
{
	*exit = (struct pn_avic_exit){0};
	return pn_avic_write(av, off, value, exit);
}

static void arrives(struct pn_avic *av, uint8_t vector, int deliverable)
{
	pn_vapic_set(av->page, PN_APIC_IRR, vector);
	rig_want(pn_avic_evaluate(av, true) == deliverable, "P4",
		 "evaluation chooses another vector than the priorities say");
}

static void taken(struct pn_avic *av, uint8_t vector)
{
	pn_avic_deliver(av, vector);
	rig_want(in_bank(0, PN_APIC_ISR, vector) && !in_bank(0, PN_APIC_IRR, vector), "P4",
		 "a vector that is delivered moves from IRR to ISR");
	rig_want(reg(0, PN_APIC_PPR) == (vector & 0xF0u), "P4", "PPR is the class in service");
}

static void priorities(struct pn_avic *av)
{
	struct pn_avic_exit exit;
	uint64_t value;

	rig_want(wr(av, PN_APIC_TPR, 0x25, &exit) == PN_AVIC_EVALUATE, "P7",
		 "a TPR write evaluates");
	rig_want(reg(0, PN_APIC_PPR) == 0x25, "P4", "PPR follows TPR");
	rig_want(pn_avic_read(av, PN_APIC_TPR, &value, &exit) == PN_AVIC_DONE && value == 0x25,
		 "P7", "TPR reads as written");
	arrives(av, 0x2f, -1);
	arrives(av, 0x31, 0x31);
	rig_want(pn_avic_evaluate(av, false) == -1, "P4", "interrupts are masked");
	taken(av, 0x31);
	arrives(av, 0x3e, -1);
	arrives(av, 0xd1, 0xd1);
	taken(av, 0xd1);
	rig_want(wr(av, PN_APIC_EOI, 0, &exit) == PN_AVIC_EVALUATE &&
			 !in_bank(0, PN_APIC_ISR, 0xd1) && in_bank(0, PN_APIC_ISR, 0x31),
		 "P4", "EOI ends the highest vector in service and no other");
	rig_want(reg(0, PN_APIC_PPR) == 0x30, "P4", "PPR falls back to the class below");
	rig_want(wr(av, PN_APIC_EOI, 0, &exit) == PN_AVIC_EVALUATE, "P4", "EOI");
	rig_want(reg(0, PN_APIC_PPR) == 0x25 && pn_avic_evaluate(av, true) == 0x3e, "P4",
		 "the vector that waited is next");
	rig_want(wr(av, PN_APIC_TPR, 0x40, &exit) == PN_AVIC_EVALUATE &&
			 pn_avic_evaluate(av, true) == -1,
		 "P4", "TPR masks its class");
	pn_avic_write_cr8(av, 1);
	rig_want(reg(0, PN_APIC_TPR) == 0x10 && pn_avic_evaluate(av, true) == 0x3e, "P4",
		 "CR8 is TPR[7:4]");
	taken(av, 0x3e);
	(void)wr(av, PN_APIC_EOI, 0, &exit);
	taken(av, 0x2f);
	(void)wr(av, PN_APIC_EOI, 0, &exit);
	pn_avic_deliver(av, 0x55);
	rig_want(!in_bank(0, PN_APIC_ISR, 0x55), "P4", "what is not pending is not delivered");
	rig_want(wr(av, PN_APIC_EOI, 0, &exit) == PN_AVIC_EVALUATE, "P7", "EOI without a vector");
}

static void level(struct pn_avic *av)
{
	struct pn_avic_exit exit;

	pn_vapic_set(av->page, PN_APIC_TMR, 0x71);
	arrives(av, 0x71, 0x71);
	taken(av, 0x71);
	rig_want(wr(av, PN_APIC_EOI, 0, &exit) == PN_AVIC_TRAP &&
			 exit.code == PN_EXIT_AVIC_NOACCEL &&
			 exit.info1 == (1ull << 32 | PN_APIC_EOI) && exit.info2 == 0x71,
		 "P7", "EOI of a level-triggered vector exits");
	leaves(0);
	rig_want(pn_svm_eoi(rig->vcpu[0].h, &rig->cpu[0]) == 0x71 &&
			 !in_bank(0, PN_APIC_ISR, 0x71) && reg(0, PN_APIC_PPR) == 0x10,
		 "P4", "the host ends it");
	pn_vapic_clear(rig->vcpu[0].h->page, PN_APIC_TMR, 0x71);
}

/* Registers of table 15-22; @write: of a write, else of a read. */
static void classes(struct pn_avic *av)
{
	static const struct {
		uint32_t off;
		bool write;
		enum pn_avic_access result;
	} rows[] = {
		{PN_APIC_ID, true, PN_AVIC_TRAP},     {PN_APIC_LDR, true, PN_AVIC_TRAP},
		{PN_APIC_DFR, true, PN_AVIC_TRAP},    {PN_APIC_SVR, true, PN_AVIC_TRAP},
		{PN_APIC_ESR, true, PN_AVIC_TRAP},    {PN_APIC_LVT_TIMER, true, PN_AVIC_TRAP},
		{PN_APIC_TMICT, true, PN_AVIC_TRAP},  {PN_APIC_TDCR, true, PN_AVIC_TRAP},
		{PN_APIC_ICRH, true, PN_AVIC_DONE},   {PN_APIC_VERSION, true, PN_AVIC_FAULT},
		{PN_APIC_PPR, true, PN_AVIC_FAULT},   {PN_APIC_IRR, true, PN_AVIC_FAULT},
		{PN_APIC_TMCCT, true, PN_AVIC_FAULT}, {0x500, true, PN_AVIC_TRAP},
		{0x400, true, PN_AVIC_FAULT},	      {PN_APIC_ID + 4, true, PN_AVIC_FAULT},
		{PN_APIC_ID, false, PN_AVIC_DONE},    {PN_APIC_IRR, false, PN_AVIC_DONE},
		{PN_APIC_APR, false, PN_AVIC_FAULT},  {PN_APIC_TMCCT, false, PN_AVIC_FAULT},
		{0x500, false, PN_AVIC_DONE},	      {0x400, false, PN_AVIC_FAULT},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_avic_exit exit = {0};
		uint64_t value = reg(0, rows[i].off & 0xFF0);
		enum pn_avic_access r = rows[i].write
						? pn_avic_write(av, rows[i].off, value, &exit)
						: pn_avic_read(av, rows[i].off, &value, &exit);

		rig_want(r == rows[i].result, "P7", "an access to a register has another result");
		if (r == PN_AVIC_TRAP || r == PN_AVIC_FAULT)
			rig_want(exit.code == PN_EXIT_AVIC_NOACCEL &&
					 exit.info1 == ((uint64_t)rows[i].write << 32 |
							(rows[i].off & 0xFF0)),
				 "P7", "the exit of an access says another register");
	}
}

static void doorbells(struct pn_avic *av)
{
	struct pn_avic_vmcb bad = {.v_intr = PN_VINTR_AVIC, .np_enable = false};

	rig_want(pn_avic_doorbell(av), "P4", "a doorbell in the guest evaluates");
	pn_avic_vmexit(av);
	rig_want(!pn_avic_doorbell(av), "P5", "a doorbell outside has no effect");
	rig_want(pn_avic_evaluate(av, true) == -1, "P4", "no evaluation outside");
	rig_want(pn_avic_vmrun(av, &bad) < 0 && !av->in_guest, "P7", "VMRUN refuses a bad VMCB");
	bad = (struct pn_avic_vmcb){0};
	rig_want(!pn_avic_vmrun(av, &bad) && !pn_avic_doorbell(av), "P5",
		 "a doorbell has no effect in a guest without AVIC");
	pn_avic_vmexit(av);
}

static void processor(void *arg)
{
	struct pn_avic *av;

	(void)arg;
	px_doing("the guest uses its APIC");
	av = enters(0);
	priorities(av);
	level(av);
	classes(enters(0));
	doorbells(av);
}

static void registers(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .xapic = true});
	rig->no_rest_check = true;
	px_thread("vCPU 0", 0, processor, NULL);
}

/* ---- IPIs ---- */

struct ipi_row {
	uint64_t icr;
	uint8_t targets; /* vCPUs whose IRR bit is set */
	uint8_t rung;	 /* CPUs whose doorbell rings */
	bool exits;
};

#define SELF	  ((uint64_t)PN_ICR_SH_SELF << 18)
#define EVERYBODY ((uint64_t)PN_ICR_SH_ALL << 18)
#define OTHERS	  ((uint64_t)PN_ICR_SH_OTHERS << 18)
#define X1(dest)  ((uint64_t)(dest) << 56)
#define X2(dest)  ((uint64_t)(dest) << 32)
#define V	  0x61u
#define LOWEST	  (1u << 8)
#define NMI	  (4u << 8)
#define LOGICALLY ((uint64_t)PN_ICR_LOGICAL)
#define NOBODY_IS 9

/* vCPU 0 runs on CPU 0, vCPU 1 sleeps, vCPU 2 sends. */
static const struct ipi_row x2_rows[] = {
	{X2(0) | V, 1, 1, false},
	{X2(1) | V, 2, 0, true},
	{SELF | V, 4, 0, false},
	{EVERYBODY | V, 7, 1, true},
	{OTHERS | V, 3, 1, true},
	{X2(0xFFFFFFFF) | V, 7, 1, true},
	{X2(3) | LOGICALLY | V, 3, 1, true},
	{X2(4) | LOGICALLY | V, 4, 0, false},
	{X2(NOBODY_IS) | V, 0, 0, true},
	{X2(0) | LOWEST | V, 1, 1, true},
	{X2(3) | LOGICALLY | LOWEST | V, 1, 1, true},
	{X2(1) | NMI, 0, 0, true},
	{X2(1) | 5, 0, 0, true},
};

static const struct ipi_row x1_rows[] = {
	{X1(0) | V, 1, 1, false},
	{X1(1) | V, 2, 0, true},
	{SELF | V, 4, 0, false},
	{EVERYBODY | V, 7, 1, true},
	{OTHERS | V, 3, 1, true},
	{X1(0xFF) | V, 7, 1, true},
	{X1(3) | LOGICALLY | V, 3, 1, true},
	{X1(5) | LOGICALLY | V, 5, 1, false},
	{X1(8) | LOGICALLY | V, 0, 0, true},
	{X1(NOBODY_IS) | V, 0, 0, true},
	{X1(6) | LOGICALLY | LOWEST | V, 2, 0, true},
};

static void send_one(const struct ipi_row *row)
{
	struct pn_avic_exit exit = {0};
	bool trap;

	for (unsigned i = 0; i < 3; i++)
		pn_vapic_clear(rig->vcpu[i].h->page, PN_APIC_IRR, V);
	amd->bell[0] = amd->bell[1] = amd->bell[2] = 0;
	rig->vcpu[1].task.sleeping = 1;
	rig->vcpu[1].h->woken = 0;
	trap = pn_avic_ipi(enters(2), row->icr, &exit) == PN_AVIC_TRAP;
	leaves(2);
	if (trap)
		pn_svm_incomplete_ipi(&amd->vcpu[2], &rig->cpu[2], &exit);
	for (unsigned i = 0; i < 3; i++) {
		rig_want(in_bank(i, PN_APIC_IRR, V) == (row->targets >> i & 1), "P4",
			 "an IPI reaches a vCPU that it does not address, or not one that it does");
		rig_want(amd->bell[i] == (row->rung >> i & 1u), "P4", "the wrong doorbell rings");
	}
	rig_want(trap == row->exits, "P7", "an IPI exits, or does not");
	if (row->targets & 2)
		rig_want(!rig->vcpu[1].task.sleeping, "P1", "an IPI does not wake its target");
}

static void sends_all(void *arg)
{
	bool x2 = arg != NULL;
	const struct ipi_row *rows = x2 ? x2_rows : x1_rows;
	unsigned n =
		x2 ? sizeof(x2_rows) / sizeof(x2_rows[0]) : sizeof(x1_rows) / sizeof(x1_rows[0]);

	px_doing("sends IPIs");
	enters(0);
	for (unsigned i = 0; i < n; i++)
		send_one(&rows[i]);
	if (x2)
		rig_want(reg(2, PN_APIC_ESR) & 1u << 5, "P7", "an illegal vector sets ESR");
}

static void ipis(bool x2)
{
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .vcpus = 3, .xapic = !x2});
	rig_fall_asleep(1, 1);
	rig->no_rest_check = true;
	px_thread("vCPU 2", 2, sends_all, x2 ? rig : NULL);
}

static void ipis_x2(bool broken)
{
	(void)broken;
	ipis(true);
}

static void ipis_xapic(bool broken)
{
	(void)broken;
	ipis(false);
}

const struct case_setup pn_cases_amd_solo[] = {
	{{"guest-registers", "APM vol 2, 15.29.3", "EOI leaves the PPR of the vector that ended",
	  "PPR is computed anew at each EOI", "P4", false, false},
	 PN_MISTAKE_EOI_KEEPS_PPR,
	 registers,
	 0},
	{{"ipi-lowest-to-all", "inferred",
	  "the host delivers a lowest priority IPI to all that it addresses", "to one of them",
	  "P4", true, false},
	 PN_MISTAKE_LOWEST_TO_ALL,
	 ipis_x2,
	 0},
	{{"ipi-logical-skips", "APM vol 2, 15.29.5.3",
	  "a logical IPI stops at the first of its destinations", "all of them", "P4", false,
	  false},
	 PN_MISTAKE_IPI_ONE_BIT,
	 ipis_xapic,
	 0},
};

const unsigned pn_cases_amd_solo_nr = sizeof(pn_cases_amd_solo) / sizeof(pn_cases_amd_solo[0]);
