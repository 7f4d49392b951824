#!/bin/bash
# rules.sh - programs of two versions on one order: the rules switch when all know them, and who does not stops (long check).
# SPDX-License-Identifier: Apache-2.0
#
# Decision A11 with real processes: three members on etcd, `make OLD_RULES=1` beside this build. Stopped by rules that it does not know, a
# node keeps answering reads as of where it stopped, and starts no more until it is upgraded.
if [ -z "${CHECK_ALL:-}" ]; then
    echo "ok 1 - programs of two versions on one order # SKIP only in the long check"
    echo "1..1"
    exit 0
fi
. "$(dirname "$0")/../cli/lib.sh"

etcd=
declare -A pid at
stop_all() {
    kill -KILL "${pid[@]}" $etcd 2>/dev/null
    cleanup
}
trap stop_all EXIT

if ! command -v etcd >/dev/null; then
    skip "programs of two versions on one order" "etcd is not installed"
    finish
fi
variant=$(basename "${B:-build/release}")
unset MAKEFLAGS MAKELEVEL
make -s -j2 "V=$variant" OLD_RULES=1 "build/$variant-rules1/clearline" >"$work/make" 2>&1
check "the older program builds" is "$?" 0
old=$PWD/build/$variant-rules1/clearline
OIR=/dss/v1/operational_intent_references

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

# start PROGRAM NAME
start() {
    : >"$work/$2.log"
    "$1" serve --listen 127.0.0.1:0 --data "$lab/$2" --genesis "$lab/genesis" --member "$2" --etcd "$etcd_url" \
        --allow-old-etcd --token-key "$work/tokens/public.pem" --audience localhost --allow-http 2>"$work/$2.log" >/dev/null &
    pid[$2]=$!
    says "$2" "listening on " || return 1
    at[$2]=$(sed -n 's/^listening on //p' "$work/$2.log")
}

stop() {
    kill -TERM "${pid[$1]}"
    wait "${pid[$1]}"
}

says() {
    timeout 60 tail -n +1 -f --pid="${pid[$1]}" "$work/$1.log" 2>/dev/null | grep -q -m 1 -F -- "$2"
}

# field NAME KEY...: of the node's status
field() {
    url=${at[$1]}
    shift
    header="Bearer $(token watch "line.read")"
    python3 test/cli/request.py GET "$url/aux/v1/status?digest=1" "$header" "" >"$work/answer" && json "$(tail -n +3 "$work/answer")" "$@"
}

# until_is NAME WANTED KEY...: polls the node's status.
until_is() {
    local name=$1 wanted=$2 end=$((SECONDS + 60))
    shift 2
    until [ "$(field "$name" "$@")" = "$wanted" ]; do [ $SECONDS -lt $end ] || return 1; done
}

# Both nodes come to one digest.
agree() {
    local end=$((SECONDS + 60)) a b
    while [ $SECONDS -lt $end ]; do
        a=$(field "$1" digest)
        b=$(field "$2" digest)
        [ -n "$a" ] && [ "$a" = "$b" ] && return 0
    done
    echo "# $1 $a, $2 $b"
    return 1
}

put() { # NAME NUMBER LAT: writes an intent there.
    url=${at[$1]}
    request PUT $OIR/6d3ca8a1-2b9e-4c4e-8d55-00000000000$2 uss1 "$(intent "$3" 7.44)"
}

# found FOLDER: a network of its own.
found() {
    lab=$work/$1
    "$clearline" init lab --members anna,bert,cleo --dir "$lab" --participant uss1 >/dev/null
}

start_etcd
"$clearline" token --new-key "$work/tokens" --kind ed25519 >/dev/null
found first
check "the old program starts for cleo" start "$old" cleo
check "cleo joins" says cleo "joined the network" # First: who joins after a switch has to know the rules by then.
for name in anna bert; do check "the new program starts for $name" start "$clearline" $name; done
for name in anna bert; do check "$name joins" says $name "joined the network"; done
check "the new ones announce what they know" until_is anna 2 rules announced
check "each of them" until_is bert 2 rules announced
check "the old one knows rules 1" is "$(field cleo rules known)" 1
put anna 1 46.1
check "a new node writes" is "$status" 201
put cleo 2 46.2
check "an old node writes" is "$status" 201
check "old and new come to the same state" agree anna cleo
check "the old one holds the rules where they were" is "$(field anna rules in_force)" 1

stop cleo
check "the old one's machine gets the new program" start "$clearline" cleo
check "the rules switch" until_is cleo 2 rules in_force
check "for all" until_is anna 2 rules in_force
check "at one place" is "$(field anna rules since)" "$(field bert rules since)"
put bert 3 46.3
check "writing goes on under them" is "$status" 201
check "all agree" agree bert cleo

for name in anna bert cleo; do stop $name; done

# One that announced what it no longer has misses the switch.
found second
check "the old program starts for anna" start "$old" anna
check "anna joins" says anna "joined the network"
for name in bert cleo; do check "the new program starts for $name" start "$clearline" $name; done
for name in bert cleo; do check "$name joins" says $name "joined the network"; done
for name in bert cleo; do check "$name announces rules 2" until_is $name 2 rules announced; done
put cleo 1 46.1
check "cleo writes" is "$status" 201
kill -KILL "${pid[cleo]}"
wait "${pid[cleo]}" 2>/dev/null
stop anna
check "while cleo is away anna is upgraded" start "$clearline" anna
check "the rules switch" until_is anna 2 rules in_force
put anna 2 46.2
check "anna writes under them" is "$status" 201
kill -KILL $etcd
wait $etcd 2>/dev/null
check "cleo comes back with the old program" start "$old" cleo
start_etcd
check "it says what it meets" says cleo "rules 2 are in force from entry $(field anna rules since) on, and this program knows rules up to 1: upgrade it"
check "it stops right there" is "$(field cleo position)" "$(field anna rules since)"
url=${at[cleo]}
request GET $OIR/6d3ca8a1-2b9e-4c4e-8d55-000000000001 uss1
check "what it has it still answers" is "$status" 200
check "with its age" has "$headers" Journal-Age
request GET $OIR/6d3ca8a1-2b9e-4c4e-8d55-000000000002 uss1
check "what came after it does not know" is "$status" 404
put cleo 3 46.3
check "it writes nothing" is "$status" 503
check "its status says why" has "$(field cleo stopped_because)" "upgrade it"
stop cleo
"$old" serve --listen 127.0.0.1:0 --data "$lab/cleo" --genesis "$lab/genesis" --member cleo --etcd "$etcd_url" --allow-old-etcd \
    --token-key "$work/tokens/public.pem" --audience localhost --allow-http 2>"$work/cleo.log" >/dev/null
check "the old program does not start again" is "$(($? > 0))" 1
check "and says so" has "$(cat "$work/cleo.log")" "upgrade it"
check "the new one does" start "$clearline" cleo
check "and catches up" agree cleo anna
put cleo 4 46.4
check "and writes" is "$status" 201
finish
