#!/bin/bash
# broken.sh - the simulation can fail: builds that are broken on purpose are caught (two; in the long check all).
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 2

B=${B:-build/release}
names=(ack-early absent-early)
[ -n "${CHECK_ALL:-}" ] && mapfile -t names < <(python3 -B test/sim/breaks.py list | cut -d' ' -f1)
seeds=${SIM_SEEDS_BROKEN:-300}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MAKELEVEL
n=0
failed=0
mkdir -p "$B/test/sim/broken"
for name in "${names[@]}"; do
    what=$(python3 -B test/sim/breaks.py list | sed -n "s/^$name //p")
    n=$((n + 1))
    if python3 -B test/sim/breaks.py write "$name" "$B/test/sim/broken/$name.c" >"$work/said" 2>&1 &&
        make -s V="${B#build/}" "$B/test/sim/broken/$name" >>"$work/said" 2>&1; then
        read -r -a options < <(python3 -B test/sim/breaks.py options "$name")
        "$B/test/sim/broken/$name" --first "${options[@]}" 1 "$seeds" >"$work/said" 2>&1
        status=$?
        grep '^not ok\|^bug:' "$work/said" | head -2 | sed 's/^/# /'
        if [ $status -ne 0 ] && grep -q '^not ok\|^bug:' "$work/said"; then
            echo "ok $n - caught: $what"
            continue
        fi
    fi
    tail -5 "$work/said" | sed 's/^/# /'
    echo "not ok $n - caught: $what"
    failed=1
done
echo "1..$n"
exit $failed
