# SPDX-License-Identifier: MIT
"""broken.py [--json EMULATOR] MANIFEST: what each cure of the series is for, shown by its absence. A
line of MANIFEST is JSON: cure, gap, run, mode, shows, reason, and the files of two boots, broken and
cured. Exit status: 1 unless every broken one breaks as it says and every cured one is good."""

import json
import pathlib
import re
import sys

import results

LOCKDEP = re.compile("circular locking|inconsistent lock state|recursive locking|irq lock inversion"
                     "|Invalid wait context|suspicious RCU|lock held when returning"
                     "|sleeping function called|deadlock", re.I)
OOPS = re.compile("BUG|Oops|general protection|list_(add|del) corruption|use-after-free"
                  "|Poison overwritten|refcount_t", re.I)


def matching(pattern, boot):
    return next((line for line in boot["bad"] if pattern.search(line)), None)


def counted(boot, key):
    return next((f"{run['run']}: {run[key]} {key} of {run['sent']}"
                 for run in boot["runs"] if run[key]), None)


def says(text, boot):
    return next((line for line in boot["bad"] + boot["host"]["says"] if text in line), None)


def seen(shows, boot):
    """How the boot shows it, in words; None if it does not."""
    if shows.startswith("says "):
        return says(shows[5:], boot)
    how = {"lost": lambda: counted(boot, "lost"), "stuck": lambda: counted(boot, "stuck"),
           "lockdep": lambda: matching(LOCKDEP, boot), "oops": lambda: matching(OOPS, boot),
           "hang": lambda: None if boot["end"] else "the boot does not come to its end",
           "wrong": lambda: next(iter(results.faults(boot)), None)}
    found = (how[way]() for way in re.split("[ ,|]+", shows) if way in how)
    return next((word for word in found if word), None)


def good(boot):
    """Words for what was seen and nothing lost; None if anything is wrong."""
    if results.faults(boot):
        return None
    return ", ".join(f"{run['run']}: {run['seen']} seen of {run['sent']}" for run in boot["runs"])


def judged(item):
    """A row: the item with the words for both boots, and whether they are as they should be."""
    if not item["broken"]:
        return {**item, "broken": None, "cured": None, "ok": True}
    broken, cured = (results.read(pathlib.Path(item[which])) for which in ("broken", "cured"))
    breaks, holds = seen(item["shows"], broken), good(cured)
    return {**item, "broken": breaks, "cured": holds, "ok": bool(breaks and holds),
            "not_broken": [] if breaks else results.faults(broken) or ["nothing is wrong"],
            "not_cured": [] if holds else results.faults(cured)}


def table(rows):
    lines = [("gap", "without", "run", "broken", "cured")]
    for row in rows:
        if row["reason"] and row["broken"] is None and "not_broken" not in row:
            lines.append((row["gap"], row["cure"], "none", row["reason"], ""))
        else:
            lines.append((row["gap"], row["cure"], row["run"], row["broken"] or "NOT SHOWN",
                          row["cured"] or "NOT GOOD"))
    widths = [max(len(line[at]) for line in lines) for at in range(4)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths + [0])).rstrip())
    for row in rows:
        for word in row.get("not_broken", []):
            print(f"  WRONG: without {row['cure']}: {word}")
        for word in row.get("not_cured", []):
            print(f"  WRONG: with {row['cure']}: {word}")


def main(args):
    emulator = args[1] if args[0] == "--json" else None
    rows = [judged(json.loads(line))
            for line in pathlib.Path(args[-1]).read_text().splitlines()]
    failed = sum(not row["ok"] for row in rows)
    if emulator is not None:
        json.dump({"schema": "postern.broken/1", "emulator": emulator, "rows": rows}, sys.stdout,
                  indent=1)
        print()
    else:
        table(rows)
        untried = sum(row["broken"] is None and row["ok"] for row in rows)
        print(f"broken: {len(rows) - failed - untried} passed, {failed} failed"
              + (f", {untried} cannot be shown" if untried else ""))
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
