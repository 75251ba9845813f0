/* SPDX-License-Identifier: MIT */
/*
 * Reads how often the models took each step, from the emulated device "postern-steps", and prints
 * the differences as JSON.
 */
#include "steps.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pci.h"
#include "util.h"

#define STEPS_SIZE 4096

static volatile uint64_t *bar_map(void)
{
	char name[16], path[100];
	void *map;
	int fd;

	if (!pci_find(PCI_STEPS, 0, name, sizeof(name)))
		return NULL;
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/resource0", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("%s", path);
	map = mmap(NULL, STEPS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die("mapping %s", path);
	close(fd);
	return map;
}

static void text_read(volatile uint64_t *bar, char text[STEPS_SIZE + 1])
{
	bar[0] = 0; /* a snapshot */
	for (unsigned i = 0; i < STEPS_SIZE / 8; i++) {
		uint64_t word = bar[i];

		memcpy(text + i * 8, &word, 8);
		if (!(word >> 56))
			break;
	}
	text[STEPS_SIZE] = '\0';
}

/* Several units may name a step. */
static uint64_t *count_of(struct steps *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->step[i].name, name))
			return &s->step[i].count;
	snprintf(s->step[s->n].name, sizeof(s->step[0].name), "%s", name);
	return &s->step[s->n++].count;
}

void steps_read(struct steps *s)
{
	volatile uint64_t *bar = bar_map();
	char text[STEPS_SIZE + 1] = "", *save = NULL;

	memset(s, 0, sizeof(*s));
	if (!bar)
		return;
	s->known = true;
	text_read(bar, text);
	munmap((void *)(uintptr_t)bar, STEPS_SIZE);
	for (char *word = strtok_r(text, " ", &save); word && s->n < STEPS_MAX;
	     word = strtok_r(NULL, " ", &save)) {
		char *count = strchr(word, '=');

		if (!count)
			continue;
		*count++ = '\0';
		*count_of(s, word) += strtoull(count, NULL, 10);
	}
}

uint64_t steps_count(const struct steps *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (!strcmp(s->step[i].name, name))
			return s->step[i].count;
	return 0;
}

void steps_print(const struct steps *before, const struct steps *after, FILE *out)
{
	const char *comma = "";

	if (!after->known) {
		fputs("null", out);
		return;
	}
	fputc('{', out);
	for (unsigned i = 0; i < after->n; i++) {
		const char *name = after->step[i].name;
		uint64_t n = after->step[i].count - steps_count(before, name);

		if (n)
			fprintf(out, "%s\"%s\":%" PRIu64, comma, name, n);
		comma = n ? "," : comma;
	}
	fputc('}', out);
}
