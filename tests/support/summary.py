#!/usr/bin/env python3
"""Reads the results that ctest wrote as JUnit XML; says which tests were skipped and why, then how
many passed, failed and were skipped, as the last line.
SPDX-License-Identifier: Apache-2.0
"""
import re
import sys
import xml.etree.ElementTree as ElementTree


def reason_of(case):
    """What a test says on its last line, or of the instruction set that this CPU has not."""
    output = (case.findtext("system-out") or "").strip()
    missing = re.search(r"KINDRED_FORCE_ISA: got[^)]*\)", output)
    if missing:
        return " ".join(missing.group().split())
    return output.splitlines()[-1] if output else "no reason given"


def main(path):
    suite = ElementTree.parse(path).getroot()
    cases = list(suite.iter("testcase"))
    # ctest also writes <skipped> for a test whose program is missing; that one failed.
    marks = [case.find("skipped") for case in cases]
    skipped = [
        case
        for case, mark in zip(cases, marks)
        if mark is not None and mark.get("message", "").startswith("SKIP_")
    ]
    passed = sum(case.get("status") == "run" for case in cases)
    failed = len(cases) - passed - len(skipped)
    for case in skipped:
        print(f"skipped: {case.get('name')}: {reason_of(case)}")
    print(f"tests: {passed} passed, {failed} failed, {len(skipped)} skipped")


main(sys.argv[1])
