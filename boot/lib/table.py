# SPDX-License-Identifier: MIT
"""table.py [--json EMULATOR] FILE...: the results of boots, as a table for people or as one JSON
document for machines. Exit status: 1 if something was lost or a witness disagrees, 77 if something
was skipped, 0 otherwise."""

import json
import pathlib
import sys

import drives
import results


def key(name):
    return lambda run: run[name]


def exits(*names):
    return lambda run: sum(results.hits(run, "exits", name) for name in names)


def irq(name):
    return lambda run: run["host_interrupts"][name]


def events(name, which="total"):
    return lambda run: results.hits(run, name, which)


def step(name):
    return lambda run: results.steps(run, name)


def ipis(run):
    return "{seen}/{sent}".format(**run["ipis"]) if run["ipis"]["sent"] else ""


def level(run):
    return "{seen}/{due}".format(**run["level"]) if run.get("level") else ""


# Title, width, what of a run.
GUEST = (
    ("run", 13, key("run")), ("sent", 6, key("sent")), ("seen", 6, key("seen")),
    ("merged", 6, key("merged")), ("lost", 4, key("lost")), ("IPIs", 9, ipis), ("level", 9, level),
    ("exits", 6, exits("total")), ("intr", 6, exits("intr")), ("hlt", 6, exits("hlt")),
)
HOST = (
    ("device", 6, irq("device")), ("iommu", 6, irq("iommu")), ("resched", 7, irq("resched")),
)
AMD = (
    *GUEST, ("npf", 4, exits("npf")), ("msr", 5, exits("msr")), ("vintr", 5, exits("vintr")),
    ("401h", 5, exits("avic_incomplete_ipi")), ("402h", 5, exits("avic_noaccel")), *HOST,
    ("GA log", 6, events("ga_log")), ("GAPPI", 6, irq("posted")),
    ("wakeups", 7, events("wakeups", "0x1")),
)
INTEL = (
    *GUEST, ("ept", 4, exits("ept")), ("msr", 5, exits("rdmsr", "wrmsr")),
    ("access", 6, exits("apic_access")), ("write", 5, exits("apic_write")),
    ("eoi", 5, exits("eoi")), ("ICR", 5, events("apic", "0x300")), *HOST, ("PIN", 5, irq("pin")),
    ("PIW", 5, irq("piw")), ("posted", 6, step("pir_set")), ("taken", 6, step("pi_process")),
    ("wakeups", 7, events("wakeups", "0x1")),
)


def columns(boot):
    if boot["mode"] in drives.MODES:
        return drives.COLUMNS
    return INTEL if boot["mode"] in results.INTEL else AMD


def line(cells, of):
    return "  ".join(
        str(cell).ljust(width) if name == "run" else str(cell).rjust(width)
        for cell, (name, width, _) in zip(cells, of)).rstrip()


def show(boot):
    part = f" ({boot['part']})" if boot["part"] else ""
    print(f"\n{boot['mode']}{part}, Linux {boot['host'].get('kernel', boot['kernel'])}")
    if boot["skipped"]:
        print("  SKIPPED: " + boot["skipped"])
        return
    if boot["refused"]:
        print("  REFUSED: " + boot["refused"])
        return
    for word in results.evidence(boot):
        print("  " + word)
    of = columns(boot)
    print(line([name for name, *_ in of], of))
    for run in boot["runs"]:
        print(line([cell(run) for *_, cell in of], of))
    for word in boot["faults"]:
        print(f"  WRONG: {word}")


def count(boots):
    """Passed, failed, skipped: each boot, and each run that it had or should have had."""
    runs = [(boot, run) for boot in boots for run in boot["runs"]]
    skipped = sum(bool(boot["skipped"]) for boot in boots)
    dropped = sum(run is None for boot in boots for _, run in results.paired(boot)[0])
    failed = dropped + sum(bool(results.run_faults(*one)) for one in runs) + \
        sum(bool(results.boot_faults(boot)) for boot in boots)
    return len(runs) + dropped + len(boots) - skipped - failed, failed, skipped


def legend(boots):
    if any(boot["mode"] not in drives.MODES for boot in boots):
        legend_guests(boots)
    if any(boot["mode"] in drives.MODES for boot in boots):
        print("\n" + drives.LEGEND)
    bare = [run for boot in boots for run in boot["runs"] if drives.of(run)]
    runs = [run for boot in boots for run in boot["runs"] if not drives.of(run)]
    passed, failed, skipped = count(boots)
    print(f"{sum(r['sent'] for r in runs) + sum(map(drives.msis, bare))} MSIs,"
          f" {sum(r['lost'] for r in runs) + sum(map(drives.lost, bare))} lost")
    print(f"boot: {passed} passed, {failed} failed"
          + (f", {skipped} skipped" if skipped else ""))


def legend_guests(boots):
    print("\nlevel: level-triggered interrupts, seen and due; intr .. 402h: exits of the guest by"
          " reason (401h:\nincomplete IPI, 402h: access that AVIC does not take); device, iommu,"
          " resched: interrupts of the\nhost; GA log: entries that KVM was told of; GAPPI: with"
          " the wakeup vector; wakeups: of vCPUs that\nslept; merged: neither seen singly nor lost,"
          " of runs that do not wait for each.")
    if any(boot["mode"] in results.INTEL for boot in boots):
        print("Intel: access, write, eoi: exits 44, 56, 45; ICR: IPIs that KVM sent; PIN, PIW: with"
              " the notification\nand the wakeup vector; posted: by the IOMMU; taken: notifications"
              " processed in the guest.")


def document(boots, emulator):
    runs = []
    for boot in boots:
        common = {"mode": boot["mode"], "kernel": boot["host"].get("kernel", boot["kernel"])}
        if boot["skipped"]:
            runs.append({**common, "run": None, "msis": 0, "seen": 0, "lost": 0, "vm_exits": {},
                         "host_interrupts": {}, "galog_entries": 0, "gappi_interrupts": 0,
                         "wakeups": 0, "evidence": [], "skipped": boot["skipped"], "wrong": []})
        for run in boot["runs"]:
            if drives.of(run):
                runs.append({**common, **drives.members(run), "evidence": results.evidence(boot),
                             "skipped": None, "wrong": results.run_faults(boot, run)})
                continue
            exits = {k: v for k, v in (run["exits"] or {}).items() if k != "total"}
            runs.append({
                **common, "run": run["run"], "msis": run["sent"], "seen": run["seen"],
                "merged": run["merged"], "lost": run["lost"], "ipis": run["ipis"],
                "vm_exits": exits, "host_interrupts": run["host_interrupts"],
                "galog_entries": results.hits(run, "ga_log"),
                "gappi_interrupts": run["host_interrupts"]["posted"],
                "iommu_steps": run.get("steps"),
                "incomplete_ipis": results.hits(run, "incomplete_ipi"),
                "wakeups": results.hits(run, "wakeups", "0x1"),
                "evidence": results.evidence(boot), "skipped": None,
                "wrong": results.run_faults(boot, run)})
    wrong = [f"{boot['mode']}, {boot['kernel']}: {word}" for boot in boots
             for word in boot["faults"]]
    return {"schema": "postern.boot/1", "emulator": emulator, "runs": runs, "wrong": wrong}


def main(args):
    emulator = args[1] if args[0] == "--json" else None
    boots = [results.read(pathlib.Path(path)) for path in args[2 if emulator is not None else 0:]]
    for boot in boots:
        boot["faults"] = results.faults(boot)
    if emulator is not None:
        json.dump(document(boots, emulator), sys.stdout, indent=1)
        print()
    else:
        for boot in boots:
            show(boot)
        legend(boots)
    if any(boot["faults"] for boot in boots):
        return 1
    return 77 if any(boot["skipped"] for boot in boots) else 0


sys.exit(main(sys.argv[1:]))
