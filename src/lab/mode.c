/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "mode.h"
#include "scenario.h"

/* A mode's variant: one key with two values, of which the first is the default. */
struct mode_info {
	const char *name, *doc;
	const char *key, *values[2];
};

static const struct mode_info modes[PN_MODE_NR] = {
	[PN_MODE_EMULATED] = {"emulated",
			      "MSI to the host, injected by software; EOI exits",
			      NULL,
			      {NULL}},
	[PN_MODE_AVIC] = {"avic",
			  "MSI to the host, AVIC in the processor: doorbell, no EOI exits",
			  NULL,
			  {NULL}},
	[PN_MODE_GALOG] = {"galog",
			   "the IOMMU posts; sleeping vCPUs are reported in the guest APIC log",
			   "gate",
			   {"blocking", "always"}},
	[PN_MODE_GAPPI] = {"gappi",
			   "the IOMMU posts; sleeping vCPUs' CPUs get a physical interrupt",
			   "masked",
			   {"park", "none"}},
};

static const char *const elsewhere[] = {
	"vtd-pi", "remapped", "posted-msi", "ipi-exit", "ipi-avic", "ipi-ipiv",
};

#define NR(a) ((unsigned)(sizeof(a) / sizeof((a)[0])))

const char *pn_mode_name(enum pn_mode_id id)
{
	return (unsigned)id < PN_MODE_NR ? modes[id].name : NULL;
}

const char *pn_mode_doc(enum pn_mode_id id)
{
	return (unsigned)id < PN_MODE_NR ? modes[id].doc : NULL;
}

static unsigned chosen(const struct pn_mode *m)
{
	if (m->id == PN_MODE_GALOG)
		return m->gate_always;
	return m->id == PN_MODE_GAPPI && m->masked_none;
}

bool pn_mode_variant(const struct pn_mode *m, const char **key, const char **value)
{
	const struct mode_info *i;

	if ((unsigned)m->id >= PN_MODE_NR || !modes[m->id].key)
		return false;
	i = &modes[m->id];
	*key = i->key;
	*value = i->values[chosen(m)];
	return true;
}

const char *pn_mode_text(const struct pn_mode *m, char *buf, unsigned size)
{
	const char *key, *value;

	if (chosen(m) && pn_mode_variant(m, &key, &value))
		snprintf(buf, size, "%s:%s=%s", pn_mode_name(m->id), key, value);
	else
		snprintf(buf, size, "%s", (unsigned)m->id < PN_MODE_NR ? modes[m->id].name : "?");
	return buf;
}

static int unknown_mode(const char *name, struct pn_diag *d)
{
	const char *names[PN_MODE_NR + NR(elsewhere)], *near;
	unsigned n = 0;

	for (unsigned i = 0; i < NR(elsewhere); i++)
		if (!strcmp(name, elsewhere[i]))
			return pn_diag_set(d, -EINVAL, NULL, 0, "mode '%s' is not in this build",
					   name);
	for (; n < PN_MODE_NR; n++)
		names[n] = modes[n].name;
	near = *name ? pn_nearest(name, names, n) : NULL;
	if (near)
		return pn_diag_set(d, -EINVAL, NULL, 0, "unknown mode '%s' (did you mean '%s'?)",
				   name, near);
	return pn_diag_set(d, -EINVAL, NULL, 0,
			   "unknown mode '%s' (expected emulated, avic, galog or gappi)", name);
}

static int parse_variant(const struct mode_info *i, const char *text, struct pn_mode *m,
			 struct pn_diag *d)
{
	const char *eq = strchr(text, '=');
	int len = eq ? (int)(eq - text) : (int)strlen(text);

	if (!i->key)
		return pn_diag_set(d, -EINVAL, NULL, 0, "mode '%s' has no variants, '%s' is one",
				   i->name, text);
	if (!eq || (size_t)len != strlen(i->key) || strncmp(text, i->key, (size_t)len))
		return pn_diag_set(d, -EINVAL, NULL, 0,
				   "unknown variant '%.*s' of mode '%s' (expected %s=%s or %s=%s)",
				   len, text, i->name, i->key, i->values[0], i->key, i->values[1]);
	if (strcmp(eq + 1, i->values[0]) && strcmp(eq + 1, i->values[1])) {
		const char *near = pn_nearest(eq + 1, i->values, 2);

		if (near)
			return pn_diag_set(d, -EINVAL, NULL, 0,
					   "unknown value '%s' of '%s' (did you mean '%s'?)",
					   eq + 1, i->key, near);
		return pn_diag_set(d, -EINVAL, NULL, 0,
				   "unknown value '%s' of '%s' (expected %s or %s)", eq + 1, i->key,
				   i->values[0], i->values[1]);
	}
	if (!strcmp(eq + 1, i->values[1])) {
		m->gate_always = m->id == PN_MODE_GALOG;
		m->masked_none = m->id == PN_MODE_GAPPI;
	}
	return 0;
}

int pn_mode_parse(const char *text, struct pn_mode *out, struct pn_diag *d)
{
	size_t len = strcspn(text, ":");
	struct pn_mode m = {0};
	char name[64];
	unsigned id;

	snprintf(name, sizeof(name), "%.*s", (int)len, text);
	for (id = 0; id < PN_MODE_NR && strcmp(name, modes[id].name); id++)
		;
	if (id == PN_MODE_NR)
		return unknown_mode(name, d);
	m.id = (enum pn_mode_id)id;
	if (text[len] == ':') {
		int r = parse_variant(&modes[id], text + len + 1, &m, d);

		if (r)
			return r;
	}
	*out = m;
	return 0;
}
