#!/bin/bash
# founders.sh - two members found a network step by step; the first to come decides nothing for both.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/network.sh"

if ! command -v etcd >/dev/null; then
    skip "founders come one after the other" "there is no etcd (Debian: etcd-server)"
    finish
fi

fact() { at "$1" status --json; say "$out" "$2"; }

mkdir "$work/lab"
"$clearline" token --new-key "$work/lab/tokens" --kind ed25519 >/dev/null
for name in north south; do
    "$clearline" init member --name $name --data "$work/lab/$name" --out "$work/$name.member" >/dev/null 2>&1
done
run init genesis --origin line.test/two --out "$work/lab/genesis" "$work/north.member" "$work/south.member"
check "a genesis is made of two cards" is "$code" 0
for name in north south; do
    "$clearline" init join --genesis "$work/lab/genesis" --data "$work/lab/$name" >/dev/null 2>&1
    mv "$work/lab/$name/keys/root.key" "$work/$name.root"
done
check "an order is there" start_etcd
check "north's node joins without its root key at hand" start_node north
check "and counts" is "$(fact north "[m['standing'] for m in j['members']]")" "['active', 'named']"
check "the network is closed while south is awaited" is "$(fact north "j['open']")" False
at north participant add uss1 --root "$work/north.root" --rights constraints
check "north gives no rights meanwhile" is "$code" 4
at north participant add uss1 --root "$work/north.root"
check "but records its own participant" is "$code" 0
"$clearline" init member --name west --data "$work/west" --out "$work/west.member" >/dev/null 2>&1
at north member propose admit "$work/west.member" --root "$work/north.root" --json
admit=$(json "$out" proposal)
check "nor admits anybody alone" is "$(fact north "[m['member'] for m in j['members']]")" "['north', 'south']"

cp "$work/lab/genesis" "$work/genesis"
"$clearline" init genesis --origin line.test/two --out "$work/other" "$work/north.member" "$work/south.member" >/dev/null 2>&1
cp "$work/other" "$work/lab/genesis"
run serve --listen 127.0.0.1:0 --genesis "$work/lab/genesis" --member north --data "$work/lab/north" --etcd "$etcd_url" --allow-old-etcd
check "a node never follows another genesis than the one it began with" is "$([ "$code" -ne 0 ] && echo refused)" refused
cp "$work/genesis" "$work/lab/genesis"

check "south's node joins" start_node south
check "both count" is "$(fact north "[m['standing'] for m in j['members']]")" "['active', 'active']"
at south member approve "$admit" --root "$work/south.root"
check "with south's consent west is admitted" is "$(fact north "[m['member'] for m in j['members']]")" "['north', 'south', 'west']"
at south member propose priority south --high 10 --root "$work/south.root" --json
bounds=$(json "$out" proposal)
at north member approve "$bounds" --root "$work/north.root"
check "bounds of priorities are agreed on" is "$(fact south "[m['priority_high'] for m in j['members'] if m['member'] == 'south']")" "[10]"

# Two nodes of one member; then the first one's machine is lost.
at south member join --node "$work/second" --root "$work/north.root"
check "a second node of north joins through south's" is "$code" 0
was_joined[second]=yes
more_options() { if [ "$1" = second ]; then more_options_by south; else more=(--peer-listen 127.0.0.1:0); fi; }
check "it starts from nothing" start_node second "$work/second" north
at second participant add uss2 --root "$work/north.root"
check "it takes entries of its member's root key" is "$code" 0
ask second PUT "/dss/v1/operational_intent_references/$(python3 -c 'import uuid; print(uuid.uuid4())')" uss2 "$(intent 47 8)"
check "and plans" is "$status" 201
first=$(fact north "j['author']")
stop_node north
at south member end-node "$first" --reason "machine lost" --root "$work/north.root"
check "the lost node's keys are ended" is "$(fact second "[len(m['nodes']) for m in j['members'] if m['member'] == 'north']")" "[1]"
ask second PUT "/dss/v1/operational_intent_references/$(python3 -c 'import uuid; print(uuid.uuid4())')" uss2 "$(intent 48 8)"
check "the member goes on with the other" is "$status" 201
run serve --listen 127.0.0.1:0 --genesis "$work/lab/genesis" --member north --data "$work/lab/north" --etcd "$etcd_url" --allow-old-etcd \
    --peer-listen 127.0.0.1:0 --token-key "$work/lab/tokens/public.pem"
check "what was ended does not come back" is "$([ "$code" -ne 0 ] && echo refused)" refused
finish
