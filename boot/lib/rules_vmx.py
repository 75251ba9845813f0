# SPDX-License-Identifier: MIT
"""Rules of the witnesses for Intel's modes, see results.py."""

from witnesses import allowed, alone, counted, guest, guests, hits, intx, level, steps, still

PLAIN = ("vmx-baseline",)  # KVM injects everything
VIRTUAL = ("vmx-apicv", "vtd-pi", "ipiv")  # the processor delivers virtual interrupts
REMAPPED = ("vmx-baseline", "vmx-apicv")  # a device's interrupt is the host's
POSTED = ("vtd-pi", "ipiv")  # it is posted
IPIV = ("ipiv",)
VMX = ("vmx-baseline", *VIRTUAL)

MANY = 1000  # of so many interrupts or IPIs
FEW = 20  # fewer exits than this are none of theirs


def handled(run):
    """IPIs that KVM sent for a guest."""
    return hits(run, "apic", "0x300")


def trapped(run):
    """Exits by which an IPI can leave the guest: page, virtualized page, MSR. Without APICv KVM has
    no access page: there the exit is an EPT violation."""
    return sum(hits(run, "exits", name) for name in ("apic_access", "apic_write", "wrmsr"))


def own(run):
    """IPIs that the processor sends by itself with IPI virtualization: to one vCPU, by its physical
    ID; those to the sender itself need virtual-interrupt delivery only."""
    return run["kind"] not in ("logical", "broadcast", "nmi", "init")


def spinning(run):
    """1000 interrupts, or IPIs, to a vCPU that runs all the time."""
    return still(run) and run["displaced"] < FEW and not run["open"]


def fixed(run):
    """Interrupts with a vector that the guest takes."""
    others = run["vcpus"] - 1 if run["kind"] == "broadcast" else 1
    return run["seen"] + (0 if run["kind"] in ("nmi", "init") else run["ipis"]["seen"] * others)


RULES = (
    ("every MSI is an interrupt of the host, and every INTx", REMAPPED, None,
     lambda r: not r["open"],
     lambda r: r["host_interrupts"]["device"] == r["sent"] - r["software"] + intx(r)),
    ("no MSI is an interrupt of the host, but for those meanwhile detached; every INTx is",
     POSTED, None, guest, lambda r: r["host_interrupts"]["device"] == r["detached"] + intx(r)),
    ("an MSI makes the vCPU leave the guest", PLAIN, None,
     lambda r: not r["open"], lambda r: hits(r, "exits") >= r["sent"]),
    # but for one that the CPU takes while KVM handles a PAUSE exit: the vCPU is not in the guest then
    ("an MSI whose host vector is on the vCPU's CPU is an external-interrupt exit", REMAPPED, None,
     lambda r: r["here"] and still(r) and not r["open"],
     lambda r: hits(r, "exits", "intr") + hits(r, "exits", "pause") >= r["sent"]),
    ("fewer than 20 external-interrupt exits for 1000 MSIs", POSTED, None,
     lambda r: spinning(r) and r["sent"] >= MANY and alone(r),
     lambda r: hits(r, "exits", "intr") < FEW),
    ("the interrupt remapping entry is set for posting", POSTED, None,
     guest, lambda r: hits(r, "irte_updates", "0x1") > 0),
    ("and never without", REMAPPED, None,
     lambda r: True, lambda r: hits(r, "irte_updates", "0x1") == 0),
    ("the unit posts each MSI of a guest, and no other", POSTED, None, counted,
     lambda r: steps(r, "pir_set") == r["sent"] - r["software"] - r["detached"]),
    ("and none without", REMAPPED, None, counted, lambda r: steps(r, "pir_set") == 0),
    ("a notification is sent when ON was clear and SN, too, and not otherwise", POSTED, None,
     counted, lambda r: steps(r, "pi_notify") + steps(r, "pi_on") + steps(r, "pi_suppressed")
     == steps(r, "pir_set")),
    ("notifications of a vCPU that runs are processed in the guest", POSTED, None,
     lambda r: counted(r) and spinning(r) and r["sent"],
     lambda r: steps(r, "pi_process") + r["host_interrupts"]["pin"] >= steps(r, "pi_notify") > 0),
    ("no interrupt with the wakeup vector for a vCPU that runs", VMX, None,
     still, lambda r: r["host_interrupts"]["piw"] == 0),
    ("an interrupt with the wakeup vector wakes a vCPU that sleeps", POSTED, None,
     lambda r: r["idle"] == "halt" and r["sent"] and not r["open"],
     lambda r: 0 < r["host_interrupts"]["piw"] == sum(r["wakeup_interrupts"])
     and hits(r, "wakeups") > 0),
    ("no notification without virtual-interrupt delivery", PLAIN, None, lambda r: True,
     lambda r: r["host_interrupts"]["posted"] == 0
     and not any(steps(r, name) for name in ("pi_process", "ipi_post", "ipiv_notify"))),
    ("no notification of a nested guest", VMX, None, lambda r: True,
     lambda r: r["host_interrupts"]["npi"] == 0),
    ("no interrupt is injected by KVM where the processor delivers them", VIRTUAL, None,
     allowed, lambda r: hits(r, "injected") == 0),
    ("KVM injects every interrupt", PLAIN, None, lambda r: True,
     lambda r: hits(r, "injected") >= r["seen"]),
    ("the processor delivers every interrupt, and no other", VIRTUAL, None,
     lambda r: counted(r) and allowed(r) and not level(r),
     lambda r: steps(r, "guest_deliver") == fixed(r)),
    ("and none without virtual-interrupt delivery", PLAIN, None, counted,
     lambda r: steps(r, "guest_deliver") == 0),
    ("an EOI is an exit when its interrupt was level-triggered, and not otherwise", VIRTUAL, None,
     allowed, lambda r: hits(r, "exits", "eoi") == hits(r, "eois") == level(r)),
    ("KVM makes each EOI", PLAIN, None, lambda r: True,
     lambda r: hits(r, "eois") >= r["seen"] and hits(r, "exits", "eoi") == 0),
    ("KVM sends each IPI", PLAIN, None, lambda r: True,
     lambda r: handled(r) == r["ipis"]["sent"]),
    ("KVM sends each IPI but those to the sender itself", ("vmx-apicv", "vtd-pi"), None,
     lambda r: True,
     lambda r: handled(r) == (0 if r["kind"] == "self" else r["ipis"]["sent"])),
    ("KVM sends the IPIs that hardware cannot virtualize, and no others", IPIV, None,
     lambda r: True, lambda r: handled(r) == (0 if own(r) else r["ipis"]["sent"])),
    ("those are exits of APIC writes", IPIV, None, lambda r: not own(r),
     lambda r: hits(r, "exits", "apic_write") >= r["ipis"]["sent"]),
    ("fewer than 20 exits of the sender for 1000 IPIs", IPIV, None,
     lambda r: own(r) and r["ipis"]["sent"] >= MANY, lambda r: trapped(r) < FEW),
    ("at least as many exits of the sender as IPIs", ("vmx-baseline", "vmx-apicv", "vtd-pi"), None,
     lambda r: r["kind"] != "self",
     lambda r: trapped(r) + hits(r, "exits", "ept") >= r["ipis"]["sent"]),
    ("fewer than 20 external-interrupt exits for 1000 IPIs", VIRTUAL, None,
     lambda r: spinning(r) and r["kind"] in ("unicast", "self") and r["ipis"]["sent"] >= MANY,
     lambda r: hits(r, "exits", "intr") < FEW),
    # Outside, e.g. for the exit of its EOI in x2APIC mode, it takes the IPI when it can, by that exit.
    ("an IPI makes the vCPU that runs leave the guest, or finds it outside", PLAIN, None,
     lambda r: spinning(r) and r["kind"] == "unicast",
     lambda r: hits(r, "exits", "intr") + hits(r, "exits", "intr_window") >= r["ipis"]["sent"]),
    ("the processor posts each IPI that it sends by itself, and no other", IPIV, None,
     lambda r: counted(r) and allowed(r),
     lambda r: steps(r, "ipi_post") == (r["ipis"]["sent"] if own(r) else 0)),
    ("the processor posts IPIs to the sender itself only", ("vmx-apicv", "vtd-pi"), None, counted,
     lambda r: steps(r, "ipi_post") == (r["ipis"]["sent"] if r["kind"] == "self" else 0)),
    ("APIC virtualization is not inhibited, but that a guest has no interrupt controllers yet",
     VIRTUAL, None, allowed,
     lambda r: hits(r, "inhibits") - hits(r, "inhibits", "0")
     == hits(r, "inhibits", "0x4") < guests(r)[0]),
)

# The required values of KVM's parameters and the processor's flags: yes or no.
HOST = {
    "vmx-baseline": (("enable_apicv=N",), ()),
    "vmx-apicv": (("enable_apicv=Y",), ("enable_ipiv=Y", "enable_device_posted_irqs=Y")),
    "vtd-pi": (("enable_apicv=Y",), ("enable_ipiv=Y", "enable_device_posted_irqs=N")),
    "ipiv": (("enable_apicv=Y", "enable_ipiv=Y"), ("enable_device_posted_irqs=N",)),
}
FLAGS = ("flexpriority", "vapic", "vapic_reg", "vid", "posted_intr", "ipi_virt")


def evidence(boot):
    """The marks of a boot of Intel's modes, besides the kernel's lines."""
    host = boot["host"]
    if boot["mode"] not in HOST:
        return []
    flags = [flag for flag in FLAGS if flag in host.get("vmx", "").split()]
    return ["kvm_intel: " + host.get("kvm_intel", ""), "vmx flags: " + " ".join(flags)]


def host_faults(boot, host):
    """Of a kernel of the boot, as l1/says prints it."""
    if boot["mode"] not in HOST:
        return []
    yes, no = HOST[boot["mode"]]
    said, flags = host.get("kvm_intel", "").split(), host.get("vmx", "").split()
    return [f"kvm_intel does not have {word}" for word in yes if word not in said] + \
        [f"kvm_intel has {word}" for word in no if word in said] + \
        [f"the processor has no {flag}" for flag in FLAGS if flag not in flags]
