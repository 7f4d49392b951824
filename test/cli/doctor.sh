#!/bin/bash
# doctor.sh - what is wrong with a node's surroundings is said, with how to mend it.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

mkdir "$work/data"
run doctor --data "$work/data" --listen 127.0.0.1:0
check "an empty folder is fine" is "$code" 0
check "it measures the disk" has "$out" "a durable write of 4 KiB takes"
run doctor --data "$work/none" --listen 127.0.0.1:0
check "a missing folder fails" is "$code" 1
check "with the fix" has "$out" "install -d -m 700"
run doctor --data "$work/data" --listen nowhere
check "an address without a port fails" is "$code" 1
run doctor --data "$work/data" --listen 192.0.2.1:80
check "an address of another machine fails" is "$code" 1
run doctor --data "$work/data" --listen 127.0.0.1:0 --json
check "as JSON each check has its result" is "$(python3 -c 'import json, sys; print({r["result"] for r in json.loads(sys.argv[1])} <= {"PASS", "WARN", "skip"})' "$out")" True
check "nothing is left in the folder" is "$(ls -A "$work/data")" ""
run bench --json --dir "$work"
check "bench gives its figures" is "$(python3 -c 'import json, sys; v = json.loads(sys.argv[1]); print(len(v) == 7 and all(x > 0 for x in v.values()))' "$out")" True
finish
