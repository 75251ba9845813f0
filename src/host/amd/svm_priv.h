/* SPDX-License-Identifier: MIT */
#ifndef PN_SVM_PRIV_H
#define PN_SVM_PRIV_H

#include "postern/x86.h"
#include "svm.h"

/* Shared by the files of the hypervisor. */

/* pn_svm_vcpu.shadow: a notification is asked for while it does not run. Software's own bit: 61:52
 * of the real entry stay zero. */
#define PN_SHADOW_WAKEUP (1ull << 61)

#define PN_SVM_APIC_BASE 0xFEE00000u

/* Entries of the logical APIC ID table: 15 clusters of 4; flat uses the first 8. */
#define PN_SVM_LOG_ENTRIES 60u

static inline uint64_t pn_svm_key(const struct pn_svm_vcpu *v)
{
	return (uint64_t)v->vm->h.id << 32 | v->h.idx;
}

static inline enum pn_notify pn_svm_notify_kind(const struct pn_svm *svm)
{
	/* Pairs with pn_iommus_switch(). */
	return svm->iommus ? (enum pn_notify)pn_ld32(&svm->iommus->notify) : PN_NOTIFY_NONE;
}

static inline uint32_t *pn_svm_irr_word(const struct pn_svm_vcpu *v, unsigned word)
{
	return &v->h.page[(PN_APIC_IRR + word * 16) / 4];
}

/* True if IRTEs of @v may be in guest mode. ir_lock. */
static inline bool pn_svm_can_post(const struct pn_svm_vcpu *v)
{
	return pn_host_apicv(&v->h) && !v->hold && pn_svm_notify_kind(v->vm->svm) != PN_NOTIFY_NONE;
}

/* True if a blocked @v has to be on a wakeup list. ir_lock. */
static inline bool pn_svm_wants_list(const struct pn_svm_vcpu *v)
{
	return v->blocking && pn_svm_can_post(v) && !pn_list_empty(&v->ir_list) &&
	       pn_svm_notify_kind(v->vm->svm) == PN_NOTIFY_GAPPI;
}

/* The state that IRTEs of @v must show. ir_lock. */
struct pn_amdvi_ir_state pn_svm_ir_state(const struct pn_svm_vcpu *v);
/* Writes the fields under ir_lock to table entry and IRTEs. No flush. ir_lock. */
void pn_svm_show(struct pn_svm_vcpu *v, struct pn_agent *self);
/* @v runs on @c, for table and IRTEs. ir_lock. */
void pn_svm_set_running(struct pn_svm_vcpu *v, struct pn_host_cpu *c);
/* Every IRTE into guest mode or back, as pn_svm_can_post() says; flushes. ir_lock. */
int pn_svm_sync_post(struct pn_svm_vcpu *v, struct pn_agent *self);

/* Wakeup lists. ir_lock; they take wake_lock. _add moves @v to @c if its own CPU is offline. */
void pn_svm_list_add(struct pn_svm_vcpu *v, struct pn_host_cpu *c);
void pn_svm_list_del(struct pn_svm_vcpu *v, struct pn_agent *self);

/* Highest vector of IRR and parked bits that the PPR lets through, or -1. */
int pn_svm_deliverable(const struct pn_svm_vcpu *v);
/* Parked bits back into the IRR. Own context. */
void pn_svm_unpark(struct pn_svm_vcpu *v, struct pn_agent *self);

/* Wakes the task; true if it slept. */
bool pn_svm_wake(struct pn_svm_vcpu *v, struct pn_agent *self, enum pn_wake_reason why);
/* The same unless @v was already woken since its last check (H11). */
bool pn_svm_wake_once(struct pn_svm_vcpu *v, struct pn_agent *self);
/*
 * @v has an interrupt or a request: doorbell, kick or wake. After the IRR bit or the request was
 * set.
 */
void pn_svm_notify(struct pn_svm_vcpu *v, struct pn_host_cpu *c, enum pn_wake_reason why);
/* PN_REQ_APICV_UPDATE, if it is set. Own context, not blocking. */
void pn_svm_refresh(struct pn_svm_vcpu *v, struct pn_host_cpu *c);
/* pn_svm_inhibit() for callers that hold apic_lock. */
void pn_svm_cause(struct pn_svm_vm *vm, struct pn_host_cpu *c, enum pn_inhibit why, bool set);
/* The logical table of a VM that has not run yet. */
void pn_svm_init_logical(struct pn_svm_vm *vm);
/* Lets x2APIC MSRs through, or no longer, as mode and AVIC say. Own context. */
void pn_svm_update_msrs(struct pn_svm_vcpu *v);

/* The GA log's notifier. */
void pn_svm_ga_entry(void *ctx, struct pn_agent *self, uint32_t tag);
void pn_svm_ga_overflow(void *ctx, struct pn_agent *self);

/* pn_svm_inject() without what an irqfd costs: an IPI that the hypervisor emulates. */
bool pn_svm_set_irr(struct pn_svm_vcpu *v, struct pn_host_cpu *c, uint8_t vector,
		    enum pn_wake_reason why);

#endif
