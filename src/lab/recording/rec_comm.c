/* SPDX-License-Identifier: MIT */
/* Names of programs in a recording, and which of them is switched to most often. */
#include <stdlib.h>
#include <string.h>

#include "rec_priv.h"

#define BUCKETS 8192 /* a power of two, twice as many as there can be names */

struct comm {
	char name[32];
	uint8_t len;
	bool kernel;
	uint64_t switched_to;
};

struct pn_rec_comms {
	uint16_t n;
	uint16_t last;		  /* most lines repeat a name */
	uint16_t bucket[BUCKETS]; /* 0: free */
	struct comm comm[PN_COMM_MAX];
};

struct pn_rec_comms *pn_rec_comms_new(void)
{
	struct pn_rec_comms *c = calloc(1, sizeof(*c));

	if (c) {
		c->n = PN_COMM_FIRST;
		c->last = PN_COMM_FIRST;
	}
	return c;
}

static bool is_kernel(const char *s, size_t len)
{
	static const char *const prefix[] = {
		"kworker/", "ksoftirqd/", "migration/",	  "rcu",       "cpuhp/",   "irq/",
		"kswapd",   "kthreadd",	  "khugepaged",	  "kcompactd", "jbd2/",	   "watchdog",
		"ksmd",	    "kauditd",	  "idle_inject/", "scsi_eh_",  "xfsaild/", "txg_sync",
	};

	for (unsigned i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++) {
		size_t n = strlen(prefix[i]);

		if (len >= n && !memcmp(s, prefix[i], n))
			return true;
	}
	return false;
}

static bool same(const struct comm *c, const char *s, size_t len)
{
	return c->len == len && !memcmp(c->name, s, len);
}

static uint32_t hash(const char *s, size_t len)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	while (len--)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return h ^ h >> 15;
}

static uint16_t add(struct pn_rec_comms *c, uint32_t slot, const char *s, size_t len)
{
	struct comm *new = &c->comm[c->n];

	if (!len || c->n == PN_COMM_MAX || is_kernel(s, len))
		return PN_COMM_KERNEL;
	memcpy(new->name, s, len);
	new->name[len] = 0;
	new->len = (uint8_t)len;
	c->bucket[slot] = c->n;
	return c->n++;
}

uint16_t pn_rec_comm(struct pn_rec_comms *c, struct pn_rec_str name, bool idle)
{
	size_t len = name.len < sizeof(c->comm[0].name) ? name.len : sizeof(c->comm[0].name) - 1;
	uint32_t slot;

	if (idle)
		return PN_COMM_IDLE;
	if (len && same(&c->comm[c->last], name.s, len))
		return c->last;
	slot = hash(name.s, len) % BUCKETS;
	while (c->bucket[slot] && !same(&c->comm[c->bucket[slot]], name.s, len))
		slot = (slot + 1) % BUCKETS;
	if (!c->bucket[slot])
		return add(c, slot, name.s, len);
	c->last = c->bucket[slot];
	return c->last;
}

void pn_rec_comm_switched_to(struct pn_rec_comms *c, uint16_t id)
{
	c->comm[id].switched_to++;
}

void pn_rec_comm_kernel(struct pn_rec_comms *c, uint16_t id)
{
	c->comm[id].kernel = true;
}

uint16_t pn_rec_comm_busiest(const struct pn_rec_comms *c, char *name, size_t size)
{
	uint16_t best = PN_COMM_IDLE;

	for (uint16_t i = PN_COMM_FIRST; i < c->n; i++) {
		const struct comm *x = &c->comm[i];

		if (x->kernel || !x->switched_to)
			continue;
		if (best == PN_COMM_IDLE || x->switched_to > c->comm[best].switched_to)
			best = i;
	}
	name[0] = 0;
	if (best != PN_COMM_IDLE && size > c->comm[best].len)
		memcpy(name, c->comm[best].name, c->comm[best].len + 1u);
	return best;
}
