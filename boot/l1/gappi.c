/* SPDX-License-Identifier: MIT */
/*
 * The run that checks GAPPI (48882 rev 3.11, 2.2.5.4) against the IOMMU directly, without help of
 * the host kernel: which posted MSIs notify, on each CPU, and what the guest APIC log does
 * meanwhile.
 */
#include "gappi.h"

#include <inttypes.h>
#include <unistd.h>

#include "gappi_msi.h"
#include "irq.h"
#include "util.h"

#define TAG	     0xABCDE100u /* bits that are no vector; in the log, a tag of no vCPU */
#define GA_LOG_ENTRY 8
#define GA_LOG_SIZE  4096 /* as Linux makes it */
#define LOST_MAX     20

static void control(struct gappi *g, uint64_t bit, bool on)
{
	uint64_t v = iommu_read(&g->iommu, IOMMU_CONTROL);

	iommu_write(&g->iommu, IOMMU_CONTROL, on ? v | bit : v & ~bit);
}

static void empty_and_not(struct gappi *g, uint32_t tag)
{
	gappi_entry(g, 0, tag);
	gappi_posted(g, "IRR empty", true);
	gappi_posted(g, "IRR bit set already", false);
	vapic_clear(&g->vapic);
	vapic_set(&g->vapic, g->vector ^ 1);
	gappi_posted(g, "another IRR bit of the word set", false);
	vapic_clear(&g->vapic);
	vapic_set(&g->vapic, 0xFF);
	gappi_posted(g, "IRR bit of another word set", false);
	vapic_clear(&g->vapic);
	vapic_set(&g->vapic, 0x10);
	gappi_posted(g, "IRR bit of the first word set", false);
	vapic_clear(&g->vapic);
	gappi_posted(g, "IRR empty again", true);
	vapic_clear(&g->vapic);
}

static void fields(struct gappi *g, uint32_t tag)
{
	gappi_entry(g, IRTE_ISRUN, tag);
	gappi_posted(g, "IsRun=1", false);
	vapic_clear(&g->vapic);
	if (g->dissup) {
		gappi_entry(g, IRTE_GAPPIDIS, tag);
		gappi_posted(g, "GAPPIDis=1", false);
		vapic_clear(&g->vapic);
	}
	gappi_entry(g, 0, TAG | tag);
	gappi_posted(g, "GATag[31:8] set", true);
	vapic_clear(&g->vapic);
	gappi_entry(g, IRTE_GALOGINTR, tag);
	gappi_posted(g, "GALogIntr=1", true);
	gappi_posted(g, "GALogIntr=1, IRR bit set already", false);
	vapic_clear(&g->vapic);
	gappi_entry(g, 0, tag);
}

/* Nothing is logged, and no log interrupt is sent. */
static void rules(struct gappi *g, uint32_t count)
{
	const uint64_t logs[] = {iommu_read(&g->iommu, IOMMU_GA_TAIL),
				 iommu_read(&g->iommu, IOMMU_EVT_TAIL)};
	const uint64_t status = iommu_read(&g->iommu, IOMMU_STATUS);

	empty_and_not(g, g->now->vector);
	fields(g, g->now->vector);
	for (uint32_t i = 0; i < count && g->lost < LOST_MAX; i++) {
		gappi_posted(g, "IRR empty", true);
		gappi_posted(g, "IRR bit set already", false);
		vapic_clear(&g->vapic);
	}
	check(&g->checks, "GAPPI", "no guest APIC log entry",
	      logs[0] == iommu_read(&g->iommu, IOMMU_GA_TAIL));
	check(&g->checks, "GAPPI", "no event", logs[1] == iommu_read(&g->iommu, IOMMU_EVT_TAIL));
	check(&g->checks, "GAPPI", "Status as before",
	      status == iommu_read(&g->iommu, IOMMU_STATUS));
}

static void on_cpu(struct gappi *g, int cpu, uint32_t count)
{
	g->now = &g->target[g->targets++];
	g->now->cpu = cpu;
	/* the kernel's own entry may name it by its logical ID, GAPPI's destination is physical */
	g->now->apic_id = irq_apic_id(cpu);
	gappi_arrive(g);
	control(g, CONTROL_GAPPIEN, true);
	check(&g->checks, "Control.GAPPIEn", "sticks",
	      iommu_read(&g->iommu, IOMMU_CONTROL) & CONTROL_GAPPIEN);
	rules(g, count);
	gappi_leave(g);
	control(g, CONTROL_GAPPIEN, false);
}

static void log_settles(struct gappi *g)
{
	uint64_t until = now_ns() + PATIENCE_MS * 1000000ull;

	while ((iommu_read(&g->iommu, IOMMU_GA_HEAD) != iommu_read(&g->iommu, IOMMU_GA_TAIL) ||
		(iommu_read(&g->iommu, IOMMU_STATUS) & STATUS_GAINT)) &&
	       now_ns() < until)
		usleep(1000);
}

/* The same entry without GAPPIEn: GALogIntr decides, and GATag is no vector. */
static void posted_to_log(struct gappi *g)
{
	uint64_t tail = iommu_read(&g->iommu, IOMMU_GA_TAIL);

	gappi_entry(g, 0, g->now->vector);
	gappi_posted(g, "GAPPIEn=0, GALogIntr=0", false);
	check(&g->checks, "GAPPIEn=0, GALogIntr=0", "no log entry",
	      iommu_read(&g->iommu, IOMMU_GA_TAIL) == tail);
	gappi_entry(g, IRTE_GALOGINTR, TAG | g->now->vector);
	gappi_posted(g, "GAPPIEn=0, GALogIntr=1", false);
	check(&g->checks, "GAPPIEn=0, GALogIntr=1", "one log entry",
	      ((iommu_read(&g->iommu, IOMMU_GA_TAIL) - tail) & (GA_LOG_SIZE - 1)) == GA_LOG_ENTRY);
}

/* The kernel reads the log and informs KVM, which has no vCPU with this tag. */
static void with_log(struct gappi *g)
{
	struct target last = *g->now;

	if (!(iommu_read(&g->iommu, IOMMU_STATUS) & STATUS_GALOGRUN))
		return;
	g->now = &last;
	gappi_arrive(g);
	witness_begin(&g->log, g->edu.name);
	posted_to_log(g);
	log_settles(g);
	witness_end(&g->log);
	check(&g->checks, "GAPPIEn=0, GALogIntr=1", "one interrupt of the IOMMU",
	      g->log.irq[W_IRQ_IOMMU] == 1);
	check(&g->checks, "GAPPIEn=0, GALogIntr=1", "the kernel read the log",
	      iommu_read(&g->iommu, IOMMU_GA_HEAD) == iommu_read(&g->iommu, IOMMU_GA_TAIL));
	gappi_leave(g);
}

static void print_targets(const struct gappi *g, FILE *out)
{
	for (unsigned i = 0; i < g->targets; i++)
		fprintf(out,
			"%s{\"cpu\":%d,\"apic_id\":%u,\"vector\":%u,\"seen\":%u,"
			"\"counted\":%" PRIu64 "}",
			i ? "," : "", g->target[i].cpu, g->target[i].apic_id, g->target[i].vector,
			g->target[i].seen, g->target[i].counted);
}

/* The keys that every run has, for programs that read all runs; here there is no guest. */
static void print_run(const struct gappi *g, const char *name, uint64_t ns, FILE *out)
{
	fprintf(out, "{\"run\":\"%s\",\"kind\":\"gappi\",\"vcpus\":0,", name);
	fprintf(out,
		"\"idle\":\"none\",\"apic\":\"none\",\"rate\":0,\"open\":true,\"preempt\":false,"
		"\"migrate_ms\":0,\"burst\":0,\"here\":false,");
	fprintf(out,
		"\"sent\":%u,\"seen\":%u,\"merged\":%u,\"extra\":%u,\"lost\":%u,\"early\":0,"
		"\"stuck\":0,",
		g->sent, g->seen, g->quiet, g->extra, g->lost);
	fprintf(out,
		"\"software\":0,\"detached\":0,\"displaced\":0,\"ipis\":{\"sent\":0,\"seen\":0},"
		"\"seconds\":%.3f,",
		(double)ns / 1e9);
}

static void print_gappi(const struct gappi *g, const char *skipped, FILE *out)
{
	fprintf(out, "\"gappi\":{");
	if (skipped)
		fprintf(out, "\"skipped\":\"%s\",", skipped);
	checks_print(&g->checks, out);
	fprintf(out, ",\"dissup\":%s,\"cpus\":[", g->dissup ? "true" : "false");
	print_targets(g, out);
	fprintf(out, "],\"log\":{\"interrupts\":%" PRIu64 ",\"told_kvm\":%" PRIu64 "}}",
		g->log.irq[W_IRQ_IOMMU], g->log.event[W_GA_LOG].total);
}

/* The reason why this run is skipped, or NULL. */
static const char *missing(const struct gappi *g)
{
	if (!(iommu_read(&g->iommu, IOMMU_EFR) & EFR_GAPPISUP))
		return "the IOMMU has no GAPPISup";
	if ((iommu_read(&g->iommu, IOMMU_CONTROL) & CONTROL_GAMEN) != CONTROL_GAMEN_VAPIC)
		return "the kernel has not switched guest vAPIC mode on";
	return NULL;
}

static void every_cpu(struct gappi *g, uint32_t count, struct witness *w)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t was = iommu_read(&g->iommu, IOMMU_CONTROL);

	g->dissup = iommu_read(&g->iommu, IOMMU_EFR2) & EFR2_GAPPIDISSUP;
	edu_msi_enable(&g->edu);
	g->entry = iommu_irte(&g->iommu, g->edu.name);
	vapic_create(&g->vapic, &g->edu);
	witness_begin(w, g->edu.name);
	for (int cpu = cpus > 1; cpu < cpus && cpu < CPUS_MAX; cpu++)
		on_cpu(g, cpu, count);
	witness_end(w);
	check(&g->checks, "/proc/interrupts", "all vectors of the run",
	      w->irq[W_IRQ_DEVICE] == g->seen);
	check(&g->checks, "/proc/interrupts", "none of the IOMMU's own", !w->irq[W_IRQ_IOMMU]);
	check(&g->checks, "KVM", "told of no log entry", !w->event[W_GA_LOG].total);
	with_log(g);
	check(&g->checks, "Control", "as before", iommu_read(&g->iommu, IOMMU_CONTROL) == was);
	edu_msi_disable(&g->edu);
	iommu_irte_unmap(g->entry);
	vapic_destroy(&g->vapic);
}

int gappi_run(const char *name, uint32_t count, FILE *out)
{
	static struct gappi g;
	struct witness w = {0};
	uint64_t start = now_ns();
	const char *skipped;

	pin_to(0);
	edu_open(&g.edu, 0);
	iommu_open(&g.iommu, g.edu.name);
	skipped = missing(&g);
	if (!skipped)
		every_cpu(&g, count, &w);
	print_run(&g, name, now_ns() - start, out);
	witness_print(&w, out);
	fputc(',', out);
	print_gappi(&g, skipped, out);
	fprintf(out, ",\"error\":%s}\n", g.checks.failed ? "\"rules that do not hold\"" : "null");
	fflush(out);
	iommu_close(&g.iommu);
	edu_close(&g.edu);
	return g.checks.failed != 0;
}
