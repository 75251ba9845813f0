# SPDX-License-Identifier: MIT
"""The result of a run, by the names that the rules use."""

ORDINARY = 20  # l1/sleep.c
GALOG = 511  # entries that Linux's log of 4 KiB holds: one of its 512 slots stays free


def hits(run, event, key="total"):
    """How often a tracepoint fired; 0 if this kernel does not have it."""
    return (run[event] or {}).get(key, 0)


def guest(run):
    """All runs but the one that programs the IOMMU itself, for which Linux has no code."""
    return run["kind"] != "gappi"


def steps(run, name):
    """How often the IOMMU took a step; recordings of older machines do not have them."""
    return (run.get("steps") or {}).get(name, 0)


def counted(run):
    return run.get("steps") is not None and guest(run)


def guests(run):
    """How many guests a run had, and how many vCPUs."""
    of = run.get("guests") or {"n": 1, "vcpus": run["vcpus"]}
    return of["n"], of["vcpus"]


def allowed(run):
    """Nothing in the run inhibits AVIC on purpose."""
    return run["kind"] != "inhibit"


# Kinds of run in which interrupts with the wakeup vector may merge, or go to a CPU that is gone.
MERGING = ("crowd", "pair", "offline", "suspend", "powered")


def still(run):
    """The target never stops running: no notification is needed."""
    return run["idle"] == "spin" and not run["preempt"] and not run["migrate_ms"]


def alone(run):
    return run["ipis"]["sent"] == 0


def level(run):
    """Handlers that level-triggered lines made run."""
    return run["level"]["seen"] if run.get("level") else 0


def pins(run):
    """The lines of the guest's I/O APIC, each with its handlers."""
    return run["level"]["lines"] if run.get("level") else []


def intx(run):
    """Interrupts that the host must take in every mode: VFIO finds INTx still up without one."""
    return run["level"]["sent"] if run["kind"] == "intx" else 0


def by_line(run, event, key):
    """KVM's count of an event is that of the handlers, line by line."""
    return all(hits(run, event, line[key]) == line["seen"] for line in pins(run))


def logged(run):
    """GA log entries of a run of bursts, each followed by ORDINARY single MSIs."""
    rounds, rest = divmod(run["sent"], run["burst"] + ORDINARY)
    return rounds * (min(run["burst"], GALOG) + ORDINARY) + \
        min(rest, run["burst"], GALOG) + max(0, rest - run["burst"])


# IPIs of one form each, l1/icr.c.
FORMS = ("unicast", "self", "logical", "broadcast", "nmi", "init")
