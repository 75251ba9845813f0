# SPDX-License-Identifier: MIT
"""Mutants that are argued to be no mistake: a text file of blocks, with an empty line between.

    src/host/amd/svm.c pn_svm_enter()
    -	removed line
    +	added line
      the argument, in lines that begin with a space

#2 behind the function: the second place of that function with the same change. A line that begins with # is a comment.
"""


class Bad(Exception):
    pass


def squeeze(line):
    return ' '.join(line.split())


def read(path):
    """{key: argument}, key as Mutant.key."""
    out, block, first = {}, [], 0
    lines = path.read_text().split('\n') + ['']
    for number, line in enumerate(lines, 1):
        if line.startswith('#'):
            continue
        if line.strip():
            first = first if block else number
            block.append(line)
        elif block:
            key, argument = entry(block, f'{path}:{first}')
            if key in out:
                raise Bad(f'{path}:{first}: the same change is argued twice')
            out[key] = argument
            block = []
    return out


def entry(block, where):
    head = block[0].split()
    if len(head) not in (2, 3) or not head[1].endswith('()'):
        raise Bad(f"{where}: '{block[0]}' is not FILE FUNCTION() [#N]")
    removed = tuple(squeeze(line[1:]) for line in block[1:] if line[0] == '-')
    added = tuple(squeeze(line[1:]) for line in block[1:] if line[0] == '+')
    argument = squeeze(' '.join(line for line in block[1:] if line[0] in ' \t'))
    strange = [line for line in block[1:] if line[0] not in '-+ \t']
    if strange:
        raise Bad(f"{where}: '{strange[0]}' begins with none of '-', '+' and a space")
    if not removed and not added:
        raise Bad(f'{where}: no changed line')
    if not argument:
        raise Bad(f'{where}: no argument')
    ordinal = int(head[2][1:]) if len(head) == 3 and head[2][1:].isdigit() else 1
    return (head[0], head[1][:-2], removed, added, ordinal), argument
