#!/bin/bash
# members.sh - three members on one order: what they agree on happens on all nodes, what one of them tries alone does not.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/network.sh"

if ! command -v etcd >/dev/null; then
    skip "several members share an order" "there is no etcd (Debian: etcd-server)"
    finish
fi

root() { printf '%s' "$work/lab/$1/keys/root.key"; }
standing() { at "$1" member list --json; say "$out" "[m['standing'] for m in j['members'] if m['member'] == '$2'][0]"; }
fact() { at "$1" status --json; say "$out" "$2"; }
new_id() { python3 -c 'import uuid; print(uuid.uuid4())'; }
# A node that starts answers before it has caught up, and refuses writes until then.
caught_up() { # NAME AS
    for _ in {1..100}; do
        [ "$(fact "$1" "j['position']")" -ge "$(fact "$2" "j['position']")" ] && return 0
        sleep 0.1
    done
    return 1
}
n_put=0
put() { # NAME SUB: each flight somewhere else
    n_put=$((n_put + 1))
    ask "$1" PUT "/dss/v1/operational_intent_references/$(new_id)" "$2" "$(intent 47 $n_put)"
}
# Nodes are compared where they stand at one position: whatever is written meanwhile comes to all.
one_state() {
    local name states
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        states=$(for name in "$@"; do
            at "$name" status --json --digest
            say "$out" "str(j['position']) + ' ' + j['digest']"
        done | sort -u)
        [ "$(printf '%s\n' "$states" | wc -l)" -eq 1 ] && return 0
        [ "$(printf '%s\n' "$states" | cut -d' ' -f1 | sort -u | wc -l)" -eq "$(printf '%s\n' "$states" | wc -l)" ] || break
    done
    printf '%s\n' "$states"
    return 1
}

check "three members found a network and start their nodes" network a,b,c --participant uss1 --participant uss2=b
check "all three count" is "$(standing a a) $(standing b b) $(standing c c)" "active active active"
put a uss1
check "a flight is planned through a's node" is "$status" 201
check "all nodes have one state" one_state a b c

# Suspend and resume: everyone sees since when and why; the history has no gap.
at b line suspend --reason "talks broken off"
check "b suspends its line" is "$code" 0
check "c's node says so" is "$(standing c b)" suspended
put b uss2
check "b's participant plans no new flight" is "$status" 412
put c uss1
check "the others go on" is "$status" 201
at b line resume --reason "talks resumed"
check "b resumes" is "$(standing a b)" active
put b uss2
check "and plans again" is "$status" 201

at c line history --member b --json
check "c's node has both in its history, in order" is "$(printf '%s\n' "$out" | sed 's/.*"event":"\([a-z]*\)".*/\1/' | tr '\n' ' ')" "suspended resumed "

# What one member tries alone.
put a uss2
check "a does not speak for b's participant" is "$status" 403
at a participant add uss2 --members a --root "$(root a)"
check "nor takes it over by itself" is "$code" 4
at a participant add uss3 --members a --rights constraints --root "$(root a)"
check "nor gives its own a right" is "$code" 4
at a participant add uss3 --root "$(root a)"
check "what nobody speaks for yet it may record" is "$code" 0
put a uss3
check "and speak for" is "$status" 201
at a member propose expel b --reason "alone" --root "$(root a)" --json
alone=$(json "$out" proposal)
check "to expel somebody is proposed" is "$code" 0
check "but not done by one" is "$(standing c b)" active
check "it waits for the other" is "$(fact b "j['proposals'][0]['waits_for']")" "['c']"
at a member approve "$alone" --root "$(root a)"
check "who consents twice counts once" is "$code" 1
"$clearline" token --new-key "$work/stranger" --kind ed25519 >/dev/null
head -c 32 /dev/urandom | python3 -c 'import sys; print(sys.stdin.buffer.read().hex())' >"$work/false.key"
chmod 600 "$work/false.key"
at a member propose expel b --reason "false" --root "$work/false.key"
check "a root key that the network does not know proposes nothing" is "$code" 4
run member propose expel b --reason x --root "$(root a)" --url "${urls[a]}" --key "$work/stranger/private.pem"
check "whom the node does not know is not even listened to" is "$code" 4

# Signed where no network is, handed in by anybody; once.
at a member place --member a --out "$work/place"
run member propose expel c --reason "offline" --root "$(root a)" --place "$work/place" --out "$work/entry" --json
check "a proposal is signed offline" is "$code" 0
offline=$(json "$out" proposal)
python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[-1] ^= 1; open(sys.argv[2], "wb").write(b)' "$work/entry" "$work/forged"
at b member hand-in "$work/forged"
check "changed by a bit it is refused" is "$code" 4
at b member hand-in "$work/entry"
check "handed in at b's node it counts" is "$code" 0
check "under its own name" is "$(fact c "[p['by'] for p in j['proposals'] if p['proposal'] == '$offline']")" "['a']"
at c member hand-in "$work/entry"
check "a second time it does not" is "$code" 5
run member propose expel c --reason x --root "$(root b)" --place "$work/place" --out "$work/entry2"
check "nobody signs into another's place" has "$err" "not the key that the place belongs to"

# Whoever can write to etcd writes into others' slots: it gives no leaf, and forks nobody.
hash=$(fact a "j['genesis_hash']")
before=$(fact a "j['position']")
python3 - "$etcd_url" "$hash" "$(fact a "[m['root_author'] for m in j['members'] if m['member'] == 'b'][0]")" "$work/entry" <<'PY'
import base64, http.client, json, sys
url, genesis, author, entry = sys.argv[1:]
c = http.client.HTTPConnection(url.split('//')[1], timeout=10)
def ask(path, body):
    c.request('POST', path, json.dumps(body))
    return json.loads(c.getresponse().read())
b64 = lambda b: base64.b64encode(b).decode()
# Keys are <genesis>/<epoch>/e/<author>/<slot>: whatever form the numbers have is taken from one that is there.
all = ask('/v3/kv/range', {'key': b64(genesis.encode() + b'/'), 'range_end': b64(genesis.encode() + b'0'), 'keys_only': True})
mine = sorted(base64.b64decode(k['key']).decode() for k in all['kvs'] if author in base64.b64decode(k['key']).decode())
head, last = mine[-1].rsplit('/', 1)
def after(n): return '%s/%0*x' % (head, len(last), int(last, 16) + n)
ask('/v3/kv/put', {'key': b64(after(1).encode()), 'value': b64(b'garbage')})
ask('/v3/kv/put', {'key': b64(after(2).encode()), 'value': b64(open(entry, 'rb').read())})
PY
put a uss1
check "the line goes on after foreign bytes in b's slots" is "$status" 201
check "all nodes have one state still" one_state a b c
at b member propose participant uss4 --members b,c --root "$(root b)" --json
check "and b finds its next free slot" is "$code" 0
record=$(json "$out" proposal)
at c member approve "${record:0:12}" --root "$(root c)"
at a member approve "${record:0:12}" --root "$(root a)"
check "what all consent to is done" is "$(fact c "[p['members'] for p in j['participants'] if p['sub'] == 'uss4']")" "[['b', 'c']]"

# A fourth member.
"$clearline" init member --name d --data "$work/d" --out "$work/d.member" >/dev/null 2>&1
at a member propose admit "$work/d.member" --root "$(root a)" --json
admit=$(json "$out" proposal)
at a member join --node "$work/d" --root "$work/d/keys/root.key"
check "who is not admitted cannot join" is "$code" 4
at b member approve "$admit" --root "$(root b)"
check "two of three do not admit" is "$(fact c "[m['member'] for m in j['members']]")" "['a', 'b', 'c']"
at c member approve "$admit" --root "$(root c)"
check "all three do" is "$(standing a d)" named
at a member join --node "$work/d" --root "$work/d/keys/root.key"
check "its root key lets its node join" is "$(standing b d)" active
was_joined[d]=yes # By the node of a.
more_options() { if [ "$1" = d ]; then more_options_by a; else more=(--peer-listen 127.0.0.1:0); fi; }
check "its node starts from nothing" start_node d "$work/d"
check "and catches up" caught_up d a
at d participant add uss5 --root "$work/d/keys/root.key"
put d uss5
check "and plans" is "$status" 201
check "all four nodes have one state" one_state a b c d

# New keys for a node.
old=$(fact a "j['author']")
at a member rotate-key --node "$work/lab/a" --root "$(root a)" --reason "yearly"
check "a's node gets new keys" is "$code" 0
stop_node a
check "and starts with them" start_node a
check "and knows what the others know" caught_up a b
check "under another id" is "$([ "$(fact a "j['author']")" != "$old" ] && echo other)" other
check "the old one is ended" is "$(fact b "[len(m['nodes']) for m in j['members'] if m['member'] == 'a']")" "[1]"
put a uss1
check "and writes" is "$status" 201

# Expelled for good.
at b member list --json
at b member propose expel d --reason "keys stolen" --root "$(root b)" --json
expel=$(json "$out" proposal)
at c member approve "$expel" --root "$(root c)"
check "with a's consent missing nothing happens" is "$(standing a d)" active
at a member approve "$expel" --root "$(root a)"
check "with it d is expelled" is "$(standing c d)" expelled
put d uss5
check "its node writes nothing any more" is "$([ "$status" -ge 400 ] && echo refused)" refused
at a member list --json
check "and holds no vote" is "$(say "$out" "[p for p in j['proposals'] if 'd' in p['waits_for']]")" "[]"
at c member approve "$alone" --root "$(root c)"
check "two of three expel the third" is "$(standing a b)" expelled
check "whose participant is Down" is "$(fact c "[p['availability'] for p in j['participants'] if p['sub'] == 'uss2']")" "['Down']"
check "the two who are left have one state" one_state a c
finish
