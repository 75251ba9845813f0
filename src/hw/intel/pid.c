/* SPDX-License-Identifier: MIT */
/* The posted-interrupt descriptor (VT-d rev 5.10, 5.2.3, 9.11). */
#include <errno.h>

#include "postern/pid.h"
#include "seam.h"

static uint64_t control_reserved(bool x2apic)
{
	return PN_PID_CTL_RSV | (x2apic ? 0 : PN_PID_CTL_RSV_XAPIC);
}

static bool reserved(const struct pn_pid *pid, uint64_t control, bool x2apic)
{
	uint64_t bits = control & control_reserved(x2apic);

	/* Pairs with host software, which must leave them 0. */
	for (unsigned i = 0; i < 3; i++)
		bits |= pn_ld64(&pid->rsvd[i]);
	return bits;
}

static enum pn_pid_result update(struct pn_pid *pid, struct pn_pid_post *post)
{
	const uint64_t bit = 1ull << (post->vector & 63);
	uint64_t control;

	post->merged = false;
	/* Pairs with host software that sets the descriptor up before an entry leads here. */
	post->control = pn_ld64(&pid->control);
	if (post->check && reserved(pid, post->control, post->x2apic))
		return PN_PID_RESERVED;
	/*
	 * Pairs with the agent that takes the PIR: a CPU or host software, which clears ON first.
	 */
	post->merged = pn_or64(&pid->pir[post->vector >> 6], bit) & bit;
	/* Pairs with host software that changes SN, NV, NDST and then reads the PIR: here the PIR
	 * bit comes first, so that one of the two sees the other. */
	control = pn_ld64_sc(&pid->control);
	do {
		post->control = control;
		if (control & PN_PID_ON)
			return PN_PID_QUIET;
		if ((control & PN_PID_SN) && (!post->urg || pn_mistake(PN_MISTAKE_URG_SUPPRESSED)))
			return PN_PID_SUPPRESSED;
		/* As above; and with other IOMMUs and CPUs: one of them sets ON. */
	} while (!pn_cas64(&pid->control, &control, control | PN_PID_ON));
	return PN_PID_NOTIFY;
}

enum pn_pid_result pn_pid_post(struct pn_pid *pid, struct pn_pid_post *post)
{
	enum pn_pid_result result;

	pn_line_begin(pid, sizeof(*pid));
	result = update(pid, post);
	pn_line_end(pid);
	return result;
}

int pn_pid_check(const struct pn_pid *pid, bool x2apic)
{
	return (pid->control & control_reserved(x2apic)) || pid->rsvd[0] || pid->rsvd[1] ||
			       pid->rsvd[2]
		       ? -EINVAL
		       : 0;
}
