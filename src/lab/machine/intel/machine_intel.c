/* SPDX-License-Identifier: MIT */
/* The IOMMUs of the Intel machines, which are the same with guests and without. */
#include "machine_intel.h"

#include <errno.h>
#include <stdlib.h>

#include "vectors.h"

static uint64_t mmio_read(void *ctx, uint32_t off, unsigned size)
{
	struct pn_lab_iommu *io = ctx;
	uint64_t value = 0;

	pn_vtd_read(io->hw, off, size, &value);
	return value;
}

static void mmio_write(void *ctx, uint32_t off, unsigned size, uint64_t value)
{
	struct pn_lab_iommu *io = ctx;

	pn_vtd_write(io->hw, off, size, value);
}

enum pn_msi_result pn_intel_request(struct pn_lab_iommu *io, struct pn_lab_queue *q, uint64_t sent)
{
	struct pn_machine *m = io->m;
	struct pn_lab_vcpu *v = q->sim->vcpu ? pn_lab_of(q->sim->vcpu) : NULL;
	uint64_t merged = io->agent.step[PN_STEP_PIR_MERGE].count;
	uint64_t told = io->agent.step[PN_STEP_PI_NOTIFY].count;
	enum pn_msi_result r = pn_vtd_msi(io->hw, &q->msi);

	merged = io->agent.step[PN_STEP_PIR_MERGE].count - merged;
	told = io->agent.step[PN_STEP_PI_NOTIFY].count - told;
	if (r == PN_MSI_POSTED && v) {
		pn_account_pir(v, q->sim->vector, sent, merged);
		pn_account_posted(v, told);
	} else if (r == PN_MSI_POSTED && merged) {
		pn_account_coalesced(m, sent);
	} else if (r == PN_MSI_POSTED || r == PN_MSI_REMAPPED) {
		if (v)
			v->notified = true;
		pn_account_flight(q, sent);
	} else {
		m->error = "the VT-d unit neither posted nor remapped an MSI";
	}
	return r;
}

/* ---- building ---- */

static int make_iommu(struct pn_machine *m, uint32_t i)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	struct pn_lab_iommu *io = &m->iommu[i];
	struct pn_vtd_drv *d = &m->intel->drv[i];
	struct pn_vtd_drv_config cfg = {.x2apic = sm->x2apic};
	struct pn_vtd_config hw;
	struct pn_vtd *unit;
	int err;

	pn_vtd_config_default(&hw);
	hw.bus = &io->bus;
	hw.agent = &io->agent;
	hw.irte_cache = sm->irte_cache;
	err = pn_vtd_create(&hw, &unit);
	if (err)
		return err;
	io->hw = unit;
	d->mmio = (struct pn_mmio){io, mmio_read, mmio_write};
	return pn_vtd_drv_init(d, &cfg, &m->bus, &m->pages, m->cpu[0].agent);
}

int pn_intel_create(struct pn_machine *m)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	struct pn_intel *n = calloc(1, sizeof(*n));
	struct pn_apicv_features feat;
	int err = 0;

	if (!n)
		return -ENOMEM;
	m->intel = n;
	n->drv = calloc(sm->iommus, sizeof(*n->drv));
	n->vm = calloc(m->vms + 1, sizeof(*n->vm));
	n->vcpu = calloc(m->vcpus + 1, sizeof(*n->vcpu));
	n->pmsi_cpu = calloc(sm->pcpus, sizeof(*n->pmsi_cpu));
	n->ir = calloc(m->queues + 1, sizeof(*n->ir));
	n->core = calloc(sm->pcpus, sizeof(*n->core));
	if (!n->drv || !n->vm || !n->vcpu || !n->pmsi_cpu || !n->ir || !n->core)
		return -ENOMEM;
	pn_apicv_features_default(&feat);
	for (uint32_t i = 0; i < sm->pcpus; i++) {
		m->core[i].hw = &n->core[i];
		pn_apicv_init(&n->core[i].apicv, &m->core[i].bus, &m->core[i].sim->agent, &feat,
			      sm->x2apic);
	}
	for (uint32_t i = 0; i < sm->iommus && !err; i++)
		err = make_iommu(m, i);
	return err;
}

void pn_intel_destroy(struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->sc->machine.iommus; i++)
		if (m->iommu[i].hw)
			pn_vtd_destroy(m->iommu[i].hw);
	if (!m->intel)
		return;
	free(m->intel->drv);
	free(m->intel->vm);
	free(m->intel->vcpu);
	free(m->intel->pmsi_cpu);
	free(m->intel->ir);
	free(m->intel->core);
	free(m->intel);
}

/*
 * Tables of 64 Ki entries and a queue each; a page for a descriptor, which keeps the next vCPU's
 * page from its place; PID-pointer tables, twice their size at most, and aligned.
 */
uint64_t pn_intel_ram(const struct pn_machine *m, uint32_t devices)
{
	const struct pn_sc_machine *sm = &m->sc->machine;

	(void)devices;
	return sm->iommus * (1152ull << 10) + sm->pcpus * 64ull + m->vms * (8ull << 10) +
	       m->vcpus * (4096ull + 16);
}

int pn_intel_queue(struct pn_lab_queue *q, uint16_t devid)
{
	struct pn_machine *m = q->m;
	struct pn_vtd_ir *ir = &m->intel->ir[q - m->queue];
	struct pn_vtd_drv *d = &m->intel->drv[q->unit->agent.id];
	int index = pn_vtd_drv_alloc(d, 1), err;

	if (index < 0)
		return index;
	q->entry = &ir->host;
	err = pn_vtd_ir_init(ir, d, m->cpu[0].agent, (uint16_t)index, devid,
			     m->cpu[q->host_cpu].apicid, q->host_vector);
	q->msi.devid = devid;
	pn_vtd_ir_msi(ir, &q->msi.addr, &q->msi.data);
	return err;
}

void pn_intel_affinity(struct pn_lab_queue *q, struct pn_host_cpu *self)
{
	if (pn_vtd_ir_affinity(pn_vtd_ir_of(q), self->agent, q->m->cpu[q->host_cpu].apicid,
			       q->host_vector))
		q->m->error = "the affinity of an interrupt could not be changed";
}

bool pn_intel_entry(const struct pn_lab_queue *q, struct pn_virte *out)
{
	const struct pn_virte_env env = {.eime = q->m->sc->machine.x2apic, .pi = true, .haw = 64};

	return !pn_virte_decode(*pn_vtd_ir_of(q)->irte, &env, out) && out->p && !out->fpd &&
	       !out->urg && pn_virte_source_ok(out, q->msi.devid);
}

bool pn_intel_remapped(const struct pn_lab_queue *q, const struct pn_virte *e)
{
	return !e->im && !e->dm && e->dlm == PN_DM_FIXED && e->vector == q->host_vector &&
	       e->dest == q->m->cpu[q->host_cpu].apicid;
}

/* The unit's own counters, its steps and what the lab saw count the same events and must agree. */
void pn_intel_check_iommus(struct pn_complaints *r, struct pn_machine *m, const struct pn_totals *t)
{
	uint64_t msis = 0;

	for (uint32_t i = 0; i < m->sc->machine.iommus; i++) {
		struct pn_lab_iommu *io = &m->iommu[i];
		struct pn_vtd_stats st;

		pn_vtd_stats(io->hw, &st);
		if (st.msis != st.forwarded + st.remapped + st.posted + st.aborted)
			pn_wrong(r, "IOMMU %u: results do not add up to requests", i);
		if (st.posted != io->agent.step[PN_STEP_PIR_SET].count)
			pn_wrong(r, "IOMMU %u: posted %lu, PIR set %lu", i,
				 (unsigned long)st.posted,
				 (unsigned long)io->agent.step[PN_STEP_PIR_SET].count);
		if (st.posted != st.notifications + st.suppressed + st.outstanding)
			pn_wrong(r, "IOMMU %u: notified, suppressed and outstanding are not posted",
				 i);
		if (st.aborted || st.forwarded || st.faults)
			pn_wrong(r, "IOMMU %u: %lu requests blocked, %lu forwarded, %lu faults", i,
				 (unsigned long)st.aborted, (unsigned long)st.forwarded,
				 (unsigned long)st.faults);
		msis += st.msis + io->waits;
	}
	if (msis != t->steps[PN_STEP_DEVICE_WRITE])
		pn_wrong(r, "devices sent %lu, IOMMUs saw %lu",
			 (unsigned long)t->steps[PN_STEP_DEVICE_WRITE], (unsigned long)msis);
}
