/* SPDX-License-Identifier: MIT */
/*
 * Cases of one agent about the remapping unit on Intel: requests that no entry is asked for,
 * descriptors that are refused, a queue that stops, units that do not answer their driver.
 */
#include <errno.h>

#include "cases_intel.h"
#include "postern/vtd_regs.h"
#include "vectors.h"

#define TABLE_TOP 0xFFFFFFFFFFFFF000ull

/* Units besides the machine's own, built before the exploration. */
static struct pn_vtd **extra;

enum { BLOCKS_WHEN_OFF, AT_THE_TOP, WATCHES, EXTRAS };

static uint64_t reg(const struct pn_vtd *v, uint32_t off, unsigned size)
{
	uint64_t value = 0;

	pn_vtd_read((struct pn_vtd *)(uintptr_t)v, off, size, &value);
	return value;
}

void intel_extra_units(void)
{
	struct pn_vtd_config hw;

	extra = px_alloc(EXTRAS * sizeof(*extra), 8);
	for (unsigned i = 0; i < EXTRAS; i++) {
		pn_vtd_config_default(&hw);
		hw.bus = &intel->bus;
		hw.agent = &intel->agent;
		hw.irte_cache = RIG_IRS;
		if (i == BLOCKS_WHEN_OFF) {
			hw.ecap |= PN_VTD_ECAP_IRREQ;
			hw.version = 0x61;
		}
		if (i == AT_THE_TOP)
			hw.haw = 64;
		hw.poison_stale = i == WATCHES;
		pn_vtd_create(&hw, &extra[i]);
	}
}

/* The first fault record of @v, and it is clear again; 0: none. */
static uint8_t reason_of(struct pn_vtd *v)
{
	const uint64_t cap = reg(v, PN_VTD_CAP, 8);
	const uint32_t at =
		(uint32_t)((cap & PN_VTD_CAP_FRO) >> PN_VTD_CAP_FRO_SH) * 16 +
		(uint32_t)((reg(v, PN_VTD_FSTS, 4) & PN_VTD_FSTS_FRI) >> PN_VTD_FSTS_FRI_SH) *
			PN_VTD_FR_SIZE;
	const uint64_t hi = reg(v, at + 8, 8);

	pn_vtd_write(v, at + 8, 8, PN_VTD_FR_F);
	return hi & PN_VTD_FR_F ? (uint8_t)(hi >> PN_VTD_FR_REASON_SH) : 0;
}

static bool blocks(struct pn_vtd *v, struct pn_msi msi, uint8_t reason)
{
	return pn_vtd_msi(v, &msi) == PN_MSI_ABORTED && reason_of(v) == reason;
}

static struct pn_msi request(uint16_t index)
{
	struct pn_msi msi = {.devid = RIG_DEVID};

	pn_vtd_msi_encode(index, 0, &msi.addr, &msi.data);
	return msi;
}

static enum pn_msi_result ask(struct pn_vtd *v, uint16_t index)
{
	const struct pn_msi msi = request(index);

	return pn_vtd_msi(v, &msi);
}

static void set_table(struct pn_vtd *v, uint64_t irta)
{
	pn_vtd_write(v, PN_VTD_IRTA, 8, irta);
	pn_vtd_write(v, PN_VTD_GCMD, 4, PN_VTD_G_SIRTP);
	pn_vtd_write(v, PN_VTD_GCMD, 4, PN_VTD_G_IRE);
}

/* ---- requests ---- */

static void without_entry(void)
{
	struct pn_vtd *v = intel->vtd, *off = extra[BLOCKS_WHEN_OFF], *top = extra[AT_THE_TOP];
	struct pn_msi msi = request(3);

	px_doing("requests that no entry is asked for");
	rig_want(reg(v, PN_VTD_VER, 4) == 0x50 && reg(off, PN_VTD_VER, 4) == 0x61, "P7",
		 "the version");
	msi.malformed = true;
	rig_want(blocks(v, msi, PN_VTD_FAULT_MALFORMED), "P7", "no write of four aligned bytes");
	msi.malformed = false;
	rig_want(blocks(off, msi, PN_VTD_FAULT_IRREQ), "P7",
		 "remapping is off, and ECAP.IRREQ blocks");
	set_table(top, TABLE_TOP | 15);
	rig_want(blocks(top, request(300), PN_VTD_FAULT_INDEX), "P7",
		 "an entry behind the last address");
}

/* Reserved bits of a descriptor, and of the entry's form: 28h, and nothing is posted. */
static void reserved_bits(void)
{
	struct pn_pid *pid = intel->pcpu[0].pid;
	const uint64_t control = pid->control;

	px_doing("vectors that cannot be posted to the host; descriptors with reserved bits");
	rig_want(pn_pmsi_attach(&intel->pmsi, &intel->ir[2], rig->cpu[0].agent, &rig->cpu[0],
				0x1F) == -EINVAL &&
			 pn_pmsi_attach(&intel->pmsi, &intel->ir[2], rig->cpu[0].agent,
					&rig->cpu[0], PN_VEC_POSTED_MSI) == -EINVAL,
		 "P7", "the vector of an exception, or the notification's own");
	pn_vtd_ir_post(&intel->ir[2], rig->cpu[0].agent, intel->pcpu[0].pid_pa, LOW, false);
	for (unsigned i = 0; i < 4; i++) {
		if (i < 3)
			pid->rsvd[i] = 1ull << (20 * i + 1);
		else
			pid->control = control | PN_PID_CTL_RSV;
		rig_want(blocks(intel->vtd, request(intel->ir[2].index), PN_VTD_FAULT_PID_RSV) &&
				 !(pid->pir[LOW / 64] >> LOW % 64 & 1),
			 "P7", "a descriptor with a reserved bit is posted to");
		if (i < 3)
			pid->rsvd[i] = 0;
		pid->control = control;
	}
	rig_want(ask(intel->vtd, intel->ir[2].index) == PN_MSI_POSTED &&
			 pid->pir[LOW / 64] >> LOW % 64 & 1,
		 "P7", "a good descriptor is not posted to");
}

/* A unit that watches its cached entries: what software may change, and what not. */
static void watches(void)
{
	struct pn_vtd *v = extra[WATCHES];
	uint64_t pa = 0;
	struct pn_virte_raw *e = pn_pages_alloc(&rig->pages, 4096, 4096, &pa);

	px_doing("a cached entry, and memory that says something else");
	if (!e) {
		rig_want(false, "P7", "no memory");
		return;
	}
	e[0] = (struct pn_virte_raw){.lo = PN_VIRTE_P | 0x41ull << PN_VIRTE_VECTOR_SH,
				     .hi = (uint64_t)PN_SVT_SID << PN_VIRTE_SVT_SH | RIG_DEVID};
	set_table(v, pa | PN_VTD_IRTA_EIME | 2);
	rig_want(ask(v, 0) == PN_MSI_REMAPPED, "P7", "an entry is not used");
	e[0].lo |= PN_VIRTE_AVAIL;
	rig_want(ask(v, 0) == PN_MSI_REMAPPED, "P7", "bits for software count as a change");
	e[0].lo |= PN_VIRTE_FPD;
	rig_want(blocks(v, request(0), PN_VTD_FAULT_TABLE), "P7",
		 "a change without invalidation is not seen");
	e[0].lo ^= PN_VIRTE_FPD | PN_VIRTE_IM;
	rig_want(blocks(v, request(0), PN_VTD_FAULT_TABLE), "P7",
		 "another form without invalidation is not seen");
}

/* ---- the queue ---- */

static const struct {
	const char *name;
	uint64_t q0, q1;
	uint32_t tail;
	uint8_t error; /* IQEI; 0: it is executed */
} queued[] = {
	{"all entries", PN_VTD_D_IEC, 0, 16, 0},
	{"an unknown type", 0xF, 0, 16, PN_VTD_IQEI_TYPE},
	{"reserved bits of an entry's invalidation", PN_VTD_D_IEC | 1ull << 5, 0, 16,
	 PN_VTD_IQEI_RESERVED},
	{"upper half of an entry's invalidation", PN_VTD_D_IEC, 1, 16, PN_VTD_IQEI_RESERVED},
	{"reserved bits of a wait", PN_VTD_D_WAIT | 1ull << 20, 0, 16, PN_VTD_IQEI_RESERVED},
	{"the address of a wait, odd", PN_VTD_D_WAIT, 1, 16, PN_VTD_IQEI_RESERVED},
	{"contexts", PN_VTD_D_CONTEXT | 1u << 4, 0, 16, 0},
	{"contexts, granularity 0", PN_VTD_D_CONTEXT, 0, 16, PN_VTD_IQEI_RESERVED},
	{"reserved bits of contexts", PN_VTD_D_CONTEXT | 1u << 4 | 1u << 6, 0, 16,
	 PN_VTD_IQEI_RESERVED},
	{"upper half of contexts", PN_VTD_D_CONTEXT | 1u << 4, 1, 16, PN_VTD_IQEI_RESERVED},
	{"translations", PN_VTD_D_IOTLB | 1u << 4, 0, 16, 0},
	{"reserved bits of translations", PN_VTD_D_IOTLB | 1u << 4, 1u << 7, 16,
	 PN_VTD_IQEI_RESERVED},
	{"a tail behind the queue", PN_VTD_D_IEC, 0, 4096, PN_VTD_IQEI_TAIL},
};

static void one_descriptor(unsigned i, uint64_t *queue, uint64_t pa)
{
	struct pn_vtd *v = extra[WATCHES];
	uint32_t want_head = queued[i].error ? 0 : 16;

	px_doing(queued[i].name);
	queue[0] = queued[i].q0;
	queue[1] = queued[i].q1;
	pn_vtd_write(v, PN_VTD_IQT, 8, 0);
	pn_vtd_write(v, PN_VTD_IQA, 8, pa);
	pn_vtd_write(v, PN_VTD_GCMD, 4, PN_VTD_G_QIE);
	pn_vtd_write(v, PN_VTD_IQT, 8, queued[i].tail);
	rig_want(!(reg(v, PN_VTD_FSTS, 4) & PN_VTD_FSTS_IQE) == !queued[i].error, "P7",
		 queued[i].name);
	rig_want(reg(v, PN_VTD_IQH, 8) == want_head, "P7",
		 "the head is not where the queue stopped");
	if (queued[i].error)
		rig_want((reg(v, PN_VTD_IQER, 8) & PN_VTD_IQER_IQEI) == queued[i].error, "P7",
			 queued[i].name);
	pn_vtd_write(v, PN_VTD_GCMD, 4, 0);
	pn_vtd_write(v, PN_VTD_FSTS, 4, PN_VTD_FSTS_W1C);
}

static void descriptors(void)
{
	uint64_t pa = 0, *queue = pn_pages_alloc(&rig->pages, 4096, 4096, &pa);

	if (!queue) {
		rig_want(false, "P7", "no memory");
		return;
	}
	pn_vtd_write(extra[WATCHES], PN_VTD_GCMD, 4, 0);
	for (unsigned i = 0; i < sizeof(queued) / sizeof(queued[0]); i++)
		one_descriptor(i, queue, pa);
}

void intel_unit_edges(void)
{
	without_entry();
	reserved_bits();
	watches();
	descriptors();
}
