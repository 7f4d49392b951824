#!/bin/bash
# fuzz.sh - every fuzz target runs for two minutes of processor time under the sanitizers (long check).
# SPDX-License-Identifier: Apache-2.0
#
# Processor time, since on a busy machine a minute of the wall's clock is little fuzzing. FUZZ_CPU=SECONDS changes it. What a
# run finds stays in build/fuzz-found/<target>.
set -u
cd "$(dirname "$0")/../.." || exit 2

targets=$(for f in test/fuzz/fuzz_*.c; do basename "${f%.c}"; done)
if [ -z "${CHECK_ALL:-}" ] || ! command -v clang >/dev/null; then
    echo "ok 1 - $(echo "$targets" | wc -l) fuzz targets find nothing # SKIP only in the long check, with clang"
    echo "1..1"
    exit 0
fi
cpu=${FUZZ_CPU:-120}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MAKELEVEL # A make of its own.
TIMEFORMAT='%U %S'

# Runs $1 in slices until it has had $cpu seconds; sets n_runs, used.
run_target() {
    local found=build/fuzz-found/$1 corpus=$work/$1 slice
    n_runs=0
    used=0
    mkdir -p "$found" "$corpus"
    while [ "$used" -lt "$cpu" ]; do
        { time "build/fuzz/$1" -max_total_time=$((cpu - used + 1)) -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
            -artifact_prefix="$found/" "$corpus" $(ls -d "test/fuzz/corpus/$1" 2>/dev/null) >"$work/log" 2>&1; } 2>"$work/time" || return 1
        slice=$(awk 'END { print int($1 + $2) }' "$work/time")
        used=$((used + (slice > 0 ? slice : 1)))
        n_runs=$((n_runs + $(awk '/stat::number_of_executed_units/ { print $2 }' "$work/log")))
    done
}

n=0
failed=0
for target in $targets; do
    n=$((n + 1))
    if ! make -s "build/fuzz/$target" >"$work/log" 2>&1 || ! run_target "$target"; then
        failed=1
        tail -n 30 "$work/log" | cut -c1-300 | sed 's/^/# /'
        echo "not ok $n - $target"
        continue
    fi
    echo "ok $n - $target finds nothing in $n_runs runs, $used s of processor time"
done
echo "1..$n"
exit $failed
