/* SPDX-License-Identifier: MIT */
/*
 * What the kernel and the emulator counted during a run: KVM's tracepoints, rows of
 * /proc/interrupts, steps of the models.
 */
#include "witness.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "irq.h"
#include "util.h"

#define EVENTS "/sys/kernel/tracing/events/kvm/"

static const struct {
	const char *event, *key, *name;
} events[W_EVENTS] = {
	[W_EXIT] = {"kvm_exit", "exit_reason", "exits"},
	[W_GA_LOG] = {"kvm_avic_ga_log", "vcpuid", "ga_log"},
	[W_INCOMPLETE_IPI] = {"kvm_avic_incomplete_ipi", "id", "incomplete_ipi"},
	[W_UNACCELERATED] = {"kvm_avic_unaccelerated_access", "offset", "unaccelerated"},
	[W_KICK_SLOW] = {"kvm_avic_kick_vcpu_slowpath", "icrl", "kick_slowpath"},
	[W_DOORBELL] = {"kvm_avic_doorbell", "vcpuid", "doorbells"},
	[W_IRTE_UPDATE] = {"kvm_pi_irte_update", "set", "irte_updates"},
	[W_WAKEUP] = {"kvm_vcpu_wakeup", "waited", "wakeups"},
	[W_INJECT] = {"kvm_inj_virq", "vector", "injected"},
	[W_EOI] = {"kvm_eoi", "vector", "eois"},
	[W_ACK] = {"kvm_ack_irq", "pin", "acks"},
	[W_INHIBIT] = {"kvm_apicv_inhibit_changed", "inhibits", "inhibits"},
	[W_APIC] = {"kvm_apic", "reg", "apic"},
	[W_SOFTWARE] = {"kvm_apicv_accept_irq", "vec", "accepted"},
};

static const char *const irq_names[W_IRQS] = {
	[W_IRQ_DEVICE] = "device", [W_IRQ_IOMMU] = "iommu",   [W_IRQ_RESCHED] = "resched",
	[W_IRQ_CALL] = "call",	   [W_IRQ_POSTED] = "posted", [W_IRQ_PIN] = "pin",
	[W_IRQ_PIW] = "piw",	   [W_IRQ_NPI] = "npi",
};

struct exit_name {
	uint64_t code;
	const char *name;
};

/* Exit codes of SVM, AMD64 APM vol 2, appendix C. */
static const struct exit_name svm_exits[] = {
	{0x08, "cr8_read"},
	{0x18, "cr8_write"},
	{0x4e, "pf"},
	{0x60, "intr"},
	{0x61, "nmi"},
	{0x64, "vintr"},
	{0x72, "cpuid"},
	{0x77, "pause"},
	{0x78, "hlt"},
	{0x7b, "io"},
	{0x7c, "msr"},
	{0x7f, "shutdown"},
	{0x400, "npf"},
	{0x401, "avic_incomplete_ipi"},
	{0x402, "avic_noaccel"},
	{0, NULL},
};

/* Basic exit reasons of VMX, Intel SDM vol 3, appendix C. */
static const struct exit_name vmx_exits[] = {
	{0, "exception"},
	{1, "intr"},
	{2, "triple_fault"},
	{7, "intr_window"},
	{8, "nmi_window"},
	{10, "cpuid"},
	{12, "hlt"},
	{28, "cr"},
	{30, "io"},
	{31, "rdmsr"},
	{32, "wrmsr"},
	{40, "pause"},
	{43, "tpr"},
	{44, "apic_access"},
	{45, "eoi"},
	{48, "ept"},
	{49, "ept_misconfig"},
	{52, "timer"},
	{56, "apic_write"},
	{0, NULL},
};

/* Removing a trigger takes the host a second, so it stays; a second one is refused. */
static bool trigger(enum witness_event e)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), EVENTS "%s/trigger", events[e].event);
	snprintf(text, sizeof(text), "hist:keys=%s", events[e].key);
	return write_file(path, text) || errno == EEXIST;
}

static uint64_t *row_of(struct witness_hist *h, uint64_t key)
{
	for (unsigned i = 0; i < h->keys; i++)
		if (h->row[i].key == key)
			return &h->row[i].count;
	if (h->keys == W_KEYS)
		return NULL;
	h->row[h->keys].key = key;
	return &h->row[h->keys++].count;
}

/* Adds what the histogram has now, or takes it off. */
static void hist_add(struct witness_hist *h, enum witness_event e, bool off)
{
	static char text[65536];
	char path[128];
	const char *line;

	snprintf(path, sizeof(path), EVENTS "%s/hist", events[e].event);
	if (read_file(path, text, sizeof(text)) < 0)
		return;
	for (line = text; line; line = strchr(line, '\n'), line += line != NULL) {
		const char *key, *count;
		uint64_t *row, n;

		if (line[0] != '{')
			continue;
		key = strchr(line, ':');
		count = strstr(line, "hitcount:");
		row = key ? row_of(h, strtoull(key + 1, NULL, 0)) : NULL;
		if (!row || !count)
			continue;
		n = strtoull(count + 9, NULL, 10);
		*row += off ? -n : n;
		h->total += off ? -n : n;
	}
}

/* The class of a row of /proc/interrupts by its label or description; -1: none of ours. */
static int irq_class(const char *line, const char *device)
{
	if (irq_is_vfio(line, device))
		return W_IRQ_DEVICE;
	if (strstr(line, "AMD-Vi") || strstr(line, "dmar"))
		return W_IRQ_IOMMU;
	if (strstr(line, "RES:"))
		return W_IRQ_RESCHED;
	if (strstr(line, "CAL:"))
		return W_IRQ_CALL;
	if (strstr(line, "PIN:"))
		return W_IRQ_PIN;
	if (strstr(line, "PIW:"))
		return W_IRQ_PIW;
	if (strstr(line, "NPI:"))
		return W_IRQ_NPI;
	return -1;
}

static uint64_t row_sum(const char *line)
{
	const char *p = strchr(line, ':');
	uint64_t sum = 0;

	while (p++) {
		char *end;
		uint64_t n = strtoull(p, &end, 10);

		if (end == p || (*end != ' ' && *end != '\n' && *end))
			break;
		sum += n;
		p = *end == ' ' ? end : NULL;
	}
	return sum;
}

struct irqs {
	uint64_t *irq;
	const char *device;
};

static void irqs_row(const char *line, void *ctx)
{
	const struct irqs *rows = ctx;
	int class = irq_class(line, rows->device);

	if (class >= 0)
		rows->irq[class] += row_sum(line);
	if (class >= W_IRQ_PIN)
		rows->irq[W_IRQ_POSTED] += row_sum(line);
}

static void irqs_read(uint64_t *irq, const char *device)
{
	struct irqs rows = {irq, device};

	memset(irq, 0, W_IRQS * sizeof(*irq));
	irq_rows(irqs_row, &rows);
}

/* There is a column for every CPU that is online, which at both ends of a run are all. */
static void wakeups_row(const char *line, void *ctx)
{
	struct witness *w = ctx;
	const char *p = strstr(line, "PIW:");
	char *end;

	if (!p)
		return;
	p += 4;
	for (w->cpus = 0; w->cpus < W_CPUS; w->cpus++, p = end) {
		uint64_t n = strtoull(p, &end, 10);

		if (end == p)
			break;
		w->wakeups[w->cpus] = n - w->wakeups[w->cpus];
	}
}

void witness_begin(struct witness *w, const char *device)
{
	memset(w, 0, sizeof(*w));
	for (int e = 0; e < W_EVENTS; e++) {
		w->event[e].known = trigger(e);
		hist_add(&w->event[e], e, true);
	}
	snprintf(w->device, sizeof(w->device), "%s", device);
	irqs_read(w->irq_last, device);
	irq_rows(wakeups_row, w);
	steps_read(&w->before);
}

/* The counts of an interrupt start at 0 again when it was freed and requested again. */
void witness_look(struct witness *w)
{
	uint64_t now[W_IRQS];

	irqs_read(now, w->device);
	for (int i = 0; i < W_IRQS; i++) {
		w->irq[i] += now[i] >= w->irq_last[i] ? now[i] - w->irq_last[i] : now[i];
		w->irq_last[i] = now[i];
	}
}

void witness_end(struct witness *w)
{
	steps_read(&w->after);
	witness_look(w);
	irq_rows(wakeups_row, w);
	for (int e = 0; e < W_EVENTS; e++)
		hist_add(&w->event[e], e, false);
}

static const struct exit_name *exit_names(void)
{
	static char text[4096];

	if (!text[0] && read_file("/proc/cpuinfo", text, sizeof(text)) < 0)
		die("/proc/cpuinfo");
	return strstr(text, "GenuineIntel") ? vmx_exits : svm_exits;
}

static void key_print(enum witness_event e, uint64_t key, FILE *out)
{
	for (const struct exit_name *n = exit_names(); e == W_EXIT && n->name; n++)
		if (n->code == key) {
			fprintf(out, "\"%s\"", n->name);
			return;
		}
	fprintf(out, "\"%#" PRIx64 "\"", key);
}

static void hist_print(const struct witness_hist *h, enum witness_event e, FILE *out)
{
	if (!h->known) {
		fprintf(out, "\"%s\":null", events[e].name);
		return;
	}
	fprintf(out, "\"%s\":{\"total\":%" PRIu64, events[e].name, h->total);
	for (unsigned i = 0; i < h->keys; i++) {
		if (!h->row[i].count)
			continue;
		fputc(',', out);
		key_print(e, h->row[i].key, out);
		fprintf(out, ":%" PRIu64, h->row[i].count);
	}
	fputc('}', out);
}

void witness_print(const struct witness *w, FILE *out)
{
	fputs("\"host_interrupts\":{", out);
	for (int i = 0; i < W_IRQS; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "", irq_names[i], w->irq[i]);
	fputc('}', out);
	for (int e = 0; e < W_EVENTS; e++) {
		fputc(',', out);
		hist_print(&w->event[e], e, out);
	}
	fputs(",\"wakeup_interrupts\":[", out);
	for (unsigned i = 0; i < w->cpus; i++)
		fprintf(out, "%s%" PRIu64, i ? "," : "", w->wakeups[i]);
	fputs("],\"steps\":", out);
	steps_print(&w->before, &w->after, out);
}
