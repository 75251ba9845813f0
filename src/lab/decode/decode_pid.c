/* SPDX-License-Identifier: MIT */
/* Posted-interrupt descriptors: VT-d rev 5.10, 5.2.2 and 9.11; PID-pointer table entries: SDM vol
 * 3, "IPI Virtualization". */
#include <inttypes.h>
#include <string.h>

#include "decode_kind.h"
#include "postern/pid.h"

#define CONTROL	     256 /* its first bit in the descriptor */
#define SHOWN	     12u /* vectors that fit into one meaning */
#define MAXPHYADDR   52	 /* no processor has more */
#define ADDR_TOO_BIG (~0ull << MAXPHYADDR)

static void say_pir(uint64_t v, unsigned first, char *buf, size_t size)
{
	unsigned all = (unsigned)__builtin_popcountll(v), n = 0;
	size_t used = (size_t)snprintf(buf, size, "%s", v ? "pending:" : "nothing pending");

	for (; v && n < SHOWN; v &= v - 1, n++)
		used += (size_t)snprintf(buf + used, size - used, " 0x%02x",
					 first + (unsigned)__builtin_ctzll(v));
	if (all > n)
		snprintf(buf + used, size - used, " and %u more", all - n);
}

static void say_pir0(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	say_pir(v, 0, buf, size);
}

static void say_pir1(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	say_pir(v, 64, buf, size);
}

static void say_pir2(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	say_pir(v, 128, buf, size);
}

static void say_pir3(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	say_pir(v, 192, buf, size);
}

/* The descriptor itself does not say whether it is for xAPIC or x2APIC. */
static void say_ndst(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	uint64_t control = v << PN_PID_NDST_SH;

	(void)o;
	if (control & PN_PID_CTL_RSV_XAPIC)
		snprintf(buf, size, "x2APIC ID 0x%08" PRIx64 " (reserved bits set if xAPIC)", v);
	else
		snprintf(buf, size, "x2APIC ID 0x%08" PRIx64 " (0x%02x if xAPIC)", v,
			 (unsigned)pn_pid_dest(control, false));
}

#define CONTROL_FIELDS(base)                                                                       \
	DEC_FLAG("ON", (base) + 0, "no notification outstanding",                                  \
		 "notification outstanding: further posts are quiet"),                             \
		DEC_FLAG("SN", (base) + 1, "posts notify, if ON=0",                                \
			 "suppressed: only urgent posts notify"),                                  \
		DEC_RSV((base) + 15, (base) + 2),                                                  \
		DEC_SAY("NV", (base) + 23, (base) + 16, pn_dec_say_vector),                        \
		DEC_RSV((base) + 31, (base) + 24),                                                 \
		DEC_SAY("NDST", (base) + 63, (base) + 32, say_ndst)

static const struct pn_dec_field control[] = {CONTROL_FIELDS(0), DEC_END};
static const struct pn_dec_field whole[] = {
	DEC_SAY("PIR[63:0]", 63, 0, say_pir0),
	DEC_SAY("PIR[127:64]", 127, 64, say_pir1),
	DEC_SAY("PIR[191:128]", 191, 128, say_pir2),
	DEC_SAY("PIR[255:192]", 255, 192, say_pir3),
	CONTROL_FIELDS(CONTROL),
	DEC_RSV(383, 320),
	DEC_RSV(447, 384),
	DEC_RSV(511, 448),
	DEC_END,
};

static const struct pn_dec_field *pid_table(const struct pn_dec_obj *o)
{
	return o->bits == 512 ? whole : control;
}

static void pid_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	unsigned nv = pn_pid_nv(o->bits == 512 ? o->q[CONTROL / 64] : o->q[0]);

	if (nv < 16)
		pn_dec_error(out, "NV 0x%02x is below 16: no local APIC takes it", nv);
	for (unsigned v = 0; o->bits == 512 && v < 16; v++)
		if (pn_dec_bits(o, v, v))
			pn_dec_error(out, "PIR bit 0x%02x is below 16: no APIC delivers it", v);
}

const struct pn_dec_kind pn_dec_pid = {
	"pid",
	"posted-interrupt descriptor (VT-d)",
	"eight 64-bit words, low first, sixteen 32-bit words, or its control quadword alone",
	{512, 64},
	PN_DEC_DUMP,
	pid_table,
	pid_check,
};

static void say_pid_address(const struct pn_dec_obj *o, uint64_t v, char *buf, size_t size)
{
	(void)o;
	snprintf(buf, size, "descriptor at 0x%" PRIx64, v << 6);
}

static const struct pn_dec_field pointer[] = {
	DEC_FLAG("Valid", 0, "IPIs to this vCPU exit", "IPIs to this vCPU are posted"),
	DEC_RSV(5, 1),
	DEC_SAY("PID", 63, 6, say_pid_address),
	DEC_END,
};

static const struct pn_dec_field *pointer_table(const struct pn_dec_obj *o)
{
	(void)o;
	return pointer;
}

static void pointer_check(const struct pn_dec_obj *o, struct pn_decoded *out)
{
	uint64_t pid = o->q[0] & PN_PIDPTR_ADDR_MASK;

	if ((o->q[0] & PN_PIDPTR_VALID) && !pid)
		pn_dec_error(out, "Valid=1 but the descriptor is at 0");
	if (pid & ADDR_TOO_BIG)
		pn_dec_error(out, "address 0x%" PRIx64 " has more than %d bits", pid, MAXPHYADDR);
}

const struct pn_dec_kind pn_dec_pid_pointer = {
	"pid-pointer",
	"PID-pointer table entry (IPI virtualization)",
	"one 64-bit word or two 32-bit words, low first",
	{64, 0},
	PN_DEC_DUMP,
	pointer_table,
	pointer_check,
};
