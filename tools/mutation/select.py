# SPDX-License-Identifier: MIT
"""Which of the possible mutants are planted: the same for the same seed, and spread over files and operators."""
import re
from pathlib import Path

from . import csource, operators, schemata

ROOMS = ['src/host/amd', 'src/host/intel', 'src/host', 'src/hw/amd', 'src/hw/intel', 'src/hw/x86']
HEADERS = ['include/postern', 'src/seam']
INCLUDE = [x for d in ('include', 'src/seam', 'src/steps', 'src/host', 'src/host/amd', 'src/host/intel')
           for x in ('-I', d)]
# Files whose code meets other agents: three times the mutants of a file of the same size.
CONCURRENT = re.compile(
    r'src/host/(host_(cpu|vcpu|route|ipi)\.c|amd/(svm(_block|_inhibit|_inject|_pi|_ipi)?|gappi|galog_drv|irte_drv)\.c|'
    r'intel/(vmx(_pi|_sync|_irte|_ipi|_route)?|vtd_drv|vtd_irte_drv|posted_msi)\.c)|'
    r'src/hw/(amd/(post|cache|cmd|galog|avic|avic_ipi)\.c|intel/(pid|apicv|apicv_ipi|vtd|vtd_cache|vtd_queue)\.c|'
    r'x86/vapic\.c)')
WEIGHT = 3


def room_of(path):
    return str(Path(path).parent)


def sources(root):
    paths = sorted(p for room in ROOMS for p in (Path(root) / room).glob('*.[ch]'))
    return [csource.Source(str(p.relative_to(root)), p.read_text()) for p in paths]


def possible(root, files):
    """{path: its mutants}"""
    texts = [s.text for s in files] + [p.read_text() for d in HEADERS for p in sorted((Path(root) / d).glob('*.h'))]
    near = operators.neighbours(texts)
    found = {s.path: list(operators.of_source(s, near)) for s in files}
    return {path: mutants for path, mutants in found.items() if mutants}


def quotas(found, n):
    """How many of each file: by the number of functions with mutants, and where the code runs."""
    weight = {path: len({m.name for m in mutants}) * (WEIGHT if CONCURRENT.match(path) else 1)
              for path, mutants in found.items()}
    total = sum(weight.values())
    share = {path: min(len(found[path]), max(1, round(n * weight[path] / total))) for path in found}
    order = sorted(found, key=lambda path: (-weight[path], path))
    least = 0 if n < len(found) else 1
    while sum(share.values()) != n:
        step = 1 if sum(share.values()) < n else -1
        able = [p for p in order[::step] if (step < 0 and share[p] > least) or
                (step > 0 and share[p] < len(found[p]))]
        if not able:
            break
        for path in able[:abs(n - sum(share.values()))]:
            share[path] += step
    return share


def by_turns(mutants, seed):
    """The first of each operator, then the second of each: in the order that the seed gives."""
    queue = {}
    for m in sorted(mutants, key=lambda m: m.rank(seed)):
        queue.setdefault(m.operator, []).append(m)
    turns = [(place, m.rank(seed), m) for queued in queue.values() for place, m in enumerate(queued)]
    return [m for _, _, m in sorted(turns, key=lambda t: t[:2])]


def chosen(root, files, found, n, seed):
    """@n mutants that compile, numbered from 1, in the order of files and lines."""
    source = {s.path: s for s in files}
    out = []
    for path, share in quotas(found, n).items():
        fits, ordered = [], by_turns(found[path], seed)
        while len(fits) < share and ordered:
            take = 2 * (share - len(fits)) + 4
            fits += schemata.that_compile(root, source[path], ordered[:take], INCLUDE)
            ordered = ordered[take:]
        out += fits[:share]
    out.sort(key=lambda m: (m.path, m.edits, m.key))
    for i, m in enumerate(out):
        m.number = i + 1
    return out
