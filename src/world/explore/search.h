/* SPDX-License-Identifier: MIT */
#ifndef PN_PX_SEARCH_H
#define PN_PX_SEARCH_H

#include "engine.h"

/* Writes the executed path as the steps of a counter-example. 0 or -ENOMEM. */
int px_tell(const struct px_event *ev, uint32_t n, struct px_result *res);

#endif
