/* SPDX-License-Identifier: MIT */
/* VMLAUNCH, with the registers that it does not load. */
#include "layout.h"

#define HOST_RSP 0x6c14
#define HOST_RIP 0x6c16

	.text
	.code64
/* unsigned vmx_run(void *guest): 0: it ran, and exited; 1, 2: VMfailInvalid, VMfailValid. */
	.globl vmx_run
vmx_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	mov	$HOST_RSP, %eax
	vmwrite	%rsp, %rax
	mov	$HOST_RIP, %eax
	lea	vmx_exited(%rip), %rcx
	vmwrite	%rcx, %rax
	mov	%rdi, %r15
	mov	GUEST_REGS(%r15), %rbx
	mov	GUEST_REGS + 8(%r15), %rcx
	mov	GUEST_REGS + 16(%r15), %rdx
	mov	GUEST_REGS + 24(%r15), %rsi
	mov	GUEST_REGS + 32(%r15), %rdi
	mov	GUEST_REGS + 40(%r15), %rax
	vmlaunch
	mov	$1, %eax
	jc	1f
	mov	$2, %eax
1:	pop	%r15
	jmp	2f
vmx_exited:
	pop	%r15
	mov	%rbx, GUEST_REGS(%r15)
	mov	%rcx, GUEST_REGS + 8(%r15)
	mov	%rdx, GUEST_REGS + 16(%r15)
	mov	%rsi, GUEST_REGS + 24(%r15)
	mov	%rdi, GUEST_REGS + 32(%r15)
	mov	%rax, GUEST_REGS + 40(%r15)
	xor	%eax, %eax
2:	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	cld
	ret
