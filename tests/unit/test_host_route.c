/* SPDX-License-Identifier: MIT */
/* Which interrupts of a guest are posted and which remapped, on AMD; the I/O APIC that both vendors
 * share. */

#include "svm_rig.h"
#include "route_rows.h"

static struct rig r;
static struct pn_host_route route;

static const struct rig_conf modes[] = {{PN_NOTIFY_GALOG}, {PN_NOTIFY_GAPPI, PN_MASKED_PARK}};

static void start(const struct rig_conf *conf)
{
	rig_start(&r, conf);
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
		who |= (pn_svm_irr(&r.vcpu[i].h, vector / 32) >> (vector % 32) & 1) << i;
	return who;
}

/* ---- each kind of route ---- */

static void kinds(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2 * ROUTE_ROWS; m++) {
		const struct route_row *w = &route_rows[m / 2];
		bool poked = false;

		start(&modes[m % 2]);
		pn_vapic_write(r.vcpu[ROUTE_BUSY_VCPU].h.page, PN_APIC_TPR, ROUTE_BUSY_TPR);
		pn_vapic_write(r.vcpu[ROUTE_OFF_VCPU].h.page, PN_APIC_SVR, ROUTE_SVR_OFF);
		set(w->addr, w->data);
		row_eq(w->name, "in guest form", r.ir[0].guest_mode, w->posted >= 0);
		assert_ptr_equal(r.ir[0].host.vcpu, w->posted < 0 ? NULL : &r.vcpu[w->posted].h);
		row_eq(w->name, "the device's interrupt", rig_msi(&r, 0),
		       w->posted < 0 ? PN_MSI_REMAPPED : PN_MSI_POSTED);
		if (w->posted < 0)
			row_eq(w->name, "accepted by",
			       pn_host_route_irq(&r.vm.h, &route, &r.cpu[3]),
			       __builtin_popcount(w->gets));
		row_eq(w->name, "vCPUs that have it", who_has((uint8_t)w->data), w->gets);
		for (uint32_t i = 0; i < RIG_VCPUS; i++)
			poked |= r.vcpu[i].h.requests & PN_REQ_UNBLOCK;
		row_eq(w->name, "poked", poked, w->poked);
		rig_checked(&r, w->name);
		rig_close(&r);
	}
}

/* x2APIC: clusters, 32-bit destinations by the upper address, FFh still everyone (KVM). */
static void kinds_x2apic(void **state)
{
	static const struct route_row rows[] = {
		{"logical, one", ROUTE_LOG(4), 0x41, 2, 4, 0},
		{"logical, several", ROUTE_LOG(3), 0x41, ROUTE_REMAPPED, 3, 0},
		{"logical, another cluster", ROUTE_LOG(4) | 1ull << 48, 0x41, ROUTE_REMAPPED, 0, 0},
		{"FFh", ROUTE_PHYS(0xFF), 0x41, ROUTE_REMAPPED, 15, 0},
		{"FFFF_FFFFh", ROUTE_PHYS(0xFF) | 0xFFFFFF00ull << 32, 0x41, ROUTE_REMAPPED, 15, 0},
		{"physical, upper bits", ROUTE_PHYS(1) | 1ull << 40, 0x41, ROUTE_REMAPPED, 0, 0},
		{"physical", ROUTE_PHYS(1), 0x41, 1, 2, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct route_row *w = &rows[i];

		start(&(struct rig_conf){.notify = PN_NOTIFY_GALOG, .x2avic = true});
		set(w->addr, w->data);
		assert_ptr_equal(r.ir[0].host.vcpu, w->posted < 0 ? NULL : &r.vcpu[w->posted].h);
		rig_msi(&r, 0);
		if (w->posted < 0)
			pn_host_route_irq(&r.vm.h, &route, &r.cpu[3]);
		row_eq(w->name, "vCPUs that have it", who_has(0x41), w->gets);
		rig_close(&r);
	}
}

/* ---- routes change ---- */

/* vCPU 0 sleeps on CPU 1, vCPU 1 on CPU 2. */
static void both_sleep(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		pn_svm_load(&r.vcpu[i].h, &r.cpu[i + 1]);
		pn_svm_blocking(&r.vcpu[i].h, &r.cpu[i + 1]);
		assert_true(rig_sleep(&r, i, i + 1));
		pn_svm_put(&r.vcpu[i].h, &r.cpu[i + 1], false);
	}
}

/* The device interrupts; software delivers the interrupt if it is remapped. */
static void device(struct rig *x)
{
	x->hook = NULL;
	x->on_write = NULL;
	if (rig_msi(x, 0) == PN_MSI_REMAPPED)
		pn_host_route_irq(&x->vm.h, &route, &x->cpu[3]);
}

/*
 * To several vCPUs and back, all of them asleep. The device interrupts before; when the message has
 * changed and the entry has not; when the new entry is in memory and is not waited for yet; after.
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
		{"both to one, remapped by the old entry", ROUTE_LOG(3), ROUTE_LOG(1), BEGINS, 1},
		{"both to one, posted by the new entry", ROUTE_LOG(3), ROUTE_LOG(1), FLUSH, 1},
		{"both to one, after", ROUTE_LOG(3), ROUTE_LOG(1), AFTER, 1},
		{"one to another, posted by the old entry", ROUTE_LOG(1), ROUTE_LOG(2), BEGINS, 1},
		{"one to another, remapped in between", ROUTE_LOG(1), ROUTE_LOG(2), FLUSH, 2},
		{"one to another, after", ROUTE_LOG(1), ROUTE_LOG(2), AFTER, 2},
	};

	(void)state;
	for (size_t m = 0; m < 2 * sizeof(rows) / sizeof(rows[0]); m++) {
		const char *name = rows[m / 2].name;
		uint32_t has;

		start(&modes[m % 2]);
		set(rows[m / 2].from, 0x41);
		both_sleep();
		if (rows[m / 2].when == BEFORE)
			device(&r);
		r.write_off = PN_AMDVI_CMD_TAIL;
		r.on_write = rows[m / 2].when == FLUSH ? device : NULL;
		r.at = r.steps + 1;
		r.hook = rows[m / 2].when == BEGINS ? device : NULL;
		set(rows[m / 2].to, 0x41);
		assert_true(!r.on_write && !r.hook);
		if (rows[m / 2].when == AFTER)
			device(&r);
		rig_threads(&r);
		has = who_has(0x41);
		row_eq(name, "vCPUs that have it", has, rows[m / 2].gets);
		for (uint32_t i = 0; i < 2; i++)
			row_eq(name, "asleep", r.task[i].asleep, !(has >> i & 1));
		rig_checked(&r, name);
		rig_close(&r);
	}
}

/* The APICs that a route addresses change, not the message. */
static void apics_change(void **state)
{
	struct pn_svm_vcpu *v = r.vcpu;

	(void)state;
	start(&modes[0]);
	set(ROUTE_LOG(1), 0x41);
	assert_ptr_equal(r.ir[0].host.vcpu, &v[0].h);
	pn_svm_apic_write(&v[2], &r.cpu[2], PN_APIC_LDR, 3u << 24); /* vCPU 2 answers, too */
	assert_null(r.ir[0].host.vcpu);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
	assert_int_equal(pn_host_route_irq(&r.vm.h, &route, &r.cpu[3]), 2);
	assert_int_equal(who_has(0x41), 5);
	pn_svm_apic_write(&v[0], &r.cpu[0], PN_APIC_SVR, ROUTE_SVR_OFF);
	assert_ptr_equal(r.ir[0].host.vcpu, &v[2].h);
	pn_svm_apic_write(&v[2], &r.cpu[2], PN_APIC_LDR, 4u << 24);
	assert_null(r.ir[0].host.vcpu); /* nobody */
	pn_svm_apic_write(&v[0], &r.cpu[0], PN_APIC_SVR, 0x1FF);
	assert_ptr_equal(r.ir[0].host.vcpu, &v[0].h);
	/* Disabled altogether, as another vCPU may be. */
	assert_int_equal(pn_svm_apic_base(&v[0], &r.cpu[0], 0xFEE00000), 0);
	assert_null(r.ir[0].host.vcpu);
	rig_close(&r);
}

static void cleared(void **state)
{
	(void)state;
	start(&modes[0]);
	set(ROUTE_PHYS(0), 0x41);
	assert_int_equal(pn_host_route_clear(&r.vm.h, &route, &r.cpu[0]), 0);
	assert_null(r.ir[0].host.vcpu);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
	assert_int_equal(pn_host_route_irq(&r.vm.h, &route, &r.cpu[3]), 0);
	assert_true(pn_list_empty(&r.vm.h.routes));
	set(ROUTE_PHYS(1), 0x42); /* again */
	assert_ptr_equal(r.ir[0].host.vcpu, &r.vcpu[1].h);
	set(ROUTE_PHYS(1), 0x43); /* another vector: one change */
	assert_int_equal(rig_msi(&r, 0), PN_MSI_POSTED);
	assert_int_equal(who_has(0x43), 2);
	rig_forget(&r);
	set(ROUTE_LOG(2), 0x43); /* the same in other words */
	assert_int_equal(rig_count(&r, PN_STEP_IRTE_WRITE), 0);
	rig_close(&r);
}

/* No posting on this machine: every route is delivered by software. */
static void without_posting(void **state)
{
	(void)state;
	start(&(struct rig_conf){PN_NOTIFY_NONE});
	set(ROUTE_PHYS(2), 0x41);
	assert_false(r.ir[0].guest_mode);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
	assert_int_equal(pn_host_route_irq(&r.vm.h, &route, &r.cpu[3]), 1);
	assert_int_equal(who_has(0x41), 4);
	rig_close(&r);
}

/* ---- the I/O APIC ---- */

#define PIN   5u
#define LEVEL (PN_REDIR_LEVEL | 0x61)

static struct pn_ioapic io;

static void redirect(unsigned pin, uint64_t e)
{
	pn_ioapic_write(&io, PN_IOAPIC_SELECT, PN_IOAPIC_REDIR + 2 * pin + 1, &r.cpu[0]);
	pn_ioapic_write(&io, PN_IOAPIC_WINDOW, (uint32_t)(e >> 32), &r.cpu[0]);
	pn_ioapic_write(&io, PN_IOAPIC_SELECT, PN_IOAPIC_REDIR + 2 * pin, &r.cpu[0]);
	pn_ioapic_write(&io, PN_IOAPIC_WINDOW, (uint32_t)e, &r.cpu[0]);
}

static uint64_t redirected(unsigned pin)
{
	uint64_t e;

	pn_ioapic_write(&io, PN_IOAPIC_SELECT, PN_IOAPIC_REDIR + 2 * pin + 1, &r.cpu[0]);
	e = (uint64_t)pn_ioapic_read(&io, PN_IOAPIC_WINDOW, &r.cpu[0]) << 32;
	pn_ioapic_write(&io, PN_IOAPIC_SELECT, PN_IOAPIC_REDIR + 2 * pin, &r.cpu[0]);
	return e | pn_ioapic_read(&io, PN_IOAPIC_WINDOW, &r.cpu[0]);
}

static void line(unsigned pin, bool up)
{
	pn_ioapic_line(&io, pin, up, &r.cpu[0]);
}

static void start_io(void)
{
	start(&modes[0]);
	pn_ioapic_init(&io, &r.vm.h);
}

/* vCPU 0 takes the highest vector of its IRR, and the host emulates its EOI. */
static int serve(void)
{
	int vector = pn_host_inject_one(&r.vcpu[0].h, &r.agent[0], 0);

	return vector < 0 ? -1 : pn_svm_eoi(&r.vcpu[0].h, &r.cpu[0]);
}

static void registers(void **state)
{
	(void)state;
	start_io();
	for (unsigned i = 0; i < PN_IOAPIC_PINS; i++)
		assert_int_equal(redirected(i), PN_REDIR_MASKED);
	redirect(23, ~0ull);
	assert_int_equal(redirected(23), 0xFF0000000001AFFFull); /* 14 and 12 are read-only */
	pn_ioapic_write(&io, PN_IOAPIC_SELECT, PN_IOAPIC_ID, &r.cpu[0]);
	pn_ioapic_write(&io, PN_IOAPIC_WINDOW, ~0u, &r.cpu[0]);
	assert_int_equal(pn_ioapic_read(&io, PN_IOAPIC_WINDOW, &r.cpu[0]), 0x0F000000);
	pn_ioapic_write(&io, PN_IOAPIC_SELECT, PN_IOAPIC_VERSION, &r.cpu[0]);
	assert_int_equal(pn_ioapic_read(&io, PN_IOAPIC_WINDOW, &r.cpu[0]), 0x00170020);
	assert_int_equal(pn_ioapic_read(&io, PN_IOAPIC_SELECT, &r.cpu[0]), PN_IOAPIC_VERSION);
	for (unsigned i = 0x40; i <= 0xFF; i++) { /* beyond the last pin */
		pn_ioapic_write(&io, PN_IOAPIC_SELECT, i, &r.cpu[0]);
		pn_ioapic_write(&io, PN_IOAPIC_WINDOW, 0, &r.cpu[0]);
		assert_int_equal(pn_ioapic_read(&io, PN_IOAPIC_WINDOW, &r.cpu[0]), 0);
	}
	line(PN_IOAPIC_PINS, true);
	line(~0u, true);
	assert_int_equal(io.line, 0);
	rig_close(&r);
}

static void edge(void **state)
{
	(void)state;
	start_io();
	line(PIN, true); /* masked: gone */
	redirect(PIN, 0x61);
	assert_int_equal(who_has(0x61), 0);
	line(PIN, true); /* no edge */
	assert_int_equal(who_has(0x61), 0);
	line(PIN, false);
	line(PIN, true);
	assert_int_equal(who_has(0x61), 1);
	assert_false(pn_vapic_test(r.vcpu[0].h.page, PN_APIC_TMR, 0x61));
	assert_int_equal(redirected(PIN), 0x61);
	assert_int_equal(serve(), -1); /* nothing for the I/O APIC */
	assert_int_equal(who_has(0x61), 0);
	assert_int_equal(io.eois, 0);
	rig_close(&r);
}

static void level(void **state)
{
	(void)state;
	start_io();
	redirect(PIN, LEVEL);
	line(PIN, true);
	assert_int_equal(who_has(0x61), 1);
	assert_true(pn_vapic_test(r.vcpu[0].h.page, PN_APIC_TMR, 0x61));
	assert_int_equal(redirected(PIN), LEVEL | PN_REDIR_REMOTE_IRR);
	line(PIN, false);
	line(PIN, true);
	assert_int_equal(io.delivered, 1); /* one at a time */
	assert_int_equal(serve(), 0x61);   /* the line is up: once more */
	assert_int_equal(who_has(0x61), 1);
	assert_int_equal(io.delivered, 2);
	line(PIN, false);
	assert_int_equal(serve(), 0x61);
	assert_int_equal(redirected(PIN), LEVEL);
	assert_int_equal(who_has(0x61), 0);
	assert_int_equal(io.eois, 2);
	/* masked in service: no more until it is unmasked */
	line(PIN, true);
	redirect(PIN, LEVEL | PN_REDIR_MASKED);
	assert_int_equal(serve(), 0x61);
	assert_int_equal(who_has(0x61), 0);
	redirect(PIN, LEVEL);
	assert_int_equal(who_has(0x61), 1);
	rig_close(&r);
}

/* Two pins with one vector; to edge and back; EOI register; suppressed broadcast. */
static void remote_irr(void **state)
{
	(void)state;
	start_io();
	redirect(PIN, LEVEL);
	redirect(PIN + 1, LEVEL);
	line(PIN, true);
	line(PIN + 1, true);
	line(PIN + 1, false);
	assert_int_equal(serve(), 0x61);
	assert_int_equal(io.eois, 2);
	assert_int_equal(redirected(PIN), LEVEL | PN_REDIR_REMOTE_IRR); /* still up */
	assert_int_equal(redirected(PIN + 1), LEVEL);
	redirect(PIN, 0x61); /* edge */
	assert_int_equal(redirected(PIN), 0x61);
	pn_vapic_clear(r.vcpu[0].h.page, PN_APIC_IRR, 0x61);
	redirect(PIN, LEVEL);
	assert_int_equal(redirected(PIN), LEVEL | PN_REDIR_REMOTE_IRR);
	pn_vapic_write(r.vcpu[0].h.page, PN_APIC_SVR, 0x11FF);
	assert_int_equal(serve(), 0x61);
	assert_int_equal(redirected(PIN), LEVEL | PN_REDIR_REMOTE_IRR); /* no broadcast */
	assert_int_equal(who_has(0x61), 0);
	pn_ioapic_write(&io, PN_IOAPIC_EOI, 0x62, &r.cpu[0]); /* another vector */
	assert_int_equal(who_has(0x61), 0);
	pn_ioapic_write(&io, PN_IOAPIC_EOI, 0x61, &r.cpu[0]);
	assert_int_equal(who_has(0x61), 1);
	/* no APIC accepts it: no remote IRR, as there will be no EOI */
	redirect(PIN + 2, PN_REDIR_LEVEL | 0x71 | 9ull << PN_REDIR_DEST_SH);
	line(PIN + 2, true);
	assert_int_equal(redirected(PIN + 2) & PN_REDIR_REMOTE_IRR, 0);
	rig_close(&r);
}

/* Which EOIs reach the I/O APIC. */
static void handled(void **state)
{
	static const struct {
		const char *name;
		uint64_t e;
		uint32_t bank; /* vector 0x61 waits there; 0: nowhere */
		bool want;
		int stale;
	} rows[] = {
		/* clang-format off */
		{"level, to it", LEVEL, 0, true, -1},
		{"level, to it, in service", LEVEL, PN_APIC_ISR, true, -1},
		{"level, to it, masked", LEVEL | PN_REDIR_MASKED, 0, true, -1},
		{"edge, to it", 0x61, 0, false, -1},
		{"edge, in service", 0x61, PN_APIC_ISR, false, -1},
		{"level, to another", LEVEL | 1ull << PN_REDIR_DEST_SH, 0, false, -1},
		{"level, to another, in service here", LEVEL | 1ull << PN_REDIR_DEST_SH, PN_APIC_ISR, true, 0x61},
		{"level, to another, in the IRR here", LEVEL | 1ull << PN_REDIR_DEST_SH, PN_APIC_IRR, true, 0x61},
		{"level, logical, to both", LEVEL | PN_REDIR_LOGICAL | 3ull << PN_REDIR_DEST_SH, 0, true, -1},
		{"level, logical, to another", LEVEL | PN_REDIR_LOGICAL | 2ull << PN_REDIR_DEST_SH, 0, false, -1},
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t v[4];

		start_io();
		redirect(PIN, rows[i].e);
		if (rows[i].bank)
			pn_vapic_set(r.vcpu[0].h.page, rows[i].bank, 0x61);
		row_eq(rows[i].name, "stale", (uint64_t)pn_ioapic_handled(&io, &r.vcpu[0].h, v),
		       (uint64_t)rows[i].stale);
		row_eq(rows[i].name, "vector", v[1], (uint64_t)rows[i].want << 0x21);
		row_eq(rows[i].name, "others", v[0] | v[2] | v[3], 0);
		rig_close(&r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(kinds_x2apic),
		cmocka_unit_test(change_while_asleep),
		cmocka_unit_test(apics_change),
		cmocka_unit_test(cleared),
		cmocka_unit_test(without_posting),
		cmocka_unit_test(registers),
		cmocka_unit_test(edge),
		cmocka_unit_test(level),
		cmocka_unit_test(remote_irr),
		cmocka_unit_test(handled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
