/* SPDX-License-Identifier: MIT */
#ifndef PN_EXPLORE_THUNK_H
#define PN_EXPLORE_THUNK_H

/*
 * From Linux's code with all registers in use: keeps them and the flags. The stack is aligned for
 * the call.
 */
#define SAVE                                                                                       \
	"	pushfq\n"                                                                                \
	"	push %rax\n	push %rcx\n	push %rdx\n	push %rsi\n	push %rdi\n"                             \
	"	push %r8\n	push %r9\n	push %r10\n	push %r11\n	push %rbp\n"                               \
	"	mov %rsp, %rbp\n"
#define CALL(fn)                                                                                   \
	"	and $-16, %rsp\n"                                                                        \
	"	cld\n"                                                                                   \
	"	call " fn "\n"                                                                     \
	"	mov %rbp, %rsp\n"                                                                        \
	"	pop %rbp\n	pop %r11\n	pop %r10\n	pop %r9\n	pop %r8\n"                                    \
	"	pop %rdi\n	pop %rsi\n	pop %rdx\n	pop %rcx\n	pop %rax\n"                                  \
	"	popfq\n"                                                                                 \
	"	ret\n"
#define THUNK(name, load_arguments, fn)                                                            \
	__asm__(".text\n.globl " name "\n" name ":\n" SAVE load_arguments CALL(fn))

/*
 * Eleven registers were pushed: the return address is at 88(%rbp), what was pushed for the call
 * begins at 96(%rbp).
 */

#endif
