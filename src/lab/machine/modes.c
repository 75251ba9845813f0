/* SPDX-License-Identifier: MIT */
/* The list of all modes. */
#include "modes.h"

#include <stddef.h>

#define ENTRY(x) &pn_mode_##x,
const struct pn_mode_info *const pn_modes[] = {PN_MODES(ENTRY) NULL};

_Static_assert(sizeof(pn_modes) / sizeof(pn_modes[0]) <= PN_MODE_MAX + 1, "one bit each");
