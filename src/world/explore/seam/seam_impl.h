/* SPDX-License-Identifier: MIT */
#ifndef PN_SEAM_IMPL_H
#define PN_SEAM_IMPL_H

/*
 * The seam for the explorer: every access is a point at which another agent may go on. Macros,
 * because a counter-example names the source line.
 */
struct px_site {
	const char *file, *func, *what;
	int line;
};

enum px_rmw { PX_OR, PX_AND, PX_XCHG, PX_CAS };

uint64_t px_load(const void *p, unsigned size, const struct px_site *site);
void px_store(void *p, unsigned size, uint64_t v, const struct px_site *site);
uint64_t px_rmw(void *p, unsigned size, enum px_rmw op, uint64_t v, uint64_t want,
		const struct px_site *site);
struct pn_u128 px_load128(const struct pn_u128 *p, const struct px_site *site);
bool px_cas128(struct pn_u128 *p, struct pn_u128 *expected, struct pn_u128 v,
	       const struct px_site *site);
void px_fence(const struct px_site *site);
void px_relax(const struct px_site *site);
void px_line_begin(void *p, unsigned size, const struct px_site *site);
void px_line_end(void);
void px_lock(struct pn_lock *l, const struct px_site *site);
void px_lock_irq(struct pn_lock *l, const struct px_site *off, const struct px_site *site);
void px_unlock(struct pn_lock *l, const struct px_site *site);
void px_irq(struct pn_agent *self, bool on, const struct px_site *site);
struct pn_list;
void pn_list_touch(const struct pn_list *l, const struct pn_list *member); /* lists.c */
void pn_statistics(const void *p, size_t size);
bool pn_mistake(enum pn_mistake m);

#define PX_SITE(text)                                                                              \
	(__extension__({                                                                           \
		static const struct px_site px_here = {__FILE__, __func__, text, __LINE__};        \
		&px_here;                                                                          \
	}))

#define PX_TYPED(bits, type)                                                                       \
	static inline type px_rmw##bits(type *p, enum px_rmw op, type v,                           \
					const struct px_site *site)                                \
	{                                                                                          \
		return (type)px_rmw(p, bits / 8, op, v, 0, site);                                  \
	}                                                                                          \
	static inline bool px_cas##bits(type *p, type *expected, type v,                           \
					const struct px_site *site)                                \
	{                                                                                          \
		type want = *expected;                                                             \
		*expected = (type)px_rmw(p, bits / 8, PX_CAS, v, want, site);                      \
		return *expected == want;                                                          \
	}
PX_TYPED(32, uint32_t)
PX_TYPED(64, uint64_t)
#undef PX_TYPED

#define pn_ld32(p)	       ((uint32_t)px_load(p, 4, PX_SITE(#p)))
#define pn_ld32_acq(p)	       pn_ld32(p)
#define pn_or_ld32(b, p)       ((b) | pn_ld32(p))
#define pn_ld32_sc(p)	       pn_ld32(p)
#define pn_st32(p, v)	       px_store(p, 4, v, PX_SITE(#p))
#define pn_st32_rel(p, v)      pn_st32(p, v)
#define pn_or32(p, v)	       px_rmw32(p, PX_OR, v, PX_SITE(#p))
#define pn_and32(p, v)	       px_rmw32(p, PX_AND, v, PX_SITE(#p))
#define pn_xchg32(p, v)	       px_rmw32(p, PX_XCHG, v, PX_SITE(#p))
#define pn_cas32(p, e, v)      px_cas32(p, e, v, PX_SITE(#p))
#define pn_ld64(p)	       px_load(p, 8, PX_SITE(#p))
#define pn_ld64_acq(p)	       pn_ld64(p)
#define pn_ld64_sc(p)	       pn_ld64(p)
#define pn_st64(p, v)	       px_store(p, 8, v, PX_SITE(#p))
#define pn_st64_rel(p, v)      pn_st64(p, v)
#define pn_or64(p, v)	       px_rmw64(p, PX_OR, v, PX_SITE(#p))
#define pn_and64(p, v)	       px_rmw64(p, PX_AND, v, PX_SITE(#p))
#define pn_xchg64(p, v)	       px_rmw64(p, PX_XCHG, v, PX_SITE(#p))
#define pn_cas64(p, e, v)      px_cas64(p, e, v, PX_SITE(#p))
#define pn_ld128_sc(p)	       px_load128(p, PX_SITE(#p))
#define pn_cas128(p, e, v)     px_cas128(p, e, v, PX_SITE(#p))
#define pn_fence()	       px_fence(PX_SITE("fence"))
#define pn_relax()	       px_relax(PX_SITE("spin"))
#define pn_line_begin(p, size) px_line_begin(p, size, PX_SITE("line of " #p))
#define pn_line_end(p)	       px_line_end()
#define pn_lock_take(l)	       px_lock(l, PX_SITE(#l))
#define pn_lock_drop(l)	       px_unlock(l, PX_SITE("unlock " #l))
#define pn_lock_irq(self, l)   ((void)(self), px_lock_irq(l, PX_SITE("interrupts off"), PX_SITE(#l)))
#define pn_unlock_irq(self, l)                                                                     \
	(px_unlock(l, PX_SITE("unlock " #l)), px_irq(self, true, PX_SITE("interrupts on")))
#define pn_irq_off(self) px_irq(self, false, PX_SITE("interrupts off"))
#define pn_irq_on(self)	 px_irq(self, true, PX_SITE("interrupts on"))

#endif
