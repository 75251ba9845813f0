# SPDX-License-Identifier: MIT
"""The meter's record (boot/qemu/meter.c), as instructions on the way of an interrupt.

Every processor has a clock of the instructions that its kernel has executed since the device's
write. An interrupt from another processor puts the receiver's clock forward to the sender's, if that
is later; what the device and the IOMMU send is sent at 0. The clock of a processor when it delivers
a vector to its guest is the length of the path: the longest chain of host instructions from the
device's write to the first instruction of the guest's handler, if all processors run at one speed.
A doorbell that a processor rings puts the clock forward in the same way.

What the interrupt causes is what a processor's kernel executes from an interrupt on that the device
or the IOMMU sent, or a processor that was already executing such, until it halts or leaves for user
space or a guest; with the exit before it; and what the guest leaves for when it was entered because
of it, its EOI or HLT. Timers and what else a kernel does of itself are not caused by it.
"""

USER, KERNEL, GUEST = 0, 1, 2

# Vectors of Linux 7.3, arch/x86/include/asm/irq_vectors.h
SYSTEM_VECTORS = {0xec: "timer", 0xf0: "posted", 0xf1: "wakeup", 0xf2: "posted", 0xf6: "irq work",
                  0xfb: "call", 0xfc: "call", 0xfd: "reschedule"}

BELL = -1  # stands for a vector

# Exit codes of SVM, AMD64 APM vol 2, appendix C
EXITS = {0x60: "intr", 0x64: "vintr", 0x78: "hlt", 0x77: "pause", 0x7b: "io", 0x7c: "msr",
         0x400: "npf", 0x401: "avic_incomplete_ipi", 0x402: "avic_noaccel"}


class Cpu:
    def __init__(self, kernel):
        self.kernel = kernel      # instructions of its kernel, as last seen
        self.clock = 0
        self.part = 0             # of the clock: instructions that the interrupt caused
        self.caused = 0           # instructions that it caused on this processor
        self.busy = False         # with work that it caused
        self.before = None        # instructions since the exit whose interrupt is not known yet

    def account(self, kernel):
        n = kernel - self.kernel
        self.kernel = kernel
        self.clock += n
        if self.busy:
            self.part += n
            self.caused += n
        elif self.before is not None:
            self.before += n

    def begins(self):
        if not self.busy and self.before:
            self.part += self.before
            self.caused += self.before
        self.busy, self.before = True, None

    def forward(self, clock, part):
        if clock > self.clock:
            self.clock, self.part = clock, part


class Window:
    """From one write of the device on, as long as the emulator wrote down."""

    def __init__(self, time, first, count, posting):
        self.time = time      # of the write, in ns of virtual time
        self.first = first    # the device's vectors
        self.count = count
        self.posting = posting
        self.cpu = {}
        self.zero = {}        # kernel instructions at the beginning
        self.pending = {}     # (processor, vector): clock, part, whether caused
        self.delivered = {}   # guest's vector: length of the path
        self.parts = {}       # and how much of it the interrupt caused
        self.guests = set()   # VMCBs that were entered because of it
        self.host_interrupts = {}  # (kind, processor): how many that it caused
        self.exits = {}
        self.doorbells = 0
        self.iommu = set()    # vectors that the IOMMU sent
        self.all = 0          # instructions of all kernels, for any cause

    def caused(self):
        return sum(c.caused for c in self.cpu.values())

    def begin(self, cpu, kernel):
        self.cpu[cpu] = Cpu(kernel)
        self.zero[cpu] = kernel

    def kind(self, vector):
        if vector in SYSTEM_VECTORS:
            return SYSTEM_VECTORS[vector]
        return "log" if self.posting else "device"

    def interrupt(self, cpu, vector):
        c = self.cpu[cpu]
        clock, part, caused = self.pending.pop((cpu, vector), (0, 0, False))
        c.forward(clock, part)
        if not caused and vector in SYSTEM_VECTORS and vector not in self.iommu:
            return
        c.begins()
        key = self.kind(vector), cpu
        self.host_interrupts[key] = self.host_interrupts.get(key, 0) + 1

    def send(self, cpu, vector, dests):
        c = self.cpu[cpu]
        for dest in dests:
            self.pending.setdefault((dest, vector), (c.clock, c.part, c.busy))

    def ring(self, cpu, dest):
        self.doorbells += 1
        if cpu >= 0:
            self.pending.setdefault((dest, BELL), (self.cpu[cpu].clock, self.cpu[cpu].part, False))

    def deliver(self, cpu, vector):
        self.cpu[cpu].forward(*self.pending.pop((cpu, BELL), (0, 0, False))[:2])
        self.delivered[vector] = self.cpu[cpu].clock
        self.parts[vector] = self.cpu[cpu].part

    def enter(self, cpu, vmcb):
        """A guest, or user space."""
        c = self.cpu[cpu]
        if c.busy and vmcb:
            self.guests.add(vmcb)
        c.busy, c.before = False, None

    def leave(self, cpu, vmcb, code):
        """A guest. What made it leave has been sent already."""
        c = self.cpu[cpu]
        name = EXITS.get(code, hex(code))
        if name == "intr":
            c.before = 0
            c.forward(*min((p[:2] for (dest, _), p in self.pending.items() if dest == cpu),
                           default=(0, 0)))
        elif vmcb in self.guests:
            self.exits[name] = self.exits.get(name, 0) + 1
            self.guests.discard(vmcb)
            c.begins()

    def halt(self, cpu):
        self.cpu[cpu].busy, self.cpu[cpu].before = False, None


def _mode(w, cpu, words):
    mode = int(words[5])
    vmcb = words[6] if len(words) > 6 else None
    if mode != KERNEL:
        w.enter(cpu, vmcb if mode == GUEST else None)
    elif vmcb:
        w.leave(cpu, vmcb, int(words[7], 16))


def _event(w, words):
    what = words[0]
    if what == "S":
        w.iommu.add(int(words[2]))
        return
    cpu = int(words[1])
    if cpu >= 0:
        w.cpu[cpu].account(int(words[3]))
    if what == "D":
        w.ring(cpu, int(words[-1]))
    elif what == "M":
        _mode(w, cpu, words)
    elif what == "H":
        w.halt(cpu)
    elif what == "I" and int(words[5]) == GUEST:
        w.deliver(cpu, int(words[6]))
    elif what == "I":
        w.interrupt(cpu, int(words[6]))
    elif what == "P":
        w.send(cpu, int(words[5]), [int(d) for d in words[6:]])


class _Reader:
    def __init__(self, posting):
        self.posting = posting
        self.runs = {0: []}
        self.run = 0
        self.window = None
        self.ended = False

    def line(self, words):
        what, w = words[0], self.window
        if what == "N":
            self.run = int(words[1])
            self.runs.setdefault(self.run, [])
        elif what == "R":
            self.window, self.ended = Window(*map(int, words[1:4]), self.posting), False
        elif what == "E":
            self.ended = True
            self.runs[self.run].append(w)
        elif what == "G" or w is None:
            return
        elif what == "C" and not self.ended:
            w.begin(int(words[1]), int(words[3]))
        elif what == "C":
            w.cpu[int(words[1])].account(int(words[3]))
            w.all = sum(c.kernel - w.zero[n] for n, c in w.cpu.items())
        else:
            _event(w, words)


def read(lines, posting):
    """The windows of each run, by the run's number, 0 for those that are not for the result. The last
    line is cut off where the emulator was ended; the boot has no end then."""
    reader = _Reader(posting)
    for line in lines:
        try:
            reader.line(line.split())
        except (IndexError, ValueError, KeyError):
            break
    return reader.runs
