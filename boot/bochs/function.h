/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PCI function that Postern adds: memory BARs, no INTx, and its configuration space. */
#ifndef BX_POSTERN_FUNCTION_H
#define BX_POSTERN_FUNCTION_H

#include "iodev/iodev.h"

class PosternFunction : public bx_pci_device_c {
public:
  PosternFunction(Bit8u devfn, Bit16u device, const char *name);
  virtual ~PosternFunction() {}
  virtual void pci_write_handler(Bit8u address, Bit32u value, unsigned io_len);

protected:
  /* With a capability at 40h, "MSI", 64-bit addresses, one message. */
  void with_msi(void);
  void send_msi(void);
  bool msi_enabled(void) const;
  void with_bar(Bit8u number, Bit32u size, memory_handler_t read, memory_handler_t write);
  /* A capability at 40h to be filled. */
  Bit8u *with_capability(Bit8u id);
  /* A message is a write of the device: only a bus master sends one. */
  void send(Bit64u address, Bit32u data);
  Bit8u devfn;
};

#endif
