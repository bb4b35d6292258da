#!/usr/bin/env python3
"""Shows that each house rule can fail: every one meets a small house, or library, that breaks it.
SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import io
import os
import shlex
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import binary
import sources

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"


class Sources(unittest.TestCase):
    def breaches(self, rule, **contents):
        """The breaches of `rule` in a house of these files; __ in a name stands for /, _ for a dot."""
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            for key, text in contents.items():
                path = root / key.replace("__", "/").replace("_", ".")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            with contextlib.redirect_stdout(io.StringIO()):  # `functions` prints the longest ones
                return list(sources.RULES[rule](root))

    def test_an_include_towards_math_is_allowed(self):
        self.assertEqual(
            self.breaches("includes", sql__a_cc='#include "math/b.h"\n', math__b_h=""), [])

    def test_an_include_away_from_math_is_a_breach(self):
        self.assertEqual(
            self.breaches("includes", math__a_cc='#include "sql/b.h"\n', sql__b_h=""),
            ["math/a.cc:1: math/ must not include sql/b.h"])

    def test_model_and_storage_do_not_meet(self):
        got = self.breaches("includes", model__a_cc='\n# include "storage/b.h"\n',
                            storage__b_h='#include "model/c.h"\n', model__c_h="")
        self.assertEqual(got, ["model/a.cc:2: model/ must not include storage/b.h",
                               "storage/b.h:1: storage/ must not include model/c.h"])

    def test_folders_within_a_folder_include_from_those_before_them(self):
        got = self.breaches("includes", sql__search__a_cc='#include "sql/collections/b.h"\n',
                            sql__collections__b_h='#include "sql/c.h"\n', sql__c_h="",
                            sql__register_cc='#include "sql/collections/b.h"\n')
        self.assertEqual(got, [])
        got = self.breaches("includes", sql__collections__a_h='#include "sql/search/b.h"\n',
                            sql__search__b_h="", sql__c_cc='#include "sql/search/b.h"\n')
        self.assertEqual(got, ["sql/c.cc:1: sql/ must not include sql/search/b.h",
                               "sql/collections/a.h:1: sql/collections/ must not include "
                               "sql/search/b.h"])
        got = self.breaches("includes", storage__graphs__a_h='#include "storage/nearest/b.h"\n',
                            storage__nearest__b_h='#include "storage/codes/c.h"\n',
                            storage__codes__c_h="")
        self.assertEqual(got, ["storage/graphs/a.h:1: storage/graphs/ must not include "
                               "storage/nearest/b.h"])

    def test_foreign_headers_stay_in_their_folder(self):
        for header, folder in [("sqlite3.h", "storage"), ("sqlite3ext.h", "model"),
                               ("rocksdb/db.h", "sql"), ("hnswlib/hnswlib.h", "math"),
                               ("xsimd/xsimd.hpp", "storage")]:
            got = self.breaches("includes", **{f"{folder}__a_cc": f"#include <{header}>\n"})
            self.assertEqual(len(got), 1, header)
        self.assertEqual(self.breaches("includes", sql__a_cc="#include <sqlite3ext.h>\n"), [])
        self.assertEqual(self.breaches("includes", tests__a_cc="#include <sqlite3.h>\n"), [])

    def test_a_header_is_named_from_the_root(self):
        self.assertEqual(len(self.breaches("includes", sql__a_cc='#include "b.h"\n', sql__b_h="")), 1)

    def test_long_files_are_breaches(self):
        self.assertEqual(self.breaches("sizes", sql__a_cc="\n" * 600, tests__a_cc="\n" * 800), [])
        self.assertEqual(len(self.breaches("sizes", sql__a_cc="\n" * 601, tests__a_cc="\n" * 801)), 2)
        self.assertEqual(len(self.breaches("sizes", README_md="\n" * 201)), 1)

    def test_a_long_function_is_a_breach_wherever_it_stands(self):
        body = "  f({1});\n" * 79
        for long in (f"int f(int a) {{\n{body}}}\n",
                     f"namespace a {{\nstruct B {{\n  B() : b_{{1}}, c_(2) {{\n{body}}}\n}};\n}}\n",
                     f"template <class T>\nauto f(T a)\n    -> int {{\n{body}}}\n"):
            self.assertEqual(len(self.breaches("functions", sql__a_cc=long)), 1, long[:60])
        for short in (f"int f(int a) {{\n{body[10:]}}}\n",
                      f"const int table[] = {{\n{body}}};\n",
                      f"struct A {{\n{'  int f() { return 1; }' + chr(10) * 2}{chr(10) * 90}}};\n",
                      'int f() { return "{"[0] + \'{\'; }  // {\n' + "int g();\n" * 90):
            self.assertEqual(self.breaches("functions", sql__a_cc=short), [], short[:60])

    def test_a_source_without_a_licence_line_is_a_breach(self):
        self.assertEqual(self.breaches("licences", sql__a_cc=SPDX, run_sh="# " + SPDX), [])
        self.assertEqual(len(self.breaches("licences", sql__a_cc="", tests__a_py="", run_sh="")), 3)
        self.assertEqual(len(self.breaches("licences", sql__a_cc="// What it is. " + SPDX[3:])), 1)

    def test_a_glob_is_a_breach(self):
        self.assertEqual(self.breaches("globs", sql__CMakeLists_txt="# file(GLOB x *)\n"), [])
        self.assertEqual(len(self.breaches("globs", sql__CMakeLists_txt="file( GLOB_RECURSE x *)\n")), 1)


class Binary(unittest.TestCase):
    def breaches(self, rule, code, *flags):
        with tempfile.TemporaryDirectory() as name:
            source, library = Path(name, "a.cc"), Path(name, "a.so")
            source.write_text(code)
            compiler = shlex.split(os.environ.get("CXX", "c++"))
            subprocess.run([*compiler, "-shared", "-fPIC", "-o", library, source, *flags], check=True)
            return list(binary.RULES[rule](str(library)))

    def test_a_second_exported_symbol_is_a_breach(self):
        entry = 'extern "C" void sqlite3_kindred_init() {}\n'
        self.assertEqual(self.breaches("exports", entry), [])
        self.assertEqual(self.breaches("exports", entry + 'extern "C" void stray() {}\n'),
                         ["exports stray besides sqlite3_kindred_init"])
        self.assertEqual(len(self.breaches("exports", "static int a;\n")), 1)

    def test_linking_sqlite_is_a_breach(self):
        code = 'extern "C" int sqlite3_libversion_number();\nint f() { return sqlite3_libversion_number(); }\n'
        self.assertEqual(self.breaches("sqlite", code), [])
        self.assertEqual(self.breaches("sqlite", code, "-lsqlite3"), ["links [libsqlite3.so.0]"])

    @unittest.skipIf(sys.platform != "linux", "STB_GNU_UNIQUE is of GNU/Linux")
    def test_a_unique_symbol_is_a_breach(self):
        code = "inline int& f() { static int x; return x; }\nint& g() { return f(); }\n"
        self.assertEqual(self.breaches("unique", code, "-fno-gnu-unique"), [])
        self.assertEqual(len(self.breaches("unique", code, "-fgnu-unique")), 1)


if __name__ == "__main__":
    unittest.main()
