/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device with many interrupts: a write of n to its only register sends the message of its MSI-X
 * entry n, so that each of many vCPUs can have an interrupt of its own.
 */
#include "function.h"
#include "postern.h"

#define DEVICE       0x11f1
#define VECTORS      256
#define BAR_SIZE     4096u
#define TABLE_SIZE   (VECTORS * 16)
#define TABLES_SIZE  8192u /* the table, then the pending bits */

#define MSIX_ID      0x11
#define MSIX_CONTROL 0x43 /* its upper byte */
#define MSIX_ENABLE  0x80
#define MSIX_MASK    0x40
#define ENTRY_MASK   1u

class Bells : public PosternFunction {
public:
  Bells(Bit8u number);
  virtual void pci_write_handler(Bit8u address, Bit32u value, unsigned io_len);
  void ring(unsigned n);
  /* Sends the pending messages that are no longer masked. */
  void unmasked(void);

  struct {
    Bit64u address;
    Bit32u data, control;
  } entry[VECTORS];
  Bit64u pending[VECTORS / 64];
};

static bool bells_read(bx_phy_address addr, unsigned len, void *data, void *param)
{
  memset(data, 0, len);
  return true;
}

static bool bells_write(bx_phy_address addr, unsigned len, void *data, void *param)
{
  Bit32u n;

  if (len == 4 && !(addr & (BAR_SIZE - 1))) {
    memcpy(&n, data, 4);
    if (n < VECTORS)
      ((Bells *)param)->ring(n);
  }
  return true;
}

static bool tables_read(bx_phy_address addr, unsigned len, void *data, void *param)
{
  const Bells *bells = (const Bells *)param;
  Bit32u off = addr & (TABLES_SIZE - 1);

  memset(data, 0, len);
  if (off + len <= TABLE_SIZE)
    memcpy(data, (const char *)bells->entry + off, len);
  else if (off >= TABLE_SIZE && off - TABLE_SIZE + len <= sizeof(bells->pending))
    memcpy(data, (const char *)bells->pending + off - TABLE_SIZE, len);
  return true;
}

static bool tables_write(bx_phy_address addr, unsigned len, void *data, void *param)
{
  Bells *bells = (Bells *)param;
  Bit32u off = addr & (TABLES_SIZE - 1);

  if (off + len <= TABLE_SIZE)
    memcpy((char *)bells->entry + off, data, len);
  bells->unmasked();
  return true;
}

Bells::Bells(Bit8u number) : PosternFunction(number, DEVICE, "bells")
{
  Bit8u *capability = with_capability(MSIX_ID);

  memset(entry, 0, sizeof(entry));
  memset(pending, 0, sizeof(pending));
  for (unsigned i = 0; i < VECTORS; i++)
    entry[i].control = ENTRY_MASK;
  capability[2] = VECTORS - 1;
  capability[4] = 1; /* BAR 1 */
  capability[8] = 1;
  capability[9] = TABLE_SIZE >> 8;
  with_bar(0, BAR_SIZE, bells_read, bells_write);
  with_bar(1, TABLES_SIZE, tables_read, tables_write);
}

void Bells::pci_write_handler(Bit8u address, Bit32u value, unsigned io_len)
{
  PosternFunction::pci_write_handler(address, value, io_len);
  if (address > MSIX_CONTROL || address + io_len <= MSIX_CONTROL)
    return;
  pci_conf[MSIX_CONTROL] = value >> (MSIX_CONTROL - address) * 8 & (MSIX_ENABLE | MSIX_MASK);
  unmasked();
}

void Bells::ring(unsigned n)
{
  if (!(pci_conf[MSIX_CONTROL] & MSIX_ENABLE))
    return;
  pending[n / 64] |= 1ull << n % 64;
  unmasked();
}

void Bells::unmasked(void)
{
  if ((pci_conf[MSIX_CONTROL] & (MSIX_ENABLE | MSIX_MASK)) != MSIX_ENABLE)
    return;
  for (unsigned n = 0; n < VECTORS; n++) {
    Bit64u bit = 1ull << n % 64;

    if (!(pending[n / 64] & bit) || entry[n].control & ENTRY_MASK)
      continue;
    pending[n / 64] &= ~bit;
    send(entry[n].address, entry[n].data);
  }
}

void postern_bells_init(void)
{
  new Bells(0x11 << 3);
}
