/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * amd-iommu with ga=on: the model implements registers, command buffer, logs
 * and interrupts; QEMU's own code translates addresses and follows the model's
 * registers.
 *
 * vCPUs, the main loop and iothreads enter the model, one at a time. The thread
 * that was in it delivers what the model sent, after it dropped the model's
 * lock: delivery of an interrupt takes the BQL, and a vCPU comes here with the
 * BQL held. Locks nest in the order BQL, model, IOTLB.
 */
#include "qemu/osdep.h"
#include "hw/i386/x86-iommu.h"
#include "hw/pci/msi.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "migration/blocker.h"
#include "migration/vmstate.h"
#include "system/memory-holder.h"
#include "system/qtest.h"
#include "system/tcg.h"
#include "../amd_iommu.h"
#include "hw/i386/postern/amdvi.h"
#include "hw/i386/postern/processor.h"
#include "hw/i386/postern/sent.h"
#include "postern/amdvi.h"

struct PosternAMDVI {
    AMDVIState *s;
    MemoryHolder holder;
    struct pn_bus bus;

    QemuMutex lock; /* what follows */
    struct pn_amdvi *vi;
    struct pn_agent agent;
    struct pn_step_slot steps[PN_STEP_NR];
    PosternSent sent;
    struct pn_amdvi_state saved; /* what a snapshot carries of @vi */
};

static void enter(PosternAMDVI *p)
{
    qemu_mutex_lock(&p->lock);
    p->sent.n = 0;
}

static void leave(PosternAMDVI *p)
{
    const PosternSent sent = p->sent;

    qemu_mutex_unlock(&p->lock);
    postern_sent_deliver(&sent);
}

uint64_t postern_amdvi_efr(const AMDVIState *s)
{
    return (s->ga ? PN_EFR_GASUP | PN_EFR_GAMSUP_VAPIC : 0) |
           (s->gappi ? PN_EFR_GAPPISUP : 0);
}

uint64_t postern_amdvi_efr2(const AMDVIState *s)
{
    return s->gappi ? PN_EFR2_GAPPIDISSUP : 0;
}

/*
 * Translations are cached by the emulator: it must see the commands that drop
 * them.
 */
static void command(void *ctx, struct pn_agent *agent, unsigned step,
                    uint64_t q0, uint64_t q1)
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

/* Copies the registers that address translation depends on. */
static void follow(PosternAMDVI *p)
{
    uint64_t devtab = peek(p, PN_AMDVI_DEVTAB);
    uint64_t control = peek(p, PN_AMDVI_CONTROL);
    AMDVIState *s = p->s;

    s->devtab = devtab & PN_AMDVI_BASE_MASK;
    s->devtab_len =
        ((devtab & PN_DEVTAB_SIZE_MASK) + 1) *
        (AMDVI_MMIO_DEVTAB_SIZE_UNIT / AMDVI_MMIO_DEVTAB_ENTRY_SIZE);
    s->enabled = control & PN_CTRL_IOMMUEN;
    s->ats_enabled = control & PN_CTRL_HTTUNEN;
    s->ga_enabled = control & PN_CTRL_GAEN;
}

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

void postern_amdvi_config_write(PCIDevice *dev, uint32_t addr, uint32_t val,
                                int len)
{
    PosternAMDVI *p = container_of(dev, AMDVIState, pci.dev)->postern;

    pci_default_write_config(dev, addr, val, len);
    if (p) {
        enter(p);
        load_msi(p);
        leave(p);
    }
}

static void memory_changed(MemoryHolder *holder)
{
    PosternAMDVI *p = container_of(holder, PosternAMDVI, holder);

    enter(p);
    pn_amdvi_memory_changed(p->vi);
    leave(p);
    memory_holder_asked(holder);
}

/*
 * The processors of another accelerator do not have this AVIC, and its
 * interrupts bypass the model: its irqchip has routes of its own, which
 * x86_iommu translates, not the model.
 */
static bool accelerator_ok(Error **errp)
{
    if (tcg_enabled() || qtest_enabled()) {
        return true;
    }
    error_setg(errp, "ga=on needs accel=tcg");
    return false;
}

static bool options_ok(AMDVIState *s, Error **errp)
{
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
    return accelerator_ok(errp);
}

/* QEMU's own registers of the IOMMU are in no snapshot. */
static bool refuse_migration(Error **errp)
{
    static Error *reason;

    error_setg(&reason,
               "the state of amd-iommu with ga=off cannot migrate "
               "(ga=on allows it)");
    return !migrate_add_blocker(&reason, errp);
}

bool postern_amdvi_realize(AMDVIState *s, Error **errp)
{
    struct pn_amdvi_config cfg;
    PosternAMDVI *p;
    int err;

    if (!options_ok(s, errp)) {
        return false;
    }
    if (!s->ga) {
        return refuse_migration(errp);
    }
    p = g_new0(PosternAMDVI, 1);
    p->s = s;
    qemu_mutex_init(&p->lock);
    p->bus.map = memory_holder_map;
    p->bus.wrote = memory_holder_wrote;
    p->bus.ctx = &p->sent;
    p->bus.intr = postern_sent_intr;
    p->bus.doorbell = postern_sent_doorbell;
    pn_agent_init(&p->agent, 0, p->steps);
    p->agent.observe = command;
    p->agent.observe_ctx = p;
    p->steps[PN_STEP_CMD].watched = 1;
    pn_amdvi_config_default(&cfg);
    cfg.efr = amdvi_extended_feature_register(s);
    cfg.efr2 = postern_amdvi_efr2(s);
    cfg.bus = &p->bus;
    cfg.agent = &p->agent;
    cfg.poison_stale = s->poison;
    err = pn_amdvi_create(&cfg, &p->vi);
    if (err) {
        error_setg_errno(errp, -err, "cannot create the model of the IOMMU");
        qemu_mutex_destroy(&p->lock);
        g_free(p);
        return false;
    }
    s->postern = p;
    memory_hold(&p->holder, memory_changed);
    return true;
}

void postern_amdvi_reset(AMDVIState *s)
{
    PosternAMDVI *p = s->postern;

    if (!p) {
        return;
    }
    enter(p);
    pn_amdvi_reset(p->vi);
    load_msi(p);
    follow(p);
    leave(p);
}

uint64_t postern_amdvi_read(AMDVIState *s, hwaddr addr, unsigned size)
{
    PosternAMDVI *p = s->postern;
    uint64_t v;

    enter(p);
    pn_amdvi_read(p->vi, size < 4 ? addr & ~3u : addr, MAX(size, 4), &v);
    leave(p);
    return size < 4 ? extract64(v, (addr & 3) * 8, size * 8) : v;
}

/*
 * The rest of a register that is written in part: bits that are cleared by
 * writing 1 are written as 0.
 */
static uint64_t rest_of(PosternAMDVI *p, hwaddr addr)
{
    uint64_t v = 0;

    if ((addr & ~7u) != PN_AMDVI_STATUS) {
        pn_amdvi_read(p->vi, addr, 4, &v);
    }
    return v;
}

void postern_amdvi_write(AMDVIState *s, hwaddr addr, uint64_t val,
                         unsigned size)
{
    PosternAMDVI *p = s->postern;

    enter(p);
    if (size < 4) {
        val = deposit64(rest_of(p, addr & ~3u), (addr & 3) * 8, size * 8, val);
        addr &= ~3u;
        size = 4;
    }
    pn_amdvi_write(p->vi, addr, size, val);
    follow(p);
    leave(p);
}

MemTxResult postern_amdvi_msi(AMDVIState *s, uint64_t addr, uint32_t data,
                              uint16_t sid)
{
    const struct pn_msi msi = {.addr = addr, .data = data, .devid = sid};
    PosternAMDVI *p = s->postern;
    enum pn_msi_result result;

    enter(p);
    result = pn_amdvi_msi(p->vi, &msi);
    leave(p);
    return result == PN_MSI_ABORTED ? MEMTX_ERROR : MEMTX_OK;
}

void postern_amdvi_event(AMDVIState *s, const uint64_t *evt)
{
    PosternAMDVI *p = s->postern;

    enter(p);
    pn_amdvi_log_event(p->vi, evt[0], evt[1]);
    leave(p);
}

/*
 * IO_PAGE_FAULT of a memory access (48882 rev 3.11, 2.5.3): I = 0, RW = 1 for a
 * write. PR comes from the entry that does not permit the access, also if that
 * is the device table entry (inferred); PE = 1 if it is present.
 */
void postern_amdvi_page_fault(AMDVIState *s, uint16_t devid, uint16_t domid,
                              hwaddr addr, bool write, bool present)
{
    const uint64_t evt[2] = {
        (uint64_t)PN_EVENT_IO_PAGE_FAULT << PN_EVENT_CODE_SH |
            (write ? PN_EVENT_RW : 0) |
            (present ? PN_EVENT_PR | PN_EVENT_PE : 0) | (uint64_t)domid << 32 |
            devid,
        addr,
    };

    postern_amdvi_event(s, evt);
}

static int pre_save(void *opaque)
{
    PosternAMDVI *p = opaque;

    enter(p);
    pn_amdvi_save(p->vi, &p->saved);
    leave(p);
    return 0;
}

static int post_load(void *opaque, int version_id)
{
    PosternAMDVI *p = opaque;
    int err;

    enter(p);
    err = pn_amdvi_load(p->vi, &p->saved);
    follow(p);
    leave(p);
    if (err) {
        error_report("amd-iommu: impossible state");
    }
    return err;
}

/* The device postern-steps shows them to software. */
static const VMStateDescription vmstate_step = {
    .name = "amd-iommu/step",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(count, struct pn_step_slot),
        VMSTATE_END_OF_LIST()
    }
};

#define REG(name) VMSTATE_UINT64(saved.r.name, PosternAMDVI)

static const VMStateDescription vmstate_model = {
    .name = "amd-iommu/model",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = pre_save,
    .post_load = post_load,
    .fields = (const VMStateField[]) {
        REG(devtab),
        REG(cmdbuf),
        REG(evtlog),
        REG(control),
        REG(efr),
        REG(pprlog),
        REG(galog),
        REG(galog_tail_addr),
        REG(msi_lo),
        REG(msi_hi),
        REG(xt_gen),
        REG(xt_ppr),
        REG(xt_ga),
        REG(efr2),
        REG(cmd_head),
        REG(cmd_tail),
        REG(evt_head),
        REG(evt_tail),
        REG(status),
        REG(ppr_head),
        REG(ppr_tail),
        REG(ga_head),
        REG(ga_tail),
        VMSTATE_BOOL(saved.cmd_stopped, PosternAMDVI),
        VMSTATE_BOOL(saved.evt_stopped, PosternAMDVI),
        VMSTATE_BOOL(saved.ga_stopped, PosternAMDVI),
        VMSTATE_BOOL(saved.ga_lingers, PosternAMDVI),
        VMSTATE_BOOL(saved.snp_locked, PosternAMDVI),
        VMSTATE_BOOL(saved.msi_enable, PosternAMDVI),
        VMSTATE_STRUCT_ARRAY(steps, PosternAMDVI, PN_STEP_NR, 1, vmstate_step,
                             struct pn_step_slot),
        VMSTATE_END_OF_LIST()
    }
};

static int pre_load(void *opaque)
{
    AMDVIState *s = opaque;

    if (!s->postern) {
        error_report("the snapshot's amd-iommu has ga=on, this one has not");
        return -EINVAL;
    }
    return 0;
}

/*
 * Cached translations belong to the machine that was there before. The PCI
 * function has a section of its own.
 */
static int forget(void *opaque, int version_id)
{
    amdvi_command_executed(opaque, (uint64_t)PN_CMD_INVALIDATE_IOMMU_ALL
                                       << PN_CMD_OP_SH, 0);
    return 0;
}

const VMStateDescription vmstate_postern_amdvi = {
    .name = "amd-iommu",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = pre_load,
    .post_load = forget,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_POINTER(postern, AMDVIState, vmstate_model,
                               PosternAMDVI),
        VMSTATE_END_OF_LIST()
    }
};

char *postern_amdvi_steps(const AMDVIState *s)
{
    PosternAMDVI *p = s->postern;
    char *steps;

    if (!p) {
        return g_strdup("");
    }
    enter(p);
    steps = postern_steps(&p->agent);
    leave(p);
    return steps;
}
