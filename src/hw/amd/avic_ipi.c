/* SPDX-License-Identifier: MIT */
/*
 * What an ICR write does under AVIC and x2AVIC: AMD64 APM vol 2 rev 3.44, 15.29.6.
 *
 * Every destination is looked up before the first IRR bit is set (inferred), so that exits 2 and 3
 * mean that nothing was posted, and exit 1 that everything was.
 */
#include "avic_priv.h"

#include "seam.h"

#define X2_CLUSTER	16u /* IDs of one x2APIC cluster */
#define XAPIC_BCAST	0xFFu
#define X2APIC_BCAST	0xFFFFFFFFu
#define FIRST_VECTOR	16
#define CLUSTER_INVALID 15

struct target {
	uint32_t id; /* guest APIC ID */
	uint64_t entry_pa;
	const uint64_t *entry;
	uint64_t page_pa;
	void *page;
};

/* The result of posting to the destinations. */
struct outcome {
	bool self;   /* the sender is one of them, and running */
	bool missed; /* at least one does not run: @index */
	uint32_t index;
};

static enum pn_avic_access fail(struct pn_avic_exit *exit, uint64_t icr, int id, uint32_t index)
{
	exit->code = PN_EXIT_AVIC_INCOMPLETE_IPI;
	exit->info1 = icr;
	exit->info2 = (uint64_t)id << 32 | (index & 0xFFF);
	return PN_AVIC_TRAP;
}

int pn_avic_logical_slot(bool dfr_cluster, uint8_t cluster, unsigned bit)
{
	if (!dfr_cluster)
		return bit < 8 ? (int)bit : -1;
	return bit < 4 && cluster < CLUSTER_INVALID ? 4 * cluster + (int)bit : -1;
}

/* Entry 255 of an xAVIC table is reserved for broadcast; x2AVIC reserves no entry (inferred). */
static uint32_t last_id(const struct pn_avic *av)
{
	return !av->x2 && av->max_index >= XAPIC_BCAST ? XAPIC_BCAST - 1 : av->max_index;
}

/* Step 4: 0, or the id of the exit. A table without memory behind it has no valid entry. */
static int resolve(const struct pn_avic *av, uint32_t id, struct target *t)
{
	uint64_t value;

	if (id > last_id(av))
		return PN_IPI_INVALID_TARGET;
	t->id = id;
	t->entry_pa = av->physical_table + id * 8ull;
	t->entry = pn_avic_map(av, t->entry_pa, 8, 8);
	if (!t->entry)
		return PN_IPI_INVALID_TARGET;
	/* Pairs with the host's store when it creates or destroys the vCPU. */
	value = pn_ld64_acq(t->entry);
	if (!(value & PN_AVIC_PHYS_VALID))
		return PN_IPI_INVALID_TARGET;
	t->page_pa = value & PN_AVIC_PHYS_PAGE_MASK;
	t->page = pn_avic_map(av, t->page_pa, 4096, 8);
	return t->page ? 0 : PN_IPI_INVALID_BACKING;
}

/*
 * Erratum 1235: the core may read a stale IsRunning = 1 after software cleared it. For how long
 * real cores do so is not published. The model (inferred) remembers the last running entry that it
 * read; if IsRunning was cleared since, the next read of that entry returns the old value, once.
 */
static uint64_t stale_view(struct pn_avic *av, const struct target *t, uint64_t value)
{
	bool known = av->stale_value && av->stale_entry == t->entry_pa;

	if (value & PN_AVIC_PHYS_ISRUNNING) {
		av->stale_entry = t->entry_pa;
		av->stale_value = value;
	} else if (known) {
		value = av->stale_value;
		av->stale_value = 0;
	}
	return value;
}

/* Reads IsRunning and the host APIC ID, after the IRR was set. */
static uint64_t look(struct pn_avic *av, const struct target *t)
{
	/* Pairs with the host's put: it clears IsRunning, fences, then reads the IRR. */
	uint64_t value = pn_ld64_sc(t->entry);

	return av->feat.erratum1235 ? stale_view(av, t, value) : value;
}

static void ring(struct pn_avic *av, uint32_t apicid)
{
	pn_step(av->agent, PN_STEP_DOORBELL_SEND, apicid, 0);
	if (av->bus->doorbell)
		av->bus->doorbell(av->bus->ctx, apicid);
}

/* Steps 5 and 6. The sender needs no doorbell to itself: it evaluates when the write completes. */
static void post(struct pn_avic *av, const struct target *t, uint8_t vector, struct outcome *out)
{
	uint64_t value = pn_mistake(PN_MISTAKE_IPI_LOOKS_EARLY) ? look(av, t) : 0;

	pn_avic_request(av, t->page, t->page_pa, vector);
	pn_step(av->agent, PN_STEP_IPI_POST, t->page_pa, vector);
	if (!pn_mistake(PN_MISTAKE_IPI_LOOKS_EARLY))
		value = look(av, t);
	if (value & PN_AVIC_PHYS_ISRUNNING) {
		if (t->page_pa == av->page_pa)
			out->self = true;
		else
			ring(av, (uint32_t)(value & PN_AVIC_PHYS_HOST_MASK));
		return;
	}
	if (!out->missed || av->feat.ipi_index == PN_IPI_INDEX_LAST)
		out->index = t->id;
	out->missed = true;
}

static enum pn_avic_access finish(const struct outcome *out, uint64_t icr,
				  struct pn_avic_exit *exit)
{
	if (out->missed)
		return fail(exit, icr, PN_IPI_NOT_RUNNING, out->index);
	return out->self ? PN_AVIC_EVALUATE : PN_AVIC_DONE;
}

/* Step 1. The physical table is not read: erratum 1235 does not reach here. */
static enum pn_avic_access ipi_self(struct pn_avic *av, uint8_t vector)
{
	pn_avic_request(av, av->page, av->page_pa, vector);
	pn_step(av->agent, PN_STEP_IPI_POST, av->page_pa, vector);
	return PN_AVIC_EVALUATE;
}

/* A directed IPI: if one destination cannot be resolved, nothing is posted. */
static enum pn_avic_access ipi_to(struct pn_avic *av, const uint32_t *ids, unsigned n, uint64_t icr,
				  struct pn_avic_exit *exit)
{
	struct target targets[X2_CLUSTER];
	struct outcome out = {false, false, 0};

	for (unsigned i = 0; i < n; i++) {
		int id = resolve(av, ids[i], &targets[i]);

		if (id)
			return fail(exit, icr, id, ids[i]);
	}
	for (unsigned i = 0; i < n; i++)
		post(av, &targets[i], PN_ICR_VECTOR(icr), &out);
	return finish(&out, icr, exit);
}

/*
 * Broadcast: entries that are not valid are skipped. The sender finds its own entry by its page
 * (inferred; the guest can write the ID register).
 */
static enum pn_avic_access ipi_broadcast(struct pn_avic *av, bool others, uint64_t icr,
					 struct pn_avic_exit *exit)
{
	struct outcome out = {false, false, 0};
	uint32_t last = last_id(av);
	struct target t;

	for (uint32_t id = 0; id <= last; id++) {
		if (resolve(av, id, &t) == PN_IPI_INVALID_BACKING)
			return fail(exit, icr, PN_IPI_INVALID_BACKING, id);
	}
	for (uint32_t id = 0; id <= last; id++) {
		if (resolve(av, id, &t) || (others && t.page_pa == av->page_pa))
			continue;
		post(av, &t, PN_ICR_VECTOR(icr), &out);
	}
	return finish(&out, icr, exit);
}

/* x2APIC logical IDs: cluster in 31:16, one bit for each of its 16 IDs. No table is read. */
static enum pn_avic_access ipi_logical_x2(struct pn_avic *av, uint32_t dest, uint64_t icr,
					  struct pn_avic_exit *exit)
{
	uint32_t ids[X2_CLUSTER];
	unsigned n = 0;

	for (uint32_t bit = 0; bit < X2_CLUSTER; bit++) {
		if (dest & 1u << bit)
			ids[n++] = (dest >> 16) * X2_CLUSTER + bit;
	}
	return ipi_to(av, ids, n, icr, exit);
}

/* Guest APIC ID in @slot of the logical table, or -1. */
static int logical_id(const struct pn_avic *av, int slot)
{
	const uint32_t *entry;
	uint32_t value;

	if (slot < 0)
		return -1;
	entry = pn_avic_map(av, av->logical_table + (uint32_t)slot * 4, 4, 4);
	if (!entry)
		return -1;
	/* Pairs with the host's store when the guest changes its LDR or DFR. */
	value = pn_ld32_acq(entry);
	return value & PN_AVIC_LOG_VALID ? (int)(value & PN_AVIC_LOG_ID_MASK) : -1;
}

/*
 * Step 3 through the logical table, in the model that the sender's DFR selects. DFR values other
 * than 1111b in 31:28 count as cluster, and the index of an invalid entry is its slot (both
 * inferred).
 */
static enum pn_avic_access ipi_logical(struct pn_avic *av, uint32_t dest, uint64_t icr,
				       struct pn_avic_exit *exit)
{
	bool cluster = pn_vapic_read(av->page, PN_APIC_DFR) >> 28 != 0xF;
	uint8_t number = cluster ? (uint8_t)(dest >> 4) : 0;
	uint32_t bits = cluster ? dest & 0xF : dest;
	uint32_t ids[8];
	unsigned n = 0;

	for (unsigned bit = 0; bit < 8; bit++) {
		int id;

		if (!(bits & 1u << bit))
			continue;
		id = logical_id(av, pn_avic_logical_slot(cluster, number, bit));
		if (id < 0)
			return fail(exit, icr, PN_IPI_INVALID_TARGET, number * 4u + bit);
		ids[n++] = (uint32_t)id;
		if (pn_mistake(PN_MISTAKE_IPI_ONE_BIT))
			break;
	}
	return ipi_to(av, ids, n, icr, exit);
}

/* The broadcast value counts in both destination modes (inferred for logical). */
static enum pn_avic_access ipi_dest(struct pn_avic *av, uint64_t icr, struct pn_avic_exit *exit)
{
	uint32_t dest = av->x2 ? (uint32_t)(icr >> 32) : (uint32_t)(icr >> 56);

	if (av->x2 && dest == X2APIC_BCAST && av->feat.x2_broadcast == PN_X2BCAST_INVALID)
		return fail(exit, icr, PN_IPI_INVALID_TARGET, dest);
	if (dest == (av->x2 ? X2APIC_BCAST : XAPIC_BCAST))
		return ipi_broadcast(av, false, icr, exit);
	if (!(icr & PN_ICR_LOGICAL))
		return ipi_to(av, &dest, 1, icr, exit);
	return av->x2 ? ipi_logical_x2(av, dest, icr, exit) : ipi_logical(av, dest, icr, exit);
}

/*
 * Type comes before vector (inferred). The level bit (14) has no meaning for an edge-triggered IPI.
 */
enum pn_avic_access pn_avic_ipi(struct pn_avic *av, uint64_t icr, struct pn_avic_exit *exit)
{
	if (!pn_avic_on(av) || PN_ICR_MODE(icr) != PN_DM_FIXED || icr & PN_ICR_LEVEL)
		return fail(exit, icr, PN_IPI_INVALID_TYPE, 0);
	if (PN_ICR_VECTOR(icr) < FIRST_VECTOR)
		return fail(exit, icr, PN_IPI_INVALID_VECTOR, 0);
	switch (PN_ICR_SHORTHAND(icr)) {
	case PN_ICR_SH_SELF:
		return ipi_self(av, PN_ICR_VECTOR(icr));
	case PN_ICR_SH_NONE:
		return ipi_dest(av, icr, exit);
	default:
		return ipi_broadcast(av, PN_ICR_SHORTHAND(icr) == PN_ICR_SH_OTHERS, icr, exit);
	}
}
