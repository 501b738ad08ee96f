#!/bin/bash
# Builds the fuzz targets with clang 16 and libFuzzer and runs each of them for a while.
#
#   usage: tests/fuzz/run.sh [SECONDS [TARGET ...]]      e.g. tests/fuzz/run.sh 600 json      (default: 60, all)
#
# Starts from the corpus in the tree. What a run adds stays in build/fuzz/corpus/; an input that broke a target is in
# build/fuzz/found/ and belongs, with its repair, into tests/fuzz/corpus/TARGET/. Ends with 1 when there is one.
# Needs packaging/setup.sh --clang.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
seconds=${1:-60}
shift || true

cmake --preset fuzz
cmake --build --preset fuzz --parallel "${UPSWARM_JOBS:-$(nproc)}" --target fuzzers

targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for program in build/fuzz/bin/*_fuzz; do
    name=${program##*/}
    targets+=("${name%_fuzz}")
  done
fi

# Targets that need a folder write thousands of small files: the disk would only be in the way.
if [ -d /dev/shm ]; then export TMPDIR=/dev/shm; fi

failed=()
for target in "${targets[@]}"; do
  printf '\n==== %s for %s s\n' "$target" "$seconds"
  grown=build/fuzz/corpus/$target
  found=build/fuzz/found/$target
  mkdir -p "$grown" "$found"
  seeds=()
  if [ -d "tests/fuzz/corpus/$target" ]; then seeds=("tests/fuzz/corpus/$target"); fi
  "build/fuzz/bin/${target}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$found/" "$grown" "${seeds[@]}" || failed+=("$target")
done

if [ ${#failed[@]} != 0 ]; then
  printf '\nbroken: %s; see build/fuzz/found/\n' "${failed[*]}" >&2
  exit 1
fi
