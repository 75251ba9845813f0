/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delivers the interrupts that an IOMMU's model sends to the processors. */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "block/aio.h"
#include "hw/core/cpu.h"
#include "hw/i386/apic_internal.h"
#include "hw/i386/x86-iommu.h"
#include "hw/i386/postern/meter.h"
#include "hw/i386/postern/processor.h"
#include "hw/i386/postern/sent.h"

static void note(PosternSent *sent, const struct pn_intr *m, bool doorbell)
{
    g_assert(sent->n < POSTERN_SENT_MAX);
    sent->message[sent->n++] = (PosternMessage){*m, doorbell};
}

void postern_sent_intr(void *ctx, const struct pn_intr *m)
{
    note(ctx, m, false);
}

void postern_sent_doorbell(void *ctx, uint32_t apicid)
{
    const struct pn_intr m = {.dest = apicid};

    note(ctx, &m, true);
}

static void send_intr(const struct pn_intr *m)
{
    X86IOMMUIrq irq = {
        .trigger_mode = m->level,
        .vector = m->vector,
        .delivery_mode = m->mode,
        .dest = m->dest,
        .dest_mode = m->logical,
    };
    MSIMessage msg;

    x86_iommu_irq_to_msi_message(&irq, &msg);
    apic_get_class(NULL)->send_msi(&msg);
}

/* Under the BQL. */
static void deliver(const PosternMessage *m)
{
    if (m->doorbell) {
        postern_ring(m->intr.dest);
    } else {
        send_intr(&m->intr);
    }
}

static void deliver_bh(void *opaque)
{
    g_autofree PosternMessage *m = opaque;

    deliver(m);
}

/*
 * An iothread must not wait for the BQL: the thread that has it may wait for
 * the iothread.
 */
static void forward(const PosternMessage *m, bool may_wait)
{
    if (!m->doorbell) {
        postern_meter_sends(m->intr.dest, m->intr.vector);
    }
    if (bql_locked() || (may_wait && current_cpu)) {
        BQL_LOCK_GUARD();
        deliver(m);
    } else {
        aio_bh_schedule_oneshot(qemu_get_aio_context(), deliver_bh,
                                g_memdup2(m, sizeof(*m)));
    }
}

static void deliver_all(const PosternSent *sent, bool may_wait)
{
    for (unsigned i = 0; i < sent->n; i++) {
        forward(&sent->message[i], may_wait);
    }
}

void postern_sent_deliver(const PosternSent *sent)
{
    deliver_all(sent, true);
}

void postern_sent_deliver_later(const PosternSent *sent)
{
    deliver_all(sent, false);
}
