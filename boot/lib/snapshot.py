# SPDX-License-Identifier: MIT
"""snapshot.py [--every S] [--seed N] FOLDER NOTE QEMU...: runs an emulator, and when the console says that
every vCPU sleeps, resets its machine the first time, and saves and loads it each time after that; from
then on also within S seconds. In turn another process loads it, as after a migration, and the same one,
as by loadvm. The console is the first serial port. NOTE gets one line of JSON: how many there were, and
how many of them while the vCPU slept from the line that says so until after the machine was stopped."""
import argparse
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import time

WORD = re.compile(r"snapshot: (asleep|over) (\d+)")
NODE = "snapshots"


def qcow2(path):
    """An empty image of 1 MiB: header, refcount table, its block, L1 table, a cluster each."""
    cluster = 1 << 16
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, 1 << 20, 0, 1, 3 * cluster, cluster, 1,
                         0, 0)
    clusters = (header, struct.pack(">Q", 2 * cluster), struct.pack(">4H", 1, 1, 1, 1), b"")
    with open(path, "wb") as f:
        for content in clusters:
            f.write(content.ljust(cluster, b"\0"))


def appending(command):
    """Serial ports that go to files keep what the process before wrote."""
    words, ports = list(command), []
    for i, word in enumerate(words):
        if words[i - 1] == "-serial" and word.startswith("file:"):
            ports.append(word[len("file:"):])
            words[i] = "chardev:serial%d" % len(ports)
    for n, path in enumerate(ports, 1):
        words += ["-chardev", "file,id=serial%d,append=on,path=%s" % (n, path)]
    return words, ports


class Emulator:
    def __init__(self, command, image, *more):
        self.events = []
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [*command, "-chardev", "socket,id=qmp,fd=%d" % theirs.fileno(),
                 "-mon", "chardev=qmp,mode=control",
                 "-blockdev", "qcow2,node-name=%s,file.driver=file,file.filename=%s" % (NODE, image),
                 *more], pass_fds=[theirs.fileno()])
        self.file = ours.makefile("rw", encoding="utf-8")
        ours.close()
        self.answer("QMP")
        self.ask("qmp_capabilities")

    def heard(self):
        line = self.file.readline()
        if not line:
            raise RuntimeError("the emulator ended")
        return json.loads(line)

    def answer(self, *keys):
        """The next answer; events that come before it are kept."""
        while True:
            said = self.heard()
            if any(key in said for key in keys):
                return said
            self.events.append(said.get("event"))

    def event(self, name):
        while name not in self.events:
            self.events.append(self.heard().get("event"))

    def ask(self, execute, **arguments):
        self.file.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
        self.file.flush()
        said = self.answer("return", "error")
        if "error" in said:
            raise RuntimeError("%s: %s" % (execute, said["error"]["desc"]))
        return said["return"]

    def until(self, look):
        for _ in range(6000):
            if look():
                return
            time.sleep(0.02)
        raise RuntimeError("the emulator does not come to an end with it")

    def moved(self):
        state = self.ask("query-migrate")
        if state.get("status") == "failed":
            raise RuntimeError("migration failed: %s" % state.get("error-desc"))
        return state.get("status") == "completed"

    def job_over(self, name):
        job = next(job for job in self.ask("query-jobs") if job["id"] == name)
        if job["status"] != "concluded":
            return False
        if "error" in job:
            raise RuntimeError("%s: %s" % (name, job["error"]))
        self.ask("job-dismiss", id=name)
        return True

    def job(self, what, **arguments):
        self.ask(what, **{"job-id": what}, tag="tag", devices=[NODE], **arguments)
        self.until(lambda: self.job_over(what))

    def reset(self):
        """SeaBIOS resets the machine once more by itself."""
        self.ask("set-action", reboot="reset")
        self.events.clear()
        self.ask("system_reset")
        self.event("RESET")

    def in_place(self):
        self.job("snapshot-save", vmstate=NODE)
        self.job("snapshot-load", vmstate=NODE)
        self.job("snapshot-delete")

    def save(self, path):
        self.ask("migrate", uri="file:" + path)
        self.until(self.moved)
        self.ask("quit")
        if self.process.wait(60):
            raise RuntimeError("the emulator ended with status %d" % self.process.returncode)

    def load(self, path):
        self.ask("migrate-incoming", uri="file:" + path)
        self.until(self.moved)

    def end(self):
        self.process.kill()
        self.process.wait()


class Sequence:
    def __init__(self, args):
        self.command, self.ports = appending(args.command)
        self.image, self.state = (os.path.join(args.folder, name) for name in ("snapshots.qcow2", "state"))
        self.random, self.every = random.Random(args.seed), args.every
        self.counts = {"resets": 0, "snapshots": 0, "in place": 0, "asleep": 0}
        self.seen = None  # the last time that the vCPU slept
        qcow2(self.image)
        self.emulator = Emulator(self.command, self.image)

    def asleep(self):
        """The number of the sleep that is going on, or None."""
        try:
            with open(self.ports[0], encoding="utf-8", errors="replace") as f:
                said = WORD.findall(f.read())
        except FileNotFoundError:
            return None
        return said[-1] + (len(said),) if said and said[-1][0] == "asleep" else None

    def reset(self):
        """What the machine said before it is not a result."""
        self.emulator.ask("stop")
        self.emulator.reset()
        for path in self.ports:
            os.truncate(path, 0)
        self.counts["resets"] += 1
        self.seen = None
        self.emulator.ask("cont")

    def take(self, now):
        self.emulator.ask("stop")
        self.counts["asleep"] += now is not None and self.asleep() == now
        self.counts["snapshots"] += 1
        if self.counts["snapshots"] % 2:
            self.emulator.save(self.state)
            self.emulator = Emulator(self.command, self.image, "-incoming", "defer")
            self.emulator.load(self.state)
            os.unlink(self.state)
        else:
            self.counts["in place"] += 1
            self.emulator.in_place()
        self.emulator.ask("cont")

    def pause(self):
        """Until the vCPU sleeps, or some time is over: what to take then; False when all is over."""
        end = time.monotonic() + self.random.uniform(0.2, self.every)
        while self.emulator.process.poll() is None:
            now = self.asleep()
            if now and now != self.seen:
                self.seen = now
                return True, now
            if time.monotonic() > end and self.counts["resets"]:
                return True, None
            time.sleep(0.02)
        return False, None

    def run(self):
        goes_on, now = self.pause()
        while goes_on:
            try:
                if now and not self.counts["resets"]:
                    self.reset()
                else:
                    self.take(now)
            except RuntimeError:
                if self.emulator.process.poll() != 0:
                    raise
            goes_on, now = self.pause()
        return self.emulator.process.returncode


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--every", type=float, default=6)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("folder")
    p.add_argument("note")
    p.add_argument("command", nargs=argparse.REMAINDER)
    args = p.parse_args()
    sequence = Sequence(args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        status = sequence.run()
    except RuntimeError as e:
        print("snapshot %d: %s" % (sequence.counts["snapshots"], e), file=sys.stderr)
        status = 1
    finally:
        sequence.emulator.end()
    with open(args.note, "w", encoding="ascii") as f:
        json.dump(sequence.counts, f)
    return status


sys.exit(main())
