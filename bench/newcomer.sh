#!/bin/bash
# newcomer.sh - how long a node that holds nothing but its keys needs until it serves a long record that another node holds.
# SPDX-License-Identifier: Apache-2.0
#
#   bench/newcomer.sh [ENTRIES]         1000000 by default; B=build/release
#
# Three members on one etcd that keeps no more than it must (decision B5): tiles are the only way. Everything is on this machine,
# under TMPDIR. Prints the seconds from starting the process to its listening, and to its first answer.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build/release}
entries=${1:-1000000}
work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT

read -r client peers < <(python3 -c 'import socket
s = [socket.socket() for _ in range(2)]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))')
etcd --name one --data-dir "$work/etcd" --log-level error --listen-client-urls "http://127.0.0.1:$client" \
    --advertise-client-urls "http://127.0.0.1:$client" --listen-peer-urls "http://127.0.0.1:$peers" \
    --initial-advertise-peer-urls "http://127.0.0.1:$peers" --initial-cluster "one=http://127.0.0.1:$peers" >"$work/etcd.log" 2>&1 &
pids+=($!)
"$B/clearline" init lab --members anna,bert,cleo --dir "$work/lab" --participant uss1 >/dev/null
echo "making $entries entries"
"$B/bench/newcomer" "$work/lab" anna "$entries" anna bert cleo >"$work/slots"
python3 - "$client" "$work/slots" <<'PY'
import base64, json, sys, time, urllib.error, urllib.request
for line in open(sys.argv[2]):
    key, value = line.split()
    body = json.dumps({"key": base64.b64encode(key.encode()).decode(), "value": value}).encode()
    for _ in range(100):
        try:
            urllib.request.urlopen("http://127.0.0.1:%s/v3/kv/put" % sys.argv[1], body).read()
            break
        except urllib.error.URLError:
            time.sleep(0.1)
PY

# start NAME OPTION...: waits until it listens; prints the seconds.
start() {
    local name=$1 begin end
    shift
    begin=$(date +%s.%N)
    "$B/clearline" serve --listen 127.0.0.1:0 --peer-listen 127.0.0.1:0 --data "$work/lab/$name" --genesis "$work/lab/genesis" \
        --etcd "http://127.0.0.1:$client" --allow-old-etcd --token-key "$work/lab/tokens/public.pem" --audience localhost "$@" 2>"$work/$name.log" &
    pids+=($!)
    timeout 600 tail -n +1 -f --pid=$! "$work/$name.log" 2>/dev/null | grep -q -m 1 'peers reach it at'
    end=$(date +%s.%N)
    printf '%-6s listens after %s s\n' "$name" "$(echo "$end $begin" | awk '{printf "%.1f", $1 - $2}')"
}
url() { sed -n "s/^$2 //p" "$work/$1.log"; }

cp "$work"/lab/anna/{journal.db*,heads,audit} "$work/lab/bert" # It takes a majority to sign.
start anna
start bert
for _ in $(seq 600); do
    size=$(curl -s "$(url anna 'listening on')/log/checkpoint" | sed -n 2p || true)
    [ "${size:-0}" -ge $((2 * (entries + 4))) ] 2>/dev/null && break
    read -r -t 0.1 <> <(:) || true
done
begin=$(date +%s.%N)
start cleo --peer "$(url anna 'peers reach it at')" --peer "$(url bert 'peers reach it at')"
token=$("$B/clearline" token --key "$work/lab/tokens/private.pem" --sub uss1 --scope utm.strategic_coordination --audience localhost)
code=$(curl -s -o "$work/answer" -w '%{http_code}' -H "Authorization: Bearer $token" \
    "$(url cleo 'listening on')/dss/v1/operational_intent_references/00000000-0000-4000-8000-000000000000")
end=$(date +%s.%N)
echo "its first answer ($code) after $(echo "$end $begin" | awk '{printf "%.1f", $1 - $2}') s"
curl -s "$(url cleo 'listening on')/metrics" | grep -E '^(journal_position|journal_entries_taken|journal_audit_left|scd_operational)'
sed -n 's/^WARNING/&/p' "$work/cleo.log"
