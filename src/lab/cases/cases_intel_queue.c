/* SPDX-License-Identifier: MIT */
/*
 * A case of one agent on Intel: the invalidation queue of a remapping unit (VT-d 6.5.2). Which bits
 * of a descriptor may be set, what stops the queue, what a wait does, what an invalidation drops.
 */
#include "solo_intel.h"

#define IM    PN_VTD_ECTL_IM
#define IP    PN_VTD_ECTL_IP
#define RSV   PN_VTD_IQEI_RESERVED
#define SLOTS 16u
#define NONE  0x7FFF000ull /* no memory */

static struct pn_vtd *plain, *narrow, *late; /* MHMV = 2; async_queue */
static uint64_t queue, sem, irt;

static uint64_t *word(uint64_t pa)
{
	return unit_ptr(pa);
}

static void begin(struct pn_vtd *v, const char *what)
{
	px_doing(what);
	intel->vtd = v;
	pn_vtd_reset(v);
	intel->messages = 0;
}

/* One descriptor at the head of a queue of one page; @width: 16 or 32 bytes. */
static void one(const uint64_t *q, unsigned width)
{
	for (unsigned i = 0; i < 4; i++)
		word(queue)[i] = i < width / 8 ? q[i] : 0;
	unit_wr(PN_VTD_IQA, queue | (width == 32 ? PN_VTD_IQA_DW : 0));
	unit_wr32(PN_VTD_IQT, width);
	unit_gcmd(PN_VTD_G_QIE, 0);
}

static void stopped(unsigned iqei, uint32_t head, const char *what)
{
	unit_eq(unit_rd32(PN_VTD_FSTS), iqei ? PN_VTD_FSTS_IQE : 0, what);
	if (iqei)
		unit_eq(unit_rd(PN_VTD_IQER), iqei, what);
	unit_eq(unit_rd(PN_VTD_IQH), head, what);
}

/* ---- bits ---- */

/* On top of @q0 any of @lo and @hi is accepted, any other bit that is not of type or G is not. */
static const struct {
	const char *name;
	uint64_t q0, lo, hi;
} bits[] = {
	{"IEC", 0x04, 0x0000FFFFF8000010ull, 0},
	{"wait", 0x05, 0xFFFFFFFF000000F0ull, ~3ull},
	{"context", 0x11, 0x0003FFFFFFFF0000ull, 0},
	{"IOTLB", 0x12, 0x00000000FFFF00C0ull, 0xFFFFFFFFFFFFF07Full},
	{"device TLB", 0x03, 0xFFF0FFFF001FF000ull, 0xFFFFFFFFFFFFF001ull},
	{"PASID IOTLB", 0x26, 0x000FFFFFFFFF0000ull, 0xFFFFFFFFFFFFF07Full},
	{"PASID cache", 0x07, 0x000FFFFFFFFF0000ull, 0},
	{"PASID device TLB", 0x08, 0xFFFFFFFFFFFFF1C0ull, 0xFFFFFFFFFFFFF801ull},
};

#define TYPE_BITS 0xE0Full /* 3:0 and 11:9 */
#define G_BITS	  0x30ull  /* 5:4 of those for address translation: values below */

static void each_bit(void)
{
	for (unsigned i = 0; i < UNIT_COUNT(bits); i++) {
		for (unsigned b = 0; b < 128; b++) {
			uint64_t q[2] = {bits[i].q0, 0}, bit = 1ull << b % 64;
			bool ok = (b < 64 ? bits[i].lo : bits[i].hi) & bit;

			if (b < 64 && ((TYPE_BITS & bit) || (i > 1 && (G_BITS & bit))))
				continue;
			begin(plain, bits[i].name);
			q[b / 64] |= bit;
			one(q, 16);
			stopped(ok ? 0 : RSV, ok ? 16 : 0, bits[i].name);
		}
	}
}

static const struct {
	const char *name;
	uint64_t q[4];
	unsigned iqei, width;
} wholes[] = {
	{"type 0", {0}, PN_VTD_IQEI_TYPE, 16},
	{"type 9", {9}, PN_VTD_IQEI_TYPE, 16},
	{"type 15", {15}, PN_VTD_IQEI_TYPE, 16},
	{"type 20h", {0x204}, PN_VTD_IQEI_TYPE, 16},
	{"type 45h", {0x805}, PN_VTD_IQEI_TYPE, 16},
	{"context, G = 0", {0x01}, RSV, 16},
	{"context, G = 2", {0x21}, 0, 16},
	{"context, G = 3", {0x31}, 0, 16},
	{"IOTLB, G = 0", {0x02}, RSV, 16},
	{"IOTLB, G = 2", {0x22}, 0, 16},
	{"IOTLB, G = 3", {0x32}, 0, 16},
	{"device TLB, bit 4", {0x13}, RSV, 16},
	{"device TLB, bit 5", {0x23}, RSV, 16},
	{"PASID IOTLB, G = 0", {0x06}, RSV, 16},
	{"PASID IOTLB, G = 1", {0x16}, RSV, 16},
	{"PASID IOTLB, G = 3", {0x36}, 0, 16},
	{"PASID cache, G = 1", {0x17}, 0, 16},
	{"PASID cache, G = 2", {0x27}, RSV, 16},
	{"PASID cache, G = 3", {0x37}, 0, 16},
	{"PASID device TLB, 5:4", {0x38}, 0, 16},
	{"256 bits", {4}, 0, 32},
	{"256 bits, wait", {5}, 0, 32},
	{"256 bits, bit 128", {4, 0, 1, 0}, RSV, 32},
	{"256 bits, bit 191", {5, 0, 1ull << 63, 0}, RSV, 32},
	{"256 bits, bit 192", {4, 0, 0, 1}, RSV, 32},
	{"256 bits, bit 255", {0x11, 0, 0, 1ull << 63}, RSV, 32},
	{"256 bits, type 0", {0}, PN_VTD_IQEI_TYPE, 32},
};

static void each_whole(void)
{
	for (unsigned i = 0; i < UNIT_COUNT(wholes); i++) {
		begin(plain, wholes[i].name);
		one(wholes[i].q, wholes[i].width);
		stopped(wholes[i].iqei, wholes[i].iqei ? 0 : wholes[i].width, wholes[i].name);
	}
}

/* ---- what else stops it ---- */

static const struct {
	const char *name;
	uint64_t iqa; /* + the queue's address, unless it is NONE or above the width */
	uint32_t tail;
	unsigned ttm, desc, iqei;
} errors[] = {
	{"a tail at the end", 0, 4096, 0, 4, PN_VTD_IQEI_TAIL},
	{"a tail far behind the end", 0, 4096 << 5, 0, 4, PN_VTD_IQEI_TAIL},
	{"a queue without memory", NONE, 16, 0, 4, PN_VTD_IQEI_FETCH},
	{"a queue above the width", 1ull << 52, 16, 0, 4, PN_VTD_IQEI_FETCH},
	{"128 bits in scalable mode", 0, 16, PN_VTD_TTM_SCALABLE, 4, PN_VTD_IQEI_WIDTH},
	{"256 bits in scalable mode", PN_VTD_IQA_DW, 32, PN_VTD_TTM_SCALABLE, 4, 0},
	{"half of 256 bits", PN_VTD_IQA_DW, 48, 0, 4, PN_VTD_IQEI_ALIGN},
	{"reserved mode, context", 0, 16, PN_VTD_TTM_RESERVED, 0x11, PN_VTD_IQEI_TTM},
	{"reserved mode, IEC", 0, 16, PN_VTD_TTM_RESERVED, 4, 0},
	{"abort mode, context", 0, 16, PN_VTD_TTM_ABORT, 0x11, 0},
};

static void each_error(void)
{
	for (unsigned i = 0; i < UNIT_COUNT(errors); i++) {
		uint64_t q[4] = {errors[i].desc};

		begin(plain, errors[i].name);
		one(q, 16);
		unit_gcmd(0, PN_VTD_G_QIE);
		unit_eq(unit_rd(PN_VTD_IQH), 0, "the head of a queue that is off");
		unit_wr32(PN_VTD_IQT, 0);
		unit_wr(PN_VTD_RTADDR, errors[i].ttm << PN_VTD_RTADDR_TTM_SH);
		unit_gcmd(PN_VTD_G_SRTP, 0);
		unit_wr(PN_VTD_RTADDR, 0); /* the mode is that of SRTP */
		unit_wr(PN_VTD_IQA, errors[i].iqa > 4096 ? errors[i].iqa : errors[i].iqa | queue);
		unit_gcmd(PN_VTD_G_QIE, 0);
		unit_wr32(PN_VTD_IQT, errors[i].tail);
		stopped(errors[i].iqei, errors[i].iqei ? 0 : errors[i].tail, errors[i].name);
		unit_eq(unit_rd32(PN_VTD_FECTL), errors[i].iqei ? IM | IP : IM, errors[i].name);
	}
}

static void submit(uint64_t q0, uint64_t q1)
{
	uint32_t tail = unit_rd32(PN_VTD_IQT);

	word(queue + tail)[0] = q0;
	word(queue + tail)[1] = q1;
	unit_wr32(PN_VTD_IQT, (tail + 16) & 0xFFF);
}

static void on(struct pn_vtd *v, const char *what)
{
	begin(v, what);
	unit_wr(PN_VTD_IQA, queue);
	unit_gcmd(PN_VTD_G_QIE, 0);
}

/* The head stops at the error, and goes on when IQE is cleared. */
static void goes_on(void)
{
	on(plain, "a queue that stops");
	submit(5, 0);
	submit(15, 0);
	submit(5, 0);
	stopped(PN_VTD_IQEI_TYPE, 16, "a type that does not exist");
	word(queue + 16)[0] = 5;
	submit(5, 0);
	stopped(PN_VTD_IQEI_TYPE, 16, "a queue that has stopped");
	unit_wr32(PN_VTD_FSTS, PN_VTD_FSTS_PFO);
	stopped(PN_VTD_IQEI_TYPE, 16, "another bit is cleared");
	unit_wr32(PN_VTD_FSTS, PN_VTD_FSTS_IQE);
	stopped(0, 64, "IQE is cleared");
	unit_eq(unit_rd32(PN_VTD_FECTL), IM, "IP after IQE was cleared");
	unit_gcmd(PN_VTD_G_TE, 0);
	stopped(0, 64, "another command");
	unit_wr(PN_VTD_IQA, sem);
	unit_eq(unit_rd(PN_VTD_IQA), queue, "IQA while the queue runs");
	unit_gcmd(0, PN_VTD_G_QIE);
	unit_wr(PN_VTD_IQA, sem);
	unit_eq(unit_rd(PN_VTD_IQA), sem, "IQA while the queue is off");
	submit(5, 0);
	stopped(0, 0, "a queue that is off");
}

/* Two pages, and over the end. */
static void rings(uint64_t iqa, uint32_t bytes, uint32_t size)
{
	begin(plain, "a queue that goes round");
	for (uint32_t at = 0; at < bytes; at += 8)
		*word(queue + at) = at % size ? 0 : 5;
	unit_wr(PN_VTD_IQA, queue | iqa);
	unit_gcmd(PN_VTD_G_QIE, 0);
	unit_wr32(PN_VTD_IQT, bytes - size);
	stopped(0, bytes - size, "a queue up to its end");
	*word(queue) = 15;
	unit_wr32(PN_VTD_IQT, size);
	stopped(PN_VTD_IQEI_TYPE, 0, "a queue over its end");
}

/* ---- waits ---- */

static const struct {
	const char *name;
	uint64_t q0, at;
	uint64_t status; /* afterwards, of all ones */
	bool rings;
} waits[] = {
	{"status", 0xDEADBEEF00000025, 0, 0xFFFFFFFFDEADBEEF, false},
	{"status, upper half", 0x0000000100000025, 4, 0x00000001FFFFFFFF, false},
	{"neither", 0xDEADBEEF00000005, 0, ~0ull, false},
	{"fence", 0xDEADBEEF00000045, 0, ~0ull, false},
	{"drain", 0xDEADBEEF00000085, 0, ~0ull, false},
	{"interrupt", 0xDEADBEEF00000015, 0, ~0ull, true},
	{"everything", 0x11223344000000F5, 0, 0xFFFFFFFF11223344, true},
	{"a status without memory", 0x1122334400000035, NONE, ~0ull, true},
};

static void each_wait(void)
{
	for (unsigned i = 0; i < UNIT_COUNT(waits); i++) {
		on(plain, waits[i].name);
		unit_wr32(PN_VTD_IEDATA, 0x44);
		unit_wr32(PN_VTD_IEADDR, 0xFEE09000);
		unit_wr32(PN_VTD_IEUADDR, 0xABCDEF77);
		unit_wr32(PN_VTD_IECTL, 0);
		*word(sem) = ~0ull;
		submit(waits[i].q0, waits[i].at >= NONE ? NONE : sem + waits[i].at);
		stopped(0, 16, waits[i].name);
		unit_eq(*word(sem), waits[i].status, waits[i].name);
		unit_eq(unit_rd32(PN_VTD_ICS), waits[i].rings, waits[i].name);
		unit_eq(intel->messages, waits[i].rings, waits[i].name);
		if (waits[i].rings)
			rig_want(intel->heard.vector == 0x44 && intel->heard.dest == 0xABCDEF09,
				 "P7", waits[i].name);
	}
}

/* IWC is an interrupt condition once; masked it waits, and it can be cleared meanwhile. */
static void completion(void)
{
	on(plain, "completion of a wait");
	unit_wr32(PN_VTD_IEADDR, 0xFEE00000);
	submit(0x15, 0);
	unit_eq(unit_rd32(PN_VTD_IECTL), IM | IP, "an interrupt that is masked");
	unit_eq(intel->messages, 0, "an interrupt that is masked");
	unit_wr32(PN_VTD_ICS, 0);
	unit_eq(unit_rd32(PN_VTD_ICS), 1, "ICS is cleared by a 0");
	unit_wr32(PN_VTD_ICS, 1);
	unit_eq(unit_rd32(PN_VTD_ICS), 0, "ICS is not cleared by a 1");
	unit_eq(unit_rd32(PN_VTD_IECTL), IM, "IP after ICS was cleared");
	submit(0x15, 0);
	unit_wr32(PN_VTD_IECTL, 0);
	unit_eq(intel->messages, 1, "an interrupt that was masked");
	unit_eq(unit_rd32(PN_VTD_IECTL), 0, "IP after it was sent");
	submit(0x15, 0);
	unit_eq(intel->messages, 1, "a second one, while IWC is set");
	unit_wr32(PN_VTD_ICS, ~0u);
	submit(0x15, 0);
	unit_eq(intel->messages, 2, "a second one, after IWC was cleared");
	unit_eq(unit_rd32(PN_VTD_FECTL), IM, "the other interrupt");
}

/* ---- what an invalidation drops ---- */

static void all_entries(uint8_t vector)
{
	const struct pn_virte f = {.p = true, .dest = 5, .vector = vector};
	struct pn_virte_raw *table = unit_ptr(irt);

	for (unsigned i = 0; i < SLOTS; i++)
		table[i] = pn_virte_encode(&f, true);
}

/* Of cached entries 0 to 15, those of @dropped are read from memory. */
static void drops(uint32_t dropped, uint64_t q0, const char *what)
{
	px_doing(what);
	all_entries(0x31);
	submit(4, 0);
	for (unsigned i = 0; i < SLOTS; i++)
		unit_msi((uint16_t)i, 0, 8);
	all_entries(0x32);
	submit(q0, 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		rig_want(unit_msi((uint16_t)i, 0, 8) == PN_MSI_REMAPPED, "P7", what);
		unit_eq(intel->heard.vector, dropped >> i & 1 ? 0x32 : 0x31, what);
	}
}

#define IEC(index, im) (0x14 | (uint64_t)(im) << 27 | (uint64_t)(index) << 32)

static void invalidates(struct pn_vtd *v, unsigned max)
{
	on(v, "invalidation");
	unit_wr(PN_VTD_IRTA, irt | PN_VTD_IRTA_EIME | 3);
	unit_gcmd(PN_VTD_G_SIRTP, 0);
	unit_gcmd(PN_VTD_G_IRE, 0);
	drops(0xFFFF, 4, "a global invalidation");
	drops(0xFFFF, IEC(0, 0) & ~0x10ull, "a global one, with an index");
	drops(1u << 5, IEC(5, 0), "of one entry");
	drops(1u << 15, IEC(15, 0), "of the last entry");
	drops(0, IEC(16, 0), "of an entry whose slot another has");
	drops(3u << 6, IEC(7, 1), "of two entries");
	drops(0xF0, IEC(6, 2), "of four entries");
	drops(0, IEC(0x100, 2), "of four entries that are not cached");
	if (max < 15) {
		submit(IEC(0, max + 1), 0);
		unit_eq(unit_rd(PN_VTD_IQER), RSV, "more than MHMV");
		return;
	}
	drops(0xFFFF, IEC(9, 4), "of sixteen entries");
	drops(0xFFFF, IEC(9, 5), "of more than the cache has");
	drops(0, IEC(0x40, 5), "of more than the cache has, none of them cached");
	drops(0xFFFF, IEC(0xFFF, 15), "of as many as there can be");
	submit(IEC(0, 16), 0);
	unit_eq(unit_rd(PN_VTD_IQER), RSV, "more than MHMV");
}

/* Some time later, so many at a time. */
static void asynchronous(void)
{
	on(late, "a queue that runs later");
	for (unsigned i = 0; i < 3; i++)
		submit(5, 0);
	stopped(0, 0, "a queue that the embedder runs");
	rig_want(pn_vtd_queue(late, 2) == 2 && unit_rd(PN_VTD_IQH) == 32, "P7",
		 "two descriptors of three");
	rig_want(pn_vtd_queue(late, 2) == 1 && unit_rd(PN_VTD_IQH) == 48, "P7", "the third");
	rig_want(!pn_vtd_queue(late, 2), "P7", "a descriptor of an empty queue");
	submit(15, 0);
	rig_want(!pn_vtd_queue(late, 5), "P7", "a descriptor that stops the queue");
	stopped(PN_VTD_IQEI_TYPE, 48, "a descriptor that stops the queue");
	rig_want(!pn_vtd_queue(late, 5), "P7", "a queue that has stopped");
	unit_wr32(PN_VTD_FSTS, PN_VTD_FSTS_IQE);
	stopped(0, 48, "a queue that the embedder runs");
	unit_gcmd(0, PN_VTD_G_QIE);
	rig_want(!pn_vtd_queue(late, 5), "P7", "a queue that is off");
}

static uint64_t offset; /* of the machine's memory for what the embedder maps */
static uint64_t wrote_pa;
static size_t wrote_len;

static void *maps(void *ctx, uint64_t pa, size_t len)
{
	(void)ctx;
	(void)len;
	return (uint8_t *)unit_ptr(queue) + (pa & 0xFFF) + offset;
}

static void follows(void *ctx, uint64_t pa, size_t len)
{
	(void)ctx;
	wrote_pa = pa;
	wrote_len = len;
}

/* Memory that the embedder maps: above the width, or not aligned. */
static void elsewhere(void)
{
	static const struct {
		uint64_t at, offset;
		unsigned iqei;
	} rows[] = {{1ull << 51, 0, 0},
		    {1ull << 52, 0, PN_VTD_IQEI_FETCH},
		    {1ull << 51, 1, PN_VTD_IQEI_FETCH},
		    {1ull << 51, 4, PN_VTD_IQEI_FETCH}};

	for (unsigned i = 0; i < UNIT_COUNT(rows); i++) {
		begin(plain, "a queue that the embedder maps");
		intel->bus.map = maps;
		offset = rows[i].offset;
		word(queue)[0] = 5;
		word(queue)[1] = 0;
		unit_wr(PN_VTD_IQA, rows[i].at);
		unit_gcmd(PN_VTD_G_QIE, 0);
		unit_wr32(PN_VTD_IQT, 16);
		stopped(rows[i].iqei, rows[i].iqei ? 0 : 16, "a queue that the embedder maps");
	}
	intel->bus.map = NULL;
	intel->bus.wrote = follows;
	on(plain, "the embedder follows");
	submit(0x25, sem + 4);
	rig_want(wrote_pa == sem + 4 && wrote_len == 4, "P7", "a status that nobody is told of");
	intel->bus.wrote = NULL;
}

static void runs_queue(void *arg)
{
	(void)arg;
	asynchronous(); /* first: a queue without an end would end here */
	each_bit();
	each_whole();
	each_error();
	goes_on();
	rings(0, 4096, 16);
	rings(1, 8192, 16);
	rings(PN_VTD_IQA_DW, 4096, 32);
	rings(PN_VTD_IQA_DW | 1, 8192, 32);
	each_wait();
	completion();
	invalidates(plain, 15);
	invalidates(narrow, 2);
	elsewhere();
}

void intel_unit_queue(bool broken)
{
	struct pn_vtd_config cfg;

	(void)broken;
	rig_intel_build(&(struct rig_intel_conf){.no_vm = true, .no_unit = true});
	intel->bus.intr = intel_hears;
	pn_pages_alloc(&rig->pages, 8192, 4096, &queue);
	pn_pages_alloc(&rig->pages, 4096, 4096, &irt);
	pn_pages_alloc(&rig->pages, 4096, 4096, &sem);
	unit_config(&cfg);
	cfg.irte_cache = SLOTS;
	cfg.ecap |= PN_VTD_ECAP_SMTS;
	plain = unit_make(&cfg);
	cfg.async_queue = true;
	late = unit_make(&cfg);
	cfg.async_queue = false;
	cfg.ecap = (cfg.ecap & ~PN_VTD_ECAP_MHMV) | 2ull << PN_VTD_ECAP_MHMV_SH;
	narrow = unit_make(&cfg);
	px_thread("CPU 0", 0, runs_queue, NULL);
}
