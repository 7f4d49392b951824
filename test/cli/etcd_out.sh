#!/bin/bash
# etcd_out.sh - etcd is full, then has no leader: what a member's node says, what it still does, and how it goes on.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/network.sh"

if ! command -v etcd >/dev/null; then
    skip "a node tells what is the matter with etcd" "there is no etcd (Debian: etcd-server)"
    finish
fi

OIR=/dss/v1/operational_intent_references
n_put=0
put() { # NAME: sets id, headers and status
    n_put=$((n_put + 1))
    id=$(python3 -c 'import uuid; print(uuid.uuid4())')
    ask "$1" PUT "$OIR/$id" uss1 "$(intent 47 $n_put)"
}
until_put() {
    local end=$((SECONDS + 60))
    while put "$1" && [ "$status" != 201 ] && [ $SECONDS -lt $end ]; do :; done
    is "$status" 201
}
why() { at "$1" status --json; say "$out" "j['etcd']['why']"; }
until_why() { # NAME TEXT
    local end=$((SECONDS + 60))
    while [ $SECONDS -lt $end ]; do case $(why "$1") in *"$2"*) return 0 ;; esac; done
    has "$(why "$1")" "$2"
}
etcd_call() { # PATH JSON
    python3 - "${etcd_url#http://}" "$1" "$2" <<'PY'
import http.client, sys
c = http.client.HTTPConnection(sys.argv[1], timeout=30)
c.request('POST', sys.argv[2], sys.argv[3])
a = c.getresponse()
print(a.read().decode())
sys.exit(a.status != 200)
PY
}
fill() { # Somebody else puts 256 KiB at a time until etcd takes no more.
    python3 - "${etcd_url#http://}" <<'PY'
import base64, http.client, json, sys
c = http.client.HTTPConnection(sys.argv[1], timeout=30)
for i in range(100):
    body = {'key': base64.b64encode(b'filler%d' % i).decode(), 'value': base64.b64encode(bytes(262144)).decode()}
    c.request('POST', '/v3/kv/put', json.dumps(body))
    a = c.getresponse()
    text = a.read()
    if a.status != 200:
        sys.exit(b'database space exceeded' not in text)
sys.exit(1)
PY
}
empty() {
    local revision
    etcd_call /v3/kv/deleterange "{\"key\": \"$(printf filler | base64)\", \"range_end\": \"$(printf fillet | base64)\"}" >"$work/deleted" || return 1
    revision=$(say "$(cat "$work/deleted")" "j['header']['revision']")
    etcd_call /v3/kv/compaction "{\"revision\": \"$revision\", \"physical\": true}" && etcd_call /v3/maintenance/defragment '{}' &&
        etcd_call /v3/maintenance/alarm '{"action": "GET"}' >"$work/alarms" || return 1
    etcd_call /v3/maintenance/alarm "{\"action\": \"DEACTIVATE\", \"alarm\": \"NOSPACE\", \"memberID\": \"$(
        say "$(cat "$work/alarms")" "j['alarms'][0]['memberID']")\"}"
}

etcd_options=(--quota-backend-bytes 2097152)
check "two members order by an etcd of two megabytes" network a,b --participant uss1
put a
check "it takes a write" is "$status" 201
kept=$id
check "somebody fills it" fill
put a
check "full it takes none" is "$status" 503
check "nothing was written, for certain" is "$(printf '%s' "$headers" | grep -c Journal-Entry)" 0
check "the answer says why" has "$answer" "is full"
check "and what is to be done" has "$answer" "disarm its alarm"
ask b GET "$OIR/$kept"
check "what it has is read" is "$status" 200
check "as fresh as ever" is "$(printf '%s' "$headers" | grep -c Journal-Age)" 0
check "emptied and disarmed" empty
check "it takes writes again" until_put a
check "at each node" until_put b

# One more server that is not there: one of two is no majority.
etcd_call /v3/cluster/member/add '{"peerURLs": ["http://127.0.0.1:1"]}' >/dev/null
check "without a leader a node says so" until_why a "no leader"
check "each of them" until_why b "no leader"
at a status
check "where a person looks" has "$out" "DOES NOT ANSWER: etcd has no leader"
put a
check "it takes no writes" is "$status" 503
check "and says why" has "$answer" "leader"
ask b GET "$OIR/$kept"
check "reads are answered" is "$status" 200
check "with their age" has "$headers" Journal-Age
finish
