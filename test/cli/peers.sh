#!/bin/bash
# peers.sh - members' nodes sign together, take over each other's logs, refuse what contradicts them.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

declare -A pid at peer etcd_pid
stop_all() {
    kill -KILL "${pid[@]}" "${etcd_pid[@]}" 2>/dev/null
    cleanup
}
trap stop_all EXIT

OIR=/dss/v1/operational_intent_references

if ! command -v etcd >/dev/null; then
    skip "members' nodes sign together" "etcd is not installed"
    finish
fi

# Ports that were free a moment before.
read -r -a ports < <(python3 -c 'import socket
s = [socket.socket() for _ in range(4)]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))')

# start_etcd WHICH: 0 or 1, each with its own ports and folder.
start_etcd() {
    local url=http://127.0.0.1:${ports[$1]} peers=http://127.0.0.1:${ports[$(($1 + 2))]}
    etcd --name one --data-dir "$work/etcd$1" --log-level error --listen-client-urls "$url" --advertise-client-urls "$url" \
        --listen-peer-urls "$peers" --initial-advertise-peer-urls "$peers" --initial-cluster "one=$peers" >"$work/etcd$1.log" 2>&1 &
    etcd_pid[$1]=$!
}

# Waits until the node's log has the text.
says() {
    timeout 60 tail -n +1 -f --pid="${pid[$1]}" "$work/$1.log" 2>/dev/null | grep -q -m 1 -F -- "$2"
}

# start NAME ETCD [OPTION...]
start() {
    local name=$1 which=$2
    shift 2
    : >"$work/$name.log"
    "$clearline" serve --listen 127.0.0.1:0 --peer-listen "127.0.0.1:${peer[$name]:-0}" --data "$work/lab/$name" \
        --genesis "$work/lab/genesis" --member "$name" --etcd "http://127.0.0.1:${ports[$which]}" --allow-old-etcd \
        --token-key "$work/tokens/public.pem" --operator-key "$work/tokens/public.pem" --audience localhost --allow-http "$@" \
        2>"$work/$name.log" >/dev/null &
    pid[$name]=$!
    says "$name" "peers reach it at " || return 1
    at[$name]=$(sed -n 's/^listening on //p' "$work/$name.log")
    peer[$name]=$(sed -n 's/^peers reach it at .*:\([0-9]*\)$/\1/p' "$work/$name.log")
}

stop() { # NAME [SIGNAL]
    kill "-${2:-TERM}" "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null
    return 0
}

# ask NAME METHOD PATH [SUB [BODY]]
ask() {
    url=${at[$1]}
    shift
    request "$@"
}

until_status() { # STATUS NAME METHOD PATH SUB [BODY]
    local wanted=$1 end=$((SECONDS + 60))
    shift
    while ask "$@" && [ "$status" != "$wanted" ] && [ $SECONDS -lt $end ]; do :; done
    is "$status" "$wanted"
}

# A metric of a node.
metric() {
    ask "$1" GET /metrics
    printf '%s\n' "$answer" | sed -n "s/^$2 //p"
}

# Waits until a metric has the value: until_metric NAME METRIC VALUE
until_metric() {
    local end=$((SECONDS + 60)) value=
    while value=$(metric "$1" "$2") && [ "$value" != "$3" ] && [ $SECONDS -lt $end ]; do :; done
    is "$value" "$3"
}

# Members whose signatures stand under the published checkpoint of a node, and its size.
signers() {
    ask "$1" GET /log/checkpoint
    echo $(($(printf '%s\n' "$answer" | grep -c '^— ') / 2))
}
size_of() {
    ask "$1" GET /log/checkpoint
    printf '%s\n' "$answer" | sed -n 2p
}

# Waits until the node's checkpoint holds all that it applied, with so many members under it: all_signed NAME MEMBERS
all_signed() {
    local end=$((SECONDS + 60))
    while [ $SECONDS -lt $end ]; do
        [ "$(size_of "$1")" = $((2 * $(metric "$1" journal_position))) ] && [ "$(signers "$1")" = "$2" ] && return 0
    done
    echo "$1: $(size_of "$1") leaves of $(metric "$1" journal_position) entries, $(signers "$1") members"
    return 1
}

# What a node says of itself: status_of NAME KEY...
status_of() {
    run status --json --url "${at[$1]}" --key "$work/tokens/private.pem"
    shift
    json "$out" "$@"
}

n_written=0
write_at() { # NAME: an intent of its own place; its status is in $status
    n_written=$((n_written + 1))
    ask "$1" PUT "$OIR/6d3ca8a1-2b9e-4c4e-8d55-$(printf %012d $n_written)" uss1 "$(intent "$((30 + n_written / 45)).$((10 + n_written % 45 * 2))" 7.44)"
}

"$clearline" token --new-key "$work/tokens" --kind ed25519 >/dev/null
run init lab --members anna,bert,cleo --dir "$work/lab" --participant uss1
check "a network of three members is founded" is "$code" 0
start_etcd 0
for name in anna bert cleo; do check "the node of $name starts" start $name 0; done
for name in anna bert cleo; do check "$name joins" says $name "joined the network"; done
until_status 201 anna PUT $OIR/6d3ca8a1-2b9e-4c4e-8d55-0000000000ff uss1 "$(intent 46.95 7.44)"
for name in anna bert cleo; do check "all three sign what $name holds" all_signed $name 3; done

# One is killed, and comes back.
cp -r "$work/lab/cleo" "$work/old-cleo"
stop cleo KILL
for _ in 1 2 3 4 5; do write_at anna; done
check "without one of three the rest writes" is "$status" 201
check "and signs" all_signed anna 2
check "the one that was away starts again" start cleo 0
for name in anna bert cleo; do check "its signature is under the head of $name, too" all_signed $name 3; done
ask anna GET /metrics
check "nobody is divided" has "$answer" "journal_divided 0"

# A copy from before.
stop cleo
cp -r "$work/lab/cleo" "$work/new-cleo"
rm -rf "$work/lab/cleo"
cp -r "$work/old-cleo" "$work/lab/cleo"
check "a node restored from an old copy starts" start cleo 0
check "it says that it signs no more" says cleo "signs no more"
check "it says so in its metrics" until_metric cleo journal_signing_refused 1
write_at cleo
check "it takes writes all the same" is "$status" 201
check "the others sign without it" all_signed anna 2
stop cleo
check "it starts again" start cleo 0
check "and remembers that it is refused" until_metric cleo journal_signing_refused 1
stop cleo
rm -rf "$work/lab/cleo"
mv "$work/new-cleo" "$work/lab/cleo"
check "the folder as it was signs again" start cleo 0
check "with the others" all_signed anna 3

# From nothing but its keys and its last head.
stop cleo
rm -f "$work"/lab/cleo/journal.db* "$work"/lab/cleo/snapshot-* "$work"/lab/cleo/audit
check "a node without its journal starts" start cleo 0 --peer "http://127.0.0.1:${peer[anna]}"
check "from what its peers have" has "$(cat "$work/cleo.log")" "took over"
check "it has all of it" is "$(metric cleo journal_position)" "$(metric anna journal_position)"
check "it signs again" all_signed cleo 3
check "its audit ends" until_metric cleo journal_audit_left 0

# An etcd that forks: one node is told another story.
stop cleo
kill -TERM "${etcd_pid[0]}"
wait "${etcd_pid[0]}" 2>/dev/null
cp -r "$work/etcd0" "$work/etcd1"
start_etcd 1
check "a node is shown a copy of etcd" start cleo 1
until_status 201 cleo PUT $OIR/6d3ca8a1-2b9e-4c4e-8d55-0000000000fe uss1 "$(intent 10.1 7.44)"
check "it writes what others never see" is "$status" 201
start_etcd 0
until_status 201 anna PUT $OIR/6d3ca8a1-2b9e-4c4e-8d55-0000000000fd uss1 "$(intent 10.9 7.44)"
for name in anna bert cleo; do check "$name finds out" until_metric $name journal_divided 1; done
for name in anna bert cleo; do check "$name keeps a proof" compgen -G "$work/lab/$name/fork-*.proof"; done
until_metric cleo journal_may_write 0
write_at cleo
check "alone on its branch it takes no writes" is "$status" 503
check "and says why" has "$answer" "divided"
write_at anna
check "the majority does" is "$status" 201
check "and signs" all_signed bert 2
ask anna GET $OIR/6d3ca8a1-2b9e-4c4e-8d55-0000000000ff uss1
check "reads go on" is "$status" 200
check "marked as divided" has "$headers" Journal-Divided
stop anna
check "after a restart" start anna 0
check "it still knows" until_metric anna journal_divided 1

# Back to the majority's branch: with new keys, named with the abandoned head.
give_up() {
    run member rotate-key --node "$work/lab/cleo" --abandon --reason "shown another etcd" --root "$work/lab/cleo/keys/root.key" \
        --url "${at[anna]}" --key "$work/tokens/private.pem"
}
old=$(status_of cleo author)
own=$(status_of cleo signing own_size)
give_up
check "a node that runs gives up nothing" has "$err" "stop it first"
stop cleo
give_up
check "the one that stood alone gets new keys, and gives up its branch" is "$code" 0
check "which is kept" test -f "$work/lab/cleo/abandoned.$old/journal.db"
check "with its keys" test -f "$work/lab/cleo/keys.$old/log.key"
check "and its proof" compgen -G "$work/lab/cleo/fork-*.proof"
run log verify --data "$work/lab/cleo/abandoned.$old"
check "it can be verified as ever" is "$code" 0
check "it starts on the majority's etcd" start cleo 0 --peer "http://127.0.0.1:${peer[anna]}"
check "under another id" is "$([ "$(status_of cleo author)" != "$old" ] && echo other)" other
for name in anna bert cleo; do check "nobody divides $name any more" until_metric $name journal_divided 0; done
write_at cleo
check "it writes" is "$status" 201
for name in anna bert cleo; do check "and signs with the others: $name" all_signed $name 3; done
run log tail --target "${at[anna]}" --key "$work/tokens/private.pem" --last 20
check "the record names the head that the old keys signed last" has "$out" "\"head_size\":$own"
ask cleo GET $OIR/6d3ca8a1-2b9e-4c4e-8d55-0000000000fe uss1
check "what it wrote alone is not in the record" is "$status" 404
ask cleo GET $OIR/6d3ca8a1-2b9e-4c4e-8d55-0000000000fd uss1
check "what the majority wrote is" is "$status" 200

# New keys without a quarrel.
run member rotate-key --node "$work/lab/bert" --root "$work/lab/bert/keys/root.key" --url "${at[bert]}" --key "$work/tokens/private.pem"
check "another one gets new keys while it runs" is "$code" 0
stop bert
check "it starts with them" start bert 0
write_at bert
check "it writes" is "$status" 201
for name in anna bert cleo; do check "and signs: $name" all_signed $name 3; done
finish
