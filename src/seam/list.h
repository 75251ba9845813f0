/* SPDX-License-Identifier: MIT */
#ifndef PN_LIST_H
#define PN_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "seam.h"

/*
 * Circular list with the head as sentinel. An unlinked node points to itself.
 *
 * pn_list_touch(l, member) of the seam: the list of which @l is head or member is read or changed
 * now; @member, unless NULL, is to be one of its members. Only the explorer does something then.
 */
struct pn_list {
	struct pn_list *next, *prev;
};

#define pn_container(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* @pos may not be removed inside the loop; use pn_list_first() in a while loop for that. */
#define pn_list_for_each(pos, head)                                                                \
	for (struct pn_list *pos = pn_list_next(head, head); pos != (head);                        \
	     pos = pn_list_next(head, pos))

static inline struct pn_list *pn_list_next(const struct pn_list *head, const struct pn_list *pos)
{
	pn_list_touch(head, pos == head ? NULL : pos);
	return pos->next;
}

static inline void pn_list_init(struct pn_list *l)
{
	l->next = l->prev = l;
}

static inline bool pn_list_empty(const struct pn_list *l)
{
	return l->next == l;
}

static inline struct pn_list *pn_list_first(const struct pn_list *head)
{
	pn_list_touch(head, NULL);
	return pn_list_empty(head) ? NULL : head->next;
}

static inline void pn_list_add_tail(struct pn_list *head, struct pn_list *node)
{
	pn_list_touch(head, NULL);
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void pn_list_del(struct pn_list *node)
{
	pn_list_touch(node, NULL);
	node->prev->next = node->next;
	node->next->prev = node->prev;
	pn_list_init(node);
}

#endif
