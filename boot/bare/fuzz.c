/* SPDX-License-Identifier: MIT */
/* The loop on each processor, what exits it may see, and the verdict. */
#include "fuzz.h"

#define TIMER	   125000 /* 2 ms: a wild guest is fetched back */
#define CODES	   0x403
#define RESET	   32 /* every so many guests all their pages are new */
#define AGAIN	   6
#define COMPLAINTS 10

#define ROM	   0xfffff000u
#define SHADOW	   0xff000u
#define IOMMU_CTRL 0xfed80018u

static struct fuzz states[CPUS];
static struct vmcb kept_vmcbs[CPUS];
static uint64_t exits[CPUS][CODES + 1]; /* the last: VMEXIT_INVALID */
static uint64_t interrupts[CPUS];
static uint64_t limit;
static volatile uint64_t total;
static volatile uint32_t complaints, printing;

uint64_t fuzz_random(struct fuzz *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random * 0x2545f4914f6cdd1dull;
}

static void complain(struct fuzz *f, const char *what, uint64_t value)
{
	const struct vmcb *v = f->vm->vmcb;

	if (__atomic_fetch_add(&complaints, 1, __ATOMIC_RELAXED) >= COMPLAINTS)
		return;
	while (__atomic_exchange_n(&printing, 1, __ATOMIC_ACQUIRE))
		pause();
	print("bare: FAILED: fuzz: processor %u: %s: %lx; exit %lx %lx %lx, v_intr %lx, pointers "
	      "%lx "
	      "%lx %lx\n",
	      vm_number(f->vm), what, value, v->exit_code, v->exit_info1, v->exit_info2, v->v_intr,
	      v->backing_page, v->logical_table, v->physical_table);
	__atomic_store_n(&printing, 0, __ATOMIC_RELEASE);
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

	exits[vm_number(f->vm)][code < CODES ? code : CODES]++;
	if (!known(code))
		complain(f, "unknown exit", code);
	if (code == EXIT_IPI && (v->exit_info2 >> 32 > 4 || v->exit_info2 & 0xfffff000))
		complain(f, "IPI exit", v->exit_info2);
	if (code == EXIT_NOACCEL && v->exit_info1 & ~(1ull << 32 | 0xff0))
		complain(f, "access exit", v->exit_info1);
	if (code == EXIT_NOACCEL && v->exit_info2 >> 8)
		complain(f, "access exit", v->exit_info2);
	if (!f->unsure && (code == EXIT_INVALID) != f->invalid)
		complain(f, f->invalid ? "VMRUN should fail" : "VMRUN should not fail", code);
}

/* The step after the last that the guest did, the one at which it left included. */
static unsigned steps(struct fuzz *f, unsigned first)
{
	volatile struct op *ops = f->vm->guest->ops;
	unsigned n = first;

	while (n < f->vm->nops && ops[n].done)
		n++;
	for (unsigned i = first; i <= n && i < f->vm->nops; i++)
		f->writes += ops[i].counts == 1;
	return n + 1;
}

static bool goes_on(uint64_t code)
{
	return code == EXIT_IPI || code == EXIT_NOACCEL || code == EXIT_INTR;
}

static bool wild(uint64_t code)
{
	return !goes_on(code) && code != EXIT_VMMCALL && code != EXIT_INVALID && code != EXIT_HLT;
}

/* A guest whose vAPIC page is its VMCB may have written there what it liked. */
static void run(struct fuzz *f)
{
	struct vmcb *v = f->vm->vmcb, *kept = &kept_vmcbs[vm_number(f->vm)];

	*kept = *v;
	vm_run(f->vm);
	kept->exit_code = v->exit_code;
	kept->exit_info1 = v->exit_info1;
	kept->exit_info2 = v->exit_info2;
	kept->exit_int_info = v->exit_int_info;
	*v = *kept;
}

static void one_guest(struct fuzz *f)
{
	struct vm *vm = f->vm;
	unsigned at = 0;

	vm_rewind(vm);
	fuzz_vmcb(f);
	fuzz_guest(f);
	for (unsigned i = 0; i < AGAIN; i++) {
		fuzz_tables(f);
		run(f);
		take_interrupts();
		check_exit(f);
		at = steps(f, at);
		if (!goes_on(vm->vmcb->exit_code) || at >= vm->nops)
			break;
		vm->guest->first = at * OP_SIZE;
		fuzz_vmcb_again(f);
	}
	/* The guest may have written there, too. */
	if (vm->guest->count <= FUZZ_LIMIT)
		interrupts[vm_number(vm)] += vm->guest->count;
	if (wild(vm->vmcb->exit_code)) {
		vm_reset(vm_number(vm));
		vm_guest_tables();
	}
}

static void loop(void *arg)
{
	struct fuzz *f = arg;

	timer(TIMER);
	for (unsigned i = 1; total < limit; i++) {
		uint64_t before = f->writes;

		if (i % RESET == 0)
			vm_reset(vm_number(f->vm));
		one_guest(f);
		__atomic_fetch_add(&total, f->writes - before, __ATOMIC_RELAXED);
	}
	timer(0);
}

/* What AVIC must never write. */
static uint64_t untouchable(void)
{
	uint64_t sum = cpu_self();

	for (unsigned i = 0; i < PAGE / 8; i++)
		sum = sum * 31 + ((volatile uint64_t *)(uintptr_t)ROM)[i] +
		      ((volatile uint64_t *)(uintptr_t)SHADOW)[i];
	return sum * 31 + *(volatile uint64_t *)(uintptr_t)IOMMU_CTRL;
}

static void print_exits(void)
{
	const char *comma = " ";

	for (unsigned code = 0; code <= CODES; code++) {
		uint64_t n = 0;

		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			n += exits[cpu][code];
		if (!n)
			continue;
		if (code == CODES)
			print("%sinvalid %lu", comma, n);
		else
			print("%s%x %lu", comma, code, n);
		comma = ", ";
	}
}

bool fuzz(uint64_t count, uint64_t seed)
{
	uint64_t before = untouchable();

	limit = count;
	fuzz_host_init();
	for (unsigned i = 0; i < CPUS; i++) {
		states[i] = (struct fuzz){.vm = &vms[i], .random = (seed << 1 | 1) * (i + 3)};
		for (unsigned n = 0; n < 16; n++)
			fuzz_random(&states[i]);
	}
	second_give(loop, &states[1]);
	loop(&states[0]);
	if (!second_wait())
		broken("the second processor does not come back");
	if (untouchable() != before)
		complain(&states[0], "ROM or registers have changed", 0);
	print("fuzz-cpu: %lu writes, seed %lu, exits by code", total, seed);
	print_exits();
	print(", %lu interrupts taken", interrupts[0] + interrupts[1]);
	if (complaints)
		print(", %u complaints\n", complaints);
	else
		print(", no complaint\n");
	return !complaints;
}
