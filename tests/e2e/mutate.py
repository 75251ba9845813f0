#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The operators of tools/mutate on a fixture, the file of arguments, and refusals: mutate.py SOURCE_ROOT"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1))
sys.path.insert(0, str(ROOT / 'tools'))
from mutation import argued, csource, operators, schemata  # noqa: E402

FIXTURE = (ROOT / 'tests' / 'mutants' / 'fixture.c').read_text()
EXPECTED = (ROOT / 'tests' / 'mutants' / 'fixture.expected').read_text()
NEAR = operators.neighbours(['#define FOUND 1\n#define FOUND_TWICE 2\n'])


def planted():
    return list(operators.of_source(csource.Source('fixture.c', FIXTURE), NEAR))


class Operators(unittest.TestCase):
    def test_diffs(self):
        shown = '\n\n'.join(m.show().split(' ', 1)[1] for m in planted()) + '\n'
        self.assertEqual(shown, EXPECTED)

    def test_the_key_survives_other_lines(self):
        moved = csource.Source('fixture.c', FIXTURE.replace('\tbool any', '\n\n\tbool any'))
        self.assertEqual([m.id for m in planted()], [m.id for m in operators.of_source(moved, NEAR)])

    def test_switch(self):
        mutants = planted()
        for i, m in enumerate(mutants):
            m.number = i + 1
        text = schemata.instrument(mutants[0].function.source, mutants, schemata.Seen(), 'mutant.h')
        self.assertIn('case 1: return sleepers__m1(c, os);', text)
        self.assertIn(f'block__m{len(mutants)}(struct vcpu *v)', text)
        self.assertIn('{ PN_SEEN(', text)


class Arguments(unittest.TestCase):
    def read(self, text):
        with tempfile.NamedTemporaryFile('w', suffix='.txt') as f:
            f.write(text)
            f.flush()
            return argued.read(pathlib.Path(f.name))

    def test_entry(self):
        first = planted()[0]
        path, name, removed, added, ordinal = first.key
        entry = '\n'.join([f'{path} {name}() #{ordinal}', *['-\t' + r for r in removed], *['+ ' + a for a in added],
                           '  No other', '  reader.'])
        self.assertEqual(self.read('# comment\n\n' + entry + '\n'), {first.key: 'No other reader.'})

    def test_refused(self):
        for text, why in (('a.c f\n-x\n why', 'is not FILE FUNCTION()'), ('a.c f()\n-x\n', 'no argument'),
                          ('a.c f()\n why', 'no changed line'), ('a.c f()\n-x\nwhy', 'begins with none of'),
                          ('a.c f()\n-x\n why\n\na.c f()\n-x\n why', 'argued twice')):
            with self.assertRaisesRegex(argued.Bad, why.replace('(', r'\(').replace(')', r'\)')):
                self.read(text)

    def test_the_file_of_the_project(self):
        argued.read(ROOT / 'tests' / 'mutants' / 'equivalent.txt')


class Usage(unittest.TestCase):
    def test_refused(self):
        for words, why in ((['-n', '0'], "'0' is not a number from 1"), (['--file', 'nowhere'], "'nowhere' is in no path"),
                           (['--operator', 'nothing'], "'nothing' is none of"), (['--only', 'x', '--file', 'intel/pid.c', '-n', '1'], "'x' is no number"),
                           (['--jobs', 'many'], "'many' is not a number from 1"), (['more'], 'unrecognized')):
            done = subprocess.run([sys.executable, ROOT / 'tools' / 'mutate', *words, '--list'], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (2, ''), words)
            self.assertIn(why, done.stderr)


unittest.main()
