/* SPDX-License-Identifier: MIT */
/*
 * Garbage into the VT-d unit: its registers, remapping entries, descriptors, invalidation queue,
 * and messages of a device. The unit may post, interrupt and report faults; afterwards it must
 * still work. Pointers lead to memory of this program, to no memory, or out of range, since the
 * unit writes where an entry or a descriptor points. Interrupts are fixed, with vectors that are no
 * exceptions: SMI and INIT would end this program.
 */
#include "fuzz.h"
#include "vmx.h"

#define UNIT	0xfed90000u
#define GCMD	0x18
#define FSTS	0x34
#define FEDATA	0x3c
#define FEADDR	0x40
#define IQT	0x88
#define IQA	0x90
#define IEDATA	0xa4
#define IEADDR	0xa8
#define IRTA	0xb8
#define RECORDS 0x220 /* eight of 16 bytes; bit 127 of each is F */

#define G_IRE	   (1u << 25)
#define G_SIRTP	   (1u << 24)
#define G_QIE	   (1u << 26)
#define FSTS_W1C   0x71u
#define FSTS_IQE   (1u << 4)
#define FSTS_PPF   (1u << 1)
#define ENTRY_P	   1ull
#define ENTRY_DLM  (7ull << 5)
#define ENTRY_IM   (1ull << 15)
#define DESC_IEC   4u
#define DESC_WAIT  5u
#define MSI_FORMAT 0x10u
#define MSI_SHV	   0x08u
#define MSI_MODE   0x700u
#define VECTOR	   0x51u
#define PLAIN	   0x20u    /* in a vector: the others are exceptions here */
#define NO_LAST	   (~0x80u) /* in a vector: FFh is never ended here */

#define EDU	  0x80001800u /* bus 0, device 3 */
#define EDU_RAISE 0x60
#define EDU_ACK	  0x64
#define CONFIG	  0xcf8
#define COMMAND	  0x04
#define BAR	  0x10
#define MSI	  0x40

#define ENTRIES	    512u
#define SLOTS	    256u /* of the queue: one page */
#define DESCRIPTORS 16u

static struct {
	uint64_t low, high;
} table[ENTRIES], queue[SLOTS] __attribute__((aligned(4096)));
static struct pid posted[DESCRIPTORS] __attribute__((aligned(64)));
static uint64_t status[512] __attribute__((aligned(4096)));
static volatile uint32_t *edu;
static uint64_t messages, taken, faulted, stopped;

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void config_write(unsigned reg, uint32_t value)
{
	out32(CONFIG, EDU | reg);
	out32(CONFIG + 4, value);
}

static bool edu_find(void)
{
	out32(CONFIG, EDU);
	if (in32(CONFIG + 4) != 0x11e81234)
		return false;
	config_write(COMMAND, 6);
	out32(CONFIG, EDU | BAR);
	edu = (volatile uint32_t *)(uintptr_t)(in32(CONFIG + 4) & ~15u);
	return edu[0] == 0x010000ed;
}

static void message(uint64_t address, uint32_t data)
{
	config_write(MSI, 0);
	config_write(MSI + 4, (uint32_t)address);
	config_write(MSI + 8, (uint32_t)(address >> 32));
	config_write(MSI + 12, data);
	config_write(MSI, 1u << 16);
	edu[EDU_RAISE / 4] = 1;
	edu[EDU_ACK / 4] = 1;
	messages++;
}

static void write32(unsigned reg, uint32_t value)
{
	*(volatile uint32_t *)(uintptr_t)(UNIT + reg) = value;
}

static uint32_t read32(unsigned reg)
{
	return *(volatile uint32_t *)(uintptr_t)(UNIT + reg);
}

static void write64(unsigned reg, uint64_t value)
{
	*(volatile uint64_t *)(uintptr_t)(UNIT + reg) = value;
}

/* An address without memory, or one that cannot exist. */
static uint64_t nowhere(struct fuzz *f)
{
	return 1ull << (40 + fuzz_below(f, 24)) | (fuzz_random(f) & 0xffffffffc0ull);
}

/* Values for registers that hold a pointer or the target of an interrupt are restricted. */
static uint64_t tamed(struct fuzz *f, unsigned reg, uint64_t value)
{
	bool own = fuzz_chance(f, 85);

	switch (reg & ~3u) {
	case GCMD: /* mostly it stays on */
		return own ? (value & ~G_SIRTP) | G_QIE | G_IRE : value;
	case IQA:
		return own ? address(queue) : nowhere(f) | (value & 0xfff);
	case IRTA:
		return (own ? address(table) : nowhere(f)) | (value & 0xff0) | (value & 7);
	case IQA + 4:
	case IRTA + 4:
		return own ? 0 : 1u << (8 + fuzz_below(f, 24));
	case FEDATA:
	case IEDATA:
		return (value & NO_LAST & 0xff) | PLAIN;
	case FEADDR:
	case IEADDR:
		return 0xfee00000 | (value & 0xfffec);
	default:
		return value;
	}
}

static void write_register(struct fuzz *f)
{
	static const uint16_t known[] = {GCMD, FSTS, 0x38, FEDATA, FEADDR, 0x44,
					 IQT,  IQA,  0x9c, 0xa0,   IEDATA, IEADDR,
					 0xac, IRTA, 0x20, 0x28,   0x64,   RECORDS + 12};
	unsigned reg =
		fuzz_chance(f, 80) ? known[fuzz_below(f, COUNT(known))] : fuzz_below(f, 1024) * 4;
	uint64_t value = tamed(f, reg, fuzz_random(f));

	/* not for the registers of an event: data and address would be written in one access */
	if (fuzz_chance(f, 50) || reg % 8 || (reg >= 0x38 && reg < 0x48) ||
	    (reg >= 0xa0 && reg < 0xb0))
		write32(reg, (uint32_t)value);
	else
		write64(reg, value);
}

static void write_entry(struct fuzz *f)
{
	unsigned i = fuzz_below(f, ENTRIES);
	uint64_t low = fuzz_random(f), high = fuzz_chance(f, 50) ? 0 : fuzz_random(f);
	uint64_t pid = address(&posted[fuzz_below(f, DESCRIPTORS)]);

	if (fuzz_chance(f, 80))
		low = ENTRY_P | (low & (ENTRY_IM | 0xff0000));
	if (low & ENTRY_IM) {
		if (fuzz_chance(f, 10))
			pid = nowhere(f);
		low = (low & 0x3fffffffffull) | (pid & 0xffffffc0) << 32;
		high = (high & 0xffffffff) | pid >> 32 << 32;
	}
	table[i].low = low & ENTRY_IM ? low : (low & ~ENTRY_DLM & ~(0x80ull << 16)) | PLAIN << 16;
	table[i].high = high;
}

static void write_descriptor(struct fuzz *f)
{
	struct pid *p = &posted[fuzz_below(f, DESCRIPTORS)];
	unsigned word = 4 + fuzz_below(f, 4); /* not the PIR, which is counted */

	if (fuzz_chance(f, 70))
		*p = (struct pid){.control =
					  PID_NV(PLAIN + fuzz_below(f, 0x60)) | fuzz_below(f, 4)};
	else
		((uint64_t *)(void *)p)[word] = (fuzz_random(f) & ~PID_NV(0x80)) | PID_NV(PLAIN);
}

static void write_queue(struct fuzz *f)
{
	unsigned i = fuzz_below(f, SLOTS);
	uint64_t low = fuzz_random(f), high = fuzz_chance(f, 80) ? 0 : fuzz_random(f);

	if (fuzz_chance(f, 70)) {
		low = fuzz_chance(f, 60) ? DESC_IEC | (low & 0xfffff8000010ull)
					 : DESC_WAIT | (low & 0xffffffff00000070ull);
		high = low & 1 ? address(&status[fuzz_below(f, 512)]) : 0;
	}
	if ((low & 15) == DESC_WAIT && high - address(status) >= sizeof(status))
		high = nowhere(f);
	queue[i].low = low;
	queue[i].high = high;
	write32(IQT, fuzz_chance(f, 90) ? fuzz_below(f, SLOTS) * 16 : (uint32_t)fuzz_random(f));
}

static void send_message(struct fuzz *f)
{
	uint64_t address = 0xfee00000u | fuzz_below(f, 1u << 20);
	uint32_t data = (uint32_t)fuzz_random(f);

	if (fuzz_chance(f, 70)) {
		address = 0xfee00000u | MSI_FORMAT | fuzz_below(f, ENTRIES) << 5;
		address |= fuzz_chance(f, 50) ? MSI_SHV : 0;
		data = fuzz_chance(f, 90) ? fuzz_below(f, 4) : data;
	}
	if (fuzz_chance(f, 5))
		address = fuzz_random(f);
	message(address, (data & ~MSI_MODE & NO_LAST) | PLAIN);
}

/* Faults and queue errors are counted, and make room for others. */
static void look(void)
{
	uint32_t fsts = read32(FSTS);

	stopped += fsts & FSTS_IQE ? 1 : 0;
	faulted += fsts & FSTS_PPF ? 1 : 0;
	for (unsigned i = 0; i < 8; i++)
		write32(RECORDS + i * 16 + 12, 1u << 31);
	write32(FSTS, FSTS_W1C);
	for (unsigned i = 0; i < DESCRIPTORS; i++)
		for (unsigned w = 0; w < 4; w++)
			for (uint64_t b =
				     __atomic_exchange_n(&posted[i].pir[w], 0, __ATOMIC_SEQ_CST);
			     b; b &= b - 1)
				taken++;
}

/* As a host would set it up: table, queue, remapping, nothing cached. */
static void set_up(void)
{
	write32(GCMD, 0);
	look();
	write64(IRTA, address(table) | 7);
	write32(GCMD, G_SIRTP);
	write64(IQA, address(queue));
	write64(IQT, 0);
	write32(GCMD, G_QIE);
	queue[0].low = DESC_IEC;
	queue[0].high = 0;
	write32(IQT, 16);
	write32(GCMD, G_QIE | G_IRE);
}

static bool still_works(void)
{
	struct pid *p = &posted[0];

	set_up();
	*p = (struct pid){.control = PID_NV(0x61)};
	table[1].low = ENTRY_P | ENTRY_IM | VECTOR << 16 | (address(p) & 0xffffffc0) << 32;
	table[1].high = address(p) >> 32 << 32;
	message(0xfee00000u | MSI_FORMAT | 1u << 5, 0);
	take_interrupts();
	return p->pir[VECTOR / 64] == 1ull << VECTOR % 64 && p->control & PID_ON;
}

static bool unit(uint64_t count, uint64_t seed)
{
	static void (*const kinds[])(struct fuzz *) = {write_register,	 write_entry,
						       write_descriptor, write_queue,
						       send_message,	 send_message};
	struct fuzz f = {.vm = &vms[0], .random = seed << 1 | 1};
	bool good;

	if (!edu_find())
		broken("there is no edu");
	good = still_works();
	for (uint64_t n = 0; n < count; n++) {
		if (n % 64 == 0)
			set_up();
		kinds[fuzz_below(&f, COUNT(kinds))](&f);
		if (n % 16 == 0)
			take_interrupts();
	}
	good = still_works() && good;
	print("fuzz-unit: %lu writes, seed %lu, %lu messages, %lu posted, %lu times faults, "
	      "%lu times a queue that stopped, %lu interrupts taken, %s\n",
	      count, seed, messages, taken, faulted, stopped, cpus[0].interrupts,
	      good ? "it works" : "it does not work any more");
	return good && taken && faulted && stopped && cpus[0].interrupts;
}

bool vendor_other(void)
{
	if (option_is("unit"))
		return unit(option("count", 1000000), option("seed", 1));
	broken("neither directed nor fuzz nor unit");
}
