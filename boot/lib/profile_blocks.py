# SPDX-License-Identifier: MIT
"""Which functions of the kernel the instructions of a window belong to.

The emulator wrote down every translation block that a kernel executed (struct block in
boot/qemu/meter.c). A call of a function begins with a block at its first instruction and ends with
the first block on the same stack above it. What other stacks execute meanwhile, interrupts and other
tasks, does not count for it.
"""

import bisect
import struct

BLOCK = struct.Struct("<QQqQ")
WINDOW = 2 ** 64 - 1
STACK = 14  # log2 of the size of a kernel stack


class Symbols:
    """The kernel's functions, from the lines of /proc/kallsyms."""

    def __init__(self, lines):
        found = {}
        for line in lines:
            words = line.split()
            if len(words) >= 3 and words[1] in "tTwW":
                found.setdefault(int(words[0], 16), words[2])
        self.at = found
        self.addresses = sorted(found)

    def of(self, pc):
        i = bisect.bisect_right(self.addresses, pc) - 1
        return self.at[self.addresses[i]] if i >= 0 else hex(pc)


def windows(data):
    """time -> blocks (pc, sp, count, cpu) of each window that was profiled."""
    found, blocks = {}, None
    for pc, sp, count, cpu in BLOCK.iter_unpack(data[:len(data) // BLOCK.size * BLOCK.size]):
        if cpu == WINDOW:
            blocks = found[pc] = []
        elif blocks is not None:
            blocks.append((pc, sp, count, cpu))
    return found


class Call:
    def __init__(self, name, sp, caller):
        self.name = name
        self.sp = sp
        self.caller = caller  # the call that it is in, on the same stack
        self.own = 0
        self.all = 0

    def within(self, name):
        call = self.caller
        while call:
            if call.name == name:
                return True
            call = call.caller
        return False


def calls(blocks, zero, symbols):
    """The calls of a window in the order of their begin; zero: the kernel instructions of each
    processor at its begin."""
    stacks, last, found = {}, dict(zero), []
    for pc, sp, count, cpu in blocks:
        stack = stacks.setdefault(sp >> STACK, [])
        while stack and sp > stack[-1].sp:
            stack.pop()
        if pc in symbols.at and not (stack and stack[-1].sp == sp and
                                     stack[-1].name == symbols.at[pc]):
            call = Call(symbols.at[pc], sp, stack[-1] if stack else None)
            stack.append(call)
            found.append(call)
        n = count - last[cpu]
        last[cpu] = count
        if stack:
            stack[-1].own += n
        for call in stack:
            call.all += n
    return found
