/* SPDX-License-Identifier: MIT */
/* Device interrupts are given to vCPUs and taken away. Sections are those of
 * docs/protocol-intel.md. */

#include <errno.h>

#include "vmx_rig.h"

static struct rig r;

#define ON PN_PID_ON

static int update(unsigned i, struct pn_vmx_vcpu *v, uint8_t vector)
{
	return pn_vmx_pi_update(&r.vmx.hyp, &r.ir[i].host, v ? &v->h : NULL, vector, &r.cpu[0]);
}

/* ---- the entry ---- */

static struct pn_virte entry(unsigned i)
{
	const struct pn_virte_env env = {.eime = r.drv.x2apic, .pi = true, .haw = 52};
	struct pn_virte f;

	assert_int_equal(pn_virte_decode(*r.ir[i].irte, &env, &f), 0);
	return f;
}

static void posted_entry(void **state)
{
	struct pn_virte f;

	(void)state;
	rig_start(&r, &(struct rig_conf){.no_devices = true});
	f = entry(2);
	assert_false(f.im);
	assert_int_equal(f.dest, RIG_APICID(3));
	assert_int_equal(update(2, &r.vcpu[1], 0x77), 0);
	f = entry(2);
	/* 4.6: IM = 1, URG = 0, VV the guest's vector, the descriptor's address. */
	assert_true(f.p && f.im && !f.urg && !f.fpd);
	assert_int_equal(f.vector, 0x77);
	assert_int_equal(f.pid, r.vcpu[1].pid_pa);
	assert_int_equal(f.sid, RIG_DEV);
	assert_int_equal(r.vm.assigned, 1);
	assert_ptr_equal(r.ir[2].host.vcpu, &r.vcpu[1]);
	rig_check(&r, "posted");
	/* Another vector: the same vCPU, the same count. */
	assert_int_equal(update(2, &r.vcpu[1], 0x78), 0);
	assert_int_equal(entry(2).vector, 0x78);
	assert_int_equal(r.vm.assigned, 1);
	rig_check(&r, "other vector");
	/* Host affinity does not overwrite it. */
	assert_int_equal(pn_vtd_ir_affinity(&r.ir[2], &r.agent[0], RIG_APICID(2), 0x61), 0);
	assert_true(entry(2).im);
	rig_check(&r, "affinity");
	/* And it is the target when the entry goes back to remapped form. */
	assert_int_equal(update(2, NULL, 0), 0);
	f = entry(2);
	assert_true(f.p && !f.im);
	assert_int_equal(f.dest, RIG_APICID(2));
	assert_int_equal(f.vector, 0x61);
	assert_int_equal(r.vm.assigned, 0);
	assert_null(r.ir[2].host.vcpu);
	rig_check(&r, "remapped");
	assert_int_equal(update(2, NULL, 0), 0); /* nothing to do */
	assert_int_equal(r.vm.assigned, 0);
	rig_close(&r);
}

static void refused(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){.no_devices = true});
	assert_int_equal(update(0, &r.vcpu[0], 15), -EINVAL);
	assert_int_equal(update(0, &r.vcpu[0], 16), 0);
	assert_int_equal(r.vm.assigned, 1);
	rig_close(&r);
	rig_start(&r, &(struct rig_conf){.no_posting = true});
	assert_int_equal(update(0, &r.vcpu[0], 0x41), -ENODEV);
	assert_int_equal(r.vm.assigned, 0);
	assert_false(entry(0).im);
	rig_close(&r);
}

/* The driver refuses a unit without CAP.PI: nothing changes. */
static void unit_cannot_post(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){.no_devices = true});
	r.drv.pi = false;
	assert_int_equal(update(0, &r.vcpu[0], 0x41), -ENODEV);
	assert_int_equal(r.vm.assigned, 0);
	assert_null(r.ir[0].host.vcpu);
	assert_false(entry(0).im);
	assert_true(pn_list_empty(&r.vcpu[0].ir_list));
	rig_close(&r);
	/* The same while it posts elsewhere: it does not stay there. */
	rig_start(&r, &(struct rig_conf){0});
	r.drv.pi = false;
	assert_int_equal(update(0, &r.vcpu[1], 0x41), -ENODEV);
	assert_int_equal(r.vm.assigned, 3);
	assert_null(r.ir[0].host.vcpu);
	assert_false(entry(0).im);
	rig_check(&r, "moved to nowhere");
	rig_close(&r);
}

/* ---- the first one ---- */

/* a2486020a82e: vCPUs that sleep did not switch NV, because no agent could post to them. */
static void first_attach_while_blocked(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){.no_devices = true});
	for (uint32_t i = 0; i < 2; i++) {
		pn_vmx_load(&r.vcpu[i].h, &r.cpu[1]);
		assert_true(rig_block(&r, &r.vcpu[i], 1));
		assert_int_equal(pn_pid_nv(rig_ctl(&r.vcpu[i])), PN_VEC_POSTED);
	}
	assert_int_equal(update(0, v, 0x41), 0);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(r.task[i].wakes, 1);
		assert_int_equal(r.task[i].why, PN_WAKE_REQUEST);
		assert_true(rig_resume(&r, &r.vcpu[i], 1));
		assert_int_equal(r.vcpu[i].h.requests, 0);
		assert_true(rig_block(&r, &r.vcpu[i], 1));
		assert_int_equal(pn_pid_nv(rig_ctl(&r.vcpu[i])), PN_VEC_WAKEUP);
	}
	rig_check(&r, "A2");
	rig_msi(&r, 0);
	assert_false(r.task[0].asleep);
	assert_true(r.task[1].asleep);
	/* Only the first posted interrupt sends the request. */
	assert_int_equal(update(1, v, 0x42), 0);
	assert_true(r.task[1].asleep);
	assert_int_equal(r.vm.assigned, 2);
	rig_check(&r, "second");
	rig_close(&r);
}

/*
 * The device posts before the vCPU blocks again: 0xf2, and then the check before the sleep finds
 * it.
 */
static void posts_before_it_blocks_again(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){.no_devices = true});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_block(&r, v, 1);
	assert_int_equal(update(0, v, 0x41), 0);
	rig_msi(&r, 0);
	assert_int_equal(r.c[1].posted_in_host, 1);
	assert_true(rig_resume(&r, v, 1));
	assert_false(rig_block(&r, v, 1));
	rig_check(&r, "A4");
	rig_close(&r);
}

/* A1 before A3: when the entry leads to the vCPU, put switches NV already. */
static void counted(struct rig *x)
{
	assert_int_equal(x->vm.assigned, 1);
	assert_int_equal(x->vcpu[3].h.requests, PN_REQ_UNBLOCK);
}

static void counted_before_the_entry(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){.no_devices = true});
	rig_hook(&r, PN_STEP_IRTE_WRITE, 1, counted);
	assert_int_equal(update(0, &r.vcpu[0], 0x41), 0);
	assert_null(r.hook);
	rig_close(&r);
}

/* With IPI virtualization a sleeper has switched NV: posting can begin at any time. */
static void attach_while_blocked_with_ipiv(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){.no_devices = true, .ipiv = true});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_block(&r, v, 1);
	assert_int_equal(update(1, &r.vcpu[1], 0x42), 0);
	rig_resume(&r, v, 1);
	assert_true(rig_block(&r, v, 1));
	assert_int_equal(update(0, v, 0x41), 0);
	assert_true(r.task[0].asleep);
	rig_msi(&r, 0);
	assert_false(r.task[0].asleep);
	rig_check(&r, "attached");
	rig_close(&r);
}

/* ---- taken away ---- */

static void post0(struct rig *x)
{
	assert_int_equal(rig_msi(x, 0), PN_MSI_POSTED);
}

/* The unit still has the old entry in its cache until the invalidation is over. */
static void post_before_flush(struct rig *x, uint32_t off)
{
	if (off != PN_VTD_IQT)
		return;
	x->on_write = NULL;
	/* Cached as it was: poisoned copies would fault, so post as the unit would. */
	pn_pid_post(x->vcpu[0].pid,
		    &(struct pn_pid_post){.vector = 0x41, .x2apic = true, .check = true});
}

/*
 * D4: an interrupt is posted between the vCPU's last check and its put, and the host ignores 0xf2;
 * before put the last device is taken away, so put does not check ON. Detach has to.
 */
static void detach_before_put(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	for (int late = 0; late <= 1; late++) {
		rig_start(&r, &(struct rig_conf){.no_devices = true});
		update(0, v, 0x41);
		v->h.requests = 0;
		pn_vmx_load(&v->h, &r.cpu[1]);
		pn_vmx_blocking(&v->h, &r.cpu[1]);
		r.task[0] = (struct rig_task){.asleep = true};
		assert_false(pn_vmx_must_run(&v->h, &r.cpu[1]));
		if (late)
			r.on_write = post_before_flush;
		else
			post0(&r);
		assert_int_equal(update(0, NULL, 0), 0);
		assert_null(r.on_write);
		pn_vmx_put(&v->h, &r.cpu[1], false);
		assert_int_equal(pn_pid_nv(rig_ctl(v)), PN_VEC_POSTED);
		assert_int_equal(r.task[0].wakes, 1);
		assert_int_equal(r.task[0].why, PN_WAKE_REQUEST);
		assert_true(rig_resume(&r, v, 1));
		rig_enter(&r, v, 1);
		assert_int_equal(rig_drain(&r, 1), 0x41);
		rig_check(&r, "D4");
		rig_close(&r);
	}
}

/* D1 first: until the flush is over the entry counts and the vCPU is found by the handler. */
static void nothing_else_yet(struct rig *x, uint32_t off)
{
	if (off != PN_VTD_IQT)
		return;
	x->on_write = NULL;
	assert_false(x->ir[0].posted);
	assert_int_equal(x->vm.assigned, RIG_VCPUS);
	assert_ptr_equal(x->ir[0].host.vcpu, &x->vcpu[0].h);
	assert_true(rig_listed(x, &x->vcpu[0], 1));
}

static void entry_first(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&v->h, &r.cpu[1]);
	rig_block(&r, v, 1);
	r.on_write = nothing_else_yet;
	assert_int_equal(update(0, NULL, 0), 0);
	assert_null(r.on_write);
	assert_true(r.task[0].asleep); /* nothing was posted */
	assert_true(rig_listed(&r, v, 1));
	rig_check(&r, "D1");
	rig_close(&r);
}

/* From one vCPU to another in one store: the interrupt never goes to the host. */
static void move_between_vcpus(void **state)
{
	struct pn_vmx_vcpu *a = &r.vcpu[0], *b = &r.vcpu[1];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	pn_vmx_load(&a->h, &r.cpu[1]);
	pn_vmx_load(&b->h, &r.cpu[2]);
	rig_block(&r, b, 2);
	post0(&r);
	r.agent[0].step[PN_STEP_IRTE_WRITE].count = r.agent[0].step[PN_STEP_IRT_FLUSH].count = 0;
	assert_int_equal(update(0, b, 0x99), 0);
	assert_int_equal(r.agent[0].step[PN_STEP_IRTE_WRITE].count, 1);
	assert_int_equal(r.agent[0].step[PN_STEP_IRT_FLUSH].count, 1);
	assert_int_equal(r.vm.assigned, RIG_VCPUS);
	assert_true(rig_pir(a, 0x41));		 /* the posted interrupt belongs to a */
	assert_int_equal(r.task[0].spurious, 1); /* D4 */
	assert_true(pn_list_empty(&a->ir_list));
	rig_check(&r, "moved");
	post0(&r);
	assert_false(r.task[1].asleep);
	assert_true(rig_resume(&r, b, 2));
	rig_enter(&r, b, 2);
	assert_int_equal(rig_drain(&r, 2), 0x99);
	rig_enter(&r, a, 1);
	assert_int_equal(rig_drain(&r, 1), 0x41);
	rig_check(&r, "delivered");
	rig_close(&r);
}

/* To a vCPU of another VM: each VM counts for itself. */
static void move_between_vms(void **state)
{
	static struct pn_vmx_vcpu other[2];
	struct pn_vmx_vm vm;

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
	other[0].h.task = other[1].h.task = &r.task[3];
	assert_int_equal(pn_vmx_vm_init(&r.vmx, &vm, other, 2, 0, true, 0, &r.pages), 0);
	assert_int_equal(update(0, &other[0], 0x66), 0);
	assert_int_equal(r.vm.assigned, RIG_VCPUS - 1);
	assert_int_equal(vm.assigned, 1);
	assert_int_equal(other[1].h.requests, PN_REQ_UNBLOCK);
	assert_null(pn_vmx_check(&other[0].h, &r.cpu[0]));
	rig_check(&r, "other VM");
	rig_close(&r);
}

/* A unit that does not answer: the entry is in remapped form, and the count is decremented. */
static void no_answer(void **state)
{
	(void)state;
	rig_start(&r, &(struct rig_conf){.no_devices = true});
	pn_vtd_write(r.unit, PN_VTD_GCMD, 4, 0); /* the queue is off */
	assert_int_equal(update(0, &r.vcpu[0], 0x41), -ETIMEDOUT);
	assert_false(entry(0).im);
	assert_int_equal(r.vm.assigned, 0);
	assert_null(r.ir[0].host.vcpu);
	rig_check(&r, "attach");
	rig_close(&r);
	rig_start(&r, &(struct rig_conf){0});
	pn_vtd_write(r.unit, PN_VTD_GCMD, 4, 0);
	assert_int_equal(update(0, &r.vcpu[1], 0x41), -ETIMEDOUT);
	assert_int_equal(update(2, NULL, 0), -ETIMEDOUT);
	assert_int_equal(update(3, &r.vcpu[3], 0x99), -ETIMEDOUT); /* another vector */
	assert_int_equal(r.vm.assigned, RIG_VCPUS - 3);
	assert_null(r.ir[3].host.vcpu);
	assert_true(pn_list_empty(&r.vcpu[0].ir_list));
	rig_check(&r, "move, detach");
	rig_close(&r);
}

/* The check finds what it must find. */
static void check_finds(void **state)
{
	struct pn_vmx_vcpu *v = &r.vcpu[0];

	(void)state;
	rig_start(&r, &(struct rig_conf){0});
#define finds(what, change, back)                                                                  \
	do {                                                                                       \
		struct pn_virte_raw raw = *r.ir[0].irte;                                           \
		const char *got;                                                                   \
		change;                                                                            \
		got = pn_vmx_check(&v->h, &r.cpu[0]);                                              \
		if (!got || !strstr(got, what))                                                    \
			fail_msg("expected \"%s\", got \"%s\"", what, got ? got : "nothing");      \
		back;                                                                              \
		*r.ir[0].irte = raw;                                                               \
	} while (0)
	finds("another vCPU", r.ir[0].host.vcpu = &r.vcpu[1].h, r.ir[0].host.vcpu = &v->h);
	finds("not posted", r.ir[0].posted = false, r.ir[0].posted = true);
	finds("malformed", r.ir[0].irte->lo &= ~PN_VIRTE_P, );
	finds("malformed", r.ir[0].irte->lo |= 1ull << 30, );
	finds("elsewhere", r.ir[0].irte->lo ^= 1ull << 40, );
	finds("elsewhere", r.ir[0].irte->lo |= PN_VIRTE_URG, );
	finds("elsewhere", r.ir[0].irte->lo ^= 1ull << PN_VIRTE_VECTOR_SH, );
	finds("more entries", r.vm.assigned = 0, r.vm.assigned = RIG_VCPUS);
	rig_check(&r, "as before");
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(posted_entry),
		cmocka_unit_test(refused),
		cmocka_unit_test(unit_cannot_post),
		cmocka_unit_test(first_attach_while_blocked),
		cmocka_unit_test(posts_before_it_blocks_again),
		cmocka_unit_test(counted_before_the_entry),
		cmocka_unit_test(attach_while_blocked_with_ipiv),
		cmocka_unit_test(detach_before_put),
		cmocka_unit_test(entry_first),
		cmocka_unit_test(move_between_vcpus),
		cmocka_unit_test(move_between_vms),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(check_finds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
