/* SPDX-License-Identifier: MIT */
/* One line of text: what it is, from its head, its event and its fields. */
#include "rec_line.h"
#include "rec_scan.h"

/* The number in "[LOST 265 EVENTS]", "lost:265", "discarded 265 events"; 1 if there is none. */
static uint64_t how_many(const char *s, const char *end)
{
	uint64_t n = 1;

	while (s < end && !pn_is_digit(*s))
		s++;
	return pn_number(s, end, &n) ? n : 1;
}

/* The notes of tracers about events that are missing: where the number is looked for. */
static bool lost(const char *s, const char *end, struct pn_rec_line *l)
{
	static const struct {
		const char *begins, *holds, *from;
	} notes[] = {
		{"CPU:", "LOST", "LOST"},	    {"CPU:", "DROPPED", "["},
		{NULL, "PERF_RECORD_LOST", "lost"}, {"LOST ", "events", "LOST"},
		{"Processed ", " lost ", " lost "}, {NULL, "Tracer discarded ", "discarded"},
		{NULL, "Tracer lost ", "lost"},
	};

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		const char *from;

		if (notes[i].begins && !pn_literal(s, end, notes[i].begins))
			continue;
		if (!pn_find(s, end, notes[i].holds))
			continue;
		from = pn_find(s, end, notes[i].from);
		l->number = how_many(from ? from : s, end);
		return true;
	}
	return false;
}

static bool is_comment(const char *s, const char *end)
{
	return s == end || *s == '#' || pn_literal(s, end, "cpus=") ||
	       pn_literal(s, end, "version = ");
}

/* Ends of line of other systems, and of a script's string that goes on in the next line. */
static const char *trim(const char *s, const char *end)
{
	if (end > s && end[-1] == '\r')
		end--;
	if (end - s >= 3 && !memcmp(end - 3, "\\n\\", 3))
		end -= 3;
	else if (end - s >= 2 && !memcmp(end - 2, "\\n", 2))
		end -= 2;
	return pn_trim(s, end);
}

void pn_rec_parse(const char *s, const char *end, struct pn_rec_line *l)
{
	const char *fields = NULL, *from;

	end = trim(s, end);
	s = pn_skip_blanks(s, end);
	*l = (struct pn_rec_line){.what = PN_LINE_UNKNOWN};
	l->task.tid = l->task.tgid = -1;
	if (is_comment(s, end)) {
		l->what = PN_LINE_COMMENT;
		return;
	}
	from = pn_rec_undress(s, end, l);
	fields = pn_rec_head(from, &end, l);
	if (fields && l->name.len) {
		l->what = pn_rec_fields(fields, end, l);
	} else if (lost(from, end, l)) {
		l->what = PN_LINE_LOST;
		return;
	}
	if (l->what != PN_LINE_UNKNOWN)
		return;
	l->lacks = pn_rec_lacks(from, end);
	if (l->lacks)
		l->what = PN_LINE_LACKS;
}
