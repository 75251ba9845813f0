/* SPDX-License-Identifier: MIT */
/* Lines of logs, traces and tables: each kind in the forms that kernels print, and what is no line.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "decode_log.h"

/* One text of one or more lines. @words: of the first report, separated by blanks. */
struct row {
	const char *why, *text;
	unsigned known;
	unsigned long unknown;
	const char *kind, *words, *reading, *error;
};

static const struct row rows[] = {
	/* clang-format off */
	/* drivers/iommu/amd/iommu.c */
	{"amd_iommu_report_page_fault: pci_err names the device", "[ 1234.500000] vfio-pci 0000:08:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x002c address=0xfffffffdf8000000 flags=0x0008]", 1, 0, "amd-event", "0x2008002c00000800 0xfffffffdf8000000", "IRTE.RemapEn=0", NULL},
	{"journalctl's prefix", "Nov 28 06:00:00 host kernel: nvme 0000:c1:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000f address=0xd0000000 flags=0x0020]", 1, 0, "amd-event", "0x2020000f0000c100 0x00000000d0000000", "a DMA write of device c1:00.0", NULL},
	{"no device of the driver core: pr_err", "AMD-Vi: Event logged [IO_PAGE_FAULT device=0000:00:14.0 domain=0x0000 address=0xFEE00000 flags=0x0008]", 1, 0, "amd-event", "0x20080000000000a0 0x00000000fee00000", "device 00:14.0", NULL},
	{"before segments were printed", "AMD-Vi: Event logged [IO_PAGE_FAULT device=00:14.0 domain=0x0000 address=0x00000000fee00000 flags=0x0098]", 1, 0, "amd-event", "0x20980000000000a0 0x00000000fee00000", "a reserved bit or an illegal encoding", NULL},
	{"iommu_print_event: INVALID_DEVICE_REQUEST", "iommu ivhd0: AMD-Vi: Event logged [INVALID_DEVICE_REQUEST device=0000:00:00.0 pasid=0x00000 address=0xfffffffdf8000000 flags=0x0a00]", 1, 0, "amd-event", "0x8a00000000000000 0xfffffffdf8000000", "the address is in the interrupt and EOI range", NULL},
	{"pasid of 20 bits", "AMD-Vi: Event logged [ILLEGAL_DEV_TABLE_ENTRY device=0000:01:00.0 pasid=0x51234 address=0x1000 flags=0x0000]", 1, 0, "amd-event", "0x1000123400050100 0x0000000000001000", "the DTE of device 01:00.0", NULL},
	{"ILLEGAL_COMMAND_ERROR has no device", "AMD-Vi: Event logged [ILLEGAL_COMMAND_ERROR address=0x12340]", 1, 0, "amd-event", "0x5000000000000000 0x0000000000012340", "stopped", NULL},
	{"RMP_PAGE_FAULT", "AMD-Vi: Event logged [RMP_PAGE_FAULT device=0000:01:00.0, vmg_tag=0x0005, gpa=0x1000, flags_rmp=0x0001, flags=0x0020]", 1, 0, "amd-event", "0xd020000500000100 0x0000000000001000", NULL, NULL},
	{"UNKNOWN: the words", "AMD-Vi: Event logged [UNKNOWN event[0]=0x00000800 event[1]=0xa0000000 event[2]=0x00001000 event[3]=0x00000000", 1, 0, "amd-event", "0xa000000000000800 0x0000000000001000", NULL, NULL},
	{"wrapped by a mail program", "AMD-Vi: Event logged [IO_PAGE_FAULT\n   domain=0x002c address=0xfffffffdf8000000 flags=0x0008]", 1, 0, "amd-event", "0x2008002c00000000 0xfffffffdf8000000", NULL, "names no device"},
	{"wrapped, each part with its time", "[1.5] vfio-pci 0000:08:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x002c\n[1.6] address=0xfffffffdf8000000\n[1.7] flags=0x0008]\nother", 1, 1, "amd-event", "0x2008002c00000800 0xfffffffdf8000000", NULL, NULL},
	{"cut, another follows", "AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x002c\nAMD-Vi: Event logged [ILLEGAL_COMMAND_ERROR address=0x12340]", 2, 0, "amd-event", "", NULL, "the line is cut"},
	{"cut at the end", "AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x002c", 1, 0, "amd-event", "", NULL, "the line is cut"},
	{"no event of the hardware", "AMD-Vi: Event logged [Device not attached to domain properly]", 0, 1, NULL, NULL, NULL, NULL},
	{"dump_dte_entry", "AMD-Vi: DTE[0]: 0000000000000003\nAMD-Vi: DTE[1]: 0000000000000000\nAMD-Vi: DTE[2]: 2000000100040013\nAMD-Vi: DTE[3]: 0000000000000000", 1, 0, "amd-dte", "0x0000000000000003 0x0000000000000000 0x2000000100040013 0x0000000000000000", "the table at 0x100040000 with 512 entries", NULL},
	{"dump_command", "AMD-Vi: CMD[0]: 00000841\nAMD-Vi: CMD[1]: 50000000\nAMD-Vi: CMD[2]: 00000000\nAMD-Vi: CMD[3]: 00000000", 1, 0, "amd-cmd", "0x5000000000000841 0x0000000000000000", NULL, NULL},
	/* drivers/iommu/amd/init.c */
	{"print_iommu_info: no posting", "[ 1234.7] AMD-Vi: Extended features (0x58f77ef22294a5a, 0x0): PPR NX GT IA PC GA_vAPIC", 1, 0, "amd-efr", "0x058f77ef22294a5a 0x0000000000000000", "no posting: GASup=0", "GASup=0"},
	{"print_iommu_info: GAPPI", "AMD-Vi: Extended features (0x246577efa2254afa, 0x10): PPR NX GT [5] IA GA PC GA_vAPIC", 1, 0, "amd-efr", "0x246577efa2254afa 0x0000000000000010", "GAPPISup); XTSup=0: destinations have 8 bits, no x2APIC mode; GAPPIDisSup=1: it can be suppressed", NULL},
	{"wrapped between the registers", "AMD-Vi: Extended features (0x246577efa2254afa,\n0x10): PPR NX GT", 1, 0, "amd-efr", "0x246577efa2254afa 0x0000000000000010", NULL, NULL},
	{"a fault wrapped before its reason", "DMAR: [INTR-REMAP] Request device [01:05.0] fault index 0x2f\n> [fault reason 0x26] Blocked", 1, 0, "dmar-fault", "0x002f000000000000 0x8000002600000128", NULL, NULL},
	{"a trace line wrapped", "kvm_exit: vcpu 3 reason avic_incomplete_ipi rip 0x1\n    info1 0x0000000c000000fd info2 0x0000000100000003", 1, 0, "kvm-exit", "0x0000000c000000fd 0x0000000100000003", NULL, NULL},
	{"several devices", "AMD-Vi: Event logged [IO_PAGE_FAULT device=08:00.0 domain=0x0 address=0xfee00000 flags=0x0008]\nnvme 0000:09:00.1: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0 address=0xfee00000 flags=0x0008]\nx", 2, 1, "amd-event", "0x2008000000000800 0x00000000fee00000", NULL, NULL},
	{"one register, before 5.19", "AMD-Vi: Extended features (0xf77ef22294ada): PPR NX GT IA GA PC GA_vAPIC", 1, 0, "amd-efr", "0x000f77ef22294ada", "no GAPPI", NULL},
	{"upper case digits", "AMD-Vi: Extended features (0xF77EF22294ADA, 0X0):", 1, 0, "amd-efr", "0x000f77ef22294ada 0x0000000000000000", NULL, NULL},
	{"names alone say no values", "AMD-Vi: Extended features:  PreF PPR GT IA", 0, 1, NULL, NULL, NULL, NULL},
	{"EFR of IVRS", "AMD-Vi: Using global IVHD EFR:0x246577efa2254afa, EFR2:0x10", 1, 0, "amd-efr", "0x246577efa2254afa 0x0000000000000010", NULL, NULL},
	{"enable_iommus_vapic", "AMD-Vi: Virtual APIC enabled", 1, 0, "message", "", "posts interrupts", NULL},
	/* drivers/iommu/amd/debugfs.c */
	{"dump_128_irte: high first", "DeviceId 0000:01:00.0\nIRT[0005] 0000000123456041 000000F100002A81", 1, 1, "amd-irte", "0x000000f100002a81 0x0000000123456041", "posted: guest vector 0x41", NULL},
	{"dump_32_irte", "IRT[0005] 00310f41", 1, 0, "amd-irte", "0x00310f41", NULL, NULL},
	{"dump_dte: quadword 3 first", "DeviceId             QWORD[3]         QWORD[2]         QWORD[1]         QWORD[0] iommu\n0000:01:00.0 0000000000000000 2000000100040013 0000000000000000 0000000000000003 iommu0", 1, 1, "amd-dte", "0x0000000000000003 0x0000000000000000 0x2000000100040013 0x0000000000000000", NULL, NULL},
	{"iommu_mmio_show: control", "Offset:0x18 Value:0x0080000002020000", 1, 0, "amd-register", "0x0080000002020000", "the IOMMU is off", NULL},
	{"iommu_mmio_show: posting with the GA log", "Offset:0x18 Value:0x0004000032020001", 1, 0, "amd-register", "0x0004000032020001", "an entry in the guest APIC log, with an interrupt", NULL},
	{"iommu_mmio_show: status", "Offset:0x2020 Value:0x0000000000000200", 1, 0, "amd-register", "0x0000000000000200", "wakeups of vCPUs were dropped, and it stopped", NULL},
	{"iommu_capability_show is no register of this kind", "Offset:0x10 Value:0x00203040", 0, 1, NULL, NULL, NULL, NULL},
	{"iommu_cmdbuf_show", "CMD Buffer Head Offset:339 Tail Offset:339\n  7: 00000841 50000000 00000000 00000000", 1, 1, "amd-cmd", "0x5000000000000841 0x0000000000000000", NULL, NULL},
	{"a hex dump is no command", "00000010: 00000841 50000000 00000000 00000000", 0, 1, NULL, NULL, NULL, NULL},
	/* drivers/iommu/intel/dmar.c */
	{"dmar_fault_do_one: hexadecimal reason", "[   10.000001] DMAR: [INTR-REMAP] Request device [01:05.0] fault index 0x2f [fault reason 0x26] Blocked", 1, 0, "dmar-fault", "0x002f000000000000 0x8000002600000128", "entry 47 (0x2f), reason 26h", NULL},
	{"decimal reason, index without 0x", "DMAR: [INTR-REMAP] Request device [00:00.0] fault index 28 [fault reason 38] Blocked", 1, 0, "dmar-fault", "0x0028000000000000 0x8000002600000000", "entry 40 (0x28), reason 26h", NULL},
	{"with a segment", "DMAR: [INTR-REMAP] Request device [0000:c9:05.0] fault index 0xffff [fault reason 0x22] Present", 1, 0, "dmar-fault", "0xffff000000000000 0x800000220000c928", "freed or never set", NULL},
	{"a compatibility request names no entry", "DMAR: [INTR-REMAP] Request device [0xc9:0x05.0] fault index 0xa00 [fault reason 0x25] Blocked", 1, 0, "dmar-fault", "0x0a00000000000000 0x800000250000c928", "names no entry", NULL},
	{"two lines of kernels before 4.0", "INTR-REMAP: Request device [[01:05.0] fault index 2f\nINTR-REMAP:[fault reason 38] Blocked", 1, 0, "dmar-fault", "0x002f000000000000 0x8000002600000128", NULL, NULL},
	{"DMA read, no PASID", "DMAR: [DMA Read NO_PASID] Request device [0000:00:02.0] fault addr 0x7fffe000 [fault reason 0x06] PTE Read", 1, 0, "dmar-fault", "0x000000007fffe000 0xc000000600000010", "may not be read", NULL},
	{"DMA write, decimal", "DMAR: [DMA Write] Request device [00:02.0] fault addr 7fffe000 [fault reason 12] non-zero", 1, 0, "dmar-fault", "0x000000007fffe000 0x8000000c00000010", "reserved bits in a page table entry", NULL},
	{"dmar_fault: the register without 0x", "DMAR: DRHD: handling fault status reg 3", 1, 0, "dmar-status", "0x00000003", "further faults were lost", NULL},
	{"alloc_iommu: posting", "DMAR: dmar0: reg_base_addr fbffc000 ver 1:0 cap 8d2078c106f0466 ecap f020df", 1, 0, "dmar-unit", "0x08d2078c106f0466 0x0000000000f020df", "posting is possible", NULL},
	{"alloc_iommu: no posting", "DMAR: dmar0: reg_base_addr fed91000 ver 1:0 cap d2008c40660462 ecap f050da", 1, 0, "dmar-unit", "0x00d2008c40660462 0x0000000000f050da", "no posting by this unit: CAP.PI=0, ECAP.IR=1, ECAP.EIM=1", NULL},
	{"scalable mode", "DMAR: [DMA Read PASID 0x5] Request device [0000:00:02.0] fault addr 0x7fffe000 [fault reason 0x59] SM: Present", 1, 0, "dmar-fault", "0x000000007fffe000 0xc000005900000010", "a fault of scalable mode", NULL},
	/* drivers/iommu/intel/debugfs.c */
	{"ir_tbl_remap_entry_show", " Entry SrcID   DstID    Vct IRTE_high\t\tIRTE_low\n 24    08:08.1 00000300 31  0000000000040841\t0000030000310001", 1, 1, "vtd-irte", "0x0000030000310001 0x0000000000040841", "not posted", NULL},
	{"ir_tbl_posted_entry_show", " 25    08:08.1 00000001 23456780 41  0000000100040841\t2345678000418001", 1, 0, "vtd-irte", "0x2345678000418001 0x0000000100040841", "the descriptor at 0x123456780", NULL},
	{"columns that do not fit", " 25    08:08.1 00000001 23456780 42  0000000100040841\t2345678000418001", 1, 0, "vtd-irte", NULL, NULL, "the row says vector 0x42"},
	{"iommu_regset_show", "CAP             \t0x08\t\t0x08d2078c106f0466\nFECTL           \t0x38\t\t0x0000000000000000", 1, 1, "vtd-register", "0x08d2078c106f0466", "CAP.PI=1", NULL},
	{"32-bit register, 16 digits", "GSTS            \t0x1c\t\t0x00000000c7000000", 1, 0, "vtd-register", "0xc7000000", "interrupt remapping is on", NULL},
	{"IRTA", "IRTA            \t0xb8\t\t0x000000010004080f", 1, 0, "vtd-register", "0x000000010004080f", NULL, NULL},
	/* arch/x86/kvm/trace.h */
	{"kvm_exit: AVIC", "  CPU 3/KVM-5003  [002] d....  100.000100: kvm_exit: vcpu 3 reason avic_incomplete_ipi rip 0xffffffff81000000 info1 0x0000000c000000fd info2 0x0000000100000003", 1, 0, "kvm-exit", "0x0000000c000000fd 0x0000000100000003", "a target does not run", NULL},
	{"info without a number, as trace-cmd's plugin prints it", "qemu-4990 [007] 100.0: kvm_exit: reason AVIC_INCOMPLETE_IPI rip 0x1000 info c000000fd 100000003", 1, 0, "kvm-exit", "0x0000000c000000fd 0x0000000100000003", NULL, NULL},
	{"perf's name", "CPU 0/KVM 5003 [002] 100.1: kvm:kvm_exit: vcpu 0 reason APIC_WRITE rip 0x0 info1 0x0000000000000300 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000", 1, 0, "kvm-exit", "0x0000000000000300", "a write to the ICR low", NULL},
	{"EOI_INDUCED", "kvm_exit: vcpu 0 reason EOI_INDUCED rip 0x0 info1 0x0000000000000031 info2 0x0", 1, 0, "kvm-exit", "0x0000000000000031", "ended vector 0x31", NULL},
	{"APIC_ACCESS", "kvm_exit: vcpu 0 reason APIC_ACCESS rip 0x0 info1 0x0000000000001300 info2 0x0", 1, 0, "kvm-exit", "0x0000000000001300", "did not complete", NULL},
	{"a number for a name", "kvm_exit: vcpu 3 reason UNKNOWN (0x402) rip 0x0 info1 0x00000001000000b0 info2 0x31", 1, 0, "kvm-exit", "0x00000001000000b0 0x0000000000000031", "a write of the EOI", NULL},
	{"wakeup vector", "kvm_exit: vcpu 0 reason EXTERNAL_INTERRUPT rip 0x0 info1 0x0 info2 0x0 intr_info 0x800000f1 error_code 0x0", 1, 0, "kvm-exit", "", "posted-interrupt wakeup", NULL},
	{"notification vector, information without a name", "kvm_exit: reason EXTERNAL_INTERRUPT rip 0xffffffff info 0 800000f2", 1, 0, "kvm-exit", "", "did not process itself", NULL},
	{"other exits do not concern it", "kvm_exit: vcpu 0 reason HLT rip 0x0 info1 0x0 info2 0x0", 0, 1, NULL, NULL, NULL, NULL},
	{"kvm_avic_incomplete_ipi: ICRH first", "kvm_avic_incomplete_ipi: vcpu=3, icrh:icrl=0xc000000:0xfd, id=1, index=3", 1, 0, "kvm-avic-incomplete-ipi", "0x0c000000000000fd 0x0000000100000003", "0xc if xAPIC", NULL},
	{"low half without 0x", "kvm_avic_incomplete_ipi: vcpu=3, icrh:icrl=0x0c000000:000008fd, id=0, index=3", 1, 0, "kvm-avic-incomplete-ipi", "0x0c000000000008fd 0x0000000000000003", "KVM emulates it", NULL},
	{"kvm_avic_kick_vcpu_slowpath", "kvm_avic_kick_vcpu_slowpath: icrh:icrl=0xc000000:000000fd, index=3", 1, 0, "kvm-avic-kick", "0x0c000000000000fd", "vector 0xfd", NULL},
	{"kvm_avic_unaccelerated_access: fault", "kvm_avic_unaccelerated_access: vcpu=0, offset=0x390(APIC_TMCCT), fault, read, vec=0x0", 1, 0, "kvm-avic-access", "0x0000000000000390 0x0000000000000000", "fault: the instruction has not run", NULL},
	{"kvm_avic_unaccelerated_access: trap", "kvm_avic_unaccelerated_access: vcpu=0, offset=0x380(APIC_TMICT), trap, write, vec=0x0", 1, 0, "kvm-avic-access", "0x0000000100000380 0x0000000000000000", "holds the new value", NULL},
	{"kvm_avic_ga_log, hexadecimal", "<idle>-0 [002] d.h..  100.000200: kvm_avic_ga_log: vmid=0x1, vcpuid=0x1f", 1, 0, "kvm-avic-ga-log", "", "vCPU 31 of VM 1", NULL},
	{"kvm_avic_ga_log, decimal", "kvm_avic_ga_log: vmid=10, vcpuid=31", 1, 0, "kvm-avic-ga-log", "", "vCPU 31 of VM 10", NULL},
	{"kvm_avic_doorbell", "kvm_avic_doorbell: vcpuid=3, apicid=12", 1, 0, "kvm-avic-doorbell", "", "APIC ID 0xc", NULL},
	{"kvm_apicv_inhibit_changed", "qemu-kvm-4990 [007] .....  100.3: kvm_apicv_inhibit_changed: set reason=8, inhibits=0x120", 1, 0, "kvm-inhibit", "0x0000000000000120", "APIC_ID_MODIFIED", NULL},
	{"with names", "kvm_apicv_inhibit_changed: cleared reason=2, inhibits=0x200 PIT_REINJ", 1, 0, "kvm-inhibit", "0x0000000000000200", "PIT_REINJ", NULL},
	{"cleared the last", "kvm_apicv_inhibit_changed: cleared reason=8, inhibits=0x0", 1, 0, "kvm-inhibit", "0x0000000000000000", "nothing inhibits it", NULL},
	{"a reason that its mask does not have", "kvm_apicv_inhibit_changed: set reason=8, inhibits=0x20", 1, 0, "kvm-inhibit", "0x0000000000000020", NULL, "reason 8 is set but its bit is 0"},
	{"kvm_apicv_update_request of 5.6", "kvm_apicv_update_request: deactivate bit=3", 1, 0, "kvm-inhibit", "", "IRQWIN is set", NULL},
	{"kvm_pi_irte_update", "kvm_pi_irte_update: PI is on for irq 45, vcpu 2, gsi 0x18, gvec 0x41, pi_desc_addr 0x123456780", 1, 0, "kvm-pi", "", "posting is on for IRQ 45 to vCPU 2, vector 0x41", NULL},
	/* arch/x86/kvm/svm/svm.c: dump_vmcb */
	{"int_ctl", "[1.0] SVM: int_ctl:            c0000000", 1, 0, "vmcb", "0x00000000c0000000", "on, with x2AVIC", NULL},
	{"exit of AVIC over three lines", "kvm_amd: exit_code:          00000401\nkvm_amd: exit_info1:         0c000000000000fd\nkvm_amd: exit_info2:         0000000100000003\nkvm_amd: exit_int_info:      00000000", 1, 1, "vmcb", "0x0c000000000000fd 0x0000000100000003", "a target does not run", NULL},
	{"exit_code of 64 bits, another exit", "SVM: exit_code:          000000000000007b\nSVM: exit_info1:         0000000000000000\nSVM: exit_info2:         0000000000000000", 0, 3, NULL, NULL, NULL, NULL},
	{"avic_physical_id", "SVM: avic_physical_id:   00000001234580ff", 1, 0, "vmcb", "", NULL, NULL},
	{"avic_backing_page", "SVM: avic_backing_page:  0000000123456010", 1, 0, "vmcb", "", NULL, "not 4 KiB aligned"},
	/* arch/x86/kvm/vmx/vmx.c: dump_vmcs */
	{"three words on one line, before 5.13", "PinBased=000000ff CPUBased=b5a06dfa SecondaryExec=001237ea", 1, 0, "vmcs-controls", "", "posted interrupts are on", NULL},
	{"secondary and tertiary", "VMX: CPUBased=0xb5a26dfa SecondaryExec=0x001237ea TertiaryExec=0x0000000000000010", 1, 0, "vmcs-controls", "", "(APICv) is on", NULL},
	{"posting without delivery", "PinBased=000000ff CPUBased=b5a06dfa SecondaryExec=00000001", 1, 0, "vmcs-controls", "", "is off", "VM entry fails"},
	{"InterruptStatus", "kvm_intel: InterruptStatus = 31fd", 1, 0, "vmcs-status", "", "vector 0xfd waits", NULL},
	{"SVI|RVI", "SVI|RVI = fd|31 TPR Threshold = 0x00", 1, 0, "vmcs-status", "", "held back", NULL},
	{"PostedIntrVec", "PostedIntrVec = 0xf2", 1, 0, "vmcs-vector", "", NULL, NULL},
	{"reason and qualification", "        reason=0000002d qualification=0000000000000031", 1, 0, "vmcs-exit", "0x0000000000000031", "ended vector 0x31", NULL},
	/* arch/x86/kernel/irq.c, /proc/interrupts */
	{"PIN", " PIN:       1200         34   Posted-interrupt notification event", 1, 0, "interrupts", "", "1234 posted-interrupt notifications", NULL},
	{"PIW", "PIW:          0          7   Posted-interrupt wakeup event", 1, 0, "interrupts", "", "7 posted-interrupt wakeups", NULL},
	{"NPI", "NPI:          0          0   Nested posted-interrupt event", 1, 0, "interrupts", "", "0 posted-interrupt notifications of nested", NULL},
	{"PMN", "PMN:          5          5   Posted MSI notification event", 1, 0, "interrupts", "", "10 posted MSI", NULL},
	{"an AMD IOMMU's GA log", " 28:          3          4 IR-PCI-MSI-0000:00:00.2    0-edge      AMD-Vi0-GA", 1, 0, "interrupts", "", "its guest APIC log", NULL},
	{"a VT-d unit", " 24:          0          1 DMAR-MSI    0-edge      dmar0", 1, 0, "interrupts", "", "1 interrupts of a VT-d unit", NULL},
	{"other rows", "LOC:          5          5   Local timer interrupts\n 30:          1          2 IR-PCI-MSI 1-edge nvme0q1\n           CPU0       CPU1", 0, 3, NULL, NULL, NULL, NULL},
	/* what is none */
	{"empty lines are not counted", "\n\n  \n", 0, 0, NULL, NULL, NULL, NULL},
	{"text", "hello\nkernel: usb 1-1: new device", 0, 2, NULL, NULL, NULL, NULL},
	/* clang-format on */
};

struct seen {
	unsigned n;
	unsigned long line;
	struct pn_decoded first, last;
};

static void see(void *arg, unsigned long line, const struct pn_decoded *d)
{
	struct seen *s = arg;

	s->last = *d;
	if (!s->n++) {
		s->line = line;
		s->first = *d;
	}
}

static void feed(struct pn_declog *log, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		pn_declog_feed(log, text, n + (text[n] == '\n'));
		text += n + (text[n] == '\n');
	}
	pn_declog_end(log);
}

static void words_of(const struct pn_decoded *d, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < d->words; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? " " : "", d->word[i]);
}

static bool has_error(const struct pn_decoded *d, const char *error)
{
	for (unsigned i = 0; i < d->errors; i++)
		if (strstr(d->error[i], error))
			return true;
	return false;
}

static void check(const struct row *r, const struct seen *s)
{
	char words[256];

	assert_string_equal(s->first.kind, r->kind);
	words_of(&s->first, words, sizeof(words));
	if (r->words && strcmp(words, r->words))
		fail_msg("%s: %s", r->why, words);
	if (r->reading && !strstr(s->first.reading, r->reading))
		fail_msg("%s: \"%s\"", r->why, s->first.reading);
	if (r->error && !has_error(&s->first, r->error))
		fail_msg("%s: not wrong: %s", r->why, r->error);
	if (!r->error && s->first.errors)
		fail_msg("%s: %s", r->why, s->first.error[0]);
}

static void lines(void **state)
{
	static struct pn_declog log;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen s = {0};

		pn_declog_init(&log, NULL, see, &s);
		feed(&log, rows[i].text);
		if (s.n != rows[i].known || log.known != s.n || log.unknown != rows[i].unknown)
			fail_msg("%s: %u known, %lu not", rows[i].why, s.n, log.unknown);
		if (s.n)
			check(&rows[i], &s);
	}
}

/* Each kind's own example is a line of some kind, or the first part of one. */
static void examples(void **state)
{
	static struct pn_declog log;
	struct seen s = {0};
	const char *example;

	(void)state;
	pn_declog_init(&log, NULL, see, &s);
	for (unsigned i = 0; pn_declog_kind(i, &example) != NULL; i++) {
		pn_declog_feed(&log, example, strlen(example));
		if (log.unknown)
			fail_msg("%s", example);
	}
	pn_declog_end(&log);
	assert_true(s.n > 30);
}

/* What stands before a line and the ends of lines do not matter. */
static void prefixes(void **state)
{
	static const char *const prefix[] = {"",
					     "[    1.234567] ",
					     "Nov 28 06:00:00 host kernel: ",
					     "<3>[ 1.2] ",
					     "2026-11-28T06:00:00+0000 host kernel: ",
					     "kern  :err   : [Sat Nov 28 06:00:00 2026] ",
					     "> "};
	static struct pn_declog log;
	char text[1024], want[256], words[256];

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *kind = rows[i].kind;

		if (!kind || strchr(rows[i].text, '\n') || strstr(rows[i].text, "Event logged") ||
		    !strcmp(kind, "interrupts") || strstr(kind, "irte") ||
		    strstr(kind, "register") || rows[i].error || !rows[i].words)
			continue;
		snprintf(want, sizeof(want), "%s", rows[i].words);
		for (unsigned p = 0; p < sizeof(prefix) / sizeof(prefix[0]); p++) {
			struct seen s = {0};

			pn_declog_init(&log, NULL, see, &s);
			snprintf(text, sizeof(text), "first\n%s%s\r\n", prefix[p], rows[i].text);
			feed(&log, text);
			words_of(&s.first, words, sizeof(words));
			if (s.n != 1 || s.line != 2 || strcmp(words, want))
				fail_msg("\"%s\" before %s: %u lines, %s", prefix[p], rows[i].why,
					 s.n, words);
		}
	}
}

static uint64_t seed = 1;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Lines with bytes changed, taken out, doubled or cut: no crash, every line is one or the other. */
static void damaged(void **state)
{
	static struct pn_declog log;
	static char text[PN_DECLOG_LINE * 2];
	struct seen s = {0};
	unsigned fed = 0;

	(void)state;
	pn_declog_init(&log, NULL, see, &s);
	for (unsigned round = 0; round < 400; round++) {
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			size_t n = strlen(rows[i].text), times;

			if (!n)
				continue;
			memcpy(text, rows[i].text, n + 1);
			times = rnd() % 4;
			for (unsigned k = 0; k < times; k++)
				text[rnd() % n] = (char)rnd();
			if (!(rnd() % 4))
				n = rnd() % n;
			pn_declog_feed(&log, text, n);
			fed++;
		}
	}
	/* As of 1 000 CPUs, and longer than any line. */
	memset(text, ' ', sizeof(text));
	memcpy(text, "PIN:", 4);
	for (unsigned i = 1; i <= 1000; i++)
		text[4 + 11 * i] = '1';
	pn_declog_feed(&log, text, 4 + 11 * 1001);
	assert_string_equal(s.last.kind, "interrupts");
	assert_int_equal(s.last.field[0].value, 1000);
	fed++;
	memset(text, '1', sizeof(text));
	pn_declog_feed(&log, text, sizeof(text));
	pn_declog_end(&log);
	assert_int_equal(log.line, fed + 1);
	assert_true(log.known > 1000 && log.known == s.n &&
		    log.known + log.unknown <= log.line + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(examples),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
