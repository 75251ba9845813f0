/* SPDX-License-Identifier: MIT */
/* The loop on each processor, and the verdict. */
#include "fuzz.h"
#include "row.h"

#define TIMER	   125000 /* 2 ms: ends a guest that runs away */
#define RESET	   32	  /* all pages are new after this many guests */
#define AGAIN	   6
#define COMPLAINTS 10

static struct fuzz states[CPUS];
static uint64_t exits[CPUS][FUZZ_CODES + 1]; /* the last: refused */
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

void fuzz_complain(struct fuzz *f, const char *what, uint64_t value)
{
	if (__atomic_fetch_add(&complaints, 1, __ATOMIC_RELAXED) >= COMPLAINTS)
		return;
	while (__atomic_exchange_n(&printing, 1, __ATOMIC_ACQUIRE))
		pause();
	print("bare: FAILED: fuzz: processor %u: %s: %lx; ", vm_number(f->vm), what, value);
	fuzz_describe(f->vm);
	print("\n");
	__atomic_store_n(&printing, 0, __ATOMIC_RELEASE);
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

static void one_guest(struct fuzz *f)
{
	struct vm *vm = f->vm;
	unsigned at = 0, code = 0;

	vm_rewind(vm);
	fuzz_fields(f);
	fuzz_guest(f);
	for (unsigned i = 0; i < AGAIN; i++) {
		fuzz_tables(f);
		code = fuzz_run(f);
		exits[vm_number(vm)][code]++;
		take_interrupts();
		at = steps(f, at);
		if (fuzz_next(code) != GOES_ON || at >= vm->nops)
			break;
		vm->guest->first = at * OP_SIZE;
		fuzz_fields_again(f);
	}
	/* The guest may have written there, too. */
	if (vm->guest->count <= FUZZ_LIMIT)
		interrupts[vm_number(vm)] += vm->guest->count;
	if (fuzz_next(code) == IS_WILD) {
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

static void print_exits(void)
{
	const char *comma = " ";

	for (unsigned code = 0; code <= FUZZ_CODES; code++) {
		uint64_t n = 0;

		for (unsigned cpu = 0; cpu < CPUS; cpu++)
			n += exits[cpu][code];
		if (!n)
			continue;
		if (code == FUZZ_CODES)
			print("%srefused %lu", comma, n);
		else
			print("%s%x %lu", comma, code, n);
		comma = ", ";
	}
}

bool fuzz(uint64_t count, uint64_t seed)
{
	uint64_t before = fuzz_untouchable();

	limit = count;
	fuzz_host_init();
	for (unsigned i = 0; i < CPUS; i++) {
		states[i] = (struct fuzz){.vm = &vms[i], .random = (seed << 1 | 1) * (i + 3)};
		for (unsigned n = 0; n < 16; n++)
			fuzz_random(&states[i]);
	}
	second_give(loop, &states[1]);
	loop(&states[0]);
	if (!second_wait()) {
		fuzz_complain(&states[1], "does not come back", states[1].writes);
		end(END_BROKEN);
	}
	if (fuzz_untouchable() != before)
		fuzz_complain(&states[0], "ROM or registers have changed", 0);
	print("fuzz-cpu: %lu writes, seed %lu, exits by code", total, seed);
	print_exits();
	print(", %lu interrupts taken", interrupts[0] + interrupts[1]);
	if (complaints)
		print(", %u complaints\n", complaints);
	else
		print(", no complaint\n");
	return !complaints;
}
