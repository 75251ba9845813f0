/* SPDX-License-Identifier: MIT */
/*
 * The guest's first and last instructions of everything: entry, and the way into and out of an
 * interrupt. 32-bit protected mode, flat, no paging. The harness enters with EAX = number of the
 * vCPU and ESP = the end of its stack; the first word of the stack's page keeps the number.
 */
	.section .text.start, "ax"
	.globl start
start:
	lgdt	gdt_pointer
	ljmp	$0x08, $1f
1:	mov	$0x10, %cx
	mov	%cx, %ds
	mov	%cx, %es
	mov	%cx, %ss
	mov	%esp, %ecx
	dec	%ecx
	and	$0xfffff000, %ecx
	mov	%eax, (%ecx)
	push	%eax
	call	l2_main
	hlt

	.text
	.globl l2_vectors
	.balign	16
l2_vectors:
	vector = 0
	.rept	256
	.balign	16
	push	$vector
	jmp	interrupt
	vector = vector + 1
	.endr

interrupt:
	pusha
	cld
	mov	36(%esp), %eax		/* EIP; for an exception with an error code, the code */
	push	%eax
	push	36(%esp)		/* the vector */
	call	l2_interrupt
	add	$8, %esp
	popa
	add	$4, %esp
	iret

	.balign	8
gdt:	.quad	0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
