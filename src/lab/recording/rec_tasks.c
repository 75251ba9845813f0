/* SPDX-License-Identifier: MIT */
/* The tasks of a recording. */
#include "rec_tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add(struct pn_rec_tasks *t, const struct pn_rec_task *as, uint32_t *id)
{
	if (t->n == t->room) {
		uint32_t room = t->room ? 2 * t->room : 64;
		struct pn_rec_thread *more = realloc(t->task, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		t->task = more;
		t->room = room;
	}
	*id = t->n++;
	memset(&t->task[*id], 0, sizeof(t->task[*id]));
	t->task[*id].tid = as->tid;
	t->task[*id].tgid = as->tgid;
	return 0;
}

int pn_rec_tasks_init(struct pn_rec_tasks *t)
{
	static const struct pn_rec_task idle = {.tid = 0, .tgid = -1};
	uint32_t id;

	*t = (struct pn_rec_tasks){0};
	return add(t, &idle, &id);
}

void pn_rec_tasks_free(struct pn_rec_tasks *t)
{
	free(t->task);
	pn_rec_map_free(&t->by_tid);
	pn_rec_map_free(&t->by_name);
	*t = (struct pn_rec_tasks){0};
}

static size_t name_length(const struct pn_rec_str *s)
{
	const size_t room = sizeof(((struct pn_rec_thread *)0)->name) - 1;

	return s->len < room ? s->len : room;
}

static bool same_name(const struct pn_rec_thread *x, const char *s, size_t len)
{
	return !memcmp(x->name, s, len) && !x->name[len];
}

/* A task may change its name; the last one that is not cut short counts. Names come from the file
 * and go to people's terminals. */
static void rename_task(struct pn_rec_thread *x, const struct pn_rec_task *as)
{
	size_t len = name_length(&as->comm);

	if (!len || (x->full && as->cut) || same_name(x, as->comm.s, len))
		return;
	memcpy(x->name, as->comm.s, len);
	x->name[len] = 0;
	for (char *c = x->name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	x->full = !as->cut;
}

static int by_tid(struct pn_rec_tasks *t, const struct pn_rec_task *as, uint32_t *id)
{
	size_t pos = SIZE_MAX;
	int err;

	if (t->last < t->n && t->task[t->last].tid == as->tid) {
		*id = t->last;
		return 0;
	}
	*id = pn_rec_map_next(&t->by_tid, (uint64_t)as->tid, &pos);
	if (*id != PN_REC_MAP_NONE)
		return 0;
	err = add(t, as, id);
	return err ? err : pn_rec_map_add(&t->by_tid, (uint64_t)as->tid, *id);
}

static int by_name(struct pn_rec_tasks *t, const struct pn_rec_task *as, uint32_t *id)
{
	size_t pos = SIZE_MAX, len = name_length(&as->comm);
	uint64_t key = pn_rec_hash(as->comm.s, len, 0);
	int err;

	while ((*id = pn_rec_map_next(&t->by_name, key, &pos)) != PN_REC_MAP_NONE)
		if (same_name(&t->task[*id], as->comm.s, len))
			return 0;
	err = add(t, as, id);
	return err ? err : pn_rec_map_add(&t->by_name, key, *id);
}

static bool is_idle(const struct pn_rec_task *as)
{
	return !as->tid || (as->tid < 0 && as->comm.len >= 7 && !memcmp(as->comm.s, "swapper", 7) &&
			    (as->comm.len == 7 || as->comm.s[7] == '/'));
}

int pn_rec_task_id(struct pn_rec_tasks *t, const struct pn_rec_task *as, uint32_t *id)
{
	int err = 0;

	*id = is_idle(as) ? PN_TASK_IDLE : PN_TASK_UNKNOWN;
	if (*id == PN_TASK_IDLE || (as->tid < 0 && !as->comm.len))
		return 0;
	err = as->tid > 0 ? by_tid(t, as, id) : by_name(t, as, id);
	if (err)
		return err;
	t->last = *id;
	rename_task(&t->task[*id], as);
	if (as->tgid >= 0)
		t->task[*id].tgid = as->tgid;
	return 0;
}
