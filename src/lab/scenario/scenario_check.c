/* SPDX-License-Identifier: MIT */
/*
 * Checks a scenario when all keys are read: combinations that the silicon or the simulator cannot
 * have are refused, with file and line.
 */
#include <errno.h>
#include <string.h>

#include "postern/avic.h"
#include "nearest.h"
#include "scenario_build.h"

#define MAX_TOTAL_VCPUS 16384u /* memory: a vAPIC page and a thread each */
#define MAX_IN_FLIGHT	(1u << 24)
#define SMALL_TABLE	9u /* int_tab_entries, as log2 */
#define LARGE_TABLE	11u

/* A requester ID has 16 bits and ID 0 is the host bridge's. */
_Static_assert(PN_MAX_SECTION * 1024 <= 65535, "one PCI function for each device");

typedef int (*section_check)(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d);

/* Refuses keys that no mode of the workload uses. */
static int check_useless(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	static const char *const why[PN_WORK_NR] = {
		[PN_WORK_BARE] = "on bare metal: there is no [vm NAME]",
		[PN_WORK_IPI] = "with an [ipi NAME]: there are no devices",
	};

	for (unsigned i = 0; i < pn_key_count; i++) {
		const struct pn_key *k = &pn_keys[i];

		if (k->kind == PN_SC_MACHINE && k->useless & 1u << b->sc->work &&
		    pn_sc_said(s, k->name))
			return pn_sc_refuse(b, s, PN_SC_KEYS(k->name), d, "%s means nothing %s",
					    k->name, why[b->sc->work]);
	}
	return 0;
}

/* One of KVM's parameters, which begins its halt polling with the others' defaults. */
static int check_polling(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	static const char *const keys[] = {"halt_poll_ns", "halt_poll_ns_grow",
					   "halt_poll_ns_grow_start", "halt_poll_ns_shrink", NULL};

	b->sc->machine.kvm_poll = false;
	for (unsigned i = 0; keys[i]; i++) {
		if (!pn_sc_said(s, keys[i]))
			continue;
		b->sc->machine.kvm_poll = true;
		if (pn_sc_said(s, "halt_poll"))
			return pn_sc_refuse(b, s, PN_SC_KEYS(keys[i]), d,
					    "%s: KVM's halt polling and halt_poll, which is "
					    "always as long, exclude each other",
					    keys[i]);
	}
	return 0;
}

static int check_machine(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	const struct pn_sc_machine *m = &b->sc->machine;
	int err = check_useless(b, s, d);

	if (!err)
		err = check_polling(b, s, d);
	if (err)
		return err;
	if (m->galog_cpu >= m->pcpus)
		return pn_sc_refuse(b, s, PN_SC_KEYS("galog_cpu", "pcpus"), d,
				    "galog_cpu = %u: there are %u CPUs, 0 .. %u", m->galog_cpu,
				    m->pcpus, m->pcpus - 1);
	if (m->noise_period && !m->noise_time)
		return pn_sc_refuse(b, s, PN_SC_KEYS("noise_period"), d,
				    "noise_period needs noise_time");
	if (m->noise_period && m->noise_time >= m->noise_period)
		return pn_sc_refuse(b, s, PN_SC_KEYS("noise_time", "noise_period"), d,
				    "noise_time must be shorter than noise_period");
	if (m->churn_offline && m->pcpus < 2)
		return pn_sc_refuse(b, s, PN_SC_KEYS("churn_offline", "pcpus"), d,
				    "churn_offline needs at least two CPUs");
	/* ID FFh is the broadcast. */
	if (!m->x2apic && m->pcpus > PN_XAVIC_MAX_INDEX)
		return pn_sc_refuse(b, s, PN_SC_KEYS("x2apic", "pcpus"), d,
				    "x2apic = no: 8 bits of APIC ID reach %u CPUs, here are %u",
				    PN_XAVIC_MAX_INDEX, m->pcpus);
	return 0;
}

/* APM vol 2, 15.29.5.2 and 15.29.4: the largest index of the physical APIC ID table; xAPIC's ID
 * FFh is the broadcast. */
static uint32_t vcpu_limit(const struct pn_scenario *sc, const char **why)
{
	const struct pn_sc_machine *m = &sc->machine;

	if (!m->x2apic) {
		*why = "x2apic = no";
		return PN_XAVIC_MAX_INDEX;
	}
	if (!m->x2avic && sc->work == PN_WORK_PASSTHROUGH) {
		*why = "x2avic = no";
		return PN_XAVIC_MAX_INDEX;
	}
	*why = m->x2avic_ext ? "x2AVIC with its extension" : "x2avic_ext = no";
	return (m->x2avic_ext ? PN_X2AVIC_EXT_MAX_INDEX : PN_X2AVIC_MAX_INDEX) + 1;
}

static int check_vm(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	const struct pn_sc_machine *m = &b->sc->machine;
	const struct pn_sc_vm *vm = &b->sc->vm[s->index];
	const char *why;
	uint32_t limit = vcpu_limit(b->sc, &why);

	if (!vm->vcpus)
		return pn_sc_refuse(b, s, PN_SC_KEYS("vcpus"), d, "[vm %s] needs vcpus", vm->name);
	if (vm->vcpus > limit)
		return pn_sc_refuse(b, s, PN_SC_KEYS("vcpus"), d,
				    "vcpus = %u: a VM has at most %u with %s", vm->vcpus, limit,
				    why);
	if (vm->first_pcpu >= m->pcpus)
		return pn_sc_refuse(b, s, PN_SC_KEYS("first_pcpu"), d,
				    "first_pcpu = %u: there are %u CPUs, 0 .. %u", vm->first_pcpu,
				    m->pcpus, m->pcpus - 1);
	if (vm->tpr_period && (!vm->tpr || !vm->tpr_hold))
		return pn_sc_refuse(b, s, PN_SC_KEYS("tpr_period"), d,
				    "tpr_period needs tpr and tpr_hold");
	if (vm->tpr_period && vm->tpr_hold >= vm->tpr_period)
		return pn_sc_refuse(b, s, PN_SC_KEYS("tpr_hold", "tpr_period"), d,
				    "tpr_hold must be shorter than tpr_period");
	if (vm->tpr_period && vm->tpr >> 4 >= PN_SC_GUEST_TIMER >> 4)
		return pn_sc_refuse(b, s, PN_SC_KEYS("tpr"), d,
				    "tpr = 0x%x masks the guest's timer, vector 0x%x, which is to "
				    "end that (expected at most 0xdf)",
				    vm->tpr, PN_SC_GUEST_TIMER);
	return 0;
}

static int check_load(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	const struct pn_sc_load *l = &b->sc->load[s->index];
	int k = pn_key_find(PN_SC_LOAD, "type"), service = pn_key_find(PN_SC_LOAD, "service");
	bool closed = l->kind == PN_LOAD_CLOSED;

	if (!s->key_line[k])
		return pn_sc_refuse(b, s, PN_SC_KEYS("type"), d,
				    "[load %s] needs a type (closed, poisson, periodic or onoff)",
				    l->name);
	if (closed && !s->key_line[service])
		return pn_sc_refuse(b, s, PN_SC_KEYS("type"), d,
				    "type = closed needs service (as in service = exp(80us))");
	if (!closed && !(l->rate > 0))
		return pn_sc_refuse(b, s, PN_SC_KEYS("type"), d,
				    "this type needs a rate (as in rate = 10k/s)");
	if (!closed && l->capacity > 0)
		return pn_sc_refuse(b, s, PN_SC_KEYS("capacity"), d,
				    "capacity is for type = closed: nothing waits for this one");
	if (l->burst > 1 && !(l->capacity > 0))
		return pn_sc_refuse(b, s, PN_SC_KEYS("burst"), d,
				    "burst needs a capacity (as in capacity = 2M/s)");
	if (l->kind == PN_LOAD_ONOFF && (!l->on || !l->off))
		return pn_sc_refuse(b, s, PN_SC_KEYS("type"), d,
				    "type = onoff needs on and off (as in on = 2ms)");
	if (l->stall_period && (!l->stall_time || l->stall_time >= l->stall_period))
		return pn_sc_refuse(b, s, PN_SC_KEYS("stall_time", "stall_period"), d,
				    "stall_period needs a stall_time shorter than it");
	return 0;
}

int pn_sc_missing(struct pn_sc_build *b, const struct pn_sc_section *s, enum pn_sc_kind kind,
		  const char *name, struct pn_diag *d)
{
	const char *kn = pn_sc_kind_name(kind), *names[PN_MAX_SECTION], *near;
	unsigned n = 0;

	for (unsigned i = 0; i < b->sections; i++)
		if (b->section[i].kind == kind)
			names[n++] = b->section[i].name;
	if (!n)
		return pn_sc_refuse(b, s, PN_SC_KEYS(kn), d, "[%s %s] needs a [%s NAME] section",
				    pn_sc_kind_name(s->kind), s->name, kn);
	near = pn_nearest(name, names, n);
	return pn_sc_refuse(b, s, PN_SC_KEYS(kn), d, "there is no [%s %s] (did you mean \"%s\"?)",
			    kn, name, near ? near : names[0]);
}

static const struct pn_sc_vm *vm_named(const struct pn_scenario *sc, const char *name)
{
	for (unsigned i = 0; i < sc->vms; i++)
		if (!strcmp(sc->vm[i].name, name))
			return &sc->vm[i];
	return NULL;
}

static const struct pn_sc_load *load_named(const struct pn_scenario *sc, const char *name)
{
	for (unsigned i = 0; i < sc->loads; i++)
		if (!strcmp(sc->load[i].name, name))
			return &sc->load[i];
	return NULL;
}

/* The number of vCPUs or CPUs that the device interrupts; by default it has a queue for each. */
static uint32_t targets(const struct pn_scenario *sc, const struct pn_sc_device *dev)
{
	const struct pn_sc_vm *vm = vm_named(sc, dev->vm);

	return vm ? vm->vcpus : sc->machine.pcpus;
}

uint32_t pn_sc_queues_of(const struct pn_scenario *sc, const struct pn_sc_device *dev)
{
	return dev->queues ? dev->queues : targets(sc, dev);
}

/* The sections that a device names; the first ones if it names none. */
static int resolve(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	struct pn_scenario *sc = b->sc;
	struct pn_sc_device *dev = &sc->device[s->index];

	if (!dev->vm[0] && sc->vms)
		memcpy(dev->vm, sc->vm[0].name, sizeof(dev->vm));
	if (!dev->load[0] && sc->loads)
		memcpy(dev->load, sc->load[0].name, sizeof(dev->load));
	if (sc->vms && !vm_named(sc, dev->vm))
		return pn_sc_missing(b, s, PN_SC_VM, dev->vm, d);
	if (!load_named(sc, dev->load))
		return pn_sc_missing(b, s, PN_SC_LOAD, dev->load, d);
	return 0;
}

static int check_passthrough(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	const struct pn_sc_device *dev = &b->sc->device[s->index];
	uint32_t vcpus = targets(b->sc, dev), order = b->sc->machine.inttablen;
	uint32_t entries = 1u << (order ? order : LARGE_TABLE);

	if (pn_sc_queues_of(b->sc, dev) > entries)
		return pn_sc_refuse(b, s, PN_SC_KEYS("queues"), d,
				    "%u queues%s, but int_tab_entries = %u: a function has no more "
				    "interrupts than its remapping table has entries",
				    pn_sc_queues_of(b->sc, dev),
				    dev->queues ? "" : " (one per vCPU)", entries);
	if (dev->first_vcpu >= vcpus)
		return pn_sc_refuse(b, s, PN_SC_KEYS("first_vcpu"), d,
				    "first_vcpu = %u: [vm %s] has %u vCPUs, 0 .. %u",
				    dev->first_vcpu, dev->vm, vcpus, vcpus - 1);
	if (pn_sc_said(s, "first_pcpu"))
		return pn_sc_refuse(b, s, PN_SC_KEYS("first_pcpu"), d,
				    "first_pcpu is for bare metal, a scenario without a [vm NAME] "
				    "(expected first_vcpu)");
	return 0;
}

/* int_tab_entries = auto: the smaller size, unless a device has more queues. */
static void choose_table(struct pn_scenario *sc)
{
	if (sc->machine.inttablen)
		return;
	sc->machine.inttablen = SMALL_TABLE;
	for (unsigned i = 0; i < sc->devices && sc->vms; i++)
		if (pn_sc_queues_of(sc, &sc->device[i]) > 1u << SMALL_TABLE)
			sc->machine.inttablen = LARGE_TABLE;
}

static int check_bare(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	static const struct {
		const char *key, *hint;
	} guests[] = {{"vm", "add a [vm NAME] or leave it out"},
		      {"first_vcpu", "expected first_pcpu"},
		      {"vector", "the host gives its vectors out"}};
	const struct pn_sc_device *dev = &b->sc->device[s->index];
	uint32_t pcpus = b->sc->machine.pcpus;

	for (unsigned i = 0; i < sizeof(guests) / sizeof(guests[0]); i++)
		if (pn_sc_said(s, guests[i].key))
			return pn_sc_refuse(b, s, PN_SC_KEYS(guests[i].key), d,
					    "%s: there is no [vm NAME], so this is bare metal (%s)",
					    guests[i].key, guests[i].hint);
	if (dev->first_pcpu >= pcpus)
		return pn_sc_refuse(b, s, PN_SC_KEYS("first_pcpu"), d,
				    "first_pcpu = %u: there are %u CPUs, 0 .. %u", dev->first_pcpu,
				    pcpus, pcpus - 1);
	return 0;
}

static int check_device(struct pn_sc_build *b, struct pn_sc_section *s, struct pn_diag *d)
{
	const struct pn_sc_machine *m = &b->sc->machine;
	const struct pn_sc_device *dev = &b->sc->device[s->index];
	int err;

	/* the refusal of bare metal is clearer than that of a missing section */
	err = b->sc->work == PN_WORK_BARE ? check_bare(b, s, d) : 0;
	if (!err)
		err = resolve(b, s, d);
	if (!err && b->sc->work != PN_WORK_BARE)
		err = check_passthrough(b, s, d);
	if (err)
		return err;
	if (pn_sc_said(s, "per_iommu") && !dev->iommu_spread)
		return pn_sc_refuse(b, s, PN_SC_KEYS("per_iommu"), d,
				    "per_iommu is for iommu = spread");
	if (dev->iommu >= m->iommus)
		return pn_sc_refuse(b, s, PN_SC_KEYS("iommu"), d,
				    "iommu = %u: there are %u, 0 .. %u", dev->iommu, m->iommus,
				    m->iommus - 1);
	return 0;
}

static int for_each(struct pn_sc_build *b, enum pn_sc_kind kind, section_check check,
		    struct pn_diag *d)
{
	int err = 0;

	for (unsigned i = 0; i < b->sections && !err; i++)
		if (b->section[i].kind == kind)
			err = check(b, &b->section[i], d);
	return err;
}

static int check_total(struct pn_sc_build *b, struct pn_diag *d)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < b->sc->vms; i++) {
		const struct pn_sc_vm *vm = &b->sc->vm[i];

		total += (uint64_t)vm->vcpus * vm->count;
		if (total > MAX_TOTAL_VCPUS)
			return pn_sc_refuse(b, pn_sc_find(b, PN_SC_VM, i),
					    PN_SC_KEYS("count", "vcpus"), d,
					    "%llu vCPUs in all (at most %u)",
					    (unsigned long long)total, MAX_TOTAL_VCPUS);
	}
	return 0;
}

static uint64_t in_flight(struct pn_scenario *sc, const struct pn_sc_device *dev)
{
	const struct pn_sc_load *l = load_named(sc, dev->load);
	uint32_t depth = l && l->kind == PN_LOAD_CLOSED ? l->depth : 1;

	return (uint64_t)dev->count * pn_sc_queues_of(sc, dev) * depth;
}

static int check_in_flight(struct pn_sc_build *b, struct pn_diag *d)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < b->sc->devices; i++) {
		total += in_flight(b->sc, &b->sc->device[i]);
		if (total > MAX_IN_FLIGHT)
			return pn_sc_refuse(b, pn_sc_find(b, PN_SC_DEVICE, i),
					    PN_SC_KEYS("queues", "count"), d,
					    "%llu requests in flight in all (at most %u)",
					    (unsigned long long)total, MAX_IN_FLIGHT);
	}
	return 0;
}

static int check_sections(struct pn_sc_build *b, struct pn_diag *d)
{
	const struct pn_scenario *sc = b->sc;

	if (sc->inhibits && !sc->vms)
		return pn_sc_missing(b, pn_sc_find(b, PN_SC_INHIBIT, 0), PN_SC_VM, "", d);
	if (sc->ipis && !sc->vms)
		return pn_sc_missing(b, pn_sc_find(b, PN_SC_IPI, 0), PN_SC_VM, "", d);
	if (!sc->ipis && !sc->devices)
		return pn_diag_set(d, -EINVAL, b->path, 0,
				   "no [device NAME] and no [ipi NAME] section: nothing would "
				   "interrupt");
	return 0;
}

int pn_sc_check(struct pn_sc_build *b, struct pn_diag *d)
{
	static const struct {
		enum pn_sc_kind kind;
		section_check check;
	} checks[] = {{PN_SC_MACHINE, check_machine},	  {PN_SC_VM, check_vm},
		      {PN_SC_LOAD, check_load},		  {PN_SC_DEVICE, check_device},
		      {PN_SC_IPI, pn_sc_check_ipi},	  {PN_SC_VM, pn_sc_check_inhibit},
		      {PN_SC_INHIBIT, pn_sc_check_window}};
	struct pn_scenario *sc = b->sc;
	int err = check_sections(b, d);

	sc->work = sc->ipis && sc->devices ? PN_WORK_MIXED
		   : sc->ipis		   ? PN_WORK_IPI
		   : sc->vms		   ? PN_WORK_PASSTHROUGH
					   : PN_WORK_BARE;
	for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]) && !err; i++)
		err = for_each(b, checks[i].kind, checks[i].check, d);
	if (!err)
		choose_table(sc);
	if (!err)
		err = check_total(b, d);
	if (!err)
		err = pn_sc_check_vectors(b, d);
	if (!err)
		err = check_in_flight(b, d);
	return err;
}
