#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""boot_results.py SOURCE: what boot/run says of recorded boots. Good ones are good; each rule is
broken once, by a change of one run, and must be named."""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(sys.argv[1])
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "boot" / "lib"))
import results  # noqa: E402 (its place is an argument)
import boot_broken_drives  # noqa: E402
import boot_broken_vmx  # noqa: E402
import drives  # noqa: E402

FOLDER = SOURCE / "tests" / "e2e" / "boot"
BOOTS = {path.stem: results.read(path) for path in sorted(FOLDER.glob("*.json"))}


def put(path, value):
    """A change: sets run[a][b] for the path "a.b"."""
    def change(run):
        *way, last = path.split(".")
        for key in way:
            run = run[key]
        run[last] = value
    return change


def drop(name):
    """A change: this run has no result."""
    def change(boot):
        boot["runs"] = [run for run in boot["runs"] if run["run"] != name]
    return change


def in_run(name, change):
    """A change of a boot: that of one run."""
    return lambda boot: change(next(r for r in boot["runs"] if r["run"] == name))


def both(*changes):
    def change(whole):
        for one in changes:
            one(whole)
    return change


LEVEL_EXITS = "an EOI is an exit when its interrupt was level-triggered, and not otherwise"
OTHER_EXITS = "no access is an exit but those EOIs, and one to switch the APIC on"

NO_INHIBIT = "nothing inhibits AVIC, but that a guest has no interrupt controllers yet"
INHIBITED = "AVIC is inhibited as often as the run says, and KVM injects what comes then"
ALL_GAPPI = "every GAPPI is an interrupt of the host with the wakeup vector"
SOME_GAPPI = "of GAPPIs to one CPU, or to one that goes, the host has no more than were sent"
NO_LOG = "with GAPPI the GA log is off, and the IOMMU has no other interrupt"
GAPPI = "gappi-7.3-gappi"

# Which boot, which run, what changes, what must be said.
BROKEN = (
    (GAPPI, "halt", put("lost", 1), "1 lost"),
    (GAPPI, "halt", put("steps", None), "nobody counted the IOMMU's steps"),
    (GAPPI, "halt", put("ga_log.total", 1), "no GA log but where it is used"),
    (GAPPI, "halt", put("wakeups.0x1", 0), "a vCPU that sleeps is woken"),
    (GAPPI, "halt", put("host_interrupts.device", 1),
     "no MSI is an interrupt of the host, but for those meanwhile detached; every INTx is"),
    (GAPPI, "halt", put("log.on", True), NO_LOG),
    (GAPPI, "halt", put("steps.galog_entry", 1), NO_LOG),
    (GAPPI, "overflow", put("steps.galog_drop", 1), NO_LOG),
    (GAPPI, "level", put("host_interrupts.iommu", 1), NO_LOG),
    (GAPPI, "halt", put("host_interrupts.posted", 1), ALL_GAPPI),
    (GAPPI, "halt", put("steps.gappi_send", 1), ALL_GAPPI),
    (GAPPI, "halt", put("wakeup_interrupts", [0, 0, 1]), ALL_GAPPI),
    (GAPPI, "crowd", put("host_interrupts.posted", 0), SOME_GAPPI),
    (GAPPI, "offline", put("host_interrupts.posted", 10000), SOME_GAPPI),
    (GAPPI, "spin", put("steps.gappi_send", 1), "no GAPPI for a vCPU that runs, or is preempted"),
    (GAPPI, "preempted", put("steps.gappi_send", 1),
     "no GAPPI for a vCPU that runs, or is preempted"),
    (GAPPI, "sleeper", put("steps.gappi_send", 0), "GAPPI for a vCPU that sleeps"),
    (GAPPI, "halt", put("steps.gappi_send", 2001), "GAPPI for a vCPU that sleeps"),
    (GAPPI, "ipi-asleep", put("steps.gappi_send", 1), "no GAPPI without an MSI"),
    (GAPPI, "halt", put("steps.irr_set", 1999),
     "the IOMMU posts each MSI of a guest, and no other"),
    ("posting-7.3", "detach", put("steps.irr_set", 150),
     "the IOMMU posts each MSI of a guest, and no other"),
    ("posting-7.3", "halt", put("steps.galog_entry", 1),
     "KVM is told of each entry that the IOMMU wrote"),
    ("posting-7.3", "halt", put("steps.gappi_send", 1), "no GAPPI but where it is used"),
    ("posting-7.3", "halt", put("host_interrupts.posted", 1), "no GAPPI but where it is used"),
    ("posting-7.3", "first", put("inhibits.0x4", 11), NO_INHIBIT),
    ("posting-7.3", "inhibit", put("inhibits.0x8", 1), INHIBITED),
    ("posting-7.3", "inhibit", put("turns", 0), INHIBITED),
    (GAPPI, "inhibit", put("eois.total", 39), INHIBITED),
    (GAPPI, "inhibit", put("injected.total", 39), INHIBITED),
    ("posting-7.3", "halt", put("lost", 1), "1 lost"),
    ("posting-7.3", "masked", put("early", 2), "2 early"),
    ("posting-7.3", "spin", put("extra", 1), "1 extra"),
    ("posting-7.3", "sleeper", put("stuck", 1), "1 stuck"),
    ("posting-7.3", "gappi", put("stuck", 1), "1 stuck"),
    ("posting-7.3", "halt", put("seen", 1999), "sent 2000, seen 1999"),
    ("posting-7.3", "ipi-halt", put("ipis.seen", 499), "IPIs sent 500, seen 499"),
    ("posting-7.3", "halt", put("error", "exit 0x1"), "exit 0x1"),
    ("posting-7.3", "halt", put("ga_log", None), "this kernel does not count ga_log"),
    ("baseline-7.3", "spin", put("host_interrupts.device", 9999),
     "every MSI is an interrupt of the host, and every INTx"),
    ("remapped-7.3", "detach", put("host_interrupts.device", 150),
     "every MSI is an interrupt of the host, and every INTx"),
    ("posting-7.3", "spin", put("host_interrupts.device", 1),
     "no MSI is an interrupt of the host, but for those meanwhile detached; every INTx is"),
    ("posting-7.3", "level-intx", put("host_interrupts.device", 0),
     "no MSI is an interrupt of the host, but for those meanwhile detached; every INTx is"),
    ("posting-7.3", "gappi", put("host_interrupts.device", 0),
     "every GAPPI is an interrupt of the host, and every rule of GAPPI holds"),
    ("posting-7.3", "gappi", put("gappi.failed", ["IsRun=1"]),
     "every GAPPI is an interrupt of the host, and every rule of GAPPI holds"),
    ("posting-7.3", "gappi", put("gappi.skipped", "no GAPPISup"),
     "every GAPPI is an interrupt of the host, and every rule of GAPPI holds"),
    ("baseline-7.3", "halt", put("exits.total", 1999), "an MSI makes the vCPU leave the guest"),
    ("remapped-7.3", "spin", put("exits.intr", 9999),
     "an MSI whose host vector is on the vCPU's CPU is an external-interrupt exit"),
    ("posting-7.3", "spin", put("exits.intr", 100),
     "fewer than 100 external-interrupt exits for 10 000 MSIs"),
    ("remapped-7.3", "halt", put("ga_log.total", 1), "no GA log but where it is used"),
    ("posting-7.3", "x2apic-spin", put("ga_log.total", 1), "no GA log entry for a vCPU that runs"),
    ("posting-6.12", "x2apic-spin", both(put("ga_log.total", 3), put("displaced", 2)),
     "no GA log entry for a vCPU that runs, but when something displaced it"),
    ("posting-6.12", "spin-flood", both(put("ga_log.total", 3), put("displaced", 0)),
     "no GA log entry for a vCPU that runs, but when something displaced it"),
    ("posting-7.3", "preempted", put("ga_log.total", 1),
     "no GA log entry for a vCPU that is preempted"),
    ("posting-6.12", "preempted", put("ga_log.total", 0),
     "GA log entries for a vCPU that is preempted"),
    ("posting-7.3", "halt", put("ga_log.total", 0), "GA log entries for a vCPU that sleeps"),
    ("posting-7.3", "halt", put("ga_log.total", 2001), "GA log entries for a vCPU that sleeps"),
    ("posting-7.3", "halt", put("wakeups.0x1", 0), "a vCPU that sleeps is woken"),
    ("posting-7.3", "sleeper", put("ga_log.total", 99),
     "an entry for every MSI that a sleeping vCPU's TPR masks"),
    ("posting-7.3", "halt-flood", put("log.runs", False), "the GA log runs when all is over"),
    ("posting-7.3", "halt-flood", put("log.overflow", True), "the GA log runs when all is over"),
    ("posting-7.3", "overflow", put("ga_log.total", 2754),
     "of a burst the GA log keeps what it holds, then works again"),
    ("posting-7.3", "spin", put("irte_updates.0x1", 0),
     "the interrupt remapping entry is set for posting"),
    ("remapped-7.3", "spin", put("irte_updates.0x1", 1), "and never without"),
    ("baseline-7.3", "ipi-halt", put("incomplete_ipi.total", 1), "no incomplete IPI without AVIC"),
    ("posting-7.3", "halt", put("incomplete_ipi.total", 1), "no incomplete IPI without IPIs"),
    ("posting-7.3", "ipi-spin", both(put("incomplete_ipi.total", 6), put("displaced", 5)),
     "an IPI to a vCPU that runs is complete, but when something displaced it"),
    ("posting-7.3", "ipi-asleep", put("incomplete_ipi.0x1", 199),
     "an IPI to a vCPU that sleeps is incomplete: target not running"),
    ("remapped-7.3", "ipi-asleep", put("incomplete_ipi.0x1", 0),
     "an IPI to a vCPU that sleeps is incomplete: target not running"),
    ("posting-7.3", "ipi-halt", put("incomplete_ipi.0x1", 0),
     "no IPI is incomplete for another reason"),
    ("posting-7.3", "ipi-halt", put("exits.avic_incomplete_ipi", 10000),
     "no IPI is incomplete for another reason"),
    ("posting-7.3", "ipi-asleep", put("ga_log.total", 1), "no GA log entry without an MSI"),
    ("posting-7.3", "halt", put("injected.total", 1), "no interrupt is injected by KVM under AVIC"),
    ("posting-7.3", "level", put("level.seen", 599),
     "level-triggered interrupts due 600, seen 599"),
    ("posting-7.3", "level", put("level.failed", ["after the last EOI: no remote IRR"]),
     "after the last EOI: no remote IRR"),
    ("posting-7.3", "level", put("level.checks", 0),
     "the interrupt controllers were not looked at"),
    ("posting-7.3", "level", put("inhibits", {"total": 1, "0x8": 1}),
     NO_INHIBIT),
    ("baseline-7.3", "level", put("exits.avic_noaccel", 1), "no exit of AVIC's without AVIC"),
    ("baseline-7.3", "ipi-halt", put("exits.avic_incomplete_ipi", 1),
     "no exit of AVIC's without AVIC"),
    ("posting-7.3", "level", put("unaccelerated.0xb0", 599), LEVEL_EXITS),
    ("remapped-7.3", "spin", put("unaccelerated.0xb0", 1), LEVEL_EXITS),
    ("posting-7.3", "level", put("exits.avic_noaccel", 602), OTHER_EXITS),
    ("posting-7.3", "spin", both(put("exits.avic_noaccel", 2), put("unaccelerated.total", 2)),
     OTHER_EXITS),
    ("posting-7.3", "x2apic-level", both(put("exits.avic_noaccel", 602), both(
        put("unaccelerated.total", 602), put("unaccelerated.0xf0", 2))), OTHER_EXITS),
    ("posting-7.3", "level", put("eois", {"total": 1, "0xffffffffffffffff": 1}),
     "KVM knows the vector of each EOI that is an exit"),
    ("posting-7.3", "level-nested", put("eois", {"total": 1200, "0x43": 800, "0x73": 400}),
     "KVM knows the vector of each EOI that is an exit"),
    ("posting-7.3", "spin", put("eois", {"total": 1, "0x51": 1}),
     "KVM knows the vector of each EOI that is an exit"),
    ("baseline-7.3", "halt", put("eois.total", 1999), "KVM makes each EOI, and knows its vector"),
    ("baseline-7.3", "level-two", put("eois.0x43", 399),
     "KVM makes each EOI, and knows its vector"),
    ("remapped-7.3", "level-two", put("acks.0x14", 399),
     "each EOI of a line's interrupt reaches the I/O APIC, and no other does"),
    ("baseline-7.3", "spin", put("acks.total", 1),
     "each EOI of a line's interrupt reaches the I/O APIC, and no other does"),
    ("posting-6.12", "level-irqfd", put("level.resampled", 599),
     "KVM lowers an irqfd's line at each EOI, and says so"),
)

# Of Intel's modes, those that have a recording.
BROKEN += tuple((name, word, put(path, value), want)
                for name, word, path, value, want in
                (*boot_broken_vmx.BROKEN, *boot_broken_drives.BROKEN) if name in BOOTS)

# The same for what belongs to the boot.
BROKEN_BOOTS = (
    (GAPPI, put("host.says", ["kvm_amd: AVIC enabled"]),
     "the kernel does not say 'GAPPI enabled'"),
    (GAPPI, lambda boot: put("says", [])(boot["hosts"][0]),
     "the kernel does not say 'GAPPI enabled'"),
    ("posting-7.3", lambda boot: boot["host"]["says"].append("AMD-Vi: GAPPI enabled"),
     "the kernel says 'GAPPI enabled'"),
    ("posting-7.3", put("mode", "fallback"), "the kernel says nothing of amd_iommu=gappi"),
    ("fallback-7.3-gappi", lambda boot: boot["host"]["says"].append("AMD-Vi: GAPPI enabled"),
     "the kernel says 'GAPPI enabled'"),
    ("fallback-7.3-gappi", in_run("halt", put("steps.gappi_send", 1)),
     "no GAPPI but where it is used"),
    (GAPPI, put("end.log_restarts", 1), "a GA log was restarted"),
    (GAPPI, lambda boot: put("log_restarts", 1)(boot["left"][0]), "a GA log was restarted"),
    (GAPPI, put("refused", "no GAPPI"), "refused: no GAPPI"),
    (GAPPI, lambda boot: put("error", "rmmod: in use")(boot["acted"][0]), "reload: rmmod: in use"),
    (GAPPI, lambda boot: boot["acted"].pop(),
     "done to the host: reload suspend, of: reload suspend kexec"),
    (GAPPI, put("acts", []), "done to the host: reload suspend kexec, of: "),
    (GAPPI, in_run("offline", both(put("sent", 7), put("seen", 7))), "offline: 7 MSIs of 60"),
    (GAPPI, lambda boot: put("kind", "churn")(next(w for w in boot["plan"] if w["name"] == "pair")),
     "pair: 0 turns of 150"),
    ("posting-7.3", put("bad", ["AMD-Vi: Event logged"]), "AMD-Vi: Event logged"),
    ("posting-7.3", put("host.says", ["kvm_amd: AVIC enabled"]),
     "the kernel does not say 'Virtual APIC enabled'"),
    ("baseline-7.3", put("host.says", ["kvm_amd: AVIC enabled"]),
     "the kernel says 'AVIC enabled'"),
    ("posting-7.3", put("end", None), "the boot did not come to its end"),
    ("posting-7.3", put("end.log_restarts", 0), "the GA log was never restarted"),
    ("posting-7.3", both(put("end.log_restarts", 0), drop("overflow")),
     "the GA log was never restarted"),
    ("posting-7.3", put("runs", []), "no run"),
    ("posting-7.3", put("plan", []), "no plan"),
    ("posting-7.3", put("plan", []), "spin: not in the plan"),
    ("baseline-7.3", drop("halt"), "halt: no result"),
    ("posting-7.3", drop("gappi"), "gappi: no result"),
    ("baseline-7.3", lambda boot: boot["plan"].append(boot["plan"][3]), "halt: no result"),
    ("baseline-7.3", lambda boot: boot["runs"].append(boot["runs"][3]), "halt: not in the plan"),
    ("posting-7.3", in_run("masked", put("kind", "paced")), "masked: kind paced instead of masked"),
    ("remapped-7.3", in_run("ipi-asleep", both(put("ipis.sent", 7), put("ipis.seen", 7))),
     "ipi-asleep: 7 IPIs of 200"),
    ("remapped-7.3", in_run("ipi-spin", both(put("ipis.sent", 7), put("ipis.seen", 7))),
     "ipi-spin: 7 IPIs of 300"),
    ("posting-7.3", in_run("level-nested", both(put("level.due", 600), put("level.seen", 600))),
     "level-nested: 600 level-triggered interrupts of 1200"),
    ("posting-7.3", in_run("level-two", put("level", None)),
     "level-two: 0 level-triggered interrupts of 800"),
    *(("posting-7.3", in_run(name, both(put("sent", 7), put("seen", 7))), f"{name}: 7 MSIs of {of}")
      for name, of in (("spin", 10000), ("halt-flood", 500), ("masked", 100), ("sleeper", 100),
                       ("overflow", 3700), ("detach", 150))),
)

BROKEN_BOOTS += tuple(row for row in (
    ("ipiv-7.3", put("host.kvm_intel", "enable_apicv=Y enable_ipiv=N"),
     "kvm_intel does not have enable_ipiv=Y"),
    ("vtd-pi-7.3", put("host.kvm_intel", "enable_apicv=Y enable_ipiv=Y"),
     "kvm_intel has enable_ipiv=Y"),
    ("ipiv-7.3", put("host.vmx", "vapic vid"), "the processor has no ipi_virt"),
) if row[0] in BOOTS)

# The same for what a boot wrote: which lines are left, what is added, what must be said.
BROKEN_FILES = (
    (GAPPI, lambda line: "says" in line and "run" not in line,
     '{"refused":"the kernel does not say X","about":["Unknown option"]}',
     "refused: the kernel does not say X; it says: Unknown option"),
    ("posting-7.3", lambda line: line.get("run") != "halt",
     '{"failed":"halt","status":143}', "halt: the harness ended with status 143"),
    ("posting-7.3", lambda line: line.get("run") != "halt", "", "halt: no result"),
    ("posting-7.3", lambda line: "plan" not in line, "", "no plan"),
    ("posting-7.3", lambda line: "done" not in line, "", "the boot did not come to its end"),
    ("posting-7.3", lambda line: True, '{"run":"ha', 'unreadable line: {"run":"ha'),
    ("posting-7.3", lambda line: True, "5", "unreadable line: 5"),
    ("posting-7.3", lambda line: False, "", "the boot did not come to its end"),
    ("posting-7.3", None, "", "the boot did not come to its end"),
)


def check(row, wrong, want):
    if any(word.endswith(want) for word in wrong):
        return 0
    print(f"{row}: expected '{want}', said {wrong}")
    return 1


# Keys that a run must have; there may be more.
KEYS = {"mode": str, "kernel": str, "msis": int, "seen": int, "lost": int, "vm_exits": dict,
        "host_interrupts": dict, "galog_entries": int, "wakeups": int, "evidence": list}


def table(files, *words):
    run = subprocess.run([sys.executable, SOURCE / "boot" / "lib" / "table.py", *words, *files],
                         capture_output=True, text=True, check=False)
    return run.returncode, run.stdout


def check_files():
    failed = 0
    for name, left, more, want in BROKEN_FILES:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / f"{name}.json"
            if left:
                lines = (FOLDER / path.name).read_text().splitlines()
                lines = [line for line in lines if left(json.loads(line))] + [more]
                path.write_text("\n".join(lines).strip())
            failed += check(f"{name}, '{more}'", results.faults(results.read(path)), want)
    return failed


def check_count():
    """All runs are counted; a run without a result has failed."""
    rows = len(BOOTS["posting-7.3"]["runs"])
    lines = (FOLDER / "posting-7.3.json").read_text().splitlines()
    bad = [line.replace('"bad":[]', '"bad":["Oops"]') for line in lines]
    failed = 0
    for what, text, passed, wrong in (
            ("a bad line", bad, rows, 1),
            ("two runs less", lines[:4] + lines[6:], rows - 2, 3),
            ("a run that lost one",
             lines[:4] + [lines[4].replace('"lost":0', '"lost":1')] + lines[5:], rows, 1),
            ("nothing", None, 0, 1)):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "posting-7.3.json"
            if text:
                path.write_text("\n".join(text) + "\n")
            status, said = table([path])
        if status != 1 or not said.endswith(f"boot: {passed} passed, {wrong} failed\n"):
            failed += 1
            print(f"table, {what}: status {status}, ends with {said[-60:]!r}")
    return failed


def check_documents():
    """The table and the JSON document, with a boot that was skipped."""
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        skipped = pathlib.Path(folder) / "posting-6.6.json"
        skipped.write_text('{"skipped":"NO MIRROR"}\n')
        good = [FOLDER / "posting-7.3.json"]
        rows = len(BOOTS["posting-7.3"]["runs"])
        status, text = table(good + [skipped])
        if status != 77 or not text.endswith(f"boot: {rows + 1} passed, 0 failed, 1 skipped\n"):
            failed += 1
            print(f"table: status {status}, ends with {text[-80:]!r}")
        status, text = table(good + [skipped], "--json", "QEMU")
    document = json.loads(text)
    if status != 77 or document["schema"] != "postern.boot/1" or document["emulator"] != "QEMU" \
            or document["wrong"] or len(document["runs"]) != rows + 1:
        failed += 1
        print(f"JSON: status {status}, {text[:80]!r}")
    for run in document["runs"]:
        bad = [key for key, kind in KEYS.items() if not isinstance(run[key], kind)]
        if bad or run["skipped"] != ("NO MIRROR" if run["kernel"] == "6.6" else None):
            failed += 1
            print(f"JSON: {run['mode']} {run['run']}: {bad}, skipped {run['skipped']}")
    return failed


def main():
    failed = check_documents() + check_files() + check_count()
    for name, boot in BOOTS.items():
        wrong = results.faults(boot)
        failed += bool(wrong)
        for word in wrong:
            print(f"{name} is good, but: {word}")
    for name, word, change, want in BROKEN:
        boot = copy.deepcopy(BOOTS[name])
        broken = next(r for r in boot["runs"] if r["run"] == word)
        change(broken)
        failed += check(f"{name} {word}", results.run_faults(boot, broken), want)
    for name, change, want in BROKEN_BOOTS:
        boot = copy.deepcopy(BOOTS[name])
        change(boot)
        failed += check(name, results.faults(boot), want)
    said = {want for *_, want in BROKEN}
    recorded = {boot["mode"] for boot in BOOTS.values()}
    for rule in results.RULES:
        if rule[0] not in said and (not rule[1] or recorded & set(rule[1])):
            print(f"no row breaks: {rule[0]}")
            failed += 1
    for name in {rule[0] for rule in drives.RULES} - said:
        print(f"no row breaks: {name}")
        failed += 1
    return failed != 0


sys.exit(main())
