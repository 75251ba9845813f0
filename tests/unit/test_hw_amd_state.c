/* SPDX-License-Identifier: MIT */
/*
 * Saving and loading: what was loaded goes on as what was saved would have, and a state that
 * cannot be is refused whole. IOMMU and AVIC.
 */
#include <errno.h>

#include "amd_fixture.h"
#include "avic_rig.h"

#define VECTOR	0x41
#define INDEX	5u
#define LOG_LEN 512u /* entries of a log with the length code 8 */

static void post(struct fix *f)
{
	f_irr_clear(f, F_PAGE);
	assert_int_equal(f_msi(f, F_DEV, INDEX), PN_MSI_POSTED);
}

static void open_posting(struct fix *f)
{
	f_open(f, NULL);
	f_enable(f, F_GALOGON);
	f_dte(f, F_DEV, f_dte_remap(F_IRT, 11));
	f_irte(f, F_IRT, INDEX, f_guest(F_PAGE, VECTOR, PN_IRTE_GALOGINTR));
}

/* A second IOMMU takes the place of the first one, on the same memory. */
static void replace(struct fix *f)
{
	struct pn_amdvi_config cfg;
	struct pn_amdvi_state s;

	pn_amdvi_save(f->vi, &s);
	pn_amdvi_destroy(f->vi);
	pn_amdvi_config_default(&cfg);
	cfg.bus = &f->bus;
	cfg.agent = &f->agent;
	assert_int_equal(pn_amdvi_create(&cfg, &f->vi), 0);
	assert_int_equal(pn_amdvi_load(f->vi, &s), 0);
}

static void all_registers(struct fix *f, uint64_t *to)
{
	for (uint32_t off = 0; off < PN_AMDVI_MMIO_SIZE; off += 8)
		to[off / 8] = f_rd(f, off);
}

static void test_goes_on(void **state)
{
	static uint64_t before[PN_AMDVI_MMIO_SIZE / 8], after[PN_AMDVI_MMIO_SIZE / 8];
	struct fix f;

	(void)state;
	open_posting(&f);
	post(&f);
	all_registers(&f, before);
	f_forget(&f);
	replace(&f);
	all_registers(&f, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(f.intrs, 0);
	post(&f);
	assert_int_equal(f_rd(&f, PN_AMDVI_GA_TAIL), 16);
	assert_int_equal(f.steps[PN_STEP_GA_INT].count, 0); /* GAInt was 1 already */
	f_wr(&f, PN_AMDVI_STATUS, PN_ST_GAINT);
	post(&f);
	assert_int_equal(f.steps[PN_STEP_GA_INT].count, 1);
	f_close(&f);
}

/* A log that overflowed stays stopped until software starts it again. */
static void test_stopped(void **state)
{
	struct fix f;

	(void)state;
	open_posting(&f);
	for (unsigned i = 0; i < LOG_LEN + 10; i++)
		post(&f);
	assert_true(f_rd(&f, PN_AMDVI_STATUS) & PN_ST_GALOVERFLOW);
	f_wr(&f, PN_AMDVI_STATUS, PN_ST_GALOVERFLOW);
	replace(&f);
	f_wr(&f, PN_AMDVI_GA_HEAD, f_rd(&f, PN_AMDVI_GA_TAIL));
	f_forget(&f);
	post(&f);
	assert_int_equal(f.steps[PN_STEP_GALOG_DROP].count, 1);
	f_wr(&f, PN_AMDVI_CONTROL, f_rd(&f, PN_AMDVI_CONTROL) & ~PN_CTRL_GALOGEN);
	f_wr(&f, PN_AMDVI_CONTROL, f_rd(&f, PN_AMDVI_CONTROL) | PN_CTRL_GALOGEN);
	post(&f);
	assert_int_equal(f.steps[PN_STEP_GALOG_ENTRY].count, 1);
	f_close(&f);
}

/* Cached entries are of the machine that was there before. */
static void test_caches_are_dropped(void **state)
{
	struct pn_amdvi_state s;
	struct fix f;

	(void)state;
	open_posting(&f);
	post(&f);
	pn_amdvi_save(f.vi, &s);
	f_irte(&f, F_IRT, INDEX, f_guest(F_PAGE2, VECTOR, PN_IRTE_GALOGINTR));
	f_irr_clear(&f, F_PAGE2);
	assert_int_equal(pn_amdvi_load(f.vi, &s), 0);
	post(&f);
	assert_int_not_equal(f_irr(&f, F_PAGE2, VECTOR), 0);
	f_close(&f);
}

#define R(name, bits)                                                                              \
	{                                                                                          \
#name, offsetof(struct pn_amdvi_regs, name), bits                                  \
	}

/* Bits that software cannot set, and no IOMMU either; features of another one. */
static const struct {
	const char *name;
	size_t at;
	uint64_t bits;
} impossible[] = {
	R(devtab, 0xE00),
	R(cmdbuf, 1),
	R(evtlog, 1),
	R(pprlog, 1),
	R(galog, 1),
	R(galog_tail_addr, 1),
	R(control, PN_CTRL_GTEN),
	R(control, 1ull << 63),
	R(efr, PN_EFR_GTSUP),
	R(efr2, 1ull << 40),
	R(msi_lo, 1),
	R(msi_hi, 1ull << 60),
	R(xt_gen, 1),
	R(xt_ppr, 1),
	R(xt_ga, 1),
	R(cmd_head, 8),
	R(cmd_tail, 1ull << 20),
	R(evt_head, 1),
	R(evt_tail, 8),
	R(ga_head, 4),
	R(ga_tail, 1ull << 32),
	R(ppr_head, 1),
	R(ppr_tail, 1),
	R(status, 1ull << 12),
};

static void test_refused(void **state)
{
	struct pn_amdvi_state s, now, then;
	struct fix f;

	(void)state;
	open_posting(&f);
	pn_amdvi_save(f.vi, &then);
	for (size_t i = 0; i < COUNT(impossible); i++) {
		s = then;
		*(uint64_t *)(void *)((char *)&s.r + impossible[i].at) ^= impossible[i].bits;
		ROW_EQ(impossible[i].name, pn_amdvi_load(f.vi, &s), -EINVAL);
	}
	s = then;
	s.ga_lingers = true;
	assert_int_equal(pn_amdvi_load(f.vi, &s), -EINVAL);
	pn_amdvi_save(f.vi, &now);
	assert_memory_equal(&now.r, &then.r, sizeof(now.r));
	f_close(&f);
}

static void test_avic_goes_on(void **state)
{
	struct pn_avic_state s;
	struct rig r;

	(void)state;
	rig_init(&r, false);
	rig_run(&r);
	pn_avic_write_cr8(&r.av, 3);
	rig_set(RIG_SELF, PN_APIC_IRR, 0x51);
	pn_avic_save(&r.av, &s);
	pn_avic_init(&r.av, &r.bus, &r.agent, &r.feat, RIG_HOST);
	assert_int_equal(pn_avic_evaluate(&r.av, true), -1);
	assert_int_equal(pn_avic_load(&r.av, &s), 0);
	assert_int_equal(r.av.v_tpr, 3);
	assert_int_equal(pn_avic_evaluate(&r.av, true), 0x51);
	pn_avic_deliver(&r.av, 0x51);
	assert_true(rig_test(RIG_SELF, PN_APIC_ISR, 0x51));
	rig_vcpu(1, true);
	pn_avic_ipi(&r.av, 1ull << 56 | 0x61, &r.exit);
	assert_true(rig_test(1, PN_APIC_IRR, 0x61));
	assert_int_equal(r.bells, 1);
}

static void test_avic_in_the_host(void **state)
{
	struct pn_avic_state s;
	struct rig r;

	(void)state;
	rig_init(&r, true);
	rig_run(&r);
	pn_avic_vmexit(&r.av);
	pn_avic_save(&r.av, &s);
	assert_false(s.in_guest || s.active);
	assert_int_equal(s.page_pa, 0);
	assert_int_equal(pn_avic_load(&r.av, &s), 0);
	assert_false(pn_avic_doorbell(&r.av));
}

static void no_guest(struct pn_avic_state *s)
{
	s->in_guest = false;
}

static void high_tpr(struct pn_avic_state *s)
{
	s->v_tpr = 0x10;
}

static void crooked_page(struct pn_avic_state *s)
{
	s->page_pa |= 8;
}

static void crooked_table(struct pn_avic_state *s)
{
	s->physical_table |= 1;
}

static void many(struct pn_avic_state *s)
{
	s->max_index = 256;
}

static void far(struct pn_avic_state *s)
{
	s->page_pa = 1ull << 60;
}

static const struct {
	const char *name;
	void (*spoil)(struct pn_avic_state *s);
} spoilt[] = {
	{"active in the host", no_guest}, {"V_TPR", high_tpr}, {"page", crooked_page},
	{"table", crooked_table},	  {"max index", many}, {"beyond memory", far},
};

static void test_avic_refused(void **state)
{
	struct pn_avic_state s;
	struct rig r;

	(void)state;
	rig_init(&r, false);
	rig_run(&r);
	for (size_t i = 0; i < COUNT(spoilt); i++) {
		pn_avic_save(&r.av, &s);
		spoilt[i].spoil(&s);
		ROW_EQ(spoilt[i].name, pn_avic_load(&r.av, &s), -EINVAL);
	}
	pn_avic_save(&r.av, &s);
	s.page_pa = RIG_HOLE;
	assert_int_equal(pn_avic_load(&r.av, &s), -EFAULT);
	assert_int_equal(r.av.page_pa, rig_page_pa(RIG_SELF));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_caches_are_dropped),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_avic_goes_on),
		cmocka_unit_test(test_avic_in_the_host),
		cmocka_unit_test(test_avic_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
