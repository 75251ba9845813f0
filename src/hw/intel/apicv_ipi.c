/* SPDX-License-Identifier: MIT */
/*
 * What a guest's write of the ICR does: self-IPI and IPI virtualization, SDM vol 3, 30.1.5, 30.1.6,
 * 30.4.3.2 and 30.5. Every exit is one of an APIC write at offset 300h, after the write.
 */
#include "apicv_priv.h"

#include "seam.h"

#define PID_BYTES 64u
#define PTR_BYTES 8u

/* ICR fields that neither a self-IPI nor an IPI may have set: 15 level, 12 busy, 10:8 not fixed. */
#define ICR_NOT_PLAIN (PN_ICR_LEVEL | PN_ICR_BUSY | 7u << 8)

static enum pn_apicv_access write_exit(struct pn_apicv_exit *exit)
{
	return pn_apicv_trap(exit, PN_VMX_EXIT_APIC_WRITE, PN_APIC_ICRL);
}

/*
 * Descriptor of virtual APIC ID @id, or NULL; *@pa is its address. A table or a descriptor without
 * memory behind it exits like an entry that is not valid (this model's choice).
 */
static struct pn_pid *lookup(const struct pn_apicv *a, uint32_t id, uint64_t *pa)
{
	const uint64_t *entry;
	uint64_t value;

	if (id > a->vmcs.last_pid_index)
		return NULL;
	entry = pn_apicv_map(a, a->vmcs.pid_table + id * (uint64_t)PTR_BYTES, PTR_BYTES, PTR_BYTES);
	if (!entry)
		return NULL;
	/* Pairs with the host's store when it creates or destroys the vCPU. */
	value = pn_ld64_acq(entry);
	if ((value & (PN_PIDPTR_VALID | PN_PIDPTR_RSV)) != PN_PIDPTR_VALID)
		return NULL;
	*pa = value & PN_PIDPTR_ADDR_MASK;
	return pn_apicv_map(a, *pa, PID_BYTES, PID_BYTES);
}

/*
 * The second step: one locked access of the control quadword, written back even if it does not
 * change. Returns true if ON went from 0 to 1; *@seen is the value before. No URG here, and
 * reserved bits are not looked at.
 */
static bool claim(struct pn_pid *pid, uint64_t *seen)
{
	uint64_t old = pn_ld64(&pid->control);
	bool send;

	/* Pairs with the receiver's clearing of ON, with host software that changes SN, NV and
	 * NDST, and with other posters: of several that find ON clear one sends. */
	do {
		send = !(old & (PN_PID_ON | PN_PID_SN));
	} while (!pn_cas64(&pid->control, &old, send ? old | PN_PID_ON : old));
	*seen = old;
	return send;
}

/* NV and NDST come from the access that set ON. */
static void notify(struct pn_apicv *a, uint64_t control)
{
	struct pn_intr intr = {
		.dest = pn_pid_dest(control, a->host_x2apic),
		.vector = pn_pid_nv(control),
		.mode = PN_DM_FIXED,
	};

	pn_step(a->agent, PN_STEP_IPIV_NOTIFY, intr.dest, intr.vector);
	if (a->bus->intr)
		a->bus->intr(a->bus->ctx, &intr);
}

/*
 * IPI virtualization, 30.1.6. Two locked accesses, unlike an IOMMU's one: in between other agents
 * may see the request with ON clear.
 */
static enum pn_apicv_access virtual_ipi(struct pn_apicv *a, uint8_t vector, uint32_t id,
					struct pn_apicv_exit *exit)
{
	struct pn_pid *pid;
	uint64_t pa, control = 0;
	bool early;

	if (vector < PN_FIRST_VECTOR)
		return write_exit(exit);
	pid = lookup(a, id, &pa);
	if (!pid)
		return write_exit(exit);
	early = pn_mistake(PN_MISTAKE_IPIV_ON_FIRST) && claim(pid, &control);
	/* Pairs with the receiver's fetch-and-zero, and with host software that looks at the PIR
	 * after it changed SN or NV. */
	pn_or64(&pid->pir[vector >> 6], 1ull << (vector & 63));
	pn_step(a->agent, PN_STEP_IPI_POST, pa, vector);
	if (pn_mistake(PN_MISTAKE_IPIV_ON_FIRST) ? early : claim(pid, &control))
		notify(a, control);
	return PN_APICV_DONE;
}

/* Reserved bits exit here. Bit 14 (assert) is not examined; bit 11 only for an IPI. */
enum pn_apicv_access pn_apicv_icr_mmio(struct pn_apicv *a, uint32_t low, struct pn_apicv_exit *exit)
{
	uint8_t vector = PN_ICR_VECTOR(low);

	if (low & (PN_ICR_RESERVED | ICR_NOT_PLAIN))
		return write_exit(exit);
	switch (PN_ICR_SHORTHAND(low)) {
	case PN_ICR_SH_SELF:
		if (!pn_apicv_vid(&a->vmcs) || vector < PN_FIRST_VECTOR)
			return write_exit(exit);
		return pn_apicv_self_ipi(a, vector);
	case PN_ICR_SH_NONE:
		if (!pn_apicv_ipiv(&a->vmcs) || low & PN_ICR_LOGICAL)
			return write_exit(exit);
		return virtual_ipi(a, vector, pn_vapic_read(a->page, PN_APIC_ICRH) >> 24, exit);
	default:
		return write_exit(exit);
	}
}

/* Reserved bits were #GP. There is no self-IPI: x2APIC has an MSR for it. */
enum pn_apicv_access pn_apicv_icr_msr(struct pn_apicv *a, uint64_t icr, struct pn_apicv_exit *exit)
{
	if (icr & (ICR_NOT_PLAIN | PN_ICR_LOGICAL) || PN_ICR_SHORTHAND(icr) != PN_ICR_SH_NONE)
		return write_exit(exit);
	return virtual_ipi(a, PN_ICR_VECTOR(icr), (uint32_t)(icr >> 32), exit);
}
