/* SPDX-License-Identifier: MIT */
/* Reads the file of a sweep. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nearest.h"
#include "sweep_build.h"
#include "units.h"

static int on_section(void *ctx, const char *kind, const char *name, unsigned long line,
		      struct pn_diag *d)
{
	static const char *const names[] = {"sweep", "set", "axes"};
	struct pn_sweep_build *b = ctx;
	const char *near;

	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(kind, names[i]))
			continue;
		if (*name)
			return pn_diag_set(d, -EINVAL, b->s->path, line,
					   "[%s] takes no name (found \"%s\")", kind, name);
		b->in = kind[0] == 'a' ? IN_AXES : kind[1] == 'e' ? IN_SET : IN_SWEEP;
		return 0;
	}
	near = pn_nearest(kind, names, 3);
	return pn_diag_set(d, -EINVAL, b->s->path, line, "unknown section [%s] (%s%s%s)", kind,
			   near ? "did you mean [" : "expected sweep, set or axes",
			   near ? near : "", near ? "]?" : "");
}

/* ---- [sweep] ---- */

typedef int set_fn(struct pn_sweep_build *b, const char *value, unsigned long line,
		   struct pn_diag *d);

static int bad(struct pn_sweep_build *b, unsigned long line, struct pn_diag *d, const char *key,
	       const char *value, const char *expected)
{
	return pn_diag_set(d, -EINVAL, b->s->path, line, "%s = %.80s (expected %s)", key, value,
			   expected);
}

/* A file beside the sweep, or a name. */
static int file_of(struct pn_sweep_build *b, const char *value, char *out, size_t size)
{
	const char *slash = strrchr(b->s->path, '/');
	int n;

	if (slash && value[0] != '/') {
		n = snprintf(out, size, "%.*s/%s", (int)(slash - b->s->path), b->s->path, value);
		if (n > 0 && (size_t)n < size && !access(out, F_OK))
			return 0;
	}
	n = snprintf(out, size, "%s", value);
	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

static int set_scenario(struct pn_sweep_build *b, const char *value, unsigned long line,
			struct pn_diag *d)
{
	b->s->scenario_line = line;
	if (file_of(b, value, b->s->scenario, sizeof(b->s->scenario)))
		return bad(b, line, d, "scenario", value, "a file or a built-in name");
	return 0;
}

static int set_costs(struct pn_sweep_build *b, const char *value, unsigned long line,
		     struct pn_diag *d)
{
	b->s->costs_line = line;
	if (file_of(b, value, b->s->costs, sizeof(b->s->costs)))
		return bad(b, line, d, "costs", value, "a file or a built-in name");
	return 0;
}

/* Calls @each for the words between commas. */
static int words(struct pn_sweep_build *b, const char *value, unsigned long line, struct pn_diag *d,
		 set_fn *each)
{
	char word[128];

	for (;;) {
		size_t n = strcspn(value, ","), len = n;
		const char *s = value;
		int err;

		while (len && (*s == ' ' || *s == '\t'))
			s++, len--;
		while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
			len--;
		snprintf(word, sizeof(word), "%.*s", (int)len, s);
		err = each(b, word, line, d);
		if (err || !value[n])
			return err;
		value += n + 1;
	}
}

static int add_mode(struct pn_sweep_build *b, const char *word, unsigned long line,
		    struct pn_diag *d)
{
	struct pn_sweep *s = b->s;
	char text[64], other[64];
	int err;

	if (s->modes == PN_SWEEP_MODES)
		return pn_diag_set(d, -EINVAL, s->path, line, "more than %d modes", PN_SWEEP_MODES);
	err = pn_mode_parse(word, &s->mode[s->modes], d);
	if (err) {
		snprintf(d->file, sizeof(d->file), "%s", s->path);
		d->line = line;
		return err;
	}
	pn_mode_text(&s->mode[s->modes], text, sizeof(text));
	for (unsigned i = 0; i < s->modes; i++)
		if (!strcmp(text, pn_mode_text(&s->mode[i], other, sizeof(other))))
			return pn_diag_set(d, -EINVAL, s->path, line, "mode %s is there twice",
					   text);
	s->modes++;
	return 0;
}

static int set_modes(struct pn_sweep_build *b, const char *value, unsigned long line,
		     struct pn_diag *d)
{
	b->s->modes_line = line;
	return words(b, value, line, d, add_mode);
}

static int add_figure(struct pn_sweep_build *b, const char *word, unsigned long line,
		      struct pn_diag *d)
{
	const char *names[PN_FIGURES], *near;
	int i = pn_figure_find(word);
	char all[256] = "";
	size_t used = 0;

	for (unsigned k = 0; k < b->s->figures; k++)
		if (i >= 0 && b->s->figure[k] == (unsigned)i)
			return pn_diag_set(d, -EINVAL, b->s->path, line, "figure %s is there twice",
					   word);
	if (i >= 0) {
		b->s->figure[b->s->figures++] = (unsigned)i;
		return 0;
	}
	for (unsigned k = 0; k < PN_FIGURES; k++) {
		names[k] = pn_figures[k].name;
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", k ? ", " : "",
					 names[k]);
	}
	near = pn_nearest(word, names, PN_FIGURES);
	return pn_diag_set(d, -EINVAL, b->s->path, line, "there is no figure \"%.40s\" (%s%s%s)",
			   word, near ? "did you mean \"" : "known: ", near ? near : all,
			   near ? "\"?" : "");
}

static int set_figures(struct pn_sweep_build *b, const char *value, unsigned long line,
		       struct pn_diag *d)
{
	return words(b, value, line, d, add_figure);
}

static bool seed_number(const char *text, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	end += strspn(end, " \t");
	return !errno && end != text && !*end && *text != '-' && *n <= INT64_MAX;
}

static int add_seeds(struct pn_sweep_build *b, const char *word, unsigned long line,
		     struct pn_diag *d)
{
	struct pn_sweep *s = b->s;
	struct pn_seed_span span = {0, 1};
	char first[128];
	const char *dots = strstr(word, "..");
	uint64_t last;

	snprintf(first, sizeof(first), "%.*s", dots ? (int)(dots - word) : 127, word);
	if (!seed_number(first, &span.first) ||
	    (dots && !seed_number(dots + 2 + strspn(dots + 2, " \t"), &last)))
		return bad(b, line, d, "seeds", word, "numbers below 2^63, as 1 .. 5");
	if (dots && last < span.first)
		return pn_diag_set(d, -EINVAL, s->path, line, "seeds: \"%.60s\" is an empty range",
				   word);
	if (dots)
		span.n = last - span.first + 1;
	for (unsigned i = 0; i < s->spans; i++)
		if (span.first < s->seed[i].first + s->seed[i].n &&
		    s->seed[i].first < span.first + span.n)
			return pn_diag_set(d, -EINVAL, s->path, line, "seeds: %.60s is there twice",
					   word);
	s->seeds += span.n;
	if (s->spans && span.first == s->seed[s->spans - 1].first + s->seed[s->spans - 1].n) {
		s->seed[s->spans - 1].n += span.n;
		return 0;
	}
	if (s->spans == PN_SWEEP_SPANS)
		return bad(b, line, d, "seeds", word, "at most 64 numbers and ranges");
	s->seed[s->spans++] = span;
	return 0;
}

static int set_seeds(struct pn_sweep_build *b, const char *value, unsigned long line,
		     struct pn_diag *d)
{
	return words(b, value, line, d, add_seeds);
}

static int number(struct pn_sweep_build *b, const char *key, const char *value, unsigned long line,
		  unsigned most, unsigned *out, struct pn_diag *d)
{
	char expected[40];
	uint64_t n;

	snprintf(expected, sizeof(expected), "0 .. %u", most);
	if (pn_parse_count(value, &n) || n > most)
		return bad(b, line, d, key, value, expected);
	*out = (unsigned)n;
	return 0;
}

static int set_draws(struct pn_sweep_build *b, const char *value, unsigned long line,
		     struct pn_diag *d)
{
	return number(b, "draws", value, line, 1024, &b->s->draws, d);
}

static int set_batches(struct pn_sweep_build *b, const char *value, unsigned long line,
		       struct pn_diag *d)
{
	int err = number(b, "batches", value, line, 1000, &b->s->batches, d);

	if (!err && (b->s->batches == 1 || b->s->batches == 2))
		return bad(b, line, d, "batches", value, "at least 3, or 0");
	b->batches_line = line;
	return err;
}

static int set_confidence(struct pn_sweep_build *b, const char *value, unsigned long line,
			  struct pn_diag *d)
{
	char *end;
	double x = strtod(value, &end);

	if (end == value || strcmp(end, "%") || !(x >= 50 && x <= 99.99))
		return bad(b, line, d, "confidence", value, "50% .. 99.99%");
	b->s->confidence = x / 100;
	return 0;
}

static int set_along(struct pn_sweep_build *b, const char *value, unsigned long line,
		     struct pn_diag *d)
{
	(void)d;
	snprintf(b->along, sizeof(b->along), "%s", value);
	b->along_line = line;
	return 0;
}

static const struct {
	const char *name;
	set_fn *set;
} keys[] = {
	{"scenario", set_scenario}, {"costs", set_costs},	    {"modes", set_modes},
	{"figures", set_figures},   {"seeds", set_seeds},	    {"draws", set_draws},
	{"batches", set_batches},   {"confidence", set_confidence}, {"along", set_along},
};

#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))
_Static_assert(NR_KEYS <= sizeof(((struct pn_sweep_build *)0)->key_line) / sizeof(long),
	       "a line each");

static int sweep_key(struct pn_sweep_build *b, const char *key, const char *value,
		     unsigned long line, struct pn_diag *d)
{
	const char *names[NR_KEYS], *near;

	for (unsigned i = 0; i < NR_KEYS; i++) {
		names[i] = keys[i].name;
		if (strcmp(key, names[i]))
			continue;
		if (b->key_line[i])
			return pn_diag_set(d, -EINVAL, b->s->path, line,
					   "%s is there twice (first in line %lu)", key,
					   b->key_line[i]);
		b->key_line[i] = line;
		if (!*value)
			return pn_diag_set(d, -EINVAL, b->s->path, line, "%s: no value", key);
		return keys[i].set(b, value, line, d);
	}
	near = pn_nearest(key, names, NR_KEYS);
	return pn_diag_set(d, -EINVAL, b->s->path, line,
			   "unknown key \"%.60s\" in [sweep] (%s%s%s)", key,
			   near ? "did you mean \""
				: "known: scenario, costs, modes, figures, seeds, draws, batches, "
				  "confidence, along",
			   near ? near : "", near ? "\"?" : "");
}

/* ---- [set] and [axes] ---- */

static bool among(const char *list, const char *end, const char *key, size_t len)
{
	const char *one;
	size_t n;

	while (pn_axis_key(&list, &one, &n) && one < end)
		if (n == len && !memcmp(one, key, len))
			return true;
	return false;
}

/* The line that has the key; 0: none. */
static unsigned long line_of(const struct pn_sweep *s, const char *key, size_t len)
{
	for (unsigned i = 0; i < s->sets; i++)
		if (!strncmp(s->set[i], key, len) && s->set[i][len] == '=')
			return s->set_line[i];
	for (unsigned i = 0; i < s->axes; i++)
		if (among(s->axis[i].key, s->axis[i].key + sizeof(s->axis[i].key), key, len))
			return s->axis[i].line;
	return 0;
}

/* One, or several with + between, in no other line. */
static int scenario_keys(struct pn_sweep_build *b, const char *list, unsigned long line,
			 struct pn_diag *d)
{
	const char *at = list, *key;
	unsigned long first;
	size_t len;

	while (pn_axis_key(&at, &key, &len)) {
		if (!memchr(key, '.', len) || strlen(list) >= sizeof(b->s->axis[0].key))
			return pn_diag_set(d, -EINVAL, b->s->path, line,
					   "\"%.60s\": expected SECTION.KEY, as machine.pcpus",
					   list);
		first = among(list, key, key, len) ? line : line_of(b->s, key, len);
		if (first)
			return pn_diag_set(d, -EINVAL, b->s->path, line,
					   "%.*s is there twice (first in line %lu)", (int)len, key,
					   first);
	}
	return 0;
}

static int set_key(struct pn_sweep_build *b, const char *key, const char *value, unsigned long line,
		   struct pn_diag *d)
{
	struct pn_sweep *s = b->s;
	int err = scenario_keys(b, key, line, d);
	size_t size;

	if (err)
		return err;
	if (s->sets == PN_SWEEP_SETS)
		return pn_diag_set(d, -EINVAL, s->path, line, "[set] has more than %d list",
				   PN_SWEEP_SETS);
	size = strlen(key) + strlen(value) + 2;
	s->set[s->sets] = malloc(size);
	if (!s->set[s->sets])
		return pn_diag_set(d, -ENOMEM, s->path, line, "out of memory");
	snprintf(s->set[s->sets], size, "%s=%s", key, value);
	s->set_line[s->sets++] = line;
	return 0;
}

static unsigned plusses(const char *key)
{
	unsigned n = 0;

	for (; *key; key++)
		n += *key == '+';
	return n;
}

static int axis_key(struct pn_sweep_build *b, const char *key, const char *value,
		    unsigned long line, struct pn_diag *d)
{
	struct pn_sweep *s = b->s;
	struct pn_axis *a = &s->axis[s->axes];
	char why[256] = "out of memory";
	int err = scenario_keys(b, key, line, d);

	if (err)
		return err;
	if (plusses(key) >= PN_SWEEP_KEYS)
		return pn_diag_set(d, -EINVAL, s->path, line, "more than %d keys with one value",
				   PN_SWEEP_KEYS);
	if (s->axes == PN_SWEEP_AXES)
		return pn_diag_set(d, -EINVAL, s->path, line, "more than %d axes", PN_SWEEP_AXES);
	err = pn_values_parse(value, &a->values, why, sizeof(why));
	if (err)
		return pn_diag_set(d, err, s->path, line, "%s: %s", key, why);
	strcpy(a->key, key);
	a->line = line;
	s->axes++;
	return 0;
}

static int on_key(void *ctx, const char *key, const char *value, unsigned long line,
		  struct pn_diag *d)
{
	struct pn_sweep_build *b = ctx;

	switch (b->in) {
	case IN_SET:
		return set_key(b, key, value, line, d);
	case IN_AXES:
		return axis_key(b, key, value, line, d);
	default:
		return sweep_key(b, key, value, line, d);
	}
}

/* ---- the whole ---- */

static void describe(struct pn_sweep *s, const struct pn_ini_text *t)
{
	const char *text = t->text, *end = memchr(text, '\n', t->size);

	if (!t->size || *text != '#' || !end)
		return;
	while (*text == '#' || *text == ' ')
		text++;
	snprintf(s->description, sizeof(s->description), "%.*s", (int)(end - text), text);
}

static int build(struct pn_sweep_build *b, const char *name, struct pn_diag *d)
{
	static const struct pn_ini_ops ops = {on_section, on_key};
	struct pn_ini_text t;
	int err = pn_ini_read(name, pn_builtin_sweeps, "sweep", &t, d);

	if (err)
		return err;
	snprintf(b->s->name, sizeof(b->s->name), "%s", t.name);
	snprintf(b->s->path, sizeof(b->s->path), "%s", t.path);
	describe(b->s, &t);
	err = pn_ini_parse(&t, &ops, b, d);
	pn_ini_free(&t);
	return err ? err : pn_sweep_check(b, d);
}

int pn_sweep_load(const char *name, struct pn_sweep **out, struct pn_diag *d)
{
	struct pn_sweep_build *b = calloc(1, sizeof(*b));
	struct pn_sweep *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	*out = NULL;
	if (b && s) {
		b->s = s;
		s->confidence = 0.95;
		err = build(b, name, d);
	}
	free(b);
	if (err)
		pn_sweep_free(s);
	else
		*out = s;
	return err;
}

void pn_sweep_free(struct pn_sweep *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->sets; i++)
		free(s->set[i]);
	for (unsigned i = 0; i < s->axes; i++)
		pn_values_free(&s->axis[i].values);
	free(s->base);
	free(s->scenario_text);
	free(s->costs_text);
	free(s);
}
