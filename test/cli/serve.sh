#!/bin/bash
# serve.sh - a node answers, survives SIGTERM and SIGKILL, and keeps what it acknowledged.
# SPDX-License-Identifier: Apache-2.0
. "$(dirname "$0")/lib.sh"

id() { python3 -c 'import uuid; print(uuid.uuid4())'; }
path=/dss/v1/operational_intent_references

check "a node starts on a free port and says where" serve
case $url in http://127.0.0.1:0 | "") port=no ;; http://127.0.0.1:*) port=yes ;; *) port=no ;; esac
check "the address has the real port" is "$port" yes

request GET /healthy
check "it is healthy" is "$status" 200

first=$(id)
request PUT $path/"$first" uss1 "$(intent 52.30 -32.00)"
check "an intent is accepted" is "$status" 201
ovn=$(json "$answer" operational_intent_reference ovn)

request PUT $path/"$(id)" uss2 "$(intent 52.30 -32.00)"
check "another one in the same place is answered 409" is "$status" 409
check "the answer names the first" is "$(json "$answer" missing_operational_intents 0 id)" "$first"
check "the other party's OVN is not given away" is "$(has "$answer" "$ovn" >/dev/null && echo shown || echo hidden)" hidden

second=$(id)
request PUT $path/"$second" uss2 "$(intent 52.30 -32.00 "$ovn")"
check "with the OVN in its key it is accepted" is "$status" 201

request PUT $path/"$(id)" "" "$(intent 52.30 -32.00)"
check "without a token it is 401" is "$status" 401

stop_server TERM
check "SIGTERM ends it with 0" is "$code" 0
check "it starts again in the same folder" serve
request GET $path/"$first" uss1
check "the first intent is there" is "$status" 200
check "with the same OVN" is "$(json "$answer" operational_intent_reference ovn)" "$ovn"

third=$(id)
request PUT $path/"$third" uss1 "$(intent 53.30 -32.00)"
check "a third is accepted" is "$status" 201
stop_server KILL
check "after SIGKILL it starts again" serve
for one in "$first" "$second" "$third"; do
    request GET $path/"$one" uss1
    check "an acknowledged intent is there" is "$status" 200
done
request DELETE $path/"$first"/"$ovn" uss1
check "the first is deleted by its OVN" is "$status" 200
request GET $path/"$first" uss1
check "and gone" is "$status" 404
stop_server TERM

run serve --data "$work/data" --listen 127.0.0.1:0 --audience localhost --origin other.example/line
check "another origin than the journal's is refused" is "$code" 2
check "and both are named" has "$err" "other.example/line"
run serve --data "$work/data" --listen 192.0.2.1:0
check "off loopback it wants TLS or a proxy" is "$code" 2
check "and says so" has "$err" "--behind-proxy"
finish
