/* SPDX-License-Identifier: MIT */
/*
 * The APIC as the guest sets it up: its mode, which of its MSRs the guest reaches without an exit,
 * and its IDs. IDs reach the processor by the logical APIC ID table (AMD64 APM vol 2 rev 3.44,
 * 15.29.5.3), which has room for one vCPU in each slot; IDs that do not fit inhibit AVIC. F of
 * docs/protocol-amd.md.
 */
#include <errno.h>

#include "svm_priv.h"

#define LOG_SLOTS    64u /* 16 clusters of 4; the table has no place for cluster 15 */
#define FREE	     UINT32_MAX
#define SVR_ENABLED  (1u << 8)
#define SVR_RESET    0xFFu
#define DFR_FLAT     0xFFFFFFFFu
#define LDR_MASK     0xFF000000u
#define DFR_RESERVED 0x0FFFFFFFu

/* IA32_APIC_BASE: 16.9. The bootstrap bit is the host's; whatever the guest writes there stays. */
#define BASE_BSP      (1ull << 8)
#define BASE_EXTD     (1ull << 10)
#define BASE_AE	      (1ull << 11)
#define BASE_MASK     0x000FFFFFFFFFF000ull
#define BASE_RESERVED (~(BASE_MASK | BASE_BSP | BASE_EXTD | BASE_AE))

#define MSR_X2APIC_FIRST 0x800u
#define MSR_X2APIC_LAST	 0x8FFu
#define MSR_LVTT	 0x832u

/* ---- IDs ---- */

enum kind { NONE, FLAT, CLUSTER, X2 };

/* The IDs of all APICs of a VM. */
struct map {
	uint32_t slot[LOG_SLOTS]; /* vCPU with that logical ID, or FREE */
	uint32_t seen[8];	  /* physical IDs in use */
	enum kind kind;
	bool aliased, modified, physical_aliased;
};

static void add_physical(struct map *map, const struct pn_host_vcpu *h)
{
	uint32_t id = pn_host_apic_id(h);

	/* xAPIC has no IDs above 255. */
	if (id > 255 || h->idx > 255)
		return;
	map->physical_aliased |= map->seen[id >> 5] >> (id & 31) & 1;
	map->seen[id >> 5] |= 1u << (id & 31);
	map->modified |= id != h->idx;
}

/* A slot cannot hold an ID of several bits, or one that another vCPU has. */
static void add_slot(struct map *map, const struct pn_host_vcpu *h, uint32_t ldr)
{
	bool cluster = map->kind == CLUSTER;
	uint32_t bits = cluster ? ldr >> 24 & 0xF : ldr >> 24;
	uint32_t base = cluster ? (ldr >> 28) * 4 : 0, *slot;

	if (!bits)
		return;
	slot = &map->slot[base + (uint32_t)__builtin_ctz(bits)];
	map->aliased |=
		((bits & (bits - 1)) || *slot != FREE) && !pn_mistake(PN_MISTAKE_ALIAS_UNSEEN);
	*slot = h->idx;
}

/*
 * Software-disabled APICs and those without a logical ID do not count. In x2APIC mode the ID is
 * computed; it is in no table, and a destination has one meaning or the other.
 */
static void add_logical(struct map *map, const struct pn_host_vcpu *h)
{
	uint32_t ldr = pn_vapic_read(h->page, PN_APIC_LDR);
	bool flat = pn_vapic_read(h->page, PN_APIC_DFR) >> 28 == 0xF;
	enum kind kind = pn_host_x2apic(h) ? X2 : flat ? FLAT : CLUSTER;

	if (!ldr || !(pn_vapic_read(h->page, PN_APIC_SVR) & SVR_ENABLED))
		return;
	if (map->kind == NONE)
		map->kind = kind;
	if (map->kind != kind)
		map->aliased = true;
	else if (kind != X2)
		add_slot(map, h, ldr);
}

static void look(struct map *map, const struct pn_svm_vm *vm)
{
	*map = (struct map){.kind = NONE};
	for (uint32_t i = 0; i < LOG_SLOTS; i++)
		map->slot[i] = FREE;
	for (uint32_t i = 0; i < vm->h.nr_vcpus; i++) {
		const struct pn_host_vcpu *h = &vm->vcpu[i].h;

		/* Pairs with the vCPU's own context. */
		if (pn_ld32_acq(&h->apic_mode) == PN_APIC_DISABLED)
			continue;
		add_physical(map, h);
		add_logical(map, h);
	}
	map->aliased |= map->physical_aliased;
}

/* The table is empty as long as it could be wrong: an IPI then exits (id 2) and is emulated. */
static uint32_t wanted(const struct map *map, const struct pn_svm_vm *vm, uint32_t slot)
{
	bool plain = map->kind == FLAT || map->kind == CLUSTER;

	if (!plain || map->aliased || map->modified || map->slot[slot] == FREE)
		return 0;
	return PN_AVIC_LOG_VALID | pn_host_apic_id(&vm->vcpu[map->slot[slot]].h);
}

static void store_slot(struct pn_svm_vm *vm, struct pn_agent *self, uint32_t slot, uint32_t entry)
{
	if (self)
		pn_step(self, PN_STEP_TABLE_WRITE, (uint64_t)vm->h.id << 32 | slot, entry);
	/* F4. Pairs with processors that send logical IPIs. */
	pn_st32_rel(&vm->log_table[slot], entry);
}

/* Old entries leave before new ones come: in between an IPI exits, and never reaches two vCPUs by
 * two models. */
static void write_table(struct pn_svm_vm *vm, struct pn_agent *self, const struct map *map)
{
	for (int install = 0; install < 2; install++) {
		for (uint32_t slot = 0; slot < PN_SVM_LOG_ENTRIES; slot++) {
			uint32_t now = pn_ld32(&vm->log_table[slot]); /* apic_lock */
			uint32_t want = wanted(map, vm, slot);

			if (now != want && (install || now))
				store_slot(vm, self, slot, install ? want : 0);
		}
	}
}

void pn_svm_init_logical(struct pn_svm_vm *vm)
{
	struct map map;

	look(&map, vm);
	write_table(vm, NULL, &map);
}

static void update_ids(struct pn_svm_vm *vm, struct pn_host_cpu *c)
{
	struct map map;

	pn_lock_take(&vm->apic_lock);
	look(&map, vm); /* F2 */
	write_table(vm, c->agent, &map);
	pn_svm_cause(vm, c, PN_INHIBIT_PHYSICAL_ID_ALIASED, map.physical_aliased);
	pn_svm_cause(vm, c, PN_INHIBIT_LOGICAL_ID_ALIASED, map.aliased);
	pn_svm_cause(vm, c, PN_INHIBIT_APIC_ID_MODIFIED, map.modified);
	pn_lock_drop(&vm->apic_lock);
	/* An entry that could not be changed stays remapped. */
	(void)pn_host_routes_refresh(&vm->h, c);
}

/* ---- trapped registers ---- */

/* The processor stored the value of the guest, with reserved and read-only bits. */
static void tidy(struct pn_host_vcpu *h, uint32_t off)
{
	uint32_t value = pn_vapic_read(h->page, off);
	bool x2 = pn_host_x2apic(h);

	switch (off) {
	case PN_APIC_ID:
		value = x2 ? h->idx : value & LDR_MASK;
		break;
	case PN_APIC_LDR:
		value = x2 ? pn_x2apic_logical(h->idx) : value & LDR_MASK;
		break;
	case PN_APIC_DFR:
		value |= DFR_RESERVED;
		break;
	default:
		return;
	}
	pn_vapic_write(h->page, off, value);
}

static void written(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint32_t off)
{
	tidy(&v->h, off); /* F1 */
	if (off == PN_APIC_ID || off == PN_APIC_LDR || off == PN_APIC_DFR || off == PN_APIC_SVR)
		update_ids(v->vm, c);
}

bool pn_svm_apic_trap(struct pn_svm_vcpu *v, struct pn_host_cpu *c, const struct pn_avic_exit *exit)
{
	if (exit->code != PN_EXIT_AVIC_NOACCEL || !(exit->info1 >> 32 & 1))
		return false;
	switch (exit->info1 & 0xFF0) {
	case PN_APIC_ID:
	case PN_APIC_LDR:
	case PN_APIC_DFR:
	case PN_APIC_SVR:
		written(v, c, exit->info1 & 0xFF0);
		return true;
	default:
		return false;
	}
}

void pn_svm_apic_write(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint32_t off, uint32_t value)
{
	pn_vapic_write(v->h.page, off, value);
	written(v, c, off);
}

/* ---- mode ---- */

/*
 * In every state of the vCPU, also with a nested guest: if a nested guest runs now, the next guest
 * that sees these MSRs is L1, without AVIC to virtualize them (7.6).
 */
void pn_svm_update_msrs(struct pn_svm_vcpu *v)
{
	v->x2apic_msrs = pn_host_apicv(&v->h) && v->vm->x2avic && pn_host_x2apic(&v->h);
}

bool pn_svm_msr_passes(const struct pn_svm_vcpu *v, uint32_t msr)
{
	/* AVIC refuses the timer's TSC-deadline mode, so the host must intercept it first: 6.3. */
	return v->x2apic_msrs && msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST &&
	       msr != MSR_LVTT;
}

/* EXTD without AE is no mode: -EINVAL. */
static int mode_of(uint64_t base)
{
	if (!(base & BASE_AE))
		return base & BASE_EXTD ? -EINVAL : PN_APIC_DISABLED;
	return base & BASE_EXTD ? PN_APIC_X2APIC : PN_APIC_XAPIC;
}

/* x2APIC is reached from xAPIC only, and left to disabled only. */
static bool legal(int from, int to)
{
	return to >= 0 && !(from == PN_APIC_DISABLED && to == PN_APIC_X2APIC) &&
	       !(from == PN_APIC_X2APIC && to == PN_APIC_XAPIC);
}

static void set_mode(struct pn_host_vcpu *h, int mode)
{
	if (mode == PN_APIC_X2APIC) {
		pn_vapic_write(h->page, PN_APIC_ID, h->idx);
		pn_vapic_write(h->page, PN_APIC_LDR, pn_x2apic_logical(h->idx));
	} else if (mode == PN_APIC_XAPIC) {
		/* From disabled: what IDs are after reset. */
		pn_vapic_write(h->page, PN_APIC_ID, h->idx << 24);
		pn_vapic_write(h->page, PN_APIC_LDR, 0);
		pn_vapic_write(h->page, PN_APIC_DFR, DFR_FLAT);
		pn_vapic_write(h->page, PN_APIC_SVR, SVR_RESET);
	}
	/* F3. Pairs with look() and with senders whose IPIs are emulated. */
	pn_st32_rel(&h->apic_mode, (uint32_t)mode);
}

int pn_svm_apic_base(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint64_t value)
{
	int from = (int)pn_ld32(&v->h.apic_mode), to = mode_of(value); /* own context writes it */

	if (value & BASE_RESERVED || !legal(from, to))
		return -EINVAL;
	if (to != PN_APIC_DISABLED && (value & BASE_MASK) != PN_SVM_APIC_BASE)
		pn_svm_inhibit(&v->vm->h, c, PN_INHIBIT_APIC_BASE_MODIFIED, true);
	if (to == from)
		return 0;
	set_mode(&v->h, to);
	pn_svm_update_msrs(v);
	/* Own context: the next entry switches AVIC. */
	pn_or32(&v->h.requests, PN_REQ_APICV_UPDATE);
	update_ids(v->vm, c);
	return 0;
}
