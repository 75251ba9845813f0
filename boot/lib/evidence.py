# SPDX-License-Identifier: MIT
"""evidence.py FILE...: the figures of a cover letter, from what boot/run --json, boot/linux/broken
--json and boot/compare --json wrote. Exit status: 2 for a file of none of them."""

import json
import pathlib
import sys
import textwrap

COLUMNS = (("run", 15), ("MSIs", 6), ("lost", 4), ("exits", 6), ("of intr", 7), ("device", 6),
           ("GA log", 6), ("GAPPI", 6), ("wakeups", 7))
LEGEND = ("exits: of the guest, of these external interrupts; device: the device's",
          "interrupts that the host took; GA log: entries that KVM was told of;",
          "GAPPI: interrupts of the row PIW of /proc/interrupts; wakeups: of vCPUs",
          "that slept.")


def line(cells, columns=COLUMNS):
    return " ".join(
        str(cell).ljust(width) if at == 0 else str(cell).rjust(width)
        for at, (cell, (_, width)) in enumerate(zip(cells, columns))).rstrip()


def row(run):
    host = run["host_interrupts"]
    return (run["run"], run["msis"], run["lost"], sum(run["vm_exits"].values()),
            run["vm_exits"].get("intr", 0), host["device"], run["galog_entries"],
            run["gappi_interrupts"], run["wakeups"])


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


def broken(document):
    """The table of boot/linux/broken, a paragraph for each cure."""
    yield "Each cure taken back, in the run that shows what it is for; gaps by letter:"
    for row in document["rows"]:
        yield ""
        yield f"{row['gap']}  without {row['cure']}, run {row['run']}:"
        words = (("broken", row["broken"] or "NOT SHOWN"), ("cured", row["cured"] or "NOT GOOD"))
        if row["reason"]:
            words = (("not shown", row["reason"]),)
        for what, word in words:
            yield from textwrap.wrap(f"{what}: {word}", 72, initial_indent="   ",
                                     subsequent_indent="     ")


MEASURES = (("path", "from the device's write to the guest's handler"),
            ("other", "what the host executes besides"))


def medians(document):
    """Of boot/compare: for each situation the modes side by side."""
    modes = [mode["mode"] for mode in document["modes"]]
    table = {}
    for mode in document["modes"]:
        for situation in mode["situations"]:
            table.setdefault(situation["situation"], {})[mode["mode"]] = \
                situation.get("instructions", {})
    columns = (("", 16), *((mode, 12) for mode in modes))
    yield f"Instructions of the host for one interrupt, on {document['emulator']},"
    yield "whose processors are emulated: medians, no times."
    for key, title in MEASURES:
        yield ""
        yield f"{key}: {title}"
        yield line(("", *modes), columns)
        for name, row in table.items():
            values = [(row.get(mode) or {}).get(key) for mode in modes]
            if any(values):
                yield line((name, *(v["median"] if v else "-" for v in values)), columns)


SCHEMAS = {"postern.boot/1": counts, "postern.broken/1": broken,
           "postern.boot-compare/1": medians}


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
        refuse(path, f"of neither boot/run, boot/linux/broken nor boot/compare (schema: {schema})")
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
