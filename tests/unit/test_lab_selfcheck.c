/* SPDX-License-Identifier: MIT */
/* The self-check finds planted faults: one of each kind in an AMD machine at rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "lab_rig.h"
#include "machine_amd.h"

static struct pn_lab_iommu *io(struct pn_machine *m)
{
	return &m->iommu[0];
}

static struct pn_agent *cpu(struct pn_machine *m)
{
	return &m->sim->pcpu[0].agent;
}

/* A vCPU that sleeps, and on a wakeup list where there are any. */
static struct pn_lab_vcpu *sleeper(struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->vcpus; i++)
		if (m->amd->svcpu[i].blocking &&
		    (!pn_mode_has(&m->mode, PN_TRAIT_GAPPI) || m->amd->svcpu[i].on_list))
			return &m->vcpu[i];
	fail_msg("nobody sleeps");
	return NULL;
}

static struct pn_amdvi_ir *entry_of(struct pn_machine *m)
{
	return pn_container(pn_list_first(&pn_svm_of(sleeper(m)->h)->ir_list), struct pn_amdvi_ir,
			    host.node);
}

/* A vCPU with an interrupt that waits in its IRR or parked, and its vector. */
static struct pn_lab_vcpu *waiting(struct pn_machine *m, unsigned *vector)
{
	for (uint32_t i = 0; i < m->vcpus; i++)
		for (unsigned k = 16; k < 256; k++)
			if (m->vcpu[i].sent[k]) {
				*vector = k;
				return &m->vcpu[i];
			}
	fail_msg("nothing waits");
	return NULL;
}

/* ---- the guest's page ---- */

static void irr_set(struct pn_machine *m)
{
	pn_vapic_set(m->amd->svcpu[1].h.page, PN_APIC_IRR, 0x99);
}

static void irr_cleared(struct pn_machine *m)
{
	unsigned vector = 0;
	struct pn_lab_vcpu *v = waiting(m, &vector);

	pn_vapic_clear(pn_svm_of(v->h)->h.page, PN_APIC_IRR, (uint8_t)vector);
	pn_svm_of(v->h)->parked[vector / 32] &= ~(1u << vector % 32);
}

static void isr_stale(struct pn_machine *m)
{
	pn_vapic_set(m->amd->svcpu[1].h.page, PN_APIC_ISR, 0x31);
}

/* One handler runs, and below it is another bit. */
static void isr_second(struct pn_machine *m)
{
	pn_vapic_set(m->amd->svcpu[1].h.page, PN_APIC_ISR, 0x52);
	m->sim->vcpu[1].handler = 0x52;
	pn_vapic_set(m->amd->svcpu[1].h.page, PN_APIC_ISR, 0x31);
}

static void isr_missing(struct pn_machine *m)
{
	m->sim->vcpu[1].handler = 0x31;
}

static void parked_unknown(struct pn_machine *m)
{
	m->amd->svcpu[2].parked[3] = 1;
}

/* ---- lists, entries, tables ---- */

static void unlisted(struct pn_machine *m)
{
	pn_list_del(&pn_svm_of(sleeper(m)->h)->wake_node);
}

static void wrong_list(struct pn_machine *m)
{
	struct pn_svm_vcpu *v = pn_svm_of(sleeper(m)->h);

	pn_list_del(&v->wake_node);
	pn_list_add_tail(&m->cpu[(v->gcpu + 1) % m->sc->machine.pcpus].wake_list, &v->wake_node);
}

static void not_on_a_list(struct pn_machine *m)
{
	struct pn_svm_vcpu *v = pn_svm_of(sleeper(m)->h);

	pn_list_del(&v->wake_node);
	v->on_list = false;
}

static void list_count(struct pn_machine *m)
{
	static struct pn_list stranger;

	pn_list_add_tail(&m->cpu[0].wake_list, &stranger);
}

static void stale_destination(struct pn_machine *m)
{
	entry_of(m)->irte->lo ^= 3ull << PN_IRTE_DESTLO_SH;
}

static void is_run(struct pn_machine *m)
{
	entry_of(m)->irte->lo |= PN_IRTE_ISRUN;
}

static void suppressed(struct pn_machine *m)
{
	entry_of(m)->irte->lo |= PN_IRTE_GAPPIDIS;
}

static void ungated(struct pn_machine *m)
{
	entry_of(m)->irte->lo &= ~(uint64_t)PN_IRTE_GALOGINTR;
}

static void wrong_tag(struct pn_machine *m)
{
	entry_of(m)->irte->lo ^= 1ull << PN_IRTE_GATAG_SH;
}

static void wrong_page(struct pn_machine *m)
{
	entry_of(m)->irte->hi ^= 0x1000;
}

static void wrong_vector(struct pn_machine *m)
{
	entry_of(m)->irte->hi ^= 1;
}

static void remap_form(struct pn_machine *m)
{
	entry_of(m)->guest_mode = false;
}

static void is_running(struct pn_machine *m)
{
	*pn_svm_of(sleeper(m)->h)->phys_entry |= PN_AVIC_PHYS_ISRUNNING;
}

static void table_page(struct pn_machine *m)
{
	*pn_svm_of(sleeper(m)->h)->phys_entry ^= 0x1000;
}

static void table_reserved(struct pn_machine *m)
{
	*pn_svm_of(sleeper(m)->h)->phys_entry |= 1ull << 61;
}

/* ---- log, statistics ---- */

static void log_unread(struct pn_machine *m)
{
	uint64_t head;

	pn_amdvi_read(pn_amdvi_of(io(m)), PN_AMDVI_GA_HEAD, 8, &head);
	head = (head + PN_GALOG_SIZE * (m->sc->machine.galog_entries - 1ull)) %
	       (PN_GALOG_SIZE * m->sc->machine.galog_entries);
	pn_amdvi_write(pn_amdvi_of(io(m)), PN_AMDVI_GA_HEAD, 8, head);
}

static void log_read_once_more(struct pn_machine *m)
{
	cpu(m)->step[PN_STEP_GALOG_READ].count++;
}

static void post_not_counted(struct pn_machine *m)
{
	io(m)->agent.step[PN_STEP_IRR_SET].count--;
}

static void device_counted_twice(struct pn_machine *m)
{
	io(m)->agent.step[PN_STEP_DEVICE_WRITE].count++;
}

static void too_many_gappis(struct pn_machine *m)
{
	cpu(m)->step[PN_STEP_IRQ_WAKEUP].count += 1000000;
}

static void aborted(struct pn_machine *m)
{
	pn_amdvi_msi(pn_amdvi_of(io(m)),
		     &(struct pn_msi){.addr = PN_MSI_ADDR_BASE, .devid = 0x7000});
}

/* A device that the lab does not know. */
static void stowaway(struct pn_machine *m)
{
	pn_amdvi_msi(pn_amdvi_of(io(m)), &m->queue[0].msi);
}

/* ---- the lab's books ---- */

static void forgotten(struct pn_machine *m)
{
	unsigned vector = 0;
	struct pn_lab_vcpu *v = waiting(m, &vector);

	v->sent[vector] = 0;
}

static void delivered_off_by_one(struct pn_machine *m)
{
	m->now.delivered--;
}

static void coalesced_off_by_one(struct pn_machine *m)
{
	m->now.coalesced++;
}

static void interrupts_off_by_one(struct pn_machine *m)
{
	m->now.interrupts++;
}

static void outstanding(struct pn_machine *m)
{
	m->outstanding++;
}

static void flight(struct pn_machine *m)
{
	pn_account_flight(&m->queue[0], PN_SENT_WINDOW);
}

static void unexpected(struct pn_machine *m)
{
	m->now.unexpected++;
}

static void internal(struct pn_machine *m)
{
	m->error = "planted";
}

static void memory(struct pn_machine *m)
{
	m->sim->out_of_memory = true;
}

/* The interrupt is accounted for, but the guest never saw its completions. */
static void unseen(struct pn_machine *m)
{
	m->sim->queue[3].ready = 1;
}

/* ---- */

#define GAPPI  "gappi"
#define GALOG  "galog"
#define AVIC   "avic"
#define MASKED "gappi masked" /* stopped while interrupts wait */

static const struct {
	const char *name, *mode;
	void (*plant)(struct pn_machine *m);
	const char *says;
} rows[] = {
	/* clang-format off */
	{"IRR bit set", GAPPI, irr_set, "vCPU 1: IRR word 4 is 02000000, on their way are 00000000"},
	{"IRR bit set", AVIC, irr_set, "vCPU 1: IRR word 4"},
	{"IRR bit cleared", MASKED, irr_cleared, ": IRR word"},
	{"ISR bit left", GALOG, isr_stale, "vCPU 1: ISR says 49, the guest handles -1"},
	{"ISR bit too many", GAPPI, isr_second, "vCPU 1: ISR says 82, the guest handles 82"},
	{"ISR bit missing", AVIC, isr_missing, "vCPU 1: ISR says -1, the guest handles 49"},
	{"parked without flag", GAPPI, parked_unknown, "parked bits that nobody knows of"},
	{"on no list", GAPPI, unlisted, "not exactly once on its own list (P2)"},
	{"on another CPU's list", GAPPI, wrong_list, "(P"},
	{"armed, not listed", GAPPI, not_on_a_list, "armed but on no list (P2)"},
	{"a stranger on a list", GAPPI, list_count, "wakeup lists hold"},
	{"stale Destination", GAPPI, stale_destination, "IRTE.Destination is not the vCPU's CPU"},
	{"IsRun while asleep", GAPPI, is_run, "IRTE.IsRun and vCPU disagree"},
	{"IsRun while asleep", GALOG, is_run, "IRTE.IsRun and vCPU disagree"},
	{"GAPPIDis while asleep", GAPPI, suppressed, "IRTE.GAPPIDis is wrong"},
	{"no GALogIntr while asleep", GALOG, ungated, "IRTE.GALogIntr or GATag is wrong"},
	{"another's tag", GALOG, wrong_tag, "IRTE.GALogIntr or GATag is wrong"},
	{"another's page", GAPPI, wrong_page, "IRTE points elsewhere"},
	{"another vector", GALOG, wrong_vector, "IRTE points elsewhere"},
	{"host believes in remap form", GALOG, remap_form, "IRTE is not in guest mode"},
	{"IsRunning while asleep", GAPPI, is_running, "IsRunning is wrong"},
	{"table entry of another page", AVIC, table_page, "table entry and shadow disagree"},
	{"software's bit in the table", AVIC, table_reserved, "reserved bits in the physical"},
	{"log entry unread", GALOG, log_unread, "IOMMU 0: 1 log entries nobody read"},
	{"log read off by one", GALOG, log_read_once_more, " log entries written, "},
	{"post not counted", GAPPI, post_not_counted, "IOMMU 0: posted "},
	{"device counted twice", AVIC, device_counted_twice, "devices sent "},
	{"more GAPPIs taken than sent", GAPPI, too_many_gappis, " GAPPIs sent, "},
	{"a request aborted", GAPPI, aborted, "IOMMU 0: 1 requests aborted, 0 forwarded, 1 events"},
	{"a request from nowhere", GALOG, stowaway, "devices sent "},
	{"interrupt forgotten", MASKED, forgotten, " on their way"},
	{"delivered off by one", GAPPI, delivered_off_by_one, " interrupts, but "},
	{"coalesced off by one", AVIC, coalesced_off_by_one, " interrupts, but "},
	{"interrupts off by one", GALOG, interrupts_off_by_one, " interrupts, but "},
	{"outstanding off by one", GAPPI, outstanding, "1 interrupts outstanding, 0 found"},
	{"an interrupt in the air", AVIC, flight, " interrupts, but "},
	{"delivered without a sender", GAPPI, unexpected, "1 vectors delivered that nobody sent"},
	{"internal error", GAPPI, internal, "internal error: planted"},
	{"out of memory", GAPPI, memory, "out of memory"},
	{"completion unseen", GALOG, unseen, "queue 3: 1 completions that no handler saw"},
	/* clang-format on */
};

static struct pn_machine *after_a_run(struct pn_scenario **sc, const char *what)
{
	bool masked = !strcmp(what, MASKED);
	struct pn_mode mode = lab_mode(masked ? GAPPI : what);
	struct pn_diag d = {0};
	struct pn_machine *m;
	char check[512];

	*sc = masked ? lab_scenario("masked-vector", "")
		     : lab_scenario("sparse-wakeups", "machine.pcpus=4 guest.vcpus=8");
	assert_int_equal(pn_machine_create(*sc, &mode, 1, &m, &d), 0);
	pn_sim_start(m->sim);
	for (uint64_t now = 20000000;; now += 10000) {
		while (pn_sim_run(m->sim, now, 100000))
			;
		if (!masked || m->outstanding)
			break;
	}
	if (!masked)
		pn_machine_drain(m);
	pn_selfcheck(m, check, sizeof(check));
	if (check[0])
		fail_msg("%s, nothing planted: %s", what, check);
	return m;
}

static void planted_faults_are_found(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(rows); i++) {
		struct pn_scenario *sc;
		struct pn_machine *m = after_a_run(&sc, rows[i].mode);
		char check[512];

		rows[i].plant(m);
		pn_selfcheck(m, check, sizeof(check));
		if (!strstr(check, rows[i].says))
			fail_msg("%s, %s: \"%s\" is not in \"%s\"", rows[i].name, rows[i].mode,
				 rows[i].says, check);
		pn_machine_destroy(m);
		free(sc);
	}
}

/* Many findings are cut where the buffer ends. */
static void long_reports_are_cut(void **state)
{
	struct pn_scenario *sc;
	struct pn_machine *m = after_a_run(&sc, GAPPI);
	char check[64];

	(void)state;
	for (uint32_t i = 0; i < m->vcpus; i++)
		pn_vapic_set(m->amd->svcpu[i].h.page, PN_APIC_IRR, 0x99);
	for (unsigned size = 1; size <= sizeof(check); size++) {
		memset(check, 'x', sizeof(check));
		pn_selfcheck(m, check, size);
		assert_true(strlen(check) == size - 1);
		if (size < sizeof(check))
			assert_int_equal(check[size], 'x');
	}
	pn_machine_destroy(m);
	free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planted_faults_are_found),
		cmocka_unit_test(long_reports_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
