/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_PROCESSOR_H
#define HW_I386_POSTERN_PROCESSOR_H

typedef struct ArchCPU X86CPU;
struct pn_agent;

/* Before a processor is realized, and after: what the machine does for it. */
void postern_processor_pre_plug(X86CPU *cpu);
void postern_processor_plug(X86CPU *cpu);

/* From any thread: the doorbell of the processor with this APIC ID. */
void postern_ring(uint32_t apicid);

/* How often each step was taken, "step=count" separated by blanks. */
char *postern_steps(const struct pn_agent *agent);

#endif
