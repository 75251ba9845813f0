# SPDX-License-Identifier: MIT
"""The results of boots and their rules: nothing is lost, and the witnesses agree."""

import json
import re

import drives
import rules_vmx
from witnesses import (FORMS, MERGING, allowed, alone, by_line, counted, guest, guests, hits, intx,
                       level, logged, steps, still)


def lines(path):
    """Those of a boot that wrote nothing are none."""
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def parsed(line):
    try:
        item = json.loads(line)
    except ValueError:
        return {}
    return item if isinstance(item, dict) else {}


def read(path):
    """One boot: its host line, its plan, its runs, whether it came to its end. The file is
    MODE-KERNEL, or MODE+PART-KERNEL for a plan of its own."""
    mode = max((mode for mode in (*SAYS, *drives.MODES)
                if path.stem.startswith((mode + "-", mode + "+"))), key=len)
    part, kernel = re.match(r"\+?(.*?)-(\d.*)", path.stem[len(mode):]).groups()
    boot = {"mode": mode, "part": part, "kernel": kernel, "host": {"says": []}, "hosts": [],
            "plan": [], "acts": [], "acted": [], "runs": [], "left": [], "end": None, "bad": [],
            "skipped": None, "refused": None}
    for line in lines(path):
        item = parsed(line)
        if "skipped" in item:
            boot["skipped"] = item["skipped"]
        elif "says" in item:
            boot["host"] = item
            boot["hosts"].append(item)
        elif "refused" in item:
            boot["refused"] = "; it says: ".join([item["refused"], *item["about"]])
        elif "plan" in item:
            boot["plan"] = item["plan"]
            boot["acts"] = item.get("acts", [])
        elif "act" in item:
            boot["acted"].append(item)
        elif "left" in item:
            boot["left"].append(item)
            boot["bad"] += item["bad"]
        elif "run" in item:
            boot["runs"].append(item)
        elif "failed" in item:
            boot["bad"].append("{failed}: the harness ended with status {status}".format(**item))
        elif "done" in item:
            boot["end"] = item
            boot["bad"] += item["bad"]
        else:
            boot["bad"].append(f"unreadable line: {line[:80]}")
    return boot


INTEL = rules_vmx.VMX  # Intel's modes
POSTED = ("posting", "gappi", "fallback")  # modes in which the IOMMU posts into guests
LOGGED = ("posting", "fallback")  # and writes the guest APIC log
AVIC = ("remapped", *POSTED)

# Messages that the host kernel must print in each mode, and those that it must not print.
SAYS = {
    "baseline": (("Nested Paging enabled", "Interrupt remapping enabled"),
                 ("AVIC enabled", "Virtual APIC enabled", "GAPPI enabled")),
    "remapped": (("AVIC enabled", "x2AVIC enabled", "Interrupt remapping enabled"),
                 ("Virtual APIC enabled", "GAPPI enabled")),
    "posting": (("AVIC enabled", "x2AVIC enabled", "Interrupt remapping enabled",
                 "Virtual APIC enabled"), ("GAPPI enabled",)),
    "gappi": (("AVIC enabled", "x2AVIC enabled", "Interrupt remapping enabled",
               "Virtual APIC enabled", "GAPPI enabled"), ()),
    "fallback": (("AVIC enabled", "x2AVIC enabled", "Interrupt remapping enabled",
                  "Virtual APIC enabled"), ("GAPPI enabled",)),
    "vmx-baseline": (("Enabled IRQ remapping in x2apic mode",), ()),
    "vmx-apicv": (("Enabled IRQ remapping in x2apic mode",), ()),
    "vtd-pi": (("Enabled IRQ remapping in x2apic mode",), ()),
    "ipiv": (("Enabled IRQ remapping in x2apic mode",), ()),
}


def says(boot):
    return drives.says(boot) if boot["mode"] in drives.MODES else SAYS[boot["mode"]]


def on_gappi(host):
    """The kernel's message about the option, known or unknown."""
    return [line for line in host["says"] if "gappi" in line.lower()]


def evidence(boot):
    """The kernel's lines that the mode is recognized by."""
    more = on_gappi(boot["host"]) if boot["mode"] == "fallback" else []
    return [line for line in boot["host"]["says"] if line in more or
            any(word in line for words in says(boot) for word in words)] + \
        rules_vmx.evidence(boot)


def says_faults(boot):
    """Of every kernel of the boot: one may have booted another."""
    wrong = [word for host in boot["hosts"] or [boot["host"]] for word in host_faults(boot, host)]
    return list(dict.fromkeys(wrong))


def host_faults(boot, host):
    must, never = says(boot)
    said = lambda word: any(word in line for line in host["says"])
    wrong = [f"the kernel does not say '{word}'" for word in must if not said(word)] + \
        [f"the kernel says '{word}'" for word in never if said(word)]
    if boot["mode"] == "fallback" and not on_gappi(host):
        wrong.append("the kernel says nothing of amd_iommu=gappi")
    return wrong + rules_vmx.host_faults(boot, host)


# Before Linux 6.17 a vCPU that does not run has log entries, since then only one that blocks: booted
# are 6.12 and 7.3, the version between them is the one that KVM's changes for 6.17 name.
LOG_OF_ALL = ((0, 0), (6, 17))
LOG_OF_SLEEPERS = ((6, 17), (99, 0))

# Rules of the witnesses: name, modes (None: all), versions of Linux from and before (None: all), which
# runs, what must hold.
RULES = (
    ("every MSI is an interrupt of the host, and every INTx", ("baseline", "remapped"), None,
     lambda r: not r["open"],
     lambda r: r["host_interrupts"]["device"] == r["sent"] - r["software"] + intx(r)),
    ("no MSI is an interrupt of the host, but for those meanwhile detached; every INTx is",
     POSTED, None, guest, lambda r: r["host_interrupts"]["device"] == r["detached"] + intx(r)
     or r["kind"] == "churn" and 0 < r["host_interrupts"]["device"] <= r["detached"]),
    ("every GAPPI is an interrupt of the host, and every rule of GAPPI holds", ("posting",), None,
     lambda r: not guest(r),
     lambda r: 0 < r["host_interrupts"]["device"] <= r["seen"] and r["gappi"]["checks"] > 0
     and not r["gappi"]["failed"] and "skipped" not in r["gappi"]),
    ("an MSI makes the vCPU leave the guest", ("baseline",), None,
     lambda r: not r["open"], lambda r: hits(r, "exits") >= r["sent"]),
    ("an MSI whose host vector is on the vCPU's CPU is an external-interrupt exit",
     ("remapped",), None, lambda r: r["here"] and still(r) and not r["open"],
     lambda r: hits(r, "exits", "intr") >= r["sent"]),
    ("fewer than 100 external-interrupt exits for 10 000 MSIs", POSTED, None,
     lambda r: still(r) and r["sent"] >= 10000, lambda r: hits(r, "exits", "intr") < 100),
    ("no GA log but where it is used", ("baseline", "remapped", "gappi"), None,
     lambda r: True, lambda r: hits(r, "ga_log") == 0),
    ("no GA log entry for a vCPU that runs", LOGGED, LOG_OF_SLEEPERS,
     still, lambda r: hits(r, "ga_log") == 0),
    ("no GA log entry for a vCPU that runs, but when something displaced it", LOGGED,
     LOG_OF_ALL, still,
     lambda r: hits(r, "ga_log") == 0 or r["displaced"] >= (1 if r["open"] else hits(r, "ga_log"))),
    ("no GA log entry for a vCPU that is preempted", LOGGED, LOG_OF_SLEEPERS,
     lambda r: r["idle"] == "spin", lambda r: hits(r, "ga_log") == 0),
    ("GA log entries for a vCPU that is preempted", LOGGED, LOG_OF_ALL,
     lambda r: r["idle"] == "spin" and r["preempt"], lambda r: hits(r, "ga_log") > 0),
    ("GA log entries for a vCPU that sleeps", LOGGED, None,
     lambda r: r["idle"] == "halt" and r["sent"],
     lambda r: 0 < hits(r, "ga_log") <= r["sent"]),
    ("no GA log entry without an MSI", LOGGED, None,
     lambda r: not r["sent"], lambda r: hits(r, "ga_log") == 0),
    ("a vCPU that sleeps is woken", POSTED, None,
     lambda r: r["idle"] == "halt" and not r["open"], lambda r: hits(r, "wakeups", "0x1") > 0),
    ("an entry for every MSI that a sleeping vCPU's TPR masks", LOGGED, None,
     lambda r: r["kind"] == "sleeper", lambda r: hits(r, "ga_log") >= r["sent"]),
    ("the GA log runs when all is over", LOGGED, None,
     guest, lambda r: r["log"]["runs"] and not r["log"]["overflow"]),
    ("of a burst the GA log keeps what it holds, then works again", LOGGED, None,
     lambda r: r["kind"] == "overflow", lambda r: hits(r, "ga_log") == logged(r)),
    ("KVM is told of each entry that the IOMMU wrote", LOGGED, None, counted,
     lambda r: hits(r, "ga_log") == steps(r, "galog_entry")),
    ("the IOMMU posts each MSI of a guest, and no other", POSTED, None, counted,
     lambda r: steps(r, "irr_set") == r["sent"] - r["software"] - r["detached"]),
    ("no GAPPI but where it is used", ("baseline", "remapped", *LOGGED), None, guest,
     lambda r: steps(r, "gappi_send") == r["host_interrupts"]["posted"] == 0),
    ("with GAPPI the GA log is off, and the IOMMU has no other interrupt", ("gappi",), None, guest,
     lambda r: not r["log"]["on"] and not steps(r, "galog_entry") and not steps(r, "galog_drop")
     and r["host_interrupts"]["iommu"] == 0),
    ("every GAPPI is an interrupt of the host with the wakeup vector", ("gappi",), None,
     lambda r: r["kind"] not in MERGING,
     lambda r: r["host_interrupts"]["posted"] == steps(r, "gappi_send")
     == sum(r["wakeup_interrupts"])),
    ("of GAPPIs to one CPU, or to one that goes, the host has no more than were sent", ("gappi",),
     None, lambda r: r["kind"] in MERGING,
     lambda r: 0 < r["host_interrupts"]["posted"] <= steps(r, "gappi_send")),
    ("no GAPPI for a vCPU that runs, or is preempted", ("gappi",), None,
     lambda r: guest(r) and r["idle"] == "spin", lambda r: steps(r, "gappi_send") == 0),
    ("GAPPI for a vCPU that sleeps", ("gappi",), None,
     lambda r: r["idle"] == "halt" and r["sent"],
     lambda r: 0 < steps(r, "gappi_send") <= r["sent"]),
    ("no GAPPI without an MSI", ("gappi",), None,
     lambda r: not r["sent"], lambda r: steps(r, "gappi_send") == 0),
    ("the interrupt remapping entry is set for posting", POSTED, None,
     guest, lambda r: hits(r, "irte_updates", "0x1") > 0),
    ("and never without", ("baseline", "remapped"), None,
     lambda r: True, lambda r: hits(r, "irte_updates", "0x1") == 0),
    ("no incomplete IPI without AVIC", ("baseline",), None,
     lambda r: True, lambda r: hits(r, "incomplete_ipi") == 0),
    ("no incomplete IPI without IPIs", AVIC, None,
     alone, lambda r: hits(r, "incomplete_ipi") == 0),
    ("an IPI to a vCPU that runs is complete, but when something displaced it",
     AVIC, None, lambda r: not alone(r) and still(r),
     lambda r: hits(r, "incomplete_ipi") <= r["displaced"]),
    ("an IPI to a vCPU that sleeps is incomplete: target not running", AVIC,
     None, lambda r: r["kind"] == "ipis",
     lambda r: hits(r, "incomplete_ipi", "0x1") == r["ipis"]["sent"]),
    ("no IPI is incomplete for another reason", AVIC, None, lambda r: True,
     lambda r: hits(r, "incomplete_ipi", "0x1") == hits(r, "incomplete_ipi")
     == hits(r, "exits", "avic_incomplete_ipi")),
    ("no interrupt is injected by KVM under AVIC", AVIC, None,
     allowed, lambda r: hits(r, "injected") == 0),
    ("nothing inhibits AVIC, but that a guest has no interrupt controllers yet", AVIC, None,
     allowed, lambda r: hits(r, "inhibits") - hits(r, "inhibits", "0")
     == hits(r, "inhibits", "0x4") < guests(r)[0]),
    ("AVIC is inhibited as often as the run says, and KVM injects what comes then", POSTED, None,
     lambda r: not allowed(r), lambda r: hits(r, "inhibits", "0x8") >= r["turns"] > 0
     and hits(r, "injected") >= hits(r, "eois") == 2 * r["turns"]),
    ("no exit of AVIC's without AVIC", ("baseline",), None, lambda r: True,
     lambda r: hits(r, "exits", "avic_noaccel") == hits(r, "exits", "avic_incomplete_ipi") == 0),
    ("an EOI is an exit when its interrupt was level-triggered, and not otherwise",
     AVIC, None,
     lambda r: True, lambda r: hits(r, "unaccelerated", "0xb0") == level(r)),
    ("no access is an exit but those EOIs, and one to switch the APIC on", AVIC,
     None, lambda r: True,
     lambda r: hits(r, "exits", "avic_noaccel") == hits(r, "unaccelerated")
     == level(r) + hits(r, "unaccelerated", "0xf0") <= level(r) + guests(r)[1]),
    ("KVM knows the vector of each EOI that is an exit", AVIC, None,
     allowed, lambda r: hits(r, "eois") == level(r) and by_line(r, "eois", "vector")),
    ("KVM makes each EOI, and knows its vector", ("baseline",), None, lambda r: True,
     lambda r: hits(r, "eois") == r["seen"] + r["ipis"]["seen"] + level(r)
     and by_line(r, "eois", "vector")),
    ("each EOI of a line's interrupt reaches the I/O APIC, and no other does", None, None,
     lambda r: True, lambda r: hits(r, "acks") == level(r) and by_line(r, "acks", "pin")),
    ("KVM lowers an irqfd's line at each EOI, and says so", None, None,
     lambda r: r["kind"] == "resample", lambda r: r["level"]["resampled"] == r["level"]["seen"]),
) + rules_vmx.RULES


EVENTS = ("exits", "ga_log", "incomplete_ipi", "irte_updates", "wakeups", "injected",
          "unaccelerated", "eois", "acks", "inhibits")


def level_faults(of):
    """The counts of the harness itself in a run of lines."""
    wrong = [f"not so: {rule}" for rule in of["failed"]]
    if of["seen"] != of["due"]:
        wrong.append(f"level-triggered interrupts due {of['due']}, seen {of['seen']}")
    if not of["checks"]:
        wrong.append("the interrupt controllers were not looked at")
    return wrong


def version(boot):
    """The version of the kernel without its options: 7, 3 for 7.3-gappi-debug."""
    major, minor = re.match(r"(\d+)\.(\d+)", boot["kernel"]).groups()
    return int(major), int(minor)


def run_faults(boot, run):
    if boot["mode"] in drives.MODES:
        return drives.run_faults(boot, run)
    wrong = [f"{run[key]} {key}" for key in ("lost", "early", "extra", "stuck") if run[key]]
    wrong += [f"this kernel does not count {event}" for event in EVENTS if run[event] is None]
    if not run["open"] and run["kind"] not in ("overflow", "race", "churn", "leaves", "dropped") and \
            run["seen"] != run["sent"]:
        wrong.append(f"sent {run['sent']}, seen {run['seen']}")
    if run["ipis"]["sent"] != run["ipis"]["seen"]:
        wrong.append("IPIs sent {sent}, seen {seen}".format(**run["ipis"]))
    if run.get("level"):
        wrong += level_faults(run["level"])
    if run["error"]:
        wrong.append(run["error"])
    for name, modes, kernels, which, holds in RULES:
        if (not modes or boot["mode"] in modes) and (not kernels or kernels[0] <= version(boot) < kernels[1]) \
                and which(run) and not holds(run):
            wrong.append("not so: " + name)
    if boot["mode"] == "gappi" and not counted(run):
        wrong.append("nobody counted the IOMMU's steps")
    return wrong


def paired(boot):
    """Each run of the plan with its result, or None; and the results that are left."""
    left, pairs = list(boot["runs"]), []
    for want in boot["plan"]:
        run = next((run for run in left if run["run"] == want["name"]), None)
        if run:
            left.remove(run)
        pairs.append((want, run))
    return pairs, left


# A run of these kinds that sends less than the plan says has been given up.
EXACT = ("paced", "masked", "sleeper", "overflow", "detach", "offline", "higher", "pair", "crowd",
         "dropped", "inhibit", "first", "suspend", "powered",
         "snapshot")


# Level-triggered interrupts each time that a line is raised and stays up for n - 1 EOIs.
DUE = {"level": lambda n: n, "retrigger": lambda n: n, "two": lambda n: 2 * n,
       "nested": lambda n: n + n * n, "resample": lambda n: n, "intx": lambda n: n}


def short(want, run):
    """Differences between a run and its plan."""
    if drives.of(run):
        return drives.short(want, run)
    have = run["level"]["due"] if run.get("level") else 0
    due = want["count"] * DUE.get(want["kind"], lambda n: 0)(1 + want["up"])
    ipis = want["count"] if want["kind"] in ("ipis", *FORMS) else want["ipis"]
    wrong = []
    if run["kind"] != want["kind"]:
        wrong.append(f"kind {run['kind']} instead of {want['kind']}")
    if want["kind"] in EXACT and run["sent"] != want["count"]:
        wrong.append(f"{run['sent']} MSIs of {want['count']}")
    if want["kind"] in ("churn", "leaves") and run["turns"] != want["count"]:
        wrong.append(f"{run['turns']} turns of {want['count']}")
    if have != due:
        wrong.append(f"{have} level-triggered interrupts of {due}")
    if want["kind"] in ("paced", "ipis", *FORMS) and run["ipis"]["sent"] != ipis:
        wrong.append(f"{run['ipis']['sent']} IPIs of {ipis}")
    return wrong


def plan_faults(boot):
    """The results are those of the plan: all of them, each with its count."""
    pairs, left = paired(boot)
    return [f"{want['name']}: {word}" for want, run in pairs
            for word in (short(want, run) if run else ["no result"])] + \
        [f"{run['run']}: not in the plan" for run in left]


def act_faults(boot):
    """The plan's actions on the host between its runs: in order, without an error."""
    wrong = [f"{act['act']}: {act['error']}" for act in boot["acted"] if act["error"]]
    if [act["act"] for act in boot["acted"]] != boot["acts"]:
        wrong.append("done to the host: {}, of: {}".format(
            " ".join(act["act"] for act in boot["acted"]) or "nothing", " ".join(boot["acts"])))
    return wrong


def boot_faults(boot):
    """Errors of the boot itself."""
    if boot["skipped"]:
        return []
    if boot["refused"]:
        return ["refused: " + boot["refused"]]
    wrong = list(boot["bad"]) + says_faults(boot) + plan_faults(boot) + act_faults(boot)
    if not boot["end"]:
        wrong.append("the boot did not come to its end")
    elif boot["mode"] == "posting" and any(want["kind"] == "overflow" for want in boot["plan"]) \
            and not boot["end"]["log_restarts"]:
        wrong.append("the GA log was never restarted")
    elif boot["mode"] == "gappi" and \
            any(end["log_restarts"] for end in (*boot["left"], boot["end"])):
        wrong.append("a GA log was restarted")
    if not boot["plan"]:
        wrong.append("no plan")
    if not boot["runs"]:
        wrong.append("no run")
    return wrong


def faults(boot):
    """All that is wrong, in words; nothing for a good boot, or one that was skipped."""
    return boot_faults(boot) + [f"{run['run']}: {word}" for run in boot["runs"]
                                for word in run_faults(boot, run)]
