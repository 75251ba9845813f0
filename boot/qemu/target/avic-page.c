/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The APIC access page. Nested translation sends the guest's accesses there to
 * a region of its own (15.29.3: the page's own mapping gives permissions, its
 * address is not used).
 */
#include "qemu/osdep.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/core/cpu.h"
#include "tcg/system/avic-priv.h"

bool x86_avic_covers(CPUX86State *env, hwaddr gpa)
{
    X86Avic *p = x86_avic_of(env);

    return x86_avic_active(env) && !p->av.x2 &&
           !((gpa ^ p->vmcb.apic_bar) & PN_AVIC_PHYS_PAGE_MASK);
}

/*
 * The vCPU whose guest makes this access, or NULL: a device got here, or a
 * debugger.
 */
static X86Avic *accessor(MemTxAttrs attrs)
{
    CPUState *cs = current_cpu;

    if (!cs || attrs.unspecified || attrs.requester_id ||
        !x86_avic_active(cpu_env(cs))) {
        return NULL;
    }
    return X86_CPU(cs)->avic;
}

/*
 * The region's callbacks return before the instruction may be left: see
 * x86_avic_failed().
 */
static MemTxResult conclude(X86Avic *p, enum pn_avic_access what)
{
    if (what == PN_AVIC_FAULT || what == PN_AVIC_GP) {
        p->fault = true;
        return MEMTX_ACCESS_ERROR;
    }
    x86_avic_settle(cpu_env(current_cpu), what, 0);
    return MEMTX_OK;
}

/*
 * Anything but 32 bits at the start of a register is left to the host
 * (inferred).
 */
static enum pn_avic_access odd(X86Avic *p, hwaddr off, bool write)
{
    p->exit.code = PN_EXIT_AVIC_NOACCEL;
    p->exit.info1 = (uint64_t)write << 32 | (off & 0xFF0);
    p->exit.info2 = 0;
    return PN_AVIC_FAULT;
}

static MemTxResult page_read(void *opaque, hwaddr off, uint64_t *data,
                             unsigned size, MemTxAttrs attrs)
{
    X86Avic *p = accessor(attrs);

    *data = UINT64_MAX;
    if (!p) {
        return MEMTX_DECODE_ERROR;
    }
    return conclude(p, size == 4 ? pn_avic_read(&p->av, off, data, &p->exit)
                                 : odd(p, off, false));
}

static MemTxResult page_write(void *opaque, hwaddr off, uint64_t val,
                              unsigned size, MemTxAttrs attrs)
{
    X86Avic *p = accessor(attrs);

    if (!p) {
        return MEMTX_DECODE_ERROR;
    }
    return conclude(p, size == 4 ? pn_avic_write(&p->av, off, val, &p->exit)
                                 : odd(p, off, true));
}

static const MemoryRegionOps page_ops = {
    .read_with_attrs = page_read,
    .write_with_attrs = page_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 1, .max_access_size = 8, .unaligned = true},
    .impl = {.min_access_size = 1, .max_access_size = 8, .unaligned = true},
};

void x86_avic_page_init(void)
{
    static MemoryRegion page;

    if (!page.ops) {
        memory_region_init_io(&page, NULL, &page_ops, NULL, "avic-access",
                              TARGET_PAGE_SIZE);
        memory_region_add_subregion(get_system_memory(), X86_AVIC_PAGE,
                                    &page);
    }
}

void x86_avic_failed(CPUState *cs, hwaddr physaddr, uintptr_t retaddr)
{
    X86Avic *p = X86_CPU(cs)->avic;

    if ((physaddr & TARGET_PAGE_MASK) != X86_AVIC_PAGE || !p || !p->fault) {
        return;
    }
    p->fault = false;
    x86_avic_settle(cpu_env(cs), PN_AVIC_FAULT, retaddr);
}
