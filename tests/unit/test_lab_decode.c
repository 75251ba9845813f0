/* SPDX-License-Identifier: MIT */
/* The decoders: every field that has a meaning, every error, and inputs that are refused. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "decode.h"

#define MAX 16 /* words of one row */

/* One field of one object; the section is the specification's as the project restates it. */
struct row {
	const char *why, *kind;
	const char *words[MAX];
	const char *field;
	uint64_t value;
	const char *meaning; /* part of it, or NULL */
};

#define RUNNING                                                                                    \
	{                                                                                          \
		"ABCDE123020304C1", "0100000123456041"                                             \
	}
#define STALE                                                                                      \
	{                                                                                          \
		"0xABCDE12302030485", "0x0100000123456041"                                         \
	}
#define GAPPI                                                                                      \
	{                                                                                          \
		"000000F100002A81", "0000000123456041"                                             \
	}
#define GAPPI_DIS                                                                                  \
	{                                                                                          \
		"000000F100002AA1", "0000000123456041"                                             \
	}
#define REMAP                                                                                      \
	{                                                                                          \
		"0x0000000002030401", "0x0100000000000062"                                         \
	}

#define POSTED                                                                                     \
	{                                                                                          \
		"2345678000418001", "0000000100040841"                                             \
	}
#define POSTED_URG                                                                                 \
	{                                                                                          \
		"234567800041C003", "0000000100080510"                                             \
	}
#define REMAPPED                                                                                   \
	{                                                                                          \
		"0000030000310001", "0000000000070841"                                             \
	}
#define PID                                                                                        \
	{                                                                                          \
		"0000000200000000", "0000000000000002", "0", "8000000000000000",                   \
			"0000030000F20001", "0", "0", "0"                                          \
	}

static const struct row rows[] = {
	/* clang-format off */
	{"1.5 XT control", "xt", {"0x0100003102030400"}, "Vector", 0x31, "vector 0x31"},
	{"1.5 XT control", "xt", {"0x0100003102030400"}, "Destination[23:0]", 0x020304, "physical APIC ID 0x01020304"},
	{"1.5 masked", "xt", {"0"}, "Vector", 0, "masked"},
	{"1.2 GAPPIEn is bit 55", "control", {"0080000002020000"}, "GAPPIEn", 1, "GATag[7:0]"},
	{"1.2 GAMEn is 27:25", "control", {"0x2020000"}, "GAMEn", 1, "guest vAPIC mode"},
	{"1.3 GAPPISup", "efr", {"0x2000A0"}, "GAPPISup", 1, "GAPPI"},
	{"1.3 GAPPIDisSup", "efr2", {"10"}, "GAPPIDisSup", 1, NULL},
	{"1.4 GALOverflow", "status", {"0x200"}, "GALOverflow", 1, "dropped"},
	{"2 DTE", "dte", {"0x2000000100040013"}, "IntTabLen", 9, "512 entries"},
	{"2 DTE", "dte", {"0x2000000100040013"}, "IntTabRoot", 0x100040000 >> 6, "0x100040000"},
	{"2 DTE", "dte", {"0x2000000100040013"}, "IntCtl", 2, "remapped"},
	{"2 DTE, whole", "dte", {"0", "0", "0x2000000100040013", "0"}, "IntCtl", 2, "remapped"},
	{"2 DTE, IV = 0", "dte", {"0"}, "IV", 0, "forwarded"},
	{"3.1 IRTE, 32 bits", "irte32", {"0x00310F41"}, "Destination", 0x0F, "logical APIC ID 0x0f"},
	{"3.1 IRTE, 32 bits", "irte32", {"0x00310F41"}, "Vector", 0x31, NULL},
	{"3.1 halves", "irte32", {"0F41", "0031"}, "Vector", 0x31, NULL},
	{"3.2 remapped", "irte", REMAP, "Vector", 0x62, "vector 0x62"},
	{"3.2 remapped", "irte", REMAP, "Destination[23:0]", 0x020304, "physical APIC ID 0x01020304"},
	{"3.2 without XTEn", "irte", REMAP, "Destination[23:0]", 0x020304, "0x04 if XTEn=0"},
	{"3.3 running", "irte", RUNNING, "IsRun", 1, "doorbell to Destination"},
	{"3.3 running", "irte", RUNNING, "Destination[23:0]", 0x020304, "doorbell goes to APIC ID 0x01020304"},
	{"3.3 tag", "irte", RUNNING, "GATag", 0xABCDE123, "tag 0xabcde123"},
	{"3.3 page", "irte", RUNNING, "GuestVAPICRoot", 0x123456, "0x123456000"},
	{"3.3 vector to IRR", "irte", RUNNING, "Vector", 0x41, "IRR bit 1 of the word at page + 0x220"},
	{"3.3 asleep", "irte", STALE, "GALogIntr", 1, "GALOG entry"},
	{"3.3 asleep", "irte", STALE, "IsRun", 0, "does not run"},
	{"3.4 GAPPI", "irte", GAPPI, "GATag", 0xF1, "GAPPI: vector 0xf1"},
	{"3.4 GAPPI", "irte", GAPPI, "Destination[23:0]", 0x2A, "GAPPI goes to APIC ID 0x0000002a"},
	{"3.4 suppressed", "irte", GAPPI_DIS, "GAPPIDis", 1, "suppressed"},
	{"3.3 as dwords", "irte", {"00002A81", "000000F1", "23456041", "00000001"}, "GATag", 0xF1, NULL},
	{"3.3 as a 16-bit dump", "irte", {"2a81", "0000", "00f1", "0000", "6041", "2345", "0001", "0000"}, "GuestVAPICRoot", 0x123456, NULL},
	{"4 log entry", "galog", {"0x1000084100012345"}, "GATag", 0x12345, NULL},
	{"4 log entry", "galog", {"0x1000084100012345"}, "DeviceID", 0x841, "08:08.1"},
	{"4 log entry", "galog", {"00012345", "10000841"}, "Code", 1, "GUEST_NR"},
	{"5.1 IRT invalidation", "cmd", {"00000841", "50000000", "0", "0"}, "Opcode", 5, "INVALIDATE_INTERRUPT_TABLE"},
	{"5.1 IRT invalidation", "cmd", {"00000841", "50000000", "0", "0"}, "DeviceID", 0x841, NULL},
	{"5.1 completion wait", "cmd", {"00001009", "10000001", "0", "0"}, "StoreAddress", 0x100001008 >> 3, "0x100001008"},
	{"5.2 event", "event", {"2018000000000841", "00000000FEE00000"}, "Code", 2, "IO_PAGE_FAULT"},
	{"5.2 event", "event", {"2018000000000841", "00000000FEE00000"}, "I", 1, "interrupt"},
	{"5.2 PR means RemapEn", "event", {"2018000000000841", "FEE00000"}, "PR", 1, "RemapEn=1"},
	{"6.2 physical table", "avic-phys", {"0xC00000012345602A"}, "HostPhysicalAPICID", 0x2A, "doorbells"},
	{"6.2 physical table", "avic-phys", {"0xC00000012345602A"}, "BackingPage", 0x123456, "0x123456000"},
	{"6.2 logical table", "avic-log", {"80000003"}, "GuestPhysicalAPICID", 3, NULL},
	{"6.1 VMCB 60h", "vmcb-int", {"80000001"}, "AVIC", 1, "on"},
	{"6.4 incomplete IPI", "exit401", {"0000000200000041", "0000000100000002"}, "ID", 1, "wake"},
	{"6.4 no acceleration", "exit402", {"00000001000000B0", "31"}, "Offset", 0xB, "EOI at 0x0b0"},
	{"6.4 ICR", "icr", {"00000003000C4041"}, "ICR.Shorthand", 3, "all but self"},
	{"2 MSI", "msi", {"FEE01000", "41"}, "Destination", 1, NULL},
	{"2 MSI index", "msi", {"FEE00000", "0", "1FF"}, "data[10:0]", 0x1FF, "entry 511"},
	/* VT-d, from here on the sections of that specification as the project restates it */
	{"VT-d 1.3 remapped", "vtd-irte", REMAPPED, "DST", 0x300, "0x00000300 (0x03 if EIME=0)"},
	{"VT-d 1.3 x2APIC destination", "vtd-irte", {"0001000200310001", "0"}, "DST", 0x10002, "0x00010002 (reserved bits set if EIME=0)"},
	{"VT-d 1.3 remapped", "vtd-irte", REMAPPED, "V", 0x31, "vector 0x31"},
	{"VT-d 1.3 remapped", "vtd-irte", REMAPPED, "IM", 0, "not posted"},
	{"VT-d 1.3 lowest priority, logical", "vtd-irte", {"0000030000310F3D", "0"}, "DLM", 1, "lowest priority"},
	{"VT-d 1.3 lowest priority, logical", "vtd-irte", {"0000030000310F3D", "0"}, "DST", 0x300, "logical"},
	{"VT-d 1.3 level", "vtd-irte", {"0000030000310F3D", "0"}, "TM", 1, "level"},
	{"VT-d 1.3 redirection", "vtd-irte", {"0000030000310F3D", "0"}, "RH", 1, "hint"},
	{"VT-d 1.3 AVAIL is software's", "vtd-irte", {"0000030000310F3D", "0"}, "AVAIL", 0xF, NULL},
	{"VT-d 1.4 posted", "vtd-irte", POSTED, "IM", 1, "posted"},
	{"VT-d 1.4 posted", "vtd-irte", POSTED, "VV", 0x41, "bit 1 of PIR quadword 1"},
	{"VT-d 1.4 address", "vtd-irte", POSTED, "PDAL", 0x23456780 >> 6, "0x123456780"},
	{"VT-d 1.4 address", "vtd-irte", POSTED, "PDAH", 1, "63:32"},
	{"VT-d 1.4 not urgent", "vtd-irte", POSTED, "URG", 0, "quiet while SN=1"},
	{"VT-d 1.4 urgent", "vtd-irte", POSTED_URG, "URG", 1, "although SN=1"},
	{"VT-d 1.4 FPD", "vtd-irte", POSTED_URG, "FPD", 1, "not recorded"},
	{"VT-d 1.4 as dwords", "vtd-irte", {"00418001", "23456780", "00040841", "00000001"}, "VV", 0x41, NULL},
	{"VT-d 1.5 requester", "vtd-irte", POSTED, "SID", 0x841, "08:08.1"},
	{"VT-d 1.5 requester", "vtd-irte", POSTED, "SVT", 1, "is SID"},
	{"VT-d 1.5 all bits", "vtd-irte", POSTED, "SQ", 0, "all bits"},
	{"VT-d 1.5 SQ", "vtd-irte", REMAPPED, "SQ", 3, "the function is not compared"},
	{"VT-d 1.5 no check", "vtd-irte", {"310001", "030841"}, "SID", 0x841, "not looked at"},
	{"VT-d 1.5 buses", "vtd-irte", POSTED_URG, "SID", 0x510, "buses 05 to 10"},
	{"VT-d 1.6 P=0: the rest is software's", "vtd-irte", {"FFFFFFFFFFFFFFFE", "FFFFFFFFFFFFFFFF"}, "P", 0, "22h"},
	{"VT-d 1.2 handle", "msi-vtd", {"FEE00278", "2"}, "handle[14:0]", 0x13, "entry 21"},
	{"VT-d 1.2 subhandle", "msi-vtd", {"FEE00278", "2"}, "subhandle", 2, NULL},
	{"VT-d 1.2 handle[15]", "msi-vtd", {"FEE00014", "0"}, "handle[14:0]", 0, "entry 32768"},
	{"VT-d 1.2 SHV=0", "msi-vtd", {"FEE00270", "FFFFFFFF"}, "data", 0xFFFFFFFF, NULL},
	{"VT-d 1.2 SHV=0", "msi-vtd", {"FEE00270", "FFFFFFFF"}, "SHV", 0, "not looked at"},
	{"VT-d 1.2 compatibility", "msi-vtd", {"FEE01000", "41"}, "Format", 0, "25h"},
	{"VT-d 1.2 compatibility", "msi-vtd", {"FEE01000", "0", "41"}, "Vector", 0x41, NULL},
	{"VT-d 1.6 fault", "vtd-fault", {"0005000000000000", "8000002200000841"}, "Reason", 0x22, "FPD=1 would silence it"},
	{"VT-d 1.6 index", "vtd-fault", {"0005000000000000", "8000002200000841"}, "Index", 5, "entry 5"},
	{"VT-d 1.6 requester", "vtd-fault", {"0005000000000000", "8000002200000841"}, "SID", 0x841, "08:08.1"},
	{"VT-d 1.6 not qualified", "vtd-fault", {"0", "8000002100000841"}, "Reason", 0x21, NULL},
	{"VT-d 1.6 of a memory access", "vtd-fault", {"0000000012345000", "8000000500000841"}, "Page", 0x12345, "0x12345000"},
	{"VT-d 2 PIR", "pid", PID, "PIR[63:0]", 0x200000000, "pending: 0x21"},
	{"VT-d 2 PIR", "pid", PID, "PIR[127:64]", 2, "pending: 0x41"},
	{"VT-d 2 PIR", "pid", PID, "PIR[191:128]", 0, "nothing pending"},
	{"VT-d 2 PIR", "pid", PID, "PIR[255:192]", 1ull << 63, "pending: 0xff"},
	{"VT-d 2 many", "pid", {"0", "FFFFFFFFFFFFFFFF", "0", "0", "0000030000F20001", "0", "0", "0"}, "PIR[127:64]", UINT64_MAX, "0x4b and 52 more"},
	{"VT-d 2 ON", "pid", PID, "ON", 1, "outstanding"},
	{"VT-d 2 SN", "pid", PID, "SN", 0, "notify"},
	{"VT-d 2 NV is byte 34", "pid", PID, "NV", 0xF2, "vector 0xf2"},
	{"VT-d 2 NDST is bytes 36 to 39", "pid", PID, "NDST", 0x300, "(0x03 if xAPIC)"},
	{"VT-d 2 control alone", "pid", {"0001000300F10002"}, "SN", 1, "only urgent"},
	{"VT-d 2 x2APIC", "pid", {"0001000300F10002"}, "NDST", 0x10003, "reserved bits set if xAPIC"},
	{"VT-d 2 as dwords", "pid", {"0", "2", "2", "0", "0", "0", "0", "80000000", "F20001", "300", "0", "0", "0", "0", "0", "0"}, "NV", 0xF2, NULL},
	{"IPI virtualization 6.1", "pid-pointer", {"0000000123456781"}, "PID", 0x123456780 >> 6, "0x123456780"},
	{"IPI virtualization 6.1", "pid-pointer", {"0000000123456781"}, "Valid", 1, "posted"},
	{"VT-d 1.1 CAP", "vtd-cap", {"8d2078c106f0466"}, "PI", 1, "posted"},
	{"VT-d 1.1 CAP", "vtd-cap", {"d2008c40660462"}, "PI", 0, "no posted"},
	{"VT-d 1.1 CAP", "vtd-cap", {"d2008c40660462"}, "NFR", 0, "1 fault record"},
	{"VT-d 1.1 CAP", "vtd-cap", {"8d2078c106f0466"}, "FRO", 0x10, "offset 0x100"},
	{"VT-d 1.1 ECAP", "vtd-ecap", {"f020df"}, "IR", 1, "remapping"},
	{"VT-d 1.1 ECAP", "vtd-ecap", {"f020df"}, "EIM", 1, "x2APIC"},
	{"VT-d 1.1 ECAP", "vtd-ecap", {"f020df"}, "MHMV", 15, "32768 entries"},
	{"VT-d 1.1 FSTS", "vtd-fsts", {"00000103"}, "FRI", 1, "record 1"},
	{"VT-d 1.1 GSTS", "vtd-gsts", {"07000000"}, "IRES", 1, "on"},
	{"VT-d 1.1 IRTA", "vtd-irta", {"10004080f"}, "S", 15, "65536 entries"},
	{"VT-d 1.1 IRTA", "vtd-irta", {"10004080f"}, "EIME", 1, "x2APIC"},
	{"VT-d 1.6 25h names no entry", "vtd-fault", {"0a00000000000000", "800000250000c928"}, "63:48", 0xA00, "no entry"},
	{"VT-d 1.6 2Bh names no entry", "vtd-fault", {"0a00000000000000", "8000002b0000c928"}, "63:48", 0xA00, "no entry"},
	{"3.1 exit 44", "exit44", {"1300"}, "Access", 1, "linear write"},
	{"3.1 exit 44", "exit44", {"f0b0"}, "Offset", 0xB0, "EOI at 0x0b0"},
	{"3.1 exit 45", "exit45", {"31"}, "Vector", 0x31, "vector 0x31"},
	{"3.1 exit 56", "exit56", {"300"}, "Offset", 0x300, "ICR low"},
	{"5.2 INVALID_DEVICE_REQUEST", "event", {"00000000", "8a000000", "f8000000", "fffffffd"}, "Type", 5, "IntCtl=00b"},
	{"5.2 INVALID_DEVICE_REQUEST", "event", {"00000000", "8a000000", "f8000000", "fffffffd"}, "Address", 0xFFFFFFFDF8000000, "the interrupt and EOI range"},
	{"5.2 INVALID_DEVICE_REQUEST has no flags of a page fault", "event", {"00000000", "8a000000", "f8000000", "fffffffd"}, "55:49", 0, NULL},
	{"avic.c: three widths", "gatag", {"203"}, "GATag", 0x203, "to 6.2: VM 2, vCPU 3; 6.3 to 6.18: VM 1, vCPU 3; 6.19 on: VM 0, vCPU 515"},
	{"enum kvm_apicv_inhibit of 6.3", "inhibits", {"120"}, "Linux 6.3 on", 0x120, "APIC_ID_MODIFIED, IRQWIN"},
	{"enum kvm_apicv_inhibit of 6.0", "inhibits", {"120"}, "Linux 6.0 to 6.2", 0x120, "APIC_BASE_MODIFIED, PIT_REINJ"},
	{"APICV_INHIBIT_REASON_* of 5.6", "inhibits", {"28"}, "Linux 5.6 to 5.18", 0x28, "IRQWIN, X2APIC"},
	/* The order of words: what Linux prints high first */
	{"ICRH and ICRL", "icr", {"0c000000", "000000fd"}, "ICR.Vector", 0xFD, NULL},
	{"IRT[] of debugfs", "irte", {"0000000123456041", "000000F100002A81"}, "GATag", 0xF1, NULL},
	{"IRTE_high, IRTE_low", "vtd-irte", {"0000000100040841", "2345678000418001"}, "VV", 0x41, NULL},
	{"devtbl of debugfs, quadword 3 first", "dte", {"0", "2000000100040013", "29", "6000000123456603"}, "IntTabLen", 9, NULL},
	{"an event, high first", "event", {"fffffffd", "f8000000", "2008002c", "00000800"}, "I", 1, NULL},
	{"32 digits", "irte", {"0000000123456041000000F100002A81"}, "GATag", 0xF1, NULL},
	{"32 digits with 0x", "vtd-irte", {"0x00000001000408412345678000418001"}, "VV", 0x41, NULL},
	/* clang-format on */
};

static unsigned count(const char *const *words)
{
	unsigned n = 0;

	while (n < MAX && words[n])
		n++;
	return n;
}

static void decode(const char *kind, const char *const *words, struct pn_decoded *out)
{
	struct pn_diag d = {0};

	if (pn_decode(kind, words, count(words), out, &d))
		fail_msg("%s: %s", kind, d.text);
}

static void fields(void **state)
{
	struct pn_decoded d;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		unsigned f = 0;

		decode(r->kind, r->words, &d);
		while (f < d.fields && strcmp(d.field[f].name, r->field))
			f++;
		if (f == d.fields)
			fail_msg("%s: no field %s", r->why, r->field);
		if (d.field[f].value != r->value)
			fail_msg("%s: %s is 0x%" PRIx64, r->why, r->field, d.field[f].value);
		if (r->meaning && !strstr(d.field[f].meaning, r->meaning))
			fail_msg("%s: %s means \"%s\"", r->why, r->field, d.field[f].meaning);
		if (d.errors)
			fail_msg("%s: %s", r->why, d.error[0]);
	}
}

static const struct {
	const char *why, *kind;
	const char *words[MAX];
	const char *error;
} wrong[] = {
	/* clang-format off */
	{"1.2 GAPPI without guest mode", "control", {"0080000000000000"}, "nothing is posted"},
	{"1.2 GAPPI and GALOG", "control", {"0080000012020000"}, "alternatives"},
	{"1.5 reserved", "xt", {"0100003102030401"}, "bits 1:0 are reserved"},
	{"2 reserved bits", "dte", {"0x2010000100040013"}, "bits 53:52 are reserved"},
	{"2 IntCtl", "dte", {"0x3000000100040013"}, "IntCtl 11b"},
	{"2 IntTabLen", "dte", {"0x2000000100040019"}, "IntTabLen 12"},
	{"2 alignment", "dte", {"0x2000000100040053"}, "128-byte"},
	{"3.1 guest mode", "irte32", {"00310F81"}, "GuestMode=1 in a 32-bit entry"},
	{"3.1 reserved", "irte32", {"80310F01"}, "bits 31:24 are reserved"},
	{"3.2 IntType", "irte", {"0000000000000109", "62"}, "IntType 2"},
	{"3.2 vector", "irte", {"0000000000000101", "5"}, "Vector 0x05 is below 16"},
	{"3.2 reserved", "irte", {"0000000100000101", "62"}, "bits 63:32 are reserved"},
	{"3.3 no page", "irte", {"000000F100002A81", "0000000000000041"}, "root is 0"},
	{"3.3 reserved", "irte", {"000000F100002A99", "0000000123456041"}, "bits 4:3 are reserved"},
	{"3.4 vector", "irte", {"0000000500002AA1", "0000000123456041"}, "GATag[7:0] = 0x05"},
	{"4 code", "galog", {"0000084100012345"}, "not GUEST_NR"},
	{"5.1 opcode", "cmd", {"F000000000000000", "0"}, "opcode 15 is illegal"},
	{"5.1 reserved", "cmd", {"5000000100000841", "0"}, "bits 59:16 are reserved"},
	{"5.2 not yet written", "event", {"841", "0"}, "read it again"},
	{"6.2 Linux's own bit", "avic-phys", {"A00000012345602A"}, "bit 61"},
	{"6.2 no page", "avic-phys", {"800000000000002A"}, "backing page is 0"},
	{"6.1 x2AVIC alone", "vmcb-int", {"40000000"}, "VMEXIT_INVALID"},
	{"6.4 vector", "icr", {"00000000000C4005"}, "below 16"},
	{"2 no MSI", "msi", {"12345678", "41"}, "not an interrupt request"},
	{"VT-d 1.3 14:12", "vtd-irte", {"0000030000311001", "0"}, "bits 14:12 are reserved"},
	{"VT-d 1.3 31:24", "vtd-irte", {"0000030001310001", "0"}, "bits 31:24 are reserved"},
	{"VT-d 1.3 127:84", "vtd-irte", {"0000030000310001", "100000"}, "bits 127:84 are reserved"},
	{"VT-d 1.3 DLM 3", "vtd-irte", {"0000030000310061", "0"}, "DLM 3 is reserved"},
	{"VT-d 1.3 DLM 6", "vtd-irte", {"00000300003100C1", "0"}, "DLM 6 is reserved"},
	{"VT-d 1.3 vector", "vtd-irte", {"00000300000F0001", "0"}, "V 0x0f is below 16"},
	{"VT-d 1.4 7:2", "vtd-irte", {"2345678000418005", "100000000"}, "bits 7:2 are reserved"},
	{"VT-d 1.4 13:12", "vtd-irte", {"234567800041A001", "100000000"}, "bits 13:12 are reserved"},
	{"VT-d 1.4 37:24", "vtd-irte", {"2345678001418001", "100000000"}, "bits 37:24 are reserved"},
	{"VT-d 1.4 37:24", "vtd-irte", {"234567A000418001", "100000000"}, "bits 37:24 are reserved"},
	{"VT-d 1.4 95:84", "vtd-irte", {"2345678000418001", "180000000"}, "bits 95:84 are reserved"},
	{"VT-d 1.4 width", "vtd-irte", {"0000000000418001", "0010000000000000"}, "more than 52 bits"},
	{"VT-d 1.4 no descriptor", "vtd-irte", {"0000000000418001", "0"}, "descriptor is at 0"},
	{"VT-d 1.4 vector", "vtd-irte", {"2345678000058001", "0"}, "VV 0x05 is below 16"},
	{"VT-d 1.5 SVT", "vtd-irte", {"2345678000418001", "0C0841"}, "SVT 3 is reserved"},
	{"VT-d 1.5 buses", "vtd-irte", {"2345678000418001", "081005"}, "no bus lies between"},
	{"VT-d 1.2 data", "msi-vtd", {"FEE00278", "10002"}, "bits 95:80 are reserved"},
	{"VT-d 1.2 no wrap", "msi-vtd", {"FEEFFFFC", "1"}, "entry 65536 is beyond any table"},
	{"VT-d 1.2 no request", "msi-vtd", {"12345678", "41"}, "not an interrupt request"},
	{"VT-d 1.6 F=0", "vtd-fault", {"0005000000000000", "0000002200000841"}, "F=0"},
	{"VT-d 2 271:258", "pid", {"0000030000F20004"}, "bits 15:2 are reserved"},
	{"VT-d 2 287:280", "pid", {"0000030001F20000"}, "bits 31:24 are reserved"},
	{"VT-d 2 271:258", "pid", {"0", "0", "0", "0", "0000030000F28000", "0", "0", "0"}, "bits 271:258 are reserved"},
	{"VT-d 2 511:320", "pid", {"0", "0", "0", "0", "0000030000F20000", "0", "1", "0"}, "bits 447:384 are reserved"},
	{"VT-d 2 vector", "pid", {"8", "0", "0", "0", "0000030000F20000", "0", "0", "0"}, "PIR bit 0x03 is below 16"},
	{"VT-d 2 NV", "pid", {"0000030000020000"}, "NV 0x02 is below 16"},
	{"IPI virtualization 6.1", "pid-pointer", {"0000000123456785"}, "bits 5:1 are reserved"},
	{"IPI virtualization 6.1", "pid-pointer", {"0000000000000001"}, "descriptor is at 0"},
	{"IPI virtualization 6.1", "pid-pointer", {"0010000000000001"}, "more than 52 bits"},
	/* clang-format on */
};

static void mistakes_are_named(void **state)
{
	struct pn_decoded d;

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		bool found = false;

		decode(wrong[i].kind, wrong[i].words, &d);
		for (unsigned e = 0; e < d.errors; e++)
			found |= strstr(d.error[e], wrong[i].error) != NULL;
		if (!found)
			fail_msg("%s: not found among %u errors: %s", wrong[i].why, d.errors,
				 wrong[i].error);
	}
}

/* A tag that only the host uses may end in any value: only GAPPI uses it as a vector. */
static void galog_tags_are_no_vectors(void **state)
{
	static const char *const words[MAX] = {"0000100502030485", "0100000123456041"};
	struct pn_decoded d;

	(void)state;
	decode("irte", words, &d);
	assert_int_equal(d.errors, 0);
}

static const struct {
	const char *kind;
	const char *words[MAX];
	const char *says;
} refused[] = {
	{"irtee", {"1"}, "did you mean 'irte'"},
	{"irte", {NULL}, "expected two 64-bit words"},
	{"irte", {"1", "2", "3"}, "expected two 64-bit words"},
	{"irte", {"1", "xyz"}, "'xyz' is not a hexadecimal"},
	{"irte", {"1", ""}, "not a hexadecimal"},
	{"irte", {"1", "0x"}, "not a hexadecimal"},
	{"irte", {"1", "12345678123456789"}, "longer than 64 bits"},
	{"irte32", {"123456789"}, "does not fit in 32 bits"},
	{"msi", {"FEE00000", "123456789"}, "does not fit in 32 bits"},
	{"msi", {"FEE00000"}, "expected address and data"},
	{"control",
	 {"00020000", "00000002"},
	 "in both orders (expected --low-first or --high-first)"},
	{"dte", {"0", "0", "2000000100040013", "1"}, "in both orders"},
};

static void bad_input_is_refused(void **state)
{
	struct pn_decoded out;

	(void)state;
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct pn_diag d = {0};

		assert_int_equal(pn_decode(refused[i].kind, refused[i].words,
					   count(refused[i].words), &out, &d),
				 -EINVAL);
		if (!strstr(d.text, refused[i].says))
			fail_msg("%s: %s", refused[i].says, d.text);
	}
}

/* An order that is given is taken, whatever the words say. */
static void orders(void **state)
{
	static const char *const words[] = {"00020000", "00000002"};
	struct pn_decode_options low = {.order = PN_DECODE_LOW_FIRST},
				 high = {.order = PN_DECODE_HIGH_FIRST};
	struct pn_decoded d;

	(void)state;
	assert_int_equal(pn_decode_as("control", words, 2, &low, &d, NULL), 0);
	assert_string_equal(d.word[0], "0x00020000");
	assert_string_equal(d.note, "");
	assert_int_equal(pn_decode_as("exit401", words, 2, &high, &d, NULL), -EINVAL);
	assert_int_equal(pn_decode_as("msi", words, 2, &high, &d, NULL), -EINVAL);
	assert_int_equal(pn_decode_as("control", words, 2, &high, &d, NULL), 0);
	assert_string_equal(d.word[0], "0x00000002");
}

static const struct {
	const char *version;
	unsigned bits; /* 0: no version */
} kernels[] = {
	{"4.9", 8},	  {"6.0.19", 8},	 {"6.1.20", 8},
	{"6.1.21", 9},	  {"6.2.7", 8},		 {"6.2.8", 9},
	{"6.3", 9},	  {"6.17.0-rc2+", 9},	 {"6.18.35", 9},
	{"6.19-rc1", 12}, {"7.3.4-1-amd64", 12}, {"v6.12", 9},
	{"6", 0},	  {"six.one", 0},	 {"", 0},
	{"6.", 0},	  {"99999.1", 0},
};

/* avic.c: ca11d9d35e95 (6.19), "Modify AVIC GATag ..." (6.3, 6.1.21, 6.2.8). */
static void kernel_versions(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		struct pn_decode_options o = {0};
		int r = pn_decode_kernel(kernels[i].version, &o);

		if (r != (kernels[i].bits ? 0 : -EINVAL) || o.vcpu_bits != kernels[i].bits)
			fail_msg("%s: %d, %u bits", kernels[i].version, r, o.vcpu_bits);
	}
}

static void tags_by_width(void **state)
{
	static const char *const words[] = {"203"};
	struct pn_decode_options o = {.vcpu_bits = 9};
	struct pn_decoded d;

	(void)state;
	assert_int_equal(pn_decode_as("gatag", words, 1, &o, &d, NULL), 0);
	assert_non_null(strstr(d.field[0].meaning, "VM 1, vCPU 3"));
	o.vcpu_bits = 0;
	assert_int_equal(pn_decode_kernel("6.1", &o), 0);
	assert_int_equal(pn_decode_as("inhibits", words, 1, &o, &d, NULL), 0);
	assert_string_equal(d.field[0].meaning, "DISABLE, HYPERV, SEV");
}

/* P = 0: the other fields of an entry are not checked (VT-d 1.4). */
static void absent_entries_are_not_judged(void **state)
{
	static const char *const words[MAX] = {"FFFFFFFFFFFFFFFE", "FFFFFFFFFFFFFFFF"};
	struct pn_decoded d;

	(void)state;
	decode("vtd-irte", words, &d);
	assert_int_equal(d.errors, 0);
}

static void check_shape(const struct pn_decoded *d, unsigned bits)
{
	assert_true(d->fields > 0 && d->fields <= PN_DECODE_MAX_FIELDS);
	for (unsigned i = 0; i < d->fields; i++) {
		assert_true(strtoul(d->field[i].bits, NULL, 10) < bits);
		if (strlen(d->field[i].meaning) >= sizeof(d->field[i].meaning) - 1)
			fail_msg("%s, %s: \"%s\" is cut", d->kind, d->field[i].name,
				 d->field[i].meaning);
	}
	for (unsigned i = 0; i < d->errors; i++)
		assert_true(strlen(d->error[i]) < sizeof(d->error[i]) - 1);
}

/* For any bits: no crash, every field inside the object, terminated texts. */
static void any_bits(void **state)
{
	static const char *const patterns[] = {"FFFFFFFFFFFFFFFF", "0000000000000000",
					       "5555555555555555", "8000000000000001"};
	const char *kind, *words[MAX];
	struct pn_decoded d;

	(void)state;
	for (unsigned k = 0; (kind = pn_decode_kind(k, NULL, NULL)) != NULL; k++) {
		for (unsigned n = 1; n <= 8; n++) {
			for (unsigned p = 0; p < 256; p++) {
				for (unsigned i = 0; i < n; i++)
					words[i] = patterns[p >> 2 * (i & 3) & 3];
				if (!pn_decode(kind, words, n, &d, NULL))
					check_shape(&d, n * 64);
			}
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

/* Words of any number and width, now and then of few bits, and with a letter that is no digit. */
static void random_words(void **state)
{
	char text[64][24];
	const char *words[64], *kind;
	struct pn_decoded d;
	struct pn_diag diag;
	unsigned decoded = 0, refusals = 0;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		for (unsigned k = 0; (kind = pn_decode_kind(k, NULL, NULL)) != NULL; k++) {
			static const unsigned often[] = {1, 2, 2, 3, 4, 8, 16, 64};
			unsigned n = rnd() & 1 ? often[rnd() & 7] : (unsigned)(rnd() % 64 + 1);
			int width = (int[]){16, 8, 4, 2}[rnd() & 3];

			for (unsigned i = 0; i < n; i++) {
				uint64_t v = rnd() & rnd() & (rnd() & 1 ? UINT64_MAX : 0xFFFF);

				snprintf(text[i], sizeof(text[i]), "%0*" PRIx64, width, v);
				if (width < 16)
					text[i][width] = '\0';
				if (!(rnd() % 500))
					text[i][rnd() % 4] = 'g';
				words[i] = text[i];
			}
			memset(&diag, 0, sizeof(diag));
			if (pn_decode(kind, words, n, &d, &diag)) {
				assert_true(diag.text[0]);
				refusals++;
			} else {
				check_shape(&d, 512);
				decoded++;
			}
		}
	}
	assert_true(decoded > 1000 && refusals > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(galog_tags_are_no_vectors),
		cmocka_unit_test(bad_input_is_refused),
		cmocka_unit_test(orders),
		cmocka_unit_test(kernel_versions),
		cmocka_unit_test(tags_by_width),
		cmocka_unit_test(absent_entries_are_not_judged),
		cmocka_unit_test(any_bits),
		cmocka_unit_test(random_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
