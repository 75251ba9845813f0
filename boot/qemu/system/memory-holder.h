/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SYSTEM_MEMORY_HOLDER_H
#define SYSTEM_MEMORY_HOLDER_H

#include "qemu/queue.h"

/*
 * A model of hardware that keeps pointers into the machine's memory. @changed,
 * under the BQL: addresses now lead to other memory. When the model has asked
 * for all of its pointers again, its holder reports that, under the BQL. The
 * old memory stays until every holder has reported.
 */
typedef struct MemoryHolder MemoryHolder;

struct MemoryHolder {
    void (*changed)(MemoryHolder *holder);
    size_t asked; /* the last change after which it has */
    QLIST_ENTRY(MemoryHolder) next;
};

/* All under the BQL. The model must not have asked for memory before. */
void memory_hold(MemoryHolder *holder, void (*changed)(MemoryHolder *holder));
void memory_holder_asked(MemoryHolder *holder);
void memory_let_go(MemoryHolder *holder);

/*
 * RAM at @pa, or NULL; after a store through the pointer. @ctx is not used.
 * From any thread, with the BQL or without.
 */
void *memory_holder_map(void *ctx, uint64_t pa, size_t len);
void memory_holder_wrote(void *ctx, uint64_t pa, size_t len);

#endif
