#!/bin/bash
# Builds the unit tests for Windows on Debian 12 and runs them under wine, from a fresh clone or again after a change.
# Its last lines are ctest's own.
#
#   usage: tests/run-windows.sh [ctest option ...]      e.g. tests/run-windows.sh -R result
#
# Installs what is missing (packaging/setup.sh --windows, which needs root for that), builds the third-party libraries
# or takes them from the cache (packaging/windows/build-deps.sh), then configures, builds and tests the CMake preset
# win64 in build/win64. The tests get a Windows of their own, build/win64/wine: no display, no network of wine's, nothing
# shared with the wine of whoever calls this. It is kept, because making it takes longer than most tests.
#
# What passes here can still fail on real Windows, and the other way round: wine 8 does not enforce the access lists of
# pipes, cannot make junctions, and accepts certificates that it should not.
#
# Environment:
#   UPSWARM_SKIP_SETUP=1   do not call packaging/setup.sh: everything is installed
#   UPSWARM_JOBS           compilers and tests at a time            (default: number of cores)
#   UPSWARM_CACHE          folder of the built libraries            (default: upswarm in XDG_CACHE_HOME or ~/.cache)
#   UPSWARM_TEST_TIMEOUT   seconds until ctest gives up on a test   (default: 120)
# ccache is used when it is installed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/win64
jobs=${UPSWARM_JOBS:-$(nproc)}
cd "$root"

say() { printf '%s\n' "run-windows.sh: $*" >&2; }

if [ "${UPSWARM_SKIP_SETUP:-}" != 1 ] && [ -x packaging/setup.sh ]; then
  say "installing what is missing"
  packaging/setup.sh --windows
fi

WIN_PREFIX=$(packaging/windows/build-deps.sh | tail -n 1)
export WIN_PREFIX

# ---- configure -------------------------------------------------------------------------------------------------------

if command -v ccache >/dev/null; then
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi
fresh=()
# CMake remembers where it found each library. Other libraries than last time: it has to look again.
if [ -f "$build/CMakeCache.txt" ] && ! grep -qxF "WIN_PREFIX:PATH=$WIN_PREFIX" "$build/CMakeCache.txt"; then
  fresh=(--fresh)
fi
say "configuring"
cmake --preset win64 "${fresh[@]}"

# ---- a Windows of its own --------------------------------------------------------------------------------------------

# Made before the build, because a build may already run a test program to ask it for the names of its tests.
export WINEPREFIX=$build/wine WINEARCH=win64 WINEDEBUG=-all
# No menu entries for the user, no question whether to download .NET and a web browser. And no debugger: it would keep a
# crashed test from ending, for a stack trace without names, because wine 8 cannot read what g++ 12 writes.
export WINEDLLOVERRIDES='winemenubuilder.exe=d;mscoree=d;mshtml=d;winedbg.exe=d'
unset DISPLAY WAYLAND_DISPLAY

# wine links the user's Documents and so on into its prefix: it gets a home folder without any.
in_wine() { HOME=$build/wine-home "$@"; }
# Ends the programs of this WINEPREFIX and no others, and waits until the registry is on disk.
stop_wine() {
  wineserver -k 2>/dev/null || true
  wineserver -w 2>/dev/null || true
}
# Windows' services start with the first program and end with the last one. A program that waits for input all the time
# keeps them: else every test would start them again, and they would hold on to the test's output, for whose end ctest
# waits. Reading and writing, so that the pipe needs no second program and never ends.
start_wine() {
  rm -f "$build/wine-input"
  mkfifo "$build/wine-input"
  in_wine wine cmd <>"$build/wine-input" >>"$build/wine.log" 2>&1 &
}

mkdir -p "$build/wine-home"
trap stop_wine EXIT
trap 'exit 130' INT TERM
stop_wine # what an interrupted run left
if [ ! -f "$WINEPREFIX/.complete" ]; then
  say "making a Windows 10 for the tests (log: $build/wine.log)"
  rm -rf "$WINEPREFIX"
  mkdir "$WINEPREFIX"
  in_wine wineboot --init >"$build/wine.log" 2>&1
  in_wine wine winecfg -v win10 >>"$build/wine.log" 2>&1
  stop_wine
  : >"$WINEPREFIX/.complete"
fi
start_wine

# ---- build and test --------------------------------------------------------------------------------------------------

say "building"
cmake --build "$build" --parallel "$jobs"

say "testing"
in_wine ctest --test-dir "$build" --output-on-failure --no-tests=error --parallel "$jobs" \
  --timeout "${UPSWARM_TEST_TIMEOUT:-120}" "$@"
