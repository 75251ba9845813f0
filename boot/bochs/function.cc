/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The common part of the PCI functions that Postern adds; see function.h. */
#include "function.h"
#include "postern.h"

#define LOG_THIS this->

#define VENDOR       0x1234
#define CLASS_OTHERS 0x00ff00

#define COMMAND        0x04
#define COMMAND_BITS   0x0407 /* I/O, memory, bus master, no INTx */
#define COMMAND_MASTER 0x04
#define STATUS         0x06
#define STATUS_CAPS    0x10
#define CAPABILITIES   0x34

#define MSI            0x40
#define MSI_ID         0x05
#define MSI_CONTROL    (MSI + 2)
#define MSI_ENABLE     0x01
#define MSI_64BIT      0x80
#define MSI_ADDRESS    (MSI + 4)
#define MSI_DATA       (MSI + 12)
#define MSI_END        (MSI + 14)

PosternFunction::PosternFunction(Bit8u number, Bit16u device, const char *name)
{
  put(name);
  devfn = number;
  if (!DEV_register_pci_handlers(this, &devfn, name, name))
    BX_FATAL(("no place for %s", name));
  init_pci_conf(VENDOR, device, 0x10, CLASS_OTHERS, 0x00, 0);
}

void PosternFunction::with_bar(Bit8u number, Bit32u size, memory_handler_t read,
                               memory_handler_t write)
{
  init_bar_mem(number, size, read, write);
}

Bit8u *PosternFunction::with_capability(Bit8u id)
{
  pci_conf[STATUS] |= STATUS_CAPS;
  pci_conf[CAPABILITIES] = MSI;
  pci_conf[MSI] = id;
  return pci_conf + MSI;
}

void PosternFunction::with_msi(void)
{
  with_capability(MSI_ID);
  pci_conf[MSI_CONTROL] = MSI_64BIT;
}

/* The byte of @address after @value was written to it. */
static Bit8u written(Bit8u address, Bit8u value, Bit8u old, bool msi)
{
  switch (address) {
  case COMMAND:
    return value & (COMMAND_BITS & 0xff);
  case COMMAND + 1:
    return value & (COMMAND_BITS >> 8);
  case MSI_CONTROL:
    return msi ? MSI_64BIT | (value & MSI_ENABLE) : old;
  case MSI_ADDRESS:
    return msi ? value & ~3 : old;
  default:
    return msi && address > MSI_ADDRESS && address < MSI_END ? value : old;
  }
}

void PosternFunction::pci_write_handler(Bit8u address, Bit32u value, unsigned io_len)
{
  const bool msi = pci_conf[MSI] == MSI_ID;

  for (unsigned i = 0; i < io_len; i++, value >>= 8) {
    Bit8u at = address + i;

    pci_conf[at] = written(at, (Bit8u)value, pci_conf[at], msi);
  }
}

bool PosternFunction::msi_enabled(void) const
{
  return pci_conf[MSI_CONTROL] & MSI_ENABLE;
}

void PosternFunction::send(Bit64u address, Bit32u data)
{
  if (pci_conf[COMMAND] & COMMAND_MASTER)
    postern_msi(address, data, devfn);
}

void PosternFunction::send_msi(void)
{
  Bit64u address;
  Bit16u data;

  if (!msi_enabled())
    return;
  memcpy(&address, &pci_conf[MSI_ADDRESS], sizeof(address));
  memcpy(&data, &pci_conf[MSI_DATA], sizeof(data));
  send(address, data);
}
