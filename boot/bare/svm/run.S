/* SPDX-License-Identifier: MIT */
/* VMRUN, with the registers that it does not load. */
#include "layout.h"

	.text
	.code64
/* void svm_run(uint64_t vmcb, void *guest): GIF = 1 and RFLAGS.IF = 0 before and after. */
	.globl svm_run
svm_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rsi
	mov	%rdi, %rax
	mov	%rsi, %r15
	mov	GUEST_REGS(%r15), %rbx
	mov	GUEST_REGS + 8(%r15), %rcx
	mov	GUEST_REGS + 16(%r15), %rdx
	mov	GUEST_REGS + 24(%r15), %rsi
	mov	GUEST_REGS + 32(%r15), %rdi
	clgi
	sti
	vmrun	%rax
	cli
	stgi
	pop	%r15
	mov	%rbx, GUEST_REGS(%r15)
	mov	%rcx, GUEST_REGS + 8(%r15)
	mov	%rdx, GUEST_REGS + 16(%r15)
	mov	%rsi, GUEST_REGS + 24(%r15)
	mov	%rdi, GUEST_REGS + 32(%r15)
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	cld
	ret
