/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * amd-iommu with ga=on: the model has registers, command buffer, logs and interrupts; address
 * translation stays the emulator's and follows the model's registers.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/i386/x86-iommu.h"
#include "hw/pci/msi.h"
#include "../amd_iommu.h"
#include "hw/i386/postern/amdvi.h"
#include "hw/i386/postern/machine.h"
#include "postern/amdvi.h"

struct PosternAMDVI {
    AMDVIState *s;
    struct pn_amdvi *vi;
    struct pn_agent agent;
};

uint64_t postern_amdvi_efr(const AMDVIState *s)
{
    return (s->ga ? PN_EFR_GASUP | PN_EFR_GAMSUP_VAPIC : 0) | (s->gappi ? PN_EFR_GAPPISUP : 0);
}

uint64_t postern_amdvi_efr2(const AMDVIState *s)
{
    return s->gappi ? PN_EFR2_GAPPIDISSUP : 0;
}

/* Translations are cached by the emulator: it must see the commands that drop them. */
static void command(void *ctx, struct pn_agent *agent, enum pn_step step, uint64_t q0, uint64_t q1)
{
    PosternAMDVI *p = ctx;

    amdvi_command_executed(p->s, q0, q1);
}

static uint64_t peek(PosternAMDVI *p, uint32_t reg)
{
    uint64_t v;

    pn_amdvi_read(p->vi, reg, 8, &v);
    return v;
}

/* What address translation takes from the registers. */
static void follow(PosternAMDVI *p)
{
    uint64_t devtab = peek(p, PN_AMDVI_DEVTAB);
    uint64_t control = peek(p, PN_AMDVI_CONTROL);
    AMDVIState *s = p->s;

    s->devtab = devtab & PN_AMDVI_BASE_MASK;
    s->devtab_len = ((devtab & PN_DEVTAB_SIZE_MASK) + 1) *
                    (AMDVI_MMIO_DEVTAB_SIZE_UNIT / AMDVI_MMIO_DEVTAB_ENTRY_SIZE);
    s->enabled = control & PN_CTRL_IOMMUEN;
    s->ats_enabled = control & PN_CTRL_HTTUNEN;
    s->ga_enabled = control & PN_CTRL_GAEN;
}

/* The PCI capability can change without the device being told. */
static void load_msi(PosternAMDVI *p)
{
    PCIDevice *dev = &p->s->pci.dev;
    bool on = msi_enabled(dev);
    MSIMessage msg = {};

    if (on) {
        msg = msi_get_message(dev, 0);
    }
    pn_amdvi_pci_msi(p->vi, on, msg.address, msg.data);
}

bool postern_amdvi_realize(AMDVIState *s, Error **errp)
{
    struct pn_amdvi_config cfg;
    PosternAMDVI *p;
    int err;

    if (!s->ga) {
        if (s->gappi || s->poison) {
            error_setg(errp, "gappi=on and poison=on need ga=on");
        }
        return !s->gappi && !s->poison;
    }
    if (!x86_iommu_ir_supported(X86_IOMMU_DEVICE(s))) {
        error_setg(errp, "ga=on needs intremap=on");
        return false;
    }
    p = g_new0(PosternAMDVI, 1);
    p->s = s;
    pn_agent_init(&p->agent, 0);
    p->agent.observe = command;
    p->agent.observe_ctx = p;
    p->agent.watch[PN_STEP_CMD / 64] = 1ull << PN_STEP_CMD % 64;
    pn_amdvi_config_default(&cfg);
    cfg.efr = amdvi_extended_feature_register(s);
    cfg.efr2 = postern_amdvi_efr2(s);
    cfg.bus = &postern_machine;
    cfg.agent = &p->agent;
    cfg.poison_stale = s->poison;
    err = pn_amdvi_create(&cfg, &p->vi);
    if (err) {
        error_setg_errno(errp, -err, "cannot create the model of the IOMMU");
        g_free(p);
        return false;
    }
    s->postern = p;
    return true;
}

void postern_amdvi_reset(AMDVIState *s)
{
    if (s->postern) {
        pn_amdvi_reset(s->postern->vi);
        follow(s->postern);
    }
}

uint64_t postern_amdvi_read(AMDVIState *s, hwaddr addr, unsigned size)
{
    struct pn_amdvi *vi = s->postern->vi;
    uint64_t v;

    if (size >= 4) {
        pn_amdvi_read(vi, addr, size, &v);
        return v;
    }
    pn_amdvi_read(vi, addr & ~3u, 4, &v);
    return extract64(v, (addr & 3) * 8, size * 8);
}

/* The rest of a register that is written in part: bits that a 1 clears are not written back. */
static uint64_t rest_of(PosternAMDVI *p, hwaddr addr)
{
    uint64_t v = 0;

    if ((addr & ~7u) != PN_AMDVI_STATUS) {
        pn_amdvi_read(p->vi, addr, 4, &v);
    }
    return v;
}

void postern_amdvi_write(AMDVIState *s, hwaddr addr, uint64_t val, unsigned size)
{
    PosternAMDVI *p = s->postern;

    load_msi(p);
    if (size < 4) {
        val = deposit64(rest_of(p, addr & ~3u), (addr & 3) * 8, size * 8, val);
        addr &= ~3u;
        size = 4;
    }
    pn_amdvi_write(p->vi, addr, size, val);
    follow(p);
}

MemTxResult postern_amdvi_msi(AMDVIState *s, uint64_t addr, uint32_t data, uint16_t sid)
{
    const struct pn_msi msi = {.addr = addr, .data = data, .devid = sid};

    load_msi(s->postern);
    return pn_amdvi_msi(s->postern->vi, &msi) == PN_MSI_ABORTED ? MEMTX_ERROR : MEMTX_OK;
}

void postern_amdvi_event(AMDVIState *s, const uint64_t *evt)
{
    load_msi(s->postern);
    pn_amdvi_log_event(s->postern->vi, evt[0], evt[1]);
}

/* IO_PAGE_FAULT of a memory access (48882 rev 3.11, 2.5.3): I = 0, RW = 1 for a write. */
void postern_amdvi_page_fault(AMDVIState *s, uint16_t devid, hwaddr addr, bool write)
{
    const uint64_t evt[2] = {
        (uint64_t)PN_EVENT_IO_PAGE_FAULT << PN_EVENT_CODE_SH | (write ? PN_EVENT_RW : 0) | devid,
        addr,
    };

    postern_amdvi_event(s, evt);
}

char *postern_amdvi_steps(const AMDVIState *s)
{
    return s->postern ? postern_steps(&s->postern->agent) : g_strdup("");
}
