#!/bin/bash
# Sets this machine up, builds Upswarm and runs its native tests: unit, lint and end to end. Ends with ctest's own lines.
#
#   usage: tests/run.sh [--sanitizers] [ctest option ...]      e.g. tests/run.sh -R Json
#
#   --sanitizers   first the unit and end-to-end tests under the address, undefined-behaviour and thread sanitizers
#
# Environment:
#   UPSWARM_SKIP_SETUP=1   do not call packaging/setup.sh: everything is installed
#   UPSWARM_JOBS           compilers at a time, and half as many tests again   (default: number of cores)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf 'run.sh: %s\n' "$*" >&2; }

sanitizers=no
case "${1:-}" in
  --sanitizers) sanitizers=yes; shift ;;
  -h | --help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
esac

if [ "${UPSWARM_SKIP_SETUP:-}" != 1 ]; then
  if [ $sanitizers = yes ]; then packaging/setup.sh --clang; else packaging/setup.sh; fi
fi
jobs=${UPSWARM_JOBS:-$(nproc)}
at_a_time=$((jobs + jobs / 2))  # end-to-end tests wait more than they work

# One cache for every folder this tree is checked out in, and for a compiler of the same content installed again.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1 CCACHE_COMPILERCHECK=content CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-5G}

# build_and_test PRESET [ctest option ...]
build_and_test() {
  local preset=$1
  shift
  say "building $preset"
  cmake --preset "$preset"
  cmake --build --preset "$preset" --parallel "$jobs"
  say "testing $preset"
  "${fixed_addresses[@]}" tests/support/ctest.sh "$preset" --parallel "$at_a_time" "$@"
}

fixed_addresses=()
if [ $sanitizers = yes ]; then
  build_and_test asan -LE lint "$@"
  # The thread sanitizer of g++ 12 cannot place its shadow where a kernel randomises more than 28 bits of an address.
  if setarch -R true 2>/dev/null; then fixed_addresses=(setarch -R); fi
  build_and_test tsan -L "threads|end-to-end" "$@"
  fixed_addresses=()
fi
build_and_test dev "$@"
