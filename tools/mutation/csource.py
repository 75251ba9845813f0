# SPDX-License-Identifier: MIT
"""Reads C of this project's form as far as mutants need it: tokens, functions, statements.

It is no compiler: what it does not understand it leaves alone, and what comes out of it is compiled.
"""
import hashlib
import re

TOKEN = re.compile(r'''
    (?P<space>\s+) | (?P<comment>/\*.*?\*/|//[^\n]*) | (?P<pp>^[ \t]*\#(?:\\\n|[^\n])*) |
    (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*') | (?P<number>\d[\w.]*) | (?P<name>[A-Za-z_]\w*) |
    (?P<op><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)''', re.S | re.M | re.X)
CLOSES = {')': '(', ']': '[', '}': '{'}
TYPES = re.compile(r'(const|static|volatile|struct|enum|union|unsigned|signed|int|bool|char|long|void|size_t|'
                   r'double|__auto_type|\w+_t)$')


class Token:
    __slots__ = ('kind', 'text', 'start', 'end')

    def __init__(self, kind, text, start):
        self.kind, self.text, self.start, self.end = kind, text, start, start + len(text)


class Statement:
    """kind: block, if, for, while, do, switch, walk, return, jump, decl, expr. Ranges are pairs of token indexes,
    the second one exclusive."""

    def __init__(self, kind, first, last):
        self.kind, self.first, self.last = kind, first, last
        self.condition = self.start = self.value = None  # ranges
        self.body = []  # statements
        self.other = None  # after else

    def within(self):
        """The statement and all inside it."""
        yield self
        for inner in self.body + ([self.other] if self.other else []):
            yield from inner.within()


class Function:
    def __init__(self, source, name, first, opening, closing, params, is_static):
        self.source, self.name, self.first, self.opening, self.closing = source, name, first, opening, closing
        self.params, self.is_static = params, is_static
        self.body = Parser(source, opening).block()
        self.digest = hashlib.sha256(source.of(first, closing + 1).encode()).hexdigest()[:12]

    @property
    def start(self):
        return self.source.tokens[self.first].start

    @property
    def end(self):
        return self.source.tokens[self.closing].end


class Source:
    """One file: its text, tokens without space and comments, and functions."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        self.tokens = [Token(m.lastgroup, m.group(), m.start()) for m in TOKEN.finditer(text)
                       if m.lastgroup not in ('space', 'comment', 'pp')]
        self.match = self._match()
        self.functions = list(self._functions())

    def _match(self):
        match, stack = {}, []
        for i, token in enumerate(self.tokens):
            if token.kind != 'op':
                continue
            if token.text in '([{':
                stack.append(i)
            elif token.text in CLOSES and stack:
                match[i] = stack.pop()
                match[match[i]] = i
        return match

    def of(self, first, last):
        """The text of tokens [first, last)."""
        return self.text[self.tokens[first].start:self.tokens[last - 1].end] if last > first else ''

    def line(self, offset):
        return self.text.count('\n', 0, offset) + 1

    def _functions(self):
        tokens, first, i = self.tokens, 0, 0
        while i < len(tokens):
            text = tokens[i].text
            if text == ';':
                first = i + 1
            elif text in '([{' and tokens[i].kind == 'op':
                closing = self.match.get(i, len(tokens) - 1)
                if text == '{':
                    yield from self._function(first, i, closing)
                    if closing + 1 < len(tokens) and tokens[closing + 1].text not in (';', ','):
                        first = closing + 1
                i = closing
            i += 1

    def _function(self, first, opening, closing):
        tokens = self.tokens
        before = [t.text for t in tokens[first:opening]]
        if opening == first or tokens[opening - 1].text != ')' or '=' in before or 'typedef' in before:
            return
        left = self.match[opening - 1]
        if tokens[left - 1].kind != 'name':
            return
        params = [self._param(a, b) for a, b in self.split(left + 1, opening - 1)]
        if params in ([], ['void']):
            params = []
        yield Function(self, tokens[left - 1].text, first, opening, closing, params, 'static' in before)

    def split(self, first, last, by=','):
        """Ranges between the separators of the outermost level."""
        parts, begin, i = [], first, first
        while i < last:
            if self.tokens[i].text == by:
                parts.append((begin, i))
                begin = i + 1
            elif i in self.match and self.match[i] > i:
                i = self.match[i]
            i += 1
        if begin < last:
            parts.append((begin, last))
        return parts

    def _param(self, first, last):
        if self.tokens[last - 1].text == ')':  # pointer to a function
            pointer = next(i for i in range(first, last) if self.tokens[i].text == '(')
            return self.tokens[self.match[pointer] - 1].text
        names = [t.text for t in self.tokens[first:last]]
        if ']' in names:
            names = names[:names.index('[')]
        return names[-1]

    def calls(self, first, last):
        """(index of the name, index behind the closing parenthesis, arguments as ranges) of calls by name."""
        for i in range(first, last - 1):
            if self.tokens[i].kind == 'name' and self.tokens[i + 1].text == '(':
                closing = self.match[i + 1]
                if closing < last and self.tokens[i].text not in ('sizeof', 'if', 'for', 'while', 'switch', 'return'):
                    yield i, closing + 1, self.split(i + 2, closing)


class Parser:
    def __init__(self, source, at):
        self.source, self.at = source, at

    def text(self, ahead=0):
        return self.source.tokens[self.at + ahead].text

    def parens(self):
        opening = self.at
        self.at = self.source.match[opening] + 1
        return opening + 1, self.at - 1

    def until_semicolon(self):
        while self.text() != ';':
            self.at = self.source.match.get(self.at, self.at) + 1 if self.text() in '([{' else self.at + 1
        self.at += 1

    def block(self):
        s = Statement('block', self.at, self.source.match[self.at] + 1)
        self.at += 1
        while self.text() != '}':
            s.body.append(self.statement())
        self.at += 1
        return s

    def label(self):
        """case X:, default: and NAME: belong to what follows."""
        while True:
            if self.text() in ('case', 'default'):
                while self.text() != ':':
                    self.at += 1
                self.at += 1
            elif self.source.tokens[self.at].kind == 'name' and self.text(1) == ':' and self.text(2) != ':':
                self.at += 2
            else:
                return

    def statement(self):
        self.label()
        word, first = self.text(), self.at
        if word == '{':
            return self.block()
        if word in ('if', 'while', 'switch', 'for'):
            return self.compound(word, first)
        if word == 'do':
            return self.do(first)
        if self.is_walk():
            return self.walk(first)
        self.until_semicolon()
        s = Statement('expr', first, self.at)
        if word == 'return':
            s.kind, s.value = 'return', (first + 1, self.at - 1)
        elif word in ('break', 'continue', 'goto', ';'):
            s.kind = 'jump'
        elif self.is_declaration(first):
            s.kind = 'decl'
        return s

    def compound(self, word, first):
        s = Statement(word, first, 0)
        self.at += 1
        inside = self.parens()
        if word == 'for':
            parts = self.source.split(*inside, by=';')
            s.start = parts[0]
            s.condition = parts[1] if len(parts) > 2 else None
        else:
            s.condition = inside
        s.body = [self.statement()]
        if word == 'if' and self.text() == 'else':
            self.at += 1
            s.other = self.statement()
        s.last = self.at
        return s

    def do(self, first):
        s = Statement('do', first, 0)
        self.at += 1
        s.body = [self.statement()]
        self.at += 1
        s.condition = self.parens()
        self.at += 1
        s.last = self.at
        return s

    def is_walk(self):
        """A macro that is a loop: NAME (...) and then a statement."""
        if self.source.tokens[self.at].kind != 'name' or self.text(1) != '(' or self.text() == 'return':
            return False
        after = self.source.tokens[self.source.match[self.at + 1] + 1]
        return after.text == '{' or (after.kind == 'name' and 'for_each' in self.text())

    def walk(self, first):
        s = Statement('walk', first, 0)
        self.at = self.source.match[self.at + 1] + 1
        s.body = [self.statement()]
        s.last = self.at
        return s

    def is_declaration(self, first):
        tokens = self.source.tokens
        if TYPES.match(tokens[first].text) and tokens[first + 1].text not in ('->', '.', '=', '('):
            return True
        return tokens[first].kind == 'name' and tokens[first + 1].kind == 'name'
