#!/bin/bash
# Shows Upswarm at work: two real releases of a real product and a broken third one travel from a seeder to five machines.
#
#   usage: packaging/demo.sh [OLD_FOLDER NEW_FOLDER]
#
# Without folders, two consecutive releases of a pinned npm package with many files and one native program are taken.
# Environment: UPSWARM_SKIP_SETUP=1   do not call packaging/setup.sh
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
case "${1:-}" in -h | --help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;; esac

[ "${UPSWARM_SKIP_SETUP:-}" = 1 ] || packaging/setup.sh
cmake --preset release >/dev/null
cmake --build --preset release --parallel "${UPSWARM_JOBS:-$(nproc)}"
exec python3 packaging/demo/demo.py --binaries "$root/build/release/bin" "$@"
