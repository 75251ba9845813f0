#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the project demands of its files, as CONTRIBUTING.md says it: house.py SOURCE_ROOT

C files open with a comment, a vendor's rooms include its own vendor's headers only, links lead somewhere,
README.md lists every document and stays short.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
LINES = {'README.md': 180, 'CONTRIBUTING.md': 120}
# Whose public header is it? The include path of the build keeps all others apart.
VENDORS = {'amd': re.compile(r'amd|avic'), 'intel': re.compile(r'vtd|apicv|pid')}
ROOMS = ['src/hw', 'src/host', 'src/world', 'src/lab/machine']
INCLUDE = re.compile(r'^#include "postern/(\w+)\.h"', re.M)
FENCE = re.compile(r'^```.*?^```', re.S | re.M)
LINK = re.compile(r'\]\(([^)\s]+)\)')
failures = []


def files(*patterns):
    """The files of the checkout, or of the source archive where there is no git."""
    git = subprocess.run(['git', '-C', ROOT, 'ls-files', '-z', *patterns], capture_output=True, text=True)
    if git.returncode == 0 and git.stdout:
        found = [ROOT / name for name in git.stdout.split('\0') if name]
        return [path for path in found if path.exists()]
    return [path for pattern in patterns for path in sorted(ROOT.rglob(pattern))
            if not path.relative_to(ROOT).parts[0].startswith(('build', 'obj-'))]


def fail(path, text):
    failures.append(f'{path.relative_to(ROOT)}: {text}')


def opening_comment(path):
    """After the line with the licence: a comment that says what the file is for."""
    lines = path.read_text().split('\n')
    if 'SPDX-License-Identifier' not in lines[0]:
        fail(path, 'the first line is not the SPDX line')
    rest = [line for line in lines[1:4] if line.strip()]
    if not rest or not rest[0].startswith('/*') or len(rest[0]) < 4 and len(rest) < 2:
        fail(path, 'no comment after the SPDX line says what the file is for')


def vendors(path):
    """Rooms of one vendor, and those that both share, know no other vendor's silicon."""
    where = path.relative_to(ROOT)
    if not any(where.is_relative_to(room) for room in ROOMS):
        return
    for name in INCLUDE.findall(path.read_text()):
        if name == 'postern' and not where.is_relative_to('src/hw/x86'):  # its version
            fail(path, 'includes postern/postern.h, and with it both vendors')
        for vendor, header in VENDORS.items():
            if header.match(name) and vendor not in where.parts:
                fail(path, f'includes postern/{name}.h, which is of vendor {vendor}')


def anchors(path):
    """The anchors that a reader's browser finds: headings in lower case, without punctuation."""
    text = FENCE.sub('', path.read_text())
    headings = re.findall(r'^#+ +(.*?) *$', text, re.M)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def links(path):
    for target in LINK.findall(FENCE.sub('', path.read_text())):
        if re.match(r'[a-z]+:', target):
            continue
        name, _, anchor = target.partition('#')
        other = (path.parent / name).resolve() if name else path
        if not other.exists():
            fail(path, f'the link to {target} leads nowhere')
        elif anchor and anchor not in anchors(other):
            fail(path, f'the link to {target}: there is no such heading')


def index():
    """README.md has a link to each page of docs/."""
    readme = ROOT / 'README.md'
    linked = {(ROOT / target.partition('#')[0]).resolve() for target in LINK.findall(readme.read_text())}
    for page in sorted((ROOT / 'docs').glob('*.md')):
        if page.resolve() not in linked:
            fail(page, 'README.md has no link to it')


def main():
    sources = files('*.c')
    documents = files('*.md')
    if len(sources) < 100 or len(documents) < 10:
        sys.exit(f'house: only {len(sources)} C files and {len(documents)} documents under {ROOT}')
    for path in sources:
        opening_comment(path)
    for path in files('*.[ch]'):
        vendors(path)
    for path in documents:
        links(path)
    index()
    for name, most in LINES.items():
        have = len((ROOT / name).read_text().splitlines())
        if have > most:
            fail(ROOT / name, f'{have} lines, at most {most}')
    print(*failures, sep='\n')
    sys.exit(1 if failures else 0)


main()
