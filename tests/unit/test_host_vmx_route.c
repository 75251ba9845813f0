/* SPDX-License-Identifier: MIT */
/* Which interrupts of a guest are posted and which remapped, on Intel; EOI-exit bitmap and I/O
 * APIC: X of docs/protocol-intel.md. */

#include "route_rows.h"
#include "vmx_rig.h"

static struct rig r;
static struct pn_host_route route;
static struct pn_ioapic io;

static void start(bool xapic)
{
	rig_start(&r, &(struct rig_conf){.xapic = xapic, .no_devices = true});
	memset(&route, 0, sizeof(route));
}

static void set(uint64_t addr, uint32_t data)
{
	assert_int_equal(pn_host_route_set(&r.vm.h, &route, &r.ir[0].host, addr, data, &r.cpu[0]),
			 0);
}

static uint32_t who_has(uint8_t vector)
{
	uint32_t who = 0;

	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		who |= (pn_vmx_irr(&r.vcpu[i].h, vector / 32) >> (vector % 32) & 1) << i;
	return who;
}

/* ---- each kind of route ---- */

static void kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROUTE_ROWS; i++) {
		const struct route_row *w = &route_rows[i];
		bool poked = false;

		start(true);
		pn_vapic_write(r.vcpu[ROUTE_BUSY_VCPU].h.page, PN_APIC_TPR, ROUTE_BUSY_TPR);
		pn_vapic_write(r.vcpu[ROUTE_OFF_VCPU].h.page, PN_APIC_SVR, ROUTE_SVR_OFF);
		set(w->addr, w->data);
		for (uint32_t v = 0; v < RIG_VCPUS; v++)
			r.vcpu[v].h.requests = 0;
		row_eq(w->name, "posted", r.ir[0].posted, w->posted >= 0);
		assert_ptr_equal(r.ir[0].host.vcpu, w->posted < 0 ? NULL : &r.vcpu[w->posted].h);
		row_eq(w->name, "assigned", r.vm.assigned, w->posted >= 0);
		row_eq(w->name, "the device's interrupt", rig_msi(&r, 0),
		       w->posted < 0 ? PN_MSI_REMAPPED : PN_MSI_POSTED);
		if (w->posted < 0)
			row_eq(w->name, "accepted by",
			       pn_host_route_irq(&r.vm.h, &route, &r.cpu[3]),
			       __builtin_popcount(w->gets));
		row_eq(w->name, "vCPUs that have it", who_has((uint8_t)w->data), w->gets);
		for (uint32_t v = 0; v < RIG_VCPUS; v++)
			poked |= r.vcpu[v].h.requests & PN_REQ_UNBLOCK;
		row_eq(w->name, "poked", poked, w->poked);
		rig_check(&r, w->name);
		rig_close(&r);
	}
}

/* ---- routes change ---- */

static void device(struct rig *x)
{
	if (rig_msi(x, 0) == PN_MSI_REMAPPED)
		pn_host_route_irq(&x->vm.h, &route, &x->cpu[3]);
}

static void device_at_flush(struct rig *x, uint32_t off)
{
	if (off != PN_VTD_IQT)
		return;
	x->on_write = NULL;
	device(x);
}

/*
 * As on AMD: test_host_route.c. The first posted interrupt of the VM asks vCPUs that sleep to block
 * again, so a wakeup without an interrupt is correct here.
 */
static void change_while_asleep(void **state)
{
	static const struct {
		const char *name;
		uint64_t from, to;
		enum { BEFORE, BEGINS, FLUSH, AFTER } when;
		uint32_t gets;
	} rows[] = {
		{"one to both, posted before", ROUTE_LOG(1), ROUTE_LOG(3), BEFORE, 1},
		{"one to both, posted by the old entry", ROUTE_LOG(1), ROUTE_LOG(3), BEGINS, 1},
		{"one to both, remapped by the new entry", ROUTE_LOG(1), ROUTE_LOG(3), FLUSH, 3},
		{"one to both, after", ROUTE_LOG(1), ROUTE_LOG(3), AFTER, 3},
		{"both to one, before", ROUTE_LOG(3), ROUTE_LOG(1), BEFORE, 3},
		{"both to one, posted by the new entry", ROUTE_LOG(3), ROUTE_LOG(1), FLUSH, 1},
		{"both to one, after", ROUTE_LOG(3), ROUTE_LOG(1), AFTER, 1},
		{"one to another, posted by the old entry", ROUTE_LOG(1), ROUTE_LOG(2), BEGINS, 1},
		{"one to another, posted by the new entry", ROUTE_LOG(1), ROUTE_LOG(2), FLUSH, 2},
		{"one to another, after", ROUTE_LOG(1), ROUTE_LOG(2), AFTER, 2},
	};

	(void)state;
	for (size_t n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		const char *name = rows[n].name;
		uint32_t has;

		start(true);
		set(rows[n].from, 0x41);
		for (uint32_t i = 0; i < 2; i++) {
			r.vcpu[i].h.requests = 0;
			pn_vmx_load(&r.vcpu[i].h, &r.cpu[i + 1]);
			assert_true(rig_block(&r, &r.vcpu[i], i + 1));
		}
		if (rows[n].when == BEFORE)
			device(&r);
		if (rows[n].when == BEGINS)
			rig_hook(&r, PN_STEP_IRTE_WRITE, 1, device);
		r.on_write = rows[n].when == FLUSH ? device_at_flush : NULL;
		set(rows[n].to, 0x41);
		assert_true(!r.on_write && !r.hook);
		if (rows[n].when == AFTER && rows[n].from == ROUTE_LOG(3)) {
			/* asked to: it blocks again, with the wakeup vector */
			assert_int_equal(r.task[0].why, PN_WAKE_REQUEST);
			assert_true(rig_resume(&r, &r.vcpu[0], 1));
			assert_true(rig_block(&r, &r.vcpu[0], 1));
		}
		if (rows[n].when == AFTER)
			device(&r);
		has = who_has(0x41);
		row_eq(name, "vCPUs that have it", has, rows[n].gets);
		for (uint32_t i = 0; i < 2; i++)
			if (has >> i & 1)
				row_eq(name, "asleep", r.task[i].asleep, 0);
		rig_check(&r, name);
		rig_close(&r);
	}
}

static void apics_change(void **state)
{
	struct pn_vmx_vcpu *v = r.vcpu;

	(void)state;
	start(true);
	set(ROUTE_LOG(1), 0x41);
	assert_ptr_equal(r.ir[0].host.vcpu, &v[0].h);
	pn_vapic_write(v[2].h.page, PN_APIC_LDR, 3u << 24);
	assert_true(pn_vmx_apic_trap(&v[2], &r.cpu[2], PN_APIC_LDR));
	assert_null(r.ir[0].host.vcpu);
	pn_vapic_write(v[0].h.page, PN_APIC_SVR, ROUTE_SVR_OFF);
	assert_true(pn_vmx_apic_trap(&v[0], &r.cpu[0], PN_APIC_SVR));
	assert_ptr_equal(r.ir[0].host.vcpu, &v[2].h);
	assert_false(pn_vmx_apic_trap(&v[0], &r.cpu[0], PN_APIC_TPR));
	rig_close(&r);
}

static void without_posting(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){.xapic = true, .no_posting = true});
	memset(&route, 0, sizeof(route));
	set(ROUTE_PHYS(2), 0x41);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
	assert_int_equal(pn_host_route_irq(&r.vm.h, &route, &r.cpu[3]), 1);
	assert_int_equal(who_has(0x41), 4);
	rig_close(&r);
}

/* ---- the I/O APIC ---- */

#define PIN   5u
#define LEVEL (PN_REDIR_LEVEL | 0x61)

static void redirect(unsigned pin, uint64_t e)
{
	pn_ioapic_write(&io, PN_IOAPIC_SELECT, PN_IOAPIC_REDIR + 2 * pin + 1, &r.cpu[0]);
	pn_ioapic_write(&io, PN_IOAPIC_WINDOW, (uint32_t)(e >> 32), &r.cpu[0]);
	pn_ioapic_write(&io, PN_IOAPIC_SELECT, PN_IOAPIC_REDIR + 2 * pin, &r.cpu[0]);
	pn_ioapic_write(&io, PN_IOAPIC_WINDOW, (uint32_t)e, &r.cpu[0]);
}

static void line(bool up)
{
	pn_ioapic_line(&io, PIN, up, &r.cpu[0]);
}

static void start_io(bool inhibited)
{
	rig_start(&r, &(struct rig_conf){.no_devices = true, .inhibits = inhibited ? 1u : 0});
	pn_ioapic_init(&io, &r.vm.h);
}

/* The guest on @cpu ends what it serves; true if it exits for that. */
static bool eoi(struct pn_vmx_vcpu *v, uint32_t cpu)
{
	struct pn_apicv_exit exit;

	if (pn_apicv_wrmsr(&r.c[cpu].core, PN_X2APIC_MSR + PN_APIC_EOI / 16, 0, &exit) !=
	    PN_APICV_TRAP)
		return false;
	assert_int_equal(exit.reason, PN_VMX_EXIT_EOI);
	rig_exit(&r, cpu);
	pn_vmx_eoi_exit(v, &r.cpu[cpu], (uint8_t)exit.qualification);
	return true;
}

static int take(uint32_t cpu)
{
	return pn_apicv_pending(&r.c[cpu].core, true) < 0 ? -1 : pn_apicv_deliver(&r.c[cpu].core);
}

/* 30.1.4: level-triggered vectors exit at their EOI, and no others. */
static void eoi_of_a_level(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	start_io(false);
	redirect(PIN, LEVEL);
	redirect(PIN + 1, 0x71); /* edge */
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_enter(&r, v, 1);
	assert_int_equal(r.c[1].vmcs.eoi_exit[1], 1ull << 0x21);
	assert_int_equal(r.c[1].vmcs.eoi_exit[0] | r.c[1].vmcs.eoi_exit[2] | v->eoi_exit[3], 0);
	for (unsigned n = 0; n < 3; n++) {
		line(true);
		assert_int_equal(take(1), 0x61);
		assert_true(eoi(v, 1));
		assert_int_equal(io.eois, n + 1);
		if (n == 2)
			line(false);
		rig_enter(&r, v, 1); /* with the next one, as the line is up */
	}
	assert_int_equal(take(1), 0x61);
	assert_true(eoi(v, 1));
	rig_enter(&r, v, 1);
	assert_int_equal(take(1), -1); /* down */
	pn_ioapic_line(&io, PIN + 1, true, &r.cpu[0]);
	assert_int_equal(take(1), 0x71);
	assert_false(eoi(v, 1));
	assert_int_equal(io.eois, 4);
	rig_exit(&r, 1);
	rig_check(&r, "level");
	rig_close(&r);
}

/* X1, X2: a vCPU in the guest leaves it and takes the new bitmap over before the first interrupt.
 */
static void scan_before_the_interrupt(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	start_io(false);
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_enter(&r, v, 1);
	assert_int_equal(v->eoi_exit[1], 0);
	line(true); /* masked */
	redirect(PIN, LEVEL);
	assert_int_equal(r.c[1].kicks, 1);
	assert_null(r.c[1].running);
	assert_int_equal(v->h.requests & PN_REQ_SCAN_IOAPIC, PN_REQ_SCAN_IOAPIC);
	rig_enter(&r, v, 1);
	assert_int_equal(v->h.requests, 0);
	assert_int_equal(take(1), 0x61);
	assert_true(eoi(v, 1));
	/* asleep: not woken for that, but it handles the request before it enters */
	line(false);
	pn_vmx_blocking(&v->h, &r.cpu[1]);
	pn_vmx_put(&v->h, &r.cpu[1], false);
	r.task[0] = (struct rig_task){.asleep = true};
	redirect(PIN, PN_REDIR_LEVEL | 0x71);
	assert_true(r.task[0].asleep);
	pn_vmx_load(&v->h, &r.cpu[1]);
	pn_vmx_unblocking(&v->h, &r.cpu[1]);
	rig_enter(&r, v, 1);
	assert_int_equal(r.c[1].vmcs.eoi_exit[1], 1ull << 0x31);
	rig_close(&r);
}

/* X4, X5: the pin moves to vCPU 1 while its interrupt waits or is in service on vCPU 0. */
static void moves_in_service(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	for (int served = 0; served <= 1; served++) {
		start_io(false);
		redirect(PIN, LEVEL);
		pn_vmx_load(&v->h, &r.cpu[1]);
		if (served)
			rig_enter(&r, v, 1);
		line(true);
		if (served)
			assert_int_equal(take(1), 0x61);
		redirect(PIN, LEVEL | 1ull << PN_REDIR_DEST_SH);
		rig_enter(&r, v, 1);
		assert_int_equal(v->eoi_exit[1], 1ull << 0x21); /* although it is not a target */
		if (!served)
			assert_int_equal(take(1), 0x61);
		assert_true(eoi(v, 1));
		assert_int_equal(io.eois, 1);
		assert_int_equal(who_has(0x61), 2); /* the line is up: vCPU 1 has it */
		rig_enter(&r, v, 1);
		assert_int_equal(v->eoi_exit[1], 0); /* for the last time */
		rig_exit(&r, 1);
		rig_check(&r, "moved");
		rig_close(&r);
	}
}

/* APICv inhibited: each EOI is emulated, and the TMR decides. */
static void inhibited(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	start_io(true);
	redirect(PIN, LEVEL);
	redirect(PIN + 1, 0x71);
	pn_vmx_load(&v->h, &r.cpu[1]);
	line(true);
	assert_int_equal(rig_enter(&r, v, 1), 0x61);
	rig_exit(&r, 1);
	pn_vmx_eoi(&v->h, &r.cpu[1]);
	assert_int_equal(io.eois, 1);
	assert_int_equal(who_has(0x61), 1);
	line(false);
	assert_int_equal(rig_enter(&r, v, 1), 0x61);
	rig_exit(&r, 1);
	pn_vmx_eoi(&v->h, &r.cpu[1]);
	pn_ioapic_line(&io, PIN + 1, true, &r.cpu[0]);
	assert_int_equal(rig_enter(&r, v, 1), 0x71);
	rig_exit(&r, 1);
	pn_vmx_eoi(&v->h, &r.cpu[1]);
	assert_int_equal(io.eois, 2);
	rig_close(&r);
}

/* An ID changes: the pin now addresses another vCPU, whose bitmap has the vector. */
static void ids_change(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[2];

	(void)state;
	rig_start(&r, &(struct rig_conf){.no_devices = true, .xapic = true});
	pn_ioapic_init(&io, &r.vm.h);
	redirect(PIN, LEVEL | PN_REDIR_LOGICAL | 0x10ull << PN_REDIR_DEST_SH);
	pn_vmx_load(&v->h, &r.cpu[2]);
	rig_enter(&r, v, 2);
	assert_int_equal(v->eoi_exit[1], 0);
	rig_exit(&r, 2);
	pn_vapic_write(v->h.page, PN_APIC_LDR, 0x10u << 24);
	pn_vmx_apic_trap(v, &r.cpu[2], PN_APIC_LDR);
	rig_enter(&r, v, 2);
	assert_int_equal(v->eoi_exit[1], 1ull << 0x21);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(change_while_asleep),
		cmocka_unit_test(apics_change),
		cmocka_unit_test(without_posting),
		cmocka_unit_test(eoi_of_a_level),
		cmocka_unit_test(scan_before_the_interrupt),
		cmocka_unit_test(moves_in_service),
		cmocka_unit_test(inhibited),
		cmocka_unit_test(ids_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
