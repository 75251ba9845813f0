/* SPDX-License-Identifier: MIT */
/*
 * The contract of struct pn_bus on memory: a store is reported, and pointers are asked for again
 * when memory changes. One IOMMU.
 */
#include "amd_fixture.h"

#define VECTOR 0x41
#define INDEX  5u

/* Each page of the bus is in the fixture's memory, in the other bank, or nowhere. */
enum { HERE, THERE, NOWHERE };

struct banks {
	struct fix f;
	uint8_t *other, *seen;
	uint8_t at[F_SIZE / 4096];
	unsigned asked;
};

static void *bank_map(void *ctx, uint64_t pa, size_t len)
{
	struct banks *b = ctx;
	uint64_t off = pa - F_BASE;

	b->asked++;
	if (off >= F_SIZE || len > F_SIZE - off || b->at[off / 4096] == NOWHERE)
		return NULL;
	return (b->at[off / 4096] == THERE ? b->other : b->f.bus.ram) + off;
}

/* Copies reported stores, for a comparison with memory. */
static void bank_wrote(void *ctx, uint64_t pa, size_t len)
{
	struct banks *b = ctx;

	memcpy(b->seen + (pa - F_BASE), f_ptr(&b->f, pa), len);
}

static void open_banks(struct banks *b, uint64_t control)
{
	memset(b, 0, sizeof(*b));
	f_open(&b->f, NULL);
	b->other = aligned_alloc(4096, F_SIZE);
	b->seen = aligned_alloc(4096, F_SIZE);
	assert_non_null(b->other);
	assert_non_null(b->seen);
	memset(b->other, 0, F_SIZE);
	b->f.bus.ctx = b;
	b->f.bus.intr = NULL;
	b->f.bus.doorbell = NULL;
	b->f.bus.map = bank_map;
	b->f.bus.wrote = bank_wrote;
	b->f.bus.ram_size = 0; /* the bus asks for everything */
	f_enable(&b->f, control);
	f_dte(&b->f, F_DEV, f_dte_remap(F_IRT, 11));
	f_irte(&b->f, F_IRT, INDEX, f_guest(F_PAGE, VECTOR, PN_IRTE_GALOGINTR));
}

static void close_banks(struct banks *b)
{
	free(b->other);
	free(b->seen);
	f_close(&b->f);
}

static void move(struct banks *b, uint64_t pa, uint8_t to)
{
	b->at[(pa - F_BASE) / 4096] = to;
	pn_amdvi_memory_changed(b->f.vi);
}

static uint32_t irr_there(const struct banks *b)
{
	uint64_t at = F_PAGE - F_BASE + pn_apic_word(PN_APIC_IRR, VECTOR);

	return *(const uint32_t *)(const void *)(b->other + at);
}

static void store_msi(struct banks *b)
{
	assert_int_equal(f_msi(&b->f, F_DEV, INDEX), PN_MSI_POSTED);
}

static void store_event(struct banks *b)
{
	assert_int_equal(f_msi(&b->f, F_DEV, INDEX + 1), PN_MSI_ABORTED);
}

static void store_semaphore(struct banks *b)
{
	f_cmd(&b->f, pn_amd_cmd_cwait(F_SEM, 0x1122334455667788, false));
}

static const struct {
	const char *name;
	void (*store)(struct banks *b);
	uint64_t pa[3]; /* where there must be something now */
} stores[] = {
	/* clang-format off */
	{"2.2.5.3, 2.7: vAPIC page, GA log, tail shadow", store_msi, {F_PAGE + PN_APIC_IRR + 0x20, F_GALOG, F_SHADOW}},
	{"2.5: event", store_event, {F_EVT, F_EVT + 8, F_EVT}},
	{"2.4.1: semaphore", store_semaphore, {F_SEM, F_SEM, F_SEM}},
	/* clang-format on */
};

static void test_stores_are_reported(void **state)
{
	struct banks b;

	(void)state;
	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		open_banks(&b, F_GALOGON);
		f_cmd(&b.f, pn_amd_cmd_inv_all());
		memcpy(b.seen, b.f.bus.ram, F_SIZE);
		stores[i].store(&b);
		/* commands are the host's stores */
		memcpy(b.seen + (F_CMD - F_BASE), f_ptr(&b.f, F_CMD), 4096);
		for (unsigned k = 0; k < 3; k++)
			row_eq(stores[i].name, "stored", f_ld(&b.f, stores[i].pa[k]) != 0, true);
		row_eq(stores[i].name, "unreported", memcmp(b.seen, b.f.bus.ram, F_SIZE) != 0,
		       false);
		close_banks(&b);
	}
}

/* A cached entry uses the memory that is there now. */
static void test_moved(void **state)
{
	static const struct {
		const char *name;
		uint64_t page;
		bool posted_there;
	} rows[] = {
		{"vAPIC page", F_PAGE, true},
		{"interrupt remapping table", F_IRT, false},
		{"device table", F_DEVTAB + F_DEV * PN_DTE_SIZE, false},
	};
	struct banks b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_banks(&b, F_GALOGON);
		store_msi(&b);
		f_irr_clear(&b.f, F_PAGE);
		memcpy(b.other, b.f.bus.ram, F_SIZE);
		move(&b, rows[i].page, THERE);
		memset(f_ptr(&b.f, rows[i].page & ~0xFFFull), 0xFF, 4096);
		f_forget(&b.f);
		store_msi(&b);
		row_eq(rows[i].name, "hits", b.f.agent.step[PN_STEP_IRTE_HIT].count, 1);
		row_eq(rows[i].name, "IRR", irr_there(&b) != 0, rows[i].posted_there);
		row_eq(rows[i].name, "GA log", f_rd(&b.f, PN_AMDVI_GA_TAIL), 16);
		close_banks(&b);
	}
}

static void test_gone(void **state)
{
	static const struct {
		const char *name;
		uint64_t page;
		unsigned event;
		uint64_t addr;
	} rows[] = {
		/* clang-format off */
		{"vAPIC page", F_PAGE, PN_EVENT_PAGE_TAB_HARDWARE_ERROR, F_PAGE},
		{"interrupt remapping table", F_IRT, PN_EVENT_PAGE_TAB_HARDWARE_ERROR, F_IRT + INDEX * 16},
		{"device table", F_DEVTAB + F_DEV * PN_DTE_SIZE, PN_EVENT_DEV_TAB_HARDWARE_ERROR, F_DEVTAB + F_DEV * PN_DTE_SIZE},
		/* clang-format on */
	};
	struct pn_amd_event e = {0, 0};
	struct banks b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_banks(&b, F_GALOGON);
		store_msi(&b);
		f_irr_clear(&b.f, F_PAGE);
		move(&b, rows[i].page, NOWHERE);
		row_eq(rows[i].name, "result", f_msi(&b.f, F_DEV, INDEX), PN_MSI_ABORTED);
		row_eq(rows[i].name, "IRR", f_irr(&b.f, F_PAGE, VECTOR), 0);
		row_eq(rows[i].name, "events", f_events(&b.f, &e), 1);
		row_eq(rows[i].name, "event", e.q0 >> PN_EVENT_CODE_SH, rows[i].event);
		row_eq(rows[i].name, "address", e.q1, rows[i].addr);
		move(&b, rows[i].page, HERE);
		store_msi(&b);
		row_eq(rows[i].name, "IRR again", f_irr(&b.f, F_PAGE, VECTOR) != 0, true);
		close_banks(&b);
	}
}

/* Dropping an entry leaves the others of its bucket where a command finds them. */
static void test_bucket(void **state)
{
	struct banks b;

	(void)state;
	open_banks(&b, F_GUEST);
	f_dte(&b.f, F_DEV2, f_dte_remap(F_IRT2, 11));
	for (uint32_t i = 1; i <= 3; i++) {
		f_irte(&b.f, F_IRT, i, f_guest(i == 2 ? F_PAGE2 : F_PAGE, VECTOR, 0));
		f_irte(&b.f, F_IRT2, i, f_guest(F_PAGE, VECTOR, 0));
		f_msi(&b.f, F_DEV, i);
		f_msi(&b.f, F_DEV2, i);
	}
	move(&b, F_PAGE2, NOWHERE);
	move(&b, F_PAGE2, HERE);
	f_msi(&b.f, F_DEV, 2); /* its slot again */
	f_irte(&b.f, F_IRT, 1, f_guest(F_PAGE, VECTOR + 1, 0));
	f_irte(&b.f, F_IRT, 3, f_guest(F_PAGE, VECTOR + 1, 0));
	f_cmd(&b.f, pn_amd_cmd_inv_irt(F_DEV));
	f_irr_clear(&b.f, F_PAGE);
	f_msi(&b.f, F_DEV, 1);
	f_msi(&b.f, F_DEV, 3);
	assert_int_equal(f_irr(&b.f, F_PAGE, VECTOR), 1u << ((VECTOR + 1) & 31));
	f_forget(&b.f);
	f_msi(&b.f, F_DEV2, 2);
	assert_int_equal(b.f.agent.step[PN_STEP_IRTE_HIT].count, 1);
	close_banks(&b);
}

/* With nothing cached nothing is asked for. */
static void test_nothing_cached(void **state)
{
	struct banks b;

	(void)state;
	open_banks(&b, F_GUEST);
	store_msi(&b);
	f_cmd(&b.f, pn_amd_cmd_inv_all());
	b.asked = 0;
	pn_amdvi_memory_changed(b.f.vi);
	assert_int_equal(b.asked, 0);
	close_banks(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stores_are_reported),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_nothing_cached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
