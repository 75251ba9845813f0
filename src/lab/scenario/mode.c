/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "mode.h"
#include "nearest.h"

/* What a mode can be varied in: a choice of two, of which the first is the default, or a number. */
struct mode_key {
	const char *name, *values[2]; /* no values: a number */
	size_t second;		      /* offset of the bool that says that it is the second value */
};

#define KEYS_MAX 2

struct mode_info {
	const char *name;
	enum pn_workload work;
	const char *doc;
	struct mode_key key[KEYS_MAX + 1];
	const char *variants; /* the same for people */
};

static const struct mode_info modes[PN_MODE_NR] = {
	[PN_MODE_EMULATED] = {.name = "emulated",
			      .work = PN_WORK_PASSTHROUGH,
			      .doc = "MSI to the host, injected by software; EOI exits"},
	[PN_MODE_AVIC] = {.name = "avic",
			  .work = PN_WORK_PASSTHROUGH,
			  .doc = "MSI to the host, AVIC in the processor: doorbell, no EOI exits"},
	[PN_MODE_GALOG] =
		{.name = "galog",
		 .work = PN_WORK_PASSTHROUGH,
		 .doc = "the IOMMU posts; the guest APIC log reports sleeping vCPUs",
		 .key = {{"gate", {"blocking", "always"}, offsetof(struct pn_mode, gate_always)},
			 {"recover", {"none", "wake"}, offsetof(struct pn_mode, recover_wake)}},
		 .variants = "gate=blocking (default) or gate=always, recover=none "
			     "(default) or recover=wake"},
	[PN_MODE_GAPPI] =
		{.name = "gappi",
		 .work = PN_WORK_PASSTHROUGH,
		 .doc = "the IOMMU posts; sleeping vCPUs' CPUs get a physical interrupt",
		 .key = {{"masked", {"park", "none"}, offsetof(struct pn_mode, masked_none)}},
		 .variants = "masked=park (default) or masked=none"},
	[PN_MODE_VTD_PI] = {.name = "vtd-pi",
			    .work = PN_WORK_PASSTHROUGH,
			    .doc = "VT-d posts into a descriptor per vCPU and notifies its CPU"},
	[PN_MODE_REMAPPED] = {.name = "remapped",
			      .work = PN_WORK_BARE,
			      .doc = "VT-d remaps each MSI to a vector of the host: one interrupt "
				     "each"},
	[PN_MODE_POSTED_MSI] = {.name = "posted-msi",
				.work = PN_WORK_BARE,
				.doc = "VT-d posts MSIs into a descriptor per CPU: one interrupt "
				       "for many",
				.key = {{.name = "loops"}},
				.variants = "loops=3 (default), loops=N with N 1 .. 64"},
	[PN_MODE_IPI_EXIT] = {.name = "ipi-exit",
			      .work = PN_WORK_IPI,
			      .doc = "each ICR write exits; the hypervisor posts to the receiver"},
	[PN_MODE_IPI_AVIC] =
		{.name = "ipi-avic",
		 .work = PN_WORK_IPI,
		 .doc = "AVIC sends IPIs to running vCPUs; it exits for sleeping ones"},
	[PN_MODE_IPI_IPIV] = {.name = "ipi-ipiv",
			      .work = PN_WORK_IPI,
			      .doc = "IPI virtualization posts through the PID-pointer table, no "
				     "exit"},
};

static const char *const works[PN_WORK_NR] = {"passthrough", "bare metal", "guest IPIs"};

const char *pn_mode_name(enum pn_mode_id id)
{
	return (unsigned)id < PN_MODE_NR ? modes[id].name : NULL;
}

const char *pn_mode_doc(enum pn_mode_id id)
{
	return (unsigned)id < PN_MODE_NR ? modes[id].doc : NULL;
}

const char *pn_mode_variants(enum pn_mode_id id)
{
	return (unsigned)id < PN_MODE_NR ? modes[id].variants : NULL;
}

enum pn_workload pn_mode_workload(enum pn_mode_id id)
{
	return (unsigned)id < PN_MODE_NR ? modes[id].work : PN_WORK_PASSTHROUGH;
}

const char *pn_workload_name(enum pn_workload w)
{
	return (unsigned)w < PN_WORK_NR ? works[w] : NULL;
}

const char *pn_workload_modes(enum pn_workload w, char *buf, unsigned size)
{
	unsigned left = 0, used = 0;

	for (unsigned i = 0; i < PN_MODE_NR; i++)
		left += w == PN_WORK_NR || modes[i].work == w;
	*buf = 0;
	for (unsigned i = 0; i < PN_MODE_NR && used < size; i++)
		if (w == PN_WORK_NR || modes[i].work == w)
			used += (unsigned)snprintf(buf + used, size - used, "%s%s", modes[i].name,
						   --left > 1  ? ", "
						   : left == 1 ? " or "
							       : "");
	return buf;
}

struct pn_mode pn_mode_plain(enum pn_mode_id id)
{
	return (struct pn_mode){.id = id, .loops = id == PN_MODE_POSTED_MSI ? PN_MODE_LOOPS : 0};
}

/* Of a key with two values: is it the second? */
static bool second(const struct pn_mode *m, const struct mode_key *k)
{
	return *(const bool *)((const char *)m + k->second);
}

static bool plain(const struct pn_mode *m, const struct mode_key *k)
{
	return k->values[0] ? !second(m, k) : m->loops == PN_MODE_LOOPS;
}

bool pn_mode_variant(const struct pn_mode *m, unsigned i, const char **key, char *buf)
{
	const struct mode_key *k;

	if ((unsigned)m->id >= PN_MODE_NR || i >= KEYS_MAX || !modes[m->id].key[i].name)
		return false;
	k = &modes[m->id].key[i];
	*key = k->name;
	if (k->values[0])
		snprintf(buf, PN_MODE_VALUE, "%s", k->values[second(m, k)]);
	else
		snprintf(buf, PN_MODE_VALUE, "%u", m->loops);
	return true;
}

const char *pn_mode_text(const struct pn_mode *m, char *buf, unsigned size)
{
	bool known = (unsigned)m->id < PN_MODE_NR;
	char value[PN_MODE_VALUE];
	const char *key;
	unsigned used = (unsigned)snprintf(buf, size, "%s", known ? modes[m->id].name : "?");

	for (unsigned i = 0; used < size && pn_mode_variant(m, i, &key, value); i++)
		if (!plain(m, &modes[m->id].key[i]))
			used += (unsigned)snprintf(buf + used, size - used, ":%s=%s", key, value);
	return buf;
}

static int unknown_mode(const char *name, struct pn_diag *d)
{
	const char *names[PN_MODE_NR], *near;
	char all[160];

	for (unsigned n = 0; n < PN_MODE_NR; n++)
		names[n] = modes[n].name;
	near = *name ? pn_nearest(name, names, PN_MODE_NR) : NULL;
	if (near)
		return pn_diag_set(d, -EINVAL, NULL, 0, "unknown mode '%s' (did you mean '%s'?)",
				   name, near);
	return pn_diag_set(d, -EINVAL, NULL, 0, "unknown mode '%s' (expected %s)", name,
			   pn_workload_modes(PN_WORK_NR, all, sizeof(all)));
}

static int parse_loops(const char *value, struct pn_mode *m, struct pn_diag *d)
{
	size_t len = strlen(value);
	unsigned n = 0;

	for (size_t i = 0; i < len && n <= PN_MODE_LOOPS_MAX; i++)
		n = value[i] >= '0' && value[i] <= '9' ? n * 10 + (unsigned)(value[i] - '0')
						       : PN_MODE_LOOPS_MAX + 1;
	if (!n || n > PN_MODE_LOOPS_MAX)
		return pn_diag_set(d, -EINVAL, NULL, 0, "'%s' of 'loops' is no number 1 .. %u",
				   value, PN_MODE_LOOPS_MAX);
	m->loops = n;
	return 0;
}

static int parse_choice(const struct mode_key *k, const char *value, struct pn_mode *m,
			struct pn_diag *d)
{
	bool is_second = !strcmp(value, k->values[1]);
	const char *near;

	if (is_second || !strcmp(value, k->values[0])) {
		*(bool *)((char *)m + k->second) = is_second;
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

static const struct mode_key *find_key(const struct mode_info *i, const char *name)
{
	const struct mode_key *k = i->key;

	while (k->name && strcmp(k->name, name))
		k++;
	return k->name ? k : NULL;
}

/* A key of another mode, a misspelt one of this, or neither. */
static int unknown_key(const struct mode_info *i, const char *name, struct pn_diag *d)
{
	const char *names[KEYS_MAX], *near;
	unsigned n = 0;

	for (unsigned o = 0; o < PN_MODE_NR; o++)
		if (find_key(&modes[o], name))
			return pn_diag_set(d, -EINVAL, NULL, 0,
					   "mode '%s' has no '%s' (did you mean '%s:%s'?%s%s)",
					   i->name, name, modes[o].name, name,
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
	const struct mode_info *i = &modes[m->id];
	char *value = strchr(text, '=');
	const struct mode_key *k;

	if (value)
		*value++ = 0;
	k = find_key(i, text);
	if (!k)
		return unknown_key(i, text, d);
	if (!value)
		return pn_diag_set(d, -EINVAL, NULL, 0,
				   "'%s' of mode '%s' has no value (expected %s)", text, i->name,
				   i->variants);
	return k->values[0] ? parse_choice(k, value, m, d) : parse_loops(value, m, d);
}

/* "gate=always:recover=wake"; each once. */
static int parse_variants(char *text, struct pn_mode *m, struct pn_diag *d)
{
	const struct mode_key *said[KEYS_MAX];
	unsigned n = 0;
	int r = 0;

	for (char *next; text && !r; text = next) {
		const struct mode_key *k;

		next = strchr(text, ':');
		if (next)
			*next++ = 0;
		r = parse_variant(text, m, d);
		if (r)
			break;
		k = find_key(&modes[m->id], text);
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
	char *variants;
	unsigned id;

	if (strlen(text) >= sizeof(name))
		return pn_diag_set(d, -EINVAL, NULL, 0, "unknown mode '%.32s...'", text);
	snprintf(name, sizeof(name), "%s", text);
	variants = strchr(name, ':');
	if (variants)
		*variants++ = 0;
	for (id = 0; id < PN_MODE_NR && strcmp(name, modes[id].name); id++)
		;
	if (id == PN_MODE_NR)
		return unknown_mode(name, d);
	m = pn_mode_plain((enum pn_mode_id)id);
	if (variants) {
		int r = parse_variants(variants, &m, d);

		if (r)
			return r;
	}
	*out = m;
	return 0;
}
