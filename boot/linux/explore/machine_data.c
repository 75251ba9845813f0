/* SPDX-License-Identifier: MIT */
/* Of a machine whose Linux has variables and accesses registers of a unit: where both are. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "machine_data.h"

extern char __start_lxdata[], lxdata_end[];

/* ---- Linux's own variables: at the start of the explorer's memory ---- */

static char *first; /* their values at the start */

static size_t data_size(void)
{
	return (size_t)(lxdata_end - __start_lxdata) - 4096;
}

void pn_machine_start(void)
{
	px.arena = __start_lxdata;
	px.arena_size = PX_ARENA;
	first = malloc(data_size());
	if (!first)
		exit(3);
	memcpy(first, __start_lxdata + 4096, data_size());
	memset(__start_lxdata, 0, (size_t)(lxdata_end - __start_lxdata));
}

void pn_build_data(void)
{
	char *p = px_alloc(data_size(), 4096);

	if (p != __start_lxdata + 4096)
		pn_not_finished("Linux's variables are not where they were linked");
	memcpy(p, first, data_size());
}

void pn_name_data(void)
{
	px_name(__start_lxdata + 4096, data_size(), "a variable of Linux");
}

/* ---- registers ---- */

uint32_t pn_linux_readl(const volatile void *addr);
uint32_t pn_linux_readl(const volatile void *addr)
{
	return (uint32_t)pn_reg_read(addr, 4);
}

uint64_t pn_linux_readq(const volatile void *addr);
uint64_t pn_linux_readq(const volatile void *addr)
{
	return pn_reg_read(addr, 8);
}

void pn_linux_writel(uint32_t val, volatile void *addr);
void pn_linux_writel(uint32_t val, volatile void *addr)
{
	pn_reg_write(addr, 4, val);
}

void pn_linux_writeq(uint64_t val, volatile void *addr);
void pn_linux_writeq(uint64_t val, volatile void *addr)
{
	pn_reg_write(addr, 8, val);
}
