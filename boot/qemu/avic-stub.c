/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For a build without TCG: no processor is emulated, so none has AVIC. */
#include "qemu/osdep.h"
#include "hw/i386/postern/avic.h"

bool postern_avic_allowed(X86CPU *cpu, Error **errp)
{
    return true;
}

void postern_avic_realize(X86CPU *cpu)
{
}

void postern_avic_unrealize(X86CPU *cpu)
{
}

void postern_avic_reset(X86CPU *cpu)
{
}

void postern_avic_ring(uint32_t apicid)
{
}
