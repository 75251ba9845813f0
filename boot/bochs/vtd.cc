/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The remapping unit at FED90000h, where the DMAR table says. All functions and the I/O APIC are
 * behind it. It translates no DMA: the devices of this machine do none.
 */
#include "iodev/iodev.h"
#include "postern.h"

#define LOG_THIS genlog->

#define UNIT_BASE 0xfed90000u
/* The requester ID of the I/O APIC in the DMAR table. */
#define IOAPIC_DEVID (0xf0 << 8 | 0x1f << 3)
/* Of a redirection entry. */
#define LOGICAL      (1u << 11)
#define LEVEL        (1u << 15)

/* Capabilities without which Linux's driver does not attach domains to devices. */
#define CAP_ND_64K     (6ull << 0)   /* number of domains */
#define CAP_SAGAW_4    (4ull << 8)   /* page tables of four levels */
#define CAP_MGAW_48    (47ull << 16) /* guest addresses of 48 bits */
#define CAP_PSI        (1ull << 39)  /* invalidation of pages, */
#define CAP_MAMV       (9ull << 48) /* up to so many */
#define ECAP_IRO       (0x50ull << 8) /* where the IOTLB's registers would be */
#define VERSION_1_0    0x10

static struct pn_vtd *unit;
static struct pn_agent agent;
static struct pn_step_slot steps[PN_STEP_NR];

struct pn_agent *postern_vtd_agent(void)
{
  return &agent;
}

/* A register of 64 bits may be read in halves; software makes no smaller accesses. */
static bool unit_read(bx_phy_address addr, unsigned len, void *data, void *param)
{
  uint64_t value = ~0ull;

  if (len <= 8)
    pn_vtd_read(unit, addr - UNIT_BASE, len, &value);
  memcpy(data, &value, len > 8 ? 8 : len);
  return true;
}

static bool unit_write(bx_phy_address addr, unsigned len, void *data, void *param)
{
  uint64_t value = 0;

  if (len > 8)
    return true;
  memcpy(&value, data, len);
  pn_vtd_write(unit, addr - UNIT_BASE, len, value);
  return true;
}

/* A write that is not an interrupt message would be DMA, which this machine does not have. */
bool postern_msi(Bit64u addr, Bit32u data, Bit16u devid)
{
  struct pn_msi msi = pn_msi();

  if (!pn_msi_is(addr))
    return false;
  msi.addr = addr;
  msi.data = data;
  msi.devid = devid;
  return pn_vtd_msi(unit, &msi) != PN_MSI_ABORTED;
}

bool postern_ioapic_msi(Bit32u high, Bit32u low)
{
  const struct pn_intr plain = {high >> 24, (Bit8u)low, (Bit8u)(low >> 8 & 7), (low & LOGICAL) != 0,
                                (low & LEVEL) != 0};
  uint64_t addr;
  uint32_t data;

  if (!pn_vtd_ioapic_request((uint64_t)high << 32 | low, &addr, &data))
    pn_msi_encode(&plain, &addr, &data);
  return postern_msi(addr, data, IOAPIC_DEVID);
}

void postern_vtd_init(void)
{
  struct pn_vtd_config cfg;

  pn_agent_init(&agent, 0, steps);
  pn_vtd_config_default(&cfg);
  cfg.cap |= CAP_ND_64K | CAP_SAGAW_4 | CAP_MGAW_48 | CAP_PSI | CAP_MAMV;
  cfg.ecap |= ECAP_IRO;
  cfg.version = VERSION_1_0;
  cfg.bus = &postern_bus;
  cfg.agent = &agent;
  cfg.poison_stale = true;
  if (pn_vtd_create(&cfg, &unit))
    BX_FATAL(("no model of the remapping unit"));
  DEV_register_memory_handlers(&agent, unit_read, unit_write, UNIT_BASE, UNIT_BASE + 0xfff);
}
