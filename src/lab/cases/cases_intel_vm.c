/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on Intel: how VMs are made and end, what a VMCS says, which entries post
 * where after each change and each failure, what the I/O APIC asks for, and what the hypervisor's
 * self-check finds.
 */
#include <errno.h>
#include <string.h>

#include "cases_intel_hyp.h"

static struct pn_host_cpu *cpu(void)
{
	return &rig->cpu[0];
}

/* ---- entries ---- */

static struct pn_vtd_ir *ir(unsigned i)
{
	return &intel->ir[i];
}

static unsigned members(unsigned i, unsigned index)
{
	unsigned n = 0;

	for (const struct pn_list *l = v(i)->ir_list.next; l != &v(i)->ir_list; l = l->next)
		n += l == &ir(index)->host.node;
	return n;
}

/* Entry @index posts to vCPU @to as @vector, or not: table, handle, lists, the count. */
static void leads(unsigned index, int to, uint8_t vector, uint32_t assigned, const char *what)
{
	const struct pn_virte_env env = {.eime = true, .pi = true, .haw = 64};
	struct pn_virte f;

	rig_want(!pn_virte_decode(*ir(index)->irte, &env, &f) && f.p && f.sid == RIG_DEVID &&
			 f.svt == PN_SVT_SID && !f.sq && !f.fpd && !f.urg,
		 "P2", what);
	rig_want(f.im == (to >= 0) && ir(index)->posted == (to >= 0), "P2", what);
	if (to >= 0)
		rig_want(f.pid == v((unsigned)to)->pid_pa && f.vector == vector, "P2", what);
	else
		rig_want(f.dest == 1 && f.vector == PN_VEC_DEVICE_FIRST + index, "P2", what);
	for (unsigned i = 0; i < 3; i++)
		eq(members(i, index), (int)i == to, what);
	rig_want(ir(index)->host.vcpu == (to >= 0 ? &v((unsigned)to)->h : NULL), "P2", what);
	eq(intel->vm.assigned, assigned, what);
	for (unsigned i = 0; i < 3; i++)
		rig_want(!v(i)->ir_lock.held && !pn_vmx_check(&v(i)->h, cpu()), "P2", what);
}

static int update(unsigned index, int to, uint8_t vector)
{
	return pn_vmx_pi_update(rig->hyp, &ir(index)->host, to >= 0 ? &v((unsigned)to)->h : NULL,
				vector, cpu());
}

static uint32_t asked(void)
{
	uint32_t all = 0;

	for (unsigned i = 0; i < 3; i++) {
		all |= v(i)->h.requests << i * 8;
		v(i)->h.requests = v(i)->h.woken = 0;
	}
	return all;
}

static void attaches(void)
{
	const uint32_t all = PN_REQ_UNBLOCK | PN_REQ_UNBLOCK << 8 | PN_REQ_UNBLOCK << 16;
	const struct pn_os os = rig->os;

	px_doing("entries are given to vCPUs");
	leads(0, -1, 0, 0, "an entry at first");
	eq((unsigned)update(0, -1, 0), 0, "taken away from nobody");
	eq((unsigned)-update(0, 0, 15), EINVAL, "a vector below 16");
	leads(0, -1, 0, 0, "a vector below 16");
	intel->vmx.cfg.posting = false;
	eq((unsigned)-update(0, 0, 0x41), ENODEV, "no unit can post");
	leads(0, -1, 0, 0, "no unit can post");
	eq((unsigned)update(0, -1, 0), 0, "taken away, no unit can post");
	intel->vmx.cfg.posting = true;
	eq(asked(), 0, "requests of attachments that are refused");
	eq((unsigned)update(0, 0, 16), 0, "the first");
	leads(0, 0, 16, 1, "the first");
	eq(asked(), all, "the first asks all");
	eq((unsigned)update(1, 1, 0xFF), 0, "the second");
	leads(1, 1, 0xFF, 2, "the second");
	eq(asked(), 0, "the second asks nobody");
	eq((unsigned)update(1, 1, 0x35), 0, "another vector");
	leads(1, 1, 0x35, 2, "another vector");
	eq((unsigned)update(1, 0, 0x36), 0, "another vCPU");
	leads(1, 0, 0x36, 2, "another vCPU");
	leads(0, 0, 16, 2, "the entry beside it");
	v(0)->pid->control |= PN_PID_ON;
	intel_note_os();
	eq((unsigned)update(1, 2, 0x37), 0, "a third vCPU");
	leads(1, 2, 0x37, 2, "a third vCPU");
	eq(v(0)->h.woken, 1, "an old vCPU with ON = 1");
	v(0)->h.woken = 0;
	v(0)->pid->control &= ~PN_PID_ON;
	eq((unsigned)update(0, -1, 0), 0, "taken away");
	leads(0, -1, 0, 1, "taken away");
	eq(v(0)->h.woken, 0, "an old vCPU with nothing posted");
	v(2)->pid->pir[3] = 1;
	v(2)->pid->control |= PN_PID_SN;
	eq((unsigned)update(1, -1, 0), 0, "the last");
	leads(1, -1, 0, 0, "the last");
	eq(v(2)->h.woken, 1, "an old vCPU with something in its PIR");
	v(2)->h.woken = 0;
	v(2)->pid->pir[3] = 0;
	asked();
	rig->os = os;
}

/* A unit that cannot post; the others can. */
static void fails(void)
{
	px_doing("entries that cannot post");
	eq((unsigned)update(0, 0, 0x41), 0, "an attachment");
	asked();
	intel->drv.pi = false;
	eq((unsigned)-update(1, 1, 0x42), ENODEV, "an attachment that fails");
	leads(1, -1, 0, 1, "an attachment that fails");
	eq((unsigned)-update(0, 1, 0x42), ENODEV, "a move that fails");
	leads(0, -1, 0, 0, "a move that fails");
	intel->drv.pi = true;
	eq((unsigned)update(0, 0, 0x41), 0, "an attachment");
	intel->drv.pi = false;
	eq((unsigned)-update(0, 0, 0x43), ENODEV, "a vector that fails");
	leads(0, -1, 0, 0, "a vector that fails");
	intel->drv.pi = true;
	eq((unsigned)update(0, 0, 0x41), 0, "an attachment");
	asked();
}

/* ---- the self-check ---- */

static void finds(unsigned i, const char *want, const char *what)
{
	const char *got = pn_vmx_check(&v(i)->h, cpu());

	rig_want(got && strstr(got, want), "P2", what);
	rig_want(!v(i)->ir_lock.held, "P2", "a lock after a check");
}

/* @place is @value for a moment, and the check says @want. */
#define BREAK(place, value, want)                                                                  \
	do {                                                                                       \
		__auto_type was_ = (place);                                                        \
		(place) = (value);                                                                 \
		finds(0, (want), #place);                                                          \
		(place) = was_;                                                                    \
	} while (0)

static void check_control(void)
{
	uint64_t *control = &v(0)->pid->control;
	const uint64_t nv = PN_PID_NV_MASK;

	px_doing("the self-check, loaded");
	pn_vmx_load(&v(0)->h, &rig->cpu[1]);
	rig_want(!pn_vmx_check(&v(0)->h, cpu()), "P2", "the self-check");
	BREAK(*control, *control | 4, "reserved");
	BREAK(v(0)->pid->rsvd[2], 1, "reserved");
	BREAK(*control, (*control & ~nv) | pn_vmx_nv(0x55), "neither vector");
	BREAK(*control, *control ^ 1ull << PN_PID_NDST_SH, "not the vCPU's CPU");
	BREAK(v(0)->pid->pir[1], 1, "ON is lost");
	BREAK(v(0)->h.cpu, RIG_CPUS, "no CPU");
	BREAK(v(0)->h.cpu, PN_VMX_NO_CPU, "never ran");
	BREAK(*control, (*control & ~nv) | pn_vmx_nv(PN_VEC_WAKEUP), "on no list");
	BREAK(v(0)->svi, 0x41, "SVI");
	v(0)->h.mode = PN_IN_GUEST;
	BREAK(*control, *control | PN_PID_SN, "suppressed in the guest");
	v(0)->svi = 0x41;
	rig_want(!pn_vmx_check(&v(0)->h, cpu()), "P2", "SVI in the guest");
	v(0)->svi = 0;
	v(0)->h.mode = PN_OUTSIDE_GUEST;
	/* What is right. */
	v(0)->pid->pir[1] = 1;
	*control |= PN_PID_ON;
	rig_want(!pn_vmx_check(&v(0)->h, cpu()), "P2", "PIR with ON = 1");
	*control ^= PN_PID_ON | PN_PID_SN;
	rig_want(!pn_vmx_check(&v(0)->h, cpu()), "P2", "PIR with SN = 1");
	*control &= ~PN_PID_SN;
	v(0)->pid->pir[1] = 0;
}

static void check_list(void)
{
	uint64_t *control = &v(0)->pid->control;

	px_doing("the self-check, asleep");
	pn_vmx_blocking(&v(0)->h, &rig->cpu[1]);
	pn_vmx_put(&v(0)->h, &rig->cpu[1], false);
	rig_want(!pn_vmx_check(&v(0)->h, cpu()), "P2", "the self-check, asleep");
	BREAK(*control, *control | PN_PID_SN, "but is suppressed");
	BREAK(*control, *control ^ (3ull << PN_PID_NV_SH), "without need");
	BREAK(v(0)->list_cpu, RIG_CPUS, "list_cpu is no CPU");
	BREAK(v(0)->list_cpu, 2, "(P2)");
	v(0)->h.mode = PN_IN_GUEST;
	finds(0, "wakeup vector in the guest", "asleep in the guest");
	v(0)->h.mode = PN_OUTSIDE_GUEST;
	BREAK(v(0)->wake_node.next, &v(0)->wake_node, "twice");
	BREAK(rig->cpu[1].wake_list.prev, &rig->cpu[1].wake_list, "twice");
	/* On the list of another CPU than the descriptor names. */
	*control ^= 3ull << PN_PID_NDST_SH;
	v(0)->h.cpu = 2;
	finds(0, "list of another CPU", "another list");
	v(0)->h.cpu = 1;
	*control ^= 3ull << PN_PID_NDST_SH;
	pn_vmx_load(&v(0)->h, &rig->cpu[1]);
	pn_vmx_unblocking(&v(0)->h, &rig->cpu[1]);
	rig_want(!pn_vmx_check(&v(0)->h, cpu()), "P2", "the self-check, loaded again");
}

static void check_entries(void)
{
	struct pn_virte_raw *e = ir(0)->irte;

	px_doing("the self-check of entries");
	BREAK(intel->vm.pid_table[0], 0, "PID-pointer table");
	BREAK(ir(0)->host.vcpu, &v(1)->h, "another vCPU");
	BREAK(ir(0)->posted, false, "not posted");
	BREAK(e->lo, e->lo & ~PN_VIRTE_P, "malformed");
	BREAK(e->lo, e->lo | 4, "malformed");
	BREAK(e->lo, e->lo | PN_VIRTE_URG, "elsewhere");
	BREAK(e->lo, e->lo ^ 1ull << PN_VIRTE_VECTOR_SH, "elsewhere");
	BREAK(e->hi, e->hi | 1ull << 40, "elsewhere");
	BREAK(e->lo, PN_VIRTE_P, "elsewhere");
	BREAK(intel->vm.assigned, 0, "more entries");
}

/* ---- registers, the I/O APIC, IPIs that exit ---- */

static void traps(void)
{
	px_doing("writes of APIC registers");
	v(1)->h.woken = 0;
	for (uint32_t off = 0; off < 0x400; off += 16) {
		bool want = off == PN_APIC_ID || off == PN_APIC_LDR || off == PN_APIC_DFR ||
			    off == PN_APIC_SVR;
		const uint32_t scan = PN_REQ_SCAN_IOAPIC * 0x10101u;

		eq(pn_vmx_apic_trap(v(1), cpu(), off), want, rig_text("a write at %03x", off));
		eq(asked(), want ? scan : 0, rig_text("a write at %03x", off));
	}
	rig_want(!v(1)->h.woken, "P2", "a scan wakes");
}

#define PIN 3

static void scans(void)
{
	struct pn_ioapic *io = &intel->ioapic;

	px_doing("the EOI-exit bitmap");
	v(0)->eoi_exit[1] = 5;
	v(0)->h.requests = PN_REQ_SCAN_IOAPIC;
	pn_vmx_scan(v(0), cpu());
	rig_want(!v(0)->h.requests && v(0)->eoi_exit[1] == 5, "P2", "a scan without an I/O APIC");
	pn_ioapic_init(io, rig->vm);
	pn_ioapic_write(io, PN_IOAPIC_SELECT, PN_IOAPIC_REDIR + 2 * PIN, cpu());
	pn_ioapic_write(io, PN_IOAPIC_WINDOW, 0x61 | PN_REDIR_LEVEL, cpu());
	asked();
	pn_vmx_scan(v(0), cpu());
	eq(v(0)->eoi_exit[1], 5, "a scan that nobody asked for");
	v(0)->h.requests = PN_REQ_SCAN_IOAPIC | PN_REQ_UNBLOCK;
	v(0)->pid->pir[1] = 1ull << 0x51 % 64;
	v(0)->pid->control |= PN_PID_ON;
	pn_vmx_scan(v(0), cpu());
	eq(v(0)->h.requests, PN_REQ_UNBLOCK, "requests after a scan");
	eq(v(0)->eoi_exit[1], 1ull << 0x61 % 64, "the bitmap");
	eq(v(0)->eoi_exit[0] | v(0)->eoi_exit[2] | v(0)->eoi_exit[3], 0, "the bitmap");
	eq((unsigned)v(0)->stale_eoi, (unsigned)-1, "no old entry");
	rig_want(pn_vapic_test(v(0)->h.page, PN_APIC_IRR, 0x51) && !v(0)->pid->pir[1], "P2",
		 "the PIR is not taken before a scan");
	/* An EOI that exits: edge, level, the last of an old entry. */
	v(0)->h.requests = 0;
	pn_vapic_clear(v(0)->h.page, PN_APIC_IRR, 0x51);
	pn_ioapic_line(io, PIN, true, cpu());
	eq(io->redir[PIN] & PN_REDIR_REMOTE_IRR, PN_REDIR_REMOTE_IRR, "a level is delivered");
	pn_vapic_clear(v(0)->h.page, PN_APIC_TMR, 0x61);
	pn_vmx_eoi_exit(v(0), cpu(), 0x61);
	eq(io->eois, 0, "an EOI of an edge");
	pn_vapic_set(v(0)->h.page, PN_APIC_TMR, 0x61);
	pn_ioapic_line(io, PIN, false, cpu());
	pn_vmx_eoi_exit(v(0), cpu(), 0x61);
	eq(io->eois, 1, "an EOI of a level");
	eq(io->redir[PIN] & PN_REDIR_REMOTE_IRR, 0, "an EOI of a level");
	eq(v(0)->h.requests & PN_REQ_SCAN_IOAPIC, 0, "an EOI of an entry that stays");
	v(0)->stale_eoi = 0x61;
	pn_vmx_eoi_exit(v(0), cpu(), 0x61);
	eq(v(0)->h.requests & PN_REQ_SCAN_IOAPIC, PN_REQ_SCAN_IOAPIC, "the last EOI of an entry");
	v(0)->stale_eoi = -1;
	rig->vm->ioapic = NULL;
	pn_vmx_eoi_exit(v(0), cpu(), 0x61);
	eq(io->eois, 1, "an EOI without an I/O APIC");
}

/* X1: a vCPU in its guest on another CPU is kicked, one here is not. The wait is not tried. */
static void icr(bool x2apic)
{
	uint64_t *vicr = (uint64_t *)(void *)&v(0)->h.page[PN_APIC_ICRL / 4];
	uint32_t *high = &v(0)->h.page[PN_APIC_ICRH / 4];

	px_doing("an IPI that exits");
	intel->vm.x2apic = x2apic;
	for (unsigned i = 0; i < 3; i++) {
		v(i)->h.apic_mode = x2apic ? PN_APIC_X2APIC : PN_APIC_XAPIC;
		v(i)->h.page[PN_APIC_ID / 4] = x2apic ? i : i << 24;
		v(i)->pid->pir[1] = 0;
	}
	*vicr = x2apic ? 2ull << 32 | 0x71 | PN_ICR_BUSY : 0xEEull << 32 | 0x71 | PN_ICR_BUSY;
	*high = x2apic ? 0xEE000000 : 2u << 24;
	pn_vmx_icr_exit(v(0), cpu());
	for (unsigned i = 0; i < 3; i++)
		eq(v(i)->pid->pir[1], i == 2 ? 1ull << 0x71 % 64 : 0, "an IPI that exits");
	eq(*vicr & PN_ICR_BUSY, 0, "BUSY after an IPI");
	v(2)->pid->pir[1] = 0;
	v(2)->pid->control &= ~PN_PID_ON;
}

/* ---- the end ---- */

static void destroyed(void)
{
	px_doing("the VM ends");
	eq((unsigned)update(1, 2, 0x42), 0, "an attachment");
	eq((unsigned)update(2, 2, 0x43), 0, "an attachment");
	pn_vmx_load(&v(2)->h, &rig->cpu[2]);
	pn_vmx_blocking(&v(2)->h, &rig->cpu[2]);
	pn_vmx_put(&v(2)->h, &rig->cpu[2], false);
	v(1)->pid->control |= PN_PID_ON;
	pn_vmx_vm_destroy(rig->vm, cpu()->agent);
	for (unsigned i = 0; i < 3; i++) {
		rig_want(!ir(i)->posted && !ir(i)->host.vcpu && !(ir(i)->irte->lo & PN_VIRTE_IM) &&
				 ir(i)->host.node.next == &ir(i)->host.node,
			 "P6", "an entry after the VM");
		eq(v(i)->pid->control, pn_vmx_nv(PN_VEC_POSTED) | PN_PID_SN, "control at the end");
		eq(intel->vm.pid_table[i], 0, "a pointer at the end");
		rig_want(v(i)->ir_list.next == &v(i)->ir_list && !v(i)->ir_lock.held &&
				 rig->cpu[i].wake_list.next == &rig->cpu[i].wake_list &&
				 !rig->cpu[i].wake_lock.held,
			 "P6", "a list at the end");
	}
	eq(intel->vm.assigned, 0, "the count at the end");
}

static void lives(void *arg)
{
	(void)arg;
	intel_vm_makes();
	attaches();
	fails();
	check_control();
	check_list();
	check_entries();
	traps();
	scans();
	icr(true);
	icr(false);
	intel->vm.x2apic = true;
	destroyed();
}

void intel_vm_lives(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.vcpus = 3, .ipiv = true});
	for (unsigned i = 0; i < 3; i++)
		rig_intel_attach(i, NULL, LOW);
	rig->no_rest_check = true;
	intel_vm_memory();
	px_thread("CPU 0", 0, lives, NULL);
}
