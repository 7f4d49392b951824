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

run token --key "$work/none.pem" --sub uss1 --scope utm.strategic_coordination --audience localhost
check "a key that is not there fails" is "$([ "$code" -ne 0 ] && echo fails)" fails
check "and is named" has "$err" "none.pem"
check "nothing is printed then" is "$out" ""
finish
