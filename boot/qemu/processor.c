/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processors with AVIC as the machine sees them: doorbells, and their steps. */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "cpu.h"
#include "hw/i386/postern/meter.h"
#include "hw/i386/postern/processor.h"
#include "postern/agent.h"

/*
 * The core itself decides what to do on a doorbell: it may have left the guest
 * by now.
 */
void postern_ring(uint32_t apicid)
{
    CPUState *cs;

    postern_meter_doorbell(apicid);
    BQL_LOCK_GUARD();
    CPU_FOREACH(cs) {
        X86CPU *cpu = X86_CPU(cs);

        if (cpu->apic_id == apicid && cpu->avic) {
            qatomic_set(&cpu->avic_rang, true);
            cpu_interrupt(cs, CPU_INTERRUPT_AVIC);
            return;
        }
    }
}

void postern_processor_pre_plug(X86CPU *cpu)
{
    cpu->avic_ring = postern_ring;
}

static char *steps_get(Object *obj, Error **errp)
{
    return postern_steps(X86_CPU(obj)->avic_agent);
}

void postern_processor_plug(X86CPU *cpu)
{
    if (cpu->avic) {
        object_property_add_str(OBJECT(cpu), "postern-steps", steps_get, NULL);
    }
}

char *postern_steps(const struct pn_agent *agent)
{
    GString *s = g_string_new(NULL);

    for (int i = 0; i < PN_STEP_NR; i++) {
        if (agent->step[i].count) {
            g_string_append_printf(s, "%s%s=%" PRIu64, s->len ? " " : "",
                                   pn_step_key(i), agent->step[i].count);
        }
    }
    return g_string_free(s, FALSE);
}
