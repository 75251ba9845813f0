/* SPDX-License-Identifier: MIT */
/* [inhibit]: each of KVM's reasons turns off AVIC or APICv of one VM, from one moment to another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "inhibit.h"
#include "lab_text.h"
#include "report.h"

#define MS 1000000u
#define TWO_VMS                                                                                    \
	"[machine]\npcpus = 4\nduration = 6ms\nwarmup = 1ms\n[vm a]\nvcpus = 3\n[vm b]\nvcpus = "  \
	"3\n"                                                                                      \
	"count = 2\n[load l]\ntype = poisson\nrate = 40k/s\n"
#define DISKS TWO_VMS "[device d]\ncount = 3\n[device e]\nvm = b\ncount = 4\n"
#define STORMS                                                                                     \
	TWO_VMS "[ipi i]\ntype = storm\nthink = 20us\n[ipi j]\nvm = b\ntype = storm\nthink = "     \
		"20us\n"
#define WINDOW	   "[inhibit x]\nvm = b\nstart = 2ms\nend = 4ms\n"
#define FROM_START "[inhibit x]\nvm = b\n"
#define XAPIC	   "machine.x2apic=no machine.x2avic=no"

/* KVM 7.3: which reasons svm.h and vmx.h require; with all that come up with it. */
static const struct {
	const char *reason;
	bool intel, window, ids; /* ids: changed in xAPIC mode, so not among IPIs */
	bool own;		 /* of one vCPU, not of the VM */
	uint32_t amd_causes, intel_causes;
} reasons[] = {
#define ONLY(c) PN_INHIBIT_BIT(c), PN_INHIBIT_BIT(c)
	{"DISABLED", true, false, false, false, ONLY(DISABLED)},
	{"ABSENT", true, false, false, false, ONLY(ABSENT)},
	{"HYPERV", true, true, false, false, ONLY(HYPERV)},
	{"NESTED", false, true, false, true, ONLY(NESTED)},
	{"IRQWIN", false, true, false, false, ONLY(IRQWIN)},
	{"PIT_REINJ", false, true, false, false, ONLY(PIT_REINJ)},
	{"BLOCKIRQ", true, true, false, false, ONLY(BLOCKIRQ)},
	{"SEV", false, false, false, false, ONLY(SEV)},
	/* Without a map of IDs the logical ones count as aliased: kvm_recalculate_apic_map(). */
	{"PHYSICAL_ID_ALIASED", true, true, true, false,
	 PN_INHIBIT_BIT(PHYSICAL_ID_ALIASED) | PN_INHIBIT_BIT(APIC_ID_MODIFIED) |
		 PN_INHIBIT_BIT(LOGICAL_ID_ALIASED),
	 PN_INHIBIT_BIT(PHYSICAL_ID_ALIASED) | PN_INHIBIT_BIT(APIC_ID_MODIFIED)},
	{"APIC_ID_MODIFIED", true, true, true, false, ONLY(APIC_ID_MODIFIED)},
	{"APIC_BASE_MODIFIED", true, false, false, false, ONLY(APIC_BASE_MODIFIED)},
	{"LOGICAL_ID_ALIASED", false, true, true, false, ONLY(LOGICAL_ID_ALIASED)},
	{"PHYSICAL_ID_TOO_BIG", false, false, false, false, ONLY(PHYSICAL_ID_TOO_BIG)},
};
_Static_assert(sizeof(reasons) / sizeof(reasons[0]) == PN_INHIBIT_NR, "each of KVM's reasons");

static const struct {
	const char *mode;
	bool intel, ipis;
} modes[] = {{"avic", false, false},  {"galog", false, false},	{"gappi", false, false},
	     {"vtd-pi", true, false}, {"ipi-exit", true, true}, {"ipi-avic", false, true},
	     {"ipi-ipiv", true, true}};

/* Combination @i of a reason and a mode; NULL: the scenario cannot have it. */
static struct pn_scenario *combined(unsigned i, const char *more, char *row, size_t size)
{
	unsigned w = i / LAB_ROWS(modes), m = i % LAB_ROWS(modes);
	char text[1024], set[300];

	if (modes[m].ipis && reasons[w].ids)
		return NULL;
	snprintf(row, size, "%s in %s", reasons[w].reason, modes[m].mode);
	snprintf(text, sizeof(text), "%s%s%s", modes[m].ipis ? STORMS : DISKS,
		 reasons[w].window ? WINDOW : FROM_START, more);
	snprintf(set, sizeof(set), "x.reason=%s %s", reasons[w].reason,
		 reasons[w].ids ? XAPIC : "");
	return lab_text(text, set);
}
#define COMBINED (LAB_ROWS(reasons) * LAB_ROWS(modes))

/* Per vendor: a mode refuses what its hypervisor does not know. */
static bool fits(const struct pn_scenario *sc, unsigned i, const char *row)
{
	unsigned w = i / LAB_ROWS(modes), m = i % LAB_ROWS(modes);
	bool want = !modes[m].intel || reasons[w].intel;
	struct pn_mode mode = lab_mode(modes[m].mode);
	struct pn_diag d = {0};
	int err = pn_scenario_fits(sc, &mode, &d);

	if (!err != want || (err && (!strstr(d.text, "[inhibit x]: reason = ") ||
				     !strstr(d.text, "which stays active then"))))
		fail_msg("%s: %d %s", row, err, d.text);
	return want;
}

/* Whole runs: nothing is lost, and the reason came up once in each VM, and only there. */
static void each_reason(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COMBINED; i++) {
		unsigned w = i / LAB_ROWS(modes), m = i % LAB_ROWS(modes);
		uint32_t causes = modes[m].intel ? reasons[w].intel_causes : reasons[w].amd_causes;
		char row[64];
		struct pn_scenario *sc = combined(i, "", row, sizeof(row));
		struct pn_result *r;

		if (!sc)
			continue;
		if (fits(sc, i, row)) {
			r = lab_run(sc, modes[m].mode, 1, NULL);
			lab_clean(r, row, modes[m].mode, 1);
			for (unsigned c = 0; c < PN_INHIBIT_NR; c++) {
				uint64_t want = causes >> c & 1 ? 2 : 0; /* two VMs */

				if (r->inhibits[c] != want || r->inhibits_of[1][c] != want ||
				    r->inhibits_of[0][c])
					fail_msg("%s: %s came up %lu times", row,
						 pn_inhibit_name((enum pn_inhibit)c),
						 (unsigned long)r->inhibits[c]);
			}
			assert_string_equal(r->vm_name[1], "b");
			free(r);
		}
		free(sc);
	}
}

/* The vCPUs of VM @vm that are without AVIC or APICv, or are to be when they enter next. */
static unsigned off(const struct pn_machine *m, uint32_t vm)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < m->vcpus; i++) {
		const struct pn_host_vcpu *h = m->vcpu[i].h;

		if (m->vcpu[i].vm != vm)
			continue;
		if (h->apicv == (m->hyp->ops->inhibits(h) != 0) && !h->requests)
			fail_msg("vCPU %u: apicv %u against its inhibits", i, h->apicv);
		n += m->hyp->ops->inhibits(h) != 0;
	}
	return n;
}

static struct pn_machine *started(const struct pn_scenario *sc, const char *mode)
{
	struct pn_mode md = lab_mode(mode);
	struct pn_diag d = {0};
	struct pn_machine *m;

	if (pn_machine_create(sc, &md, 1, &m, &d))
		fail_msg("%s: %s", mode, d.text);
	pn_sim_start(m->sim);
	pn_churn_start(m);
	return m;
}

/* Over time: warm-up 1 ms, the window from 2 to 4 ms of what is measured. */
static void from_start_to_end(void **state)
{
	static const struct {
		unsigned at_us;
		bool in_window;
	} look[] = {{1, false},	  {2999, false}, {3001, true},
		    {4999, true}, {5001, false}, {6900, false}};

	(void)state;
	for (unsigned i = 0; i < COMBINED; i++) {
		unsigned w = i / LAB_ROWS(modes);
		const char *mode = modes[i % LAB_ROWS(modes)].mode;
		char row[64];
		struct pn_scenario *sc = combined(i, "", row, sizeof(row));
		struct pn_machine *m;

		if (!sc)
			continue;
		m = fits(sc, i, row) ? started(sc, mode) : NULL;
		for (unsigned k = 0; m && k < LAB_ROWS(look); k++) {
			unsigned want = !reasons[w].window || look[k].in_window ? 3 : 0;

			want = want && reasons[w].own ? 1 : want;
			lab_until(m, look[k].at_us * 1000ull);
			if (off(m, 0) || off(m, 1) != want || off(m, 2) != want)
				fail_msg("%s at %u us: %u, %u, %u vCPUs without", row,
					 look[k].at_us, off(m, 0), off(m, 1), off(m, 2));
		}
		pn_machine_destroy(m);
		free(sc);
	}
}

/* From the beginning, warm-up included, to a moment of the measured part. */
static void until_end(void **state)
{
	static const char *const why[] = {"x.reason=absent", "x.reason=irqwin",
					  "x.reason=pit_reinj"};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(why); i++) {
		struct pn_scenario *sc = lab_text(DISKS "[inhibit x]\nvm = b\nend = 2ms\n", why[i]);
		struct pn_machine *m = started(sc, "gappi");

		lab_until(m, 1000);
		assert_int_equal(off(m, 1), 3);
		lab_until(m, 2999000);
		assert_int_equal(off(m, 2), 3);
		lab_until(m, 3001000);
		assert_int_equal(off(m, 1) + off(m, 2), 0);
		pn_machine_destroy(m);
		free(sc);
	}
}

/* Two reasons at once: off until both are gone. */
static void two_at_once(void **state)
{
	static const struct {
		unsigned at_us, off;
	} look[] = {{2900, 0}, {3100, 3}, {5500, 3}, {6100, 0}};

	(void)state;
	for (unsigned m = 0; m < LAB_ROWS(modes) && !modes[m].ipis; m++) {
		struct pn_scenario *sc =
			lab_text(DISKS WINDOW "[inhibit y]\nvm = b\nstart = 3ms\nend = 5ms\n"
					      "reason = hyperv\n",
				 "x.reason=blockirq");
		struct pn_machine *ma;

		ma = started(sc, modes[m].mode);
		for (unsigned k = 0; k < LAB_ROWS(look); k++) {
			lab_until(ma, look[k].at_us * 1000ull);
			if (off(ma, 1) != look[k].off || off(ma, 0))
				fail_msg("%s at %u us: %u vCPUs without", modes[m].mode,
					 look[k].at_us, off(ma, 1));
		}
		pn_machine_destroy(ma);
		free(sc);
	}
}

/* Not for a while, but with everything else that disturbs. */
static void under_churn(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COMBINED; i++) {
		const char *mode = modes[i % LAB_ROWS(modes)].mode;
		char row[64];
		struct pn_scenario *sc =
			combined(i,
				 "[inhibit y]\nvm = a\nreason = blockirq\nend = 1ms\n"
				 "[inhibit z]\nvm = a\nreason = blockirq\n"
				 "start = 3ms\n",
				 row, sizeof(row));

		if (!sc)
			continue;
		sc->machine.churn_inhibit = 100000;
		sc->machine.churn_offline = 300000;
		if (fits(sc, i, row)) {
			struct pn_result *r = lab_run(
				sc, !strcmp(mode, "galog") ? "galog:recover=wake" : mode, 3, NULL);

			lab_clean(r, row, mode, 3);
			free(r);
		}
		free(sc);
	}
}

static char *text_of(const struct pn_comparison *c, const struct pn_scenario *sc, bool json)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	assert_int_equal(json ? pn_report_json(c, f) : pn_report_detail(c, sc, f), 0);
	fclose(f);
	return text;
}

/* By reason and by VM. */
static void shown_by_vm(void **state)
{
	struct pn_scenario *sc = lab_text(
		DISKS WINDOW "[inhibit y]\nreason = hyperv\nstart = 1ms\n", "x.reason=blockirq");
	struct pn_result *r = lab_run(sc, "gappi", 1, NULL);
	struct pn_comparison c = {.scenario = "s", .costs = "c", .n = 1, .result = r};
	char *text = text_of(&c, sc, false);
	json_t *root, *by;

	(void)state;
	if (!strstr(text, "  hyperv                             1\n    [vm a]                      "
			  "     1\n"
			  "  blockirq                           2\n"
			  "    [vm b]                           2\n"))
		fail_msg("%s", text);
	free(text);
	text = text_of(&c, sc, true);
	root = json_loads(text, 0, NULL);
	by = json_object_get(json_array_get(json_object_get(root, "modes"), 0), "inhibits_by_vm");
	assert_int_equal(json_object_size(by), 2);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(by, "a"), "hyperv")),
			 1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(by, "b"), "blockirq")),
			 2);
	json_decref(root);
	free(text);
	free(r);
	free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason), cmocka_unit_test(from_start_to_end),
		cmocka_unit_test(until_end),   cmocka_unit_test(two_at_once),
		cmocka_unit_test(under_churn), cmocka_unit_test(shown_by_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
