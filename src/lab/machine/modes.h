/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_MODES_H
#define PN_LAB_MODES_H

#include "mode.h"

/* Every mode once, in the order in which lists and comparisons show them: M(x) is pn_mode_x of the
 * modes.c of its vendor. */
#define PN_MODES(M)                                                                                \
	M(emulated)                                                                                \
	M(avic)                                                                                    \
	M(galog)                                                                                   \
	M(gappi)                                                                                   \
	M(vtd_pi)                                                                                  \
	M(remapped)                                                                                \
	M(posted_msi)                                                                              \
	M(ipi_exit)                                                                                \
	M(ipi_avic)                                                                                \
	M(ipi_ipiv)

#define PN_MODE_DECLARE(x) extern const struct pn_mode_info pn_mode_##x;
PN_MODES(PN_MODE_DECLARE)
#undef PN_MODE_DECLARE

#endif
