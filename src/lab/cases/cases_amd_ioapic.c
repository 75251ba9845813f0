/* SPDX-License-Identifier: MIT */
/*
 * What both vendors' hosts share, as one agent on AMD: the guest's I/O APIC with each of its
 * registers and pins, routes of messages, pages, lists of CPUs, injection by software; and under
 * which lock the hypervisor wakes vCPUs.
 */
#include <errno.h>
#include <string.h>

#include "case_setup.h"
#include "ioapic.h"
#include "pages.h"
#include "rig_amd.h"

static struct {
	struct pn_ioapic io;
	struct pn_host_route route;
	struct pn_host_cpu cpu, other;
	struct pn_host_vcpu h;
	struct pn_list node;
	uint32_t page[1024];
} * lab;

static const struct pn_lock *want; /* held when a task is woken; NULL: any */
static unsigned wakes, kicks;
static uint32_t kicked;

static bool os_wake(void *ctx, struct pn_agent *self, void *task, enum pn_wake_reason why)
{
	struct rig_task *t = task;
	bool slept = t->sleeping;

	(void)ctx;
	(void)self;
	(void)why;
	rig_want(!want || want->held, "P6",
		 "a vCPU is woken without the lock of what it waits for");
	t->sleeping = 0;
	wakes += t == &rig->vcpu[0].task;
	return slept;
}

static void os_ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector)
{
	(void)ctx;
	(void)self;
	rig_want(vector == 0xFD, "P1", "another vector kicks a vCPU out of its guest");
	kicked = cpu;
	kicks++;
}

/* ---- registers of the I/O APIC ---- */

static uint32_t rd(uint32_t index)
{
	pn_ioapic_write(&lab->io, 0, index, &rig->cpu[0]);
	return pn_ioapic_read(&lab->io, 0x10, &rig->cpu[0]);
}

static void wr(uint32_t index, uint32_t value)
{
	pn_ioapic_write(&lab->io, 0, index, &rig->cpu[0]);
	pn_ioapic_write(&lab->io, 0x10, value, &rig->cpu[0]);
	rig_want(!lab->io.lock.held, "P6", "the lock stays");
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
	rig_want(rig->vm->ioapic == &lab->io && rd(1) == 0x00170020 && !rd(0) && !rd(2), "P7",
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
	pn_ioapic_write(&lab->io, 0, 0x123, &rig->cpu[0]);
	rig_want(pn_ioapic_read(&lab->io, 0, &rig->cpu[0]) == 0x23, "P7", "the index has 8 bits");
	pn_ioapic_write(&lab->io, 0x20, 7, &rig->cpu[0]);
	rig_want(!pn_ioapic_read(&lab->io, 0x20, &rig->cpu[0]) &&
			 !pn_ioapic_read(&lab->io, 0x40, &rig->cpu[0]) &&
			 pn_ioapic_read(&lab->io, 0, &rig->cpu[0]) == 0x23,
		 "P7", "an offset without a register");
	rig_want(!lab->io.delivered && !lab->io.eois, "P5", "registers interrupt");
}

/* ---- pins ---- */

static void line(unsigned n, bool on)
{
	pn_ioapic_line(&lab->io, n, on, &rig->cpu[0]);
	rig_want(!lab->io.lock.held, "P6", "the lock stays");
}

/* @vector came to the vCPUs @who, and to no other; @level. */
static void came(uint8_t vector, unsigned who, bool level, const char *what)
{
	for (unsigned n = 0; n < 3; n++) {
		void *page = rig->vcpu[n].h->page;
		bool mine = who >> n & 1;

		rig_want(pn_vapic_clear(page, PN_APIC_IRR, vector) == mine &&
				 pn_vapic_empty(page, PN_APIC_IRR),
			 "P4", what);
		if (mine)
			rig_want(pn_vapic_clear(page, PN_APIC_TMR, vector) == level, "P4",
				 "the trigger mode of an interrupt");
	}
}

static void eoi(uint8_t vector)
{
	pn_ioapic_write(&lab->io, 0x40, vector, &rig->cpu[0]);
}

static bool remote(unsigned n)
{
	return rd(0x10 + 2 * n) >> 14 & 1;
}

static void edges(void)
{
	pin(3, 0x61, 1);
	line(3, true);
	came(0x61, 2, false, "an edge");
	line(3, true);
	came(0x61, 0, false, "an edge that is none");
	line(3, false);
	came(0x61, 0, false, "the other edge");
	line(3, true);
	came(0x61, 2, false, "the next edge");
	rig_want(!remote(3), "P7", "an edge has no remote IRR");
	line(3, false);
	pin(3, 0x10061, 1);
	line(3, true);
	pin(3, 0x61, 1);
	came(0x61, 0, false, "an edge at a masked pin");
	line(23, true);
	line(24, true);
	line(32 + 3, true);
	rig_want(lab->io.line == (1u << 23 | 1u << 3), "P7", "pins that there are");
	line(23, false);
	line(3, false);
	pn_vapic_set(rig->vcpu[1].h->page, PN_APIC_TMR, 0x61); /* of a level before */
	line(3, true);
	came(0x61, 2, false, "an edge with the vector of a level");
	line(3, false);
	rig_want(!lab->io.line, "P7", "a pin stays");
	pin(4, 0x861, 6); /* logical */
	line(4, true);
	came(0x61, 6, false, "a logical destination");
	line(4, false);
	pin(4, 0x961, 6); /* lowest priority */
	pn_vapic_write(rig->vcpu[1].h->page, PN_APIC_TPR, 0x50);
	line(4, true);
	came(0x61, 4, false, "the lowest priority");
	pn_vapic_write(rig->vcpu[1].h->page, PN_APIC_TPR, 0);
	line(4, false);
	pin(4, 0x62, 0xFF);
	line(4, true);
	came(0x62, 7, false, "a broadcast");
	line(4, false);
	pin(4, 0x10000, 0);
}

static void levels(void)
{
	uint64_t eois = lab->io.eois;

	pin(5, 0x8071, 2);
	line(5, true);
	came(0x71, 4, true, "a level");
	rig_want(remote(5), "P4", "its remote IRR");
	line(5, true);
	eoi(0x72);
	came(0x71, 0, true, "a level on its way");
	rig_want(remote(5) && lab->io.eois == eois, "P4", "an EOI of another vector ends it");
	eoi(0x71);
	came(0x71, 4, true, "a level that is there still");
	rig_want(remote(5) && lab->io.eois == eois + 1, "P4", "its remote IRR");
	line(5, false);
	eoi(0x71);
	came(0x71, 0, true, "a level that is gone");
	rig_want(!remote(5), "P4", "its remote IRR");
	pin(5, 0x18071, 2);
	line(5, true);
	came(0x71, 0, true, "a masked level");
	wr(0x1A, 0x8071);
	came(0x71, 4, true, "a level that is unmasked");
	/* To edge and back: a stuck remote IRR goes. */
	line(5, false);
	wr(0x1A, 0x71);
	rig_want(!remote(5), "P4", "the remote IRR of an edge");
	wr(0x1A, 0x8071);
	rig_want(!remote(5), "P4", "remote IRR is read-only");
	/* Two pins with one vector. */
	pin(6, 0x8071, 0);
	line(5, true);
	line(6, true);
	came(0x71, 5, true, "two pins");
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
	came(0x71, 4, true, "a level");
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

	rig_want(pn_ioapic_handled(&lab->io, h, v) == -1 && !v[0] && !v[1] && !v[2] && !v[3], "P4",
		 "no level, and vectors to be handled");
	pin(0, 0x18031, 1);
	pin(1, 0x180F2, 1);
	pin(2, 0x18055, 2);
	pin(3, 0x10041, 1);
	rig_want(pn_ioapic_handled(&lab->io, h, v) == -1 && v[0] == 1ull << 0x31 && !v[1] &&
			 !v[2] && v[3] == 1ull << 0x32,
		 "P4", "other vectors are handled");
	pn_vapic_set(h->page, PN_APIC_ISR, 0x55);
	rig_want(pn_ioapic_handled(&lab->io, h, v) == 0x55 && v[1] == 1ull << 0x15, "P4",
		 "a vector in service that goes elsewhere now");
	pn_vapic_clear(h->page, PN_APIC_ISR, 0x55);
	pn_vapic_set(h->page, PN_APIC_IRR, 0x55);
	pin(4, 0x18044, 0);
	pn_vapic_set(h->page, PN_APIC_IRR, 0x44);
	rig_want(pn_ioapic_handled(&lab->io, h, v) == 0x55 && v[1] == (1ull << 0x15 | 1ull << 4),
		 "P4", "the highest that goes elsewhere now");
	pn_vapic_clear(h->page, PN_APIC_IRR, 0x55);
	pn_vapic_clear(h->page, PN_APIC_IRR, 0x44);
	for (unsigned n = 0; n < 5; n++)
		pin(n, 0x10000, 0);
}

/* Its lock is held while vCPUs are woken. */
static void io_lock(void)
{
	want = &lab->io.lock;
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
	pn_ioapic_eoi(&lab->io, rig->vcpu[2].h, &rig->cpu[0], 0x71);
	line(5, false);
	eoi(0x71);
	want = NULL;
	pin(5, 0x10000, 0);
	came(0x71, 4, true, "what came");
}

/* ---- routes ---- */

static void routes(void)
{
	struct pn_host_entry *e = &amd->ir[0].ir.host;
	struct pn_host_route *r = &lab->route;

	rig_want(!pn_host_route_irq(rig->vm, r, &rig->cpu[0]), "P5", "no route");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE01000, 0x61, &rig->cpu[0]) &&
			 e->vcpu == rig->vcpu[1].h && r->posted == rig->vcpu[1].h &&
			 amd->ir[0].ir.guest_mode && amd->ir[0].ir.vector == 0x61,
		 "P4", "a message to one vCPU is posted");
	rig_want(pn_host_route_irq(rig->vm, r, &rig->cpu[0]) == 1, "P4", "by software");
	came(0x61, 2, false, "by software");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE01000, 0x62, &rig->cpu[0]) &&
			 amd->ir[0].ir.vector == 0x62 && e->vcpu == rig->vcpu[1].h,
		 "P4", "another vector");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE06004, 0x62, &rig->cpu[0]) && !e->vcpu &&
			 !r->posted && !amd->ir[0].ir.guest_mode,
		 "P4", "a message to two vCPUs is not posted");
	rig_want(pn_host_route_irq(rig->vm, r, &rig->cpu[0]) == 2, "P4", "by software to two");
	came(0x62, 6, false, "by software to two");
	pn_vapic_write(rig->vcpu[1].h->page, PN_APIC_SVR, 0xFF);
	rig_want(!pn_host_routes_refresh(rig->vm, &rig->cpu[0]) && e->vcpu == rig->vcpu[2].h, "P4",
		 "one of them is switched off: it is posted");
	pn_vapic_write(rig->vcpu[1].h->page, PN_APIC_SVR, 0x1FF);
	rig_want(!pn_host_routes_refresh(rig->vm, &rig->cpu[0]) && !e->vcpu, "P4",
		 "and on again: it is not");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE0600C, 0xC163, &rig->cpu[0]) &&
			 pn_host_route_irq(rig->vm, r, &rig->cpu[0]) == 1,
		 "P4", "a level to one of two");
	came(0x63, 2, true, "a level to one of two");
	pn_vapic_set(rig->vcpu[1].h->page, PN_APIC_TMR, 0x63); /* of a level before */
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE0600C, 0x63, &rig->cpu[0]) &&
			 pn_host_route_irq(rig->vm, r, &rig->cpu[0]) == 1,
		 "P4", "the hint is kept");
	came(0x63, 2, false, "the hint is kept");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0x100FEE01000, 0x63, &rig->cpu[0]) && !e->vcpu &&
			 !pn_host_route_irq(rig->vm, r, &rig->cpu[0]),
		 "P4", "an ID above 255 of xAPIC");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEEFF000, 0x63, &rig->cpu[0]) && !e->vcpu &&
			 pn_host_route_irq(rig->vm, r, &rig->cpu[0]) == 3,
		 "P4", "a broadcast");
	came(0x63, 7, false, "a broadcast");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE00000, 0x463, &rig->cpu[0]) && !e->vcpu,
		 "P4", "an NMI is not posted");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE00000, 0x0F, &rig->cpu[0]) && !e->vcpu,
		 "P4", "vector 15 is not posted");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE00000, 0x10, &rig->cpu[0]) &&
			 e->vcpu == rig->vcpu[0].h,
		 "P4", "vector 16 is posted");
	rig_want(!pn_host_route_clear(rig->vm, r, &rig->cpu[0]) && !e->vcpu && !r->entry &&
			 !amd->ir[0].ir.guest_mode && pn_list_empty(&rig->vm->routes) &&
			 !rig->vm->routes_lock.held,
		 "P6", "a route that is cleared");
	rig_want(!pn_host_route_clear(rig->vm, r, &rig->cpu[0]) &&
			 !pn_host_route_irq(rig->vm, r, &rig->cpu[0]),
		 "P6", "a route that is cleared twice");
	/* An entry that cannot be set up: by software. */
	amd->ir[1].ir.irte = NULL;
	rig_want(pn_host_route_set(rig->vm, r, &amd->ir[1].ir.host, 0xFEE01000, 0x61,
				   &rig->cpu[0]) == -EINVAL &&
			 !r->posted,
		 "P7", "an entry that there is not");
	rig_want(pn_host_routes_refresh(rig->vm, &rig->cpu[0]) == -EINVAL, "P7", "still");
	pn_host_route_clear(rig->vm, r, &rig->cpu[0]);
}

/* ---- pages ---- */

static void pages(void)
{
	struct pn_pages p;
	uint64_t base = rig->bus.ram_base, end = base + rig->bus.ram_size, pa = 1;
	uint8_t *mem = rig->bus.ram + rig->bus.ram_size - 8192;

	memset(mem, 0xAB, 8192);
	pn_pages_init(&p, &rig->bus, end - 8192, 8192);
	rig_want(!pn_pages_alloc(&p, 8, 4, &pa) && !pn_pages_alloc(&p, 8, 24, &pa) &&
			 !pn_pages_alloc(&p, 8, 0, &pa) && !pn_pages_alloc(&p, 0, 8, &pa) &&
			 !pn_pages_alloc(&p, 8193, 8, &pa) && pa == 1 && p.next == end - 8192,
		 "P7", "memory that cannot be given out");
	rig_want(pn_pages_alloc(&p, 12, 8, &pa) == mem && pa == end - 8192, "P7", "12 bytes");
	rig_want(pn_pages_alloc(&p, 8, 16, &pa) == mem + 16 && pa == end - 8192 + 16, "P7",
		 "aligned to 16 bytes");
	for (unsigned i = 0; i < 8192; i++)
		rig_want(mem[i] == (i < 12 || (i >= 16 && i < 24) ? 0 : 0xAB), "P7",
			 "memory is not cleared, or other memory is");
	rig_want(!pn_pages_alloc(&p, 4097, 4096, &pa) &&
			 pn_pages_alloc(&p, 4096, 4096, &pa) == mem + 4096 &&
			 !pn_pages_alloc(&p, 1, 8, &pa),
		 "P7", "the last page");
	pn_pages_init(&p, &rig->bus, end, 4096);
	rig_want(!pn_pages_alloc(&p, 8, 8, &pa) && p.next == end, "P7", "no memory behind it");
	pn_pages_init(&p, &rig->bus, UINT64_MAX - 100, 200);
	rig_want(p.end == UINT64_MAX && !pn_pages_alloc(&p, 8, 4096, &pa) &&
			 !pn_pages_alloc(&p, 150, 8, &pa),
		 "P7", "the end of all addresses");
}

/* ---- CPUs, APICs, injection ---- */

static void cpus(void)
{
	struct pn_host_cpu *c = &lab->cpu;

	memset(c, 0xAB, sizeof(*c));
	c->agent = rig->cpu[0].agent;
	c->apicid = 77;
	pn_host_cpu_init(c, 5);
	rig_want(c->id == 5 && c->apicid == 77 && c->agent == rig->cpu[0].agent && c->online == 1 &&
			 !c->in_handler && !c->wake_lock.held && pn_list_empty(&c->wake_list),
		 "P7", "a CPU that comes up");
	pn_list_init(&lab->node);
	rig_want(pn_wakelist_add(c, &rig->cpu[0], &lab->node) == c &&
			 pn_list_first(&c->wake_list) == &lab->node && !c->wake_lock.held,
		 "P3", "a list of its own CPU");
	pn_wakelist_del(c, &lab->node);
	rig_want(pn_list_empty(&c->wake_list) && !c->wake_lock.held, "P3", "off the list");
	c->online = 0;
	pn_host_cpu_init(&lab->other, 6);
	rig_want(pn_wakelist_add(c, &lab->other, &lab->node) == &lab->other &&
			 pn_list_empty(&c->wake_list) &&
			 pn_list_first(&lab->other.wake_list) == &lab->node &&
			 !lab->other.wake_lock.held,
		 "P3", "the CPU is gone: the list of the one that runs");
	pn_wakelist_del(&lab->other, &lab->node);
}

static void firmware(void)
{
	static const struct {
		uint32_t idx, n, ldr, dfr;
		bool x2;
	} rows[] = {
		{7, 8, 0x80000000, 0xFFFFFFFF, false}, {7, 9, 0x18000000, 0x0FFFFFFF, false},
		{0, 9, 0x01000000, 0x0FFFFFFF, false}, {59, 61, 0xE8000000, 0x0FFFFFFF, false},
		{60, 61, 0, 0x0FFFFFFF, false},	       {37, 61, 0x00020020, 0xFFFFFFFF, true},
	};
	struct pn_host_vcpu *h = &lab->h;

	h->page = lab->page;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		h->idx = rows[i].idx;
		pn_host_vcpu_init_page(h, rows[i].n, rows[i].x2);
		rig_want(pn_vapic_read(h->page, 0x20) ==
					 (rows[i].x2 ? rows[i].idx : rows[i].idx << 24) &&
				 pn_vapic_read(h->page, 0x30) == 0x00050014 &&
				 pn_vapic_read(h->page, 0xD0) == rows[i].ldr &&
				 pn_vapic_read(h->page, 0xE0) == rows[i].dfr &&
				 pn_vapic_read(h->page, 0xF0) == 0x1FF &&
				 h->apic_mode == (rows[i].x2 ? PN_APIC_X2APIC : PN_APIC_XAPIC),
			 "P7", "what firmware leaves in an APIC");
		rig_want(pn_host_x2apic(h) == rows[i].x2 && pn_host_apic_id(h) == rows[i].idx, "P7",
			 "an APIC's ID");
	}
}

static void destinations(void)
{
	struct pn_host_vcpu *h = &lab->h;

	h->idx = 37; /* x2APIC: cluster 2, bit 5 */
	pn_host_vcpu_init_page(h, 61, true);
	rig_want(pn_host_dest_matches(h, 37, false) && !pn_host_dest_matches(h, 36, false) &&
			 pn_host_dest_matches(h, 0x20020, true) &&
			 pn_host_dest_matches(h, 0x2FFFF, true) &&
			 !pn_host_dest_matches(h, 0x2FFDF, true) &&
			 !pn_host_dest_matches(h, 0x30020, true),
		 "P4", "a destination of x2APIC");
	pn_host_vcpu_init_page(h, 61, false); /* cluster 9, bit 1 */
	rig_want(pn_host_dest_matches(h, 37, false) && pn_host_dest_matches(h, 0x92, true) &&
			 pn_host_dest_matches(h, 0x9F, true) &&
			 !pn_host_dest_matches(h, 0x9D, true) &&
			 !pn_host_dest_matches(h, 0x82, true),
		 "P4", "a destination of xAPIC, clusters");
	h->idx = 5;
	pn_host_vcpu_init_page(h, 8, false);
	rig_want(pn_host_dest_matches(h, 0x20, true) && pn_host_dest_matches(h, 0xFF, true) &&
			 !pn_host_dest_matches(h, 0xDF, true),
		 "P4", "a destination of xAPIC, flat");
	pn_vapic_write(h->page, PN_APIC_ID, 9u << 24);
	rig_want(pn_host_dest_matches(h, 9, false) && !pn_host_dest_matches(h, 5, false), "P4",
		 "an ID that the guest has changed");
}

static void injections(void)
{
	struct pn_host_vcpu *h = &lab->h;
	struct pn_agent *self = rig->cpu[0].agent;

	memset(lab->page, 0, sizeof(lab->page));
	rig_want(pn_host_inject_one(h, self, 0) == -1, "P4", "nothing is pending");
	pn_vapic_set(h->page, PN_APIC_IRR, 0x45);
	pn_vapic_set(h->page, PN_APIC_IRR, 0x41);
	h->irq_blocked = true;
	rig_want(pn_host_inject_one(h, self, 0) == -1, "P4", "the guest takes none now");
	h->irq_blocked = false;
	pn_vapic_write(h->page, PN_APIC_TPR, 0x40);
	rig_want(pn_host_inject_one(h, self, 0) == -1, "P4", "TPR masks");
	pn_vapic_write(h->page, PN_APIC_TPR, 0);
	rig_want(pn_host_inject_one(h, self, 0) == 0x45 && lab->page[0x120 / 4] == 1u << 5 &&
			 lab->page[0x220 / 4] == 2 && lab->page[0xA0 / 4] == 0x40 &&
			 pn_host_inject_one(h, self, 0) == -1,
		 "P4", "an injection");
	rig_want(pn_host_eoi(h, self, 0) == -1 && !lab->page[0x120 / 4] && !lab->page[0xA0 / 4],
		 "P4", "the EOI of an edge");
	pn_vapic_set(h->page, PN_APIC_TMR, 0x41);
	rig_want(pn_host_inject_one(h, self, 0) == 0x41 && pn_host_eoi(h, self, 0) == 0x41 &&
			 pn_host_eoi(h, self, 0) == -1,
		 "P4", "a level");
	h->task = &rig->vcpu[0].task;
	h->woken = 0;
	wakes = kicks = 0;
	rig->vcpu[0].task.sleeping = 1;
	rig_want(pn_host_wake_once(&rig->os, h, self, 0) && h->woken == 1 && wakes == 1, "P1",
		 "a first wakeup");
	rig_want(!pn_host_wake_once(&rig->os, h, self, 0) && wakes == 1, "P5", "a second");
	h->woken = 0;
	rig->vcpu[0].task.sleeping = 1;
	rig_want(pn_host_wake(&rig->os, h, self, 0, PN_WAKE_REQUEST) && h->woken == 1 &&
			 !pn_host_wake(&rig->os, h, self, 0, PN_WAKE_REQUEST) && wakes == 3,
		 "P1", "a wakeup");
	pn_host_kick(&rig->os, self, 0, 2);
	rig_want(kicks == 1 && kicked == 2, "P1", "a kick");
}

/* ---- under which lock vCPUs are woken ---- */

static void sleeps(void)
{
	pn_svm_blocking(rig->vcpu[0].h, &rig->cpu[0]);
	rig->vcpu[0].task.sleeping = 1;
	rig->vcpu[0].h->woken = 0;
	wakes = 0;
}

static void woke(const struct pn_lock *lock, unsigned n, const char *what)
{
	rig_want(wakes == n && !rig->vcpu[0].task.sleeping == !!n && !lock->held, "P1", what);
	want = NULL;
	pn_svm_unblocking(rig->vcpu[0].h, &rig->cpu[0]);
}

static void locks(void)
{
	struct pn_svm_vcpu *v = &amd->vcpu[0];
	struct pn_host_cpu *c = &rig->cpu[1];

	pn_svm_load(&v->h, &rig->cpu[0]);
	sleeps();
	want = &amd->vm[0].apic_lock;
	pn_svm_inhibit(rig->vm, c, PN_INHIBIT_SEV, true);
	want = NULL;
	pn_svm_inhibit(rig->vm, c, PN_INHIBIT_SEV, false);
	woke(&amd->vm[0].apic_lock, 2, "an inhibit wakes");
	sleeps();
	want = &amd->vm[0].apic_lock;
	pn_svm_nested(v, c, true);
	pn_svm_nested(v, c, true);
	pn_svm_nested(v, c, false);
	woke(&amd->vm[0].apic_lock, 2, "a nested guest wakes");
	sleeps();
	want = &amd->vm[0].apic_lock;
	pn_svm_irq_window(v, c, true);
	pn_svm_irq_window(v, c, false);
	woke(&amd->vm[0].apic_lock, 2, "a window wakes");
	sleeps();
	want = &amd->vm[0].apic_lock;
	pn_svm_apic_write(&amd->vcpu[1], c, PN_APIC_ID, 9u << 24);
	want = NULL;
	pn_svm_apic_write(&amd->vcpu[1], c, PN_APIC_ID, 1u << 24);
	woke(&amd->vm[0].apic_lock, 2, "IDs wake");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, &v->h, 0x41, c);
	sleeps();
	want = &rig->cpu[0].wake_lock;
	pn_vapic_set(v->h.page, PN_APIC_IRR, 0x91);
	pn_irq_off(rig->cpu[0].agent);
	pn_svm_wakeup_irq(&amd->svm.hyp, &rig->cpu[0]);
	pn_irq_on(rig->cpu[0].agent);
	rig_want(!rig->cpu[0].in_handler, "P6", "the handler does not say that it ended");
	woke(&rig->cpu[0].wake_lock, 1, "a GAPPI wakes");
	sleeps();
	want = &v->ir_lock;
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, c);
	woke(&v->ir_lock, 1, "a detach wakes");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, &v->h, 0x41, c);
	sleeps();
	want = &v->ir_lock;
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, &v->h, 0x41, c);
	woke(&v->ir_lock, 1, "an attach wakes");
	pn_vapic_clear(v->h.page, PN_APIC_IRR, 0x91);
	sleeps();
	want = &rig->cpu[0].wake_lock;
	pn_svm_cpu_offline(&amd->svm.hyp, &rig->cpu[0], c);
	rig_want(v->h.requests & PN_REQ_UNBLOCK && !rig->cpu[0].online, "P1",
		 "a CPU that goes asks nobody");
	woke(&rig->cpu[0].wake_lock, 1, "a CPU that goes wakes");
	pn_svm_cpu_online(&amd->svm.hyp, &rig->cpu[0]);
	rig_want(rig->cpu[0].online == 1 && !(v->h.requests & PN_REQ_UNBLOCK), "P1",
		 "a CPU that comes back");
}

static void log_locks(void)
{
	struct pn_svm_vcpu *v = &amd->vcpu[0];
	struct pn_agent *self = rig->cpu[1].agent;
	const struct pn_ga_notifier *n = &amd->iommus.notifier;

	sleeps();
	want = &amd->svm.vm_lock;
	n->entry(n->ctx, self, pn_svm_ga_tag(v));
	n->entry(n->ctx, self, pn_svm_ga_tag(v));
	n->entry(n->ctx, self, pn_svm_ga_tag(v) + 7);
	woke(&amd->svm.vm_lock, 1, "an entry of the log wakes");
	sleeps();
	want = &amd->svm.vm_lock;
	n->overflow(n->ctx, self);
	want = &v->ir_lock;
	n->overflow(n->ctx, self);
	woke(&v->ir_lock, 2, "an overflow wakes");
	pn_svm_pi_update(&amd->svm.hyp, &amd->ir[0].ir.host, NULL, 0, &rig->cpu[1]);
	sleeps();
	n->overflow(n->ctx, self);
	woke(&v->ir_lock, 0, "an overflow wakes a vCPU without entries");
	rig->vcpu[0].task.sleeping = 1;
	wakes = 0;
	n->overflow(n->ctx, self);
	rig_want(!wakes, "P5", "an overflow wakes a vCPU that runs");
}

/* ---- the case ---- */

static void uses(void *arg)
{
	(void)arg;
	px_doing("uses the I/O APIC");
	registers();
	edges();
	levels();
	by_vcpu();
	handled();
	io_lock();
	px_doing("routes messages");
	routes();
	px_doing("the host sets up");
	pages();
	cpus();
	firmware();
	destinations();
	px_doing("the host injects");
	injections();
	px_doing("vCPUs are woken");
	locks();
	log_locks();
}

static void build(bool broken)
{
	(void)broken;
	rig_amd_build(&(struct rig_amd_conf){.notify = PN_NOTIFY_GAPPI,
					     .masked = PN_MASKED_PARK,
					     .vcpus = 3,
					     .xapic = true,
					     .moving = true});
	rig_amd_attach(0, 0, NULL, 0x41);
	rig_amd_attach(1, 0, NULL, 0x91);
	rig->no_rest_check = true;
	rig->os.wake = os_wake;
	rig->os.ipi = os_ipi;
	want = NULL;
	lab = px_alloc(sizeof(*lab), 64);
	pn_ioapic_init(&lab->io, rig->vm);
	px_thread("CPU 0", 0, uses, NULL);
}

const struct case_setup pn_cases_amd_ioapic[] = {
	{{"edge-keeps-tmr", "SDM vol 3, 11.8.4",
	  "an edge arrives with the vector of a level, whose TMR bit stays",
	  "each delivery sets the bit as its trigger mode says", "P4", false, false},
	 PN_MISTAKE_TMR_STAYS,
	 build,
	 INT16_MAX},
};

const unsigned pn_cases_amd_ioapic_nr =
	sizeof(pn_cases_amd_ioapic) / sizeof(pn_cases_amd_ioapic[0]);
