#!/usr/bin/env python3
"""Reads the results that ctest wrote as JUnit XML; says which tests were skipped and why, then how
many passed, failed and were skipped, as the last line.
SPDX-License-Identifier: Apache-2.0
"""
import sys
import xml.etree.ElementTree as ElementTree


def main(path):
    suite = ElementTree.parse(path).getroot()
    skipped = [case for case in suite.iter("testcase") if case.find("skipped") is not None]
    failed = sum(case.get("status") == "fail" for case in suite.iter("testcase"))
    total = sum(1 for _ in suite.iter("testcase"))
    for case in skipped:
        reason = (case.findtext("system-out") or "").strip().splitlines()
        print(f"skipped: {case.get('name')}: {reason[-1] if reason else 'no reason given'}")
    print(f"tests: {total - failed - len(skipped)} passed, {failed} failed, {len(skipped)} skipped")


main(sys.argv[1])
