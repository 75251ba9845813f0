# SPDX-License-Identifier: MIT
"""The races of tools/races: steps as in docs/protocol-amd.md and docs/protocol-intel.md.

An agent is a list of accesses. What decides nothing is left out; a field of an entry is a word here.
"""
ALL = ('arm64', 'arm64-lse', 'c11')


class Race:
    """@places: initial values. @result: registers and places, which together are the loss. @mistakes:
    name: ({agent: its accesses}, the models in which the result is possible then). @models: in which
    herd7 lists the results in seconds."""

    def __init__(self, name, places, agents, result, mistakes, models=ALL):
        self.name, self.places, self.agents, self.result, self.mistakes = name, places, agents, result, mistakes
        self.models = models

    def variants(self):
        found = {'': (self.agents, ())}
        for name, (changes, models) in self.mistakes.items():
            found[name] = ([changes.get(i, a) for i, a in enumerate(self.agents)], models)
        return found


RACES = [
    Race('barrier  what the others rely on: a read-modify-write is a full barrier',
         {'here': 0, 'there': 0},
         ['pn_or32(here, 1); r0 = pn_ld32(there)',
          'pn_xchg32(there, 1); r0 = pn_ld32(here)'],
         {'0:r0': 0, '1:r0': 0},
         {"C11's own": ({0: 'or_alone(here, 1); r0 = pn_ld32(there)'}, ('arm64', 'c11')),
          'a plain store': ({0: 'pn_st32(here, 1); r0 = pn_ld32(there)'}, ALL)}),
    # A sender of an IPI finds no IsRunning, and the vCPU sleeps without its bit; or it rings in vain.
    Race('post-block  C2, C3; B4, B6, B8: a bit is set while the vCPU blocks',
         {'irr': 0, 'running': 1},
         ['pn_or32(irr, 1); r0 = pn_ld32_sc(running)',
          'pn_st32(running, 0); pn_fence(); r0 = pn_ld32_acq(irr)'],
         {'0:r0': 1, '1:r0': 0},
         {'B6 missing': ({1: 'pn_st32(running, 0); r0 = pn_ld32_acq(irr)'}, ALL),
          'B6 after the look': ({1: 'pn_st32(running, 0); r0 = pn_ld32_acq(irr); pn_fence()'}, ALL),
          'C3 before C2': ({0: 'r0 = pn_ld32_sc(running); pn_or32(irr, 1)'}, ALL),
          'C2 no full barrier, C3 relaxed': ({0: 'or_alone(irr, 1); r0 = pn_ld32(running)'}, ('arm64', 'c11')),
          'C2 no full barrier, C3 acquire': ({0: 'or_alone(irr, 1); r0 = pn_ld32_acq(running)'}, ('c11',))}),
    Race('send-enter  S1, S3, S4; E2, E3, E5: a bit is set while the vCPU enters',
         {'irr': 0, 'mode': 0},
         ['pn_or32(irr, 1); pn_fence(); r0 = pn_ld32_acq(mode)',
          'pn_st32_rel(mode, 1); pn_fence(); r0 = pn_ld32_acq(irr)'],
         {'0:r0': 0, '1:r0': 0},
         {'E3 missing': ({1: 'pn_st32_rel(mode, 1); r0 = pn_ld32_acq(irr)'}, ('c11',)),
          'E3 missing, the look relaxed': ({1: 'pn_st32_rel(mode, 1); r0 = pn_ld32(irr)'}, ALL)}),
    Race('request-enter  Q1; E2, E3, E4: a request is made while the vCPU enters',
         {'requests': 0, 'mode': 0},
         ['pn_or32(requests, 1); r0 = pn_ld32_acq(mode)',
          'pn_st32_rel(mode, 1); pn_fence(); r0 = pn_ld32(requests)'],
         {'0:r0': 0, '1:r0': 0},
         {'E3 missing': ({1: 'pn_st32_rel(mode, 1); r0 = pn_ld32(requests)'}, ALL),
          'Q1 no full barrier': ({0: 'or_alone(requests, 1); r0 = pn_ld32_acq(mode)'}, ('c11',)),
          'Q1 no full barrier, relaxed': ({0: 'or_alone(requests, 1); r0 = pn_ld32(mode)'}, ('arm64', 'c11'))}),
    Race('request-carry  Q1, Q2: the request is cleared before the cause is read',
         {'inhibits': 0, 'requests': 0},
         ['pn_or32(inhibits, 1); pn_or32(requests, 1)',
          'r0 = pn_and32(requests, ~1); r1 = pn_ld32(inhibits)'],
         {'1:r0': 1, '1:r1': 0},
         {'the cause is read first': ({1: 'r1 = pn_ld32(inhibits); r0 = pn_and32(requests, ~1)'}, ALL),
          'the request is made first': ({0: 'pn_or32(requests, 1); pn_or32(inhibits, 1)'}, ALL),
          'a plain request': ({0: 'pn_st32(inhibits, 1); pn_st32(requests, 1)'}, ALL)}),
    # Woken is 1 already, so this waker leaves the task to the one that set it.
    Race('wake-once  S1, W1; B7, B8: the task is marked already, and looks again',
         {'irr': 0, 'woken': 1},
         ['pn_or32(irr, 1); r0 = pn_xchg32(woken, 1)',
          'pn_st32(woken, 0); pn_fence(); r0 = pn_ld32_acq(irr)'],
         {'0:r0': 1, '1:r0': 0},
         {'B7 has no fence': ({1: 'pn_st32(woken, 0); r0 = pn_ld32_acq(irr)'}, ALL),
          'W1 before S1': ({0: 'r0 = pn_xchg32(woken, 1); pn_or32(irr, 1)'}, ALL)}),
    # The bit of word 1 was pending and masked, and is parked. The IOMMU posts to word 0.
    Race('post-park  D3, D7; K3, K4: GAPPI finds the IRR not empty while bits are parked',
         {'word0': 0, 'word1': 1},
         ['pn_or32(word0, 1); r0 = pn_ld32_sc(word1)',
          'pn_and32(word1, ~1); r0 = pn_ld32_acq(word0)'],
         {'0:r0': 1, '1:r0': 0},
         {'D7 before D3': ({0: 'r0 = pn_ld32_sc(word1); pn_or32(word0, 1)'}, ALL),
          'K4 before K3': ({1: 'r0 = pn_ld32_acq(word0); pn_and32(word1, ~1)'}, ALL),
          'K3 no full barrier': ({1: 'and_alone(word1, ~1); r0 = pn_ld32_acq(word0)'}, ('c11',)),
          'K3 no full barrier, relaxed': ({1: 'and_alone(word1, ~1); r0 = pn_ld32(word0)'}, ('arm64', 'c11'))}),
    Race('park-read  K2, K3: another agent reads IRR, map, IRR while a bit moves to the map',
         {'irr': 1, 'parked': 0},
         ['pn_st32_rel(parked, 1); pn_and32(irr, ~1)',
          'r0 = pn_ld32_acq(irr); r1 = pn_ld32_acq(parked); r2 = pn_ld32_acq(irr)'],
         {'1:r0': 0, '1:r1': 0, '1:r2': 0},
         {'K3 before K2': ({0: 'pn_and32(irr, ~1); pn_st32_rel(parked, 1)'}, ALL),
          'the reader relaxed': ({1: 'r0 = pn_ld32(irr); r1 = pn_ld32(parked); r2 = pn_ld32(irr)'}, ALL)}),
    Race('unpark-read  U4: another agent reads IRR, map, IRR while a bit moves back',
         {'irr': 0, 'parked': 1},
         ['pn_or32(irr, 1); pn_st32_rel(parked, 0)',
          'r0 = pn_ld32_acq(irr); r1 = pn_ld32_acq(parked); r2 = pn_ld32_acq(irr)'],
         {'1:r0': 0, '1:r1': 0, '1:r2': 0},
         {'out of the map first': ({0: 'pn_st32_rel(parked, 0); pn_or32(irr, 1)'}, ALL),
          'the IRR is read once, first': (
              {1: 'r0 = pn_ld32_acq(irr); r1 = pn_ld32_acq(parked); r2 = pn_ld32(parked)'}, ALL),
          'the map relaxed': ({1: 'r0 = pn_ld32_acq(irr); r1 = pn_ld32(parked); r2 = pn_ld32(irr)'}, ALL)}),
    # Each is silent if it finds the other's bit and its own stamp.
    Race('stamps  D2, D3, D7: two IOMMUs post to an empty IRR, and one of them notifies',
         {'stamp': 0, 'word0': 0, 'word1': 0},
         ['pn_xchg32(stamp, 1); pn_or32(word0, 1); r0 = pn_ld32_sc(word1); r1 = pn_ld32_sc(stamp)',
          'pn_xchg32(stamp, 2); pn_or32(word1, 1); r0 = pn_ld32_sc(word0); r1 = pn_ld32_sc(stamp)'],
         {'0:r0': 1, '0:r1': 1, '1:r0': 1, '1:r1': 2},
         {'the stamp is read first': (
             {0: 'pn_xchg32(stamp, 1); pn_or32(word0, 1); r1 = pn_ld32_sc(stamp); r0 = pn_ld32_sc(word1)'}, ALL),
          'stamped after the bit': (
              {0: 'pn_or32(word0, 1); pn_xchg32(stamp, 1); r0 = pn_ld32_sc(word1); r1 = pn_ld32_sc(stamp)'},
              ALL)},
         models=('arm64-lse', 'c11')),
    # ON is 1 from an earlier post. This one sends nothing; the vCPU takes the bit, or ON stays 1.
    Race('pir-sync  R1; Y2, Y3: an IOMMU finds ON while the vCPU takes the PIR',
         {'pir': 0, 'on': 1},
         ['pn_or32(pir, 1); r0 = pn_ld32_sc(on)',
          'pn_and32(on, ~1); r0 = pn_ld32_sc(pir)'],
         {'0:r0': 1, '1:r0': 0, 'on': 0},
         {'Y3 before Y2': ({1: 'r0 = pn_ld32_sc(pir); pn_and32(on, ~1)'}, ALL),
          'ON before the bit': ({0: 'r0 = pn_ld32_sc(on); pn_or32(pir, 1)'}, ALL),
          'no full barriers, relaxed': ({0: 'or_alone(pir, 1); r0 = pn_ld32(on)'}, ('arm64', 'c11'))}),
    Race('send-sync  S1, S2; Y2, Y3: software finds ON while the vCPU takes the PIR',
         {'pir': 0, 'on': 1},
         ['pn_or32(pir, 1); r0 = pn_or32(on, 1)',
          'pn_and32(on, ~1); r0 = pn_xchg32(pir, 0)'],
         {'0:r0': 1, '1:r0': 0, 'on': 0},
         {'Y3 before Y2': ({1: 'r0 = pn_xchg32(pir, 0); pn_and32(on, ~1)'}, ALL),
          'S2 before S1': ({0: 'r0 = pn_or32(on, 1); pn_or32(pir, 1)'}, ALL)}),
    # SN suppresses the notification, and load looks for what was posted meanwhile.
    Race('post-load  L3, L4: an IOMMU finds SN while the vCPU is loaded',
         {'pir': 0, 'sn': 1},
         ['pn_or32(pir, 1); r0 = pn_ld32_sc(sn)',
          'pn_and32(sn, ~1); pn_fence(); r0 = pn_ld32_acq(pir)'],
         {'0:r0': 1, '1:r0': 0},
         {'L4 before L3': ({1: 'r0 = pn_ld32_acq(pir); pn_and32(sn, ~1); pn_fence()'}, ALL),
          'a plain store, no fence': ({1: 'pn_st32(sn, 0); r0 = pn_ld32_acq(pir)'}, ALL)}),
    Race('unload  W2: the hypervisor goes while its handler begins',
         {'in_handler': 0, 'loaded': 1},
         ['pn_st32(in_handler, 1); pn_fence(); r0 = pn_ld32(loaded)',
          'pn_st32(loaded, 0); pn_fence(); r0 = pn_ld32_acq(in_handler)'],
         {'0:r0': 1, '1:r0': 0},
         {'no fence in the handler': ({0: 'pn_st32(in_handler, 1); r0 = pn_ld32(loaded)'}, ALL),
          'no fence in exit': ({1: 'pn_st32(loaded, 0); r0 = pn_ld32_acq(in_handler)'}, ALL)}),
    Race('unload-free  W4: exit frees what the handler used',
         {'in_handler': 1, 'list': 0},
         ['pn_st32(list, 1); pn_st32_rel(in_handler, 0)',
          'r0 = pn_ld32_acq(in_handler); r1 = pn_ld32(list)'],
         {'1:r0': 0, '1:r1': 0},
         {'W4 relaxed': ({0: 'pn_st32(list, 1); pn_st32(in_handler, 0)'}, ALL),
          'the wait relaxed': ({1: 'r0 = pn_ld32(in_handler); r1 = pn_ld32(list)'}, ALL)}),
    Race('log  D6, G4: the entry before the tail',
         {'entry': 0, 'tail': 0},
         ['pn_st32_rel(entry, 7); pn_st32_rel(tail, 1)',
          'r0 = pn_ld32_acq(tail); r1 = pn_ld32_acq(entry)'],
         {'1:r0': 1, '1:r1': 0},
         {'D6 relaxed': ({0: 'pn_st32(entry, 7); pn_st32(tail, 1)'}, ALL),
          'G4 relaxed': ({1: 'r0 = pn_ld32(tail); r1 = pn_ld32(entry)'}, ALL)}),
    # One vCPU moves; the sender reads mode, then cpu.
    Race('mode-cpu  L1, E2; S4, S6: the CPU of a vCPU that is seen in its guest',
         {'cpu': 0, 'mode': 0},
         ['pn_st32(cpu, 1); pn_st32_rel(mode, 1)',
          'r0 = pn_ld32_acq(mode); r1 = pn_ld32(cpu)'],
         {'1:r0': 1, '1:r1': 0},
         {'E2 relaxed': ({0: 'pn_st32(cpu, 1); pn_st32(mode, 1)'}, ALL),
          'S4 relaxed': ({1: 'r0 = pn_ld32(mode); r1 = pn_ld32(cpu)'}, ALL)}),
    # Both find the lock free, one after the other.
    Race('lock  B2, B3; W3: the handler sees all that changed under the lock',
         {'held': 0, 'on_list': 0, 'blocking': 0},
         ['r0 = take(held); pn_st32(on_list, 1); pn_st32(blocking, 1); pn_st32_rel(held, 0)',
          'r0 = take(held); r1 = pn_ld32(on_list); r2 = pn_ld32(blocking); pn_st32_rel(held, 0)'],
         {'0:r0': 0, '1:r0': 0, '1:r1': 1, '1:r2': 0},
         {'dropped by a relaxed store': (
             {0: 'r0 = take(held); pn_st32(on_list, 1); pn_st32(blocking, 1); pn_st32(held, 0)'}, ALL),
          'taken by a relaxed exchange': (
              {1: 'r0 = take_relaxed(held); r1 = pn_ld32(on_list); r2 = pn_ld32(blocking); pn_st32_rel(held, 0)'},
              ALL)}),
    # Both agents of src/world/smp use read-modify-writes.
    Race('prod  torture: a message to a CPU that goes to sleep',
         {'pending': 0, 'idle': 0},
         ['pn_xchg32(pending, 1); r0 = pn_ld32_sc(idle)',
          'pn_xchg32(idle, 1); r0 = pn_ld32_sc(pending)'],
         {'0:r0': 0, '1:r0': 0},
         {'idle is read first': ({0: 'r0 = pn_ld32_sc(idle); pn_xchg32(pending, 1)'}, ALL),
          'idle is stored': ({1: 'pn_st32(idle, 1); r0 = pn_ld32_acq(pending)'}, ALL)}),
]
