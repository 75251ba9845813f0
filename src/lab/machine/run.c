/* SPDX-License-Identifier: MIT */
/* One run from start to end: warm-up, measured part, draining, totals. Fills struct pn_result. */
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine.h"

#define SLICE_EVENTS 100000u
#define DRAIN_NS     100000000ull

_Static_assert(PN_RESULT_VMS == PN_MAX_SECTION, "one for each section");

/* How long an interrupt may rest although nothing is wrong: masked, or its vCPU waits its turn. */
static uint64_t patience(const struct pn_machine *m)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	uint64_t hold = 0;

	for (unsigned i = 0; i < m->sc->vms; i++)
		if (m->sc->vm[i].tpr_hold > hold)
			hold = m->sc->vm[i].tpr_hold;
	return 2 * hold + 2 * sm->slice * (m->vcpus / sm->pcpus + 1);
}

/* Until nothing is on its way, or nothing moves. */
static void settle(struct pn_machine *m, uint64_t rest)
{
	uint64_t now = pn_sim_now(m->sim);
	uint64_t end = now + DRAIN_NS + rest, left = m->outstanding;

	do {
		now += 1000000;
		while (pn_sim_run(m->sim, now, SLICE_EVENTS))
			;
		if (m->outstanding < left) {
			left = m->outstanding;
			end = now + DRAIN_NS + rest;
		}
	} while (m->outstanding && now < end);
}

/* A vCPU that could run, and then would take something or go on with what it has taken. */
static bool waits_its_turn(const struct pn_machine *m)
{
	for (uint32_t i = 0; i < m->vcpus; i++) {
		const struct pn_lab_vcpu *v = &m->vcpu[i];

		if (v->sim->task.state == PN_TASK_RUNNABLE &&
		    (pn_machine_irq_blocked(v->sim) || m->plat->deliverable(v)))
			return true;
	}
	return false;
}

/*
 * The scheduler charges a task for the interrupts that its CPU takes meanwhile. After a storm of
 * them that vCPU waits until all others have had as much: so long as it all took, times their
 * number.
 */
static uint64_t last_turn(const struct pn_machine *m)
{
	return pn_sim_now(m->sim) * (m->vcpus + 1);
}

void pn_machine_drain(struct pn_machine *m)
{
	uint64_t rest = patience(m), last, end;

	m->sim->draining = true;
	settle(m, rest);
	last = last_turn(m);
	while (m->outstanding && pn_sim_now(m->sim) < last && waits_its_turn(m))
		settle(m, rest);
	/* Not lost, but nothing in this run would have woken their vCPUs. */
	while (m->outstanding && pn_account_stranded(m))
		settle(m, rest);
	/* Time for handlers, EOIs and threads that still run. */
	end = pn_sim_now(m->sim) + 5000000 + rest;
	while (pn_sim_run(m->sim, end, SLICE_EVENTS))
		;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Runs to @until; false: the user wants to stop. */
static bool run_to(struct pn_machine *m, uint64_t until, uint64_t all,
		   const struct pn_run_options *opt)
{
	while (pn_sim_run(m->sim, until, SLICE_EVENTS)) {
		if (opt->progress && !opt->progress(opt->progress_ctx, pn_sim_now(m->sim), all))
			return false;
	}
	return true;
}

static void subtract(struct pn_totals *t, const struct pn_totals *from, uint32_t cpus)
{
	for (unsigned i = 0; i < PN_ALL_STEPS_NR; i++)
		t->steps[i] -= from->steps[i];
	t->needed -= from->needed;
	t->spurious -= from->spurious;
	t->missed -= from->missed;
	t->gappi_spurious -= from->gappi_spurious;
	t->host_ns -= from->host_ns;
	t->completions -= from->completions;
	t->parked -= from->parked;
	t->ipis_injected -= from->ipis_injected;
	for (uint32_t i = 0; i < cpus; i++)
		t->cpu_interrupts[i] -= from->cpu_interrupts[i];
}

static double busiest_share(const struct pn_totals *t, uint32_t cpus)
{
	uint64_t all = 0, most = 0;

	for (uint32_t i = 0; i < cpus; i++) {
		all += t->cpu_interrupts[i];
		if (t->cpu_interrupts[i] > most)
			most = t->cpu_interrupts[i];
	}
	return all ? (double)most / (double)all : 0;
}

/* Counts of steps. */
static void fill_steps(const uint64_t *steps, struct pn_result *r)
{
	static const unsigned exits[PN_EXIT_NR] = {
		[PN_EXIT_INTR] = PN_STEP_EXIT_INTR,    [PN_EXIT_HLT] = PN_STEP_EXIT_HLT,
		[PN_EXIT_APIC_EOI] = PN_STEP_EXIT_EOI, [PN_EXIT_APIC_WRITE] = PN_STEP_EXIT_TPR,
		[PN_EXIT_IPI] = PN_STEP_EXIT_IPI,      [PN_EXIT_NOACCEL] = PN_STEP_EXIT_NOACCEL,
	};
	static const unsigned vectors[PN_HV_NR] = {
		[PN_HV_DEVICE] = PN_STEP_IRQ_DEVICE,	     [PN_HV_GA_LOG] = PN_STEP_IRQ_GA_LOG,
		[PN_HV_WAKEUP] = PN_STEP_IRQ_WAKEUP,	     [PN_HV_RESCHED] = PN_STEP_IRQ_RESCHED,
		[PN_HV_TIMER] = PN_STEP_IRQ_TIMER,	     [PN_HV_NOTIFY] = PN_STEP_IRQ_NOTIFY,
		[PN_HV_POSTED_MSI] = PN_STEP_IRQ_POSTED_MSI,
	};

	for (unsigned i = 0; i < PN_EXIT_NR; i++)
		r->exits[i] = steps[exits[i]];
	for (unsigned i = 0; i < PN_HV_NR; i++)
		r->host_vectors[i] = steps[vectors[i]];
	memcpy(r->steps, steps, sizeof(r->steps));
	r->posts = steps[PN_STEP_IRR_SET] + steps[PN_STEP_PIR_SET] + steps[PN_STEP_IPI_POST];
	r->galog_entries = steps[PN_STEP_GALOG_ENTRY];
	r->galog_interrupts = steps[PN_STEP_GA_INT];
	r->galog_overflows = steps[PN_STEP_GALOG_OVERFLOW];
	r->galog_dropped = steps[PN_STEP_GALOG_DROP];
	r->gappi_notifications = steps[PN_STEP_GAPPI_SEND];
	if (pn_mode_has(&r->mode, PN_TRAIT_GAPPI))
		r->gappi_vcpus_scanned = steps[PN_STEP_LIST_SCAN];
	r->pi_notifications = steps[PN_STEP_PI_NOTIFY] + steps[PN_STEP_IPIV_NOTIFY];
	r->pi_outstanding = steps[PN_STEP_PI_ON];
	r->pi_suppressed = steps[PN_STEP_PI_SUPPRESSED];
	r->pi_spurious = steps[PN_STEP_PI_SPURIOUS];
	r->msi_harvests = steps[PN_STEP_MSI_HARVEST];
	r->msi_dispatched = steps[PN_STEP_MSI_DEMUX];
	r->irt_invalidations = steps[PN_STEP_IRT_FLUSH];
}

static void fill(const struct pn_machine *m, const struct pn_totals *t, struct pn_result *r)
{
	fill_steps(t->steps, r);
	r->posts += t->ipis_injected;
	r->interrupts = t->interrupts;
	r->delivered = t->delivered;
	r->coalesced = t->coalesced;
	r->lost = t->interrupts - t->delivered - t->coalesced;
	r->latency = *m->latency;
	r->wake_latency = *m->wake;
	r->busiest_cpu_share = busiest_share(t, m->sc->machine.pcpus);
	r->wakeups_needed = t->needed;
	r->wakeups_spurious = t->spurious;
	r->wakeups_missed = t->missed;
	r->gappi_spurious = t->gappi_spurious;
	r->unit_wait_ns = t->unit_wait;
	r->router_wait_ns = t->router_wait;
	memcpy(r->inhibits, t->inhibits, sizeof(r->inhibits));
	memcpy(r->inhibits_of, t->inhibits_of, sizeof(r->inhibits_of));
	r->vms = m->sc->vms;
	for (unsigned i = 0; i < r->vms; i++)
		memcpy(r->vm_name[i], m->sc->vm[i].name, sizeof(r->vm_name[i]));
	r->host_cpu_ns = t->host_ns;
	r->completions = t->completions;
	r->parked = t->parked;
	r->events = t->events;
}

/* Of the measured part, as the CPU time that they are part of. */
static void fill_polls(const struct pn_machine *m, const struct pn_poll_stats *from,
		       const struct pn_poll_stats *to, struct pn_result *r)
{
	const struct pn_sc_machine *sm = &m->sc->machine;

	r->halt_polling = sm->kvm_poll ? sm->halt_poll_ns > 0 : sm->halt_poll > 0;
	r->halt_polls = to->attempted - from->attempted;
	r->halt_polls_successful = to->successful - from->successful;
	r->halt_poll_success_ns = to->success_ns - from->success_ns;
	r->halt_poll_fail_ns = to->fail_ns - from->fail_ns;
	r->halt_poll_grown = to->grown - from->grown;
	r->halt_poll_shrunk = to->shrunk - from->shrunk;
}

/* Of each kind of interrupts, in a scenario with both. */
static void fill_parts(const struct pn_machine *m, struct pn_result *r)
{
	r->mixed = m->part != NULL;
	for (unsigned i = 0; i < PN_PARTS && m->part; i++) {
		struct pn_part *p = &r->part[i];
		uint64_t completions = p->completions;

		*p = m->part[i];
		p->completions = completions;
		p->lost = p->interrupts - p->delivered - p->coalesced;
	}
}

/* A vCPU that still sleeps with a deliverable interrupt was never notified. */
static uint64_t still_asleep(const struct pn_machine *m)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < m->vcpus; i++)
		n += m->vcpu[i].need && m->vcpu[i].sim->task.state == PN_TASK_SLEEPING;
	return n;
}

/* ---- batches ---- */

/* What @now has beyond @from. The extremes are known to a bucket only. */
static void hist_since(struct pn_hist *now, const struct pn_hist *from)
{
	now->n -= from->n;
	now->sum -= from->sum;
	now->sum_sq -= from->sum_sq;
	now->min = UINT64_MAX;
	now->max = 0;
	for (unsigned i = 0; i < PN_HIST_BUCKETS; i++) {
		now->bucket[i] -= from->bucket[i];
		if (!now->bucket[i])
			continue;
		if (now->min == UINT64_MAX)
			now->min = pn_hist_low(i);
		now->max = pn_hist_high(i) - 1;
	}
}

/* Totals and histograms at the end of a batch. */
struct mark {
	struct pn_totals t;
	struct pn_hist latency, wake;
};

static void set_mark(struct pn_machine *m, struct mark *k)
{
	pn_machine_totals(m, &k->t);
	k->latency = *m->latency;
	k->wake = *m->wake;
}

/* The figures between @from and @to, which is changed. */
static void fill_batch(const struct pn_machine *m, struct mark *to, const struct mark *from,
		       struct pn_result *r)
{
	subtract(&to->t, &from->t, m->sc->machine.pcpus);
	to->t.interrupts -= from->t.interrupts;
	to->t.delivered -= from->t.delivered;
	to->t.coalesced -= from->t.coalesced;
	fill(m, &to->t, r);
	hist_since(&r->latency, &from->latency);
	hist_since(&r->wake_latency, &from->wake);
	r->lost = 0; /* some are on their way */
	r->completions = to->t.completions;
	r->host_cpu_ns = to->t.host_ns;
}

/*
 * Runs the measured part in @opt->batches pieces of equal length. r->partial: the user wants to
 * stop. 0 or -ENOMEM.
 */
static int run_batches(struct pn_machine *m, const struct pn_run_options *opt, struct pn_result *r)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	uint64_t from = sm->warmup, end = sm->warmup + sm->duration;
	struct mark *k = calloc(3, sizeof(*k)), *last = k, *now = k + 1, *keep = k + 2;
	struct pn_result *piece = calloc(1, sizeof(*piece));
	int err = k && piece ? 0 : -ENOMEM;

	if (!err)
		set_mark(m, last);
	for (unsigned i = 0; i < opt->batches && !err && !r->partial; i++) {
		uint64_t to = sm->warmup + (i + 1) * (sm->duration / opt->batches);

		to = i + 1 == opt->batches ? end : to;
		r->partial = !run_to(m, to - 1, end, opt);
		set_mark(m, now);
		*keep = *now;
		*piece = (struct pn_result){.mode = r->mode, .duration_ns = to - from};
		fill_batch(m, now, last, piece);
		*last = *keep;
		from = to;
		if (!r->partial)
			opt->batch(opt->batch_ctx, piece);
	}
	free(k);
	free(piece);
	return err;
}

static int measure(struct pn_machine *m, const struct pn_run_options *opt, struct pn_result *r)
{
	const struct pn_sc_machine *sm = &m->sc->machine;
	struct pn_totals *before = calloc(2, sizeof(*before)), *after = before + 1;
	uint64_t end = sm->warmup + sm->duration, stopped, completions, host_ns, recorded_ns;
	int err = 0;

	if (!before)
		return -ENOMEM;
	m->warmup_at = sm->warmup;
	pn_sim_start(m->sim);
	pn_churn_start(m);
	/* Measured is from warmup, inclusive, to end, exclusive. */
	r->partial = sm->warmup && !run_to(m, sm->warmup - 1, end, opt);
	pn_machine_totals(m, before);
	if (!r->partial && opt->batches)
		err = run_batches(m, opt, r);
	else if (!r->partial)
		r->partial = !run_to(m, end - 1, end, opt);
	if (err) {
		free(before);
		return err;
	}
	stopped = r->partial ? pn_sim_now(m->sim) : end;
	r->duration_ns = stopped > sm->warmup ? stopped - sm->warmup : 0;
	pn_machine_totals(m, after);
	completions = after->completions - before->completions;
	host_ns = after->host_ns - before->host_ns;
	recorded_ns = after->recorded_ns - before->recorded_ns;
	r->part[PN_PART_IPIS].completions = after->ipi_completions - before->ipi_completions;
	r->part[PN_PART_DEVICES].completions = completions - r->part[PN_PART_IPIS].completions;
	fill_polls(m, &before->polls, &after->polls, r);
	pn_machine_drain(m);
	pn_selfcheck(m, r->check, sizeof(r->check));
	pn_machine_totals(m, after);
	subtract(after, before, sm->pcpus);
	fill(m, after, r);
	fill_parts(m, r);
	/* Rates are of the measured part; what was on its way then may still have arrived. */
	r->completions = completions;
	r->host_cpu_ns = host_ns;
	if (m->sc->work != PN_WORK_BARE) /* there it is the load itself, too */
		r->other_cpu_ns = recorded_ns;
	r->wakeups_missed += still_asleep(m);
	free(before);
	return 0;
}

int pn_run(const struct pn_scenario *sc, const struct pn_mode *mode,
	   const struct pn_run_options *opt, struct pn_result *out, struct pn_diag *d)
{
	struct pn_machine *m = NULL;
	struct pn_tracer *tracer = NULL;
	struct pn_feed *feed = NULL;
	double start = seconds();
	int err, err2;

	memset(out, 0, sizeof(*out));
	pn_hist_init(&out->latency);
	pn_hist_init(&out->wake_latency);
	for (unsigned i = 0; i < PN_PARTS; i++)
		pn_part_init(&out->part[i]);
	out->mode = *mode;
	err = pn_machine_create(sc, mode, opt->seed, &m, d);
	if (!err && (opt->trace || opt->steps || opt->wakes))
		err = pn_tracer_attach(m, opt, &tracer);
	if (!err && opt->recording)
		err = pn_feed_open(m, opt->recording, &feed);
	if (!err)
		err = measure(m, opt, out);
	err2 = pn_feed_close(feed);
	if (!err)
		err = err2;
	if (!err && opt->wakes)
		err = pn_tracer_wakes(tracer, &out->wake_latency, &out->wakes);
	err2 = pn_tracer_close(tracer);
	if (!err)
		err = err2;
	pn_machine_destroy(m);
	out->wall_s = seconds() - start;
	if (err && d && !d->text[0])
		pn_diag_set(d, err, sc->path, 0, "%s", strerror(-err));
	return err;
}
