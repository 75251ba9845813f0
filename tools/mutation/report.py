# SPDX-License-Identifier: MIT
"""What is said about the results: a line for each mutant, a table by room, and the survivors."""
from .select import CONCURRENT, ROOMS, room_of


def by_explorer(row):
    return bool(row['explorer']['caught'] or row['explorer']['crash'])


def by_tests(row):
    return bool(row['unit']['failed'] or row['unit']['crash'])


def names(row):
    return row['explorer']['caught'] + row['explorer']['crash'] + row['unit']['failed'] + row['unit']['crash']


def line(row):
    x, u = row['explorer'], row['unit']
    where = row['diff'].split('\n')[0]
    notes = ''.join(f', {what}: {", ".join(found)}' for what, found in
                    (('crash', x['crash'] + u['crash']), ('not finished', x['not finished']), ('hangs', u['hangs'])) if found)
    return f'{where}: cases {len(x["caught"]) + len(x["crash"])}, tests {len(u["failed"]) + len(u["crash"])}{notes}'


class Report:
    def __init__(self, rows):
        self.rows = rows  # (mutant, result, argument or None)

    def counts(self, rows):
        x = [by_explorer(r) for _, r, _ in rows]
        u = [by_tests(r) for _, r, _ in rows]
        argued = [bool(a) and not k for (_, _, a), k in zip(rows, x)]
        return {'mutants': len(rows), 'explorer': sum(x), 'tests': sum(u), 'both': sum(a and b for a, b in zip(x, u)),
                'neither': sum(not a and not b for a, b in zip(x, u)), 'equivalent': sum(argued),
                'survivors': sum(not k and not a for k, a in zip(x, argued))}

    def percent(self, rows=None):
        c = self.counts(self.rows if rows is None else rows)
        real = c['mutants'] - c['equivalent']
        return 100.0 * c['explorer'] / real if real else 100.0

    def refuted(self):
        """Argued to be no mistake, and caught."""
        return [m for m, row, argument in self.rows if argument and by_explorer(row)]

    def meeting(self):
        return [r for r in self.rows if CONCURRENT.match(r[0].path)]

    def table(self):
        columns = ['mutants', 'explorer', 'tests', 'both', 'neither', 'equivalent', 'survivors']
        out = [f'{"room":15}' + ''.join(f'{c:>11}' for c in columns)]
        groups = [(room, [r for r in self.rows if room_of(r[0].path) == room]) for room in ROOMS]
        for name, rows in groups + [('all', self.rows), ('agents meet', self.meeting())]:
            if rows:
                c = self.counts(rows)
                out.append(f'{name:15}' + ''.join(f'{c[k]:>11}' for k in columns))
        return '\n'.join(out)

    def survivors(self):
        out = []
        for m, row, argument in self.rows:
            if by_explorer(row):
                continue
            also = ' (a unit test catches it)' if by_tests(row) else ''
            late = row['explorer']['not finished']
            if argument:
                why = f'  no mistake: {argument}'
            elif late:
                why = f'  not finished: {", ".join(late)}{also}'
            elif not row['cases that run it']:
                why = f'  no case runs it{also}'
            elif row['quick']:
                why = f'  {row["cases that run it"]} cases run it, and hold with few preemptions{also}'
            else:
                why = f'  {row["cases that run it"]} cases run it, and all hold{also}'
            out.append(f'{m.number}: {m.show()}\n{why}')
        return out

    def text(self):
        crashed = sum(bool(row['explorer']['crash']) for _, row, _ in self.rows)
        late = sum(not by_explorer(row) and bool(row['explorer']['not finished']) for _, row, _ in self.rows)
        parts = ['', *(f'{s}\n' for s in self.survivors()), self.table(), '']
        parts += [f'{m.number}: {m.id} is argued to be no mistake, and a case catches it' for m in self.refuted()]
        parts.append(f'caught by the explorer: {self.percent():.1f} % of those that are not argued equivalent'
                     f' (in files where agents meet: {self.percent(self.meeting()):.1f} %;'
                     f' {crashed} by a crash; {late} others did not finish, which does not count)')
        return '\n'.join(parts)

    def json(self):
        keep = ('explorer', 'unit', 'cases that run it', 'tests that run it', 'seconds')
        return {'schema': 1, 'percent': round(self.percent(), 2),
                'percent where agents meet': round(self.percent(self.meeting()), 2), 'counts': self.counts(self.rows),
                'rooms': {room: self.counts([r for r in self.rows if room_of(r[0].path) == room]) for room in ROOMS},
                'mutants': [{'number': m.number, 'id': m.id, 'file': m.path, 'line': m.line, 'function': m.name,
                             'operator': m.operator, 'removed': m.removed, 'added': m.added, 'argument': argument,
                             **{k: row[k] for k in keep}} for m, row, argument in self.rows]}
