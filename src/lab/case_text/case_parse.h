/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASE_PARSE_H
#define PN_LAB_CASE_PARSE_H

#include "case_file.h"
#include "ini_text.h"

/* The private interface of case_parse.c, case_program.c and case_check.c. */

#define PN_CASE_NAMES 96 /* that a message chooses the nearest of */

/* The shipped texts by vendor, generated; end: name NULL. */
extern const struct pn_builtin pn_builtin_cases_amd[], pn_builtin_cases_intel[];
extern const char *const pn_mistake_names[PN_MISTAKE_NR]; /* generated */

struct pn_case_reader {
	struct pn_case_file *file;
	const char *path;
	struct pn_case_part *part; /* of the current section; NULL: it has none */
	unsigned section;	   /* index into the list of sections */
	bool in_section;
	unsigned long case_line, machine_line, handlers_line; /* 0: not there */
	unsigned long key_line[2][PN_CASE_KEYS];	      /* of [machine] */
	unsigned long said;				      /* keys of this section: bits */
};

int pn_case_refuse(const struct pn_case_reader *r, unsigned long line, struct pn_diag *d,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* "unknown WHAT "WORD" (did you mean ...?)", or with all of @names. */
int pn_case_unknown(const struct pn_case_reader *r, unsigned long line, struct pn_diag *d,
		    const char *what, const char *word, const char *const *names, unsigned n);
/* A whole number from @min to @max, decimal or 0x. */
int pn_case_number(const struct pn_case_reader *r, unsigned long line, struct pn_diag *d,
		   const char *what, const char *text, long min, long max, int *out);

/* Appends the operations of @text to the program. */
int pn_case_program_add(struct pn_case_reader *r, struct pn_case_program *p, const char *text,
			unsigned long line, struct pn_diag *d);
/* The whole file is read: what does not fit together. */
int pn_case_check(struct pn_case_reader *r, struct pn_diag *d);

/* Reads @t into @file, which is zeroed. -EINVAL, -ENOMEM. */
int pn_case_parse(const struct pn_ini_text *t, struct pn_case_file *file, struct pn_diag *d);

#endif
