#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What postern prints, byte for byte: golden.py POSTERN [--update]

Each .out file of golden/ begins with the command; the rest is its output. The same seed gives the
same bytes on every machine. --update writes what it prints now: to be read before it is committed.
"""
import difflib
import pathlib
import subprocess
import sys


def run(postern, line, where):
    words = line.split()
    if words[:2] != ['$', 'postern']:
        sys.exit(f'{where}: expected "$ postern ..." in the first line')
    done = subprocess.run([postern, *words[2:]], cwd=where.parent, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        sys.exit(f'{where}: exit {done.returncode}: {done.stderr}')
    return done.stdout


def main():
    postern, update = str(pathlib.Path(sys.argv[1]).resolve()), '--update' in sys.argv[2:]
    files = sorted((pathlib.Path(__file__).resolve().parent / 'golden').glob('*.out'))
    if not files:
        sys.exit('no golden output: the test is incomplete')
    differ = 0
    for file in files:
        line, _, want = file.read_text().partition('\n')
        got = run(postern, line, file)
        if update:
            file.write_text(f'{line}\n{got}')
        elif got != want:
            differ += 1
            sys.stdout.writelines(difflib.unified_diff(want.splitlines(True), got.splitlines(True), file.name, 'now'))
    print(f'{len(files)} outputs, {differ} differ')
    return differ > 0


if __name__ == '__main__':
    sys.exit(main())
