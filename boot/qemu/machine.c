/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the models see of the machine: memory by pointer, local APICs by message. */
#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/i386/apic_internal.h"
#include "hw/i386/x86-iommu.h"
#include "hw/pci/msi.h"
#include "hw/i386/postern/avic.h"
#include "hw/i386/postern/machine.h"

/*
 * A model may keep a pointer as long as it exists, so a region that was handed out once is kept
 * for good, one reference each.
 */
static void keep(MemoryRegion *mr)
{
    static GHashTable *kept;
    static QemuMutex lock;
    static gsize once;

    if (g_once_init_enter(&once)) {
        qemu_mutex_init(&lock);
        kept = g_hash_table_new(NULL, NULL);
        g_once_init_leave(&once, 1);
    }
    QEMU_LOCK_GUARD(&lock);
    if (g_hash_table_add(kept, mr)) {
        memory_region_ref(mr);
    }
}

/*
 * No lock: interrupt messages and vCPUs get here with and without the BQL. ROM that is shadowed in
 * RAM is RAM; that it must not be written only its place in the address space says.
 */
static void *machine_map(void *ctx, uint64_t pa, size_t len)
{
    MemoryRegionCache at;
    void *ptr = NULL;

    if (address_space_cache_init(&at, &address_space_memory, pa, len, true) >= len && at.ptr &&
        !at.mrs.readonly) {
        keep(at.mrs.mr);
        ptr = at.ptr;
    }
    address_space_cache_destroy(&at);
    return ptr;
}

static void machine_intr(void *ctx, const struct pn_intr *m)
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
    BQL_LOCK_GUARD();
    apic_get_class(NULL)->send_msi(&msg);
}

static void machine_doorbell(void *ctx, uint32_t apicid)
{
    postern_avic_ring(apicid);
}

const struct pn_bus postern_machine = {
    .map = machine_map,
    .intr = machine_intr,
    .doorbell = machine_doorbell,
};

char *postern_steps(const struct pn_agent *agent)
{
    GString *s = g_string_new(NULL);

    for (int i = 0; i < PN_STEP_NR; i++) {
        if (agent->count[i]) {
            g_string_append_printf(s, "%s%s=%" PRIu64, s->len ? " " : "", pn_step_key(i),
                                   agent->count[i]);
        }
    }
    return g_string_free(s, FALSE);
}
