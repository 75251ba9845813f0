/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_SENT_H
#define HW_I386_POSTERN_SENT_H

#include "postern/bus.h"

/*
 * What an IOMMU's model sends while a thread is in it, under its lock; it is
 * delivered after the lock is dropped. One access sends only a few: the result
 * of an MSI, and each of the IOMMU's own interrupts at most once.
 */
#define POSTERN_SENT_MAX 8

typedef struct {
    struct pn_intr intr;
    bool doorbell; /* then only intr.dest counts */
} PosternMessage;

typedef struct {
    unsigned n;
    PosternMessage message[POSTERN_SENT_MAX];
} PosternSent;

/* For struct pn_bus, whose ctx is a PosternSent. */
void postern_sent_intr(void *ctx, const struct pn_intr *m);
void postern_sent_doorbell(void *ctx, uint32_t apicid);

/* From any thread, with the BQL or without. */
void postern_sent_deliver(const PosternSent *sent);
/*
 * The same, for a caller that holds a lock that is taken under the BQL
 * elsewhere.
 */
void postern_sent_deliver_later(const PosternSent *sent);

#endif
