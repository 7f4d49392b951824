#!/bin/bash
# line.sh - a member sees its network, suspends its line and resumes it; who is not its operator does not.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

"$clearline" token --new-key "$work/operator" --kind ed25519 >/dev/null
ask() { run "$@" --url "$url" --key "$work/operator/private.pem"; }

check "a node starts" serve --origin line.test/one --member north --operator-key "$work/operator/public.pem"
ask status
check "status is told in words" is "$code" 0
check "with the network" has "$out" "line.test/one"
check "and the member" has "$out" "north   active    1"
ask status --json --digest
check "as JSON it has the position" is "$(json "$out" position)" 2
check "and the state's digest, if asked" is "$(json "$out" digest | wc -c)" 65
ask line history
check "a line that was never suspended has no history" is "$(printf '%s\n' "$out" | wc -l)" 1

run status --url "$url" --key "$work/tokens/private.pem"
check "participants' keys may mint line.read" is "$code" 0
run line suspend --url "$url" --key "$work/tokens/private.pem" --reason "not mine to say"
check "but never suspend the line" is "$code" 4
run status --url "$url"
check "nobody in particular is asked for a key" is "$code" 2
token uss1 >"$work/uss1.token"
run status --url "$url" --token-file "$work/uss1.token"
check "a participant's token does not open the status" is "$code" 4
run line history --url "$url" --token-file "$work/uss1.token"
check "nor the entries" is "$code" 4

flight=$(python3 -c 'import uuid; print(uuid.uuid4())')
ask line suspend
check "a reason is needed" is "$code" 2
ask line suspend --reason "talks broken off"
check "the line is suspended" is "$code" 0
check "and that is said" has "$out" "north has suspended its participation: talks broken off"
ask line suspend --reason "again"
check "twice is refused" is "$code" 1
check "because it is so already" has "$err" "has suspended its participation already"
ask status
check "status shows since when and why" has "$out" "talks broken off"
request PUT "/dss/v1/operational_intent_references/$flight" uss1 "$(intent 47 8)"
check "no new flight is accepted meanwhile" is "$status" 412
ask line resume --reason "talks resumed" --json
check "it is resumed" is "$(json "$out" suspended)" false
request PUT "/dss/v1/operational_intent_references/$flight" uss1 "$(intent 47 8)"
check "and flights are accepted again" is "$status" 201
ask line resume --reason "again"
check "who is not suspended cannot resume" is "$code" 1

ask line history
check "the history has both, in order" is "$(printf '%s\n' "$out" | awk 'NR > 1 { print $3 ":" $4 }' | tr '\n' ' ')" "north:suspended north:resumed "
check "with their reasons" is "$(printf '%s\n' "$out" | grep -c 'talks broken off$\|talks resumed$')" 2
ask line history --member south
check "of others there is none" is "$(printf '%s\n' "$out" | wc -l)" 1
stop_server
run line history --journal "$work/data" --json
check "the same stands in the folder" is "$(printf '%s\n' "$out" | wc -l)" 2
check "as JSON with the entry" has "$(printf '%s\n' "$out" | head -1)" '"member":"north","event":"suspended"'
run log tail --data "$work/data" --last 100
check "the log shows the reason in full" has "$out" '{"kind":"suspend","member":"north","reason":"talks broken off"}'

check "a node without an operator's key starts" serve
run line suspend --url "$url" --key "$work/tokens/private.pem" --reason x
check "and tells how to give it one" has "$err" "--operator-key"
finish
