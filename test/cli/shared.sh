#!/bin/bash
# shared.sh - three members' nodes on a real etcd are one DSS: each sees at once what another was told.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

etcd=
declare -A pid at
stop_all() {
    kill -KILL "${pid[@]}" $etcd 2>/dev/null
    cleanup
}
trap stop_all EXIT

OIR=/dss/v1/operational_intent_references

if ! command -v etcd >/dev/null; then
    skip "several members share one order" "etcd is not installed"
    finish
fi

# Ports that were free a moment before.
read -r client_port peer_port < <(python3 -c 'import socket
s = [socket.socket() for _ in range(2)]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))')
etcd_url=http://127.0.0.1:$client_port

start_etcd() {
    etcd --name one --data-dir "$work/etcd" --log-level error \
        --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
        --listen-peer-urls "http://127.0.0.1:$peer_port" --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" \
        --initial-cluster "one=http://127.0.0.1:$peer_port" >"$work/etcd.log" 2>&1 &
    etcd=$!
}

# A member's node: start NAME [OPTION...]. Its words go to $work/NAME.log; this waits for where it listens.
start() {
    local name=$1
    shift
    : >"$work/$name.log"
    "$clearline" serve --listen 127.0.0.1:0 --data "$work/lab/$name" --genesis "$work/lab/genesis" --member "$name" --etcd "$etcd_url" \
        --allow-old-etcd --token-key "$work/tokens/public.pem" --audience localhost --allow-http "$@" 2>"$work/$name.log" >/dev/null &
    pid[$name]=$!
    says "$name" "listening on " || return 1
    at[$name]=$(sed -n 's/^listening on //p' "$work/$name.log")
}

# Waits until the node's log has the text: tail ends with the process or when it is found.
says() {
    timeout 60 tail -n +1 -f --pid="${pid[$1]}" "$work/$1.log" 2>/dev/null | grep -q -m 1 -F -- "$2"
}

# ask NAME METHOD PATH [SUB [BODY]]
ask() {
    url=${at[$1]}
    shift
    request "$@"
}

# A request until it answers with the status: until_status STATUS NAME METHOD PATH SUB [BODY]
until_status() {
    local wanted=$1 end=$((SECONDS + 60))
    shift
    while ask "$@" && [ "$status" != "$wanted" ] && [ $SECONDS -lt $end ]; do :; done
    is "$status" "$wanted"
}

"$clearline" token --new-key "$work/tokens" --kind ed25519 >/dev/null
run init lab --members anna,bert,cleo --dir "$work/lab" --participant uss1 --participant uss2 --participant uss3=cleo
check "a network of three members is founded" is "$code" 0
start_etcd
for name in anna bert cleo; do check "the node of $name starts" start $name; done
for name in anna bert cleo; do check "$name joins" says $name "joined the network"; done

id=6d3ca8a1-2b9e-4c4e-8d55-000000000001
other=6d3ca8a1-2b9e-4c4e-8d55-000000000002
until_status 201 anna PUT $OIR/$id uss1 "$(intent 46.95 7.44)"
check "an intent is written at one node" is "$status" 201
ovn=$(json "$answer" operational_intent_reference ovn)
ask bert GET $OIR/$id uss1
check "it is read at once at another" is "$status" 200
check "which is as young as the order" is "$(json "$headers" | grep -c Journal-Age)" 0
ask cleo PUT $OIR/$other uss2 "$(intent 46.95 7.44)"
check "a third refuses what conflicts with it" is "$status" 409
check "and names what was missing" has "$answer" "$id"
ask cleo PUT $OIR/$other uss2 "$(intent 46.95 7.44 "$ovn")"
check "it takes it with the whole key" is "$status" 201
ask anna PUT $OIR/$id/$ovn uss1 "$(intent 46.95 7.44)"
check "the first one has to know of it then" is "$status" 409
ask bert DELETE $OIR/$id/$ovn uss1
check "any node deletes it" is "$status" 200
ask anna GET $OIR/$id uss1
check "gone is gone everywhere" is "$status" 404
ask anna PUT $OIR/$id uss3 "$(intent 46.2 7.1)"
check "a member does not write for another's participant" is "$status" 403
ask cleo PUT $OIR/$id uss3 "$(intent 46.2 7.1)"
check "whose own member does" is "$status" 201

kill -KILL $etcd
wait $etcd 2>/dev/null
ask anna GET $OIR/$other uss2
check "without etcd reads are answered" is "$status" 200
check "with their age" has "$headers" Journal-Age
ask bert PUT $OIR/6d3ca8a1-2b9e-4c4e-8d55-000000000003 uss1 "$(intent 46.5 7.9)"
check "writes are not" is "$status" 503
check "and may be tried again" has "$headers" Retry-After
start_etcd
check "when etcd is back so are writes" until_status 201 bert PUT $OIR/6d3ca8a1-2b9e-4c4e-8d55-000000000004 uss1 "$(intent 46.7 7.8)"
ask cleo GET $OIR/6d3ca8a1-2b9e-4c4e-8d55-000000000004 uss1
check "and reads at all" is "$status" 200

kill -KILL "${pid[bert]}"
wait "${pid[bert]}" 2>/dev/null
check "a node that was killed starts again" start bert
ask bert GET $OIR/6d3ca8a1-2b9e-4c4e-8d55-000000000004 uss1
check "with all that it wrote" is "$status" 200
ask bert PUT $OIR/6d3ca8a1-2b9e-4c4e-8d55-000000000005 uss1 "$(intent 45.9 9.1)"
check "and goes on" is "$status" 201

run init lab --members anna,bert --dir "$work/other"
run serve --listen 127.0.0.1:0 --data "$work/lab/anna" --genesis "$work/other/genesis" --etcd "$etcd_url" --allow-old-etcd
check "a folder is not used while a node runs in it" is "$((code > 1))" 1
kill -TERM "${pid[anna]}"
wait "${pid[anna]}"
check "a node ends when told to" is "$?" 0
run serve --listen 127.0.0.1:0 --data "$work/lab/anna" --genesis "$work/other/genesis" --etcd "$etcd_url" --allow-old-etcd
check "another network's genesis is refused" has "$err" "of another network"
run serve --listen 127.0.0.1:0 --data "$work/lab/anna" --genesis "$work/lab/genesis" --member bert --etcd "$etcd_url" --allow-old-etcd
check "so is another member's name" has "$err" "are those of member anna"
run serve --listen 127.0.0.1:0 --data "$work/lab/anna" --genesis "$work/lab/genesis" --etcd "$etcd_url"
check "so is an etcd too old for production" has "$err" "3.4"
run serve --listen 127.0.0.1:0 --data "$work/empty" --genesis "$work/lab/genesis" --etcd "$etcd_url" --allow-old-etcd
check "a folder without keys is told of clearline init" has "$err" "clearline init"
finish
