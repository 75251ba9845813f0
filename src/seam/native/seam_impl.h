/* SPDX-License-Identifier: MIT */
#ifndef PN_SEAM_IMPL_H
#define PN_SEAM_IMPL_H

/*
 * The seam for the simulator, for real threads and for embedders: compiler atomics. Another world
 * puts its own seam_impl.h first in the include path.
 *
 * A read-modify-write is a full barrier, also one that fails, as a locked instruction of x86 is.
 * That is what the two-sided protocols need: set IRR, then read IsRun; clear IsRun, then read IRR.
 * A load with the suffix _sc is sequentially consistent. Without a suffix: relaxed.
 */
#ifdef __x86_64__
static inline void pn_rmw_barrier(void)
{
}
#else
/* C11 orders an atomic that is sequentially consistent with others of its kind, and with nothing
 * else. */
static inline void pn_rmw_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#endif

#define PN_SEAM_PLAIN(bits, type)                                                                  \
	static inline type pn_ld##bits(const type *p)                                              \
	{                                                                                          \
		return __atomic_load_n(p, __ATOMIC_RELAXED);                                       \
	}                                                                                          \
	static inline type pn_ld##bits##_acq(const type *p)                                        \
	{                                                                                          \
		return __atomic_load_n(p, __ATOMIC_ACQUIRE);                                       \
	}                                                                                          \
	static inline type pn_ld##bits##_sc(const type *p)                                         \
	{                                                                                          \
		return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                       \
	}                                                                                          \
	static inline void pn_st##bits(type *p, type v)                                            \
	{                                                                                          \
		__atomic_store_n(p, v, __ATOMIC_RELAXED);                                          \
	}                                                                                          \
	static inline void pn_st##bits##_rel(type *p, type v)                                      \
	{                                                                                          \
		__atomic_store_n(p, v, __ATOMIC_RELEASE);                                          \
	}                                                                                          \
	static inline type pn_or##bits(type *p, type v)                                            \
	{                                                                                          \
		type old;                                                                          \
		pn_rmw_barrier();                                                                  \
		old = __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                                   \
		pn_rmw_barrier();                                                                  \
		return old;                                                                        \
	}                                                                                          \
	static inline type pn_and##bits(type *p, type v)                                           \
	{                                                                                          \
		type old;                                                                          \
		pn_rmw_barrier();                                                                  \
		old = __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                                  \
		pn_rmw_barrier();                                                                  \
		return old;                                                                        \
	}                                                                                          \
	static inline type pn_xchg##bits(type *p, type v)                                          \
	{                                                                                          \
		type old;                                                                          \
		pn_rmw_barrier();                                                                  \
		old = __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                 \
		pn_rmw_barrier();                                                                  \
		return old;                                                                        \
	}                                                                                          \
	static inline bool pn_cas##bits(type *p, type *expected, type v)                           \
	{                                                                                          \
		bool done;                                                                         \
		pn_rmw_barrier();                                                                  \
		done = __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST,        \
						   __ATOMIC_SEQ_CST);                              \
		pn_rmw_barrier();                                                                  \
		return done;                                                                       \
	}

PN_SEAM_PLAIN(32, uint32_t)
PN_SEAM_PLAIN(64, uint64_t)
#undef PN_SEAM_PLAIN

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
/* @bits and those of *@p, which is loaded with acquire: one instruction, as every load is. */
static inline uint32_t pn_or_ld32(uint32_t bits, const uint32_t *p)
{
	__asm__ volatile("orl %1, %0" : "+r"(bits) : "m"(*p) : "memory");
	return bits;
}

static inline bool pn_cas128(struct pn_u128 *p, struct pn_u128 *expected, struct pn_u128 v)
{
	bool done;

	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(done), "+m"(*p), "+a"(expected->lo), "+d"(expected->hi)
			 : "b"(v.lo), "c"(v.hi)
			 : "memory");
	return done;
}
#else
static inline uint32_t pn_or_ld32(uint32_t bits, const uint32_t *p)
{
	return bits | pn_ld32_acq(p);
}

static inline bool pn_cas128(struct pn_u128 *p, struct pn_u128 *expected, struct pn_u128 v)
{
	unsigned __int128 want = (unsigned __int128)expected->hi << 64 | expected->lo;
	unsigned __int128 next = (unsigned __int128)v.hi << 64 | v.lo;
	unsigned __int128 seen;

	pn_rmw_barrier();
	seen = __sync_val_compare_and_swap((unsigned __int128 *)(void *)p, want, next);
	pn_rmw_barrier();
	expected->lo = (uint64_t)seen;
	expected->hi = (uint64_t)(seen >> 64);
	return seen == want;
}
#endif

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
/* An aligned 16-byte SSE load is atomic on every processor with AVX (AMD64 APM vol 2, 7.3.2). */
static inline struct pn_u128 pn_ld128_sc(const struct pn_u128 *p)
{
	struct pn_u128 v;
	__extension__ typedef long long v2 __attribute__((vector_size(16)));
	v2 x;

	/* The halves change places for the compiler, which else takes the upper one from memory. */
	__asm__ volatile("movdqa %2, %1\n\tmovq %1, %0\n\tpunpckhqdq %1, %1"
			 : "=r"(v.lo), "=&x"(x)
			 : "m"(*(const v2 *)(const void *)p)
			 : "memory");
	v.hi = (uint64_t)x[0];
	return v;
}
#else
/*
 * What was read is stored again: on Armv8.0 the two halves that a compare and exchange finds belong
 * together only if it stores.
 */
static inline struct pn_u128 pn_ld128_sc(const struct pn_u128 *p)
{
	struct pn_u128 v = {pn_ld64(&p->lo), pn_ld64(&p->hi)};

	while (!pn_cas128((struct pn_u128 *)(uintptr_t)p, &v, v))
		;
	return v;
}
#endif

static inline void pn_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * Bracket accesses to [p, p + size) that hardware performs as one. The explorer makes them atomic;
 * here, with real threads, they stay separate, so the code must also be correct in program order.
 */
static inline void pn_line_begin(void *p, unsigned size)
{
	(void)p;
	(void)size;
}

static inline void pn_line_end(void *p)
{
	(void)p;
}

static inline void pn_relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#endif
}

static inline void pn_lock_take(struct pn_lock *l)
{
	while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE)) {
		while (__atomic_load_n(&l->held, __ATOMIC_RELAXED))
			pn_relax();
	}
}

static inline void pn_lock_drop(struct pn_lock *l)
{
	__atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}

static inline void pn_irq_off(struct pn_agent *self)
{
	self->irq_off++;
}

static inline void pn_irq_on(struct pn_agent *self)
{
	if (--self->irq_off == 0 && self->irq_poll)
		self->irq_poll(self);
}

/* Takes a lock that interrupt handlers take too, so interrupts are switched off first. */
static inline void pn_lock_irq(struct pn_agent *self, struct pn_lock *l)
{
	pn_irq_off(self);
	pn_lock_take(l);
}

static inline void pn_unlock_irq(struct pn_agent *self, struct pn_lock *l)
{
	pn_lock_drop(l);
	pn_irq_on(self);
}

struct pn_list;

static inline void pn_list_touch(const struct pn_list *l, const struct pn_list *member)
{
	(void)l;
	(void)member;
}

static inline void pn_statistics(const void *p, size_t size)
{
	(void)p;
	(void)size;
}

static inline bool pn_mistake(enum pn_mistake m)
{
	(void)m;
	return false;
}

#endif
