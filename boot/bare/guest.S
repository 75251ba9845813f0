/* SPDX-License-Identifier: MIT */
/*
 * The guest: calls one stub after the other with RCX, RAX and RDX from a list, keeps what they left
 * in RAX and RDX, and logs the interrupts that it takes. R15 is the guest's structure, RBX its
 * place in the list. It ends with GUEST_END, an instruction of the vendor's that exits.
 */
#include "layout.h"
#include "vendor.h"

	.section .guest_text, "ax"
	.code64
	.globl guest_start
guest_start:
	mov	GUEST_FIRST(%r15), %ebx
	lea	GUEST_OPS(%r15,%rbx), %rbx
1:	mov	OP_AT(%rbx), %rcx
	mov	OP_VALUE(%rbx), %rax
	mov	OP_VALUE + 4(%rbx), %edx
	call	*OP_STUB(%rbx)
	mov	%rax, OP_RAX(%rbx)
	mov	%rdx, OP_RDX(%rbx)
	incl	OP_DONE(%rbx)
	add	$OP_SIZE, %rbx
	jmp	1b

/* A stub is one instruction: its exits are at g_NAME or at g_NAME_after. */
	.macro	stub name, insn:vararg
	.globl	g_\name, g_\name\()_after
g_\name:
	\insn
g_\name\()_after:
	ret
	.endm

	stub	end, GUEST_END
	stub	ld1, mov (%rcx), %al
	stub	ld2, mov (%rcx), %ax
	stub	ld4, mov (%rcx), %eax
	stub	ld8, mov (%rcx), %rax
	stub	ld16, movdqu (%rcx), %xmm0
	stub	st1, mov %al, (%rcx)
	stub	st2, mov %ax, (%rcx)
	stub	st4, mov %eax, (%rcx)
	stub	st8, mov %rax, (%rcx)
	stub	st16, movdqu %xmm0, (%rcx)
	stub	xchg4, xchg %eax, (%rcx)
	stub	add4, add %eax, (%rcx)
	stub	lock_add4, lock add %eax, (%rcx)
	stub	lock_or8, lock or %rax, (%rcx)
	stub	cmpxchg8b, lock cmpxchg8b (%rcx)
	stub	cmpxchg16b, lock cmpxchg16b (%rcx)
	stub	fxsave, fxsave (%rcx)
	stub	push, push (%rcx)
	stub	rdmsr, rdmsr
	stub	wrmsr, wrmsr
	stub	rdcr8, mov %cr8, %rax
	stub	wrcr8, mov %rax, %cr8
	stub	sti, sti
	stub	cli, cli
	stub	hlt, hlt
	stub	sti_hlt, sti; hlt
	stub	nop, nop
	stub	int, int $0x30
	stub	jump, jmp *%rcx
	stub	clflush, clflush (%rcx)
	stub	invlpg, invlpg (%rcx)
	stub	stgi, stgi
	stub	clgi, clgi

/* RCX: address, EAX: value, EDX: elements */
	.globl g_stos, g_stos_rep, g_stos_after, g_movs, g_movs_rep, g_movs_after
g_stos:
	mov	%rcx, %rdi
	mov	%edx, %ecx
g_stos_rep:
	rep stosl
g_stos_after:
	ret
g_movs:
	mov	%rcx, %rdi
	mov	%eax, %esi
	mov	%edx, %ecx
g_movs_rep:
	rep movsl
g_movs_after:
	ret

/* As st4, with a trap after it: RFLAGS.TF. */
	.globl g_step_st4, g_step_st4_after
g_step_st4:
	pushf
	orl	$0x100, (%rsp)
	popf
	mov	%eax, (%rcx)
g_step_st4_after:
	pushf
	andl	$~0x100, (%rsp)
	popf
	ret

/* A stack at RCX for one interrupt, or for whatever comes of it. */
	.globl g_stack
g_stack:
	mov	%rsp, %rdx
	mov	%rcx, %rsp
	sti
	nop
	int	$0x31
	cli
	mov	%rdx, %rsp
	ret

/* For ever: counts in the flag how often HLT came to an end. */
	.globl g_halts
g_halts:
	hlt
	incl	GUEST_FLAG(%r15)
	jmp	g_halts

/* Until so many interrupts were taken (EAX), at most RCX turns, which are left in RAX. */
	.globl g_wait, g_await, g_spin, g_set
g_wait:
	cmp	%eax, GUEST_COUNT(%r15)
	jae	1f
	pause
	dec	%rcx
	jnz	g_wait
1:	mov	%rcx, %rax
	ret
g_await:
	cmp	%eax, GUEST_FLAG(%r15)
	jae	1f
	pause
	dec	%rcx
	jnz	g_await
1:	mov	%rcx, %rax
	ret
g_spin:
	dec	%rcx
	jnz	g_spin
	ret
g_set:
	mov	%eax, GUEST_FLAG(%r15)
	ret

	.globl guest_vectors
	.balign	16
guest_vectors:
	vector = 0
	.rept	256
	.balign	16
	push	$vector
	jmp	guest_interrupt
	vector = vector + 1
	.endr

guest_interrupt:
	push	%rax
	push	%rcx
	push	%rdx
	mov	GUEST_COUNT(%r15), %eax
	cmp	$GUEST_NLOG, %eax
	jae	1f
	mov	24(%rsp), %ecx
	mov	%cl, GUEST_LOG(%r15,%rax)
1:	inc	%eax
	mov	%eax, GUEST_COUNT(%r15)
	cmp	GUEST_LIMIT(%r15), %eax
	jb	2f
	GUEST_END
2:	cmpl	$EOI_PAGE, GUEST_EOI(%r15)
	jb	4f
	ja	3f
	mov	$APIC_PAGE + 0xb0, %eax
	.globl	g_eoi, g_eoi_after
g_eoi:	movl	$0, (%rax)
g_eoi_after:
	jmp	4f
3:	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	.globl	g_eoi_msr, g_eoi_msr_after
g_eoi_msr:
	wrmsr
g_eoi_msr_after:
4:	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$8, %rsp
	iretq
