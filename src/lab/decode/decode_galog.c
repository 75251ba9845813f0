/* SPDX-License-Identifier: MIT */
/* Guest APIC log entries: 48882 rev 3.11, 2.7; their tags as KVM makes them:
 * arch/x86/kvm/svm/avic.c. */
#include <inttypes.h>

#include "decode_kind.h"
#include "postern/amd_log.h"

static void say_galog_code(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "%s",
		 v == PN_GALOG_GUEST_NR ? "GUEST_NR: a guest that does not run got an interrupt"
		 : v			? "no such code"
					: "not written yet");
}

#define NR_WIDTHS 3

/* How many bits of a tag are the vCPU: the width of AVIC_PHYSICAL_MAX_INDEX_MASK, or 8 before it
 * was used for tags. */
static const struct {
	unsigned bits;
	const char *kernels;
} widths[NR_WIDTHS] = {{8, "to 6.2"}, {9, "6.3 to 6.18"}, {12, "6.19 on"}};

void pn_dec_say_tag(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	unsigned bits = o->opt->vcpu_bits;
	size_t used;

	if (bits) {
		snprintf(buf, size, "VM %" PRIu64 ", vCPU %" PRIu64 " (%u bits of vCPU)", v >> bits,
			 v & ((UINT64_C(1) << bits) - 1), bits);
		return;
	}
	used = (size_t)snprintf(buf, size, "Linux");
	for (unsigned i = 0; i < NR_WIDTHS && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used,
					 "%s %s: VM %" PRIu64 ", vCPU %" PRIu64, i ? ";" : "",
					 widths[i].kernels, v >> widths[i].bits,
					 v & ((UINT64_C(1) << widths[i].bits) - 1));
}

static void read_tag(const struct pn_dec_obj *o, char *buf, size_t size)
{
	if (!o->opt->vcpu_bits)
		snprintf(
			buf, size,
			"the bits of the vCPU depend on the kernel that wrote the tag (--kernel or "
			"--vcpu-bits); 6.1.21 and 6.2.8 already count as 6.3");
}

static const struct pn_dec_field gatag[] = {
	DEC_SAY("GATag", 31, 0, pn_dec_say_tag),
	DEC_END,
};

static const struct pn_dec_field *gatag_table(const struct pn_dec_obj *o)
{
	(void)o;
	return gatag;
}

const struct pn_dec_kind pn_dec_gatag = {
	"gatag",
	"GA tag, as Linux makes it from VM and vCPU",
	"one 32-bit word",
	{32, 0},
	PN_DEC_DUMP,
	gatag_table,
	NULL,
	read_tag,
	NULL,
};

static const struct pn_dec_field galog[] = {
	DEC_SAY("GATag", 31, 0, pn_dec_say_tag),
	DEC_SAY("DeviceID", 47, 32, pn_dec_say_bdf),
	DEC_RSV(59, 48),
	DEC_SAY("Code", 63, 60, say_galog_code),
	DEC_END,
};

static const struct pn_dec_field *galog_table(const struct pn_dec_obj *o)
{
	(void)o;
	return galog;
}

static void galog_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	unsigned code = (unsigned)pn_dec_bits(o, 63, 60);

	if (code != PN_GALOG_GUEST_NR)
		pn_dec_error(out, "code %u is not GUEST_NR (1)", code);
}

const struct pn_dec_kind pn_dec_galog = {
	"galog",
	"guest APIC log entry",
	"one 64-bit word or two 32-bit words",
	{64, 0},
	PN_DEC_DUMP,
	galog_table,
	galog_check,
	read_tag,
	NULL,
};
