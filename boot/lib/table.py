# SPDX-License-Identifier: MIT
"""table.py [--json EMULATOR] FILE...: the results of boots, as a table for people or as one JSON
document for machines. Exit status: 1 if something was lost or a witness disagrees, 77 if something
was skipped, 0 otherwise."""

import json
import pathlib
import sys

import results

COLUMNS = (
    ("run", 13), ("sent", 6), ("seen", 6), ("merged", 6), ("lost", 4), ("IPIs", 9),
    ("level", 9), ("exits", 6), ("intr", 6), ("hlt", 6), ("npf", 4), ("msr", 5), ("vintr", 5),
    ("401h", 5), ("402h", 5), ("device", 6), ("iommu", 6), ("resched", 7), ("GA log", 6),
    ("GAPPI", 6), ("wakeups", 7),
)


def cells(run):
    exits, irqs = run["exits"] or {}, run["host_interrupts"]
    ipis = "{seen}/{sent}".format(**run["ipis"]) if run["ipis"]["sent"] else ""
    level = "{seen}/{due}".format(**run["level"]) if run.get("level") else ""
    return (run["run"], run["sent"], run["seen"], run["merged"], run["lost"], ipis, level,
            exits.get("total", "-"), exits.get("intr", 0), exits.get("hlt", 0),
            exits.get("npf", 0), exits.get("msr", 0), exits.get("vintr", 0),
            exits.get("avic_incomplete_ipi", 0), exits.get("avic_noaccel", 0),
            irqs["device"], irqs["iommu"], irqs["resched"], results.hits(run, "ga_log"),
            irqs["posted"], results.hits(run, "wakeups", "0x1"))


def line(row):
    return "  ".join(
        str(cell).ljust(width) if name == "run" else str(cell).rjust(width)
        for cell, (name, width) in zip(row, COLUMNS)).rstrip()


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
    print(line([name for name, _ in COLUMNS]))
    for run in boot["runs"]:
        print(line(cells(run)))
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
    runs = [run for boot in boots for run in boot["runs"]]
    print("\nlevel: level-triggered interrupts, seen and due; intr .. 402h: exits of the guest by"
          " reason (401h:\nincomplete IPI, 402h: access that AVIC does not take); device, iommu,"
          " resched: interrupts of the\nhost; GA log: entries that KVM was told of; GAPPI: with"
          " the wakeup vector; wakeups: of vCPUs that\nslept; merged: neither seen singly nor lost,"
          " of runs that do not wait for each.")
    passed, failed, skipped = count(boots)
    print(f"{sum(r['sent'] for r in runs)} MSIs, {sum(r['lost'] for r in runs)} lost")
    print(f"boot: {passed} passed, {failed} failed"
          + (f", {skipped} skipped" if skipped else ""))


def document(boots, emulator):
    runs = []
    for boot in boots:
        common = {"mode": boot["mode"], "kernel": boot["host"].get("kernel", boot["kernel"])}
        if boot["skipped"]:
            runs.append({**common, "run": None, "msis": 0, "seen": 0, "lost": 0, "vm_exits": {},
                         "host_interrupts": {}, "galog_entries": 0, "gappi_interrupts": 0,
                         "wakeups": 0, "evidence": [], "skipped": boot["skipped"], "wrong": []})
        for run in boot["runs"]:
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
