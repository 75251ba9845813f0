/* SPDX-License-Identifier: MIT */
/* Coroutines, each on a stack of its own; the sanitizers are told of each switch. */
#include "fiber.h"

#include <stdint.h>

#include "sanitizer.h"

#if defined(PX_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* The stack of the program itself, which was not allocated here. */
static const void *own_stack;
static size_t own_size;

static void starting(struct px_fiber *f)
{
	/* The frames of the fiber that was abandoned there. */
	__asan_unpoison_memory_region(f->stack, f->size);
}

void px_fiber_stop(struct px_fiber *f)
{
	if (f->stack)
		__asan_unpoison_memory_region(f->stack, f->size);
	f->fake = NULL;
}

static void leaving(struct px_fiber *from, const struct px_fiber *to)
{
	__sanitizer_start_switch_fiber(&from->fake, to->stack ? to->stack : own_stack,
				       to->stack ? to->size : own_size);
}

void px_fiber_entered(struct px_fiber *self)
{
	const void *stack;
	size_t size;

	__sanitizer_finish_switch_fiber(self->fake, &stack, &size);
	if (!own_stack) { /* the first switch is away from there */
		own_stack = stack;
		own_size = size;
	}
}
#elif defined(PX_TSAN)
#include <sanitizer/tsan_interface.h>

void px_fiber_stop(struct px_fiber *f)
{
	if (f->fake)
		__tsan_destroy_fiber(f->fake);
	f->fake = NULL;
}

static void starting(struct px_fiber *f)
{
	px_fiber_stop(f);
	f->fake = __tsan_create_fiber(0);
}

static void leaving(struct px_fiber *from, const struct px_fiber *to)
{
	if (!from->stack)
		from->fake = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->fake, 0);
}

void px_fiber_entered(struct px_fiber *self)
{
	(void)self;
}
#else
static void starting(struct px_fiber *f)
{
	(void)f;
}

void px_fiber_stop(struct px_fiber *f)
{
	(void)f;
}

static void leaving(struct px_fiber *from, const struct px_fiber *to)
{
	(void)from;
	(void)to;
}

void px_fiber_entered(struct px_fiber *self)
{
	(void)self;
}
#endif

#ifdef __x86_64__
/* System V ABI: six callee-saved registers; the caller saves the others. */
void px_swap(void **save, void *load);
__asm__(".text\n"
	".globl px_swap\n"
	".hidden px_swap\n"
	".type px_swap, @function\n"
	"px_swap:\n"
	"	endbr64\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size px_swap, . - px_swap\n");

/* Entered by ret with fn in r12 and arg in r13. */
void px_first(void);
__asm__(".text\n"
	".globl px_first\n"
	".hidden px_first\n"
	".type px_first, @function\n"
	"px_first:\n"
	"	endbr64\n"
	"	movq %r13, %rdi\n"
	"	callq *%r12\n"
	"	ud2\n"
	".size px_first, . - px_first\n");

void px_fiber_start(struct px_fiber *f, void (*fn)(void *arg), void *arg)
{
	uintptr_t top = ((uintptr_t)f->stack + f->size) & ~(uintptr_t)15;
	uint64_t *sp = (uint64_t *)top;

	*--sp = 0; /* rsp is a multiple of 16 at the call */
	*--sp = 0;
	*--sp = (uint64_t)(uintptr_t)px_first;
	*--sp = 0;			  /* rbp */
	*--sp = 0;			  /* rbx */
	*--sp = (uint64_t)(uintptr_t)fn;  /* r12 */
	*--sp = (uint64_t)(uintptr_t)arg; /* r13 */
	*--sp = 0;			  /* r14 */
	*--sp = 0;			  /* r15 */
	f->sp = sp;
	starting(f);
}
#elif defined(__aarch64__)
/* AAPCS64: x19 to x30 and the low halves of v8 to v15 are callee-saved. */
void px_swap(void **save, void *load);
__asm__(".text\n"
	".globl px_swap\n"
	".hidden px_swap\n"
	".type px_swap, %function\n"
	"px_swap:\n"
	"	stp x19, x20, [sp, #-160]!\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	ldp x19, x20, [sp], #160\n"
	"	ret\n"
	".size px_swap, . - px_swap\n");

/* Entered by ret with fn in x19 and arg in x20. */
void px_first(void);
__asm__(".text\n"
	".globl px_first\n"
	".hidden px_first\n"
	".type px_first, %function\n"
	"px_first:\n"
	"	mov x0, x20\n"
	"	blr x19\n"
	"	brk #0\n"
	".size px_first, . - px_first\n");

enum { FRAME = 20, X19 = 0, X20 = 1, LR = 11 }; /* of px_swap(), in words */

void px_fiber_start(struct px_fiber *f, void (*fn)(void *arg), void *arg)
{
	uintptr_t top = ((uintptr_t)f->stack + f->size) & ~(uintptr_t)15;
	uint64_t *sp = (uint64_t *)top - FRAME;

	for (unsigned i = 0; i < FRAME; i++)
		sp[i] = 0;
	sp[X19] = (uint64_t)(uintptr_t)fn;
	sp[X20] = (uint64_t)(uintptr_t)arg;
	sp[LR] = (uint64_t)(uintptr_t)px_first;
	f->sp = sp;
	starting(f);
}
#else
#error "the explorer's coroutines are written for x86-64 and arm64"
#endif

void px_fiber_switch(struct px_fiber *from, struct px_fiber *to)
{
	leaving(from, to);
	px_swap(&from->sp, to->sp);
	px_fiber_entered(from);
}
