/* SPDX-License-Identifier: MIT */
#ifndef PN_SMP_SEAM_IMPL_H
#define PN_SMP_SEAM_IMPL_H

/*
 * The seam for real threads: the compiler's atomics of src/seam/native, and on top of them what
 * only this world needs. A thread may stumble between two accesses, so that windows of nanoseconds
 * become wide enough for other threads. Then its stores wait in a buffer, too, as in a processor of
 * x86: loads of other words go ahead of them, a read-modify-write or a fence does not. A thread
 * that spins gives its processor away, because there are more threads than processors. Known
 * mistakes can be switched on.
 */
#include "../../../seam/native/seam_impl.h"

#define SMP_RAM	       (8u << 20)
#define SMP_WATCH_LINE 32u
#define SMP_WATCH_HOST (64u << 10)

/* Of one thread, in memory that is watched. */
struct smp_bits {
	uint64_t asked; /* bits that were set, clear before or not */
	uint64_t fresh; /* of these, clear before */
	uint64_t out;	/* taken out of a word by an exchange, to be set elsewhere */
	uint64_t held;	/* in words that only locked accesses change: set less cleared */
};

enum smp_kind { SMP_NOT_WATCHED, SMP_PENDING, SMP_LOCKED };

/*
 * Where bits are counted: the kind of each line of the memory that silicon reaches, and of each
 * 32-bit word of the host's vCPUs. NULL: nowhere.
 */
struct smp_watched {
	uintptr_t ram, host;
	const uint8_t *ram_map, *host_map;
};

#define SMP_STORES 8

/* A store that other threads do not see yet. */
struct smp_store {
	void *at;
	uint64_t value;
	unsigned size;
	bool release;
};

struct smp_dice {
	uint32_t left; /* accesses until the thread stumbles; 0: 2^32 */
	uint32_t mean; /* from one time to the next, about; 0: never */
	uint64_t random;
	uint32_t fence;
	uint32_t masked;	/* no interrupt comes here: this stands for one step of a machine */
	struct pn_agent *agent; /* of the CPU that the thread is; NULL: none */
	struct smp_bits *bits;	/* that it sets; NULL: they are not counted */
	uint32_t kept;		/* stores that wait, the oldest first; 0 in most moments */
	uint32_t looks;		/* loads that still go ahead of them */
	struct smp_store store[SMP_STORES];
};

extern __thread struct smp_dice smp_dice;
extern enum pn_mistake smp_mistake;
extern struct smp_watched smp_watched;

/* A read-modify-write has changed @old to @now in memory of that kind, or has set @bits. */
void smp_bits_set(enum smp_kind kind, uint64_t bits, uint64_t old);
void smp_bits_change(enum smp_kind kind, uint64_t old, uint64_t now);

/* The thread waits for a random time, makes the stores that wait, takes interrupts if they are on,
 * and draws the next time. */
void smp_stumble(void);
/* The same before a load of @size bytes, or nothing if the load goes ahead of stores. */
void smp_stumble_at_load(const void *p, unsigned size);
/* The same before @s, which waits behind others or begins to wait; false: the caller makes it. */
bool smp_keeps(const struct smp_store *s);
/* Makes the stores that wait. */
void smp_land(void);
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
	uintptr_t at = (uintptr_t)p - smp_watched.ram, host = (uintptr_t)p - smp_watched.host;

	if (!smp_watched.ram_map)
		return SMP_NOT_WATCHED;
	if (at < SMP_RAM)
		return (enum smp_kind)smp_watched.ram_map[at / SMP_WATCH_LINE];
	return host < SMP_WATCH_HOST ? (enum smp_kind)smp_watched.host_map[host / 4]
				     : SMP_NOT_WATCHED;
}

static inline void smp_point_at_load(const void *p, unsigned size)
{
	if (__builtin_expect(!--smp_dice.left, 0))
		smp_stumble_at_load(p, size);
}

static inline bool smp_waits(void *at, uint64_t value, unsigned size, bool release)
{
	const struct smp_store s = {at, value, size, release};

	return __builtin_expect(!--smp_dice.left, 0) && smp_keeps(&s);
}

static inline void smp_lock(struct pn_lock *l)
{
	smp_point();
	/* Acquire: pairs with the release of pn_lock_drop(). */
	if (__builtin_expect(__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE), 0))
		smp_lock_wait(l);
}

static inline void smp_land_some(void)
{
	if (__builtin_expect(smp_dice.kept, 0))
		smp_land();
}

static inline void smp_unlock(struct pn_lock *l)
{
	if (!smp_waits(&l->held, 0, sizeof(l->held), true))
		pn_lock_drop(l);
}

#ifdef __SANITIZE_THREAD__
/* It does not know fences. An exchange of a thread's own word is one, and orders nothing else. */
static inline void smp_fence(void)
{
	smp_land_some();
	__atomic_exchange_n(&smp_dice.fence, 1, __ATOMIC_SEQ_CST);
}
#else
static inline void smp_fence(void)
{
	smp_land_some();
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
#define SMP_ACCESSES(bits, type)                                                                   \
	static inline type smp_ld##bits(const type *p)                                             \
	{                                                                                          \
		smp_point_at_load(p, bits / 8);                                                    \
		return pn_ld##bits(p);                                                             \
	}                                                                                          \
	static inline type smp_ld##bits##_acq(const type *p)                                       \
	{                                                                                          \
		smp_point_at_load(p, bits / 8);                                                    \
		return pn_ld##bits##_acq(p);                                                       \
	}                                                                                          \
	static inline type smp_ld##bits##_sc(const type *p)                                        \
	{                                                                                          \
		smp_point_at_load(p, bits / 8);                                                    \
		return pn_ld##bits##_sc(p);                                                        \
	}                                                                                          \
	static inline void smp_st##bits(type *p, type v)                                           \
	{                                                                                          \
		if (!smp_waits(p, v, bits / 8, false))                                             \
			pn_st##bits(p, v);                                                         \
	}                                                                                          \
	static inline void smp_st##bits##_rel(type *p, type v)                                     \
	{                                                                                          \
		if (!smp_waits(p, v, bits / 8, true))                                              \
			pn_st##bits##_rel(p, v);                                                   \
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
		if (smp_kind(p) == SMP_LOCKED)                                                     \
			smp_bits_change(SMP_LOCKED, old, (type)(v & old));                         \
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

SMP_ACCESSES(32, uint32_t)
SMP_ACCESSES(64, uint64_t)

static inline struct pn_u128 smp_ld128_sc(const struct pn_u128 *p)
{
	smp_point_at_load(p, sizeof(*p));
	return pn_ld128_sc(p);
}

static inline bool smp_cas128(struct pn_u128 *p, struct pn_u128 *expected, struct pn_u128 v)
{
	smp_point();
	return pn_cas128(p, expected, v);
}

/* A macro is not expanded in itself: these call the functions of the same name. */
#define pn_ld32(p)	    smp_ld32(p)
#define pn_ld32_acq(p)	    smp_ld32_acq(p)
#define pn_or_ld32(b, p)    ((b) | smp_ld32_acq(p))
#define pn_ld32_sc(p)	    smp_ld32_sc(p)
#define pn_st32(p, v)	    smp_st32(p, v)
#define pn_st32_rel(p, v)   smp_st32_rel(p, v)
#define pn_or32(p, v)	    smp_or32(p, v)
#define pn_and32(p, v)	    smp_and32(p, v)
#define pn_xchg32(p, v)	    smp_xchg32(p, v)
#define pn_cas32(p, e, v)   smp_cas32(p, e, v)
#define pn_ld64(p)	    smp_ld64(p)
#define pn_ld64_acq(p)	    smp_ld64_acq(p)
#define pn_ld64_sc(p)	    smp_ld64_sc(p)
#define pn_st64(p, v)	    smp_st64(p, v)
#define pn_st64_rel(p, v)   smp_st64_rel(p, v)
#define pn_or64(p, v)	    smp_or64(p, v)
#define pn_and64(p, v)	    smp_and64(p, v)
#define pn_xchg64(p, v)	    smp_xchg64(p, v)
#define pn_cas64(p, e, v)   smp_cas64(p, e, v)
#define pn_ld128_sc(p)	    smp_ld128_sc(p)
#define pn_cas128(p, e, v)  smp_cas128(p, e, v)
#define pn_fence()	    smp_fence()
#define pn_relax()	    smp_relax()
#define pn_lock_take(l)	    smp_lock(l)
#define pn_lock_drop(l)	    smp_unlock(l)
#define pn_lock_irq(a, l)   (pn_irq_off(a), smp_lock(l))
#define pn_unlock_irq(a, l) (smp_unlock(l), pn_irq_on(a))
#define pn_mistake(m)	    smp_makes(m)

#endif
