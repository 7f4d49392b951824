#!/bin/bash
# log.sh - the journal is read and checked, from a folder and from a running node; damage is found.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

check "a node with public entries starts" serve --entries-public
intent_id=$(python3 -c 'import uuid; print(uuid.uuid4())')
request PUT /dss/v1/operational_intent_references/"$intent_id" uss1 "$(intent 52.30 -32.00)"
check "an intent is accepted" is "$status" 201

# The checkpoint follows the answer: wait until it holds entry 2 and its outcome, six leaves.
leaves=0
for _ in $(seq 2000); do
    request GET /log/checkpoint
    leaves=$(printf '%s\n' "$answer" | sed -n 2p)
    [ "${leaves:-0}" -ge 6 ] && break
done
check "the checkpoint holds it" [ "$leaves" -ge 6 ]

run log verify --target "$url"
check "a running node's log verifies" is "$code" 0
check "the verdict stands first" has "$(printf '%s\n' "$out" | head -1)" "valid: 3 entries"
run log show 2 --target "$url"
check "an entry is one JSON object with its change" is "$(json "$out" changes 0 id)" "$intent_id"
check "and its outcome" is "$(json "$out" outcomes 0)" accepted
check "heights say their datum" is "$(json "$out" changes 0 ceiling_m_w84)" 120
run log show 99 --target "$url"
check "an entry that is not there: no" is "$code" 1

run log verify --data "$work/data"
check "the folder of a running node is not touched" is "$([ "$code" -ne 0 ] && echo refused)" refused
stop_server TERM

run log tail --data "$work/data" --last 2
check "tail prints the last entries, one a line" is "$(printf '%s\n' "$out" | wc -l)" 2
run log verify --data "$work/data" --json
check "the folder verifies" is "$code" 0
check "every entry counts" is "$(json "$out" entries)" 3
check "all leaves were signed" is "$(json "$out" signed_leaves)" 6
run doctor --data "$work/data" --listen 127.0.0.1:0
check "doctor finds the folder in order" is "$code" 0
check "and says so of the journal" has "$out" "PASS  journal"

chmod 644 "$work"/data/keys/entry.key
run doctor --data "$work/data" --listen 127.0.0.1:0
check "a key that others may read fails" is "$code" 1
check "with the fix" has "$out" "chmod 600"
chmod 600 "$work"/data/keys/entry.key

run log show 2
check "neither folder nor target is a usage error" is "$code" 2
run log show --data "$work/data"
check "show without an index is a usage error" is "$code" 2

# Flip one byte inside entry 2 as it is stored, and keep everything else.
python3 - "$work/data/journal.db" "$intent_id" <<'PY'
import sys, uuid
path, wanted = sys.argv[1], uuid.UUID(sys.argv[2]).bytes
data = bytearray(open(path, "rb").read())
at = data.find(wanted)
assert at >= 0, "the entry is not in the file"
data[at] ^= 1
open(path, "wb").write(data)
PY
run log verify --data "$work/data"
check "one flipped bit is found" is "$code" 1
run doctor --data "$work/data" --listen 127.0.0.1:0
check "doctor finds it, too" is "$code" 1
finish
