# SPDX-License-Identifier: MIT
"""Runs on bare metal (posted-msi, vtd-remapped): reads of drives, and MSIs of a device. What must
hold of them, their columns and their members of the JSON document."""

MODES = ("posted-msi", "vtd-remapped")

# Parts of posted-msi in which the kernel must not post: its own word, a unit without CAP.PI, one of
# two units without.
NOT_POSTED = ("nopost", "no-pi", "one-of-two")

# Kinds of runs of single MSIs whose CPU goes offline.
OFFLINE = ("comes-back", "moved-away")

SAYS = {mode: (("Enabled IRQ remapping in x2apic mode",), ()) for mode in MODES}
XAPIC = (("Enabled IRQ remapping in xapic mode",), ("x2apic mode",))


def says(boot):
    return XAPIC if boot["part"] == "xapic" else SAYS[boot["mode"]]


def posts(boot):
    return boot["mode"] == "posted-msi" and boot["part"] not in NOT_POSTED


def of(run):
    """Is it a run of these kinds?"""
    return run["kind"] in ("reads", "pulses", *OFFLINE)


def step(run, name):
    return (run["steps"] or {}).get(name, 0)


def msis(run):
    """MSIs of devices that the unit saw: posted, or remapped and not the I/O APIC's."""
    return step(run, "pir_set") or max(step(run, "remap_send") - run["ioapic"], 0)


def quiet(run):
    """Nothing was done to the host."""
    return run["meanwhile"] == "nothing"


def alone(run):
    """No MSI comes before the handler of the last one to the same CPU is over. Of pulses the next
    may: another CPU waits for what the handler writes."""
    return run["kind"] == "reads" and run["depth"] == run["drives"] == 1 and quiet(run) and \
        all(d["interrupts"] for d in run["drive"])


def loaded(run):
    """Drives were read, or the device pulsed."""
    return run["asked"] > 0


def injected(run):
    """Interrupts that the kernel raised itself."""
    return run["turns"] if run["meanwhile"] == "retrigger" else 0


def dispatched(run):
    """Vectors in descriptors that the host is to dispatch."""
    return step(run, "pir_set") - step(run, "pir_merge")


def by_queue(run):
    """Each CPU's reads of each drive are its queue's interrupts, for drives that have queues."""
    return all(d["interrupts"] in (None, d["reads"]) for d in run["drive"])


# name, where the kernel posts (None: everywhere), which runs, what must hold
RULES = (
    ("no request was blocked, and no fault recorded", None, lambda r: True,
     lambda r: not any(step(r, s) for s in ("abort", "fault_record", "fault_drop"))),
    ("nothing is forwarded as it is", None, lambda r: True, lambda r: not step(r, "forward")),
    ("each read came back with what was asked for", None, lambda r: r["kind"] == "reads",
     lambda r: not r["wrong"] and r["done"] >= r["asked"]),
    ("each pulse was seen", None, lambda r: r["kind"] == "pulses" and not r["open"],
     lambda r: r["done"] == r["asked"]),
    ("each MSI was seen, also on a CPU that was offline", None, lambda r: r["kind"] in OFFLINE,
     lambda r: r["done"] == r["asked"]),
    ("the row PMN is there", True, lambda r: True, lambda r: r["notified"] is not None),
    ("there is no row PMN", False, lambda r: True, lambda r: r["notified"] is None),
    ("each MSI of a device is posted", True, loaded, lambda r: step(r, "pir_set") > 0
     and not step(r, "pi_suppressed")
     and step(r, "pir_set") == step(r, "pi_notify") + step(r, "pi_on")),
    ("an interrupt that the kernel raises itself needs no descriptor", True,
     lambda r: not loaded(r), lambda r: not step(r, "pir_set") and not r["notified"]),
    ("each interrupt that the kernel raises is one", None, lambda r: not loaded(r),
     lambda r: r["taken"] == injected(r) > 0),
    ("no MSI is posted", False, lambda r: True,
     lambda r: not step(r, "pir_set") and not step(r, "pi_notify")),
    ("the host takes each notification, by the row PMN", True,
     lambda r: r["meanwhile"] != "offline", lambda r: r["notified"] == step(r, "pi_notify")),
    ("the host takes each notification but those of a CPU that went", True,
     lambda r: r["meanwhile"] == "offline",
     lambda r: 0 < r["notified"] <= step(r, "pi_notify") <= r["notified"] + 2 * r["turns"]),
    ("each posted vector is dispatched once", True,
     lambda r: r["meanwhile"] not in ("reset", "offline", "affinity", "retrigger"),
     lambda r: r["taken"] == dispatched(r)),
    # the local APIC merges an IPI with one of the same vector that is pending, and counts neither
    ("each posted vector is dispatched once, and what the kernel raises besides at most once", True,
     lambda r: r["meanwhile"] == "retrigger" and loaded(r),
     lambda r: dispatched(r) < r["taken"] <= dispatched(r) + injected(r)),
    # the kernel raises interrupts again that it finds pending on the old CPU; and those for the new one
    # while the old one is still in the handler makes that go round once more, uncounted
    ("each posted vector is dispatched once, but for one at each move", True,
     lambda r: r["meanwhile"] in ("affinity", "offline"),
     lambda r: abs(r["taken"] - dispatched(r)) <= r["turns"]),
    ("each MSI is an interrupt of the host", False, lambda r: alone(r)
     or r["kind"] == "pulses" and not r["open"],
     lambda r: r["taken"] + r["ioapic"] == step(r, "remap_send")),
    ("each read is an interrupt of its CPU's queue", None,
     alone, by_queue),
    ("no more interrupts than MSIs", None, lambda r: quiet(r) and r["kind"] == "reads",
     lambda r: r["taken"] <= msis(r) if r["notified"] is not None
     else r["taken"] + r["ioapic"] <= step(r, "remap_send")),
    ("a notification for each MSI that is alone", True, alone,
     lambda r: step(r, "pi_notify") == step(r, "pir_set")),
    ("fewer notifications than MSIs of several drives at a depth of 32", True,
     lambda r: r["depth"] >= 32 and r["drives"] > 1 and quiet(r), lambda r: step(r, "pi_notify") < step(r, "pir_set")),
    ("the table has a posted entry for each vector of a device, and no other", True,
     lambda r: True, lambda r: r["entries"]["posted"] == r["msi_rows"]),
    ("posted entries lead to a descriptor of each CPU at most", True, lambda r: True,
     lambda r: 0 < r["entries"]["descriptors"] <= r["cpus"]),
    ("the table has no posted entry", False, lambda r: True,
     lambda r: r["entries"]["known"] and not r["entries"]["posted"]),
    ("it was done as often as the run says", None, lambda r: True,
     lambda r: r["turns"] == r["times"]),
    ("the vector was on each CPU", None, lambda r: r["meanwhile"] == "affinity",
     lambda r: r["widest"] == r["cpus"]),
    ("entries are invalidated when they change", None,
     lambda r: r["meanwhile"] in ("affinity", "offline", "reset"),
     lambda r: step(r, "cmd_invalidate") >= r["turns"]),
)


def run_faults(boot, run):
    if not of(run):
        return [f"kind {run['kind']} in a mode without guests"]
    wrong = [] if run["steps"] is not None else ["nobody counted the unit's steps"]
    if run["error"]:
        wrong.append(run["error"])
    for name, posted, which, holds in RULES:
        if posted in (None, posts(boot)) and which(run) and not holds(run):
            wrong.append("not so: " + name)
    return wrong


def short(want, run):
    """Steps of the plan that a run has not done."""
    wrong = []
    if run["kind"] != want["kind"]:
        wrong.append(f"kind {run['kind']} instead of {want['kind']}")
    if want["kind"] == "pulses" and run["asked"] != want["count"]:
        wrong.append(f"{run['asked']} pulses of {want['count']}")
    if want["kind"] == "reads" and run["asked"] != want["count"] * run["cpus"] * run["drives"]:
        wrong.append(f"{run['asked']} reads of {want['count']} for each CPU and drive")
    return wrong


def lost(run):
    """If pulses are not awaited one by one, merged ones are not lost."""
    return 0 if run["open"] else max(run["asked"] - run["done"], 0)


def ratio(run):
    notified = step(run, "pi_notify")
    return round(msis(run) / notified, 2) if notified else None


def some(value):
    return "-" if value is None else value


# Title, width, what of a run.
COLUMNS = (
    ("run", 16, lambda r: r["run"]),
    ("drives", 6, lambda r: r["drives"] if r["kind"] == "reads" else ""),
    ("depth", 5, lambda r: r["depth"] if r["kind"] == "reads" else ""),
    ("reads", 7, lambda r: r["done"]), ("lost", 4, lost), ("MSIs", 7, msis),
    ("taken", 7, lambda r: some(r["taken"])), ("notified", 8, lambda r: step(r, "pi_notify")),
    ("PMN", 7, lambda r: some(r["notified"])), ("ratio", 7, lambda r: some(ratio(r))),
    ("ON = 1", 6, lambda r: step(r, "pi_on")), ("entries", 7, lambda r: r["entries"]["posted"]),
    ("faults", 6, lambda r: step(r, "fault_record") + step(r, "fault_drop")),
    ("meanwhile", 9, lambda r: "" if quiet(r) else r["meanwhile"]),
    ("times", 5, lambda r: r["turns"] or ""),
)

LEGEND = ("reads: of 4 KiB, or pulses of the device; MSIs: of devices, that the unit saw; taken:"
          " interrupts of the host\nby its rows; notified, ON = 1: posted with a notification, and"
          " without because one was outstanding; PMN: the\nhost's row; ratio: MSIs for each"
          " notification; entries: posted ones in the table.")


def members(run):
    """The keys of a run in the JSON document, besides mode and kernel."""
    return {
        "run": run["run"], "msis": msis(run), "seen": run["taken"],
        "merged": step(run, "pir_merge"), "lost": lost(run), "vm_exits": {},
        "host_interrupts": {"device": run["taken"], "posted": run["notified"]},
        "galog_entries": 0, "gappi_interrupts": 0, "wakeups": 0,
        "reads": run["done"], "drives": run["drives"], "depth": run["depth"],
        "meanwhile": run["meanwhile"], "times": run["turns"], "notifications": step(run, "pi_notify"),
        "msis_per_notification": ratio(run),
        "posted_entries": run["entries"]["posted"], "iommu_steps": run["steps"]}
