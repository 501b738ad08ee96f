#!/usr/bin/env python3
"""Says again what the tests that failed said, from the results that ctest left (--output-junit).

A run prints thousands of lines, and who reads its end wants to know what is wrong.

usage: failed.py RESULTS.xml
"""

import pathlib
import sys
import xml.etree.ElementTree

MOST_TESTS = 10
MOST_LINES = 40


def main():
    results = pathlib.Path(sys.argv[1])
    if not results.exists():
        return
    cases = xml.etree.ElementTree.parse(results).getroot().iter("testcase")
    failed = [case for case in cases if case.get("status") == "fail"]
    for case in failed[:MOST_TESTS]:
        lines = (case.findtext("system-out") or "").rstrip().splitlines()
        print(f"\n--- {case.get('name')}")
        print("\n".join(lines[-MOST_LINES:]))
    if len(failed) > MOST_TESTS:
        print(f"\nand {len(failed) - MOST_TESTS} more")


if __name__ == "__main__":
    main()
