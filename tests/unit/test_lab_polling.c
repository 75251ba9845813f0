/* SPDX-License-Identifier: MIT */
/* Halt polling as KVM has it, on whole machines of both vendors: what it saves and what it costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "lab_rig.h"
#include "report.h"

static const struct {
	const char *mode, *scenario, *set;
} machines[] = {
#define NIC "machine.duration=60ms packets.type=periodic packets.rate=20k/s "
#define TAG "machine.duration=20ms machine.pcpus=16 storm.think=20us storm.senders=8 "
	{"emulated", "sparse-wakeups", NIC}, {"avic", "sparse-wakeups", NIC},
	{"galog", "sparse-wakeups", NIC},    {"gappi", "sparse-wakeups", NIC},
	{"vtd-pi", "sparse-wakeups", NIC},   {"ipi-exit", "ipi-storm", TAG},
	{"ipi-avic", "ipi-storm", TAG},	     {"ipi-ipiv", "ipi-storm", TAG},
};

static struct pn_result *run_with(unsigned i, const char *more)
{
	struct pn_scenario *sc;
	struct pn_result *r;
	char set[256];

	snprintf(set, sizeof(set), "%s%s", machines[i].set, more);
	sc = lab_scenario(machines[i].scenario, set);
	r = lab_run(sc, machines[i].mode, 1, NULL);
	lab_clean(r, set, machines[i].mode, 1);
	free(sc);
	return r;
}

static uint64_t poll_ns(const struct pn_result *r)
{
	return r->halt_poll_success_ns + r->halt_poll_fail_ns;
}

/*
 * Interrupts every 50 us: the polls of KVM's defaults meet nearly all of them. Then hardware need
 * not tell the host, and CPU time is what it costs.
 */
static void polls_meet_interrupts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(machines); i++) {
		struct pn_result *off = run_with(i, "machine.halt_poll_ns=0");
		struct pn_result *on = run_with(i, "machine.halt_poll_ns=200000");
		const char *mode = machines[i].mode;

		if (off->halt_polling || off->halt_polls || poll_ns(off) || !on->halt_polling)
			fail_msg("%s: polls that were not asked for, or none", mode);
		if (on->halt_polls_successful * 10 < on->halt_polls * 9 ||
		    on->halt_polls < on->interrupts / 20)
			fail_msg("%s: %lu of %lu polls met an interrupt, %lu interrupts", mode,
				 (unsigned long)on->halt_polls_successful,
				 (unsigned long)on->halt_polls, (unsigned long)on->interrupts);
		if (on->wakeups_needed * 10 > off->wakeups_needed)
			fail_msg("%s: %lu wakeups, without polling %lu", mode,
				 (unsigned long)on->wakeups_needed,
				 (unsigned long)off->wakeups_needed);
		if (on->host_vectors[PN_HV_WAKEUP] * 10 > off->host_vectors[PN_HV_WAKEUP] ||
		    on->host_vectors[PN_HV_GA_LOG] * 5 > off->host_vectors[PN_HV_GA_LOG])
			fail_msg("%s: wakeup interrupts for vCPUs that polled", mode);
		if (pn_hist_quantile(&on->latency, 0.5) >= pn_hist_quantile(&off->latency, 0.5))
			fail_msg("%s: no faster", mode);
		if (on->host_cpu_ns < poll_ns(on) || !poll_ns(on) ||
		    on->host_cpu_ns < off->host_cpu_ns + poll_ns(on) / 2)
			fail_msg("%s: %lu ns of the host, %lu of them polls, %lu without", mode,
				 (unsigned long)on->host_cpu_ns, (unsigned long)poll_ns(on),
				 (unsigned long)off->host_cpu_ns);
		free(off);
		free(on);
	}
}

/* Interrupts every 2 ms: limits shrink to nothing, and with them the cost. */
static void polls_in_vain_end(void **state)
{
	static const char *const modes[] = {"avic", "galog", "gappi", "vtd-pi"};

	(void)state;
	for (unsigned i = 0; i < LAB_ROWS(modes); i++) {
		struct pn_scenario *sc = lab_scenario(
			"sparse-wakeups", "machine.duration=200ms machine.halt_poll_ns=200000 "
					  "packets.type=periodic packets.rate=500/s");
		struct pn_result *r = lab_run(sc, modes[i], 1, NULL);

		lab_clean(r, "sparse", modes[i], 1);
		if (r->halt_polls || poll_ns(r) || r->halt_poll_grown)
			fail_msg("%s: %lu polls", modes[i], (unsigned long)r->halt_polls);
		free(r);
		free(sc);
	}
}

/* The account in the table and in the JSON, which other scenarios do not have. */
static void shown_where_there_is_some(void **state)
{
	static const char *const keys[] = {"attempted", "successful", "success_ns",
					   "fail_ns",	"grown",      "shrunk"};

	(void)state;
	for (unsigned on = 0; on < 2; on++) {
		struct pn_result *r =
			run_with(3, on ? "machine.halt_poll_ns_grow=2" : "machine.halt_poll_ns=0");
		struct pn_comparison c = {.scenario = "s", .costs = "c", .n = 1, .result = r};
		char *text = NULL;
		json_t *root, *o;
		size_t size;
		FILE *f = open_memstream(&text, &size);

		assert_int_equal(pn_report_table(&c, f), 0);
		fclose(f);
		assert_int_equal(!!strstr(text, "\nhalt polling  polls  "), on);
		assert_int_equal(!!strstr(text, "of it in vain"), on);
		free(text);
		f = open_memstream(&text, &size);
		assert_int_equal(pn_report_json(&c, f), 0);
		fclose(f);
		root = json_loads(text, 0, NULL);
		o = json_object_get(json_array_get(json_object_get(root, "modes"), 0),
				    "halt_polling");
		assert_int_equal(o != NULL, on);
		for (unsigned k = 0; on && k < LAB_ROWS(keys); k++)
			assert_true(json_is_integer(json_object_get(o, keys[k])));
		if (on)
			assert_int_equal(json_integer_value(json_object_get(o, "success_ns")),
					 r->halt_poll_success_ns);
		json_decref(root);
		free(text);
		free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(polls_meet_interrupts),
		cmocka_unit_test(polls_in_vain_end),
		cmocka_unit_test(shown_where_there_is_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
