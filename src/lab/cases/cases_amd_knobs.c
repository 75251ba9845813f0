/* SPDX-License-Identifier: MIT */
/*
 * One IOMMU alone on AMD, made with each of its knobs: every way in which a request ends, with the
 * whole event that is logged; sizes of the log; what a configuration may not be.
 */
#include <errno.h>

#include "case_setup.h"
#include "postern/amd_log.h"
#include "solo_amd.h"

#define CMDS   SOLO_AT(0)
#define EVENTS SOLO_AT(1)
#define GALOG  SOLO_AT(2)
#define SHADOW SOLO_AT(3)
#define DEVTAB SOLO_AT(4) /* one page */
#define IRT    SOLO_AT(5) /* 256 entries, and 256 more */
#define VAPIC  SOLO_AT(7)
#define ABSENT (SOLO_PA + SOLO_SIZE)

#define DEV	 5u
#define LEN(n)	 ((uint64_t)(n) << 56)
#define I	 (1ull << 51)
#define PR	 (1ull << 52)
#define RZ	 (1ull << 55)
#define MASTER	 (1ull << 57)
#define EVENT(n) ((uint64_t)(n) << 60)
#define CTRL                                                                                       \
	(PN_CTRL_IOMMUEN | PN_CTRL_EVENTLOGEN | PN_CTRL_CMDBUFEN | PN_CTRL_GAEN |                  \
	 PN_CTRL_GAMEN_VAPIC | PN_CTRL_GALOGEN | PN_CTRL_GAINTEN | PN_CTRL_XTEN |                  \
	 PN_CTRL_INTCAPXTEN)
#define GUEST	0x81ull /* GuestMode, RemapEn */
#define RUNNING 0x40ull
#define QUIET	0x20ull /* GAPPIDis */
#define ASKS	0x04ull /* GALogIntr */

enum which {
	PLAIN,
	EARLY,	 /* volatile_fetch */
	DEDUP,	 /* galog_dedup */
	WORD,	 /* gappi_emptiness */
	ALWAYS,	 /* gappi_emptiness */
	REMAPS,	 /* guestmode_off */
	INVALID, /* intctl00_event, fault_address */
	EACH,	 /* galog_interrupt */
	W1C,	 /* overflow_restart */
	SHORT,	 /* galog_len_max 8, galog_ptr_mask FF8h */
	TINY,	 /* galog_ring 2 */
	LOOSE,	 /* knobs that would lead outside a ring */
	BARE,	 /* no GAPPIDis, no 2048 entries, no XT */
	LATER,	 /* async_commands, async_stop */
	POISON,	 /* poison_stale */
	PEER,	 /* of PLAIN */
	NR
};

static struct pn_amdvi *all[NR], *vi;
static bool is_broken;

static uint64_t rd(uint32_t off)
{
	uint64_t v;

	pn_amdvi_read(vi, off, 8, &v);
	return v;
}

static void wr(uint32_t off, uint64_t v)
{
	pn_amdvi_write(vi, off, 8, v);
}

static void command(uint64_t q0, uint64_t q1)
{
	uint64_t tail = rd(PN_AMDVI_CMD_TAIL);

	solo_st64(CMDS + tail, q0);
	solo_st64(CMDS + tail + 8, q1);
	wr(PN_AMDVI_CMD_TAIL, (tail + 16) & 0xFFF);
	pn_amdvi_commands(vi, 1);
}

static void flush(void)
{
	command(8ull << 60, 0);
}

static void clear_irr(void)
{
	for (unsigned w = 0; w < 8; w++)
		solo_st32(VAPIC + 0x200 + 16 * w, 0);
}

static void start(enum which which)
{
	vi = all[which];
	for (uint64_t pa = CMDS; pa < DEVTAB; pa += 8)
		if (solo_ld64(pa))
			solo_st64(pa, 0);
	clear_irr();
	wr(PN_AMDVI_CONTROL, 0);
	wr(PN_AMDVI_STATUS, ~0ull);
	wr(PN_AMDVI_DEVTAB, DEVTAB);
	wr(PN_AMDVI_CMDBUF, CMDS | LEN(8));
	wr(PN_AMDVI_EVTLOG, EVENTS | LEN(8));
	wr(PN_AMDVI_GALOG, GALOG | LEN(8));
	wr(PN_AMDVI_GALOG_TAIL_ADDR, SHADOW);
	wr(PN_AMDVI_XT_GA, 0x72ull << 32 | 5 << 8);
	wr(PN_AMDVI_CONTROL, CTRL);
	solo->intrs = solo->bells = 0;
}

static void dte(uint64_t q)
{
	solo_st64(DEVTAB + DEV * 32 + 16, q);
}

/* Remapped, 2^9 entries. */
#define GOOD (1ull | 9 << 1 | 2ull << 60 | IRT)

static void irte(unsigned index, uint64_t lo, uint64_t hi)
{
	solo_st64(IRT + 16 * index, lo);
	solo_st64(IRT + 16 * index + 8, hi);
}

static enum pn_msi_result send(const struct pn_msi *m)
{
	solo->intrs = solo->bells = 0;
	return pn_amdvi_msi(vi, m);
}

static enum pn_msi_result ask(uint32_t data)
{
	return send(&(struct pn_msi){.addr = 0xFEE12344, .data = data, .devid = DEV});
}

/* Aborted, with this event; 0: none. */
static void aborts(const struct pn_msi *m, uint64_t q0, uint64_t q1, const char *what)
{
	uint64_t tail = rd(PN_AMDVI_EVT_TAIL);

	rig_want(send(m) == PN_MSI_ABORTED && !solo->intrs && !solo->bells, "P7", what);
	rig_want(rd(PN_AMDVI_EVT_TAIL) == (q0 ? (tail + 16) & 0xFFF : tail), "P7", what);
	if (q0)
		rig_want(solo_ld64(EVENTS + tail) == q0 && solo_ld64(EVENTS + tail + 8) == q1, "P7",
			 what);
}

static void refused(uint32_t data, uint64_t q0, uint64_t q1, const char *what)
{
	aborts(&(struct pn_msi){.addr = 0xFEE12344, .data = data, .devid = DEV}, q0 ? q0 | DEV : 0,
	       q1, what);
}

/* A message reaches the processors as this. */
static void passes(uint32_t data, enum pn_msi_result how, struct pn_intr want, const char *what)
{
	rig_want(ask(data) == how && solo->intrs == 1 && solo->intr.dest == want.dest &&
			 solo->intr.vector == want.vector && solo->intr.mode == want.mode &&
			 solo->intr.logical == want.logical && solo->intr.level == want.level,
		 "P7", what);
}

/* ---- by the device table ---- */

static void forwards(uint32_t data, const char *what)
{
	struct pn_intr m = {.dest = 0x12,
			    .vector = (uint8_t)data,
			    .mode = data >> 8 & 7,
			    .logical = true,
			    .level = data >> 15};

	passes(data, PN_MSI_FORWARDED, m, what);
}

static void device_table(void)
{
	static const struct {
		uint64_t q, flags;
	} illegal[] = {
		{GOOD | 1ull << 52, RZ},
		{GOOD | 1ull << 53, RZ},
		{GOOD | 0x40, RZ},
		{GOOD | 1ull << 60, 0},
		{(GOOD & ~0x1Eull) | 12 << 1, 0},
		{GOOD | 0x20 | 1ull << 60, 0},
	};

	start(PLAIN);
	for (unsigned i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++) {
		dte(illegal[i].q);
		refused(3, EVENT(1) | I | illegal[i].flags, 0xFEE12344, "an illegal entry");
	}
	dte(GOOD & ~1ull); /* IV = 0: nothing else counts, and no error stays in the cache */
	forwards(0x31, "an entry without IV");
	flush();
	dte(GOOD | 7ull << 56);
	irte(3, 1 | 1 << 8, 0x71);
	irte(0x1FF, 1 | 2 << 8, 0x72);
	passes(3, PN_MSI_REMAPPED, (struct pn_intr){.dest = 1, .vector = 0x71}, "an entry");
	passes(0x1FF, PN_MSI_REMAPPED, (struct pn_intr){.dest = 2, .vector = 0x72}, "the last");
	passes(0xF803, PN_MSI_REMAPPED, (struct pn_intr){.dest = 1, .vector = 0x71},
	       "data beyond the index counts");
	forwards(0x400, "an NMI that passes");
	forwards(0x8531, "an INIT that passes");
	forwards(0x700, "an ExtINT that passes");
	refused(0x200, EVENT(2) | I, 0xFEE12344, "an SMI");
	refused(0x300, EVENT(2) | I, 0xFEE12344, "a reserved type");
	refused(0x600, EVENT(2) | I, 0xFEE12344, "a reserved type");
	flush();
	for (unsigned bit = 56; bit < 59; bit++) {
		dte((GOOD | 7ull << 56) & ~(1ull << bit));
		flush();
		refused(bit == 58   ? 0x400
			: bit == 56 ? 0x500
				    : 0x700,
			EVENT(2) | I, 0xFEE12344, "a type that may not pass");
	}
	dte(GOOD | 0x20);
	flush();
	refused(0x400, 0, 0, "an event although IG = 1");
	dte((GOOD & ~0x1Eull) | 2 << 1);
	flush();
	passes(3, PN_MSI_REMAPPED, (struct pn_intr){.dest = 1, .vector = 0x71}, "the last of four");
	refused(4, EVENT(2) | I, 0xFEE12344, "an index beyond the table");
	dte(GOOD & ~(3ull << 60));
	flush();
	refused(3, EVENT(2) | I, 0xFEE12344, "IntCtl = 00b");
	dte((GOOD & ~(3ull << 60)) | 0x20);
	flush();
	refused(3, 0, 0, "IntCtl = 00b with IG");
	dte((GOOD & ~(3ull << 60)) | 1ull << 60);
	flush();
	forwards(0x31, "IntCtl = 01b");
	refused(0x231, EVENT(2) | I, 0xFEE12344, "IntCtl = 01b forwards an SMI");
}

static void elsewhere(void)
{
	struct pn_msi m = {
		.addr = 0xFEE12344, .data = 3, .devid = DEV, .has_pasid = true, .pasid = 0xABCDE};

	start(PLAIN);
	dte(GOOD);
	aborts(&m, EVENT(2) | I | 1ull << 48 | 0xBCDEull << 32 | 0xAull << 16 | DEV, 0xFEE12344,
	       "a request with a PASID");
	dte(GOOD | 0x20);
	flush();
	aborts(&m, 0, 0, "a PASID with IG");
	dte((GOOD | 0x20) & ~1ull);
	flush();
	aborts(&m, EVENT(2) | I | 1ull << 48 | 0xBCDEull << 32 | 0xAull << 16 | DEV, 0xFEE12344,
	       "a PASID without IV: IG does not count");
	m = (struct pn_msi){.addr = 0xFEE12344, .devid = 127};
	rig_want(send(&m) == PN_MSI_FORWARDED, "P7", "the last device of the table");
	m.devid = 128;
	aborts(&m, EVENT(1) | I | 128, 0xFEE12344, "a device beyond the table");
	m = (struct pn_msi){.addr = 0x1000, .devid = DEV};
	aborts(&m, 0, 0, "no interrupt request at all");
	m.addr = 0x1FEE00000;
	aborts(&m, 0, 0, "an address above 4 GiB");
	flush();
	solo->hole = 5;
	refused(3, EVENT(3) | I | MASTER, DEVTAB + DEV * 32, "a device table without memory");
	solo->hole = 0;
	dte(GOOD);
	flush();
	solo->hole = 6;
	refused(7, EVENT(4) | I | MASTER, IRT + 7 * 16, "a table without memory");
	solo->hole = 0;
	irte(7, GUEST, ABSENT | 0x41);
	flush();
	refused(7, EVENT(4) | I | MASTER, ABSENT, "a vAPIC page without memory");
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_IOMMUEN);
	forwards(0x8531, "an IOMMU that is off");
}

/* ---- by the entry ---- */

static void remap_forms(void)
{
	start(PLAIN);
	dte(GOOD);
	irte(0, 0x65 | 0xA1B2C3ull << 8, 0x91 | 0xD4ull << 56);
	irte(1, 1 | 7 << 8, 0x92);
	irte(2, 0x21 | 7 << 8, 0x93);
	irte(3, 0x41 | 7 << 8, 0x94);
	irte(4, 0, 0x95);
	irte(5, 2, 0x95);
	irte(6, 9, 0x95);
	irte(7, 11, 0x95);
	irte(8, 1 | 1ull << 40, 0x95);
	irte(9, GUEST | 8, VAPIC | 0x41);
	passes(0, PN_MSI_REMAPPED,
	       (struct pn_intr){.dest = 0xD4A1B2C3,
				.vector = 0x91,
				.mode = PN_DM_LOWEST,
				.logical = true,
				.level = true},
	       "an entry with all flags");
	passes(1, PN_MSI_REMAPPED, (struct pn_intr){.dest = 7, .vector = 0x92}, "none");
	passes(2, PN_MSI_REMAPPED, (struct pn_intr){.dest = 7, .vector = 0x93, .level = true},
	       "RqEoi");
	passes(3, PN_MSI_REMAPPED, (struct pn_intr){.dest = 7, .vector = 0x94, .logical = true},
	       "DM");
	refused(4, EVENT(2) | I, 0xFEE12344, "an entry without RemapEn");
	refused(5, 0, 0, "an entry that suppresses its faults");
	refused(6, EVENT(2) | I | PR | RZ, 0xFEE12344, "a reserved IntType");
	refused(7, 0, 0, "an illegal entry that suppresses its faults");
	refused(8, EVENT(2) | I | PR | RZ, 0xFEE12344, "a reserved bit");
	refused(9, EVENT(2) | I | PR | RZ, 0xFEE12344, "a reserved bit of the guest form");
	irte(6, 1 | 3 << 8, 0x96);
	passes(6, PN_MSI_REMAPPED, (struct pn_intr){.dest = 3, .vector = 0x96},
	       "an illegal entry stays in the cache");
	irte(4, 1 | 3 << 8, 0x97);
	refused(4, EVENT(2) | I, 0xFEE12344, "an absent entry is cached");
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_XTEN);
	irte(0, 1 | 0xA1 << 8, 0x91);
	irte(1, 1 | 0x1A1 << 8, 0x91);
	irte(2, GUEST | RUNNING | 0xA2 << 8, VAPIC | 0x41);
	passes(0, PN_MSI_REMAPPED, (struct pn_intr){.dest = 0xA1, .vector = 0x91}, "no XTEn");
	refused(1, EVENT(2) | I | PR | RZ, 0xFEE12344, "9 bits without XTEn");
	rig_want(ask(2) == PN_MSI_POSTED && solo->bell == 0xA2, "P4", "a doorbell without XTEn");
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GAMEN_VAPIC);
	refused(2, EVENT(2) | I | PR | RZ, 0xFEE12344, "guest form while GAMEn is off");
}

static void short_forms(void)
{
	start(PLAIN);
	wr(PN_AMDVI_CONTROL, CTRL & ~(PN_CTRL_GAEN | PN_CTRL_GAMEN_VAPIC));
	dte(GOOD | 0x40);
	solo_st32(IRT + 0x40 + 4 * 9, 0x00918865);
	solo_st32(IRT + 0x40 + 4 * 10, 0x00928881);
	solo_st32(IRT + 0x40 + 4 * 11, 0x00928800);
	passes(9, PN_MSI_REMAPPED,
	       (struct pn_intr){.dest = 0x88,
				.vector = 0x91,
				.mode = PN_DM_LOWEST,
				.logical = true,
				.level = true},
	       "a 32-bit entry");
	refused(10, EVENT(2) | I | PR | RZ, 0xFEE12344, "guest form in 32 bits");
	refused(11, EVENT(2) | I, 0xFEE12344, "a 32-bit entry without RemapEn");
	solo_st32(IRT + 0x40 + 4 * 11, 0x01928801);
	flush();
	refused(11, EVENT(2) | I | PR | RZ, 0xFEE12344, "a reserved bit of 32 bits");
	solo_st32(IRT + 0x40 + 4 * 11, 0x00928809);
	refused(11, EVENT(2) | I | PR | RZ, 0xFEE12344, "a reserved IntType of 32 bits");
	solo_st32(IRT + 0x40 + 4 * 11, 0x00928802);
	refused(11, 0, 0, "a 32-bit entry that suppresses its faults");
	solo->hole = 6;
	flush();
	refused(9, EVENT(4) | I | MASTER, IRT + 0x40 + 4 * 9, "a table without memory");
	solo->hole = 0;
	wr(PN_AMDVI_CONTROL, CTRL);
	refused(9, EVENT(1) | I | RZ, 0xFEE12344, "a root that GAEn does not allow");
	/* 2048 entries. */
	wr(PN_AMDVI_CONTROL, CTRL | 1ull << 43);
	dte(1ull | 11 << 1 | 2ull << 60 | SOLO_AT(8));
	solo_st64(SOLO_AT(8) + 16 * 0x7FF, 1 | 6 << 8);
	solo_st64(SOLO_AT(8) + 16 * 0x7FF + 8, 0x99);
	flush();
	passes(0x7FF, PN_MSI_REMAPPED, (struct pn_intr){.dest = 6, .vector = 0x99},
	       "the last of 2048 entries");
	passes(0xFFFF, PN_MSI_REMAPPED, (struct pn_intr){.dest = 6, .vector = 0x99},
	       "an index has 11 bits");
}

/* ---- posts ---- */

#define TAG(n) ((uint64_t)(n) << 32)

static void has(uint8_t vector, const char *what)
{
	for (unsigned w = 0; w < 8; w++)
		rig_want(solo_ld32(VAPIC + 0x200 + 16 * w) ==
				 (vector / 32 == w ? 1u << vector % 32 : 0),
			 "P4", what);
}

static void quiet(unsigned index, const char *what)
{
	uint64_t tail = rd(PN_AMDVI_GA_TAIL);

	rig_want(ask(index) == PN_MSI_POSTED && !solo->intrs && !solo->bells &&
			 rd(PN_AMDVI_GA_TAIL) == tail,
		 "P5", what);
}

static void logs(unsigned index, uint32_t tag, bool interrupts, const char *what)
{
	uint64_t tail = rd(PN_AMDVI_GA_TAIL);

	rig_want(ask(index) == PN_MSI_POSTED && !solo->bells && solo->intrs == interrupts, "P1",
		 what);
	rig_want(solo_ld64(GALOG + tail) == (1ull << 60 | (uint64_t)DEV << 32 | tag) &&
			 rd(PN_AMDVI_GA_TAIL) != tail && solo_ld64(SHADOW) == rd(PN_AMDVI_GA_TAIL),
		 "P1", what);
}

static void notifies(unsigned index, uint8_t vector, uint32_t dest, const char *what)
{
	rig_want(ask(index) == PN_MSI_POSTED && !solo->bells && solo->intrs == 1 &&
			 solo->intr.vector == vector && solo->intr.dest == dest &&
			 solo->intr.mode == PN_DM_FIXED && !solo->intr.logical && !solo->intr.level,
		 "P1", what);
}

static void guest_entries(void)
{
	dte(GOOD);
	irte(0, GUEST | RUNNING | 0x030201ull << 8, VAPIC | 0x41 | 4ull << 56);
	irte(1, GUEST | ASKS | TAG(0x00ABCDEF), VAPIC | 0xF1);
	irte(2, GUEST | TAG(0x99) | 6 << 8, VAPIC | 0x22);
	irte(3, GUEST | QUIET | TAG(0x99) | 6 << 8, VAPIC | 0x22);
}

static void posts(void)
{
	start(PLAIN);
	guest_entries();
	for (unsigned v = 16; v < 256; v += 21) {
		irte(4, GUEST | RUNNING | 1 << 8, VAPIC | v);
		flush();
		ask(4);
		has((uint8_t)v, "a post sets another bit");
		clear_irr();
	}
	rig_want(ask(0) == PN_MSI_POSTED && solo->bells == 1 && solo->bell == 0x04030201 &&
			 !solo->intrs,
		 "P1", "a doorbell to the CPU that runs the vCPU");
	has(0x41, "a post");
	clear_irr();
	logs(1, 0x00ABCDEF, true, "an entry of the log, and its interrupt");
	logs(1, 0x00ABCDEF, false, "an entry although the bit is set; GAInt is, too");
	quiet(2, "a vCPU that asks for nothing");
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	quiet(1, "an entry of a log that is off");
	wr(PN_AMDVI_CONTROL, CTRL);
	clear_irr();
	/* What is never cached: the others are. */
	irte(0, GUEST | 9 << 8, VAPIC | 0x42);
	quiet(0, "IsRun is cached");
	has(0x41, "the vector is not cached");
	irte(0, GUEST | RUNNING | 9 << 8, VAPIC | 0x42);
	rig_want(ask(0) == PN_MSI_POSTED && solo->bell == 9, "P1", "Destination is cached");
	irte(0, GUEST | ASKS | TAG(7), VAPIC | 0x42);
	logs(0, 7, false, "GATag or GALogIntr is cached");
	clear_irr();
	wr(PN_AMDVI_CONTROL, (CTRL & ~PN_CTRL_GALOGEN) | PN_CTRL_GAPPIEN);
	notifies(2, 0x99, 6, "a GAPPI of an empty IRR");
	quiet(2, "a GAPPI although the bit is set");
	solo_st32(VAPIC + 0x210, 0);
	solo_st32(VAPIC + 0x270, 1);
	quiet(2, "a GAPPI although another vector is pending");
	clear_irr();
	quiet(3, "a GAPPI although GAPPIDis = 1");
	has(0x22, "a post without a notification");
	irte(3, GUEST | TAG(0x98) | 4 << 8, VAPIC | 0x22);
	clear_irr();
	notifies(3, 0x98, 4, "GAPPIDis is cached");
}

static void peers(void)
{
	start(PEER);
	dte(GOOD);
	irte(2, GUEST | TAG(0x99) | 6 << 8, VAPIC | 0x22);
	wr(PN_AMDVI_CONTROL, (CTRL & ~PN_CTRL_GALOGEN) | PN_CTRL_GAPPIEN);
	notifies(2, 0x99, 6, "a GAPPI of the second IOMMU");
	solo_st32(VAPIC + 0x210, 0);
	solo_st32(VAPIC + 0x250, 1);
	quiet(2, "a GAPPI of the second IOMMU, although another vector is pending");
	/* It goes, and what the two share stays. */
	pn_amdvi_destroy(vi);
	pn_amdvi_destroy(NULL);
	start(PLAIN);
	flush();
	wr(PN_AMDVI_CONTROL, (CTRL & ~PN_CTRL_GALOGEN) | PN_CTRL_GAPPIEN);
	notifies(2, 0x99, 6, "a GAPPI of the first IOMMU");
}

/* ---- knobs ---- */

static void knobs_of_posts(void)
{
	start(DEDUP);
	guest_entries();
	logs(1, 0x00ABCDEF, true, "dedup: a first entry");
	quiet(1, "dedup: an entry for a bit that is set");
	solo_st32(VAPIC + 0x270, 0);
	solo_st32(VAPIC + 0x230, 1);
	logs(1, 0x00ABCDEF, false, "dedup: another bit is set");
	start(EACH);
	guest_entries();
	logs(1, 0x00ABCDEF, true, "each: an interrupt");
	logs(1, 0x00ABCDEF, true, "each: an interrupt although GAInt is set");
	for (unsigned k = 0; k < 2; k++) {
		start(k ? ALWAYS : WORD);
		guest_entries();
		wr(PN_AMDVI_CONTROL, (CTRL & ~PN_CTRL_GALOGEN) | PN_CTRL_GAPPIEN);
		solo_st32(VAPIC + 0x270, 1);
		notifies(2, 0x99, 6, "another word's vector is pending");
		if (k)
			notifies(2, 0x99, 6, "always: a GAPPI although the bit is set");
		else
			quiet(2, "word32: a GAPPI although the bit is set");
	}
	start(EARLY);
	guest_entries();
	rig_want(ask(0) == PN_MSI_POSTED && solo->bell == 0x04030201, "P1", "early: a doorbell");
	logs(1, 0x00ABCDEF, true, "early: an entry");
	start(REMAPS);
	dte(GOOD);
	irte(0, GUEST | 0x44 | 7 << 8, VAPIC | 0x93);
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GAMEN_VAPIC);
	passes(0, PN_MSI_REMAPPED, (struct pn_intr){.dest = 7, .vector = 0x93},
	       "guest form is taken for remap form");
	start(BARE);
	wr(PN_AMDVI_CONTROL, (CTRL & ~PN_CTRL_GALOGEN) | PN_CTRL_GAPPIEN | 1ull << 43);
	rig_want(!(rd(PN_AMDVI_CONTROL) & (3ull << 43 | PN_CTRL_XTEN)), "P7",
		 "bits of features that it lacks");
	dte(GOOD);
	irte(2, GUEST | TAG(0x99) | 6 << 8, VAPIC | 0x22);
	irte(3, GUEST | QUIET, VAPIC | 0x22);
	refused(3, EVENT(2) | I | PR | RZ, 0xFEE12344, "GAPPIDis without GAPPIDisSup");
	notifies(2, 0x99, 6, "a GAPPI");
	irte(2, GUEST | QUIET | TAG(0x99) | 6 << 8, VAPIC | 0x22);
	clear_irr();
	notifies(2, 0x99, 6, "a bit that is reserved suppresses a GAPPI");
}

static void knobs_of_faults(void)
{
	start(INVALID);
	dte(GOOD & ~(3ull << 60));
	refused(3, EVENT(8) | 4ull << 57, 0xFEE12344, "IntCtl = 00b as an invalid request");
	dte((GOOD & ~(3ull << 60)) | 0x20);
	flush();
	refused(3, 0, 0, "the same with IG");
	dte(GOOD);
	flush();
	refused(0x0F, EVENT(2) | I, 0x0F, "the index is reported");
	refused(0xFA0F, EVENT(2) | I, 0x20F, "the index is reported");
}

/* ---- the log's size ---- */

/* Entries until it is full: it holds one less than it has. */
static void full_after(unsigned n, uint64_t last, const char *what)
{
	guest_entries();
	for (unsigned i = 0; i < n; i++)
		ask(1);
	rig_want(!(rd(PN_AMDVI_STATUS) & PN_ST_GALOVERFLOW) && rd(PN_AMDVI_GA_TAIL) == last, "P1",
		 what);
	rig_want(ask(1) == PN_MSI_POSTED && rd(PN_AMDVI_STATUS) & PN_ST_GALOVERFLOW &&
			 rd(PN_AMDVI_GA_TAIL) == last,
		 "P1", what);
}

static void sizes(void)
{
	start(PLAIN);
	full_after(511, 511 * 8, "a log of 512 entries");
	start(SHORT);
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	wr(PN_AMDVI_GALOG, GALOG | LEN(15));
	wr(PN_AMDVI_GA_HEAD, ~0ull);
	wr(PN_AMDVI_GA_TAIL, ~0ull);
	rig_want(rd(PN_AMDVI_GA_HEAD) == 0xFF8 && rd(PN_AMDVI_GA_TAIL) == 0xFF8, "P7",
		 "pointers that are wider than the knob says");
	wr(PN_AMDVI_GA_HEAD, 0);
	wr(PN_AMDVI_GA_TAIL, 0);
	wr(PN_AMDVI_CONTROL, CTRL);
	full_after(511, 511 * 8, "the pointers reach 512 entries");
	start(TINY);
	full_after(1, 8, "a log of 2 entries");
	start(LOOSE);
	wr(PN_AMDVI_GA_HEAD, ~0ull);
	rig_want(rd(PN_AMDVI_GA_HEAD) == 0xFFF8, "P7", "a mask with holes is taken");
	wr(PN_AMDVI_GA_HEAD, 0);
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	wr(PN_AMDVI_GALOG, GALOG | LEN(15));
	wr(PN_AMDVI_CONTROL, CTRL);
	full_after(511, 511 * 8, "a ring of 3 entries is none");
}

/* Rings of events: codes below 8 count as 8. */
static void ring_sizes(void)
{
	static const struct {
		unsigned code, entries;
	} rows[] = {{9, 512}, {0, 256}, {7, 256}};

	for (unsigned i = 0; i < 3; i++) {
		start(PLAIN);
		wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_EVENTLOGEN);
		wr(PN_AMDVI_EVTLOG, SOLO_AT(10) | LEN(rows[i].code));
		wr(PN_AMDVI_CONTROL, CTRL);
		for (unsigned n = 1; n < rows[i].entries; n++)
			pn_amdvi_log_event(vi, EVENT(8), n);
		rig_want(rd(PN_AMDVI_EVT_TAIL) == (rows[i].entries - 1) * 16 &&
				 !(rd(PN_AMDVI_STATUS) & PN_ST_EVENTOVERFLOW) &&
				 solo_ld64(SOLO_AT(10) + rows[i].entries * 16 - 24) ==
					 rows[i].entries - 1,
			 "P7", "an event log of that size");
		pn_amdvi_log_event(vi, EVENT(8), 0);
		rig_want(rd(PN_AMDVI_STATUS) & PN_ST_EVENTOVERFLOW, "P7", "it overflows");
		/* A head beyond the ring counts within it. */
		start(PLAIN);
		wr(PN_AMDVI_EVT_HEAD, 0x1010);
		pn_amdvi_log_event(vi, EVENT(8), 0);
		rig_want(rd(PN_AMDVI_STATUS) & PN_ST_EVENTOVERFLOW && !rd(PN_AMDVI_EVT_TAIL), "P7",
			 "a head beyond the ring");
	}
}

/* ---- overflow, stop, restart ---- */

static void restarts(void)
{
	start(W1C);
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	wr(PN_AMDVI_GA_HEAD, 16);
	wr(PN_AMDVI_CONTROL, CTRL);
	full_after(1, 8, "two entries");
	wr(PN_AMDVI_GA_HEAD, 8);
	wr(PN_AMDVI_STATUS, PN_ST_GAINT);
	rig_want(!(rd(PN_AMDVI_STATUS) & PN_ST_GALOGRUN), "P7", "w1c: it runs before it may");
	wr(PN_AMDVI_STATUS, PN_ST_GALOVERFLOW);
	logs(1, 0x00ABCDEF, true, "w1c: the log runs on");
	for (unsigned i = 0; i < 256; i++)
		pn_amdvi_log_event(vi, EVENT(8), i);
	rig_want((rd(PN_AMDVI_STATUS) & (PN_ST_EVENTOVERFLOW | PN_ST_EVENTLOGRUN)) ==
			 PN_ST_EVENTOVERFLOW,
		 "P7", "the event log overflows");
	wr(PN_AMDVI_EVT_HEAD, 0x100);
	wr(PN_AMDVI_STATUS, PN_ST_EVENTOVERFLOW);
	pn_amdvi_log_event(vi, EVENT(8), 1234);
	rig_want(rd(PN_AMDVI_EVT_TAIL) == 0 && solo_ld64(EVENTS + 0xFF8) == 1234, "P7",
		 "w1c: the event log runs on");
}

static void later(void)
{
	start(LATER);
	solo_st64(CMDS, pn_amd_cmd_cwait(SHADOW + 8, 1, false).q0);
	solo_st64(CMDS + 8, 1);
	solo_st64(CMDS + 16, pn_amd_cmd_cwait(SHADOW + 8, 2, false).q0);
	solo_st64(CMDS + 24, 2);
	wr(PN_AMDVI_CMD_TAIL, 32);
	rig_want(!solo_ld64(SHADOW + 8) && !rd(PN_AMDVI_CMD_HEAD), "P7",
		 "async: a command is executed at once");
	rig_want(pn_amdvi_commands(vi, 1) == 1 && solo_ld64(SHADOW + 8) == 1 &&
			 rd(PN_AMDVI_CMD_HEAD) == 16,
		 "P7", "async: not one command");
	rig_want(pn_amdvi_commands(vi, 9) == 1 && solo_ld64(SHADOW + 8) == 2 &&
			 pn_amdvi_commands(vi, 9) == 0,
		 "P7", "async: the others");
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	wr(PN_AMDVI_GA_HEAD, 16);
	wr(PN_AMDVI_CONTROL, CTRL);
	full_after(1, 8, "two entries");
	rig_want(rd(PN_AMDVI_STATUS) & PN_ST_GALOGRUN, "P7", "async: the log stops at once");
	wr(PN_AMDVI_GA_HEAD, 0);
	ask(1);
	rig_want(rd(PN_AMDVI_GA_TAIL) == 8, "P7", "an entry is stored after an overflow");
	pn_amdvi_log_stop(vi);
	rig_want(!(rd(PN_AMDVI_STATUS) & PN_ST_GALOGRUN), "P7", "the log does not stop");
	wr(PN_AMDVI_STATUS, PN_ST_GALOVERFLOW | PN_ST_GAINT);
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	wr(PN_AMDVI_CONTROL, CTRL);
	logs(1, 0x00ABCDEF, true, "the log runs again");
	wr(PN_AMDVI_GA_HEAD, 24);
	full_after(0, 16, "it overflows again");
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	wr(PN_AMDVI_CONTROL, CTRL);
	rig_want(!(rd(PN_AMDVI_STATUS) & PN_ST_GALOGRUN), "P7",
		 "a log that is disabled goes on to stop later");
}

/* An entry of the log has nowhere to go, or the tail's copy. */
static void no_memory(void)
{
	start(PLAIN);
	guest_entries();
	logs(1, 0x00ABCDEF, true, "an entry");
	wr(PN_AMDVI_STATUS, PN_ST_GAINT);
	solo->hole = 3;
	ask(1);
	solo->hole = 0;
	rig_want(rd(PN_AMDVI_GA_TAIL) == 8 && !solo->intrs &&
			 !(rd(PN_AMDVI_STATUS) & (PN_ST_GAINT | PN_ST_GALOVERFLOW)),
		 "P7", "an entry without memory counts");
	solo->hole = 4;
	ask(1);
	solo->hole = 0;
	rig_want(rd(PN_AMDVI_GA_TAIL) == 16 && solo->intrs == 1 && solo_ld64(SHADOW) == 8, "P7",
		 "an entry counts although the tail's copy has no memory");
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_GALOGEN);
	wr(PN_AMDVI_GALOG_TAIL_ADDR, 0);
	wr(PN_AMDVI_CONTROL, CTRL);
	solo_st64(SHADOW, 0x55);
	ask(1);
	rig_want(rd(PN_AMDVI_GA_TAIL) == 24 && solo_ld64(SHADOW) == 0x55, "P7",
		 "no copy without an address");
	solo->hole = 1;
	wr(PN_AMDVI_CMD_TAIL, 0x40);
	solo->hole = 0;
	rig_want(!(rd(PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN) &&
			 solo_ld64(EVENTS) == (EVENT(6) | MASTER) &&
			 solo_ld64(EVENTS + 8) == CMDS + rd(PN_AMDVI_CMD_HEAD),
		 "P7", "commands without memory");
}

/* The byte behind what is there is missing, or what the bus gives is misaligned. */
static void part_of(uint64_t pa, unsigned size, uint32_t data, uint64_t q0, uint64_t q1,
		    const char *what)
{
	flush();
	solo->end = (uint32_t)(pa - SOLO_PA) + size - 1;
	refused(data, q0, q1, what);
	solo->end++;
	rig_want(ask(data) != PN_MSI_ABORTED, "P7", what);
	solo->end = 0;
}

static void parts_of_memory(void)
{
	uint64_t tail;

	start(PLAIN);
	dte(GOOD);
	irte(7, 1 | 1 << 8, 0x71);
	part_of(IRT + 7 * 16, 16, 7, EVENT(4) | I | MASTER, IRT + 7 * 16, "part of an entry");
	flush();
	solo->end = (uint32_t)(DEVTAB - SOLO_PA) + DEV * 32 + 31;
	refused(7, EVENT(3) | I | MASTER, DEVTAB + DEV * 32, "part of a device table entry");
	solo->end = 0;
	irte(8, GUEST | ASKS, VAPIC | 0x41);
	flush();
	solo->end = (uint32_t)(VAPIC - SOLO_PA) + 4095;
	refused(8, EVENT(4) | I | MASTER, VAPIC, "part of a vAPIC page");
	solo->end = 0;
	flush();
	rig_want(ask(8) == PN_MSI_POSTED, "P4", "a post");
	wr(PN_AMDVI_STATUS, PN_ST_GAINT);
	for (unsigned skew = 0; skew < 2; skew++) {
		tail = rd(PN_AMDVI_GA_TAIL);
		solo->end = skew ? 0 : (uint32_t)(GALOG - SOLO_PA + tail) + 7;
		solo->skew = skew ? 4 : 0;
		ask(8);
		solo->end = solo->skew = 0;
		rig_want(rd(PN_AMDVI_GA_TAIL) == tail && !solo->intrs, "P7",
			 "part of an entry of the log, or one that is misaligned");
		tail = rd(PN_AMDVI_EVT_TAIL);
		solo->end = skew ? 0 : (uint32_t)(EVENTS - SOLO_PA + tail) + 15;
		solo->skew = skew ? 4 : 0;
		pn_amdvi_log_event(vi, EVENT(8), 1);
		solo->end = solo->skew = 0;
		rig_want(rd(PN_AMDVI_EVT_TAIL) == tail, "P7",
			 "part of an event, or one that is misaligned");
	}
	/* Misaligned memory is none. */
	start(PLAIN);
	wr(PN_AMDVI_CONTROL, CTRL & ~PN_CTRL_EVENTLOGEN);
	for (unsigned k = 0; k < 2; k++) {
		solo->skew = 8;
		refused(7, 0, 0, k ? "a misaligned entry" : "a misaligned device table");
		solo->skew = 0;
		rig_want(ask(7) == PN_MSI_REMAPPED, "P4", "an entry");
		command(5ull << 60 | DEV, 0);
	}
}

static void semaphores(void)
{
	for (unsigned k = 0; k < 4; k++) {
		uint64_t tail;

		start(PLAIN);
		tail = rd(PN_AMDVI_CMD_TAIL);
		solo_st64(CMDS + tail, pn_amd_cmd_cwait(SHADOW + 64, 9, false).q0);
		solo_st64(CMDS + tail + 8, 9);
		solo->end = k == 0   ? (uint32_t)(SHADOW - SOLO_PA) + 64 + 7
			    : k == 1 ? (uint32_t)(CMDS - SOLO_PA + tail) + 15
				     : 0;
		solo->skew = k == 2 ? 4 : 0;
		wr(PN_AMDVI_CMD_TAIL, tail + 16);
		solo->end = solo->skew = 0;
		rig_want(!(rd(PN_AMDVI_STATUS) & PN_ST_CMDBUFRUN) == (k < 3) &&
				 (solo_ld64(SHADOW + 64) == 9) == (k == 3),
			 "P7", "a command or its semaphore lies half in memory");
		if (k < 2)
			rig_want(solo_ld64(EVENTS + 8) == (k ? CMDS + tail : SHADOW + 64), "P7",
				 "the address of a command that failed");
	}
}

/* I and S of COMPLETION_WAIT, each alone. */
static void waits(void)
{
	for (unsigned flags = 0; flags < 4; flags++) {
		start(PLAIN);
		command(1ull << 60 | (SHADOW + 64) | flags, 9);
		rig_want((solo_ld64(SHADOW + 64) == 9) == (flags & 1) &&
				 !(rd(PN_AMDVI_STATUS) & PN_ST_COMWAITINT) == !(flags & 2),
			 "P7", "S stores, and I sets ComWaitInt");
	}
}

static void poisoned(void)
{
	start(POISON);
	dte(GOOD);
	irte(1, 2, 0);
	refused(1, 0, 0, "an absent entry that suppresses its faults");
	irte(1, 0, 0);
	refused(1, EVENT(2) | I, 0xFEE12344, "poison: SupIOPF is stale");
	irte(2, 1 | 1 << 8, 0x71);
	passes(2, PN_MSI_REMAPPED, (struct pn_intr){.dest = 1, .vector = 0x71}, "an entry");
	irte(2, 1 | 1 << 8, 0x72);
	refused(2, EVENT(2) | I | PR, 0xFEE12344, "poison: a stale entry");
	irte(2, 1 | 2 << 8, 0x71);
	refused(2, EVENT(2) | I | PR, 0xFEE12344, "poison: a stale destination");
	for (unsigned i = 0; i < 5; i++) {
		static const uint64_t lo[] = {0, 1, 2, 0, 0}, hi[] = {0, 0, 0, 1, 0x1000};

		irte(3, GUEST | RUNNING, VAPIC | 0x40);
		command(5ull << 60 | DEV, 0);
		rig_want(ask(3) == PN_MSI_POSTED, "P4", "a post");
		irte(3, (GUEST | RUNNING) ^ lo[i] ^ (i ? 0 : 0x80), (VAPIC | 0x40) ^ hi[i]);
		refused(3, EVENT(2) | I | PR, 0xFEE12344, "poison: a stale guest entry");
	}
	irte(3, GUEST | RUNNING, VAPIC | 0x40);
	command(5ull << 60 | DEV, 0);
	rig_want(ask(3) == PN_MSI_POSTED, "P4", "a post");
	irte(3, GUEST | QUIET | 5 << 8 | TAG(9), VAPIC | 0x40 | 1ull << 56);
	rig_want(ask(3) == PN_MSI_POSTED, "P4", "fields that are never cached");
	dte(GOOD | 0x20);
	refused(3, EVENT(1) | I, 0xFEE12344, "poison: a stale device table entry");
	command(2ull << 60 | DEV, 0);
	rig_want(ask(3) == PN_MSI_POSTED, "P4", "it is read again");
}

/* ---- the case ---- */

static void uses(void *arg)
{
	(void)arg;
	px_doing("the host sends commands, which wait");
	later(); /* first: elsewhere a command that is never over has no end */
	px_doing("requests end");
	device_table();
	elsewhere();
	remap_forms();
	short_forms();
	px_doing("requests are posted");
	posts();
	peers();
	px_doing("with each knob");
	knobs_of_posts();
	knobs_of_faults();
	sizes();
	ring_sizes();
	restarts();
	no_memory();
	parts_of_memory();
	semaphores();
	waits();
	poisoned();
	solo_followed();
}

static void configure(struct pn_amdvi_config *hw, enum which which)
{
	pn_amdvi_config_default(hw);
	hw->bus = &solo->bus;
	hw->agent = &solo->agent;
	hw->dte_cache = 4;
	hw->irte_cache = 16;
	hw->peer = which == PEER ? all[PLAIN] : NULL;
	hw->knobs.volatile_fetch = which == EARLY;
	hw->knobs.galog_dedup = which == DEDUP;
	hw->knobs.gappi_emptiness = which == WORD     ? PN_EMPTY_WORD32
				    : which == ALWAYS ? PN_EMPTY_ALWAYS
						      : PN_EMPTY_EXACT256;
	hw->knobs.guestmode_off = which == REMAPS;
	hw->knobs.intctl00_event = which == INVALID;
	hw->knobs.fault_address = which == INVALID;
	hw->knobs.galog_interrupt = which == EACH;
	hw->knobs.overflow_restart = which == W1C;
	hw->poison_stale = which == POISON;
	hw->async_commands = hw->async_stop = which == LATER;
	if (which == SHORT)
		hw->knobs.galog_ptr_mask = 0xFF8;
	if (which == TINY)
		hw->knobs.galog_ring = 2;
	if (which == LOOSE)
		hw->knobs = (struct pn_amdvi_knobs){
			.galog_ptr_mask = 0xFEF8, .galog_ring = 3, .galog_len_max = 3};
	if (which == BARE) {
		hw->efr &= ~PN_EFR_XTSUP;
		hw->efr2 = 0;
	}
	if (is_broken && which == PLAIN)
		hw->knobs.galog_dedup = PN_DEDUP_SAME_BIT;
}

/* What cannot be made. */
static void refused_configurations(void)
{
	static const uint32_t sizes[] = {3, 1u << 21, 5, 0x80000001};
	struct pn_amdvi_config hw;

	for (unsigned i = 0; i < 9; i++) {
		configure(&hw, PLAIN);
		if (i == 8)
			hw.bus = NULL;
		else if (i & 1)
			hw.dte_cache = sizes[i / 2];
		else
			hw.irte_cache = sizes[i / 2];
		vi = (struct pn_amdvi *)&hw;
		rig_want(pn_amdvi_create(&hw, &vi) == -EINVAL && !vi, "P7",
			 "an IOMMU that cannot be made");
	}
}

static void checks_and_uses(void *arg)
{
	px_doing("refuses what cannot be made");
	refused_configurations();
	uses(arg);
}

static void build(bool broken)
{
	struct pn_amdvi_config hw;

	solo_build();
	is_broken = broken;
	for (unsigned i = 0; i < NR; i++) {
		configure(&hw, i);
		pn_amdvi_create(&hw, &all[i]);
	}
	px_thread("CPU 0", 0, checks_and_uses, NULL);
}

const struct case_setup pn_cases_amd_knobs[] = {
	{{"log-entry-of-a-set-bit", "48882, 2.7, inferred",
	  "the IOMMU writes no log entry for a bit that is set already",
	  "an entry for each interrupt that is posted to a vCPU that asks", "P1", true, false},
	 PN_MISTAKE_NONE,
	 build,
	 INT16_MAX},
};

const unsigned pn_cases_amd_knobs_nr = sizeof(pn_cases_amd_knobs) / sizeof(pn_cases_amd_knobs[0]);
