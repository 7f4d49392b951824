#!/bin/bash
# token.sh - tokens are printed alone on stdout, and work.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

check "a node starts" serve
run token --key "$work/tokens/private.pem" --sub uss1 --scope utm.strategic_coordination --audience localhost
check "token exits with 0" is "$code" 0
check "it prints one line" is "$(printf '%s\n' "$out" | wc -l)" 1
check "of three parts" is "$(printf '%s' "$out" | tr -cd . | wc -c)" 2
payload=$(printf '%s' "$out" | cut -d. -f2)
claims=$(python3 -c 'import base64, sys; p = sys.argv[1]; print(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)).decode())' "$payload")
check "its sub is the one asked for" is "$(json "$claims" sub)" uss1
check "its scope too" is "$(json "$claims" scope)" utm.strategic_coordination

# Without keys given, a node on loopback says how to mint with its own, and takes what was minted so.
mkfifo "$work/said"
stop_server TERM
"$clearline" serve --listen 127.0.0.1:0 --data "$work/data" 2>"$work/said" >/dev/null &
server=$!
exec {said}<"$work/said"
while IFS= read -r -t 30 line <&"$said"; do
    case $line in
    *"mint one with: clearline "*) mint=${line#*mint one with: clearline } ;;
    "listening on "*) url=${line#listening on }; break ;;
    esac
done
exec {said}<&-
read -ra words <<<"$mint"
run "${words[@]}"
check "the command that the node prints mints a token" is "$code" 0
check "and the node takes it" is "$(python3 test/cli/request.py GET "$url/dss/v1/operational_intent_references/$(python3 -c 'import uuid; print(uuid.uuid4())')" "Bearer $out" "" | sed -n 1p)" 404

run token --key "$work/none.pem" --sub uss1 --scope utm.strategic_coordination --audience localhost
check "a key that is not there fails" is "$([ "$code" -ne 0 ] && echo fails)" fails
check "and is named" has "$err" "none.pem"
check "nothing is printed then" is "$out" ""
finish
