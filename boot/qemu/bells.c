/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device with many interrupts, so that each of many vCPUs can have one of its
 * own. A write of n to the first register sends the message of MSI-X entry n.
 *
 * By itself it sends the messages of the first @count entries, one after the
 * other, from a moment on that is chosen with the last register, as long as it
 * has power, may send, and the entry is not masked. How many those were stays
 * known when the power is off: that is for who looks what became of them.
 */
#include "qemu/osdep.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"
#include "qemu/timer.h"
#include "system/runstate.h"

#define TYPE_BELLS "postern-bells"
#define BELLS_VECTORS 256
OBJECT_DECLARE_SIMPLE_TYPE(BellsState, BELLS)

struct BellsState {
    PCIDevice pci;

    MemoryRegion bar;
    QEMUTimer timer;
    int64_t at; /* ns: the timer's next message */
    uint32_t spacing, count, sent;
};

enum {
    REG_RING = 0x0,
    REG_SPACING = 0x4, /* ns from one message to the next; read: how many sent */
    REG_COUNT = 0x8,
    REG_DELAY = 0xC, /* ns until the first one; a write begins */
};

static bool may_send(BellsState *s)
{
    return !runstate_check(RUN_STATE_SUSPENDED) && msix_enabled(&s->pci) &&
           (pci_get_word(s->pci.config + PCI_COMMAND) & PCI_COMMAND_MASTER) &&
           !msix_is_masked(&s->pci, s->sent);
}

static void on_time(void *opaque)
{
    BellsState *s = opaque;

    if (s->sent < s->count && may_send(s)) {
        msix_notify(&s->pci, s->sent++);
        s->at += s->spacing;
        timer_mod(&s->timer, s->at);
    }
}

static void begin(BellsState *s, uint32_t delay)
{
    s->sent = 0;
    s->at = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + delay;
    timer_mod(&s->timer, s->at);
}

static uint64_t bells_read(void *opaque, hwaddr addr, unsigned size)
{
    BellsState *s = opaque;

    return addr == REG_SPACING ? s->sent : 0;
}

static void bells_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    BellsState *s = opaque;

    switch (addr) {
    case REG_RING:
        if (val < BELLS_VECTORS) {
            msix_notify(&s->pci, val);
        }
        break;
    case REG_SPACING:
        s->spacing = val;
        break;
    case REG_COUNT:
        s->count = MIN(val, BELLS_VECTORS);
        break;
    case REG_DELAY:
        begin(s, val);
        break;
    }
}

static const MemoryRegionOps bells_ops = {
    .read = bells_read,
    .write = bells_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 4, .max_access_size = 4},
    .impl = {.min_access_size = 4, .max_access_size = 4},
};

static void bells_realize(PCIDevice *pdev, Error **errp)
{
    BellsState *s = BELLS(pdev);

    if (msix_init_exclusive_bar(pdev, BELLS_VECTORS, 1, errp)) {
        return;
    }
    for (unsigned i = 0; i < BELLS_VECTORS; i++) {
        msix_vector_use(pdev, i);
    }
    timer_init_ns(&s->timer, QEMU_CLOCK_VIRTUAL, on_time, s);
    memory_region_init_io(&s->bar, OBJECT(s), &bells_ops, s, TYPE_BELLS, 4096);
    pci_register_bar(pdev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar);
}

static void bells_exit(PCIDevice *pdev)
{
    timer_del(&BELLS(pdev)->timer);
    msix_unuse_all_vectors(pdev);
    msix_uninit_exclusive_bar(pdev);
}

static void bells_reset(DeviceState *dev)
{
    timer_del(&BELLS(dev)->timer);
}

static const VMStateDescription vmstate_bells = {
    .name = TYPE_BELLS,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(pci, BellsState),
        VMSTATE_MSIX(pci, BellsState),
        VMSTATE_TIMER(timer, BellsState),
        VMSTATE_INT64(at, BellsState),
        VMSTATE_UINT32(spacing, BellsState),
        VMSTATE_UINT32(count, BellsState),
        VMSTATE_UINT32(sent, BellsState),
        VMSTATE_END_OF_LIST()
    }
};

static void bells_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->vendor_id = PCI_VENDOR_ID_QEMU;
    k->device_id = 0x11f1;
    k->class_id = PCI_CLASS_OTHERS;
    k->realize = bells_realize;
    k->exit = bells_exit;
    dc->vmsd = &vmstate_bells;
    device_class_set_legacy_reset(dc, bells_reset);
    dc->desc = "a device with 256 interrupts, sent at a write or by itself";
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo bells_type = {
    .name = TYPE_BELLS,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(BellsState),
    .class_init = bells_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    },
};

static void bells_register(void)
{
    type_register_static(&bells_type);
}

type_init(bells_register)
