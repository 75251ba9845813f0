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
void intel_plain(bool broken), intel_pending(bool broken), intel_yields(bool broken),
	intel_preempted_once(bool broken), intel_routes(bool broken), intel_route_back(bool broken),
	intel_double_add(bool broken), intel_migrates(bool broken), intel_offline(bool broken),
	intel_self_ipi(bool broken), intel_urgent(bool broken), intel_ipi_to_blocked(bool broken),
	intel_two_step(bool broken), intel_reroute(bool broken), intel_one_step(bool broken),
	intel_harvest(bool broken), intel_retrigger(bool broken);
void intel_waits(bool broken), intel_waits_moved(bool broken), intel_waits_soft(bool broken),
	intel_list_of_three(bool broken), intel_offline_two(bool broken), intel_words(bool broken),
	intel_irqs_off(bool broken), intel_inhibited(bool broken), intel_toggles(bool broken),
	intel_inhibits(bool broken), intel_injects(bool broken), intel_exits(bool broken),
	intel_pir_check(bool broken), intel_soft_blocked(bool broken);
void intel_detach(bool broken), intel_detached(bool broken), intel_second_attach(bool broken),
	intel_retarget(bool broken), intel_retarget_late(bool broken), intel_torn(bool broken),
	intel_setup(bool broken), intel_kexec(bool broken), intel_no_entry(bool broken);
void intel_ipi_to_guest(bool broken), intel_self(bool broken), intel_old_bitmap(bool broken);
void intel_bare_words(bool broken), intel_bare_stale(bool broken), intel_bare_offline(bool broken),
	intel_bare_online(bool broken), intel_bare_left(bool broken);
/* The guest serves the device at the pin; it is content after two interrupts. */
void intel_serves_line(struct rig_vcpu *v, struct pn_host_cpu *c, uint8_t vector);
const char *intel_old_bitmap_check(void *arg, char *text, unsigned size);
const char *intel_self_ipi_check(void *arg, char *text, unsigned size);
const char *intel_urgent_check(void *arg, char *text, unsigned size);
const char *intel_reroute_check(void *arg, char *text, unsigned size);

#endif
