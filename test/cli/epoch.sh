#!/bin/bash
# epoch.sh - etcd is restored from an old backup: the nodes notice, and the members go on in a new epoch with all that was acknowledged.
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
    skip "the members go on after etcd lost data" "etcd is not installed"
    finish
fi

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

stop_etcd() {
    kill -KILL $etcd
    wait $etcd 2>/dev/null
}

start() {
    : >"$work/$1.log"
    "$clearline" serve --listen 127.0.0.1:0 --peer-listen 127.0.0.1:0 --data "$lab/$1" --genesis "$lab/genesis" --member "$1" --etcd "$etcd_url" \
        --allow-old-etcd --token-key "$work/tokens/public.pem" --audience localhost --allow-http 2>"$work/$1.log" >/dev/null &
    pid[$1]=$!
    says "$1" "listening on " || return 1
    at[$1]=$(sed -n 's/^listening on //p' "$work/$1.log")
}

stop() {
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}"
}

says() {
    timeout 60 tail -n +1 -f --pid="${pid[$1]}" "$work/$1.log" 2>/dev/null | grep -q -m 1 -F -- "$2"
}

ask() {
    url=${at[$1]}
    shift
    request "$@"
}

# Waits until a metric has the value: until_metric NAME METRIC VALUE
until_metric() {
    local end=$((SECONDS + 60)) value=
    while ask "$1" GET /metrics && value=$(printf '%s\n' "$answer" | sed -n "s/^$2 //p") && [ "$value" != "$3" ] && [ $SECONDS -lt $end ]; do :; done
    is "$value" "$3"
}

id() { echo 6d3ca8a1-2b9e-4c4e-8d55-0000000000$1; }

put() { # NAME NUMBER LAT
    ask "$1" PUT "$OIR/$(id "$2")" uss1 "$(intent "$3" 7.44)"
}

get() { # NAME NUMBER
    ask "$1" GET "$OIR/$(id "$2")" uss1
}

# A write until it is taken: until_put NAME NUMBER LAT
until_put() {
    local end=$((SECONDS + 60))
    while put "$@" && [ "$status" != 201 ] && [ $SECONDS -lt $end ]; do :; done
    is "$status" 201
}

# All nodes at one position with one digest.
agree() {
    local end=$((SECONDS + 60)) name seen one
    while [ $SECONDS -lt $end ]; do
        seen=
        for name in "$@"; do
            python3 test/cli/request.py GET "${at[$name]}/aux/v1/status?digest=1" "Bearer $(token watch line.read)" "" >"$work/answer" || continue
            one=$(json "$(tail -n +3 "$work/answer")" digest)
            seen="$seen$one"$'\n'
        done
        [ "$(sort -u <<<"${seen%$'\n'}" | wc -l)" = 1 ] && return 0
    done
    echo "$seen"
    return 1
}

"$clearline" token --new-key "$work/tokens" --kind ed25519 >/dev/null
lab=$work/three
run init lab --members anna,bert,cleo --dir "$lab" --participant uss1
check "three members found a network" is "$code" 0
start_etcd
for name in anna bert cleo; do check "the node of $name starts" start $name; done
for name in anna bert cleo; do check "$name joins" says $name "joined the network"; done
check "an intent is written" until_put anna 10 45.0
stop_etcd
cp -a "$work/etcd" "$work/backup" # Of its whole disk.
start_etcd
check "writing goes on after the backup" until_put bert 11 45.1
check "at another" until_put cleo 12 45.2
check "all know it" agree anna bert cleo
stop cleo
check "one is away while the others write" until_put anna 13 45.3
check "both of them" until_put bert 14 45.4
check "these two know all" agree anna bert

stop_etcd
rm -rf "$work/etcd"
mv "$work/backup" "$work/etcd"
start_etcd
check "the nodes notice that etcd has forgotten" says anna "it lags, or it lost data"
check "each of them" says bert "it lags, or it lost data"
put anna 15 45.5
check "they write nothing into it" is "$status" 503
get bert 14
check "they read what they have" is "$status" 200
check "and say how old that is" has "$headers" Journal-Age
for name in anna bert; do
    check "$name keeps what etcd forgot as a file" says $name "what is known of it is kept"
    check "and counts it" until_metric $name journal_forgotten_proofs 1
done
proof=$(compgen -G "$lab/anna/forgotten-*.proof")
check "which says what of it is unsigned" grep -q -a -x "unsigned etcd signs nothing: that it answered so is the word of this node alone" "$proof"
check "what was answered before" grep -q -a -E "^before revision [1-9][0-9]* cluster [1-9][0-9]* member [1-9]" "$proof"
check "and after" grep -q -a -E "^after revision [1-9][0-9]* cluster [1-9][0-9]* member [1-9]" "$proof"
check "which slots are gone" grep -q -a -E "^lost [0-9a-f]{16} [0-9]+ [0-9]+$" "$proof"
check "with the entries, their paths" grep -q -a -E "^entry [0-9]+ [0-9]+ [1-9]" "$proof"
check "and the checkpoint that holds them" grep -q -a -E "^note [1-9]" "$proof"
python3 test/cli/request.py GET "${at[anna]}/aux/v1/status" "Bearer $(token watch line.read)" "" >"$work/answer"
check "status says so" is "$(json "$(tail -n +3 "$work/answer")" etcd forgotten_proofs)" 1

for name in anna bert; do stop $name; done
run epoch propose --data "$lab/cleo" "$work/short"
check "who lacks the last entries may propose" is "$code" 0
run epoch sign --data "$lab/bert" "$work/short"
check "those who have them do not sign it" is "$code" 5
check "and say why" has "$err" "the last ones would be lost to all"
run epoch propose --data "$lab/anna" "$work/epoch"
check "a member proposes to go on from all that it has" is "$code" 0
check "its word is one of two that are needed" has "$out" "signed for 1 members; 2 are needed"
run epoch open --data "$lab/anna" "$work/epoch"
check "a minority opens nothing" is "$code" 5
run epoch sign --data "$lab/cleo" "$work/epoch"
check "who signed another statement for this epoch does not sign this one" has "$err" "signed another statement for epoch 1"
run epoch sign --data "$lab/bert" "$work/epoch"
check "a second member signs" is "$code" 0
check "that makes a majority" has "$out" "signed for 2 members; 2 are needed"
sed 's/^size .*/size 4/' "$work/epoch" >"$work/forged"
run epoch open --data "$lab/anna" "$work/forged"
check "another size under these signatures opens nothing" is "$((code > 0))" 1
for name in anna bert cleo; do
    run epoch open --data "$lab/$name" "$work/epoch"
    check "$name opens the epoch" is "$code" 0
done
check "who lacked entries got them with the file" has "$err" "entries came from the file"

for name in anna bert cleo; do check "$name starts in the new epoch" start $name; done
check "and says so" says anna "epoch 1 begins at entry"
check "one writes" until_put anna 15 45.5
check "all do" until_put cleo 16 45.6
check "each of them" until_put bert 17 45.7
for number in 10 11 12 13 14 15 16 17; do
    for name in anna bert cleo; do
        get $name $number
        check "$name has intent $number" is "$status" 200
    done
done
check "all agree" agree anna bert cleo
kill -KILL "${pid[bert]}"
wait "${pid[bert]}" 2>/dev/null
check "a node that was killed goes on in it" start bert
check "and writes" until_put bert 18 45.8
check "and agrees" agree anna bert cleo
for name in anna bert cleo; do stop $name; done
run log verify --data "$lab/anna"
check "the journal as a whole is good" is "$code" 0
run log tail --data "$lab/anna" --last 100
check "and tells of the epoch" has "$out" '"kind":"epoch","epoch":1'
stop_etcd
rm -rf "$work/etcd"

lab=$work/two
run init lab --members anna,bert --dir "$lab" --participant uss1
start_etcd
for name in anna bert; do check "of two, $name starts" start $name; done
for name in anna bert; do check "and joins" says $name "joined the network"; done
check "one writes" until_put anna 20 46.0
check "the other knows it" agree anna bert
for name in anna bert; do stop $name; done
stop_etcd
rm -rf "$work/etcd" # Another etcd altogether.
start_etcd
run epoch propose --data "$lab/anna" "$work/epoch2"
run epoch open --data "$lab/anna" "$work/epoch2"
check "one of two opens nothing" is "$code" 5
run epoch sign --data "$lab/bert" --root "$lab/bert/keys/root.key" "$work/epoch2"
check "the other signs, with its root key" is "$code" 0
for name in anna bert; do
    run epoch open --data "$lab/$name" "$work/epoch2"
    check "both do" is "$code" 0
    check "and go on" start $name
done
check "with a new write" until_put bert 21 46.1
get anna 20
check "and all the old ones" is "$status" 200
check "agreed" agree anna bert
finish
