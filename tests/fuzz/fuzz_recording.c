/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as one line of a recording. What is read points into the line. Whole files
 * are read by the unit tests: the files that they need make a fuzzer slow.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rec_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(const struct pn_rec_str *s, const char *line, size_t size)
{
	if (s->len && (s->s < line || s->s + s->len > line + size))
		abort();
}

static void task_within(const struct pn_rec_task *t, const char *line, size_t size)
{
	within(&t->comm, line, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + !size); /* of its own size: a byte too far is seen */
	struct pn_rec_line l;

	if (!line)
		return 0;
	memcpy(line, data, size);
	pn_rec_parse(line, line + size, &l);
	if (l.what == PN_LINE_LACKS && !l.lacks)
		abort();
	if (l.what == PN_LINE_IRQ || l.what == PN_LINE_SWITCH) {
		within(&l.name, line, size);
		within(&l.machine, line, size);
		task_within(&l.task, line, size);
	}
	if (l.what == PN_LINE_SWITCH) {
		task_within(&l.prev, line, size);
		task_within(&l.next, line, size);
	}
	free(line);
	return 0;
}
