#!/bin/bash
# sim.sh - seeds of a whole network (200; SIM_SEEDS says otherwise; 20,000 in the long check) and those that were kept.
# SPDX-License-Identifier: Apache-2.0
#
# A seed that fails is printed with the command that replays it, and goes into test/sim/seeds/kept.txt with its fix.
set -u
cd "$(dirname "$0")/../.." || exit 2

sim=${B:-build/release}/test/sim/sim
seeds=${SIM_SEEDS:-200}
[ -n "${CHECK_ALL:-}" ] && seeds=${SIM_SEEDS:-20000}
first=${SIM_FIRST:-1}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
half=$((seeds / 2))

"$sim" "$first" "$half" >"$work/a" 2>&1 &
a=$!
"$sim" $((first + half)) $((seeds - half)) >"$work/b" 2>&1 &
b=$!
n=0
failed=0
result() { # STATUS FILE NAME
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $3"; else failed=1; echo "not ok $n - $3"; fi
    grep -v '^ok\|^1\.\.' "$2" | sed 's/^not ok/# &/; s/^[^#]/# &/'
}
while read -r -a line; do
    [ ${#line[@]} -eq 0 ] && continue
    [ "${line[0]}" = "#" ] && continue
    arguments=()
    for word in "${line[@]}"; do
        [ "$word" = "#" ] && break
        arguments+=("$word")
    done
    "$sim" "${arguments[@]}" 1 >"$work/kept" 2>&1
    status=$?
    [ $status -eq 0 ] && : >"$work/kept"
    result $status "$work/kept" "kept seed ${arguments[*]}"
done <test/sim/seeds/kept.txt
wait $a
result $? "$work/a" "seeds $first to $((first + half - 1))"
wait $b
result $? "$work/b" "seeds $((first + half)) to $((first + seeds - 1))"
echo "1..$n"
exit $failed
