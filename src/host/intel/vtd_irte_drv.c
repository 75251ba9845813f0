/* SPDX-License-Identifier: MIT */
/* Remapping table entries: VT-d rev 5.10, 9.9 and 9.10; what the unit caches: 6.5.2.8. */
#include <errno.h>
#include <string.h>

#include "postern/pid.h"
#include "vtd_drv.h"
#include "vtd_drv_priv.h"

#define VECTOR_FIRST 16u
#define PID_ALIGN    64u

int pn_vtd_drv_alloc(struct pn_vtd_drv *d, uint32_t n)
{
	uint32_t next = pn_ld32(&d->next_index); /* relaxed: a stale value fails below */
	uint32_t first, align;

	if (!n || n > d->irt_entries)
		return -EINVAL;
	/* 5.1.2.2: the handle of a block, and the subhandle in its low bits. */
	align = n > 1 ? 1u << (32 - __builtin_clz(n - 1)) : 1;
	do {
		first = (next + align - 1) & ~(align - 1);
		if (first > d->irt_entries - n)
			return -ENOSPC;
		/* Pairs with other allocations. */
	} while (!pn_cas32(&d->next_index, &next, first + n));
	return (int)first;
}

/* ---- the entry in memory ---- */

static struct pn_u128 *word_of(const struct pn_vtd_ir *ir)
{
	return (struct pn_u128 *)(void *)ir->irte;
}

/*
 * Both forms remapped: two stores. The unit loads all 16 bytes at once, so an entry that is to
 * change in both halves is not present in between.
 */
static void store_halves(struct pn_virte_raw *irte, struct pn_u128 cur, struct pn_virte_raw next)
{
	if (cur.hi != next.hi) {
		if (cur.lo & PN_VIRTE_P && !pn_mistake(PN_MISTAKE_PI_IRTE_TORN))
			pn_st64(&irte->lo, 0);
		/* All pair with the unit, which loads the entry. */
		pn_st64_rel(&irte->hi, next.hi);
	}
	pn_st64_rel(&irte->lo, next.lo);
}

/* The descriptor's address is in both halves: the posted form changes as a whole. Under ir->lock.
 */
static void store(struct pn_vtd_ir *ir, struct pn_agent *self, struct pn_virte_raw raw)
{
	struct pn_u128 cur = pn_ld128_sc(word_of(ir)); /* only the driver writes it */
	const struct pn_u128 next = {raw.lo, raw.hi};

	pn_step(self, PN_STEP_IRTE_WRITE, (uint64_t)ir->sid << 16 | ir->index, raw.lo);
	if (!((cur.lo | raw.lo) & PN_VIRTE_IM) || pn_mistake(PN_MISTAKE_PI_IRTE_TORN)) {
		store_halves(ir->irte, cur, raw);
		return;
	}
	/* Pairs with the unit, which loads the entry and never writes it: it succeeds at once. */
	while (!pn_cas128(word_of(ir), &cur, next))
		pn_relax();
}

static struct pn_virte_raw remap_form(const struct pn_vtd_ir *ir)
{
	const struct pn_virte f = {
		.p = true,
		.dest = ir->host_apicid,
		.vector = ir->host_vector,
		.sid = ir->sid,
		.svt = PN_SVT_SID,
	};

	return pn_virte_encode(&f, ir->drv->x2apic);
}

static struct pn_virte_raw posted_form(const struct pn_vtd_ir *ir)
{
	const struct pn_virte f = {
		.p = true,
		.im = true,
		.urg = ir->urg,
		.pid = ir->pid_pa,
		.vector = ir->vector,
		.sid = ir->sid,
		.svt = PN_SVT_SID,
	};

	return pn_virte_encode(&f, ir->drv->x2apic);
}

/* As @ir says, and invalidated. Under ir->lock. */
static int update(struct pn_vtd_ir *ir, struct pn_agent *self)
{
	store(ir, self, ir->posted ? posted_form(ir) : remap_form(ir));
	if (pn_mistake(PN_MISTAKE_IEC_NO_FLUSH))
		return 0;
	return pn_vtd_drv_flush(ir->drv, self, ir->index);
}

static bool target_ok(const struct pn_vtd_drv *d, uint32_t apicid, uint8_t vector)
{
	return vector >= VECTOR_FIRST && pn_vtd_apicid_ok(d, apicid);
}

/* ---- interrupts ---- */

int pn_vtd_ir_init(struct pn_vtd_ir *ir, struct pn_vtd_drv *d, struct pn_agent *self,
		   uint16_t index, uint16_t sid, uint32_t host_apicid, uint8_t host_vector)
{
	memset(ir, 0, sizeof(*ir));
	ir->drv = d;
	if (index >= d->irt_entries || !target_ok(d, host_apicid, host_vector))
		return -EINVAL;
	ir->irte = &d->irt[index];
	ir->index = index;
	ir->sid = sid;
	ir->host_apicid = host_apicid;
	ir->host_vector = host_vector;
	pn_list_init(&ir->host.node);
	if (pn_mistake(PN_MISTAKE_IEC_NOT_AT_SETUP)) {
		store(ir, self, remap_form(ir));
		return 0;
	}
	return update(ir, self);
}

void pn_vtd_ir_msi(const struct pn_vtd_ir *ir, uint64_t *addr, uint32_t *data)
{
	pn_vtd_msi_encode(ir->index, 0, addr, data);
}

int pn_vtd_ir_affinity(struct pn_vtd_ir *ir, struct pn_agent *self, uint32_t host_apicid,
		       uint8_t host_vector)
{
	int r = 0;

	if (!ir->irte || !target_ok(ir->drv, host_apicid, host_vector))
		return -EINVAL;
	pn_lock_irq(self, &ir->lock);
	if (!ir->posted || !pn_mistake(PN_MISTAKE_VTD_AFFINITY_LOST)) {
		ir->host_apicid = host_apicid;
		ir->host_vector = host_vector;
	}
	if (!ir->posted)
		r = update(ir, self);
	pn_unlock_irq(self, &ir->lock);
	return r;
}

int pn_vtd_ir_post(struct pn_vtd_ir *ir, struct pn_agent *self, uint64_t pid_pa, uint8_t vector,
		   bool urg)
{
	int r;

	if (!ir->drv->pi)
		return -ENODEV;
	if (pid_pa % PID_ALIGN || (!ir->irte && !pn_mistake(PN_MISTAKE_NO_ENTRY_CHECK)))
		return -EINVAL;
	pn_lock_irq(self, &ir->lock);
	ir->posted = true;
	ir->pid_pa = pid_pa;
	ir->vector = vector;
	ir->urg = urg;
	r = update(ir, self);
	pn_unlock_irq(self, &ir->lock);
	return r;
}

int pn_vtd_ir_remap(struct pn_vtd_ir *ir, struct pn_agent *self)
{
	int r = 0;

	pn_lock_irq(self, &ir->lock);
	if (ir->posted) {
		ir->posted = false;
		r = update(ir, self);
	}
	pn_unlock_irq(self, &ir->lock);
	return r;
}
