#!/bin/bash
# keys.sh - what a root key says in a network of one member: new keys for the node, participants, issuers; what it cannot say.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

"$clearline" token --new-key "$work/operator" --kind ed25519 >/dev/null
"$clearline" token --new-key "$work/auth" --kind rsa >/dev/null
start() { serve --origin line.test/one --member north --operator-key "$work/operator/public.pem"; }
ask() { run "$@" --url "$url" --key "$work/operator/private.pem"; }
signed() { ask "$@" --root "$work/root.key"; }
fact() { ask status --json; python3 -c 'import json, sys
j = json.loads(sys.argv[1])
print(eval(sys.argv[2]))' "$out" "$1"; }

check "a node starts" start
mv "$work/data/keys/root.key" "$work/root.key"
signed participant add uss1 --rights constraints
check "a participant is recorded" is "$code" 0
ask participant list
check "and listed with its rights" has "$out" "uss1         north          constraints"
signed participant issuer --issuer auth.test --public-key "$work/auth/public.pem" --subs uss1,uss2
check "so is who vouches for it" is "$(fact "[(i['issuer'], i['subs']) for i in j['members'][0]['issuers']]")" "[('auth.test', ['uss1', 'uss2'])]"
signed participant issuer --issuer auth.test --public-key "$work/auth/public.pem" --subs uss1,uss2 --remove
check "and taken back" is "$(fact "j['members'][0]['issuers']")" "[]"
signed participant add ""
check "no name is no participant" is "$code" 2
signed participant add "$(printf '\377')"
check "nor is what is no text" is "$code" 2
signed participant add uss3 --members north,nobody
check "nor one that an unknown member speaks for" is "$code" 1
signed member propose expel north --reason "$(printf '%0600d' 0)"
check "a reason has its limit" is "$code" 2

# Offline, once.
ask member place --member north --out "$work/place"
run participant add uss4 --root "$work/root.key" --place "$work/place" --out "$work/entry"
check "an entry is signed away from any node" is "$code" 0
ask member hand-in "$work/entry"
check "and handed in" is "$code" 0
ask member hand-in "$work/entry"
check "but not twice" is "$code" 5
run participant add uss5 --root "$work/root.key" --place "$work/place" --out "$work/late"
ask member hand-in "$work/late"
check "a place is good for one entry" is "$code" 5
python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[60] ^= 1; open(sys.argv[2], "wb").write(b)' "$work/late" "$work/bad"
ask member hand-in "$work/bad"
check "a changed entry is refused" is "$([ "$code" -ne 0 ] && echo refused)" refused
ask member hand-in "$work/root.key"
check "what is no entry is told apart" is "$code" 1
printf '%064d\n' 7 >"$work/false.key"
chmod 600 "$work/false.key"
ask participant add uss6 --root "$work/false.key"
check "a key that is nobody's says nothing" is "$code" 4
chmod 644 "$work/false.key"
ask participant add uss6 --root "$work/false.key"
check "a root key that others may read is not used" has "$err" "chmod 600"

# New keys.
old=$(fact "j['author']")
signed member rotate-key --node "$work/data" --reason "yearly"
check "the node gets new keys" is "$code" 0
check "the old ones are kept" test -f "$work/data/keys.$old/entry.key"
stop_server
check "it starts with the new ones, without its root key" start
new=$(fact "j['author']")
check "under another id" is "$([ "$new" != "$old" ] && echo other)" other
request PUT "/dss/v1/operational_intent_references/$(python3 -c 'import uuid; print(uuid.uuid4())')" uss1 "$(intent 47 8)"
check "and writes" is "$status" 201
signed member end-node "$old"
check "what is ended cannot be ended again" is "$code" 1
signed member address "$new" --peer-url https://north.test:8443
check "a node's address is told" is "$(fact "j['members'][0]['nodes'][0]['addresses']")" "['https://north.test:8443']"
stop_server
run log verify --data "$work/data"
check "the log holds together over both keys" is "$code" 0
finish
