/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports the steps of the models to programs inside the machine: a PCI function with one BAR. A
 * write takes a snapshot of the steps of the unit and of the processors; reads see its text,
 * "step=count" separated by blanks, and zeros behind it. Nothing that the models do depends on it.
 */
#include "function.h"
#include "postern.h"

#define DEVICE   0x11f0
#define BAR_SIZE 4096u

class Steps : public PosternFunction {
public:
  Steps(Bit8u number);
  void snapshot(void);
  char text[BAR_SIZE];
};

static bool steps_read(bx_phy_address addr, unsigned len, void *data, void *param)
{
  Bit32u off = addr & (BAR_SIZE - 1);

  if (off + len <= BAR_SIZE)
    memcpy(data, ((const Steps *)param)->text + off, len);
  return true;
}

static bool steps_write(bx_phy_address addr, unsigned len, void *data, void *param)
{
  ((Steps *)param)->snapshot();
  return true;
}

Steps::Steps(Bit8u number) : PosternFunction(number, DEVICE, "steps")
{
  memset(text, 0, sizeof(text));
  with_bar(0, BAR_SIZE, steps_read, steps_write);
}

void Steps::snapshot(void)
{
  const std::string now = postern_steps();

  memset(text, 0, sizeof(text));
  now.copy(text, sizeof(text) - 1);
}

void postern_steps_init(void)
{
  new Steps(0x10 << 3);
}
