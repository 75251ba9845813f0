/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on Intel: the driver of a remapping unit against registers that note what is
 * written, in its order (VT-d 5.1.2, 6.5.2, 11.4), and the memory that it writes: queue, table.
 */
#include <errno.h>
#include <string.h>

#include "solo_intel.h"

#define QIE    PN_VTD_G_QIE
#define IRE    PN_VTD_G_IRE
#define CFI    PN_VTD_G_CFI
#define TE     PN_VTD_G_TE
#define SIRTP  PN_VTD_G_SIRTP
#define SRTP   PN_VTD_G_SRTP
#define SENT   256u
#define RECORD 4u

/* Registers. The unit does what a command says after some reads of the status. */
static struct {
	uint64_t cap, ecap;
	uint32_t gsts, next, fsts, fectl;
	unsigned slow; /* reads until a command is done */
	unsigned wait;
	uint64_t iqa, iqt, irta;
	uint64_t record[RECORD][2];
	bool deaf;     /* does not work on its queue */
	unsigned full; /* reads of the head until there is room */
	struct {
		uint32_t off;
		uint64_t value;
	} sent[SENT];
	unsigned n;
	uint32_t zero;
} * unit;

static struct pn_vtd_drv *drv;
static struct pn_bus memory;

#define MEMORY	    0x1000000u
#define MEMORY_SIZE (32u << 10)

static uint64_t read_record(uint32_t off)
{
	return unit->record[off / 16][off / 8 % 2];
}

static uint64_t read(void *ctx, uint32_t off, unsigned size)
{
	(void)ctx;
	px_relax_on(&unit->zero, 1); /* a poll goes on at once */
	if (off >= 0x220)
		return read_record(off - 0x220);
	switch (off) {
	case PN_VTD_CAP:
		unit_eq(size, 8, "size of a read of CAP");
		return unit->cap;
	case PN_VTD_ECAP:
		return unit->ecap;
	case PN_VTD_GSTS:
		unit_eq(size, 4, "size of a read of GSTS");
		if (unit->wait && !--unit->wait)
			unit->gsts = unit->next;
		return unit->gsts;
	case PN_VTD_FSTS:
		return unit->fsts;
	case PN_VTD_IQH:
		if (unit->full)
			return unit->full--, (uint64_t)((drv->tail + 2) & 255) * 16;
		return unit->iqt;
	default:
		px_fail("P7", "read of register %02x", off);
		return 0;
	}
}

/* Waits in the queue are done. */
static void work(uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at != to; at = (at + 16) & 0xFFF) {
		const uint64_t *q = pn_bus_ptr(&memory, unit->iqa + at, 16);

		if ((q[0] & 0xF) == PN_VTD_D_WAIT)
			pn_st32(pn_bus_ptr(&memory, q[1], 4), (uint32_t)(q[0] >> 32));
	}
}

static void write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	const uint32_t levels = QIE | IRE | CFI | TE;

	(void)ctx;
	unit_eq(size,
		off == PN_VTD_IQT || off == PN_VTD_IQA || off == PN_VTD_IRTA || off >= 0x220 ? 8
											     : 4,
		"size of a write");
	if (unit->n < SENT) {
		unit->sent[unit->n].off = off;
		unit->sent[unit->n++].value = value;
	}
	if (off >= 0x220) {
		if (value & PN_VTD_FR_F)
			unit->record[(off - 0x220) / 16][1] &= ~PN_VTD_FR_F;
	} else if (off == PN_VTD_GCMD) {
		unit_eq(unit->wait, 0, "a command before the last one is done");
		unit->next = (unit->gsts & ~levels) | (uint32_t)(value & (levels | SIRTP));
		if (value & SIRTP)
			unit->gsts &= ~SIRTP;
		unit->wait = unit->slow;
		if (!unit->slow)
			unit->gsts = unit->next;
	} else if (off == PN_VTD_IQT) {
		if (!unit->deaf && unit->gsts & QIE)
			work(unit->iqt, value);
		unit->iqt = value;
	} else if (off == PN_VTD_IQA) {
		unit->iqa = value;
	} else if (off == PN_VTD_IRTA) {
		unit->irta = value;
	} else if (off == PN_VTD_FSTS) {
		unit->fsts &= ~(uint32_t)(value & PN_VTD_FSTS_W1C);
	} else if (off == PN_VTD_FECTL) {
		unit->fectl = (uint32_t)value;
	}
}

/* The next write is that. */
static unsigned looked;

static void wrote(uint32_t off, uint64_t value, const char *what)
{
	rig_want(looked < unit->n, "P7", what);
	unit_eq(unit->sent[looked].off, off, what);
	unit_eq(unit->sent[looked].value, value, what);
	looked++;
}

static void no_more(const char *what)
{
	unit_eq(unit->n, looked, what);
	unit->n = looked = 0;
}

static struct pn_agent *self(void)
{
	return rig->cpu[0].agent;
}

static void fresh(uint32_t gsts, uint64_t cap, uint64_t ecap)
{
	memset(unit, 0, sizeof(*unit));
	memset(memory.ram, 0, MEMORY_SIZE);
	unit->cap = PN_VTD_CAP_PI | 0x22ull << PN_VTD_CAP_FRO_SH |
		    (RECORD - 1ull) << PN_VTD_CAP_NFR_SH | cap;
	unit->ecap = (PN_VTD_ECAP_QI | PN_VTD_ECAP_IR | PN_VTD_ECAP_EIM) ^ ecap;
	unit->gsts = gsts;
	looked = 0;
}

static struct pn_pages pages;

static int init(uint32_t entries, bool x2apic, uint32_t apicid)
{
	const struct pn_vtd_drv_config cfg = {
		.irt_entries = entries, .x2apic = x2apic, .fault_apicid = apicid};

	pn_pages_init(&pages, &memory, MEMORY, MEMORY_SIZE);
	memset(drv, 0x5A, sizeof(*drv));
	drv->mmio = (struct pn_mmio){unit, read, write};
	return pn_vtd_drv_init(drv, &cfg, &memory, &pages, self());
}

/* ---- up ---- */

/* The descriptors of a flush in slots @slot and the next. */
static void queued(unsigned slot, uint64_t iec, uint32_t seq, const char *what)
{
	const uint64_t *q = (const uint64_t *)pn_bus_ptr(&memory, unit->iqa, 4096);

	unit_eq(q[slot * 2], iec, what);
	unit_eq(q[slot * 2 + 1], 0, what);
	slot = (slot + 1) & 255;
	unit_eq(q[slot * 2], PN_VTD_D_WAIT | PN_VTD_WAIT_SW | (uint64_t)seq << 32, what);
	unit_eq(q[slot * 2 + 1], drv->status_pa, what);
	unit_eq(*drv->status, seq, what);
}

static void comes_up(uint32_t before, bool x2apic, bool esirtps, unsigned slow)
{
	const uint32_t keeps = before & TE;
	const uint32_t on = keeps | (before & CFI);

	px_doing("a unit comes up");
	fresh(before, esirtps ? PN_VTD_CAP_ESIRTPS : 0, 0);
	unit->slow = slow;
	unit->fsts = PN_VTD_FSTS_IQE | PN_VTD_FSTS_PPF | 1u << PN_VTD_FSTS_FRI_SH;
	unit->record[1][1] = PN_VTD_FR_F | 0x22ull << PN_VTD_FR_REASON_SH;
	unit_eq((unsigned)init(8, x2apic, x2apic ? 0x12345678 : 0x78), 0, "it comes up");
	wrote(PN_VTD_FECTL, PN_VTD_ECTL_IM, "faults are masked first");
	if (before & IRE)
		wrote(PN_VTD_GCMD, before & (TE | CFI | QIE), "remapping off, and nothing else");
	if (before & QIE)
		wrote(PN_VTD_GCMD, on, "the queue off, and nothing else");
	wrote(PN_VTD_FSTS, PN_VTD_FSTS_W1C, "status is cleared");
	wrote(0x238, PN_VTD_FR_F, "the record is cleared");
	wrote(PN_VTD_IQT, 0, "the tail");
	wrote(PN_VTD_IQA, unit->iqa, "the queue's address");
	wrote(PN_VTD_GCMD, on | QIE, "the queue on");
	rig_want(!(unit->iqa & 0xFFF) && pn_bus_ptr(&memory, unit->iqa, 4096) == drv->queue, "P7",
		 "the queue's memory");
	wrote(PN_VTD_IRTA,
	      (uint64_t)((uint8_t *)drv->irt - memory.ram) + MEMORY +
		      (x2apic ? PN_VTD_IRTA_EIME : 0) + 2,
	      "the table's address");
	wrote(PN_VTD_GCMD, on | QIE | SIRTP, "the table is set");
	if (!esirtps) {
		wrote(PN_VTD_IQT, 32, "a global invalidation");
		queued(0, PN_VTD_D_IEC, 1, "a global invalidation");
	}
	wrote(PN_VTD_GCMD, on | QIE | IRE, "remapping on");
	if (before & CFI)
		wrote(PN_VTD_GCMD, keeps | QIE | IRE, "compatibility requests off");
	wrote(PN_VTD_FEDATA, PN_VEC_DMAR_FAULT, "the fault event");
	wrote(PN_VTD_FEADDR, PN_MSI_ADDR_BASE | 0x78u << 12, "the fault event");
	wrote(PN_VTD_FEUADDR, x2apic ? 0x12345600 : 0, "the fault event");
	wrote(PN_VTD_FECTL, 0, "the fault event is unmasked");
	no_more("it comes up");
	rig_want(!drv->faults && !drv->last_fault.reason && drv->pi && drv->x2apic == x2apic &&
			 drv->irt_entries == 8 && drv->cap == unit->cap &&
			 drv->ecap == unit->ecap && !drv->lock.held && !drv->next_index,
		 "P7", "the driver's own fields");
	for (unsigned i = 0; i < 8; i++)
		rig_want(!drv->irt[i].lo && !drv->irt[i].hi, "P7", "a table that is not empty");
}

static void goes_down(void)
{
	px_doing("a unit goes down");
	fresh(0, 0, 0);
	init(2, true, 1);
	unit_eq(unit->irta & PN_VTD_IRTA_S, 0, "a table of two entries");
	unit->n = looked = 0;
	unit->gsts |= TE | SRTP;
	pn_vtd_drv_disable(drv, self());
	wrote(PN_VTD_FECTL, PN_VTD_ECTL_IM, "faults are masked");
	wrote(PN_VTD_GCMD, TE | QIE, "remapping off");
	wrote(PN_VTD_GCMD, TE, "the queue off");
	no_more("a unit that goes down");
	rig_want(!drv->lock.held, "P7", "a lock that is left");
	pn_vtd_drv_disable(drv, self());
	wrote(PN_VTD_FECTL, PN_VTD_ECTL_IM, "faults are masked");
	no_more("a unit that is off");
}

static void refused(int want, uint64_t ecap, uint32_t entries, bool x2apic, uint32_t apicid,
		    const char *what)
{
	px_doing(what);
	fresh(QIE | IRE, 0, ecap);
	unit_eq((unsigned)-init(entries, x2apic, apicid), (unsigned)-want, what);
	if (want == -EINVAL || want == -ENODEV)
		unit_eq(unit->n, 0, what);
	if (want == -ENOMEM)
		unit_eq(unit->gsts & (IRE | QIE), 0, what);
}

static void refusals(void)
{
	refused(-EINVAL, 0, 1, true, 1, "a table of one entry");
	refused(-EINVAL, 0, 12, true, 1, "a table of 12 entries");
	refused(-EINVAL, 0, 1u << 17, true, 1, "a table of 2^17 entries");
	refused(-EINVAL, 0, 8, false, 0x100, "a destination of 9 bits");
	refused(0, 0, 8, false, 0xFF, "a destination of 8 bits");
	refused(-ENODEV, PN_VTD_ECAP_IR, 8, true, 1, "no remapping");
	refused(-ENODEV, PN_VTD_ECAP_QI, 8, true, 1, "no queue");
	refused(-ENODEV, PN_VTD_ECAP_EIM, 8, true, 1, "no x2APIC mode");
	refused(0, PN_VTD_ECAP_EIM, 8, false, 1, "no x2APIC mode, not needed");
	refused(-ENODEV, PN_VTD_ECAP_EIMER, 8, false, 1, "x2APIC mode is required");
	refused(0, PN_VTD_ECAP_EIMER, 8, true, 1, "x2APIC mode is required, and used");
	refused(-ENOMEM, 0, 0, true, 1, "the largest table, no memory");
	unit_eq(drv->irt_entries, 65536, "the largest table");
	refused(-ENOMEM, 0, 2048, true, 1, "a table that does not fit");
}

/* ---- the queue ---- */

#define IEC(index) (PN_VTD_D_IEC | PN_VTD_IEC_INDEX | (uint64_t)(index) << PN_VTD_IEC_IIDX_SH)

static void flushes(void)
{
	uint32_t seq = 1;

	px_doing("invalidations, around the queue");
	fresh(0, 0, 0);
	init(8, true, 1);
	unit->n = looked = 0;
	for (unsigned i = 1; i < 260; i++) {
		const unsigned slot = i * 2 & 255;

		if (i & 1)
			unit_eq((unsigned)pn_vtd_drv_flush(drv, self(), (uint16_t)(i * 257)), 0,
				"a flush");
		else
			unit_eq((unsigned)pn_vtd_drv_flush_all(drv, self()), 0, "a flush");
		wrote(PN_VTD_IQT, (slot + 2) * 16 & 0xFFF, "the tail");
		no_more("a flush");
		queued(slot, i & 1 ? IEC((uint16_t)(i * 257)) : PN_VTD_D_IEC, ++seq, "a flush");
		rig_want(!drv->lock.held, "P7", "a lock that is left");
	}
}

/* A number that goes round; one of a wait that was given up. */
static void numbers(void)
{
	px_doing("numbers of waits");
	drv->seq = 0xFFFFFFFE;
	for (unsigned i = 0; i < 3; i++)
		unit_eq((unsigned)pn_vtd_drv_flush(drv, self(), 1), 0, "a number that goes round");
	unit_eq(*drv->status, 1, "a number that goes round");
	unit->deaf = true;
	*drv->status = 9; /* of a wait that comes later: done */
	unit_eq((unsigned)pn_vtd_drv_flush(drv, self(), 1), 0, "a larger number");
	unit->deaf = false;
	unit->iqt = (uint64_t)drv->tail * 16;
	/* A queue that is nearly full: the head is read again. */
	drv->head = (drv->tail + 2) & 255;
	*drv->status = 0;
	drv->seq = 20;
	unit->full = 3;
	unit->n = looked = 0;
	unit_eq((unsigned)pn_vtd_drv_flush(drv, self(), 3), 0, "a queue with one free slot");
	unit_eq(unit->full, 0, "a queue with one free slot");
	unit_eq(drv->head, drv->tail, "a queue that is empty");
	wrote(PN_VTD_IQT, (uint64_t)drv->tail * 16, "the tail");
	no_more("a queue with one free slot");
}

/* ---- faults ---- */

static void fault(unsigned i, uint8_t reason, uint16_t index, uint16_t sid)
{
	unit->record[i][0] = (uint64_t)index << PN_VTD_FR_INDEX_SH;
	unit->record[i][1] = PN_VTD_FR_F | (uint64_t)reason << PN_VTD_FR_REASON_SH | sid;
}

static void faults(void)
{
	px_doing("the fault event");
	fresh(0, 0, 0);
	init(8, true, 1);
	unit->n = looked = 0;
	unit_eq(pn_vtd_drv_fault_irq(drv, self()), 0, "no fault");
	fault(0, 0x26, 0x8001, 0xFFFE);
	unit_eq(pn_vtd_drv_fault_irq(drv, self()), 0, "a record without PPF");
	no_more("no fault");
	fault(2, 0x22, 2, 3);
	fault(3, 0x24, 4, 5);
	unit->fsts = PN_VTD_FSTS_PPF | PN_VTD_FSTS_PFO | 2u << PN_VTD_FSTS_FRI_SH;
	unit_eq(pn_vtd_drv_fault_irq(drv, self()), 3, "three faults");
	wrote(0x248, PN_VTD_FR_F, "the first fault");
	wrote(0x258, PN_VTD_FR_F, "the second fault");
	wrote(0x228, PN_VTD_FR_F, "the third fault, round");
	wrote(PN_VTD_FSTS, PN_VTD_FSTS_PFO, "the overflow");
	no_more("three faults");
	rig_want(drv->faults == 3 && drv->last_fault.reason == 0x26 &&
			 drv->last_fault.index == 0x8001 && drv->last_fault.sid == 0xFFFE,
		 "P7", "the last fault");
	unit->fsts = PN_VTD_FSTS_PPF;
	fault(1, 0x22, 2, 3);
	unit_eq(pn_vtd_drv_fault_irq(drv, self()), 0, "a record that is not the first");
	no_more("a record that is not the first");
}

/* ---- entries ---- */

static void allocates(void)
{
	px_doing("entries are given out");
	fresh(0, 0, 0);
	init(64, true, 1);
	unit_eq((unsigned)pn_vtd_drv_alloc(drv, 1), 0, "the first");
	unit_eq((unsigned)pn_vtd_drv_alloc(drv, 1), 1, "the second");
	unit_eq((unsigned)pn_vtd_drv_alloc(drv, 3), 4, "a block of three");
	unit_eq((unsigned)pn_vtd_drv_alloc(drv, 2), 8, "a block of two");
	unit_eq((unsigned)pn_vtd_drv_alloc(drv, 1), 10, "one more");
	unit_eq((unsigned)pn_vtd_drv_alloc(drv, 32), 32, "a block of 32");
	unit_eq((unsigned)-pn_vtd_drv_alloc(drv, 1), ENOSPC, "no more");
	unit_eq((unsigned)-pn_vtd_drv_alloc(drv, 0), EINVAL, "none");
	unit_eq((unsigned)-pn_vtd_drv_alloc(drv, 65), EINVAL, "more than there are");
	drv->next_index = 0;
	unit_eq((unsigned)pn_vtd_drv_alloc(drv, 64), 0, "all");
	drv->next_index = 17;
	unit_eq((unsigned)-pn_vtd_drv_alloc(drv, 40), ENOSPC, "a block that does not fit any more");
	unit_eq(drv->next_index, 17, "a block that does not fit any more");
}

static struct pn_vtd_ir *ir;

/* What entry 5 is, and that it was invalidated. */
static void entry(uint64_t lo, uint64_t hi, const char *what)
{
	unit_eq(drv->irt[5].lo, lo, what);
	unit_eq(drv->irt[5].hi, hi, what);
	unit_eq(unit->n, 1, what);
	queued((drv->tail - 2) & 255, IEC(5), drv->seq, what);
	rig_want(!ir->lock.held, "P7", "a lock that is left");
	unit->n = looked = 0;
}

static void untouched(int got, int want, const char *what)
{
	unit_eq((unsigned)-got, (unsigned)-want, what);
	no_more(what);
	rig_want(!ir->lock.held, "P7", "a lock that is left");
}

#define SVT ((uint64_t)PN_SVT_SID << PN_VIRTE_SVT_SH)

static void entries(bool x2apic)
{
	const unsigned sh = x2apic ? 32 : 40;
	const uint64_t remap = 0x44ull << sh | 0x35ull << PN_VIRTE_VECTOR_SH | PN_VIRTE_P;
	uint64_t addr;
	uint32_t data;

	px_doing("an entry's life");
	fresh(0, 0, 0);
	init(8, x2apic, 1);
	unit->n = looked = 0;
	untouched(pn_vtd_ir_init(ir, drv, self(), 8, 0x99, 1, 0x35), -EINVAL, "no such entry");
	untouched(pn_vtd_ir_affinity(ir, self(), 1, 0x35), -EINVAL, "no entry");
	untouched(pn_vtd_ir_post(ir, self(), 64, 0x35, false), -EINVAL, "no entry");
	untouched(pn_vtd_ir_init(ir, drv, self(), 7, 0x99, 1, 15), -EINVAL, "a vector below 16");
	if (!x2apic)
		untouched(pn_vtd_ir_init(ir, drv, self(), 7, 0x99, 0x100, 16), -EINVAL, "9 bits");
	unit_eq((unsigned)pn_vtd_ir_init(ir, drv, self(), 5, 0x99, 0x44, 0x35), 0, "an entry");
	entry(remap, SVT | 0x99, "an entry");
	rig_want(ir->host.node.next == &ir->host.node && !ir->host.vcpu && !ir->posted, "P7",
		 "an entry's handle");
	pn_vtd_ir_msi(ir, &addr, &data);
	rig_want(addr == 0xFEE000B8 && !data, "P7", "an entry's message");
	untouched(pn_vtd_ir_remap(ir, self()), 0, "an entry that does not post");
	unit_eq((unsigned)pn_vtd_ir_affinity(ir, self(), 0x45, 16), 0, "affinity");
	entry(0x45ull << sh | 16ull << 16 | PN_VIRTE_P, SVT | 0x99, "affinity");
	untouched(pn_vtd_ir_affinity(ir, self(), 1, 15), -EINVAL, "a vector below 16");
	untouched(pn_vtd_ir_post(ir, self(), 32, 0x35, false), -EINVAL,
		  "a descriptor, not aligned");
	drv->pi = false;
	untouched(pn_vtd_ir_post(ir, self(), 64, 0x35, false), -ENODEV, "no posting");
	drv->pi = true;
	unit_eq((unsigned)pn_vtd_ir_post(ir, self(), 0x123456789040ull, 0x41, true), 0, "posted");
	entry(0x5678904000000000ull | 0x41ull << 16 | PN_VIRTE_IM | PN_VIRTE_URG | PN_VIRTE_P,
	      0x0000123400000000ull | SVT | 0x99, "posted");
	untouched(pn_vtd_ir_affinity(ir, self(), 0x46, 0x55), 0, "affinity while posted");
	unit_eq((unsigned)pn_vtd_ir_post(ir, self(), 0x80, 0x42, false), 0, "posted elsewhere");
	entry(0x80ull << 32 | 0x42ull << 16 | PN_VIRTE_IM | PN_VIRTE_P, SVT | 0x99, "elsewhere");
	unit_eq((unsigned)pn_vtd_ir_remap(ir, self()), 0, "remapped again");
	entry(0x46ull << sh | 0x55ull << 16 | PN_VIRTE_P, SVT | 0x99, "remapped again");
	rig_want(!drv->irt[4].lo && !drv->irt[6].lo && !drv->irt[4].hi && !drv->irt[6].hi, "P7",
		 "the entries beside it");
}

static void drives(void *arg)
{
	(void)arg;
	comes_up(0, true, false, 0);
	comes_up(0, false, true, 0);
	comes_up(QIE | IRE | CFI | TE | SRTP | SIRTP, true, false, 0);
	comes_up(QIE | IRE | SIRTP, true, false, 3);
	comes_up(IRE | CFI, false, false, 1);
	comes_up(QIE, true, true, 2);
	goes_down();
	refusals();
	flushes();
	numbers();
	faults();
	allocates();
	entries(true);
	entries(false);
}

void intel_drives(bool broken)
{
	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true, .no_unit = true});
	unit = px_alloc(sizeof(*unit), 64);
	drv = px_alloc(sizeof(*drv), 64);
	ir = px_alloc(sizeof(*ir), 64);
	memory = (struct pn_bus){
		.ram = px_alloc(MEMORY_SIZE, 4096), .ram_base = MEMORY, .ram_size = MEMORY_SIZE};
	px_thread("CPU 0", 0, drives, NULL);
}
