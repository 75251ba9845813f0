/* SPDX-License-Identifier: MIT */
/* libFuzzer: any bytes as the log of `postern decode --log`. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	unsigned long lines, last;
};

static void see(void *arg, unsigned long line, const struct pn_decoded *d)
{
	struct seen *s = arg;

	if (!line || !d->kind || d->fields > PN_DECODE_MAX_FIELDS ||
	    d->errors > PN_DECODE_MAX_ERRORS || d->words > PN_DECODE_MAX_WORDS ||
	    !memchr(d->reading, '\0', sizeof(d->reading)))
		abort();
	for (unsigned i = 0; i < d->fields; i++)
		if (!memchr(d->field[i].meaning, '\0', sizeof(d->field[i].meaning)))
			abort();
	s->lines++;
	s->last = line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pn_declog log;
	const char *text = (const char *)data;
	struct seen s = {0};

	pn_declog_init(&log, NULL, see, &s);
	while (size) {
		const char *end = memchr(text, '\n', size);
		size_t n = end ? (size_t)(end - text) + 1 : size;

		pn_declog_feed(&log, text, n);
		text += n;
		size -= n;
	}
	pn_declog_end(&log);
	/* Each line is at most one of explained and not known; the last may be explained late. */
	if (log.known != s.lines || s.last > log.line || log.known + log.unknown > log.line)
		abort();
	return 0;
}
