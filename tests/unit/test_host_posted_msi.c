/* SPDX-License-Identifier: MIT */
/* Posted MSI on bare metal. Section numbers: the spec sheet. */
#include <errno.h>

#include "vtd_rig.h"

/*
 * The tested file is included here, with a call before each of its accesses, where other agents can
 * act.
 */
static void moment(void);

#define pn_ld64_sc(p)	(moment(), pn_ld64_sc(p))
#define pn_xchg64(p, v) (moment(), pn_xchg64(p, v))
#define pn_and64(p, v)	(moment(), pn_and64(p, v))
#include "posted_msi.c"
#undef pn_ld64_sc
#undef pn_xchg64
#undef pn_and64

#define IRS 8u

static struct rig r;
static struct pn_pmsi pm;
static struct pn_pmsi_cpu cpu[RIG_CPUS];
static struct pn_host_cpu host[RIG_CPUS];
static struct pn_vtd_ir ir[IRS];

/* ---- what happens, in one line: H harvest, C clear ON, a vector, E the EOI ---- */

static char events[4096];
static size_t events_at;
static unsigned eois, dispatched[256];
static void (*in_handler)(struct pn_host_cpu *c, uint8_t vector);

/* Every moment at which another agent can do something. */
static unsigned moments, inject_at[2];
static void (*injected)(unsigned which);

static void moment(void)
{
	moments++;
	for (unsigned i = 0; injected && i < 2; i++) {
		if (moments == inject_at[i])
			injected(i);
	}
}

static void event(const char *text)
{
	if (events_at < sizeof(events) - 8)
		events_at +=
			(size_t)sprintf(events + events_at, "%s%s", events_at ? " " : "", text);
}

static void observe(void *ctx, struct pn_agent *a, unsigned step, uint64_t x, uint64_t y)
{
	(void)ctx;
	(void)a;
	(void)x;
	(void)y;
	if (step == PN_STEP_MSI_HARVEST)
		event("H");
	else if (step == PN_STEP_MSI_CLEAR_ON)
		event("C");
	moment();
}

static void dispatch(void *ctx, struct pn_host_cpu *c, uint8_t vector)
{
	char text[8];

	assert_ptr_equal(ctx, &r);
	sprintf(text, "%02x", vector);
	event(text);
	dispatched[vector]++;
	pn_pmsi_ack(&cpu[c->id]);
	moment();
	if (in_handler)
		in_handler(c, vector);
}

static void lapic_eoi(void *ctx, struct pn_host_cpu *c)
{
	assert_ptr_equal(ctx, &r);
	event("E");
	eois++;
	assert_int_not_equal(pn_lapic_eoi(&r.lapic[c->id]), -1);
}

static void forget(void)
{
	events[0] = 0;
	events_at = 0;
	moments = eois = 0;
	memset(dispatched, 0, sizeof(dispatched));
}

/* ---- the machine ---- */

static struct pn_pmsi_config conf(uint32_t loops, bool x2apic)
{
	return (struct pn_pmsi_config){.cpu = host,
				       .nr_cpus = RIG_CPUS,
				       .loops = loops,
				       .x2apic = x2apic,
				       .ctx = &r,
				       .dispatch = dispatch,
				       .eoi = lapic_eoi};
}

static void cpus(void)
{
	memset(host, 0, sizeof(host));
	for (uint32_t i = 0; i < RIG_CPUS; i++) {
		host[i].agent = &r.agent[i];
		host[i].id = i;
		host[i].apicid = RIG_APICID(i);
	}
}

/* Device interrupt i posts vector 0x41 + i to CPU 0. */
static void open(uint32_t loops)
{
	const struct pn_pmsi_config cfg = conf(loops, true);

	in_handler = NULL;
	injected = NULL;
	rig_start(&r);
	cpus();
	assert_int_equal(pn_pmsi_init(&pm, cpu, &cfg, &r.pages), 0);
	for (uint32_t i = 0; i < IRS; i++) {
		assert_int_equal(pn_vtd_ir_init(&ir[i], &r.drv, &r.agent[0], (uint16_t)i, RIG_DEV,
						RIG_APICID(2), 0x90),
				 0);
		assert_int_equal(
			pn_pmsi_attach(&pm, &ir[i], &r.agent[0], &host[0], (uint8_t)(0x41 + i)), 0);
	}
	for (uint32_t i = 0; i < RIG_CPUS; i++) {
		r.agent[i].observe = observe;
		pn_watch_all(&r.cpu_steps[i], true);
	}
	forget();
}

/* Takes the interrupts of the local APIC of CPU @n until none is left. */
static void run(uint32_t n)
{
	int vector;

	while ((vector = pn_lapic_take(&r.lapic[n])) >= 0) {
		if (vector != PN_VEC_POSTED_MSI) {
			pn_pmsi_device_irq(&cpu[n], (uint8_t)vector);
			continue;
		}
		pn_pmsi_irq_begin(&cpu[n]);
		do
			moment();
		while (pn_pmsi_irq_step(&cpu[n]));
		/*
		 * 5.2: an interrupt that came too late for the last harvest has its own
		 * notification.
		 */
		for (unsigned w = 0; w < 4; w++) {
			if (cpu[n].pid->pir[w])
				row_eq(events, "IRR after the handler",
				       r.lapic[n].irr[3] >> (PN_VEC_POSTED_MSI & 63) & 1, 1);
		}
	}
}

static void idle(const char *name, uint32_t n)
{
	static const struct pn_lapic none;

	for (unsigned w = 0; w < 4; w++)
		row_eq(name, "PIR at the end", cpu[n].pid->pir[w], 0);
	row_eq(name, "ON at the end", cpu[n].pid->control & PN_PID_ON, 0);
	row_eq(name, "active at the end", cpu[n].active, 0);
	row_eq(name, "local APIC busy", memcmp(&r.lapic[n], &none, sizeof(none)) != 0, 0);
}

/* ---- set-up ---- */

static void descriptors(void **state)
{
	static const struct {
		const char *name;
		bool x2;
		uint32_t loops, apicid;
		int ret;
		uint64_t control;
	} rows[] = {
		{"x2APIC: NDST 32 bits", true, 3, 0x01020304, 0, 0x0102030400EB0000ull},
		{"xAPIC: NDST[15:8]", false, 3, 0xA4, 0, 0x0000A40000EB0000ull},
		{"xAPIC, 9 bits", false, 3, 0x100, -EINVAL, 0},
		{"no loops", true, 0, 0, -EINVAL, 0},
		{"one loop", true, 1, 1, 0, 0x0000000100EB0000ull},
		{"most loops", true, PN_PMSI_LOOPS_MAX, 1, 0, 0x0000000100EB0000ull},
		{"too many", true, PN_PMSI_LOOPS_MAX + 1, 0, -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pn_pmsi_config cfg = conf(rows[i].loops, rows[i].x2);

		rig_open(&r, NULL);
		cpus();
		host[2].apicid = rows[i].apicid;
		row_eq(rows[i].name, "result", pn_pmsi_init(&pm, cpu, &cfg, &r.pages), rows[i].ret);
		if (!rows[i].ret) {
			row_eq(rows[i].name, "control", cpu[2].pid->control, rows[i].control);
			row_eq("2", "alignment", cpu[2].pid_pa % 64, 0);
			row_eq("2", "reserved bits", pn_pid_check(cpu[2].pid, rows[i].x2), 0);
			row_eq("5.1", "one each", cpu[1].pid_pa != cpu[2].pid_pa, 1);
		}
		rig_close(&r);
	}
	rig_open(&r, NULL);
	cpus();
	pn_pages_init(&r.pages, &r.bus, RIG_BASE, 64 * (RIG_CPUS - 1));
	{
		const struct pn_pmsi_config cfg = conf(3, true);

		assert_int_equal(pn_pmsi_init(&pm, cpu, &cfg, &r.pages), -ENOMEM);
	}
	rig_close(&r);
}

static void attach(void **state)
{
	static const struct {
		const char *name;
		uint8_t vector;
		uint32_t id;
		int ret;
	} rows[] = {
		{"5.1 below 20h", 0x1F, 1, -EINVAL},
		{"5.1 first", 0x20, 1, 0},
		{"5.1 last", 0xEA, 1, 0},
		{"5.1 the notification itself", 0xEB, 1, -EINVAL},
		{"no such CPU", 0x41, RIG_CPUS, -EINVAL},
	};

	(void)state;
	open(3);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_host_cpu c = host[1];

		c.id = rows[i].id;
		row_eq(rows[i].name, "result",
		       pn_pmsi_attach(&pm, &ir[0], &r.agent[0], &c, rows[i].vector), rows[i].ret);
		if (rows[i].ret)
			continue;
		row_eq(rows[i].name, "URG", ir[0].irte->lo & PN_VIRTE_URG, 0);
		row_eq(rows[i].name, "posted", rig_msi(&r, 0), PN_MSI_POSTED);
		row_eq(rows[i].name, "pending", pn_pmsi_pending(&cpu[1], rows[i].vector), 1);
	}
	r.drv.pi = false;
	assert_int_equal(pn_pmsi_attach(&pm, &ir[0], &r.agent[0], &host[1], 0x41), -ENODEV);
	rig_close(&r);
}

/* ---- 5.2: the handler ---- */

static unsigned again;

/* The device has more by the time its handler is done. */
static void post_again(struct pn_host_cpu *c, uint8_t vector)
{
	(void)c;
	if (again) {
		again--;
		assert_int_equal(rig_msi(&r, vector - 0x41u), PN_MSI_POSTED);
	}
}

static void loops(void **state)
{
	static const struct {
		const char *name;
		uint32_t loops;
		const char *posted; /* vectors before the notification is taken */
		unsigned again;
		const char *events;
		unsigned notifications, empty;
	} rows[] = {
		/* clang-format off */
		{"1: nothing", 1, "", 0, "C H E", 1, 1},
		{"1: one", 1, "\x41", 0, "C H 41 E", 1, 0},
		{"1: one, again", 1, "\x41", 1, "C H 41 E C H 41 E", 2, 0},
		{"2: nothing", 2, "", 0, "H C H E", 1, 1},
		{"2: one", 2, "\x41", 0, "H 41 C H E", 1, 0},
		{"2: one, again", 2, "\x41", 1, "H 41 C H 41 E", 1, 0},
		{"2: one, again and again", 2, "\x41", 2, "H 41 C H 41 E H 41 C H E", 2, 0},
		{"3: nothing", 3, "", 0, "H C H E", 1, 1},
		{"3: one", 3, "\x41", 0, "H 41 H C H E", 1, 0},
		{"3: one, again", 3, "\x41", 1, "H 41 H 41 C H E", 1, 0},
		{"3: one, twice again", 3, "\x41", 2, "H 41 H 41 C H 41 E", 1, 0},
		{"3: one, three times again", 3, "\x41", 3, "H 41 H 41 C H 41 E H 41 H C H E", 2, 0},
		{"3: three, ascending, one again", 3, "\x45\x41\x43", 1, "H 41 43 45 H 41 C H E", 1, 0},
		{"8: nothing", 8, "", 0, "H C H E", 1, 1},
		{"8: one", 8, "\x41", 0, "H 41 H C H E", 1, 0},
		{"8: seven again", 8, "\x41", 7, "H 41 H 41 H 41 H 41 H 41 H 41 H 41 C H 41 E", 1, 0},
		{"8: eight again", 8, "\x41", 8, "H 41 H 41 H 41 H 41 H 41 H 41 H 41 C H 41 E H 41 H C H E", 2, 0},
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *v = rows[i].posted;

		open(rows[i].loops);
		for (; *v; v++)
			rig_msi(&r, (uint32_t)*v - 0x41);
		if (!rows[i].posted[0]) {
			cpu[0].pid->control |= PN_PID_ON;
			pn_lapic_accept(&r.lapic[0], PN_VEC_POSTED_MSI);
		}
		again = rows[i].again;
		in_handler = post_again;
		run(0);
		row_is(rows[i].name, events, rows[i].events);
		row_eq(rows[i].name, "notifications", cpu[0].notifications, rows[i].notifications);
		row_eq(rows[i].name, "found empty", cpu[0].empty, rows[i].empty);
		row_eq(rows[i].name, "dispatched", cpu[0].dispatched,
		       strlen(rows[i].posted) + rows[i].again);
		row_eq(rows[i].name, "MSI_DEMUX", r.agent[0].step[PN_STEP_MSI_DEMUX].count,
		       cpu[0].dispatched);
		row_eq(rows[i].name, "IRQ_DISPATCH", r.agent[0].step[PN_STEP_IRQ_DISPATCH].count,
		       cpu[0].dispatched);
		idle(rows[i].name, 0);
		rig_close(&r);
	}
}

/* 5.1: the scan covers 20h to EAh; 5.2: in vector order. */
static void range(void **state)
{
	static const struct {
		const char *name;
		uint8_t vector[8]; /* 0: no more */
		const char *events;
	} rows[] = {
		/* clang-format off */
		{"word by word", {0xEA, 0xC0, 0x20, 0x40, 0x3F, 0xBF, 0x7F, 0x80}, "H 20 3f 40 7f 80 bf c0 ea H C H E"},
		{"below and above", {0x10, 0x1F, 0xEB, 0xFF}, "H H C H E"},
		{"at the borders", {0x1F, 0x20, 0xEA, 0xEB}, "H 20 ea H C H E"},
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open(3);
		for (unsigned n = 0; n < 8 && rows[i].vector[n]; n++) {
			struct pn_pid_post post = {.vector = rows[i].vector[n], .x2apic = true};

			if (pn_pid_post(cpu[0].pid, &post) == PN_PID_NOTIFY)
				pn_lapic_accept(&r.lapic[0], PN_VEC_POSTED_MSI);
		}
		run(0);
		row_is(rows[i].name, events, rows[i].events);
		row_eq(rows[i].name, "found empty", cpu[0].empty, 0);
		idle(rows[i].name, 0);
		rig_close(&r);
	}
}

/* ---- a post at every moment of the handler ---- */

static unsigned fresh[256]; /* posts that found the PIR bit clear */
static const uint8_t *shot;

static void post(uint8_t vector)
{
	fresh[vector] += !pn_pmsi_pending(&cpu[0], vector);
	assert_int_equal(rig_msi(&r, vector - 0x41u), PN_MSI_POSTED);
}

static void shoot(unsigned which)
{
	post(shot[which]);
}

/* Fills @moments with what one run has. */
static void one_run(const char *name, uint32_t limit, unsigned first, unsigned second)
{
	open(limit);
	memset(fresh, 0, sizeof(fresh));
	inject_at[0] = first;
	inject_at[1] = second;
	post(0x43);
	post(0x45);
	injected = shoot;
	run(0);
	run(0);
	for (unsigned v = 0; v < 256; v++) {
		if (dispatched[v] != fresh[v])
			fail_msg("%s, limit %u, posts at %u and %u: vector %x taken %u times, "
				 "posted %u times: %s",
				 name, limit, first, second, v, dispatched[v], fresh[v], events);
	}
	row_eq(name, "EOIs", eois, cpu[0].notifications);
	idle(name, 0);
	rig_close(&r);
}

static void every_moment(void **state)
{
	static const struct {
		const char *name;
		uint8_t shot[2];
		uint32_t limit;
	} rows[] = {
		{"2/5.2 the same twice, pending already", {0x43, 0x43}, 3},
		{"2/5.2 lower, then pending", {0x41, 0x45}, 1},
		{"2/5.2 higher, then lower", {0x47, 0x42}, 2},
		{"2/5.2 lower twice", {0x41, 0x41}, 3},
		{"2/5.2 higher twice", {0x48, 0x48}, 8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned n;

		shot = rows[i].shot;
		one_run(rows[i].name, rows[i].limit, 0, 0);
		n = moments;
		assert_in_range(n, 15, 60);
		for (unsigned a = 1; a <= n; a++) {
			for (unsigned b = a; b <= n + 16; b++)
				one_run(rows[i].name, rows[i].limit, a, b);
		}
	}
}

/* ---- 5.3, 5.4: EOIs ---- */

static unsigned isr_seen;

static void look_at_isr(struct pn_host_cpu *c, uint8_t vector)
{
	(void)vector;
	isr_seen += r.lapic[c->id].isr[3] >> (PN_VEC_POSTED_MSI & 63) & 1;
}

static void eoi_rules(void **state)
{
	(void)state;
	open(3);
	/* 5.3: no EOI per MSI: the notification stays in service until the end. */
	isr_seen = 0;
	in_handler = look_at_isr;
	rig_msi(&r, 0);
	rig_msi(&r, 3);
	run(0);
	row_is("5.3", events, "H 41 44 H C H E");
	row_eq("5.3", "notification in service", isr_seen, 2);
	row_eq("5.2", "EOIs", eois, 1);
	/* 5.4: a retriggered vector came through the local APIC, and a lower one waits. */
	forget();
	in_handler = NULL;
	pn_lapic_accept(&r.lapic[0], 0x84);
	pn_lapic_accept(&r.lapic[0], 0x41);
	run(0);
	row_is("5.4", events, "84 E 41 E");
	row_eq("5.4", "IRQ_DISPATCH", r.agent[0].step[PN_STEP_IRQ_DISPATCH].count, 4);
	row_eq("5.4", "no harvest", r.agent[0].step[PN_STEP_MSI_HARVEST].count, 3);
	idle("5.4", 0);
	/* Not in the handler: nothing to do. */
	assert_false(pn_pmsi_irq_step(&cpu[0]));
	row_eq("no EOI", "EOIs", eois, 2);
	rig_close(&r);
}

/* Retriggered while the demultiplexing handler works: it waits for the EOI of that. */
static void retrigger(struct pn_host_cpu *c, uint8_t vector)
{
	if (vector == 0x41 && again) {
		again--;
		pn_lapic_accept(&r.lapic[c->id], 0x42);
	}
}

static void retriggered_inside(void **state)
{
	(void)state;
	open(2);
	again = 1;
	in_handler = retrigger;
	rig_msi(&r, 0);
	run(0);
	row_is("5.4", events, "H 41 C H E 42 E");
	idle("5.4", 0);
	rig_close(&r);
}

/* ---- 5.1: affinity, left-overs ---- */

static void affinity(void **state)
{
	(void)state;
	open(3);
	rig_msi(&r, 0);
	assert_int_equal(pn_pmsi_attach(&pm, &ir[0], &r.agent[0], &host[1], 0x51), 0);
	assert_true(pn_pmsi_pending(&cpu[0], 0x41));
	assert_int_equal(rig_msi(&r, 0), PN_MSI_POSTED); /* not stale: it was invalidated */
	assert_int_equal(r.intr.dest, RIG_APICID(1));
	assert_true(pn_pmsi_pending(&cpu[1], 0x51));
	assert_false(pn_pmsi_pending(&cpu[1], 0x41));
	assert_false(pn_pmsi_pending(&cpu[0], 0x51));
	run(0);
	row_is("left over at the old CPU", events, "H 41 H C H E");
	forget();
	run(1);
	row_is("new CPU", events, "H 51 H C H E");
	row_eq("steps", "of the new CPU", r.agent[1].step[PN_STEP_MSI_DEMUX].count, 1);
	idle("old CPU", 0);
	idle("new CPU", 1);
	/* back to remapped form: through the local APIC */
	forget();
	assert_int_equal(pn_vtd_ir_remap(&ir[0], &r.agent[0]), 0);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
	run(2);
	row_is("remapped", events, "90 E");
	rig_close(&r);
}

/* Changed from inside the handler, as Linux does it. */
static void move_on(struct pn_host_cpu *c, uint8_t vector)
{
	(void)c;
	(void)vector;
	in_handler = NULL;
	rig_msi(&r, 0);
	assert_int_equal(pn_pmsi_attach(&pm, &ir[0], &r.agent[0], &host[1], 0x41), 0);
	rig_msi(&r, 0);
}

static void affinity_inside(void **state)
{
	(void)state;
	open(3);
	in_handler = move_on;
	rig_msi(&r, 0);
	run(0);
	row_is("5.1", events, "H 41 H 41 C H E");
	run(1);
	row_eq("5.1", "dispatched", dispatched[0x41], 3);
	idle("old CPU", 0);
	idle("new CPU", 1);
	rig_close(&r);
}

static uint8_t left[8];
static unsigned nr_left;

static void found(void *ctx, uint8_t vector)
{
	assert_ptr_equal(ctx, &r);
	left[nr_left++] = vector;
}

static void drain(void **state)
{
	(void)state;
	open(3);
	nr_left = 0;
	row_eq("nothing left", "found", pn_pmsi_drain(&cpu[0], &r.agent[1], found, &r), 0);
	rig_msi(&r, 4);
	rig_msi(&r, 1);
	cpu[0].pid->pir[3] |= 1ull << (PN_VEC_TIMER & 63); /* no device vector */
	row_eq("5.1", "found", pn_pmsi_drain(&cpu[0], &r.agent[1], found, &r), 2);
	row_eq("ascending", "first", left[0], 0x42);
	row_eq("ascending", "second", left[1], 0x45);
	row_eq("on whose CPU", "steps", r.agent[1].step[PN_STEP_MSI_HARVEST].count, 2);
	assert_false(pn_pmsi_pending(&cpu[0], 0x42));
	/* The CPU comes back: it is notified again. */
	memset(&r.lapic[0], 0, sizeof(r.lapic[0]));
	forget();
	rig_msi(&r, 2);
	run(0);
	row_is("back", events, "H 43 H C H E");
	idle("back", 0);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors),
		cmocka_unit_test(attach),
		cmocka_unit_test(loops),
		cmocka_unit_test(range),
		cmocka_unit_test(every_moment),
		cmocka_unit_test(eoi_rules),
		cmocka_unit_test(retriggered_inside),
		cmocka_unit_test(affinity),
		cmocka_unit_test(affinity_inside),
		cmocka_unit_test(drain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
