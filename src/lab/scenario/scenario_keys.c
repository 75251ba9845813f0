/* SPDX-License-Identifier: MIT */
/* The table of all keys of a scenario: type, range, default, meaning, place in the structure. */
#include "scenario_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host_vcpu.h"

#define US 1000ull
#define MS 1000000ull
#define S  1000000000ull
#define H  3600000000000ull

static const struct pn_key_choice yes_no[] = {{"no", 0}, {"yes", 1}, {NULL, 0}};
static const struct pn_key_choice thread_class[] = {{"fair", 0}, {"fifo", 1}, {NULL, 0}};
static const struct pn_key_choice affinity[] = {{"cpu0", 0}, {"spread", 1}, {NULL, 0}};
static const struct pn_key_choice int_tab[] = {{"auto", 0}, {"512", 9}, {"2048", 11}, {NULL, 0}};
static const struct pn_key_choice idle[] = {{"halt", 0}, {"poll", 1}, {NULL, 0}};
static const struct pn_key_choice fetch[] = {
	{"after_irr", PN_VOLATILE_AFTER_IRR}, {"before_irr", PN_VOLATILE_BEFORE_IRR}, {NULL, 0}};
static const struct pn_key_choice dedup[] = {
	{"never", PN_DEDUP_NEVER}, {"same_bit", PN_DEDUP_SAME_BIT}, {NULL, 0}};
static const struct pn_key_choice restart[] = {
	{"needs_toggle", PN_OVERFLOW_TOGGLE}, {"w1c", PN_OVERFLOW_W1C}, {NULL, 0}};
static const struct pn_key_choice emptiness[] = {{"exact256", PN_EMPTY_EXACT256},
						 {"word32", PN_EMPTY_WORD32},
						 {"always", PN_EMPTY_ALWAYS},
						 {NULL, 0}};
static const struct pn_key_choice inhibits[] = {
	{"none", 0},
	{"irq-window", 1 + PN_INHIBIT_IRQWIN},
	{"nested", 1 + PN_INHIBIT_NESTED},
	{"pit-reinjection", 1 + PN_INHIBIT_PIT_REINJ},
	{"blockirq", 1 + PN_INHIBIT_BLOCKIRQ},
	{"logical-id-aliased", 1 + PN_INHIBIT_LOGICAL_ID_ALIASED},
	{"apic-id-modified", 1 + PN_INHIBIT_APIC_ID_MODIFIED},
	{NULL, 0}};
static const struct pn_key_choice load_type[] = {{"closed", PN_LOAD_CLOSED},
						 {"poisson", PN_LOAD_POISSON},
						 {"periodic", PN_LOAD_PERIODIC},
						 {"onoff", PN_LOAD_ONOFF},
						 {NULL, 0}};
static const struct pn_key_choice ipi_type[] = {
	{"pingpong", PN_IPI_PINGPONG}, {"storm", PN_IPI_STORM}, {NULL, 0}};
static const struct pn_key_choice reply[] = {{"ipi", 0}, {"memory", 1}, {NULL, 0}};

/* clang-format off */
#define FIELD(st, f) .offset = offsetof(struct st, f), .size = sizeof(((struct st *)0)->f)
#define KEY(k, st, f, n, t, d) .kind = PN_SC_##k, FIELD(st, f), .name = n, .type = PN_KEY_##t, .doc = d
#define MACHINE(f, n, t, d) KEY(MACHINE, pn_sc_machine, f, n, t, d)
#define VM(f, n, t, d)	    KEY(VM, pn_sc_vm, f, n, t, d)
#define DEVICE(f, n, t, d)  KEY(DEVICE, pn_sc_device, f, n, t, d)
#define LOAD(f, n, t, d)    KEY(LOAD, pn_sc_load, f, n, t, d)
#define IPI(f, n, t, d)	    KEY(IPI, pn_sc_ipi, f, n, t, d)
#define INHIBIT(f, n, t, d) KEY(INHIBIT, pn_sc_inhibit, f, n, t, d)
#define RANGE(lo, hi, def)  .min = (lo), .max = (hi), .dflt = (def)
#define OR_ZERO		    .flags = PN_KEY_ZERO
#define ONE_OF(c, def)	    .choices = (c), .dflt = (def)
#define NOT_BARE	    .useless = 1 << PN_WORK_BARE
#define NOT_IPI		    .useless = 1 << PN_WORK_IPI
#define ONLY_PASSTHROUGH    .useless = 1 << PN_WORK_BARE | 1 << PN_WORK_IPI

const struct pn_key pn_keys[] = {
	{MACHINE(pcpus, "pcpus", COUNT, "logical CPUs of the host"), RANGE(1, PN_MAX_PCPUS, "16")},
	{MACHINE(iommus, "iommus", COUNT, "IOMMUs"), RANGE(1, PN_MAX_IOMMUS, "1"), NOT_IPI},
	{MACHINE(duration, "duration", TIME, "simulated time"), RANGE(10 * US, H, "1s")},
	{MACHINE(warmup, "warmup", TIME, "simulated time before the statistics start"), RANGE(0, H, "10ms")},
	{MACHINE(halt_poll, "halt_poll", TIME, "the host polls that long before a vCPU blocks; 0 = it does not"), RANGE(0, S, "0"), NOT_BARE},
	{MACHINE(halt_poll_ns, "halt_poll_ns", TIME, "KVM's module parameter: the longest poll of a vCPU, 0 = none; any of the four halt_poll_ns keys turns polling as KVM does it on"), RANGE(0, S, "200000"), .flags = PN_KEY_NS, NOT_BARE},
	{MACHINE(halt_poll_ns_grow, "halt_poll_ns_grow", COUNT, "its limit is multiplied by this when a longer poll would have met the interrupt; 0 = it does not grow"), RANGE(0, 1024, "2"), NOT_BARE},
	{MACHINE(halt_poll_ns_grow_start, "halt_poll_ns_grow_start", TIME, "its limit grows to this at least, and is 0 when it shrinks below"), RANGE(0, S, "10000"), .flags = PN_KEY_NS, NOT_BARE},
	{MACHINE(halt_poll_ns_shrink, "halt_poll_ns_shrink", COUNT, "its limit is divided by this when the halt took longer than any poll; 0 = the limit is 0 then"), RANGE(0, 1024, "2"), NOT_BARE},
	{MACHINE(idle_poll, "idle_poll", TIME, "an idle CPU polls that long before it enters a state that it takes idle_exit to leave"), RANGE(0, S, "0")},
	{MACHINE(slice, "slice", TIME, "time slice of the host's scheduler"), RANGE(10 * US, S, "3ms")},
	{MACHINE(wakeup_granularity, "wakeup_granularity", TIME, "a woken task preempts one that is ahead by more than this"), RANGE(0, S, "1ms")},
	{MACHINE(host_tick, "host_tick", TIME, "periodic timer on busy CPUs; 0 = tickless"), RANGE(10 * US, S, "0"), OR_ZERO},
	{MACHINE(noise_period, "noise_period", TIME, "mean time between pieces of other host work on a CPU; 0 = none"), RANGE(US, H, "0"), OR_ZERO},
	{MACHINE(noise_time, "noise_time", TIME, "how long such a piece runs in place of the vCPU"), RANGE(0, S, "0")},
	{MACHINE(galog_entries, "galog_entries", COUNT, "entries of each guest APIC log"), RANGE(512, 8192, "512"), .flags = PN_KEY_POW2, ONLY_PASSTHROUGH},
	{MACHINE(galog_cpu, "galog_cpu", COUNT, "CPU that takes the guest APIC log interrupts"), RANGE(0, PN_MAX_PCPUS - 1, "0"), ONLY_PASSTHROUGH},
	{MACHINE(galog_fifo, "galog_thread", CHOICE, "scheduling class of the guest APIC log thread"), ONE_OF(thread_class, "fifo"), ONLY_PASSTHROUGH},
	{MACHINE(irq_spread, "irq_affinity", CHOICE, "where the host takes interrupts of devices that are not posted"), ONE_OF(affinity, "spread"), ONLY_PASSTHROUGH},
	{MACHINE(x2avic, "x2avic", CHOICE, "x2AVIC: up to 512 vCPUs in a VM, 255 without"), ONE_OF(yes_no, "yes"), NOT_BARE},
	{MACHINE(x2avic_ext, "x2avic_ext", CHOICE, "x2AVIC extension: up to 4096 vCPUs in a VM"), ONE_OF(yes_no, "yes"), NOT_BARE},
	{MACHINE(x2apic, "x2apic", CHOICE, "x2APIC mode: of host and guests on Intel, and of guests that send IPIs; no = xAPIC"), ONE_OF(yes_no, "yes")},
	{MACHINE(gappi, "gappi", CHOICE, "EFR.GAPPISup"), ONE_OF(yes_no, "yes"), ONLY_PASSTHROUGH},
	{MACHINE(gappidis, "gappidis", CHOICE, "EFR2.GAPPIDisSup"), ONE_OF(yes_no, "yes"), ONLY_PASSTHROUGH},
	{MACHINE(irtcachedis, "irtcachedis", CHOICE, "AMD's IOMMUs have Control.IRTCacheDis and the driver sets it: entries are fetched from memory for each interrupt, and a change needs no INVALIDATE_INTERRUPT_TABLE"), ONE_OF(yes_no, "no"), ONLY_PASSTHROUGH},
	{MACHINE(erratum1235, "erratum1235", CHOICE, "the core may read a stale IsRunning = 1, so that IPIs of guests must exit"), ONE_OF(yes_no, "no"), NOT_BARE},
	{MACHINE(inttablen, "int_tab_entries", CHOICE, "entries of an interrupt remapping table, so queues of a device; auto = 512, or 2048 if a device has more queues"), ONE_OF(int_tab, "auto"), ONLY_PASSTHROUGH},
	{MACHINE(irte_cache, "irte_cache", COUNT, "remapping entries that an IOMMU caches"), RANGE(1, 1u << 20, "1024"), .flags = PN_KEY_POW2, NOT_IPI},
	{MACHINE(knobs.volatile_fetch, "volatile_fetch", CHOICE, "when an IOMMU reads IsRun, Destination and GATag"), ONE_OF(fetch, "after_irr"), ONLY_PASSTHROUGH},
	{MACHINE(knobs.galog_dedup, "galog_dedup", CHOICE, "when a log entry is left out because the IRR bit was set"), ONE_OF(dedup, "never"), ONLY_PASSTHROUGH},
	{MACHINE(knobs.overflow_restart, "overflow_restart", CHOICE, "when a log that overflowed runs again: enabled anew, or its overflow bit cleared"), ONE_OF(restart, "needs_toggle"), ONLY_PASSTHROUGH},
	{MACHINE(knobs.gappi_emptiness, "gappi_emptiness", CHOICE, "what must be clear for a GAPPI: the IRR, one word of it, nothing"), ONE_OF(emptiness, "exact256"), ONLY_PASSTHROUGH},
	{MACHINE(churn_offline, "churn_offline", TIME, "mean time between CPUs going offline for a while; 0 = never"), RANGE(10 * US, H, "0"), OR_ZERO, NOT_BARE},
	{MACHINE(churn_inhibit, "churn_inhibit", TIME, "mean time between AVIC being inhibited for a while; 0 = never"), RANGE(10 * US, H, "0"), OR_ZERO, NOT_BARE},
	{MACHINE(churn_retarget, "churn_retarget", TIME, "mean time between interrupts moving to another vCPU; 0 = never"), RANGE(10 * US, H, "0"), OR_ZERO, ONLY_PASSTHROUGH},
	{MACHINE(churn_detach, "churn_detach", TIME, "mean time between interrupts being taken away and given back; 0 = never"), RANGE(10 * US, H, "0"), OR_ZERO, ONLY_PASSTHROUGH},

	{VM(count, "count", COUNT, "identical VMs"), RANGE(1, 1024, "1")},
	{VM(vcpus, "vcpus", COUNT, "vCPUs of each"), RANGE(1, PN_MAX_VCPUS, NULL), .without = "required"},
	{VM(pin, "pin", CHOICE, "vCPU n stays on CPU (first_pcpu + n) mod pcpus"), ONE_OF(yes_no, "no")},
	{VM(first_pcpu, "first_pcpu", COUNT, "see pin"), RANGE(0, PN_MAX_PCPUS - 1, "0")},
	{VM(timer, "timer", TIME, "the guest's own periodic timer; 0 = tickless"), RANGE(10 * US, H, "0"), OR_ZERO},
	{VM(idle_poll, "idle", CHOICE, "what an idle vCPU does"), ONE_OF(idle, "halt")},
	{VM(tpr, "tpr", COUNT, "task priority while the guest masks interrupts"), RANGE(0, 0xff, "0"), .flags = PN_KEY_HEX},
	{VM(tpr_period, "tpr_period", TIME, "how often the guest masks; 0 = never"), RANGE(US, H, "0"), OR_ZERO},
	{VM(tpr_hold, "tpr_hold", TIME, "for how long"), RANGE(0, H, "0")},
	{VM(busy, "busy", SHARE, "share of each vCPU that other guest work takes"), RANGE(0, 1, "0")},
	{VM(busy_burst, "busy_burst", TIME, "in pieces this long"), RANGE(US, S, "100us")},
	{VM(inhibit, "inhibit", CHOICE, "what is provoked against AVIC or APICv"), ONE_OF(inhibits, "none")},
	{VM(inhibit_period, "inhibit_period", TIME, "mean time from one to the next; 0 = from the start, for good"), RANGE(10 * US, H, "0"), OR_ZERO},
	{VM(inhibit_time, "inhibit_time", TIME, "how long each lasts"), RANGE(US, H, "0"), OR_ZERO},

	{DEVICE(count, "count", COUNT, "identical devices, one PCI function each; device k goes to VM k mod count of the VM section"), RANGE(1, 1024, "1")},
	{DEVICE(vm, "vm", NAME, "the VM section that it is passed through to; not on bare metal"), .min = PN_SC_VM, .without = "the first"},
	{DEVICE(load, "load", NAME, "the load section that drives its queues"), .min = PN_SC_LOAD, .without = "the first"},
	{DEVICE(iommu, "iommu", IOMMU, "the IOMMU that it is behind; spread = device k behind IOMMU k mod iommus"), RANGE(0, PN_MAX_IOMMUS - 1, "0")},
	{DEVICE(per_iommu, "per_iommu", COUNT, "iommu = spread: that many devices in a row are behind one IOMMU: device k behind IOMMU (k / per_iommu) mod iommus"), RANGE(1, 1024, "1")},
	{DEVICE(queues, "queues", COUNT, "queues, one MSI each: queue q interrupts vCPU (first_vcpu + q) mod vcpus, on bare metal CPU (first_pcpu + q) mod pcpus; 0 = one per vCPU or CPU"), RANGE(0, 2048, "0")},
	{DEVICE(first_vcpu, "first_vcpu", COUNT, "see queues; not on bare metal"), RANGE(0, PN_MAX_VCPUS - 1, "0")},
	{DEVICE(first_pcpu, "first_pcpu", COUNT, "see queues; only on bare metal"), RANGE(0, PN_MAX_PCPUS - 1, "0")},
	{DEVICE(vector, "vector", COUNT, "guest vector of all its queues; 0 = given out from 0x31 up; not on bare metal"), RANGE(0x20, 0xff, "0"), .flags = PN_KEY_HEX | PN_KEY_ZERO},

	{LOAD(kind, "type", CHOICE, "closed = depth requests in flight per queue; poisson, periodic = rate per queue; onoff = Poisson at rate while on"), .choices = load_type, .without = "required"},
	{LOAD(depth, "depth", COUNT, "closed: requests in flight per queue"), RANGE(1, 65536, "32")},
	{LOAD(service, "service", DIST, "closed: from submission to completion"), .without = "required if closed"},
	{LOAD(service_floor, "service_floor", TIME, "closed: completions of one queue are at least this far apart"), RANGE(0, S, "0")},
	{LOAD(capacity, "capacity", RATE, "closed: requests that one device takes up, all its queues together"), .max = S, .without = "no limit"},
	{LOAD(burst, "burst", COUNT, "closed: with a capacity, requests that a device takes from one queue before it turns to the next"), RANGE(1, 65536, "1")},
	{LOAD(rate, "rate", RATE, "events per queue"), .max = S, .without = "required unless closed"},
	{LOAD(on, "on", TIME, "onoff: length of a burst"), RANGE(US, H, NULL), .without = "required if onoff"},
	{LOAD(off, "off", TIME, "onoff: pause between bursts"), RANGE(US, H, NULL), .without = "required if onoff"},
	{LOAD(sync, "sync", CHOICE, "onoff: all queues burst together"), ONE_OF(yes_no, "no")},
	{LOAD(handler, "handler", TIME, "interrupt handler, of the guest or on bare metal of the host, until its EOI"), RANGE(0, S, "1us")},
	{LOAD(work, "work", TIME, "per completion, outside the handler"), RANGE(0, S, "2us")},
	{LOAD(coalesce, "coalesce", COUNT, "completions per MSI"), RANGE(1, 256, "1")},
	{LOAD(coalesce_time, "coalesce_time", TIME, "the MSI is at most that late"), RANGE(0, S, "10us")},
	{LOAD(stall_period, "stall_period", TIME, "closed: mean time between pauses of the device; 0 = never"), RANGE(US, 24 * H, "0"), OR_ZERO},
	{LOAD(stall_time, "stall_time", TIME, "closed: such a pause, of all queues that share a vCPU"), RANGE(0, H, "0")},
	{LOAD(stall_spread, "stall_spread", TIME, "closed: after a pause the requests come back spread over that time"), RANGE(0, H, "0")},

	{IPI(vm, "vm", NAME, "the VM section whose vCPUs interrupt each other"), .min = PN_SC_VM, .without = "the first"},
	{IPI(kind, "type", CHOICE, "pingpong = vCPU 2n to 2n + 1, which replies, and again; storm = each sender to a random vCPU"), .choices = ipi_type, .without = "required"},
	{IPI(reply_memory, "reply", CHOICE, "pingpong: an IPI back, or a flag in memory that the sender polls while the receiver spins"), ONE_OF(reply, "ipi")},
	{IPI(senders, "senders", COUNT, "storm: vCPUs 0 .. senders - 1 send; 0 = all"), RANGE(0, PN_MAX_VCPUS, "0")},
	{IPI(think, "think", DIST, "pause of a sender before the next IPI; 0 = none"), .dflt = "0", OR_ZERO},
	{IPI(handler, "handler", TIME, "interrupt handler, until its EOI"), RANGE(0, S, "300ns")},
	{IPI(vector, "vector", COUNT, "guest vector of the IPIs"), RANGE(0x20, 0xff, "0xf0"), .flags = PN_KEY_HEX},
	{IPI(logical, "logical", SHARE, "storm: share of IPIs to a logical destination"), RANGE(0, 1, "0")},
	{IPI(broadcast, "broadcast", SHARE, "storm: share of IPIs to all but the sender"), RANGE(0, 1, "0")},
	{IPI(self, "self", SHARE, "storm: share of IPIs to the sender itself"), RANGE(0, 1, "0")},
	{IPI(nmi, "nmi", SHARE, "storm: share of NMIs"), RANGE(0, 1, "0")},
	{IPI(init, "init", SHARE, "storm: share of INITs"), RANGE(0, 1, "0")},

	{INHIBIT(vm, "vm", NAME, "the VM section whose AVIC or APICv it turns off"), .min = PN_SC_VM, .without = "the first"},
	{INHIBIT(reason, "reason", REASON, "KVM's reason; the case does not matter, nor - or _, nor APICV_INHIBIT_REASON_ before it"), .without = "required"},
	{INHIBIT(start, "start", TIME, "when it comes up, in the measured time; 0 = from the beginning, before the warm-up"), RANGE(0, H, "0")},
	{INHIBIT(end, "end", TIME, "when it goes away, in the measured time; 0 = never"), RANGE(0, H, "0")},
};
/* clang-format on */

const unsigned pn_key_count = sizeof(pn_keys) / sizeof(pn_keys[0]);
_Static_assert(sizeof(pn_keys) / sizeof(pn_keys[0]) <= PN_KEY_MAX, "callers size arrays by it");

const char *pn_sc_kind_name(enum pn_sc_kind kind)
{
	static const char *const names[] = {"machine", "costs", "vm",	  "device",
					    "load",    "ipi",	"inhibit"};

	return names[kind];
}

int pn_key_find(enum pn_sc_kind kind, const char *name)
{
	for (unsigned i = 0; i < pn_key_count; i++)
		if (pn_keys[i].kind == kind && !strcmp(pn_keys[i].name, name))
			return (int)i;
	return -ENOENT;
}

unsigned pn_key_names(enum pn_sc_kind kind, const char **names)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pn_key_count; i++)
		if (pn_keys[i].kind == kind)
			names[n++] = pn_keys[i].name;
	return n;
}
