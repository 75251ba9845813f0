/* SPDX-License-Identifier: MIT */
/* A trace that reached its limit says so; wakeups that a run keeps are whole. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lab_rig.h"

/* A trace with at most @limit events (0: the default), closed as the command line closes it. */
static json_t *trace_of(uint64_t limit)
{
	struct pn_scenario *sc = lab_scenario("sparse-wakeups", "machine.duration=10ms");
	struct pn_result *r = calloc(1, sizeof(*r));
	struct pn_run_options opt = {.seed = 1, .trace_limit = limit};
	struct pn_mode mode = lab_mode("gappi");
	struct pn_diag d = {0};
	char *text = NULL;
	size_t size;
	json_t *o;

	assert_non_null(r);
	opt.trace = open_memstream(&text, &size);
	assert_non_null(opt.trace);
	fputs("[\n", opt.trace);
	assert_int_equal(pn_run(sc, &mode, &opt, r, &d), 0);
	fputs("{}]\n", opt.trace);
	fclose(opt.trace);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	free(text);
	free(r);
	free(sc);
	return o;
}

static unsigned events(const json_t *trace, const char *ph)
{
	unsigned n = 0;
	json_t *e;
	size_t i;

	json_array_foreach(trace, i, e)
	{
		const char *p = json_string_value(json_object_get(e, "ph"));

		n += p && !strcmp(p, ph);
	}
	return n;
}

/* A trace that is cut off says where. */
static void a_full_trace_says_so(void **state)
{
	json_t *whole = trace_of(0), *cut = trace_of(100);

	(void)state;
	assert_true(events(whole, "X") > 100);
	assert_int_equal(events(whole, "i"), 0);
	assert_int_equal(events(cut, "X"), 99);
	assert_int_equal(events(cut, "i"), 1);
	json_decref(whole);
	json_decref(cut);
}

static unsigned taken(const struct pn_wake *w, unsigned step)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n; i++)
		n += w->step[i].step == step;
	return n;
}

/* From the device's write to the handler, without a hole. */
static void is_whole(const char *mode, const struct pn_wake *w)
{
	bool posted = strcmp(mode, "emulated") && strcmp(mode, "avic");
	unsigned awaited = 0;

	assert_in_range(w->n, 10, PN_WAKE_STEPS);
	for (unsigned i = 0; i < PN_WAKE_PARTS; i++)
		assert_true(w->end[i] >= (i ? w->end[i - 1] : w->sent));
	for (unsigned i = 0; i < w->n; i++) {
		awaited += w->step[i].awaited;
		assert_true(!i || w->step[i].at >= w->step[i - 1].at);
	}
	assert_int_equal(awaited, 1);
	assert_int_equal(w->step[0].step, PN_STEP_DEVICE_WRITE);
	assert_int_equal(w->step[0].at, w->sent);
	assert_int_equal(taken(w, PN_STEP_IRR_SET) + taken(w, PN_STEP_PIR_SET), posted);
	assert_int_equal(taken(w, PN_STEP_REMAP_SEND), !posted);
	assert_int_equal(taken(w, PN_STEP_IRQ_GA_LOG), !strcmp(mode, "galog"));
	assert_int_equal(taken(w, PN_STEP_IRQ_WAKEUP), posted && strcmp(mode, "galog"));
	assert_int_equal(taken(w, PN_STEP_VMRUN), 1);
	assert_int_equal(taken(w, PN_STEP_HANDLER_START), 1);
}

/* Idle vCPUs: the ways of all modes are known. */
static void kept_wakeups_are_whole(void **state)
{
	static const char *const modes[] = {"emulated", "avic", "galog", "gappi", "vtd-pi"};
	struct pn_scenario *sc = lab_scenario("sparse-wakeups", "machine.duration=20ms");
	struct pn_result *r = calloc(1, sizeof(*r));
	struct pn_run_options opt = {.seed = 1, .wakes = true};
	struct pn_diag d = {0};

	(void)state;
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct pn_mode mode = lab_mode(modes[i]);
		uint64_t p50;

		assert_int_equal(pn_run(sc, &mode, &opt, r, &d), 0);
		assert_int_equal(r->wakes->n, PN_WAKE_CHOICES);
		p50 = pn_hist_quantile(&r->wake_latency, 0.5);
		assert_in_range(pn_wake_ns(&r->wakes->wake[PN_WAKE_P50]), p50 * 15 / 16,
				p50 * 17 / 16);
		assert_int_equal(pn_wake_ns(&r->wakes->wake[PN_WAKE_MAX]), r->wake_latency.max);
		is_whole(modes[i], &r->wakes->wake[PN_WAKE_P50]);
		free(r->wakes);
	}
	free(r);
	free(sc);
}

/* Of a busy machine: only what has to do with it, or was in its way. */
static void is_its_own(const struct pn_wake *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		const struct pn_wake_step *s = &w->step[i];

		if (s->awaited)
			assert_int_equal(s->vcpu, w->vcpu);
		if (s->step == PN_STEP_HANDLER_START && s->at == w->end[PN_WAKE_GUEST])
			assert_int_equal(s->vcpu, w->vcpu);
		if (s->who == PN_WAKE_BY_IOMMU) {
			assert_int_equal(s->id, w->iommu);
			assert_true(s->for_it || s->at < w->end[PN_WAKE_UNIT_BUSY]);
		}
		if (s->who == PN_WAKE_BY_CPU && s->id != w->cpu)
			assert_true(s->at < w->end[PN_WAKE_HOST]);
		assert_true(s->at + s->ns >= w->sent && s->at <= w->end[PN_WAKE_GUEST]);
	}
}

static void kept_wakeups_are_their_own(void **state)
{
	static const char *const modes[] = {"avic", "galog", "gappi", "vtd-pi"};
	struct pn_scenario *sc = lab_scenario("passthrough-nvme", "machine.duration=5ms");
	struct pn_result *r = calloc(1, sizeof(*r));
	struct pn_run_options opt = {.seed = 1, .wakes = true};
	struct pn_diag d = {0};

	(void)state;
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct pn_mode mode = lab_mode(modes[i]);

		assert_int_equal(pn_run(sc, &mode, &opt, r, &d), 0);
		assert_int_equal(r->wakes->n, PN_WAKE_CHOICES);
		for (unsigned k = 0; k < r->wakes->n; k++)
			is_its_own(&r->wakes->wake[k]);
		/* Two vCPUs share each CPU: the median waits for the other one. */
		assert_in_range(r->wakes->wake[PN_WAKE_P50].other, 0, 31);
		assert_int_not_equal(r->wakes->wake[PN_WAKE_P50].other,
				     r->wakes->wake[PN_WAKE_P50].vcpu);
		free(r->wakes);
	}
	free(r);
	free(sc);
}

/* Without interrupts to sleepers, and without guests, there are none. */
static void no_wakeups_are_kept(void **state)
{
	struct pn_scenario *sc = lab_scenario("sparse-bare-metal", "machine.duration=20ms");
	struct pn_result *r = calloc(1, sizeof(*r));
	struct pn_run_options opt = {.seed = 1, .wakes = true};
	struct pn_mode mode = lab_mode("posted-msi");
	struct pn_diag d = {0};

	(void)state;
	assert_int_equal(pn_run(sc, &mode, &opt, r, &d), 0);
	assert_int_equal(r->wakes->n, 0);
	free(r->wakes);
	free(r);
	free(sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_trace_says_so),
		cmocka_unit_test(kept_wakeups_are_whole),
		cmocka_unit_test(kept_wakeups_are_their_own),
		cmocka_unit_test(no_wakeups_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
