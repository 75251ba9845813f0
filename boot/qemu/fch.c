/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SMBus function of AMD's chipsets, without its registers. The IVRS table
 * says that the IOAPIC's interrupts carry this function's ID, 00:14.0. Linux
 * turns interrupt remapping off when the ID is another one (6.12), or when the
 * function there is no SMBus controller or ISA bridge (7.3); q35 has nothing
 * there.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"

#define TYPE_AMD_FCH "amd-fch-smbus"
OBJECT_DECLARE_SIMPLE_TYPE(FCHState, AMD_FCH)

struct FCHState {
    PCIDevice pci;
};

static void fch_realize(PCIDevice *pdev, Error **errp)
{
}

static const VMStateDescription vmstate_fch = {
    .name = TYPE_AMD_FCH,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(pci, FCHState),
        VMSTATE_END_OF_LIST()
    }
};

static void fch_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->vendor_id = PCI_VENDOR_ID_AMD;
    k->device_id = 0x790b;
    k->revision = 0x51;
    k->class_id = PCI_CLASS_SERIAL_SMBUS;
    k->realize = fch_realize;
    dc->vmsd = &vmstate_fch;
    dc->desc = "AMD FCH SMBus function (presence only)";
    set_bit(DEVICE_CATEGORY_BRIDGE, dc->categories);
}

static const TypeInfo fch_type = {
    .name = TYPE_AMD_FCH,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(FCHState),
    .class_init = fch_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    },
};

static void fch_register(void)
{
    type_register_static(&fch_type);
}

type_init(fch_register)
