/* SPDX-License-Identifier: MIT */
#ifndef POSTERN_AGENT_H
#define POSTERN_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/*
 * An agent executes: one IOMMU, or one logical CPU. Every stage in the life of an interrupt is a
 * step; pn_step() is the one hook by which statistics, cost, trace export and counter-examples see
 * it. The steps here are those of the silicon. A world that runs host code on the same agents numbers
 * the host's steps from PN_STEP_NR on.
 *
 * A step's key is its name in cost tables (scenarios/costs/) and in trace files.
 */
#define PN_STEPS(X)                                                                                \
	/* the IOMMU */                                                                            \
	X(MSI, "msi", "an interrupt request arrives at the IOMMU")                                 \
	X(DTE_HIT, "dte_hit", "device table entry found in the cache")                             \
	X(DTE_MISS, "dte_miss", "device table entry fetched from memory")                          \
	X(IRTE_HIT, "irte_hit", "remapping entry found in the cache")                              \
	X(IRTE_MISS, "irte_miss", "remapping entry fetched from memory")                           \
	X(IRR_SET, "irr_set", "atomic OR of one IRR bit by the IOMMU")                             \
	X(IRR_MERGE, "irr_merge", "the bit was already set: the interrupt is coalesced")           \
	X(IRTE_VOLATILE, "irte_volatile", "IsRun, Destination, GATag read from memory")            \
	X(DOORBELL_SEND, "doorbell_send", "doorbell sent to the CPU that runs the vCPU")           \
	X(GALOG_ENTRY, "galog_entry", "entry written to the guest APIC log")                       \
	X(GALOG_QUIET, "galog_quiet", "GALogIntr=0: no entry")                                     \
	X(GALOG_DROP, "galog_drop", "log full or stopped: entry dropped")                          \
	X(GALOG_OVERFLOW, "galog_overflow", "the log overflowed and stopped")                      \
	X(GA_INT, "ga_int", "guest APIC log interrupt raised")                                     \
	X(GAPPI_SEND, "gappi_send", "physical processor interrupt sent to the host")               \
	X(GAPPI_NONEMPTY, "gappi_nonempty", "IRR was not empty: no notification")                  \
	X(GAPPI_DIS, "gappi_dis", "GAPPIDis=1: no notification")                                   \
	X(REMAP_SEND, "remap_send", "remapped physical interrupt sent")                            \
	X(FORWARD, "forward", "interrupt forwarded unmapped")                                      \
	X(ABORT, "abort", "interrupt request aborted")                                             \
	X(EVENT_LOG, "event_log", "event log entry written")                                       \
	X(EVENT_DROP, "event_drop", "event log full: entry dropped")                               \
	X(IOMMU_INT, "iommu_int", "the IOMMU's own interrupt raised: event log, fault, wait")      \
	X(INTR_ISSUE, "intr_issue", "a device's interrupt is ordered behind its DMA: busy")        \
	X(INTR_ROUTE, "intr_route", "what all IOMMUs share passes a message to a CPU: busy")       \
	X(PIR_SET, "pir_set", "VT-d updates a posted-interrupt descriptor: one locked line")       \
	X(PIR_MERGE, "pir_merge", "the PIR bit was already set: the interrupt is coalesced")       \
	X(PI_NOTIFY, "pi_notify", "ON went from 0 to 1: notification sent")                        \
	X(PI_ON, "pi_on", "ON was 1: no notification")                                             \
	X(PI_SUPPRESSED, "pi_suppressed", "SN was 1: no notification, ON stays 0")                 \
	X(FAULT_RECORD, "fault_record", "VT-d fault recorded")                                     \
	X(FAULT_DROP, "fault_drop", "no free fault recording register: fault dropped")             \
	X(CMD, "cmd", "command executed")                                                          \
	X(CMD_INVALIDATE, "cmd_invalidate", "cached entries dropped by a command")                 \
	X(CMD_WAIT, "cmd_wait", "COMPLETION_WAIT finished")                                        \
	/* the processor */                                                                        \
	X(INTR_WIRE, "intr_wire", "interrupt message travels to a local APIC")                     \
	X(DOORBELL_WIRE, "doorbell_wire", "doorbell travels to a core")                            \
	X(DOORBELL_HOST, "doorbell_host", "doorbell reached a core in host mode: dropped")         \
	X(AVIC_EVAL, "avic_eval", "virtual interrupt evaluation")                                  \
	X(GUEST_DELIVER, "guest_deliver", "virtual interrupt delivered to the guest")              \
	X(GUEST_EOI, "guest_eoi", "EOI accelerated by hardware")                                   \
	X(IPI_POST, "ipi_post", "IRR or PIR bit set by an accelerated IPI")                        \
	X(IPIV_NOTIFY, "ipiv_notify", "second step of a virtualized IPI: ON set, notification")    \
	X(ICR_WRITE, "icr_write", "guest writes the ICR, x2APIC: one WRMSR")                       \
	X(ICR_WRITE_MMIO, "icr_write_mmio", "guest writes the ICR, xAPIC: two stores")             \
	X(PI_PROCESS, "pi_process", "posted processing: ON cleared, PIR taken, no exit")           \
	X(PI_SPURIOUS, "pi_spurious", "posted processing found the PIR empty")                     \
	X(VID_EVAL, "vid_eval", "virtual-interrupt delivery: evaluation")                          \
	X(VMRUN, "vmrun", "world switch into the guest")                                           \
	X(VMEXIT, "vmexit", "world switch out of the guest")                                       \
	X(IDLE_EXIT, "idle_exit", "an idle CPU leaves its C-state")

enum pn_step {
#define X(id, key, doc) PN_STEP_##id,
	PN_STEPS(X)
#undef X
	PN_STEP_NR
};

struct pn_agent;

/*
 * Observer of steps. @a and @b depend on the step; 0 where the table says nothing. It runs in the
 * context of the agent, must not call back into the models, and must not block.
 *
 *   step of the IOMMU           a                       b
 *   MSI                         DevID                   data[10:0], the index
 *   DTE_HIT, DTE_MISS           DevID                   index
 *   IRTE_HIT, IRTE_MISS         DevID                   index
 *   IRR_SET, IRR_MERGE          address of vAPIC page   vector; MERGE follows a SET
 *   IRTE_VOLATILE               DevID                   index
 *   DOORBELL_SEND               Destination
 *   GALOG_ENTRY, QUIET, DROP    GATag                   DevID
 *   GALOG_OVERFLOW              head                    tail
 *   GAPPI_SEND, NONEMPTY, DIS   Destination             vector (GATag[7:0])
 *   REMAP_SEND, FORWARD         destination             vector
 *   GA_INT, IOMMU_INT           destination             vector
 *   ABORT                       DevID                   index
 *   EVENT_LOG, EVENT_DROP       first quadword          second quadword
 *   CMD                         first quadword          second quadword
 *   CMD_INVALIDATE              DevID; all ones: ALL    entries that were dropped
 *   CMD_WAIT                    address of the store    data
 *   PIR_SET, PIR_MERGE          address of descriptor   vector; MERGE follows a SET
 *   PI_NOTIFY                   NDST                    NV
 *   INTR_ISSUE, INTR_ROUTE      destination             vector; ROUTE: 0 is a doorbell
 *   PI_ON, PI_SUPPRESSED        address of descriptor   vector
 *   FAULT_RECORD, FAULT_DROP    low quadword            high quadword of the record
 */
typedef void (*pn_step_fn)(void *ctx, struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b);

/* What an agent keeps of one step. */
struct pn_step_slot {
	uint64_t count;	  /* how often the step was taken */
	uint32_t cost_ns; /* added to @elapsed_ns each time */
	uint32_t watched; /* 1: call @observe; 0: do not */
};

/*
 * One executing agent. The fields are written by the agent's own thread only. An embedder that
 * wants neither costs nor statistics may pass no agent where a function says so.
 */
struct pn_agent {
	uint32_t id;		   /* index among the agents of its kind */
	uint32_t irq_off;	   /* nesting of interrupt-disabled sections */
	uint64_t elapsed_ns;	   /* charged since the world last collected it */
	struct pn_step_slot *step; /* PN_STEP_NR entries or more, indexed by step; never NULL */
	pn_step_fn observe;	   /* set before any entry is watched */
	void *observe_ctx;
	void (*irq_poll)(struct pn_agent *agent); /* world: interrupts were enabled again; or NULL */
	void *world;			/* belongs to the world that runs the agent */
};

/*
 * Clears @agent and gives it the identity @id and the table @steps, which belongs to the caller and
 * outlives the agent: PN_STEP_NR entries, cleared here. An agent that also runs host code has a longer
 * table; the caller clears the rest. Never fails.
 */
void pn_agent_init(struct pn_agent *agent, uint32_t id, struct pn_step_slot *steps);

/* The key of a step ("irr_set") and its one-line description; NULL if @step is out of range. */
const char *pn_step_key(unsigned step);
const char *pn_step_doc(unsigned step);

/* The step with that key, or -ENOENT. */
int pn_step_by_key(const char *key);

static inline void pn_step(struct pn_agent *agent, unsigned step, uint64_t a, uint64_t b)
{
	struct pn_step_slot *slot = &agent->step[step];

	agent->elapsed_ns += slot->cost_ns;
	slot->count++;
	if (__builtin_expect(slot->watched != 0, 0))
		agent->observe(agent->observe_ctx, agent, step, a, b);
}

#pragma GCC visibility pop

#endif
