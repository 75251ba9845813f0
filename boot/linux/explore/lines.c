/* SPDX-License-Identifier: MIT */
/*
 * Source lines of Linux's code. The build resolves the return addresses of all calls in it into a
 * table beside the program (link.sh): "ADDRESS FILE LINE FUNCTION", sorted by address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "lines.h"

static struct line {
	uintptr_t pc;
	struct px_site site;
	bool seen;
} * line;
static size_t lines;

int pn_lines_read(const char *path)
{
	FILE *f = fopen(path, "r");
	char file[200], func[100];
	unsigned long pc;
	size_t room = 0;
	int number;

	if (!f)
		return -1;
	while (fscanf(f, "%lx %199s %d %99s", &pc, file, &number, func) == 4) {
		if (lines == room) {
			struct line *more = realloc(line, (room = 2 * room + 64) * sizeof(*line));

			if (!more)
				break;
			line = more;
		}
		line[lines].pc = pc;
		line[lines].seen = false;
		line[lines++].site = (struct px_site){strdup(file), strdup(func), "memory", number};
	}
	fclose(f);
	return lines ? 0 : -1;
}

const struct px_site *pn_line_of(uintptr_t pc)
{
	static const struct px_site unknown = {"unknown", "", "memory", 1};
	size_t from = 0, to = lines;

	while (from < to) {
		size_t mid = (from + to) / 2;

		if (line[mid].pc == pc) {
			line[mid].seen = true;
			return &line[mid].site;
		}
		if (line[mid].pc < pc)
			from = mid + 1;
		else
			to = mid;
	}
	return &unknown;
}

void pn_lines_seen(char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < lines && used < size; i++) {
		bool told = !line[i].seen || !strcmp(line[i].site.file, "unknown");

		for (size_t k = 0; k < i && !told; k++)
			told = line[k].seen && !strcmp(line[k].site.func, line[i].site.func);
		if (!told)
			used += (size_t)snprintf(text + used, size - used, "%s%s:%s",
						 used ? " " : "", line[i].site.file,
						 line[i].site.func);
	}
}
