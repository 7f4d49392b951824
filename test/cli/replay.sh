#!/bin/bash
# replay.sh - the flights of a file are planned through a node, with the same result each time.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

export TMPDIR=$work
run replay data/donlon-flights.json --json
check "replay exits with 0" is "$code" 0
check "every flight is decided" is "$(python3 -c 'import json, sys; v = json.loads(sys.argv[1]); print(v["flights"], v["accepted"] + v["refused"])' "$out")" "60 60"
check "some are refused, most are not" is "$(python3 -c 'import json, sys; v = json.loads(sys.argv[1]); print(0 < v["refused"] < 30)' "$out")" True
check "each refusal names a flight or a reason" is "$(python3 -c 'import json, sys; print(all("too_close_to" in r for r in json.loads(sys.argv[1])["refusals"]))' "$out")" True
refusals=$(json "$out" refusals)

check "a node starts" serve
run replay data/donlon-flights.json --json --target "$url" --key "$work/tokens/private.pem" --audience localhost --volumes 1
check "another node and other intents decide alike" is "$(json "$out" refusals)" "$refusals"

run replay data/donlon-flights.json --limit 1 --lateral 0 --vertical 0
check "the text names the file and the count" has "$out" "data/donlon-flights.json: 1 flights"
check "and the latency" has "$out" "p50"

shared=${CLEARLINE_SHARED:-../shared}/data/flights
if [ -e "$shared/switzerland.json.gz" ]; then
    # A real day in which no two aircraft came below 5 NM and 900 ft: 274 m is less than 900 ft.
    run replay "$shared/switzerland.json.gz" --vertical 274 --json
    check "a real day without close pairs is planned whole" is "$(json "$out" refused)" 0
    run replay "$shared/drones-che/zurich.kml" --json
    check "drones from KML are planned" is "$(json "$out" accepted)" 2
else
    skip "a real day without close pairs is planned whole" "no shared data"
    skip "drones from KML are planned" "no shared data"
fi

run replay "$work/none.json"
check "a file that is not there is a usage error" is "$code" 2
check "and is named" has "$err" "none.json"
echo '{"type": "FeatureCollection", "features": [{"geometry": {"type": "LineString", "coordinates": [[1]]}}]}' >"$work/bad.json"
run replay "$work/bad.json"
check "a broken file is a usage error" is "$code" 2
check "with the place" has "$err" "feature 0: position 0"
run replay data/donlon-flights.json --target http://127.0.0.1:1 --token x
check "a target that does not answer: cannot tell" is "$code" 3
run replay data/donlon-flights.json --target "$url" --token x.y.z --limit 1
check "a token that is not accepted: not allowed" is "$code" 4
run replay data/donlon-flights.json --class bomber
check "an unknown class is named" has "$err" "bomber"
finish
