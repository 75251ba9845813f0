/* SPDX-License-Identifier: MIT */
/*
 * Entry points for embedders: reads the fields that APIC virtualization needs from the embedder's
 * VMCS, and takes external interrupts from this library's own local APIC.
 */
#include "apicv_priv.h"

#include <string.h>

/* Encodings of VMCS fields: SDM vol 3, appendix B. */
#define F_POSTED_NV	 0x0002u
#define F_LAST_PID_INDEX 0x0008u
#define F_INTR_STATUS	 0x0810u
#define F_VIRTUAL_APIC	 0x2012u
#define F_APIC_ACCESS	 0x2014u
#define F_PID		 0x2016u
#define F_EOI_EXIT0	 0x201Cu
#define F_PROC3		 0x2034u
#define F_PID_TABLE	 0x2042u
#define F_PIN		 0x4000u
#define F_PROC		 0x4002u
#define F_EXIT_CTL	 0x400Cu
#define F_TPR_THRESHOLD	 0x401Cu
#define F_PROC2		 0x401Eu

static void read_vid(struct pn_vmcs_apic *v, pn_vmread_fn read, void *ctx)
{
	v->intr_status = (uint16_t)read(ctx, F_INTR_STATUS);
	for (uint32_t i = 0; i < 4; i++)
		v->eoi_exit[i] = read(ctx, F_EOI_EXIT0 + i * 2);
}

void pn_vmcs_apic_read(struct pn_vmcs_apic *v, pn_vmread_fn read, void *ctx)
{
	memset(v, 0, sizeof(*v));
	v->pin = (uint32_t)read(ctx, F_PIN);
	v->proc = (uint32_t)read(ctx, F_PROC);
	v->exit_ctl = (uint32_t)read(ctx, F_EXIT_CTL);
	if (v->proc & PN_PROC_SECONDARY)
		v->proc2 = (uint32_t)read(ctx, F_PROC2);
	if (v->proc & PN_PROC_TERTIARY)
		v->proc3 = read(ctx, F_PROC3);
	if (pn_apicv_tpr_shadow(v))
		v->virtual_apic = read(ctx, F_VIRTUAL_APIC);
	if (pn_apicv_vid(v))
		read_vid(v, read, ctx);
	else if (pn_apicv_tpr_shadow(v))
		v->tpr_threshold = (uint32_t)read(ctx, F_TPR_THRESHOLD);
	if (v->proc2 & PN_PROC2_APIC_ACCESSES)
		v->apic_access = read(ctx, F_APIC_ACCESS);
	if (v->pin & PN_PIN_POSTED_INTR) {
		v->posted_nv = (uint16_t)read(ctx, F_POSTED_NV);
		v->pid = read(ctx, F_PID);
	}
	if (pn_apicv_ipiv(v)) {
		v->last_pid_index = (uint16_t)read(ctx, F_LAST_PID_INDEX);
		v->pid_table = read(ctx, F_PID_TABLE);
	}
}

static bool own_pending(void *ctx)
{
	struct pn_lapic look = *(struct pn_lapic *)ctx;

	return pn_lapic_take(&look) >= 0;
}

static int own_ack(void *ctx)
{
	return pn_lapic_take(ctx);
}

static void own_eoi(void *ctx)
{
	pn_lapic_eoi(ctx);
}

enum pn_apicv_intr pn_apicv_intr(struct pn_apicv *a, struct pn_lapic *lapic, int *vector)
{
	const struct pn_apicv_lapic own = {
		.ctx = lapic,
		.pending = own_pending,
		.ack = own_ack,
		.eoi = own_eoi,
	};

	return pn_apicv_ext_intr(a, &own, vector);
}
