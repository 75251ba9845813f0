/* SPDX-License-Identifier: MIT */
/* A case of one agent on AMD: messages and IPIs that the host delivers, one after the other. */
#include "case_setup.h"
#include "ioapic.h"
#include "rig_amd.h"

#define ICR(shorthand, mode) ((uint64_t)(shorthand) << 18 | (uint64_t)(mode) << 8 | 0x61)

/* IPIs that the host emulates; vCPU 2 has its APIC off. */
static void ipis(void)
{
	struct pn_host_vcpu *from = rig->vcpu[0].h;
	static const struct {
		uint64_t icr;
		uint8_t targets;
	} rows[] = {
		{ICR(PN_ICR_SH_SELF, PN_DM_FIXED), 1},	 {ICR(PN_ICR_SH_ALL, PN_DM_FIXED), 3},
		{ICR(PN_ICR_SH_OTHERS, PN_DM_FIXED), 2}, {ICR(0, PN_DM_FIXED) | 2ull << 56, 0},
		{ICR(0, PN_DM_FIXED) | 1ull << 56, 2},	 {ICR(0, PN_DM_FIXED) | 0xFFull << 56, 3},
		{ICR(PN_ICR_SH_ALL, PN_DM_NMI), 0},
	};

	px_doing("emulates IPIs");
	rig->vcpu[2].h->apic_mode = PN_APIC_DISABLED;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig->vcpu[1].task.sleeping = 1;
		rig->vcpu[1].h->requests = 0;
		pn_host_ipi_emulate(rig->vm, from, &rig->cpu[0], rows[i].icr);
		for (unsigned n = 0; n < 3; n++)
			rig_want(pn_vapic_clear(rig->vcpu[n].h->page, PN_APIC_IRR, 0x61) ==
					 (rows[i].targets >> n & 1),
				 "P4", "an IPI reaches the wrong vCPU");
		rig_want(!rig->vcpu[1].task.sleeping == (rows[i].targets >> 1 & 1 ||
							 PN_ICR_MODE(rows[i].icr) == PN_DM_NMI),
			 "P1", "a vCPU sleeps on an IPI, or is woken without one");
	}
	rig_want(rig->vcpu[1].h->requests & PN_REQ_UNBLOCK, "P1",
		 "an NMI does not ask its vCPU to leave the block loop");
	pn_vapic_write(from->page, PN_APIC_ICRL, PN_ICR_BUSY | 0x61);
	pn_host_icr_idle(from);
	rig_want(pn_vapic_read(from->page, PN_APIC_ICRL) == 0x61, "P7",
		 "the ICR stays busy when its IPI is sent");
}

/* Nothing was asked of any vCPU, and all sleep. */
static void all_sleep(void)
{
	for (unsigned n = 0; n < 3; n++) {
		rig->vcpu[n].task.sleeping = 1;
		rig->vcpu[n].h->requests = 0;
	}
}

/* @targets were woken to look, no other. */
static void looked(unsigned targets, const char *what)
{
	for (unsigned n = 0; n < 3; n++) {
		const bool is = targets >> n & 1;

		rig_want(!(rig->vcpu[n].h->requests & PN_REQ_UNBLOCK) != is &&
				 !rig->vcpu[n].task.sleeping == is,
			 "P1", what);
	}
}

static unsigned taken_by(uint8_t vector)
{
	unsigned targets = 0;

	for (unsigned n = 0; n < 3; n++)
		if (pn_vapic_clear(rig->vcpu[n].h->page, PN_APIC_IRR, vector))
			targets |= 1u << n;
	return targets;
}

/* The vCPU with the lowest priority, each time another one; and one that no other message reaches.
 */
static void each_of_three(void)
{
	const struct pn_host_msg all = pn_host_msg_decode(PN_MSI_ADDR_BASE | 7u << 12 | 4, 0x161);

	px_doing("delivers to the vCPU with the lowest priority, and to one alone");
	for (unsigned n = 0; n < 3; n++) {
		const struct pn_host_msg nmi =
			pn_host_msg_decode(PN_MSI_ADDR_BASE | (uint64_t)n << 12, 0x461);

		for (unsigned i = 0; i < 3; i++)
			pn_vapic_write(rig->vcpu[i].h->page, PN_APIC_TPR, i == n ? 0x10 : 0x20);
		rig_want(pn_host_msg_deliver(rig->vm, &all, &rig->cpu[0]) == 1 &&
				 taken_by(0x61) == 1u << n,
			 "P4", "a message goes to a vCPU with a higher priority");
		pn_host_ipi_emulate(rig->vm, rig->vcpu[0].h, &rig->cpu[0],
				    ICR(PN_ICR_SH_ALL, PN_DM_LOWEST));
		rig_want(taken_by(0x61) == 1u << n, "P4",
			 "an IPI goes to a vCPU with a higher priority");
		all_sleep();
		pn_host_msg_deliver(rig->vm, &nmi, &rig->cpu[0]);
		looked(1u << n, "an NMI for one vCPU wakes another");
		all_sleep();
		pn_host_ipi_emulate(rig->vm, rig->vcpu[(n + 1) % 3].h, &rig->cpu[0],
				    ICR(0, PN_DM_SMI) | (uint64_t)n << 56);
		looked(1u << n, "an SMI for one vCPU wakes another");
	}
	for (unsigned i = 0; i < 3; i++)
		pn_vapic_write(rig->vcpu[i].h->page, PN_APIC_TPR, 0);
}

/* A vector below 16 is an error of the sender, and nothing else. */
static void illegal_vectors(void)
{
	struct pn_host_vcpu *from = rig->vcpu[0].h;

	for (unsigned lowest = 0; lowest < 2; lowest++) {
		pn_vapic_write(from->page, PN_APIC_ESR, 4);
		all_sleep();
		pn_host_ipi_emulate(
			rig->vm, from, &rig->cpu[0],
			(ICR(PN_ICR_SH_ALL, lowest ? PN_DM_LOWEST : PN_DM_FIXED) & ~0xFFull) | 15);
		rig_want(pn_vapic_read(from->page, PN_APIC_ESR) == (4 | 1 << 5), "P7",
			 "ESR of an illegal vector");
		looked(0, "an illegal vector wakes a vCPU");
		for (unsigned n = 0; n < 3; n++)
			rig_want(pn_vapic_empty(rig->vcpu[n].h->page, PN_APIC_IRR), "P4",
				 "an illegal vector is sent");
	}
}

/* Bit by bit. */
static void fields(void)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		struct pn_host_msg m = pn_host_msg_decode(1ull << bit, 0);
		uint32_t dest = bit >= 12 && bit < 20 ? 1u << (bit - 12)
				: bit >= 40	      ? 1u << (bit - 32)
						      : 0;

		rig_want(m.dest == dest && m.logical == (bit == 2) && m.hint == (bit == 3) &&
				 !m.vector && !m.mode && !m.level,
			 "P4", "a bit of an address means something else");
		if (bit > 31)
			continue;
		m = pn_host_msg_decode(0, 1u << bit);
		rig_want(m.vector == (bit < 8 ? 1u << bit : 0) &&
				 m.mode == (bit > 7 && bit < 11 ? 1u << (bit - 8) : 0) &&
				 m.level == (bit == 15) && !m.dest && !m.logical && !m.hint,
			 "P4", "a bit of data means something else");
	}
}

/* Exits of IPIs that the processor has not executed: the ICR is idle again after each. */
static void exits(void)
{
	for (unsigned id = 0; id < 5; id++) {
		const struct pn_avic_exit exit = {.info1 = ICR(PN_ICR_SH_SELF, PN_DM_FIXED),
						  .info2 = (uint64_t)id << 32};

		pn_vapic_write(rig->vcpu[0].h->page, PN_APIC_ICRL, PN_ICR_BUSY | 0x61);
		pn_svm_incomplete_ipi(&amd->vcpu[0], &rig->cpu[0], &exit);
		rig_want(pn_vapic_read(rig->vcpu[0].h->page, PN_APIC_ICRL) == 0x61, "P7",
			 "the ICR stays busy after an exit");
		rig_want(taken_by(0x61) == (id != PN_IPI_NOT_RUNNING), "P4",
			 "an IPI is sent twice, or not at all");
	}
}

/* The processor has set the bits, and found one that does not run: all targets are woken. */
static void not_running(void)
{
	const struct pn_avic_exit exit = {.info1 = ICR(PN_ICR_SH_OTHERS, PN_DM_FIXED),
					  .info2 = (uint64_t)PN_IPI_NOT_RUNNING << 32};

	all_sleep();
	pn_svm_incomplete_ipi(&amd->vcpu[1], &rig->cpu[1], &exit);
	for (unsigned n = 0; n < 3; n++)
		rig_want(!rig->vcpu[n].task.sleeping == (n != 1), "P1",
			 "a target of an IPI that does not run is not woken, or another vCPU is");
}

/* Two interrupts are routed to vCPU 1, whose APIC goes off: none of them is posted any more. */
static void refreshed(void)
{
	px_doing("decides anew which interrupts are posted");
	for (unsigned i = 0; i < 2; i++)
		rig_want(!pn_host_route_set(rig->vm, &rig->ir[i].route, rig->ir[i].entry,
					    PN_MSI_ADDR_BASE | 1u << 12, 0x61 + i, &rig->cpu[0]) &&
				 rig->ir[i].route.posted == rig->vcpu[1].h,
			 "P4", "an interrupt for one vCPU is not posted");
	rig->vcpu[1].h->apic_mode = PN_APIC_DISABLED;
	rig_want(!pn_host_routes_refresh(rig->vm, &rig->cpu[0]), "P4", "entries cannot be changed");
	for (unsigned i = 0; i < 2; i++) {
		rig_want(!rig->ir[i].route.posted && !rig->ir[i].entry->vcpu, "P4",
			 "an interrupt is posted to an APIC that is off");
		pn_host_route_clear(rig->vm, &rig->ir[i].route, &rig->cpu[0]);
	}
	rig->vcpu[1].h->apic_mode = PN_APIC_XAPIC;
}

/* What guests do not use: its targets look, find nothing and go on. vCPU 2 has its APIC off. */
static void no_vectors(void)
{
	static const struct {
		uint64_t addr;
		uint32_t data;
		uint8_t targets;
	} rows[] = {
		{0, 0x461, 1},
		{1u << 12, 0x261, 2},
		{2u << 12, 0x461, 0},
		{0xFFu << 12, 0x561, 3},
		{7u << 12, 0x761, 0},
		{3u << 12 | 4, 0x461, 3},
		{6u << 12 | 4, 0x461, 2},
	};

	px_doing("delivers NMIs, SMIs and INITs");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_host_msg m =
			pn_host_msg_decode(PN_MSI_ADDR_BASE | rows[i].addr, rows[i].data);

		all_sleep();
		rig_want(!pn_host_msg_deliver(rig->vm, &m, &rig->cpu[0]), "P4",
			 "a message without a vector is counted");
		looked(rows[i].targets, "a message without a vector wakes other vCPUs");
	}
	all_sleep();
	pn_host_ipi_emulate(rig->vm, rig->vcpu[1].h, &rig->cpu[1],
			    ICR(PN_ICR_SH_OTHERS, PN_DM_NMI));
	looked(1, "an NMI to all others wakes other vCPUs");
	all_sleep();
	pn_host_ipi_emulate(rig->vm, rig->vcpu[1].h, &rig->cpu[1], ICR(PN_ICR_SH_ALL, PN_DM_INIT));
	looked(1, "an INIT to all wakes other vCPUs");
}

static void sends(uint64_t addr, uint32_t data, unsigned targets, const char *what)
{
	struct rig_ir *ir = &rig->ir[0];
	unsigned n = (unsigned)__builtin_popcount(targets);

	rig_want(!pn_host_route_set(rig->vm, &ir->route, ir->entry, PN_MSI_ADDR_BASE | addr, data,
				    &rig->cpu[0]),
		 "P4", "a route is refused");
	all_sleep();
	rig_want(pn_host_route_irq(rig->vm, &ir->route, &rig->cpu[0]) == n, "P4", what);
	for (unsigned i = 0; i < 3; i++)
		rig_want(pn_vapic_clear(rig->vcpu[i].h->page, PN_APIC_IRR, data & 0xFF) ==
				 (targets >> i & 1),
			 "P4", what);
}

/* The message that a route keeps is the one that the guest wrote, every field of it. */
static void routes(void)
{
	px_doing("the host takes interrupts of a device");
	sends(3u << 12 | 4, 0x61, 3, "a fixed message goes to other vCPUs");
	sends(3u << 12 | 4, 0x161, 1, "lowest priority goes to several vCPUs");
	sends(3u << 12 | 4 | 8, 0x61, 1, "a message with the hint goes to several vCPUs");
	sends(1u << 12, 0xFE, 2, "a physical destination");
	sends(0xFFu << 12, 0x91, 3, "a broadcast reaches an APIC that is off");
	sends(3u << 12 | 4, 0x461, 0, "an NMI sets a vector");
	looked(3, "an NMI of a route wakes other vCPUs");
	sends(1u << 12, 0x261, 0, "an SMI sets a vector");
	looked(2, "an SMI of a route wakes other vCPUs");
	sends(3u << 12, 0xC061, 0, "a destination that nobody has");
	sends(1u << 12, 0xC0A1, 2, "a level");
	rig_want(pn_vapic_test(rig->vcpu[1].h->page, PN_APIC_TMR, 0xA1), "P4",
		 "the trigger mode of a level is lost");
	rig_want(!pn_host_route_clear(rig->vm, &rig->ir[0].route, &rig->cpu[0]) &&
			 !pn_host_route_irq(rig->vm, &rig->ir[0].route, &rig->cpu[0]),
		 "P4", "a route that is gone delivers");
}

/* Nothing is in service, and an entry of the I/O APIC waits for the EOI of vector FFh. */
static struct pn_ioapic *io;

static void eoi_of_nothing(void)
{
	px_doing("EOI with nothing in service");
	pn_ioapic_init(io, rig->vm);
	pn_ioapic_write(io, 0, 0x10, &rig->cpu[0]);
	pn_ioapic_write(io, 0x10, 0x80FF, &rig->cpu[0]);
	pn_ioapic_line(io, 0, true, &rig->cpu[0]);
	pn_ioapic_line(io, 0, false, &rig->cpu[0]);
	rig_want(pn_ioapic_read(io, 0x10, &rig->cpu[0]) >> 14 & 1, "P4",
		 "no remote IRR of a level");
	pn_vapic_clear(rig->vcpu[0].h->page, PN_APIC_IRR, 0xFF);
	rig_want(pn_svm_eoi(rig->vcpu[0].h, &rig->cpu[0]) == -1 &&
			 pn_ioapic_read(io, 0x10, &rig->cpu[0]) >> 14 & 1,
		 "P4", "an EOI with nothing in service ends a level");
	rig->vm->ioapic = NULL;
}

static void messages(void *arg)
{
	static const struct {
		uint64_t addr;
		uint32_t data;
		uint8_t targets, n;
		int postable; /* vCPU, or -1 */
	} rows[] = {
		{0, 0x61, 1, 1, 0},
		{1u << 12, 0x61, 2, 1, 1},
		{7u << 12, 0x61, 0, 0, -1},
		{0xFFu << 12, 0x61, 7, 3, -1},
		{6u << 12 | 4, 0x61, 6, 2, -1},
		{4u << 12 | 4, 0x61, 4, 1, 2},
		{6u << 12 | 4 | 8, 0x61, 2, 1, -1},
		{6u << 12 | 4, 0x161, 2, 1, -1},
		{7u << 12, 0x161, 0, 0, -1},
		{1u << 12, 0x461, 0, 0, -1},
		{1u << 12, 0x05, 0, 0, -1},
	};

	(void)arg;
	px_doing("delivers messages");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_host_msg m =
			pn_host_msg_decode(PN_MSI_ADDR_BASE | rows[i].addr, rows[i].data);
		struct pn_host_vcpu *to = pn_host_msg_postable(rig->vm, &m);

		rig_want(to == (rows[i].postable < 0 ? NULL : rig->vcpu[rows[i].postable].h), "P4",
			 "a message can be posted, or not, or to another vCPU");
		rig_want(pn_host_msg_deliver(rig->vm, &m, &rig->cpu[0]) == rows[i].n, "P4",
			 "a message reaches another number of vCPUs");
		for (unsigned n = 0; n < 3; n++)
			rig_want(pn_vapic_clear(rig->vcpu[n].h->page, PN_APIC_IRR, 0x61) ==
					 (rows[i].targets >> n & 1),
				 "P4", "a message reaches the wrong vCPU");
	}
	fields();
	exits();
	not_running();
	each_of_three();
	illegal_vectors();
	refreshed();
	ipis();
	no_vectors();
	routes();
	eoi_of_nothing();
}

static void message(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_NONE, .vcpus = 3, .xapic = true});
	rig_amd_attach(0, 0, NULL, 0x41);
	rig_amd_attach(1, 0, NULL, 0x42);
	io = px_alloc(sizeof(*io), 64);
	rig->no_rest_check = true;
	px_thread("CPU 0", 0, messages, NULL);
}

const struct case_setup pn_cases_amd_msg[] = {
	{{"hint-to-all", "inferred",
	  "a message with the redirection hint reaches all its destinations", "one of them", "P4",
	  true, false},
	 PN_MISTAKE_HINT_TO_ALL,
	 message,
	 0},
};

const unsigned pn_cases_amd_msg_nr = sizeof(pn_cases_amd_msg) / sizeof(pn_cases_amd_msg[0]);
