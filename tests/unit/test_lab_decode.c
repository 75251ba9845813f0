/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "decode.h"

/* One field of one object; the section is the specification's as the project restates it. */
struct row {
	const char *why, *kind;
	const char *words[8];
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

static const struct row rows[] = {
	{"1.5 XT control", "xt", {"0x0100003102030400"}, "Vector", 0x31, "vector 0x31"},
	{"1.5 XT control",
	 "xt",
	 {"0x0100003102030400"},
	 "Destination[23:0]",
	 0x020304,
	 "physical APIC ID 0x01020304"},
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
	{"3.1 IRTE, 32 bits",
	 "irte32",
	 {"0x00310F41"},
	 "Destination",
	 0x0F,
	 "logical APIC ID 0x0f"},
	{"3.1 IRTE, 32 bits", "irte32", {"0x00310F41"}, "Vector", 0x31, NULL},
	{"3.1 halves", "irte32", {"0F41", "0031"}, "Vector", 0x31, NULL},
	{"3.2 remapped", "irte", REMAP, "Vector", 0x62, "vector 0x62"},
	{"3.2 remapped", "irte", REMAP, "Destination[23:0]", 0x020304,
	 "physical APIC ID 0x01020304"},
	{"3.2 without XTEn", "irte", REMAP, "Destination[23:0]", 0x020304, "0x04 if XTEn=0"},
	{"3.3 running", "irte", RUNNING, "IsRun", 1, "doorbell to Destination"},
	{"3.3 running", "irte", RUNNING, "Destination[23:0]", 0x020304,
	 "doorbell goes to APIC ID 0x01020304"},
	{"3.3 tag", "irte", RUNNING, "GATag", 0xABCDE123, "tag 0xabcde123"},
	{"3.3 page", "irte", RUNNING, "GuestVAPICRoot", 0x123456, "0x123456000"},
	{"3.3 vector to IRR", "irte", RUNNING, "Vector", 0x41,
	 "IRR bit 1 of the word at page + 0x220"},
	{"3.3 asleep", "irte", STALE, "GALogIntr", 1, "GALOG entry"},
	{"3.3 asleep", "irte", STALE, "IsRun", 0, "does not run"},
	{"3.4 GAPPI", "irte", GAPPI, "GATag", 0xF1, "GAPPI: vector 0xf1"},
	{"3.4 GAPPI", "irte", GAPPI, "Destination[23:0]", 0x2A, "GAPPI goes to APIC ID 0x0000002a"},
	{"3.4 suppressed", "irte", GAPPI_DIS, "GAPPIDis", 1, "suppressed"},
	{"3.3 as dwords",
	 "irte",
	 {"00002A81", "000000F1", "23456041", "00000001"},
	 "GATag",
	 0xF1,
	 NULL},
	{"3.3 as a 16-bit dump",
	 "irte",
	 {"2a81", "0000", "00f1", "0000", "6041", "2345", "0001", "0000"},
	 "GuestVAPICRoot",
	 0x123456,
	 NULL},
	{"4 log entry", "galog", {"0x1000084100012345"}, "GATag", 0x12345, NULL},
	{"4 log entry", "galog", {"0x1000084100012345"}, "DeviceID", 0x841, "08:08.1"},
	{"4 log entry", "galog", {"00012345", "10000841"}, "Code", 1, "GUEST_NR"},
	{"5.1 IRT invalidation",
	 "cmd",
	 {"00000841", "50000000", "0", "0"},
	 "Opcode",
	 5,
	 "INVALIDATE_INTERRUPT_TABLE"},
	{"5.1 IRT invalidation",
	 "cmd",
	 {"00000841", "50000000", "0", "0"},
	 "DeviceID",
	 0x841,
	 NULL},
	{"5.1 completion wait",
	 "cmd",
	 {"00001009", "10000001", "0", "0"},
	 "StoreAddress",
	 0x100001008 >> 3,
	 "0x100001008"},
	{"5.2 event",
	 "event",
	 {"2018000000000841", "00000000FEE00000"},
	 "Code",
	 2,
	 "IO_PAGE_FAULT"},
	{"5.2 event", "event", {"2018000000000841", "00000000FEE00000"}, "I", 1, "interrupt"},
	{"5.2 PR means RemapEn", "event", {"2018000000000841", "FEE00000"}, "PR", 1, "RemapEn=1"},
	{"6.2 physical table",
	 "avic-phys",
	 {"0xC00000012345602A"},
	 "HostPhysicalAPICID",
	 0x2A,
	 "doorbells"},
	{"6.2 physical table",
	 "avic-phys",
	 {"0xC00000012345602A"},
	 "BackingPage",
	 0x123456,
	 "0x123456000"},
	{"6.2 logical table", "avic-log", {"80000003"}, "GuestPhysicalAPICID", 3, NULL},
	{"6.1 VMCB 60h", "vmcb-int", {"80000001"}, "AVIC", 1, "on"},
	{"6.4 incomplete IPI",
	 "exit401",
	 {"0000000200000041", "0000000100000002"},
	 "ID",
	 1,
	 "wake"},
	{"6.4 no acceleration",
	 "exit402",
	 {"00000001000000B0", "31"},
	 "Offset",
	 0xB,
	 "EOI at 0x0b0"},
	{"6.4 ICR", "icr", {"00000003000C4041"}, "ICR.Shorthand", 3, "all but self"},
	{"2 MSI", "msi", {"FEE01000", "41"}, "Destination", 1, NULL},
	{"2 MSI index", "msi", {"FEE00000", "0", "1FF"}, "data[10:0]", 0x1FF, "entry 511"},
};

static unsigned count(const char *const *words)
{
	unsigned n = 0;

	while (n < 8 && words[n])
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
	const char *words[8];
	const char *error;
} wrong[] = {
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

/* A tag of the host's own may end in anything: only GAPPI makes a vector of it. */
static void galog_tags_are_no_vectors(void **state)
{
	static const char *const words[8] = {"0000100502030485", "0100000123456041"};
	struct pn_decoded d;

	(void)state;
	decode("irte", words, &d);
	assert_int_equal(d.errors, 0);
}

static const struct {
	const char *kind;
	const char *words[8];
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

/* Whatever the bits: no crash, every field inside the object, texts ended. */
static void any_bits(void **state)
{
	static const char *const patterns[] = {"FFFFFFFFFFFFFFFF", "0000000000000000",
					       "5555555555555555", "8000000000000001"};
	const char *kind, *words[4];
	struct pn_decoded d;

	(void)state;
	for (unsigned k = 0; (kind = pn_decode_kind(k, NULL, NULL)) != NULL; k++) {
		for (unsigned n = 1; n <= 4; n++) {
			for (unsigned p = 0; p < 256; p++) {
				for (unsigned i = 0; i < n; i++)
					words[i] = patterns[p >> 2 * i & 3];
				if (pn_decode(kind, words, n, &d, NULL))
					continue;
				assert_true(d.fields > 0 && d.fields <= PN_DECODE_MAX_FIELDS);
				for (unsigned i = 0; i < d.fields; i++) {
					unsigned hi = (unsigned)strtoul(d.field[i].bits, NULL, 10);

					assert_true(hi < n * 64);
					assert_true(strlen(d.field[i].meaning) <
						    sizeof(d.field[i].meaning) - 1);
				}
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(galog_tags_are_no_vectors),
		cmocka_unit_test(bad_input_is_refused),
		cmocka_unit_test(any_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
