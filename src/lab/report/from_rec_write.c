/* SPDX-License-Identifier: MIT */
/* Writes the scenario that from_rec.c measured, each value with where it is from. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "from_rec.h"
#include "report_fmt.h"

#define HANDLER_NS 1000.0 /* as in a replay, if none was recorded */
#define ENOUGH	   20	  /* gaps, to say how they come */

/* A name as a section may have it. */
static void section_name(const struct pn_from_rec *x, unsigned part, char *out, size_t size)
{
	const char *from = x->kind[x->part[part].kind];
	size_t n = (size_t)snprintf(out, size, "d%u-", part);

	for (; *from && n + 1 < size && n < 28; from++)
		if ((*from >= '0' && *from <= '9') || (*from | 0x20) >= 'a' ? (*from | 0x20) <= 'z'
									    : *from == '-')
			out[n++] = *from;
		else if (*from == '*')
			out[n++] = 'N';
	out[n] = 0;
}

/* Text that comes from the file, in a comment: one line. */
static void say(const char *text, FILE *f)
{
	for (; *text; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, f);
}

static uint64_t at_most(double ns, double most)
{
	return (uint64_t)llround(ns < most ? ns : most);
}

/* Simulated: at least 1 ms, since rates of an instant are none; an hour at most. */
static uint64_t duration(const struct pn_from_rec *x)
{
	return at_most(fmax(1e6, (double)x->sum->span_ns), 3.6e12);
}

/* "rate = 1.5/s", in digits that are read again. */
static void say_rate(double rate, FILE *f)
{
	rate = fmin(fmax(rate, 1e-9), 1e9);
	fprintf(f, "rate = %.*f/s\n", rate < 1000 ? 9 : 3, rate);
}

static void machine(const struct pn_from_rec *x, FILE *f)
{
	const struct pn_rec_summary *s = x->sum;
	uint64_t ns = duration(x);

	fprintf(f,
		"\n[machine]\n# recorded CPUs with events: %u. The rest of the machine is assumed: "
		"the "
		"defaults.\npcpus = %u\niommus = 1\n# span of the recording%s\nduration = %lluns\n"
		"warmup = 0ns\n",
		s->cpus, s->cpus,
		ns > s->span_ns	  ? ", at least 1 ms"
		: ns < s->span_ns ? ", at most an hour"
				  : "",
		(unsigned long long)ns);
	if (x->displaced >= ENOUGH)
		fprintf(f,
			"# Other programs displaced the load %llu times. Assumed: on all CPUs "
			"alike, at "
			"random.\nnoise_period = %lluns\nnoise_time = %lluns\n",
			(unsigned long long)x->displaced,
			(unsigned long long)at_most(
				fmax(1e4, (double)s->span_ns * s->cpus / (double)x->displaced),
				3.6e12),
			(unsigned long long)at_most((double)x->displaced_ns / (double)x->displaced,
						    1e9));
	if (s->cpus > 512)
		fputs("int_tab_entries = 2048\nx2avic_ext = yes\n", f);
}

static void vms(const struct pn_from_rec *x, FILE *f)
{
	if (!x->sum->load_comm[0]) {
		fputs("\n# No load is known. As in a replay it is taken to run all the time.\n", f);
	} else {
		fputs("\n# The load: ", f);
		say(x->sum->load_comm, f);
		fputs(" (", f);
		say(x->sum->load_why, f);
		fprintf(f, "), %.1f %% of the CPU time.\n", 100 * fmax(0, x->sum->load_share));
	}
	fputs("# Each recorded CPU is a vCPU on a CPU of its own.\n"
	      "# busy: what the load ran without being woken by an interrupt, mean of the VM's "
	      "CPUs;\n# busy_burst: the mean length of such a stretch. Assumed: pauses between "
	      "them "
	      "are random.\n",
	      f);
	if (x->vms > 1)
		fprintf(f,
			"# %u VM sections because a VM has one value of busy: one for CPUs that "
			"are "
			"alike.\n",
			x->vms);
	for (unsigned i = 0; i < x->vms; i++) {
		const struct pn_from_vm *vm = &x->vm[i];
		double busy = vm->busy;

		fprintf(f, "\n[vm cpu%u]\nvcpus = %u\npin = yes\nfirst_pcpu = %u\n",
			x->sum->cpu_number[vm->cpu], vm->cpus, vm->cpu);
		if (busy < 0.0005)
			continue;
		fprintf(f, "busy = %.4f\n", busy > 0.9995 ? 1 : busy);
		if (busy < 0.9995)
			fprintf(f, "busy_burst = %lluns\n",
				(unsigned long long)at_most(fmax(1000, vm->burst_ns), 1e9));
	}
}

/* Gaps that are ten times as long as half of all gaps are pauses; enough of them make bursts. */
static bool bursts(const struct pn_from_part *p, double queues, double *on, double *off)
{
	double median = (double)pn_rec_hist_quantile(&p->gaps, 0.5), n = 0, sum = 0;

	for (size_t b = 0; b < sizeof(p->gaps.bucket) / sizeof(p->gaps.bucket[0]); b++)
		if (p->gaps.bucket[b] && (double)p->gaps.sum[b] > 10 * median * p->gaps.bucket[b]) {
			n += p->gaps.bucket[b];
			sum += (double)p->gaps.sum[b];
		}
	if (n < ENOUGH || (double)p->count < 3 * (n + queues))
		return false;
	*off = sum / n;
	*on = (p->gap_sum - sum) / (n + queues);
	return *on >= 1000 && *off >= 1000;
}

/* Eight of ten gaps are about as long as the one in the middle. */
static bool regular(const struct pn_rec_hist *gaps)
{
	double p50 = (double)pn_rec_hist_quantile(gaps, 0.5);

	return gaps->n >= ENOUGH && (double)pn_rec_hist_quantile(gaps, 0.1) >= p50 / 1.5 &&
	       (double)pn_rec_hist_quantile(gaps, 0.9) <= p50 * 1.5;
}

static void arrivals(const struct pn_from_rec *x, const struct pn_from_part *p, FILE *f)
{
	double queues = (double)p->lines * p->cpus, on, off;
	double rate = (double)p->count * 1e9 / (fmax(1e6, (double)x->sum->span_ns) * queues);

	if (p->gaps.n < ENOUGH)
		fputs("# Assumed: poisson; there are too few interrupts to see how they come.\n",
		      f);
	else
		fprintf(f,
			"# From one interrupt of a queue to its next: mean %.0f ns, p10 %llu ns, "
			"p50 "
			"%llu ns, p90 %llu ns.\n",
			p->gap_sum / (double)p->gaps.n,
			(unsigned long long)pn_rec_hist_quantile(&p->gaps, 0.1),
			(unsigned long long)pn_rec_hist_quantile(&p->gaps, 0.5),
			(unsigned long long)pn_rec_hist_quantile(&p->gaps, 0.9));
	if (p->gaps.n >= ENOUGH && bursts(p, queues, &on, &off)) {
		on = (double)at_most(on, 1e12);
		off = (double)at_most(off, 1e12);
		fprintf(f,
			"# Pauses over ten times the p50 divide it into bursts; rate is that "
			"within a "
			"burst.\n# Assumed: at random within it.\ntype = onoff\non = %.0fns\noff = "
			"%.0fns\n",
			on, off);
		rate *= (on + off) / on;
	} else if (regular(&p->gaps)) {
		fputs("# p10 and p90 are near the p50: regular. Pauses are in the mean only.\n"
		      "type = periodic\n",
		      f);
	} else {
		fputs("type = poisson\n", f);
	}
	say_rate(rate, f);
}

static void load(const struct pn_from_rec *x, unsigned i, const char *name, FILE *f)
{
	const struct pn_from_part *p = &x->part[i];

	fprintf(f, "\n[load %s]\n# %llu interrupts in all; rate is of one queue.\n", name,
		(unsigned long long)p->count);
	arrivals(x, p, f);
	if (p->handler_ns < 0)
		fprintf(f, "# Assumed: no irq_handler_exit was recorded.\nhandler = %.0fns\n",
			HANDLER_NS);
	else
		fprintf(f, "# Mean from irq_handler_entry to irq_handler_exit.\nhandler = %lluns\n",
			(unsigned long long)at_most(p->handler_ns, 1e9));
	fprintf(f,
		"# What the load ran after interrupts that woke it, for each interrupt.\nwork = "
		"%lluns\n",
		(unsigned long long)at_most((double)p->woken_ns / (double)p->count, 1e9));
}

static void part(const struct pn_from_rec *x, unsigned i, FILE *f)
{
	const struct pn_from_part *p = &x->part[i];
	char name[32];

	section_name(x, i, name, sizeof(name));
	fputs("\n# Lines ", f);
	say(x->kind[p->kind], f);
	fprintf(f, " on CPU %u", x->sum->cpu_number[p->cpu]);
	if (p->cpus > 1)
		fprintf(f, " to %u", x->sum->cpu_number[p->cpu + p->cpus - 1]);
	fprintf(f,
		": one device for each line of a CPU, one queue for each CPU.\n[device %s]\ncount "
		"= "
		"%u\nqueues = %u\nvm = cpu%u\nfirst_vcpu = %u\nload = %s\n",
		name, p->lines, p->cpus, x->sum->cpu_number[x->vm[p->vm].cpu],
		p->cpu - x->vm[p->vm].cpu, name);
	load(x, i, name, f);
}

int pn_from_rec_write(const struct pn_from_rec *x, FILE *f)
{
	const struct pn_rec_summary *s = x->sum;

	fputs("# Made from the recording ", f);
	say(s->path, f);
	fprintf(f,
		"\n#\n# %llu interrupts of %u lines in %.6f s.\n# Open loop: a faster mode does "
		"not "
		"make the next interrupt come sooner. For a closed loop write\n# type = closed, "
		"depth "
		"and service into a load.\n# Costs are those of --costs; postern calibrate makes a "
		"table "
		"of a recording.\n# For bare metal take the vm sections and the keys vm and "
		"first_vcpu "
		"away.\n",
		(unsigned long long)s->interrupts, s->lines, 1e-9 * (double)s->span_ns);
	if (s->lost)
		fprintf(f, "# %llu events were lost: the rates are too low.\n",
			(unsigned long long)s->lost);
	if (x->rate_factor <= 0)
		fputs("# There are more differences between CPUs than a scenario has sections: "
		      "rates are "
		      "means of\n# neighbouring CPUs.\n",
		      f);
	else
		fprintf(f,
			"# CPUs of one section have rates that differ by a factor of %.2f at "
			"most.\n",
			x->rate_factor);
	machine(x, f);
	vms(x, f);
	for (unsigned i = 0; i < x->parts; i++)
		part(x, i, f);
	return ferror(f) ? -EIO : 0;
}
