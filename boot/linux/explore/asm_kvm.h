/* SPDX-License-Identifier: MIT */
/*
 * Included by force before the unmodified files of KVM on Intel: asm.h, registers as in asm_amd.h,
 * per-CPU variables as in asm_percpu.h, and:
 *
 * preempt_disable():  a barrier of the compiler; the machine preempts a task only where it says so.
 * current:            the task that the explorer runs.
 * vmread, vmwrite:    the VMCS of that task's vCPU is the machine's. They succeed: CF and ZF are 0.
 */
#ifndef PN_EXPLORE_ASM_KVM_H
#define PN_EXPLORE_ASM_KVM_H

#include <linux/preempt.h>

#undef preempt_disable
#undef preempt_enable
#undef preempt_enable_no_resched
#undef preempt_disable_notrace
#undef preempt_enable_notrace
#define preempt_disable()	    barrier()
#define preempt_enable()	    barrier()
#define preempt_enable_no_resched() barrier()
#define preempt_disable_notrace()   barrier()
#define preempt_enable_notrace()    barrier()

#include <asm/current.h>

void *pu_current(void);
#undef current
#define current ((struct task_struct *)pu_current())

#include "asm_amd.h"
#include "asm_percpu.h"

asm(".macro vmread field value\n"
    "	push \\field\n"
    "	call pn_asm_vmread\n"
    "	pop \\value\n"
    "	test %rsp, %rsp\n"
    ".endm\n"
    ".macro vmwrite value:req field:req\n"
    "	pushq \\value\n"
    "	push \\field\n"
    "	call pn_asm_vmwrite\n"
    "	lea 16(%rsp), %rsp\n"
    "	test %rsp, %rsp\n"
    ".endm\n");

#endif
