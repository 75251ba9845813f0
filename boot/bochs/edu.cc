/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device like QEMU's "edu" as far as its registers for interrupts go (its documentation is
 * docs/specs/edu.rst there): one MSI for each write of the raise register. It has no INTx, no
 * factorial and no DMA.
 */
#include "function.h"
#include "postern.h"

#define DEVICE      0x11e8
#define BAR_SIZE    (1u << 20)
#define EDU_ID      0x00
#define EDU_ID_1_0  0x010000ed
#define EDU_ALIVE   0x04 /* reads as the complement of what was written */
#define EDU_STATUS  0x24
#define EDU_RAISE   0x60
#define EDU_ACK     0x64

class Edu : public PosternFunction {
public:
  Edu(Bit8u number, const char *name);
  Bit32u read(Bit32u off) const;
  void write(Bit32u off, Bit32u value);

private:
  Bit32u status, alive;
};

static bool edu_read(bx_phy_address addr, unsigned len, void *data, void *param)
{
  Bit64u value = len == 4 ? ((const Edu *)param)->read(addr & (BAR_SIZE - 1)) : 0;

  memcpy(data, &value, len > 8 ? 8 : len);
  return true;
}

static bool edu_write(bx_phy_address addr, unsigned len, void *data, void *param)
{
  Bit32u value;

  if (len == 4) {
    memcpy(&value, data, 4);
    ((Edu *)param)->write(addr & (BAR_SIZE - 1), value);
  }
  return true;
}

Edu::Edu(Bit8u number, const char *name) : PosternFunction(number, DEVICE, name)
{
  status = alive = 0;
  with_bar(0, BAR_SIZE, edu_read, edu_write);
  with_msi();
}

Bit32u Edu::read(Bit32u off) const
{
  switch (off) {
  case EDU_ID:
    return EDU_ID_1_0;
  case EDU_ALIVE:
    return ~alive;
  case EDU_STATUS:
    return status;
  default:
    return 0;
  }
}

void Edu::write(Bit32u off, Bit32u value)
{
  switch (off) {
  case EDU_ALIVE:
    alive = value;
    break;
  case EDU_RAISE:
    status |= value;
    if (status)
      send_msi();
    break;
  case EDU_ACK:
    status &= ~value;
    break;
  default:
    break;
  }
}

/* At the addresses that they have in the machine of QEMU. */
void postern_edu_init(void)
{
  new Edu(0x03 << 3, "edu");
  new Edu(0x12 << 3, "edu2");
}
