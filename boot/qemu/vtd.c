/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * intel-iommu with pi=on or pi=off: the model implements registers, queue,
 * faults and interrupts; QEMU's own code translates addresses and sees RTADDR,
 * TE, CCMD, IOTLB and the descriptors. Also "postern-vtd", a second unit with
 * registers like the first one's and no devices.
 *
 * Registers and messages come under the BQL. Faults of DMA come from iothreads
 * too, with the lock of translations held. Locks nest in the order BQL,
 * translations, model; so a descriptor that drops translations is executed by
 * the emulator when the model has been left, and before the model executes the
 * next one.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "exec/address-spaces.h"
#include "hw/i386/intel_iommu.h"
#include "hw/i386/x86-iommu.h"
#include "hw/pci-host/q35.h"
#include "hw/acpi/aml-build.h"
#include "hw/qdev-properties.h"
#include "migration/blocker.h"
#include "system/memory-holder.h"
#include "system/qtest.h"
#include "system/reset.h"
#include "system/tcg.h"
#include "../intel_iommu_internal.h"
#include "hw/i386/postern/processor.h"
#include "hw/i386/postern/sent.h"
#include "hw/i386/postern/vtd.h"
#include "postern/postern.h"
#include "postern/vtd.h"

#define VERSION_1_0 0x10

/* The property "poison" of the machine's intel-iommu; both units have it. */
static bool poison = true;

struct PosternVTD {
    IntelIOMMUState *s; /* NULL: the second unit */
    MemoryHolder holder;
    struct pn_bus bus;
    Error *blocker;

    QemuMutex lock; /* what follows */
    struct pn_vtd *unit;
    struct pn_agent agent;
    struct pn_step_slot steps[PN_STEP_NR];
    PosternSent sent;
    uint64_t desc[2]; /* the last descriptor that was fetched */
};

static void enter(PosternVTD *p)
{
    qemu_mutex_lock(&p->lock);
    p->sent.n = 0;
}

static void leave(PosternVTD *p)
{
    const PosternSent sent = p->sent;

    qemu_mutex_unlock(&p->lock);
    postern_sent_deliver(&sent);
}

static void fetched(void *ctx, struct pn_agent *agent, unsigned step,
                    uint64_t q0, uint64_t q1)
{
    PosternVTD *p = ctx;

    p->desc[0] = q0;
    p->desc[1] = q1;
}

/*
 * Executes the queue, one descriptor after the other: the model first, then
 * QEMU's own code.
 */
static void run_queue(PosternVTD *p)
{
    uint64_t q0, q1;
    bool any;

    do {
        enter(p);
        any = pn_vtd_queue(p->unit, 1);
        q0 = p->desc[0];
        q1 = p->desc[1];
        leave(p);
        if (any && p->s) {
            vtd_descriptor_executed(p->s, q0, q1);
        }
    } while (any);
}

static void memory_changed(MemoryHolder *holder)
{
    PosternVTD *p = container_of(holder, PosternVTD, holder);

    enter(p);
    pn_vtd_memory_changed(p->unit);
    leave(p);
    memory_holder_asked(holder);
}

/* The unit with these capabilities; NULL and an error. */
static PosternVTD *unit_create(IntelIOMMUState *s, uint64_t cap, uint64_t ecap,
                               Error **errp)
{
    PosternVTD *p = g_new0(PosternVTD, 1);
    struct pn_vtd_config cfg;
    int err;

    p->s = s;
    qemu_mutex_init(&p->lock);
    p->bus.map = memory_holder_map;
    p->bus.wrote = memory_holder_wrote;
    p->bus.ctx = &p->sent;
    p->bus.intr = postern_sent_intr;
    pn_agent_init(&p->agent, 0, p->steps);
    p->agent.observe = fetched;
    p->agent.observe_ctx = p;
    p->steps[PN_STEP_CMD].watched = 1;
    pn_vtd_config_default(&cfg);
    cfg.cap = cap;
    cfg.ecap = ecap;
    cfg.version = VERSION_1_0;
    cfg.bus = &p->bus;
    cfg.agent = &p->agent;
    cfg.async_queue = true;
    cfg.poison_stale = poison;
    err = pn_vtd_create(&cfg, &p->unit);
    if (err) {
        error_setg_errno(errp, -err, "cannot create the model of the unit");
        qemu_mutex_destroy(&p->lock);
        g_free(p);
        return NULL;
    }
    memory_hold(&p->holder, memory_changed);
    return p;
}

static void unit_reset(PosternVTD *p)
{
    enter(p);
    pn_vtd_reset(p->unit);
    leave(p);
}

static void unit_read(PosternVTD *p, hwaddr addr, unsigned size, uint64_t *val)
{
    enter(p);
    pn_vtd_read(p->unit, addr, size, val);
    leave(p);
}

static void unit_write(PosternVTD *p, hwaddr addr, uint64_t val, unsigned size)
{
    enter(p);
    pn_vtd_write(p->unit, addr, size, val);
    leave(p);
    run_queue(p);
}

static char *unit_steps(PosternVTD *p)
{
    char *steps;

    enter(p);
    steps = postern_steps(&p->agent);
    leave(p);
    return steps;
}

/* ---- intel-iommu ---- */

uint64_t postern_vtd_cap(const IntelIOMMUState *s)
{
    return s->pi == ON_OFF_AUTO_ON ? PN_VTD_CAP_PI : 0;
}

/*
 * With another accelerator interrupts bypass the model. Scalable mode has
 * descriptors and faults that the model and QEMU's code do not share.
 */
static bool options_ok(IntelIOMMUState *s, Error **errp)
{
    if (!x86_iommu_ir_supported(X86_IOMMU_DEVICE(s))) {
        error_setg(errp, "pi=on and pi=off need intremap=on");
    } else if (s->scalable_mode || s->flts || s->pasid) {
        error_setg(errp, "pi=on and pi=off are for legacy mode");
    } else if (!tcg_enabled() && !qtest_enabled()) {
        error_setg(errp, "pi=on and pi=off need accel=tcg");
    } else {
        return true;
    }
    return false;
}

bool postern_vtd_realize(IntelIOMMUState *s, Error **errp)
{
    PosternVTD *p;

    if (s->pi == ON_OFF_AUTO_AUTO) {
        return true;
    }
    if (!options_ok(s, errp)) {
        return false;
    }
    p = unit_create(s, s->cap, s->ecap, errp);
    if (!p) {
        return false;
    }
    error_setg(&p->blocker, "the state of Postern's VT-d unit is not migrated");
    if (migrate_add_blocker(&p->blocker, errp) < 0) {
        return false;
    }
    s->postern = p;
    return true;
}

void postern_vtd_reset(IntelIOMMUState *s)
{
    if (s->postern) {
        unit_reset(s->postern);
    }
}

/* Register-based invalidation of translations (11.4.4, 11.4.8). */
static bool translations(hwaddr addr)
{
    return (addr & ~7u) == DMAR_CCMD_REG || (addr & ~0xfu) == DMAR_IVA_REG;
}

bool postern_vtd_read(IntelIOMMUState *s, hwaddr addr, unsigned size,
                      uint64_t *val)
{
    if (!s->postern || translations(addr)) {
        return false;
    }
    unit_read(s->postern, addr, size, val);
    return true;
}

bool postern_vtd_write(IntelIOMMUState *s, hwaddr addr, uint64_t *val,
                       unsigned size)
{
    if (!s->postern || translations(addr)) {
        return false;
    }
    unit_write(s->postern, addr, *val, size);
    if (addr == DMAR_GCMD_REG) {
        *val &= VTD_GCMD_TE | VTD_GCMD_SRTP;
        return false;
    }
    return (addr & ~7u) != DMAR_RTADDR_REG;
}

MemTxResult postern_vtd_msi(IntelIOMMUState *s, uint64_t addr, uint32_t data,
                            uint16_t sid)
{
    PosternVTD *p = s->postern;
    struct pn_msi msi = {.addr = addr, .data = data, .devid = sid};
    enum pn_msi_result result;

    if (sid == X86_IOMMU_SID_INVALID) {
        msi.devid =
            PCI_BUILD_BDF(Q35_PSEUDO_BUS_PLATFORM, Q35_PSEUDO_DEVFN_IOAPIC);
    }
    enter(p);
    result = pn_vtd_msi(p->unit, &msi);
    leave(p);
    return result == PN_MSI_ABORTED ? MEMTX_ERROR : MEMTX_OK;
}

void postern_vtd_dma_fault(IntelIOMMUState *s, int reason, bool fpd,
                           uint16_t sid, hwaddr addr, bool write,
                           bool has_pasid, uint32_t pasid)
{
    const struct pn_vtd_dma_fault fault = {
        .addr = addr,
        .pasid = pasid,
        .has_pasid = has_pasid,
        .fpd = fpd,
        .reason = reason,
        .type = write ? PN_VTD_DMA_WRITE : PN_VTD_DMA_READ,
        .sid = sid,
    };
    PosternVTD *p = s->postern;
    PosternSent sent;

    enter(p);
    pn_vtd_dma_fault(p->unit, &fault);
    sent = p->sent;
    qemu_mutex_unlock(&p->lock);
    postern_sent_deliver_later(&sent);
}

static char *version_get(Object *obj, Error **errp)
{
    return g_strdup(pn_version());
}

static char *steps_get(Object *obj, Error **errp)
{
    IntelIOMMUState *s = INTEL_IOMMU_DEVICE(obj);

    return s->postern ? unit_steps(s->postern) : g_strdup("");
}

static bool poison_get(Object *obj, Error **errp)
{
    return poison;
}

static void poison_set(Object *obj, bool value, Error **errp)
{
    poison = value;
}

void postern_vtd_class_init(ObjectClass *klass)
{
    object_class_property_add_bool(klass, "poison", poison_get, poison_set);
    object_class_property_set_description(
        klass, "poison",
        "an interrupt that hits a cached entry "
        "that memory no longer agrees with is a fault");
    object_class_property_add_str(klass, "postern", version_get, NULL);
    object_class_property_set_description(klass, "postern", pn_version());
    object_class_property_add_str(klass, "postern-steps", steps_get, NULL);
}

/* ---- the second unit ---- */

#define TYPE_SECOND "postern-vtd"
#define SECOND_ADDR (Q35_HOST_BRIDGE_IOMMU_ADDR + 0x1000)
#define DRHD_SIZE 16
OBJECT_DECLARE_SIMPLE_TYPE(SecondState, SECOND)

struct SecondState {
    DeviceState dev;

    MemoryRegion regs;
    PosternVTD *unit;
    bool pi;
};

static uint64_t second_read(void *opaque, hwaddr addr, unsigned size)
{
    SecondState *s = opaque;
    uint64_t val;

    unit_read(s->unit, addr, size, &val);
    return val;
}

static void second_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    SecondState *s = opaque;

    unit_write(s->unit, addr, val, size);
}

static const MemoryRegionOps second_ops = {
    .read = second_read,
    .write = second_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 4, .max_access_size = 8},
    .impl = {.min_access_size = 4, .max_access_size = 8},
};

static void second_reset(void *opaque)
{
    SecondState *s = opaque;

    unit_reset(s->unit);
}

/* It has the same capabilities as the first one, except PI. */
static void second_realize(DeviceState *dev, Error **errp)
{
    Object *first = object_dynamic_cast(OBJECT(x86_iommu_get_default()),
                                        TYPE_INTEL_IOMMU_DEVICE);
    SecondState *s = SECOND(dev);
    IntelIOMMUState *one;
    uint64_t cap;

    if (!first || !INTEL_IOMMU_DEVICE(first)->postern) {
        error_setg(errp, TYPE_SECOND
                   " needs an intel-iommu with pi=on or pi=off before it");
        return;
    }
    if (object_resolve_path_type("", TYPE_SECOND, NULL) != OBJECT(dev)) {
        error_setg(errp, "there is one " TYPE_SECOND " at most");
        return;
    }
    one = INTEL_IOMMU_DEVICE(first);
    cap = (one->cap & ~PN_VTD_CAP_PI) | (s->pi ? PN_VTD_CAP_PI : 0);
    s->unit = unit_create(NULL, cap, one->ecap, errp);
    if (!s->unit) {
        return;
    }
    memory_region_init_io(&s->regs, OBJECT(s), &second_ops, s, TYPE_SECOND,
                          PN_VTD_MMIO_SIZE);
    memory_region_add_subregion(get_system_memory(), SECOND_ADDR, &s->regs);
    qemu_register_reset(second_reset, s);
}

void postern_vtd_more_units(GArray *table)
{
    if (!object_resolve_path_type("", TYPE_SECOND, NULL)) {
        return;
    }
    build_append_int_noprefix(table, 0, 2); /* remapping unit, 8.3 */
    build_append_int_noprefix(table, DRHD_SIZE, 2);
    build_append_int_noprefix(table, 0, 1); /* the devices of its scope: none */
    build_append_int_noprefix(table, 0, 1);
    build_append_int_noprefix(table, 0, 2); /* segment */
    build_append_int_noprefix(table, SECOND_ADDR, 8);
}

static const Property second_properties[] = {
    DEFINE_PROP_BOOL("pi", SecondState, pi, false),
};

static void second_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->realize = second_realize;
    dc->hotpluggable = false;
    dc->desc = "a second VT-d unit, without devices";
    device_class_set_props(dc, second_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo second_type = {
    .name = TYPE_SECOND,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(SecondState),
    .class_init = second_class_init,
};

static void second_register(void)
{
    type_register_static(&second_type);
}

type_init(second_register)
