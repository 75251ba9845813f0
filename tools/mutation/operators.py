# SPDX-License-Identifier: MIT
"""The mistakes that are planted: each operator reads a function and yields texts that replace parts of it."""
import difflib
import hashlib
import re

# Counted or told to observers, and read by no code of host and silicon: a mistake in it is no mistake in delivery.
STATISTICS = re.compile(r'\bpn_step\b|\bstats\.|\b(wake_irqs|wake_scanned|wake_spurious|galog_restarts|parked_bits)\b'
                        r'|^\(void\)\w+;$')
# They look whether the host's own state is consistent, for tests.
OBSERVERS = re.compile(r'(check_\w+|\w+_check)$')
MISTAKE = re.compile(r'\bpn_mistake\b')
LOCKS = {'pn_lock_take': 'pn_lock_drop', 'pn_lock_irq': 'pn_unlock_irq', 'pn_irq_off': 'pn_irq_on',
         'pn_line_begin': 'pn_line_end'}
# Calls that other agents notice. In an expression they are replaced by 0, as if they had been forgotten there.
ACTION = re.compile(r'flush|sync|wait|poll|wake|notify|doorbell|ipi|kick|send|inval|harvest|take|park|recover|eoi|inject')
# Calls between two reads behind which a place may have another value: a field, which its lock protects, and a place
# that agents share without one.
CHANGES = re.compile(r'pn_(lock|irq_off)|lock_|' + ACTION.pattern)
BARRIER = re.compile(r'pn_(unlock|irq|fence|xchg|or\d|and\d|cas)|' + CHANGES.pattern)
LOAD = re.compile(r'pn_ld(32|64)(_acq|_sc)?$')
RMW = re.compile(r'pn_(or|and|xchg|cas)(32|64|128)$')
COMMENT = re.compile(r'/\*.*?\*/', re.S)
# Set once, before any other agent exists.
FIXED_FIELD = re.compile(r'^cfg(->|\.)|(->|\.)(agent|id|os|ctx|page|pid|drv|all|bus|vm|svm|vmx|cfg|index|devid|pid_pa|apicid|nr_vcpus|pages|iommus|page_pa)$')
CONSTANT = re.compile(r'[A-Z][A-Z0-9_]{2,}$')
NO_NEIGHBOUR = re.compile(r'(PN_STEP_|PN_MISTAKE_|PN_WAKE_|E[A-Z]+$|NULL$|UINT\d+_|PN_RARELY)')


class Mutant:
    """@edits: (start, end, new text) in the file. @anchor: the statement that has to run for it to matter."""

    def __init__(self, function, operator, edits, anchor):
        self.function, self.operator, self.edits = function, operator, sorted(edits)
        self.anchor = function.source.tokens[anchor.first].start
        self.path, self.name = function.source.path, function.name
        self.line = function.source.line(self.edits[0][0])
        self.removed, self.added = self._difference()
        self.ordinal = 1

    def apply(self, begin, end):
        """The text of [begin, end) with the mistake."""
        parts, at, text = [], begin, self.function.source.text
        for start, stop, new in self.edits:
            parts += [text[at:start], new]
            at = stop
        return ''.join(parts) + text[at:end]

    def _difference(self):
        f = self.function
        begin = f.source.text.rfind('\n', 0, f.start) + 1
        old, new = (COMMENT.sub('', text).split('\n') for text in (f.source.text[begin:f.end], self.apply(begin, f.end)))
        removed, added = [], []
        for line in difflib.ndiff(old, new):
            if line[0] == '-' and line[2:].strip():
                removed.append(line[2:])
            elif line[0] == '+' and line[2:].strip():
                added.append(line[2:])
        return removed, added

    @property
    def key(self):
        """What it is, whatever its line: file, function and the changed text."""
        squeeze = lambda lines: tuple(' '.join(line.split()) for line in lines)
        return self.path, self.name, squeeze(self.removed), squeeze(self.added), self.ordinal

    @property
    def id(self):
        return hashlib.sha256(repr(self.key).encode()).hexdigest()[:8]

    def rank(self, seed):
        return hashlib.sha256(f'{seed}:{self.key}'.encode()).hexdigest()

    def show(self):
        lines = [f'{self.id} {self.path}:{self.line} {self.name}() [{self.operator}]']
        lines += ['-' + line for line in self.removed] + ['+' + line for line in self.added]
        return '\n'.join(lines)


class Finder:
    """Yields the mutants of one function."""

    def __init__(self, function, neighbours):
        self.f, self.s, self.neighbours = function, function.source, neighbours
        self.tokens = self.s.tokens

    def mutants(self):
        dead = {id(inner) for s in self.f.body.within() if self.never(s) for inner in s.body[0].within()}
        for s in self.f.body.within():
            if id(s) in dead:
                continue
            if s.kind != 'block' and STATISTICS.search(self.own(s)):
                continue
            if s.kind == 'if' and MISTAKE.search(self.s.of(*s.condition)):
                continue
            for operator in (self.drop, self.conditions, self.loops, self.returns, self.expressions):
                yield from operator(s)
            if s.kind == 'block':
                yield from self.neighbouring(s)
        yield from self.locks()

    def never(self, s):
        """Only the mistakes of cases lead there: no fixed variant does."""
        if s.kind != 'if':
            return False
        parts = [self.s.of(*p).replace('!pn_mistake', '') for p in self.s.split(*s.condition, by='||')]
        return all(MISTAKE.search(part) for part in parts)

    def own(self, s):
        """The statement's text, or only its head if it has statements inside."""
        if s.body or s.kind == 'block':
            return self.s.of(*s.condition) if s.condition else ''
        return self.s.of(s.first, s.last)

    def span(self, first, last):
        return self.tokens[first].start, self.tokens[last - 1].end

    def make(self, operator, s, *edits):
        return Mutant(self.f, operator, [(*self.span(a, b), new) for a, b, new in edits], s)

    def calls_in(self, s):
        return [self.tokens[i].text for i, _, _ in self.s.calls(s.first, s.last)]

    # ---- statements ----

    def drop(self, s):
        if s.kind != 'expr':
            return
        text, calls = self.s.of(s.first, s.last), self.calls_in(s)
        if calls and calls[0] == 'pn_fence':
            yield self.make('order', s, (s.first, s.last, ';'))
        elif any(lock in calls for pair in LOCKS.items() for lock in pair):
            return
        elif calls and ACTION.search(text):
            yield self.make('action', s, (s.first, s.last, ';'))
        else:
            yield self.make('drop', s, (s.first, s.last, ';'))

    def simple(self, s):
        """May change places with its neighbour."""
        if s.kind in ('block', 'decl', 'return', 'jump') or STATISTICS.search(self.own(s)) or self.never(s):
            return False
        return not any(inner.kind in ('return', 'jump') for inner in s.within())

    def neighbouring(self, block):
        for a, b in zip(block.body, block.body[1:]):
            if self.simple(a) and self.simple(b) and self.matters(a, b):
                first, second = self.s.of(a.first, a.last), self.s.of(b.first, b.last)
                yield self.make('swap', a, (a.first, a.last, second), (b.first, b.last, first))
        for i, s in enumerate(block.body):
            yield from self.stale(block.body[:i], s)

    def matters(self, a, b):
        """Two assignments without calls touch what one agent owns: their order matters if one reads the other."""
        first, second = self.s.of(a.first, a.last), self.s.of(b.first, b.last)
        if '(' in first or '(' in second:
            return first != second
        return first.split('=')[0].strip() in second or second.split('=')[0].strip() in first

    def stale(self, before, s):
        """Reads a field before what precedes, and uses the old value."""
        if s.kind not in ('expr', 'decl', 'return', 'if') or not before or STATISTICS.search(self.own(s)):
            return
        if self.never(s):
            return
        for first, last in self.reads(*(s.condition or (s.first, s.last - 1))):
            name, text = 'pn_stale', self.s.of(first, last)
            barrier = self.barrier(before, first)
            if not barrier or FIXED_FIELD.search(text):
                continue
            yield self.make('stale', s, (barrier.first, barrier.first + 1,
                            f'__auto_type {name} = {text};\n\t{self.tokens[barrier.first].text}'),
                            (first, last, name))

    def barrier(self, before, read):
        """The last statement that can change what is read at @read. A struct of the function's own changes only by its
        address: reading it earlier would be no mistake."""
        text, after = self.tokens[read].text, self.tokens[read + 1].text
        pattern = BARRIER if LOAD.match(text) else CHANGES
        for b in reversed(before[-3:]):
            names = [n for n in self.calls_in(b) if not MISTAKE.match(n)] if b.kind in ('expr', 'walk', 'for') else []
            own = after == '.' and f'&{text}' not in self.s.of(b.first, b.last)
            if not own and any(pattern.search(n) for n in names) and not STATISTICS.search(self.own(b)):
                return b
        return None

    def reads(self, first, last):
        """Loads through the seam, and fields that are read."""
        i = first
        while i < last:
            text = self.tokens[i].text
            if LOAD.match(text):
                closing = self.s.match[i + 1] + 1
                yield i, closing
                i = closing
                continue
            end = i + 1
            while end + 1 < last and self.tokens[end].text in ('->', '.') and self.tokens[i].kind == 'name':
                end += 2
            if end > i + 1:
                after = self.tokens[end].text
                if self.tokens[i - 1].text not in ('&', '++', '--', '.', '->') and not (
                        after in ('(', '++', '--', '[', '=') or (after[-1] == '=' and after not in ('==', '!=', '<=', '>='))):
                    yield i, end
            i = end

    # ---- conditions, loops, results ----

    def conditions(self, s):
        if s.kind != 'if' or not s.condition:
            return
        text = self.s.of(*s.condition)
        yield self.make('condition', s, (*s.condition, f'!({text})'))
        yield self.make('condition', s, (*s.condition, '0'))
        yield self.make('condition', s, (*s.condition, '1'))

    def loops(self, s):
        if s.kind == 'for' and s.condition:
            first, last = s.condition
            for i in range(first, last):
                if self.tokens[i].text == '<':
                    yield self.make('bound', s, (last - 1, last, f'{self.tokens[last - 1].text} - 1'))
                elif self.tokens[i].text == '>' and self.tokens[i - 1].text == '--':
                    yield self.make('bound', s, (i + 1, last, '1'))
            if s.start and self.s.of(*s.start).endswith('= 0'):
                yield self.make('bound', s, (s.start[1] - 1, s.start[1], '1'))
        walks = s.kind == 'walk' or (s.kind in ('for', 'while') and self.calls_in(s.body[0]))
        if walks:
            body = s.body[0]
            yield self.make('first', s, (body.first, body.last, f'{{ {self.s.of(body.first, body.last)} break; }}'))

    def returns(self, s):
        if s.kind == 'return':
            text = self.s.of(*s.value)
            if text in ('true', 'false'):
                yield self.make('return', s, (*s.value, 'false' if text == 'true' else 'true'))

    # ---- inside expressions ----

    def expressions(self, s):
        ranges = [s.condition] if s.body and s.condition else [] if s.body or s.kind in ('block', 'jump') else [
            (s.first, s.last - 1)]
        for first, last in ranges:
            if MISTAKE.search(self.s.of(first, last)) and s.kind != 'if':
                first, last = self.without_mistake(first, last)
            yield from self.operands(s, first, last)
            yield from self.rmw(s, first, last)
            yield from self.skipped_calls(s, first, last)
            yield from self.words(s, first, last)

    def without_mistake(self, first, last):
        return (first, last) if not MISTAKE.search(self.s.of(first, last)) else (first, first)

    def operands(self, s, first, last):
        """a && b becomes a, or b."""
        groups = [(i + 1, self.s.match[i]) for i in range(first, last) if self.tokens[i].text == '(']
        begin = first
        for i in range(first, last):
            if self.tokens[i].text in ('=', 'return', '|=', '&='):
                begin = i + 1
                break
        for a, b in groups + [(begin, last)]:
            for word in ('&&', '||'):
                parts = self.s.split(a, b, by=word)
                rest = [t for x, y in parts for t in self.level(x, y)]
                if len(parts) < 2 or any(t in ('&&', '||', '?', ',') for t in rest):
                    continue
                for k, (x, y) in enumerate(parts):
                    if not MISTAKE.search(self.s.of(x, y)):
                        kept = f' {word} '.join(self.s.of(*p) for j, p in enumerate(parts) if j != k)
                        yield self.make('condition', s, (a, b, kept))

    def level(self, first, last):
        i = first
        while i < last:
            yield self.tokens[i].text
            i = self.s.match[i] if i in self.s.match and self.s.match[i] > i else i
            i += 1

    def rmw(self, s, first, last):
        """An atomic exchange becomes a load and a store."""
        for i, end, args in self.s.calls(first, last):
            m = RMW.match(self.tokens[i].text)
            if m:
                whole = i == s.first and end == s.last - 1
                yield self.make('order', s, (i, end, plain(m[1], m[2], [self.s.of(*a) for a in args], whole)))

    def skipped_calls(self, s, first, last):
        for i, end, _ in self.s.calls(first, last):
            name = self.tokens[i].text
            alone = s.kind == 'expr' and end == s.last - 1 and all(t.text in '()void' for t in self.tokens[s.first:i])
            other = any(what.match(name) for what in (MISTAKE, RMW, LOAD))
            if not alone and ACTION.search(name) and not other:
                while self.tokens[i - 1].text in ('->', '.'):
                    i -= 2
                yield self.make('action', s, (i, end, '0'))

    def words(self, s, first, last):
        for i in range(first, last):
            token, before = self.tokens[i], self.tokens[i - 1].text
            if token.kind == 'name' and CONSTANT.match(token.text) and not NO_NEIGHBOUR.match(token.text):
                other = self.neighbours.get(token.text)
                if other:
                    yield self.make('constant', s, (i, i + 1, other))
            elif token.kind == 'number' and token.text.isdigit() and 1 < int(token.text) < 256:
                yield self.make('constant', s, (i, i + 1, str(int(token.text) - 1)))
            elif token.text == '|=':
                yield self.make('assign', s, (i, i + 1, '='))
            elif token.text == '?':
                yield from self.choice(s, i, last)

    def choice(self, s, at, last):
        """a ? b : c becomes a ? c : c, or a ? b : b."""
        colon = at + 1
        while colon < last and self.tokens[colon].text != ':':
            colon = self.s.match[colon] if self.s.match.get(colon, 0) > colon else colon
            colon += 1
        end = colon + 1
        while end < last and self.tokens[end].text not in (')', ']', ',', ':', ';', '}'):
            end = self.s.match[end] if self.s.match.get(end, 0) > end else end
            end += 1
        if colon < last and not any(t.text == '?' for t in self.tokens[at + 1:end]):
            yes, no = self.s.of(at + 1, colon), self.s.of(colon + 1, end)
            yield self.make('condition', s, (at + 1, colon, no))
            yield self.make('condition', s, (colon + 1, end, yes))

    # ---- pairs ----

    def locks(self):
        found = {}
        for s in self.f.body.within():
            if s.kind != 'expr':
                continue
            for i, end, args in self.s.calls(s.first, s.last):
                name = self.tokens[i].text
                if i == s.first and name in [x for pair in LOCKS.items() for x in pair]:
                    pick = args[-1] if 'irq' in name else args[0]
                    found.setdefault((self.family(name), self.s.of(*pick)), []).append((s, i, args, name))
        for (family, _), uses in found.items():
            if len(uses) < 2:
                continue
            s = uses[0][0]
            yield self.make('lock', s, *[(u.first, u.last, ';') for u, _, _, _ in uses])
            if family == 'pn_lock_irq':
                yield self.make('lock', s, *[(i, self.s.match[i + 1] + 1, self.without_irq(name, args))
                                             for _, i, args, name in uses])

    def family(self, name):
        return next(take for take, drop in LOCKS.items() if name in (take, drop))

    def without_irq(self, name, args):
        return f'{"pn_lock_take" if name == "pn_lock_irq" else "pn_lock_drop"}({self.s.of(*args[-1])})'


def plain(op, bits, args, whole):
    """A load and a store instead of a locked instruction."""
    if op == 'cas' and bits == '128':
        return (f'({{ struct pn_u128 *pn_p = ({args[0]}), *pn_e = ({args[1]}), pn_n = ({args[2]}), '
                'pn_o = pn_ld128_sc(pn_p); bool pn_same = pn_o.lo == pn_e->lo && pn_o.hi == pn_e->hi; '
                'if (pn_same) { pn_st64(&pn_p->lo, pn_n.lo); pn_st64(&pn_p->hi, pn_n.hi); } *pn_e = pn_o; pn_same; })')
    if op == 'cas':
        return (f'({{ uint{bits}_t *pn_p = ({args[0]}), *pn_e = ({args[1]}), pn_o = pn_ld{bits}(pn_p); '
                f'bool pn_same = pn_o == *pn_e; if (pn_same) pn_st{bits}(pn_p, {args[2]}); *pn_e = pn_o; pn_same; }})')
    if op == 'xchg' and whole:
        return f'pn_st{bits}({args[0]}, {args[1]})'
    value = {'or': f'pn_o | ({args[1]})', 'and': f'pn_o & ({args[1]})', 'xchg': args[1]}[op]
    return (f'({{ uint{bits}_t *pn_p = ({args[0]}), pn_o = pn_ld{bits}(pn_p); '
            f'pn_st{bits}(pn_p, {value}); pn_o; }})')


DEFINE = re.compile(r'^#define[ \t]+([A-Z][A-Z0-9_]+)[ \t]+(\S.*)$', re.M)
ENUM = re.compile(r'enum[^{;()]*\{(.*?)\}', re.S)


def neighbours(texts):
    """For each constant the next one of its group, or the one before: the wrong one to take by mistake."""
    other = {}
    for text in texts:
        text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
        groups = [re.findall(r'([A-Z][A-Z0-9_]+)', re.sub(r'=[^,}]*', '', body)) for body in ENUM.findall(text)]
        run, end = [], -1
        for m in DEFINE.finditer(text):
            if m.start() > end + 1:
                groups.append(run)
                run = []
            run.append(m[1])
            end = m.end()
        groups.append(run)
        for group in groups:
            for i, name in enumerate(group):
                near = [n for n in group[i + 1:i + 2] + group[i - 1:i] if alike(n, name)]
                if near:
                    other.setdefault(name, near[0])
    return other


def alike(a, b):
    """PN_REQ_BLOCK_MASK and PN_REQ_EVENT; not a shift and a mask."""
    return a.split('_')[:2] == b.split('_')[:2] and a.endswith('_SH') == b.endswith('_SH') and \
        a.endswith('_MASK') == b.endswith('_MASK')


def of_source(source, near):
    """All mutants of a file, each text once; the same change at several places of a function is numbered."""
    seen, count = set(), {}
    for function in source.functions:
        if OBSERVERS.match(function.name) and '/host/' in source.path:
            continue
        for m in Finder(function, near).mutants():
            where = (m.name, tuple(m.edits))
            if where in seen or m.removed == m.added:
                continue
            seen.add(where)
            same = m.key[:4]
            count[same] = m.ordinal = count.get(same, 0) + 1
            yield m
