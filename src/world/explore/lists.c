/* SPDX-License-Identifier: MIT */
/*
 * Lists are plain memory under their locks, which the search does not see. A program that wants to
 * see what happens to them says so here.
 */
#include "px.h"

static px_list_fn *watcher;

void px_on_lists(px_list_fn *fn)
{
	watcher = fn;
}

void pn_list_touch(const struct pn_list *l, const struct pn_list *member)
{
	if (watcher)
		watcher(l, member);
}
