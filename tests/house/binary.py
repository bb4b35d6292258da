#!/usr/bin/env python3
"""House rules that are read off the built extension with nm and readelf. Usage: binary.py RULE FILES,
where RULE is one of exports, sqlite, unique. Prints each breach and exits 1 if there is one.
SPDX-License-Identifier: Apache-2.0
"""
import os
import subprocess
import sys

ENTRY_POINTS = {"kindred_rocksdb.so": "kindred_rocksdb"}  # of any other file: SQLite's


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exports(library):
    """One exported symbol: any other could be bound to a host's symbol of the same name."""
    names = [line.split()[-1] for line in output("nm", "-D", "--defined-only", library).splitlines()]
    # A symbol version, as in name@@VERSION, is no part of the name.
    names = [name.split("@")[0] for name in names]
    entry_point = ENTRY_POINTS.get(os.path.basename(library), "sqlite3_kindred_init")
    if entry_point not in names:
        yield f"{entry_point} is not exported"
    yield from (f"exports {name} besides {entry_point}" for name in names if name != entry_point)


def sqlite(library):
    """Not linked with libsqlite3: a second SQLite in one process breaks the host's file locks."""
    for line in output("readelf", "-dW", library).splitlines():
        if "(NEEDED)" in line and "sqlite" in line:
            yield f"links {line.split()[-1]}"


def unique(library):
    """No STB_GNU_UNIQUE: the dynamic linker merges such symbols over all libraries of a process."""
    lines = output("readelf", "-sW", library).splitlines()
    # A set, since the dynamic symbol table and the full one both list it.
    names = {line.split()[-1] for line in lines if " UNIQUE " in line and " UND " not in line}
    yield from (f"unique symbol {name}" for name in sorted(names))


RULES = {f.__name__: f for f in (exports, sqlite, unique)}

if __name__ == "__main__":
    breaches = [breach for library in sys.argv[2:] for breach in RULES[sys.argv[1]](library)]
    print("\n".join(breaches) or f"{sys.argv[1]}: nothing to report")
    sys.exit(1 if breaches else 0)
