# SPDX-License-Identifier: MIT
"""A copy of the tree in which every selected mutant is compiled in, and PN_MUTANT=n in the environment chooses one.

Each mutant is a copy of its function. The original begins with a switch that calls the copy. PN_MUTANT=-1 calls copies
that note which statements run (one byte each in the file PN_MUTANT_SEEN).
"""
import re
import shutil
import subprocess
from pathlib import Path

HEADER = '''/* What the mutants need. */
#ifndef PN_MUTANT_H
#define PN_MUTANT_H
extern char *pn_mutant_getenv(const char *) __asm__("getenv");
extern int pn_mutant_atoi(const char *) __asm__("atoi");
#define PN_SEEN_SIZE %(size)d
__attribute__((weak, visibility("hidden"))) int pn_mutant;
__attribute__((weak, visibility("hidden"))) unsigned char pn_seen_none[PN_SEEN_SIZE];
__attribute__((weak, visibility("hidden"))) unsigned char *pn_seen = pn_seen_none;
extern int pn_mutant_open(const char *, int, ...) __asm__("open");
extern int pn_mutant_close(int) __asm__("close");
extern void *pn_mutant_mmap(void *, unsigned long, int, int, int, long) __asm__("mmap");
__attribute__((constructor, no_sanitize("thread"))) static void pn_mutant_choose(void)
{
	const char *n = pn_mutant_getenv("PN_MUTANT"), *file = pn_mutant_getenv("PN_MUTANT_SEEN");
	int fd;

	pn_mutant = n ? pn_mutant_atoi(n) : 0;
	if (pn_mutant != -1 || !file || pn_seen != pn_seen_none)
		return;
	fd = pn_mutant_open(file, 2);
	if (fd < 0)
		return;
	pn_seen = pn_mutant_mmap(0, PN_SEEN_SIZE, 3, 1, fd, 0);
	pn_mutant_close(fd);
	if (pn_seen == (void *)-1)
		pn_seen = pn_seen_none;
}
/* By assembler: compiler's hooks that the explorer uses must not see these accesses. */
#define PN_MUTANT                                                                              \\
	__extension__({                                                                          \\
		int pn_n;                                                                        \\
		__asm__ volatile("movl %%1, %%0" : "=r"(pn_n) : "m"(pn_mutant));                 \\
		pn_n;                                                                            \\
	})
#define PN_SEEN(k)                                                                             \\
	__extension__({                                                                          \\
		unsigned char *pn_s;                                                             \\
		__asm__ volatile("movq %%1, %%0\\n\\tmovb $1, %%c2(%%0)"                         \\
				 : "=&r"(pn_s)                                                   \\
				 : "m"(pn_seen), "i"(k)                                          \\
				 : "memory");                                                    \\
	})
#endif
'''
SEEN_SIZE = 1 << 16
WORLDS = ['src/world/explore/seam', 'src/seam/native']
SIGNATURE_NOISE = re.compile(r'\b(static|inline|extern)\b')


def clone(function, suffix, body, file_name=None):
    """A copy of @function with another name, and @body from its opening brace on."""
    source = function.source
    first, opening = function.start, source.tokens[function.opening].start
    signature = source.text[first:opening]
    name = re.compile(rf'\b{function.name}\b(?=\s*\()')
    signature = name.sub(function.name + suffix, SIGNATURE_NOISE.sub('', signature), count=1)
    line = source.line(opening)
    return f'static {" ".join(signature.split())}\n#line {line} "{file_name or source.path}"\n{body}\n'


def mutated(function, m, file_name=None):
    opening = function.source.tokens[function.opening].start
    return clone(function, f'__m{m.number}', m.apply(opening, function.end), file_name)


class Seen:
    """Numbers for the statements that mutants stand in."""

    def __init__(self):
        self.number = {}

    def of(self, m):
        return self.number.setdefault((m.path, m.anchor), len(self.number))


def covering(function, mutants, seen):
    """The copy that notes which statements run."""
    source = function.source
    opening = source.tokens[function.opening].start
    wanted = {m.anchor: seen.of(m) for m in mutants}
    inserts, plain = [], set()
    for s in function.body.within():
        at = source.tokens[s.first].start
        if at in wanted and at not in plain:
            plain.add(at)
            mark = f'PN_SEEN({wanted[at]});'
            if s.kind == 'block':
                inserts.append((at + 1, mark))
            elif s.kind == 'decl':
                inserts.append((at, mark))
            else:
                inserts += [(at, f'{{ {mark} '), (source.tokens[s.last - 1].end, ' }')]
    body, at = [], opening
    for where, text in sorted(inserts, key=lambda x: x[0]):
        body += [source.text[at:where], text]
        at = where
    body.append(source.text[at:function.end])
    return clone(function, '__seen', ''.join(body))


def instrument(source, mutants, seen, header):
    """The text of the file with all its mutants."""
    text = source.text
    out, at = [f'#include "{header}"\n#line 1 "{source.path}"\n'], 0
    by_function = {}
    for m in mutants:
        by_function.setdefault(m.function, []).append(m)
    for function in source.functions:
        if function not in by_function:
            continue
        mine = by_function[function]
        brace = source.tokens[function.opening].end
        call = f'({", ".join(function.params)})'
        switch = ''.join(f' case {m.number}: return {function.name}__m{m.number}{call};' for m in mine)
        switch += f' case -1: return {function.name}__seen{call};'
        begin = text.rfind('\n', 0, function.start) + 1
        out += [text[at:begin], *copies(function, mine, [covering(function, mine, seen)], lambda m: None),
                f'#line {source.line(begin)} "{source.path}"\n', text[begin:brace],
                f' if (__builtin_expect(PN_MUTANT, 0)) switch (PN_MUTANT) {{{switch} }}']
        at = brace
    return ''.join(out) + text[at:]


def copies(function, mine, extra, name_of):
    """A prototype, for functions that call themselves, and the copies."""
    source = function.source
    begin = source.text.rfind('\n', 0, function.start) + 1
    prototype = source.text[begin:source.tokens[function.opening].start].strip() + ';\n'
    return [prototype, *[mutated(function, m, name_of(m)) for m in mine], *extra]


def that_compile(root, source, mutants, include):
    """Those of one file that the compiler takes in both worlds. Each copy bears its number as the name of its file."""
    for i, m in enumerate(mutants):
        m.number = i + 1
    text, at, out = source.text, 0, []
    for function in source.functions:
        mine = [m for m in mutants if m.function is function]
        if mine:
            begin = text.rfind('\n', 0, function.start) + 1
            out += [text[at:begin], *copies(function, mine, [], lambda m: f'@{m.number}'), '#line 1 "@0"\n',
                    text[begin:function.end]]
            at = function.end
    out.append(text[at:])
    bad = set()
    for world in WORLDS:
        run = subprocess.run(['gcc', '-std=gnu17', '-mcx16', '-w', '-fsyntax-only', '-fmax-errors=0', '-DPN_VERSION=""', '-x', 'c',
                              '-I', world, *include, '-I', str(Path(source.path).parent), '-'],
                             input=''.join(out), text=True, capture_output=True, cwd=root)
        bad |= {int(n) for n in re.findall(r'^@(\d+):\d+:\d+: (?:fatal )?error', run.stderr, re.M)}
        if run.returncode and (not bad or 0 in bad):
            raise RuntimeError(f'{source.path}: the copies cannot be compiled:\n{run.stderr[:2000]}')
    return [m for m in mutants if m.number not in bad]


def write(root, scratch, sources, mutants, seen):
    """Fills @scratch with the tree of @root. Files that are the same stay untouched, so little is compiled anew."""
    listed = subprocess.run(['git', '-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                            capture_output=True, text=True, check=True).stdout.split('\0')
    header = Path(scratch).resolve() / 'src' / 'mutant.h'
    mine = {s.path: [m for m in mutants if m.path == s.path] for s in sources}
    changed = {s.path: instrument(s, mine[s.path], seen, header) for s in sources if mine[s.path]}
    changed['src/mutant.h'] = HEADER % {'size': SEEN_SIZE}
    for name in filter(None, listed):
        if name.startswith(('boot/', 'docs/')) or not (Path(root) / name).is_file():
            continue
        update(Path(scratch) / name, changed.pop(name, None), Path(root) / name)
    for name, text in changed.items():
        update(Path(scratch) / name, text, None)


def update(to, text, original):
    new = original.read_bytes() if text is None else text.encode()
    if to.is_file() and to.read_bytes() == new:
        return
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(new)
    if original:
        shutil.copymode(original, to)
