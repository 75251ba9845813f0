/* SPDX-License-Identifier: MIT */
/* The guest's I/O APIC with each of its registers and pins. */
#include "cases_amd_ioapic.h"

/* ---- registers ---- */

static uint32_t rd(uint32_t index)
{
	pn_ioapic_write(&host_lab->io, 0, index, &rig->cpu[0]);
	return pn_ioapic_read(&host_lab->io, 0x10, &rig->cpu[0]);
}

static void wr(uint32_t index, uint32_t value)
{
	pn_ioapic_write(&host_lab->io, 0, index, &rig->cpu[0]);
	pn_ioapic_write(&host_lab->io, 0x10, value, &rig->cpu[0]);
	rig_want(!host_lab->io.lock.held, "P6", "the lock stays");
}

static void pin(unsigned n, uint32_t low, uint32_t dest)
{
	wr(0x11 + 2 * n, dest << 24);
	wr(0x10 + 2 * n, low);
}

static void registers(void)
{
	for (unsigned i = 0; i < 48; i++)
		rig_want(rd(0x10 + i) == (i & 1 ? 0 : 0x10000), "P7", "an entry begins masked");
	rig_want(rig->vm->ioapic == &host_lab->io && rd(1) == 0x00170020 && !rd(0) && !rd(2), "P7",
		 "ID and version");
	wr(0, 0xFFFFFFFF);
	rig_want(rd(0) == 0x0F000000 && rd(2) == 0x0F000000, "P7", "the ID has four bits");
	wr(1, 0);
	wr(2, 0);
	rig_want(rd(1) == 0x00170020 && rd(2) == 0x0F000000, "P7", "a read-only register");
	for (unsigned i = 0; i < 48; i++) {
		uint32_t all = i & 1 ? 0xFF000000 : 0x0001AFFF;

		wr(0x10 + i, 0xFFFFFFFF);
		rig_want(rd(0x10 + i) == all && rd(0x10 + (i ^ 1)) == (i & 1 ? 0x10000 : 0), "P7",
			 "other bits of an entry can be written");
		wr(0x10 + i, i & 1 ? 0 : 0x10000);
	}
	wr(0x40, 0xFFFFFFFF);
	wr(0x0F, 0xFFFFFFFF);
	wr(0xFF, 0xFFFFFFFF);
	rig_want(!rd(0x40) && !rd(0x41) && !rd(0x0F) && !rd(3) && !rd(0xFF), "P7",
		 "a register that is not there");
	pn_ioapic_write(&host_lab->io, 0, 0x123, &rig->cpu[0]);
	rig_want(pn_ioapic_read(&host_lab->io, 0, &rig->cpu[0]) == 0x23, "P7",
		 "the index has 8 bits");
	pn_ioapic_write(&host_lab->io, 0x20, 7, &rig->cpu[0]);
	rig_want(!pn_ioapic_read(&host_lab->io, 0x20, &rig->cpu[0]) &&
			 !pn_ioapic_read(&host_lab->io, 0x40, &rig->cpu[0]) &&
			 pn_ioapic_read(&host_lab->io, 0, &rig->cpu[0]) == 0x23,
		 "P7", "an offset without a register");
	rig_want(!host_lab->io.delivered && !host_lab->io.eois, "P5", "registers interrupt");
}

/* ---- pins ---- */

static void line(unsigned n, bool on)
{
	pn_ioapic_line(&host_lab->io, n, on, &rig->cpu[0]);
	rig_want(!host_lab->io.lock.held, "P6", "the lock stays");
}

static void eoi(uint8_t vector)
{
	pn_ioapic_write(&host_lab->io, 0x40, vector, &rig->cpu[0]);
}

static bool remote(unsigned n)
{
	return rd(0x10 + 2 * n) >> 14 & 1;
}

static void edges(void)
{
	pin(3, 0x61, 1);
	line(3, true);
	host_came(0x61, 2, false, "an edge");
	line(3, true);
	host_came(0x61, 0, false, "an edge that is none");
	line(3, false);
	host_came(0x61, 0, false, "the other edge");
	line(3, true);
	host_came(0x61, 2, false, "the next edge");
	rig_want(!remote(3), "P7", "an edge has no remote IRR");
	line(3, false);
	pin(3, 0x10061, 1);
	line(3, true);
	pin(3, 0x61, 1);
	host_came(0x61, 0, false, "an edge at a masked pin");
	line(23, true);
	line(24, true);
	line(32 + 3, true);
	rig_want(host_lab->io.line == (1u << 23 | 1u << 3), "P7", "pins that there are");
	line(23, false);
	line(3, false);
	pn_vapic_set(rig->vcpu[1].h->page, PN_APIC_TMR, 0x61); /* of a level before */
	line(3, true);
	host_came(0x61, 2, false, "an edge with the vector of a level");
	line(3, false);
	rig_want(!host_lab->io.line, "P7", "a pin stays");
	pin(4, 0x861, 6); /* logical */
	line(4, true);
	host_came(0x61, 6, false, "a logical destination");
	line(4, false);
	pin(4, 0x961, 6); /* lowest priority */
	pn_vapic_write(rig->vcpu[1].h->page, PN_APIC_TPR, 0x50);
	line(4, true);
	host_came(0x61, 4, false, "the lowest priority");
	pn_vapic_write(rig->vcpu[1].h->page, PN_APIC_TPR, 0);
	line(4, false);
	pin(4, 0x62, 0xFF);
	line(4, true);
	host_came(0x62, 7, false, "a broadcast");
	line(4, false);
	pin(4, 0x10000, 0);
}

static void levels(void)
{
	uint64_t eois = host_lab->io.eois;

	pin(5, 0x8071, 2);
	line(5, true);
	host_came(0x71, 4, true, "a level");
	rig_want(remote(5), "P4", "its remote IRR");
	line(5, true);
	eoi(0x72);
	host_came(0x71, 0, true, "a level on its way");
	rig_want(remote(5) && host_lab->io.eois == eois, "P4", "an EOI of another vector ends it");
	eoi(0x71);
	host_came(0x71, 4, true, "a level that is there still");
	rig_want(remote(5) && host_lab->io.eois == eois + 1, "P4", "its remote IRR");
	line(5, false);
	eoi(0x71);
	host_came(0x71, 0, true, "a level that is gone");
	rig_want(!remote(5), "P4", "its remote IRR");
	pin(5, 0x18071, 2);
	line(5, true);
	host_came(0x71, 0, true, "a masked level");
	wr(0x1A, 0x8071);
	host_came(0x71, 4, true, "a level that is unmasked");
	/* To edge and back: a stuck remote IRR goes. */
	line(5, false);
	wr(0x1A, 0x71);
	rig_want(!remote(5), "P4", "the remote IRR of an edge");
	wr(0x1A, 0x8071);
	rig_want(!remote(5), "P4", "remote IRR is read-only");
}

/* Of several pins, to nobody, with an entry that changes. */
static void more_levels(void)
{
	/* Two pins with one vector. */
	pin(6, 0x8071, 0);
	line(5, true);
	line(6, true);
	host_came(0x71, 5, true, "two pins");
	line(5, false);
	line(6, false);
	eoi(0x71);
	rig_want(!remote(5) && !remote(6), "P4", "an EOI ends one pin of two");
	/* Nobody accepts it: no remote IRR. */
	pin(6, 0x8071, 9);
	line(6, true);
	rig_want(!remote(6), "P4", "remote IRR of what nobody has accepted");
	line(6, false);
	/* An entry changes while its interrupt is on its way: remote IRR stays. */
	line(5, true);
	host_came(0x71, 4, true, "a level");
	wr(0x1A, 0x18071);
	rig_want(remote(5), "P4", "a write to the entry ends its interrupt");
	line(5, false);
	eoi(0x71);
	pin(5, 0x10000, 0);
	pin(6, 0x10000, 0);
}

/* By the vCPU: a level's EOI reaches the I/O APIC, unless its guest suppresses that. */
static void by_vcpu(void)
{
	void *page = rig->vcpu[2].h->page;

	for (unsigned k = 0; k < 2; k++) {
		pin(5, 0x8071, 2);
		line(5, true);
		line(5, false);
		pn_vapic_write(page, PN_APIC_SVR, k ? 0x11FF : 0x1FF);
		pn_vapic_clear(page, PN_APIC_IRR, 0x71);
		pn_vapic_set(page, PN_APIC_ISR, 0x71);
		pn_vapic_set(page, PN_APIC_ISR, 0x51);
		rig_want(pn_svm_eoi(rig->vcpu[2].h, &rig->cpu[2]) == 0x71 &&
				 pn_vapic_read(page, PN_APIC_PPR) == 0x50,
			 "P4", "the EOI of a level");
		rig_want(remote(5) == k, "P4", "an EOI reaches the I/O APIC, or does not");
		rig_want(pn_svm_eoi(rig->vcpu[2].h, &rig->cpu[2]) == -1 &&
				 !pn_vapic_read(page, PN_APIC_PPR) &&
				 pn_svm_eoi(rig->vcpu[2].h, &rig->cpu[2]) == -1,
			 "P4", "the EOI of an edge, and of nothing");
		pn_vapic_clear(page, PN_APIC_TMR, 0x71);
		eoi(0x71);
	}
	pn_vapic_write(page, PN_APIC_SVR, 0x1FF);
	pin(5, 0x10000, 0);
}

static void handled(void)
{
	const struct pn_host_vcpu *h = rig->vcpu[1].h;
	uint64_t v[4] = {9, 9, 9, 9};

	rig_want(pn_ioapic_handled(&host_lab->io, h, v) == -1 && !v[0] && !v[1] && !v[2] && !v[3],
		 "P4", "no level, and vectors to be handled");
	pin(0, 0x18031, 1);
	pin(1, 0x180F2, 1);
	pin(2, 0x18055, 2);
	pin(3, 0x10041, 1);
	rig_want(pn_ioapic_handled(&host_lab->io, h, v) == -1 && v[0] == 1ull << 0x31 && !v[1] &&
			 !v[2] && v[3] == 1ull << 0x32,
		 "P4", "other vectors are handled");
	pn_vapic_set(h->page, PN_APIC_ISR, 0x55);
	rig_want(pn_ioapic_handled(&host_lab->io, h, v) == 0x55 && v[1] == 1ull << 0x15, "P4",
		 "a vector in service that goes elsewhere now");
	pn_vapic_clear(h->page, PN_APIC_ISR, 0x55);
	pn_vapic_set(h->page, PN_APIC_IRR, 0x55);
	pin(4, 0x18044, 0);
	pn_vapic_set(h->page, PN_APIC_IRR, 0x44);
	rig_want(pn_ioapic_handled(&host_lab->io, h, v) == 0x55 &&
			 v[1] == (1ull << 0x15 | 1ull << 4),
		 "P4", "the highest that goes elsewhere now");
	pn_vapic_clear(h->page, PN_APIC_IRR, 0x55);
	pn_vapic_clear(h->page, PN_APIC_IRR, 0x44);
	for (unsigned n = 0; n < 5; n++)
		pin(n, 0x10000, 0);
}

/* Its lock is held while vCPUs are woken. */
static void io_lock(void)
{
	host_want = &host_lab->io.lock;
	pin(5, 0x8071, 2);
	rig->vcpu[2].task.sleeping = 1;
	line(5, true);
	rig_want(!rig->vcpu[2].task.sleeping, "P1", "an interrupt wakes nobody");
	eoi(0x71);
	line(5, false);
	eoi(0x71);
	pin(5, 0x18071, 2);
	line(5, true);
	wr(0x1A, 0x8071);
	pn_ioapic_eoi(&host_lab->io, rig->vcpu[2].h, &rig->cpu[0], 0x71);
	line(5, false);
	eoi(0x71);
	host_want = NULL;
	pin(5, 0x10000, 0);
	host_came(0x71, 4, true, "what came");
}

void host_ioapic(void)
{
	registers();
	edges();
	levels();
	more_levels();
	by_vcpu();
	handled();
	io_lock();
}
