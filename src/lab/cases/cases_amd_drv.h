/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_AMD_DRV_H
#define PN_LAB_CASES_AMD_DRV_H

#include "amdvi_drv.h"
#include "case_setup.h"
#include "solo_amd.h"

/* The case of the driver of AMD's IOMMU alone: what its files share. */

#define WRITES 96u
#define DEV    5u
#define BASE   0x400ull /* Coherent */
#define GAEN   (1ull << 17)
#define VAPIC  (1ull << 25)
#define XT     (3ull << 50)
#define GALOG  (1ull << 28)
#define GAINT  (1ull << 29)
#define ON     (1ull << 0 | 1ull << 2 | 1ull << 12)
#define GAPPI  (1ull << 55)
#define WAIT   (1ull << 60 | 1)

struct drv_write {
	uint32_t off;
	uint64_t value;
};

/* One IOMMU, and what the driver does to it. */
struct drv_unit {
	struct pn_amdvi *vi;
	struct drv_write done[WRITES];
	unsigned n;
	bool locked;		/* the driver has to hold a lock */
	bool deaf;		/* commands do not reach it */
	unsigned late;		/* so many reads of Status until GALogRun rises */
	uint64_t set, clear;	/* bits that Status shows, and does not show */
	struct pn_amdvi_ir *ir; /* its lock has to be held, too */
};

/* IOMMUs by what they lack. */
enum drv_kind { FULL, NO_GA, NO_GAM, NO_XT, NO_GAPPI, NO_IA, NO_MSI, OLD, DRV_KINDS };

/* What the driver reads and writes: in the machine's memory. */
extern struct drv_lab {
	struct drv_unit units[DRV_KINDS];
	struct pn_amdvi_drv drv[2];
	struct pn_iommus host;
	struct pn_pages pages;
	struct pn_os os;
	struct pn_amdvi_ir ir;
} * drv_lab;
extern struct pn_agent *drv_self;

/* Brings up the IOMMU @a, and with @b >= 0 a second one. */
int drv_up(enum drv_kind a, int b, struct pn_iommus_config cfg);
struct pn_iommus_config drv_config(enum pn_notify notify);
/* A register, as the driver reads it. */
uint64_t drv_read(void *unit, uint32_t off, unsigned size);

/* What the driver writes to @u is compared from here on: the next write is this one; it was the
 * last. */
void drv_watch(struct drv_unit *u);
void drv_wrote(const struct drv_unit *u, uint32_t off, uint64_t value, const char *what);
void drv_wrote_all(struct drv_unit *u, const char *what);
/* The last command is @q0, and a wait behind it that has completed. */
void drv_commanded(struct pn_amdvi_drv *d, uint64_t q0, const char *what);

/* Parts of the case: up and down; the switch, and routes; entries; the log's thread. */
void drv_comes_up(void), drv_switches(void), drv_entries(void), drv_log(void);
/* An IOMMU that does not answer, or answers late. Before there is a thread: a poll costs nothing.
 * NULL, or what is wrong. */
const char *drv_silence(void);
/* Wakes the log's thread. */
bool drv_os_wake(void *ctx, struct pn_agent *agent, void *task, enum pn_wake_reason why);

#endif
