#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Traces in Perfetto's format, read by protoc with a schema of their own: the same steps as in
Chrome's format, slices that nest, arrows from each interrupt to its handler.

    trace.py POSTERN SCHEMA
"""
import collections
import gzip
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BEGIN, END, INSTANT = 1, 2, 3
FAILURES = []
ESCAPES = {'n': '\n', 'r': '\r', 't': '\t'}


def check(good, what):
    if not good:
        FAILURES.append(what)
        print(f'FAILED: {what}')


def run(postern, *args):
    r = subprocess.run([postern, *args], capture_output=True, text=True)
    check(r.returncode == 0, f'{" ".join(args)}: exit status {r.returncode}: {r.stderr}')
    return r


def value_of(text):
    if text.startswith('"'):
        return re.sub(r'\\([0-7]{3}|.)', lambda m: chr(int(m[1], 8)) if m[1].isdigit() else ESCAPES.get(m[1], m[1]), text[1:-1])
    return {'true': 1, 'false': 0}.get(text) if text in ('true', 'false') else int(text)


def messages(lines):
    """Protoc's text as nested dictionaries of lists."""
    found = collections.defaultdict(list)
    for line in lines:
        line = line.strip()
        if line == '}':
            return found
        if line.endswith('{'):
            found[line[:-1].strip()].append(messages(lines))
        else:
            key, value = line.split(': ', 1)
            found[key].append(value_of(value))
    return found


def decode(schema, data):
    r = subprocess.run(['protoc', f'-I{schema.parent}', '--decode=postern.Trace', schema.name],
                       input=data, capture_output=True)
    check(r.returncode == 0, f'protoc: {r.stderr.decode()}')
    text = r.stdout.decode()
    unknown = re.search(r'^\s*\d+( \{|:).*', text, re.M)
    check(not unknown, f'a field that the schema lacks: {unknown and unknown[0]}')
    return messages(iter(text.splitlines()))['packet']


class Sequence:
    def __init__(self):
        self.clock = self.track = None
        self.names, self.args = {}, {}

    def take(self, p):
        """The event of a packet: time, track, and the message."""
        for snapshot in p['clock_snapshot']:
            clocks = {c['id'][0]: c for c in snapshot['clocks']}
            check(clocks[64]['incremental'] == [1] and 6 in clocks, 'clocks 6 and 64')
            self.clock = clocks[64]['timestamp'][0]
        for d in p['defaults']:
            check(d['clock'] == [64], 'the default clock')
            self.track = d['event'][0]['track'][0]
        for i in p['interned']:
            self.names.update({n['iid'][0]: n['name'][0] for n in i['event_names']})
            self.args.update({n['iid'][0]: n['name'][0] for n in i['arg_names']})
        if not p['event']:
            return None
        check(p['flags'] == [2], 'an event needs the state of its sequence')
        if p['clock']:
            check(p['clock'] == [6], 'absolute times are those of clock 6')
            at = p['timestamp'][0]
        else:
            self.clock += p['timestamp'][0]
            at = self.clock
        return at, self.track, p['event'][0]

    def name(self, event):
        return event['name'][0] if event['name'] else self.names[event['name_iid'][0]]


class Trace:
    def __init__(self, packets):
        self.tracks, self.process = {}, {}
        self.slices = []  # track, name, at, duration, arguments
        self.flows = collections.defaultdict(list)  # at, track, name, ends
        sequences, events = collections.defaultdict(Sequence), []
        for p in packets:
            for t in p['track']:
                uuid = t['uuid'][0]
                check(uuid not in self.tracks, f'track {uuid} is described once')
                self.tracks[uuid] = t['name'][0]
                self.process[uuid] = self.tracks[t['parent'][0]] if t['parent'] else t['name'][0]
            seq = sequences[p['sequence'][0]]
            event = seq.take(p)
            if event:
                events.append((*event, seq))
        self.read(events)

    def read(self, events):
        opened, last = collections.defaultdict(list), collections.defaultdict(int)
        for at, track, e, seq in events:
            check(track in self.tracks, f'track {track} is described')
            check(at >= last[track], f'{self.tracks[track]}: time goes back at {at}')
            last[track] = at
            if e['type'] == [END]:
                check(opened[track], f'{self.tracks[track]}: an end without a beginning at {at}')
                name, begun, args = opened[track].pop()
                self.slices.append((track, name, begun, at - begun, args))
                continue
            name = seq.name(e)
            args = {seq.args[a['name'][0]]: (a['text'] or a['pointer'])[0] for a in e['arg']}
            if e['type'] == [BEGIN]:
                opened[track].append((name, at, args))
            else:
                self.slices.append((track, name, at, 0, args))
            for kind in 'flow', 'ends':
                for f in e[kind]:
                    self.flows[f].append((at, track, name, kind == 'ends'))
        for track, left in opened.items():
            check(not left, f'{self.tracks[track]}: slices without an end: {left}')

    def steps(self):
        """As in Chrome's format: process, row, step, time, duration, both numbers."""
        for track, name, at, length, args in self.slices:
            row = self.tracks[track]
            if row.startswith('vCPU') or row == self.process[track]:
                continue
            row = re.sub('^(devices of|overlapping in) ', '', row)
            a, b = (list(args.values()) + [0, 0])[:2]
            yield self.process[track], row, name, at, length, a, b


def chrome_steps(text):
    events = json.loads(text)['traceEvents']
    rows, process = {}, {}
    for e in events:
        if e['name'] == 'thread_name':
            rows[e['pid'], e['tid']] = e['args']['name']
        elif e['name'] == 'process_name':
            process[e['pid']] = e['args']['name']
    for e in events:
        if e['ph'] == 'X':
            yield (process[e['pid']], rows[e['pid'], e['tid']], e['name'], round(e['ts'] * 1000),
                   round(e['dur'] * 1000), int(e['args']['a'], 16), int(e['args']['b'], 16))


def same_steps(postern, schema, folder, args):
    """Both formats of one run."""
    run(postern, *args, '--trace', f'{folder}/t.json')
    run(postern, *args, '--trace', f'{folder}/t.pftrace')
    run(postern, *args, '--trace', f'{folder}/t.pftrace.gz')
    data = (folder / 't.pftrace').read_bytes()
    check(gzip.decompress((folder / 't.pftrace.gz').read_bytes()) == data, 'packed and unpacked differ')
    trace = Trace(decode(schema, data))
    want = sorted(chrome_steps((folder / 't.json').read_text()))
    have = sorted(trace.steps())
    check(len(want) > 1000 and len(want) == len(have), f'{len(want)} steps and {len(have)}')
    begins = {(s[0], s[1], s[3]) for s in want}
    cut = 0
    for w, h in zip(want, have):
        # A slice may be cut off where its agent goes on, and does not begin before the last one.
        if w != h:
            check(w[:3] + w[5:] == h[:3] + h[5:] and h[4] <= w[4] and
                  (h[:2] + h[3:4] in begins if h[3] > w[3] else (*h[:2], h[3] + h[4]) in begins),
                  f'{w} became {h}')
            cut += 1
    check(cut < 0.001 * len(want), f'{cut} slices are cut off')
    print(f'{" ".join(args)}: {len(want)} steps, {cut} cut off, {len(trace.flows)} interrupts')
    return trace


def arrows(trace, handler):
    """Each begins where its interrupt was sent, and ends in a handler unless it merged."""
    ended = 0
    for f, events in trace.flows.items():
        events.sort(key=lambda e: e[0])
        # Of several devices at the same instant, if their vector is the same.
        sent = [e for e in events if e[2] in ('device_write', 'IPI')]
        over = [e for e in events if e[3]]
        check(sent and all(e[0] == events[0][0] for e in sent), f'flow {f:x} begins with {events[:3]}')
        check(len(over) <= len(sent) and all(e[2].startswith(handler) for e in over),
              f'flow {f:x} ends with {over}')
        ended += bool(over)
        # A remapped one may merge in the host's local APIC or when the host injects it.
        merged = any(e[2].endswith('merge') or e[2] == 'remap_send' for e in events)
        check(over or merged, f'flow {f:x} has no end: {events}')
    handlers = [s for s in trace.slices if s[1].startswith(handler)]
    print(f'  {ended} of {len(trace.flows)} arrows end in one of {len(handlers)} handlers')
    return ended


def states(trace):
    """A vCPU is in one state at a time, without gaps."""
    by_track = collections.defaultdict(list)
    for track, name, at, length, _ in trace.slices:
        if trace.tracks[track].startswith('vCPU') and not name.startswith(('handler', 'IPI')):
            by_track[track].append((at, at + length, name))
    names = {n for s in by_track.values() for _, _, n in s}
    check({'asleep', 'waits for a CPU', 'guest', 'exit_hlt'} <= names, f'states of vCPUs: {names}')
    for track, spans in by_track.items():
        spans.sort()
        check(all(a[1] == b[0] for a, b in zip(spans, spans[1:])), f'{trace.tracks[track]}: a gap')


def window(postern, schema, folder):
    args = ['run', 'sparse-wakeups', '--mode', 'gappi', '--duration', '20ms']
    run(postern, *args, '--trace', f'{folder}/w.json')
    run(postern, *args, '--trace', f'{folder}/w.pftrace', '--trace-window', '5ms,2ms')
    run(postern, *args, '--trace', f'{folder}/v.json', '--trace-window', '5ms,2ms')
    whole = collections.Counter(s for s in chrome_steps((folder / 'w.json').read_text())
                                if 5000000 <= s[3] < 7000000)
    trace = Trace(decode(schema, (folder / 'w.pftrace').read_bytes()))
    check(whole == collections.Counter(trace.steps()), 'the window has the steps of its span')
    check(whole == collections.Counter(chrome_steps((folder / 'v.json').read_text())),
          'the window has the steps of its span, Chrome')
    spans = [(at, at + n) for t, _, at, n, _ in trace.slices if trace.tracks[t].startswith('vCPU')]
    check(min(s[0] for s in spans) == 5000000 and max(s[1] for s in spans) == 7000000,
          f'vCPUs fill the window: {min(spans)} to {max(spans)}')


def counter_example(postern, schema, folder):
    args = ['explore', 'block-without-fence', '--variant', 'broken']
    run(postern, *args, '--trace', f'{folder}/x.json')
    run(postern, *args, '--trace', f'{folder}/x.pftrace.gz')
    want = [(e['name'], e['ts'] * 1000, e['args']['where']) for e in
            json.loads((folder / 'x.json').read_text())['traceEvents'] if e['ph'] == 'X']
    data = gzip.decompress((folder / 'x.pftrace.gz').read_bytes())
    trace = Trace(decode(schema, data))
    have = [(name, at, args['where']) for _, name, at, _, args in trace.slices]
    check(sorted(want) == sorted(have) and want, 'the counter-example in both formats')


def main():
    postern, schema = sys.argv[1], pathlib.Path(sys.argv[2])
    if not shutil.which('protoc'):
        print('SKIPPED: protoc is not installed (protobuf-compiler)')
        return 77
    with tempfile.TemporaryDirectory() as name:
        folder, cold = pathlib.Path(name), ['--set', 'machine.warmup=0']
        trace = same_steps(postern, schema, folder,
                           ['compare', 'sparse-wakeups', '--duration', '10ms'])
        ended = arrows(trace, 'handler 0x')
        check(ended > 0.9 * len(trace.flows), 'most arrows end in a handler')
        states(trace)
        trace = same_steps(postern, schema, folder,
                           ['compare', 'disks-and-ipis', '--duration', '200us', *cold])
        ended = arrows(trace, 'handler 0x')
        check(ended > 100, 'arrows end in handlers')
        trace = same_steps(postern, schema, folder,
                           ['compare', 'nvme-bare-metal', '--duration', '200us', *cold])
        ended = arrows(trace, 'handler_start')
        check(ended > 100, 'arrows end in handlers of bare metal')
        window(postern, schema, folder)
        counter_example(postern, schema, folder)
    return bool(FAILURES)


if __name__ == '__main__':
    sys.exit(main())
