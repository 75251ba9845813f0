/* SPDX-License-Identifier: MIT */
/*
 * What both vendors' hosts share, as one agent on AMD: the guest's I/O APIC with each of its
 * registers and pins, routes of messages, pages, lists of CPUs, injection by software; and under
 * which lock the hypervisor wakes vCPUs.
 */
#include "cases_amd_ioapic.h"

struct host_lab *host_lab;
const struct pn_lock *host_want;
unsigned host_wakes, host_kicks;
uint32_t host_kicked;

static bool os_wake(void *ctx, struct pn_agent *self, void *task, enum pn_wake_reason why)
{
	struct rig_task *t = task;
	bool slept = t->sleeping;

	(void)ctx;
	(void)self;
	(void)why;
	rig_want(!host_want || host_want->held, "P6",
		 "a vCPU is woken without the lock of what it waits for");
	t->sleeping = 0;
	host_wakes += t == &rig->vcpu[0].task;
	return slept;
}

static void os_ipi(void *ctx, struct pn_agent *self, uint32_t cpu, uint8_t vector)
{
	(void)ctx;
	(void)self;
	rig_want(vector == 0xFD, "P1", "another vector kicks a vCPU out of its guest");
	host_kicked = cpu;
	host_kicks++;
}

void host_came(uint8_t vector, unsigned who, bool level, const char *what)
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

static void uses(void *arg)
{
	(void)arg;
	px_doing("uses the I/O APIC");
	host_ioapic();
	px_doing("routes messages");
	host_routes();
	px_doing("the host sets up");
	host_sets_up();
	px_doing("the host injects");
	host_injects();
	px_doing("vCPUs are woken");
	host_locks();
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
	host_want = NULL;
	host_lab = px_alloc(sizeof(*host_lab), 64);
	pn_ioapic_init(&host_lab->io, rig->vm);
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
