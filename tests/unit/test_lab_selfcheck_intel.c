/* SPDX-License-Identifier: MIT */
/*
 * The self-check finds planted faults in the Intel machines, with guests and without: one of each
 * kind, at rest or with an interrupt under way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lab_text.h"
#include "machine_intel.h"
#include "vectors.h"

/* ---- the vCPU or CPU that gets the fault ---- */

static struct pn_lab_iommu *io(struct pn_machine *m)
{
	return &m->iommu[0];
}

static struct pn_agent *cpu(struct pn_machine *m)
{
	return &m->sim->pcpu[0].agent;
}

/* On a wakeup list. */
static struct pn_vmx_vcpu *sleeper(struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->vcpus; i++)
		if (m->hyp->ops->listed(m->vcpu[i].h))
			return pn_vmx_of(m->vcpu[i].h);
	fail_msg("nobody sleeps");
	return NULL;
}

static struct pn_vtd_ir *entry(struct pn_machine *m)
{
	return pn_vtd_ir_of(&m->queue[0]);
}

/* With a bit in the PIR. */
static struct pn_lab_vcpu *posted(struct pn_machine *m, uint8_t *vector)
{
	for (uint32_t i = 0; i < m->vcpus; i++)
		for (unsigned k = 16; k < 256; k++)
			if (pn_intel_in_pir(&m->vcpu[i], (uint8_t)k)) {
				*vector = (uint8_t)k;
				return &m->vcpu[i];
			}
	return NULL;
}

/* Waits in the IRR. */
static struct pn_lab_vcpu *waiting(struct pn_machine *m, uint8_t *vector)
{
	for (uint32_t i = 0; i < m->vcpus; i++)
		for (unsigned k = 16; k < 256; k++)
			if (m->vcpu[i].sent[k] &&
			    pn_vapic_test(m->vcpu[i].h->page, PN_APIC_IRR, (uint8_t)k)) {
				*vector = (uint8_t)k;
				return &m->vcpu[i];
			}
	return NULL;
}

static struct pn_lab_vcpu *doubled(struct pn_machine *m, uint8_t *vector)
{
	for (uint32_t i = 0; i < m->vcpus; i++)
		for (unsigned k = 16; k < 256; k++)
			if (m->vcpu[i].second[k]) {
				*vector = (uint8_t)k;
				return &m->vcpu[i];
			}
	return NULL;
}

/* Bare metal: an interrupt on its way. */
static struct pn_lab_queue *flying(struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->queues; i++)
		if (m->queue[i].flights)
			return &m->queue[i];
	return NULL;
}

/* Bare metal: one in the descriptor, whose handler does not run. */
static struct pn_pmsi_cpu *announced(struct pn_machine *m)
{
	struct pn_lab_queue *q = flying(m);
	struct pn_pmsi_cpu *pc = q ? &m->intel->pmsi_cpu[q->host_cpu] : NULL;

	return pc && !pc->active && pc->pid->control & PN_PID_ON ? pc : NULL;
}

static struct pn_pmsi_cpu *pmsi(struct pn_machine *m)
{
	return &m->intel->pmsi_cpu[1];
}

/* ---- page and descriptor of a vCPU ---- */

static void irr_set(struct pn_machine *m)
{
	pn_vapic_set(m->vcpu[1].h->page, PN_APIC_IRR, 0x99);
}

static void irr_cleared(struct pn_machine *m)
{
	uint8_t k;
	struct pn_lab_vcpu *v = waiting(m, &k);

	pn_vapic_clear(v->h->page, PN_APIC_IRR, k);
}

static void isr_stale(struct pn_machine *m)
{
	pn_vapic_set(m->vcpu[1].h->page, PN_APIC_ISR, 0x31);
}

static void pir_set(struct pn_machine *m)
{
	pn_vmx_of(m->vcpu[1].h)->pid->pir[2] |= 1ull << (0x99 - 0x80);
	pn_vmx_of(m->vcpu[1].h)->pid->control |= PN_PID_ON;
}

static void pir_cleared(struct pn_machine *m)
{
	uint8_t k;
	struct pn_lab_vcpu *v = posted(m, &k);

	memset(pn_vmx_of(v->h)->pid->pir, 0, sizeof(pn_vmx_of(v->h)->pid->pir));
	pn_vmx_of(v->h)->pid->control &= ~(uint64_t)PN_PID_ON;
}

static void on_cleared(struct pn_machine *m)
{
	uint8_t k;

	pn_vmx_of(posted(m, &k)->h)->pid->control &= ~(uint64_t)PN_PID_ON;
}

static void on_set(struct pn_machine *m)
{
	sleeper(m)->pid->control |= PN_PID_ON;
}

static void sn_set(struct pn_machine *m)
{
	sleeper(m)->pid->control |= PN_PID_SN;
}

static void nv_unknown(struct pn_machine *m)
{
	pn_vmx_of(m->vcpu[0].h)->pid->control ^= 1ull << PN_PID_NV_SH;
}

static void sn_set_in_guest(struct pn_machine *m)
{
	pn_vmx_of(m->vcpu[0].h)->pid->control |= PN_PID_SN;
}

static void nv_of_one_that_runs(struct pn_machine *m)
{
	struct pn_pid *pid = sleeper(m)->pid;

	pid->control &= ~(uint64_t)PN_PID_NV_MASK;
	pid->control |= (uint64_t)PN_VEC_POSTED << PN_PID_NV_SH;
}

static void ndst(struct pn_machine *m)
{
	sleeper(m)->pid->control ^= 1ull << 32;
}

static void ndst_xapic(struct pn_machine *m)
{
	sleeper(m)->pid->control ^= 1ull << 40;
}

static void pid_reserved(struct pn_machine *m)
{
	sleeper(m)->pid->control |= 4;
}

static void svi(struct pn_machine *m)
{
	sleeper(m)->svi ^= 0x31;
}

/* ---- lists ---- */

static void unlisted(struct pn_machine *m)
{
	pn_list_del(&sleeper(m)->wake_node);
}

static void wrong_list(struct pn_machine *m)
{
	struct pn_vmx_vcpu *v = sleeper(m);

	pn_list_del(&v->wake_node);
	pn_list_add_tail(&m->cpu[(v->list_cpu + 1) % 4].wake_list, &v->wake_node);
}

static void believes_in_another(struct pn_machine *m)
{
	struct pn_vmx_vcpu *v = sleeper(m);

	pn_list_del(&v->wake_node);
	v->list_cpu = (v->list_cpu + 1) % 4;
	pn_list_add_tail(&m->cpu[v->list_cpu].wake_list, &v->wake_node);
}

static void stranger(struct pn_machine *m)
{
	static struct pn_list node;

	pn_list_add_tail(&m->cpu[0].wake_list, &node);
}

/* ---- entries of the remapping table, PID-pointer table ---- */

static void other_pid(struct pn_machine *m)
{
	entry(m)->irte->lo ^= 1ull << 38;
}

static void other_vector(struct pn_machine *m)
{
	entry(m)->irte->lo ^= 1ull << 16;
}

static void urgent(struct pn_machine *m)
{
	entry(m)->irte->lo |= 1ull << 14;
}

static void not_present(struct pn_machine *m)
{
	entry(m)->irte->lo &= ~1ull;
}

static void other_source(struct pn_machine *m)
{
	entry(m)->irte->hi ^= 1;
}

static void other_destination(struct pn_machine *m)
{
	entry(m)->irte->lo ^= 1ull << 32;
}

static void remap_form(struct pn_machine *m)
{
	entry(m)->posted = false;
}

static void other_vcpu(struct pn_machine *m)
{
	m->queue[0].sim->vcpu = &m->sim->vcpu[3];
}

static void forgotten_entry(struct pn_machine *m)
{
	pn_list_del(&entry(m)->host.node);
}

static void detached(struct pn_machine *m)
{
	m->queue[0].detached = true;
}

static void assigned(struct pn_machine *m)
{
	m->intel->vm[0].assigned = 0;
}

static void pid_table(struct pn_machine *m)
{
	m->intel->vm[0].pid_table[1] ^= 64;
}

/* ---- counters ---- */

static void post_not_counted(struct pn_machine *m)
{
	io(m)->agent.step[PN_STEP_PIR_SET].count--;
}

static void device_counted_twice(struct pn_machine *m)
{
	io(m)->agent.step[PN_STEP_DEVICE_WRITE].count++;
}

static void too_many_notified(struct pn_machine *m)
{
	cpu(m)->step[PN_STEP_IRQ_WAKEUP].count += 1000000;
}

static void notified_twice(struct pn_machine *m)
{
	cpu(m)->step[PN_STEP_IRQ_POSTED_MSI].count++;
}

static void faulted(struct pn_machine *m)
{
	struct pn_msi msi = m->queue[0].msi;

	msi.devid = 0x7000;
	pn_vtd_msi(io(m)->hw, &msi);
}

static void stowaway(struct pn_machine *m)
{
	pn_vtd_msi(io(m)->hw, &m->queue[0].msi);
}

static void ipi_not_counted(struct pn_machine *m)
{
	cpu(m)->step[PN_STEP_IPI_POST].count--;
}

static void ipi_twice(struct pn_machine *m)
{
	m->now.ipis_injected++;
}

/* ---- the lab's books ---- */

static void forgotten(struct pn_machine *m)
{
	uint8_t k = 0;
	struct pn_lab_vcpu *v = waiting(m, &k);

	v->sent[k] = 0;
}

static void second_forgotten(struct pn_machine *m)
{
	uint8_t k = 0;
	struct pn_lab_vcpu *v = doubled(m, &k);

	v->second[k] = 0;
}

static void delivered_off_by_one(struct pn_machine *m)
{
	m->now.delivered--;
}

static void outstanding(struct pn_machine *m)
{
	m->outstanding++;
}

static void request_forgotten(struct pn_machine *m)
{
	io(m)->waits--;
}

static void flight_forgotten(struct pn_machine *m)
{
	flying(m)->flights--;
}

static void flight_too_many(struct pn_machine *m)
{
	pn_account_flight(&m->queue[0], PN_SENT_WINDOW);
}

static void unseen(struct pn_machine *m)
{
	m->sim->queue[0].ready = 1;
}

/* ---- descriptors and local APICs of CPUs ---- */

static void cpu_sn(struct pn_machine *m)
{
	pmsi(m)->pid->control |= PN_PID_SN;
}

static void cpu_nv(struct pn_machine *m)
{
	pmsi(m)->pid->control ^= 1ull << PN_PID_NV_SH;
}

static void cpu_ndst(struct pn_machine *m)
{
	pmsi(m)->pid->control ^= 1ull << 32;
}

static void cpu_reserved(struct pn_machine *m)
{
	pmsi(m)->pid->rsvd[0] = 1;
}

static void cpu_on_set(struct pn_machine *m)
{
	pmsi(m)->pid->control |= PN_PID_ON;
}

static void cpu_on_cleared(struct pn_machine *m)
{
	announced(m)->pid->control &= ~(uint64_t)PN_PID_ON;
}

static void cpu_pir_nobodys(struct pn_machine *m)
{
	pmsi(m)->pid->pir[2] |= 1;
	pmsi(m)->pid->control |= PN_PID_ON;
}

static void cpu_pir_set(struct pn_machine *m)
{
	uint8_t k = m->queue[0].host_vector;

	pmsi(m)->pid->pir[k / 64] |= 1ull << k % 64;
	pmsi(m)->pid->control |= PN_PID_ON;
}

static void cpu_pir_cleared(struct pn_machine *m)
{
	struct pn_pmsi_cpu *pc = announced(m);

	memset(pc->pid->pir, 0, sizeof(pc->pid->pir));
}

static void lapic_set(struct pn_machine *m)
{
	pn_lapic_accept(&m->sim->pcpu[1].lapic, m->queue[0].host_vector);
}

/* ---- */

struct state {
	const char *what, *mode, *text, *set;
	bool (*until)(struct pn_machine *m); /* NULL: drained */
};

#define GUEST                                                                                      \
	"[machine]\npcpus = 4\nwarmup = 0\n[vm g]\nvcpus = 6\n[device d]\n[load l]\n"              \
	"type = poisson\n"
#define BARE                                                                                       \
	"[machine]\npcpus = 2\nwarmup = 0\n[device d]\ncount = 2\nqueues = 1\nfirst_pcpu = 1\n"    \
	"[load l]\ntype = periodic\n"

static bool is_posted(struct pn_machine *m)
{
	uint8_t k;

	return posted(m, &k);
}

static bool is_waiting(struct pn_machine *m)
{
	uint8_t k;

	return waiting(m, &k);
}

static bool is_doubled(struct pn_machine *m)
{
	uint8_t k;

	return doubled(m, &k);
}

static bool is_held_up(struct pn_machine *m)
{
	return io(m)->waits;
}

static bool is_flying(struct pn_machine *m)
{
	return flying(m);
}

static bool is_announced(struct pn_machine *m)
{
	return announced(m);
}

static const struct state asleep = {"asleep", "vtd-pi", GUEST "rate = 5k/s\n", "", NULL};
static const struct state xapic = {"asleep, xAPIC", "vtd-pi", GUEST "rate = 5k/s\n",
				   "machine.x2apic=no", NULL};
static const struct state running = {"in the guest", "vtd-pi", GUEST "rate = 5k/s\n",
				     "g.vcpus=4 g.pin=yes g.idle=poll", NULL};
static const struct state in_pir = {"posted", "vtd-pi", GUEST "rate = 5k/s\n", "", is_posted};
static const struct state masked = {"masked", "vtd-pi", GUEST "rate = 20k/s\n",
				    "g.tpr=0xd0 g.tpr_period=100us g.tpr_hold=90us", is_waiting};
static const struct state twice = {"posted again", "vtd-pi", GUEST "rate = 900k/s\n",
				   "l.handler=20us", is_doubled};
static const struct state flooded = {"flooded", "vtd-pi", GUEST "rate = 5M/s\n", "", is_held_up};
static const struct state storm = {
	"storm", "ipi-ipiv",
	"[machine]\npcpus = 4\nwarmup = 0\n[vm g]\nvcpus = 4\n[ipi i]\ntype = storm\n"
	"think = exp(20us)\nlogical = 30%\n",
	"", NULL};
static const struct state bare = {"rest", "posted-msi", BARE "rate = 5k/s\n", "", NULL};
static const struct state bare_busy = {"busy", "posted-msi", BARE "rate = 100k/s\n", "",
				       is_announced};
static const struct state bare_held = {"flooded", "posted-msi", BARE "rate = 9M/s\n", "",
				       is_held_up};
static const struct state remapped = {"rest", "remapped", BARE "rate = 5k/s\n", "", NULL};
static const struct state remapped_busy = {"busy", "remapped", BARE "rate = 5M/s\n", "", is_flying};

static const struct {
	const char *name;
	const struct state *state;
	void (*plant)(struct pn_machine *m);
	const char *says;
} rows[] = {
	/* clang-format off */
	{"IRR bit set", &asleep, irr_set, "vCPU 1: IRR word 4 is 02000000, on their way are 00000000"},
	{"IRR bit cleared", &masked, irr_cleared, ": IRR word"},
	{"ISR bit left", &asleep, isr_stale, "vCPU 1: ISR says 49, the guest handles -1"},
	{"PIR bit set", &asleep, pir_set, "vCPU 1: IRR word 4 is 02000000, on their way are 00000000"},
	{"PIR bit cleared", &in_pir, pir_cleared, ": IRR word"},
	{"ON cleared", &in_pir, on_cleared, "PIR is not empty, and ON is lost (R4)"},
	{"ON set", &asleep, on_set, "ON is set, but the PIR is empty"},
	{"SN set", &asleep, sn_set, "suppressed while it sleeps (R6)"},
	{"SN set in the guest", &running, sn_set_in_guest, "suppressed in the guest"},
	{"NV of nobody", &running, nv_unknown, "NV is neither vector"},
	{"NV of one that runs", &asleep, nv_of_one_that_runs, "on a wakeup list without need"},
	{"NV of one that runs, counted", &asleep, nv_of_one_that_runs, "wakeup lists hold "},
	{"another NDST", &asleep, ndst, "NDST is not the vCPU's CPU"},
	{"another NDST", &xapic, ndst_xapic, "NDST is not the vCPU's CPU"},
	{"x2APIC's NDST in xAPIC mode", &xapic, ndst, "reserved bits in the descriptor"},
	{"reserved bits in the descriptor", &asleep, pid_reserved, "reserved bits in the descriptor"},
	{"another SVI", &asleep, svi, "SVI and ISR disagree"},
	{"on no list", &asleep, unlisted, "but it is on no list"},
	{"on another list", &asleep, wrong_list, "list"},
	{"believes in another list", &asleep, believes_in_another, "on the list of another CPU than NDST names"},
	{"a stranger on a list", &asleep, stranger, "wakeup lists hold"},
	{"entry: another descriptor", &asleep, other_pid, "queue 0: its entry leads elsewhere"},
	{"entry: another vector", &asleep, other_vector, "queue 0: its entry leads elsewhere"},
	{"entry: another vector, by the host", &asleep, other_vector, "entry points elsewhere"},
	{"entry: urgent", &asleep, urgent, "queue 0: its entry is malformed"},
	{"entry: not present", &asleep, not_present, "queue 0: its entry is malformed"},
	{"entry: another device's", &asleep, other_source, "queue 0: its entry is malformed"},
	{"host believes in remapped form", &asleep, remap_form, "entry is not posted"},
	{"host forgot it", &asleep, forgotten_entry, "queue 0: the host has it with another vCPU"},
	{"guest has moved it", &asleep, other_vcpu, "queue 0: the host has it with another vCPU"},
	{"detached, but posted", &asleep, detached, "queue 0: the host has it with another vCPU"},
	{"nothing assigned", &asleep, assigned, "more entries than assigned interrupts"},
	{"another PID-pointer", &storm, pid_table, "vCPU 1: PID-pointer table points elsewhere"},
	{"post not counted", &asleep, post_not_counted, "IOMMU 0: posted "},
	{"device counted twice", &asleep, device_counted_twice, "devices sent "},
	{"more notifications than sent", &asleep, too_many_notified, " notifications sent, "},
	{"a request blocked", &asleep, faulted, "IOMMU 0: 1 requests blocked, 0 forwarded"},
	{"a request from nowhere", &asleep, stowaway, "devices sent "},
	{"an IPI not counted", &storm, ipi_not_counted, "IPIs to "},
	{"an IPI delivered twice", &storm, ipi_twice, "IPIs to "},
	{"interrupt forgotten", &masked, forgotten, " on their way"},
	{"second one forgotten", &twice, second_forgotten, " interrupts outstanding, "},
	{"delivered off by one", &asleep, delivered_off_by_one, " interrupts, but "},
	{"outstanding off by one", &asleep, outstanding, "1 interrupts outstanding, 0 found"},
	{"a waiting request forgotten", &flooded, request_forgotten, "devices sent "},
	{"a waiting request forgotten, in the books", &flooded, request_forgotten, " interrupts outstanding, "},
	{"completion unseen", &asleep, unseen, "queue 0: 1 completions that no handler saw"},
	{"an interrupt in the air", &asleep, flight_too_many, " interrupts, but "},
	{"CPU: SN set", &bare, cpu_sn, "CPU 1: SN, NV or NDST of its descriptor is wrong"},
	{"CPU: another NV", &bare, cpu_nv, "CPU 1: SN, NV or NDST of its descriptor is wrong"},
	{"CPU: another NDST", &bare, cpu_ndst, "CPU 1: SN, NV or NDST of its descriptor is wrong"},
	{"CPU: reserved bits", &bare, cpu_reserved, "CPU 1: reserved bits in its descriptor"},
	{"CPU: ON set", &bare, cpu_on_set, "CPU 1: ON is set, but the PIR is empty"},
	{"CPU: ON set, counted", &bare, cpu_on_set, " taken and 1 to come"},
	{"CPU: ON cleared", &bare_busy, cpu_on_cleared, "CPU 1: PIR is not empty, and ON is lost"},
	{"CPU: nobody's PIR bit", &bare, cpu_pir_nobodys, "CPU 1: a PIR bit that is nobody's"},
	{"CPU: PIR bit set", &bare, cpu_pir_set, "queue 0: the PIR and the interrupts on their way disagree"},
	{"CPU: PIR bit cleared", &bare_busy, cpu_pir_cleared, ": the PIR and the interrupts on their way disagree"},
	{"bare: flight forgotten", &bare_busy, flight_forgotten, " interrupts outstanding, "},
	{"bare: flight forgotten, seen", &bare_busy, flight_forgotten, " disagree"},
	{"bare: flight too many", &bare, flight_too_many, "queue 0: the PIR and the interrupts"},
	{"bare: waiting request forgotten", &bare_held, request_forgotten, "devices sent "},
	{"bare: notified twice", &bare, notified_twice, " notifications, but "},
	{"bare: entry: another descriptor", &bare, other_pid, "queue 0: its entry leads elsewhere"},
	{"bare: entry: another vector", &bare, other_vector, "queue 0: its entry leads elsewhere"},
	{"bare: entry: not present", &bare, not_present, "queue 0: its entry is malformed"},
	{"bare: completion unseen", &bare, unseen, "queue 0: 1 completions that no handler saw"},
	{"bare: a request from nowhere", &bare, stowaway, "devices sent "},
	{"remapped: another CPU", &remapped, other_destination, "queue 0: its entry leads elsewhere"},
	{"remapped: another vector", &remapped, other_vector, "queue 0: its entry leads elsewhere"},
	{"remapped: another device's", &remapped, other_source, "queue 0: its entry is malformed"},
	{"remapped: pending, not sent", &remapped, lapic_set, "queue 0: pending, but nothing is on its way"},
	{"remapped: flight forgotten", &remapped_busy, flight_forgotten, " interrupts outstanding, "},
	{"remapped: flight too many", &remapped, flight_too_many, " interrupts, but "},
	/* clang-format on */
};

static struct pn_machine *brought_to(const struct state *s, struct pn_scenario **sc)
{
	uint64_t now = 100000;
	struct pn_machine *m;

	*sc = lab_text(s->text, s->set);
	m = lab_machine(*sc, s->mode, now);
	for (; s->until && !s->until(m); now += 50) {
		if (now > 20000000)
			fail_msg("%s, %s: it never comes to that", s->what, s->mode);
		lab_until(m, now);
	}
	if (!s->until) {
		lab_until(m, 5000000);
		pn_machine_drain(m);
	}
	lab_checked(m, "nothing planted");
	return m;
}

static void planted_faults_are_found(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_scenario *sc;
		struct pn_machine *m = brought_to(rows[i].state, &sc);
		char check[2048];

		rows[i].plant(m);
		pn_selfcheck(m, check, sizeof(check));
		if (!strstr(check, rows[i].says))
			fail_msg("%s, %s, %s: \"%s\" is not in \"%s\"", rows[i].name,
				 rows[i].state->mode, rows[i].state->what, rows[i].says, check);
		pn_machine_destroy(m);
		free(sc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planted_faults_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
