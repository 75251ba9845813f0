/* SPDX-License-Identifier: MIT */
/* AMD: random VMCBs, tables, vAPIC pages and doorbells, and the exits that are allowed. */
#include "fuzz.h"
#include "svm.h"

#define POOL	   4
#define RAM_END	   0x10000000ull /* of 256 MiB: lib/bare.sh */
#define FREE_LOW   0x9000ull
#define FREE_HIGH  (RAM_END - PAGE)
#define RANGE_BITS 40
#define ROM	   0xfffff000u
#define SHADOW	   0xff000u
#define IOMMU_CTRL 0xfed80018u

static uint32_t pool[POOL][1024] __attribute__((aligned(4096)));

static const struct place places[] = {
	{FREE_LOW, MEMORY},
	{FREE_HIGH, MEMORY},
	{RAM_END, NO_MEMORY},
	{0xff000, NO_MEMORY},	 /* shadowed ROM */
	{0xfffff000, NO_MEMORY}, /* ROM */
	{APIC_PAGE, NO_MEMORY},
	{0xfec00000, NO_MEMORY}, /* IOAPIC */
	{0xfed00000, NO_MEMORY}, /* HPET */
	{0xfed80000, NO_MEMORY}, /* IOMMU */
	{0xfed82000, NO_MEMORY}, /* its counters */
	{0xb0000000, NO_MEMORY}, /* PCI configuration */
	{(1ull << RANGE_BITS) - PAGE, NO_MEMORY},
	{1ull << RANGE_BITS, OUT_OF_RANGE},
	{1ull << 51, OUT_OF_RANGE},
	{1ull << 52, OUT_OF_RANGE},
	{1ull << 63, OUT_OF_RANGE},
	{0xfffffffffffff000ull, OUT_OF_RANGE},
};

void fuzz_host_init(void)
{
	memset((void *)(uintptr_t)FREE_LOW, 0, PAGE);
	memset((void *)(uintptr_t)FREE_HIGH, 0, PAGE);
}

static struct place memory_at(const void *p)
{
	return (struct place){address(p), MEMORY};
}

static struct place any_place(struct fuzz *f)
{
	return places[fuzz_below(f, COUNT(places))];
}

/* Chooses the place of a vAPIC page, but never one that would break this program. */
static struct place backing(struct fuzz *f)
{
	unsigned n = fuzz_below(f, 100);

	if (n < 60)
		return memory_at(vms[fuzz_below(f, CPUS)].page);
	if (n < 80)
		return memory_at(pool[fuzz_below(f, POOL)]);
	if (n < 82)
		return memory_at(logical);
	if (n < 84)
		return memory_at(f->vm->vmcb);
	return any_place(f);
}

/*
 * Chooses a physical table: the memory there must not look like valid entries for the program's own
 * pages.
 */
static struct place table(struct fuzz *f, const void *usual)
{
	unsigned n = fuzz_below(f, 100);

	if (n < 85)
		return memory_at(usual);
	if (n < 88)
		return memory_at(f->vm->vmcb);
	return any_place(f);
}

static uint64_t entry(struct fuzz *f)
{
	uint64_t e = backing(f).pa & 0x000ffffffffff000ull;

	e |= fuzz_chance(f, 80) ? ENTRY_VALID : 0;
	e |= fuzz_chance(f, 50) ? ENTRY_RUNNING : 0;
	e |= fuzz_chance(f, 10) ? (fuzz_random(f) & 0x3ff) << 52 : 0;
	return e | (fuzz_chance(f, 80) ? fuzz_below(f, 3) : fuzz_random(f) & 0xfff);
}

static unsigned guest_id(struct fuzz *f)
{
	return fuzz_chance(f, 80) ? fuzz_below(f, 20) : fuzz_below(f, COUNT(physical));
}

static void write_physical(struct fuzz *f)
{
	__atomic_store_n(&physical[guest_id(f)], entry(f), __ATOMIC_SEQ_CST);
}

static void write_logical(struct fuzz *f)
{
	uint32_t e = fuzz_chance(f, 80) ? LOGICAL_VALID | guest_id(f) : (uint32_t)fuzz_random(f);

	__atomic_store_n(&logical[fuzz_chance(f, 80) ? fuzz_below(f, 64) : fuzz_below(f, 1024)], e,
			 __ATOMIC_SEQ_CST);
}

static uint32_t *some_page(struct fuzz *f)
{
	return fuzz_chance(f, 70) ? vms[fuzz_below(f, CPUS)].page : pool[fuzz_below(f, POOL)];
}

static void write_page(struct fuzz *f)
{
	unsigned off = fuzz_chance(f, 90) ? fuzz_register(f) : fuzz_below(f, 1024) * 4;

	*reg(some_page(f), off) = fuzz_value(f);
}

static void post(struct fuzz *f)
{
	vector_set(some_page(f), fuzz_chance(f, 80) ? APIC_IRR : APIC_TMR, fuzz_below(f, 256));
}

static void ring(struct fuzz *f)
{
	wrmsr(MSR_DOORBELL, fuzz_chance(f, 80) ? fuzz_below(f, 3) : fuzz_random(f));
}

void fuzz_tables(struct fuzz *f)
{
	static void (*const kinds[])(struct fuzz *) = {write_physical, write_logical, write_page,
						       post, ring};
	unsigned n = 1 + fuzz_below(f, 6);

	for (unsigned i = 0; i < n; i++)
		kinds[fuzz_below(f, COUNT(kinds))](f);
	f->writes += n;
}

/* The highest that VMRUN takes. */
static unsigned last_index(bool x2)
{
	return !x2 ? 255 : svm_has_x2avic_ext() ? 4095 : 511;
}

static unsigned index_of(struct fuzz *f, bool x2)
{
	static const uint16_t interesting[] = {0, 1, 254, 255, 256, 510, 511, 512, 4094, 4095};

	if (fuzz_chance(f, 60))
		return 1 + fuzz_below(f, last_index(x2));
	if (fuzz_chance(f, 80))
		return interesting[fuzz_below(f, COUNT(interesting))];
	return fuzz_below(f, 4096);
}

/* 15.29.4, and memory behind the backing page. */
static bool refused(const struct vmcb *v, const struct place *b, const struct place *l,
		    const struct place *p)
{
	unsigned max = v->physical_table & 0xfff;
	bool x2 = v->v_intr & V_X2AVIC;

	if (!(v->v_intr & V_AVIC))
		return x2;
	if (!(v->nested_control & NP_ENABLE) || max > last_index(x2) || b->kind != MEMORY)
		return true;
	if (p->kind == OUT_OF_RANGE || (p->pa + max * 8) >> RANGE_BITS)
		return true;
	return !x2 && l->kind == OUT_OF_RANGE;
}

/* Half of the VMRUNs are good ones. */
static void avic_fields(struct fuzz *f)
{
	struct vmcb *v = f->vm->vmcb;
	bool x2 = v->v_intr & V_X2AVIC, good = fuzz_chance(f, 50);
	struct place b = good ? memory_at(some_page(f)) : backing(f);
	struct place l = good ? memory_at(logical) : table(f, logical);
	struct place p = good ? memory_at(physical) : table(f, physical);

	v->backing_page = b.pa | (fuzz_chance(f, 10) ? fuzz_random(f) & 0xfff : 0);
	v->logical_table = l.pa | (fuzz_chance(f, 10) ? fuzz_random(f) & 0xfff : 0);
	v->physical_table = p.pa | (good ? fuzz_below(f, 256) : index_of(f, x2));
	if (p.pa != address(physical)) /* what lies behind other pages are no entries */
		v->physical_table &= ~0xe00ull;
	v->apic_bar = fuzz_guest_bar(f);
	f->invalid = refused(v, &b, &l, &p);
	f->writes += 4;
}

static void clean_bits(struct fuzz *f)
{
	struct vmcb *v = f->vm->vmcb;

	v->clean = fuzz_chance(f, 30) ? (uint32_t)fuzz_random(f) : 0;
	f->unsure = v->clean & CLEAN_AVIC || v->event_inj & EVENT_VALID;
}

/* With V_INTR_MASKING = 0 the timer could not end the guest. */
static void interrupt_control(struct fuzz *f)
{
	struct vmcb *v = f->vm->vmcb;
	bool avic = fuzz_chance(f, 93);

	v->v_intr = V_INTR_MASKING | V_GIF | (avic ? V_AVIC : 0);
	v->v_intr |= fuzz_chance(f, avic ? 30 : 10) ? V_X2AVIC : 0;
	v->v_intr |= fuzz_chance(f, 20) ? fuzz_random(f) & 0xff061f00ffull : 0;
	v->v_intr |= fuzz_chance(f, 30) ? fuzz_below(f, 16) : 0;
	v->v_intr ^= fuzz_chance(f, 10) ? V_GIF_ENABLE | V_GIF : 0;
	v->v_intr |= fuzz_chance(f, 20) ? V_IRQ | V_PRIO(15) | V_VECTOR(fuzz_below(f, 256)) : 0;
	if (avic && fuzz_chance(f, 2))
		v->nested_control = 0;
}

/* A data breakpoint on the access page. */
static void watch(struct fuzz *f)
{
	uint64_t at = APIC_PAGE + fuzz_register(f);

	__asm__ volatile("mov %0, %%dr0" : : "r"(at));
	f->vm->vmcb->dr7 = 0x400 | 1 | (uint64_t)fuzz_below(f, 16) << 16;
}

static void around(struct fuzz *f)
{
	struct vmcb *v = f->vm->vmcb;

	if (fuzz_chance(f, 5))
		v->event_inj = EVENT_VALID | (fuzz_random(f) & 0xffff00000fffull);
	if (fuzz_chance(f, 5))
		v->rsp = fuzz_guest_bar(f) + fuzz_below(f, PAGE);
	if (fuzz_chance(f, 5))
		v->exceptions = 0xffff0000u | (uint32_t)fuzz_random(f);
	if (fuzz_chance(f, 30))
		v->rflags &= ~(uint64_t)RFLAGS_IF;
	if (fuzz_chance(f, 2))
		watch(f);
	v->shadow = fuzz_chance(f, 10);
	v->intercept1 ^= fuzz_chance(f, 10) ? 1u << 4 : 0;  /* VINTR */
	v->intercept1 ^= fuzz_chance(f, 10) ? 1u << 24 : 0; /* HLT */
}

/* The nested mapping of the access page. */
static void nested(struct fuzz *f)
{
	uint64_t *e = vm_nested(f->vm, APIC_PAGE);

	*e = address(f->vm->plain) | PTE_RWX;
	if (fuzz_chance(f, 8))
		*e ^= 1u << fuzz_below(f, 3);
	if (fuzz_chance(f, 4))
		*e |= PTE_NX;
	if (fuzz_chance(f, 4))
		*e = (fuzz_chance(f, 50) ? 0xfffff000u : 0xff000u) | PTE_RWX;
}

void fuzz_fields(struct fuzz *f)
{
	interrupt_control(f);
	avic_fields(f);
	around(f);
	nested(f);
	clean_bits(f);
}

void fuzz_fields_again(struct fuzz *f)
{
	struct vmcb *v = f->vm->vmcb;

	v->rip = address(guest_start);
	v->rsp = address(f->vm->stack) + PAGE;
	v->rflags = RFLAGS_ONE | (fuzz_chance(f, 70) ? RFLAGS_IF : 0);
	if (fuzz_chance(f, 50))
		v->event_inj = v->exit_int_info;
	if (fuzz_chance(f, 30))
		avic_fields(f);
	clean_bits(f);
}

/* ---- the exits ---- */

bool fuzz_is_x2(const struct vm *vm)
{
	return vm->vmcb->v_intr & V_X2AVIC;
}

void fuzz_vendor_step(struct fuzz *f)
{
	fuzz_step(f, g_wrmsr, MSR_DOORBELL, fuzz_below(f, 3));
}

void fuzz_vendor_guest(struct fuzz *f)
{
	vm_intercept_msr(f->vm, MSR_DOORBELL, fuzz_chance(f, 90), fuzz_chance(f, 10));
}

void fuzz_describe(const struct vm *vm)
{
	const struct vmcb *v = vm->vmcb;

	print("exit %lx %lx %lx, v_intr %lx, pointers %lx %lx %lx", v->exit_code, v->exit_info1,
	      v->exit_info2, v->v_intr, v->backing_page, v->logical_table, v->physical_table);
}

/* Intercepts that a guest gone wild can run into. */
static bool known(uint64_t code)
{
	if (code < 0x20)
		return code == 0x10 || code == 0x13 || code == 0x14;
	if (code >= EXIT_EXCEPTION && code <= EXIT_INTR)
		return true;
	if (code >= EXIT_NPF && code <= EXIT_NOACCEL)
		return true;
	return code == 0x64 || code == 0x65 || (code >= 0x72 && code <= 0x8d) ||
	       code == EXIT_INVALID;
}

static void check_exit(struct fuzz *f)
{
	const struct vmcb *v = f->vm->vmcb;
	uint64_t code = v->exit_code;

	if (!known(code))
		fuzz_complain(f, "unknown exit", code);
	if (code == EXIT_IPI && (v->exit_info2 >> 32 > 4 || v->exit_info2 & 0xfffff000))
		fuzz_complain(f, "IPI exit", v->exit_info2);
	if (code == EXIT_NOACCEL && v->exit_info1 & ~(1ull << 32 | 0xff0))
		fuzz_complain(f, "access exit", v->exit_info1);
	if (code == EXIT_NOACCEL && v->exit_info2 >> 8)
		fuzz_complain(f, "access exit", v->exit_info2);
	if (!f->unsure && (code == EXIT_INVALID) != f->invalid)
		fuzz_complain(f, f->invalid ? "VMRUN should fail" : "VMRUN should not fail", code);
}

/* A guest whose vAPIC page is its VMCB may have written any value there. */
unsigned fuzz_run(struct fuzz *f)
{
	static struct vmcb kept_vmcbs[CPUS];
	struct vmcb *v = f->vm->vmcb, *kept = &kept_vmcbs[vm_number(f->vm)];

	*kept = *v;
	vm_run(f->vm);
	kept->exit_code = v->exit_code;
	kept->exit_info1 = v->exit_info1;
	kept->exit_info2 = v->exit_info2;
	kept->exit_int_info = v->exit_int_info;
	*v = *kept;
	check_exit(f);
	return v->exit_code < FUZZ_CODES ? (unsigned)v->exit_code : FUZZ_CODES;
}

enum fuzz_next fuzz_next(unsigned code)
{
	if (code == EXIT_IPI || code == EXIT_NOACCEL || code == EXIT_INTR)
		return GOES_ON;
	return code == EXIT_VMMCALL || code == FUZZ_CODES || code == EXIT_HLT ? ENDS : IS_WILD;
}

/* Registers and memory that AVIC must never write. */
uint64_t fuzz_untouchable(void)
{
	uint64_t sum = cpu_self();

	for (unsigned i = 0; i < PAGE / 8; i++)
		sum = sum * 31 + ((volatile uint64_t *)(uintptr_t)ROM)[i] +
		      ((volatile uint64_t *)(uintptr_t)SHADOW)[i];
	return sum * 31 + *(volatile uint64_t *)(uintptr_t)IOMMU_CTRL;
}
