#!/bin/bash
# two_faced.sh - a member's node signs two contradicting heads: the others convict it, keep the proof, and go on without it.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/network.sh"

liar=
stop_liar() {
    [ -n "$liar" ] && kill -KILL "$liar" 2>/dev/null
    cleanup_network
}
trap stop_liar EXIT

if ! command -v etcd >/dev/null; then
    skip "a member signs two contradicting heads" "there is no etcd (Debian: etcd-server)"
    finish
fi

fact() { at "$1" status --json; say "$out" "$2"; }
put() { ask "$1" PUT "/dss/v1/operational_intent_references/$(python3 -c 'import uuid; print(uuid.uuid4())')" uss1 "$(intent 47 "$2")"; }
# Asks until the fact is so, for a minute at most: comes NAME EXPRESSION VALUE
comes() {
    local end=$((SECONDS + 60)) value=
    while value=$(fact "$1" "$2") && [ "$value" != "$3" ] && [ $SECONDS -lt $end ]; do :; done
    is "$value" "$3"
}
# The node of $1 makes way for one with its keys that signs twice, to $2's: becomes_two_faced NAME VICTIM
becomes_two_faced() {
    local victim line port
    victim=$(fact "$2" "j['author']")
    port=$(sed -n 's/^peers reach it at .*:\([0-9]*\)$/\1/p' "$work/$1.log" | tail -n 1)
    stop_node "$1"
    mkfifo "$work/liar.in" "$work/liar.out"
    "$B/test/tools/two_faced" "$work/lab/$1" "127.0.0.1:$port" "$victim" <"$work/liar.in" >"$work/liar.out" 2>&1 &
    liar=$!
    exec {to_liar}>"$work/liar.in"
    read -r -t 30 line <"$work/liar.out" && is "$line" listening
}

check "three members sign together" network a,b,c --participant uss1
put a 8
check "what is written is signed by all" comes b "j['signing']['members_signed'] == 3 and j['signing']['full_size'] == 2 * j['position']" True
check "c's place is taken by one that signs twice" becomes_two_faced c b
put a 9
check "the one that it lied to is divided" comes b "j['signing']['is_divided']" True
check "so is the one that it did not lie to" comes a "j['signing']['is_divided']" True
for name in a b; do
    check "$name says who stands on both sides" comes $name "j['signing']['divided_because'].endswith(': c (on both)')" True
    check "$name keeps a proof" compgen -G "$work/lab/$name/fork-*.proof"
    at $name status
    check "clearline status says so to people" has "$out" "DIVIDED: members signed contradicting heads"
    check "of $name, with the name" has "$out" "c (on both)"
    check "two of three sign its branch: $name may write" is "$(fact $name "j['signing']['may_write']")" True
done
put a 10
check "the line goes on" is "$status" 201
put b 11
check "at both" is "$status" 201
for name in a b; do
    check "$name's checkpoint has two members under it, c's signature counts for neither" \
        comes $name "j['signing']['members_signed'] == 2 and j['signing']['full_size'] == 2 * j['position']" True
done
stop_node a
check "after a restart" start_node a
check "it knows still" comes a "j['signing']['divided_because'].endswith(': c (on both)')" True
for name in a b; do stop_node $name; done
exec {to_liar}>&-
wait "$liar"
check "the one that signed twice ends" is "$?" 0
finish
