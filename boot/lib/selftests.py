# SPDX-License-Identifier: MIT
"""selftests.py [--json] VENDOR EMULATOR (OFF.json ON.json | skipped:KERNEL:REASON)...: what the
kernel's tests ended with when APIC virtualization was off and when it was on, side by side. Exit
status: 1 if a test or a boot is not as it should be, 77 if a kernel was skipped, 0 otherwise."""

import json
import pathlib
import re
import sys

import results

COLUMNS = (("test", 38), ("{name} off", 20), ("{name} on", 20), ("same", 4), ("{exits}", 9),
           ("device", 9))
ABSENT = "not in this version"
# Tests that fail in this emulator with AVIC on or off: a word of their message, and the reason.
KNOWN = {
    "svm_nested_soft_inject_test": ("X86_FEATURE_NRIPS", "the emulator has no nrip-save"),
    "nested_exceptions_test": ("SVM_EXIT_EXCP_BASE + vector",
                               "the emulator's exit code of a nested exception"),
    "nested_tsc_adjust_test": ("rdtsc() < (1ll << 32)",
                               "the emulator takes more than 2^32 ticks of the TSC to the guest"),
}
# What APIC virtualization is called, which exits only it has, whether KVM has it on, and what the
# kernel says then.
VENDORS = {
    "amd": {"name": "AVIC", "exits": "401h+402h", "module": "kvm_amd", "parameter": "avic",
            "says": ("kvm_amd: AVIC enabled", "kvm_amd: x2AVIC enabled"),
            "is": lambda host: host.get("avic", "?")},
    "intel": {"name": "APICv", "exits": "45+56", "module": "kvm_intel",
              "parameter": "enable_apicv", "says": (),
              "is": lambda host: dict(word.split("=") for word in host.get("kvm_intel", "").split()
                                      ).get("enable_apicv", "?")},
}


def read(path):
    """One boot: its host line, its tests by name, and errors of the boot as a whole."""
    boot = {"host": {}, "tests": {}, "bad": ["the boot did not come to its end"]}
    for line in results.lines(path):
        item = results.parsed(line)
        if "test" in item:
            boot["tests"][item["test"]] = item
        elif "done" in item:
            boot["bad"] = boot["bad"][1:] + item["bad"]
        elif "says" in item:
            boot["host"] = item
        else:
            boot["bad"].append(f"unreadable line: {line[:80]}")
    return boot


def ending(test):
    if test is None:
        return "did not run"
    code = test["exit"]
    if code is None:
        return ABSENT
    if code == 137:
        return "timeout"
    return {0: "pass", 4: "skip"}.get(code, f"fail ({code})")


def reason(test):
    """Why a test did not pass, in its own words, without what differs from run to run."""
    if test is None or test["exit"] in (None, 0):
        return None
    says = [line.strip() for line in test["says"] if line.strip()]
    for number, line in enumerate(says):
        if "Test Assertion Failure" in line and number + 1 < len(says):
            return says[number + 1]
        if "# SKIP" in line:
            return line.split("# SKIP", 1)[1].lstrip(" -")
        if line.startswith("not ok"):
            return line
    return says[-1] if says else "it said nothing"


def detail(test):
    """The sentence that goes with a failed assertion."""
    if reason(test) and "Test Assertion Failure" in " ".join(test["says"]):
        return test["says"][-1].strip()
    return None


def known(name, test):
    """Why this emulator makes the test fail as it did, if that is known."""
    word, why = KNOWN.get(name.split()[0], ("", None))
    return why if ending(test).startswith("fail") and word in (reason(test) or "") else None


def note(name, off, on):
    words = ["known: " + known(name, on)] if known(name, off) and known(name, on) else []
    for label, test in (("off", off), ("on", on)):
        if test and test.get("attempt", 1) > 1:
            words.append(f"{label}: attempt {test['attempt']} of 5, it judges by the time")
    why = {label: "; ".join(filter(None, (reason(test), detail(test))))
           for label, test in (("off", off), ("on", on))}
    if why["off"] == why["on"] or (reason(off) and reason(off) == reason(on)):
        words += [why["off"]] if why["off"] else []
    else:
        words += [f"{label}: {word}" for label, word in why.items() if word]
    return "; ".join(words) or None


def same(a, b):
    """Whether a test ended in the same way for the same reason; None if it judges by the time and
    the emulator was too slow for it on one side only."""
    if ending(a) == ending(b) != "did not run" and reason(a) == reason(b):
        return True
    timed = a and b and a.get("timed") and {ending(a)[:4], ending(b)[:4]} <= {"pass", "fail"}
    return None if timed else False


def device_fault(name, off, on):
    """What a test that drives the card must not leave to the host when APIC virtualization is on.
    -n makes every second interrupt an NMI, which cannot be posted."""
    if "CARD" not in name or not ending(off) == ending(on) == "pass":
        return None
    without, posted = off["device_interrupts"], on["device_interrupts"]
    most = without // 2 if "-n" in name.split() else 0
    if without > 0 and posted <= most:
        return None
    return f"the host handled {without} device interrupts when it was off, {posted} when it was on"


def verdict(name, off, on):
    """passed, skipped, failed; None for a test that this version does not have."""
    if ending(off) == ending(on) == ABSENT:
        return None
    if same(off, on) is False or device_fault(name, off, on):
        return "failed"
    if ending(off) == ending(on) == "pass":
        return "passed"
    if same(off, on) is None or ending(on) == "skip" or known(name, on):
        return "skipped"
    return "failed"


def fault(row):
    """The error of a test that failed."""
    if row["same"]:
        return row["device_fault"] or f"{row['on']} on both sides, for no reason that is known"
    return f"{row['off']} when it is off, {row['on']} when it is on"


def compare(kernel, off, on):
    rows = []
    for name in {**off["tests"], **on["tests"]}:
        a, b = off["tests"].get(name), on["tests"].get(name)
        rows.append({
            "kernel": kernel, "test": name, "off": ending(a), "on": ending(b),
            "same": same(a, b), "verdict": verdict(name, a, b),
            "device_fault": device_fault(name, a, b),
            "exits": [(t or {}).get("exits", 0) for t in (a, b)],
            "device_interrupts": [(t or {}).get("device_interrupts", 0) for t in (a, b)],
            "note": note(name, a, b)})
    return rows


def own_exits(boot):
    return sum(test.get("exits", 0) for test in boot["tests"].values())


def evidence(of, label, boot):
    host = boot["host"]
    words = [w for w in host.get("says", []) if of["says"] and w.startswith(of["says"])] or \
        ([f"no {of['name']} line"] if of["says"] else [])
    return f"Linux {host.get('kernel', '?')}, {of['name']} {label}: " + "; ".join(
        [f"{of['module']}.{of['parameter']}={of['is'](host)}", *words,
         f"{own_exits(boot)} {of['name']} exits"])


def faults(of, rows, off, on):
    """The errors as text."""
    wrong = []
    for label, boot, wanted in (("off", off, "N"), ("on", on, "Y")):
        says = boot["host"].get("says", [])
        head = f"{of['name']} {label}: "
        wrong += [head + word for word in boot["bad"]]
        if of["is"](boot["host"]) != wanted:
            wrong.append(f"{head}{of['module']}.{of['parameter']} is {of['is'](boot['host'])}")
        if of["says"] and (of["says"][0] in says) != (label == "on"):
            wrong.append(f"{head}the kernel does {'not ' * (label == 'on')}say"
                         f" \"{of['says'][0]}\"")
        if (own_exits(boot) > 0) != (label == "on"):
            wrong.append(f"{head}{own_exits(boot)} exits that only {of['name']} has")
    wrong += [f"{row['test']}: {fault(row)}" for row in rows if row["verdict"] == "failed"]
    if not rows:
        wrong.append("no test")
    return wrong


def named(of, row):
    """A row for machines: what is off or on, and has exits of its own, is in the keys' names."""
    head = of["name"].lower() + "_"
    return {head + key if key in ("off", "on", "exits") else key: cell for key, cell in row.items()}


def show(of, kernel):
    print(f"\nLinux {kernel['name']}")
    if kernel["skipped"]:
        print("  SKIPPED: " + kernel["skipped"])
        return
    for word in kernel["evidence"]:
        print("  " + word)
    line = lambda cells: "  ".join(
        str(cell).ljust(width) for cell, (_, width) in zip(cells, COLUMNS)).rstrip()
    print(line([name.format(**of) for name, _ in COLUMNS]))
    for row in kernel["tests"]:
        device = row["device_interrupts"]
        print(line((row["test"], row["off"], row["on"],
                    {True: "yes", False: "NO", None: "?"}[row["same"]],
                    row["exits"][1] or "", "{} {}".format(*device) if any(device) else "")))
        if row["note"]:
            print(f"    {row['note']}")
    for word in kernel["wrong"]:
        print(f"  WRONG: {word}")


def main(args):
    as_json = args[0] == "--json"
    vendor, emulator, *paths = args[1:] if as_json else args
    of = VENDORS[vendor]
    kernels = []
    while paths:
        path = paths.pop(0)
        if path.startswith("skipped:"):
            _, name, why = path.split(":", 2)
            kernels.append({"name": name, "skipped": why, "tests": [], "evidence": [], "wrong": []})
            continue
        on_path = paths.pop(0)
        off, on = read(pathlib.Path(path)), read(pathlib.Path(on_path))
        name = on["host"].get("kernel") or off["host"].get("kernel") or \
            re.sub(r".*-|\.json$", "", path)
        mode = pathlib.Path(on_path).name.split("-")[1]  # selftests-MODE-KERNEL.json
        rows = [{**row, "mode": mode} for row in compare(name, off, on)]
        kernels.append({"name": f"{name}, {mode}", "skipped": None, "tests": rows,
                        "evidence": [evidence(of, "off", off), evidence(of, "on", on)],
                        "wrong": faults(of, rows, off, on)})
    tests = [row for kernel in kernels for row in kernel["tests"]]
    wrong = [f"{kernel['name']}: {word}" for kernel in kernels for word in kernel["wrong"]]
    skipped = [f"{kernel['name']}: {kernel['skipped']}" for kernel in kernels if kernel["skipped"]]
    if as_json:
        json.dump({"schema": "postern.boot-selftests/1", "vendor": vendor, "emulator": emulator,
                   "tests": [named(of, row) for row in tests],
                   "evidence": [word for kernel in kernels for word in kernel["evidence"]],
                   "wrong": wrong, "skipped": "; ".join(skipped) or None}, sys.stdout, indent=1)
        print()
    else:
        for kernel in kernels:
            show(of, kernel)
        print(f"\n{of['exits']}: exits that only {of['name']} has, while it was on; device:"
              f" interrupts of the card that the host\nhandled itself, with {of['name']} off and on;"
              " ?: no verdict, the test judges by the time and the machine was\ntoo busy for it on"
              " one side.")
        ran = [row for row in tests if row["verdict"]]
        count = lambda word: sum(row["verdict"] == word for row in ran)
        known_failures = sum(row["verdict"] == "skipped" and (row["note"] or "").startswith("known:")
                             for row in ran)
        unsure = sum(row["same"] is None for row in ran)
        print(f"{len(ran)} tests run; {count('passed')} passed both times; skipped:"
              f" {count('skipped') - known_failures - unsure} that skip themselves,"
              f" {known_failures} that this emulator makes fail, {unsure} without a verdict")
        unrun = count("skipped") + len(skipped)
        print(f"selftests: {count('passed')} passed, {len(wrong)} failed"
              + (f", {unrun} skipped" if unrun else ""))
    return 1 if wrong else 77 if skipped else 0


sys.exit(main(sys.argv[1:]))
