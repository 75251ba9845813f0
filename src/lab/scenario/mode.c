/* SPDX-License-Identifier: MIT */
/*
 * Finds modes by name, and reads and writes their variants as text. The properties of a mode are in
 * its record.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "mode.h"
#include "nearest.h"

static const char *const works[PN_WORK_NR] = {"passthrough", "bare metal", "guest IPIs",
					      "passthrough and guest IPIs"};

const struct pn_mode_info *pn_mode_at(unsigned i)
{
	unsigned n = 0;

	while (pn_modes[n] && n < i)
		n++;
	return pn_modes[n];
}

const struct pn_mode_info *pn_mode_find(const char *name)
{
	const struct pn_mode_info *const *i = pn_modes;

	while (*i && strcmp((*i)->name, name))
		i++;
	return *i;
}

unsigned pn_mode_index(const struct pn_mode_info *info)
{
	unsigned i = 0;

	while (pn_modes[i] && pn_modes[i] != info)
		i++;
	return i;
}

const char *pn_workload_name(enum pn_workload w)
{
	return (unsigned)w < PN_WORK_NR ? works[w] : NULL;
}

bool pn_mode_runs(const struct pn_mode_info *info, enum pn_workload w)
{
	return info->work == w || (w == PN_WORK_MIXED && info->work != PN_WORK_BARE);
}

const char *pn_workload_modes(enum pn_workload w, char *buf, unsigned size)
{
	const struct pn_mode_info *const *i;
	unsigned left = 0, used = 0;

	for (i = pn_modes; *i; i++)
		left += w == PN_WORK_NR || pn_mode_runs(*i, w);
	*buf = 0;
	for (i = pn_modes; *i && used < size; i++)
		if (w == PN_WORK_NR || pn_mode_runs(*i, w))
			used += (unsigned)snprintf(buf + used, size - used, "%s%s", (*i)->name,
						   --left > 1  ? ", "
						   : left == 1 ? " or "
							       : "");
	return buf;
}

static uint32_t *number(struct pn_mode *m, const struct pn_mode_key *k)
{
	return (uint32_t *)((char *)m + k->offset);
}

static uint32_t number_of(const struct pn_mode *m, const struct pn_mode_key *k)
{
	return *(const uint32_t *)((const char *)m + k->offset);
}

struct pn_mode pn_mode_plain(const struct pn_mode_info *info)
{
	struct pn_mode m = {.info = info};

	for (const struct pn_mode_key *k = info->key; k->name; k++)
		if (!k->values[0])
			*number(&m, k) = k->dflt;
	return m;
}

/* For a key with two values: true if the second is chosen. */
static bool second(const struct pn_mode *m, const struct pn_mode_key *k)
{
	return *(const bool *)((const char *)m + k->offset);
}

static bool plain(const struct pn_mode *m, const struct pn_mode_key *k)
{
	return k->values[0] ? !second(m, k) : number_of(m, k) == k->dflt;
}

bool pn_mode_variant(const struct pn_mode *m, unsigned i, const char **key, char *buf)
{
	const struct pn_mode_key *k;

	if (!m->info || i >= PN_MODE_KEYS || !m->info->key[i].name)
		return false;
	k = &m->info->key[i];
	*key = k->name;
	if (k->values[0])
		snprintf(buf, PN_MODE_VALUE, "%s", k->values[second(m, k)]);
	else
		snprintf(buf, PN_MODE_VALUE, "%u", number_of(m, k));
	return true;
}

const char *pn_mode_text(const struct pn_mode *m, char *buf, unsigned size)
{
	char value[PN_MODE_VALUE];
	const char *key;
	unsigned used = (unsigned)snprintf(buf, size, "%s", m->info ? m->info->name : "?");

	for (unsigned i = 0; used < size && pn_mode_variant(m, i, &key, value); i++)
		if (!plain(m, &m->info->key[i]))
			used += (unsigned)snprintf(buf + used, size - used, ":%s=%s", key, value);
	return buf;
}

static int unknown_mode(const char *name, struct pn_diag *d)
{
	const char *names[PN_MODE_MAX], *near;
	char all[160];
	unsigned n = 0;

	for (; pn_modes[n] && n < PN_MODE_MAX; n++)
		names[n] = pn_modes[n]->name;
	near = *name ? pn_nearest(name, names, n) : NULL;
	if (near)
		return pn_diag_set(d, -EINVAL, NULL, 0, "unknown mode '%s' (did you mean '%s'?)",
				   name, near);
	return pn_diag_set(d, -EINVAL, NULL, 0, "unknown mode '%s' (expected %s)", name,
			   pn_workload_modes(PN_WORK_NR, all, sizeof(all)));
}

static int parse_number(const struct pn_mode_key *k, const char *value, struct pn_mode *m,
			struct pn_diag *d)
{
	size_t len = strlen(value);
	uint32_t n = 0;

	for (size_t i = 0; i < len && n <= k->max; i++)
		n = value[i] >= '0' && value[i] <= '9' ? n * 10 + (uint32_t)(value[i] - '0')
						       : k->max + 1;
	if (!n || n > k->max)
		return pn_diag_set(d, -EINVAL, NULL, 0, "'%s' of '%s' is no number 1 .. %u", value,
				   k->name, k->max);
	*number(m, k) = n;
	return 0;
}

static int parse_choice(const struct pn_mode_key *k, const char *value, struct pn_mode *m,
			struct pn_diag *d)
{
	bool is_second = !strcmp(value, k->values[1]);
	const char *near;

	if (is_second || !strcmp(value, k->values[0])) {
		*(bool *)((char *)m + k->offset) = is_second;
		return 0;
	}
	near = pn_nearest(value, k->values, 2);
	if (near)
		return pn_diag_set(d, -EINVAL, NULL, 0,
				   "unknown value '%s' of '%s' (did you mean '%s'?)", value,
				   k->name, near);
	return pn_diag_set(d, -EINVAL, NULL, 0, "unknown value '%s' of '%s' (expected %s or %s)",
			   value, k->name, k->values[0], k->values[1]);
}

static const struct pn_mode_key *find_key(const struct pn_mode_info *i, const char *name)
{
	const struct pn_mode_key *k = i->key;

	while (k->name && strcmp(k->name, name))
		k++;
	return k->name ? k : NULL;
}

/* A key of another mode, a misspelt one of this, or neither. */
static int unknown_key(const struct pn_mode_info *i, const char *name, struct pn_diag *d)
{
	const char *names[PN_MODE_KEYS], *near;
	unsigned n = 0;

	for (const struct pn_mode_info *const *o = pn_modes; *o; o++)
		if (find_key(*o, name))
			return pn_diag_set(d, -EINVAL, NULL, 0,
					   "mode '%s' has no '%s' (did you mean '%s:%s'?%s%s)",
					   i->name, name, (*o)->name, name,
					   i->variants ? " expected " : "",
					   i->variants ? i->variants : "");
	if (!i->variants)
		return pn_diag_set(d, -EINVAL, NULL, 0, "mode '%s' has no variants, '%s' is one",
				   i->name, name);
	for (; i->key[n].name; n++)
		names[n] = i->key[n].name;
	near = pn_nearest(name, names, n);
	if (near)
		return pn_diag_set(d, -EINVAL, NULL, 0,
				   "unknown variant '%s' of mode '%s' (did you mean '%s'? "
				   "expected %s)",
				   name, i->name, near, i->variants);
	return pn_diag_set(d, -EINVAL, NULL, 0, "unknown variant '%s' of mode '%s' (expected %s)",
			   name, i->name, i->variants);
}

/* "gate=always" */
static int parse_variant(char *text, struct pn_mode *m, struct pn_diag *d)
{
	const struct pn_mode_info *i = m->info;
	char *value = strchr(text, '=');
	const struct pn_mode_key *k;

	if (value)
		*value++ = 0;
	k = find_key(i, text);
	if (!k)
		return unknown_key(i, text, d);
	if (!value)
		return pn_diag_set(d, -EINVAL, NULL, 0,
				   "'%s' of mode '%s' has no value (expected %s)", text, i->name,
				   i->variants);
	return k->values[0] ? parse_choice(k, value, m, d) : parse_number(k, value, m, d);
}

/* "gate=always:recover=wake"; each once. */
static int parse_variants(char *text, struct pn_mode *m, struct pn_diag *d)
{
	const struct pn_mode_key *said[PN_MODE_KEYS];
	unsigned n = 0;
	int r = 0;

	for (char *next; text && !r; text = next) {
		const struct pn_mode_key *k;

		next = strchr(text, ':');
		if (next)
			*next++ = 0;
		r = parse_variant(text, m, d);
		if (r)
			break;
		k = find_key(m->info, text);
		for (unsigned i = 0; i < n; i++)
			if (said[i] == k)
				return pn_diag_set(d, -EINVAL, NULL, 0, "'%s' twice in a mode",
						   text);
		said[n++] = k;
	}
	return r;
}

int pn_mode_parse(const char *text, struct pn_mode *out, struct pn_diag *d)
{
	char name[128];
	struct pn_mode m;
	const struct pn_mode_info *info;
	char *variants;

	if (strlen(text) >= sizeof(name))
		return pn_diag_set(d, -EINVAL, NULL, 0, "unknown mode '%.32s...'", text);
	snprintf(name, sizeof(name), "%s", text);
	variants = strchr(name, ':');
	if (variants)
		*variants++ = 0;
	info = pn_mode_find(name);
	if (!info)
		return unknown_mode(name, d);
	m = pn_mode_plain(info);
	if (variants) {
		int r = parse_variants(variants, &m, d);

		if (r)
			return r;
	}
	*out = m;
	return 0;
}
