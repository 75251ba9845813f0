/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HW_I386_POSTERN_MACHINE_H
#define HW_I386_POSTERN_MACHINE_H

#include "qemu/queue.h"
#include "postern/agent.h"
#include "postern/bus.h"

/*
 * Memory of the emulated machine, as the models reach it, and the doorbell of
 * its processors.
 */
extern const struct pn_bus postern_machine;

/*
 * A model that keeps pointers into that memory. @changed, under the BQL:
 * addresses now lead to other memory. When the model has asked for all of its
 * pointers again, its holder reports that, under the BQL. The old memory stays
 * until every holder has reported.
 */
typedef struct PosternHolder PosternHolder;

struct PosternHolder {
    void (*changed)(PosternHolder *holder);
    size_t asked; /* the last change after which it has */
    QLIST_ENTRY(PosternHolder) next;
};

/* All under the BQL. The model must not have asked for memory before. */
void postern_hold(PosternHolder *holder,
                  void (*changed)(PosternHolder *holder));
void postern_has_asked(PosternHolder *holder);
void postern_let_go(PosternHolder *holder);

/* How often each step was taken, "step=count" separated by blanks. */
char *postern_steps(const struct pn_agent *agent);

#endif
