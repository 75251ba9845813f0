/* SPDX-License-Identifier: MIT */
/* libFuzzer: any text as a cost table. One that is read is read again from what is written of it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_costs.h"
#include "ini_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct pn_costs *c)
{
	static char text[1 << 17];
	struct pn_diag d = {0};
	struct pn_ini_text t;
	struct pn_costs again;
	FILE *f = fmemopen(text, sizeof(text), "w");
	long n;

	if (!f || pn_costs_write(c, f) || (n = ftell(f)) < 0 || fclose(f))
		abort();
	if (pn_ini_memory("written", text, (size_t)n, &t, &d) || pn_costs_parse(&t, &again, &d) ||
	    !same_costs(c, &again)) {
		fprintf(stderr, "line %lu: %s\n", d.line, d.text);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_diag d = {0};
	struct pn_ini_text t;
	struct pn_costs c;
	int err = pn_ini_memory("fuzz.ini", (const char *)data, size, &t, &d);

	err = err ? err : pn_costs_parse(&t, &c, &d);
	if (err && !d.text[0])
		abort();
	if (!err)
		write_and_read(&c);
	return 0;
}
