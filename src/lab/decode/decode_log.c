/* SPDX-License-Identifier: MIT */
/*
 * Finds the lines of a log that are known. A mark in the text tells what a line is, so what stands
 * before it (times, host names, threads, CPUs) does not matter. A line that was wrapped goes on
 * with the next.
 */
#include <ctype.h>
#include <string.h>

#include "decode_kind.h"
#include "line.h"

#define MAX_JOINED 3 /* lines that one may be wrapped into, after its first */

static const struct pn_line_kind line_kinds[] = {
	/* clang-format off */
	{"amd-event", "Event logged [", pn_line_amd_event, "AMD-Vi: Event logged [IO_PAGE_FAULT device=08:00.0 domain=0x002c address=0xfee00000 flags=0x0008]"},
	{"amd-efr", "Extended features", pn_line_amd_efr, "AMD-Vi: Extended features (0x246577efa2254afa, 0x10): PPR NX GT"},
	{"amd-efr", "Using global IVHD EFR:", pn_line_amd_efr, "AMD-Vi: Using global IVHD EFR:0x246577efa2254afa, EFR2:0x10"},
	{"amd-dte", "DTE[", pn_line_amd_dte_word, "AMD-Vi: DTE[0]: 0000000000000003"},
	{"amd-cmd", "CMD[", pn_line_amd_cmd_word, "AMD-Vi: CMD[0]: 00001009"},
	{"amd-irte", "IRT[", pn_line_amd_irt_row, "IRT[0000] 0000000000000020 0000000000000241"},
	{"amd-register", "Offset:", pn_line_amd_register, "Offset:0x18 Value:0x000c22000003f48d"},
	{"dmar-fault", "[INTR-REMAP]", pn_line_dmar_interrupt, "DMAR: [INTR-REMAP] Request device [01:05.0] fault index 0x2f [fault reason 0x26] text"},
	{"dmar-fault", "INTR-REMAP:", pn_line_dmar_interrupt, "INTR-REMAP: Request device [[01:05.0] fault index 2f"},
	{"dmar-fault", "[DMA Read", pn_line_dmar_dma, "DMAR: [DMA Read NO_PASID] Request device [0000:00:02.0] fault addr 0x1000 [fault reason 0x06] text"},
	{"dmar-fault", "[DMA Write", pn_line_dmar_dma, "DMAR: [DMA Write] Request device [00:02.0] fault addr 1000 [fault reason 05] text"},
	{"dmar-status", "handling fault status reg", pn_line_dmar_status, "DMAR: DRHD: handling fault status reg 2"},
	{"dmar-unit", "reg_base_addr", pn_line_dmar_unit, "DMAR: dmar0: reg_base_addr fbffc000 ver 1:0 cap 8d2078c106f0466 ecap f020df"},
	{"kvm-exit", "kvm_exit:", pn_line_kvm_exit, "kvm_exit: vcpu 3 reason APIC_WRITE rip 0x0 info1 0x300 info2 0x0"},
	{"kvm-exit", "kvm_nested_vmexit:", pn_line_kvm_exit, "kvm_nested_vmexit: vcpu 3 reason EOI_INDUCED rip 0x0 info1 0x31 info2 0x0"},
	{"kvm-avic-incomplete-ipi", "kvm_avic_incomplete_ipi:", pn_line_kvm_ipi, "kvm_avic_incomplete_ipi: vcpu=3, icrh:icrl=0x0c000000:000000fd, id=1, index=3"},
	{"kvm-avic-kick", "kvm_avic_kick_vcpu_slowpath:", pn_line_kvm_kick, "kvm_avic_kick_vcpu_slowpath: icrh:icrl=0x0c000000:000000fd, index=3"},
	{"kvm-avic-access", "kvm_avic_unaccelerated_access:", pn_line_kvm_access, "kvm_avic_unaccelerated_access: vcpu=0, offset=0x380(APIC_TMICT), trap, write, vec=0x0"},
	{"kvm-avic-ga-log", "kvm_avic_ga_log:", pn_line_kvm_ga_log, "kvm_avic_ga_log: vmid=1, vcpuid=3"},
	{"kvm-avic-doorbell", "kvm_avic_doorbell:", pn_line_kvm_doorbell, "kvm_avic_doorbell: vcpuid=3, apicid=12"},
	{"kvm-inhibit", "kvm_apicv_inhibit_changed:", pn_line_kvm_inhibit, "kvm_apicv_inhibit_changed: set reason=8, inhibits=0x120"},
	{"kvm-inhibit", "kvm_apicv_update_request:", pn_line_kvm_inhibit_old, "kvm_apicv_update_request: deactivate bit=3"},
	{"kvm-pi", "kvm_pi_irte_update:", pn_line_kvm_pi, "kvm_pi_irte_update: PI is on for irq 45, vcpu 0, gsi 0x18, gvec 0x41, pi_desc_addr 0x123456780"},
	{"vmcb", "int_ctl:", pn_line_vmcb, "SVM: int_ctl:            80000000"},
	{"vmcb", "exit_code:", pn_line_vmcb, "SVM: exit_code:          00000401"},
	{"vmcb", "exit_info1:", pn_line_vmcb, "SVM: exit_info1:         0c000000000000fd"},
	{"vmcb", "exit_info2:", pn_line_vmcb, "SVM: exit_info2:         0000000100000003"},
	{"vmcb", "avic_vapic_bar:", pn_line_vmcb, "SVM: avic_vapic_bar:     00000000fee00000"},
	{"vmcb", "avic_backing_page:", pn_line_vmcb, "SVM: avic_backing_page:  0000000123456000"},
	{"vmcb", "avic_logical_id:", pn_line_vmcb, "SVM: avic_logical_id:    0000000123457000"},
	{"vmcb", "avic_physical_id:", pn_line_vmcb, "SVM: avic_physical_id:   00000001234580ff"},
	{"vmcs-controls", "PinBased=", pn_line_vmcs_controls, "VMX: PinBased=0x000000ff EntryControls=0000d1ff ExitControls=002befff"},
	{"vmcs-controls", "SecondaryExec=", pn_line_vmcs_controls, "VMX: CPUBased=0xb5a06dfa SecondaryExec=0x001237ea TertiaryExec=0x0000000000000010"},
	{"vmcs-status", "InterruptStatus =", pn_line_vmcs_status, "VMX: InterruptStatus = 00fd"},
	{"vmcs-status", "SVI|RVI =", pn_line_vmcs_status, "VMX: SVI|RVI = 00|fd TPR Threshold = 0x00"},
	{"vmcs-vector", "PostedIntrVec =", pn_line_vmcs_vector, "VMX: PostedIntrVec = 0xf2"},
	{"vmcs-exit", "reason=", pn_line_vmcs_exit, "VMX:         reason=00000038 qualification=0000000000000300"},
	/* Rows of tables: their shape tells. */
	{"vtd-irte", NULL, pn_line_vtd_irt_row, " 24    01:05.0 00000300 31  0000000000040128\t0000030000310001"},
	{"vtd-register", NULL, pn_line_vtd_register, "CAP\t0x08\t\t0x08d2078c106f0466"},
	{"amd-dte", NULL, pn_line_amd_devtbl_row, "0000:01:00.0 0000000000000000 2000000100040013 0000000000000000 0000000000000003 iommu0"},
	{"interrupts", NULL, pn_line_interrupts, "PIN:       1200         34   Posted-interrupt notification event"},
	{"amd-cmd", NULL, pn_line_amd_cmd_row, "  7: 00000841 50000000 00000000 00000000"},
	{"message", NULL, pn_line_phrase, "AMD-Vi: Virtual APIC enabled"},
	/* clang-format on */
};

#define NR_LINE_KINDS (sizeof(line_kinds) / sizeof(line_kinds[0]))

const char *pn_declog_kind(unsigned i, const char **example)
{
	if (i >= NR_LINE_KINDS)
		return NULL;
	if (example)
		*example = line_kinds[i].example;
	return line_kinds[i].name;
}

/* Not the whole of it: there are many lines. */
static void start(struct pn_decoded *out, const char *name)
{
	out->kind = name;
	out->words = out->fields = out->errors = 0;
	out->note[0] = out->reading[0] = '\0';
}

/* Fills @out and says what the line is. */
static enum pn_line_found look(struct pn_declog *log, const char *text, struct pn_decoded *out)
{
	for (unsigned i = 0; i < NR_LINE_KINDS; i++) {
		const struct pn_line_kind *k = &line_kinds[i];
		struct pn_line l = {log, text, k->mark ? strstr(text, k->mark) : text, out};
		enum pn_line_found found;

		if (!l.at)
			continue;
		start(out, k->name);
		found = k->decode(&l);
		out->kind = k->name;
		if (found != LINE_NOT)
			return found;
	}
	return LINE_NOT;
}

static void report(struct pn_declog *log, unsigned long line, const struct pn_decoded *d)
{
	log->known++;
	log->report(log->arg, line, d);
}

static void give_up_held(struct pn_declog *log)
{
	const char *kind;

	if (!log->held[0])
		return;
	look(log, log->held, &log->next);
	kind = log->next.kind;
	start(&log->next, kind);
	pn_dec_error(&log->next,
		     "the line is cut: it does not say all that a line of this kind says");
	report(log, log->held_line, &log->next);
	log->held[0] = '\0';
}

/* What the kernel's log prints before a message: "[  12.345678] " and blanks. */
static const char *behind_time(const char *s)
{
	const char *p = s + strspn(s, " \t");

	if (*p == '[') {
		size_t n = strspn(p + 1, " 0123456789.");

		if (n && p[1 + n] == ']')
			p += n + 2;
	}
	return p + strspn(p, " \t");
}

/* The line where a record of several lines began. */
static unsigned long first_line(struct pn_declog *log, const char *kind)
{
	unsigned long line = log->line;

	if (!strcmp(kind, "amd-dte") && log->dte.words == 4) {
		line = log->dte.line;
		log->dte.words = 0;
	} else if (!strcmp(kind, "amd-cmd") && log->cmd.words == 4) {
		line = log->cmd.line;
		log->cmd.words = 0;
	}
	return line;
}

static void take(struct pn_declog *log, const char *text)
{
	enum pn_line_found found = look(log, text, &log->out);

	switch (found) {
	case LINE_DONE:
		report(log, first_line(log, log->out.kind), &log->out);
		break;
	case LINE_MORE:
		snprintf(log->held, sizeof(log->held), "%s", text);
		log->held_line = log->line;
		log->joined = 0;
		break;
	case LINE_PART:
		break;
	case LINE_NOT:
		log->unknown++;
		break;
	}
}

/* True: @text went into the line that is held. */
static bool continues(struct pn_declog *log, const char *text)
{
	size_t used = strlen(log->held);
	enum pn_line_found found;

	if (look(log, text, &log->out) != LINE_NOT || log->joined == MAX_JOINED) {
		give_up_held(log);
		return false;
	}
	snprintf(log->held + used, sizeof(log->held) - used, " %s", behind_time(text));
	found = look(log, log->held, &log->out);
	log->joined++;
	if (found == LINE_DONE) {
		report(log, log->held_line, &log->out);
		log->held[0] = '\0';
	}
	return true;
}

void pn_declog_init(struct pn_declog *log, const struct pn_decode_options *opt,
		    void (*report_line)(void *arg, unsigned long line, const struct pn_decoded *d),
		    void *arg)
{
	memset(log, 0, sizeof(*log));
	if (opt)
		log->opt = *opt;
	log->report = report_line;
	log->arg = arg;
}

void pn_declog_feed(struct pn_declog *log, const char *text, size_t size)
{
	char line[PN_DECLOG_LINE];
	size_t n = 0;

	log->line++;
	for (size_t i = 0; i < size && n < sizeof(line) - 1; i++)
		line[n++] = text[i] ? text[i] : ' ';
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	line[n] = '\0';
	if (!line[strspn(line, " \t")])
		return;
	if (!log->held[0] || !continues(log, line))
		take(log, line);
}

void pn_declog_end(struct pn_declog *log)
{
	give_up_held(log);
}
