/* SPDX-License-Identifier: MIT */
/* The guest's program, as bytes. */
	.section .rodata
	.globl	l2_image, l2_image_end
l2_image:
	.incbin	"l2.bin"
l2_image_end:
	.section .note.GNU-stack, "", @progbits
