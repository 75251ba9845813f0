/* SPDX-License-Identifier: MIT */
/* Tracepoints of KVM that concern APIC virtualization (arch/x86/kvm/trace.h), as text of ftrace,
 * trace-cmd or perf. */
#include <inttypes.h>
#include <string.h>

#include "decode_kind.h"
#include "decode_parts.h"
#include "line.h"

/* Vectors of arch/x86/include/asm/irq_vectors.h. */
#define POSTED_INTR_VECTOR	  0xF2
#define POSTED_INTR_WAKEUP_VECTOR 0xF1
#define POSTED_INTR_NESTED_VECTOR 0xF0

/* "info1 A info2 B"; "info A B", without 0x, of kernels before 5.10 and of trace-cmd's plugin. */
static bool exit_info(const char *s, uint64_t w[2])
{
	const char *p;

	if (pn_line_key(s, "info1", true, &w[0]))
		return pn_line_key(s, "info2", true, &w[1]);
	p = pn_line_find(s, " info ");
	if (!p)
		return false;
	p += strlen(" info ");
	return pn_line_number(&p, true, &w[0]) && pn_line_number(&p, true, &w[1]);
}

/* The second word was the interrupt's information before it had a name. */
static bool interrupt_info(const char *s, uint64_t *info)
{
	uint64_t w[2];

	if (pn_line_key(s, "intr_info", true, info))
		return *info >> 31 & 1;
	if (!exit_info(s, w))
		return false;
	*info = w[1];
	return *info >> 31 & 1;
}

static enum pn_line_found external_interrupt(struct pn_line *l)
{
	static const struct {
		unsigned vector;
		const char *text;
	} rows[] = {
		{POSTED_INTR_VECTOR, "a posted-interrupt notification, which this vCPU did not "
				     "process itself: APICv is off "
				     "for it, or it runs a nested guest"},
		{POSTED_INTR_WAKEUP_VECTOR, "a posted-interrupt wakeup: a blocked vCPU has work"},
		{POSTED_INTR_NESTED_VECTOR, "a posted-interrupt notification of a nested guest"},
	};
	uint64_t info;

	if (!interrupt_info(l->at, &info))
		return LINE_NOT;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].vector != (info & 0xFF))
			continue;
		pn_line_field(l->out, "Vector", "7:0", info & 0xFF, "%s", rows[i].text);
		pn_line_read(l->out, "exit by %s", rows[i].text);
		return LINE_DONE;
	}
	return LINE_NOT;
}

/* Exits that concern APIC virtualization; the number is what is printed for a name not known. */
static const struct {
	const char *name;
	unsigned number;
	const char *kind;
	unsigned words;
} exits[] = {
	{"avic_incomplete_ipi", 0x401, "exit401", 2},
	{"avic_unaccelerated_access", 0x402, "exit402", 2},
	{"avic_noaccel", 0x402, "exit402", 2},
	{"APIC_ACCESS", 44, "exit44", 1},
	{"EOI_INDUCED", 45, "exit45", 1},
	{"APIC_WRITE", 56, "exit56", 1},
};

static bool word_is(const char *s, const char *name)
{
	size_t n = strlen(name);

	return pn_line_starts(s, name) && (s[n] == ' ' || s[n] == '\t' || !s[n] || s[n] == ',');
}

static bool is_exit(const char *s, unsigned i)
{
	uint64_t number;
	const char *p = s;

	if (word_is(s, exits[i].name))
		return true;
	if (pn_line_starts(s, "UNKNOWN ("))
		p = s + strlen("UNKNOWN (");
	return pn_line_number(&p, false, &number) && number == exits[i].number;
}

enum pn_line_found pn_line_kvm_exit(struct pn_line *l)
{
	const char *s = pn_line_find(l->at, "reason ");
	uint64_t w[2];

	if (!s)
		return LINE_NOT;
	s += strlen("reason ");
	if (word_is(s, "EXTERNAL_INTERRUPT"))
		return external_interrupt(l);
	for (unsigned i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		if (!is_exit(s, i))
			continue;
		if (!exit_info(s, w))
			return LINE_MORE;
		return pn_line_words(l, exits[i].kind, w, exits[i].words);
	}
	return LINE_NOT;
}

/* "icrh:icrl=0x0c000000:000000fd": high first, and both hexadecimal. */
static bool printed_icr(const char *s, uint64_t *icr)
{
	uint64_t high, low;

	s = pn_line_find(s, "icrh:icrl=");
	if (!s)
		return false;
	s += strlen("icrh:icrl=");
	if (!pn_line_number(&s, true, &high) || *s != ':')
		return false;
	s++;
	if (!pn_line_number(&s, true, &low))
		return false;
	*icr = high << 32 | (low & 0xFFFFFFFF);
	return true;
}

enum pn_line_found pn_line_kvm_ipi(struct pn_line *l)
{
	uint64_t w[2], id, index;

	if (!printed_icr(l->at, &w[0]) || !pn_line_key(l->at, "id=", false, &id) ||
	    !pn_line_key(l->at, "index=", false, &index))
		return LINE_MORE;
	w[1] = id << 32 | (index & 0xFFFFFFFF);
	return pn_line_words(l, "exit401", w, 2);
}

enum pn_line_found pn_line_kvm_kick(struct pn_line *l)
{
	uint64_t icr, index;

	if (!printed_icr(l->at, &icr) || pn_line_word(l, "icr", icr) != LINE_DONE)
		return LINE_MORE;
	if (pn_line_key(l->at, "index=", false, &index))
		pn_line_field(l->out, "Index", "31:0", index, "of the table");
	pn_line_read(l->out,
		     "KVM looks through all vCPUs for the targets of an IPI with vector 0x%02x",
		     (unsigned)icr & 0xFF);
	return LINE_DONE;
}

enum pn_line_found pn_line_kvm_access(struct pn_line *l)
{
	uint64_t w[2] = {0}, offset, vector = 0;
	bool trap = pn_line_find(l->at, "trap") != NULL;

	if (!pn_line_key(l->at, "offset=", true, &offset) ||
	    !pn_line_key(l->at, "vec=", true, &vector))
		return LINE_MORE;
	w[0] = (offset & 0xFF0) | (uint64_t)(pn_line_find(l->at, "write") != NULL) << 32;
	w[1] = vector;
	if (pn_line_words(l, "exit402", w, 2) != LINE_DONE)
		return LINE_NOT;
	pn_line_read(l->out, "%s",
		     trap ? "trap: the register holds the new value already"
			  : "fault: the instruction has not run");
	return LINE_DONE;
}

/* vmid=%u, vcpuid=%u; 0x before some kernels' numbers says that they are hexadecimal. */
enum pn_line_found pn_line_kvm_ga_log(struct pn_line *l)
{
	uint64_t vm, vcpu;

	if (!pn_line_key(l->at, "vmid=", false, &vm) ||
	    !pn_line_key(l->at, "vcpuid=", false, &vcpu))
		return LINE_MORE;
	pn_line_field(l->out, "VM", "", vm, "KVM's number of the VM for tags");
	pn_line_field(l->out, "vCPU", "", vcpu, "the vCPU that the tag names");
	if (l->log->opt.vcpu_bits)
		pn_line_field(l->out, "GATag", "31:0", vm << l->log->opt.vcpu_bits | vcpu,
			      "the tag");
	pn_line_read(l->out,
		     "a device interrupted vCPU %" PRIu64 " of VM %" PRIu64
		     " while it did not run: the IOMMU logged its tag, KVM wakes it",
		     vcpu, vm);
	return LINE_DONE;
}

enum pn_line_found pn_line_kvm_doorbell(struct pn_line *l)
{
	uint64_t vcpu, apic;

	if (!pn_line_key(l->at, "vcpuid=", false, &vcpu) ||
	    !pn_line_key(l->at, "apicid=", false, &apic))
		return LINE_MORE;
	pn_line_field(l->out, "vCPU", "", vcpu, "it runs");
	pn_line_field(l->out, "APIC ID", "", apic, "of the host's CPU");
	pn_line_read(l->out,
		     "vCPU %" PRIu64 " runs on the CPU with APIC ID 0x%" PRIx64
		     ": a doorbell makes it look at its IRR, without an exit",
		     vcpu, apic);
	return LINE_DONE;
}

/* Newer kernels print the names behind the mask: their numbering is that of 6.3 on. */
enum pn_line_found pn_line_kvm_inhibit(struct pn_line *l)
{
	struct pn_decode_options opt = l->log->opt;
	uint64_t reason, mask;
	bool set = pn_line_find(l->at, " set reason") != NULL;
	const char *name;

	if (!pn_line_key(l->at, "reason=", false, &reason) ||
	    !pn_line_key(l->at, "inhibits=", true, &mask))
		return LINE_MORE;
	if (pn_line_word(l, "inhibits", mask) != LINE_DONE)
		return LINE_NOT;
	name = pn_dec_inhibit(&opt, reason < 64 ? (unsigned)reason : 64);
	pn_line_field(l->out, "Reason", "", reason, "%s: %s", name ? name : "no such reason",
		      set ? "set" : "cleared");
	if (!name)
		pn_dec_error(l->out, "reason %" PRIu64 " has no name", reason);
	else if (reason < 64 && (mask >> reason & 1) != set)
		pn_dec_error(l->out, "reason %" PRIu64 " is %s but its bit is %u", reason,
			     set ? "set" : "cleared", !set);
	return LINE_DONE;
}

/* kvm_apicv_update_request of 5.6 to 5.17: one reason, no mask. */
enum pn_line_found pn_line_kvm_inhibit_old(struct pn_line *l)
{
	struct pn_decode_options opt = {.kernel = PN_DECODE_KERNEL(5, 6)};
	bool on = pn_line_find(l->at, "deactivate") == NULL;
	const char *name;
	uint64_t bit;

	if (!pn_line_key(l->at, "bit=", false, &bit))
		return LINE_NOT;
	name = pn_dec_inhibit(&opt, bit < 64 ? (unsigned)bit : 64);
	pn_line_field(l->out, "Bit", "", bit, "%s, as Linux 5.6 to 5.18 number them",
		      name ? name : "no such reason");
	pn_line_read(l->out, "the inhibit %s is %s", name ? name : "without a name",
		     on ? "cleared: AVIC or APICv is on if no other is set"
			: "set: AVIC or APICv is off for this VM");
	return LINE_DONE;
}

/* "PI is on for irq 45, vcpu 0, gsi 0x18, gvec 0x41, pi_desc_addr 0x..." ("host irq" before). */
enum pn_line_found pn_line_kvm_pi(struct pn_line *l)
{
	bool on = pn_line_find(l->at, "PI is on") != NULL;
	uint64_t irq, vcpu, gvec, address;

	if (!pn_line_key(l->at, "irq ", false, &irq) ||
	    !pn_line_key(l->at, "vcpu ", false, &vcpu) ||
	    !pn_line_key(l->at, "gvec ", true, &gvec) ||
	    !pn_line_key(l->at, "pi_desc_addr ", true, &address))
		return LINE_MORE;
	pn_line_field(l->out, "IRQ", "", irq, "of the host");
	pn_line_field(l->out, "vCPU", "", vcpu, "the target");
	pn_line_field(l->out, "VV", "7:0", gvec, "guest vector 0x%02x: bit %u of PIR quadword %u",
		      (unsigned)gvec & 0xFF, (unsigned)gvec & 63, ((unsigned)gvec & 0xFF) >> 6);
	pn_line_field(l->out, "Descriptor", "63:0", address, "address 0x%" PRIx64, address);
	if (address & 63)
		pn_dec_error(l->out, "the descriptor is not 64-byte aligned");
	pn_line_read(l->out, "posting is %s for IRQ %" PRIu64 " to vCPU %" PRIu64 ", vector 0x%02x",
		     on ? "on" : "off", irq, vcpu, (unsigned)gvec & 0xFF);
	return LINE_DONE;
}
