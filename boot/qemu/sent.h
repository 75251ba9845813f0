/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_SENT_H
#define HW_I386_POSTERN_SENT_H

#include "postern/bus.h"

/*
 * What an IOMMU's model sends while somebody is in it, under its lock; delivered after that is
 * dropped. One access sends few: what an MSI becomes, and each of the IOMMU's own interrupts when
 * its condition arises, which no access does twice.
 */
#define POSTERN_SENT_MAX 8

typedef struct {
    unsigned n;
    struct pn_intr intr[POSTERN_SENT_MAX];
    bool doorbell[POSTERN_SENT_MAX]; /* then only intr.dest counts */
} PosternSent;

/* For struct pn_bus, whose ctx is a PosternSent. */
void postern_sent_intr(void *ctx, const struct pn_intr *m);
void postern_sent_doorbell(void *ctx, uint32_t apicid);

/* From any thread, with the BQL or without. */
void postern_sent_deliver(const PosternSent *sent);
/* The same where a lock is held that is taken under the BQL elsewhere. */
void postern_sent_deliver_later(const PosternSent *sent);

#endif
