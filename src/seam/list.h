/* SPDX-License-Identifier: MIT */
#ifndef PN_LIST_H
#define PN_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Circular list with the head as sentinel. An unlinked node points to itself. */
struct pn_list {
	struct pn_list *next, *prev;
};

#define pn_container(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* @pos may not be removed inside the loop; use pn_list_first() in a while loop for that. */
#define pn_list_for_each(pos, head)                                                                \
	for (struct pn_list *pos = (head)->next; pos != (head); pos = pos->next)

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
	return pn_list_empty(head) ? NULL : head->next;
}

static inline void pn_list_add_tail(struct pn_list *head, struct pn_list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void pn_list_del(struct pn_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	pn_list_init(node);
}

#endif
