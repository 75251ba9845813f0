/* SPDX-License-Identifier: MIT */
#ifndef PN_SMP_SEAM_IMPL_H
#define PN_SMP_SEAM_IMPL_H

/*
 * The seam for real threads: the compiler's atomics of src/seam/native, and on top of them what
 * only this world needs. A thread may stumble between two accesses, so that windows of nanoseconds
 * become wide enough for other threads. A thread that spins gives its processor away, because there
 * are more threads than processors. Known mistakes can be switched on.
 */
#include "../../../seam/native/seam_impl.h"

#define SMP_RAM	       (8u << 20)
#define SMP_WATCH_LINE 32u

/* Of one thread, in memory that is watched. */
struct smp_bits {
	uint64_t asked; /* bits that were set, clear before or not */
	uint64_t fresh; /* of these, clear before */
	uint64_t out;	/* taken out of a word by an exchange, to be set elsewhere */
	uint64_t held;	/* in control words: set less cleared, modulo 2^64 */
};

enum smp_kind { SMP_NOT_WATCHED, SMP_REQUESTS, SMP_CONTROL };

/* Where bits are counted: the kind of each line of @base's memory. NULL: nowhere. */
struct smp_watched {
	uintptr_t base;
	const uint8_t *map;
};

struct smp_dice {
	uint32_t left; /* accesses until the thread stumbles; 0: 2^32 */
	uint32_t mean; /* from one time to the next, about; 0: never */
	uint64_t random;
	uint32_t fence;
	uint32_t masked;	/* no interrupt comes here: this stands for one step of a machine */
	struct pn_agent *agent; /* of the CPU that the thread is; NULL: none */
	struct smp_bits *bits;	/* that it sets; NULL: they are not counted */
};

extern __thread struct smp_dice smp_dice;
extern enum pn_mistake smp_mistake;
extern struct smp_watched smp_watched;

/* A read-modify-write has changed @old to @now in memory of that kind, or has set @bits. */
void smp_bits_set(enum smp_kind kind, uint64_t bits, uint64_t old);
void smp_bits_change(enum smp_kind kind, uint64_t old, uint64_t now);

/* The thread waits for a random time, takes interrupts if they are on, and draws the next time. */
void smp_stumble(void);
/* A lock that another thread holds. */
void smp_lock_wait(struct pn_lock *l);
/* A turn of a loop that waits for another agent. */
void smp_relax(void);

static inline void smp_point(void)
{
	if (__builtin_expect(!--smp_dice.left, 0))
		smp_stumble();
}

static inline enum smp_kind smp_kind(const void *p)
{
	uintptr_t at = (uintptr_t)p - smp_watched.base;

	return smp_watched.map && at < SMP_RAM ? (enum smp_kind)smp_watched.map[at / SMP_WATCH_LINE]
					       : SMP_NOT_WATCHED;
}

static inline void smp_lock(struct pn_lock *l)
{
	smp_point();
	/* Acquire: pairs with the release of pn_lock_drop(). */
	if (__builtin_expect(__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE), 0))
		smp_lock_wait(l);
}

#ifdef __SANITIZE_THREAD__
/* It does not know fences. An exchange of a thread's own word is one, and orders nothing else. */
static inline void smp_fence(void)
{
	__atomic_exchange_n(&smp_dice.fence, 1, __ATOMIC_SEQ_CST);
}
#else
static inline void smp_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#endif

static inline bool smp_makes(enum pn_mistake m)
{
	return __builtin_expect(smp_mistake == m, 0);
}

/*
 * The operands come first. A load in them is an access of its own, and the thread may stumble
 * between it and the store.
 */
#define SMP_WRITES(bits, type)                                                                     \
	static inline void smp_st##bits(type *p, type v)                                           \
	{                                                                                          \
		smp_point();                                                                       \
		pn_st##bits(p, v);                                                                 \
	}                                                                                          \
	static inline void smp_st##bits##_rel(type *p, type v)                                     \
	{                                                                                          \
		smp_point();                                                                       \
		pn_st##bits##_rel(p, v);                                                           \
	}                                                                                          \
	static inline type smp_or##bits(type *p, type v)                                           \
	{                                                                                          \
		type old;                                                                          \
                                                                                                   \
		smp_point();                                                                       \
		old = pn_or##bits(p, v);                                                           \
		if (smp_kind(p))                                                                   \
			smp_bits_set(smp_kind(p), v, old);                                         \
		return old;                                                                        \
	}                                                                                          \
	static inline type smp_and##bits(type *p, type v)                                          \
	{                                                                                          \
		type old;                                                                          \
                                                                                                   \
		smp_point();                                                                       \
		old = pn_and##bits(p, v);                                                          \
		if (smp_kind(p) == SMP_CONTROL)                                                    \
			smp_bits_change(SMP_CONTROL, old, (type)(v & old));                        \
		return old;                                                                        \
	}                                                                                          \
	static inline type smp_xchg##bits(type *p, type v)                                         \
	{                                                                                          \
		type old;                                                                          \
                                                                                                   \
		smp_point();                                                                       \
		old = pn_xchg##bits(p, v);                                                         \
		if (smp_kind(p))                                                                   \
			smp_bits_change(smp_kind(p), old, v);                                      \
		return old;                                                                        \
	}                                                                                          \
	static inline bool smp_cas##bits(type *p, type *expected, type v)                          \
	{                                                                                          \
		bool done;                                                                         \
                                                                                                   \
		smp_point();                                                                       \
		done = pn_cas##bits(p, expected, v);                                               \
		if (done && smp_kind(p))                                                           \
			smp_bits_change(smp_kind(p), *expected, v);                                \
		return done;                                                                       \
	}

SMP_WRITES(32, uint32_t)
SMP_WRITES(64, uint64_t)

static inline bool smp_cas128(struct pn_u128 *p, struct pn_u128 *expected, struct pn_u128 v)
{
	smp_point();
	return pn_cas128(p, expected, v);
}

/* A macro is not expanded in itself: these call the functions of the same name. */
#define pn_ld32(p)	   (smp_point(), pn_ld32(p))
#define pn_ld32_acq(p)	   (smp_point(), pn_ld32_acq(p))
#define pn_ld32_sc(p)	   (smp_point(), pn_ld32_sc(p))
#define pn_st32(p, v)	   smp_st32(p, v)
#define pn_st32_rel(p, v)  smp_st32_rel(p, v)
#define pn_or32(p, v)	   smp_or32(p, v)
#define pn_and32(p, v)	   smp_and32(p, v)
#define pn_xchg32(p, v)	   smp_xchg32(p, v)
#define pn_cas32(p, e, v)  smp_cas32(p, e, v)
#define pn_ld64(p)	   (smp_point(), pn_ld64(p))
#define pn_ld64_acq(p)	   (smp_point(), pn_ld64_acq(p))
#define pn_ld64_sc(p)	   (smp_point(), pn_ld64_sc(p))
#define pn_st64(p, v)	   smp_st64(p, v)
#define pn_st64_rel(p, v)  smp_st64_rel(p, v)
#define pn_or64(p, v)	   smp_or64(p, v)
#define pn_and64(p, v)	   smp_and64(p, v)
#define pn_xchg64(p, v)	   smp_xchg64(p, v)
#define pn_cas64(p, e, v)  smp_cas64(p, e, v)
#define pn_ld128_sc(p)	   (smp_point(), pn_ld128_sc(p))
#define pn_cas128(p, e, v) smp_cas128(p, e, v)
#define pn_fence()	   smp_fence()
#define pn_relax()	   smp_relax()
#define pn_lock_take(l)	   smp_lock(l)
#define pn_lock_drop(l)	   (smp_point(), pn_lock_drop(l))
#define pn_lock_irq(a, l)  (pn_irq_off(a), smp_lock(l))
#define pn_mistake(m)	   smp_makes(m)

#endif
