#!/bin/bash
# two_nodes.sh - a member with two nodes: both serve, either may die, and the member counts once.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/network.sh"

if ! command -v etcd >/dev/null; then
    skip "a member has two nodes" "there is no etcd (Debian: etcd-server)"
    finish
fi

OIR=/dss/v1/operational_intent_references
fact() { at "$1" status --json; say "$out" "$2"; }
comes() { # NAME EXPRESSION VALUE: waits until it is so
    local end=$((SECONDS + 60)) now=
    while [ $SECONDS -lt $end ]; do
        now=$(fact "$1" "$2" 2>/dev/null)
        [ "$now" = "$3" ] && return 0
    done
    is "$now" "$3"
}
n_put=0
put() { # NAME: sets id and status
    n_put=$((n_put + 1))
    id=$(python3 -c 'import uuid; print(uuid.uuid4())')
    ask "$1" PUT "$OIR/$id" uss1 "$(intent 47 $n_put)"
}
get() { ask "$1" GET "$OIR/$id" uss1; }
# All that the node has is signed by so many members, and in its own name too.
signed_by() { comes "$1" "(j['signing']['members_signed'], j['signing']['full_size'] == 2 * j['position'])" "($2, True)"; }
lose() { kill -KILL "${nodes[$1]}"; wait "${nodes[$1]}" 2>/dev/null; unset "nodes[$1]"; }

check "three members have a node each" network a,b,c --participant uss1=a
at b member join --node "$work/lab/a2" --root "$work/lab/a/keys/root.key"
check "a second node of a joins through b's" is "$code" 0
was_joined[a2]=yes
more_options() { if [ "$1" = a2 ]; then more_options_by b; else more=(--peer-listen 127.0.0.1:0); fi; }
check "and starts" start_node a2 "$work/lab/a2" a
put a
check "the first one writes for the member's participant" is "$status" 201
get a2
check "the second one shows it" is "$status" 200
put a2
check "the second one writes for it as well" is "$status" 201
get a
check "which the first one shows" is "$status" 200
put b
check "another member's does not" is "$status" 403
for name in a a2 b c; do check "all that $name has is signed by three members" signed_by $name 3; done
at c status --json
check "the member counts once" is "$(say "$out" "(j['signing']['members'], j['majority'], [len(m['nodes']) for m in j['members']])")" "(3, 2, [2, 1, 1])"

lose a
put a2
check "without the first one the second writes" is "$status" 201
check "and signs for the member" signed_by c 3
check "the first one comes back" start_node a
get a
check "with what was written meanwhile" is "$status" 200
lose a2
put a
check "without the second one the first writes" is "$status" 201
check "and signs for the member" signed_by b 3
check "the second one comes back" start_node a2 "$work/lab/a2" a
check "and signs" signed_by a2 3

# Two nodes are no two members.
stop_node b
stop_node c
put a2
check "alone the member writes" is "$status" 201
for name in a a2; do check "$name signs that" comes $name "j['signing']['own_size'] == 2 * j['position']" True; done
check "with both signatures it is no majority" is "$(fact a "j['signing']['full_size'] < 2 * j['position']")" True
check "and counts as one that is there" comes a2 "j['signing']['members_present']" 1
check "another member comes back" start_node b
for name in a a2 b; do check "which makes a majority for $name" signed_by $name 2; done
finish
