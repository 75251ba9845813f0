#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Whatever ends a run: what was finished is there and whole, and nothing else has a file's name.

    nothing_lost.py POSTERN RECORDINGS
"""
import gzip
import json
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

FAILURES = []
OLD = '<!DOCTYPE html>the page of yesterday</html>\n'


def check(good, what):
    if not good:
        FAILURES.append(what)
        print(f'FAILED: {what}')


def start(args, folder, **more):
    return subprocess.Popen(args, cwd=folder, stdin=subprocess.DEVNULL, text=True,
                            **{'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, **more})


def whole(path):
    data = path.read_bytes()
    if path.suffix == '.gz':
        data = gzip.decompress(data)
    name = path.name.removesuffix('.gz')
    if name.endswith('.html'):
        return data.startswith(b'<!DOCTYPE html>') and data.endswith(b'</html>\n')
    if name.endswith('.json'):
        return bool(json.loads(data))
    if name.endswith('.hgrm'):
        return re.search(rb'^#\[Buckets', data, re.M) is not None
    if name.endswith('.ini'):
        return b'[' in data
    return len(data) > 0


def all_whole(folder, why):
    """The names of all files, which are whole and final."""
    names = set()
    for path in folder.rglob('*'):
        if path.is_dir():
            continue
        names.add(path.name)
        check('.tmp' not in path.name, f'{why}: {path.name} is left')
        try:
            check(whole(path), f'{why}: {path.name} is not whole')
        except (EOFError, ValueError, OSError) as e:
            check(False, f'{why}: {path.name}: {e}')
    return names


def jobs(postern, recordings):
    outputs = ['--report', 'r.html', '--trace', 't.pftrace.gz', '--hgrm', 'h']
    yield 'compare', [postern, 'compare', '--duration', '50ms', '--modes', 'galog,gappi', *outputs]
    yield 'replay', [postern, 'replay', str(recordings), '--modes', 'gappi', *outputs]
    yield 'explore', [postern, 'explore', 'block-without-fence', '--json', '--trace', 't.json.gz']


def kill_at(args, folder, seconds):
    """SIGKILL after a time, or, if that is None, as soon as there is a file."""
    (folder / 'r.html').write_text(OLD)
    before = (folder / 'r.html').stat().st_ino
    p = start(args, folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if seconds is not None:
        time.sleep(seconds)
    while seconds is None and p.poll() is None:
        files = [f for f in folder.rglob('*') if f.is_file()]
        if len(files) > 1 or (folder / 'r.html').stat().st_ino != before:
            break
    p.kill()
    p.wait()
    return all_whole(folder, f'{args[1]} killed')


def killed(postern, recordings):
    """SIGKILL at moments over the whole time of a run, its end included."""
    rng = random.Random(1)
    for name, args in jobs(postern, recordings):
        with tempfile.TemporaryDirectory() as base:
            begun = time.monotonic()
            p = start(args, base)
            p.communicate()
            length = time.monotonic() - begun
            check(p.returncode == 0, f'{name}: exit status {p.returncode}')
            check(all_whole(pathlib.Path(base), name), f'{name}: it writes files')
        counts = []
        for k in range(10):
            with tempfile.TemporaryDirectory() as base:
                counts.append(len(kill_at(args, pathlib.Path(base),
                                          None if k % 2 else length * rng.random())))
        print(f'{name}: {length:.1f} s; files when it was killed: {counts}')


def wait_for_work(p, field, least):
    """Until the process has done something, by a field of /proc/PID/stat."""
    while p.poll() is None:
        stat = pathlib.Path(f'/proc/{p.pid}/stat').read_text().rsplit(')', 1)[1].split()
        if int(stat[field - 3]) >= least:
            return
        time.sleep(0.05)


USER_TIME, FAULTS_OF_ENDED_CHILDREN = 14, 11


def interrupted(postern):
    with tempfile.TemporaryDirectory() as base:
        folder = pathlib.Path(base)
        args = [postern, 'compare', '--duration', '1000s', '--modes', 'gappi', '--report', 'r.html',
                '--hgrm', 'h', '--trace', 't.pftrace.gz', '--json']
        p = start(args, folder)
        wait_for_work(p, USER_TIME, 20)
        p.send_signal(signal.SIGINT)
        out, err = p.communicate()
        check(p.returncode == 130, f'Ctrl-C: exit status {p.returncode}: {err}')
        check(json.loads(out)['modes'][0]['partial'] is True, 'Ctrl-C: the result is marked')
        names = all_whole(folder, 'Ctrl-C')
        check({'r.html', 't.pftrace.gz'} < names and len(names) == 4, f'Ctrl-C: {names}')
        for sig in signal.SIGTERM, signal.SIGHUP:
            for f in folder.rglob('*'):
                f.is_dir() or f.unlink()
            p = start(args, folder)
            wait_for_work(p, USER_TIME, 20)
            p.send_signal(sig)
            p.communicate()
            check(p.returncode == -sig, f'{sig.name}: exit status {p.returncode}')
            check(not all_whole(folder, sig.name), f'{sig.name}: files are left')


def explored(postern):
    with tempfile.TemporaryDirectory() as base:
        folder = pathlib.Path(base)
        p = start([postern, 'explore', '--all', '--json', '--trace', 't.pftrace'], folder)
        wait_for_work(p, FAULTS_OF_ENDED_CHILDREN, 1)
        p.send_signal(signal.SIGINT)
        out, _ = p.communicate()
        check(p.returncode == 130, f'explore, Ctrl-C: exit status {p.returncode}')
        check(len(json.loads(out)['cases']) > 0, 'explore, Ctrl-C: what was explored is printed')
        check(all_whole(folder, 'explore, Ctrl-C') == {'t.pftrace'}, 'explore, Ctrl-C: the trace')


def no_room(postern, folder, args, names, limit=None):
    """A trace does not fit: everything else is there, and the results are printed."""
    def less():
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    p = start([postern, *args], folder, preexec_fn=less)
    out, err = p.communicate()
    check(p.returncode == 3, f'{args}: exit status {p.returncode}')
    check(re.search(r'^postern: t\.\S+: (File too large|No space left on device)$', err, re.M) and
          err.count('\n') == 1, f'{args}: {err}')
    check('modelled, not measured' in out, f'{args}: the results are printed')
    have = all_whole(folder, 'no room')
    check(have == names, f'{args}: {have} instead of {names}')


def full(postern):
    args = ['compare', '--duration', '50ms', '--modes', 'gappi', '--report', 'r.html', '--hgrm', 'h']
    names = {'r.html', 'passthrough-nvme-gappi-latency.hgrm', 'passthrough-nvme-gappi-wake.hgrm'}
    for trace in 't.json', 't.pftrace', 't.pftrace.gz':
        with tempfile.TemporaryDirectory() as base:
            no_room(postern, pathlib.Path(base), [*args, '--trace', trace], names, 1 << 20)
    with tempfile.TemporaryDirectory() as base, open('/dev/full', 'w') as nowhere:
        p = start([postern, *args], base, stdout=nowhere)
        _, err = p.communicate()
        check(p.returncode == 3 and 'standard output: No space left' in err,
              f'standard output is full: {p.returncode}: {err}')
        check(all_whole(pathlib.Path(base), 'standard output is full') == names,
              'standard output is full: files')


def closed_pipe(postern):
    with tempfile.TemporaryDirectory() as base:
        p = start([postern, 'run', 'sparse-wakeups', '--mode', 'gappi', '--duration', '50ms', '--steps',
                   '--report', 'r.html', '--trace', 't.json'], base)
        p.stdout.read(1000)
        p.stdout.close()
        err = p.stderr.read()
        check(p.wait() == 0 and not err, f'a closed pipe: {p.returncode}: {err}')
        check(all_whole(pathlib.Path(base), 'closed pipe') == {'r.html', 't.json'},
              'a closed pipe: files')


MOUNTED = '''
set -e
mount -t tmpfs -o size=1m postern "$2"
cd "$2"
set +e
"$1" compare --duration 50ms --modes gappi --report r.html --trace t.pftrace 2>&1 >/dev/null
echo "$?" && ls -A
mount -o remount,ro "$2"
"$1" compare --duration 1000s --report n.html 2>&1
echo "$?" && ls -A
'''


def mounted(postern):
    """A file system of 1 MiB, then read-only, in a mount namespace."""
    with tempfile.TemporaryDirectory() as base:
        r = subprocess.run(['unshare', '-m', 'sh', '-c', MOUNTED, 'sh', postern, base],
                           capture_output=True, text=True)
    if r.returncode and not r.stdout:
        print(f'SKIPPED: a file system of its own: {r.stderr.strip()}')
        return
    want = ['postern: t.pftrace: No space left on device', '3', 'r.html',
            'postern: n.html: Read-only file system', '3', 'r.html']
    check(r.stdout.splitlines() == want, f'a full, then a read-only file system: {r.stdout}{r.stderr}')
    print('a file system of 1 MiB, then read-only: done')


# Without /proc a file has a temporary name.
NAMED = '''
mount -t tmpfs postern /proc && cd "$2" || exit
"$1" compare --duration 2ms --modes gappi --report r.html >/dev/null
echo "$?" && ls -A
"$1" compare --duration 1000s --report n.html &
until ls n.html.*.tmp >/dev/null 2>&1; do sleep 0.1; done
kill "$!"
wait "$!"
echo "$?" && ls -A
'''


def named(postern):
    if b'__asan_init' in pathlib.Path(postern).read_bytes():
        print('SKIPPED: files with a temporary name: AddressSanitizer needs /proc')
        return
    with tempfile.TemporaryDirectory() as base:
        r = subprocess.run(['unshare', '-m', 'sh', '-c', NAMED, 'sh', postern, base],
                           capture_output=True, text=True)
    if not r.stdout:
        print(f'SKIPPED: files with a temporary name: {r.stderr.strip()}')
        return
    check(r.stdout.split() == ['0', 'r.html', '143', 'r.html'],
          f'files with a temporary name: {r.stdout}{r.stderr}')


def main():
    postern, recordings = (pathlib.Path(a).resolve() for a in sys.argv[1:])
    recording = recordings / 'randread-qd1.txt.gz'
    killed(str(postern), recording)
    interrupted(str(postern))
    explored(str(postern))
    full(str(postern))
    closed_pipe(str(postern))
    mounted(str(postern))
    named(str(postern))
    return bool(FAILURES)


if __name__ == '__main__':
    sys.exit(main())
