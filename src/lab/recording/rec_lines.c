/* SPDX-License-Identifier: MIT */
/*
 * The interrupt lines of a recording, by number and name, and their places on the CPUs. A machine
 * may have thousands; each CPU gets a few of them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rec_priv.h"

#define NEXT_HANDLER_NS 20000u /* between two handlers of one interrupt, at most */

static bool is_line(const struct pn_rec_irq *x, const struct pn_rec_line *l, size_t len)
{
	return x->irq == (uint32_t)l->number && !x->name[len] && !memcmp(x->name, l->name.s, len);
}

static int add(struct pn_rec_lines *x, struct pn_rec_summary *s, const struct pn_rec_line *l,
	       size_t len)
{
	struct pn_rec_irq *new;

	if (s->lines == x->room) {
		uint32_t room = x->room ? 2 * x->room : 64;

		new = realloc(s->line, room * sizeof(*new));
		if (!new)
			return -ENOMEM;
		s->line = new;
		x->room = room;
	}
	new = &s->line[s->lines++];
	*new = (struct pn_rec_irq){.irq = (uint32_t)l->number};
	memcpy(new->name, l->name.s, len);
	return 0;
}

int pn_rec_line_index(struct pn_rec_lines *x, struct pn_rec_summary *s, const struct pn_rec_line *l,
		      uint32_t *index)
{
	size_t len = l->name.len, pos = SIZE_MAX;
	uint64_t key;
	int err;

	if (len >= sizeof(s->line[0].name))
		len = sizeof(s->line[0].name) - 1;
	*index = x->last;
	if (x->last < s->lines && is_line(&s->line[x->last], l, len))
		return 0;
	key = pn_rec_hash(l->name.s, len, l->number);
	while ((*index = pn_rec_map_next(&x->by_name, key, &pos)) != PN_REC_MAP_NONE)
		if (is_line(&s->line[*index], l, len))
			break;
	if (*index == PN_REC_MAP_NONE) {
		*index = s->lines;
		err = add(x, s, l, len);
		err = err ? err : pn_rec_map_add(&x->by_name, key, *index);
		if (err)
			return err;
	}
	x->last = *index;
	return 0;
}

int pn_rec_line_slot(struct pn_rec_lines *x, struct pn_rec_summary *s, uint32_t cpu, uint32_t line,
		     uint32_t *slot)
{
	uint64_t key = (uint64_t)cpu << 32 | line;
	size_t pos = SIZE_MAX;

	*slot = pn_rec_map_next(&x->by_cpu, key, &pos);
	if (*slot != PN_REC_MAP_NONE)
		return 0;
	*slot = x->slots[cpu]++;
	if (x->slots[cpu] > s->slots)
		s->slots = x->slots[cpu];
	return pn_rec_map_add(&x->by_cpu, key, *slot);
}

/* The handlers of a shared number are called one after another, each once, always from the first
 * on: the first one again, or the same one again, is the next interrupt. */
bool pn_rec_line_shared(struct pn_rec_cpu *cpu, const struct pn_rec_summary *s, uint32_t line,
			uint64_t ns)
{
	bool same = cpu->irq_known && cpu->last_irq &&
		    s->line[cpu->irq_first].irq == s->line[line].irq && line != cpu->irq_first &&
		    line > cpu->irq_last && ns >= cpu->irq_ns &&
		    ns - cpu->irq_ns <= NEXT_HANDLER_NS;

	if (!same)
		cpu->irq_first = line;
	cpu->irq_known = true;
	cpu->irq_last = line;
	cpu->irq_ns = ns;
	return same;
}

void pn_rec_lines_free(struct pn_rec_lines *x)
{
	pn_rec_map_free(&x->by_name);
	pn_rec_map_free(&x->by_cpu);
}
