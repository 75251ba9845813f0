/* SPDX-License-Identifier: MIT */
#ifndef STEPS_H
#define STEPS_H

#include "postern/agent.h"

/*
 * The steps of host and world. They continue the numbers of the silicon's (postern/agent.h), so
 * that one table of an agent, one cost table and one trace hold all of them.
 */
#define PN_HOST_STEPS(X)                                                                           \
	/* the host */                                                                             \
	X(IRQ_ENTRY, "irq_entry", "host interrupt entry, exit and EOI")                            \
	X(IRQ_AGAIN, "irq_again", "the same right behind another interrupt, all of it warm")       \
	X(EXIT_HANDLE, "exit_handle", "hypervisor handles one exit")                               \
	X(EOI_EXIT, "eoi_exit", "hypervisor emulates an EOI")                                      \
	X(ENTRY_INJECT, "entry_inject", "hypervisor injects an interrupt at entry")                \
	X(IRQFD_INJECT, "irqfd_inject", "host sets the IRR of a vCPU in software")                 \
	X(KICK_IPI, "kick_ipi", "IPI that makes a running vCPU exit")                              \
	X(DOORBELL_WRMSR, "doorbell_wrmsr", "host rings the doorbell")                             \
	X(IRTE_WRITE, "irte_write", "host rewrites one IRTE")                                      \
	X(IRT_FLUSH, "irt_flush", "remapping entries invalidated, and waited for")                 \
	X(IRT_WAIT, "irt_wait", "an uncached entry changed: what is in flight is waited for")      \
	X(PID_WRITE, "pid_write", "host changes NV, NDST or SN by compare and exchange")           \
	X(PID_SYNC, "pid_sync", "host moves the PIR into the IRR")                                 \
	X(PI_IPI, "pi_ipi", "host sends a notification vector, to itself or a vCPU's CPU")         \
	X(ICR_HANDLE, "icr_handle", "hypervisor emulates an ICR write, x2APIC")                    \
	X(ICR_HANDLE_MMIO, "icr_handle_mmio", "hypervisor emulates an ICR write, xAPIC")           \
	X(MSI_HARVEST, "msi_harvest", "posted MSI: PIR read, its set words taken")                 \
	X(MSI_CLEAR_ON, "msi_clear_on", "posted MSI: ON cleared")                                  \
	X(MSI_DEMUX, "msi_demux", "posted MSI: one vector dispatched")                             \
	X(IRQ_DISPATCH, "irq_dispatch", "host calls a device's handler")                           \
	X(TABLE_WRITE, "table_write", "host writes a physical APIC ID table entry")                \
	X(LIST_ADD, "list_add", "vCPU added to a wakeup list")                                     \
	X(LIST_DEL, "list_del", "vCPU removed from a wakeup list")                                 \
	X(LIST_SCAN, "list_scan", "wakeup handler looks at one vCPU")                              \
	X(GALOG_IRQ, "galog_irq", "GA log interrupt handler wakes its thread")                     \
	X(GALOG_STATUS, "galog_status", "GA log thread reads and clears the status register")      \
	X(GALOG_READ, "galog_read", "GA log thread takes one entry")                               \
	X(GALOG_RESTART, "galog_restart", "GA log restarted after an overflow")                    \
	X(TAG_LOOKUP, "tag_lookup", "GATag resolved to a vCPU")                                    \
	X(BLOCK_CHECK, "block_check", "blocking vCPU looks for a deliverable interrupt")           \
	X(PARK, "park", "undeliverable IRR bits parked")                                           \
	X(UNPARK, "unpark", "parked IRR bits merged back")                                         \
	X(WAKE, "wake", "a sleeping task made runnable")                                           \
	X(WAKE_SPURIOUS, "wake_spurious", "a wake-up that found the task awake")                   \
	X(RESCHED_IPI, "resched_ipi", "IPI that makes a CPU reschedule")                           \
	X(CTX_SWITCH, "ctx_switch", "scheduler switches tasks")                                    \
	X(HALT_POLL, "halt_poll", "one turn of the halt polling loop")                             \
	X(HOST_TICK, "host_tick", "periodic host timer")                                           \
	X(INHIBIT, "inhibit", "AVIC inhibited or allowed again for a VM")                          \
	/* what the world sees: free of cost, for statistics */                                    \
	X(DEVICE_WRITE, "device_write", "a device writes its MSI")                                 \
	X(HANDLER_START, "handler_start", "first instruction of the handler")                      \
	X(EXIT_INTR, "exit_intr", "VM exit: external interrupt")                                   \
	X(EXIT_HLT, "exit_hlt", "VM exit: HLT")                                                    \
	X(EXIT_EOI, "exit_eoi", "VM exit: EOI write")                                              \
	X(EXIT_TPR, "exit_tpr", "VM exit: task priority write")                                    \
	X(EXIT_IPI, "exit_ipi", "VM exit: an IPI that hardware does not send by itself")           \
	X(EXIT_NOACCEL, "exit_noaccel", "VM exit: unaccelerated APIC access")                      \
	X(IRQ_DEVICE, "irq_device", "host interrupt of a device")                                  \
	X(IRQ_GA_LOG, "irq_ga_log", "host interrupt of a GA log")                                  \
	X(IRQ_WAKEUP, "irq_wakeup", "host interrupt: wakeup vector")                               \
	X(IRQ_RESCHED, "irq_resched", "host interrupt: reschedule or kick IPI")                    \
	X(IRQ_NOTIFY, "irq_notify", "host interrupt: notification that found no guest")            \
	X(IRQ_POSTED_MSI, "irq_posted_msi", "host interrupt: posted MSI notification")             \
	X(IRQ_TIMER, "irq_timer", "host interrupt: timer")                                         \
	X(TASK_SLEEP, "task_sleep", "a vCPU's task goes to sleep")                                 \
	X(TASK_RUN, "task_run", "a task is switched to")

enum pn_host_step {
	PN_STEP_SILICON_LAST = PN_STEP_NR - 1,
#define X(id, key, doc) PN_STEP_##id,
	PN_HOST_STEPS(X)
#undef X
		PN_ALL_STEPS_NR
};

/* An agent's table with all steps. */
struct pn_step_table {
	struct pn_step_slot slot[PN_ALL_STEPS_NR];
};

/*
 * pn_agent_init() for an agent that runs silicon and host: @steps, all of it, is cleared and
 * becomes its table; @cost_ns has PN_ALL_STEPS_NR entries, or is NULL: free of cost.
 */
void pn_host_agent_init(struct pn_agent *agent, uint32_t id, struct pn_step_table *steps,
			const uint32_t *cost_ns);

/* Calls @observe of the table's agent at every step, or at none. */
void pn_watch_all(struct pn_step_table *steps, bool on);

/* Counts from 0 again. */
void pn_count_anew(struct pn_step_table *steps);

/* Who takes a step: "iommu", "processor", "host", or "world": what is only seen from outside. */
const char *pn_step_group(unsigned step);

/* pn_step_key(), pn_step_doc() and pn_step_by_key() for all steps. */
const char *pn_any_step_key(unsigned step);
const char *pn_any_step_doc(unsigned step);
int pn_any_step_by_key(const char *key);

#endif
