#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Usage errors of every verb: one line on standard error, nothing on standard output, status 2: usage.py POSTERN"""
import subprocess
import sys

POSTERN = sys.argv[1]
# An option with an argument, and what the argument is called; a beginning that several options share, and these; words
# of which the last is one too many, and what is said of it.
VERBS = {
    'compare': ('--modes', 'A,B,C', ('--se', '--sensitivity, --set, --seed'), ['a.ini', 'b.ini'],
                "one scenario at a time, 'b.ini' is a second one"),
    'run': ('--trace', 'FILE', ('--s', '--steps, --set, --seed'), ['a.ini', 'b.ini'],
            "one scenario at a time, 'b.ini' is a second one"),
    'replay': ('--tsc-ghz', 'GHZ', ('--s', '--scenario, --set, --seed'), ['a.txt', 'b.txt'],
               "one recording at a time, 'b.txt' is a second one"),
    'calibrate': ('--output', 'FILE.ini', None, ['a.txt', 'b.txt'], "one recording at a time, 'b.txt' is a second one"),
    'sweep': ('--db', 'FILE', None, ['a.ini', 'b.ini'], "one sweep at a time, 'b.ini' is a second one"),
    'decode': ('--kernel', 'VERSION', None, None, None),
    'explore': ('--bound', 'N', ('--me', '--memory, --method, --memory-limit'), ['a', 'b'],
                'one case at a time, or --all'),
    'list': ('--seed', 'N', None, ['modes', 'costs'], 'one list at a time'),
    'bench': ('--seed', 'N', None, ['x'] * 200, 'too many figures'),
    'torture': ('--posts', 'N', ('--m', '--mode, --mistake'), ['gappi'], "unexpected argument 'gappi'"),
}
# Whole command lines whose values are wrong, and what is said.
VALUES = [
    (['compare', '--duration', 'x'], "--duration: 'x' is not a time (expected 500ms, 2s)"),
    (['compare', '--set', 'x'], "--set: 'x' is not SECTION.KEY=VALUE"),
    (['run', '--steps=x'], "--steps: there is no step 'x' (expected iommu, processor, host, world or a key of the cost "
                           'table)'),
    (['replay'], 'replay needs a recording'),
    (['replay', 'x', '--tsc-ghz', '-1'], "--tsc-ghz: '-1' is not a rate (expected 3.0, GHz)"),
    (['calibrate', 'x'], 'calibrate needs -o FILE.ini'),
    (['sweep', 'x', '--jobs', '0'], "--jobs: '0' is not a number of processes (expected 1 .. 1024)"),
    (['decode'], 'no KIND is given (see postern list decoders)'),
    (['decode', '--vcpu-bits', '32'], "--vcpu-bits is '32' (expected 1 to 31)"),
    (['explore', '--all', '--memory', 'tso'], "unknown memory order 'tso' (expected x86-tso or sc)"),
    (['explore'], 'no case is given (a CASE, see postern list cases, a FILE, or --all)'),
    (['torture', '--seed', '3\n\x1b[31m4'], "--seed: '3??[31m4' is not a number (expected 0 .. 2^63 - 1)"),
    (['list'], 'no list is named (modes, scenarios, keys, cases, costs, sweeps or decoders)'),
]
failures = []
rows = 0


def refused(words, text):
    """The line is TEXT and where to look."""
    global rows
    rows += 1
    r = subprocess.run([POSTERN, *words], capture_output=True, text=True, timeout=60)
    line = f"postern: {text}; try 'postern {words[0]} --help'\n"
    if (r.returncode, r.stdout, r.stderr) != (2, '', line):
        failures.append(f'postern {" ".join(words)}: status {r.returncode}\n{r.stdout}{r.stderr}instead of\n{line}')


def verb(name, option, meta, alike, surplus, said):
    refused([name, '--nonsense'], "unknown option '--nonsense'")
    refused([name, '--nonsense=3', option], "unknown option '--nonsense'")
    refused([name, '--jsn'], "unknown option '--jsn' (did you mean '--json'?)")
    refused([name, '-y'], "unknown option '-y'")
    refused([name, option], f"option '{option}' requires an argument ({meta})")
    refused([name, '--json', option], f"option '{option}' requires an argument ({meta})")
    refused([name, '--json=yes'], "option '--json' takes no argument")
    refused([name, '--seed', 'x'], "--seed: 'x' is not a number (expected 0 .. 2^63 - 1)")
    if alike:
        refused([name, alike[0]], f"option '{alike[0]}' is ambiguous (expected one of {alike[1]})")
    if surplus:
        refused([name, *surplus], said)
        refused([name, '--', *surplus], said)


def answered(words, begin):
    """No usage error: argp's own options, wherever they stand."""
    r = subprocess.run([POSTERN, *words], capture_output=True, text=True, timeout=60)
    if (r.returncode, r.stderr) != (0, '') or not r.stdout.startswith(begin):
        failures.append(f'postern {" ".join(words)}: status {r.returncode}\n{r.stdout[:80]}{r.stderr}')


def verbs_of_the_program():
    text = subprocess.run([POSTERN, '--help'], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in text.splitlines() if line.startswith('  ')} - {'postern'}


# The machine's script reads the options of vm, and says so.
vm = subprocess.run([POSTERN, 'vm', '--nonsense'], capture_output=True, text=True, timeout=60)
if vm.returncode != 2 or vm.stdout or vm.stderr.count('\n') != 1:
    failures.append(f'postern vm --nonsense: status {vm.returncode}\n{vm.stderr}')
if verbs_of_the_program() - {'vm'} != set(VERBS):
    failures.append(f'verbs of the program: {sorted(verbs_of_the_program())}')
for name, row in VERBS.items():
    verb(name, *row)
    answered([name, '--json', '--help', '--nonsense'], f'Usage: postern {name} ')
    answered([name, '-?y'], f'Usage: postern {name} ')
for words, text in VALUES:
    refused(words, text)
refused(['calibrate', 'x', '-o'], "option '--output' requires an argument (FILE.ini)")
print('\n'.join(failures) if failures else f'{rows} usage errors, a line each')
sys.exit(bool(failures))
