#!/bin/bash
# demo.sh - the demonstration tells its story in under ten seconds.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

export TMPDIR=$work
SECONDS=0
run demo
check "demo exits with 0" is "$code" 0
check "in under ten seconds" [ "$SECONDS" -lt 10 ]
check "the conflict names what is in the way" has "$out" "of donlon-air-arm, Accepted"
check "the relief flight is accepted in the end" has "$(printf '%s\n' "$out" | sed -n '/plans again/,$p')" "accepted as version 1"
check "who is to be told is shown" has "$out" "to be told: donlon-air-arm"
check "each party has a node of its own" is "$(printf '%s\n' "$out" | grep -c "'s node .*has joined")" 3
check "which all come to one state" is "$(printf '%s\n' "$out" | sed -n "s/.*'s node *at position [0-9]* has the state //p" | sort -u | wc -l)" 1
check "a suspended line is seen from another's node" has "$out" "donlon suspended since"
check "the checkpoint is shown" has "$out" "its signed checkpoint of"
counted=$(printf '%s\n' "$out" | grep 'its signed checkpoint of')
position=$(printf '%s' "$counted" | sed 's/.*is at journal position \([0-9]*\);.*/\1/')
leaves=$(printf '%s' "$counted" | sed 's/.* has \([0-9]*\) leaves.*/\1/')
check "with two leaves an entry" is "$leaves" "$((2 * position))"
check "heights have unit and datum" has "$out" "1,500 to 3,000 m W84"
check "nothing is approved or cleared" is "$(printf '%s' "$out" | grep -ciE '\b(approved|cleared)\b')" 0
check "it leaves nothing behind" is "$(find "$work" -name 'clearline-*')" ""

run demo --json
check "as JSON it is an array of steps" is "$(python3 -c 'import json, sys; v = json.loads(sys.argv[1]); print(len(v) > 8 and all(s["who"] and s["what"] for s in v))' "$out")" True
check "with the 409 in it" is "$(python3 -c 'import json, sys; print([s["status"] for s in json.loads(sys.argv[1]) if "status" in s].count(409))' "$out")" 1

run demo --journal etcd
if command -v etcd >/dev/null; then
    check "three etcd servers order the entries as well" has "$out" "a cluster of three etcd servers orders the entries"
    check "to the same end" has "$out" "its signed checkpoint of"
    check "and leave nothing behind" is "$(find "$work" -name 'clearline-*')" ""
else
    check "without etcd it says what is missing" has "$err" "etcd-server"
fi
run demo --journal paper
check "another engine is no engine" is "$code" 2

TMPDIR=$work/none run demo
check "without a temporary folder it says so" has "$err" "$work/none"
check "and cannot tell" is "$code" 3
finish
