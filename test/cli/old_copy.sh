#!/bin/bash
# old_copy.sh - a node that is brought back from an old copy might sign twice in contradiction: its peers tell it, and it does not sign.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/network.sh"

if ! command -v etcd >/dev/null; then
    skip "a node comes back from an old copy" "there is no etcd (Debian: etcd-server)"
    finish
fi

fact() { at "$1" status --json; say "$out" "$2"; }
put() { ask "$1" PUT "/dss/v1/operational_intent_references/$(python3 -c 'import uuid; print(uuid.uuid4())')" uss1 "$(intent 47 "$2")"; }
# Asks until the fact is so, for half a minute at most.
comes() { # NAME EXPRESSION VALUE
    python3 - "$clearline" "${urls[$1]}" "$work/lab/tokens/private.pem" "$2" "$3" <<'PY'
import json, subprocess, sys, time
program, url, key, expression, wanted = sys.argv[1:]
end = time.monotonic() + 30
while time.monotonic() < end:
    said = subprocess.run([program, 'status', '--json', '--url', url, '--key', key], capture_output=True, text=True)
    if said.returncode == 0:
        j = json.loads(said.stdout)
        got = str(eval(expression))
        if got == wanted:
            sys.exit(0)
    time.sleep(0.1)
print('is %s, wanted %s' % (got, wanted), j['signing'])
sys.exit(1)
PY
}

check "three members sign together" network a,b,c --participant uss1
put a 8
check "what is written is signed by all" comes c "j['signing']['members_signed'] == 3 and j['signing']['full_size'] == 2 * j['position']" True
stop_node c
cp -r "$work/lab/c" "$work/old"
check "c goes on" start_node c
put c 9
check "and signs more" comes c "j['signing']['own_size'] == 2 * j['position'] and j['signing']['members_signed'] == 3" True
sizes=$(fact c "j['signing']['own_size']")
stop_node c
rm -rf "$work/lab/c"
mv "$work/old" "$work/lab/c"
check "c starts from an old copy of its folder" start_node c
check "its peers know what its key has signed: it signs no more" comes c "j['signing']['state']" refused
check "and says why" is "$([ -n "$(fact c "j['signing']['refused_because']")" ] && echo says)" says
check "it signed nothing between" is "$([ "$(fact c "j['signing']['own_size']")" -lt "$sizes" ] && echo less)" less
put c 10
check "it still writes" is "$status" 201
check "the others go on signing" comes a "j['signing']['full_size'] == 2 * j['position'] and j['signing']['members_signed'] == 2" True
check "nobody is divided" is "$(fact a "j['signing']['is_divided']")" False

# An old journal, and the last head as it is.
stop_node b
mkdir "$work/journal"
cp "$work"/lab/b/journal.db* "$work/journal/"
check "b goes on" start_node b
put b 11
check "and signs more" comes b "j['signing']['own_size'] == 2 * j['position']" True
sizes=$(fact b "j['signing']['own_size']")
stop_node b
rm -f "$work"/lab/b/journal.db* "$work"/lab/b/snapshot-*
mv "$work"/journal/journal.db* "$work/lab/b/"
check "b starts with an old journal and its last head" start_node b
put b 12
check "it has caught up, and writes" is "$status" 201
check "it signs again, beyond that head" comes b "j['signing']['own_size'] == 2 * j['position'] and j['signing']['own_size'] > $sizes" True

# Nobody to ask what the own key has signed.
stop_node c
stop_node b
stop_node a
check "a starts alone" start_node a
sizes=$(fact a "j['signing']['own_size']")
put a 13
check "it writes" is "$status" 201
check "it signs nothing before its peers have told what its key signed" is "$(fact a "j['signing']['state'], j['signing']['own_size']")" \
    "('asking', $sizes)"
check "the others come" start_node b
check "then it signs" comes a "j['signing']['own_size'] == 2 * j['position'] and j['signing']['own_size'] > $sizes" True

# Two processes in one folder.
"$clearline" serve --listen 127.0.0.1:0 --genesis "$work/lab/genesis" --member b --data "$work/lab/b" --etcd "$etcd_url" --allow-old-etcd \
    2>"$work/twin.err" >/dev/null
check "one folder is not opened twice" is "$([ -s "$work/twin.err" ] && grep -c 'only one' "$work/twin.err")" 1
finish
