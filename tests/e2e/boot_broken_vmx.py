# SPDX-License-Identifier: MIT
"""Rules for Intel's modes, each broken once: boot, run, change, expected message."""

HOST_ALL = "every MSI is an interrupt of the host, and every INTx"
HOST_NONE = "no MSI is an interrupt of the host, but for those meanwhile detached; every INTx is"
NOTIFIED = "a notification is sent when ON was clear and SN, too, and not otherwise"
WOKEN = "an interrupt with the wakeup vector wakes a vCPU that sleeps"
PLAIN = "no notification without virtual-interrupt delivery"
EOIS = "an EOI is an exit when its interrupt was level-triggered, and not otherwise"
CANNOT = "KVM sends the IPIs that hardware cannot virtualize, and no others"
POSTS = "the processor posts each IPI that it sends by itself, and no other"
SELF_ONLY = "the processor posts IPIs to the sender itself only"
INHIBITED = "APIC virtualization is not inhibited, but that a guest has no interrupt controllers yet"

BROKEN = (
    ("vmx-baseline-7.3", "spin", "host_interrupts.device", 999, HOST_ALL),
    ("vmx-apicv-7.3", "spin", "host_interrupts.device", 999, HOST_ALL),
    ("vtd-pi-7.3", "spin", "host_interrupts.device", 1, HOST_NONE),
    ("ipiv-7.3", "detach", "host_interrupts.device", 0, HOST_NONE),
    ("vmx-baseline-7.3", "halt", "exits.total", 1, "an MSI makes the vCPU leave the guest"),
    ("vmx-apicv-7.3", "spin", "exits.intr", 900,
     "an MSI whose host vector is on the vCPU's CPU is an external-interrupt exit"),
    ("ipiv-7.3", "spin", "exits.intr", 20, "fewer than 20 external-interrupt exits for 1000 MSIs"),
    ("ipiv-7.3", "spin", "irte_updates.0x1", 0, "the interrupt remapping entry is set for posting"),
    ("vmx-apicv-7.3", "spin", "irte_updates.0x1", 1, "and never without"),
    ("ipiv-7.3", "spin", "steps.pir_set", 999, "the unit posts each MSI of a guest, and no other"),
    ("vmx-baseline-7.3", "spin", "steps.pir_set", 1, "and none without"),
    ("ipiv-7.3", "spin", "steps.pi_notify", 999, NOTIFIED),
    ("ipiv-7.3", "spin", "steps.pi_process", 999,
     "notifications of a vCPU that runs are processed in the guest"),
    ("ipiv-7.3", "spin", "host_interrupts.piw", 1,
     "no interrupt with the wakeup vector for a vCPU that runs"),
    ("ipiv-7.3", "halt", "host_interrupts.piw", 0, WOKEN),
    ("ipiv-7.3", "halt", "wakeup_interrupts", [0, 0, 1], WOKEN),
    ("vmx-baseline-7.3", "spin", "host_interrupts.posted", 1, PLAIN),
    ("vmx-baseline-7.3", "spin", "steps.pi_process", 1, PLAIN),
    ("ipiv-7.3", "spin", "host_interrupts.npi", 1, "no notification of a nested guest"),
    ("ipiv-7.3", "halt", "injected.total", 1,
     "no interrupt is injected by KVM where the processor delivers them"),
    ("vmx-baseline-7.3", "halt", "injected.total", 1, "KVM injects every interrupt"),
    ("ipiv-7.3", "broadcast", "steps.guest_deliver", 199,
     "the processor delivers every interrupt, and no other"),
    ("vmx-baseline-7.3", "spin", "steps.guest_deliver", 1,
     "and none without virtual-interrupt delivery"),
    ("ipiv-7.3", "level", "exits.eoi", 1, EOIS),
    ("vtd-pi-7.3", "spin", "eois.total", 1, EOIS),
    ("vmx-baseline-7.3", "spin", "exits.eoi", 1, "KVM makes each EOI"),
    ("vmx-baseline-7.3", "unicast", "apic.0x300", 999, "KVM sends each IPI"),
    ("vtd-pi-7.3", "self", "apic.0x300", 1, "KVM sends each IPI but those to the sender itself"),
    ("ipiv-7.3", "unicast", "apic.0x300", 1, CANNOT),
    ("ipiv-7.3", "nmi", "apic.0x300", 99, CANNOT),
    ("ipiv-7.3", "x2-logical", "exits.apic_write", 99, "those are exits of APIC writes"),
    ("ipiv-7.3", "x2-unicast", "exits.wrmsr", 20, "fewer than 20 exits of the sender for 1000 IPIs"),
    ("vtd-pi-7.3", "x2-unicast", "exits.wrmsr", 1,
     "at least as many exits of the sender as IPIs"),
    ("vmx-baseline-7.3", "unicast", "exits.ept", 999,
     "at least as many exits of the sender as IPIs"),
    ("ipiv-7.3", "unicast", "exits.intr", 20,
     "fewer than 20 external-interrupt exits for 1000 IPIs"),
    ("vmx-baseline-7.3", "unicast", "exits.intr", 999,
     "an IPI makes the vCPU that runs leave the guest, or finds it outside"),
    ("ipiv-7.3", "unicast", "steps.ipi_post", 999, POSTS),
    ("ipiv-7.3", "nmi", "steps.ipi_post", 1, POSTS),
    ("vtd-pi-7.3", "unicast", "steps.ipi_post", 1, SELF_ONLY),
    ("ipiv-7.3", "spin", "inhibits.total", 99, INHIBITED),
    ("ipiv-7.3", "spin", "inhibits", {"total": 1, "0x4": 1}, INHIBITED),
)
