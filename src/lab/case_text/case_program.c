/* SPDX-License-Identifier: MIT */
/* Programs of a case's text: operations separated by commas, their arguments by blanks. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case_parse.h"

#define MAX_WORDS (PN_CASE_ARGS + 2)

static const struct pn_case_op *find(const struct pn_case_op *ops, const char *name)
{
	for (; ops->name; ops++)
		if (!strcmp(ops->name, name))
			return ops;
	return NULL;
}

static unsigned names_of(const struct pn_case_op *ops, const char **names, unsigned n)
{
	for (; ops->name && n < PN_CASE_NAMES; ops++)
		names[n++] = ops->name;
	return n;
}

static int no_such_op(const struct pn_case_reader *r, const char *word, unsigned long line,
		      struct pn_diag *d)
{
	const char *names[PN_CASE_NAMES];
	unsigned n;

	for (unsigned i = 0; i < PN_CASE_VENDOR; i++)
		if (find(pn_case_vendors[i]->ops, word))
			return pn_case_refuse(r, line, d,
					      "operation \"%s\" is of vendor %s, not %s", word,
					      pn_case_vendors[i]->name, r->file->vendor->name);
	n = names_of(r->file->vendor->ops, names, names_of(pn_case_shared_ops, names, 0));
	return pn_case_unknown(r, line, d, "operation", word, names, n);
}

/* The kind of argument that a letter of pn_case_op.args stands for, and its range. */
static const char *kind_of(char letter, int *min, int *max)
{
	const struct pn_case_limits *l = &pn_case_limits;

	*min = letter == 'x' ? 0x10 : 0;
	switch (letter) {
	case 'i':
		*max = (int)l->interrupts - 1;
		return "interrupt";
	case 'v':
		*max = (int)l->vcpus - 1;
		return "vCPU";
	case 'c':
		*max = (int)l->cpus - 1;
		return "CPU";
	case 'u':
		*max = (int)l->iommus - 1;
		return "IOMMU";
	case 'x':
		*max = 0xff;
		return "vector";
	default:
		*max = 23;
		return "pin";
	}
}

/* What is shown beside the steps of an operation: @says with its arguments in place of %. */
static void say(struct pn_case_step *s)
{
	const char *from = s->op->says ? s->op->says : "";
	size_t n = 0;
	unsigned arg = 0;

	for (; *from && n + 8 < sizeof(s->says); from++) {
		if (*from != '%')
			s->says[n++] = *from;
		else if (arg < PN_CASE_ARGS)
			n += (size_t)snprintf(s->says + n, sizeof(s->says) - n,
					      s->op->args[arg] == 'x' ? "0x%02x" : "%u",
					      (unsigned)s->arg[arg]),
				arg++;
	}
	s->says[n] = 0;
}

static int arguments(struct pn_case_reader *r, struct pn_case_step *s, char *const *word,
		     unsigned n, struct pn_diag *d)
{
	const char *args = s->op->args, *kind;
	char what[48];
	int min, max;

	if (n != strlen(args)) {
		char text[96] = "";
		size_t used = 0;

		for (unsigned i = 0; args[i]; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, " %s",
						 kind_of(args[i], &min, &max));
		return pn_case_refuse(r, s->line, d, "%s has %u argument%s (expected %s%s)",
				      s->op->name, n, n == 1 ? "" : "s", s->op->name, text);
	}
	for (unsigned i = 0; i < n; i++) {
		kind = kind_of(args[i], &min, &max);
		snprintf(what, sizeof(what), "%.24s: %s", s->op->name, kind);
		if (pn_case_number(r, s->line, d, what, word[i], min, max, &s->arg[i]))
			return -EINVAL;
	}
	return 0;
}

/* Splits @text at blanks. Returns how many words there are: MAX_WORDS are too many. */
static unsigned split(char *text, char **word)
{
	unsigned n = 0;

	for (;;) {
		text += strspn(text, " \t");
		if (!*text || n == MAX_WORDS)
			return n;
		word[n++] = text;
		text += strcspn(text, " \t");
		if (*text)
			*text++ = 0;
	}
}

static int add_one(struct pn_case_reader *r, struct pn_case_program *p, char *text,
		   unsigned long line, struct pn_diag *d)
{
	struct pn_case_step *s;
	char *word[MAX_WORDS];
	unsigned n = split(text, word);

	if (!n)
		return pn_case_refuse(r, line, d, "an operation is missing beside a comma");
	if (p->n == PN_CASE_STEPS)
		return pn_case_refuse(r, line, d, "program too long (at most %d operations)",
				      PN_CASE_STEPS);
	s = &p->step[p->n];
	s->line = line;
	s->op = find(pn_case_shared_ops, word[0]);
	if (!s->op)
		s->op = find(r->file->vendor->ops, word[0]);
	if (!s->op)
		return no_such_op(r, word[0], line, d);
	if (p->n && p->step[p->n - 1].op->flags & PN_CASE_ENDLESS)
		return pn_case_refuse(r, line, d, "\"%s\" never ends: nothing comes after it",
				      p->step[p->n - 1].op->name);
	if (arguments(r, s, word + 1, n - 1, d))
		return -EINVAL;
	say(s);
	p->n++;
	return 0;
}

int pn_case_program_add(struct pn_case_reader *r, struct pn_case_program *p, const char *text,
			unsigned long line, struct pn_diag *d)
{
	char buf[512], *at = buf, *comma;

	if (strlen(text) >= sizeof(buf))
		return pn_case_refuse(r, line, d, "line too long (at most %zu characters)",
				      sizeof(buf) - 1);
	memcpy(buf, text, strlen(text) + 1);
	p->given = true;
	if (!strcmp(text, "nothing"))
		return 0;
	for (;; at = comma + 1) {
		comma = strchr(at, ',');
		if (comma)
			*comma = 0;
		if (add_one(r, p, at, line, d))
			return -EINVAL;
		if (!comma)
			return 0;
	}
}
