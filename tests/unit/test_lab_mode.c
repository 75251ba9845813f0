/* SPDX-License-Identifier: MIT */
/*
 * Modes and their variants: text that is accepted, text that is refused, and how it is written
 * again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mode.h"

/* A text, the mode that it becomes, and the text of that mode. */
static const struct {
	const char *text;
	const char *name;
	bool gate_always, masked_none;
	const char *again;
	uint32_t loops;
	bool recover_wake;
} good[] = {
	/* clang-format off */
	{"emulated", "emulated", false, false, "emulated"},
	{"avic", "avic", false, false, "avic"},
	{"galog", "galog", false, false, "galog"},
	{"galog:gate=blocking", "galog", false, false, "galog"},
	{"galog:gate=always", "galog", true, false, "galog:gate=always"},
	{"galog:recover=none", "galog", false, false, "galog"},
	{"galog:recover=wake", "galog", false, false, "galog:recover=wake", 0, true},
	{"galog:gate=always:recover=wake", "galog", true, false, "galog:gate=always:recover=wake", 0, true},
	{"galog:recover=wake:gate=always", "galog", true, false, "galog:gate=always:recover=wake", 0, true},
	{"galog:recover=wake:gate=blocking", "galog", false, false, "galog:recover=wake", 0, true},
	{"gappi", "gappi", false, false, "gappi"},
	{"gappi:masked=park", "gappi", false, false, "gappi"},
	{"gappi:masked=none", "gappi", false, true, "gappi:masked=none"},
	{"vtd-pi", "vtd-pi", false, false, "vtd-pi"},
	{"remapped", "remapped", false, false, "remapped"},
	{"posted-msi", "posted-msi", false, false, "posted-msi", 3},
	{"posted-msi:loops=3", "posted-msi", false, false, "posted-msi", 3},
	{"posted-msi:loops=1", "posted-msi", false, false, "posted-msi:loops=1", 1},
	{"posted-msi:loops=64", "posted-msi", false, false, "posted-msi:loops=64", 64},
	{"ipi-exit", "ipi-exit", false, false, "ipi-exit"},
	{"ipi-avic", "ipi-avic", false, false, "ipi-avic"},
	{"ipi-ipiv", "ipi-ipiv", false, false, "ipi-ipiv"},
	/* clang-format on */
};

static void good_modes(void **state)
{
	struct pn_diag d;
	struct pn_mode m;
	char buf[64];

	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (pn_mode_parse(good[i].text, &m, &d))
			fail_msg("%s: %s", good[i].text, d.text);
		assert_string_equal(m.info->name, good[i].name);
		assert_int_equal(m.gate_always, good[i].gate_always);
		assert_int_equal(m.masked_none, good[i].masked_none);
		assert_int_equal(m.loops, good[i].loops);
		assert_int_equal(m.recover_wake, good[i].recover_wake);
		assert_string_equal(pn_mode_text(&m, buf, sizeof(buf)), good[i].again);
	}
}

static const struct {
	const char *text, *says;
} bad[] = {
	{"gapi", "did you mean 'gappi'"},
	{"galogg:gate=always", "did you mean 'galog'"},
	{"galog:gate=blokking", "did you mean 'blocking'"},
	{"galog:masked=park", "mode 'galog' has no 'masked' (did you mean 'gappi:masked'? expected "
			      "gate=blocking (default) or gate=always, recover=none (default) or "
			      "recover=wake)"},
	{"gappi:masked", "'masked' of mode 'gappi' has no value (expected masked=park"},
	{"gappi:", "expected masked=park"},
	{"avic:gate=always", "mode 'avic' has no 'gate' (did you mean 'galog:gate'?)"},
	{"vtd-pi:loops=3", "mode 'vtd-pi' has no 'loops' (did you mean 'posted-msi:loops'?)"},
	{"vtd-pi:lops=3", "mode 'vtd-pi' has no variants"},
	{"gappi:recover=wake", "mode 'gappi' has no 'recover' (did you mean 'galog:recover'?"},
	{"avic:recover=none", "mode 'avic' has no 'recover' (did you mean 'galog:recover'?)"},
	{"galog:recover=wke", "unknown value 'wke' of 'recover' (did you mean 'wake'?)"},
	{"galog:recover=", "unknown value '' of 'recover' (expected none or wake)"},
	{"galog:recovr=wake", "(did you mean 'recover'?"},
	{"galog:gate=always:", "unknown variant ''"},
	{"galog:gate=always:gate=blocking", "'gate' twice in a mode"},
	{"galog:gate=always:recover=wake:gate=always", "'gate' twice in a mode"},
	{"galog:recover=wake,gate=always", "unknown value 'wake,gate=always' of 'recover'"},
	{"postedmsi", "did you mean 'posted-msi'"},
	{"posted-msi:loop=2", "expected loops=3 (default), loops=N with N 1 .. 64"},
	{"posted-msi:loops", "'loops' of mode 'posted-msi' has no value"},
	{"posted-msi:loops=", "no number 1 .. 64"},
	{"posted-msi:loops=0", "no number 1 .. 64"},
	{"posted-msi:loops=65", "no number 1 .. 64"},
	{"posted-msi:loops=-1", "no number 1 .. 64"},
	{"posted-msi:loops=3x", "no number 1 .. 64"},
	{"posted-msi:loops=4294967299", "no number 1 .. 64"},
	{"",
	 "expected emulated, avic, galog, gappi, vtd-pi, remapped, posted-msi, ipi-exit, ipi-avic "
	 "or ipi-ipiv"},
	{"quite something else", "expected emulated, avic"},
};

static void bad_modes(void **state)
{
	struct pn_mode m = pn_mode_plain(pn_mode_find("avic"));
	struct pn_diag d;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&d, 0, sizeof(d));
		assert_int_equal(pn_mode_parse(bad[i].text, &m, &d), -EINVAL);
		if (!strstr(d.text, bad[i].says))
			fail_msg("\"%s\" gives: %s", bad[i].text, d.text);
		assert_int_equal(pn_mode_parse(bad[i].text, &m, NULL), -EINVAL);
		assert_string_equal(m.info->name, "avic");
	}
}

static void every_mode_is_named(void **state)
{
	(void)state;
	for (unsigned i = 0; pn_modes[i]; i++) {
		struct pn_mode m;

		assert_non_null(pn_modes[i]->doc);
		assert_non_null(pn_modes[i]->platform);
		assert_int_equal(pn_mode_parse(pn_modes[i]->name, &m, NULL), 0);
		assert_ptr_equal(m.info, pn_modes[i]);
		assert_ptr_equal(pn_mode_at(i), pn_modes[i]);
		assert_int_equal(pn_mode_index(m.info), i);
	}
	assert_null(pn_mode_at(PN_MODE_MAX));
	assert_null(pn_mode_find("nosuch"));
}

/* The value is in the caller's buffer: two modes do not share one. */
static void variants(void **state)
{
	struct pn_mode two = pn_mode_plain(pn_mode_find("posted-msi")), three = two;
	char a[PN_MODE_VALUE], b[PN_MODE_VALUE];
	struct pn_mode none = pn_mode_plain(pn_mode_find("vtd-pi"));
	const char *key;

	(void)state;
	two.loops = 2;
	assert_true(pn_mode_variant(&two, 0, &key, a));
	assert_true(pn_mode_variant(&three, 0, &key, b));
	assert_string_equal(key, "loops");
	assert_string_equal(a, "2");
	assert_string_equal(b, "3");
	assert_false(pn_mode_variant(&none, 0, &key, a));
	two = pn_mode_plain(pn_mode_find("galog"));
	assert_true(pn_mode_variant(&two, 0, &key, a));
	assert_string_equal(a, "blocking");
	two.recover_wake = true;
	assert_true(pn_mode_variant(&two, 1, &key, a));
	assert_string_equal(key, "recover");
	assert_string_equal(a, "wake");
	assert_false(pn_mode_variant(&two, 2, &key, a));
	for (unsigned i = 0; pn_modes[i]; i++) {
		struct pn_mode m = pn_mode_plain(pn_modes[i]);

		assert_true(pn_mode_variant(&m, 0, &key, a) == (pn_modes[i]->variants != NULL));
	}
}

static void workloads(void **state)
{
	char buf[160], small[12];

	(void)state;
	assert_string_equal(pn_workload_modes(PN_WORK_PASSTHROUGH, buf, sizeof(buf)),
			    "emulated, avic, galog, gappi or vtd-pi");
	assert_string_equal(pn_workload_modes(PN_WORK_BARE, buf, sizeof(buf)),
			    "remapped or posted-msi");
	assert_string_equal(pn_workload_modes(PN_WORK_IPI, buf, sizeof(buf)),
			    "ipi-exit, ipi-avic or ipi-ipiv");
	assert_string_equal(pn_workload_modes(PN_WORK_BARE, small, sizeof(small)), "remapped or");
	for (int i = 0; i < PN_WORK_NR; i++)
		assert_non_null(pn_workload_name((enum pn_workload)i));
	assert_null(pn_workload_name(PN_WORK_NR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_modes),	       cmocka_unit_test(bad_modes),
		cmocka_unit_test(every_mode_is_named), cmocka_unit_test(variants),
		cmocka_unit_test(workloads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
