# SPDX-License-Identifier: MIT
"""distro.py image MIB TOTAL FILE: the drive of boot/distro, TOTAL MiB of which the first MIB have
content, no two alike.
distro.py judge [--json EMULATOR] FOLDER MIB COPY PAGES AVIC...: what the host and the guest counted, as a
table or as JSON; FOLDER has the result, the drive and what the guest sent. Exit status: 1 if data was
not intact, or an interrupt went where it should not."""

import functools
import hashlib
import json
import pathlib
import random
import re
import sys

import results

MIB = 1 << 20
RECEIVED, SENT, PINGS = 16, 8, 500
# A frame of the network has no more.
FRAME = 1500
RUNS = {"large": "drive", "pages": "drive", "write": "drive", "receive": "card", "send": "card",
        "ping": "card"}
# Title, width, of whom, what.
COLUMNS = (("run", 8, None, "end"), ("ms", 6, "guest", "ms"),
           ("drive", 6, "guest", "drive"), ("card", 6, "guest", "card"),
           ("frames", 7, "guest", "frames"),
           ("drive", 7, "host", "drive"), ("card", 6, "host", "card"), ("iommu", 6, "host", "iommu"),
           ("GA log", 7, "host", "galog"), ("exits", 7, "host", "exits"), ("intr", 6, "host", "intr"),
           ("hlt", 6, "host", "hlt"), ("injected", 9, "host", "injected"),
           ("401h+402h", 10, "host", "avic"))


def content(number):
    """One MiB; a block from another place, or an old one, is seen."""
    return random.Random(number).randbytes(MIB)


def image(mib, total, path):
    with open(path, "wb") as file:
        for number in range(mib):
            file.write(content(number))
        file.truncate(total * MIB)


@functools.cache
def digest(size):
    whole = hashlib.sha256()
    for at in range(0, size, MIB):
        whole.update(content(at // MIB)[:size - at])
    return whole.hexdigest()


def empty(state):
    return {"avic": state, "parameter": None, "says": "", "guest": None, "runs": {}, "status": None,
            "errors": "", "before": None, "bad": []}


def read(path, states):
    """The host's line, and for each state of AVIC what was said and counted."""
    host, boots, done = {}, {state: empty(state) for state in states}, False
    for line in results.lines(path):
        item = results.parsed(line)
        boot = boots.get(item.get("avic"))
        if "kernel" in item:
            host = item
        elif "done" in item:
            done = True
        elif boot and "guest" in item:
            take(boot, item["guest"], item["host"])
        elif boot:
            boot.update(item)
    return host, boots, done


def take(boot, guest, host):
    """A line of the guest's, with what the host had counted by then."""
    if "kernel" in guest:
        boot["guest"] = guest
    elif "begin" in guest:
        boot["before"] = host
    elif boot["before"]:
        guest["frames"] = guest["received"] + guest["sent"]
        boot["runs"][guest["end"]] = {
            "guest": guest, "host": {key: host[key] - boot["before"][key] for key in host}}


def answers(mib, pages):
    """What the guest must have said of each run that reads: sums, as they are without a machine."""
    return {"large": digest(mib * MIB), "pages": digest(pages * 4096),
            "receive": digest(RECEIVED * MIB), "send": "sent"}


def data(name, run, expected):
    """What is wrong with a run's data."""
    said = run["guest"]["said"]
    if name == "ping":
        got = re.search(r"(\d+) received", said)
        if not got or int(got[1]) != PINGS:
            yield f"{PINGS} pings: {said}"
    elif name in expected and said != expected[name]:
        yield f"the guest says {said}, and not {expected[name]}"
    least = {"receive": RECEIVED * MIB // FRAME, "send": SENT * MIB // FRAME, "ping": 2 * PINGS}
    if run["guest"]["frames"] < least.get(name, 0):
        yield "{frames} frames, too few for the data".format(**run["guest"])


def interrupts(name, run, state, mib, pages):
    """What is wrong with its interrupts: with AVIC none is the host's, without it all are."""
    guest, host, device = run["guest"], run["host"], RUNS[name]
    least = {"large": mib, "pages": pages, "ping": PINGS}.get(name, 1)
    if guest[device] < least:
        yield f"the guest had {guest[device]} interrupts of the {device}, {least} are due"
    for device in ("drive", "card"):
        if state == "on" and host[device]:
            yield f"the host had {host[device]} interrupts of the {device}"
        if state == "off" and host[device] < guest[device]:
            yield f"the host had {host[device]} of {guest[device]} interrupts of the {device}"
    if state == "off" and (host["avic"] or host["galog"]):
        yield "exits of AVIC, or entries of the log, without AVIC"


def on_disk(folder, boots, mib, copy):
    """What the guest wrote and sent, as it is outside of the machine."""
    with open(folder / "drive", "rb") as file:
        for boot in boots:
            file.seek((mib + (copy if boot["avic"] == "on" else 0)) * MIB)
            if any(file.read(MIB) != content(number) for number in range(copy)):
                boot["bad"].append(f"write: the {copy} MiB on the drive are not what was written")
    sent = b"".join(content(number) for number in range(SENT))
    path = folder / "received"
    if not path.exists() or path.read_bytes() != sent * len(boots):
        boots[-1]["bad"].append("send: what arrived is not what was sent")


def judge(boot, expected, mib, pages):
    state = boot["avic"]
    if boot["parameter"] != {"off": "N", "on": "Y"}[state]:
        boot["bad"].append(f"kvm_amd.avic={boot['parameter']}")
    if ("x2AVIC enabled" in boot["says"]) != (state == "on"):
        boot["bad"].append(f"KVM says: {boot['says']}")
    if boot["status"] != 0:
        boot["bad"].append(f"the guest's QEMU ended with {boot['status']}: {boot['errors']}")
    for name in RUNS:
        if name not in boot["runs"]:
            boot["bad"].append(f"{name}: did not come to its end")
            continue
        run = boot["runs"][name]
        run["bad"] = [*data(name, run, expected), *interrupts(name, run, state, mib, pages)]
        boot["bad"] += [f"{name}: {fault}" for fault in run["bad"]]


def row(run):
    cells = []
    for title, width, whose, what in COLUMNS:
        cell = run["guest"]["end"] if whose is None else run[whose][what]
        cells.append(f"{cell:{'<' if whose is None else '>'}{width}}")
    return "".join(cells)


def table(host, boots):
    print("{host}, Linux {kernel}, QEMU {qemu}".format(**host))
    for boot in boots:
        guest = boot["guest"] or {"guest": "none", "kernel": "none", "driver": "none"}
        print("\nAVIC {avic}: kvm_amd.avic={parameter}; {says}".format(
            **{**boot, "says": boot["says"] or "no AVIC line"}))
        print("  guest: {guest}, Linux {kernel}, {driver}".format(**guest))
        print(f"{'':14}{'guest: interrupts':^19}{'host: interrupts':^20}{'KVM':^38}".rstrip())
        print("".join(f"{title:{'<' if whose is None else '>'}{width}}"
                      for title, width, whose, _ in COLUMNS))
        for name in RUNS:
            if name in boot["runs"]:
                print(row(boot["runs"][name]))


def judged(folder, mib, copy, pages, states):
    """The host's line, the boots with what is wrong, and all that is wrong, a line each."""
    host, boots, done = read(folder / "result", states)
    expected = answers(mib, pages)
    boots = list(boots.values())
    for boot in boots:
        judge(boot, expected, mib, pages)
        del boot["before"]
    on_disk(folder, boots, mib, copy)
    bad = [f"AVIC {boot['avic']}: {fault}" for boot in boots for fault in boot["bad"]]
    if not done:
        bad.append("the host did not come to its end")
    return host, boots, bad


def main(words):
    as_json = words[:1] == ["--json"]
    folder, mib, copy, pages, *states = words[2 if as_json else 0:]
    host, boots, bad = judged(pathlib.Path(folder), int(mib), int(copy), int(pages), states)
    passed = sum(not run["bad"] for boot in boots for run in boot["runs"].values())
    if as_json:
        print(json.dumps({"emulator": words[1], "host": host, "mib": int(mib), "boots": boots,
                          "bad": bad}, indent=1))
    else:
        table(host or {"host": "no host", "kernel": "none", "qemu": "none"}, boots)
        for fault in bad:
            print(f"FAILED: {fault}")
    print(f"distro: {passed} passed, {len(bad)} failed", file=sys.stderr if as_json else sys.stdout)
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1] == "image":
        image(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        sys.exit(main(sys.argv[2:]))
