/* SPDX-License-Identifier: MIT */
/*
 * Included by force before files of Linux whose per-CPU variables are part of a state. Linux
 * accesses those with instructions relative to gs, which the compiler puts no hook before; here
 * they are plain accesses through this_cpu_ptr(). Counters are left out: each value would be a
 * state of its own.
 */
#ifndef PN_EXPLORE_ASM_PERCPU_H
#define PN_EXPLORE_ASM_PERCPU_H

#include <linux/percpu.h>

#undef raw_cpu_read
#undef raw_cpu_write
#undef this_cpu_read
#undef this_cpu_write
#undef __this_cpu_read
#undef __this_cpu_write
#undef this_cpu_inc
#undef __this_cpu_inc
#define raw_cpu_read(pcp)	   (*this_cpu_ptr(&(pcp)))
#define raw_cpu_write(pcp, val)	   (*this_cpu_ptr(&(pcp)) = (val))
#define this_cpu_read(pcp)	   raw_cpu_read(pcp)
#define this_cpu_write(pcp, val)   raw_cpu_write(pcp, val)
#define __this_cpu_read(pcp)	   raw_cpu_read(pcp)
#define __this_cpu_write(pcp, val) raw_cpu_write(pcp, val)
#define this_cpu_inc(pcp)	   ((void)0)
#define __this_cpu_inc(pcp)	   ((void)0)

#endif
