#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""boot_compare.py SOURCE: what boot/compare makes of a trace, by hand and recorded; and what it
refuses."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(sys.argv[1])
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "boot" / "lib"))
import compare  # noqa: E402 (its place is an argument)
import linux_steps  # noqa: E402
import meter    # noqa: E402
import profile_blocks as profile  # noqa: E402

failures = []


def same(what, got, want):
    if got != want:
        failures.append(f"{what}: {got!r}, not {want!r}")


def window(text, posting=True):
    """The only window of a trace."""
    runs = meter.read(text.strip().splitlines(), posting)
    (w,) = [w for windows in runs.values() for w in windows]
    return w


# The log's interrupt on CPU 0, which wakes a sleeper on CPU 1: 500 instructions until CPU 0 sends,
# 700 on CPU 1 until it delivers; CPU 0 executes 300 more, CPU 1 200 more.
LOG = """
N 7
R 100 0 1
C 0 50 1000 0 1
C 1 0 2000 9 1
S 0 40
I 0 50 1000 0 1 40
P 0 50 1500 0 253 1
I 1 0 2000 9 1 253
M 1 0 2700 9 2 abc000
I 1 0 2700 9 2 48
M 1 0 2700 40 1 abc000 78
E 500
C 0 50 1800 0 1
C 1 0 2900 40 1
"""


def by_hand():
    w = window(LOG)
    same("path over two processors", (w.delivered, w.parts), ({48: 1200}, {48: 1200}))
    same("caused", (w.caused(), w.all), (1700, 1700))
    same("interrupts", w.host_interrupts, {("log", 0): 1, ("reschedule", 1): 1})
    same("exits", w.exits, {"hlt": 1})
    same("runs", list(meter.read(LOG.strip().splitlines(), True)), [0, 7])
    same("a device's vector", window(LOG, posting=False).host_interrupts[("device", 0)], 1)

    # A receiver that is busy for longer than the sender needs: its own clock counts.
    busy = LOG.replace("I 1 0 2000 9 1 253", "I 1 0 2600 9 1 253")
    same("a busy receiver", (window(busy).delivered[48], window(busy).parts[48]), (700, 100))
    # A timer's interrupt, which nothing in the machine sent: nothing is put forward, or caused.
    timer = window(LOG.replace("9 1 253", "9 1 236"))
    same("a timer", (timer.delivered[48], timer.caused()), (700, 800))
    # Two sends before one interrupt: the first one made it pending.
    twice = LOG.replace("P 0 50 1500", "P 0 50 1200 0 253 1\nP 0 50 1500")
    same("two sends", window(twice).delivered[48], 900)
    # A processor that halts is done with it; a timer comes later.
    halts = LOG.replace("E 500", "H 0 50 1600 0\nI 0 50 1600 0 1 236\nE 500")
    same("what a timer executes", (window(halts).caused(), window(halts).all), (1500, 1700))
    # An IPI of a task that the timer woke is not caused either.
    same("an IPI of others", window(halts.replace("0 1 236", "0 1 236\nP 0 50 1700 0 251 3\n"
                                                  "I 3 0 7 0 1 251").replace("C 1 0 2000 9 1",
                                                  "C 1 0 2000 9 1\nC 3 0 7 0 1", 1)).caused(), 1500)


# The device's interrupt makes a guest leave: 40 instructions until the host knows why, 100 until the
# guest takes its own.
EXIT = """
R 5 0 1
C 1 0 20 5 2
M 1 0 20 7 1 def000 60
I 1 0 60 7 1 37
M 1 0 160 7 2 def000
I 1 0 160 7 2 48
E 9
C 1 0 160 90 2
"""


def guests():
    w = window(EXIT, posting=False)
    same("an exit", (w.delivered, w.parts, w.caused()), ({48: 140}, {48: 140}, 140))
    same("an exit's interrupt", w.host_interrupts, {("device", 1): 1})
    timer = window(EXIT.replace("1 37", "1 236"), posting=False)
    same("a timer's exit", (timer.delivered, timer.parts, timer.caused()), ({48: 140}, {48: 0}, 0))
    # The guest's EOI is an exit, 30 instructions; the next one is of something else.
    eoi = EXIT.replace("E 9", "M 1 0 160 9 1 def000 400\nM 1 0 190 9 2 def000\nM 1 0 190 20 1 def000 78\n"
                       "H 1 0 195 20\nE 9").replace("C 1 0 160 90 2", "C 1 0 200 20 1")
    same("an EOI", (window(eoi, posting=False).caused(), window(eoi, posting=False).exits),
         (175, {"npf": 1, "hlt": 1}))
    # A doorbell: no instruction of the host's.
    bell = "R 5 0 1\nC 0 0 10 0 1\nC 1 0 20 5 2\nD -1 1\nI 1 0 20 6 2 48\nE 9\nC 0 0 10 0 1\nC 1 0 20 90 2"
    same("a doorbell", (window(bell).delivered[48], window(bell).caused(), window(bell).doorbells),
         (0, 0, 1))
    # Another processor rings it, 300 instructions after the device's interrupt.
    other = bell.replace("D -1 1", "I 0 0 10 0 1 37\nD 0 0 310 0 1").replace("C 0 0 10 0 1\nC 1 0 20 90",
                                                                         "C 0 0 900 0 1\nC 1 0 20 90")
    same("a processor's doorbell", (window(other, posting=False).delivered[48],
                                    window(other, posting=False).caused()), (300, 890))
    same("a window that is cut off", meter.read(LOG.split("E 500")[0].strip().splitlines(), True)[7], [])
    same("a line that is cut off", len(meter.read((LOG + LOG.replace("N 7", "").replace(
        "I 1 0 2700 9 2 48", "I 1 0 27")).strip().split("\n"), True)[7]), 1)
    same("gave up", meter.read(["N 3", "G"], True)[3], [])


def blocks(*rows):
    return b"".join(struct.pack("<QQqQ", pc, sp, count, cpu) for pc, sp, count, cpu in rows)


def functions():
    symbols = profile.Symbols(["ffffffff81000000 T outer", "ffffffff81000100 t inner",
                               "ffffffff81000200 T other", "ffffffff81000300 d data"])
    k, stack, second = 0xffffffff81000000, 0xffffc90000003f00, 0xffffc90000007f00
    data = blocks((123, 0, 0, profile.WINDOW),
                  (k, stack - 8, 1010, 0),             # outer is called, 10
                  (k + 0x100, stack - 64, 1030, 0),    # calls inner, 20
                  (k + 0x200, second - 8, 1130, 0),    # another stack, 100
                  (k + 0x140, stack - 72, 1135, 0),    # on in inner, 5
                  (k + 0x20, stack - 56, 1142, 0),     # back in outer, 7
                  (k + 0x220, stack, 1150, 0))         # back in its caller
    same("windows", list(profile.windows(data + b"half")), [123])
    found = {c.name: (c.own, c.all) for c in profile.calls(profile.windows(data)[123], {0: 1000}, symbols)}
    same("calls", found, {"outer": (17, 42), "inner": (25, 25), "other": (100, 100)})
    same("within", [c.within("outer") for c in
                    profile.calls(profile.windows(data)[123], {0: 1000}, symbols)], [False, True, False])
    # outer ends with a jump to inner, 30 instructions: they are outer's too.
    jump = blocks((5, 0, 0, profile.WINDOW), (k, stack - 8, 10, 0), (k + 0x100, stack - 8, 40, 0),
                  (k + 0x220, stack, 50, 0))
    same("a jump", {c.name: c.all for c in profile.calls(profile.windows(jump)[5], {0: 0}, symbols)},
         {"outer": 40, "inner": 30})
    same("symbol", symbols.of(k + 0x1ff), "inner")


def statistics():
    same("percentile", [compare.percentile([5, 1, 3, 2, 4], p) for p in (1, 50, 90, 100)], [1, 3, 5, 5])
    one = {"posting": {"situations": [{"situation": "a", "instructions": {"path": {"median": 100}}}]}}
    two = {"posting": {"situations": [{"situation": "a", "instructions": {"path": {"median": 98}}}]}}
    same("differences", [d[0] for d in compare.differences([one, two])], [0.02])
    same("no difference", [d[0] for d in compare.differences([one, one])], [0])


RECORDED = SOURCE / "tests" / "e2e" / "compare"


def short(said):
    """What must not change of a mode."""
    return {s["situation"]: {"samples": s["samples"], "host_interrupts": s.get("host_interrupts"),
                             "exits": s.get("exits"), "doorbells": s.get("doorbells"),
                             **{what: v["median"] for what, v in s.get("instructions", {}).items()}}
            for s in said["situations"]}


def recordings():
    with open(RECORDED / "expected.json", encoding="utf-8") as f:
        expected = json.load(f)
    for mode in ("posting", "gappi"):
        said = compare.boot(RECORDED, mode, 1)
        same(f"recorded {mode}", short(said), expected[mode])
        same(f"recorded {mode}: wrong", list(compare.wrong_with(mode, said)), [])


def broken(what, mode, change_rows, change_trace, names):
    """A recording with a mistake: the result must name it."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, change in (("json", change_rows), ("trace", change_trace)):
            text = (RECORDED / f"{mode}-1.{kind}").read_text(encoding="utf-8")
            changed = change(text) if change else text
            if change and changed == text:
                failures.append(f"{what}: changes nothing")
            (pathlib.Path(folder) / f"{mode}-1.{kind}").write_text(changed, encoding="utf-8")
        wrong = list(compare.wrong_with(mode, compare.boot(folder, mode, 1)))
    if not any(names in w for w in wrong):
        failures.append(f"{what}: {wrong} does not name '{names}'")


def mistakes():
    broken("an interrupt is lost", "posting", lambda t: t.replace('"seen": 32', '"seen": 31', 1), None,
           "running: 32 sent, 31 seen")
    broken("one is seen twice", "posting", lambda t: t.replace('"seen": 32', '"seen": 33', 1), None, "33 seen")
    broken("the machine never was ready", "gappi", lambda t: t.replace('"stuck": 0', '"stuck": 1', 1), None,
           "1 stuck")
    broken("an odd exit", "gappi", lambda t: t.replace('"error": null', '"error": "exit 0x11"', 1), None,
           "exit 0x11")
    broken("another kernel", "gappi", lambda t: t.replace("GAPPI enabled", "Virtual APIC enabled"), None,
           "does not say 'AMD-Vi: GAPPI enabled'")
    broken("a kernel that warns", "posting", lambda t: t.replace('"bad": []', '"bad": ["WARNING: x"]'), None,
           "WARNING: x")
    broken("no end", "posting", lambda t: t.replace('"done"', '"dono"'), None, "did not come to its end")
    broken("nothing was delivered", "posting", None,
           lambda t: "\n".join(l for l in t.split("\n") if not (l.startswith("I") and l.endswith(" 2 48"))),
           "no sample")


def tables():
    golden = RECORDED / "linux-7.3-gappi.json"
    for name in compare.TABLES:
        run = subprocess.run([SOURCE / "boot" / "compare", "--from", golden, "--table", name],
                             capture_output=True, text=True)
        same(f"--table {name}: status", (run.returncode, run.stderr), (0, ""))
        if f"\n{name}: " not in run.stdout:
            failures.append(f"--table {name}: {run.stdout}")
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "page.html"
        run = subprocess.run([SOURCE / "boot" / "compare", "--from", golden, "--json", "--page", page],
                             capture_output=True, text=True)
        same("--json of --from", json.loads(run.stdout), json.loads(golden.read_text(encoding="utf-8")))
        text = page.read_text(encoding="utf-8")
        same("the page: curves", text.count("<svg"), 5)
        if "http" in text.replace("http://www.w3.org/2000/svg", "") or "<script" in text:
            failures.append("the page: wants something from outside")


def costs():
    result = json.loads((RECORDED / "linux-7.3-gappi.json").read_text(encoding="utf-8"))
    same("steps of the recorded result", linux_steps.steps(result["modes"]), result["steps"])
    golden, tool = RECORDED / "linux-7.3-gappi.json", SOURCE / "tools" / "linux-costs"
    for name, options in (("linux-7.3", ["--name", "linux-7.3"]), ("default", [])):
        run = subprocess.run([tool, golden, *options], capture_output=True, text=True)
        table = (SOURCE / "scenarios" / "costs" / f"{name}.ini").read_text(encoding="utf-8")
        same(f"linux-costs for {name} is not what is there", (run.returncode, run.stdout == table), (0, True))
    for words in ([RECORDED / "expected.json"], ["/nowhere"], [golden, "--ipc", "0"]):
        run = subprocess.run([tool, *words], capture_output=True, text=True)
        same(f"linux-costs {words}", (run.returncode, run.stdout), (3, ""))


def refused():
    for words in (["--mode", "nonsense"], ["--kernel", "5.4"], ["--mode"], ["--repeat", "0"],
                  ["--repeat", "10"], ["--nonsense"], ["--plan", "/nowhere"], ["--page", "/no/where"],
                  ["--mode", "gappi", "--kernel", "7.3"], ["--table", "nonsense"], ["--from", "/nowhere"],
                  ["--from", "/etc/hostname"], ["--timeout", "x"]):
        run = subprocess.run([SOURCE / "boot" / "compare", *words], capture_output=True, text=True)
        same(f"boot/compare {' '.join(words)}: status", run.returncode, 2)
        same(f"boot/compare {' '.join(words)}: output", run.stdout, "")
        if not run.stderr:
            failures.append(f"boot/compare {' '.join(words)}: says nothing")


by_hand()
guests()
functions()
statistics()
recordings()
mistakes()
tables()
costs()
refused()
sys.exit("\n".join(failures) or 0)
