# SPDX-License-Identifier: MIT
"""evidence.py FILE...: the figures of a cover letter, from what boot/run --json and boot/compare
--json wrote. Exit status: 2 for a file that is neither."""

import json
import pathlib
import sys

COLUMNS = (("run", 15), ("MSIs", 6), ("lost", 4), ("exits", 6), ("of intr", 7), ("device", 6),
           ("GA log", 6), ("PIW", 6), ("wakeups", 7))
LEGEND = ("exits: of the guest, of these external interrupts; device: the device's",
          "interrupts that the host took; GA log: entries that KVM was told of; PIW:",
          "posted-interrupt wakeups of /proc/interrupts; wakeups: of vCPUs that slept.")


def line(cells, columns=COLUMNS):
    return " ".join(
        str(cell).ljust(width) if at == 0 else str(cell).rjust(width)
        for at, (cell, (_, width)) in enumerate(zip(cells, columns))).rstrip()


def row(run):
    host = run["host_interrupts"]
    return (run["run"], run["msis"], run["lost"], sum(run["vm_exits"].values()),
            run["vm_exits"].get("intr", 0), host["device"], run["galog_entries"],
            host.get("piw", "-"), run["wakeups"])


def counts(document):
    """The runs of boot/run: a table for each mode and kernel."""
    yield f"Booted on {document['emulator']}, whose devices and AMD"
    yield "processors are emulated; no hardware was used. Counts, not times:"
    last = None
    for run in document["runs"]:
        boot = (run["mode"], run["kernel"])
        if boot != last:
            yield ""
            yield f"{run['mode']}, Linux {run['kernel']}:"
            if not run["skipped"]:
                yield line([name for name, _ in COLUMNS])
        last = boot
        yield f"not run: {run['skipped'].lower()}" if run["skipped"] else line(row(run))
    yield ""
    yield from LEGEND
    if document["wrong"]:
        yield ""
        yield "Not as it should be:"
        yield from (f"  {word}" for word in document["wrong"])


SCHEMAS = {"postern.boot/1": counts}


def refuse(path, why):
    print(f"boot: {path}: {why}", file=sys.stderr)
    sys.exit(2)


def text(path):
    try:
        document = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as error:
        refuse(path, f"not JSON: {error}")
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema not in SCHEMAS:
        refuse(path, f"neither of boot/run --json nor of boot/compare --json (schema: {schema})")
    try:
        return list(SCHEMAS[schema](document))
    except (KeyError, TypeError, AttributeError) as error:
        refuse(path, f"not a whole document of {schema}: {error!r}")


def main(args):
    for at, path in enumerate(args):
        if at:
            print()
        print("\n".join(text(path)))


main(sys.argv[1:])
