/* SPDX-License-Identifier: MIT */
/* Software delivery, PIR to IRR, entry and exit, inhibits, the VMCS, the PID-pointer table's size.
 * Sections are those of docs/protocol-intel.md. */

#include <errno.h>

#include "vmx_rig.h"

static struct rig r;

#define ON  PN_PID_ON
#define SN  PN_PID_SN
#define NVP ((uint64_t)PN_VEC_POSTED << PN_PID_NV_SH)

static bool irr(const struct pn_vmx_vcpu *v, uint8_t vector)
{
	return pn_vapic_test(v->h.page, PN_APIC_IRR, vector);
}

/* ---- the software sender ---- */

struct send_row {
	const char *name;
	uint32_t from;	    /* CPU of the sender; the vCPU is on CPU 1 */
	bool apicv, inside; /* in the guest */
	bool pir;	    /* the bit is set already */
	uint64_t bits;	    /* ON, SN before */
	bool was;	    /* what it returns */
	uint64_t want;	    /* ON, SN after */
	bool wakes;
	int ipi; /* vector, or -1 */
};

static const struct send_row sends[] = {
	{"S1: PIR was set: done", 0, 1, 0, 1, 0, 1, 0, 0, -1},
	{"S1: PIR was set, in the guest: done", 0, 1, 1, 1, 0, 1, 0, 0, -1},
	{"S2: ON was set: done", 0, 1, 0, 0, ON, 0, ON, 0, -1},
	{"S2: ON was set, in the guest: done", 0, 1, 1, 0, ON, 0, ON, 0, -1},
	{"S3: outside: wake", 0, 1, 0, 0, 0, 0, ON, 1, -1},
	{"S3: outside, its own CPU: wake", 1, 1, 0, 0, 0, 0, ON, 1, -1},
	{"S2: SN is not asked: wake", 0, 1, 0, 0, SN, 0, ON | SN, 1, -1},
	{"S4: in the guest elsewhere: 0xf2", 0, 1, 1, 0, 0, 0, ON, 0, PN_VEC_POSTED},
	{"S4: SN is not asked: 0xf2", 0, 1, 1, 0, SN, 0, ON | SN, 0, PN_VEC_POSTED},
	{"S4: the sender is on its CPU: no IPI", 1, 1, 1, 0, 0, 0, ON, 0, -1},
	{"S5: inhibited: wake", 0, 0, 0, 0, 0, 0, 0, 1, -1},
	{"S5: inhibited, in the guest: kick", 0, 0, 1, 0, 0, 0, 0, 0, PN_VEC_RESCHED},
	{"S5: inhibited, the sender is on its CPU", 1, 0, 1, 0, 0, 0, 0, 0, -1},
};

static void sender(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sends) / sizeof(sends[0]); i++) {
		const struct send_row *w = &sends[i];
		struct pn_vmx_vcpu *v = &r.vcpu[0];

		rig_start(&r, &(struct rig_conf){.inhibits = !w->apicv});
		pn_vmx_load(&v->h, &r.cpu[1]);
		v->h.mode = w->inside ? PN_IN_GUEST : PN_OUTSIDE_GUEST;
		v->pid->control |= w->bits;
		v->pid->pir[2] = w->pir ? 2 : 0; /* 0x81 */
		r.task[0].asleep = true;
		row_eq(w->name, "returned",
		       pn_vmx_inject(&v->h, &r.cpu[w->from], 0x81, PN_WAKE_TIMER), w->was);
		row_eq(w->name, "PIR", v->pid->pir[2], w->apicv ? 2 : 0);
		row_eq(w->name, "IRR", irr(v, 0x81), !w->apicv);
		row_eq(w->name, "ON, SN", rig_ctl(v) & (ON | SN), w->want);
		row_eq(w->name, "wakes", r.task[0].wakes, w->wakes);
		if (w->wakes)
			row_eq(w->name, "reason", r.task[0].why, PN_WAKE_TIMER);
		row_eq(w->name, "IPIs", r.ipis, w->ipi >= 0);
		if (w->ipi >= 0) {
			row_eq(w->name, "vector", r.ipi_vector, w->ipi);
			row_eq(w->name, "CPU", r.ipi_cpu, 1);
		}
		row_eq(w->name, "request", v->h.requests, w->apicv ? 0 : PN_REQ_EVENT);
		row_eq(w->name, "again", pn_vmx_inject(&v->h, &r.cpu[w->from], 0x81, PN_WAKE_TIMER),
		       1);
		rig_close(&r);
	}
}

/* S4: to the CPU that it runs on, even while NDST names another (4.4). */
static void sender_follows_cpu(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	v->h.mode = PN_IN_GUEST;
	v->h.cpu = 2;
	pn_vmx_inject(&v->h, &r.cpu[0], 0x81, PN_WAKE_NOTIFY);
	assert_int_equal(r.ipi_cpu, 2);
	rig_close(&r);
}

static void delivered_in_guest(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_enter(&r, v, 1);
	pn_vmx_inject(&v->h, &r.cpu[0], 0x81, PN_WAKE_NOTIFY);
	assert_int_equal(r.c[1].exits, 0);
	assert_int_equal(rig_drain(&r, 1), 0x81);
	assert_int_equal(rig_ctl(v) & ON, 0);
	rig_check(&r, "in the guest");
	rig_close(&r);
}

/* ---- sync ---- */

static const struct {
	const char *name;
	uint64_t bits, pir[4];
	uint32_t irr; /* 0x20..0x3f before */
	uint8_t rvi;
	bool taken;
} syncs[] = {
	{"Y1: ON = 0: the PIR is not looked at", 0, {0, 2}, 0, 0, 0},
	{"Y1: ON = 0: RVI from the IRR", 0, {0}, 1u << 3, 0x23, 0},
	{"Y2: ON, empty PIR", ON, {0}, 0, 0, 1},
	{"Y2: ON, empty PIR: RVI from the IRR", ON, {0}, 1u << 31, 0x3F, 1},
	{"Y3: low half of a word", ON, {0, 2}, 0, 0x41, 1},
	{"Y3: high half of a word", ON, {0, 1ull << 40}, 0, 0x68, 1},
	{"Y3: every word", ON, {1ull << 63, 1, 1, 1ull << 63}, 0, 0xFF, 1},
	{"Y3: ORed to what is there", ON, {1ull << 36}, 1u << 8, 0x28, 1},
	{"Y4: lower than what is there", ON, {1ull << 33}, 1u << 8, 0x28, 1},
};

static void sync_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(syncs) / sizeof(syncs[0]); i++) {
		struct pn_vmx_vcpu *v = &r.vcpu[0];
		const char *name = syncs[i].name;

		rig_start(&r, &(struct rig_conf){0});
		pn_vmx_load(&v->h, &r.cpu[1]);
		v->pid->control |= syncs[i].bits;
		memcpy(v->pid->pir, syncs[i].pir, sizeof(v->pid->pir));
		pn_vapic_write(v->h.page, PN_APIC_IRR + 0x10, syncs[i].irr);
		pn_vmx_blocking(&v->h, &r.cpu[1]);
		row_eq(name, "must run", pn_vmx_must_run(&v->h, &r.cpu[1]), syncs[i].rvi > 0);
		row_eq(name, "ON", rig_ctl(v) & ON, 0);
		row_eq(name, "RVI", v->rvi, syncs[i].rvi);
		row_eq(name, "steps", r.agent[1].step[PN_STEP_PID_SYNC].count, syncs[i].taken);
		for (unsigned w = 0; w < 8; w++) {
			uint32_t bits = (uint32_t)(syncs[i].pir[w / 2] >> (w % 2 * 32));

			if (!syncs[i].taken)
				break;
			row_eq(name, "IRR", pn_vapic_read(v->h.page, PN_APIC_IRR + w * 16),
			       bits | (w == 1 ? syncs[i].irr : 0));
			row_eq(name, "PIR", v->pid->pir[w / 2], 0);
		}
		rig_close(&r);
	}
}

/* Y3: also in the low half of a quadword. */
static void sync_keeps_what_is_there(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	pn_vapic_set(v->h.page, PN_APIC_IRR, 0x45);
	rig_msi(&r, 0);
	assert_true(pn_vmx_must_run(&v->h, &r.cpu[1]));
	assert_true(irr(v, 0x45) && irr(v, 0x41));
	rig_close(&r);
}

/* ---- pending, must_run ---- */

static const struct {
	const char *name;
	uint64_t bits;
	bool pir, irr;
	uint8_t tpr;
	uint32_t requests;
	bool pending, must_run;
} looks[] = {
	{"nothing", 0, 0, 0, 0, 0, 0, 0},
	{"ON", ON, 1, 0, 0, 0, 1, 1},
	{"ON, and only that", ON, 0, 0, 0, 0, 1, 0},
	{"SN, and the PIR (the fix of 2019)", SN, 1, 0, 0, 0, 1, 0},
	{"SN, PIR empty", SN, 0, 0, 0, 0, 0, 0},
	{"PIR between the two steps of an IPI: ON will come (6.2)", 0, 1, 0, 0, 0, 0, 0},
	{"IRR", 0, 0, 1, 0, 0, 1, 1},
	{"IRR, masked", 0, 0, 1, 0x90, 0, 0, 0},
	{"ON, masked when it is in the IRR", ON, 1, 0, 0x90, 0, 1, 0},
	{"unblock", 0, 0, 0, 0, PN_REQ_UNBLOCK, 1, 1},
	{"APICv update", 0, 0, 0, 0, PN_REQ_APICV_UPDATE, 1, 1},
	{"event: no reason by itself", 0, 0, 0, 0, PN_REQ_EVENT, 0, 0},
};

static void has_pending(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		struct pn_vmx_vcpu *v = &r.vcpu[0];
		uint64_t control;

		rig_start(&r, &(struct rig_conf){0});
		pn_vmx_load(&v->h, &r.cpu[1]);
		control = v->pid->control |= looks[i].bits;
		v->pid->pir[2] = looks[i].pir; /* 0x80 */
		if (looks[i].irr)
			pn_vapic_set(v->h.page, PN_APIC_IRR, 0x80);
		pn_vapic_write(v->h.page, PN_APIC_TPR, looks[i].tpr);
		v->h.requests = looks[i].requests;
		row_eq(looks[i].name, "pending", pn_vmx_pending(&v->h), looks[i].pending);
		row_eq(looks[i].name, "control is left alone", rig_ctl(v), control);
		row_eq(looks[i].name, "PIR is left alone", v->pid->pir[2], looks[i].pir);
		row_eq(looks[i].name, "irr()", pn_vmx_irr(&v->h, 4) & 1,
		       looks[i].pir || looks[i].irr);
		pn_vmx_blocking(&v->h, &r.cpu[1]);
		v->h.woken = 1;
		row_eq(looks[i].name, "must run", pn_vmx_must_run(&v->h, &r.cpu[1]),
		       looks[i].must_run);
		row_eq(looks[i].name, "woken", v->h.woken, 0);
		row_eq(looks[i].name, "irr() afterwards", pn_vmx_irr(&v->h, 4) & 1,
		       looks[i].pir || looks[i].irr);
		rig_close(&r);
	}
}

static void irr_of_both(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	for (unsigned n = 0; n < 256; n += 17) {
		v->pid->pir[n / 64] |= 1ull << (n % 64);
		pn_vapic_set(v->h.page, PN_APIC_IRR, (uint8_t)(n ^ 1));
	}
	for (unsigned w = 0; w < 8; w++) {
		uint32_t want = 0;

		for (unsigned n = 0; n < 256; n += 17)
			want |= n / 32 == w ? 1u << (n % 32) | 1u << ((n ^ 1) % 32) : 0;
		row_eq("irr()", "word", pn_vmx_irr(&v->h, w), want);
	}
	rig_close(&r);
}

/* ---- entry ---- */

/* E1 to E4 against S: an interrupt that comes at any step of enter is delivered or announced. */
static void inject_81(struct rig *x)
{
	pn_vmx_inject(&x->vcpu[0].h, &x->cpu[0], 0x81, PN_WAKE_NOTIFY);
}

static void entry_syncs(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_msi(&r, 0); /* 0xf2 found no guest */
	assert_int_equal(rig_enter(&r, v, 1), -1);
	assert_int_equal(r.c[1].vmcs.intr_status & 0xFF, 0x41);
	assert_int_equal(v->h.mode, PN_IN_GUEST);
	rig_check(&r, "entered");
	assert_int_equal(rig_drain(&r, 1), 0x41);
	rig_exit(&r, 1);
	assert_int_equal(v->h.mode, PN_OUTSIDE_GUEST);
	rig_check(&r, "left");
	/* During sync, mode is IN_GUEST already: a notification is sent and waits for the guest. */
	rig_msi(&r, 0);
	r.agent[1].irq_off++;
	rig_hook(&r, PN_STEP_PID_SYNC, 1, inject_81);
	rig_enter(&r, v, 1);
	assert_null(r.hook);
	assert_int_equal(r.ipi_vector, PN_VEC_POSTED);
	assert_int_equal(rig_drain(&r, 1), 0x81);
	assert_int_equal(r.c[1].exits, 0);
	rig_close(&r);
}

/* RVI and SVI survive exits in the middle of a handler; the next entry agrees with the page. */
static void guest_status(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_msi(&r, 0);
	rig_enter(&r, v, 1);
	assert_int_equal(pn_apicv_deliver(&r.c[1].core), 0x41);
	rig_exit(&r, 1);
	assert_int_equal(v->svi, 0x41);
	rig_check(&r, "in the handler");
	pn_vmx_inject(&v->h, &r.cpu[1], 0x31, PN_WAKE_NOTIFY);
	pn_vmx_inject(&v->h, &r.cpu[1], 0x92, PN_WAKE_NOTIFY);
	rig_enter(&r, v, 1);
	assert_int_equal(r.c[1].vmcs.intr_status, 0x4192);
	assert_int_equal(rig_drain(&r, 1), 0x92);
	rig_eoi(&r, 1); /* of 41 */
	assert_int_equal(rig_drain(&r, 1), 0x31);
	rig_exit(&r, 1);
	assert_int_equal(v->svi | v->rvi, 0);
	rig_check(&r, "all taken");
	rig_close(&r);
}

/* ---- inhibits ---- */

/* R9: devices go on posting; 0xf2 makes the guest exit; the next entry injects. */
static void r9_inhibited(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){.inhibits = 1});
	pn_vmx_load(&v->h, &r.cpu[1]);
	assert_int_equal(rig_enter(&r, v, 1), -1);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_POSTED);
	assert_int_equal(r.c[1].exits, 1);
	assert_int_equal(r.c[1].posted_in_host, 1);
	assert_int_equal(rig_ctl(v) & ON, ON);
	v->h.irq_blocked = true;
	assert_int_equal(rig_enter(&r, v, 1), -1); /* IF = 0: it stays in the IRR */
	assert_true(irr(v, 0x41));
	rig_exit(&r, 1);
	v->h.irq_blocked = false;
	assert_int_equal(rig_enter(&r, v, 1), 0x41);
	assert_false(irr(v, 0x41));
	assert_true(pn_vapic_test(v->h.page, PN_APIC_ISR, 0x41));
	rig_exit(&r, 1);
	pn_vmx_eoi(&v->h, &r.cpu[1]);
	assert_false(pn_vapic_test(v->h.page, PN_APIC_ISR, 0x41));
	/* Asleep it is woken as usual. */
	assert_true(rig_block(&r, v, 1));
	rig_msi(&r, 0);
	assert_int_equal(r.task[0].wakes, 1);
	assert_true(rig_resume(&r, v, 1));
	assert_int_equal(rig_enter(&r, v, 1), 0x41);
	rig_check(&r, "R9");
	rig_close(&r);
}

static void inhibit_and_back(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	for (uint32_t i = 0; i < RIG_VCPUS; i++)
		r.task[i].asleep = i > 0;
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_msi(&r, 0);
	rig_enter(&r, v, 1);
	assert_int_equal(pn_apicv_deliver(&r.c[1].core), 0x41); /* in service, SVI */
	pn_vmx_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_IRQWIN, true);
	assert_int_equal(r.c[1].kicks, 1); /* in the guest: out */
	assert_int_equal(r.c[1].exits, 1);
	for (uint32_t i = 1; i < RIG_VCPUS; i++) {
		assert_int_equal(r.task[i].wakes, 1);
		assert_int_equal(r.task[i].why, PN_WAKE_REQUEST);
	}
	pn_vmx_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_BLOCKIRQ,
		       true); /* one more reason: nothing */
	assert_int_equal(r.task[1].spurious, 0);
	pn_vmx_inject(&v->h, &r.cpu[1], 0x51, PN_WAKE_NOTIFY); /* does not know yet: PIR */
	assert_true(rig_pir(v, 0x51));
	assert_true(pn_host_apicv(&v->h));
	assert_int_equal(rig_enter(&r, v, 1), 0x51); /* higher class than 41 */
	assert_false(pn_host_apicv(&v->h));
	rig_exit(&r, 1);
	pn_vmx_inject(&v->h, &r.cpu[0], 0x61, PN_WAKE_NOTIFY); /* into the IRR */
	assert_true(irr(v, 0x61));
	pn_vmx_eoi(&v->h, &r.cpu[1]);
	pn_vmx_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_IRQWIN, false);
	assert_int_equal(v->h.requests & PN_REQ_APICV_UPDATE, 0); /* one is left */
	pn_vmx_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_BLOCKIRQ, false);
	assert_int_equal(rig_enter(&r, v, 1), -1);
	assert_true(pn_host_apicv(&v->h));
	assert_int_equal(r.c[1].vmcs.intr_status, 0x4161); /* SVI and RVI as software left them */
	assert_int_equal(rig_drain(&r, 1), 0x61);
	rig_eoi(&r, 1); /* of 41 */
	rig_exit(&r, 1);
	assert_int_equal(v->svi | v->rvi, 0);
	rig_check(&r, "back");
	rig_close(&r);
}

/*
 * An interrupt that software injected and the guest has not ended when APICv comes back: the
 * processor must have it in SVI.
 */
static void back_in_the_handler(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){.inhibits = 1u << PN_INHIBIT_IRQWIN});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_msi(&r, 0);
	assert_int_equal(rig_enter(&r, v, 1), 0x41);
	rig_exit(&r, 1);
	pn_vmx_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_IRQWIN, false);
	rig_enter(&r, v, 1);
	assert_int_equal(r.c[1].vmcs.intr_status, 0x4100);
	rig_eoi(&r, 1);
	rig_exit(&r, 1);
	assert_false(pn_vapic_test(v->h.page, PN_APIC_ISR, 0x41));
	rig_check(&r, "SVI");
	rig_close(&r);
}

/* Entries stay posted; put goes on switching (R9). */
static void inhibited_entries_stay(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	pn_vmx_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_HYPERV, true);
	pn_vmx_blocking(&v->h, &r.cpu[1]);
	assert_true(pn_vmx_must_run(&v->h, &r.cpu[1])); /* the request */
	pn_vmx_unblocking(&v->h, &r.cpu[1]);
	assert_false(pn_host_apicv(&v->h));
	assert_true(r.ir[0].posted);
	assert_true(rig_block(&r, v, 1));
	assert_true(rig_listed(&r, v, 1));
	rig_check(&r, "inhibited");
	rig_close(&r);
}

static void software_interrupts(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];
	struct pn_host_cpu *c = &r.cpu[1];

	(void)state;
	rig_start(&r, &(struct rig_conf){.inhibits = 1});
	pn_vmx_load(&v->h, c);
	pn_vmx_inject(&v->h, &r.cpu[0], 0x41, PN_WAKE_NOTIFY);
	pn_vmx_inject(&v->h, &r.cpu[0], 0x93, PN_WAKE_NOTIFY);
	pn_vmx_inject(&v->h, &r.cpu[0], 0x99, PN_WAKE_NOTIFY);
	assert_int_equal(pn_vmx_enter(&v->h, c), 0x99);
	assert_int_equal(pn_vapic_read(v->h.page, PN_APIC_PPR), 0x90);
	assert_int_equal(v->h.requests, 0);
	pn_vmx_leave(&v->h, c);
	assert_int_equal(pn_vmx_enter(&v->h, c), -1); /* the same class is in service */
	pn_vmx_leave(&v->h, c);
	pn_vmx_eoi(&v->h, c);
	assert_int_equal(pn_vmx_enter(&v->h, c), 0x93);
	pn_vmx_leave(&v->h, c);
	pn_vmx_eoi(&v->h, c);
	assert_int_equal(pn_vmx_enter(&v->h, c), 0x41);
	pn_vmx_leave(&v->h, c);
	pn_vmx_eoi(&v->h, c);
	pn_vmx_eoi(&v->h, c); /* nothing in service */
	assert_int_equal(v->svi, 0);
	rig_close(&r);
}

/* ---- the VMCS ---- */

static void vmcs_fields(void **state)
{
	static const struct {
		const char *name;
		struct rig_conf conf;
		uint32_t pin, proc, proc2;
		uint64_t proc3;
	} rows[] = {
		/* clang-format off */
		{"3.1: APICv, x2APIC", {0}, 0x81, 0x80200000, 0x310, 0},
		{"3.1: APICv, xAPIC", {.xapic = true}, 0x81, 0x80200000, 0x301, 0},
		{"6.1: IPI virtualization", {.ipiv = true}, 0x81, 0x80220000, 0x310, 0x10},
		{"6.3: none while inhibited", {.ipiv = true, .inhibits = 1}, 1, 0x80200000, 0x10, 0},
		{"inhibited, xAPIC", {.xapic = true, .inhibits = 1}, 1, 0x80200000, 0x1, 0},
		/* clang-format on */
	};
	struct pn_apicv_features feat;

	(void)state;
	pn_apicv_features_default(&feat);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_vmx_vcpu *v = &r.vcpu[1];
		const char *name = rows[i].name;
		struct pn_vmcs_apic f;

		rig_start(&r, &rows[i].conf);
		pn_vmx_vmcs(v, &f);
		row_eq(name, "valid", pn_apicv_vmcs_check(&feat, &f), 0);
		row_eq(name, "pin", f.pin, rows[i].pin);
		row_eq(name, "primary", f.proc, rows[i].proc);
		row_eq(name, "secondary", f.proc2, rows[i].proc2);
		row_eq(name, "tertiary", f.proc3, rows[i].proc3);
		row_eq(name, "ack on exit", f.exit_ctl, PN_EXITCTL_ACK_INTR);
		row_eq(name, "page", f.virtual_apic, v->h.page_pa);
		if (rows[i].pin & PN_PIN_POSTED_INTR) {
			row_eq(name, "NV", f.posted_nv, PN_VEC_POSTED);
			row_eq(name, "PID", f.pid, v->pid_pa);
		}
		if (rows[i].proc3) {
			row_eq(name, "table", f.pid_table, r.vm.pid_table_pa);
			row_eq(name, "last index", f.last_pid_index, RIG_VCPUS - 1);
		}
		rig_close(&r);
	}
}

/*
 * Without virtual-interrupt delivery: the TPR threshold reports when a vector that TPR masks can be
 * delivered.
 */
static void tpr_threshold(void **state)
{
	static const struct {
		uint8_t tpr, irr, want;
	} rows[] = {{0, 0, 0}, {0x90, 0, 0}, {0x90, 0x81, 8}, {0x80, 0x81, 8}, {0x70, 0x81, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pn_vmcs_apic f;

		rig_start(&r, &(struct rig_conf){.inhibits = 1});
		pn_vapic_write(r.vcpu[0].h.page, PN_APIC_TPR, rows[i].tpr);
		if (rows[i].irr)
			pn_vapic_set(r.vcpu[0].h.page, PN_APIC_IRR, rows[i].irr);
		pn_vmx_vmcs(&r.vcpu[0], &f);
		assert_int_equal(f.tpr_threshold, rows[i].want);
		rig_close(&r);
	}
}

/* ---- the VM ---- */

static void vm_limits(void **state)
{
	static const struct {
		const char *name;
		bool ipiv, x2apic;
		uint32_t n, ids;
		int want;
		uint64_t bytes; /* of the PID-pointer table */
	} rows[] = {
		{"none", 1, 1, 0, 0, -EINVAL, 0},
		{"more vCPUs than ids", 1, 1, 5, 4, -EINVAL, 0},
		{"one", 1, 1, 1, 0, 0, 4096},
		{"6.1: a page", 1, 1, 2, 512, 0, 4096},
		{"6.1: one more", 1, 1, 2, 513, 0, 8192},
		{"6.1: page order, not pages", 1, 1, 2, 1025, 0, 16384},
		{"6.1: KVM's limit", 1, 1, 2, 4096, 0, 32768},
		{"6.1: 16 bits of last index", 1, 1, 2, 65536, 0, 524288},
		{"6.1: one too many", 1, 1, 2, 65537, -E2BIG, 0},
		{"xAPIC", 1, 0, 2, 255, 0, 4096},
		{"xAPIC, 255 is broadcast", 1, 0, 2, 256, -E2BIG, 0},
		{"6.1: no table without IPI virtualization", 0, 1, 2, 4096, 0, 0},
	};
	static struct pn_vmx_vcpu v[8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name = rows[i].name;
		struct pn_vmx_vm vm;
		uint64_t used;

		rig_start(&r, &(struct rig_conf){.ipiv = rows[i].ipiv, .xapic = !rows[i].x2apic});
		r.pages.next = (r.pages.next + 4095) & ~4095ull;
		used = r.pages.next;
		row_eq(name, "result",
		       pn_vmx_vm_init(&r.vmx, &vm, v, rows[i].n, rows[i].ids, rows[i].x2apic, 0,
				      &r.pages),
		       rows[i].want);
		if (rows[i].want) {
			row_eq(name, "pages used", r.pages.next, used);
			rig_close(&r);
			continue;
		}
		row_eq(name, "table", vm.pid_table != NULL, rows[i].bytes != 0);
		for (uint32_t n = 0; n < rows[i].bytes / 8; n++)
			row_eq(name, "entry", vm.pid_table[n],
			       n < rows[i].n ? v[n].pid_pa | PN_PIDPTR_VALID : 0);
		if (rows[i].bytes) {
			row_eq(name, "aligned", vm.pid_table_pa % 4096, 0);
			/* The next thing is the second vCPU's page, or nothing. */
			row_eq(name, "bytes",
			       (rows[i].n > 1 ? v[1].h.page_pa : (r.pages.next + 4095) & ~4095ull) -
				       vm.pid_table_pa,
			       rows[i].bytes);
		}
		row_eq(name, "ids", vm.max_vcpu_ids, rows[i].ids ? rows[i].ids : rows[i].n);
		row_eq(name, "id", vm.h.id, 2);
		row_eq(name, "APIC ID", pn_vapic_read(v[0].h.page, PN_APIC_ID), 0);
		row_eq(name, "check", pn_vmx_check(&v[0].h, &r.cpu[0]) != NULL, 0);
		rig_close(&r);
	}
}

/* After -ENOMEM nothing is left, except memory that was given out. */
static void no_memory(void **state)
{
	static struct pn_vmx_vcpu v[4];
	struct pn_vmx_vm vm;

	(void)state;
	for (uint64_t room = 0; room < 5 * 4096; room += 4096) {
		rig_start(&r, &(struct rig_conf){.ipiv = true});
		r.pages.next = (r.pages.next + 4095) & ~4095ull;
		r.pages.end = r.pages.next + room;
		assert_int_equal(pn_vmx_vm_init(&r.vmx, &vm, v, 4, 0, true, 0, &r.pages), -ENOMEM);
		rig_close(&r);
	}
}

static void vm_destroy(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){.ipiv = true});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_block(&r, v, 1);
	pn_vmx_vm_destroy(&r.vm.h, &r.agent[0]);
	for (uint32_t i = 0; i < RIG_VCPUS; i++) {
		assert_false(r.ir[i].posted);
		assert_null(r.ir[i].host.vcpu);
		assert_int_equal(r.vm.pid_table[i], 0);
	}
	assert_true(pn_list_empty(&r.cpu[1].wake_list));
	assert_int_equal(r.vm.assigned, 0);
	assert_int_equal(rig_msi(&r, 2), PN_MSI_REMAPPED);
	assert_int_equal(r.intr_vector, 0x52);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender),
		cmocka_unit_test(sender_follows_cpu),
		cmocka_unit_test(delivered_in_guest),
		cmocka_unit_test(sync_table),
		cmocka_unit_test(sync_keeps_what_is_there),
		cmocka_unit_test(has_pending),
		cmocka_unit_test(irr_of_both),
		cmocka_unit_test(entry_syncs),
		cmocka_unit_test(guest_status),
		cmocka_unit_test(r9_inhibited),
		cmocka_unit_test(inhibit_and_back),
		cmocka_unit_test(back_in_the_handler),
		cmocka_unit_test(inhibited_entries_stay),
		cmocka_unit_test(software_interrupts),
		cmocka_unit_test(vmcs_fields),
		cmocka_unit_test(tpr_threshold),
		cmocka_unit_test(vm_limits),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(vm_destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
