/* SPDX-License-Identifier: MIT */
#ifndef PN_TEST_ROUTE_ROWS_H
#define PN_TEST_ROUTE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Where a guest's MSI goes, on both vendors: four vCPUs in xAPIC mode, flat logical IDs 1, 2, 4, 8;
 * vCPU 1 has a task priority, the APIC of vCPU 3 is disabled by software.
 */

#define ROUTE_ADDR	0xFEE00000ull
#define ROUTE_PHYS(d)	(ROUTE_ADDR | (uint64_t)(d) << 12)
#define ROUTE_LOG(d)	(ROUTE_PHYS(d) | 4)
#define ROUTE_HINT	8ull
#define ROUTE_LOWEST	0x100u
#define ROUTE_REMAPPED	-1
#define ROUTE_BUSY_VCPU 1
#define ROUTE_OFF_VCPU	3
#define ROUTE_BUSY_TPR	0x80u
#define ROUTE_SVR_OFF	0xFFu

struct route_row {
	const char *name;
	uint64_t addr;
	uint32_t data;
	int posted;    /* to that vCPU, or ROUTE_REMAPPED */
	uint32_t gets; /* vCPUs that get it, by software if it is remapped */
	bool poked;    /* its targets check, and find nothing */
};

/* 48882 rev 3.11, 2.2.5 and VT-d rev 5.10, 9.10: posted is fixed, edge, to one. */
static const struct route_row route_rows[] = {
	{"fixed, physical", ROUTE_PHYS(2), 0x41, 2, 4, 0},
	{"fixed, physical, nobody", ROUTE_PHYS(9), 0x41, ROUTE_REMAPPED, 0, 0},
	{"fixed, physical, broadcast", ROUTE_PHYS(0xFF), 0x41, ROUTE_REMAPPED, 7, 0},
	{"fixed, physical, APIC disabled by software", ROUTE_PHYS(3), 0x41, ROUTE_REMAPPED, 0, 0},
	{"fixed, physical, ID beyond 8 bits", ROUTE_PHYS(2) | 1ull << 40, 0x41, ROUTE_REMAPPED, 0,
	 0},
	{"fixed, logical, one", ROUTE_LOG(4), 0x41, 2, 4, 0},
	{"fixed, logical, none", ROUTE_LOG(0x10), 0x41, ROUTE_REMAPPED, 0, 0},
	{"fixed, logical, several", ROUTE_LOG(5), 0x41, ROUTE_REMAPPED, 5, 0},
	{"fixed, logical, one of two is disabled by software", ROUTE_LOG(0xC), 0x41, 2, 4, 0},
	{"fixed, logical, broadcast", ROUTE_LOG(0xFF), 0x41, ROUTE_REMAPPED, 7, 0},
	{"fixed with hint, one", ROUTE_LOG(1) | ROUTE_HINT, 0x41, 0, 1, 0},
	{"fixed with hint, several: to one of them", ROUTE_LOG(6) | ROUTE_HINT, 0x41,
	 ROUTE_REMAPPED, 4, 0},
	{"lowest priority, one candidate", ROUTE_LOG(2), ROUTE_LOWEST | 0x41, 1, 2, 0},
	{"lowest priority, two candidates: the less busy one", ROUTE_LOG(6), ROUTE_LOWEST | 0x41,
	 ROUTE_REMAPPED, 4, 0},
	{"lowest priority, physical", ROUTE_PHYS(0), ROUTE_LOWEST | 0x41, 0, 1, 0},
	{"level-triggered MSI: posted as an edge", ROUTE_PHYS(2), 0xC041, 2, 4, 0},
	{"SMI", ROUTE_PHYS(2), 0x241, ROUTE_REMAPPED, 0, 1},
	{"reserved mode 3", ROUTE_PHYS(2), 0x341, ROUTE_REMAPPED, 0, 1},
	{"NMI", ROUTE_PHYS(2), 0x441, ROUTE_REMAPPED, 0, 1},
	{"INIT", ROUTE_PHYS(2), 0x541, ROUTE_REMAPPED, 0, 1},
	{"reserved mode 6", ROUTE_PHYS(2), 0x641, ROUTE_REMAPPED, 0, 1},
	{"ExtINT", ROUTE_PHYS(2), 0x741, ROUTE_REMAPPED, 0, 1},
	{"vector 15", ROUTE_PHYS(2), 0x0F, ROUTE_REMAPPED, 0, 0},
	{"vector 16", ROUTE_PHYS(2), 0x10, 2, 4, 0},
	{"vector 255", ROUTE_PHYS(2), 0xFF, 2, 4, 0},
};

#define ROUTE_ROWS (sizeof(route_rows) / sizeof(route_rows[0]))

#endif
