/* SPDX-License-Identifier: MIT */
/*
 * Bits of interrupts, counted where they are set: in the IRR of each vCPU and in the PIR of its
 * descriptor, by each read-modify-write, of silicon or host. A bit that is set in another way is in
 * no count, and so is found, too. The control word of a descriptor, with ON, SN, NV and NDST, is
 * changed by several agents and by read-modify-writes only (R7 of docs/protocol-intel.md), and so
 * are the requests to a vCPU: what all of them set, less what they cleared, must be there.
 */
#include <string.h>

#include "smp.h"

#define IRR_BYTES 128
#define PIR_WORDS 4
#define PIR_BYTES 32

#define CONTROL (PIR_BYTES / 8) /* quadword of the descriptor, in the line after the PIR's */

static uint8_t map[SMP_RAM / SMP_WATCH_LINE], host_map[SMP_WATCH_HOST / 4];
struct smp_watched smp_watched;

/* ---- counting ---- */

static uint64_t ones(uint64_t bits)
{
	return (uint64_t)__builtin_popcountll(bits);
}

void smp_bits_set(enum smp_kind kind, uint64_t bits, uint64_t old)
{
	struct smp_bits *n = smp_dice.bits;

	if (!n)
		return;
	if (kind == SMP_LOCKED) {
		smp_bits_change(kind, old, old | bits);
		return;
	}
	n->asked += ones(bits);
	n->fresh += ones(bits & ~old);
}

void smp_bits_change(enum smp_kind kind, uint64_t old, uint64_t now)
{
	struct smp_bits *n = smp_dice.bits;

	if (n && kind == SMP_LOCKED)
		n->held += ones(now) - ones(old);
	else if (n)
		n->out += ones(old & ~now);
}

static void watch(const void *at, size_t bytes, enum smp_kind kind)
{
	memset(map + ((uintptr_t)at - smp_watched.ram) / SMP_WATCH_LINE, kind,
	       bytes / SMP_WATCH_LINE);
}

static void watch_requests(const struct smp_vcpu *v)
{
	uintptr_t at = (uintptr_t)&v->h->requests - smp_watched.host;

	if (at < SMP_WATCH_HOST)
		host_map[at / 4] = SMP_LOCKED;
}

/* Everything rests, so the order of loads means nothing, here and in pending(). */
static uint64_t held(const struct smp *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->vcpus; i++) {
		const struct smp_vcpu *v = &s->vcpu[i];

		n += v->pir ? ones(pn_ld64(&v->pir[CONTROL])) : 0;
		n += ones(pn_ld32(&v->h->requests));
	}
	return n;
}

void smp_watch(struct smp *s)
{
	memset(map, 0, sizeof(map));
	memset(host_map, 0, sizeof(host_map));
	smp_watched =
		(struct smp_watched){(uintptr_t)s->bus.ram, (uintptr_t)s->vcpu[0].h, map, host_map};
	for (unsigned i = 0; i < s->vcpus; i++) {
		watch(s->vcpu[i].h->page + PN_APIC_IRR / 4, IRR_BYTES, SMP_PENDING);
		watch_requests(&s->vcpu[i]);
		if (!s->vcpu[i].pir)
			continue;
		watch(s->vcpu[i].pir, PIR_BYTES, SMP_PENDING);
		watch(s->vcpu[i].pir + CONTROL, SMP_WATCH_LINE, SMP_LOCKED);
	}
	s->held = held(s);
	s->watched = true;
}

void smp_unwatch(void)
{
	smp_watched = (struct smp_watched){0};
}

/* ---- at rest ---- */

static void add(struct smp_bits *all, const struct smp_bits *one)
{
	all->asked += one->asked;
	all->fresh += one->fresh;
	all->out += one->out;
	all->held += one->held;
}

struct smp_bits smp_bits(const struct smp *s)
{
	struct smp_bits all = {0};

	for (unsigned i = 0; i < s->cpus; i++)
		add(&all, &s->cpu[i].bits);
	for (unsigned i = 0; i < s->devices; i++)
		add(&all, &s->device[i].bits);
	return all;
}

/* A bit in the IRR and the same one in the PIR are two. As in held(), nothing changes them. */
static uint64_t pending(const struct smp *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->vcpus; i++) {
		const struct smp_vcpu *v = &s->vcpu[i];

		n += pn_vapic_count(v->h->page, PN_APIC_IRR);
		for (unsigned w = 0; v->pir && w < PIR_WORDS; w++)
			n += ones(pn_ld64(&v->pir[w]));
	}
	return n;
}

void smp_check_bits(struct smp *s)
{
	struct smp_bits all = smp_bits(s);
	uint64_t sent = smp_sent(s), taken = smp_taken(s), left = pending(s);
	uint64_t moved = all.out + (s->ops->aside ? s->ops->aside(s) : 0);

	if (s->ipis && sent + all.out != all.asked)
		smp_fail(s, "P4",
			 "%llu IPIs and timers were sent, and bits set %llu times, %llu of them "
			 "moved from a PIR",
			 (unsigned long long)sent, (unsigned long long)all.asked,
			 (unsigned long long)all.out);
	if (all.fresh != moved + taken + left)
		smp_fail(s, "P4",
			 "%llu clear bits were set, and %llu moved, %llu taken, %llu are pending",
			 (unsigned long long)all.fresh, (unsigned long long)moved,
			 (unsigned long long)taken, (unsigned long long)left);
	if (held(s) != s->held + all.held)
		smp_fail(s, "P2",
			 "descriptors' control words and the requests to vCPUs have %llu bits, and "
			 "%lld by all changes that were locked",
			 (unsigned long long)held(s), (long long)(s->held + all.held));
}
