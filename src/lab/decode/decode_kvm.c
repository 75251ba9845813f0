/* SPDX-License-Identifier: MIT */
/* What KVM prints of APIC virtualization on Intel (SDM vol 3, "VM exits" of the local APIC, table
 * of the exit qualification for APIC-access exits) and its mask of inhibits. */
#include <inttypes.h>
#include <string.h>

#include "decode_kind.h"
#include "decode_parts.h"

static void say_page_offset(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s at 0x%03x", pn_dec_apic_name((unsigned)v), (unsigned)v);
}

static void say_access(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	static const char *const names[16] = {
		"linear read by an instruction",
		"linear write by an instruction",
		"linear instruction fetch",
		"linear access while an event is delivered",
		"linear access for monitoring",
		[10] = "guest-physical access while an event is delivered",
		[11] = "guest-physical access for monitoring or a trace",
		[15] = "guest-physical access for a fetch or by an instruction",
	};

	(void)o;
	snprintf(buf, size, "%s", names[v & 15] ? names[v & 15] : "reserved");
}

static const struct pn_dec_field exit44[] = {
	DEC_SAY("Offset", 11, 0, say_page_offset),
	DEC_SAY("Access", 15, 12, say_access),
	DEC_FLAG("Asynchronous", 16, "by the instruction itself",
		 "asynchronous to the instruction"),
	DEC_RSV(63, 17),
	DEC_END,
};

static const struct pn_dec_field exit45[] = {
	DEC_SAY("Vector", 7, 0, pn_dec_say_vector),
	DEC_RSV(63, 8),
	DEC_END,
};

static const struct pn_dec_field exit56[] = {
	DEC_SAY("Offset", 11, 0, say_page_offset),
	DEC_RSV(63, 12),
	DEC_END,
};

static const struct pn_dec_field *exit44_table(const struct pn_dec_obj *o)
{
	(void)o;
	return exit44;
}

static const struct pn_dec_field *exit45_table(const struct pn_dec_obj *o)
{
	(void)o;
	return exit45;
}

static const struct pn_dec_field *exit56_table(const struct pn_dec_obj *o)
{
	(void)o;
	return exit56;
}

static void exit44_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	snprintf(buf, size,
		 "an access to the %s (0x%03x) was not virtualized and did not complete: KVM "
		 "emulates it",
		 pn_dec_apic_name((unsigned)pn_dec_bits(o, 11, 0)),
		 (unsigned)pn_dec_bits(o, 11, 0));
}

static void exit45_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	snprintf(buf, size,
		 "the guest ended vector 0x%02x, whose EOI-exit bitmap bit is set: KVM informs the "
		 "IO-APIC "
		 "(the EOI itself is done)",
		 (unsigned)pn_dec_bits(o, 7, 0));
}

static void exit56_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	snprintf(buf, size,
		 "a write to the %s (0x%03x) is in the virtual-APIC page already: KVM carries out "
		 "its "
		 "effect",
		 pn_dec_apic_name((unsigned)pn_dec_bits(o, 11, 0)),
		 (unsigned)pn_dec_bits(o, 11, 0));
}

static void offset_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	if (pn_dec_bits(o, 3, 0))
		pn_dec_error(out, "offset 0x%03x is inside a register (expected a multiple of 16)",
			     (unsigned)pn_dec_bits(o, 11, 0));
}

static const char QUALIFICATION[] = "the exit qualification, 64 bits";

const struct pn_dec_kind pn_dec_exit44 = {
	"exit44",      "APIC-access exit of VMX (reason 44)",
	QUALIFICATION, {64, 0},
	PN_DEC_NAMED,  exit44_table,
	NULL,	       exit44_read,
	NULL,
};

const struct pn_dec_kind pn_dec_exit45 = {
	"exit45",      "EOI-induced exit of VMX (reason 45)",
	QUALIFICATION, {64, 0},
	PN_DEC_NAMED,  exit45_table,
	NULL,	       exit45_read,
	NULL,
};

const struct pn_dec_kind pn_dec_exit56 = {
	"exit56",      "APIC-write exit of VMX (reason 56)",
	QUALIFICATION, {64, 0},
	PN_DEC_NAMED,  exit56_table,
	offset_check,  exit56_read,
	NULL,
};

/* ---- inhibits ---- */

#define MAX_REASONS 16

/*
 * enum kvm_apicv_inhibit was reordered twice: in 5.19, and in 6.3, which put PHYSICAL_ID_ALIASED in
 * the middle. Between them X2APIC went (6.0).
 */
static const struct layout {
	unsigned first; /* kernel */
	const char *kernels;
	const char *reason[MAX_REASONS];
} layouts[] = {
	{PN_DECODE_KERNEL(6, 3),
	 "6.3 on",
	 {"DISABLED", "HYPERV", "ABSENT", "BLOCKIRQ", "PHYSICAL_ID_ALIASED", "APIC_ID_MODIFIED",
	  "APIC_BASE_MODIFIED", "NESTED", "IRQWIN", "PIT_REINJ", "SEV", "LOGICAL_ID_ALIASED",
	  "PHYSICAL_ID_TOO_BIG"}},
	{PN_DECODE_KERNEL(6, 0),
	 "6.0 to 6.2",
	 {"DISABLE", "HYPERV", "ABSENT", "BLOCKIRQ", "APIC_ID_MODIFIED", "APIC_BASE_MODIFIED",
	  "NESTED", "IRQWIN", "PIT_REINJ", "SEV"}},
	{PN_DECODE_KERNEL(5, 19),
	 "5.19",
	 {"DISABLE", "HYPERV", "ABSENT", "BLOCKIRQ", "APIC_ID_MODIFIED", "APIC_BASE_MODIFIED",
	  "NESTED", "IRQWIN", "PIT_REINJ", "X2APIC", "SEV"}},
	{PN_DECODE_KERNEL(5, 6),
	 "5.6 to 5.18",
	 {"DISABLE", "HYPERV", "NESTED", "IRQWIN", "PIT_REINJ", "X2APIC", "BLOCKIRQ", "ABSENT",
	  "SEV"}},
};

#define NR_LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static const struct layout *layout_of(unsigned kernel)
{
	for (unsigned i = 0; kernel && i < NR_LAYOUTS; i++)
		if (kernel >= layouts[i].first)
			return &layouts[i];
	return &layouts[0];
}

const char *pn_dec_inhibit(const struct pn_decode_options *opt, unsigned bit)
{
	return bit < MAX_REASONS ? layout_of(opt->kernel)->reason[bit] : NULL;
}

void pn_dec_inhibit_names(const struct pn_decode_options *opt, uint64_t mask, char *buf,
			  size_t size)
{
	uint64_t unnamed = 0;
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned bit = 0; bit < 64 && used < size; bit++) {
		const char *name = pn_dec_inhibit(opt, bit);

		if (!(mask >> bit & 1))
			continue;
		if (name)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
						 name);
		else
			unnamed |= UINT64_C(1) << bit;
	}
	if (unnamed && used < size)
		snprintf(buf + used, size - used, "%s0x%" PRIx64 " has no name", used ? ", " : "",
			 unnamed);
}

const char *pn_dec_inhibit_why(const char *name)
{
	static const struct {
		const char *name, *why;
	} rows[] = {
		{"DISABLE", "module parameter or hardware"},
		{"HYPERV", "the guest uses AutoEOI of Hyper-V"},
		{"ABSENT", "no APIC in the kernel yet"},
		{"BLOCKIRQ", "a debugger holds interrupts back"},
		{"PHYSICAL_ID_ALIASED", "two vCPUs have one APIC ID"},
		{"PHYSICAL_ID_TOO_BIG", "an APIC ID is beyond the table"},
		{"APIC_ID_MODIFIED", "the guest changed an APIC ID"},
		{"APIC_BASE_MODIFIED", "the guest moved the APIC page"},
		{"NESTED", "the guest runs a guest"},
		{"IRQWIN", "KVM waits to inject an ExtINT"},
		{"PIT_REINJ",
		 "the PIT re-injects ticks (kvm-pit.lost_tick_policy=discard avoids it)"},
		{"SEV", "AVIC does not work with SEV"},
		{"LOGICAL_ID_ALIASED", "two vCPUs have one logical ID"},
		{"X2APIC", "the guest may use x2APIC"},
	};

	for (unsigned i = 0; name && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strncmp(name, rows[i].name, strlen(rows[i].name)))
			return rows[i].why;
	return NULL;
}

static void say_layout(const struct pn_dec_obj *o, uint64_t v, unsigned i, char *buf, size_t size)
{
	struct pn_decode_options as = *o->opt;

	as.kernel = layouts[i].first;
	pn_dec_inhibit_names(&as, v, buf, size);
}

#define SAY_LAYOUT(i)                                                                              \
	static void say_layout##i(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)  \
	{                                                                                          \
		say_layout(o, v, i, buf, size);                                                    \
	}

SAY_LAYOUT(0)
SAY_LAYOUT(1)
SAY_LAYOUT(2)
SAY_LAYOUT(3)

static void say_known(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	pn_dec_inhibit_names(o->opt, v, buf, size);
}

static const struct pn_dec_field side_by_side[] = {
	DEC_SAY("Linux 6.3 on", 63, 0, say_layout0),
	DEC_SAY("Linux 6.0 to 6.2", 63, 0, say_layout1),
	DEC_SAY("Linux 5.19", 63, 0, say_layout2),
	DEC_SAY("Linux 5.6 to 5.18", 63, 0, say_layout3),
	DEC_END,
};

static const struct pn_dec_field known[] = {
	DEC_SAY("Inhibits", 63, 0, say_known),
	DEC_END,
};

static const struct pn_dec_field *inhibits_table(const struct pn_dec_obj *o)
{
	return o->opt->kernel ? known : side_by_side;
}

static void inhibits_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	uint64_t unnamed = 0;

	for (unsigned bit = 0; bit < 64; bit++)
		if ((o->q[0] >> bit & 1) && !pn_dec_inhibit(o->opt, bit))
			unnamed |= UINT64_C(1) << bit;
	if (unnamed)
		pn_dec_error(out, "0x%" PRIx64 " has no name in Linux %s", unnamed,
			     layout_of(o->opt->kernel)->kernels);
}

static void inhibits_read(const struct pn_dec_obj *o, char *buf, size_t size)
{
	const struct layout *l = layout_of(o->opt->kernel);
	size_t used;

	if (!o->q[0]) {
		snprintf(buf, size, "AVIC or APICv is on: nothing inhibits it");
		return;
	}
	used = (size_t)snprintf(buf, size, "AVIC or APICv is off for this VM because of");
	for (unsigned bit = 0, n = 0; bit < MAX_REASONS && used < size; bit++) {
		const char *why = pn_dec_inhibit_why(l->reason[bit]);

		if (!(o->q[0] >> bit & 1) || !l->reason[bit])
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s %s (%s)", n++ ? " and" : "",
					 l->reason[bit], why ? why : "");
	}
	if (used < size)
		snprintf(buf + used, size - used, ", as Linux %s numbers them", l->kernels);
}

const struct pn_dec_kind pn_dec_inhibits = {
	"inhibits",
	"KVM's mask of APICv inhibits, by version of Linux",
	"one word of up to 64 bits",
	{64, 0},
	PN_DEC_NAMED,
	inhibits_table,
	inhibits_check,
	inhibits_read,
	NULL,
};
