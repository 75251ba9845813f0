/* SPDX-License-Identifier: MIT */
/* Creation, reset and configuration of the IOMMU, and its PCI MSI capability. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "amdvi_priv.h"

#define DTE_CACHE_DEFAULT  64u
#define IRTE_CACHE_DEFAULT 1024u
#define CACHE_MAX	   (1u << 20)

#define GALOG_LEN_DEFAULT 12
#define LEN_CODE_MAX	  15

void pn_amdvi_config_default(struct pn_amdvi_config *cfg)
{
	*cfg = (struct pn_amdvi_config){
		.efr = PN_EFR_XTSUP | PN_EFR_GAPPISUP | PN_EFR_IASUP | PN_EFR_GASUP |
		       PN_EFR_GAMSUP_VAPIC | PN_EFR_MSICAPMMIOSUP,
		.efr2 = PN_EFR2_GAPPIDISSUP | 1ull << PN_EFR2_NUMINTREMAPSUP_SH,
		.knobs = {.galog_len_max = GALOG_LEN_DEFAULT, .galog_ptr_mask = PN_GA_PTR_MASK},
		.dte_cache = DTE_CACHE_DEFAULT,
		.irte_cache = IRTE_CACHE_DEFAULT,
	};
}

/* One row per group of Control bits that exist only with a feature (3.4.1). @want: 0 stands for
 * any non-zero value of the feature field. */
static const struct {
	uint64_t control;
	uint64_t feature, want;
	bool efr2;
} gates[] = {
	{PN_CTRL_PPRLOGEN | PN_CTRL_PPRINTEN | PN_CTRL_PPREN, PN_EFR_PPRSUP, 0, false},
	{PN_CTRL_GTEN, PN_EFR_GTSUP, 0, false},
	{PN_CTRL_GAEN, PN_EFR_GASUP, 0, false},
	{PN_CTRL_SMIFEN | PN_CTRL_SMIFLOGEN, 3ull << PN_EFR_SMIFSUP_SH, 0, false},
	{PN_CTRL_GAMEN_VAPIC, PN_EFR_GAMSUP, PN_EFR_GAMSUP_VAPIC, false},
	{PN_CTRL_GALOGEN | PN_CTRL_GAINTEN, PN_EFR_GAMSUP, PN_EFR_GAMSUP_VAPIC, false},
	{PN_CTRL_DUALPPRLOGEN, 3ull << PN_EFR_DUALPPRLOG_SH, 0, false},
	{PN_CTRL_DUALEVENTLOGEN, 3ull << PN_EFR_DUALEVENTLOG_SH, 0, false},
	{PN_CTRL_DEVTBLSEGEN, 3ull << PN_EFR_DEVTBLSEGSUP_SH, 0, false},
	/* only the encodings 00 and 01 are defined */
	{1ull << PN_CTRL_NUMINTREMAP_SH, PN_EFR2_NUMINTREMAPSUP, 1ull << PN_EFR2_NUMINTREMAPSUP_SH,
	 true},
	{PN_CTRL_EPHEN, PN_EFR_EPHSUP, 0, false},
	{PN_CTRL_HADUPDATE, PN_EFR_HASUP, 0, false},
	{PN_CTRL_GDUPDATEDIS, PN_EFR_HDSUP, 0, false},
	{PN_CTRL_XTEN | PN_CTRL_INTCAPXTEN, PN_EFR_XTSUP, 0, false},
	{PN_CTRL_VCMDEN | PN_CTRL_VIOMMUEN | PN_CTRL_GSTBUFFERTRPMODE, PN_EFR_VIOMMUSUP, 0, false},
	{PN_CTRL_GAUPDATEDIS, PN_EFR_GAUPDATEDISSUP, 0, false},
	{PN_CTRL_GAPPIEN, PN_EFR_GAPPISUP, 0, false},
	{PN_CTRL_TMPMEN, PN_EFR2_PAGEMIGRATION, 0, true},
	{PN_CTRL_GCR3TRPMODE, PN_EFR2_GCR3TRPMODE, 0, true},
	{1ull << PN_CTRL_SNPAVICEN_SH, PN_EFR2_SNPAVICSUP, 1ull << PN_EFR2_SNPAVICSUP_SH, true},
};

/*
 * Bits that every IOMMU has. 8, 9 and 11 (PassPW, ResPassPW, Isoc) keep their value and have no
 * other effect here.
 */
#define CONTROL_ALWAYS                                                                             \
	(PN_CTRL_IOMMUEN | PN_CTRL_HTTUNEN | PN_CTRL_EVENTLOGEN | PN_CTRL_EVENTINTEN |             \
	 PN_CTRL_COMWAITINTEN | PN_CTRL_INVTIMEOUT | 0xB00ull | PN_CTRL_COHERENT |                 \
	 PN_CTRL_CMDBUFEN | PN_CTRL_CRW | PN_CTRL_SLFWBDIS | PN_CTRL_IRTCACHEDIS)

static uint64_t control_mask(const struct pn_amdvi_config *cfg)
{
	uint64_t mask = CONTROL_ALWAYS;

	if (cfg->no_irtcachedis)
		mask &= ~PN_CTRL_IRTCACHEDIS;
	for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
		uint64_t have = (gates[i].efr2 ? cfg->efr2 : cfg->efr) & gates[i].feature;

		if (gates[i].want ? have == gates[i].want : have != 0)
			mask |= gates[i].control;
	}
	return mask;
}

/* Corrects knobs that would lead outside a ring: a mask must be contiguous from bit 3. */
static void sanitize(struct pn_amdvi_knobs *k)
{
	uint32_t span = k->galog_ptr_mask | (PN_GALOG_SIZE - 1);

	if (!k->galog_ptr_mask || (span & (span + 1)) || span > (PN_AMDVI_PTR_MASK | 15) ||
	    span < 4095)
		span = PN_GA_PTR_MASK | (PN_GALOG_SIZE - 1);
	k->galog_ptr_mask = span & ~(PN_GALOG_SIZE - 1);
	if (k->galog_ring < 2 || k->galog_ring > 256 || (k->galog_ring & (k->galog_ring - 1)))
		k->galog_ring = 0;
	if (!k->galog_len_max)
		k->galog_len_max = GALOG_LEN_DEFAULT;
	if (k->galog_len_max < PN_VI_LEN_MIN)
		k->galog_len_max = PN_VI_LEN_MIN;
	if (k->galog_len_max > LEN_CODE_MAX)
		k->galog_len_max = LEN_CODE_MAX;
}

static bool cache_size(uint32_t *n, uint32_t fallback)
{
	if (!*n)
		*n = fallback;
	return *n <= CACHE_MAX && !(*n & (*n - 1));
}

static struct pn_vi_stamps *share_stamps(const struct pn_amdvi *peer)
{
	struct pn_vi_stamps *s;

	if (peer) {
		peer->stamps->refs++;
		return peer->stamps;
	}
	s = aligned_alloc(_Alignof(struct pn_vi_stamps), sizeof(*s));
	if (s) {
		memset(s, 0, sizeof(*s));
		s->refs = 1;
	}
	return s;
}

int pn_amdvi_create(const struct pn_amdvi_config *cfg, struct pn_amdvi **out)
{
	uint32_t dtes = cfg->dte_cache, irtes = cfg->irte_cache;
	struct pn_amdvi *vi;

	*out = NULL;
	if (!cfg->bus || !cache_size(&dtes, DTE_CACHE_DEFAULT) ||
	    !cache_size(&irtes, IRTE_CACHE_DEFAULT))
		return -EINVAL;
	vi = calloc(1, sizeof(*vi));
	if (!vi)
		return -ENOMEM;
	pn_statistics(&vi->stats, sizeof(vi->stats));
	vi->dtes = calloc(dtes, sizeof(*vi->dtes));
	vi->irtes = aligned_alloc(_Alignof(struct pn_vi_irte), irtes * sizeof(*vi->irtes));
	vi->stamps = share_stamps(cfg->peer);
	if (!vi->dtes || !vi->irtes || !vi->stamps) {
		pn_amdvi_destroy(vi);
		return -ENOMEM;
	}
	memset(vi->irtes, 0, irtes * sizeof(*vi->irtes));
	vi->dte_mask = dtes - 1;
	vi->irte_mask = irtes - 1;
	vi->bus = cfg->bus;
	pn_agent_init(&vi->own_agent, 0, vi->own_steps);
	vi->agent = cfg->agent ? cfg->agent : &vi->own_agent;
	vi->knobs = cfg->knobs;
	sanitize(&vi->knobs);
	vi->control_mask = control_mask(cfg);
	vi->async_commands = cfg->async_commands;
	vi->async_stop = cfg->async_stop;
	vi->poison = cfg->poison_stale;
	vi->r.efr = cfg->efr;
	vi->r.efr2 = cfg->efr2;
	pn_amdvi_reset(vi);
	*out = vi;
	return 0;
}

void pn_amdvi_destroy(struct pn_amdvi *vi)
{
	if (!vi)
		return;
	if (vi->stamps && !--vi->stamps->refs)
		free(vi->stamps);
	free(vi->dtes);
	free(vi->irtes);
	free(vi);
}

void pn_amdvi_reset(struct pn_amdvi *vi)
{
	const uint64_t len = (uint64_t)PN_VI_LEN_MIN << PN_AMDVI_LEN_SH;

	vi->r = (struct pn_amdvi_regs){
		.efr = vi->r.efr,
		.efr2 = vi->r.efr2,
		.control = PN_CTRL_COHERENT,
		.cmdbuf = len,
		.evtlog = len,
		.pprlog = len,
		.galog = len,
	};
	vi->cmd_stopped = vi->evt_stopped = vi->ga_stopped = vi->ga_lingers = false;
	vi->snp_locked = false;
	vi->msi_enable = false;
	pn_amdvi_drop_all(vi);
	pn_amdvi_derive(vi);
}

void pn_amdvi_snp_lock(struct pn_amdvi *vi, bool on)
{
	vi->snp_locked = on;
}

void pn_amdvi_pci_msi(struct pn_amdvi *vi, bool enable, uint64_t addr, uint32_t data)
{
	vi->msi_enable = enable;
	vi->r.msi_lo = (addr & 0xFFFFFFFCull) << 32;
	vi->r.msi_hi = addr >> 32 | (uint64_t)(data & 0xFFFF) << 32;
}

void pn_amdvi_pci_msgnum(struct pn_amdvi *vi, uint8_t event, uint8_t ppr, uint8_t ga)
{
	vi->msgnum_event = event & 31;
	vi->msgnum_ppr = ppr & 31;
	vi->msgnum_ga = ga & 31;
}

void pn_amdvi_stats(const struct pn_amdvi *vi, struct pn_amdvi_stats *out)
{
	*out = vi->stats;
}
