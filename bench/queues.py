# SPDX-License-Identifier: MIT
"""passthrough-nvme as queues, for SimPy 2 (Debian's python3-simpy): the peer of `postern bench
sim_events_per_s`.

Four disks with a queue for each of 32 vCPUs and four requests in each: a request is in its disk, then its
interrupt waits for the IOMMU and travels to the vCPU, which waits for one of 16 CPUs, runs the handler and
processes the completion. No silicon: no entries, no descriptor, no exits. Prints events per second
of CPU time, completions per simulated millisecond, and how long an interrupt waits for its handler
(ns); exit status 77: there is no SimPy.
"""
import random
import sys
import time

try:
    from SimPy.Simulation import Process, Resource, Simulation, hold, release, request
except ImportError:
    sys.exit(77)

DISKS, VCPUS, CPUS, DEPTH = 4, 32, 16, 4
UNIT, WIRE, HANDLER, WORK = 75, 350, 1200, 3000  # ns
END = 5_000_000
rng = random.Random(1)
completions = waited = 0
sim = Simulation()
unit = Resource(1, sim=sim)
cpus = Resource(CPUS, sim=sim)


class Request(Process):
    def go(self, vcpu):
        global completions, waited
        while True:
            yield hold, self, rng.lognormvariate(11.29, 0.35)
            sent = sim.now()
            yield request, self, unit
            yield hold, self, UNIT
            yield release, self, unit
            yield hold, self, WIRE
            yield request, self, vcpu
            yield request, self, cpus
            waited += sim.now() - sent
            yield hold, self, HANDLER
            yield hold, self, WORK
            yield release, self, cpus
            yield release, self, vcpu
            completions += 1


for _ in range(VCPUS):
    vcpu = Resource(1, sim=sim)
    for _ in range(DISKS * DEPTH):
        r = Request(sim=sim)
        sim.activate(r, r.go(vcpu))
begun = time.process_time()
sim.simulate(until=END)
took = time.process_time() - begun
# Each event that was ever scheduled has a number, counted downwards.
print(f'events per second: {(-sim._sortpr - len(sim._timestamps)) / took:.0f}')
print(f'completions per ms: {completions / (END / 1e6):.0f}')
print(f'mean wait: {waited / completions:.0f}')
