/* SPDX-License-Identifier: MIT */
/* The results of a comparison as JSON. */
#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "inhibit.h"
#include "report_measured.h"
#include "report_json.h"

/* Keys come in the order in which they are set; numbers have the same digits on every machine. */
#define FLAGS (JSON_INDENT(2) | JSON_REAL_PRECISION(12))

static json_t *integer(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

/* null if the divisor is 0. */
static json_t *quotient(double a, double b)
{
	return b > 0 && isfinite(a / b) ? json_real(a / b) : json_null();
}

/* Without a sample there is no quantile: null, not zero. */
static json_t *quantile(const struct pn_hist *h, double fraction)
{
	return h->n ? integer(pn_hist_quantile(h, fraction)) : json_null();
}

static json_t *latency(const struct pn_hist *h)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "min", quantile(h, 0), "p50",
			 quantile(h, 0.5), "p90", quantile(h, 0.9), "p99", quantile(h, 0.99),
			 "p999", quantile(h, 0.999), "max", quantile(h, 1), "mean",
			 quotient(h->sum, (double)h->n));
}

static json_t *variant(const struct pn_mode *m)
{
	json_t *o = json_object();
	char value[PN_MODE_VALUE];
	const char *key;

	for (unsigned i = 0; pn_mode_variant(m, i, &key, value); i++)
		json_object_set_new(o, key, json_string(value));
	return o;
}

static json_t *exits(const struct pn_result *r)
{
	json_t *by = json_object();

	for (unsigned i = 0; i < PN_EXIT_NR; i++)
		if (r->exits[i])
			json_object_set_new(by, pn_exit_reason_name((enum pn_exit_reason)i),
					    integer(r->exits[i]));
	return json_pack("{s:o, s:o, s:o}", "total", integer(pn_report_exits(r)), "per_interrupt",
			 quotient((double)pn_report_exits(r), (double)r->interrupts), "by_reason",
			 by);
}

static json_t *host_interrupts(const struct pn_result *r)
{
	uint64_t total = pn_report_host_interrupts(r);
	json_t *by = json_object();

	for (unsigned i = 0; i < PN_HV_NR; i++)
		if (r->host_vectors[i])
			json_object_set_new(by, pn_host_vector_name((enum pn_host_vector)i),
					    integer(r->host_vectors[i]));
	return json_pack("{s:o, s:o, s:o}", "total", integer(total), "by_vector", by,
			 "busiest_cpu_share",
			 total ? quotient(r->busiest_cpu_share, 1) : json_null());
}

static json_t *causes(const uint64_t *n)
{
	json_t *by = json_object();

	for (unsigned i = 0; i < PN_INHIBIT_NR; i++)
		if (n[i])
			json_object_set_new(by, pn_inhibit_name((enum pn_inhibit)i), integer(n[i]));
	return by;
}

static bool any_inhibit(const struct pn_result *r)
{
	for (unsigned i = 0; i < PN_INHIBIT_NR; i++)
		if (r->inhibits[i])
			return true;
	return false;
}

/* The same for the VMs of each section that has any. */
static json_t *inhibits_by_vm(const struct pn_result *r)
{
	json_t *all = json_object();

	for (unsigned k = 0; k < r->vms; k++) {
		json_t *by = causes(r->inhibits_of[k]);

		if (json_object_size(by))
			json_object_set(all, r->vm_name[k], by);
		json_decref(by);
	}
	return all;
}

static json_t *galog(const struct pn_result *r)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "entries", integer(r->galog_entries), "interrupts",
			 integer(r->galog_interrupts), "overflows", integer(r->galog_overflows),
			 "dropped", integer(r->galog_dropped));
}

static json_t *gappi(const struct pn_result *r)
{
	return json_pack("{s:o, s:o, s:o}", "notifications", integer(r->gappi_notifications),
			 "spurious", integer(r->gappi_spurious), "vcpus_scanned",
			 integer(r->gappi_vcpus_scanned));
}

/* Names as KVM's statistics have them. */
static json_t *halt_polling(const struct pn_result *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "attempted", integer(r->halt_polls),
			 "successful", integer(r->halt_polls_successful), "success_ns",
			 integer(r->halt_poll_success_ns), "fail_ns", integer(r->halt_poll_fail_ns),
			 "grown", integer(r->halt_poll_grown), "shrunk",
			 integer(r->halt_poll_shrunk));
}

/* Each kind of interrupts, in a scenario with both. */
static json_t *parts(const struct pn_result *r)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < PN_PARTS; i++) {
		const struct pn_part *p = &r->part[i];

		json_object_set_new(
			o, pn_part_name((enum pn_part_kind)i),
			json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "interrupts",
				  integer(p->interrupts), "delivered", integer(p->delivered),
				  "coalesced", integer(p->coalesced), "lost", integer(p->lost),
				  "latency_ns", latency(&p->latency), "wake_latency_ns",
				  latency(&p->wake_latency), "throughput_per_s",
				  quotient(1e9 * (double)p->completions, (double)r->duration_ns)));
	}
	return o;
}

static json_t *mode(const struct pn_result *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "mode", json_string(r->mode.info->name));
	json_object_set_new(o, "variant", variant(&r->mode));
	if (r->partial)
		json_object_set_new(o, "partial", json_true());
	if (r->check[0])
		json_object_set_new(o, "check", pn_json_text(r->check));
	json_object_set_new(o, "interrupts", integer(r->interrupts));
	json_object_set_new(o, "posts", integer(r->posts));
	json_object_set_new(o, "delivered", integer(r->delivered));
	json_object_set_new(o, "coalesced", integer(r->coalesced));
	json_object_set_new(o, "lost", integer(r->lost));
	json_object_set_new(o, "latency_ns", latency(&r->latency));
	json_object_set_new(o, "wake_latency_ns", latency(&r->wake_latency));
	if (r->mixed)
		json_object_set_new(o, "by_source", parts(r));
	json_object_set_new(o, "vm_exits", exits(r));
	json_object_set_new(o, "host_interrupts", host_interrupts(r));
	json_object_set_new(o, "wakeups",
			    json_pack("{s:o, s:o, s:o}", "needed", integer(r->wakeups_needed),
				      "spurious", integer(r->wakeups_spurious), "missed",
				      integer(r->wakeups_missed)));
	json_object_set_new(o, "galog", galog(r));
	json_object_set_new(o, "gappi", gappi(r));
	json_object_set_new(o, "irt_invalidations", integer(r->irt_invalidations));
	json_object_set_new(o, "inhibits", causes(r->inhibits));
	if (r->vms > 1 && any_inhibit(r))
		json_object_set_new(o, "inhibits_by_vm", inhibits_by_vm(r));
	json_object_set_new(o, "host_cpu_ns", integer(r->host_cpu_ns));
	json_object_set_new(o, "host_cpu_ns_per_interrupt",
			    quotient((double)r->host_cpu_ns, (double)r->interrupts));
	if (r->halt_polling)
		json_object_set_new(o, "halt_polling", halt_polling(r));
	if (r->other_cpu_ns)
		json_object_set_new(o, "other_cpu_ns", integer(r->other_cpu_ns));
	json_object_set_new(o, "guest_throughput_per_s",
			    quotient(1e9 * (double)r->completions, (double)r->duration_ns));
	return o;
}

/* ---- drawn costs ---- */

static void widen(json_t *range, const char *key, json_t *value, bool less)
{
	json_t *old = json_object_get(range, key);
	double v = json_number_value(value);

	if (!old || (less ? v < json_number_value(old) : v > json_number_value(old)))
		json_object_set(range, key, value);
}

/* Every number of @o, as {"latency_ns.p99": {"min", "max"}}. */
static void ranges(json_t *all, const char *path, json_t *o)
{
	const char *key;
	json_t *value;

	json_object_foreach(o, key, value)
	{
		char name[128];
		json_t *range;

		snprintf(name, sizeof(name), "%s%s%s", path, *path ? "." : "", key);
		if (json_is_object(value))
			ranges(all, name, value);
		if (!json_is_number(value))
			continue;
		range = json_object_get(all, name);
		if (!range) {
			range = json_object();
			json_object_set_new(all, name, range);
		}
		widen(range, "min", value, true);
		widen(range, "max", value, false);
	}
}

/* The figures of mode @i: the value that the table as it is gives, and the range of the draws. */
static void figures_of(const struct pn_comparison *c, unsigned i, json_t *list)
{
	json_t *all = json_object(), *is = json_object(), *range;
	const char *name;

	for (unsigned k = 0; k <= c->draws; k++) {
		json_t *m = mode(k ? &c->draw[k - 1].result[i] : &c->result[i]);

		ranges(k ? all : is, "", m);
		json_decref(m);
	}
	json_object_foreach(all, name, range)
	{
		json_t *now = json_object_get(json_object_get(is, name), "min");

		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:s, s:O, s:O}", "mode",
						c->result[i].mode.info->name, "variant",
						variant(&c->result[i].mode), "figure", name,
						"value", now ? now : json_null(), "range", range));
	}
	json_decref(all);
	json_decref(is);
}

static json_t *readings(const struct pn_comparison *c)
{
	struct pn_reading rd[PN_READING_MAX];
	unsigned n = pn_report_reading(c, rd);
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++)
		if (rd[i].of)
			json_array_append_new(list,
					      json_pack("{s:s, s:s, s:b, s:i, s:i, s:b}", "text",
							rd[i].text, "claim", rd[i].claim, "alarm",
							rd[i].alarm, "holds", (int)rd[i].holds,
							"of", (int)rd[i].of, "open", rd[i].open));
	return list;
}

static json_t *sensitivity(const struct pn_comparison *c)
{
	json_t *figures = json_array();

	for (unsigned i = 0; i < c->n; i++)
		figures_of(c, i, figures);
	return json_pack("{s:i, s:i, s:o, s:o}", "draws", (int)c->draws, "drawn_costs",
			 (int)c->drawn, "figures", figures, "readings", readings(c));
}

static json_t *left_out(const struct pn_comparison *c)
{
	json_t *names = json_array();

	for (unsigned i = 0; pn_modes[i]; i++)
		if (c->left_out >> i & 1)
			json_array_append_new(names, json_string(pn_modes[i]->name));
	return names;
}

int pn_report_json(const struct pn_comparison *c, FILE *f)
{
	json_t *o = json_object(), *modes = json_array();
	bool failed;

	json_object_set_new(o, "schema", json_string("postern.compare/1"));
	json_object_set_new(o, "scenario", pn_json_text(c->scenario));
	json_object_set_new(o, "seed", integer(c->seed));
	json_object_set_new(o, "costs", pn_json_text(c->costs));
	json_object_set_new(o, "duration_ns", integer(c->duration_ns));
	if (c->recording)
		json_object_set_new(o, "recording", pn_json_recording(c->recording));
	if (c->left_out)
		json_object_set_new(o, "left_out", left_out(c));
	if (pn_measured(c->recording, PN_WORK_PASSTHROUGH))
		json_object_set_new(o, "measured", pn_json_measured(c->recording));
	for (unsigned i = 0; i < c->n; i++)
		json_array_append_new(modes, mode(&c->result[i]));
	json_object_set_new(o, "modes", modes);
	if (c->draws)
		json_object_set_new(o, "sensitivity", sensitivity(c));
	failed = json_dumpf(o, f, FLAGS) < 0 || fputc('\n', f) == EOF;
	json_decref(o);
	return failed || ferror(f) ? -EIO : 0;
}
