/* SPDX-License-Identifier: MIT */
#ifndef PN_LAB_CASES_INTEL_H
#define PN_LAB_CASES_INTEL_H

#include "case_setup.h"
#include "rig_intel.h"

/* What the files of Intel's cases share. */

#define LOW  0x41 /* vectors of the guest */
#define HIGH 0x91
#define OWN  0x51 /* a third one */

/* A machine whose vCPU 0 has two interrupts: LOW, HIGH. */
void intel_machine(const struct rig_intel_conf *conf);

/* The machines of cases: cases_intel.c, cases_intel_*.c. */
void intel_self_ipi(bool broken), intel_urgent(bool broken), intel_reroute(bool broken),
	intel_irqs_off(bool broken), intel_inhibited(bool broken), intel_injects(bool broken),
	intel_retarget_late(bool broken), intel_torn(bool broken), intel_setup(bool broken),
	intel_kexec(bool broken), intel_no_entry(bool broken), intel_self(bool broken),
	intel_old_bitmap(bool broken), intel_bare_words(bool broken), intel_bare_stale(bool broken),
	intel_bare_offline(bool broken), intel_bare_online(bool broken),
	intel_bare_left(bool broken);
/* The guest serves the device at the pin; it is content after two interrupts. */
void intel_serves_line(struct rig_vcpu *v, struct pn_host_cpu *c, uint8_t vector);
void intel_ipi_exits(bool broken), intel_affinity(bool broken), intel_affinity_posted(bool broken),
	intel_faults(bool broken), intel_destroyed(bool broken), intel_saved(bool broken),
	intel_producer(bool broken);
void intel_messages(bool broken);
void intel_xapic(bool broken), intel_next_kernel(bool broken), intel_two_writers(bool broken);
const char *intel_two_writers_check(void *arg, char *text, unsigned size);
void intel_refuses(bool broken), intel_invalidates(bool broken), intel_registers(bool broken);
void intel_unit_registers(bool broken), intel_unit_queue(bool broken),
	intel_unit_requests(bool broken), intel_processor(bool broken);
void intel_off_while_waiting(bool broken), intel_requests(bool broken);
const char *intel_off_while_waiting_check(void *arg, char *text, unsigned size);
void intel_numbers(bool broken);
const char *intel_numbers_check(void *arg, char *text, unsigned size);
const char *intel_requests_check(void *arg, char *text, unsigned size);
void intel_demultiplexes(bool broken), intel_drives(bool broken), intel_steps(bool broken),
	intel_vm_lives(bool broken);
/* The operating system only notes what it is asked for. */
void intel_note_os(void);
/* The second half of intel_processor(). */
void intel_processor_posts(struct pn_apicv *a, const struct pn_vmcs_apic *vmcs);
const char *intel_ipi_exits_check(void *arg, char *text, unsigned size);
const char *intel_faults_check(void *arg, char *text, unsigned size);
const char *intel_destroyed_check(void *arg, char *text, unsigned size);
const char *intel_saved_check(void *arg, char *text, unsigned size);
const char *intel_producer_check(void *arg, char *text, unsigned size);
/* Parts of cases of one agent: more of the unit, for which the case's machine has more units; more
 * of the processor, in the guest of @v on CPU 0. */
void intel_extra_units(void), intel_unit_edges(void);
void intel_cpu_edges(const struct rig_vcpu *v);
/* For a bus: keeps the last message, and counts them. */
void intel_hears(void *ctx, const struct pn_intr *m);
/* Nothing is left to check. */
const char *intel_at_rest(void *arg, char *text, unsigned size);
const char *intel_old_bitmap_check(void *arg, char *text, unsigned size);
const char *intel_self_ipi_check(void *arg, char *text, unsigned size);
const char *intel_urgent_check(void *arg, char *text, unsigned size);
const char *intel_reroute_check(void *arg, char *text, unsigned size);

#endif
