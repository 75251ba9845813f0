/* SPDX-License-Identifier: MIT */
/* Code that the IOMMU overwrites: the emulator has translated the old code. */
#include "svm.h"

#define IOMMU	 0xfed80000ull
#define CMDBUF	 0x08
#define CONTROL	 0x18
#define CMD_TAIL 0x2008
#define RUN	 (1u | 1u << 12)   /* IommuEn, CmdBufEn */
#define LEN_256	 (8ull << 56)	   /* entries of the command buffer */
#define WAIT	 (1ull << 60 | 1u) /* COMPLETION_WAIT that stores */

static uint64_t commands[PAGE / 8] __attribute__((aligned(PAGE)));
static uint64_t code[PAGE / 8] __attribute__((aligned(PAGE)));

static void iommu(uint32_t reg, uint64_t value)
{
	*(volatile uint64_t *)(uintptr_t)(IOMMU + reg) = value;
}

/* mov $value, %eax; ret */
static uint64_t returns(uint32_t value)
{
	return 0xb8 | (uint64_t)value << 8 | 0xc3ull << 40;
}

static uint32_t call(void)
{
	uint32_t value;

	__asm__ volatile("call *%1" : "=a"(value) : "r"(code) : "memory", "cc");
	return value;
}

void directed_code(void)
{
	row("48882 2.4.1", "a semaphore on instructions that have been executed");
	code[0] = returns(1);
	expect("before", call(), 1);
	commands[0] = WAIT | address(code);
	commands[1] = returns(2);
	iommu(CMDBUF, address(commands) | LEN_256);
	iommu(CONTROL, RUN);
	iommu(CMD_TAIL, 16);
	iommu(CONTROL, 0);
	expect("memory", code[0], returns(2));
	expect("after", call(), 2);
}
