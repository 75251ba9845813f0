#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""distro_results.py SOURCE: what boot/distro says of a recorded boot. As it was, it is good; each rule
is broken once, and must be named."""

import json
import pathlib
import sys
import tempfile

SOURCE = pathlib.Path(sys.argv[1])
sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "boot" / "lib"))
import distro  # noqa: E402 (its place is an argument)

# As boot/distro was called for the record.
SIZE = (64, 64, 2000, ["off", "on"])
RECORD = [json.loads(line) for line in
          (SOURCE / "tests/e2e/boot/distro/result").read_text().splitlines()]


def line(lines, avic, at=None):
    """The line of the end of a run of the guest's, or that of the state."""
    for item in lines:
        if item.get("avic") == avic and (
                item.get("guest", {}).get("end") == at if at else "parameter" in item):
            return item
    raise KeyError(at)


def guest(avic, run, key, value):
    def change(lines, _):
        line(lines, avic, run)["guest"][key] = value
    return change


def host(avic, run, key, more):
    """The host counted some more, or fewer, from this run on."""
    def change(lines, _):
        at = lines.index(line(lines, avic, run))
        for item in lines[at:]:
            if item.get("avic") == avic and "host" in item:
                item["host"][key] += more
    return change


def state(key, value):
    def change(lines, _):
        line(lines, "on")[key] = value
    return change


def gone(avic, run):
    def change(lines, _):
        lines.remove(line(lines, avic, run))
    return change


def ended(lines, _):
    next(item for item in lines if "status" in item)["status"] = 1


def stopped(lines, _):
    del lines[-1]


def flipped(name, at):
    """One bit of a file."""
    def change(_, folder):
        with open(folder / name, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1]))
    return change


BROKEN = (
    ("AVIC on: large: the guest says 0, and not", guest("on", "large", "said", "0")),
    ("AVIC off: pages: the guest says 0, and not", guest("off", "pages", "said", "0")),
    ("AVIC on: receive: the guest says 0, and not", guest("on", "receive", "said", "0")),
    ("AVIC on: send: the guest says , and not sent", guest("on", "send", "said", "")),
    ("AVIC on: ping: 500 pings: 500 packets transmitted, 499 received",
     guest("on", "ping", "said", "500 packets transmitted, 499 received")),
    ("AVIC off: receive: 366 frames, too few", guest("off", "receive", "received", 0)),
    ("AVIC on: pages: the guest had 1999 interrupts of the drive, 2000 are due",
     guest("on", "pages", "drive", 1999)),
    ("AVIC on: receive: the guest had 0 interrupts of the card, 1 are due",
     guest("on", "receive", "card", 0)),
    ("AVIC on: pages: the host had 1 interrupts of the drive", host("on", "pages", "drive", 1)),
    ("AVIC on: ping: the host had 1 interrupts of the card", host("on", "ping", "card", 1)),
    ("AVIC off: pages: the host had 1999 of 2000 interrupts", host("off", "pages", "drive", -1)),
    ("AVIC off: large: exits of AVIC", host("off", "large", "avic", 1)),
    ("AVIC off: write: exits of AVIC, or entries of the log", host("off", "write", "galog", 1)),
    ("AVIC on: kvm_amd.avic=N", state("parameter", "N")),
    ("AVIC on: KVM says: nothing", state("says", "nothing")),
    ("AVIC off: the guest's QEMU ended with 1", ended),
    ("AVIC on: write: did not come to its end", gone("on", "write")),
    ("the host did not come to its end", stopped),
    ("AVIC off: write: the 64 MiB on the drive are not", flipped("drive", 64 << 20)),
    ("AVIC on: write: the 64 MiB on the drive are not", flipped("drive", (192 << 20) - 1)),
    ("AVIC on: send: what arrived is not what was sent", flipped("received", 12345678)),
)


def files(folder):
    """The drive and what was sent, as the guest should leave them."""
    mib, copy, _, states = SIZE
    distro.image(mib, mib + 2 * copy, folder / "drive")
    whole = b"".join(distro.content(number) for number in range(copy))
    with open(folder / "drive", "r+b") as file:
        file.seek(mib * distro.MIB)
        file.write(whole * len(states))
    (folder / "received").write_bytes(whole[:distro.SENT * distro.MIB] * len(states))


def judged(folder, change=None):
    lines = json.loads(json.dumps(RECORD))
    if change:
        change(lines, folder)
    (folder / "result").write_text("".join(json.dumps(item) + "\n" for item in lines))
    bad = distro.judged(folder, *SIZE)[2]
    if change and change.__qualname__.startswith("flipped"):
        change(lines, folder)
    return bad


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        files(folder)
        for wanted, change in (("", None), *BROKEN):
            bad = judged(folder, change)
            if (not wanted and bad) or (wanted and not any(b.startswith(wanted) for b in bad)):
                failed += 1
                print(f"wrong: {wanted or 'the record'}: it says {bad}")
    print(f"distro results: {len(BROKEN) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
