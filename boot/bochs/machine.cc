/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The machine as the models see it: memory by pointer, processors by the bus of the APICs. */
#include "iodev/iodev.h"
#include "cpu/cpu.h"
#include "cpu/apic.h"
#include "memory/memory-bochs.h"
#include "postern.h"

#define LOG_THIS genlog->

/* Video memory, option ROMs and the BIOS, shadowed or not, are no place for tables. */
static bool is_legacy(uint64_t pa, size_t len)
{
  return pa < 0x100000 && pa + len > 0xa0000;
}

/* The pages of Bochs's memory are not adjacent in the host. */
static void *machine_map(void *ctx, uint64_t pa, size_t len)
{
  const uint64_t size = BX_MEM(0)->get_memory_len();

  if (!len || pa >= size || len > size - pa || is_legacy(pa, len) || (pa & 0xfff) + len > 0x1000)
    return NULL;
  return BX_MEM(0)->getHostMemAddr(NULL, pa, BX_READ);
}

static void machine_intr(void *ctx, const struct pn_intr *intr)
{
  apic_bus_deliver_interrupt(intr->vector, intr->dest, intr->mode, intr->logical, true, intr->level);
}

static struct pn_bus bus(void)
{
  struct pn_bus b = pn_bus();

  b.map = machine_map;
  b.intr = machine_intr;
  return b;
}

const struct pn_bus postern_bus = bus();

static std::string text_of(const uint64_t *count)
{
  std::string text;

  for (unsigned i = 0; i < PN_STEP_NR; i++) {
    if (!count[i])
      continue;
    if (!text.empty())
      text += ' ';
    text += std::string(pn_step_key(i)) + '=' + std::to_string(count[i]);
  }
  return text;
}

std::string postern_steps(void)
{
  uint64_t count[PN_STEP_NR];

  for (unsigned i = 0; i < PN_STEP_NR; i++) {
    count[i] = postern_vtd_agent()->step[i].count;
    for (unsigned cpu = 0; cpu < BX_SMP_PROCESSORS; cpu++)
      count[i] += postern_agent(cpu)->step[i].count;
  }
  return text_of(count);
}

void postern_init(void)
{
  postern_vtd_init();
  postern_edu_init();
  postern_steps_init();
  postern_bells_init();
}

/* Like QEMU's -no-reboot. */
void postern_reset(void)
{
  static bool on;

  if (on)
    BX_FATAL(("the machine resets: this is the end"));
  on = true;
}
