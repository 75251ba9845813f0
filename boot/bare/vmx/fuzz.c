/* SPDX-License-Identifier: MIT */
/*
 * Intel: random VMCSs, descriptors, virtual-APIC pages and notifications, and the exits that are
 * allowed.
 */
#include "fuzz.h"
#include "vmx.h"

#define POOL	  4
#define RAM_END	  0x10000000ull /* of 256 MiB: lib/bare.sh */
#define FREE_LOW  0x9000ull
#define FREE_HIGH (RAM_END - PAGE)
#define TICKS	  300000u /* of the timer: ends a guest that runs away */
#define ROM	  0xfffff000u

static uint32_t pool[POOL][1024] __attribute__((aligned(4096)));

static const struct place places[] = {
	{FREE_LOW, MEMORY},	    {FREE_HIGH, MEMORY},
	{0xfee00000, NO_MEMORY},    {0xfec00000, NO_MEMORY}, /* IOAPIC */
	{0xfed90000, NO_MEMORY},			     /* IOMMU */
	{1ull << 51, OUT_OF_RANGE}, {1ull << 52, OUT_OF_RANGE},
	{1ull << 63, OUT_OF_RANGE}, {0xfffffffffffff000ull, OUT_OF_RANGE},
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

static uint32_t *some_page(struct fuzz *f)
{
	return fuzz_chance(f, 70) ? vms[fuzz_below(f, CPUS)].page : pool[fuzz_below(f, POOL)];
}

/* ---- shared by both processors ---- */

static uint64_t some_pid(struct fuzz *f)
{
	if (fuzz_chance(f, 85))
		return address(&pids[fuzz_below(f, PIDS)]);
	if (fuzz_chance(f, 50))
		return address(some_page(f)) + fuzz_below(f, 64) * 64;
	return any_place(f).pa;
}

static void write_entry(struct fuzz *f)
{
	uint64_t e = some_pid(f) | (fuzz_chance(f, 85) ? PID_VALID : 0);

	if (fuzz_chance(f, 10))
		e |= fuzz_random(f) & 0x3f;
	__atomic_store_n(&pid_table[fuzz_below(f, fuzz_chance(f, 80) ? 20 : TABLE_SIZE)], e,
			 __ATOMIC_SEQ_CST);
}

static unsigned some_vector(struct fuzz *f)
{
	if (fuzz_chance(f, 70))
		return NOTIFY;
	return fuzz_chance(f, 70) ? OTHER : 0x20 + fuzz_below(f, 0xd0);
}

/*
 * Bochs's APIC never ends an interrupt whose vector is its spurious vector, so that vector is not
 * used.
 */
static uint64_t random_control(struct fuzz *f)
{
	uint64_t c = fuzz_random(f);

	return (c >> 16 & 255) == SPURIOUS ? c ^ PID_NV(1) : c;
}

static void write_pid(struct fuzz *f)
{
	struct pid *p = &pids[fuzz_below(f, PIDS)];

	switch (fuzz_below(f, 4)) {
	case 0:
		p->control = random_control(f);
		break;
	case 1:
		p->control =
			pid_ndst(fuzz_below(f, CPUS)) | PID_NV(some_vector(f)) | fuzz_below(f, 4);
		break;
	case 2:
		p->pir[fuzz_below(f, 4)] = fuzz_random(f);
		break;
	default:
		pir_set(p, fuzz_below(f, 256));
	}
}

static void post(struct fuzz *f)
{
	struct pid *p = &pids[fuzz_below(f, PIDS)];

	pir_set(p, 0x10 + fuzz_below(f, 0xf0));
	__atomic_fetch_or(&p->control, PID_ON, __ATOMIC_SEQ_CST);
	send_interrupt(fuzz_below(f, CPUS), NOTIFY);
}

static void notify(struct fuzz *f)
{
	send_interrupt(fuzz_below(f, CPUS), some_vector(f));
}

static void write_page(struct fuzz *f)
{
	unsigned off = fuzz_chance(f, 90) ? fuzz_register(f) : fuzz_below(f, 1024) * 4;

	*reg(some_page(f), off) = fuzz_value(f);
}

void fuzz_tables(struct fuzz *f)
{
	static void (*const kinds[])(struct fuzz *) = {write_entry, write_pid, post, notify,
						       write_page};
	unsigned n = 1 + fuzz_below(f, 6);

	for (unsigned i = 0; i < n; i++)
		kinds[fuzz_below(f, COUNT(kinds))](f);
	f->writes += n;
}

/* ---- the VMCS ---- */

/* Chooses an address, sometimes a bad one. */
static uint64_t pointer(struct fuzz *f, const void *usual, unsigned align, bool *bad, bool needed)
{
	struct place p = fuzz_chance(f, 88) ? memory_at(usual) : any_place(f);
	uint64_t off = fuzz_chance(f, 4) ? 1 + fuzz_below(f, align - 1) : 0;

	*bad = off || p.kind == OUT_OF_RANGE || (needed && p.kind == NO_MEMORY);
	return p.pa + off;
}

static void controls(struct fuzz *f)
{
	struct vmcs *v = f->vm->vmcs;

	if (fuzz_chance(f, 30))
		vm_x2(f->vm);
	if (fuzz_chance(f, 15))
		v->proc2 ^= PROC2_REGS;
	if (fuzz_chance(f, 10))
		v->proc2 ^= PROC2_VID;
	if (fuzz_chance(f, 5))
		v->proc2 ^= fuzz_chance(f, 50) ? PROC2_X2APIC : PROC2_ACCESSES;
	if (fuzz_chance(f, 12))
		v->pin ^= PIN_POSTED;
	if (fuzz_chance(f, 5))
		v->pin ^= PIN_EXT_INT;
	if (fuzz_chance(f, 3))
		v->exit_ctl ^= EXITC_ACK;
	if (fuzz_chance(f, 3))
		v->proc ^= PROC_TPR;
	if (fuzz_chance(f, 10))
		v->proc ^= PROC_WINDOW;
	if (fuzz_chance(f, 20))
		v->proc ^= PROC_HLT;
	if (has_ipiv() && fuzz_chance(f, 10))
		v->proc3 ^= PROC3_IPIV;
}

/* 27.2.1.1, of the fields as they are now. */
struct bad {
	bool page, access, pid, table;
};

static bool tpr_refused(const struct fuzz *f, const struct bad *bad)
{
	const struct vmcs *v = f->vm->vmcs;
	bool vid = v->proc2 & PROC2_VID;

	if (!(v->proc & PROC_TPR))
		return v->proc2 & (PROC2_X2APIC | PROC2_REGS | PROC2_VID);
	if (bad->page)
		return true;
	if (vid)
		return false;
	return v->tpr_threshold >> 4;
}

static bool refused(const struct fuzz *f, const struct bad *bad)
{
	const struct vmcs *v = f->vm->vmcs;
	bool vid = v->proc2 & PROC2_VID;

	if (tpr_refused(f, bad) || (vid && !(v->pin & PIN_EXT_INT)))
		return true;
	if (v->proc2 & PROC2_ACCESSES && (v->proc2 & PROC2_X2APIC || bad->access))
		return true;
	if (v->pin & PIN_POSTED && (!vid || !(v->exit_ctl & EXITC_ACK) || v->nv >> 8 || bad->pid))
		return true;
	return has_ipiv() && v->proc & PROC_TERTIARY && v->proc3 & PROC3_IPIV && bad->table;
}

/* True if VTPR decides, which the other processor may be writing. */
static bool unsure(const struct vmcs *v)
{
	return !(v->proc2 & (PROC2_VID | PROC2_ACCESSES)) && v->proc & PROC_TPR && v->tpr_threshold;
}

static void fields(struct fuzz *f)
{
	struct vmcs *v = f->vm->vmcs;
	struct bad bad;

	v->virtual_apic = pointer(f, some_page(f), PAGE, &bad.page, true);
	v->apic_access = pointer(f, f->vm->plain, PAGE, &bad.access, false);
	v->pid = pointer(f, &pids[fuzz_below(f, PIDS)], 64, &bad.pid, true);
	v->pid_table = pointer(f, pid_table, 8, &bad.table, false);
	v->last_pid = fuzz_chance(f, 80) ? fuzz_below(f, TABLE_SIZE) : fuzz_random(f) & 0xffff;
	v->nv = fuzz_chance(f, 95) ? some_vector(f) : fuzz_random(f) & 0xffff;
	v->intr_status = fuzz_chance(f, 50) ? 0 : fuzz_random(f) & 0xffff;
	v->tpr_threshold = fuzz_chance(f, 70)	? 0
			   : fuzz_chance(f, 90) ? fuzz_below(f, 16)
						: (uint32_t)fuzz_random(f);
	for (unsigned i = 0; i < 4; i++)
		v->eoi_exit[i] = fuzz_chance(f, 60) ? 0 : fuzz_random(f);
	f->invalid = refused(f, &bad);
	f->unsure = unsure(v);
	f->writes += 9;
}

/* Events that the entry does not refuse by themselves. */
static void around(struct fuzz *f)
{
	struct vmcs *v = f->vm->vmcs;

	v->timer = TICKS;
	v->activity = ACTIVE;
	v->interruptibility = 0;
	v->entry_info = 0;
	v->rflags = RFLAGS_ONE | (fuzz_chance(f, 70) ? RFLAGS_IF : 0);
	if (v->rflags & RFLAGS_IF && fuzz_chance(f, 8))
		v->entry_info = EVENT_VALID | (0x20 + fuzz_below(f, 0xe0));
	else if (v->rflags & RFLAGS_IF && fuzz_chance(f, 10))
		v->interruptibility = BY_STI;
	else if (fuzz_chance(f, 5))
		v->activity = HALTED;
	if (fuzz_chance(f, 5))
		v->rsp = fuzz_guest_bar(f) + (fuzz_below(f, PAGE) & ~7u);
	if (fuzz_chance(f, 5))
		v->exceptions = 0xffff0000u | (uint32_t)fuzz_random(f);
}

static void nested(struct fuzz *f)
{
	uint64_t *e = vm_nested(f->vm, APIC_PAGE);

	*e = address(f->vm->plain) | PTE_RWX | vendor_nested_leaf;
	if (fuzz_chance(f, 5))
		*e &= ~(uint64_t)PTE_RWX;
	else if (fuzz_chance(f, 5))
		*e &= ~(uint64_t)PTE_WRITE;
}

void fuzz_fields(struct fuzz *f)
{
	controls(f);
	fields(f);
	around(f);
	nested(f);
}

void fuzz_fields_again(struct fuzz *f)
{
	struct vmcs *v = f->vm->vmcs;
	uint32_t status = v->intr_status, vectoring = v->vectoring;

	v->rip = address(guest_start);
	v->rsp = address(f->vm->stack) + PAGE;
	if (fuzz_chance(f, 30))
		fields(f);
	if (fuzz_chance(f, 70))
		v->intr_status = status;
	around(f);
	if (v->activity == ACTIVE && !v->interruptibility &&
	    (vectoring & 0x80000700) == EVENT_VALID) {
		v->rflags |= RFLAGS_IF;
		v->entry_info = vectoring;
	}
}

/* ---- the exits ---- */

bool fuzz_is_x2(const struct vm *vm)
{
	return vm->vmcs->proc2 & PROC2_X2APIC;
}

/* An IPI. */
void fuzz_vendor_step(struct fuzz *f)
{
	uint32_t dest = fuzz_below(f, 3);

	if (fuzz_is_x2(f->vm)) {
		fuzz_step(f, g_wrmsr, X2(APIC_ICR), (uint64_t)dest << 32 | 0x45);
		return;
	}
	fuzz_step(f, g_st4, APIC_PAGE + APIC_ICRH, dest << 24);
	fuzz_step(f, g_st4, APIC_PAGE + APIC_ICR, 0x45);
}

void fuzz_vendor_guest(struct fuzz *f)
{
	vm_intercept_msr(f->vm, X2(APIC_ICR), fuzz_chance(f, 20), fuzz_chance(f, 20));
}

void fuzz_describe(const struct vm *vm)
{
	const struct vmcs *v = vm->vmcs;

	print("error %u, reason %x %lx, controls %x %x %x %lx, pointers %lx %lx %lx %lx, vector "
	      "%lx, threshold %x",
	      v->error, v->reason, v->qualification, v->pin, v->proc, v->proc2, v->proc3,
	      v->virtual_apic, v->apic_access, v->pid, v->pid_table, v->nv, v->tpr_threshold);
}

static bool known(uint32_t reason)
{
	switch (reason) {
	case EXIT_EXCEPTION:
	case EXIT_INTERRUPT:
	case EXIT_TRIPLE:
	case EXIT_WINDOW:
	case 9:	 /* task switch */
	case 10: /* CPUID */
	case EXIT_HLT:
	case 13: /* INVD, INVLPG, RDPMC, RDTSC */
	case 14:
	case 15:
	case 16:
	case EXIT_VMCALL:
	case 28: /* control registers, debug registers, I/O */
	case 29:
	case 30:
	case EXIT_RDMSR:
	case EXIT_WRMSR:
	case EXIT_TPR:
	case EXIT_APIC_ACCESS:
	case EXIT_EOI:
	case EXIT_EPT:
	case EXIT_TIMER:
	case EXIT_APIC_WRITE:
		return true;
	default:
		return reason >= 19 && reason <= 27; /* instructions of VMX */
	}
}

static void check_exit(struct fuzz *f)
{
	const struct vmcs *v = f->vm->vmcs;

	if (!f->unsure && (v->error == BAD_CONTROLS) != f->invalid)
		fuzz_complain(f, f->invalid ? "VM entry should fail" : "VM entry should not fail",
			      v->error);
	if (v->error && v->error != BAD_CONTROLS)
		fuzz_complain(f, "VM-instruction error", v->error);
	if (v->error)
		return;
	if (!known(v->reason))
		fuzz_complain(f, "unknown exit", v->reason);
	if (v->reason == EXIT_APIC_WRITE && v->qualification >> 12)
		fuzz_complain(f, "APIC write", v->qualification);
	if (v->reason == EXIT_APIC_ACCESS && v->qualification >> 14)
		fuzz_complain(f, "APIC access", v->qualification);
	if (v->reason == EXIT_EOI && v->qualification >> 8)
		fuzz_complain(f, "EOI", v->qualification);
}

/* A guest that took the machine's interrupt did not end it. */
unsigned fuzz_run(struct fuzz *f)
{
	const struct vmcs *v = f->vm->vmcs;

	vm_run(f->vm);
	for (unsigned i = 0; !(v->pin & PIN_EXT_INT) && host_any_in_service(); i++) {
		end_of_interrupt();
		if (i > 256)
			broken("an interrupt in service cannot be ended");
	}
	check_exit(f);
	return v->error || v->reason >= FUZZ_CODES ? FUZZ_CODES : v->reason;
}

enum fuzz_next fuzz_next(unsigned code)
{
	switch (code) {
	case EXIT_INTERRUPT:
	case EXIT_WINDOW:
	case EXIT_TPR:
	case EXIT_APIC_ACCESS:
	case EXIT_EOI:
	case EXIT_APIC_WRITE:
	case EXIT_RDMSR:
	case EXIT_WRMSR:
		return GOES_ON;
	default:
		return code == EXIT_VMCALL || code == FUZZ_CODES || code == EXIT_HLT ? ENDS
										     : IS_WILD;
	}
}

uint64_t fuzz_untouchable(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < PAGE / 8; i++)
		sum = sum * 31 + ((volatile uint64_t *)(uintptr_t)ROM)[i];
	return sum;
}
