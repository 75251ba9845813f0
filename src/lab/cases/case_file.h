/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_CASE_FILE_H
#define PN_LAB_CASES_CASE_FILE_H

#include "cases.h"

/*
 * A case that is written as text: what src/lab/case_text has read, and case_run.c carries out. And
 * the words that such a text may use: each vendor has tables of keys and operations.
 */

#define PN_CASE_ARGS   3
#define PN_CASE_KEYS   40 /* of [machine] */
#define PN_CASE_PARTS  32 /* sections that set something up */
#define PN_CASE_STEPS  64 /* of one program */
#define PN_CASE_NAME   24 /* of an agent, with its end */
#define PN_CASE_SAYS   48
#define PN_CASE_CONF   256 /* size of any vendor's configuration, at most */
#define PN_CASE_TEXT   240
#define PN_CASE_VENDOR 2 /* vendors */

/* Who executes an operation: the agent's registers. Local to it. */
struct rig_agent {
	struct rig_vcpu *v;    /* NULL: not a vCPU */
	struct pn_host_cpu *c; /* NULL: hardware */
};

enum pn_case_op_flags {
	PN_CASE_CPU = 1,     /* code of the host or the guest: needs a CPU */
	PN_CASE_VCPU = 2,    /* only a vCPU does it */
	PN_CASE_WAITS = 4,   /* not in [setup], where no other agent runs */
	PN_CASE_ENDLESS = 8, /* nothing comes after it */
	PN_CASE_VM = 16,     /* not on bare metal */
};

/*
 * An operation: a row of a vendor's table. @args has a letter for each argument, which is checked
 * when the text is read:
 *   i interrupt, v vCPU, c CPU, u IOMMU, x vector, p pin
 * @says is shown beside its steps; % stands for the next argument. NULL: the function says it.
 */
struct pn_case_op {
	const char *name, *args, *says;
	const char *doc; /* for docs/explore.md */
	unsigned flags;
	/* False: the program of @me ends here. */
	bool (*run)(struct rig_agent *me, const int *arg);
};

/* A key of [machine]: a field of the vendor's configuration. A row of the vendor's table. */
struct pn_case_key {
	const char *name;
	unsigned off, size;	  /* of the field: 1 or 4 bytes */
	unsigned max;		  /* without words */
	const char *const *words; /* by value; end: NULL */
	const char *doc;
};

/* PN_CASE_FIELD(struct x, f): where a key's field is. */
#define PN_CASE_FIELD(type, field) offsetof(type, field), sizeof(((type *)0)->field)

extern const char *const pn_case_no_yes[]; /* words of a bool */

struct pn_case_interrupt {
	int vcpu, iommu, vector;
	int to_cpu;  /* bare metal */
	bool posted; /* from the start */
};

enum pn_case_starts {
	PN_CASE_RUNNING,
	PN_CASE_ASLEEP,	  /* in the block loop */
	PN_CASE_BLOCKING, /* about to be: loaded, armed, and its task awake */
	PN_CASE_OUT,	  /* never loaded */
};

struct pn_case_vcpu {
	enum pn_case_starts starts;
	int slept_on; /* CPU; -1: where it runs */
	bool stays;   /* its guest waits inside */
};

struct pn_case_step {
	const struct pn_case_op *op;
	int arg[PN_CASE_ARGS];
	unsigned long line;
	char says[PN_CASE_SAYS]; /* empty: nothing */
};

struct pn_case_program {
	bool given;
	unsigned n;
	struct pn_case_step step[PN_CASE_STEPS];
};

enum pn_case_kind {
	PN_CASE_INTERRUPT,
	PN_CASE_A_VCPU,
	PN_CASE_AGENT,
	PN_CASE_SETUP_STEPS,
};

/* A section that sets something up. */
struct pn_case_part {
	enum pn_case_kind kind;
	unsigned long line;
	char name[PN_CASE_NAME]; /* of an agent */
	int index;		 /* of an interrupt or vCPU */
	int cpu;		 /* -1: hardware */
	struct pn_case_interrupt irq;
	struct pn_case_vcpu vcpu;
	struct pn_case_program program[2]; /* and that of the broken variant */
};

struct pn_case_vendor;

struct pn_case_file {
	struct pn_case info; /* its texts point into what follows */
	char name[64];
	char origin[PN_CASE_TEXT], broken[PN_CASE_TEXT], fixed[PN_CASE_TEXT], property[4];
	const struct pn_case_vendor *vendor;
	enum pn_mistake mistake;
	bool early; /* the mistake is made when the machine comes up, too */
	bool no_rest_check;
	uint32_t max_steps;
	uint32_t bound; /* UINT32_MAX: none */
	/* [machine], and what the broken variant has instead; by the vendor's keys. */
	struct {
		bool given;
		uint32_t val;
	} key[2][PN_CASE_KEYS];
	unsigned vcpus, handlers; /* a bit for each CPU */
	unsigned parts;
	struct pn_case_part part[PN_CASE_PARTS];
};

/* What the machine can have at most. */
struct pn_case_limits {
	unsigned cpus, vcpus, interrupts, iommus, threads;
};

struct pn_case_vendor {
	const char *name;
	const struct pn_case_key *keys; /* end: name NULL */
	const struct pn_case_op *ops;	/* likewise; those of both vendors: pn_case_shared_ops */
	/* Builds the machine of @conf with @vcpus. */
	void (*build)(void *conf, unsigned vcpus);
	/* NULL, or why there is no such machine. */
	const char *(*refuse)(const void *conf, unsigned vcpus);
	void (*interrupt)(unsigned index, const struct pn_case_interrupt *irq);
	/* Before a vCPU that waits inside its guest is set up; NULL: nothing to do. */
	void (*stays)(void);
	/* Properties at rest. */
	const char *(*check)(void *arg, char *text, unsigned size);
};

extern const struct pn_case_vendor *const pn_case_vendors[PN_CASE_VENDOR];
extern const struct pn_case_op pn_case_shared_ops[];
extern const struct pn_case_limits pn_case_limits;

/* Builds memory and agents of @file. Inside px_explore(). */
/* The machine's configuration; @conf has PN_CASE_CONF bytes. */
void pn_case_file_conf(const struct pn_case_file *file, bool broken, void *conf);
void pn_case_file_build(const struct pn_case_file *file, bool broken);

#endif
