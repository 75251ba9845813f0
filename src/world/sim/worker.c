/* SPDX-License-Identifier: MIT */
/* Completions that handlers have taken, and how they are processed: one of each queue in turn. */
#include "sim.h"

void pn_worker_init(struct pn_worker *w)
{
	pn_list_init(&w->todo);
	w->work_q = NULL;
	w->work_ns = 0;
}

void pn_worker_take(struct pn_worker *w, struct pn_queue *q)
{
	if (!q->ready)
		return;
	q->taken += q->ready;
	q->ready = 0;
	if (pn_list_empty(&q->todo_node))
		pn_list_add_tail(&w->todo, &q->todo_node);
}

bool pn_worker_next(struct pn_worker *w)
{
	struct pn_list *node = pn_list_first(&w->todo);

	if (w->work_q)
		return true;
	if (!node)
		return false;
	w->work_q = pn_container(node, struct pn_queue, todo_node);
	w->work_ns = w->work_q->src->work;
	return true;
}

void pn_worker_done(struct pn_worker *w)
{
	struct pn_queue *q = w->work_q;

	w->work_q = NULL;
	pn_list_del(&q->todo_node);
	if (--q->taken)
		pn_list_add_tail(&w->todo, &q->todo_node);
	q->sim->completions++;
	pn_queue_worked(q);
}
