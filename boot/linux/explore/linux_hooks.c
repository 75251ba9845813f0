/* SPDX-License-Identifier: MIT */
/*
 * The hooks of Linux's code. KCSAN makes the compiler call one before each plain access to memory,
 * and Linux calls one itself before each atomic operation; asm.h adds those before instructions
 * that have none. Each becomes a transition of the explorer:
 *
 * - a load is made by the explorer. If the thread's own store buffer has the value, it lies in
 *   memory for the one instruction that loads it, and is taken back at the next hook;
 * - a store is made by Linux after its hook, into memory. At the next hook it is taken back out of
 *   memory, and goes to the store buffer;
 * - a locked instruction is made by Linux, after the transition that empties the buffer.
 *
 * So no thread stops while memory holds what others must not see.
 *
 * The build gives the compiler's hooks of Linux's objects the prefix pn_linux_ (link.sh), because
 * the explorer has hooks of the same names for the project's own code.
 */
#include <asm/prctl.h>
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine.h"
#include "harness.h"
#include "thunk.h"

#define ATOMIC 4 /* KCSAN_ACCESS_WRITE 1, _COMPOUND 2, _ATOMIC 4 */
#define WRITE  1

extern unsigned long __per_cpu_offset[];

/* What the last hook left to be done at the next one. */
static struct {
	enum { NOTHING, STORE, FORWARDED } kind;
	char *addr;
	unsigned size;
	struct px_val old;
	const struct px_site *site;
	const char *announced; /* a load of the atomic kind has its transition already */
} pending;

/* Of each thread, in its memory: the atomic operation that Linux has announced. */
static struct armed {
	char *addr;
	uint64_t size;
} * armed;

/* Of a CPU: what Linux writes without a hook, and nobody reads. */
static void *untold[PX_CPUS];

/* What one thread alone accesses. */
static struct {
	const char *p;
	size_t size;
} private[8];
static unsigned privates;

/* What is written and decides nothing. */
static struct {
	const char *p;
	size_t size;
} unread[8];
static unsigned unreads;

/* ---- sites: return addresses of the hooks, resolved by the build ---- */

static const struct px_site *site_of(const void *pc)
{
	return pn_line_of((uintptr_t)pc);
}

#define SITE() site_of(__builtin_return_address(0))

/* ---- where ---- */

static bool in_arena(const void *p)
{
	return (const char *)p >= px.arena && (const char *)p < px.arena + px.arena_size;
}

static bool in_stack(const char *p)
{
	const struct px_fiber *f = &px.thread[px.current].fiber;

	return p >= f->stack && p < f->stack + f->size;
}

/* A wild pointer is a fault of the processor a moment later: that is a verdict, too. */
static void check_place(const char *p, const struct px_site *site)
{
	extern char __executable_start[], _end[];

	if (in_stack(p) || p < __executable_start || p >= _end)
		return;
	pn_not_finished("%s:%d writes what is no part of the state: a variable outside of memory",
			site->file, site->line);
}

/* Data of a file of Linux that is not built: where the build put a stub of the same name. */
static void check_data(const char *p, const struct px_site *site)
{
	extern const char __start_linux_stubs[] __attribute__((weak));
	extern const char __stop_linux_stubs[] __attribute__((weak));

	if (p >= __start_linux_stubs && p < __stop_linux_stubs)
		pn_not_finished("%s:%d reads data of a file of Linux that is not built here",
				site->file, site->line);
}

/*
 * A system that does not announce FSGSBASE may allow the instruction and yet forget the base when
 * it switches tasks: there the system call sets it.
 */
void pn_set_gs(unsigned long base)
{
	static unsigned long now;
	static int announced = -1;

	if (announced < 0)
		announced = !!(getauxval(AT_HWCAP2) & 2);
	else if (base == now)
		return;
	now = base;
	if (announced)
		_writegsbase_u64(base);
	else
		syscall(SYS_arch_prctl, ARCH_SET_GS, base);
}

static void set_gs(void)
{
	int cpu = px.thread[px.current].cpu;

	if (cpu >= 0 && cpu < PX_CPUS)
		pn_set_gs(__per_cpu_offset[cpu]);
}

static void resumed(void)
{
	int cpu = px.thread[px.current].cpu;

	if (cpu >= 0 && cpu < PX_CPUS && untold[cpu])
		px_touch(untold[cpu], 8);
	pending.kind = NOTHING;
	pending.announced = NULL;
	set_gs();
}

void pn_hooks_start(void)
{
	px_hooked = true;
	privates = unreads = 0;
	armed = px_alloc(PX_THREADS * sizeof(*armed), 64);
	px_on_resume(resumed);
}

void pn_moved(void)
{
	set_gs();
}

/* ---- loads and stores ---- */

void pn_settle(void)
{
	struct px_val v;

	pending.announced = NULL;
	if (px.current < 0 || pending.kind == NOTHING)
		return;
	v = px_peek(pending.addr, pending.size);
	px_poke(pending.addr, pending.size, pending.old);
	if (pending.kind == STORE) {
		char *addr = pending.addr;
		unsigned size = pending.size;
		const struct px_site *site = pending.site;

		pending.kind = NOTHING;
		px_store(addr, size < 8 ? size : 8, v.lo, site);
		if (size == 16)
			px_store(addr + 8, 8, v.hi, site);
	}
	pending.kind = NOTHING;
}

void pn_unread(const void *p, size_t size)
{
	if (unreads == sizeof(unread) / sizeof(unread[0]))
		pn_not_finished("too many places are only written");
	unread[unreads].p = p;
	unread[unreads++].size = size;
	px_ghost(p, size);
}

static bool is_unread(const char *p)
{
	for (unsigned i = 0; i < unreads; i++)
		if (p >= unread[i].p && p < unread[i].p + unread[i].size)
			return true;
	return false;
}

static void load(char *p, unsigned size, const struct px_site *site)
{
	bool had = pending.announced == p;
	struct px_val v, m;

	if (px.current >= 0 && had) {
		pending.announced = NULL;
		return; /* nothing happened since */
	}
	pn_settle();
	check_data(p, site);
	if (px.current < 0 || !in_arena(p) || is_unread(p))
		return;
	v.lo = px_load(p, size < 8 ? size : 8, site);
	v.hi = size == 16 ? px_load(p + 8, 8, site) : 0;
	m = px_peek(p, size);
	if (v.lo == m.lo && v.hi == m.hi)
		return;
	pending.kind = FORWARDED;
	pending.addr = p;
	pending.size = size;
	pending.old = m;
	px_poke(p, size, v);
}

/* What the current thread sees at @p: memory, and over it what its store buffer has. */
static struct px_val own_view(const char *p, unsigned size)
{
	const struct px_thread_state *t = &px.thread[px.current];
	struct px_val v = px_peek(p, size);
	char *byte = (char *)&v;

	for (uint32_t i = t->head; i != t->tail; i++) {
		const struct px_buffered *b = &t->buf[i % PX_BUFFER];

		for (unsigned k = 0; k < b->size; k++)
			if (b->addr + k >= p && b->addr + k < p + size)
				byte[b->addr + k - p] = ((const char *)&b->val)[k];
	}
	return v;
}

/*
 * The store to a bit field has this hook only, although it reads the other bits; so memory holds
 * what the thread sees until its store is taken back.
 */
static void store(char *p, unsigned size, const struct px_site *site)
{
	pn_settle();
	if (px.current < 0)
		return;
	if (!in_arena(p)) {
		check_place(p, site);
		return;
	}
	if (is_unread(p)) {
		px_touch(p, size);
		return;
	}
	if (armed[px.current].addr == p) {
		px_touch(&armed[px.current], sizeof(*armed));
		armed[px.current] = (struct armed){0};
	}
	px_touch(p, size);
	pending.kind = STORE;
	pending.addr = p;
	pending.size = size;
	pending.old = px_peek(p, size);
	pending.site = site;
	px_poke(p, size, own_view(p, size));
}

#define READ(name, n)                                                                              \
	void pn_linux_##name##n(void *p);                                                          \
	void pn_linux_##name##n(void *p)                                                           \
	{                                                                                          \
		load(p, n, SITE());                                                                \
	}
#define WRITTEN(name, n)                                                                           \
	void pn_linux_##name##n(void *p);                                                          \
	void pn_linux_##name##n(void *p)                                                           \
	{                                                                                          \
		store(p, n, SITE());                                                               \
	}
#define ALL(n)                                                                                     \
	READ(read, n)                                                                              \
	READ(unaligned_read, n)                                                                    \
	READ(volatile_read, n)                                                                     \
	WRITTEN(write, n)                                                                          \
	WRITTEN(unaligned_write, n)                                                                \
	WRITTEN(volatile_write, n)

ALL(1)
ALL(2)
ALL(4)
ALL(8)
ALL(16)

void pn_untold(int cpu, void *p)
{
	untold[cpu] = p;
	px_ghost(p, 8);
}

void pn_private(const void *p, size_t size)
{
	if (privates == sizeof(private) / sizeof(private[0]))
		pn_not_finished("too many places are private");
	private[privates].p = p;
	private[privates++].size = size;
}

static bool is_private(const char *p)
{
	for (unsigned i = 0; i < privates; i++)
		if (p >= private[i].p && p < private[i].p + private[i].size)
			return true;
	return false;
}

/*
 * More bytes than an instruction accesses: nobody else sees a stack, or what is private; elsewhere
 * it is not modelled.
 */
static void range(char *p, size_t size, const struct px_site *site)
{
	pn_settle();
	if (px.current < 0 || in_stack(p))
		return;
	if (is_private(p))
		px_touch(p, size);
	else
		pn_not_finished("%s:%d accesses more than 16 bytes at once", site->file,
				site->line);
}

void pn_linux_read_range(void *p, size_t size);
void pn_linux_read_range(void *p, size_t size)
{
	range(p, size, SITE());
}

void pn_linux_write_range(void *p, size_t size);
void pn_linux_write_range(void *p, size_t size)
{
	range(p, size, SITE());
}

/* Eight bytes at a time, and what is left over. */
static void copy(char *to, const char *from, size_t size, const struct px_site *site)
{
	for (size_t i = 0; i < size;) {
		unsigned n = size - i >= 8 ? 8 : 1;
		uint64_t v = 0;

		load((char *)from + i, n, site);
		memcpy(&v, from + i, n);
		store(to + i, n, site);
		memcpy(to + i, &v, n);
		i += n;
	}
	pn_settle();
}

void *linux_memcpy(void *to, const void *from, size_t size);
void *linux_memcpy(void *to, const void *from, size_t size)
{
	copy(to, from, size, SITE());
	return to;
}

void *linux_memset(void *to, int byte, size_t size);
void *linux_memset(void *to, int byte, size_t size)
{
	const struct px_site *site = SITE();
	uint64_t v = 0x0101010101010101 * (uint8_t)byte;

	for (size_t i = 0; i < size;) {
		unsigned n = size - i >= 8 ? 8 : 1;

		store((char *)to + i, n, site);
		memcpy((char *)to + i, &v, n);
		i += n;
	}
	pn_settle();
	return to;
}

int linux_memcmp(const char *a, const char *b, size_t size);
int linux_memcmp(const char *a, const char *b, size_t size)
{
	const struct px_site *site = SITE();
	int differ = 0;

	for (size_t i = 0; i < size && !differ;) {
		unsigned n = size - i >= 8 ? 8 : 1;
		uint64_t v = 0;

		load((char *)a + i, n, site);
		memcpy(&v, a + i, n);
		load((char *)b + i, n, site);
		differ = memcmp(&v, b + i, n);
		i += n;
	}
	pn_settle();
	return differ;
}

/* Of the command line, during set-up: no transitions. */
static void only_setup(const char *name)
{
	if (px.current >= 0)
		pn_not_finished("Linux calls %s() after set-up", name);
}

size_t linux_strlen(const char *s);
size_t linux_strlen(const char *s)
{
	only_setup("strlen");
	return strlen(s);
}

int linux_strcmp(const char *a, const char *b);
int linux_strcmp(const char *a, const char *b)
{
	only_setup("strcmp");
	return strcmp(a, b);
}

int linux_strncmp(const char *a, const char *b, size_t n);
int linux_strncmp(const char *a, const char *b, size_t n)
{
	only_setup("strncmp");
	return strncmp(a, b, n);
}

size_t linux_strcspn(const char *s, const char *reject);
size_t linux_strcspn(const char *s, const char *reject)
{
	only_setup("strcspn");
	return strcspn(s, reject);
}

/* ---- atomic operations ---- */

void __kcsan_check_access(char *p, size_t size, int type);
void __kcsan_check_access(char *p, size_t size, int type)
{
	if (!(type & ATOMIC)) {
		/* The compiler's hook comes as well, but for __set_bit() and its like. */
		if (px.current >= 0 && type & WRITE && in_arena(p))
			px_touch(p, size);
		return;
	}
	if (!(type & WRITE)) {
		load(p, (unsigned)size, SITE());
		pending.announced = px.current >= 0 && pending.kind == NOTHING ? p : NULL;
		return;
	}
	pn_settle();
	if (px.current < 0)
		return;
	px_touch(&armed[px.current], sizeof(*armed));
	armed[px.current] = (struct armed){p, size};
}

/* The next instruction accesses @p with a locked operation. */
static void locked(char *p, unsigned size, const struct px_site *site)
{
	if (!in_arena(p)) {
		check_place(p, site);
		px_fence(site);
		return;
	}
	px_line_begin(p, size, site);
	px_line_end();
	px_touch(p, size);
}

/* lock addl $0, -4(%rsp) */
static bool is_barrier(const uint8_t *code)
{
	static const uint8_t barrier[] = {0xF0, 0x83, 0x44, 0x24, 0xFC, 0x00};

	return !memcmp(code, barrier, sizeof(barrier));
}

void pn_lock_hook(const void *pc);
void pn_lock_hook(const void *pc)
{
	struct armed a;

	pn_settle();
	if (px.current < 0)
		return;
	a = armed[px.current];
	if (is_barrier(pc)) {
		px_fence(site_of(pc));
		return;
	}
	if (!a.addr) {
		pn_not_finished("%s:%d: a locked instruction that no hook announced",
				site_of(pc)->file, site_of(pc)->line);
		return;
	}
	px_touch(&armed[px.current], sizeof(a));
	armed[px.current] = (struct armed){0};
	locked(a.addr, (unsigned)a.size, site_of(pc));
}

void pn_xchg_hook(char *p, unsigned size, const void *pc);
void pn_xchg_hook(char *p, unsigned size, const void *pc)
{
	pn_settle();
	if (px.current < 0)
		return;
	px_touch(&armed[px.current], sizeof(*armed));
	armed[px.current] = (struct armed){0};
	locked(p, size, site_of(pc));
}

/* ---- interrupts ---- */

static bool interrupts_off(void)
{
	const struct px_thread_state *t = &px.thread[px.current];

	return t->handler || t->irq_off;
}

void pn_cli_hook(const void *pc);
void pn_cli_hook(const void *pc)
{
	pn_settle();
	if (px.current >= 0 && !interrupts_off())
		px_irq(NULL, false, site_of(pc));
}

void pn_sti_hook(const void *pc);
void pn_sti_hook(const void *pc)
{
	pn_settle();
	if (px.current >= 0 && !px.thread[px.current].handler && interrupts_off())
		px_irq(NULL, true, site_of(pc));
}

void pn_pushf_hook(uint64_t *flags);
void pn_pushf_hook(uint64_t *flags)
{
	if (px.current >= 0 && interrupts_off())
		*flags &= ~(1ull << 9);
}

__attribute__((weak)) void pn_machine_wrmsr(uint32_t msr, uint64_t v)
{
	(void)v;
	pn_not_finished("Linux writes MSR %x", msr);
}

void pn_wrmsr_hook(uint32_t msr, uint32_t low, uint32_t high);
void pn_wrmsr_hook(uint32_t msr, uint32_t low, uint32_t high)
{
	pn_settle();
	pn_machine_wrmsr(msr, (uint64_t)high << 32 | low);
}

THUNK("pn_asm_lock", "mov 88(%rbp), %rdi\n", "pn_lock_hook");
THUNK("pn_asm_cli", "mov 88(%rbp), %rdi\n", "pn_cli_hook");
THUNK("pn_asm_sti", "mov 88(%rbp), %rdi\n", "pn_sti_hook");
THUNK("pn_asm_pushf", "lea 96(%rbp), %rdi\n", "pn_pushf_hook");
THUNK("pn_asm_wrmsr", "mov %ecx, %edi\nmov %eax, %esi\n", "pn_wrmsr_hook");
THUNK("pn_asm_xchg1", "mov $1, %esi\nmov 88(%rbp), %rdx\n", "pn_xchg_hook");
THUNK("pn_asm_xchg2", "mov $2, %esi\nmov 88(%rbp), %rdx\n", "pn_xchg_hook");
THUNK("pn_asm_xchg4", "mov $4, %esi\nmov 88(%rbp), %rdx\n", "pn_xchg_hook");
THUNK("pn_asm_xchg8", "mov $8, %esi\nmov 88(%rbp), %rdx\n", "pn_xchg_hook");

/* ---- functions of other files of Linux, restated ---- */

static unsigned long next_bit(unsigned long *bits, unsigned long n, unsigned long from,
			      const struct px_site *site)
{
	unsigned long skip = from % 64 ? ~0ul << from % 64 : ~0ul;

	for (unsigned long i = from / 64 * 64; i < n; i += 64, skip = ~0ul) {
		unsigned long w;

		load((char *)&bits[i / 64], 8, site);
		w = *(volatile unsigned long *)&bits[i / 64] & skip;
		pn_settle();
		if (w)
			return i + (unsigned)__builtin_ctzl(w);
	}
	return n;
}

unsigned long _find_first_bit(unsigned long *bits, unsigned long n);
unsigned long _find_first_bit(unsigned long *bits, unsigned long n)
{
	return next_bit(bits, n, 0, SITE());
}

unsigned long _find_next_bit(unsigned long *bits, unsigned long n, unsigned long from);
unsigned long _find_next_bit(unsigned long *bits, unsigned long n, unsigned long from)
{
	return next_bit(bits, n, from, SITE());
}

/* Static calls: what the call instruction of an inline one goes to before it is patched. */
long __SCK__WARN_trap, __SCK__apic_call_send_IPI_self, __SCK__apic_call_send_IPI_mask;

void __SCT__WARN_trap(void);
void __SCT__WARN_trap(void)
{
	const struct px_site *site = SITE();

	pn_settle();
	px_fail("P6", "Linux warns: WARN at %s:%d", site->file, site->line);
}

void __SCT__apic_call_send_IPI_self(int vector);
void __SCT__apic_call_send_IPI_self(int vector)
{
	pn_settle();
	px_send(px.thread[px.current].cpu, (uint8_t)vector);
}
