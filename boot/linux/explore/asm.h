/* SPDX-License-Identifier: MIT */
/*
 * Included by force before an unmodified file of Linux. Instructions that the compiler puts no hook
 * before, or that are privileged, become macros of the assembler that call the explorer first.
 *
 * lock:  a locked instruction: the hook of KCSAN before it said which memory; without one it is
 *        the full barrier, or is found out (hooks.c).
 * xchg:  locked without saying so; arch_xchg() has no hook. The operand's address is passed.
 */
#ifndef PN_EXPLORE_ASM_H
#define PN_EXPLORE_ASM_H

asm(".macro lock insn:vararg\n"
    "	call pn_asm_lock\n"
    "	.byte 0xf0\n"
    "	\\insn\n"
    ".endm\n"
    ".macro pn_xchg bytes reg mem:vararg\n"
    "	push %rdi\n"
    "	lea \\mem, %rdi\n"
    "	call pn_asm_xchg\\bytes\n"
    "	pop %rdi\n"
    "	xchg \\reg, \\mem\n"
    ".endm\n"
    ".macro xchgb reg mem:vararg\n"
    "	pn_xchg 1 \\reg, \\mem\n"
    ".endm\n"
    ".macro xchgw reg mem:vararg\n"
    "	pn_xchg 2 \\reg, \\mem\n"
    ".endm\n"
    ".macro xchgl reg mem:vararg\n"
    "	pn_xchg 4 \\reg, \\mem\n"
    ".endm\n"
    ".macro xchgq reg mem:vararg\n"
    "	pn_xchg 8 \\reg, \\mem\n"
    ".endm\n"
    ".macro cli\n"
    "	call pn_asm_cli\n"
    ".endm\n"
    ".macro sti\n"
    "	call pn_asm_sti\n"
    ".endm\n"
    ".macro pushf\n"
    "	pushfq\n"
    "	call pn_asm_pushf\n"
    ".endm\n");

/* The harness looks at where Linux may sleep: kernel_memory.c. */
#include <linux/kernel.h>

void pn_might_sleep(void);
#undef might_sleep
#define might_sleep() pn_might_sleep()

#endif
