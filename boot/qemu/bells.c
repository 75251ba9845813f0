/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device with many interrupts: a write of n to its only register sends the
 * message of its MSI-X entry n, so that each of many vCPUs can have an
 * interrupt of its own.
 */
#include "qemu/osdep.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"

#define TYPE_BELLS "postern-bells"
#define BELLS_VECTORS 256
OBJECT_DECLARE_SIMPLE_TYPE(BellsState, BELLS)

struct BellsState {
    PCIDevice pci;

    MemoryRegion bar;
};

static uint64_t bells_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void bells_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    BellsState *s = opaque;

    if (addr == 0 && val < BELLS_VECTORS) {
        msix_notify(&s->pci, val);
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
    memory_region_init_io(&s->bar, OBJECT(s), &bells_ops, s, TYPE_BELLS, 4096);
    pci_register_bar(pdev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar);
}

static void bells_exit(PCIDevice *pdev)
{
    msix_unuse_all_vectors(pdev);
    msix_uninit_exclusive_bar(pdev);
}

static const VMStateDescription vmstate_bells = {
    .name = TYPE_BELLS,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(pci, BellsState),
        VMSTATE_MSIX(pci, BellsState),
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
    dc->desc = "a device with 256 interrupts, each sent at a write";
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
