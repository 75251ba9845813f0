#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""postern sweep as people use it: the same bytes however it runs, kills, bad input: sweep.py POSTERN [KILLS]

With mpirun installed and the module built it runs over 1, 2 and 4 ranks, too.
"""
import csv
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

POSTERN = pathlib.Path(sys.argv[1]).resolve()
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
SWEEP = """# A test
[sweep]
scenario = sparse-wakeups
modes = avic, galog, gappi
seeds = 1 .. 4
figures = cpu, wake
[set]
machine.duration = 40ms
[axes]
packets.rate = 1k/s, 20k/s, 60k/s
machine.pcpus = 16, 32
"""
RUNS = 72
# Where something happens before it ends.
LONG = SWEEP.replace('40ms', '200ms')
# MPI itself leaks
MPI_ENV = {
    'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':detect_leaks=0',
    'OMPI_ALLOW_RUN_AS_ROOT': '1',
    'OMPI_ALLOW_RUN_AS_ROOT_CONFIRM': '1',
    'OMPI_MCA_btl_vader_single_copy_mechanism': 'none',
}
failures = []


def check(what, true, more=''):
    if not true:
        failures.append(what)
        print(f'FAILED: {what} {more}', flush=True)


def run(*args, ranks=0, cwd=None):
    words = [str(POSTERN), 'sweep', *map(str, args)]
    if ranks:
        words = ['mpirun', '--oversubscribe', '-n', str(ranks), *words]
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, env={**os.environ, **MPI_ENV}, timeout=300)


def start(*args, env=None):
    return subprocess.Popen([str(POSTERN), 'sweep', *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=env)


def cpu_time():
    """Seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def content(path):
    """All rows of all tables, in one order."""
    db = sqlite3.connect(f'file:{path}?mode=ro', uri=True)
    rows = [db.execute(f'SELECT * FROM {t} ORDER BY 1, 2').fetchall() for t in ('run', 'sweep', 'batch')]
    db.close()
    return rows


def integrity(path):
    db = sqlite3.connect(path)
    answer = db.execute('PRAGMA integrity_check').fetchall()
    n = db.execute('SELECT count(*) FROM run').fetchone()[0] if db.execute(
        "SELECT count(*) FROM sqlite_master WHERE name='run'").fetchone()[0] else 0
    db.close()
    return answer == [('ok',)], n


def whole(tmp, ini):
    """The sweep in one piece; everything else is compared with it."""
    r = run(ini, '--db', tmp / 'a.db', '--csv', tmp / 'a.csv', '--json', '--jobs', 1)
    check('a sweep ends with 0', r.returncode == 0, r.stderr)
    out = json.loads(r.stdout)
    check('schema', out['schema'] == 'postern.sweep/1' and out['runs'] == out['done'] == RUNS and not out['partial'])
    check('cells', len(out['cells']) == 18 and all(c['figures']['cpu']['n'] == 4 for c in out['cells']))
    with open(tmp / 'a.csv', newline='') as f:
        rows = list(csv.DictReader(f))
    check('CSV has a line for each run', [int(x['id']) for x in rows] == list(range(RUNS)))
    cell = out['cells'][1]
    same = [float(x['cpu']) for x in rows if x['mode'] == cell['mode'] and
            all(x[k] == v for k, v in cell['at'].items())]
    check('the mean of a cell is that of its lines', abs(sum(same) / 4 - cell['figures']['cpu']['mean']) < 1e-6)
    mean = sum(same) / 4
    sd = (sum((x - mean) ** 2 for x in same) / 3) ** 0.5
    check('95 % interval of four seeds', abs(3.182446 * sd / 2 - cell['figures']['cpu']['half']) < 1e-3)
    names = [(b['figure'], b['lower_before'], b['higher_before']) for b in out['break_even']]
    check('avic and galog change places in CPU time', ('cpu', 'avic', 'galog') in names, names)
    return r.stdout


def one_of_each(tmp):
    """A single run is no plural, nor is a single draw."""
    ini = tmp / 'one.ini'
    for more, words in (('', ': sparse-wakeups, 1 run, costs'),
                        ('draws = 1\n', ', 2 runs, costs "default" and 1 draw of the assumed ones: '),
                        ('draws = 1\n', ', least to most of 1 draw\n')):
        ini.write_text(f'[sweep]\nscenario = sparse-wakeups\nmodes = gappi\nfigures = cpu\n{more}'
                       '[set]\nmachine.duration = 10ms\n')
        r = run(ini)
        check(words, r.returncode == 0 and words in r.stdout, r.stdout + r.stderr)


def other_ways(tmp, ini, text):
    r = run(ini, '--db', tmp / 'b.db', '--csv', tmp / 'b.csv', '--json', '--jobs', 3)
    check('three processes: the same JSON', r.stdout == text)
    check('the same CSV', (tmp / 'b.csv').read_bytes() == (tmp / 'a.csv').read_bytes())
    check('the same database', content(tmp / 'b.db') == content(tmp / 'a.db'))
    begun = cpu_time()
    r = run(ini, '--json')
    check('without a database', r.stdout == text)
    made = cpu_time()
    r = run(ini, '--db', tmp / 'b.db', '--json')
    check('nothing is made twice', r.stdout == text and cpu_time() - made < (made - begun) / 2,
          f'{cpu_time() - made:.2f} s of CPU time; all runs take {made - begun:.2f} s')


def kills(tmp, ini, text):
    """kill -9 at random moments; then it goes on where it was."""
    db = tmp / 'k.db'
    before = 0
    random.seed(1)
    for k in range(KILLS):
        p = start(ini, '--db', db, '--jobs', 2)
        time.sleep(random.uniform(0, 0.4))
        p.kill()
        p.communicate()
        if not db.exists():
            continue
        good, n = integrity(db)
        check(f'kill {k}: the database is whole', good)
        check(f'kill {k}: nothing is lost', n >= before, f'{n} < {before}')
        before = n
        if n == RUNS:
            db.unlink()
            before = 0
    r = run(ini, '--db', db, '--json')
    check('after the kills: the same JSON', r.returncode == 0 and r.stdout == text, r.stderr)
    check('after the kills: the same database', content(db) == content(tmp / 'a.db'))


def children(pid):
    return [int(x) for t in pathlib.Path(f'/proc/{pid}/task').iterdir() for x in (t / 'children').read_text().split()]


def no_more_processes(pid):
    """Its workers die, and it can start no others."""
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3))
    for c in children(pid):
        os.kill(c, signal.SIGKILL)


def worker_dies(tmp, ini):
    db = tmp / 'w.db'
    p = start(ini, '--db', db, '--jobs', 2)
    for _ in range(500):
        time.sleep(0.01)
        if db.exists() and integrity(db)[1] > 3 and children(p.pid):
            break
    os.kill(children(p.pid)[0], signal.SIGKILL)
    out, err = p.communicate(timeout=120)
    check('a worker that dies costs its run', p.returncode == 3 and 'signal 9' in err and integrity(db)[1] == RUNS - 1,
          f'{p.returncode} {err} {integrity(db)}')
    check('one line', err.count('\n') == 1, err)
    r = run(ini, '--db', db)
    check('which the next call makes', r.returncode == 0 and integrity(db)[1] == RUNS, r.stderr)


def no_worker_is_left(ini):
    # LeakSanitizer needs a process, too
    p = start(ini, '--jobs', 2, env={**os.environ, **MPI_ENV})
    for _ in range(500):
        time.sleep(0.01)
        if len(children(p.pid)) == 2:
            break
    time.sleep(0.3)
    no_more_processes(p.pid)
    try:
        out, err = p.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
    check('no worker is left: the others count as failed', p.returncode == 3 and 'runs failed' in err and out,
          f'{p.returncode} {err} {out}')


def stopped(tmp, ini, number):
    db = tmp / f's{number}.db'
    p = start(ini, '--db', db, '--jobs', 1, '--csv', tmp / 's.csv', '--json')
    for _ in range(500):
        time.sleep(0.01)
        if db.exists() and integrity(db)[1] > 3:
            break
    p.send_signal(number)
    out, err = p.communicate(timeout=60)
    good, n = integrity(db)
    j = json.loads(out)
    check(f'signal {number}: 130, what is there is printed', p.returncode == 130 and j['partial'] and j['done'] == n and good,
          f'{p.returncode} {err}')
    check('Ctrl-C: the CSV is whole', len((tmp / 's.csv').read_text().splitlines()) == n + 1)
    check('no temporary file is left', not list(tmp.glob('*.tmp')) and not list(tmp.glob('*-journal')))


def terminal(tmp, ini):
    """Ctrl-C on a terminal: all processes have the signal, the answers that workers have begun come."""
    db = tmp / 't.db'
    p = subprocess.Popen([str(POSTERN), 'sweep', str(ini), '--db', str(db), '--jobs', '2', '--json'], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, start_new_session=True)
    for _ in range(500):
        time.sleep(0.01)
        if db.exists():
            break
    os.killpg(p.pid, signal.SIGINT)
    out, err = p.communicate(timeout=60)
    check('Ctrl-C on a terminal: no run counts as failed', p.returncode == 130 and json.loads(out)['failed'] == 0 and not err,
          f'{p.returncode} {err}')


def gone(pid):
    """It ended: a zombie whose parent is slow to notice has ended, too."""
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] == 'Z'
    except OSError:
        return True


def no_orphans(tmp):
    ini = tmp / 'long.ini'
    ini.write_text(SWEEP.replace('40ms', '1h'))
    p = start(ini, '--jobs', 2)
    for _ in range(500):
        time.sleep(0.01)
        if len(children(p.pid)) == 2:
            break
    time.sleep(0.3)
    workers = children(p.pid)
    p.kill()
    p.wait()
    for _ in range(500):
        if all(gone(w) for w in workers):
            break
        time.sleep(0.01)
    check('kill -9 of a sweep ends its workers', len(workers) == 2 and all(gone(w) for w in workers), workers)
    for w in workers:
        if not gone(w):
            os.kill(w, signal.SIGKILL)
    p.communicate()


def two_at_once(tmp, ini, text):
    db = tmp / 'two.db'
    both = [start(ini, '--db', db, '--jobs', 1, '--json') for _ in range(2)]
    for p in both:
        out, err = p.communicate(timeout=120)
        check('two sweeps with one database', p.returncode == 0 and out == text, f'{p.returncode} {err}')
    check('have the same rows', content(db) == content(tmp / 'a.db'))


def reader(tmp, ini):
    """A query that is never finished, while the database grows."""
    db = tmp / 'r.db'
    p = start(ini, '--db', db, '--jobs', 2)
    for _ in range(500):
        time.sleep(0.01)
        if db.exists() and integrity(db)[1] > 3:
            break
    c = sqlite3.connect(f'file:{db}?mode=ro', uri=True)
    rows = c.execute('SELECT mode, cpu FROM run')
    first = rows.fetchone()
    time.sleep(1)
    check('a reader sees runs while others are made', first[0] in ('avic', 'galog', 'gappi'))
    rows.close()
    c.close()
    p.communicate(timeout=120)
    check('and the sweep ends well', p.returncode == 0 and content(db) == content(tmp / 'a.db'))


def slow_reader(tmp, ini):
    """A query that ends after the last run: its answer is kept until then."""
    path = tmp / 'l.db'
    shutil.copy(tmp / 'a.db', path)
    db = sqlite3.connect(path)
    db.execute('DELETE FROM run WHERE id = 7')
    db.commit()
    rows = db.execute('SELECT * FROM run')
    rows.fetchone()
    p = start(ini, '--db', path, '--jobs', 1)
    time.sleep(3)
    rows.close()
    db.close()
    out, err = p.communicate(timeout=120)
    check('a slow reader', p.returncode == 0 and content(path) == content(tmp / 'a.db'), f'{p.returncode} {err}')


def memory(tmp, seeds):
    """The most that the manager has used, in kB, shortly before its end."""
    ini = tmp / f'many-{seeds}.ini'
    ini.write_text('[sweep]\nscenario = sparse-wakeups\nmodes = avic, gappi\nfigures = cpu\n'
                   f'seeds = 1 .. {seeds}\n[set]\nmachine.duration = 1ms\nmachine.warmup = 0\n')
    p = start(ini, '--db', tmp / f'many-{seeds}.db', '--jobs', 2)
    most = 0
    while p.poll() is None:
        status = pathlib.Path(f'/proc/{p.pid}/status').read_text()
        if 'VmHWM' in status:
            most = int(status.split('VmHWM:')[1].split()[0])
        time.sleep(0.01)
    p.communicate()
    check(f'{seeds} seeds', p.returncode == 0 and integrity(tmp / f'many-{seeds}.db')[1] == 2 * seeds)
    return most


def constant_memory(tmp):
    few, many = memory(tmp, 150), memory(tmp, 1500)
    if b'__asan_init' in POSTERN.read_bytes():
        print('SKIPPED: the memory of a sweep, AddressSanitizer keeps what was freed')
        return
    check('ten times the runs in the same memory', many < few + 2000, f'{few} kB, {many} kB')


def refuse(what, args, *words, cwd=None, ranks=0):
    r = run(*args, cwd=cwd, ranks=ranks)
    lines = [x for x in r.stderr.splitlines() if x.startswith('postern: ')]
    check(what, r.returncode == 3 and len(lines) == 1 and all(w in lines[0] for w in words) and not r.stdout,
          f'{r.returncode} {r.stderr} {r.stdout}')


def bad_input(tmp, ini):
    def file(name, old, new):
        (tmp / name).write_text(SWEEP.replace(old, new))
        return tmp / name

    refuse('an axis that the scenario lacks', [file('x.ini', 'packets.rate', 'packets.rte')], 'x.ini:10: ', 'did you mean "rate"?')
    refuse('an empty range', [file('x.ini', '16, 32', '32 .. 16')], 'x.ini:11: ', 'empty range')
    refuse('a thousand million runs', [file('x.ini', '1 .. 4', '1 .. 100000000')], '1800000000 runs (--yes')
    refuse('a database of another sweep', [file('x.ini', '1 .. 4', '1 .. 5'), '--db', tmp / 'a.db'], 'another sweep',
           'seeds is "1..4" there and "1..5" here')
    refuse('no file', [tmp / 'none.ini'], 'none.ini')
    refuse('a name that is nearly right', ['sparse-rat'], 'did you mean "sparse-rate"?', cwd=tmp)
    refuse('no database', [ini, '--db', ini], 'is no database')
    db = sqlite3.connect(tmp / 'foreign.db')
    db.executescript('PRAGMA journal_mode=WAL; CREATE TABLE t(a)')
    db.close()
    refuse('a database of another program', [ini, '--db', tmp / 'foreign.db'], 'not of a sweep')
    db = sqlite3.connect(tmp / 'foreign.db')
    check('which stays as it is', db.execute('PRAGMA journal_mode').fetchall() == [('wal',)])
    db.close()
    refuse('no such folder', [ini, '--db', '/no/such/x.db'], '/no/such/x.db')
    refuse('a report that cannot be written', [ini, '--report', '/no/such/x.html'], '/no/such/x.html')
    refuse('a report without a name', [ini, '--report', ''], 'an output file without a name')
    refuse('two reports in one file', [ini, '--report', tmp / 'x.html', '--csv', f'{tmp}/../{tmp.name}/x.html'], 'written twice')
    before = content(tmp / 'a.db'), ini.read_text()
    for option in '--csv', '--report':
        for path in ini, tmp / 'a.db', tmp / 'new.db':
            r = run(ini, '--db', tmp / ('new.db' if path.name == 'new.db' else 'a.db'), option, path)
            check(f'{option} {path.name} is refused', r.returncode == 2 and ' itself (' in r.stderr and not r.stdout, r.stderr)
    check('and what was there is there', (content(tmp / 'a.db'), ini.read_text()) == before and not (tmp / 'new.db').exists())
    r = run(ini, '--db', '')
    check('a database without a name', r.returncode == 2 and '--db' in r.stderr, r.stderr)
    if os.path.exists('/dev/full'):
        r = subprocess.run(f'{POSTERN} sweep {ini} --db {tmp}/a.db --json > /dev/full', shell=True, capture_output=True,
                           text=True)
        check('a full disk is said', r.returncode == 3 and 'standard output: ' in r.stderr, r.stderr)


def broken_database(tmp, ini):
    """The disk fills up: what was committed is there."""
    script = f'ulimit -f 60; exec {POSTERN} sweep {ini} --db {tmp}/f.db --jobs 2'
    r = subprocess.run(['bash', '-c', script], capture_output=True, text=True)
    if r.returncode == 0:
        return
    check('a database that cannot grow', r.returncode == 3 and 'f.db' in r.stderr, f'{r.returncode} {r.stderr}')
    check('is whole', integrity(tmp / 'f.db')[0])
    r = run(ini, '--db', tmp / 'f.db')
    check('and goes on later', r.returncode == 0 and content(tmp / 'f.db') == content(tmp / 'a.db'))


def explored(tmp):
    """The explorer over ranks: the same but for times."""
    words = [str(POSTERN), 'explore', 'gappi-masked-irr', '--json']
    out = []
    for n in 0, 2, 4:
        mpi = ['mpirun', '--oversubscribe', '-n', str(n)] if n else []
        r = subprocess.run(mpi + words, capture_output=True, text=True, env={**os.environ, **MPI_ENV}, timeout=120)
        check(f'explore in {n} ranks', r.returncode == 0, r.stderr)
        out.append(json.loads(r.stdout))
        for case in out[-1]['cases']:
            case.pop('seconds')
    check('explore over ranks: the same', out[0] == out[1] == out[2] and len(out[0]['cases']) == 2)


def tortured():
    """Torture over ranks: the sums of all, and none if they do not agree."""
    mpi = ['mpirun', '--oversubscribe', '-n', '2']
    words = [str(POSTERN), 'torture', '--mode', 'gappi', '--json', '--seconds']
    r = subprocess.run(mpi + words + ['1'], capture_output=True, text=True, env={**os.environ, **MPI_ENV}, timeout=120)
    check('torture in 2 ranks', r.returncode == 0, r.stderr)
    o = json.loads(r.stdout)
    check('torture over ranks: the books', o['ranks'] == 2 and o['posts'] > 0 and
          o['posts'] == o['delivered'] + o['coalesced'] and o['lost'] == 0, o)
    check('torture over ranks: chores of a rank and more', sum(o['chores'].values()) > 0, o)
    r = subprocess.run(mpi + words[:-2] + ['--mistake', 'unlist-first', '--seconds', '60'], capture_output=True, text=True,
                       env={**os.environ, **MPI_ENV}, timeout=120)
    check('torture over ranks: a mistake ends it', r.returncode == 1 and 'violated' in r.stdout, r.stdout + r.stderr)
    script = f'exec {" ".join(words)} $((1 + $OMPI_COMM_WORLD_RANK))'
    r = subprocess.run(mpi + ['sh', '-c', script], capture_output=True, text=True, env={**os.environ, **MPI_ENV}, timeout=120)
    check('torture over ranks that do not agree', r.returncode == 3 and 'rank 1 (' in r.stderr and not r.stdout, r.stderr)


def start_ranks(ini, db, *args):
    """Two ranks, when there is a database and the worker of rank 1 has worked. Also their process IDs."""
    p = subprocess.Popen(['mpirun', '--oversubscribe', '-n', '2', str(POSTERN), 'sweep', str(ini), '--db', str(db), *args],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **MPI_ENV})
    for _ in range(1000):
        time.sleep(0.01)
        rank = {r: pid for r in (0, 1) for pid in children(p.pid)
                if f'OMPI_COMM_WORLD_RANK={r}\0'.encode() in pathlib.Path(f'/proc/{pid}/environ').read_bytes()}
        if len(rank) == 2 and db.exists() and any(ticks(c) >= 3 for c in children(rank[1])):
            break
    return p, rank


def ticks(pid):
    return int(pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[11])


def rank_is_unable(tmp, ini, text):
    """Rank 1 has no worker any more, and gets no more tasks."""
    db = tmp / 'u.db'
    p, rank = start_ranks(ini, db)
    no_more_processes(rank[1])
    out, err = p.communicate(timeout=120)
    n = integrity(db)[1]
    check('a rank without workers costs the runs that it had', p.returncode == 3 and RUNS - 4 <= n < RUNS and 'run' in err,
          f'{p.returncode} {n} {err}')
    r = run(ini, '--db', db, '--json')
    check('which the next call makes, too', r.returncode == 0 and r.stdout == text, r.stderr)


def worker_of_a_rank_dies(tmp):
    ini, db = tmp / 'v.ini', tmp / 'v.db'
    ini.write_text(SWEEP.replace('40ms', '150ms'))
    p, rank = start_ranks(ini, db)
    os.kill(children(rank[1])[0], signal.SIGKILL)
    out, err = p.communicate(timeout=120)
    n = integrity(db)[1]
    check('a worker of a rank that dies costs its run', p.returncode == 3 and n == RUNS - 1 and 'signal 9' in err,
          f'{p.returncode} {n} {err}')


def ranks_stop(tmp, ini):
    """Ctrl-C: rank 0 ends the others."""
    p, rank = start_ranks(ini, tmp / 'i.db', '--json')
    os.kill(rank[0], signal.SIGINT)
    out, err = p.communicate(timeout=60)
    check('ranks: a signal ends all of them', p.returncode == 130 and json.loads(out)['partial'], f'{p.returncode} {err}')


def ranks(tmp, ini, text):
    if not shutil.which('mpirun') or not (POSTERN.parent / 'ranks.so').exists():
        print('not over ranks: no mpirun, or the module is not built')
        return
    for n in 1, 2, 4:
        r = run(ini, '--db', tmp / f'm{n}.db', '--csv', tmp / f'm{n}.csv', '--json', ranks=n)
        check(f'{n} ranks: the same JSON', r.returncode == 0 and r.stdout == text, r.stderr)
        check(f'{n} ranks: the same CSV', (tmp / f'm{n}.csv').read_bytes() == (tmp / 'a.csv').read_bytes())
        check(f'{n} ranks: the same database', content(tmp / f'm{n}.db') == content(tmp / 'a.db'))
    explored(tmp)
    tortured()
    rank_is_unable(tmp, ini, text)
    worker_of_a_rank_dies(tmp)
    ranks_stop(tmp, ini)
    refuse('ranks and a bad file', [tmp / 'none.ini'], 'none.ini', ranks=2)
    # rank 1 alone has no file
    script = f'cd {tmp}/$([ $OMPI_COMM_WORLD_RANK = 1 ] && echo b || echo a) && exec {POSTERN} sweep s.ini'
    for d in 'a', 'b':
        (tmp / d).mkdir()
    (tmp / 'a' / 's.ini').write_text(SWEEP)
    words = ['mpirun', '--oversubscribe', '-n', '3', 'sh', '-c', script]
    r = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **MPI_ENV}, timeout=120)
    lines = [x for x in r.stderr.splitlines() if x.startswith('postern: ')]
    check('a rank without the file', r.returncode == 3 and len(lines) == 1 and 'rank 1 (' in lines[0] and
          's.ini: no such file' in lines[0], r.stderr)
    (tmp / 'b' / 's.ini').write_text(SWEEP.replace('40ms', '41ms'))
    r = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **MPI_ENV}, timeout=120)
    check('a rank with another file', r.returncode == 3 and 'rank 1 (' in r.stderr and 'another one' in r.stderr, r.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix='postern-sweep-') as name:
        tmp = pathlib.Path(name)
        ini = tmp / 'sweep.ini'
        ini.write_text(SWEEP)
        text = whole(tmp, ini)
        one_of_each(tmp)
        other_ways(tmp, ini, text)
        kills(tmp, ini, text)
        long = tmp / 'long.ini'
        long.write_text(LONG)
        worker_dies(tmp, long)
        no_worker_is_left(long)
        stopped(tmp, long, signal.SIGINT)
        stopped(tmp, long, signal.SIGTERM)
        terminal(tmp, long)
        no_orphans(tmp)
        two_at_once(tmp, ini, text)
        reader(tmp, ini)
        slow_reader(tmp, ini)
        constant_memory(tmp)
        bad_input(tmp, ini)
        broken_database(tmp, ini)
        ranks(tmp, ini, text)
    if failures:
        sys.exit(f'{len(failures)} failed')


main()
