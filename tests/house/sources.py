#!/usr/bin/env python3
"""House rules that are read off the sources. Usage: sources.py RULE ROOT, where RULE is one of
includes, sizes, functions, licences, globs. Prints each breach as file:line: what, and exits 1 if
there is one. The rules are those of CONTRIBUTING.md.
SPDX-License-Identifier: Apache-2.0
"""
import re
import sys
from pathlib import Path

# The folders a file may include from, besides its own. model and storage never meet.
MAY_INCLUDE = {
    "ext": {"sql", "model", "storage", "math"},
    "sql": {"model", "storage", "math"},
    "model": {"math"},
    "storage": {"math"},
    "math": set(),
}
# Folders within a folder: each may include from those before it, and from the files beside them all,
# which include from none of them, but for the one that registers everything.
WITHIN = {
    "sql": ["vectors", "models", "collections", "search", "tables"],
    "storage": ["rocksdb", "codes", "log", "graphs", "segments", "nearest", "building", "upkeep"],
}
REGISTER = "sql/register"
# Whose headers only these folders may include.
FOREIGN = [
    (re.compile(r"sqlite3(ext)?\.h$"), {"ext", "sql"}),
    (re.compile(r"(rocksdb|hnswlib)/"), {"storage"}),
    (re.compile(r"xsimd(/|\.hpp$)"), {"math"}),
]
# Tests and benchmarks look at every layer.
FREE = {"tests", "bench"}
FOLDERS = [*MAY_INCLUDE, *FREE]

MAX_SOURCE_LINES = 600
MAX_TEST_LINES = 800
MAX_FUNCTION_LINES = 80
MAX_PAGE_LINES = {"CMakeLists.txt": 150, "README.md": 200, "docs/design.md": 200}

CPP = {".h", ".cc"}
CODE = CPP | {".S", ".py", ".js", ".sh"}


def files(root, suffixes):
    """The sources below the house's folders and the scripts beside them, as paths within root."""
    found = [p for p in root.iterdir() if p.is_file()]
    for folder in FOLDERS:
        found += [p for p in (root / folder).rglob("*") if p.is_file()]
    return sorted(p.relative_to(root) for p in found if p.suffix in suffixes)


def lines_of(root, path):
    return (root / path).read_text(encoding="utf-8").splitlines()


def place_within(path):
    """Of a file's folder among those of WITHIN, counted from 1; 0 of a file beside them."""
    folders = WITHIN.get(path.parts[0], [])
    return folders.index(path.parts[1]) + 1 if path.parts[1] in folders else 0


def includes(root):
    """Own headers by their path from the root, and only towards math."""
    directive = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
    for path in files(root, CPP):
        folder = path.parts[0]
        for number, line in enumerate(lines_of(root, path), 1):
            match = directive.match(line)
            if not match:
                continue
            quoted, name = match[1] == '"', match[2]
            target = name.split("/")[0]
            if quoted and not (root / name).is_file():
                yield f"{path}:{number}: {name} is no file of the house, seen from its root"
            if folder in FREE:
                continue
            if target in FOLDERS and target != folder and target not in MAY_INCLUDE[folder]:
                yield f"{path}:{number}: {folder}/ must not include {name}"
            if folder == target and str(path.with_suffix("")) != REGISTER:
                if place_within(Path(name)) > place_within(path):
                    yield f"{path}:{number}: {path.parent}/ must not include {name}"
            for pattern, allowed in FOREIGN:
                if pattern.match(name) and folder not in allowed:
                    yield f"{path}:{number}: only {' and '.join(sorted(allowed))} may include {name}"


def sizes(root):
    for path in files(root, CODE):
        limit = MAX_TEST_LINES if path.parts[0] == "tests" else MAX_SOURCE_LINES
        count = len(lines_of(root, path))
        if count > limit:
            yield f"{path}:{count}: {count} lines, at most {limit}"
    for name, limit in MAX_PAGE_LINES.items():
        if (root / name).is_file() and len(lines_of(root, name)) > limit:
            yield f"{name}: {len(lines_of(root, name))} lines, at most {limit}"


def without_text(code):
    """The code with comments, strings and preprocessor lines blanked out, line breaks kept."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/'
        r'|R"([^()\\\s]{0,16})\(.*?\)\1"'
        r'|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'"
        r"|^[ \t]*#(?:\\\n|[^\n])*",
        re.DOTALL | re.MULTILINE,
    )
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), code)


def is_function(head):
    """Whether a brace opens a function, judged by what stands between it and the last ; { or }."""
    if ")" not in head or head.rstrip().endswith("="):
        return False
    not_the_head = r"\[\[.*?\]\]|alignas\s*\([^)]*\)|template\s*<[^{]*?>\s*(?=\w)"
    head = re.sub(not_the_head, " ", head, flags=re.DOTALL)
    if ")" not in head:
        return False
    if re.match(r"\s*(namespace|class|struct|enum|union)\b[^(]*$", head):
        return False
    # In `Log(int n) : rows_{n}` the brace initialises a member; the body is still to come.
    after = head[head.rindex(")") + 1 :]
    return not re.search(r"[:,]\s*\w+\s*$", after)


def functions_of(code):
    """(first line, length, head) of each outermost function body."""
    text = without_text(code)
    depth, body_depth, start, head = 0, None, 0, ""
    last = 0  # where the text that leads up to the next brace begins
    for match in re.finditer(r"[{};]", text):
        at, what = match.start(), match[0]
        if what == "{":
            if body_depth is None and is_function(text[last:at]):
                body_depth, head = depth, text[last:at].strip()
                start = at - len(text[last:at].lstrip())
            depth += 1
        elif what == "}":
            depth -= 1
            if body_depth == depth:
                first = text.count("\n", 0, start) + 1
                yield first, text.count("\n", 0, at) + 2 - first, head
                body_depth = None
        last = at + 1


def functions(root):
    """An approximation by matching braces; it prints the longest functions as well."""
    found = []
    for path in files(root, CPP):
        code = (root / path).read_text(encoding="utf-8")
        for line, length, head in functions_of(code):
            name = re.search(r"[\w:~]+(?=\s*\()", head)
            found.append((length, f"{path}:{line}: {name[0] if name else head[:40]}"))
    found.sort(reverse=True)
    lengths = [length for length, _ in found] or [0]
    print(f"{len(found)} functions: median {lengths[len(lengths) // 2]} lines, "
          f"90 % at most {lengths[len(lengths) // 10]}; the longest:")
    for length, what in found[:5]:
        print(f"  {length} {what}")
    return [
        f"{what}: {n} lines, at most {MAX_FUNCTION_LINES}" for n, what in found if n > MAX_FUNCTION_LINES
    ]


def licences(root):
    """The line stands on its own: a formatter that fills a comment's lines may have taken it in."""
    for path in files(root, CODE):
        if not any(line.strip("/# \n") == "SPDX-License-Identifier: Apache-2.0"
                   for line in lines_of(root, path)[:15]):
            yield f"{path}:1: no line SPDX-License-Identifier: Apache-2.0 among the first 15"


def globs(root):
    """CMake must be told each file: a glob misses new ones until somebody configures again."""
    for path in files(root, {".txt", ".cmake"}):
        if path.name != "CMakeLists.txt" and path.suffix != ".cmake":
            continue
        for number, line in enumerate(lines_of(root, path), 1):
            if re.search(r"file\s*\(\s*GLOB", line.split("#")[0], re.IGNORECASE):
                yield f"{path}:{number}: file(GLOB): name the files"


RULES = {f.__name__: f for f in (includes, sizes, functions, licences, globs)}

if __name__ == "__main__":
    breaches = list(RULES[sys.argv[1]](Path(sys.argv[2])))
    print("\n".join(breaches) or f"{sys.argv[1]}: nothing to report")
    sys.exit(1 if breaches else 0)
