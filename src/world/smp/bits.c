/* SPDX-License-Identifier: MIT */
/*
 * Bits of interrupts, counted where they are set: in the IRR of each vCPU and in the PIR of its
 * descriptor, by each read-modify-write, of silicon or host. A bit that is set in another way is in
 * no count, and so is found, too.
 */
#include <string.h>

#include "smp.h"

#define IRR_BYTES 128
#define PIR_WORDS 4
#define PIR_BYTES 32

static uint8_t map[SMP_RAM / SMP_WATCH_LINE];
struct smp_watched smp_watched;

/* ---- counting ---- */

static unsigned ones(uint64_t bits)
{
	return (unsigned)__builtin_popcountll(bits);
}

void smp_bits_set(uint64_t bits, uint64_t old)
{
	struct smp_bits *n = smp_dice.bits;

	if (!n)
		return;
	n->asked += ones(bits);
	n->fresh += ones(bits & ~old);
}

void smp_bits_out(uint64_t bits)
{
	if (smp_dice.bits)
		smp_dice.bits->out += ones(bits);
}

static void watch(const void *at, size_t bytes)
{
	memset(map + ((uintptr_t)at - smp_watched.base) / SMP_WATCH_LINE, 1,
	       bytes / SMP_WATCH_LINE);
}

void smp_watch(struct smp *s)
{
	memset(map, 0, sizeof(map));
	smp_watched = (struct smp_watched){(uintptr_t)s->bus.ram, map};
	for (unsigned i = 0; i < s->vcpus; i++) {
		watch(s->vcpu[i].h->page + PN_APIC_IRR / 4, IRR_BYTES);
		if (s->vcpu[i].pir)
			watch(s->vcpu[i].pir, PIR_BYTES);
	}
}

void smp_unwatch(void)
{
	smp_watched = (struct smp_watched){0};
}

/* ---- at rest ---- */

struct smp_bits smp_bits(const struct smp *s)
{
	struct smp_bits all = {0};

	for (unsigned i = 0; i < s->cpus; i++) {
		all.asked += s->cpu[i].bits.asked;
		all.fresh += s->cpu[i].bits.fresh;
		all.out += s->cpu[i].bits.out;
	}
	return all;
}

/* A bit in the IRR and the same one in the PIR are two. */
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

	if (sent + all.out != all.asked)
		smp_fail(s, "P4",
			 "%llu IPIs and timers were sent, and bits set %llu times, %llu of them "
			 "moved from a PIR",
			 (unsigned long long)sent, (unsigned long long)all.asked,
			 (unsigned long long)all.out);
	if (all.fresh != all.out + taken + left)
		smp_fail(s, "P4",
			 "%llu clear bits were set, and %llu moved, %llu taken, %llu are pending",
			 (unsigned long long)all.fresh, (unsigned long long)all.out,
			 (unsigned long long)taken, (unsigned long long)left);
}
