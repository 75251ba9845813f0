#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The figures of boot/compare as table, JSON (postern.boot-compare/1) and page. See boot/compare."""

import argparse
import base64
import gzip
import json
import math
import os
import pathlib
import sys

import compare_page
import linux_steps
import meter
import profile_blocks
import results

SCHEMA = "postern.boot-compare/1"
POSTING = ("posting", "gappi")
LOG_CPU = 0  # takes the log's interrupt, and runs no guest
ALIKE = 0.01  # medians of two measurements


def percentile(values, p):
    """The nearest rank: a value that was measured."""
    values = sorted(values)
    return values[max(0, math.ceil(p / 100 * len(values)) - 1)]


def spread(values):
    if not values:
        return None
    return {"median": percentile(values, 50), "p10": percentile(values, 10),
            "p90": percentile(values, 90), "min": min(values), "max": max(values)}


def vectors_of(row, window):
    return [row["first_vector"] + n % row["vectors"]
            for n in range(window.first, window.first + window.count)]


def complete(row, window):
    return all(v in window.delivered for v in vectors_of(row, window))


def counts(windows, of):
    """Events for one interrupt, by kind."""
    sums, interrupts = {}, sum(w.count for w in windows)
    for w in windows:
        for key, n in of(w):
            sums[key] = sums.get(key, 0) + n
    return {key: round(n / interrupts, 3) for key, n in sorted(sums.items())}


def host_interrupts(windows):
    return counts(windows, lambda w: [(f"{kind} on {cpu}", n)
                                      for (kind, cpu), n in w.host_interrupts.items()])


class Profile:
    """Instructions of the kernels in some of the windows of a boot, by function."""

    def __init__(self, path, rows):
        names = next((r["kallsyms"] for r in rows if "kallsyms" in r), None)
        text = gzip.decompress(base64.b64decode(names)).decode() if names else ""
        self.symbols = profile_blocks.Symbols(text.splitlines())
        self.windows = {}
        if names and os.path.exists(path):
            with open(path, "rb") as f:
                self.windows = profile_blocks.windows(f.read())

    def functions(self, windows):
        """name -> calls in a window, and the median instructions of one: with the functions that it
        calls, and its own."""
        found, n = {}, 0
        for w in windows:
            if w.time not in self.windows:
                continue
            n += 1
            for call in profile_blocks.calls(self.windows[w.time], w.zero, self.symbols):
                found.setdefault(call.name, []).append(call)
        return {name: {"calls": round(len(calls) / n, 2),
                       "all": percentile([c.all for c in calls], 50),
                       "own": percentile([c.own for c in calls], 50)}
                for name, calls in sorted(found.items()) if name in linux_steps.functions()}


def situation(row, windows, profile):
    """One line of the plan: the medians over its samples."""
    good = [w for w in windows if complete(row, w)]
    out = {"situation": row["run"], "vcpus": row["vcpus"], "at_once": row["burst"],
           "host_cpus": row["spread"], "samples": len(good), "sent": row["sent"],
           "seen": row["seen"], "stuck": row["stuck"], "error": row["error"]}
    if not good:
        return out
    values = {"path": [], "path_last": [], "other": [], "total": [], "log_cpu": []}
    for w in good:
        paths = sorted((w.delivered[v], w.parts[v]) for v in vectors_of(row, w))
        values["path"].append(percentile([path for path, _ in paths], 50))
        values["path_last"].append(paths[-1][0])
        values["other"].append(w.caused() - paths[-1][1])
        values["total"].append(w.caused() - paths[-1][1] + paths[-1][0])
        values["log_cpu"].append(w.cpu[LOG_CPU].caused)
    out["instructions"] = {what: spread(v) for what, v in values.items()}
    out["host_interrupts"] = host_interrupts(good)
    out["exits"] = counts(good, lambda w: w.exits.items())
    out["doorbells"] = counts(good, lambda w: [("rung", w.doorbells)]).get("rung", 0)
    functions = profile.functions(good)
    if functions:
        out["functions"] = functions
    return out


def boot(folder, mode, n):
    """One boot: the host's line, the errors, the situations."""
    rows = [results.parsed(line)
            for line in results.lines(pathlib.Path(folder, f"{mode}-{n}.json"))]
    host = next((r for r in rows if "says" in r), {})
    end = next((r for r in rows if "done" in r), None)
    with open(os.path.join(folder, f"{mode}-{n}.trace"), encoding="ascii") as f:
        windows = meter.read(f, mode in POSTING)
    profile = Profile(os.path.join(folder, f"{mode}-{n}.profile"), rows)
    bad = list(end["bad"]) if end else ["the machine did not come to its end"]
    bad += [f"{r['failed']}: no result" for r in rows if "failed" in r]
    return {"kernel": host.get("kernel"), "says": host.get("says", []), "bad": bad,
            "situations": [situation(r, windows.get(r["meter"], []), profile)
                           for r in rows if r.get("kind") == "meter"]}


def wrong_with(mode, said):
    """Reasons not to believe the numbers of a mode."""
    need = {"posting": "AMD-Vi: Virtual APIC enabled", "gappi": "AMD-Vi: GAPPI enabled",
            "remapped": "kvm_amd: AVIC enabled"}.get(mode)
    if need and not any(line.startswith(need) for line in said["says"]):
        yield f"the kernel does not say '{need}'"
    yield from said["bad"]
    for s in said["situations"]:
        if s["seen"] != s["sent"] or s["stuck"] or s["error"]:
            yield f"{s['situation']}: {s['sent']} sent, {s['seen']} seen, {s['stuck']} stuck" + \
                (f", {s['error']}" if s["error"] else "")
        elif not s["samples"]:
            yield f"{s['situation']}: the emulator wrote down no sample"


def medians(said):
    for s in said["situations"]:
        for what, values in s.get("instructions", {}).items():
            yield (s["situation"], what), values["median"]


def differences(repeats):
    """How far the medians of the other boots are from those of the first, the largest first."""
    found = []
    for mode in repeats[0]:
        first = dict(medians(repeats[0][mode]))
        for other in repeats[1:]:
            for key, value in medians(other[mode]):
                base = max(first.get(key, 0), value)
                share = abs(value - first.get(key, 0)) / base if base else 0
                found.append((share, mode, *key, first.get(key), value))
    return sorted(found, reverse=True)


def number(n):
    return f"{n:,}".replace(",", " ")


def by_situation(result):
    """situation -> mode -> its row, in the order of the first mode's plan."""
    found = {}
    for m in result["modes"]:
        for s in m["situations"]:
            found.setdefault(s["situation"], {})[m["mode"]] = s
    return found


def median_of(s, what):
    values = s.get("instructions", {}).get(what)
    return values["median"] if values else None


def several(s, row):
    return median_of(s, "path_last") if s["at_once"] > 1 else None


def each(s, row):
    total = median_of(s, "total")
    return None if total is None else total / s["at_once"]


def more(what, size):
    """The difference to the first situation of the same name, for each further item."""
    def value(s, first):
        n, base = s[size] - first[size], median_of(first, what)
        here = median_of(s, what)
        return (here - base) / n if n and here is not None and base is not None else None
    return value


# name: title, which situations, value of a situation and of the first one of its name
GRIDS = {
    "path": ("from the device's write to the guest's handler; of several at once: the median", "",
             lambda s, first: median_of(s, "path")),
    "last": ("the same, of the last one of several at once", "", several),
    "other": ("what the host executes besides, until all is quiet", "",
              lambda s, first: median_of(s, "other")),
    "each": ("both, for each interrupt", "", each),
    "log": ("what CPU 0 executes, which runs no guest and takes the log's interrupt", "",
            lambda s, first: median_of(s, "log_cpu")),
    "listed": ("growth of the path for each vCPU more on the CPU", "listed-", more("path", "vcpus")),
    "entries": ("growth of what CPU 0 executes for each sleeper more", "at-once-",
                more("log_cpu", "at_once")),
}
TABLES = [*GRIDS, "interrupts", "steps"]


def grid(result, which, out):
    title, prefix, value = GRIDS[which]
    modes = [m["mode"] for m in result["modes"]]
    print(f"{which}: {title}", file=out)
    print(f"{'':16}" + "".join(f"{mode:>12}" for mode in modes), file=out)
    firsts = {}
    for name, row in by_situation(result).items():
        first = firsts.setdefault(name.rstrip("0123456789"), row)
        values = [value(row[mode], first[mode]) if mode in row and mode in first else None
                  for mode in modes]
        if name.startswith(prefix) and any(v is not None for v in values):
            cells = ["-" if v is None else number(round(v)) for v in values]
            print(f"{name:16}" + "".join(f"{c:>12}" for c in cells), file=out)
    print(file=out)


def counted(s, what):
    return ", ".join(f"{n:g} {k}" for k, n in s.get(what, {}).items())


def interrupts(result, out):
    print("interrupts: of the host for one of the device, and on which CPU; exits", file=out)
    for name, row in by_situation(result).items():
        for mode, s in row.items():
            words = "; ".join(w for w in (counted(s, "host_interrupts"), counted(s, "exits")) if w)
            print(f"{name:15} {mode:9} {words or 'none'}", file=out)
    print(file=out)


def steps(result, out):
    print("steps: pieces of Linux that are steps of the simulator's hosts", file=out)
    for name, step in result["steps"].items():
        print(f"{name:15} {step['instructions']:7g}  {step['how']}", file=out)
    print(file=out)


def table(result, which, out):
    print(f"Linux {result['modes'][0]['kernel']} ({result['kernel']}): instructions of the host's "
          "kernel for one interrupt, medians\n", file=out)
    for name in which or TABLES:
        if name in GRIDS:
            grid(result, name, out)
        elif name == "interrupts":
            interrupts(result, out)
        else:
            steps(result, out)


def parse(argv):
    p = argparse.ArgumentParser(prog="compare.py")
    p.add_argument("--json", action="store_true")
    p.add_argument("--page")
    p.add_argument("--table", action="append", choices=TABLES)
    p.add_argument("--from", dest="recorded")
    p.add_argument("--kernel")
    p.add_argument("--emulator")
    p.add_argument("--plan")
    p.add_argument("--repeat", type=int, default=1)
    p.add_argument("folder", nargs="?")
    p.add_argument("modes", nargs="*")
    return p.parse_args(argv)


def measured(args):
    """The result of boots, and their errors."""
    repeats = [{mode: boot(args.folder, mode, n) for mode in args.modes}
               for n in range(1, args.repeat + 1)]
    result = {"schema": SCHEMA, "emulator": args.emulator, "kernel": args.kernel,
              "plan": os.path.basename(args.plan), "cpus": 9, "icount_shift": 1,
              "repeats": args.repeat, "largest_difference": None,
              "modes": [{"mode": mode, **said} for mode, said in repeats[0].items()]}
    result["steps"] = linux_steps.steps(result["modes"])
    wrong = [f"{mode}: {why}" for r in repeats for mode, said in r.items()
             for why in wrong_with(mode, said)]
    differ = differences(repeats)
    if differ:
        result["largest_difference"] = round(differ[0][0], 5)
        wrong += [f"{mode}, {name}, {what}: {a} and {b}, {100 * share:.2f} %"
                  for share, mode, name, what, a, b in differ if share > ALIKE]
    return result, wrong


def recorded(path):
    """A result of --json; OSError or ValueError if it is none."""
    with open(path, encoding="utf-8") as f:
        result = json.load(f)
    if not isinstance(result, dict) or result.get("schema") != SCHEMA or not result.get("modes"):
        raise ValueError(f"not a result of boot/compare --json ({SCHEMA})")
    return result


def show(result, args):
    if args.page:
        with open(args.page, "w", encoding="utf-8") as f:
            f.write(compare_page.page(result))
    if args.json:
        json.dump(result, sys.stdout, indent=1)
        print()
    else:
        table(result, args.table, sys.stdout)


def main(argv):
    args = parse(argv)
    wrong = []
    if args.recorded:
        try:
            result = recorded(args.recorded)
        except (OSError, ValueError) as e:
            print(f"boot: {args.recorded}: {e}", file=sys.stderr)
            return 2
    else:
        result, wrong = measured(args)
    show(result, args)
    if result["largest_difference"] is not None:
        print(f"largest difference between the medians of {result['repeats']} measurements: "
              f"{100 * result['largest_difference']:.2f} %", file=sys.stderr)
    for why in wrong:
        print(f"WRONG: {why}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
