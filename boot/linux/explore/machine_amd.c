/* SPDX-License-Identifier: MIT */
/*
 * The machine that Linux's functions run in, of AMD: two CPUs with AVIC and IOMMUs with a guest
 * APIC log (src/hw/amd), a device behind each IOMMU, vCPUs that block whenever they have nothing to
 * do, and what else a case has.
 *
 * What is restated here in few lines, and is not Linux's code: the order of kvm_vcpu_block()
 * and the scheduler (machine_task.c) around the functions explored, the search of the IRR,
 * rcuwait_wake_up(), the thread of a threaded interrupt.
 */
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "machine_amd.h"

extern char __start_pcpu[], __stop_pcpu[];
extern unsigned long __per_cpu_offset[];

struct am_machine machine = {.vcpus = 1, .posts = 2, .iommus = 1, .cpus = PK_CPUS};
struct vcpu *vcpus[PK_VCPUS];
struct unit units[PK_IOMMUS];
struct pn_avic *core;
struct pn_bus bus;
uint32_t *in_irq, *host;
void *vm[PK_VCPUS];

static const struct {
	const char *name;
	bool *flag;
} words[] = {
	{"preempted", &machine.preempted},
	{"migrates", &machine.migrates},
	{"attach", &machine.attach},
	{"detach", &machine.detach},
	{"retarget", &machine.retarget},
	{"whole", &machine.whole},
	{"late", &machine.late},
	{"destroy", &machine.destroy},
	{"offline", &machine.offline},
	{"masked", &machine.masked},
	{"queues", &mt.queues},
	{"unload", &machine.unload},
	{"inhibit", &machine.inhibit},
	{"galog", &machine.galog},
	{"lacking", &machine.lacking},
	{"prefix", &machine.prefix},
	{"nodis", &machine.nodis},
	{"lists", &machine.lists},
	{"stays", &machine.stays},
	{"loaded", &machine.loaded},
	{"nogam", &machine.nogam},
	{"others", &machine.others},
	{"logical", &machine.logical},
	{"xapic", &machine.xapic},
	{"all", &machine.all},
	{"queued", &machine.queued},
	{"again", &machine.again},
	{"novapic", &machine.novapic},
	{"vms", &machine.vms},
	{"bug1312", &machine.bug1312},
	{"zen1", &machine.zen1},
	{"waits", &machine.waits},
};

/* ---- building ---- */

static void build_cpus(void)
{
	size_t size = (size_t)(__stop_pcpu - __start_pcpu);
	struct pn_agent *agent = px_alloc(machine.cpus * sizeof(*agent), 64);
	struct pn_step_slot *steps = px_alloc(machine.cpus * PN_STEP_NR * sizeof(*steps), 64);
	struct pn_avic_features feat;

	pn_avic_features_default(&feat);
	feat.erratum1235 = machine.zen1;
	core = px_alloc(machine.cpus * sizeof(*core), 64);
	mt.cpus = machine.cpus;
	mt.shared = machine.vcpus > 1;
	mt.offline = machine.offline;
	mt.migrate = machine.migrates;
	mt_build();
	in_irq = px_alloc(machine.cpus * 64, 64);
	px_ghost(steps, machine.cpus * PN_STEP_NR * sizeof(*steps));
	for (int c = 0; c < (int)machine.cpus; c++) {
		char *copy = px_alloc(size, 64);

		memcpy(copy, __start_pcpu, size);
		__per_cpu_offset[c] = (unsigned long)(copy - __start_pcpu);
		pk_cpu_init(c);
		pn_untold(c, pk_preempt_count(c));
		pu_name(copy, size, "per-CPU data of CPU", c);
		pu_name(&in_irq[c * AM_WORDS_OF_LINE], 4, "in an interrupt: CPU", c);
		pn_agent_init(&agent[c], (uint32_t)c, &steps[c * PN_STEP_NR]);
		pn_avic_init(&core[c], &bus, &agent[c], &feat, (uint32_t)c);
	}
}

static void build_vcpus(void)
{
	static const char *const names[PK_VCPUS] = {"vCPU 0", "vCPU 1", "vCPU 2"};

	for (unsigned i = 0; i < machine.vcpus; i++) {
		struct vcpu *v = px_alloc(sizeof(*v), 64);

		vcpus[i] = v;
		v->id = i;
		v->task.cpu = machine.ipis ? i % machine.cpus : 0;
		vm[i] = i && !machine.vms ? vm[0] : pk_vm();
		v->svm = pk_vcpu(vm[i], (int)i, machine.xapic);
		v->apic = pk_apic(v->svm);
		v->wait = pk_wait(v->svm);
		v->requests = pk_requests(v->svm);
		v->mode = pk_mode(v->svm);
		v->active = true;
		v->work = px_alloc(64, 64);
		v->inhibit = px_alloc(64, 64);
		pu_name(v->work, 4, "irq_work queued, vCPU", (int)i);
		pu_name(v->inhibit, 4, "AVIC inhibited, vCPU", (int)i);
		v->task.asleep = px_alloc(64, 64);
		mt_name(&v->task, (int)i);
		v->alive = px_alloc(64, 64);
		*v->alive = 1;
		pu_name(v->alive, 4, "task alive, vCPU", (int)i);
		v->vectors = px_alloc(64, 64);
		pu_name(v->vectors, 4, "interrupts that the guest got, vCPU", (int)i);
		if (machine.loaded) {
			pk_load(v->svm, 0);
			pk_put(v->svm, 0);
		}
		px_thread(names[i], (int)v->task.cpu, am_task, v);
	}
	for (unsigned i = 0; i < machine.posts; i++) {
		pk_irq((int)i, units[i % machine.iommus].linux_iommu, HOST_VECTOR + (int)i,
		       LOG_CPU);
		am_route(i, (int)(i % machine.vcpus));
		if (!machine.attach && pk_can_post())
			am_attach(i);
	}
}

static void setup(void *arg)
{
	(void)arg;
	machine.destroy |= machine.unload;
	if (machine.vms)
		machine.vcpus = 2;
	if (machine.ipis) /* and no device */
		machine.posts = machine.iommus = 0;
	pn_hooks_start();
	pn_build_data();
	pn_name_data();
	pn_memory_start();
	am_build_linux();
	build_cpus();
	pk_setup(!machine.galog, machine.prefix, machine.zen1);
	am_build_units();
	pk_kvm_setup();
	am_build_guest();
	build_vcpus();
	am_build_devices();
	host = px_alloc(64, 64);
	px_name(host, 4, "interrupts for the host to inject");
	am_build_agents();
	px_handler("CPU 0 irq", 0, am_interrupt, NULL);
	px_handler("CPU 1 irq", 1, am_interrupt, NULL);
}

/* ---- what must hold when nothing moves any more ---- */

/* 1: interrupt 0, which the guest masks, is still in its IRR, parked or not. */
static uint32_t kept(struct vcpu *v)
{
	unsigned vector = (unsigned)am_vector(0);
	uint32_t parked = pk_parked(v->svm, (int)vector / 32);

	return (v->apic[(PN_APIC_IRR + vector / 32 * 16) / 4] | parked) >> vector % 32 & 1;
}

/* Interrupts that vCPU @i got, and should have got. */
static bool complete(unsigned i, uint32_t *got, uint32_t *want)
{
	*got = *vcpus[i]->vectors;
	*want = am_expected(i);
	if (machine.retarget && i == 0) /* to either */
		*got |= *vcpus[1]->vectors & 1;
	if (machine.retarget && i == 1)
		*got &= *want;
	if (machine.masked)
		*got |= kept(vcpus[i]);
	return (*got | (*host & *want)) == *want;
}

static const char *check(void *arg, char *text, unsigned size)
{
	uint32_t got, want;

	(void)arg;
	if (machine.prefix && pk_gappi_is_on()) {
		snprintf(text, size, "amd_iommu=gappi2 has switched GAPPI on");
		return "P7";
	}
	if (machine.inhibit && !machine.stays && !pk_posts(0)) {
		snprintf(text, size, "AVIC is on again, and IRTE 0 does not post");
		return "P2";
	}
	for (unsigned i = 0; i < machine.vcpus && !machine.destroy; i++) {
		if (*vcpus[i]->task.asleep && am_deliverable(vcpus[i])) {
			snprintf(text, size, "vCPU %u sleeps and its IRR is not empty%s", i,
				 machine.masked ? ": interrupt 1 is not masked" : "");
			return "P1";
		}
		if (vcpus[i]->waits && am_deliverable(vcpus[i])) {
			snprintf(text, size, "vCPU %u waits in the guest, its IRR is not empty", i);
			return "P1";
		}
		if (!complete(i, &got, &want)) {
			snprintf(text, size, "vCPU %u got interrupts %x of %x", i, got, want);
			return "P4";
		}
	}
	return NULL;
}

bool pn_machine_take(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i].name))
			return *words[i].flag = true;
	return sscanf(word, "vcpus=%u", &machine.vcpus) == 1 ||
	       sscanf(word, "posts=%u", &machine.posts) == 1 ||
	       sscanf(word, "iommus=%u", &machine.iommus) == 1 ||
	       sscanf(word, "cpus=%u", &machine.cpus) == 1 ||
	       sscanf(word, "ipis=%u", &machine.ipis) == 1 ||
	       sscanf(word, "ring=%u", &machine.ring) == 1;
}

struct px_program pn_machine_program(void)
{
	return (struct px_program){setup, check, NULL};
}
