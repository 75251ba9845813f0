#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""postern torture: every mode holds and adds up, mistakes are found, Ctrl-C prints, bad input: torture.py POSTERN"""
import json
import signal
import subprocess
import sys
import time

POSTERN = sys.argv[1]
MODES = ['emulated', 'avic', 'galog:recover=wake', 'gappi', 'vtd-pi', 'remapped', 'posted-msi', 'ipi-exit', 'ipi-avic',
         'ipi-ipiv']
# Mode, mistake or none, one of these properties: known to be found within a second on a quiet machine.
FOUND = [('gappi:masked=none', None, 'P1'), ('vtd-pi', 'nv-switch-misses-on', 'P1'), ('gappi', 'unlist-first', 'P1 P2'),
         ('posted-msi', 'pmsi-no-last-harvest', 'P4'), ('ipi-avic', 'or-skipped', 'P4'), ('ipi-exit', 'lowest-to-all', 'P4'),
         ('ipi-ipiv', 'pid-plain-store', 'P2')]
REFUSED = [(['--mode', 'gappi', '--seconds', '0'], '--seconds'), (['--mode', 'gapi'], "did you mean 'gappi'"),
           (['--mode', 'gappi', '--cpus', '65'], '1 .. 64'), (['--mode', 'gappi', '--devices', '0'], '1 .. 8'),
           (['--mode', 'ipi-avic', '--vcpus', '1'], 'two vCPUs'), (['--mode', 'gappi', '--posts', 'x'], '--posts'),
           (['--mode', 'gappi', '--mistake', 'no-fense'], "did you mean 'no-fence'"), ([], '--mode MODE'),
           (['--mode', 'gappi', '--mistake', 'no\nfence'], "there is no 'no?fence'"),
           (['--mode', 'gappi', '--seconds', 'nan'], '--seconds'), (['--mode', 'gappi', '--vcpus', '-1'], '1 .. 12')]
failures = []


def check(ok, text):
    if not ok:
        failures.append(text)


def torture(*words):
    return subprocess.run([POSTERN, 'torture', *words], capture_output=True, text=True, timeout=200)


def adds_up(out, what):
    total = sum(out[key] for key in ('delivered', 'coalesced', 'lost', 'masked'))
    check(out['schema'] == 'postern.torture/1', f'{what}: schema')
    check(out['posts'] == total, f'{what}: {out["posts"]} posts, {total} accounted for')
    check(out['delivered'] > 0 and out['rounds'] > 0, f'{what}: nothing happened')
    check(out['merged_seen'] <= out['coalesced'], f'{what}: more merged than were sent')


def holds():
    for mode in MODES:
        done = torture('--mode', mode, '--seconds', '1', '--json')
        check(done.returncode == 0, f'{mode}: status {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}')
        out = json.loads(done.stdout)
        adds_up(out, mode)
        check(out['mode'] == mode and out['violation'] is None and not out['partial'], f'{mode}: {out["violation"]}')
        check(out['lost'] == out['masked'] == out['wakeups']['missed'] == 0, f'{mode}: {out}')
        if mode.startswith('ipi-'):
            check(out['merged_seen'] == out['coalesced'], f'{mode}: {out["coalesced"]} coalesced are not counted')
        check(len(out['chores']) >= 4 and any(out['chores'].values()), f'{mode}: no chores')
    for mode, vcpus in (('gappi', '1'), ('ipi-avic', '2')):
        done = torture('--mode', mode, '--posts', '10k', '--cpus', '1', '--vcpus', vcpus, '--devices', '1',
                       '--seconds', '60', '--json')
        check(done.returncode == 0, f'{mode}, one of each: {done.stdout}')
        check(10000 <= json.loads(done.stdout)['posts'] < 40000, f'{mode}: posts are not limited: {done.stdout}')


def found():
    for mode, mistake, prop in FOUND:
        words = ['--mode', mode, '--seconds', '60', '--json'] + (['--mistake', mistake] if mistake else [])
        done = torture(*words)
        what = f'{mode} {mistake}'
        out = json.loads(done.stdout)
        check(done.returncode == 1, f'{what}: status {done.returncode}')
        check(out['violation'] and out['violation']['property'] in prop.split(), f'{what}: {out["violation"]}')
    done = torture('--mode', 'gappi:masked=none', '--seconds', '60')
    check(done.returncode == 1 and 'violated: P1' in done.stdout and 'sleeps, vector' in done.stdout, done.stdout)


def example():
    """The mistake that --help shows is one that is found."""
    shown = [line.split() for line in torture('--help').stdout.splitlines() if ' --mistake ' in line]
    check(shown, '--help: no example with a mistake')
    for words in shown:
        pair = (words[words.index('--mode') + 1], words[words.index('--mistake') + 1])
        check(pair in [(mode, mistake) for mode, mistake, _ in FOUND], f'--help: {pair}')


def stuck():
    """It never rests, so nothing is said of what is lost."""
    done = torture('--mode', 'ipi-ipiv', '--mistake', 'pir-check-by-unit', '--seconds', '60', '--json')
    out = json.loads(done.stdout)
    check(done.returncode == 1 and 'come to rest' in out['violation']['text'], f'stuck: {out["violation"]}')
    missing = [out[key] for key in ('coalesced', 'lost', 'masked')] + list(out['wakeups'].values())
    check(set(missing) == {None}, f'stuck: {missing}')


def refused():
    for words, text in REFUSED:
        done = torture(*words)
        check(done.returncode == 2, f'{words}: status {done.returncode}')
        check(not done.stdout and done.stderr.count('\n') == 1 and text in done.stderr, f'{words}: {done.stderr!r}')


def interrupted():
    with subprocess.Popen([POSTERN, 'torture', '--mode', 'gappi', '--seconds', '100', '--json'],
                          stdout=subprocess.PIPE, text=True) as run:
        time.sleep(1)
        run.send_signal(signal.SIGINT)
        out = json.loads(run.communicate(timeout=60)[0])
    check(run.returncode == 130, f'Ctrl-C: status {run.returncode}')
    check(out['partial'], 'Ctrl-C: not partial')
    adds_up(out, 'Ctrl-C')


holds()
found()
example()
stuck()
refused()
interrupted()
print(*failures, sep='\n')
sys.exit(1 if failures else 0)
