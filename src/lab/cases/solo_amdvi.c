/* SPDX-License-Identifier: MIT */
/* One IOMMU alone on AMD: what the cases that drive it share. */
#include "solo_amdvi.h"

void vi_config(struct pn_amdvi_config *hw)
{
	pn_amdvi_config_default(hw);
	hw->bus = &solo->bus;
	hw->agent = &solo->agent;
}

uint64_t vi_rd(uint32_t off)
{
	uint64_t v = 0;

	rig_want(pn_amdvi_read(solo->vi, off, 8, &v) == 0, "P7", "a read of a register fails");
	return v;
}

void vi_wr(uint32_t off, uint64_t value)
{
	rig_want(pn_amdvi_write(solo->vi, off, 8, value) == 0, "P7", "a write of a register fails");
}

void vi_is(uint32_t off, uint64_t value, const char *what)
{
	rig_want(vi_rd(off) == value, "P7", what);
}

void vi_put(uint64_t q0, uint64_t q1)
{
	uint64_t tail = vi_rd(PN_AMDVI_CMD_TAIL);

	solo_st64(CMDS + tail, q0);
	solo_st64(CMDS + tail + 8, q1);
	vi_wr(PN_AMDVI_CMD_TAIL, (tail + 16) & 0xFFF);
}

void vi_command(uint64_t q0, uint64_t q1)
{
	vi_put(q0, q1);
	pn_amdvi_commands(solo->vi, 1);
}

void vi_flush(void)
{
	vi_command(8ull << 60, 0);
}

void vi_dte(unsigned devid, uint64_t q)
{
	solo_st64(DEVTAB + devid * 32 + 16, q);
}

void vi_irte(uint64_t irt, unsigned index, uint64_t lo, uint64_t hi)
{
	solo_st64(irt + 16ull * index + 8, hi);
	solo_st64(irt + 16ull * index, lo);
}

enum pn_msi_result vi_send(const struct pn_msi *m)
{
	solo->intrs = solo->bells = 0;
	return pn_amdvi_msi(solo->vi, m);
}

void vi_aborts(const struct pn_msi *m, uint64_t q0, uint64_t q1, const char *what)
{
	uint64_t tail = vi_rd(PN_AMDVI_EVT_TAIL);

	rig_want(vi_send(m) == PN_MSI_ABORTED && !solo->intrs && !solo->bells, "P7", what);
	rig_want(vi_rd(PN_AMDVI_EVT_TAIL) == (q0 ? (tail + 16) & 0xFFF : tail), "P7", what);
	if (q0)
		rig_want(solo_ld64(EVENTS + tail) == q0 && solo_ld64(EVENTS + tail + 8) == q1, "P7",
			 what);
}
