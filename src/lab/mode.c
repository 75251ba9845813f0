/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "mode.h"
#include "scenario.h"

/* A mode's variant: one key with two values, of which the first is the default, or with a number.
 */
struct mode_info {
	const char *name;
	enum pn_workload work;
	const char *doc;
	const char *key, *values[2];
	const char *variants; /* the same for people */
};

static const struct mode_info modes[PN_MODE_NR] = {
	[PN_MODE_EMULATED] = {.name = "emulated",
			      .work = PN_WORK_PASSTHROUGH,
			      .doc = "MSI to the host, injected by software; EOI exits"},
	[PN_MODE_AVIC] = {.name = "avic",
			  .work = PN_WORK_PASSTHROUGH,
			  .doc = "MSI to the host, AVIC in the processor: doorbell, no EOI exits"},
	[PN_MODE_GALOG] = {.name = "galog",
			   .work = PN_WORK_PASSTHROUGH,
			   .doc = "the IOMMU posts; sleeping vCPUs are reported in the guest APIC "
				  "log",
			   .key = "gate",
			   .values = {"blocking", "always"},
			   .variants = "gate=blocking (default) or gate=always"},
	[PN_MODE_GAPPI] = {.name = "gappi",
			   .work = PN_WORK_PASSTHROUGH,
			   .doc = "the IOMMU posts; sleeping vCPUs' CPUs get a physical interrupt",
			   .key = "masked",
			   .values = {"park", "none"},
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
				.key = "loops",
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

/* Of two values: which. */
static unsigned chosen(const struct pn_mode *m)
{
	if (m->id == PN_MODE_GALOG)
		return m->gate_always;
	return m->id == PN_MODE_GAPPI && m->masked_none;
}

bool pn_mode_variant(const struct pn_mode *m, const char **key, char *buf)
{
	const struct mode_info *i;

	if ((unsigned)m->id >= PN_MODE_NR || !modes[m->id].key)
		return false;
	i = &modes[m->id];
	*key = i->key;
	if (m->id == PN_MODE_POSTED_MSI)
		snprintf(buf, PN_MODE_VALUE, "%u", m->loops);
	else
		snprintf(buf, PN_MODE_VALUE, "%s", i->values[chosen(m)]);
	return true;
}

const char *pn_mode_text(const struct pn_mode *m, char *buf, unsigned size)
{
	bool plain = !chosen(m) && (m->id != PN_MODE_POSTED_MSI || m->loops == PN_MODE_LOOPS);
	char value[PN_MODE_VALUE];
	const char *key;

	if (!plain && pn_mode_variant(m, &key, value))
		snprintf(buf, size, "%s:%s=%s", pn_mode_name(m->id), key, value);
	else
		snprintf(buf, size, "%s", (unsigned)m->id < PN_MODE_NR ? modes[m->id].name : "?");
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

static int parse_choice(const struct mode_info *i, const char *value, struct pn_mode *m,
			struct pn_diag *d)
{
	const char *near;

	if (!strcmp(value, i->values[0]))
		return 0;
	if (!strcmp(value, i->values[1])) {
		m->gate_always = m->id == PN_MODE_GALOG;
		m->masked_none = m->id == PN_MODE_GAPPI;
		return 0;
	}
	near = pn_nearest(value, i->values, 2);
	if (near)
		return pn_diag_set(d, -EINVAL, NULL, 0,
				   "unknown value '%s' of '%s' (did you mean '%s'?)", value, i->key,
				   near);
	return pn_diag_set(d, -EINVAL, NULL, 0, "unknown value '%s' of '%s' (expected %s or %s)",
			   value, i->key, i->values[0], i->values[1]);
}

static int parse_variant(const char *text, struct pn_mode *m, struct pn_diag *d)
{
	const struct mode_info *i = &modes[m->id];
	const char *eq = strchr(text, '=');
	int len = eq ? (int)(eq - text) : (int)strlen(text);

	if (!i->key)
		return pn_diag_set(d, -EINVAL, NULL, 0, "mode '%s' has no variants, '%s' is one",
				   i->name, text);
	if (!eq || (size_t)len != strlen(i->key) || strncmp(text, i->key, (size_t)len))
		return pn_diag_set(d, -EINVAL, NULL, 0,
				   "unknown variant '%.*s' of mode '%s' (expected %s)", len, text,
				   i->name, i->variants);
	if (m->id == PN_MODE_POSTED_MSI)
		return parse_loops(eq + 1, m, d);
	return parse_choice(i, eq + 1, m, d);
}

int pn_mode_parse(const char *text, struct pn_mode *out, struct pn_diag *d)
{
	size_t len = strcspn(text, ":");
	struct pn_mode m;
	char name[64];
	unsigned id;

	snprintf(name, sizeof(name), "%.*s", (int)len, text);
	for (id = 0; id < PN_MODE_NR && strcmp(name, modes[id].name); id++)
		;
	if (id == PN_MODE_NR)
		return unknown_mode(name, d);
	m = pn_mode_plain((enum pn_mode_id)id);
	if (text[len] == ':') {
		int r = parse_variant(text + len + 1, &m, d);

		if (r)
			return r;
	}
	*out = m;
	return 0;
}
