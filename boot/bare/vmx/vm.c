/* SPDX-License-Identifier: MIT */
/*
 * Intel: the state that VM entry reads, and preparation of the processor. The VMCS is written again
 * for each run, from struct vmcs, so that either processor can prepare the other's guest.
 */
#include "vm.h"

#define PAGES __attribute__((aligned(4096)))

#define MSR_FEATURE_CONTROL 0x03a
#define MSR_VMX_BASIC	    0x480
#define MSR_CR0_FIXED0	    0x486
#define MSR_CR4_FIXED0	    0x488
#define MSR_PROC3	    0x492
#define MSR_TRUE_PIN	    0x48d /* ..490: processor-based, exit, entry */
#define FEATURE_LOCK	    1u
#define FEATURE_VMXON	    4u
#define CR4_VMXE	    (1u << 13)
#define EFER_LMA_LME	    0x500u

/* Everything after which a guest would not return, or which would reach the machine, exits. */
#define PROC_EXITS                                                                                 \
	(PROC_HLT | 1u << 9 /* INVLPG */ | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 15 /* CR3 */ |   \
	 1u << 16 | 1u << 23 /* MOV DR */ | 1u << 24 /* I/O */ | 1u << 29 /* MONITOR */)
#define EXITC_LONG (1u << 9)
#define EXITC_EFER (3u << 20) /* saved, loaded */
#define ENTRY_LONG (1u << 9)
#define ENTRY_EFER (1u << 15)
#define EPTP_WB_4  (6u | 3u << 3)
#define TR	   0x20u
#define SPELL	   200000000u /* ticks of the preemption timer: ends a guest that does not exit */

extern char host_pml4[];

unsigned vmx_run(void *guest);

struct pid pids[PIDS] PAGES;
uint64_t pid_table[TABLE_SIZE] PAGES;
const uint64_t vendor_nested_leaf = 6 << 3; /* write-back */

static struct vmcs images[CPUS];
static uint32_t regions[CPUS][1024] PAGES, vmxon_regions[CPUS][1024] PAGES;
static uint8_t msr_bitmaps[CPUS][PAGE] PAGES;
static uint8_t tss[104];

/* ---- the fields ---- */

#define AT(f) offsetof(struct vmcs, f), sizeof(((struct vmcs *)0)->f)

static const struct field {
	uint16_t field, at, size;
} fields[] = {
	{0x0000, AT(vpid)},	    {0x0002, AT(nv)},
	{0x2004, AT(msr_bitmap)},   {0x2012, AT(virtual_apic)},
	{0x2014, AT(apic_access)},  {0x2016, AT(pid)},
	{0x201a, AT(eptp)},	    {0x201c, AT(eoi_exit[0])},
	{0x201e, AT(eoi_exit[1])},  {0x2020, AT(eoi_exit[2])},
	{0x2022, AT(eoi_exit[3])},  {0x4000, AT(pin)},
	{0x4002, AT(proc)},	    {0x4004, AT(exceptions)},
	{0x400c, AT(exit_ctl)},	    {0x4012, AT(entry_ctl)},
	{0x4016, AT(entry_info)},   {0x4018, AT(entry_error)},
	{0x401a, AT(entry_length)}, {0x401c, AT(tpr_threshold)},
	{0x401e, AT(proc2)},	    {0x482e, AT(timer)},
};
static const struct field ipiv_fields[] = {
	{0x0008, AT(last_pid)}, {0x2034, AT(proc3)}, {0x2042, AT(pid_table)}};
static const struct field both[] = {{0x0810, AT(intr_status)}, {0x4824, AT(interruptibility)},
				    {0x4826, AT(activity)},    {0x681c, AT(rsp)},
				    {0x681e, AT(rip)},	       {0x6820, AT(rflags)}};
static const struct field results[] = {{0x4402, AT(reason)},	{0x4404, AT(exit_info)},
				       {0x4408, AT(vectoring)}, {0x440a, AT(vectoring_error)},
				       {0x440c, AT(length)},	{0x6400, AT(qualification)},
				       {0x2400, AT(gpa)},	{0x4016, AT(entry_info)}};

static void vmwrite(uint64_t field, uint64_t value)
{
	bool bad;

	__asm__ volatile("vmwrite %2, %1" : "=@ccbe"(bad) : "r"(field), "r"(value));
	if (bad)
		broken("VMWRITE of field %lx fails", field);
}

static uint64_t vmread(uint64_t field)
{
	uint64_t value;
	bool bad;

	__asm__ volatile("vmread %2, %1" : "=@ccbe"(bad), "=r"(value) : "r"(field));
	if (bad)
		broken("VMREAD of field %lx fails", field);
	return value;
}

static void write_fields(const struct vmcs *v, const struct field *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t value = 0;

		memcpy(&value, (const char *)v + f[i].at, f[i].size);
		vmwrite(f[i].field, value);
	}
}

static void read_fields(struct vmcs *v, const struct field *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t value = vmread(f[i].field);

		memcpy((char *)v + f[i].at, &value, f[i].size);
	}
}

/* ES, CS, SS, DS, FS, GS, LDTR, TR: selector, limit, access rights. */
static const struct {
	uint32_t selector, limit, rights;
} segments[] = {
	{DATA, ~0u, 0xc093}, {CODE64, ~0u, 0xa09b}, {DATA, ~0u, 0xc093}, {DATA, ~0u, 0xc093},
	{0, 0, 0x10000},     {0, 0, 0x10000},	    {0, 0, 0x10000},	 {TR, 103, 0x8b},
};

static void write_guest(const struct vm *vm)
{
	for (unsigned i = 0; i < COUNT(segments); i++) {
		vmwrite(0x0800 + i * 2, segments[i].selector);
		vmwrite(0x4800 + i * 2, segments[i].limit);
		vmwrite(0x4814 + i * 2, segments[i].rights);
		vmwrite(0x6806 + i * 2, segments[i].selector == TR ? address(tss) : 0);
	}
	vmwrite(0x4810, 4 * 8 - 1); /* GDTR, IDTR */
	vmwrite(0x4812, PAGE - 1);
	vmwrite(0x6816, address(vm->gdt));
	vmwrite(0x6818, address(vm->idt));
	vmwrite(0x6800, 0x80010033 | rdmsr(MSR_CR0_FIXED0));
	vmwrite(0x6802, address(guest_pml4));
	vmwrite(0x6804, 0x620 | rdmsr(MSR_CR4_FIXED0));
	vmwrite(0x681a, 0x400);
	vmwrite(0x2800, ~0ull); /* link */
	vmwrite(0x2802, 0);
	vmwrite(0x2806, EFER_LMA_LME);
	vmwrite(0x6822, 0);
	for (unsigned f = 0x6000; f <= 0x6006; f += 2) /* CR0, CR4: masks, shadows */
		vmwrite(f, 0);
	vmwrite(0x4006, 0);
	vmwrite(0x4008, 0);
}

static void write_host(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} table;
	uint64_t cr;

	for (unsigned i = 0; i < 6; i++) /* ES, CS, SS, DS, FS, GS */
		vmwrite(0x0c00 + i * 2, i == 1 ? CODE64 : i < 4 ? DATA : 0);
	vmwrite(0x0c0c, TR);
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr));
	vmwrite(0x6c00, cr);
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr));
	vmwrite(0x6c04, cr);
	vmwrite(0x6c02, address(host_pml4));
	vmwrite(0x6c06, 0);
	vmwrite(0x6c08, 0);
	vmwrite(0x6c0a, address(tss));
	__asm__ volatile("sgdt %0" : "=m"(table));
	vmwrite(0x6c0c, table.base);
	__asm__ volatile("sidt %0" : "=m"(table));
	vmwrite(0x6c0e, table.base);
	vmwrite(0x2c02, rdmsr(MSR_EFER));
}

/* ---- VM entry ---- */

static void load_region(uint32_t *region)
{
	uint64_t pa = address(region);
	bool bad;

	region[0] = (uint32_t)rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
	__asm__ volatile("vmclear %1" : "=@ccbe"(bad) : "m"(pa));
	if (bad)
		broken("VMCLEAR fails");
	__asm__ volatile("vmptrld %1" : "=@ccbe"(bad) : "m"(pa));
	if (bad)
		broken("VMPTRLD fails");
}

/* This program ends an interrupt that the exit acknowledged. */
static void finish_interrupt(struct vmcs *v)
{
	if (v->reason != EXIT_INTERRUPT || !(v->exit_info & EVENT_VALID))
		return;
	v->in_service = host_in_service(v->exit_info & 255);
	cpus[cpu_self()].interrupts++;
	end_of_interrupt();
}

uint32_t vm_run(struct vm *vm)
{
	struct vmcs *v = vm->vmcs;
	unsigned failed;

	if (!vm->nops)
		vm->guest->ops[0].stub = address(g_end);
	load_region(regions[vm_number(vm)]);
	write_guest(vm);
	write_host();
	write_fields(v, fields, COUNT(fields));
	if (has_ipiv())
		write_fields(v, ipiv_fields, COUNT(ipiv_fields));
	write_fields(v, both, COUNT(both));
	v->error = 0;
	v->in_service = false;
	failed = vmx_run(vm->guest);
	if (failed) {
		v->error = failed == 1 ? ~0u : (uint32_t)vmread(0x4400);
		v->reason = ~0u;
		return v->reason;
	}
	read_fields(v, both, COUNT(both));
	read_fields(v, results, COUNT(results));
	finish_interrupt(v);
	return v->reason;
}

void vm_x2(struct vm *vm)
{
	vm->vmcs->proc2 = (vm->vmcs->proc2 & ~PROC2_ACCESSES) | PROC2_X2APIC;
	*reg(vm->page, APIC_ID) = vm_number(vm);
}

void vm_intercept_msr(struct vm *vm, uint32_t msr, bool read, bool write)
{
	uint8_t *map = msr_bitmaps[vm_number(vm)] + (msr < 0xc0000000 ? 0 : 1024);
	unsigned bit = msr & 0x1fff;

	for (unsigned w = 0; w < 2; w++) {
		uint8_t *byte = map + w * 2048 + bit / 8;

		*byte = (uint8_t)((*byte & ~(1u << bit % 8)) | (w ? write : read) << bit % 8);
	}
}

/* ---- as at the beginning of a row ---- */

static uint32_t control(unsigned n, uint32_t bits)
{
	return bits | (uint32_t)rdmsr(MSR_TRUE_PIN + n);
}

static void controls_reset(struct vmcs *v, const struct vm *vm)
{
	unsigned n = vm_number(vm);

	v->pin = control(0, PIN_EXT_INT | PIN_NMI | PIN_TIMER | PIN_POSTED);
	v->proc = control(1, PROC_EXITS | PROC_TPR | PROC_MSRS | PROC_SECONDARY);
	v->exit_ctl = control(2, EXITC_LONG | EXITC_EFER | EXITC_ACK);
	v->entry_ctl = control(3, ENTRY_LONG | ENTRY_EFER);
	v->proc2 = PROC2_ACCESSES | PROC2_EPT | PROC2_REGS | PROC2_VID;
	if (has_ipiv()) {
		v->proc |= PROC_TERTIARY;
		v->proc3 = PROC3_IPIV;
	}
	v->exceptions = ~0u;
	v->timer = SPELL;
	v->msr_bitmap = address(msr_bitmaps[n]);
	v->eptp = vm_nested_top(vm) | EPTP_WB_4;
	v->virtual_apic = address(vm->page);
	v->apic_access = address(vm->plain);
	v->nv = NOTIFY;
	v->pid = address(&pids[n]);
	v->pid_table = address(pid_table);
	v->last_pid = TABLE_SIZE - 1;
}

void vendor_rewind(struct vm *vm)
{
	struct vmcs *v = vm->vmcs;

	memset(v, 0, sizeof(*v));
	controls_reset(v, vm);
	v->rip = address(guest_start);
	v->rsp = address(vm->stack) + PAGE;
	v->rflags = RFLAGS_ONE | RFLAGS_IF;
}

void vendor_reset(struct vm *vm)
{
	memset(msr_bitmaps[vm_number(vm)], 0xff, PAGE);
	for (uint32_t msr = 0x800; msr < 0x900; msr++)
		vm_intercept_msr(vm, msr, false, false);
}

uint64_t pid_ndst(unsigned cpu)
{
	return (uint64_t)(host_x2 ? cpu : cpu << 8) << 32;
}

void vendor_tables(void)
{
	memset(pid_table, 0, sizeof(pid_table));
	memset(pids, 0, sizeof(pids));
	for (unsigned i = 0; i < PIDS; i++) {
		pids[i].control = pid_ndst(i % CPUS) | PID_NV(NOTIFY);
		pid_table[i] = address(&pids[i]) | PID_VALID;
	}
}

void vendor_init(void)
{
	for (unsigned i = 0; i < CPUS; i++)
		vms[i].vmcs = &images[i];
	vendor_tables();
}

unsigned phys_bits(void)
{
	uint32_t r[4];

	cpuid(0x80000008, r);
	return r[0] & 255;
}

bool has_ipiv(void)
{
	return rdmsr(0x482) >> 32 & PROC_TERTIARY && rdmsr(MSR_PROC3) & PROC3_IPIV;
}

/* Also called after INIT, when VMX was on and is off now. */
void vendor_cpu(void)
{
	uint32_t *region = vmxon_regions[cpu_self()];
	uint64_t pa = address(region), cr4;
	bool bad;

	if (!(rdmsr(MSR_FEATURE_CONTROL) & FEATURE_LOCK))
		wrmsr(MSR_FEATURE_CONTROL, FEATURE_LOCK | FEATURE_VMXON);
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_VMXE));
	region[0] = (uint32_t)rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
	__asm__ volatile("vmxon %1" : "=@ccbe"(bad) : "m"(pa));
	if (bad)
		broken("VMXON fails");
}
