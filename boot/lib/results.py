# SPDX-License-Identifier: MIT
"""The results of boots, and what must hold of them: nothing lost, and the witnesses agree."""

import json

GALOG = 511  # entries that Linux's log of 4 KiB holds: one of its 512 slots stays free
ORDINARY = 20  # l1/sleep.c


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
    """One boot: its host line, its plan, its runs, whether it came to its end."""
    mode, kernel = path.stem.split("-", 1)
    boot = {"mode": mode, "kernel": kernel, "host": {"says": []}, "plan": [], "runs": [],
            "end": None, "bad": [], "skipped": None}
    for line in lines(path):
        item = parsed(line)
        if "skipped" in item:
            boot["skipped"] = item["skipped"]
        elif "says" in item:
            boot["host"] = item
        elif "plan" in item:
            boot["plan"] = item["plan"]
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


def hits(run, event, key="total"):
    """How often a tracepoint fired; 0 if this kernel does not have it."""
    return (run[event] or {}).get(key, 0)


# What the host kernel must say in each mode, and what it must not.
SAYS = {
    "baseline": (("Nested Paging enabled", "Interrupt remapping enabled"),
                 ("AVIC enabled", "Virtual APIC enabled")),
    "remapped": (("AVIC enabled", "x2AVIC enabled", "Interrupt remapping enabled"),
                 ("Virtual APIC enabled",)),
    "posting": (("AVIC enabled", "x2AVIC enabled", "Interrupt remapping enabled",
                 "Virtual APIC enabled"), ()),
}


def evidence(boot):
    """The kernel's lines that the mode is recognized by."""
    return [line for line in boot["host"]["says"]
            if any(word in line for words in SAYS[boot["mode"]] for word in words)]


def says_faults(boot):
    must, never = SAYS[boot["mode"]]
    said = lambda word: any(word in line for line in boot["host"]["says"])
    return [f"the kernel does not say '{word}'" for word in must if not said(word)] + \
        [f"the kernel says '{word}'" for word in never if said(word)]


def guest(run):
    """All runs but the one that programs the IOMMU itself, for which Linux has no code."""
    return run["kind"] != "gappi"


def still(run):
    """The target never stops running: nothing to notify anybody of."""
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


# Rules of the witnesses: name, modes and kernels (None: all), which runs, what must hold.
RULES = (
    ("every MSI is an interrupt of the host, and every INTx", ("baseline", "remapped"), None,
     lambda r: not r["open"],
     lambda r: r["host_interrupts"]["device"] == r["sent"] - r["software"] + intx(r)),
    ("no MSI is an interrupt of the host, but for those meanwhile detached; every INTx is",
     ("posting",), None, guest, lambda r: r["host_interrupts"]["device"] == r["detached"] + intx(r)),
    ("every GAPPI is an interrupt of the host, and every rule of GAPPI holds", ("posting",), None,
     lambda r: not guest(r),
     lambda r: 0 < r["host_interrupts"]["device"] <= r["seen"] and r["gappi"]["checks"] > 0
     and not r["gappi"]["failed"] and "skipped" not in r["gappi"]),
    ("an MSI makes the vCPU leave the guest", ("baseline",), None,
     lambda r: not r["open"], lambda r: hits(r, "exits") >= r["sent"]),
    ("an MSI whose host vector is on the vCPU's CPU is an external-interrupt exit",
     ("remapped",), None, lambda r: r["here"] and still(r) and not r["open"],
     lambda r: hits(r, "exits", "intr") >= r["sent"]),
    ("fewer than 100 external-interrupt exits for 10 000 MSIs", ("posting",), None,
     lambda r: still(r) and r["sent"] >= 10000, lambda r: hits(r, "exits", "intr") < 100),
    ("no GA log without posting", ("baseline", "remapped"), None,
     lambda r: True, lambda r: hits(r, "ga_log") == 0),
    ("no GA log entry for a vCPU that runs", ("posting",), ("7.3",),
     still, lambda r: hits(r, "ga_log") == 0),
    ("no GA log entry for a vCPU that runs, but when something displaced it", ("posting",),
     ("6.12",), still,
     lambda r: hits(r, "ga_log") == 0 or r["displaced"] >= (1 if r["open"] else hits(r, "ga_log"))),
    ("no GA log entry for a vCPU that is preempted", ("posting",), ("7.3",),
     lambda r: r["idle"] == "spin", lambda r: hits(r, "ga_log") == 0),
    ("GA log entries for a vCPU that is preempted", ("posting",), ("6.12",),
     lambda r: r["idle"] == "spin" and r["preempt"], lambda r: hits(r, "ga_log") > 0),
    ("GA log entries for a vCPU that sleeps", ("posting",), None,
     lambda r: r["idle"] == "halt" and r["sent"],
     lambda r: 0 < hits(r, "ga_log") <= r["sent"]),
    ("no GA log entry without an MSI", ("posting",), None,
     lambda r: not r["sent"], lambda r: hits(r, "ga_log") == 0),
    ("a vCPU that sleeps is woken", ("posting",), None,
     lambda r: r["idle"] == "halt" and not r["open"], lambda r: hits(r, "wakeups", "0x1") > 0),
    ("an entry for every MSI that a sleeping vCPU's TPR masks", ("posting",), None,
     lambda r: r["kind"] == "sleeper", lambda r: hits(r, "ga_log") >= r["sent"]),
    ("the GA log runs when all is over", ("posting",), None,
     guest, lambda r: r["log"]["runs"] and not r["log"]["overflow"]),
    ("of a burst the GA log keeps what it holds, then works again", ("posting",), None,
     lambda r: r["kind"] == "overflow", lambda r: hits(r, "ga_log") == logged(r)),
    ("the interrupt remapping entry is set for posting", ("posting",), None,
     guest, lambda r: hits(r, "irte_updates", "0x1") > 0),
    ("and never without", ("baseline", "remapped"), None,
     lambda r: True, lambda r: hits(r, "irte_updates", "0x1") == 0),
    ("no incomplete IPI without AVIC", ("baseline",), None,
     lambda r: True, lambda r: hits(r, "incomplete_ipi") == 0),
    ("no incomplete IPI without IPIs", ("remapped", "posting"), None,
     alone, lambda r: hits(r, "incomplete_ipi") == 0),
    ("an IPI to a vCPU that runs is complete, but when something displaced it",
     ("remapped", "posting"), None, lambda r: not alone(r) and still(r),
     lambda r: hits(r, "incomplete_ipi") <= r["displaced"]),
    ("an IPI to a vCPU that sleeps is incomplete: target not running", ("remapped", "posting"),
     None, lambda r: r["kind"] == "ipis",
     lambda r: hits(r, "incomplete_ipi", "0x1") == r["ipis"]["sent"]),
    ("no IPI is incomplete for another reason", ("remapped", "posting"), None, lambda r: True,
     lambda r: hits(r, "incomplete_ipi", "0x1") == hits(r, "incomplete_ipi")
     == hits(r, "exits", "avic_incomplete_ipi")),
    ("no interrupt is injected by KVM under AVIC", ("remapped", "posting"), None,
     lambda r: True, lambda r: hits(r, "injected") == 0),
    ("nothing inhibits AVIC", ("remapped", "posting"), None,
     lambda r: True, lambda r: hits(r, "inhibits") == hits(r, "inhibits", "0")),
    ("no exit of AVIC's without AVIC", ("baseline",), None, lambda r: True,
     lambda r: hits(r, "exits", "avic_noaccel") == hits(r, "exits", "avic_incomplete_ipi") == 0),
    ("an EOI is an exit when its interrupt was level-triggered, and not otherwise",
     ("remapped", "posting"), None,
     lambda r: True, lambda r: hits(r, "unaccelerated", "0xb0") == level(r)),
    ("no access is an exit but those EOIs, and one to switch the APIC on", ("remapped", "posting"),
     None, lambda r: True,
     lambda r: hits(r, "exits", "avic_noaccel") == hits(r, "unaccelerated")
     == level(r) + hits(r, "unaccelerated", "0xf0") <= level(r) + r["vcpus"]),
    ("KVM knows the vector of each EOI that is an exit", ("remapped", "posting"), None,
     lambda r: True, lambda r: hits(r, "eois") == level(r) and by_line(r, "eois", "vector")),
    ("KVM makes each EOI, and knows its vector", ("baseline",), None, lambda r: True,
     lambda r: hits(r, "eois") == r["seen"] + r["ipis"]["seen"] + level(r)
     and by_line(r, "eois", "vector")),
    ("each EOI of a line's interrupt reaches the I/O APIC, and no other does", None, None,
     lambda r: True, lambda r: hits(r, "acks") == level(r) and by_line(r, "acks", "pin")),
    ("KVM lowers an irqfd's line at each EOI, and says so", None, None,
     lambda r: r["kind"] == "resample", lambda r: r["level"]["resampled"] == r["level"]["seen"]),
)


EVENTS = ("exits", "ga_log", "incomplete_ipi", "irte_updates", "wakeups", "injected",
          "unaccelerated", "eois", "acks", "inhibits")


def level_faults(of):
    """What the harness itself saw of a run of lines."""
    wrong = [f"not so: {rule}" for rule in of["failed"]]
    if of["seen"] != of["due"]:
        wrong.append(f"level-triggered interrupts due {of['due']}, seen {of['seen']}")
    if not of["checks"]:
        wrong.append("the interrupt controllers were not looked at")
    return wrong


def version(boot):
    """The kernel without what it is built with: 7.3 for 7.3-gappi-debug."""
    return boot["kernel"].split("-")[0]


def run_faults(boot, run):
    wrong = [f"{run[key]} {key}" for key in ("lost", "early", "extra", "stuck") if run[key]]
    wrong += [f"this kernel does not count {event}" for event in EVENTS if run[event] is None]
    if not run["open"] and run["kind"] not in ("overflow", "race") and run["seen"] != run["sent"]:
        wrong.append(f"sent {run['sent']}, seen {run['seen']}")
    if run["ipis"]["sent"] != run["ipis"]["seen"]:
        wrong.append("IPIs sent {sent}, seen {seen}".format(**run["ipis"]))
    if run.get("level"):
        wrong += level_faults(run["level"])
    if run["error"]:
        wrong.append(run["error"])
    for name, modes, kernels, which, holds in RULES:
        if (not modes or boot["mode"] in modes) and (not kernels or version(boot) in kernels) \
                and which(run) and not holds(run):
            wrong.append("not so: " + name)
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
EXACT = ("paced", "masked", "sleeper", "overflow", "detach")


# Level-triggered interrupts each time that a line is raised and stays up for n - 1 EOIs.
DUE = {"level": lambda n: n, "retrigger": lambda n: n, "two": lambda n: 2 * n,
       "nested": lambda n: n + n * n, "resample": lambda n: n, "intx": lambda n: n}


def short(want, run):
    """What a run did less, or more, than the plan says."""
    have = run["level"]["due"] if run.get("level") else 0
    due = want["count"] * DUE.get(want["kind"], lambda n: 0)(1 + want["up"])
    ipis = want["count"] if want["kind"] == "ipis" else want["ipis"]
    wrong = []
    if run["kind"] != want["kind"]:
        wrong.append(f"kind {run['kind']} instead of {want['kind']}")
    if want["kind"] in EXACT and run["sent"] != want["count"]:
        wrong.append(f"{run['sent']} MSIs of {want['count']}")
    if have != due:
        wrong.append(f"{have} level-triggered interrupts of {due}")
    if want["kind"] in ("paced", "ipis") and run["ipis"]["sent"] != ipis:
        wrong.append(f"{run['ipis']['sent']} IPIs of {ipis}")
    return wrong


def plan_faults(boot):
    """The results are those of the plan: all of them, each with its count."""
    pairs, left = paired(boot)
    return [f"{want['name']}: {word}" for want, run in pairs
            for word in (short(want, run) if run else ["no result"])] + \
        [f"{run['run']}: not in the plan" for run in left]


def boot_faults(boot):
    """What is wrong with the boot itself."""
    if boot["skipped"]:
        return []
    wrong = list(boot["bad"]) + says_faults(boot) + plan_faults(boot)
    if not boot["end"]:
        wrong.append("the boot did not come to its end")
    elif boot["mode"] == "posting" and any(want["kind"] == "overflow" for want in boot["plan"]) \
            and not boot["end"]["log_restarts"]:
        wrong.append("the GA log was never restarted")
    if not boot["plan"]:
        wrong.append("no plan")
    if not boot["runs"]:
        wrong.append("no run")
    return wrong


def faults(boot):
    """All that is wrong, in words; nothing for a good boot, or one that was skipped."""
    return boot_faults(boot) + [f"{run['run']}: {word}" for run in boot["runs"]
                                for word in run_faults(boot, run)]
