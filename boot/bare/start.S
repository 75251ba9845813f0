/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader's 32-bit mode (multiboot 1), and from the start-up IPI's 16-bit mode, to
 * 64 bits on identical addresses; the host's exceptions and interrupts.
 */
#include "layout.h"

	.section .multiboot, "a"
	.balign	4
	.long	0x1badb002, 3, -(0x1badb002 + 3)

	.text
	.code32
	.globl start
start:
	cli
	mov	%ebx, boot_info
	mov	$boot_stack + STACK_SIZE, %esp
	xor	%edi, %edi
	lgdt	gdt_pointer
	ljmp	$CODE32, $enter64

/* EDI: 0 for the first processor. */
enter64:
	mov	$DATA, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$host_pml4, %eax
	mov	%eax, %cr3
	mov	$0x620, %eax		/* PAE, OSFXSR, OSXMMEXCPT */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax		/* LME */
	wrmsr
	mov	$0x80010033, %eax
	mov	%eax, %cr0
	ljmp	$CODE64, $1f
	.code64
1:	mov	%edi, %edi
	test	%edi, %edi
	jnz	2f
	call	main
2:	call	second_main

	.code16
	.globl trampoline, trampoline_end
trampoline:
	cli
	lgdtl	%cs:(trampoline_gdt - trampoline)
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$CODE32, $second32
trampoline_gdt:
	.word	gdt_end - gdt - 1
	.long	gdt
trampoline_end:

	.code32
second32:
	mov	$DATA, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$second_stack + STACK_SIZE, %esp
	mov	$1, %edi
	jmp	enter64

	.code64
/* A frame is: 15 registers, vector, error code, RIP, CS, RFLAGS, RSP, SS. */
	.globl host_vectors
	.balign	16
host_vectors:
	vector = 0
	.rept	256
	.balign	16
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17)
	push	$0
	.endif
	push	$vector
	jmp	host_common
	vector = vector + 1
	.endr

host_common:
	.irp	r, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	push	%\r
	.endr
	cld
	mov	%rsp, %rdi
	mov	%rsp, %rbx
	and	$-16, %rsp
	call	host_trap
	mov	%rbx, %rsp
	.irp	r, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
	pop	%\r
	.endr
	add	$16, %rsp
	iretq

	.data
	.balign	8
	.globl gdt
gdt:	.quad	0
	.quad	0x00cf9b000000ffff	/* CODE32 */
	.quad	0x00cf93000000ffff	/* DATA */
	.quad	0x00af9b000000ffff	/* CODE64 */
gdt_end:
	.globl gdt_pointer
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	gdt
	.globl boot_info
boot_info:
	.long	0

/* The first 4 GiB on identical addresses in pages of 2 MiB; accessed, dirty and writable. */
	.macro	identity name
	.balign	4096
	.globl	\name
\name:	.quad	\name\()_pdpt + 0x63
	.fill	511, 8, 0
\name\()_pdpt:
	gib = 0
	.rept	4
	.quad	\name\()_pd + gib * 0x1000 + 0x63
	gib = gib + 1
	.endr
	.fill	508, 8, 0
\name\()_pd:
	mib = 0
	.rept	2048
	.quad	mib * 0x100000 + 0xe3
	mib = mib + 2
	.endr
	.endm

	identity host_pml4
	.section .guest_tables, "aw"
	identity guest_pml4

	.bss
	.balign	4096
boot_stack:
	.skip	STACK_SIZE
second_stack:
	.skip	STACK_SIZE
