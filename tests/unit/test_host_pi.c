/* SPDX-License-Identifier: MIT */
/* Attach, detach and switch of device interrupts: 7.3 and H6, H7, H15, H16 of the spec sheet. */
#include <errno.h>

#include "svm_rig.h"

static struct rig r;

static const struct rig_conf log_mode = {PN_NOTIFY_GALOG, PN_MASKED_PARK};
static const struct rig_conf gappi_mode = {PN_NOTIFY_GAPPI, PN_MASKED_PARK};
static const struct rig_conf no_mode = {PN_NOTIFY_NONE, PN_MASKED_PARK};

static const struct {
	const char *name;
	const struct rig_conf *conf;
} modes[] = {{"log", &log_mode}, {"GAPPI", &gappi_mode}};

static void block(uint32_t i, uint32_t cpu)
{
	pn_svm_load(&r.vcpu[i].h, &r.cpu[cpu]);
	pn_svm_blocking(&r.vcpu[i].h, &r.cpu[cpu]);
	assert_true(rig_sleep(&r, i, cpu));
	pn_svm_put(&r.vcpu[i].h, &r.cpu[cpu], false);
}

/* ---- attach ---- */

enum before { NEVER_RAN, RUNNING, PREEMPTED, BLOCKED, BLOCKED_RESIDUE, BLOCKED_DEAD_CPU };

static const struct attach_row {
	const char *name;
	enum before before;
	bool on_list; /* GAPPI */
	uint32_t dest_cpu;
	bool woken;
} attach_rows[] = {
	{"H7 never loaded: a valid CPU", NEVER_RAN, false, 0, false},
	{"running", RUNNING, false, 2, false},
	{"preempted", PREEMPTED, false, 2, false},
	{"H7 attach-while-blocked", BLOCKED, true, 2, false},
	{"H7 blocked with a masked bit in the IRR: it must look", BLOCKED_RESIDUE, true, 2, true},
	{"H7 and H8: blocked on a CPU that is gone", BLOCKED_DEAD_CPU, true, 1, false},
};

static void prepare(enum before b)
{
	struct pn_svm_vcpu *v = &r.vcpu[0];

	if (b == NEVER_RAN)
		return;
	pn_svm_load(&v->h, &r.cpu[2]);
	if (b == PREEMPTED)
		pn_svm_put(&v->h, &r.cpu[2], false);
	if (b < BLOCKED)
		return;
	pn_vapic_write(v->h.page, PN_APIC_TPR, 0x50);
	block(0, 2);
	if (b == BLOCKED_RESIDUE)
		pn_vapic_set(v->h.page, PN_APIC_IRR, 0x41); /* masked */
	if (b == BLOCKED_DEAD_CPU)
		pn_svm_cpu_offline(&r.svm.hyp, &r.cpu[2], &r.cpu[0]);
}

static void attach(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		for (size_t i = 0; i < sizeof(attach_rows) / sizeof(attach_rows[0]); i++) {
			const struct attach_row *w = &attach_rows[i];
			bool gappi = modes[m].conf->notify == PN_NOTIFY_GAPPI;
			struct pn_irte f;
			char name[128];

			snprintf(name, sizeof(name), "%s, %s", modes[m].name, w->name);
			rig_start(&r, modes[m].conf);
			prepare(w->before);
			rig_forget(&r);
			r.task[0].asleep = w->before >= BLOCKED;
			assert_int_equal(pn_svm_pi_update(&r.svm.hyp, &r.ir[0].host, &r.vcpu[0].h,
							  0x91, &r.cpu[1]),
					 0);
			assert_int_equal(pn_irte128_decode(*r.ir[0].irte, true, true, &f), 0);
			row_eq(name, "guest form", f.guestmode, 1);
			row_eq(name, "IsRun", f.isrun, w->before == RUNNING);
			row_eq(name, "Destination", f.dest, RIG_APICID(w->dest_cpu));
			row_eq(name, "GALogIntr", f.galogintr, !gappi && w->before >= BLOCKED);
			row_eq(name, "GAPPIDis", f.gappidis,
			       gappi && w->before != RUNNING && w->before < BLOCKED);
			row_eq(name, "on a list", r.vcpu[0].on_list, gappi && w->on_list);
			row_eq(name, "woken", r.task[0].wakes, w->woken);
			row_eq(name, "flushes", rig_count(&r, PN_STEP_IRT_FLUSH), 1);
			rig_checked(&r, name);
			if (w->before >= BLOCKED) {
				if (w->woken)
					assert_true(rig_sleep(&r, 0, 2)); /* parks it */
				rig_msi(&r, 0);
				rig_threads(&r);
				row_eq(name, "woken by the device", r.task[0].asleep, 0);
			}
			rig_close(&r);
		}
	}
}

static void post0(struct rig *x)
{
	rig_msi(x, 0);
}

/*
 * The device fires at any moment of an attachment to a sleeping vCPU: the interrupt wakes the vCPU,
 * through the host's vector (the handler injects) or posted.
 */
static void attach_any_moment(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		for (unsigned at = 1; at <= 6; at++) {
			char name[64];

			snprintf(name, sizeof(name), "%s, step %u", modes[m].name, at);
			rig_start(&r, modes[m].conf);
			block(0, 2);
			rig_forget(&r);
			r.task[0].asleep = true;
			r.at = at;
			r.hook = post0;
			rig_attach(&r, 0, 0, 0x41);
			r.hook = NULL;
			if (r.steps < at)
				rig_msi(&r, 0);
			rig_threads(&r);
			if (r.intr_vector == 0x50)
				pn_svm_inject(&r.vcpu[0].h, &r.cpu[3], 0x41, PN_WAKE_NOTIFY);
			row_eq(name, "asleep", r.task[0].asleep, 0);
			row_eq(name, "pending", pn_svm_irr(&r.vcpu[0].h, 2), 2);
			rig_close(&r);
		}
	}
}

static void attach_errors(void **state)
{
	struct pn_amdvi_ir none = {.drv = &r.drv[0]};

	(void)state;
	rig_start(&r, &gappi_mode);
	assert_int_equal(pn_svm_pi_update(&r.svm.hyp, &r.ir[0].host, &r.vcpu[0].h, 15, &r.cpu[0]),
			 -EINVAL);
	assert_int_equal(pn_svm_pi_update(&r.svm.hyp, &r.ir[0].host, NULL, 0, &r.cpu[0]), 0);
	/* An interrupt without an entry, as after a pn_amdvi_ir_init() that failed. */
	pn_list_init(&none.host.node);
	assert_int_equal(pn_svm_pi_update(&r.svm.hyp, &none.host, &r.vcpu[0].h, 0x41, &r.cpu[0]),
			 -EINVAL);
	/* The IOMMU does not answer: the state is as before the call. */
	block(0, 2);
	pn_amdvi_write(r.vi[0], PN_AMDVI_CONTROL, 8, 0);
	assert_int_equal(pn_svm_pi_update(&r.svm.hyp, &r.ir[0].host, &r.vcpu[0].h, 0x41, &r.cpu[0]),
			 -ETIMEDOUT);
	assert_null(r.ir[0].host.vcpu);
	assert_false(r.vcpu[0].on_list);
	rig_checked(&r, "timeout");
	r.svm.iommus = NULL;
	assert_int_equal(pn_svm_pi_update(&r.svm.hyp, &r.ir[0].host, &r.vcpu[0].h, 0x41, &r.cpu[0]),
			 -ENODEV);
	rig_close(&r);
}

/* ---- detach ---- */

/* H6 (detach-unlists-first, irqfd-deassign): the device fires at any moment of a detachment. */
static void detach_any_moment(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		for (unsigned at = 1; at <= 6; at++) {
			char name[64];

			snprintf(name, sizeof(name), "%s, step %u", modes[m].name, at);
			rig_start(&r, modes[m].conf);
			rig_attach(&r, 0, 0, 0x41);
			block(0, 2);
			rig_forget(&r);
			r.task[0].asleep = true;
			r.at = at;
			r.hook = post0;
			assert_int_equal(
				pn_svm_pi_update(&r.svm.hyp, &r.ir[0].host, NULL, 0, &r.cpu[0]), 0);
			r.hook = NULL;
			rig_threads(&r);
			row_eq(name, "posted and asleep",
			       r.task[0].asleep && pn_svm_irr(&r.vcpu[0].h, 2), 0);
			row_eq(name, "on a list", r.vcpu[0].on_list, 0);
			rig_forget(&r);
			assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
			rig_checked(&r, name);
			rig_close(&r);
		}
	}
}

/* The post is in flight: it reads the new entry after it set the old page's bit. */
static void in_flight(struct rig *x)
{
	pn_vapic_set(x->vcpu[0].h.page, PN_APIC_IRR, 0x41);
}

static void detach_in_flight(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		/* asleep: woken */
		rig_start(&r, modes[m].conf);
		rig_attach(&r, 0, 0, 0x41);
		rig_attach(&r, 1, 0, 0x51);
		block(0, 2);
		r.write_off = PN_AMDVI_CMD_TAIL;
		r.on_write = in_flight;
		assert_int_equal(pn_svm_pi_update(&r.svm.hyp, &r.ir[0].host, NULL, 0, &r.cpu[0]),
				 0);
		row_eq(modes[m].name, "woken", r.task[0].wakes, 1);
		row_eq(modes[m].name, "still listed for the other interrupt", r.vcpu[0].on_list,
		       modes[m].conf->notify == PN_NOTIFY_GAPPI);
		rig_checked(&r, modes[m].name);
		rig_close(&r);
		/* in the guest: rung */
		rig_start(&r, modes[m].conf);
		rig_attach(&r, 0, 0, 0x41);
		pn_svm_load(&r.vcpu[0].h, &r.cpu[2]);
		pn_svm_enter(&r.vcpu[0].h, &r.cpu[2]);
		r.write_off = PN_AMDVI_CMD_TAIL;
		r.on_write = in_flight;
		assert_int_equal(pn_svm_pi_update(&r.svm.hyp, &r.ir[0].host, NULL, 0, &r.cpu[0]),
				 0);
		row_eq(modes[m].name, "doorbells", r.bells, 1);
		row_eq(modes[m].name, "to", r.bell_apicid, RIG_APICID(2));
		rig_close(&r);
	}
}

static void moves(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		rig_start(&r, modes[m].conf);
		rig_attach(&r, 0, 0, 0x41);
		block(0, 1);
		block(1, 2);
		rig_attach(&r, 0, 1, 0x61); /* another vCPU */
		rig_checked(&r, modes[m].name);
		assert_ptr_equal(r.ir[0].host.vcpu, &r.vcpu[1].h);
		rig_msi(&r, 0);
		rig_threads(&r);
		row_eq(modes[m].name, "old one asleep", r.task[0].asleep, 1);
		row_eq(modes[m].name, "new one woken", r.task[1].asleep, 0);
		row_eq(modes[m].name, "vector", pn_svm_irr(&r.vcpu[1].h, 3), 2);
		rig_forget(&r);
		rig_attach(&r, 0, 1, 0x71); /* another vector: one flush, the list as it is */
		row_eq(modes[m].name, "flushes", rig_count(&r, PN_STEP_IRT_FLUSH), 1);
		row_eq(modes[m].name, "LIST_ADD, LIST_DEL",
		       rig_count(&r, PN_STEP_LIST_ADD) + rig_count(&r, PN_STEP_LIST_DEL), 0);
		rig_msi(&r, 0);
		row_eq(modes[m].name, "vector", pn_svm_irr(&r.vcpu[1].h, 3), 2 | 1 << 17);
		rig_checked(&r, modes[m].name);
		rig_close(&r);
	}
}

/* ---- inactive ---- */

static void never_activated(void **state)
{
	(void)state;
	rig_start(&r, &no_mode);
	rig_attach(&r, 0, 0, 0x41);
	assert_ptr_equal(r.ir[0].host.vcpu, &r.vcpu[0].h);
	block(0, 1);
	assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
	rig_checked(&r, "none");
	assert_int_equal(pn_svm_pi_update(&r.svm.hyp, &r.ir[0].host, NULL, 0, &r.cpu[0]), 0);
	assert_true(pn_list_empty(&r.vcpu[0].ir_list));
	rig_close(&r);
}

/* 7.2 refresh_apicv: remembered while inhibited, switched in the vCPU's own context. */
static void inhibited(void **state)
{
	struct pn_svm_vcpu *v = &r.vcpu[0];

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		struct rig_conf conf = *modes[m].conf;

		conf.inhibits = 1u << PN_INHIBIT_PIT_REINJ;
		rig_start(&r, &conf);
		rig_attach(&r, 0, 0, 0x41);
		assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
		block(0, 1);
		row_eq(modes[m].name, "on a list without posting", v->on_list, 0);
		rig_checked(&r, modes[m].name);
		pn_svm_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_PIT_REINJ, false);
		row_eq(modes[m].name, "woken to switch", r.task[0].asleep, 0);
		row_eq(modes[m].name, "reason", r.task[0].why, PN_WAKE_REQUEST);
		rig_checked(&r, modes[m].name); /* nothing has changed yet */
		assert_false(rig_sleep(&r, 0, 1));
		pn_svm_unblocking(&v->h, &r.cpu[1]);
		rig_checked(&r, modes[m].name);
		assert_int_equal(rig_msi(&r, 0), PN_MSI_POSTED);
		row_eq(modes[m].name, "vector", pn_svm_irr(&v->h, 2), 2);

		/* and back, while it is in the guest */
		pn_svm_enter(&v->h, &r.cpu[1]);
		rig_forget(&r);
		pn_svm_inhibit(&r.vm.h, &r.cpu[0], PN_INHIBIT_IRQWIN, true);
		row_eq(modes[m].name, "kicked", r.ipis, 1);
		pn_svm_leave(&v->h, &r.cpu[1]);
		row_eq(modes[m].name, "the bit in the IRR is injected",
		       pn_svm_enter(&v->h, &r.cpu[1]), 0x41);
		assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
		row_eq(modes[m].name, "IsRunning", !!(*v->phys_entry & PN_AVIC_PHYS_ISRUNNING), 0);
		rig_checked(&r, modes[m].name);
		rig_close(&r);
	}
}

/* ---- H16 ---- */

static void switch_modes(void **state)
{
	static const enum pn_notify to[] = {PN_NOTIFY_GAPPI, PN_NOTIFY_GALOG};

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		rig_start(&r, modes[m].conf);
		for (uint32_t i = 0; i < 3; i++)
			rig_attach(&r, i, i, 0x41);
		block(0, 1);
		pn_svm_load(&r.vcpu[1].h, &r.cpu[2]);
		pn_svm_enter(&r.vcpu[1].h, &r.cpu[2]);
		pn_vapic_write(r.vcpu[2].h.page, PN_APIC_TPR, 0x50);
		block(2, 3);
		assert_int_equal(pn_svm_switch_notify(&r.svm, &r.cpu[0], to[m]), 0);
		assert_int_equal(r.iommus.notify, to[m]);
		rig_checked(&r, modes[m].name);
		row_eq(modes[m].name, "on a list", r.vcpu[0].on_list, to[m] == PN_NOTIFY_GAPPI);
		rig_msi(&r, 0);
		rig_msi(&r, 1);
		rig_threads(&r);
		row_eq(modes[m].name, "woken in the new way", r.task[0].asleep, 0);
		row_eq(modes[m].name, "doorbells", r.bells, 1);
		rig_close(&r);
	}
	rig_start(&r, &no_mode);
	assert_int_equal(pn_svm_switch_notify(&r.svm, &r.cpu[0], PN_NOTIFY_GAPPI), -EINVAL);
	rig_close(&r);
}

static void both(struct rig *x)
{
	rig_msi(x, 0);
	rig_msi(x, 1);
}

/* mode-switch: interrupts at any moment of the switch; the host injects those that it takes. */
static void switch_any_moment(void **state)
{
	static const enum pn_notify to[] = {PN_NOTIFY_GAPPI, PN_NOTIFY_GALOG};

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		for (unsigned at = 1; at <= 20; at++) {
			struct pn_amdvi_stats before, after;
			char name[64];

			snprintf(name, sizeof(name), "from %s, step %u", modes[m].name, at);
			rig_start(&r, modes[m].conf);
			rig_attach(&r, 0, 0, 0x41); /* masked */
			rig_attach(&r, 1, 0, 0x91);
			pn_vapic_write(r.vcpu[0].h.page, PN_APIC_TPR, 0x50);
			block(0, 1);
			rig_forget(&r);
			r.task[0].asleep = true;
			r.at = at;
			r.hook = both;
			pn_amdvi_stats(r.vi[0], &before);
			assert_int_equal(pn_svm_switch_notify(&r.svm, &r.cpu[0], to[m]), 0);
			r.hook = NULL;
			if (r.steps < at)
				both(&r);
			rig_threads(&r);
			pn_amdvi_stats(r.vi[0], &after);
			if (after.remapped != before.remapped) {
				pn_svm_inject(&r.vcpu[0].h, &r.cpu[3], 0x41, PN_WAKE_NOTIFY);
				pn_svm_inject(&r.vcpu[0].h, &r.cpu[3], 0x91, PN_WAKE_NOTIFY);
			}
			row_eq(name, "events", after.events, 0);
			row_eq(name, "asleep", r.task[0].asleep, 0);
			rig_checked(&r, name);
			rig_close(&r);
		}
	}
}

/* Attached while the switch is under way: not in guest mode before it is over. */
static void attach_now(struct rig *x)
{
	rig_attach(x, 1, 1, 0x51);
	x->kicks = x->ir[1].guest_mode;
}

static void attach_during_switch(void **state)
{
	(void)state;
	rig_start(&r, &log_mode);
	rig_attach(&r, 0, 0, 0x41);
	r.kicks = 7;
	r.write_off = PN_AMDVI_CONTROL;
	r.on_write = attach_now;
	assert_int_equal(pn_svm_switch_notify(&r.svm, &r.cpu[0], PN_NOTIFY_GAPPI), 0);
	assert_int_equal(r.kicks, 0);
	assert_true(r.ir[1].guest_mode);
	rig_checked(&r, "attach during switch");
	rig_close(&r);
}

/* ---- VMs ---- */

static void vm_limits(void **state)
{
	static const struct {
		const char *name;
		uint32_t n;
		bool x2, ext;
		int ret;
	} rows[] = {
		{"none", 0, false, false, -EINVAL},
		{"xAVIC 255", 255, false, false, 0},
		{"xAVIC 256", 256, false, false, -E2BIG},
		{"x2AVIC 512", 512, true, false, 0},
		{"x2AVIC 513", 513, true, false, -E2BIG},
		{"x2AVIC_EXT 1000", 1000, true, true, 0},
		{"x2AVIC_EXT 4097", 4097, true, true, -E2BIG},
	};
	struct pn_svm_vcpu *v = calloc(4097, sizeof(*v));
	struct pn_svm_vm vm;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rig_start(&r, &gappi_mode);
		row_eq(rows[i].name, "result",
		       pn_svm_vm_init(&r.svm, &vm, v, rows[i].n, rows[i].x2, rows[i].ext, 0,
				      &r.pages) == rows[i].ret,
		       1);
		if (!rows[i].ret) {
			row_eq(rows[i].name, "id", vm.h.id, 2);
			row_eq(rows[i].name, "last entry", vm.phys_table[rows[i].n - 1],
			       PN_AVIC_PHYS_VALID | v[rows[i].n - 1].h.page_pa);
			row_eq(rows[i].name, "tag", pn_svm_ga_tag(&v[rows[i].n - 1]),
			       0x2000 | (rows[i].n - 1));
		}
		rig_close(&r);
	}
	rig_start(&r, &gappi_mode);
	for (uint32_t i = 1; i < PN_SVM_MAX_VMS; i++)
		r.svm.vm[i] = &r.vm;
	assert_int_equal(pn_svm_vm_init(&r.svm, &vm, v, 1, false, false, 0, &r.pages), -ENOSPC);
	r.pages.end = r.pages.next;
	assert_int_equal(pn_svm_vm_init(&r.svm, &vm, v, 1, false, false, 0, &r.pages), -ENOMEM);
	rig_close(&r);
	free(v);
}

/* irqfd-deassign for a whole VM: no reference to the VM is left. */
static void vm_destroy(void **state)
{
	(void)state;
	for (size_t m = 0; m < 2; m++) {
		rig_start(&r, modes[m].conf);
		rig_attach(&r, 0, 0, 0x41);
		block(0, 2);
		pn_svm_vm_destroy(&r.vm.h, &r.agent[0]);
		assert_true(pn_list_empty(&r.cpu[2].wake_list));
		assert_null(pn_svm_by_tag(&r.svm, 0x1000));
		assert_null(r.ir[0].host.vcpu);
		assert_int_equal(rig_msi(&r, 0), PN_MSI_REMAPPED);
		assert_int_equal(*r.vcpu[0].phys_entry, 0);
		rig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attach),
		cmocka_unit_test(attach_any_moment),
		cmocka_unit_test(attach_errors),
		cmocka_unit_test(detach_any_moment),
		cmocka_unit_test(detach_in_flight),
		cmocka_unit_test(moves),
		cmocka_unit_test(never_activated),
		cmocka_unit_test(inhibited),
		cmocka_unit_test(switch_modes),
		cmocka_unit_test(switch_any_moment),
		cmocka_unit_test(attach_during_switch),
		cmocka_unit_test(vm_limits),
		cmocka_unit_test(vm_destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
