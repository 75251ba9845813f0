/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports the steps of the IOMMU's model to programs inside the machine: a PCI
 * function with one BAR. A write takes a snapshot of "postern-steps" of the
 * machine's IOMMUs, of either vendor; reads see their texts, "step=count"
 * separated by blanks, and zeros behind them. Nothing that the model does
 * depends on it.
 */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "hw/i386/x86-iommu.h"
#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"

#define TYPE_STEPS "postern-steps"
#define STEPS_SIZE 4096
OBJECT_DECLARE_SIMPLE_TYPE(StepsState, STEPS)

struct StepsState {
    PCIDevice pci;

    MemoryRegion bar;
    uint8_t text[STEPS_SIZE];
};

static uint64_t steps_read(void *opaque, hwaddr addr, unsigned size)
{
    StepsState *s = opaque;

    return ldn_le_p(s->text + addr, size);
}

static int append_steps(Object *obj, void *opaque)
{
    StepsState *s = opaque;
    char *text = (char *)s->text;
    g_autofree char *steps =
        object_dynamic_cast(obj, TYPE_X86_IOMMU_DEVICE)
            ? object_property_get_str(obj, "postern-steps", NULL)
            : NULL;

    if (steps) {
        pstrcat(text, sizeof(s->text), steps);
        pstrcat(text, sizeof(s->text), " ");
    }
    return 0;
}

static void steps_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    StepsState *s = opaque;

    memset(s->text, 0, sizeof(s->text));
    object_child_foreach_recursive(object_get_root(), append_steps, s);
}

static const MemoryRegionOps steps_ops = {
    .read = steps_read,
    .write = steps_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = {.min_access_size = 1, .max_access_size = 8},
    .impl = {.min_access_size = 1, .max_access_size = 8},
};

static void steps_realize(PCIDevice *pdev, Error **errp)
{
    StepsState *s = STEPS(pdev);

    memory_region_init_io(&s->bar, OBJECT(s), &steps_ops, s, TYPE_STEPS,
                          STEPS_SIZE);
    pci_register_bar(pdev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar);
}

static const VMStateDescription vmstate_steps = {
    .name = TYPE_STEPS,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(pci, StepsState),
        VMSTATE_UINT8_ARRAY(text, StepsState, STEPS_SIZE),
        VMSTATE_END_OF_LIST()
    }
};

static void steps_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->vendor_id = PCI_VENDOR_ID_QEMU;
    k->device_id = 0x11f0;
    k->class_id = PCI_CLASS_OTHERS;
    k->realize = steps_realize;
    dc->vmsd = &vmstate_steps;
    dc->desc = "steps of Postern's model of the IOMMU";
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo steps_type = {
    .name = TYPE_STEPS,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(StepsState),
    .class_init = steps_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    },
};

static void steps_register(void)
{
    type_register_static(&steps_type);
}

type_init(steps_register)
