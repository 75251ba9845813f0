/* SPDX-License-Identifier: MIT */
/* libFuzzer: any text as the command line of `postern decode`: options, a kind and its words. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything that was said is a terminated text, and all counts are inside their arrays. */
static void check(const struct pn_decoded *d)
{
	if (d->fields > PN_DECODE_MAX_FIELDS || d->errors > PN_DECODE_MAX_ERRORS ||
	    d->words > PN_DECODE_MAX_WORDS || !d->kind)
		abort();
	for (unsigned i = 0; i < d->fields; i++)
		if (!memchr(d->field[i].meaning, '\0', sizeof(d->field[i].meaning)) ||
		    !d->field[i].name[0])
			abort();
	for (unsigned i = 0; i < d->errors; i++)
		if (!memchr(d->error[i], '\0', sizeof(d->error[i])))
			abort();
	if (!memchr(d->reading, '\0', sizeof(d->reading)))
		abort();
}

/* The first byte selects kind and order, the second the width of the vCPU in a tag. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pn_decode_options opt = {0};
	const char *words[PN_DECODE_MAX_WORDS + 1], *kind;
	unsigned n = 0, kinds = 0;
	char text[4096], *save = NULL;
	struct pn_decoded d;
	struct pn_diag diag = {0};

	if (size < 2 || size > sizeof(text))
		return 0;
	while (pn_decode_kind(kinds, NULL, NULL))
		kinds++;
	kind = pn_decode_kind(data[0] % kinds, NULL, NULL);
	opt.order = data[1] % 3;
	opt.vcpu_bits = data[1] / 3 % 32;
	memcpy(text, data + 2, size - 2);
	text[size - 2] = '\0';
	if (data[1] & 0x80)
		pn_decode_kernel(text, &opt);
	for (char *w = strtok_r(text, " \n", &save); w && n <= PN_DECODE_MAX_WORDS;
	     w = strtok_r(NULL, " \n", &save))
		words[n++] = w;
	if (!pn_decode_as(kind, words, n, &opt, &d, &diag))
		check(&d);
	else if (!diag.text[0])
		abort();
	return 0;
}
