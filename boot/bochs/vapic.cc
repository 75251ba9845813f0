/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * APIC virtualization of the processors by Postern's model, in the place of Bochs's own
 * cpu/vapic.cc. This file translates between the two: fields, exits, events. The model makes every
 * decision: whether an access is virtualized, whether it exits, which interrupt is delivered.
 */
#define NEED_CPU_REG_SHORTCUTS 1
#include "bochs.h"
#include "cpu.h"
#include "apic.h"
#include "iodev/postern.h"

#define LOG_THIS BX_CPU_THIS_PTR

struct Core {
  struct pn_apicv apicv;
  struct pn_agent agent;
  struct pn_step_slot steps[PN_STEP_NR];
  struct pn_vmcs_apic vmcs;
  struct pn_apicv_exit exit;
  bool created;
  bool entering; /* VM entry is not complete: the event that it injects comes first */
  bool low_tpr;  /* then it exits: TPR below threshold */
  Bit8u cr8;
};

static Core cores[BX_MAX_SMP_THREADS_SUPPORTED];

static Core *core_of(unsigned cpu)
{
  struct pn_apicv_features features;
  Core *core = &cores[cpu];

  if (!core->created) {
    pn_apicv_features_default(&features);
    features.maxphyaddr = BX_PHY_ADDRESS_WIDTH;
    pn_agent_init(&core->agent, cpu, core->steps);
    pn_apicv_init(&core->apicv, &postern_bus, &core->agent, &features, false);
    core->created = true;
  }
  return core;
}

/* Of a processor that has had no guest yet, too. */
struct pn_agent *postern_agent(unsigned cpu)
{
  return &core_of(cpu)->agent;
}

static uint64_t vmread_field(void *ctx, uint32_t field)
{
  return ((BX_CPU_C *)ctx)->vmread(field);
}

/* Controls are checked long before the guest's state is. */
bool BX_CPU_C::VMX_Apicv_Check(void)
{
  Core *core = core_of(BX_CPU_ID);
  VMCS_CACHE *vm = &BX_CPU_THIS_PTR vmcs;

  pn_vmcs_apic_read(&core->vmcs, vmread_field, BX_CPU_THIS);
  vm->apic_access_page = core->vmcs.apic_access;
  vm->rvi = (Bit8u)core->vmcs.intr_status;
  vm->svi = (Bit8u)(core->vmcs.intr_status >> 8);
  return !pn_apicv_vmentry_check(&core->apicv, &core->vmcs);
}

/* The event of a recognized interrupt; RFLAGS.IF masks it. */
void BX_CPU_C::VMX_Evaluate_Pending_Virtual_Interrupts(void)
{
  if (pn_apicv_pending(&cores[BX_CPU_ID].apicv, true) >= 0)
    signal_event(BX_EVENT_PENDING_VMX_VIRTUAL_INTR);
  else
    clear_event(BX_EVENT_PENDING_VMX_VIRTUAL_INTR);
}

/* The guest's state has been loaded; nothing has been injected. */
void BX_CPU_C::VMX_Apicv_Entry(void)
{
  Core *core = &cores[BX_CPU_ID];
  int result;

  pn_apicv_set_host_x2apic(&core->apicv, x2apic_mode());
  result = pn_apicv_vmentry(&core->apicv, &core->vmcs, &core->exit);
  if (result < 0) /* memory that was there when the controls were checked */
    VMexit(VMX_VMEXIT_VMENTRY_FAILURE_GUEST_STATE | (1 << 31), 0);
  core->low_tpr = result > 0;
  core->entering = true;
  handleInterruptMaskChange(); /* Bochs has done it before this was a guest */
  VMX_Evaluate_Pending_Virtual_Interrupts();
}

/* Puts RVI and SVI where Bochs saves them from. */
void BX_CPU_C::VMX_Apicv_Exit(void)
{
  Core *core = &cores[BX_CPU_ID];
  VMCS_CACHE *vm = &BX_CPU_THIS_PTR vmcs;

  core->entering = false;
  pn_apicv_vmexit(&core->apicv, &core->vmcs);
  vm->rvi = (Bit8u)core->vmcs.intr_status;
  vm->svi = (Bit8u)(core->vmcs.intr_status >> 8);
}

/* Finishes an access. A fault does not return; after a trap the host runs. */
void BX_CPU_C::VMX_Apicv_Done(int access)
{
  Core *core = &cores[BX_CPU_ID];

  switch (access) {
  case PN_APICV_EVALUATE:
    VMX_Evaluate_Pending_Virtual_Interrupts();
    break;
  case PN_APICV_TRAP:
  case PN_APICV_FAULT:
    VMexit(core->exit.reason, core->exit.qualification);
    break;
  case PN_APICV_GP:
    exception(BX_GP_EXCEPTION, 0);
    break;
  default:
    break;
  }
}

/* The APIC-access page. Fetches do not get here: Bochs refuses them before. */

bool BX_CPP_AttrRegparmN(1) BX_CPU_C::is_virtual_apic_page(bx_phy_address paddr)
{
  const VMCS_CACHE *vm = &BX_CPU_THIS_PTR vmcs;

  return BX_CPU_THIS_PTR in_vmx_guest && vm->vmexec_ctrls2.VIRTUALIZE_APIC_ACCESSES() &&
         PPFOf(paddr) == vm->apic_access_page;
}

static enum pn_apicv_how how(bool in_event)
{
  return in_event ? PN_APICV_EVENT : PN_APICV_INSN;
}

/* The caller reads the memory at the returned address, which has the same value. */
bx_phy_address BX_CPU_C::VMX_Virtual_Apic_Read(bx_phy_address paddr, unsigned len, void *data)
{
  Core *core = &cores[BX_CPU_ID];

  VMX_Apicv_Done(pn_apicv_page_read(&core->apicv, PAGE_OFFSET(paddr), len,
                                    how(BX_CPU_THIS_PTR in_event), data, &core->exit));
  return core->vmcs.virtual_apic + PAGE_OFFSET(paddr);
}

void BX_CPU_C::VMX_Virtual_Apic_Write(bx_phy_address paddr, unsigned len, void *data)
{
  Core *core = &cores[BX_CPU_ID];

  VMX_Apicv_Done(pn_apicv_page_write(&core->apicv, PAGE_OFFSET(paddr), len,
                                     how(BX_CPU_THIS_PTR in_event), data, &core->exit));
  signal_event(BX_EVENT_VMX_VIRTUAL_APIC_WRITE);
}

/* The instruction that wrote to the page is complete. */
void BX_CPU_C::VMX_Virtual_Apic_Access_Trap(void)
{
  Core *core = &cores[BX_CPU_ID];

  clear_event(BX_EVENT_VMX_VIRTUAL_APIC_WRITE);
  VMX_Apicv_Done(pn_apicv_page_emulate(&core->apicv, &core->exit));
  longjmp(BX_CPU_THIS_PTR jmp_buf_env, 1);
}

/* MSRs and CR8. */

bool BX_CPU_C::VMX_Apicv_Rdmsr(Bit32u msr, Bit64u *value)
{
  Core *core = &cores[BX_CPU_ID];
  uint64_t read;

  if (pn_apicv_rdmsr(&core->apicv, msr, &read, &core->exit) == PN_APICV_PASS)
    return false;
  *value = read;
  return true;
}

bool BX_CPU_C::Virtualize_X2APIC_Write(unsigned msr, Bit64u val_64)
{
  Core *core = &cores[BX_CPU_ID];
  enum pn_apicv_access access = pn_apicv_wrmsr(&core->apicv, msr, val_64, &core->exit);

  if (access == PN_APICV_PASS)
    return false;
  VMX_Apicv_Done(access);
  return true;
}

/* Bochs reads the virtual-APIC page for one register only: VTPR, for MOV from CR8. */
Bit32u BX_CPU_C::VMX_Read_Virtual_APIC(unsigned offset)
{
  uint8_t cr8 = 0;

  pn_apicv_read_cr8(&cores[BX_CPU_ID].apicv, &cr8);
  return cr8 << 4;
}

/* It writes VTPR for MOV to CR8, and asks for TPR virtualization after that. */
void BX_CPU_C::VMX_Write_Virtual_APIC(unsigned offset, int len, Bit8u *val)
{
  cores[BX_CPU_ID].cr8 = *val >> 4;
}

/* VM entry asks for it too, after it has injected its event. */
void BX_CPU_C::VMX_TPR_Virtualization(void)
{
  Core *core = &cores[BX_CPU_ID];

  if (core->entering) {
    core->entering = false;
    if (core->low_tpr)
      VMexit(core->exit.reason, core->exit.qualification);
    return;
  }
  VMX_Apicv_Done(pn_apicv_write_cr8(&core->apicv, core->cr8, &core->exit));
}

/* Interrupts. */

static bool lapic_pending(void *ctx)
{
  return true;
}

static int lapic_ack(void *ctx)
{
  return ((BX_CPU_C *)ctx)->interrupt_acknowledge();
}

static void lapic_eoi(void *ctx)
{
  ((BX_CPU_C *)ctx)->lapic->receive_EOI(0);
}

/* An external interrupt is pending; true: posted, there is no exit. */
bool BX_CPU_C::VMX_Apicv_External_Interrupt(void)
{
  const struct pn_apicv_lapic lapic = {BX_CPU_THIS, lapic_pending, lapic_ack, lapic_eoi};
  Core *core = &cores[BX_CPU_ID];
  int vector;

  switch (pn_apicv_ext_intr(&core->apicv, &lapic, &vector)) {
  case PN_INTR_POSTED:
    VMX_Evaluate_Pending_Virtual_Interrupts();
    return true;
  case PN_INTR_EXIT:
    if (vector < 0)
      VMexit_ExtInterrupt();
    else
      VMexit_Event(BX_EXTERNAL_INTERRUPT, vector, 0, 0);
    return true;
  default:
    return false;
  }
}

/* HLT in a guest: posted processing does not end it; an interrupt that becomes pending does. */
void BX_CPU_C::VMX_Apicv_Halted(void)
{
  if (BX_CPU_THIS_PTR in_vmx_guest && BX_CPU_THIS_PTR activity_state == BX_ACTIVITY_STATE_HLT &&
      is_unmasked_event_pending(BX_EVENT_PENDING_INTR | BX_EVENT_PENDING_LAPIC_INTR))
    VMX_Apicv_External_Interrupt();
}

/*
 * Bochs calls this after it acknowledged an interrupt for a guest: that interrupt goes through the
 * IDT.
 */
bool BX_CPU_C::VMX_Posted_Interrupt_Processing(Bit8u vector)
{
  return false;
}

void BX_CPU_C::VMX_Deliver_Virtual_Interrupt(void)
{
  int vector = pn_apicv_deliver(&cores[BX_CPU_ID].apicv);

  clear_event(BX_EVENT_PENDING_VMX_VIRTUAL_INTR);
  if (vector < 0)
    return;
  BX_CPU_THIS_PTR EXT = 1;
  VMX_Apicv_Vectoring(vector);
  interrupt(vector, BX_EXTERNAL_INTERRUPT, 0, 0);
  BX_CPU_THIS_PTR prev_rip = RIP;
  BX_CPU_THIS_PTR EXT = 0;
  longjmp(BX_CPU_THIS_PTR jmp_buf_env, 1);
}

/* If the delivery exits, the hypervisor must see which interrupt was being delivered. */
void BX_CPU_C::VMX_Apicv_Vectoring(Bit8u vector)
{
  VMCS_CACHE *vm = &BX_CPU_THIS_PTR vmcs;

  vm->idt_vector_info = vector | (BX_EXTERNAL_INTERRUPT << 8);
  vm->idt_vector_error_code = 0;
  BX_CPU_THIS_PTR nmi_unblocking_iret = false;
}
