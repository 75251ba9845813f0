# SPDX-License-Identifier: MIT
"""The results of boots, as a table for people or as one JSON document for machines."""

import json
import pathlib
import sys

COLUMNS = (
    ("run", 14), ("sent", 7), ("seen", 7), ("merged", 7), ("lost", 5), ("IPIs", 11),
    ("exits", 8), ("intr", 7), ("hlt", 7), ("npf", 7), ("msr", 7), ("vintr", 6), ("401h", 6),
    ("402h", 6), ("device", 7), ("iommu", 6), ("resched", 8), ("GA log", 7), ("wakeups", 8),
)


def read(path):
    """One boot: its host line, its runs, whether it came to its end."""
    mode, kernel = path.stem.split("-", 1)
    boot = {"mode": mode, "kernel": kernel, "host": {}, "runs": [], "complete": False, "bad": []}
    for line in path.read_text(errors="replace").splitlines():
        try:
            item = json.loads(line)
        except ValueError:
            boot["bad"].append(f"unreadable line: {line[:80]}")
            continue
        if "run" in item:
            boot["runs"].append(item)
        elif "done" in item:
            boot["complete"] = True
            boot["bad"] += item["bad"]
        else:
            boot["host"] = item
    return boot


def faults(boot):
    """What is wrong with a boot, in words; nothing for a good one."""
    wrong = list(boot["bad"])
    if not boot["complete"]:
        wrong.append("the boot did not come to its end")
    if not boot["runs"]:
        wrong.append("no run")
    for run in boot["runs"]:
        ipis = run["ipis"]
        for key in ("lost", "early", "extra"):
            if run[key]:
                wrong.append(f"{run['run']}: {run[key]} {key}")
        if not run["open"] and run["seen"] != run["sent"]:
            wrong.append(f"{run['run']}: sent {run['sent']}, seen {run['seen']}")
        if ipis["sent"] != ipis["seen"]:
            wrong.append(f"{run['run']}: IPIs sent {ipis['sent']}, seen {ipis['seen']}")
        if run["error"]:
            wrong.append(f"{run['run']}: {run['error']}")
    return wrong


def cells(run):
    exits, irqs = run["exits"] or {}, run["host_interrupts"]
    total = lambda key: (run[key] or {}).get("total", "-")
    ipis = "{seen}/{sent}".format(**run["ipis"]) if run["ipis"]["sent"] else ""
    return (run["run"], run["sent"], run["seen"], run["merged"], run["lost"], ipis,
            exits.get("total", "-"), exits.get("intr", 0), exits.get("hlt", 0),
            exits.get("npf", 0), exits.get("msr", 0), exits.get("vintr", 0),
            exits.get("avic_incomplete_ipi", 0), exits.get("avic_noaccel", 0),
            irqs["device"], irqs["iommu"], irqs["resched"], total("ga_log"),
            (run["wakeups"] or {}).get("0x1", 0))


def show(boot):
    print(f"\n{boot['mode']}, Linux {boot['host'].get('kernel', boot['kernel'])}")
    line = lambda row: "  ".join(
        str(cell).ljust(width) if width == COLUMNS[0][1] else str(cell).rjust(width)
        for cell, (_, width) in zip(row, COLUMNS)).rstrip()
    print(line([name for name, _ in COLUMNS]))
    for run in boot["runs"]:
        print(line(cells(run)))
    for word in boot["faults"]:
        print(f"  WRONG: {word}")


def main(args):
    boots = [read(path) for path in sorted(pathlib.Path(args[-1]).glob("*.json"))]
    for boot in boots:
        boot["faults"] = faults(boot)
    if "--json" in args:
        json.dump({"boots": boots}, sys.stdout, indent=1)
        print()
    else:
        for boot in boots:
            show(boot)
        print("\nintr .. 402h: exits of the guest by reason; device, iommu, resched: interrupts of"
              " the host;\nmerged: posted onto one that was still pending, as hardware does.")
    return 1 if not boots or any(boot["faults"] for boot in boots) else 0


sys.exit(main(sys.argv[1:]))
