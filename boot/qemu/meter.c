/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "postern-meter": a device with 512 MSI-X vectors that raises some of them by
 * itself at a moment that the host chose before, so that the host's processors
 * need not run for it. From that moment on, for a while of virtual time, all
 * that the processors do is written to the file trace=, one event a line;
 * counts are instructions since the machine began.
 *
 *   N run                        the runs that follow have this number
 *   R time first n               n vectors from first on are raised now; C for
 *                                each processor
 *   C cpu user kernel guest mode
 *   M cpu user kernel guest mode [vmcb [exit]]   0 user, 1 kernel, 2 guest; the
 *                                guest's VMCB, why it was left
 *   H cpu user kernel guest      halts
 *   I cpu user kernel guest mode vector          delivered to the host, or to
 *                                the guest
 *   P cpu user kernel guest vector cpu...        sent by a processor to
 *                                processors
 *   D cpu user kernel guest apicid               doorbell, rung by a processor
 *   D -1 apicid                  or by the IOMMU
 *   S dest vector                sent by the IOMMU
 *   E time                       the end; C for each processor
 *   G                            never: the machine was not as it should be
 *
 * With profile= the translation blocks that the kernels execute go to a second
 * file, each as a struct block, as long as REG_PROFILE says so; before those of
 * a window there is one with its time as pc.
 */
#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "exec/address-spaces.h"
#include "hw/core/cpu.h"
#include "hw/i386/postern/meter.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-properties.h"
#include "system/cpu-timers.h"
#include "cpu.h"
#include "migration/vmstate.h"
#include "svm.h"

#define TYPE_METER "postern-meter"
OBJECT_DECLARE_SIMPLE_TYPE(Meter, METER)

#define VECTORS  512
#define CPUS_MAX 64
#define TRIES    400

enum {
    REG_ID = 0x00,
    REG_RUN = 0x04,    /* names what follows */
    REG_FIRST = 0x08,  /* the first vector to raise */
    REG_COUNT = 0x0C,  /* how many */
    REG_DELAY = 0x10,  /* ns until then */
    REG_WINDOW = 0x14, /* ns to write down */
    REG_PERIOD = 0x18, /* ns to the next try if the machine is not ready */
    /* the processor, and from bit 8 on what it does; the others are halted */
    REG_WANT = 0x1C,
    REG_ARM = 0x20,
    REG_STATE = 0x24,
    REG_RAISE = 0x28, /* this vector, now, and nothing is written down */
    REG_PROFILE = 0x2C, /* windows whose blocks are written down too */
};

#define METER_ID 0x52544d50u /* "PMTR" */

enum want { WANT_ANY, WANT_USER, WANT_GUEST, WANT_HALTED };
enum state { STATE_IDLE, STATE_ARMED, STATE_OPEN, STATE_DONE, STATE_GAVE_UP };
enum mode { MODE_USER, MODE_KERNEL, MODE_GUEST };

struct cpu {
    enum mode mode;
    int64_t count[3];
};

struct block {
    uint64_t pc, sp;
    int64_t count; /* the kernel's instructions, with this block's */
    uint64_t cpu;  /* all ones: a window begins */
};

struct Meter {
    PCIDevice pdev;
    MemoryRegion regs;
    char *trace_name, *profile_name;
    uint32_t slice; /* ns */
    FILE *trace, *profile;
    QEMUTimer timer, slicer;
    uint32_t reg[16];
    enum state state;
    unsigned tries;
};

static struct cpu cpus[CPUS_MAX];
static Meter *meter;

static struct cpu *cpu_of(CPUState *cs)
{
    return &cpus[cs->cpu_index % CPUS_MAX];
}

static void executed(CPUState *cs, int64_t n)
{
    struct cpu *c = cpu_of(cs);

    c->count[c->mode] += n;
}

/*
 * Attributes the instructions until now to the mode that the processor was in.
 */
static struct cpu *settled(CPUState *cs)
{
    if (cs->running) {
        icount_update(cs);
    }
    return cpu_of(cs);
}

static bool writes(void)
{
    return meter && meter->state == STATE_OPEN;
}

static uint32_t value(unsigned reg)
{
    return meter->reg[reg / 4];
}

static void put_counts(char what, CPUState *cs)
{
    const struct cpu *c = settled(cs);

    fprintf(meter->trace, "%c %d %" PRId64 " %" PRId64 " %" PRId64, what,
            cs->cpu_index, c->count[MODE_USER], c->count[MODE_KERNEL],
            c->count[MODE_GUEST]);
}

static enum mode mode_of(const CPUX86State *env)
{
    if (env->hflags & HF_GUEST_MASK) {
        return MODE_GUEST;
    }
    return (env->hflags & HF_CPL_MASK) == 3 ? MODE_USER : MODE_KERNEL;
}

static uint64_t exit_code(CPUX86State *env)
{
    return x86_ldq_phys(
        env_cpu(env), env->vm_vmcb + offsetof(struct vmcb, control.exit_code));
}

static void changes(CPUX86State *env, enum mode now)
{
    CPUState *cs = env_cpu(env);
    struct cpu *c = cpu_of(cs);
    enum mode was = c->mode;

    if (!meter || was == now) {
        return;
    }
    settled(cs);
    c->mode = now;
    if (!writes()) {
        return;
    }
    put_counts('M', cs);
    fprintf(meter->trace, " %d", now);
    if (was == MODE_GUEST || now == MODE_GUEST) {
        fprintf(meter->trace, " %" PRIx64, (uint64_t)env->vm_vmcb);
    }
    if (was == MODE_GUEST) {
        fprintf(meter->trace, " %" PRIx64, exit_code(env));
    }
    fputc('\n', meter->trace);
}

static void meter_mode(CPUX86State *env)
{
    changes(env, mode_of(env));
}

static void meter_left(CPUX86State *env)
{
    changes(env, MODE_KERNEL);
}

static void meter_halts(CPUX86State *env)
{
    if (writes()) {
        put_counts('H', env_cpu(env));
        fputc('\n', meter->trace);
    }
}

static void meter_interrupt(CPUX86State *env, int vector)
{
    if (writes()) {
        put_counts('I', env_cpu(env));
        fprintf(meter->trace, " %d %d\n", mode_of(env), vector);
    }
}

void postern_meter_ipi(const uint32_t *mask, unsigned words, uint8_t vector)
{
    if (!writes() || !current_cpu) {
        return;
    }
    put_counts('P', current_cpu);
    fprintf(meter->trace, " %d", vector);
    for (unsigned i = 0; i < words * 32 && i < CPUS_MAX; i++) {
        if (mask[i / 32] & 1u << i % 32) {
            fprintf(meter->trace, " %u", i);
        }
    }
    fputc('\n', meter->trace);
}

void postern_meter_doorbell(uint32_t apicid)
{
    if (writes()) {
        if (current_cpu && current_cpu->running) {
            put_counts('D', current_cpu);
        } else {
            fputs("D -1", meter->trace);
        }
        fprintf(meter->trace, " %u\n", apicid);
    }
}

void postern_meter_sends(uint32_t dest, uint8_t vector)
{
    if (writes()) {
        fprintf(meter->trace, "S %u %d\n", dest, vector);
    }
}

static void meter_block(CPUX86State *env, uint64_t pc)
{
    CPUState *cs = env_cpu(env);
    struct block b = {.pc = pc, .sp = env->regs[R_ESP], .cpu = cs->cpu_index};

    if (!writes() || !value(REG_PROFILE) || cpu_of(cs)->mode != MODE_KERNEL) {
        return;
    }
    b.count = settled(cs)->count[MODE_KERNEL];
    fwrite(&b, sizeof(b), 1, meter->profile);
}

static const X86TCGMeter counting = {
    .mode = meter_mode,
    .left = meter_left,
    .halts = meter_halts,
    .interrupt = meter_interrupt,
};

static const X86TCGMeter profiling = {
    .mode = meter_mode,
    .left = meter_left,
    .halts = meter_halts,
    .interrupt = meter_interrupt,
    .block = meter_block,
};

static void profile_begins(int64_t now)
{
    const struct block b = {.pc = now, .cpu = UINT64_MAX};

    if (meter->profile && value(REG_PROFILE)) {
        fwrite(&b, sizeof(b), 1, meter->profile);
    }
}

static void profile_ends(void)
{
    if (value(REG_PROFILE)) {
        meter->reg[REG_PROFILE / 4]--;
    }
}

static void put_cpus(void)
{
    CPUState *cs;

    CPU_FOREACH(cs) {
        put_counts('C', cs);
        fprintf(meter->trace, " %d\n", cpu_of(cs)->mode);
    }
}

static bool does(CPUState *cs, enum want want)
{
    switch (want) {
    case WANT_USER:
        return !cs->halted && cpu_of(cs)->mode == MODE_USER;
    case WANT_GUEST:
        return !cs->halted && cpu_of(cs)->mode == MODE_GUEST;
    case WANT_HALTED:
        return cs->halted;
    default:
        return true;
    }
}

static bool as_wanted(void)
{
    enum want want = value(REG_WANT) >> 8;
    int one = value(REG_WANT) & 0xff;
    CPUState *cs;

    if (want == WANT_ANY) {
        return true;
    }
    CPU_FOREACH(cs) {
        if (!does(cs, cs->cpu_index == one ? want : WANT_HALTED)) {
            return false;
        }
    }
    return true;
}

static void open_window(Meter *m, int64_t now)
{
    uint32_t first = value(REG_FIRST), n = value(REG_COUNT);

    m->state = STATE_OPEN;
    fprintf(m->trace, "R %" PRId64 " %u %u\n", now, first, n);
    put_cpus();
    profile_begins(now);
    timer_mod(&m->timer, now + value(REG_WINDOW));
    timer_mod(&m->slicer, now + m->slice);
    for (uint32_t i = first; i < first + n && i < VECTORS; i++) {
        msix_notify(&m->pdev, i);
    }
}

static void close_window(Meter *m, int64_t now)
{
    fprintf(m->trace, "E %" PRId64 "\n", now);
    put_cpus();
    timer_del(&m->slicer);
    profile_ends();
    m->state = STATE_DONE;
    fflush(m->trace);
}

static void on_time(void *opaque)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    Meter *m = opaque;

    if (m->state == STATE_OPEN) {
        close_window(m, now);
    } else if (as_wanted()) {
        open_window(m, now);
    } else if (++m->tries < TRIES) {
        timer_mod(&m->timer, now + value(REG_PERIOD));
    } else {
        fprintf(m->trace, "G\n");
        m->state = STATE_GAVE_UP;
    }
}

/*
 * A processor runs until the next timer at most: with short slices all
 * processors advance together.
 */
static void on_slice(void *opaque)
{
    Meter *m = opaque;

    timer_mod(&m->slicer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + m->slice);
}

static void arm(Meter *m)
{
    m->state = STATE_ARMED;
    m->tries = 0;
    timer_mod(&m->timer,
              qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + value(REG_DELAY));
}

static uint64_t meter_read(void *opaque, hwaddr addr, unsigned size)
{
    Meter *m = opaque;

    switch (addr) {
    case REG_ID:
        return METER_ID;
    case REG_STATE:
        return m->state;
    default:
        return addr < sizeof(m->reg) ? m->reg[addr / 4] : 0;
    }
}

static void meter_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    Meter *m = opaque;

    if (addr < sizeof(m->reg)) {
        m->reg[addr / 4] = val;
    }
    switch (addr) {
    case REG_RUN:
        fprintf(m->trace, "N %u\n", (unsigned)val);
        break;
    case REG_ARM:
        arm(m);
        break;
    case REG_RAISE:
        if (val < VECTORS) {
            msix_notify(&m->pdev, val);
        }
        break;
    }
}

static const MemoryRegionOps meter_ops = {
    .read = meter_read,
    .write = meter_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

static FILE *file_of(const char *name, Error **errp)
{
    FILE *f = fopen(name, "w");

    if (!f) {
        error_setg_file_open(errp, errno, name);
    }
    return f;
}

static void meter_realize(PCIDevice *pdev, Error **errp)
{
    Meter *m = METER(pdev);

    if (!icount_enabled() || meter || !m->trace_name) {
        error_setg(errp, TYPE_METER
                   " needs -icount and trace=, and there is one only");
        return;
    }
    m->trace = file_of(m->trace_name, errp);
    if (m->trace && m->profile_name) {
        m->profile = file_of(m->profile_name, errp);
    }
    if (!m->trace || (m->profile_name && !m->profile)) {
        return;
    }
    memory_region_init_io(&m->regs, OBJECT(m), &meter_ops, m, TYPE_METER, 4096);
    pci_register_bar(pdev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &m->regs);
    if (msix_init_exclusive_bar(pdev, VECTORS, 1, errp)) {
        return;
    }
    for (int i = 0; i < VECTORS; i++) {
        msix_vector_use(pdev, i);
    }
    timer_init_ns(&m->timer, QEMU_CLOCK_VIRTUAL, on_time, m);
    timer_init_ns(&m->slicer, QEMU_CLOCK_VIRTUAL, on_slice, m);
    meter = m;
    for (int i = 0; i < CPUS_MAX; i++) {
        cpus[i].mode = MODE_KERNEL;
    }
    icount_executed = executed;
    x86_tcg_meter = m->profile ? &profiling : &counting;
}

static const Property meter_properties[] = {
    DEFINE_PROP_STRING("trace", Meter, trace_name),
    DEFINE_PROP_STRING("profile", Meter, profile_name),
    DEFINE_PROP_UINT32("slice", Meter, slice, 4000),
};

/* Its counts are of the process, not of the machine. */
static const VMStateDescription vmstate_meter = {
    .name = TYPE_METER,
    .unmigratable = 1,
};

static void meter_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);

    k->vendor_id = PCI_VENDOR_ID_QEMU;
    k->device_id = 0x11e9;
    k->class_id = PCI_CLASS_OTHERS;
    k->realize = meter_realize;
    dc->desc = "Postern's meter of instructions";
    dc->vmsd = &vmstate_meter;
    dc->hotpluggable = false;
    device_class_set_props(dc, meter_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo meter_type = {
    .name = TYPE_METER,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(Meter),
    .class_init = meter_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_CONVENTIONAL_PCI_DEVICE },
        { },
    },
};

static void meter_register(void)
{
    type_register_static(&meter_type);
}

type_init(meter_register)
