/* SPDX-License-Identifier: MIT */
/* libFuzzer: any text as a scenario; and whether each mode fits it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"
#include "scenario_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pn_scenario *sc)
{
	if (sc->vms > PN_MAX_SECTION || sc->devices > PN_MAX_SECTION ||
	    sc->loads > PN_MAX_SECTION || sc->ipis > PN_MAX_SECTION ||
	    sc->machine.pcpus > PN_MAX_PCPUS || !sc->machine.pcpus || sc->work >= PN_WORK_NR)
		abort();
	for (unsigned i = 0; pn_modes[i]; i++) {
		struct pn_mode m = pn_mode_plain(pn_modes[i]);
		struct pn_diag d = {0};

		if (pn_scenario_fits(sc, &m, &d) && !d.text[0])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pn_scenario sc;
	static struct pn_sc_build b;
	struct pn_diag d = {0};
	struct pn_ini_text t;
	int err = pn_ini_memory("fuzz.ini", (const char *)data, size, &t, &d);

	memset(&sc, 0, sizeof(sc));
	memset(&b, 0, sizeof(b));
	b.sc = &sc;
	err = err ? err : pn_sc_parse(&b, &t, &d);
	err = err ? err : pn_sc_check(&b, &d);
	if (err && !d.text[0])
		abort();
	if (!err)
		check(&sc);
	return 0;
}
