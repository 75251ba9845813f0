/* SPDX-License-Identifier: MIT */
/* State that KVM dumps (dump_vmcb(), dump_vmcs()), rows of /proc/interrupts, and what the drivers
 * say at boot about posting. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "decode_kind.h"
#include "line.h"

/* ---- VMCB ---- */

static enum pn_line_found vmcb_exit(struct pn_line *l, uint64_t info2)
{
	uint64_t w[2] = {l->log->exit_info1, info2};

	switch (l->log->exit_code) {
	case 0x401:
		return pn_line_words(l, "exit401", w, 2);
	case 0x402:
		return pn_line_words(l, "exit402", w, 2);
	default:
		return LINE_NOT;
	}
}

static enum pn_line_found vmcb_int_ctl(struct pn_line *l, uint64_t v)
{
	if (pn_line_word(l, "vmcb-int", v) != LINE_DONE)
		return LINE_NOT;
	pn_line_read(l->out, "AVIC is %s for this vCPU",
		     !(v >> 31 & 1) ? "off"
		     : v >> 30 & 1  ? "on, with x2AVIC"
				    : "on");
	return LINE_DONE;
}

static enum pn_line_found vmcb_physical(struct pn_line *l, uint64_t v)
{
	uint64_t page = v & UINT64_C(0x000FFFFFFFFFF000);

	pn_line_field(l->out, "AVIC_PHYSICAL_MAX_INDEX", "11:0", v & 0xFFF, "the last index");
	pn_line_field(l->out, "AVIC_PHYSICAL_TABLE", "51:12", page >> 12, "table at 0x%" PRIx64,
		      page);
	return LINE_DONE;
}

static enum pn_line_found vmcb_page(struct pn_line *l, const char *name, uint64_t v)
{
	pn_line_field(l->out, name, "51:12", v >> 12 & UINT64_C(0xFFFFFFFFFF), "page at 0x%" PRIx64,
		      v & UINT64_C(0x000FFFFFFFFFF000));
	if (v & 0xFFF)
		pn_dec_error(l->out, "0x%" PRIx64 " is not 4 KiB aligned", v);
	return LINE_DONE;
}

enum pn_line_found pn_line_vmcb(struct pn_line *l)
{
	const char *s = strchr(l->at, ':') + 1;
	uint64_t v;

	if (!pn_line_number(&s, true, &v))
		return LINE_NOT;
	if (pn_line_starts(l->at, "int_ctl"))
		return vmcb_int_ctl(l, v);
	if (pn_line_starts(l->at, "exit_code")) {
		l->log->exit_code = v;
		return v == 0x401 || v == 0x402 ? LINE_PART : LINE_NOT;
	}
	if (pn_line_starts(l->at, "exit_info1")) {
		l->log->exit_info1 = v;
		return l->log->exit_code == 0x401 || l->log->exit_code == 0x402 ? LINE_PART
										: LINE_NOT;
	}
	if (pn_line_starts(l->at, "exit_info2"))
		return vmcb_exit(l, v);
	if (pn_line_starts(l->at, "avic_physical_id"))
		return vmcb_physical(l, v);
	return vmcb_page(l,
			 pn_line_starts(l->at, "avic_backing_page") ? "AVIC_BACKING_PAGE"
			 : pn_line_starts(l->at, "avic_logical_id") ? "AVIC_LOGICAL_TABLE"
								    : "AVIC_APIC_BAR",
			 v);
}

/* ---- VMCS ---- */

/* Controls of APIC virtualization: SDM vol 3, tables of the VM-execution controls. */
static const struct control {
	const char *word, *name;
	unsigned bit;
	const char *on, *off;
} controls[] = {
	{"PinBased=", "External-interrupt exiting", 0, "on", "off"},
	{"PinBased=", "Process posted interrupts", 7, "on", "off"},
	{"CPUBased=", "TPR shadow", 21, "on", "off"},
	{"CPUBased=", "Tertiary controls", 17, "in use", "not in use"},
	{"SecondaryExec=", "Virtualize APIC accesses", 0, "on: xAPIC", "off"},
	{"SecondaryExec=", "Virtualize x2APIC", 4, "on: x2APIC", "off"},
	{"SecondaryExec=", "APIC-register virtualization", 8, "on", "off"},
	{"SecondaryExec=", "Virtual-interrupt delivery", 9, "on", "off"},
	{"TertiaryExec=", "IPI virtualization", 4, "on", "off"},
};

static void check_controls(struct pn_line *l, bool posted, bool vid)
{
	uint64_t pin = 0, proc2 = 0;
	bool both = pn_line_key(l->text, "PinBased=", true, &pin) &&
		    pn_line_key(l->text, "SecondaryExec=", true, &proc2);

	if (posted && both && !vid)
		pn_dec_error(l->out,
			     "posted interrupts without virtual-interrupt delivery: VM entry "
			     "fails");
	if ((proc2 & 1) && (proc2 >> 4 & 1))
		pn_dec_error(l->out,
			     "APIC accesses and x2APIC are both virtualized: VM entry fails");
}

enum pn_line_found pn_line_vmcs_controls(struct pn_line *l)
{
	bool posted = false, vid = false;
	char bits[16];
	uint64_t v;

	for (unsigned i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
		const struct control *c = &controls[i];
		bool on;

		if (!pn_line_key(l->text, c->word, true, &v))
			continue;
		on = v >> c->bit & 1;
		posted |= on && !strcmp(c->word, "PinBased=") && c->bit == 7;
		vid |= on && !strcmp(c->word, "SecondaryExec=") && c->bit == 9;
		snprintf(bits, sizeof(bits), "%u", c->bit);
		pn_line_field(l->out, c->name, bits, on, "%s%s", c->word, on ? c->on : c->off);
	}
	if (!l->out->fields)
		return LINE_NOT;
	if (pn_line_key(l->text, "PinBased=", true, &v))
		pn_line_read(l->out, "posted interrupts are %s for this vCPU",
			     posted ? "on" : "off");
	if (pn_line_key(l->text, "SecondaryExec=", true, &v))
		pn_line_read(l->out, "virtual-interrupt delivery (APICv) is %s",
			     vid ? "on" : "off");
	check_controls(l, posted, vid);
	return LINE_DONE;
}

/* "InterruptStatus = 00fd" or "SVI|RVI = 00|fd". */
enum pn_line_found pn_line_vmcs_status(struct pn_line *l)
{
	const char *s = strchr(l->at, '=');
	uint64_t svi, rvi;

	if (!s || (s++, !pn_line_number(&s, true, &svi)))
		return LINE_NOT;
	if (pn_line_starts(l->at, "SVI")) {
		if (*s != '|' || (s++, !pn_line_number(&s, true, &rvi)))
			return LINE_NOT;
	} else {
		rvi = svi & 0xFF;
		svi = svi >> 8;
	}
	if (svi > 0xFF || rvi > 0xFF)
		return LINE_NOT;
	pn_line_field(l->out, "RVI", "7:0", rvi, "%s",
		      rvi ? "the highest vector that waits" : "nothing waits");
	pn_line_field(l->out, "SVI", "15:8", svi, "%s",
		      svi ? "the highest vector in service" : "nothing is in service");
	if (rvi)
		pn_line_read(l->out, "vector 0x%02x waits%s", (unsigned)rvi,
			     rvi >> 4 > svi >> 4
				     ? ": the guest gets it as soon as it takes interrupts and TPR "
				       "lets it"
				     : ", held back by the vector in service");
	else
		pn_line_read(l->out, "no interrupt waits for the guest");
	return LINE_DONE;
}

enum pn_line_found pn_line_vmcs_vector(struct pn_line *l)
{
	uint64_t v;

	if (!pn_line_key(l->at, "PostedIntrVec =", true, &v) || v > 0xFF)
		return LINE_NOT;
	pn_line_field(l->out, "PostedIntrVec", "7:0", v, "%s",
		      v == 0xF2	  ? "POSTED_INTR_VECTOR (PIN)"
		      : v == 0xF0 ? "POSTED_INTR_NESTED_VECTOR (NPI): a nested guest"
				  : "not a vector that KVM uses");
	if (v < 16)
		pn_dec_error(l->out, "vector 0x%02x is below 16: no local APIC takes it",
			     (unsigned)v);
	return LINE_DONE;
}

enum pn_line_found pn_line_vmcs_exit(struct pn_line *l)
{
	uint64_t reason, qualification;

	if (!pn_line_key(l->at, "reason=", true, &reason) ||
	    !pn_line_key(l->at, "qualification=", true, &qualification))
		return LINE_NOT;
	switch (reason & 0xFFFF) {
	case 44:
		return pn_line_word(l, "exit44", qualification);
	case 45:
		return pn_line_word(l, "exit45", qualification);
	case 56:
		return pn_line_word(l, "exit56", qualification);
	default:
		return LINE_NOT;
	}
}

/* ---- /proc/interrupts ---- */

static const struct row {
	const char *label; /* of the row, or how its last word begins */
	bool last;
	const char *text;
} interrupt_rows[] = {
	{"PIN", false,
	 "posted-interrupt notifications that arrived outside of guest mode: the handler does "
	 "nothing, "
	 "KVM looks at the descriptor before the next entry"},
	{"NPI", false, "posted-interrupt notifications of nested guests"},
	{"PIW", false, "posted-interrupt wakeups: each looks for blocked vCPUs with an interrupt"},
	{"PMN", false,
	 "posted MSI notifications: each handles all MSIs that are posted to the CPU"},
	{"AMD-Vi", true, "interrupts of an AMD IOMMU"},
	{"dmar", true, "interrupts of a VT-d unit"},
};

/* What follows the numbers of a row, or NULL. */
static const char *row_counts(const char *s, uint64_t *sum, unsigned *cpus)
{
	uint64_t v;

	*sum = 0;
	*cpus = 0;
	for (;;) {
		const char *p = s;

		if (!pn_line_number(&p, false, &v) || (*p && *p != ' ' && *p != '\t' && *p != '\n'))
			return *cpus ? s : NULL;
		*sum += v;
		(*cpus)++;
		s = p;
	}
}

static const struct row *row_kind(const char *label, size_t n, const char *rest)
{
	const char *last = strrchr(rest, ' ');
	bool number = n && strspn(label, "0123456789") >= n;

	last = last ? last + 1 : rest;
	for (unsigned i = 0; i < sizeof(interrupt_rows) / sizeof(interrupt_rows[0]); i++) {
		const struct row *r = &interrupt_rows[i];

		if (r->last ? number && pn_line_starts(last, r->label)
			    : n == strlen(r->label) && !strncmp(label, r->label, n))
			return r;
	}
	return NULL;
}

/* An AMD IOMMU has one vector of its own for each log (init.c), older kernels one for all. */
static const char *amd_part(const char *rest)
{
	if (pn_line_find(rest, "-GA"))
		return ", its guest APIC log: each stands for vCPUs to wake";
	if (pn_line_find(rest, "-Evt"))
		return ", its event log";
	return pn_line_find(rest, "-PPR") ? ", its page requests" : "";
}

enum pn_line_found pn_line_interrupts(struct pn_line *l)
{
	const char *s = l->text + strspn(l->text, " \t"), *colon = strchr(s, ':'), *rest;
	const struct row *r;
	unsigned cpus;
	uint64_t sum;

	if (!colon || colon - s > 8)
		return LINE_NOT;
	rest = row_counts(colon + 1, &sum, &cpus);
	r = rest ? row_kind(s, (size_t)(colon - s), rest) : NULL;
	if (!r)
		return LINE_NOT;
	pn_line_field(l->out, "Sum", "", sum, "%" PRIu64 " on %u CPUs", sum, cpus);
	pn_line_read(l->out, "%" PRIu64 " %s%s", sum, r->text,
		     pn_line_starts(r->label, "AMD") ? amd_part(rest) : "");
	return LINE_DONE;
}

/* ---- what drivers say ---- */

static const struct {
	const char *text, *reading;
} phrases[] = {
	{"AMD-Vi: Virtual APIC enabled", "the AMD IOMMU posts interrupts (guest vAPIC mode)"},
	{"AMD-Vi: Interrupt remapping enabled", "the AMD IOMMU remaps interrupts"},
	{"AMD-Vi: X2APIC enabled", "the AMD IOMMU has 32-bit destinations (XTEn=1)"},
	{"Force to disable Virtual APIC due to SNP", "no posting: SNP is on"},
	{"DMAR-IR: Enabled IRQ remapping in x2apic mode", "VT-d remaps interrupts, EIME=1"},
	{"DMAR-IR: Enabled IRQ remapping in xapic mode", "VT-d remaps interrupts, EIME=0"},
	{"DMAR-IR: Failed to enable irq remapping", "no remapping, so no posting"},
	{"SVM: AVIC enabled", "KVM uses AVIC"},
	{"kvm_amd: AVIC enabled", "KVM uses AVIC"},
	{"x2AVIC enabled", "KVM uses x2AVIC"},
	{"Posted-interrupts enabled", "VT-d posts interrupts"},
	{"DRHD: handling fault status reg", "a VT-d unit reports faults"},
};

enum pn_line_found pn_line_phrase(struct pn_line *l)
{
	for (unsigned i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (!strstr(l->text, phrases[i].text))
			continue;
		pn_line_read(l->out, "%s", phrases[i].reading);
		return LINE_DONE;
	}
	return LINE_NOT;
}
