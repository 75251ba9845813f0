/* SPDX-License-Identifier: MIT */
#include "witness.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
};

static const char *const irq_names[W_IRQS] = {
	[W_IRQ_DEVICE] = "device", [W_IRQ_IOMMU] = "iommu",   [W_IRQ_RESCHED] = "resched",
	[W_IRQ_CALL] = "call",	   [W_IRQ_POSTED] = "posted",
};

/* Exit codes of SVM, AMD64 APM vol 2, appendix C. */
static const struct {
	uint64_t code;
	const char *name;
} exit_names[] = {
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
};

static bool trigger(enum witness_event e, bool on)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), EVENTS "%s/trigger", events[e].event);
	snprintf(text, sizeof(text), "%shist:keys=%s", on ? "" : "!", events[e].key);
	return write_file(path, text);
}

static void hist_read(struct witness_hist *h, enum witness_event e)
{
	static char text[65536];
	char path[128];
	const char *line;

	snprintf(path, sizeof(path), EVENTS "%s/hist", events[e].event);
	if (read_file(path, text, sizeof(text)) < 0)
		return;
	for (line = text; line; line = strchr(line, '\n'), line += line != NULL) {
		char *end = NULL;
		const char *key, *count;

		if (line[0] != '{')
			continue;
		key = strchr(line, ':');
		count = strstr(line, "hitcount:");
		if (!key || !count || h->keys == W_KEYS)
			continue;
		h->row[h->keys].key = strtoull(key + 1, &end, 0);
		h->row[h->keys].count = strtoull(count + 9, NULL, 10);
		h->total += h->row[h->keys++].count;
	}
}

/* The class of a row of /proc/interrupts by its label or description; -1: none of ours. */
static int irq_class(const char *line, const char *device)
{
	if (strstr(line, "vfio-") && strstr(line, device))
		return W_IRQ_DEVICE;
	if (strstr(line, "AMD-Vi"))
		return W_IRQ_IOMMU;
	if (strstr(line, "RES:"))
		return W_IRQ_RESCHED;
	if (strstr(line, "CAL:"))
		return W_IRQ_CALL;
	if (strstr(line, "PIN:") || strstr(line, "PIW:") || strstr(line, "NPI:"))
		return W_IRQ_POSTED;
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

static void irqs_read(uint64_t *irq, const char *device)
{
	static char text[65536];
	char *line, *save = NULL;

	memset(irq, 0, W_IRQS * sizeof(*irq));
	if (read_file("/proc/interrupts", text, sizeof(text)) < 0)
		return;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		int class = irq_class(line, device);

		if (class >= 0)
			irq[class] += row_sum(line);
	}
}

void witness_begin(struct witness *w, const char *device)
{
	memset(w, 0, sizeof(*w));
	for (int e = 0; e < W_EVENTS; e++) {
		trigger(e, false);
		w->event[e].known = trigger(e, true);
	}
	irqs_read(w->irq_before, device);
}

void witness_end(struct witness *w, const char *device)
{
	irqs_read(w->irq, device);
	for (int i = 0; i < W_IRQS; i++)
		w->irq[i] -= w->irq_before[i];
	for (int e = 0; e < W_EVENTS; e++)
		if (w->event[e].known)
			hist_read(&w->event[e], e);
	for (int e = 0; e < W_EVENTS; e++)
		trigger(e, false);
}

static void key_print(enum witness_event e, uint64_t key, FILE *out)
{
	if (e == W_EXIT)
		for (unsigned i = 0; i < sizeof(exit_names) / sizeof(exit_names[0]); i++)
			if (exit_names[i].code == key) {
				fprintf(out, "\"%s\"", exit_names[i].name);
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
}
