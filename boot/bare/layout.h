/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_BARE_LAYOUT_H
#define POSTERN_BARE_LAYOUT_H

/* Constants that assembler and C code share. */
#define CODE32 0x08
#define DATA   0x10
#define CODE64 0x18

#define STACK_SIZE 0x4000

/* struct op */
#define OP_STUB	 0
#define OP_AT	 8
#define OP_VALUE 16
#define OP_RAX	 24
#define OP_RDX	 32
#define OP_DONE	 40
#define OP_SIZE	 48

/* struct guest */
#define GUEST_COUNT 0	/* interrupts taken */
#define GUEST_LIMIT 4	/* after so many the guest ends */
#define GUEST_EOI   8	/* how the handler ends an interrupt */
#define GUEST_FLAG  12	/* for g_set and g_await */
#define GUEST_FIRST 16	/* offset of the step to begin with */
#define GUEST_LOG   20	/* vectors taken, the first 108 */
#define GUEST_OPS   128 /* struct op */
#define GUEST_NLOG  108
#define GUEST_NOPS  80
#define GUEST_REGS  3968 /* RBX, RCX, RDX, RSI, RDI, RAX while it does not run; AMD: not RAX */

#define EOI_NONE 0
#define EOI_PAGE 1
#define EOI_MSR	 2

#define APIC_PAGE 0xfee00000

#endif
