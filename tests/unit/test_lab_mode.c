/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mode.h"

/* Text, what it becomes, and how it is written again. */
static const struct {
	const char *text;
	enum pn_mode_id id;
	bool gate_always, masked_none;
	const char *again;
} good[] = {
	{"emulated", PN_MODE_EMULATED, false, false, "emulated"},
	{"avic", PN_MODE_AVIC, false, false, "avic"},
	{"galog", PN_MODE_GALOG, false, false, "galog"},
	{"galog:gate=blocking", PN_MODE_GALOG, false, false, "galog"},
	{"galog:gate=always", PN_MODE_GALOG, true, false, "galog:gate=always"},
	{"gappi", PN_MODE_GAPPI, false, false, "gappi"},
	{"gappi:masked=park", PN_MODE_GAPPI, false, false, "gappi"},
	{"gappi:masked=none", PN_MODE_GAPPI, false, true, "gappi:masked=none"},
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
		assert_int_equal(m.id, good[i].id);
		assert_int_equal(m.gate_always, good[i].gate_always);
		assert_int_equal(m.masked_none, good[i].masked_none);
		assert_string_equal(pn_mode_text(&m, buf, sizeof(buf)), good[i].again);
	}
}

static const struct {
	const char *text, *says;
} bad[] = {
	{"gapi", "did you mean 'gappi'"},
	{"galogg:gate=always", "did you mean 'galog'"},
	{"galog:gate=blokking", "did you mean 'blocking'"},
	{"galog:masked=park", "expected gate=blocking or gate=always"},
	{"gappi:masked", "expected masked=park or masked=none"},
	{"gappi:", "expected masked=park"},
	{"avic:gate=always", "no variants"},
	{"vtd-pi", "not in this build"},
	{"posted-msi", "not in this build"},
	{"ipi-ipiv", "not in this build"},
	{"", "expected emulated, avic, galog or gappi"},
	{"quite something else", "expected emulated, avic, galog or gappi"},
};

static void bad_modes(void **state)
{
	struct pn_mode m = {.id = PN_MODE_AVIC};
	struct pn_diag d;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&d, 0, sizeof(d));
		assert_int_equal(pn_mode_parse(bad[i].text, &m, &d), -EINVAL);
		if (!strstr(d.text, bad[i].says))
			fail_msg("\"%s\" gives: %s", bad[i].text, d.text);
		assert_int_equal(pn_mode_parse(bad[i].text, &m, NULL), -EINVAL);
		assert_int_equal(m.id, PN_MODE_AVIC);
	}
}

static void every_mode_is_named(void **state)
{
	(void)state;
	for (int i = 0; i < PN_MODE_NR; i++) {
		struct pn_mode m;

		assert_non_null(pn_mode_doc((enum pn_mode_id)i));
		assert_int_equal(pn_mode_parse(pn_mode_name((enum pn_mode_id)i), &m, NULL), 0);
		assert_int_equal(m.id, i);
	}
	assert_null(pn_mode_name(PN_MODE_NR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_modes),
		cmocka_unit_test(bad_modes),
		cmocka_unit_test(every_mode_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
