#!/bin/bash
# limits.sh - a node that is sent too much, too slowly, or what is no HTTP; and one that may open few files.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

status=0
start
python3 -B test/conformance/limits.py --base-url "$url" --audience localhost --token-command "$tokens" --pid "$server" || status=1
stop || status=1
ulimit -n 400
start
python3 -B test/conformance/limits.py --base-url "$url" --audience localhost --token-command "$tokens" --pid "$server" --few-files || status=1
stop || status=1
echo "1..$(grep -c "^@serves\|^FEW_FILES.append" test/conformance/limits.py)"
exit $status
