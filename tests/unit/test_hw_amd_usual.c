/* SPDX-License-Identifier: MIT */
/*
 * Requests that post by cached entries take a shorter way through AMD's IOMMU if nothing watches
 * them. Two IOMMUs live through the same random tables, commands and requests, one watched in every
 * step and store, the other in few or none: nothing else may tell them apart.
 */
#include "amd_fixture.h"

#define ROUNDS	  160
#define REQUESTS  2000
#define SEEN	  64u
#define INDICES	  6u
#define ANY(list) (list)[next() % COUNT(list)]

struct twin {
	struct fix f;
	unsigned stores;
	unsigned nr_seen; /* of one request */
	struct seen {
		uint64_t step, a, b, ns;
	} seen[SEEN];
};

static uint64_t seed;

static uint32_t next(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33);
}

static void saw(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	struct twin *t = ctx;

	assert_true(t->nr_seen < SEEN);
	t->seen[t->nr_seen++] = (struct seen){step, a, b, agent->elapsed_ns};
}

static void wrote(void *ctx, uint64_t pa, size_t len)
{
	struct fix *f = ctx;

	(void)pa;
	(void)len;
	((struct twin *)(void *)f)->stores++;
}

static uint64_t control(void)
{
	static const uint64_t words[] = {F_GALOGON, F_GAPPION, F_GAPPION,
					 F_GUEST,   F_RUN,     F_GUEST & ~PN_CTRL_IOMMUEN};
	static const uint64_t flips[] = {
		0, 0, PN_CTRL_XTEN, PN_CTRL_IRTCACHEDIS, 1ull << PN_CTRL_NUMINTREMAP_SH,
	};

	return ANY(words) ^ ANY(flips);
}

static uint64_t dte(void)
{
	const uint64_t good = f_dte_remap(F_IRT, 11);
	const uint64_t words[] = {good,
				  good,
				  f_dte_remap(F_IRT, 2),
				  f_dte_remap(F_IRT2, 9),
				  good & ~PN_DTE_IV,
				  good & ~(3ull << PN_DTE_INTCTL_SH),
				  good | PN_DTE_IG};

	return ANY(words);
}

static struct pn_irte128 irte(void)
{
	const uint64_t flags[] = {PN_IRTE_ISRUN, 0, PN_IRTE_GAPPIDIS, PN_IRTE_GALOGINTR};
	const uint8_t vectors[] = {0x31, 0x41, 0x45, 0xF1};
	struct pn_irte128 e = f_guest(next() % 2 ? F_PAGE : F_PAGE2, ANY(vectors), ANY(flags));

	if (next() % 8 == 0)
		e.lo = next() % 2 ? 0x0000000002030401ull : 0;
	e.hi |= (uint64_t)(next() % 2) << PN_IRTE_DESTHI_SH;
	return e;
}

static struct pn_msi request(void)
{
	static const uint16_t devids[] = {F_DEV, F_DEV, F_DEV2, F_DEV + 64 * 65};
	static const uint32_t far[] = {0, 0, 0, 0x1F0, 0x200, 0x600};
	struct pn_msi m = {.addr = F_MSI, .devid = ANY(devids)};

	m.data = next() % INDICES + ANY(far);
	m.has_pasid = next() % 32 == 0;
	if (next() % 32 == 0)
		m.addr = next() % 2 ? 0x1000 : F_MSI | 1ull << 32;
	return m;
}

static void open_twin(struct twin *t, const struct pn_amdvi_config *cfg)
{
	f_open(&t->f, cfg);
	t->stores = t->nr_seen = 0;
	t->f.agent.observe = saw;
	t->f.agent.observe_ctx = t;
}

static void same(struct twin *t)
{
	struct fix *a = &t[0].f, *b = &t[1].f;
	struct pn_amdvi_stats sa, sb;
	unsigned n = 0;

	for (unsigned i = 0; i < t[1].nr_seen; i++) {
		const struct seen *s = &t[1].seen[i];

		if (!a->steps[s->step].watched)
			continue;
		assert_true(n < t[0].nr_seen);
		assert_memory_equal(&t[0].seen[n++], s, sizeof(*s));
	}
	assert_int_equal(t[0].nr_seen, n);
	if (a->bus.wrote)
		assert_int_equal(t[0].stores, t[1].stores);
	t[0].nr_seen = t[1].nr_seen = t[0].stores = t[1].stores = 0;
	assert_int_equal(a->agent.elapsed_ns, b->agent.elapsed_ns);
	for (unsigned step = 0; step < PN_STEP_NR; step++)
		row_eq(pn_step_key(step), "taken", a->steps[step].count, b->steps[step].count);
	pn_amdvi_stats(a->vi, &sa);
	pn_amdvi_stats(b->vi, &sb);
	assert_memory_equal(&sa, &sb, sizeof(sa));
	assert_int_equal(a->intrs, b->intrs);
	assert_int_equal(a->bells, b->bells);
	assert_memory_equal(a->intr, b->intr, sizeof(a->intr));
	assert_memory_equal(a->bell, b->bell, sizeof(a->bell));
	assert_memory_equal(f_ptr(a, F_PAGE), f_ptr(b, F_PAGE), 8192);
}

/* The same change of both: tables, with or without a command, bits that the guest takes. */
static void change(struct twin *t)
{
	const struct pn_msi where = request();
	const uint32_t index = next() % INDICES;
	const unsigned what = next() % 10;
	const uint64_t word = what == 3 ? control() : dte();
	const uint64_t table = next() % 2 ? F_IRT : F_IRT2;
	const struct pn_irte128 entry = irte();

	for (unsigned i = 0; i < 2; i++) {
		struct fix *f = &t[i].f;

		if (what == 0)
			f_dte(f, where.devid & 0x7FF, word);
		if (what == 0 || what == 1)
			f_cmd(f, pn_amd_cmd_inv_devtab(where.devid));
		if (what == 2)
			f_dte(f, where.devid & 0x7FF, word);
		if (what == 3)
			f_enable(f, word);
		if (what >= 4 && what <= 6)
			f_irte(f, table, index, entry);
		if (what == 4)
			f_cmd(f, pn_amd_cmd_inv_irt(where.devid));
		if (what >= 7)
			f_irr_clear(f, what == 7 ? F_PAGE : F_PAGE2);
	}
}

static void set_up(struct twin *t)
{
	static const unsigned watch[] = {
		PN_STEP_MSI,	   PN_STEP_DTE_HIT,	  PN_STEP_IRTE_HIT,	 PN_STEP_IRR_SET,
		PN_STEP_IRR_MERGE, PN_STEP_IRTE_VOLATILE, PN_STEP_DOORBELL_SEND, PN_STEP_GAPPI_SEND,
		PN_STEP_ABORT,	   PN_STEP_GAPPI_NONEMPTY};
	const unsigned one = next() % 4 ? ANY(watch) : PN_STEP_NR;

	for (unsigned step = 0; step < PN_STEP_NR; step++) {
		const uint32_t cost = next() % 128 ? next() % 1000 : UINT32_MAX;

		for (unsigned i = 0; i < 2; i++) {
			t[i].f.steps[step].cost_ns = cost;
			t[i].f.steps[step].watched = i || step == one;
		}
	}
	t[0].f.bus.wrote = next() % 4 ? NULL : wrote;
	t[1].f.bus.wrote = wrote;
	for (uint32_t i = 0; i < INDICES; i++) {
		const struct pn_irte128 a = irte(), b = irte();

		for (unsigned k = 0; k < 2; k++) {
			f_irte(&t[k].f, F_IRT, i, a);
			f_irte(&t[k].f, F_IRT2, i, b);
			f_dte(&t[k].f, F_DEV, f_dte_remap(F_IRT, 11));
			f_dte(&t[k].f, F_DEV2, f_dte_remap(F_IRT2, 9));
		}
	}
}

static void one_round(const struct pn_amdvi_config *cfg)
{
	const uint64_t word = control();
	struct twin *t = calloc(2, sizeof(*t));

	assert_non_null(t);
	for (unsigned i = 0; i < 2; i++)
		open_twin(&t[i], cfg);
	set_up(t);
	for (unsigned i = 0; i < 2; i++)
		f_enable(&t[i].f, word);
	for (unsigned n = 0; n < REQUESTS; n++) {
		const struct pn_msi m = request();

		if (next() % 8 == 0)
			change(t);
		t[0].nr_seen = t[1].nr_seen = t[0].stores = t[1].stores = 0;
		assert_int_equal(pn_amdvi_msi(t[0].f.vi, &m), pn_amdvi_msi(t[1].f.vi, &m));
		same(t);
	}
	for (unsigned i = 0; i < 2; i++)
		f_close(&t[i].f);
	free(t);
}

static void test_twins(void **state)
{
	struct pn_amdvi_config cfg;

	(void)state;
	for (seed = 0; seed < ROUNDS; seed++) {
		const uint64_t round = seed;

		pn_amdvi_config_default(&cfg);
		cfg.poison_stale = round % 8 == 1;
		cfg.knobs.volatile_fetch =
			round % 8 == 2 ? PN_VOLATILE_BEFORE_IRR : PN_VOLATILE_AFTER_IRR;
		cfg.knobs.gappi_emptiness = (int)(round % 3);
		if (round % 5 == 3)
			cfg.efr2 &= ~PN_EFR2_GAPPIDISSUP;
		one_round(&cfg);
		seed = round;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_twins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
