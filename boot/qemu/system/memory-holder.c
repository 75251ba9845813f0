/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of the machine by pointer, for models of hardware. */
#include "qemu/osdep.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "block/aio.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "system/memory-holder.h"

/*
 * The memory regions that were handed out, one reference each. A region is
 * released when every holder has asked again after the region was last handed
 * out.
 */
static struct {
    QemuMutex lock;
    GHashTable *regions; /* MemoryRegion * to how many changes there had been */
    size_t changes;

    /* Under the BQL. */
    QLIST_HEAD(, MemoryHolder) holders;
    MemoryListener listener;
    bool moved, sweeping;
} memory;

static void keep(MemoryRegion *mr)
{
    QEMU_LOCK_GUARD(&memory.lock);
    if (!g_hash_table_contains(memory.regions, mr)) {
        memory_region_ref(mr);
    }
    g_hash_table_insert(memory.regions, mr, GSIZE_TO_POINTER(memory.changes));
}

/*
 * Called with and without the BQL, by interrupt messages and vCPUs. ROM that is
 * shadowed in RAM is RAM; only the address space says that it must not be
 * written.
 */
static bool find(MemoryRegionCache *at, uint64_t pa, size_t len)
{
    return address_space_cache_init(at, &address_space_memory, pa, len, true) >=
               len &&
           at->ptr && !at->mrs.readonly;
}

void *memory_holder_map(void *ctx, uint64_t pa, size_t len)
{
    MemoryRegionCache at;
    void *ptr = NULL;

    if (find(&at, pa, len)) {
        keep(at.mrs.mr);
        ptr = at.ptr;
    }
    address_space_cache_destroy(&at);
    return ptr;
}

/*
 * Displays look for dirty pages; translated code of that memory is out of date.
 */
void memory_holder_wrote(void *ctx, uint64_t pa, size_t len)
{
    MemoryRegionCache at;

    if (find(&at, pa, len)) {
        address_space_cache_invalidate(&at, 0, len);
    }
    address_space_cache_destroy(&at);
}

static size_t oldest_pointer(void)
{
    size_t oldest = memory.changes;
    MemoryHolder *holder;

    QLIST_FOREACH(holder, &memory.holders, next) {
        oldest = MIN(oldest, holder->asked);
    }
    return oldest;
}

/*
 * This may drop the last reference of a region, which must not happen in the
 * middle of a change.
 */
static void sweep(void *opaque)
{
    g_autoptr(GPtrArray) idle =
        g_ptr_array_new_with_free_func((GDestroyNotify)memory_region_unref);
    size_t oldest = oldest_pointer();
    gpointer mr, asked;
    GHashTableIter it;

    memory.sweeping = false;
    QEMU_LOCK_GUARD(&memory.lock);
    g_hash_table_iter_init(&it, memory.regions);
    while (g_hash_table_iter_next(&it, &mr, &asked)) {
        if (GPOINTER_TO_SIZE(asked) < oldest) {
            g_hash_table_iter_remove(&it);
            g_ptr_array_add(idle, mr);
        }
    }
}

static void sweep_soon(void)
{
    if (!memory.sweeping) {
        memory.sweeping = true;
        aio_bh_schedule_oneshot(qemu_get_aio_context(), sweep, NULL);
    }
}

static void section_changed(MemoryListener *listener,
                            MemoryRegionSection *section)
{
    memory.moved = true;
}

static void commit(MemoryListener *listener)
{
    MemoryHolder *holder, *next;

    if (!memory.moved) {
        return;
    }
    memory.moved = false;
    WITH_QEMU_LOCK_GUARD(&memory.lock) {
        memory.changes++;
    }
    QLIST_FOREACH_SAFE(holder, &memory.holders, next, next) {
        holder->changed(holder);
    }
}

static void start(void)
{
    qemu_mutex_init(&memory.lock);
    memory.regions = g_hash_table_new(NULL, NULL);
    memory.listener = (MemoryListener){
        .name = "memory-holder",
        .region_add = section_changed,
        .region_del = section_changed,
        .commit = commit,
    };
    memory_listener_register(&memory.listener, &address_space_memory);
}

void memory_hold(MemoryHolder *holder, void (*changed)(MemoryHolder *holder))
{
    if (!memory.regions) {
        start();
    }
    holder->changed = changed;
    holder->asked = memory.changes;
    QLIST_INSERT_HEAD(&memory.holders, holder, next);
}

void memory_holder_asked(MemoryHolder *holder)
{
    holder->asked = memory.changes;
    sweep_soon();
}

void memory_let_go(MemoryHolder *holder)
{
    QLIST_REMOVE(holder, next);
    sweep_soon();
}
