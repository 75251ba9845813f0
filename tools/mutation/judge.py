# SPDX-License-Identifier: MIT
"""Builds the copy, runs cases of the explorer and unit tests on a mutant, and says what caught it."""
import hashlib
import json
import os
import re
import subprocess
import time
from pathlib import Path

TARGET = 'src/cli/postern'
SUITES = ('hw', 'host')
QUICK_BOUND, QUICK_SECONDS = 1, 5
GIVE_UP = 3  # searches that do not finish: it loops in all others, too
DIED = re.compile(r'(\S+), fixed: not finished: its process was ended by signal (\d+)')


class Failed(Exception):
    pass


class Build:
    def __init__(self, scratch, say):
        self.scratch, self.tree, self.build, self.say = scratch, scratch / 'tree', scratch / 'tree' / 'build', say
        self.tests = {}

    def run(self, what, command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f'{what} failed:\n{(done.stdout + done.stderr)[-3000:]}')

    def make(self, jobs):
        meson = '/usr/bin/meson' if Path('/usr/bin/meson').exists() else 'meson'
        if not (self.build / 'build.ninja').exists():
            self.run('meson setup', [meson, 'setup', self.build, self.tree])
        listed = subprocess.run([meson, 'introspect', '--tests', self.build], capture_output=True, text=True, check=True)
        for test in json.loads(listed.stdout):
            suites = {s.split(':')[-1] for s in test['suite']}
            if 'unit' in suites and 'long' not in suites and suites & set(SUITES):
                self.tests[test['name']] = test
        programs = [os.path.relpath(t['cmd'][0], self.build) for t in self.tests.values()]
        self.run('the build', ['ninja', '-C', self.build, '-j', str(jobs), TARGET, *programs])

    def environment(self, mutant, seen=None):
        env = dict(os.environ, PN_MUTANT=str(mutant))
        if seen:
            env['PN_MUTANT_SEEN'] = str(seen)
        return env

    def explore(self, mutant, case, seconds, bound=None, seen=None):
        """{case: (verdict, seconds)}; verdict: held, violation, crash, not finished. @case None: all."""
        command = [self.build / TARGET, 'explore', case or '--all', '--variant', 'fixed', '--json', '--jobs', '1',
                   '--seconds', str(seconds)] + (['--bound', str(bound)] if bound is not None else [])
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment(mutant, seen))
        try:
            rows = json.loads(done.stdout)['cases']
        except (ValueError, KeyError):
            raise Failed(f'postern explore {case or "--all"} said: {done.stderr[-500:]}') from None
        died = {name: int(signal) for name, signal in DIED.findall(done.stderr)}
        return {row['case']: ('crash' if row['case'] in died and died[row['case']] != 9 else
                              row['found'].replace('_', ' '), row['seconds']) for row in rows}

    def test(self, mutant, name, limit, seen=None):
        """passed, failed, crash, or hangs."""
        t = self.tests[name]
        try:
            done = subprocess.run(t['cmd'], capture_output=True, timeout=limit, cwd=t['workdir'],
                                  env={**self.environment(mutant, seen), **t['env']})
        except subprocess.TimeoutExpired:
            return 'hangs'
        return 'crash' if done.returncode < 0 else 'passed' if done.returncode in (0, 77) else 'failed'


def digest(root, names):
    h = hashlib.sha256()
    for name in names:
        for p in sorted((Path(root) / name).rglob('*')) if (Path(root) / name).is_dir() else [Path(root) / name]:
            if p.is_file():
                h.update(str(p.relative_to(root)).encode() + b'\0' + p.read_bytes())
    return h.hexdigest()[:16]


class Base:
    """What cases and tests do on the code without mistakes: which statements each runs, and how long it takes."""

    def __init__(self, build, size, stamp, quick):
        self.build, self.size, self.stamp, self.quick = build, size, stamp, quick
        self.cases, self.tests = {}, {}

    def load(self):
        file = self.build.scratch / 'base.json'
        if file.exists():
            data = json.loads(file.read_text())
            if data['stamp'] == self.stamp and (self.quick or not data['quick']):
                self.cases, self.tests = data['cases'], data['tests']
                return True
        return False

    def measure(self, seconds):
        b = self.build
        b.say('checks the copy without a mistake, then notes which statements each case and test runs')
        if not self.quick:
            self.unmarked()
        bound = QUICK_BOUND if self.quick else None
        for case in b.explore(0, None, QUICK_SECONDS, 0):
            verdict, took, seen = self.seen(lambda file: b.explore(-1, case, seconds, bound, file)[case])
            if verdict in ('violation', 'crash'):
                raise Failed(f'without a mistake the case {case} ends with: {verdict}')
            self.cases[case] = {'seconds': took, 'finished': verdict == 'held', 'seen': seen}
        for test in b.tests:
            verdict, took, seen = self.seen(lambda file: (b.test(-1, test, 300, seen=file), 0))
            if verdict != 'passed':
                raise Failed(f'without a mistake the test {test} {verdict}')
            self.tests[test] = {'seconds': took, 'seen': seen}
        data = {'stamp': self.stamp, 'quick': self.quick, 'cases': self.cases, 'tests': self.tests}
        (b.scratch / 'base.json').write_text(json.dumps(data))

    def unmarked(self):
        """The copy without a mistake is what the tree is."""
        b = self.build
        rows = b.explore(0, None, QUICK_SECONDS, QUICK_BOUND)
        wrong = [c for c, (verdict, _) in rows.items() if verdict in ('violation', 'crash')]
        wrong += [t for t in b.tests if b.test(0, t, 300) != 'passed']
        if wrong:
            raise Failed(f'without a mistake these fail already: {", ".join(wrong)}')

    def seen(self, run):
        file = self.build.scratch / 'seen'
        file.write_bytes(bytes(self.size))
        begun = time.monotonic()
        verdict, _ = run(file)
        took = time.monotonic() - begun
        return verdict, round(took, 3), [k for k, byte in enumerate(file.read_bytes()) if byte]


class Judge:
    def __init__(self, build, base, options):
        self.build, self.base, self.options = build, base, options
        self.catches = {}  # (file or function, case): how often

    def note(self, m, names):
        for name in names:
            for where in (m.path, (m.path, m.name)):
                self.catches[where, name] = self.catches.get((where, name), 0) + 1

    def order(self, m, names, base):
        return sorted(names, key=lambda n: (-self.catches.get(((m.path, m.name), n), 0),
                                            -self.catches.get((m.path, n), 0), base[n]['seconds']))

    def reached(self, m, seen):
        """(cases, tests) that run the statement."""
        k, full = seen.of(m), not self.options.quick
        return ([c for c, b in self.base.cases.items() if k in b['seen'] or full and not b['finished']],
                [t for t, b in self.base.tests.items() if k in b['seen']])

    def explore(self, m, cases):
        """Each case with few preemptions first, which is cheap and catches most; then the whole searches."""
        result = {'caught': [], 'crash': [], 'not finished': []}
        stages = [(QUICK_BOUND, lambda case: QUICK_SECONDS)]
        if not self.options.quick:
            stages.append((None, lambda case: min(self.options.seconds, 20 + 3 * self.base.cases[case]['seconds'])))
        for bound, limit in stages:
            result['not finished'] = []
            for case in self.order(m, cases, self.base.cases):
                if case not in result['caught'] + result['crash']:
                    self.sort(self.build.explore(m.number, case, limit(case), bound), result)
                if (result['caught'] or result['crash']) and not self.options.all_cases:
                    return result
                if len(result['not finished']) == GIVE_UP and bound is not None:
                    return result
        return result

    def sort(self, rows, result):
        for case, (verdict, _) in rows.items():
            name = {'violation': 'caught', 'crash': 'crash', 'held': None}.get(verdict, 'not finished')
            if name:
                result[name].append(case)

    def test(self, m, tests):
        result = {'failed': [], 'crash': [], 'hangs': []}
        for name in self.order(m, tests, self.base.tests):
            verdict = self.build.test(m.number, name, min(60, 5 + 5 * self.base.tests[name]['seconds']))
            if verdict != 'passed':
                result[verdict].append(name)
            if verdict in ('failed', 'crash') and not self.options.all_cases:
                break
        return result

    def judge(self, m, seen):
        cases, tests = self.reached(m, seen)
        begun = time.monotonic()
        x, u = self.explore(m, cases), self.test(m, tests)
        self.note(m, x['caught'] + x['crash'] + u['failed'] + u['crash'])
        return {'id': m.id, 'code': m.function.digest, 'file': m.path, 'function': m.name, 'operator': m.operator, 'diff': m.show(),
                'cases that run it': len(cases), 'tests that run it': len(tests), 'explorer': x, 'unit': u,
                'quick': self.options.quick, 'all cases': self.options.all_cases,
                'seconds': round(time.monotonic() - begun, 2)}
