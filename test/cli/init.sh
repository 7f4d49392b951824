#!/bin/bash
# init.sh - a network is founded from members' cards, step by step and in one line.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

same() { cmp "$1" "$2"; }
mode() { stat -c %a "$1"; }

run init member --name north --data "$work/north" --peer-url https://north.test:8443 --out "$work/north.member"
check "a member's card is made" is "$code" 0
root_north=${out##* }
check "its root key is printed" is "$(printf '%s' "$root_north" | tr -d '0-9a-f' | wc -c)/${#root_north}" 0/64
check "the secret keys are their owner's alone" is "$(mode "$work/north/keys/root.key")" 600
cp "$work/north.member" "$work/kept"
run init member --name north --data "$work/north" --peer-url https://north.test:8443 --out "$work/north.member"
check "made again it is the same card" same "$work/north.member" "$work/kept"
run init member --name other --data "$work/north" --out "$work/north.member"
check "another card never takes its place" is "$code" 2
run init member --name south --data "$work/south" --out "$work/south.member" --json
check "as JSON it names the member" is "$(json "$out" member)" south
root_south=$(json "$out" root_key)

run init show "$work/north.member"
check "a card is shown with its verdict" has "$out" "its signature is good"
check "and its root key" has "$out" "$root_north"
sed 's/north.test/evil.test/' "$work/north.member" >"$work/bad.member"
run init show "$work/bad.member"
check "a changed card is refused" is "$code" 1
check "and that is said" has "$err" "signature is not good"
run init genesis --origin line.test/one --out "$work/none" "$work/north.member" "$work/bad.member"
check "no genesis comes of a changed card" is "$code/$([ -e "$work/none" ] && echo made)" "2/"
run init genesis --origin line.test/one --out "$work/none" "$work/north.member" "$work/north.member"
check "nor of one card given twice" is "$code" 2
run init genesis --origin "line test" --out "$work/none" "$work/north.member"
check "nor under a name that no checkpoint can have" is "$code" 2

run init genesis --origin line.test/one --out "$work/genesis" "$work/south.member" "$work/north.member" --json
check "a genesis is made of both" is "$code" 0
check "its hash is that of its bytes" is "$(json "$out" genesis_hash)" "$(sha256sum "$work/genesis" | cut -d' ' -f1)"
hash=$(json "$out" genesis_hash)
check "members stand in the order of their names" has "$out" "\"members\":[{\"member\":\"north\",\"root_key\":\"$root_north\"},{\"member\":\"south\",\"root_key\":\"$root_south\"}]"
run init show "$work/genesis"
check "it is shown with its hash" has "$out" "$hash"
run init genesis --origin line.test/one --out "$work/genesis" "$work/north.member"
check "a genesis is never overwritten" is "$code" 2

run init join --genesis "$work/genesis" --data "$work/north" --peer-url https://north.test:8443
check "a founder signs its join" is "$code" 0
check "and is told which network that is" has "$out" "north joins the network $hash"
run init join --genesis "$work/genesis" --data "$work/north"
check "a second join for the same slot is not made" is "$code" 2
mv "$work/south/keys/root.key" "$work/south.root"
run init join --genesis "$work/genesis" --data "$work/south"
check "without its root key nobody joins" has "$err" "--root"
run init join --genesis "$work/genesis" --data "$work/south" --root "$work/south.root" --json
check "from another place it does" is "$(json "$out" member)/$(json "$out" genesis_hash)" "south/$hash"
check "the root key stays where it was" is "$([ -e "$work/south/keys/root.key" ] && echo back)" ""
"$clearline" init member --name west --data "$work/west" --out "$work/west.member" >/dev/null 2>&1
run init join --genesis "$work/genesis" --data "$work/west"
check "whom genesis does not name cannot join" has "$err" "names no member"

run init lab --members a,b,c --dir "$work/lab" --participant uss1 --participant uss2=b,c --peer-url a=http://127.0.0.1:1
check "a laboratory is founded in one line" is "$code" 0
check "with a line to start each node" is "$(printf '%s\n' "$out" | grep -c '^clearline serve .*--genesis .*--member [abc] ')" 3
for name in a b c; do
    check "$name can join" test -s "$work/lab/$name/join.entry"
done
check "its genesis is the one that is printed" has "$out" "$(sha256sum "$work/lab/genesis" | cut -d' ' -f1)"
run init lab --members a,b --dir "$work/lab"
check "a laboratory is never overwritten" is "$code" 2
run init lab --members a,../b --dir "$work/lab2"
check "names that leave the folder are refused" is "$code" 2

run init
check "without a verb the verbs are named" has "$err" "member, genesis, join, show, lab"
run init genesys
check "a mistyped verb is answered with the nearest" has "$err" "is genesis meant?"
run init member --help
check "a verb has help of its own" has "$out" "--peer-url"
finish
