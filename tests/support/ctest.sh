#!/bin/bash
# Runs ctest over what a preset built. When tests fail, what they said stands at the end, after ctest's own lines.
#
#   usage: tests/support/ctest.sh PRESET [ctest option ...]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
preset=$1
shift
results=$PWD/build/$preset/results.xml
rm -f "$results"
code=0
ctest --preset "$preset" --no-tests=error --output-junit "$results" "$@" || code=$?
[ $code = 0 ] || python3 tests/support/failed.py "$results"
exit $code
