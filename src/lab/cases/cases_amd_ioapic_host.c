/* SPDX-License-Identifier: MIT */
/*
 * What a host sets up: routes of messages, pages, CPUs, APICs as firmware leaves them; injection by
 * software.
 */
#include <errno.h>
#include <string.h>

#include "cases_amd_ioapic.h"

/* ---- routes ---- */

static void routes(void)
{
	struct pn_host_entry *e = &amd->ir[0].ir.host;
	struct pn_host_route *r = &host_lab->route;

	rig_want(!pn_host_route_irq(rig->vm, r, &rig->cpu[0]), "P5", "no route");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE01000, 0x61, &rig->cpu[0]) &&
			 e->vcpu == rig->vcpu[1].h && r->posted == rig->vcpu[1].h &&
			 amd->ir[0].ir.guest_mode && amd->ir[0].ir.vector == 0x61,
		 "P4", "a message to one vCPU is posted");
	rig_want(pn_host_route_irq(rig->vm, r, &rig->cpu[0]) == 1, "P4", "by software");
	host_came(0x61, 2, false, "by software");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE01000, 0x62, &rig->cpu[0]) &&
			 amd->ir[0].ir.vector == 0x62 && e->vcpu == rig->vcpu[1].h,
		 "P4", "another vector");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE06004, 0x62, &rig->cpu[0]) && !e->vcpu &&
			 !r->posted && !amd->ir[0].ir.guest_mode,
		 "P4", "a message to two vCPUs is not posted");
	rig_want(pn_host_route_irq(rig->vm, r, &rig->cpu[0]) == 2, "P4", "by software to two");
	host_came(0x62, 6, false, "by software to two");
	pn_vapic_write(rig->vcpu[1].h->page, PN_APIC_SVR, 0xFF);
	rig_want(!pn_host_routes_refresh(rig->vm, &rig->cpu[0]) && e->vcpu == rig->vcpu[2].h, "P4",
		 "one of them is switched off: it is posted");
	pn_vapic_write(rig->vcpu[1].h->page, PN_APIC_SVR, 0x1FF);
	rig_want(!pn_host_routes_refresh(rig->vm, &rig->cpu[0]) && !e->vcpu, "P4",
		 "and on again: it is not");
}

/* Levels, hints, broadcasts, vectors: what is posted, and what goes by software. */
static void kinds_of_routes(void)
{
	struct pn_host_entry *e = &amd->ir[0].ir.host;
	struct pn_host_route *r = &host_lab->route;

	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE0600C, 0xC163, &rig->cpu[0]) &&
			 pn_host_route_irq(rig->vm, r, &rig->cpu[0]) == 1,
		 "P4", "a level to one of two");
	host_came(0x63, 2, true, "a level to one of two");
	pn_vapic_set(rig->vcpu[1].h->page, PN_APIC_TMR, 0x63); /* of a level before */
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE0600C, 0x63, &rig->cpu[0]) &&
			 pn_host_route_irq(rig->vm, r, &rig->cpu[0]) == 1,
		 "P4", "the hint is kept");
	host_came(0x63, 2, false, "the hint is kept");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0x100FEE01000, 0x63, &rig->cpu[0]) && !e->vcpu &&
			 !pn_host_route_irq(rig->vm, r, &rig->cpu[0]),
		 "P4", "an ID above 255 of xAPIC");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEEFF000, 0x63, &rig->cpu[0]) && !e->vcpu &&
			 pn_host_route_irq(rig->vm, r, &rig->cpu[0]) == 3,
		 "P4", "a broadcast");
	host_came(0x63, 7, false, "a broadcast");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE00000, 0x463, &rig->cpu[0]) && !e->vcpu,
		 "P4", "an NMI is not posted");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE00000, 0x0F, &rig->cpu[0]) && !e->vcpu,
		 "P4", "vector 15 is not posted");
	rig_want(!pn_host_route_set(rig->vm, r, e, 0xFEE00000, 0x10, &rig->cpu[0]) &&
			 e->vcpu == rig->vcpu[0].h,
		 "P4", "vector 16 is posted");
}

static void routes_go(void)
{
	struct pn_host_entry *e = &amd->ir[0].ir.host;
	struct pn_host_route *r = &host_lab->route;

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

void host_routes(void)
{
	routes();
	kinds_of_routes();
	routes_go();
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
	struct pn_host_cpu *c = &host_lab->cpu;

	memset(c, 0xAB, sizeof(*c));
	c->agent = rig->cpu[0].agent;
	c->apicid = 77;
	pn_host_cpu_init(c, 5);
	rig_want(c->id == 5 && c->apicid == 77 && c->agent == rig->cpu[0].agent && c->online == 1 &&
			 !c->in_handler && !c->wake_lock.held && pn_list_empty(&c->wake_list),
		 "P7", "a CPU that comes up");
	pn_list_init(&host_lab->node);
	rig_want(pn_wakelist_add(c, &rig->cpu[0], &host_lab->node) == c &&
			 pn_list_first(&c->wake_list) == &host_lab->node && !c->wake_lock.held,
		 "P3", "a list of its own CPU");
	pn_wakelist_del(c, &host_lab->node);
	rig_want(pn_list_empty(&c->wake_list) && !c->wake_lock.held, "P3", "off the list");
	c->online = 0;
	pn_host_cpu_init(&host_lab->other, 6);
	rig_want(pn_wakelist_add(c, &host_lab->other, &host_lab->node) == &host_lab->other &&
			 pn_list_empty(&c->wake_list) &&
			 pn_list_first(&host_lab->other.wake_list) == &host_lab->node &&
			 !host_lab->other.wake_lock.held,
		 "P3", "the CPU is gone: the list of the one that runs");
	pn_wakelist_del(&host_lab->other, &host_lab->node);
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
	struct pn_host_vcpu *h = &host_lab->h;

	h->page = host_lab->page;
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
	struct pn_host_vcpu *h = &host_lab->h;

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

void host_sets_up(void)
{
	pages();
	cpus();
	firmware();
	destinations();
}

void host_injects(void)
{
	struct pn_host_vcpu *h = &host_lab->h;
	struct pn_agent *self = rig->cpu[0].agent;

	memset(host_lab->page, 0, sizeof(host_lab->page));
	rig_want(pn_host_inject_one(h, self, 0) == -1, "P4", "nothing is pending");
	pn_vapic_set(h->page, PN_APIC_IRR, 0x45);
	pn_vapic_set(h->page, PN_APIC_IRR, 0x41);
	h->irq_blocked = true;
	rig_want(pn_host_inject_one(h, self, 0) == -1, "P4", "the guest takes none now");
	h->irq_blocked = false;
	pn_vapic_write(h->page, PN_APIC_TPR, 0x40);
	rig_want(pn_host_inject_one(h, self, 0) == -1, "P4", "TPR masks");
	pn_vapic_write(h->page, PN_APIC_TPR, 0);
	rig_want(pn_host_inject_one(h, self, 0) == 0x45 && host_lab->page[0x120 / 4] == 1u << 5 &&
			 host_lab->page[0x220 / 4] == 2 && host_lab->page[0xA0 / 4] == 0x40 &&
			 pn_host_inject_one(h, self, 0) == -1,
		 "P4", "an injection");
	rig_want(pn_host_eoi(h, self, 0) == -1 && !host_lab->page[0x120 / 4] &&
			 !host_lab->page[0xA0 / 4],
		 "P4", "the EOI of an edge");
	pn_vapic_set(h->page, PN_APIC_TMR, 0x41);
	rig_want(pn_host_inject_one(h, self, 0) == 0x41 && pn_host_eoi(h, self, 0) == 0x41 &&
			 pn_host_eoi(h, self, 0) == -1,
		 "P4", "a level");
	h->task = &rig->vcpu[0].task;
	h->woken = 0;
	host_wakes = host_kicks = 0;
	rig->vcpu[0].task.sleeping = 1;
	rig_want(pn_host_wake_once(&rig->os, h, self, 0) && h->woken == 1 && host_wakes == 1, "P1",
		 "a first wakeup");
	rig_want(!pn_host_wake_once(&rig->os, h, self, 0) && host_wakes == 1, "P5", "a second");
	h->woken = 0;
	rig->vcpu[0].task.sleeping = 1;
	rig_want(pn_host_wake(&rig->os, h, self, 0, PN_WAKE_REQUEST) && h->woken == 1 &&
			 !pn_host_wake(&rig->os, h, self, 0, PN_WAKE_REQUEST) && host_wakes == 3,
		 "P1", "a wakeup");
	pn_host_kick(&rig->os, self, 0, 2);
	rig_want(host_kicks == 1 && host_kicked == 2, "P1", "a kick");
}
