#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""abi.py LIBRARY SOURCE [--write]: what an embedder was compiled against: the functions that
libpostern exports, and the sizes of the structures and the values of the enumerations in its public
headers. They are compared with libpostern.abi beside this file. A change on purpose writes the file
anew with --write, and the difference is part of the review."""
import difflib
import os
import re
import subprocess
import sys
import tempfile


def exported(library):
    names = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True,
                           encoding="ascii", check=True).stdout
    return ["function " + line.split()[2] for line in names.splitlines() if line.split()[1] == "T"]


def declared(include):
    """Names of the structures and of the enumerators, as the preprocessor leaves them."""
    headers = sorted(os.listdir(os.path.join(include, "postern")))
    text = "".join('#include "postern/%s"\n' % name for name in headers)
    seen = subprocess.run(["cc", "-E", "-P", "-std=gnu17", "-I", include, "-xc", "-"], input=text,
                          capture_output=True, encoding="utf-8", check=True).stdout
    structures = re.findall(r"\b((?:struct|union) pn_\w+)\s*\{", seen)
    bodies = re.findall(r"\benum(?:\s+pn_\w+)?\s*\{([^}]*)\}", seen)
    values = [name for body in bodies for name in re.findall(r"(?:^|,)\s*(PN_\w+)", body)]
    return text, structures, values


def measured(include):
    text, structures, values = declared(include)
    lines = ['\tprintf("%s: %%zu bytes, aligned to %%zu\\n", sizeof(%s), _Alignof(%s));'
             % (name, name, name) for name in structures]
    lines += ['\tprintf("value %s = %%lld\\n", (long long)%s);' % (name, name) for name in values]
    program = "#include <stdio.h>\n" + text + "int main(void)\n{\n" + "\n".join(lines) + "\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sizes")
        subprocess.run(["cc", "-std=gnu17", "-I", include, "-xc", "-", "-o", path],
                       input=program, encoding="utf-8", check=True)
        return subprocess.run([path], capture_output=True, encoding="ascii",
                              check=True).stdout.splitlines()


def packaged(source):
    """The functions in the symbols file of the Debian package."""
    path = os.path.join(source, "debian/libpostern1.symbols")
    if not os.path.exists(path):  # what is installed is tested without it
        return None
    with open(path, encoding="ascii") as f:
        return ["function " + name for name in re.findall(r"^ (\w+)@Base ", f.read(), re.M)]


def main():
    library, source = sys.argv[1], sys.argv[2]
    committed = os.path.join(source, "tests/e2e/libpostern.abi")
    lines = sorted(exported(library) + measured(os.path.join(source, "include")))
    if "--write" in sys.argv[3:]:
        with open(committed, "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        return 0
    with open(committed, encoding="ascii") as f:
        before = f.read().splitlines()
    changes = list(difflib.unified_diff(before, lines, "libpostern.abi", "this build", "", "", 0, ""))
    for line in changes:
        print(line)
    functions, packed = [line for line in lines if line.startswith("function ")], packaged(source)
    if packed is not None and packed != functions:
        print("debian/libpostern1.symbols differs:", *sorted(set(packed) ^ set(functions)))
        return 1
    if not changes:
        print("abi: %d lines, as committed" % len(lines))
    return bool(changes)


sys.exit(main())
